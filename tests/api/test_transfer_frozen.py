"""A transfer plan that was handed to an authority is frozen for tablets as it is for pages: what changes is a new version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from schemas.rules.transfer_plan import frozen
from tests.api.conftest import Server, outcomes
from tests.api.transfer_scene import Scene


def test_a_tablet_changes_nothing_of_a_submitted_plan(server: Server) -> None:
    scene = Scene(server)
    sender, plan = scene.device("sender"), scene.plan_values()
    more = [
        *plan["filings"],
        {"authority_id": scene.bureau, "side": "result", "submitted_at": "2026-12-01T09:00:00+08:00"},
    ]
    done = []
    for before, after in (
        ({"mass_t": plan["mass_t"]}, {"mass_t": "9000.0"}),
        ({"filings": plan["filings"]}, {"filings": None}),
        ({}, {"suspended": True, "suspend_reason": "暴雨"}),
        ({"filings": plan["filings"]}, {"filings": more}),
    ):
        line = sender.change("transfer_plan", after, scene.plan, {**dict.fromkeys(after), **before}, scope=scene.scope)
        done += outcomes(sender.push([line], scene.scope))
    assert done == ["rejected", "rejected", "applied", "applied"]
    (kept,) = server.service.records("transfer_plan", scene.scope)
    assert (kept.values["mass_t"], kept.values["suspended"], kept.values["filings"]) == ("3800.0", True, more)


FILED: dict[str, Any] = {"side": "origin", "submitted_at": "2026-11-01T09:00:00+08:00"}
ANSWERED = {**FILED, "receipt_no": "1", "accepted_at": "2026-11-02T09:00:00+08:00"}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ({"mass_t": "1"}, {"mass_t": "2"}, None),  # a draft
        ({"mass_t": "1"}, {"mass_t": "1", "filings": [FILED]}, None),
        ({"mass_t": "1", "filings": [FILED]}, {"mass_t": "2", "filings": [FILED]}, "contents"),
        ({"mass_t": "1", "filings": [FILED]}, {"mass_t": "1", "filings": [ANSWERED], "note": "n"}, None),
        ({"mass_t": "1", "filings": [ANSWERED]}, {"mass_t": "1", "filings": [{**ANSWERED, "receipt_no": "2"}]}, "filings"),
        ({"mass_t": "1", "filings": [ANSWERED]}, {"mass_t": "1"}, "filings"),
        ({"mass_t": "1", "filings": [FILED]}, {"mass_t": "1", "filings": [FILED], "deleted": True}, "contents"),
    ],
)  # fmt: skip
def test_what_is_frozen(old: Mapping[str, Any], new: Mapping[str, Any], what: str | None) -> None:
    assert frozen(old, new) == what
