"""Which column of a file is what: names, Chinese or English, in any order; and where the header stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from schemas.problems import Trouble

HEADER_WITHIN = 20  # filled rows in which the header is looked for: Chinese survey tables begin with titles

# field of a planned point or its target → names it goes by in files
COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("point", "code", "point_code", "id", "point_id", "点位", "点位编号", "点号", "点位代码", "编号"),
    "lon": ("longitude", "lon", "lng", "long", "经度", "东经", "x经度"),
    "lat": ("latitude", "lat", "纬度", "北纬", "y纬度"),
    # X is north and Y is east in Chinese survey files, as in the EPSG systems they are written in
    "northing": ("x", "northing", "x坐标", "坐标x", "北坐标", "纵坐标", "x北坐标", "x纵坐标", "北坐标x", "纵坐标x"),
    "easting": ("y", "easting", "y坐标", "坐标y", "东坐标", "横坐标", "y东坐标", "y横坐标", "东坐标y", "横坐标y"),
    "role": ("role", "point_type", "type", "点位类型", "类型"),
    "reason": ("reason", "布点理由", "布点依据", "理由", "布设理由"),
    "target_depth_m": ("target_depth_m", "target_depth", "depth_m", "design_depth_m", "设计孔深", "孔深", "钻探深度"),
    "tolerance_m": ("tolerance_m", "tolerance", "允许偏移"),
    "order_no": ("order_no", "order", "施工顺序", "顺序"),
    "depth_top_m": ("depth_top_m", "depth_top", "top_m", "top", "采样上深", "上深", "计划上深"),
    "depth_bottom_m": ("depth_bottom_m", "depth_bottom", "bottom_m", "bottom", "采样下深", "下深", "计划下深"),
    "groups": ("groups", "analyte_groups", "检测项目组", "检测项目", "检测指标"),
}
DEGREES, METRES = ("lon", "lat"), ("northing", "easting")  # a position is one of these pairs
_ZH = {"code": "点位编号", "lon": "经度", "lat": "纬度", "northing": "X（北坐标）", "easting": "Y（东坐标）"}
_EN = {"code": "point", "lon": "longitude", "lat": "latitude", "northing": "X (northing)", "easting": "Y (easting)"}
_UNIT = re.compile(r"(°|deg|degrees|m|米|度)$")


class Heading(NamedTuple):
    """The header as it was found."""

    at: int  # index of its first row among those given
    span: int  # rows it takes: 2 where a group such as 坐标 stands over X and Y
    header: list[str]
    where: dict[str, int]  # field → column; one pair of position columns, never both
    ignored: list[str]  # names of columns not used
    notes: list[tuple[str, str]]  # (zh, en)


class Kind(NamedTuple):
    """What a file is of. `names`: a column's name, as `normal` makes it → field; `zh`, `en`: what is said to be missing; `key`: the field
    that tells one row from another; `shapes`: are outlines taken besides points."""

    names: Mapping[str, str]
    zh: Mapping[str, str]
    en: Mapping[str, str]
    missing: Callable[[Collection[str]], list[str]]
    key: str
    shapes: bool = False


def normal(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name.replace("_", ""): field for field, names in columns.items() for name in names}


def position_missing(fields: Collection[str]) -> list[str]:
    """Of a pair of position columns; halves of both: degrees are asked for, they need no zone."""
    pair = METRES if any(f in fields for f in METRES) and not set(DEGREES) <= set(fields) else DEGREES
    if pair is METRES and not set(METRES) <= set(fields) and any(f in fields for f in DEGREES):
        pair = DEGREES
    return [f for f in pair if f not in fields]


def _missing(fields: Collection[str]) -> list[str]:
    return [*(["code"] if "code" not in fields else []), *position_missing(fields)]


PLAN = Kind(normal(COLUMNS), _ZH, _EN, _missing, "code")


def field_of(name: str, kind: Kind = PLAN) -> str | None:
    """The field a column name means: 经度（°） → lon, Point-Code * → code, X(m) → northing; None when unknown."""
    key = _key(name)
    return kind.names.get(key) or kind.names.get(_UNIT.sub("", key))


def _key(cell: str) -> str:
    """A column name without its unit in brackets, blanks, dashes and stars."""
    name = unicodedata.normalize("NFKC", cell).lower().lstrip("\ufeff")
    return re.sub(r"[\s_\-.*:：]", "", re.split(r"(?<=\S)\s*[(\[【〔/]", name.strip())[0])


def find_heading(rows: Sequence[Sequence[str]], kind: Kind = PLAN) -> Heading:
    """The first of the leading rows, alone or with the row under it, that names every column such a file needs.

    Raises Trouble 4001 (two columns mean the same), 4002 (columns missing, of the row that names the most).
    """
    head = rows[:HEADER_WITHIN]
    singles = [(n, 1, list(row)) for n, row in enumerate(head)]
    doubles = [(n, 2, _over(head[n], head[n + 1])) for n in range(len(head) - 1)]
    found = next((c for c in (*singles, *doubles) if not kind.missing(_fields(c[2], kind))), None)
    return heading(*(found or max(singles, key=lambda c: len(_fields(c[2], kind)), default=(0, 1, []))), kind)


def heading(at: int, span: int, header: list[str], kind: Kind = PLAN) -> Heading:
    """What the cells of this header mean. Raises Trouble 4001, 4002."""
    where: dict[str, int] = {}
    ignored: list[str] = []
    for n, cell in enumerate(header):
        field = field_of(cell, kind)
        if field is None:
            ignored += [one_line(cell)] if cell.strip() else []
        elif field in where:
            a, b = one_line(cell), one_line(header[where[field]])
            zh = f"「{a}」与「{b}」是同一列，删去其中一列"
            raise Trouble(4001, why={"zh": zh, "en": f"columns {a} and {b} mean the same; take one out"})
        else:
            where[field] = n
    if missing := kind.missing(where):
        either = set(DEGREES) <= set(missing)
        words = {
            "zh": "、".join(kind.zh[m] for m in missing) + ("（或平面坐标 X、Y）" if either else ""),
            "en": ", ".join(kind.en[m] for m in missing) + (" (or survey coordinates X, Y)" if either else ""),
        }
        raise Trouble(4002, columns=words)
    notes = []
    unused = DEGREES if not set(DEGREES) <= set(where) else METRES
    if both := [f for f in unused if f in where]:
        ignored += [one_line(header[where.pop(f)]) for f in both]
        if unused is METRES:
            notes.append((
                "文件里经纬度和平面坐标都有，用了经纬度；要用平面坐标，删去经度、纬度两列",
                "the file has both longitude/latitude and survey coordinates; longitude and latitude were used; to use the others take these two columns out",
            ))  # fmt: skip
    return Heading(at, span, header, where, ignored, notes)


def one_line(cell: str) -> str:
    """A column name as a message shows it: on one line."""
    return " ".join(cell.split())


def _over(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """A header of two rows: what stands below, and what stands above where nothing stands below (merged cells)."""
    wide = max(len(upper), len(lower))
    a, b = ([*row, *[""] * (wide - len(row))] for row in (upper, lower))
    return [y if y.strip() else x for x, y in zip(a, b, strict=True)]


def _fields(header: Sequence[str], kind: Kind) -> set[str]:
    return {field for cell in header if (field := field_of(cell, kind))}
