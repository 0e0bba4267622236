"""Taking in a tablet's rescue bundle (schemas/rules/bundle.py): its batches are pushed, exactly as over the network, so nothing is
ever applied twice; photos that records name become the server's, as if they had been sent. Drafts, photos of drafts, and photos
that are refused are laid beside a report, for people.

A file is read to its end before anything of it is taken, and then once more; one frame at a time is in memory.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

from schemas import canonical, change
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.bundle import About, BatchFrame, DraftFrame, EndFrame, Frame, Frames, PhotoFrame, attested
from schemas.rules.sealing import Header, read_header, unseal
from schemas.wire import Outcome, Receipt
from sync_server.bundle_files import Drafts, lay_beside, room, unpacked, values_of, write
from sync_server.service import Caller, Service

Tell = Callable[[int, int], None]  # changes done, of how many


class Chain(NamedTuple):
    """A run of one person's changes in one scope, as the bundle has them."""

    scope: str
    enrolment: str
    first: int
    changes: int


class DraftSeen(NamedTuple):
    person_name: str
    type: str
    record: str
    updated_at: str
    code: str  # what names it, if anything does yet


@dataclass
class Content:
    """What is in a bundle. damage: why it ends before its end; then the rest of this is what comes before."""

    header: Header
    size: int
    name: str  # of the folder its report goes to
    about: About | None = None
    chains: list[Chain] = field(default_factory=list)
    drafts: list[DraftSeen] = field(default_factory=list)
    photos: int = 0
    photo_bytes: int = 0
    unknown: int = 0
    end: EndFrame | None = None
    damage: Trouble | None = None

    @property
    def changes(self) -> int:
        return sum(c.changes for c in self.chains)


class Fate(NamedTuple):
    """What became of one batch. new, known: outcome → how many were taken in now, and were here before; trouble: nothing was."""

    scope: str
    enrolment: str
    first: int
    changes: int
    new: dict[str, int]
    known: dict[str, int]
    trouble: Trouble | None
    details: list[dict[str, Any]]  # of what was not simply applied


class Beside(NamedTuple):
    """A photo that stayed a file beside the report, and why."""

    name: str
    zh: str
    en: str
    refused: bool  # not only unfinished


@dataclass
class Taken:
    content: Content
    fates: list[Fate]
    signers: list[str]  # enrolments whose signature over drafts and photos holds
    folder: Path
    photos_in: int = 0  # taken in now
    photos_known: int = 0  # here before
    beside: list[Beside] = field(default_factory=list)
    wrong_photos: int = 0  # whose bytes are not what their name says

    @property
    def photos(self) -> int:
        """How many lie beside the report."""
        return len(self.beside)

    def total(self, which: str) -> Counter[str]:
        out: Counter[str] = Counter()
        for fate in self.fates:
            out.update(getattr(fate, which))
        return out

    @property
    def refused(self) -> int:
        return sum(f.changes for f in self.fates if f.trouble is not None)

    @property
    def clean(self) -> bool:
        """Everything is in the record: nobody needs to look at anything."""
        c = self.content
        left = c.about is not None and (c.about.foreign or any(o.changes and not o.signed for o in c.about.owners))
        waits = {o for which in ("new", "known") for o, n in self.total(which).items() if n} - {Outcome.APPLIED}
        return not (waits or self.refused or left or c.drafts or c.damage or c.unknown or self.wrong_photos
                    or any(b.refused for b in self.beside))  # fmt: skip


def peek(path: Path) -> Header:
    """What anybody may read of it. Raises Trouble 4301, 4303."""
    with path.open("rb") as file:
        return read_header(file.read)[0]


def look(path: Path, private_key: bytes, partial: bool = False) -> Content:
    """Read it to its end; nothing is taken in. `partial`: damage is noted instead of told. Raises Trouble 4301, 4302, 4303."""
    with path.open("rb") as file:
        content = Content(*_named(file))
        try:
            header, pieces = unseal(file.read, private_key)
            frames = Frames(pieces)
            for frame in frames:
                _note(content, frame)
            content.unknown = frames.unknown
        except Trouble as err:
            if not partial or err.problem.number != 4301:
                raise
            content.damage = err
    return content


