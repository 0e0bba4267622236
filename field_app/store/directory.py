"""The signed directory of each project: its text as it came, under the server's signature, and when the server last said it stands.

It is no pulled row: it outlives a scope that is pulled anew and an epoch, and goes with the last right to its scope.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from field_app.store.lists import Lists
from schemas.rules.handover.directory import Directory, hash_of

CONFIRM = timedelta(minutes=1)  # a younger confirmation is not written again: each write wears the storage


class Directories(Lists):
    _read: dict[
        str, tuple[str, str, str, Directory]
    ] = {}  # scope → text, signature, server's key, what they say; replaced, never changed

    def directory(self, scope: str) -> tuple[Directory, datetime] | None:
        """What is known of keys and names in a transfer scope, and when the server last said so. None where nothing is, where the
        person has no part in the scope, or where what lies here is not what the server signed."""
        who = self.identity
        rows = self._rows("SELECT text,signature,at FROM directory JOIN granted USING (scope) WHERE scope=? AND person=?",
                          scope, who.person if who else "")  # fmt: skip
        if not rows or who is None:
            return None
        text, signature, at = rows[0]
        known = self._read.get(scope)
        if known is None or known[:3] != (text, signature, who.server_key):
            said = Directory.signed(text, signature, who.server_key)
            if said is None:
                return None
            known = (text, signature, who.server_key, said)
            self._read = {**self._read, scope: known}  # one step: others may be reading
        return known[3], datetime.fromisoformat(at)

    def directory_hashes(self) -> dict[str, str]:
        """scope → what the server calls what is in the directory that lies here, whoever may see it."""
        return dict(self._rows("SELECT scope,hash FROM directory"))

    def keep_directory(self, scope: str, text: str, signature: str, at: datetime) -> None:
        """In the place of the one before. Whether the server signed it, the caller has seen to. Raises ValueError where it is none."""
        with self._write() as db:
            row = (scope, text, signature, hash_of(text), at.isoformat())
            db.execute("INSERT OR REPLACE INTO directory (scope,text,signature,hash,at) VALUES (?,?,?,?,?)", row)

    def confirm_directories(self, scopes: Collection[str], at: datetime) -> None:
        """The server says that these still stand."""
        known = self._rows("SELECT scope,at FROM directory")
        old = [scope for scope, was in known if scope in scopes and at - datetime.fromisoformat(was) >= CONFIRM]
        if old:
            with self._write() as db:
                db.executemany("UPDATE directory SET at=? WHERE scope=?", [(at.isoformat(), scope) for scope in old])
