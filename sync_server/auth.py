"""Who is it? Passwords (argon2id), short access tokens (signed, nothing kept), rotating refresh tokens, signed device
assertions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from itsdangerous import BadData, TimestampSigner
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from schemas.problems import Trouble
from schemas.rules import evidence
from sync_server.service import Caller, Service
from sync_server.store import Tx

CLOCK_LEEWAY_S = 300  # a device clock further off is asked to go by server time
DEVICE = "jingtu"  # whom a device's assertion is for
DEVICE_S = 86_400  # a tablet that asks every few minutes signs in once a day; its enrolment is looked up each time all the same

MAX_JTI = 200  # PostgreSQL keeps no index over much longer ones

# (bucket, tries at once, seconds until one more): one person at one place; one place; one account from everywhere,
# wide enough that a stranger who knows a name cannot easily lock its owner out
LIMITS = (("both", 5, 30), ("place", 40, 5), ("name", 60, 10))


class Tokens(NamedTuple):
    access_token: str
    expires_in: int
    refresh_token: str | None


class _Signer(TimestampSigner):
    """By the server's own clock, which tests can turn. A token is 73 characters: a tablet sends it with every request."""

    def __init__(self, key: bytes, kind: str, now_ms: Callable[[], int]) -> None:
        super().__init__(key, salt=f"jingtu-access-{kind}", key_derivation="hmac", digest_method=sha256)
        self._now_ms = now_ms

    def get_timestamp(self) -> int:
        return self._now_ms() // 1000

    def token(self, id: str) -> str:
        return self.sign(evidence.b64(UUID(id).bytes)).decode()

    def id_of(self, token: str, max_age: int) -> str | None:
        """Whom it was made for, unless it is too old, of another kind, or nobody's."""
        try:
            return str(UUID(bytes=evidence.unb64(self.unsign(token, max_age=max_age).decode())))
        except (BadData, ValueError):
            return None


