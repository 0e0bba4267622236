"""The lists that come with the program (schemas/reference/checklists), one file a list and version.

A version that was ever shipped is never changed or removed: answers of years ago are read with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.records.checklist import Checklist as Record
from schemas.records.inspection import Inspection
from schemas.rules.checklists import model
from schemas.rules.checklists.model import BadList, Checklist

# in this order they are offered
ORDER = (
    "plan-review",
    "field-sampling",
    "lab-check",
    "report-review",
    "hidden-hazard",
    "remediation-site",
    "soil-transfer",
    "undeveloped-patrol",
    "well-check",
    "demolition",
    "tailings-pond",
    "plating-cadmium",
    "idle-land",
)


@cache
def every() -> tuple[Checklist, ...]:
    """Every ready list in every version, in the order they are offered, older versions first."""
    folder = files("schemas.reference").joinpath("checklists")
    found = [
        model.read(file.read_text(encoding="utf-8"), ready=True)
        for file in folder.iterdir()
        if file.name.endswith(".json")
    ]
    rank = {code: n for n, code in enumerate(ORDER)}
    return tuple(sorted(found, key=lambda c: (rank.get(c.code, len(rank)), c.code, c.version)))


def find(code: str, version: int) -> Checklist | None:
    """The ready list of this code and version."""
    return next((c for c in every() if (c.code, c.version) == (code, version)), None)


def on(day: date) -> tuple[Checklist, ...]:
    """The newest version of each ready list in use on that day."""
    newest = {c.code: c for c in every() if c.valid_from is None or c.valid_from <= day}
    return tuple(newest.values())


def offered(day: date, records: Iterable[Record], project_id: str) -> tuple[Checklist, ...]:
    """What a new check of this project may be done with: the project's and the organisation's own lists in force, then
    the ready ones. Of each code the newest version. A record that holds no list is left out."""
    own: dict[str, Checklist] = {}
    for record in sorted(records, key=lambda r: (r.code, r.version)):
        if record.deleted or record.state != "published" or record.project_id not in (None, project_id):
            continue
        if (record.valid_from and day < record.valid_from) or (record.valid_to and record.valid_to < day):
            continue
        try:
            own[record.code] = model.of_record(record)
        except BadList:
            continue
    return (*own.values(), *(c for c in on(day) if c.code not in own))


def pinned(inspection: Inspection | Mapping[str, Any], records: Iterable[Record]) -> Checklist | None:
    """The list an inspection's answers belong to, by code, version and hash; None where it names none, or none here
    agrees."""
    values = inspection if isinstance(inspection, Mapping) else inspection.__dict__
    code, version, sha256 = (values.get(f"list_{name}") for name in ("code", "version", "sha256"))
    if not code or not version or not sha256:
        return None
    own = find(code, version)
    if own and own.sha256 == sha256:
        return own
    for record in records:  # a draft of the same version may lie beside it: the hash tells
        if (record.code, record.version) == (code, version):
            try:
                found = model.of_record(record)
            except BadList:
                continue
            if found.sha256 == sha256:
                return found
    return None
