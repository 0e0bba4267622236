"""What a plan's file is to whoever reads its rows: cells of text, whatever kind of file they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schemas.problems import Trouble
from sync_server.plan.columns import Heading

MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 50_000_000, 100_000, 1000

Progress = Callable[[str, int, int], None]  # phase ("open" or "rows"), done, total


def silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class Words(NamedTuple):
    """What is wrong and what to do."""

    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


class Table(NamedTuple):
    """The cells as they stand in the file; each row with where it stands: line, sheet row or feature number."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    encoding: str
    heading: Heading
    kind: str = "csv"  # csv, xlsx, geojson
    wrong: dict[tuple[int, int], Words] = {}  # (row, column) of cells that hold no value, read-only
    notes: tuple[tuple[str, str], ...] = ()  # (zh, en)
    epsg: int = 4490  # of longitude and latitude


def unreadable(zh: str, en: str) -> Trouble:
    return Trouble(4001, why={"zh": zh, "en": en})


def too_many_rows() -> Trouble:
    return unreadable(f"超过 {MAX_ROWS} 行", f"more than {MAX_ROWS} rows")


def too_many_columns() -> Trouble:
    return unreadable(f"超过 {MAX_COLUMNS} 列", f"more than {MAX_COLUMNS} columns")


def decode(data: bytes) -> tuple[str, str]:
    """UTF-8 (with or without mark), UTF-16 with mark, else GB 18030, which Chinese office programs write."""
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise unreadable("不是文本文件", "it is not a text file")
        return text, encoding
    known = "UTF-16" if marked else "UTF-8 或 GB 18030", "UTF-16" if marked else "UTF-8 or GB 18030"
    raise unreadable(f"编码不是 {known[0]}", f"the encoding is not {known[1]}")


def body(table: list[tuple[int, list[str]]], found: Heading) -> list[tuple[int, list[str]]]:
    """What stands under the header. Raises Trouble 4001 when that is too much."""
    rows = table[found.at + found.span :]
    if len(rows) > MAX_ROWS:
        raise too_many_rows()
    return rows
