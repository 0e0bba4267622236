"""The small pictures' lane: behind the records and this tablet's own photos, for who inspects what others recorded.

What is here is not asked for again; what the server has not got yet is asked for again after a while. Nothing of it is a problem of the
sync: where it breaks off, the next one goes on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence

import httpx

from field_app.keys import Identity
from field_app.store.thumbs import MOST, MOST_BYTES, Wanted
from field_app.sync.talk import NotReached, Progress, Stopped, Talk, ours
from schemas.problems import Trouble
from schemas.wire import BLOBS

SIZE = 800  # px, the longer side [D]: enough to see a label and a lid
EACH, EACH_BYTES = 400, 40_000_000  # of one sync [D]
FREE = 500_000_000  # bytes that stay free for records and one's own photos [D]
AGAIN_S = 600.0  # before what the server had not got is asked for again
NOT_THERE = (1309, 2004)
MOST_ONE = 2_000_000  # bytes; a picture of that size is none of ours


class Thumbs(Talk):
    """`steady` gives seconds that only go forward; replaced in tests."""

    steady: Callable[[], float] = staticmethod(time.monotonic)
    _tell: Callable[[Progress], None]
    _away: dict[str, float] = {}  # hash → when the server had it not; replaced, never changed

    def _fetch_thumbs(self, people: Sequence[Identity], made: int) -> bool:
        """True where it broke off for something recorded after the turn `made`, or for somebody else who wants to speak. Raises
        Stopped."""
        here = self.store.thumbs_here()
        wanted = {who.enrolment: self.store.thumbs_wanted(who, MOST) for who in people}
        here = self._tidied(here, {one.sha256 for found in wanted.values() for one in found})
        room = MOST_BYTES - sum(here.values())
        asked, got = 0, 0
        for who in people:
            missing = [one for one in wanted[who.enrolment] if one.sha256 not in here and self._due(one.sha256)]
            for n, one in enumerate(missing):
                if asked >= EACH or got >= EACH_BYTES or room <= 0 or len(here) >= MOST or not self._free():
                    return False
                if self._turn.wanted or self.store.unsent_since(made):
                    return True
                self._who, asked = who, asked + 1
                up, down = self._result.bytes_up, self._result.bytes_down
                self._tell(Progress("thumbs", one.scope, n, len(missing), up, down))
                try:
                    data = self._thumb(one)
                    if data is not None:
                        self.store.keep_thumb(one.sha256, data)
                        here[one.sha256] = len(data)
                        room, got = room - len(data), got + len(data)
                        self._result.thumbs += 1
                except Stopped:
                    raise
                except (NotReached, Trouble):  # the line, the server, or no room here: the next sync goes on
                    return False
        return self.store.unsent_since(made)

    def _tidied(self, here: dict[str, int], wanted: set[str]) -> dict[str, int]:
        """Without pictures no record on this tablet names any more, which nobody here may see; and, where it is full, without those that
        are wanted least."""
        gone = set(here) - self.store.photo_hashes() if here else set()
        if len(here) - len(gone) >= MOST or sum(here.values()) >= MOST_BYTES:
            gone |= set(here) - wanted
        self.store.drop_thumbs(gone)
        return {sha: size for sha, size in here.items() if sha not in gone}

    def _due(self, sha: str) -> bool:
        at = self._away.get(sha)
        return at is None or self.steady() - at >= AGAIN_S

    def _free(self) -> bool:
        try:
            return shutil.disk_usage(self.store.folder).free >= FREE
        except OSError:
            return False

    def _thumb(self, one: Wanted) -> bytes | None:
        """A JPEG; None where the server has not got it, or nothing that can be shown. Raises NotReached, Stopped, Trouble."""
        params = {"size": SIZE, "scope": one.scope}
        try:
            answer = self._raw("GET", f"{BLOBS}/{one.sha256}/thumbnail", check=_jpeg, params=params)
        except Trouble as err:
            if err.problem.number not in NOT_THERE:
                raise
            self._away = {**self._away, one.sha256: self.steady()}
            return None
        return answer.content


def _jpeg(response: httpx.Response) -> bytes | None:
    """Whole, and said by our server."""
    data = response.content
    whole = data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9") and len(data) <= MOST_ONE
    return data if ours(response) and whole else None
