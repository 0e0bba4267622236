"""复查 on the tablet, without a browser: what is shown of a finding, what the re-check asks for and comes to, that a kill loses nothing."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from field_app.clock import CHINA
from field_app.desks import courses
from field_app.desks.rechecking import Rechecking
from field_app.kit import Kit
from field_app.pages.ghost import spot
from field_app.pages.ghost import told as over_lens
from field_app.pages.way import guide_to, line
from field_app.store import Store
from tests.ui import rectify_seed as seed
from tests.ui.seed import MATE, PERSON, share, unlocked
from tests.unit.drawn import Screen
from tests.unit.test_issuing import STROKES, Host, drive

HERE = "119.452380,32.208560,2.1"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tablet as after its first sync; copied for each test."""
    folder = tmp_path_factory.mktemp("filled")
    made = Store(folder)
    seed.fill_inspector(made)
    made.close()
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(filled, tmp_path / "tablet")
    store = unlocked(tmp_path / "tablet")
    yield store
    store.close()


class Desk(Host):
    """The app round the desk alone; `ways`: how whoever is asked signs, in turn; signed where none is left."""

    def __init__(self, store: Store, *ways: str) -> None:
        super().__init__(store)
        self.records = SimpleNamespace(_elsewhere=set)
        self.route, self.ways = "recheck", list(ways)
        self.desk = Rechecking(self, store, None, self.pick)  # type: ignore[arg-type]

    async def pick(self) -> bytes:
        """A photo, from a file: there is no camera here."""
        return seed.drum(done=True)

    def ask(self, value: dict[str, Any], done: Any) -> None:
        way = self.ways.pop(0) if self.ways else "signed"
        more = {"strokes": STROKES} if way == "signed" else {"refuse_reason": "不在场"}
        done({**value, "way": way, "signed_at": self.now().isoformat(timespec="seconds"), **more})


def at(store: Store, finding: str, *ways: str) -> tuple[Desk, Rechecking]:
    host = Desk(store, *ways)
    asyncio.run(host.desk.open(finding))
    return host, host.desk


def shot(desk: Rechecking, step: str = "rectified") -> None:
    asyncio.run(desk.from_file(step))


def sign(host: Desk) -> None:
    """The button, and everybody signs."""
    assert host.desk.lacks() == []
    host.desk.sign()
    asyncio.run(drive(host))


def lacking(desk: Rechecking) -> list[str]:
    return [x.code for x in desk.lacks()]


def asked(desk: Rechecking) -> list[str]:
    seen = desk.preview()
    return [q.code for q in seen.asked] if seen is not None else []


def rechecks(store: Store, finding: str) -> list[dict[str, Any]]:
    return [s.values for s in store.all("recheck", finding_id=finding) if s.state == "pending"]


def state_of(store: Store, finding: str) -> str:
    case = courses.one(store, finding, datetime.now(CHINA))
    assert case is not None
    return case.row.course.state


async def opened(store: Store, lang: str = "zh", width: float = 390) -> Screen:
    store.set_meta("ui.lang", lang)
    screen = await Screen(store, HERE, width=width).open()
    screen.state._shut = False
    await screen.state.load()
    await screen.settle()
    return screen


def on(store: Store, body: Callable[[Screen], Awaitable[None]], **how: Any) -> None:
    async def run() -> None:
        screen = await opened(store, **how)
        try:
            await body(screen)
            assert "没有画出来" not in screen.texts() and "not drawn" not in screen.texts()
        finally:
            screen.close()

    asyncio.run(run())


async def recheck(screen: Screen, finding: str) -> None:
    screen.state.go("recheck", finding=finding)
    await screen.settle(120)


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "width"), [("zh", 390), ("en", 1024)])
def test_the_board_names_the_overdue_first(store: Store, lang: str, width: float) -> None:
    async def body(screen: Screen) -> None:
        screen.state.go("checks")
        await screen.settle(150)
        text = screen.texts()
        order = [text.index(said) for said in ("危废桶下渗漏", "围堰缺口", "雨棚破损", "台账字迹不清")]
        assert order == sorted(order)
        assert "应急池有积水" not in text  # over: behind one tap
        await screen.tap("已了结的 1 个" if lang == "zh" else "Ended: 1")
        screen.see("应急池有积水")
        late, waits = ("超期 3 天", "等第二名检查人员") if lang == "zh" else ("3 d overdue", "a second officer")
        screen.see(late)
        screen.see(waits)
        await screen.tap("危废桶下渗漏")
        assert screen.state.route == "recheck"

    on(store, body, lang=lang, width=width)


