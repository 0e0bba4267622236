"""The balance as a drawing: what left and what came of it, a pair of bars a line; what is not known is hatched, never left out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from schemas.rules.manifest.balance import Balance, Line, Range, beyond
from schemas.rules.reconcile import Facts
from sync_server.console.words import words

BY = ("lot", "vehicle", "day", "receiver", "plan")
SHOWN = 12  # lines at once; the rest stands behind a link
WIDE = 420.0  # of the drawing's own units
HATCH = '<pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="f-surface"/><path d="M0 0V6" class="s-planned" stroke-width="4"/></pattern>'  # fmt: skip
HATCH_DEFS = Markup(f'<svg class="sprite" width="0" height="0" aria-hidden="true"><defs>{HATCH}</defs></svg>')  # noqa: S704


class Bar(NamedTuple):
    """One line of the balance as it is read. `lost`: how much less came than left, where both are known and it is too much."""

    key: str
    name: str
    under: list[str]  # plan, survey, number of loads
    out: str
    came: str
    alert: bool
    unknown: list[str]
    drawing: Markup


class Chart(NamedTuple):
    by: str
    bars: list[Bar]
    more: int
    any_unknown: bool
    any_alert: bool
    unheard: list[str]  # devices that still hold changes


def lines_of(found: Balance, by: str) -> list[Line]:
    every: dict[str, list[Line]] = {
        "lot": found.by_lot, "vehicle": found.by_vehicle, "day": found.by_day, "receiver": found.by_receiver, "plan": found.by_plan,
    }  # fmt: skip
    return every.get(by, found.by_lot)


def chart(facts: Facts, found: Balance, by: str, every: bool, lang: str) -> Chart:
    """`every`: all lines, not only the first. Newest day first; else as the balance has them."""
    lines = lines_of(found, by)
    if by == "day":
        lines = lines[::-1]
    shown = lines if every else lines[:SHOWN]
    top = max((_end(r) for x in shown for r in (x.out, x.came)), default=Decimal(0))
    bars = [_bar(facts, x, top, lang) for x in shown]
    return Chart(
        by if by in BY else BY[0], bars, len(lines) - len(shown), any(not x.came.exact or not x.out.exact for x in shown),
        any(b.alert for b in bars), list(found.unheard),
    )  # fmt: skip


def mass(t: Decimal, step: str = "0.001") -> str:
    """To the kilogram, without trailing noughts: 612, 608.4."""
    text = f"{t.quantize(Decimal(step)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def span(r: Range, lang: str, step: str = "0.001") -> str:
    """612 · 72.43–108.79 · at least 72.43."""
    low = mass(r.low, step)
    if r.exact:
        return low
    return words(lang)("mf_at_least", t=low) if r.high is None else f"{low}–{mass(r.high, step)}"


def judged_short(facts: Facts, line: Line) -> Decimal:
    """Out less in of a whole line, where both are known and differ by more than the project allows; 0 else."""
    if not (line.gone.exact and line.came.exact):
        return Decimal(0)
    return beyond(facts, line.gone.low, line.came.low)


def _bar(facts: Facts, line: Line, top: Decimal, lang: str) -> Bar:
    w, short = words(lang), judged_short(facts, line)
    came = w("mf_came", t=mass(line.came.low))
    if line.came.high is None:
        came += w("mf_plus_unknown")
    elif not line.came.exact:
        came += w("mf_plus_upto", t=mass(line.came.high - line.came.low))
    elif line.gone.exact and line.gone.low and line.gone.low != line.came.low:
        d = line.gone.low - line.came.low
        came += w("mf_less" if d > 0 else "mf_more", t=mass(abs(d)), p=f"{abs(d) / line.gone.low * 100:.1f}")
    if line.back.low:
        came += w("mf_back", t=span(line.back, lang))
    unknown = line.unknown if lang == "zh" else line.unknown_en
    return Bar(
        line.key, line.name or w("mf_no_name"), _under(line, lang), w("mf_out", t=span(line.out, lang)), came, bool(short), list(unknown),
        _drawing(line, top, bool(short)),
    )  # fmt: skip


def _under(line: Line, lang: str) -> list[str]:
    w = words(lang)
    bits = [w("mf_planned", t=mass(line.planned_t))] if line.planned_t is not None else []
    if line.survey_m3 is not None:
        bits.append(w("mf_survey", v=mass(line.survey_m3)))
    if line.volume is not None:
        bits.append(w("mf_volume", v=span(line.volume, lang, "0.1")))
    bits += [w("mf_treated", t=mass(line.treated_t))] if line.treated_t is not None else []
    bits += [w("mf_stock", t=mass(line.stock_t))] if line.stock_t is not None else []
    bits.append(w("mf_loads_n", n=line.loads))
    if line.fit in ("over", "under", "cannot"):
        bits.append(w(f"mf_fit_{line.fit}"))
    return bits


def _end(r: Range) -> Decimal:
    return r.low if r.high is None else r.high


def _drawing(line: Line, top: Decimal, short: bool) -> Markup:
    """Two bars of up to WIDE units. What may or may not have come is hatched; without an upper bound the hatching runs on to the end."""

    def x(t: Decimal) -> float:
        return float(t / top) * WIDE if top else 0.0

    parts = list[str]()
    for y, r, paint in ((0, line.out, "f-ink2"), (20, line.came, "f-done")):
        low, high = x(r.low), WIDE if r.high is None else x(r.high)
        if low > 0:
            parts.append(f'<rect x="0" y="{y}" width="{max(low, 2):.1f}" height="15" rx="3" class="{paint}"/>')
        if high - low > 0.5:
            parts.append(
                f'<rect x="{low:.1f}" y="{y + 0.5}" width="{high - low:.1f}" height="14" fill="url(#unknown)" class="s-planned" stroke-width="1"/>'
            )
    if short and line.gone.low > line.came.low:
        at, end = x(line.came.low), x(line.gone.low)
        parts.append(f'<rect x="{at:.1f}" y="20" width="{max(end - at, 6):.1f}" height="15" class="f-alert"/>')
    body = Markup("".join(parts))  # noqa: S704
    return Markup('<svg class="bal" width="{0}" height="36" viewBox="0 0 {0} 36" aria-hidden="true">{1}</svg>').format(
        int(WIDE), body
    )


def heading(found: Balance, in_force: Sequence[str], lang: str) -> str:
    """Plan ZY-02 filed with both · 44 loads, 795.5 t. `in_force`: numbers of the plans that loads go by."""
    w = words(lang)
    bits = [w("mf_in_force", x="、".join(in_force))] if in_force else []
    if found.total.loads:
        bits.append(w("mf_total", n=found.total.loads, t=span(found.total.out, lang)))
    return " · ".join(bits)


def names(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """(key, name), for a filter."""
    return [(x.key, x.name) for x in lines]
