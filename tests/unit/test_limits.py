"""Every figure of the three standards, and the traps between a reading and a limit."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reference import CannotSay, codes, table
from schemas.rules import limits
from schemas.rules.limits import ROTATION, Limit, convert, judge, ph_band_of, screening

D = Decimal
TINY = D("0.0000001")  # the next digit above any figure here


def state(value, analyte, standard, unit="mg_kg", **given):
    return judge(D(value), "eq", None, unit, analyte, standard, **given).state


def reason(judgement):
    assert judgement.state == "cannot_say" and judgement.reason is not None
    assert judgement.detail == judgement.reason.text and judgement.detail.zh and judgement.detail.en
    return judgement.reason.missing


# --- every row --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", table("gb36600"), ids=lambda row: row["item"])
def test_gb36600_row_by_row(row):
    for cls in "12":
        first, action = D(row[f"screening_{cls}"]), D(row[f"intervention_{cls}"])
        assert first <= action
        standard = f"gb36600_{cls}"
        for name in (row["analyte"], row["zh"], row["en"]):
            limit = screening(name, standard, unit="mg_kg")
            assert isinstance(limit, Limit)
            assert (limit.screening, limit.intervention, limit.mark) == (first, action, row["mark"])
        assert (limit.source, limit.row) == (f"GB 36600-2018 {row['table']}", row["row"])
        above = "above_intervention" if first == action else "above_screening"
        assert state(first, row["analyte"], standard) == "below"
        assert state(first + TINY, row["analyte"], standard) == above
        assert state(action, row["analyte"], standard) == ("below" if first == action else "above_screening")
        assert state(action + TINY, row["analyte"], standard) == "above_intervention"


@pytest.mark.parametrize(
    "row", table("gb15618"), ids=lambda r: f"{r['table']}-{r['zh']}-{r['land_use']}-{r['ph_band']}"
)
def test_gb15618_row_by_row(row):
    use = "other_farm" if row["land_use"] == "all" else row["land_use"]
    band = "le55" if row["ph_band"] == "all" else row["ph_band"]
    given = {"land_use": use, "ph_band": band}
    limit = screening(row["analyte"], "gb15618", unit="mg_kg", **given)
    assert isinstance(limit, Limit)
    value = D(row["value"])
    if row["kind"] == "screening":
        assert (limit.screening, limit.mark, limit.row) == (value, row["mark"], row["row"])
        assert row["table"] in limit.source
        assert state(value, row["analyte"], "gb15618", **given) == "below"
        assert state(value + TINY, row["analyte"], "gb15618", **given) == "above_screening"
    else:
        assert limit.intervention == value and "表3" in limit.source
        assert state(value, row["analyte"], "gb15618", **given) == "above_screening"
        assert state(value + TINY, row["analyte"], "gb15618", **given) == "above_intervention"


@pytest.mark.parametrize("row", table("gbt14848"), ids=lambda row: row["row"])
@pytest.mark.parametrize("cls", ["3", "4"])
def test_gbt14848_row_by_row(row, cls):
    standard, printed = f"gbt14848_{cls}", row[f"class{cls}_max"]
    unit = row["unit"] or "mg_l"
    limit = screening(row["analyte"], standard, unit=unit)
    if not printed:
        assert isinstance(limit, CannotSay)
        assert limit.missing == ("text_item" if row["kind"] == "text" else "open_class")
        return
    assert isinstance(limit, Limit)
    assert (limit.screening, limit.intervention, limit.mark) == (D(printed), None, row["mark"])
    assert (limit.source, limit.row) == (f"GB/T 14848-2017 {row['table']}", row["row"])
    if unit == "other":  # colour: the code list has no platinum-cobalt unit
        assert reason(judge(D(1), "eq", None, unit, row["analyte"], standard)) == "unit"
        return
    assert state(printed, row["analyte"], standard, unit) == "below"
    assert state(D(printed) + TINY, row["analyte"], standard, unit) == "above_screening"


def test_figures_read_straight_from_the_standards():
    def pair(analyte, standard, **given):
        found = screening(analyte, standard, unit="mg_kg", **given)
        return found.screening, found.intervention

    assert pair("As", "gb36600_1") == (20, 120)
    assert pair("As", "gb36600_2") == (60, 140)
    assert pair("六价铬", "gb36600_1") == (3, 30)
    assert pair("Pb", "gb36600_2") == (800, 2500)
    assert pair("苯", "gb36600_1") == (1, 10)
    assert pair("C10-C40", "gb36600_2") == (4500, 9000)
    assert pair("Cd", "gb15618", land_use="paddy", ph_band="gt75") == (D("0.8"), 4)
    assert pair("Hg", "gb15618", land_use="other_farm", ph_band="b6575") == (D("2.4"), 4)
    assert pair("Zn", "gb15618", ph_band="gt75") == (300, None)
    assert screening("NH3-N", "gbt14848_3", unit="mg_l").screening == D("0.50")
    assert screening("苯", "gbt14848_4", unit="ug_l").screening == 120


def test_six_items_have_one_figure_for_both():
    equal = [row["item"] for row in table("gb36600") if row["screening_2"] == row["intervention_2"]]
    assert equal == [f"T1-{n}" for n in (21, 28, 31, 32, 33, 34)]


# --- what is said -----------------------------------------------------------------------------------------------------


def test_the_words_of_a_judgement():
    found = judge(D(642), "eq", None, "mg_kg", "Ni", "gb36600_1", "r1", None, "xrf")
    assert found.state == "above_intervention"
    assert found.title.zh == "镍 642 超管制值 600"
    assert "快筛，建议送检" in found.detail.zh and "GB 36600-2018 表1 序号7" in found.detail.zh
    assert "150" in found.detail.en and "laboratory" in found.detail.en
    lab = judge(D(642), "eq", None, "mg_kg", "Ni", "gb36600_1", "r1", None, "HJ 803-2016")
    assert lab.state == "above_intervention" and "快筛" not in lab.detail.zh
    assert judge(D(3), "eq", None, "mg_l", "Fe", "gbt14848_3").title.zh == "铁 3 超Ⅲ类限值 0.3"
    assert judge(None, "nd", D(2), "mg_kg", "Ni", "gb36600_1").title.zh == "镍 <2 未超筛选值 150"


@pytest.mark.parametrize("standard", ["gb36600_1", "gb36600_2"])
def test_background_footnote(standard):
    marked = {row["analyte"] for row in table("gb36600") if standard[-1] in row["background_classes"]}
    assert marked == ({"arsenic", "cobalt", "vanadium"} if standard[-1] == "1" else {"arsenic", "cobalt"})
    for analyte in ("arsenic", "cobalt", "vanadium", "lead"):
        limit = screening(analyte, standard, unit="mg_kg")
        found = judge(limit.screening + 1, "eq", None, "mg_kg", analyte, standard)
        assert found.state == "above_screening"
        assert ("背景值" in found.detail.zh) is (analyte in marked)
        assert "背景值" not in judge(limit.screening, "eq", None, "mg_kg", analyte, standard).detail.zh


# --- units ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "analyte", "standard", "expected"),
    [
        ("10", "ng_kg", "dioxins", "gb36600_1", "below"),
        ("10.1", "ng_kg", "dioxins", "gb36600_1", "above_screening"),
        ("100.1", "ng_kg", "dioxins", "gb36600_1", "above_intervention"),
        ("40", "ng_kg", "PCB 126", "gb36600_1", "below"),
        ("20000", "ug_kg", "As", "gb36600_1", "below"),
        ("20000.1", "ug_kg", "As", "gb36600_1", "above_screening"),
        ("0.02", "g_kg", "As", "gb36600_1", "below"),
        ("0.0201", "g_kg", "As", "gb36600_1", "above_screening"),
        ("0.015", "pct", "Ni", "gb36600_1", "below"),
        ("0.0151", "pct", "Ni", "gb36600_1", "above_screening"),
        ("5", "ug_l", "Cd", "gbt14848_3", "below"),
        ("5.1", "ug_l", "Cd", "gbt14848_3", "above_screening"),
        ("0.01", "mg_l", "benzene", "gbt14848_3", "below"),
        ("0.0101", "mg_l", "benzene", "gbt14848_3", "above_screening"),
        ("100", "cfu_ml", "菌落总数", "gbt14848_3", "below"),
        ("10000", "cfu_l", "菌落总数", "gbt14848_3", "below"),
        ("10001", "cfu_l", "菌落总数", "gbt14848_3", "above_screening"),  # the code counts per 100 mL
        ("3", "cfu_l", "总大肠菌群", "gbt14848_3", "below"),
    ],
)
def test_units_of_one_kind_convert_exactly(value, unit, analyte, standard, expected):
    found = judge(D(value), "eq", None, unit, analyte, standard)
    assert found.state == expected
    assert found.limit is not None and found.limit.unit == unit


@pytest.mark.parametrize(
    ("unit", "analyte", "standard"),
    [
        ("mg_l", "Cd", "gb36600_1"),
        ("ug_l", "Cd", "gb15618"),
        ("mg_kg", "Cd", "gbt14848_3"),
        ("pct", "Cd", "gbt14848_3"),
        ("mg_m3", "benzene", "gb36600_1"),
        ("other", "Cd", "gb36600_1"),
        ("no_such_unit", "Cd", "gb36600_1"),
        ("mg_l", "pH", "gbt14848_3"),
        ("ph", "Cd", "gbt14848_3"),
        ("us_cm", "Cd", "gbt14848_3"),
    ],
)
def test_units_of_another_kind_are_not_compared(unit, analyte, standard):
    for value in ("0", "999999"):
        use = "paddy" if standard == "gb15618" else None
        assert reason(judge(D(value), "eq", None, unit, analyte, standard, use, "le55")) == "unit"


@given(st.decimals("0.000001", "100000", places=6), st.sampled_from(["g_kg", "mg_kg", "ug_kg", "ng_kg", "pct"]))
def test_conversion_goes_both_ways_without_loss(value, unit):
    there = convert(value, "mg_kg", unit)
    assert there is not None and convert(there, unit, "mg_kg") == value


@given(
    st.decimals("0", "3000", places=3),
    st.sampled_from([row["analyte"] for row in table("gb36600")]),
    st.sampled_from(["g_kg", "ug_kg", "ng_kg"]),
)
def test_the_unit_never_changes_the_judgement(value, analyte, unit):
    other = convert(value, "mg_kg", unit)
    assert other is not None
    assert state(value, analyte, "gb36600_1") == state(other, analyte, "gb36600_1", unit)


# --- traps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "unit"), [("pid", "ppm_ib"), ("fid", "ppm_ib"), ("pid", "mg_kg"), ("fid", "mg_kg"), (None, "ppm_ib")]
)
def test_gas_readings_have_no_limit(method, unit):
    for analyte in ("benzene", "pid"):
        assert reason(judge(D(9999), "eq", None, unit, analyte, "gb36600_1", method=method)) == "method"


def test_total_chromium_is_not_hexavalent():
    for standard in ("gb36600_1", "gb36600_2"):
        for value in ("0", "99999"):
            found = judge(D(value), "eq", None, "mg_kg", "Cr", standard, method="xrf")
            assert reason(found) == "valence" and "六价" in found.detail.zh
    assert reason(judge(D(1), "eq", None, "mg_kg", "chromium_vi", "gb36600_1", method="xrf")) == "valence"
    assert reason(judge(D(1), "eq", None, "mg_l", "Cr", "gbt14848_3")) == "valence"
    assert state(151, "Cr", "gb15618", land_use="other_farm", ph_band="le55") == "above_screening"
    assert reason(judge(D(1), "eq", None, "mg_kg", "六价铬", "gb15618", "paddy", "le55")) == "row"


def test_xrf_measures_elements_and_reads_mercury_with_a_note():
    found = judge(D(9), "eq", None, "mg_kg", "Hg", "gb36600_1", method="xrf")
    assert found.state == "above_screening" and "XRF" in found.detail.zh and "待核" in found.detail.zh
    assert "XRF" not in judge(D(9), "eq", None, "mg_kg", "Pb", "gb36600_1", method="xrf").detail.zh
    assert reason(judge(D(9), "eq", None, "mg_kg", "benzene", "gb36600_1", method="xrf")) == "method"
    assert judge(D(9), "eq", None, "mg_kg", "benzene", "gb36600_1", method="HJ 605-2011").state == "above_screening"


@pytest.mark.parametrize(
    ("value", "qualifier", "lod", "expected"),
    [
        (None, "nd", "20", "below"),  # arsenic, class 1: 20
        (None, "nd", "20.1", "lod"),
        (None, "nd", None, "lod"),
        (None, "nd", "0", "lod"),
        (None, "lt", "5", "below"),
        ("5", "lt", "5", "below"),
        ("25", "lt", "5", "lod"),  # only known to be under 25
        (None, "lt", None, "lod"),
        ("5", "lt", None, "lod"),
        (None, "nd", "-1", "lod"),
        (None, "eq", "5", "value"),
        ("NaN", "eq", None, "value"),
        ("Infinity", "eq", None, "value"),
        ("-1", "eq", None, "value"),
        ("0", "eq", None, "below"),
        ("20", "est", None, "below"),
        ("21", "est", None, "above_screening"),
        ("19", "gt", None, "value"),
        ("20", "gt", None, "value"),
        ("21", "gt", None, "above_screening"),
        ("121", "gt", None, "above_intervention"),
        (None, "gt", None, "value"),
        ("5", "about", None, "qualifier"),
    ],
)
def test_qualifiers(value, qualifier, lod, expected):
    found = judge(value and D(value), qualifier, lod and D(lod), "mg_kg", "As", "gb36600_1")
    if expected in get_args(limits.State):
        assert found.state == expected
    else:
        assert reason(found) == expected


def test_over_range_between_the_two_values_asks_for_another_reading():
    assert "复测" in judge(D(21), "gt", None, "mg_kg", "As", "gb36600_1").detail.zh
    assert "复测" not in judge(D(21), "eq", None, "mg_kg", "As", "gb36600_1").detail.zh


@pytest.mark.parametrize(("standard", "low", "high"), [("gbt14848_3", "6.5", "8.5"), ("gbt14848_4", "5.5", "9.0")])
def test_ph_of_groundwater_is_a_range(standard, low, high):
    for value in (D(low), D(7), D(high)):
        assert state(value, "pH", standard, "ph") == "below"
    for value in (D(low) - TINY, D(high) + TINY, D(0), D(14)):
        assert state(value, "pH", standard, "ph") == "above_screening"
    assert reason(judge(None, "nd", D(1), "ph", "pH", standard)) == "value"


def test_radioactivity_has_no_upper_figure_in_class_iv():
    assert state("0.5", "gross_alpha", "gbt14848_4", "bq_l") == "below"  # meets class III
    assert reason(judge(D("0.6"), "eq", None, "bq_l", "gross_alpha", "gbt14848_4")) == "open_class"
    assert state("0.6", "gross_alpha", "gbt14848_3", "bq_l") == "above_screening"
    assert reason(judge(D(0), "eq", None, "mg_l", "嗅和味", "gbt14848_3")) == "text_item"


# --- farmland ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "land_use"),
        ({"ph_band": "le55"}, "land_use"),
        ({"land_use": "paddy"}, "ph_band"),
        ({"land_use": "paddy", "ph_band": "acid"}, "ph_band"),
        ({"land_use": "paddy", "ph_band": "le55", "ph": D(7)}, "ph_band"),  # they contradict each other
        ({"land_use": "paddy", "ph": D(15)}, "ph"),
        ({"land_use": "r1", "ph_band": "le55"}, "land_use"),
    ],
)
def test_farmland_needs_land_use_and_ph(given, missing):
    assert reason(judge(D(1), "eq", None, "mg_kg", "Cd", "gb15618", **given)) == missing


def test_farmland_asks_only_for_what_the_table_depends_on():
    assert state("0.55", "BaP", "gb15618") == "below"
    assert state("0.56", "BaP", "gb15618") == "above_screening"
    assert state("0.11", "六六六", "gb15618") == "above_screening"
    assert state(60, "Ni", "gb15618", ph=D("5.5")) == "below"
    assert reason(judge(D(1), "eq", None, "mg_kg", "Ni", "gb15618")) == "ph_band"


def test_orchard_copper_paddy_and_rotation():
    for analyte, figures in (("Cu", "100 100 200 100"), ("Cd", "0.8 0.6 0.6 0.6"), ("Hg", "1.0 3.4 3.4 1.0")):
        for use, figure in zip(("paddy", "other_farm", "dry_orchard", ROTATION), figures.split(), strict=True):
            limit = screening(analyte, "gb15618", unit="mg_kg", land_use=use, ph_band="gt75")
            assert limit.screening == D(figure), (analyte, use)
    for analyte in ("Cu", "Ni", "Zn"):
        found = screening(analyte, "gb15618", unit="mg_kg", land_use="paddy", ph_band="le55")
        assert found.intervention is None
        assert state(999999, analyte, "gb15618", land_use="paddy", ph_band="le55") == "above_screening"


@pytest.mark.parametrize(
    ("ph", "band"),
    [("0", "le55"), ("5.5", "le55"), ("5.51", "b5565"), ("6.5", "b5565"), ("6.51", "b6575"), ("7.5", "b6575")]
    + [("7.51", "gt75"), ("14", "gt75"), ("14.1", None), ("-1", None), ("NaN", None)],
)
def test_ph_bands(ph, band):
    assert ph_band_of(D(ph)) == band
    if band:
        by_value = screening("Cd", "gb15618", unit="mg_kg", land_use="paddy", ph=D(ph))
        assert by_value == screening("Cd", "gb15618", unit="mg_kg", land_use="paddy", ph_band=band)


# --- no figure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("analyte", "standard", "missing"),
    [
        ("Zn", "gb36600_1", "row"),
        ("Sr", "gb36600_2", "row"),
        ("V", "gbt14848_3", "row"),
        ("二甲苯", "gb36600_1", "row"),
        ("unobtainium", "gb36600_1", "analyte"),
        ("Cd", "gb99999", "standard"),
        ("Cd", "project_target", "targets"),
    ],
)
def test_no_row_is_no_verdict(analyte, standard, missing):
    for value in ("0", "99999"):
        assert reason(judge(D(value), "eq", None, "mg_kg", analyte, standard)) == missing


def test_project_targets_only_when_handed_in():
    given = {"targets": {"Cd": D(5), "benzene": D("0.1")}}
    assert state(5, "镉", "project_target", **given) == "below"
    assert state("5.01", "镉", "project_target", **given) == "above_screening"
    assert state(5001, "镉", "project_target", "ug_kg", **given) == "above_screening"
    assert reason(judge(D(1), "eq", None, "mg_kg", "Pb", "project_target", **given)) == "targets"
    assert reason(judge(D(1), "eq", None, "mg_l", "Cd", "project_target", **given)) == "unit"
    water = judge(D(6), "eq", None, "mg_l", "Cd", "project_target", targets={"Cd": D(5)}, target_unit="mg_l")
    assert water.state == "above_screening" and "待核" not in water.detail.zh


def test_land_use_must_not_contradict_the_standard():
    assert reason(judge(D(25), "eq", None, "mg_kg", "As", "gb36600_2", "r1")) == "land_use"
    assert state(25, "As", "gb36600_1", land_use="r2") == "above_screening"  # stricter than needed is allowed
    assert reason(judge(D(25), "eq", None, "mg_kg", "As", "gb36600_1", "paddy")) == "land_use"


@given(
    st.one_of(st.none(), st.decimals(allow_nan=True, allow_infinity=True)),
    st.sampled_from([*codes("qualifier"), "x"]),
    st.one_of(st.none(), st.decimals(allow_nan=True, allow_infinity=True)),
    st.sampled_from([*codes("unit"), "x"]),
    st.sampled_from(["Cd", "Cr", "benzene", "pH", "嗅和味", "gross_beta", "pid", ""]),
    st.sampled_from([*codes("standard"), "x"]),
    st.sampled_from([None, *codes("land_use"), "x"]),
    st.sampled_from([None, *codes("ph_band"), "x"]),
    st.sampled_from([None, *codes("method_kind"), "HJ 605"]),
)
def test_judge_never_fails_and_always_says_why(value, qualifier, lod, unit, analyte, standard, use, band, method):
    found = judge(value, qualifier, lod, unit, analyte, standard, use, band, method)
    assert (found.state == "cannot_say") is (found.reason is not None)
    assert found.title.zh and found.title.en and found.detail.zh and found.detail.en
    assert found.state == "cannot_say" or found.limit is not None
