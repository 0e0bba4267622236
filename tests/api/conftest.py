"""A server with one project, its people, and a device that was enrolled by hand, request by request."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas import canonical, change
from schemas.ids import Ids
from schemas.rules import evidence
from sync_server.main import create_app
from sync_server.service import Service, Write
from sync_server.settings import Settings
from tests.sim.transport import AppTransport

Values = dict[str, Any]
AT = "2026-11-21T10:00:00+08:00"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **by: float) -> None:
        self.at += timedelta(**by)


class Device:
    """One enrolment that speaks the protocol by itself, so that it can also speak it wrongly."""

    def __init__(self, server: Server, person: str) -> None:
        self.server, self.person = server, person
        self.private, self.salt = evidence.new_key(), bytes(32)
        public, salt, code = (
            evidence.public_of(self.private),
            evidence.b64(self.salt),
            server.service.new_code(person, server.pm),
        )
        signature = evidence.sign(self.private, f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode())
        request = {"code": code, "public_key": public, "salt_key": salt, "label": "平板", "signature": signature}
        answer = server.http.post("/api/v1/enrol", json=request)
        assert answer.status_code == 200, answer.text
        self.enrolment, self.id = answer.json()["enrolment"], answer.json()["device"]
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.token = self.new_token()

    def assertion(self, private: bytes | None = None, header: Any = None, **claims: Any) -> str:
        now = int(self.server.clock().timestamp())
        body = {
            "iss": self.enrolment,
            "aud": "jingtu",
            "iat": now,
            "exp": now + 120,
            "jti": self.server.new_id(),
        } | claims
        parts = [json.dumps(p).encode() for p in (header or {"alg": "EdDSA", "typ": "JWT"}, body)]
        text = ".".join(evidence.b64(p) for p in parts)
        return f"{text}.{evidence.sign(private or self.private, text.encode())}"

    def ask_token(self, assertion: str) -> httpx.Response:
        return self.server.http.post("/api/v1/auth/token", data={"grant_type": BEARER, "assertion": assertion})

    def new_token(self) -> str:
        answer = self.ask_token(self.assertion())
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def change(
        self, type: str, values: Values, record: str | None = None, before: Values | None = None, **other: Any
    ) -> bytes:
        made: change.MadeAt = {"wall": AT, "mono_ms": 1, "server_offset_ms": 0}
        parts: dict[str, Any] = {"id": self.server.new_id(), "scope": self.server.field, "type": type, "record": record or self.server.new_id(),
                                 "before": before or {}, "after": values, "made_at": made, "by": self.person, "device": self.id}  # fmt: skip
        return change.encode(**{**parts, **other}).line

    def head(
        self, lines: list[bytes], scope: str, first: int | None = None, prev: bytes | None = None, **other: Any
    ) -> Values:
        pos, at = self.heads.get(scope, (0, evidence.first_link(scope, self.enrolment)))
        first, prev = first or pos + 1, prev or at
        links = evidence.links(prev, self.salt, [(change.change_id(x) or "", x) for x in lines])
        last = links[-1] if links else prev
        whole = evidence.lines_hash(lines)
        message = evidence.head_message(scope, self.enrolment, first + len(lines) - 1, last, whole)
        head = {"enrolment": self.enrolment, "epoch": self.server.epoch, "first": first, "prev": prev.hex(), "head": last.hex(),
                "lines": whole, "signature": evidence.sign(self.private, message)}  # fmt: skip
        return head | other

    def push(
        self, lines: list[bytes], scope: str | None = None, keep: bool = True, headers: Any = None, **other: Any
    ) -> httpx.Response:
        scope = scope or self.server.field
        head = self.head(lines, scope, **other)
        body = b"\n".join([canonical.dumps(head), *lines])
        answer = self.raw(scope, gzip.compress(body, 1), {"Content-Encoding": "gzip"} | (headers or {}))
        if answer.status_code == 200 and keep:
            self.heads[scope] = (head["first"] + len(lines) - 1, bytes.fromhex(head["head"]))
        return answer

    def raw(self, scope: str, body: Any, headers: Any = None) -> httpx.Response:
        return self.server.http.post(f"/api/v1/scopes/{scope}/push", content=body, headers=self.auth | (headers or {}))

    def pull(self, scope: str | None = None, **params: Any) -> httpx.Response:
        return self.server.http.get(
            f"/api/v1/scopes/{scope or self.server.field}/pull", params=params, headers=self.auth
        )

    def outcomes(self, ids: list[str], scope: str | None = None) -> httpx.Response:
        return self.server.http.post(
            f"/api/v1/scopes/{scope or self.server.field}/outcomes", json={"ids": ids}, headers=self.auth
        )


class Server:
    def __init__(self, folder: Path) -> None:
        self.clock, self.folder = Clock(), folder
        self.app = create_app(Settings(data=folder), self.clock)
        self.transport = AppTransport(self.app)
        self.http = httpx.Client(transport=self.transport, base_url="http://sim")
        self.service: Service = self.app.state.parts.service
        self.auth = self.app.state.parts.auth
        s = self.service
        self.new_id = Ids(lambda: int(self.clock().timestamp() * 1000), os.urandom)
        self.org = s.found("示范公司")
        self.home = f"{self.org}.organisation"
        self.pm, self.sampler, self.inspector, self.stranger, self.former = (s.new_id() for _ in range(5))
        people = [self.pm, self.sampler, self.inspector, self.stranger, self.former]
        s.write(
            None,
            [Write("person", p, self.home, {"name": "人", "org_id": self.org, "duties": ["sampler"]}) for p in people],
        )
        project = {
            "code": "P",
            "name": "项目",
            "stage": "detailed",
            "client_id": self.org,
            "surveyor_id": self.org,
            "contact_id": self.pm,
        }
        self.project, self.other = s.add_project(project), s.add_project(project)
        self.field, self.enforcement = f"{self.project}.field", f"{self.project}.enforcement"
        for person, role in (
            (self.pm, "project_manager"),
            (self.sampler, "sampler"),
            (self.inspector, "inspector"),
            (self.former, "sampler"),
        ):
            s.grant(person, self.project, role)
        self.site = s.new_id()
        s.write(
            self.pm,
            [
                Write(
                    "site", self.site, self.field, {"code": "S", "name": "地块", "status": "idle", "division_code": "1"}
                )
            ],
        )
        self.epoch = self.sql("SELECT value FROM setting WHERE key='epoch'")[0][0]

    def point(self, **more: Any) -> Values:
        return {"code": "S1", "site_id": self.site, "started_at": AT, "wind": "北"} | more

    def sql(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """Looks into the server's database; the statement marks its values as SQLite does."""
        with self.service.store.engine.connect().execution_options(reading=True) as conn, conn.begin():
            marks = statement if conn.dialect.name == "sqlite" else statement.replace("?", "%s")
            return [tuple(r) for r in conn.exec_driver_sql(marks, args)]

    def state(self) -> list[Any]:
        """All that a refused request must leave as it was."""
        tables = (
            "scope",
            "chain",
            "journal",
            "point",
            "conflict",
            "device",
            "enrolment",
            "record_type",
            "number_range",
            "device_key",
            "membership",
        )
        return [self.sql(f'SELECT * FROM "{t}" ORDER BY 1,2') for t in tables]

    def close(self) -> None:
        self.http.close()
        self.transport.shut()
        self.service.rest()
        self.service.store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "server")
    yield made
    made.close()


