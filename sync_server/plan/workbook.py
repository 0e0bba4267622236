"""A sheet of an XLSX workbook as a table (ECMA-376).

calamine reads the cells. It runs inside this process, keeps a sheet as a full rectangle of cells and ends the process
when that does not fit into memory; a small file can ask for that with two cells far apart. So the parts are read through
first, and calamine gets only what was looked at.
"""

from __future__ import annotations

import datetime as dt
import io
import posixpath
import zipfile
import zlib
from functools import lru_cache
from typing import Any, NamedTuple
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from schemas.problems import Trouble
from sync_server.plan import cells as limits
from sync_server.plan.cells import MAX_COLUMNS, Progress, Table, Words, body, too_many_columns, unreadable
from sync_server.plan.columns import HEADER_WITHIN, PLAN, Heading, Kind, find_heading

MAX_UNPACKED = 250_000_000  # bytes; 100,000 rows of 15 columns unpack to about 60 MB
MAX_PARTS = 5000
MAX_CELLS = 5_000_000  # of the rectangle around a sheet's filled cells: about 160 MB in calamine
CHUNK = 1 << 18

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    LookupError,
)
_DATE = Words(
    "是日期，多半是编号被表格软件改成了日期", "is a date: most likely the spreadsheet program changed the code",
    "把这一列设为文本，重新填编号", "Set the column to text and type the code again",
)  # fmt: skip
_ERROR = Words(
    "公式出错", "holds a formula's error", "改正公式，或填入数值", "Correct the formula or type the value"
)  # fmt: skip


class Sheet(NamedTuple):
    """A sheet's cells as text, each row with its number; `dates` and `errors` are (row, column from 0)."""

    name: str
    rows: list[tuple[int, list[str]]]
    dates: set[tuple[int, int]]
    errors: set[tuple[int, int]]


def read_workbook(data: bytes, name: str | None, progress: Progress, kind: Kind = PLAN) -> Table:
    """The sheet of that name, else the first visible one that has the columns of such a file.

    Raises Trouble 4001 (not a workbook, or too large), 4002 (columns missing), 4004 (no such sheet).
    """
    vetted, errors = _vetted(data, progress)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(vetted)) as book:
            return _chosen(book, name, errors, kind)
    except CalamineError as err:
        raise _broken() from err


