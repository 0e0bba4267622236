"""What tablets hand in about inspections, as lines of the audit log: who signed, reported, re-checked, answered. Pure.

Other changes of tablets are not noted: they stand in the journal, signed. These few are deeds that somebody looks for in the log. A line
holds ids and codes only: whoever reads the log and not the inspections learns no name and no text of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from schemas import change
from schemas.change import Change
from sync_server.store import Journaled


class Deed(NamedTuple):
    by: str
    action: str
    about: str
    detail: dict[str, Any]


def deeds(lines: Iterable[Journaled]) -> list[Deed]:
    """Of lines that went in, in their order; a line that is none of these deeds is passed over."""
    out = []
    for j in lines:
        say = _SAY.get(j.type)
        if say is None:
            continue
        c = change.decode(j.line)
        if found := say(c):
            action, detail = found
            out.append(Deed(c.by, action, c.record, {k: v for k, v in detail.items() if v is not None}))
    return out


Found = tuple[str, dict[str, Any]] | None


def _inspection(c: Change) -> Found:
    if c.after.get("deleted") is True:
        return "tablet_void", {"type": c.type}
    if c.after.get("signatures") or c.after.get("content_sha256"):
        return "tablet_signed", {"sha256": c.after.get("content_sha256"), "amends": c.after.get("amends_id")}
    return ("tablet_check", {}) if c.creates else None


def _finding(c: Change) -> Found:
    return ("tablet_void", {"type": c.type}) if c.after.get("deleted") is True else None


def _action(c: Change) -> Found:
    if c.after.get("deleted") is True:
        return "tablet_void", {"type": c.type}
    return ("tablet_action", {"record": c.after.get("finding_id"), "done": c.after.get("done")}) if c.creates else None


def _recheck(c: Change) -> Found:
    if c.after.get("deleted") is True:
        return "tablet_void", {"type": c.type}
    if not c.creates:
        return None
    return "tablet_recheck", {"record": c.after.get("finding_id"), "result": c.after.get("result")}


def _task(c: Change) -> Found:
    return ("tablet_task", {"outcome": c.after["outcome"]}) if c.after.get("outcome") else None


_SAY: dict[str, Callable[[Change], Found]] = {
    "inspection": _inspection, "finding": _finding, "corrective_action": _action, "recheck": _recheck, "field_task": _task,
}  # fmt: skip
ACTIONS = ("tablet_signed", "tablet_check", "tablet_void", "tablet_action", "tablet_recheck", "tablet_task")
