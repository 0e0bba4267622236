"""What the review page shows: rows of groups, and the group that is looked at. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.reference import Label
from schemas.rules.reconcile import CHECKS, Finding, PointState, Report
from sync_server.console.overview.views import severity
from sync_server.console.parts import Pager, Sign, pager, when
from sync_server.console.review.board import Board, Entry, Group, Tab
from sync_server.console.review.naming import FactNames, name_of
from sync_server.console.said import type_words
from sync_server.console.words import pick, words

PAGE = 50  # groups a page
LISTED = 200  # records of one group that are listed
CHECKS_SHOWN = 2
FOUND = 6  # findings of the group that is looked at


class Row(NamedTuple):
    """One group in the list. `value`: what ticking it posts: its key, and up to which seq it was looked at. `pick`: whether
    it can be ticked; `clean`: whether it is ticked already."""

    key: str
    value: str
    code: str
    content: list[str]
    checked: list[str]
    who: str
    when: str
    sign: Sign
    pick: bool
    clean: bool
    own: bool


class Line(NamedTuple):
    """One record of the group that is looked at. `value`: type:id:seq:decided."""

    type: str
    id: str
    value: str
    kind: str
    name: str
    state: Sign
    note: str
    pick: bool


class Found(NamedTuple):
    sign: Sign
    title: str
    text: str
    source: str


class Panel(NamedTuple):
    key: str
    code: str
    who: str
    lines: list[Line]
    more: int
    found: list[Found]
    open_type: str  # what "open" leads to
    open_id: str
    pick: bool
    own: int
    open: bool  # whether the list of records is worth being open at once


class Viewer(NamedTuple):
    """Who looks, and what he or she may decide: audiences whose records this person reviews."""

    person: str
    reviews: frozenset[str]
    lang: str
    now: datetime


def upto(entries: Sequence[Entry]) -> int:
    return max((e.seq for e in entries), default=0)


def decidable(entries: Sequence[Entry], group: Group, viewer: Viewer) -> list[Entry]:
    """Those this person may decide about."""
    if group.audience not in viewer.reviews:
        return []
    return [e for e in entries if viewer.person not in e.maker.everyone]


class Shown:
    def __init__(self, board: Board, report: Report, viewer: Viewer, tab: Tab, who: str) -> None:
        self.board, self.viewer, self.tab, self.who = board, viewer, tab, who
        self.w = words(viewer.lang)
        self.names = FactNames(board.facts)
        self._found = board.shown(tab, viewer.person, who)
        self.groups = [g for g, _ in self._found.values()]
        self.records = sum(len(entries) for _, entries in self._found.values())
        self._points = {id: p for p in report.points for id in (p.planned_id, *p.visits) if id}

    def _of(self, g: Group) -> list[Entry]:
        return self._found[g.key][1] if g.key in self._found else []

    def page(self, n: int) -> tuple[list[Group], Pager]:
        pages = pager(len(self.groups), n, PAGE)
        return self.groups[pages.first : pages.last], pages

    def last_changes(self, groups: Sequence[Group]) -> list[str]:
        """Whose time the rows show."""
        return [e.maker.change for g in groups if (e := self._last(g)) is not None and e.maker.change]

    def _last(self, g: Group) -> Entry | None:
        return max(self._of(g), key=lambda e: e.seq, default=None)

    # --- rows ----------------------------------------------------------------------------------------------------

    def row(self, g: Group, walls: Mapping[str, str]) -> Row:
        entries = self._of(g)
        mine = decidable(entries, g, self.viewer)
        last = self._last(g)
        at = _time(walls.get(last.maker.change, "") if last else "", self.viewer.now)
        own = len(mine) < len(entries) and g.audience in self.viewer.reviews
        return Row(
            g.key, f"{g.key}@{upto(entries)}", self.code(g), self.content(g, entries), self.checked(g), self.people(entries), at,
            self.sign(g, entries), bool(mine), bool(mine) and self.is_clean(g, entries), own and not mine,
        )  # fmt: skip

    def code(self, g: Group) -> str:
        if g.place is not None:
            return g.place.code
        type, id = g.head
        return (
            f"{type_words(type, self.viewer.lang)} {name_of(self.board.facts, self.names, type, id, self.viewer.lang)}"
        )

    def content(self, g: Group, entries: Sequence[Entry]) -> list[str]:
        """What is in it, by kind."""
        n = Counter(e.type for e in entries)
        parts = [self.w("rv_n_of", what=type_words(t, self.viewer.lang), n=k) for t, k in n.items()]
        photos = sum(len(self.board.facts.photos_of(e.id)) for e in entries)
        if photos:
            parts.append(self.w("rv_photos", n=photos))
        return parts

    def checked(self, g: Group) -> list[str]:
        found = Counter(f.check for f in sorted(g.findings, key=_worst))
        if not found:
            return [self.w("rv_clean")]
        parts = [
            _title(c, self.viewer.lang) + (f" {n}" if n > 1 else "") for c, n in list(found.items())[:CHECKS_SHOWN]
        ]
        if len(found) > CHECKS_SHOWN:
            parts.append(self.w("rv_more_checks", n=len(found) - CHECKS_SHOWN))
        return parts

    def people(self, entries: Sequence[Entry]) -> str:
        n = Counter(e.maker.last for e in entries if e.maker.last)
        return self.w("join_names").join(self.person(p) for p, _ in n.most_common(3)) or self.w("cf_server")

    def person(self, id: str) -> str:
        return self.names.get(id) or self.w("record_n", n=id[:8])

    def point(self, g: Group) -> PointState | None:
        if g.place is None:
            return None
        ids = (g.place.planned.id if g.place.planned else "", *(v.id for v in g.place.visits))
        return next((p for id in ids if (p := self._points.get(id)) is not None), None)

    def is_clean(self, g: Group, entries: Sequence[Entry]) -> bool:
        """Nothing for a person to look at: ticked in advance."""
        return self.tab == "waiting" and self._verdict(g, entries) == "clean"

    def _verdict(self, g: Group, entries: Sequence[Entry]) -> str:
        p = self.point(g)
        if p is not None and p.exceed == "intervention":
            return "intervention"
        if any(e.state.again for e in entries):
            return "again"
        if p is not None and p.exceed == "screening":
            return "screening"
        if p is not None and p.shifted:
            return "shifted"
        if any(severity(f) in BAD for f in g.findings):
            return "bad"
        return "clean" if g.clean else "unsure"

    def sign(self, g: Group, entries: Sequence[Entry]) -> Sign:
        """The worst that is to be said of it, in a word."""
        verdict = self._verdict(g, entries)
        if verdict != "bad":
            icon, colour, word = _VERDICTS[verdict]
            return Sign(icon, colour, self.w(word))
        bad = [grade for f in g.findings if (grade := severity(f)) in BAD]
        word = self.w("rv_chip_one") if len(bad) == 1 else self.w("rv_chip_n", n=len(bad))
        return Sign("warn", "warn" if set(bad) == {"warning"} else "alert", word)

    # --- the group that is looked at ------------------------------------------------------------------------------

    def panel(self, g: Group) -> Panel:
        entries = self._of(g)
        mine = {(e.type, e.id) for e in decidable(entries, g, self.viewer)}
        shown = entries[:LISTED]
        type, id = g.head
        if g.place is not None:
            visit = g.place.main
            type, id = ("point", visit.id) if visit else ("planned_point", g.place.planned_ids[0])
        lines = [self.line(e, (e.type, e.id) in mine) for e in shown]
        own = len(entries) - len(mine) if g.audience in self.viewer.reviews else 0
        return Panel(
            g.key, self.code(g), self.people(entries) if any(e.maker.last for e in entries) else "", lines, len(entries) - len(shown), self.found(g), type, id, bool(mine), own,
            len(entries) <= 3,
        )  # fmt: skip

    def line(self, e: Entry, pick: bool) -> Line:
        lang = self.viewer.lang
        name = name_of(self.board.facts, self.names, e.type, e.id, lang, beside=True)
        return Line(
            e.type, e.id, f"{e.type}:{e.id}:{e.seq}:{e.decided}", type_words(e.type, lang), name, state_sign(e.state.state, lang), self.note(e), pick
        )  # fmt: skip

    def note(self, e: Entry) -> str:
        """Who decided, and why: of what was returned, and of what came again after it."""
        last = e.state.last
        if last is None or (e.state.state == "waiting" and not e.state.again):
            return ""
        key = "rv_past_pass" if last.state == "pass" else "rv_past_back"
        return self.w(key, who=self.person(last.person_id), at=when(last.at, self.viewer.now), why=last.reason or "–")

    def found(self, g: Group) -> list[Found]:
        out = []
        for f in sorted(g.findings, key=_worst)[:FOUND]:
            icon, colour = _FOUND.get(severity(f), ("doc", "active"))
            lang = self.viewer.lang
            out.append(
                Found(Sign(icon, colour, _title(f.check, lang)), f.check, f.zh if lang == "zh" else f.en, f.source)
            )
        return out


_FOUND = {
    "severe": ("up2", "alert"),
    "error": ("warn", "alert"),
    "warning": ("warn", "warn"),
    "unknown": ("q", "unsure"),
}
BAD = ("severe", "error", "warning")
_VERDICTS = {
    "intervention": ("up2", "alert", "e_intervention"), "again": ("back", "alert", "rv_chip_again"),
    "screening": ("up", "warn", "e_screening"), "shifted": ("move", "warn", "s_shifted"), "clean": ("ok", "done", "rv_chip_clean"),
    "unsure": ("q", "unsure", "rv_chip_unsure"),
}  # fmt: skip
_GRADES = ("severe", "error", "warning", "unknown", "info")


def _title(check: str, lang: str) -> str:
    return pick(Label(CHECKS[check].zh, CHECKS[check].en), lang)


def _worst(f: Finding) -> tuple[int, str]:
    grade = severity(f)
    return _GRADES.index(grade) if grade in _GRADES else len(_GRADES), f.check


def _time(text: str, now: datetime) -> str:
    try:
        return when(datetime.fromisoformat(text), now)
    except (ValueError, TypeError):  # a device may send any text as its own clock
        return text[:40]


_STATES = {
    "waiting": ("clock", "active", "rv_waiting"),
    "passed": ("ok", "done", "rv_pass"),
    "returned": ("back", "alert", "rv_returned"),
}


def state_sign(state: str, lang: str) -> Sign:
    icon, colour, word = _STATES[state]
    return Sign(icon, colour, words(lang)(word))
