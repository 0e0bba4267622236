"""Reading codes without a browser: a picture, a scanner that types, what is none of ours, and enrolment by a code."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from PIL import Image

from field_app.capture import qr
from field_app.capture.camera import NoCamera
from field_app.capture.position import FakeLocator
from field_app.desks.scanning import Scanning, invitation
from field_app.state import State
from field_app.store import Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from schemas.rules import evidence, sealing
from tests.ui import trucks_seed as seed
from tests.unit.drawn import Screen
from tests.unit.pictures import jpeg
from tests.unit.test_handing import NOW, Clock, code, fast

assert fast  # the fixture
SERVER_KEY = evidence.public_of(seed.SERVER)
LINK = (
    "jingtu://enrol?server=https%3A%2F%2Fjingtu.example&code=ABCD-EFGH-JKMN-PQRS"
    f"&key={sealing.fingerprint(SERVER_KEY)}&later=1"
)


@pytest.fixture
def driver(tmp_path: Path) -> Any:
    store = Store(tmp_path / "driver", Clock(NOW))
    seed.fill(store, "driver")
    state = State(store, Syncer(store), FakeLocator("119.45,32.2,2.1"))
    state._shut = False
    yield state
    state.close()
    store.close()


def desk(state: State, picture: Callable[[], bytes | None]) -> Scanning:
    async def pick() -> bytes | None:
        return picture()

    state._scanning = Scanning(state, None, pick)
    return state.scanning


def screenshot(*texts: str, scale: int = 4) -> bytes:
    """Codes beside each other on a page, as a phone shows them."""
    codes = [Image.open(io.BytesIO(qr.png(text, scale))).convert("L") for text in texts]
    page = Image.new(
        "L", (sum(c.width for c in codes) + 60 * (len(codes) + 1), max(c.height for c in codes) + 300), 235
    )
    at = 60
    for one in codes:
        page.paste(one, (at, 150))
        at += one.width + 60
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


@pytest.mark.skipif(not qr.can_decode(), reason="no decoder here")
def test_a_picture_of_a_screen_leads_to_the_load(driver: State) -> None:
    text = code()
    found = desk(driver, lambda: screenshot(text))

    async def body() -> None:
        await driver.load()
        await found.from_file()
        assert (driver.shown, driver.handing.reading.text, driver.handing.reading.way) == ("leg", text, "file")
        assert found.fault is None and not found.busy

    asyncio.run(body())


@pytest.mark.skipif(not qr.can_decode(), reason="no decoder here")
@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (jpeg, "图片里没有找到二维码"),
        (lambda: screenshot("https://example.cn/x"), "这不是转运联单的交接码"),
        (lambda: screenshot(code(), code(n=419)), "一张图里有 2 个联单码"),
        (lambda: b"not a picture", None),
    ],
)
def test_a_picture_without_a_load_says_what_to_do(
    driver: State, picture: Callable[[], bytes], said: str | None
) -> None:
    found = desk(driver, picture)

    async def body() -> None:
        await driver.load()
        await found.from_file()
        assert found.fault is not None and all(all(words) for words in found.fault)
        assert said is None or found.fault[0][0] == said
        assert driver.handing.reading is None and driver.shown != "leg" and not found.busy
        found.begin()
        assert found.fault is None

    asyncio.run(body())


def test_a_device_without_a_decoder_says_so(driver: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: bytes) -> list[str]:
        raise Trouble(6003)

    monkeypatch.setattr(qr, "texts", none)
    monkeypatch.setattr(qr, "can_decode", lambda: False)
    found = desk(driver, jpeg)

    async def body() -> None:
        await driver.load()
        await found.from_file()
        assert found.fault is not None and not found.decodes
        await found.typed(code() + "\r\n")  # the scanner still works, with its line end
        assert driver.shown == "leg" and driver.handing.reading.way == "scanner"

    asyncio.run(body())


@pytest.mark.parametrize(
    "text",
    ["", "   ", "JT1:", "JT1:ABC", "abc", "jingtu://enrol", "jingtu://enrol?server=ftp://x&code=1", "\x00" * 9000],
)
def test_what_is_typed_may_be_anything(driver: State, text: str) -> None:
    found = desk(driver, jpeg)

    async def body() -> None:
        await driver.load()
        await found.typed(text)
        assert driver.handing.reading is None and (found.fault is not None) == bool(text.strip())

    asyncio.run(body())


def test_a_camera_that_fails_says_which_other_way_there_is(driver: State) -> None:
    def fails() -> bytes:
        raise NoCamera("denied")

    found = desk(driver, fails)
    asyncio.run(found.from_file())
    assert found.fault is not None and found.fault[0][0] == "没有相机权限"


def test_from_the_text_to_the_verdict_takes_less_than_a_tenth_of_a_second(driver: State) -> None:
    """With a directory of 2000 keys, read for the first time: what an inspector's tablet may hold."""
    said = json.loads(seed.directory(NOW))
    said["keys"] += [
        {"key": evidence.public_of(n.to_bytes(32, "big")), "person": "p", "name": f"甲{n}", "org": None, "device": "1", "since": "2026-01-05T08:00:00+08:00"}
        for n in range(1, 2001)
    ]  # fmt: skip
    text = json.dumps(said, ensure_ascii=False)
    driver._store.keep_directory(seed.TRANSFER, text, evidence.sign(seed.SERVER, seed.MESSAGE + text.encode()), NOW)
    whole = code(("driver", "departed", NOW, {}))

    async def body() -> None:
        await driver.load()
        took = []
        for _ in range(3):
            driver._store._read = {}
            began = perf_counter()
            await driver.scanning.take([whole], "scanner")
            took.append((perf_counter() - began) * 1000)
            assert driver.handing.reading.judged.worth == "genuine"
        assert min(took) < 100, took

    asyncio.run(body())


