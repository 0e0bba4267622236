"""What a device knows around a load when a step is to be done: from records, or from a code and the directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules import transfer_plan
from schemas.rules.handover.claims import Load
from schemas.rules.handover.directory import Directory
from schemas.rules.manifest.axles import limit_t
from schemas.rules.manifest.mass import Tolerance
from schemas.rules.transfer_plan import PlanState


class PlanKnown(NamedTuple):
    """A plan as far as this device knows it; None = cannot say. Ids as in the records."""

    code: str
    state: PlanState | None = None
    missing: tuple[str, ...] | None = None  # sides without a receipt
    from_date: date | None = None
    to_date: date | None = None
    lots: frozenset[str] | None = None
    vehicles: frozenset[str] | None = None
    receivers: frozenset[tuple[str, str]] | None = None  # (organisation, place)


class Known(NamedTuple):
    """What this device knows around a load; None = cannot say. `photos`: steps of the photos taken for the leg; `open_loads`: numbers
    of this truck's other open manifests; `hazard`: of the lot, None where its record is not here, "" where it says nothing."""

    plan: PlanKnown | None = None
    lot_id: str | None = None
    lot_code: str = ""
    hazard: str | None = None
    vehicle_id: str | None = None
    plate: str = ""
    limit_t: Decimal | None = None  # greatest gross mass
    permit_to: date | None = None
    receiver_id: str | None = None
    receiver_place: str | None = None
    open_loads: tuple[str, ...] | None = None
    photos: frozenset[str] | None = None
    tolerance: Tolerance | None = None  # None: the defaults of the project's fields

    @classmethod
    def of_records(
        cls,
        manifest: Mapping[str, Any],
        plan: TransferPlan | None,
        lot: SoilLot | None,
        vehicle: Vehicle | None,
        *,
        newer: bool = False,
        today: date,
        open_loads: Sequence[str] | None = None,
        photos: frozenset[str] | None = None,
        tolerance: Tolerance | None = None,
    ) -> Known:
        """`manifest`: its values (wire form), a draft's too. `newer`: a later version of the plan is filed."""
        seen = None
        if plan is not None:
            seen = PlanKnown(
                plan.code, transfer_plan.state(plan, newer, True, today), tuple(transfer_plan.missing_receipts(plan)), plan.from_date,
                plan.to_date, frozenset(plan.lots), frozenset(plan.vehicles), frozenset((r.org_id, r.site_name) for r in plan.receivers),
            )  # fmt: skip
        return cls(
            seen, manifest.get("lot_id"), lot.code if lot else "", (lot.hazard or "") if lot else None,
            manifest.get("vehicle_id"), vehicle.plate if vehicle else "", limit_t(vehicle.vehicle_class) if vehicle else None,
            vehicle.permit_to if vehicle else None, manifest.get("receiver_id"), manifest.get("receiver_place"),
            None if open_loads is None else tuple(open_loads), photos, tolerance,
        )  # fmt: skip

    @classmethod
    def of_directory(
        cls,
        directory: Directory | None,
        load: Load,
        *,
        open_loads: Sequence[str] | None = None,
        photos: frozenset[str] | None = None,
        tolerance: Tolerance | None = None,
    ) -> Known:
        """What a code and the directory tell."""
        plan, lot = (directory.of("plans", load.plan), directory.of("lots", load.lot)) if directory else ({}, {})
        all_vehicles: Mapping[str, Mapping[str, Any]] = directory.said.get("vehicles", {}) if directory else {}
        id, truck = next(((i, v) for i, v in all_vehicles.items() if v.get("plate") == load.plate), (None, {}))
        seen = None
        if plan:
            seen = PlanKnown(
                str(plan.get("code", "")), plan.get("state"), None, _day(plan.get("from")), _day(plan.get("to")), _ids(plan.get("lots")),
                _ids(plan.get("vehicles")), None,
            )  # fmt: skip
            if "receivers" in plan:  # a code carries the firm, not the place
                seen = seen._replace(receivers=frozenset((str(r.get("org")), "") for r in plan["receivers"]))
        return cls(
            seen, load.lot, str(lot.get("code", "")), str(lot.get("hazard", "")) if lot else None, id, load.plate,
            Decimal(str(truck["limit"])) if truck.get("limit") else limit_t(truck.get("class")), _day(truck.get("permit_to")),
            load.receiver, "", None if open_loads is None else tuple(open_loads), photos, tolerance,
        )  # fmt: skip


def _day(text: Any) -> date | None:
    return date.fromisoformat(text) if text else None


def _ids(found: Any) -> frozenset[str] | None:
    return None if found is None else frozenset(found)
