"""Own drawings as inline SVG: sized by attributes and painted by classes, so the page needs no style of its own.

The point symbols are drawn again in map.js for the canvas; both follow the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from markupsafe import Markup

SCREENING_AT, INTERVENTION_AT, TOP_AT = 0.5, 0.8, 0.99  # the same places for every analyte, so that one eye reads all

_TICK = '<path d="M-4 0l3 3.5 5-6.5" class="nf s-surface" stroke-width="2"/>'
_DISC = '<circle r="8.5" class="f-{0} s-surface" stroke-width="1.5"/>'
_RING = '<circle r="7" class="f-surface s-planned" stroke-width="2"/>'
_TRIANGLE = '<path d="M0 -10L10 8H-10Z" class="f-{0} s-surface" stroke-width="1.5"/>'
_CHEVRON = '<path d="M-4 {0}l4-4.5 4 4.5" class="nf s-surface" stroke-width="1.8"/>'

SYMBOLS: dict[str, str] = {
    "planned": _RING,
    "done": _DISC.format("done") + _TICK,
    "partial": _RING.replace("s-planned", "s-active") + '<path d="M0 -7a7 7 0 0 1 0 14z" class="f-active"/>',
    "refused": _RING + '<path d="M-5 -5l10 10" class="s-planned" stroke-width="2"/>',
    "cancelled": _RING + '<path d="M-4 0h8" class="s-planned" stroke-width="2"/>',
    "extra": _DISC.format("warn") + '<path d="M-4 0h8M0 -4v8" class="s-surface" stroke-width="2"/>',
    "returned": '<rect x="-8" y="-8" width="16" height="16" rx="3" class="f-surface s-alert" stroke-width="2"/>'
    '<path d="M0 -4l-4 4 4 4M-4 0h8" class="nf s-alert" stroke-width="1.8"/>',
    "screening": _TRIANGLE.format("warn") + _CHEVRON.format(4),
    "intervention": _TRIANGLE.format("alert") + _CHEVRON.format(1) + _CHEVRON.format(5.5),
    "moved": '<path d="M-8 6L5 -3" class="s-warn" stroke-width="2.5"/>'
    '<circle cx="-8" cy="6" r="3" class="f-surface s-planned" stroke-width="1.6"/>'
    '<circle cx="5" cy="-3" r="5.5" class="f-done s-surface" stroke-width="1.5"/>',
}


def symbol(name: str, size: int = 20) -> Markup:
    """A point as the map shows it. The word stands beside it."""
    body = SYMBOLS[name]
    return Markup(
        f'<svg class="sym" width="{size}" height="{size}" viewBox="-12 -12 24 24" aria-hidden="true">{body}</svg>'
    )


def limit_place(value: Decimal, screening: Decimal, intervention: Decimal | None) -> float:
    """Where a value stands on the bar, 0 to 0.99."""
    v, s, i = float(value), float(screening), float(intervention) if intervention is not None else None
    if s <= 0:
        return TOP_AT
    if i is None:
        return SCREENING_AT * v / s if v <= s else min(TOP_AT, SCREENING_AT + (TOP_AT - SCREENING_AT) * (v - s) / s)
    if i <= s:  # equal limits merge into one place
        low, start = s, INTERVENTION_AT
    elif v <= s:
        return max(0.0, SCREENING_AT * v / s)
    else:
        low, start = i, INTERVENTION_AT
        if v <= i:
            return SCREENING_AT + (INTERVENTION_AT - SCREENING_AT) * (v - s) / (i - s)
    return start * v / low if v <= low else min(TOP_AT, start + (TOP_AT - start) * (v - low) / low)


def limit_bar(value: Decimal, screening: Decimal, intervention: Decimal | None, label: str) -> Markup:
    """One line = screening value, double line = intervention value."""
    x = limit_place(value, screening, intervention)
    above = "alert" if intervention is not None and value > intervention else "warn" if value > screening else "done"
    parts = [
        '<rect x="0" y="5" width="160" height="8" rx="4" class="f-sunken s-strong" stroke-width=".8"/>',
        f'<rect x="0" y="5" width="{160 * x:.1f}" height="8" rx="4" class="f-{above}"/>',
    ]
    if intervention is None or intervention > screening:
        parts.append('<path d="M80 1V17" class="s-ink" stroke-width="2"/>')
    if intervention is not None:
        parts.append('<path d="M126.5 1V17M130 1V17" class="s-ink" stroke-width="1.5"/>')
    return Markup(
        '<svg class="limit" viewBox="0 0 160 18" width="160" height="18" role="img"><title>{}</title>{}</svg>'
    ).format(label, Markup("".join(parts)))


def progress(parts: Sequence[tuple[str, int]], total: int, label: str) -> Markup:
    """Shares of a whole, side by side: (class, count). What is left stays hollow."""
    x, bars = 0.0, ['<rect x=".5" y=".5" width="159" height="11" rx="3" class="f-sunken s-strong" stroke-width="1"/>']
    for name, count in parts:
        width = 160 * count / total if total else 0.0
        if width > 0:
            bars.append(
                f'<rect x="{x:.1f}" y="0" width="{max(width - 1, 1):.1f}" height="12" rx="3" class="f-{name}"/>'
            )
        x += width
    return Markup(
        '<svg class="prog" viewBox="0 0 160 12" width="160" height="12" role="img"><title>{}</title>{}</svg>'
    ).format(label, Markup("".join(bars)))
