"""The board of trucks: what is on the road as this tablet knows it, how late it is, how old the knowledge is; one load; voiding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from field_app.capture import qr
from field_app.capture.photo import Kept
from field_app.clock import CHINA
from field_app.desks.trucks import Code, Trucks
from field_app.store import Edit, Store
from field_app.visit import stamping
from schemas.rules.evidence import unb64
from schemas.rules.handover import judged, link, read, signed_leg, text_of
from tests.ui import trucks_seed as seed
from tests.ui.seed import unlocked
from tests.unit.test_issuing import Host, issue, start, typed, with_driver


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    seed.fill(made)
    seed.pull(made, seed.morning(datetime.now(CHINA)), before=2)
    made.close()
    store = unlocked(tmp_path)
    yield store
    store.close()


def opened(store: Store) -> tuple[Host, Trucks]:
    host = Host(store)
    desk = Trucks(host, store)  # type: ignore[arg-type]
    asyncio.run(desk.open())
    return host, desk


def test_the_board_says_what_is_on_the_road_the_latest_first(store: Store) -> None:
    _, desk = opened(store)
    board = desk.board
    assert [(x.plate, x.state, x.alarm) for x in board.road] == [
        ("苏L·A5541", "departed", "overdue"),
        ("苏L·B0918", "departed", ""),
    ]
    late, going = board.road
    assert late.late == 40 and going.late == 0 and going.due is not None  # left 90 min ago; 50 min were expected
    assert going.part(datetime.now(CHINA)) == pytest.approx(0.5, abs=0.02) and late.part(datetime.now(CHINA)) == 1.0
    (ended,) = board.ended
    assert ended.state == "received" and ended.difference_t == Decimal("-0.07")
    assert {x.story.steps[0].worth for x in board.every} == {"genuine"}
    assert board.today == 3 and board.today_t == "53.75"
    assert board.heard is not None  # the directory's age: nothing else came from the server


def test_late_is_not_yet_overdue_and_a_day_is_lost(store: Store) -> None:
    """The driving time, then the project's factor of it (1.5), then its hours of silence (24)."""
    host, desk = opened(store)
    for minutes, alarm in ((0, ""), (30, "late"), (55, "overdue"), (24 * 60, "lost")):
        host.offset = timedelta(minutes=minutes)
        asyncio.run(desk.open())
        assert next(x for x in desk.board.every if x.plate == "苏L·B0918").alarm == alarm, minutes


def test_a_truck_whose_driving_time_is_not_known_is_not_late(store: Store) -> None:
    """Cannot say is an answer; a false one is not."""
    plan = store.get("transfer_plan", seed.PLAN)
    assert plan is not None
    values = {**plan.values, "receivers": [{**seed.RECEIVING, "org_id": seed.SUPERVISION}]}
    store.finalize([Edit("transfer_plan", seed.PLAN, seed.TRANSFER, values)], complete=False)
    host = Host(store)
    real = store.directory
    store.directory = lambda scope: None  # type: ignore[method-assign]
    desk = Trucks(host, store)  # type: ignore[arg-type]
    asyncio.run(desk.open())
    store.directory = real  # type: ignore[method-assign]
    for load in desk.board.road:
        assert load.due is None and load.late == 0 and load.part(host.now()) is None


def test_all_loads_are_searched_by_number_plate_lot_receiver_and_driver(store: Store) -> None:
    _, desk = opened(store)
    for text, plates in (
        ("b0918", 1),
        ("苏L B0918", 1),
        ("3211000416", 1),
        ("K2", 3),
        ("东郊", 3),
        ("吴建", 3),
        ("没有这个", 0),
    ):
        desk.search(text)
        assert len(desk.found()) == plates, text
    desk.search("")
    assert [x.number[-3:] for x in desk.found()] == ["417", "416", "415"]


def test_a_load_known_from_a_code_alone_is_on_the_board(store: Store) -> None:
    """Another tablet issued it, and a driver showed the code here."""
    rows = seed.load(500, 0, datetime.now(CHINA) - timedelta(minutes=9))
    leg = next(values for _, type, _, values in rows if type == "manifest_leg")
    text = text_of([unb64(leg["cose"])])
    code = {"number": rows[0][3]["number"], "code": text, "seen_at": leg["at"], "way": "photo", "purpose": "handover"}
    store.finalize([Edit("hand_over", store.new_id(), seed.TRANSFER, code)])
    _, desk = opened(store)
    load = next(x for x in desk.board.every if x.number.endswith("500"))
    assert (
        not load.known
        and load.plate == "苏L·A7326"
        and load.receiver == "东郊协同处置中心"
        and load.minutes == seed.MINUTES
    )
    asyncio.run(desk.show(load.id))
    assert desk.code is not None and desk.code.text == text


