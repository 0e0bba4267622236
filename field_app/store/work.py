"""What a person does: drafts, 完成, numbers; looking is in lists.py."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from field_app.keys import Identity
from field_app.store.blobs import owe
from field_app.store.lists import Lists
from field_app.store.rows import Edit, Seen, Values, values_of
from field_app.words import say
from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.change import Change
from schemas.merge import put, whole_atoms
from schemas.problems import Trouble
from schemas.records import TYPES, check, missing
from schemas.rules import rechecks
from schemas.rules.onsite import SIGNED_WITH, stops
from schemas.wire import Block


class Work(Lists):
    # --- who works here ------------------------------------------------------------------------------------------

    def people(self) -> list[tuple[str, str]]:
        """(enrolment, name) of everybody enrolled on this tablet."""
        return [(i.enrolment, i.person_name) for i in self.keys.identities.values()]

    def turn(self, enrolment: str) -> None:
        """Another person takes the tablet: from now on changes are his or hers, and so is what can be seen."""
        self.keys.turn(enrolment)

    # --- drafts: every edit, at once -----------------------------------------------------------------------------

    def save_draft(self, type: str, record: str, scope: str, values: Values, parent: str | None = None) -> None:
        text, at = canonical.dumps(values).decode(), self.clock.now().isoformat()
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO draft (record,scope,type,vals,parent,updated_at,person) VALUES (?,?,?,?,?,?,?)",
                (record, scope, type, text, parent, at, self._person()),
            )

    def drafts(self, type: str | None = None, parent: str | None = None) -> list[Seen]:
        """The person's own ones, the oldest first: who starts a record signs it."""
        sql, args = "SELECT type,record,scope,vals FROM draft WHERE person=?", [self._person()]
        for column, wanted in (("type", type), ("parent", parent)):
            if wanted is not None:
                sql, args = f"{sql} AND {column}=?", [*args, wanted]
        return [
            Seen(t, r, s, 0, json.loads(v), "draft") for t, r, s, v in self._rows(sql + " ORDER BY updated_at", *args)
        ]

    def drop_draft(self, record: str) -> None:
        with self._write() as db:
            db.execute("DELETE FROM draft WHERE record=? AND person=?", (record, self._person()))

    # --- finalize ------------------------------------------------------------------------------------------------

    def finalize(self, edits: Sequence[Edit], complete: bool = True) -> list[Change]:
        """完成: validate, then in ONE transaction append the changes and show them. All edits or none.

        complete=False skips what only 完成 asks for (`missing`), as for an amendment to one field.
        Raises Trouble 5002 with the faults by record, 5001 when the device is full, 6402 where a signed record would change."""
        identity = self.keys.require()
        edits = [
            e._replace(values=values_of(e.values)) for e in edits
        ]  # an emptied list is as absent as an emptied text
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
                db.execute("DELETE FROM draft WHERE record=? AND person=?", (edit.record, identity.person))
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
        if now is None:
            before, after = {}, edit.values
        else:
            before, after = whole_atoms(TYPES[edit.type], now, edit.values)
            if not after:
                return None
            if edit.type in SIGNED_WITH and (
                record := stops(edit.type, now, edit.values, lambda type, id: self._view(db, type, id))
            ):
                raise Trouble(6402, code=record.get("code", "?"))
        if edit.type == "recheck":
            self._stands(now, {**(now or {}), **after}, identity.person)
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
        try:
            change.decode(one.line)
        except (
            NotCanonical
        ) as err:  # pasted text may hold what no database takes: told now, not by the server days later
            raise _unfit(one, err) from err
        pos, link = self._next_place(db, identity, one)
        db.execute(
            "INSERT INTO journal VALUES (?,?,?,?,?,?,?,?,?)",
            (identity.enrolment, edit.scope, pos, one.id, edit.type, edit.record, one.line, link, identity.person),
        )
        db.execute("INSERT INTO pending (enrolment,scope,pos) VALUES (?,?,?)", (identity.enrolment, edit.scope, pos))
        db.execute("INSERT INTO ahead (id,scope,record) VALUES (?,?,?)", (one.id, edit.scope, edit.record))
        owe(db, one)
        seen = dict(now or {})
        put(seen, after)
        self._set_overlay(db, edit.record, edit.scope, edit.type, seen)
        return one

    def _stands(self, now: Values | None, new: Values, by: str) -> None:
        """A re-check in one's own name, unchanged once it is signed: what the server would refuse is told at once."""
        if now is not None and rechecks.frozen(now, {k: v for k, v in new.items() if v is not None}):
            raise Trouble(6431)
        given = {k: v for k, v in new.items() if v is not None}
        if (now is not None and rechecks.anothers(now, given, by)) or rechecks.borrowed(given, by):
            raise Trouble(6430)

    def counts(self) -> dict[str, int]:
        """What the safe line shows: how much is on this device, and how much of it is not on the server.

        foreign: pending, but of an enrolment whose key is not here, so that nobody here can send it. locked: pending, and sent
        once its person has unlocked."""
        ((total,),) = self._rows("SELECT count(*) FROM journal")
        ((pending,),) = self._rows("SELECT count(*) FROM pending")
        here = list(self.keys.identities)
        marks = ",".join("?" * len(here))
        ((foreign,),) = self._rows(f"SELECT count(*) FROM pending WHERE enrolment NOT IN ({marks})", *here)
        locked = 0
        if shut := [i for i in self.keys.identities.values() if i.locked]:
            marks = ",".join("?" * len(shut))
            of = [i.enrolment for i in shut]
            ((locked,),) = self._rows(f"SELECT count(*) FROM pending WHERE enrolment IN ({marks})", *of)
            if foreign:  # of a former enrolment of theirs: carried over when they unlock
                sql = (
                    "SELECT count(*) FROM pending JOIN journal j USING (enrolment,scope,pos) WHERE enrolment NOT IN"
                    f" ({','.join('?' * len(here))}) AND j.person IN ({marks})"
                )
                ((former,),) = self._rows(sql, *here, *(i.person for i in shut))
                foreign, locked = foreign - former, locked + former
        kinds = dict(self._rows("SELECT outcome, count(*) FROM outcome WHERE outcome<>'applied' GROUP BY outcome"))
        return {
            "finalized": total,
            "pending": pending,
            "foreign": foreign,
            "locked": locked,
            **{k: kinds.get(k, 0) for k in ("parked", "rejected", "conflict")},
        }

    def outcomes(self, *kinds: str) -> list[tuple[str, str, str, str, dict[str, Any]]]:
        """(change id, type, record, outcome, detail) of the person's changes that were not simply applied."""
        marks = ",".join("?" * len(kinds))
        rows = self._rows(
            "SELECT o.id,o.type,o.record,o.outcome,o.detail FROM outcome o JOIN journal j ON j.id=o.id"
            f" WHERE o.outcome IN ({marks}) AND j.person=? ORDER BY o.at", *kinds, self._person(),
        )  # fmt: skip
        return [(i, t, r, o, json.loads(d or "{}")) for i, t, r, o, d in rows]

    def changes(self) -> list[tuple[str, int, Change]]:
        """(scope, position, change) of everything ever finalized here. A line whose bytes rotted is left out: it is sent as
        it is, and the server tells."""
        out = []
        for scope, pos, line in self._rows("SELECT scope,pos,line FROM journal ORDER BY scope,pos"):
            with suppress(NotCanonical):
                out.append((scope, pos, change.decode(line)))
        return out

    def sends(self) -> dict[str, int]:
        """change id → how often it was sent."""
        return {i: n for i, n in self._rows("SELECT id, sends FROM outcome")}

    def add_block(self, block: Block) -> None:
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO block VALUES (?,?,?,?)", (block.use, block.from_no, block.to_no, block.from_no)
            )

    def numbers_left(self, use: str) -> int:
        ((left,),) = self._rows("SELECT coalesce(sum(to_no-next_no+1),0) FROM block WHERE use=?", use)
        return int(left)

    def following_number(self, use: str) -> int | None:
        """What `next_number` would give now; None where the numbers of this device are used up."""
        rows = self._rows("SELECT next_no FROM block WHERE use=? AND next_no<=to_no ORDER BY from_no LIMIT 1", use)
        return int(rows[0][0]) if rows else None

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


def _unfit(one: Change, err: NotCanonical) -> Trouble:
    about, (zh, _, en) = TYPES[one.type].about, str(err).partition(" ‖ ")
    return _fault(one, say("zh", "fault.unfit", type=about.zh, why=zh), say("en", "fault.unfit", type=about.en, why=en))


def _too_large(one: Change) -> Trouble:
    """The server could never take it: told now, while the person can still shorten it."""
    about, name = TYPES[one.type].about, one.after.get("code") or one.record[-6:]
    size = {"name": name, "mb": f"{len(one.line) / 1e6:.1f}", "most": f"{change.MAX_BYTES / 1e6:.0f}"}
    return _fault(one, say("zh", "fault.large", type=about.zh, **size), say("en", "fault.large", type=about.en, **size))


def _fault(one: Change, zh: str, en: str) -> Trouble:
    return Trouble(5002, {"faults": {one.record: [{"field": "", "zh": zh, "en": en}]}}, faults={"zh": zh, "en": en})
