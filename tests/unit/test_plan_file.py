"""Reading a plan out of a CSV: what spreadsheets write goes in; what is wrong is told by line, column, reason, remedy."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from sync_server.plan import cells
from sync_server.plan.cells import MAX_BYTES, MAX_ROWS
from sync_server.plan.columns import COLUMNS
from sync_server.plan.rows import PlanFile, RowFault, read_plan
from sync_server.plan.table import read_table

HAN = re.compile(r"[\u4e00-\u9fff]")
HEAD = "code,lon,lat\n"
ROW = "S01,118.7654321,32.0123456\n"
GOOD = [("S01", "118.7654321", "32.0123456"), ("S02", "118.75", "32.01")]


def read(text: str, encoding: str = "utf-8") -> PlanFile:
    return read_plan(text.encode(encoding))


def rows(file: PlanFile) -> list[tuple[str, str, str]]:
    return [(r.code, r.lon, r.lat) for r in file.rows]


# --- files that go in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "code,lon,lat\nS01,118.7654321,32.0123456\nS02,118.75,32.01\n",
        "点位编号,经度,纬度\nS01,118.7654321,32.0123456\nS02,118.75,32.01\n",
        "点位编号（必填）*,经度（°）,纬度(°)\nS01,118.7654321,32.0123456\nS02,118.75,32.01\n",
        "Point Code,Longitude [deg],Latitude [deg]\nS01,118.7654321,32.0123456\nS02,118.75,32.01\n",
        "点位,Longitude,纬度/度\nS01,118.7654321,32.0123456\nS02,118.75,32.01",
        "纬度°,备注,点号,经度度\n32.0123456,,S01,118.7654321\n32.01,x,S02,118.75\n",
        "code;lon;lat\nS01;118.7654321;32.0123456\nS02;118.75;32.01\n",
        "code\tlon\tlat\nS01\t118.7654321\t32.0123456\nS02\t118.75\t32.01\n",
        "sep=,\ncode,lon,lat\nS01,118.7654321,32.0123456\nS02,118.75,32.01\n",
        'sep=;\r\n"code, with comma";code;lon;lat;a,b,c,d,e\r\n;S01;118.7654321;32.0123456\r\n;S02;118.75;32.01\r\n',
        "sep=|\ncode|lon|lat\nS01|118.7654321|32.0123456\nS02|118.75|32.01\n",
        '"sep=\t"\ncode\tlon\tlat\nS01\t118.7654321\t32.0123456\nS02\t118.75\t32.01\n',
        "code,lon,lat\r\nS01,118.7654321,32.0123456\r\nS02,118.75,32.01\r\n",
        "code,lon,lat\rS01,118.7654321,32.0123456\rS02,118.75,32.01",
        "\n\n ,,\ncode,lon,lat\n\nS01,118.7654321,32.0123456\n,,\n\nS02,118.75,32.01\n\n\n",
        '"code", "lon", "lat"\n"S01", "118.7654321", "32.0123456"\n"S02",118.75,32.01\n',
        '点位编号,"经度\n(°)","纬度\n(°)"\nS01,118.7654321,32.0123456\nS02,118.75,32.01\n',
        "code,lon,lat\nS01,１１８.7654321,32.0123456\nS02,118.75,+32.01\n",
        "code,lon,lat\nS01,1.187654321e2,3.20123456E+1\nS02,11875e-2,32.01\n",
        "code,lon,lat\nS01,118.76543214,32.01234559\nS02,118.75,32.01\n",  # to 7 decimals, half up
        "code,lon,lat,\nS01,118.7654321,32.0123456,,,\nS02,118.75,32.01\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_what_spreadsheets_write(text: str, encoding: str) -> None:
    if encoding == "gb18030":
        text = text.replace("°", "度")
    file = read(text, encoding)
    assert file.faults == []
    got = [(c, format(float(x), ".7f"), format(float(y), ".7f")) for c, x, y in rows(file)]
    assert got == [(c, format(float(x), ".7f"), format(float(y), ".7f")) for c, x, y in GOOD]
    plain = encoding == "utf-8" or text.isascii() and encoding == "gb18030"
    assert file.encoding == ("utf-8-sig" if plain else encoding)


FOUR_BYTES = "𠮷土坑㐀"  # beyond GBK: GB 18030 needs four bytes for the first and the last


@pytest.mark.parametrize(
    ("encoding", "mark", "told"),
    [
        ("utf-8", b"", "utf-8-sig"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("gb18030", b"", "gb18030"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
    ],
)
def test_every_encoding_keeps_every_character(encoding: str, mark: bytes, told: str) -> None:
    data = mark + f"点位编号,经度,纬度,布点理由\n{FOUR_BYTES}1,118.7,32.0,{FOUR_BYTES}旁\n".encode(encoding)
    assert [len(c.encode("gb18030")) for c in FOUR_BYTES] == [4, 2, 2, 4]
    file = read_plan(data)
    assert (file.faults, file.encoding) == ([], told)
    assert [(r.code, r.fields["reason"]) for r in file.rows] == [(FOUR_BYTES + "1", FOUR_BYTES + "旁")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_titles_may_stand_above_the_header(separator: str) -> None:
    """As spreadsheets save them: the title's line is filled up with separators, or stands alone."""
    head = separator.join(("点位编号", "经度", "纬度", "检测项目"))
    body = separator.join(("S01", "118.7", "32.0", '"重金属,VOCs;TPH C6-C9"'))
    for title in ("某地块采样方案" + separator * 3, "某地块，第一批，共 1 个点", "制表：a,b;c"):
        file = read(f"{title}\n\n单位：度\n{head}\n{body}\n")
        assert (file.faults, [(r.line, r.code) for r in file.rows]) == ([], [(5, "S01")])
        assert file.rows[0].target["groups"] == ["metal", "voc", "tph_c6c9"]