@pytest.fixture
def device(server: Server) -> Device:
    return Device(server, server.sampler)


def problem(answer: httpx.Response, number: int) -> Values:
    """It is this numbered problem, in both languages, with nothing left to fill in."""
    assert answer.headers["content-type"].startswith("application/problem+json"), (
        answer.status_code,
        answer.text[:300],
    )
    body: Values = answer.json()
    assert body["number"] == number, body
    assert answer.status_code == body["status"] and body["type"] == f"urn:jingtu:problem:{number}"
    for lang in ("zh", "en"):
        for part in ("title", "remedy"):
            text = body[lang][part]
            assert text and not re.search(r"\{[a-z_]*\}", text), body  # nothing left to fill in
    assert any("\u4e00" <= c <= "\u9fff" for c in body["zh"]["title"])
    return body


def receipt(answer: httpx.Response) -> Values:
    assert answer.status_code == 200, answer.text
    body: Values = json.loads(answer.json()["receipt"])
    return body


def outcomes(answer: httpx.Response) -> list[str]:
    """One word per line of the push."""
    return [outcome for _, n, outcome, _ in receipt(answer)["runs"] for _ in range(n)]


def details(answer: Any) -> list[dict[str, Any]]:
    return list(answer.json()["details"])


def told(detail: dict[str, Any], number: int) -> None:
    """A person can read why, in both languages."""
    assert detail["problem"] == number
    assert detail["zh"] and detail["en"] and "{" not in detail["zh"] + detail["en"]
