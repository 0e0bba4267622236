"""A tablet as after enrolment and a first pull: one project, 20 planned points, some of them done by others.

python tests/ui/seed.py DIR      fills an empty data folder, to try the app without a server
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from field_app.clock import CHINA
from field_app.keys import Identity
from field_app.store import Store
from schemas.records import TYPES, check
from schemas.reference import codes
from schemas.rules import evidence
from schemas.rules.geo import offset
from schemas.wire import Block, PullHead, ScopeGrant

LON, LAT = 119.452316, 32.208745
PIN, MATES_PIN = "246810", "975310"
PROJECT, ORG = "01900000-0000-7000-8000-00000000a001", "01900000-0000-7000-8000-00000000a002"
PERSON, MATE = "01900000-0000-7000-8000-00000000a003", "01900000-0000-7000-8000-00000000a004"
FIELD, HOME = f"{PROJECT}.field", f"{ORG}.organisation"
SITE, PLAN = "01900000-0000-7000-8000-00000000a005", "01900000-0000-7000-8000-00000000a006"
XRF, PID = "01900000-0000-7000-8000-00000000a007", "01900000-0000-7000-8000-00000000a008"
# metres east and north of the middle
PLACES = [(-69, 65), (-35, 68), (0, 69), (35, 66), (-72, 34), (-37, 36), (-2, 37), (32, 35), (-67, 4), (-34, 6), (2, 7),
          (39, 6), (-63, -26), (-29, -24), (4, -23), (39, -26), (-56, -52), (-24, -51), (8, -50), (41, -49)]  # fmt: skip
BOUNDARY = [(-90, 84), (-12, 91), (58, 85), (63, 14), (55, -60), (-18, -65), (-84, -57), (-92, 18), (-90, 84)]
NEAR_S15 = (4.3, -22.7)  # where the simulated receiver stands
WORST = {3: "210", 6: "391", 7: "642", 11: "188"}  # Ni at 2.0 m; 150 is the screening value


def uid(kind: int, n: int) -> str:
    return f"01900000-0000-7000-8000-{kind:04x}{n:08x}"


def place(east: float, north: float) -> dict[str, str]:
    lon, lat = offset(LON, LAT, east, north)
    return {"lon": f"{lon:.7f}", "lat": f"{lat:.7f}"}


def here(east: float = NEAR_S15[0], north: float = NEAR_S15[1], accuracy: float = 2.1) -> str:
    """For JINGTU_FAKE_POSITION."""
    at = place(east, north)
    return f"{at['lon']},{at['lat']},{accuracy}"


def records(now: datetime, calibrated: bool = True) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(scope, type, id, values)."""
    out: list[tuple[str, str, str, dict[str, Any]]] = []

    def add(scope: str, type: str, id: str, **values: Any) -> None:
        values = {k: v for k, v in values.items() if v is not None}
        assert not check(TYPES[type], values), check(TYPES[type], values)
        out.append((scope, type, id, values))

    today = now.isoformat(timespec="seconds")
    add(HOME, "organisation", ORG, name="清源环境", roles=["surveyor"])
    for id, name in ((PERSON, "周岚"), (MATE, "沈立")):
        add(HOME, "person", id, name=name, org_id=ORG)
    add(HOME, "instrument", XRF, code="XRF-03", kind="xrf", model="Vanta", serial_no="842167", org_id=ORG,
        lod_default=[{"analyte": a, "lod": lod, "unit": "mg_kg"} for a, lod in (("Ni", "5"), ("Cu", "6"), ("Pb", "4"), ("As", "3"), ("Cr", "12"))])  # fmt: skip
    add(
        HOME,
        "instrument",
        PID,
        code="PID-11",
        kind="pid",
        model="MiniRAE",
        serial_no="5521",
        org_id=ORG,
        lamp_ev="10.60",
    )
    add(FIELD, "project", PROJECT, code="HX", name="红星电镀厂地块 详细调查", stage="detailed", client_id=ORG, surveyor_id=ORG,
        contact_id=PERSON, accuracy_gate_m="5.00", shift_ok_m="2.0")  # fmt: skip
    ring = [[p["lon"], p["lat"]] for p in (place(*at) for at in BOUNDARY)]
    add(FIELD, "site", SITE, code="321100-HX", name="红星电镀厂地块", status="survey", boundary={"rings": [ring]},
        land_use="r1", standard="gb36600_1", division_code="321100")  # fmt: skip
    add(
        FIELD,
        "plan",
        PLAN,
        code="HX-P",
        version=1,
        title="详细调查采样方案",
        stage="detailed",
        author_id=ORG,
        media=["soil"],
    )
    for n, (east, north) in enumerate(PLACES, 1):
        planned = uid(1, n)
        add(FIELD, "planned_point", planned, plan_id=PLAN, code=f"S{n:02d}", role="soil", origin="plan", position=place(east, north),
            target_depth_m="6.0" if n % 3 else "3.0", reason="酸洗槽下游", order_no=n)  # fmt: skip
        depths = (("0.0", "0.5", "surface"), ("1.5", "2.0", "fixed"), ("4.0", "4.5", "fixed"))[: 3 if n % 3 else 2]
        for i, (top, bottom, rule) in enumerate(depths):
            add(FIELD, "planned_target", uid(2, n * 10 + i), planned_point_id=planned, medium="soil", rule=rule, depth_top_m=top,
                depth_bottom_m=bottom, groups=["metal", "voc"] if n % 2 else ["metal", "cr6"])  # fmt: skip
        if n <= 13 or n == 18:
            visited(add, n, planned, now - timedelta(days=1), east, north)
    if calibrated:
        for id, instrument in ((1, XRF), (2, PID)):
            point = {"kind": "check", "standard": "NIST 2711a", "reading": "21.9", "unit": "mg_kg", "result": "passed"}
            point["kind"] = next(iter(codes("cal_kind")))
            add(
                FIELD,
                "calibration",
                uid(5, id),
                instrument_id=instrument,
                at=today,
                person_id=PERSON,
                points=[point],
                result="passed",
            )
    return out


