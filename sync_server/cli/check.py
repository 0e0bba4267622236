"""`jingtu doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from schemas.problems import Trouble
from sync_server.backup import check_there
from sync_server.checks import Finding
from sync_server.cli.common import Data, Json, operator, out, settings_of, table_of, tell, told
from sync_server.doctor import Doctor, Report
from sync_server.main import open_store, service_of
from sync_server.restore import settle
from sync_server.service import Service
from sync_server.store.migrations import VERSION

SEVERITY = {"error": "错误 · error", "warning": "提醒 · warning", "note": "说明 · note"}
WORDS = {
    "database": "数据库文件 · database file",
    "guards": "只增不改的表 · append-only tables",
    "scopes": "数据范围 · scopes",
    "projects": "项目 · projects",
    "chains": "链 · chains",
    "changes": "变更（逐条验链）· changes, link by link",
    "accepted": "变更（重放）· changes replayed",
    "records": "记录 · records",
    "receipts": "回执与签名 · receipts and signatures",
    "parked": "等待的变更 · parked",
    "number blocks": "号段 · number blocks",
    "photos named": "记录里的照片 · photos in records",
    "photo files": "照片文件（逐个验哈希）· photo files, each against its hash",
}


def doctor(
    project: Annotated[str, typer.Argument(help="只查这个项目 · only this project")] = "",
    data: Data = None,
    as_json: Json = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="重算能重算的，不动证据 · recompute what is derived; evidence stays")
    ] = False,
) -> None:
    """体检：数据是否完好（可在运行中做）· Check that everything the server holds is sound, while it runs."""
    with told():
        report = _look(data, project, repair)
        if as_json:
            print(json.dumps(_plain(report), ensure_ascii=False, indent=1))
        else:
            _print(report)
        if report.open:
            if not as_json:
                tell(Trouble(4213, count=len(report.open)))
            raise typer.Exit(1)


def _look(data: Path | None, project: str, repair: bool) -> Report:
    """Nothing is started, upgraded or run again: the data is looked at as it is."""
    settings = settings_of(data)
    check_there(settings)
    settle(settings, open_store)
    service = service_of(settings)
    try:
        with service.store.reading() as tx:
            version = tx.schema_version()
        if version < VERSION:
            raise Trouble(4212, found=version, wanted=VERSION)
        owner = _owner(service, project) if project else None
        return Doctor(service).mend(operator(), owner) if repair else Doctor(service).look(owner)
    finally:
        service.store.close()


def _owner(service: Service, code: str) -> str:
    """Raises Trouble 2004."""
    with service.store.reading() as tx:
        for found in (*tx.everywhere("project"), *tx.everywhere("organisation")):
            if code in (found.id, found.values.get("code")):
                return found.id
    raise Trouble(2004)


def _plain(report: Report) -> dict[str, Any]:
    def plain(f: Finding) -> dict[str, Any]:
        return {**{k: v for k, v in f._asdict().items() if k != "mend"}, "can_be_mended": f.mend is not None}

    return {
        "sound": not report.open,
        "checked": report.checked,
        "seconds": round(report.seconds, 1),
        "findings": [plain(f) for f in report.findings],
        "mended": [plain(f) for f in report.mended],
    }


def _print(report: Report) -> None:
    checked = table_of("查了什么 · checked", "数量 · how many")
    for what, n in report.checked.items():
        checked.add_row(WORDS.get(what, what), str(n))
    out.print(checked)
    for f in report.mended:
        out.print(f"已修复 · mended: {f.zh} · {f.en} ({f.about})", markup=False, soft_wrap=True)
    if report.findings:
        table = table_of("轻重 · severity", "检查 · check", "发现 · finding", "怎么办 · remedy", "对象 · about")
        for f in report.findings:
            cells = (
                SEVERITY[f.severity],
                f.check,
                f"{f.zh}\n{f.en}",
                f"{f.remedy_zh}\n{f.remedy_en}".strip(),
                f"{f.about}\n{f.scope}".strip(),
            )
            table.add_row(*map(escape, cells))
        out.print(table)
    if not report.open:
        out.print(f"完好 · sound ({report.seconds:.1f} s)", markup=False)
