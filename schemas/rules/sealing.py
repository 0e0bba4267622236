"""Sealing: bytes that only the server can read, for a file that travels by USB stick or chat.

Everybody who is enrolled knows the server's Ed25519 key, so nothing more has to be handed out: it is taken to the other form of
the same curve and used there (birational map of RFC 7748 §4.1; the private half as RFC 8032 §5.1.5 derives its scalar).

    JINGTU-BUNDLE <format> <header, canonical JSON>\\n
    piece*                         ChaCha20-Poly1305 (RFC 8439) of up to 65 536 bytes each; only the last may be shorter

The key of a file is HKDF-SHA256 (RFC 5869) of the X25519 secret between a key made for this file alone and the server's, salted
"jingtu-bundle-1", with the server's X25519 key and the whole header line as info: another header is another key. The nonce of a
piece is its number (11 bytes) and a byte that is 1 for the last one, so pieces that are cut off, swapped or added do not open.
A file has any length; one piece at a time is in memory.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import canonical
from schemas.problems import Trouble
from schemas.rules.evidence import b64, public_of, unb64

FORMAT = 1
MAGIC = b"JINGTU-BUNDLE "
SALT = b"jingtu-bundle-1"
PIECE = 1 << 16  # bytes sealed at a time
TAG = 16
MOST_HEADER = 4096
_P = (1 << 255) - 19


class Header(BaseModel):
    """What anybody who finds the file may read: for whom it is, from which tablet, when. No names, no contents."""

    model_config = ConfigDict(extra="ignore", strict=True)

    server: str = Field(pattern=r"^[0-9a-f]{32}$")  # `fingerprint` of the key it is sealed for
    device: str = Field(max_length=100)  # the tablet's short code
    made_at: str = Field(max_length=40)
    key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")  # X25519 key made for this file


def fingerprint(public_key: str) -> str:
    """Names a server's key: 32 hex digits of its SHA-256."""
    return hashlib.sha256(unb64(public_key)).hexdigest()[:32]


def montgomery(public_key: str) -> bytes:
    """A public Ed25519 key as X25519 key: u = (1 + y) / (1 − y) mod 2²⁵⁵ − 19. Raises ValueError for the one without such a form."""
    y = int.from_bytes(unb64(public_key), "little") & ((1 << 255) - 1)
    if y >= _P or y == 1:
        raise ValueError("no X25519 key belongs to it")
    return ((1 + y) * pow(1 - y, -1, _P) % _P).to_bytes(32, "little")


def scalar(private_key: bytes) -> bytes:
    """A private Ed25519 key as X25519 key; the clamping is done wherever it is used."""
    return hashlib.sha512(private_key).digest()[:32]


def _cipher(secret: bytes, server: bytes, line: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, SALT, server + line).derive(secret))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


class Sealer:
    """Seals what it is given, a piece at a time, into `write`. `finish` belongs to it: without a last piece nothing opens."""

    def __init__(
        self, write: Callable[[bytes], object], server_key: str, device: str, made_at: str, secret: bytes | None = None
    ) -> None:
        """`secret`: the file's own key, for tests only."""
        own = X25519PrivateKey.from_private_bytes(secret or os.urandom(32))
        header = Header(
            server=fingerprint(server_key), device=device, made_at=made_at, key=b64(own.public_key().public_bytes_raw())
        )
        line = MAGIC + b"%d " % FORMAT + canonical.dumps(header.model_dump()) + b"\n"
        server = montgomery(server_key)
        self._write, self._number, self._rest = write, 0, bytearray()
        self._box = _cipher(own.exchange(X25519PublicKey.from_public_bytes(server)), server, line)
        write(line)

    def add(self, data: bytes) -> None:
        self._rest += data
        at = 0
        while len(self._rest) - at > PIECE:  # one that may be the last stays
            self._seal(bytes(self._rest[at : at + PIECE]), False)
            at += PIECE
        del self._rest[:at]

    def finish(self) -> None:
        self._seal(bytes(self._rest), True)
        self._rest.clear()

    def _seal(self, piece: bytes, last: bool) -> None:
        self._write(self._box.encrypt(_nonce(self._number, last), piece, None))
        self._number += 1


def read_header(read: Callable[[int], bytes]) -> tuple[Header, bytes]:
    """The clear line of a file, taken off its beginning, and that line. Raises Trouble 4301, 4303."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = read(1)
        if not byte or len(line) >= MOST_HEADER or not MAGIC.startswith(line[: len(MAGIC)]):
            raise _broken("开头不是救援包", "it does not begin like one")
        line += byte
    found = re.fullmatch(rb"(\d{1,9}) (.+)\n", line[len(MAGIC) :])
    if not found:
        raise _broken("开头读不懂", "its beginning cannot be read")
    if int(found[1]) > FORMAT:
        raise Trouble(4303, found=int(found[1]), known=FORMAT)
    try:
        return Header.model_validate_json(found[2]), bytes(line)
    except ValidationError as err:
        raise _broken("开头读不懂", "its beginning cannot be read") from err


def unseal(read: Callable[[int], bytes], private_key: bytes) -> tuple[Header, Iterator[bytes]]:
    """The header, and what was sealed, a piece at a time. `read` gives as many bytes as asked for, fewer only at the end.

    Raises Trouble 4301 (damaged, cut short, tampered with), 4302 (for another server), 4303 (newer): here for the header, and while
    the pieces are asked for. A piece that was given is whole and genuine whatever becomes of the next one."""
    header, line = read_header(read)
    public = public_of(private_key)
    if header.server != fingerprint(public):
        raise Trouble(4302, theirs=header.server[:8], ours=fingerprint(public)[:8])
    try:
        shared = X25519PrivateKey.from_private_bytes(scalar(private_key)).exchange(
            X25519PublicKey.from_public_bytes(unb64(header.key))
        )
    except ValueError as err:
        raise _broken("开头的密钥不对", "the key at its beginning is not one") from err
    return header, _pieces(read, _cipher(shared, montgomery(public), line))


def _pieces(read: Callable[[int], bytes], box: ChaCha20Poly1305) -> Iterator[bytes]:
    piece, number = read(PIECE + TAG), 0
    while True:
        following = read(PIECE + TAG)
        try:
            opened = box.decrypt(_nonce(number, not following), piece, None)
        except (InvalidTag, ValueError) as err:
            place = {"zh": f"第 {number + 1} 段", "en": f"piece {number + 1}"}
            raise _broken(
                f"{place['zh']}打不开，文件没有传全或被改动", f"{place['en']} does not open: cut short or changed"
            ) from err
        yield opened
        if not following:
            return
        piece, number = following, number + 1


def _broken(zh: str, en: str) -> Trouble:
    return Trouble(4301, why={"zh": zh, "en": en})
