"""Who recorded what, what was decided about it, photos of it."""

from __future__ import annotations

from sync_server.store import Journaled, Stored, Tx

AT = "2026-11-21T10:00:00.000+00:00"
FIELD = "审核.field"


def work(tx: Tx) -> None:
    tx.add_scope(FIELD, "审核", "field")
    tx.add_journal([
        Journaled(FIELD, "console" if n % 2 else "e1", 500 + n, f"rv-c{n}", "photo" if n == 4 else "point", f"rv-r{n % 3}", b"\0line", b"l" * 32,
                  "server", "applied" if n else "parked", n or None, None, None, AT)
        for n in range(7)
    ])  # fmt: skip
    for since in (0, 3, 2**40):
        list(tx.made_since(FIELD, since, ["point", "sample"]))
    list(tx.made_since("no", 0, ["point"]))
    about = {"subject_kind": "point", "record_seq": 2**31 - 1, "level": 1, "person_id": "p", "at": AT}
    tx.put([
        Stored("review_decision", "rv-d1", FIELD, 1, {**about, "subject_id": "rv-r0", "state": "back", "reason": "复测 <b>"}),
        Stored("review_decision", "rv-d2", FIELD, 2, {**about, "subject_id": "rv-r1", "state": "pass"}),
        Stored("photo", "rv-p1", FIELD, 2**41, {"subject_id": "rv-r0", "sha256": "ab"}),
        Stored("photo", "rv-p2", FIELD, 2**41 + 1, {"subject_id": "rv-r0", "sha256": "ac", "deleted": True}),
        Stored("photo", "rv-p3", FIELD, 5, {"subject_id": "rv-r0", "sha256": "ad", "deleted": False}),
    ], [])  # fmt: skip
    tx.decisions_about(FIELD, ["rv-r0", "rv-r1", "no"])
    tx.decisions_about(FIELD, [])
    tx.last_photos(FIELD, ["rv-r0", "rv-r1"])
    tx.last_photos(FIELD, [])
