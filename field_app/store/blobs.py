"""Which photos this tablet owes the server, and what became of each.

A photo is owed once a record that names it is finalized: by the person who made the record, in the record's scope. It is paid
when the server says so (`photo_there`), and asked about again once the server's data is another. Nothing here touches a file.

States: waiting; there (on the server); refused (the server does not take it: only a person gets it going again); damaged and
missing (of the file on this tablet: looked at again with every sync).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from field_app.store.base import Base
from schemas.change import Change
from schemas.problems import Trouble

PICTURES = ("jpg", "png", "webp")
OPEN = ("waiting", "damaged", "missing")  # what a sync asks about
_KEY = "person=? AND scope=? AND sha256=?"


class Owed(NamedTuple):
    """A photo, for one person and scope. record: the first that names it; sent: bytes the server had of the upload at `url`;
    fails: tries in vain, one after the other; said: the server's words (zh, en)."""

    sha256: str
    scope: str
    person: str
    record: str
    state: str
    url: str | None
    sent: int
    fails: int
    problem: int | None = None
    said: Mapping[str, str] = {}


class Media(NamedTuple):
    """How many pictures: of `total` so many are `there`. The others: `waiting` for the next sync, of which `held` are of people
    whose key is locked or not here; refused, damaged, missing."""

    total: int = 0
    there: int = 0
    waiting: int = 0
    held: int = 0
    refused: int = 0
    damaged: int = 0
    missing: int = 0


def owe(db: sqlite3.Connection, made: Change) -> None:
    """In the transaction that finalizes the record."""
    sha = made.after.get("sha256") if made.type == "photo" else None
    if sha:
        db.execute("INSERT OR IGNORE INTO blob (sha256,scope,person,record) VALUES (?,?,?,?)",
                   (sha, made.scope, made.by, made.record))  # fmt: skip


def ask_again(db: sqlite3.Connection) -> None:
    """The server's data is another: what it said of photos says nothing any more."""
    db.execute("UPDATE blob SET state='waiting', problem=NULL, detail=NULL WHERE state='there'")
    db.execute("UPDATE blob SET url=NULL, sent=0, fails=0")


