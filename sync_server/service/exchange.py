"""What tablets and server exchange: push, pull, outcomes; and what a person decides about it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from schemas import canonical, change
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import (
    MAX_BATCH,
    PULL_LIMIT,
    Outcome,
    OutcomeNow,
    PullHead,
    PushAnswer,
    PushHead,
    Receipt,
)  # fmt: skip
from sync_server import pushing
from sync_server.access import may_read
from sync_server.plain import Author
from sync_server.resting import RESTING
from sync_server.service.base import Base, Caller
from sync_server.store import Journaled, Tx


class Exchange(Base):
    def push(self, caller: Caller, scope_id: str, head: PushHead, lines: Sequence[bytes]) -> PushAnswer:
        """Take a batch of a device's chain. Known changes get their stored outcome; nothing is applied twice.

        Raises Trouble 1201–1207, 2004, 2005; then nothing of the batch was applied."""
        with RESTING:  # until all that was made for it is gone again: else it would be looked through once
            return self._push(caller, scope_id, head, lines)

    def _push(self, caller: Caller, scope_id: str, head: PushHead, lines: Sequence[bytes]) -> PushAnswer:
        if len(lines) > MAX_BATCH:
            raise Trouble(1004, limit=MAX_BATCH)
        if not lines:
            raise Trouble(1001, why={"zh": "没有变更", "en": "no changes"})
        if caller.enrolment != head.enrolment:
            raise Trouble(1206)
        if evidence.lines_hash(lines) != head.lines:
            raise Trouble(1207)
        last = head.first + len(lines) - 1
        with self.store.writing() as tx:
            scope = tx.scope(scope_id, lock=True)
            # only now: it may have been revoked while this waited. A revoked one may hand in what it has; a person decides
            key = tx.key(head.enrolment)
            if key is None:
                raise Trouble(2010)
            if scope is None:
                raise Trouble(2004)
            stored = tx.chain(head.enrolment, scope_id)
            roles = self._roles(tx, caller.person, scope.owner, scope.audience)
            if not (may_read(roles, scope.audience) or stored or self._ever_member(tx, caller.person, scope)):
                raise Trouble(2004)
            self._same_epoch(tx, head.epoch)
            pushing.verify_head(key, scope_id, head, len(lines))
            pos = stored[0] if stored else 0
            if last <= pos and (rows := pushing.all_known(tx, scope_id, head, last)) is not None:
                tx.key_was_here(head.enrolment, self.now(), head.pending)
                return self._receipt(tx, head, scope_id, rows)
            links, proofs = pushing.verify_chain(key, head, lines)
            if head.first > pos + 1:
                raise Trouble(1202, {"expected": pos + 1}, expected=pos + 1)
            known = tx.links_between(head.enrolment, scope_id, head.first - 1, min(pos, last))
            parts = pushing.parts_at(scope_id, head, links, stored, known)
            if parts is None:
                work = self._applying(tx, scope_id, scope)
                author = Author(
                    key.person, key.device, roles, None if key.state == "enrolled" else key.enrolment, head.types
                )
                pushing.take_lines(tx, work, author, head, lines, links, proofs, skip=max(0, pos - head.first + 1))
                self._finish(tx, work)
                if last > pos:
                    tx.set_chain(head.enrolment, scope_id, last, links[-1], new=stored is None)
                tx.key_was_here(head.enrolment, self.now(), head.pending)
                rows = [known[p] for p in sorted(known) if p >= head.first] + work.kept(head.enrolment)
                return self._receipt(tx, head, scope_id, [pushing.first_of(tx, work, row) for row in rows])
            fork = [(change.change_id(line) or "", line) for line in lines[parts - head.first :]]
            claim = head.model_dump_json(exclude_none=True)
            tx.add_fork(head.enrolment, scope_id, parts, fork, self.now(), claim)
        raise Trouble(1204, {"position": parts}, position=parts)

    def _receipt(self, tx: Tx, head: PushHead, scope_id: str, rows: Sequence[Journaled]) -> PushAnswer:
        runs, details = pushing.tell(rows)
        receipt = Receipt(
            receipt=self.new_id(), scope=scope_id, enrolment=head.enrolment, epoch=head.epoch, first=head.first,
            last=head.first + len(rows) - 1, head=head.head, runs=runs, at=self.now(), server_key=self.server_key,
            backed_up_to=self._backed_up_to(tx, scope_id),
        )  # fmt: skip
        text = canonical.dumps(receipt.model_dump(mode="json", exclude_none=True)).decode()
        signature = evidence.sign(self._key, text.encode())
        claim = head.model_dump_json(exclude_none=True)
        tx.add_receipt(receipt.receipt, scope_id, head.enrolment, text, signature, claim)
        return PushAnswer(receipt=text, signature=signature, details=details)

    def _backed_up_to(self, tx: Tx, scope_id: str) -> int | None:
        """Up to which seq the last good backup holds this scope: what a tablet need not keep for us any longer."""
        heads: dict[str, int] = tx.backed_up().get("heads", {})
        return heads.get(scope_id)

    def outcomes(self, caller: Caller, scope_id: str, ids: Sequence[str]) -> list[OutcomeNow]:
        """What became of a person's own changes by now, from whichever of his or her devices they came.

        Raises Trouble 2004, 2005."""
        with self.store.reading() as tx:
            scope = tx.scope(scope_id)
            roles = self._roles(tx, caller.person, scope.owner, scope.audience) if scope else ()
            if scope is None or not (
                may_read(roles, scope.audience)
                or tx.chain(caller.enrolment or "", scope_id)
                or self._ever_member(tx, caller.person, scope)
            ):
                raise Trouble(2004)
            found = tx.journaled(ids)
            own = {k.enrolment for k in tx.device_keys() if k.person == caller.person}
        mine = [found[i] for i in ids if i in found and found[i].enrolment in own and found[i].scope == scope_id]
        return [
            OutcomeNow(
                id=j.id, outcome=Outcome(j.outcome), problem=j.problem, seq=j.seq, **json.loads(j.detail or "{}")
            )
            for j in mine
        ]

    def pull(
        self, caller: Caller, scope_id: str, epoch: str | None, cursor: int, limit: int = PULL_LIMIT
    ) -> tuple[PullHead, list[bytes]]:
        """Rows with seq > cursor, ascending, from one consistent view. Raises Trouble 2004, 2005, 1201."""
        with self.store.reading() as tx:
            if caller.enrolment:
                self._live_key(tx, caller.enrolment)
            scope = tx.scope(scope_id)
            if scope is None or not may_read(
                self._roles(tx, caller.person, scope.owner, scope.audience), scope.audience
            ):
                raise Trouble(2004)
            if epoch is not None:
                self._same_epoch(tx, epoch)
            rows = tx.changed_since(scope_id, cursor, limit) if cursor < scope.seq else []
            reached = rows[-1].seq if len(rows) == limit else scope.seq
            more = reached < scope.seq
            head = PullHead(
                epoch=tx.setting("epoch") or "", cursor=reached, head=scope.seq, count=len(rows), more=more,
                digest=None if more else evidence.digest_hex(scope.digest),
                backed_up_to=self._backed_up_to(tx, scope_id),
            )  # fmt: skip
        return head, [evidence.row_line(s.type, s.id, s.seq, s.values) for s in rows]
