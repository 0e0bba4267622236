"""`jingtu plan …`: a sampling plan goes in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sync_server.cli.common import Data, err, find_project, not_done, out, settings_of, tell_faults, told
from sync_server.main import build
from sync_server.plan_file import MAX_BYTES, read_plan
from sync_server.plan_import import Imported, Options, import_plan

app = typer.Typer(help="采样方案 · sampling plans", no_args_is_help=True)


@app.command("import")
def plan_import(
    file: Path, project: Annotated[str, typer.Option(help="项目编号 · project code")], data: Data = None,
    good_rows: Annotated[bool, typer.Option("--good-rows", help="只导入正确的行 · import the good rows only")] = False,
    reason: Annotated[str, typer.Option(help="文件没有布点理由时用 · reason where the file has none")] = "",
    target: Annotated[str, typer.Option(help="文件没有采样深度时用，如 0-0.2 · target where the file has none")] = "",
    groups: Annotated[str, typer.Option(help="检测项目组代码，逗号分隔 · analyte group codes")] = "",
    note: Annotated[str, typer.Option(help="版本变更说明 · what this version is for")] = "",
    title: str = "",
) -> None:  # fmt: skip
    """从 CSV 导入采样方案（再次导入生成新版本）· Import a plan from CSV; importing again makes a new version."""
    with told():
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
        with file.open("rb") as opened:
            found = read_plan(opened.read(MAX_BYTES + 1))
        bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*bars, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("导入 · importing", total=len(found.rows))
            done = import_plan(
                parts.service, find_project(parts, project).id, found, options,
                progress=lambda n, total: bar.update(task, completed=n, total=total),
            )  # fmt: skip
        for zh, en in found.notes:
            err.print(f"{zh} · {en}", markup=False, soft_wrap=True)
        if found.ignored:
            err.print(f"未用到的列 · columns not used: {', '.join(found.ignored)}", markup=False, soft_wrap=True)
        tell_faults([f._asdict() for f in found.faults])
        _tell_import(done)


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
