"""Photos and other files on their way: who may send one, and what becomes of what was sent."""

from __future__ import annotations

import logging
import shutil
import threading
import time
import unicodedata
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.problems import Trouble
from schemas.rules.picture import REASONS, NotAPicture
from sync_server.access import may_read
from sync_server.blobs.beside import Beside
from sync_server.blobs.incoming import Checksum, Incoming, forget, hash_of, make_empty, mark_whole, whole_mark
from sync_server.blobs.shelf import Shelf
from sync_server.service.base import Base, Caller
from sync_server.store import BlobRow, SourceRow, Tx, UploadRow

log = logging.getLogger("jingtu")
STEP = 8 << 20  # bytes of one long request after which what came so far is kept, should the server die in its middle
PATIENCE_S = 0.5  # after a cut whoever was cut off is back before the writer of the dead line has noticed and gone
SUMS = 256  # uploads whose hash so far is remembered
CLEAR_S = 600  # how often uploads that ended are looked for
FOR_RECORDS = 1 << 30  # bytes of the disk that no photo takes, or a twentieth of a small one
EMPTY_MS = 3_600_000  # an upload to which nothing has come: whoever began it never heard of it, and begins another
STRAY_S = 3600  # a file without its upload is somebody's who is just making one, or left by a crash: then it is older
OTHER = "other"  # the kind of what is no picture


