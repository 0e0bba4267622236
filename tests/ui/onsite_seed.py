"""An inspector's tablet with a check that is answered and only wants its on-site record: two answers "no", officers, certificates."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from field_app.clock import CHINA
from field_app.store import Store
from schemas.records import TYPES, check
from schemas.rules import evidence
from schemas.rules.checklists import ready
from schemas.wire import PullHead
from tests.ui import checks_seed, seed
from tests.ui.checks_seed import ENFORCEMENT, FACTORY
from tests.ui.seed import HOME, LAT, LON, PERSON, SITE, uid

CHECK, LUO = uid(0xE9, 1), uid(0xE9, 2)


def people() -> list[tuple[str, str, dict[str, Any]]]:
    paper = {"kind": "enforcement", "valid_from": "2024-01-01"}
    rows = [
        ("person", LUO, {"name": "罗文", "org_id": seed.ORG}),
        ("person_qualification", uid(0xE9, 3), {**paper, "person_id": PERSON, "number": "320500123"}),
        ("person_qualification", uid(0xE9, 4), {**paper, "person_id": LUO, "number": "320500456"}),
    ]  # fmt: skip
    assert not [f for type, _, values in rows for f in check(TYPES[type], values)]
    return rows


def fill(store: Store, at: datetime, **more: Any) -> str:
    """Fills an empty data folder; the id of the check, which began at `at`. `more`: fields of the inspection."""
    checks_seed.fill(store)
    rows = people()
    top = store.cursor(HOME)
    lines = [evidence.row_line(type, id, top + n, values) for n, (type, id, values) in enumerate(rows, 1)]
    last = top + len(lines)
    store.apply_pull(HOME, PullHead(epoch="1", cursor=last, head=last, count=last, more=False), lines)
    list = ready.find("remediation-site", 1)
    assert list is not None
    when = at.isoformat(timespec="seconds")
    fix = {"lon": f"{LON:.7f}", "lat": f"{LAT:.7f}", "h_acc_m": "3.00", "fix_kind": "single", "at": when}
    store.save_draft("inspection", CHECK, ENFORCEMENT, {
        "code": f"JC-{at:%Y%m%d}-0790", "kind": "enforcement", "site_id": SITE, "org_id": FACTORY, "legal_person": "顾明", "place": "红星电镀厂",
        "list_code": list.code, "list_version": list.version, "list_sha256": list.sha256, "started_at": when, "position": fix,
        "officers": [{"person_id": PERSON, "name": "周岚", "duty": "inspector"}], "_check": {"at": list.items[0].code}, **more,
    })  # fmt: skip
    failed = [item.code for item in list.items][1:5:3]
    for n, item in enumerate(list.items, 1):
        fails = item.code in failed
        # of what is asked for nothing can be taken here: said so
        why = {"text": "现场缺口约 3 m", "note": "设备故障，未能取证"} if fails else {}
        answer = {"inspection_id": CHECK, "item_code": item.code, "answer": "fail" if fails else "pass", **why}
        store.save_draft("checklist_answer", uid(0xEA, n), ENFORCEMENT, answer, CHECK)
    return CHECK


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]))
    fill(store, datetime.now(CHINA))
    store.close()
    print(seed.here(), seed.PIN)
