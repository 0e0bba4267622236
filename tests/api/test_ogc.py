"""Features for maps: the standard's own requirements, what each person may read, and GDAL as a stranger who reads it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from schemas.problems import Trouble
from schemas.rules import reconcile
from sync_server.export.features import geometry
from sync_server.facts import load_facts
from sync_server.main import create_app
from sync_server.ogc.asking import Box, asked, span
from sync_server.ogc.features import feature
from sync_server.service import Write
from sync_server.service.places import Located
from sync_server.settings import Settings
from sync_server.store import Stored
from tests.ui.console_seed import NOW, PASSWORD, Seeded, seed


class Site:
    def __init__(self, folder: Path) -> None:
        self.app = create_app(Settings(data=folder), clock=lambda: NOW)
        self.service, self.auth = self.app.state.parts.service, self.app.state.parts.auth
        self.seeded: Seeded = seed(self.service, self.auth)
        listening = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(self.app, log_level="critical", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listening]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.tokens: dict[str, str] = {}

    def token(self, user: str) -> str:
        if user not in self.tokens:
            form = {"username": user, "password": PASSWORD}
            self.tokens[user] = httpx.post(f"{self.base}/api/v1/auth/token", data=form).json()["access_token"]
        return self.tokens[user]

    def get(self, path: str, user: str = "xujing", **params: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.get(self.base + path, params=params or None, headers=headers)

    def id(self, type: str) -> str:
        return f"{self.seeded.project}.{type}"

    def items(self, type: str, user: str = "xujing", **params: Any) -> list[dict[str, Any]]:
        """All of them, by way of the links."""
        answer = self.get(f"/ogc/collections/{self.id(type)}/items", user, **params)
        found: list[dict[str, Any]] = []
        while True:
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert body["numberReturned"] == len(body["features"])
            found += body["features"]
            there = next((x["href"] for x in body["links"] if x["rel"] == "next"), None)
            if there is None:
                return found
            answer = self.get(there.removeprefix(self.base), user)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("ogc"))
    yield made
    made.server.should_exit = True
    made.thread.join(10)
    made.service.store.close()


def test_the_landing_page_leads_to_everything(site: Site) -> None:
    """Core, 7.2 to 7.4: the root is open, links to definition, conformance and data, and each answers."""
    root = httpx.get(f"{site.base}/ogc").json()
    links = {x["rel"]: x for x in root["links"]}
    assert {"self", "service-desc", "conformance", "data"} <= links.keys()
    definition = httpx.get(links["service-desc"]["href"])
    assert (
        definition.json()["openapi"].startswith("3.0")
        and definition.headers["content-type"] == links["service-desc"]["type"]
    )
    told = httpx.get(links["conformance"]["href"]).json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in told
    for path in definition.json()["paths"]:
        there = path.replace("{collectionId}", site.id("point")).replace("{featureId}", site.items("point")[0]["id"])
        assert site.get(f"/ogc{there.rstrip('/')}").status_code == 200, path


def test_every_collection_is_read_whole(site: Site) -> None:
    found = site.get("/ogc/collections").json()["collections"]
    assert site.id("point") in {c["id"] for c in found}
    for c in found:
        project, _, type = c["id"].partition(".")
        items = next(x["href"] for x in c["links"] if x["rel"] == "items")
        assert project == site.seeded.project and site.get(items.removeprefix(site.base)).status_code == 200
        if type == "judged":
            continue
        scopes = [g.scope for g in site.service.me(_caller(site, "xujing")).scopes if g.owner == project]
        wanted = {s.id for scope in scopes for s in site.service.records(type, scope) if not s.values.get("deleted")}
        ids = [f["id"] for f in site.items(type, limit=7)]
        assert len(ids) == len(set(ids)) and set(ids) == wanted, type


def _caller(site: Site, user: str) -> Any:
    return site.auth.caller(site.token(user))


def test_judged_points_are_the_reports(site: Site) -> None:
    report = reconcile.run(load_facts(site.service, site.seeded.project, NOW))
    found = {f["properties"]["code"]: f["properties"] for f in site.items("judged", limit=4)}
    assert found.keys() == {p.code for p in report.points}
    for p in report.points:
        mine = found[p.code]
        assert (mine["state"], mine["exceed"], mine["shift_m"], mine["exceeded"]) == (
            p.state,
            p.exceed,
            p.shift_m,
            list(p.exceeded),
        )
    above = site.items("judged", exceed="intervention")
    assert {f["properties"]["code"] for f in above} == {p.code for p in report.points if p.exceed == "intervention"}


def test_bbox_is_what_lies_in_it(site: Site) -> None:
    every = site.items("point")
    lons = sorted(f["geometry"]["coordinates"][0] for f in every)
    middle = lons[len(lons) // 2]
    west = site.items("point", bbox=f"-180,-90,{middle},90", limit=5)
    assert {f["id"] for f in west} == {f["id"] for f in every if f["geometry"]["coordinates"][0] <= middle}
    assert site.items("point", bbox="0,0,1,1") == []
    assert 0 < len(west) < len(every)
    turned = site.items("point", bbox=f"{middle},-90,{lons[0] - 1},90")  # over the date line: the eastern half
    assert {f["id"] for f in turned} == {f["id"] for f in every if f["geometry"]["coordinates"][0] >= middle}


def test_datetime_is_when_it_was(site: Site) -> None:
    every = {f["id"]: f["properties"]["started_at"] for f in site.items("point")}
    one = next(iter(every.values()))
    assert {f["id"] for f in site.items("point", datetime=one)} == {id for id, at in every.items() if at == one}
    assert site.items("point", datetime="2001-01-01/2001-12-31") == []
    assert len(site.items("point", datetime="2026-11-01/..")) == len(every)


def test_readings_lie_where_their_point_does(site: Site) -> None:
    points = {f["id"]: f["geometry"] for f in site.items("point")}
    readings = site.items("field_reading")
    assert readings and all(
        f["geometry"] == points[f["properties"]["point_id"]] for f in readings if "point_id" in f["properties"]
    )
    assert {f["properties"]["place"] for f in readings} == {"of its point"}
    one = readings[0]["properties"]
    assert isinstance(one["value"], float) and any("‖" in str(v) for k, v in one.items() if k.endswith("_label"))
    assert any(name.endswith("_id_label") for name in one)


def test_a_sampler_is_not_shown_what_inspectors_recorded(site: Site) -> None:
    ids = {c["id"].rpartition(".")[2] for c in site.get("/ogc/collections", "zhoulan").json()["collections"]}
    assert "point" in ids and not ids & {"inspection", "finding", "manifest", "person"}
    assert site.get(f"/ogc/collections/{site.id('finding')}/items", "zhoulan").json()["number"] == 2004
    assert site.get(f"/ogc/collections/{site.id('point')}/items", "stranger").json()["number"] == 2004
    s = site.seeded
    inspection = site.service.new_id()
    made = {"code": "J1", "kind": "patrol", "site_id": next(iter(site.service.records("site", s.field))).id, "org_id": s.org,
            "started_at": NOW.isoformat(), "officers": [{"person_id": s.people["wang"], "name": "王工", "duty": "inspector"}]}  # fmt: skip
    photo = {"sha256": "a" * 64, "subject_kind": "inspection", "subject_id": inspection, "step": "other", "taken_at": NOW.isoformat(),
             "file_name": "a.jpg", "size_bytes": 1, "mime": "image/jpeg", "origin": "camera"}  # fmt: skip
    scope = f"{s.project}.enforcement"
    with site.service.store.writing() as tx:  # as they would be, whatever each type asks for
        tx.put(
            [
                Stored("inspection", inspection, scope, 900, made),
                Stored("photo", site.service.new_id(), scope, 901, photo),
            ],
            [],
        )
    assert [
        f["properties"]["subject_id"]
        for f in site.items("photo", "wang")
        if f["properties"]["subject_id"] == inspection
    ]
    assert all(f["properties"]["subject_id"] != inspection for f in site.items("photo", "zhoulan"))
    feature = site.items("inspection", "wang")[0]["id"]
    assert site.get(f"/ogc/collections/{site.id('inspection')}/items/{feature}", "zhoulan").json()["number"] == 2004
    assert (
        site.get(f"/ogc/collections/{site.id('point')}/items/{feature}", "wang").json()["number"] == 2004
    )  # of another type


def test_voided_records_are_not_features(site: Site) -> None:
    s = site.seeded
    (first, *_) = [r for r in site.service.records("plan_zone", s.field)] or [None]
    id = site.service.new_id()
    plan = site.service.records("plan", s.field)[0].id
    values = {"plan_id": plan, "code": "Z9", "kind": "suspect"}
    site.service.write(None, [Write("plan_zone", id, s.field, values)])
    assert id in {f["id"] for f in site.items("plan_zone")}
    site.service.write(None, [Write("plan_zone", id, s.field, {**values, "deleted": True})])
    assert id not in {f["id"] for f in site.items("plan_zone")}
    assert site.get(f"/ogc/collections/{site.id('plan_zone')}/items/{id}").status_code == 404


@pytest.mark.parametrize(
    ("params", "number"),
    [({"bbox": "1,2,3"}, 1011), ({"bbox": "a,b,c,d"}, 1011), ({"bbox": "0,9,1,1"}, 1011), ({"bbox": "nan,0,1,1"}, 1011), ({"limit": "0"}, 1011),
     ({"limit": "-1"}, 1011), ({"limit": "x"}, 1011), ({"limit": "٣"}, 1011), ({"datetime": "gestern"}, 1011), ({"datetime": "../.."}, 1011),
     ({"datetime": "2026-11-02/2026-11-01"}, 1011), ({"datetime": "2026-11-02T00:00:00"}, 1011), ({"after": "-1"}, 1011),
     ({"foo": "1"}, 1010), ({"crs": "http://www.opengis.net/def/crs/EPSG/0/4490"}, 1011), ({"f": "html"}, 1011)],
)  # fmt: skip
def test_what_is_not_understood_is_said(site: Site, params: dict[str, str], number: int) -> None:
    answer = site.get(f"/ogc/collections/{site.id('point')}/items", **params)
    assert (answer.status_code, answer.json()["number"]) == (400, number)
    assert answer.json()["zh"]["remedy"] and answer.json()["en"]["remedy"]


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Basic", "Basic ???", "Basic eDp5", "Digest x"])
def test_without_a_key_nothing_is_told(site: Site, given: str) -> None:
    answer = httpx.get(f"{site.base}/ogc/collections", headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.json()["number"]) == (401, 1012) and answer.headers[
        "www-authenticate"
    ].startswith("Basic")


def test_limit_is_held_and_too_much_is_the_most(site: Site) -> None:
    assert site.get(f"/ogc/collections/{site.id('point')}/items", limit=3).json()["numberReturned"] == 3
    assert site.get(f"/ogc/collections/{site.id('point')}/items", limit=99999999).status_code == 200


GDAL = """
import json, sys, pyogrio
where, key, layers, box = json.loads(sys.argv[1])
pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": f"me:{key}"})
told = {"layers": [name for name, _ in pyogrio.list_layers(where)]}
for layer in layers:
    meta, _, shapes, columns = pyogrio.raw.read(where, layer=layer)
    told[layer] = {"n": len(shapes), "crs": meta["crs"], "fields": list(meta["fields"])}
    if "code" in told[layer]["fields"]:
        told[layer]["codes"] = sorted(columns[told[layer]["fields"].index("code")])
