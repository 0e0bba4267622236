"""Writing a rescue bundle: all that the server has not acknowledged, in one file that only the server can open.

Takes a while: not for the event loop. Nothing on the tablet changes but the folder `outbox`, and a bundle appears there whole or
not at all.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from field_app.keys import Identity
from field_app.storage import to_disk, told
from field_app.store import Batch, Store, signed_head
from schemas import VERSION
from schemas.records import SCHEMA
from schemas.rules import evidence
from schemas.rules.bundle import About, Bundler, DraftFrame, Owner, PhotoFrame
from schemas.wire import PROTOCOL

KEPT = 3  # bundles that stay in the outbox; the tablet still has all that is in them
_HASH = re.compile(rb'"([0-9a-f]{64})"')
_PHOTO = re.compile(r"([0-9a-f]{64})\.(jpg|png|webp)")
_PIECE = 1 << 20


class Survey(NamedTuple):
    """What a bundle would hold. photos: hash → file, of those that its records and drafts name or that the server has not
    acknowledged yet; in one that is not of all, without those it has."""

    owners: list[Owner]
    foreign: int
    drafts: int
    photos: dict[str, Path]
    photo_bytes: int

    @property
    def changes(self) -> int:
        return sum(o.changes for o in self.owners if o.signed)

    @property
    def locked(self) -> list[Owner]:
        """Whose changes cannot be signed before the person unlocks, and are therefore not in it."""
        return [o for o in self.owners if not o.signed and o.changes]


class Written(NamedTuple):
    """A bundle on the disk."""

    path: Path
    size: int
    changes: int
    drafts: int
    photos: int
    locked: list[Owner]


Tell = Callable[[int, int], None]  # done, of how many bytes or changes: only their ratio means something


def survey(store: Store, whole: bool = False) -> Survey:
    """Looks through everything that would go in, without keeping it."""
    counts = store.unsent_counts(whole)
    keys = store.keys.identities
    owners = [
        Owner(
            enrolment=e, person=i.person, person_name=i.person_name, changes=counts.get(e, 0), signed=bool(i.private_key)
        )
        for e, i in keys.items()
    ]  # fmt: skip
    # in the whole, what was acknowledged of former enrolments is where it belongs
    foreign = sum(n for e, n in store.unsent_counts().items() if e not in keys)
    named: set[str] = set()
    for batch in batches(store, whole):
        named |= _named(batch.lines)
    people, drafts = {i.person for i in keys.values()}, 0
    for draft in store.all_drafts():
        if draft.person in people:
            drafts += 1
            named |= _named([draft.values])
    if not whole:  # also of records that are on the server; but not the photos that are
        named = (named | store.photos_owed()) - store.photos_there()
    photos = {h: path for h, path in _photos(store.folder / "photos").items() if h in named}
    return Survey(owners, foreign, drafts, photos, sum(p.stat().st_size for p in photos.values()))


def batches(store: Store, whole: bool = False) -> Iterator[Batch]:
    people = signers(store)
    for scope in store.unsent_scopes(whole):
        yield from store.unsent(scope, people, whole)


def signers(store: Store) -> dict[str, Identity]:
    return {e: i for e, i in store.keys.identities.items() if i.private_key}


def _named(texts: Iterable[bytes]) -> set[str]:
    """Every hash that stands in these JSON texts, whatever field it is in."""
    return {found.decode() for text in texts for found in _HASH.findall(text)}


def _photos(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {m[1]: p for p in folder.iterdir() if (m := _PHOTO.fullmatch(p.name)) and p.is_file()}


def write(store: Store, with_photos: bool = True, whole: bool = False, tell: Tell | None = None) -> Written:
    """A new bundle in <data>/outbox, on the disk when this returns. Raises Trouble 2002 where nobody is enrolled, 5001 and 5007
    where the storage takes no more: then there is no file."""
    identity, say = store.keys.require(), tell or (lambda done, of: None)
    found = survey(store, whole)
    now = store.clock.now()
    outbox = store.folder / "outbox"
    photos = found.photos if with_photos else {}
    # a change of a thousand bytes and a byte of a photo are told on one scale
    total, done = found.changes * 1000 + sum(p.stat().st_size for p in photos.values()), 0
    with told():
        outbox.mkdir(parents=True, exist_ok=True)
        for left in outbox.glob("*.new"):  # of one that was killed
            left.unlink(missing_ok=True)
        path = _free(outbox, f"jingtu-{_plain(identity.device_code)}-{now:%Y%m%d-%H%M%S}")
        temp = path.with_name(f"{path.name}.new")
        try:
            with open(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                about = About(
                    device=identity.device, device_code=identity.device_code, made_at=now.isoformat(timespec="seconds"),
                    epoch=store.meta("epoch") or "", whole=whole, owners=found.owners, foreign=found.foreign,
                    facts=facts(store),
                )  # fmt: skip
                made = Bundler(file.write, identity.server_key, about)
                people = signers(store)
                packed = 0
                for batch in batches(store, whole):
                    who, packed = people[batch.enrolment], packed + len(batch.lines)
                    batch = batch._replace(left=max(0, found.changes - packed))
                    made.batch(batch.scope, signed_head(batch, who, about.epoch, _rotten(batch, who)), batch.lines)
                    done = packed * 1000
                    say(done, total)
                names = {i.person: i.person_name for i in store.keys.identities.values()}
                for draft in store.all_drafts():
                    if draft.person in names:
                        frame = {**draft._asdict(), "person_name": names[draft.person]}
                        made.draft(
                            DraftFrame.model_validate({k: v for k, v in frame.items() if k != "values"}), draft.values
                        )
                for sha256, photo in photos.items():
                    size = photo.stat().st_size
                    made.photo(PhotoFrame(sha256=sha256, name=photo.name), size, _read(photo))
                    done += size
                    say(done, total)
                end = made.finish([(e, i.private_key) for e, i in people.items()])
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temp.unlink(missing_ok=True)  # half a bundle helps nobody, and takes room
            raise
        os.replace(temp, path)
        to_disk(outbox)
    _tidy(outbox, path)
    return Written(path, path.stat().st_size, end.changes, end.drafts, end.photos, found.locked)


def _rotten(batch: Batch, who: Identity) -> bool:
    """Does a line no longer make its link? Then all links go along, so that the server finds the one (problem 1205)."""
    return evidence.links(batch.prev, who.salt_key, zip(batch.ids, batch.lines, strict=True)) != batch.links


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _plain(code: str) -> str:
    """A device code as part of a file's name."""
    return re.sub(r"[^0-9A-Za-z]", "", code) or "x"


