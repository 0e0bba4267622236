"""The past of one record."""

from __future__ import annotations

from sync_server.store import Journaled, Stored, Tx

AT = "2026-11-21T10:00:00.000+00:00"
FIELD = "记录.field"


def work(tx: Tx) -> None:
    tx.add_scope(FIELD, "记录", "field")
    tx.add_journal([
        Journaled(FIELD, "console" if n % 3 else "e1", 100 + n, f"rec-c{n}", "point", f"rec-r{n % 2}", b"\0line", b"l" * 32,
                  "server", "applied" if n else "parked", n or None, None, None, AT)
        for n in range(7)
    ])  # fmt: skip
    for before in (None, 2**40, 1):
        tx.changes_about(["rec-r0", "rec-r1", "no"], FIELD, before, 4)
    tx.changes_about(["rec-r0"], "no", None, 4)
    tx.changes_about([], FIELD, None, 4)
    tx.changes_counted("rec-r0", FIELD)
    tx.changes_counted("no", FIELD)
    about = {"subject_kind": "point", "at": AT}
    tx.put([
        Stored("comment", "rec-k1", FIELD, 1, {**about, "subject_id": "rec-r0", "text": "看过 <b>"}),
        Stored("comment", "rec-k2", FIELD, 2, {**about, "subject_id": "rec-r1", "text": "再看", "resolved": True}),
    ], [])  # fmt: skip
    tx.said_about("comment", ["rec-r0", "rec-r1"], FIELD)
    tx.said_about("comment", [], FIELD)
    tx.said_about("conflict", ["rec-r0"], FIELD)
    for n in range(3):
        tx.add_receipt(f"01a1fdb5-000{n}-7000", FIELD, "e1", '{"first":1}', "s", "{}")
    tx.receipts_between("e1", FIELD, "01a1fdb5-0001", "01a1fdb5-0003")
    tx.receipts_between("e2", FIELD, "01a1fdb5-0001", "01a1fdb5-0003")
