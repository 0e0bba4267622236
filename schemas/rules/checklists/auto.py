"""What figures and records say about an item by themselves. A suggestion: the inspector looks and decides.

`auto` of an item names one rule or several, parted by ";":
"limit"       its number against the limit of the ask; "limit_all": the same, and the number is all the item asks;
"level_pair"  two readings of a water level at most 1 cm apart for every 10 m of depth (HJ 164-2020 6.3.2);
"checks:F08,F12"  what these checks found in the sampler's records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from schemas.reference import Label
from schemas.rules.checklists.model import Ask, Item

PAIR_CM = Decimal(1)  # per 10 m of depth, and at least: HJ 164-2020 6.3.2, C
_LIMIT = re.compile(r"(<=|>=|<|>)(\d{1,9}(?:\.\d{1,4})?)|(\d{1,9}(?:\.\d{1,4})?)\.\.(\d{1,9}(?:\.\d{1,4})?)", re.ASCII)
_CHECKS = re.compile(r"checks:([A-Z]\d{2}(?:,[A-Z]\d{2})*)", re.ASCII)
_SHOWN = 3  # findings told in full


class Found(Protocol):
    """A finding of the checks (rules/reconcile)."""

    @property
    def severity(self) -> str: ...
    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...


class Auto(NamedTuple):
    """`answer`: what it suggests, None where nothing can be said by itself; `why` in either case (empty: the item has
    no rule)."""

    answer: str | None
    why: Label


def auto(item: Item, numbers: Sequence[Decimal | None], found: Mapping[str, Sequence[Found]] | None = None) -> Auto:
    """`numbers`: what was noted, in the order of the item's number asks. `found`: check → its findings about the point
    or the project (`reconcile.run_point(…).by_check`); None where the records are not here."""
    said = [_one(rule, item, numbers, found) for rule in item.auto.split(";") if item.auto]
    first = next((a for a in said if a.answer == "fail"), next((a for a in said if a.answer), None))
    told = [a.why for a in said if a.why.zh]
    why = Label("；".join(w.zh for w in told), "; ".join(w.en for w in told))
    sure = first is not None and (first.answer == "fail" or len(said) == 1)  # one of two says nothing for the other
    return Auto(first.answer if first and sure else None, why)


def _one(rule: str, item: Item, numbers: Sequence[Decimal | None], found: Mapping[str, Sequence[Found]] | None) -> Auto:
    if rule in ("limit", "limit_all"):
        return _limit(item, numbers)
    if rule == "level_pair":
        return _pair(numbers)
    if match := _CHECKS.fullmatch(rule):
        return _checks(match[1].split(","), found)
    return Auto(None, Label("", ""))


def limit_of(ask: Ask) -> Limit | None:
    """The limit of a number, None where it has none or one this version cannot read."""
    match = _LIMIT.fullmatch(ask.limit)
    if match is None:
        return None
    if match[1]:
        return Limit(match[1], Decimal(match[2]), None)
    return Limit("..", Decimal(match[3]), Decimal(match[4]))


def rule_known(text: str) -> bool:
    """Is this an `auto` this version can follow?"""
    known = ("limit", "limit_all", "level_pair")
    return not text or all(rule in known or _CHECKS.fullmatch(rule) for rule in text.split(";"))


class Limit(NamedTuple):
    """`sign` "<=", ">=", "<", ">" with one bound, or ".." with two, both inclusive."""

    sign: str
    bound: Decimal
    upper: Decimal | None

    def holds(self, value: Decimal) -> bool:
        if self.upper is not None:
            return self.bound <= value <= self.upper
        if self.sign in ("<=", "<"):
            return value < self.bound or (self.sign == "<=" and value == self.bound)
        return value > self.bound or (self.sign == ">=" and value == self.bound)

    @property
    def said(self) -> str:
        if self.upper is not None:
            return f"{self.bound:f}–{self.upper:f}"
        return f"{self.sign.replace('<=', '≤').replace('>=', '≥')} {self.bound:f}"


def _limit(item: Item, numbers: Sequence[Decimal | None]) -> Auto:
    asks = [ask for ask in item.asks if ask.what == "number"]
    for ask, value in zip(asks, numbers, strict=False):
        limit = limit_of(ask)
        if limit is None or value is None:
            continue
        unit = f" {ask.unit}" if ask.unit else ""
        holds = limit.holds(value)
        zh = f"{ask.name.zh} {value:f}{unit}，{'符合' if holds else '不符合'} {limit.said}{unit}"
        en = f"{ask.name.en} {value:f}{unit}, {'within' if holds else 'outside'} {limit.said}{unit}"
        if not holds:
            return Auto("fail", Label(zh, en))
        # mostly an item asks more than its figure, and that alone does not make it pass
        return Auto("pass" if item.auto == "limit_all" else None, Label(zh, en))
    return Auto(None, Label("填数值后自动比对", "Compared once the number is there"))


def _pair(numbers: Sequence[Decimal | None]) -> Auto:
    value = next(iter(numbers), None)
    if value is None:
        return Auto(
            None, Label("填两次读数之差后自动比对", "Compared once the difference of the two readings is there")
        )
    if abs(value) <= PAIR_CM:
        zh = f"相差 {abs(value):f} cm，不超过 {PAIR_CM:f} cm（HJ 164-2020 6.3.2）"
        return Auto("pass", Label(zh, f"{abs(value):f} cm apart, at most {PAIR_CM:f} cm (HJ 164-2020 6.3.2)"))
    least = abs(value) * 10 / PAIR_CM
    zh = f"相差 {abs(value):f} cm：水位埋深不足 {least:f} m 即超限（每 10 m 1 cm，HJ 164-2020 6.3.2）"
    en = f"{abs(value):f} cm apart: too much where the water is less than {least:f} m down (1 cm per 10 m, HJ 164-2020 6.3.2)"
    return Auto(None, Label(zh, en))


def _checks(ids: Sequence[str], found: Mapping[str, Sequence[Found]] | None) -> Auto:
    if found is None or not any(id in found for id in ids):
        return Auto(None, Label("这里没有采样记录可核对", "No records of the sampler here to compare with"))
    hits = [f for id in ids for f in found.get(id, ())]
    wrong = [f for f in hits if f.severity in ("error", "warning")]
    if wrong:
        more = len(wrong) - _SHOWN
        zh = "；".join(f.zh for f in wrong[:_SHOWN]) + (f"；另有 {more} 处" if more > 0 else "")
        en = "; ".join(f.en for f in wrong[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        return Auto("fail" if any(f.severity == "error" for f in wrong) else None, Label(zh, en))
    if unsure := [f for f in hits if f.severity == "unknown"]:
        return Auto(None, Label(unsure[0].zh, unsure[0].en))
    return Auto(
        None,
        Label(
            "采样记录中未见问题，仍以现场为准", "Nothing found in the sampler's records; what you see on site counts"
        ),
    )
