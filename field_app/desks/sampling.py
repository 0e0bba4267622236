"""Taking samples at the open visit: numbers of this tablet, what the last sample was like, how many duplicates are due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from field_app import checking
from field_app.checking import Quality
from field_app.store import Seen
from field_app.visit import Visit
from field_app.visit.samples import Before

if TYPE_CHECKING:
    from field_app.state import State

# After a sample was taken the button under the finger says something else: a second tap of the same move is not meant.
SAME_MOVE_S = 0.4
RECENT = 200  # so many of the newest samples are looked through for the last one of this person


class Bottled(NamedTuple):
    """What belongs to the samples of a finished visit."""

    containers: dict[str, tuple[Seen, ...]]  # sample → its containers, by code
    originals: dict[str, str]  # duplicate → the original's code


def _own(seen: Seen, person: str) -> bool:
    return seen.values.get("kind") == "ordinary" and person in seen.values.get("collected_by", ())


class Sampling:
    """Holds nothing that is shown: what is taken goes into the visit."""

    def __init__(self, host: State, clock: Callable[[], float] = time.monotonic) -> None:
        self._host, self._clock = host, clock
        self._busy, self._since = False, float("-inf")

    # --- one tap each --------------------------------------------------------------------------------------------

    async def take(self, target: str | None = None) -> None:
        """A sample of a target of the plan (None: the next one), or besides the plan ("")."""
        await self._take(lambda visit, number, person, before: visit.add_sample(number, person, target, before))

    async def duplicate(self, original: str) -> None:
        await self._take(lambda visit, number, person, _: visit.add_duplicate(number, person, original))

    async def blank(self, kind: str) -> None:
        await self._take(lambda visit, number, person, _: visit.add_blank(number, person, kind))

    async def _take(self, make: Callable[[Visit, int, str, Before | None], str]) -> None:
        host = self._host
        visit, identity = host.visit, host._store.identity
        if visit is None or identity is None or self._busy or self._again():
            return
        self._busy = True
        try:
            number, before = await host._do(self._number, visit, identity.person)
            if host.visit is visit:  # a number of a visit that was left meanwhile is lost, and nothing else
                make(visit, number, identity.person, before)
                self._since = self._clock()
        finally:
            self._busy = False

    def confirm(self, visit: Visit, record: str, *numbers: int) -> None:
        """Label checked, and these containers filled."""
        if not self._again():
            visit.confirm(record, *numbers)
            self._since = self._clock()

    def _again(self) -> bool:
        return self._clock() - self._since < SAME_MOVE_S

    def _number(self, visit: Visit, person: str) -> tuple[int, Before | None]:
        """On the writer's thread: the next number, and the last sample made by this person, where the visit has none."""
        store = self._host._store
        number = store.next_number("sample")
        if visit.samples:
            return number, None
        recent = store.page("sample", newest=True, limit=RECENT).rows
        last = next((s for s in recent if s.scope == self._host.book.scope and _own(s, person)), None)
        if last is None:
            return number, None
        containers = store.all("sample_container", sample_id=last.id)
        return number, Before(dict(last.values), tuple(dict(c.values) for c in containers))

    # --- looking -------------------------------------------------------------------------------------------------

    async def quality(self, visit: Visit) -> Quality:
        """Duplicates and blanks of this visit's batches and of today's, over all this tablet knows."""
        host = self._host
        edits = visit.edits()
        batches = {visit.batch} | {v["batch"] for type, _, v in edits if type == "sample" and v.get("batch")}
        await host._do(lambda: None)  # behind the drafts that are being written
        return await asyncio.to_thread(checking.quality, host._store, host.book, edits, batches, host.now())

    async def bottled(self, point: str) -> Bottled:
        """Containers and originals of the samples of a finished visit."""
        host = self._host
        samples = {s.id: str(s.values.get("code", "")) for s in host.book.samples.get(point, ())}

        def read() -> Bottled:
            found: dict[str, tuple[Seen, ...]] = {}
            originals: dict[str, str] = {}
            for sample in samples:
                rows = host._store.all("sample_container", sample_id=sample)
                found[sample] = tuple(sorted(rows, key=lambda c: str(c.values.get("code", ""))))
                for link in host._store.all("qc_link", qc_sample_id=sample):
                    original: Any = link.values.get("original_id")
                    if original:
                        originals[sample] = samples.get(original, "")
            return Bottled(found, originals)

        return await asyncio.to_thread(read)
