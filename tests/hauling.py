"""Trucks as people issue and counter-sign them on real tablets, without a screen: what a device writes, really signed, and its code."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from field_app.store import Edit, Store
from schemas.rules.evidence import unb64
from schemas.rules.handover import Chain, Load, judged, link, read, signed_leg, text_of

Values = dict[str, Any]
STROKES = "[[[10,40],[60,12],[110,44],[150,20]]]"
# who signs what by hand
SIGNERS = {
    "issued": ("sender", "supervisor"), "departed": ("driver",), "received": ("receiver",), "received_difference": ("receiver",),
    "rejected": ("receiver",),
}  # fmt: skip


class Waybill(NamedTuple):
    """What a sender knows of a load before it is issued."""

    project: str
    plan: str
    lot: str
    vehicle: str
    plate: str
    carrier: str
    receiver: str
    place: str
    minutes: int
    driver: str = "驾驶员"


class Phone:
    """One device with the person who carries it."""

    def __init__(
        self, store: Store, scope: str, who: str, org: str, where: tuple[str, str] = ("119.4", "32.2")
    ) -> None:
        """`where`: longitude and latitude of whatever is signed; may be set anew."""
        self.store, self.scope, self.who, self.org, self.where = store, scope, who, org, where

    def issue(self, bill: Waybill, number: str, at: datetime, gross: Decimal, tare: Decimal, **manifest: Any) -> str:
        """The manifest with its first leg, weighed; returns the code the driver reads off the screen."""
        id = self.store.new_id()
        values = {
            "number": number, "plan_id": bill.plan, "lot_id": bill.lot, "vehicle_id": bill.vehicle, "driver_name": bill.driver,
            "driver_phone": "13800000000", "cover": "tarp", "receiver_id": bill.receiver, "receiver_place": bill.place,
            "issued_at": text(at), "supervised": True, "planned_t": "18.0", **manifest,
        }  # fmt: skip
        load = Load(
            id, bill.project, bill.plan, bill.lot, bill.carrier, bill.receiver, number, bill.plate, bill.minutes, "tarp"
        )
        leg = self._leg(id, "issued", at, weight=weighing(f"{number}-1", at, gross, tare))
        signed = signed_leg(self.store.keys.require().private_key, leg, manifest=values, load=load)
        return self._write(None, signed, at, Edit("manifest", id, self.scope, values))

    def sign(self, code: str, kind: str, at: datetime, **more: Any) -> str:
        """Read a code, and put one's own leg on it. Returns the longer code. What the directory at hand calls forged is refused."""
        chain = read(code)
        kept = self.store.directory(self.scope)
        worth = judged(chain, kept[0] if kept else None, self.store.clock.now() + timedelta(days=1))
        assert worth.worth != "forged", worth
        leg = self._leg(chain.load.manifest, kind, at, **more)
        return self._write(
            chain, signed_leg(self.store.keys.require().private_key, leg, previous=chain.legs[-1].raw), at
        )

    def saw(self, code: str, at: datetime, purpose: str = "handover", **more: Any) -> None:
        """Only read it: the code is kept as it was seen."""
        self._finalize([self._seen(code, at, purpose, "photo", **more)])

    def _leg(self, manifest: str, kind: str, at: datetime, **more: Any) -> Values:
        hands = [
            {"role": r, "name": self.who, "way": "signed", "strokes": STROKES, "signed_at": text(at)}
            for r in SIGNERS.get(kind, ())
        ]
        lon, lat = self.where
        fix = {"lon": lon, "lat": lat, "h_acc_m": "3.0", "fix_kind": "single", "at": text(at)}
        return {"manifest_id": manifest, "kind": kind, "at": text(at), "who_name": self.who, "org_id": self.org, "position": fix,
                **({"signatures": hands} if hands else {}), **more}  # fmt: skip

    def _write(self, chain: Chain | None, leg: Values, at: datetime, *before: Edit) -> str:
        longer = link(chain, unb64(leg["cose"]))
        code = text_of([one.raw for one in longer.legs])
        self._finalize(
            [
                *before,
                Edit("manifest_leg", self.store.new_id(), self.scope, leg),
                self._seen(code, at, "handover", "own"),
            ]
        )
        return code

    def _seen(self, code: str, at: datetime, purpose: str, way: str, **more: Any) -> Edit:
        values = {
            "number": read(code).load.number,
            "code": code,
            "seen_at": text(at),
            "way": way,
            "purpose": purpose,
            **more,
        }
        return Edit("hand_over", self.store.new_id(), self.scope, values)

    def _finalize(self, edits: list[Edit]) -> None:
        self.store.finalize(edits)


def weighing(ticket: str, at: datetime, gross: Decimal, tare: Decimal) -> list[Values]:
    return [{"ticket_no": ticket, "gross_t": f"{gross:.3f}", "tare_t": f"{tare:.3f}", "at": text(at)}]


def text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


__all__ = ["Phone", "Waybill", "text", "weighing"]
