"""Leads become tasks: imported, assigned, changed, sent out again, withdrawn. One transaction each, with a line in the log.

A task is frozen once it is answered (6455): what somebody saw there stays as it was asked. Where somebody has to go again, a new task
is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.rules.rectify import day
from sync_server.access import INSPECTOR
from sync_server.service.base import Write
from sync_server.service.planning import Planning, refused
from sync_server.store import Stored, Tx, Values

TASK = "field_task"
ANSWER = frozenset({"outcome", "outcome_text", "visited_at", "answered_by"})
# what a task made anew of an answered one begins without
_OF_ONE = ANSWER | {"code", "assigned_to", "due_on", "deleted", "void_reason", "late_entry_reason", "note"}


class Brought(NamedTuple):
    """`codes`: of the tasks that were made; `known`: leads that were tasks already."""

    codes: list[str]
    known: int


class Leads(Planning):
    def import_leads(self, person: str, project: str, leads: Sequence[Values], file: str) -> Brought:
        """Each lead that is not a task yet becomes one, in the order of the file. Raises Trouble 2003, 2004, 3001, 3003."""
        scope, made = _scope(project), []
        with self.store.writing() as tx:
            known = {same_key(t.values) for t in self._all_tasks(tx, scope)}
            codes = self._task_codes(tx, scope)
            for values in leads:
                key = same_key(values)
                if key not in known:
                    known.add(key)
                    made.append(Write(TASK, self.new_id(), scope, {**values, "code": next(codes)}))
            if made:
                self._write_in(tx, person, scope, made)
                tx.note(
                    self.now(), person, "task_import", made[0].id, owner=project, file=file[:200], tasks=len(made), known=len(leads) - len(made)
                )  # fmt: skip
        return Brought([w.values["code"] for w in made], len(leads) - len(made))

    def known_leads(self, project: str) -> set[tuple[str, ...]]:
        """What tells the leads apart that are tasks already."""
        with self.store.reading() as tx:
            return {same_key(t.values) for t in tx.of_scope(TASK, _scope(project)) if not t.values.get("deleted")}

    def assign_tasks(
        self, person: str, project: str, tasks: Mapping[str, int], people: Sequence[str], due_on: str
    ) -> list[str]:
        """`tasks`: id → seq as it was seen; `people`: in the place of those there were, none: as it is; "" due_on: as it is. Their codes.

        Raises Trouble 2003, 2004, 3001, 3122, 6455, 6456."""
        scope = _scope(project)
        if not tasks:
            raise Trouble(6456)
        with self.store.writing() as tx:
            found = [self._open_task(tx, scope, id, seq) for id, seq in tasks.items()]
            self._fit_task(tx, project, people, due_on)
            change: Values = {"assigned_to": list(dict.fromkeys(people))} if people else {}
            change |= {"due_on": due_on} if due_on else {}
            if not change:
                raise refused([Fault("assigned_to", "选承办人，或定期限", "Choose people, or set the day")])
            self._write_in(tx, person, scope, [Write(TASK, t.id, scope, {**t.values, **change}) for t in found])
            tx.note(
                self.now(), person, "task_assign", found[0].id, owner=project, tasks=len(found), person=people[0] if len(people) == 1 else None,
                people=len(people) if len(people) > 1 else None, due_on=due_on or None,
            )  # fmt: skip
        return [str(t.values["code"]) for t in found]

    def keep_task(self, person: str, project: str, id: str, values: Values, seen: int) -> None:
        """A task changed on its page; its code and its answer stay. Raises Trouble 2003, 2004, 3001, 3122, 6455."""
        scope = _scope(project)
        with self.store.writing() as tx:
            old = self._open_task(tx, scope, id, seen)
            people = [p for p in values.get("assigned_to") or () if p not in (old.values.get("assigned_to") or ())]
            due = str(values.get("due_on") or "")
            self._fit_task(tx, project, people, "" if due == old.values.get("due_on") else due)
            new = {k: v for k, v in values.items() if k not in ANSWER and k != "code"}
            self._write_in(tx, person, scope, [Write(TASK, id, scope, {**new, "code": old.values["code"]})])
            tx.note(self.now(), person, "task_edit", id, owner=project)

    def send_again(self, person: str, project: str, id: str, seen: int) -> str:
        """A new task of an answered one, not assigned yet. Raises Trouble 2003, 2004, 3122. Returns its id."""
        scope, new = _scope(project), self.new_id()
        with self.store.writing() as tx:
            old = self._task_at(tx, scope, id, seen)
            code = next(self._task_codes(tx, scope))
            values = {k: v for k, v in old.values.items() if k not in _OF_ONE}
            note = {"zh": f"承接 {old.values['code']}", "en": f"follows {old.values['code']}"}
            values |= {"code": code, "note": f"{note['zh']} / {note['en']}"}
            self._write_in(tx, person, scope, [Write(TASK, new, scope, values)])
            tx.note(self.now(), person, "task_again", new, owner=project, record=id)
        return new

    def withdraw_task(self, person: str, project: str, id: str, seen: int, reason: str) -> None:
        """Raises Trouble 2003, 2004, 3001, 3122, 6455."""
        scope = _scope(project)
        if not reason.strip():
            raise refused([Fault("void_reason", "写明为什么撤回", "Say why it is withdrawn")])
        with self.store.writing() as tx:
            old = self._open_task(tx, scope, id, seen)
            values = {**old.values, "deleted": True, "void_reason": reason.strip()[:500]}
            self._write_in(tx, person, scope, [Write(TASK, id, scope, values)])
            tx.note(self.now(), person, "task_withdraw", id, owner=project, reason=reason.strip()[:200])

    def inspectors(self, project: str) -> list[tuple[str, str]]:
        """(person, name) of those a task can be given to."""
        with self.store.reading() as tx:
            ids = [p for p, _, role in tx.all_memberships(project) if role == INSPECTOR]
            rows = [p for p in tx.load("person", ids) if not p.values.get("deleted")]
        return sorted(((p.id, str(p.values.get("name", ""))) for p in rows), key=lambda x: (x[1], x[0]))

    def stored_task(self, project: str, id: str) -> Stored:
        """Raises Trouble 2004, also for one of another project. Who may see it has been asked."""
        with self.store.reading() as tx:
            found = (
                [t for t in tx.load(TASK, [id]) if t.scope == _scope(project) and not t.values.get("deleted")]
                if "\0" not in id
                else []
            )
        if not found:
            raise Trouble(2004)
        return found[0]

    # --- shared ------------------------------------------------------------------------------------------------------

    def _all_tasks(self, tx: Tx, scope: str) -> list[Stored]:
        """Those that are not voided, under the scope's lock. Raises Trouble 2004."""
        if tx.scope(scope, lock=True) is None:
            raise Trouble(2004)
        return [t for t in tx.of_scope(TASK, scope) if not t.values.get("deleted")]

    def _task_codes(self, tx: Tx, scope: str) -> Iterator[str]:
        """The next numbers of today: RW-20261128-001 and on, voided ones never given again."""
        today = f"RW-{day(self._clock()):%Y%m%d}-"
        taken = [str(t.values.get("code", "")) for t in tx.of_scope(TASK, scope)]
        last = max(
            (int(c[len(today) :]) for c in taken if c.startswith(today) and c[len(today) :].isdecimal()), default=0
        )
        return (f"{today}{n:03d}" for n in range(last + 1, last + 1_000_000))

    def _task_at(self, tx: Tx, scope: str, id: str, seen: int) -> Stored:
        if tx.scope(scope, lock=True) is None or "\0" in id:
            raise Trouble(2004)
        found = [t for t in tx.load(TASK, [id]) if t.scope == scope and not t.values.get("deleted")]
        if not found:
            raise Trouble(2004)
        if found[0].seq != seen:
            raise Trouble(3122, who=self._who_last(tx, id))
        return found[0]

    def _open_task(self, tx: Tx, scope: str, id: str, seen: int) -> Stored:
        found = self._task_at(tx, scope, id, seen)
        if found.values.get("outcome"):
            raise Trouble(6455, code=found.values["code"])
        return found

    def _fit_task(self, tx: Tx, project: str, people: Sequence[str], due_on: str) -> None:
        may = {p for p, _, role in tx.all_memberships(project) if role == INSPECTOR} if people else set()
        faults = []
        if any(p not in may for p in people):
            faults.append(
                Fault("assigned_to", "只能派给本项目的检查人员", "Tasks go to inspectors of this project only")
            )
        try:
            if due_on and date.fromisoformat(due_on) < day(self._clock()):
                faults.append(Fault("due_on", "办结期限已经过了", "This day has passed already"))
        except ValueError:
            faults.append(Fault("due_on", "日期写成 2026-12-15", "Write the date as 2026-12-15"))
        if faults:
            raise refused(faults)


def _scope(project: str) -> str:
    return f"{project}.{Audience.ENFORCEMENT.value}"


def _place_key(values: Mapping[str, Any]) -> str:
    """Where a lead is, to tell whether two are the same one."""
    at = values.get("position")
    if at:
        return f"{Decimal(str(at['lon'])).normalize():f} {Decimal(str(at['lat'])).normalize():f}"
    rings = (values.get("geometry") or {}).get("rings") or [[]]
    return " ".join(f"{Decimal(str(x)).normalize():f},{Decimal(str(y)).normalize():f}" for x, y in rings[0])


def same_key(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Two leads of one origin with one number are one lead; without a number those of one summary and one place are."""
    ref = str(values.get("source_ref") or "")
    return (
        (str(values.get("kind")), ref)
        if ref
        else (str(values.get("kind")), str(values.get("title")), _place_key(values))
    )
