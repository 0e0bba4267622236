"""The PIN: what a private key is locked with on the device, and how often one may guess.

It keeps off a passer-by who finds the tablet. It does not keep off who copies the file: there are a million PINs, and
every one can be tried on another machine; scrypt makes that slow, not impossible.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from field_app.clock import Clock
from field_app.storage import replace
from schemas.problems import Trouble
from schemas.rules.evidence import b64, unb64

LENGTH = 6
# scrypt (RFC 7914): Percival's figures for a login somebody waits for are N = 2^14, r = 8, p = 1; twice that takes 32 MiB
# and about 0.12 s on a desktop's core, so about a second on a slow tablet. The figures lie beside each locked key: a later
# version may raise them.
N, R, P = 2**15, 8, 1
MOST_N, MOST_R, MOST_P = 2**18, 16, 4  # of a file somebody changed: no more memory than this is ever taken
FREE = 5  # wrong tries before one has to wait
FIRST_WAIT_S, LONGEST_WAIT_S = 30, 15 * 60


class Sealed(NamedTuple):
    """A locked key as it lies in the file. All bytes are base64url."""

    n: int
    r: int
    p: int
    salt: str
    nonce: str
    box: str  # ChaCha20-Poly1305 of {private_key, salt_key}, bound to enrolment and public key
    public_key: str


def fit(pin: str) -> bool:
    return len(pin) == LENGTH and pin.isascii() and pin.isdigit()


def easy(pin: str) -> bool:
    """111111, 121212, 123123, 123456, 654321, 567890 …: what is tried first."""
    steps = {(int(b) - int(a)) % 10 for a, b in zip(pin, pin[1:], strict=False)}
    half = len(pin) // 2
    return len(set(pin)) < 3 or steps in ({1}, {9}) or pin[:half] == pin[half:]


def seal(pin: str, private_key: bytes, salt_key: bytes, enrolment: str, public_key: str) -> Sealed:
    """Raises ValueError for a PIN that is none, or an easy one."""
    if not fit(pin) or easy(pin):
        raise ValueError("not a PIN")
    salt, nonce = os.urandom(16), os.urandom(12)
    text = json.dumps({"private_key": b64(private_key), "salt_key": b64(salt_key)}).encode()
    box = ChaCha20Poly1305(_key(pin, salt, N, R, P)).encrypt(nonce, text, _bound(enrolment, public_key))
    return Sealed(N, R, P, b64(salt), b64(nonce), b64(box), public_key)


def unseal(pin: str, sealed: Sealed, enrolment: str) -> tuple[bytes, bytes] | None:
    """Private key and salt key; None for a wrong PIN, or a box somebody changed."""
    if sealed.n > MOST_N or sealed.r > MOST_R or sealed.p > MOST_P:
        return None
    try:
        cipher = ChaCha20Poly1305(_key(pin, unb64(sealed.salt), sealed.n, sealed.r, sealed.p))
        text = cipher.decrypt(unb64(sealed.nonce), unb64(sealed.box), _bound(enrolment, sealed.public_key))
    except (InvalidTag, ValueError):
        return None
    keys = json.loads(text)
    return unb64(keys["private_key"]), unb64(keys["salt_key"])


def _key(pin: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(pin.encode())


def _bound(enrolment: str, public_key: str) -> bytes:
    return f"jingtu-pin-1\n{enrolment}\n{public_key}".encode()


def wait_after(wrong: int) -> int:
    """Seconds to wait after so many wrong tries in a row: 0 up to four, then 30 s, 1, 2, 4, 8 min, and 15 min."""
    if wrong < FREE:
        return 0
    return int(min(FIRST_WAIT_S * 2 ** min(wrong - FREE, 20), LONGEST_WAIT_S))


class Tries:
    """Wrong tries per enrolment, kept over restarts.

    Only the clock that never jumps is asked: whoever sets the date forward gains nothing. It begins anew when the device
    starts, so after a restart of the device one waits from there, never longer than the wait itself."""

    def __init__(self, folder: Path, clock: Clock, write: Callable[[Path, object], None] = replace) -> None:
        self._path, self._clock, self._write = folder / "tries.json", clock, write
        self._of: dict[str, tuple[int, int]] = {}  # enrolment → wrong tries in a row, when the last one was (mono_ms)
        try:
            read = json.loads(self._path.read_text())
            self._of = {str(e): (int(wrong), int(at)) for e, (wrong, at) in read.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass  # none yet, or not readable: it guards nothing that is worth refusing to start

    def wrong(self, enrolment: str) -> int:
        return self._of.get(enrolment, (0, 0))[0]

    def wait_s(self, enrolment: str) -> int:
        """Seconds until the next try; 0 = now."""
        wrong, at = self._of.get(enrolment, (0, 0))
        now = self._clock.mono_ms()
        gone = now - at if now >= at else now
        return max(0, -(-(1000 * wait_after(wrong) - max(0, gone)) // 1000))

    def count(self, enrolment: str) -> None:
        """Before the PIN is looked at, so that ending the app in time saves no try."""
        self._put({**self._of, enrolment: (self.wrong(enrolment) + 1, self._clock.mono_ms())})

    def clear(self, enrolment: str) -> None:
        if enrolment in self._of:
            self._put({e: t for e, t in self._of.items() if e != enrolment})

    def _put(self, of: dict[str, tuple[int, int]]) -> None:
        self._of = of
        with suppress(Trouble):  # a full device still opens; until the app ends it is counted here
            self._write(self._path, of)
