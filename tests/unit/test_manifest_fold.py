"""The story of one manifest: every legal step, every illegal one with its words, and what is named as open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from schemas.records.manifest_leg import ManifestLeg
from schemas.reference import codes
from schemas.rules.handover import Directory
from schemas.rules.manifest import Leg, Story, fold, join, manifest_state, trip
from schemas.rules.manifest.fold import MARKS, NEXT, ON
from tests.unit.factory import NOW, at, record
from tests.unit.hauled import SENDER, Haul, changed, directory, flipped, weighed

KINDS = sorted(codes("leg_kind"))
ROAD = ("issued", "departed")


def story(haul: Haul, legs: list[ManifestLeg] | None = None, **kw: object) -> Story:
    known = directory(**kw) if kw else directory()  # type: ignore[arg-type]
    found = join(haul.records if legs is None else legs, [], known, NOW, {haul.id: haul.manifest})
    return fold(found.legs.get(haul.id, []))


def told(s: Story) -> list[str]:
    return [q.code for q in s.open]


LEGAL = [
    ((), "draft", ("issued",)),
    (("issued",), "issued", ("departed", "voided", "amended")),
    (("issued", "voided"), "voided", ()),
    (ROAD, "departed", ("waypoint", "relay", "arrived", "received", "received_difference", "rejected", "returned", "amended")),
    ((*ROAD, "waypoint", "relay", "waypoint"), "in_transit",
     ("waypoint", "relay", "arrived", "received", "received_difference", "rejected", "returned", "amended")),
    ((*ROAD, "arrived"), "arrived", ("received", "received_difference", "rejected", "returned", "amended")),
    ((*ROAD, "received"), "received", ("disposed", "amended")),
    ((*ROAD, "arrived", "received"), "received", ("disposed", "amended")),
    ((*ROAD, "relay", "arrived", "received_difference"), "received_difference", ("disposed", "amended")),
    ((*ROAD, "rejected"), "rejected", ("returned", "amended")),
    ((*ROAD, "rejected", "returned"), "returned", ("amended",)),
    ((*ROAD, "waypoint", "returned"), "returned", ("amended",)),
    ((*ROAD, "received", "disposed"), "closed", ("amended",)),
    (("issued", "amended", "departed", "amended", "received"), "received", ("disposed", "amended")),
]  # fmt: skip


@pytest.mark.parametrize(("kinds", "state", "following"), LEGAL)
def test_the_orderly_run(kinds: tuple[str, ...], state: str, following: tuple[str, ...]) -> None:
    haul = Haul()
    haul.run(*kinds)
    s = story(haul)
    assert (s.state, s.next, s.open) == (state, following, ())
    assert [leg.record.kind for leg in s.steps] == list(kinds)
    assert all(leg.worth == "genuine" for leg in s.steps)


# of every state one way to get there
WAY_TO: dict[str, tuple[str, ...]] = {
    "issued": ("issued",), "departed": ROAD, "in_transit": (*ROAD, "relay"), "arrived": (*ROAD, "arrived"), "received": (*ROAD, "received"),
    "received_difference": (*ROAD, "received_difference"), "rejected": (*ROAD, "rejected"), "returned": (*ROAD, "returned"),
    "closed": (*ROAD, "received", "disposed"), "voided": ("issued", "voided"),
}  # fmt: skip
STEPS = [k for k in KINDS if k not in MARKS]


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("state", WAY_TO)
def test_every_step_from_every_state(state: str, kind: str) -> None:
    haul = Haul()
    haul.run(*WAY_TO[state])
    haul.run(kind)
    s = story(haul)
    assert len(s.steps) == len(haul.legs)  # whatever it is, it stays in the story
    if kind in NEXT[state]:  # type: ignore[index]
        assert s.open == ()
    else:
        assert s.contradictions, (state, kind)
        assert any(haul.legs[-1].hash in {leg.hash for leg in q.legs} for q in s.contradictions)
        for q in s.open:
            assert q.zh.strip() and q.en.strip() and "{" not in q.zh + q.en
            assert codes("leg_kind")[q.legs[0].record.kind].zh in q.zh


def test_the_two_tables_of_steps_agree() -> None:
    """What may follow a state, and what a leg may stand on, say the same."""
    for state, kinds in WAY_TO.items():
        assert set(NEXT[state]) == {k for k in STEPS if kinds[-1] in ON[k]}, state  # type: ignore[index]


def fork(h: Haul) -> None:
    first = h.run("issued")[0]
    h.sign("departed", on=first)
    h.sign("departed", on=first, when=at("09:30"), by="sender")


def second_start(h: Haul) -> None:
    h.run("issued")
    h.sign("issued", on=None, when=at("09:05"), weight=weighed("36"))


def void_late(h: Haul) -> None:
    first = h.run("issued", "departed")[0]
    h.sign("voided", on=first, when=at("09:20"))


def two_ends(h: Haul) -> None:
    road = h.run(*ROAD)[-1]
    h.run("received")
    h.sign("rejected", on=road, when=at("10:30"))


def backwards(h: Haul) -> None:
    h.run("issued")
    h.sign("departed", when=at("08:54"))


def step_after_end(h: Haul) -> None:
    h.run(*ROAD, "received", "waypoint")


def skipped(h: Haul) -> None:
    h.run("issued", "received")


def stranger(h: Haul) -> None:
    h.run("issued")
    h.sign("departed", by="other")


def sender_receives(h: Haul) -> None:
    h.run(*ROAD)
    h.sign("received", by="sender")


def driver_issues(h: Haul) -> None:
    h.sign("issued", by="driver")


CONTRADICTIONS: list[tuple[Callable[[Haul], None], str, list[str], str]] = [
    (fork, "departed", ["fork", "stranger"], "同一环节之后有两个签名：「起运」（09-21 09:10 Wang）、「起运」（09-21 09:30 Zhao）。问清以哪个为准"),
    (second_start, "issued", ["two_starts"], "同一联单签发了两次：「移出签发」（09-21 09:00 Zhao）、「移出签发」（09-21 09:05 Zhao）。问清以哪个为准"),
    (void_late, "departed", ["void_after_departure"], "车已起运，「作废」（09-21 09:20 Zhao）无效。问清车在哪里"),
    (two_ends, "disputed", ["two_ends", "fork"], "结局有两个：「接收」（09-21 09:20 Sun）、「拒收」（09-21 10:30 Sun）。问清以哪个为准"),
    (backwards, "departed", ["backwards"], "「起运」（09-21 08:54 Wang）的时间早于它之前的环节。核对各设备的时钟"),
    (step_after_end, "received", ["after_end"], "「途中打卡」（09-21 09:30 Wang）发生在这车结束之后。问清是不是另一车"),
    (skipped, "received", ["out_of_turn"], "「接收」（09-21 09:10 Sun）接在「移出签发」（09-21 09:00 Zhao）之后，不合顺序。问清中间缺的一步"),
    (stranger, "departed", ["stranger"], "「起运」（09-21 09:10 Li）由联单没有写的单位签署（Li）。问清是受谁委托"),
    (sender_receives, "received", ["stranger"], "「接收」（09-21 09:20 Zhao）由联单没有写的单位签署（Zhao）。问清是受谁委托"),
    (driver_issues, "issued", ["stranger"], "「移出签发」（09-21 09:00 Wang）由联单没有写的单位签署（Wang）。问清是受谁委托"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "state", "codes_", "words"), CONTRADICTIONS, ids=[c[0].__name__ for c in CONTRADICTIONS]
)
def test_a_contradiction_is_named(make: Callable[[Haul], None], state: str, codes_: list[str], words: str) -> None:
    haul = Haul()
    make(haul)
    for order in permutations(haul.records) if len(haul.legs) < 5 else [haul.records]:
        s = story(haul, list(order))
        assert (s.state, told(s)) == (state, codes_)
        assert s.open[0].zh == words and not s.open[0].waits
        assert {leg.hash for leg in s.steps} == {leg.hash for leg in haul.legs}


def test_a_gap_is_not_known_yet_and_closes_when_the_leg_comes() -> None:
    haul = Haul()
    haul.run(*ROAD, "arrived", "received")
    s = story(haul, [haul.records[3]])
    assert s.state == "received" and told(s) == ["gap"] and s.open[0].waits
    assert (
        s.open[0].zh
        == "还不知道：「接收」（09-21 09:30 Sun）已到，之前的「移出签发」、「起运」还没有收到。等有关设备联网同步"
    )
    s = story(haul, [haul.records[0], haul.records[3]])
    assert s.state == "received" and told(s) == ["gap"] and "起运" in s.open[0].zh and "移出签发" not in s.open[0].zh
    s = story(haul, [haul.records[n] for n in (3, 0, 1)])
    assert told(s) == ["gap"] and "之前的环节还没有收到" in s.open[0].zh
    assert story(haul, [haul.records[n] for n in (3, 0, 1, 2)]).open == ()


def test_of_legs_without_signatures_a_gap_is_told_too() -> None:
    legs = [record("manifest_leg", k, kind=k, at=at(f"1{n}:00")) for n, k in enumerate(("departed", "received"))]
    s = fold(join([leg for leg in legs if isinstance(leg, ManifestLeg)], [], None, NOW).legs[legs[0].manifest_id])  # type: ignore[attr-defined]
    assert s.state == "received" and told(s) == ["gap"] and "移出签发" in s.open[0].zh


def test_unsigned_legs_out_of_time_and_after_the_end() -> None:
    def of(*legs: tuple[str, str]) -> Story:
        made = [record("manifest_leg", k, kind=k, at=at(t)) for k, t in legs]
        return fold(join([m for m in made if isinstance(m, ManifestLeg)], [], None, NOW).legs[made[0].manifest_id])  # type: ignore[attr-defined]

    assert of(("issued", "09:00"), ("departed", "09:10"), ("arrived", "09:40"), ("received", "10:00")).open == ()
    assert told(of(("issued", "09:00"), ("departed", "08:50"))) == ["backwards"]
    assert told(of(("issued", "09:00"), ("departed", "08:56"))) == []  # two clocks may differ by five minutes
    assert told(of(("issued", "09:00"), ("departed", "09:10"), ("received", "10:00"), ("waypoint", "10:30"))) == [
        "after_end"
    ]
    assert told(of(("issued", "09:00"), ("voided", "09:05"), ("departed", "09:10"))) == ["void_after_departure"]
    road = (("issued", "09:00"), ("departed", "09:10"))
    assert told(of(*road, ("received", "10:00"), ("arrived", "10:05"))) == []
    assert told(of(*road, ("waypoint", "09:20"), ("relay", "09:50"), ("received", "10:00"))) == []


def test_unsigned_legs_of_one_moment_keep_one_order() -> None:
    legs = [record("manifest_leg", f"w{n}", kind="waypoint", at=at("09:20")) for n in range(4)]
    legs += [record("manifest_leg", k, kind=k, at=at("09:00")) for k in ROAD]
    made = [leg for leg in legs if isinstance(leg, ManifestLeg)]
    stories = {tuple(leg.record.id for leg in fold(join(order, [], None, NOW).legs[made[0].manifest_id]).steps)
               for order in (made, made[::-1], made[3:] + made[:3])}  # fmt: skip
    assert len(stories) == 1 and len(stories.pop()) == 6


def test_what_is_noted_beside_the_steps_is_no_fork_but_not_after_the_end() -> None:
    """The driver notes his arrival while the receiver signs the code he showed before."""
    haul = Haul()
    road = haul.run(*ROAD)[-1]
    end = haul.run("received")[-1].record.at
    haul.sign("arrived", on=road, when=end)
    assert told(story(haul)) == []
    haul.sign("waypoint", on=road, when=at("10:30"))
    assert told(story(haul)) == ["after_end"]


def test_an_issue_without_the_supervisor_is_asked_about() -> None:
    for hands in (
        [],
        [
            {
                "role": "supervisor",
                "name": "钱监理",
                "way": "absent",
                "refuse_reason": "不在场",
                "signed_at": at("09:00").isoformat(),
            }
        ],
    ):
        haul = Haul()
        haul.sign("issued", weight=weighed("35"), signatures=hands)
        haul.run("departed")
        assert told(story(haul)) == ["unsupervised"] and not story(haul).open[0].waits


def test_what_is_not_genuine_does_not_count_and_is_named() -> None:
    haul = Haul()
    haul.run(*ROAD)
    s = story(haul, [haul.records[0], flipped(haul.records[1])])
    assert s.state == "issued" and told(s) == ["signature"] and not s.open[0].waits
    assert s.open[0].zh == "「起运」（09-21 09:10 Wang）的签名不符，不作数。查来源"
    assert story(haul, [haul.records[0], changed(haul.records[1], cose="AAAA")]).open[0].code == "unreadable"
    assert told(story(haul, until={"driver": at("09:00")})) == ["after_key"]
    early = story(haul, since=at("09:06").isoformat())  # the sender's key is younger than what it signed
    assert (early.state, told(early)) == ("departed", ["before_key", "on_forged"])
    haul.run("received")
    s = story(haul, until={"driver": at("09:00")})
    assert (s.state, told(s)) == ("received", ["after_key", "on_forged"])  # the receiver stands on what does not count


def test_a_key_nobody_knows_is_cannot_say() -> None:
    haul = Haul()
    haul.run(*ROAD)
    found = join(haul.records, [], directory("driver"), NOW).legs[haul.id]
    s = fold(found)
    assert s.state == "departed" and told(s) == ["unknown_key"] and s.open[0].waits
    assert [leg.worth for leg in s.steps] == ["genuine", "unsure"]
    early = join(haul.records, [], directory(), at("09:02")).legs[haul.id]
    assert told(fold(early)) == ["future"]


def test_a_stand_in_is_marked_and_gives_way_to_the_real_one() -> None:
    haul = Haul()
    haul.run("issued")
    stand_in = haul.sign("departed", by="sender", way="lost")
    haul.run("received")
    s = story(haul)
    assert (s.state, s.open) == ("received", ()) and [leg.hash for leg in s.stand_ins] == [stand_in.hash]
    real = haul.sign("departed", on=haul.legs[0], when=at("09:12"))  # the phone is found
    s = story(haul)
    assert (s.state, s.open) == ("received", ()) and {leg.hash for leg in s.steps} == {leg.hash for leg in haul.legs}
    assert trip([leg.record for leg in s.steps]).began == real.record.at
    # where nobody has the leg it stands on, the stand-in speaks for it
    late = Haul()
    late.run(*ROAD, "received")
    paper = late.sign("departed", by="sender", way="paper", on=late.legs[0], when=at("09:11"))
    s = story(late, [late.records[0], late.records[2], paper.record])
    assert (s.state, s.open) == ("received", ())


def test_a_stand_in_of_another_weight_is_asked_about() -> None:
    haul = Haul()
    haul.run(*ROAD)
    haul.sign("received", by="sender", way="paper", weight=weighed("34.9"), received_t="19.9")
    haul.sign("received", on=haul.legs[1], weight=weighed("33.9"), received_t="18.9")
    s = story(haul)
    assert told(s) == ["stand_in_differs"] and trip([leg.record for leg in s.steps]).net_in_t == Decimal("18.9")


def test_disposal_closes_and_a_voided_record_of_a_signed_manifest_is_asked_about() -> None:
    haul = Haul()
    haul.run(*ROAD, "received")
    legs = join(haul.records, [], directory(), NOW).legs[haul.id]
    assert fold(legs, disposed=True).state == "closed"
    assert fold(legs[:1], disposed=True).state == "issued"
    assert told(fold(legs, withdrawn=True)) == ["manifest_withdrawn"]


def test_the_state_is_that_of_the_kinds() -> None:
    haul = Haul()
    haul.run(*ROAD, "arrived", "received", "disposed")
    for n in range(len(haul.legs) + 1):
        assert story(haul, haul.records[:n]).state == manifest_state(haul.records[:n])


def test_clocks_may_differ_by_five_minutes() -> None:
    for minutes, codes_ in ((5, []), (6, ["backwards"])):
        haul = Haul()
        haul.run("issued")
        haul.sign("departed", when=at("09:00") - timedelta(minutes=minutes))
        assert told(story(haul)) == codes_


def test_who_acts_for_the_sender_is_no_stranger() -> None:
    haul = Haul()
    haul.sign("issued", by="other", weight=weighed("35"), org_id=SENDER)
    assert story(haul).open == ()


UNSURE = pytest.mark.parametrize(
    ("by", "known", "why"), [("driver", (), "stranger"), ("other", ("other",), "unknown_key")]
)


@UNSURE
def test_nobody_voids_a_load_who_is_less_sure_than_who_issued_it(by: str, known: tuple[str, ...], why: str) -> None:
    haul = Haul()
    haul.run("issued")
    haul.sign("voided", by=by)
    s = story(haul) if not known else fold(_of(haul, directory(*known)))
    assert (s.state, told(s)) == ("issued", ["outdone", why]) and [leg.record.kind for leg in s.steps] == ["issued"]
    bare = story(haul, [haul.records[0], changed(haul.records[1], cose=None)])
    assert (bare.state, told(bare)) == ("issued", ["outdone", "unsigned"])


def test_without_a_directory_the_sender_still_voids_its_own() -> None:
    haul = Haul()
    haul.run("issued", "voided")
    assert fold(_of(haul, None)).state == "voided"


@UNSURE
def test_a_surer_end_and_weight_stands_against_another(by: str, known: tuple[str, ...], why: str) -> None:
    haul = Haul()
    haul.run(*ROAD, "received")
    for kind in ("received", "rejected"):
        haul.sign(kind, by=by, on=haul.legs[1], weight=weighed("30"), received_t="15")
    haul.sign("disposed", by=by, on=haul.legs[2])
    s = fold(_of(haul, directory(*known)))
    assert s.state == "received" and [q.code for q in s.open if q.code in ("outdone", why)] == ["outdone", why]
    assert trip([leg.record for leg in s.steps]).net_in_t == Decimal("19.9")
    assert {leg.hash for q in s.open for leg in q.legs} >= {leg.hash for leg in haul.legs[3:]}
    alone = Haul("m2")  # with nobody surer it counts, and is asked about
    alone.run(*ROAD)
    alone.sign("received", by=by, weight=weighed("30"), received_t="15")
    s = fold(_of(alone, directory(*known)))
    assert (s.state, told(s)) == ("received", [why])


def _of(haul: Haul, known: Directory | None) -> list[Leg]:
    return join(haul.records, [], known, NOW, {haul.id: haul.manifest}).legs[haul.id]


@pytest.mark.parametrize("way", ["beside", "paper", "lost"])
def test_a_receipt_by_the_word_of_the_carrier_is_asked_about(way: str) -> None:
    haul = Haul()
    haul.run(*ROAD)
    haul.sign("received", by="driver", way=way, weight=weighed("34.9"), received_t="19.9")
    s = story(haul)
    assert (s.state, told(s)) == ("received", ["by_carrier"]) and "承运方" in s.open[0].zh
    other = Haul("m2")
    other.run(*ROAD)
    other.sign("received", by="sender", way=way, weight=weighed("34.9"), received_t="19.9")
    assert told(story(other)) == []
