"""The locked screen, whose turn it is, one window at a time, and what diagnostics tell: State and desks without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from field_app import pin, words
from field_app.capture.position import Fix, NoFix
from field_app.desks.seats import Seats
from field_app.lone import hold
from field_app.main import run
from field_app.state import State
from field_app.store import Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from schemas.rules import evidence
from tests.ui import seed
from tests.unit.tablet import open_store

PIN, MATES, NEW = seed.PIN, seed.MATES_PIN, "864209"


class Nowhere:
    async def fix(self) -> Any:
        raise NoFix("off")


class Clock:
    """The store's, but time passes when it is told to."""

    def __init__(self, store: Store) -> None:
        self.now, self.mono = store.clock.now, 10**9

    def mono_ms(self) -> int:
        return self.mono


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


def seeded(folder: Path, shared: bool = True) -> Store:
    store = Store(folder)
    seed.fill(store)
    if shared:
        seed.share(store)
    store.close()
    return Store(folder)


def state_of(store: Store, seats: Seats | None = None) -> State:
    return State(store, Syncer(store, pause=lambda _: None), Nowhere(), seats=seats)


def end(store: Store, *states: State) -> None:
    for state in states:
        state.close()
        state._writer.shutdown(wait=True)
    store.close()


def on_a_loop(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30))


async def type_(state: State, digits: str) -> None:
    for digit in digits:
        await state.unlock.key(digit)


# --- the locked screen -----------------------------------------------------------------------------------------------


