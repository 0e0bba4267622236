"""The camera while it is open on a page that belongs to no visit: a code to read, a photo of a load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from field_app.capture.camera import Camera, NoCamera

if TYPE_CHECKING:
    from field_app.state import State

MOUNT_S = 5.0


class Lens:
    """`changed` is called when it opened, is ready or was shut; `failed` with what did not work."""

    def __init__(
        self, host: State, camera: Camera | None, changed: Callable[[], None], failed: Callable[[NoCamera], None]
    ) -> None:
        self._host, self._camera, self._changed, self._failed = host, camera, changed, failed
        self.view: Any = None  # the camera's control while it is open
        self.ready = self._opening = False
        self._one = asyncio.Lock()  # the camera takes one picture at a time

    @property
    def there(self) -> bool:
        return self._camera is not None

    @property
    def source(self) -> str:
        """A code of photo_source; a simulated camera says that its pictures are files."""
        return self._camera.source if self._camera is not None else "file_import"

    @property
    def mirrors(self) -> bool:
        return bool(getattr(self._camera, "mirrors", False))

    async def open(self) -> None:
        """Everything typed before is on the disk first: the camera may cost the app its life."""
        if self._camera is None or self.view is not None or self._opening:
            return
        self._opening = True
        try:
            await self._host._do(lambda: None)
            self.ready, self.view = False, self._camera.view()
        finally:
            self._opening = False
        self._changed()

    async def start(self) -> None:
        """Once the view is on the page."""
        view = self.view
        if view is None or self._camera is None:
            return
        try:
            await _mounted(view)
            await self._camera.start()
        except NoCamera as err:
            if self.view is view:
                self.shut()
                self._failed(err)
            return
        if self.view is view:
            self.ready = True
            self._changed()

    async def shoot(self) -> bytes | None:
        """None where it could not; then it was told."""
        async with self._one:
            if self._camera is None or not self.ready:
                return None
            try:
                return await self._camera.shoot()
            except NoCamera as err:
                self._failed(err)
                return None

    def shut(self) -> None:
        if self.view is not None:
            self.view, self.ready = None, False
            self._changed()


async def _mounted(view: Any) -> None:
    """A control answers once it has a place on the page, and the client has drawn it."""
    for _ in range(int(MOUNT_S / 0.05)):
        try:
            if view.page is not None:
                break
        except RuntimeError:
            pass
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
