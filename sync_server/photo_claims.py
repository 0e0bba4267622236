"""Do photo records say of their files what the files say of themselves? Check H02 believes `file_taken_at` and `file_position`, since it
has no file; so here, where the bytes are, the two are compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from schemas.rules import geo
from schemas.rules.reconcile.photos import CLOCKS, FAR_M
from sync_server.store import Tx


def untrue(tx: Tx, scope: str) -> Iterator[tuple[str, list[str]]]:
    """(photo record, "time" and "place" as far as the file says another). Where a record says nothing of its file, as those
    of older tablets do, its own time and position count; where nothing is known, nothing is said."""
    photos = [p for p in tx.of_scope_since("photo", scope, 0) if not p.values.get("deleted")]
    blobs = tx.blobs_named({str(p.values["sha256"]) for p in photos})
    for photo in photos:
        blob = blobs.get(str(photo.values["sha256"]))
        said = json.loads(blob.exif) if blob is not None and blob.exif else {}
        if against := differs(photo.values, said):
            yield photo.id, against


def differs(values: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    """ "time" and "place" as far as a file (`said`: its EXIF as rules/exif.as_json) says another than its photo's record."""
    return [*_time(values, said), *_place(values, said)]


def _time(values: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    claimed, found = values.get("file_taken_at") or values["taken_at"], said.get("taken_at")
    if found and abs(datetime.fromisoformat(found) - datetime.fromisoformat(claimed)) > CLOCKS:
        yield "time"


def _place(values: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    claimed = values.get("file_position") or values.get("position")
    if not claimed or said.get("longitude") is None or said.get("latitude") is None:
        return
    metres = geo.distance_m(float(claimed["lon"]), float(claimed["lat"]), said["longitude"], said["latitude"])
    if metres > FAR_M + float(claimed.get("h_acc_m") or 0) + float(said.get("accuracy_m") or 0):
        yield "place"