def test_a_header_too_far_down_is_not_looked_for() -> None:
    title = "说明\n" * 19
    assert [r.line for r in read(title + HEAD + ROW).rows] == [21]
    with pytest.raises(Trouble, match="Columns are missing"):
        read(title + "说明\n" + HEAD + ROW)


def test_digits_stay_as_written_unless_too_many() -> None:
    file = read("code,lon,lat\nS01,118.7500000,32.0\nS02,118.123456789,032.10\nS03,118.00000005,-0.000000001\n")
    assert rows(file) == [
        ("S01", "118.7500000", "32.0"), ("S02", "118.1234568", "32.10"), ("S03", "118.0000001", "0.0000000"),
    ]  # fmt: skip
    assert any("3 figures had too many decimals" in en and "四舍五入" in zh for zh, en in file.notes)


def test_every_column_goes_where_it_belongs() -> None:
    file = read(
        "编号,经度,纬度,类型,布点理由,设计孔深（m）,允许偏移m,施工顺序,上深m,下深（m）,检测项目,序号\n"
        "S01,118.7,32.0,表层土点,储罐区,6.00,2.0,3,0,0.5,重金属；VOCs、TPH C6-C9,1\n"
        "S02,118.7,32.1,Groundwater well,,,,,,,\n"
    )
    first, second = file.rows
    assert first.fields == {
        "role": "surface_only",
        "reason": "储罐区",
        "target_depth_m": "6.00",
        "tolerance_m": "2.0",
        "order_no": 3,
    }
    assert first.target == {"depth_top_m": "0", "depth_bottom_m": "0.5", "groups": ["metal", "voc", "tph_c6c9"]}
    assert (second.fields, second.target) == ({"role": "well"}, {})
    assert file.ignored == ["序号"] and (first.line, second.line) == (2, 3)
    known = set(fields_of(TYPES["planned_point"])) | set(fields_of(TYPES["planned_target"])) | {"lon", "lat"}
    known |= {"northing", "easting"}  # of the position: test_plan_projection.py
    assert set(COLUMNS) <= known


def test_lines_are_the_files_own() -> None:
    text = 'sep=,\r\n"code\r\nof point",lon,lat,reason\r\n\r\nS01,118.7,32.0,"two\r\nlines\r\n"\r\nS02,x,32.0,\r\nS03,118.7,32.0,"a\nb"\r\n'
    file = read(text.replace('"code\r\nof point"', "code"))
    assert [r.line for r in file.rows] == [4, 8] and [f.line for f in file.faults] == [7]
    assert file.rows[0].fields["reason"] == "two\r\nlines"


