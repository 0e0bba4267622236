"""A manifest's legs as one text: "JT1:" + base45(zlib(CBOR array of COSE_Sign1)), as a QR code carries it."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import base45  # type: ignore[import-untyped]
import cbor2

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.handover import cose
from schemas.rules.handover.claims import EMPTY, SIGNATURE, Claim, Load, claim_of, from_map, to_map
from schemas.rules.handover.cose import Sign1

PREFIX = "JT1:"
MAX_TEXT, MAX_CBOR, MAX_LEGS = 8_000, 8_192, 16
MOST_IN_A_CODE = 3_391  # letters of the largest QR code at level M (ISO/IEC 18004, version 40, alphanumeric)
_WRONG = (ArithmeticError, LookupError, TypeError, ValueError)
# What a scanner that types becomes under a Chinese keyboard: its signs in their Chinese form.
_TYPED = str.maketrans({"。": ".", "、": "/", "￥": "$", "¥": "$", "×": "*", "—": "-"})


class Chain(NamedTuple):
    """Legs in the order they were signed, each with what it says. Nothing of it is believed yet: see `judge`."""

    legs: tuple[Sign1, ...]
    claims: tuple[Claim, ...]

    @property
    def load(self) -> Load:
        load = self.claims[0].load
        assert load is not None  # `read` saw to it
        return load

    @property
    def check(self) -> str:
        """The check value of the public page: 10 letters of base32, 50 bits of the first leg's hash."""
        return check_of(self.legs[0].raw)

    def previous(self, n: int) -> bytes | None:
        """What leg n stands on."""
        return self.legs[n - 1].hash if n else None


def check_of(first: bytes) -> str:
    """Of the first leg's COSE bytes."""
    return check_of_hash(hashlib.sha256(first).digest())


def check_of_hash(first: bytes) -> str:
    """Of the first leg's hash."""
    return base64.b32encode(first)[:10].decode()


def text_of(legs: Sequence[bytes]) -> str:
    """The text of these legs (COSE_Sign1 bytes), oldest first."""
    packed: bytes = base45.b45encode(zlib.compress(cbor2.dumps(list(legs), canonical=True), 9))
    return PREFIX + packed.decode()


def link(chain: Chain | None, leg: bytes) -> Chain:
    """The chain with one more leg (COSE_Sign1 bytes). Raises Trouble 6006 where no code holds so many, ValueError where the leg
    is none."""
    made = _chain([*(chain.legs if chain else ()), cose.parse(leg)])
    if len(made.legs) > MAX_LEGS or len(text_of([one.raw for one in made.legs])) > MOST_IN_A_CODE:
        raise Trouble(6006, n=len(made.legs) - 1)
    return made


def tidy(text: str) -> str:
    """The text of a code as it was made, from what a scanner, a keyboard in between, or a person pasting made of it. What is none of
    ours is left as it is."""
    text = text.strip("\r\n\t \ufeff")
    if text.startswith(PREFIX):
        return text
    ours = unicodedata.normalize("NFKC", text[: 2 * MAX_TEXT].translate(_TYPED)).upper()
    return ours if ours.startswith(PREFIX) else text


def read(text: str) -> Chain:
    """What a code says. A scanner may have put spaces or a line end around it. Raises Trouble 6001: not one of ours; 6002: damaged
    or incomplete."""
    text = tidy(text)
    if not text.startswith(PREFIX):
        raise Trouble(6001)
    try:
        return _chain([cose.parse(raw) for raw in _raws(text)])
    except (ValueError, zlib.error) as err:
        raise Trouble(6002) from err


def _raws(text: str) -> list[bytes]:
    """The legs' bytes. Raises ValueError, zlib.error."""
    if len(text) > MAX_TEXT:
        raise ValueError("too long")
    unpack = zlib.decompressobj()
    data = unpack.decompress(base45.b45decode(text[len(PREFIX) :]), MAX_CBOR)
    if not unpack.eof or unpack.unused_data:
        raise ValueError("too much in it, or cut off")
    raws = cose.loads(data)
    if not isinstance(raws, list) or not 0 < len(raws) <= MAX_LEGS or {type(r) for r in raws} != {bytes}:
        raise ValueError("not a list of legs")
    return raws


def _chain(legs: Sequence[Sign1]) -> Chain:
    """Raises ValueError."""
    claims = tuple(from_map(cose.loads(leg.payload)) for leg in legs)
    if claims[0].load is None or any(c.load for c in claims[1:]):
        raise ValueError("the first leg, and it alone, tells the load")
    if len({leg.raw for leg in legs}) < len(legs):
        raise ValueError("a leg that stands on itself")
    return Chain(tuple(legs), claims)


def signed_leg(
    private_key: bytes,
    leg: Mapping[str, Any],
    previous: bytes | None = None,
    manifest: Mapping[str, Any] | None = None,
    load: Load | None = None,
) -> dict[str, Any]:
    """The leg's values (wire form, what is empty left out) with its signature in them. `previous`: COSE bytes of the leg before; the
    first leg has `manifest` (values) and `load` instead. Raises Trouble 6005 where the values are none that a code can carry."""
    if (previous is None) == (load is None):
        raise ValueError("a leg stands on another, or is the first and tells the load")
    values = {k: v for k, v in leg.items() if k not in SIGNATURE and v not in EMPTY}
    before = hashlib.sha256(previous).digest() if previous else None
    try:
        claim = claim_of(values, manifest, load)
        said = to_map(claim)
        if from_map(said) != claim:  # what is signed must be what is read
            raise ValueError("it would be read otherwise")
    except _WRONG as err:
        raise Trouble(6005, what=_beyond(values, load)) from err
    raw = cose.sign(private_key, cbor2.dumps(said, canonical=True), before)
    parts = cose.parse(raw)
    return {
        **values, "cose": evidence.b64(raw), "key_id": parts.kid.hex(), "signature": evidence.b64(parts.signature),
        **({"prev_hash": before.hex()} if before else {}),
    }  # fmt: skip


_PARTS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("at",): ("时间", "time"),
    ("position",): ("位置", "position"),
    ("weight", "received_t"): ("重量", "weights"),
    ("problem",): ("差异类型", "kind of difference"),
    ("way",): ("签署方式", "way of signing"),
}
_OF_LOAD: Mapping[str, tuple[str, str]] = {
    "number": ("联单编号", "manifest number"), "plate": ("车牌号", "plate"), "minutes": ("预计运输时间", "expected driving time"),
    "cover": ("覆盖方式", "cover"),
}  # fmt: skip


def _beyond(values: Mapping[str, Any], load: Load | None) -> dict[str, str]:
    """What of a leg no code can carry, in words."""
    least = {"kind": "issued", "at": "2026-01-01T00:00:00Z"}
    names = [
        words
        for parts, words in _PARTS.items()
        if not _carried({**least, **{n: values[n] for n in parts if n in values}})
    ]
    if load is not None:
        id = "00000000-0000-0000-0000-000000000000"
        blank = Load(id, id, id, id, id, id, "0" * 14, "A", None, "none")
        names += [w for n, w in _OF_LOAD.items() if not _carried(least, blank._replace(**{n: getattr(load, n)}))]
    names = names or [("环节类型或所指的记录", "kind of the leg, or a record it points to")]
    return {"zh": "、".join(zh for zh, _ in names), "en": ", ".join(en for _, en in names)}


def _carried(values: Mapping[str, Any], load: Load | None = None) -> bool:
    try:
        claim = claim_of(values, None, load)
        return from_map(to_map(claim)) == claim
    except _WRONG:
        return False