DRAWN = [
    (
        seed.LATE,
        ["已报完成", "超期 3 天", "申报整改完成", "已换桶", "整改后\n没有照片"],
        ["Reported done", "3 d overdue"],
    ),
    (seed.FRESH, ["剩 2 天", "责任单位当场说明"], ["2 d left", "What the party says"]),
    (seed.WAITING, ["只有一名复查人员", "沈立已作「销号」"], ["one officer only", "沈立 decided .Closed."]),
    (seed.CLOSED, ["已销号", "做回头看"], ["Closed", "Make a second look"]),
    (seed.TIP, ["没有期限"], ["No deadline"]),
]


@pytest.mark.parametrize(("lang", "width"), [("zh", 360), ("en", 1280)])
def test_every_finding_is_drawn(store: Store, lang: str, width: float) -> None:
    async def body(screen: Screen) -> None:
        for finding, zh, en in DRAWN:
            await recheck(screen, finding)
            for pattern in zh if lang == "zh" else en:
                screen.see(pattern)

    on(store, body, lang=lang, width=width)


def test_a_finding_that_is_not_here_says_so(store: Store) -> None:
    async def body(screen: Screen) -> None:
        await recheck(screen, "01900000-0000-7000-8000-00c3000000ff")
        screen.see("本机没有这个问题")

    on(store, body)


def test_a_voided_inspection_takes_its_findings_along(store: Store) -> None:
    seen = store.get("inspection", seed.INSPECTION)
    assert seen is not None and courses.one(store, seed.LATE, datetime.now(CHINA)) is not None
    seed.put(
        store,
        [(seed.ENFORCEMENT, "inspection", seed.INSPECTION, {**seen.values, "deleted": True, "void_reason": "录错"})],
    )
    assert courses.read(store, datetime.now(CHINA)) == [] and courses.one(store, seed.LATE, datetime.now(CHINA)) is None


def test_the_page_leads_from_result_to_signature(store: Store) -> None:
    async def body(screen: Screen) -> None:
        await recheck(screen, seed.LATE)
        desk = screen.state.rechecking
        desk._pick = Desk(store).pick
        screen.see("先选复查结论")
        await screen.tap("^销号$")
        screen.see("拍整改后照片")
        await desk.from_file("rectified")
        await screen.settle()
        screen.see("点选复查意见")
        await screen.tap("已按要求整改到位")
        screen.see("签字后：等第二名检查人员")
        await screen.tap("^沈立$")
        screen.see("签字后：已销号")
        await screen.type("复查意见", "已按要求整改到位，地面干")
        await screen.tap("周岚签字")
        assert screen.state.route == "sign" and screen.state.signing.value == {"role": "inspector", "name": "周岚"}
        for _ in range(2):
            given = {**screen.state.signing.value, "way": "signed", "strokes": STROKES}
            screen.state.signing.give({**given, "signed_at": screen.state.now().isoformat(timespec="seconds")})
            await screen.settle(120)
        assert screen.state.notice is not None and "已销号" in screen.state.notice.title[0], screen.texts()
        screen.see("做回头看")  # the page shows what it came to

    on(store, body)
    assert state_of(store, seed.LATE) == "closed" and store.drafts() == []


# --- closing ----------------------------------------------------------------------------------------------------------


