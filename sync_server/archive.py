"""The file of a backup: a ZIP of the database, the server's keys and a manifest that names the hash of each.

Nothing of it is believed before its hash was counted. It holds private keys: only its owner may read it.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.problems import Trouble

FORMAT = 1
MANIFEST = "manifest.json"
KEYS = ("receipt.key", "token.key")
DATABASE = {"sqlite": "server.db", "postgresql": "server.pgdump"}
PIECE = 1 << 20
LARGEST_MANIFEST = 16 << 20


class Member(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class ScopeHead(BaseModel):
    seq: int
    digest: str


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

    @property
    def database(self) -> str:
        return DATABASE[self.kind]

    @property
    def heads(self) -> dict[str, int]:
        return {id: head.seq for id, head in self.scopes.items()}


def write(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> Manifest:
    """A new file, on the disk when this returns; its manifest."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w+b") as raw:
        with zipfile.ZipFile(raw, "w") as archive:
            for name, file in files.items():
                manifest.members[name] = _add(archive, name, file)
            # pg_dump compresses by itself; a database file shrinks to a third
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> Member:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    info.compress_type = zipfile.ZIP_DEFLATED if name == DATABASE["sqlite"] else zipfile.ZIP_STORED
    info._compresslevel = 1  # type: ignore[attr-defined]
    counted, size = sha256(), 0
    with file.open("rb") as source, archive.open(info, "w", force_zip64=True) as into:
        while piece := source.read(PIECE):
            counted.update(piece)
            size += len(piece)
            into.write(piece)
    return Member(sha256=counted.hexdigest(), size=size)


def read_manifest(path: Path) -> Manifest:
    """Raises Trouble 4202."""
    with _opened(path) as archive:
        return _manifest(archive, path)


def extract(path: Path, folder: Path) -> Manifest:
    """Every member into `folder`, each against its hash. Raises Trouble 4202; what was written so far is the caller's to
    remove."""
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        for name, member in manifest.members.items():
            counted, size = sha256(), 0
            fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as into, archive.open(name) as source:
                while piece := source.read(PIECE):
                    size += len(piece)
                    if size > member.size:
                        break  # what swells beyond its own statement is not written out
                    counted.update(piece)
                    into.write(piece)
                into.flush()
                os.fsync(into.fileno())
            if (counted.hexdigest(), size) != (member.sha256, member.size):
                raise _unsound(
                    path, f"{name} 与清单上的校验值不符", f"{name} does not have the hash its manifest states"
                )
    return manifest


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    info = archive.getinfo(MANIFEST)
    if info.file_size > LARGEST_MANIFEST:
        raise _unsound(path, "清单过大", "its manifest is too large")
    manifest = Manifest.model_validate_json(archive.read(info))
    if manifest.format > FORMAT:
        zh, en = f"格式 {manifest.format} 是更新版本的", f"its format {manifest.format} is of a newer version"
        raise _unsound(path, zh, en)
    if set(manifest.members) != {manifest.database, *KEYS}:
        raise _unsound(path, "缺少数据库或密钥", "the database or the keys are missing")
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
        raise _unsound(
            path, f"文件损坏、不全或不是备份（{err}）", f"it is damaged, cut off or no backup ({err})"
        ) from err


def _unsound(path: Path, zh: str, en: str) -> Trouble:
    return Trouble(4202, file=path.name, why={"zh": zh, "en": en})
