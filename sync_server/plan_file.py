"""Reading a sampling plan out of a CSV file: bytes in, rows and every fault out. Pure; `plan_import` writes them.

Columns are found by name, Chinese or English, in any order; others are ignored and named. Every wrong row is told with
its line in the file, the column, what is wrong and what to do.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from schemas.problems import Trouble
from schemas.reference import codes

MAX_BYTES, MAX_ROWS = 50_000_000, 100_000

# field of a planned point or its target → names it goes by in files
COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("point", "code", "point_code", "id", "点位", "点位编号", "点号", "点位代码", "编号"),
    "lon": ("longitude", "lon", "lng", "long", "经度", "东经", "x经度"),
    "lat": ("latitude", "lat", "纬度", "北纬", "y纬度"),
    "role": ("role", "point_type", "type", "点位类型", "类型"),
    "reason": ("reason", "布点理由", "布点依据", "理由", "布设理由"),
    "target_depth_m": ("target_depth_m", "depth_m", "design_depth_m", "设计孔深", "设计孔深m", "孔深", "钻探深度"),
    "tolerance_m": ("tolerance_m", "tolerance", "允许偏移", "允许偏移m"),
    "order_no": ("order_no", "order", "施工顺序", "顺序"),
    "depth_top_m": ("depth_top_m", "top_m", "采样上深", "上深", "上深m", "计划上深"),
    "depth_bottom_m": ("depth_bottom_m", "bottom_m", "采样下深", "下深", "下深m", "计划下深"),
    "groups": ("groups", "analyte_groups", "检测项目组", "检测项目", "检测指标"),
}
REQUIRED = ("code", "lon", "lat")
_NAMES = {name: field for field, names in COLUMNS.items() for name in names}
_SPLIT = re.compile(r"[;；、,，/|\s]+")


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


def read_plan(data: bytes) -> PlanFile:
    """Raises Trouble 4001 (not a table), 4002 (columns missing). Row faults are returned, all of them."""
    if len(data) > MAX_BYTES:
        raise _unreadable("文件超过 50 MB", "the file is larger than 50 MB")
    text, encoding = _text(data)
    lines = text.splitlines(keepends=True)
    skip = 1 if lines and re.fullmatch(r'"?sep=.?"?', lines[0].strip(), re.IGNORECASE) else 0
    reader = csv.reader(
        io.StringIO("".join(lines[skip:]), newline=""), delimiter=_delimiter(lines[skip:]), strict=False
    )
    try:
        table = [(reader.line_num + skip, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as err:
        raise _unreadable(f"第 {reader.line_num + skip} 行：{err}", f"line {reader.line_num + skip}: {err}") from err
    if not table:
        raise _unreadable("文件是空的", "the file is empty")
    if len(table) - 1 > MAX_ROWS:
        raise _unreadable(f"超过 {MAX_ROWS} 行", f"more than {MAX_ROWS} rows")
    where, ignored = _columns(table[0][1])
    rows: list[PlanRow] = []
    faults: list[RowFault] = []
    first_line: dict[str, int] = {}
    far = 0
    header = table[0][1]
    for line, cells in table[1:]:
        row, wrong = _row(line, cells, where, header)
        if row is not None and row.code in first_line:
            wrong.append(_fault(line, header[where["code"]], f"点位编号 {row.code} 与第 {first_line[row.code]} 行重复",
                                f"point code {row.code} is on line {first_line[row.code]} too", "改成不同的编号", "Give it another code"))  # fmt: skip
        faults += wrong
        if row is not None and not wrong:
            first_line[row.code] = line
            rows.append(row)
            # 73–136 E, 3–54 N: a planned point elsewhere is unusual, not wrong (RECORDS v_geofix, mark D)
            far += not (73 <= Decimal(row.lon) <= 136 and 3 <= Decimal(row.lat) <= 54)
    if not rows and not faults:
        raise _unreadable("只有表头，没有点位", "there is a header but no point")
    notes = [(f"{far} 个点位不在中国范围内，请核对", f"{far} points lie outside China, check them")] if far else []
    return PlanFile(rows, faults, notes, encoding, ignored)


def _unreadable(zh: str, en: str) -> Trouble:
    return Trouble(4001, why={"zh": zh, "en": en})


def _fault(line: int, column: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> RowFault:
    return RowFault(line, column, zh, en, remedy_zh, remedy_en)


def _text(data: bytes) -> tuple[str, str]:
    """UTF-8 (with or without mark), UTF-16 with mark, else GB 18030, which Chinese office programs write."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif b"\0" in data[:4096]:
        raise _unreadable("不是文本文件", "it is not a text file")
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise _unreadable("编码既不是 UTF-8 也不是 GB 18030", "the encoding is neither UTF-8 nor GB 18030")


def _delimiter(lines: list[str]) -> str:
    head = next((line for line in lines if line.strip()), "")
    return max(",;\t", key=lambda d: head.count(d))


