"""How many bytes a database holds, and how many of them are the journal (lines, links and the indexes over them)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple


class Size(NamedTuple):
    """Bytes in pages that are in use."""

    all: int
    journal: int

    def since(self, before: Size) -> Size:
        return Size(self.all - before.all, self.journal - before.journal)


def of_sqlite(path: Path) -> Size:
    """Of a database nobody has open, or only idle ones; what is in the write-ahead log is moved into the file first."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count", "page_size")
        )
        (journal,) = db.execute(
            "SELECT coalesce(sum(pgsize),0) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name='journal')"
        ).fetchone()
    return Size((pages - free) * size, journal)
