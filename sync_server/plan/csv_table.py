"""Any CSV a spreadsheet writes: the separator is found out, and the line that names the columns."""

from __future__ import annotations

import csv
import io
import re

from sync_server.plan import cells as limits
from sync_server.plan.cells import MAX_COLUMNS, Table, body, too_many_columns, too_many_rows, unreadable
from sync_server.plan.columns import HEADER_WITHIN, PLAN, Kind, field_of, find_heading

LINE = 100_000  # characters of a line that the separator is looked for in


def read_csv(text: str, encoding: str, kind: Kind = PLAN) -> Table:
    """Raises Trouble 4001 (not a table), 4002 (columns missing)."""
    first = re.match(r'[ \t\ufeff]*"?sep=(.?)"?[ \t]*(?:\r\n|\r|\n|$)', text, re.IGNORECASE)
    skipped = 1 if first else 0
    text = text[first.end() :] if first else text
    delimiter = first[1] if first and first[1] in (",", ";", "\t", "|") else _delimiter(text, kind)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    table: list[tuple[int, list[str]]] = []
    start = 1 + skipped
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                table.append((start, cells))
            start = reader.line_num + 1 + skipped
            if len(table) > limits.MAX_ROWS + HEADER_WITHIN + 1:
                raise too_many_rows()
            if any(cells[MAX_COLUMNS:]):
                raise too_many_columns()
    except csv.Error as err:
        raise unreadable(
            f"从第 {start} 行起引号不成对，或一格过长，看这一行是否少了或多了引号",
            f"from line {start} on the quotes do not pair, or a cell is too long: look for a missing or stray quote",
        ) from err
    if not table:
        raise unreadable("文件是空的", "the file is empty")
    found = find_heading([cells for _, cells in table[:HEADER_WITHIN]], kind)
    return Table(found.header, body(table, found), encoding, found)


def _delimiter(text: str, kind: Kind) -> str:
    """The one that splits one of the first lines into the most known names; else that stands most often in the first."""
    lines = io.StringIO(text, newline="")
    head = [line[:LINE] for _, line in zip(range(HEADER_WITHIN), lines, strict=False) if line.strip()]
    first = re.sub(r'"[^"]*"', "", head[0]) if head else ""

    def known(mark: str) -> int:
        return max(
            (len({field_of(c.strip().strip('"'), kind) for c in line.split(mark)} - {None}) for line in head), default=0
        )

    return max(",;\t", key=lambda mark: (known(mark), first.count(mark)))