def _columns(header: list[str]) -> tuple[dict[str, int], list[str]]:
    where: dict[str, int] = {}
    ignored: list[str] = []
    for n, cell in enumerate(header):
        name = re.sub(r"[\s（(].*$", "", cell.strip().lstrip("\ufeff").lower()).rstrip("*")
        field = _NAMES.get(name) or _NAMES.get(cell.strip().lower())
        if field is None:
            ignored += [cell.strip()] if cell.strip() else []
        elif field in where:
            raise _unreadable(
                f"「{cell.strip()}」与「{header[where[field]].strip()}」是同一列",
                f"columns {cell.strip()} and {header[where[field]].strip()} mean the same",
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


def _row(
    line: int, cells: list[str], where: Mapping[str, int], header: list[str]
) -> tuple[PlanRow | None, list[RowFault]]:
    faults: list[RowFault] = []
    got = {field: cells[n].strip() if n < len(cells) else "" for field, n in where.items()}
    if len(cells) > len(header) and any(c.strip() for c in cells[len(header) :]):
        faults.append(_fault(line, header[-1], f"这一行有 {len(cells)} 格，表头只有 {len(header)} 格",
                             f"this row has {len(cells)} cells, the header {len(header)}", "看是否少了引号或多了逗号", "Look for a missing quote or a stray comma"))  # fmt: skip

    def number(field: str, low: str, high: str, places: int) -> str | None:
        text = got.get(field, "")
        if not text:
            return None
        name = header[where[field]].strip()
        try:
            value = Decimal(text.replace("，", ","))
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            faults.append(
                _fault(
                    line,
                    name,
                    f"「{text[:40]}」不是数",
                    f"“{text[:40]}” is not a number",
                    "填十进制数，如 118.7654321",
                    "Give a decimal number such as 118.7654321",
                )
            )
            return None
        if not Decimal(low) <= value <= Decimal(high):
            faults.append(_fault(line, name, f"{text[:40]} 超出 {low}～{high}", f"{text[:40]} is outside {low} to {high}",
                                 "核对经纬度是否写反、单位是否为度" if field in ("lon", "lat") else "核对单位", "Check for swapped columns and the unit"))  # fmt: skip
            return None
        return format(round(value, places) if -value.as_tuple().exponent > places else value, "f")  # type: ignore[operator]

    def code(field: str, list_name: str) -> str | None:
        text = got.get(field, "")
        found = _code(text, list_name)
        if text and found is None:
            known = "、".join(label.zh for label in codes(list_name).values())
            faults.append(
                _fault(
                    line,
                    header[where[field]].strip(),
                    f"不认识「{text[:40]}」",
                    f"“{text[:40]}” is not known",
                    f"可用：{known}",
                    "Use one of: " + ", ".join(codes(list_name)),
                )
            )
        return found

    for field in REQUIRED:
        if not got[field]:
            faults.append(_fault(line, header[where[field]].strip(), "没有填", "is empty", "补上", "Fill it in"))
    if len(got["code"]) > 32:
        faults.append(
            _fault(
                line,
                header[where["code"]].strip(),
                "编号超过 32 个字",
                "the code is longer than 32 characters",
                "缩短编号",
                "Shorten the code",
            )
        )
    lon, lat = number("lon", "-180", "180", 7), number("lat", "-90", "90", 7)
    if lon is not None and lat is not None and Decimal(lon) == 0 and Decimal(lat) == 0:
        faults.append(
            _fault(
                line,
                header[where["lon"]].strip(),
                "坐标为 0, 0",
                "the position is 0, 0",
                "填实际坐标",
                "Give the real position",
            )
        )
    fields: dict[str, Any] = {
        "role": code("role", "planned_role"), "reason": got.get("reason") or None,
        "target_depth_m": number("target_depth_m", "0", "100", 2), "tolerance_m": number("tolerance_m", "0", "50", 1),
    }  # fmt: skip
    order = number("order_no", "1", "1000000", 0)
    fields["order_no"] = int(order) if order else None
    top, bottom = number("depth_top_m", "0", "100", 2), number("depth_bottom_m", "0", "100", 2)
    if top is not None and bottom is not None and Decimal(top) >= Decimal(bottom):
        faults.append(
            _fault(
                line,
                header[where["depth_bottom_m"]].strip(),
                f"下深 {bottom} 不大于上深 {top}",
                f"bottom {bottom} is not below top {top}",
                "改正深度",
                "Correct the depths",
            )
        )
    groups: list[str] = []
    for word in _SPLIT.split(got.get("groups", "")):
        found = _code(word, "analyte_group")
        if word and found is None:
            faults.append(
                _fault(
                    line,
                    header[where["groups"]].strip(),
                    f"不认识检测项目组「{word[:40]}」",
                    f"analyte group “{word[:40]}” is not known",
                    "用代码表中的名称",
                    "Use a name of the code list",
                )
            )
        elif found and found not in groups:
            groups.append(found)
    if faults or lon is None or lat is None:
        # the code is still needed to name duplicates
        return None, faults
    target = {"depth_top_m": top, "depth_bottom_m": bottom, "groups": groups}
    return PlanRow(line, got["code"], lon, lat, _filled(fields), _filled(target)), faults


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if v not in (None, "", [])}


def _code(text: str, list_name: str) -> str | None:
    """A code by itself, by its Chinese or by its English name."""
    if not text:
        return None
    wanted = text.strip().lower()
    for code, label in codes(list_name).items():
        if wanted in (code.lower(), label.zh.lower(), label.en.lower()):
            return code
    return None
