"""What goes out: pending changes in batches, what became of them, and chains after enrolling again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from field_app.keys import Identity
from field_app.store.base import Base
from field_app.store.rows import BATCH_BYTES, Batch
from schemas import change
from schemas.canonical import NotCanonical
from schemas.records import SCHEMA
from schemas.rules import evidence
from schemas.wire import ACCEPTED, OutcomeNow, PushAnswer, PushHead, Receipt

_RUN = "j.enrolment=? AND j.scope=? AND j.pos BETWEEN ? AND ?"
_NOTE = (
    "INSERT INTO outcome SELECT j.id,j.scope,j.type,j.record,?,?+j.pos,NULL,coalesce(p.sends,0)+?,? FROM journal j"
    f" LEFT JOIN pending p USING (enrolment,scope,pos) WHERE {_RUN}"
    " ON CONFLICT (id) DO UPDATE SET outcome=excluded.outcome, seq=excluded.seq, detail=excluded.detail,"
    " sends=outcome.sends+excluded.sends"
)
_REACHED = f"UPDATE ahead SET seq=?+j.pos FROM journal j WHERE j.id=ahead.id AND {_RUN}"
_WHICH = f"SELECT j.id, j.record FROM journal j WHERE {_RUN}"


def signed_head(batch: Batch, who: Identity, epoch: str, with_links: bool = False) -> PushHead:
    """What goes before a batch: whose chain, up to where, under the person's signature."""
    lines = evidence.lines_hash(batch.lines)
    message = evidence.head_message(batch.scope, who.enrolment, batch.last, batch.links[-1], lines)
    return PushHead(
        enrolment=who.enrolment, epoch=epoch, first=batch.first, prev=batch.prev.hex(), head=batch.links[-1].hex(),
        lines=lines, signature=evidence.sign(who.private_key, message),
        links=[x.hex() for x in batch.links] if with_links else None, pending=batch.left, types=SCHEMA,
    )  # fmt: skip


