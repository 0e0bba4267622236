"""What belongs to an inspection, by its indexes."""

from __future__ import annotations

from sync_server.store import Stored, Tx

AT = "2026-11-21T10:00:00.000+00:00"
SCOPE = "检查.enforcement"


def work(tx: Tx) -> None:
    tx.add_scope(SCOPE, "检查", "enforcement")
    one = {"code": "JC-1", "kind": "patrol", "site_id": "s", "org_id": "o", "officers": [], "started_at": AT}
    tx.put([
        Stored("inspection", "on-i1", SCOPE, 1, one),
        Stored("inspection", "on-i2", SCOPE, 2, one | {"amends_id": "on-i1", "content_sha256": "a" * 64}),
        *[Stored("checklist_answer", f"on-a{n}", SCOPE, 3 + n, {"inspection_id": f"on-i{n % 2 + 1}", "item_code": str(n), "answer": "pass"}) for n in range(5)],
        Stored("photo", "on-p1", SCOPE, 9, {"sha256": "b" * 64, "step": "finding", "subject_kind": "checklist_answer", "subject_id": "on-a0", "taken_at": AT, "source": "app_camera"}),
    ], [])  # fmt: skip
    for type, column, ids in (
        ("checklist_answer", "inspection_id", ["on-i1"]), ("inspection", "amends_id", ["on-i1", "no"]), ("photo", "subject_id", ["on-a0", "on-a1"]),
        ("finding", "inspection_id", []),
    ):  # fmt: skip
        tx.referring(type, column, ids, [SCOPE])
    tx.everywhere("inspection", code="JC-1")
    tx.media_here(SCOPE)
