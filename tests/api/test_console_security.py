"""What the console must never do: believe a foreign page, keep a planted session, show what one may not see."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_server.console import shell
from sync_server.console.overview import summary
from sync_server.console.session import COOKIE
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.settings import Settings
from tests.ui.console_seed import NOW, PASSWORD, Seeded, seed

BASE = "http://127.0.0.1:8000"
OWN = {"Sec-Fetch-Site": "same-origin"}


class World:
    """The application without a socket, and a clock that can be turned."""

    def __init__(self, folder: Path, **names: Any) -> None:
        self.now: datetime = NOW
        self.app = create_app(Settings(data=folder), clock=lambda: self.now)
        self.parts = self.app.state.parts
        self.seeded: Seeded = seed(self.parts.service, self.parts.auth, points=12, **names)

    def client(self, base: str = BASE) -> Client:
        return Client(self.app, base)


class Client:
    def __init__(self, app: Any, base: str) -> None:
        self._loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(app=app, client=("10.0.0.7", 1))
        self._http = httpx.AsyncClient(transport=transport, base_url=base)
        self.cookies = self._http.cookies

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._loop.run_until_complete(self._http.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self("GET", path, **more)

    def sign_in(self, user: str = "xujing", password: str = PASSWORD, **more: Any) -> httpx.Response:
        return self("POST", "/console/login", data={"username": user, "password": password}, headers=OWN, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("server"))
    yield made
    made.parts.service.store.close()


@pytest.fixture(autouse=True)
def _clock(world: World) -> None:
    world.now = NOW


CSRF = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": BASE}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Origin": BASE}, True),  # a browser on plain http says only this
    ({"Origin": "http://127.0.0.1:9999"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("headers", "believed"), CSRF)
def test_only_our_own_pages_may_post(world: World, headers: dict[str, str], believed: bool) -> None:
    client = world.client()
    client.sign_in()
    answer = client("POST", "/console/logout", headers=headers)
    assert answer.status_code == (303 if believed else 403)
    assert client.get("/console/").status_code == (303 if believed else 200)  # refused = still signed in
    if not believed:
        assert "2003" in answer.text and "text/html" in answer.headers["content-type"]


def test_origin_null_is_nobody(world: World) -> None:
    answer = world.client()("POST", "/console/login", data={}, headers={"Origin": "null"})
    assert answer.status_code == 403


@pytest.mark.parametrize("base", [BASE, "https://jingtu.example"])
def test_cookie_flags(world: World, base: str) -> None:
    answer = world.client(base).sign_in()
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
    if base.startswith("https"):
        assert cookie.startswith(f"__Host-{COOKIE}=") and "Secure" in cookie
    else:
        assert cookie.startswith(f"{COOKIE}=") and "Secure" not in cookie


def test_the_database_holds_only_the_hash(world: World) -> None:
    client = world.client()
    client.sign_in()
    token = client.cookies[COOKIE]
    data = b"".join(p.read_bytes() for p in world.parts.settings.data.glob("server.db*"))
    assert token.encode() not in data


def test_a_planted_session_is_worth_nothing(world: World) -> None:
    thief = world.client()
    thief.sign_in("zhoulan")
    planted = thief.cookies[COOKIE]
    victim = world.client()
    victim.cookies.set(COOKIE, planted, domain="127.0.0.1")
    victim("POST", "/console/login", data={"username": "xujing", "password": PASSWORD},
           headers={**OWN, "Cookie": f"{COOKIE}={planted}"})  # fmt: skip
    assert victim.cookies.get(COOKIE, domain="127.0.0.1") != planted
    assert thief.get("/console/").status_code == 303  # the old one ended with it
    made_up = world.client()
    assert made_up.get("/console/", headers={"Cookie": f"{COOKIE}=guess"}).status_code == 303


def test_sessions_end(world: World) -> None:
    client = world.client()
    client.sign_in()
    world.now = NOW + timedelta(minutes=29)
    assert client.get("/console/").status_code == 200
    world.now = NOW + timedelta(minutes=58)  # idle for 29 minutes only
    assert client.get("/console/").status_code == 200
    world.now = NOW + timedelta(minutes=89)
    assert client.get("/console/").status_code == 303
    client.sign_in()
    for minutes in range(90, 90 + 12 * 60 + 26, 25):
        world.now = NOW + timedelta(minutes=minutes)
        last = client.get("/console/").status_code
    assert last == 303  # twelve hours, however busy


def test_signing_out_ends_the_session_on_the_server(world: World) -> None:
    client = world.client()
    client.sign_in()
    kept = client.cookies[COOKIE]
    client("POST", "/console/logout", headers=OWN)
    assert client.get("/console/", headers={"Cookie": f"{COOKIE}={kept}"}).status_code == 303


def test_a_disabled_account_is_out_at_once(world: World) -> None:
    client = world.client()
    client.sign_in("stranger")
    assert client.get("/console/").status_code == 200
    person = world.seeded.people["stranger"]
    with world.parts.service.store.writing() as tx:
        tx.conn.exec_driver_sql("UPDATE account SET disabled = 1 WHERE person = ?", (person,))
    assert client.get("/console/").status_code == 303
    assert client.sign_in("stranger").status_code == 401
    with world.parts.service.store.writing() as tx:
        tx.conn.exec_driver_sql("UPDATE account SET disabled = 0 WHERE person = ?", (person,))


def test_wrong_tries_are_slowed_and_right_ones_are_not(world: World) -> None:
    client = world.client()
    assert [client.sign_in("nobody", "x").status_code for _ in range(7)] == [401] * 5 + [429] * 2
    answer = client.sign_in("nobody", "x")
    assert answer.headers["retry-after"] == "30" and "2007" in answer.text
    world.now = NOW + timedelta(seconds=31)
    assert client.sign_in("nobody", "x").status_code == 401  # one more
    assert [client.sign_in().status_code for _ in range(20)] == [303] * 20


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/console/\\@evil",
        "/console/\r\nX: y",
        "/api/v1/me",
        "",
    ],
)
def test_sign_in_leads_nowhere_else(world: World, there: str) -> None:
    answer = world.client()(
        "POST", "/console/login", data={"username": "xujing", "password": PASSWORD, "next": there}, headers=OWN
    )
    assert answer.headers["location"] == "/console/"


def test_sign_in_leads_back(world: World) -> None:
    there = f"/console/projects/{world.seeded.project}?state=missing"
    client = world.client()
    assert client.get(there).headers["location"].endswith("next=" + httpx.QueryParams({"n": there}).__str__()[2:])
    answer = client(
        "POST", "/console/login", data={"username": "xujing", "password": PASSWORD, "next": there}, headers=OWN
    )
    assert answer.headers["location"] == there


def _with_enforcement(world: World) -> tuple[str, str]:
    """An overdue finding and an unreceived load, each in its own scope; the words to look for."""
    service, s = world.parts.service, world.seeded
    new, law, moving = service.new_id, f"{s.project}.enforcement", f"{s.project}.transfer"
    inspection, finding = new(), new()
    officers = [{"person_id": s.people["wang"], "name": "王工", "duty": "inspector"}]
    site = service.records("site", s.field)[0].id
    service.write(None, [
        Write("inspection", inspection, law, _inspection(site, s, officers)),
        Write("finding", finding, law, {
            "code": "W-SECRET-1", "inspection_id": inspection, "severity": "general", "kind": "现场", "description": "洗车台没有水",
            "basis": "土壤法", "org_id": s.org, "deadline": "2026-11-01", "measure": "补水",
        }),
    ])  # fmt: skip
    return law + moving, "W-SECRET-1"


def _inspection(site: str, s: Seeded, officers: list[dict[str, str]]) -> dict[str, Any]:
    from schemas.fields import fields_of
    from schemas.records import TYPES

    values: dict[str, Any] = {}
    for name, field in fields_of(TYPES["inspection"]).items():  # whatever must always be there, filled plainly
        if not field.required:
            continue
        options = list(field.options())
        ref = {"organisation": s.org, "site": site, "project": s.project, "person": s.people["wang"]}.get(
            field.spec.ref or ""
        )
        plain: Any = {"text": options[0] if options else ref or "JC-1", "datetime": NOW.isoformat(), "date": "2026-10-20",
                      "bool": True, "int": 1, "decimal": "1", "list": [options[0] if options else ref or "x"],
                      "values": officers, "value": {}}[field.kind]  # fmt: skip
        values[name] = plain
    return {**values, "officers": officers}


def test_a_sampler_never_sees_enforcement(world: World) -> None:
    _, secret = _with_enforcement(world)
    page, report = f"/console/projects/{world.seeded.project}", f"/api/v1/projects/{world.seeded.project}/reconcile"
    seen = {}
    for user in ("wang", "zhoulan"):
        client = world.client()
        client.sign_in(user)
        html = client.get(page).text
        token = client("POST", "/api/v1/auth/token", data={"username": user, "password": PASSWORD}).json()[
            "access_token"
        ]
        data = client.get(report, headers={"Authorization": f"Bearer {token}"}).json()
        seen[user] = (html, data)
    assert secret in seen["wang"][0] and "未销号问题" in seen["wang"][0]
    assert any(secret in f["zh"] for f in seen["wang"][1]["findings"])
    html, data = seen["zhoulan"]
    assert secret not in html and "未销号问题" not in html and "转运联单" not in html
    assert not re.search(r'data-check="[TI]\d', html)
    assert secret not in str(data) and {"manifests", "findings_open"}.isdisjoint(data["totals"])
    assert not any(f["check"][0] in "TI" for f in data["findings"])


def test_the_report_for_programs(world: World) -> None:
    client, path = world.client(), f"/api/v1/projects/{world.seeded.project}/reconcile"
    assert client.get(path).status_code == 401
    token = {}
    for user in ("xujing", "stranger"):
        got = client("POST", "/api/v1/auth/token", data={"username": user, "password": PASSWORD}).json()
        token[user] = {"Authorization": f"Bearer {got['access_token']}"}
    answer = client.get(path, headers=token["xujing"])
    data = answer.json()
    assert data["totals"]["planned"] == 12 and data["basis"]["where"] == "server"
    assert len(data["points"]) == 13 and all(
        {"check", "zh", "en", "who", "source"} <= f.keys() for f in data["findings"]
    )
    foreign = client.get(path, headers=token["stranger"])
    assert foreign.status_code == 404 and foreign.headers["content-type"] == "application/problem+json"
    missing = client.get("/api/v1/projects/none/reconcile", headers=token["stranger"])
    assert missing.json()["number"] == foreign.json()["number"] == 2004


HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><b>"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    keys = ("project", "site", "device", "person", "reason", "client")
    names = {k: f"{k}{HOSTILE}" for k in keys} | {"point": "<b>\"'&{0:02d}</b>"}
    world = World(tmp_path, names=names)
    client = world.client()
    client.sign_in()
    for lang in ("zh", "en"):
        for path in (
            "/console/",
            f"/console/projects/{world.seeded.project}?at={names['point'].format(6)}&q=<b>&check=<i>",
        ):
            html = client.get(f"{path}{'&' if '?' in path else '?'}lang={lang}").text
            assert "<img" not in html and "onerror=alert(1)&gt;" in html
            assert '<b>"' not in html and "</script><b>" not in html
            assert not re.search(r"<i>|<b>&#34;", html)
    data = client.get(f"/console/projects/{world.seeded.project}/map.json")
    assert data.headers["content-type"] == "application/json" and data.headers["x-content-type-options"] == "nosniff"
    world.parts.service.store.close()


def test_faults_show_no_insides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client()
    client.sign_in()

    def burst(*_: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(summary, "line", burst)
    answer = client.get("/console/")
    assert answer.status_code == 500 and "secret" not in answer.text and "Traceback" not in answer.text
    assert "1100" in answer.text and answer.headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize(
    ("path", "status", "number"),
    [("/console/nothing", 404, "1005"), ("/console/lib/htmx.js", 404, "1005"), ("/console/static/../pages.py", 404, "1005"),
     ("/console/projects/x", 404, "2004"), ("/console/projects/x?page=abc", 400, "1001"), ("/console/logout", 405, "1006")],
)  # fmt: skip
def test_problems_are_pages_with_a_number(world: World, path: str, status: int, number: str) -> None:
    client = world.client()
    client.sign_in()
    answer = client.get(path)
    assert answer.status_code == status and number in answer.text and "text/html" in answer.headers["content-type"]
    assert "Traceback" not in answer.text


def test_the_bare_address_leads_to_the_console(world: World) -> None:
    assert world.client().get("/").headers["location"] == "/console/"


def test_libraries_are_the_reviewed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (_, _, _, digest) in shell.LIBRARIES.items():
        assert shell.library(name)[0] and len(digest) == 64
    package, path, kind, _ = shell.LIBRARIES["leaflet.js"]
    monkeypatch.setitem(shell.LIBRARIES, "leaflet.js", (package, path, kind, "0" * 64))
    with pytest.raises(RuntimeError, match="sha256"):
        shell.library("leaflet.js")
