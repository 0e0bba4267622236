"""A workbook whose cells may hold small pictures: what a ledger of findings shows beside its text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.rules.picture import look
from sync_server.export.columns import Column
from sync_server.export.layers import Layer
from sync_server.export.workbook import XlsxWriter

HEIGHT_PX = 96
WIDTH_PX = 128
ROW_PT = HEIGHT_PX * 0.75 + 4


class Pictured(NamedTuple):
    """A cell: its text, and the hashes of its pictures."""

    text: str
    shas: tuple[str, ...]


class PictureWriter(XlsxWriter):
    """`pictures`: hash → a small JPEG. A picture lies in its cell; where there is none, the text alone stands."""

    pictures: Mapping[str, bytes]
    each: int  # pictures of one cell
    _columns: dict[int, int]

    def draw(self, pictures: Mapping[str, bytes], each: int = 2) -> None:
        self.pictures, self.each = pictures, each

    def begin(self, layer: Layer) -> None:
        super().begin(layer)
        self._widened: set[int] = set()

    def write(self, rows: Sequence[Any]) -> None:
        assert self._layer is not None
        for row in rows:
            cells = [(n, v) for n, c in enumerate(self._layer.columns) if isinstance(v := c.of(row), Pictured)]
            shown = [(n, [s for s in v.shas if s in self.pictures][: self.each]) for n, v in cells]
            if self._n == self._most:
                self._end()
                self._open()
                self._widened = set()
            assert self._sheet is not None
            if any(found for _, found in shown):
                self._sheet.set_row(self._n + 1, ROW_PT)
            super().write([row])
            for n, found in shown:
                self._put(n, found)

    def _put(self, column: int, shas: Sequence[str]) -> None:
        sheet = self._sheet
        assert sheet is not None
        if shas and column not in self._widened:
            self._widened.add(column)
            sheet.set_column_pixels(column, column, self.each * (WIDTH_PX + 4) + 4)
        for k, sha in enumerate(shas):
            data = self.pictures[sha]
            seen = look(data)
            scale = min(WIDTH_PX / seen.width, HEIGHT_PX / seen.height)
            place = {
                "x_offset": 2 + k * (WIDTH_PX + 4), "y_offset": 2, "x_scale": scale, "y_scale": scale, "object_position": 1,
                "image_data": io.BytesIO(data), "description": sha,
            }  # fmt: skip
            sheet.insert_image(self._n, column, f"{sha}.jpg", place)

    def _cell(self, sheet: Any, row: int, at: int, column: Column, value: Any) -> None:
        super()._cell(sheet, row, at, column, value.text if isinstance(value, Pictured) else value)