def test_closing_takes_a_photo_an_opinion_and_two_signatures(store: Store) -> None:
    host, desk = at(store, seed.LATE)
    assert lacking(desk) == ["result"] and store.drafts() == []  # looking is no re-check
    desk.choose("closed")
    assert lacking(desk) == ["photo", "opinion"]
    shot(desk)
    desk.phrase("已按要求整改到位")
    assert asked(desk) == ["one_officer"]
    desk.second(MATE)
    assert asked(desk) == []
    sign(host)
    (made,) = rechecks(store, seed.LATE)
    assert made["result"] == "closed" and [o["person_id"] for o in made["officers"]] == [PERSON, MATE]
    assert [o["certificate_no"] for o in made["officers"]] == ["苏执 01", "苏执 02"]
    assert [s["person_id"] for s in made["signatures"]] == [PERSON, MATE] and made["action_id"] == seed.uid(0xC6, 1)
    assert made["position"]["h_acc_m"] == "3.00" and "_recheck" not in made
    (photo,) = [s.values for s in store.all("photo") if s.state == "pending"]
    assert (
        photo["step"] == "rectified" and photo["subject_kind"] == "recheck" and photo["ghost_of"] == seed.uid(0xC8, 1)
    )
    assert state_of(store, seed.LATE) == "closed" and store.drafts() == []
    assert "已销号" in host.told[-1][1][0]


def test_a_document_will_do_in_the_place_of_a_photo(store: Store) -> None:
    _, desk = at(store, seed.LATE)
    desk.choose("closed")
    shot(desk, "document")
    assert lacking(desk) == ["opinion"]
    (taken,) = desk.photos.values()
    assert "ghost_of" not in taken
    asyncio.run(desk.drop_photo(next(iter(desk.photos))))
    assert lacking(desk) == ["photo", "opinion"]


@pytest.mark.parametrize(("second", "ways"), [(False, ()), (True, ("signed", "refused")), (True, ("absent", "signed"))])
def test_one_officer_alone_leaves_it_waiting(store: Store, second: bool, ways: tuple[str, ...]) -> None:
    host, desk = at(store, seed.LATE, *ways)
    desk.choose("closed")
    shot(desk)
    desk.phrase("资料已补齐")
    if second:
        desk.second(MATE)
    sign(host)
    assert state_of(store, seed.LATE) == "reported" and "等第二名" in host.told[-1][1][0]


def test_the_second_officer_confirms_what_another_decided(store: Store) -> None:
    host, desk = at(store, seed.WAITING)
    desk.choose("closed")
    assert lacking(desk) == ["opinion"] and asked(desk) == []  # there is a photo after already
    desk.phrase("现场未再发现同类问题")
    sign(host)
    assert state_of(store, seed.WAITING) == "closed"


# --- keeping, sending on, looking again -------------------------------------------------------------------------------


def test_keeping_it_open_after_its_deadline_asks_for_a_new_one(store: Store) -> None:
    host, desk = at(store, seed.LATE)
    desk.choose("keep")
    assert lacking(desk) == ["deadline", "opinion"]
    desk.until(15)
    desk.shift(1)
    assert desk.next_deadline == desk.today + timedelta(days=16)
    for _ in range(30):
        desk.shift(-1)
    assert desk.next_deadline == desk.today + timedelta(days=1)  # never today
    desk.phrase("只整改了一部分")
    sign(host)
    (made,) = rechecks(store, seed.LATE)
    assert made["next_deadline"] and made["opinion"] == "只整改了一部分" and state_of(store, seed.LATE) == "rectifying"


def test_another_result_takes_back_what_belonged_to_the_one_before(store: Store) -> None:
    _, desk = at(store, seed.FRESH)
    desk.choose("keep")
    desk.until(7)
    desk.phrase("未整改")
    desk.put(opinion="未整改；东侧也有")
    desk.choose("refer")
    assert desk.values.get("next_deadline") is None and desk.values["opinion"] == "东侧也有"
    assert desk.authorities == ("市生态环境局",)
    desk.put(referred_to="市生态环境局")
    desk.choose("keep")
    assert "referred_to" not in desk.values and lacking(desk) == []  # its deadline is still to come
    desk.phrase("未整改")
    desk.phrase("未整改")
    assert desk.values["opinion"] == "东侧也有"


def test_sending_on_takes_two(store: Store) -> None:
    host, desk = at(store, seed.LATE)
    desk.choose("refer")
    assert lacking(desk) == ["refer", "opinion"]
    desk.put(referred_to="市生态环境局")
    desk.phrase("涉嫌违法")
    desk.second(MATE)
    sign(host)
    assert state_of(store, seed.LATE) == "referred"