class Blobs(Base):
    def owed(self, person: str) -> list[Owed]:
        """What a sync asks the server about in this person's name; those it failed over the last times come last."""
        return self._owed(f"person=? AND state IN ({','.join('?' * len(OPEN))}) ORDER BY fails,record", person, *OPEN)

    def troubled(self, person: str) -> list[Owed]:
        """Photos that wait for this person: refused, damaged, not here, or without a right to send them; the last ones first."""
        where = "person=? AND state<>'there' AND (state<>'waiting' OR problem IS NOT NULL)"
        return self._owed(f"{where} ORDER BY record DESC", person)

    def photo_owed(self, person: str, scope: str, sha: str) -> Owed | None:
        return next(iter(self._owed(_KEY, person, scope, sha)), None)

    def photo_change(self, one: Owed) -> str:
        """The change that made the record which first named it."""
        rows = self._rows("SELECT id FROM journal WHERE record=? ORDER BY rowid LIMIT 1", one.record)
        return str(rows[0][0]) if rows else ""

    def _owed(self, where: str, *args: object) -> list[Owed]:
        sql = f"SELECT sha256,scope,person,record,state,url,sent,fails,problem,detail FROM blob WHERE {where}"
        return [Owed(*row[:-1], said=json.loads(row[-1] or "{}")) for row in self._rows(sql, *args)]

    def media(self) -> Media:
        """Counted by picture: one that is owed to two scopes counts once, and is there when both have it."""
        here = [i.person for i in self.keys.identities.values() if not i.locked]
        (counted,) = self._rows(
            "SELECT count(*), coalesce(sum(n=4),0), coalesce(sum(n=3),0), coalesce(sum(held),0), coalesce(sum(n=0),0),"
            " coalesce(sum(n=1),0), coalesce(sum(n=2),0) FROM (SELECT min(CASE state WHEN 'refused' THEN 0 WHEN 'damaged'"
            " THEN 1 WHEN 'missing' THEN 2 WHEN 'waiting' THEN 3 ELSE 4 END) n, min(state='waiting' AND person NOT IN"
            f" ({','.join('?' * len(here))})) held FROM blob GROUP BY sha256)", *here,
        )  # fmt: skip
        return Media(*counted)

    def photos_there(self) -> set[str]:
        """Pictures the server has for everybody and every scope they are owed to."""
        return {s for (s,) in self._rows("SELECT sha256 FROM blob GROUP BY sha256 HAVING min(state='there')")}

    def photos_owed(self) -> set[str]:
        return {s for (s,) in self._rows("SELECT DISTINCT sha256 FROM blob WHERE state<>'there'")}

    def photo_bytes(self) -> int:
        """Of the files whose photos wait to be sent."""
        waiting = self._rows("SELECT DISTINCT sha256 FROM blob WHERE state='waiting'")
        return sum(p.stat().st_size for (sha,) in waiting if (p := self.photo_file(sha)))

    # --- what became of one --------------------------------------------------------------------------------------

    def photo_there(self, one: Owed) -> None:
        self._become(one, "state='there', url=NULL, sent=0, fails=0, problem=NULL, detail=NULL")

    def photo_begun(self, one: Owed, url: str) -> None:
        """An upload of it was made there."""
        self._become(one, "state='waiting', url=?, sent=0, problem=NULL, detail=NULL", url)

    def photo_left(self, one: Owed, sent: int | None, failed: bool = False) -> None:
        """It was not finished this time; `sent` bytes are there, None = the upload is over. `failed`: and nothing of it arrived."""
        url = "" if sent is not None else ", url=NULL"
        self._become(one, f"state='waiting', sent=?, fails={'fails+1' if failed else '0'}{url}", sent or 0)

    def photo_troubled(self, one: Owed, state: str, trouble: Trouble | None = None) -> None:
        """refused, damaged, missing; or still waiting, for what `trouble` says."""
        number = trouble.problem.number if trouble else None
        said = {lang: trouble.text(lang) for lang in ("zh", "en")} if trouble else {}
        detail = json.dumps(said, ensure_ascii=False) if said else None
        # nothing new is not written again with every sync
        if (one.state, one.problem, one.said) != (state, number, said):
            self._become(one, "state=?, url=NULL, sent=0, problem=?, detail=?", state, number, detail)

    def photos_again(self, person: str) -> None:
        """A person says that those the server refused are to be tried once more."""
        with self._write() as db:
            db.execute("UPDATE blob SET state='waiting', url=NULL, sent=0, fails=0, problem=NULL, detail=NULL"
                       " WHERE state='refused' AND person=?", (person,))  # fmt: skip

    def _become(self, one: Owed, change: str, *args: object) -> None:
        with self._write() as db:
            db.execute(f"UPDATE blob SET {change} WHERE {_KEY}", (*args, one.person, one.scope, one.sha256))

    def photo_file(self, sha: str) -> Path | None:
        """Where a photo lies on this tablet (capture/photo.py puts it there)."""
        places = (self.folder / "photos" / f"{sha}.{kind}" for kind in PICTURES)
        return next((p for p in places if p.is_file()), None)

    def made(self) -> int:
        """Rises with everything finalized here."""
        ((turn,),) = self._rows("SELECT coalesce(max(rowid),0) FROM journal")
        return int(turn)

    def unsent_since(self, turn: int) -> bool:
        """Is something pending that was finalized after that (`made`)?"""
        sql = ("SELECT 1 FROM journal j WHERE j.rowid>? AND EXISTS (SELECT 1 FROM pending p WHERE p.enrolment=j.enrolment"
               " AND p.scope=j.scope AND p.pos=j.pos) LIMIT 1")  # fmt: skip
        return bool(self._rows(sql, turn))


__all__ = ["Blobs", "Media", "Owed", "ask_again", "owe"]
