"""I06: a signed on-site record that is no longer what was signed, as its stored values tell it."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.records.inspection import Inspection
from schemas.rules.reconcile.checks import ERROR, INSPECTOR, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View


def superseded(facts: Facts) -> frozenset[str]:
    """Inspections that another one stands for now: a correction counts once somebody signed it."""
    return frozenset(i.amends_id for i in facts.alive(Inspection) if i.amends_id and i.signatures)


@check(
    "I06", "内容与签字时不同", "Not what was signed", ERROR, "本系统设定", "D", INSPECTOR,
    texts={"": ("{code} 的内容与签字时不同：有记录或照片在签字之后加入或缺失。做更正笔录，写明原因",
                "{code} is not what was signed: records or photos were added after, or are missing. Amend it and give the reason")},
    per_point=False, in_point=False,
)  # fmt: skip
def altered(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    if facts.altered is None:  # nobody here has the values as they were signed
        return
    amended = superseded(facts)
    for inspection in facts.alive(Inspection):
        if inspection.id in facts.altered and inspection.id not in amended:
            yield say(inspection, None, code=inspection.code)
