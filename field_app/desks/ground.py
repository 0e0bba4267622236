"""What the map lies on, and which points it shows: the base map chosen on this tablet, and the filter by state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import flet as ft

from field_app.capture.tileserver import TileServer
from field_app.store.tiles import BadTiles, TileFile, bring_in, listed, remove

if TYPE_CHECKING:
    from field_app.state import State

TELL_EVERY = 4_000_000  # bytes copied between two words about it


@ft.observable
class Ground:
    """Nothing is opened before the map is: a base map may be large, and most days need none."""

    def __init__(self, host: State, folder: Path, chosen: str, server: TileServer) -> None:
        self._host, self._folder, self._server = host, folder, server
        self._chosen, self._opened = chosen, False
        self._file: TileFile | None = None
        self._problem = ""
        self._files: tuple[tuple[str, int], ...] = ()
        self._copied: tuple[int, int] | None = None
        self.wanted = "all"  # which points
        self.panel = ""  # what is open beside the map: "", layers, filter

    folder = property(lambda self: self._folder)
    file = property(lambda self: self._file)
    files = property(lambda self: self._files)
    chosen = property(lambda self: self._chosen)

    @property
    def problem(self) -> str:
        """Why the chosen file, or the one to be copied, cannot be shown: one of store.tiles.WHY; "" if nothing is wrong."""
        return self._problem

    @property
    def copied(self) -> tuple[int, int] | None:
        """(bytes, of how many) while a file is being copied in."""
        return self._copied

    @property
    def address(self) -> str:
        return self._server.address if self._file else ""

    async def look(self) -> None:
        """Which files there are; the chosen one is opened."""
        self._files = tuple(await asyncio.to_thread(listed, self._folder))
        if not self._opened:
            await self._open()
        self.notify()

    async def choose(self, name: str) -> None:
        """A file of the folder; "" for none."""
        self._chosen = name
        self._host.keep_setting("tiles", name)
        await self._open()
        self.notify()

    async def _open(self) -> None:
        old, self._file, self._problem, self._opened = self._file, None, "", True
        self._server.show("", None)
        if old is not None:
            old.close()
        if not self._chosen:
            return
        try:
            self._file = await asyncio.to_thread(TileFile, self._folder / self._chosen)
        except BadTiles as err:
            self._problem = err.reason
            return
        self._server.show(self._file.key, self._file.tile)

    async def bring(self, source: Path) -> None:
        """Copy a file in, and show it. Raises Trouble where there is no room."""
        if self._copied is not None:
            return
        loop, told = asyncio.get_running_loop(), 0

        def tell(done: int, size: int) -> None:
            nonlocal told
            if done - told >= TELL_EVERY or done == size:
                told = done
                loop.call_soon_threadsafe(self._tell, done, size)

        self._copied, self._problem = (0, 1), ""
        self.notify()
        try:
            name = await asyncio.to_thread(bring_in, source, self._folder, tell)
        except BadTiles as err:
            self._problem = err.reason
        else:
            self._files = tuple(await asyncio.to_thread(listed, self._folder))
            await self.choose(name)
        finally:
            self._copied = None
            self.notify()

    def _tell(self, done: int, size: int) -> None:
        if self._copied is not None:
            self._copied = (done, size)
            self.notify()

    async def remove(self, name: str) -> None:
        if name == self._chosen:
            await self.choose("")
        await asyncio.to_thread(remove, self._folder, name)
        await self.look()
