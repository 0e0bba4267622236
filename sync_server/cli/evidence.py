"""`jingtu evidence export`: what can be proved of a project, a point or an inspection, in one file."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from schemas.rules.package import Named
from sync_server.cli.common import (
    Data,
    Json,
    err,
    find_project,
    names_of,
    not_done,
    opened,
    operator,
    out,
    person_of,
    told,
)
from sync_server.main import Parts
from sync_server.proof.choosing import Kind
from sync_server.proof.writing import Wanted, Written, export

evidence_app = typer.Typer(help="证据包 · evidence packages", no_args_is_help=True)
PARTS = {
    "changes": "变更 · changes", "records": "记录 · records", "photos": "照片 · photos", "pages": "网页 · pages", "seal": "封签 · seal",
}  # fmt: skip


@evidence_app.callback()
def _only_here() -> None:
    """证据包：导出给法庭、鉴定人、监管部门 · Evidence packages, for a court, an expert, an authority."""


@evidence_app.command("export")
def evidence_export(
    project: Annotated[str, typer.Argument(help="项目编号或记录号 · the project's code or id")],
    file: Annotated[Path, typer.Argument(metavar="OUT.zip")],
    inspection: Annotated[
        str, typer.Option(help="只要这次检查：编号或记录号 · only this inspection: its code or id")
    ] = "",
    point: Annotated[str, typer.Option(help="只要这个点位：编号或记录号 · only this point: its code or id")] = "",
    data: Data = None,
    as_json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="替换已有的文件 · replace a file of that name")] = False,
    username: Annotated[str, typer.Option("--as", help="以谁的名义：用户名 · in whose name: a user name")] = "",
) -> None:
    """导出证据包：记录、每条变更的原始字节、照片、回执、密钥，和一页可离线打开的说明 · Export records, every change as it was signed, photos,
    receipts and keys, with a page that opens offline. 可在服务器运行时做 · While the server runs, too."""
    with told():
        if inspection and point:
            raise not_done("--inspection 与 --point 只能给一个", "give --inspection or --point, not both")
        parts = opened(data)
        found = find_project(parts, project)
        kind: Kind = "point" if point else "inspection" if inspection else "project"
        by = Named(id=operator(), name=operator())
        if username:
            person = person_of(parts, username)
            by = Named(id=person, name=names_of(parts).get(person, ""))
        wanted = Wanted(found, kind, point or inspection, by, force)
        done = _export(parts, wanted, file)
        _say(done, as_json)


def _export(parts: Parts, wanted: Wanted, file: Path) -> Written:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def tell(part: str, n: int) -> None:
            with suppress(KeyError):
                bar.update(task, description=PARTS[part], completed=n)

        return export(parts.service, parts.files, wanted, file, tell)


def _say(done: Written, as_json: bool) -> None:
    p, c = done.package, done.package.counts
    if as_json:
        print(json.dumps({
            "file": str(done.file), "sha256": done.sha256, "size": done.size, "selection": p.selection.model_dump(),
            "counts": c, "server_key": p.server_key, "epoch": p.epoch, "made_at": p.made_at,
        }, ensure_ascii=False, indent=1))  # fmt: skip
        return
    _line(f"证据包已写好：{done.file}（{done.size / 1_000_000:.1f} MB）", f"evidence package written: {done.file}")
    _line(
        f"{p.selection.label}：记录 {c['records']} 条，变更 {c['changes']} 条，隐去 {c['hidden']} 条，照片 {c['photos']} 张，回执 {c['receipts']} 份",
        f"{c['records']} records, {c['changes']} changes, {c['hidden']} hidden, {c['photos']} photos, {c['receipts']} receipts",
    )
    if c["photos_missing"]:
        _line(
            f"有 {c['photos_missing']} 张照片不在包里：还没有送到服务器，或服务器上的文件已损坏；送到后再导出一次",
            f"{c['photos_missing']} photos are NOT in it: not received, or damaged on the server; export again once they are here",
        )
    _line(f"SHA-256 {done.sha256}", "write this down where it cannot be altered; check the file with jingtu verify")
    _line("里面有个人信息和现场资料：妥善保管", "it holds personal data: keep it safe")


def _line(zh: str, en: str) -> None:
    out.print(zh, markup=False, soft_wrap=True)
    out.print(f"  {en}", markup=False, soft_wrap=True)
