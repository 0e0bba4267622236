"""What needs a decision today, as a list a person can work off: money, people, law, then age. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from schemas.fields import fields_of
from schemas.records import TYPES, Record
from schemas.records.conflict import Conflict
from schemas.records.manifest import Manifest
from schemas.records.person import Person
from schemas.records.point import Point
from schemas.records.vehicle import Vehicle
from schemas.reference import Label, analyte, codes
from schemas.rules.reconcile import CHECKS, Facts, Finding
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.terms import SHANGHAI
from schemas.rules.reconcile.transfer import loads
from sync_server.console.charts.core import name_of
from sync_server.console.charts.paint import metres
from sync_server.console.overview import views
from sync_server.console.parts import Sign, ago, number, when
from sync_server.console.said import type_words
from sync_server.console.words import pick, words
from sync_server.service.waiting import Count

ROWS, EACH, NAMED = 8, 2, 12  # rows shown, single rows of one check before they become one, points named in it
SORTED = 500  # points put in order; of more, those that are named are the first of the plan
_ROAD, _MONEY, _PEOPLE, _LAW, _MINE, _REST = range(6)
# what a check is about: a load that is out there now, the mass that is paid for, somebody's health, what an authority asks
# for; then what only this person can decide (conflicts, waiting changes), then the rest
_ABOUT = {
    "T01": _ROAD, "T02": _MONEY, "T03": _MONEY, "T05": _MONEY, "R04": _PEOPLE, "T06": _LAW, "T07": _LAW, "I01": _LAW,
    "I02": _LAW, "F01": _LAW, "F02": _LAW, "T11": _MONEY, "T12": _MONEY, "T13": _LAW, "T14": _LAW, "T15": _LAW,
}  # fmt: skip
# check → chip (icon, word) and verb, where the usual ones say too little
_CHIPS = {
    "T01": ("clock", "chip_t01"), "T02": ("warn", "chip_t02"), "R04": ("up2", "chip_r04"), "F01": ("circle", "chip_f01"),
    "F02": ("move", "chip_f02"), "F05": ("warn", "chip_f05"), "F06": ("warn", "chip_f05"), "H01": ("warn", "chip_h01"),
    "S02": ("warn", "chip_s02"), "S03": ("warn", "chip_s02"), "I01": ("clock", "chip_i01"), "R01": ("warn", "chip_r01"),
}  # fmt: skip
_VERBS = {
    "T01": "do_load",
    "T02": "do_load",
    "R04": "do_core",
    "F01": "do_points",
    "F02": "do_point",
    "I01": "do_finding",
}


class Todo(NamedTuple):
    """One row. `path` and `map` are behind the project's own address; `map` "" where it has no place."""

    sign: Sign
    text: str
    line: str
    age: str
    verb: str
    path: str
    map: str
    about: str  # the check, or conflict, waiting: for tests and style


class Todos(NamedTuple):
    """`total`: all findings, conflicts and waiting changes that ask for a decision."""

    rows: list[Todo]
    total: int


def deciding(found: Iterable[Finding]) -> list[Finding]:
    """The findings that ask for a decision: errors, and values above an intervention value."""
    return [f for f in found if views.severity(f) in ("error", "severe")]


def open_conflicts(facts: Facts) -> list[Conflict]:
    found: list[Conflict] = facts.remember(
        "open conflicts", lambda: [c for c in facts.alive(Conflict) if c.choice is None]
    )
    return found


def total(facts: Facts, told: views.Told, waiting: int) -> int:
    return told.total("error", "severe") + len(open_conflicts(facts)) + waiting


def todos(facts: Facts, found: Sequence[Finding], waiting: Count, lang: str) -> Todos:
    """`found`: what this reader may see; `waiting`: parked, lost and doubled changes that ask for somebody. What the records
    say is worked out once for these facts: the page of a large project costs no more the second time."""
    errors, known = facts.remember(("to do", lang), lambda: _known(facts, found, lang))
    ranked = known if not waiting.asks else sorted([*known, _waiting(waiting, lang)], key=lambda pair: pair[0])
    return Todos([todo for _, todo in _first(ranked)], errors + len(open_conflicts(facts)) + waiting.asks)


Ranked = tuple[tuple[int, float], Todo]  # what it is about, then minus its age in seconds


def _first(ranked: Sequence[Ranked]) -> list[Ranked]:
    """The rows shown: every load that is out there and the worst readings, then one of each kind before the second of any. A
    day with many wrong weights does not hide the reading that exceeds."""
    if len(ranked) <= ROWS:
        return list(ranked)
    ahead, again, kinds = list[int](), list[int](), set[str]()
    for n, ((rank, _), todo) in enumerate(ranked):
        fresh = rank < _REST and todo.about not in kinds
        (ahead if rank in (_ROAD, _PEOPLE) or fresh else again).append(n)
        kinds.add(todo.about)
    return [ranked[n] for n in sorted([*ahead, *again][:ROWS])]


