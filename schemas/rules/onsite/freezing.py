"""What of a signed on-site record a change would change: the inspection, its answers, its findings, the photos that were signed with
them. New ones are taken (check I06 says so); what is wrong in a signed record is put right by a record that amends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.rules.onsite.signed import CHILDREN, filled, frozen, frozen_photo, signed

Values = Mapping[str, Any]
SIGNED_WITH = CHILDREN | {"inspection", "photo"}
Look = Callable[[str, str], Values | None]


def stops(type: str, old: Values, new: Values, look: Look) -> Values | None:
    """The signed inspection that would no longer be what was signed if a record of this type became `new`; None: nothing stands
    against it. `look(type, id)` finds the record of that type and id."""
    if type == "inspection":
        return old if frozen(old, new) else None
    if type in CHILDREN:
        above = _above(old, look)
        return above if above is not None and signed(above) and filled(old) != filled(new) else None
    if type != "photo":
        return None
    kind, id = str(old.get("subject_kind")), str(old.get("subject_id"))
    if kind not in SIGNED_WITH - {"photo"}:
        return None
    subject = look(kind, id)
    above = _above(subject, look) if subject is not None and kind in CHILDREN else subject
    return above if above is not None and frozen_photo(above, old, new) else None


def _above(values: Values, look: Look) -> Values | None:
    return look("inspection", str(values.get("inspection_id")))
