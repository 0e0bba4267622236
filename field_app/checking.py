"""The server's own check of one point, run on what this tablet knows, before leaving it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from field_app.book import Book
from field_app.store import Store
from schemas.fields import Audience
from schemas.records import TYPES, Record
from schemas.rules.reconcile import Basis, Facts, Finding, run_point

SHOWN = ("error", "warning")


def findings(
    store: Store, book: Book, edits: list[tuple[str, str, dict[str, Any]]], planned: str, now: datetime
) -> list[Finding]:
    """What run_point says of the visit as if it were finalized now; the worst first. Not a refusal: work that could not
    be done is finished with a reason."""
    records: dict[str, dict[str, Record]] = {}
    for type, cls in TYPES.items():
        if cls.about.audience in (Audience.FIELD, Audience.ORGANISATION, Audience.SUBJECT):
            records[type] = {s.id: cls.of(s.id, s.values) for s in store.all(type, deleted=True)}
    for type, record, values in edits:
        records[type][record] = TYPES[type].of(record, values)
    facts = Facts(records, now, Basis("tablet", now), project_id=book.project_id)
    found = [f for f in run_point(facts, planned).findings if f.severity in SHOWN]
    return sorted(found, key=lambda f: SHOWN.index(f.severity))
