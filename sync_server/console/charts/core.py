"""The core 土柱 of a point: depth down, the surface line on top, each thing at its own depth. The same drawing as on the tablet.

c = core_of(facts, place_or_id)      # None where nothing of a depth is known
core(c, lang)                        # Markup; narrow=True: the strip alone, without the readings
core_text(c, lang)                   # the same facts as sentences; the drawing carries them as its label, too
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from schemas.reference import Analyte, Label, analyte, codes
from schemas.rules.limits import Limit
from schemas.rules.reconcile import Facts, Place
from schemas.rules.reconcile.profile import Measured, measured, worst_analyte
from sync_server.console.charts import limit_place
from sync_server.console.charts.paint import COLOURS, apart, ground, metres, shape, text, ticks
from sync_server.console.words import pick, words

MOST = 60  # layers, brackets and readings drawn, of each; the text says how many there are
WIDE, NARROW, HEIGHT, TOP = 320, 100, 380, 18
_BAR, _END, _FIGURES = 100.0, 262.0, 316.0  # where the bars begin, where the scale ends, where the figures end


class Layer(NamedTuple):
    top: Decimal
    bottom: Decimal
    texture: str | None


class Taken(NamedTuple):
    """A sample's interval."""

    top: Decimal
    bottom: Decimal
    code: str


class Read(NamedTuple):
    """A reading of the analyte shown. `at`: its place on the limit scale, 0 to 0.99; None where there is no scale."""

    depth: Decimal
    span: str  # of its interval, or its depth
    figure: str  # as the instrument gave it, "<" before a detection limit
    state: str
    at: float | None
    id: str


class Core(NamedTuple):
    """What one point's core shows. All depths in m below ground."""

    code: str
    bottom: Decimal  # of the drawing
    drilled: Decimal | None
    layers: tuple[Layer, ...]
    taken: tuple[Taken, ...]
    read: tuple[Read, ...]
    water: Decimal | None
    analyte: Analyte | None
    limit: Limit | None
    unit: str
    holes: int


def core_of(facts: Facts, place_or_id: Place | str | None, of: str = "") -> Core | None:
    """The core of a place, or of the planned point, the visit or (by way of its parents) what belongs to the point.

    `of`: the key of the analyte whose readings are shown; without it the one that is furthest above a limit. None where
    there is no such point or nothing of it has a depth."""
    place = place_or_id if isinstance(place_or_id, Place) else facts.place(place_or_id)
    if place is None:
        return None
    holes = facts.boreholes_at(place)
    hole = max(holes, key=lambda h: (len(facts.layers_of(h.id)), h.depth_m or 0), default=None)
    of_hole = sorted(facts.layers_of(hole.id), key=lambda x: (x.top_m, x.bottom_m)) if hole else []
    layers = [Layer(x.top_m, x.bottom_m, x.texture) for x in of_hole[:MOST]]
    samples = [s for s in facts.samples_at(place) if s.depth_top_m is not None and s.kind == "ordinary"]
    taken = sorted(
        Taken(s.depth_top_m, s.depth_bottom_m or s.depth_top_m, s.code) for s in samples if s.depth_top_m is not None
    )
    shown = analyte(of) if of else worst_analyte(facts, [place])
    found = sorted(measured(facts, shown.key, [place]), key=lambda m: m.depth) if shown else []
    drilled = max((h.depth_m for h in holes if h.depth_m is not None), default=None)
    asked = place.planned.target_depth_m if place.planned else None
    water = hole.first_water_m if hole else None
    depths = [*(d for d in (drilled, asked, water) if d is not None), *(x.bottom for x in layers), *(t.bottom for t in taken),
              *(m.bottom or m.depth for m in found)]  # fmt: skip
    bottom = max(depths, default=Decimal(0))
    if bottom <= 0:
        return None
    if drilled is None:
        drilled = max((x.bottom for x in layers), default=None)
    limit = next((m.limit for m in found if m.limit is not None), None)
    return Core(
        place.code, bottom, drilled, tuple(layers), tuple(taken[:MOST]), tuple(_read(m) for m in _most(found)), water, shown,
        limit, found[0].reading.unit if found else "", len(holes),
    )  # fmt: skip


