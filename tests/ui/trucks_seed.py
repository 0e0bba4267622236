"""Four tablets of one transfer: who sends the soil, who drives it, who takes it, who looks at it on the road. No server.

Their keys and the server's are made of fixed texts, so that each knows the others by the same signed directory and believes what the
others signed, in whatever process it runs.

python -m tests.ui.trucks_seed DIR ROLE      fills an empty data folder: dispatcher, driver, receiver or inspector
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from field_app.clock import CHINA
from field_app.keys import Identity
from field_app.store import Store
from schemas import canonical
from schemas.records import TYPES, check
from schemas.rules import evidence
from schemas.rules.handover import Directory, Load, signed_leg
from schemas.rules.handover.directory import MESSAGE
from schemas.wire import Block, PullHead, ScopeGrant
from tests.ui.seed import FIELD, HOME, LAT, LON, ORG, PIN, PROJECT, SITE, place, uid

TRANSFER = f"{PROJECT}.transfer"
CONSIGNOR, SUPERVISION, CARRIER, RECEIVER, BUREAU = (uid(0xB1, n) for n in range(1, 6))
PLAN, LOT = uid(0xB2, 1), uid(0xB3, 1)
PLATES = ("苏L·A7326", "苏L·B0918", "苏L·A5541", "苏L·C3307")
TRUCKS = tuple(uid(0xB4, n) for n in range(1, 5))
TARES = ("12.42", "12.10", "12.55", "12.38")
FIRST_NUMBER, LAST_NUMBER = 418, 1417  # the sender's block
MINUTES = 50
SINCE = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)


class Person(NamedTuple):
    """One role's person, device and key."""

    name: str
    org: str
    n: int
    roles: tuple[str, ...]
    writes: tuple[str, ...]  # in the transfer scope

    @property
    def id(self) -> str:
        return uid(0xB5, self.n)

    @property
    def enrolment(self) -> str:
        return uid(0xB6, self.n)

    @property
    def device(self) -> str:
        return uid(0xB7, self.n)

    @property
    def key(self) -> bytes:
        return sha256(f"jingtu seed {self.n}".encode()).digest()


PARTY = ("hand_over", "manifest_leg", "photo")
PEOPLE = {
    "dispatcher": Person("高敏", CONSIGNOR, 1, ("dispatcher",), ("hand_over", "manifest", "manifest_leg", "photo", "transfer_plan")),
    "driver": Person("吴建", CARRIER, 2, ("party",), PARTY),
    "receiver": Person("孙华", RECEIVER, 3, ("party",), PARTY),
    "inspector": Person("许静", BUREAU, 4, ("inspector",), ("hand_over", "photo")),
}  # fmt: skip
SUPERVISOR = uid(0xB5, 9), "陈立"
SERVER = sha256(b"jingtu seed server").digest()
ORGS = {
    ORG: ("清源环境", ["surveyor"]),
    CONSIGNOR: ("清源修复", ["remediator"]),
    SUPERVISION: ("江南环境监理", ["supervisor"]),
    CARRIER: ("安运渣土", ["carrier"]),
    RECEIVER: ("东郊协同处置中心", ["receiver"]),
    BUREAU: ("城东生态环境局", ["authority"]),
}
RECEIVING = {
    "org_id": RECEIVER, "site_name": "东郊协同处置中心", "position": place(9000, 2500), "way": "cement_kiln", "permit_no": "镇环审〔2025〕31 号",
    "capacity_t": "60000.0", "route_km": "18.5", "route_min": MINUTES, "accepts": "含镍、六价铬的污染土", "dispose_days": 90,
}  # fmt: skip


