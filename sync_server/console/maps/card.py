"""The card of the point in focus, and the line of each point in the list. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.records.device import Device
from schemas.records.point import Point
from schemas.reference import Label, codes
from schemas.rules.reconcile import Facts
from schemas.values import GeoFix
from sync_server.console.charts.core import Core, core_of
from sync_server.console.maps.mapdata import shift
from sync_server.console.maps.sieve import Held, Spot, actual, name_of
from sync_server.console.overview import views
from sync_server.console.parts import Sign, when
from sync_server.console.words import pick, words

CREW = 6  # names said of one point


class Row(NamedTuple):
    """One point in the list."""

    key: str
    code: str
    id: str
    symbol: str
    state: Sign
    exceed: Sign | None  # None: nobody was there
    returned: Sign | None
    elements: str
    shift: str
    shifted: bool | None
    day: str
    crew: str
    findings: int
    errors: int
    record: tuple[str, str]  # (type, id) of the record page
    placed: bool


class Card(NamedTuple):
    """`facts`: label and text; `same`: other points of the same code. `visits`: (id, when) of the visits after the first."""

    row: Row
    core: Core | None
    lines: list[tuple[str, str]]
    planned_id: str | None
    visits: list[tuple[str, str]]
    same: list[Spot]


def rows(facts: Facts, h: Held, spots: Sequence[Spot], lang: str) -> list[Row]:
    return [row(facts, h, s, lang) for s in spots]


def row(facts: Facts, h: Held, s: Spot, lang: str) -> Row:
    p = s.p
    state, exceed = views.signs(p, lang)
    errors, every = h.counts.get(p.code, (0, 0))
    main = _main(facts, s)
    names = [name_of(facts, id) for id in main.samplers[:CREW]] if main else []
    return Row(
        s.key, p.code, views.row_id(p), s.symbol, state, exceed if p.visited else None,
        Sign("back", "alert", words(lang)("s_returned")) if s.returned else None, views.element_names(p.exceeded, lang), "" if p.shift_m is None else f"{p.shift_m:.2f}", p.shifted, when(main.started_at, facts.now) if main else "", ("、" if lang == "zh" else ", ").join(names), every, errors,
        ("point", main.id) if main else ("planned_point", p.planned_id or ""), s.lon is not None,
    )  # fmt: skip


def _main(facts: Facts, s: Spot) -> Point | None:
    """The visit that speaks for the point."""
    place = facts.place(s.p.planned_id or (s.p.visits[0] if s.p.visits else None))
    return place.main if place else None


def card(facts: Facts, h: Held, s: Spot, device: str, lang: str) -> Card:
    """`device`: the code of the tablet that recorded the visit; "" where none did."""
    w, p, main = words(lang), s.p, _main(facts, s)
    lines: list[tuple[str, str]] = []
    if at := actual(p):
        lines.append((w("actual_at"), views.place(at)))
    elif main and main.position:
        lines.append((w("map_turned_away"), views.place((main.position.lon, main.position.lat))))
    if main and main.position:
        lines.append((w("map_accuracy"), accuracy(main.position, lang)))
    if p.planned:
        lines.append((w("planned_at"), views.place(p.planned)))
    if p.shift_m is not None:
        lines.append((w("to_planned"), shift(p, lang)))
    if p.exceeded:
        lines.append((w("map_above"), views.element_names(p.exceeded, lang)))
    if main:
        names = [name_of(facts, id) for id in main.samplers]
        lines.append((w("map_crew"), ("、" if lang == "zh" else ", ").join(names[:CREW]) or w("empty_value")))
        lines.append((w("map_device"), device_name(facts, device) or w("map_no_device")))
        ended = f" – {when(main.ended_at, facts.now)}" if main.ended_at else ""
        lines.append((w("map_time"), when(main.started_at, facts.now) + ended))
        if s.returned:
            by = name_of(facts, s.returned.person_id)
            lines.append((w("map_returned"), " · ".join(x for x in (s.returned.reason or "", by) if x)))
        if main.reason:
            why = codes("reason_access").get(main.reason, Label(main.reason, main.reason))
            lines.append((w("map_reason"), " · ".join(x for x in (pick(why, lang), main.reason_text or "") if x)))
    others = [v for v in (facts.find(Point, id) for id in p.visits) if v is not None and v is not main]
    same = [o for o in h.spots if o.p.code == p.code and o is not s] if len(h.by_code) < len(h.spots) else []
    return Card(
        row(facts, h, s, lang), core_of(facts, p.planned_id or (p.visits[0] if p.visits else None)), lines, p.planned_id,
        [(v.id, when(v.started_at, facts.now)) for v in others], same[:CREW],
    )  # fmt: skip


def main_visit(facts: Facts, s: Spot) -> str:
    found = _main(facts, s)
    return found.id if found else ""


def device_name(facts: Facts, code: str) -> str:
    """A03 平板 03"""
    found = next((d for d in facts.alive(Device) if d.code == code), None) if code else None
    return f"{code} {found.label or ''}".strip() if found else code


def accuracy(fix: GeoFix, lang: str) -> str:
    """RTK 固定 ±0.02 m，平均 20 次"""
    w = words(lang)
    kind = codes("fix_kind").get(fix.fix_kind, Label(fix.fix_kind, fix.fix_kind))
    parts = [pick(kind, lang) + (f" ±{fix.h_acc_m:f} m" if fix.h_acc_m is not None else "")]
    if fix.fix_count and fix.fix_count > 1:
        parts.append(w("map_mean", n=fix.fix_count))
    if fix.mocked:
        parts.append(w("map_mocked"))
    return ("，" if lang == "zh" else ", ").join(parts)
