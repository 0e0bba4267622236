"""Which points the map shows: what a reader asks for, and what of the project fits. Pure: no request, no clock.

What a request needs of every point is made once for a report and kept with it, so that a project of 50 000 points answers in a moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from schemas.records.person import Person
from schemas.records.point import Point
from schemas.records.review_decision import ReviewDecision
from schemas.reference import Label
from schemas.rules.reconcile import CHECKS, Facts, PointState, Report
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.reviewed import answered_by, decisions_of
from schemas.rules.reconcile.terms import day
from schemas.rules.review import state_of
from sync_server.console.overview import views
from sync_server.console.words import pick

STATES = ("missing", "partial", "done", "shifted", "returned", "refused", "cancelled", "extra")
LEVELS = ("intervention", "screening", "none", "unknown")
WORST = ("intervention", "screening", "returned", "extra", "planned", "refused", "partial", "done", "cancelled")
_RANK = {name: n for n, name in enumerate(WORST)}


@dataclass(frozen=True)
class Asked:
    """What a reader asked to see; the part of the address behind the question mark. Days are Asia/Shanghai's, both included."""

    state: str = ""
    exceed: str = ""
    severity: str = ""
    check: str = ""
    crew: str = ""  # a person's id
    since: date | None = None
    until: date | None = None
    q: str = ""
    at: str = ""  # the point in focus
    page: int = 1

    @property
    def of_points(self) -> bool:
        """Asks for what only points have: then loads and problems do not fit."""
        return bool(self.state or self.exceed or self.crew or self.severity)

    @property
    def narrowed(self) -> bool:
        return bool(self.of_points or self.check or self.q or self.dated)

    @property
    def dated(self) -> bool:
        return self.since is not None or self.until is not None

    def query(self, **changes: Any) -> dict[str, str]:
        """Of another view of the same page: only what differs from the bare one."""
        new, bare = replace(self, **changes), Asked()
        names = {"since": "from", "until": "to"}
        return {names.get(k, k): str(v) for k, v in vars(new).items() if v != getattr(bare, k)}

    def covers(self, on: date | None) -> bool:
        """Is this day among those asked for? What has no day fits only where none is asked for."""
        if not self.dated:
            return True
        return on is not None and (self.since or on) <= on <= (self.until or on)


class Spot(NamedTuple):
    """A point as the map asks about it; the best position it has, None where there is none."""

    p: PointState
    lon: float | None
    lat: float | None
    symbol: str
    rank: int  # 0 = the worst
    days: tuple[date, ...]  # of its visits
    crew: frozenset[str]
    returned: ReviewDecision | None  # the return that nobody has answered yet, of the point or of anything at it
    key: str  # how an address names it: its code, or its row where another has the same code


class Held(NamedTuple):
    """All points, the worst first, and what they are looked up by."""

    spots: list[Spot]
    by_key: Mapping[str, Spot]
    by_code: Mapping[str, Spot]
    checks: Mapping[tuple[str, str], frozenset[str]]  # (check or "", severity or "") → codes of points
    records: Mapping[str, frozenset[tuple[str, str]]]  # check → (type, id) it was found at
    counts: Mapping[str, tuple[int, int]]  # code → (errors, all), of what can be said


def held(facts: Facts, report: Report, audiences: Iterable[str]) -> Held:
    """Kept with the facts, which belong to one report and one set of audiences."""
    return facts.remember("console.map", lambda: _held(facts, report, views.told(facts, report, audiences)))


