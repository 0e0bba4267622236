"""Where the tablet app is put together: Store + Syncer + State → Flet. One process is one tablet with one data folder.

python -m field_app --data DIR                  the app in its own window
python -m field_app --data DIR --port 8550      the same in a browser, without any request to the outside
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import flet as ft

from field_app import kit
from field_app.capture.position import locator_for
from field_app.fonts import FAMILIES, ensure
from field_app.pages.root import App
from field_app.pages.shell import guard
from field_app.state import State
from field_app.store import NewerDatabase, Store
from field_app.sync import Syncer
from schemas.problems import Trouble

log = logging.getLogger("jingtu.app")


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

    def start(page: ft.Page) -> None:
        state = State(store, syncer, locator_for(), spawn=lambda work: asyncio.ensure_future(work))

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
        watch = page.run_task(state.watch)

        def closed(_: object) -> None:
            watch.cancel()
            state.close()

        page.on_close = closed

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


def sorry(trouble: Trouble) -> Callable[[ft.Page], None]:
    def start(page: ft.Page) -> None:
        page.title = "净土外业"
        p = trouble.problem
        said = ((trouble.text("zh"), p.remedy_zh), (trouble.text("en"), p.remedy_en))
        for title, remedy in said:
            page.add(ft.Text(title, size=22, weight=ft.FontWeight.W_700), ft.Text(remedy, size=18))

    return start


def run(argv: list[str] | None = None) -> None:
    args = argparse.ArgumentParser(prog="field_app", description="净土外业 / Jingtu field app")
    args.add_argument("--data", help="数据文件夹 / data folder (JINGTU_DATA)")
    args.add_argument("--port", type=int, help="以网页提供的端口 / serve to a browser on this port")
    args.add_argument("--host", default="127.0.0.1")
    given, _ = args.parse_known_args(argv)  # a packaged app is started with words of its own
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    start = open_tablet(data_folder(given.data))
    if given.port is None:
        ft.run(start, assets_dir=assets_folder() or "assets", no_cdn=True)
        return
    asyncio.run(_serve(start, given.host, given.port))


async def _serve(start: Callable[[ft.Page], None], host: str, port: int) -> None:
    """Flet's own web server. Its package is for desktops and tests; a device's app never comes here."""
    from flet_web.fastapi.serve_fastapi_web_app import serve_fastapi_web_app

    served = await serve_fastapi_web_app(
        start, None, host=host, url_host=host, port=port, page_name="", assets_dir=assets_folder() or "", upload_dir="",
        no_cdn=True, log_level="warning",
        on_startup=lambda url: print(f"净土外业 {url}", file=sys.stderr, flush=True),
    )  # fmt: skip
    await served.serve_task


if __name__ == "__main__":
    run()
