"""What one version of a plan changes against another, point by point. Pure.

Values are those of planned points, with their sampling `targets` beside them; points are matched by code, since that is what
work done stays attached by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from schemas.rules.geo import distance_and_bearing

Values = dict[str, Any]
# the position is compared by itself; the others name records of one version
NOT_COMPARED = frozenset({"plan_id", "position", "zone_id"})


class Step(NamedTuple):
    """One point of which the versions say different things. `fields` are those that differ besides the position; "targets" =
    what is to be sampled there."""

    code: str
    old: Values | None  # None: the point is added
    new: Values | None  # None: it is taken out
    moved_m: float | None = None  # metres; None where it stays
    bearing: float | None = None  # degrees from north, clockwise
    fields: tuple[str, ...] = ()

    @property
    def added(self) -> bool:
        return self.old is None

    @property
    def removed(self) -> bool:
        return self.new is None


def steps(old: Iterable[Values], new: Iterable[Values]) -> list[Step]:
    """Every point that differs, by code."""
    before, after = {v["code"]: v for v in old}, {v["code"]: v for v in new}
    found = [_step(code, before.get(code), after.get(code)) for code in sorted(before.keys() | after.keys())]
    return [s for s in found if s.added or s.removed or s.moved_m is not None or s.fields]


def _step(code: str, old: Values | None, new: Values | None) -> Step:
    if old is None or new is None:
        return Step(code, old, new)
    a, b = place_of(old), place_of(new)
    moved, bearing = distance_and_bearing(*a, *b) if a != b else (None, None)
    names = sorted(k for k in {*old, *new} - NOT_COMPARED if plain(old.get(k)) != plain(new.get(k)))
    return Step(code, old, new, moved, bearing, tuple(names))


def place_of(values: Mapping[str, Any]) -> tuple[float, float]:
    """Longitude and latitude in degrees."""
    return float(values["position"]["lon"]), float(values["position"]["lat"])


def plain(value: Any) -> Any:
    """5 and 5.0 are the same figure, however a spreadsheet wrote it; lists are sets of codes."""
    if isinstance(value, str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        return number if number.is_finite() else value
    if isinstance(value, list):
        return sorted((plain(v) for v in value), key=repr)
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def counted(found: Sequence[Step]) -> dict[str, int]:
    """How many points are added, moved, changed, removed; one that is moved and changed counts in both."""
    return {
        "added": sum(s.added for s in found),
        "moved": sum(s.moved_m is not None for s in found),
        "changed": sum(bool(s.fields) for s in found),
        "removed": sum(s.removed for s in found),
    }
