"""A load from hand to hand: three apps, each a process with its own folder, and no server anywhere. What passes between them is a
picture of the other one's screen."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser

from field_app.store import Store
from schemas.rules.handover import Chain, judged, read
from tests.ui import seed, trucks_seed
from tests.ui.driver import Driver, Tablet, window

GROSS, TARE, CAME = "30.86", "12.42", "30.84"


def phone(until: ExitStack, browser: Browser, folder: Path, role: str) -> tuple[Driver, Path]:
    store = Store(folder / role)
    trucks_seed.fill(store, role)
    store.close()
    tablet = Tablet(folder / role, seed.here())
    until.callback(tablet.stop)
    return window(browser, tablet.start()), folder / role


def press(f: Driver, digits: str) -> None:
    for c in digits:
        f.tap("小数点" if c == "." else c, exact=True)


def sign_by_hand(f: Driver) -> None:
    """At a finger's pace. The bar may be drawn anew just when it is tapped: then once more."""
    f.see("手写签名框，0 笔")
    f.page.wait_for_timeout(300)
    pad = next(b for b in f.boxes() if "手写签名框" in str(b["name"]))
    left, top, wide, tall = (float(pad[side]) for side in ("x", "y", "w", "h"))  # type: ignore[arg-type]
    f.page.mouse.move(left + wide * 0.2, top + tall * 0.4)
    f.page.mouse.down()
    for n in range(1, 9):
        f.page.mouse.move(left + wide * (0.2 + n * 0.07), top + tall * (0.25 + (n % 2) * 0.5), steps=4)
    f.page.mouse.up()
    f.see("手写签名框，1 笔")
    for _ in range(4):
        f.page.wait_for_timeout(300)
        f.tap("签好了")
        if f._until(lambda: "手写签名框，1 笔" not in f.everything(), 4):
            return
    raise AssertionError(f"the signature was not taken:\n{f.everything()}")


def issue(f: Driver) -> None:
    """The next truck; the supervisor signs by hand, then the sender."""
    f.tap("联单", exact=True)
    f.tap("开下一车")
    f.tap(re.compile("^苏L·A7326"))
    f.tap(re.compile("^毛重"))
    f.see("小数点")
    press(f, GROSS)
    f.see(re.compile(f"^{GROSS} t$", re.M))
    f.tap("好了")
    f.tap("吴建", exact=True)
    f.tap("签发并出码")
    sign_by_hand(f)
    sign_by_hand(f)
    f.see("给司机扫")


def screen(f: Driver, path: Path) -> Path:
    """What the other one's camera sees."""
    f.see("没网也能扫")
    f.shot(path)
    return path


def scan(f: Driver, picture: Path) -> None:
    with f.page.expect_file_chooser() as chosen:
        f.tap("选一张码的图片")
    chosen.value.set_files(picture)
    f.see("真：签名有效")


def kept(folder: Path) -> Chain:
    """The longest code in a folder, as its own process left it."""
    store = Store(folder)
    try:
        chains = [read(s.values["code"]) for s in store.all("hand_over")]
        longest = max(chains, key=lambda c: len(c.legs))
        directory = store.directory(trucks_seed.TRANSFER)
        assert directory is not None and judged(longest, directory[0], store.clock.now()).worth == "genuine"
        return longest
    finally:
        store.close()


def test_a_load_goes_from_hand_to_hand_without_a_network(browser: Browser, tmp_path: Path) -> None:
    with ExitStack() as until:
        (sender, sent), (driver, drove), (receiver, took) = (
            phone(until, browser, tmp_path, role) for role in ("dispatcher", "driver", "receiver")
        )
        issue(sender)

        driver.tap("扫码", exact=True)  # no project, no map: loads, scanning, sync, settings
        scan(driver, screen(sender, tmp_path / "1.png"))
        driver.see("净重 18.44 t · 应重 30.86 t")
        driver.tap("开相机：覆盖")
        driver.tap("拍：覆盖")
        driver.see("覆盖，已拍")
        driver.tap("确认起运，签名")
        answer = screen(driver, tmp_path / "2.png")

        sender.tap("扫司机回码")
        scan(sender, answer)
        sender.see("已收好对方的签名")

        receiver.tap("扫码", exact=True)
        scan(receiver, answer)
        receiver.see("2 段签名，已核 2 段")
        receiver.see("小数点")
        press(receiver, CAME)
        receiver.tap("去皮重")
        press(receiver, TARE)
        receiver.see("与出场差 −0.02 t（0.1 %）。允许 ±0.30 t，在范围内")
        receiver.tap("接收，签名")  # what is missing is named, where it is seen
        receiver.see("关闭")
        receiver.see("还差 2 项。过磅单号；堆放位置")
        receiver.fill("过磅单号", "DJ-0418")
        receiver.fill("堆放位置", "D3")
        receiver.tap("接收，签名")
        last = screen(receiver, tmp_path / "3.png")

        for f, button in ((driver, "扫回码"), (sender, "出码")):  # back to the others: each then holds the whole chain
            f.tap(button)
            if f is sender:
                f.tap("扫回码")
            scan(f, last)
            f.see("已收好对方的签名")
        assert not [f.errors for f in (sender, driver, receiver) if f.errors]
    chains = {role: kept(folder) for role, folder in (("sender", sent), ("driver", drove), ("receiver", took))}
    for chain in chains.values():
        assert [c.kind for c in chain.claims] == ["issued", "departed", "received"]
        assert [leg.raw for leg in chain.legs] == [leg.raw for leg in chains["receiver"].legs]
    assert chains["driver"].claims[-1].net() == 18420
