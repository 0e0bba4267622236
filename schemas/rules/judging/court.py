"""What every part of the judge shares: the package as names and bytes, what was found, and strict, bounded reading.

Nothing here trusts anything: whatever the bytes are, the answer is a finding.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from schemas import canonical
from schemas.canonical import NotCanonical
from schemas.rules.judging.reading import both, bytes_of, loose, strict64, wrong_in
from schemas.rules.judging.words import Finding, finding
from schemas.rules.package import Enrolment, Package, Shown

MOST_JSON = 64 << 20  # bytes of a JSON file that is read whole
MOST_LINE = 32 << 20  # bytes of one line of an .ndjson: a change has at most 4 MB, escaped six times that
MOST_FINDINGS = 1000  # kept in full; the rest are counted
M = TypeVar("M", bound=BaseModel)


class Source(Protocol):
    """A package that somebody opened. Names are unique, bytes are read as they are asked for; nothing raises for a name that
    `size` knows."""

    whole: str  # hex SHA-256 of every byte before the archive's comment
    comment: bytes
    faults: Sequence[
        tuple[str, str, int | None, dict[str, object]]
    ]  # of the container: code, file, byte, parts of the words

    def names(self) -> Sequence[str]: ...  # in the order of the container
    def size(self, name: str) -> int | None: ...
    def chunks(self, name: str) -> Iterator[bytes]: ...
    def read(self, name: str, offset: int, size: int) -> bytes: ...


class Unreadable(Exception):
    """It cannot be judged at all; the finding says why."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.en)
        self.found = found


class Line(NamedTuple):
    """A line of an .ndjson: its number from 1, where it begins, its bytes without the line feed."""

    no: int
    offset: int
    data: bytes


class Stands(NamedTuple):
    """A shown line, read again."""

    chain: int  # place in package.chains
    shown: Shown
    data: bytes  # the change's exact bytes


@dataclass
class ChainFacts:
    """What is known of one chain after it was judged."""

    scope: str
    enrolment: str
    file: str
    positions: int = 0
    shown: int = 0
    hidden: int = 0
    odd: set[int] = field(default_factory=set)  # unproven positions: the chain was broken on the device
    signed: int = 0  # up to which position the device's signatures hold
    outcomes: Counter[str] = field(default_factory=Counter)
    acknowledged: list[tuple[int, int, str, str]] = field(default_factory=list)  # first, last, when, receipt
    sound: bool = True  # no fault in it or its receipts


class Changes:
    """The accepted changes of each record: as numbers only, so that a million of them fit into memory. Their bytes are read
    again when the record's turn comes."""

    def __init__(self) -> None:
        self._of: dict[str, array[int]] = {}

    def add(self, record: str, seq: int, place: int) -> None:
        self._of.setdefault(record, array("q")).extend((seq, place))

    def pop(self, record: str) -> list[tuple[int, int]] | None:
        """(seq, place) by seq."""
        found = self._of.pop(record, None)
        return None if found is None else sorted(zip(found[::2], found[1::2], strict=True))

    def left(self) -> list[str]:
        return list(self._of)


