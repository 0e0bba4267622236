"""现场检查（勘察）笔录: the draft while it is written and signed, a signed one as it stands, and the record that amends it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import flet as ft

from field_app.capture import sketch as sketching
from field_app.capture.sketch import Paper
from field_app.desks.checkdraft import UI, list_of
from field_app.desks.checking import PACKED
from field_app.desks.endorsing import Endorsing
from field_app.desks.heading import Values
from field_app.store import Seen, Store
from field_app.words import say
from schemas.rules import onsite
from schemas.rules.checklists.model import Checklist
from schemas.rules.onsite import Difference, Sheet

# of the first record what its amendment does not take over
_OWN = frozenset(
    {"code", "signatures", "content_sha256", "amends_id", "amend_reason", "deleted", "void_reason", "late_entry_reason"}
)
REASONS = ("slip", "left_out", "place", "objection", "wrong_party")  # why a record is amended, as words say it


class Filed(NamedTuple):
    """A signed record. agrees: is it what was signed (None: no hash stands in it); original: the one it amends, with what it says
    differently, and which findings of that one only a re-check takes off; later: records that amend it; names: of organisations."""

    seen: Seen
    sheet: Sheet
    list: Checklist | None
    agrees: bool | None
    original: Sheet | None
    differences: tuple[Difference, ...]
    still_open: tuple[Values, ...]
    later: tuple[Seen, ...]
    party: str


@ft.observable
class OnsiteDesk(Endorsing):
    def __init__(self, host, store: Store) -> None:  # type: ignore[no-untyped-def]
        super().__init__(host, store)
        self._filed: Filed | None = None
        self._opened = ""
        self._asked = 0

    filed = property(lambda self: self._filed)
    opened = property(lambda self: self._opened)  # the id that was looked for last, found or not

    def forget(self) -> None:
        """Another person has the tablet."""
        self._asked += 1
        self._filed, self._original, self._colleagues, self._opened = None, None, (), ""
        self._busy = False

    async def open(self, id: str) -> None:
        self._asked = mine = self._asked + 1
        check = self._host.checking
        if self._filed is not None and self._filed.seen.id != id:
            self._filed = None
        await check.open(id)
        if check.id == id:
            values = dict(check.inspection)
            colleagues, original = await self._host._do(self._beside, values)
            if mine != self._asked:
                return
            self._filed, self._colleagues, self._original = None, colleagues, original
            self._fill_certificates()
            self.settle()
        else:
            filed = await asyncio.to_thread(self._read, id)
            if mine != self._asked:
                return
            self._filed = filed
        self._opened = id
        self._changed()

    def _beside(self, inspection: Values) -> tuple[tuple, Sheet | None]:
        day = str(inspection.get("started_at", ""))[:10] or self._host.now().date().isoformat()
        amends = inspection.get("amends_id")
        return self._read_colleagues(day), self._sheet(str(amends)) if amends else None

    # --- the sketch ----------------------------------------------------------------------------------------------

    def sketch(self) -> tuple[str, Values] | None:
        """The picture that is attached: its record's id and values."""
        check = self.check
        found = [(id, v) for id, v in check.photos_of(check.id).items() if v.get("step") == "sketch"]
        return found[-1] if found else None

    async def keep_sketch(self, paper: Paper) -> None:
        """The paper as a picture of the check, in the place of an earlier one, whose file stays."""
        check, host = self.check, self._host
        if self._busy or not check.id or not paper.marks:
            return
        self._busy = True
        self._changed()
        try:
            now = host.now()
            foot = say("zh", "sketch.foot", who=host.person, time=f"{now:%Y-%m-%d %H:%M}")
            title = f"{say('zh', 'sketch.title')} {check.inspection.get('code', '')}"
            data = await asyncio.to_thread(sketching.png, paper, title, foot, say("zh", "sketch.north"))
            old = self.sketch()
            made = await check.shoot("inspection", check.id, "sketch", data, caption=say("zh", "sketch.caption"))
            if made is not None and old is not None and old[0] != made:
                check.drop_photo(old[0])
        finally:
            self._busy = False
            self._changed()
        if made is not None:
            host.back()

    # --- a signed one --------------------------------------------------------------------------------------------

    def _sheet(self, id: str) -> Sheet | None:
        """An inspection of the store with all that belongs to it."""
        store = self._store
        seen = store.get("inspection", id)
        return None if seen is None else self._whole(seen)

    def _whole(self, seen: Seen) -> Sheet:
        store = self._store

        def rows(type: str, field: str, ids: list[str]) -> tuple[Values, ...]:
            found = (s for s in store.related(type, field, ids) if not s.values.get("deleted"))
            return tuple(onsite.whole(s.id, s.values) for s in found)

        answers = rows("checklist_answer", "inspection_id", [seen.id])
        findings = rows("finding", "inspection_id", [seen.id])
        photos = rows("photo", "subject_id", [seen.id, *(v["id"] for v in (*answers, *findings))])
        return Sheet(onsite.whole(seen.id, seen.values), answers, findings, photos)

    def _read(self, id: str) -> Filed | None:
        store = self._store
        seen = store.get("inspection", id)
        if seen is None:
            return None
        sheet = self._whole(seen)
        amends = seen.values.get("amends_id")
        original = self._sheet(str(amends)) if amends else None
        differences = tuple(onsite.difference(original, sheet)) if original is not None else ()
        still = tuple(dict(f) for f in onsite.still_open(original, sheet)) if original is not None else ()
        later = tuple(s for s in store.related("inspection", "amends_id", [id]) if not s.values.get("deleted"))
        firm = store.get("organisation", str(seen.values.get("org_id", "")))
        party = str(firm.values.get("name", "")) if firm is not None else ""
        found = list_of(store, seen.values)
        return Filed(seen, sheet, found, onsite.agrees(*sheet), original, differences, still, later, party)

    # --- amending ------------------------------------------------------------------------------------------------

    def may_amend(self) -> bool:
        """A signed record that nothing amends yet, by somebody who may write inspections where it lies."""
        filed = self._filed
        if filed is None or filed.later or not onsite.signed(filed.seen.values):
            return False
        return bool(self._host.records.may_write("inspection", filed.seen.scope))

    async def amend(self, reason: str) -> None:
        """A new check with everything the signed one says, to be put right and signed anew. Findings stay with the first record; an
        item that failed there asks for no second one."""
        filed, check, host = self._filed, self._host.checking, self._host
        if filed is None or not self.may_amend():
            return
        id, old = self._store.new_id(), filed.sheet.inspection
        found = {f.get("answer_id"): f.get("code") for f in filed.sheet.findings}
        was = {a["item_code"]: found[a["id"]] for a in filed.sheet.answers if a["id"] in found}
        first = filed.list.items[0].code if filed.list is not None and filed.list.items else ""
        values = {k: v for k, v in old.items() if k not in _OWN and k != "id"}
        inspection = {
            **values, "code": check._next_code(), "amends_id": filed.seen.id, "amend_reason": reason,
            UI: {"at": first, "was": was, "part": "body"},
        }  # fmt: skip
        answers = [
            [self._store.new_id(), {**{k: v for k, v in a.items() if k != "id"}, "inspection_id": id}]
            for a in filed.sheet.answers
        ]
        packed = {
            "v": PACKED,
            "id": id,
            "scope": filed.seen.scope,
            "inspection": inspection,
            "answers": answers,
            "findings": [],
            "photos": [],
        }
        check.take(packed)
        await self.open(id)
        host.go("onsite", id=id)
