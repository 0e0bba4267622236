"""`jingtu plan …`: a sampling plan goes in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from schemas.problems import Trouble
from sync_server.cli.common import Data, err, find_project, not_done, operator, out, settings_of, tell, told
from sync_server.main import build
from sync_server.plan.cells import MAX_BYTES
from sync_server.plan.importing import Imported, Options, import_plan, zones_of
from sync_server.plan.projection import Projection, zone_given
from sync_server.plan.reading import RowFault
from sync_server.plan.rows import PlanFile, read_plan

app = typer.Typer(help="采样方案 · sampling plans", no_args_is_help=True)


@app.command("import")
def plan_import(
    file: Path, project: Annotated[str, typer.Option(help="项目编号 · project code")], data: Data = None,
    sheet: Annotated[str | None, typer.Option(help="工作表名称 · sheet of a workbook")] = None,
    zone: Annotated[int | None, typer.Option(help="Y 不带带号时：3° 带的带号 25～45 · 3-degree zone")] = None,
    central_meridian: Annotated[int | None, typer.Option(help="或中央子午线，如 120 · or its central meridian")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="坐标系已核对 · the coordinate system is right")] = False,
    good_rows: Annotated[bool, typer.Option("--good-rows", help="只导入正确的行 · import the good rows only")] = False,
    reason: Annotated[str, typer.Option(help="文件没有布点理由时用 · reason where the file has none")] = "",
    target: Annotated[str, typer.Option(help="文件没有采样深度时用，如 0-0.2 · target where the file has none")] = "",
    groups: Annotated[str, typer.Option(help="检测项目组代码，逗号分隔 · analyte group codes")] = "",
    note: Annotated[str, typer.Option(help="版本变更说明 · what this version is for")] = "",
    title: str = "",
) -> None:  # fmt: skip
    """从 CSV、XLSX、GeoJSON 导入采样方案（再次导入生成新版本）· Import a plan from CSV, XLSX or GeoJSON; importing again makes a new version."""
    with told(), rows_told():
        parts = build(settings_of(data))
        if not file.is_file():
            raise not_done(f"没有文件 {file}", f"no file {file}")
        interval = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", target)
        if target and not interval:
            raise not_done(
                f"--target 写成 上深-下深，如 0-0.2，不是 {target}",
                f"give --target as top-bottom such as 0-0.2, not {target}",
            )
        options = Options(
            title or file.stem, reason or None, (interval[1], interval[2]) if interval else None,
            tuple(g.strip() for g in groups.split(",") if g.strip()), only_good=good_rows, change_note=note or None,
        )  # fmt: skip
        given = zone_given(zone, central_meridian)
        found_project = find_project(parts, project).id
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        with progress() as bar:
            task = bar.add_task("读取 · reading", total=None)

            def reading(phase: str, done: int, total: int) -> None:
                words = "打开 · opening" if phase == "open" else "读取 · reading"
                bar.update(task, description=words, completed=done, total=total)

            found = read_plan(
                content, zone=given, sheet=sheet, fits=lambda: zones_of(parts.service, found_project), progress=reading
            )
        if found.projection and (good_rows or not found.faults):  # wrong rows come first: nobody confirms for nothing
            options = options._replace(confirmed=confirmed(found.projection, yes))
        with progress() as bar:
            task = bar.add_task("导入 · importing", total=len(found.rows))
            done = import_plan(
                parts.service, found_project, found, options,
                progress=lambda n, total: bar.update(task, completed=n, total=total),
            )  # fmt: skip
        detail = {"version": done.version, "points": done.points, "file": file.name}
        parts.service.noted(operator(), "plan_import", done.plan, found_project, **detail)
        _tell_file(found)
        _tell_import(done)


def progress() -> Progress:
    """On a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(), TimeRemainingColumn())  # fmt: skip
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def confirmed(projection: Projection, yes: bool) -> bool:
    """What was found is always shown. On a terminal a person answers; elsewhere only --yes does (else Trouble 4006)."""
    zh, en = projection.words()
    if not yes and not (sys.stdin.isatty() and err.is_terminal):
        return False
    err.print(zh, markup=False, highlight=False, soft_wrap=True)
    err.print(en, markup=False, highlight=False, soft_wrap=True)
    return yes or typer.confirm("对吗？ / correct?", default=False, err=True)


@contextmanager
def rows_told() -> Iterator[None]:
    """Wrong rows are told after the problem, each with its place, be it a line or a feature."""
    try:
        yield
    except Trouble as trouble:
        if trouble.problem.number != 4003:
            raise
        tell(Trouble(4003, count=trouble.words["count"]))
        _tell_faults([RowFault(**f) for f in trouble.extra["faults"]])
        raise typer.Exit(1) from trouble


def _tell_faults(faults: list[RowFault]) -> None:
    for f in faults:
        zh, en = (
            (f"第 {f.line} 个要素", f"feature {f.line}")
            if f.place == "feature"
            else (f"第 {f.line} 行", f"line {f.line}")
        )
        err.print(f"  {zh}「{f.column}」：{f.zh}；{f.remedy_zh}", markup=False, soft_wrap=True)
        err.print(f"  {en}, {f.column}: {f.en}; {f.remedy_en}", markup=False, soft_wrap=True)


def _tell_file(found: PlanFile) -> None:
    for zh, en in found.notes:
        err.print(f"{zh} · {en}", markup=False, soft_wrap=True)
    if found.ignored:
        err.print(f"未用到的列 · columns not used: {', '.join(found.ignored)}", markup=False, soft_wrap=True)
    _tell_faults(found.faults)


def _tell_import(done: Imported) -> None:
    out.print(
        f"方案第 {done.version} 版：{done.points} 个点位已导入 · plan version {done.version}: {done.points} points"
    )
    if done.left_out:
        out.print(f"{done.left_out} 行有错未导入 · {done.left_out} wrong rows left out")
    if n := done.without_target:
        err.print(f"{n} 个点位没有采样深度或项目组，未建采样任务 · {n} points have no depth or groups: no target made")
    d = done.difference
    if d is None:
        return
    if d.empty:
        out.print("与上一版没有差别 · nothing changed against the last version")
    for zh, en, names in (
        ("新增", "added", d.added), ("删除", "removed", d.removed),
        ("移动", "moved", [f"{c} {m:.1f} m" for c, m in d.moved]),
        ("修改", "changed", [f"{c} ({', '.join(f)})" for c, f in d.changed]),
    ):  # fmt: skip
        if names:
            shown = ", ".join(names[:20]) + (f" … (+{len(names) - 20})" if len(names) > 20 else "")
            out.print(f"{zh} · {en} {len(names)}: {shown}", markup=False, soft_wrap=True)
