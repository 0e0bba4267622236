"""The device's identity: the one file with secrets, apart from the database, readable by this app only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from schemas.problems import Trouble
from schemas.rules.evidence import b64, unb64


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

    def save(self, identity: Identity) -> None:
        """temp → fsync → rename → fsync of the folder: a power cut leaves the old identity or the new one."""
        data = {**identity._asdict(), "private_key": b64(identity.private_key), "salt_key": b64(identity.salt_key)}
        temp = self._path.with_suffix(".new")
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            json.dump(data, f)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temp, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.identity = identity

    def require(self) -> Identity:
        if self.identity is None:
            raise Trouble(2002)
        return self.identity
