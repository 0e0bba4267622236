"""What the tablet knows about the chosen project.

A frozen picture: made in a worker thread (reading.py), handed to the event loop, replaced after every write and sync.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from field_app.clock import CHINA
from field_app.nearby import Nearby
from field_app.store import Seen
from schemas.rules.geo import distance_and_bearing
from schemas.rules.limits import Judgement, judge

if TYPE_CHECKING:
    from field_app.reading import Source

Values = Mapping[str, Any]
SHIFT_OK, GATE = Decimal(2), Decimal(5)  # defaults of project.shift_ok_m and project.accuracy_gate_m
SEVERITY = ("below", "cannot_say", "above_screening", "above_intervention")
# Which reading an instrument makes: method, and its parameters with their unit, where its detection limits name none.
METHODS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "xrf": ("xrf", tuple((s, "mg_kg") for s in ("Ni", "Cu", "Pb", "As", "Cd", "Hg", "Cr"))),
    "pid": ("pid", (("PID", "ppm_ib"),)),
    "fid": ("fid", (("FID", "ppm_ib"),)),
    "water_meter": ("meter", (("pH", "ph"), ("EC", "us_cm"), ("ORP", "mv"), ("DO", "mg_l"), ("T", "degc"))),
    "turbidity": ("meter", (("NTU", "ntu"),)),
}


class PointRow(NamedTuple):
    """One planned point as lists and map show it."""

    id: str
    code: str
    lon: float
    lat: float
    state: str  # planned, active, done, moved, refused
    sync: str  # "", pending, accepted, parked, rejected
    depth_m: str
    targets: int
    groups: tuple[str, ...]
    worst: str  # the worst judgement of its readings, "" without any
    order: int
    distance_m: float | None = None
    bearing: float | None = None


@dataclass(frozen=True, eq=False)
class Book:
    scope: str = ""
    project_id: str = ""
    project: Values | None = None
    site_id: str = ""
    site: Values | None = None
    projects: tuple[tuple[str, str], ...] = ()  # (id, name), to choose among
    read: bool = False  # False only before the first look into the store: empty does not mean none yet
    planned: Mapping[str, Seen] = field(default_factory=dict)  # by id, of the newest plan
    targets: Mapping[str, tuple[Seen, ...]] = None  # type: ignore[assignment]
    instruments: tuple[Seen, ...] = ()
    calibrations: tuple[Seen, ...] = ()
    people: tuple[Seen, ...] = ()
    visits: Mapping[str, Seen] = None  # type: ignore[assignment]  # planned point → its finalized visit
    drafts: Mapping[str, Seen] = None  # type: ignore[assignment]  # planned point → the visit being written
    readings: Mapping[str, tuple[Seen, ...]] = None  # type: ignore[assignment]  # point → readings
    samples: Mapping[str, tuple[Seen, ...]] = None  # type: ignore[assignment]
    rows: tuple[PointRow, ...] = ()
    by_id: Mapping[str, PointRow] = field(default_factory=dict)  # the same rows
    places: Nearby = field(default_factory=lambda: Nearby(()))  # of the same rows, by their number
    source: Source | None = None  # what it was made of, for the next one
    last_hole: Values | None = None  # the newest borehole of the project, one's own before others'
    soils: Mapping[str, Values] = field(default_factory=dict)  # texture → the newest layer of it

    @property
    def counts(self) -> Mapping[str, int]:
        """state → how many points."""
        return self.places.counts

    # --- what a rule asks ----------------------------------------------------------------------------------------

    def figure(self, name: str, default: Decimal) -> Decimal:
        value = (self.project or {}).get(name)
        return Decimal(value) if value else default

    def judged(self, values: Values) -> Judgement | None:
        """One reading against the site's limits. None while there is nothing to judge."""
        site = self.site or {}
        value, lod = values.get("value"), values.get("lod")
        if not site.get("standard") or (value is None and lod is None):
            return None
        return judge(
            decimal(value), values.get("qualifier", "eq"), decimal(lod), values["unit"], values["parameter"],
            site["standard"], site.get("land_use"), site.get("ph_band"), values["method"],
        )  # fmt: skip

    def instrument(self, id: str | None) -> Seen | None:
        return next((i for i in self.instruments if i.id == id), None)

    def calibrated(self, instrument: str, now: datetime) -> str | None:
        """When the instrument passed its check today (China's day), as HH:MM; None if it did not."""
        today = now.astimezone(CHINA).date()
        times = [
            at
            for c in self.calibrations
            if c.values.get("instrument_id") == instrument and c.values.get("result") in ("passed", "limited")
            for at in [datetime.fromisoformat(c.values["at"]).astimezone(CHINA)]
            if at.date() == today
        ]
        return max(times).strftime("%H:%M") if times else None

    def parameters(self, instrument: str | None) -> tuple[tuple[str, str], ...]:
        """(parameter, unit) rows of an instrument, in the order of its own list."""
        seen = self.instrument(instrument)
        if seen is None:
            return ()
        own = tuple((row["analyte"], row["unit"]) for row in seen.values.get("lod_default", ()))
        return own or METHODS.get(seen.values.get("kind", ""), ("", ()))[1]

    def lod(self, instrument: str | None, parameter: str) -> str | None:
        seen = self.instrument(instrument)
        rows = seen.values.get("lod_default", ()) if seen else ()
        return next((row["lod"] for row in rows if row["analyte"] == parameter), None)


def decimal(text: str | None) -> Decimal | None:
    """A typed figure; None while it is not one ("." or "")."""
    try:
        return Decimal(text) if text else None
    except ArithmeticError:
        return None


def worst(states: list[str]) -> str:
    return max(states, key=SEVERITY.index, default="")


def allowed_shift(book: Book, planned: Values) -> float:
    """How far a point may lie from its plan without a word: the point's own tolerance, else the project's."""
    return float(decimal(planned.get("tolerance_m")) or book.figure("shift_ok_m", SHIFT_OK))


def placed(row: PointRow, lon: float | None, lat: float | None) -> PointRow:
    """The row with distance and bearing from here; as it is while here is unknown."""
    if lon is None or lat is None:
        return row
    far, turn = distance_and_bearing(lon, lat, row.lon, row.lat)
    return row._replace(distance_m=far, bearing=turn)