def test_a_second_look_opens_it_again(store: Store) -> None:
    host, desk = at(store, seed.CLOSED)
    assert desk.values["second_look"] is True and not desk.begun
    desk.choose("keep")
    desk.until(30)
    desk.phrase("整改后又出现")
    assert asked(desk) == []
    sign(host)
    (made,) = rechecks(store, seed.CLOSED)
    assert made["second_look"] is True and state_of(store, seed.CLOSED) == "rectifying"


def test_what_the_party_says_on_the_spot_is_recorded_with_the_recheck(store: Store) -> None:
    host, desk = at(store, seed.FRESH)
    desk.choose("closed")
    shot(desk)
    desk.phrase("已按要求整改到位")
    desk.second(MATE)
    assert asked(desk) == ["not_reported"]
    desk.set_ui(said="缺口已用砖砌好")
    assert asked(desk) == []
    sign(host)
    (action,) = store.all("corrective_action", finding_id=seed.FRESH)
    assert (
        action.values["measure_taken"] == "缺口已用砖砌好"
        and action.values["reported_by"] == "孙师傅"
        and action.values["done"]
    )
    (made,) = rechecks(store, seed.FRESH)
    assert made["action_id"] == action.id and state_of(store, seed.FRESH) == "closed"


# --- nothing lost, nothing signed unseen ------------------------------------------------------------------------------


def test_what_is_changed_after_a_signature_is_signed_again(store: Store) -> None:
    _, desk = at(store, seed.LATE)
    desk.choose("keep")
    desk.second(MATE)
    signature = {
        "role": "inspector",
        "person_id": PERSON,
        "name": "周岚",
        "way": "stamped",
        "signed_at": "2026-11-28T10:00:00+08:00",
    }
    changes: list[Callable[[], Any]] = [
        lambda: desk.put(opinion="别的"), lambda: desk.choose("closed"), lambda: desk.second(MATE), lambda: desk.until(9),
        lambda: desk.set_ui(said="已修"), lambda: shot(desk),
    ]  # fmt: skip
    for change in changes:
        desk._values = {**desk._values, "signatures": [signature]}
        change()
        assert "signatures" not in desk.values
    desk._values = {**desk._values, "signatures": [signature]}
    desk.set_ui(veil="50")  # how it is looked at is not what is signed
    assert "signatures" in desk.values


def test_a_second_tap_records_nothing_twice(store: Store) -> None:
    host, desk = at(store, seed.LATE)
    desk.choose("keep")
    desk.until(7)
    desk.phrase("未整改")

    async def twice() -> None:
        desk.sign()
        await drive(host)
        await asyncio.gather(desk.finish(), desk.finish())

    asyncio.run(twice())
    assert len(rechecks(store, seed.LATE)) == 1


def test_a_killed_process_comes_back_to_all_of_it(filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled, tmp_path / "tablet")
    store = unlocked(tmp_path / "tablet")
    _, desk = at(store, seed.LATE)
    desk.choose("closed")
    shot(desk)
    desk.put(opinion="已按要求整改到位，地面干")
    desk.second(MATE)
    store.set_meta("ui.place", f'[["checks", {{}}], ["recheck", {{"finding": "{seed.LATE}"}}]]')
    assert rechecks(store, seed.LATE) == []
    store._db.close()  # as a kill: nothing is said to it
    again = unlocked(tmp_path / "tablet")

    async def after(screen: Screen) -> None:
        await screen.state.resume()
        await screen.settle(150)
        desk = screen.state.rechecking
        assert screen.state.route == "recheck" and desk.values["opinion"] == "已按要求整改到位，地面干"
        assert len(desk.photos) == 1 and desk.thumb(next(iter(desk.photos.values()))["sha256"])
        assert desk.lacks() == [] and len(desk.values["officers"]) == 2
        screen.see("周岚签字")

    on(again, after)
    again.close()


def test_discarding_takes_two_taps_and_leaves_nothing(store: Store) -> None:
    async def body(screen: Screen) -> None:
        await recheck(screen, seed.LATE)
        await screen.tap("^销号$")
        await screen.tap("撤掉草稿")
        assert store.drafts()
        await screen.tap("^确定撤掉$")
        await screen.settle(60)
        assert store.drafts() == []
        screen.see("先选复查结论")

    on(store, body)


