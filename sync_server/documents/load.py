"""One load as papers tell it: its legs with everything they point at, gathered from the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from schemas.change import ID
from schemas.records.disposal_record import DisposalRecord
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.organisation import Organisation
from schemas.records.photo import Photo
from schemas.records.site import Site
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules import evidence
from schemas.rules.handover.chain import MAX_LEGS, MAX_TEXT, check_of, text_of
from schemas.rules.manifest import Story
from schemas.rules.manifest.balance import TripMass, masses, tolerance
from schemas.rules.manifest.join import Leg, order
from schemas.rules.manifest.trips import Trip, real
from schemas.rules.reconcile.facts import Facts
from schemas.rules.transfer_plan import dispose_by
from schemas.values import Receiver

TAKEN = ("received", "received_difference")
BACK = ("rejected", "returned")


class Weighed(NamedTuple):
    """Truck and trailer together, t; the tickets' numbers."""

    gross: Decimal
    tare: Decimal
    tickets: tuple[str, ...]

    @property
    def net(self) -> Decimal:
        return self.gross - self.tare


class Load:
    """`legs`: those that count, by time, without stand-ins whose own leg has come."""

    def __init__(self, facts: Facts, of: TripMass) -> None:
        self.facts, self.of, self.manifest = facts, of, of.manifest
        self.trip: Trip = of.trip
        self.legs: Sequence[ManifestLeg] = sorted(real(facts.legs_of(of.manifest.id)), key=lambda leg: leg.at)
        self.story: Story = facts.story(of.manifest.id)

    @property
    def number(self) -> str:
        return self.manifest.number

    @cached_property
    def plan(self) -> TransferPlan | None:
        return self.facts.find(TransferPlan, self.manifest.plan_id)

    @cached_property
    def lot(self) -> SoilLot | None:
        return self.facts.find(SoilLot, self.manifest.lot_id)

    @cached_property
    def vehicle(self) -> Vehicle | None:
        return self.facts.find(Vehicle, self.manifest.vehicle_id)

    @cached_property
    def site(self) -> Site | None:
        return self.facts.find(Site, self.plan.site_id) if self.plan else None

    def organisation(self, id: str | None) -> Organisation | None:
        return self.facts.find(Organisation, id)

    @cached_property
    def entry(self) -> Receiver | None:
        """What the plan says of this receiver, at this place if it has several."""
        own = [r for r in (self.plan.receivers if self.plan else ()) if r.org_id == self.manifest.receiver_id]
        return next((r for r in own if r.site_name == self.manifest.receiver_place), own[0] if own else None)

    @property
    def plate(self) -> str:
        """Empty where the vehicle's record is not here and no directory knows it."""
        if self.vehicle:
            return self.vehicle.plate
        id = self.manifest.vehicle_id
        known = self.facts.directory.of("vehicles", id) if self.facts.directory else {}
        return str(known.get("plate", "")) or (
            "" if ID.fullmatch(id) else id
        )  # known only from a code: the plate stands for it

    def name_of(self, org: str | None) -> str:
        """An organisation's name; "" where nobody here knows it."""
        found = self.organisation(org)
        if found:
            return found.name
        return (self.facts.directory.organisation(org) if self.facts.directory else None) or ""

    @property
    def recorded(self) -> bool:
        """Is the manifest's record here, or is it known only from a code?"""
        return self.facts.find(Manifest, self.manifest.id) is not None

    def not_told(self, leg: ManifestLeg) -> str:
        """Why a field of this leg is empty: known only from a code, its record not believed, or nobody filled it in."""
        step = next((s for s in self.story.steps if s.record is leg and s.source == "code"), None)
        return "missing" if step is None else "not_here" if step.unheard else "not_taken"

    # --- legs --------------------------------------------------------------------------------------------------------

    def leg(self, *kinds: str) -> ManifestLeg | None:
        """The latest of these kinds that counts."""
        return next((leg for leg in reversed(self.legs) if leg.kind in kinds), None)

    @property
    def weighed_out(self) -> Weighed | None:
        """What `trip` takes the net weight of: the latest weighed leg of issue, else of departure."""
        return self._weighed("issued") or self._weighed("departed")

    @property
    def weighed_in(self) -> Weighed | None:
        return self._weighed(*TAKEN)

    def _weighed(self, *kinds: str) -> Weighed | None:
        leg = next((leg for leg in reversed(self.legs) if leg.kind in kinds and leg.weight), None)
        if leg is None:
            return None
        tickets = tuple(w.ticket_no for w in leg.weight if w.ticket_no)
        return Weighed(
            sum((w.gross_t for w in leg.weight), Decimal(0)), sum((w.tare_t for w in leg.weight), Decimal(0)), tickets
        )

    @property
    def volume_m3(self) -> Decimal | None:
        """By net weight out and the lot's density; None where one is not known."""
        out = self.trip.net_out_t
        return (
            None
            if out is None or self.lot is None or not self.lot.density_t_m3
            else round(out / self.lot.density_t_m3, 1)
        )

    @property
    def allowed_t(self) -> Decimal | None:
        """What the two weighings may differ in this project."""
        out = self.trip.net_out_t
        return None if out is None else round(tolerance(self.facts).of(out), 3)

    @property
    def difference_t(self) -> Decimal | None:
        """In less out; None where one side was not weighed."""
        out, came = self.trip.net_out_t, self.trip.net_in_t
        return None if out is None or came is None else came - out

    @property
    def dispose_by(self) -> date | None:
        """The last day the plan gives for disposal, counted from the day of receipt; None where it gives none, or nothing came."""
        taken = self.leg(*TAKEN)
        return dispose_by(self.entry, taken.at) if taken and self.entry else None

    @property
    def photos(self) -> list[Photo]:
        """Of the manifest and of its legs."""
        return [p for id in (self.manifest.id, *(leg.id for leg in self.legs)) for p in self.facts.photos_of(id)]

    @property
    def disposals(self) -> list[DisposalRecord]:
        by_load: dict[str, list[DisposalRecord]] = self.facts.remember("papers.disposals", lambda: _by_load(self.facts))
        return [r for r in by_load.get(self.manifest.id, []) if r.receiver_id == self.manifest.receiver_id]

    @cached_property
    def all_steps(self) -> list[Leg]:
        """Those that count and those that do not, which a question names, by time."""
        counted = {id(leg) for leg in self.story.steps}
        others = {id(leg): leg for q in self.story.open for leg in q.legs
                  if id(leg) not in counted and leg.record.manifest_id == self.manifest.id}  # fmt: skip
        return sorted([*self.story.steps, *others.values()], key=order)

    # --- the code ----------------------------------------------------------------------------------------------------

    @cached_property
    def signed(self) -> list[bytes]:
        """COSE bytes of the longest chain from the first leg on, oldest first; [] where nothing is signed."""
        return longest(self.story.steps)

    @property
    def check(self) -> str | None:
        return check_of(self.signed[0]) if self.signed else None


