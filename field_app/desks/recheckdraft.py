"""The re-check that is being written about a finding: a draft at every edit, there again after a kill."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

from field_app.capture import photo
from field_app.clock import CHINA
from field_app.desks.courses import Case, Row, one, read
from field_app.desks.snapping import Snapping, Target
from field_app.words import WORDS
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.rules import rectify

UI = "_recheck"  # of the draft what is no field of it
LARGE = 1280  # px of the photo over the lens
Values = dict[str, Any]


class RecheckDraft(Snapping):
    _case: Case | None = None
    _missing = ""  # the finding that was asked for and is not here
    _id = ""
    _begun = False  # there is a draft
    _asked = 0
    _signing = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._values: Values = {}
        self._ui: Values = {}
        self._people: tuple[tuple[str, str], ...] = ()
        self._board: tuple[Row, ...] | None = None
        self._authorities: tuple[str, ...] = ()
        self._large: dict[str, bytes | None] = {}
        self._certificates: dict[str, str] = {}

    board = property(lambda self: self._board)  # findings; None: not looked yet
    case = property(lambda self: self._case)
    missing = property(lambda self: self._missing)
    values = property(lambda self: self._values)
    people = property(lambda self: self._people)  # (id, name) of who may be the second officer
    begun = property(lambda self: self._begun)
    signing = property(lambda self: self._signing)

    def ui(self, name: str, default: Any = None) -> Any:
        return self._ui.get(name, default)

    def forget(self) -> None:
        """Another person has the tablet."""
        self.lens.shut()
        self._asked += 1
        self._board = None
        self._clear()

    def _clear(self) -> None:
        self._case, self._id, self._begun, self._missing = None, "", False, ""
        self._values, self._ui, self._photos, self._fault = {}, {}, {}, None
        self._signing = False

    # --- the board -----------------------------------------------------------------------------------------------

    async def read(self) -> None:
        await self._host._do(lambda: None)  # behind what was written a moment ago
        skip = self._host.records._elsewhere()
        self._board = tuple(await asyncio.to_thread(read, self._store, self._host.now(), skip))
        self._changed()

    # --- the photo before, over the lens ---------------------------------------------------------------------------

    @property
    def ghost(self) -> Any:
        """The photo before that lies over the lens: the chosen one, else the first; None where there is none."""
        before = self._case.before if self._case is not None else ()
        chosen = self.ui("ghost")
        return next((p for p in before if p.id == chosen), before[0] if before else None)

    @property
    def ghost_picture(self) -> bytes | None:
        ghost = self.ghost
        return self._large.get(ghost.values["sha256"]) if ghost is not None else None

    async def aim_at(self, step: str) -> None:
        ghost = self.ghost
        if step == "rectified" and ghost is not None and (sha := ghost.values["sha256"]) not in self._large:
            self._large = {sha: await asyncio.to_thread(self._seen, sha)}  # only one: they are large
        await super().aim_at(step)

    def _seen(self, sha: str) -> bytes | None:
        return photo.view(self._store.folder, sha, LARGE) or self._small(sha)

    # --- one finding ---------------------------------------------------------------------------------------------

    async def open(self, finding: str) -> None:
        """The finding and what was begun about it. Reads anew what may have come since."""
        self._asked = mine = self._asked + 1
        await self._host._do(lambda: None)  # behind what was written a moment ago
        case = await asyncio.to_thread(one, self._store, finding, self._host.now())
        if self._case is None or self._case.row.id != finding:
            drafts = await self._host._do(self._drafted, finding)
        else:
            drafts = None
        if mine != self._asked:
            return
        if case is None:
            self._clear()
            self._missing = finding
            self._changed()
            return
        if drafts is not None:
            self._clear()
            self._take_up(case, *drafts)
        self._case = case
        self._people, self._certificates = await asyncio.to_thread(self._officers, case)
        await self._load_thumbs([p.values["sha256"] for p in case.shots])
        await self._load_thumbs([p["sha256"] for p in self._photos.values()])
        if mine == self._asked:
            self._changed()

    def _drafted(self, finding: str) -> tuple[Any, list[Any]]:
        draft = next((d for d in self._store.drafts("recheck", parent=finding) if UI in d.values), None)
        return draft, self._store.drafts(parent=draft.id) if draft is not None else []

    def _take_up(self, case: Case, draft: Any, children: list[Any]) -> None:
        self._id, self._begun = (draft.id, True) if draft is not None else (self._store.new_id(), False)
        if draft is not None:
            self._values = {n: v for n, v in draft.values.items() if n != UI}
            self._ui = dict(draft.values[UI])
        else:
            self._values = {"finding_id": case.row.id, "officers": self._me()}
            if case.row.course.over:
                self._values["second_look"] = True
        self._photos = {c.id: c.values for c in children if c.type == "photo"}

    def _me(self) -> list[Values]:
        identity = self._store.identity
        return [self._officer(identity.person, identity.person_name)] if identity is not None else []

    def _officer(self, person: str, name: str) -> Values:
        number = self._certificates.get(person)
        return {
            "person_id": person,
            "name": name,
            "duty": "inspector",
            **({"certificate_no": number} if number else {}),
        }

    def _officers(self, case: Case) -> tuple[tuple[tuple[str, str], ...], dict[str, str]]:
        """Who may be there as the second one: whoever made the check first, then whoever inspects here."""
        today = self._host.now().astimezone(CHINA).date().isoformat()
        with self._store.looking() as store:
            numbers = {
                q.values["person_id"]: str(q.values.get("number", ""))
                for q in store.all("person_qualification")
                if q.values.get("kind") == "enforcement"
                and str(q.values.get("valid_from", "")) <= today <= str(q.values.get("valid_to") or "9")
            }
            known = {p.id: p.values for p in store.all("person")}
            firms = [o.values for o in store.all("organisation") if "authority" in o.values.get("roles", [])]
        self._authorities = tuple(dict.fromkeys(str(o["name"]) for o in firms if o.get("name")))
        first = [o["person_id"] for o in (case.inspection.values.get("officers", []) if case.inspection else [])]
        able = [p for p, v in known.items() if p in numbers or "inspector" in v.get("duties", [])]
        party = "" if self._itself(case) else case.row.values.get("org_id")
        me = self._store.identity.person if self._store.identity else ""
        out = {p: str(known[p].get("name") or "") for p in (*first, *able) if p in known and p != me}
        return tuple((p, n) for p, n in out.items() if n and known[p].get("org_id") != party), numbers

    @property
    def itself(self) -> bool:
        """Did the responsible party inspect itself?"""
        return self._case is not None and self._itself(self._case)

    @property
    def authorities(self) -> tuple[str, ...]:
        """Names of those a finding may be sent on to, as far as known here."""
        return self._authorities

    def _itself(self, case: Case) -> bool:
        if case.inspection is None:
            return False
        made = Inspection.of(case.inspection.id, case.inspection.values)
        return rectify.self_check(Finding.of(case.row.id, case.row.values), made, case.employers)

    # --- what is written -----------------------------------------------------------------------------------------

    def put(self, **values: Any) -> None:
        """Fields of the re-check; None empties one. What was signed before is to be signed again."""
        merged = {**self._values, **values}
        self._values = {n: v for n, v in merged.items() if v not in (None, "", [])}
        self._values.pop("signatures", None)
        self._keep()

    def set_ui(self, **values: Any) -> None:
        merged = {**self._ui, **values}
        self._ui = {n: v for n, v in merged.items() if v is not None}
        if "said" in values or "by" in values:
            self._values.pop("signatures", None)
        if self._ui.get("said") and not self._ui.get("action"):
            self._ui["action"] = self._store.new_id()  # of the record of what the party said
        self._keep()

    def choose(self, result: str) -> None:
        """What it comes to; another result needs another day or another authority."""
        keep: Values = {"result": result, "opinion": self._without_ready(result)}
        if result != "keep":
            keep["next_deadline"] = None
        if result != "refer":
            keep["referred_to"] = None
        self.put(**keep)

    def _without_ready(self, result: str) -> str:
        """The opinion less the ready sentences of other results."""
        kept = str(self._values.get("opinion") or "")
        for key, texts in WORDS.items():
            if key.startswith("recheck.opinion.") and not key.startswith(f"recheck.opinion.{result}."):
                for text in texts:
                    kept = kept.replace(f"；{text}", "").replace(text, "")
        return kept.strip("；; ")

    def phrase(self, text: str) -> None:
        """A ready sentence into the opinion; the same once more takes it out."""
        now = str(self._values.get("opinion") or "")
        if text in now:
            self.put(opinion=now.replace(text, "").strip("；; "))
        else:
            self.put(opinion=f"{now}；{text}" if now else text)

    def second(self, person: str) -> None:
        """The second officer, or none."""
        me, known = self._me(), dict(self._people)
        there = [o["person_id"] for o in self._values.get("officers", [])]
        more = [] if person in there or person not in known else [self._officer(person, known[person])]
        self.put(officers=[*me, *more])

    def until(self, days: int) -> None:
        """The next deadline, so many days from today."""
        self.put(next_deadline=(self.today + timedelta(days=days)).isoformat())

    def shift(self, days: int) -> None:
        """A day earlier or later, never before tomorrow."""
        now = self.next_deadline or self.today
        self.put(next_deadline=max(now + timedelta(days=days), self.today + timedelta(days=1)).isoformat())

    @property
    def today(self) -> date:
        return self._host.now().astimezone(CHINA).date()

    @property
    def next_deadline(self) -> date | None:
        said = self._values.get("next_deadline")
        return date.fromisoformat(said) if said else None

    def _keep(self) -> None:
        self._begin()
        self._changed()

    def _begin(self) -> None:
        if self._case is not None:
            self._begun = True
            draft = {**self._values, UI: dict(self._ui)}
            row = self._case.row
            self._host._write(self._store.save_draft, "recheck", self._id, row.scope, draft, row.id)

    async def drop(self) -> None:
        """What was begun is thrown away; the pictures stay as files."""
        case = self._case
        if case is None:
            return
        self.lens.shut()
        await self.settled()
        for record in (*self._photos, self._id):
            await self._host._do(self._store.drop_draft, record)
        self._clear()
        await self.open(case.row.id)

    # --- photos --------------------------------------------------------------------------------------------------

    def _target(self) -> Target | None:
        if self._case is None:
            return None
        return Target("recheck", self._id, self._case.row.scope, self._id, self._case.row.code)

    def _more(self, step: str) -> Values:
        ghost = self.ghost
        return {"ghost_of": ghost.id} if step == "rectified" and ghost is not None else {}

    def _shot(self) -> None:
        if self._values.pop("signatures", None):
            self._keep()
