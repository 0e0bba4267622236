"""The check being done: begun on a list, answered item by item, taken up again after anything.

Nothing here is a record yet. `edits` is what signing puts into the journal in one transaction; until then everything lies in drafts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import flet as ft

from field_app import checking as checks_of_point
from field_app.desks.checkdraft import PROBLEMS, UI, Values, about_of, facilities_of, list_of, merged, signed
from field_app.desks.checkshots import CheckShots
from field_app.desks.evidence import Wanted, wanted
from field_app.store import Seen
from field_app.words import WORDS
from schemas.reference import Label
from schemas.rules.checklists import basis, model

NUMBER = "ui.check.no"  # day and number of the last check begun here
PACKED = 1  # the form of a packed draft
SHORT = 200
CHILDREN = {"answers": "checklist_answer", "findings": "finding", "photos": "photo"}


class Begun(NamedTuple):
    """A check begun and not signed. total: items of its list, 0 where the list is not known here."""

    id: str
    code: str
    kind: str
    title: Label
    place: str
    answered: int
    total: int
    fails: int
    photos: int
    started_at: str
    task_id: str


@ft.observable
class CheckingDesk(CheckShots):
    # --- beginning -----------------------------------------------------------------------------------------------

    def begin(self, kind: str, list: model.Checklist | None, site_id: str, **given: Any) -> str:
        """A new check, at once a draft; its id. `kind`: a code of inspection_kind; `given`: fields of the inspection that are known
        already. "" (and told) where this person may write none."""
        host, scope = self._host, self._host.records.home_of("inspection")
        if not scope:
            host.tell("warn", WORDS["item.may_not"], WORDS["item.may_not.why"])
            return ""
        self.lens.shut()
        self._opening += 1
        self._clear()
        self._id, self._scope, self._list = self._store.new_id(), scope, list
        pin: Values = {}
        if list is not None:
            pin = {"list_code": list.code, "list_version": list.version, "list_sha256": list.sha256}
            if not list.ready and (record := self._list_record(list)) is not None:
                pin["checklist_id"] = record.id
        begun = {
            "code": self._next_code(), "kind": kind, "site_id": site_id, **pin, **self._about(kind, site_id, given),
            "officers": self._me(), "started_at": host.now().isoformat(timespec="seconds"), "position": self._fix(), **given,
        }  # fmt: skip
        self._inspection = merged({}, begun)
        self._subject = about_of(self._store, self._inspection)
        self._facilities = facilities_of(self._store, self._inspection)
        if list is not None and list.items:
            self._ui = {"at": list.items[0].code}
        self._judge()
        self._keep_inspection()
        host.here.start()
        self._changed()
        return self._id

    def _list_record(self, list: model.Checklist) -> Seen | None:
        found = self._store.all("checklist", code=list.code)
        return next((s for s in found if s.values.get("version") == list.version), None)

    def _next_code(self) -> str:
        """JC-yyyymmdd-<device><nn>; a number is used up also where its check is dropped."""
        store, now = self._store, self._host.now()
        day = f"{now:%Y%m%d}"
        kept = self._last or store.meta(NUMBER) or ""
        before, _, n = kept.partition(":")
        number = int(n) + 1 if before == day and n.isdigit() else 1
        self._last = f"{day}:{number}"
        self._host._write(store.set_meta, NUMBER, self._last)
        return f"JC-{day}-{self._host.device}{number:02d}"

    _last = ""

    def _me(self) -> list[Values]:
        identity = self._store.identity
        if identity is None:
            return []
        return [{"person_id": identity.person, "name": identity.person_name, "duty": "inspector"}]

    def _about(self, kind: str, site_id: str, given: Mapping[str, Any]) -> Values:
        """Who and what is checked, as far as this tablet knows; each of it can be changed."""
        book, store = self._host.book, self._store
        project = book.project or {}
        seen = store.get("site", site_id) if site_id and site_id != book.site_id else None
        site = seen.values if seen is not None else book.site or {}
        facility = store.get("facility", given["facility_id"]) if given.get("facility_id") else None
        org = {
            "sampling_supervision": project.get("surveyor_id"),
            "report_review": project.get("surveyor_id"),
            "plan_review": project.get("plan_author_id") or project.get("surveyor_id"),
            "lab_supervision": None,
        }.get(kind, site.get("user_id") or site.get("owner_id"))
        if facility is not None:
            org = facility.values.get("org_id") or org
        org = given.get("org_id") or org
        firm = store.get("organisation", org) if org else None
        return {
            "org_id": org, "legal_person": firm.values.get("legal_person") if firm is not None else None, "stage": project.get("stage"),
            "place": str(site.get("location") or site.get("name") or "")[:SHORT] or None,
        }  # fmt: skip

    # --- going from item to item ---------------------------------------------------------------------------------

    @property
    def filter(self) -> str:
        """Which items are gone through: all, open, fail, star."""
        return str(self.ui("filter", "all"))

    def fits(self, item: model.Item, filter: str) -> bool:
        answer = self.answer_of(item.code)
        return {"open": answer == "unanswered", "fail": answer in PROBLEMS, "star": item.star}.get(filter, True)

    def following(self, code: str, back: bool = False) -> str:
        """The next item of the filter behind this one, or before it; "" where there is none."""
        items = self._list.items if self._list is not None else ()
        at = next((n for n, i in enumerate(items) if i.code == code), -1)
        rest = reversed(items[: max(at, 0)]) if back else items[at + 1 :]
        return next((i.code for i in rest if self.fits(i, self.filter)), "")

    @property
    def left(self) -> int:
        """Items without an answer."""
        return sum(not self.answered(i.code) for i in self._list.items) if self._list is not None else 0

    def basis_of(self, item: model.Item, lang: str) -> str:
        """The law of the day of the check, or 待核."""
        return basis.text(basis.basis_for(item, self.checked_on()), lang)

    async def compare(self) -> None:
        """What the server's own checks say of the sampler's records at this point: asked once a check is open, for items that go by it."""
        point, id = self._inspection.get("point_id"), self._id
        if self._compared or not point or self._list is None or not any("checks:" in i.auto for i in self._list.items):
            return
        self._compared = True
        found = await asyncio.to_thread(self._point_checks, point)
        if self._id == id and found is not None:
            self._found = found
            self._changed()

    def _point_checks(self, point: str) -> dict[str, Any] | None:
        with self._store.looking() as store:
            seen = store.get("point", point)
        planned = seen.values.get("planned_point_id") if seen is not None else None
        return (
            checks_of_point.by_check(self._store, self._host.book, planned, self._host.now()) or None
            if planned
            else None
        )

    def wanted(self, key: str) -> list[Wanted]:
        """What the item (or the finding of its own) asks for, and what of it is there."""
        part, item = self._answers.get(key), self.item(key)
        found = self._findings.get(key)
        subject = part if item is not None or found is None else found
        photos = self.photos_of(subject.id) if subject is not None else {}
        problem = item is None or self.answer_of(key) in PROBLEMS
        return wanted(item, part.values if part is not None else {}, photos, problem)

    # --- checks begun --------------------------------------------------------------------------------------------

    def begun(self) -> list[Begun]:
        """Checks this person began and did not sign, the latest first; reads the store, so not on the event loop."""
        found = []
        for draft in self._store.drafts("inspection"):
            if UI not in draft.values or signed(self._store, draft.id):  # written by a form; left behind
                continue
            children = self._store.drafts(parent=draft.id)
            answers = [c.values.get("answer") for c in children if c.type == "checklist_answer"]
            list, values = list_of(self._store, draft.values), draft.values
            title = list.title if list is not None else Label("", "")
            found.append(Begun(
                draft.id, values.get("code", ""), values.get("kind", ""), title, values.get("place", ""),
                sum(a not in (None, "unanswered") for a in answers), len(list.items) if list is not None else 0,
                sum(a in ("fail", "insufficient") for a in answers), sum(c.type == "photo" for c in children),
                values.get("started_at", ""), values.get("task_id", ""),
            ))  # fmt: skip
        return sorted(found, key=lambda b: b.started_at, reverse=True)

    async def drop(self) -> None:
        """Throw the open check away, after a question: all its drafts; the pictures stay as files."""
        id = self._id
        if id:
            self.lens.shut()
            await self.settled()
            self.close()
            await self._host._do(self._drop_all, id)

    def _drop_all(self, id: str) -> None:
        for child in self._store.drafts(parent=id):
            self._store.drop_draft(child.id)
        self._store.drop_draft(id)

    # --- the whole draft as text ---------------------------------------------------------------------------------

    def packed(self) -> dict[str, Any]:
        """The open check as plain JSON; {} where none is open."""
        if not self._id:
            return {}
        return {
            "v": PACKED, "id": self._id, "scope": self._scope, "inspection": {**self._inspection, UI: dict(self._ui)},
            "answers": [[p.id, dict(p.values)] for p in self._answers.values()],
            "findings": [[p.id, dict(p.values)] for p in self._findings.values()],
            "photos": [[id, dict(values)] for id, values in self._photos.items()],
        }  # fmt: skip

    def take(self, packed: Mapping[str, Any]) -> str:
        """A packed draft in the place of what is here of that check; its id, to be opened with `open`. Raises ValueError for what is no
        packed draft, or is of a form this version does not know."""
        id, inspection, scope = packed.get("id"), packed.get("inspection"), packed.get("scope")
        if packed.get("v") != PACKED or not isinstance(id, str) or not isinstance(scope, str):
            raise ValueError("not a packed check")
        if not isinstance(inspection, dict) or not all(_rows(packed.get(name)) for name in CHILDREN):
            raise ValueError("not a packed check")
        self._host._write(self._replace, id, scope, dict(packed))
        if self._id == id:
            self._opening += 1
            self._clear()
            self._changed()
        return id

    def _replace(self, id: str, scope: str, packed: dict[str, Any]) -> None:
        store = self._store
        store.save_draft("inspection", id, scope, {UI: {}, **packed["inspection"]})
        there = set()
        for name, type in CHILDREN.items():
            for record, values in packed[name]:
                store.save_draft(type, record, scope, values, id)
                there.add(record)
        for child in store.drafts(parent=id):
            if child.id not in there:
                store.drop_draft(child.id)

    def forget(self) -> None:
        """Another person has the tablet."""
        self.lens.shut()
        self._busy, self._fault, self._aim_at = False, None, None
        self._thumbs.clear()
        self.close()


def _rows(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, list) and len(row) == 2 and isinstance(row[0], str) and isinstance(row[1], dict)
        for row in value
    )


__all__ = ["Begun", "CheckingDesk"]