def _held(facts: Facts, report: Report, told: views.Told) -> Held:
    counts = told.counts
    checks: dict[tuple[str, str], set[str]] = {}
    records: dict[str, set[tuple[str, str]]] = {}
    for (check, grade), these in told.by.items():
        records.setdefault(check, set()).update((f.subject_type, f.subject_id) for f in these)
        codes = {f.point_code for f in these if f.point_code is not None}
        for key in ((check, ""), ("", grade), (check, grade)) if codes else ():
            checks.setdefault(key, set()).update(codes)
    spots, taken, back = [], set[str](), _returned(facts)
    for p in report.points:
        spots.append(_spot(facts, p, taken, back))
        taken.add(p.code)
    spots.sort(key=lambda s: (s.rank, -counts.get(s.p.code, (0, 0))[0], natural(s.p.code)))
    return Held(
        spots, {s.key: s for s in spots}, {s.p.code: s for s in reversed(spots)}, {k: frozenset(v) for k, v in checks.items()},
        {k: frozenset(v) for k, v in records.items()}, counts,
    )  # fmt: skip


def _returned(facts: Facts) -> dict[str, ReviewDecision]:
    """Visit → the return that stands, of the visit or of what was recorded at it."""
    out: dict[str, ReviewDecision] = {}
    for (type, id), decisions in decisions_of(facts).items():
        record, place = facts.records.get(type, {}).get(id), facts.place_of(type, id)
        if record is None or record.deleted or place is None:
            continue
        state = state_of(record.seq, decisions, (), answered_by(facts, id))
        if state.state == "returned" and state.last is not None:
            out |= {v.id: state.last for v in place.visits}
    return out


def _spot(facts: Facts, p: PointState, taken: set[str], back: Mapping[str, ReviewDecision]) -> Spot:
    visits = [v for v in (facts.find(Point, id) for id in p.visits) if v is not None]
    at, symbol = actual(p) or p.planned, views.symbol_of(p)
    returned = next((back[v.id] for v in visits if v.id in back), None) if back else None
    if returned is not None and symbol not in ("intervention", "screening"):  # the worst judgement wins the shape
        symbol = "returned"
    return Spot(
        p, float(at[0]) if at else None, float(at[1]) if at else None, symbol, _RANK.get(symbol, len(_RANK)),
        tuple(day(v.started_at) for v in visits), frozenset(who for v in visits for who in v.samplers), returned,
        views.row_id(p) if p.code in taken else p.code,
    )  # fmt: skip


def actual(p: PointState) -> Any:
    """(lon, lat) where work was done: somebody who was turned away at the gate moved no point. None: nowhere."""
    return p.actual if p.visited or p.planned is None else None


def fitting(h: Held, by: Asked) -> list[Spot]:
    """The points that fit, the worst first."""
    if not by.narrowed:
        return h.spots
    wanted = h.checks.get((by.check, by.severity), frozenset()) if by.check or by.severity else None
    q = by.q.casefold()
    return [
        s for s in h.spots
        if _in_state(s, by.state) and by.exceed in ("", s.p.exceed if s.p.visited else "")
        and (wanted is None or s.p.code in wanted) and (not q or q in s.p.code.casefold())
        and (not by.crew or by.crew in s.crew) and (not by.dated or any(by.covers(d) for d in s.days))
    ]  # fmt: skip


def _in_state(s: Spot, state: str) -> bool:
    p = s.p
    if state == "returned":
        return s.returned is not None
    if state == "shifted":
        return p.shifted is True
    return state in ("", p.state, p.exceed)


def found_at(h: Held, at: str) -> Spot | None:
    """The point an address names."""
    return (h.by_key.get(at) or h.by_code.get(at)) if at else None


def crews(facts: Facts, h: Held) -> list[tuple[str, str]]:
    """(person, name) of everybody who recorded a visit, by name."""
    ids: frozenset[str] = facts.remember("console.map.crew", lambda: frozenset[str]().union(*(s.crew for s in h.spots)))
    return sorted(((id, name_of(facts, id)) for id in ids), key=lambda x: (x[1], x[0]))


def name_of(facts: Facts, person: str) -> str:
    found = facts.find(Person, person)
    return found.name if found else person[:8]


def checks_of(h: Held, lang: str) -> list[tuple[str, str]]:
    """(check, title) of what was found."""
    return sorted((id, pick(Label(CHECKS[id].zh, CHECKS[id].en), lang)) for id in h.records)
