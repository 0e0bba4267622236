"""What may not be handed in as a re-check: a decision in another person's name, a change of what was signed.

`rectify` counts whoever signed, or, where nobody did, the first one named as who wrote it. So the first one named is who wrote it, nobody else
changes it, and what was signed stays as it was signed; a later re-check puts it right, and both are seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.records.recheck import Recheck
from schemas.rules.rectify import officers_of

Values = Mapping[str, Any]
DECIDES = frozenset({"finding_id", "officers", "result", "signatures"})
_LATER = frozenset({"note"})  # may be added to what is signed


def borrowed(values: Values, by: str) -> bool:
    """Does it stand on somebody who neither signed it nor wrote it? `by`: the person who hands it in."""
    if not values.get("officers"):
        return False
    read = Recheck.of("", values)
    counted, _, _ = officers_of(read, {}, "")
    signed = {s.person_id or s.name for s in read.signatures}
    return any(person != by and person not in signed and name not in signed for person, name in counted.items())


def frozen(old: Values, new: Values) -> bool:
    """Would this change or void what was signed?"""
    return bool(old.get("signatures")) and _moved(old, new, _LATER)


def anothers(old: Values, new: Values, by: str) -> bool:
    """Would this change or void what nobody signed and somebody else wrote? A signature under it may come from whoever signs."""
    if old.get("signatures") or not _moved(old, new, _LATER | {"signatures"}):
        return False
    wrote, _, _ = officers_of(Recheck.of("", old), {}, "")
    return bool(wrote) and by not in wrote


def _moved(old: Values, new: Values, but: frozenset[str]) -> bool:
    return any(old.get(name) != new.get(name) for name in {*old, *new} - but)
