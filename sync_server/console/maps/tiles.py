"""Base-map tiles of TianDiTu (天地图), fetched by the server, so that its key reaches neither a browser nor a log.

WMTS, web Mercator (matrix set `w`), CGCS2000: on the ground the same as our positions within what a sampler's fix can tell. The
map works without: a tile that does not come leaves the grid.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import httpx

from schemas.problems import Trouble

log = logging.getLogger("jingtu")
LAYERS = ("vec", "cva", "img", "cia")  # map, its names; image, its names
LEVELS = range(1, 19)
MAX_TILE = 512 * 1024
CACHE_BYTES = 32 * 1024 * 1024
AT_ONCE = 8  # requests on their way; a slow tile server must not hold the threads that sync needs
WAIT_S = 0.3  # for one of them to come back
TIMEOUT_S = 4.0
PAUSE_S = 30.0  # for so long nothing is asked
FAILURES = 3  # in a row, after which that is
KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
HOSTS = 8  # t0 … t7


class Tile(NamedTuple):
    data: bytes
    kind: str


class Tiles:
    """`url`: the tile server, `{n}` in it is one of t0 … t7. Safe to share between threads."""

    def __init__(
        self, key: str, url: str, note: str, transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.note = note
        self._key, self._url, self._clock = key, url.rstrip("/"), clock
        self._http = httpx.Client(transport=transport, timeout=TIMEOUT_S, follow_redirects=False)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[str, int, int, int], Tile] = OrderedDict()
        self._bytes = 0
        self._failures, self._resting_until = 0, 0.0
        for name in ("httpx", "httpcore"):  # they would write whole addresses, the key in them
            logging.getLogger(name).setLevel(logging.WARNING)

    def tile(self, layer: str, z: int, x: int, y: int) -> Tile:
        """Raises Trouble 4602 (there is no such tile) or 4603 (it did not come)."""
        if layer not in LAYERS or z not in LEVELS or not (0 <= x < 2**z and 0 <= y < 2**z):
            raise Trouble(4602)
        at = (layer, z, x, y)
        with self._lock:
            if found := self._cache.get(at):
                self._cache.move_to_end(at)
                return found
            if self._clock() < self._resting_until:
                raise Trouble(4603)
        if not self._slots.acquire(timeout=WAIT_S):
            raise Trouble(4603)
        try:
            made = self._fetch(layer, z, x, y)
        finally:
            self._slots.release()
        with self._lock:
            self._failures = 0
            if at not in self._cache:
                self._cache[at] = made
                self._bytes += len(made.data)
            while self._bytes > CACHE_BYTES:
                self._bytes -= len(self._cache.popitem(last=False)[1].data)
        return made

    def _fetch(self, layer: str, z: int, x: int, y: int) -> Tile:
        address = f"{self._url.replace('{n}', str((x + y) % HOSTS))}/{layer}_w/wmts"
        asked: dict[str, str | int] = {
            "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": layer, "STYLE": "default",
            "TILEMATRIXSET": "w", "FORMAT": "tiles", "TILEMATRIX": z, "TILEROW": y, "TILECOL": x, "tk": self._key,
        }  # fmt: skip
        try:
            with self._http.stream("GET", address, params=asked) as answer:
                if answer.status_code == 404:  # nothing was drawn of this place
                    raise Trouble(4602)
                if answer.status_code != 200:
                    raise self._failed(f"HTTP {answer.status_code}")
                return self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as err:
            raise self._failed(type(err).__name__) from None  # its words may hold the address

    def _read(self, answer: httpx.Response) -> Tile:
        """An image and nothing else, by what its maker says and by its bytes. Raises Trouble 4603."""
        if not answer.headers.get("content-type", "").startswith("image/"):
            raise self._failed("no image")
        data, until = bytearray(), self._clock() + 2 * TIMEOUT_S
        for part in answer.iter_bytes():
            data += part
            if len(data) > MAX_TILE:
                raise self._failed("too large")
            if self._clock() > until:  # each read in time, and yet it does not end
                raise self._failed("too slow")
        kind = next((kind for start, kind in KINDS if data.startswith(start)), None)
        if kind is None:
            raise self._failed("no image")
        return Tile(bytes(data), kind)

    def _failed(self, why: str) -> Trouble:
        with self._lock:
            self._failures += 1
            pause = self._failures == FAILURES
            if self._failures >= FAILURES:
                self._failures, self._resting_until = 0, self._clock() + PAUSE_S
        if pause:
            log.warning("base map: no tile (%s); asked again in %d s", why, PAUSE_S)
        return Trouble(4603)

    def close(self) -> None:
        self._http.close()