def _known(facts: Facts, found: Sequence[Finding], lang: str) -> tuple[int, list[Ranked]]:
    """How many findings ask for a decision, and the rows of findings and conflicts, the first first."""
    errors, began = deciding(found), _began(facts, found)
    groups: dict[str, list[Finding]] = {}
    for f in errors:
        groups.setdefault(f.check, []).append(f)
    ranked = [row for check, these in groups.items() for row in _of_check(facts, check, these, began, lang)]
    ranked += _conflicts(facts, lang)
    return len(errors), sorted(ranked, key=lambda pair: pair[0])


def _of_check(facts: Facts, check: str, these: list[Finding], began: Mapping[str, datetime], lang: str) -> list[Ranked]:
    """A few findings one by one, the oldest first (of readings, the worst); the others of the check as one row."""
    rank, now = _ABOUT.get(check, _REST), facts.now
    dated = [(began.get(f.subject_id) or record_time(facts, f.subject_type, f.subject_id), f) for f in these]
    if check == "R04":
        dated.sort(key=lambda pair: -_ratio(pair[1].figures))
    else:
        dated.sort(key=lambda pair: (pair[0] is None, pair[0] or now))
    few = len(dated) <= EACH + 1 and check != "F01"
    single = dated if few else dated[:EACH] if rank < _LAW else []
    rows = [((rank, -_seconds(at, now)), _one(facts, f, at, lang)) for at, f in single]
    rest = dated[len(single) :]
    if rest:
        oldest = min((at for at, _ in rest if at), default=None)
        rows.append(
            ((rank, 1.0 if single else -_seconds(oldest, now)), _many(check, [f for _, f in rest], bool(single), lang))
        )
    return rows


def _conflicts(facts: Facts, lang: str) -> list[Ranked]:
    w, now = words(lang), facts.now
    found = sorted(open_conflicts(facts), key=lambda c: c.id)
    some = found if len(found) <= EACH + 1 else found[:EACH]
    rows = [((_MINE, -_seconds(at, now)), _conflict(facts, c, at, lang)) for c in some for at in [made_at(c.id)]]
    if left := len(found) - len(some):
        sign = Sign("split", "clash", w("chip_conflict"))
        more = Todo(sign, w("todo_conflicts", n=number(left)), "", "", w("do_conflict"), "/conflicts", "", "conflict")
        rows.append(((_MINE, 0.5), more))
    return rows


def _waiting(waiting: Count, lang: str) -> Ranked:
    w = words(lang)
    kinds = (("waiting_held", waiting.held), ("waiting_lost", waiting.lost), ("waiting_forks", waiting.forks))
    line = " · ".join(w(key, n=number(n)) for key, n in kinds if n)
    sign = Sign("clock", "warn", w("chip_waiting"))
    text = w("waiting_card", n=number(waiting.asks))
    return (_MINE, 0.6), Todo(sign, text, line, "", w("waiting_open"), "/waiting", "", "waiting")


def made_at(id: str) -> datetime | None:
    """When an id of version 7 was made. Of another version: None."""
    try:
        digits = id.replace("-", "")
        return datetime.fromtimestamp(int(digits[:12], 16) / 1000, SHANGHAI) if digits[12] == "7" else None
    except (ValueError, IndexError, OverflowError, OSError):
        return None


def map_path(code: str | None) -> str:
    return f"/map?{urlencode({'at': code})}" if code else ""


def _seconds(at: datetime | None, now: datetime) -> float:
    """How long a thing has waited; what has no time comes after all that have."""
    return max((now - at) / timedelta(seconds=1), 1.0) if at else 0.0


def _ratio(figures: Mapping[str, Any]) -> float:
    value, top = figures.get("value"), figures.get("intervention") or figures.get("limit")
    return float(value / top) if value and top else 0.0


def _began(facts: Facts, found: Iterable[Finding]) -> dict[str, datetime]:
    """Manifest → since when it has been on the road; looked up only where a finding is about one."""
    if not any(f.subject_type == "manifest" for f in found):
        return {}
    times = ((load.manifest.id, load.trip.began or load.trip.issued) for load in loads(facts))
    return {id: at for id, at in times if at is not None}


@cache
def _time_field(type: str) -> str | None:
    """Which of its fields says when a record of a type was due or made."""
    names = ("deadline", "at", "collected_at", "started_at", "opened_at", "issued_at")
    known = fields_of(TYPES[type]) if type in TYPES else {}
    return next((name for name in names if name in known), None)


def record_time(facts: Facts, type: str, id: str) -> datetime | None:
    """The time a record says of itself. Nothing planned has one: a plan is not late by itself."""
    record: Record | None = facts.records.get(type, {}).get(id)
    name = _time_field(type)
    at = getattr(record, name, None) if name else None
    if isinstance(at, date) and not isinstance(at, datetime):
        return datetime.combine(at, time.max, SHANGHAI)
    return at if isinstance(at, datetime) and at <= facts.now else None


def _age(at: datetime | None, now: datetime, lang: str) -> str:
    if at is None or at > now:
        return ""
    if at.astimezone(SHANGHAI).date() == now.astimezone(SHANGHAI).date():
        return words(lang)("today_at", t=when(at, now))
    return ago(at, now, lang)


