"""The check that is open: inspection, answers, findings and photos, each a draft at every edit.

The inspection's draft is in the store before anything that hangs on it, so that a process killed at any time comes back to a check
with all that was recorded. What is no field of a record (the item shown, findings taken back) lies in the inspection's draft under UI.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from field_app.form import settled
from field_app.store import Edit, Seen, Store
from schemas.records import TYPES
from schemas.records.checklist import Checklist as ListRecord
from schemas.rules.checklists import model, ready

if TYPE_CHECKING:
    from field_app.state import State

FACILITIES = 24  # offered for a finding
UI = "_check"  # of the inspection's draft what is no field of it
PROBLEMS = ("fail", "insufficient")  # answers that make a finding (表3-4 counts both)
Values = dict[str, Any]


class Part(NamedTuple):
    """One record of the check: its id and what it holds so far."""

    id: str
    values: Values


class Opened(NamedTuple):
    """A check as it lies in the store. list: None where the list it is pinned to is not known here."""

    inspection: Seen
    answers: dict[str, Part]
    findings: dict[str, Part]
    photos: dict[str, Values]
    list: model.Checklist | None
    about: str = ""
    facilities: Mapping[str, str] | None = None


class CheckDraft:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._opening = 0  # checks asked for so far: the last one counts
        self._clear()

    def _clear(self) -> None:
        self._id = self._scope = self._missing = ""
        self._inspection: Values = {}
        self._ui: Values = {}
        self._list: model.Checklist | None = None
        self._compared = False  # the sampler's records were looked at for it
        self._found: Mapping[str, Any] | None = None  # check → its findings about the point, where they are known here
        self._subject = ""  # point or facility, as it is called
        self._facilities: dict[str, str] = {}  # id → name, of the site that is checked
        self._answers: dict[str, Part] = {}
        self._findings: dict[str, Part] = {}
        self._photos: dict[str, Values] = {}

    id = property(lambda self: self._id)
    scope = property(lambda self: self._scope)
    inspection = property(lambda self: self._inspection)
    list = property(lambda self: self._list)
    about = property(lambda self: self._subject)
    facilities = property(lambda self: self._facilities)
    answers = property(lambda self: self._answers)
    findings = property(lambda self: self._findings)
    photos = property(lambda self: self._photos)
    found = property(lambda self: self._found)
    missing = property(lambda self: self._missing)  # a check that was asked for and is no draft of this person

    @property
    def at(self) -> str:
        """Code of the item that is shown; "" where the list has none."""
        return str(self._ui.get("at", ""))

    def ui(self, name: str, default: Any = None) -> Any:
        return self._ui.get(name, default)

    def set_ui(self, **values: Any) -> None:
        """What the pages remember of this check; None forgets it."""
        merged = {**self._ui, **values}
        self._ui = {n: v for n, v in merged.items() if v is not None}
        self._keep_inspection()
        self._changed()

    def _changed(self) -> None:
        self.notify()  # type: ignore[attr-defined]

    # --- the store -----------------------------------------------------------------------------------------------

    def _keep_inspection(self) -> None:
        if self._id:
            draft = {**self._inspection, UI: dict(self._ui)}
            self._host._write(self._store.save_draft, "inspection", self._id, self._scope, draft)

    def _keep(self, type: str, part: Part) -> None:
        self._host._write(self._store.save_draft, type, part.id, self._scope, dict(part.values), self._id)

    def _drop(self, record: str) -> None:
        self._host._write(self._store.drop_draft, record)

    def _read(self, id: str) -> Opened | None:
        """On the writer's thread, behind what was typed a moment ago."""
        store = self._store
        seen = next((d for d in store.drafts("inspection") if d.id == id), None)
        if seen is None or signed(store, id):
            return None
        opened = _sorted(seen, store.drafts(parent=id), list_of(store, seen.values))
        return opened._replace(about=about_of(store, seen.values), facilities=facilities_of(store, seen.values))

    async def open(self, id: str, code: str = "") -> None:
        """Take up a check that was begun; `code`: the item to show. `missing` where it is no draft of this person."""
        self._opening = mine = self._opening + 1
        if self._id != id:
            found = await self._host._do(self._read, id)
            if mine != self._opening:  # another one was asked for meanwhile
                return
            self._clear()
            if found is None:
                self._missing = id
                self._changed()
                return
            self._use(found)
            self._host.here.start()
        self._aim(code)
        self._changed()

    def _use(self, found: Opened) -> None:
        seen = found.inspection
        self._id, self._scope, self._list, self._subject = seen.id, seen.scope, found.list, found.about
        self._ui = dict(seen.values.get(UI, {}))
        self._facilities = dict(found.facilities or {})
        self._inspection = {n: v for n, v in seen.values.items() if not n.startswith("_")}
        self._answers, self._findings, self._photos = found.answers, found.findings, found.photos
        self._mend()

    def _mend(self) -> None:
        """What a process killed between two drafts left undone."""

    def _aim(self, code: str) -> None:
        """The item to show: the one asked for, else the one shown last, else the first without an answer."""
        codes = [i.code for i in self._list.items] if self._list is not None else []
        kept = self.at
        wanted = next((c for c in (code, kept) if c in codes), "")
        if not wanted:
            wanted = next((c for c in codes if not self.answered(c)), codes[0] if codes else "")
        if wanted != kept:
            self._ui = {**self._ui, "at": wanted}
            self._keep_inspection()

    def close(self) -> None:
        """Nothing is open any more; the drafts stay as they are."""
        self._opening += 1
        self._clear()
        self._changed()

    # --- reading it ----------------------------------------------------------------------------------------------

    def item(self, code: str) -> model.Item | None:
        return self._list.item(code) if self._list is not None else None

    def answer_of(self, code: str) -> str:
        part = self._answers.get(code)
        return str(part.values.get("answer", "unanswered")) if part is not None else "unanswered"

    def answered(self, code: str) -> bool:
        return self.answer_of(code) != "unanswered"

    def photos_of(self, subject: str) -> dict[str, Values]:
        """Photos of an answer or a finding, in the order they were taken."""
        found = {id: v for id, v in self._photos.items() if v.get("subject_id") == subject}
        return dict(sorted(found.items(), key=lambda p: (p[1].get("taken_at", ""), p[0])))

    def edits(self) -> list[Edit]:
        """Everything of this check, parents first and always in one order: what may be finalized in one transaction."""
        if not self._id:
            return []
        rows: list[tuple[str, str, Mapping[str, Any]]] = [("inspection", self._id, self._inspection)]
        place = {i.code: n for n, i in enumerate(self._list.items)} if self._list is not None else {}
        answers = sorted(self._answers.items(), key=lambda a: (place.get(a[0], len(place)), a[0]))
        findings = sorted(self._findings.values(), key=lambda p: (str(p.values.get("code", "")), p.id))
        rows += [("checklist_answer", p.id, p.values) for _, p in answers]
        rows += [("finding", p.id, p.values) for p in findings]
        rows += [
            ("photo", id, v) for id, v in sorted(self._photos.items(), key=lambda p: (p[1].get("taken_at", ""), p[0]))
        ]
        today = self._host.now().date()
        return [Edit(type, record, self._scope, settled(TYPES[type], values, today)) for type, record, values in rows]

    # --- writing it ----------------------------------------------------------------------------------------------

    def put(self, **values: Any) -> None:
        """Fields of the inspection; None empties one."""
        if self._id:
            self._inspection = merged(self._inspection, values)
            if "point_id" in values or "facility_id" in values:
                self._subject, self._compared, self._found = about_of(self._store, self._inspection), False, None
            self._keep_inspection()
            self._changed()

    def put_answer(self, code: str, **values: Any) -> None:
        """Fields of one answer; the answer itself is given by `answer`."""
        if self._id:
            part = self._answers.get(code) or self._new_answer(code)
            part = part._replace(values=merged(part.values, values))
            self._answers = {**self._answers, code: part}
            self._keep("checklist_answer", part)
            self._changed()

    def _new_answer(self, code: str) -> Part:
        values = {"inspection_id": self._id, "item_code": code, "answer": "unanswered"}
        return Part(self._store.new_id(), values)

    def put_finding(self, key: str, **values: Any) -> None:
        """Fields of one finding; `key`: its item's code, or its own id."""
        part = self._findings.get(key)
        if part is not None:
            part = part._replace(values=merged(part.values, values))
            self._findings = {**self._findings, key: part}
            self._keep("finding", part)
            self._changed()

    def drop_photo(self, id: str) -> None:
        """The record goes; the file stays."""
        if id in self._photos:
            self._photos = {i: v for i, v in self._photos.items() if i != id}
            self._drop(id)
            self._changed()

    def put_photo(self, id: str, **values: Any) -> None:
        if id in self._photos:
            self._photos = {**self._photos, id: merged(self._photos[id], values)}
            self._keep("photo", Part(id, self._photos[id]))
            self._changed()


