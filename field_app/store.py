"""The only file that opens the device database.

What `finalize` returned from survives a power cut (WAL, synchronous=FULL, one transaction). Two layers per record:
*base*, the server's version in the table named after the type, and *overlay*, this device's changes on top of it that
the base does not hold yet. `ahead` lists those changes; the overlay is always base + ahead, in order.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any, NamedTuple

from field_app.clock import Clock, DeviceClock
from field_app.device_db import open_db
from field_app.keys import Identity, Keys
from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.change import Change
from schemas.ids import Ids
from schemas.merge import put, whole_atoms
from schemas.problems import Trouble
from schemas.records import TYPES, check, missing
from schemas.rows import codec
from schemas.rules import evidence
from schemas.wire import ACCEPTED, Block, OutcomeNow, PullHead, PushAnswer, Receipt, ScopeGrant

Values = dict[str, Any]
BATCH_BYTES = 4_000_000  # of lines in one push: signatures are large, and a slow network should get somewhere


class Edit(NamedTuple):
    """A record to finalize: all its values, not only the changed ones."""

    type: str
    record: str
    scope: str
    values: Values


class Batch(NamedTuple):
    """A run of the journal to push."""

    scope: str
    first: int
    prev: bytes
    links: list[bytes]
    ids: list[str]
    lines: list[bytes]
    left: int  # how many more wait after this batch

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


class Seen(NamedTuple):
    """A record as this device sees it. state: accepted, pending, parked, rejected (see glossary)."""

    type: str
    id: str
    scope: str
    seq: int
    values: Values
    state: str


class Store:
    """One tablet = one data folder. Methods may be called from any thread; each is one transaction."""

    def __init__(self, folder: Path, clock: Clock | None = None, random: Callable[[int], bytes] = os.urandom) -> None:
        self.folder = folder
        self.clock: Clock = clock or DeviceClock()
        self.new_id = Ids(lambda: int(self.clock.now().timestamp() * 1000), random)
        self._lock = threading.RLock()
        self._db = open_db(folder / "tablet.db")
        self.keys = Keys(folder)
        self._adopt_known_types()
        if self.identity is not None:  # the power may have gone between the new identity and this
            with suppress(Trouble):  # a full device must still open
                self.carry_over(None, self.identity)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction. A full disk rolls back and is told as such."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as err:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                # a quota or size limit shows as a failed write, not as "full"
                if getattr(err, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
                    raise Trouble(5001) from err
                raise

    def _rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, args).fetchall()

    # --- who this device is --------------------------------------------------------------------------------------

    @property
    def identity(self) -> Identity | None:
        return self.keys.identity

    def meta(self, key: str) -> str | None:
        rows = self._rows("SELECT value FROM meta WHERE key=?", key)
        return rows[0][0] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def grant(self, scopes: Sequence[ScopeGrant]) -> list[str]:
        """Take note of what the person may see now. Scopes no longer granted lose their pulled rows, never unsent ones."""
        with self._write() as db:
            for s in scopes:
                db.execute(
                    "INSERT INTO scope (id,audience,owner,name,roles,writes,digest) VALUES (?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE"
                    " SET name=excluded.name, roles=excluded.roles, writes=excluded.writes, left_at=NULL",
                    (
                        s.scope,
                        s.audience,
                        s.owner,
                        s.name,
                        json.dumps(s.roles),
                        json.dumps(s.writes),
                        evidence.digest_hex(0),
                    ),
                )
            granted = {s.scope for s in scopes}
            left = [
                i for (i,) in db.execute("SELECT id FROM scope WHERE left_at IS NULL").fetchall() if i not in granted
            ]
            for scope in left:
                self._forget_base(db, scope)
                db.execute("UPDATE scope SET left_at=? WHERE id=?", (self.clock.now().isoformat(), scope))
        return left

    def scopes(self) -> list[ScopeGrant]:
        """What may be pulled, organisation first: others refer to it."""
        order = "CASE audience WHEN 'organisation' THEN 0 WHEN 'field' THEN 1 WHEN 'transfer' THEN 2 ELSE 3 END"
        rows = self._rows(
            f"SELECT id,audience,owner,name,roles,writes FROM scope WHERE left_at IS NULL ORDER BY {order},id"
        )
        return [
            ScopeGrant(scope=i, audience=a, owner=o, name=n, roles=json.loads(r), writes=json.loads(w))
            for i, a, o, n, r, w in rows
        ]

    def scope_for(self, type: str, owner: str, audience: str | None = None) -> str:
        """The scope a record of this type belongs to. Types without an audience of their own take `audience`."""
        return f"{owner}.{audience or TYPES[type].about.audience.value}"

    # --- drafts: every edit, at once -----------------------------------------------------------------------------

    def save_draft(self, type: str, record: str, scope: str, values: Values, parent: str | None = None) -> None:
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO draft VALUES (?,?,?,?,?,?)",
                (record, scope, type, canonical.dumps(values).decode(), parent, self.clock.now().isoformat()),
            )

    def drafts(self, type: str | None = None, parent: str | None = None) -> list[Seen]:
        sql, args = "SELECT type,record,scope,vals FROM draft WHERE 1", []
        for column, wanted in (("type", type), ("parent", parent)):
            if wanted is not None:
                sql, args = f"{sql} AND {column}=?", [*args, wanted]
        return [
            Seen(t, r, s, 0, json.loads(v), "draft") for t, r, s, v in self._rows(sql + " ORDER BY updated_at", *args)
        ]

    def drop_draft(self, record: str) -> None:
        with self._write() as db:
            db.execute("DELETE FROM draft WHERE record=?", (record,))

    # --- finalize ------------------------------------------------------------------------------------------------

    def finalize(self, edits: Sequence[Edit], complete: bool = True) -> list[Change]:
        """完成: validate, then in ONE transaction append the changes and show them. All edits or none.

        complete=False skips what only 完成 asks for (`missing`), as for an amendment to one field.
        Raises Trouble 5002 with the faults by record, 5001 when the device is full."""
        identity = self.keys.require()
        faults = {
            e.record: [*(missing(TYPES[e.type], e.values) if complete else []), *check(TYPES[e.type], e.values)]
            for e in edits
        }
        wrong = {r: fs for r, fs in faults.items() if fs}
        if wrong:
            words = {lang: "；".join(getattr(f, lang) for fs in wrong.values() for f in fs) for lang in ("zh", "en")}
            raise Trouble(5002, {"faults": {r: [f._asdict() for f in fs] for r, fs in wrong.items()}}, faults=words)
        made: list[Change] = []
        with self._write() as db:
            for edit in edits:
                one = self._append(db, identity, edit)
                if one is not None:
                    made.append(one)
                db.execute("DELETE FROM draft WHERE record=?", (edit.record,))
        return made

    def delete(self, type: str, record: str, reason: str) -> list[Change]:
        """作废: a record is marked, never erased; its codes stay used up."""
        seen = self.get(type, record)
        if seen is None:
            return []
        return self.finalize(
            [Edit(type, record, seen.scope, {**seen.values, "deleted": True, "void_reason": reason})], complete=False
        )

    def _append(self, db: sqlite3.Connection, identity: Identity, edit: Edit) -> Change | None:
        now = self._view(db, edit.type, edit.record)
        values = {k: v for k, v in edit.values.items() if v not in (None, "", [])}
        if now is None:
            before, after = {}, values
        else:
            before, after = whole_atoms(TYPES[edit.type], now, values)
            if not after:
                return None
        offset = db.execute("SELECT value FROM meta WHERE key='server_offset_ms'").fetchone()
        made_at: change.MadeAt = {
            "wall": self.clock.now().isoformat(timespec="milliseconds"),
            "mono_ms": self.clock.mono_ms(),
            "server_offset_ms": int(offset[0]) if offset else None,
        }
        one = change.encode(
            id=self.new_id(), scope=edit.scope, type=edit.type, record=edit.record, before=before, after=after,
            made_at=made_at, by=identity.person, device=identity.device,
        )  # fmt: skip
        if len(one.line) > change.MAX_BYTES:
            raise _too_large(one)
        pos, link = self._next_place(db, identity, one)
        db.execute(
            "INSERT INTO journal VALUES (?,?,?,?,?,?,?,?)",
            (identity.enrolment, edit.scope, pos, one.id, edit.type, edit.record, one.line, link),
        )
        db.execute("INSERT INTO pending (enrolment,scope,pos) VALUES (?,?,?)", (identity.enrolment, edit.scope, pos))
        db.execute("INSERT INTO ahead VALUES (?,?,?,NULL)", (one.id, edit.scope, edit.record))
        seen = dict(now or {})
        put(seen, after)
        self._set_overlay(db, edit.record, edit.scope, edit.type, seen)
        return one

    def _next_place(self, db: sqlite3.Connection, identity: Identity, one: Change) -> tuple[int, bytes]:
        """Position and link of a change that is added to the identity's chain."""
        pos, link = db.execute(
            "SELECT pos, link FROM journal WHERE enrolment=? AND scope=? ORDER BY pos DESC LIMIT 1",
            (identity.enrolment, one.scope),
        ).fetchone() or (0, evidence.first_link(one.scope, identity.enrolment))
        return pos + 1, evidence.next_link(link, evidence.salt_of(identity.salt_key, one.id), one.line)

    def _set_overlay(self, db: sqlite3.Connection, record: str, scope: str, type: str, values: Values) -> None:
        db.execute(
            "INSERT OR REPLACE INTO overlay VALUES (?,?,?,?)", (record, scope, type, canonical.dumps(values).decode())
        )

    # --- reading -------------------------------------------------------------------------------------------------

    def _base(self, db: sqlite3.Connection, type: str, record: str) -> tuple[int, Values] | None:
        c = codec(type)
        row = db.execute(f'SELECT {",".join(_q(c.columns))} FROM "{type}" WHERE id=?', (record,)).fetchone()
        return (row[2], c.from_row(row)) if row else None

    def _view(self, db: sqlite3.Connection, type: str, record: str) -> Values | None:
        over = db.execute("SELECT vals FROM overlay WHERE record=?", (record,)).fetchone()
        if over:
            loaded: Values = json.loads(over[0])
            return loaded
        base = self._base(db, type, record)
        return base[1] if base else None

    def get(self, type: str, record: str) -> Seen | None:
        found = [s for s in self.all(type, id=record)]
        return found[0] if found else None

    def all(self, type: str, deleted: bool = False, **equal: Any) -> list[Seen]:
        """Records of a type as this device sees them, base and overlay together, where the fields equal what is given."""
        c = codec(type)
        sql, args = f'SELECT {",".join(_q(c.columns))} FROM "{type}" WHERE 1', []
        for name, value in equal.items():
            sql, args = f'{sql} AND "{name}"=?', [*args, value]
        with self._lock:
            base = self._db.execute(sql + " ORDER BY id", args).fetchall()
            overs = self._db.execute(
                "SELECT record,scope,vals FROM overlay WHERE type=? ORDER BY record", (type,)
            ).fetchall()
            states = self._states(type) if overs else {}
        over = {record: (scope, json.loads(vals)) for record, scope, vals in overs}
        out = [Seen(type, r[0], r[1], r[2], c.from_row(r), "accepted") for r in base if r[0] not in over]
        for record, (scope, values) in over.items():
            if all((record if k == "id" else scope if k == "scope" else values.get(k)) == v for k, v in equal.items()):
                out.append(Seen(type, record, scope, 0, values, states.get(record, "pending")))
        return [s for s in out if deleted or not s.values.get("deleted")]

    def _states(self, type: str) -> dict[str, str]:
        rows = self._db.execute(
            # offered again after a new epoch: the outcome of before says nothing about the server as it is now
            "SELECT a.record, max(CASE WHEN p.pos IS NOT NULL THEN 3 WHEN o.outcome='parked' THEN 2"
            " WHEN o.outcome IN ('applied','conflict') THEN 1 ELSE 3 END)"
            " FROM ahead a JOIN overlay v ON v.record=a.record LEFT JOIN outcome o ON o.id=a.id"
            " LEFT JOIN journal j ON j.id=a.id LEFT JOIN pending p"
            " ON p.enrolment=j.enrolment AND p.scope=j.scope AND p.pos=j.pos WHERE v.type=? GROUP BY a.record",
            (type,),
        )
        return {record: {1: "accepted", 2: "parked", 3: "pending"}[rank] for record, rank in rows}

    def counts(self) -> dict[str, int]:
        """What the safe line shows: how much is on this device, and how much of it is not on the server.

        foreign: pending, but of another enrolment, so that this one cannot send it."""
        ((total,),) = self._rows("SELECT count(*) FROM journal")
        ((pending,),) = self._rows("SELECT count(*) FROM pending")
        mine = self.identity.enrolment if self.identity else ""
        ((foreign,),) = self._rows("SELECT count(*) FROM pending WHERE enrolment<>?", mine)
        kinds = dict(self._rows("SELECT outcome, count(*) FROM outcome WHERE outcome<>'applied' GROUP BY outcome"))
        return {
            "finalized": total,
            "pending": pending,
            "foreign": foreign,
            **{k: kinds.get(k, 0) for k in ("parked", "rejected", "conflict")},
        }

    def outcomes(self, *kinds: str) -> list[tuple[str, str, str, str, dict[str, Any]]]:
        """(change id, type, record, outcome, detail) of changes that were not simply applied."""
        marks = ",".join("?" * len(kinds))
        rows = self._rows(
            f"SELECT id,type,record,outcome,detail FROM outcome WHERE outcome IN ({marks}) ORDER BY at", *kinds
        )
        return [(i, t, r, o, json.loads(d or "{}")) for i, t, r, o, d in rows]

    def changes(self) -> list[tuple[str, int, Change]]:
        """(scope, position, change) of everything ever finalized here."""
        return [
            (s, p, change.decode(line))
            for s, p, line in self._rows("SELECT scope,pos,line FROM journal ORDER BY scope,pos")
        ]

    def sends(self) -> dict[str, int]:
        """change id → how often it was sent."""
        return {i: n for i, n in self._rows("SELECT id, sends FROM outcome")}

    # --- sync: what goes out -------------------------------------------------------------------------------------

    def pending_scopes(self) -> list[str]:
        return [s for (s,) in self._rows("SELECT DISTINCT scope FROM pending")]

    def batch(self, scope: str, limit: int) -> Batch | None:
        """The oldest unbroken run of pending changes of the chain in use, exactly as they were made: at most `limit`
        and about BATCH_BYTES, but always one."""
        identity = self.keys.require()
        with self._lock:
            sizes = self._db.execute(  # lengths first: a long journal of large changes does not fit into memory
                "SELECT j.pos,length(j.line) FROM pending p JOIN journal j USING (enrolment,scope,pos)"
                " WHERE p.enrolment=? AND p.scope=? ORDER BY p.pos LIMIT ?",
                (identity.enrolment, scope, limit),
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
            before = self._db.execute(
                "SELECT link FROM journal WHERE enrolment=? AND scope=? AND pos=?",
                (identity.enrolment, scope, first - 1),
            ).fetchone()
            (waiting,) = self._db.execute("SELECT count(*) FROM pending").fetchone()
        prev = before[0] if before else evidence.first_link(scope, identity.enrolment)
        return Batch(
            scope, first, prev, [r[3] for r in run], [r[1] for r in run], [r[2] for r in run], waiting - len(run)
        )

    def mark_sent(self, batch: Batch) -> None:
        """Counted before sending, so that a kill in between still shows as a possible re-send."""
        with self._write() as db:
            db.execute(
                "UPDATE pending SET sends=sends+1 WHERE enrolment=? AND scope=? AND pos BETWEEN ? AND ?",
                (self.keys.require().enrolment, batch.scope, batch.first, batch.last),
            )

    def acknowledge(self, batch: Batch, answer: PushAnswer) -> None:
        """Note a verified receipt. Accepted changes stay in the overlay until their rows are pulled; a rejected one
        leaves it, and its values stay findable in the journal and in `outcomes`."""
        receipt = Receipt.model_validate_json(answer.receipt)
        details = {d.id: d for d in answer.details}
        enrolment, now = self.keys.require().enrolment, self.clock.now().isoformat()
        with self._write() as db:
            touched: set[tuple[str, str]] = set()
            sends = dict(
                db.execute(
                    "SELECT pos,sends FROM pending WHERE enrolment=? AND scope=? AND pos BETWEEN ? AND ?",
                    (enrolment, batch.scope, batch.first, batch.last),
                ).fetchall()
            )
            for pos, count, outcome, first_seq in receipt.runs:
                for n in range(count):
                    change_id = batch.ids[pos + n - batch.first]
                    seq = None if first_seq is None else first_seq + n
                    detail = details.get(change_id)
                    type_, record = db.execute("SELECT type,record FROM journal WHERE id=?", (change_id,)).fetchone()
                    db.execute(
                        "INSERT INTO outcome VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET outcome=excluded.outcome,"
                        " seq=excluded.seq, detail=excluded.detail, sends=outcome.sends+excluded.sends",
                        (change_id, batch.scope, type_, record, outcome.value, seq,
                         detail.model_dump_json() if detail else None, sends.get(pos + n, 1), now),
                    )  # fmt: skip
                    self._settle(db, change_id, outcome.value, seq)
                    touched.add((type_, record))
            db.execute(
                "DELETE FROM pending WHERE enrolment=? AND scope=? AND pos BETWEEN ? AND ?",
                (enrolment, batch.scope, batch.first, batch.last),
            )
            db.execute(
                "INSERT OR REPLACE INTO receipt VALUES (?,?,?,?,?)",
                (receipt.receipt, batch.scope, answer.receipt, answer.signature, now),
            )
            self._drop_pulled(db, batch.scope, touched)

    def _settle(self, db: sqlite3.Connection, change_id: str, outcome: str, seq: int | None) -> None:
        if outcome in ACCEPTED:
            db.execute("UPDATE ahead SET seq=? WHERE id=?", (seq, change_id))
        elif outcome == "rejected":
            db.execute("DELETE FROM ahead WHERE id=?", (change_id,))

    def parked(self, scope: str) -> list[str]:
        return [
            i
            for (i,) in self._rows(
                "SELECT id FROM outcome WHERE outcome='parked' AND scope=? ORDER BY at LIMIT 1000", scope
            )
        ]

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
                self._settle(db, n.id, n.outcome.value, n.seq)
                touched.add(row)
            self._drop_pulled(db, scope, touched)

    def offer_again(self, scope: str, first: int) -> None:
        """The server lacks the chain from here on (it was restored): everything from there is pending once more."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO pending (enrolment,scope,pos,sends) SELECT enrolment,scope,pos,0 FROM journal"
                " WHERE enrolment=? AND scope=? AND pos>=?",  # earlier sends are in `outcome` already
                (self.keys.require().enrolment, scope, first),
            )

    def carry_over(self, old: Identity | None, new: Identity) -> int:
        """Enrolled again: the person's unsent changes of former chains are made again in the new one. How many.

        `old` is None where the identity was lost. What another person made stays as it is: nobody sends for somebody else."""
        if old is not None and old.enrolment == new.enrolment:
            return 0
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
                "INSERT INTO former_journal SELECT * FROM journal WHERE enrolment=? AND scope=? AND pos=?", place
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

    # --- sync: what comes in -------------------------------------------------------------------------------------

    def cursor(self, scope: str) -> int:
        rows = self._rows("SELECT cursor FROM scope WHERE id=?", scope)
        return int(rows[0][0]) if rows else 0

    def digest(self, scope: str) -> str:
        rows = self._rows("SELECT digest FROM scope WHERE id=?", scope)
        return str(rows[0][0]) if rows else evidence.digest_hex(0)

    def apply_pull(self, scope: str, head: PullHead, lines: Sequence[bytes]) -> None:
        """Rows and cursor in one transaction: a kill in between repeats the pull, never skips a row.

        In a refresh the digest counts only rows that came since it began; the others go with the last page."""
        with self._write() as db:
            text, refreshing = db.execute("SELECT digest,refreshing FROM scope WHERE id=?", (scope,)).fetchone()
            total, touched = int(text, 16), set()
            for line in lines:
                row = canonical.loads(line)
                type_, record, seq, values = row["type"], row["id"], row["seq"], row["values"]
                total += evidence.row_hash(line)
                # with `fresh`, "was it new there" is also "is the old row not counted yet"
                if not (refreshing and _added(db, scope, record)):
                    total -= self._old_hash(db, type_, record)
                if type_ in TYPES:
                    db.execute(_insert(type_), codec(type_).to_row(record, scope, seq, values))
                else:
                    db.execute("INSERT OR REPLACE INTO other VALUES (?,?,?,?,?)", (record, scope, seq, type_, line))
                touched.add((type_, record))
            db.execute(
                "UPDATE scope SET cursor=?, digest=?, pulled_at=? WHERE id=?",
                (head.cursor, evidence.digest_hex(total), self.clock.now().isoformat(), scope),
            )
            self._drop_pulled(db, scope, touched)
            if refreshing and not head.more:
                self._end_refresh(db, scope)

    def _old_hash(self, db: sqlite3.Connection, type: str, record: str) -> int:
        if type in TYPES:
            base = self._base(db, type, record)
            return evidence.row_hash(evidence.row_line(type, record, *base)) if base else 0
        row = db.execute("SELECT line FROM other WHERE id=?", (record,)).fetchone()
        return evidence.row_hash(row[0]) if row else 0

    def _drop_pulled(self, db: sqlite3.Connection, scope: str, touched: set[tuple[str, str]]) -> None:
        """Changes whose rows are in the base by now leave `ahead`; overlays of what moved are made anew."""
        cursor, refreshing = db.execute("SELECT cursor,refreshing FROM scope WHERE id=?", (scope,)).fetchone() or (
            -1,
            0,
        )
        up_to = (scope, cursor)
        # in a refresh a row that did not come again yet has a seq of before, which proves nothing
        fresh = (
            " AND EXISTS (SELECT 1 FROM fresh f WHERE f.scope=ahead.scope AND f.id=ahead.record)" if refreshing else ""
        )
        kinds = db.execute(
            "SELECT DISTINCT j.type FROM ahead a JOIN journal j ON j.id=a.id WHERE a.scope=? AND a.seq<=?", up_to
        ).fetchall()
        records = {record for _, record in touched}
        for (type_,) in kinds:
            # the cursor alone does not say it: a record that moved on since comes with a later page
            gone = db.execute(
                f'DELETE FROM ahead WHERE scope=? AND seq<=? AND EXISTS (SELECT 1 FROM "{type_}" b WHERE b.id=ahead.record'
                f" AND b.seq>=ahead.seq){fresh} RETURNING record", up_to,
            )  # fmt: skip
            records |= {r for (r,) in gone.fetchall()}
        for record in records:
            self._make_overlay(db, record)

    def _make_overlay(self, db: sqlite3.Connection, record: str) -> None:
        """Base + ahead. Without a base it begins with the change that made the record: half a record is never shown."""
        lines = db.execute(
            "SELECT j.line FROM ahead a JOIN journal j ON j.id=a.id WHERE a.record=? ORDER BY j.rowid", (record,)
        ).fetchall()
        changes = [change.decode(line) for (line,) in lines]
        base = self._base(db, changes[0].type, record) if changes else None
        if base is None:
            changes = list(dropwhile(lambda c: not c.creates, changes))
        if not changes:
            db.execute("DELETE FROM overlay WHERE record=?", (record,))
            return
        values = base[1] if base else {}
        for one in changes:
            put(values, one.after)
        self._set_overlay(db, record, changes[0].scope, changes[0].type, values)

    def start_over(self, scope: str) -> None:
        """Pull a scope anew from 0. Its rows stay until their replacement is here; pending changes are untouched."""
        with self._write() as db:
            self._refresh(db, scope)

    def new_epoch(self, epoch: str) -> None:
        """The server's data is another: pull all again, and offer every change again (known ones cost nothing).

        Accepted changes do not come back into `ahead`: the old rows show them until the new ones are here."""
        identity = self.keys.require()
        with self._write() as db:
            for (scope,) in db.execute("SELECT id FROM scope").fetchall():
                self._refresh(db, scope)
            # also what the person sent under former enrolments: the backup may be older than it
            db.execute(
                "INSERT OR IGNORE INTO pending (enrolment,scope,pos,sends) SELECT enrolment,scope,pos,0 FROM journal"
                " WHERE enrolment=? OR CASE WHEN json_valid(CAST(line AS TEXT))"
                " THEN json_extract(CAST(line AS TEXT),'$.by')=? ELSE 0 END", (identity.enrolment, identity.person),
            )  # fmt: skip
            self._carry(db, identity)
            # another person's accepted changes are not offered again, so no new seq would ever release them
            gone = db.execute(
                "DELETE FROM ahead WHERE seq IS NOT NULL AND id NOT IN"
                " (SELECT j.id FROM pending JOIN journal j USING (enrolment,scope,pos)) RETURNING record"
            ).fetchall()
            db.execute("UPDATE ahead SET seq=NULL")
            for (record,) in gone:
                self._make_overlay(db, record)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('epoch',?)", (epoch,))

    def _refresh(self, db: sqlite3.Connection, scope: str) -> None:
        zero = evidence.digest_hex(0)
        db.execute("UPDATE scope SET cursor=0, digest=?, refreshing=1 WHERE id=?", (zero, scope))
        db.execute("DELETE FROM fresh WHERE scope=?", (scope,))

    def _end_refresh(self, db: sqlite3.Connection, scope: str) -> None:
        """The last page is here: what did not come again is no longer on the server."""
        gone = []
        for table in (*TYPES, "other"):
            gone += db.execute(
                f'DELETE FROM "{table}" WHERE scope=? AND id NOT IN (SELECT id FROM fresh WHERE scope=?) RETURNING id',
                (scope, scope),
            ).fetchall()
        db.execute("DELETE FROM fresh WHERE scope=?", (scope,))
        db.execute("UPDATE scope SET refreshing=0 WHERE id=?", (scope,))
        for (record,) in gone:
            self._make_overlay(db, record)

    def _forget_base(self, db: sqlite3.Connection, scope: str) -> None:
        """At once: the person may not see these rows any more."""
        for table in (*TYPES, "other"):
            db.execute(f'DELETE FROM "{table}" WHERE scope=?', (scope,))
        db.execute("DELETE FROM fresh WHERE scope=?", (scope,))
        db.execute("UPDATE scope SET cursor=0, digest=?, refreshing=0 WHERE id=?", (evidence.digest_hex(0), scope))

    def recount_digest(self, scope: str) -> str:
        """The digest from the rows themselves, to check the one kept up along the way."""
        total = 0
        for type_ in TYPES:
            c = codec(type_)
            for row in self._rows(f'SELECT {",".join(_q(c.columns))} FROM "{type_}" WHERE scope=?', scope):
                total += evidence.row_hash(evidence.row_line(type_, row[0], row[2], c.from_row(row)))
        total += sum(evidence.row_hash(line) for (line,) in self._rows("SELECT line FROM other WHERE scope=?", scope))
        return evidence.digest_hex(total)

    def _adopt_known_types(self) -> None:
        """After an update of the app: rows of types it did not know move into their tables."""
        marks = ",".join("?" * len(TYPES))
        with self._write() as db:
            for line, scope in db.execute(
                f"SELECT line,scope FROM other WHERE type IN ({marks})", list(TYPES)
            ).fetchall():
                row = canonical.loads(line)
                cells = codec(row["type"]).to_row(row["id"], scope, row["seq"], row["values"])
                db.execute(_insert(row["type"]), cells)
                db.execute("DELETE FROM other WHERE id=?", (row["id"],))

    # --- codes printed offline -----------------------------------------------------------------------------------

    def add_block(self, block: Block) -> None:
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO block VALUES (?,?,?,?)", (block.use, block.from_no, block.to_no, block.from_no)
            )

    def numbers_left(self, use: str) -> int:
        ((left,),) = self._rows("SELECT coalesce(sum(to_no-next_no+1),0) FROM block WHERE use=?", use)
        return int(left)

    def next_number(self, use: str) -> int:
        """A number nobody else will ever print; used up even if the record is dropped. Raises Trouble 5003."""
        with self._write() as db:
            row = db.execute(
                "UPDATE block SET next_no=next_no+1 WHERE (use,from_no) = (SELECT use,from_no FROM block WHERE use=? AND next_no<=to_no"
                " ORDER BY from_no LIMIT 1) RETURNING next_no-1", (use,),
            ).fetchone()  # fmt: skip
        if row is None:
            raise Trouble(5003, use=use)
        return int(row[0])


def _q(columns: Iterable[str]) -> list[str]:
    return [f'"{c}"' for c in columns]


def _added(db: sqlite3.Connection, scope: str, record: str) -> bool:
    """Note that a row came in this refresh. False if it had come before."""
    return db.execute("INSERT OR IGNORE INTO fresh VALUES (?,?)", (scope, record)).rowcount > 0


def _too_large(one: Change) -> Trouble:
    """The server could never take it: told now, while the person can still shorten it."""
    about, name = TYPES[one.type].about, one.after.get("code") or one.record[-6:]
    mb = f"{len(one.line) / 1e6:.1f}", f"{change.MAX_BYTES / 1e6:.0f}"
    fault = {
        "field": "", "zh": f"{about.zh} {name} 有 {mb[0]} MB，最多 {mb[1]} MB，请删减签名、照片或长文字",
        "en": f"{about.en} {name} has {mb[0]} MB, at most {mb[1]} MB: shorten signatures, pictures or long text",
    }  # fmt: skip
    return Trouble(5002, {"faults": {one.record: [fault]}}, faults={k: fault[k] for k in ("zh", "en")})


@cache
def _insert(type: str) -> str:
    """Columns by name: a table that grew has them in another order than the class."""
    columns = _q(codec(type).columns)
    return f'INSERT OR REPLACE INTO "{type}" ({",".join(columns)}) VALUES ({",".join("?" * len(columns))})'


def values_of(record: Mapping[str, Any]) -> Values:
    """Wire values without what is empty."""
    return {k: v for k, v in record.items() if v not in (None, "", [])}
