"""`jingtu export`: records of a project as a file, by the same writers as the console's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from schemas.records import TYPES
from sync_server.cli.common import As, Data, Json, err, find_project, not_done, opened, operator, out, person_of, told
from sync_server.export.making import Made, Order, make
from sync_server.export.telling import warnings
from sync_server.export.wish import FORMATS, HEADS, Wish
from sync_server.export.words import LANGS
from sync_server.main import Parts
from sync_server.store import Stored
from sync_server.store.transfer import room


def export(
    project: Annotated[str, typer.Argument(help="项目编号或记录号 · the project's code or id")],
    file: Annotated[Path, typer.Argument(metavar="OUT")],
    type: Annotated[
        list[str],
        typer.Option(
            "--type", help="记录类型，可写多次；不写为整个项目 · record type, again for more; none: the whole project"
        ),
    ] = [],  # noqa: B006
    format: Annotated[str, typer.Option("--format", help="xlsx csv geojson gpkg photos")] = "xlsx",
    names: Annotated[
        bool, typer.Option("--names", help="列名用字段名，值与数据库一致 · field names and values as stored")
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help="zh en")] = "zh",
    epsg: Annotated[
        int,
        typer.Option(
            "--epsg", help="4490 经纬度，或高斯-克吕格 4491～4554 · 4490, or a Gauss-Krüger zone 4491 to 4554"
        ),
    ] = 4490,
    voided: Annotated[bool, typer.Option("--voided", help="包含作废记录 · include voided records")] = False,
    username: As = "",
    data: Data = None,
    as_json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="替换已有的文件 · replace a file of that name")] = False,
) -> None:
    """导出记录为 XLSX、CSV、GeoJSON、GeoPackage，或照片 zip · Export records, or photos. 可在服务器运行时做 · While the server runs, too.

    用 --as 时只导出此人可读的内容 · With --as only what that person may read."""
    with told():
        wish = wish_of(format, type, names, lang, epsg, voided)
        if file.suffix != f".{wish.ending}":
            raise not_done(f"文件名要以 .{wish.ending} 结尾", f"the file's name must end with .{wish.ending}")
        if file.exists() and not (force and file.is_file()):
            raise not_done(f"{file} 已经有了；要替换加 --force", f"{file} exists; add --force to replace it")
        if not file.absolute().parent.is_dir():
            raise not_done(f"没有文件夹 {file.absolute().parent}", f"there is no folder {file.absolute().parent}")
        parts = opened(data)
        found = find_project(parts, project)
        person = person_of(parts, username) if username else ""
        order, by = order_of(parts, found, wish, person), person or operator()
        what = {"format": format, "types": list(type), "file": file.name}
        parts.service.noted(by, "export", found.id, owner=found.id, **what)
        made = _make(parts, order, file)
        counts = {"rows": made.counts.total, "size": made.size, "sha256": made.sha256}
        parts.service.noted(by, "export_made", found.id, owner=found.id, file=file.name, **counts)
        _say(made, wish, as_json)


def wish_of(format: str, types: list[str], names: bool, lang: str, epsg: int, voided: bool) -> Wish:
    """Raises Trouble 4101."""
    for given, known in ((format, FORMATS), (lang, LANGS), *((t, tuple(TYPES)) for t in types)):
        if given not in known:
            raise not_done(
                f"不认识 {given}；可用 {'、'.join(known)}", f"{given} is not known; there are {', '.join(known)}"
            )
    if format == "photos" and types:
        raise not_done("照片包只装照片，不要写 --type", "a photo archive holds photos only: give no --type")
    try:
        return Wish(format, tuple(types), HEADS[names], lang, epsg, voided).checked()
    except ValueError as wrong:
        raise not_done(
            f"没有坐标系 EPSG:{epsg}；可用 4490～4554", f"there is no system EPSG:{epsg}; 4490 to 4554"
        ) from wrong


def order_of(parts: Parts, project: Stored, wish: Wish, person: str) -> Order:
    """Of a person only what he or she may read; else all of the project, as whoever runs the command has the data anyway."""
    service = parts.service
    at = service.now()
    with service.store.reading() as tx:
        if person:
            return service.export_order(tx, person, project.id, wish, at)
        scopes = {s.id: s.audience for s in [*tx.scopes(project.id), *tx.scopes(service.home(tx))]}
    words = " ".join(str(project.values[k]) for k in ("code", "name") if project.values.get(k))
    return Order(wish, words, scopes, operator(), at)


def _make(parts: Parts, order: Order, file: Path) -> Made:
    columns = (SpinnerColumn(), TextColumn("{task.completed} 行 · rows"))
    with (
        Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar,
        room("导出文件", "the export"),
    ):
        task = bar.add_task("", total=None)
        return make(parts.service, parts.files, order, file.absolute(), lambda n: bar.update(task, completed=n))


def _say(made: Made, wish: Wish, as_json: bool) -> None:
    if as_json:
        told = {"file": str(made.path), "sha256": made.sha256, "size": made.size, "rows": dict(made.counts.rows), "outside": made.counts.outside,
                "untold": made.counts.untold, "cut": made.counts.cut, "missing": made.counts.missing, "damaged": made.counts.damaged}  # fmt: skip
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    out.print(
        f"已写好 {made.path}：{made.counts.total} 行 · written: {made.counts.total} rows", markup=False, soft_wrap=True
    )
    for lang in ("zh", "en"):
        for line in warnings(made.counts, lang):
            out.print(f"  {line}", markup=False, soft_wrap=True)
    if made.counts.missing or made.counts.damaged:
        n, m = made.counts.missing, made.counts.damaged
        out.print(
            f"  {n} 张照片未到服务器，{m} 张已损坏 · {n} photos not received, {m} damaged", markup=False, soft_wrap=True
        )
    out.print(f"SHA-256 {made.sha256}", markup=False, soft_wrap=True)
