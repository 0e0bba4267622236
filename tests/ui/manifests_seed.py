"""A project that moves soil: a filed plan, a draft one with hazardous soil, and loads signed by real keys on five devices.

seeded = moved(service, auth)     # on top of console_seed.seed
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.rules import evidence
from schemas.rules.handover import Load, signed_leg, text_of
from sync_server.auth import Auth
from sync_server.service import Service, Write
from sync_server.store import DeviceKey
from tests.ui.console_seed import NOW, Seeded, people, pos, seed

KILN = (21_000, 9_000)  # m east and north of the site
GATE = (46.0, -10.0)
PLATES = ("苏L·A5541", "苏L·C3307", "苏L·B0918", "苏L·A7326")
MINUTES = 50  # driving time of the plan
DIVISION = "20263211"


class Signer(NamedTuple):
    person: str
    name: str
    org: str
    key: bytes


class Moved(NamedTuple):
    seeded: Seeded
    manifests: dict[str, str]  # last three digits of the number → id
    plan: str  # filed
    draft: str
    lots: dict[str, str]  # code → id
    orgs: dict[str, str]  # carrier, kiln, bureau, bureau2, watch → id
    signers: dict[str, Signer]  # gate, driver, kiln, watch


def at(minutes: float) -> str:
    """So many minutes before NOW, as the wire has it."""
    return (NOW - timedelta(minutes=minutes)).isoformat(timespec="seconds")


def fix(x: float, y: float, minutes: float) -> dict[str, Any]:
    return {**pos(x, y), "h_acc_m": "3.0", "fix_kind": "single", "at": at(minutes)}


def weighed(gross: str, tare: str, minutes: float, ticket: str) -> list[dict[str, Any]]:
    return [{"ticket_no": ticket, "gross_t": gross, "tare_t": tare, "at": at(minutes)}]


def enrolled(service: Service, org: str, person: str, code: str, secret: str) -> bytes:
    """A device of this person with a key made of a fixed text."""
    key, device, id, home = sha256(secret.encode()).digest(), service.new_id(), service.new_id(), f"{org}.organisation"
    service.write(None, [
        Write("device", device, home, {"code": code, "label": f"手机 {code}", "use": "field", "state": "enrolled"}),
        Write("enrolment", id, home, {"person_id": person, "device_id": device, "use": "field", "used_at": at(20_100),
                                      "public_key": evidence.public_of(key), "state": "enrolled"}),
    ])  # fmt: skip
    with service.store.writing() as tx:
        tx.add_key(DeviceKey(id, device, code, person, evidence.public_of(key), f"s{code}", "enrolled", at(3), 0, None))
    return key


def moved(service: Service, auth: Auth, *, names: dict[str, str] | None = None, points: int = 9) -> Moved:
    """`names` overrides shown texts: lot, receiver, driver and console_seed.seed's."""
    seeded = seed(service, auth, points=points, names=names)
    said = {"lot": "K1 基坑", "receiver": "宏泰水泥窑", "driver": "王师傅"} | (names or {})
    org, new, transfer = seeded.org, service.new_id, f"{seeded.project}.transfer"
    home = f"{org}.organisation"
    orgs = {k: new() for k in ("carrier", "kiln", "bureau", "bureau2", "watch")}
    called = {
        "carrier": "安运渣土",
        "kiln": said["receiver"],
        "bureau": "镇江市生态环境局",
        "bureau2": "句容生态环境局",
        "watch": "江南监理",
    }
    roles = {
        "carrier": "carrier",
        "kiln": "receiver",
        "bureau": "authority",
        "bureau2": "authority",
        "watch": "supervisor",
    }
    service.write(
        None, [Write("organisation", id, home, {"name": called[k], "roles": [roles[k]]}) for k, id in orgs.items()]
    )
    who = people(service, auth, org, {"dong": ("董师傅", "dispatcher")})
    firms = {"driver": (said["driver"], "carrier"), "kiln": ("孙华", "kiln"), "watch": ("陈立", "watch")}
    for name, (shown, firm) in firms.items():
        who[name] = new()
        service.write(
            None, [Write("person", who[name], home, {"name": shown, "org_id": orgs[firm], "duties": ["sampler"]})]
        )
        auth.add_account(who[name], name, "correct horse battery")
        service.grant(who[name], seeded.project, "party")
    service.grant(who["dong"], seeded.project, "dispatcher")
    signers = {"gate": Signer(who["dong"], "董师傅", org, enrolled(service, org, who["dong"], "B1", "seed gate"))}
    for n, (name, (shown, firm)) in enumerate(firms.items()):
        signers[name] = Signer(
            who[name], shown, orgs[firm], enrolled(service, org, who[name], f"C{n + 1}", f"seed {name}")
        )

    trucks = {p: new() for p in PLATES}
    service.write(None, [
        Write("vehicle", id, home, {"plate": p, "vehicle_class": "s4_36", "carrier_id": orgs["carrier"], "tare_ref_t": "14.00", "approved_load_t": "20",
                                    "transport_permit": f"32110{n}", "permit_to": "2027-05-01", "cover": "tarp"})
        for n, (p, id) in enumerate(trucks.items())
    ])  # fmt: skip
    lots = {said["lot"]: new(), "K2 基坑": new(), "K3 堆体": new(), "K9 渣坑": new()}
    flags = ("not_hazardous", "not_hazardous", "not_hazardous", "hazardous")
    service.write(None, [
        Write("soil_lot", id, transfer, {"code": code, "kind": "pit", "volume_m3": "380.0", "volume_kind": "bank", "density_t_m3": "1.68",
                                         "contaminants": "镍 642 mg/kg、六价铬 11 mg/kg", "hazard": flag})
        for (code, id), flag in zip(lots.items(), flags, strict=True)
    ])  # fmt: skip
    with service.store.reading() as tx:
        (site,) = (s.id for s in tx.of_scope_since("site", seeded.field, 0))
    route = [[pos(*p)["lon"], pos(*p)["lat"]] for p in (GATE, (3_000, 400), (9_000, 5_200), (16_000, 5_600), KILN)]
    receiver = {"org_id": orgs["kiln"], "site_name": "句容协同处置中心", "position": pos(*KILN), "way": "cement_kiln", "permit_no": "镇环审〔2025〕18号",
                "capacity_t": "5000.0", "route_km": "27.4", "route_min": MINUTES, "accepts": "重金属污染土壤，含水率 30 % 以下", "dispose_days": 30,
                "sensitive": "K3+200 小学", "route": {"line": route}}  # fmt: skip
    plan, draft = new(), new()
    base = {"site_id": site, "consignor_id": org, "supervisor_id": orgs["watch"], "way": "road", "carriers": [orgs["carrier"]],
            "vehicles": list(trucks.values()), "receivers": [receiver], "mass_t": "1300.0", "volume_m3": "760", "from_date": "2026-11-12",
            "to_date": "2026-12-31", "day_window": "7:00–19:00", "measures": "苫布全覆盖，出场洗车。", "emergency": "遗撒立即围挡清扫，报两地。",
            "notice_text": "红星电镀厂地块污染土壤转运，计划号 ZY-02。"}  # fmt: skip
    filed = [
        {"authority_id": orgs["bureau"], "side": "origin", "submitted_at": at(18_000), "receipt_no": "镇环函〔2026〕41号", "accepted_at": at(16_000)},
        {"authority_id": orgs["bureau2"], "side": "destination", "submitted_at": at(18_000), "receipt_no": "句环函〔2026〕9号", "accepted_at": at(15_500)},
    ]  # fmt: skip
    lot_ids = list(lots.values())
    service.write(None, [
        Write("transfer_plan", plan, transfer, {**base, "code": "ZY-02", "version": 1, "lots": lot_ids[:3], "filings": filed}),
        Write("transfer_plan", draft, transfer, {**base, "code": "ZY-03", "version": 1, "lots": lot_ids[3:]}),
    ])  # fmt: skip
    made = Moved(seeded, {}, plan, draft, lots, orgs, signers)
    _loads(service, made, transfer, trucks, lot_ids, said["driver"])
    return made


