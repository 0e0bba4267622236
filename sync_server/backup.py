"""`jingtu backup`: the whole server in one file, made while it runs, and tried out before it is said to be good.

The manifest is read from the very copy that goes into the file (SQLite) or in the transaction whose snapshot pg_dump
takes (PostgreSQL), so a change that arrives meanwhile is either in both or in neither. Photos follow the copy: a photo's bytes are
here before its row is, so every one the copy names is there, and one that arrives meanwhile is in the next backup.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from schemas.problems import Trouble
from schemas.rules import evidence
from sync_server import archive
from sync_server.archive import Manifest
from sync_server.blobs.files import Files
from sync_server.service import Service
from sync_server.settings import Settings
from sync_server.store import Head, State, Store, transfer
from sync_server.store.engine import to_disk
from sync_server.store.migrations import VERSION

Opener = Callable[[str], Store]


class Made(NamedTuple):
    """A backup that is in its place."""

    file: Path
    size: int
    manifest: Manifest
    unverified: str | None  # why it could not be tried out
    photos: bool  # False: made without them
    left_over: list[str]  # databases that killed runs left beside this one


def app_version() -> str:
    try:
        return version("jingtu")
    except PackageNotFoundError:  # run from its sources
        return "0"


def backup(
    settings: Settings, opened: Opener, service_at: Callable[[Settings], Service], out: Path, by: str, force: bool = False,
    photos: bool = True,
) -> Made:  # fmt: skip
    """`photos`: with their bytes. Raises Trouble 4201, 4206, 4207, 4208, 4209; then there is no file, or the one that was there."""
    check_there(settings)
    service = service_at(settings)
    try:
        return _backup(settings, service, opened, out, by, force, photos)
    finally:
        service.store.close()


def _backup(
    settings: Settings, service: Service, opened: Opener, out: Path, by: str, force: bool, photos: bool
) -> Made:  # fmt: skip
    if out.exists() and not (force and out.is_file()):
        raise Trouble(4209, file=str(out))
    if not out.absolute().parent.is_dir():
        raise _not_made(f"没有文件夹 {out.absolute().parent}", f"there is no folder {out.absolute().parent}")
    with transfer.room("备份", "the backup"), _work_beside(out) as work:
        manifest, named = _collect(settings, service, opened, work)
        fresh = work / "fresh"
        members = {name: work / name for name in (manifest.database, *archive.KEYS)} | _of_bundles(settings.data)
        archive.write(fresh, manifest, members, named if photos else None, Files(settings.data / archive.BLOBS))
        (work / manifest.database).unlink()  # the trial needs the room
        try:
            unverified, left = _try_out(settings, opened, fresh, work)
        except Trouble as err:
            if err.problem.number in (4202, 4102):  # written a moment ago by us
                raise Trouble(4207, why={"zh": err.text("zh"), "en": err.text("en")}) from err
            raise
        size = fresh.stat().st_size
        os.replace(fresh, out)
        to_disk(out.absolute().parent)
    _note(service, manifest, out, size, by, unverified)
    return Made(out, size, manifest, unverified, photos, left)


def check_there(settings: Settings) -> None:
    """A backup of nothing, or of a folder that is not the server's, helps nobody. Raises Trouble 4201."""
    url, data = settings.url(), settings.data
    if transfer.kind_of(url) == "sqlite" and not transfer.sqlite_file(url).is_file():
        raise _not_made(f"{data} 中没有服务器的数据库", f"there is no server's database in {data}")
    for name in archive.KEYS:
        if not (data / name).is_file():
            raise _not_made(f"{data} 中没有 {name}，目录不对？", f"{name} is not in {data}: is it the right folder?")


