"""Reviewing: decisions about what was recorded, one record or many. Rules: schemas/rules/review.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from schemas.canonical import NotCanonical
from schemas.change import decode
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.records.review_decision import ReviewDecision
from schemas.rules import review as rules
from schemas.wire import ACCEPTED
from sync_server.access import may_read, may_write
from sync_server.applying import fit_to_keep
from sync_server.service.base import Base, Write
from sync_server.store import Journaled, ScopeRow, Tx

MOST = 20_000  # decisions at a time
NOTED = 100  # records named in the log; the decisions themselves name all
_BY = re.compile(rb'"by":"([0-9a-f-]{36})","device":"[^"]*"\}\Z')  # a change ends so; text of its values cannot


class Item(NamedTuple):
    """A record at the version somebody looked at. `decided`: seq of the newest decision about it on the page that was looked at;
    None where nobody says."""

    type: str
    id: str
    seq: int
    decided: int | None = None


class Told(NamedTuple):
    """What became of each: decided now, decided just so before, or not, and why."""

    done: list[Item]
    before: list[Item]
    refused: list[tuple[Item, Trouble]]


class MadeBy(NamedTuple):
    """One change that was taken: who made it (None: the installation), when it came."""

    record: str
    seq: int
    change: str
    person: str | None
    received_at: str


class Reviewing(Base):
    def review(
        self, person: str, items: Iterable[Item | tuple[str, str, int]], state: str, reason: str = "", level: int = 1
    ) -> Told:
        """Pass or return records as they were looked at. Each is decided by itself: one that may not be decided is told, the
        others go in, all in one transaction. The same decision once more is no second one.

        Refused by item: Trouble 2003, 2004, 3110–3115, 3118. Raises Trouble 1001 (too many, text that cannot be kept), 3001 for a
        return without a reason."""
        todo = list({i[:3]: Item(*i) for i in reversed(list(items))}.values())[::-1]
        fit_to_keep([list(i) for i in todo])
        fit_to_keep(reason)
        reason = reason.strip()[: rules.LONGEST_REASON]
        if len(todo) > MOST:
            raise Trouble(1001, why={"zh": f"一次最多审核 {MOST} 条", "en": f"at most {MOST} records at a time"})
        if state == rules.BACK and not reason:
            raise rules.no_reason()
        told = Told([], [], [])
        with self.store.writing() as tx:
            where = tx.types_of([i.id for i in todo])
            by_scope: dict[str, list[Item]] = {}
            for item in todo:
                type, home = where.get(item.id, ("", ""))
                if type == item.type:
                    by_scope.setdefault(home, []).append(item)
                else:
                    told.refused.append((item, Trouble(2004)))
            scopes = {id: tx.scope(id, lock=True) for id in sorted(by_scope)}
            for id, scope in scopes.items():
                if scope is not None:
                    self._review_in(tx, scope, person, by_scope[id], state, reason, level, told)
        return told

    def _review_in(
        self,
        tx: Tx,
        scope: ScopeRow,
        person: str,
        items: Sequence[Item],
        state: str,
        reason: str,
        level: int,
        told: Told,
    ) -> None:
        roles = self._roles(tx, person, scope.owner, scope.audience)
        if not may_read(roles, scope.audience):
            told.refused.extend((i, Trouble(2004)) for i in items)
            return
        if not may_write(roles, "review_decision", scope.audience):
            what = {"zh": "审核", "en": "reviewing"}
            told.refused.extend((i, Trouble(2003, what=what)) for i in items)
            return
        at, writes, done = self.now(), list[Write](), list[Item]()
        subjects = self._subjects(tx, scope, items)
        for item in items:
            subject = subjects[item.id]
            if rules.made_before(subject, person, item.seq, state, reason, level):
                told.before.append(item)
            elif (no := rules.refusal(subject, person, item.seq, state, reason, level)) is not None:
                told.refused.append((item, no))
            elif item.decided is not None and item.decided < rules.last_seq(subject.decisions):
                told.refused.append((item, Trouble(3118, who=self._last_reviewer(tx, subject))))
            else:
                values = {"subject_kind": item.type, "subject_id": item.id, "record_seq": item.seq, "state": state,
                          "level": level, "reason": reason, "person_id": person, "at": at}  # fmt: skip
                values = {k: v for k, v in values.items() if v != ""}
                writes.append(Write("review_decision", self.new_id(), scope.id, values))
                done.append(item)
        if writes:
            self._write_in(tx, person, scope.id, writes)
            records = [list(i[:3]) for i in done[:NOTED]]
            tx.note(at, person, f"review_{state}", done[0].id if len(done) == 1 else scope.owner, owner=scope.owner,
                    scope=scope.id, n=len(done), level=level, reason=reason, records=records)  # fmt: skip
            told.done.extend(done)

    def _last_reviewer(self, tx: Tx, subject: rules.Subject) -> dict[str, str]:
        found = tx.load("person", [rules.in_order(subject.decisions)[-1].person_id])
        name = str(found[0].values.get("name", "")) if found else ""
        return {"zh": name or "有人", "en": name or "Somebody"}

    def _subjects(self, tx: Tx, scope: ScopeRow, items: Sequence[Item]) -> dict[str, rules.Subject]:
        ids = [i.id for i in items]
        by_type: dict[str, list[str]] = {}
        for i in items:
            by_type.setdefault(i.type, []).append(i.id)
        rows = {s.id: s for type, of in by_type.items() if type in TYPES for s in tx.load(type, of)}
        histories, said, photos = tx.histories(ids), self._said(tx, scope.id, ids), tx.last_photos(scope.id, ids)
        out = {}
        for i in items:
            row = rows.get(i.id)
            seq, deleted = (row.seq, bool(row.values.get("deleted"))) if row else (0, False)
            people = recorders(histories.get(i.id, ()))
            out[i.id] = rules.Subject(i.type, i.id, seq, deleted, people, said.get(i.id, ()), photos.get(i.id, 0))
        return out

    def _said(self, tx: Tx, scope: str, ids: Sequence[str]) -> dict[str, list[ReviewDecision]]:
        out: dict[str, list[ReviewDecision]] = {}
        for s in tx.decisions_about(scope, ids):
            out.setdefault(s.values["subject_id"], []).append(ReviewDecision.of(s.id, s.values, s.seq))
        return out

    def review_of(self, type: str, id: str, scope_id: str) -> rules.Subject | None:
        """One record with all that review knows of it; None where it is not in that scope. Who may see it has been asked."""
        with self.store.reading() as tx:
            scope = tx.scope(scope_id)
            if scope is None or tx.types_of([id]).get(id) != (type, scope_id):
                return None
            return self._subjects(tx, scope, [Item(type, id, 0)])[id]

    def scope_of(self, type: str, id: str) -> str | None:
        """Where a record of this type is. Who may see it is asked by whoever asks."""
        with self.store.reading() as tx:
            found = tx.types_of([id]).get(id) if "\0" not in id else None
        return found[1] if found is not None and found[0] == type else None

    def epoch(self) -> str:
        """Of the data as it is: another after a restore."""
        with self.store.reading() as tx:
            return tx.setting("epoch") or ""

    def heads(self, scopes: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """(scope, seq) of these scopes: the same as before, nothing has changed."""
        with self.store.reading() as tx:
            return tuple(sorted((s.id, s.seq) for s in tx.scopes_named(scopes)))

    def walls(self, changes: Sequence[str]) -> dict[str, str]:
        """change → when it was made, by the clock of its device."""
        out = {}
        with self.store.reading() as tx:
            for id, j in tx.journaled(changes).items():
                with suppress(NotCanonical):
                    out[id] = decode(j.line).made_at["wall"]
        return out

    def made_since(self, scope: str, since: int) -> list[MadeBy]:
        """Changes to what is reviewed that were taken in a scope after this seq, by seq."""
        with self.store.reading() as tx:
            keys: Mapping[str, str] = {k.enrolment: k.person for k in tx.device_keys()}
            return [
                MadeBy(m.record, m.seq, m.id, _by(m.line) if m.line else keys.get(m.enrolment), m.received_at)
                for m in tx.made_since(scope, since, rules.REVIEWED)
            ]


def recorders(lines: Iterable[Journaled]) -> frozenset[str]:
    """Who made or changed a record, by the changes that were taken."""
    return frozenset(who for j in lines if j.outcome in ACCEPTED and (who := _by(j.line)) is not None)


def _by(line: bytes) -> str | None:
    found = _BY.search(line[-300:])
    return found[1].decode() if found else None
