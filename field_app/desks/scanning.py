"""What a code says: one way in for all codes, whether photographed, in a file, typed by a scanner or pasted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

import flet as ft

from field_app.capture import qr
from field_app.capture.camera import Camera, NoCamera, pick_file
from field_app.desks.lens import Lens
from field_app.words import both
from schemas.problems import Trouble
from schemas.rules.handover.chain import PREFIX, tidy

if TYPE_CHECKING:
    from field_app.state import State

ENROL = "jingtu://enrol"
# Looking by itself: a picture every so often, for so long; then the lens waits for a tap, as it may lie open in a pocket [D]
FRAME_S, FRAMES = 0.5, 90
OURS = (PREFIX, ENROL)
LONGEST = 8_000  # characters of a text that is looked at

Words = tuple[str, str]


class Invitation(NamedTuple):
    """What an enrolment code says (docs/sync-protocol.md §2). key: fingerprint of the server's public key; "" where it says none."""

    server: str
    code: str
    key: str


def invitation(text: str) -> Invitation | None:
    """None where it is no enrolment code, or lacks server or code."""
    parts = urlsplit(text.strip())
    if f"{parts.scheme}://{parts.netloc}".lower() != ENROL:
        return None
    said = {name: values[0].strip() for name, values in parse_qs(parts.query).items()}
    if not said.get("server", "").startswith(("https://", "http://")) or not said.get("code"):
        return None
    return Invitation(said["server"].rstrip("/"), said["code"], said.get("key", "").lower())


@ft.observable
class Scanning:
    def __init__(
        self, host: State, camera: Camera | None, pick: Callable[[], Awaitable[bytes | None]] = pick_file
    ) -> None:
        self._host, self._pick = host, pick
        self.lens = Lens(host, camera, self._changed, self._no_camera)
        self._busy = self._watching = False
        self._fault: tuple[Words, Words] | None = None
        self._round = 0  # so often the field was emptied

    busy = property(lambda self: self._busy)
    round = property(lambda self: self._round)
    fault = property(lambda self: self._fault)

    @property
    def decodes(self) -> bool:
        """Can this device read a code out of a picture?"""
        return qr.can_decode()

    def _changed(self) -> None:
        self.notify()  # type: ignore[attr-defined]

    def begin(self) -> None:
        """The page opens, or another code is wanted: nothing is left of the one before."""
        self._fault = None
        self._changed()

    # --- the ways in ---------------------------------------------------------------------------------------------

    async def shoot(self) -> None:
        await self._reading(self.lens.shoot, "photo")

    async def watch(self) -> None:
        """While the lens is open: one picture after the other, until one of our codes is in it. Other codes, which may hang anywhere
        on a site, are passed over."""
        view = self.lens.view
        if self._watching or not self.decodes or not self.lens.ready:
            return
        self._watching = True
        try:
            for _ in range(FRAMES):
                if self.lens.view is not view:
                    return
                data = None if self._busy else await self.lens.shoot()
                if data is None and not self._busy:  # it failed, which was told, or was shut
                    return
                texts = await asyncio.to_thread(qr.texts, data, True) if data else []
                if self.lens.view is view and not self._busy and any(tidy(t.strip()).startswith(OURS) for t in texts):
                    await self.take(texts, "camera")
                await asyncio.sleep(FRAME_S)
        except Trouble as err:
            self._trouble(err)
        finally:
            self._watching = False

    async def from_file(self) -> None:
        await self._reading(self._pick, "file")

    async def typed(self, text: str) -> None:
        """A scanner ended with Enter, or a person pasted."""
        self._round += 1
        if text.strip():
            await self.take([text], "scanner")
        self._changed()

    async def _reading(self, get: Callable[[], Awaitable[bytes | None]], way: str) -> None:
        if self._busy:
            return
        self._busy, self._fault = True, None
        self._changed()
        try:
            data = await get()
            if data is None:
                return
            texts = await asyncio.to_thread(qr.texts, data)
            if texts:
                await self.take(texts, way)
            else:
                self._tell(both("scan.nothing"), both("scan.nothing.why"))
        except NoCamera as err:
            self._no_camera(err)
        except Trouble as err:
            self._trouble(err)
        finally:
            self._busy = False
            self._changed()

    # --- what was read -------------------------------------------------------------------------------------------

    async def take(self, texts: Iterable[str], way: str) -> None:
        """To the page that deals with it; what is none of ours is told. way: a code of scan_way."""
        began = perf_counter()
        self._fault = None
        found = list(dict.fromkeys(tidy(t.strip()[:LONGEST]) for t in texts))
        ours = [t for t in found if t.startswith(PREFIX)]
        invited = next((i for i in map(invitation, found) if i), None)
        try:
            if len(ours) > 1:  # two screens in one picture: which load is meant nobody can say
                self._tell(both("scan.several", n=len(ours)), both("scan.several.why"))
            elif ours:
                self.lens.shut()
                self._host.handing.show(ours[0], way, began)
            elif invited:
                self.lens.shut()
                self._invited(invited)
            else:
                raise Trouble(6001)
        except Trouble as err:
            self._trouble(err)
        self._changed()

    def _invited(self, said: Invitation) -> None:
        """To the enrolment page: a first person, a further one on a tablet of the same server, or the same one again."""
        host = self._host
        above = host._trail[-1][0] if host._trail else ""
        if above != "enrol":
            host.joining = bool(host.person) and not host.must_enrol
        if host.person and said.server != host.server and host.joining:
            self._tell(both("scan.other_server", here=host.server, there=said.server), both("scan.other_server.why"))
            return
        if above == "enrol":
            host._trail.pop()  # the page that asked for a code is the one that gets it
        host.replace("enrol", **said._asdict())

    # --- telling -------------------------------------------------------------------------------------------------

    def _trouble(self, err: Trouble) -> None:
        p = err.problem
        self._tell((err.text("zh"), err.text("en")), (p.remedy_zh, p.remedy_en))

    def _no_camera(self, err: NoCamera) -> None:
        self._tell(both(f"photo.no.{err.reason}"), both("scan.no_camera"))

    def _tell(self, what: Words, remedy: Words) -> None:
        self._fault = (what, remedy)
        self._changed()


__all__ = ["Invitation", "Scanning", "invitation"]
