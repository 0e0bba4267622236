"""What the answers of a list come to, by the list's own rule, and why.

公告2022年第17号: form 3-1 and 3-2 any "no" is a severe quality problem; 3-3 any starred "no" is, another one a general
problem; 3-4 three starred "no", or six "no" and "documents insufficient" together, are (C). The other lists go by the
severest item that failed (D)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from schemas.reference import Label, codes
from schemas.rules.checklists import ready
from schemas.rules.checklists.model import Checklist, Item

# how strict: a person may choose the same or a stricter one. The two ways not to pass are equally strict.
_RANK = {"pass": 0, "pass_amend": 1, "rectify": 2, "fail_severe": 3, "fail_redo": 3, "refer": 4}
_SEVERITY = {"none": 0, "tip": 1, "general": 2, "severe": 3, "law": 4}
# 0 nothing against it, 1 the documents do not say, 2 against it
_AGAINST = {"pass": 0, "not_apply": 0, "insufficient": 1, "fail": 2}


class Verdict(NamedTuple):
    """`code` None: what is unanswered may still change it; `least` is the mildest it can come to. `label`: the list's
    own words. `counts`: answers by code, `star_fail`, and failed items by severity (`fail_law` …). `severest`: of what
    failed, or "none"."""

    code: str | None
    label: Label
    why: Label
    counts: dict[str, int]
    unanswered: tuple[str, ...]
    severest: str
    least: str


def verdict(checklist: Checklist, answers: Mapping[str, str]) -> Verdict:
    """`answers`: item code → code of answer_value; items that are absent are unanswered, codes of no item are passed
    over."""
    given = {item.code: answers.get(item.code, "unanswered") for item in checklist.items}
    open_ = tuple(code for code, answer in given.items() if answer not in _AGAINST)
    may_be = {item.code: _worst(item) for item in checklist.items if given[item.code] not in _AGAINST}
    counts = _counts(checklist, given)
    least = _by_rule(checklist, {**given, **dict.fromkeys(open_, "pass")})
    most = _by_rule(checklist, {**given, **may_be})
    if least is None or most is None:
        zh, en = "这一版软件不认识这张表的结论规则", "this version does not know the rule of this list"
        return Verdict(None, _OPEN, Label(zh, en), counts, open_, _severest(checklist, given, None), "pass")
    code = least if least == most else None
    label = checklist.words(code) if code else _OPEN
    return Verdict(code, label, _why(checklist, counts, code), counts, open_, _severest(checklist, given, code), least)


def stricter(a: str, b: str) -> bool:
    """Is `a` stricter than `b`? An unknown code counts as stricter than every known one."""
    return _RANK.get(a, 9) > _RANK.get(b, 9)


def allowed(by_rule: str | None) -> tuple[str, ...]:
    """What a person may choose: what the rule came to, or anything as strict or stricter. None: no rule binds, all."""
    if by_rule is None:
        return tuple(_RANK)
    return tuple(code for code in _RANK if code == by_rule or not stricter(by_rule, code))


# --- the rules ----------------------------------------------------------------------------------------------------------

_OPEN = Label("尚不能下结论", "No verdict yet")
_TO_VERDICT = {"law": "refer", "severe": "fail_severe", "general": "rectify"}


def _counts(checklist: Checklist, given: Mapping[str, str]) -> dict[str, int]:
    counts = dict.fromkeys((*_AGAINST, "unanswered", "star_fail", *(f"fail_{s}" for s in _SEVERITY if s != "none")), 0)
    for item in checklist.items:
        answer = given[item.code]
        counts[answer if answer in _AGAINST else "unanswered"] += 1
        if answer == "fail":
            counts["star_fail"] += item.star
            counts[f"fail_{_known(item.severity)}"] += 1
    return counts


def _known(severity: str) -> str:
    """A severity of a newer version counts as a general problem."""
    return severity if severity in _SEVERITY and severity != "none" else "general"


def _worst(item: Item) -> str:
    """The worst answer an item may still get; "pass" where it offers nothing against."""
    return max((o for o in item.options if o in _AGAINST), key=lambda o: _AGAINST[o], default="pass")


def _by_rule(checklist: Checklist, given: Mapping[str, str]) -> str | None:
    """The verdict of answers that are all there."""
    counts, rule = _counts(checklist, given), checklist.rule
    fails, unclear = counts["fail"], counts["insufficient"]
    if rule.kind == "any_fail":
        return "fail_severe" if fails else "pass_amend" if unclear else "pass"
    if rule.kind in ("stars", "counts"):
        total = fails + unclear if rule.kind == "counts" else fails
        if (rule.star and counts["star_fail"] >= rule.star) or (rule.total and total >= rule.total):
            return "fail_severe"
        return "pass_amend" if fails or unclear else "pass"
    if rule.kind == "severity":
        for severity, code in _TO_VERDICT.items():
            if counts[f"fail_{severity}"]:
                return code
        return "rectify" if unclear else "pass"  # documents that do not say are asked for
    return None


def _severest(checklist: Checklist, given: Mapping[str, str], code: str | None) -> str:
    found = [_known(item.severity) for item in checklist.items if given[item.code] == "fail"]
    if code == "fail_severe" and checklist.rule.kind != "severity":
        found.append("severe")  # so many general problems are a severe one
    return max(found, key=lambda s: _SEVERITY[s], default="none")


# --- in words -----------------------------------------------------------------------------------------------------------


def _why(checklist: Checklist, counts: Mapping[str, int], code: str | None) -> Label:
    """The counts, the rule with its figures, its source, and what is still open."""
    rule = rule_words(checklist)
    source = _source(checklist)
    said = codes("answer_value")
    shown = [a for a in ("fail", "insufficient", "not_apply", "pass") if counts[a] or a in ("fail", "pass")]
    zh = "、".join(f"{said[a].zh} {counts[a]} 项" for a in shown)
    en = ", ".join(f"{said[a].en} {counts[a]}" for a in shown)
    if counts["star_fail"] or checklist.rule.star:
        zh, en = f"{zh}，其中带★的不符合 {counts['star_fail']} 项", f"{en}, starred fails {counts['star_fail']}"
    if counts["unanswered"]:
        n = counts["unanswered"]
        zh, en = f"{zh}；还有 {n} 项未检查", f"{en}; {n} not checked yet"
        if code:
            zh, en = f"{zh}，但结论已不会再变", f"{en}, which cannot change the verdict any more"
    return Label(f"{zh}。规则：{rule.zh}（{source.zh}）", f"{en}. Rule: {rule.en} ({source.en})")


_FORM = re.compile(r"公告(\d{4})年第(\d+)号 表([\d-]+)", re.ASCII)


def _source(checklist: Checklist) -> Label:
    """Where the rule stands: the guide's form, as long as it is the rule of that form; else nobody but this system set
    it."""
    for own in ready.every():
        form = _FORM.fullmatch(own.basis[0]) if own.basis else None
        if form and (own.rule, own.basis[0]) == (checklist.rule, checklist.basis[0] if checklist.basis else ""):
            return Label(own.basis[0], f"Announcement {form[1]} No. {form[2]}, form {form[3]}")
    return Label("本系统设定", "set by this system")


def rule_words(checklist: Checklist) -> Label:
    """The rule as it is said to people, with the list's own words for what it comes to."""
    kind, star, total = checklist.rule
    severe, amend = checklist.words("fail_severe"), checklist.words("pass_amend")
    if kind == "any_fail":
        return Label(f"有一项不符合即为“{severe.zh}”", f"one fail means “{severe.en}”")
    if kind in ("stars", "counts"):
        parts = [Label(f"带★的不符合达到 {star} 项", f"{star} starred fails or more")] if star else []
        if total and kind == "counts":
            parts.append(
                Label(f"不符合与材料不支撑判断合计达到 {total} 项", f"{total} fails and insufficient ones in all")
            )
        elif total:
            parts.append(Label(f"不符合达到 {total} 项", f"{total} fails or more"))
        zh, en = "，或者".join(p.zh for p in parts), ", or ".join(p.en for p in parts)
        return Label(
            f"{zh}即为“{severe.zh}”；另有不符合为“{amend.zh}”",
            f"{en} mean “{severe.en}”; any other fail means “{amend.en}”",
        )
    there = {_known(item.severity) for item in checklist.items}
    words = [(codes("severity")[s], checklist.words(v)) for s, v in _TO_VERDICT.items() if s in there]
    zh = "，".join(f"{s.zh}为“{v.zh}”" for s, v in words)
    en = ", ".join(f"{s.en.lower()}: “{v.en}”" for s, v in words)
    by = Label("按不符合项中最严重的一项", "by the severest item that failed")
    return Label(f"{by.zh}，{zh}", f"{by.en}; {en}") if words else by
