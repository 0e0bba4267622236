"""Base maps on the device: MBTiles files (SQLite; rows counted from the south) in the folder `tiles` beside the database.

A file is opened for reading only and never changed. What it holds may be shifted: maps made in China are often in GCJ-02,
50 to 700 m off. Nothing is moved here, silently or otherwise; the page says so.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from field_app.storage import to_disk, told
from schemas.problems import Trouble

SPARE = 100_000_000  # bytes that stay free for records and photos
CHUNK = 1 << 20
DEEPEST = 22
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
WHY = ("missing", "not_tiles", "damaged", "empty", "vector")


class BadTiles(Exception):
    """A file that cannot be shown. `reason`: one of WHY."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Bounds(NamedTuple):
    west: float
    south: float
    east: float
    north: float


class TileFile:
    """One open file. `tile` may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Raises BadTiles."""
        self.path, self._lock = path, threading.Lock()
        if not path.is_file():
            raise BadTiles("missing")
        stat = path.stat()
        self.size = stat.st_size
        self.key = hashlib.sha256(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
        with path.open("rb") as f:
            if f.read(16) != b"SQLite format 3\0":
                raise BadTiles("not_tiles")
        # immutable: no lock and no journal beside a file that may lie on a card that takes none
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as err:
            raise BadTiles("damaged") from err
        try:
            self._read()
        except sqlite3.OperationalError as err:
            self.close()
            raise BadTiles("damaged" if "malformed" in str(err) else "not_tiles") from err
        except sqlite3.Error as err:
            self.close()
            raise BadTiles("damaged") from err
        except BadTiles:
            self.close()
            raise

    def _read(self) -> None:
        meta: dict[str, str] = {}
        with suppress(sqlite3.OperationalError):  # some makers leave the table out
            meta = {str(k): str(v) for k, v in self._db.execute("SELECT name, value FROM metadata")}
        one = self._db.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()
        if one is None:
            raise BadTiles("empty")
        if not isinstance(one[0], bytes) or not one[0].startswith(PICTURES):
            raise BadTiles("vector")
        self.name = meta.get("name", "").strip() or self.path.stem
        self.attribution = html.unescape(re.sub(r"<[^>]*>", "", meta.get("attribution", ""))).strip()
        self.min_zoom = self._zoom(meta.get("minzoom"), "min")
        self.max_zoom = max(self.min_zoom, self._zoom(meta.get("maxzoom"), "max"))
        self.bounds = bounds_of(meta.get("bounds", ""))

    def _zoom(self, said: str | None, which: str) -> int:
        if said is not None and said.strip().isdigit() and int(said) <= DEEPEST:
            return int(said)
        return min(DEEPEST, max(0, int(self._db.execute(f"SELECT {which}(zoom_level) FROM tiles").fetchone()[0])))

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The picture there, row counted from the north; None where the file has none, or cannot be read."""
        if not 0 <= z <= DEEPEST or not (0 <= x < 1 << z and 0 <= y < 1 << z):
            return None
        sql = "SELECT tile_data FROM tiles WHERE zoom_level=? AND tile_column=? AND tile_row=?"
        try:
            with self._lock:
                row: Any = self._db.execute(sql, (z, x, (1 << z) - 1 - y)).fetchone()
        except sqlite3.Error:  # a damaged page, or closed meanwhile
            return None
        return row[0] if row and isinstance(row[0], bytes) else None

    def covers(self, lon: float, lat: float) -> bool:
        b = self.bounds
        return b is None or (b.west <= lon <= b.east and b.south <= lat <= b.north)

    def close(self) -> None:
        with self._lock:
            self._db.close()


def bounds_of(text: str) -> Bounds | None:
    """ "west,south,east,north" in degrees; None for anything else."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    fit = all(math.isfinite(v) for v in (west, south, east, north)) and west < east and south < north
    return Bounds(west, south, east, north) if fit else None


def listed(folder: Path) -> list[tuple[str, int]]:
    """(name, bytes) of the files of the folder, by name."""
    if not folder.is_dir():
        return []
    return sorted((p.name, p.stat().st_size) for p in folder.glob("*.mbtiles") if p.is_file())


def bring_in(source: Path, folder: Path, tell: Callable[[int, int], None] = lambda done, size: None) -> str:
    """Copy a file into the folder; its name there. Under that name it is there whole or not at all: a file of the same
    name is replaced only by a whole one. `tell` hears (bytes copied, bytes in all).

    Raises BadTiles where it cannot be shown, Trouble 5001 where there is no room, 5007."""
    TileFile(source).close()
    with told():
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.part"):  # of a copy that was cut
            left.unlink()
        size = source.stat().st_size
        if shutil.disk_usage(folder).free < size + SPARE:
            raise Trouble(5001)
        target = folder / f"{source.stem}.mbtiles"
        temp = target.with_name(f"{target.name}.part")
        try:
            _copied(source, temp, size, tell)
            TileFile(temp).close()
            to_disk(temp)
            temp.replace(target)
            to_disk(folder)
        except BaseException:
            with suppress(OSError):
                temp.unlink(missing_ok=True)
            raise
    return target.name


def _copied(source: Path, target: Path, size: int, tell: Callable[[int, int], None]) -> None:
    done = 0
    with source.open("rb") as old, target.open("wb") as new:
        while part := old.read(CHUNK):
            new.write(part)
            done += len(part)
            tell(done, size)


def remove(folder: Path, name: str) -> None:
    """Raises Trouble 5007."""
    with told():
        (folder / Path(name).name).unlink(missing_ok=True)
