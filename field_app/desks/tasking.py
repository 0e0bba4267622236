"""核查任务: leads to go and look at, where they are, and the answer that is being written.

The answer is a draft at every edit (of the task's own record) and comes back after a kill; finishing it puts the answer and its photos into
the journal in one transaction. A check begun from a task names it.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import flet as ft

from field_app.clock import CHINA
from field_app.desks import leads
from field_app.desks.leads import Open, Task
from field_app.desks.snapping import Snapping, Target
from field_app.store import Edit, Seen
from field_app.store.rows import values_of
from field_app.words import WORDS, both
from schemas.rules.checklists import model

UI = "_task"  # of the draft what is no field of it: that it is an answer
ANSWER = ("outcome", "outcome_text", "visited_at", "answered_by")
SEEN = ("confirmed", "partly", "not_found")  # outcomes of somebody who was there
Values = dict[str, Any]


class Lack(NamedTuple):
    code: str
    words: tuple[str, str]


@ft.observable
class Tasking(Snapping):
    _open: Open | None = None
    _missing = ""
    _asked = 0
    _finishing = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._board: tuple[Task, ...] | None = None  # None: not looked yet
        self._values: Values = {}
        self._begun = False

    board = property(lambda self: self._board)
    open_ = property(lambda self: self._open)
    missing = property(lambda self: self._missing)
    values = property(lambda self: self._values)
    begun = property(lambda self: self._begun)
    finishing = property(lambda self: self._finishing)

    def forget(self) -> None:
        """Another person has the tablet."""
        self.lens.shut()
        self._asked += 1
        self._board = None
        self._clear()

    def _clear(self) -> None:
        self._open, self._values, self._photos, self._begun, self._fault = None, {}, {}, False, None
        self._missing, self._finishing = "", False

    # --- the board -----------------------------------------------------------------------------------------------

    async def read(self) -> None:
        begun = await self._host._do(self._drafted_ids)
        skip = self._host.records._elsewhere()
        self._board = await asyncio.to_thread(leads.read, self._store, self._who(begun), skip)
        self._changed()

    def _drafted_ids(self) -> frozenset[str]:
        return frozenset(d.id for d in self._store.drafts("field_task") if UI in d.values)

    def _who(self, began: frozenset[str]) -> leads.Who:
        identity, fix = self._store.identity, self._host.here.fix
        today = self._host.now().astimezone(CHINA).date()
        return leads.Who(identity.person if identity else "", today, (fix.lon, fix.lat) if fix else None, began)

    # --- one task ------------------------------------------------------------------------------------------------

    async def open(self, task: str) -> None:
        """The task and the answer that was begun. Reads anew what may have come since."""
        self._asked = mine = self._asked + 1
        fresh = self._open is None or self._open.task.id != task
        draft, children = await self._host._do(self._drafted, task)
        who = self._who(frozenset([task] if draft is not None else []))
        found = await asyncio.to_thread(leads.one, self._store, task, who, self._host.book.project_id)
        if mine != self._asked:
            return
        if found is None or fresh:
            self._clear()
        if found is None:
            self._missing = task
            self._changed()
            return
        if fresh and draft is not None:
            self._values = {n: v for n, v in draft.values.items() if n in ANSWER}
            self._photos, self._begun = {c.id: c.values for c in children if c.type == "photo"}, True
        self._open = found
        await self._load_thumbs(
            [p.values["sha256"] for p in found.shots] + [p["sha256"] for p in self._photos.values()]
        )
        if mine == self._asked:
            self._changed()

    def _drafted(self, task: str) -> tuple[Seen | None, list[Seen]]:
        draft = next((d for d in self._store.drafts("field_task") if d.id == task and UI in d.values), None)
        return draft, self._store.drafts(parent=task)

    # --- the answer ----------------------------------------------------------------------------------------------

    def put(self, **values: Any) -> None:
        merged = {**self._values, **values}
        self._values = {n: v for n, v in merged.items() if v not in (None, "")}
        self._begin()
        self._changed()

    def choose(self, outcome: str) -> None:
        """What it came to; who was there was there at the latest now."""
        self.put(outcome=outcome)
        if outcome in SEEN:
            self._arrived()

    def arrive(self) -> None:
        """I am there."""
        self.put(visited_at=self._host.now().isoformat(timespec="seconds"))

    def _arrived(self) -> None:
        if not self._values.get("visited_at"):
            self.arrive()

    def _shot(self) -> None:
        if self._photos:
            self._arrived()

    def phrase(self, text: str) -> None:
        now = str(self._values.get("outcome_text") or "")
        self.put(outcome_text=now.replace(text, "").strip("；; ") if text in now else f"{now}；{text}" if now else text)

    def _begin(self) -> None:
        if self._open is not None:
            self._begun, task = True, self._open.task
            self._host._write(self._store.save_draft, "field_task", task.id, task.scope, {**self._values, UI: {}})

    def _target(self) -> Target | None:
        if self._open is None:
            return None
        task = self._open.task
        return Target("field_task", task.id, task.scope, task.id, task.code)

    async def drop(self) -> None:
        """What was begun is thrown away; the pictures stay as files."""
        if self._open is None:
            return
        task = self._open.task.id
        self.lens.shut()
        await self.settled()
        for record in (*self._photos, task):
            await self._host._do(self._store.drop_draft, record)
        self._clear()
        await self.open(task)

    def lacks(self) -> list[Lack]:
        v, outcome = self._values, self._values.get("outcome")
        if not outcome:
            return [Lack("outcome", WORDS["task.lack.outcome"])]
        out = []
        there = [p for p in (self._open.shots if self._open else ()) if p.values.get("step") == "visited"]
        if outcome in SEEN and not self._photos and not there:
            out.append(Lack("photo", WORDS["task.lack.photo"]))
        if not v.get("outcome_text"):
            out.append(Lack("text", WORDS["task.lack.why" if outcome == "not_reached" else "task.lack.text"]))
        return out

    async def finish(self) -> None:
        """Answer and photos in one transaction, or nothing and the reason."""
        shown = self._open
        if shown is None or self._finishing or self.lacks():
            return
        self._finishing = True
        self._changed()
        try:
            await self.settled()
            await self._host._do(self._finalize, shown.task)
        finally:
            self._finishing = False
            self._changed()
        self.lens.shut()
        self._clear()
        await self._host.load()
        self._host.back()
        self._host.tell("done", both("task.done", code=shown.task.code))

    def _finalize(self, task: Task) -> None:
        store = self._store
        seen, me = store.get("field_task", task.id), store.keys.require().person
        answer = {n: self._values.get(n) for n in ANSWER}
        values = {**(seen.values if seen is not None else task.values), **answer, "answered_by": me}
        photos = [Edit("photo", id, task.scope, dict(v)) for id, v in self._photos.items()]
        # what a lead lacks is not asked of whoever went there
        store.finalize([Edit("field_task", task.id, task.scope, values_of(values)), *photos], complete=False)

    # --- a check from it -----------------------------------------------------------------------------------------

    @property
    def check(self) -> str:
        """The check begun from this task and not signed yet; "" where there is none."""
        task = self._open.task.id if self._open is not None else ""
        return next((b.id for b in self._host.checks.board.begun if b.task_id == task), "")

    def begin_check(self, list: model.Checklist) -> None:
        """On this list, about what the task is about."""
        shown, host = self._open, self._host
        if shown is None:
            return
        v = shown.task.values
        given = {n: v[n] for n in ("org_id", "point_id") if v.get(n)}
        id = host.checking.begin(list.kind, list, v.get("site_id") or host.book.site_id, task_id=shown.task.id, **given)
        if id:
            host.go("item", id=id, code=host.checking.at)
