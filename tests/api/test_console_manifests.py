"""The pages of transfer over HTTP: who sees them, what the ledger says, plans from draft to receipt to a new version, bad input."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.handover import Load
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.test_console_security import BASE, Client
from tests.api.world import OURS
from tests.ui.console_seed import NOW, seed
from tests.ui.manifests_seed import LOADS, Moved, at, moved, signed, trucks_of


class Site:
    def __init__(self, folder: Path, **names: str) -> None:
        self.app = create_app(Settings(data=folder), clock=lambda: NOW)
        self.parts = self.app.state.parts
        self.service = self.parts.service
        self.made: Moved = moved(self.service, self.parts.auth, names=names or None, points=1)
        self.project = self.made.seeded.project
        self.root = f"/console/projects/{self.project}"
        self.clients: dict[str, Client] = {}

    def client(self, user: str = "xujing") -> Client:
        if user not in self.clients:
            client = Client(self.app, BASE)
            assert client.sign_in(user).status_code == 303
            self.clients[user] = client
        return self.clients[user]

    def get(self, path: str, user: str = "xujing", **params: Any) -> httpx.Response:
        return self.client(user).get(self.root + path, params=params)

    def post(self, path: str, data: dict[str, Any], user: str = "xujing", **more: Any) -> httpx.Response:
        return self.client(user)("POST", self.root + path, data=data, headers=OURS, **more)

    def plan(self, id: str) -> Any:
        return self.service.stored_transfer_plan(self.project, id)

    def notes(self, action: str) -> list[Any]:
        with self.service.store.reading() as tx:
            return [n for n in tx.notes(limit=200) if n["action"] == action]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("moved"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Site]:
    yield Site(tmp_path)


def text(answer: httpx.Response) -> str:
    """What a reader reads."""
    plain = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", plain)).split())


def numbers(answer: httpx.Response) -> list[str]:
    """The last three digits of the loads in the table, in order."""
    return re.findall(r'id="m-[0-9a-f-]+"[^>]*>2026 3211 000(\d{3})<', answer.text)


# --- who -------------------------------------------------------------------------------------------------------------


def test_whoever_reads_transfer_records_sees_the_ledger_and_for_others_it_is_not_there(site: Site) -> None:
    paths = (
        "/manifests",
        f"/manifests/{site.made.manifests['403']}",
        "/transfer",
        f"/transfer/{site.made.plan}",
        "/transfer/things",
    )
    for path in paths:
        assert (
            site.get(path, "xujing").status_code
            == site.get(path, "dong").status_code
            == site.get(path, "wang").status_code
            == 200
        ), path
        assert (
            site.get(path, "zhoulan").status_code
            == site.get(path, "driver").status_code
            == site.get(path, "stranger").status_code
            == 404
        ), path
    assert "/manifests" in site.get("", "xujing").text and "/manifests" not in site.get("", "zhoulan").text
    for path in ("/transfer/new", f"/transfer/{site.made.draft}/edit"):
        assert site.get(path, "wang").status_code == 403
    assert site.post(f"/transfer/{site.made.plan}", {"do": "suspend", "suspend_reason": "x"}, "wang").status_code == 403
    assert "suspended" not in site.plan(site.made.plan).values
    assert "新建转运计划" not in site.get("/transfer", "wang").text


def test_people_of_another_firm_are_told_where_their_loads_are(site: Site) -> None:
    page = site.client("driver").get("/console/")
    assert page.status_code == 200 and "车次和交接在你自己的设备上" in page.text and "红星电镀厂地块" in page.text
    assert f"{BASE}/m/" in page.text
    led_to = re.findall(r'href="(/console/projects/[^"]*)"', page.text)
    assert {path.rpartition("/")[2] for path in led_to} == {"mine"}  # its own findings, and nothing else of the project
    assert "你是外单位人员" not in site.client("xujing").get("/console/").text


def test_a_sampler_who_is_also_of_another_firm_reads_no_transfer_records(fresh: Site) -> None:
    fresh.service.grant(fresh.made.seeded.people["zhoulan"], fresh.project, "party")
    assert fresh.get("", "zhoulan").status_code == 200
    for path in ("/manifests", "/transfer", "/records/manifest", f"/records/manifest/{fresh.made.manifests['403']}"):
        assert fresh.get(path, "zhoulan").status_code == 404, path
    assert "20263211000403" not in fresh.get("/map.json", "zhoulan", full="1").text
    key = fresh.parts.auth.make_key(fresh.made.seeded.people["zhoulan"], "GIS", 30)
    answer = fresh.client("zhoulan").get("/ogc/collections", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200 and ".point" in answer.text and ".manifest" not in answer.text


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_overdue_and_unbalanced_come_first_then_what_is_on_the_road(site: Site) -> None:
    page = site.get("/manifests")
    order = numbers(page)
    assert (
        sorted(order) == sorted(LOADS)
        and order[0] == "416"
        and set(order[:3]) == {"416", "409", "403"}
        and order[3:5] == ["419", "418"]
    )
    said = text(page)
    assert "要管的 3 件" in said and "超时 1 小时" in said and "−0.95（5.1 %）" in said and "差重，已说明" in said
    assert "计划 ZY-02 两地已报送 · 9 车" in said and "应到 19:00" in said
    assert re.search(r'href="[^"]*/manifests" aria-current="page".*?class="n">3<', page.text)


def test_what_is_not_known_is_an_interval_and_never_a_zero(site: Site) -> None:
    said = text(site.get("/manifests"))
    assert "K2 基坑" in said and "收 54.15 ＋ 未知，最多 36.9" in said and "出 90.59" in said
    assert "收 36.25（少 1.43 t，3.8 %）" in said and "出 37.68" in said
    for by, word in (("vehicle", "苏L·A5541"), ("day", "2026-11-21"), ("receiver", "宏泰水泥窑"), ("plan", "ZY-02")):
        page = site.get("/manifests", by=by)
        bars = re.search(r'<ul class="bals">(.*?)</section>', page.text, re.S)
        assert bars and word in bars[1] and "url(#unknown)" in bars[1], by
    assert site.get("/manifests", by="nonsense").status_code == 200


def test_filters_narrow_the_table_and_stay_addresses(site: Site) -> None:
    def found(**by: str) -> set[str]:
        return set(numbers(site.get("/manifests", **by)))

    assert found(state="road") == {"416", "418", "419"}
    assert found(state="alarm") == {"416", "409", "403"}
    assert found(state="received_difference") == {"403"}
    assert found(day="2026-11-20") == {"401", "403", "409"}
    assert found(plate="苏l a5541") == {"401", "412", "416"}
    assert found(lot=site.made.lots["K3 堆体"]) == {"403", "409"}
    assert found(receiver=site.made.orgs["kiln"]) == set(LOADS)
    assert found(open="1") >= {"409", "417", "419"} and "401" not in found(open="1")
    assert found(q="2026 3211 000418") == {"418"}
    assert found(q="没有这样的") == set() and "没有符合条件的车次" in site.get("/manifests", q="没有这样的").text
    for lang, said, not_said in (("en", "write 2026-11-21", "‖"), ("zh", "写成 2026-11-21", "‖")):
        bad = site.get("/manifests", day="2026-02-30", lang=lang)
        assert bad.status_code == 400 and said in bad.text and not_said not in bad.text


def test_a_load_that_left_after_midnight_is_of_one_day_in_the_table_and_in_the_balance(fresh: Site) -> None:
    made, transfer, id, number = fresh.made, f"{fresh.project}.transfer", fresh.service.new_id(), "20263211000421"
    plate, truck = trucks_of(fresh.service, made)
    lot, kiln = made.lots["K2 基坑"], made.orgs["kiln"]
    manifest = {"number": number, "plan_id": made.plan, "lot_id": lot, "vehicle_id": truck, "driver_name": "王师傅", "driver_phone": "1",
                "cover": "tarp", "receiver_id": kiln, "receiver_place": "句容协同处置中心", "issued_at": at(1130), "supervised": True}  # fmt: skip
    load = Load(id, fresh.project, made.plan, lot, made.orgs["carrier"], kiln, number, plate, 50, "tarp")
    first = signed(made, id, "issued", 1130, "32.00", "14.00", [], manifest, load, "y")  # 23:55
    second = signed(made, id, "departed", 1115, "", "", [evidence.unb64(first["cose"])], manifest, load, "y")  # 00:10
    legs = [Write("manifest_leg", fresh.service.new_id(), transfer, v) for v in (first, second)]
    fresh.service.write(None, [Write("manifest", id, transfer, manifest), *legs])
    assert set(numbers(fresh.get("/manifests", day="2026-11-20"))) == {"401", "403", "409", "421"}
    assert "421" not in numbers(fresh.get("/manifests", day="2026-11-21"))
    bars = text(fresh.get("/manifests", by="day"))
    assert re.search(r"2026-11-20 4 车", bars), bars


# --- one load --------------------------------------------------------------------------------------------------------


def test_a_load_tells_who_signed_and_what_each_signature_is_worth(site: Site) -> None:
    said = text(site.get(f"/manifests/{site.made.manifests['403']}"))
    assert (
        said.count("签名属实") == 3
        and "董师傅" in said
        and "设备 C2" in said
        and "毛 32.64 − 皮 14.10 ＝ 净 18.54 t · 磅单 DB-12" in said
    )
    assert "含水异常" in said and "苫布破，淋雨" in said and "没有疑问" in said
    page = site.get(f"/manifests/{site.made.manifests['409']}")
    said = text(page)
    assert "交来的记录与签名不符" in said and "记录与签名不符（位置）" in said
    assert re.search(r"/m/20263211000409\?c=[A-Z2-7]{10}", page.text)


def test_a_leg_known_only_from_a_code_says_so_and_counts(site: Site) -> None:
    said = text(site.get(f"/manifests/{site.made.manifests['417']}"))
    assert said.count("只从交接码得知，本人设备还没同步") == 2 and "已接收" in said and "18.080 t" in said
    page = site.get(f"/manifests/{site.made.manifests['419']}")  # there is no record at all
    assert page.status_code == 200 and "开联单的平板还没同步" in page.text and "联单记录" not in page.text


def test_a_loads_map_has_its_legs_and_the_planned_route(site: Site) -> None:
    data = site.get(f"/manifests/{site.made.manifests['401']}/map.json").json()
    assert [e["k"] for e in data["ends"]] == ["out", "out", "way", "in", "due"] and len(data["roads"]) == 2
    assert data["roads"][1]["s"] == "planned" and len(data["roads"][1]["line"]) == 5 and data["bounds"]
    assert site.get("/manifests/none/map.json").status_code == 404
    plan = site.get(f"/transfer/{site.made.plan}/map.json").json()
    assert [r["s"] for r in plan["roads"]] == ["planned"] and plan["bounds"]


def test_an_unknown_key_cannot_be_judged_and_a_wrong_signature_is_named(fresh: Site) -> None:
    made, transfer = fresh.made, f"{fresh.project}.transfer"
    id, number = fresh.service.new_id(), "20263211000420"
    plate, truck = trucks_of(fresh.service, made)
    manifest = {"number": number, "plan_id": made.plan, "lot_id": made.lots["K2 基坑"], "vehicle_id": truck, "driver_name": "王师傅", "driver_phone": "1",
                "cover": "tarp", "receiver_id": made.orgs["kiln"], "receiver_place": "句容协同处置中心", "issued_at": at(30), "supervised": True}  # fmt: skip
    load = Load(
        id,
        fresh.project,
        made.plan,
        made.lots["K2 基坑"],
        made.orgs["carrier"],
        made.orgs["kiln"],
        number,
        plate,
        50,
        "tarp",
    )
    first = signed(made, id, "issued", 30, "32.00", "14.00", [], manifest, load, "x")
    strange = made._replace(signers=made.signers | {"driver": made.signers["driver"]._replace(key=evidence.new_key())})
    second = signed(strange, id, "departed", 25, "", "", [evidence.unb64(first["cose"])], manifest, load, "x")
    wrong = signed(made, id, "received", 5, "31.98", "14.00", [b"something else"], manifest, load, "x")
    fresh.service.write(
        None,
        [
            Write("manifest", id, transfer, manifest),
            *(Write("manifest_leg", fresh.service.new_id(), transfer, v) for v in (first, second, wrong)),
        ],
    )
    said = text(fresh.get(f"/manifests/{id}"))
    assert "不能确定" in said and "不认识这把钥匙" in said
    assert "2026 3211 000420" in text(fresh.get("/manifests", open="1"))


# --- plans -----------------------------------------------------------------------------------------------------------


def form(site: Site, **more: Any) -> dict[str, Any]:
    """A plan as it is typed."""
    old = site.plan(site.made.plan).values
    r = old["receivers"][0]
    typed = {k: old[k] for k in ("site_id", "consignor_id", "supervisor_id", "mass_t", "volume_m3", "from_date", "to_date", "way", "carriers", "vehicles", "measures",
                                 "emergency", "notice_text", "day_window")}  # fmt: skip
    typed |= {"code": "ZY-07", "lots": old["lots"][:2], "do": "save", "seq": "0"}
    typed |= {
        f"receivers.0.{k}": r[k]
        for k in (
            "org_id",
            "site_name",
            "way",
            "permit_no",
            "capacity_t",
            "dispose_days",
            "route_km",
            "route_min",
            "accepts",
        )
    }
    typed |= {
        "receivers.0.lon": "119.67",
        "receivers.0.lat": "32.29",
        "receivers.0.route": "119.45, 32.2\n119.67, 32.29",
    }
    return typed | more


def test_a_plan_from_draft_to_receipts_to_a_new_version(fresh: Site) -> None:
    made = fresh.post("/transfer/new", form(fresh, volume_m3="760", mass_t="1300"), "dong")
    assert made.status_code == 303, text(made)
    id = made.headers["location"].partition("?")[0].rpartition("/")[2]
    stored = fresh.plan(id)
    assert (
        stored.values["receivers"][0]["route"] == {"line": [["119.45", "32.2"], ["119.67", "32.29"]]}
        and stored.values["version"] == 1
    )
    page = fresh.get(f"/transfer/{id}", said="made")
    assert "内容齐了" in page.text and "草稿" in page.text and "已建草稿" in page.text
    # edited as long as nobody was told
    edit = form(fresh, day_window="8:00–17:00", seq=str(stored.seq))
    assert fresh.post(f"/transfer/{id}/edit", edit, "dong").status_code == 303
    stored = fresh.plan(id)
    assert stored.values["day_window"] == "8:00–17:00"
    stale = fresh.post(f"/transfer/{id}/edit", form(fresh, seq="1", day_window="x"), "xujing")
    assert stale.status_code == 409 and "董师傅" in text(stale) and fresh.plan(id).values["day_window"] == "8:00–17:00"
    # filed with both, then frozen
    for side, bureau in (("origin", "bureau"), ("destination", "bureau2")):
        done = fresh.post(f"/transfer/{id}", {"do": "file", "seq": str(fresh.plan(id).seq), "side": side, "authority_id": fresh.made.orgs[bureau],
                                              "submitted_at": "2026-11-20T09:30"})  # fmt: skip
        assert done.status_code == 303, text(done)
    assert "已报送，等回执" in fresh.get(f"/transfer/{id}").text
    assert fresh.get(f"/transfer/{id}/edit").status_code == 409
    frozen = fresh.post(f"/transfer/{id}/edit", form(fresh, seq=str(fresh.plan(id).seq), day_window="x"))
    assert (
        frozen.status_code == 409 and "已经报送" in text(frozen) and fresh.plan(id).values["day_window"] == "8:00–17:00"
    )
    for n, number in enumerate(("镇环函〔2026〕50号", "句环函〔2026〕12号")):
        got = fresh.post(
            f"/transfer/{id}",
            {
                "do": "receipt",
                "n": str(n),
                "seq": str(fresh.plan(id).seq),
                "receipt_no": number,
                "accepted_at": "2026-11-21T10:00",
            },
        )
        assert got.status_code == 303, text(got)
    assert "两地已报送" in fresh.get(f"/transfer/{id}").text
    # suspended, resumed, amended
    assert (
        fresh.post(
            f"/transfer/{id}", {"do": "suspend", "seq": str(fresh.plan(id).seq), "suspend_reason": " "}
        ).status_code
        == 422
    )
    assert (
        fresh.post(
            f"/transfer/{id}", {"do": "suspend", "seq": str(fresh.plan(id).seq), "suspend_reason": "暴雨"}
        ).status_code
        == 303
    )
    assert fresh.plan(id).values["suspend_reason"] == "暴雨" and "暴雨" in fresh.get(f"/transfer/{id}").text
    assert fresh.post(f"/transfer/{id}", {"do": "resume", "seq": str(fresh.plan(id).seq)}).status_code == 303
    assert "suspended" not in fresh.plan(id).values
    amended = fresh.post(
        f"/transfer/{id}", {"do": "amend", "seq": str(fresh.plan(id).seq), "changed_what": "加 4 辆车"}
    )
    assert amended.status_code == 303
    second = fresh.plan(amended.headers["location"].partition("?")[0].rpartition("/")[2])
    assert (
        second.values["version"] == 2
        and second.values["changed_what"] == "加 4 辆车"
        and "filings" not in second.values
    )
    assert second.values["receivers"] == fresh.plan(id).values["receivers"]
    again = fresh.post(f"/transfer/{id}", {"do": "amend", "seq": str(fresh.plan(id).seq), "changed_what": "再加"})
    assert again.status_code == 422 and "第 2 版还没报送" in text(again)
    assert "两地已报送" in fresh.get(f"/transfer/{id}").text  # a newer draft changes nothing yet
    by = fresh.made.seeded.people["xujing"]
    for action, n in (("transfer_new", 1), ("transfer_edit", 1), ("transfer_file", 2), ("transfer_receipt", 2), ("transfer_suspend", 1), ("transfer_resume", 1), ("transfer_amend", 1)):  # fmt: skip
        notes = fresh.notes(action)
        assert len(notes) == n and all(x["owner"] == fresh.project for x in notes), action
        assert action in ("transfer_new", "transfer_edit") or {x["by"] for x in notes} == {by}


def test_hazardous_waste_stops_a_plan_and_says_which_rules_apply(fresh: Site) -> None:
    id = fresh.made.draft
    page = fresh.get(f"/transfer/{id}")
    assert (
        "危险废物：停止" in page.text
        and "危险废物转移管理办法" in page.text
        and "危险废物" in fresh.get("/transfer").text
    )
    no = fresh.post(f"/transfer/{id}", {"do": "file", "seq": str(fresh.plan(id).seq), "side": "origin", "authority_id": fresh.made.orgs["bureau"],
                                        "submitted_at": "2026-11-20T09:30"})  # fmt: skip
    assert no.status_code == 422 and "危险废物" in text(no) and not fresh.plan(id).values.get("filings")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"from_date": "2026-12-31", "to_date": "2026-11-01"}, "须大于"),
        ({"mass_t": "很多"}, "计划转运量"),
        ({"lots": []}, "转出土方单元"),
        ({"code": "ZY-02"}, "已经有了"),
        ({"code": ""}, "转运计划编号"),
        ({"receivers.0.route": "32.2, 119.45\n32.3, 119.5"}, "经度在前"),
        ({"receivers.0.route": "119.45, 32.2"}, "至少要两个不同的点"),
        ({"receivers.0.route": '{"type":"Point","coordinates":[1,2]}'}, "没有线"),
        ({"receivers.0.route": '{"type":'}, "GeoJSON 读不懂"),
        ({"receivers.0.capacity_t": "-1"}, "可接收量"),
        ({"receivers.0.lon": "abc"}, "经度"),
        ({"vehicles": ["' OR 1=1--"]}, "车辆清单"),
        ({"site_id": "\x00"}, "移出地块"),
    ],
)
def test_a_mistake_shows_the_form_again_with_what_was_typed(site: Site, change: dict[str, Any], said: str) -> None:
    before = len(site.service.records("transfer_plan", f"{site.project}.transfer"))
    answer = site.post("/transfer/new", form(site, measures="全程苫盖") | change)
    assert answer.status_code == 422 and said in text(answer), text(answer)[:800]
    assert "全程苫盖" in answer.text and 'enctype="multipart/form-data"' in answer.text
    assert len(site.service.records("transfer_plan", f"{site.project}.transfer")) == before


def test_what_is_wrong_with_a_receiver_is_said_there_and_nowhere_else(site: Site) -> None:
    answer = site.post("/transfer/new", form(site) | {"receivers.0.way": "", "receivers.0.lat": ""})
    wrong = re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"[^>]*aria-invalid="true"', answer.text)
    wrong += re.findall(r'<(?:input|select|textarea)[^>]*aria-invalid="true"[^>]*name="([^"]+)"', answer.text)
    assert answer.status_code == 422 and wrong == ["receivers.0.way"]  # not the plan's own `way`
    assert "纬度：必填" in text(answer) and "12.50" not in text(answer)


def test_a_route_is_uploaded_as_geojson(fresh: Site) -> None:
    line = b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[[119.45,32.2,5],[119.5,32.25],[119.67,32.29]]}}]}'
    typed = form(fresh)
    typed["receivers.0.route"] = ""
    made = fresh.post(
        "/transfer/new", typed, files={"receivers.0.file": ("线路.geojson", line, "application/geo+json")}
    )
    assert made.status_code == 303, text(made)
    id = made.headers["location"].partition("?")[0].rpartition("/")[2]
    assert len(fresh.plan(id).values["receivers"][0]["route"]["line"]) == 3
    bad = fresh.post(
        "/transfer/new",
        form(fresh, code="ZY-08"),
        files={"receivers.0.file": ("线路.shp", bytes(range(256)), "application/octet-stream")},
    )
    assert bad.status_code == 422 and "读不懂" in text(bad) and "服务器出错" not in bad.text


def test_a_receiver_is_added_and_taken_out_without_losing_what_was_typed(site: Site) -> None:
    more = site.post("/transfer/new", form(site, do="more"))
    assert more.status_code == 200 and more.text.count('name="receivers.1.org_id"') == 1 and "119.67" in more.text
    out = site.post(
        "/transfer/new", form(site, **{"do": "out", "receivers.1.site_name": "另一处", "receivers.out": "0"})
    )
    assert out.status_code == 200 and "另一处" in out.text and "句容协同处置中心" not in out.text


def test_filings_only_grow(fresh: Site) -> None:
    id = fresh.made.plan
    values = fresh.plan(id).values
    altered = {**values, "filings": [{**values["filings"][0], "receipt_no": "别的号"}, values["filings"][1]]}
    for wrong in (altered, {**values, "filings": values["filings"][:1]}):
        with pytest.raises(Trouble) as err:
            fresh.service.keep_transfer_plan(
                fresh.made.seeded.people["xujing"], fresh.project, id, wrong, fresh.plan(id).seq, "transfer_receipt"
            )
        assert err.value.problem.number == 3001
    assert fresh.plan(id).values == values


def test_bad_posts_are_told(site: Site) -> None:
    for data in (
        {},
        {"do": "nonsense"},
        {"do": "receipt", "n": "99"},
        {"do": "file", "side": "x"},
        {"do": "amend", "seq": "9" * 40},
    ):
        answer = site.post(f"/transfer/{site.made.plan}", {"seq": "1", **data})
        assert answer.status_code in (400, 409, 422), data
    assert site.post("/transfer/none", {"do": "amend"}).status_code == 404
    assert site.post("/transfer/things/nonsense", {}).status_code == 404


# --- what plans name -------------------------------------------------------------------------------------------------


def test_vehicles_organisations_and_pits_are_added_and_corrected(fresh: Site) -> None:
    made = fresh.post(
        "/transfer/things/vehicle",
        {"plate": "苏L·D9921", "vehicle_class": "t4_31", "carrier_id": fresh.made.orgs["carrier"]},
        "dong",
    )
    assert made.status_code == 303 and "苏L·D9921" in fresh.get("/transfer/things").text
    twice = fresh.post(
        "/transfer/things/vehicle",
        {"plate": "苏L D9921", "vehicle_class": "t4_31", "carrier_id": fresh.made.orgs["carrier"]},
        "dong",
    )
    assert twice.status_code == 422 and "已经有了" in text(twice)
    lot = fresh.made.lots["K2 基坑"]
    stored = fresh.service.stored_thing("soil_lot", lot, f"{fresh.project}.transfer")
    changed = {"id": lot, "seq": str(stored.seq), "code": "K2 基坑", "kind": "pit", "hazard": "hazardous"}
    assert (
        fresh.post("/transfer/things/soil_lot", changed, "dong").status_code == 403
    )  # a project manager says what soil is
    assert fresh.post("/transfer/things/soil_lot", changed).status_code == 303
    assert "危险废物：停止" in fresh.get(f"/transfer/{fresh.made.plan}").text
    assert fresh.post("/transfer/things/soil_lot", changed | {"kind": "stockpile"}).status_code == 409
    assert fresh.get("/transfer/things/soil_lot", id="none").status_code == 404
    assert fresh.post("/transfer/things/organisation", {"name": "", "roles": ["carrier"]}).status_code == 422
    assert len(fresh.notes("transfer_thing")) == 2


# --- long names, empty projects --------------------------------------------------------------------------------------


def test_a_project_without_plan_or_loads_says_what_to_do_next(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path), clock=lambda: NOW)
    seeded = seed(app.state.parts.service, app.state.parts.auth, points=1)
    client = Client(app, BASE)
    client.sign_in("xujing")
    page = client.get(f"/console/projects/{seeded.project}/manifests")
    assert page.status_code == 200 and "还没有转运计划" in page.text and "/transfer/new" in page.text
    assert "还没有转运计划" in client.get(f"/console/projects/{seeded.project}/transfer").text
    assert client.get(f"/console/projects/{seeded.project}/transfer/new").status_code == 200


def test_long_names_and_markup_in_them_do_no_harm(tmp_path: Path) -> None:
    nasty = Site(tmp_path, lot="基坑" * 30, receiver="华东老工业区" * 33, driver="<script>alert(1)</script>")
    for path in (
        "/manifests",
        f"/manifests/{nasty.made.manifests['401']}",
        f"/transfer/{nasty.made.plan}",
        f"/transfer/{nasty.made.draft}/edit",
    ):
        page = nasty.get(path)
        assert page.status_code == 200 and "<script>alert" not in page.text


def test_the_log_says_what_was_done_with_plans(fresh: Site) -> None:
    id = fresh.made.plan
    assert (
        fresh.post(
            f"/transfer/{id}", {"do": "suspend", "seq": str(fresh.plan(id).seq), "suspend_reason": "暴雨"}
        ).status_code
        == 303
    )
    said = text(fresh.get("/log"))
    assert "暂停转运计划 ZY-02" in said and "暴雨" in said and "transfer_suspend" not in said
