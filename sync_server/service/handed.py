"""Photos and other files that came by hand, in a rescue bundle, instead of over the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sync_server.service.blobs import OTHER, READ_AT_ONCE, Blobs
from sync_server.store import BlobRow, SourceRow


class Handed(Blobs):
    def senders(self, sha: str, signed: Mapping[str, str], signers: list[str]) -> dict[str, str | None]:
        """scope → the enrolment in whose name a file is taken in, for every scope in which something names it; None where nobody
        of these was ever at work.

        `signed`: scope → who signed a change there that names it, of the changes it came with. For records that name it and
        came before, one of `signers`, who vouch for what lies beside those changes, if he or she was at work in that scope."""
        with self.store.reading() as tx:
            found: dict[str, str | None] = dict(signed)
            for scope in tx.scopes_naming(sha) - found.keys():
                found[scope] = next((e for e in signers if tx.chain(e, scope)), None)
        return found

    def hand_in(self, path: Path, sha: str, name: str, senders: Mapping[str, str]) -> bool:
        """A file whose hash was counted becomes a blob, and `path` is gone; False if it was here, whole, for all of these.

        A file of the same hash that the disk has damaged or lost is mended by it. Raises Trouble 1307 for what poses as a
        picture and is none, 1102."""
        kind = self._kind(path, name)
        size, now = path.stat().st_size, self.now()
        self.shelf.files.take(path, sha)
        with self.store.writing() as tx:
            new = tx.add_blob(BlobRow(sha, size, kind, name, now, "{}" if kind == OTHER else None))
            for scope, enrolment in sorted(senders.items()):
                key = tx.key(enrolment)
                if key is not None:
                    new |= tx.add_blob_source(SourceRow(sha, scope, key.person, enrolment, name, now))
        return new

    def read_handed(self) -> None:
        """What the pictures say of themselves is read now: whoever imports has no process that would do it beside. Raises Trouble
        1102."""
        try:
            while self.read_facts() >= READ_AT_ONCE:
                pass
        finally:
            self.shelf.pictures.close()
