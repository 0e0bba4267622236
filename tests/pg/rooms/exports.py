"""Exports: asked for, claimed once, grown, ended, over."""

from __future__ import annotations

from sync_server.store import Tx

AT, LATER = "2026-11-21T02:00:00.000+00:00", "2026-11-21T02:00:01.000+00:00"


def work(tx: Tx) -> None:
    for n, (id, person, at) in enumerate((("x1", "p1", AT), ("x2", "p1", LATER), ("x3", "p2", AT))):
        tx.add_export(id, "j1", person, {"n": n, "词": "样品"}, f"样品 {n}.csv", at)
    for id in ("x1", "none", "\0"):
        tx.export(id)
    tx.exports_of("p1", "j1")
    tx.exports_of("p1", "j2")
    tx.exports_of("p1", "j1", 1)
    tx.exports_open("p1")
    tx.exports_in("waiting")
    tx.next_export_over()
    for _ in range(2):  # only the first claims it
        tx.move_export("x1", ("waiting",), state="running", runner="r1")
    tx.move_export("x1", ("running",), done=5, total=9)
    tx.exports_in("running", "waiting")
    done = {"size": 3, "sha256": "ab", "expires_at": 2**41, "scopes": '["a"]', "counts": "{}"}
    tx.move_export("x1", ("running",), state="done", **done)
    tx.exports_over(2**41 - 1)
    tx.exports_over(2**41)
    tx.next_export_over()
    tx.exports_open("p1")
    tx.export("x1")
