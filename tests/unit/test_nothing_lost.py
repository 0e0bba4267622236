"""Between two steps of a person: what was just typed, taken or voided is neither lost nor changed by what comes next."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flet as ft
import pytest
from flet.controls.base_control import BaseControl

from field_app.desks import clash, needs
from field_app.desks.seats import Seats
from field_app.form import as_int
from field_app.kit import Kit
from field_app.pages import scene
from field_app.pages.signature import person_of
from field_app.state import State
from field_app.store import Edit, Store
from schemas.problems import Trouble
from schemas.wire import ScopeGrant
from tests.ui import seed
from tests.unit.tablet import AT, comment
from tests.unit.test_photos import jpeg
from tests.unit.test_unlock import MATES, PIN, end, fast, on_a_loop, seeded, state_of, type_

S15 = seed.uid(1, 15)


async def inside(store: Store, seats: Seats | None = None) -> State:
    state = state_of(store, seats)
    await state.resume()
    await type_(state, PIN)
    return state


class Slow:
    """A camera that gives its picture when it is told to."""

    source = "app_camera"

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def shoot(self) -> bytes:
        await self.go.wait()
        return jpeg()


def with_camera(state: State) -> Slow:
    camera = Slow()
    state.photos._camera, state.photos._ready = camera, True  # type: ignore[assignment]
    return camera


def ready(state: State) -> None:
    """All that 完成 asks of a point."""
    assert state.visit is not None
    at = {**state.visit.planned["position"], "fix_kind": "rtk_fixed", "h_acc_m": "0.02", "at": AT}
    state.visit.set_point(position=at, weather="sunny", surface_kind="水泥")
    assert state.visit.gaps() == []


# --- the visit --------------------------------------------------------------------------------------------------------


def test_a_point_left_and_opened_again_at_once_is_as_it_was_left(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        assert state.visit
        first = state.visit.id
        state.visit.set_point(note="一")
        state.go("today")
        await state.open(S15)  # before anything looked into the store
        assert state.visit and (state.visit.id, state.visit.point.get("note")) == (first, "一")
        await state.load()
        state.visit.set_point(note="二")
        state.go("today")
        await state.open(S15)
        assert (state.visit.id, state.visit.point["note"]) == (first, "二")
        assert [d.id for d in store.drafts("point")] == [first]
        end(store, state)

    on_a_loop(body)


def test_two_taps_on_a_point_open_one_visit(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await asyncio.gather(state.open(S15), state.open(S15))
        assert state.visit and state._trail == [("today", {})]
        state.visit.set_point(note="一")
        await state.load()
        assert [d.id for d in store.drafts("point")] == [state.visit.id]
        end(store, state)

    on_a_loop(body)


def test_a_photo_on_its_way_belongs_to_the_visit_that_is_finished(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)
        camera = with_camera(state)
        taking = asyncio.ensure_future(state.photos.shoot(state.visit))
        await asyncio.sleep(0)
        finishing = asyncio.ensure_future(state.finish())
        await asyncio.sleep(0.2)
        camera.go.set()
        await asyncio.gather(taking, finishing)
        assert [s.values["subject_kind"] for s in store.all("photo")] == ["point"]
        assert store.drafts() == []
        end(store, state)

    on_a_loop(body)


def test_a_photo_that_comes_too_late_stays_a_file_that_can_be_found(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)
        picked = asyncio.Event()

        async def pick() -> bytes:
            await picked.wait()
            return jpeg()

        state.photos._pick = pick
        visit = state.visit
        assert visit
        taking = asyncio.ensure_future(state.photos.from_file(visit, "late"))
        await asyncio.sleep(0)
        await state.finish()  # a dialogue that is open is not waited for
        picked.set()
        await taking
        assert store.drafts() == []
        await state.photos.look(visit)
        assert len(state.photos.loose) == 1
        end(store, state)

    on_a_loop(body)


def test_a_photo_on_its_way_is_there_when_the_point_is_opened_again(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)
        camera = with_camera(state)
        taking = asyncio.ensure_future(state.photos.shoot(state.visit))
        await asyncio.sleep(0)
        state.go("today")
        opening = asyncio.ensure_future(state.open(S15))
        await asyncio.sleep(0.2)
        camera.go.set()
        await asyncio.gather(taking, opening)
        assert state.visit and len(state.visit.photos) == 1
        end(store, state)

    on_a_loop(body)


def test_a_tap_while_it_is_finished_leaves_no_half_visit(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)
        visit = state.visit
        assert visit
        finishing = asyncio.ensure_future(state.finish())
        await asyncio.sleep(0)
        assert state.busy == "finish"
        visit.set_ui(step=None)  # the system's back key
        await finishing
        visit.set_ui(step="scene")  # a handler of the last drawing
        await state.load()
        assert store.drafts() == [] and state.row(S15).state == "done"  # type: ignore[union-attr]
        end(store, state)

    on_a_loop(body)


def test_a_visit_that_was_finished_with_the_last_room_is_not_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)

        def full(*_: Any) -> None:
            raise Trouble(5001)

        await state._do(lambda: None)
        monkeypatch.setattr(store, "set_meta", full)
        await state.finish()
        assert state.visit is None and state.shown == "today" and store.drafts() == []
        assert state.notice is not None and state.notice.kind == "done"
        end(store, state)

    on_a_loop(body)


def test_a_visit_that_could_not_be_finished_is_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)

        def full(*_: Any) -> None:
            raise RuntimeError("full")

        monkeypatch.setattr(store, "finalize", full)
        with pytest.raises(RuntimeError):
            await state.finish()
        assert state.visit and state.busy == ""
        state.visit.set_point(note="还在")
        await state.load()
        assert store.drafts("point")[0].values["note"] == "还在"
        end(store, state)

    on_a_loop(body)


def test_a_visit_is_found_again_after_a_new_version_of_the_plan(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)
        assert state.visit
        state.visit.set_point(note="一")
        state.go("today")
        await state.load()
        old, point = store.get("plan", seed.PLAN), store.get("planned_point", S15)
        assert old and point
        plan = Edit("plan", store.new_id(), seed.FIELD, {**old.values, "version": 2})
        again = Edit("planned_point", store.new_id(), seed.FIELD, {**point.values, "plan_id": plan.record})
        store.finalize([plan, again], complete=False)
        await state.load()
        assert {r.id: r.state for r in state.book.rows} == {again.record: "planned", S15: "active"}
        other = state_of(store)  # killed, and started anew
        await other.resume()
        await type_(other, PIN)
        await other.open(S15)
        assert other.visit and other.visit.point["note"] == "一"
        await other.finish()
        assert [r.id for r in other.book.rows] == [again.record]
        end(store, state, other)

    on_a_loop(body)


def test_a_visit_goes_into_its_own_project_although_another_one_is_all_there_is_left(tmp_path: Path) -> None:
    """The person was taken off the project while at the hole, and a sync has told the tablet."""

    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        ready(state)
        camera = with_camera(state)
        camera.go.set()
        organisation = next(s for s in store.scopes() if s.audience == "organisation")
        other = ScopeGrant(
            scope="01a1fbd4-f500-7000-8000-00000000000d.field", owner="01a1fbd4-f500-7000-8000-00000000000d", audience="field",
            name="Q", roles=["sampler"], writes=["point"],
        )  # fmt: skip
        store.grant([organisation, other])
        await state.load()
        assert state.visit and state.book.scope == other.scope
        await state.photos.shoot(state.visit)
        await state.finish()
        assert [(c.type, c.scope) for _, _, c in store.changes()] == [("point", seed.FIELD), ("photo", seed.FIELD)]
        end(store, state)

    on_a_loop(body)


def test_a_photo_of_a_sample_that_is_taken_back_is_one_of_the_point(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        await state.add_sample()
        visit = state.visit
        assert visit
        (sample,) = visit.samples
        camera = with_camera(state)
        camera.go.set()
        await state.photos.shoot(visit)
        (photo,) = visit.photos
        visit.show_in(photo, sample)
        visit.remove_sample(sample)
        assert (visit.photos[photo]["subject_kind"], visit.photos[photo]["subject_id"]) == ("point", visit.id)
        end(store, state)

    on_a_loop(body)


# --- windows and people -----------------------------------------------------------------------------------------------


def test_a_window_that_was_taken_over_writes_nothing_more(tmp_path: Path) -> None:
    async def body() -> None:
        store, seats = seeded(tmp_path, shared=False), Seats()
        one = await inside(store, seats)
        await one.open(S15)
        old = one.visit
        assert old
        old.set_point(note="一")
        one.records.begin("comment")
        await one.records.take(**one.args)
        one.records.set("text", "一")
        two = state_of(store, seats)
        await two.take_over()
        await type_(two, PIN)
        await two.open(S15)
        assert two.visit and two.visit.point["note"] == "一"
        two.visit.set_point(note="二")
        old.set_point(weather="rain")  # a key that was on its way to the old window
        one.records.set("text", "旧")
        await one._do(lambda: None)
        await two.load()
        assert store.drafts("point")[0].values["note"] == "二"
        assert store.drafts("comment")[0].values["text"] == "一"
        end(store, one, two)

    on_a_loop(body)


def test_two_windows_that_want_it_at_once_do_not_both_get_it(tmp_path: Path) -> None:
    async def body() -> None:
        store, seats = seeded(tmp_path, shared=False), Seats()
        one = await inside(store, seats)
        two, three = state_of(store, seats), state_of(store, seats)
        one.busy = "finish"
        second = asyncio.ensure_future(two.take_over())
        await asyncio.sleep(0.05)
        third = asyncio.ensure_future(three.take_over())
        await asyncio.sleep(0.05)
        one.busy = ""
        await asyncio.gather(second, third)
        assert [s.seat for s in (one, two, three)] == ["taken", "taken", "here"]
        end(store, one, two, three)

    on_a_loop(body)


def test_the_next_person_does_not_come_back_to_the_page_of_the_one_before(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path)
        mate = sorted(store.people())[1][0]
        state = await inside(store)
        state.records.begin("comment", text="一")
        await state.take_turn(mate)
        await type_(state, MATES)
        assert state.turn == mate and state.shown == "today"
        await state._do(lambda: None)
        again = state_of(store)  # killed, and started anew
        await again.resume()
        assert again.route == "today" and again.args == {}
        end(store, state, again)

    on_a_loop(body)


def test_closing_waits_for_a_look_of_another_thread(tmp_path: Path) -> None:
    """Under a statement that runs, SQLite would take the process with it."""
    store, found = seeded(tmp_path, shared=False), list[Any]()
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000000) SELECT count(*) FROM n"
    look = threading.Thread(target=lambda: found.append(store._rows(slow)))
    look.start()
    while not found and store._lock.acquire(blocking=False):  # until it has begun
        store._lock.release()
        time.sleep(0.001)
    store.close()
    look.join()
    assert found == [[(1000000,)]]


# --- forms ------------------------------------------------------------------------------------------------------------


def test_what_is_no_whole_number_stays_as_typed() -> None:
    assert [as_int(t) for t in ("5", "-5", "--5", "5-", "-", "", "９")] == [5, -5, "--5", "5-", "-", None, 9]
    assert as_int("9" * 5000) == "9" * 5000


def test_taking_a_refused_change_back_twice_keeps_what_was_mended(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        (made,) = store.finalize(
            [Edit("comment", store.new_id(), seed.FIELD, comment(store, "错").values)], complete=False
        )
        refused = SimpleNamespace(made=made)
        before = needs.refused
        needs.refused = lambda *_: refused  # type: ignore[assignment]
        try:
            await state.centre.take_back(made.id)
            await state.records.take(**state.args)
            state.records.set("text", "对")
            state.back()
            await state.centre.take_back(made.id)
        finally:
            needs.refused = before
        assert [d.values["text"] for d in store.drafts("comment")] == ["对"]
        end(store, state)

    on_a_loop(body)


def test_an_answer_about_one_conflict_is_not_shown_as_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened while the server is still asked about the one before."""
    go = threading.Event()
    asked: list[str] = []

    def conflict(id: str) -> str:
        asked.append(id)
        assert id == "b" or go.wait(5)
        return f"told of {id}"

    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        centre = state.centre
        monkeypatch.setattr(centre._syncer, "conflict", conflict)
        monkeypatch.setattr(clash, "lay_out", lambda _, id, told=None: SimpleNamespace(id=id, choice=None, told=told))
        first = asyncio.ensure_future(centre.open_clash("a"))
        while not asked:
            await asyncio.sleep(0.01)
        await centre.open_clash("b")
        go.set()
        await first
        assert centre.clash is not None and (centre.clash.id, centre.clash.told) == ("b", "told of b")
        assert asked == ["a", "b"] and centre.trouble is None
        end(store, state)

    on_a_loop(body)


