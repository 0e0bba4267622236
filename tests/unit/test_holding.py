"""Containers and holding times: the tables' own figures, and no guess where a row is missing."""

import pytest

from schemas.reference import CannotSay, codes, table
from schemas.rules.holding import ContainerRule, Holding, containers_for, holding_time

DAY = 24
SOIL = {
    "voc": 7 * DAY,  # 14 d with methanol or acid, 7 d without; HJ 605 7 d: the lowest
    "tph_c6c9": 7 * DAY,
    "svoc": 10 * DAY,
    "pah": 10 * DAY,
    "phenol": 10 * DAY,
    "phthalate": 10 * DAY,
    "nitrobenzene": 10 * DAY,
    "ocp": 14 * DAY,
    "pcb": 14 * DAY,
    "opp": 14 * DAY,
    "tph_c10c40": 14 * DAY,
    "metal": 180 * DAY,
    "as": 180 * DAY,
    "hg": 28 * DAY,
    "cr6": 30 * DAY,
    "cn": 2 * DAY,
}
WATER = {
    "voc": 14 * DAY,
    "metal": 14 * DAY,
    "hg": 14 * DAY,
    "as": 14 * DAY,
    "cr6": 24,
    "cn": 12,
    "petroleum": 3 * DAY,
    "ocp": 7 * DAY,
    "phenol": 7 * DAY,
    "chlorobenzene": 7 * DAY,
    "pah": 7 * DAY,
    "pcb": 7 * DAY,
    "nitrobenzene": 7 * DAY,
    "phthalate": 7 * DAY,
    "opp": 24,
    "nh3n": 24,
    "volatile_phenol": 24,
    "nitrogen_ox": 24,
    "iodide": 24,
    "tds": 24,
    "sulfide": 24,
    "codmn": 2 * DAY,
    "anion": 7 * DAY,  # sulfate 7 d, chloride 30 d: the lowest
    "fluoride": 14 * DAY,
    "surfactant": 7 * DAY,
    "microbe": 4,
    "radio": 5 * DAY,
    "tph_c10c40": 14 * DAY,
}
FIGURES = {"soil": SOIL, "groundwater": WATER}


@pytest.mark.parametrize("medium", codes("medium"))
@pytest.mark.parametrize("group", codes("analyte_group"))
def test_every_group_has_its_figure_or_no_answer(group, medium):
    answer = holding_time(group, medium)
    hours = FIGURES.get(medium, {}).get(group)
    if hours is None:
        assert isinstance(answer, CannotSay)
        assert answer.missing == ("row" if medium in FIGURES else "medium")
    else:
        assert isinstance(answer, Holding)
        assert (answer.hours, answer.group, answer.medium) == (hours, group, medium)
        assert answer.mark and answer.source in answer.text.zh
        assert ("待核" in answer.text.zh) is (answer.mark == "K")


def test_a_missing_row_is_named():
    answer = holding_time("dioxin", "soil")
    assert isinstance(answer, CannotSay)
    assert "二噁英" in answer.text.zh and "土壤" in answer.text.zh and "Dioxins" in answer.text.en
    assert holding_time("svoc", "groundwater").missing == "row"  # HJ 164 lists the classes, not SVOC as such
    assert holding_time("no_group", "soil").missing == "group"
    assert holding_time("voc", "moon").missing == "medium"


def test_the_lowest_wins_and_a_method_never_lengthens():
    for group, medium in (("voc", "soil"), ("svoc", "soil"), ("cn", "soil"), ("tph_c10c40", "groundwater")):
        plain = holding_time(group, medium)
        for method in ("HJ 605-2011", "HJ 605", "HJ834-2017", "HJ 745-2015", "EPA 8260", ""):
            assert holding_time(group, medium, method).hours <= plain.hours
    svoc = holding_time("svoc", "soil", "HJ 834-2017")
    assert (svoc.hours, svoc.method, svoc.mark) == (240, "HJ 834", "K")
    assert holding_time("voc", "soil", "HJ 605").hours == 168
    assert holding_time("cn", "soil", "HJ 745-2015").hours == 48


def test_the_time_of_an_extract():
    assert holding_time("ocp", "soil").after_hours == 40 * DAY
    assert holding_time("cr6", "soil").after_hours == 4 * DAY
    assert holding_time("hg", "soil").after_hours is None
    assert holding_time("cr6", "soil").text.zh.startswith("30天")
    assert holding_time("cn", "groundwater").text.en.startswith("12 h")