class Auth:
    def __init__(self, service: Service, signing_key: bytes, access_minutes: int, refresh_days: int) -> None:
        self._service, self._store = service, service.store
        self._of_person, self._of_device = (_Signer(signing_key, kind, service.now_ms) for kind in ("person", "device"))
        self._access_s, self._refresh_ms = access_minutes * 60, refresh_days * 86_400_000
        # OWASP's second choice (19 MiB, t=2, p=1): 2 cores serve logins beside sync
        self._hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def add_account(self, person: str, username: str, password: str) -> None:
        with self._store.writing() as tx:
            tx.add_account(person, username, self._hasher.hash(password))

    def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(password)

    def by_password(self, username: str, password: str, place: str) -> Tokens:
        """Raises Trouble 2001, 2007."""
        return self._issue(Caller(self.person_of(username, password, place)), secrets.token_hex(16))

    def person_of(self, username: str, password: str, place: str) -> str:
        """Whose name and password these are; `place` is where they were typed (a network address). Raises Trouble 2001,
        in the same time whether or not the user exists, and 2007 after too many wrong tries."""
        keys = {"both": f"both:{place}:{username}", "place": f"place:{place}", "name": f"name:{username}"}
        keys = {name: sha256(text.encode()).hexdigest() for name, text in keys.items()}
        now = self._service.now_ms()
        self._take_try(keys, now)
        with self._store.reading() as tx:
            account = tx.account(username)
        good = self._hasher.verify(password, account["password"] if account else self._nobody)
        if account is None or not good or account["disabled"]:
            raise Trouble(2001)
        with self._store.writing() as tx:
            free = {name: tx.throttle(keys[name]) for name, *_ in LIMITS}
            # only wrong tries count
            tx.set_throttles({keys[n]: 0 if n == "both" else free[n] - s * 1000 for n, _, s in LIMITS}, now)
        return str(account["person"])

    def _take_try(self, keys: dict[str, str], now: int) -> None:
        """A try is paid for before the password is looked at, so that many at once cannot slip through together."""
        with self._store.writing() as tx:
            full: dict[str, int] = {}
            for name, burst, seconds in LIMITS:
                full[keys[name]] = max(tx.throttle(keys[name]), now) + seconds * 1000
                wait = full[keys[name]] - now - burst * seconds * 1000
                if wait > 0:
                    raise Trouble(2007, seconds=-(-wait // 1000))
            tx.set_throttles(full, now)

    def by_refresh(self, token: str) -> Tokens:
        """Each refresh token works once; a second use ends the whole family (it was stolen, or the thief was faster)."""
        hashed = sha256(token.encode()).hexdigest()
        with self._store.writing() as tx:
            row = tx.refresh(hashed)
            first = row is not None and tx.use_refresh(hashed)
            if row is not None and not first:
                tx.drop_family(row["family"])
            account = tx.account_of(row["person"]) if row else None
            good = first and account is not None and not account["disabled"]
            if row is None or not good or row["expires_at"] < self._service.now_ms():
                tokens = None
            else:  # in this transaction: else a second use could end the family between the two, and miss the new one
                tokens = self._issue(Caller(row["person"]), row["family"], tx)
        if tokens is None:
            raise Trouble(2002)
        return tokens

    def by_assertion(self, assertion: str) -> Tokens:
        """A JWT signed by an enrolment's key (RFC 7523). A revoked one too gets a token: it may hand in what it has.

        Raises Trouble 2002, 2008, 2010."""
        try:
            body, _, signature = assertion.rpartition(".")
            header, claims = (json.loads(evidence.unb64(part)) for part in body.split("."))
            enrolment, issued, jti = str(claims["iss"]), int(claims["iat"]), str(claims["jti"])
            fits = (
                isinstance(claims["iss"], str)
                and header["alg"] == "EdDSA"
                and claims["aud"] == DEVICE
                and int(claims["exp"]) - issued <= CLOCK_LEEWAY_S
                and len(jti) <= MAX_JTI
            )
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as err:
            raise Trouble(2002) from err
        with self._store.reading() as tx:
            key = tx.key(enrolment)
        if fits and key is None:  # of another installation, or this one was restored from a backup older than it
            raise Trouble(2010)
        if not fits or key is None or not evidence.verify(key.public_key, body.encode(), signature):
            raise Trouble(2002)
        off = self._service.now_ms() // 1000 - issued
        if abs(off) > CLOCK_LEEWAY_S:
            raise Trouble(2008, {"offset_s": off}, seconds=abs(off))
        now = self._service.now_ms()
        with self._store.writing() as tx:
            if not tx.first_use(jti, now + 2 * CLOCK_LEEWAY_S * 1000, now):
                raise Trouble(2002)
        return self._issue(Caller(key.person, enrolment), None)

    def _issue(self, caller: Caller, family: str | None, tx: Tx | None = None) -> Tokens:
        """For a person also a refresh token of this family, in transaction `tx` or one of its own."""
        if caller.enrolment:
            return Tokens(self._of_device.token(caller.enrolment), DEVICE_S, None)
        access = self._of_person.token(caller.person)
        refresh = None
        if family is not None:
            refresh = secrets.token_urlsafe(32)
            until = self._service.now_ms() + self._refresh_ms
            with nullcontext(tx) if tx else self._store.writing() as open_tx:
                open_tx.add_refresh(sha256(refresh.encode()).hexdigest(), family, caller.person, until)
        return Tokens(access, self._access_s, refresh)

    def caller(self, token: str) -> Caller:
        """Raises Trouble 2002, 2010. Looked up each time: a token outlives no account. Whether a device may still read is the
        service's to say."""
        enrolment = self._of_device.id_of(token, DEVICE_S)
        person = None if enrolment else self._of_person.id_of(token, self._access_s)
        if enrolment is None and person is None:
            raise Trouble(2002)
        with self._store.reading() as tx:
            if enrolment:
                key = tx.key(enrolment)
                if key is None:
                    raise Trouble(2010)
                return Caller(key.person, enrolment)
            account = tx.account_of(person or "")
        if person is None or account is None or account["disabled"]:
            raise Trouble(2002)
        return Caller(person)
