"""The only file that speaks HTTP. One loop, readable top to bottom: who am I, then per scope push → ask → pull → compare.

Anything may be cut at any point: every step is either repeated harmlessly or already noted in the store's transaction.
A 200 is success only when it carries a receipt the server signed, or a pull whose lines are all there.
"""

from __future__ import annotations

import gzip
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from field_app.keys import Identity
from field_app.store import Batch, Store
from schemas import VERSION, canonical
from schemas.canonical import NotCanonical
from schemas.problems import PROBLEMS, Trouble
from schemas.records import SCHEMA
from schemas.rules import evidence
from schemas.wire import (
    OLDEST_SERVER,
    PROTOCOL,
    Block,
    BlockRequest,
    EnrolAnswer,
    EnrolRequest,
    Me,
    OutcomeNow,
    OutcomeQuery,
    PullHead,
    PushAnswer,
    PushHead,
    Receipt,
    SeenAnswer,
    SeenHead,
)  # fmt: skip

BATCH = 500
OFFER = 200  # rows in one offer after a restore
TRIES = 4  # of one request, before this scope waits for the next sync
DAMAGED = (1001, 1207)  # unreadable there: most likely hurt on the way, so worth another try
TOO_MUCH = (1002, 1004)  # for this server's limits, which a proxy or its administrator may have narrowed
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523
Model = TypeVar("Model", bound=BaseModel)


class Progress(NamedTuple):
    phase: str  # "push" or "pull"
    scope: str
    done: int
    total: int


@dataclass
class SyncResult:
    """What a sync did. `reached` = the server answered at all; `problems` name what has to wait, nothing is lost."""

    reached: bool = False
    pushed: int = 0
    acknowledged: int = 0
    rejected: int = 0
    parked: int = 0
    conflicts: int = 0
    pulled: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    digests_equal: bool = False
    problems: list[Trouble] = field(default_factory=list)


class NotReached(Exception):
    """No usable answer: timeout, cut, captive portal, proxy page."""


class NewEpoch(Exception):
    """The server was restored: everything is marked to be offered and pulled again, so begin again."""


