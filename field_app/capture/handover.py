"""A file of the app leaves the tablet: a browser downloads it, a device's own dialogs save or share it.

On a phone or tablet the app's folder is closed to everybody else, so a file that is only written there helps nobody.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Protocol

SAVE_S = 600.0  # a person chooses a place meanwhile
MOST_SAVED = 200_000_000  # bytes that go through the client's memory at once


class NotHanded(Exception):
    """It did not leave. reason: cancelled (the person's choice), large, failed, timeout. The file is where it was."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Handover(Protocol):
    def ways(self) -> tuple[str, ...]:
        """save, share; the first is what a single tap does."""
        ...

    async def hand(self, path: Path, way: str, name: str = "") -> str:
        """Where it went, as far as that is known. `name`: what it is called outside. Raises NotHanded."""
        ...


class DeviceHandover:
    """By Flet's dialogs. `web`: a browser; `mobile`: Android or iOS, where an app may share."""

    def __init__(self, web: bool, mobile: bool) -> None:
        self._web, self._mobile = web, mobile

    def ways(self) -> tuple[str, ...]:
        return ("share", "save") if self._mobile and not self._web else ("save",)

    async def hand(self, path: Path, way: str, name: str = "") -> str:
        work = self._share if way == "share" else self._save
        try:
            return await asyncio.wait_for(work(path, name or path.name), SAVE_S)
        except NotHanded:
            raise
        except TimeoutError as err:
            raise NotHanded("timeout") from err
        except Exception as err:  # the client tells everything as a RuntimeError with words of the platform's own
            raise NotHanded("failed") from err

    async def _share(self, path: Path, name: str) -> str:
        import flet as ft

        result = await ft.Share().share_files([ft.ShareFile.from_path(str(path), name=name)], subject=name)
        if result.status == ft.ShareResultStatus.DISMISSED:
            raise NotHanded("cancelled")
        return ""

    async def _save(self, path: Path, name: str) -> str:
        import flet as ft

        through = self._web or self._mobile  # else the app writes to the chosen place itself
        if through and path.stat().st_size > MOST_SAVED:
            raise NotHanded("large")
        data = await asyncio.to_thread(path.read_bytes) if through else None
        chosen = await ft.FilePicker().save_file(file_name=name, src_bytes=data)
        if self._web:
            return ""  # a browser does not say where it puts things
        if not chosen:
            raise NotHanded("cancelled")
        if not through:
            await asyncio.to_thread(shutil.copyfile, path, chosen)
        return chosen