class Court:
    """One package before the judge."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Finding] = []
        self.more = 0  # findings beyond MOST_FINDINGS
        self.faulty: set[str] = set()  # files with a fault
        self.codes: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.package: Package
        self.keys: dict[str, Enrolment] = {}
        self.chains: list[ChainFacts] = []
        self.changes = Changes()
        self.ids: dict[bytes, int] = {}  # of changes that count → place
        self.seqs: dict[str, dict[int, int]] = {}  # scope → seq → place
        self.again: list[tuple[str, int]] = []  # id of a change that came again, place
        self.record_of: dict[str, tuple[str, str]] = {}  # record → type, scope
        self.photo_rows: dict[str, list[str]] = {}  # hash → the photo records that name it now
        self.photo_made: dict[
            str, list[tuple[str, int, int]]
        ] = {}  # hash → photo record, chain, position that named it
        self.hashes: dict[str, str] = {}  # of the files, as their bytes are
        self.tries = 0  # signatures that fitted nobody
        self.used: set[str] = set()  # photo files that the list is about
        self.present: set[str] = set()  # hashes of photos whose bytes are here and right
        self.absent: list[str] = []

    # --- saying --------------------------------------------------------------------------------------------------

    def say(self, code: str, file: str, pos: int | None = None, id: str | None = None, **parts: object) -> None:
        one = finding(code, file, pos, id, **parts)
        self.codes[code] += 1
        if one.severity == "fault":
            self.faulty.add(file)
        if len(self.found) < MOST_FINDINGS or self.codes[code] == 1:
            self.found.append(one)
        else:
            self.more += 1

    @property
    def faults(self) -> int:
        return sum(n for code, n in self.codes.items() if not code.startswith("told."))

    # --- reading -------------------------------------------------------------------------------------------------

    def whole(self, name: str) -> bytes | None:
        """A small file's bytes; None where it is missing or (said here) too large."""
        size = self.source.size(name)
        if size is None:  # said where the files were looked at
            return None
        if size > MOST_JSON:
            self.say("file.large", name)
            return None
        return self.source.read(name, 0, size)

    def lines(self, name: str) -> Iterator[Line]:
        """The lines of an .ndjson. Each is ended by a line feed; what is not is said."""
        if self.source.size(name) is None:
            return
        no, offset, rest = 0, 0, b""
        for chunk in self.source.chunks(name):
            *done, rest = (rest + chunk).split(b"\n")
            for data in done:
                no += 1
                yield Line(no, offset, data)
                offset += len(data) + 1
            if len(rest) > MOST_LINE:
                self.say("file.large", name, no + 1)
                return
        if rest:
            self.say("file.form", name, no + 1, line=no + 1, what=("没有以换行结束", "not ended by a line feed"))
            yield Line(no + 1, offset, rest)

    def json(self, data: bytes | str, file: str, line: int) -> dict[str, Any] | None:
        """One JSON object; None (and said) where it is none."""
        try:
            value = canonical.loads(data)
            if isinstance(value, dict):
                return value
            raise NotCanonical("不是对象 ‖ not an object")
        except NotCanonical as err:
            self.say("file.form", file, line, line=line, what=both(err))
        return None

    def parse(self, data: bytes | str, form: type[M], file: str, line: int) -> M | None:
        """One JSON text as one of the package's forms; None (and said) where it is none."""
        value = self.json(data, file, line)
        return None if value is None else self.formed(value, form, file, line)

    def formed(self, value: dict[str, Any], form: type[M], file: str, line: int) -> M | None:
        try:
            return form.model_validate_json(
                canonical.again(value)
            )  # strict as JSON is: lists may be tuples, words codes
        except ValidationError as err:
            self.say("file.form", file, line, line=line, what=wrong_in(err))
        return None

    def stands(self, place: int) -> Stands:
        """The shown line at a place that was given for it when it was read first."""
        chain, offset = place >> 44, place & (1 << 44) - 1
        name, data, size = self.package.chains[chain].file, b"", 4096
        while b"\n" not in data and len(data) <= MOST_LINE:
            more = self.source.read(name, offset + len(data), size)
            if not more:
                break
            data, size = data + more, size * 4
        shown = Shown.model_validate(canonical.loads(data.partition(b"\n")[0]))
        return Stands(chain, shown, bytes_of(shown) or b"")

    def where(self, place: int) -> str:
        stands = self.stands(place)
        return f"{self.package.chains[stands.chain].file}:{stands.shown.pos}"

    def listed(self, name: str, form: type[M]) -> list[M]:
        """A JSON file that is a list; floats may stand in it (what a camera wrote of itself)."""
        data = self.whole(name)
        if data is None:
            return []
        try:
            value = loose(data)
            if not isinstance(value, list):
                raise NotCanonical("不是列表 ‖ not a list")
        except NotCanonical as err:
            self.say("file.form", name, 1, line=1, what=both(err))
            return []
        out = []
        for n, item in enumerate(value, 1):
            try:
                out.append(form.model_validate_json(json.dumps(item)))
            except ValidationError as err:
                self.say("file.form", name, n, line=n, what=wrong_in(err))
        return out

    def key_is_written_right(self, key: str, file: str, id: str | None = None) -> bool:
        if strict64(key, 32):
            return True
        self.say("key.form", file, id=id)
        return False


def hashed(source: Source, name: str) -> str:
    made = hashlib.sha256()
    for chunk in source.chunks(name):
        made.update(chunk)
    return made.hexdigest()
