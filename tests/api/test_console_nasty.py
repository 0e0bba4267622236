"""Every address that is asked with GET × nasty values in its path and its query × every kind of person: told, never a fault of the server.

Made from the table of routes and from the parameters they declare: a new page is asked too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from schemas.records import TYPES
from sync_server.console.pages import Console
from sync_server.console.shell import POLICY
from tests.api.access import routes_of
from tests.api.conftest import Device
from tests.api.world import World

# percent-encoded, as they stand in an address
NASTY = (
    "%00", "a%00b", "%ED%A0%80", "%FF%FE", "%F0%9F%92%A9", "-1", "0", "99999999999999999999", "9223372036854775807", "9" * 400, "1e400",
    "NaN", "-0", "%D9%A1%D9%A2", "x" * 10_000, "%E5%9C%B0" * 3000, "%27%20OR%201%3D1--", "%25_%5C", "%3Cscript%3E", "%0D%0ASet-Cookie:%20a=b", "..%2F..%2Fetc",
    "2026-02-30", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-14:00", "~~~", "00000000-0000-0000-0000-000000000000~9", "point", "true", "",
)  # fmt: skip
PEOPLE = ("nobody", "sampler", "project_manager", "administrator", "auditor", "party", "former", "home_administrator")
FEW = 4  # values for each parameter: the next ones of NASTY, so that over all of them each is met many times
ALSO = ("lang", "theme", "v", "nothing")  # read by every page, or by none


def declared(app: FastAPI, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """(route, the query parameters it declares), of mounted applications too."""
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, prefix + str(context.path)
        if isinstance(route, Mount) and isinstance(route.app, Console):
            yield from declared(route.app.made(), path)
        elif isinstance(route, APIRoute) and "GET" in (context.methods or ()):
            yield path, set(_names(route.dependant))


def _names(of: Dependant) -> Iterator[str]:
    yield from (p.alias for p in of.query_params)
    for inner in of.dependencies:
        yield from _names(inner)


def of_tables() -> list[str]:
    """What tables read out of the address by themselves: every kind of field with every condition."""
    named = (
        "code",
        "started_at",
        "site_id",
        "position",
        "hole_diameter_mm",
        "abandoned",
        "deleted",
        "wind",
        "id",
        "seq",
        "extra",
    )
    return [f"{n}.{op}" for n in named for op in ("is", "not", "least", "most", "has", "set", "x")] + ["q", "of", "order", "after", "before", "columns", "none", "given", "page", "type"]  # fmt: skip


OWN = {"/console/projects/{project}/records/{type}": of_tables(), "/console/projects/{project}/exports/new": of_tables(),
       "/ogc/collections/{collection}/items": ["bbox", "datetime", "limit", "after", "crs", "bbox-crs", "f", "code", "id"]}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("nasty"))
    s = made.server
    device = Device(s, made.people["sampler"])
    assert device.push([device.change("point", s.point(code=f"S{n}")) for n in range(3)]).status_code == 200
    made.tokens["key"] = s.auth.make_key(made.people["project_manager"], "QGIS", 30)
    yield made
    made.server.close()


class Asking:
    def __init__(self, world: World) -> None:
        self.world, self.n, self.wrong = world, 0, list[str]()
        point = world.server.sql("SELECT id FROM point")[0][0]
        self.good = {
            "project": world.server.project, "type": "point", "id": point, "sha256": world.blobs["own.field"], "person": world.people["sampler"],
            "conflict": world.conflict(world.server.project), "scope": world.server.field, "collection": f"{world.server.project}.point",
            "feature": point, "layer": "vec", "z": "1", "x": "0", "y": "0", "name": "htmx.min.js", "path": "console.css",
        }  # fmt: skip

    def filled(self, route: str, **other: str) -> str:
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda m: other.get(m[1], self.good.get(m[1], "none")), route)

    def ask(self, who: str, address: str) -> None:
        self.n += 1
        headers = self.world.headers(who, not address.startswith("/ogc"))
        if address.startswith("/ogc") and who != "nobody":
            headers = {"Authorization": f"Bearer {self.world.tokens['key' if who == 'project_manager' else who]}"}
        try:
            answer = self.world.call("GET", address, headers=headers)
        except Exception as err:  # the server let it fall
            self.wrong.append(f"{who} {address[:160]}: {type(err).__name__}: {err}"[:400])
            return
        told = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code >= 500 and answer.status_code != 503:
            self.wrong.append(f"{who} {address[:160]}: {answer.status_code} {_told(answer)}")
        if "traceback" in answer.text.lower() or '\n  File "' in answer.text:
            self.wrong.append(f"{who} {address[:160]}: a traceback")
        bare = {k for k in POLICY if k.lower() not in answer.headers}
        if (
            address.startswith("/console") and bare and told != "application/problem+json"
        ):  # a line break leads to no page at all
            self.wrong.append(f"{who} {address[:160]}: without {bare}")
        there = answer.headers.get("location", "/").removeprefix("http://sim")
        if not there.startswith("/") or there.startswith("//"):
            self.wrong.append(f"{who} {address[:160]}: leads to {there[:80]}")
        if told == "text/html" and "<script>" in answer.text.lower():
            self.wrong.append(f"{who} {address[:160]}: foreign script")


def _told(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))[:200]


@pytest.mark.long
def test_nasty_values_are_told_and_break_nothing(world: World) -> None:
    ask, app = Asking(world), world.server.app
    known = dict(declared(app))
    routes = [r for m, r in routes_of(app) if m == "GET" and r != "/openapi.json"]
    assert len(routes) > 45 and sum(len(p) for p in known.values()) > 50  # the table is read, not passed over
    value, person = cycle(NASTY), cycle(PEOPLE)
    for route in routes:
        names = [*known.get(route, ()), *OWN.get(route, ()), *ALSO]
        there = ask.filled(route)
        for who in PEOPLE[::7]:
            ask.ask(who, there)
        for name in re.findall(r"\{(\w+)", route):
            for nasty in islice(value, FEW):
                ask.ask("home_administrator" if name != "project" else next(person), ask.filled(route, **{name: nasty}))
        for name in names:
            for nasty in islice(value, FEW if name in known.get(route, ()) else 1):
                ask.ask("project_manager", f"{there}?{quote(name)}={nasty}")
        for who in islice(person, 2):  # several at once, and each twice
            some = [f"{quote(n)}={next(value)}&{quote(n)}={next(value)}" for n in names]
            ask.ask(who, f"{there}?{'&'.join(some)[:60_000].rstrip('%')}")
        ask.ask(next(person), f"{there}?{'&'.join('a[]=1' for _ in range(500))}")
    assert ask.wrong == [], f"{len(ask.wrong)} of {ask.n}"


def test_every_table_and_record_page_takes_nasty_values(world: World) -> None:
    ask = Asking(world)
    value = cycle(NASTY)
    for type in TYPES:
        there = f"/console/projects/{world.server.project}/records/{type}"
        for tail in ("order", "columns", "after", "before", "q"):
            for nasty in islice(value, 1):
                ask.ask("home_administrator", f"{there}?{tail}={nasty}")
        ask.ask("home_administrator", f"{there}/{next(value) or 'x'}")
    assert ask.wrong == [], f"{len(ask.wrong)} of {ask.n}"


def test_whoever_follows_a_long_address_can_sign_in(world: World) -> None:
    there = f"/console/projects/{world.server.project}/records/point?note.has={'x' * 3000}"
    to = world.call("GET", there).headers["location"]
    assert to.startswith("/console/login?next=%2Fconsole%2Fprojects%2F") and world.call("GET", to).status_code == 200