def records(
    now: datetime, filed: bool = True, hazard: str = "not_hazardous"
) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(scope, type, id, values) of everybody who may read."""
    out: list[tuple[str, str, str, dict[str, Any]]] = []

    def add(scope: str, type: str, id: str, **values: Any) -> None:
        values = {k: v for k, v in values.items() if v is not None}
        assert not check(TYPES[type], values), (type, check(TYPES[type], values))
        out.append((scope, type, id, values))

    for id, (name, roles) in ORGS.items():
        add(HOME, "organisation", id, name=name, roles=roles, division_code="321100" if id == CONSIGNOR else None,
            permit_no="苏镇 321100" if {"carrier", "receiver"} & set(roles) else None)  # fmt: skip
    for person in PEOPLE.values():
        add(
            HOME,
            "person",
            person.id,
            name=person.name,
            org_id=person.org,
            phone="138 0000 0002" if person.org == CARRIER else None,
        )
    add(HOME, "person", SUPERVISOR[0], name=SUPERVISOR[1], org_id=SUPERVISION)
    until = (now.date() + timedelta(days=400)).isoformat()
    for id, plate, tare in zip(TRUCKS, PLATES, TARES, strict=True):
        add(HOME, "vehicle", id, plate=plate, vehicle_class="t4_31", carrier_id=CARRIER, transport_permit=f"苏交运 {id[-2:]}",
            permit_to=until, approved_load_t="18.50", tare_ref_t=tare, cover="tarp")  # fmt: skip
    add(FIELD, "project", PROJECT, code="HX", name="红星电镀厂地块 修复", stage="remediation", client_id=ORG, surveyor_id=ORG,
        contact_id=PEOPLE["dispatcher"].id)  # fmt: skip
    ring = [
        [p["lon"], p["lat"]] for p in (place(*at) for at in ((-90, 84), (58, 85), (55, -60), (-84, -57), (-90, 84)))
    ]
    add(FIELD, "site", SITE, code="321100-HX", name="红星电镀厂地块", status="remediation", boundary={"rings": [ring]},
        land_use="r1", standard="gb36600_1", division_code="321100")  # fmt: skip
    add(TRANSFER, "soil_lot", LOT, code="K2", kind="pit", volume_m3="2400.0", volume_kind="loose", density_t_m3="1.60",
        contaminants="铬镍污染土", hazard=hazard)  # fmt: skip
    filings = [
        {"authority_id": BUREAU, "side": side, "submitted_at": (now - timedelta(days=20)).isoformat(timespec="seconds"),
         **({"accepted_at": (now - timedelta(days=15)).isoformat(timespec="seconds"), "receipt_no": f"收 2026-{n}"} if filed else {})}
        for n, side in enumerate(("origin", "destination"), 1)
    ]  # fmt: skip
    add(TRANSFER, "transfer_plan", PLAN, code="ZY-02", version=1, site_id=SITE, consignor_id=CONSIGNOR, supervisor_id=SUPERVISION,
        lots=[LOT], mass_t="3800.0", volume_m3="2400", from_date=(now.date() - timedelta(days=10)).isoformat(),
        to_date=(now.date() + timedelta(days=60)).isoformat(), day_window="06:00–20:00", way="road", carriers=[CARRIER],
        vehicles=list(TRUCKS), receivers=[RECEIVING], measures="苫布覆盖，出场冲洗", emergency="停车、围挡、报告",
        filings=filings, notice_text="污染土壤转运公告")  # fmt: skip
    return out


def directory(now: datetime) -> str:
    """The directory's text, as the server would make it."""
    since = SINCE.isoformat(timespec="seconds")
    said = {
        "v": 1, "made_at": (now - timedelta(hours=5)).isoformat(timespec="seconds"), "scope": TRANSFER,
        "project": {"id": PROJECT, "code": "HX", "name": "红星电镀厂地块 修复"},
        "keys": [{"key": evidence.public_of(p.key), "person": p.id, "name": p.name, "org": p.org, "device": f"{p.n:02d}", "since": since}
                 for p in PEOPLE.values()],
        "organisations": {id: name for id, (name, _) in ORGS.items()},
        "plans": {PLAN: {
            "code": "ZY-02", "version": 1, "consignor": CONSIGNOR, "supervisor": SUPERVISION, "state": "active",
            "from": (now.date() - timedelta(days=10)).isoformat(), "to": (now.date() + timedelta(days=60)).isoformat(),
            "receivers": [{"org": RECEIVER, "place": RECEIVING["site_name"], "position": RECEIVING["position"], "minutes": MINUTES,
                           "accepts": RECEIVING["accepts"]}],
            "carriers": [CARRIER]}},
        "lots": {LOT: {"code": "K2", "contaminants": "铬镍污染土", "density": "1.60"}},
        "vehicles": {id: {"plate": plate, "class": "t4_31", "carrier": CARRIER, "tare": tare, "limit": "31"}
                     for id, plate, tare in zip(TRUCKS, PLATES, TARES, strict=True)},
    }  # fmt: skip
    return canonical.dumps(said).decode()


def fill(store: Store, role: str = "dispatcher", **how: Any) -> None:
    """As after enrolment and a first sync. how: see `records`; `blocks=False`: no numbers on this device."""
    person, now = PEOPLE[role], datetime.now(CHINA)
    blocks = how.pop("blocks", True)
    store.keys.save(
        Identity(
            person.enrolment, person.device, f"{person.n:02d}", person.id, person.name, "http://127.0.0.1:9",
            evidence.public_of(SERVER), person.key, bytes([person.n]) * 32,
        )
    )  # fmt: skip
    store.keys.set_pin(person.enrolment, PIN)
    roles, reads = list(person.roles), "party" not in person.roles
    transfer = {
        "scope": TRANSFER,
        "audience": "transfer",
        "owner": PROJECT,
        "name": "红星电镀厂地块 修复",
        "roles": roles,
    }
    grants = [ScopeGrant.model_validate({**transfer, "writes": list(person.writes), "reads": reads})]
    if reads:
        grants.append(ScopeGrant(scope=HOME, audience="organisation", owner=ORG, name="清源环境", roles=roles,
                                 writes=["vehicle"] if role == "dispatcher" else []))  # fmt: skip
        grants.append(
            ScopeGrant(scope=FIELD, audience="field", owner=PROJECT, name=transfer["name"], roles=roles, writes=[])
        )
    store.grant(grants)
    if reads:
        pull(store, records(now, **how))
    text = directory(now)
    store.keep_directory(TRANSFER, text, evidence.sign(SERVER, MESSAGE + text.encode()), now - timedelta(hours=5))
    if blocks and role == "dispatcher":
        store.add_block(Block(use="manifest", from_no=FIRST_NUMBER, to_no=LAST_NUMBER))


