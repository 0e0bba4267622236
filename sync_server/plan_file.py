"""Reading a sampling plan out of a CSV file: bytes in, rows and every fault out. Pure; `plan_import` writes them.

Columns are found by name, Chinese or English, in any order; others are ignored and named. Every wrong row is told with
its line in the file, the column, what is wrong and what to do. Nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, NamedTuple

from schemas.problems import Trouble
from schemas.reference import codes

MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 50_000_000, 100_000, 1000
MAX_CODE, MAX_REASON = 32, 20_000  # RECORDS §7; the field's own limit

# field of a planned point or its target → names it goes by in files
COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("point", "code", "point_code", "id", "point_id", "点位", "点位编号", "点号", "点位代码", "编号"),
    "lon": ("longitude", "lon", "lng", "long", "经度", "东经", "x经度"),
    "lat": ("latitude", "lat", "纬度", "北纬", "y纬度"),
    "role": ("role", "point_type", "type", "点位类型", "类型"),
    "reason": ("reason", "布点理由", "布点依据", "理由", "布设理由"),
    "target_depth_m": ("target_depth_m", "target_depth", "depth_m", "design_depth_m", "设计孔深", "孔深", "钻探深度"),
    "tolerance_m": ("tolerance_m", "tolerance", "允许偏移"),
    "order_no": ("order_no", "order", "施工顺序", "顺序"),
    "depth_top_m": ("depth_top_m", "depth_top", "top_m", "top", "采样上深", "上深", "计划上深"),
    "depth_bottom_m": ("depth_bottom_m", "depth_bottom", "bottom_m", "bottom", "采样下深", "下深", "计划下深"),
    "groups": ("groups", "analyte_groups", "检测项目组", "检测项目", "检测指标"),
}
REQUIRED = ("code", "lon", "lat")
_NAMES = {name.replace("_", ""): field for field, names in COLUMNS.items() for name in names}
_UNIT = re.compile(r"(°|deg|degrees|m|米|度)$")
_NUMBER = re.compile(r"[+-]?(\d{1,18}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


class RowFault(NamedTuple):
    """One thing wrong with one row: where, what, what to do."""

    line: int
    column: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


class PlanRow(NamedTuple):
    """One right row; values are wire text, absent where the file gives none."""

    line: int
    code: str
    lon: str
    lat: str
    fields: dict[str, Any]  # of the planned point
    target: dict[str, Any]  # of its first target, without medium and rule


class PlanFile(NamedTuple):
    rows: list[PlanRow]
    faults: list[RowFault]
    notes: list[tuple[str, str]]  # (zh, en) that need no correcting
    encoding: str
    ignored: list[str]  # column names not used


class Table(NamedTuple):
    """The cells as they stand in the file; each row with the line it starts on."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    encoding: str


def read_plan(data: bytes) -> PlanFile:
    """Raises Trouble 4001 (not a table), 4002 (columns missing). Row faults are returned, all of them."""
    header, table, encoding = read_table(data)
    where, ignored = _columns(header)
    rows: list[PlanRow] = []
    faults: list[RowFault] = []
    read = [(one := _Row(line, cells, where, header), one.read(), line) for line, cells in table]
    lines_of: dict[str, list[int]] = {}
    for one, _, line in read:
        lines_of.setdefault(one.got["code"] or "", []).append(line)
    far = rounded = 0
    for one, row, line in read:
        code = one.got["code"]
        if code and len(lines_of[code]) > 1:  # all of them are wrong: which one is right would be a guess
            other = next(n for n in lines_of[code] if n != line)
            one.wrong("code", f"点位编号 {code} 与第 {other} 行重复", f"point code {code} is on line {other} too",
                      "改成不同的编号", "Give it another code")  # fmt: skip
        faults += one.faults
        if row is not None and not one.faults:
            rows.append(row)
            far += not _in_china(Decimal(row.lon), Decimal(row.lat))
            rounded += one.rounded
    if not table:
        raise _unreadable("只有表头，没有点位", "there is a header but no point")
    notes = []
    if far:
        notes.append((f"{far} 个点位不在中国范围内，请核对", f"{far} points lie outside China, check them"))
    if rounded:
        notes.append(
            (f"{rounded} 个数的小数位过多，已四舍五入", f"{rounded} figures had too many decimals and were rounded")
        )
    return PlanFile(rows, faults, notes, encoding, ignored)