def test_points_far_from_china_are_noted_not_refused() -> None:
    file = read(HEAD + "M1,5.7585362,50.9915622\n" + ROW)
    assert len(file.rows) == 2 and file.notes == [
        ("1 个点位不在中国范围内，请核对", "1 points lie outside China, check them")
    ]


# --- rows that are wrong ---------------------------------------------------------------------------------------------

ALL = "code,lon,lat,role,reason,depth_m,tolerance,order,top,bottom,groups\n"
BAD_ROWS: list[tuple[str, str, int, str, str, str]] = [  # text, what follows ROW; line, column, zh, en
    (HEAD, "S02,abc,32", 3, "lon", "「abc」不是数", "“abc” is not a number"),
    (HEAD, "S02,NaN,32", 3, "lon", "「NaN」不是数", "“NaN” is not a number"),
    (HEAD, "S02,inf,32", 3, "lon", "「inf」不是数", "“inf” is not a number"),
    (HEAD, "S02,sNaN,32", 3, "lon", "不是数", "is not a number"),
    (HEAD, "S02,1_1_8,32", 3, "lon", "不是数", "is not a number"),
    (HEAD, 'S02,"118,75",32', 3, "lon", "「118,75」不是数", "“118,75” is not a number"),
    (HEAD, "S02,118°45′,32", 3, "lon", "不是数", "is not a number"),
    (HEAD, "S02,0x76,32", 3, "lon", "不是数", "is not a number"),
    (HEAD, "S02,1e9999,32", 3, "lon", "不是数", "is not a number"),
    (HEAD, "S02,1e999,32", 3, "lon", "超出 -180～180", "is outside -180 to 180"),
    (HEAD, "S02,118.7,90.0000001", 3, "lat", "超出 -90～90", "is outside -90 to 90"),
    (HEAD, "S02,32.0,118.7", 3, "lat", "118.7 超出 -90～90", "118.7 is outside -90 to 90"),
    (HEAD, "S02,43.8,87.6", 3, "lon", "写反了", "look swapped"),  # Ürümqi: both within their range
    (HEAD, "S02,0,0.000", 3, "lon", "坐标为 0, 0", "the position is 0, 0"),
    (HEAD, ",118.7,32", 3, "code", "没有填", "is empty"),
    (HEAD, "S02,,32", 3, "lon", "没有填", "is empty"),
    (HEAD, "S02,118.7", 3, "lat", "没有填", "is empty"),
    (HEAD, "S01,118.8,32", 3, "code", "S01 与第 2 行重复", "S01 is on line 2 too"),
    (HEAD, "S02,x,32\nS02,118.7,32", 4, "code", "S02 与第 3 行重复", "S02 is on line 3 too"),
    (HEAD, "S02,118.7,32,oops", 3, "lat", "这一行有 4 格，表头只有 3 格", "this row has 4 cells, the header 3"),
    (HEAD, "=cmd|' /C calc'!A0,118.7,32", 3, "code", "须以字母、数字或汉字开头", "must start with a letter or digit"),
    (HEAD, "@SUM(A1),118.7,32", 3, "code", "须以字母", "must start with"),
    (HEAD, "#REF!,118.7,32", 3, "code", "须以字母", "must start with"),
    (HEAD, '"S\n02",118.7,32', 3, "code", "不含换行", "stay on one line"),
    (HEAD, "S02,=A1,32", 3, "lon", "「=A1」不是数", "“=A1” is not a number"),
    (HEAD, "X" * 33 + ",118.7,32", 3, "code", "编号超过 32 个字", "longer than 32 characters"),
    (ALL, "S02,118.7,32,frog,,,,,,,", 3, "role", "不认识「frog」", "“frog” is not known"),
    (ALL, "S02,118.7,32,,,,,,,,metal;frogs", 3, "groups", "检测项目组「frogs」", "analyte group “frogs” is not known"),
    (ALL, "S02,118.7,32,,,,,,1,0.5,", 3, "bottom", "下深 0.5 不大于上深 1", "bottom 0.5 is not below top 1"),
    (ALL, "S02,118.7,32,,,,,,0.5,0.50,", 3, "bottom", "下深 0.50 不大于", "bottom 0.50 is not below"),
    (ALL, "S02,118.7,32,,,,,,0.5,,", 3, "top", "只填了一个", "only one of top and bottom"),
    (ALL, "S02,118.7,32,,,,,,,0.5,", 3, "bottom", "只填了一个", "only one of top and bottom"),
    (ALL, "S02,118.7,32,,,101,,,,,", 3, "depth_m", "超出 0～100", "is outside 0 to 100"),
    (ALL, "S02,118.7,32,,,,-1,,,,", 3, "tolerance", "超出 0～50", "is outside 0 to 50"),
    (ALL, "S02,118.7,32,,,,,1.5,,,", 3, "order", "1.5 不是整数", "1.5 is not a whole number"),
    (ALL, f"S02,118.7,32,,{'长' * 20001},,,,,,", 3, "reason", "超过 20000 个字", "longer than 20000 characters"),
]  # fmt: skip


