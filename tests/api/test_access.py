"""Every route × every kind of caller × own, foreign and unheard-of places: rules, table and application say the same.

The rules and the table stand in access.py and access.csv. Faults are planted at the end to show that each would be seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import sync_server.applying
import sync_server.console.overview.page
import sync_server.service.base
import sync_server.service.blobs
import sync_server.service.deciding
import sync_server.service.directory
import sync_server.service.exchange
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.wire import Outcome, SeenHead
from sync_server import api, facts
from sync_server.access import may_hand_in, may_read
from sync_server.applying import Applying, Verdict
from sync_server.console import house
from sync_server.console.session import Sessions, Visitor
from sync_server.main import create_app
from sync_server.service import Caller, Service
from sync_server.service.base import Base
from sync_server.settings import Settings
from sync_server.store import Tx
from tests.api import access, rules
from tests.api.access import ROOMS, RULES, Row
from tests.api.conftest import Device, details, outcomes
from tests.api.rules import DEVICES, WHO
from tests.api.tus import append, begin
from tests.api.world import ID, OURS, PASSWORD, Probe, World, ask, values_of


def ask_token(world: World, who: str, _: str) -> httpx.Response:
    if who in DEVICES:
        return world.devices[who].ask_token(world.devices[who].assertion())
    return world.call("POST", "/api/v1/auth/token", data={"username": who, "password": PASSWORD})


def ask_push(world: World, who: str, place: str) -> httpx.Response | str:
    """Who has no device sends what another's device would send."""
    _, scope = world.place(place)
    device = world.devices.get(who) or world.devices["device_sampler"]
    audience = scope.rpartition(".")[2]
    line = device.change(rules.WRITTEN[audience], values_of(world, audience), scope=scope)
    answer = device.push([line], scope, keep=who in DEVICES, headers=world.headers(who, False) or {"Authorization": ""})
    if answer.status_code != 200:
        return answer
    told = [str(d.get("problem") or "") for d in details(answer)]
    return " ".join([*outcomes(answer), *told]).strip()


def ask_seen(world: World, who: str, place: str) -> httpx.Response:
    _, scope = world.place(place)
    row = evidence.row_line("point", world.server.new_id(), 1, world.server.point())
    body = b"\n".join([SeenHead(epoch="before").model_dump_json().encode(), row])
    return world.call("POST", f"/api/v1/scopes/{scope}/seen", content=body, headers=world.headers(who, False))


def ask_announce(world: World, who: str, place: str) -> httpx.Response:
    _, scope = world.place(place)
    return begin(world.server.http, world.headers(who, False), "1" * 64, 9, scope)


def ask_append(world: World, who: str, _: str) -> httpx.Response:
    return append(world.server.http, world.headers(who, False), f"/api/v1/blobs/uploads/{world.upload}", 0, b"x")


def ask_enrol(world: World, who: str, _: str) -> httpx.Response:
    key = evidence.new_key()
    public, salt, code = evidence.public_of(key), evidence.b64(bytes(32)), "ABCD-EFGH-JKLM-NPQR"
    signature = evidence.sign(key, f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode())
    request = {"code": code, "public_key": public, "salt_key": salt, "label": "x", "signature": signature}
    return world.call("POST", "/api/v1/enrol", json=request, headers=world.headers(who, False))


def ask_sign_in(world: World, who: str, _: str) -> httpx.Response:
    return world.call("POST", "/console/login", data={"username": who, "password": PASSWORD}, headers=OURS)


def ask_sign_out(world: World, who: str, _: str) -> httpx.Response:
    cookie = {"Cookie": world.session(who)} if rules.signed_in(who) else {}
    return world.call("POST", "/console/logout", headers=OURS | cookie)


def ask_decide(world: World, who: str, place: str) -> httpx.Response:
    project, _ = world.place(place)
    form = {"id": world.parked(project), "decision": "accept", "reason": "看过"}
    headers = world.headers(who, True)
    return world.call("POST", f"/console/projects/{project}/waiting/parked", data=form, headers=headers)


def ask_settle(world: World, who: str, place: str) -> httpx.Response:
    project, scope = world.place(place)
    form = {"id": world.lost(project), "scope": scope, "decision": "let_go", "reason": "看过"}
    headers = world.headers(who, True)
    return world.call("POST", f"/console/projects/{project}/waiting/lost", data=form, headers=headers)