# --- enrolment ----------------------------------------------------------------------------------------------------------


def test_an_enrolment_code_is_read_and_unknown_words_in_it_are_passed_over() -> None:
    said = invitation(LINK)
    assert said is not None and said.server == "https://jingtu.example" and said.code == "ABCD-EFGH-JKMN-PQRS"
    assert said.key == sealing.fingerprint(SERVER_KEY)
    assert invitation("JINGTU://ENROL?server=https://a.b&code=x") == ("https://a.b", "x", "")
    assert invitation("https://enrol?server=https://a.b&code=x") is None and invitation("jingtu://enrol?code=x") is None


def answering(store: Store, server_key: str) -> Syncer:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={
            "enrolment": seed.uid(9, 9), "device": seed.uid(9, 8), "device_code": "07", "person": seed.uid(9, 7), "person_name": "何新",
            "server_key": server_key, "epoch": "1", "scopes": [],
        })  # fmt: skip

    return Syncer(store, transport=httpx.MockTransport(handle))


def test_the_page_is_filled_in_and_the_servers_key_is_compared(tmp_path: Path) -> None:
    store = Store(tmp_path / "new", Clock(NOW))

    async def body() -> None:
        screen = await Screen(store, "119.45,32.2,2.1").open()
        try:
            state = screen.state
            await screen.tap("^扫登记码")
            assert state.shown == "scan"
            await state.scanning.typed(LINK)
            await screen.settle()
            assert state.shown == "enrol"
            screen.see("登记码已读入")
            boxes = {c.label: c.value for c in screen.walk() if c.__class__.__name__ == "TextField"}
            assert boxes["服务器地址"] == "https://jingtu.example" and boxes["登记码"] == "ABCD-EFGH-JKMN-PQRS"
        finally:
            screen.close()

    asyncio.run(body())
    key = sealing.fingerprint(SERVER_KEY)
    other = answering(store, evidence.public_of(bytes(range(32))))
    with pytest.raises(Trouble) as err:
        other.enrol("https://jingtu.example", "ABCD-EFGH-JKMN-PQRS", "平板", fingerprint=key)
    assert err.value.problem.number == 2024
    assert store.identity is None and not (store.folder / "enrolling.json").exists() and store.scopes() == []
    answering(store, SERVER_KEY).enrol("https://jingtu.example", "ABCD-EFGH-JKMN-PQRS", "平板", fingerprint=key)
    assert store.identity is not None and store.identity.server_key == SERVER_KEY
    store.close()


def test_a_code_of_another_server_changes_nothing_on_an_enrolled_device(driver: State) -> None:
    async def body() -> None:
        await driver.load()
        await driver.scanning.typed(LINK)
        assert driver.scanning.fault is not None and driver.shown != "enrol"
        same = LINK.replace("https%3A%2F%2Fjingtu.example", "http%3A%2F%2F127.0.0.1%3A9")
        await driver.scanning.typed(same)
        assert driver.shown == "enrol" and driver.joining  # a further person on this device

    asyncio.run(body())


class Seen:
    """A lens that sees one picture after the other, and the last one from then on."""

    source = "app_camera"

    def __init__(self, *pictures: bytes) -> None:
        self.pictures, self.n, self.at_once = pictures, 0, 0

    def view(self) -> Any:
        return object()

    async def start(self) -> None: ...

    async def shoot(self) -> bytes:
        self.at_once += 1
        assert self.at_once == 1, "two pictures at once"
        await asyncio.sleep(0.01)
        self.at_once -= 1
        self.n += 1
        return self.pictures[min(self.n, len(self.pictures)) - 1]


def opened(state: State, camera: Any) -> Scanning:
    state._scanning = Scanning(state, camera)
    lens = state.scanning.lens
    lens.view, lens.ready = camera.view(), True
    return state.scanning


@pytest.mark.skipif(not qr.can_decode(), reason="no decoder here")
def test_the_open_lens_reads_by_itself(driver: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("field_app.desks.scanning.FRAME_S", 0.01)
    text = code()
    camera = Seen(jpeg(), screenshot("https://example.cn/poster"), screenshot(text))

    async def body() -> None:
        await driver.load()
        found = opened(driver, camera)
        await asyncio.gather(found.watch(), found.watch(), found.shoot())  # drawn twice, and somebody taps
        assert (driver.shown, driver.handing.reading.text, driver.handing.reading.way) == ("leg", text, "camera")
        assert found.lens.view is None and not found.busy and camera.n >= 3

    asyncio.run(body())


@pytest.mark.skipif(not qr.can_decode(), reason="no decoder here")
def test_the_open_lens_stops_looking_when_it_is_shut_or_seen_too_much(
    driver: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("field_app.desks.scanning.FRAME_S", 0.01)
    monkeypatch.setattr("field_app.desks.scanning.FRAMES", 5)
    camera = Seen(jpeg())

    async def body() -> None:
        await driver.load()
        found = opened(driver, camera)
        await found.watch()
        assert camera.n == 5 and found.fault is None and found.lens.view is not None
        looking = asyncio.create_task(found.watch())
        await asyncio.sleep(0.02)
        found.lens.shut()
        await looking
        assert camera.n < 10

    asyncio.run(body())
