"""Review 待审核 → 通过 / 退回: a fold over decisions that are only ever added. Both sides ask it: pages, reports, tablets.

Nothing stores the state. A decision names the version (seq) of the record it is about; whatever is finished anew has a
higher seq and waits again. Sources: HJ 164-2020 10.3.5 (several levels of review), RECORDS (back needs a reason, reviewer
is not the recorder, level 2 only after level 1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.records.review_decision import ReviewDecision

PASS, BACK = "pass", "back"
LEVELS = (1, 2, 3)
FIELDWORKERS = frozenset({"sampler", "inspector", "dispatcher"})
LONGEST_REASON = 2000

# What people record in the field and finish there. Not among them:
# - photos and remarks (audience SUBJECT): a photo is looked at with the record it shows, a remark is only talk;
# - instruments and vehicles (audience ORGANISATION): reference data of every project, nobody's fieldwork;
# - what is frozen once it is sent (a leg of a manifest): it cannot be done again; its manifest can be returned;
# - facilities and tasks: a register, and a job that is answered, not done again;
# - what only project managers write (plans, sites, people): approving a plan is another act.
REVIEWED: frozenset[str] = frozenset(
    name
    for name, cls in TYPES.items()
    if FIELDWORKERS & set(cls.about.writers)
    and cls.about.audience not in (Audience.SUBJECT, Audience.ORGANISATION)
    and not cls.about.frozen
    and name not in ("facility", "field_task")
)

State = Literal["waiting", "passed", "returned"]


class ReviewState(NamedTuple):
    """`last`: the decision this state stands on; of a record that waits, the last one about an earlier version, if any.
    `level`: up to which level this version was passed; 0 = none."""

    state: State
    level: int = 0
    last: ReviewDecision | None = None

    @property
    def again(self) -> bool:
        """It waits because it was done again after it had been returned."""
        return self.state == "waiting" and self.last is not None and self.last.state == BACK


WAITING = ReviewState("waiting")


def in_order(decisions: Iterable[ReviewDecision]) -> list[ReviewDecision]:
    """As they came in; what the server does not have yet is the newest. Remarks and voided ones are left out."""
    said = [d for d in decisions if not d.deleted and d.state in (PASS, BACK)]
    return sorted(said, key=lambda d: (d.seq == 0, d.seq, d.at, d.id))


def last_seq(decisions: Iterable[ReviewDecision]) -> int:
    """Of the newest decision; 0 where there is none."""
    return max((d.seq for d in in_order(decisions)), default=0)


def state_of(
    seq: int, decisions: Iterable[ReviewDecision], recorders: Collection[str] = (), answered: int = 0
) -> ReviewState:
    """The state of a record at version `seq`. `recorders`: who made or changed it; what one of them decides about it does
    not count. `answered`: the highest seq of a photo of it: a photo that came after a return answers it, because it leaves
    the record itself as it was.

    A pass is about exactly the version it names; a return stands until the record is changed. Each level speaks for
    itself: returned by any is returned."""
    said = [d for d in in_order(decisions) if d.person_id not in recorders]
    latest: dict[int, ReviewDecision] = {}
    for d in said:
        if _about(d, seq):
            latest[d.level] = d
    back = [d for d in latest.values() if d.state == BACK]
    if back:
        last = in_order(back)[-1]
        return ReviewState("waiting" if 0 < last.seq < answered else "returned", 0, last)
    level = 0
    while (level + 1) in latest:
        level += 1
    if level:
        return ReviewState("passed", level, latest[level])
    return ReviewState("waiting", 0, said[-1] if said else None)


def _about(d: ReviewDecision, seq: int) -> bool:
    """A pass of a version nobody has seen yet would pass whatever comes: it must name the very one."""
    if not isinstance(d.record_seq, int):
        return False
    return d.record_seq == seq if d.state == PASS else d.record_seq >= seq


class Subject(NamedTuple):
    """A record as it stands when somebody decides about it."""

    type: str
    id: str
    seq: int
    deleted: bool
    recorders: frozenset[str]  # persons
    decisions: Sequence[ReviewDecision]
    answered: int = 0


def made_before(s: Subject, person: str, seq: int, state: str, reason: str, level: int) -> bool:
    """Is this decision there already, as the last word of its level about this version? A double click is no second one."""
    own = [d for d in in_order(s.decisions) if d.level == level and _about(d, s.seq)]
    if not own:
        return False
    d = own[-1]
    return (d.person_id, d.record_seq, d.state, d.reason or "") == (person, seq, state, reason) and not (
        state == BACK and 0 < d.seq < s.answered
    )


def refusal(s: Subject, person: str, seq: int, state: str, reason: str, level: int = 1) -> Trouble | None:
    """Why this person may not decide so about this version, or None. What it is called is for whoever tells it."""
    if s.type not in REVIEWED:
        about = TYPES[s.type].about if s.type in TYPES else None
        return Trouble(3114, type={"zh": about.zh, "en": about.en} if about else s.type)
    if s.deleted:
        return Trouble(3112)
    if seq != s.seq:
        return Trouble(3110)
    if person in s.recorders:
        return Trouble(3111)
    if state not in (PASS, BACK) or level not in LEVELS:
        return Trouble(1001, why={"zh": "没有这种审核结论", "en": "there is no such decision"})
    if state == BACK and not reason.strip():
        return no_reason()
    now = state_of(s.seq, s.decisions, s.recorders, s.answered)
    if state == PASS and level > now.level + 1:
        return Trouble(3115, level=level, before=level - 1)
    if state == PASS and now.state == "passed" and now.level >= level:
        return Trouble(3113)
    return None


def no_reason() -> Trouble:
    zh, en = "退回要写明重做什么", "Say what is to be done again"
    return Trouble(3001, {"faults": [{"field": "reason", "zh": zh, "en": en}]}, faults={"zh": zh, "en": en})