def _sign(f: Finding, lang: str) -> Sign:
    icon, colour = views.SIGNS[views.severity(f)]
    icon, word = _CHIPS.get(f.check, (icon, "chip_error"))
    if f.check == "F01":
        colour = "warn"
    return Sign(icon, colour, words(lang)(word))


def _one(facts: Facts, f: Finding, at: datetime | None, lang: str) -> Todo:
    age = ago(at, facts.now, lang) if f.check == "T01" and at else _age(at, facts.now, lang)
    return Todo(
        _sign(f, lang), _sentence(f, lang), _evidence(facts, f, lang), age,
        words(lang)(_VERBS.get(f.check, "do_record")), views.record_path(f) or f"?{urlencode({'check': f.check})}#check-{f.check}",
        map_path(f.point_code), f.check,
    )  # fmt: skip


def _sentence(f: Finding, lang: str) -> str:
    """As the check says it; of a reading without what the chip and the line below say."""
    found, value, top = (
        analyte(str(f.figures.get("analyte", ""))),
        f.figures.get("value"),
        f.figures.get("intervention"),
    )
    if f.check != "R04" or found is None or not isinstance(value, Decimal) or not isinstance(top, Decimal):
        return f.zh if lang == "zh" else f.en
    unit = pick(codes("unit").get(str(f.figures["unit"]), Label(str(f.figures["unit"]), str(f.figures["unit"]))), lang)
    z = f.figures.get("depth_m")
    at = f"{metres(z)} m " if isinstance(z, Decimal) else ""
    return words(lang)(
        "todo_above", code=f.point_code or "", z=at, name=name_of(found, lang), v=f"{value:f}", unit=unit, top=f"{top:f}",
        x=f"{value / top:.2f}" if top else "?",
    )  # fmt: skip


def _many(check: str, rest: Sequence[Finding], more: bool, lang: str) -> Todo:
    """Several findings of one check as one row, the points named in it."""
    w = words(lang)
    codes = list(dict.fromkeys(f.point_code for f in rest if f.point_code))
    if len(codes) <= SORTED:
        codes.sort(key=natural)
    named = ("、" if lang == "zh" else ", ").join(codes[:NAMED])
    if len(codes) > NAMED:
        named = w("todo_codes_more", x=named, n=number(len(codes)))
    title = pick(Label(CHECKS[check].zh, CHECKS[check].en), lang)
    text = w("todo_more" if more else "todo_many", title=title, n=number(len(rest)))
    points = check == "F01"
    path = f"?check={check}#points" if points else f"?check={check}#check-{check}"
    who = pick(rest[0].who, lang)
    return Todo(
        _sign(rest[0], lang), text, named or w("who", x=who), "", w("do_points" if points else "do_all"), path,
        map_path(codes[0]) if len(codes) == 1 else "", check,
    )  # fmt: skip


def _evidence(facts: Facts, f: Finding, lang: str) -> str:
    """What stands behind the sentence: the truck and its load, the standard, who was there."""
    w, bits = words(lang), []
    if f.check in ("T01", "T02") and (manifest := facts.find(Manifest, f.subject_id)):
        vehicle = facts.find(Vehicle, manifest.vehicle_id)
        load = next((x for x in loads(facts) if x.manifest.id == manifest.id), None)
        bits.append(vehicle.plate if vehicle else "")
        if load and load.trip.net_out_t is not None:
            bits.append(f"{load.trip.net_out_t:f} t")
        bits += [manifest.receiver_place, manifest.driver_name]
    elif f.check == "R04":
        cite = f.figures.get("cite")
        bits += [pick(cite, lang) if isinstance(cite, Label) else f.source, w("todo_rapid")]
    elif f.subject_type == "point" and (visit := facts.find(Point, f.subject_id)):
        people = [p.name for id in visit.samplers if (p := facts.find(Person, id))]
        bits += ["、".join(people), when(visit.started_at, facts.now)]
    told = [b for b in bits if b]
    return " · ".join(told) if told else w("who", x=pick(f.who, lang))


def _field(c: Conflict, lang: str) -> str:
    known = fields_of(TYPES[c.subject_kind]) if c.subject_kind in TYPES else {}
    return known[c.field_name].spec.label(lang) if c.field_name in known else c.field_name[:40]


def _conflict(facts: Facts, c: Conflict, at: datetime | None, lang: str) -> Todo:
    w = words(lang)
    code = facts.code_of(c.subject_kind, c.subject_id)
    what = f"{code} {type_words(c.subject_kind, lang)}" if code else type_words(c.subject_kind, lang)
    return Todo(
        Sign("split", "clash", w("chip_conflict")), w("todo_conflict", what=what, field=_field(c, lang)),
        w("todo_conflict_line"), ago(at, facts.now, lang) if at and at <= facts.now else "", w("do_conflict"), f"/conflicts/{quote(c.id, safe='')}",
        map_path(code), "conflict",
    )  # fmt: skip
