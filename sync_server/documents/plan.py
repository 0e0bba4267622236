"""A transfer plan as documents tell it: one version with all it points at, gathered from the facts. Pure."""

from __future__ import annotations

from functools import cached_property

from schemas.records.organisation import Organisation
from schemas.records.site import Site
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules import transfer_plan
from schemas.rules.lack import Lack
from schemas.rules.manifest.balance import masses
from schemas.rules.reconcile.facts import Facts
from schemas.rules.reconcile.terms import SHANGHAI
from schemas.values import Receiver
from sync_server.documents import drawing
from sync_server.documents.text import figure
from sync_server.documents.words import sayer


class Planned:
    def __init__(self, facts: Facts, plan: TransferPlan) -> None:
        self.facts, self.plan = facts, plan

    @cached_property
    def site(self) -> Site | None:
        return self.facts.find(Site, self.plan.site_id)

    @cached_property
    def lots(self) -> list[tuple[str, SoilLot | None]]:
        return [(id, self.facts.find(SoilLot, id)) for id in self.plan.lots]

    @cached_property
    def vehicles(self) -> list[tuple[str, Vehicle | None]]:
        return [(id, self.facts.find(Vehicle, id)) for id in self.plan.vehicles]

    def organisation(self, id: str | None) -> Organisation | None:
        return self.facts.find(Organisation, id)

    def name_of(self, id: str | None) -> str:
        found = self.organisation(id)
        return found.name if found else (self.facts.directory.organisation(id) if self.facts.directory else None) or ""

    @property
    def state(self) -> str:
        newer = transfer_plan.newer_filed(self.plan, self.facts.alive(TransferPlan))
        began = any(t.manifest.plan_id == self.plan.id and t.trip.sent for t in masses(self.facts))
        return transfer_plan.state(self.plan, newer, began, self.facts.now.astimezone(SHANGHAI).date())

    @property
    def lacks(self) -> list[Lack]:
        return list(transfer_plan.lacks(self.plan, [lot for _, lot in self.lots if lot]))

    def route(self, receiver: Receiver, lang: str, drawing_too: bool = True) -> str:
        """Length and time as the plan says them, and what was drawn."""
        w = sayer(lang)
        if receiver.route_km is None:
            said = w("route_to_min", place=receiver.site_name, min=receiver.route_min)
        else:
            said = w("route_to", place=receiver.site_name, km=figure(receiver.route_km), min=receiver.route_min)
        if not drawing_too:
            return said
        line = receiver.route.line if receiver.route else []
        drawn = w("drawn", km=round(drawing.length_km(line), 1), n=len(line)) if line else w("not_drawn")
        return said + w("semi") + drawn


def planned_of(facts: Facts, id: str) -> Planned | None:
    plan = facts.get(TransferPlan, id)
    return Planned(facts, plan) if plan else None
