"""The writers: digits as given, real times, sheets that go on, long cells, what the file says of itself, unknown fields."""

from __future__ import annotations

import csv
import io
import json
import random
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from python_calamine import CalamineWorkbook

from schemas.fields import fields_of
from schemas.records import TYPES
from sync_server.export.cells import local, text_of, wkt_polygon
from sync_server.export.columns import Style, columns_of
from sync_server.export.features import feature, geometry
from sync_server.export.grids import grids
from sync_server.export.layers import About
from sync_server.export.telling import Counts, about, filter_words, warnings
from sync_server.export.wish import Wish
from sync_server.store import Stored
from sync_server.store.lists import Clause, Query
from tests.unit.exported import ABOUT, AT, SCOPE, id_of, layer, point, rows_of, writer, written
from tests.unit.test_sure import values_of

ZONE = grids()[4528]
SIGNED = {"role": "sampler", "name": "甲", "way": "signed", "strokes": "x" * 200_000, "signed_at": AT}


@pytest.fixture(autouse=True)
def long_cells() -> Iterator[None]:
    """A reader of our files must take whole texts; the limit is the whole process's, and other tests rely on it."""
    kept = csv.field_size_limit(10**7)
    yield
    csv.field_size_limit(kept)


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def table(path: Path) -> list[list[str]]:
    return read(path.read_bytes())


def cells(path: Path, head: str) -> list[str]:
    heads, *rows = table(path)
    return [r[heads.index(head)] for r in rows]


def ids_of(format: str, path: Path, title: str) -> list[str]:
    """Of a file with several types."""
    if format in ("csv", "geojson"):
        with zipfile.ZipFile(path) as pack:
            data = pack.read(f"{title}.{format}")
        return (
            [f["id"] for f in json.loads(data)["features"]] if format == "geojson" else [r[0] for r in read(data)[1:]]
        )
    if format == "gpkg":
        with sqlite3.connect(path) as db:
            column = next(r[1] for r in db.execute(f'PRAGMA table_info("{title}")') if r[1] in ("id", "记录号"))
            return [r[0] for r in db.execute(f'SELECT "{column}" FROM "{title}"')]
    return [r[0] for r in CalamineWorkbook.from_path(str(path)).get_sheet_by_name(title).to_python()[1:]]


def reading(n: int, value: str, **more: object) -> Stored:
    return Stored(
        "field_reading",
        id_of(n),
        SCOPE,
        n,
        {"borehole_id": id_of(9), "method": "pid", "parameter": "VOC", "value": value, "at": AT, **more},
    )