def _by_load(facts: Facts) -> dict[str, list[DisposalRecord]]:
    out: dict[str, list[DisposalRecord]] = {}
    for record in facts.alive(DisposalRecord):
        for id in record.manifests:
            out.setdefault(id, []).append(record)
    return out


def longest(steps: Iterable[Leg]) -> list[bytes]:
    after: dict[str | None, list[tuple[str, bytes]]] = {}
    for step in steps:
        if step.hash and step.record.cose and step.worth != "forged":
            after.setdefault(step.prev, []).append((step.hash, evidence.unb64(step.record.cose)))
    best: list[bytes] = []
    todo: list[tuple[str | None, list[bytes]]] = [(None, [])]
    while todo:  # each leg stands on one other, so from the first one there is no way in a circle
        at, path = todo.pop()
        best = path if len(path) > len(best) else best
        todo += [(hash, [*path, raw]) for hash, raw in reversed(after.get(at, []))]
    return best


def code_text(signed: Sequence[bytes]) -> str | None:
    """The text of a code of these legs; None where a reader would refuse it as too long."""
    if not 0 < len(signed) <= MAX_LEGS:
        return None
    text = text_of(signed)
    return text if len(text) <= MAX_TEXT else None


def loads(facts: Facts) -> list[Load]:
    """Every load anybody here knows of, also those known only from a code, by number."""
    return [Load(facts, trip) for trip in masses(facts)]


def load_of(facts: Facts, id: str) -> Load | None:
    found = next((t for t in masses(facts) if t.manifest.id == id), None)
    return Load(facts, found) if found else None
