"""The packaged tables: complete, marked, and without a word that two analytes share."""

import hashlib
import importlib.resources
import json
import re
from datetime import date
from decimal import Decimal

import pytest

from schemas import reference
from schemas.reference import Label, analyte, analytes, basis, basis_on, codes, table
from schemas.rules.checklists import ready

MARKS = {"C", "C1", "C2", "K", "K?", "D"}
TABLES = {
    "analytes": 146,
    "codes": 890,
    "gb36600": 85,
    "gb15618": 79,
    "gbt14848": 93,
    "soil_containers": 17,
    "water_containers": 45,
    "ionisation": 8,
    "photo_steps": 41,
    "factors": 8,
    "duty_rounds": 14,
}


@pytest.mark.parametrize(("name", "count"), TABLES.items())
def test_every_row_is_counted_and_marked(name, count):
    rows = table(name)
    assert len(rows) == count
    assert all(row["mark"] in MARKS for row in rows)
    assert all(None not in row and None not in row.values() for row in rows)  # no ragged line


@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("analytes", "codes")])
def test_every_figure_names_standard_table_and_row(name):
    for row in table(name):
        assert row["standard"] and row["table"] and row["row"], row


def test_rows_per_table_of_the_standards():
    def count(name, **wanted):
        return sum(all(row[k] == v for k, v in wanted.items()) for row in table(name))

    assert (count("gb36600", table="表1"), count("gb36600", table="表2")) == (45, 40)
    assert (count("gb15618", table="表1"), count("gb15618", table="表2"), count("gb15618", table="表3")) == (56, 3, 20)
    assert (count("gbt14848", table="表1"), count("gbt14848", table="表2")) == (39, 54)
    assert [row["row"] for row in table("gbt14848")] == [f"序号{n}" for n in range(1, 94)]
    hj164 = {row["row"] for row in table("water_containers") if row["standard"] == "HJ 164-2020"}
    assert hj164 == {f"第{n}行" for n in range(1, 40)}


# Row tests compare code with table; this compares the tables with themselves as they were checked against the standards.
# A figure changes only together with its digest, on purpose.
DIGESTS = {
    "gb36600": "ce251b2b614bcf79",
    "gb15618": "aafc5314ad6f98e9",
    "gbt14848": "f46362ff9456f07d",
    "soil_containers": "597e6b1e439a0081",
    "water_containers": "4dde4ba9d1be4b6f",
    "ionisation": "cd88dfc9d6a41cb2",
    "photo_steps": "693022ab4ba3d114",
    "factors": "5a0575a1cbab77e5",
    "duty_rounds": "4cefa002460691c4",
}
FIGURE = re.compile(
    r"analyte|land_use|ph_band|kind|unit|value|screening|intervention|class[34]|_hours|min_amount|groups|_ev|months"
)


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items())
def test_no_figure_changes_unseen(name, digest):
    figures = [[v for k, v in row.items() if FIGURE.search(k)] for row in table(name)]
    assert hashlib.sha256(json.dumps(figures, ensure_ascii=False).encode()).hexdigest()[:16] == digest


def test_the_files_are_part_of_the_package():
    names = {entry.name for entry in importlib.resources.files("schemas.reference").iterdir()}
    assert {f"{name}.csv" for name in TABLES} | {"legal_basis.json", "checklists"} <= names
    lists = {entry.name for entry in importlib.resources.files("schemas.reference").joinpath("checklists").iterdir()}
    assert lists == {f"{c.name}.json" for c in ready.every()}


# --- codes ------------------------------------------------------------------------------------------------------------


def test_codes_of_a_list_keep_order_and_both_languages():
    assert list(codes("ph_band")) == ["le55", "b5565", "b6575", "gt75"]
    assert codes("standard")["gbt14848_3"] == Label("GB/T 14848 Ⅲ类", "GB/T 14848 class III")
    assert codes("standard")["gbt14848_4"] == Label("GB/T 14848 Ⅳ类", "GB/T 14848 class IV")
    assert codes("unit")["mg_kg"] == Label("mg/kg", "mg/kg")
    assert codes("ph_band")["b5565"] == Label("5.5<pH≤6.5", "5.5 < pH ≤ 6.5")
    assert codes("land_use")["r2"].zh == "第二类用地(M,W,B,S,U,其他A,其他G)"


def test_an_unknown_list_is_named_and_a_list_cannot_be_changed_by_a_caller():
    with pytest.raises(KeyError, match="no_such_list"):
        codes("no_such_list")
    codes("unit").clear()
    assert codes("unit")


def test_codes_are_unique_bilingual_and_sourced_by_standards_only():
    seen = set()
    for row in table("codes"):
        assert (row["list"], row["code"]) not in seen
        seen.add((row["list"], row["code"]))
        assert row["code"] and row["zh"] and row["en"]
        assert not re.search(r"[\u4e00-\u9fff]", row["en"]), row  # a broken zh/en split leaves Chinese in en
        assert not row["en"].startswith("T 14848")
    words = re.compile(r"RULES|architecture|checklists|need:|SEED|HJ-TC|郑州|平台|GUIDE|repo\b|\.md|\.json|\.csv")
    assert not [row for row in table("codes") if words.search(row["source"])]
    assert len(reference.code_lists()) == len({row["list"] for row in table("codes")})


