"""The device's identity: the one file with secrets, apart from the database, readable by this app only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from field_app.storage import to_disk, told
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
    """Every person who works on this tablet, each with an own key; `identity` is whose turn it is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "identity.json"
        self.identities: dict[str, Identity] = {}  # enrolment → identity
        self.identity: Identity | None = None
        self._read()

    def _read(self) -> None:
        if not self._path.exists():
            return
        data = json.loads(self._path.read_text())
        kept = data.get("identities", [data])  # 0.1.0 knew one person only
        for one in kept:
            secrets = {k: unb64(one[k]) for k in ("private_key", "salt_key")}
            self.identities[one["enrolment"]] = Identity(**{**one, **secrets})
        self.identity = self.identities[data.get("active") or kept[0]["enrolment"]]

    def draft(self, code: str = "") -> tuple[bytes, bytes]:
        """Private key and salt key of an enrolment under way: the same ones until it is done, whatever code is tried."""
        path = self._path.with_name("enrolling.json")
        used = {b64(i.private_key) for i in self.identities.values()}
        # the power may have gone after the identity was saved and before the draft was dropped
        if path.exists() and json.loads(path.read_text())["private_key"] in used:
            path.unlink()
        if not path.exists():
            keys = {"private_key": b64(new_key()), "salt_key": b64(os.urandom(32))}
            self._write(path, {**keys, "code": sha256(code.encode()).hexdigest()})
        data = json.loads(path.read_text())
        return unb64(data["private_key"]), unb64(data["salt_key"])

    def drop_draft(self, code: str) -> bool:
        """True if the draft was made for another code, and is gone now: an answer that got lost may have bound it to another
        person."""
        path = self._path.with_name("enrolling.json")
        if json.loads(path.read_text()).get("code") == sha256(code.encode()).hexdigest():
            return False
        path.unlink()
        return True

    def save(self, identity: Identity) -> None:
        """A person enrolled, and it is his or her turn. An earlier enrolment of the same person is of no more use, nor are
        those of another server: a tablet holds the data of one."""
        same = (i for i in self.identities.values() if i.server_key == identity.server_key)
        others = {i.enrolment: i for i in same if i.person != identity.person}
        self._keep({**others, identity.enrolment: identity}, identity)
        self._path.with_name("enrolling.json").unlink(missing_ok=True)

    def turn(self, enrolment: str) -> None:
        """Another person takes the tablet. Raises KeyError for somebody who is not enrolled here."""
        self._keep(self.identities, self.identities[enrolment])

    def _keep(self, identities: dict[str, Identity], active: Identity) -> None:
        secrets = ("private_key", "salt_key")
        texts = [{**i._asdict(), **{k: b64(getattr(i, k)) for k in secrets}} for i in identities.values()]
        self._write(self._path, {"active": active.enrolment, "identities": texts})
        self.identities, self.identity = identities, active

    def _write(self, path: Path, data: Mapping[str, object]) -> None:
        """temp → fsync → rename → fsync of the folder: a power cut leaves the old file or the new one. Raises Trouble 5001,
        5007; then the old one is there."""
        temp = path.with_suffix(".new")
        with told():
            try:
                fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(fd, "w") as f:
                    json.dump(data, f)
                    f.flush()
                    os.fsync(f.fileno())
            except BaseException:
                temp.unlink(missing_ok=True)  # half a file with secrets helps nobody, and takes room
                raise
            os.replace(temp, path)
            to_disk(path.parent)

    def require(self) -> Identity:
        if self.identity is None:
            raise Trouble(2002)
        return self.identity
