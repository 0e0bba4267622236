"""The file of a backup: a ZIP of the database, the server's keys, what lies beside rescue bundles, and the photos, with a manifest.

The manifest names the hash of each but the photos: those carry theirs as a name, and one hash over all names says that none
is missing. Nothing of it is believed before its hash was counted. It holds private keys: only its owner may read it.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from errno import EINVAL
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.problems import Trouble
from sync_server.blobs.files import Files

FORMAT = 2  # 1 kept no photos and nothing of bundles; a server that knows only that must not take this for all there is
MANIFEST = "manifest.json"
KEYS = ("receipt.key", "token.key")
DATABASE = {"sqlite": "server.db", "postgresql": "server.pgdump"}
PIECE = 1 << 20
LARGEST_MANIFEST = 64 << 20
BLOBS, BUNDLES = "blobs", "bundles"  # folders of the data folder
_PHOTO = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_BUNDLE = re.compile(r"bundles(?:/[0-9A-Za-z_-][0-9A-Za-z._-]*){2,3}")


class Member(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class ScopeHead(BaseModel):
    seq: int
    digest: str


class Photos(BaseModel):
    """The photos the database names. Those that are missing or damaged on the server were so when the backup was made."""

    count: int = Field(ge=0)
    size: int = Field(ge=0)  # bytes of all
    names: str = Field(pattern=r"^[0-9a-f]{64}$")  # `named` of their hashes
    missing: list[str] = []
    damaged: list[str] = []  # what lies there under this name is in the file as it was found; a restore leaves it out


class Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    format: int
    kind: Literal["sqlite", "postgresql"]
    app: str  # the version of the server that made it
    schema_version: int
    made_at: str
    epoch: str
    organisation: str
    scopes: dict[str, ScopeHead]
    counts: dict[str, int]  # rows of every table
    members: dict[str, Member]
    photos: Photos | None = None  # None: made without them, or (format 1) by a server that had none

    @property
    def database(self) -> str:
        return DATABASE[self.kind]

    @property
    def heads(self) -> dict[str, int]:
        return {id: head.seq for id, head in self.scopes.items()}


def fits(name: str) -> bool:
    """May a file of the data folder go in under this name? Of rescue bundles only."""
    return _BUNDLE.fullmatch(name) is not None


def named(hashes: Iterable[str]) -> str:
    """One hash that says which photos are there."""
    counted = sha256()
    for sha in sorted(hashes):
        counted.update(sha.encode() + b"\n")
    return counted.hexdigest()


def write(
    path: Path, manifest: Manifest, files: Mapping[str, Path], photos: Collection[str] | None, blobs: Files
) -> Manifest:
    """A new file, on the disk when this returns; its manifest. `photos`: hashes of those that go in; None: none do."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w+b") as raw:
        with zipfile.ZipFile(raw, "w") as archive:
            for name, file in files.items():
                with file.open("rb") as source:
                    manifest.members[name] = _add(archive, name, source)
            if photos is not None:
                manifest.photos = _add_photos(archive, photos, blobs)
            # pg_dump compresses by itself; a database file shrinks to a third
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _add_photos(archive: zipfile.ZipFile, photos: Collection[str], blobs: Files) -> Photos:
    """Each hashed on its way: a photo the disk has damaged is named, and keeps no backup from being made."""
    good, size, missing, damaged = list[str](), 0, list[str](), list[str]()
    for sha in sorted(photos):
        try:
            source = blobs.open(sha)
        except FileNotFoundError:
            missing.append(sha)
            continue
        with source:
            member = _add(archive, f"{BLOBS}/{sha[:2]}/{sha}", source, True)
        if member.sha256 == sha:
            good.append(sha)
            size += member.size
        else:
            damaged.append(sha)
    return Photos(count=len(good), size=size, names=named(good), missing=missing, damaged=damaged)