def whole(fault: RowFault) -> None:
    """Line, column, reason and remedy are there, each in its language."""
    assert fault.line > 0 and fault.column
    for zh, en in ((fault.zh, fault.en), (fault.remedy_zh, fault.remedy_en)):
        assert HAN.search(zh) and en and "\n" not in zh + en


@pytest.mark.parametrize(("head", "bad", "line", "column", "zh", "en"), BAD_ROWS)
def test_a_wrong_row_is_told_and_stays_out(head: str, bad: str, line: int, column: str, zh: str, en: str) -> None:
    file = read(head + ROW + bad + "\n")
    fault = next(f for f in file.faults if f.line == line)
    assert (fault.line, fault.column) == (line, column)
    assert zh in fault.zh and en in fault.en
    for each in file.faults:
        whole(each)
    again = any(f.line == 2 for f in file.faults)  # of two rows with one code neither is known to be right
    assert again == ("与第 2 行重复" in zh) and rows(file) == ([] if again else GOOD[:1])


def test_all_faults_of_all_rows_are_told_at_once() -> None:
    file = read(HEAD + "=x,a,b\n" + ROW + ",500,91\n")
    assert [(f.line, f.column) for f in file.faults] == [
        (2, "code"), (2, "lon"), (2, "lat"), (4, "code"), (4, "lon"), (4, "lat"),
    ]  # fmt: skip
    assert rows(file) == GOOD[:1]


# --- files that cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "number", "zh", "en"),
    [
        (b"", 4001, "文件是空的", "the file is empty"),
        (b"\xef\xbb\xbf\r\n , ,\r\n", 4001, "文件是空的", "the file is empty"),
        (HEAD.encode(), 4001, "只有表头", "there is a header but no point"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 4001, "不是文本文件", "it is not a text file"),
        (b"PK\x03\x04\x14\0\x06\0", 4001, "工作簿损坏或不是 .xlsx", "the workbook is broken or no .xlsx"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            4001,
            "旧版 .xls 或有密码",
            "an old .xls or a workbook with a password",
        ),
        ((HEAD + ROW).encode() * 200 + b"\0", 4001, "不是文本文件", "it is not a text file"),
        (HEAD.encode("utf-16-le"), 4001, "不是文本文件", "it is not a text file"),  # no mark
        (b"\xff\xfea", 4001, "编码不是 UTF-16", "the encoding is not UTF-16"),
        (b"\xff\xff\xff,\xff", 4001, "编码不是 UTF-8 或 GB 18030", "the encoding is not UTF-8 or GB 18030"),
        (
            (HEAD + 'S01,118.7,32\n"S02,118.7,32\nS03,118.7,32\n').encode(),
            4001,
            "从第 3 行起引号不成对",
            "from line 3 on the quotes",
        ),
        ((HEAD + '"S01"x,118.7,32\n').encode(), 4001, "从第 2 行起引号不成对", "from line 2 on the quotes"),
        ((HEAD + "S" * 140_000 + ",118.7,32\n").encode(), 4001, "从第 2 行起", "from line 2 on"),
        (
            b"point,a,b\nS01,1,2\n",
            4002,
            "缺少列：经度、纬度（或平面坐标 X、Y）",
            "missing: longitude, latitude (or survey coordinates X, Y)",
        ),
        (b"point,x,b\nS01,1,2\n", 4002, "缺少列：Y（东坐标）", "missing: Y (easting)"),
        (b"x,y\n1,2\n", 4002, "缺少列：点位编号", "missing: point"),
        (b"point,lat,y\nS01,1,2\n", 4002, "缺少列：经度", "missing: longitude"),
        (ROW.encode(), 4002, "缺少列：点位编号、经度、纬度", "Columns are missing: point, longitude, latitude"),
        (
            b"code,lon,lat,point\nS01,1,2,3\n",
            4001,
            "「point」与「code」是同一列",
            "columns point and code mean the same",
        ),
        (b"," * 2000 + b"\n", 4001, "文件是空的", "the file is empty"),
        (b"a," * 2000 + b"\n", 4001, "超过 1000 列", "more than 1000 columns"),
    ],
)
def test_a_file_that_is_no_plan_is_told(data: bytes, number: int, zh: str, en: str) -> None:
    with pytest.raises(Trouble) as caught:
        read_plan(data)
    trouble = caught.value
    assert trouble.problem.number == number
    assert zh in trouble.text("zh") and en in trouble.text("en")
    assert HAN.search(trouble.problem.remedy_zh) and trouble.problem.remedy_en


