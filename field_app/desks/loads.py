"""Every load this tablet knows of, by records and by codes: what its legs say, what left, what came, when it was due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from field_app.clock import CHINA
from field_app.store import Seen, Store
from schemas.fields import Audience
from schemas.record import Record
from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules.handover import Directory
from schemas.rules.manifest.fold import Story, fold
from schemas.rules.manifest.join import Leg, join
from schemas.rules.manifest.questions import Question
from schemas.rules.manifest.trips import Trip, trip

R = TypeVar("R", bound=Record)
ON_THE_WAY = ("issued", "departed", "in_transit", "arrived")
FACTOR, LOST_H = Decimal("1.5"), Decimal(24)  # defaults of project.overdue_factor and project.lost_h, RULES §16 (D)


class Load(NamedTuple):
    """One load. `minutes`: driving time of the plan; `late`: minutes beyond it, 0 while it is not; `away_h`: whole
    hours since it left; `alarm`: "", late (beyond the
    driving time), overdue (beyond it by the project's factor) or lost. `known`: by its own record, or from a code alone."""

    id: str
    scope: str
    number: str
    plate: str
    lot: str
    receiver: str
    story: Story
    trip: Trip
    minutes: int | None
    due: datetime | None
    late: int
    away_h: int
    alarm: str
    values: Mapping[str, Any]
    known: bool

    @property
    def state(self) -> str:
        return self.story.state

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is open. That a signature came by a code and not from its device is how it goes without a network, and no question here."""
        return tuple(q for q in self.story.open if q.code != "not_heard")

    @property
    def on_the_way(self) -> bool:
        return self.state in ON_THE_WAY

    @property
    def since(self) -> datetime | None:
        return self.trip.began or self.trip.issued

    @property
    def last(self) -> datetime | None:
        """When its newest known leg was signed."""
        return max((leg.record.at for leg in self.story.steps), default=None)

    @property
    def difference_t(self) -> Decimal | None:
        """What came less what left; None where one of them is not known."""
        out, came = self.trip.net_out_t, self.trip.net_in_t
        return None if out is None or came is None else came - out

    def part(self, now: datetime) -> float | None:
        """How much of the driving time is over, 0 to 1; None where it is not known or the load has not left."""
        if self.due is None or self.since is None or not self.minutes:
            return None
        return min(1.0, max(0.0, (now - self.since) / timedelta(minutes=self.minutes)))

    def on_day_of(self, now: datetime) -> bool:
        at = self.trip.issued or self.since
        return at is not None and at.astimezone(CHINA).date() == now.astimezone(CHINA).date()


class Names:
    """What ids of a transfer are called: by the records here, else by the signed directory."""

    TYPES = ("organisation", "vehicle", "soil_lot", "transfer_plan", "person")

    def __init__(self, store: Store, directories: Iterable[Directory]) -> None:
        """Reads at once: it is asked long after the look into the store has ended."""
        self._directories = tuple(directories)
        self._seen = {type: {s.id: s.values for s in store.all(type)} for type in self.TYPES}

    def of(self, type: str, id: str | None) -> Mapping[str, Any]:
        """A record's values; {} where it is not here."""
        return self._seen[type].get(id or "", {})

    def said(self, kind: str, id: str | None) -> Mapping[str, Any]:
        """What a directory says of a plan, lot or vehicle; {} where none does."""
        return next((found for d in self._directories if (found := d.of(kind, id or ""))), {})

    def org(self, id: str | None) -> str:
        values = self.of("organisation", id)
        return str(values.get("short_name") or values.get("name")
                   or next((n for d in self._directories if (n := d.organisation(id))), "") or "")  # fmt: skip

    def plate(self, id: str | None) -> str:
        return str(self.of("vehicle", id).get("plate") or self.said("vehicles", id).get("plate") or "")

    def lot(self, id: str | None) -> str:
        """K2 · 铬镍污染土."""
        own, said = self.of("soil_lot", id), self.said("lots", id)
        parts = (own.get("code") or said.get("code"), own.get("contaminants") or said.get("contaminants"))
        return " · ".join(str(p).strip().splitlines()[0][:24] for p in parts if p and str(p).strip())

    def receiving(self, plan: str | None, org: str | None, place: str | None) -> Mapping[str, Any]:
        """The receiver's entry of a plan, in the record's words; {} where it is not known."""
        own = [r for r in self.of("transfer_plan", plan).get("receivers", ()) if r.get("org_id") == org]
        if own:
            return next((r for r in own if r.get("site_name") == place), own[0])
        said = [r for r in self.said("plans", plan).get("receivers", ()) if r.get("org") == org]
        found = next((r for r in said if r.get("place") == place), said[0] if said else None)
        return (
            {} if found is None else {"org_id": org, "site_name": found.get("place"), "route_min": found.get("minutes")}
        )


class Read(NamedTuple):
    """`scopes`: transfer scopes looked at; `heard`: when the server last spoke about one of them; `unread`: codes nobody could read."""

    loads: dict[str, Load]
    names: Names
    directories: dict[str, tuple[Directory, datetime]]
    unread: int


def read(store: Store, project: str, figures: Mapping[str, Any], now: datetime, only: str | None = None) -> Read:
    """Everything known of the project's loads; of every project's where none is chosen. `only`: of one load. Takes long: for a
    worker's thread."""
    scopes = [g.scope for g in store.scopes() if g.audience == Audience.TRANSFER.value and project in ("", g.owner)]
    directories = {s: d for s in scopes if (d := store.directory(s)) is not None}
    names = Names(store, (d for d, _ in directories.values()))
    out: dict[str, Load] = {}
    unread = 0
    for scope in scopes:
        directory = directories[scope][0] if scope in directories else None
        one = {"id": only} if only else {}
        records = {s.id: s for s in store.all("manifest", scope=scope, **one)}
        legs = store.all("manifest_leg", scope=scope, **({"manifest_id": only} if only else {}))
        # a code names no manifest, but its number
        number = {"number": records[only].values["number"]} if only in records else {}
        codes = store.all("hand_over", scope=scope, **number)
        joined = join(
            (_typed(store, ManifestLeg, s) for s in legs), (_typed(store, HandOver, s) for s in codes), directory, now,
            {id: Manifest.of(id, s.values) for id, s in records.items()},
        )  # fmt: skip
        unread += len(joined.unread)
        for id in {*records, *joined.legs} if only is None else {only} & {*records, *joined.legs}:
            found, made = joined.legs.get(id, []), joined.manifests.get(id)
            values = records[id].values if id in records else _of_code(made, found) if made is not None else {}
            out[id] = load_of(id, scope, values, found, names, figures, now, id in records)
    return Read(out, names, directories, unread)


_KEPT = 20_000
_made: dict[tuple[Any, ...], Any] = {}


def _typed(store: Store, cls: type[R], seen: Seen) -> R:
    """A leg or a code as its class, once: both are frozen, and only being voided makes them another."""
    key = (store.folder, seen.id, seen.seq, bool(seen.values.get("deleted")))
    if key not in _made:
        if len(_made) >= _KEPT:
            _made.clear()
        _made[key] = cls.of(seen.id, seen.values, seen.seq)
    made: R = _made[key]
    return made


def load_of(
    id: str, scope: str, values: Mapping[str, Any], legs: Iterable[Leg], names: Names, figures: Mapping[str, Any], now: datetime,
    known: bool = True,
) -> Load:  # fmt: skip
    story = fold(legs)
    told = trip([leg.record for leg in story.steps])
    receiving = names.receiving(values.get("plan_id"), values.get("receiver_id"), values.get("receiver_place"))
    minutes = receiving.get("route_min")
    since = told.began or told.issued
    due = since + timedelta(minutes=int(minutes)) if since is not None and minutes else None
    made = Load(
        id, scope, str(values.get("number", "")), names.plate(values.get("vehicle_id")) or str(values.get("_plate", "")),
        names.lot(values.get("lot_id")), names.org(values.get("receiver_id")), story, told, minutes, due, 0, 0, "", values, known,
    )  # fmt: skip
    return timed(made, figures, now)


def timed(load: Load, figures: Mapping[str, Any], now: datetime) -> Load:
    """The same load at another moment: nothing but how late it is changes by itself."""
    began = load.trip.began
    if load.state not in ON_THE_WAY or began is None:
        return load._replace(late=0, away_h=0, alarm="")
    away_h = Decimal(str((now - began).total_seconds())) / 3600
    late = max(0, int((now - load.due).total_seconds() // 60)) if load.due is not None else 0
    allowed = Decimal(load.minutes) * _figure(figures, "overdue_factor", FACTOR) / 60 if load.minutes else None
    alarm = "late" if late else ""
    if away_h > _figure(figures, "lost_h", LOST_H):
        alarm = "lost"
    elif allowed is not None and away_h > allowed:
        alarm = "overdue"
    return load._replace(late=late, away_h=max(0, int(away_h)), alarm=alarm)


def _figure(figures: Mapping[str, Any], name: str, default: Decimal) -> Decimal:
    value = figures.get(name)
    return Decimal(value) if value else default


def _of_code(made: Manifest, legs: Iterable[Leg]) -> dict[str, Any]:
    """What a code says of its manifest, as values: a part of them, the rest comes with the record."""
    given = ("number", "plan_id", "lot_id", "vehicle_id", "receiver_id", "receiver_place", "cover")
    plate = next((leg.load.plate for leg in legs if leg.load is not None), None)
    out = {n: getattr(made, n, None) for n in given} | {"_plate": plate}
    return {n: v for n, v in out.items() if v}


def by_time(loads: Iterable[Load]) -> list[Load]:
    """The one last issued first."""
    never = datetime.min.replace(tzinfo=CHINA)
    return sorted(loads, key=lambda load: (load.trip.issued or load.since or never, load.number), reverse=True)


__all__ = ["ON_THE_WAY", "Load", "Names", "Read", "Seen", "by_time", "load_of", "read"]
