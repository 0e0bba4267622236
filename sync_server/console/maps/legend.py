"""What the signs of the map mean: the same shapes that map.js draws, as SVG painted by classes."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from sync_server.console.charts import SYMBOLS
from sync_server.console.words import words

_BOX = '<rect x="-8" y="-8" width="16" height="16" rx="3" class="f-surface s-{0}" stroke-width="2"{1}/>'
_DIAMOND = '<path d="M0 -10L10 0L0 10L-10 0Z" class="{0}" stroke-width="2"/>'
_ARROW_OUT = '<path d="M-4 4L4 -4M-1.5 -4H4V1.5" class="nf s-{0}" stroke-width="2"/>'
_ARROW_IN = '<path d="M0 -5V3M-3.5 0L0 3.5L3.5 0M-4.5 6H4.5" class="nf s-{0}" stroke-width="1.8"/>'
_CLOCK = '<path d="M0 -4.5V0.5L3.5 2.5" class="nf s-{0}" stroke-width="2"/>'
_BANG = '<path d="M0 -5V1.5M0 4V5" class="nf s-surface" stroke-width="2.2"/>'
_TICK = '<path d="M-4 0l3 3.5 5-6.5" class="nf s-surface" stroke-width="2"/>'
_LINES = '<path d="M-4 -3.5H4M-4 0H4M-4 3.5H1" class="nf s-active" stroke-width="1.8"/>'

SIGNS: dict[str, str] = {
    "out": _BOX.format("planned", "") + _ARROW_OUT.format("planned"),
    "in": _BOX.format("done", "") + _ARROW_IN.format("done"),
    "due": _BOX.format("active", ' stroke-dasharray="3 2"') + _CLOCK.format("active"),
    "late": _BOX.format("alert", ' stroke-dasharray="3 2"') + _CLOCK.format("alert"),
    "open": _DIAMOND.format("f-warn s-surface") + _BANG,
    "grave": _DIAMOND.format("f-alert s-surface") + _BANG,
    "closed": _DIAMOND.format("f-done s-surface") + _TICK,
    "check": _BOX.format("active", "") + _LINES,
    "boundary": '<path d="M-12 0H12" class="s-ink" stroke-width="2" stroke-dasharray="8 3 2 3"/>',
    "zone": '<rect x="-10" y="-7" width="20" height="14" class="f-sunken s-strong" stroke-width="1"/>',
    "heap": '<circle r="9.5" class="f-surface s-planned" stroke-width="3"/><path d="M-4 0H4M0 -4V4" class="s-ink" stroke-width="1.6"/>',
    "late_way": '<path d="M-11 0H11" class="s-alert" stroke-width="2.5" stroke-dasharray="5 3"/>',
}  # fmt: skip
POINTS = (
    ("planned", "s_missing"), ("partial", "s_partial"), ("done", "s_done"), ("moved", "s_shifted"), ("returned", "s_returned"), ("refused", "s_refused"),
    ("cancelled", "s_cancelled"), ("extra", "s_extra"), ("screening", "e_screening"), ("intervention", "e_intervention"),
)  # fmt: skip
LOADS = (
    ("out", "map_l_out"),
    ("in", "map_l_in"),
    ("due", "map_l_due"),
    ("late", "map_l_late"),
    ("late_way", "map_l_road"),
)
PROBLEMS = (("check", "map_inspection"), ("open", "map_l_open"), ("grave", "map_l_grave"), ("closed", "map_l_closed"))


class Entry(NamedTuple):
    drawing: Markup
    word: str


def sign(name: str, size: int = 20) -> Markup:
    """One sign. The word stands beside it."""
    body = SIGNS.get(name) or SYMBOLS[name]
    return Markup(
        f'<svg class="sym" width="{size}" height="{size}" viewBox="-12 -12 24 24" aria-hidden="true">{body}</svg>'
    )


def legend(lang: str, zones: bool, loads: bool, problems: bool) -> list[Entry]:
    """Only what can stand on this map."""
    w = words(lang)
    wanted = [*POINTS, ("heap", "map_heap"), ("boundary", "boundary")]
    wanted += [("zone", "map_zone")] if zones else []
    wanted += LOADS if loads else ()
    wanted += PROBLEMS if problems else ()
    return [Entry(sign(name), w(word)) for name, word in wanted]
