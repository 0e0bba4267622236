"""A tablet of an inspector: findings in every state, with photos before, and tasks to go to. No server.

python -m tests.ui.rectify_seed DIR      fills an empty data folder
"""

from __future__ import annotations

import io
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from field_app.capture import photo
from field_app.clock import CHINA
from field_app.store import Store
from schemas.records import TYPES, check
from schemas.rules import evidence
from schemas.wire import PullHead, ScopeGrant
from tests.ui.seed import FIELD, HOME, MATE, ORG, PERSON, PROJECT, SITE, fill, place, uid

ENFORCEMENT = f"{PROJECT}.enforcement"
PARTY, BUREAU, WORKER = uid(0xC1, 1), uid(0xC1, 2), uid(0xC1, 3)
INSPECTION = uid(0xC2, 1)
LATE, FRESH, WAITING, CLOSED, TIP = (uid(0xC3, n) for n in range(1, 6))
NEAR, FAR, OTHERS = (uid(0xC4, n) for n in range(1, 4))
SPOT = (6.0, -20.0)  # metres east and north of the middle: where the photo before was taken
WRITES = ["inspection", "checklist_answer", "finding", "corrective_action", "recheck", "field_task", "photo", "comment"]


def drum(done: bool = False) -> bytes:
    """A picture of something that leaks, or does no more."""
    made = Image.new("RGB", (800, 600), "#9a8f7a")
    draw = ImageDraw.Draw(made)
    draw.rectangle((300, 150, 500, 480), fill="#2f5f8a", outline="#1b3a55", width=8)
    if not done:
        draw.ellipse((260, 440, 620, 560), fill="#3b2a18")
    out = io.BytesIO()
    made.save(out, "JPEG", quality=80)
    return out.getvalue()


