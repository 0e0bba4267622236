"""整改 → 复查 → 销号 → 回头看: the course of one finding, folded from its steps. Both sides ask it: tablets, pages, reports.

Nothing stores the state. The same steps give the same course in any order of arrival. What does not fit is a named open question
(`rectify_words`), never an error and never a guess; every step stands in the story, whether it counts or not. Rules [D], after the
record of rectification in RULES §17; two officers after 行政处罚法（2021）第42条 [C].

- Closing and sending on count from two different officers: in one re-check, or in two of the same result with no other step between
  them. Keeping counts from one. In a re-check those count who signed it; where nobody did, the first one named, as who wrote it.
- A step dated before the day of the finding does not count, nor does one of the future (a clock that is wrong would close a finding for
  years), nor re-checks of one moment that contradict each other, nor officers who belong to the responsible party.
- What has ended is opened again by a re-check only (回头看), never by an action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import groupby
from typing import Literal, NamedTuple

from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.rules.rectify_words import Question, Step, question, step_words

SHANGHAI = timezone(timedelta(hours=8))
LEAST = 2  # 行政处罚法（2021）第42条, C
AHEAD = timedelta(days=1)  # D: so far clocks and time zones may differ before a step is one of the future
# Duties of officers who were there but decide nothing.
_BESIDE = frozenset({"witness", "driver", "sampler", "driller", "dispatcher", "lab_receiver"})
_SIGNED = frozenset({"signed", "fingerprint", "stamped"})

State = Literal["issued", "rectifying", "reported", "closed", "referred"]
ENDS: Mapping[str, State] = {"closed": "closed", "refer": "referred"}
OVER: frozenset[str] = frozenset(ENDS.values())


class Pending(NamedTuple):
    """A closing or sending on that waits for a second officer. `officers`: person ids; `rechecks`: ids, oldest first."""

    result: str
    officers: tuple[str, ...]
    names: tuple[str, ...]
    rechecks: tuple[str, ...]


class Course(NamedTuple):
    """`steps`: all, oldest first, the finding itself as the first; `deadline`: the one in force; `opened`: day of the finding;
    `ended`: day it was closed or sent on, as long as it is; `pending`: what a second officer has to confirm."""

    state: State
    steps: tuple[Step, ...]
    open: tuple[Question, ...]
    deadline: date | None
    opened: date
    ended: date | None
    pending: Pending | None = None

    @property
    def over(self) -> bool:
        return self.state in OVER


def day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def signed_at(inspection: Inspection) -> datetime:
    """When the findings of an inspection were issued: its last signature, else its end, else its start."""
    return max((s.signed_at for s in inspection.signatures), default=inspection.ended_at or inspection.started_at)


def self_check(finding: Finding, inspection: Inspection, orgs: Mapping[str, str]) -> bool:
    """True where the responsible party inspected itself (企业自查): then its own people close what they found."""
    people = [orgs.get(o.person_id) for o in inspection.officers]
    return bool(people) and all(org == finding.org_id for org in people)


def course_of(
    finding: Finding,
    inspection: Inspection,
    actions: Iterable[CorrectiveAction],
    rechecks: Iterable[Recheck],
    photos: Iterable[Photo] | None,
    orgs: Mapping[str, str] | None = None,
    *,
    now: datetime | None = None,
) -> Course:
    """The course of a finding of this inspection. See `fold`."""
    known = orgs or {}
    own = {} if self_check(finding, inspection, known) else known
    return fold(finding, actions, rechecks, photos, signed_on=signed_at(inspection), orgs=own, now=now)


def fold(
    finding: Finding,
    actions: Iterable[CorrectiveAction],
    rechecks: Iterable[Recheck],
    photos: Iterable[Photo] | None,
    *,
    signed_on: date | datetime,
    orgs: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Course:
    """`actions`, `rechecks`: those of this finding; a voided one stands in the story and does not count. `photos`: of the finding, its
    actions and re-checks (others are passed over); None = not at hand, then nothing is asked about them. `signed_on`: when the inspection
    was signed. `orgs`: person id → organisation id, as far as known. `now`: what is later than that does not count yet; None = not asked."""
    told = _Told(finding, signed_on, _After(photos), orgs or {}, now + AHEAD if now else None)
    steps: dict[str, CorrectiveAction | Recheck] = {a.id: a for a in actions}
    steps.update({r.id: r for r in rechecks})
    for _, moment in groupby(sorted(steps.values(), key=_order), key=lambda s: s.at):
        told.hear(list(moment))
    return told.course()


def late(course: Course, today: date) -> int:
    """Days since the deadline in force went by; 0 where it did not, where there is none, and for what is over."""
    return 0 if course.over or course.deadline is None else max(0, (today - course.deadline).days)


def age(course: Course, today: date) -> int:
    """Days since the finding, up to its end."""
    return max(0, ((course.ended or today) - course.opened).days)


def next_steps(course: Course, role: str) -> tuple[str, ...]:
    """What somebody of this role may do now: "action" (an action under way), "report" (done), "recheck", "confirm" (as the second
    officer), "second_look"."""
    confirm = ("confirm",) if course.pending else ()
    if course.over:
        return (*confirm, "second_look") if role == "inspector" else ()
    acts = ("action", "report") if role in ("inspector", "party", "project_manager") else ()
    if role != "inspector":
        return acts
    return (*confirm, "recheck", *acts)


def officers_of(recheck: Recheck, orgs: Mapping[str, str], party: str) -> tuple[dict[str, str], list[str], list[str]]:
    """Who counts in a re-check (person id → name), then the names of those who did not sign, and of those of the responsible party."""
    named = {o.person_id: o.name for o in recheck.officers if o.duty not in _BESIDE}
    own = [id for id in named if party and orgs.get(id) == party]
    real = {id: name for id, name in named.items() if id not in own}
    who = {(s.person_id or s.name): s.way in _SIGNED for s in recheck.signatures}  # the later word of one person counts
    signed = {id: name for id, name in real.items() if who.get(id, who.get(name, False))}
    willing = [id for id, name in real.items() if who.get(id, who.get(name, True))]  # neither refused nor absent
    if not signed and willing:  # somebody wrote it: the first one named
        signed = {willing[0]: real[willing[0]]}
    return signed, [n for id, n in real.items() if id not in signed], [named[id] for id in own]


class _After:
    """Photos and documents of what was done, by the record they belong to."""

    def __init__(self, photos: Iterable[Photo] | None) -> None:
        self.known = photos is not None
        self._of: dict[str, list[Photo]] = {}
        for p in photos or ():
            if not p.deleted and (
                p.step == "rectified" or (p.step == "document" and p.subject_kind in ("corrective_action", "recheck"))
            ):
                self._of.setdefault(p.subject_id, []).append(p)

    def since(self, subjects: Iterable[tuple[str, bool]], restart: datetime | None) -> bool:
        """Is there one? `subjects`: (id, came after the restart); of older subjects only a photo taken after it counts."""
        return any(
            fresh or restart is None or p.taken_at > restart for id, fresh in subjects for p in self._of.get(id, ())
        )


def _order(s: CorrectiveAction | Recheck) -> tuple[datetime, int, bool, str]:
    """A re-check at the same moment follows its action."""
    return (s.at, 1, False, s.id) if isinstance(s, Recheck) else (s.at, 0, s.done, s.id)


@dataclass
class _Told:
    finding: Finding
    signed_on: date | datetime
    after: _After
    orgs: Mapping[str, str]
    until: datetime | None = None  # what is later is of the future
    state: State = "issued"
    ended: date | None = None
    restart: datetime | None = None  # the last re-check that kept or opened it
    steps: list[Step] = field(default_factory=list)
    heard: list[tuple[str, datetime]] = field(default_factory=list)  # actions and re-checks, for their photos
    counted: set[str] = field(default_factory=set)
    asked: dict[str, list[tuple[Step, str]]] = field(default_factory=dict)
    pending: Pending | None = None

    def __post_init__(self) -> None:
        self.deadline = self.finding.deadline
        on = self.signed_on
        at = on if isinstance(on, datetime) else datetime(on.year, on.month, on.day, tzinfo=SHANGHAI)
        self.opened = day(at)
        self.steps.append(Step(at, "issued", self.finding.id, (), step_words("issued")))
        self.counted.add(self.finding.id)

    def hear(self, moment: list[CorrectiveAction | Recheck]) -> None:
        """All steps of one moment."""
        known = [(s, self._note(s)) for s in moment]
        rechecks: list[tuple[Recheck, Step, dict[str, str]]] = []
        for s, step in known:
            if s.deleted:
                continue
            self.heard.append((s.id, s.at))
            if day(s.at) < self.opened:
                self._ask("before", step, self.opened.isoformat())
            elif self.until is not None and s.at > self.until:
                self._ask("future", step)
            elif isinstance(s, Recheck):
                if people := self._people(s, step):
                    rechecks.append((s, step, people))
            else:
                self._action(s, step)
        results = {r.result for r, _, _ in rechecks}
        if len(results) > 1:
            for _, step, _ in rechecks:
                self._ask("contradiction", step)
            self.pending = None
            return
        for r, step, people in rechecks:
            self._recheck(r, step, people)

    def course(self) -> Course:
        if self.pending:
            waiting = set(self.pending.rechecks)
            for s in self.steps:
                if s.id in waiting:
                    self._ask("one_officer", s)
        steps = tuple(s._replace(counts=s.id in self.counted) for s in self.steps)
        open_ = tuple(question(code, asked) for code, asked in sorted(self.asked.items()))
        return Course(self.state, steps, open_, self.deadline, self.opened, self.ended, self.pending)

    def _note(self, s: CorrectiveAction | Recheck) -> Step:
        if isinstance(s, Recheck):
            kind, who, second = s.result, tuple(o.name for o in s.officers), bool(s.second_look)
        else:
            kind, who, second = "reported" if s.done else "action", (s.reported_by,), False
        step = Step(s.at, "voided" if s.deleted else kind, s.id, who, step_words(kind, second, s.deleted))
        self.steps.append(step)
        return step

    def _ask(self, code: str, step: Step, what: str = "") -> None:
        self.asked.setdefault(code, []).append((step, what))

    def _people(self, r: Recheck, step: Step) -> dict[str, str]:
        counted, unsigned, own = officers_of(r, self.orgs, self.finding.org_id)
        if unsigned and (r.result in ENDS or not counted):
            self._ask("unsigned", step, "、".join(unsigned))
        if own:
            self._ask("own_party", step, "、".join(own))
        return counted

    def _action(self, a: CorrectiveAction, step: Step) -> None:
        if self.state in OVER:
            self._ask("after_end", step)
            return
        self.state = "reported" if a.done else "rectifying"
        self.counted.add(a.id)
        self.pending = None

    def _recheck(self, r: Recheck, step: Step, people: dict[str, str]) -> None:
        if r.result not in ENDS and r.result != "keep":  # of a newer version
            self._ask("unknown_result", step)
            return
        over = self.state in OVER
        if over and self.state != ENDS.get(r.result) and not r.second_look:
            self._ask("not_second_look", step)
        if r.second_look and not over:
            self._ask("not_over", step)
        in_time = self.deadline is None or day(r.at) < self.deadline
        if not over and self.state != "reported" and (r.result == "closed" or in_time):
            self._ask("not_reported", step)
        if r.result == "keep":
            self._keep(r)
        else:
            self._end(r, step, people)

    def _keep(self, r: Recheck) -> None:
        self.state, self.ended, self.restart, self.pending = "rectifying", None, r.at, None
        self.deadline = r.next_deadline or self.deadline
        self.counted.add(r.id)

    def _end(self, r: Recheck, step: Step, people: dict[str, str]) -> None:
        if self.state == ENDS[r.result]:  # looked at again, as it was
            self.counted.add(r.id)
            self.pending = None
            return
        before = self.pending if self.pending and self.pending.result == r.result else None
        all_ = {**(dict(zip(before.officers, before.names, strict=True)) if before else {}), **people}
        rechecks = (*(before.rechecks if before else ()), r.id)
        if len(all_) < LEAST:
            self.pending = Pending(r.result, tuple(all_), tuple(all_.values()), rechecks)
            return
        self.state, self.ended, self.pending = ENDS[r.result], day(r.at), None
        self.counted.update(rechecks)
        if r.result == "closed" and self.after.known and not self._pictured():
            self._ask("no_after", step)

    def _pictured(self) -> bool:
        restart = self.restart
        own = [(self.finding.id, restart is None)]
        return self.after.since([*own, *((id, restart is None or at > restart) for id, at in self.heard)], restart)
