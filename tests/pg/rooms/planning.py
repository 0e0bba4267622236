"""Versions of plans and drafts: each statement, on both databases."""

from __future__ import annotations

from typing import Any

from sync_server.store import DraftRow, Stored

SCOPE = "plan1.field"


def work(tx: Any) -> None:
    at = {"lon": "118.7", "lat": "32"}
    point = {"plan_id": "v1", "code": "S1", "role": "soil", "origin": "plan", "position": at}
    target = {"planned_point_id": "pp1", "medium": "soil", "rule": "surface", "groups": ["metal"]}
    tx.put([
        Stored("planned_point", "pp1", SCOPE, 1, point), Stored("planned_point", "pp2", SCOPE, 2, {**point, "code": "点 2", "deleted": True}),
        Stored("planned_point", "pp3", SCOPE, 3, {**point, "plan_id": "v2", "code": "S3"}), Stored("planned_target", "pt1", SCOPE, 4, target),
        Stored("point", "pv1", SCOPE, 5, {"code": "X1", "site_id": "s1"}),
    ], [])  # fmt: skip
    for plan in ("v1", "v2", "no"):
        tx.plan_points(SCOPE, plan)
        tx.plan_targets(SCOPE, plan)
    tx.plan_points("other.field", "v1")
    tx.plan_sizes(SCOPE)
    tx.plan_sizes("other.field")
    tx.codes_ever(SCOPE)
    draft = DraftRow(
        "d1", "方案.csv", bytes(range(256)), {"groups": ["metal"], "note": "加密"}, "2026-11-21T10:00:00+08:00"
    )
    tx.set_plan_draft("p1", "plan1", "file", draft, 100)
    tx.set_plan_draft("p1", "plan1", "file", draft._replace(id="d2"), 200)  # in its place
    tx.set_plan_draft("p1", "plan1", "edits", draft._replace(id="d3", content=None), 50)
    tx.plan_draft("p1", "plan1", "file", 150)
    tx.plan_draft("p1", "plan1", "file", 200)  # too late
    tx.plan_draft("p2", "plan1", "file", 1)
    tx.drop_old_plan_drafts(50)
    tx.plan_draft("p1", "plan1", "edits", 1)
    tx.drop_plan_draft("p1", "plan1", "file")
    tx.plan_draft("p1", "plan1", "file", 1)
