"""XLSX, written row by row in flat memory: a sheet per record type, and one that says what the file is.

All text is written as text and marked so that editing a cell does not turn it into a formula. A sheet holds 1,048,576 rows and a cell
32,767 characters: further rows go on in a further sheet, a longer text is cut with a mark that says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from sync_server.export.cells import Unique, calculates, is_number, moment
from sync_server.export.columns import Column, Row, Style
from sync_server.export.layers import About, Layer
from sync_server.export.words import say

MOST_ROWS = 1_048_575  # below the header
MOST_CHARACTERS = 32_767
MOST_DIGITS = 15  # a spreadsheet's numbers hold no more; a figure with more is written as text
SHEET_NAME = 31
WIDTHS = (9, 42)
_BAD_IN_SHEET = re.compile(r"[\[\]:*?/\\]")


class XlsxWriter:
    def __init__(self, path: Path, style: Style, temp: Path, most_rows: int = MOST_ROWS) -> None:
        """`temp`: a folder for the parts, on the same disk as the file."""
        self.path, self.style, self.cut, self._most = path, style, 0, most_rows
        self._book = xlsxwriter.Workbook(str(path), {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
            "tmpdir": str(temp), "default_date_format": "yyyy-mm-dd",
        })  # fmt: skip
        self._book.use_zip64()
        self._names = Unique(("history",))  # a name Excel keeps for itself
        self._formats: dict[str, Format] = {}
        self._head = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#EDE8DA"})
        self._about: Worksheet | None = None
        self._sheet: Worksheet | None = None
        self._layer: Layer | None = None
        self._n = 0

    def begin(self, layer: Layer) -> None:
        self._end()
        self._layer = layer
        self._open()
        if self._about is None:
            self._about = self._book.add_worksheet(self._name(say(self.style.lang, "about")))

    def _name(self, title: str) -> str:
        plain = "".join(c for c in title if c.isprintable() and c <= "\uffff")  # the limit counts halves of others
        return self._names(_BAD_IN_SHEET.sub("_", plain).strip("' ") or "_", SHEET_NAME)

    def _open(self) -> None:
        """A sheet for the layer, or one more of them."""
        assert self._layer is not None
        sheet = self._book.add_worksheet(self._name(self._layer.title))
        sheet.freeze_panes(1, 1)
        for n, column in enumerate(self._layer.columns):
            wide = sum(2 if ord(c) > 0x2E7F else 1 for c in column.head) + 2
            sheet.set_column(n, n, min(max(wide, WIDTHS[0]), WIDTHS[1]))
        for n, column in enumerate(self._layer.columns):
            self._text(sheet, 0, n, column.head, self._head)
        self._sheet, self._n = sheet, 0

    def write(self, rows: Sequence[Row]) -> None:
        assert self._layer is not None
        for row in rows:
            if self._n == self._most:
                self._end()
                self._open()
            self._n += 1
            assert self._sheet is not None
            for at, column in enumerate(self._layer.columns):
                value = column.of(row)
                if value is not None and value != "":
                    self._cell(self._sheet, self._n, at, column, value)

    def _cell(self, sheet: Worksheet, row: int, at: int, column: Column, value: Any) -> None:
        if isinstance(value, bool):
            sheet.write_boolean(row, at, value)
        elif isinstance(value, int) and abs(value) < 10**MOST_DIGITS:
            sheet.write_number(row, at, value, self._format("0"))
        elif column.kind == "number" and is_number(value) and sum(c.isdigit() for c in value) <= MOST_DIGITS:
            places = len(value.partition(".")[2])
            sheet.write_number(row, at, float(value), self._format(f"0.{'0' * places}" if places else "0"))
        elif column.kind in ("date", "time") and (when := _time(column.kind, value)):
            shape = (
                "yyyy-mm-dd"
                if column.kind == "date"
                else "yyyy-mm-dd hh:mm:ss.000"
                if when.microsecond
                else "yyyy-mm-dd hh:mm:ss"
            )
            sheet.write_datetime(row, at, when, self._format(shape))
        else:
            self._text(sheet, row, at, str(value))

    def _text(self, sheet: Worksheet, row: int, at: int, text: str, look: Format | None = None) -> None:
        if len(text) * 2 > MOST_CHARACTERS and len(text.encode("utf-16-le", "replace")) // 2 > MOST_CHARACTERS:
            mark = say(self.style.lang, "cut")
            whole = text.encode("utf-16-le", "replace")[: 2 * (MOST_CHARACTERS - len(mark))]
            text = whole.decode("utf-16-le", "ignore") + mark
            self.cut += 1
        if look is None and calculates(text):
            look = self._format("@")
        sheet.write_string(row, at, text, look)

    def _format(self, shape: str) -> Format:
        if shape not in self._formats:
            more = {"quote_prefix": True} if shape == "@" else {}
            self._formats[shape] = self._book.add_format({"num_format": shape, **more})
        return self._formats[shape]

    def _end(self) -> None:
        if self._sheet is not None and self._layer is not None and self._n:
            self._sheet.autofilter(0, 0, self._n, len(self._layer.columns) - 1)

    def close(self, about: About) -> None:
        self._end()
        sheet = self._about or self._book.add_worksheet(self._name(say(self.style.lang, "about")))
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 90)
        wrapped = self._book.add_format({"text_wrap": True, "valign": "top", "num_format": "@", "quote_prefix": True})
        for n, (what, text) in enumerate(about.lines):
            self._text(sheet, n, 0, what, self._head)
            self._text(sheet, n, 1, text, wrapped)
        try:
            self._book.close()
        except FileCreateError as err:
            inner = err.args[0] if err.args else None
            raise (inner if isinstance(inner, OSError) else err) from err

    def abandon(self) -> None:
        for sheet in self._book.worksheets():
            with suppress(Exception):
                sheet.row_data_fh.close()
        self._book.fileclosed = True


def _time(kind: str, value: Any) -> datetime | None:
    """What a spreadsheet can hold as a time: from 1900 on."""
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value) if kind == "date" else moment(value)
    except ValueError:
        return None
    return when if when is not None and when.tzinfo is None and when.year >= 1900 else None
