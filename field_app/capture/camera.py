"""The camera: one picture at a time, as bytes. And a file that was taken elsewhere.

The client may never answer (a permission nobody answers, a camera another app holds), so every question has its own
time limit, and what fails is told by one word. `DeviceCamera` asks the device, `PlayedCamera` shows pictures out of a folder; both
have a `view` that has to be on the page before they start.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
log = logging.getLogger("jingtu.app")
ASK_S, PERMIT_S, SHOOT_S, PICK_S = 8.0, 60.0, 20.0, 900.0  # a person answers the second and the last
_DENIED = ("denied", "notallowed", "permission", "restricted")
_NONE = ("notfound", "not found", "nocamera", "no camera", "unsupported")


class NoCamera(Exception):
    """No picture now. `reason`: none, denied, timeout, failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Camera(Protocol):
    @property
    def source(self) -> str:
        """A code of photo_source: where its pictures are from."""
        ...

    def view(self) -> Any:
        """The control that shows what the lens sees; a new one for each opening."""
        ...

    async def start(self) -> None: ...

    async def shoot(self) -> bytes: ...


class DeviceCamera:
    """The device's own, through Flet: the one on the back, where there is one."""

    source = "app_camera"

    def __init__(self) -> None:
        self._device: Any = None
        self.mirrors = False  # are its pictures the wrong way round, left for right?

    def view(self) -> Any:
        import flet_camera as fc  # here, so that tests and the demo need no such client

        self._device = fc.Camera(expand=True)
        return self._device

    async def start(self) -> None:
        import flet_camera as fc

        found = await self._ask(self._device.get_available_cameras(), ASK_S)
        if not found:
            raise NoCamera("none")
        back = next((c for c in found if c.lens_direction == fc.CameraLensDirection.BACK), found[0])
        # a browser turns every picture round, pixel for pixel, that is not from a camera on the back
        self.mirrors = self._device.page.web and back.lens_direction != fc.CameraLensDirection.BACK
        # Full HD: a label can be read on it, and a day's photos fit through a poor line
        await self._ask(self._device.initialize(back, fc.ResolutionPreset.VERY_HIGH, enable_audio=False), PERMIT_S)

    async def shoot(self) -> bytes:
        data = await self._ask(self._device.take_picture(), SHOOT_S)
        if not data:
            raise NoCamera("failed")
        return bytes(data)

    async def _ask(self, question: Awaitable[T], seconds: float) -> T:
        try:
            return await asyncio.wait_for(question, seconds)
        except TimeoutError as err:
            raise NoCamera("timeout") from err
        except Exception as err:  # the client tells everything as a RuntimeError with words of the platform's own
            log.warning("camera: %s", err)
            raise NoCamera(why(str(err))) from err


def why(text: str) -> str:
    """What a platform's words mean."""
    low = text.lower()
    if any(word in low for word in _DENIED):
        return "denied"
    return "none" if any(word in low for word in _NONE) else "failed"


class PlayedCamera:
    """Pictures out of a folder, one after the other, for the demo and the tests. They say that they are no photos taken
    here: their source is a file."""

    source = "file_import"

    def __init__(self, folder: Path) -> None:
        self._folder, self._n = folder, 0

    def view(self) -> Any:
        import flet as ft

        return ft.Container(bgcolor="#3B4A46", expand=True)

    async def start(self) -> None:
        if not self._pictures():
            raise NoCamera("none")

    async def shoot(self) -> bytes:
        pictures = self._pictures()
        if not pictures:
            raise NoCamera("failed")
        self._n += 1
        return await asyncio.to_thread(pictures[(self._n - 1) % len(pictures)].read_bytes)

    def _pictures(self) -> list[Path]:
        return sorted(p for p in self._folder.glob("*") if p.is_file())


def camera_for(device: bool, environ: dict[str, str] | os._Environ[str] = os.environ) -> Camera | None:
    """The played one where JINGTU_FAKE_CAMERA names a folder of pictures; else the device's, where the platform has one
    for this app (`device`: a phone, a tablet or a browser)."""
    folder = environ.get("JINGTU_FAKE_CAMERA")
    if folder:
        return PlayedCamera(Path(folder))
    return DeviceCamera() if device else None


async def pick_file() -> bytes | None:
    """A picture the person chooses; None if nothing was chosen. Raises NoCamera where the chooser does not open."""
    import flet as ft

    try:
        chosen = await asyncio.wait_for(
            ft.FilePicker().pick_files(file_type=ft.FilePickerFileType.IMAGE, with_data=True), PICK_S
        )
    except TimeoutError:
        return None
    except Exception as err:
        raise NoCamera("failed") from err
    if not chosen:
        return None
    if chosen[0].bytes is not None:
        return bytes(chosen[0].bytes)
    return await asyncio.to_thread(Path(chosen[0].path).read_bytes) if chosen[0].path else b""
