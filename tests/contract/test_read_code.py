"""The reader that was written from docs/manifest-qr.md alone says what ours says: of whole codes, of broken ones, of false ones."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.handover import Chain, Directory, judged, read, text_of
from schemas.rules.handover.claims import to_map
from tests.contract import read_code as other
from tests.golden import code
from tests.unit.handed import KEYS, MORNING, NOW, STEPS, directory, leg, signed, usual, worst
from tests.unit.test_handover_fuzz import BAD, VALUES, packed


def theirs(text: str) -> Any:
    try:
        return other.read(text)
    except other.NotOurs:
        return 6001
    except other.Damaged:
        return 6002


def ours(text: str) -> Chain | int:
    try:
        return read(text)
    except Trouble as trouble:
        return trouble.problem.number


def agree(text: str) -> Any:
    """Both say the same; what it is."""
    here, there = ours(text), theirs(text)
    if isinstance(here, int):
        assert there == here, text[:60]
        return here
    assert [leg["hash"] for leg in there] == [leg.hash for leg in here.legs]
    for said, c in zip(there, here.claims, strict=True):
        assert (said["kind"], said["time"], said["details"]) == (c.kind, int(c.at.timestamp()), c.details)
        assert said["position"] == (list(c.position) if c.position else None)
        assert (said["gross"], said["tare"], said["net"], said["problem"], said["way"]) == (
            c.gross_kg,
            c.tare_kg,
            c.net_kg,
            c.problem,
            c.way,
        )
    assert {name: there[0][name] for name in here.load._fields} == here.load._asdict()
    assert other.check_value(there) == here.check
    return here


def keys(known: Directory) -> list[dict[str, Any]]:
    return [
        {"key": k.key, "since": k.since.timestamp(), "until": k.until.timestamp() if k.until else None}
        for k in known.keys.values()
    ]


def test_the_documents_own_example_is_read_and_verified() -> None:
    text = code.text_in(code.DOCUMENT.read_text("utf-8"))
    made, _ = code.chain()
    assert agree(text) == made
    public = [{"key": evidence.public_of(code.key(w)), "since": 0, "until": None} for w in code.SIGNERS]
    at = int(made.claims[-1].at.timestamp())
    assert other.verify(other.read(text), public, at) == ["", "", ""]
    assert other.verify(other.read(text), public[::2], at) == ["", "unknown_key", ""]
    late = [public[0], {**public[1], "until": int(made.claims[0].at.timestamp())}, public[2]]
    assert other.verify(other.read(text), late, at) == ["", "after_key", ""]
    assert other.verify(other.read(text), public, int(made.claims[0].at.timestamp())) == ["", "future", "future"]


def test_chains_of_every_kind() -> None:
    for chain in (usual(1), usual(2), usual(3), *(worst(random.Random(n)) for n in range(5))):
        assert agree(text_of([one.raw for one in chain.legs])) == chain


@pytest.mark.parametrize("what", BAD)
def test_what_was_made_to_stop_a_reader(what: str) -> None:
    assert agree(packed(BAD[what])) == 6002


@settings(max_examples=200)
@given(
    st.integers(0, 2), st.dictionaries(st.integers(0, 32), VALUES, max_size=3), st.sets(st.integers(0, 29), max_size=3)
)
def test_legs_that_say_anything(n: int, said: dict[int, Any], without: set[int]) -> None:
    chain = usual()
    try:
        payload = cbor2.dumps(
            {k: v for k, v in ({**to_map(chain.claims[n]), **said}).items() if k not in without}, canonical=True
        )
    except Exception:
        return
    legs = [one.raw for one in chain.legs]
    legs[n] = cbor2.dumps(
        cbor2.CBORTag(18, [chain.legs[n].protected, {}, payload, chain.legs[n].signature]), canonical=True
    )
    agree(text_of(legs))


@settings(max_examples=200)
@given(
    st.binary(max_size=60).map(packed)
    | VALUES.map(lambda v: packed(_bytes(v)))
    | st.text(max_size=30).map(lambda t: "JT1:" + t)
)
def test_any_bytes(text: str) -> None:
    if not any(ord(c) > 127 for c in text) and text.upper() == text:  # ours also takes what a keyboard made of it
        agree(text)


def _bytes(value: Any) -> bytes:
    try:
        return bytes(cbor2.dumps(value, canonical=True))
    except Exception:
        return b""


def test_the_same_verdict_of_each_signature() -> None:
    day = timedelta(days=1)
    chains = [
        usual(), signed([STEPS[0], ("driver", leg("departed", -6))]), signed([STEPS[0], ("driver", leg("departed", 60 * 9))]),
        signed([STEPS[0], ("stranger", leg("departed", 20))]),
    ]  # fmt: skip
    legs = [one.raw for one in usual().legs]
    chains += [read(text_of([legs[0], legs[2], legs[1]])), read(text_of([legs[0], legs[2]]))]
    known = [
        directory(), directory("sender"), directory(driver=(day, None)), directory(driver=(-day, -timedelta(minutes=10))), directory(*KEYS),
    ]  # fmt: skip
    seen = set()
    for chain in chains:
        for book in known:
            bare = Directory(
                {
                    **book.said,
                    "plans": {},
                    "keys": [{k: v for k, v in key.items() if k not in ("org", "roles")} for key in book.said["keys"]],
                }
            )
            mine = [one.why for one in judged(chain, bare, NOW).legs]
            text = text_of([one.raw for one in chain.legs])
            assert other.verify(other.read(text), keys(bare), int(NOW.timestamp())) == mine
            seen |= set(mine)
    assert seen == {"", "signature", "unknown_key", "before_key", "after_key", "backwards", "future"}
    assert MORNING < NOW
