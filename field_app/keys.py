"""The device's identity: the one file with secrets, apart from the database, readable by this app only.

Who works here, on which device, for which server: that lies open. Private key and salt key are locked by the person's PIN
(pin.py) and, once opened, stay in memory until the process ends, so that a sync sends what everybody made who has been
here since. Files of before there were PINs hold them open until their person sets one."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from field_app.clock import Clock, DeviceClock
from field_app.pin import Sealed, Tries, seal, unseal
from field_app.storage import replace
from schemas.problems import Trouble
from schemas.rules.evidence import b64, new_key, public_of, unb64

SECRETS = ("private_key", "salt_key")


class Identity(NamedTuple):
    """One enrolment: one person on one device, one Ed25519 key. Both keys are empty while it is locked."""

    enrolment: str
    device: str
    device_code: str
    person: str
    person_name: str
    server_url: str
    server_key: str
    private_key: bytes
    salt_key: bytes

    @property
    def locked(self) -> bool:
        return not self.private_key


class Keys:
    """Every person who works on this tablet, each with an own key; `identity` is whose turn it is."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._path = folder / "identity.json"
        self._lock = threading.RLock()  # a sync may enrol while somebody unlocks
        self.identities: dict[str, Identity] = {}  # enrolment → identity
        self.identity: Identity | None = None
        self._sealed: dict[str, Sealed] = {}  # enrolment → the locked key of who has a PIN
        self.tries = Tries(folder, clock or DeviceClock())
        self._read()

    def _read(self) -> None:
        if not self._path.exists():
            return
        data = json.loads(self._path.read_text())
        kept = data.get("identities", [data])  # 0.1.0 knew one person only
        for one in kept:
            public = {k: v for k, v in one.items() if k not in ("sealed", *SECRETS)}
            if "sealed" in one:
                self._sealed[one["enrolment"]] = Sealed(**one["sealed"])
            secrets = {k: unb64(one[k]) if k in one else b"" for k in SECRETS}
            self.identities[one["enrolment"]] = Identity(**public, **secrets)
        self.identity = self.identities[data.get("active") or kept[0]["enrolment"]]

    # --- enrolling -----------------------------------------------------------------------------------------------

    def draft(self, code: str = "") -> tuple[bytes, bytes]:
        """Private key and salt key of an enrolment under way: the same ones until it is done, whatever code is tried."""
        path = self._path.with_name("enrolling.json")
        used = {self._public_key(i) for i in self.identities.values()}
        # the power may have gone after the identity was saved and before the draft was dropped
        if path.exists() and public_of(unb64(json.loads(path.read_text())["private_key"])) in used:
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

    def forget_draft(self) -> None:
        """Keys of an enrolment that is not to be: the next one makes new ones."""
        self._path.with_name("enrolling.json").unlink(missing_ok=True)

    def save(self, identity: Identity) -> None:
        """A person enrolled, and it is his or her turn; a PIN comes after. An earlier enrolment of the same person is of no
        more use, nor are those of another server: a tablet holds the data of one. A known one keeps its PIN."""
        with self._lock:
            same = (i for i in self.identities.values() if i.server_key == identity.server_key)
            others = {i.enrolment: i for i in same if i.person != identity.person}
            self._keep({**others, identity.enrolment: identity}, identity)
            self._path.with_name("enrolling.json").unlink(missing_ok=True)

    def turn(self, enrolment: str) -> None:
        """Another person takes the tablet. Raises KeyError for somebody who is not enrolled here."""
        with self._lock:
            self._keep(self.identities, self.identities[enrolment])

    def require(self) -> Identity:
        """Whose turn it is, locked or not. Raises Trouble 2002 where nobody is enrolled."""
        if self.identity is None:
            raise Trouble(2002)
        return self.identity

    # --- PIN -----------------------------------------------------------------------------------------------------

    def has_pin(self, enrolment: str) -> bool:
        return enrolment in self._sealed

    def set_pin(self, enrolment: str, pin: str) -> None:
        """The first PIN, or another one, of somebody who is unlocked: one file is replaced, so it is the old or the new one
        that counts. Takes as long as scrypt. Raises ValueError for a bad PIN, Trouble 2011, 5001, 5007."""
        with self._lock:
            who = self.identities[enrolment]
            if who.locked:
                raise Trouble(2011)
            sealed = seal(pin, who.private_key, who.salt_key, enrolment, public_of(who.private_key))
            self._keep(self.identities, self.require(), {**self._sealed, enrolment: sealed})

    def unlock(self, enrolment: str, pin: str) -> bool:
        """Opens the person's key; False for a wrong PIN, also of a key that is open. True where there is no PIN yet. Takes as
        long as scrypt. Raises Trouble 2007 where one has to wait."""
        with self._lock:
            if enrolment not in self._sealed:
                return not self.identities[enrolment].locked
            if (seconds := self.tries.wait_s(enrolment)) > 0:
                raise Trouble(2007, seconds=seconds)
            self.tries.count(enrolment)
            keys = unseal(pin, self._sealed[enrolment], enrolment)
            if keys is None:
                return False
            self.tries.clear(enrolment)
            opened = self.identities[enrolment]._replace(private_key=keys[0], salt_key=keys[1])
            self.identities = {**self.identities, enrolment: opened}
            if self.identity is not None and self.identity.enrolment == enrolment:
                self.identity = opened
            return True

    # --- the file ------------------------------------------------------------------------------------------------

    def _public_key(self, identity: Identity) -> str:
        if identity.locked:
            return self._sealed[identity.enrolment].public_key
        return public_of(identity.private_key)

    def _keep(
        self, identities: dict[str, Identity], active: Identity, sealed: Mapping[str, Sealed] | None = None
    ) -> None:
        sealed = self._sealed if sealed is None else sealed
        # a lock around another key than the one that is in use would lose that one at the next start
        fits = {
            e: s
            for e, s in sealed.items()
            if e in identities and (identities[e].locked or public_of(identities[e].private_key) == s.public_key)
        }
        texts = [self._text(i, fits.get(i.enrolment)) for i in identities.values()]
        self._write(self._path, {"active": active.enrolment, "identities": texts})
        self.identities, self.identity, self._sealed = identities, active, fits

    @staticmethod
    def _text(identity: Identity, sealed: Sealed | None) -> dict[str, Any]:
        public = {k: v for k, v in identity._asdict().items() if k not in SECRETS}
        if sealed is not None:
            return {**public, "sealed": sealed._asdict()}
        if identity.locked:
            raise ValueError("the key would be lost")
        return {**public, **{k: b64(getattr(identity, k)) for k in SECRETS}}

    def _write(self, path: Path, data: Mapping[str, object]) -> None:
        """Raises Trouble 5001, 5007; then the old file is there."""
        replace(path, data)
