"""Databases as older versions left them (tests/ages/record.py), put back as files."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
VERSIONS = sorted(p.name for p in HERE.iterdir() if (p / "story.json").exists())


class Recorded(NamedTuple):
    server: Path  # data folder
    tablets: list[Path]
    at: datetime  # the clock when it was recorded


def load(sql: Path, to: Path) -> None:
    """SQL text → a database file."""
    db = sqlite3.connect(to, isolation_level=None)
    db.executescript(sql.read_text("utf-8"))
    db.close()


def restored(version: str, folder: Path) -> Recorded:
    kept = HERE / version
    story = json.loads((kept / "story.json").read_text())
    server = folder / "server"
    server.mkdir(parents=True)
    load(kept / "server.sql", server / "server.db")
    for key in kept.glob("*.key.hex"):
        (server / key.stem).write_bytes(bytes.fromhex(key.read_text()))
    tablets = []
    for n in range(story["tablets"]):
        tablet = folder / f"tablet{n}"
        tablet.mkdir()
        load(kept / f"tablet{n}.sql", tablet / "tablet.db")
        (tablet / "identity.json").write_text((kept / f"tablet{n}.identity.json").read_text())
        tablets.append(tablet)
    return Recorded(server, tablets, datetime.fromisoformat(story["at"]))
