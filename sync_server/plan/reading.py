"""One row of a table being read: its cells by field, what is wrong with each, positions and numbers out of them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, NamedTuple

from schemas.reference import codes
from sync_server.plan import projection as survey
from sync_server.plan.cells import Table
from sync_server.plan.columns import DEGREES, METRES, one_line
from sync_server.plan.projection import Placed
from sync_server.plan.workbook import letters

_NUMBER = re.compile(r"[+-]?(\d{1,18}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


class RowFault(NamedTuple):
    """One thing wrong with one row: where, what, what to do. `line`: of the text, of the sheet, or number of the feature."""

    line: int
    column: str  # its name; in a workbook with the cell, such as 经度 C5
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    place: str = "line"  # or "feature"


def in_china(lon: Decimal, lat: Decimal) -> bool:
    """73–136 E, 3–54 N: a planned point elsewhere is unusual, not wrong (RECORDS v_geofix, mark D)."""
    return 73 <= lon <= 136 and 3 <= lat <= 54


class Reading:
    """`got`: cells by field; `faults`: what is wrong with them."""

    def __init__(self, line: int, cells: list[str], table: Table, zone: int | None) -> None:
        self.line, self._cells, self._table, self._zone = line, cells, table, zone
        self._where: Mapping[str, int] = table.heading.where
        self.place = "feature" if table.kind == "geojson" else "line"
        self.got = {field: cells[n].strip() if n < len(cells) else "" for field, n in self._where.items()}
        self.faults: list[RowFault] = []
        self.rounded = 0
        self.placed: Placed | None = None  # of survey coordinates
        self.zone_unknown = ""  # the easting that has no zone
        self._pair = METRES if METRES[0] in self._where else DEGREES
        self._told: set[str] = set()  # fields whose cell holds no value, and was said so
        for field, n in self._where.items() if table.wrong else ():
            if words := table.wrong.get((line, n)):
                self._told.add(field)
                self.got[field] = ""
                self.wrong(field, *words)

    def wrong(self, field: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> None:
        column = self._where.get(field, -1)
        name = one_line(self._table.header[column])
        if self._table.kind == "xlsx" and column >= 0:
            name = f"{name} {letters(column)}{self.line}"
        self.faults.append(RowFault(self.line, name, zh, en, remedy_zh, remedy_en, self.place))

    def position(self) -> dict[str, Any] | None:
        if self._pair is METRES:
            return self._surveyed()
        lon, lat = self.number("lon", -180, 180, 7), self.number("lat", -90, 90, 7)
        if lon is None or lat is None:
            return None
        x, y = Decimal(lon), Decimal(lat)
        if x == y == 0:
            self.wrong("lon", "坐标为 0, 0", "the position is 0, 0", "填实际坐标", "Give the real position")
        elif in_china(y, x) and not in_china(x, y):
            self.wrong("lon", f"经度 {lon}、纬度 {lat} 像是写反了", f"longitude {lon} and latitude {lat} look swapped",
                       "对调经度和纬度", "Swap longitude and latitude")  # fmt: skip
        return {"lon": lon, "lat": lat, "source_epsg": self._table.epsg}

    def _surveyed(self) -> dict[str, Any] | None:
        """Metres to the millimetre, which is what a record keeps of them."""
        widest = 100_000_000
        northing, easting = (self.number(field, -widest, widest, 3) for field in METRES)
        if northing is None or easting is None:
            return None
        found = survey.place(northing, easting, self._zone)
        if isinstance(found, Placed):
            self.placed = found
            return survey.position_of(found)
        if found.field and found.words:
            self.wrong(found.field, *found.words)
        else:
            self.zone_unknown = easting
        return None

    def number(self, field: str, low: int, high: int, places: int) -> str | None:
        """Plain decimal text with no more places than the record holds; None when empty or wrong."""
        shown = self.got.get(field, "")
        text = unicodedata.normalize("NFKC", shown)
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            self.wrong(field, f"「{short(shown)}」不是数", f"“{short(shown)}” is not a number",
                       "填十进制数，如 118.7654321", "Give a decimal number such as 118.7654321")  # fmt: skip
            return None
        value = Decimal(text)
        if not low <= value <= high:
            place = field in DEGREES
            self.wrong(field, f"{short(shown)} 超出 {low}～{high}", f"{short(shown)} is outside {low} to {high}",
                       "核对经纬度是否写反、单位是否为度" if place else "核对单位", "Check for swapped columns and for degrees" if place else "Check the unit")  # fmt: skip
            return None
        exact = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if exact != value and places == 0:
            self.wrong(
                field,
                f"{short(shown)} 不是整数",
                f"{short(shown)} is not a whole number",
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

    def code(self, field: str, list_name: str) -> str | None:
        text = self.got.get(field, "")
        found = names_of(list_name).get(norm(text))
        if text and found is None:
            known = codes(list_name)
            self.wrong(field, f"不认识「{short(text)}」", f"“{short(text)}” is not known",
                       "可用：" + "、".join(label.zh for label in known.values()), "Use one of: " + ", ".join(known))  # fmt: skip
        return found


def short(text: str) -> str:
    """A cell as a message shows it: on one line, not too long."""
    return "".join(c if c.isprintable() else " " for c in text[:40])


def norm(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lower()


@cache
def names_of(list_name: str) -> dict[str, str]:
    """Code, Chinese and English name → code; also a Chinese name without its brackets (重金属)."""
    out: dict[str, str] = {}
    for code, label in codes(list_name).items():
        for name in (code, label.zh, label.en, label.zh.partition("(")[0]):
            out.setdefault(norm(name), code)
    return out
