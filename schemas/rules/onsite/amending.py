"""What an amending record says differently from the one it amends.

An amendment is an inspection of its own with all its answers, its reason and its own signatures. Findings of the first record go on
living where they are (measures and re-checks hang on them): an amendment records only findings that are new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.inspection import Inspection
from schemas.rules.onsite.signed import FAILS, LATER, Sheet, filled

Values = Mapping[str, Any]
# what differs because it is another paper
_OWN = frozenset(
    {"code", "amends_id", "amend_reason", "signatures", "content_sha256", "ended_at", "id", "late_entry_reason"}
)
_UP = frozenset({"inspection_id", "id"})


class Difference(NamedTuple):
    """One thing that differs. `record`: a record type; `key`: item code (with its instance), finding code or photo hash, empty of the
    inspection itself; `field` of that type, empty where the whole came or went; values in wire form, None where there is none."""

    record: str
    key: str
    field: str
    before: Any
    after: Any


def difference(old: Sheet, new: Sheet) -> list[Difference]:
    """What `new`, which amends `old`, says differently: fields of the inspection, answers item by item, findings and photos that it
    adds. In the order of the classes' fields and of the list."""
    return [*_inspection(old, new), *_answers(old, new), *_added(new)]


def _inspection(old: Sheet, new: Sheet) -> Iterator[Difference]:
    before, after = filled(old.inspection), filled(new.inspection)
    for name in _names(fields_of(Inspection), before, after):
        if name not in _OWN and before.get(name) != after.get(name):
            yield Difference("inspection", "", name, before.get(name), after.get(name))


def _names(known: Mapping[str, Any], *values: Values) -> list[str]:
    """Fields of the class in their order, then those only a newer version knows."""
    return list(dict.fromkeys([*known, *sorted(k for v in values for k in v)]))


def _answers(old: Sheet, new: Sheet) -> Iterator[Difference]:
    before, after = _by_item(old), _by_item(new)
    for key in dict.fromkeys([*before, *after]):
        a, b = before.get(key, {}), after.get(key, {})
        name = f"{key[0]}#{key[1]}" if key[1] else key[0]
        if not a or not b:
            yield Difference("checklist_answer", name, "", a.get("answer"), b.get("answer"))
            continue
        for field in _names(fields_of(ChecklistAnswer), a, b):
            if field not in _UP and a.get(field) != b.get(field):
                yield Difference("checklist_answer", name, field, a.get(field), b.get(field))


def _by_item(sheet: Sheet) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (str(a.get("item_code")), str(a.get("instance") or "")): filled(a)
        for a in sheet.answers
        if not a.get("deleted")
    }


def _added(new: Sheet) -> Iterator[Difference]:
    for finding in new.findings:
        if not finding.get("deleted"):
            yield Difference("finding", str(finding.get("code") or finding["id"]), "", None, finding.get("description"))
    for photo in new.photos:
        if not photo.get("deleted") and photo.get("step") not in LATER:
            yield Difference("photo", str(photo.get("sha256")), "", None, photo.get("step"))


def still_open(old: Sheet, new: Sheet) -> list[Values]:
    """Findings of the first record whose item no longer fails: only a re-check takes them off, the amendment does not."""
    after = _by_item(new)
    now_fine = {
        a["id"]
        for a in old.answers
        if (b := after.get((str(a.get("item_code")), str(a.get("instance") or "")))) and b.get("answer") not in FAILS
    }
    return [f for f in old.findings if f.get("answer_id") in now_fine and not f.get("deleted")]
