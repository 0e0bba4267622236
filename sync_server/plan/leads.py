"""A file of leads as rows and every fault: points or outlines from remote sensing, grid patrols, complaints. Pure.

CSV, XLSX or GeoJSON, read by the same code as a plan's file. A row says where (longitude and latitude, X and Y of a 3° zone, or
well-known text), and as far as it does: what, whose number, by when, which party. Nothing is guessed: what a row does not say comes from
what the person importing chose for the whole file, or is a fault of that row.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from schemas.problems import Trouble
from sync_server.plan import projection as survey
from sync_server.plan.cells import Table, unreadable
from sync_server.plan.columns import COLUMNS, DEGREES, METRES, Kind, normal, position_missing
from sync_server.plan.geojson import MAX_CORNERS
from sync_server.plan.projection import Projection
from sync_server.plan.reading import Reading, RowFault, in_china, short
from sync_server.plan.table import read_table

MAX_LEADS = 5000  # of one file
_OWN: dict[str, tuple[str, ...]] = {
    "title": ("title", "summary", "name", "摘要", "线索摘要", "标题", "名称", "线索名称", "问题", "疑似问题", "图斑名称", "地块名称"),
    "source_ref": ("source_ref", "ref", "id", "lead_id", "lead_no", "fid", "code", "编号", "线索编号", "图斑编号", "信访编号", "受理编号", "工单编号"),
    "kind": ("kind", "origin", "source", "来源", "线索来源", "线索类型"),
    "detail": ("detail", "description", "content", "内容", "线索内容", "描述", "详情", "情况说明", "反映内容"),
    "due_on": ("due_on", "due", "deadline", "期限", "办结期限", "办理期限", "截止日期"),
    "org": ("org", "company", "organisation", "涉及单位", "单位", "企业", "企业名称", "单位名称"),
    "wkt": ("wkt", "geom", "the_geom", "几何", "geometry"),
}  # fmt: skip
_PLACES = {field: COLUMNS[field] for field in (*DEGREES, *METRES)}
_ZH = {"lon": "经度", "lat": "纬度", "northing": "X（北坐标）", "easting": "Y（东坐标）"}
_EN = {"lon": "longitude", "lat": "latitude", "northing": "X (northing)", "easting": "Y (easting)"}


def _missing(fields: Collection[str]) -> list[str]:
    return [] if "wkt" in fields else position_missing(fields)


LEADS = Kind(normal(_OWN | _PLACES), _ZH, _EN, _missing, "source_ref", shapes=True)
LIMITS = {"title": 200, "source_ref": 200, "detail": 20_000}  # of the record's fields
_POINT = re.compile(r"\s*POINT\s*Z?\s*\(\s*([^\s,()]+)\s+([^\s,()]+)[^,()]*\)\s*", re.IGNORECASE)
_POLYGON = re.compile(r"\s*(?:MULTI)?POLYGON\s*Z?\s*\((.+)\)\s*", re.IGNORECASE | re.DOTALL)
_RING = re.compile(r"\(([^()]*)\)")
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T].*)?")


class Defaults(NamedTuple):
    """What the file does not say, chosen for all of it."""

    kind: str = ""
    title: str = ""
    due_on: str = ""


class LeadRow(NamedTuple):
    """One right row. `values`: those of a field task, without its code; `org`: the party as the file names it, to be looked up."""

    line: int
    values: dict[str, Any]
    org: str = ""


class LeadFile(NamedTuple):
    rows: list[LeadRow]
    faults: list[RowFault]
    notes: list[tuple[str, str]]  # (zh, en)
    ignored: list[str]
    projection: Projection | None = None  # of survey coordinates: to be confirmed by a person


def read_leads(
    data: bytes, defaults: Defaults, *, zone: int | None = None, fits: Callable[[], Sequence[int]] = tuple
) -> LeadFile:
    """Raises Trouble 4001 (not a table), 4002 (columns missing), 4005 (zone needed), 4007 (coordinate system), 4008 (no such zone),
    6459 (too many). Row faults are returned, all of them."""
    zone = survey.zone_given(zone)
    table = read_table(data, kind=LEADS)
    if not table.rows:
        raise unreadable("只有表头，没有线索", "there is a header but no lead")
    if len(table.rows) > MAX_LEADS:
        raise Trouble(6459, count=len(table.rows), limit=MAX_LEADS)
    read = [_Lead(line, cells, table, zone, defaults) for line, cells in table.rows]
    unknown = [one for one in read if one.zone_unknown]
    if unknown and not any(one.placed and one.placed.system.prefixed for one in read):
        raise survey.zone_needed(unknown[0].zone_unknown, fits())
    for one in unknown:
        one.wrong("easting", f"Y {one.zone_unknown} 没有带号，别的行有", f"Y {one.zone_unknown} has no zone prefix, other rows have",
                  "补上带号", "Add the zone's two digits")  # fmt: skip
    _told_twice(read)
    rows = [one.row for one in read if one.row is not None and not one.faults]
    placed = [(one.name, one.placed) for one in read if one.placed and not one.faults]
    notes = [*table.heading.notes, *table.notes]
    if far := sum(one.far for one in read if not one.faults):
        notes.append((f"{far} 条线索不在中国范围内，请核对", f"{far} leads lie outside China, check them"))
    if rounded := sum(one.rounded for one in read if not one.faults):
        notes.append(
            (f"{rounded} 个坐标的小数位过多，已四舍五入", f"{rounded} figures had too many decimals and were rounded")
        )
    faults = [f for one in read for f in one.faults]
    return LeadFile(rows, faults, notes, table.heading.ignored, survey.summary(placed))


def _told_twice(read: Sequence[_Lead]) -> None:
    """One number, one lead: which of two is right would be a guess."""
    lines: dict[tuple[str, str], list[int]] = {}
    for one in read:
        if one.got.get("source_ref"):
            lines.setdefault((one.kind, one.got["source_ref"]), []).append(one.line)
    for one in read:
        others = [n for n in lines.get((one.kind, one.got.get("source_ref", "")), ()) if n != one.line]
        if others:
            ref, feature = short(one.got["source_ref"]), one.place == "feature"
            zh = f"第 {others[0]} 个要素" if feature else f"第 {others[0]} 行"
            en = f"in feature {others[0]}" if feature else f"on line {others[0]}"
            one.wrong("source_ref", f"编号 {ref} 与{zh}重复", f"number {ref} is {en} too", "改成不同的编号，或删去一条", "Give it another number, or take one out")  # fmt: skip


class _Lead(Reading):
    """One lead being read. `far`: outside China; `name`: what it is called in words about the file."""

    def __init__(self, line: int, cells: list[str], table: Table, zone: int | None, defaults: Defaults) -> None:
        super().__init__(line, cells, table, zone)
        self.far = 0
        self.kind = (self.code("kind", "task_kind") if self.got.get("kind") else defaults.kind) or ""
        self.name = self.got.get("source_ref") or self.got.get("title") or str(line)
        self.row = self._read(defaults)

    def _read(self, defaults: Defaults) -> LeadRow | None:
        if not self.kind and not self.got.get("kind"):
            self.wrong("kind", "没有线索来源", "has no origin", "在导入页选来源，或补上来源一列", "Choose the origin on the page, or add the column")  # fmt: skip
        title = self.got.get("title") or (
            f"{defaults.title} {self.got.get('source_ref', '')}".strip() if defaults.title else ""
        )
        if not title:
            self.wrong("title", "没有摘要", "has no summary", "补上摘要，或在导入页填统一的摘要", "Add one, or give one for all on the page")  # fmt: skip
        texts = {"title": title, "source_ref": self.got.get("source_ref", ""), "detail": self.got.get("detail", "")}
        for field, most in LIMITS.items():
            if len(texts[field]) > most:
                self.wrong(field, f"超过 {most} 个字", f"is longer than {most} characters", "缩短", "Shorten it")
        place = self._place()
        due = self._due() or defaults.due_on
        if self.faults or place is None:
            return None
        texts["title"] = " ".join(texts["title"].split())
        values = {
            "kind": self.kind,
            **{k: v for k, v in texts.items() if v},
            **place,
            **({"due_on": due} if due else {}),
        }
        return LeadRow(self.line, values, self.got.get("org", ""))

    def _place(self) -> dict[str, Any] | None:
        if self.got.get("wkt") or ("wkt" in self._told):
            return self._shape(self.got["wkt"]) if self.got.get("wkt") else None
        if self._pair[0] not in self._where:
            self.wrong("wkt", "没有位置", "has no position", "补上位置", "Give its position")
            return None
        empty = [f for f in self._pair if not self.got.get(f) and f not in self._told]
        for field in empty:
            self.wrong(field, "没有填", "is empty", "补上", "Fill it in")
        found = None if empty else self.position()
        if found is None:
            return None
        self.far = 0 if in_china(Decimal(found["lon"]), Decimal(found["lat"])) else 1
        return {"position": found}

    def _shape(self, text: str) -> dict[str, Any] | None:
        if point := _POINT.fullmatch(text):
            at = self._corner(point[1], point[2])
            if at is None:
                return None
            self.far = 0 if in_china(Decimal(at[0]), Decimal(at[1])) else 1
            return {"position": {"lon": at[0], "lat": at[1], "source_epsg": self._table.epsg}}
        polygon = _POLYGON.fullmatch(text)
        inner = polygon[1] if polygon else ""
        if text.lstrip()[:5].upper() == "MULTI" and inner.count("((") > 1:
            n = inner.count("((")
            self.wrong(
                "wkt", f"图斑分成 {n} 块", f"the outline is in {n} pieces", f"拆成 {n} 行", f"Split it into {n} rows"
            )
            return None
        rings = [[corner.split()[:2] for corner in ring.split(",")] for ring in _RING.findall(inner)]
        if not rings or any(len(corner) != 2 for ring in rings for corner in ring):
            self.wrong("wkt", f"「{short(text)}」不是 POINT 或 POLYGON", f"“{short(text)}” is neither POINT nor POLYGON",
                       "导出为 WKT 的点或面", "Export points or polygons as WKT")  # fmt: skip
            return None
        if sum(map(len, rings)) > MAX_CORNERS:
            self.wrong("wkt", f"图斑超过 {MAX_CORNERS} 个拐点", f"the outline has more than {MAX_CORNERS} corners",
                       "简化边界", "Simplify it")  # fmt: skip
            return None
        made = []
        for ring in rings:
            closed: list[list[str]] = []
            for x, y in ring:
                corner = self._corner(x, y)
                if corner is None:  # told of the first; the others are mostly wrong in the same way
                    return None
                closed.append(corner)
            if closed[0] != closed[-1]:
                closed.append(closed[0])
            if len({tuple(c) for c in closed}) < 3:
                self.wrong("wkt", "边界不到三个拐点", "the outline has fewer than three corners", "补全边界", "Give the whole outline")  # fmt: skip
                return None
            made.append(closed)
        lon, lat = made[0][0]
        self.far = 0 if in_china(Decimal(lon), Decimal(lat)) else 1
        return {"geometry": {"rings": made}}

    def _corner(self, lon: str, lat: str) -> list[str] | None:
        """[longitude, latitude] to seven decimals, about a centimetre."""
        out = []
        for text, most, name in ((lon, 180, ("经度", "longitude")), (lat, 90, ("纬度", "latitude"))):
            try:
                value = Decimal(unicodedata.normalize("NFKC", text))
                good = value.is_finite() and abs(value) <= most
            except ArithmeticError:
                good = False
            if not good:
                self.wrong("wkt", f"{name[0]} {short(text)} 不是 ±{most}° 以内的数", f"{name[1]} {short(text)} is no number within ±{most}°",
                           "导出为经纬度；核对是否写反", "Export longitude and latitude; check whether they are swapped")  # fmt: skip
                return None
            exact = value.quantize(Decimal("1e-7"), ROUND_HALF_UP)
            self.rounded += exact != value
            out.append(format(abs(exact) if exact == 0 else exact.normalize() if exact != exact.to_integral() else exact.quantize(Decimal(1)), "f"))  # fmt: skip
        x, y = Decimal(out[0]), Decimal(out[1])
        if in_china(y, x) and not in_china(x, y):
            self.wrong("wkt", f"经度 {out[0]}、纬度 {out[1]} 像是写反了", f"longitude {out[0]} and latitude {out[1]} look swapped",
                       "对调经度和纬度", "Swap longitude and latitude")  # fmt: skip
            return None
        return out

    def _due(self) -> str:
        text = unicodedata.normalize("NFKC", self.got.get("due_on", ""))
        if not text:
            return ""
        found = _DAY.fullmatch(text)
        try:
            if found:
                return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
        except ValueError:
            pass
        self.wrong(
            "due_on", f"「{short(text)}」不是日期", f"“{short(text)}” is no date", "写成 2026-12-15", "Write 2026-12-15"
        )
        return ""
