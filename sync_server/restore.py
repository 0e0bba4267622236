"""`jingtu restore`: a backup becomes the server's data again, as a new epoch.

Everything is made ready beside the old data. Then one rename says that it counts (SQLite: of the folder that holds it;
PostgreSQL: of the databases, in one transaction), and what remains is done by whoever comes first: this process, or the
next that opens the data (`settle`). So a kill leaves the old data or the new, never half of each.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, get_args

from pydantic import BaseModel

from schemas.problems import Trouble
from schemas.wire import BlockRequest
from sync_server import archive
from sync_server.archive import Manifest
from sync_server.backup import Opener, check_copy
from sync_server.blobs.files import Files
from sync_server.service import Service
from sync_server.settings import Settings
from sync_server.store import Tx, transfer
from sync_server.store.engine import to_disk
from sync_server.store.migrations import VERSION

# Our own decision [D]: so many numbers handed out between backup and loss are allowed for. One request gives at most
# 10 000 of a use; a firm that has 50 tablets enrolled between two backups makes backups too seldom.
GAP, DEVICE_GAP = 10_000, 50
STAGING, READY, NOTE = ".restoring-", "restore-ready", "ready.json"


class Ready(BaseModel):
    """What a staged restore is, for whoever finishes it."""

    kind: str
    epoch: str  # the new one
    tail: str  # of the names under which the old files are kept


class Restored(NamedTuple):
    manifest: Manifest
    epoch: str
    kept: list[str]  # where the old data is now
    numbers: dict[str, int]  # use → the next number
    signed_out: int
    left_over: list[str]


def restore(
    settings: Settings, opened: Opener, service_at: Callable[[Settings], Service], file: Path, by: str,
    replace: bool = False, gap: int = GAP, device_gap: int = DEVICE_GAP,
) -> Restored:  # fmt: skip
    """Raises Trouble 4202–4207, 4210, 4211; then the data is what it was."""
    manifest = archive.read_manifest(file)
    url = settings.url()
    if manifest.schema_version > VERSION:
        raise Trouble(4203, found=manifest.schema_version, known=VERSION)
    if manifest.kind != transfer.kind_of(url):
        raise Trouble(4210, found=manifest.kind, wanted=transfer.kind_of(url))
    with _staged(settings.data, file, manifest) as stage:
        settle(settings, opened)  # of an earlier one, before this data is looked at
        _free(url, opened, replace)
        target = _Sqlite(settings, stage) if manifest.kind == "sqlite" else _Postgresql(settings, stage, manifest)
        try:
            target.load()
            check_copy(opened(target.url), manifest)
            service = service_at(Settings(data=stage, database_url=target.url))
            try:
                epoch, numbers, signed_out = _begin(service, manifest, file, by, gap, device_gap)
            finally:
                service.store.close()
            tail = "replaced-" + re.sub(r"[^0-9T]", "", service.now())[:15]
            _in_use(url)  # somebody may have started the server meanwhile
            kept = target.commit(Ready(kind=manifest.kind, epoch=epoch, tail=tail))
        finally:
            target.close()
    kept += _finish(settings.data, tail)
    return Restored(manifest, epoch, kept, numbers, signed_out, target.left_over())


@contextmanager
def _staged(data: Path, file: Path, manifest: Manifest) -> Iterator[Path]:
    """Every file of the backup, proven, in a folder beside the data; if it comes to nothing, nothing is left of it."""
    made = [p for p in (data, *data.parents) if not p.exists()]
    stage = data / f"{STAGING}{os.getpid()}"
    with transfer.room("恢复", "the restore"):
        try:
            data.mkdir(parents=True, exist_ok=True)
            for old in data.glob(f"{STAGING}*"):  # copies of a run that was killed
                shutil.rmtree(old)
            stage.mkdir(mode=0o700)
            # photos that are here and sound are not brought a second time: there may be room for one of each
            if archive.extract(file, stage, lambda sha: not _sound(Files(data / archive.BLOBS), sha)) != manifest:
                raise Trouble(4202, file=file.name, why={"zh": "读的时候变了", "en": "it changed while it was read"})
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            for folder in made:
                with suppress(OSError):  # not empty: it is the new server's
                    folder.rmdir()


def _sound(blobs: Files, sha: str) -> bool:
    try:
        return blobs.hash(sha) == sha
    except OSError:
        return False


def _begin(
    service: Service, manifest: Manifest, file: Path, by: str, gap: int, device_gap: int
) -> tuple[str, dict[str, int], int]:
    """The staged data becomes a new epoch. Returns it, the next numbers, and how many were signed in."""
    service.store.create()
    with service.store.writing() as tx:
        epoch = service.begin_epoch(tx, manifest.epoch)
        gone = tx.end_sign_ins()
        # what was revoked after the backup must not come back
        tx.revoke_api_keys(service.now_ms())
        tx.withdraw_invitations(service.now_ms())
        for upload in tx.uploads():  # what had come of them is not in a backup
            tx.drop_upload(upload.id)
        numbers = _skip_numbers(tx, gap, device_gap)
        # what this file holds is in a backup, whatever stood there when it was made
        tx.set_backed_up(manifest.made_at, str(file.absolute()), manifest.epoch, manifest.heads)
        detail = {"file": str(file.absolute()), "made_at": manifest.made_at, "previous": manifest.epoch}
        tx.note(service.now(), by, "restore", epoch, **detail, heads=manifest.heads, gap=gap, device_gap=device_gap,
                ended=gone)  # fmt: skip
    service.start()  # what an earlier crash had left parked goes in, in the new epoch
    with service.store.reading() as tx:
        for scope in tx.scopes():
            if tx.recount(scope.id) % (1 << 256) != scope.digest:
                raise Trouble(4207, why=f"digest {scope.id}")
    return epoch, numbers, gone["web_session"] + gone["refresh"]


def _skip_numbers(tx: Tx, gap: int, device_gap: int) -> dict[str, int]:
    """Codes printed after the backup stand on jars by now: those numbers are not given again, also of a use that nobody had
    asked for before."""
    uses = {*get_args(BlockRequest.model_fields["use"].annotation), *tx.numbers_given(), "device"}
    return {use: tx.raise_numbers(use, device_gap if use == "device" else gap) for use in sorted(uses)}


# --- where it goes ---------------------------------------------------------------------------------------------------


def _in_use(url: str) -> None:
    """Raises Trouble 4204."""
    if transfer.kind_of(url) == "sqlite":
        if transfer.sqlite_in_use(transfer.sqlite_file(url)):
            raise Trouble(4204, where=str(transfer.sqlite_file(url)))
    else:
        pg = transfer.Postgres(url)
        if pg.exists() and pg.others():
            raise Trouble(4204, where=transfer.readable(url))


def _free(url: str, opened: Opener, replace: bool) -> None:
    """Raises Trouble 4204 while a server runs on it, 4205 where data stands that nobody said to replace."""
    _in_use(url)
    if transfer.kind_of(url) == "sqlite":
        path = transfer.sqlite_file(url)
        there, where = path.exists() and path.stat().st_size > 0, str(path)
    else:
        there, where = transfer.Postgres(url).exists(), transfer.readable(url)
    if not there or replace:
        return
    store = opened(url)
    try:
        if transfer.holds_data(store.engine):
            raise Trouble(4205, where=where)
    finally:
        store.close()


class _Sqlite:
    """The staged file becomes server.db when its folder gets the name that counts."""

    def __init__(self, settings: Settings, stage: Path) -> None:
        self._data, self._stage, self._live = settings.data, stage, transfer.sqlite_file(settings.url())
        self.url = f"sqlite:///{(stage / archive.DATABASE['sqlite']).absolute()}"
        if self._live.absolute() != (settings.data / archive.DATABASE["sqlite"]).absolute():
            raise Trouble(
                4101, why={"zh": "SQLite 只能恢复到数据目录里", "en": "SQLite is restored into the data folder only"}
            )

    def load(self) -> None:
        pass

    def commit(self, ready: Ready) -> list[str]:
        transfer.in_one_file(self._stage / archive.DATABASE["sqlite"])
        for stale in self._stage.glob("*.bak"):  # an upgrade's copy of what is in the backup anyway
            stale.unlink()
        transfer.in_one_file(self._live)  # what is in its -wal goes into the file that is kept
        _make_ready(self._data, self._stage, ready)
        return []

    def close(self) -> None:
        pass

    def left_over(self) -> list[str]:
        return []


class _Postgresql:
    """A database beside the old one changes names with it."""

    def __init__(self, settings: Settings, stage: Path, manifest: Manifest) -> None:
        self._data, self._stage, self._dump = settings.data, stage, stage / manifest.database
        self._pg = transfer.Postgres(settings.url())
        self._name: str | None = self._pg.beside("restoring")
        self.url = self._pg.url(self._name)

    def load(self) -> None:
        assert self._name
        try:
            self._pg.create(self._name)
        except transfer.NotAllowed as err:
            self._name = None
            raise Trouble(4211, why=str(err)) from err
        self._pg.load(self._dump, self._name)

    def commit(self, ready: Ready) -> list[str]:
        assert self._name
        self._dump.unlink()
        aside = f"{self._pg.name[:30]}_{ready.tail}".replace("-", "_").lower()
        there = self._pg.exists()
        _make_ready(self._data, self._stage, ready)  # only keys: they count when the database of this epoch does
        try:
            self._pg.swap(self._name, aside)
        except transfer.NotAllowed as err:
            shutil.rmtree(self._data / READY)
            raise Trouble(4211, why=str(err)) from err
        except BaseException:
            shutil.rmtree(self._data / READY)
            raise
        self._name = None
        return [f"PostgreSQL {aside}"] if there else []

    def close(self) -> None:
        if self._name:
            self._pg.drop(self._name)

    def left_over(self) -> list[str]:
        return self._pg.left_over()


# --- the last step ---------------------------------------------------------------------------------------------------


def _make_ready(data: Path, stage: Path, ready: Ready) -> None:
    (stage / NOTE).write_text(ready.model_dump_json())
    to_disk(*(p for p in stage.iterdir() if p.is_file()), *(p for p in stage.rglob("*") if p.is_dir()), stage)
    shutil.rmtree(data / READY, ignore_errors=True)  # emptied by an earlier one that was killed on its very last step
    os.rename(stage, data / READY)
    to_disk(data)


def settle(settings: Settings, opened: Opener) -> None:
    """Finish a restore that was killed after it counted. Called before anybody opens the data."""
    note = settings.data / READY / NOTE
    if not note.is_file():
        return
    ready = Ready.model_validate_json(note.read_text())
    if ready.kind == "postgresql":
        counts = False
        if transfer.Postgres(settings.url()).exists():
            store = opened(settings.url())
            try:
                with store.reading() as tx:
                    counts = tx.epoch_name() == ready.epoch
            finally:
                store.close()
        if not counts:  # killed before the databases changed names
            os.rename(settings.data / READY, settings.data / f"{STAGING}not-done-{os.getpid()}")
            return
    _finish(settings.data, ready.tail)


def _finish(data: Path, tail: str) -> list[str]:
    """Move what is staged into its place, the old under another name. Each step may have been done before."""
    ready, kept = data / READY, []
    _add_files(data, ready)
    name = archive.DATABASE["sqlite"]
    if (ready / name).exists():  # a log of the old database beside the new one would be played into it
        for log in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(data / f"{name}{log}", data / f"{name}.{tail}{log}")
    for name in (*archive.KEYS, archive.DATABASE["sqlite"]):
        fresh, live, aside = ready / name, data / name, data / f"{name}.{tail}"
        if not fresh.exists():
            if aside.exists():
                kept.append(str(aside))
            continue
        if live.exists() and not (name in archive.KEYS and live.read_bytes() == fresh.read_bytes()):
            if not aside.exists():
                _second_name(live, aside)
            kept.append(str(aside))
        os.replace(fresh, live)
    to_disk(data)
    shutil.rmtree(ready)
    to_disk(data)
    return kept


def _add_files(data: Path, ready: Path) -> None:
    """Photos and what lies beside bundles are added to those that are here; nobody sees them before the database names them."""
    blobs = Files(data / archive.BLOBS)
    for fresh in sorted((ready / archive.BLOBS).glob("*/*")):
        blobs.take(fresh, fresh.name)
    for fresh in sorted(p for p in (ready / archive.BUNDLES).rglob("*") if p.is_file()):
        live = data / fresh.relative_to(ready)
        live.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not live.exists():  # a report of today is of the same bundle, and newer
            os.replace(fresh, live)
            to_disk(live.parent, live.parent.parent)


def _second_name(live: Path, aside: Path) -> None:
    """The old file is never away from its place before the new one stands there."""
    try:
        os.link(live, aside)
    except OSError:  # a file system without links
        half = aside.with_name(f"{aside.name}.half")
        shutil.copyfile(live, half)
        to_disk(half)
        os.replace(half, aside)