told["in box"] = len(pyogrio.raw.read(where, layer=layers[0], bbox=tuple(box))[2])
print(json.dumps(told))
"""


def test_gdal_reads_it(site: Site) -> None:
    """A stranger to this code: GDAL's OGC API driver, signed in by Basic, page after page. In a process of its own: it would keep
    this one, and the server in it, from answering."""
    box = (119.45, 32.0, 119.4521, 33.0)
    layers = [site.id(t) for t in ("point", "judged", "site")]
    asked = json.dumps([f"OAPIF:{site.base}/ogc", site.token("xujing"), layers, box])
    done = subprocess.run([sys.executable, "-c", GDAL, asked], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(layers) <= set(told["layers"])
    for type in ("point", "judged", "site"):
        found, mine = told[site.id(type)], site.items(type)
        assert found["n"] == len(mine) > 0 and found["crs"] in ("EPSG:4326", "OGC:CRS84")
        assert found["codes"] == sorted(f["properties"]["code"] for f in mine)
    assert told["in box"] == len(site.items("point", bbox=",".join(map(str, box)))) > 0


# --- pure ------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_problem(text: str) -> None:
    try:
        found = span(text)
    except Trouble as err:
        assert err.problem.number == 1011
    else:
        assert found.first <= found.last


@given(st.dictionaries(st.sampled_from(["bbox", "datetime", "limit", "after", "f", "x"]), st.text(max_size=20)))
def test_any_query_is_understood_or_a_problem(params: dict[str, str]) -> None:
    try:
        asked(params)
    except Trouble as err:
        assert err.problem.number in (1010, 1011)


def test_a_box_with_heights_is_the_same_box() -> None:
    assert asked({"bbox": "1,2,0,3,4,9"}).box == asked({"bbox": "1,2,3,4"}).box == Box(1, 2, 3, 4)


@pytest.mark.parametrize(
    "at", [None, {}, {"lon": "x", "lat": "1"}, {"lon": "NaN", "lat": "1"}, {"rings": []}, {"rings": [[["a", "b"]]]}, {"rings": [1]}, {"lon": None, "lat": "1"}]
)  # fmt: skip
def test_a_damaged_position_is_none(at: Any) -> None:
    assert geometry(at) is None
    json.dumps(
        feature("point", Located(Stored("point", "r", "s", 1, {"code": "S1", "position": at}), at, True), {}),
        allow_nan=False,
    )


def test_figures_are_those_of_the_record() -> None:
    at = {"lon": "119.4523167", "lat": "32.2087451"}
    assert geometry(at) == {"type": "Point", "coordinates": [119.4523167, 32.2087451]}
    row = Stored(
        "field_reading", "r", "s", 1, {"value": "1.50", "depth_m": "2.0", "foreign": {"a": 1}, "parameter": "nickel"}
    )
    told = feature("field_reading", Located(row, at, False), {})["properties"]
    assert Decimal(str(told["value"])) == Decimal("1.5") and told["foreign"] == {"a": 1}
