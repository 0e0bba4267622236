"""Loads whose legs are really signed: people with keys, a directory that knows them, legs that stand on each other, codes of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover import Directory, Load, signed_leg, text_of
from tests.unit.factory import NOW, at, uid

BEFORE = "2026-09-01T00:00:00+08:00"  # every key counts from here on
PLAN, LOT, PROJECT, TRUCK = uid("transfer-plan"), uid("lot"), uid("project"), uid("truck")
SENDER, SUPERVISION, CARRIER, KILN = uid("org"), uid("supervision"), uid("carrier"), uid("kiln")
SIGNED_BY = {
    "issued": "sender", "voided": "sender", "departed": "driver", "waypoint": "driver", "relay": "driver", "arrived": "driver",
    "returned": "driver", "amended": "sender", "paper_entry": "sender",
}  # fmt: skip


def supervisor(when: datetime) -> dict[str, Any]:
    """The supervision's handwriting under a first leg."""
    return {"role": "supervisor", "name": "钱监理", "way": "signed", "signed_at": when.isoformat(), "strokes": "[]"}


class Person(NamedTuple):
    name: str
    org: str
    private: bytes

    @property
    def public(self) -> str:
        return evidence.public_of(self.private)


def person(name: str, org: str) -> Person:
    return Person(name, org, hashlib.sha256(name.encode()).digest())


PEOPLE = {
    "sender": person("Zhao", SENDER), "driver": person("Wang", CARRIER), "receiver": person("Sun", KILN), "other": person("Li", uid("else")),
}  # fmt: skip


def directory(*without: str, until: dict[str, datetime] | None = None, since: str = BEFORE) -> Directory:
    keys = [
        {"key": p.public, "person": uid(p.name), "name": p.name, "org": p.org, "device": f"T{n}", "since": since,
         **({"until": until[who].isoformat()} if until and who in until else {})}
        for n, (who, p) in enumerate(PEOPLE.items()) if who not in without
    ]  # fmt: skip
    return Directory({
        "v": 1, "made_at": NOW.isoformat(), "scope": "s", "project": {"id": PROJECT}, "keys": keys,
        "plans": {PLAN: {"code": "ZY1", "version": 1, "state": "active", "consignor": SENDER, "supervisor": SUPERVISION,
                         "from": "2026-09-01", "to": "2026-12-31", "lots": [LOT], "vehicles": [TRUCK], "carriers": [CARRIER],
                         "receivers": [{"org": KILN, "place": "Kiln", "minutes": 60}, {"org": uid("tip"), "place": "Tip"}]}},
        "lots": {LOT: {"code": "A1", "hazard": "not_hazardous"}},
        "vehicles": {TRUCK: {"plate": "苏A12345", "class": "t4_31", "carrier": CARRIER}},
        "organisations": {KILN: "Kiln"},
    })  # fmt: skip


def weighed(gross: str, tare: str = "15", when: datetime | None = None) -> list[dict[str, Any]]:
    return [{"ticket_no": "7", "gross_t": gross, "tare_t": tare, "at": (when or at("09:00")).isoformat()}]


class Signed(NamedTuple):
    """A leg as its own device has it, and its COSE bytes."""

    record: ManifestLeg
    raw: bytes

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


class Haul:
    """One manifest. `sign` adds a leg that stands on the last one, or on another."""

    def __init__(self, id: str = "m1", number: str = "20263211000418") -> None:
        self.id, self.number = uid(id), number
        self.values = {
            "number": number, "plan_id": PLAN, "lot_id": LOT, "vehicle_id": TRUCK, "driver_name": "Wang", "driver_phone": "1",
            "cover": "tarp", "receiver_id": KILN, "receiver_place": "Kiln", "issued_at": at("09:00").isoformat(), "supervised": True,
        }  # fmt: skip
        self.legs: list[Signed] = []

    @property
    def manifest(self) -> Manifest:
        return Manifest.of(self.id, self.values)

    @property
    def load(self) -> Load:
        return Load(self.id, PROJECT, PLAN, LOT, CARRIER, KILN, self.number, "苏A12345", 60, "tarp")

    def sign(
        self,
        kind: str,
        when: datetime | None = None,
        by: str | None = None,
        on: Signed | None | str = "last",
        **values: Any,
    ) -> Signed:
        who = PEOPLE[by or SIGNED_BY.get(kind, "receiver")]
        when = when or at("09:00") + timedelta(minutes=10 * len(self.legs))
        before = (self.legs[-1] if self.legs else None) if on == "last" else on
        assert not isinstance(before, str)
        leg = {
            "manifest_id": self.id, "kind": kind, "at": when.isoformat(), "who_name": who.name, "org_id": who.org,
            "signatures": [supervisor(when)] if kind == "issued" else [], **values,
        }  # fmt: skip
        done = signed_leg(
            who.private,
            leg,
            before.raw if before else None,
            None if before else self.values,
            None if before else self.load,
        )
        made = Signed(ManifestLeg.of(uid(f"{self.id}/{len(self.legs)}/{kind}"), done), evidence.unb64(done["cose"]))
        self.legs.append(made)
        return made

    def run(self, *kinds: str) -> list[Signed]:
        """The first leg and the receiver's weighed; each ten minutes after the one before."""
        for kind in kinds:
            more: dict[str, Any] = {}
            if kind == "issued":
                more["weight"] = weighed("35")
            if kind in ("received", "received_difference"):
                more |= {"weight": weighed("34.9"), "received_t": "19.9"}
            self.sign(kind, **more)
        return self.legs

    @property
    def records(self) -> list[ManifestLeg]:
        return [leg.record for leg in self.legs]

    def code(self, legs: Sequence[Signed], id: str = "code", seen: datetime = NOW) -> HandOver:
        values = {
            "number": self.number, "code": text_of([leg.raw for leg in legs]), "seen_at": seen.isoformat(), "way": "photo", "purpose": "handover",
        }  # fmt: skip
        return HandOver.of(uid(f"{id}/{len(legs)}"), values)


def changed(record: ManifestLeg, **values: Any) -> ManifestLeg:
    """The record with other values than were signed."""
    from schemas.rules.manifest.bound import wire_of

    return ManifestLeg.of(record.id, {**wire_of(record), **values})


def flipped(record: ManifestLeg) -> ManifestLeg:
    """With the last bit of its signature turned over."""
    raw = bytearray(evidence.unb64(record.cose or ""))
    raw[-1] ^= 1
    return changed(record, cose=base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


def hashes(legs: Iterable[Signed]) -> set[str]:
    return {leg.hash for leg in legs}
