"""Samples of a visit without a browser: what is filled in, containers and their order, duplicates, blanks, what 完成 asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from field_app import reading
from field_app.checking import findings, quality
from field_app.clock import CHINA
from field_app.desks.sampling import SAME_MOVE_S, Sampling
from field_app.store import Edit, Seen, Store
from field_app.visit import Visit
from field_app.visit.containers import asked_for, volume_of
from field_app.visit.samples import Before
from schemas.ids import Ids
from schemas.records.sample_container import SampleContainer
from schemas.reference import codes
from schemas.rules.reconcile.volatile import filling_order
from tests.ui import seed

POINT = seed.uid(1, 15)  # S15: metal and VOC, two targets
WATER = ["metal", "hg", "voc", "pah"]


class Clock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 28, 9, 0, tzinfo=CHINA)

    def __call__(self) -> datetime:
        return self.at

    def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "tablet")
    seed.fill(made)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begin(
    store: Store, clock: Clock, targets: list[dict[str, Any]] | None = None, project: dict[str, Any] | None = None
) -> Visit:
    """A visit of S15, every edit kept in the store as the app does; with other targets than the seed's if given."""
    book = reading.read(store, None)
    if targets is not None:
        plan = tuple(
            Seen("planned_target", seed.uid(6, i), seed.FIELD, 1, {"planned_point_id": POINT, **t}, "accepted")
            for i, t in enumerate(targets)
        )
        book = replace(book, targets={POINT: plan})
    if project is not None:
        book = replace(book, project={**(book.project or {}), **project})
    planned = book.planned[POINT]
    point = Seen("point", store.new_id(), seed.FIELD, 0, {
        "planned_point_id": POINT, "code": "S15", "site_id": seed.SITE, "outcome": "done", "samplers": [seed.PERSON],
        "started_at": clock().isoformat(), "weather": "sunny", "surface_kind": "水泥",
        "position": {**planned.values["position"], "fix_kind": "rtk_fixed", "h_acc_m": "0.02", "at": clock().isoformat()},
    }, "draft")  # fmt: skip

    def keep(type: str, record: str, values: dict[str, Any]) -> None:
        store.save_draft(type, record, seed.FIELD, dict(values), None if record == point.id else point.id)

    ids = Ids(lambda: int(clock().timestamp() * 1000), lambda n: bytes(n))
    return Visit(book, planned, point, [], keep, store.drop_draft, ids, clock)


def soil(*groups: str, top: str = "0.0", bottom: str = "0.5", rule: str = "surface", **more: Any) -> dict[str, Any]:
    return {
        "medium": "soil",
        "rule": rule,
        "depth_top_m": top,
        "depth_bottom_m": bottom,
        "groups": list(groups),
        **more,
    }


def fields(visit: Visit, sample: str) -> set[str]:
    """What 完成 would ask of a sample and its containers."""
    return {g.what[0] for g in visit.gaps() if visit.sample_of(g.record) == sample}


# --- from the plan and the sample before ------------------------------------------------------------------------------