def _named(file: IO[bytes]) -> tuple[Header, int, str]:
    header, line = read_header(file.read)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    plain = [re.sub(r"[^0-9A-Za-z]", "", text)[:15] for text in (header.made_at, header.device)]
    return header, size, "-".join((*plain, sha256(line).hexdigest()[:8]))  # the same file, the same folder


def _note(content: Content, frame: Frame) -> None:
    m = frame.model
    if isinstance(m, About):
        content.about = m
    elif isinstance(m, BatchFrame):
        content.chains.append(Chain(m.scope, m.head.enrolment, m.head.first, len(frame.payload().split(b"\n"))))
    elif isinstance(m, DraftFrame):
        values = values_of(frame.payload())
        code = next((str(values[k]) for k in ("code", "parameter", "name") if values.get(k)), "")
        content.drafts.append(DraftSeen(m.person_name, m.type, m.record, m.updated_at, code))
    elif isinstance(m, PhotoFrame):
        content.photos += 1
        content.photo_bytes += frame.size
        for _ in frame.pieces:
            pass
    else:
        content.end = m


def take(
    service: Service,
    path: Path,
    private_key: bytes,
    reports: Path,
    by: str,
    partial: bool = False,
    tell: Tell | None = None,
) -> Taken:
    """Push what is in it and lay the rest beside a report. May be repeated at any time.

    Raises Trouble 4301, 4302, 4303 before anything is taken; 1101, 1102, 1103, 4304 where the server or its disk takes no
    more: what was pushed by then is in, and importing again goes on from there."""
    content = look(path, private_key, partial)
    done = Taken(content, [], _signers(service, content), reports / content.name)
    say, pushed = tell or (lambda n, of: None), 0
    with room():
        done.folder.mkdir(parents=True, exist_ok=True)
        done.folder.chmod(0o700)
    with path.open("rb") as file, Drafts(done.folder / "drafts.json") as drafts:
        frames = Frames(unseal(file.read, private_key)[1])
        broken: set[tuple[str, str]] = set()  # chains of which a batch was refused: what follows it would be a gap
        named: dict[str, dict[str, str]] = {}  # photo → scope → whose change names it
        try:
            for frame in frames:
                m = frame.model
                if isinstance(m, BatchFrame):
                    lines = frame.payload().split(b"\n")
                    fate = _push(service, m, lines, broken)
                    done.fates.append(fate)
                    if fate.trouble is None:
                        for sha in _photos_in(lines):
                            named.setdefault(sha, {}).setdefault(m.scope, m.head.enrolment)
                    pushed += fate.changes
                    say(pushed, content.changes)
                elif isinstance(m, DraftFrame):
                    drafts.add(m, frame.payload(), bool(done.signers))
                elif isinstance(m, PhotoFrame):
                    _take_photo(service, done, m, frame.pieces, named.get(m.sha256, {}))
        except Trouble as err:
            if content.damage is None or err.problem.number != 4301:
                raise
    if done.photos_in:
        service.read_handed()
    with room():
        write(done.folder / "report.json", json.dumps(report(done), ensure_ascii=False, indent=1).encode())
    device = content.about.device if content.about else content.header.device
    with service.store.writing() as tx:
        tx.note(service.now(), by, "bundle", device, file=str(path.absolute()), folder=str(done.folder),
                new=dict(done.total("new")), known=sum(done.total("known").values()), refused=done.refused,
                drafts=len(content.drafts), photos=done.photos, photos_in=done.photos_in)  # fmt: skip
    return done


def _push(service: Service, frame: BatchFrame, lines: Sequence[bytes], broken: set[tuple[str, str]]) -> Fate:
    """As the tablet would over the network, but with today's epoch: a tablet that was not reached could not know it."""
    head, scope = frame.head, frame.scope
    ids = [change.change_id(line) or "" for line in lines]
    with service.store.reading() as tx:
        key, epoch = tx.key(head.enrolment), tx.setting("epoch") or ""
        here = set(tx.journaled([i for i in ids if i]))
    try:
        if (scope, head.enrolment) in broken:
            raise Trouble(4305)
        if key is None:
            raise Trouble(2010)
        answer = service.push(
            Caller(key.person, key.enrolment), scope, head.model_copy(update={"epoch": epoch}), lines
        )  # fmt: skip
    except Trouble as err:
        if err.problem.status >= 500:  # the server itself: the same will be said of every other batch
            raise
        broken.add((scope, head.enrolment))
        return Fate(scope, head.enrolment, head.first, len(lines), {}, {}, err, [])
    new: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for first, count, outcome, _ in Receipt.model_validate_json(answer.receipt).runs:
        for pos in range(first, first + count):
            (known if ids[pos - head.first] in here else new)[outcome.value] += 1
    details = [{**d.model_dump(mode="json"), "scope": scope, "known": d.id in here, **_what(lines[(d.position or head.first) - head.first])}
               for d in answer.details]  # fmt: skip
    return Fate(scope, head.enrolment, head.first, len(lines), dict(new), dict(known), None, details)


