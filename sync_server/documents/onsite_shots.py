"""Photos of an on-site record: numbered as they are printed, each with its hash, time and place; sketches apart. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.records.photo import Photo
from schemas.rules.onsite import LATER
from schemas.values import GeoFix
from sync_server.documents import drawing
from sync_server.documents.onsite_words import Say
from sync_server.documents.sheet import coded, joined
from sync_server.documents.text import figure, plain, when
from sync_server.onsite_record import OnsiteRecord

PRINTED = 120  # photos on paper [D]; further ones are named by their hash
SKETCH = "sketch"


class Shots(NamedTuple):
    """`annex`: in the order of their numbers, from 1 on. `sketches`: drawn on the spot. `numbers`: subject → numbers."""

    annex: Sequence[Photo]
    sketches: Sequence[Photo]
    numbers: Mapping[str, Sequence[int]]

    def wanted(self) -> tuple[list[str], list[str]]:
        """Hashes to be had small, and those of sketches."""
        return [p.sha256 for p in self.annex[:PRINTED]], [p.sha256 for p in self.sketches]

    def of(self, *subjects: str) -> list[int]:
        return sorted(n for id in dict.fromkeys(subjects) for n in self.numbers.get(id, ()))


def shots_of(record: OnsiteRecord, subjects: Sequence[str]) -> Shots:
    """`subjects`: whose photos, in the order of the paper. Voided ones and those taken afterwards are left out."""
    taken = [Photo.of(s.id, s.values) for s in record.taken.photos]
    rank = {id: n for n, id in enumerate(subjects)}
    here = [p for p in taken if not p.deleted and p.step not in LATER and p.subject_id in rank]
    here.sort(key=lambda p: (rank[p.subject_id], p.taken_at, p.id))
    annex = [p for p in here if p.step != SKETCH]
    numbers: dict[str, list[int]] = {}
    for n, p in enumerate(annex, 1):
        numbers.setdefault(p.subject_id, []).append(n)
    return Shots(annex, [p for p in here if p.step == SKETCH], numbers)


def place_of(fix: GeoFix | None, w: Say) -> str:
    """Degrees with the digits they have, and how sure they are."""
    if fix is None:
        return ""
    at = w("o_position", lat=figure(fix.lat), lon=figure(fix.lon))
    acc = w("o_acc", m=figure(fix.h_acc_m)) if fix.h_acc_m is not None else ""
    return " ".join(p for p in (at, acc, w("o_mocked") if fix.mocked else "") if p)


def shown(
    photos: Sequence[Photo], first: int, subjects: Mapping[str, str], record: OnsiteRecord, pictures: Mapping[str, bytes],
    used: dict[str, str], w: Say, lang: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """What the template lays out. `pictures`: hash → JPEG; `used` gets those that are shown, by name."""
    out = []
    for n, p in enumerate(photos, first):
        name = ""
        if drawn := drawing.photo(pictures.get(p.sha256, b"")):
            name = f"photo-{p.sha256}.svg"
            used[name] = drawn
        why = "" if name else w("o_ph_unseen" if p.sha256 in record.here else "o_ph_away")
        facts = [
            w("o_sk_time" if p.step == SKETCH else "o_ph_time", t=when(p.taken_at)), place_of(p.position, w),
            w("o_ph_bearing", d=figure(p.bearing_deg)) if p.bearing_deg is not None else "",
            w("o_ph_import") if p.source == "file_import" else "",
        ]  # fmt: skip
        head = joined([coded(Photo, "step", p.step, lang), subjects.get(p.subject_id, "")], lang, "comma")
        out.append(
            {"title": w("o_sk" if p.step == SKETCH else "o_ph", n=n), "head": plain(head), "picture": name, "why": why, "caption": plain(p.caption or ""),
             "facts": plain(joined(facts, lang, "semi")), "sha": plain(p.sha256)}
        )  # fmt: skip
    return out