# last digits → plate, lot, steps (kind, minutes ago, gross, tare), how
LOADS: dict[str, tuple[int, int, tuple[tuple[str, float, str, str], ...]]] = {
    "401": (
        0,
        0,
        (
            ("issued", 1600, "32.10", "14.00"),
            ("departed", 1590, "", ""),
            ("arrived", 1545, "", ""),
            ("received", 1530, "32.05", "14.00"),
        ),
    ),
    "403": (
        2,
        2,
        (
            ("issued", 1500, "33.02", "14.00"),
            ("departed", 1495, "", ""),
            ("received_difference", 1430, "32.64", "14.10"),
        ),
    ),
    "409": (
        1,
        2,
        (("issued", 1300, "32.66", "14.00"), ("departed", 1295, "", ""), ("received", 1240, "31.71", "14.00")),
    ),
    "412": (0, 1, (("issued", 230, "32.08", "14.00"), ("departed", 225, "", ""), ("received", 170, "32.01", "14.00"))),
    "414": (3, 1, (("issued", 190, "32.05", "14.00"), ("departed", 185, "", ""), ("received", 125, "32.06", "14.00"))),
    "416": (0, 1, (("issued", 160, "31.92", "14.00"), ("departed", 155, "", ""))),  # overdue
    "417": (2, 1, (("issued", 90, "32.10", "14.00"), ("departed", 85, "", ""), ("received", 24, "32.08", "14.00"))),
    "418": (3, 1, (("issued", 40, "32.44", "14.00"), ("departed", 35, "", ""))),  # on its way
    "419": (1, 0, (("issued", 8, "31.90", "14.00"),)),
}
ONLY_CODE = {"417": 1, "419": 0}  # legs after so many are known from the receiver's code only; 419: nothing but a code


