"""Which law an item stands on by the day of the conduct, the words of a finding's basis, deadlines, and what figures say by themselves."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from schemas.fields import fields_of
from schemas.records.finding import Finding
from schemas.reference import Label, basis
from schemas.rules.checklists import ready
from schemas.rules.checklists.auto import auto, limit_of, rule_known
from schemas.rules.checklists.basis import DEADLINES, LONGEST, basis_for, deadline_days, quote, text
from schemas.rules.checklists.model import Ask, Cite, Item

LAST, FIRST = date(2026, 8, 14), date(2026, 8, 15)
ITEMS = {item.code: item for c in ready.every() for item in c.items}
OLD = "《中华人民共和国土壤污染防治法》"
NOT_IN_TABLE = {"58", "60"}  # named by a ready list, its words not carried


def item(*cites: Cite, mark: str = "C") -> Item:
    return Item("X1", Label("段", "Part"), Label("题", "Item"), basis=cites, mark=mark)


LAW_ITEMS = [(code, cite) for code, i in ITEMS.items() for cite in i.basis if cite.law == "soil_law"]


@pytest.mark.parametrize(("code", "cite"), LAW_ITEMS, ids=[c for c, _ in LAW_ITEMS])
def test_every_item_on_the_old_law_changes_over_night(code, cite):
    old = [s for s in basis_for(ITEMS[code], LAST) if OLD in s.zh]
    assert [re.search(r"第(\d+)条", s.zh)[1] for s in old] == list(cite.articles)
    for said, article in zip(old, cite.articles, strict=True):
        known = article not in NOT_IN_TABLE
        assert (said.status, "待核" in said.zh, bool(said.quote.zh)) == (
            ("", False, True) if known else ("待核", True, False)
        )
    new = [s for s in basis_for(ITEMS[code], FIRST) if "生态环境法典" in s.zh]
    assert len(new) == 1 and new[0].status == "待核" and "条号待核" in new[0].zh and "to be confirmed" in new[0].en
    assert f"原土壤污染防治法第{'、'.join(cite.articles)}条" in new[0].zh
    assert not re.search(r"法典》第\d", new[0].zh)  # no article of the new law is made up
    assert not any(OLD in s.zh for s in basis_for(ITEMS[code], FIRST))


def test_the_law_items_are_as_many_as_the_lists_have():
    assert Counter(code[:2] for code, _ in LAW_ITEMS) == {"HH": 4, "RM": 12, "TR": 7, "UN": 1}


@pytest.mark.parametrize("day", [LAST, FIRST, date(2018, 1, 1)])
def test_the_basis_of_every_item_fits_a_finding_in_both_languages(day):
    fields = fields_of(Finding)
    assert fields["basis"].max_length == fields["quote"].max_length == LONGEST
    for code, one in ITEMS.items():
        said = basis_for(one, day)
        for lang, between in (("zh", "；"), ("en", "; ")):
            line = text(said, lang)
            assert 0 < len(line) <= LONGEST, code
            assert line == between.join(getattr(s, lang) for s in said) or not said, code
        assert not re.search(r"[\u4e00-\u9fff]", text(said, "en")), code
        assert len(quote(said).zh) <= LONGEST and len(quote(said).en) <= LONGEST


def test_41_word_for_word():
    assert text(basis_for(ITEMS["TR-01"], LAST), "zh") == f"{OLD}第41条"
    assert text(basis_for(ITEMS["TR-01"], LAST), "en") == "Soil Pollution Prevention and Control Law, Art. 41"
    assert "转运计划" in quote(basis_for(ITEMS["TR-01"], LAST)).zh
    assert text(basis_for(ITEMS["TR-01"], FIRST), "zh") == "《生态环境法典》（条号待核，原土壤污染防治法第41条）"
    both = text(basis_for(ITEMS["RM-02"], LAST), "zh")
    assert both == f"{OLD}第64条；{OLD}第95条"


def test_no_basis_is_said_to_be_open():
    assert basis_for(ITEMS["DM-01"], FIRST) == ()
    assert (text((), "zh"), text((), "en"), quote(())) == ("待核", "To be confirmed", Label("", ""))


def test_a_document_that_is_not_confirmed_says_so_whatever_the_day():
    for day in (LAST, FIRST):
        (said,) = basis_for(ITEMS["HH-07"], day)
        assert said.zh.endswith("（待核）") and said.en.endswith("(to be confirmed)") and said.status == "待核"
    (said,) = basis_for(ITEMS["SP-01"], FIRST)
    assert (said.zh, said.status) == ("公告2022年第17号 表3-1 第1项", "")


def test_a_day_before_the_law_and_a_law_nobody_knows():
    (said,) = basis_for(item(Cite("soil_law", ("41",))), date(2018, 12, 31))
    assert "尚未施行" in said.zh and said.status == "待核"
    (said,) = basis_for(item(Cite("moon_law", ("1",))), FIRST)
    assert said.status == "待核" and "moon_law" in said.zh


def test_a_standard_is_replaced_by_the_day_too():
    (old,) = basis_for(item(Cite("hjt166")), date(2026, 5, 31))
    (new,) = basis_for(item(Cite("hjt166")), date(2026, 6, 1))
    assert old.zh == "HJ/T 166-2004" and "HJ 166-2026" in new.zh
    (penalty,) = basis_for(item(Cite("penalty_law", ("55",))), FIRST)
    assert penalty.zh.endswith("第55条") and penalty.status == ""


def test_every_quote_of_the_law_fits_a_finding():
    assert max(len(row.zh) for row in basis()) <= LONGEST


@pytest.mark.parametrize(
    ("severity", "days"), [("severe", 7), ("law", 15), ("general", 30), ("tip", None), ("none", None)]
)
def test_days_to_put_it_right_are_configurable(severity, days):
    assert deadline_days(severity) == days == DEADLINES[severity]
    assert deadline_days(severity, {severity: 3}) == 3
    assert deadline_days("new one") == 30


# --- what figures say -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value", "answer"),
    [
        ("FS-11", "24", "pass"), ("FS-11", "23.9", "fail"), ("FS-11", "240", "pass"), ("FS-11", None, None),
        ("FS-15", "0.5", None), ("FS-15", "0.51", "fail"),  # within the flow the rest of the item is still to be looked at
        ("FS-09", "4", None), ("FS-09", "4.1", "fail"), ("FS-16", "-2", None),
        ("WL-06", "1", "pass"), ("WL-06", "-1", "pass"), ("WL-06", "1.01", None), ("WL-06", "5", None),
        ("WL-02", "5", None),
    ],
)  # fmt: skip
def test_a_number_against_its_limit(code, value, answer):
    said = auto(ITEMS[code], [Decimal(value) if value else None])
    assert said.answer == answer
    assert bool(said.why.zh) is bool(said.why.en) is (code != "WL-02")
    if value and ITEMS[code].auto:
        assert str(abs(Decimal(value))) in said.why.zh


def test_a_deep_well_may_have_readings_further_apart():
    said = auto(ITEMS["WL-06"], [Decimal(5)])
    assert "50 m" in said.why.zh and "HJ 164-2020 6.3.2" in said.why.en


@pytest.mark.parametrize(
    ("limit", "inside", "outside"),
    [("<=0.5", ["0.5", "-1"], ["0.51"]), ("<5", ["4.99"], ["5"]), (">=24", ["24"], ["23.99"]), (">0", ["0.01"], ["0"]), ("2..8", ["2", "8"], ["1.9", "8.1"])],
)  # fmt: skip
def test_limits(limit, inside, outside):
    read = limit_of(Ask("number", limit=limit))
    assert (
        read is not None
        and all(read.holds(Decimal(v)) for v in inside)
        and not any(read.holds(Decimal(v)) for v in outside)
    )


@pytest.mark.parametrize("limit", ["", "=5", "<= 5", "5", "1..", "a..b", "<=1e5", "<=-1", "<=५"])
def test_what_is_no_limit(limit):
    assert limit_of(Ask("number", limit=limit)) is None


def found(severity: str, n: int = 1) -> list[SimpleNamespace]:
    return [SimpleNamespace(severity=severity, zh=f"问题{i}", en=f"problem {i}") for i in range(n)]


def test_what_the_checks_found_in_the_samplers_records():
    fs = ITEMS["FS-02"]
    assert fs.auto == "checks:F08"
    assert (
        auto(fs, [], None)
        == auto(fs, [], {"S05": []})
        == (None, Label("这里没有采样记录可核对", "No records of the sampler here to compare with"))
    )
    assert auto(fs, [], {"F08": []}).answer is None and "仍以现场为准" in auto(fs, [], {"F08": []}).why.zh
    assert auto(fs, [], {"F08": found("error", 5)}) == (
        "fail",
        Label("问题0；问题1；问题2；另有 2 处", "problem 0; problem 1; problem 2; and 2 more"),
    )
    assert auto(fs, [], {"F08": found("warning")}).answer is None
    assert auto(fs, [], {"F08": found("unknown")}).why.zh == "问题0"


def test_two_rules_of_one_item():
    two = ITEMS["FS-09"]
    assert two.auto == "limit;checks:S05"
    assert auto(two, [Decimal(3)], {"S05": found("error")}).answer == "fail"
    assert auto(two, [Decimal(9)], {"S05": []}).answer == "fail"
    said = auto(two, [Decimal(3)], {"S05": []})
    assert said.answer is None and "；" in said.why.zh
    both = two._replace(auto="limit_all;checks:S05")
    assert auto(both, [Decimal(3)], {"S05": []}).answer is None  # one of two says nothing for the other
    assert (
        rule_known("limit;checks:S05,F01")
        and not rule_known("limit;")
        and not rule_known("checks:")
        and not rule_known("eval")
    )
    assert auto(two._replace(auto="magic"), [Decimal(3)]) == (None, Label("", ""))