SCOPE, PROJECT = rules.SCOPE, rules.PROJECT
PROBES: dict[tuple[str, str], Probe] = {
    **{(m, r): ask(r.replace("{name}", "htmx.min.js").replace("{path}", "console.css")) for m, r in RULES if m == "GET"},
    ("POST", "/api/v1/auth/token"): ask_token,
    ("POST", "/api/v1/enrol"): ask_enrol,
    ("POST", "/api/v1/blocks"): ask("/api/v1/blocks", "POST", json={"use": "sample", "size": 1}),
    ("POST", f"{SCOPE}/push"): ask_push,
    ("POST", f"{SCOPE}/outcomes"): ask(f"{SCOPE}/outcomes", "POST", json={"ids": []}),
    ("POST", f"{SCOPE}/seen"): ask_seen,
    ("POST", "/api/v1/conflicts/{conflict}/decision"): ask(
        "/api/v1/conflicts/{conflict}/decision", "POST", json={"choice": "keep_now", "reason": "看过"}
    ),
    ("POST", "/api/v1/blobs"): ask_announce,
    ("PATCH", "/api/v1/blobs/uploads/{upload}"): ask_append,
    ("POST", "/console/login"): ask_sign_in,
    ("POST", "/console/logout"): ask_sign_out,
    ("POST", f"{PROJECT}/waiting/parked"): ask_decide,
    ("POST", f"{PROJECT}/waiting/lost"): ask_settle,
    **{key: probe for room in ROOMS for key, probe in room.PROBES.items()},
}  # fmt: skip


def result(answer: httpx.Response | str) -> str:
    if isinstance(answer, str):
        return answer
    if answer.is_redirect:
        there = answer.headers["location"]
        return "login" if there.startswith("/console/login") else "go" if there.startswith("/console/") else there
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        return str(answer.json()["number"])
    number = re.search(r"问题 (\d{4})", answer.text) if answer.status_code >= 400 else None
    return number[1] if number else "ok" if answer.is_success else f"status {answer.status_code}"


def differing(world: World, row: Row) -> Iterator[str]:
    """What the application answers otherwise than the table says."""
    expected = access.read_table()[row]
    for who in WHO:
        got = result(PROBES[row.method, row.route](world, who, row.place))
        if got != expected[who]:
            yield f"{row} · {who}: {expected[who]} expected, {got} answered"


# --- the tests -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("access"))
    yield made
    made.server.close()


def not_in_step(app: Any) -> list[str]:
    """Routes the table does not know, and lines of routes that are gone."""
    table, here = set(access.read_table()), set(access.expected_rows(app))
    return [f"no line: {row}" for row in sorted(here - table)] + [
        f"route is gone: {row}" for row in sorted(table - here)
    ]


def test_the_table_has_every_route_and_no_other(world: World) -> None:
    assert not_in_step(world.server.app) == [], "python -m tests.api.access --write"
    assert {(m, r) for m, r in access.routes_of(world.server.app)} == RULES.keys() == PROBES.keys()


def test_the_table_is_what_the_rules_say() -> None:
    wrong = [
        f"{row} · {who}: the table says {cell}, the rules {said}"
        for row, cells in access.read_table().items()
        for who, cell in cells.items()
        if cell != (said := RULES[row.method, row.route](who, row.place))
    ]
    assert wrong == []


@pytest.mark.parametrize("row", access.read_table(), ids=str)
def test_the_application_answers_as_the_table_says(world: World, row: Row) -> None:
    assert list(differing(world, row)) == []


HIDDEN = (
    "sampler",
    "project_manager",
    "administrator",
    "auditor",
    "party",
    "former",
    "device_sampler",
    "device_revoked",
)


@pytest.mark.parametrize("key", [k for k in RULES if len(access.places_of(k[1])) > 1], ids=" ".join)
def test_what_is_foreign_cannot_be_told_from_what_is_not_there(world: World, key: tuple[str, str]) -> None:
    """Status, headers and body alike; only the ids of the question may come back."""

    def told(who: str, place: str) -> Any:
        answer = PROBES[key](world, who, place)
        assert isinstance(answer, httpx.Response) and (answer.status_code >= 400 or result(answer) == "login"), answer
        headers = {k: v for k, v in answer.headers.items() if k not in ("jingtu-time", "content-length")}
        return answer.status_code, ID.sub("…", str(headers)), ID.sub("…", answer.text)

    places = [p for p in access.places_of(key[1]) if p.startswith("foreign")]
    for who in HIDDEN:
        there = told(who, "nowhere")
        assert [told(who, place) for place in places] == [there] * len(places), who