def merged(now: Mapping[str, Any], values: Mapping[str, Any]) -> Values:
    return {n: v for n, v in {**now, **values}.items() if v is not None}


def signed(store: Store, id: str) -> bool:
    """Is this check a record already? What was tapped while it was signed may have left a draft behind, which counts no more."""
    return store.get("inspection", id, deleted=True) is not None


def about_of(store: Store, inspection: Mapping[str, Any]) -> str:
    """What is checked, as it is called: the point, else the facility, else nothing."""
    for type, field, name in (("point", "point_id", "code"), ("facility", "facility_id", "name")):
        seen = store.get(type, inspection[field]) if inspection.get(field) else None
        if seen is not None:
            return str(seen.values.get(name, ""))
    return ""


def facilities_of(store: Store, inspection: Mapping[str, Any]) -> dict[str, str]:
    """id → name of the facilities of the site that is checked."""
    found = store.all("facility", site_id=inspection.get("site_id"))
    return {s.id: str(s.values.get("name", "")) for s in found[:FACILITIES]}


def list_of(store: Store, inspection: Mapping[str, Any]) -> model.Checklist | None:
    """The list a check is pinned to: code, version and hash must agree."""
    return ready.pinned(inspection, list_records(store))


def list_records(store: Store) -> list[ListRecord]:
    """The project's and the organisation's own lists; one that cannot be read is left out."""
    found = []
    for seen in store.all("checklist"):
        with suppress(ValueError):
            found.append(ListRecord.of(seen.id, seen.values))
    return found


def _sorted(seen: Seen, children: Iterable[Seen], list: model.Checklist | None) -> Opened:
    answers: dict[str, Part] = {}
    findings: dict[str, Part] = {}
    photos: dict[str, Values] = {}
    children = [*children]
    for child in children:
        if child.type == "checklist_answer":
            answers[child.values["item_code"]] = Part(child.id, dict(child.values))
        elif child.type == "photo":
            photos[child.id] = dict(child.values)
    item_of = {part.id: code for code, part in answers.items()}
    for child in sorted(children, key=lambda c: c.id):
        if child.type == "finding":
            findings[item_of.get(child.values.get("answer_id", ""), child.id)] = Part(child.id, dict(child.values))
    return Opened(seen, answers, findings, photos, list)
