"""Drafts of long checks on the server: keep the open one there, see which are there, take one up on this tablet.

Nothing is put in the place of a newer one without a person's word, on either side; what a taken draft replaces here stays until the
next one is taken. Where the server is out of reach everything goes on here as before.
"""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import flet as ft

from field_app.capture import photo
from field_app.desks.checkdraft import UI
from field_app.store import Kept, Store
from field_app.sync import Syncer
from field_app.words import both
from schemas import canonical
from schemas.canonical import NotCanonical
from schemas.problems import Trouble
from schemas.wire import Draft, DraftPut

if TYPE_CHECKING:
    from field_app.state import State

SPLIT = " ‖ "  # between the Chinese and the English title of a draft
GONE = (6421, 6423)
Packed = dict[str, Any]


class Clash(NamedTuple):
    """Two versions of one draft. doing: what was asked for (keep, take, drop); answered, photos: of what is here."""

    record: str
    there: Draft
    doing: str
    answered: int = 0
    photos: int = 0


class Standing(NamedTuple):
    """How the open check stands to its draft on the server. version 0: not kept from here yet; changed: since then."""

    version: int = 0
    at: str = ""
    changed: bool = True


@ft.observable
class KeepingDesk:
    def __init__(self, host: State, store: Store, syncer: Syncer) -> None:
        self._host, self._store, self._syncer = host, store, syncer
        self._drafts: tuple[Draft, ...] | None = None  # None: the server was not asked yet
        self._here: frozenset[str] = frozenset()  # checks that are drafts on this tablet
        self._kept: dict[str, Kept] | None = None
        self._busy = ""  # what is under way: look, keep, take, drop
        self._trouble: Trouble | None = None
        self._clash: Clash | None = None
        self._lacking: dict[str, tuple[str, ...]] = {}  # record → photos of it that have not come to the server yet
        self._before = ""  # the check of which what was here before is still kept

    drafts = property(lambda self: self._drafts)
    here = property(lambda self: self._here)
    busy = property(lambda self: self._busy)
    trouble = property(lambda self: self._trouble)
    clash = property(lambda self: self._clash)
    before = property(lambda self: self._before)

    def lacking(self, record: str) -> int:
        return len(self._lacking.get(record, ()))

    def forget(self) -> None:
        """Another person has the tablet."""
        self._drafts, self._here, self._kept, self._trouble, self._clash = None, frozenset(), None, None, None
        self._lacking, self._before, self._busy = {}, "", ""

    def standing(self) -> Standing:
        """Of the open check."""
        check = self._host.checking
        one = (self._kept or {}).get(check.id)
        if one is None:
            return Standing()
        return Standing(one.version, one.at, print_of(check.packed()) != one.print)

    async def begin(self) -> None:
        """What is known here, without asking anybody."""
        if self._kept is None:
            self._kept = await self._host._do(self._store.kept)
            self._before = await self._host._do(self._kept_before)
            self.notify()
        check = self._host.checking
        if check.id:
            lacks = await asyncio.to_thread(self._not_here, list(check.photos.values()))
            if self._lacking.get(check.id, ()) != lacks:
                self._lacking = {**self._lacking, check.id: lacks}
                self.notify()

    def _not_here(self, photos: list[dict[str, Any]]) -> tuple[str, ...]:
        """Hashes of photos whose files this tablet has not."""
        shas = dict.fromkeys(str(v.get("sha256", "")) for v in photos)
        return tuple(sha for sha in shas if sha and self._store.photo_file(sha) is None)

    def _kept_before(self) -> str:
        said = json.loads(self._store.meta(self._key()) or "{}")
        return str(said.get("id", ""))

    def _key(self) -> str:
        return f"kept.before {self._host.turn}"

    def dismiss(self) -> None:
        self._trouble = self._clash = None
        self.notify()

    # --- what is there -----------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Ask the server which drafts of this person it keeps."""
        await self.begin()
        await self._working("look", self._look)

    async def _look(self) -> None:
        self._drafts = tuple(await asyncio.to_thread(self._syncer.drafts))
        self._here = frozenset(await self._host._do(self._begun_here))

    def _begun_here(self) -> list[str]:
        return [d.id for d in self._store.drafts("inspection")]

    # --- keep --------------------------------------------------------------------------------------------------------

    async def keep(self, over: bool = False) -> None:
        """The open check, as it is now. `over`: also in the place of the newer one that `clash` shows."""
        await self.begin()
        await self._working("keep", lambda: self._keep(over))

    async def _keep(self, over: bool) -> None:
        host, check = self._host, self._host.checking
        packed = check.packed()
        if not packed:
            return
        record, scope, content = check.id, check.scope, canonical.dumps(packed)
        known = (self._kept or {}).get(record)
        base = known.version if known is not None else 0
        if over and self._clash is not None and self._clash.record == record:
            base = self._clash.there.version
        put = DraftPut(
            type="inspection", scope=scope, base=base, sha256=sha256(content).hexdigest(), title=self._title(),
            done=self._answered(), total=len(check.list.items) if check.list is not None else 0, photos=len(check.photos),
        )  # fmt: skip
        shots = [(v["sha256"], scope, id) for id, v in check.photos.items()]
        try:
            said = await asyncio.to_thread(self._syncer.keep_draft, record, put, content)
        except Trouble as err:
            there = _there(err)
            if there is None:
                raise
            self._clash = Clash(record, there, "keep", put.done, put.photos)
            return
        self._clash = None
        await host._do(self._note, said, print_of(packed), shots)
        await self._relist()
        host.tell("done", both("keep.done", n=said.version), both("keep.done.why"))
        if shots:
            host._later(host.sync())  # their pictures, so that another tablet has them too

    def _note(self, said: Draft, print: str, shots: list[tuple[str, str, str]]) -> None:
        if shots:
            self._store.owe_drafted(shots)
        self._store.set_kept(said.record, Kept(said.version, print, said.at, said.scope))
        self._kept = self._store.kept()

    def _title(self) -> str:
        check = self._host.checking
        code, list = str(check.inspection.get("code", "")), check.list
        zh, en = (list.title.zh, list.title.en) if list is not None else ("", "")
        return f"{code} {zh}"[:98].strip() + SPLIT + f"{code} {en}"[:98].strip()

    def _answered(self) -> int:
        check = self._host.checking
        return sum(1 for code in check.answers if check.answered(code))

    # --- take up -----------------------------------------------------------------------------------------------------

    async def take(self, record: str, over: bool = False) -> None:
        """A draft of the server onto this tablet, and open it. `over`: also in the place of what was changed here and not kept."""
        await self.begin()
        await self._working("take", lambda: self._take(record, over))

    async def _take(self, record: str, over: bool) -> None:
        host = self._host
        said, content = await asyncio.to_thread(self._syncer.fetch_draft, record)
        packed = unpacked(content, said)
        if await host._do(self._signed_here, record):
            raise Trouble(6423)
        local = await self._local(record)
        known = (self._kept or {}).get(record)
        if local and not over and print_of(local) not in (print_of(packed), known.print if known is not None else ""):
            self._clash = Clash(record, said, "take", _count(local), len(local.get("photos", ())))
            return
        if local:
            await host._do(self._store.set_meta, self._key(), json.dumps(local, ensure_ascii=False))
            self._before = record
        await self._put_in(packed)
        self._clash = None
        await host._do(self._note, said, print_of(packed), [])
        await self._fetch(record, packed)
        await host.load()
        host.go("items", id=record)
        host.tell("done", both("keep.taken", n=said.version), both("keep.taken.why"))

    async def _put_in(self, packed: Packed) -> None:
        try:
            self._host.checking.take(packed)
        except (ValueError, KeyError, TypeError) as err:
            raise Trouble(6425) from err
        await self._host._do(lambda: None)  # behind all its drafts

    def _signed_here(self, record: str) -> bool:
        return self._store.get("inspection", record, deleted=True) is not None

    async def _local(self, record: str) -> Packed:
        """What is on this tablet of that check, {} where nothing is."""
        check = self._host.checking
        if record not in await self._host._do(self._begun_here):
            return {}
        if check.id != record:
            await check.open(record)
        return dict(check.packed())

    async def put_back(self) -> None:
        """What was here before the last draft was taken, in its place again."""
        await self.begin()
        await self._working("take", self._put_back)

    async def _put_back(self) -> None:
        kept: Packed = json.loads(await self._host._do(self._store.meta, self._key()) or "{}")
        if kept.get("id"):
            await self._put_in(kept)
            await self._host._do(self._store.set_meta, self._key(), "{}")
            self._before = ""
            await self._host.load()
            self._host.go("items", id=kept["id"])
            self._host.tell("done", both("keep.back"), both("keep.back.why"))

    # --- its photos --------------------------------------------------------------------------------------------------

    async def fetch(self) -> None:
        """Pictures of the open check that are not on this tablet, once more."""
        await self.begin()
        await self._working("fetch", lambda: self._fetch(self._host.checking.id, self._host.checking.packed()))

    async def _fetch(self, record: str, packed: Packed) -> None:
        """Pictures of a draft that are not on this tablet. What the server has not got yet, or the line does not carry, is told and
        can be asked for again: the tablet that has it sends it, so nothing is lost."""
        wanted = await asyncio.to_thread(self._not_here, [row[1] for row in packed.get("photos", ())])
        lacking = list(wanted)
        for sha in wanted:
            try:
                data = await asyncio.to_thread(self._syncer.fetch_photo, sha, str(packed["scope"]))
                if data is not None:
                    await asyncio.to_thread(photo.keep, self._store.folder, data)
                    lacking.remove(sha)
            except photo.NotKept:  # nothing this tablet can show: the server has it as it is
                continue
            except Trouble as err:
                self._trouble = err
                break
        self._lacking = {**self._lacking, record: tuple(lacking)}

    # --- remove ------------------------------------------------------------------------------------------------------

    async def drop(self, record: str, version: int) -> None:
        """From the server alone; what is on this tablet stays."""
        await self.begin()
        await self._working("drop", lambda: self._drop(record, version))

    async def _drop(self, record: str, version: int) -> None:
        try:
            await asyncio.to_thread(self._syncer.drop_draft, record, version)
        except Trouble as err:
            there = _there(err)
            if there is None:
                raise
            self._clash = Clash(record, there, "drop")
            await self._look()
            return
        await self._host._do(self._store.set_kept, record, None)
        self._kept = {r: k for r, k in (self._kept or {}).items() if r != record}
        await self._look()

    # --- one at a time -----------------------------------------------------------------------------------------------

    async def _relist(self) -> None:
        if self._drafts is not None:
            await self._look()

    async def _working(self, what: str, work: Any) -> None:
        if self._busy:
            return
        self._busy, self._trouble = what, None
        self.notify()
        try:
            await work()
        except Trouble as err:
            self._trouble = err
            if err.problem.number in GONE and self._drafts is not None:
                self._drafts = None  # what was listed is not so any more
        finally:
            self._busy = ""
            self.notify()


def print_of(packed: Packed) -> str:
    """What a check comes to, without which item is shown."""
    if not packed:
        return ""
    inspection = {n: v for n, v in packed.get("inspection", {}).items() if n != UI}
    return sha256(canonical.dumps({**packed, "inspection": inspection})).hexdigest()


def unpacked(content: bytes, said: Draft) -> Packed:
    """Raises Trouble 6425."""
    try:
        packed = canonical.loads(content)
    except NotCanonical as err:
        raise Trouble(6425) from err
    if not isinstance(packed, dict) or packed.get("id") != said.record or packed.get("scope") != said.scope:
        raise Trouble(6425)
    return packed


def _count(packed: Packed) -> int:
    return sum(row[1].get("answer", "unanswered") != "unanswered" for row in packed.get("answers", ()))


def _there(err: Trouble) -> Draft | None:
    """What the server said it has instead."""
    return Draft.model_validate(err.extra["now"]) if err.problem.number == 6420 and "now" in err.extra else None


__all__ = ["Clash", "KeepingDesk", "Standing", "print_of", "unpacked"]
