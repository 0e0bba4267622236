"""The sync itself: who am I, then per scope push → ask → pull → compare, readable top to bottom.

Anything may be cut at any point: every step is either repeated harmlessly or already noted in the store's transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any, NamedTuple

import httpx
from pydantic import ValidationError

from field_app.keys import Identity
from field_app.store import Batch, Store, signed_head
from field_app.sync.deciding import Deciding
from field_app.sync.directory import Directories
from field_app.sync.enrolling import Enrolling
from field_app.sync.keeping import Keeping
from field_app.sync.photos import NO_LINE, Photos
from field_app.sync.talk import NotReached, Packed, Progress, Stopped, SyncResult, parsed, refuse
from field_app.sync.thumbs import Thumbs
from schemas import canonical
from schemas.canonical import NotCanonical
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import (
    MAX_BATCH,
    Block,
    BlockRequest,
    Me,
    OutcomeNow,
    OutcomeQuery,
    PullHead,
    PushAnswer,
    Receipt,
    SeenAnswer,
    SeenHead,
)  # fmt: skip

FIRST, LEAST = 500, 50  # changes in the first batch, and on a line that carries no more
# for a batch to leave before the next is made ready, as both at once hold each other up: it takes 2 to 5 ms where the line is fast, and
# nobody waits for a slow one
HEAD_START_S = 0.01
OFFER = 200  # rows in one offer after a restore
TOO_MUCH = (1002, 1004)  # for this server's limits, which a proxy or its administrator may have narrowed


def _thread() -> Executor:
    return ThreadPoolExecutor(1, "push")


class _Ready(NamedTuple):
    """A batch as it goes out."""

    batch: Batch
    packed: Packed


class NewEpoch(Exception):
    """The server was restored: everything is marked to be offered and pulled again, so begin again."""


class Syncer(Enrolling, Deciding, Directories, Photos, Thumbs, Keeping):
    """`transport`, `pause` and `beside` (what sends a batch while the store notes the one before) are replaced in tests."""

    def __init__(
        self,
        store: Store,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        beside: Callable[[], Executor] = _thread,
    ) -> None:
        super().__init__(store, transport, pause)
        self._beside = beside
        # changes a batch may hold: more where they arrive, fewer where they do not, and never more than the server takes
        self._room, self._most = FIRST, MAX_BATCH
        self._news: dict[str, Me | None] = {}  # enrolment → what the server said at the beginning; None = nothing new
        self._tell: Callable[[Progress], None] = _quiet
        self._owing: list[Identity] = []  # whose photos go out: also those of a device that was revoked

    def run(self, progress: Callable[[Progress], None] | None = None) -> SyncResult:
        """Sync all scopes of everybody on this tablet who has unlocked since it started. Never raises for the network or the
        server: what could not be done is in the result."""
        with self._turn:
            return self._run(progress or _quiet)

    def _run(self, progress: Callable[[Progress], None]) -> SyncResult:
        self._stop.clear()
        self._result = result = SyncResult()
        self._tell = progress
        first = self.store.keys.require()
        others = (i for i in self.store.keys.identities.values() if i.enrolment != first.enrolment)
        people = [i for i in (first, *others) if not i.locked]
        with self._client(first.server_url) as http:
            for _ in range(10_000):  # ends when nothing new is recorded; the bound only stops an app gone wild
                self._http, self._result, self._tell = http, result, progress
                result.problems, made = [], self.store.made()
                try:
                    result.digests_equal = self._sync(people)
                except NotReached as err:
                    self._missed(err)
                    self._owing = []
                if not self._photos_too(made):
                    break
        counts = self.store.counts()
        if counts["foreign"]:
            result.problems.append(
                Trouble(1206)
            )  # unsent work of a person whose key is not here: nobody else can send it
        if counts["locked"]:
            result.problems.append(Trouble(1209, count=counts["locked"]))
        elif not people:
            result.problems.append(Trouble(2011))
        return result

    def _photos_too(self, made: int) -> bool:
        """Behind the records, also where one of them failed. True: something is to be recorded first, so once more."""
        result = self._result
        if result.stopped:
            return False
        try:
            if not self._send_photos(self._owing, made) and not self._others(made):
                return False
            stop = self._stop.is_set()
            self._turn.let_in()
            if stop:
                self._stop.set()
            return True
        except NotReached as err:  # stopped
            self._missed(err)
        except Trouble as err:
            result.photo_problems.append(err)
        return False

    def _others(self, made: int) -> bool:
        """Behind one's own photos, on a line that carries: drafts that are over are removed, and small pictures of what others
        photographed come. True as of the photos. Raises Stopped."""
        met = {t.problem.number for t in (*self._result.problems, *self._result.photo_problems)}
        if met & {*NO_LINE, 5006, 1104}:
            return False
        try:
            self._drop_signed(self._owing)
        except Stopped:
            raise
        except NotReached:
            return False
        return self._fetch_thumbs(self._owing, made)

    def _sync(self, people: Sequence[Identity]) -> bool:
        """True when every base is the server's. Raises NotReached before anything was asked."""
        self._owing = []
        here = [who for who in people if self._welcome(who, first=who is people[0])]
        for _ in range(3):  # a server restored in the middle of it: from the beginning
            try:
                return self._all_scopes(here) if here else False
            except NewEpoch:
                continue
        return False

    def _welcome(self, who: Identity, first: bool) -> bool:
        """May this person go on? If not, what he or she has is handed in where it may be."""
        self._who = who
        try:
            self._meet()
        except NewEpoch:
            pass
        except Trouble as err:
            if err.problem.number == 2005:  # revoked: what it has may still be handed in, for the project manager
                self._hand_in()
                self.store.grant([], who)  # and nothing be read any more
                self._owing.append(who)
            gone = err.problem.number in (2005, 2010) and not first
            if not gone or self.store.pending_scopes(who):  # who left and owes nothing troubles nobody
                self._result.problems.append(err)
            return False
        self._owing.append(who)
        return True

    def _all_scopes(self, people: Sequence[Identity]) -> bool:
        """Everybody's changes scope by scope, in the order they were made; then what came. True when all bases are the
        server's. Raises NewEpoch."""
        granted = {who.enrolment: {s.scope: s.reads for s in self.store.scopes(who)} for who in people}
        scopes = list(dict.fromkeys(s for own in granted.values() for s in own))
        left = dict.fromkeys(s for who in people for s in self.store.pending_scopes(who) if s not in scopes)
        equal = True
        for scope in [*scopes, *left]:
            members = [who for who in people if scope in granted[who.enrolment]]
            readers = [
                who for who in members if granted[who.enrolment][scope]
            ]  # who only hands in never asks for a row
            try:
                sent = self._push(scope, people)
                for self._who in members:
                    # before the rows: else a change taken meanwhile would lie on top of the row that holds it
                    if sent or self._news.get(self._who.enrolment):
                        self._ask_parked(scope)
                if readers and (sent or not self._current(scope, readers)):
                    self._who = readers[0]
                    equal &= self._pull(scope)
                if readers:
                    self._who = readers[0]
                    self._offer(scope)
            except NotReached as err:
                self._missed(err)
                equal = False
                if self._result.stopped:
                    break
            except Trouble as err:  # this scope waits; the others go on
                self._result.problems.append(err)
                equal = False
        if not self._result.stopped:
            self._fetch_directories(people, self._news)
        if equal and not self._result.problems:
            self._note_states(people)
        return equal

    def _missed(self, err: NotReached) -> None:
        """What the person stopped is no problem."""
        if isinstance(err, Stopped):
            self._result.stopped = True
        else:
            self._result.problems.append(err.trouble)

    def _note_states(self, people: Sequence[Identity]) -> None:
        """All that the server said there was is here now."""
        for who in people:
            if (me := self._news.get(who.enrolment)) and me.state:
                try:
                    self.store.set_state(who, me.state)
                except Trouble as err:  # no room: the next sync asks for all of it, which costs nothing but time
                    self._result.problems.append(err)

    def _hand_in(self) -> None:
        """Pushes what is unsent, and asks what was decided about it."""
        pending = set(self.store.pending_scopes(self._who))
        for scope in sorted(pending | set(self.store.parked_scopes(self._who))):
            for _ in range(2):
                with suppress(Trouble):  # the first one is told already
                    try:
                        self._push(scope, [self._who])
                        self._ask_parked(scope)
                    except NewEpoch:
                        continue
                break

    def _meet(self) -> None:
        """Who am I to the server, what may I see, and is its data still the one I know? With nothing new since the last whole
        sync that is all of one. Raises NewEpoch if its data is another, once all is marked to be offered again."""
        who, known = self._who, self.store.meta("epoch") or ""
        state = self.store.state(who)
        answer = self._raw(
            "GET", "/api/v1/me", params={"state": state} if state else {}, check=_me, or_same=bool(state)
        )
        self._result.reached = True
        me = self._news[who.enrolment] = _me(answer) if answer.status_code == 200 else None
        if me is not None:
            if me.epoch != known:  # since when it is another, it says only when asked
                me = self._ask("GET", "/api/v1/me", Me, params={"epoch": known})
            self.store.grant(me.scopes, who)
            if me.epoch != known:
                self.store.new_epoch(me.epoch, me.since)
        self._renew_blocks({w for s in self.store.scopes(who) for w in s.writes})
        if me is not None and me.epoch != known:
            raise NewEpoch

    def _current(self, scope: str, readers: Sequence[Identity]) -> bool:
        """Is the base as the server said it is? An older server does not say."""
        if self.store.refreshing(scope):  # what is here is to be replaced, even by nothing
            return False
        said = [self._news.get(who.enrolment) for who in readers]
        here = [self.store.cursor(scope), self.store.digest(scope)]
        return all(me is None or (me.heads is not None and list(me.heads.get(scope, ())) == here) for me in said)

    def _offer(self, scope: str) -> None:
        """After a restore: rows this tablet had pulled and the server's backup may not hold, for a person to look at."""
        while True:
            epoch, rows = self.store.offers(scope, OFFER)
            if not rows:
                return
            head = canonical.dumps(SeenHead(epoch=epoch).model_dump())
            try:
                packed = self._pack([head, *rows.values()])
                self._ask("POST", f"/api/v1/scopes/{scope}/seen", SeenAnswer, packed=packed)
            except Trouble as err:
                if err.problem.number != 1005:  # a server older than this: they stay here until it is updated
                    raise
                return
            self.store.offered(scope, epoch, rows)

    def _push(self, scope: str, people: Sequence[Identity] = ()) -> bool:
        """Pending changes of these people (default: whoever is speaking), in the order they were made, exactly the bytes
        they were made of; True if there were any. While one batch is on its way, the store notes what became of the one
        before and the next is made ready. Somebody who may not go on holds up nobody else. Raises NewEpoch."""
        senders = {i.enrolment: i for i in people or [self._who]}
        failed: Trouble | None = None
        with_links, sent = False, False
        ready: _Ready | None = None
        done: tuple[Batch, PushAnswer, int] | None = None  # taken by the server, not noted yet
        with self._beside() as pool:
            for _ in range(10_000):  # ends when nothing is pending; the bound only stops a server that lies
                if ready is None:
                    done = done and self._note(*done)
                    ready = self._next(scope, senders, with_links)
                if ready is None:
                    break
                batch, sent, tries = ready.batch, True, [0]
                self._who = senders[batch.enrolment]
                gone = Event()
                answer = pool.submit(self._send, ready, tries, gone)
                answer.add_done_callback(lambda _, gone=gone: gone.set())
                gone.wait(HEAD_START_S)
                following = self._next(scope, senders, sending=batch)
                done = done and self._note(*done)
                try:
                    done, ready, with_links = (batch, answer.result(), tries[0]), following, False
                    self._room = min(self._most, self._room * 2)
                    continue
                except NotReached:
                    self._room = max(LEAST, self._room // 2)
                    self.store.mark_sent(batch, tries[0])
                    raise
                except Trouble as err:
                    self.store.mark_sent(batch, tries[0])
                    number = err.problem.number
                    if number in TOO_MUCH and len(batch.lines) > 1:
                        self._room = self._most = len(batch.lines) // 2
                    elif number == 1205 and not with_links:
                        with_links = True
                    elif number == 1202 and err.extra.get("expected", batch.first) < batch.first:
                        self.store.offer_again(scope, int(err.extra["expected"]), self._who)
                    elif number == 1201:
                        self._other_epoch(err)
                    else:
                        del senders[self._who.enrolment]
                        failed, with_links = failed or err, False
                ready = None
        if failed is not None:
            raise failed
        return sent

    def _next(
        self, scope: str, senders: dict[str, Identity], with_links: bool = False, sending: Batch | None = None
    ) -> _Ready | None:
        """What goes out next: the oldest of all that these people have pending. Beside a batch on its way only more of the same
        chain is made ready, where nobody else has anything; what else there is waits for its outcome."""
        waiting = [e for e in senders if self.store.waits(scope, e)]
        if not waiting or (sending is not None and waiting != [sending.enrolment]):
            return None
        before = 2**62
        if len(waiting) > 1:
            since = self.store.waiting_since(scope)
            waiting.sort(key=lambda e: since[e])
            before = since[waiting[1]]
        who = senders[waiting[0]]
        batch = self.store.batch(scope, self._room, who, before, sending)
        return batch and self._ready(batch, who, with_links)

    def _note(self, batch: Batch, answer: PushAnswer, tries: int) -> None:
        self.store.acknowledge(batch, answer, tries)
        for _, n, outcome, _ in Receipt.model_validate_json(answer.receipt).runs:
            self._result.acknowledged += n if outcome in ("applied", "conflict") else 0
            self._result.conflicts += n if outcome == "conflict" else 0
            self._result.parked += n if outcome == "parked" else 0
            self._result.rejected += n if outcome == "rejected" else 0
        self._tell(Progress("push", batch.scope, self._result.pushed, self._result.pushed + batch.left, *self._bytes()))

    def _other_epoch(self, err: Trouble) -> None:
        """The server's data is another than the one this was made for. Raises NewEpoch."""
        try:
            self._meet()
        except Trouble as no:
            if no.problem.number != 2005:
                raise
            # a revoked tablet is not told since when; it offers all it had seen, should it ever be let in again
            self.store.new_epoch(str(err.extra.get("epoch", "")))
        raise NewEpoch

    def _ready(self, batch: Batch, who: Identity, with_links: bool) -> _Ready:
        head = signed_head(batch, who, self.store.meta("epoch") or "", with_links)
        return _Ready(batch, self._pack([canonical.dumps(head.model_dump(exclude_none=True)), *batch.lines]))

    def _send(self, ready: _Ready, tries: list[int], gone: Event) -> PushAnswer:
        """`tries`: how often it went out is added to the one number in it. `gone` is set when all of it has left here."""
        batch = ready.batch

        def count() -> None:
            tries[0] += 1

        def trace(what: str, _: dict[str, Any]) -> None:
            if what.endswith(".send_request_body.complete"):
                gone.set()

        answer = self._ask(
            "POST", f"/api/v1/scopes/{batch.scope}/push", PushAnswer, packed=ready.packed, before=count,
            check=lambda a: self._receipt_fits(a, batch), extensions={"trace": trace},
        )  # fmt: skip
        self._result.pushed += len(batch.lines)
        return answer

    def _receipt_fits(self, answer: PushAnswer, batch: Batch) -> bool:
        """Signed by our server, for exactly this batch."""
        identity = self._who
        if not evidence.verify(identity.server_key, answer.receipt.encode(), answer.signature):
            return False
        r = Receipt.model_validate_json(answer.receipt)
        covered = [(pos, n) for pos, n, _, _ in r.runs]
        return (
            (r.scope, r.enrolment, r.first, r.last, r.head)
            == (batch.scope, identity.enrolment, batch.first, batch.last, batch.links[-1].hex())
            and sum(n for _, n in covered) == len(batch.lines)
            and all(pos == batch.first + sum(n for _, n in covered[:i]) for i, (pos, _) in enumerate(covered))
        )

    def _pull(self, scope: str) -> bool:
        """Rows until there are no more; True when the base's digest equals the server's. A mismatch starts over once."""
        for start_over in (False, True):
            if self._all_pages(scope) == self.store.digest(scope):
                return True
            if not start_over:
                self.store.start_over(scope)
        return False

    def _all_pages(self, scope: str) -> str | None:
        """From the cursor to the end; the digest the server told there. While one page is written the next is on its way.
        Raises NewEpoch."""
        with self._beside() as pool:
            coming = pool.submit(self._page, scope, self.store.cursor(scope))
            while True:
                try:
                    head, lines = coming.result()
                except Trouble as err:
                    if (
                        err.problem.number == 1201
                    ):  # here, not beside: nothing of the old epoch may be written after this
                        self._other_epoch(err)
                    raise
                if head.more:
                    coming = pool.submit(self._page, scope, head.cursor)
                try:
                    self.store.apply_pull(scope, head, lines)
                except NotCanonical as err:  # hurt on its way: not noted, and asked for again
                    raise NotReached from err
                self._result.pulled += len(lines)
                self._tell(Progress("pull", scope, head.cursor, head.head, *self._bytes()))
                if not head.more:
                    return head.digest

    def _bytes(self) -> tuple[int, int]:
        return self._result.bytes_up, self._result.bytes_down

    def _page(self, scope: str, cursor: int) -> tuple[PullHead, list[bytes]]:
        params = {"cursor": cursor, "epoch": self.store.meta("epoch") or ""}
        return (
            _whole_pull(self._raw("GET", f"/api/v1/scopes/{scope}/pull", params=params, check=_whole_pull)) or refuse()
        )

    def _ask_parked(self, scope: str) -> None:
        ids = self.store.parked(scope, self._who)
        for n in range(0, len(ids), MAX_BATCH):
            query = OutcomeQuery(ids=ids[n : n + MAX_BATCH]).model_dump()
            news = self._raw("POST", f"/api/v1/scopes/{scope}/outcomes", json=query, check=_outcomes)
            self.store.resolved(scope, _outcomes(news) or [])

    def _renew_blocks(self, writes: set[str]) -> None:
        """Ask for the next numbers early (at 80 % used), and for enough: two samples per planned point on this device."""
        wanted = {"sample": max(100, 2 * self.store.count("planned_point"))} if "sample" in writes else {}
        if "manifest" in writes:
            wanted["manifest"] = 1000
        for use, size in wanted.items():
            if self.store.numbers_left(use) < max(20, size // 5):
                request = BlockRequest(use=use, size=min(size, 10_000))  # type: ignore[arg-type]
                self.store.add_block(self._ask("POST", "/api/v1/blocks", Block, json=request.model_dump()))


def _quiet(_: Progress) -> None:
    pass


def _me(response: httpx.Response) -> Me | None:
    return parsed(response, Me)


def _whole_pull(response: httpx.Response) -> tuple[PullHead, list[bytes]] | None:
    lines = response.content.split(b"\n")
    try:
        head = PullHead.model_validate_json(lines[0])
        rows = lines[1:]
    except ValidationError:
        return None
    return (head, rows) if len(rows) == head.count else None


def _outcomes(response: httpx.Response) -> list[OutcomeNow] | None:
    try:
        return [OutcomeNow.model_validate_json(canonical.dumps(x)) for x in canonical.loads(response.content)]
    except (ValidationError, NotCanonical, TypeError):
        return None
