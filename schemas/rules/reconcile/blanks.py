"""Sample check S03: has every batch the blanks it needs?

What is asked is a table of rows, each with its clause; a project may name rules of its own for a blank and a medium, and
then those count instead. Transports are not records yet: a trip blank is asked once per batch that holds VOC samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from schemas.records.qc_link import QcLink
from schemas.records.sample import Sample
from schemas.reference import Label, codes
from schemas.rules.reconcile.checks import ERROR, SAMPLER, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.samples import share_of

BLANKS = frozenset({"full_blank", "trip_blank", "equipment_blank", "field_blank", "container_blank", "blind_blank"})
# Judged by volatiles only: HJ 1019 is the standard for VOC.
VOLATILE = ("voc",)


class BlankRule(NamedTuple):
    """So many blanks of a kind in every batch of a medium that holds samples for one of the groups (empty = any)."""

    kind: str
    medium: str
    groups: tuple[str, ...]
    source: str
    least: int = 1
    share_pct: Decimal = Decimal(0)

    def asked(self, samples: int) -> int:
        return max(self.least, share_of(self.share_pct, samples))


# Where a project names no rule. Marks C. Soil without VOC: no clause asks for a blank.
DEFAULT_RULES = (
    BlankRule("full_blank", "groundwater", (), "HJ 164-2020 10.2"),
    BlankRule("full_blank", "groundwater", VOLATILE, "HJ 1019-2019 7.2.2"),
    BlankRule("full_blank", "soil", VOLATILE, "HJ 1019-2019 7.2.2"),
    BlankRule("trip_blank", "groundwater", VOLATILE, "HJ 1019-2019 7.2.3"),
    BlankRule("trip_blank", "soil", VOLATILE, "HJ 1019-2019 7.2.3"),
    BlankRule("equipment_blank", "groundwater", (), "HJ 1019-2019 7.2.4"),
)


def blank_rules(facts: Facts) -> list[BlankRule]:
    """The project's own rules for blanks, and the default ones for what it names none for."""
    named = [
        BlankRule(
            r.qc_kind, r.medium, tuple(r.groups), r.basis_text, r.least if r.least is not None else 1,
            (r.share_pct or Decimal(0)) if r.basis == "share" else Decimal(0),
        )
        for r in (facts.project.qc_rules if facts.project else [])
        if r.qc_kind in BLANKS and r.basis in ("share", "per_batch")
    ]  # fmt: skip
    own = {(r.kind, r.medium) for r in named}
    return named + [r for r in DEFAULT_RULES if (r.kind, r.medium) not in own]


class BlankNeed(NamedTuple):
    """What one batch asks for: `n` there, `asked` needed. `unsure`: a link names a blank that is not here."""

    rule: BlankRule
    batch: str
    n: int
    asked: int
    first: Sample
    unsure: bool


def blank_needs(facts: Facts) -> list[BlankNeed]:
    """Every batch against every rule that applies to it, also those that are met. The tablet shows it."""
    batches: dict[tuple[str, str], list[Sample]] = {}
    for sample in facts.alive(Sample):
        if sample.kind == "ordinary":
            batches.setdefault((sample.medium, sample.batch), []).append(sample)
    blanks: dict[tuple[str, str, str], list[frozenset[str]]] = {}
    unsure: set[tuple[str, str]] = set()
    for link in facts.alive(QcLink):
        if link.kind not in BLANKS:
            continue
        blank = facts.find(Sample, link.qc_sample_id)
        if blank is None:
            unsure.add((link.kind, link.batch or ""))
        else:
            key = (link.kind, blank.medium, link.batch or blank.batch)
            blanks.setdefault(key, []).append(frozenset(blank.groups))
    out = []
    rules = blank_rules(facts)
    for (medium, batch), samples in sorted(batches.items(), key=lambda each: each[0]):
        for rule in rules:
            if rule.medium != medium:
                continue
            wanted = frozenset(rule.groups)
            of_it = [s for s in samples if not wanted or wanted & set(s.groups)]
            if of_it:
                n = sum(1 for groups in blanks.get((rule.kind, medium, batch), ()) if not wanted or wanted & groups)
                asked = rule.asked(len(of_it))
                out.append(BlankNeed(rule, batch, n, asked, of_it[0], (rule.kind, batch) in unsure))
    return out


@check(
    "S03", "空白样缺失", "Blank missing", ERROR, "HJ 1019-2019 7.2.2–7.2.4；HJ 164-2020 10.2；项目质控规则", "C", SAMPLER,
    texts={
        "": ("批次 {batch} {medium}缺{kind}：{n} 个，应 ≥ {asked} 个（{source}）",
             "Batch {batch}, {medium}, lacks {kind}: {n} taken, at least {asked} needed ({source})"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def blank_missing(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    if not facts.held(QcLink):
        yield say.cannot("质控样关联", "the links of QC samples")
        return
    media, kinds = codes("medium"), codes("qc_kind")
    said: set[tuple[str, str, str]] = set()
    for need in blank_needs(facts):
        rule = need.rule
        key = (rule.kind, rule.medium, need.batch)
        if need.n >= need.asked or key in said:  # two clauses may ask for the same blank
            continue
        if need.unsure:
            yield say.cannot("空白样的样品记录", "the sample record of a blank")
            continue
        said.add(key)
        medium = media.get(rule.medium, Label(rule.medium, rule.medium))
        kind = kinds[rule.kind]
        yield say(
            need.first, None, batch=need.batch, medium=Label(medium.zh, medium.en.lower()), n=need.n, asked=need.asked,
            kind=Label(kind.zh, kind.en.lower()), source=rule.source,
        )  # fmt: skip