def records(now: datetime, sha: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(scope, type, id, values), parents first."""
    out: list[tuple[str, str, str, dict[str, Any]]] = []

    def add(scope: str, type: str, id: str, **values: Any) -> None:
        values = {k: v for k, v in values.items() if v is not None}
        assert not check(TYPES[type], values), check(TYPES[type], values)
        out.append((scope, type, id, values))

    def at(days: float) -> str:
        return (now + timedelta(days=days)).isoformat(timespec="seconds")

    def day(days: int) -> str:
        return (now + timedelta(days=days)).date().isoformat()

    def signed(days: float, *who: tuple[str, str]) -> list[dict[str, Any]]:
        return [
            {"role": "inspector", "person_id": id, "name": name, "way": "stamped", "signed_at": at(days)}
            for id, name in who
        ]

    both = ((PERSON, "周岚"), (MATE, "沈立"))
    officers = [{"person_id": id, "name": name, "duty": "inspector"} for id, name in both]
    fix = {**place(*SPOT), "fix_kind": "rtk_fixed", "h_acc_m": "0.50", "at": at(-10)}
    add(HOME, "organisation", PARTY, name="红星电镀厂", roles=["key_unit"])
    add(HOME, "organisation", BUREAU, name="市生态环境局", roles=["authority"])
    add(HOME, "person", WORKER, name="孙师傅", org_id=PARTY)
    for n, (id, _) in enumerate(both, 1):
        add(
            HOME,
            "person_qualification",
            uid(0xC5, n),
            person_id=id,
            kind="enforcement",
            number=f"苏执 0{n}",
            valid_from="2025-01-01",
        )
    add(ENFORCEMENT, "inspection", INSPECTION, code="JC-20261111-0301", kind="hidden_hazard", site_id=SITE, org_id=PARTY, officers=officers,
        started_at=at(-10.1), ended_at=at(-10), position=fix, signatures=signed(-10, *both), place="电镀车间")  # fmt: skip

    def finding(id: str, n: int, said: str, severity: str, due: int | None) -> None:
        add(ENFORCEMENT, "finding", id, code=f"JC-20261111-0301-WT0{n}", inspection_id=INSPECTION, severity=severity, kind="防渗漏", org_id=PARTY,
            description=said, basis="公告2021年第1号", position=fix, responsible="孙师傅", measure="清理并修补防渗",
            deadline=day(due) if due is not None else None)  # fmt: skip

    finding(LATE, 1, "危废桶下渗漏，地面开裂", "severe", -3)
    finding(FRESH, 2, "围堰缺口没有封堵", "general", 2)
    finding(WAITING, 3, "雨棚破损", "general", 9)
    finding(CLOSED, 4, "应急池有积水", "general", -1)
    finding(TIP, 5, "台账字迹不清", "tip", None)
    add(
        ENFORCEMENT,
        "corrective_action",
        uid(0xC6, 1),
        finding_id=LATE,
        at=at(-2),
        measure_taken="已换桶，地面重做防渗",
        done=True,
        reported_by="孙师傅",
    )
    for n, id in ((2, WAITING), (3, CLOSED)):
        add(
            ENFORCEMENT,
            "corrective_action",
            uid(0xC6, n),
            finding_id=id,
            at=at(-4),
            measure_taken="已修好",
            done=True,
            reported_by="孙师傅",
        )
    add(ENFORCEMENT, "recheck", uid(0xC7, 1), finding_id=WAITING, at=at(-1), officers=[officers[1]], result="closed", opinion="已按要求整改到位",
        signatures=signed(-1, both[1]), position=fix)  # fmt: skip
    add(ENFORCEMENT, "recheck", uid(0xC7, 2), finding_id=CLOSED, at=at(-2), officers=officers, result="closed", opinion="已按要求整改到位",
        signatures=signed(-2, *both), position=fix)  # fmt: skip
    shot = {
        "subject_kind": "finding",
        "taken_at": at(-10),
        "source": "app_camera",
        "position": fix,
        "bearing_deg": "40",
        "sha256": sha,
    }
    for n, id in enumerate((LATE, FRESH, WAITING, CLOSED), 1):
        add(ENFORCEMENT, "photo", uid(0xC8, n), step="finding", subject_id=id, **shot)
    for n, id in ((11, uid(0xC6, 2)), (12, uid(0xC6, 3))):
        add(
            ENFORCEMENT,
            "photo",
            uid(0xC8, n),
            step="rectified",
            subject_id=id,
            **{**shot, "subject_kind": "corrective_action", "sha256": "b" * 64, "taken_at": at(-4)},
        )
    ring = [place(*p) for p in ((20, -10), (70, -15), (75, 30), (35, 40), (20, -10))]
    area = {"rings": [[[p["lon"], p["lat"]] for p in ring]]}
    add(ENFORCEMENT, "field_task", NEAR, code="RW-001", kind="remote_sensing", title="疑似新增堆土", detail="两期影像比对，东侧空地有新增堆体。", site_id=SITE,
        org_id=PARTY, geometry=area, source_ref="YG-2026-118", assigned_to=[PERSON], due_on=day(-1), checklist="hidden-hazard@1")  # fmt: skip
    add(
        ENFORCEMENT,
        "field_task",
        FAR,
        code="RW-002",
        kind="complaint",
        title="信访：夜间有刺激气味",
        position=place(300, 420),
        assigned_to=[PERSON],
        due_on=day(4),
    )
    add(
        ENFORCEMENT,
        "field_task",
        OTHERS,
        code="RW-003",
        kind="grid",
        title="网格：围挡破损",
        position=place(-60, 60),
        assigned_to=[MATE],
        due_on=day(1),
    )
    return out


def fill_inspector(store: Store, picture: bool = True) -> None:
    """The tablet of `seed.fill`, whose person inspects. `picture`: the photo before is on this tablet."""
    fill(store)
    sha = photo.keep(store.folder, drum()).sha256 if picture else "a" * 64
    store.grant([
        ScopeGrant(scope=HOME, audience="organisation", owner=ORG, name="清源环境", roles=["inspector"], writes=[]),
        ScopeGrant(scope=FIELD, audience="field", owner=PROJECT, name="红星电镀厂地块 详细调查", roles=["inspector"], writes=["photo", "comment"]),
        ScopeGrant(scope=ENFORCEMENT, audience="enforcement", owner=PROJECT, name="红星电镀厂地块 详细调查", roles=["inspector"], writes=WRITES),
    ])  # fmt: skip
    put(store, records(datetime.now(CHINA), sha))


def put(store: Store, rows: list[tuple[str, str, str, dict[str, Any]]]) -> None:
    """As the next pull brings them."""
    for scope in dict.fromkeys(r[0] for r in rows):
        own, start = [r for r in rows if r[0] == scope], store.cursor(scope)
        lines = [evidence.row_line(type, id, seq, values) for seq, (_, type, id, values) in enumerate(own, start + 1)]
        head = PullHead(epoch="1", cursor=start + len(lines), head=start + len(lines), count=len(lines), more=False)
        store.apply_pull(scope, head, lines)


if __name__ == "__main__":
    made = Store(Path(sys.argv[1]))
    fill_inspector(made)
    made.close()
