"""Where the tablet app is put together: Store + Syncer + State → Flet. One process is one tablet with one data folder.

python -m field_app --data DIR                  the app in its own window
python -m field_app --data DIR --web            the same in a browser (--port N, else 8550), without any request to the outside

A second process on the same folder says so and does nothing; a second window of this one takes over after a question.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import importlib.util
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flet as ft

from field_app import kit
from field_app.capture.camera import camera_for
from field_app.capture.handover import DeviceHandover
from field_app.capture.position import locator_for
from field_app.capture.tileserver import MOUNT, TileServer
from field_app.desks.seats import Seats
from field_app.fonts import FAMILIES, ensure
from field_app.lone import hold
from field_app.pages.root import App
from field_app.pages.shell import guard
from field_app.state import State
from field_app.store import NewerDatabase, Store
from field_app.sync import Syncer
from schemas.problems import Trouble

log = logging.getLogger("jingtu.app")
PORT = 8550
TILES = TileServer()  # one for the process: base maps for the client
NO_WINDOW = (
    "这里没有窗口组件（flet-desktop），没有打开。加 --web 在浏览器里用，或先安装它。",
    "There is no window part here (flet-desktop), nothing was opened. Add --web to use a browser, or install it first.",
)
NO_WEB = (
    "这里没有网页组件（flet-web），没有打开。安装 jingtu[server] 后再试。",
    "There is no web part here (flet-web), nothing was opened. Install jingtu[server] and try again.",
)


def data_folder(named: str | None) -> Path:
    """Named, else JINGTU_DATA, else where Flet keeps an app's durable data, else var/ here."""
    chosen = named or os.environ.get("JINGTU_DATA") or os.environ.get("FLET_APP_STORAGE_DATA") or "var/tablet"
    return Path(chosen).resolve()


def assets_folder() -> str | None:
    """Fonts and static files for the web client; a device without the building tools uses its own fonts."""
    try:
        return str(ensure())
    except Exception as err:
        log.warning("%s", err)
        return None


def session(store: Store, syncer: Syncer) -> Callable[[ft.Page], None]:
    """What Flet calls for each window."""
    seats = Seats()

    def start(page: ft.Page) -> None:
        here = contextvars.copy_context()

        def spawn(work: Any) -> asyncio.Task[Any]:
            """As a task of this window, whichever window asked for it: Flet draws where the context says."""
            return asyncio.get_running_loop().create_task(work, context=here.copy())

        seeing = page.web or page.platform in (ft.PagePlatform.ANDROID, ft.PagePlatform.IOS)
        state = State(
            store, syncer, locator_for(), spawn=spawn, camera=camera_for(seeing),
            seats=seats, tiles=TILES,
            handover=DeviceHandover(bool(page.web), page.platform in (ft.PagePlatform.ANDROID, ft.PagePlatform.IOS)),
        )  # fmt: skip

        def look() -> None:
            page.theme = page.dark_theme = kit.theme(state.theme)
            page.theme_mode = ft.ThemeMode.DARK if state.theme == "dark" else ft.ThemeMode.LIGHT
            zh = ft.Locale("zh", "CN")
            page.locale_configuration = ft.LocaleConfiguration(
                supported_locales=[zh, ft.Locale("en", "US")],
                current_locale=zh if state.lang == "zh" else ft.Locale("en", "US"),
            )
            page.update()

        def resized(e: ft.PageResizeEvent) -> None:
            state.width, state.height = e.width, e.height

        page.title = "净土外业"
        if not page.web and assets_folder():  # the web client has them from its font manifest, before its first frame
            page.fonts = {family: f"fonts/{name}" for name, (family, _) in FAMILIES.items()}
        state.width, state.height = page.width or 1024, page.height or 768
        state.on_look(look)
        look()
        page.on_resize = guard(state, resized)
        page.render_views(App, (state,))
        watches = [page.run_task(state.watch), page.run_task(state.centre.watch)]

        async def lived(e: ft.AppLifecycleStateChangeEvent) -> None:
            if e.state in (ft.AppLifecycleState.SHOW, ft.AppLifecycleState.RESUME):
                await state.centre.shown()
            elif e.state in (ft.AppLifecycleState.HIDE, ft.AppLifecycleState.PAUSE):
                state.centre.hidden()

        def closed(_: object) -> None:
            for watch in watches:
                watch.cancel()
            state.close()

        def looking(yes: bool) -> Callable[[object], None]:
            def seen(_: object) -> None:
                state.present = yes

            return seen

        page.on_app_lifecycle_state_change = guard(state, lived)
        page.on_close = closed
        page.on_connect, page.on_disconnect = looking(True), looking(False)

    return start


