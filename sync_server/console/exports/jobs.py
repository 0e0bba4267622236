"""A job as its reader sees it: a sign, how far it is, what came of it, and what can be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schemas.problems import Trouble
from sync_server.console.parts import Sign, number, when
from sync_server.console.words import words
from sync_server.export.telling import Counts, title, warnings
from sync_server.export.wish import Wish
from sync_server.store import ExportRow

_SIGNS = {
    "waiting": ("clock", "planned"), "running": ("half", "active"), "done": ("ok", "done"), "failed": ("warn", "alert"),
    "cancelled": ("block", "unsure"), "interrupted": ("warn", "warn"), "removed": ("block", "unsure"),
}  # fmt: skip


class Job(NamedTuple):
    """`part`: how much is done, 0 to 100; None where nothing is known of it. `notes`: what to know before using the file."""

    id: str
    name: str
    what: str
    sign: Sign
    open: bool
    ready: bool
    part: int | None
    progress: str
    line: str
    size: str
    rows: str
    sha: str
    until: str
    notes: list[str]
    trouble: str
    remedy: str

    @property
    def again(self) -> bool:
        """Worth making once more: it came to nothing, or its file is gone."""
        return not self.open and not self.ready


def job(row: ExportRow, lang: str, now: datetime) -> Job:
    w = words(lang)
    ready = row.state == "done" and (row.expires_at or 0) > now.timestamp() * 1000
    state = "removed" if row.state == "done" and not ready else row.state
    icon, colour = _SIGNS.get(state, ("q", "unsure"))
    what, photos = _what(row, lang)
    told = Trouble(row.problem, **row.told()) if row.problem else None
    remedy = (told.problem.remedy_zh if lang == "zh" else told.problem.remedy_en) if told else ""
    times = [
        w("x_asked_at", t=_at(row.made_at, now)),
        w("x_ended_at", t=_at(row.ended_at, now)) if row.ended_at else "",
    ]
    total = row.total or 0
    progress = (
        w("x_photos_of" if photos else "x_of", n=number(row.done), m=number(total))
        if row.state == "running" and row.total is not None
        else ""
    )
    notes = _notes(row.counted(), lang) if row.state == "done" else []
    if state in ("waiting", "interrupted", "removed", "cancelled"):
        notes = [w(f"x_{state}_line")]
    return Job(
        row.id, row.name, what, Sign(icon, colour, w(f"x_{state}") if state in _SIGNS else state), row.open, ready,
        min(100, 100 * row.done // total) if total and row.state == "running" else None, progress, " · ".join(t for t in times if t),
        bytes_words(row.size) if row.size is not None else "",
        w("x_photos" if photos else "x_rows", n=number(row.done)) if row.sha256 else "", row.sha256 or "",
        w("x_until", t=_at(datetime.fromtimestamp((row.expires_at or 0) / 1000, UTC).isoformat(), now)) if ready else "",
        notes, told.text(lang) if told else "", remedy,
    )  # fmt: skip


def _what(row: ExportRow, lang: str) -> tuple[str, bool]:
    """What it is of, and whether of photos."""
    w = words(lang)
    try:
        wish = Wish.read(row.wished())
    except (ValueError, KeyError, TypeError, IndexError):  # asked of another version
        return row.name, False
    kind = w(f"x_f_{wish.format}")
    return f"{title(wish, lang)} · {kind}" if wish.format != "photos" else kind, wish.format == "photos"


def _notes(counted: Mapping[str, Any], lang: str) -> list[str]:
    w = words(lang)
    counts = Counts({}, *(int(counted.get(k, 0)) for k in ("outside", "untold", "cut", "missing", "damaged")))
    out = warnings(counts, lang)
    for name in ("cut", "missing", "damaged"):
        if n := int(counted.get(name, 0)):
            out.append(w(f"x_{name}", n=number(n)))
    return out


def _at(text: str | None, now: datetime) -> str:
    return when(datetime.fromisoformat(text), now) if text else ""


def bytes_words(size: int) -> str:
    """1.4 MB; below 1000 as it is."""
    if size < 1000:
        return f"{size} B"
    for unit, scale in (("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)):
        if size < scale * 1000 or unit == "GB":
            return f"{size / scale:.1f} {unit}"
    return str(size)
