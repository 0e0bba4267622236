"""`jingtu inspection`: the on-site record of an inspection as PDF, without a browser."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from schemas.change import ID
from schemas.fields import Audience
from sync_server.cli.common import Data, not_done, opened, operator, told
from sync_server.cli.papers import Force, Lang, Out, keep, may
from sync_server.main import Parts
from sync_server.onsite_making import made_pdf
from sync_server.store import Stored


def inspection(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="检查编号或记录号 · code or id of the inspection")],
    file: Out,
    address: Annotated[
        str,
        typer.Option("--address", help="服务器网址，印核验码；不写则不印 · the server's address, for the code to scan"),
    ] = "",
    lang: Lang = "zh",
    data: Data = None,
    force: Force = False,
) -> None:
    """现场检查（勘察）笔录 PDF · The on-site record of an inspection as PDF. 可在服务器运行时做 · While the server runs, too."""
    with told():
        may(file, ".pdf", lang, force)
        parts = opened(data)
        row = _find(parts, wanted)
        record = parts.service.onsite_record(row.id, row.scope)
        if record is None:
            raise not_done(f"没有检查 {wanted}", f"there is no inspection {wanted}")
        now = datetime.fromisoformat(parts.service.now())
        try:
            made = made_pdf(parts.service, record, lang, now, address.rstrip("/"))
        finally:
            parts.service.shelf.pictures.close()  # the process that makes them small would outlive the command
        project = row.scope.rpartition(".")[0]
        parts.service.noted(operator(), "document", row.id, project, file=file.name)
        keep(file, made)


def _find(parts: Parts, wanted: str) -> Stored:
    """By id, or by a code that one inspection alone has. Raises Trouble 4101."""
    with parts.service.store.reading() as tx:
        found = tx.load("inspection", [wanted]) if ID.fullmatch(wanted) else tx.everywhere("inspection", code=wanted)
    found = [s for s in found if s.scope.endswith(f".{Audience.ENFORCEMENT.value}")]
    if not found:
        raise not_done(f"没有检查 {wanted}", f"there is no inspection {wanted}")
    if len(found) > 1:
        ids = ", ".join(s.id for s in found[:5]) + (" …" if len(found) > 5 else "")
        raise not_done(
            f"有 {len(found)} 次检查的编号是 {wanted}，请改用记录号：{ids}",
            f"{len(found)} inspections are called {wanted}; give the record's id: {ids}",
        )
    return found[0]