# --- analytes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Cd", "cadmium"),
        ("cd", "cadmium"),
        ("cadmium", "cadmium"),
        ("镉", "cadmium"),
        ("7440-43-9", "cadmium"),
        ("Cr", "chromium"),
        ("铬", "chromium"),
        ("总铬", "chromium"),
        ("chromium", "chromium"),
        ("chromium_vi", "chromium_vi"),
        ("hexavalent chromium", "chromium_vi"),
        ("hexavalent_chromium", "chromium_vi"),
        ("六价铬", "chromium_vi"),
        ("铬（六价）", "chromium_vi"),
        ("Cr(VI)", "chromium_vi"),
        ("Cr6+", "chromium_vi"),
        ("aluminium", "aluminium"),
        ("aluminum", "aluminium"),
        ("sulphate", "sulfate"),
        ("sulfate", "sulfate"),
        ("Sulphide", "sulfide"),
        ("三氯甲烷", "chloroform"),
        ("氯仿", "chloroform"),
        ("TCE", "trichloroethylene"),
        ("106-42-3", "m_p_xylene"),
        ("苯并(a)芘", "benzo_a_pyrene"),
        ("α-六六六", "alpha_hch"),
        ("阿特拉津", "atrazine"),
        ("莠去津", "atrazine"),
        ("滴滴涕", "ddt"),
        ("滴滴涕总量", "ddt_total"),
        ("滴滴涕(总量)", "ddt_total"),
        ("pH", "ph"),
        ("NTU", "turbidity"),
    ],
)
def test_analyte_by_symbol_name_alias_or_cas(name, key):
    found = analyte(name)
    assert found is not None and found.key == key


@pytest.mark.parametrize("name", ["", " ", "pid", "unobtainium", "DDD", "石油烃", "4294967-29-5"])
def test_an_unknown_or_ambiguous_name_is_not_guessed(name):
    assert analyte(name) is None


def test_every_analyte_is_found_by_each_of_its_own_names():
    assert len(analytes()) == len({a.key for a in analytes()}) == TABLES["analytes"]
    for one in analytes():
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", one.key)
        for name in filter(None, (one.key, one.symbol, one.zh, one.en, *one.cas.split(","))):
            assert analyte(name) == one, name


def test_every_figure_belongs_to_a_known_analyte_under_the_name_it_has_there():
    for name in ("gb36600", "gb15618", "gbt14848", "ionisation"):
        for row in table(name):
            for spelling in (row["analyte"], row["zh"], row["en"]):
                found = analyte(spelling)
                assert found is not None and found.key == row["analyte"], (name, spelling)


@pytest.mark.parametrize("one", [a for a in analytes() if a.cas], ids=lambda a: a.key)
def test_cas_check_digits(one):
    for cas in one.cas.split(","):
        digits = cas.replace("-", "")
        total = sum(i * int(d) for i, d in enumerate(reversed(digits[:-1]), 1))
        assert total % 10 == int(digits[-1]), cas


def test_a_lamp_of_10_6_ev_is_blind_to_five():
    blind = {key for key, row in reference.ionisation().items() if row.ev > Decimal("10.6")}
    assert len(blind) == 5 and "benzene" not in blind and "chloroform" in blind


# --- legal basis ------------------------------------------------------------------------------------------------------


def test_the_soil_law_ends_where_the_code_begins():
    last, first = date(2026, 8, 14), date(2026, 8, 15)
    old = basis_on("土壤污染防治法", last)
    assert len(old) == 23 and {row.law for row in old} == {"soil_law"}
    assert "41" in {row.article for row in old}
    (new,) = basis_on("土壤污染防治法", first)
    assert (new.law, new.article, new.status) == ("eco_code", "", "待核")
    assert "待核" in new.cite.zh and new.valid_to is None
    assert basis_on("土壤污染防治法", date(2018, 12, 31)) == ()
    assert len(basis_on("soil_law", date(2019, 1, 1))) == 23
    assert basis_on("生态环境法典", last) == ()


def test_penalty_law_and_the_switch_of_hj_166():
    assert [row.article for row in basis_on("行政处罚法", date(2026, 11, 1))] == ["42", "46", "47", "55", "56"]
    assert [row.law for row in basis_on("HJ/T 166-2004", date(2026, 5, 31))] == ["hjt166"]
    assert [row.law for row in basis_on("HJ/T 166-2004", date(2026, 6, 1))] == ["hj166"]
    assert basis_on("HJ 166-2026", date(2026, 5, 31)) == ()
    with pytest.raises(KeyError, match="劳动法"):
        basis_on("劳动法", date(2026, 1, 1))


def test_the_basis_table_is_sound():
    doc = json.loads((importlib.resources.files("schemas.reference") / "legal_basis.json").read_text("utf-8"))
    assert len(doc["basis"]) == len(basis()) == 31
    for row in basis():
        assert row.zh and row.en and row.mark in MARKS
        assert row.valid_to is None or row.valid_from < row.valid_to
        assert bool(row.article) or row.status or row.law in ("hjt166", "hj166")
    keys = [(row.law, row.article) for row in basis()]
    assert len(keys) == len(set(keys))
    assert basis_on("soil_law", date(2020, 1, 1))[0].cite.zh == "《中华人民共和国土壤污染防治法》第21条"


@pytest.mark.parametrize(("mark", "open_"), [("C", 0), ("C1", 0), ("D", 0), ("C2", 1), ("K", 1), ("K?", 1)])
def test_unconfirmed_marks_say_so(mark, open_):
    assert reference.to_confirm(mark) is bool(open_)
    text = reference.cite("HJ 164-2020 附录D", "第14行", mark)
    assert ("待核" in text.zh) is bool(open_) is ("to be confirmed" in text.en)
    assert text.en.startswith("HJ 164-2020 Appendix D row 14")
