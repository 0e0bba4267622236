"""Opens the zip of an evidence package as strictly as it is defined, for whoever sent it may be anybody.

Stored entries only, adjoining each other from byte 0 up to the directory, the directory up to the end record, the end record up to
the comment, the comment up to the last byte: every byte of the file belongs to exactly one of them. Read in pieces, so that 10 GB
need no more memory than 10 MB. Nothing is ever unpacked to a disk.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from schemas.rules.judging import Unreadable
from schemas.rules.judging.words import finding
from schemas.rules.package import SEAL

CHUNK = 1 << 20
MOST_DIRECTORY = 256 << 20  # bytes
MOST_FAULTS = 1000
UTF8 = 0x800  # the only flag that may be set
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
_END64, _WHERE64 = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
COMMENT = len(SEAL) + 1 + 43 + 1 + 86
FULL, FULL16 = 0xFFFFFFFF, 0xFFFF


class Entry(NamedTuple):
    name: str
    offset: int  # of the local header
    start: int  # of the contents
    size: int
    crc: int


class _Broken(Exception):
    """(zh, en)"""


class Opened:
    """A package's names and bytes: what `judging.Source` asks for."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises Unreadable, OSError."""
        self._file = file
        self.faults: Sequence[tuple[str, str, int | None, dict[str, object]]] = []
        self.comment = b""
        self.length = file.seek(0, 2)
        self._entries: dict[str, Entry] = {}
        try:
            self._read()
        except _Broken as err:
            raise Unreadable(finding("zip.unreadable", "", what=err.args)) from err
        self.whole = self._whole()

    # --- Source --------------------------------------------------------------------------------------------------

    def names(self) -> Sequence[str]:
        return list(self._entries)

    def size(self, name: str) -> int | None:
        e = self._entries.get(name)
        return None if e is None else e.size

    def chunks(self, name: str) -> Iterator[bytes]:
        e = self._entries[name]
        for at in range(0, e.size, CHUNK):
            yield self._at(e.start + at, min(CHUNK, e.size - at))

    def read(self, name: str, offset: int, size: int) -> bytes:
        e = self._entries[name]
        return self._at(e.start + offset, max(0, min(size, e.size - offset)))

    # --- the zip -------------------------------------------------------------------------------------------------

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _say(self, code: str, file: str = "", byte: int | None = None, **parts: object) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults = [*self.faults, (code, file, byte, parts)]

    def _wrong(self, byte: int, zh: str, en: str, name: str = "") -> None:
        self._say("zip.structure", name, byte, what=(zh, en))

    def _read(self) -> None:
        end, count, size, start = self._end()
        if size > MOST_DIRECTORY:
            raise _Broken("目录太大", "its directory is too large")
        data = self._at(start, size)
        if len(data) != size:
            raise _Broken("目录不完整", "its directory is cut")
        entries = self._directory(data, start)
        if len(entries) != count:
            self._wrong(
                end, f"目录有 {len(entries)} 项，写着 {count}", f"the directory has {len(entries)} entries, not {count}"
            )
        at = 0
        for e in entries:
            self._local(e, at, start)
            at = e.start + e.size
            if e.name in self._entries:
                self._wrong(e.offset, f"名字重复：{e.name}", f"a name is there twice: {e.name}", e.name)
                continue  # the first one counts, and the fault is said
            self._entries[e.name] = e
        if at != start:
            self._wrong(at, "条目与目录之间有别的字节", "there are bytes between the entries and the directory")

    def _end(self) -> tuple[int, int, int, int]:
        """Where the end record is, how many entries, size and start of the directory."""
        tail_at = max(0, self.length - _END.size - 0xFFFF)
        tail = self._at(tail_at, self.length - tail_at)
        end = self.length - COMMENT - _END.size  # where it is in a whole package
        if end < 0 or tail[end - tail_at : end - tail_at + 4] != b"PK\5\6":
            found = tail.rfind(b"PK\5\6")
            if found < 0 or len(tail) - found < _END.size:
                raise _Broken("没有 ZIP 的结尾记录", "it has no end record")
            end = tail_at + found
        mark, disk, disk2, here, count, size, start, n = _END.unpack(self._at(end, _END.size))
        self.comment = self._at(end + _END.size, n)
        if end + _END.size + n > self.length:
            self._wrong(self.length, "文件在结尾处被截断", "the file is cut off at its end")
        elif end + _END.size + n < self.length:
            self._say("zip.trailing", byte=end + _END.size + n)
        before = end
        if FULL in (size, start) or FULL16 in (here, count):
            before, count, size, start = self._end64(end, before)
        elif disk or disk2 or here != count:
            self._wrong(end, "分卷 ZIP", "it is split over disks")
        if start + size != before:
            self._wrong(before, "目录没有紧接结尾记录", "the directory does not end where the end record begins")
            if start + size > before:
                raise _Broken("目录的位置不对", "its directory is not where it must be")
        return end, count, size, start

    def _end64(self, end: int, before: int) -> tuple[int, int, int, int]:
        at = end - _WHERE64.size
        if at < _END64.size:
            raise _Broken("没有 ZIP64 的结尾记录", "it has no ZIP64 end record")
        mark, disk, where, disks = _WHERE64.unpack(self._at(at, _WHERE64.size))
        record = at - _END64.size
        mark64, length, _, _, disk64, disk65, here, count, size, start = _END64.unpack(self._at(record, _END64.size))
        if mark != b"PK\6\7" or mark64 != b"PK\6\6":
            raise _Broken("没有 ZIP64 的结尾记录", "it has no ZIP64 end record")
        if (where, length, disk, disk64, disk65, here) != (record, _END64.size - 12, 0, 0, 0, count) or disks > 1:
            self._wrong(record, "ZIP64 的结尾记录不对", "its ZIP64 end record is not right")
        return record, count, size, start

    def _directory(self, data: bytes, start: int) -> list[Entry]:
        out: list[Entry] = []
        at = 0
        while at < len(data):
            if len(data) - at < _CENTRAL.size or data[at : at + 4] != b"PK\1\2":
                self._wrong(start + at, "目录里有别的字节", "there is something else in the directory")
                break
            (_, _, _, flags, method, _, _, crc, packed, size, n, m, k, disk, _, _, offset) = _CENTRAL.unpack_from(
                data, at
            )
            name = self._name(data[at + 46 : at + 46 + n], start + at)
            extra = data[at + 46 + n : at + 46 + n + m]
            size, packed, offset = self._large(extra, (size, packed, offset), start + at, name)
            self._kind(name, flags, method, packed, size, start + at)
            if k or disk:
                self._wrong(start + at, "条目有注释或分卷", "an entry has a comment or another disk", name)
            at += _CENTRAL.size + n + m + k
            if offset + 30 + size > start:
                self._wrong(start + at, "条目超出文件", "an entry lies outside the file", name)
                continue
            out.append(Entry(name, offset, 0, size, crc))
        fixed = []
        for e in out:
            head = self._at(e.offset, _LOCAL.size)
            n, m = struct.unpack("<2H", head[26:30]) if len(head) == _LOCAL.size else (0, 0)
            begin = e.offset + _LOCAL.size + n + m
            if begin + e.size > start:
                self._wrong(e.offset, "条目超出文件", "an entry lies outside the file", e.name)
                continue
            fixed.append(e._replace(start=begin))
        return fixed

    def _local(self, e: Entry, due: int, end: int) -> None:
        """The local header says what the directory says, and stands where the entry before it ends."""
        if e.offset != due:
            self._wrong(
                e.offset, "条目之间有别的字节，或次序不对", "entries do not adjoin, or stand in another order", e.name
            )
        head = self._at(e.offset, _LOCAL.size)
        if head[:4] != b"PK\3\4":
            self._wrong(e.offset, "条目开头不对", "an entry does not begin as one", e.name)
            return
        _, _, flags, method, _, _, crc, packed, size, n, m = _LOCAL.unpack(head)
        rest = self._at(e.offset + _LOCAL.size, n + m)
        name = self._name(rest[:n], e.offset)
        size, packed, _ = self._large(rest[n:], (size, packed, 0), e.offset, name)
        self._kind(name, flags, method, packed, size, e.offset)
        if (name, size, crc) != (e.name, e.size, e.crc):
            self._wrong(
                e.offset, f"条目与目录说的不同：{name}", f"an entry is another than the directory says: {name}", e.name
            )

    def _name(self, raw: bytes, byte: int) -> str:
        if not raw.isascii() or b"\0" in raw or b"\\" in raw:
            self._wrong(byte, "文件名不对", "a name is not right")
        return raw.decode("ascii", "replace")

    def _kind(self, name: str, flags: int, method: int, packed: int, size: int, byte: int) -> None:
        if flags & ~UTF8 or method or packed != size:
            self._wrong(
                byte,
                "条目被压缩、加密，或长度写在后面",
                "an entry is compressed, encrypted, or tells its length behind",
                name,
            )

    def _large(self, extra: bytes, said: tuple[int, int, int], byte: int, name: str) -> tuple[int, int, int]:
        """Size, packed size and offset, where they are too large for their places. No other extra field may be there."""
        if not extra:
            return said
        kind, length = struct.unpack_from("<2H", extra) if len(extra) >= 4 else (0, 0)
        if kind != 1 or length != len(extra) - 4 or length % 8:
            self._wrong(byte, "条目有别的附加字段", "an entry has another extra field", name)
            return said
        numbers = list(struct.unpack_from(f"<{length // 8}Q", extra, 4))
        out = [numbers.pop(0) if value == FULL and numbers else value for value in said]
        if numbers:
            self._wrong(byte, "ZIP64 字段多余", "a ZIP64 field says too much", name)
        return out[0], out[1], out[2]

    def _whole(self) -> str:
        """SHA-256 of every byte before the comment; each entry's CRC-32 on the way, since every byte is read anyway."""
        made, at = hashlib.sha256(), 0
        for e in sorted(self._entries.values(), key=lambda e: e.start):
            crc = 0
            if e.start < at:
                continue  # overlapping: said already
            at = self._hash(made, at, e.start)
            while at < e.start + e.size:
                piece = self._at(at, min(CHUNK, e.start + e.size - at))
                if not piece:
                    break
                made.update(piece)
                crc = zlib.crc32(piece, crc)
                at += len(piece)
            if crc != e.crc:
                self._say("zip.crc", e.name)
        self._hash(made, at, self.length - len(self.comment))
        return made.hexdigest()

    def _hash(self, made: hashlib._Hash, start: int, end: int) -> int:
        while start < end and (piece := self._at(start, min(CHUNK, end - start))):
            made.update(piece)
            start += len(piece)
        return max(start, end)
