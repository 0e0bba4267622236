"""What a person decides about what came in: conflicts, parked changes, and what a restore lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.merge import whole_atoms
from schemas.problems import Trouble
from schemas.records import TYPES, check
from schemas.rows import refs_of
from schemas.wire import ACCEPTED, ConflictNow, Hand, Outcome, SeenHead
from sync_server.access import may_decide, may_read
from sync_server.applying import Applying, Verdict, accepted, fit_to_keep
from sync_server.service.base import Caller
from sync_server.service.waiting import Unexplained, Waiting
from sync_server.store import DeviceKey, Journaled, ScopeRow, Stored, Tx, Values

LONGEST_REASON = 2000


class Side(NamedTuple):
    """Where a value came from. `key`: of the device; None: written on the server."""

    line: Journaled
    key: DeviceKey | None


class ConflictTold(NamedTuple):
    now: ConflictNow
    record: Stored  # the conflict itself
    subject: Stored
    now_side: Side | None  # of a decided one, the value that stood there; None: several changes made it
    after_side: Side | None


class Deciding(Waiting):
    def resolve(self, person: str, conflict_id: str, choice: str, reason: str, value: Values | None = None) -> None:
        """Decide a conflict: keep_now, take_after or set_value. A project manager does, in the organisation's scope an
        administrator. The same decision by the same person once more is no second one. Raises Trouble 1001, 2003, 2004,
        3001, 3101."""
        with self.store.writing() as tx:
            self._resolve(tx, person, conflict_id, choice, reason, value)

    def decide_conflict(
        self, caller: Caller, conflict_id: str, choice: str, reason: str, value: Values | None = None
    ) -> ConflictNow:
        """`resolve` for whoever the token speaks for. Raises also Trouble 2005, 2010."""
        with self.store.writing() as tx:
            if caller.enrolment:
                self._live_key(tx, caller.enrolment)
            self._resolve(tx, caller.person, conflict_id, choice, reason, value)
        return self.conflict(caller, conflict_id)

    def _resolve(self, tx: Tx, person: str, conflict_id: str, choice: str, reason: str, value: Values | None) -> None:
        where = tx.types_of([conflict_id]).get(conflict_id)
        if where is None or where[0] != "conflict":
            raise Trouble(2004)
        scope, roles = self._place(tx, person, where[1])
        if not may_decide(roles, scope.audience):
            raise Trouble(2003, what={"zh": "裁决冲突", "en": "deciding conflicts"})
        (found,) = tx.load("conflict", [conflict_id])  # under the lock: somebody may have decided it meanwhile
        work = self._applying(tx, scope.id)
        work.fetch({found.values["subject_id"], conflict_id})
        if self._decided_so(work, found, person, choice, reason, value):
            return
        work.resolve(found, choice, reason, person, value)
        work.finish()
        v = found.values
        tx.note(self.now(), person, "resolve", conflict_id, owner=self._project_of(scope), choice=choice, reason=reason,
                type=v["subject_kind"], record=v["subject_id"])  # fmt: skip

    def _decided_so(
        self, work: Applying, found: Stored, person: str, choice: str, reason: str, value: Values | None
    ) -> bool:
        """Is this the decision that was made already? Its answer may have been lost."""
        said = (found.values.get("choice"), found.values.get("decided_by"), found.values.get("reason"))
        if said != (choice, person, reason):
            return False
        subject = work.seen(found.values["subject_id"])
        return choice != "set_value" or (
            subject is not None and all(subject.values.get(k) == v for k, v in (value or {}).items())
        )

    def conflict(self, caller: Caller, conflict_id: str) -> ConflictNow:
        """Both values, and whose they are. Raises Trouble 2004, 2005, 2010."""
        with self.store.reading() as tx:
            if caller.enrolment:
                self._live_key(tx, caller.enrolment)
            where = tx.types_of([conflict_id]).get(conflict_id)
            scope = tx.scope(where[1]) if where is not None and where[0] == "conflict" else None
            roles = self._roles(tx, caller.person, scope.owner, scope.audience) if scope else frozenset[str]()
            if scope is None or not may_read(roles, scope.audience):
                raise Trouble(2004)
            (found,) = tx.load("conflict", [conflict_id])
            v = found.values
            (subject,) = tx.load(v["subject_kind"], [v["subject_id"]])
            after: Values = json.loads(v["after"])
            now = {k: subject.values.get(k) for k in after}
            return ConflictNow(
                id=conflict_id, scope=scope.id, subject_kind=v["subject_kind"], subject_id=v["subject_id"], now=now,
                after=after, now_by=self._who_made(tx, subject.id, now),
                after_by=self._hand(tx, tx.journaled([v["change_id"]]).get(v["change_id"])),
                choice=v.get("choice"), may_decide=may_decide(roles, scope.audience),
            )  # fmt: skip

    def conflict_told(self, caller: Caller, conflict_id: str) -> ConflictTold:
        """`conflict` with all that is known of how both values came about. Raises Trouble 2004."""
        now = self.conflict(caller, conflict_id)
        with self.store.reading() as tx:
            (found,) = tx.load("conflict", [conflict_id])
            (subject,) = tx.load(now.subject_kind, [now.subject_id])
            later = tx.journaled([found.values["change_id"]]).get(found.values["change_id"])
            if now.choice is None:
                first = self._line_that_made(tx, subject.id, now.now)
            else:  # whose value stood there when the later one came
                first = self._line_that_made(tx, subject.id, json.loads(found.values["now"]), later)
            lines = (first, later)
            keys = {j.enrolment: tx.key(j.enrolment) for j in lines if j is not None}
        sides = tuple(Side(j, keys.get(j.enrolment)) if j is not None else None for j in lines)
        return ConflictTold(now, found, subject, *sides)

    def _who_made(self, tx: Tx, record: str, now: Values) -> Hand | None:
        return self._hand(tx, self._line_that_made(tx, record, now))

    def _line_that_made(self, tx: Tx, record: str, now: Values, before: Journaled | None = None) -> Journaled | None:
        """The change that made these fields what they are: the last one that was taken and touched any of them, if it wrote
        all of today's values. One that met a conflict itself may have left them as they were. `before`: only what came in
        front of that change."""
        lines = tx.history(record)
        if before is not None:
            lines = lines[: next((n for n, j in enumerate(lines) if j.id == before.id), len(lines))]
        for j in reversed(lines):
            try:
                after = change.decode(j.line).after
            except NotCanonical:
                continue
            if j.outcome in ACCEPTED and after.keys() & now.keys():
                if {k: after.get(k) for k in now} == now:
                    return j
                if j.outcome == Outcome.APPLIED:
                    return None
        return None

    def _hand(self, tx: Tx, j: Journaled | None) -> Hand | None:
        if j is None:
            return None
        try:
            made = change.decode(j.line)
        except NotCanonical:
            return None
        person, key = tx.load("person", [made.by]), tx.key(j.enrolment)
        name = person[0].values["name"] if person else ""
        return Hand(
            person=made.by, person_name=name, device_code=key.device_code if key else "", at=made.made_at["wall"]
        )

    def decide_parked(self, person: str, ids: Sequence[str], accept: bool, reason: str) -> dict[str, Outcome]:
        """A project manager (in the organisation's scope an administrator) takes parked changes in although a right is
        missing or the device was revoked, or declines them. What still waits for a reference goes on waiting, accepted;
        as long as it does it can still be declined.

        Returns what became of each. Raises Trouble 2004 for a change that is not parked or that the person may not see,
        2003, 3001 without a reason; then nothing was decided, in no scope."""
        reason = _given(reason)
        with self.store.reading() as tx:
            scopes = sorted({j.scope for j in tx.journaled(ids).values()})
        done: dict[str, Outcome] = {}
        with self.store.writing() as tx:
            places = [
                self._place(tx, person, id) for id in scopes
            ]  # always in the same order: nobody waits for each other
            waiting = {i: j for i, j in tx.journaled(ids).items() if j.outcome == Outcome.PARKED and j.scope in scopes}
            if not ids or waiting.keys() != set(ids):
                raise Trouble(2004)
            for scope, roles in places:
                if not may_decide(roles, scope.audience):
                    raise Trouble(2003, what={"zh": "决定待关联的变更", "en": "deciding about parked changes"})
            for scope, _ in places:
                for j in (j for j in waiting.values() if j.scope == scope.id):
                    before = tx.decision(j.id)
                    if before is not None and bool(before["accepted"]) == accept:
                        continue  # accepted before, waits for something else
                    (tx.decide if before is None else tx.change_decision)(j.id, accept, person, self.now(), reason)
                    tx.note(self.now(), person, "accept" if accept else "decline", j.id, owner=self._project_of(scope),
                            scope=scope.id, type=j.type, record=j.record, reason=reason)  # fmt: skip
                    if not accept:
                        no = Verdict(Outcome.REJECTED, problem=3008, words={"reason": reason})
                        tx.set_outcome(j.id, no.outcome.value, None, no.problem, no.detail())
                        tx.wait_for(j.id, scope.id, [])
                work = self._applying(tx, scope.id)
                work.run_parked(partial(self._author, tx, scope.owner, scope.audience))
                work.finish()
                self._after(tx, work)
            done = {i: Outcome(j.outcome) for i, j in tx.journaled(ids).items()}
        return done

    def _place(self, tx: Tx, person: str, scope_id: str) -> tuple[ScopeRow, frozenset[str]]:
        """A scope, locked, and the roles a person holds there. Whoever may not see it is told what is told of one that does
        not exist. Raises Trouble 2004."""
        scope = tx.scope(scope_id, lock=True)
        roles = self._roles(tx, person, scope.owner, scope.audience) if scope else frozenset[str]()
        if scope is None or not may_read(roles, scope.audience):
            raise Trouble(2004)
        return scope, roles

    # --- after a restore -----------------------------------------------------------------------------------------

    def take_seen(self, caller: Caller, scope_id: str, head: SeenHead, lines: Sequence[bytes]) -> int:
        """Rows a tablet had pulled in an earlier epoch, above where today's data left it: kept for a person to look at
        (`unexplained`), applied by nobody. Returns how many are new. Raises Trouble 1001, 2003, 2004, 2005, 2010."""
        with self.store.writing() as tx:
            self._live_key(tx, caller.enrolment or "")
            scope = tx.scope(scope_id, lock=True)
            if scope is None or not may_read(
                self._roles(tx, caller.person, scope.owner, scope.audience), scope.audience
            ):
                raise Trouble(2004)
            common = self.since(tx, head.epoch).get(scope_id, 0)
            rows = [row for row in map(_seen_row, lines) if row["seq"] > common]
            where = tx.types_of([r["record"] for r in rows])
            # an id that is a record of another scope or type is dropped, and counted like any: nothing is told of it
            fits = {r["record"] for r in rows if where.get(r["record"], (r["type"], scope_id)) == (r["type"], scope_id)}
            now = {s.id: s.values for type in {r["type"] for r in rows} & TYPES.keys()
                   for s in tx.load(type, [r["record"] for r in rows if r["type"] == type and r["record"] in fits])}  # fmt: skip
            fresh = [r for r in rows if now.get(r["record"]) != r.pop("values")]
            told = {"scope": scope_id, "enrolment": caller.enrolment, "received_at": self.now()}
            tx.add_seen([{**r, **told, "epoch": head.epoch or _apart(r)} for r in fresh if r["record"] in fits])
        return len(fresh)

    def settle_unexplained(
        self, person: str, scope_id: str, records: str | Sequence[str], take: bool, reason: str
    ) -> None:
        """A project manager writes what only tablets had seen into records again, or lets it go: every version there is, the
        later epoch's last. All or none; of several, what others refer to goes first. Noted either way.

        Raises Trouble 2003, 2004, 3001, 3101 when something they refer to is not here."""
        reason = _given(reason)
        wanted = {records} if isinstance(records, str) else set(records)
        with self.store.writing() as tx:
            scope, roles = self._place(tx, person, scope_id)
            if not may_decide(roles, scope.audience):
                raise Trouble(2003, what={"zh": "处理恢复后缺的内容", "en": "settling what a restore lost"})
            found = [u for u in self._unexplained(tx, scope_id) if u.record in wanted]
            if not wanted or {u.record for u in found} != wanted:
                raise Trouble(2004)
            if take:
                work = self._applying(tx, scope_id)
                for u in _parents_first(found):
                    self._retake(work, u, person)
                self._finish(tx, work)
            for record in sorted(wanted):
                tx.settle_seen(scope_id, record, self.now())
            for u in found:
                tx.note(self.now(), person, "retake" if take else "let_go", u.record, owner=self._project_of(scope),
                        scope=scope_id, type=u.type, lost=u.lost, reason=reason)  # fmt: skip

    def _retake(self, work: Applying, u: Unexplained, person: str) -> None:
        """Written in the name of who decided. It needs no right to the type: most of what is lost was a sampler's."""
        if u.type not in TYPES:
            raise _fault(
                "type",
                f"服务器还不认识类型「{u.type}」，升级后再采纳",
                f"Update the server first: it does not know “{u.type}”",
            )
        lost = {k: v for k, v in u.lost.items() if v is not None}
        work.fetch({u.record}, {id for _, id in refs_of(u.type, lost)})
        old = work.seen(u.record)
        kept = old.values if old else {}
        values = {**{k: v for k, v in kept.items() if k not in u.lost}, **lost}
        faults = check(TYPES[u.type], values)
        if faults:
            raise Trouble(3001, {"faults": [f._asdict() for f in faults]},
                          faults={"zh": "；".join(f.zh for f in faults), "en": "; ".join(f.en for f in faults)})  # fmt: skip
        before, after = whole_atoms(TYPES[u.type], old.values, values) if old else ({}, values)
        accepted(work.on_server(u.type, u.record, before, after, by=person) if after else None)


def _given(reason: str) -> str:
    """Raises Trouble 3001 without a reason, 1001 for one that cannot be kept."""
    fit_to_keep(reason)
    if not reason.strip():
        raise _fault("reason", "请写明理由", "Give the reason")
    return reason.strip()[:LONGEST_REASON]


def _fault(field: str, zh: str, en: str) -> Trouble:
    return Trouble(3001, {"faults": [{"field": field, "zh": zh, "en": en}]}, faults={"zh": zh, "en": en})


def _parents_first(found: Sequence[Unexplained]) -> list[Unexplained]:
    todo, out = list(found), list[Unexplained]()
    while todo:
        left = {u.record for u in todo}
        blocked = {u.record for u in todo if (_points_at(u) - {u.record}) & left}
        # round in a circle: the first of them says what it misses
        out += [u for u in todo if u.record not in blocked or blocked == left]
        todo = [u for u in todo if u.record in blocked and blocked != left]
    return out


def _points_at(u: Unexplained) -> set[str]:
    values = {k: v for k, v in {**(u.now or {}), **u.lost}.items() if v is not None}
    return {id for _, id in refs_of(u.type, values)} if u.type in TYPES else set()


def _apart(row: dict[str, Any]) -> str:
    """Of rows from nobody knows which epochs no seq counts: each version stands by itself, before those of known epochs."""
    return f"-{sha256(row['line']).hexdigest()[:32]}"


def _seen_row(line: bytes) -> dict[str, Any]:
    """Raises Trouble 1001."""
    try:
        row = canonical.loads(line)
        if not (
            isinstance(row["values"], dict)
            and type(row["seq"]) is int
            and change.ID.match(row["id"])
            and isinstance(row["type"], str)
        ):
            raise TypeError
    except (NotCanonical, KeyError, TypeError) as err:
        raise Trouble(1001, why={"zh": "不是拉取到的一行", "en": "this is not a row as pulled"}) from err
    return {"record": row["id"], "type": row["type"][:100], "seq": row["seq"], "line": line, "values": row["values"]}
