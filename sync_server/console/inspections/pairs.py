"""Photos before and after, side by side: which belongs to which, and were they taken from the same spot. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.records.finding import Finding
from schemas.records.photo import Photo
from schemas.rules import geo
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.inspection import PAIR_M
from sync_server.console.record.shots import Shot
from sync_server.console.words import words
from sync_server.findings import photos_of

AFTER = frozenset({"rectified"})


class Pair(NamedTuple):
    """`gap`: how far apart they were taken, in words; `near`: None where that is not known."""

    before: Shot | None
    after: Shot | None
    gap: str
    near: bool | None


class Sorted(NamedTuple):
    """Photos of a finding: as pairs of (before, after), either may be missing; and what is neither."""

    pairs: list[tuple[Photo | None, Photo | None]]
    others: list[Photo]

    @property
    def all(self) -> list[Photo]:
        return [*(p for pair in self.pairs for p in pair if p is not None), *self.others]


def sort(facts: Facts, finding: Finding) -> Sorted:
    """An after-photo goes with the one it was taken over (`ghost_of`), else with the nearest one left, else by turn."""
    found = {p.id: p for p in sorted(photos_of(facts, finding), key=lambda p: (p.taken_at, p.id))}
    after = [p for p in found.values() if p.step in AFTER]
    before = [p for p in found.values() if p.step == "finding"]
    taken_over = {p.ghost_of for p in after if p.ghost_of}
    before += [p for p in found.values() if p.id in taken_over and p not in before and p not in after]
    left, pairs = list(before), list[tuple[Photo | None, Photo | None]]()
    alone = []
    for p in after:
        over = found.get(p.ghost_of or "")
        if over is None or over in after:
            alone.append(p)
            continue
        pairs.append((over, p))
        if over in left:
            left.remove(over)
    for p in alone:
        mate = min(left, key=lambda b: _metres(b, p)) if left else None
        if mate is not None:
            left.remove(mate)
        pairs.append((mate, p))
    pairs += [(b, None) for b in left]
    shown = {p.id for pair in pairs for p in pair if p is not None}
    pairs.sort(key=lambda x: _when(x[0] or x[1]))
    return Sorted(pairs, [p for p in found.values() if p.id not in shown])


def _when(p: Photo | None) -> tuple[float, str]:
    return (p.taken_at.timestamp(), p.id) if p else (0.0, "")


def _metres(a: Photo, b: Photo) -> float:
    found = gap_m(a, b)
    return found[0] if found else 1e9


def gap_m(a: Photo, b: Photo) -> tuple[float, float] | None:
    """(metres apart, what the accuracies allow); None where one has no position."""
    if a.position is None or b.position is None:
        return None
    far = geo.distance_m(a.position.lon, a.position.lat, b.position.lon, b.position.lat)
    return far, float(a.position.h_acc_m or 0) + float(b.position.h_acc_m or 0)


def pair(before: Photo | None, after: Photo | None, made: Mapping[str, Shot], lang: str) -> Pair:
    w = words(lang)
    if before is None or after is None:
        return Pair(made.get(before.id) if before else None, made.get(after.id) if after else None, "", None)
    found = gap_m(before, after)
    if found is None:
        return Pair(made.get(before.id), made.get(after.id), w("in_gap_unknown"), None)
    far, slack = found
    near = far - slack <= PAIR_M
    parts = [w("in_gap_same" if near else "in_gap_far", d=f"{far:.1f}", most=PAIR_M)]
    if slack:
        parts.append(w("in_gap_slack", d=f"{slack:.1f}"))
    if before.bearing_deg is not None and after.bearing_deg is not None:
        turned = abs((float(after.bearing_deg) - float(before.bearing_deg) + 180) % 360 - 180)
        parts.append(w("in_gap_turned", d=f"{turned:.0f}"))
    return Pair(made.get(before.id), made.get(after.id), " · ".join(parts), near)


def summary(pairs: Sequence[Pair], lang: str) -> str:
    """Of those that can be compared: the worst."""
    told = [p for p in pairs if p.gap]
    return next(
        (p.gap for p in told if p.near is False), next((p.gap for p in told if p.near), told[0].gap if told else "")
    )
