"""Who is it? Every way to a token, and every way that must not lead to one."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import pytest

from schemas.rules import evidence
from sync_server.auth import _Signer
from tests.api.conftest import Device, Server, problem

ROUTES = [
    ("GET", "/api/v1/me", None),
    ("POST", "/api/v1/blocks", {"use": "sample", "size": 10}),
    ("POST", "/api/v1/scopes/{scope}/push", None),
    ("GET", "/api/v1/scopes/{scope}/pull", None),
    ("POST", "/api/v1/scopes/{scope}/outcomes", {"ids": []}),
]


def form(server: Server, **data: str) -> Any:
    return server.http.post("/api/v1/auth/token", data=data)


def sign_in(server: Server) -> dict[str, Any]:
    server.auth.add_account(server.pm, "xu", "long enough")
    answer = form(server, username="xu", password="long enough")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("method,path,body", ROUTES)
@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c", "Bearer x", "\u00e9".encode("latin-1")])
def test_no_route_without_a_token(server: Server, method: str, path: str, body: Any, token: Any) -> None:
    before = server.state()
    headers = (
        {} if token is None else {"Authorization": b"Bearer " + (token if isinstance(token, bytes) else token.encode())}
    )
    answer = server.http.request(method, path.format(scope=server.field), json=body, headers=headers)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    problem(answer, 2002)
    assert server.state() == before


def test_password(server: Server) -> None:
    tokens = sign_in(server)
    assert tokens["refresh_token"] and tokens["token_type"] == "bearer"
    me = server.http.get("/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["person"] == server.pm and me.json()["enrolment"] is None
    problem(form(server, username="xu", password="wrong"), 2001)
    problem(form(server, username="nobody", password="long enough"), 2001)
    problem(form(server, username="xu"), 2001)
    problem(form(server, username="' OR 1=1 --", password="x"), 2001)


def test_an_access_token_ends(server: Server) -> None:
    tokens = sign_in(server)
    server.clock.turn(minutes=11)
    problem(server.http.get("/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}), 2002)


def test_refresh_tokens_rotate(server: Server) -> None:
    first = sign_in(server)
    second = form(server, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    third = form(server, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert third.status_code == 200


def test_a_refresh_token_used_twice_ends_the_family(server: Server) -> None:
    first = sign_in(server)
    other = form(server, username="xu", password="long enough").json()
    second = form(server, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    problem(form(server, grant_type="refresh_token", refresh_token=first["refresh_token"]), 2002)
    problem(form(server, grant_type="refresh_token", refresh_token=second["refresh_token"]), 2002)
    assert (
        form(server, grant_type="refresh_token", refresh_token=other["refresh_token"]).status_code == 200
    )  # another sign-in


def test_a_refresh_token_ends_by_itself(server: Server) -> None:
    tokens = sign_in(server)
    server.clock.turn(days=31)
    problem(form(server, grant_type="refresh_token", refresh_token=tokens["refresh_token"]), 2002)
    problem(form(server, grant_type="refresh_token", refresh_token=""), 2002)
    problem(form(server, grant_type="magic"), 1001)


def test_a_device_signs_who_it_is(server: Server, device: Device) -> None:
    me = server.http.get("/api/v1/me", headers=device.auth).json()
    assert (me["person"], me["enrolment"], me["device"]) == (server.sampler, device.enrolment, device.id)
    assert {s["audience"] for s in me["scopes"]} == {"organisation", "field"}


def test_an_assertion_counts_once(device: Device) -> None:
    assertion = device.assertion()
    assert device.ask_token(assertion).status_code == 200
    problem(device.ask_token(assertion), 2002)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400, -86_400 * 365])
def test_a_skewed_clock_is_told_by_how_much(server: Server, device: Device, seconds: int) -> None:
    now = int(server.clock().timestamp()) + seconds
    body = problem(device.ask_token(device.assertion(iat=now, exp=now + 120)), 2008)
    assert abs(body["offset_s"] + seconds) <= 1
    within = int(server.clock().timestamp()) + 299
    assert device.ask_token(device.assertion(iat=within, exp=within + 120)).status_code == 200


FORGED: dict[str, dict[str, Any]] = {
    "another key": {"private": evidence.new_key()},
    "alg none": {"header": {"alg": "none"}},
    "alg HS256": {"header": {"alg": "HS256"}},
    "header is a list": {"header": ["EdDSA"]},
    "wrong audience": {"aud": "jingtu-api"},
    "no audience": {"aud": None},
    "good for years": {"exp": 4_000_000_000},
    "nobody": {"iss": "01a1fbd4-f500-7000-8000-000000000001"},
    "console": {"iss": "console"},
    "issuer is a list": {"iss": ["x"]},
    "time is text": {"iat": "soon"},
    "time is endless": {"iat": float("inf")},
    "time is not a number": {"iat": float("nan")},
    "ends endlessly": {"exp": float("inf")},
}


@pytest.mark.parametrize("how", list(FORGED))
def test_forged_assertions(server: Server, device: Device, how: str) -> None:
    before = server.state()
    unknown = how in (
        "nobody",
        "console",
    )  # told apart: a device of a server that was restored must know to enrol again
    problem(device.ask_token(device.assertion(**FORGED[how])), 2010 if unknown else 2002)
    assert server.state() == before


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "....", "\u0000", "é.é.é", evidence.b64(b"[" * 2900), evidence.b64(b"{}") + "." + evidence.b64(b"[" * 2800) + ".x",
     base64.urlsafe_b64encode(b'{"alg":"none"}').decode() + ".e30."],
)  # fmt: skip
def test_assertions_that_cannot_be_read(device: Device, text: str) -> None:
    problem(device.ask_token(text), 2002)


def test_an_unsigned_or_foreign_access_token(server: Server, device: Device) -> None:
    def refused(token: str) -> None:
        problem(server.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}), 2002)

    who, made, signature = device.token.split(".")
    other = evidence.b64(UUID(server.pm).bytes)
    refused(f"{other}.{made}.{signature}")
    refused(
        f"{who}.{made}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    )  # the last letter has bits that say nothing
    refused(f"{who}.{made}.")
    refused(f"{who}.{made}")
    refused(f"{who}.{evidence.b64((2**33).to_bytes(5))}.{signature}")
    refused(device.assertion())
    # of another server, and of another kind
    refused(_Signer(bytes(32), "device", server.service.now_ms).token(device.enrolment))
    secret = server.app.state.parts.settings.secret("token.key", evidence.new_key)
    person, device_ = (_Signer(secret, kind, server.service.now_ms) for kind in ("person", "device"))
    refused(person.token(device.enrolment))  # an enrolment is nobody's account
    refused(person.sign("x").decode())
    refused(device_.sign(evidence.b64(bytes(17))).decode())


def test_a_tablets_token_lasts_a_day_and_a_persons_ten_minutes(server: Server, device: Device) -> None:
    assert device.token.count(".") == 2 and len(device.token) == 73
    server.clock.turn(hours=23, minutes=59)
    assert server.http.get("/api/v1/me", headers={"Authorization": f"Bearer {device.token}"}).status_code == 200
    server.clock.turn(minutes=2)
    problem(server.http.get("/api/v1/me", headers={"Authorization": f"Bearer {device.token}"}), 2002)


def test_an_enrolment_code_works_once_and_for_half_an_hour(server: Server) -> None:
    def ask(code: str, signed: str | None = None) -> Any:
        key = evidence.new_key()
        public, salt = evidence.public_of(key), evidence.b64(bytes(32))
        signature = evidence.sign(key, f"jingtu-enrol-1\n{signed or code}\n{public}\n{salt}".encode())
        request = {"code": code, "public_key": public, "salt_key": salt, "label": "x", "signature": signature}
        return server.http.post("/api/v1/enrol", json=request)

    code = server.service.new_code(server.sampler, server.pm)
    problem(ask("AAAA-AAAA-AAAA-AAAA"), 2006)
    problem(ask(code, signed="other code"), 1203)
    assert ask(code.lower()).status_code == 200
    problem(ask(code), 2006)
    late = server.service.new_code(server.sampler, server.pm)
    server.clock.turn(minutes=31)
    problem(ask(late), 2006)


def test_a_revoked_device_reads_nothing_and_what_it_hands_in_waits(server: Server, device: Device) -> None:
    server.service.revoke(device.enrolment)
    line = device.change("point", server.point())
    for answer in (
        device.pull(), server.http.get("/api/v1/me", headers=device.auth),
        server.http.post("/api/v1/blocks", json={"use": "sample", "size": 5}, headers=device.auth),
    ):  # fmt: skip
        problem(answer, 2005)
    (detail,) = device.push([line]).json()["details"]
    assert (detail["outcome"], detail["problem"]) == ("parked", 3009) and "项目经理" in detail["zh"]
    assert server.sql("SELECT count(*) FROM point") == [(0,)]
    assert device.outcomes([detail["id"]]).json()[0]["outcome"] == "parked"
