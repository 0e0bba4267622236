"""Any record of any type: which types there are, a list of one, one record with its history, choosing one as a reference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import flet as ft

from field_app.desks.drafting import MARK
from field_app.desks.finishing import Finishing
from field_app.desks.naming import NOT_BY_HAND
from field_app.store import PAGE, Found, Page, Seen, Step, Store
from field_app.store.looking import SEARCHED
from field_app.words import WORDS
from schemas.fields import Audience, fields_of
from schemas.merge import put
from schemas.records import TYPES
from schemas.rows import refs_of
from schemas.rules.onsite import stops
from schemas.shown import fact_fields, title_fields

if TYPE_CHECKING:
    from field_app.state import State

ROOMS = ("fieldwork", "samples", "plan", "transfer", "inspection", "reference", "evidence")
FEW = 50  # rows of one page of a list on the screen
VOID_KEY = "ui.void"  # the reason being written, and of which record


class Kind(NamedTuple):
    type: str
    count: int
    writes: bool


class DraftRow(NamedTuple):
    """A record in the middle of being written. name: "" before it has one; entries: how many fields hold something."""

    type: str
    id: str
    scope: str
    name: str
    amends: bool
    entries: int


@dataclass(frozen=True)
class Listing:
    """Rows of one type, as far as they were read. next: the following page begins behind it; None after the last. text:
    what was searched, with `whole` saying that nothing else fits."""

    type: str = ""
    rows: tuple[Seen, ...] = ()
    next: str | None = None
    text: str = ""
    whole: bool = True
    read: bool = False
    signs: dict[str, str] | None = None  # record → rejected, conflict, parked


class One(NamedTuple):
    """One record. values: as it is now; of a rejected one, as it was sent."""

    type: str
    id: str
    scope: str
    values: dict[str, Any]
    state: str  # accepted, pending, parked, rejected, conflict
    here: bool  # False: only what was written here is known of it
    steps: tuple[Step, ...]
    comments: tuple[Seen, ...]
    photos: tuple[Seen, ...]
    void_reason: str  # being written
    signed: bool = False  # part of an on-site record that is signed: it is put right by a record that amends it


@ft.observable
class Records(Finishing):
    def __init__(self, host: State, store: Store) -> None:
        super().__init__(host, store)
        self._kinds: tuple[tuple[str, tuple[Kind, ...]], ...] | None = None
        self._drafts: tuple[DraftRow, ...] = ()
        self._listing, self._picks = Listing(), Listing()
        self._one: One | None = None
        self._asked = 0  # searches so far: only the last answer counts
        self._paging = False

    kinds = property(lambda self: self._kinds)
    drafts = property(lambda self: self._drafts)
    listing = property(lambda self: self._listing)
    picks = property(lambda self: self._picks)
    one = property(lambda self: self._one)

    def forget(self) -> None:
        """Another person has the tablet: nothing of what the one before had open is shown, or written on."""
        self._kinds, self._drafts, self._one, self._draft = None, (), None, None
        self._listing, self._picks, self._few = Listing(), Listing(), {}
        self._names.clear()

    # --- which types ---------------------------------------------------------------------------------------------

    async def open_tab(self) -> None:
        self._kinds, self._drafts = await self._host._do(self._overview)
        self.notify()

    def _overview(self) -> tuple[tuple[tuple[str, tuple[Kind, ...]], ...], tuple[DraftRow, ...]]:
        self.read_rights()
        skip = self._elsewhere()
        seen = {g.audience for g in self._grants if g.scope not in skip}
        rooms: dict[str, list[Kind]] = {room: [] for room in ROOMS}
        for type, cls in TYPES.items():
            about = cls.about
            if about.audience is not Audience.SUBJECT and about.audience.value not in seen or not seen:
                continue
            kind = Kind(type, self._store.count(type, skip), self.may_make(type))
            if kind.writes or kind.count:
                rooms.setdefault(about.room, []).append(kind)
        ordered = [
            (room, tuple(sorted(kinds, key=lambda k: (not k.writes, -k.count))))
            for room, kinds in rooms.items()
            if kinds
        ]
        ordered.sort(key=lambda pair: not any(k.writes for k in pair[1]))  # what one may write first
        return tuple(ordered), tuple(self._draft_rows())

    def _draft_rows(self) -> Iterable[DraftRow]:
        for seen in reversed(self._store.drafts()):
            if seen.values.get(MARK) and seen.type in TYPES:
                values = {n: v for n, v in seen.values.items() if not n.startswith("_")}
                yield DraftRow(
                    seen.type, seen.id, seen.scope, self._title(seen.type, values), "_base" in seen.values, len(values)
                )

    async def drop_draft(self, record: str) -> None:
        await self._host._do(self._store.drop_draft, record)
        await self.open_tab()

    # --- a list --------------------------------------------------------------------------------------------------

    async def open_list(self, type: str, picking: bool = False) -> None:
        """The last made first; one page, however many there are."""
        self._put(Listing(type), picking)
        self.notify()
        listing = await self._host._do(self._first, type)
        self._put(listing, picking)
        self.notify()

    def _first(self, type: str) -> Listing:
        self.read_rights()
        page = self._page(type, None)
        return Listing(type, tuple(page.rows), page.next, read=True, signs=self._name_rows(type, page.rows))

    def _page(self, type: str, after: str | None) -> Page:
        return self._store.page(type, after, FEW, newest=True, deleted=True, skip=self._elsewhere())

    async def more(self, picking: bool = False) -> None:
        """The following page; nothing while one is being read, or after the last."""
        listing = self._picks if picking else self._listing
        if listing.next is None or listing.text or self._paging:
            return
        self._paging = True
        try:
            page, signs = await self._host._do(self._following, listing.type, listing.next)
        finally:
            self._paging = False
        now = self._picks if picking else self._listing
        if (now.type, now.text, now.next) == (listing.type, listing.text, listing.next):
            signs = {**(now.signs or {}), **signs}
            self._put(replace(now, rows=(*now.rows, *page.rows), next=page.next, signs=signs), picking)
            self.notify()

    def _following(self, type: str, after: str) -> tuple[Page, dict[str, str]]:
        page = self._page(type, after)
        return page, self._name_rows(type, page.rows)

    async def search(self, text: str, picking: bool = False, pause: float = 0.25) -> None:
        """What has the text in it. Waits until nobody types: half a pinyin is no question."""
        self._asked += 1
        mine, type = self._asked, (self._picks if picking else self._listing).type
        await asyncio.sleep(pause)
        if mine != self._asked or not type:
            return
        if not text.strip():
            await self.open_list(type, picking)
            return
        found, signs = await self._host._do(self._find, type, text)
        if mine == self._asked:
            self._put(Listing(type, tuple(found.rows), None, text.strip(), found.whole, True, signs), picking)
            self.notify()

    def _find(self, type: str, text: str) -> tuple[Found, dict[str, str]]:
        found = self._store.find(type, text, PAGE, self._elsewhere())
        return found, self._name_rows(type, found.rows)

    def _put(self, listing: Listing, picking: bool) -> None:
        if picking:
            self._picks = listing
        else:
            self._listing = listing

    def _name_rows(self, type: str, rows: Iterable[Seen]) -> dict[str, str]:
        """What became of them, and names for what their titles and facts refer to."""
        rows = list(rows)
        wanted = [n for n in (*title_fields(type), *fact_fields(type)) if fields_of(TYPES[type])[n].spec.ref]
        for row in rows:
            self._learn(refs_of(type, {n: v for n, v in row.values.items() if n in (*wanted, "subject_kind")}))
        return self._store.troubles([r.id for r in rows])

    # --- one record ----------------------------------------------------------------------------------------------

    async def open_one(self, type: str, record: str) -> None:
        if self._one is not None and self._one.id != record:
            self._one = None
            self.notify()
        self._one = await self._host._do(self._look, type, record)
        self.notify()

    def _look(self, type: str, record: str) -> One:
        self.read_rights()
        seen = self._store.get(type, record, deleted=True)
        steps = tuple(self._store.history(record))
        values: dict[str, Any] = dict(seen.values) if seen else {}
        if seen is None:
            for step in steps:
                put(values, step.change.after)
        scope = seen.scope if seen else steps[0].change.scope if steps else ""
        trouble = self._store.troubles([record]).get(record)
        about = {"comments": (), "photos": ()} if type in ("comment", "photo") else self._hanging(record)
        self._learn(refs_of(type, values))
        self._learn([("person", s.change.by) for s in steps])
        for step in steps:
            self._learn(refs_of(type, step.change.before, values) + refs_of(type, step.change.after, values))
        kept = json.loads(self._store.meta(VOID_KEY) or "{}")
        reason = kept.get("text", "") if kept.get("id") == record else ""
        state = trouble or (seen.state if seen else "rejected" if steps else "")
        signed = seen is not None and stops(type, values, {**values, "deleted": True}, self._values) is not None
        return One(
            type, record, scope, values, state, seen is not None, steps, void_reason=reason, signed=signed, **about
        )

    def _values(self, type: str, record: str) -> dict[str, Any] | None:
        seen = self._store.get(type, record)
        return seen.values if seen else None

    def _hanging(self, record: str) -> dict[str, tuple[Seen, ...]]:
        return {f"{type}s": tuple(self._store.all(type, subject_id=record)) for type in ("comment", "photo")}

    def may_amend(self, one: One) -> bool:
        """Written by a role this person has, in a scope he or she may write, and of a type that may be changed."""
        about = TYPES[one.type].about
        return not about.frozen and self.may_void(one)

    def may_void(self, one: One) -> bool:
        free = one.here and not one.values.get("deleted") and not one.signed
        return free and self.may_write(one.type, one.scope)

    def void_reason(self, record: str, text: str) -> None:
        """Every letter is kept, as in a draft."""
        if self._one is not None and self._one.id == record:
            self._one = self._one._replace(void_reason=text)
        self._host._write(self._store.set_meta, VOID_KEY, json.dumps({"id": record, "text": text}))
        self.notify()

    async def void(self) -> None:
        """作废: marked with the reason, never erased."""
        one = self._one
        if one is None or not one.void_reason.strip() or not self.may_void(one):
            return
        await self._host._do(self._store.delete, one.type, one.id, one.void_reason.strip())
        await self._host._do(self._store.set_meta, VOID_KEY, "{}")
        await self._host._do(self._store.drop_draft, one.id)  # of an amendment begun before
        await self._host.load()
        await self.open_one(one.type, one.id)
        name = self._title(one.type, one.values) or TYPES[one.type].about.zh
        zh, en = WORDS["one.was_voided"]
        self._host.tell("done", (zh.format(name=name), en.format(name=name)), WORDS["one.kept.here"])

    # --- choosing a record ---------------------------------------------------------------------------------------

    def pick_types(self) -> list[str]:
        """What a comment or a photo may be about: types with records of this project's scopes, where it may be written."""
        wanted = self._draft.type if self._draft else "comment"
        audiences = {g.audience for g in self._grants if wanted in g.writes}
        return [
            t
            for t, cls in TYPES.items()
            if cls.about.audience.value in audiences and t not in ("device", "enrolment", "number_block")
        ]

    def named(self, seen: Seen) -> str:
        """What a row is called: its title with the names of what that refers to."""
        return self._title(seen.type, seen.values) or seen.id[-6:]


__all__ = ["NOT_BY_HAND", "SEARCHED", "DraftRow", "Kind", "Listing", "One", "Records"]