def pull(store: Store, rows: list[tuple[str, str, str, dict[str, Any]]], before: int = 0) -> None:
    """These records as they come from the server, behind the `before` ones that came already."""
    for scope in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == scope]
        lines = [evidence.row_line(type, id, seq, values) for seq, (_, type, id, values) in enumerate(mine, before + 1)]
        top = before + len(lines)
        store.apply_pull(scope, PullHead(epoch="1", cursor=top, head=top, count=top, more=False), lines)


# --- loads of before --------------------------------------------------------------------------------------------------


def load(
    n: int, truck: int, issued: datetime, *legs: tuple[str, str, datetime, dict[str, Any]]
) -> list[tuple[str, str, str, dict[str, Any]]]:
    """One load with really signed legs: the manifest, the issued leg, then (role, kind, at, more values) each."""
    manifest, number = uid(0xB8, n), f"20263211{n:06d}"
    gross = f"{29 + n % 3}.{10 + n % 80}"
    values = {
        "number": number, "plan_id": PLAN, "lot_id": LOT, "vehicle_id": TRUCKS[truck], "driver_name": "吴建", "driver_phone": "138 0000 0002",
        "cover": "tarp", "receiver_id": RECEIVER, "receiver_place": RECEIVING["site_name"], "supervised": True,
        "issued_at": issued.isoformat(timespec="seconds"),
    }  # fmt: skip
    rows: list[tuple[str, str, str, dict[str, Any]]] = [(TRANSFER, "manifest", manifest, values)]
    weight = [
        {"ticket_no": f"GB{n}", "gross_t": gross, "tare_t": TARES[truck], "at": issued.isoformat(timespec="seconds")}
    ]
    hands = [("dispatcher", "issued", issued, {"weight": weight}), *legs]
    before: bytes | None = None
    for i, (role, kind, at, more) in enumerate(hands):
        person, text = PEOPLE[role], at.isoformat(timespec="seconds")
        signer = {"dispatcher": "sender", "driver": "driver", "receiver": "receiver"}[role]
        leg = {
            "manifest_id": manifest, "kind": kind, "at": text, "who_name": person.name, "org_id": person.org, "way": "own",
            "position": {"lon": f"{LON:.7f}", "lat": f"{LAT:.7f}", "fix_kind": "single", "h_acc_m": "4.00", "at": text},
            "signatures": [{"role": signer, "person_id": person.id, "name": person.name, "way": "signed", "signed_at": text,
                            "strokes": '{"v":1,"h":5000,"s":[[1000,2500,0,9000,2500,400]]}'}], **more,
        }  # fmt: skip
        if kind == "issued":
            leg["signatures"].append(
                {**leg["signatures"][0], "role": "supervisor", "name": "陈立", "person_id": PEOPLE["inspector"].id}
            )
        first = (
            Load(manifest, PROJECT, PLAN, LOT, CARRIER, RECEIVER, number, PLATES[truck], MINUTES, "tarp")
            if i == 0
            else None
        )
        made = signed_leg(person.key, leg, before, values if i == 0 else None, first)
        before = evidence.unb64(made["cose"])
        rows.append((TRANSFER, "manifest_leg", uid(0xB9, n * 16 + i), made))
    return rows


def morning(now: datetime) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Three loads of before: one taken, one that should be there, one on its way."""

    def ago(minutes: int) -> datetime:
        return now - timedelta(minutes=minutes)

    taken = {"weight": [{"ticket_no": "DJ415", "gross_t": "30.20", "tare_t": "12.40", "at": ago(70).isoformat(timespec="seconds")}],
             "received_t": "17.80", "heap": "D1"}  # fmt: skip
    return [
        *load(415, 3, ago(130), ("driver", "departed", ago(125), {}), ("receiver", "received", ago(70), taken)),
        *load(416, 2, ago(95), ("driver", "departed", ago(90), {})),
        *load(417, 1, ago(30), ("driver", "departed", ago(25), {})),
    ]


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]))
    fill(store, sys.argv[2] if len(sys.argv) > 2 else "dispatcher")
    store.close()
    print(PIN)

__all__ = ["PEOPLE", "PIN", "Directory", "directory", "fill", "load", "morning", "pull", "records"]
