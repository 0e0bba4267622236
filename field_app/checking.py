"""The server's own check of one point, run on what this tablet knows, before leaving it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from field_app import vicinity
from field_app.book import Book
from field_app.store import Store
from field_app.visit.core import clean
from schemas.records import TYPES, Record
from schemas.rules.reconcile import Basis, Facts, Finding, run_point
from schemas.rules.reconcile.blanks import BlankNeed, blank_needs
from schemas.rules.reconcile.samples import DuplicateShare, duplicate_rules, duplicate_shares

SHOWN = ("error", "warning")


def findings(
    store: Store, book: Book, edits: list[tuple[str, str, dict[str, Any]]], planned: str, now: datetime
) -> list[Finding]:
    """What run_point says of the visit as if it were finalized now; the worst first. Not a refusal: work that could not
    be done is finished with a reason. Reads what lies near the point; for a worker thread, and no draft waits for it."""
    with store.looking() as at_once:
        known = vicinity.records(at_once, edits, planned)
    facts = Facts(known, now, Basis("tablet", now), project_id=book.project_id)
    found = [f for f in run_point(facts, planned).findings if f.severity in SHOWN]
    return sorted(found, key=lambda f: SHOWN.index(f.severity))


def by_check(store: Store, book: Book, planned: str, now: datetime) -> dict[str, list[Finding]]:
    """Check → what it says of a point as it was recorded; a check without a finding stands there with none. {} for a point nothing is known
    of. For a worker thread."""
    with store.looking() as at_once:
        known = vicinity.records(at_once, [], planned)
    try:
        report = run_point(Facts(known, now, Basis("tablet", now), project_id=book.project_id), planned)
    except KeyError:
        return {}
    return {check: list(found) for check, found in report.by_check.items()}


class Quality(NamedTuple):
    """Duplicates and blanks of some batches, as checks S02 and S03 count them."""

    shares: tuple[DuplicateShare, ...] = ()
    needs: tuple[BlankNeed, ...] = ()
    unruled: tuple[str, ...] = ()  # media for whose duplicates nobody names a rule


def quality(
    store: Store, book: Book, edits: list[tuple[str, str, dict[str, Any]]], batches: set[str], now: datetime
) -> Quality:
    """Over what this tablet knows: what was pulled, what was finalized here, drafts of other points, this visit."""
    records: dict[str, dict[str, Record]] = {"project": {}, "sample": {}, "qc_link": {}}
    if book.project is not None:
        records["project"][book.project_id] = TYPES["project"].of(book.project_id, book.project)
    known = [(s.type, s.id, s.values) for batch in batches for s in store.all("sample", scope=book.scope, batch=batch)]
    known += [(s.type, s.id, s.values) for s in store.all("qc_link", scope=book.scope)]
    known += [(s.type, s.id, clean(s.values)) for s in store.drafts() if s.scope == book.scope]
    for type, record, values in (*known, *edits):
        if type == "sample" and values.get("batch") in batches:
            records[type][record] = TYPES[type].of(record, values)
    for type, record, values in (*known, *edits):  # a blank's sample may lie elsewhere: its link says the batch
        if type == "qc_link" and (values.get("batch") in batches or values.get("qc_sample_id") in records["sample"]):
            records[type][record] = TYPES[type].of(record, values)
    facts = Facts(records, now, Basis("tablet", now), project_id=book.project_id)
    shares, media = duplicate_shares(facts)
    unruled = tuple(medium for medium in media if not duplicate_rules(facts, medium)[0])
    return Quality(tuple(shares), tuple(blank_needs(facts)), unruled)
