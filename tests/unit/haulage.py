"""A transfer with really signed legs: firms, keys and their directory, a plan, a truck, and loads signed leg by leg."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from schemas.records import TYPES
from schemas.rules import evidence
from schemas.rules.handover import Directory, Load, signed_leg
from schemas.rules.reconcile import Facts
from tests.unit.factory import DEFAULTS, MORNING, World, at, uid, wire

PEOPLE = {  # who signs: name, firm, device
    "sender": ("赵敏", "sender-co", "A1"), "driver": ("王强", "carrier-co", "B2"), "receiver": ("孙丽", "kiln", "C3"),
}  # fmt: skip
ORGS = {"sender-co": "华翔修复工程有限公司", "carrier-co": "通达运输有限公司", "kiln": "海螺水泥（句容）有限公司",
        "sup": "正清环境监理有限公司", "owner": "原华翔化工厂", "bureau-a": "南京市生态环境局", "bureau-b": "镇江市生态环境局"}  # fmt: skip
TRUCK = "苏A·K2931"


def strokes(n: int = 3) -> str:
    runs = [
        [k for i in range(40) for k in (1500 + r * 2200 + i * 45, 1500 + (i * (r + 3) * 53) % 2200, i * 9)]
        for r in range(n)
    ]
    return json.dumps({"v": 1, "h": 5000, "s": runs}, separators=(",", ":"))


def hand(role: str, name: str, when: datetime, **more: Any) -> dict[str, Any]:
    return {"role": role, "name": name, "way": "signed", "strokes": strokes(), "signed_at": when, **more}


class Haulage(World):
    """Beside the records: everybody's key, and the legs' COSE bytes by manifest."""

    def __init__(self, **plan: Any) -> None:
        super().__init__(bare=True)
        self.add("project", code="HX-2026", name="华翔化工地块修复", client_id="owner", surveyor_id="sender-co")
        self.add(
            "site", name="华翔化工原厂区", owner_id="owner", user_id="owner", location="南京市江北新区化工大道 18 号"
        )
        for id, name in ORGS.items():
            self.add(
                "organisation",
                id,
                name=name,
                roles=["carrier"],
                phone="025-8660 1234",
                contact="李工",
                uscc="91320115MA1M",
            )
        self.add("soil_lot", "lot", code="JK-03", volume_m3=5200, volume_kind="bank", density_t_m3="1.85", hazard="not_hazardous",
                 contaminants="苯并[a]芘 3.2 mg/kg，砷 86 mg/kg，超 GB 36600 第二类用地筛选值")  # fmt: skip
        self.add("vehicle", "truck", plate=TRUCK, vehicle_class="t4_31", carrier_id="carrier-co", transport_permit="苏交运管许可宁字320115001234",
                 permit_to=datetime(2027, 3, 31).date(), approved_load_t="17.5", gps_terminal="13912345678", cover="sealed")  # fmt: skip
        line = [[f"{118.80 + n * 0.02:.6f}", f"{32.20 - (n % 5) * 0.012 - n * 0.006:.6f}"] for n in range(20)]
        base: dict[str, Any] = {
            "code": "ZY-2026-01", "consignor_id": "sender-co", "supervisor_id": "sup", "carriers": ["carrier-co"], "mass_t": 9600, "volume_m3": 5200,
            "day_window": "22:00–05:00", "notice_text": "本地块污染土壤正在外运处置，请绕行施工出口。",
            "measures": "车厢密闭并加盖苫布；出场洗车；限速 60 km/h；途中不停车、不卸载。", "emergency": "遗撒时立即停车警戒，通知移出单位和所在地生态环境部门，2 h 内清理回收。",
            "receivers": [{"org_id": "kiln", "site_name": "句容 2 号水泥窑", "position": {"lon": "119.1700000", "lat": "31.9500000"}, "way": "cement_kiln",
                           "permit_no": "镇环审〔2024〕18号", "capacity_t": 20000, "route_km": "61.5", "route_min": 95, "dispose_days": 30,
                           "accepts": "有机物和砷污染土壤，含水率不高于 25 %", "sensitive": "K12 龙潭小学；K31 便民河饮用水源地", "route": {"line": line}}],
            "filings": [{"authority_id": b, "side": s, "submitted_at": at("08:00", -30), "receipt_no": n, "accepted_at": at("10:00", -20)}
                        for b, s, n in (("bureau-a", "origin", "宁环土〔2026〕77号"), ("bureau-b", "destination", "镇环土〔2026〕12号"))],
        }  # fmt: skip
        self.add("transfer_plan", "transfer-plan", **{**base, **plan})
        self.keys = {who: hashlib.sha256(who.encode()).digest() for who in PEOPLE}
        self.raw: dict[str, list[bytes]] = {}

    def directory(self, *who: str) -> Directory:
        """Of these people's keys; without names of everybody's."""
        keys = [
            {"key": evidence.public_of(self.keys[w]), "person": uid(w), "name": PEOPLE[w][0], "org": uid(PEOPLE[w][1]), "device": PEOPLE[w][2],
             "since": (MORNING - timedelta(days=30)).isoformat(), "until": None}
            for w in who or PEOPLE
        ]  # fmt: skip
        orgs = {uid(id): name for id, name in ORGS.items()}
        return Directory(
            {"v": 1, "made_at": MORNING.isoformat(), "scope": "x", "project": {}, "keys": keys, "organisations": orgs}
        )

    def facts(self, where: str = "server", **values: Any) -> Facts:
        return super().facts(where, **{"directory": self.directory(), **values})

    def issue(
        self,
        id: str = "m1",
        number: str = "20263201000418",
        gross: str = "31.20",
        when: datetime | None = None,
        **values: Any,
    ) -> None:
        """A manifest with its first leg."""
        when = when or at("09:00")
        said = {
            "number": number, "lot_id": "lot", "vehicle_id": "truck", "driver_name": "王强", "driver_phone": "138 1234 5678", "licence_no": "320102198801011234",
            "cover": "tarp", "receiver_id": "kiln", "receiver_place": "句容 2 号水泥窑", "loading_place": "3 号基坑东侧", "issued_at": when, "planned_t": "16.0", **values,
        }  # fmt: skip
        self.add("manifest", id, **said)
        load = Load(
            uid(id),
            uid("project"),
            uid("transfer-plan"),
            uid("lot"),
            uid("carrier-co"),
            uid("kiln"),
            number,
            TRUCK,
            95,
            "tarp",
        )
        signs = [hand("sender", "赵敏", when), hand("supervisor", "钱监理", when)]
        manifest = wire(TYPES["manifest"], {**DEFAULTS["manifest"], **said})
        self._leg(
            id,
            "sender",
            "issued",
            when,
            load=load,
            manifest=manifest,
            weight=[_ticket("CZ-0418", gross, when)],
            signatures=signs,
        )

    def depart(self, id: str = "m1", when: datetime | None = None, **more: Any) -> None:
        when = when or at("09:20")
        self._leg(id, "driver", "departed", when, **{"signatures": [hand("driver", "王强", when)], **more})

    def arrive(self, id: str = "m1", when: datetime | None = None) -> None:
        self._leg(id, "driver", "arrived", when or at("10:50"))

    def receive(
        self, id: str = "m1", gross: str = "31.15", when: datetime | None = None, kind: str = "received", **more: Any
    ) -> None:
        when = when or at("11:05")
        net = f"{float(gross) - 15.1:.2f}"
        said = {
            "weight": [_ticket("JC-0977", gross, when)],
            "received_t": net,
            "heap": "B 区 4 号仓",
            "signatures": [hand("receiver", "孙丽", when)],
            **more,
        }
        self._leg(id, "receiver", kind, when, **said)

    def _leg(
        self,
        id: str,
        who: str,
        kind: str,
        when: datetime,
        load: Load | None = None,
        manifest: Any = None,
        **values: Any,
    ) -> None:
        name, firm, _ = PEOPLE[who]
        own = wire(
            TYPES["manifest_leg"],
            {"manifest_id": id, "kind": kind, "at": when, "who_name": name, "org_id": firm, **values},
        )
        chain = self.raw.setdefault(id, [])
        made = signed_leg(self.keys[who], own, chain[-1] if chain else None, manifest, load)
        chain.append(evidence.unb64(made["cose"]))
        rid = uid(f"{id}/{kind}")
        if rid in self.records["manifest_leg"]:
            rid = uid(f"{id}/{len(chain)}")
        self.records["manifest_leg"][rid] = TYPES["manifest_leg"].of(rid, made, 1)

    def lose(self, id: str, kind: str) -> None:
        """This leg's record has not come."""
        del self.records["manifest_leg"][uid(f"{id}/{kind}")]


def _ticket(no: str, gross: str, when: datetime) -> dict[str, Any]:
    return {"ticket_no": no, "gross_t": gross, "tare_t": "15.10", "at": when}
