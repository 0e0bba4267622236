"""Tables: pages of a list in any order, whole lists, counts, names."""

from __future__ import annotations

from typing import Any

from sync_server.store import Stored
from sync_server.store.lists import Clause, Key, Query

FIELD = "t1.field"
VALUES = ("1.50", "-0.5", "1.5", None, "abc", "999999999999999999.999999999999", "")
TIMES = (
    "2026-11-21T10:00:00+08:00",
    "2026-11-21T02:00:00.000001Z",
    "2026-02-30T00:00:00Z",
    None,
    "gestern",
    "",
    "2026-11-21",
)


def work(tx: Any) -> None:
    rows = [
        Stored("field_reading", f"t{n}", FIELD, n, {k: v for k, v in (
            ("value", value), ("at", at), ("method", ("xrf", "pid", "newer")[n % 3]), ("note", ("a%", "A_b", "中", "𠮷")[n % 4]),
            ("borehole_id", f"th{n % 2}"), ("deleted", bool(n % 2) or None)) if v is not None})
        for n, (value, at) in enumerate(zip(VALUES, TIMES, strict=True))
    ]  # fmt: skip
    holes = [Stored("borehole", f"th{n}", FIELD, 20 + n, {"code": code}) for n, code in enumerate(("S2", "s10"))]
    sample = Stored(
        "sample",
        "ts",
        FIELD,
        30,
        {"code": "T1", "groups": ["metal", "voc"], "collected_by": ["tx1"], "label_checked": True},
    )
    tx.put([*rows, *holes, sample], [])
    for order in ("seq", "value", "at", "method", "note", "borehole_id", "deleted", "repeat_no"):
        for down in (True, False):
            query = Query("field_reading", FIELD, order=order, down=down)
            first = tx.list_page(query, None, 3)
            tx.list_page(query, first[-1].key, 3)
            tx.list_page(query, first[-1].key, 3, True)
            tx.list_any(query, first[-1].key, True)
            tx.list_walk(query, 2)
            if order != "seq":  # behind all that has a value
                tx.list_page(query, Key((), "t3"), 9)
                tx.list_page(query, Key((), "t3"), 9, True)
    for clauses in (
        [Clause("value", "least", "1.5")], [Clause("value", "most", "0")], [Clause("value", "is", "1.500")], [Clause("value", "none")],
        [Clause("at", "least", "2026-11-21T00:00:00+08:00"), Clause("at", "given")], [Clause("method", "is", "xrf,pid")],
        [Clause("method", "not", "xrf")], [Clause("deleted", "is", "false")], [Clause("note", "has", "A%")], [Clause("note", "has", "_")],
        [Clause("borehole_id", "has", "S1")], [Clause("borehole_id", "is", "th0")], [Clause("id", "is", "t2")], [Clause("seq", "least", "3")],
    ):  # fmt: skip
        query = Query("field_reading", FIELD, tuple(clauses), order="value")
        tx.list_walk(query, 100)
        tx.list_count(query, 2)
    tx.list_count(Query("field_reading", FIELD, search="a% 中"), 10)
    for clause in (
        Clause("groups", "is", "voc,ph"),
        Clause("collected_by", "has", "x"),
        Clause("label_checked", "is", "true"),
    ):
        tx.list_walk(Query("sample", FIELD, (clause,)), 10)
    tx.list_walk(Query("comment", FIELD, (Clause("subject_id", "has", "S"),), names_in=("o.organisation",)), 10)
    for text in ("s", "S10", "%", "T1"):
        for type in ("borehole", "sample", "person"):
            tx.list_called(type, [FIELD, "o.organisation"], text, 5)
