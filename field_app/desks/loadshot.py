"""A photo of a load, a check or a finding: kept as a file with what the tablet knows of the moment, and what its record says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from field_app.capture import photo
from field_app.capture.exif import Shot
from field_app.capture.position import as_values
from field_app.store import values_of
from field_app.visit.photos import of_file
from field_app.words import both, say
from schemas.problems import Trouble
from schemas.rules.picture import MOST_BYTES, MOST_PIXELS

if TYPE_CHECKING:
    from field_app.state import State

FIX_S = 60  # an older position is not that of the photo


def kept_shot(
    host: State, data: bytes, step: str, subject: tuple[str, str], record: str, source: str, why: str, mirrored: bool, name: str
) -> dict[str, Any]:  # fmt: skip
    """In a worker's thread. step: a code of photo_step; subject: type and id of what it shows; why: key of the words that say why it
    comes from a file; name: of the load, for the file's own words. Raises photo.NotKept, Trouble 5001, 5007."""
    store, now = host._store, host.now()
    live = source == "app_camera"
    fix = host.here.fix if live else None
    if fix is not None and fix.age_s(now) > FIX_S:
        fix = None
    offset = store.meta("server_offset_ms")
    drift = int(offset) / 1000 if offset else None
    shot = None
    if live:
        project = str((host.book.project or {}).get("code", ""))
        shot = Shot(now, fix, None, drift, host.device, project, name, record, mirrored)
    kept = photo.keep(store.folder, data, shot)
    at = now if live else (kept.taken_at or now).astimezone(now.tzinfo)
    return values_of({
        "sha256": kept.sha256, "step": step, "subject_kind": subject[0], "subject_id": subject[1],
        "taken_at": at.isoformat(timespec="seconds"), "clock_drift_s": f"{drift:.1f}" if drift is not None and live else None,
        "position": as_values(fix, now) if fix is not None else None, "source": source,
        "source_reason": say("zh", why) if why else None, "bytes": kept.size, **of_file(kept.facts),
    })  # fmt: skip


def not_kept(err: photo.NotKept | Trouble, folder: Path) -> tuple[tuple[str, str], tuple[str, str]]:
    """Why a picture did not become a photo, and what to do. Raises `err` again where it is about something else."""
    if isinstance(err, photo.NotKept):
        most = {"mb": MOST_BYTES // 1_000_000, "mp": MOST_PIXELS // 1_000_000}
        return both("photo.bad"), both(f"photo.bad.{err.reason}", **most)
    if err.problem.number not in (5001, 5007):
        raise err
    return both("photo.bad"), both("photo.full", mb=shutil.disk_usage(folder).free // 1_000_000)
