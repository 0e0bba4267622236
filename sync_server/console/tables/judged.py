"""Readings in a table: each against the limit that applies to it, as the record page and reconcile judge it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from markupsafe import Markup

from schemas.records.field_reading import FieldReading
from schemas.reference import Analyte, analyte
from schemas.rules.limits import Judgement, Limit, number
from schemas.rules.reconcile import Facts
from sync_server.console.charts import limit_bar
from sync_server.console.parts import Sign
from sync_server.console.record.judged import STATES, judgement, visit_of
from sync_server.console.tables.table import grouped
from sync_server.console.words import pick, words

MOST = 20_000  # readings that are put in order by how far they exceed
_RANK = {"above_intervention": 3, "above_screening": 2, "cannot_say": 1, "below": 0}
_HATCH = "".join(f"M{x} 13l8 -8" for x in range(0, 153, 8))


class Judged(NamedTuple):
    """What a row of readings says beside its fields. `bar` is empty where there is nothing to compare with."""

    point: str
    value: str  # with < or > as the instrument said it
    what: str  # the analyte's name, or the parameter as it came
    bar: Markup
    sign: Sign | None
    limits: str  # 150 / 600
    why: str  # of what cannot be judged


def judged(facts: Facts, id: str, lang: str) -> Judged | None:
    reading = facts.find(FieldReading, id)
    if reading is None:
        return None
    visit, found = visit_of(facts, reading), _known(reading)
    said = judgement(facts, reading) if found else None
    sign, w = None, words(lang)
    if said is not None:
        state = STATES[said.state]
        sign = Sign(state.icon, state.colour, w(state.word))
    limit = said.limit if said else None
    limits = _limits(limit) if limit else w("no_limit") if said else ""
    why = pick(said.detail, lang) if said is not None and said.state == "cannot_say" else ""
    bar = _bar(reading, said, lang) if said is not None else Markup("")
    return Judged(visit.code if visit else "", _value(reading), _name(reading, found, lang), bar, sign, limits, why)


def _known(reading: FieldReading) -> Analyte | None:
    """None also for a record with gaps, as only a newer version or a hand in the database makes them."""
    whole = isinstance(reading.parameter, str) and all(
        x is None or isinstance(x, Decimal) for x in (reading.value, reading.lod)
    )
    return analyte(reading.parameter) if whole else None


def _value(reading: FieldReading) -> str:
    if reading.qualifier in ("lt", "nd") and reading.lod is not None:
        return f"<{grouped(number(reading.lod))}"
    if reading.value is None:
        return ""
    return (">" if reading.qualifier == "gt" else "") + grouped(number(reading.value))


def _name(reading: FieldReading, found: Analyte | None, lang: str) -> str:
    return str(reading.parameter or "") if found is None else found.zh if lang == "zh" else found.symbol or found.en


def _limits(limit: Limit) -> str:
    low = f"{grouped(number(limit.low))}–" if limit.low is not None else ""
    top = low + grouped(number(limit.screening))
    return top if limit.intervention is None else f"{top} / {grouped(number(limit.intervention))}"


def _bar(reading: FieldReading, said: Judgement, lang: str) -> Markup:
    """Screening and intervention value stand at the same two places in every row."""
    limit, w = said.limit, words(lang)
    label = f"{_value(reading)} · {w(STATES[said.state].word)}"
    figure = reading.value if reading.value is not None else reading.lod
    if said.state != "cannot_say" and limit is not None and limit.low is None and figure is not None:
        return limit_bar(figure, limit.screening, limit.intervention, f"{label} {_limits(limit)}")
    lines = ""
    if limit is not None and (limit.intervention is None or limit.intervention > limit.screening):
        lines += '<path d="M80 1V17" class="s-ink" stroke-width="2"/>'
    if limit is not None and limit.intervention is not None:
        lines += '<path d="M126.5 1V17M130 1V17" class="s-ink" stroke-width="1.5"/>'
    return Markup(
        '<svg class="limit" viewBox="0 0 160 18" width="160" height="18" role="img"><title>{}</title>'
        '<rect x="0" y="5" width="160" height="8" rx="4" class="f-sunken s-strong" stroke-width=".8"/>'
        '<path d="{}" class="nf s-strong" stroke-width="1"/>{}</svg>'
    ).format(label, _HATCH, Markup(lines))


def rank(facts: Facts, reading: FieldReading) -> tuple[Any, ...]:
    """The state first, then how many times the limit that decides it; what no figure could apply to is last."""
    said = judgement(facts, reading) if _known(reading) and not reading.deleted else None
    if said is None:
        return (-1, 0.0)
    limit, figure = said.limit, reading.value if reading.value is not None else reading.lod
    of = limit and (limit.intervention if said.state == "above_intervention" else limit.screening)
    times = float((figure or Decimal(0)) / of) if of else 0.0
    return (_RANK[said.state], times)
