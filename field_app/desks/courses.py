"""Findings as this tablet knows them: each with its course, folded from the records that are here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from field_app.clock import CHINA
from field_app.store import Seen, Store
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.rules import rectify
from schemas.rules.rectify import Course

SOON = 3  # days before its deadline a finding is drawn attention to [D]
BEFORE, AFTER = ("finding", "evidence"), ("rectified", "document")
Values = Mapping[str, Any]


class Row(NamedTuple):
    """One finding. `late`: days since its deadline in force; `left`: days to it, None where there is none or it went by; `state`: what
    became of the record itself (accepted, pending, parked)."""

    id: str
    scope: str
    code: str
    values: Values
    course: Course
    late: int
    left: int | None
    age: int
    party: str
    site: str
    state: str

    @property
    def severity(self) -> str:
        return str(self.values.get("severity", ""))

    @property
    def said(self) -> str:
        return str(self.values.get("description") or self.values.get("kind") or "")


class Case(NamedTuple):
    """One finding with all that belongs to it: `shots` are photo records, oldest first; `names` of organisations and people; `employers`:
    person → organisation."""

    row: Row
    inspection: Seen | None
    actions: tuple[CorrectiveAction, ...]
    rechecks: tuple[Recheck, ...]
    shots: tuple[Seen, ...]
    names: Mapping[str, str]
    employers: Mapping[str, str]

    @property
    def before(self) -> tuple[Seen, ...]:
        """Photos of the problem as it was found."""
        own = {self.row.id, str(self.row.values.get("answer_id") or "")}
        return tuple(p for p in self.shots if p.values["subject_id"] in own and p.values["step"] in BEFORE)

    @property
    def after(self) -> tuple[Seen, ...]:
        """Photos and documents of what was done."""
        done = {s.id for s in (*self.actions, *self.rechecks)}
        return tuple(
            p
            for p in self.shots
            if p.values["step"] == "rectified" or (p.values["subject_id"] in done and p.values["step"] in AFTER)
        )

    @property
    def place(self) -> tuple[float, float] | None:
        """Longitude and latitude of the problem: as recorded, else where its first photo was taken."""
        for fix in (self.row.values.get("position"), *(p.values.get("position") for p in self.before)):
            if fix and fix.get("lon") and fix.get("lat"):
                return float(fix["lon"]), float(fix["lat"])
        return None


def read(store: Store, now: datetime, skip: Collection[str] = ()) -> list[Row]:
    """All findings outside the scopes of `skip` that are problems, the latest first, then the next to be due, those that ended last."""
    with store.looking() as seen:
        found = [s for s in seen.all("finding") if s.scope not in skip and s.values.get("severity") != "none"]
        rows = _rows(seen, found, now)
    return sorted(rows, key=_order)


def one(store: Store, finding: str, now: datetime) -> Case | None:
    """None where the finding is not on this tablet."""
    with store.looking() as seen:
        found = seen.get("finding", finding)
        if found is None:
            return None
        row = next(iter(_rows(seen, [found], now)), None)
        if row is None:
            return None
        actions, rechecks = _steps(seen, [finding])
        inspection = seen.get("inspection", found.values["inspection_id"])
        names = {s.id: str(s.values.get("name") or "") for t in ("organisation", "person") for s in seen.all(t)}
        ids = [
            finding,
            *filter(None, [found.values.get("answer_id")]),
            *(s.id for s in (*actions[finding], *rechecks[finding])),
        ]
        shots = [p for p in seen.related("photo", "subject_id", ids) if not p.values.get("deleted")]
        employers = {s.id: str(s.values.get("org_id") or "") for s in seen.all("person")}
    shots.sort(key=lambda p: (datetime.fromisoformat(p.values["taken_at"]), p.id))
    return Case(row, inspection, tuple(actions[finding]), tuple(rechecks[finding]), tuple(shots), names, employers)


def _rows(store: Store, found: list[Seen], now: datetime) -> list[Row]:
    today = now.astimezone(CHINA).date()
    ids = [s.id for s in found]
    actions, rechecks = _steps(store, ids)
    subjects = [*ids, *(s.id for steps in (*actions.values(), *rechecks.values()) for s in steps)]
    shots: dict[str, list[Photo]] = defaultdict(list)
    for p in store.related("photo", "subject_id", subjects):
        if p.values.get("step") in AFTER:
            shots[p.values["subject_id"]].append(Photo.of(p.id, p.values))
    inspections = {s.id: s for s in store.related("inspection", "id", {f.values["inspection_id"] for f in found})}
    people = {s.id: s.values for s in store.all("person")}
    orgs = {s.id: str(s.values.get("name") or "") for s in store.all("organisation")}
    sites = {s.id: str(s.values.get("name") or "") for s in store.all("site")}
    employers = {id: str(v.get("org_id") or "") for id, v in people.items()}
    out = []
    for f in found:
        typed, seen = Finding.of(f.id, f.values), inspections.get(f.values["inspection_id"])
        if seen is not None and seen.values.get("deleted"):  # what was found in it counts no more than it
            continue
        steps = (*actions[f.id], *rechecks[f.id])
        photos = [p for id in (f.id, *(s.id for s in steps)) for p in shots.get(id, ())]
        told = (actions[f.id], rechecks[f.id], photos)
        if seen is not None:
            course = rectify.course_of(typed, Inspection.of(seen.id, seen.values), *told, employers, now=now)
        else:  # it always comes with its finding; where it does not, no step is called too early
            first = min((s.at for s in steps), default=datetime.combine(today, datetime.min.time(), CHINA))
            course = rectify.fold(typed, *told, signed_on=first, orgs=employers, now=now)
        late = rectify.late(course, today)
        left = (course.deadline - today).days if course.deadline and not late and not course.over else None
        site = sites.get(str(seen.values.get("site_id"))) if seen is not None else None
        out.append(Row(
            f.id, f.scope, str(f.values.get("code", "")), f.values, course, late, left, rectify.age(course, today),
            orgs.get(f.values.get("org_id", ""), ""), site or "", f.state,
        ))  # fmt: skip
    return out


def _steps(
    store: Store, ids: Iterable[str]
) -> tuple[dict[str, list[CorrectiveAction]], dict[str, list[Recheck]]]:  # fmt: skip
    """Of each finding; voided ones too, they stand in its story."""
    wanted = list(ids)
    actions: dict[str, list[CorrectiveAction]] = defaultdict(list)
    for s in store.related("corrective_action", "finding_id", wanted):
        actions[s.values["finding_id"]].append(CorrectiveAction.of(s.id, s.values))
    rechecks: dict[str, list[Recheck]] = defaultdict(list)
    for s in store.related("recheck", "finding_id", wanted):
        rechecks[s.values["finding_id"]].append(Recheck.of(s.id, s.values))
    return actions, rechecks


def _order(row: Row) -> tuple[Any, ...]:
    left = row.left if row.left is not None else 10**6
    ended = row.course.ended or row.course.opened
    return (row.course.over, -row.late, left, -ended.toordinal() if row.course.over else -row.age, row.code, row.id)
