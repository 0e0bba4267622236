"""GeoJSON (RFC 7946): a FeatureCollection, or a zip with one per record type. Geometry is longitude and latitude with the digits of
the records; what the file is stands in a member of its own at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sync_server.export.columns import Column, Row, Style
from sync_server.export.features import feature_of
from sync_server.export.layers import About, Layer
from sync_server.export.parts import Parts

_encode = msgspec.json.Encoder(decimal_format="number").encode


class GeoJsonWriter:
    def __init__(self, path: Path, style: Style, several: bool) -> None:
        self.path, self.style, self.cut = path, style, 0
        self._parts = Parts(path, several)
        self._columns: list[Column] | None = None
        self._n = 0

    def begin(self, layer: Layer) -> None:
        self._end(None)
        self._columns, self._n = layer.columns, 0
        self._parts.begin(layer.title, ".geojson")
        self._parts.write(b'{"type":"FeatureCollection","name":' + _encode(layer.title) + b',"features":[')

    def write(self, rows: Sequence[Row]) -> None:
        columns = self._columns or []
        for row in rows:
            self._parts.write((b",\n" if self._n else b"\n") + _encode(feature_of(row, columns, exact=True)))
            self._n += 1

    def _end(self, about: About | None) -> None:
        if self._columns is not None:
            told = b',"jingtu":' + _encode([list(line) for line in about.lines]) if about else b""
            self._parts.write(b"\n]" + told + b"}\n")
            self._columns = None

    def close(self, about: About) -> None:
        self._end(None if self._parts.several else about)
        self._parts.close(about, self.style.lang)

    def abandon(self) -> None:
        self._parts.abandon()