def _take_photo(
    service: Service, done: Taken, photo: PhotoFrame, pieces: Iterator[bytes], signed: dict[str, str]
) -> None:
    """Into the server's photos, where a signed change names it; else beside the report."""
    with room():
        service.shelf.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
    temp = service.shelf.uploads / f"{service.new_id()}.bundle"  # the start of a server clears what a kill leaves there
    try:
        if not unpacked(temp, photo, pieces):
            done.wrong_photos += 1
            return
        naming = service.senders(photo.sha256, signed, done.signers)
        senders = {scope: who for scope, who in naming.items() if who is not None}
        if senders:
            try:
                new = service.hand_in(temp, photo.sha256, photo.name, senders)
            except Trouble as err:
                if err.problem.number != 1307:
                    raise
                why = Beside(photo.name, err.text("zh"), err.text("en"), True)
            else:
                done.photos_in += new
                done.photos_known += not new
                return
        elif naming:
            why = Beside(photo.name, "提到它的记录不是包里签名的人那里的，或者没有有效签名",
                         "the records that name it are not where those who signed the bundle were at work, or nobody signed it", True)  # fmt: skip
        elif done.signers:
            why = Beside(photo.name, "没有记录提到，属于没完成的草稿", "no record names it: it is of a draft", False)
        else:
            why = Beside(
                photo.name,
                "包里没有记录提到，也没有平板的有效签名",
                "no change names it, and no tablet vouches for it",
                True,
            )
        lay_beside(temp, done.folder / "photos" / photo.name)
        done.beside.append(why)
    finally:
        temp.unlink(missing_ok=True)


def _photos_in(lines: Sequence[bytes]) -> Iterator[str]:
    """Hashes of the files that changes of photo records name."""
    for line in lines:
        if b'"photo"' not in line:  # nearly all
            continue
        with suppress(canonical.NotCanonical):
            one = change.decode(line)
            sha = one.after.get("sha256")
            if one.type == "photo" and isinstance(sha, str):
                yield sha


def _what(line: bytes) -> dict[str, str]:
    """Which record a line is about, as far as it can be read."""
    with suppress(canonical.NotCanonical):
        one = change.decode(line)
        code = next((str(one.after[k]) for k in ("code", "parameter", "name") if one.after.get(k)), "")
        return {"type": one.type, "record": one.record, "code": code}
    return {"type": "", "record": "", "code": ""}


def _signers(service: Service, content: Content) -> list[str]:
    """Who vouches for the drafts and photos: keys the server knows, of the tablet the bundle says it is from."""
    if content.end is None or content.about is None:
        return []
    text = attested(content.about.device, content.end.hash)
    with service.store.reading() as tx:
        keys = [(s, tx.key(s.enrolment)) for s in content.end.signatures]
    return [
        s.enrolment
        for s, key in keys
        if key is not None and key.device == content.about.device and evidence.verify(key.public_key, text, s.signature)
    ]


def report(done: Taken) -> dict[str, Any]:
    c = done.content
    return {
        "header": c.header.model_dump(),
        "about": c.about.model_dump() if c.about else None,
        "damage": _told(c.damage),
        "signed_by": done.signers,
        "unknown_parts": c.unknown,
        "batches": [
            {**f._asdict(), "trouble": _told(f.trouble)} for f in done.fates
        ],
        "drafts": [d._asdict() for d in c.drafts],
        "photos": done.photos,
        "photos_in": done.photos_in,
        "photos_known": done.photos_known,
        "photos_beside": [b._asdict() for b in done.beside],
        "wrong_photos": done.wrong_photos,
    }  # fmt: skip


def _told(trouble: Trouble | None) -> dict[str, Any] | None:
    return None if trouble is None else trouble.body()