@contextmanager
def _work_beside(out: Path) -> Iterator[Path]:
    """On the same disk, so that the last step is a rename; readable by nobody else; gone afterwards, come what may."""
    work = Path(tempfile.mkdtemp(prefix=f".{out.name[:80]}.", dir=out.absolute().parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _of_bundles(data: Path) -> dict[str, Path]:
    """Drafts, reports and photos that lie beside rescue bundles (bundle.py); not what is being written."""
    found = (p for p in sorted((data / archive.BUNDLES).rglob("*")) if p.is_file() and p.suffix != ".new")
    return {name: p for p in found if archive.fits(name := p.relative_to(data).as_posix())}


def _collect(settings: Settings, service: Service, opened: Opener, work: Path) -> tuple[Manifest, list[str]]:
    """Everything that goes in, as files in `work`, and what is to be found in it; the hashes of the photos it names."""
    for name in archive.KEYS:
        shutil.copyfile(settings.data / name, work / name)
    kind = transfer.kind_of(settings.url())
    path = work / archive.DATABASE[kind]
    if kind == "postgresql":
        with service.store.reading() as tx:
            state, organisation, named = tx.state(), tx.setting("organisation") or "", tx.blob_hashes()
            transfer.Postgres(settings.url()).dump(tx.conn, path)
    else:
        transfer.copy_sqlite(service.store.engine, path)
        copy = opened(f"sqlite:///{path.absolute()}")
        try:
            with copy.reading() as tx:
                state, organisation, named = tx.state(), tx.setting("organisation") or "", tx.blob_hashes()
        finally:
            copy.close()
        transfer.in_one_file(path)
    made = Manifest(
        format=archive.FORMAT, kind=kind, app=app_version(), schema_version=state.schema_version, made_at=service.now(),
        epoch=state.epoch, organisation=organisation, counts=state.counts, members={},
        scopes={id: archive.ScopeHead(seq=h.seq, digest=h.digest) for id, h in state.scopes.items()},
    )  # fmt: skip
    return made, named


def _try_out(settings: Settings, opened: Opener, fresh: Path, work: Path) -> tuple[str | None, list[str]]:
    """Restore the file somewhere else and look at what comes out. Why that was not possible, if it was not, and what killed
    runs left behind. Raises Trouble 4207."""
    scratch = work / "scratch"
    scratch.mkdir()
    manifest = archive.extract(fresh, scratch)
    for name in archive.KEYS:
        if (scratch / name).read_bytes() != (settings.data / name).read_bytes():
            raise _bad(f"{name} 与服务器的不同", f"{name} is not the server's")
    if manifest.kind == "sqlite":
        check_copy(opened(f"sqlite:///{(scratch / manifest.database).absolute()}"), manifest)
        return None, []
    pg = transfer.Postgres(settings.url())
    name = pg.beside("verify")
    try:
        pg.create(name)
    except transfer.NotAllowed as err:
        return str(err), []
    try:
        pg.load(scratch / manifest.database, name)
        check_copy(opened(pg.url(name)), manifest)
    finally:
        pg.drop(name)
    return None, pg.left_over()


def check_copy(store: Store, manifest: Manifest) -> None:
    """Is this restored copy what its manifest says, and whole in itself? Closes it. Raises Trouble 4207."""
    try:
        if faults := transfer.faults_of(store.engine):
            raise _bad("；".join(faults), "; ".join(faults))
        with store.reading() as tx:
            state = tx.state()
        told = State(manifest.schema_version, manifest.epoch,
                     {id: Head(h.seq, h.digest) for id, h in manifest.scopes.items()}, manifest.counts)  # fmt: skip
        for part in State._fields:
            if getattr(state, part) != getattr(told, part):
                raise _bad(f"内容与清单不符（{part}）", f"it does not hold what its manifest says ({part})")
        if (p := manifest.photos) is not None:
            with store.reading() as tx:
                wanted = set(tx.blob_hashes()) - {*p.missing, *p.damaged}
            if archive.named(wanted) != p.names:
                raise _bad("数据库点名的照片不全在备份里", "not every photo the database names is in it")
        store.create()  # an older one must also be fit to become one of today
        with store.reading() as tx:
            for scope in tx.scopes():
                if tx.recount(scope.id) % evidence.DIGEST_SIZE != scope.digest:
                    raise _bad(f"范围 {scope.id} 的校验值与其记录不符",
                               f"the digest of scope {scope.id} is not that of its rows")  # fmt: skip
    finally:
        store.close()


def _note(service: Service, manifest: Manifest, out: Path, size: int, by: str, unverified: str | None) -> None:
    """A tablet may forget what a good backup holds: only one that was tried out counts for that. A database of an older
    version has no place for it yet."""
    if manifest.schema_version != VERSION:
        return
    file = str(out.absolute())
    with service.store.writing() as tx:
        if tx.setting("epoch") != manifest.epoch:
            return  # replaced meanwhile
        if unverified is None:
            tx.set_backed_up(manifest.made_at, file, manifest.epoch, manifest.heads)
        tx.note(service.now(), by, "backup", manifest.epoch, verified=unverified is None, file=file, size=size,
                made_at=manifest.made_at, heads=manifest.heads,
                photos=manifest.photos.count if manifest.photos else None)  # fmt: skip


def _not_made(zh: str, en: str) -> Trouble:
    return Trouble(4201, why={"zh": zh, "en": en})


def _bad(zh: str, en: str) -> Trouble:
    return Trouble(4207, why={"zh": zh, "en": en})
