"""What this tablet knows of drafts its people keep on the server: which version of which it last kept or took up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from field_app.keys import Identity
from field_app.store.lists import LISTED, Lists


class Kept(NamedTuple):
    """version: on the server, as this tablet last kept or took it; print: what its contents came to then, without what is only how
    they are shown; at: the server's time."""

    version: int
    print: str
    at: str
    scope: str


class Keeping(Lists):
    def kept(self, who: Identity | None = None) -> dict[str, Kept]:
        """record → what is known of its draft on the server; of whose turn it is, or of `who`."""
        said = json.loads(self.meta(_key(who.person if who else self._person())) or "{}")
        return {record: Kept(**one) for record, one in said.items()}

    def set_kept(self, record: str, one: Kept | None, who: Identity | None = None) -> None:
        """None: the server has none any more, or it is no concern of this tablet's."""
        known = self.kept(who)
        if known.get(record) == one:
            return
        known.pop(record, None)
        if one is not None:
            known[record] = one
        text = json.dumps({record: kept._asdict() for record, kept in known.items()})
        self.set_meta(_key(who.person if who else self._person()), text)

    def kept_and_signed(self, who: Identity) -> list[str]:
        """Drafts that are over: their check was finalized here, and has been sent."""
        known = self.kept(who)
        rows = self._rows(
            f"SELECT record, max(EXISTS (SELECT 1 FROM pending p WHERE p.enrolment=j.enrolment AND p.scope=j.scope AND p.pos=j.pos))"
            f" FROM journal j WHERE record IN {LISTED} GROUP BY record", json.dumps(sorted(known)),
        )  # fmt: skip
        return sorted(record for record, waits in rows if not waits)

    def owe_drafted(self, photos: Iterable[tuple[str, str, str]]) -> None:
        """(hash, scope, record) of photos of a draft that is kept on the server: they are sent like those of finished records, so that
        whoever takes the draft up on another tablet has them there."""
        person = self._person()
        with self._write() as db:
            db.executemany("INSERT OR IGNORE INTO blob (sha256,scope,person,record) VALUES (?,?,?,?)",
                           [(sha, scope, person, record) for sha, scope, record in photos])  # fmt: skip


def _key(person: str) -> str:
    return f"kept {person}"