def core_of_record(facts: Facts, type: str, id: str) -> Core | None:
    """The core of the point a record belongs to; readings of the analyte it is about, where it is a reading."""
    record = facts.records.get(type, {}).get(id)
    named = analyte(getattr(record, "parameter", "")) if type == "field_reading" else None
    return core_of(facts, facts.place_of(type, id), named.key if named else "")


def _most(found: Sequence[Measured]) -> list[Measured]:
    """All of them, or the worst in the order of depth."""
    if len(found) <= MOST:
        return list(found)
    return sorted(sorted(found, key=lambda m: m.rank, reverse=True)[:MOST], key=lambda m: m.depth)


def _read(m: Measured) -> Read:
    at = None
    if m.limit is not None and m.figure is not None:
        at = max(0.0, limit_place(m.figure, m.limit.screening, m.limit.intervention))
    return Read(m.middle, span_of(m), figure_of(m), m.state, at, m.reading.id)


def figure_of(m: Measured) -> str:
    """As the instrument gave it: every digit, "<" before what was not detected."""
    sign = {"lt": "<", "nd": "<", "gt": ">"}.get(m.reading.qualifier, "")
    figure = m.reading.lod if sign == "<" and m.reading.lod is not None else m.figure
    return f"{sign}{figure:f}" if figure is not None else m.reading.raw_text or "?"


def span_of(m: Measured) -> str:
    """Its interval in m, or its depth."""
    interval = m.bottom is not None and m.bottom > m.depth
    return f"{metres(m.depth)}–{metres(m.bottom)}" if interval and m.bottom is not None else metres(m.depth)


def name_of(found: Analyte, lang: str) -> str:
    return found.zh if lang == "zh" else found.symbol or found.en


def unit_of(code: str, lang: str) -> str:
    return pick(codes("unit").get(code, Label(code, code)), lang)


def core_text(c: Core, lang: str) -> list[str]:
    """The same facts as the drawing, a sentence each."""
    w = words(lang)
    out = [w("core_of", code=c.code, z=metres(c.bottom))]
    out.append(w("core_drilled", z=metres(c.drilled)) if c.drilled is not None else w("core_not_drilled"))
    for layer in c.layers:
        soil = codes("soil_texture").get(
            layer.texture or "", Label(layer.texture or w("core_no_soil"), layer.texture or w("core_no_soil"))
        )
        out.append(w("core_layer", a=metres(layer.top), b=metres(layer.bottom), soil=pick(soil, lang)))
    out += [w("core_sample", a=metres(t.top), b=metres(t.bottom), code=t.code) for t in c.taken]
    if c.water is not None:
        out.append(w("core_water", z=metres(c.water)))
    if c.analyte is not None:
        name, unit = name_of(c.analyte, lang), unit_of(c.unit, lang)
        for r in c.read:
            out.append(w("core_read", z=r.span, name=name, value=r.figure, unit=unit, state=w(f"read_{r.state}")))
    if c.holes > 1:
        out.append(w("core_holes", n=c.holes))
    return out


