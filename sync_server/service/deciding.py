"""What a person decides about what came in: conflicts, parked changes, and what a restore lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.wire import Outcome, SeenHead
from sync_server.access import ADMIN, MANAGER, may_read
from sync_server.applying import Verdict
from sync_server.service.base import Base, Caller, Write
from sync_server.store import DeviceKey, Journaled, Values


class Parked(NamedTuple):
    """A change that waits."""

    line: Journaled
    missing: list[str]  # "type:id", "right:person:owner", "device:enrolment"
    zh: str
    en: str
    key: DeviceKey | None
    decision: Mapping[str, Any] | None  # accepted already, waits for something else


class Unexplained(NamedTuple):
    """A record as a tablet had seen it, where nothing that is here explains it."""

    type: str
    record: str
    scope: str
    lost: Values  # the fields as seen
    now: Values | None  # the record today; None = it is not here
    seq: int
    epoch: str
    device_code: str
    received_at: str


class Deciding(Base):
    def resolve(self, person: str, conflict_id: str, choice: str, reason: str, value: Values | None = None) -> None:
        """Decide a conflict: keep_now, take_after or set_value. Raises Trouble 2003, 2004, 3001."""
        with self.store.writing() as tx:
            found = tx.load("conflict", [conflict_id])
            if not found:
                raise Trouble(2004)
            scope = tx.scope(found[0].scope)
            assert scope is not None
            if "project_manager" not in self._roles(tx, person, scope.owner, scope.audience):
                raise Trouble(2003, what={"zh": "裁决冲突", "en": "deciding conflicts"})
            work = self._applying(tx, scope.id)
            work.fetch({found[0].values["subject_id"], conflict_id})
            work.resolve(found[0], choice, reason, person, value)
            work.finish()

    def decide_parked(self, person: str, ids: Sequence[str], accept: bool, reason: str) -> dict[str, Outcome]:
        """A project manager (in the organisation's scope an administrator) takes parked changes in although a right is
        missing or the device was revoked, or declines them. What still waits for a reference goes on waiting, accepted.

        Returns what became of each. Raises Trouble 2004 for a change that is not parked, 2003, 3001 without a reason; then
        nothing was decided."""
        if not reason.strip():
            fault = {"field": "reason", "zh": "请写明理由", "en": "Give the reason"}
            raise Trouble(3001, {"faults": [fault]}, faults={"zh": fault["zh"], "en": fault["en"]})
        with self.store.reading() as tx:
            found = tx.journaled(ids)
        done: dict[str, Outcome] = {}
        for scope_id in sorted({j.scope for j in found.values()} or {""}):
            with self.store.writing() as tx:
                scope = tx.scope(scope_id, lock=True)
                mine = [j for j in tx.journaled(ids).values() if j.scope == scope_id and j.outcome == Outcome.PARKED]
                if (
                    scope is None
                    or len(mine) != len([j for j in found.values() if j.scope == scope_id])
                    or len(found) != len(set(ids))
                ):
                    raise Trouble(2004)
                roles = self._roles(tx, person, scope.owner, scope.audience)
                wanted = {ADMIN} if scope.audience == Audience.ORGANISATION else {MANAGER, ADMIN}
                if not roles & wanted:
                    raise Trouble(2003, what={"zh": "决定待关联的变更", "en": "deciding about parked changes"})
                for j in mine:
                    if tx.decision(j.id):
                        continue  # accepted before, waits for something else
                    tx.decide(j.id, accept, person, self.now(), reason.strip()[:2000])
                    tx.note(
                        self.now(),
                        person,
                        "accept" if accept else "decline",
                        j.id,
                        scope=scope_id,
                        type=j.type,
                        record=j.record,
                        reason=reason,
                    )
                    if not accept:
                        no = Verdict(Outcome.REJECTED, problem=3008, words={"reason": reason.strip()[:2000]})
                        tx.set_outcome(j.id, no.outcome.value, None, no.problem, no.detail())
                        tx.wait_for(j.id, scope_id, [])
                work = self._applying(tx, scope_id)
                work.run_parked(partial(self._author, tx, scope.owner, scope.audience))
                work.finish()
                self._after(tx, work)
                done |= {i: Outcome(j.outcome) for i, j in tx.journaled([j.id for j in mine]).items()}
        return done

    def parked(self, scope_id: str) -> list[Parked]:
        """Changes of a scope that wait, the oldest first, each with what it waits for and whose it is."""
        with self.store.reading() as tx:
            keys = {k.enrolment: k for k in tx.device_keys()}
            out = []
            for j in tx.parked(scope_id):
                key, told = keys.get(j.enrolment), json.loads(j.detail or "{}")
                out.append(
                    Parked(j, told.get("missing", []), told.get("zh", ""), told.get("en", ""), key, tx.decision(j.id))
                )
            return out

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
            now = {s.id: s.values for type in {r["type"] for r in rows} & TYPES.keys()
                   for s in tx.load(type, [r["record"] for r in rows if r["type"] == type])}  # fmt: skip
            fresh = [r for r in rows if now.get(r["record"]) != r.pop("values")]
            told = {"scope": scope_id, "epoch": head.epoch, "enrolment": caller.enrolment, "received_at": self.now()}
            tx.add_seen([{**r, **told} for r in fresh])
        return len(fresh)

    def unexplained(self, scope_id: str) -> list[Unexplained]:
        """What tablets had seen before a restore and no change that came back explains: mostly what was written on the
        server itself after the backup. Fields whose value stands in the record now, or in any change to it, are left out."""
        out = []
        with self.store.reading() as tx:
            keys = {k.enrolment: k.device_code for k in tx.device_keys()}
            for row in tx.seen_rows(scope_id):
                seen = canonical.loads(row["line"])["values"]
                now = (
                    next((s.values for s in tx.load(row["type"], [row["record"]])), None)
                    if row["type"] in TYPES
                    else None
                )
                said: dict[str, list[Any]] = {}
                for j in tx.history(row["record"]):
                    try:
                        for name, value in change.decode(j.line).after.items():
                            said.setdefault(name, []).append(value)
                    except NotCanonical:
                        continue
                lost = {k: v for k, v in seen.items() if (now or {}).get(k) != v and v not in said.get(k, [])}
                if lost:
                    out.append(Unexplained(row["type"], row["record"], scope_id, lost, now, row["seq"], row["epoch"],
                                           keys.get(row["enrolment"], ""), row["received_at"]))  # fmt: skip
        return out

    def settle_unexplained(self, person: str, scope_id: str, record: str, take: bool, reason: str) -> None:
        """A project manager writes what only tablets had seen into the record again, or lets it go. Noted either way.

        Raises Trouble 2003, 2004, 3001."""
        found = next((u for u in self.unexplained(scope_id) if u.record == record), None)
        if found is None:
            raise Trouble(2004)
        with self.store.writing() as tx:
            scope = tx.scope(scope_id, lock=True)
            assert scope is not None
            wanted = {ADMIN} if scope.audience == Audience.ORGANISATION else {MANAGER, ADMIN}
            if not self._roles(tx, person, scope.owner, scope.audience) & wanted:
                raise Trouble(2003, what={"zh": "处理恢复后缺的内容", "en": "settling what a restore lost"})
            if take:
                server_made = not TYPES[found.type].about.writers
                author = None if server_made else person
                self._write_in(
                    tx, author, scope_id, [Write(found.type, record, scope_id, {**(found.now or {}), **found.lost})]
                )
            tx.drop_seen(scope_id, record)
            tx.note(
                self.now(),
                person,
                "retake" if take else "let_go",
                record,
                scope=scope_id,
                lost=found.lost,
                reason=reason,
            )


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
