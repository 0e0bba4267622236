"""Re-checks as inspectors write them on pages: each in his or her own name, over what the page showed, never over what came since.

Closing a finding and sending it on take two inspectors (行政处罚法（2021）第42条: not fewer than two officers): each signs in and writes a
re-check of his or her own. The course is that of schemas/rules/rectify; nothing here keeps a state. Whoever was on the spot re-checks with
the tablet; at a desk one decides over what was handed in, so there has to be something: a report that it is done, with photo or document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.reference import codes
from schemas.rules import rectify
from sync_server.access import may_read, may_write
from sync_server.applying import fit_to_keep
from sync_server.service.base import Base, Write
from sync_server.service.planning import refused
from sync_server.store import Stored, Tx

RESULTS = ("closed", "keep", "refer")
AGREED = {"zh": "同意上一名复查人员的意见。", "en": "I agree with the officer before me."}
LONGEST = 20_000  # characters of an opinion: as the record has it
DONE = frozenset({"rectified", "document"})  # steps of photos that show what was done


class Wish(NamedTuple):
    """What an inspector decides. `seen`: `mark_of` the course the page showed; `lang`: in which the words above are kept."""

    result: str
    opinion: str
    seen: str
    next_deadline: date | None = None
    referred_to: str = ""
    lang: str = "zh"


class Written(NamedTuple):
    """`state`: of the finding now; `waits`: another inspector has to confirm it."""

    id: str
    state: str
    waits: bool


class _Known(NamedTuple):
    """A finding with all that its course stands on."""

    finding: Finding
    inspection: Inspection
    actions: list[CorrectiveAction]
    rechecks: list[Recheck]
    photos: list[Photo]
    orgs: Mapping[str, str]

    def course(self, now: datetime) -> rectify.Course:
        return rectify.course_of(
            self.finding, self.inspection, self.actions, self.rechecks, self.photos, self.orgs, now=now
        )


def mark_of(finding: tuple[str, int], steps: Iterable[tuple[str, int]]) -> str:
    """What a page showed, by id and seq of the finding and of its actions and re-checks: another mark, something has come since."""
    parts = sorted(f"{id}:{seq}" for id, seq in (finding, *steps))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class Inspections(Base):
    def recheck_finding(self, person: str, project: str, id: str, wish: Wish) -> Written:
        """Write a re-check as this inspector, with a line in the audit log.

        Raises Trouble 2003 (no inspector), 2004 (no such finding that this person may see), 3001 (something is missing in it), 6440
        (something came since the page was made), 6441 (this inspector has decided so already), 6442 (there is nothing to decide on),
        6443 (of the responsible party)."""
        scope = f"{project}.{Audience.ENFORCEMENT.value}"
        fit_to_keep([wish.opinion, wish.referred_to])
        new = self.new_id()
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            roles = self._roles(tx, person, project, Audience.ENFORCEMENT.value)
            if not may_read(roles, Audience.ENFORCEMENT.value):
                raise Trouble(2004)
            known = _known(tx, id, scope)
            if not may_write(roles, "recheck", Audience.ENFORCEMENT.value):
                raise Trouble(2003, what={"zh": "复查", "en": "re-checking"})
            course = known.course(self._clock())
            self._may(known, course, person, wish)
            values = self._values(tx, known, course, person, wish)
            self._write_in(tx, person, scope, [Write("recheck", new, scope, values)])
            known.rechecks.append(Recheck.of(new, values))
            after = known.course(self._clock())
            tx.note(
                self.now(),
                person,
                "recheck",
                id,
                owner=project,
                record=id,
                result=wish.result,
                recheck=new,
                state=after.state,
            )
        return Written(new, after.state, after.pending is not None)

    @staticmethod
    def _may(known: _Known, course: rectify.Course, person: str, wish: Wish) -> None:
        """What speaks against deciding so now."""
        code = known.finding.code
        steps = [(s.id, s.seq) for s in (*known.actions, *known.rechecks)]
        if wish.seen != mark_of((known.finding.id, known.finding.seq), steps):
            raise Trouble(6440, code=code)
        if (
            not rectify.self_check(known.finding, known.inspection, known.orgs)
            and known.orgs.get(person) == known.finding.org_id
        ):
            raise Trouble(6443, code=code)
        pending = course.pending
        if pending is not None and pending.result == wish.result and person in pending.officers:
            raise Trouble(6441, code=code, result=_word(wish.result))
        if wish.result == "closed" and not course.over and (what := lacks_report(course, known.actions, known.photos)):
            raise Trouble(6442, code=code, what=what)

    def _values(self, tx: Tx, known: _Known, course: rectify.Course, person: str, wish: Wish) -> dict[str, Any]:
        faults = faults_of(wish, rectify.day(datetime.fromisoformat(self.now())), confirms(course, wish.result))
        if faults:
            raise refused(faults)
        at = self.now()
        done = [a for a in known.actions if a.done and not a.deleted]
        opinion = wish.opinion.strip() or AGREED[wish.lang if wish.lang in AGREED else "zh"]
        values: dict[str, Any] = {
            "finding_id": known.finding.id, "at": at, "result": wish.result, "opinion": opinion, "officers": [self._officer(tx, person)],
        }  # fmt: skip
        if done:
            values["action_id"] = max(done, key=lambda a: (a.at, a.id)).id
        if course.over:
            values["second_look"] = True
        if wish.result == "keep" and wish.next_deadline is not None:
            values["next_deadline"] = wish.next_deadline.isoformat()
        if wish.result == "refer":
            values["referred_to"] = wish.referred_to.strip()
        return values

    def _officer(self, tx: Tx, person: str) -> dict[str, Any]:
        """The inspector, with the enforcement certificate that is valid today, if there is one."""
        found = tx.load("person", [person])
        out: dict[str, Any] = {
            "person_id": person, "duty": "inspector", "name": str(found[0].values.get("name", "")) if found else person[:8],
        }  # fmt: skip
        today = rectify.day(datetime.fromisoformat(self.now())).isoformat()
        home = f"{self.home(tx)}.{Audience.ORGANISATION.value}"
        held = [
            q.values for q in tx.of_scope("person_qualification", home, person_id=person)
            if not q.values.get("deleted") and q.values.get("kind") == "enforcement"
            and q.values["valid_from"] <= today <= (q.values.get("valid_to") or "9999")
        ]  # fmt: skip
        if held:
            out["certificate_no"] = str(max(held, key=lambda v: v["valid_from"])["number"])[:200]
        return out


def confirms(course: rectify.Course, result: str) -> bool:
    """Would this result be the second of two?"""
    return course.pending is not None and course.pending.result == result


def faults_of(wish: Wish, today: date, second: bool) -> list[Fault]:
    """What is missing or wrong. `second`: the first inspector has said why; the second may leave it at that. Pure."""
    out = []
    if wish.result not in RESULTS:
        out.append(
            Fault(
                "result",
                "选择销号、继续整改或移送",
                "Choose to close it, to have it rectified further, or to send it on",
            )
        )
    if not wish.opinion.strip() and not second:
        out.append(Fault("opinion", "写明复查看到的情况和意见", "Say what the re-check saw and what you think of it"))
    if len(wish.opinion) > LONGEST:
        out.append(Fault("opinion", f"最多 {LONGEST} 个字", f"at most {LONGEST} characters"))
    if wish.result == "keep" and wish.next_deadline is None:
        out.append(Fault("next_deadline", "写明下次整改期限", "Give the next deadline"))
    if wish.result == "keep" and wish.next_deadline is not None and wish.next_deadline < today:
        out.append(Fault("next_deadline", "期限已经过了，填今天或以后", "The day has passed; give today or later"))
    if wish.result == "refer" and not wish.referred_to.strip():
        out.append(Fault("referred_to", "写明移送给哪个单位", "Say whom it is sent on to"))
    if len(wish.referred_to) > 200:
        out.append(Fault("referred_to", "最多 200 个字", "at most 200 characters"))
    return out


def lacks_report(
    course: rectify.Course, actions: Sequence[CorrectiveAction], photos: Sequence[Photo]
) -> dict[str, str] | None:
    """What keeps a finding from being closed at a desk, in both languages; None: nothing. Pure."""
    if course.state != "reported":
        return {"zh": "还没有申报整改完成", "en": "nothing has been reported done yet"}
    subjects = {a.id for a in actions if not a.deleted}
    of_action = any(p.subject_id in subjects and p.step in DONE and not p.deleted for p in photos)
    if not of_action and not any(p.step == "rectified" and not p.deleted for p in photos):
        return {"zh": "没有整改后的照片或文件", "en": "there is no photo or document of what was done"}
    return None


def _word(result: str) -> dict[str, str]:
    found = codes("recheck_result")[result]
    return {"zh": found.zh, "en": found.en}


def _known(tx: Tx, id: str, scope: str) -> _Known:
    """Raises Trouble 2004, also for what lies in another scope or was voided."""
    finding = _one(tx, "finding", id, scope)
    inspection = _one(tx, "inspection", str(finding.values.get("inspection_id", "")), scope)
    actions = [
        CorrectiveAction.of(s.id, s.values, s.seq) for s in _alive(tx, "corrective_action", scope, finding_id=id)
    ]
    rechecks = [Recheck.of(s.id, s.values, s.seq) for s in _alive(tx, "recheck", scope, finding_id=id)]
    subjects = [id, str(finding.values.get("answer_id") or ""), *(s.id for s in (*actions, *rechecks))]
    photos = [Photo.of(s.id, s.values, s.seq) for x in subjects if x for s in _alive(tx, "photo", scope, subject_id=x)]
    seen = Inspection.of(inspection.id, inspection.values, inspection.seq)
    people = {o.person_id for r in rechecks for o in r.officers} | {o.person_id for o in seen.officers}
    orgs = _Orgs(tx)
    orgs.ask(people)
    return _Known(Finding.of(finding.id, finding.values, finding.seq), seen, actions, rechecks, photos, orgs)


class _Orgs(dict[str, str]):
    """Person → organisation, read as far as it is asked for."""

    def __init__(self, tx: Tx) -> None:
        super().__init__()
        self._tx = tx

    def ask(self, people: Iterable[str]) -> None:
        found = self._tx.load("person", [p for p in people if p not in self])
        self.update({s.id: str(s.values.get("org_id", "")) for s in found})

    def get(self, person: str, default: Any = None) -> Any:
        if person not in self:
            self.ask([person])
        return super().get(person, default)


def _one(tx: Tx, type: str, id: str, scope: str) -> Stored:
    found = tx.load(type, [id]) if id and "\0" not in id else []
    if not found or found[0].scope != scope or found[0].values.get("deleted"):
        raise Trouble(2004)
    return found[0]


def _alive(tx: Tx, type: str, scope: str, **equal: str) -> list[Stored]:
    return [s for s in tx.of_scope(type, scope, **equal) if not s.values.get("deleted")]
