"""Typed records from the values a test cares about; the rest is filled in with something valid.

`World` collects records and gives `Facts`. Names stand for ids: `uid("S01")` is always the same UUID.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from schemas.fields import fields_of
from schemas.records import TYPES, Record
from schemas.rules import geo
from schemas.rules.reconcile import Basis, Facts

BEIJING = timezone(timedelta(hours=8))
NOW = datetime(2026, 9, 21, 18, 0, tzinfo=BEIJING)
MORNING = datetime(2026, 9, 21, 8, 0, tzinfo=BEIJING)
LON, LAT = 118.8, 32.0  # the middle of the site


def uid(name: str) -> str:
    """A UUID for a name; a UUID stays itself."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def at(clock: str, days: int = 0) -> datetime:
    """A time on the day of the story: at("09:30"), at("08:00", -1) the day before."""
    hour, minute = map(int, clock.split(":"))
    return NOW.replace(hour=hour, minute=minute) + timedelta(days=days)


def lonlat(east: float = 0, north: float = 0) -> dict[str, str]:
    """A position so many metres east and north of the middle of the site."""
    lon, lat = geo.offset(LON, LAT, east, north)
    return {"lon": f"{lon:.7f}", "lat": f"{lat:.7f}"}


def fix(east: float = 0, north: float = 0, acc: float | None = 0.5, **more: Any) -> dict[str, Any]:
    return {**lonlat(east, north), "h_acc_m": acc, "fix_kind": "rtk_fixed", "at": MORNING, **more}


