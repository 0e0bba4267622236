"""The ledgers of findings as a file: made when it is asked for, noted in the audit log as other exports are."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import Response

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.house import House, Place
from sync_server.console.manifests.papers import XLSX, attached
from sync_server.export.cells import file_name
from sync_server.export.finding_ledgers import ledger, pictured
from sync_server.export.finding_words import say
from sync_server.findings import Entry
from sync_server.store.engine import room_on_disk

WAIT_S = 30
PICTURE_PX = 200  # the longer side
_TURNS = threading.BoundedSemaphore(1)


def findings_file(house: House, place: Place, facts: Facts, found: Sequence[Entry], asked: str, lang: str) -> Response:
    """`asked`: what the findings were narrowed to, in words. Noted first: what was handed out and is not in the log must not be.

    Raises Trouble 4509 where others are being made."""
    scope, now = f"{place.project}.{Audience.ENFORCEMENT.value}", house.now()
    names = house.service.names_of([place.me.person], place.ids)
    with _turn(), tempfile.TemporaryDirectory(prefix="jingtu-") as temp, room_on_disk():
        pictures = house.service.onsite_pictures(scope, pictured(facts, found), PICTURE_PX)
        path = Path(temp) / "ledger.xlsx"
        ledger(facts, found, pictures, lang, path, Path(temp), names.get(place.me.person, ""), now, asked)
        data = path.read_bytes()
    code = facts.project.code if facts.project else ""
    title = say(lang, "title")
    name = f"{file_name(f'{code} {title}', 150)} {now.astimezone(SHANGHAI):%Y%m%d-%H%M}.xlsx"
    house.service.noted(place.me.person, "document", place.project, place.project, file=name)
    return Response(data, media_type=XLSX, headers=attached(name))


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURNS.acquire(timeout=WAIT_S):
        raise Trouble(4509)
    try:
        yield
    finally:
        _TURNS.release()
