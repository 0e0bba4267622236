"""Photos and other files that are here: who may see one, and what it says of itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import BinaryIO, NamedTuple

from schemas.problems import Trouble
from schemas.rules.picture import NotAPicture
from sync_server.access import may_read
from sync_server.blobs.beside import Beside
from sync_server.blobs.shelf import Shelf
from sync_server.service.base import Caller
from sync_server.service.uploads import OTHER, Uploads
from sync_server.store import BlobRow

log = logging.getLogger("jingtu")
READ_AT_ONCE = 20  # pictures whose own facts are read between two transactions


class Seen(NamedTuple):
    """A blob as somebody may see it; `name` as whoever sent it for a scope he or she may read named it."""

    blob: BlobRow
    name: str


class Blobs(Uploads):
    def see_blob(
        self, caller: Caller, sha: str, scope_id: str | Collection[str] | None = None, ask: bool = False
    ) -> Seen:
        """A file, for who sent it and for who may read a record that names it in a scope it was sent for; `scope_id`: only
        as far as this scope, or these, go. To everybody else it is not there, and finding that out takes as many questions.

        `ask`: only whether it is there, which a revoked device may know of what it sent itself. Raises Trouble 1309, 2005."""
        with self.store.reading() as tx:
            blob, sources, named = tx.blob(sha), tx.blob_sources(sha), tx.scopes_naming(sha)
            revoked = False
            if caller.enrolment:
                key = tx.key(caller.enrolment)
                revoked = key is None or key.state != "enrolled"
            held, home = tx.memberships(caller.person), self.home(tx)
            scopes = {s.id: s for s in tx.scopes_named(sorted({s.scope for s in sources}))}
        if revoked and not ask:
            raise Trouble(2005)
        name, only = None, {scope_id} if isinstance(scope_id, str) else scope_id
        for source in sources:
            if only is not None and source.scope not in only:
                continue
            if revoked:
                sees = source.enrolment == caller.enrolment
            else:
                scope = scopes.get(source.scope)
                sees = source.person == caller.person or (
                    scope is not None and source.scope in named
                    and may_read(self._roles_of(held, home, scope.owner, scope.audience), scope.audience)
                )  # fmt: skip
            if sees:
                name = source.name
                break
        if blob is None or name is None:
            raise Trouble(1309)
        if self.shelf.files.size(sha) != blob.size:  # to be sent again by whoever has it
            log.error("blob %s is not as it was taken", sha)
            raise Trouble(1309)
        return Seen(blob, name)

    def open_blob(self, sha: str) -> BinaryIO:
        """Of one that `see_blob` showed. Raises Trouble 1309."""
        try:
            return self.shelf.files.open(sha)
        except FileNotFoundError as err:
            raise Trouble(1309) from err

    def thumbnail(self, caller: Caller, sha: str, size: int, scope_id: str | Collection[str] | None = None) -> bytes:
        """A small JPEG of it, upright. Raises Trouble 1309, also where there is no picture in it; 2005."""
        seen = self.see_blob(caller, sha, scope_id)
        made = None
        if seen.blob.kind != OTHER:
            made = self.shelf.pictures.thumbnail(self.shelf.files.path(sha), sha, size)
        if made is None:
            raise Trouble(1309)
        return made

    # --- what pictures say of themselves -------------------------------------------------------------------------

    def look_beside(self) -> None:
        """What pictures say of themselves is read from now on, beside everything else; also what was not read before."""
        self._facts_reader.look()

    def read_facts(self, at_most: int = READ_AT_ONCE) -> int:
        """Read what some pictures say of themselves that nobody has asked yet; how many there were. Raises Trouble 1102."""
        with self.store.reading() as tx:
            todo = [sha for sha in tx.blobs_unread(at_most + len(self._unreadable)) if sha not in self._unreadable]
        said: dict[str, str] = {}
        for sha in todo[:at_most]:
            if not self.shelf.files.has(sha):  # it says nothing as long as it is away
                self._unreadable.add(sha)
                continue
            try:
                said[sha] = json.dumps(self.shelf.pictures.facts(self.shelf.files.path(sha)), ensure_ascii=False)
            except NotAPicture:
                said[sha] = "{}"
            except Exception:  # the next process tries it again
                log.exception("what blob %s says of itself cannot be read", sha)
                self._unreadable.add(sha)
        if said:
            with self.store.writing() as tx:
                for sha, text in said.items():
                    tx.set_exif(sha, text)
        return len(todo)

    def rest(self) -> None:
        """What goes on beside requests ends."""
        self._facts_reader.rest()
        if self._shelf is not None:
            self._shelf.pictures.close()

    def _begin_blobs(self, shelf: Shelf | None) -> None:
        self._begin_uploads(shelf)
        self._unreadable: set[str] = set()
        self._facts_reader = Beside(lambda: self.read_facts() >= READ_AT_ONCE)


__all__ = ["OTHER", "READ_AT_ONCE", "Blobs", "Seen"]
