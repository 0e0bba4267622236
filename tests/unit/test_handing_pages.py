"""The pages of a load that was read, drawn without a client: each verdict, each part a person plays, both languages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import flet as ft
import pytest

from field_app.store import Store
from tests.ui import trucks_seed as seed
from tests.unit.drawn import Screen
from tests.unit.test_handing import NOW, Clock, code, fast, other_key, tampered

assert fast  # the fixture


def departed() -> str:
    return code(("driver", "departed", NOW - timedelta(minutes=2), {}))


async def opened(store: Store, lang: str = "zh", width: float = 390) -> Screen:
    store.set_meta("ui.lang", lang)
    screen = await Screen(store, "119.45,32.2,2.1", width=width).open()
    screen.state._shut = False
    await screen.state.load()
    await screen.settle()
    return screen


CASES: list[tuple[str, Callable[[], str], datetime, dict[str, list[str]]]] = [
    ("driver", code, NOW, {
        "zh": ["真：签名有效", "1 段签名，已核 1 段 · \\d+ 毫秒", "苏L·A7326", "2026 3211 000418", "净重 17.86 t · 应重 30.28 t", "K2 · 铬镍污染土",
               "移出签发 · 高敏（清源修复）", "开相机：覆盖|选文件：覆盖", "还差 1 项", "不知道 苏L·A7326 有没有别的未完联单"],
        "en": ["Genuine", "1 signatures, 1 checked · \\d+ ms", "expected gross 30.28 t", "Issued · 高敏 \\(清源修复\\)"]}),
    ("driver", lambda: tampered(code()), NOW, {"zh": ["假：不要放行", "第 2 段「起运」的签名对不上"], "en": ["Not genuine", "No. 2, Departed"]}),
    ("driver", lambda: other_key(code()), NOW, {"zh": ["不能确定", "没有这把密钥", "不认识的密钥"], "en": ["Cannot say", "unknown key"]}),
    ("driver", code, NOW - timedelta(hours=1), {"zh": ["不能确定", "的时间在将来"], "en": ["lies ahead"]}),
    ("driver", code, NOW + timedelta(hours=30), {"zh": ["最后一段签名是 30 小时前的"], "en": ["30 hours old"]}),
    ("receiver", departed, NOW, {"zh": ["我要签", "接收", "到场", "拒收", "过磅单号", "堆放位置", "预计 今天 18:58 前到"], "en": ["Weigh ticket"]}),
    ("dispatcher", departed, NOW, {"zh": ["已收好对方的签名", "出码"], "en": ["The other signatures are kept"]}),
    ("inspector", departed, NOW, {
        "zh": ["路边查验", "真：签名有效", "不能确定是否还有别的在途联单", "本机名单更新于今天 13:10", "现场车牌", "填现场车牌"],
        "en": ["Roadside check", "cannot be said", "Fill in the plate you see"]}),
    ("receiver", code, NOW, {"zh": ["(?s)我要签.*现在不能签「接收」：驾驶员还没有签起运.*毛重.*还差"], "en": ["(?s)I sign.*.Received. cannot be signed now.*Gross.*missing"]}),
]  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("role", "text", "at", "said"), CASES)
def test_every_verdict_and_part_is_drawn(
    tmp_path: Path, role: str, text: Callable[[], str], at: datetime, said: dict[str, list[str]], lang: str
) -> None:
    store = Store(tmp_path / role, Clock(at))
    seed.fill(store, role)

    async def body() -> None:
        screen = await opened(store, lang)
        try:
            await screen.state.scanning.take([text()], "scanner")
            await screen.settle(60)
            for pattern in said[lang]:
                screen.see(pattern)
            if said["zh"][0].startswith("假"):  # nothing of it is passed on, nor counted as signed
                assert not any(
                    word in screen.texts() for word in ("出码", "Show the code", "你已签过", "Signed by you")
                )
            assert "没有画出来" not in screen.texts() and "not drawn" not in screen.texts()
        finally:
            screen.close()

    asyncio.run(body())
    store.close()


def test_another_open_load_of_the_truck_is_named_before_anything_else(tmp_path: Path) -> None:
    store = Store(tmp_path / "inspector", Clock(NOW))
    seed.fill(store, "inspector")
    before = seed.load(390, 0, NOW - timedelta(hours=1), ("driver", "departed", NOW - timedelta(minutes=50), {}))
    seed.pull(store, before, before=2)

    async def body() -> None:
        screen = await opened(store)
        try:
            await screen.state.scanning.take([departed()], "scanner")
            await screen.settle(60)
            texts = screen.texts()
            assert texts.index("这辆车还有 1 份没结束的联单") < texts.index("应重 30.28 t")
            screen.see("2026 3211 000390；本机名单更新于今天 13:10")
            await screen.type("现场车牌", "苏L·B0918")
            screen.see("现场车牌和联单上的不同")
            await screen.type("现场称重", "31.28")
            screen.see("比应重差 \\+1.00 t")
            await screen.tap("记一次路检")
            assert len(store.all("hand_over")) == 1 and screen.state.shown == "today"
        finally:
            screen.close()

    asyncio.run(body())
    store.close()


def test_on_a_phone_the_step_stands_before_what_is_only_read_and_the_lens_above_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "driver", Clock(NOW))
    seed.fill(store, "driver")

    async def body() -> None:
        screen = await opened(store)
        try:
            await screen.state.scanning.take([code()], "scanner")
            await screen.settle(60)
            texts = screen.texts()
            assert (
                texts.index("应重 30.28 t") < texts.index("我要签") < texts.index("已签 1 段") < texts.index("安运渣土")
            )
            desk = screen.state.handing
            desk.lens.view = ft.Text("what it sees")
            desk._changed()
            await screen.settle()
            labels = [c.label for c in screen.walk() if isinstance(c, ft.Semantics) and c.label]
            assert labels.index("相机画面") < next(n for n, x in enumerate(labels) if x.startswith("真"))
        finally:
            screen.close()

    asyncio.run(body())
    store.close()


def test_a_driver_without_a_device_is_not_told_what_the_sender_signed(tmp_path: Path) -> None:
    store = Store(tmp_path / "dispatcher", Clock(NOW))
    seed.fill(store, "dispatcher")

    async def body() -> None:
        screen = await opened(store)
        try:
            await screen.state.scanning.take([code()], "scanner")
            await screen.settle(60)
            screen.see("现在没有要你签的")
            await screen.tap("^在他人设备上手写签$")
            screen.see("我要签")
            assert "现在没有要你签的" not in screen.texts()
        finally:
            screen.close()

    asyncio.run(body())
    store.close()


def test_another_firms_app_is_loads_scanning_sync_and_settings(tmp_path: Path) -> None:
    """Nothing of projects is there to be shown, nor led to, whatever page was open before."""
    store = Store(tmp_path / "driver", Clock(NOW))
    seed.fill(store, "driver")

    async def body() -> None:
        screen = await opened(store)
        try:
            state = screen.state
            assert state.party and state.tabs == ("trucks", "scan", "sync", "settings")
            for route in ("today", "map", "records", "list", "record", "form", "stakeout"):
                state.go(route)
                await screen.settle(20)
                assert state.shown == "trucks"
                screen.see("路上没有车|On the road")
            for tab in ("扫码", "同步", "设置"):
                await screen.tap(f"^{tab}$")
                assert "没有画出来" not in screen.texts()
        finally:
            screen.close()

    asyncio.run(body())
    store.close()