def test_it_opens_locked_and_comes_back_to_where_it_was(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        store.set_meta("ui.place", json.dumps([["settings", {}], ["diagnostics", {}]]))
        state = state_of(store)
        await state.resume()
        assert state.locked and state.shown == "unlock" and state.unlock.name == "周岚"
        state.back()
        state.go("map")  # nothing leads past it
        assert state.shown == "unlock"
        state.route, state._trail = "diagnostics", [("settings", {})]
        await type_(state, "24681")
        state.unlock.back()
        assert state.unlock.typed == 4 and state.shown == "unlock"
        await type_(state, PIN[4:])
        assert not state.locked and state.shown == "diagnostics" and not store.keys.require().locked
        assert state.unlock.typed == 0 and PIN not in str(vars(state.unlock))  # the digits are not kept
        state.back()
        assert state.shown == "settings"
        end(store, state)

    on_a_loop(body)


def test_a_point_left_open_is_there_after_the_pin(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = state_of(store)
        await state.resume()
        await type_(state, PIN)
        await state.open(seed.uid(1, 15))
        assert state.visit
        state.visit.set_point(note="雨后")
        visit = state.visit
        state.lock()
        assert state.shown == "unlock" and state.visit is visit
        await type_(state, PIN)
        assert state.shown == "point" and state.visit is visit
        state.lock()
        end(store, state)

        store = Store(tmp_path)  # the process ended while it was locked
        state = state_of(store)
        await state.resume()
        assert state.shown == "unlock"
        await type_(state, PIN)
        assert state.shown == "point" and state.visit and state.visit.point["note"] == "雨后"
        end(store, state)

    on_a_loop(body)


def test_wrong_pins_are_told_with_the_tries_left_and_then_one_waits(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        clock = Clock(store)
        store.keys.tries._clock = clock
        state = state_of(store)
        await state.resume()
        said = []
        for _ in range(5):
            await type_(state, "111222")
            said.append(state.unlock.said)
        assert said == [("pin.wrong", n) for n in (4, 3, 2, 1)] + [("pin.wrong.wait", 0)]
        assert "4" in words.say("zh", "pin.wrong", n=4)
        assert state.unlock.wait_s == 30
        await type_(state, PIN)  # not even looked at
        assert state.locked and state.unlock.typed == 0 and store.keys.tries.wrong(state.turn) == 5
        clock.mono += 30_000
        assert state.unlock.wait_s == 0
        await type_(state, PIN)
        assert not state.locked
        end(store, state)

    on_a_loop(body)


def test_an_old_file_opens_without_a_pin_and_asks_for_one(tmp_path: Path) -> None:
    async def body() -> None:
        store = open_store(tmp_path)  # saved without
        state = state_of(store)
        await state.resume()
        assert state.shown == "unlock" and (state.unlock.mode, state.unlock.step) == ("set", "new")
        await type_(state, "123456")
        assert state.unlock.said[0] == "pin.easy" and state.unlock.step == "new"
        await type_(state, NEW)
        assert state.unlock.step == "again" and state.locked
        await type_(state, PIN)
        assert (
            state.unlock.said[0] == "pin.differ" and state.unlock.step == "new" and not store.keys.has_pin(state.turn)
        )
        await type_(state, NEW + NEW)
        assert not state.locked and state.shown == "today" and store.keys.has_pin(state.turn)
        end(store, state)
        store = Store(tmp_path)
        state = state_of(store)  # once
        assert (state.unlock.mode, state.unlock.step) == ("open", "pin")
        await state.resume()
        await type_(state, NEW)
        assert not state.locked
        end(store, state)

    on_a_loop(body)


def test_enrolling_ends_with_a_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        store = Store(tmp_path)
        state = state_of(store)
        await state.resume()
        assert state.shown == "enrol" and not state.locked
        codes = []

        def enrol(server: str, code: str, label: str, beside: bool = False, fingerprint: str = "") -> None:
            codes.append(code)
            seed.fill(store)
            one = store.keys.require()
            store.keys.save(
                one._replace(private_key=evidence.new_key())
            )  # as the server's answer leaves it: without a PIN

        monkeypatch.setattr(state._syncer, "enrol", enrol)
        await state.enrol("http://127.0.0.1:9", "ABCD2345", "平板")
        assert state.route == "sync" and state.shown == "unlock" and state.unlock.mode == "set"
        await type_(state, NEW + NEW)
        assert state.shown == "sync" and store.keys.has_pin(state.turn)
        end(store, state)

    on_a_loop(body)


# --- whose turn it is ------------------------------------------------------------------------------------------------


def test_another_person_takes_the_tablet_with_an_own_pin(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path)
        first, mate = (e for e, _ in sorted(store.people()))
        state = state_of(store)
        await state.resume()
        await type_(state, PIN)
        state.go("settings")
        await state.take_turn(mate)
        assert state.shown == "unlock" and state.turn == first and not state.locked
        await type_(state, PIN)  # the first one's
        assert state.turn == first and state.unlock.said[0] == "pin.wrong"
        state.back()
        assert state.shown == "settings" and state.turn == first  # it can be left
        await state.take_turn(mate)
        await type_(state, MATES)
        assert state.turn == mate and state.shown == "today" and state.person == "赵宁"
        await state.take_turn(first)  # open since the start, and asked all the same
        assert state.shown == "unlock"
        await type_(state, PIN)
        assert state.turn == first
        end(store, state)

    on_a_loop(body)


def test_at_the_locked_screen_either_person_comes_in(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path)
        first, mate = (e for e, _ in sorted(store.people()))
        state = state_of(store)
        await state.resume()
        state.unlock.choose(mate)
        await type_(state, PIN)
        assert state.locked and state.turn == first
        await type_(state, MATES)
        assert not state.locked and state.turn == mate and store.keys.identities[first].locked
        end(store, state)

    on_a_loop(body)


def test_a_pin_is_changed_with_the_old_one(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        state = state_of(store)
        await state.resume()
        await type_(state, PIN)
        state.go("settings")
        state.change_pin()
        await type_(state, NEW)
        assert state.unlock.step == "pin" and state.unlock.said == ("pin.wrong", 4)
        await type_(state, PIN + NEW + NEW)
        assert state.shown == "settings" and state.notice and state.notice.title == words.WORDS["pin.changed"]
        state.lock()
        await type_(state, PIN)
        assert state.locked
        await type_(state, NEW)
        assert not state.locked
        end(store, state)

    on_a_loop(body)


def test_a_forgotten_pin_leads_to_the_enrol_page_and_back(tmp_path: Path) -> None:
    async def body() -> None:
        store = seeded(tmp_path)
        state = state_of(store)
        await state.resume()
        state.unlock.show_forgot(True)
        state.enrol_here()
        assert state.shown == "enrol" and not state.joining and state.locked
        state.back()
        assert state.shown == "unlock"
        end(store, state)

    on_a_loop(body)


# --- one window at a time --------------------------------------------------------------------------------------------


def test_a_second_window_asks_takes_over_and_gives_back(tmp_path: Path) -> None:
    async def body() -> None:
        store, seats = seeded(tmp_path, shared=False), Seats()
        one = state_of(store, seats)
        await one.resume()
        await type_(one, PIN)
        await one.open(seed.uid(1, 15))
        assert one.visit
        one.visit.set_point(note="写到一半")
        two = state_of(store, seats)
        await two.resume()
        assert two.shown == "window" and two.seat == "ask" and one.shown == "point" and not two.book.rows
        await two.take_over()
        assert one.shown == "window" and one.seat == "taken" and two.shown == "unlock"
        await type_(two, PIN)
        assert two.shown == "point" and two.visit and two.visit.point["note"] == "写到一半"
        two.visit.set_point(note="写完了")
        await one.take_over()
        assert two.shown == "window" and one.shown == "unlock"
        await type_(one, PIN)
        assert one.visit and one.visit.point["note"] == "写完了"
        end(store, one, two)

    on_a_loop(body)


def test_a_window_nobody_looks_at_is_not_asked_about(tmp_path: Path) -> None:
    async def body() -> None:
        store, seats = seeded(tmp_path, shared=False), Seats()
        one = state_of(store, seats)
        await one.resume()
        await type_(one, PIN)
        await one.open(seed.uid(1, 15))
        assert one.visit
        one.visit.set_point(note="关窗前")
        one.present = False
        two = state_of(store, seats)
        await two.resume()
        assert two.shown == "unlock" and one.seat == "taken"
        await type_(two, PIN)
        assert two.visit and two.visit.point["note"] == "关窗前"
        two.close()
        three = state_of(store, seats)  # closed for good: free
        assert three.seat == "here"
        end(store, one, two, three)

    on_a_loop(body)


def test_what_fails_in_the_background_is_told_as_of_this_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer's thread belongs to no window; Flet refuses to draw for nobody."""
    window: ContextVar[str] = ContextVar("window")

    async def body() -> None:
        store = seeded(tmp_path, shared=False)
        window.set("mine")
        state = state_of(store)
        await state.resume()
        told: list[tuple[str, str]] = []
        monkeypatch.setattr(state, "report", lambda err: told.append((str(err), window.get("nobody"))))

        def fails() -> None:
            raise OSError("背后")

        state._write(fails)
        await state._do(lambda: None)
        await asyncio.sleep(0.05)
        assert told == [("背后", "mine")]
        end(store, state)

    on_a_loop(body)


# --- diagnostics -----------------------------------------------------------------------------------------------------


def test_diagnostics_tell_what_is_needed_and_no_secret(tmp_path: Path) -> None:
    planted = {
        "口令": "hunter2", "路径": "/secret-path", "令牌": "tok-8c1f", "注册码": "JT-CODE-7788", "别人": "赵宁", "电话": "13812345678",
        "坐标": f"{seed.LON:.4f}"[:7], "纬度": f"{seed.LAT:.4f}"[:6], "样品": "HX-S15", "单位": "清源环境",
    }  # fmt: skip

    async def body() -> None:
        store = seeded(tmp_path)
        first = store.keys.require()
        store.keys.save(first._replace(server_url="https://amy:hunter2@sync.example:8443/secret-path?token=tok-8c1f"))
        store.set_meta("epoch", "tok-8c1f")
        store.set_meta("token", "tok-8c1f")
        store.keys.draft("JT-CODE-7788")
        summary = {"at": "2026-11-21T18:00:00+08:00", "reached": True, "sent": 3, "pulled": 5, "problems": [5004, "tok-8c1f"],
                   "who": "13812345678"}  # fmt: skip
        store.set_meta("ui.last_sync", json.dumps(summary))
        state = state_of(store)
        await state.resume()
        await type_(state, PIN)
        await state.open(seed.uid(1, 15))
        assert state.visit
        state.visit.set_point(note="电话 13812345678", code="HX-S15")
        state.adopt_manual(str(seed.LON), str(seed.LAT), "卫星信号弱")
        lon, lat, _ = seed.here().split(",")
        state.here.take(Fix(float(lon), float(lat), 2.1, state.now()), state.now())
        state.report(Trouble(5005, why="令牌 tok-8c1f，赵宁"))
        state.report(RuntimeError("hunter2"))
        text = await state.diagnostics()
        for lang in ("zh", "en"):
            state.lang = lang
            text += "\n" + await state.diagnostics()
        keys = store.keys.require()
        secrets = {
            **planted, "私钥": evidence.b64(keys.private_key), "私钥2": keys.private_key.hex(), "盐": evidence.b64(keys.salt_key),
            "封": store.keys._sealed[keys.enrolment].box, "封盐": store.keys._sealed[keys.enrolment].salt, "PIN": PIN, "登记全号": keys.enrolment,
            "人": keys.person, "设备全号": keys.device, "服务器公钥": keys.server_key, "经度": lon[:8], "北纬": lat[:7],
            "草稿": json.loads((tmp_path / "enrolling.json").read_text())["private_key"],
        }  # fmt: skip
        assert {name: s for name, s in secrets.items() if s in text} == {}
        for wanted in ("0.2.0", "03", "周岚", "https://sync.example:8443", "FTS5", "JSON", "SQLite", "Python 3", "Flet 1.0.5", "±2.1 m",
                       "5004", "5005", "pending 0", f"…{keys.enrolment[-6:]}", "MB", "GB", "sent=3", "RuntimeError"):  # fmt: skip
            assert wanted in text, (wanted, text)
        end(store, state)

    on_a_loop(body)


# --- one process -----------------------------------------------------------------------------------------------------


def test_a_second_process_on_the_folder_says_so(tmp_path: Path) -> None:
    held = hold(tmp_path)
    with pytest.raises(SystemExit) as said:
        run(["--data", str(tmp_path), "--port", "1"])
    assert held is not None
    held.close()
    text = str(said.value)
    assert "已经打开" in text and "open already" in text and str(tmp_path) in text and "Traceback" not in text
    assert not (tmp_path / "tablet.db").exists()  # it touched nothing


def test_without_a_window_part_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("field_app.main.importlib.util.find_spec", lambda _: None)
    monkeypatch.delenv("FLET_PLATFORM", raising=False)
    for args, wanted in (([], "--web"), (["--web"], "jingtu[server]")):
        with pytest.raises(SystemExit) as said:
            run(["--data", str(tmp_path), *args])
        assert wanted in str(said.value) and said.value.code != 0