def read_table(data: bytes) -> Table:
    """Any CSV a spreadsheet writes: encoding and separator are found out. Raises Trouble 4001."""
    if len(data) > MAX_BYTES:
        raise _unreadable("文件超过 50 MB", "the file is larger than 50 MB")
    text, encoding = _text(data)
    first = re.match(r'[ \t\ufeff]*"?sep=(.?)"?[ \t]*(?:\r\n|\r|\n|$)', text, re.IGNORECASE)
    skipped = 1 if first else 0
    text = text[first.end() :] if first else text
    delimiter = first[1] if first and first[1] in (",", ";", "\t", "|") else _delimiter(text)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    table: list[tuple[int, list[str]]] = []
    start = 1 + skipped
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                table.append((start, cells))
            start = reader.line_num + 1 + skipped
            if len(table) - 1 > MAX_ROWS:
                raise _unreadable(f"超过 {MAX_ROWS} 行", f"more than {MAX_ROWS} rows")
            if any(cells[MAX_COLUMNS:]):
                raise _unreadable(f"超过 {MAX_COLUMNS} 列", f"more than {MAX_COLUMNS} columns")
    except csv.Error as err:
        raise _unreadable(
            f"从第 {start} 行起引号不成对，或一格过长，看这一行是否少了或多了引号",
            f"from line {start} on the quotes do not pair, or a cell is too long: look for a missing or stray quote",
        ) from err
    if not table:
        raise _unreadable("文件是空的", "the file is empty")
    return Table(table[0][1], table[1:], encoding)


def _unreadable(zh: str, en: str) -> Trouble:
    return Trouble(4001, why={"zh": zh, "en": en})


def _in_china(lon: Decimal, lat: Decimal) -> bool:
    """73–136 E, 3–54 N: a planned point elsewhere is unusual, not wrong (RECORDS v_geofix, mark D)."""
    return 73 <= lon <= 136 and 3 <= lat <= 54


def _text(data: bytes) -> tuple[str, str]:
    """UTF-8 (with or without mark), UTF-16 with mark, else GB 18030, which Chinese office programs write."""
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise _unreadable("不是文本文件", "it is not a text file")
        return text, encoding
    known = "UTF-16" if marked else "UTF-8 或 GB 18030", "UTF-16" if marked else "UTF-8 or GB 18030"
    raise _unreadable(f"编码不是 {known[0]}", f"the encoding is not {known[1]}")


def _delimiter(text: str) -> str:
    """The one that stands most often in the first line that is not empty, outside quotes."""
    head = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    return max(",;\t", key=re.sub(r'"[^"]*"', "", head).count)


def _key(cell: str) -> str:
    """A column name without its unit in brackets, blanks, dashes and stars: 经度（°） → 经度, Point-Code * → pointcode."""
    name = unicodedata.normalize("NFKC", cell).lower().lstrip("\ufeff")
    return re.sub(r"[\s_\-.*:：]", "", re.split(r"(?<=\S)\s*[(\[【〔/]", name.strip())[0])