def test_sizes_have_a_limit() -> None:
    begun = time.monotonic()
    with pytest.raises(Trouble, match="larger than 50 MB"):
        read_plan(b" " * (MAX_BYTES + 1))
    with pytest.raises(Trouble, match="the file is empty"):
        read_plan(b" " * 5_000_000)
    with pytest.raises(Trouble, match="more than 100000 rows"):
        read_plan(HEAD.encode() + b"S,118,32\n" * (MAX_ROWS + 1))
    assert time.monotonic() - begun < 10


def test_the_largest_plan_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_ROWS", 2000)
    text = HEAD + "".join(f"S{n},118.7,32.0\n" for n in range(2000))
    assert len(read(text).rows) == 2000
    with pytest.raises(Trouble, match="more than 2000 rows"):
        read(text + ROW)


# --- whatever comes --------------------------------------------------------------------------------------------------


def sane(data: bytes) -> None:
    """A plan, or Trouble in both languages; never anything else, and never a row that a record cannot hold."""
    try:
        file = read_plan(data)
    except Trouble as trouble:
        assert HAN.search(trouble.text("zh")) and trouble.text("en")
        return
    for fault in file.faults:
        whole(fault)
    lines = [r.line for r in file.rows]
    assert lines == sorted(lines) and len({r.code for r in file.rows}) == len(file.rows)
    assert not set(lines) & {f.line for f in file.faults}
    for row in file.rows:
        assert row.code.isprintable() and len(row.code) <= 32
        for number, limit in ((row.lon, 180), (row.lat, 90)):
            assert re.fullmatch(r"-?\d{1,3}(\.\d{1,7})?", number) and abs(float(number)) <= limit


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xfe", b"\xef\xbb\xbf", b"sep=;\n", HEAD.encode(), ALL.encode()]),
)
def test_random_bytes(data: bytes, start: bytes) -> None:
    sane(start + data)


CELL = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["S01", "118.7", "32", "0", "-0", "1e5", "0e999", "1e-999", '"', '""', "\r\n", "=1+1", "NaN", "９", "metal", "表层"]),
    st.floats().map(str),
    st.decimals().map(str),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(CELL, max_size=12), max_size=6), st.sampled_from(",;\t"), st.data())
def test_mutated_files(table: list[list[str]], separator: str, data: Any) -> None:
    text = (ALL + ROW).replace(",", separator) + "\n".join(separator.join(r) for r in table)
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    sane(bytes(raw))


def test_the_table_is_open_to_others() -> None:
    """Columns a plan does not use keep their cells, for readers of the same file."""
    table = read_table("点位;经度;纬度;lead_mg_kg\nS01;118.7;32.0;<5\n".encode("gb18030"))
    assert table.header[3] == "lead_mg_kg" and table.rows == [(2, ["S01", "118.7", "32.0", "<5"])]
