"""The map page and its data over HTTP: who sees what of it, filters as addresses, bad input, the base map's tiles."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import change
from schemas.rules import reconcile
from sync_server.cli.commands import app as command
from sync_server.facts import load_facts
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.conftest import AT, Device, Server, outcomes
from tests.api.test_console_security import BASE, Client
from tests.ui.console_seed import NOW, people, pos, visited
from tests.ui.maps_seed import Mapped, mapped
from tests.ui.tile_server import Fake, tile_server

LONG = "华东老工业区" * 33


class Site:
    def __init__(self, folder: Path, **more: Any) -> None:
        self.app = create_app(Settings(data=folder), clock=lambda: NOW)
        self.parts = self.app.state.parts
        self.made: Mapped = mapped(self.parts.service, self.parts.auth, points=12, **more)
        self.project = f"/console/projects/{self.made.seeded.project}"

    def client(self, user: str = "xujing") -> Client:
        client = Client(self.app, BASE)
        assert client.sign_in(user).status_code == 303
        return client

    def data(self, user: str, **asked: str) -> dict[str, Any]:
        answer = self.client(user).get(f"{self.project}/map.json", params={"full": "1", **asked})
        assert answer.status_code == 200
        return dict(answer.json())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("maps"))


def listed(page: str) -> set[str]:
    return set(re.findall(r'data-at="([^"]+)">', page)) - {""}


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_loads_and_inspections_only_for_whoever_may_read_them(site: Site) -> None:
    boss = site.data("xujing")
    assert {e["k"] for e in boss["ends"]} == {"out", "in", "due"} and boss["roads"] and len(boss["problems"]) == 4
    assert any(e["s"] == "late" for e in boss["ends"])
    sampler = site.data("zhoulan")
    assert sampler["ends"] == sampler["roads"] == sampler["problems"] == []
    assert {p["c"] for p in sampler["points"]} == {p["c"] for p in boss["points"]}
    assert sampler["wide"] == sampler["bounds"] != boss["wide"]
    page = site.client("zhoulan").get(f"{site.project}/map").text.partition("<main")[2]
    for hidden in (*site.made.manifests, *site.made.findings, "JC-01", "联单", "问题"):
        assert hidden not in page, hidden
    page = site.client().get(f"{site.project}/map").text
    for shown in (*site.made.manifests, *site.made.findings, "JC-01", "未到场 1"):
        assert shown in page, shown


def test_a_dispatcher_sees_loads_and_no_inspection(site: Site) -> None:
    service, auth, seeded = site.parts.service, site.parts.auth, site.made.seeded
    who = people(service, auth, seeded.org, {"diao": ("调度", "dispatcher")})
    service.grant(who["diao"], seeded.project, "dispatcher")
    data = site.data("diao")
    assert data["ends"] and data["problems"] == []
    page = site.client("diao").get(f"{site.project}/map").text
    assert "20263211000416" in page and "W-03" not in page


def test_checks_of_what_one_may_not_read_are_not_offered(site: Site) -> None:
    offered = re.findall(r'<option value="([A-Z]\d\d)"', site.client("zhoulan").get(f"{site.project}/map").text)
    assert offered and not [c for c in offered if c[0] in "TI"]
    assert "T01" in site.client().get(f"{site.project}/map").text


def test_a_stranger_hears_of_no_project(site: Site) -> None:
    client = site.client("stranger")
    for path in ("/map", "/map?at=S01", "/map.json", "/tiles/vec/1/0/0"):
        answer = client.get(site.project + path)
        assert answer.status_code == 404 and "S07" not in answer.text and "红星" not in answer.text


# --- filters, the card -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"state": "missing"}, set()),
        ({"state": "shifted"}, {"S12"}),
        ({"exceed": "intervention"}, {"S07"}),
        ({"q": "s1"}, {"S10", "S11", "S12"}),
        ({"from": "2026-11-22"}, set()),
        ({"from": "2026-11-21", "to": "2026-11-21", "exceed": "intervention"}, {"S07"}),
        ({"to": "2026-11-21", "from": "2026-11-22", "state": "shifted"}, {"S12"}),  # the wrong way round
        ({"check": "F02"}, {"S12"}),
    ],
)
def test_the_list_and_the_map_hold_the_same(site: Site, asked: dict[str, str], wanted: set[str]) -> None:
    page = site.client().get(f"{site.project}/map", params=asked).text
    assert listed(page) == wanted == {p["c"] for p in site.data("xujing", **asked)["points"]}


def test_the_counts_are_those_of_the_report(site: Site) -> None:
    report = reconcile.run(load_facts(site.parts.service, site.made.seeded.project, NOW))
    assert listed(site.client().get(f"{site.project}/map").text) == {p.code for p in report.points}
    found = {f.point_code for f in report.by_check["F01"]} - {None}
    assert {p["c"] for p in site.data("xujing", check="F01")["points"]} == found


def test_a_crew_is_asked_by_who_recorded(site: Site) -> None:
    who = site.made.seeded.people
    assert (
        site.data("xujing", crew=who["zhoulan"])["total"] == 13 and site.data("xujing", crew=who["wang"])["total"] == 0
    )


def test_the_card_stands_in_the_page_and_comes_alone_for_script(site: Site) -> None:
    client = site.client()
    whole = client.get(f"{site.project}/map", params={"at": "S12", "state": "shifted"}).text
    alone = client.get(
        f"{site.project}/map", params={"at": "S12"}, headers={"HX-Target": "card", "HX-Request": "true"}
    ).text
    for page in (whole, alone):
        assert (
            "5.81 m 东 88°" in page
            and "RTK固定解 ±0.02 m，平均 20 次" in page
            and "周岚" in page
            and "/records/point/" in page
        )
    assert "<html" in whole and "<html" not in alone and alone.count('id="card"') == 1
    unknown = client.get(f"{site.project}/map", params={"at": "<b>S99"})
    assert unknown.status_code == 200 and "没有编号为 &lt;b&gt;S99 的点" in unknown.text


def test_the_tablet_that_recorded_a_visit_is_named(server: Server, device: Device) -> None:
    line = device.change("comment", {"subject_kind": "site", "subject_id": server.site, "text": "看过", "at": AT})
    assert outcomes(device.push([line])) == ["applied"]
    key = server.service.made_on(change.decode(line).record)
    assert key is not None and (key.enrolment, key.person) == (device.enrolment, server.sampler)
    assert server.service.made_on(server.site) is None  # written at the server
    assert server.service.made_on("no such record") is None


@pytest.mark.parametrize(
    "bad",
    [{"from": "gestern"}, {"to": "2026-13-40"}, {"page": "0"}, {"q": "x" * 300}, {"zoom": "99"}, {"full": "perhaps"}],
)
def test_bad_input_is_told(site: Site, bad: dict[str, str]) -> None:
    answer = site.client().get(f"{site.project}/map.json", params=bad)
    assert answer.status_code == 400 and answer.json()["number"] == 1001
    if bad.keys() & {"from", "to"}:
        page = site.client().get(f"{site.project}/map", params=bad)
        assert page.status_code == 400 and "2026-11-21" in page.text


def test_a_box_that_is_none_is_the_whole(site: Site) -> None:
    assert site.data("xujing", box="here,there")["total"] == 13


# --- empty, odd ------------------------------------------------------------------------------------------------------


def fresh(site: Site, code: str) -> tuple[str, str]:
    """(project, its field scope), nothing in it."""
    service, seeded = site.parts.service, site.made.seeded
    who = seeded.people["xujing"]
    values = {"code": code, "name": code, "stage": "detailed", "client_id": seeded.org, "surveyor_id": seeded.org, "contact_id": who,
              "started_on": "2026-11-10"}  # fmt: skip
    project = service.add_project(values)
    service.grant(who, project, "project_manager")
    return project, f"{project}.field"


def test_each_kind_of_nothing_says_what_to_do(site: Site) -> None:
    service, seeded, new = site.parts.service, site.made.seeded, site.parts.service.new_id
    project, field = fresh(site, "E-1")

    def page(**asked: str) -> str:
        answer = site.client().get(f"/console/projects/{project}/map", params=asked)
        assert answer.status_code == 200
        return answer.text

    assert "还没有采样方案" in page() and "jingtu plan import" in page() and 'id="leaflet"' not in page()
    plan, planned, site_id = new(), new(), new()
    service.write(None, [
        Write("site", site_id, field, {"code": "1", "name": "空地块", "status": "survey"}),
        Write("plan", plan, field, {"code": "FA-9", "version": 1, "title": "方案", "stage": "detailed", "author_id": seeded.org}),
    ])  # fmt: skip
    assert "方案里还没有点位" in page()
    service.write(None, [Write("planned_point", planned, field, {"plan_id": plan, "code": "P1", "role": "soil", "origin": "plan",
                                                                 "position": pos(0, 0), "reason": "r"})])  # fmt: skip
    assert "还没有现场记录" in page() and "P1" in page() and 'id="leaflet"' in page()
    assert "没有符合筛选的点位" in page(state="done")

    project, field = fresh(site, "E-2")  # visits without a plan, first without a position
    site_id = new()
    bare = visited(seeded.people["zhoulan"], site_id, "V1", pos(0, 0), 60)
    service.write(None, [
        Write("site", site_id, field, {"code": "2", "name": "又一块", "status": "survey"}),
        Write("point", new(), field, {k: v for k, v in bare.items() if k != "position"}),
    ])  # fmt: skip
    assert "没有一个点有坐标" in page() and "V1" in page() and "没有坐标" in page(at="V1")
    service.write(None, [Write("point", new(), field, {**bare, "code": "V2"})])
    assert "没有方案，图上只有到场记录" in page() and "1 个没有坐标" in page()


def test_names_of_two_hundred_characters_and_markup_stay_text(tmp_path: Path) -> None:
    evil = '</script><img src=x onerror="1">'
    odd = Site(
        tmp_path, names={"point": evil + "{:02d}", "project": LONG, "person": LONG, "zone": evil, "device": evil}
    )
    page = odd.client().get(f"{odd.project}/map", params={"at": evil + "00"})
    assert page.status_code == 200 and "<img" not in page.text and LONG in page.text
    data = odd.data("xujing")
    assert evil + "06" in {p["c"] for p in data["points"]} and evil in {z["c"] for z in data["zones"]}


# --- the base map ----------------------------------------------------------------------------------------------------


@pytest.fixture
def fake() -> Iterator[Fake]:
    with tile_server() as found:
        yield found


def test_tiles_come_through_the_server_and_the_key_stays_there(
    tmp_path: Path, fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    site = Site.__new__(Site)
    settings = Settings(data=tmp_path, tianditu_key=fake.key, tianditu_url=fake.url, tianditu_note="GS（2026）0000号")  # type: ignore[arg-type]
    assert fake.key not in repr(settings)
    site.app = create_app(settings, clock=lambda: NOW)
    site.parts = site.app.state.parts
    site.made = mapped(site.parts.service, site.parts.auth, points=2)
    site.project = f"/console/projects/{site.made.seeded.project}"
    assert (
        Client(site.app, BASE).get(f"{site.project}/tiles/vec/3/6/3").headers["location"].startswith("/console/login")
    )
    assert fake.asked == []  # nobody who is not signed in makes the server ask
    client = site.client("zhoulan")
    tile = client.get(f"{site.project}/tiles/vec/3/6/3")
    assert (
        tile.status_code == 200 and tile.headers["content-type"] == "image/png" and tile.content.startswith(b"\x89PNG")
    )
    assert tile.headers["cache-control"].startswith("private") and tile.headers["x-content-type-options"] == "nosniff"
    assert fake.asked[0]["tk"] == fake.key and fake.asked[0]["TILEMATRIX"] == "3"
    page = client.get(f"{site.project}/map").text
    assert "天地图" in page and "GS（2026）0000号" in page and 'data-tiles="vec,cva"' in page
    assert 'data-tiles="img,cia"' in client.get(f"{site.project}/map?base=img").text
    assert 'data-tiles=""' in client.get(f"{site.project}/map?base=none").text
    assert client.get(f"{site.project}/tiles/vec/3/99/3").json()["number"] == 4602
    assert client.get(f"{site.project}/tiles/osm/3/1/3").json()["number"] == 4602
    fake.broken = True
    failed = client.get(f"{site.project}/tiles/img/3/1/3")
    assert failed.status_code == 502 and failed.json()["number"] == 4603
    assert fake.key not in failed.text + page + caplog.text + str(tile.headers)
    assert client.get(f"{site.project}/map").status_code == 200


def test_without_a_key_there_is_no_base_map(site: Site) -> None:
    answer = site.client().get(f"{site.project}/tiles/vec/1/0/0")
    assert answer.status_code == 404 and answer.json()["number"] == 4601
    page = site.client().get(f"{site.project}/map").text
    assert "底图：无，只有网格" in page and 'data-tiles=""' in page and "天地图" not in page


@pytest.mark.parametrize(("key", "told"), [("k3y", True), ("  ", False), ("", False)])
def test_the_start_says_when_it_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, told: bool) -> None:
    from typer.testing import CliRunner

    monkeypatch.setenv("JINGTU_TIANDITU_KEY", key)
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    with socket.socket() as free:  # 0 means the default port, which another test may hold
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ran = CliRunner().invoke(command, ["server", "--data", str(tmp_path), "--port", str(port)])
    assert ran.exit_code == 0, ran.output
    assert ("天地图" in ran.output) is told and "k3y" not in ran.output
