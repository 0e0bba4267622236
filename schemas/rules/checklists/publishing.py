"""From a list to the next one: copies, edits, and what is frozen once a version is published. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.rules.checklists import model, ready
from schemas.rules.checklists.model import Checklist, Item

DRAFT, PUBLISHED, RETIRED = "draft", "published", "retired"
# what may still come to a published version: that it is no longer used, and a note
_FREE = frozenset({"state", "valid_to", "note"})
_NEXT = {PUBLISHED: frozenset({PUBLISHED, RETIRED}), RETIRED: frozenset({RETIRED, PUBLISHED})}
NEWEST = 999  # of a version number
LONGEST_CODE = 40


def frozen(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Would this change what a published version says? Its answers belong to it for ever, so it is not voided either."""
    state = old.get("state")
    if state not in _NEXT:
        return False
    if new.get("state") not in _NEXT[state]:
        return True
    return any(old.get(k) != new.get(k) for k in old.keys() | new.keys() if k not in _FREE)


def copied(source: Checklist, taken: Iterable[tuple[str, int]], suffix: str) -> Checklist:
    """A draft to edit. Of a list of one's own: its next version. Of a ready one: a list of its own, named after it and the project
    (`suffix`). `taken`: codes and versions there are. Raises ValueError where there is no version left.

    A copy is the project's own design, whatever the mark of the list it was made from; its items keep theirs."""
    known = set(taken)
    code = f"{source.code}-{_plain(suffix)}"[:LONGEST_CODE].rstrip("-._") if source.ready else source.code
    version = max((v for c, v in known if c == code), default=0) + 1
    if version > NEWEST:
        raise ValueError(f"no version after {NEWEST}")
    return model.sealed(source._replace(code=code, version=version, mark="D", ready=False, valid_from=None))


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "own"


def put(checklist: Checklist, item: Item, was: str = "") -> Checklist:
    """With the item in the place of the one whose code was `was`, or at the end of its section (of the list, for a new one)."""
    items = list(checklist.items)
    at = next((n for n, i in enumerate(items) if was and i.code == was), None)
    if at is not None:
        items[at] = item
    else:
        same = [n for n, i in enumerate(items) if i.section == item.section]
        items.insert(same[-1] + 1 if same else len(items), item)
    return model.sealed(checklist._replace(items=tuple(items)))


def moved(checklist: Checklist, code: str, by: int) -> Checklist:
    """With an item so many places further down (or up); it stops at the ends."""
    items = list(checklist.items)
    at = next((n for n, i in enumerate(items) if i.code == code), None)
    if at is None:
        return checklist
    item = items.pop(at)
    items.insert(min(max(at + by, 0), len(items)), item)
    return model.sealed(checklist._replace(items=tuple(items)))


def without(checklist: Checklist, code: str) -> Checklist:
    return model.sealed(checklist._replace(items=tuple(i for i in checklist.items if i.code != code)))


def next_code(checklist: Checklist) -> str:
    """A code for one more item, in the way of the last one: FS-18 → FS-19."""
    known = {i.code for i in checklist.items}
    last = checklist.items[-1].code if checklist.items else "A-00"
    match = re.fullmatch(r"(.*?)(\d{1,6})", last)
    head, digits = (match[1], match[2]) if match else (f"{last[:32]}-", "00")
    n = int(digits) + 1
    while (code := f"{head}{n:0{len(digits)}d}") in known:
        n += 1
    return code[:LONGEST_CODE]


def offered_from(name: str) -> Checklist | None:
    """The ready list of this name (code@version)."""
    return next((c for c in ready.every() if c.name == name), None)