def open_tablet(folder: Path) -> Callable[[ft.Page], None]:
    """The app on this folder; or, where it cannot be opened, a page that says why and what to do."""
    try:
        store = Store(folder)
    except NewerDatabase as err:
        log.error("%s", err)
        return sorry(Trouble(5008, found=err.version))
    except Trouble as err:
        log.error("%s", err)
        return sorry(err)
    return session(store, Syncer(store))


def words_of(trouble: Trouble) -> tuple[tuple[str, str], ...]:
    """What happened and what to do, Chinese and English."""
    p = trouble.problem
    return ((trouble.text("zh"), p.remedy_zh), (trouble.text("en"), p.remedy_en))


def sorry(trouble: Trouble) -> Callable[[ft.Page], None]:
    def start(page: ft.Page) -> None:
        page.title = "净土外业"
        for title, remedy in words_of(trouble):
            page.add(ft.Text(title, size=22, weight=ft.FontWeight.W_700), ft.Text(remedy, size=18))

    return start


def run(argv: list[str] | None = None) -> None:
    args = argparse.ArgumentParser(prog="field_app", description="净土外业 / Jingtu field app")
    args.add_argument("--data", help="数据文件夹 / data folder (JINGTU_DATA)")
    args.add_argument("--web", action="store_true", help="在浏览器里用 / serve to a browser")
    args.add_argument("--port", type=int, help=f"网页的端口，缺省 {PORT} / port of the web page (implies --web)")
    args.add_argument("--host", default="127.0.0.1")
    given, _ = args.parse_known_args(argv)  # a packaged app is started with words of its own
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    web, folder = given.web or given.port is not None, data_folder(given.data)
    missing = _missing(web)
    if missing:
        sys.exit("\n".join(missing))
    try:
        held = hold(folder)  # this process's until it ends
    except Trouble as err:
        if web:  # somebody started it at a command line, and reads what it says
            sys.exit("\n".join(f"{title}。{remedy}" for title, remedy in words_of(err)))
        held, start = None, sorry(err)
    else:
        start = open_tablet(folder)
    _held.append(held)
    if not web:
        ft.run(start, assets_dir=assets_folder() or "assets", no_cdn=True)
        return
    asyncio.run(_serve(start, given.host, given.port or PORT))


_held: list[object] = []


def _missing(web: bool) -> tuple[str, str] | None:
    """A packaged app has its window; elsewhere window and web page are packages, which Flet would fetch from the network."""
    if web:
        return NO_WEB if importlib.util.find_spec("flet_web") is None else None
    return NO_WINDOW if not ft.utils.is_embedded() and importlib.util.find_spec("flet_desktop") is None else None


async def _serve(start: Callable[[ft.Page], None], host: str, port: int) -> None:
    """Flet's own web server. Its package is for desktops and tests; a device's app never comes here."""
    from flet_web.fastapi.serve_fastapi_web_app import serve_fastapi_web_app

    served = await serve_fastapi_web_app(
        start, None, host=host, url_host=host, port=port, page_name="", assets_dir=assets_folder() or "", upload_dir="",
        no_cdn=True, log_level="warning",
        on_startup=lambda url: print(f"净土外业 {url}", file=sys.stderr, flush=True),
    )  # fmt: skip
    app = served.server.config.app
    app.mount(MOUNT, TILES.asgi())
    app.router.routes.insert(0, app.router.routes.pop())  # before Flet's own, which takes every path
    await served.serve_task


if __name__ == "__main__":
    run()