def _loads(service: Service, made: Moved, transfer: str, trucks: dict[str, str], lots: list[str], driver: str) -> None:
    plates = list(trucks)
    for n, (tail, (truck, lot, steps)) in enumerate(LOADS.items()):
        id, number = service.new_id(), f"{DIVISION}000{tail}"
        made.manifests[tail] = id
        manifest = {
            "number": number, "plan_id": made.plan, "lot_id": lots[lot], "vehicle_id": trucks[plates[truck]], "driver_name": driver, "driver_phone": "13800000000",
            "cover": "tarp", "receiver_id": made.orgs["kiln"], "receiver_place": "句容协同处置中心", "issued_at": at(steps[0][1]), "supervised": True,
            "planned_t": "18.0",
        }  # fmt: skip
        load = Load(
            id,
            made.seeded.project,
            made.plan,
            lots[lot],
            made.orgs["carrier"],
            made.orgs["kiln"],
            number,
            plates[truck],
            MINUTES,
            "tarp",
        )
        whole = ONLY_CODE.get(tail, 99)
        if whole:
            service.write(None, [Write("manifest", id, transfer, manifest)])
        cose: list[bytes] = []
        for k, (kind, minutes, gross, tare) in enumerate(steps):
            leg = signed(made, id, kind, minutes, gross, tare, cose, manifest, load, f"{n}{k}")
            if tail == "409" and kind == "departed":  # somebody altered the place afterwards
                leg["position"] = fix(500, 500, minutes)
            if k < whole:
                service.write(None, [Write("manifest_leg", service.new_id(), transfer, leg)])
            cose.append(evidence.unb64(leg["cose"]))
        if whole < 99:
            service.write(None, [Write("hand_over", service.new_id(), transfer, {
                "number": number, "code": text_of(cose), "seen_at": at(steps[-1][1] - 1), "way": "photo", "purpose": "handover",
            })])  # fmt: skip


def signed(
    made: Moved,
    id: str,
    kind: str,
    minutes: float,
    gross: str,
    tare: str,
    before: list[bytes],
    manifest: dict[str, Any],
    load: Load,
    ticket: str,
) -> dict[str, Any]:
    """One leg by whose turn it is."""
    who = made.signers["gate" if kind == "issued" else "driver" if kind in ("departed", "waypoint") else "kiln"]
    place = GATE if kind in ("issued", "departed") else (KILN[0] + 30.0, KILN[1] + 20.0)
    leg: dict[str, Any] = {
        "manifest_id": id,
        "kind": kind,
        "at": at(minutes),
        "who_name": who.name,
        "org_id": who.org,
        "position": fix(*place, minutes),
    }
    if kind == "issued":
        leg["signatures"] = [
            {"role": "supervisor", "name": "陈立", "way": "signed", "signed_at": at(minutes), "strokes": "[]"}
        ]
    if gross:
        leg["weight"] = weighed(gross, tare, minutes, f"DB-{ticket}")
    if kind in ("received", "received_difference"):
        leg["heap"] = "3 号库"
    if kind == "received_difference":
        leg |= {"problem": "water_added", "problem_text": "苫布破，淋雨", "received_t": "18.54"}
    first = not before
    return signed_leg(
        who.key, leg, before[-1] if before else None, manifest if first else None, load if first else None
    )


def trucks_of(service: Service, made: Moved) -> tuple[str, str]:
    """(plate, id) of one of the trucks."""
    rows = service.records("vehicle", f"{made.seeded.org}.organisation")
    return next((r.values["plate"], r.id) for r in rows if r.values["plate"] == PLATES[3])
