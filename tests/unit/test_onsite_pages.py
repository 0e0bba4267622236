"""The on-site record as it is drawn: where its buttons lead, and what a signed one shows."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import flet as ft
import pytest

from field_app.clock import CHINA
from field_app.store import Store
from schemas.rules import onsite
from tests.ui import onsite_seed
from tests.ui.onsite_seed import CHECK
from tests.ui.seed import PIN
from tests.unit.drawn import Screen
from tests.unit.test_checking import copied
from tests.unit.test_checking_pages import opened


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A check whose record is complete but for its signatures."""
    folder = tmp_path_factory.mktemp("onsite") / "seed"
    store = Store(folder)
    at = datetime.now(CHINA) - timedelta(hours=1)
    when = at.isoformat(timespec="seconds")
    onsite_seed.fill(
        store, at, notices=[{"kind": c, "read_at": when} for c in sorted(onsite.REQUIRED)], inspected=[{"name": "赵工"}],
        opinion="限期整改。",
    )  # fmt: skip
    store.close()
    return folder


def scrolled(s: Screen) -> str:
    """What the page's scrolled part is a view of: another key begins at its top."""
    return str(next(c.key for c in s.walk() if isinstance(c, ft.Column) and c.scroll and c.key))


def test_from_what_is_missing_to_the_item_and_back(written: Path, tmp_path: Path) -> None:
    store = copied(written, tmp_path / "t")

    async def body() -> None:
        s = await opened(store)
        try:
            s.state.go("onsite", id=CHECK, part="found")
            await s.settle()
            assert scrolled(s) == "part-found"
            await s.tap("^WT01")
            assert s.state.route == "fail"
            await s.tap("^回到笔录$")
            assert s.state.route == "onsite" and s.state.args["part"] == "found"
            await s.tap("^WT01")
            await s.tap("^改判$")
            assert s.state.route == "item"
            s.state.back()
            await s.settle()
            assert s.state.route == "onsite"
            s.state.replace("onsite", id=CHECK, part="head")
            await s.settle()
            assert scrolled(s) == "part-head", "the next part begins at its top"
        finally:
            s.close()

    asyncio.run(body())
    store.close()


def test_a_signed_record_shows_what_was_found_and_is_never_copied(written: Path, tmp_path: Path) -> None:
    store = copied(written, tmp_path / "t")
    assert store.keys.unlock(store.keys.require().enrolment, PIN)

    async def body() -> None:
        s = await opened(store)
        try:
            desk = s.state.onsite
            await desk.open(CHECK)
            sign = {"way": "signed", "strokes": "{}"}
            s.state.signing.ask = lambda asked, done: done(
                {"role": asked["role"], "name": asked["name"], "signed_at": s.state.now().isoformat(timespec="seconds"), **sign}
            )  # fmt: skip
            desk.toggle_officer(next(c for c in desk.colleagues if c.name == "罗文"))
            desk.put_summary()
            assert not desk.lacks(), desk.lacks()
            for signer in desk.signers():
                desk.ask(signer)
            await desk.file()
            await s.settle()
            s.see("已签字，不能再改")
            s.see("^WT01 ")
            s.see("^WT02 ")
            s.state.go("record", type="inspection", id=CHECK)
            await s.settle()
            assert "照此新建" not in s.texts()
            await s.tap("^笔录和签字$")
            assert s.state.route == "onsite"
        finally:
            s.close()

    asyncio.run(body())
    store.close()
