"""What is wrong with a list: what keeps it from being published, and what somebody should look at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

from schemas.reference import Label, codes
from schemas.reference import basis as laws
from schemas.rules.checklists.auto import limit_of, rule_known
from schemas.rules.checklists.basis import LONGEST, basis_for, text
from schemas.rules.checklists.beside import TYPES
from schemas.rules.checklists.model import KINDS, RULES, SEVERITIES, WHAT, Checklist, Fault, Item

CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?", re.ASCII)
MARKS = ("C", "C1", "C2", "K", "K?", "D")
OFFERED = ("pass", "fail", "not_apply", "insufficient")


def faults(checklist: Checklist) -> list[Fault]:
    """In the order of the list. An item may be looked at alone: its faults name it."""
    return [*_of_list(checklist), *(f for item in checklist.items for f in _of_item(item))]


def _of_list(c: Checklist) -> Iterator[Fault]:
    if not CODE.fullmatch(c.code):
        yield Fault("", "code", "编号只用字母、数字、点和连字符", "a code has letters, digits, dots and hyphens only")
    if not 1 <= c.version <= 999:
        yield Fault("", "version", "版本为 1 到 999", "a version is a number from 1 to 999")
    yield from _both("", "title", c.title)
    if c.kind not in codes("inspection_kind"):
        yield Fault("", "kind", "请选检查类型", "choose the kind of inspection")
    if not c.items:
        yield Fault("", "items", "还没有检查项", "there is no item yet")
    for code, n in Counter(item.code for item in c.items).items():
        if n > 1:
            yield Fault(code, "code", f"编号 {code} 用了 {n} 次", f"the code {code} is used {n} times")
    stars = sum(item.star for item in c.items)
    rule = c.rule
    if rule.kind not in RULES:
        yield Fault("", "rule", "请选结论规则", "choose the rule of the verdict")
    elif rule.kind in ("stars", "counts"):
        if not rule.star and not rule.total:
            yield Fault("", "rule", "请填达到几项即为严重", "say from how many on it is severe")
        if rule.star > stars:
            zh = f"规则要 {rule.star} 个带★的项，表里只有 {stars} 个"
            yield Fault("", "rule", zh, f"the rule needs {rule.star} starred items, the list has {stars}")
        if rule.total > len(c.items):
            zh = f"规则要 {rule.total} 项，表里只有 {len(c.items)} 项"
            yield Fault("", "rule", zh, f"the rule needs {rule.total} items, the list has {len(c.items)}")
    elif stars:
        zh, en = "这种规则不看★，★只作提醒", "this rule does not look at stars; they are a reminder only"
        yield Fault("", "rule", zh, en, hard=False)
    for code, label in c.verdicts.items():
        if code not in codes("verdict"):
            yield Fault("", "verdicts", f"没有“{code}”这种结论", f"there is no verdict “{code}”")
        yield from _both("", "verdicts", label)
    if not c.basis:
        yield Fault("", "basis", "没有写依据", "no basis is named", hard=False)


def _of_item(item: Item) -> Iterator[Fault]:
    code = item.code
    if not CODE.fullmatch(code):
        yield Fault(code, "code", "编号只用字母、数字、点和连字符", "a code has letters, digits, dots and hyphens only")
    yield from _both(code, "label", item.label)
    yield from _both(code, "section", item.section)
    if item.kind not in KINDS:
        yield Fault(code, "kind", "请选题型", "choose the kind of item")
    if strange := [o for o in item.options if o not in OFFERED]:
        yield Fault(code, "options", f"没有“{strange[0]}”这种答案", f"there is no answer “{strange[0]}”")
    if len(set(item.options)) < len(item.options):
        yield Fault(code, "options", "答案重复", "an answer is there twice")
    if "pass" not in item.options or (item.kind == "answer" and "fail" not in item.options):
        yield Fault(code, "options", "至少要有“符合”和“不符合”", "pass and fail at least are needed")
    if item.severity not in SEVERITIES:
        yield Fault(code, "severity", "请选严重程度", "choose the severity")
    if item.mark not in MARKS:
        yield Fault(code, "mark", "请选可信度", "choose how sure it is")
    yield from _asks(item)
    if not rule_known(item.auto):
        yield Fault(
            code, "auto", "这一版软件不认识这种自动核对", "this version does not know this automatic check", hard=False
        )
    for phrase in item.phrases:
        if not phrase.zh or not phrase.en:
            yield Fault(code, "phrases", "常用语缺一种语言", "a phrase lacks one language", hard=False)
    if strange := [name for name in item.beside if name not in TYPES]:
        yield Fault(
            code, "beside", f"没有“{strange[0]}”这种记录", f"there are no records of “{strange[0]}”", hard=False
        )
    yield from _basis(item)


def _asks(item: Item) -> Iterator[Fault]:
    numbers = [ask for ask in item.asks if ask.what == "number"]
    if len(numbers) > 1:  # an answer holds one
        yield Fault(item.code, "asks", "一项只能填一个数值", "an item can ask for one number only")
    if item.kind == "number" and not numbers:
        yield Fault(item.code, "asks", "数值题要写明填什么数值", "say which number it asks for")
    for ask in item.asks:
        if ask.what not in WHAT:
            yield Fault(
                item.code, "asks", f"没有“{ask.what}”这种取证方式", f"there is no evidence of the kind “{ask.what}”"
            )
        if bool(ask.name.zh) != bool(ask.name.en) or (ask.what == "number" and not ask.name.zh):
            yield Fault(item.code, "asks", "取证名称要写中英文", "name the evidence in both languages")
        limit = limit_of(ask)
        if ask.limit and (limit is None or ask.what != "number"):
            yield Fault(item.code, "asks", "限值写成 <=0.5、>=24 或 2..8", "write a limit as <=0.5, >=24 or 2..8")
        elif limit and limit.upper is not None and limit.upper < limit.bound:
            yield Fault(item.code, "asks", "限值的上限小于下限", "the upper limit is below the lower one")
    if {"limit", "limit_all"} & set(item.auto.split(";")) and not any(limit_of(ask) for ask in numbers):
        yield Fault(item.code, "auto", "没有限值可比对", "there is no limit to compare with")


# the last day of the old law and the first of the new one: what is cited must fit the record on either
_DAYS = (date(2026, 8, 14), date(2026, 8, 15))


def _basis(item: Item) -> Iterator[Fault]:
    if not item.basis:
        yield Fault(
            item.code, "basis", "没有依据，问题单上会写待核", "no basis: a finding will say to be confirmed", hard=False
        )
    known = {row.law for row in laws()}
    for cite in item.basis:
        if cite.law and cite.law not in known:
            yield Fault(item.code, "basis", f"法规表里没有“{cite.law}”", f"the table of laws has no “{cite.law}”")
        elif not cite.law:
            yield from _both(item.code, "basis", cite.text)
    for day in _DAYS:
        said = basis_for(item, day)
        if any(len("；".join(getattr(s, lang) for s in said)) > LONGEST for lang in ("zh", "en")):
            zh = f"依据合起来超过 {LONGEST} 个字，问题单上只留前面的：{text(said, 'zh')[:40]}…"
            en = f"the basis is longer than {LONGEST} characters; a finding keeps the first ones only"
            yield Fault(item.code, "basis", zh, en, hard=False)
            return


def _both(code: str, field: str, label: Label) -> Iterator[Fault]:
    if not label.zh.strip():
        yield Fault(code, field, "缺中文", "the Chinese text is missing")
    if not label.en.strip():
        yield Fault(code, field, "缺英文", "the English text is missing")
