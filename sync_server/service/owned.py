"""A party's own findings, and nothing else: what it may see of them.

Whose finding it is: a person who holds the role party in the project, and whose person record names the organisation that the finding names. Shown
are findings of signed inspections; of each its contents, its photos before and its course, without any person. Whatever else there
is, is answered like what does not exist (2004, photos 1309).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.rules import rectify
from sync_server.access import PARTY
from sync_server.service.blobs import Blobs
from sync_server.service.uploads import OTHER
from sync_server.store import Stored, Tx

ACTION, PHOTO = "corrective_action", "photo"
BEFORE, AFTER = "finding", "rectified"  # steps of photos


class Shot(NamedTuple):
    """One photo. `here`: its file has come and can be shown; `lon`, `lat`: where it was taken, None where that is not known."""

    id: str
    sha256: str
    taken_at: datetime
    here: bool
    lon: float | None = None
    lat: float | None = None
    bearing: str = ""


class OwnStep(NamedTuple):
    """One step of the course. `kind`: as rectify.Step has it; `mine`: reported by whoever looks; `deadline`: set by this step."""

    at: datetime
    kind: str
    id: str
    counts: bool
    mine: bool = False
    text: str = ""
    cost: str = ""
    deadline: date | None = None
    shots: tuple[Shot, ...] = ()


class Own(NamedTuple):
    """A finding as its party sees it. `deadline`: the one in force; `waits`: a result needs a second officer; `may_report`: the party may
    still report about it; `lon`, `lat`: of the problem."""

    id: str
    code: str
    severity: str
    description: str
    basis: str
    quote: str
    measure: str
    deadline: date | None
    issued: date
    state: rectify.State
    late: int
    age: int
    waits: bool
    may_report: bool
    steps: tuple[OwnStep, ...] = ()
    before: tuple[Shot, ...] = ()
    lon: float | None = None
    lat: float | None = None


class Mine(NamedTuple):
    """`project`: its name; `org`: that of the party; `findings`: what is open first, by deadline."""

    project: str
    org: str
    findings: list[Own]


class Held(NamedTuple):
    scope: str
    org: str  # id
    person: Stored


class Owned(Blobs):
    # --- what a party sees -------------------------------------------------------------------------------------------

    def own_findings(self, person: str, project: str) -> Mine:
        """All findings of the person's organisation in this project. Raises Trouble 2004 for whoever is no party there."""
        with self.store.reading() as tx:
            here = self._party_in(tx, person, project)
            findings = [f for f in tx.of_scope("finding", here.scope, org_id=here.org) if _shown(f.values)]
            inspections = self._party_signed(tx, here.scope, [str(f.values["inspection_id"]) for f in findings])
            findings = [f for f in findings if f.values["inspection_id"] in inspections]
            wanted = {f.id for f in findings}
            actions, rechecks = (
                [s for s in tx.of_scope(kind, here.scope) if s.values.get("finding_id") in wanted]
                for kind in (ACTION, "recheck")
            ) if wanted else ([], [])  # fmt: skip
            orgs = self._party_orgs(tx, [*inspections.values(), *rechecks])
            out = [
                self._party_own(f, inspections[str(f.values["inspection_id"])], actions, rechecks, None, orgs)
                for f in findings
            ]
            names = {s.id: str(s.values.get("name", "")) for kind, id in (("project", project), ("organisation", here.org)) for s in tx.load(kind, [id])}  # fmt: skip
        out.sort(key=lambda f: (f.state in rectify.OVER, f.deadline or date.max, f.code, f.id))
        return Mine(names.get(project, ""), names.get(here.org, ""), out)

    def own_finding(self, person: str, project: str, finding: str) -> Own:
        """One of them, with its photos and its course. Raises Trouble 2004."""
        with self.store.reading() as tx:
            return self._party_one(tx, self._party_in(tx, person, project), finding)

    def own_photo(self, person: str, project: str, finding: str, sha: str, size: int) -> bytes:
        """A small JPEG of a photo of this finding, before or after; never the file itself, which says by whom and with what it was
        taken. Raises Trouble 2004, 1309."""
        with self.store.reading() as tx:
            own = self._party_one(tx, self._party_in(tx, person, project), finding)
        shots = [*own.before, *(shot for step in own.steps for shot in step.shots)]
        if not any(shot.sha256 == sha and shot.here for shot in shots):
            raise Trouble(1309)
        made = self.shelf.pictures.thumbnail(self.shelf.files.path(sha), sha, size)
        if made is None:
            raise Trouble(1309)
        return made

    def parties(self, person: str) -> dict[str, str]:
        """Projects in which somebody is a party, by name; nothing of them is told but that."""
        with self.store.reading() as tx:
            owners = [owner for owner, role in tx.memberships(person) if role == PARTY]
            found = {s.id: str(s.values.get("name", "")) for s in tx.load("project", owners)}
        return dict(sorted(found.items(), key=lambda x: (x[1], x[0])))

    # --- whose it is -------------------------------------------------------------------------------------------------

    def _party_in(self, tx: Tx, person: str, project: str) -> Held:
        """Raises Trouble 2004 for whoever is no party in this project, or whose person record is not there."""
        scope = tx.scope(f"{project}.{Audience.ENFORCEMENT.value}") if "\0" not in project else None
        found = [p for p in tx.load("person", [person]) if not p.values.get("deleted")]
        if scope is None or not found or (project, PARTY) not in tx.memberships(person):
            raise Trouble(2004)
        return Held(scope.id, str(found[0].values["org_id"]), found[0])

    def _party_signed(self, tx: Tx, scope: str, ids: Sequence[str]) -> dict[str, Stored]:
        """Those of these inspections that somebody signed, or refused to sign before a witness, and that are not voided."""
        rows = tx.load("inspection", sorted(set(ids)))
        return {
            r.id: r for r in rows if r.scope == scope and r.values.get("signatures") and not r.values.get("deleted")
        }

    def _party_one(self, tx: Tx, here: Held, finding: str) -> Own:
        rows = tx.load("finding", [finding]) if "\0" not in finding else []
        found = [f for f in rows if f.scope == here.scope and f.values.get("org_id") == here.org and _shown(f.values)]
        inspections = self._party_signed(tx, here.scope, [str(f.values["inspection_id"]) for f in found])
        if not found or not inspections:
            raise Trouble(2004)
        (f,) = found
        (inspection,) = inspections.values()
        actions, rechecks = (tx.of_scope(kind, here.scope, finding_id=f.id) for kind in (ACTION, "recheck"))
        subjects = [
            f.id,
            *(a.id for a in actions),
            *([str(f.values["answer_id"])] if f.values.get("answer_id") else []),
        ]
        photos = [p for p in tx.said_about(PHOTO, subjects, here.scope) if not p.values.get("deleted")]
        shots = self._party_shots(tx, here.scope, photos)
        by_me = {a.id for a in actions if self._party_made_by(tx, a.id) == here.person.id}
        own = self._party_own(
            f, inspection, actions, rechecks, photos, self._party_orgs(tx, [inspection, *rechecks]), shots, by_me
        )
        at = f.values.get("position") or {}
        return own._replace(
            before=tuple(
                s for p, s in zip(photos, shots, strict=True)
                if p.values["step"] == BEFORE and p.values["subject_id"] in (f.id, f.values.get("answer_id"))
            ), lon=_degrees(at, "lon"), lat=_degrees(at, "lat"),
        )  # fmt: skip

    def _party_shots(self, tx: Tx, scope: str, photos: Sequence[Stored]) -> list[Shot]:
        """Only files that were sent for this very scope count as here."""
        sent = tx.media_here(scope) if photos else frozenset()
        blobs = tx.blobs_named({str(p.values["sha256"]) for p in photos})
        return [
            Shot(
                p.id, sha := str(p.values["sha256"]), datetime.fromisoformat(str(p.values["taken_at"])),
                sha in sent and sha in blobs and blobs[sha].kind != OTHER,
                _degrees(at := p.values.get("position") or {}, "lon"), _degrees(at, "lat"), str(p.values.get("bearing_deg") or ""),
            )
            for p in photos
        ]  # fmt: skip

    @staticmethod
    def _party_orgs(tx: Tx, rows: Sequence[Stored]) -> dict[str, str]:
        """Officers named here → their organisations, for the rule that a party does not close its own findings."""
        named = {str(o["person_id"]) for r in rows for o in r.values.get("officers") or () if o.get("person_id")}
        return {p.id: str(p.values.get("org_id", "")) for p in tx.load("person", sorted(named))}

    def _party_own(
        self, f: Stored, inspection: Stored, actions: Sequence[Stored], rechecks: Sequence[Stored], photos: Sequence[Stored] | None,
        orgs: Mapping[str, str], shots: Sequence[Shot] = (), by_me: frozenset[str] | set[str] = frozenset(),
    ) -> Own:  # fmt: skip
        here = [a for a in actions if a.values.get("finding_id") == f.id]
        looked = [r for r in rechecks if r.values.get("finding_id") == f.id]
        course = rectify.course_of(
            Finding.of(f.id, f.values, f.seq), Inspection.of(inspection.id, inspection.values, inspection.seq),
            [CorrectiveAction.of(a.id, a.values, a.seq) for a in here], [Recheck.of(r.id, r.values, r.seq) for r in looked],
            None if photos is None else [Photo.of(p.id, p.values, p.seq) for p in photos], orgs, now=self._clock(),
        )  # fmt: skip
        after: dict[str, list[Shot]] = {}
        for p, shot in zip(photos or (), shots, strict=photos is not None):
            if p.values["step"] == AFTER and p.values["subject_kind"] == ACTION:
                after.setdefault(str(p.values["subject_id"]), []).append(shot)
        done = {a.id: a.values for a in here}
        set_by = {r.id: r.values.get("next_deadline") for r in looked}
        steps = tuple(
            OwnStep(
                s.at, s.kind, s.id, s.counts, s.id in by_me, str(done.get(s.id, {}).get("measure_taken", "")),
                str(done.get(s.id, {}).get("cost_yuan", "")), date.fromisoformat(day) if (day := set_by.get(s.id)) else None,
                tuple(after.get(s.id, ())),
            )
            for s in course.steps
        )  # fmt: skip
        v, today = f.values, rectify.day(self._clock())
        return Own(
            f.id, str(v["code"]), str(v["severity"]), str(v["description"]), str(v["basis"]), str(v.get("quote") or ""),
            str(v.get("measure") or ""), course.deadline, course.opened, course.state, rectify.late(course, today),
            rectify.age(course, today), course.pending is not None, "report" in rectify.next_steps(course, PARTY), steps,
        )  # fmt: skip

    @staticmethod
    def _party_made_by(tx: Tx, record: str) -> str:
        lines = tx.history(record)
        return _author(lines[0].line) if lines else ""


def _shown(values: Mapping[str, Any]) -> bool:
    return not values.get("deleted") and values.get("severity") != "none"


def _degrees(at: Mapping[str, Any], name: str) -> float | None:
    return float(at[name]) if at.get(name) is not None else None


def _author(line: bytes) -> str:
    try:
        return change.decode(line).by
    except NotCanonical:
        return ""
