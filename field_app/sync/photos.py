"""The photos' lane: behind the records of all scopes, one photo after the other, the small ones first.

Each photo is asked about by its hash and sent by tus 1.0 (docs/sync-protocol.md) where the server has it not. Whatever is cut
goes on where the server says it is, so at most one chunk is sent again. A photo that cannot go says why and holds up no other;
something new to record goes first, between two chunks.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from field_app.keys import Identity
from field_app.store import Owed
from field_app.sync.pieces import CHUNK_S, FIRST_CHUNK, Chunks, Damaged, Local
from field_app.sync.talk import DAMAGED, TRIES, NotReached, Progress, Stopped, Talk, ours
from schemas.problems import Trouble
from schemas.wire import BLOBS, STORED, TUS, UPLOADS

UPLOADS_EACH = 3  # uploads begun for one photo, before it waits for the next sync
IN_VAIN = 2  # photos in a row that the server failed over, before all wait for the next sync
LOST_EACH = 20  # photos without a file here that one sync asks about
CUT = 5004
NO_LINE = (CUT, 5020, 5021)
FULL = (5001, 5007)  # this tablet's own storage
OLDER = (1005, 1006)  # a server that knows nothing of photos
REFUSED = (1301, 1307, 1310)
GONE = (1301, 1305, 1309, 1005)  # of an upload; 1301: it is another file's, as a proxy may answer out of its store
NOT_HIS = (2005, 2010)  # the server takes nothing more from this enrolment


class Gone(Exception):
    """This upload is over: expired, unknown, or ended with a blob or without."""


class _Again(Exception):
    """A chunk that did not arrive. `why`: what is raised when it never does; `offset`: where the upload is, None = to be asked."""

    def __init__(self, why: Exception, offset: int | None = None) -> None:
        super().__init__(str(why))
        self.why, self.offset = why, offset


class GiveWay(Exception):
    """Somebody recorded something, or wants the line."""


class _Task(NamedTuple):
    size: int  # of the file, 0 where there is none
    one: Owed
    who: Identity


class Photos(Talk):
    """`steady` gives seconds that only go forward; replaced in tests."""

    steady: Callable[[], float] = staticmethod(time.monotonic)
    _tell: Callable[[Progress], None]
    _lost_from = 0

    def _send_photos(self, people: Sequence[Identity], made: int) -> bool:
        """All photos these people owe. True where it broke off for something recorded after the turn `made`, or for somebody
        else who wants to speak. Raises Stopped."""
        tasks = self._few_lost([self._task(one, who) for who in people for one in self.store.owed(who.person)])
        tasks.sort(key=lambda t: (t.one.fails, t.size))
        if not tasks:
            return False
        known = int(self.store.meta("photo_chunk") or FIRST_CHUNK)
        self._chunks, self._recorded = Chunks(known), made
        self._left = sum(t.size for t in tasks)
        try:
            return self._lane(tasks)
        finally:
            if not known / 2 < self._chunks.size < known * 2:
                with suppress(Trouble):
                    self.store.set_meta("photo_chunk", str(self._chunks.size))

    def _few_lost(self, tasks: Sequence[_Task]) -> list[_Task]:
        """Of those without a file here, which another tablet may have brought, only some are asked about: the next sync asks
        about others."""
        lost = [t for t in tasks if t.one.state == "missing" and not t.size]
        if len(lost) <= LOST_EACH:
            return list(tasks)
        first = self._lost_from % len(lost)
        self._lost_from += LOST_EACH
        asked = {id(t) for t in (lost + lost)[first : first + LOST_EACH]}
        return [t for t in tasks if id(t) in asked or t.one.state != "missing" or t.size]

    def _task(self, one: Owed, who: Identity) -> _Task:
        path = self.store.photo_file(one.sha256)
        return _Task(path.stat().st_size if path else 0, one, who)

    def _lane(self, tasks: Sequence[_Task]) -> bool:
        media, in_vain = self.store.media(), 0
        self._done, self._total = media.there, media.total
        # (person, scope) that may not, "" = in no scope; (person, "new") = no new uploads
        shut: set[tuple[str, str]] = set()
        for size, one, who in tasks:
            if shut & {(who.person, ""), (who.person, one.scope)} or (one.url is None and (who.person, "new") in shut):
                continue
            self._who = who
            try:
                self._show(one, 0, size)
                self._give_way()
                self._photo(one, self.store.photo_file(one.sha256))
                in_vain = 0
            except GiveWay:
                return True
            except Stopped:
                raise
            except NotReached as err:
                in_vain += 1
                # a line that is dead for one is dead for all; what the server fails over may be this one
                if err.trouble.problem.number in NO_LINE or in_vain == IN_VAIN:
                    self._note_problem(err.trouble)
                    return False
            except Trouble as err:
                number = err.problem.number
                self._note_problem(err)
                if number in (*OLDER, *FULL, *DAMAGED):
                    return False
                if number == 1311:
                    shut.add((who.person, "new"))
                elif number != 1304:  # somebody else is sending it
                    shut.add((who.person, "" if number in NOT_HIS else one.scope))
                    self.store.photo_troubled(one, "waiting", err)
            self._left -= size
        return self.store.unsent_since(self._recorded)  # during the last one

    def _note_problem(self, trouble: Trouble) -> None:
        if trouble.problem.number not in {t.problem.number for t in self._result.photo_problems}:
            self._result.photo_problems.append(trouble)

    def _give_way(self) -> None:
        if self._turn.wanted or self.store.unsent_since(self._recorded):
            raise GiveWay

    def _show(self, one: Owed, at: int, size: int) -> None:
        up, down = self._result.bytes_up, self._result.bytes_down
        self._tell(Progress("photos", one.scope, min(self._done, self._total), self._total, up, down, at, size,
                            max(0, self._left - at)))  # fmt: skip

    # --- one photo -----------------------------------------------------------------------------------------------

    def _photo(self, one: Owed, path: Path | None) -> None:
        """It is there, refused or not to be had, and that is noted; or it waits on, and why is raised."""
        local: Local | None = None
        damaged_there = 0
        for _ in range(UPLOADS_EACH):
            if self._is_there(one):
                self._is_done(one)
                return
            if path is None:
                self.store.photo_troubled(one, "missing")
                return
            try:
                if local is None:
                    local = Local(path, one.sha256)
                    local.check()
                url = one.url or self._begin(one, local)
                if url is None or self._upload(one, url, local):
                    self._is_done(one)
                    return
            except Gone:
                pass
            except FileNotFoundError:
                path = None
            except (Damaged, OSError):
                self.store.photo_troubled(one, "damaged")
                return
            except Trouble as err:
                number = err.problem.number
                if number in REFUSED:
                    self.store.photo_troubled(one, "refused", err)
                    return
                if number != 1306:
                    raise
                local, damaged_there = None, damaged_there + 1  # ours is read once more: which of the two is it?
            one = one._replace(url=None)
        self.store.photo_left(one, None, failed=True)
        if damaged_there:
            raise Trouble(1306)

    def _is_done(self, one: Owed) -> None:
        self.store.photo_there(one)
        self._done += 1
        self._result.photos += 1

    def _is_there(self, one: Owed) -> bool:
        """Has the server it, for this scope?"""
        address, params = f"{BLOBS}/{one.sha256}", {"scope": one.scope}
        answer = self._raw("HEAD", address, check=_ours, good=(200, 403, 404, 405), params=params)
        return answer.status_code == 200 and answer.headers.get("ETag") == f'"{one.sha256}"'

    def _begin(self, one: Owed, local: Local) -> str | None:
        """A new upload, noted before anything is sent to it. None: the server has the photo already."""
        told = {"sha256": one.sha256, "filename": local.path.name, "scope": one.scope}
        metadata = ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in told.items())
        headers = {"Tus-Resumable": TUS, "Upload-Length": str(local.size), "Upload-Metadata": metadata}
        answer = self._raw(
            "POST", BLOBS, check=lambda r: _stored(r, one.sha256) or _place(r), good=(200, 201, 204), headers=headers
        )
        if _stored(answer, one.sha256):
            return None
        url = _place(answer)
        assert url is not None  # else it would not count as an answer
        self.store.photo_begun(one, url)
        return url

    def _upload(self, one: Owed, url: str, local: Local) -> bool:
        """Chunk after chunk from where the server says it is. True: the blob is there. Raises Gone."""
        offset: int | None = 0 if one.url is None else None  # of one that was just begun it is known
        known, stuck, moved = 0, 0, False
        try:
            while True:
                if offset is None:
                    offset = self._offset(url, local.size)
                known = offset
                if offset == local.size:
                    raise Gone
                self._show(one, offset, local.size)
                self._give_way()
                try:
                    there, offset = self._chunk(one, url, local, offset, stuck)
                    if there:
                        return True
                    stuck, moved = 0, True
                except _Again as err:
                    offset, stuck = err.offset, stuck + 1
                    if stuck == TRIES:
                        raise err.why from err
                    if stuck > 1:
                        self._pause(0.01 * 5 ** (stuck - 1))
        except (NotReached, GiveWay, Trouble) as err:
            quiet = moved or isinstance(err, (GiveWay, Stopped))
            self.store.photo_left(one, known, failed=not quiet)
            raise

    def _chunk(self, one: Owed, url: str, local: Local, offset: int, stuck: int) -> tuple[bool, int]:
        """One request. Is the blob there, and how far is the upload? Raises _Again, Gone."""
        data, checksum = local.chunk(offset, self._chunks.size)
        end, began = offset + len(data), self.steady()
        headers = {"Tus-Resumable": TUS, "Upload-Offset": str(offset), "Upload-Checksum": checksum,
                   "Content-Type": "application/offset+octet-stream"}  # fmt: skip
        try:
            answer = self._raw("PATCH", url, check=lambda r: _stored(r, one.sha256) or _reached(r, end), good=(200, 204), tries=1,
                               headers=headers, content=data)  # fmt: skip
        except Stopped:
            raise
        except NotReached as err:
            # one cut says nothing of the size; what took too long, or was answered by a proxy, does
            if stuck or err.trouble.problem.number != CUT or self.steady() - began > CHUNK_S:
                self._chunks.failed()
            raise _Again(err) from err
        except Trouble as err:
            number = err.problem.number
            if number in GONE:
                raise Gone from err
            if number in (1303, *DAMAGED):
                self._chunks.failed()
            if number == 1303:
                raise _Again(NotReached(err), offset) from err
            if number in (
                1302,
                1304,
                *DAMAGED,
            ):  # the last two: perhaps an earlier connection that the server holds for alive
                raise _Again(err if number == 1304 else NotReached(err)) from err
            raise
        self._chunks.arrived(len(data), self.steady() - began)
        return _stored(answer, one.sha256) is not None, end

    def _offset(self, url: str, size: int) -> int:
        """How far an upload is. Raises Gone."""
        answer = self._raw("HEAD", url, check=lambda r: _gone(r, size) or _far(r, size), good=(200, 204, 403, 404, 410),
                           headers={"Tus-Resumable": TUS})  # fmt: skip
        far = _far(answer, size)
        if far is None:
            raise Gone
        return far


# --- what counts as an answer: only what our server says in its own name ------------------------------------------------


def _ours(response: httpx.Response) -> httpx.Response | None:
    return response if ours(response) else None


def _stored(response: httpx.Response, sha: str) -> httpx.Response | None:
    return response if ours(response) and response.headers.get(STORED) == sha else None


def _place(response: httpx.Response) -> str | None:
    """Where the upload is, by its name alone: what stands before it may be a proxy's."""
    name = urlsplit(response.headers.get("Location", "")).path.rpartition("/")[2]
    return f"{UPLOADS}/{name}" if ours(response) and response.status_code == 201 and name else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _reached(response: httpx.Response, end: int) -> httpx.Response | None:
    return response if ours(response) and _number(response.headers.get("Upload-Offset")) == end else None


def _far(response: httpx.Response, size: int) -> int | None:
    far = _number(response.headers.get("Upload-Offset")) if response.status_code in (200, 204) else None
    return far if ours(response) and far is not None and far <= size and not _of_another(response, size) else None


def _of_another(response: httpx.Response, size: int) -> bool:
    return response.headers.get("Upload-Length", str(size)) != str(size)


def _gone(response: httpx.Response, size: int) -> httpx.Response | None:
    over = response.status_code in (403, 404, 410) or _of_another(response, size)
    return response if ours(response) and over else None
