"""A plan's file as a table, whatever kind it is: CSV, XLSX or GeoJSON, told apart by what stands in it."""

from __future__ import annotations

from schemas.problems import Trouble
from sync_server.plan.cells import MAX_BYTES, Progress, Table, decode, silent, unreadable
from sync_server.plan.columns import PLAN, Kind
from sync_server.plan.csv_table import read_csv
from sync_server.plan.geojson import read_geojson
from sync_server.plan.workbook import read_workbook


def read_table(data: bytes, sheet: str | None = None, progress: Progress = silent, kind: Kind = PLAN) -> Table:
    """The kind is found by content. Raises Trouble 4001 (not a table), 4002 (columns missing), 4004 (no such sheet),
    4007 (coordinate system of a GeoJSON)."""
    if len(data) > MAX_BYTES:
        raise unreadable("文件超过 50 MB", "the file is larger than 50 MB")
    if data[:4] == b"PK\x03\x04":
        return read_workbook(data, sheet, progress, kind)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":  # OLE compound file: what Excel wrote before 2007
        raise unreadable("是旧版 .xls 或有密码的工作簿，另存为没有密码的 .xlsx",
                         "it is an old .xls or a workbook with a password: save it as .xlsx without one")  # fmt: skip
    text, encoding = decode(data)
    reads = read_geojson if text.lstrip("\ufeff \t\r\n")[:1] == "{" else read_csv
    found = reads(text, encoding, kind)
    if sheet is not None:
        raise Trouble(4004, sheet=sheet, why={"zh": "这个文件不是工作簿", "en": "this file is no workbook"})
    return found