def _chosen(book: CalamineWorkbook, name: str | None, errors: dict[str, set[tuple[int, int]]], kind: Kind) -> Table:
    sheets = [s for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    names = [s.name for s in sheets]
    if name is not None and name not in names:
        zh, en = "、".join(names[:20]), ", ".join(names[:20])
        raise Trouble(4004, sheet=name, why={"zh": f"有的工作表：{zh}", "en": f"the sheets are: {en}"})
    tried: list[tuple[Sheet, Heading]] = []
    first: Trouble | None = None
    for wanted in [name] if name is not None else [s.name for s in sheets if s.visible == SheetVisibleEnum.Visible]:
        most = HEADER_WITHIN if tried else limits.MAX_ROWS + HEADER_WITHIN + 1
        sheet = _read(book, wanted, errors.get(wanted, set()), most)
        if not sheet.rows:
            continue
        try:
            tried.append((sheet, find_heading([cells for _, cells in sheet.rows[:HEADER_WITHIN]], kind)))
        except Trouble as trouble:
            first = first or trouble
    if not tried:
        raise first or unreadable("工作表是空的", "the sheet is empty")
    sheet, found = tried[0]
    rows = body(sheet.rows, found)
    wrong = {(line, column): _ERROR for line, column in sheet.errors}
    wrong |= {(line, column): _DATE for line, column in sheet.dates if column == found.where.get(kind.key)}
    notes = []
    if len(names) > 1:
        notes.append((f"读的是工作表「{sheet.name}」", f"sheet “{sheet.name}” was read"))
    if others := [s.name for s, _ in tried[1:]]:
        notes.append((
            f"工作表 {'、'.join(others[:20])} 也有点位，没有读；用 --sheet 指定",
            f"sheets with points that were not read: {', '.join(others[:20])}; name one with --sheet",
        ))  # fmt: skip
    return Table(found.header, rows, "xlsx", found, "xlsx", wrong, tuple(notes))


def _read(book: CalamineWorkbook, name: str, errors: set[tuple[int, int]], most: int) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    left = sheet.start[1] if sheet.start else 0  # columns before the first filled one are not given
    if left + sheet.width > MAX_COLUMNS:
        raise too_many_columns()
    rows: list[tuple[int, list[str]]] = []
    dates: set[tuple[int, int]] = set()
    for line, values in enumerate(sheet.iter_rows(), 1):
        cells = [*[""] * left, *map(_cell, values)]
        if not any(c.strip() for c in cells) and not any((line, n) in errors for n in range(len(cells))):
            continue
        for n, value in enumerate(values, left):
            if isinstance(value, (dt.date, dt.time, dt.timedelta)):
                dates.add((line, n))
        rows.append((line, cells))
        if len(rows) >= most:
            break
    return Sheet(name, rows, dates, errors)


def _cell(value: Any) -> str:
    """A number with the digits a spreadsheet shows: 15 at most, as many as it keeps; 1.0 is 1."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return str(value)


def _broken() -> Trouble:
    return unreadable("工作簿损坏或不是 .xlsx，用表格软件打开后另存为 .xlsx",
                      "the workbook is broken or no .xlsx: open it in a spreadsheet program and save it as .xlsx")  # fmt: skip


# --- looking before anything is unpacked -----------------------------------------------------------------------------


class _Part:
    """One XML part being read through: how far its cells reach, and what the workbook says of its sheets."""

    def __init__(self) -> None:
        self.rows = self.columns = 0  # of the filled cells, from 1
        self.errors: list[tuple[int, int]] = []
        self.sheets: list[tuple[str, str]] = []  # name, relation
        self.relations: dict[str, str] = {}  # relation → part
        self._row = self._column = 0  # of the cell, as it says itself
        self._nth_row = self._nth = 0  # as the row says and by counting: readers differ where a cell says nothing
        self._open = self._error = False
        self._kinds: dict[str, str] = {}
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._doctype
        self.feed = self._parser.Parse

    def _doctype(self, *_: object) -> None:
        raise ValueError("a part of a workbook declares no document type")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        kind = self._kinds.get(tag)
        if kind is None:
            kind = self._kinds[tag] = tag.rpartition(":")[2]
        if kind == "c":
            at = attributes.get("r")
            self._nth += 1
            self._row, self._column = (self._nth_row, self._nth) if at is None else _place(at)
            self._open, self._error = True, attributes.get("t") == "e"
        elif kind == "row":
            at = attributes.get("r")
            self._nth_row, self._nth, self._open = self._nth_row + 1 if at is None else _number(at), 0, False
        elif self._open and kind in ("v", "is", "f"):  # the cell holds a value, a text, a formula: not just a colour
            self._open = False
            self.rows = max(self.rows, self._row, self._nth_row)
            self.columns = max(self.columns, self._column, self._nth)
            if self._error:
                self.errors.append((self._row, self._column - 1))
        elif kind == "sheet" and "name" in attributes:
            related = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id" and ":" in k), "")
            self.sheets.append((attributes["name"], related))
        elif kind == "Relationship":
            self.relations[attributes.get("Id", "")] = attributes.get("Target", "")


def _place(at: str) -> tuple[int, int]:
    """AB12 → (12, 28). ValueError when it is no cell."""
    name = at.rstrip("0123456789")
    return _number(at[len(name) :]), _column(name)


@lru_cache(maxsize=MAX_COLUMNS)
def _column(name: str) -> int:
    if not 1 <= len(name) <= 3 or not all("A" <= letter <= "Z" for letter in name):
        raise ValueError(f"no column: {name[:20]}")
    column = 0
    for letter in name:
        column = column * 26 + ord(letter) - 64
    return column


def _number(text: str) -> int:
    if len(text) > 7:  # a sheet has 1,048,576 rows at most
        raise ValueError(f"no row: {text[:20]}")
    return int(text)


def letters(column: int) -> str:
    """A column from 0 as a spreadsheet names it: 0 → A, 27 → AB."""
    out = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        out = chr(65 + rest) + out
    return out


def _vetted(data: bytes, progress: Progress) -> tuple[bytes, dict[str, set[tuple[int, int]]]]:
    """The workbook again with nothing but XML parts of honest size and extent; and the error cells of each sheet."""
    parts: dict[str, _Part] = {}
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as kept:
            entries = _entries(packed)
            total, done = sum(e.file_size for e in entries), 0
            for entry in entries:
                part = parts[entry.filename.lower()] = _Part()
                with packed.open(entry) as source, kept.open(entry.filename, "w") as target:
                    while chunk := source.read(CHUNK):  # no more than the size declared; the checksum is compared
                        part.feed(chunk, False)
                        target.write(chunk)
                        done += len(chunk)
                        progress("open", done, total)
                part.feed(b"", True)
                _check_extent(part)
    except (*_BROKEN, expat.ExpatError) as err:
        raise _broken() from err
    return out.getvalue(), _errors_by_sheet(parts)


def _entries(packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """XML parts alone: pictures, macros and the like are not even unpacked. Raises Trouble 4001."""
    entries = [e for e in packed.infolist() if e.filename.lower().endswith((".xml", ".rels"))]
    names = {e.filename.lower() for e in entries}
    if "xl/workbook.xml" not in names:
        raise _broken()
    if len(names) != len(entries):
        raise ValueError("two parts of one name")
    if len(entries) > MAX_PARTS or sum(e.file_size for e in entries) > MAX_UNPACKED:
        size = f"{MAX_UNPACKED // 1_000_000} MB"
        raise unreadable(f"工作簿解开后超过 {size}，只留方案的工作表",
                         f"the workbook unpacks to more than {size}: keep only the plan's sheet")  # fmt: skip
    return entries


def _check_extent(part: _Part) -> None:
    if part.rows * part.columns > MAX_CELLS:
        where = f"{letters(part.columns - 1)}{part.rows}"
        raise unreadable(
            f"有一张工作表的内容一直到 {where}，太大；删去表外的内容和无关的工作表",
            f"a sheet has contents as far as {where}, which is too large: delete what stands outside the table, and other sheets",
        )


def _errors_by_sheet(parts: dict[str, _Part]) -> dict[str, set[tuple[int, int]]]:
    relations = parts["xl/_rels/workbook.xml.rels"].relations if "xl/_rels/workbook.xml.rels" in parts else {}
    out = {}
    for name, related in parts["xl/workbook.xml"].sheets:
        path = posixpath.normpath(posixpath.join("/xl", relations.get(related, ""))).lstrip("/").lower()
        if path in parts:
            out[name] = set(parts[path].errors)
    return out
