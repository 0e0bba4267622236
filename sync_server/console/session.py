"""Who sits at the console: sign-in, server-side sessions, and which posts may be believed.

The cookie is an opaque random word; the database holds only its hash. A sign-in always makes a new one, so a cookie
planted beforehand is worth nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from schemas.problems import Trouble
from sync_server.auth import Auth
from sync_server.service import Caller, Service

IDLE_MS, LONGEST_MS = 30 * 60_000, 12 * 3_600_000
TOUCH_MS = 60_000  # how often a session in use is written down
COOKIE = "jingtu_session"
LONGEST_AGENT = 300  # characters of what a browser says of itself
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_ELSEWHERE = {"zh": "从别的网站提交", "en": "posting from another site"}


class Visitor(NamedTuple):
    """Who is signed in, and by which session."""

    caller: Caller
    username: str
    session: str


def secure(request: Request) -> bool:
    return request.url.scheme == "https"


def plain_over_network(request: Request) -> bool:
    """Passwords would travel readable: told on the sign-in page."""
    return not secure(request) and request.url.hostname not in LOOPBACK


def cookie_name(request: Request) -> str:
    # a browser takes __Host- only with Secure, and Secure only over https
    return f"__Host-{COOKIE}" if secure(request) else COOKIE


def believed(request: Request) -> bool:
    """May this request change something? Only when a page of our own sent it: browsers say so themselves."""
    if request.method in SAFE:
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")  # browsers leave Sec-Fetch-Site out on plain http
    if not origin or origin == "null":
        return False
    parts = urlsplit(origin)
    return parts.scheme == request.url.scheme and parts.netloc == request.headers.get("host")


def check_origin(request: Request) -> None:
    """Raises Trouble 2003 for a post that did not come from a page of ours."""
    if not believed(request):
        raise Trouble(2003, what=_ELSEWHERE)


class Sessions:
    def __init__(self, service: Service, auth: Auth) -> None:
        self._service, self._store, self._auth = service, service.store, auth

    def sign_in(self, request: Request, username: str, password: str) -> str:
        """The new cookie. Raises Trouble 2001 (wrong), 2007 (too often)."""
        username = username.strip()
        return self.begin(request, self._auth.person_of(username, password, where(request)), username)

    def begin(self, request: Request, person: str, username: str) -> str:
        """The cookie of a new session of somebody who has shown who he or she is."""
        now, place = self._service.now_ms(), where(request)
        token = secrets.token_urlsafe(32)
        old = request.cookies.get(cookie_name(request))
        agent = "".join(c for c in request.headers.get("user-agent", "") if c.isprintable())[:LONGEST_AGENT]
        with self._store.writing() as tx:
            if old:
                tx.drop_session(_hash(old))
            tx.add_session(_hash(token), person, username, now, now + LONGEST_MS, place, agent)
            tx.account_seen(person, now)
            tx.note(self._service.now(), person, "sign_in", person, way="console", place=place)
        return token

    def visitor(self, request: Request) -> Visitor | None:
        """Whom the cookie speaks for, while the session lives and the account is not disabled."""
        token = request.cookies.get(cookie_name(request))
        if not token:
            return None
        hashed, now = _hash(token), self._service.now_ms()
        with self._store.reading() as tx:
            row = tx.session(hashed)
            account = tx.account_of(row["person"]) if row else None
        if row is None or account is None or account["disabled"]:
            return None
        over = now >= row["expires_at"] or now - row["seen_at"] >= IDLE_MS
        if over or now - row["seen_at"] >= TOUCH_MS:
            with suppress(Trouble), self._store.writing() as tx:  # a full disk can still be read
                tx.drop_session(hashed) if over else tx.touch_session(hashed, now)
                if not over:
                    tx.account_seen(row["person"], now)
        if over:
            return None
        return Visitor(Caller(row["person"]), row["username"], hashed)

    def sign_out(self, request: Request) -> None:
        token = request.cookies.get(cookie_name(request))
        if token:
            with self._store.writing() as tx:
                row = tx.session(_hash(token))
                tx.drop_session(_hash(token))
                if row is not None:
                    tx.note(self._service.now(), row["person"], "sign_out", row["person"], place=where(request))

    def own(self, visitor: Visitor) -> list[Mapping[str, Any]]:
        """The sessions of whoever is signed in that have not ended, this one first."""
        now = self._service.now_ms()
        with self._store.reading() as tx:
            found = tx.sessions_of(visitor.caller.person, now)
        alive = [s for s in found if now - s["seen_at"] < IDLE_MS]
        return sorted(alive, key=lambda s: s["hash"] != visitor.session)

    def end(self, visitor: Visitor, name: str = "") -> int:
        """End one of one's own by its `session_name`, or all but this one, programs signed in with the password too. How many."""
        person = visitor.caller.person
        with self._store.writing() as tx:
            n = tx.drop_sessions(person, but=visitor.session, only=name)
            programs = 0 if name else tx.drop_families(person)
            if n or programs:
                tx.note(self._service.now(), person, "session_end", person, sessions=n)
        return n


def session_name(hash: str) -> str:
    """What a session is called on its owner's page: a part of the hash, from which nobody gets to the cookie."""
    return hash[:16]


def where(request: Request) -> str:
    """The network address a request came from; behind a proxy that is trusted the one it names."""
    return request.client.host if request.client else "?"


def give_cookie(request: Request, response: Response, token: str) -> None:
    response.set_cookie(cookie_name(request), token, path="/", secure=secure(request), httponly=True, samesite="lax")


def take_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), path="/", secure=secure(request), httponly=True, samesite="lax")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