class Syncer:
    """`transport` and `pause` are replaced in tests; everything else is what ships."""

    def __init__(
        self, store: Store, transport: httpx.BaseTransport | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.store = store
        self._transport, self._pause = transport, pause
        self._tokens: dict[str, str] = {}  # enrolment → access token
        self._tls: ssl.SSLContext | None = None
        self._result = SyncResult()

    # --- enrolment -----------------------------------------------------------------------------------------------

    def enrol(
        self, server_url: str, code: str, label: str, app_version: str = VERSION, beside: bool = False
    ) -> EnrolAnswer:
        """Bind this device and the person the code was made for. `beside`: a further person on this tablet, vouched for by
        whoever has it now; without it the tablet counts as a new device. Raises Trouble 2006, 5004."""
        old = self.store.identity if beside else None
        try:
            private, salt_key, answer = self._ask_to_enrol(server_url, code, label, app_version, old)
        except Trouble as err:
            if err.problem.number != 2006 or not self.store.keys.drop_draft(code):
                raise
            private, salt_key, answer = self._ask_to_enrol(server_url, code, label, app_version, old)
        identity = Identity(answer.enrolment, answer.device, answer.device_code, answer.person, answer.person_name,
                            server_url, answer.server_key, private, salt_key)  # fmt: skip
        self.store.keys.save(identity)
        with suppress(Trouble):  # enrolled it is: what there is no room for now, the next start or sync does
            self.store.carry_over(identity)
            if (
                self.store.meta("epoch") is None
            ):  # a tablet that knows another one learns at its next sync what to offer
                self.store.set_meta("epoch", answer.epoch)
            self.store.grant(answer.scopes)
        return answer

    def _ask_to_enrol(
        self, server_url: str, code: str, label: str, app_version: str, old: Identity | None
    ) -> tuple[bytes, bytes, EnrolAnswer]:
        private, salt_key = self.store.keys.draft(code)  # kept until enrolled: a lost answer is asked for again
        public, salt = evidence.public_of(private), evidence.b64(salt_key)
        text = f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode()
        request = EnrolRequest(
            code=code, public_key=public, salt_key=salt, label=label, app_version=app_version,
            signature=evidence.sign(private, text), beside=old.enrolment if old else None,
            beside_signature=evidence.sign(old.private_key, text) if old else None,
        )  # fmt: skip
        with self._client(server_url) as http:
            try:
                response = http.post("/api/v1/enrol", json=request.model_dump(exclude_none=True))
                return private, salt_key, self._read(response, EnrolAnswer)
            except (httpx.HTTPError, NotReached) as err:
                raise Trouble(5004) from err

    # --- the loop ------------------------------------------------------------------------------------------------

    def run(self, progress: Callable[[Progress], None] | None = None) -> SyncResult:
        """Sync all scopes of everybody on this tablet. Never raises for the network or the server: what could not be done is
        in the result."""
        self._result = result = SyncResult()
        self._tell = progress or (lambda _: None)
        first = self.store.keys.require()
        people = [first, *(i for i in self.store.keys.identities.values() if i is not first)]
        with self._client(first.server_url) as http:
            self._http = http
            try:
                result.digests_equal = self._sync(people)
            except NotReached:
                result.problems.append(Trouble(5004))
        if self.store.counts()["foreign"]:
            result.problems.append(
                Trouble(1206)
            )  # unsent work of a person whose key is not here: nobody else can send it
        return result

    def _sync(self, people: Sequence[Identity]) -> bool:
        """True when every base is the server's. Raises NotReached before anything was asked."""
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
            return True
        except NewEpoch:
            return True
        except Trouble as err:
            if err.problem.number == 2005:  # revoked: what it has may still be handed in, for the project manager
                self._hand_in()
                self.store.grant([], who)  # and nothing be read any more
            gone = err.problem.number in (2005, 2010) and not first
            if not gone or self.store.pending_scopes(who):  # who left and owes nothing troubles nobody
                self._result.problems.append(err)
            return False

    def _all_scopes(self, people: Sequence[Identity]) -> bool:
        """Everybody's changes scope by scope, in the order they were made; then what came. True when all bases are the
        server's. Raises NewEpoch."""
        granted = {who.enrolment: [s.scope for s in self.store.scopes(who)] for who in people}
        scopes = list(dict.fromkeys(s for own in granted.values() for s in own))
        left = dict.fromkeys(s for who in people for s in self.store.pending_scopes(who) if s not in scopes)
        equal = True
        for scope in [*scopes, *left]:
            readers = [who for who in people if scope in granted[who.enrolment]]
            try:
                self._push(scope, people)
                for self._who in readers:
                    # before the rows: else a change taken meanwhile would lie on top of the row that holds it
                    self._ask_parked(scope)
                if readers:
                    self._who = readers[0]
                    equal &= self._pull(scope)
                    self._offer(scope)
            except NotReached:
                self._result.problems.append(Trouble(5004))
                equal = False
            except Trouble as err:  # this scope waits; the others go on
                self._result.problems.append(err)
                equal = False
        return equal

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
        """Who am I to the server, what may I see, and is its data still the one I know? Raises NewEpoch if it is not, once all
        is marked to be offered again."""
        known = self.store.meta("epoch") or ""
        me = self._ask("GET", "/api/v1/me", Me, params={"epoch": known})
        self._result.reached = True
        self.store.grant(me.scopes, self._who)
        if me.epoch != known:
            self.store.new_epoch(me.epoch, me.since)
        self._renew_blocks({w for s in me.scopes for w in s.writes})
        if me.epoch != known:
            raise NewEpoch

    def _offer(self, scope: str) -> None:
        """After a restore: rows this tablet had pulled and the server's backup may not hold, for a person to look at."""
        while True:
            epoch, rows = self.store.offers(scope, OFFER)
            if not rows:
                return
            head = canonical.dumps(SeenHead(epoch=epoch).model_dump())
            packed = gzip.compress(b"\n".join([head, *rows.values()]), 1, mtime=0)
            headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
            try:
                self._ask("POST", f"/api/v1/scopes/{scope}/seen", SeenAnswer, content=packed, headers=headers)
            except Trouble as err:
                if err.problem.number != 1005:  # a server older than this: they stay here until it is updated
                    raise
                return
            self.store.offered(scope, epoch, rows)

    def _push(self, scope: str, people: Sequence[Identity] = ()) -> None:
        """Pending changes of these people (default: whoever is speaking), in the order they were made, exactly the bytes
        they were made of. Somebody who may not go on holds up nobody else. Raises NewEpoch."""
        senders = {i.enrolment: i for i in people or [self._who]}
        failed: Trouble | None = None
        with_links, limit = False, BATCH
        for _ in range(10_000):  # ends when nothing is pending; the bound only stops a server that lies
            turns = sorted((t, e) for e, t in self.store.waiting_since(scope).items() if e in senders)
            if not turns:
                break
            self._who = senders[turns[0][1]]
            batch = self.store.batch(scope, limit, self._who, before=turns[1][0] if len(turns) > 1 else 2**62)
            if batch is None:
                break
            try:
                answer = self._send(batch, with_links)
            except Trouble as err:
                number = err.problem.number
                if number in TOO_MUCH and len(batch.lines) > 1:
                    limit = len(batch.lines) // 2
                elif number == 1205 and not with_links:
                    with_links = True
                elif number == 1202 and err.extra.get("expected", batch.first) < batch.first:
                    self.store.offer_again(scope, int(err.extra["expected"]), self._who)
                elif number == 1201:
                    self._other_epoch(err)
                else:
                    del senders[self._who.enrolment]
                    failed, with_links = failed or err, False
                continue
            with_links = False
            self.store.acknowledge(batch, answer)
            receipt = Receipt.model_validate_json(answer.receipt)
            self._result.acknowledged += sum(n for _, n, o, _ in receipt.runs if o in ("applied", "conflict"))
            self._result.conflicts += sum(n for _, n, o, _ in receipt.runs if o == "conflict")
            self._result.parked += sum(n for _, n, o, _ in receipt.runs if o == "parked")
            self._result.rejected += sum(n for _, n, o, _ in receipt.runs if o == "rejected")
            self._tell(Progress("push", scope, self._result.pushed, self._result.pushed + batch.left))
        if failed is not None:
            raise failed

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

    def _send(self, batch: Batch, with_links: bool) -> PushAnswer:
        identity = self._who
        lines = evidence.lines_hash(batch.lines)
        message = evidence.head_message(batch.scope, identity.enrolment, batch.last, batch.links[-1], lines)
        head = PushHead(
            enrolment=identity.enrolment, epoch=self.store.meta("epoch") or "", first=batch.first, prev=batch.prev.hex(),
            head=batch.links[-1].hex(), lines=lines, signature=evidence.sign(identity.private_key, message),
            links=[x.hex() for x in batch.links] if with_links else None, pending=batch.left, types=SCHEMA,
        )  # fmt: skip
        body = b"\n".join([canonical.dumps(head.model_dump(exclude_none=True)), *batch.lines])
        packed = gzip.compress(body, 1, mtime=0)
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}

        def count() -> None:
            self.store.mark_sent(batch)

        answer = self._ask(
            "POST", f"/api/v1/scopes/{batch.scope}/push", PushAnswer, content=packed, headers=headers, before=count,
            check=lambda a: self._receipt_fits(a, batch),
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
            while True:
                cursor = self.store.cursor(scope)
                head, lines = self._pull_page(scope, cursor)
                self.store.apply_pull(scope, head, lines)
                self._result.pulled += len(lines)
                self._tell(Progress("pull", scope, head.cursor, head.head))
                if not head.more:
                    break
            if head.digest == self.store.digest(scope):
                return True
            if not start_over:
                self.store.start_over(scope)
        return False

    def _pull_page(self, scope: str, cursor: int) -> tuple[PullHead, list[bytes]]:
        params = {"cursor": cursor, "epoch": self.store.meta("epoch") or ""}
        try:
            response = self._raw("GET", f"/api/v1/scopes/{scope}/pull", params=params, check=_whole_pull)
        except Trouble as err:
            if err.problem.number == 1201:
                self._other_epoch(err)
            raise
        return _whole_pull(response) or _never()

    def _ask_parked(self, scope: str) -> None:
        ids = self.store.parked(scope, self._who)
        if ids:
            news = self._raw(
                "POST", f"/api/v1/scopes/{scope}/outcomes", json=OutcomeQuery(ids=ids).model_dump(), check=_outcomes
            )
            self.store.resolved(scope, _outcomes(news) or [])

    def _renew_blocks(self, writes: set[str]) -> None:
        """Ask for the next numbers early (at 80 % used), and for enough: two samples per planned point on this device."""
        wanted = {"sample": max(100, 2 * len(self.store.all("planned_point")))} if "sample" in writes else {}
        if "manifest" in writes:
            wanted["manifest"] = 1000
        for use, size in wanted.items():
            if self.store.numbers_left(use) < max(20, size // 5):
                request = BlockRequest(use=use, size=min(size, 10_000))  # type: ignore[arg-type]
                self.store.add_block(self._ask("POST", "/api/v1/blocks", Block, json=request.model_dump()))

    # --- requests ------------------------------------------------------------------------------------------------

    def _client(self, base_url: str) -> httpx.Client:
        timeout = httpx.Timeout(60.0, connect=10.0)
        spoken = {"Jingtu-Protocol": str(PROTOCOL)}
        if self._transport is not None:
            return httpx.Client(
                base_url=base_url, transport=self._transport, timeout=timeout, trust_env=False, headers=spoken
            )
        # reading the system's certificates takes 0.1 s: once per app, and only where TLS is spoken
        if self._tls is None and base_url.startswith("https:"):
            self._tls = httpx.create_ssl_context()
        return httpx.Client(base_url=base_url, verify=self._tls or False, timeout=timeout, headers=spoken)

    def _ask(
        self, method: str, path: str, model: type[Model], check: Callable[[Model], bool] | None = None, **request: Any
    ) -> Model:
        def whole(response: httpx.Response) -> Model | None:
            answer = _parse(response, model)
            return answer if answer is not None and (check is None or check(answer)) else None

        return whole(self._raw(method, path, check=whole, **request)) or _never()

    def _raw(
        self,
        method: str,
        path: str,
        check: Callable[[httpx.Response], object],
        before: Callable[[], None] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Send until a whole, checked answer came. Raises Trouble for a problem the server states, else NotReached."""
        headers = request.pop("headers", {})
        damaged: Trouble | None = None
        for attempt in range(TRIES):
            if attempt:
                self._pause(0.2 * 2**attempt)
            try:
                token = self._tokens.get(self._who.enrolment) or self._new_token()
            except Trouble as err:
                if err.problem.number != 2002 or attempt == TRIES - 1:
                    raise
                continue  # the statement arrived twice and counts once: make another
            except httpx.HTTPError:
                continue
            try:
                if before:
                    before()
                response = self._http.request(
                    method, path, headers={**headers, "Authorization": f"Bearer {token}"}, **request
                )
            except httpx.HTTPError:
                continue
            finally:
                self._result.bytes_up += len(request.get("content") or b"")
            self._result.bytes_down += response.num_bytes_downloaded
            trouble = _trouble(response)
            if trouble is not None:
                if trouble.problem.number == 2002:
                    self._tokens.pop(self._who.enrolment, None)
                elif trouble.problem.number in DAMAGED:
                    damaged = trouble
                elif trouble.problem.status < 500:
                    raise trouble
                continue
            if response.status_code == 200 and check(response) is not None:
                return response
        raise damaged or NotReached

    def _new_token(self) -> str:
        """An access token for a signed statement of who we are: nobody types a password in the field."""
        identity = self._who
        for _ in range(2):
            offset = int(self.store.meta("server_offset_ms") or 0)
            now = int((self.store.clock.now().timestamp() * 1000 + offset) // 1000)
            claims = {
                "iss": identity.enrolment,
                "aud": "jingtu",
                "iat": now,
                "exp": now + 120,
                "jti": secrets.token_hex(16),
            }
            body = ".".join(evidence.b64(canonical.dumps(part)) for part in ({"alg": "EdDSA", "typ": "JWT"}, claims))
            assertion = f"{body}.{evidence.sign(identity.private_key, body.encode())}"
            sent = self.store.clock.now()
            response = self._http.post("/api/v1/auth/token", data={"grant_type": JWT_BEARER, "assertion": assertion})
            trouble = _trouble(response)
            if "Jingtu-Time" in response.headers and response.headers["Jingtu-Time"].isdigit():
                middle = (sent.timestamp() + self.store.clock.now().timestamp()) * 500
                self.store.set_meta("server_offset_ms", str(int(response.headers["Jingtu-Time"]) - int(middle)))
            if trouble is not None:
                if trouble.problem.number == 2008:
                    continue  # once more, by the server's time
                raise trouble
            try:
                token = self._tokens[identity.enrolment] = str(response.json()["access_token"])
                return token
            except (ValueError, KeyError, TypeError) as err:
                raise httpx.ProtocolError("not a token") from err
        raise httpx.ProtocolError("clock")

    def _read(self, response: httpx.Response, model: type[Model]) -> Model:
        trouble = _trouble(response)
        if trouble is not None:
            raise trouble
        answer = _parse(response, model) if response.status_code == 200 else None
        if answer is None:
            raise NotReached
        return answer


def _never() -> Any:
    raise NotReached


def _parse(response: httpx.Response, model: type[Model]) -> Model | None:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        return None


def _whole_pull(response: httpx.Response) -> tuple[PullHead, list[bytes]] | None:
    lines = response.content.split(b"\n")
    try:
        head = PullHead.model_validate_json(lines[0])
        rows = lines[1:]
        if len(rows) != head.count:
            return None
        for row in rows:
            canonical.loads(row)
    except (ValidationError, NotCanonical):
        return None
    return head, rows


def _outcomes(response: httpx.Response) -> list[OutcomeNow] | None:
    try:
        return [OutcomeNow.model_validate_json(canonical.dumps(x)) for x in canonical.loads(response.content)]
    except (ValidationError, NotCanonical, TypeError):
        return None


def _trouble(response: httpx.Response) -> Trouble | None:
    """The server's own word on what is wrong; a proxy's error page is not one."""
    spoken = response.headers.get("jingtu-protocol", "")
    if spoken.isdigit() and int(spoken[:9]) < OLDEST_SERVER:
        return Trouble(5006)
    if "application/problem+json" not in response.headers.get("content-type", ""):
        return None
    try:
        body = response.json()
        number = int(body["number"])
    except (ValueError, KeyError, TypeError):
        return None
    if number not in PROBLEMS:  # a newer server: show its own words
        number = 5005
    known = PROBLEMS[number]
    trouble = Trouble(number, {k: v for k, v in body.items() if k not in ("type", "title", "detail")})
    trouble.said = {lang: (body.get(lang) or {}).get("title") or getattr(known, lang) for lang in ("zh", "en")}
    return trouble