def shown(store: Store) -> tuple[Host, Trucks, Code]:
    host, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    manifest = issue(host, desk)
    trucks = Trucks(host, store)  # type: ignore[arg-type]
    asyncio.run(trucks.show(manifest))
    assert trucks.code is not None
    return host, trucks, trucks.code


def test_the_code_is_what_a_phone_reads_off_the_screen(store: Store) -> None:
    host, trucks, code = shown(store)
    assert (
        qr.texts(code.png) == [code.text]
        and code.load.state == "issued"
        and code.load.story.next == ("departed", "voided", "amended")
    )
    before = code.chain
    assert before is not None
    # the driver answers: the longer chain is what is shown then
    driver = seed.PEOPLE["driver"]
    at = host.now().isoformat(timespec="seconds")
    leg = {
        "manifest_id": code.load.id,
        "kind": "departed",
        "at": at,
        "who_name": driver.name,
        "org_id": driver.org,
        "way": "own",
    }
    signed = signed_leg(driver.key, leg, before.legs[-1].raw)
    text = text_of([x.raw for x in link(before, unb64(signed["cose"])).legs])
    answer = {"number": code.load.number, "code": text, "seen_at": at, "way": "photo", "purpose": "answer"}
    store.finalize([Edit("hand_over", store.new_id(), seed.TRANSFER, answer)])
    asyncio.run(trucks.show(code.load.id))
    assert trucks.code is not None and trucks.code.text == text and trucks.code.load.state == "departed"
    assert trucks.code.load.questions == ()  # that it came by a code is no question
    assert trucks.void_lacks(trucks.code, "x")  # on its way: it cannot be voided any more


def test_voiding_is_a_signed_leg_with_its_reason(store: Store) -> None:
    host, trucks, code = shown(store)
    asyncio.run(trucks.void(code, ""))
    assert store.count("hand_over") == 1  # no reason, nothing
    asyncio.run(trucks.void(code, "重量错了"))
    assert trucks.code is not None and trucks.code.load.state == "voided" and host.told[-1][0] == "done"
    void = next(s.values for s in store.all("manifest_leg", manifest_id=code.load.id) if s.values["kind"] == "voided")
    assert void["note"] == "重量错了" and void["prev_hash"]
    known = store.directory(seed.TRANSFER)
    assert known is not None and judged(read(trucks.code.text), known[0], host.now()).worth == "genuine"
    # the truck is free again
    _, desk = start(store)
    assert desk.sending.truck(seed.TRUCKS[0]).open == ()  # type: ignore[union-attr]
    asyncio.run(trucks.void(trucks.code, "再来一次"))
    asyncio.run(trucks.void(code, "第二下"))  # a second tap, before the first was drawn
    assert sum(s.values["kind"] == "voided" for s in store.all("manifest_leg")) == 1


def test_a_photo_of_an_issued_load_is_a_record_at_once(store: Store) -> None:
    host, trucks, code = shown(store)
    loading = trucks.loading
    assert loading is not None and loading.shots_lacking == 3 and loading.shot == "cover"
    values = loading.photo_values(Kept("a" * 64, 10, 1, 1, "jpg"), "cover", host.now(), None, "app_camera", None)
    record = store.new_id()
    store.save_draft("photo", record, loading.scope, values, loading.id)
    loading.took(record, values)
    for job in host.jobs:
        asyncio.run(job)
    (seen,) = store.all("photo", subject_id=code.load.id)
    assert seen.values["step"] == "cover" and store.drafts("photo") == [] and loading.shot == "plate"


def test_an_inspector_sees_the_board_and_nobody_elses_project(store: Store) -> None:
    host = Host(store)
    host.book.project_id = "01900000-0000-7000-8000-00000000ffff"
    desk = Trucks(host, store)  # type: ignore[arg-type]
    asyncio.run(desk.open())
    assert desk.board.every == ()


def test_a_photo_taken_before_a_kill_is_a_record_after_it(store: Store) -> None:
    host, trucks, code = shown(store)
    assert trucks.loading is not None
    values = trucks.loading.photo_values(Kept("b" * 64, 10, 1, 1, "jpg"), "cover", host.now(), None, "app_camera", None)
    store.save_draft("photo", store.new_id(), trucks.loading.scope, values, code.load.id)
    again = Trucks(host, store)  # type: ignore[arg-type]
    asyncio.run(again.show(code.load.id))
    assert len(store.all("photo", subject_id=code.load.id)) == 1


def test_a_stamped_photo_names_the_truck_and_who_sends_it(store: Store) -> None:
    host, trucks, _ = shown(store)
    assert trucks.loading is not None
    values = trucks.loading.photo_values(Kept("c" * 64, 10, 1, 1, "jpg"), "plate", host.now(), None, "app_camera", None)
    said = "\n".join(stamping.lines(values, trucks.loading.stamp_about(values, "01")))
    assert "车辆 苏L·A7326" in said and "移出 高敏" in said and "点位" not in said and "采样" not in said
