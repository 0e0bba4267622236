"""What people sign, its hash, and what may not change after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from schemas import canonical

Values = Mapping[str, Any]
FORM = 1  # of `content`; another form would be another number, so that a hash never means two things
NOT_IN_IT = frozenset({"signatures", "content_sha256"})
LATER = frozenset({"rectified"})  # photos of these steps are taken after the record was signed
FAILS = frozenset({"fail", "insufficient"})  # answers that are a "no"
CHILDREN = frozenset({"checklist_answer", "finding"})  # record types that are signed with their inspection


class Sheet(NamedTuple):
    """One on-site record whole: an inspection and what belongs to it, each with its id."""

    inspection: Values
    answers: tuple[Values, ...] = ()
    findings: tuple[Values, ...] = ()
    photos: tuple[Values, ...] = ()


def whole(id: str, values: Values) -> dict[str, Any]:
    """A record as these rules want it: its wire values, and its id."""
    return {**values, "id": id}


def content(
    inspection: Values, answers: Iterable[Values], findings: Iterable[Values], photos: Iterable[Values]
) -> dict[str, Any]:
    """What is signed: the inspection with its answers, findings and photos (a photo's record: the hash of its file, what it shows, when and
    where it was taken, what was written under it), each in the order of ids; without signatures and the hash itself. What is empty counts
    as not given; voided records and later photos are not part of it."""
    here = str(inspection["id"])
    parts = [filled(a) for a in answers if _belongs(a, here)]
    problems = [filled(f) for f in findings if _belongs(f, here)]
    subjects = {here, *(p["id"] for p in parts), *(p["id"] for p in problems)}
    return {
        "form": FORM,
        "inspection": {k: v for k, v in filled(inspection).items() if k not in NOT_IN_IT},
        "answers": _in_order(parts),
        "findings": _in_order(problems),
        "photos": _in_order(filled(p) for p in photos if _shows(p, subjects)),
    }


def content_hash(
    inspection: Values, answers: Iterable[Values], findings: Iterable[Values], photos: Iterable[Values]
) -> str:
    """SHA-256 (hex) of the content's canonical JSON."""
    return hashlib.sha256(canonical.dumps(content(inspection, answers, findings, photos))).hexdigest()


def agrees(
    inspection: Values, answers: Iterable[Values], findings: Iterable[Values], photos: Iterable[Values]
) -> bool | None:
    """Are these records what was signed? None: there is no hash to compare with."""
    said = inspection.get("content_sha256")
    return said == content_hash(inspection, answers, findings, photos) if said else None


def _belongs(values: Values, inspection: str) -> bool:
    return values.get("inspection_id") == inspection and not values.get("deleted")


def _shows(photo: Values, subjects: set[str]) -> bool:
    return photo.get("subject_id") in subjects and photo.get("step") not in LATER and not photo.get("deleted")


def _in_order(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda v: str(v["id"]))


def filled(values: Values) -> dict[str, Any]:
    """Without what is empty, inside too: a form keeps an emptied field that the wire leaves out."""
    return {k: kept for k, v in values.items() if (kept := _kept(v)) not in (None, "", [], {})}


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return filled(value)
    return [_kept(v) for v in value] if isinstance(value, list | tuple) else value


# --- what is frozen --------------------------------------------------------------------------------------------------


def signed(inspection: Values) -> bool:
    """Has anybody signed this, or refused to?"""
    return bool(inspection.get("signatures") or inspection.get("content_sha256"))


def signed_at(inspection: Values) -> datetime | None:
    """When the last one signed or refused; None where nobody has, or no time can be read."""
    times = []
    for s in inspection.get("signatures") or ():
        try:
            times.append(datetime.fromisoformat(str(s["signed_at"])))
        except (KeyError, TypeError, ValueError):  # of a newer version, or never filled in
            continue
    return max((t for t in times if t.tzinfo is not None), default=None)


def frozen(old: Values, new: Values) -> bool:
    """Would these values change an inspection that is signed? A signature added later would too: it goes under an amendment."""
    return signed(old) and filled(old) != filled(new)


def frozen_photo(inspection: Values, old: Values, new: Values) -> bool:
    """Would these values change what a signed record says by this photo of it, down to when and where it was taken and what is written
    under it? One taken after the last signature is not part of what was signed."""
    if not signed(inspection) or old.get("step") in LATER or old.get("deleted") or filled(old) == filled(new):
        return False
    last = signed_at(inspection)
    try:
        taken = datetime.fromisoformat(str(old.get("taken_at")))
        return last is None or taken <= last
    except (TypeError, ValueError):
        return True
