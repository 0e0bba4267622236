"""What happened in an inspection, in order, for the overview of its package: the task it came from, the check, who signed or refused, each
finding with its measures and re-checks. Every line names its person and leads to the record. The state of a finding is that of
`rules/rectify`, with what is open about it; nothing here is proof, the records and chains are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.records.corrective_action import CorrectiveAction
from schemas.records.field_task import FieldTask
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.reference import Label, codes
from schemas.rules import rectify
from schemas.rules.onsite.signers import NOT_THERE
from schemas.values import Signature
from sync_server.proof.text import CHINA, both, own
from sync_server.store import Stored

# whose rows are wanted, by type
TYPES = ("field_task", "inspection", "checklist_answer", "finding", "corrective_action", "recheck", "photo", "person")


class Line(NamedTuple):
    """`at` None: when is not in the record. `what`: our own words; `said`: somebody's; `who`: names; `id`: of the record."""

    at: datetime | None
    what: Label
    said: str
    who: str
    id: str


class Part(NamedTuple):
    title: str
    id: str
    state: Label | None
    open: Sequence[Label]
    lines: Sequence[Line]


def parts(rows: Iterable[Stored], now: datetime) -> list[Part]:
    """The check itself first, by when it began, each with its task; then its findings by their code."""
    by_type: dict[str, list[Stored]] = {}
    for row in rows:
        by_type.setdefault(row.type, []).append(row)
    return list(_Course(by_type, now).parts())


class _Course:
    def __init__(self, rows: Mapping[str, Sequence[Stored]], now: datetime) -> None:
        self.rows, self.now = rows, now
        self.names = {s.id: str(s.values.get("name", "")) for s in rows.get("person", ())}
        self.orgs = {s.id: str(s.values.get("org_id", "")) for s in rows.get("person", ())}
        self.shots = [p for s in rows.get("photo", ()) if not (p := Photo.of(s.id, s.values)).deleted]
        self.pictures: dict[str, int] = {}
        for p in self.shots:
            self.pictures[p.subject_id] = self.pictures.get(p.subject_id, 0) + 1
        self.answers: dict[str, int] = {}
        for s in rows.get("checklist_answer", ()):
            id = str(s.values.get("inspection_id", ""))
            self.answers[id] = self.answers.get(id, 0) + 1

    def _of(self, cls: Any) -> list[Any]:
        return [cls.of(s.id, s.values) for s in self.rows.get(cls.about.type, ())]

    def parts(self) -> Iterator[Part]:
        tasks = {t.id: t for t in self._of(FieldTask)}
        findings: list[Finding] = sorted(self._of(Finding), key=lambda f: (f.code, f.id))
        actions: list[CorrectiveAction] = self._of(CorrectiveAction)
        rechecks: list[Recheck] = self._of(Recheck)
        inspections: list[Inspection] = sorted(self._of(Inspection), key=lambda i: (i.started_at, i.id))
        codes_ = {i.id: i.code for i in inspections}
        for i in inspections:
            lines = [*self._task(tasks.get(i.task_id or "")), *self._check(i, codes_)]
            yield Part(i.code, i.id, _VOID if i.deleted else None, (), sorted(lines, key=_when))
            for f in (f for f in findings if f.inspection_id == i.id):
                yield self._finding(
                    f, i, [a for a in actions if a.finding_id == f.id], [r for r in rechecks if r.finding_id == f.id]
                )

    def _task(self, task: FieldTask | None) -> Iterator[Line]:
        if task is None:
            return
        to = "、".join(self.names.get(p, "?") for p in task.assigned_to)
        yield Line(None, Label("任务", "Task"), f"{task.code} {task.title}", to, task.id)
        if task.outcome:
            said = codes("task_outcome").get(task.outcome, Label(task.outcome, task.outcome))
            what = Label(f"任务答复：{said.zh}", f"Task answered: {said.en}")
            who = self.names.get(task.answered_by or "", "")
            yield Line(task.visited_at, what, self._with(task.outcome_text or "", task.id), who, task.id)

    def _check(self, i: Inspection, codes_: Mapping[str, str]) -> Iterator[Line]:
        who = "、".join(o.name for o in i.officers)
        n = self.answers.get(i.id, 0)
        yield Line(
            i.started_at,
            Label(f"检查开始，共 {n} 项答案", f"Check begun, {n} answers"),
            self._with("", i.id),
            who,
            i.id,
        )
        if i.amends_id:
            before = codes_.get(i.amends_id, i.amends_id[:8])
            yield Line(
                i.started_at, Label("更正", "Amends"), " · ".join(x for x in (before, i.amend_reason) if x), who, i.id
            )
        for n_ in i.notices:
            said = codes("notice_kind").get(n_.kind, Label(n_.kind, n_.kind))
            yield Line(n_.read_at, said, n_.reply or "", who, i.id)
        if i.ended_at:
            yield Line(i.ended_at, Label("检查结束", "Check ended"), "", who, i.id)
        for s in i.signatures:
            yield Line(s.signed_at, _signed(s), s.refuse_reason or "" if s.way in NOT_THERE else "", s.name, i.id)

    def _finding(
        self, f: Finding, i: Inspection, actions: Sequence[CorrectiveAction], rechecks: Sequence[Recheck]
    ) -> Part:
        course = rectify.course_of(f, i, actions, rechecks, self.shots, self.orgs, now=self.now)
        said = (
            {a.id: a.measure_taken for a in actions}
            | {r.id: r.opinion or r.referred_to or "" for r in rechecks}
            | {f.id: f.description}
        )
        lines = [
            Line(s.at, s.words if s.counts else Label(f"{s.words.zh}（不作数）", f"{s.words.en} (does not count)"),
                 self._with(said.get(s.id, ""), s.id), "、".join(s.who), s.id)
            for s in course.steps
        ]  # fmt: skip
        state = _VOID if f.deleted else STATES.get(course.state, Label(course.state, course.state))
        return Part(f.code, f.id, state, [Label(q.zh, q.en) for q in course.open], lines)

    def _with(self, said: str, id: str) -> str:
        """And how many photos there are of it."""
        n = self.pictures.get(id, 0)
        return f"{said}（照片 {n} 张 · {n} photos）".strip() if n else said