def test_a_signature_is_of_nobody_in_particular_where_two_share_the_name() -> None:
    people = [
        SimpleNamespace(id=id, values={"name": name}) for id, name in (("a", "王伟"), ("b", "周岚"), ("c", "王伟"))
    ]
    state: Any = SimpleNamespace(book=SimpleNamespace(people=people))
    assert [person_of(state, name) for name in ("周岚 ", "王伟", "李")] == ["b", None, None]


def under(node: Any) -> Iterator[Any]:
    """A control and all that is drawn in it."""
    if isinstance(node, (list, tuple)):
        for each in node:
            yield from under(each)
    elif isinstance(node, BaseControl):
        yield node
        for name in node.__dataclass_fields__:
            if name not in ("data", "ref", "parent", "page") and not name.startswith("_"):
                yield from under(getattr(node, name, None))


def test_two_quick_taps_choose_two_people(tmp_path: Path) -> None:
    """Both on the page as it was drawn before the first."""

    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = await inside(store)
        await state.open(S15)
        assert state.visit
        state.visit.set_point(samplers=[])
        pane, _ = scene.pane(state, Kit("light", 1.0, "zh"), state.visit)
        names = set(state.options("person").values())
        taps = [
            c for c in under(pane)
            if isinstance(c, (ft.Button, ft.Container)) and c.on_click
            and names & {t.value for t in under(c) if isinstance(t, ft.Text)}
        ]  # fmt: skip
        assert len(taps) == len(names) == 2
        for tap in taps:
            tap.on_click(None)
        assert len(state.visit.point["samplers"]) == 2
        end(store, state)

    on_a_loop(body)


assert fast  # a fixture of every test here
