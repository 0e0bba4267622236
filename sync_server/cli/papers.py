"""`jingtu manifest`: manifests on paper and ledgers as files, without a browser."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.problems import Trouble
from schemas.rules.manifest import shown
from schemas.rules.reconcile import Facts
from sync_server.cli.common import Data, find_project, not_done, opened, operator, out, told
from sync_server.documents.load import loads
from sync_server.documents.manifest import manifest_pdf
from sync_server.documents.words import LANGS
from sync_server.export.ledger_columns import Side
from sync_server.export.ledgers import ledger
from sync_server.facts import load_facts
from sync_server.store.transfer import room

app = typer.Typer(help="转运联单 · transfer manifests", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="项目编号或记录号 · the project's code or id")]
Out = Annotated[Path, typer.Argument(metavar="OUT")]
Lang = Annotated[str, typer.Option("--lang", help="zh en")]
Force = Annotated[bool, typer.Option("--force", help="替换已有的文件 · replace a file of that name")]


@app.command("pdf")
def pdf(
    project: Project,
    number: Annotated[str, typer.Argument(help="联单编号，14 位 · number of the manifest, 14 digits")],
    file: Out,
    address: Annotated[
        str,
        typer.Option(
            "--address", help="服务器网址，印公开查询码；不写则不印 · the server's address, for the small code"
        ),
    ] = "",
    lang: Lang = "zh",
    data: Data = None,
    force: Force = False,
) -> None:
    """一张转运联单的 A4 PDF · One manifest as PDF. 可在服务器运行时做 · While the server runs, too."""
    with told():
        may(file, ".pdf", lang, force)
        parts = opened(data)
        found = find_project(parts, project)
        now = datetime.fromisoformat(parts.service.now())
        facts = load_facts(parts.service, found.id, now)
        plain = "".join(number.split())
        load = next((x for x in loads(facts) if x.number == plain), None)
        if load is None:
            raise not_done(f"没有联单 {shown(plain)}", f"there is no manifest {shown(plain)}")
        made = manifest_pdf(load, lang, now, address.rstrip("/"))
        parts.service.noted(operator(), "document", load.manifest.id, found.id, file=file.name)
        keep(file, made)


@app.command("ledger")
def ledgers(
    project: Project,
    file: Out,
    incoming: Annotated[bool, typer.Option("--in", help="进场台账；不写为出场台账 · loads in; else loads out")] = False,
    lang: Lang = "zh",
    data: Data = None,
    force: Force = False,
) -> None:
    """出场台账或进场台账 XLSX · The ledger of loads out or in."""
    with told():
        may(file, ".xlsx", lang, force)
        parts = opened(data)
        found = find_project(parts, project)
        now = datetime.fromisoformat(parts.service.now())
        made = _ledger(load_facts(parts.service, found.id, now), "in" if incoming else "out", lang, now)
        parts.service.noted(operator(), "document", found.id, found.id, file=file.name)
        keep(file, made)


def _ledger(facts: Facts, side: Side, lang: str, now: datetime) -> bytes:
    with tempfile.TemporaryDirectory(prefix="jingtu-") as temp, room("台账", "the ledger"):
        path = Path(temp) / "ledger.xlsx"
        ledger(facts, side, lang, path, Path(temp), operator(), now)
        return path.read_bytes()


def may(file: Path, ending: str, lang: str, force: bool) -> None:
    """Raises Trouble 4101."""
    if lang not in LANGS:
        raise not_done(f"不认识 {lang}；可用 zh、en", f"{lang} is not known; there are zh, en")
    if file.suffix != ending:
        raise not_done(f"文件名要以 {ending} 结尾", f"the file's name must end with {ending}")
    if not file.absolute().parent.is_dir():
        raise not_done(f"没有文件夹 {file.absolute().parent}", f"there is no folder {file.absolute().parent}")
    if file.exists() and not (force and file.is_file()):
        raise not_done(f"{file} 已经有了；要替换加 --force", f"{file} exists; add --force to replace it")


def keep(file: Path, made: bytes) -> None:
    """Whole, or not at all. Raises Trouble 4206 without room."""
    new = file.with_name(f".{file.name}.new")
    try:
        with room("文件", "the file"):
            new.write_bytes(made)
            new.replace(file)
    except (OSError, Trouble):
        new.unlink(missing_ok=True)
        raise
    out.print(f"已写好 {file} · written", markup=False, soft_wrap=True)