def _columns(header: list[str]) -> tuple[dict[str, int], list[str]]:
    where: dict[str, int] = {}
    ignored: list[str] = []
    for n, cell in enumerate(header):
        key = _key(cell)
        field = _NAMES.get(key) or _NAMES.get(_UNIT.sub("", key))
        if field is None:
            ignored += [cell.strip()] if cell.strip() else []
        elif field in where:
            a, b = cell.strip(), header[where[field]].strip()
            raise _unreadable(
                f"「{a}」与「{b}」是同一列，删去其中一列", f"columns {a} and {b} mean the same; take one out"
            )
        else:
            where[field] = n
    missing = [f for f in REQUIRED if f not in where]
    if missing:
        zh = {"code": "点位编号", "lon": "经度", "lat": "纬度"}
        raise Trouble(
            4002, columns={"zh": "、".join(zh[m] for m in missing), "en": ", ".join(COLUMNS[m][0] for m in missing)}
        )
    return where, ignored


class _Row:
    """One row being read: its cells by field, and what is wrong with them."""

    def __init__(self, line: int, cells: list[str], where: Mapping[str, int], header: list[str]) -> None:
        self.line, self._cells, self._where, self._header = line, cells, where, header
        self.got = {field: cells[n].strip() if n < len(cells) else "" for field, n in where.items()}
        self.faults: list[RowFault] = []
        self.rounded = 0

    def wrong(self, field: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> None:
        name = " ".join(self._header[self._where.get(field, -1)].split())
        self.faults.append(RowFault(self.line, name, zh, en, remedy_zh, remedy_en))

    def read(self) -> PlanRow | None:
        got, wide = self.got, len(self._header)
        if any(c.strip() for c in self._cells[wide:]):
            self.wrong("", f"这一行有 {len(self._cells)} 格，表头只有 {wide} 格", f"this row has {len(self._cells)} cells, the header {wide}",
                       "看是否少了引号或多了逗号", "Look for a missing quote or a stray comma")  # fmt: skip
        for field in REQUIRED:
            if not got[field]:
                self.wrong(field, "没有填", "is empty", "补上", "Fill it in")
        code = got["code"]
        if len(code) > MAX_CODE:
            self.wrong(
                "code",
                f"编号超过 {MAX_CODE} 个字",
                f"the code is longer than {MAX_CODE} characters",
                "缩短编号",
                "Shorten the code",
            )
        if code and (not code[0].isalnum() or not code.isprintable()):
            self.wrong("code", f"编号「{_short(code)}」须以字母、数字或汉字开头，且不含换行", f"the code “{_short(code)}” must start with a letter or digit and stay on one line",
                       "去掉公式和特殊字符，只留编号", "Take out formulas and special characters")  # fmt: skip
        if len(got.get("reason", "")) > MAX_REASON:
            self.wrong(
                "reason", f"超过 {MAX_REASON} 个字", f"is longer than {MAX_REASON} characters", "缩短", "Shorten it"
            )
        lon, lat = self._position()
        fields: dict[str, Any] = {
            "role": self._code("role", "planned_role"), "reason": got.get("reason"),
            "target_depth_m": self._number("target_depth_m", 0, 100, 2), "tolerance_m": self._number("tolerance_m", 0, 50, 1),
        }  # fmt: skip
        order = self._number("order_no", 1, 1_000_000, 0)
        fields["order_no"] = int(order) if order else None
        top, bottom = self._depths()
        target = {"depth_top_m": top, "depth_bottom_m": bottom, "groups": self._groups()}
        if self.faults or lon is None or lat is None:
            return None
        return PlanRow(self.line, code, lon, lat, _filled(fields), _filled(target))

    def _position(self) -> tuple[str | None, str | None]:
        lon, lat = self._number("lon", -180, 180, 7), self._number("lat", -90, 90, 7)
        if lon is not None and lat is not None:
            x, y = Decimal(lon), Decimal(lat)
            if x == y == 0:
                self.wrong("lon", "坐标为 0, 0", "the position is 0, 0", "填实际坐标", "Give the real position")
            elif _in_china(y, x) and not _in_china(x, y):
                self.wrong("lon", f"经度 {lon}、纬度 {lat} 像是写反了", f"longitude {lon} and latitude {lat} look swapped",
                           "对调经度和纬度", "Swap longitude and latitude")  # fmt: skip
        return lon, lat

    def _depths(self) -> tuple[str | None, str | None]:
        top, bottom = self._number("depth_top_m", 0, 100, 2), self._number("depth_bottom_m", 0, 100, 2)
        if top is not None and bottom is not None and Decimal(top) >= Decimal(bottom):
            self.wrong("depth_bottom_m", f"下深 {bottom} 不大于上深 {top}", f"bottom {bottom} is not below top {top}",
                       "改正深度", "Correct the depths")  # fmt: skip
        elif bool(self.got.get("depth_top_m")) != bool(self.got.get("depth_bottom_m")):
            field = "depth_top_m" if self.got.get("depth_top_m") else "depth_bottom_m"
            self.wrong(field, "上深和下深只填了一个", "only one of top and bottom is given",
                       "两个都填（表层上深填 0），或都不填", "Give both (top 0 at the surface) or neither")  # fmt: skip
        return top, bottom

    def _number(self, field: str, low: int, high: int, places: int) -> str | None:
        """Plain decimal text with no more places than the record holds; None when empty or wrong."""
        shown = self.got.get(field, "")
        text = unicodedata.normalize("NFKC", shown)
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            self.wrong(field, f"「{_short(shown)}」不是数", f"“{_short(shown)}” is not a number",
                       "填十进制数，如 118.7654321", "Give a decimal number such as 118.7654321")  # fmt: skip
            return None
        value = Decimal(text)
        if not low <= value <= high:
            place = field in ("lon", "lat")
            self.wrong(field, f"{_short(shown)} 超出 {low}～{high}", f"{_short(shown)} is outside {low} to {high}",
                       "核对经纬度是否写反、单位是否为度" if place else "核对单位", "Check for swapped columns and for degrees" if place else "Check the unit")  # fmt: skip
            return None
        exact = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if exact != value and places == 0:
            self.wrong(
                field,
                f"{_short(shown)} 不是整数",
                f"{_short(shown)} is not a whole number",
                "填整数",
                "Give a whole number",
            )
            return None
        self.rounded += exact != value
        fits = -int(value.as_tuple().exponent) <= places
        return (
            format(abs(value) if value == 0 else value, "f")
            if fits
            else format(abs(exact) if exact == 0 else exact, "f")
        )

    def _code(self, field: str, list_name: str) -> str | None:
        text = self.got.get(field, "")
        found = _names(list_name).get(_norm(text))
        if text and found is None:
            known = codes(list_name)
            self.wrong(field, f"不认识「{_short(text)}」", f"“{_short(text)}” is not known",
                       "可用：" + "、".join(label.zh for label in known.values()), "Use one of: " + ", ".join(known))  # fmt: skip
        return found

    def _groups(self) -> list[str]:
        known = _names("analyte_group")
        found: dict[str, None] = {}
        for part in re.split(r"[;；、,，|\r\n]+", self.got.get("groups", "")):
            for word in [part] if _norm(part) in known else re.split(r"[\s/]+", part.strip()):
                if _norm(word) in known:
                    found[known[_norm(word)]] = None
                elif word:
                    self.wrong("groups", f"不认识检测项目组「{_short(word)}」", f"analyte group “{_short(word)}” is not known",
                               "用代码表中的名称或代码，如 重金属、metal", "Use a name or code of the list, such as metal or VOCs")  # fmt: skip
        return list(found)


def _short(text: str) -> str:
    """A cell as a message shows it: on one line, not too long."""
    return "".join(c if c.isprintable() else " " for c in text[:40])


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if v not in (None, "", [])}


def _norm(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lower()


@cache
def _names(list_name: str) -> dict[str, str]:
    """Code, Chinese and English name → code; also a Chinese name without its brackets (重金属)."""
    out: dict[str, str] = {}
    for code, label in codes(list_name).items():
        for name in (code, label.zh, label.en, label.zh.partition("(")[0]):
            out.setdefault(_norm(name), code)
    return out
