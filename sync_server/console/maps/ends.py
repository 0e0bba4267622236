"""Beside the points: where loads left and where they came or should have come, and what inspections found. Pure.

Only what is in the facts: whoever may not read transfer or enforcement records has facts without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from datetime import date
from typing import Any, NamedTuple

from schemas.fields import Audience
from schemas.records.finding import Finding as Problem
from schemas.records.inspection import Inspection
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.organisation import Organisation
from schemas.reference import Label, codes
from schemas.rules.reconcile import Facts, finding_state
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.terms import day
from schemas.rules.reconcile.transfer import Load, is_short, loads
from sync_server.console.maps.sieve import Asked, Held
from sync_server.console.parts import Sign, number, when
from sync_server.console.words import pick, words

ENDS = 300  # marks of one kind on the map; further ones stand in the list
NEAR_DEG = 4  # decimals of a degree, some 10 m: ends closer than that are one mark
NAMED = 8  # numbers said at one mark
# how a load stands, the worst first
STANDS = ("late", "trouble", "way", "received")
_AT_START, _AT_END = ("issued", "departed"), ("received", "received_difference", "rejected", "returned", "arrived")
At = tuple[float, float]  # (lat, lon)


class Haul(NamedTuple):
    """One load: how it stands, where it left, where it came; `due`: where it should come, while it has not."""

    load: Load
    stands: str
    on: date | None
    start: At | None
    end: At | None
    due: At | None

    @property
    def goal(self) -> At | None:
        return self.end or self.due


def hauls(facts: Facts, h: Held) -> list[Haul]:
    """Every load that was sent, the worst first, then by number; made once for a report."""
    return hauls_of(facts, {id for type, id in h.records.get("T01", ()) if type == "manifest"})


def hauls_of(facts: Facts, late: Set[str]) -> list[Haul]:
    """`late`: the manifests check T01 is about: one source."""
    return facts.remember("console.map.hauls", lambda: _hauls(facts, late))


def _hauls(facts: Facts, late: Set[str]) -> list[Haul]:
    found = [_haul(facts, load, load.manifest.id in late) for load in loads(facts) if load.trip.sent]
    return sorted(found, key=lambda x: (STANDS.index(x.stands), natural(x.load.manifest.number)))


def _haul(facts: Facts, load: Load, late: bool) -> Haul:
    trip, legs = load.trip, facts.legs_of(load.manifest.id)
    wrong = trip.state in ("rejected", "returned", "disputed") or is_short(facts, load)
    stands = "late" if late and trip.on_the_way else "trouble" if wrong else "way" if trip.on_the_way else "received"
    began = trip.issued or trip.began
    end = _where(legs, _AT_END)
    due = None
    if end is None:
        org = facts.find(Organisation, load.manifest.receiver_id)
        place = (load.receiver.position if load.receiver else None) or (org.position if org else None)
        due = (float(place.lat), float(place.lon)) if place else None
    return Haul(load, stands, day(began) if began else None, _where(legs, _AT_START), end, due)


def _where(legs: Sequence[ManifestLeg], kinds: Sequence[str]) -> At | None:
    """The position of the last of these legs that has one."""
    fixes = [(leg.at, leg.position) for leg in legs if leg.kind in kinds and leg.position is not None]
    if not fixes:
        return None
    _, at = max(fixes, key=lambda x: x[0])
    return float(at.lat), float(at.lon)


def hauls_fitting(found: Sequence[Haul], h: Held, by: Asked) -> list[Haul]:
    """Of a filter that asks for what only points have, none."""
    if by.of_points:
        return []
    wanted = h.records.get(by.check, frozenset()) if by.check else None
    q = by.q.casefold()
    return [
        x for x in found
        if by.covers(x.on) and (not q or q in x.load.manifest.number.casefold())
        and (wanted is None or ("manifest", x.load.manifest.id) in wanted)
    ]  # fmt: skip


class Line(NamedTuple):
    """A load, an inspection or a problem in the list."""

    type: str
    id: str
    name: str
    sign: Sign
    line: str
    placed: bool


_STAND_SIGN = {
    "late": ("clock", "alert"), "trouble": ("warn", "alert"), "way": ("half", "active"), "received": ("ok", "done"),
}  # fmt: skip


def stand_sign(x: Haul, lang: str) -> Sign:
    return Sign(*_STAND_SIGN[x.stands], words(lang)(f"map_{x.stands}"))


def haul_line(facts: Facts, x: Haul, lang: str) -> Line:
    w, m = words(lang), x.load.manifest
    org = facts.find(Organisation, m.receiver_id)
    began = x.load.trip.began or x.load.trip.issued
    parts = [
        facts.plate_of(m),
        f"{x.load.trip.net_out_t:f} t" if x.load.trip.net_out_t is not None else "",
        w("map_left", t=when(began, facts.now)) if began else "",
        w("map_to", x=m.receiver_place or (org.name if org else "")),
    ]
    return Line(
        "manifest", m.id, m.number, stand_sign(x, lang), " · ".join(p for p in parts if p),
        x.start is not None or x.goal is not None,
    )  # fmt: skip


def marks(found: Iterable[Haul], lang: str) -> dict[str, list[dict[str, Any]]]:
    """Ends and the ways between them, gathered where they are the same place; the worst first."""
    w = words(lang)
    ends: dict[tuple[str, At], list[Haul]] = {}
    roads: dict[tuple[At, At], list[Haul]] = {}
    for x in found:
        for kind, at in (("out", x.start), ("in", x.end), ("due", x.due)):
            if at is not None:
                ends.setdefault((kind, _near(at)), []).append(x)
        if x.start is not None and x.goal is not None:
            roads.setdefault((_near(x.start), _near(x.goal)), []).append(x)
    by_worst = sorted(ends.items(), key=lambda kv: (_worst(kv[1]), -len(kv[1]), kv[0]))[:ENDS]
    return {
        "ends": [
            {"at": list(at), "k": kind, "n": len(these), "s": STANDS[_worst(these)],
             "t": [w(f"map_{kind}", n=number(len(these))), *_named(these, lang)]}
            for (kind, at), these in by_worst
        ],
        "roads": [
            {"a": list(a), "b": list(b), "n": len(these), "s": STANDS[_worst(these)]}
            for (a, b), these in sorted(roads.items(), key=lambda kv: (_worst(kv[1]), -len(kv[1]), kv[0]))[:ENDS]
        ],
    }  # fmt: skip


def _near(at: At) -> At:
    return round(at[0], NEAR_DEG), round(at[1], NEAR_DEG)


def _worst(these: Sequence[Haul]) -> int:
    return min(STANDS.index(x.stands) for x in these)


def _named(these: Sequence[Haul], lang: str) -> list[str]:
    w = words(lang)
    out = [f"{x.load.manifest.number} · {w(f'map_{x.stands}')}" for x in these[:NAMED]]
    return [*out, w("map_more", n=number(len(these) - NAMED))] if len(these) > NAMED else out


# --- inspections -----------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """An inspection or what it found."""

    kind: str  # inspection, finding
    id: str
    name: str
    on: date | None
    at: At | None
    open: bool
    grave: bool
    text: Label


def problems(facts: Facts, h: Held) -> list[Seen]:
    """Open findings first, the grave before the others; inspections stand behind them. Made once for a report."""
    return facts.remember("console.map.problems", lambda: _problems(facts))


def _problems(facts: Facts) -> list[Seen]:
    if not facts.held(Inspection):
        return []
    out = []
    for f in facts.alive(Problem):
        if f.severity == "none":
            continue
        made = facts.find(Inspection, f.inspection_id)
        on = day(made.started_at) if made else None
        out.append(
            Seen("finding", f.id, f.code, on, _at(f.position), finding_state(facts, f) not in ("closed", "referred"),
                 f.severity in ("severe", "law"), codes("severity").get(f.severity, Label(f.severity, f.severity)))
        )  # fmt: skip
    for i in facts.alive(Inspection):
        kind = codes("inspection_kind").get(i.kind, Label(i.kind, i.kind))
        out.append(Seen("inspection", i.id, i.code, day(i.started_at), _at(i.position), False, False, kind))
    return sorted(out, key=lambda x: (not x.open, not x.grave, x.kind, natural(x.name)))


def _at(fix: Any) -> At | None:
    return (float(fix.lat), float(fix.lon)) if fix is not None else None


def problems_fitting(found: Sequence[Seen], h: Held, by: Asked) -> list[Seen]:
    if by.of_points:
        return []
    wanted = h.records.get(by.check, frozenset()) if by.check else None
    q = by.q.casefold()
    return [
        x for x in found
        if by.covers(x.on) and (not q or q in x.name.casefold()) and (wanted is None or (x.kind, x.id) in wanted)
    ]  # fmt: skip


def problem_line(x: Seen, lang: str) -> Line:
    w = words(lang)
    if x.kind == "inspection":
        sign = Sign("doc", "active", w("map_inspection"))
    elif x.open:
        sign = Sign("warn", "alert" if x.grave else "warn", w("map_open"))
    else:
        sign = Sign("ok", "done", w("map_closed"))
    parts = [pick(x.text, lang), x.on.isoformat() if x.on else ""]
    return Line(x.kind, x.id, x.name, sign, " · ".join(p for p in parts if p), x.at is not None)


def problem_marks(found: Iterable[Seen], root: str, lang: str) -> list[dict[str, Any]]:
    """`root`: address of the project, for the way to the record."""
    out: list[dict[str, Any]] = []
    for x in found:
        if x.at is None or len(out) == ENDS:
            continue
        line = problem_line(x, lang)
        shape = "check" if x.kind == "inspection" else "grave" if x.open and x.grave else "open" if x.open else "closed"
        out.append(
            {"at": list(x.at), "s": shape, "c": x.name, "t": [line.sign.word, line.line], "u": f"{root}/{x.kind}s/{x.id}"}
        )  # fmt: skip
    return out


def may_see(audiences: Iterable[str]) -> tuple[bool, bool]:
    """(loads, inspections): what a legend speaks of for a reader."""
    may = set(audiences)
    return Audience.TRANSFER in may, Audience.ENFORCEMENT in may
