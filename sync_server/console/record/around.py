"""What belongs to a record, what refers to it, what the rules found about it. Made of the facts; each index is built once for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES, Record
from schemas.records.photo import Photo
from schemas.records.point import Point
from schemas.records.point_adjustment import PointAdjustment
from schemas.reference import Label
from schemas.rows import pointers_of
from schemas.rules.reconcile import Facts, Finding, PointState, Report
from sync_server.console.overview import views
from sync_server.console.parts import Sign
from sync_server.console.record.called import called
from sync_server.console.said import type_words
from sync_server.console.words import pick, words

SHOWN = 20  # of one kind, before "and n more"
_APART = frozenset({"photo", "comment", "review_decision", "conflict"})  # have places of their own on the page


class Kin(NamedTuple):
    """One that belongs to a record or refers to it."""

    href: str  # type/id
    name: str
    void: bool


class Kind(NamedTuple):
    """Those of one type, by one of its fields. `total`: how many there are."""

    type: str
    word: str
    by: str  # the field; "" where it is plain
    kin: list[Kin]
    total: int


class Told(NamedTuple):
    """A finding as a reader sees it."""

    check: str
    sign: Sign
    text: str
    who: str
    source: str
    missing: str


# --- who points at whom -----------------------------------------------------------------------------------------------


@cache
def pointing(type: str) -> tuple[tuple[str, str], ...]:
    """(type, field) of every field of a record that may refer to a record of this type, also from inside a value."""
    return tuple(
        (name, p.name)
        for name, cls in TYPES.items()
        if name not in _APART
        for p in pointers_of(cls)
        if _reaches(p, type)
    )


def _reaches(pointer: Any, type: str) -> bool:
    return pointer.target == type if pointer.target else any(_reaches(p, type) for p in pointer.inside)


def _found(facts: Facts, type: str, field: str, id: str) -> Sequence[Record]:
    """Records of a type whose field refers to this one, voided ones among them. Where the rules have an index of those that
    count, as they mostly do, only the others need one more."""
    cls = TYPES[type]
    if fields_of(cls)[field].kind != "text" or type in _APART:
        return _index(facts, type, field).get(id, ())
    others = facts.remember(("pointing", type, field, "void"), lambda: _made(facts.uncounted(cls), field))
    return [*facts.by(cls, field).get(id, ()), *others.get(id, ())]


def _index(facts: Facts, type: str, field: str) -> Mapping[str, Sequence[Record]]:
    return facts.remember(("pointing", type, field), lambda: _made(facts.records.get(type, {}).values(), field))


def _made(records: Iterable[Record], field: str) -> dict[str, list[Record]]:
    out: dict[str, list[Record]] = {}
    read = attrgetter(field)
    for record in records:
        value = read(record)
        if value.__class__ is str:  # nearly always
            out.setdefault(value, []).append(record)
        elif value:
            for id in set(_ids(value)):
                out.setdefault(id, []).append(record)
    return out


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for v in value:
            yield from _ids(v)
    elif hasattr(value, "__dict__"):
        for p in pointers_of(value.__class__):
            yield from _ids(getattr(value, p.name, None))


def kinds(facts: Facts, type: str, id: str, names: Any, lang: str, apart: frozenset[str] = frozenset()) -> list[Kind]:
    """Everything that refers to the record, by type and field; `apart`: types that are shown elsewhere."""
    out = []
    for name, field in pointing(type):
        found = _found(facts, name, field, id) if name in facts.records and name not in apart else ()
        if found:
            out.append(_kind(name, fields_of(TYPES[name])[field].spec.label(lang), found, names, lang))
    return out


def _kind(type: str, by: str, found: Sequence[Record], names: Any, lang: str) -> Kind:
    part = sorted(found, key=_order)[:SHOWN] if len(found) < 5000 else found[:SHOWN]
    listed = [Kin(f"{type}/{r.id}", called(type, r.id, r, names, lang, beside=True), r.deleted) for r in part]
    return Kind(type, type_words(type, lang), by, listed, len(found))


def _order(r: Record) -> tuple[Any, ...]:
    for name in ("layer_no", "depth_top_m", "top_m", "number", "code"):
        if (value := getattr(r, name, None)) is not None:
            return (name, str(value).zfill(12), r.id)
    return ("", "", r.id)


def family(facts: Facts, point: str) -> dict[str, list[Record]]:
    """What belongs to a visit by way of its parents: type → records, voided ones among them."""
    out: dict[str, dict[str, Record]] = {}
    level = {"point": [point]}
    while level:
        below: dict[str, list[str]] = {}
        for parent, ids in level.items():
            for child, field in _CHILDREN.get(parent, ()):
                known = out.setdefault(child, {})
                fresh = {r.id: r for id in ids for r in _found(facts, child, field, id) if r.id not in known}
                known.update(fresh)
                below.setdefault(child, []).extend(fresh)
        level = {type: ids for type, ids in below.items() if ids}
    visit = facts.find(Point, point)
    if visit is not None:
        named = [a for a in (facts.find(PointAdjustment, visit.adjustment_id),) if a is not None]
        of_plan = _found(facts, "point_adjustment", "planned_point_id", visit.planned_point_id or "")
        adjustments: dict[str, Record] = {a.id: a for a in (*of_plan, *named)}
        out["point_adjustment"] = adjustments
    return {type: list(found.values()) for type, found in out.items() if found}


_CHILDREN = {
    "point": (("borehole", "point_id"), ("sample", "point_id"), ("field_reading", "point_id")),
    "borehole": (("soil_layer", "borehole_id"), ("sample", "borehole_id"), ("field_reading", "borehole_id")),
    "sample": (("sample_container", "sample_id"), ("field_reading", "sample_id")),
}
_FAMILY_ORDER = ("borehole", "soil_layer", "field_reading", "sample", "sample_container", "point_adjustment")


def family_kinds(found: Mapping[str, Sequence[Record]], names: Any, lang: str) -> list[Kind]:
    return [_kind(type, "", found[type], names, lang) for type in _FAMILY_ORDER if found.get(type)]


def photos_of(facts: Facts, ids: Iterable[str]) -> list[Photo]:
    """Photos of any of these records, voided ones left out, in the order they were taken."""
    index = _index(facts, "photo", "subject_id")
    found = {r.id: r for id in ids for r in index.get(id, ()) if isinstance(r, Photo) and not r.deleted}
    return sorted(found.values(), key=lambda p: (p.taken_at, p.id))


# --- what the rules say -----------------------------------------------------------------------------------------------


def findings(facts: Facts, report: Report, audiences: Iterable[str], type: str, id: str, lang: str) -> list[Told]:
    """About the record; of a point or planned point about anything of it. The worst first."""
    index = facts.remember(("told", "findings"), lambda: _by_subject(report.findings))
    keys: list[Any] = [id]
    if type in ("point", "planned_point"):
        keys += [("code", p.code) for p in _states(facts, report).get(id, ())]
    about = {n: f for key in keys for n, f in index.get(key, ())}
    chosen = views.visible(replace(report, findings=list(about.values())), audiences)
    chosen.sort(key=lambda f: (views.SEVERITIES.index(views.severity(f)), f.check))
    return [_told(f, lang) for f in chosen]


def _by_subject(found: Iterable[Finding]) -> dict[Any, list[tuple[int, Finding]]]:
    """Subject, or ("code", code of the point) → findings with their place in the report."""
    out: dict[Any, list[tuple[int, Finding]]] = {}
    for n, f in enumerate(found):
        out.setdefault(f.subject_id, []).append((n, f))
        if f.point_code is not None:
            out.setdefault(("code", f.point_code), []).append((n, f))
    return out


def _told(f: Finding, lang: str) -> Told:
    icon, colour = views.SIGNS[views.severity(f)]
    cite = f.figures.get("cite")
    return Told(
        f.check, Sign(icon, colour, words(lang)(f"sev_{views.severity(f)}")), f.zh if lang == "zh" else f.en, pick(f.who, lang),
        pick(cite, lang) if isinstance(cite, Label) else f.source, pick(f.missing, lang) if f.missing else "",
    )  # fmt: skip


def _states(facts: Facts, report: Report) -> Mapping[str, Sequence[PointState]]:
    def made() -> dict[str, list[PointState]]:
        out: dict[str, list[PointState]] = {}
        for p in report.points:
            for id in (*(v for v in p.visits), *((p.planned_id,) if p.planned_id else ())):
                out.setdefault(id, []).append(p)
        return out

    return facts.remember(("told", "states"), made)


def state_of(facts: Facts, report: Report, id: str) -> PointState | None:
    """Of a visit or a planned point in force."""
    return next(iter(_states(facts, report).get(id, ())), None)