def core(c: Core, lang: str, narrow: bool = False) -> Markup:
    """The drawing. `narrow`: the strip with its brackets alone, 100 px wide."""
    w = words(lang)
    width = NARROW if narrow else WIDE
    scale = (HEIGHT - TOP - 10) / float(c.bottom)

    def y(depth: Decimal) -> float:
        return TOP + float(depth) * scale

    x0, wide = 34, 34 if narrow else 46
    right = x0 + wide
    parts = [text(2, 11, "m", "tx11 f-ink2")]
    for z in ticks(c.bottom):
        parts.append(f'<path d="M{x0 - 5} {y(z):.1f}h5" class="s-strong" stroke-width="1.5"/>')
        parts.append(text(x0 - 8, y(z) + 4, f"{z.normalize():f}", "tx12 te f-ink2"))
    end = c.drilled if c.drilled is not None else Decimal(0)
    for layer in c.layers:
        parts.append(ground(layer.texture, x0, y(layer.top), wide, y(layer.bottom) - y(layer.top)))
        parts.append(f'<path d="M{x0} {y(layer.top):.1f}h{wide}" class="s-soil" stroke-width="1.5"/>')
    if end > 0:
        parts.append(
            f'<rect x="{x0}" y="{TOP}" width="{wide}" height="{y(end) - TOP:.1f}" class="nf s-ink" stroke-width="1.5"/>'
        )
    if end < c.bottom:
        parts.append(
            f'<path d="M{x0} {y(end):.1f}V{y(c.bottom):.1f}H{right}V{y(end):.1f}" class="nf s-planned dash" stroke-width="1.5"/>'
        )
    for t in c.taken:
        low = max(y(t.bottom) - 2, y(t.top) + 4)
        parts.append(f'<path d="M{right + 6} {y(t.top) + 2:.1f}h6V{low:.1f}h-6" class="nf s-ink" stroke-width="2.5"/>')
    if c.water is not None:
        parts.append(f'<path d="M{x0} {y(c.water):.1f}h{wide}" class="s-active" stroke-width="2.5"/>')
        parts.append(f'<path d="M{right - 5} {y(c.water) - 9:.1f}l-5 8 -5 -8z" class="f-active"/>')
    if not narrow and c.read:
        parts += _bars(c, lang, y)
    parts.append(f'<path d="M{x0 - 4} {TOP}H{width - 2}" class="s-ink" stroke-width="2.5"/>')
    return Markup(
        '<svg class="core" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(width, HEIGHT, width, HEIGHT, w("core_stop").join(core_text(c, lang)), Markup("".join(parts)))


def _bars(c: Core, lang: str, y: object) -> list[str]:
    assert callable(y)
    w, span = words(lang), _END - _BAR
    parts: list[str] = []
    if c.limit is not None:
        top, iv = c.limit.screening, c.limit.intervention
        if iv is None or iv > top:
            x = _BAR + span * 0.5
            parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - 10}" class="s-ink" stroke-width="1.5"/>')
            parts.append(text(x, 11, w("mark_s"), "tx11 tm f-ink2"))
        if iv is not None:
            x = _BAR + span * 0.8
            parts.append(
                f'<path d="M{x - 1.5:.1f} {TOP}V{HEIGHT - 10}M{x + 1.5:.1f} {TOP}V{HEIGHT - 10}" class="s-ink"/>'
            )
            parts.append(text(x, 11, w("mark_i"), "tx11 tm f-ink2"))
    if c.analyte is not None:
        parts.append(
            text(
                _FIGURES,
                11,
                f"{c.analyte.symbol or name_of(c.analyte, lang)[:6]} {unit_of(c.unit, lang)}",
                "tx11 te f-ink2",
            )
        )
    said = apart(((y(r.depth), r.state.startswith("above")) for r in c.read), 12)
    for index, r in enumerate(c.read):
        at, colour = y(r.depth), COLOURS[r.state]
        x = _BAR + span * (r.at if r.at is not None else 0.02)
        if r.at is not None and r.state != "cannot_say":
            parts.append(f'<path d="M{_BAR:g} {at:.1f}H{x:.1f}" class="s-{colour}" stroke-width="4"/>')
        parts.append(shape(r.state, x, at))
        if index in said:
            kind = f"f-{colour}" if r.state.startswith("above") else "f-ink"
            parts.append(text(_FIGURES, at + 4, r.figure, f"tx12 te bold {kind}"))
    return parts


__all__ = ["Core", "core", "core_of", "core_of_record", "core_text"]
