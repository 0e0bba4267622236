"""Legs that come from three devices in any order, twice, late or never: the story is that of the orderly run, or says what is open."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Record
from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules.evidence import b64
from schemas.rules.handover.judge import BESIDE
from schemas.rules.manifest import Joined, Story, fold, join, manifest_state, trip
from schemas.rules.manifest.balance import balance
from schemas.rules.manifest.bound import wire_of
from schemas.rules.reconcile import run
from tests.unit.factory import NOW, World, at, uid
from tests.unit.hauled import KILN, PEOPLE, PROJECT, Haul, Signed, changed, directory, flipped, hashes, weighed

RUN = ("issued", "departed", "waypoint", "arrived", "received", "disposed")
SENDERS, DRIVERS, RECEIVERS = (0,), (1, 2, 3), (4, 5)  # which legs of the run each device signs


@cache
def hauled() -> Haul:
    haul = Haul()
    haul.run(*RUN)
    return haul


def pushed(haul: Haul, chain: Sequence[Signed], own: Sequence[int]) -> list[Record]:
    """What one device hands in, in its own order: its legs, and the codes it made and read on the way."""
    out: list[Record] = []
    for n, leg in enumerate(chain):
        if n in own:
            out.append(leg.record)
        if (
            n in own or n + 1 in own or n == len(chain) - 1
        ):  # it showed the code, or read it to sign the next, or saw the end
            out.append(haul.code(chain[: n + 1], f"{own}"))
    return out


def told(items: Sequence[Record], haul: Haul, now: Any = NOW) -> Joined:
    legs = [i for i in items if isinstance(i, ManifestLeg)]
    return join(legs, [i for i in items if isinstance(i, HandOver)], directory(), now, {haul.id: haul.manifest})


def of(joined: Joined, haul: Haul) -> Story:
    return fold(joined.legs.get(haul.id, []))


def signed_in(items: Sequence[Record]) -> set[str]:
    """Hashes of every leg that stands in these, by a way of its own."""
    from schemas.rules.evidence import unb64
    from schemas.rules.handover import read
    from schemas.rules.handover.cose import parse

    out = {parse(unb64(i.cose)).hash.hex() for i in items if isinstance(i, ManifestLeg) and i.cose}
    return out | {leg.hash.hex() for i in items if isinstance(i, HandOver) for leg in read(i.code).legs}


def in_story(s: Story) -> set[str]:
    return {leg.hash for leg in s.steps if leg.hash} | {leg.hash for q in s.open for leg in q.legs if leg.hash}


def arrivals(haul: Haul, chain: Sequence[Signed]) -> list[Record]:
    return [i for own in (SENDERS, DRIVERS, RECEIVERS) for i in pushed(haul, chain, own)]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.data())
def test_any_order_and_loss_of_an_orderly_run(rng: random.Random, data: st.DataObject) -> None:
    haul = hauled()
    everything = arrivals(haul, haul.legs)
    came = [i for i in everything if data.draw(st.booleans())]
    came += rng.choices(came, k=5) if came else []
    rng.shuffle(came)
    s = of(told(came, haul), haul)
    assert in_story(s) == signed_in(came)  # nothing signed is dropped, nothing made up
    assert not s.contradictions
    kinds = [leg.record.kind for leg in s.steps]
    assert kinds == [k for k in RUN if k in kinds]  # in the order of the run
    assert s.state == manifest_state([leg.record for leg in s.steps])
    if s.open:
        assert {q.code for q in s.open} <= {"gap", "not_heard"}
    else:
        assert kinds == list(RUN[: len(kinds)])  # the orderly run as far as it went
    # what is lost comes late after all: the same as if nothing had happened
    rest = [i for i in everything if i not in came]
    rng.shuffle(rest)
    end = of(told([*came, *rest, *rest[:3]], haul), haul)
    assert end == of(told(everything, haul), haul)
    assert (end.state, end.open, [leg.hash for leg in end.steps]) == ("closed", (), [leg.hash for leg in haul.legs])


def messed(rng: random.Random) -> tuple[Haul, list[Record]]:
    """A run in which something is wrong: a fork, a second end, a void too late, a false bit, a changed record, a wrong clock."""
    haul = Haul()
    haul.run(*RUN[: rng.randint(2, len(RUN))])
    chain = list(haul.legs)
    items = arrivals(haul, chain)
    for _ in range(rng.randint(1, 3)):
        on = rng.choice(chain)
        what = rng.choice(("fork", "void", "reject", "flip", "change", "clock"))
        if what in ("fork", "reject") and (on is chain[-1] or chain[chain.index(on) + 1].record.kind in BESIDE):
            on = chain[0]  # elsewhere it might be as it should be
        if what == "fork":
            made = haul.sign(
                rng.choice([k for k in RUN[1:] if k not in BESIDE]),
                on=on,
                when=at("09:35"),
                by=rng.choice(list(PEOPLE)),
            )
            items += [made.record, haul.code([*chain[: chain.index(on) + 1], made], "fork")]
        elif what == "void":
            items.append(haul.sign("voided", on=on, when=at("09:36")).record)
        elif what == "reject":
            made = haul.sign("rejected", on=on, when=at("09:37"), problem="spill", problem_text="wet")
            items += [made.record, haul.code([*chain[: chain.index(on) + 1], made], "reject")]
        elif what == "flip":
            items.append(flipped(on.record))
        elif what == "change":
            items = [
                changed(i, weight=weighed("22")) if isinstance(i, ManifestLeg) and i.id == on.record.id else i
                for i in items
            ]
        else:
            items.append(haul.sign("waypoint", on=on, when=at("05:00")).record)
    return haul, items


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_is_wrong_the_order_does_not_matter_and_it_is_named(rng: random.Random) -> None:
    haul, items = messed(rng)
    first = of(told(items, haul), haul)
    assert in_story(first) == signed_in(items)
    assert first.open, "something was wrong, and nobody says so"
    again = [*items, *rng.choices(items, k=4)]
    rng.shuffle(again)
    assert of(told(again, haul), haul) == first
    for q in first.open:
        assert q.zh and q.en and q.legs


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_legs_that_come_one_by_one_end_alike(rng: random.Random) -> None:
    """At every moment the state is that of the legs that came, and only grows; nothing that came is lost on the way."""
    haul = hauled()
    items = arrivals(haul, haul.legs)
    rng.shuffle(items)
    seen: set[str] = set()
    for n in range(1, len(items) + 1, 3):
        s = of(told(items[:n], haul), haul)
        assert seen <= in_story(s)
        seen = in_story(s)
    assert of(told(items, haul), haul).state == "closed"


def test_a_load_known_only_from_a_code() -> None:
    haul = hauled()
    joined = join([], [haul.code(haul.legs[:5])], directory(), NOW)
    s = of(joined, haul)
    assert s.state == "received" and [q.code for q in s.open] == ["not_heard"]
    assert {leg.source for leg in s.steps} == {"code"} and {leg.worth for leg in s.steps} == {"genuine"}
    t = trip([leg.record for leg in s.steps])
    assert (t.net_out_t, t.net_in_t) == (Decimal(20), Decimal("19.9"))
    assert s.steps[4].record.received_t == Decimal("19.9") and s.steps[4].record.who_name == "Sun"
    m = joined.manifests[haul.id]
    known = haul.manifest
    for name in ("number", "plan_id", "lot_id", "vehicle_id", "receiver_id", "receiver_place", "cover"):
        assert getattr(m, name) == getattr(known, name), name
    assert m.supervised is None  # a code does not say
    stranger = join([], [haul.code(haul.legs[:1])], None, NOW).manifests[haul.id]
    assert stranger.vehicle_id == "苏A12345" and stranger.receiver_place == ""  # nobody knows the truck


def test_a_code_that_cannot_be_read_is_kept_with_its_reason() -> None:
    haul = hauled()
    good = haul.code(haul.legs)
    damaged = HandOver.of(uid("damaged"), {**wire_of(good), "code": good.code[:-4]})
    joined = join([], [damaged, good], directory(), NOW)
    assert joined.false == []
    (found,) = run(world(haul, damaged, good).facts(directory=directory())).by_check["T15"]
    assert (found.subject_type, found.subject_id) == ("hand_over", damaged.id) and "缺损" in found.zh
    assert joined.unread == [(damaged, 6002)] and len(joined.legs[haul.id]) == len(RUN)


def test_a_false_code_makes_no_load() -> None:
    haul = Haul()
    haul.sign("issued")
    haul.legs[0] = Signed(haul.legs[0].record, haul.legs[0].raw[:-1] + bytes([haul.legs[0].raw[-1] ^ 1]))
    joined = join([], [haul.code(haul.legs)], directory(), NOW)
    (code,) = joined.false
    w = world(haul, code)
    assert [f.subject_type for f in run(w.facts(directory=directory())).by_check["T15"]] == ["manifest"]
    del w.records["manifest"][haul.id]
    facts = w.facts(directory=directory())
    assert [(f.subject_id, f.severity) for f in run(facts).by_check["T15"]] == [(code.id, "error")]
    assert joined.manifests == {} and [leg.why for leg in joined.legs[haul.id]] == ["signature"]
    assert of(joined, haul).state == "draft"


ALTERED: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
    ({"weight": weighed("30")}, ("details", "weight"), "重量"),
    ({"kind": "rejected"}, ("details", "kind"), "环节类型"),
    ({"at": at("09:41").isoformat()}, ("at", "details"), "时间"),
    ({"problem": "spill"}, ("details", "problem"), "差异类型"),
    ({"way": "paper"}, ("details", "way"), "签署方式"),
]


@pytest.mark.parametrize(("change", "faults", "word"), ALTERED)
def test_the_signature_wins_over_the_record(change: dict[str, Any], faults: tuple[str, ...], word: str) -> None:
    haul = hauled()
    legs = [*haul.records[:4], changed(haul.records[4], **change)]
    s = of(told(legs, haul), haul)
    assert s.state == "received" and [q.code for q in s.open] == ["altered"]
    assert word in s.open[0].zh and s.steps[4].faults == faults and s.steps[4].worth == "genuine"
    assert trip([leg.record for leg in s.steps]).net_in_t == Decimal("19.9")
    both = of(told([*legs, haul.records[4]], haul), haul)  # the true record is here too: it is taken
    assert both.steps[4].source == "record" and both.steps[4].record == haul.records[4]


def test_what_only_the_hash_tells() -> None:
    haul = hauled()
    s = of(told([*haul.records[:4], changed(haul.records[4], heap="B2")], haul), haul)
    assert [q.code for q in s.open] == ["details"] and s.steps[4].record.heap == "B2"
    other = Manifest.of(haul.id, {**haul.values, "driver_name": "Somebody else"})
    joined = join(haul.records[:1], [], directory(), NOW, {haul.id: other})
    assert [q.code for q in of(joined, haul).open] == ["details"]
    assert of(join(haul.records[:1], [], directory(), NOW), haul).open == ()  # without the manifest: cannot say


def test_a_leg_put_under_another_manifest_belongs_where_it_was_signed() -> None:
    haul = hauled()
    moved = changed(haul.records[1], manifest_id=uid("m2"))
    joined = told([haul.records[0], moved], haul)
    assert set(joined.legs) == {haul.id}
    s = of(joined, haul)
    assert s.state == "departed" and "elsewhere" in s.steps[1].faults
    assert [q.code for q in s.open] == ["details", "elsewhere"]
    first = changed(haul.records[0], manifest_id=uid("m2"))
    assert [q.code for q in of(told([first], haul), haul).open] == ["altered"]


def test_a_leg_swapped_into_another_chain_does_not_fit() -> None:
    haul, other = hauled(), Haul("m2", "20263211000419")
    other.run("issued", "departed")
    swapped = haul.code([haul.legs[0], other.legs[1]])
    joined = join([], [swapped], directory(), NOW)
    assert [(leg.record.kind, leg.why) for leg in joined.legs[haul.id]] == [("issued", ""), ("departed", "signature")]
    # with its own code here, it stands where it belongs, and nowhere else
    joined = join([], [swapped, other.code(other.legs)], directory(), NOW)
    assert [leg.record.kind for leg in joined.legs[haul.id]] == ["issued"]
    assert fold(joined.legs[other.id]).state == "departed"


def test_a_withdrawn_record_of_a_signed_leg_still_counts() -> None:
    haul = hauled()
    gone = changed(haul.records[1], deleted=True, void_reason="typo")
    s = of(told([haul.records[0], gone], haul), haul)
    assert s.state == "departed" and [q.code for q in s.open] == ["withdrawn"]


def test_a_leg_without_what_it_stands_on_is_judged_by_the_code() -> None:
    haul = hauled()
    lost = changed(haul.records[1], prev_hash="00" * 32)
    s = of(told([haul.records[0], lost, haul.code(haul.legs[:2])], haul), haul)
    assert s.state == "departed" and s.open == () and s.steps[1].prev == haul.legs[0].hash


def test_wire_values_come_back_as_they_were_signed() -> None:
    """Whatever may stand in a leg: the hash of its details fits after it was typed."""
    haul = Haul()
    signature = {
        "role": "supervisor",
        "name": "Qian",
        "way": "signed",
        "strokes": "1 2",
        "signed_at": "2026-09-21T01:00:00Z",
    }
    position = {
        "lon": "118.8000000",
        "lat": "32.10",
        "h_acc_m": "3.50",
        "fix_kind": "single",
        "at": "2026-09-21T08:59:30+08:00",
    }
    haul.sign("issued", weight=weighed("35.000"), signatures=[{**signature, "signed_at": "2026-09-21T09:00:00+08:00"}], position=position,
              note="第一车", odometer_km="120")  # fmt: skip
    assert told(haul.records, haul).legs[haul.id][0].faults == ()
    zulu = Haul()
    zulu.sign(
        "issued", weight=weighed("35"), signatures=[signature], position={**position, "at": "2026-09-21T01:00:00Z"}
    )
    assert told(zulu.records, zulu).legs[zulu.id][0].faults == ()


def world(haul: Haul, *items: Record) -> World:
    w = World()
    w.records["manifest"][haul.id] = haul.manifest
    for item in items:
        w.records[item.about.type][item.id] = item
    return w


def test_facts_join_records_and_codes() -> None:
    haul = hauled()
    facts = world(haul, *haul.records[:1], haul.code(haul.legs[:5])).facts(directory=directory())
    assert [leg.kind for leg in facts.legs_of(haul.id)] == list(RUN[:5])
    assert facts.story(haul.id).state == "received" and [m.id for m in facts.manifests()] == [haul.id]
    assert facts.manifests()[0] == haul.manifest
    lone = world(haul, haul.code(haul.legs[:2]))
    del lone.records["manifest"][haul.id]
    facts = lone.facts(directory=directory())
    assert [(m.id, m.number) for m in facts.manifests()] == [(haul.id, haul.number)]
    assert facts.find(Manifest, haul.id) is None and facts.story(haul.id).state == "departed"
    assert facts.plate_of(facts.manifests()[0]) == ""  # the directory knows the truck, its record is not here
    lone.add("vehicle", "truck", plate="苏A12345")
    assert lone.facts(directory=directory()).plate_of(facts.manifests()[0]) == "苏A12345"
    unheard = lone.facts().manifests()[0]
    assert lone.facts().plate_of(unheard) == "苏A12345" and lone.facts().story(haul.id).state == "departed"
    false = world(haul, haul.records[0], flipped(haul.records[1])).facts(directory=directory())
    assert [leg.kind for leg in false.legs_of(haul.id)] == ["issued"]  # what is not genuine is left out
    assert [q.code for q in false.story(haul.id).open] == ["signature"]


def test_a_signed_load_is_not_undone_by_voiding_its_record() -> None:
    haul = hauled()
    w = world(haul, *haul.records[:2])
    w.records["manifest"][haul.id] = Manifest.of(haul.id, {**haul.values, "deleted": True, "void_reason": "x"})
    facts = w.facts(directory=directory())
    assert [m.id for m in facts.manifests()] == [haul.id] and facts.story(haul.id).state == "departed"
    assert [q.code for q in facts.story(haul.id).open] == ["manifest_withdrawn"]
    w = World()
    w.add("manifest", "m9", deleted=True, void_reason="x")
    w.leg("m9", "issued", at("09:00"))
    assert w.facts().manifests() == [] and w.facts().legs_of(uid("m9")) == []  # never signed: as before


def test_one_number_on_two_manifests() -> None:
    haul, other = hauled(), Haul("m2", hauled().number)
    other.run("issued")
    w = world(haul, *haul.records[:2], other.code(other.legs))
    facts = w.facts(directory=directory())
    for id in (haul.id, other.id):
        (asked,) = [q for q in facts.story(id).open if q.code == "number_twice"]
        assert haul.number in asked.zh and {leg.record.manifest_id for leg in asked.legs} == {haul.id, other.id}
    assert facts.story(haul.id).contradictions


def test_a_leg_without_a_signature_among_signed_ones_is_asked_about() -> None:
    haul = hauled()
    bare = ManifestLeg.of(
        uid("bare"), {k: v for k, v in wire_of(haul.records[4]).items() if k not in ("cose", "prev_hash")}
    )
    s = of(told([*haul.records[:4], bare], haul), haul)
    assert s.state == "received" and [q.code for q in s.open] == ["unsigned"]


def test_a_disposal_record_that_has_ended_closes_its_loads() -> None:
    haul = hauled()
    w = world(haul, *haul.records[:5])
    values = {"receiver_id": KILN, "lot_code": "K1", "from_date": at("09:00").date(), "manifests": [haul.id], "mass_t": 19.9, "stock_t": 0,
              "way": "cement_kiln"}  # fmt: skip
    w.add("disposal_record", "d1", **values)
    assert w.facts(directory=directory()).story(haul.id).state == "received"
    w.add("disposal_record", "d1", **values, to_date=at("09:00", 2).date())
    assert w.facts(directory=directory()).story(haul.id).state == "closed"


def test_the_hashes_are_those_of_the_bytes() -> None:
    haul = hauled()
    assert {leg.hash for leg in told(haul.records, haul).legs[haul.id]} == hashes(haul.legs)
    assert haul.records[0].cose == b64(haul.legs[0].raw) and haul.load.project == PROJECT


def test_nobody_but_the_receiver_disposes_of_a_load() -> None:
    haul = hauled()
    values = {"lot_code": "K1", "from_date": at("09:00").date(), "to_date": at("09:00", 2).date(), "manifests": [haul.id], "mass_t": 19.9,
              "stock_t": 0, "way": "cement_kiln"}  # fmt: skip
    for firm, state in ((uid("carrier"), "received"), (KILN, "closed")):
        w = world(haul, *haul.records[:5])
        w.add("disposal_record", "d1", receiver_id=firm, **values)
        assert w.facts(directory=directory()).story(haul.id).state == state


@pytest.mark.parametrize("field", ["number", "plan_id", "lot_id", "receiver_id"])
def test_a_manifest_that_says_otherwise_than_its_code_is_asked_about_before_its_leg_is_heard(field: str) -> None:
    haul = hauled()
    w = world(haul, haul.code(haul.legs[:2]))
    assert "details" not in [q.code for q in w.facts(directory=directory()).story(haul.id).open]
    other = "20263211000999" if field == "number" else uid("else")
    w.records["manifest"][haul.id] = Manifest.of(haul.id, {**haul.values, field: other})
    assert "details" in [q.code for q in w.facts(directory=directory()).story(haul.id).open]


def test_a_load_that_anybody_may_have_made_up_adds_nothing_for_certain() -> None:
    haul = hauled()
    w = world(haul, haul.code(haul.legs[:5]))
    del w.records["manifest"][haul.id]
    (sure,), (unsure,) = (balance(w.facts(directory=directory(*without))).trips for without in ((), ("sender",)))
    assert sure.mass.out.low == sure.mass.out.high == unsure.mass.out.high and sure.mass.came.low > 0
    assert unsure.mass.out.low == unsure.mass.came.low == 0 and "签发人不能确定" in [x.zh for x in unsure.mass.unknown]
