"""What comes in: what the person may see, rows, epochs, and what this device had seen of an earlier one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from field_app.keys import Identity
from field_app.store.base import Base, put_rows, quoted
from field_app.store.blobs import ask_again
from field_app.store.rows import BATCH_BYTES
from schemas import canonical
from schemas.records import TYPES
from schemas.rows import codec
from schemas.rules import evidence
from schemas.wire import PullHead, ScopeGrant

# Counts how often rows went, or may have changed, without a higher seq: who goes by seq has to look at all again.
PULLED_ANEW = (
    "INSERT INTO meta VALUES ('pulled_anew','1')"
    " ON CONFLICT (key) DO UPDATE SET value=CAST(CAST(value AS INTEGER)+1 AS TEXT)"
)


class Incoming(Base):
    def grant(self, scopes: Sequence[ScopeGrant], who: Identity | None = None) -> list[str]:
        """Take note of what a person may see now (default: whose turn it is). Scopes nobody on this tablet may read any more
        lose their pulled rows, never unsent ones; those are returned. What a person only hands in to shows her own records."""
        person = (who or self.keys.require()).person
        with self._write() as db:
            here = [i.person for i in self.keys.identities.values() if i.person != person]
            # also of people who are on this tablet no more
            db.execute(f"DELETE FROM granted WHERE person NOT IN ({','.join('?' * len(here))})", here)
            for s in scopes:
                db.execute(
                    "INSERT INTO scope (id,audience,owner,name,digest) VALUES (?,?,?,?,?) ON CONFLICT (id) DO UPDATE"
                    " SET name=excluded.name, left_at=NULL", (s.scope, s.audience, s.owner, s.name, evidence.digest_hex(0)),
                )  # fmt: skip
                row = (person, s.scope, json.dumps(s.roles), json.dumps(s.writes), int(s.reads))
                db.execute("INSERT INTO granted (person,scope,roles,writes,reads) VALUES (?,?,?,?,?)", row)
            left = db.execute(
                "SELECT id, id IN (SELECT scope FROM granted) FROM scope WHERE left_at IS NULL"
                " AND id NOT IN (SELECT scope FROM granted WHERE reads)"
            ).fetchall()
            gone = [scope for scope, hands_in in left if not hands_in or self._has_base(db, scope)]
            for scope in gone:
                self._forget_base(db, scope)
            for scope in (scope for scope, hands_in in left if not hands_in):
                db.execute("DELETE FROM directory WHERE scope=?", (scope,))
                db.execute("UPDATE scope SET left_at=? WHERE id=?", (self.clock.now().isoformat(), scope))
            for s in scopes:
                if not s.reads:
                    self._keep_own(db, s.scope, person)
        return gone

    def _has_base(self, db: sqlite3.Connection, scope: str) -> bool:
        """Was anything of it pulled, and not forgotten since?"""
        return bool(db.execute("SELECT 1 FROM scope WHERE id=? AND (cursor>0 OR refreshing<>0)", (scope,)).fetchall())

    def _keep_own(self, db: sqlite3.Connection, scope: str, person: str) -> None:
        """What this person made in a scope he or she does not read goes on being shown as it was made, however long ago the server
        took it: no pull ever brings it."""
        back = db.execute(
            "INSERT INTO ahead (id,scope,record,seq) SELECT j.id, j.scope, j.record, iif(p.pos IS NULL,o.seq,NULL) FROM journal j"
            " JOIN outcome o ON o.id=j.id LEFT JOIN pending p USING (enrolment,scope,pos) WHERE j.scope=? AND j.person=?"
            " AND o.outcome IN ('applied','conflict') AND j.id NOT IN (SELECT id FROM ahead) RETURNING record",
            (scope, person),
        ).fetchall()
        if back:
            self._drop_pulled(db, scope, {record for (record,) in back})

    def _forget_base(self, db: sqlite3.Connection, scope: str) -> None:
        """At once: the person may not see these rows any more."""
        for table in (*TYPES, "other"):
            db.execute(f'DELETE FROM "{table}" WHERE scope=?', (scope,))
        db.execute("DELETE FROM fresh WHERE scope=?", (scope,))
        db.execute("DELETE FROM offer WHERE scope=?", (scope,))
        db.execute("DELETE FROM meta WHERE key LIKE 'state %'")
        db.execute("UPDATE scope SET cursor=0, digest=?, refreshing=0 WHERE id=?", (evidence.digest_hex(0), scope))
        db.execute(PULLED_ANEW)
        own = db.execute("UPDATE ahead SET own=0 WHERE scope=? AND own<>0 RETURNING record", (scope,)).fetchall()
        for record in {record for (record,) in own}:  # of what the base said nothing is left in it
            self._make_overlay(db, record)

    def state(self, who: Identity) -> str | None:
        """What the server called the state it was in when everything of it had come that this person may see."""
        return self.meta(f"state {who.enrolment}")

    def set_state(self, who: Identity, state: str) -> None:
        if state != self.state(who):
            self.set_meta(f"state {who.enrolment}", state)

    def cursor(self, scope: str) -> int:
        rows = self._rows("SELECT cursor FROM scope WHERE id=?", scope)
        return int(rows[0][0]) if rows else 0

    def refreshing(self, scope: str) -> bool:
        """Is it being pulled anew, and not all of it here yet?"""
        return bool(self._rows("SELECT 1 FROM scope WHERE id=? AND refreshing<>0", scope))

    def digest(self, scope: str) -> str:
        rows = self._rows("SELECT digest FROM scope WHERE id=?", scope)
        return str(rows[0][0]) if rows else evidence.digest_hex(0)

    def apply_pull(self, scope: str, head: PullHead, lines: Sequence[bytes]) -> None:
        """Rows and cursor in one transaction: a kill in between repeats the pull, never skips a row.

        In a refresh the digest counts only rows that came since it began; the others go with the last page."""
        with self._write() as db:
            text, refreshing = db.execute("SELECT digest,refreshing FROM scope WHERE id=?", (scope,)).fetchone()
            total = int(text, 16)
            cells: dict[str, list[Any]] = {}
            for line in lines:
                row = canonical.loads(line)
                type_, record, seq, values = row["type"], row["id"], row["seq"], row["values"]
                total += evidence.row_hash(line)
                known = type_ in TYPES
                one = codec(type_).to_row(record, scope, seq, values) if known else (record, scope, seq, type_, line)
                cells.setdefault(type_ if known else "", []).append(one)
            for type_, rows in cells.items():
                ids = [r[0] for r in rows]
                # in a refresh an old row that did not come again yet is not counted
                counted = _also_fresh(db, scope, ids) if refreshing else ids
                total -= self._old_hashes(db, type_, counted)
                if type_:
                    put_rows(db, type_, rows)
                else:
                    db.executemany("INSERT OR REPLACE INTO other VALUES (?,?,?,?,?)", rows)
            db.execute(
                "UPDATE scope SET cursor=?, digest=?, pulled_at=? WHERE id=?",
                (head.cursor, evidence.digest_hex(total), self.clock.now().isoformat(), scope),
            )
            self._drop_pulled(db, scope, _with_layer(db, [r[0] for rows in cells.values() for r in rows]))
            if refreshing and not head.more:
                self._end_refresh(db, scope)

    def _old_hashes(self, db: sqlite3.Connection, type: str, ids: Sequence[str]) -> int:
        """The sum over the rows that are there now; type "" = of types this version does not know."""
        if not type:
            lines = db.execute(f"SELECT line FROM other WHERE id IN {LISTED}", (json.dumps(ids),))
            return sum(evidence.row_hash(line) for (line,) in lines)
        c = codec(type)
        rows = db.execute(
            f'SELECT {",".join(quoted(c.columns))} FROM "{type}" WHERE id IN {LISTED}', (json.dumps(ids),)
        ).fetchall()
        return sum(evidence.row_hash(evidence.row_line(type, r[0], r[2], c.from_row(r))) for r in rows)

    def _drop_pulled(self, db: sqlite3.Connection, scope: str, touched: set[str]) -> None:
        """Changes whose rows are in the base by now leave `ahead`, but those of a person who does not read the base stay as `own`;
        overlays of what moved are made anew."""
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
        records = set(touched)
        for (type_,) in kinds:
            # the cursor alone does not say it: a record that moved on since comes with a later page
            there = f'scope=? AND seq<=? AND EXISTS (SELECT 1 FROM "{type_}" b WHERE b.id=ahead.record AND b.seq>=ahead.seq){fresh}'
            for statement in (
                f"UPDATE ahead SET own=1 WHERE {there} AND own=0 AND {_BLIND} RETURNING record",
                f"DELETE FROM ahead WHERE {there} AND NOT {_BLIND} RETURNING record",
            ):
                records |= {r for (r,) in db.execute(statement, up_to).fetchall()}
        for record in records:
            self._make_overlay(db, record)

    def start_over(self, scope: str) -> None:
        """Pull a scope anew from 0. Its rows stay until their replacement is here; pending changes are untouched."""
        with self._write() as db:
            self._refresh(db, scope)

    def new_epoch(self, epoch: str, since: Mapping[str, int] | None = None) -> None:
        """The server's data is another: pull all again, and offer every change again (known ones cost nothing).

        `since`: up to which seq of each scope it is still the same; rows above are kept to be offered (`offers`): they may
        be of edits on the server that its backup does not hold. Accepted changes do not come back into `ahead`: the old
        rows show them until the new ones are here."""
        with self._write() as db:
            for scope, refreshing in db.execute(
                "SELECT id,refreshing FROM scope WHERE cursor>0 OR refreshing<>0"
                " OR id NOT IN (SELECT scope FROM granted) OR id IN (SELECT scope FROM granted WHERE reads)"
            ).fetchall():  # not of those one only hands in to: nothing of them will come
                self._keep_offers(db, scope, (since or {}).get(scope, 0), bool(refreshing))
                self._refresh(db, scope)
            for identity in self.keys.identities.values():
                # also what the person sent under former enrolments: the backup may be older than it
                db.execute(
                    "INSERT OR IGNORE INTO pending (enrolment,scope,pos,sends) SELECT enrolment,scope,pos,0 FROM journal"
                    " WHERE enrolment=? OR person=?", (identity.enrolment, identity.person),
                )  # fmt: skip
                if not identity.locked:  # else when it is unlocked
                    self._carry(db, identity)
            # the accepted changes of a person without a key here are not offered again: no new seq would release them
            gone = db.execute(
                "DELETE FROM ahead WHERE seq IS NOT NULL AND id NOT IN"
                " (SELECT j.id FROM pending JOIN journal j USING (enrolment,scope,pos)) RETURNING record"
            ).fetchall()
            db.execute("UPDATE ahead SET seq=NULL, own=0")
            ask_again(db)
            for (record,) in gone:
                self._make_overlay(db, record)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('epoch',?)", (epoch,))

    def _keep_offers(self, db: sqlite3.Connection, scope: str, since: int, refreshing: bool) -> None:
        """Rows above `since`. In a refresh that had not ended only those that came in it are of the epoch that ends now;
        what else is there is of one before, and what was put aside of it then was measured by another backup: all of it is
        kept, under no epoch, and the server leaves out what it has."""
        epoch = self.meta("epoch") or ""
        if not refreshing:
            self._put_aside(db, scope, epoch, "", (scope, since))
            return
        self._put_aside(db, scope, epoch, " AND id IN (SELECT id FROM fresh WHERE scope=?)", (scope, since, scope))
        old = " AND id NOT IN (SELECT id FROM fresh WHERE scope=?) AND id NOT IN (SELECT id FROM offer WHERE scope=?)"
        self._put_aside(db, scope, "", old, (scope, 0, scope, scope))

    def _put_aside(self, db: sqlite3.Connection, scope: str, epoch: str, only: str, args: Sequence[Any]) -> None:
        lines = db.execute(f"SELECT id, line FROM other WHERE scope=? AND seq>?{only}", args).fetchall()
        for type_ in TYPES:
            c = codec(type_)
            sql = f'SELECT {",".join(quoted(c.columns))} FROM "{type_}" WHERE scope=? AND seq>?{only}'
            lines += [(r[0], evidence.row_line(type_, r[0], r[2], c.from_row(r))) for r in db.execute(sql, args)]
        db.executemany("INSERT OR REPLACE INTO offer VALUES (?,?,?,?)", [(scope, i, epoch, line) for i, line in lines])

    def offers(self, scope: str, limit: int) -> tuple[str, dict[str, bytes]]:
        """An epoch that is no more ("" = one of several), and row lines as they were pulled in it: record → line; at most
        `limit` and about BATCH_BYTES, but always one."""
        sizes = self._rows(
            "SELECT epoch, id, length(line) FROM offer WHERE scope=? ORDER BY epoch, id LIMIT ?", scope, limit
        )
        first, room, ids = sizes[0][0] if sizes else "", BATCH_BYTES, list[str]()
        for epoch, id, size in sizes:
            room -= size
            if epoch != first or (room < 0 and ids):
                break
            ids.append(id)
        sql = f"SELECT id, line FROM offer WHERE scope=? AND epoch=? AND id IN {LISTED} ORDER BY id"
        return first, dict(self._rows(sql, scope, first, json.dumps(ids)))

    def offered(self, scope: str, epoch: str, ids: Iterable[str]) -> None:
        with self._write() as db:
            rows = [(scope, epoch, i) for i in ids]
            db.executemany("DELETE FROM offer WHERE scope=? AND epoch=? AND id=?", rows)

    def _refresh(self, db: sqlite3.Connection, scope: str) -> None:
        zero = evidence.digest_hex(0)
        db.execute("DELETE FROM meta WHERE key LIKE 'state %'")  # not everything is here any more
        db.execute("UPDATE scope SET cursor=0, digest=?, refreshing=1 WHERE id=?", (zero, scope))
        db.execute("DELETE FROM fresh WHERE scope=?", (scope,))
        db.execute(PULLED_ANEW)

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
        db.execute(PULLED_ANEW)
        for (record,) in gone:
            self._make_overlay(db, record)

    def recount_digest(self, scope: str) -> str:
        """The digest from the rows themselves, to check the one kept up along the way."""
        total = 0
        for type_ in TYPES:
            c = codec(type_)
            for row in self._rows(f'SELECT {",".join(quoted(c.columns))} FROM "{type_}" WHERE scope=?', scope):
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
                put_rows(db, row["type"], [cells])
                db.execute("DELETE FROM other WHERE id=?", (row["id"],))


LISTED = "(SELECT value FROM json_each(?))"  # one statement whatever the number of ids
# Did somebody make it who hands in to its scope and does not read it?
_BLIND = (
    "EXISTS (SELECT 1 FROM journal j JOIN granted g ON g.person=j.person AND g.scope=ahead.scope"
    " WHERE j.id=ahead.id AND NOT g.reads)"
)


def _also_fresh(db: sqlite3.Connection, scope: str, ids: Sequence[str]) -> list[str]:
    """Which of these had come in this refresh before; from now on all have."""
    had = db.execute(f"SELECT id FROM fresh WHERE scope=? AND id IN {LISTED}", (scope, json.dumps(ids))).fetchall()
    db.executemany("INSERT OR IGNORE INTO fresh VALUES (?,?)", [(scope, i) for i in ids])
    return [i for (i,) in had]


def _with_layer(db: sqlite3.Connection, ids: Sequence[str]) -> set[str]:
    """Which of these have changes of this device on top, or an overlay that may have to go."""
    text = json.dumps(ids)
    found = db.execute(
        f"SELECT record FROM overlay WHERE record IN {LISTED} UNION SELECT record FROM ahead WHERE record IN {LISTED}",
        (text, text),
    )
    return {r for (r,) in found}