def square(half_m: float, east: float = 0, north: float = 0) -> dict[str, Any]:
    """A GeoPolygon around a place."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [lonlat(east + x * half_m, north + y * half_m) for x, y in corners]
    return {"rings": [[[p["lon"], p["lat"]] for p in ring]]}


def wire(cls: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Python values as wire JSON, by the kind of each field. Names of other records become their ids."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        field = fields_of(cls)[name]
        if value is None:
            continue
        if field.kind == "decimal":
            out[name] = format(Decimal(str(value)), "f")
        elif isinstance(value, (datetime, date)):
            out[name] = value.isoformat()
        elif field.kind == "value" and field.model:
            out[name] = wire(field.model, value)
        elif field.kind == "values" and field.model:
            out[name] = [wire(field.model, each) for each in value]
        elif field.spec.ref:
            out[name] = [uid(v) for v in value] if field.kind == "list" else uid(value)
        else:
            out[name] = value
    return out


_ORG, _PERSON = "org", "person-1"
DEFAULTS: dict[str, dict[str, Any]] = {
    "project": {
        "code": "NJ1", "name": "Project", "stage": "preliminary", "client_id": _ORG, "surveyor_id": _ORG,
        "contact_id": _PERSON,
    },
    "site": {
        "code": "NJ14", "name": "Works", "status": "survey", "division_code": "320115", "area_m2": 10000,
        "land_use": "r2", "standard": "gb36600_2", "gw_standard": "gbt14848_4",
    },
    "plan": {"code": "NJ1-P1", "version": 1, "title": "Plan", "stage": "preliminary", "author_id": _ORG},
    "plan_zone": {"plan_id": "plan", "code": "Z1", "kind": "suspect"},
    "planned_point": {
        "plan_id": "plan", "code": "S01", "role": "soil", "origin": "plan", "position": lonlat(), "reason": "tank farm",
    },
    "planned_target": {"planned_point_id": "S01", "medium": "soil", "rule": "fixed", "groups": ["metal"]},
    "point": {"code": "S01", "site_id": "site", "outcome": "done", "started_at": at("09:00"), "ended_at": at("11:00")},
    "point_adjustment": {"kind": "shift", "reason": "utility", "reason_text": "gas pipe", "decision": "pending"},
    "borehole": {"point_id": "v:S01", "code": "S01", "opened_at": at("09:30"), "depth_m": 6, "end_reason": "target"},
    "soil_layer": {"borehole_id": "h:S01", "layer_no": 1, "top_m": 0, "bottom_m": 1},
    "field_reading": {
        "method": "xrf", "instrument_id": "xrf-1", "parameter": "As", "value": 10, "qualifier": "eq", "unit": "mg_kg",
        "at": at("10:00"), "entry_way": "typed",
    },
    "instrument": {"code": "XRF-1", "kind": "xrf", "model": "Vanta", "serial_no": "1", "org_id": _ORG},
    "calibration": {
        "instrument_id": "xrf-1", "at": MORNING, "person_id": _PERSON, "result": "passed",
        "points": [{"kind": "span", "standard": "SRM 2711a", "reading": 100, "unit": "mg_kg", "result": "passed"}],
    },
    "sample": {
        "code": "S01-1", "kind": "ordinary", "medium": "soil", "point_id": "v:S01", "groups": ["metal"],
        "collected_at": at("10:00"), "collected_by": [_PERSON], "batch": "260921A",
        "depth_top_m": 0, "depth_bottom_m": "0.5",
    },
    "sample_container": {
        "code": "S01-1-C01", "sample_id": "S01-1", "type": "jar250_b", "volume_ml": 250, "amount": 200,
        "preservative": "none", "groups": ["metal"], "cold": True, "state": "filled",
    },
    "qc_link": {"qc_sample_id": "S01-2", "kind": "field_duplicate", "original_id": "S01-1"},
    "photo": {
        "sha256": "a" * 64, "step": "surface", "subject_kind": "point", "subject_id": "v:S01", "taken_at": at("09:10"),
        "source": "app_camera",
    },
    "person": {"name": "Li", "org_id": _ORG, "duties": ["sampler"]},
    "person_qualification": {
        "person_id": _PERSON, "kind": "enforcement", "number": "1", "valid_from": date(2025, 1, 1),
    },
    "vehicle": {"plate": "A12345", "vehicle_class": "t4_31", "carrier_id": _ORG, "tare_ref_t": 15},
    "soil_lot": {"code": "P1", "kind": "pit"},
    "transfer_plan": {
        "code": "ZY1", "version": 1, "site_id": "site", "consignor_id": _ORG, "lots": ["lot"], "mass_t": 1000,
        "volume_m3": 600, "from_date": date(2026, 9, 1), "to_date": date(2026, 12, 31), "way": "road",
        "carriers": [_ORG], "vehicles": ["truck"],
        "receivers": [{
            "org_id": "kiln", "site_name": "Kiln", "position": lonlat(20000), "way": "cement_kiln", "permit_no": "1",
            "capacity_t": 5000, "route_min": 60,
        }],
        "filings": [
            {"authority_id": _ORG, "side": side, "submitted_at": at("08:00", -30), "receipt_no": "1",
             "accepted_at": at("08:00", -20)}
            for side in ("origin", "destination")
        ],
    },
    "manifest": {
        "number": "20263201000001", "plan_id": "transfer-plan", "lot_id": "lot", "vehicle_id": "truck",
        "driver_name": "Wang", "driver_phone": "1", "cover": "tarp", "receiver_id": "kiln", "receiver_place": "Kiln",
        "issued_at": at("09:00"), "supervised": True,
    },
    "manifest_leg": {"manifest_id": "m1", "kind": "issued", "at": at("09:00"), "who_name": "Zhao", "org_id": _ORG,
                     "key_id": "k", "signature": "s"},
    "inspection": {"code": "JC-1", "kind": "enforcement", "site_id": "site", "org_id": _ORG, "officers": [{"person_id": uid(_PERSON), "name": "Li", "duty": "inspector"}],
                   "started_at": at("09:00")},
    "finding": {"code": "JC-1-WT01", "inspection_id": "inspection", "severity": "general", "kind": "cover",
                "description": "no cover", "basis": "41", "org_id": _ORG, "deadline": date(2026, 9, 21)},
    "corrective_action": {"finding_id": "finding", "at": at("10:00"), "measure_taken": "covered", "done": True,
                          "reported_by": "Sun"},
    "recheck": {"finding_id": "finding", "at": at("12:00"), "result": "closed",
                "officers": [{"person_id": uid(id), "name": name, "duty": "inspector"} for id, name in ((_PERSON, "Li"), ("person-2", "Wu"))],
                "signatures": [{"role": "inspector", "person_id": uid(id), "name": name, "way": "stamped", "signed_at": at("12:00")}
                               for id, name in ((_PERSON, "Li"), ("person-2", "Wu"))]},
    "conflict": {"subject_kind": "sample", "subject_id": "S01-1", "change_id": "c1", "field_name": "depth",
                 "before": "1", "now": "2", "after": "3"},
    "review_decision": {"subject_kind": "sample", "subject_id": "S01-1", "record_seq": 5, "state": "back", "level": 1,
                        "person_id": _PERSON, "at": at("12:00"), "reason": "depth"},
}  # fmt: skip


def officer(name: str) -> dict[str, Any]:
    return {"person_id": uid(name), "name": name, "duty": "inspector"}


def record(type: str, id: str | None = None, /, seq: int = 1, **values: Any) -> Record:
    """A typed record: the defaults of its type, with these values over them (None takes a default away)."""
    cls = TYPES[type]
    return cls.of(uid(id or type), wire(cls, {**DEFAULTS.get(type, {}), **values}), seq)


class World:
    """Records of one project. `bare` starts without the project, site and plan."""

    def __init__(self, bare: bool = False) -> None:
        self.records: dict[str, dict[str, Record]] = {name: {} for name in TYPES}
        if not bare:
            self.add("project")
            self.add("site", boundary=square(50))
            self.add("plan")

    def add(self, type: str, id: str | None = None, /, seq: int = 1, **values: Any) -> Record:
        """Add a record, or put it in place of the one with this id."""
        made = record(type, id, seq, **values)
        self.records[type][made.id] = made
        return made

    def drop(self, *types: str) -> World:
        """These types are not held here."""
        for name in types:
            del self.records[name]
        return self

    def planned(self, code: str = "S01", east: float = 0, north: float = 0, **values: Any) -> Record:
        """A planned point; its id is its code."""
        return self.add("planned_point", code, code=code, position=lonlat(east, north), **values)

    def visit(
        self, code: str = "S01", east: float = 0, north: float = 0, acc: float | None = 0.5, **values: Any
    ) -> Record:
        """A visit of the planned point of the same code; its id is "v:" + code."""
        values = {"planned_point_id": code, "position": fix(east, north, acc), **values}
        return self.add("point", values.pop("id", f"v:{code}"), code=code, **values)

    def both(self, code: str = "S01", east: float = 0, **values: Any) -> None:
        """A planned point and a visit to its very place."""
        self.planned(code, east)
        self.visit(code, east, **values)

    def leg(self, manifest: str, kind: str, when: datetime, gross: float | None = None, **values: Any) -> Record:
        """A leg of a manifest; with `gross` it is weighed, tare 15 t."""
        if gross is not None:
            values["weight"] = [{"ticket_no": "1", "gross_t": gross, "tare_t": 15, "at": when}]
        return self.add("manifest_leg", f"{manifest}/{kind}", manifest_id=manifest, kind=kind, at=when, **values)

    def facts(self, where: str = "server", **values: Any) -> Facts:
        basis = Basis(where, NOW, device_count=2)  # type: ignore[arg-type]
        return Facts(self.records, values.pop("now", NOW), basis, project_id=uid("project"), **values)