@pytest.mark.parametrize("name", ["soil_containers", "water_containers"])
def test_rows_use_the_codes_of_the_lists_and_hours_match_the_printed_time(name):
    for row in table(name):
        assert row["groups"] and set(row["groups"].split()) <= set(codes("analyte_group"))
        assert set(row["container_codes"].split()) <= set(codes("container_type"))
        assert row["preservative_code"] in codes("preservative") or not row["container_codes"]
        assert row["cold"] in ("yes", "no", "dark", "")
        if row["hold_text"]:
            number, unit = row["hold_text"].split()[:2]
            assert int(row["hold_hours"]) == int(number) * {"d": DAY, "h": 1}[unit]


def test_strict_method_rows_are_unconfirmed():
    methods = {row["method"]: row for row in table("soil_containers") if row["method"]}
    assert set(methods) == {"HJ 605", "HJ 834", "HJ 745"}
    assert all(row["mark"] == "K" for row in methods.values())


def _ways(group, medium):
    rules = containers_for(group, medium)
    assert isinstance(rules, list) and all(isinstance(rule, ContainerRule) for rule in rules)
    return rules


@pytest.mark.parametrize(
    ("group", "medium", "container", "preservative", "fits"),
    [
        ("voc", "soil", "v40_meoh", "meoh", True),
        ("voc", "soil", "v40_hcl", "hcl_ph2", True),
        ("voc", "soil", "v40_meoh", "none", False),
        ("voc", "soil", "bag_pe", "none", False),
        ("svoc", "soil", "jar250_b", "none", True),
        ("svoc", "soil", "bot_p", "none", False),
        ("hg", "soil", "bot_g", "none", True),
        ("hg", "soil", "bot_p", "none", False),
        ("metal", "soil", "bot_p", "none", True),
        ("moisture", "soil", "jar60", "none", True),
        ("voc", "groundwater", "v40_hcl", "hcl_asc", True),
        ("voc", "groundwater", "v40_hcl", "none", False),
        ("cr6", "groundwater", "bot_p", "naoh_ph89", True),
        ("cr6", "groundwater", "bot_p", "hno3_1", False),
        ("cn", "groundwater", "bot_g", "naoh_ph12", True),
        ("fluoride", "groundwater", "bot_p", "none", True),
        ("fluoride", "groundwater", "bot_g", "none", False),
        ("pah", "groundwater", "bot1000_b", "thiosulfate", True),
        ("pah", "groundwater", "jar500_b", "thiosulfate", False),  # 1000 ml are needed
        ("microbe", "groundwater", "bot_sterile", "none", True),
        ("sulfide", "groundwater", "bot_g", "naoh_asc", True),
    ],
)
def test_container_and_preservative(group, medium, container, preservative, fits):
    rules = _ways(group, medium)
    assert any(container in rule.containers and rule.preservative == preservative for rule in rules) is fits


def test_amounts_cold_and_marks():
    assert {rule.min_amount for rule in _ways("svoc", "soil") if not rule.method} == {120}
    assert {(rule.min_amount, rule.amount_unit) for rule in _ways("pah", "groundwater")} == {(1000, "ml")}
    assert {rule.cold for rule in _ways("sulfide", "groundwater")} == {"dark"}
    assert {rule.cold for rule in _ways("hg", "groundwater")} == {"no"}
    assert {rule.cold for rule in _ways("voc", "soil")} == {"yes"}
    (tph,) = _ways("tph_c10c40", "groundwater")
    assert tph.mark == "K" and "待核" in tph.cite.zh


@pytest.mark.parametrize(
    ("group", "medium", "missing"),
    [
        ("archive", "soil", "row"),
        ("geotech", "soil", "row"),
        ("dioxin", "groundwater", "row"),
        ("voc", "crop", "medium"),
    ],
)
def test_no_container_is_guessed(group, medium, missing):
    answer = containers_for(group, medium)
    assert isinstance(answer, CannotSay) and answer.missing == missing


def test_dry_matter_has_a_jar_but_no_time():
    assert _ways("moisture", "soil")
    assert holding_time("moisture", "soil").missing == "row"
