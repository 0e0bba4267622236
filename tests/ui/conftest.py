"""What the browser tests share: one Chromium a file, and the tablet of seed.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Store
from tests.ui import seed
from tests.ui.driver import CHROMIUM, Tablet, chromium

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its camera is Chromium's own test picture, allowed without a question; it has a Chinese font, for the console's pages have
    none of their own, and boxes are not as wide. One for each file: a longer one is not ended in time, and its event loop is in the way of the tests that follow."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    fonts = tmp_path_factory.mktemp("fonts")
    places = ["/usr/share/fonts", files("manimgx_fonts_cjk").joinpath("")]
    conf = "".join(f"<dir>{place}</dir>" for place in places) + f"<cachedir>{fonts}/cache</cachedir>"
    (fonts / "fonts.conf").write_text(f'<?xml version="1.0"?><fontconfig>{conf}</fontconfig>', "utf-8")
    with chromium(*CAMERA, env={**os.environ, "FONTCONFIG_FILE": str(fonts / "fonts.conf")}) as b:
        yield b


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a loaded machine now and then loses a click or a frame that no person would: such a test gets a second try from the
    beginning, and the end of the run counts it ("rerun"). One that fails twice has failed."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def no_window_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A window that a failed test left open would go on drawing beside the next one."""
    b: Browser | None = request.getfixturevalue("browser") if "browser" in request.fixturenames else None
    yield
    for context in list(b.contexts) if b else []:
        context.close()


@pytest.fixture
def tablet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tablet]:
    """As seed.fill makes it; a test may give it other words by `indirect`."""
    store = Store(tmp_path / "tablet")
    seed.fill(store, **getattr(request, "param", {}))
    store.close()
    t = Tablet(tmp_path / "tablet", seed.here())
    yield t
    t.stop()
