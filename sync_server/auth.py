"""Who is it? Passwords (argon2id), short access tokens (signed, nothing kept), rotating refresh tokens, signed device
assertions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from itsdangerous import BadData, TimestampSigner
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from schemas.problems import Trouble
from schemas.rules import evidence
from sync_server.applying import fit_to_keep
from sync_server.passwords import weak
from sync_server.service import Caller, Service
from sync_server.service.inviting import WHY, Invited
from sync_server.store import Tx

CLOCK_LEEWAY_S = 300  # a device clock further off is asked to go by server time
DEVICE = "jingtu"  # whom a device's assertion is for
DEVICE_S = 86_400  # a tablet that asks every few minutes signs in once a day; its enrolment is looked up each time all the same

KEY_SIGN = "jtk_"  # what a key for programs begins with, so that a found one can be told for what it is
KEY_DAYS = 365  # the longest one counts
DAY_MS = 86_400_000
MAX_NAME = 100  # characters of the name of a key
KEY_SEEN_MS = 60_000  # how often a key in use is written down

NOTED_NAME = 64  # characters of what was typed as user name that stand in the audit log

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

    def add_account(self, person: str, username: str, password: str, by: str = "") -> None:
        with self._store.writing() as tx:
            tx.add_account(person, username, self._hasher.hash(password))
            if by:
                tx.note(self._service.now(), by, "account", person, username=username)

    def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(password)

    def by_password(self, username: str, password: str, place: str) -> Tokens:
        """Raises Trouble 2001, 2007."""
        person = self.person_of(username, password, place)
        with self._store.writing() as tx:
            tx.note(self._service.now(), person, "sign_in", person, way="program", place=place)
            return self._issue(Caller(person), secrets.token_hex(16), tx)

    def person_of(self, username: str, password: str, place: str) -> str:
        """Whose name and password these are; `place` is where they were typed (a network address). Raises Trouble 2001,
        in the same time whether or not the user exists, and 2007 after too many wrong tries. A refusal is noted with the name as
        typed, never the password; tries that are not even looked at are not, else whoever tries could fill the log."""
        keys = {"both": f"both:{place}:{username}", "place": f"place:{place}", "name": f"name:{username}"}
        keys = {name: sha256(text.encode()).hexdigest() for name, text in keys.items()}
        now = self._service.now_ms()
        self._take_try(keys, now)
        with self._store.reading() as tx:
            account = tx.account(username)
        good = self._hasher.verify(password, account["password"] if account else self._nobody)
        if account is None or not good or account["disabled"]:
            self._note_refused(username, place, "unknown" if account is None else "disabled" if good else "password")
            raise Trouble(2001)
        with self._store.writing() as tx:
            free = {name: tx.throttle(keys[name]) for name, *_ in LIMITS}
            # only wrong tries count
            tx.set_throttles({keys[n]: 0 if n == "both" else free[n] - s * 1000 for n, _, s in LIMITS}, now)
        return str(account["person"])

    def _note_refused(self, username: str, place: str, why: str) -> None:
        """Whoever may read the log learns whether there is such a user; who is refused does not."""
        shown = "".join(c if c.isprintable() else "?" for c in username.strip())[:NOTED_NAME]
        with suppress(Trouble), self._store.writing() as tx:  # a full disk makes no right password of a wrong one
            tx.note(self._service.now(), "?", "refused", shown, place=place, why=why)

    def _take_try(self, keys: dict[str, str], now: int) -> None:
        """A try is paid for before the password is looked at, so that many at once cannot slip through together."""
        with self._store.writing() as tx:
            full: dict[str, int] = {}
            for name, burst, seconds in (limit for limit in LIMITS if limit[0] in keys):
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

    # --- passwords people choose -------------------------------------------------------------------------------------

    def change_own(self, person: str, old: str, new: str, place: str, session: str) -> None:
        """Another password for whoever is signed in by this session; all others of his or hers end, programs signed in with the
        old password too. Raises Trouble 2001, 2007, 2016."""
        with self._store.reading() as tx:
            account, name = tx.account_of(person), self._name(tx, person)
        if account is None:
            raise Trouble(2001)
        if why := weak(new, account["username"], name):
            raise Trouble(2016, why=why)
        if self.person_of(account["username"], old, place) != person:
            raise Trouble(2001)
        hashed = self._hasher.hash(new)
        with self._store.writing() as tx:
            tx.set_account(person, password=hashed)
            ended = tx.drop_sessions(person, but=session)
            tx.drop_families(person)
            tx.withdraw_invitations(self._service.now_ms(), person)
            tx.note(self._service.now(), person, "password", person, ended=ended)

    def invited(self, code: str, place: str) -> Invited:
        """What a link is for. Raises Trouble 2012 for one that never was, 2007 for who asks for many such."""
        found = self._service.invitation(code)
        if found is None:
            self._take_try({"place": _hash(f"place:{place}")}, self._service.now_ms())
            raise Trouble(2012, why=WHY["unknown"])
        return found

    def accept(self, code: str, username: str, password: str, place: str) -> str:
        """User name and password for whoever was invited. Returns the person. Raises Trouble 2007, 2012, 2015, 2016, 3001."""
        found = self.invited(code, place)
        if found.state != "open":
            raise Trouble(2012, why=WHY[found.state])
        if why := weak(password, username, found.username, found.name):
            raise Trouble(2016, why=why)
        return self._service.take_invitation(code, username, self._hasher.hash(password))

    @staticmethod
    def _name(tx: Tx, person: str) -> str:
        found = tx.load("person", [person])
        return str(found[0].values.get("name", "")) if found else ""

    # --- keys for programs -------------------------------------------------------------------------------------------

    def make_key(self, person: str, name: str, days: int) -> str:
        """A key with which a program reads in a person's name; shown once, kept as a hash. Raises Trouble 2017, 1001."""
        name = name.strip()
        fit_to_keep([name])
        if not name or len(name) > MAX_NAME or not 1 <= days <= KEY_DAYS:
            raise Trouble(2017, days=KEY_DAYS)
        key, now = KEY_SIGN + secrets.token_urlsafe(32), self._service.now_ms()
        with self._store.writing() as tx:
            id = self._service.new_id()
            tx.add_api_key(
                id=id, hash=_hash(key), person=person, name=name, made_at=now, expires_at=now + days * DAY_MS
            )
            tx.note(self._service.now(), person, "key_made", id, name=name, days=days)
        return key

    def keys_of(self, person: str) -> list[Mapping[str, Any]]:
        """The newest first; what is in them of the key is a hash."""
        with self._store.reading() as tx:
            return tx.api_keys(person)

    def signed_in_programs(self, person: str) -> int:
        """How many are signed in with the person's password."""
        with self._store.reading() as tx:
            return tx.families_of(person, self._service.now_ms())

    def revoke_key(self, person: str, id: str) -> None:
        """One of one's own. Raises Trouble 2004."""
        now = self._service.now_ms()
        with self._store.writing() as tx:
            found = next((k for k in tx.api_keys(person) if k["id"] == id), None)
            if found is None:
                raise Trouble(2004)
            if tx.revoke_api_keys(now, person, id):
                tx.note(self._service.now(), person, "key_revoked", id, name=found["name"])

    def by_key(self, token: str) -> Caller:
        """Whom a key for programs speaks for: it reads what the person may read at this moment, and writes nothing (no route that
        writes takes one). Raises Trouble 2002."""
        now = self._service.now_ms()
        if not token.startswith(KEY_SIGN):
            raise Trouble(2002)
        with self._store.reading() as tx:
            key = tx.api_key(_hash(token))
            account = tx.account_of(key["person"]) if key else None
        good = account is not None and not account["disabled"]
        if key is None or not good or key["revoked_at"] is not None or now >= key["expires_at"]:
            raise Trouble(2002)
        if now - (key["used_at"] or 0) >= KEY_SEEN_MS:
            with suppress(Trouble), self._store.writing() as tx:  # a full disk can still be read
                tx.api_key_used(key["id"], now)
        return Caller(key["person"])


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
