"""The hand-over code: what is signed is what is read, and one code holds three legs whatever they say."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import base45
import cbor2
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from schemas.problems import Trouble
from schemas.rules.handover import Chain, Claim, Load, judged, link, read, signed_leg, text_of, tidy
from schemas.rules.handover.claims import COVERS, KINDS, PROBLEMS, WAYS, claim_of, details_of, from_map, to_map
from schemas.rules.handover.strict import loads
from tests.unit.handed import KEYS, NOW, STEPS, directory, leg, load, raw, ticket, usual, worst

IDS = st.uuids().map(str)
PLATES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12).filter(lambda t: len(t.encode()) <= 36)
LOADS = st.builds(
    Load, IDS, IDS, IDS, IDS, IDS, IDS, st.integers(0, 10**14 - 1).map(lambda n: f"{n:014d}"), PLATES,
    st.none() | st.integers(1, 10_000), st.sampled_from(list(COVERS.values())),
)  # fmt: skip
WEIGHTS = st.none() | st.integers(0, 199_998).flatmap(lambda t: st.tuples(st.integers(t + 1, 200_000), st.just(t)))
PLACES = st.none() | st.tuples(
    st.integers(-180_000_000, 180_000_000), st.integers(-90_000_000, 90_000_000), st.integers(0, 9_999)
)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    weight = draw(WEIGHTS)
    return Claim(
        draw(st.sampled_from(list(KINDS.values()))), datetime.fromtimestamp(draw(st.integers(0, 2**32 - 1)), UTC),
        draw(st.binary(min_size=32, max_size=32)), draw(PLACES), weight[0] if weight else None, weight[1] if weight else None,
        draw(st.none() | st.integers(0, 200_000)), draw(st.none() | st.sampled_from(list(PROBLEMS.values()))),
        draw(st.sampled_from(list(WAYS.values()))), draw(st.none() | LOADS),
    )  # fmt: skip


@given(claims())
def test_what_is_signed_is_what_is_read(claim: Claim) -> None:
    said = to_map(claim)
    assert from_map(said) == claim
    data = cbor2.dumps(said, canonical=True)
    assert from_map(loads(data)) == claim and cbor2.dumps(loads(data), canonical=True) == data


KINDS_AFTER = st.sampled_from(list(KINDS.values()))
FIXES = st.none() | st.fixed_dictionaries({
    "lon": st.decimals(-180, 180, places=7).map(str), "lat": st.decimals(-90, 90, places=7).map(str),
    "h_acc_m": st.decimals(0, 10_000, places=2).map(str), "fix_kind": st.just("gnss"), "at": st.just("2026-11-28T10:00:00+08:00"),
})  # fmt: skip
TICKETS = st.lists(
    st.tuples(st.integers(0, 49_999), st.integers(1, 50_000)).map(
        lambda w: ticket(str(Decimal(w[0] + w[1]) / 1000), str(Decimal(w[0]) / 1000))
    ),
    max_size=2,
)


@given(
    LOADS, st.lists(st.tuples(KINDS_AFTER, FIXES, TICKETS, st.text(max_size=40)), min_size=1, max_size=5), st.randoms()
)
def test_values_become_legs_a_text_and_legs_again(of: Load, steps: list, rng: random.Random) -> None:
    chain: Chain | None = None
    for n, (kind, fix, tickets, note) in enumerate(steps):
        values = leg(kind, n, position=fix, weight=tickets, note=note, way=rng.choice(list(WAYS.values())))
        key = rng.randbytes(32)
        before = chain.legs[-1].raw if chain else None
        made = signed_leg(key, values, before, None if chain else {"number": of.number}, None if chain else of)
        kept = {k: v for k, v in values.items() if v not in (None, "", [])}
        assert {k: v for k, v in made.items() if k in kept} == kept  # the record is what was signed
        chain = link(chain, raw(made))
        claim = chain.claims[-1]
        assert claim == claim_of(made, {"number": of.number} if n == 0 else None, of if n == 0 else None)
        assert made.get("prev_hash") == (hashlib.sha256(before).hexdigest() if before else None)
    assert chain is not None
    text = text_of([one.raw for one in chain.legs])
    assert read(text) == chain == read(f"\ufeff  {text}\r\n") and chain.load == of
    assert segno.make(text).mode == "alphanumeric"


def test_a_detail_that_is_not_carried_is_bound_by_its_hash() -> None:
    values, manifest = leg("issued", weight=[ticket()], note="苫布完好"), {"number": "1", "driver_name": "王强"}
    said = details_of(values, manifest)
    assert said == details_of(
        {**values, "cose": "x", "prev_hash": "y", "deleted": True, "heap": "", "signatures": []}, manifest
    )
    for other, about in (
        ({**values, "note": "苫布破损"}, manifest), (values, {**manifest, "driver_name": "李强"}), (values, None),
        ({**values, "weight": [{**ticket(), "ticket_no": "2"}]}, manifest), ({**values, "who_name": "他人"}, manifest),
    ):  # fmt: skip
        assert details_of(other, about) != said


def test_weights_and_places_are_exact() -> None:
    values = leg("received", weight=[ticket("31.525", "15.104"), ticket("10.1", "5")], received_t="21.521")
    claim = claim_of(values)
    assert (claim.gross_kg, claim.tare_kg, claim.net_kg, claim.net()) == (41_625, 20_104, None, 21_521)
    assert claim.position == (119_456_789, 32_123_457, 4)
    assert claim_of({**values, "received_t": "21.5"}).net_kg == 21_500
    assert claim_of({**values, "position": {**values["position"], "h_acc_m": None}}).position == (
        119_456_789,
        32_123_457,
        9_999,
    )
    assert claim_of(leg("departed")).net() is None


@pytest.mark.parametrize(
    ("of", "more", "said"),
    [
        (load(plate="苏L·A73265挂超长车牌"), {}, "车牌号"), (load(plate="苏A\u202e12345"), {}, "车牌号"), (load(plate=""), {}, "车牌号"),
        (load(number="HX-1"), {}, "联单编号"), (load(number="2" * 15), {}, "联单编号"), (load(cover="unknown"), {}, "覆盖方式"),
        (load(minutes=0), {}, "预计运输时间"), (load(lot="not-an-id"), {}, "所指的记录"), (load(), {"weight": [ticket("10", "10")]}, "重量"),
        (load(), {"weight": [ticket()] * 7}, "重量"), (load(), {"weight": [ticket("x")]}, "重量"), (load(), {"at": "yesterday"}, "时间"),
        (load(), {"at": "2200-01-01T00:00:00+08:00"}, "时间"), (load(), {"kind": "no_such"}, "环节类型"), (load(), {"problem": "no_such"}, "差异类型"),
        (load(), {"position": {"lon": "181", "lat": "0"}}, "位置"), (load(), {"position": {"lon": "1"}}, "位置"), (load(), {"way": "x"}, "签署方式"),
    ],
)  # fmt: skip
def test_what_no_reader_would_take_is_not_signed(of: Load, more: dict, said: str) -> None:
    with pytest.raises(Trouble) as told:
        signed_leg(KEYS["sender"], {**leg("issued"), **more}, None, {"number": of.number}, of)
    assert told.value.problem.number == 6005 and said in told.value.text("zh") and "(" not in told.value.text("en")


def test_the_worst_legal_chain_of_three_fits_version_20(capsys: pytest.CaptureFixture, record_property) -> None:
    """ISO/IEC 18004: version 20 at level M holds 970 letters of the alphanumeric set."""
    most, sizes = "", []
    for seed in range(300):
        chain = worst(random.Random(seed))
        text = text_of([one.raw for one in chain.legs])
        if len(text) > len(most):
            most, sizes = text, [len(one.raw) for one in chain.legs]
    code = segno.make(most, error="m", boost_error=False)
    said = f"worst legal chain of three: legs of {sizes} bytes, {len(most)} letters, QR {code.designator}, {code.mode}"
    record_property("worst_code", said)
    with capsys.disabled():
        print(f"\n{said}")
    assert code.mode == "alphanumeric" and code.error == "M" and code.version <= 20
    claim = read(most).claims[0]
    assert all(v is not None for v in claim) and all(v is not None for v in read(most).load)
    usual_code = segno.make(text_of([one.raw for one in usual().legs]), error="m", boost_error=False)
    assert usual_code.version <= code.version


def test_a_code_holds_as_many_legs_as_a_qr_code_does_and_then_says_so() -> None:
    chain, n = usual(2), 2
    with pytest.raises(Trouble) as told:
        for n in range(2, 20):
            made = signed_leg(KEYS["driver"], leg("waypoint", 20 + n), chain.legs[-1].raw)
            chain = link(chain, raw(made))
    assert told.value.problem.number == 6006 and f"{n} 个" in told.value.text("zh")
    assert n >= 9
    text = text_of([one.raw for one in chain.legs])
    assert read(text) == chain and segno.make(text, error="m").version <= 40


def test_a_leg_that_tells_the_load_later_or_none_that_does_is_no_chain() -> None:
    first, second = usual(2).legs
    other = usual(1, load("m2")).legs[0]
    for legs in ([second.raw], [first.raw, other.raw], [first.raw, second.raw, second.raw], [first.raw, first.raw], []):
        with pytest.raises(Trouble) as told:
            read(text_of(legs))
        assert told.value.problem.number == 6002
    with pytest.raises(ValueError, match="stands on another"):
        signed_leg(KEYS["sender"], leg("issued"))


def test_a_scanner_that_types_through_a_chinese_keyboard_is_understood() -> None:
    text = text_of([one.raw for one in usual().legs])
    table = str.maketrans({":": "：", "$": "￥", ".": "。", "/": "、", "%": "％", "*": "×", "+": "＋", "-": "－"})
    for typed in (text, text.lower(), text.translate(table), f"\n{text.translate(table).lower()}\n"):
        assert tidy(typed) == text and read(typed) == usual()
    assert (
        tidy("jingtu://enrol?server=https://a.example&code=AbC") == "jingtu://enrol?server=https://a.example&code=AbC"
    )


def test_the_check_value_is_of_the_first_leg_alone() -> None:
    one, three = usual(1), usual(3)
    assert one.check == three.check and len(one.check) == 10
    assert one.check == base64.b32encode(hashlib.sha256(one.legs[0].raw).digest()).decode()[:10]
    assert usual(1, load("m2")).check != one.check


def test_packing_is_what_it_says() -> None:
    chain = usual()
    text = text_of([one.raw for one in chain.legs])
    assert cbor2.loads(zlib.decompress(base45.b45decode(text[4:]))) == [one.raw for one in chain.legs]
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


# --- tampering --------------------------------------------------------------------------------------------------------


def codes(legs: list[bytes]) -> str:
    return text_of(legs)


def outcome(text: str) -> str:
    """genuine, or why not."""
    try:
        verdict = judged(read(text), directory(), NOW)
    except Trouble as trouble:
        return str(trouble.problem.number)
    return verdict.why or "genuine"


def test_a_flipped_bit_anywhere_is_seen() -> None:
    """Of every bit of every leg, packed again as if nothing had happened."""
    legs = [one.raw for one in usual().legs]
    assert outcome(codes(legs)) == "genuine"
    seen: dict[str, int] = {}
    for at, one in enumerate(legs):
        for bit in range(8 * len(one)):
            bad = bytearray(one)
            bad[bit // 8] ^= 1 << bit % 8
            why = outcome(codes([*legs[:at], bytes(bad), *legs[at + 1 :]]))
            seen[why] = seen.get(why, 0) + 1
    assert set(seen) <= {"6002", "signature", "unknown_key"}, seen  # a flipped bit in a key's name: nobody's key
    assert seen["unknown_key"] <= 3 * 64 and seen["signature"] > 1_000


def test_a_flipped_bit_of_the_text_is_seen() -> None:
    text = text_of([one.raw for one in usual().legs])
    for at in range(len(text)):
        bad = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        assert outcome(bad) in ("6001", "6002"), at


def test_swapped_dropped_and_repeated_legs_are_seen() -> None:
    legs = [one.raw for one in usual().legs]
    for order in permutations(range(3)):
        why = outcome(codes([legs[n] for n in order]))
        assert why == ("genuine" if order == (0, 1, 2) else "signature" if order[0] == 0 else "6002"), order
    assert outcome(codes([legs[0], legs[2]])) == "signature"
    assert outcome(codes(legs[1:])) == "6002"
    assert outcome(codes([legs[0], legs[1], legs[1], legs[2]])) == "6002"
    assert outcome(codes(legs[:2])) == "genuine"  # what had not been signed yet cannot be missed: see `known`


def test_a_leg_of_another_manifest_does_not_fit() -> None:
    mine, other = usual(), usual(3, load("m2", "20263211000419"))
    for n in (1, 2):
        legs = [one.raw for one in mine.legs]
        legs[n] = other.legs[n].raw
        assert outcome(codes(legs)) == "signature"
    assert outcome(codes([other.legs[0].raw, *(one.raw for one in mine.legs[1:])])) == "signature"


def test_a_leg_dated_otherwise_is_no_longer_signed() -> None:
    chain = usual()
    for n in range(3):
        claim = chain.claims[n]
        payload = cbor2.dumps({**to_map(claim), 2: int(claim.at.timestamp()) + 60}, canonical=True)
        parts = cbor2.loads(chain.legs[n].raw).value
        bad = cbor2.dumps(cbor2.CBORTag(18, [parts[0], {}, payload, parts[3]]), canonical=True)
        legs = [one.raw for one in chain.legs]
        legs[n] = bad
        assert read(codes(legs)).claims[n].at > claim.at
        assert outcome(codes(legs)) == "signature"


def test_a_key_that_is_not_his_is_seen() -> None:
    """Signed by a stranger who writes somebody else's name into it."""
    made = signed_leg(KEYS["stranger"], STEPS[1][1], usual(1).legs[0].raw)
    parts = cbor2.loads(raw(made)).value
    name = cbor2.loads(usual(2).legs[1].raw).value[0]
    bad = cbor2.dumps(cbor2.CBORTag(18, [name, {}, *parts[2:]]), canonical=True)
    assert outcome(codes([usual(1).legs[0].raw, bad])) == "signature"
