"""Issuing the next truck: whoever has to sign by hand signs; then manifest, first leg, code and photos in one transaction."""

from __future__ import annotations

import asyncio

import flet as ft

from field_app.desks.nextload import OWN, NextLoad, Values
from field_app.desks.sending import number_of
from field_app.store import Edit
from field_app.store.rows import values_of
from schemas.problems import Trouble
from schemas.rules.evidence import unb64
from schemas.rules.handover import Load, signed_leg, text_of


@ft.observable
class Issuing(NextLoad):
    def sign_and_issue(self) -> None:
        """Whoever has to sign by hand signs, one after the other; after the last one the load is issued."""
        if self._busy or self.needs() or self._host.route == "sign":  # a second tap on a button that is going
            return
        if self.late:  # whoever signed did so on the paper
            self._host._later(self.issue())
        elif not self.absent and self.supervisor and self.signed("supervisor") is None:
            self._ask("supervisor", self.supervisor)
        elif self.signed("sender") is None:
            self._ask("sender", self._host.person)
        else:
            self._host._later(self.issue())

    def _ask(self, role: str, name: str) -> None:
        def done(value: Values | None) -> None:
            if value is None:
                return
            value = {**value, "role": role}
            if role == "supervisor" and value["way"] != "signed":
                self._own["absent"] = True
            others = [s for s in self.signatures if s["role"] != role]
            self._own = {**self._own, "signatures": [*others, value]}
            self._changed(keep_signatures=True)
            self._host._later(self._go_on())

        self._host.signing.ask({"role": role, "name": name}, done)

    async def _go_on(self) -> None:
        await asyncio.sleep(0.05)  # the page below the pad is drawn first: the next pad is a new one
        if self._host.route in ("issue", "trucks"):
            self.sign_and_issue()

    async def issue(self) -> None:
        """签发：manifest, its first leg signed with the person's key, the code and the photos, in one transaction or not at all."""
        if self._busy or self.needs():
            return
        self._busy = True
        self.notify()
        try:
            await self._host.photos.settled()
            manifest = self._id
            await self._host._do(self._issue)
            if self._loading is not None:
                self._loading.close()
            self._begin()
        finally:
            self._busy = False
            self.notify()
        await self._host.load()
        self._host.go("code", manifest=manifest)

    def _issue(self) -> None:
        store, now = self._store, self._host.now()
        identity = store.keys.require()
        if identity.locked:
            raise Trouble(2011)
        serial = self._own.get("serial")
        if serial is None:  # kept at once: whatever fails below, the next try has the same number
            serial = store.next_number("manifest")
            self._own = {**self._own, "serial": serial}
            store.save_draft("manifest", self._id, self._sending.scope, {**self._values, OWN: self._own})
        manifest = values_of(self.manifest(number_of(now, self._sending.division, serial), now))
        leg = values_of(self.leg(identity.person, identity.person_name, now))
        plan, truck = self._sending.plan, self.truck
        assert plan is not None and truck is not None
        minutes = self.receiving.get("route_min")
        load = Load(
            self._id, self._sending.scope.partition(".")[0], plan.id, manifest["lot_id"], str(truck.values["carrier_id"]),
            manifest["receiver_id"], manifest["number"], truck.plate, int(minutes) if minutes else None, manifest["cover"],
        )  # fmt: skip
        signed = signed_leg(identity.private_key, leg, None, manifest, load)
        code = {
            "number": manifest["number"], "code": text_of([unb64(signed["cose"])]), "seen_at": now.isoformat(timespec="seconds"), "way": "own",
            "purpose": "handover", "position": leg.get("position"),
        }  # fmt: skip
        scope = self._sending.scope
        edits = [
            Edit("manifest", self._id, scope, manifest),
            Edit("manifest_leg", store.new_id(), scope, signed),
            Edit("hand_over", store.new_id(), scope, values_of(code)),
            *(
                Edit("photo", id, scope, values)
                for id, values in (self._loading.photos if self._loading else {}).items()
            ),
        ]
        # without a position the leg says less, and the load goes all the same: what a form asks for is not asked here a second time
        store.finalize(edits, complete=leg.get("position") is not None)
