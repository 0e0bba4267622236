"""Which signed on-site records are no longer what was signed: their content, hashed anew from the values as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.records import Record
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.rules.onsite import agrees, whole
from sync_server.store import Tx

Records = Mapping[str, Mapping[str, Record]]
Whole = dict[str, Any]


def altered(tx: Tx, records: Records, changed: Mapping[str, Iterable[str]], before: frozenset[str]) -> frozenset[str]:
    """Ids of inspections that are not what was signed. `records`: typed ones of the scope; `changed`: type → ids of those that moved since
    `before` was found, which are looked at again."""
    touched = set(_touched(records, changed))
    signed = sorted(
        id for id in touched if isinstance(i := records.get("inspection", {}).get(id), Inspection) and i.content_sha256
    )
    if not signed:
        return before - touched
    wanted = set(signed)
    up: dict[str, str] = {id: id for id in signed}  # what a photo may show → its inspection
    answers = _below(tx, records, "checklist_answer", wanted, up)
    findings = _below(tx, records, "finding", wanted, up)
    shown = [p.id for p in records.get("photo", {}).values() if isinstance(p, Photo) and p.subject_id in up]
    photos: dict[str, list[Whole]] = {}
    for s in tx.load("photo", shown):
        photos.setdefault(up[str(s.values["subject_id"])], []).append(whole(s.id, s.values))
    wrong = {
        s.id
        for s in tx.load("inspection", signed)
        if agrees(whole(s.id, s.values), answers.get(s.id, ()), findings.get(s.id, ()), photos.get(s.id, ())) is False
    }
    return (before - touched) | wrong


def _touched(records: Records, changed: Mapping[str, Iterable[str]]) -> Iterable[str]:
    yield from changed.get("inspection", ())
    for type in ("checklist_answer", "finding"):
        for id in changed.get(type, ()):
            yield from _up(records, type, id)
    for id in changed.get("photo", ()):
        photo = records.get("photo", {}).get(id)
        if not isinstance(photo, Photo):
            continue
        if photo.subject_kind == "inspection":
            yield photo.subject_id
        else:
            yield from _up(records, photo.subject_kind, photo.subject_id)


def _up(records: Records, type: str, id: str) -> Iterable[str]:
    child = records.get(type, {}).get(id)
    if isinstance(child, ChecklistAnswer | Finding):
        yield child.inspection_id


def _below(tx: Tx, records: Records, type: str, wanted: set[str], up: dict[str, str]) -> dict[str, list[Whole]]:
    """Inspection → its records of this type, as stored; each is put into `up`."""
    ids = []
    for child in records.get(type, {}).values():
        if isinstance(child, ChecklistAnswer | Finding) and child.inspection_id in wanted:
            ids.append(child.id)
            up[child.id] = child.inspection_id
    out: dict[str, list[Whole]] = {}
    for s in tx.load(type, ids):
        out.setdefault(up[s.id], []).append(whole(s.id, s.values))
    return out