def test_the_next_person_sees_nothing_of_what_was_begun(store: Store) -> None:
    share(store)
    _, desk = at(store, seed.LATE)
    desk.choose("closed")
    shot(desk)
    first = store.keys.require().enrolment
    desk.forget()
    store.turn(next(e for e, _ in store.people() if e != first))
    assert desk.case is None and not desk.values and not desk.photos
    asyncio.run(desk.open(seed.LATE))
    assert desk.values.get("result") is None and not desk.photos
    desk.forget()
    store.turn(first)
    asyncio.run(desk.open(seed.LATE))
    assert desk.values["result"] == "closed" and len(desk.photos) == 1


def test_who_belongs_to_the_responsible_party_is_told(store: Store) -> None:
    seen = store.get("person", PERSON)
    assert seen is not None
    seed.put(store, [(seed.HOME, "person", PERSON, {**seen.values, "org_id": seed.PARTY})])
    _, desk = at(store, seed.LATE)
    desk.choose("closed")
    assert asked(desk) == ["own_party"] and not desk.itself

    async def body(screen: Screen) -> None:
        await recheck(screen, seed.LATE)
        screen.see("你属于责任单位")

    on(store, body)


def test_without_a_position_it_is_recorded_all_the_same(store: Store) -> None:
    host, desk = at(store, seed.LATE)
    host.here._fix = None
    desk.choose("keep")
    desk.until(7)
    desk.phrase("未整改")
    sign(host)
    (made,) = rechecks(store, seed.LATE)
    assert "position" not in made


def test_the_way_is_told_to_where_the_old_photo_was_taken(store: Store) -> None:
    host, desk = at(store, seed.LATE)
    state, k = cast(Any, host), Kit()
    desk._aim = "rectified"
    place, fix = spot(desk), host.here.fix
    assert place is not None and fix is not None
    assert re.search("原照片盖在镜头上.*离原位置.*朝东北拍", over_lens(state, k, desk, True))
    assert "不在本机" in over_lens(state, k, desk, False)
    fresh = fix._replace(accuracy_m=1.0, at=host.now())
    host.here._fix = fresh._replace(lon=place[0], lat=place[1])
    assert "就在这里" in line(k, guide_to(state, place))
    host.here._fix = fresh._replace(lon=place[0], lat=place[1] - 0.0002)
    assert line(k, guide_to(state, place)) == "离原位置 22 m，朝北 0°走"
    host.here._fix = fresh._replace(lon=place[0], lat=place[1] - 0.0002, accuracy_m=60.0)
    assert "定位不准（±60 m）" in line(k, guide_to(state, place))
    for off in (fresh._replace(at=host.now() - timedelta(minutes=2)), fresh._replace(mocked=True)):
        host.here._fix = off
        assert "离原位置" not in line(k, guide_to(state, place))


def test_the_photo_before_of_another_tablet_comes_with_the_sync(tmp_path: Path) -> None:
    made = Store(tmp_path)
    seed.fill_inspector(made, picture=False)
    made.close()
    store = unlocked(tmp_path)
    wanted = store.thumbs_wanted(store.keys.require())
    assert {tuple(w) for w in wanted[:2]} == {("a" * 64, seed.ENFORCEMENT), ("b" * 64, seed.ENFORCEMENT)}
    _, desk = at(store, seed.LATE)
    assert desk.ghost is not None and desk.thumb("a" * 64) is None and desk.ghost_picture is None
    store.keep_thumb("a" * 64, seed.drum())
    asyncio.run(desk.open(seed.LATE))
    assert desk.thumb("a" * 64)
    shot(desk)
    asyncio.run(desk.aim_at("rectified"))
    assert desk.ghost_picture
    store.close()


def test_a_photo_after_from_elsewhere_is_told(store: Store) -> None:
    _, desk = at(store, seed.LATE)
    assert desk.apart() is None
    shot(desk)
    assert desk.apart() is None  # a file says nothing of where it was taken
    (id,) = desk.photos
    for metres, least, most in ((3, 0, 0.1), (60, 56, 58)):
        fix = {**seed.place(seed.SPOT[0] + metres, seed.SPOT[1]), "h_acc_m": "2.50"}
        desk._photos = {id: {**desk.photos[id], "position": fix}}
        apart = desk.apart()
        assert apart is not None and least <= apart <= most