_VOID = Label("已作废", "voided")
STATES: Mapping[str, Label] = {
    "issued": Label("已下达", "issued"),
    "rectifying": Label("整改中", "under way"),
    "reported": Label("已报完成，待复查", "reported done, to be re-checked"),
    "closed": Label("已销号", "closed"),
    "referred": Label("已移送", "referred"),
}

_TONES = {"closed": "good", "referred": "dim", "voided": "bad"}


def _signed(s: Signature) -> Label:
    way = codes("sign_kind").get(s.way, Label(s.way, s.way))
    role = codes("signoff_kind").get(s.role, Label(s.role, s.role))
    return Label(f"{role.zh}：{way.zh}", f"{role.en}: {way.en}")


def _when(line: Line) -> tuple[bool, float]:
    return line.at is not None, line.at.timestamp() if line.at else 0.0


def section(found: Sequence[Part], links: bool) -> str:
    """HTML; "" where there is nothing to tell. `links`: the records stand on the same page."""
    if not found:
        return ""
    head = both("经过", "What happened")
    note = both(
        "按记录里写的时间排列；谁交来、何时送到，见各条记录的变更。",
        "In the order of the times in the records; who handed each in, and when it came, is told with each record.",
    )
    told = "".join(_part(p, links) for p in found)
    return f'<section class="course"><h2>{head}</h2><p class="note">{note}</p>{told}</section>'


def _part(p: Part, links: bool) -> str:
    state = f' <span class="tag {_TONES.get(p.state.en, "warn")}">{both(*p.state)}</span>' if p.state else ""
    asks = "".join(f"<li>▲ {own(q.zh)} {own(q.en)}</li>" for q in p.open)
    lines = "".join(_line(x, links) for x in p.lines)
    open_ = f"<ul>{asks}</ul>" if asks else ""
    return f"<h3>{_to(p.title, p.id, links)}{state}</h3>{open_}<ol>{lines}</ol>"


def _line(x: Line, links: bool) -> str:
    at = f"{x.at.astimezone(CHINA):%Y-%m-%d %H:%M}" if x.at else ""
    said = f" · {own(x.said)}" if x.said else ""
    who = f" · {own(x.who)}" if x.who else ""
    what = both(*x.what)
    if links:
        what = f'<a href="#r-{x.id}">{what}</a>'
    return f"<li>{at} {what}{who}{said}</li>"


def _to(title: str, id: str, links: bool) -> str:
    return f'<a href="#r-{id}">{own(title)}</a>' if links else own(title)
