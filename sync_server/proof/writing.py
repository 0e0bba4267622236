"""Writes an evidence package: everything from one consistent view of the database, file after file, little in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from schemas import VERSION, canonical
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.rules import package as form
from schemas.rules.package import Chain, Enrolment, Keys, Named, Package
from schemas.wire import CONSOLE
from sync_server.blobs.files import Files
from sync_server.proof import course
from sync_server.proof.archive import CHUNK, Archive
from sync_server.proof.cards import Bytes, Drawing
from sync_server.proof.chains import Chains, Extent, Link
from sync_server.proof.choosing import SOME, Chosen, Kind, choose, some_of
from sync_server.proof.course import Part, parts
from sync_server.proof.overview import Said, overview
from sync_server.proof.page import PER_PAGE, Pages
from sync_server.service import Service
from sync_server.store import DeviceKey, Stored, Tx

Tell = Callable[[str, int], None]  # which part, how many of it are done


class Written(NamedTuple):
    file: Path
    sha256: str
    size: int
    package: Package


class Wanted(NamedTuple):
    """What is asked for. `id`: of the point or inspection, or its code."""

    project: Stored
    kind: Kind
    id: str
    by: Named
    force: bool = False


def export(service: Service, files: Files, wanted: Wanted, out: Path, tell: Tell = lambda part, n: None) -> Written:
    """Raises Trouble 4401 where there is nothing such, 4101 where OUT cannot be written, 1101, 1102, 1103; then, or
    the one that was there."""
    with Archive(out, wanted.force) as archive:
        with service.store.reading() as tx:
            home = service.home(tx)
            chosen = choose(tx, f"{home}.organisation", wanted.project, wanted.kind, wanted.id)
            package = _Writing(service, files, tx, archive, chosen, tell).all(wanted, home)
        tell("seal", 0)
        s = chosen.selection

        def note(whole: str, size: int) -> None:
            with service.store.writing() as tx:
                tx.note(service.now(), wanted.by.id, "evidence", s.id, owner=wanted.project.id, kind=s.kind, label=s.label,
                        file=str(out.absolute()), sha256=whole, size=size)  # fmt: skip

        whole, size = archive.seal(service.server_key, service.sign, note)
    return Written(out, whole, size, package)


class _Writing:
    def __init__(self, service: Service, files: Files, tx: Tx, archive: Archive, chosen: Chosen, tell: Tell) -> None:
        self.service, self.files, self.tx, self.archive, self.chosen, self.tell = (
            service,
            files,
            tx,
            archive,
            chosen,
            tell,
        )
        self.keys = {k.enrolment: k for k in tx.device_keys()}
        self.types = self._types_of_single()
        self.named: dict[str, list[str]] = {}  # hash → photo records that name it
        self.named_in: dict[str, set[str]] = {}  # hash → their scopes
        self.photos: dict[str, Bytes] = {}
        self.numbers: dict[tuple[str, str], int] = {}
        self.outcomes, self.proofs = Counter[str](), Counter[str]()
        self.spans: dict[str, tuple[int, str, str]] = {}
        self.decisions: list[dict[str, Any]] = []
        self.beside = 0  # lines of second chains
        self.counts = Counter(changes=0, hidden=0, records=0, photos=0, photos_missing=0, receipts=0, chains=0)

    def all(self, wanted: Wanted, home: str) -> Package:
        tx, chosen, server_key = self.tx, self.chosen, self.service.server_key
        chains = self._chains()
        if not chains:
            raise Trouble(4401, why={"zh": "所选范围里还没有任何变更", "en": "the selection holds no change yet"})
        self._records()
        self._list(form.DECISIONS, self.decisions)
        self._bytes()
        self._list(form.PHOTOS, self._photo_list())
        keys = Keys(server_key=server_key, enrolments=self._enrolments(chains))
        with self.archive.entry(form.KEYS) as write:
            write(canonical.dumps(keys.model_dump(mode="json")))
        decided = {str(d["id"]): d for d in self.decisions}
        aside = self.beside + sum(
            self.outcomes[w] for w in ("parked", "rejected", "again")
        )  # at most so many cards of no record
        drawing = Drawing(self.keys, self.numbers, decided, links=self.counts["records"] + aside <= PER_PAGE)
        pages = Pages(self.archive, tx, chosen, drawing, self.photos)
        pages.fill(self.rows(), lambda n: self.tell("pages", n))
        cards = pages.rest()
        owner = tx.load("organisation", [home])
        p = wanted.project
        package = Package(
            format=form.FORMAT, kind=form.KIND, made_at=self.service.now(), made_by=wanted.by, app=VERSION, epoch=tx.setting("epoch") or "",
            organisation=Named(id=home, name=str(owner[0].values.get("name", "")) if owner else ""),
            project=Named(id=p.id, name=str(p.values.get("name") or p.values.get("code") or "")),
            selection=chosen.selection, server_key=server_key, files={}, chains=chains, counts=dict(self.counts),
        )  # fmt: skip
        said = Said(package, keys, self.outcomes, self.proofs, self.spans, self._course())
        with self.archive.entry(form.INDEX) as write:
            for part in overview(said, pages, cards):
                write(part.encode())
        package = package.model_copy(update={"files": dict(self.archive.files)})
        with self.archive.entry(form.PACKAGE) as write:
            write(canonical.dumps(package.model_dump(mode="json")))
        return package

    # --- records -----------------------------------------------------------------------------------------------------

    def _types_of_single(self) -> dict[str, list[str]]:
        """type → ids, ascending, of the records that were chosen one by one."""
        by_type: dict[str, list[str]] = {}
        for ids in some_of(sorted(self.chosen.below | self.chosen.above)):
            for id, (type, scope) in sorted(self.tx.types_of(ids).items()):
                if scope not in self.chosen.whole and self.chosen.within(scope):
                    by_type.setdefault(type, []).append(id)
        return by_type

    def rows(self) -> Iterator[Stored]:
        """Every record shown, the work first, type by type, by id."""
        for type in _IN_ORDER:
            for scope in sorted(self.chosen.whole):
                yield from self.tx.rows_of(type, scope)
            for ids in some_of(self.types.get(type, [])):
                yield from sorted(self.tx.load(type, ids), key=lambda s: s.id)

    def _records(self) -> None:
        with self.archive.entry(form.RECORDS, most=0 if not self.chosen.whole else 1 << 40) as write:
            for row in self.rows():
                write(evidence.row_line(row.type, row.id, row.seq, row.values) + b"\n")
                self.counts["records"] += 1
                if row.type == "photo":
                    sha = str(row.values.get("sha256"))
                    self.named.setdefault(sha, []).append(row.id)
                    self.named_in.setdefault(sha, set()).add(row.scope)
                if self.counts["records"] % 1000 == 0:
                    self.tell("records", self.counts["records"])

    def _course(self) -> list[Part]:
        """Of an inspection; of larger selections nobody would read it."""
        if self.chosen.selection.kind != "inspection":
            return []
        rows = (
            s for type in course.TYPES for some in some_of(self.types.get(type, [])) for s in self.tx.load(type, some)
        )
        return parts(rows, datetime.fromisoformat(self.service.now()))

    # --- chains ------------------------------------------------------------------------------------------------------

    def _chains(self) -> list[Chain]:
        chains, out = Chains(self.tx, self.chosen, self.keys), list[Chain]()
        for scope, enrolment in self.chosen.chains:
            link = chains.link_of(scope, enrolment)
            extent = chains.extent(link)
            if extent.last:
                out.append(self._chain(chains, link, extent, len(out) + 1))
        for name in ("changes", "hidden", "receipts"):
            self.counts[name] = chains.counts[name]
        self.counts["chains"] = len(out)
        self.outcomes, self.proofs, self.beside = chains.outcomes, chains.proofs, chains.counts["beside"]
        return out

    def _chain(self, chains: Chains, link: Link, extent: Extent, n: int) -> Chain:
        self.numbers[link.scope, link.enrolment] = n
        last, head, file = 0, b"", f"chains/{n}.ndjson"
        with self.archive.entry(file, extent.most) as write:
            for pos, at, line in chains.lines(link, extent):
                last, head = pos, at
                write(line)
                if len(chains.decided) >= SOME:
                    self._decided(chains.decided)
                    self.tell("changes", chains.counts["changes"] + chains.counts["hidden"])
        self._decided(chains.decided)
        receipts = self._streamed(f"receipts/{n}.ndjson", chains.receipts(link, extent))
        if receipts:
            self.spans[receipts] = chains.given
        return Chain(
            scope=link.scope, enrolment=link.enrolment, last=last, head=head.hex(), file=file, receipts=receipts,
            forks=self._streamed(f"forks/{n}.ndjson", chains.forks(link)),
        )  # fmt: skip

    def _streamed(self, name: str, lines: Iterator[bytes]) -> str | None:
        """The name, or None where there is nothing to write."""
        if (first := next(lines, None)) is None:
            return None
        with self.archive.entry(name, most=1 << 40 if self.chosen.whole else 0) as write:
            write(first)
            for line in lines:
                write(line)
        return name

    def _decided(self, ids: list[str]) -> None:
        """What people decided about these changes; the list is empty afterwards."""
        for d in self.tx.decisions(ids).values():
            self.decisions.append({k: d[k] for k in ("id", "accepted", "by", "at", "reason")})
        ids.clear()

    def _enrolments(self, chains: Iterable[Chain]) -> list[Enrolment]:
        mine = [self.keys[e] for e in sorted({c.enrolment for c in chains} - {CONSOLE}) if e in self.keys]
        people = {s.id: str(s.values.get("name", "")) for s in self.tx.load("person", sorted({k.person for k in mine}))}
        return [_enrolment(k, people) for k in mine]

    # --- photos ------------------------------------------------------------------------------------------------------

    def _bytes(self) -> None:
        """Every file a shown photo record names, whose bytes came for that record's scope and are still those of its hash."""
        self.counts["photos"] = len(self.named)
        for n, some in enumerate(some_of(sorted(self.named), 100)):
            known = self.tx.blobs_named(some)
            for sha in some:
                self.photos[sha] = self._file_of(sha, known.get(sha))
            self.tell("photos", n * 100 + len(some))
        self.counts["photos_missing"] = sum(p.file is None for p in self.photos.values())

    def _file_of(self, sha: str, row: Any) -> Bytes:
        none = Bytes(None, None, None, None, None, {}, False)
        if row is None:
            return none
        # to name a hash opens nothing: it must have been sent for the scope of a shown record that names it
        source = next((s for s in self.tx.blob_sources(sha) if s.scope in self.named_in[sha]), None)
        if source is None:
            return none
        exif = _exif(row.exif)
        if not self.files.has(sha) or not self._sound(sha):
            return Bytes(None, row.size, row.kind, source.received_at, source.enrolment or source.person, exif, True)
        name = f"photos/{sha}.{row.kind}"
        with self.files.open(sha) as f, self.archive.entry(name, row.size) as write:
            while data := f.read(CHUNK):
                write(data)
        return Bytes(name, row.size, row.kind, source.received_at, source.enrolment or source.person, exif, False)

    def _sound(self, sha: str) -> bool:
        whole = sha256()
        with self.files.open(sha) as f:
            while data := f.read(CHUNK):
                whole.update(data)
        return whole.hexdigest() == sha

    def _photo_list(self) -> Iterator[dict[str, Any]]:
        for sha, p in self.photos.items():
            out = {
                "sha256": sha, "there": p.file is not None, "file": p.file, "size": p.size if p.file else None, "kind": p.kind,
                "received_at": p.received_at, "by": p.by, "exif": dict(p.exif) or None, "damaged": p.damaged or None,
                "records": sorted(self.named[sha]),
            }  # fmt: skip
            yield {k: v for k, v in out.items() if v is not None}

    def _list(self, name: str, items: Iterable[Mapping[str, Any]]) -> None:
        """A JSON list, one item a line."""
        with self.archive.entry(name) as write:
            write(b"[")
            for n, item in enumerate(items):
                write((b",\n" if n else b"\n") + json.dumps(item, ensure_ascii=False, sort_keys=True).encode())
            write(b"\n]\n")


def _exif(text: str | None) -> dict[str, Any]:
    try:
        read = json.loads(text) if text else {}
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _enrolment(k: DeviceKey, people: Mapping[str, str]) -> Enrolment:
    return Enrolment(
        enrolment=k.enrolment, device=k.device, device_code=k.device_code, person=k.person,
        person_name=people.get(k.person, ""), public_key=k.public_key, state=k.state,
    )  # fmt: skip


# the work first, then what it was planned by, then who and what took part
_FIRST = (
    "point", "borehole", "soil_layer", "field_reading", "sample", "sample_container", "qc_link", "photo", "comment", "review_decision", "conflict",
    "field_task", "inspection", "checklist_answer", "finding", "corrective_action", "recheck", "transfer_plan", "manifest", "manifest_leg", "hand_over",
    "disposal_record", "soil_lot",
    "calibration", "planned_point", "planned_target", "point_adjustment", "plan_zone", "plan", "site", "project",
)  # fmt: skip
_RANK = {type: n for n, type in enumerate(_FIRST)}
_IN_ORDER = sorted(TYPES, key=lambda t: _RANK.get(t, len(_RANK)))
