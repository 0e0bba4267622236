"""A load whose code was read: is it genuine, what is it, and the one step the person may sign now.

Nothing is written by looking. Signing puts leg, code and photos into the journal in one transaction; what is typed before that is
kept at every edit, and comes back after the app was killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import flet as ft

from field_app.capture.camera import Camera, pick_file
from field_app.capture.position import as_values
from field_app.desks import reckoning
from field_app.desks.chains import Chains
from field_app.desks.legging import SIGNER, Difference, Draft, weights_out
from field_app.desks.reckoning import Reading, Roadside
from field_app.desks.shooting import Shooting
from field_app.store import Edit, Store, values_of
from field_app.words import both
from schemas.problems import Trouble
from schemas.rules.evidence import unb64
from schemas.rules.handover import link, signed_leg, text_of
from schemas.rules.manifest.guards import Lack
from schemas.rules.manifest.mass import Tolerance

if TYPE_CHECKING:
    from field_app.state import State

FIX_S = 60  # an older position is not that of the signature


@ft.observable
class Handing(Shooting):
    def __init__(
        self, host: State, store: Store, chains: Chains, camera: Camera | None,
        pick: Callable[[], Awaitable[bytes | None]] = pick_file,
    ) -> None:  # fmt: skip
        super().__init__(host, store, camera, pick)
        self._chains = chains
        self._told = False

    told = property(lambda self: self._told)

    def forget(self) -> None:
        """Another person has the tablet."""
        self.lens.shut()
        self._reading = self._around = self._draft = None
        self._road, self._busy, self._told, self._fault, self._drafts = Roadside(), False, False, None, None

    # --- a code was read -----------------------------------------------------------------------------------------

    def show(self, text: str, way: str, began: float | None = None) -> None:
        """Judge it at once, and on to the load's page. Raises Trouble 6001, 6002."""
        host = self._host
        self._reading = reckoning.judge(
            self._chains, text, way, host.now(), perf_counter() if began is None else began, self._roles()
        )
        self._around, self._told, self._fault, self._aim = None, False, None, ""
        self._take_up(self._kept().get(self._reading.chain.load.manifest, {}))
        self._keep()
        host.replace("roadside" if self._reading.inspects else "leg")
        host._later(self.look())

    def _roles(self) -> Callable[[str], tuple[str, ...]]:
        return self._host.records.roles_in

    async def resume(self) -> None:
        """What was open when the app was killed, where it was this person's."""
        if self._reading is not None:
            return
        kept = next((entry for entry in self._kept().values() if entry.get("open")), None)
        if kept is None:
            return
        at = datetime.fromisoformat(kept["at"])
        try:
            self._reading = reckoning.judge(
                self._chains, kept["text"], kept["way"], self._host.now(), perf_counter(), self._roles()
            )._replace(at=at)
        except Trouble:
            return
        self._take_up(kept)
        await self.look()

    async def look(self) -> None:
        """What this tablet knows besides the code: names, later signatures, other loads of the truck."""
        reading, host = self._reading, self._host
        if reading is None:
            return
        await host._do(lambda: None)
        around = await asyncio.to_thread(
            reckoning.around, self._store, self._chains, reading, host.now(), host.last_sync, host.book.project or {}
        )
        if self._reading is not reading:
            return
        self._around = around
        if around.against is not None:  # signed as it should be, and all the same not to be gone by
            worth = "unsure" if reading.judged.worth == "genuine" else reading.judged.worth
            reading = self._reading = reading._replace(
                judged=reading.judged._replace(worth=worth, against=around.against)
            )
        if self._draft is None and around.steps:
            self._begin(around.steps[0])
        elif self._draft is not None and self._draft.way == "own" and self._draft.kind not in around.steps:
            self._draft = self._draft.put(kind=around.steps[0]) if around.steps else None  # its turn has passed
        if self._draft is not None:
            await self._load_thumbs()
        if around.keeps and host.records.may_write("hand_over", reading.scope):
            await self._keep_code()
        self._changed()

    async def _keep_code(self) -> None:
        """Who sent the load has its code shown back: what others signed meanwhile is kept at once."""
        reading = self._reading
        if reading is None:
            return
        await self._host._do(self._store.finalize, [self._code_edit(reading.text, "answer", reading.way)], False)
        self._host._later(self._host.load())
        if self._around is not None:
            self._around = self._around._replace(keeps=False, kept=True)

    # --- the step that is made -----------------------------------------------------------------------------------

    def choose(self, kind: str) -> None:
        """Another step than the one that was offered; what is photographed and typed stays."""
        self.put(kind=kind) if self._draft else self._begin(kind)
        self._told = False
        self._keep()
        self._changed()

    def choose_way(self, way: str) -> None:
        """Signed by the person here, or caught up with for somebody else; a stand-in may be any step that is open."""
        steps = self._around.steps if self._around is not None else ()
        if self._draft is None:
            self._begin(steps[0] if steps else "departed")
        self.put(way=way)
        if way == "own" and self._draft is not None and self._draft.kind not in steps:
            self._draft = self._draft.put(kind=steps[0]) if steps else None
        self._told = False
        self._keep()
        self._changed()

    def key(self, code: str) -> None:
        if self._draft is not None:
            self._draft = self._draft.key(code)
            self._keep()
            self._changed()

    def ask_signature(self) -> None:
        """The pad, for whoever signs by hand besides."""
        draft = self._draft
        if draft is not None:
            name = self._host.person if draft.way == "own" else draft.who.strip()
            asked = draft.signature or {"role": SIGNER.get(draft.kind, "witness"), "name": name}
            self._host.signing.ask(asked, lambda value: self.put(signature=value))

    def difference(self) -> Difference | None:
        reading, draft = self._reading, self._draft
        if reading is None or draft is None:
            return None
        return draft.difference(weights_out(reading.chain)[1], self.tolerance())

    def tolerance(self) -> Tolerance:
        return self._around.tolerance if self._around is not None else reckoning.DEFAULT

    def values(self) -> dict[str, Any]:
        """What would be signed now."""
        reading, draft = self._reading, self._draft
        assert reading is not None and draft is not None
        now = self._host.now().replace(microsecond=0)
        name = self._host.person
        org = reckoning.org_of(reading, draft)
        return draft.values(reading.chain.load.manifest, now, name, org, self._place(), self.difference())

    def _place(self) -> dict[str, Any] | None:
        host, now = self._host, self._host.now()
        fix = host.here.fix
        return as_values(fix, now) if fix is not None and fix.age_s(now) <= FIX_S else None

    def lacks(self) -> list[Lack]:
        """What is missing before this step may be signed; `cannot` of one: it stops nothing, nobody here can say."""
        reading, draft, around = self._reading, self._draft, self._around
        if reading is None or draft is None or around is None:
            return []
        found = reckoning.lacks(reading, around, draft, self.values(), self._host.now())
        if not self._host.records.may_write("manifest_leg", reading.scope):
            found.insert(0, Lack("may_not", *both("leg.lack.may_not")))
        return found

    async def sign(self) -> None:
        """Leg, code and photos into the journal, or what is missing is named."""
        reading, draft = self._reading, self._draft
        if reading is None or draft is None or self._busy:
            return
        if lacking := [lack for lack in self.lacks() if not lack.cannot]:
            self._told = True
            self._host.tell("warn", both("leg.lacking", n=len(lacking)),
                            ("；".join(x.zh for x in lacking), "; ".join(x.en for x in lacking)))  # fmt: skip
            self._changed()
            return
        self._host.dismiss()
        self._busy = True
        self._changed()
        try:
            await self._host._do(self._finalize, reading, draft, self.values())
        finally:
            self._busy = False
            self._changed()
        manifest = reading.chain.load.manifest
        self.lens.shut()
        self._done(manifest)
        await self._host.load(show=False)
        self._host.replace("code", manifest=manifest)

    def _finalize(self, reading: Reading, draft: Draft, values: dict[str, Any]) -> None:
        """On the writer's thread. The same code signed twice gives one leg."""
        identity = self._store.keys.require()
        if identity.locked:
            raise Trouble(2011)
        before = reading.chain.legs[-1]
        for seen in self._store.all("manifest_leg", manifest_id=reading.chain.load.manifest):
            if seen.values.get("prev_hash") == before.hash.hex():
                raise Trouble(6010, step=reckoning.step_name(seen.values["kind"]))
        signed = signed_leg(identity.private_key, values, before.raw)
        chain = link(reading.chain, unb64(signed["cose"]))
        text = text_of([leg.raw for leg in chain.legs])
        edits = [Edit("manifest_leg", draft.leg, reading.scope, signed), self._code_edit(text, "handover", reading.way)]
        edits += [Edit("photo", id, reading.scope, shot) for id, shot in draft.photos.items()]
        self._store.finalize(edits, complete=False)

    def _code_edit(self, text: str, purpose: str, way: str, **more: Any) -> Edit:
        reading = self._reading
        assert reading is not None
        values = values_of({
            "number": reading.chain.load.number, "code": text, "seen_at": reading.at.isoformat(timespec="seconds"), "way": way,
            "purpose": purpose, "position": self._place(), **more,
        })  # fmt: skip
        return Edit("hand_over", self._store.new_id(), reading.scope, values)

    # --- a roadside check ----------------------------------------------------------------------------------------

    async def record_check(self) -> None:
        """What was found on the road: the code, the verdict, the plate and the weight that were seen, a photo."""
        reading, road = self._reading, self._road
        if reading is None or self._busy:
            return
        if not road.plate.strip():
            self._told = True
            self._changed()
            return
        self._busy = True
        try:
            edit = self._code_edit(
                reading.text, "roadside", reading.way, verdict=reading.judged.worth, plate_seen=road.plate.strip(),
                gross_seen_t=road.gross_t,
            )  # fmt: skip
            shots = [
                Edit("photo", id, reading.scope, {**v, "subject_kind": "hand_over", "subject_id": edit.record})
                for id, v in road.photos.items()
            ]
            await self._host._do(self._store.finalize, [edit, *shots], False)
        finally:
            self._busy = False
        self._done(reading.chain.load.manifest)
        await self._host.load(show=False)
        self._host.back()
        self._host.tell("done", both("road.recorded"), both("road.recorded.why", plate=road.plate.strip()))


__all__ = ["Handing"]
