"""Drafts of long checks: each statement, on both databases."""

from __future__ import annotations

from typing import Any

from sync_server.store import KeptRow


def work(tx: Any) -> None:
    at = "2026-11-21T02:00:00+00:00"
    row = KeptRow(
        "kp1", "kr1", "inspection", "kept1.enforcement", 1, at, "A1", 256, "0" * 64, "JC-1 检查 ‖ Check", 3, 18, 2
    )
    tx.set_kept(row, bytes(range(256)))
    tx.set_kept(row._replace(record="kr2", at="2026-11-21T03:00:00+00:00", version=2**53), b"{}")
    tx.set_kept(row._replace(person="kp2", title="\U00020bb7'\";--"), b"")
    tx.set_kept(row._replace(version=2, done=4), bytes(range(255, -1, -1)))  # in its place
    for person, record in (("kp1", "kr1"), ("kp1", "kr2"), ("kp2", "kr1"), ("kp2", "kr2")):
        tx.kept_draft(person, record)
        tx.kept_content(person, record)
    for person in ("kp1", "kp2", "nobody"):
        tx.kept_drafts(person)
        tx.count_kept(person)
    tx.drop_kept("kp1", "kr1")
    tx.drop_kept("kp1", "kr1")  # gone already
    tx.kept_drafts("kp1")
