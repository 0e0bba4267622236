"""What is known at one moment, and quick ways to look at it: records by parent, points of the plan with their visits.

`Facts` holds what it was given; every index is built once, when first asked for. Records of a deleted parent are
orphaned: they are in `records` and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar

from schemas.fields import fields_of
from schemas.records import Record
from schemas.records.borehole import Borehole
from schemas.records.calibration import Calibration
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.disposal_record import DisposalRecord
from schemas.records.field_reading import FieldReading
from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.photo import Photo
from schemas.records.plan import Plan
from schemas.records.planned_point import PlannedPoint
from schemas.records.planned_target import PlannedTarget
from schemas.records.point import Point
from schemas.records.point_adjustment import PointAdjustment
from schemas.records.project import Project
from schemas.records.qc_link import QcLink
from schemas.records.recheck import Recheck
from schemas.records.sample import Sample
from schemas.records.sample_container import SampleContainer
from schemas.records.site import Site
from schemas.records.soil_layer import SoilLayer
from schemas.records.vehicle import Vehicle
from schemas.rules.handover.directory import Directory
from schemas.rules.manifest.fold import Story, fold
from schemas.rules.manifest.join import Joined, join
from schemas.rules.manifest.questions import question
from schemas.rules.reconcile.terms import Basis, DeviceSeen, Place, UnsureClock

R = TypeVar("R", bound=Record)
T = TypeVar("T")

# child type → (field, parent type): a child whose parent is deleted or orphaned is orphaned itself. References that are
# not containment are not here: a visit outlives its planned point, a manifest its transfer plan.
_PARENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "plan_zone": (("plan_id", "plan"),),
    "planned_point": (("plan_id", "plan"),),
    "planned_target": (("planned_point_id", "planned_point"),),
    "point_adjustment": (("planned_point_id", "planned_point"),),
    "point": (("site_id", "site"),),
    "borehole": (("point_id", "point"),),
    "soil_layer": (("borehole_id", "borehole"),),
    "field_reading": (("point_id", "point"), ("borehole_id", "borehole"), ("sample_id", "sample")),
    "calibration": (("instrument_id", "instrument"),),
    "sample": (("point_id", "point"), ("borehole_id", "borehole")),
    "sample_container": (("sample_id", "sample"),),
    "qc_link": (("qc_sample_id", "sample"),),
    "manifest_leg": (("manifest_id", "manifest"),),
    "checklist_answer": (("inspection_id", "inspection"),),
    "finding": (("inspection_id", "inspection"),),
    "corrective_action": (("finding_id", "finding"),),
    "recheck": (("finding_id", "finding"),),
    "person_qualification": (("person_id", "person"),),
}
_ABOUT_A_SUBJECT = frozenset({"photo", "comment", "review_decision"})


def natural(code: str) -> list[tuple[int, int, str]]:
    """A sort key that reads digits as numbers."""
    return [(0, int(t), "") if t.isdecimal() and t.isascii() else (1, 0, t) for t in re.split(r"(\d+)", code) if t]


@dataclass(frozen=True, eq=False)
class Facts:
    """`records`: type → id → record, deleted ones included. A type that is absent is not held here (cannot say); an
    empty one is held and has none. `stored_blobs` None: nobody here knows which photo files have arrived. `directory` None: nobody
    here knows whose keys sign manifests. `altered`: inspections whose stored values are not what was signed; None: nobody here compared."""

    records: Mapping[str, Mapping[str, Record]]
    now: datetime
    basis: Basis
    devices: Sequence[DeviceSeen] = ()
    unsure_clocks: Sequence[UnsureClock] = ()
    stored_blobs: frozenset[str] | None = None
    project_id: str = ""
    directory: Directory | None = None
    altered: frozenset[str] | None = None
    _memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    # --- records by type, id and parent ------------------------------------------------------------------------------

    def remember(self, key: Any, make: Callable[[], T]) -> T:
        """The value of `make()`, computed once for this key."""
        if key not in self._memo:
            self._memo[key] = make()
        found: T = self._memo[key]
        return found

    def held(self, cls: type[Record]) -> bool:
        return cls.about.type in self.records

    def every(self, cls: type[R]) -> Iterable[R]:
        """All records of a type, deleted and orphaned ones included."""
        return (r for r in self.records.get(cls.about.type, {}).values() if isinstance(r, cls))

    def alive(self, cls: type[R]) -> list[R]:
        """The records of a type that count."""
        return self.remember(("alive", cls.about.type), lambda: self._alive(cls))

    def _alive(self, cls: type[R]) -> list[R]:
        name = cls.about.type
        if name in _ABOUT_A_SUBJECT:
            return [r for r in self.every(cls) if self._counts(name, r)]
        dead = self._dead(name)
        return [r for r in self.every(cls) if r.id not in dead] if dead else list(self.every(cls))

    def uncounted(self, cls: type[R]) -> list[R]:
        """Deleted and orphaned records of a type: what `every` has and `alive` has not. Not for those about a subject."""
        rows = self.records.get(cls.about.type, {})
        return [r for id in self._dead(cls.about.type) if isinstance(r := rows.get(id), cls)]

    def get(self, cls: type[R], id: str | None) -> R | None:
        """The record if it is here and counts."""
        found, name = self.find(cls, id), cls.about.type
        return found if found is not None and self._counts(name, found) else None

    def find(self, cls: type[R], id: str | None) -> R | None:
        """The record if it is here, deleted or not."""
        found = self.records.get(cls.about.type, {}).get(id) if id else None
        return found if isinstance(found, cls) else None

    def _counts(self, name: str, record: Record, below: tuple[str, ...] = ()) -> bool:
        """Neither deleted nor orphaned. `below`: whose subject it is, so that a ring of subjects, were there one, ends."""
        if name not in _ABOUT_A_SUBJECT:
            return record.id not in self._dead(name)
        kind, id = getattr(record, "subject_kind", ""), getattr(record, "subject_id", None)
        if kind not in _ABOUT_A_SUBJECT:
            return not record.deleted and id not in self._dead(kind)
        key = ("counts", name, record.id)
        if key not in self._memo:
            subject = self.records.get(kind, {}).get(id) if id and id not in below else None
            ends = subject is None or self._counts(kind, subject, (*below, record.id))
            self._memo[key] = not record.deleted and ends
        return bool(self._memo[key])

    def _dead(self, name: str) -> frozenset[str]:
        """Ids of the records of a type that do not count; not for those about a subject. Mostly there are none, and then
        no child has to be asked for its parents."""
        key = ("dead", name)
        if key not in self._memo:
            rows = self.records.get(name, {})
            dead = {id for id, record in rows.items() if record.deleted}
            for parent_field, parent_type in _PARENTS.get(name, ()):
                if gone := self._dead(parent_type):
                    parent = attrgetter(parent_field)
                    dead |= {id for id, record in rows.items() if parent(record) in gone}
            self._memo[key] = frozenset(dead)
        found: frozenset[str] = self._memo[key]
        return found

    def of(self, cls: type[R], parent_field: str, id: str) -> Sequence[R]:
        """The records of a type whose `parent_field` is `id`."""
        return self.by(cls, parent_field).get(id, ())

    def by(self, cls: type[R], parent_field: str) -> Mapping[str, Sequence[R]]:
        """The records of a type by their `parent_field`."""
        key = (cls, parent_field)
        found: Mapping[str, Sequence[R]] | None = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._index(cls, parent_field)
        return found

    def _index(self, cls: type[R], parent_field: str) -> dict[str, list[R]]:
        index: dict[str, list[R]] = {}
        parent = attrgetter(parent_field)
        for record in self.alive(cls):
            id = parent(record)
            if id:
                index.setdefault(id, []).append(record)
        return index

    # --- typed accessors ---------------------------------------------------------------------------------------------

    def points_of(self, planned_id: str) -> Sequence[Point]:
        return self.of(Point, "planned_point_id", planned_id)

    def targets_of(self, planned_id: str) -> Sequence[PlannedTarget]:
        return self.of(PlannedTarget, "planned_point_id", planned_id)

    def boreholes_of(self, point_id: str) -> Sequence[Borehole]:
        return self.of(Borehole, "point_id", point_id)

    def layers_of(self, borehole_id: str) -> Sequence[SoilLayer]:
        return self.of(SoilLayer, "borehole_id", borehole_id)

    def samples_of(self, point_id: str) -> Sequence[Sample]:
        return self.of(Sample, "point_id", point_id)

    def containers_of(self, sample_id: str) -> Sequence[SampleContainer]:
        return self.of(SampleContainer, "sample_id", sample_id)

    def link_of(self, qc_sample_id: str) -> QcLink | None:
        links = self.of(QcLink, "qc_sample_id", qc_sample_id)
        return links[0] if links else None

    @cached_property
    def joined(self) -> Joined:
        """The legs of all manifests, of records and of hand-over codes. Signed legs count even where their record was voided."""
        legs = [leg for leg in self.every(ManifestLeg) if leg.cose]
        legs += [leg for leg in self.alive(ManifestLeg) if not leg.cose]
        plates = {v.plate: v.id for v in self.alive(Vehicle)}
        known = self.records.get("manifest", {})
        manifests = {id: m for id, m in known.items() if isinstance(m, Manifest)}
        return join(legs, self.every(HandOver), self.directory, self.now, manifests, plates)

    def legs_of(self, manifest_id: str) -> Sequence[ManifestLeg]:
        """What is known of a load's way, of records and of codes; without what is not genuine. In the order of its story."""
        key = ("legs", manifest_id)
        return self.remember(key, lambda: [leg.record for leg in self.story(manifest_id).steps])

    def story(self, manifest_id: str) -> Story:
        """The state a manifest's legs add up to, and what is open about it."""
        return self.remember(("story", manifest_id), lambda: self._story(manifest_id))

    def _story(self, manifest_id: str) -> Story:
        record = self.find(Manifest, manifest_id)
        withdrawn = record is not None and record.deleted
        legs = self.joined.legs.get(manifest_id, ())
        story = fold(legs, self.disposed(manifest_id), withdrawn)
        if manifest_id not in self._twins:
            return story
        both = [leg for id in self._twins[manifest_id] for leg in self.joined.legs[id][:1]]
        number = next(m.number for m in self.manifests() if m.id == manifest_id)
        return story._replace(open=(*story.open, question("number_twice", both, [number])))

    def plate_of(self, manifest: Manifest) -> str:
        """Of the vehicle's record, or as a code told it; "" where neither is here."""
        vehicle = self.find(Vehicle, manifest.vehicle_id)
        # of a load known only from a code, of a truck nobody knows, the plate stands in the place of an id (manifest/bound.py)
        return vehicle.plate if vehicle else manifest.vehicle_id if len(manifest.vehicle_id) <= 20 else ""

    @cached_property
    def _twins(self) -> dict[str, list[str]]:
        """Manifests with legs that share a number with another: id → ids of all of them, in one order."""
        by_number: dict[str, list[str]] = {}
        for m in self.manifests():
            if any(leg.worth != "forged" for leg in self.joined.legs.get(m.id, ())):
                by_number.setdefault(m.number, []).append(m.id)
        return {id: sorted(ids) for ids in by_number.values() if len(ids) > 1 for id in ids}

    def disposed(self, manifest_id: str) -> bool:
        """Does a disposal record which has ended name it, of the firm that the load was for? Nobody else disposes of it."""
        manifest = self.find(Manifest, manifest_id) or self.joined.manifests.get(manifest_id)
        return manifest is not None and (manifest_id, manifest.receiver_id) in self._disposed

    @cached_property
    def _disposed(self) -> frozenset[tuple[str, str]]:
        ended = [d for d in self.alive(DisposalRecord) if d.to_date is not None]
        return frozenset((id, d.receiver_id) for d in ended for id in d.manifests)

    def manifests(self) -> list[Manifest]:
        """Every manifest that counts: the records that are not voided, those whose record was voided after they were signed, and
        those known only from hand-over codes."""
        return self.remember(("manifests",), self._manifests)

    def _manifests(self) -> list[Manifest]:
        if not self.held(Manifest):
            return []
        own = self.alive(Manifest)
        told = self.joined.manifests.keys() - {m.id for m in own}
        return [*own, *(self.find(Manifest, id) or self.joined.manifests[id] for id in sorted(told))]

    def photos_of(self, subject_id: str) -> Sequence[Photo]:
        return self.of(Photo, "subject_id", subject_id)

    def calibrations_of(self, instrument_id: str) -> Sequence[Calibration]:
        """Oldest first."""
        key = ("calibrations", instrument_id)
        found = self.of(Calibration, "instrument_id", instrument_id)
        return self.remember(key, lambda: sorted(found, key=lambda c: c.at))

    def actions_of(self, finding_id: str) -> Sequence[CorrectiveAction]:
        return self.of(CorrectiveAction, "finding_id", finding_id)

    def rechecks_of(self, finding_id: str) -> Sequence[Recheck]:
        return self.of(Recheck, "finding_id", finding_id)

    def readings_of(self, point_id: str) -> Sequence[FieldReading]:
        """Readings of the point itself, of its boreholes and of its samples."""
        return self.remember(("readings", point_id), lambda: self._readings_of(point_id))

    def _readings_of(self, point_id: str) -> list[FieldReading]:
        out = list(self.of(FieldReading, "point_id", point_id))
        for hole in self.boreholes_of(point_id):
            out += self.of(FieldReading, "borehole_id", hole.id)
        for sample in self.samples_of(point_id):
            out += self.of(FieldReading, "sample_id", sample.id)
        return out

    # --- settings, plan, places --------------------------------------------------------------------------------------

    @cached_property
    def project(self) -> Project | None:
        found = self.get(Project, self.project_id)
        return found or next(iter(self.alive(Project)), None)

    def setting(self, name: str) -> Decimal:
        """A figure of the project, or the default that stands on the field."""
        value = getattr(self.project, name, None) if self.project else None
        return value if isinstance(value, Decimal) else Decimal(fields_of(Project)[name].spec.default or 0)

    @cached_property
    def sites(self) -> list[Site]:
        return self.alive(Site)

    @cached_property
    def plans(self) -> list[Plan]:
        """The plan in force: the highest version that is not deleted. More than one only if versions tie."""
        top = max((p.version for p in self.alive(Plan)), default=None)
        return [p for p in self.alive(Plan) if p.version == top]

    @cached_property
    def planned(self) -> list[PlannedPoint]:
        """The planned points of the plan in force, in working order, then by code as people count (S2 before S10)."""
        current = {p.id for p in self.plans}
        found = [p for p in self.alive(PlannedPoint) if p.plan_id in current]
        return sorted(found, key=lambda p: (p.order_no is None, p.order_no or 0, natural(p.code)))

    @cached_property
    def places(self) -> list[Place]:
        """Every planned point in force, then every visit that belongs to none. Each visit is in exactly one place."""
        by_code: dict[str, PlannedPoint] = {}
        for planned in self.planned:
            by_code.setdefault(planned.code, planned)
        in_force = {p.id: p for p in self.planned}
        visits: dict[str, list[Point]] = {}
        extra: list[Place] = []
        for visit in sorted(self.alive(Point), key=lambda v: (v.started_at, v.id)):
            named = self.find(PlannedPoint, visit.planned_point_id)
            unknown = visit.planned_point_id is not None and named is None
            code = named.code if named else visit.code if unknown else None
            home = in_force.get(visit.planned_point_id or "") or by_code.get(code or "")
            if home:
                visits.setdefault(home.id, []).append(visit)
            else:
                older = (visit.planned_point_id,) if visit.planned_point_id else ()
                extra.append(Place(visit.code, None, (visit,), older, removed=named is not None, unknown=unknown))
        ids: dict[str, list[str]] = {}
        for planned in self.every(PlannedPoint):
            ids.setdefault(planned.code, []).append(planned.id)
        own = [Place(p.code, p, tuple(visits.get(p.id, ())), tuple(ids[p.code])) for p in self.planned]
        return own + extra

    @cached_property
    def _place_by_id(self) -> dict[str, Place]:
        """Planned point id (any version) or visit id → place."""
        out: dict[str, Place] = {}
        for place in self.places:
            for id in (*place.planned_ids, *(v.id for v in place.visits)):
                out.setdefault(id, place)
            if place.planned:
                out[place.planned.id] = place
        return out

    def place(self, id: str | None) -> Place | None:
        """The place of a planned point or a visit."""
        return self._place_by_id.get(id) if id else None

    def place_of(self, type: str, id: str | None) -> Place | None:
        """The place a record belongs to, by way of its parents. None for what belongs to no point."""
        record = self.records.get(type, {}).get(id) if id else None
        if type in ("point", "planned_point"):
            return self.place(id)
        if record is None:
            return None
        if type in ("photo", "comment", "review_decision", "conflict"):
            return self.place_of(getattr(record, "subject_kind", ""), getattr(record, "subject_id", None))
        if type == "qc_link":
            return self.place_of("sample", getattr(record, "qc_sample_id", None))
        for name in ("point_id", "planned_point_id"):
            if getattr(record, name, None):
                return self.place(getattr(record, name))
        for parent_field, parent_type in _PARENTS.get(type, ()):
            if found := self.place_of(parent_type, getattr(record, parent_field)):
                return found
        return None

    def code_of(self, type: str, id: str | None) -> str | None:
        """The code of the place a record belongs to."""
        place = self.place_of(type, id)
        return place.code if place else None

    def boreholes_at(self, place: Place) -> list[Borehole]:
        return [hole for visit in place.visits for hole in self.boreholes_of(visit.id)]

    def samples_at(self, place: Place) -> list[Sample]:
        return [sample for visit in place.visits for sample in self.samples_of(visit.id)]

    def readings_at(self, place: Place) -> list[FieldReading]:
        return [reading for visit in place.visits for reading in self.readings_of(visit.id)]

    def adjustments_at(self, place: Place) -> list[PointAdjustment]:
        """Adjustments of the planned point in any version of the plan, and those a visit names."""
        return self.remember(("adjustments", id(place)), lambda: self._adjustments_at(place))

    def _adjustments_at(self, place: Place) -> list[PointAdjustment]:
        found = {a.id: a for id in place.planned_ids for a in self.of(PointAdjustment, "planned_point_id", id)}
        for visit in place.visits:
            if (named := self.get(PointAdjustment, visit.adjustment_id)) is not None:
                found[named.id] = named
        return list(found.values())

    def photos_at(self, place: Place) -> list[Photo]:
        """Photos of the point and of everything that belongs to it."""
        holes, samples = self.boreholes_at(place), self.samples_at(place)
        ids = [*place.planned_ids, *(v.id for v in place.visits), *(h.id for h in holes), *(s.id for s in samples)]
        ids += [layer.id for hole in holes for layer in self.layers_of(hole.id)]
        ids += [c.id for s in samples for c in self.containers_of(s.id)]
        ids += [a.id for a in self.adjustments_at(place)]
        ids += [r.id for r in self.readings_at(place)]
        photos = self.by(Photo, "subject_id")
        return [photo for id in ids for photo in photos.get(id, ())]


@dataclass(frozen=True, eq=False)
class View:
    """What a run looks at: everything, or one place of the same facts."""

    facts: Facts
    places: Sequence[Place]
    whole: bool

    @cached_property
    def visits(self) -> list[Point]:
        return self.facts.alive(Point) if self.whole else [v for p in self.places for v in p.visits]

    @cached_property
    def samples(self) -> list[Sample]:
        return self.facts.alive(Sample) if self.whole else [s for p in self.places for s in self.facts.samples_at(p)]

    @cached_property
    def readings(self) -> list[FieldReading]:
        if self.whole:
            return self.facts.alive(FieldReading)
        return [r for p in self.places for r in self.facts.readings_at(p)]

    @property
    def code(self) -> str | None:
        """The point code of what is found, where the view is of one place."""
        return None if self.whole else self.places[0].code