# --- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", sorted(TYPES))
@pytest.mark.parametrize("heads", ["labels", "names"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_field_of_every_type_has_a_column_and_every_column_a_head_of_its_own(
    type: str, heads: str, lang: str
) -> None:
    for grid in (None, ZONE):
        found = columns_of(type, Style(heads, lang, grid), True, ("fid", "geom"))  # type: ignore[arg-type]
        told = [c.head.casefold() for c in found]
        assert len(set(told)) == len(told) and not {"fid", "geom"} & set(told)
    for name, field in fields_of(TYPES[type]).items():
        label = name if heads == "names" else field.spec.label(lang)
        assert any(
            c.head == label or c.head.startswith((f"{label}.", f"{label}（", f"{label} (", f"{label}·", f"{label} ·"))
            for c in found
        ), name


def values(type: str, rng: random.Random, oddness: float) -> dict[str, Any]:
    found = values_of(TYPES[type], rng, oddness)
    return {k: v for k, v in found.items() if len(repr(v)) < 50_000}  # what is longest only takes time


@pytest.mark.parametrize("format", ["xlsx", "csv", "geojson", "gpkg"])
@pytest.mark.parametrize("heads", ["labels", "names"])
def test_whatever_a_record_holds_it_goes_into_every_format(tmp_path: Path, format: str, heads: str) -> None:
    """Every type, half of the records with values this version would not take, and a field it does not know."""
    style, rng = Style(heads, "zh", ZONE), random.Random(5)  # type: ignore[arg-type]
    made = writer(format, tmp_path, style, several=True)
    for type in TYPES:
        made.begin(layer(type, format, style))
        rows = [
            Stored(type, id_of(n), SCOPE, n, {**values(type, rng, n % 2 * 0.3), "tomorrow": {"a": ["=1"]}})
            for n in range(1, 21)
        ]
        made.write(rows_of(type, rows))
    made.close(ABOUT)
    for type in TYPES:
        assert ids_of(format, made.path, type) == [id_of(n) for n in range(1, 21)], type


def test_unknown_fields_go_last_and_whole() -> None:
    stored = point(tomorrow={"a": [1, "=x"]}, position={"lon": "119", "lat": "32", "later": "7"}, wind=5, samplers="x")
    (row,) = rows_of("point", [stored])
    found = columns_of("point", Style())
    assert json.loads(found[-1].of(row)) == {"tomorrow": {"a": [1, "=x"]}, "position": {"later": "7"}}
    told = {c.head: c.of(row) for c in found}
    assert told["风向风力"] == "5" and told["采样人员"] == "x"  # a newer version's kind of value is shown as what it is
    assert {c.head: c.of(rows_of("point", [point(position="?")])[0]) for c in found}[
        "其他字段（JSON）"
    ] == '{"position":"?"}'


def test_words_for_people_and_values_for_programs() -> None:
    stored = point(outcome="done", samplers=[id_of(7), id_of(8)], deleted=True, air_temp_c="-3.50")
    (row,) = rows_of("point", [stored], {id_of(7): "周岚", id_of(9): "红星"})
    people = {c.head: c.of(row) for c in columns_of("point", Style())}
    assert people["完成情况"] == "完成" or people["完成情况"]
    assert (
        people["采样人员"] == f"周岚、{id_of(8)}"
        and people["地块"] == "红星"
        and people["作废"] == "是"
        and people["气温（℃）"] == "-3.50"
    )
    programs = {c.head: c.of(row) for c in columns_of("point", Style("names"))}
    assert (
        programs["outcome"] == "done"
        and json.loads(programs["samplers"]) == [id_of(7), id_of(8)]
        and programs["site_id"] == id_of(9)
    )
    assert programs["started_at"] == AT and programs["deleted"] is True and programs["position.lon"] == "119.4520000"


def test_drawn_lines_are_told_not_shown_but_kept_for_programs() -> None:
    field = fields_of(TYPES["inspection"])["signatures"]
    told = text_of(field, [SIGNED], {}, "zh")
    assert "甲" in told and "有笔迹" in told and "xxx" not in told and len(told) < 200
    stored = Stored("inspection", id_of(1), SCOPE, 1, {"signatures": [SIGNED]})
    column = next(
        c
        for c in columns_of("inspection", Style())
        if c.head.startswith("签字") and c.kind == "json" or c.head.endswith("签字（JSON）")
    )
    assert "x" * 200_000 in column.of(rows_of("inspection", [stored])[0])


# --- figures and times -----------------------------------------------------------------------------------------------

DIGITS = ["1.50", "-0.10", "0", "-7", "100.000", "123456789012345.67", "999999999999999999.999999999999"]


@pytest.mark.parametrize("digits", DIGITS)
def test_figures_keep_their_digits(tmp_path: Path, digits: str) -> None:
    rows = rows_of("field_reading", [reading(1, digits)])
    head = "读数值"
    assert cells(written("csv", tmp_path / "c", "field_reading", rows), head) == [digits]
    assert f'"{head}":{digits}'.encode() in written("geojson", tmp_path / "j", "field_reading", rows).read_bytes()
    book = written("xlsx", tmp_path / "x", "field_reading", rows)
    with zipfile.ZipFile(book) as pack:
        sheet, styles = (ElementTree.fromstring(pack.read(f"xl/{n}")) for n in ("worksheets/sheet1.xml", "styles.xml"))
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    at = [c.head for c in columns_of("field_reading", Style())].index(head)
    cell = next(c for c in sheet.iter(f"{main}c") if c.get("r") == f"{chr(65 + at)}2")
    if sum(c.isdigit() for c in digits) > 15:
        assert "".join(t.text or "" for t in cell.iter(f"{main}t")) == digits  # no spreadsheet's number holds so many
        return
    assert float(cell.findtext(f"{main}v") or "x") == float(digits)
    formats = {f.get("numFmtId"): f.get("formatCode") for f in styles.iter(f"{main}numFmt")} | {"1": "0", "2": "0.00"}
    look = (styles.find(f"{main}cellXfs") or [])[int(cell.get("s", "0"))]
    places = len(digits.partition(".")[2])
    assert formats[look.get("numFmtId")] == ("0." + "0" * places if places else "0")


def test_times_are_of_china_and_real_in_a_workbook(tmp_path: Path) -> None:
    rows = rows_of("point", [point(started_at="2026-11-21T02:00:00.250+00:00", ended_at="not a time")])
    path = written("csv", tmp_path / "c", "point", rows)
    assert cells(path, "开始时间（UTC+8）") == ["2026-11-21 10:00:00.250"] and cells(path, "结束时间（UTC+8）") == [
        "not a time"
    ]
    got = (
        CalamineWorkbook.from_path(str(written("xlsx", tmp_path / "x", "point", rows)))
        .get_sheet_by_index(0)
        .to_python()
    )
    found = dict(zip(got[0], got[1], strict=True))
    assert (
        found["开始时间（UTC+8）"] == datetime(2026, 11, 21, 10, 0, 0, 250_000)
        and found["结束时间（UTC+8）"] == "not a time"
    )
    assert local("2026-11-21T10:00:00") == "2026-11-21T10:00:00"  # without an offset nobody knows when that was
    assert local("0001-01-01T00:00:00-23:59") and local("9999-12-31T23:59:59-12:00") == "9999-12-31T23:59:59-12:00"


# --- limits of a format ----------------------------------------------------------------------------------------------


def test_a_workbook_goes_on_in_further_sheets(tmp_path: Path) -> None:
    path = written(
        "xlsx", tmp_path, "point", rows_of("point", [point(n) for n in range(1, 251)]), title="点位", most=100
    )
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["点位", "说明", "点位 2", "点位 3"]
    parts = [book.get_sheet_by_name(n).to_python() for n in ("点位", "点位 2", "点位 3")]
    assert [len(p) for p in parts] == [101, 101, 51] and {tuple(p[0]) for p in parts} == {tuple(parts[0][0])}
    ids = [r[0] for p in parts for r in p[1:]]
    assert ids == [id_of(n) for n in range(1, 251)]


@pytest.mark.parametrize("text", ["x" * 32_767, "x" * 32_768, "字" * 40_000, "😀" * 16_384, "😀" * 16_383 + "a"])
def test_a_cell_too_long_is_cut_with_a_mark_and_whole_in_csv(tmp_path: Path, text: str) -> None:
    rows = rows_of("point", [point(note=text)])
    made = writer("xlsx", tmp_path / "x", Style())
    made.begin(layer("point", "xlsx", Style()))
    made.write(rows)
    made.close(ABOUT)
    got = CalamineWorkbook.from_path(str(made.path)).get_sheet_by_index(0).to_python()
    cell = dict(zip(got[0], got[1], strict=True))["备注"]
    fits = len(text.encode("utf-16-le")) // 2 <= 32_767
    assert made.cut == (0 if fits else 1)
    if fits:
        assert cell == text
    else:
        assert (
            cell.endswith("…〔截断，全文见 CSV〕")
            and len(cell.encode("utf-16-le")) // 2 <= 32_767
            and text.startswith(cell[:16_000])
        )
    assert cells(written("csv", tmp_path / "c", "point", rows), "备注") == [text]


def test_line_ends_and_quotes_as_the_standard_has_them(tmp_path: Path) -> None:
    data = written("csv", tmp_path, "point", rows_of("point", [point(note='a"b\nc,d'), point(2)])).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and data.endswith(b"\r\n") and b'"a""b\nc,d"' in data
    assert len(table(tmp_path / "made.csv")) == 3


# --- geometry --------------------------------------------------------------------------------------------------------

RING = [["119.1", "32.1"], ["119.1", "32.2"], ["119.2", "32.2"], ["119.2", "32.1"], ["119.1", "32.1"]]  # with the clock


def test_geojson_is_that_of_the_rfc(tmp_path: Path) -> None:
    path = written(
        "geojson", tmp_path, "point", rows_of("point", [point(), point(2, position=None), point(3, lon="x")])
    )
    data = json.loads(path.read_bytes())
    assert data["type"] == "FeatureCollection" and "crs" not in data and data["jingtu"]
    assert [f["geometry"] and f["geometry"]["type"] for f in data["features"]] == ["Point", None, None]
    assert b'"coordinates":[119.4520000,32.2087000]' in path.read_bytes()  # with the digits of the record
    assert all(set(f) == {"type", "id", "geometry", "properties"} for f in data["features"])


def test_rings_run_as_the_rfc_wants_them() -> None:
    hole = [["119.12", "32.12"], ["119.15", "32.12"], ["119.15", "32.15"], ["119.12", "32.12"]]  # against the clock
    shape = geometry({"rings": [RING, hole]})
    assert shape and shape["coordinates"][0] == [[float(x), float(y)] for x, y in reversed(RING)]
    assert shape["coordinates"][1] == [[float(x), float(y)] for x, y in reversed(hole)]
    assert geometry({"rings": [list(reversed(RING))]})["coordinates"][0][1] == [119.2, 32.1]  # type: ignore[index]
    for broken in (
        {"rings": []},
        {"rings": [[]]},
        {"rings": [RING[:-1]]},
        {"rings": 5},
        {"rings": [["a", "b"]]},
        {},
        {"lon": "1"},
        {"lon": 1, "lat": 2},
    ):
        assert geometry(broken) is None
    assert wkt_polygon({"rings": [RING]}).startswith("POLYGON ((119.1 32.1, 119.1 32.2") and wkt_polygon(
        {"rings": [["a"]]}
    ) == "" == wkt_polygon(None)


def test_a_feature_with_the_zone_beside_it() -> None:
    one = feature("point", point(), {}, "en", 4528, "names")
    assert one["geometry"]["coordinates"] == [119.452, 32.2087]
    assert (
        one["properties"]["position.y_east"] > 40_000_000
        and 3_000_000 < one["properties"]["position.x_north"] < 4_000_000
    )
    with pytest.raises(ValueError, match="4600"):
        feature("point", point(), {}, "en", 4600)


def test_geopackage_names_are_chinese_and_unique(tmp_path: Path) -> None:
    path = written("gpkg", tmp_path, "point", rows_of("point", [point()]), title="点位")
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (0x47504B47,) and db.execute(
            "PRAGMA user_version"
        ).fetchone() == (10300,)
        assert (
            db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            and db.execute("PRAGMA foreign_key_check").fetchall() == []
        )
        assert {r[1] for r in db.execute('PRAGMA table_info("点位")')} >= {"fid", "geom", "实际点位编号", "备注"}
        systems = {r[0] for r in db.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
        assert systems == {-1, 0, 4326, 4490, *range(4491, 4555)}
        (told,) = db.execute("SELECT description FROM gpkg_contents WHERE table_name='点位'").fetchone()
        assert "HX 地块" in told


# --- what a file says of itself --------------------------------------------------------------------------------------


def test_what_it_says_of_itself() -> None:
    query = Query(
        "field_reading",
        SCOPE,
        (
            Clause("method", "is", "pid,xrf"),
            Clause("value", "least", "150"),
            Clause("note", "given"),
            Clause("borehole_id", "is", id_of(9)),
            Clause("deleted", "is", "false"),
        ),
        "油",
    )
    wish = Wish("csv", ("field_reading",), epsg=4528, query=query)
    lines = about(
        wish, "HX 红星", "许静", "2026-11-21T10:45:00+00:00", Counts({"field_reading": 12}, 3, 1), {id_of(9): "S09-1"}
    ).lines
    told = "\n".join(f"{a}|{b}" for a, b in lines)
    for part in ("项目|HX 红星", "内容|现场读数", "“油”", "PID", "≥ 150", "备注 有内容", "S09-1", "作废 是 否", "导出人|许静", "导出时间|2026-11-21 18:45:00 UTC+8",
                 "行数|12", "EPSG:4528", "X 为北", "3 个位置在所选带的范围之外", "1 个位置离所选带太远"):  # fmt: skip
        assert part in told, (part, told)
    assert "作废记录" not in told  # a table decides that by itself
    english = about(
        Wish("geojson", (), lang="en", epsg=4528, voided=True), "HX", "Xu", AT, Counts({"point": 1, "sample": 2}), {}
    ).lines
    words = "\n".join(b for _, b in english)
    assert (
        "Geometry in GeoJSON is always" in words
        and "included" in words
        and "Sample: 2 rows" in words
        and not any("一" <= c <= "鿿" for c in words)
    )
    assert filter_words(None, {}, "zh") == "" and warnings(Counts({}), "zh") == []


def test_a_wish_is_kept_and_read_again() -> None:
    query = Query("sample", SCOPE, (Clause("code", "has", "S1"),), "a", "code", True, ("x",))
    wish = Wish("gpkg", ("sample",), "names", "en", 4509, True, query)
    again = Wish.read(json.loads(json.dumps(wish.told())))
    assert again == wish._replace(query=query._replace(names_in=()))
    for wrong in (
        {"format": "exe"},
        {"heads": "x"},
        {"lang": "fr"},
        {"types": ["nothing"]},
        {"epsg": 3857},
        {"query": []},
        {"query": ["a"]},
    ):
        with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
            Wish.read({**wish.told(), **wrong}).queries("sample", {})
            if wrong == {"query": []}:
                raise ValueError


def test_only_what_may_be_read_is_asked_for() -> None:
    scopes = {"p.field": "field", "o.organisation": "organisation"}
    assert [q.scope for q in Wish("csv").queries("point", scopes)] == ["p.field"]
    assert Wish("csv").queries("inspection", scopes) == []
    assert [q.scope for q in Wish("csv").queries("photo", scopes)] == [
        "p.field"
    ]  # subjects: not those of the organisation
    other = Wish("csv", ("point",), query=Query("point", "q.field"))
    assert other.queries("point", scopes) == []
    assert (
        Wish("csv").queries("point", scopes)[0].where == (Clause("deleted", "is", "false"),)
        and Wish("csv", voided=True).queries("point", scopes)[0].where == ()
    )
    assert "person" not in Wish("xlsx").chosen and Wish("xlsx").chosen.index("planned_point") < Wish(
        "xlsx"
    ).chosen.index("sample")


@pytest.mark.parametrize(("wish", "ending"), [
    (Wish("csv"), "zip"), (Wish("csv", ("point",)), "csv"), (Wish("geojson"), "zip"), (Wish("xlsx"), "xlsx"), (Wish("gpkg"), "gpkg"), (Wish("photos"), "zip"),
])  # fmt: skip
def test_endings(wish: Wish, ending: str) -> None:
    assert wish.ending == ending


def test_an_empty_export_is_whole(tmp_path: Path) -> None:
    for format in ("xlsx", "csv", "geojson", "gpkg"):
        path = written(format, tmp_path / format, "point", [], title="点位", about=About([]))
        assert path.stat().st_size > 0
    assert table(tmp_path / "csv" / "made.csv")[0][0] == "记录号"
    assert json.loads((tmp_path / "geojson" / "made.geojson").read_bytes())["features"] == []
