"""Enrolling again, numbers, tokens that end early, tries that are counted, bodies that are too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from schemas.rules import evidence
from sync_server.api import MAX_SMALL
from tests.api.conftest import Device, Server, problem
from tests.sim.transport import AppTransport


def enrol(server: Server, person: str, key: bytes) -> Any:
    code = server.service.new_code(person, server.pm)
    public, salt = evidence.public_of(key), evidence.b64(bytes(32))
    signature = evidence.sign(key, f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode())
    request = {"code": code, "public_key": public, "salt_key": salt, "label": "x", "signature": signature}
    return server.http.post("/api/v1/enrol", json=request), request


def test_a_kept_key_with_a_new_code_is_the_same_enrolment(server: Server) -> None:
    key = evidence.new_key()
    first, _ = enrol(server, server.sampler, key)
    again, request = enrol(server, server.sampler, key)
    assert again.status_code == 200 and again.json() == first.json()
    assert server.sql("SELECT count(*) FROM device_key") == [(1,)]
    assert server.http.post("/api/v1/enrol", json=request).json() == first.json()  # lost once more
    assert server.sql("SELECT count(*) FROM enrol_code WHERE used_by IS NULL") == [(0,)]


def test_a_kept_key_of_another_person_or_revoked(server: Server) -> None:
    key = evidence.new_key()
    first, request = enrol(server, server.sampler, key)
    problem(enrol(server, server.inspector, key)[0], 2006)
    server.service.revoke(first.json()["enrolment"])
    problem(enrol(server, server.sampler, key)[0], 2006)
    problem(server.http.post("/api/v1/enrol", json=request), 2006)
    assert server.sql("SELECT count(*) FROM device_key") == [(1,)]


def test_numbers_only_for_what_one_may_write(server: Server) -> None:
    def ask(device: Device, use: str) -> httpx.Response:
        return server.http.post("/api/v1/blocks", json={"use": use, "size": 5}, headers=device.auth)

    sampler, inspector, nobody = (Device(server, p) for p in (server.sampler, server.inspector, server.stranger))
    assert {use: ask(sampler, use).status_code for use in ("sample", "custody")} == {"sample": 200, "custody": 200}
    assert ask(inspector, "inspection").status_code == 200
    before = server.state()
    for device, use in ((sampler, "inspection"), (sampler, "manifest"), (inspector, "manifest"), (nobody, "sample")):
        problem(ask(device, use), 2003)
    assert server.state() == before


# --- passwords -------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(server: Server) -> Iterator[httpx.Client]:
    """The same server, from another address."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await server.app({**scope, "client": ("elsewhere", 1)}, receive, send)

    transport = AppTransport(app)
    with httpx.Client(transport=transport, base_url="http://sim") as client:
        yield client
    transport.shut()


def test_wrong_passwords_are_slowed(server: Server, elsewhere: httpx.Client) -> None:
    server.auth.add_account(server.pm, "xu", "long enough")
    server.auth.add_account(server.sampler, "zhou", "long enough")

    def ask(client: httpx.Client, username: str, password: str) -> httpx.Response:
        return client.post("/api/v1/auth/token", data={"username": username, "password": password})

    answers = [ask(server.http, "xu", "wrong") for _ in range(100)]
    assert [a.status_code for a in answers] == [401] * 5 + [429] * 95
    problem(answers[-1], 2007)
    assert answers[-1].headers["Retry-After"] == "30"
    assert ask(server.http, "xu", "long enough").status_code == 429
    assert ask(elsewhere, "zhou", "long enough").status_code == 200
    assert ask(elsewhere, "xu", "long enough").status_code == 200
    server.clock.turn(seconds=31)
    assert ask(server.http, "xu", "long enough").status_code == 200


def test_a_disabled_account_is_out_at_once(server: Server) -> None:
    server.auth.add_account(server.pm, "xu", "long enough")
    data = {"username": "xu", "password": "long enough"}
    auth = {"Authorization": "Bearer " + server.http.post("/api/v1/auth/token", data=data).json()["access_token"]}
    assert server.http.get("/api/v1/me", headers=auth).status_code == 200
    with server.service.store.writing() as tx:
        tx.conn.exec_driver_sql("UPDATE account SET disabled = 1")
    problem(server.http.get("/api/v1/me", headers=auth), 2002)


# --- bodies ----------------------------------------------------------------------------------------------------------


class Sent:
    """A request by hand: how much of its body was taken."""

    def __init__(self, server: Server, path: str, chunks: list[bytes], headers: list[tuple[bytes, bytes]]) -> None:
        self.left, self.server = list(reversed(chunks)), server
        self.scope = {"path": path, "raw_path": path.encode(), "headers": headers}

    def status(self) -> int:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def chunk() -> dict[str, Any]:
                body = self.left.pop() if self.left else b""
                return {"type": "http.request", "body": body, "more_body": bool(self.left)}

            await self.server.app({**scope, **self.scope}, chunk, send)

        transport = AppTransport(app)
        try:
            with httpx.Client(transport=transport, base_url="http://sim") as client:
                return client.post("/").status_code
        finally:
            transport.shut()


def test_large_bodies_are_refused_unread(server: Server) -> None:
    kind = (b"content-type", b"application/json")
    for path in ("/api/v1/enrol", "/api/v1/blocks", "/api/v1/scopes/x/outcomes", "/console/login", "/nowhere"):
        told = Sent(server, path, [b"x"] * 9, [kind, (b"content-length", b"%d" % (MAX_SMALL + 1))])
        assert told.status() == 413 and len(told.left) == 9, path
        untold = Sent(server, path, [b"x" * 100_000] * 50, [kind, (b"transfer-encoding", b"chunked")])
        assert untold.status() == 413 and len(untold.left) == 39, path
    whole = Sent(server, "/api/v1/enrol", [b"{", b"}"], [kind, (b"transfer-encoding", b"chunked")])
    assert whole.status() in (400, 422)
    push = Sent(server, "/api/v1/scopes/x/push", [b""], [(b"content-length", b"5000000")])
    assert push.status() == 401  # bounds itself