class Uploads(Base):
    _shelf: Shelf | None
    _cleared: float  # when uploads that ended were looked for, by the clock that never jumps
    _facts_reader: Beside  # reads beside requests what pictures say of themselves

    # --- what all of it stands on --------------------------------------------------------------------------------

    @property
    def shelf(self) -> Shelf:
        if self._shelf is None:
            raise RuntimeError("this service was made without a place for files")
        return self._shelf

    def _begin_uploads(self, shelf: Shelf | None) -> None:
        self._shelf = shelf
        self._sums: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._sums_lock = threading.Lock()
        self._cleared = time.monotonic()

    # --- files on their way --------------------------------------------------------------------------------------

    def begin_upload(
        self, caller: Caller, sha: str, size: int, name: str, scope_id: str, metadata: str = ""
    ) -> UploadRow:
        """Somebody announces a file. A device that was revoked may, and whoever ever belonged to the project: what was
        recorded then must not be lost. `metadata`: all of what was said, word for word.

        Raises Trouble 2004, 2010; 1301, 1307 (nothing in it), 1311; 1102."""
        shelf = self.shelf
        if size > shelf.max_bytes:
            raise Trouble(1301, size=size, limit=shelf.max_bytes)
        if size == 0:
            raise Trouble(1307, why=_words("empty"))
        self._clear_now_and_then()
        row = UploadRow(self.new_id(), sha, size, 0, safe_name(name), scope_id, caller.person, caller.enrolment,
                        self.now_ms() + min(shelf.upload_ms, EMPTY_MS), metadata)  # fmt: skip
        with self.store.writing() as tx:
            self._may_send(tx, caller, scope_id)
            tx.turn(f"uploads {caller.person}")  # many at once cannot slip past the limit together
            if tx.uploads_of(caller.person, self.now_ms()) >= shelf.per_person:
                raise Trouble(1311, limit=shelf.per_person)
            path = self._upload_path(row.id)
            make_empty(path)  # what a failing transaction leaves of it is a stray
            try:
                self._room_for(size)
            except Trouble:
                path.unlink()
                raise
            tx.add_upload(row)
        return row

    def _room_for(self, size: int) -> None:
        """The last of the disk is for records, which must not wait until somebody has made room for photos. Raises Trouble 1102."""
        disk = shutil.disk_usage(self.shelf.uploads)
        if disk.free - size < min(FOR_RECORDS, disk.total // 20):
            raise Trouble(1102)

    def _may_send(self, tx: Tx, caller: Caller, scope_id: str) -> None:
        scope = tx.scope(scope_id)
        if caller.enrolment and tx.key(caller.enrolment) is None:
            raise Trouble(2010)
        if scope is None or not (
            may_read(self._roles(tx, caller.person, scope.owner, scope.audience), scope.audience)
            or self._ever_member(tx, caller.person, scope)
            or (caller.enrolment and tx.chain(caller.enrolment, scope_id))
        ):
            raise Trouble(2004)

    def upload_at(self, caller: Caller, id: str) -> UploadRow:
        """How far an upload is. Raises Trouble 1305 for one that is over, expired or somebody else's."""
        with self.store.reading() as tx:
            row = self._own_upload(tx, caller, id)
        path = self._upload_path(row.id)
        try:
            there = path.stat().st_size
        except FileNotFoundError:
            if self._finish_marked(row):
                return row._replace(stands_at=row.size)
            there = 0
        if there < row.stands_at:  # the folder of uploads is not what it was; the whole has to come again
            raise Trouble(1305)
        return row

    def append_to(
        self, caller: Caller, id: str, offset: int, coming: int | None, checksum: Checksum | None
    ) -> Incoming:
        """Open an upload's file for its one writer, who gives it to `write_upload` and `end_upload`, and closes it.

        `coming`: how many bytes are said to come. Raises Trouble 1305, 1304 (another is at it), 1302 (other offset), 1301."""
        path = self._upload_path(id)
        try:
            work = Incoming(path, PATIENCE_S)
        except FileNotFoundError:
            work = self._reopened(caller, id, path)
        try:
            with self.store.reading() as tx:  # only now: another writer may just have gone
                row = self._own_upload(tx, caller, id)
            if work.on_disk() < row.stands_at:
                raise Trouble(1305)
            if offset != row.stands_at:
                raise Trouble(1302, {"offset": row.stands_at}, offset=row.stands_at)
            if coming is not None and offset + coming > row.size:
                raise Trouble(1301, size=offset + coming, limit=row.size)
            self._room_for(row.size - offset if coming is None else coming)
            work.begin(row, self._sum(row), checksum)
        except BaseException:
            work.close()
            raise
        return work

    def _reopened(self, caller: Caller, id: str, path: Path) -> Incoming:
        """The file of an upload is not there: it became the blob, or the power went before its name was on the disk."""
        with self.store.reading() as tx:
            row = self._own_upload(tx, caller, id)
        if self._finish_marked(row) or row.stands_at:
            raise Trouble(1305)
        with suppress(FileExistsError):
            make_empty(path)
        try:
            work = Incoming(path)
        except FileNotFoundError as err:
            raise Trouble(1305) from err
        try:
            with self.store.reading() as tx:
                self._own_upload(tx, caller, id)
        except BaseException:  # it became the blob between the two looks: nobody needs another file
            path.unlink(missing_ok=True)
            work.close()
            raise
        return work

    def write_upload(self, work: Incoming, data: bytes | bytearray) -> None:
        """Some of the bytes of a request. Raises Trouble 1301, 1102."""
        work.write(data)
        if work.checksum is None and work.at - work.kept >= STEP and work.at < work.row.size:
            self._keep(work)

    def end_upload(self, work: Incoming, data: bytes | bytearray, cut: bool) -> UploadRow | None:
        """The last bytes of a request; `cut`: the line went dead before all had come. None: the file was whole, and is in.

        What came of a cut request counts, unless it should have fitted a checksum. Raises Trouble 1001, 1301, 1303, 1306, 1307
        (then the upload is over), 1102."""
        work.write(data)
        if work.checksum is not None and cut:
            raise Trouble(1001, why={"zh": "请求没有传完", "en": "the request did not arrive whole"})
        if not work.fits():
            raise Trouble(1303)
        if work.at < work.row.size:
            self._keep(work)
            return work.row._replace(stands_at=work.at, expires_at=self._until())
        self._finish_upload(work)
        return None

    def _keep(self, work: Incoming) -> None:
        if work.at == work.kept:
            return
        work.keep()
        with self.store.writing() as tx:
            tx.move_upload(work.row.id, work.at, self._until())
        if work.sum is not None:
            with self._sums_lock:
                self._sums[work.row.id] = (work.at, work.sum.copy())
                while len(self._sums) > SUMS:
                    self._sums.popitem(last=False)

    def _sum(self, row: UploadRow) -> Any:
        """The hash of what is there, if this process made it. Another one reads the file once more, at the end."""
        with self._sums_lock:
            at, sum = self._sums.get(row.id, (-1, None))
        return sum if at == row.stands_at else None

    def _finish_upload(self, work: Incoming) -> None:
        """All bytes are there. Right ones become a blob: first the file, then the rows. A process that dies in between leaves an
        upload that goes on, or a file with the mark that says whose it is."""
        row, path = work.row, work.path
        try:
            if work.whole() != row.sha256:
                raise Trouble(1306)
            kind = self._kind(path, row.name)
        except Trouble:
            self._drop(row, path)
            raise
        mark_whole(path)
        self.shelf.files.take(path, row.sha256)
        self._enter(row, kind)

    def _kind(self, path: Path, name: str) -> str:
        try:
            picture = self.shelf.pictures.check(path, name)
        except NotAPicture as err:
            raise Trouble(1307, why=_words(err.reason)) from err
        return picture.kind if picture else OTHER

    def _enter(self, row: UploadRow, kind: str) -> None:
        now = self.now()
        blob = BlobRow(row.sha256, row.size, kind, row.name, now, "{}" if kind == OTHER else None)
        with self.store.writing() as tx:
            tx.add_blob(blob)
            tx.add_blob_source(SourceRow(row.sha256, row.scope, row.person, row.enrolment, row.name, now))
            tx.drop_upload(row.id)
        self._forget_sum(row.id)
        with suppress(OSError):
            whole_mark(self._upload_path(row.id)).unlink(missing_ok=True)
        if kind != OTHER:
            self._facts_reader.look()

    def _drop(self, row: UploadRow, path: Path) -> None:
        with self.store.writing() as tx:
            tx.drop_upload(row.id)
        self._forget_sum(row.id)
        path.unlink(missing_ok=True)
        whole_mark(path).unlink(missing_ok=True)

    def _forget_sum(self, id: str) -> None:
        with self._sums_lock:
            self._sums.pop(id, None)

    def _finish_marked(self, row: UploadRow) -> bool:
        """What a crash cut off between the file and its rows. The mark says that this very upload brought these bytes: whoever
        only names a hash gets nothing by it."""
        files = self.shelf.files
        if not whole_mark(self._upload_path(row.id)).exists() or files.size(row.sha256) != row.size:
            return False
        there = files.path(row.sha256)
        if hash_of(there).hexdigest() != row.sha256:
            return False
        self._enter(row, self._kind(there, row.name))
        return True

    def _own_upload(self, tx: Tx, caller: Caller, id: str) -> UploadRow:
        row = tx.upload(id)
        if row is None or row.person != caller.person or row.expires_at <= self.now_ms():
            raise Trouble(1305)
        return row

    def _upload_path(self, id: str) -> Path:
        """Raises Trouble 1305 for what is no id."""
        try:
            same = str(UUID(id)) == id
        except ValueError:
            same = False
        if not same:
            raise Trouble(1305)
        return self.shelf.uploads / id

    def _until(self) -> int:
        return self.now_ms() + self.shelf.upload_ms

    # --- uploads that are over -----------------------------------------------------------------------------------

    def settle_uploads(self) -> int:
        """What a crash left: files that became blobs get their rows, files without an upload go. How many."""
        with self.store.reading() as tx:
            rows = {row.id: row for row in tx.uploads()}
        done = sum(not self._upload_path(id).exists() and self._finish_marked(row) for id, row in rows.items())
        if not self.shelf.uploads.is_dir():
            return done
        old = time.time() - STRAY_S
        for path in sorted(self.shelf.uploads.iterdir()):
            with suppress(FileNotFoundError):
                if path.name.partition(".")[0] not in rows and path.stat().st_mtime < old:
                    path.unlink()
                    done += 1
        return done

    def clear_uploads(self) -> int:
        """Uploads that ended without being whole, and what came of them, go. How many. Raises Trouble 1102."""
        now, gone = self.now_ms(), 0
        with self.store.reading() as tx:
            ended = tx.uploads_ended(now)
        for id in ended:
            with self.store.writing() as tx:
                tx.drop_upload(id)
            forget(self._upload_path(id))  # where a writer has it, it is a stray from now on
            self._forget_sum(id)
            gone += 1
        return gone

    def _clear_now_and_then(self) -> None:
        if time.monotonic() - self._cleared < CLEAR_S:
            return
        self._cleared = time.monotonic()
        with suppress(Trouble, OSError):  # nobody who sends a file is to hear of it
            self.clear_uploads()
            self.settle_uploads()  # of an upload that ended while somebody wrote to it the file is left


def safe_name(name: str) -> str:
    """A file's own name without folders, and without characters that are not seen or turn others round."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return (
        "".join(c for c in last if unicodedata.category(c)[0] != "C" and c != "\ufffd").strip(" .")[-120:].strip(" .")
    )


def _words(reason: str) -> dict[str, str]:
    label = REASONS[reason]
    return {"zh": label.zh, "en": label.en}


__all__ = ["OTHER", "Checksum", "Uploads", "safe_name"]
