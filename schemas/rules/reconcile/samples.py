"""Sample checks S01, S02, S04, S05, S07, S11: codes, duplicates, containers, holding times, depths."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import NamedTuple

from schemas.records.borehole import Borehole
from schemas.records.qc_link import QcLink
from schemas.records.sample import Sample
from schemas.records.sample_container import SampleContainer
from schemas.reference import CannotSay, Label, codes
from schemas.rules.holding import ContainerRule, Holding, containers_for, holding_time
from schemas.rules.reconcile.checks import ERROR, MANAGER, SAMPLER, WARNING, Finding, Say, check
from schemas.rules.reconcile.depths import DUPLICATES
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import hours

DEPTH_SLACK_M = Decimal("0.05")  # D
PAIR_SPAN = timedelta(hours=2)  # D: original and duplicate are taken within this time
AMBER_SHARE = 0.2  # D: less than this share of the holding time left is worth a warning
# Kept for later, nothing is measured on it.
_NOT_ANALYSED = frozenset({"archive"})


class DuplicateRule(NamedTuple):
    """Least share of duplicates among the ordinary samples of a batch, per analyte group."""

    share_pct: Decimal
    least: int
    groups: tuple[str, ...]  # empty = all
    kinds: frozenset[str]  # which links count
    source: str


# Where a project names no rule. Marks C.
DEFAULT_RULES = {
    "groundwater": DuplicateRule(Decimal(10), 1, (), DUPLICATES, "HJ 164-2020 10.2"),
    "soil": DuplicateRule(Decimal(5), 1, (), DUPLICATES, "HJ 166-2026 11.3"),
}


@lru_cache(1000)
def _label(list_name: str, code: str) -> Label:
    return codes(list_name).get(code, Label(code, code))


@lru_cache(1000)
def _medium(code: str) -> Label:
    found = _label("medium", code)
    return Label(found.zh, found.en.lower())


@check(
    "S01", "样品编号重复", "Sample code used twice", ERROR, "HJ 166-2026 7.4；作废编号不再使用为本系统设定", "C", MANAGER,
    texts={"": ("编号 {code} 用于 {n} 个样品（含作废的）", "Code {code} is on more than one sample: {n}, voided ones included")},
    per_point=False,
)  # fmt: skip
def code_twice(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    by_code: dict[str, list[Sample]] = {}
    for sample in facts.every(Sample):
        by_code.setdefault(sample.code, []).append(sample)
    mine = {s.id for s in view.samples}
    for code, samples in sorted(by_code.items()):
        alive = [s for s in samples if s.id in mine]
        if len(samples) > 1 and alive:
            yield say(alive[0], facts.code_of("sample", alive[0].id), code=code, n=len(samples))


# --- S02, S04: duplicates --------------------------------------------------------------------------------------------


def _links(facts: Facts) -> list[QcLink]:
    return [link for link in facts.alive(QcLink) if link.kind in DUPLICATES]


@check(
    "S02", "平行样不足", "Too few duplicates", ERROR, "HJ 164-2020 10.2（地下水）；HJ 166-2026 11.3（土壤）；项目质控规则",
    "C", SAMPLER,
    texts={
        "": ("批次 {batch} {medium}{group}平行样 {n}/{m} = {p} %，应 ≥ {q} % 且不少于 {least} 个",
             "Batch {batch}, {medium}, {group}: duplicates {n}/{m} = {p} %, need {q} % and at least {least}"),
        "default": ("项目没有{medium}平行样规则，按默认 ≥ {q} % 且每批不少于 {least} 个判断（{source}）",
                    "No rule for {medium} duplicates in the project: judged by {q} % and {least} per batch ({source})"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def few_duplicates(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    shares, media = duplicate_shares(facts)
    for medium in media:
        rules, own = duplicate_rules(facts, medium)
        name = _medium(medium)
        if not rules:
            yield say.cannot(f"{name.zh}平行样规则", f"a rule for {name.en} duplicates")
        elif not own:
            rule = rules[0]
            yield say.cannot(
                f"项目的{name.zh}平行样规则", f"the project's rule for {name.en} duplicates", None, None, "default",
                medium=name, q=rule.share_pct, least=rule.least, source=rule.source,
            )  # fmt: skip
    for share in shares:
        if not share.met:
            yield say(
                share.first, None, batch=share.batch, medium=_medium(share.medium), group=_label("analyte_group", share.group),
                n=share.n, m=share.m, p=share.pct, q=share.rule.share_pct, least=share.rule.least, rule=share.rule.source,
            )  # fmt: skip


def share_of(pct: Decimal, count: int) -> int:
    """So many per cent of a count, rounded up: 5 % of 21 is 2."""
    return int((pct * count / 100).to_integral_value(ROUND_CEILING))


class DuplicateShare(NamedTuple):
    """n duplicates among m ordinary samples of one batch, for one group, against one rule."""

    medium: str
    batch: str
    group: str
    n: int
    m: int
    rule: DuplicateRule
    first: Sample

    @property
    def met(self) -> bool:
        return self.short == 0

    @property
    def pct(self) -> float:
        return round(100 * self.n / self.m, 1)

    @property
    def short(self) -> int:
        """How many duplicates are still to be taken for the samples there are now."""
        asked = share_of(self.rule.share_pct, self.m)
        return max(self.rule.least - self.n, asked - self.n, 0)

    @property
    def room(self) -> int | None:
        """How many ordinary samples more these duplicates are enough for; None where their number sets no bound."""
        if self.short or not self.rule.share_pct:
            return 0 if self.short else None
        return int(self.n * 100 // self.rule.share_pct) - self.m


def duplicate_shares(facts: Facts) -> tuple[list[DuplicateShare], list[str]]:
    """Every batch and group of the ordinary samples with its duplicates, and the media there are. Also what the tablet
    shows while samples are taken."""
    kinds = {link.qc_sample_id: link.kind for link in _links(facts)}
    ordinary: dict[tuple[str, str, str], int] = {}
    duplicates: dict[tuple[str, str, str], list[str]] = {}
    first: dict[tuple[str, str, str], Sample] = {}
    for sample in facts.alive(Sample):
        for group in set(sample.groups) - _NOT_ANALYSED:
            key = (sample.medium, sample.batch, group)
            if sample.id in kinds:
                duplicates.setdefault(key, []).append(kinds[sample.id])
            elif sample.kind == "ordinary":
                ordinary[key] = ordinary.get(key, 0) + 1
                first.setdefault(key, sample)
    media = sorted({key[0] for key in ordinary})
    rules = {medium: duplicate_rules(facts, medium)[0] for medium in media}
    shares = [
        DuplicateShare(*key, sum(kind in rule.kinds for kind in duplicates.get(key, ())), m, rule, first[key])
        for key, m in sorted(ordinary.items())
        for rule in rules[key[0]]
        if not rule.groups or key[2] in rule.groups
    ]
    return shares, media


def duplicate_rules(facts: Facts, medium: str) -> tuple[list[DuplicateRule], bool]:
    """The rules for duplicates of a medium, and whether they are the project's own. A rule for open duplicates is met
    by blind ones too, not the other way round."""
    named = [r for r in (facts.project.qc_rules if facts.project else []) if r.medium == medium]
    own = [
        DuplicateRule(
            (r.share_pct or Decimal(0)) if r.basis == "share" else Decimal(0),
            r.least if r.least is not None else 1,
            tuple(r.groups),
            DUPLICATES if r.qc_kind == "field_duplicate" else frozenset({r.qc_kind}),
            r.basis_text,
        )
        for r in named
        if r.qc_kind in DUPLICATES and r.basis in ("share", "per_batch")
    ]
    if own:
        return own, True
    return ([DEFAULT_RULES[medium]] if medium in DEFAULT_RULES else []), False


_DIFFERS = {
    "self": Label("原样（指向自己）", "the original (it names itself)"),
    "none": Label("原样（未填）", "the original (not given)"),
    "gone": Label("原样（已作废）", "the original (voided)"),
    "duplicate": Label("原样（本身是质控样）", "the original (itself a QC sample)"),
    "point": Label("点位", "the point"),
    "medium": Label("介质", "the medium"),
    "depth": Label("深度", "the depth"),
    "groups": Label("检测项目组", "the analyte groups"),
    "time": Label("采样时间", "the time"),
}


@check(
    "S04", "平行样不配对", "Duplicate does not match its original", ERROR, "HJ 166-2026 7.5；允差为本系统设定", "C", SAMPLER,
    texts={
        "": ("{dup} 与原样 {orig} 不一致：{what}", "{dup} differs from its original {orig} in {what}"),
        "unlinked": ("平行样 {dup} 没有关联原样", "Duplicate {dup} is not linked to an original"),
    },
)  # fmt: skip
def pair_differs(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for sample in view.samples:
        links = [k for k in facts.of(QcLink, "qc_sample_id", sample.id) if k.kind in DUPLICATES]
        if sample.kind != "field_duplicate" and not links:
            continue
        code = facts.code_of("sample", sample.id)
        if not links:
            yield say(sample, code, "unlinked", dup=sample.code)
        for link in links:
            original = facts.find(Sample, link.original_id)
            if link.original_id and original is None:
                yield say.cannot("平行样的原样", "the original of the duplicate", sample, code)
                continue
            what = [_DIFFERS[w] for w in _differences(facts, sample, original)]
            if what:
                yield say(sample, code, dup=sample.code, orig=original.code if original else "—", what=what)


def _differences(facts: Facts, dup: Sample, original: Sample | None) -> Iterator[str]:
    if original is None:
        yield "none"
        return
    if original.id == dup.id:
        yield "self"
        return
    if facts.get(Sample, original.id) is None:
        yield "gone"
    if original.kind != "ordinary" or any(k.kind in DUPLICATES for k in facts.of(QcLink, "qc_sample_id", original.id)):
        yield "duplicate"
    if dup.point_id != original.point_id:
        yield "point"
    if dup.medium != original.medium:
        yield "medium"
    pairs = ((dup.depth_top_m, original.depth_top_m), (dup.depth_bottom_m, original.depth_bottom_m))
    if not all(_same_depth(a, b) for a, b in pairs):
        yield "depth"
    if not set(dup.groups) <= set(original.groups):
        yield "groups"
    if abs(dup.collected_at - original.collected_at) > PAIR_SPAN:
        yield "time"


def _same_depth(a: Decimal | None, b: Decimal | None) -> bool:
    return a is b if a is None or b is None else abs(a - b) <= DEPTH_SLACK_M


# --- S05, S07, S11 ---------------------------------------------------------------------------------------------------


def _filled(facts: Facts, sample: Sample) -> list[SampleContainer]:
    return [c for c in facts.containers_of(sample.id) if c.state != "discarded"]


_ASKS = {
    "type": ("容器", "container"),
    "preservative": ("保存剂", "preservative"),
    "amount": ("装样量", "amount"),
    "cold": ("冷藏", "cooling"),
}


@check(
    "S05", "容器或保存剂不符", "Container or preservative wrong", ERROR, "HJ 164-2020 附录D；DB11/T 656-2019 附录D.4", "C",
    SAMPLER,
    texts={"": ("{cont}（{group}）{what}；{cite}", "{cont} ({group}): {what}; {cite}")},
)  # fmt: skip
def wrong_container(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    known: dict[tuple[str, str], list[ContainerRule] | CannotSay] = {}
    for sample in view.samples:
        if sample.kind not in ("ordinary", "field_duplicate"):
            continue
        for container in _filled(facts, sample):
            for group in container.groups:
                key = (group, sample.medium)
                if key not in known:
                    known[key] = containers_for(*key)
                rules = known[key]
                if isinstance(rules, CannotSay):
                    yield _no_row(say, "容器要求", "the container rule", group, sample.medium)
                    continue
                if found := misfit(container, rules):
                    what, rule = found
                    name = _label("analyte_group", group)
                    code = facts.code_of("sample", sample.id)
                    yield say(container, code, cont=container.code, group=name, what=what, cite=rule.cite)


def misfit(container: SampleContainer, rules: list[ContainerRule]) -> tuple[list[Label], ContainerRule] | None:
    """What is wrong with a container of which each of these ways is allowed, told against the nearest of them; None if
    it is as one of them asks. The tablet asks this while it is filled."""
    ways = []
    for rule in rules:
        wrong = _wrong(container, rule)
        if not wrong:
            return None
        ways.append((wrong, rule))
    wrong, rule = min(ways, key=_how_far)
    return [_demand(container, rule, w) for w in wrong], rule


def _how_far(way: tuple[list[str], ContainerRule]) -> int:
    return len(way[0])


def _no_row(say: Say, zh: str, en: str, group: str, medium: str) -> Finding:
    what, where = _label("analyte_group", group), _medium(medium)
    return say.cannot(f"{where.zh}中{what.zh}的{zh}", f"{en} for {what.en} in {where.en}")


def _wrong(container: SampleContainer, rule: ContainerRule) -> list[str]:
    """In what a container differs from one allowed way. A field not filled in is no difference."""
    wrong = []
    if rule.containers and container.type not in rule.containers:
        wrong.append("type")
    if rule.preservative and container.preservative and container.preservative != rule.preservative:
        wrong.append("preservative")
    if rule.min_amount is not None and container.amount is not None and container.amount < rule.min_amount:
        wrong.append("amount")
    if rule.cold == "yes" and container.cold is False:
        wrong.append("cold")
    return wrong


def _demand(container: SampleContainer, rule: ContainerRule, field: str) -> Label:
    """What it has and what is asked."""
    zh, en = _ASKS[field]
    if field == "cold":
        return Label("须冷藏避光", "must be kept cold and dark")
    if field == "amount":
        need, have = rule.min_amount, container.amount
        unit = "mL" if rule.amount_unit == "ml" else rule.amount_unit
        return Label(f"{zh} {have}，应 ≥ {need} {unit}", f"{en} {have}, at least {need} {unit} asked")
    if field == "type":
        got = _label("container_type", container.type)
        want = [_label("container_type", c) for c in rule.containers]
    else:
        got = _label("preservative", container.preservative or "none")
        want = [_label("preservative", rule.preservative)]
    asked = Label("或".join(w.zh for w in want), " or ".join(w.en for w in want))
    return Label(f"{zh}为{got.zh}，应为{asked.zh}", f"{en} is {got.en}, asked: {asked.en}")


@check(
    "S07", "保存时限风险", "Holding time at risk", WARNING,
    "DB11/T 656-2019 附录D.4；HJ 164-2020 附录D；方法标准（待核）；提醒比例为本系统设定", "C",
    Label("采样员、实验室", "sampler, laboratory"),
    texts={
        "": ("{where} {n} 个{medium}{group}样只剩 {h} h（时限 {limit} h）",
             "{where}: {h} h left for {group} in {medium} (limit {limit} h), samples: {n}"),
        "over": ("{where} {n} 个{medium}{group}样已超过保存时限 {h} h（时限 {limit} h）",
                 "{where}: {h} h over the holding time for {group} in {medium} (limit {limit} h), samples: {n}"),
    },
)  # fmt: skip
def holding(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    times: dict[tuple[str, str], Holding | CannotSay] = {}
    spans: dict[tuple[str, str], tuple[timedelta, timedelta]] = {}
    risk: dict[tuple[str, str, str], list[tuple[float, int, Sample]]] = {}
    for sample in view.samples:
        containers = facts.containers_of(sample.id)
        waiting = {g for c in containers if c.state in ("filled", "packed") for g in c.groups}
        for group in sorted((waiting if containers else set(sample.groups)) - _NOT_ANALYSED):
            key = (group, sample.medium)
            if key not in times:
                times[key] = holding_time(*key)
            limit = times[key]
            if isinstance(limit, CannotSay):
                yield _no_row(say, "保存时限", "the holding time", group, sample.medium)
                continue
            if key not in spans:
                whole = timedelta(hours=limit.hours)
                spans[key] = whole, whole * AMBER_SHARE
            whole, amber = spans[key]
            left = whole - (facts.now - sample.collected_at)
            if left < amber:
                where = facts.code_of("sample", sample.id) or sample.code
                risk.setdefault((where, *key), []).append((hours(left), limit.hours, sample))
    for (where, group, medium), late in sorted(risk.items()):
        remaining, limit_h, sample = min(late, key=lambda r: (r[0], r[2].id))
        over = remaining < 0
        yield say(
            sample, facts.code_of("sample", sample.id), "over" if over else "", where=where, n=len(late), h=round(abs(remaining), 1), limit=limit_h,
            group=_label("analyte_group", group), medium=_medium(medium), remaining_h=round(remaining, 1),
        )  # fmt: skip


@check(
    "S11", "样品深度超孔深", "Sample deeper than the hole", ERROR, "本系统设定", "D", SAMPLER,
    texts={"": ("{sample} 底深 {a} m > {hole} 孔深 {b} m", "{sample} bottom {a} m > depth {b} m of {hole}")},
)  # fmt: skip
def too_deep(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for sample in view.samples:
        hole = facts.get(Borehole, sample.borehole_id)
        if hole is None or sample.depth_bottom_m is None:
            continue
        if hole.depth_m is None:
            yield say.cannot("钻探深度", "the drilled depth", hole)
        elif sample.depth_bottom_m > hole.depth_m + DEPTH_SLACK_M:
            code = facts.code_of("sample", sample.id)
            yield say(sample, code, sample=sample.code, a=sample.depth_bottom_m, hole=hole.code, b=hole.depth_m)


def duplicates_at(facts: Facts, point_id: str) -> set[str]:
    """Ids of the duplicates (open and blind) taken on a visit. A blind one without a point counts with its original."""
    return facts.remember("duplicates", lambda: _duplicates(facts)).get(point_id, set())


def _duplicates(facts: Facts) -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}
    for link in _links(facts):
        sample, original = facts.get(Sample, link.qc_sample_id), facts.get(Sample, link.original_id)
        point = (sample.point_id if sample else None) or (original.point_id if original else None)
        if sample and point:
            out.setdefault(point, set()).add(sample.id)
    return out
