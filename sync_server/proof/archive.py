"""The zip of an evidence package: stored entries that say nothing of when or where they were written, and the seal at its end.

Bytes: local header and contents of one entry after the other; the central directory; the end record (with ZIP64's where sizes ask for
it); the archive's comment, which is the seal. The seal signs the SHA-256 of every byte before the comment; the comment's length is
among them and always the same."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.problems import Trouble
from schemas.rules.package import SEAL, File, seal_message
from sync_server.store import transfer
from sync_server.store.engine import to_disk

Write = Callable[[bytes], None]
WHEN = (1980, 1, 1, 0, 0, 0)  # what a zip says for "no time"
LARGE = 1 << 31  # bytes an entry may have without ZIP64
CHUNK = 1 << 20
SIGNATURE = 86  # characters of an Ed25519 signature in base64url


class Archive:
    """Written to a file beside `out`, which it becomes by one rename when it is sealed; a run that is cut leaves nothing there."""

    def __init__(self, out: Path, force: bool) -> None:
        """Raises Trouble 4101 where a file of that name is, or no folder for it."""
        self.out, self._force = out, force
        if out.exists() and not (force and out.is_file()):
            raise _not_written(f"{out} 已经有了；要替换加 --force", f"{out} exists; add --force to replace it")
        if not out.absolute().parent.is_dir():
            raise _not_written(f"没有文件夹 {out.absolute().parent}", f"there is no folder {out.absolute().parent}")
        self.files: dict[str, File] = {}

    def __enter__(self) -> Self:
        self._temp = self.out.absolute().parent / f".{self.out.name[:80]}.{secrets.token_hex(8)}.new"
        with _room():
            fd = os.open(self._temp, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(fd, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        with suppress(Exception):  # sealed already, or given up
            self._zip.close()
        with suppress(OSError):  # what could not be written is told where it was tried; it is closed all the same
            self._file.close()
        self._temp.unlink(missing_ok=True)

    @contextmanager
    def entry(self, name: str, most: int = 0) -> Iterator[Write]:
        """One file of the package, written piece by piece; `most`: bytes it will not exceed. One at a time."""
        info = zipfile.ZipInfo(name, WHEN)
        info.create_system, info.external_attr = 3, 0o100644 << 16
        whole, size, waiting = sha256(), 0, bytearray()
        with _room(), self._zip.open(info, "w", force_zip64=most >= LARGE) as into:

            def write(data: bytes) -> None:
                nonlocal size
                size += len(data)
                whole.update(data)
                waiting.extend(data)
                if len(waiting) >= CHUNK:
                    into.write(waiting)
                    waiting.clear()

            yield write
            into.write(waiting)
        self.files[name] = File(sha256=whole.hexdigest(), size=size)

    def seal(self, server_key: str, sign: Callable[[bytes], str], note: Callable[[str, int], None]) -> tuple[str, int]:
        """End the file, sign it, bring it to its name. Its own SHA-256, and its size; `note` is told them before anybody can have
        the file."""
        comment = f"{SEAL} {server_key} ".encode()
        with _room():
            self._zip.comment = comment + b"-" * SIGNATURE
            self._zip.close()
            self._file.seek(0, os.SEEK_END)
            end = self._file.tell() - len(comment) - SIGNATURE
            whole = sha256()
            self._file.seek(0)
            while end > (at := self._file.tell()):
                whole.update(self._file.read(min(CHUNK, end - at)))
            comment += sign(seal_message(whole.hexdigest())).encode()
            self._file.seek(end)
            self._file.write(comment)
            self._file.flush()
            os.fsync(self._file.fileno())
            whole.update(comment)
            note(whole.hexdigest(), end + len(comment))
            self._place()
        return whole.hexdigest(), end + len(comment)

    def _place(self) -> None:
        if self._force:
            os.replace(self._temp, self.out)
        else:
            try:
                os.link(self._temp, self.out)  # not over a file that came meanwhile
            except FileExistsError as err:
                raise _not_written(f"{self.out} 已经有了", f"{self.out} exists") from err
            except OSError:  # a disk that knows no links
                os.rename(self._temp, self.out)
        to_disk(self.out.absolute().parent)


def _room() -> AbstractContextManager[None]:
    return transfer.room("证据包", "the evidence package")


def _not_written(zh: str, en: str) -> Trouble:
    return Trouble(4101, why={"zh": zh, "en": en})
