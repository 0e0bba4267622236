"""The words the checks share: whose knowledge, which devices, what a place is, what a day is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from typing import Literal

from schemas.records.planned_point import PlannedPoint
from schemas.records.point import Point

# Asia/Shanghai without a zone file: no daylight saving since 1991.
SHANGHAI = timezone(timedelta(hours=8))


def day(at: datetime) -> date:
    """The calendar day a rule means: Asia/Shanghai, wherever the clock stood."""
    return at.astimezone(SHANGHAI).date()


def hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


@dataclass(frozen=True, slots=True)
class Basis:
    """Whose knowledge a report stands on. On a tablet a point may be done elsewhere and not yet known here."""

    where: Literal["server", "tablet"]
    as_of: datetime
    device_count: int = 0
    note: str = ""

    @property
    def clock(self) -> str:
        return self.as_of.astimezone(SHANGHAI).strftime("%H:%M")


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device as the server last heard of it. `pending` None: it has never said how much it holds. `people`: ids of those
    who use it."""

    device_id: str
    label: str
    last_seen: datetime | None
    pending: int | None
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnsureClock:
    """A record made while its device's clock was off by `offset_s`."""

    type: str
    id: str
    offset_s: float


@dataclass(frozen=True, eq=False)
class Place:
    """One point of the plan with every visit to it; or one visit that no point of the plan in force asks for.

    `planned_ids`: the planned points of this code in all plan versions. `removed`: the visit was made for a planned
    point that the plan in force no longer has. `unknown`: it names a planned point that is not here.
    """

    code: str
    planned: PlannedPoint | None
    visits: tuple[Point, ...]
    planned_ids: tuple[str, ...] = ()
    removed: bool = False
    unknown: bool = False

    @cached_property
    def main(self) -> Point | None:
        """The visit that speaks for the place: the best outcome, and among equals the earliest."""
        return min(self.visits, key=lambda v: (_RANK.get(v.outcome or "done", 9), v.started_at), default=None)

    @property
    def visited(self) -> bool:
        return self.main is not None and done(self.main)


_RANK = {"done": 0, "partial": 1, "refused": 2, "not_needed": 3, "abandoned": 4}


def done(visit: Point) -> bool:
    """Was work done on this visit? A finalised visit without an outcome is the form's default, done."""
    return visit.outcome in (None, "done", "partial")