class Outgoing(Base):
    def pending_scopes(self, who: Identity | None = None) -> list[str]:
        """Scopes with changes that this person (default: whose turn it is) can send."""
        enrolment = (who or self.keys.require()).enrolment
        return [s for (s,) in self._rows("SELECT DISTINCT scope FROM pending WHERE enrolment=?", enrolment)]

    def waiting_since(self, scope: str) -> dict[str, int]:
        """enrolment → when its oldest pending change of the scope was made, as its turn among all that were made here."""
        sql = "SELECT p.enrolment, min(j.rowid) FROM pending p JOIN journal j USING (enrolment,scope,pos) WHERE p.scope=? GROUP BY 1"
        return dict(self._rows(sql, scope))

    def waits(self, scope: str, enrolment: str) -> bool:
        """Has this chain anything pending in the scope?"""
        return bool(self._rows("SELECT 1 FROM pending WHERE enrolment=? AND scope=? LIMIT 1", enrolment, scope))

    def batch(
        self, scope: str, limit: int, who: Identity | None = None, before: int = 2**62, after: Batch | None = None,
        whole: bool = False,
    ) -> Batch | None:  # fmt: skip
        """The oldest unbroken run of pending changes of a person's chain (default: whose turn it is), exactly as they were
        made: at most `limit` and about BATCH_BYTES, but always one. `before`: only what was made before that turn. `after`: what
        follows this batch, which is on its way. `whole`: of all the chain, also what was acknowledged."""
        identity = who or self.keys.require()
        sending = after.last if after else 0
        with self._lock:
            sizes = self._db.execute(  # lengths first: a long journal of large changes does not fit into memory
                f"SELECT j.pos,length(j.line) FROM {'journal' if whole else 'pending'} p JOIN journal j USING (enrolment,scope,pos)"
                " WHERE p.enrolment=? AND p.scope=? AND p.pos>? AND j.rowid<? ORDER BY p.pos LIMIT ?",
                (identity.enrolment, scope, sending, before, limit),
            ).fetchall()
            if not sizes:
                return None
            first, last, room = sizes[0][0], sizes[0][0], BATCH_BYTES - sizes[0][1]
            for pos, size in sizes[1:]:
                room -= size
                if pos != last + 1 or room < 0:
                    break
                last = pos
            run = self._db.execute(
                "SELECT pos,id,line,link FROM journal WHERE enrolment=? AND scope=? AND pos BETWEEN ? AND ? ORDER BY pos",
                (identity.enrolment, scope, first, last),
            ).fetchall()
            link = self._db.execute(
                "SELECT link FROM journal WHERE enrolment=? AND scope=? AND pos=?",
                (identity.enrolment, scope, first - 1),
            ).fetchone()
            (waiting,) = self._db.execute("SELECT count(*) FROM pending").fetchone()
        prev = link[0] if link else evidence.first_link(scope, identity.enrolment)
        return Batch(
            scope,
            first,
            prev,
            [r[3] for r in run],
            [r[1] for r in run],
            [r[2] for r in run],
            waiting - len(run) - (len(after.lines) if after else 0),
            identity.enrolment,
        )

    def mark_sent(self, batch: Batch, times: int = 1) -> None:
        """It went out and nothing came back that counts: the server may have it all the same."""
        with self._write() as db:
            db.execute(
                "UPDATE pending SET sends=sends+? WHERE enrolment=? AND scope=? AND pos BETWEEN ? AND ?",
                (times, batch.enrolment, batch.scope, batch.first, batch.last),
            )

    def acknowledge(self, batch: Batch, answer: PushAnswer, times: int = 1) -> None:
        """Note a verified receipt, which came after the batch went out so many times. Accepted changes stay in the overlay until
        their rows are pulled; a rejected one leaves it, and its values stay findable in the journal and in `outcomes`."""
        receipt = Receipt.model_validate_json(answer.receipt)
        enrolment, now = batch.enrolment, self.clock.now().isoformat()
        place = (enrolment, batch.scope, batch.first, batch.last)
        with self._write() as db:
            gone: list[tuple[str, str, str]] = []  # change, record, outcome of those that did not go in
            for (
                first,
                count,
                outcome,
                seq,
            ) in receipt.runs:  # by statements over the whole run: a batch has a thousand changes
                run = (enrolment, batch.scope, first, first + count - 1)
                to_seq = None if seq is None else seq - first
                db.execute(_NOTE, (outcome.value, to_seq, times, now, *run))
                if outcome in ACCEPTED:  # it stays ahead until its row is pulled
                    db.execute(_REACHED, (to_seq, *run))
                else:
                    gone += [(id, record, outcome.value) for id, record in db.execute(_WHICH, run)]
            db.executemany(
                "UPDATE outcome SET detail=? WHERE id=?", [(d.model_dump_json(), d.id) for d in answer.details]
            )
            db.executemany("DELETE FROM ahead WHERE id=?", [(id,) for id, _, o in gone if o == "rejected"])
            db.execute("DELETE FROM pending WHERE enrolment=? AND scope=? AND pos BETWEEN ? AND ?", place)
            db.execute(
                "INSERT OR REPLACE INTO receipt VALUES (?,?,?,?,?)",
                (receipt.receipt, batch.scope, answer.receipt, answer.signature, now),
            )
            # offered again after a restore, what was applied may be parked now: it goes on being shown
            parked = [(id, batch.scope, record) for id, record, o in gone if o == "parked"]
            db.executemany("INSERT OR IGNORE INTO ahead (id,scope,record) VALUES (?,?,?)", parked)
            # an accepted change goes on being shown as it was
            self._drop_pulled(db, batch.scope, {record for _, record, _ in gone})

    def _settle(self, db: sqlite3.Connection, told: Sequence[tuple[str, str, int | None]]) -> None:
        """(change, outcome, seq): an accepted one stays ahead until its row is pulled, a rejected one leaves."""
        db.executemany("UPDATE ahead SET seq=? WHERE id=?", [(seq, id) for id, o, seq in told if o in ACCEPTED])
        db.executemany("DELETE FROM ahead WHERE id=?", [(id,) for id, o, _ in told if o == "rejected"])

    def parked(self, scope: str, who: Identity | None = None) -> list[str]:
        """Parked changes this person may ask about: own ones, also of former enrolments."""
        rows = self._rows(
            "SELECT o.id FROM outcome o JOIN journal j ON j.id=o.id WHERE o.outcome='parked' AND o.scope=? AND j.person=?"
            " ORDER BY o.at", scope, (who or self.keys.require()).person,
        )  # fmt: skip
        return [i for (i,) in rows]

    def parked_scopes(self, who: Identity | None = None) -> list[str]:
        scopes = [s for (s,) in self._rows("SELECT DISTINCT scope FROM outcome WHERE outcome='parked'")]
        return [s for s in scopes if self.parked(s, who)]

    def resolved(self, scope: str, news: Iterable[OutcomeNow]) -> None:
        """What became of parked changes since."""
        with self._write() as db:
            touched = set()
            for n in news:
                row = db.execute("SELECT type,record FROM outcome WHERE id=? AND scope=?", (n.id, scope)).fetchone()
                if row is None or n.outcome == "parked":
                    continue
                db.execute(
                    "UPDATE outcome SET outcome=?,seq=?,detail=? WHERE id=?",
                    (n.outcome.value, n.seq, n.model_dump_json(), n.id),
                )
                self._settle(db, [(n.id, n.outcome.value, n.seq)])
                touched.add(row[1])
            self._drop_pulled(db, scope, touched)

    def offer_again(self, scope: str, first: int, who: Identity | None = None) -> None:
        """The server lacks the chain from here on (it was restored): everything from there is pending once more."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO pending (enrolment,scope,pos,sends) SELECT enrolment,scope,pos,0 FROM journal"
                " WHERE enrolment=? AND scope=? AND pos>=?",  # earlier sends are in `outcome` already
                ((who or self.keys.require()).enrolment, scope, first),
            )

    def carry_over(self, new: Identity) -> int:
        """Enrolled again: the person's unsent changes of former chains are made again in the new one. How many.

        What another person made stays as it is: nobody sends for somebody else."""
        with self._write() as db:
            return self._carry(db, new)

    def _carry(self, db: sqlite3.Connection, new: Identity) -> int:
        """Same id, record, contents and time, so that the server knows a change it had got; new device and link."""
        rows = db.execute(
            "SELECT j.enrolment,j.scope,j.pos,j.line FROM pending p JOIN journal j USING (enrolment,scope,pos)"
            " WHERE p.enrolment<>? ORDER BY j.rowid", (new.enrolment,),
        ).fetchall()  # fmt: skip
        count = 0
        for enrolment, scope, pos, line in rows:
            try:
                was = change.decode(line)
            except NotCanonical:  # a byte rotted: it stays where it is, readable for an administrator
                continue
            if was.by != new.person:
                continue
            one = change.encode(
                id=was.id, scope=was.scope, type=was.type, record=was.record, before=was.before, after=was.after,
                made_at=was.made_at, by=new.person, device=new.device,
            )  # fmt: skip
            place = (enrolment, scope, pos)
            at, link = self._next_place(db, new, one)
            db.execute(
                "INSERT INTO former_journal SELECT enrolment,scope,pos,id,type,record,line,link FROM journal"
                " WHERE enrolment=? AND scope=? AND pos=?",
                place,
            )
            # in place: the row keeps its turn among all that was ever made here, which overlays are built by
            db.execute(
                "UPDATE journal SET enrolment=?,pos=?,line=?,link=? WHERE enrolment=? AND scope=? AND pos=?",
                (new.enrolment, at, one.line, link, *place),
            )
            db.execute(
                "UPDATE pending SET enrolment=?,pos=? WHERE enrolment=? AND scope=? AND pos=?",
                (new.enrolment, at, *place),
            )
            count += 1
        return count
