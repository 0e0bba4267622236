"""What a day of syncs leaves on a tablet: receipts, refused and parked changes, a record sent back, conflicts of both kinds.

python -m tests.ui.sync_seed DIR      fills an empty data folder, to look at
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from field_app.clock import CHINA
from field_app.store import Edit, Store
from schemas.rules import evidence
from schemas.wire import Detail, Outcome, PullHead, ScopeGrant
from tests.ui import seed
from tests.unit.tablet import SERVER, answer

SERVER_URL = "http://127.0.0.1:9"
OPEN, MANAGED = seed.uid(6, 1), seed.uid(6, 2)  # conflicts: of the person's own change, and for the manager


def pulled(store: Store, rows: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Rows of the field scope, as the next pull brings them."""
    first = store.cursor(seed.FIELD) + 1
    lines = [evidence.row_line(type, id, first + n, values) for n, (type, id, values) in enumerate(rows)]
    top = first + len(lines) - 1
    store.apply_pull(seed.FIELD, PullHead(epoch="1", cursor=top, head=top, count=len(lines), more=False), lines)


def sent(store: Store, edits: list[Edit], outcome: Outcome, seq: int | None = None, **why: Any) -> list[str]:
    made = store.finalize(edits, complete=False)
    batch = store.batch(seed.FIELD, 100)
    assert batch is not None
    told = [Detail(id=c.id, outcome=outcome, **why) for c in made] if outcome is not Outcome.APPLIED else []
    store.acknowledge(batch, answer(store, batch, [(outcome, seq and seq + n) for n, _ in enumerate(made)], told))
    return [c.id for c in made]


def note(store: Store, text: str) -> Edit:
    at = datetime.now(CHINA).isoformat(timespec="seconds")
    return Edit(
        "comment",
        store.new_id(),
        seed.FIELD,
        {"subject_kind": "project", "subject_id": seed.PROJECT, "text": text, "at": at},
    )


def point_of(store: Store, n: int) -> dict[str, Any]:
    seen = store.get("point", seed.uid(3, n))
    assert seen is not None
    return seen.values


def fill(store: Store, manager: bool = False) -> None:
    """`manager`: the person may decide conflicts."""
    seed.fill(store)
    identity = store.keys.require()._replace(server_key=evidence.public_of(SERVER))
    store.keys.save(identity)
    if manager:
        roles = ["sampler", "project_manager"]
        store.grant([ScopeGrant(**{**g.model_dump(), "roles": roles}) for g in store.scopes()])
    now = datetime.now(CHINA)
    sent(store, [note(store, f"第 {n} 条") for n in range(31)], Outcome.APPLIED, 1)
    at = now.isoformat(timespec="seconds")
    visit = {"planned_point_id": seed.uid(1, 16), "code": "S16", "site_id": seed.SITE, "outcome": "done",
             "samplers": [seed.PERSON], "started_at": at, "weather": "sunny", "note": "井盖在右侧两米"}  # fmt: skip
    sent(store, [Edit("point", store.new_id(), seed.FIELD, visit)], Outcome.REJECTED, problem=3001,
         zh="内容不合要求：完成时间早于开始时间", en="The contents are not right: it ends before it began")  # fmt: skip
    readings = [
        Edit("field_reading", store.new_id(), seed.FIELD, {
            "point_id": seed.uid(3, 99), "method": "xrf", "instrument_id": seed.XRF, "parameter": "Ni", "depth_top_m": "0.5",
            "value": str(40 + n), "qualifier": "eq", "unit": "mg_kg", "at": at, "entry_way": "typed"}) for n in range(3)
    ]  # fmt: skip
    sent(store, readings, Outcome.PARKED, problem=3101, zh="等待关联：点位 S21 还没到服务器",
         en="Waiting for point S21, which is not here yet", missing=[f"point:{seed.uid(3, 99)}"])  # fmt: skip
    mine, moved = seed.uid(3, 8), seed.uid(3, 9)
    seen = point_of(store, 8)
    later = {**seen, "samplers": [seed.PERSON], "code": "S08"}
    (change,) = sent(
        store,
        [Edit("point", mine, seed.FIELD, {**later, "wind": "东"})],
        Outcome.CONFLICT,
        store.cursor(seed.FIELD) + 1,
    )
    was = dict(point_of(store, 9)["position"])
    elsewhere = {**was, **seed.place(-60, 9), "h_acc_m": "2.40", "fix_kind": "single"}
    clash = {"subject_kind": "point", "change_id": change}
    pulled(store, [
        ("point", mine, {**later, "wind": "南"}),
        ("review_decision", seed.uid(7, 1), {
            "subject_kind": "point", "subject_id": mine, "record_seq": store.cursor(seed.FIELD) + 1, "state": "back",
            "level": 1, "reason": "标牌看不清编号，请重拍", "person_id": seed.MATE, "at": (now - timedelta(hours=1)).isoformat(timespec="seconds")}),
        ("conflict", OPEN, {**clash, "subject_id": mine, "field_name": "wind", "before": '{"wind":null}',
                            "now": '{"wind":"南"}', "after": '{"wind":"东"}'}),
        ("conflict", MANAGED, {**clash, "change_id": seed.uid(8, 1), "subject_id": moved, "field_name": "position",
                               "before": json.dumps({"position": None}), "now": json.dumps({"position": was}),
                               "after": json.dumps({"position": elsewhere})}),
    ])  # fmt: skip
    summary = {"at": at, "reached": True, "sent": 31, "pulled": 86, "up": 18_400, "down": 412_000, "problems": []}
    store.set_meta("ui.last_sync", json.dumps(summary))
    store.finalize([note(store, "还没交")])


if __name__ == "__main__":
    made = Store(Path(sys.argv[1]))
    fill(made, manager="--manager" in sys.argv)
    made.close()
    print(seed.here(), seed.PIN)