def _add(archive: zipfile.ZipFile, name: str, source: IO[bytes], to_the_end: bool = False) -> Member:
    """`to_the_end`: where the disk cannot read it further, what came before is what there is."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    info.compress_type = zipfile.ZIP_DEFLATED if name == DATABASE["sqlite"] else zipfile.ZIP_STORED
    info._compresslevel = 1  # type: ignore[attr-defined]
    counted, size = sha256(), 0
    with archive.open(info, "w", force_zip64=True) as into:
        while piece := _read(source, to_the_end):
            counted.update(piece)
            size += len(piece)
            into.write(piece)
    return Member(sha256=counted.hexdigest(), size=size)


def _read(source: IO[bytes], to_the_end: bool) -> bytes:
    try:
        return source.read(PIECE)
    except OSError:
        if not to_the_end:
            raise
        return b""


def read_manifest(path: Path) -> Manifest:
    """Raises Trouble 4202."""
    with _opened(path) as archive:
        return _manifest(archive, path)


def extract(path: Path, folder: Path, wanted: Callable[[str], bool] | None = None) -> Manifest:
    """Every member into `folder`, each against its hash, and every photo, of which only those `wanted` are written out (None:
    nothing but the hash is looked at). Raises Trouble 4202; what was written so far is the caller's to remove."""
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        for name, member in manifest.members.items():
            with archive.open(name) as source, _fresh(folder / name) as into:
                found = _copy(source, into, member.size)
            if found != (member.sha256, member.size):
                raise _unsound(
                    path, f"{name} 与清单上的校验值不符", f"{name} does not have the hash its manifest states"
                )
        if manifest.photos is not None:
            _extract_photos(archive, path, folder, manifest.photos, wanted)
    return manifest


def _extract_photos(
    archive: zipfile.ZipFile, path: Path, folder: Path, photos: Photos, wanted: Callable[[str], bool] | None
) -> None:
    left_out, good, size = set(photos.damaged), list[str](), 0
    for info in archive.infolist():
        match = _PHOTO.fullmatch(info.filename)
        if match is None or match[2] in left_out:
            continue
        sha = match[2]
        good.append(sha)
        size += info.file_size
        if info.compress_type != zipfile.ZIP_STORED or size > photos.size:
            raise _unsound(path, "照片比清单上的大", "its photos are larger than its manifest states")
        with archive.open(info) as source:
            if wanted is not None and wanted(sha):
                with _fresh(folder / info.filename) as into:
                    found, _ = _copy(source, into, info.file_size)
            else:
                found, _ = _copy(source, None, info.file_size)
        if found != sha:
            raise _unsound(
                path, f"照片 {sha[:12]} 的内容不是它名字里的校验值", f"photo {sha[:12]} is not what its name says"
            )
    if (len(good), size, named(good)) != (photos.count, photos.size, photos.names):
        raise _unsound(path, "照片与清单不符，缺了或多了", "its photos are not those its manifest names")


def _fresh(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _copy(source: IO[bytes], into: IO[bytes] | None, most: int) -> tuple[str, int]:
    """(hash, size), on the disk. What swells beyond its own statement is not written out."""
    counted, size = sha256(), 0
    while piece := source.read(PIECE):
        size += len(piece)
        if size > most:
            break
        counted.update(piece)
        if into is not None:
            into.write(piece)
    if into is not None:
        into.flush()
        os.fsync(into.fileno())
    return counted.hexdigest(), size


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    info = archive.getinfo(MANIFEST)
    if info.file_size > LARGEST_MANIFEST:
        raise _unsound(path, "清单过大", "its manifest is too large")
    manifest = Manifest.model_validate_json(archive.read(info))
    if manifest.format > FORMAT:
        zh, en = f"格式 {manifest.format} 是更新版本的", f"its format {manifest.format} is of a newer version"
        raise _unsound(path, zh, en)
    if {n for n in manifest.members if not fits(n)} != {manifest.database, *KEYS}:
        raise _unsound(
            path,
            "缺少数据库或密钥，或有不该有的文件",
            "the database or the keys are missing, or a file is none of ours",
        )
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file():
        raise _unsound(path, "没有这个文件", "there is no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except KeyError as err:
        raise _unsound(path, "里面没有备份清单", "there is no manifest of a backup in it") from err
    except ValidationError as err:
        raise _unsound(path, "备份清单读不懂", "its manifest cannot be understood") from err
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as err:
        raise _damaged(path, err) from err
    except OSError as err:
        if err.errno != EINVAL:  # a damaged directory may point to before the beginning
            raise
        raise _damaged(path, err) from err


def _damaged(path: Path, err: Exception) -> Trouble:
    return _unsound(path, f"文件损坏、不全或不是备份（{err}）", f"it is damaged, cut off or no backup ({err})")


def _unsound(path: Path, zh: str, en: str) -> Trouble:
    return Trouble(4202, file=path.name, why={"zh": zh, "en": en})
