"""A plan's cells as rows and every fault. Pure; `importing` writes them.

Every wrong row is told with where it stands in the file, the column, what is wrong and what to do. Nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.problems import Trouble
from sync_server.plan import projection as survey
from sync_server.plan.cells import Progress, Table, silent, unreadable
from sync_server.plan.columns import METRES
from sync_server.plan.projection import Placed, Projection
from sync_server.plan.reading import Reading, RowFault, in_china, names_of, norm, short
from sync_server.plan.table import read_table

MAX_CODE, MAX_REASON = 32, 20_000  # RECORDS §7; the field's own limit
EVERY = 1000  # rows between two reports of progress


class PlanRow(NamedTuple):
    """One right row; values are wire text, absent where the file gives none."""

    line: int
    code: str
    position: dict[str, Any]  # of the planned point: lon, lat, source_epsg; source_northing, source_easting if surveyed
    fields: dict[str, Any]  # of the planned point
    target: dict[str, Any]  # of its first target, without medium and rule

    @property
    def lon(self) -> str:
        return str(self.position["lon"])

    @property
    def lat(self) -> str:
        return str(self.position["lat"])


class PlanFile(NamedTuple):
    rows: list[PlanRow]
    faults: list[RowFault]
    notes: list[tuple[str, str]]  # (zh, en) that need no correcting
    encoding: str  # utf-8-sig, gb18030, utf-16; xlsx for a workbook
    ignored: list[str]  # column names not used
    projection: Projection | None = None  # of survey coordinates: to be confirmed by a person before importing


def read_plan(
    data: bytes, *, zone: int | None = None, sheet: str | None = None, fits: Callable[[], Sequence[int]] = tuple, progress: Progress = silent,
    most: int | None = None,
) -> PlanFile:  # fmt: skip
    """CSV, XLSX or GeoJSON. `zone`: 3° zone of eastings without prefix; `fits`: asked for the zones in which the
    project is known to lie, to name them where a zone is needed; `sheet`: of a workbook; `most`: rows that are taken.

    Raises Trouble 4001 (not a table), 4002 (columns missing), 4004 (no such sheet), 4005 (zone needed), 4007
    (coordinate system of a GeoJSON), 4008 (no such zone). Row faults are returned, all of them.
    """
    zone = survey.zone_given(zone)
    table = read_table(data, sheet, progress)
    if not table.rows:
        raise unreadable("只有表头，没有点位", "there is a header but no point")
    if most is not None and len(table.rows) > most:
        raise Trouble(4010, count=len(table.rows), limit=most)
    read: list[_Row] = []
    lines_of: dict[str, list[int]] = {}
    for n, (line, cells) in enumerate(table.rows):
        one = _Row(line, cells, table, zone)
        read.append(one)
        lines_of.setdefault(one.got["code"], []).append(line)
        if n % EVERY == 0:
            progress("rows", n, len(table.rows))
    _zones_of_the_rest(read, fits)
    rows: list[PlanRow] = []
    faults: list[RowFault] = []
    placed: list[tuple[str, Placed]] = []
    far = rounded = 0
    for one in read:
        code = one.got["code"]
        if code and len(lines_of[code]) > 1:  # all of them are wrong: which one is right would be a guess
            other = next(n for n in lines_of[code] if n != one.line)
            zh, en = (
                (f"第 {other} 个要素", f"in feature {other}")
                if one.place == "feature"
                else (f"第 {other} 行", f"on line {other}")
            )
            one.wrong("code", f"点位编号 {code} 与{zh}重复", f"point code {code} is {en} too",
                      "改成不同的编号", "Give it another code")  # fmt: skip
        faults += one.faults
        if one.row is not None and not one.faults:
            rows.append(one.row)
            far += not in_china(Decimal(one.row.lon), Decimal(one.row.lat))
            rounded += one.rounded
            if one.placed:
                placed.append((code, one.placed))
    progress("rows", len(read), len(read))
    projection = survey.summary(placed)
    notes = [*table.heading.notes, *table.notes, *_notes_on(projection)]
    if zone is not None and METRES[0] not in table.heading.where:
        notes.append(
            ("文件是经纬度，指定的带没有用到", "the file has longitude and latitude; the zone given was not used")
        )
    if far:
        notes.append((f"{far} 个点位不在中国范围内，请核对", f"{far} points lie outside China, check them"))
    if rounded:
        notes.append(
            (f"{rounded} 个数的小数位过多，已四舍五入", f"{rounded} figures had too many decimals and were rounded")
        )
    return PlanFile(rows, faults, notes, table.encoding, table.heading.ignored, projection)


def _zones_of_the_rest(read: Sequence[_Row], fits: Callable[[], Sequence[int]]) -> None:
    """Eastings without prefix while nobody named a zone. Raises Trouble 4005 when no row of the file has one."""
    unknown = [one for one in read if one.zone_unknown]
    if unknown and not any(one.placed and one.placed.system.prefixed for one in read):
        raise survey.zone_needed(unknown[0].zone_unknown, fits())
    for one in unknown:
        one.wrong("easting", f"Y {one.zone_unknown} 没有带号，别的行有", f"Y {one.zone_unknown} has no zone prefix, other rows have",
                  "补上带号", "Add the zone's two digits")  # fmt: skip


def _notes_on(projection: Projection | None) -> list[tuple[str, str]]:
    if projection is None:
        return []
    notes = []
    if len({system.zone for system, _ in projection.systems}) > 1:
        zh = "、".join(f"第 {s.zone} 带 {n} 个" for s, n in projection.systems)
        en = ", ".join(f"zone {s.zone}: {n}" for s, n in projection.systems)
        notes.append((f"文件里有不止一个带：{zh}，请核对", f"the file has more than one zone, check them: {en}"))
    if outside := projection.outside:
        notes.append((f"{outside} 个点位在所属带 ±1.5° 以外，请核对带号", f"{outside} points lie outside ±1.5° of their zone, check the zone"))  # fmt: skip
    return notes


class _Row(Reading):
    """One row being read: its cells by field, and what is wrong with them."""

    def __init__(self, line: int, cells: list[str], table: Table, zone: int | None) -> None:
        super().__init__(line, cells, table, zone)
        self.row = self._read()

    def _read(self) -> PlanRow | None:
        got, wide = self.got, len(self._table.header)
        if self._table.kind == "csv" and any(c.strip() for c in self._cells[wide:]):
            self.wrong("", f"这一行有 {len(self._cells)} 格，表头只有 {wide} 格", f"this row has {len(self._cells)} cells, the header {wide}",
                       "看是否少了引号或多了逗号", "Look for a missing quote or a stray comma")  # fmt: skip
        for field in ("code", *self._pair):
            if (
                not got[field]
                and field not in self._told
                and not (field == self._pair[1] and self._pair[0] in self._told)
            ):
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
            self.wrong("code", f"编号「{short(code)}」须以字母、数字或汉字开头，且不含换行", f"the code “{short(code)}” must start with a letter or digit and stay on one line",
                       "去掉公式和特殊字符，只留编号", "Take out formulas and special characters")  # fmt: skip
        if len(got.get("reason", "")) > MAX_REASON:
            self.wrong(
                "reason", f"超过 {MAX_REASON} 个字", f"is longer than {MAX_REASON} characters", "缩短", "Shorten it"
            )
        position = self.position()
        fields: dict[str, Any] = {
            "role": self.code("role", "planned_role"), "reason": got.get("reason"),
            "target_depth_m": self.number("target_depth_m", 0, 100, 2), "tolerance_m": self.number("tolerance_m", 0, 50, 1),
        }  # fmt: skip
        order = self.number("order_no", 1, 1_000_000, 0)
        fields["order_no"] = int(order) if order else None
        top, bottom = self._depths()
        target = {"depth_top_m": top, "depth_bottom_m": bottom, "groups": self._groups()}
        if self.faults or position is None:
            return None
        return PlanRow(self.line, code, position, _filled(fields), _filled(target))

    def _depths(self) -> tuple[str | None, str | None]:
        top, bottom = self.number("depth_top_m", 0, 100, 2), self.number("depth_bottom_m", 0, 100, 2)
        if top is not None and bottom is not None and Decimal(top) >= Decimal(bottom):
            self.wrong("depth_bottom_m", f"下深 {bottom} 不大于上深 {top}", f"bottom {bottom} is not below top {top}",
                       "改正深度", "Correct the depths")  # fmt: skip
        elif self._told & {"depth_top_m", "depth_bottom_m"}:
            pass
        elif bool(self.got.get("depth_top_m")) != bool(self.got.get("depth_bottom_m")):
            field = "depth_top_m" if self.got.get("depth_top_m") else "depth_bottom_m"
            self.wrong(field, "上深和下深只填了一个", "only one of top and bottom is given",
                       "两个都填（表层上深填 0），或都不填", "Give both (top 0 at the surface) or neither")  # fmt: skip
        return top, bottom

    def _groups(self) -> list[str]:
        known = names_of("analyte_group")
        found: dict[str, None] = {}
        for part in re.split(r"[;；、,，|\r\n]+", self.got.get("groups", "")):
            for word in [part] if norm(part) in known else re.split(r"[\s/]+", part.strip()):
                if norm(word) in known:
                    found[known[norm(word)]] = None
                elif word:
                    self.wrong("groups", f"不认识检测项目组「{short(word)}」", f"analyte group “{short(word)}” is not known",
                               "用代码表中的名称或代码，如 重金属、metal", "Use a name or code of the list, such as metal or VOCs")  # fmt: skip
        return list(found)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if v not in (None, "", [])}