def test_pages_change_nothing_for_a_post_from_elsewhere(world: World) -> None:
    """Every post of the pages, those to come too; the manager is signed in and his browser sends the cookie."""
    project, scope = world.place("own")
    ids = {"id": world.parked(project), "decision": "accept", "reason": "x", "scope": scope}
    posts = [r for m, r in access.routes_of(world.server.app) if r.startswith("/console") and m not in ("GET", "HEAD")]
    assert len(posts) >= 4
    cookie, before = {"Cookie": world.cookies["project_manager"]}, world.server.state()
    for route in posts:
        for said in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            there = re.sub(r"\{(?!project\})\w+\}", world.server.new_id(), route).format(project=project)
            answer = world.call("POST", there, data=ids, headers=cookie | said)
            assert (answer.status_code, result(answer)) == (403, "2003"), (route, said)
    assert world.server.state() == before


# --- planted faults: each must be seen -------------------------------------------------------------------------------

Plant = Callable[[World, pytest.MonkeyPatch], None]


def everybody_reads(_: World, patch: pytest.MonkeyPatch) -> None:
    for module in (sync_server.service.base, sync_server.service.deciding, sync_server.service.exchange):
        patch.setattr(module, "may_read", lambda *_: True)


def everybody_hands_in(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync_server.service.directory, "may_hand_in", lambda *_: True)


def who_hands_in_reads(_: World, patch: pytest.MonkeyPatch) -> None:
    for module in (sync_server.service.base, sync_server.service.exchange, sync_server.service.blobs):
        patch.setattr(
            module, "may_read", lambda roles, audience: may_read(roles, audience) or may_hand_in(roles, audience)
        )


def no_dependency(world: World, patch: pytest.MonkeyPatch) -> None:
    """A route that forgot to ask who it is."""
    pm = Caller(world.people["project_manager"])
    patch.setattr(world.server.app, "dependency_overrides", {api.caller: lambda: pm})


def no_visitor(world: World, patch: pytest.MonkeyPatch) -> None:
    """Pages shown to whoever comes."""
    pm = Visitor(Caller(world.people["project_manager"]), "xu", "")
    patch.setattr(Sessions, "visitor", lambda self, request: pm)


def revoked_is_live(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Base, "_live_key", lambda self, tx, enrolment: tx.key(enrolment))


def every_file_is_named(_: World, patch: pytest.MonkeyPatch) -> None:
    """Shown to whoever knows its hash."""
    patch.setattr(sync_server.service.blobs, "may_read", lambda *_: True)


def every_upload_is_ones_own(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Service, "_own_upload", lambda self, tx, caller, id: tx.upload(id))


def everybody_belongs(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Base, "_ever_member", lambda *_: True)


def a_role_counts_everywhere(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Base, "_roles_of", staticmethod(lambda held, *_: frozenset(r for _, r in held)))


def everybody_decides(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync_server.service.deciding, "may_decide", lambda *_: True)


def refused_instead_of_parked(_: World, patch: pytest.MonkeyPatch) -> None:
    kept = Applying._hold

    def hold(self: Applying, *given: Any) -> Verdict | None:
        verdict = kept(self, *given)
        return verdict and verdict._replace(outcome=Outcome.REJECTED, missing=[])

    patch.setattr(Applying, "_hold", hold)


def everybody_writes(_: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync_server.applying, "writable", lambda *_: list(TYPES))


def disabled_stays_in(_: World, patch: pytest.MonkeyPatch) -> None:
    kept = Tx.account_of

    def account_of(self: Tx, person: str) -> Any:
        found = kept(self, person)
        return found and {**found, "disabled": False}

    patch.setattr(Tx, "account_of", account_of)


def every_project_is_open(world: World, patch: pytest.MonkeyPatch) -> None:
    """The pages ask which projects are readable; here all are."""
    every = frozenset({"field"})
    found = {world.server.project: every, world.server.other: every}
    for module in (house, facts, sync_server.console.overview.page, sync_server.console.api):
        patch.setattr(module, "readable", lambda _: found)


def a_device_opens_pages(world: World, patch: pytest.MonkeyPatch) -> None:
    kept = Sessions.visitor

    def visitor(self: Sessions, request: Any) -> Visitor | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            return kept(self, request) or (token and Visitor(world.server.auth.caller(token), "x", "")) or None
        except Trouble:
            return None

    patch.setattr(Sessions, "visitor", visitor)


