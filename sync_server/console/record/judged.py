"""A reading against the limit that applies to it, and whether its instrument was calibrated: as R04 and R01 judge, in words."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from markupsafe import Markup

from schemas.fields import fields_of
from schemas.records.borehole import Borehole
from schemas.records.calibration import Calibration
from schemas.records.field_reading import FieldReading
from schemas.records.instrument import Instrument
from schemas.records.point import Point
from schemas.records.sample import Sample
from schemas.records.site import Site
from schemas.reference import Label, analyte, codes
from schemas.rules.limits import Judgement, Limit, judge, number
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.readings import CALIBRATED, JUDGED, calibration_of, standard_of, verdict_on
from sync_server.console.charts import limit_place
from sync_server.console.parts import Sign
from sync_server.console.record.called import measured, moment
from sync_server.console.tables.table import grouped
from sync_server.console.words import pick, words

_GAS = frozenset({"pid", "fid"})
_SCREENING = JUDGED | _GAS
STATES = {
    "below": Sign("down", "done", "e_none"), "above_screening": Sign("up", "warn", "e_screening"),
    "above_intervention": Sign("up2", "alert", "e_intervention"), "cannot_say": Sign("q", "unsure", "e_unknown"),
}  # fmt: skip


class Verdict(NamedTuple):
    """What the card says. `head`: value and what it means; `bar`: the limit bar, where there is a limit; `marks`: what stands
    at its two lines; `notes`: the citation first; `calibrated`: sign and words, None where the instrument needs none."""

    head: str
    sign: Sign
    bar: Markup | None
    marks: tuple[str, str]
    notes: list[str]
    calibrated: tuple[Sign, str, str] | None  # sign, words, the calibration's record


def verdict(facts: Facts, reading: FieldReading, lang: str) -> Verdict | None:
    """None for what is no analyte: live time and counts stand in the same export."""
    found = analyte(reading.parameter)
    if found is None and reading.method not in _SCREENING:
        return None
    judged = judgement(facts, reading)
    w = words(lang)
    if judged is None:
        return None
    state = STATES[judged.state]
    shown = measured(lambda n: getattr(reading, n), fields_of(FieldReading), lang)
    notes = []
    limit = judged.limit
    if limit is not None:
        site = _site(facts, reading)
        use = codes("land_use").get(site.land_use or "") if site else None
        notes += [pick(use, lang)] if use else []
        notes.append(pick(limit.cite, lang))
    if reading.method in _SCREENING:
        notes.append(w("screening_only"))
    if limit is not None and limit.note is not None and judged.state == "above_screening":
        notes.append(pick(limit.note, lang))
    return Verdict(
        f"{shown}{w('comma')}{_meaning(reading, judged, lang)}", Sign(state.icon, state.colour, w(state.word)),
        bar(reading, limit, judged.state), _marks(limit, lang), notes, _calibrated(facts, reading, lang),
    )  # fmt: skip


def judgement(facts: Facts, reading: FieldReading) -> Judgement | None:
    """As the rules judge it; None where its medium has no standard."""
    site, found = _site(facts, reading), analyte(reading.parameter)
    if reading.method not in JUDGED:
        if reading.method not in _GAS:
            return None
        r = reading
        return judge(r.value, r.qualifier, r.lod, r.unit, r.parameter, "", method=r.method)
    standard = standard_of(facts, reading, site)
    if found is None or standard is None:
        return None
    if site is None or not standard:
        missing = (
            Label("缺评价标准（地块记录）", "the site names no standard")
            if site
            else Label("缺地块", "the site is not here")
        )
        return Judgement("cannot_say", missing, missing)
    return verdict_on(found, reading, site, standard)


def visit_of(facts: Facts, reading: FieldReading) -> Point | None:
    hole, sample = facts.find(Borehole, reading.borehole_id), facts.find(Sample, reading.sample_id)
    if sample is not None and not sample.point_id:
        hole = facts.find(Borehole, sample.borehole_id)
    return facts.find(
        Point, reading.point_id or (sample.point_id if sample else None) or (hole.point_id if hole else None)
    )


def _site(facts: Facts, reading: FieldReading) -> Site | None:
    visit = visit_of(facts, reading)
    return facts.get(Site, visit.site_id) if visit else None


def _meaning(reading: FieldReading, judged: Judgement, lang: str) -> str:
    """管制值 600 的 1.07 倍; equal to a limit is not above it."""
    w, limit, value = words(lang), judged.limit, reading.value
    if judged.state == "cannot_say" or limit is None:
        return w("cannot_because", why=pick(judged.detail, lang))
    top, word = limit.screening, pick(limit.word, lang)
    if judged.state == "above_intervention" and limit.intervention is not None and value is not None:
        return w(
            "times",
            word=w("intervention_value"),
            limit=grouped(number(limit.intervention)),
            n=ratio(value, limit.intervention),
        )
    if judged.state == "above_screening":
        if limit.low is not None:
            return w("outside", word=word, low=number(limit.low), limit=number(top))
        told = w("times", word=word, limit=grouped(number(top)), n=ratio(value or Decimal(0), top))
        return told + (
            w("not_above_iv", limit=grouped(number(limit.intervention))) if limit.intervention is not None else ""
        )
    if value is not None and value == top:
        return w("equal_to", word=word, limit=grouped(number(top)))
    return w("not_above", word=word, limit=grouped(number(top)))


def ratio(value: Decimal, limit: Decimal) -> str:
    """Two decimals, and as many more as it takes not to make "equal" of "above"."""
    if not limit:
        return "∞"
    for digits in range(2, 9):
        shown = (value / limit).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        if shown != 1 or value == limit:
            return number(shown)
    return number(value / limit)


def bar(reading: FieldReading, limit: Limit | None, state: str) -> Markup | None:
    """The limit bar as wide as its card; it is stretched, its lines are not. Words stand above and below it."""
    if limit is None or limit.low is not None:
        return None
    figure = reading.value if reading.value is not None else reading.lod
    parts = ['<rect x="0" y="6" width="1000" height="16" class="f-sunken s-strong ns"/>']
    if state == "cannot_say" or figure is None:
        parts += [f'<path d="M{x} 22L{x + 20} 6" class="s-strong ns"/>' for x in range(0, 1000, 24)]
    else:
        x = 1000 * max(0.0, limit_place(figure, limit.screening, limit.intervention))
        parts.append(f'<rect x="0" y="6" width="{x:.0f}" height="16" class="f-{STATES[state].colour}"/>')
    if limit.intervention is None or limit.intervention > limit.screening:
        parts.append('<path d="M500 0V28" class="s-ink ns"/>')
    if limit.intervention is not None:
        parts.append('<path d="M796 0V28M804 0V28" class="s-ink ns"/>')
    return Markup('<svg class="bigbar" viewBox="0 0 1000 28" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(
        Markup("".join(parts))
    )  # fmt: skip


def _marks(limit: Limit | None, lang: str) -> tuple[str, str]:
    if limit is None or limit.low is not None:
        return "", ""
    w = words(lang)
    first = f"{pick(limit.word, lang)} {grouped(number(limit.screening))}"
    if limit.word.zh == "筛选值":
        first = w("mark_screening", n=grouped(number(limit.screening)))
    second = w("mark_intervention", n=grouped(number(limit.intervention))) if limit.intervention is not None else ""
    return ("", f"{first} = {second}") if limit.intervention == limit.screening else (first, second)


def _calibrated(facts: Facts, reading: FieldReading, lang: str) -> tuple[Sign, str, str] | None:
    if reading.method not in CALIBRATED or not facts.held(Calibration):
        return None
    w, (covers, last) = words(lang), calibration_of(facts, reading)
    instrument = facts.find(Instrument, reading.instrument_id)
    name = instrument.code if instrument else reading.instrument_id[:8]
    if last is None:
        return Sign("warn", "alert", w("cal_none")), name, ""
    at = moment(last.at)
    told = f"{name} · {at.strftime('%m-%d %H:%M') if at else ''} {pick(codes('cal_result').get(last.result, Label(last.result, last.result)), lang)}"
    sign = Sign("ok", "done", w("cal_covers")) if covers else Sign("warn", "alert", w("cal_none"))
    return sign, told, last.id