def test_an_ordinary_sample_and_its_containers_are_two_taps(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal", "cr6"), soil("metal", "cr6", top="1.5", bottom="2.0", rule="fixed")])
    one = visit.add_sample(1, seed.PERSON)
    assert visit.sample_asks(one) == ["soil_tool"]  # asked once on a tablet
    visit.set_sample(one, soil_tool="shovel_wood")
    visit.confirm(one, *(c.no for c in visit.to_fill(one)))
    assert fields(visit, one) == set()

    clock.later(600)
    two = visit.add_sample(2, seed.PERSON)  # tap 1
    values = visit.samples[two]
    assert (values["code"], values["depth_top_m"], values["depth_bottom_m"]) == ("HX-S15-0002", "1.5", "2.0")
    assert (values["pick_reason"], values["soil_tool"], values["groups"]) == ("fixed", "shovel_wood", ["metal", "cr6"])
    assert set(values["_auto"]) == {"depth_top_m", "depth_bottom_m", "groups", "pick_reason", "soil_tool", "appearance"}
    assert visit.sample_asks(two) == []
    assert not values.get("label_checked")  # the person's act
    visit.confirm(two, *(c.no for c in visit.to_fill(two)))  # tap 2
    assert fields(visit, two) == set() and visit.next_target is None

    edits = [e for e in visit.edits() if e[0] in ("sample", "sample_container")]
    assert not [k for _, _, v in edits for k in v if k.startswith("_")]
    box = next(v for t, _, v in edits if t == "sample_container" and v["sample_id"] == two)
    assert (box["code"], box["type"], box["volume_ml"], box["amount"], box["preservative"], box["cold"]) == (
        "HX-S15-0002-C01", "jar250_b", "250", "120", "none", True)  # fmt: skip
    assert [v["groups"] for t, _, v in edits if t == "sample_container" and v["sample_id"] == two] == [["metal", "cr6"]]
    store.finalize([Edit(t, r, seed.FIELD, v) for t, r, v in visit.edits()])
    assert store.drafts() == []


def test_what_a_person_touched_is_not_called_filled_in(store: Store, clock: Clock) -> None:
    visit = begin(store, clock)
    one = visit.add_sample(1, seed.PERSON)
    visit.set_sample(one, depth_bottom_m="0.4")
    assert "depth_bottom_m" not in visit.samples[one]["_auto"] and "depth_top_m" in visit.samples[one]["_auto"]


def test_the_next_target_is_the_first_without_a_sample(store: Store, clock: Clock) -> None:
    visit = begin(
        store,
        clock,
        [
            soil("metal"),
            soil("metal", top="1", bottom="2", rule="fixed"),
            soil("metal", top="3", bottom="4", rule="fixed"),
        ],
    )
    second = visit.targets()[1].id
    visit.add_sample(1, seed.PERSON, second)
    assert [bool(t.samples) for t in visit.targets()] == [False, True, False]
    free = visit.add_sample(2, seed.PERSON, "")  # besides the plan, no depth
    assert "depth_top_m" not in visit.samples[free] and "target_id" not in visit.samples[free]
    assert "depth_top_m" in visit.sample_asks(free)
    visit.set_sample(
        free, depth_top_m="3.2", depth_bottom_m="4.2", pick_reason="fixed"
    )  # as check F05 says, it answers
    assert [t.samples == (free,) for t in visit.targets()] == [False, False, True]


def test_a_field_that_is_being_typed_stays_in_view(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [])
    one = visit.add_sample(1, seed.PERSON)
    visit.set_sample(one, depth_top_m="1")
    visit.set_sample(one, depth_top_m="1.5", soil_tool="auger")
    assert {"depth_top_m", "soil_tool"} <= set(visit.sample_asks(one))
    visit.look_at(one)
    assert not {"depth_top_m", "soil_tool"} & set(visit.sample_asks(one))


def test_tool_and_kind_of_containers_come_from_the_last_sample_of_this_tablet(store: Store, clock: Clock) -> None:
    old = {"kind": "ordinary", "medium": "soil", "soil_tool": "auger", "appearance": "abnormal", "groups": ["metal"]}
    bag = {
        "groups": ["metal"],
        "type": "bag_pe",
        "volume_ml": "500",
        "preservative": "none",
        "amount": "300",
        "cold": True,
    }
    visit = begin(store, clock, [soil("metal")])
    one = visit.add_sample(1, seed.PERSON, None, Before(old, (bag, bag)))
    assert (visit.samples[one]["soil_tool"], visit.samples[one]["appearance"]) == ("auger", "abnormal")
    boxes = visit.containers(one)
    assert [(c.code, c.values["type"], c.values["volume_ml"], c.values["amount"]) for c in boxes] == [
        ("HX-S15-0001-C01", "bag_pe", "500", "120"), ("HX-S15-0001-C02", "bag_pe", "500", "120")]  # fmt: skip  # not 300
    other = begin(store, clock, [{**soil("metal"), "medium": "groundwater"}])
    well = other.add_sample(2, seed.PERSON, None, Before(old, (bag,)))
    assert "soil_tool" not in other.samples[well] and other.containers(well)[0].values["type"] == "bot_p"


# --- containers -------------------------------------------------------------------------------------------------------


def test_sizes_are_read_off_the_names() -> None:
    assert {c: volume_of(c) for c in codes("container_type") if volume_of(c)} == {
        "v40_meoh": "40", "v40_water": "40", "v40_hcl": "40", "jar60": "60", "jar250_b": "250", "jar500_b": "500",
        "bot1000_b": "1000",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("medium", "groups", "expected"),
    [
        ("soil", ["metal", "as", "cr6"], [(["metal", "as", "cr6"], "jar250_b", "none", "120", True)]),
        ("soil", ["metal", "voc"], [(["voc"], "v40_meoh", "meoh", None, True), (["metal"], "jar250_b", "none", "120", True)]),
        ("soil", ["hg", "svoc", "pah", "tph_c6c9", "voc", "moisture"],
         [(["voc"], "v40_meoh", "meoh", None, True), (["tph_c6c9"], "v40_meoh", "meoh", None, True), (["hg"], "jar250_b", "none", "120", True),
          (["svoc", "pah"], "jar250_b", "none", "120", True), (["moisture"], "jar60", "none", None, True)]),
        ("groundwater", ["metal", "cr6", "voc"],
         [(["voc"], "v40_hcl", "hcl_asc", "40", True), (["metal"], "bot_p", "hno3_1", "250", None), (["cr6"], "jar250_b", "naoh_ph89", "250", None)]),
        ("groundwater", ["hg", "as"], [(["hg"], "jar250_b", "hcl_10", "250", None), (["as"], "jar250_b", "hcl_10", "250", None)]),
        ("soil", ["radio", "archive"], [(["radio"], None, None, None, None), (["archive"], None, None, None, None)]),
        ("soil_gas", ["voc"], [(["voc"], None, None, None, None)]),
    ],
)  # fmt: skip
def test_what_is_asked_for(medium: str, groups: list[str], expected: list[Any]) -> None:
    found = asked_for(medium, groups)
    assert [(w["groups"], *(w.get(n) for n in ("type", "preservative", "amount", "cold"))) for w in found] == expected


def test_least_amounts_only_where_the_table_gives_one_and_none_for_a_blank_of_soil() -> None:
    (blank,) = asked_for("soil", ["metal"], blank=True)
    assert "amount" not in blank
    (blank,) = asked_for("groundwater", ["hg"], blank=True)
    assert blank["amount"] == "250"


def test_every_group_of_the_lists_is_asked_for_once() -> None:
    for medium in ("soil", "groundwater"):
        found = asked_for(medium, list(codes("analyte_group")))
        assert sorted(g for w in found for g in w["groups"]) == sorted(codes("analyte_group"))
        assert [g for w in found[:2] for g in w["groups"]] == ["voc", "tph_c6c9"]


def typed(visit: Visit, sample: str) -> list[SampleContainer]:
    return [
        SampleContainer.of(id, v) for t, id, v in visit.edits() if t == "sample_container" and v["sample_id"] == sample
    ]


def test_vials_first_and_their_order_can_be_told(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal", "voc")])
    one = visit.add_sample(1, seed.PERSON)
    vial, jar = visit.containers(one)
    assert [c.no for c in visit.to_fill(one)] == [vial.no] and visit.out_of_turn(one, jar)
    visit.fill(one, vial.no)
    clock.later(2)
    assert [c.no for c in visit.to_fill(one)] == [jar.no] and not visit.out_of_turn(one, jar)
    visit.fill(one, jar.no)
    order = filling_order(typed(visit, one))
    assert order is not None and order.broken is False
    assert {
        "请填写「空瓶重」",
        "请填写「甲醇体积」",
        "请填写「装样量」",
        "请填写「无气泡或留空合格」",
        "请填写「独立装袋」",
    } <= fields(visit, one)
    visit.seal(one)
    for name, value in (("empty_g", "25.31"), ("methanol_ml", "10"), ("amount", "5.1")):
        visit.set_container(one, vial.no, **{name: value})
    assert fields(visit, one) == {"请填写「标签已核对」", "请填写「取土工具」"}
    # the other way round it is told, too: taken back, and filled behind the jar
    visit.empty(one, vial.no)
    clock.later(2)
    visit.fill(one, vial.no)
    order = filling_order(typed(visit, one))
    assert order is not None and order.broken is True and order.vial.code == "HX-S15-0001-C01"


def test_one_tap_for_all_tells_no_order(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal", "voc")])
    one = visit.add_sample(1, seed.PERSON)
    visit.fill(one, *(c.no for c in visit.unfilled(one)))
    order = filling_order(typed(visit, one))
    assert order is not None and order.broken is None


def test_a_wrong_container_is_told_as_the_server_tells_it(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("hg")])
    one = visit.add_sample(1, seed.PERSON)
    visit.set_sample(one, soil_tool="auger")
    assert visit.wrong(one, visit.containers(one)[0]) == []
    visit.set_container(one, 1, type="bag_pe", volume_ml="500")
    (wrong,) = visit.wrong(one, visit.containers(one)[0])
    assert wrong.what[0].zh.startswith("容器为聚乙烯袋，应为玻璃瓶或250mL棕色玻璃瓶")
    visit.confirm(one, 1)
    visit.set_container(one, 1, amount="90")
    (wrong,) = visit.wrong(one, visit.containers(one)[0])
    assert [w.zh for w in wrong.what][1] == "装样量 90，应 ≥ 120 g"
    said = [f for f in findings(store, visit.book, visit.edits(), POINT, clock()) if f.check == "S05"]
    assert [f.zh for f in said] == [f"HX-S15-0001-C01（汞）{'、'.join(w.zh for w in wrong.what)}；{wrong.rule.cite.zh}"]


def test_another_allowed_way_brings_its_amount_and_size(store: Store, clock: Clock) -> None:
    from field_app.visit.containers import ways

    visit = begin(store, clock, [{**soil("metal"), "medium": "groundwater"}])
    one = visit.add_sample(1, seed.PERSON)
    (box,) = visit.containers(one)
    assert not box.ready  # nobody said how big the bottle is
    rule = next(r for r in ways("metal", "groundwater") if r.preservative == "hno3_02")
    visit.choose_way(one, box.no, "jar500_b", rule)
    (box,) = visit.containers(one)
    assert (box.values["preservative"], box.values["volume_ml"], box.values["amount"], box.ready) == (
        "hno3_02",
        "500",
        "250",
        True,
    )
    visit.choose_way(one, box.no, "bot_p", rule)
    assert "volume_ml" not in visit.containers(one)[0].values  # that of the jar would be a guess


def test_discarding_keeps_the_container_and_never_gives_its_code_again(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal")])
    one = visit.add_sample(1, seed.PERSON)
    visit.fill(one, 1)
    visit.discard(one, 1, "broken")
    assert [(c.no, c.id is None, c.discarded) for c in visit.containers(one)] == [(1, False, True), (2, True, False)]
    assert visit.containers(one)[1].values["amount"] == "120"  # of the table again, as the first
    visit.leave_out(one, 2)
    visit.one_more(one, 1)
    assert [c.code for c in visit.unfilled(one)] == ["HX-S15-0001-C03"]
    visit.discard(one, 1, "label")  # another reason, no other container
    assert len(visit.containers(one)) == 2
    visit.fill(one, 3)
    gone, kept = [v for t, _, v in visit.edits() if t == "sample_container"]
    assert (gone["state"], gone["discard_reason"], kept["state"]) == ("discarded", "label", "filled")


def test_a_container_that_is_asked_for_is_filled_or_left_out(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal")])
    one = visit.add_sample(1, seed.PERSON)
    assert "还没装样，或选不装" in fields(visit, one)
    visit.leave_out(one, 1)
    assert "还没装样，或选不装" not in fields(visit, one)


def test_other_groups_ask_for_other_containers(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal", "voc")])
    one = visit.add_sample(1, seed.PERSON)
    visit.fill(one, 2)
    visit.set_sample(one, groups=["metal", "hg"])
    assert [(c.no, c.values["groups"], c.id is None) for c in visit.containers(one)] == [
        (2, ["metal"], False),
        (3, ["hg"], True),
    ]


# --- duplicates and blanks --------------------------------------------------------------------------------------------


def test_a_duplicate_is_one_tap_and_fits_its_original(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal", qc_kind="field_duplicate")])
    one = visit.add_sample(1, seed.PERSON)
    assert visit.targets()[0].duplicate_due
    visit.set_sample(one, soil_tool="auger")
    visit.confirm(one, 1)
    clock.later(300)
    two = visit.add_duplicate(2, seed.PERSON, one)
    visit.confirm(two, *(c.no for c in visit.to_fill(two)))
    assert not visit.targets()[0].duplicate_due and visit.targets()[0].samples == (one,)
    assert fields(visit, two) == set()
    twin, first = visit.samples[two], visit.samples[one]
    assert (twin["code"], twin["kind"], twin["collected_at"] > first["collected_at"]) == (
        "HX-S15-0002",
        "field_duplicate",
        True,
    )
    assert all(twin[n] == first[n] for n in ("depth_top_m", "depth_bottom_m", "groups", "medium", "batch", "soil_tool"))
    assert visit.link_of(two)[1] == {"qc_sample_id": two, "kind": "field_duplicate", "original_id": one, "secret": True}
    visit.set_sample(one, depth_bottom_m="0.6")  # the duplicate follows
    assert visit.samples[two]["depth_bottom_m"] == "0.6"
    visit.set_sample(two, depth_bottom_m="0.7")  # until a person says otherwise
    visit.set_sample(one, depth_bottom_m="0.5")
    assert visit.samples[two]["depth_bottom_m"] == "0.7"
    found = findings(store, visit.book, visit.edits(), POINT, clock())
    assert [f.zh for f in found if f.check == "S04"] == ["HX-S15-0002 与原样 HX-S15-0001 不一致：深度"]


def test_removing_a_sample_removes_what_hangs_on_it(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal")])
    one = visit.add_sample(1, seed.PERSON)
    visit.fill(one, 1)
    two = visit.add_duplicate(2, seed.PERSON, one)
    visit.fill(two, 1)
    visit.remove_sample(one)
    assert list(visit.samples) == [two] and len(visit.of("sample_container")) == 1
    assert "original_id" not in visit.link_of(two)[1]
    assert "请填写「对应原样」" in fields(visit, two)
    three = visit.add_sample(3, seed.PERSON)
    visit.change("qc_link", visit.link_of(two)[0], original_id=three)
    assert "请填写「对应原样」" not in fields(visit, two)
    visit.remove_sample(two)
    visit.remove_sample(three)
    assert {d.type for d in store.drafts()} == {"point"}


@pytest.mark.parametrize(
    ("kind", "medium", "groups", "matrix", "code"),
    [
        ("full_blank", "soil", ["voc"], "methanol", "HX-QCK-0002"), ("trip_blank", "soil", ["voc"], "methanol", "HX-YK-0002"),
        ("equipment_blank", "soil", ["metal", "voc"], "blank_water", "HX-SK-0002"),
        ("full_blank", "groundwater", ["metal", "voc"], "blank_water", "HX-QCK-0002"),
        ("field_blank", "soil", ["metal", "voc"], "methanol", "HX-XK-0002"), ("container_blank", "soil", ["metal", "voc"], None, "HX-RK-0002"),
    ],
)  # fmt: skip
def test_a_blank_is_one_tap(
    store: Store, clock: Clock, kind: str, medium: str, groups: list[str], matrix: str | None, code: str
) -> None:
    visit = begin(store, clock, [{**soil("metal", "voc", "moisture"), "medium": medium}])
    visit.add_sample(1, seed.PERSON)
    record = visit.add_blank(2, seed.PERSON, kind)
    values, (_, link) = visit.samples[record], visit.link_of(record)
    assert (values["code"], values["kind"], values["medium"], values["groups"]) == (code, kind, medium, groups)
    assert not {"depth_top_m", "depth_bottom_m", "point_id", "target_id", "pick_reason"} & set(values)  # V16
    assert link.get("matrix") == matrix and link["batch"] == values["batch"] == "2026-11-28"
    assert link.get("after_point_id") == (visit.id if kind == "equipment_blank" else None)
    asked = fields(visit, record)
    assert not {w for w in asked if "深" in w or "基质" in w or "批次" in w or "点之后" in w}


def test_shares_are_counted_over_all_this_tablet_knows(store: Store, clock: Clock) -> None:
    rule = {
        "qc_kind": "field_duplicate",
        "medium": "soil",
        "groups": [],
        "basis": "share",
        "share_pct": "10.0",
        "least": 1,
        "basis_text": "方案 6.2",
    }
    visit = begin(store, clock, [soil("metal", "voc")], {"qc_rules": [rule]})
    batch = visit.batch
    for n in range(11):  # of others, pulled or finalized, and one still a draft of another point
        values = {"code": f"X-{n}", "kind": "ordinary", "medium": "soil", "groups": ["metal"], "batch": batch if n < 10 else "2026-11-27",
                  "collected_at": clock().isoformat(), "collected_by": [seed.PERSON], "depth_top_m": "0"}  # fmt: skip
        store.save_draft("sample", store.new_id(), seed.FIELD, values, None)
    one = visit.add_sample(1, seed.PERSON)

    def metal() -> Any:
        found = quality(store, visit.book, visit.edits(), {batch}, clock())
        return next(s for s in found.shares if s.group == "metal")

    assert (metal().n, metal().m, metal().short) == (0, 11, 2)
    two = visit.add_duplicate(2, seed.PERSON, one)
    assert (metal().n, metal().m, metal().pct, metal().short, metal().rule.source) == (1, 11, 9.1, 1, "方案 6.2")
    visit.add_duplicate(3, seed.PERSON, one)
    assert (metal().short, metal().room) == (0, 9)
    needs = {(n.rule.kind, n.n) for n in quality(store, visit.book, visit.edits(), {batch}, clock()).needs}
    assert needs == {("full_blank", 0), ("trip_blank", 0)}
    visit.add_blank(4, seed.PERSON, "trip_blank")
    needs = {(n.rule.kind, n.n) for n in quality(store, visit.book, visit.edits(), {batch}, clock()).needs}
    assert needs == {("full_blank", 0), ("trip_blank", 1)}
    visit.remove_sample(two)
    assert (metal().n, metal().short) == (1, 1)


def test_where_no_rule_is_known_it_is_said(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [{**soil("metal"), "medium": "sediment"}])
    visit.add_sample(1, seed.PERSON)
    found = quality(store, visit.book, visit.edits(), {visit.batch}, clock())
    assert (found.shares, found.needs, found.unruled) == ((), (), ("sediment",))


def test_a_sample_whose_groups_are_not_chosen_yet_counts_nowhere(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal")])
    bare = visit.add_sample(1, seed.PERSON, "")  # beside the plan: nothing says what is to be analysed
    assert not visit.samples[bare].get("groups")
    assert quality(store, visit.book, visit.edits(), {visit.batch}, clock()).shares == ()
    visit.add_sample(2, seed.PERSON)
    (share,) = quality(store, visit.book, visit.edits(), {visit.batch}, clock()).shares
    assert share.m == 1


# --- the desk ---------------------------------------------------------------------------------------------------------


class Host:
    """What the desk asks of the state."""

    def __init__(self, store: Store, visit: Visit) -> None:
        self._store, self.visit, self.book = store, visit, visit.book
        self.clock = visit._now

    async def _do(self, fn: Any, *args: Any) -> Any:
        return fn(*args)

    def now(self) -> datetime:
        return self.clock()


def test_two_taps_in_one_move_take_one_sample(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal"), soil("metal", top="1", bottom="2", rule="fixed")])
    now = [0.0]
    desk = Sampling(Host(store, visit), lambda: now[0])  # type: ignore[arg-type]
    asyncio.run(desk.take())
    one = next(iter(visit.samples))
    desk.confirm(visit, one, 1)  # the same button under the same finger
    asyncio.run(desk.take())
    assert len(visit.samples) == 1 and not visit.samples[one].get("label_checked") and visit.filled_of(one) == (0, 1)
    now[0] = SAME_MOVE_S
    desk.confirm(visit, one, 1)
    assert visit.samples[one]["label_checked"] is True and visit.filled_of(one) == (1, 1)
    now[0] = 2 * SAME_MOVE_S
    asyncio.run(desk.take())
    assert [v["code"] for v in visit.samples.values()] == ["HX-S15-0001", "HX-S15-0002"]


def test_the_last_sample_of_this_person_lends_its_tool_and_bottles(store: Store, clock: Clock) -> None:
    first = begin(store, clock, [soil("metal")])
    one = first.add_sample(store.next_number("sample"), seed.PERSON)
    first.set_sample(one, soil_tool="liner")
    first.set_container(one, 1, type="bag_pe", volume_ml="300")
    first.confirm(one, 1)
    store.finalize([Edit(t, r, seed.FIELD, v) for t, r, v in first.edits()])
    clock.later(3600)
    visit = begin(store, clock, [soil("metal")])
    asyncio.run(Sampling(Host(store, visit)).take())  # type: ignore[arg-type]
    (values,) = visit.samples.values()
    assert (values["code"], values["soil_tool"]) == ("HX-S15-0002", "liner")
    (box,) = visit.containers(next(iter(visit.samples)))
    assert (box.values["type"], box.values["volume_ml"], box.code) == ("bag_pe", "300", "HX-S15-0002-C01")
    bottled = asyncio.run(Sampling(Host(store, visit)).bottled(first.id))  # type: ignore[arg-type]
    assert [c.values["code"] for c in bottled.containers[one]] == ["HX-S15-0001-C01"]


def test_a_visit_that_was_left_meanwhile_gets_no_sample(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal")])
    host = Host(store, visit)

    async def away(fn: Any, *args: Any) -> Any:
        host.visit = SimpleNamespace()  # type: ignore[assignment]
        return fn(*args)

    host._do = away  # type: ignore[method-assign]
    asyncio.run(Sampling(host).take())  # type: ignore[arg-type]
    assert visit.samples == {} and store.next_number("sample") == 2  # only a number is lost


def test_drafts_come_back_as_they_were(store: Store, clock: Clock) -> None:
    visit = begin(store, clock, [soil("metal", "voc")])
    one = visit.add_sample(1, seed.PERSON)
    visit.fill(one, 1)
    visit.set_container(one, 1, empty_g="25.3")
    visit.add_duplicate(2, seed.PERSON, one)
    again = Visit(visit.book, visit._planned, Seen("point", visit.id, seed.FIELD, 0, dict(visit.point), "draft"),
                  store.drafts(parent=visit.id), lambda *a: None, lambda r: None, store.new_id, clock)  # fmt: skip
    for sample in visit.samples:
        assert again.containers(sample) == visit.containers(sample)
    assert again.samples == visit.samples and again.of("qc_link") == visit.of("qc_link")
    assert again.open_sample == visit.open_sample
