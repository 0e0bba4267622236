"""Sample check S06: what must not happen to a sample for VOC.

Three things can be seen in the records: a composite, a vial filled behind another group, a methanol vial without its
empty weight. When a container was filled is told by its id: a tablet makes it when the person says it is filled. Ids
less than a moment apart come from one tap, and ids of another make tell no time: then the order is not known, and
nothing is said of it but that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.records.sample import Sample
from schemas.records.sample_container import SampleContainer
from schemas.rules.reconcile.checks import ERROR, SAMPLER, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View

APART_MS = 1000  # D: containers confirmed closer together were confirmed by one act
_WITH_VOC = frozenset({"voc", "tph_c6c9", "moisture"})  # filled together with the vials: HJ 1019-2019 5.3.5


class Order(NamedTuple):
    """The last vial and the first container of another group; `broken` None: which came first cannot be known."""

    broken: bool | None
    vial: SampleContainer
    other: SampleContainer


def made_ms(id: str) -> int | None:
    """When an id was made (Unix ms), if it is a UUIDv7."""
    if len(id) != 36 or id[14] != "7":
        return None
    try:
        return int(id[:8] + id[9:13], 16)
    except ValueError:
        return None


def filling_order(containers: Iterable[SampleContainer]) -> Order | None:
    """None where a sample has no VOC vial, or nothing else beside it. Discarded containers are to be left out before."""
    vials: list[tuple[int | None, SampleContainer]] = []
    others: list[tuple[int | None, SampleContainer]] = []
    for c in containers:
        if "voc" in c.groups:
            vials.append((made_ms(c.id), c))
        elif not _WITH_VOC.issuperset(c.groups):
            others.append((made_ms(c.id), c))
    if not vials or not others:
        return None
    timed = [v for v in vials if v[0] is not None], [o for o in others if o[0] is not None]
    last = max(timed[0], key=lambda v: v[0] or 0, default=vials[0])
    first = min(timed[1], key=lambda o: o[0] or 0, default=others[0])
    if last[0] is not None and first[0] is not None:
        if last[0] - first[0] >= APART_MS:
            return Order(True, last[1], first[1])
        if first[0] - last[0] >= APART_MS and len(timed[0]) == len(vials) and len(timed[1]) == len(others):
            return Order(False, last[1], first[1])
    return Order(None, last[1], first[1])


@check(
    "S06", "VOC采样违规", "VOC rule broken", ERROR, "公告2022年第17号 表3-2第8项；HJ 1019-2019 5.3；先后间隔为本系统设定", "C",
    SAMPLER,
    texts={
        "composite": ("{sample} 是混合样，VOC 不能取混合样", "{sample} is a composite: samples for VOCs must not be composited"),
        "order": ("{sample} 的 VOC 容器 {vial} 装在 {other} 之后，应最先装",
                  "{sample}: the VOC container {vial} was filled after {other}; it comes first"),
        "empty": ("{sample} 的甲醇瓶没有空瓶重：{vials}", "{sample}: methanol vials without empty weight: {vials}"),
    },
)  # fmt: skip
def voc_rule_broken(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for sample in view.samples:
        if sample.kind not in ("ordinary", "field_duplicate"):
            continue
        containers = [c for c in facts.containers_of(sample.id) if c.state != "discarded"]
        if not _for_voc(sample, containers):
            continue
        code = facts.code_of("sample", sample.id)
        if sample.composite_of:
            yield say(sample, code, "composite", sample=sample.code)
        order = filling_order(containers)
        if order is not None and order.broken is None:
            yield say.cannot("装样的先后", "the order of filling")
        elif order is not None and order.broken:
            yield say(order.vial, code, "order", sample=sample.code, vial=order.vial.code, other=order.other.code)
        bare = [c for c in containers if c.type == "v40_meoh" and c.empty_g is None]
        if bare:
            yield say(bare[0], code, "empty", sample=sample.code, vials=[c.code for c in bare])


def _for_voc(sample: Sample, containers: list[SampleContainer]) -> bool:
    return "voc" in sample.groups or any("voc" in c.groups or c.type == "v40_meoh" for c in containers)
