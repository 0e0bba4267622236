"""复查: what the re-check of a finding would come to, and its signing.

Signing puts the re-check, what the party said about it and the photos into the journal in one transaction; what it comes to is asked of the
same fold before anybody signs.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import NamedTuple

import flet as ft

from field_app.capture.position import as_values
from field_app.desks.courses import one
from field_app.desks.recheckdraft import RecheckDraft, Values
from field_app.store import Edit
from field_app.store.rows import values_of
from field_app.words import WORDS, both
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.rules import geo, rectify
from schemas.rules.rectify import Course
from schemas.rules.rectify_words import Question

_ANOTHER = {"person_id": "00000000-0000-0000-0000-000000000000", "name": "—", "duty": "inspector"}
FIX_S = 120  # an older position is not that of the re-check


class Lack(NamedTuple):
    """What keeps it from being signed. `code`: where it is mended."""

    code: str
    words: tuple[str, str]


class Preview(NamedTuple):
    """What the re-check would come to, once all who are named have signed. `asked`: questions it would raise."""

    course: Course
    asked: tuple[Question, ...]


@ft.observable
class Rechecking(RecheckDraft):
    # --- what it comes to ----------------------------------------------------------------------------------------

    def _edits(self, at: str) -> list[Edit]:
        """In this order: what the party said, the re-check, its photos."""
        assert self._case is not None
        row, values = self._case.row, dict(self._values)
        values["officers"] = [
            {**o, **({"certificate_no": number} if (number := self._certificates.get(o["person_id"])) else {})}
            for o in values.get("officers", [])
        ]
        out: list[Edit] = []
        told = [s for s in row.course.steps if s.kind == "reported" and s.counts]
        if told:
            values["action_id"] = told[-1].id
        if self.ui("said"):
            action = {"finding_id": row.id, "at": at, "measure_taken": self.ui("said"), "done": True,
                      "reported_by": self.ui("by") or row.values.get("responsible") or row.party}  # fmt: skip
            out.append(Edit("corrective_action", self.ui("action"), row.scope, action))
            values["action_id"] = self.ui("action")
        fix = self._host.here.fix
        if fix is not None and fix.age_s(self._host.now()) <= FIX_S:
            values["position"] = as_values(fix, self._host.now())
        out.append(Edit("recheck", self._id, row.scope, values_of({**values, "at": at})))
        return out + [Edit("photo", id, row.scope, dict(v)) for id, v in self._photos.items()]

    def preview(self, joined: bool = False) -> Preview | None:
        """None before a result is chosen. joined: as if a further officer had signed too."""
        case = self._case
        if case is None or not self._values.get("result"):
            return None
        at = self._host.now().isoformat(timespec="seconds")
        officers = [*self._values.get("officers", []), *([_ANOTHER] if joined else [])]
        signed = [{"role": "inspector", "person_id": o["person_id"], "name": o["name"], "way": "stamped", "signed_at": at}
                  for o in officers]  # fmt: skip
        actions, rechecks = list(case.actions), list(case.rechecks)
        photos = [Photo.of(p.id, p.values) for p in case.shots]
        for edit in self._edits(at):
            if edit.type == "recheck":
                rechecks.append(Recheck.of(edit.record, {**edit.values, "officers": officers, "signatures": signed}))
            elif edit.type == "photo":
                photos.append(Photo.of(edit.record, edit.values))
            else:
                actions.append(CorrectiveAction.of(edit.record, edit.values))
        finding, told = Finding.of(case.row.id, case.row.values), (actions, rechecks, photos)
        if case.inspection is not None:
            made = Inspection.of(case.inspection.id, case.inspection.values)
            course = rectify.course_of(finding, made, *told, case.employers, now=self._host.now())
        else:
            course = rectify.fold(
                finding, *told, signed_on=case.row.course.opened, orgs=case.employers, now=self._host.now()
            )
        return Preview(course, tuple(q for q in course.open if self._id in q.about))

    def apart(self) -> float | None:
        """Metres between the photos after that were taken here and those before, less what the accuracies allow; None where no pair has
        positions."""
        before = [p.values["position"] for p in self._case.before if p.values.get("position")] if self._case else []
        after = [v["position"] for v in self._photos.values() if v["step"] == "rectified" and v.get("position")]
        gaps = [
            geo.distance_m(float(a["lon"]), float(a["lat"]), float(b["lon"]), float(b["lat"]))
            - float(a.get("h_acc_m") or 0)
            - float(b.get("h_acc_m") or 0)
            for a in before
            for b in after
        ]
        return max(0.0, min(gaps)) if gaps else None

    def lacks(self) -> list[Lack]:
        v, out = self._values, []
        result = v.get("result")
        if not result:
            return [Lack("result", WORDS["recheck.lack.result"])]
        seen = self.preview(joined=True) if result == "closed" else None
        if seen is not None and any(q.code == "no_after" for q in seen.asked):
            out.append(Lack("photo", WORDS["recheck.lack.photo"]))
        if result == "keep":
            current = self._case.row.course.deadline if self._case else None
            said = self.next_deadline
            if (said or current or date.min) <= self.today:
                out.append(Lack("deadline", WORDS["recheck.lack.deadline"]))
        if result == "refer" and not v.get("referred_to"):
            out.append(Lack("refer", WORDS["recheck.lack.refer"]))
        if not v.get("opinion"):
            out.append(Lack("opinion", WORDS["recheck.lack.opinion"]))
        return out

    # --- signing -------------------------------------------------------------------------------------------------

    def signed(self, person: str) -> Values | None:
        return next((s for s in self._values.get("signatures", []) if s.get("person_id") == person), None)

    def sign(self) -> None:
        """Whoever is named signs, one after the other; after the last one it is recorded."""
        if self._signing or self._busy or self.lacks() or self._host.route == "sign":
            return
        waiting = next((o for o in self._values.get("officers", []) if self.signed(o["person_id"]) is None), None)
        if waiting is None:
            self._host._later(self.finish())
            return

        def done(value: Values | None) -> None:
            if value is None:
                return
            others = [s for s in self._values.get("signatures", []) if s.get("person_id") != waiting["person_id"]]
            signed = {**value, "role": "inspector", "name": waiting["name"], "person_id": waiting["person_id"]}
            self._values = {**self._values, "signatures": [*others, signed]}
            self._keep()
            self._host._later(self._go_on())

        self._host.signing.ask({"role": "inspector", "name": waiting["name"]}, done)

    async def _go_on(self) -> None:
        await asyncio.sleep(0.05)  # the page below the pad is drawn first: the next pad is a new one
        if self._host.route == "recheck":
            self.sign()

    async def finish(self) -> None:
        """All of it in one transaction, or nothing and the reason."""
        case = self._case
        if case is None or self._signing or self.lacks():
            return
        self._signing = True
        self._changed()
        try:
            await self.settled()
            edits = self._edits(self._host.now().isoformat(timespec="seconds"))
            # without a position it says less, and is recorded all the same
            located = all("position" in e.values for e in edits if e.type == "recheck")
            await self._host._do(self._store.finalize, edits, located)
        finally:
            self._signing = False
            self._changed()
        self.lens.shut()
        self._clear()
        await self._host.load()
        now = await asyncio.to_thread(one, self._store, case.row.id, self._host.now())
        await self.open(case.row.id)
        came = (now or case).row.course
        self._host.tell("done", both(f"recheck.done.{'waits' if came.pending else came.state}", code=case.row.code))
