"""An inspector's tablet of the same project: what the samplers recorded, the ready checklists, one of the project's own with two hundred
items, two facilities. No server.

python -m tests.ui.checks_seed DIR      fills an empty data folder
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from field_app.store import Store
from schemas.records import TYPES, check
from schemas.reference import Label
from schemas.rules import evidence
from schemas.rules.checklists import model
from schemas.wire import PullHead, ScopeGrant
from tests.ui import seed
from tests.ui.seed import FIELD, HOME, ORG, PERSON, PROJECT, SITE, uid

ENFORCEMENT = f"{PROJECT}.enforcement"
LONG, FACTORY, TANK = uid(0xE1, 1), uid(0xE2, 1), uid(0xE3, 1)
WRITES = ["inspection", "checklist_answer", "finding", "recheck", "facility", "field_task", "photo", "comment"]
MANY = 200


def long_list() -> model.Checklist:
    """Ten sections of twenty items, every seventh starred; the list a patrol of a large works goes by."""
    items = tuple(
        model.Item(
            f"XJ-{n:03d}", Label(f"第 {n // 20 + 1} 片区", f"Area {n // 20 + 1}"),
            Label(f"{n + 1} 号设施的防渗、围堰和标识完好，周边无渗漏痕迹", f"Lining, bund and signs of facility {n + 1} are sound, no traces of leaks"),
            star=n % 7 == 0, asks=(model.Ask("photo"),), mark="D", phrases=(Label("地面开裂", "floor cracked"), Label("有积液", "standing liquid")),
        )
        for n in range(MANY)
    )  # fmt: skip
    rule = model.Rule("counts", 3, 20)
    return model.sealed(model.Checklist("xj-patrol", 1, Label("厂区巡查表", "Works patrol"), "patrol", items, rule, {}))


def records() -> list[tuple[str, str, str, dict[str, Any]]]:
    """(scope, type, id, values) besides what the samplers' tablet has."""
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        (HOME, "organisation", FACTORY, {"name": "红星电镀厂", "roles": ["key_unit"], "legal_person": "顾明", "contact": "钱进"}),
        (HOME, "checklist", LONG, {**model.record_values(long_list()), "state": "published", "project_id": PROJECT,
                                   "valid_from": "2026-01-01"}),
        (ENFORCEMENT, "facility", TANK, {"code": "CG-01", "name": "废酸接地储罐", "site_id": SITE, "org_id": FACTORY, "hazard_class": "liquid_storage",
                                         "kind": "earthed_tank", "hidden": False}),
    ]  # fmt: skip
    return [r for r in rows if not (faults := check(TYPES[r[1]], r[3])) or print(r[1], faults)]


def fill(store: Store) -> None:
    seed.fill(store)
    people = store.keys.require()
    store.grant(
        [ScopeGrant(scope=HOME, audience="organisation", owner=ORG, name="清源环境", roles=["inspector"], writes=[]),
         ScopeGrant(scope=FIELD, audience="field", owner=PROJECT, name="红星电镀厂地块 详细调查", roles=["inspector"], writes=["comment", "photo"]),
         ScopeGrant(scope=ENFORCEMENT, audience="enforcement", owner=PROJECT, name="红星电镀厂地块 详细调查", roles=["inspector"], writes=WRITES)]
    )  # fmt: skip
    assert people.person == PERSON
    from datetime import datetime

    from field_app.clock import CHINA

    before = {
        scope: sum(r[0] == scope for r in seed.records(datetime.now(CHINA))) for scope in (HOME, FIELD, ENFORCEMENT)
    }
    for scope in (HOME, ENFORCEMENT):
        rows = [r for r in records() if r[0] == scope]
        top = before[scope]
        lines = [evidence.row_line(type, id, top + n, values) for n, (_, type, id, values) in enumerate(rows, 1)]
        last = top + len(lines)
        store.apply_pull(scope, PullHead(epoch="1", cursor=last, head=last, count=last, more=False), lines)


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]))
    fill(store)
    store.close()
    print(seed.here(), seed.PIN)
