"""The statements of a GeoPackage (OGC 12-128r19, version 1.3): a file of its own, made once, read by QGIS and GDAL.

The file is made under a temporary name and given to nobody before it is whole, so there is no journal and no sync while it grows;
whoever makes it brings it to the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sync_server.store.engine import room_on_disk

APPLICATION, VERSION = 0x47504B47, 10300  # "GPKG", 1.3.0
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), min_x DOUBLE,
  min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
"""


class System(NamedTuple):
    """A coordinate system as the file names it."""

    name: str
    id: int
    organization: str
    organization_id: int
    definition: str


class GeoPackage:
    def __init__(self, path: Path, systems: Sequence[System]) -> None:
        """Raises Trouble 1102."""
        with room_on_disk():
            self._db = sqlite3.connect(path, isolation_level=None)
            try:
                for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-4000", "temp_store=FILE",
                               f"application_id={APPLICATION}", f"user_version={VERSION}"):  # fmt: skip
                    self._db.execute(f"PRAGMA {pragma}")
                self._db.executescript(_TABLES)
                self._db.execute("BEGIN")
                self._db.executemany(
                    "INSERT INTO gpkg_spatial_ref_sys (srs_name,srs_id,organization,organization_coordsys_id,definition) VALUES (?,?,?,?,?)",
                    systems,
                )
            except BaseException:
                self._db.close()
                raise

    def add_layer(self, name: str, columns: Sequence[tuple[str, str]], shape: str | None, system: int) -> None:
        """`columns`: (name, type of the standard); `shape`: POINT, POLYGON, GEOMETRY, or None for a table without geometry. Names may
        be any text; they differ from one another and from fid and geom."""
        geom = ["geom BLOB"] if shape else []
        told = [
            "fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
            *geom,
            *(f"{_named(n)} {kind}" for n, kind in columns),
        ]
        with room_on_disk():
            self._db.execute(f"CREATE TABLE {_named(name)} ({','.join(told)})")
            self._db.execute(
                "INSERT INTO gpkg_contents (table_name,data_type,identifier,srs_id) VALUES (?,?,?,?)",
                (name, "features" if shape else "attributes", name, system if shape else None),
            )
            if shape:
                self._db.execute("INSERT INTO gpkg_geometry_columns VALUES (?,'geom',?,?,0,0)", (name, shape, system))
        names = [*(["geom"] if shape else []), *(n for n, _ in columns)]
        self._insert = (
            f"INSERT INTO {_named(name)} ({','.join(map(_named, names))}) VALUES ({','.join('?' * len(names))})"
        )

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """To the layer made last: the geometry, where it has one, and the columns. Raises Trouble 1102."""
        with room_on_disk():
            self._db.executemany(self._insert, rows)

    def describe(self, name: str, text: str, extent: Sequence[float] | None = None) -> None:
        """`extent`: min x, min y, max x, max y."""
        with room_on_disk():
            self._db.execute(
                "UPDATE gpkg_contents SET description=?, min_x=?, min_y=?, max_x=?, max_y=? WHERE table_name=?",
                (text, *(extent or (None,) * 4), name),
            )

    def close(self) -> None:
        """Everything is in the file when this returns."""
        try:
            with room_on_disk():
                self._db.execute("COMMIT")
        finally:
            self._db.close()

    def abandon(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
