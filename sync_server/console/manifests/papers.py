"""Manifests and plans on paper, and the ledgers: made when they are asked for, noted in the audit log as other exports are.

Whoever may read the project's transfer records may have them; for anybody else they are not there.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from fastapi import Request, Response

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.house import House, Place
from sync_server.console.shell import ROOT
from sync_server.documents.filing import filing_pdf
from sync_server.documents.load import load_of
from sync_server.documents.manifest import manifest_pdf
from sync_server.documents.notice import notice_pdf
from sync_server.documents.plan import Planned, planned_of
from sync_server.documents.press import WAIT_S
from sync_server.documents.words import say
from sync_server.export.cells import file_name
from sync_server.export.ledger_columns import Side
from sync_server.export.ledger_words import say as ledger_say
from sync_server.export.ledgers import ledger
from sync_server.store.engine import room_on_disk

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TURNS = threading.BoundedSemaphore(2)


def add_papers(house: House) -> None:
    app = house.app

    def opened(request: Request, project: str) -> tuple[Place, Facts, datetime]:
        """Raises Trouble 2004."""
        place = house.entered(request, project)
        if Audience.TRANSFER not in place.audiences:
            raise Trouble(2004)
        now = house.now()
        return place, house.reader.facts(project, now, place.audiences), now

    def handed(place: Place, about: str, name: str, kind: str, data: bytes) -> Response:
        """Noted first: what was handed out and is not in the log must not be."""
        house.service.noted(place.me.person, "document", about, place.project, file=name)
        return Response(data, media_type=kind, headers=attached(name))

    def of_ledger(request: Request, project: str, side: Side) -> Response:
        place, facts, now = opened(request, project)
        lang = house.lang(request)
        names = house.service.names_of([place.me.person], place.ids)
        with _turn(), tempfile.TemporaryDirectory(prefix="jingtu-") as temp, room_on_disk():
            path = Path(temp) / "ledger.xlsx"
            ledger(facts, side, lang, path, Path(temp), names.get(place.me.person, ""), now)
            data = path.read_bytes()
        code = facts.project.code if facts.project else ""
        title = file_name(f"{code} {ledger_say(lang, f'{side}_title')}", 150)
        name = f"{title} {now.astimezone(SHANGHAI):%Y%m%d-%H%M}.xlsx"
        return handed(place, project, name, XLSX, data)

    @app.get("/projects/{project}/manifests/out.xlsx")
    def out_ledger(request: Request, project: str) -> Response:
        return of_ledger(request, project, "out")

    @app.get("/projects/{project}/manifests/in.xlsx")
    def in_ledger(request: Request, project: str) -> Response:
        return of_ledger(request, project, "in")

    @app.get("/projects/{project}/manifests/{manifest}.pdf")
    def manifest_paper(request: Request, project: str, manifest: str) -> Response:
        place, facts, now = opened(request, project)
        load = load_of(facts, manifest)
        if load is None:
            raise Trouble(2004)
        lang = house.lang(request)
        address = str(request.base_url).rstrip("/").removesuffix(ROOT)
        data = manifest_pdf(load, lang, now, address)
        name = file_name(f"{say(lang, 'manifest')} {load.number}", 150)
        return handed(place, manifest, f"{name}.pdf", PDF, data)

    def of_plan(
        request: Request, project: str, plan: str, what: str, make: Callable[[Planned, str, datetime], bytes]
    ) -> Response:
        place, facts, now = opened(request, project)
        planned = planned_of(facts, plan)
        if planned is None:
            raise Trouble(2004)
        lang = house.lang(request)
        data = make(planned, lang, now)
        title = f"{say(lang, what)} {planned.plan.code} v{planned.plan.version}"
        return handed(place, plan, f"{file_name(title, 150)}.pdf", PDF, data)

    @app.get("/projects/{project}/transfer/{plan}/filing.pdf")
    def filing(request: Request, project: str, plan: str) -> Response:
        return of_plan(request, project, plan, "plan", filing_pdf)

    @app.get("/projects/{project}/transfer/{plan}/notice.pdf")
    def notice(request: Request, project: str, plan: str) -> Response:
        return of_plan(request, project, plan, "notice", notice_pdf)


@contextmanager
def _turn() -> Iterator[None]:
    """Ten thousand loads take some five seconds: others wait a while. Raises Trouble 4509."""
    if not _TURNS.acquire(timeout=WAIT_S):
        raise Trouble(4509)
    try:
        yield
    finally:
        _TURNS.release()


def attached(name: str) -> dict[str, str]:
    """Shown by no browser as a page of ours."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
