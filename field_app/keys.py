"""The device's identity: the one file with secrets, apart from the database, readable by this app only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from schemas.problems import Trouble
from schemas.rules.evidence import b64, new_key, unb64


class Identity(NamedTuple):
    """One enrolment: one person on one device, one Ed25519 key."""

    enrolment: str
    device: str
    device_code: str
    person: str
    person_name: str
    server_url: str
    server_key: str
    private_key: bytes
    salt_key: bytes


class Keys:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "identity.json"
        self.identity: Identity | None = self._read()

    def _read(self) -> Identity | None:
        if not self._path.exists():
            return None
        data = json.loads(self._path.read_text())
        return Identity(**{**data, "private_key": unb64(data["private_key"]), "salt_key": unb64(data["salt_key"])})

    def draft(self) -> tuple[bytes, bytes]:
        """Private key and salt key of an enrolment under way: the same ones until it is done."""
        path = self._path.with_name("enrolling.json")
        used = b64(self.identity.private_key) if self.identity is not None else ""
        # the power may have gone after the identity was saved and before the draft was dropped
        if path.exists() and json.loads(path.read_text())["private_key"] == used:
            path.unlink()
        if not path.exists():
            self._write(path, {"private_key": b64(new_key()), "salt_key": b64(os.urandom(32))})
        data = json.loads(path.read_text())
        return unb64(data["private_key"]), unb64(data["salt_key"])

    def save(self, identity: Identity) -> None:
        data = {**identity._asdict(), "private_key": b64(identity.private_key), "salt_key": b64(identity.salt_key)}
        self._write(self._path, data)
        self._path.with_name("enrolling.json").unlink(missing_ok=True)
        self.identity = identity

    def _write(self, path: Path, data: dict[str, str]) -> None:
        """temp → fsync → rename → fsync of the folder: a power cut leaves the old file or the new one."""
        temp = path.with_suffix(".new")
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            json.dump(data, f)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temp, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def require(self) -> Identity:
        if self.identity is None:
            raise Trouble(2002)
        return self.identity
