"""A transfer of soil as a server knows it: firms, a filed plan with its lot and trucks, and the people who sign, each with a device."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from schemas.rules import evidence
from schemas.rules.handover import Load, signed_leg, text_of
from sync_server.service import Write
from tests.api.conftest import Device, Server

Values = dict[str, Any]
PLATES = ("苏L·A7326", "苏L·B0918")
NUMBER = "20263211000418"
FIX = {
    "lon": "119.4512345",
    "lat": "32.2012345",
    "h_acc_m": "4.0",
    "fix_kind": "single",
    "at": "2026-11-21T10:00:00+08:00",
}


class Scene:
    """`server` with a filed plan in its project; `sender` is its dispatcher, `driver` and `taker` are people of other firms."""

    def __init__(self, server: Server) -> None:
        self.server = s = server
        self.scope = f"{s.project}.transfer"
        new = s.new_id
        self.consignor, self.carrier, self.receiver, self.bureau = (new() for _ in range(4))
        names = {
            self.consignor: "清源修复",
            self.carrier: "安运渣土",
            self.receiver: "东郊处置中心",
            self.bureau: "城东生态环境局",
        }
        roles = {
            self.consignor: "remediator",
            self.carrier: "carrier",
            self.receiver: "receiver",
            self.bureau: "authority",
        }
        s.service.write(
            None, [Write("organisation", id, s.home, {"name": n, "roles": [roles[id]]}) for id, n in names.items()]
        )
        self.people = {who: new() for who in ("sender", "driver", "taker", "officer")}
        firm = {"sender": self.consignor, "driver": self.carrier, "taker": self.receiver, "officer": self.bureau}
        s.service.write(None, [Write("person", self.people[w], s.home, {"name": n, "org_id": firm[w], "phone": "13800000002"}) for w, n in
                               (("sender", "高敏"), ("driver", "吴建"), ("taker", "孙华"), ("officer", "许静"))])  # fmt: skip
        for who, role in (("sender", "dispatcher"), ("driver", "party"), ("taker", "party"), ("officer", "inspector")):
            s.service.grant(self.people[who], s.project, role)
        self.trucks = [new() for _ in PLATES]
        s.service.write(None, [Write("vehicle", id, s.home, {
            "plate": plate, "vehicle_class": "t4_31", "carrier_id": self.carrier, "transport_permit": "苏交运 1", "permit_to": "2027-12-31",
            "tare_ref_t": "12.42", "cover": "tarp"}) for id, plate in zip(self.trucks, PLATES, strict=True)])  # fmt: skip
        self.lot, self.plan = new(), new()
        lot = {
            "code": "K2",
            "kind": "pit",
            "contaminants": "铬镍污染土",
            "density_t_m3": "1.60",
            "hazard": "not_hazardous",
        }
        s.service.write(None, [Write("soil_lot", self.lot, self.scope, lot)])
        s.service.write(None, [Write("transfer_plan", self.plan, self.scope, self.plan_values())])

    def plan_values(self, **more: Any) -> Values:
        filed = [{"authority_id": self.bureau, "side": side, "submitted_at": "2026-11-01T09:00:00+08:00", "receipt_no": f"收 {side}",
                  "accepted_at": "2026-11-05T09:00:00+08:00"} for side in ("origin", "destination")]  # fmt: skip
        receiver = {"org_id": self.receiver, "site_name": "东郊处置中心", "position": {"lon": "119.5512345", "lat": "32.2212345"},
                    "way": "cement_kiln", "permit_no": "镇环审〔2025〕31 号", "capacity_t": "60000.0", "route_min": 50,
                    "accepts": "含镍、六价铬的污染土", "dispose_days": 90}  # fmt: skip
        return {
            "code": "ZY-02", "version": 1, "site_id": self.server.site, "consignor_id": self.consignor, "lots": [self.lot], "mass_t": "3800.0",
            "volume_m3": "2400", "from_date": "2026-11-10", "to_date": "2027-01-31", "day_window": "06:00-20:00", "way": "road",
            "carriers": [self.carrier], "vehicles": self.trucks, "receivers": [receiver], "filings": filed, **more,
        }  # fmt: skip

    def device(self, who: str) -> Device:
        return Device(self.server, self.people[who])

    # --- a load, leg by leg ------------------------------------------------------------------------------------

    def manifest(self, number: str = NUMBER, plate: int = 0) -> Values:
        return {
            "number": number, "plan_id": self.plan, "lot_id": self.lot, "vehicle_id": self.trucks[plate], "driver_name": "吴建",
            "driver_phone": "13800000002", "cover": "tarp", "receiver_id": self.receiver, "receiver_place": "东郊处置中心",
            "issued_at": "2026-11-21T10:00:00+08:00", "supervised": True, "planned_t": "18.0",
        }  # fmt: skip

    def load(self, id: str, values: Values, plate: int = 0) -> Load:
        return Load(
            id,
            self.server.project,
            self.plan,
            self.lot,
            self.carrier,
            self.receiver,
            values["number"],
            PLATES[plate],
            50,
            "tarp",
        )

    def leg(self, manifest: str, kind: str, at: datetime, who: str, org: str, **more: Any) -> Values:
        """What a leg says, without its signature."""
        weighed = kind in ("issued", "received", "received_difference")
        gross = more.pop("gross_t", "30.400")
        hand = {"role": "supervisor", "name": "陈立", "way": "signed", "signed_at": at.isoformat(), "strokes": "[]"}
        ticket = {"ticket_no": f"{kind}-1", "gross_t": gross, "tare_t": "12.400", "at": at.isoformat()}
        return {
            "manifest_id": manifest, "kind": kind, "at": at.isoformat(), "position": {**FIX, "at": at.isoformat()}, "who_name": who,
            "org_id": org, **({"weight": [ticket]} if weighed else {}),
            **({"signatures": [hand]} if kind == "issued" else {}),
            **({"received_t": "18.000", "heap": "A-3"} if kind.startswith("received") else {}), **more,
        }  # fmt: skip


def code_of(legs: list[Values], **more: Any) -> Values:
    """A hand_over record with these signed legs."""
    return {
        "number": NUMBER, "code": text_of([evidence.unb64(leg["cose"]) for leg in legs]), "seen_at": legs[-1]["at"], "way": "photo",
        "purpose": "handover", **more,
    }  # fmt: skip


def signed(
    key: bytes, leg: Mapping[str, Any], before: list[Values], manifest: Values | None = None, load: Load | None = None
) -> Values:
    """The leg signed on top of those before it."""
    return signed_leg(key, leg, evidence.unb64(before[-1]["cose"]) if before else None, manifest, load)


def later(at: datetime, minutes: int) -> datetime:
    return at + timedelta(minutes=minutes)
