"""Does a leg's record say what its signature says? And a leg or a manifest made of what a signature says, where no record is here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from schemas.fields import fields_of
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover.claims import Claim, Load, claim_of, details_of
from schemas.rules.handover.cose import Sign1
from schemas.rules.handover.directory import Directory, Key
from schemas.values import GeoFix, Weighing

_VOIDING = ("deleted", "void_reason")
_T = Decimal("0.001")  # t of a kg
_DEGREE = Decimal("0.000001")


def wire_of(record: BaseModel, zulu: bool = False) -> dict[str, Any]:
    """The values a typed record was read from, as they travel. `zulu`: times in UTC end in Z."""
    out: dict[str, Any] = {}
    given = record.model_fields_set
    for name, field in fields_of(type(record)).items():
        value = getattr(record, name)
        if name in given and value is not None:
            inner = value if field.kind == "values" else ()
            out[name] = [wire_of(v, zulu) for v in inner] if field.kind == "values" else _plain(value, zulu)
    return out


def _plain(value: Any, zulu: bool) -> Any:
    if isinstance(value, BaseModel):
        return wire_of(value, zulu)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        text = value.isoformat()
        return text.replace("+00:00", "Z") if zulu else text
    return value.isoformat() if isinstance(value, date) else value


def disagreements(record: ManifestLeg, claim: Claim, manifest: Manifest | None) -> Iterator[str]:
    """Names of what the record says otherwise than what was signed: manifest, kind, at, position, weight, problem, way; `details`
    for what only the hash tells: a free text, a ticket, a handwriting, or of the first leg something in the manifest."""
    values = _said(record)
    if claim.load is not None and claim.load.manifest != record.manifest_id:
        yield "manifest"
    try:
        said = claim_of(values)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        yield "details"
        return
    for name in ("kind", "at", "position", "problem", "way"):
        if getattr(said, name) != getattr(claim, name):
            yield name
    if (said.gross_kg, said.tare_kg, said.net_kg) != (claim.gross_kg, claim.tare_kg, claim.net_kg):
        yield "weight"
    if claim.load is not None and manifest is None:
        return  # its hash covers the manifest too: cannot say
    bound = manifest if claim.load is not None else None
    ways = ((_said(record, zulu), _said(bound, zulu) if bound else None) for zulu in (False, True))
    if claim.details not in {details_of(*way) for way in ways}:
        yield "details"


def _said(record: BaseModel, zulu: bool = False) -> dict[str, Any]:
    """What was signed of a record: voiding came later."""
    return {k: v for k, v in wire_of(record, zulu).items() if k not in _VOIDING}


def leg_of(
    leg: Sign1, claim: Claim, manifest: str, previous: bytes | None, key: Key | None, load: Load | None
) -> ManifestLeg:
    """The record of a leg as far as its signature tells it. Tickets, texts and handwriting are not known then."""
    hash = leg.hash.hex()
    weight = []
    if claim.gross_kg is not None and claim.tare_kg is not None:
        weight.append(
            Weighing.model_construct(
                ticket_no="", scale_id=None, gross_t=claim.gross_kg * _T, tare_t=claim.tare_kg * _T, at=claim.at
            )
        )
    net, taken = claim.net(), claim.kind in ("received", "received_difference")
    if claim.net_kg is not None:
        net = claim.net_kg
    return ManifestLeg.model_construct(
        id=f"{hash[:8]}-{hash[8:12]}-{hash[12:16]}-{hash[16:20]}-{hash[20:32]}",
        manifest_id=manifest, kind=claim.kind, at=claim.at, position=_fix(claim), who_name=key.name if key else "",
        org_id=(key.org if key else None) or _org(claim.kind, load), key_id=leg.kid.hex(), signature=evidence.b64(leg.signature),
        signatures=[], cose=evidence.b64(leg.raw), way=claim.way, prev_hash=previous.hex() if previous else None, weight=weight,
        received_t=net * _T if net is not None and taken else None, problem=claim.problem,
    )  # fmt: skip


def _org(kind: str, load: Load | None) -> str:
    """Whose turn such a leg is, where nobody knows who signed it."""
    if load is None:
        return ""
    return {"departed": load.carrier, "waypoint": load.carrier, "relay": load.carrier, "issued": "", "voided": ""}.get(
        kind, load.receiver
    )


def _fix(claim: Claim) -> GeoFix | None:
    if claim.position is None:
        return None
    lon, lat, accuracy = claim.position
    return GeoFix.model_construct(
        lon=lon * _DEGREE, lat=lat * _DEGREE, h_acc_m=Decimal(accuracy), fix_kind="single", at=claim.at
    )


def manifest_of(load: Load, at: datetime, directory: Directory | None, vehicles: Mapping[str, str]) -> Manifest:
    """The manifest as far as the code of its first leg tells it. `vehicles`: plate → id; a vehicle nobody knows has its plate as id.
    The driver is not carried; the receiving place is, where the plan names one only."""
    of = directory.said.get("vehicles", {}) if directory else {}
    known = {str(v.get("plate")): id for id, v in of.items()} | dict(vehicles)
    plan = directory.of("plans", load.plan) if directory else {}
    places = [str(r["place"]) for r in plan.get("receivers", []) if r.get("org") == load.receiver and r.get("place")]
    return Manifest.model_construct(
        id=load.manifest, number=load.number, plan_id=load.plan, lot_id=load.lot, vehicle_id=known.get(load.plate, load.plate),
        driver_name="", driver_phone="", cover=load.cover, receiver_id=load.receiver,
        receiver_place=places[0] if len(places) == 1 else "", issued_at=at.astimezone(UTC), supervised=None,
    )  # fmt: skip
