"""The check of one point reads only what lies near it, and finds what a reading of everything finds."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from field_app import checking, reading
from field_app.book import Book
from field_app.store import Edit, Store
from schemas.fields import Audience
from schemas.records import TYPES, Record
from schemas.rules import evidence
from schemas.rules.reconcile import Basis, Facts, Finding, run_point
from schemas.wire import PullHead
from tests.bench.judging import NOW
from tests.ui import seed
from tests.unit.test_reconcile_fast import PROJECT, Rows, project

SCOPE = seed.FIELD


def filled(folder: Path, rows: Rows, changed: int = 0, seed_: int = 0) -> Store:
    """A tablet that pulled these rows; some of them were changed here since."""
    store = Store(folder)
    seed.fill(store)
    lines = [evidence.row_line(type, id, 1000 + seq, values) for seq, (type, id, values) in enumerate(rows)]
    seqs = 1000 + len(lines)
    store.apply_pull(SCOPE, PullHead(epoch="1", cursor=seqs, head=seqs, count=len(lines), more=False), lines)
    rng = random.Random(seed_)
    kinds = ("sample", "field_reading", "point", "borehole", "soil_layer", "sample_container")
    mine = [r for r in rows if r[0] in kinds]
    for type, id, _ in rng.sample(mine, min(changed, len(mine))):
        seen = store.get(type, id, deleted=True)
        assert seen is not None
        try:
            store.finalize([Edit(type, id, SCOPE, {**seen.values, "note": "改"})], complete=False)
        except Exception:  # of a newer version: this one does not write it
            continue
    return store


def of_everything(store: Store, book: Book, edits: Any, planned: str) -> list[Finding]:
    """The check on a full reading: what the tablet did before it looked at what lies near alone."""
    records: dict[str, dict[str, Record]] = {}
    for type, cls in TYPES.items():
        if cls.about.audience in (Audience.FIELD, Audience.ORGANISATION, Audience.SUBJECT):
            records[type] = {s.id: cls.of(s.id, s.values) for s in store.all(type, deleted=True)}
    for type, record, values in edits:
        records[type][record] = TYPES[type].of(record, values)
    facts = Facts(records, NOW, Basis("tablet", NOW), project_id=book.project_id)
    found = [f for f in run_point(facts, planned).findings if f.severity in checking.SHOWN]
    return sorted(found, key=lambda f: checking.SHOWN.index(f.severity))


@pytest.fixture(params=[1, 2, 5])
def known(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Store, Rows]]:
    rows = [r for r in project(request.param) if r[1] != PROJECT]
    store = filled(tmp_path / "t", rows, changed=40, seed_=request.param)
    yield store, rows
    store.close()


def test_the_same_as_on_a_full_reading(known: tuple[Store, Rows]) -> None:
    store, rows = known
    book = Book(targets={}, visits={}, drafts={}, readings={}, samples={}, project_id=seed.PROJECT)
    told: Counter[str] = Counter()
    for id in [id for type, id, values in rows if type == "planned_point"]:
        try:
            expected = of_everything(store, book, [], id)
        except KeyError:  # voided, and nobody was there
            with pytest.raises(KeyError):
                checking.findings(store, book, [], id, NOW)
            continue
        assert checking.findings(store, book, [], id, NOW) == expected
        told.update(f.check for f in expected)
    assert len(told) > 6


def test_the_same_for_a_visit_that_is_being_written(known: tuple[Store, Rows]) -> None:
    """Of a crew that was elsewhere, with a code that is taken, a duplicate of another point's sample, and a blank."""
    store, rows = known
    book = Book(targets={}, visits={}, drafts={}, readings={}, samples={}, project_id=seed.PROJECT)
    planned = next(id for type, id, values in rows if type == "planned_point" and not values.get("deleted"))
    crew = next(values["samplers"] for type, _, values in rows if type == "point" and values.get("samplers"))
    taken, code = next((id, values["code"]) for type, id, values in rows if type == "sample" and values.get("code"))
    visit, sample, twin = (store.new_id() for _ in range(3))
    at = NOW.isoformat()
    base = {"code": code, "kind": "ordinary", "medium": "soil", "point_id": visit, "groups": ["metal"], "batch": "x",
            "collected_at": at, "collected_by": crew, "depth_top_m": "0.5", "depth_bottom_m": "9.0"}  # fmt: skip
    edits = [
        ("point", visit, {"planned_point_id": planned, "code": "S1", "outcome": "done", "started_at": at, "samplers": crew}),
        ("borehole", store.new_id(), {"point_id": visit, "code": "S1", "opened_at": at, "depth_m": "6"}),
        ("sample", sample, base),
        ("sample", twin, {**base, "kind": "field_duplicate", "code": "T2"}),
        ("qc_link", store.new_id(), {"qc_sample_id": twin, "kind": "field_duplicate", "original_id": taken}),
    ]  # fmt: skip
    expected = of_everything(store, book, edits, planned)
    assert {"S01", "S04"} <= {f.check for f in expected}
    assert checking.findings(store, book, edits, planned, NOW) == expected


def test_the_seeded_tablet(tmp_path: Path) -> None:
    store = Store(tmp_path / "t")
    seed.fill(store)
    book = reading.read(store, None)
    for planned in book.planned:
        assert checking.findings(store, book, [], planned, NOW) == of_everything(store, book, [], planned)
    store.close()


def test_only_what_is_near_is_read(tmp_path: Path) -> None:
    """Of a hundred times as many points the check of one costs a few times as much, not a hundred times."""
    from tests.bench.judging import Site

    def cost(points: int) -> float:
        rows = list(Site(seed.ORG, 3).records(points))
        store = filled(tmp_path / str(points), rows)
        book = Book(targets={}, visits={}, drafts={}, readings={}, samples={}, project_id=seed.PROJECT)
        planned = next(id for type, id, _ in rows if type == "planned_point")
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            checking.findings(store, book, [], planned, NOW)
            runs.append(time.perf_counter() - start)
        store.close()
        return min(runs)

    few, many = cost(10), cost(400)
    assert many < 8 * few + 0.05