def visited(add: Any, n: int, planned: str, at: datetime, east: float, north: float) -> None:
    """A point somebody else has done already."""
    refused, moved = n == 18, n == 12
    text = at.isoformat(timespec="seconds")
    fix = {**place(east + (6 if moved else 0.3), north), "fix_kind": "rtk_fixed", "h_acc_m": "0.02", "at": text}
    add(FIELD, "point", uid(3, n), planned_point_id=planned, code=f"S{n:02d}", site_id=SITE, outcome="refused" if refused else "done",
        reason="concrete" if refused else "utility" if moved else None, position=fix, weather="sunny", surface_kind="水泥地面",
        samplers=[MATE], started_at=text, ended_at=text)  # fmt: skip
    if refused:
        return
    for i, (depth, value) in enumerate((("0.5", "48"), ("2.0", WORST.get(n, "86")))):
        add(FIELD, "field_reading", uid(4, n * 10 + i), point_id=uid(3, n), method="xrf", instrument_id=XRF, parameter="Ni",
            depth_top_m=depth, value=value, qualifier="eq", unit="mg_kg", at=text, entry_way="typed")  # fmt: skip


def fill(store: Store, calibrated: bool = True, blocks: bool = True) -> None:
    writes = ["point", "field_reading", "sample"]
    key = evidence.new_key()
    store.keys.save(
        Identity(
            uid(9, 1), uid(9, 2), "03", PERSON, "周岚", "http://127.0.0.1:9", evidence.public_of(key), key, b"s" * 32
        )
    )
    store.keys.set_pin(uid(9, 1), PIN)
    store.grant(
        [ScopeGrant(scope=HOME, audience="organisation", owner=ORG, name="清源环境", roles=["sampler"], writes=[]),
         ScopeGrant(scope=FIELD, audience="field", owner=PROJECT, name="红星电镀厂地块 详细调查", roles=["sampler"], writes=writes)]
    )  # fmt: skip
    for scope in (HOME, FIELD):
        rows = [r for r in records(datetime.now(CHINA), calibrated) if r[0] == scope]
        lines = [evidence.row_line(type, id, seq, values) for seq, (_, type, id, values) in enumerate(rows, 1)]
        head = PullHead(epoch="1", cursor=len(lines), head=len(lines), count=len(lines), more=False)
        store.apply_pull(scope, head, lines)
    if blocks:
        store.add_block(Block(use="sample", from_no=1, to_no=50))


def unlocked(folder: Path) -> Store:
    """The folder opened again, as by the person whose turn it is."""
    store = Store(folder)
    assert store.keys.unlock(store.keys.require().enrolment, PIN)
    return store


def share(store: Store) -> None:
    """A second person on the same tablet; it is still the first one's turn."""
    first = store.keys.require()
    keys = {"private_key": evidence.new_key(), "salt_key": b"m" * 32}
    second = first._replace(enrolment=uid(9, 3), person=MATE, person_name="赵宁", **keys)
    store.keys.save(second)
    store.keys.set_pin(second.enrolment, MATES_PIN)
    store.grant(store.scopes(first))
    store.turn(first.enrolment)


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]))
    fill(store)
    store.close()
    print(here(), PIN)
