"""What the tablet knows about the chosen project, read out of the store in one go.

A frozen picture: made in a worker thread, handed to the event loop, replaced after every write and sync.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from field_app.clock import CHINA
from field_app.store import Seen, Store
from schemas.fields import Audience
from schemas.rules.geo import bearing_deg, distance_m
from schemas.rules.limits import Judgement, judge

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
    planned: tuple[Seen, ...] = ()
    targets: Mapping[str, tuple[Seen, ...]] = None  # type: ignore[assignment]
    instruments: tuple[Seen, ...] = ()
    calibrations: tuple[Seen, ...] = ()
    people: tuple[Seen, ...] = ()
    visits: Mapping[str, Seen] = None  # type: ignore[assignment]  # planned point → its finalized visit
    drafts: Mapping[str, Seen] = None  # type: ignore[assignment]  # planned point → the visit being written
    readings: Mapping[str, tuple[Seen, ...]] = None  # type: ignore[assignment]  # point → readings
    samples: Mapping[str, tuple[Seen, ...]] = None  # type: ignore[assignment]
    rows: tuple[PointRow, ...] = ()

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


def read(store: Store, chosen: str | None) -> Book:
    """Everything the pages show of one project. `chosen` is its id; the first one otherwise."""
    scopes = [s for s in store.scopes() if s.audience == Audience.FIELD.value]
    projects = tuple((s.owner, s.name) for s in scopes)
    people = tuple(store.all("person"))
    if not scopes:
        return Book(read=True, targets={}, visits={}, drafts={}, readings={}, samples={}, people=people)
    scope = next((s for s in scopes if s.owner == chosen), scopes[0])
    project = store.get("project", scope.owner)
    sites = store.all("site", scope=scope.scope)
    plans = store.all("plan", scope=scope.scope)
    newest = max(plans, key=lambda p: p.values.get("version", 0), default=None)
    planned = store.all("planned_point", plan_id=newest.id) if newest else []
    book = Book(
        read=True,
        scope=scope.scope, project_id=scope.owner, project=project.values if project else {"name": scope.name},
        site_id=sites[0].id if sites else "", site=sites[0].values if sites else None, projects=projects,
        planned=tuple(planned), targets=_by(store.all("planned_target", scope=scope.scope), "planned_point_id"),
        instruments=tuple(i for i in store.all("instrument") if i.values.get("kind") in METHODS),
        calibrations=tuple(store.all("calibration", scope=scope.scope)), people=people,
        visits=_visits(store, scope.scope), drafts=_drafts(store, scope.scope),
        readings=_by(store.all("field_reading", scope=scope.scope), "point_id"),
        samples=_by(store.all("sample", scope=scope.scope), "point_id"),
    )  # fmt: skip
    rows = tuple(_row(book, p) for p in book.planned)
    object.__setattr__(book, "rows", rows)  # frozen for everybody else
    return book


def _by(records: list[Seen], field: str) -> dict[str, tuple[Seen, ...]]:
    out: dict[str, tuple[Seen, ...]] = {}
    for seen in records:
        key = seen.values.get(field)
        if key:
            out[key] = (*out.get(key, ()), seen)
    return out


def _visits(store: Store, scope: str) -> dict[str, Seen]:
    """The visit that speaks for a planned point: one with work done before a refused one, then the latest."""
    out: dict[str, Seen] = {}
    rank = {"done": 0, "partial": 1}
    key = lambda s: (-rank.get(s.values.get("outcome", "done"), 2), s.values.get("started_at", ""))  # noqa: E731
    for seen in sorted(store.all("point", scope=scope), key=key):
        planned = seen.values.get("planned_point_id")
        if planned:
            out[planned] = seen
    return out


def _drafts(store: Store, scope: str) -> dict[str, Seen]:
    return {d.values["planned_point_id"]: d for d in store.drafts("point") if d.scope == scope}


def _row(book: Book, planned: Seen) -> PointRow:
    v = planned.values
    lon, lat = float(v["position"]["lon"]), float(v["position"]["lat"])
    targets = book.targets.get(planned.id, ())
    groups = tuple(dict.fromkeys(g for t in targets for g in t.values.get("groups", ())))
    visit = book.visits.get(planned.id)
    state, sync, found = "planned", "", ""
    if visit is not None:
        state, sync = _state(book, visit, lon, lat, v), visit.state
        judged = [j for r in book.readings.get(visit.id, ()) if (j := book.judged(r.values))]
        found = worst([j.state for j in judged])
    if planned.id in book.drafts:
        state = "active"
    return PointRow(
        planned.id, v["code"], lon, lat, state, sync, v.get("target_depth_m", ""), len(targets), groups, found,
        v.get("order_no") or 9999,
    )  # fmt: skip


def _state(book: Book, visit: Seen, lon: float, lat: float, planned: Values) -> str:
    if visit.values.get("outcome") in ("refused", "abandoned", "not_needed"):
        return "refused"
    at = visit.values.get("position")
    if at and distance_m(lon, lat, float(at["lon"]), float(at["lat"])) > allowed_shift(book, planned):
        return "moved"
    return "done"


def allowed_shift(book: Book, planned: Values) -> float:
    """How far a point may lie from its plan without a word: the point's own tolerance, else the project's."""
    return float(decimal(planned.get("tolerance_m")) or book.figure("shift_ok_m", SHIFT_OK))


def placed(rows: tuple[PointRow, ...], lon: float | None, lat: float | None) -> list[PointRow]:
    """Rows with distance and bearing from here, nearest first; in the plan's order while here is unknown."""
    if lon is None or lat is None:
        return sorted(rows, key=lambda r: (r.order, r.code))
    out = [
        r._replace(distance_m=distance_m(lon, lat, r.lon, r.lat), bearing=bearing_deg(lon, lat, r.lon, r.lat))
        for r in rows
    ]
    return sorted(out, key=lambda r: r.distance_m or 0.0)