PLANTS: list[tuple[Plant, str, str]] = [
    (everybody_reads, "/pull", "foreign.field"),
    (everybody_reads, "/pull", "own.enforcement"),
    (everybody_hands_in, "/directory", "own.transfer"),
    (everybody_hands_in, "/directory", "foreign.transfer"),
    (a_role_counts_everywhere, "/directory", "foreign.transfer"),
    (revoked_is_live, "/directory", "own.transfer"),
    (who_hands_in_reads, "/pull", "own.transfer"),
    (who_hands_in_reads, "/v1/blobs/{sha256}", "own.transfer"),
    (no_dependency, "/v1/me", ""),
    (no_dependency, "/reconcile", "foreign"),
    (no_visitor, "{project}/map.json", "own"),
    (no_visitor, "/console/", ""),
    (revoked_is_live, "/seen", "own.field"),
    (revoked_is_live, "/pull", "own.field"),
    (everybody_belongs, "/push", "foreign.field"),
    (everybody_belongs, "/outcomes", "foreign.transfer"),
    (a_role_counts_everywhere, "/pull", "foreign.enforcement"),
    (everybody_decides, "/waiting/parked", "own"),
    (everybody_decides, "/waiting/lost", "own"),
    (everybody_decides, "/decision", "own"),
    (a_role_counts_everywhere, "/api/v1/conflicts/{conflict}", "foreign"),
    (revoked_is_live, "/api/v1/conflicts/{conflict}", "own"),
    (every_file_is_named, "/blobs/{sha256}", "foreign.field"),
    (every_file_is_named, "/v1/blobs/{sha256}/thumbnail", "own.enforcement"),
    (a_role_counts_everywhere, "/blobs/{sha256}", "foreign.enforcement"),
    (everybody_belongs, "/api/v1/blobs", "foreign.field"),
    (every_upload_is_ones_own, "/uploads/{upload}", ""),
    (refused_instead_of_parked, "/push", "own.field"),
    (everybody_writes, "/push", "own.transfer"),
    (disabled_stays_in, "/v1/me", ""),
    (disabled_stays_in, "/console/", ""),
    (every_project_is_open, "/reconcile", "foreign"),
    (every_project_is_open, "/waiting", "foreign"),
    (a_device_opens_pages, "/console/projects/{project}", "own"),
]


@pytest.mark.parametrize(("plant", "route", "place"), PLANTS, ids=lambda x: getattr(x, "__name__", x))
def test_a_planted_fault_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch, plant: Plant, route: str, place: str
) -> None:
    (row,) = [r for r in access.read_table() if r.place == place and r.route.endswith(route)]
    plant(world, monkeypatch)
    assert any(differing(world, row))


def test_a_new_route_and_a_route_that_is_gone_are_seen(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path))
    assert not_in_step(app) == []
    app.get("/api/v1/everything")(lambda: {})
    (console,) = (r.app.made() for r in app.routes if getattr(r, "path", "") == "/console")
    assert isinstance(console, FastAPI)
    console.post("/projects/{project}/new")(lambda: {})
    console.router.routes[:] = [r for r in console.router.routes if getattr(r, "path", "") != "/logout"]
    assert not_in_step(app) == [
        "no line: GET /api/v1/everything",
        *(f"no line: POST /console/projects/{{project}}/new {p}" for p in sorted(rules.PROJECTS)),
        "route is gone: POST /console/logout",
    ]
    app.state.parts.service.store.close()


# --- writing: every role, every type ---------------------------------------------------------------------------------


def test_every_type_is_in_the_rules() -> None:
    written = {t for types in rules.WRITES.values() for t in types.split()}
    assert written | set(rules.ON_THE_SERVER_ONLY.split()) == TYPES.keys()
    assert not written & set(rules.ON_THE_SERVER_ONLY.split())


def test_who_writes_what(world: World) -> None:
    """A change of a type that is not one's own waits for the project manager: it is neither taken nor refused. What only
    the server writes is refused."""
    s, wrong = world.server, []
    for role in rules.ROLES:
        device = Device(s, world.people[role])
        for audience in (*rules.AUDIENCES, "organisation"):
            scope = s.home if audience == "organisation" else f"{s.project}.{audience}"
            types = sorted(t for t, cls in TYPES.items() if cls.about.audience.value in (audience, "subject"))
            answer = device.push([device.change(t, {"note": "x"}, scope=scope) for t in types], scope)
            for type, detail in zip(types, details(answer), strict=True):
                parked = (detail["outcome"], detail["problem"]) == ("parked", 3003)
                refused = (detail["outcome"], detail["problem"]) == ("rejected", 3003)
                may = rules.writes(role, type, audience)
                if type in rules.ON_THE_SERVER_ONLY.split():
                    good = refused
                else:  # a note alone makes no record of most types: it may go wrong later, but not for want of a right
                    good = not parked and not refused if may else parked
                if not good:
                    wrong.append(f"{role} · {type} in {audience}: may={may}, {detail['outcome']} {detail['problem']}")
    assert wrong == []