def _free(outbox: Path, stem: str) -> Path:
    names = (f"{stem}{'' if n == 1 else f'-{n}'}.jtb" for n in range(1, 1000))
    return next(p for p in map(outbox.joinpath, names) if not p.exists())


def _tidy(outbox: Path, newest: Path) -> None:
    """Old ones go once a new one is there: they hold nothing the tablet does not have, and photos take room."""
    old = sorted((p for p in outbox.glob("jingtu-*.jtb") if p != newest), key=lambda p: p.stat().st_mtime)
    for path in old[: max(0, len(old) - KEPT + 1)]:
        with suppress(OSError):
            path.unlink()


def facts(store: Store) -> Mapping[str, Any]:
    """What helps to find out what is wrong with a tablet: whole numbers and short texts, no secrets, nothing recorded."""
    database = store.folder / "tablet.db"
    wal = database.with_name("tablet.db-wal")
    return {
        "app": VERSION, "types": SCHEMA, "protocol": PROTOCOL, "python": platform.python_version(), "system": sys.platform,
        "machine": platform.machine(), "database_bytes": sum(p.stat().st_size for p in (database, wal) if p.exists()),
        "free_bytes": shutil.disk_usage(store.folder).free, "counts": store.counts(), "photos": store.media()._asdict(),
        "server_offset_ms": store.meta("server_offset_ms") or "", "last_sync": store.meta("ui.last_sync") or "",
    }  # fmt: skip
