"""A plan out of an XLSX workbook: what people's sheets look like goes in, every fault names its cell, and no file ends
the process or fills the memory."""

from __future__ import annotations

import datetime as dt
import io
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.problems import Trouble
from sync_server.plan import cells, workbook
from sync_server.plan.rows import PlanFile, RowFault, read_plan

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
HEAD = ["点位编号", "经度", "纬度"]
ROW = ["S01", 118.7654321, 32.0123456]
Grid = list[list[Any]]


def book(*sheets: tuple[str, Grid], draw: Callable[[Any, dict[str, Any]], None] | None = None) -> bytes:
    """A workbook with these cells; `draw` may add what a grid cannot say."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as made:
        for name, grid in sheets:
            sheet = made.add_worksheet(name)
            for y, row in enumerate(grid):
                for x, value in enumerate(row):
                    if value is not None:
                        sheet.write(y, x, value)
        if draw:
            draw(made, {s.name: s for s in made.worksheets()})
    return out.getvalue()


def read(grid: Grid, **more: Any) -> PlanFile:
    return read_plan(book(("方案", grid)), **more)


def rows(file: PlanFile) -> list[tuple[int, str, str, str]]:
    return [(r.line, r.code, r.lon, r.lat) for r in file.rows]


GOOD = (2, "S01", "118.7654321", "32.0123456")


# --- what people's sheets look like -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "line"),
    [
        ([HEAD, ROW], 2),
        ([["某地块采样方案"], [], ["单位：度", None, "2026 年"], HEAD, [], ROW, [None, None, None]], 6),
        ([[None, None, *HEAD], [None, None, *ROW]], 2),  # not from column A on
        ([["点位编号", "坐标", None], [None, "经度", "纬度"], ROW], 3),  # a group over its columns
        ([["序号", "点位", "坐标（°）", None, "备注"], [None, None, "经度", "纬度", None], [1, *ROW, "x"]], 3),
        ([["点位编号\n（必填）", "经度\n(°)", "纬度\n(°)"], ROW], 2),
        ([HEAD, ["S01", "118.7654321", " 32.0123456 "]], 2),  # numbers typed as text
        ([*[["说明"]] * 19, HEAD, ROW], 21),
    ],
)
def test_what_people_write(grid: Grid, line: int) -> None:
    file = read(grid)
    assert file.faults == [] and file.encoding == "xlsx"
    assert rows(file) == [(line, *GOOD[1:])]


def test_merged_titles_and_groups() -> None:
    def draw(made: Any, sheets: dict[str, Any]) -> None:
        sheet = sheets["方案"]
        sheet.merge_range("A1:F1", "某地块土壤采样点位一览表", made.add_format({"bold": True}))
        sheet.merge_range("A2:A3", "点位编号")
        sheet.merge_range("B2:C2", "坐标")
        sheet.merge_range("D2:E2", "采样深度（m）")
        for x, name in enumerate(["经度", "纬度", "上深", "下深"], 1):
            sheet.write(2, x, name)
        sheet.merge_range("F2:F3", "检测项目")
        for x, value in enumerate(["S01", 118.7654321, 32.0123456, 0, 0.5, "重金属、VOCs"]):
            sheet.write(3, x, value)

    file = read_plan(book(("方案", []), draw=draw))
    assert file.faults == [] and rows(file) == [(4, *GOOD[1:])]
    assert file.rows[0].target == {"depth_top_m": "0", "depth_bottom_m": "0.5", "groups": ["metal", "voc"]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (118.7654321, "118.7654321"), (118.1, "118.1"), (100.1 + 18.6, "118.7"),  # 118.69999999999999 as the machine adds
        (118, "118"), (118.0, "118"), (0.1 + 0.2, "0.3"), (-0.0, "0"), (1e-7, "0.0000001"),
    ],
)  # fmt: skip
def test_numbers_gain_no_digits(value: float, text: str) -> None:
    file = read([HEAD, ["S01", value, 32]])
    assert [r.lon for r in file.rows] == [text] and not any("四舍五入" in zh for zh, _ in file.notes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(73, 135, places=7), min_size=1, max_size=20))
def test_any_coordinate_comes_back_as_it_was_typed(typed: list[Any]) -> None:
    file = read([HEAD, *[[f"S{n}", float(lon), 32] for n, lon in enumerate(typed)]])
    assert [float(r.lon) for r in file.rows] == [float(lon) for lon in typed]
    assert all(len(r.lon.partition(".")[2]) <= 7 for r in file.rows) and file.notes == []


def test_codes_and_orders_typed_as_numbers() -> None:
    file = read(
        [[*HEAD, "施工顺序", "布点理由"], [1, 118.7, 32, 3.0, dt.date(2026, 1, 2)], [20260001.0, 118.8, 32, None, True]]
    )
    assert file.faults == [] and [r.code for r in file.rows] == ["1", "20260001"]
    assert file.rows[0].fields["order_no"] == 3
    assert [r.fields["reason"] for r in file.rows] == ["2026-01-02", "TRUE"]


def test_the_first_visible_sheet_with_points_is_read() -> None:
    other = [HEAD, ["X01", 118.1, 32.1]]
    sheets = [("说明", [["这里没有点位"]]), ("空", []), ("旧", other), ("方案", [HEAD, ROW]), ("第二批", other)]

    def hide(made: Any, found: dict[str, Any]) -> None:
        found["旧"].hide()
        chart = made.add_chartsheet("图")
        line = made.add_chart({"type": "line"})
        line.add_series({"values": "=方案!$B$2:$B$3"})
        chart.set_chart(line)

    data = book(*sheets, draw=hide)
    file = read_plan(data)
    assert rows(file) == [GOOD]
    assert any("「方案」" in zh and "方案" in en for zh, en in file.notes)
    assert any("第二批" in zh and "--sheet" in zh and "第二批" in en for zh, en in file.notes)
    assert [r.code for r in read_plan(data, sheet="第二批").rows] == ["X01"]
    assert [r.code for r in read_plan(data, sheet="旧").rows] == ["X01"]  # hidden, but asked for
    for name, words in (("方 案", "说明、空、旧、方案、第二批"), ("图", "说明、空")):
        with pytest.raises(Trouble) as caught:
            read_plan(data, sheet=name)
        assert (
            caught.value.problem.number == 4004 and words in caught.value.text("zh") and name in caught.value.text("en")
        )
    with pytest.raises(Trouble) as caught:
        read_plan("点位编号,经度,纬度\nS01,118,32\n".encode(), sheet="方案")
    assert caught.value.problem.number == 4004


def test_styled_empty_cells_far_away_do_no_harm() -> None:
    """Whole columns and rows with a colour are common; they hold nothing."""

    def colour(made: Any, found: dict[str, Any]) -> None:
        red = made.add_format({"bg_color": "red"})
        found["方案"].write_blank(1_048_575, 16_383, None, red)
        found["方案"].set_column(0, 16_383, 10, red)

    assert rows(read_plan(book(("方案", [HEAD, ROW]), draw=colour))) == [GOOD]


# --- rows that are wrong ----------------------------------------------------------------------------------------------

BAD: list[tuple[list[Any], str, str, str]] = [  # third row; the cell, zh, en
    (["S02", "abc", 32], "经度 B3", "「abc」不是数", "“abc” is not a number"),
    (["S02", 500, 32], "经度 B3", "500 超出 -180～180", "500 is outside -180 to 180"),
    (["S02", None, 32], "经度 B3", "没有填", "is empty"),
    ([None, 118.7, 32], "点位编号 A3", "没有填", "is empty"),
    (["S02", 32.0, 118.7], "纬度 C3", "118.7 超出", "118.7 is outside"),
    (["S01", 118.7, 32], "点位编号 A3", "S01 与第 2 行重复", "S01 is on line 2 too"),
    (["S02", dt.date(2026, 1, 2), 32], "经度 B3", "「2026-01-02」不是数", "“2026-01-02” is not a number"),
    ([dt.date(2026, 1, 2), 118.7, 32], "点位编号 A3", "是日期", "is a date"),
    (["S02", True, 32], "经度 B3", "「TRUE」不是数", "“TRUE” is not a number"),
    (["=cmd", 118.7, 32], "点位编号 A3", "须以字母、数字或汉字开头", "must start with a letter"),
]


@pytest.mark.parametrize(("bad", "cell", "zh", "en"), BAD)
def test_a_wrong_row_names_its_cell(bad: list[Any], cell: str, zh: str, en: str) -> None:
    def draw(_: Any, found: dict[str, Any]) -> None:
        if bad[0] == "=cmd":  # as text, not as a formula
            found["方案"].write_string(2, 0, "=cmd")

    file = read_plan(
        book(("方案", [HEAD, ROW, [None if v == "=cmd" else v for v in bad], ["S09", 118.9, 32]]), draw=draw)
    )
    fault = next(f for f in file.faults if f.line == 3)
    assert fault.column == cell and zh in fault.zh and en in fault.en
    for f in file.faults:
        assert HAN.search(f.zh) and f.en and HAN.search(f.remedy_zh) and f.remedy_en
    again = bad[0] == "S01"
    assert [r.code for r in file.rows] == (["S09"] if again else ["S01", "S09"])  # nothing else is lost


def test_formula_errors_are_told_and_not_taken_for_empty_cells() -> None:
    head = [*HEAD, "布点理由", "备注", "上深", "下深"]

    def draw(_: Any, found: dict[str, Any]) -> None:
        sheet = found["方案"]
        sheet.write_formula("B3", "=1/0", None, "#DIV/0!")
        sheet.write_formula("D4", "=NA()", None, "#N/A")
        sheet.write_formula("E4", "=NA()", None, "#N/A")  # a column nobody reads
        sheet.write_formula("F5", "=NA()", None, "#N/A")

    grid = [head, [*ROW], ["S02", None, 32], ["S03", 118.7, 32], ["S04", 118.7, 32, None, None, None, 0.5]]
    file = read_plan(book(("方案", grid), draw=draw))
    assert [(f.line, f.column) for f in file.faults] == [(3, "经度 B3"), (4, "布点理由 D4"), (5, "上深 F5")]
    assert all("公式出错" in f.zh and "formula" in f.en for f in file.faults)
    assert rows(file) == [GOOD]


def test_columns_are_named_as_spreadsheets_do() -> None:
    assert [workbook.letters(n) for n in (0, 25, 26, 51, 52, 701, 702, 16_383)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD",
    ]  # fmt: skip


# --- files that are no workbook, or a trap ----------------------------------------------------------------------------


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {n: packed.read(n) for n in packed.namelist()}


def packed(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name, content)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
PLAIN = book(("方案", [HEAD, ROW]))


def with_sheet(xml: str) -> bytes:
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return packed(
        {
            **parts(PLAIN),
            SHEET: f'<?xml version="1.0"?><worksheet {space}><sheetData>{xml}</sheetData></worksheet>'.encode(),
        }
    )


def refused(data: bytes, zh: str, en: str) -> None:
    with pytest.raises(Trouble) as caught:
        read_plan(data)
    assert caught.value.problem.number == 4001
    assert zh in caught.value.text("zh") and en in caught.value.text("en")


BROKEN = ("工作簿损坏或不是 .xlsx", "the workbook is broken or no .xlsx")
FAR = ("内容一直到", "has contents as far as")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed({"a.txt": b"x"}), BROKEN),
        (packed({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<a/>"}), BROKEN),
        (PLAIN[: len(PLAIN) // 2], BROKEN),
        (packed({n: c for n, c in parts(PLAIN).items() if n != "xl/workbook.xml"}), BROKEN),
        (packed({n: c for n, c in parts(PLAIN).items() if n != SHEET}), BROKEN),
        (packed({**parts(PLAIN), SHEET: b"<worksheet><sheetData>"}), BROKEN),
        (packed({**parts(PLAIN), SHEET: b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet>&b;</worksheet>'}), BROKEN),
        (with_sheet('<row r="1"><c r="1A"><v>1</v></c></row>'), BROKEN),
        (with_sheet(f'<row r="{"9" * 5000}"><c><v>1</v></c></row>'), BROKEN),
        # two cells far apart: calamine would reserve the rectangle between them
        (with_sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), FAR),
        (with_sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="A1"/><c><v>1</v></c><c r="XFD1"><v>1</v></c></row>'), FAR),
        (with_sheet("<row>" + "<c><v>1</v></c>" * 900 + "</row>" + "<row><c><v>1</v></c></row>" * 6000), FAR),
        (with_sheet("<row>" + "<c><v>1</v></c>" * 1001 + "</row>"), ("超过 1000 列", "more than 1000 columns")),
        (book(("空", [])), ("工作表是空的", "the sheet is empty")),
        (book(("方案", [HEAD])), ("只有表头", "there is a header but no point")),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_told(data: bytes, words: tuple[str, str]) -> None:
    refused(data, *words)


def test_missing_columns_are_told_of_the_sheet() -> None:
    with pytest.raises(Trouble, match="缺少列：纬度 ‖ Columns are missing: latitude"):
        read_plan(book(("说明", [["x"], ["点位编号", "经度"], ["S01", 118]])))


def test_a_part_larger_than_declared_is_not_unpacked() -> None:
    """The declared size is what is checked, so a lie about it must not pass."""
    honest = packed({**parts(PLAIN), "xl/media/note.xml": b"<a>" + b" " * 5_000_000 + b"</a>"})
    real, lie = (5_000_007).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert honest.count(real) == 2  # in the entry and in the directory
    refused(honest.replace(real, lie), *BROKEN)


def test_a_bomb_is_refused_by_its_declared_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 3_000_000)
    bomb = packed({**parts(PLAIN), "xl/worksheets/sheet2.xml": b" " * 3_000_000})
    assert len(bomb) < 20_000
    refused(bomb, "解开后超过 3 MB", "unpacks to more than 3 MB")
    # pictures are never unpacked, whatever their size
    assert rows(read_plan(packed({**parts(PLAIN), "xl/media/photo.png": b"\0" * 4_000_000}))) == [GOOD]


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_ROWS", 50)
    grid = [[f"S{n}", 118.7, 32] for n in range(51)]
    assert len(read([["标题"], HEAD, *grid[:50]]).rows) == 50
    with pytest.raises(Trouble, match="more than 50 rows"):
        read([["标题"], HEAD, *grid])


def test_no_workbook_ends_the_process(tmp_path: Path) -> None:
    """A few kilobytes that ask for half a terabyte: read in a process of its own, with little memory."""
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(book(("方案", [HEAD, ROW]), draw=lambda _, s: s["方案"].write(1_048_575, 16_383, 1)))
    assert bad.stat().st_size < 20_000
    code = "import sys; from sync_server.plan.rows import read_plan; read_plan(open(sys.argv[1], 'rb').read())"

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    child = subprocess.run(
        [sys.executable, "-c", code, str(bad)], cwd=ROOT, capture_output=True, text=True, timeout=60, preexec_fn=little
    )
    assert child.returncode == 1 and "XFD1048576" in child.stderr and "Trouble: 4001" in child.stderr


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_workbooks(data: Any) -> None:
    """A plan, or Trouble in both languages; never anything else."""
    contents = parts(PLAIN)
    name = data.draw(
        st.sampled_from(
            [SHEET, "xl/workbook.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"]
        )
    )
    raw = bytearray(contents[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b"<c>", b"<v>", b'"', b"9999", b"/>"]))
        )
    contents[name] = bytes(raw)
    whole = bytearray(packed(contents))
    if data.draw(st.booleans()):
        whole[data.draw(st.integers(4, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        file = read_plan(bytes(whole))
    except Trouble as trouble:
        assert HAN.search(trouble.text("zh")) and trouble.text("en")
    else:
        assert all(isinstance(f, RowFault) for f in file.faults)
