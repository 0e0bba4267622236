"""Fieldwork checks F10, F11 and F12: is the ground of a hole described from top to bottom, and sampled layer by layer?

Only holes with a record are judged: a point without one is told about by F08. The tolerance of F10 and the way F12 cuts
its range are decisions of this project (mark D); the figures they stand on are of the named sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from schemas.records.borehole import Borehole
from schemas.records.sample import Sample
from schemas.records.soil_layer import SoilLayer
from schemas.reference import Label
from schemas.rules.reconcile.checks import ERROR, SAMPLER, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import Place

_GUIDE = "建设用地土壤污染状况初步调查监督检查工作指南（试行）（公告2022年第17号）表3-1"

SLACK_M = Decimal("0.05")  # D: how far two depths that should meet may lie apart
THICK_M = Decimal("0.5")  # C: a layer of this thickness asks for a sample of its own
APART_M = Decimal("2.0")  # C: between the middles of two samples …
FROM_M, TO_M = Decimal("0.5"), Decimal("6")  # C: … within this range of depth
_NO_SOIL = frozenset({"concrete", "rock"})  # nothing to sample there


def _layers(facts: Facts, hole: Borehole) -> list[SoilLayer]:
    return sorted(facts.layers_of(hole.id), key=lambda s: (s.top_m, s.bottom_m, s.layer_no))


def _soil_samples(facts: Facts, place: Place) -> list[Sample]:
    """Ordinary soil samples with both depths."""
    return [
        s
        for s in facts.samples_at(place)
        if s.kind == "ordinary" and s.medium == "soil" and s.depth_top_m is not None and s.depth_bottom_m is not None
    ]


def _middle(sample: Sample) -> Decimal:
    return ((sample.depth_top_m or Decimal(0)) + (sample.depth_bottom_m or Decimal(0))) / 2


@check(
    "F10", "土层不连续", "Layers not continuous", ERROR, "HJ 1019-2019 附录B.1；允差为本系统设定", "C", SAMPLER,
    texts={
        "": ("{hole} {a}–{b} m 没有土层描述", "{hole} has no layer at {a}–{b} m"),
        "twice": ("{hole} {a}–{b} m 有两层描述", "{hole} has two layers at {a}–{b} m"),
        "below": ("{hole} 土层到 {b} m，孔深 {a} m", "{hole}: layers down to {b} m, drilled depth {a} m"),
    },
)  # fmt: skip
def layers_apart(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        for hole in facts.boreholes_at(place):
            if not facts.alive(SoilLayer):  # described elsewhere, or not yet
                yield say.cannot("土层记录", "the soil layers")
                return
            layers = _layers(facts, hole)
            end = Decimal(0)
            for layer in layers:
                if layer.top_m - end > SLACK_M:
                    yield say(layer, place.code, hole=hole.code, a=end, b=layer.top_m)
                elif end - layer.top_m > SLACK_M:
                    yield say(layer, place.code, "twice", hole=hole.code, a=layer.top_m, b=min(end, layer.bottom_m))
                end = max(end, layer.bottom_m)
            if hole.depth_m is None:
                yield say.cannot("钻探深度", "the drilled depth", hole, place.code)
            elif hole.depth_m - end > SLACK_M:
                yield say(hole, place.code, hole=hole.code, a=end, b=hole.depth_m)
            elif end - hole.depth_m > SLACK_M:
                yield say(hole, place.code, "below", hole=hole.code, a=hole.depth_m, b=end)


@check(
    "F11", "土层无样品", "Layer without sample", WARNING, _GUIDE, "C", SAMPLER,
    texts={
        "": ("{hole} 第 {n} 层没有样品", "Layer {n} of {hole} has no sample"),
        "more": ("{hole} 第 {n} 层没有样品（共 {count} 层）", "{hole}: layers without a sample: {n} ({count} in all)"),
    },
)  # fmt: skip
def layer_unsampled(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    """Of the deepest hole of a place: the others are tries that were given up."""
    for place in view.places:
        if not place.visited or any((v.gaps_accepted or "").strip() for v in place.visits):
            continue
        holes = [h for h in facts.boreholes_at(place) if facts.layers_of(h.id)]
        hole = max(holes, key=lambda h: (h.depth_m or Decimal(0), h.id), default=None)
        if hole is None:
            continue
        layers = _layers(facts, hole)
        sampled = {id for s in _soil_samples(facts, place) if (id := _layer_of(s, hole, layers))}
        bare = [s for s in layers if s.id not in sampled and _asks(s)]
        if bare:
            many = len(bare) > 1
            yield say(
                bare[0], place.code, "more" if many else "", hole=hole.code,
                n=[s.layer_no for s in bare] if many else bare[0].layer_no, count=len(bare),
            )  # fmt: skip


def _asks(layer: SoilLayer) -> bool:
    """Thick enough, of soil, and nobody wrote why there is none."""
    thick = layer.bottom_m - layer.top_m >= THICK_M
    return thick and layer.texture not in _NO_SOIL and not (layer.note or "").strip()


def _layer_of(sample: Sample, hole: Borehole, layers: Sequence[SoilLayer]) -> str | None:
    """The layer a sample names, else the one its middle lies in."""
    if sample.layer_id:
        return sample.layer_id
    if sample.borehole_id not in (None, hole.id):
        return None
    middle = _middle(sample)
    return next((s.id for s in layers if s.top_m <= middle <= s.bottom_m), None)


@check(
    "F12", "垂向间距过大", "Vertical gap too large", WARNING, f"{_GUIDE}；范围的算法为本系统设定", "C", SAMPLER,
    texts={"": ("{point} {a}–{b} m 间距 {d} m", "{point}: {d} m between samples at {a}–{b} m")},
)  # fmt: skip
def too_far_apart(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    """Between the middles of neighbouring samples; of a stretch that reaches beyond the range only the part within counts."""
    for place in view.places:
        if not place.visited or not facts.boreholes_at(place):
            continue
        samples = sorted(_soil_samples(facts, place), key=lambda s: (_middle(s), s.id))
        for above, below in zip(samples, samples[1:], strict=False):
            a, b = _middle(above), _middle(below)
            if min(b, TO_M) - max(a, FROM_M) > APART_M:
                yield say(below, place.code, a=_depth(a), b=_depth(b), d=b - a)


def _depth(z: Decimal) -> Label:
    text = format(z.normalize(), "f")
    return Label(text, text)
