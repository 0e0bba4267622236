"""The pages of plans: what is previewed is imported, nothing over somebody's head, words for every bad file, approval and freeze."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import xlsxwriter

from schemas.rules.geo import gk_project
from schemas.rules.reconcile import run
from sync_server.console.planning import upload
from sync_server.facts import load_facts
from sync_server.plan.importing import Options, import_plan, read_version
from sync_server.plan.rows import read_plan
from sync_server.service import Write
from tests.api.test_console_security import World as Seedbed
from tests.api.world import OURS
from tests.ui.console_seed import NOW, pos

EASTING, NORTHING = gk_project(119.452, 32.2087, 4528)


class Desk:
    """The project manager's console of one project, without a socket."""

    def __init__(self, folder: Path) -> None:
        self.bed = Seedbed(folder)
        self.service, self.seeded = self.bed.parts.service, self.bed.seeded
        self.client = self.bed.client()
        self.client.sign_in()
        self.scope = self.seeded.field
        self.root = f"/console/projects/{self.seeded.project}/plan"

    def get(self, path: str = "", **params: Any) -> httpx.Response:
        return self.client.get(self.root + path, params=params)

    def post(self, path: str, data: dict[str, Any], **more: Any) -> httpx.Response:
        return self.client("POST", self.root + path, data=data, headers=OURS, **more)

    def send(self, content: bytes, name: str = "方案.csv", **options: Any) -> httpx.Response:
        answer = self.post("/import", options, files={"file": (name, content, "application/octet-stream")})
        return self.get("/import/preview") if answer.status_code == 303 else answer

    def confirm(self, page: httpx.Response, **more: str) -> httpx.Response:
        return self.post("/import/preview", {"do": "import", **hidden(page.text, "confirm"), **more})

    def version(self, plan: str = "") -> Any:
        found = read_version(self.service, self.scope, plan)
        assert found is not None
        return found

    def notes(self, action: str) -> list[Any]:
        with self.service.store.reading() as tx:
            return [n for n in tx.notes(limit=50) if n["action"] == action]

    def file(self, *more: str, without: str = "", head: str = "点位编号,经度,纬度,设计孔深,布点理由") -> bytes:
        rows = [head]
        for v in self.version().points:
            at = v["position"]
            if v["code"] != without:
                rows.append(f"{v['code']},{at['lon']},{at['lat']},6,{v['reason']}")
        return "\n".join([*rows, *more]).encode()


def hidden(text: str, form: str) -> dict[str, str]:
    part = re.search(rf'<form[^>]*id="{form}".*?</form>', text, re.S)
    assert part, text[:3000]
    return fields(part[0])


def fields(text: str) -> dict[str, str]:
    return {
        m[1]: html.unescape(m[2]) for m in re.finditer(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    }


def told(answer: httpx.Response) -> str:
    found = re.search(r'role="alert">.*?</p>', answer.text, re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", found[0])) if found else ""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.service.store.close()


def plain(version: Any) -> list[Any]:
    """A version without what is another with every import."""
    return sorted(
        ({k: v for k, v in p.items() if k not in ("plan_id", "zone_id")} for p in version.points),
        key=lambda p: p["code"],
    )


# --- import ----------------------------------------------------------------------------------------------------------


def test_what_is_previewed_is_imported_just_as_the_command_line_does(desk: Desk) -> None:
    old = desk.version()
    added, at = pos(3, 3), pos(200, 0)
    content = desk.file(f"S41,{added['lon']},{added['lat']},8,圈边界", without="S02").replace(
        old.points[0]["position"]["lon"].encode(), at["lon"].encode(), 1
    )
    asked = {"title": "加密方案", "target": "0-0.5", "groups": ["metal"], "note": "加密"}
    page = desk.send(content, **asked)
    assert page.status_code == 200 and "13 行" not in page.text and "12 行，12 行可用，0 行有误" in page.text
    assert len(desk.service.records("plan", desk.scope)) == 1  # a preview stores nothing
    for code, kind in (("S41", "新增"), ("S02", "取消"), ("S01", "移动")):
        row = re.search(rf'<tr data-code="{code}">.*?</tr>', page.text, re.S)
        assert row and kind in row[0], code
    assert "已有记录，都保留，显示为计划外点位" in page.text
    data = desk.get("/map.json", of="file").json()
    assert {p["c"]: p["k"] for p in data["points"] if p["k"] != "changed"} == {
        "S41": "added",
        "S02": "removed",
        "S01": "moved",
    }
    done = desk.confirm(page)
    assert done.status_code == 303 and "said=imported" in done.headers["location"]
    new = desk.version()
    assert (
        new.plan.values["version"] == 4
        and new.plan.values["title"] == "加密方案"
        and new.plan.values["change_note"] == "加密"
    )
    assert (
        len(desk.notes("plan_import")) == 1
        and desk.service.plan_draft(desk.seeded.people["xujing"], desk.seeded.project, "file") is None
    )

    options = Options("加密方案", None, ("0", "0.5"), ("metal",), "soil", change_note="加密")
    import_plan(desk.service, desk.seeded.project, read_plan(content), options, desk.seeded.people["xujing"])
    assert plain(desk.version()) == plain(new) and desk.version().plan.id != new.plan.id
    report = run(load_facts(desk.service, desk.seeded.project, NOW))
    assert {p.code: p.state for p in report.points}["S02"] == "extra"  # its records stay


@pytest.mark.parametrize("what", ["another import", "an edit of a point", "another file"])
def test_what_changed_after_the_preview_is_previewed_again(desk: Desk, what: str) -> None:
    page = desk.send(desk.file(without="S03"))
    if what == "another import":
        import_plan(
            desk.service, desk.seeded.project, read_plan(desk.file()), Options("x"), desk.seeded.people["xujing"]
        )
    elif what == "an edit of a point":
        row = desk.version().rows[0]
        desk.service.write(None, [Write("planned_point", row.id, desk.scope, {**row.values, "tolerance_m": "1"})])
    else:
        desk.send(desk.file(without="S05"))
    n = len(desk.service.records("plan", desk.scope))
    refused = desk.confirm(page)
    assert refused.status_code == 409 and "预览之后方案又有改动" in told(refused) and 'id="changes"' in refused.text
    assert len(desk.service.records("plan", desk.scope)) == n
    assert desk.confirm(refused).status_code == 303  # what is shown now may be confirmed
    assert (
        desk.confirm(refused).headers["location"].endswith("import?said=gone")
    )  # a second click imports nothing twice
    assert len(desk.service.records("plan", desk.scope)) == n + 1


def test_survey_coordinates_are_confirmed_by_a_person(desk: Desk) -> None:
    text = f"点位编号,X,Y\nS1,{NORTHING:.3f},{EASTING:.3f}\n".encode()
    page = desk.send(text)
    assert "CGCS2000 3° 带第 40 带" in page.text and "东经 119.452" in page.text and "请对照图纸" in page.text
    refused = desk.confirm(page)
    assert refused.status_code == 409 and "坐标系还没有确认" in told(refused) and "--yes" not in told(refused)
    assert desk.confirm(refused, confirmed="yes").status_code == 303
    at = desk.version().points[0]["position"]
    assert (at["source_epsg"], at["lon"][:7], at["lat"][:7]) == (4528, "119.452", "32.2087")


def test_a_zone_is_asked_for_in_the_form(desk: Desk) -> None:
    text = f"点位编号,X,Y\nS1,{NORTHING:.3f},{EASTING - 40_000_000:.3f}\n".encode()
    asked = desk.send(text)
    assert (
        asked.status_code == 422
        and "没有带号" in told(asked)
        and "填 3° 带号或中央子午线" in told(asked)
        and "--zone" not in told(asked)
    )
    again = desk.post("/import", {"zone": "40"})  # the file that was uploaded is kept
    assert again.status_code == 303 and "第 40 带" in desk.get("/import/preview").text


def book(*, doctype: bool = False) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet("方案")
        for y, row in enumerate([["点位编号", "经度", "纬度"], ["S01", 119.452, 32.2]]):
            for x, cell in enumerate(row):
                sheet.write(y, x, cell)
    if not doctype:
        return out.getvalue()
    again = io.BytesIO()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(again, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                data = data.replace(
                    b"<worksheet", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet', 1
                )
            new.writestr(item, data)
    return again.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("xl/workbook.xml", "<workbook/>")
        z.writestr("xl/worksheets/sheet1.xml", b" " * 260_000_000)
    return out.getvalue()


BAD: list[tuple[str, bytes, str]] = [
    ("empty.csv", b"", "文件是空的"),
    ("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200), "编码不是"),
    ("no columns.csv", "名称,数量\na,1\n".encode(), "缺少列：点位编号"),
    ("header only.csv", "点位编号,经度,纬度\n".encode(), "只有表头"),
    ("twice.csv", "点位编号,经度,纬度,longitude\nS1,119,32,119\n".encode(), "是同一列"),
    ("quotes.csv", '点位编号,经度,纬度\n"S1,119,32\n'.encode(), "引号不成对"),
    ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "旧版 .xls"),
    ("broken.xlsx", book()[:400], "工作簿损坏"),
    ("cut.geojson", b'{"type":"FeatureCollection","features":[', "JSON 在第"),
    ("line.geojson", b'{"type":"Feature"}', "不是 FeatureCollection"),
    ("nul.csv", "点位编号,经度,纬度\nS1\0,119,32\n".encode(), "不是文本文件"),
]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """For what changes nothing."""
    made = Desk(tmp_path_factory.mktemp("quiet"))
    yield made
    made.service.store.close()


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[b[0] for b in BAD])
def test_a_bad_file_is_told_in_words(quiet: Desk, name: str, content: bytes, words: str) -> None:
    desk = quiet
    answer = desk.send(content, name)
    assert answer.status_code == 422 and words in told(answer), told(answer)
    assert desk.version().plan.values["version"] == 3 and "Traceback" not in answer.text
    assert "Traceback" not in desk.get("/import/preview", lang="en").text
    assert desk.get("/import/preview", lang="zh").status_code == 422


def test_entities_and_bombs_are_refused_unread(desk: Desk) -> None:
    for content in (book(doctype=True), bomb()):
        answer = desk.send(content, "方案.xlsx")
        assert answer.status_code == 422 and ("工作簿损坏" in told(answer) or "250 MB" in told(answer))
        assert "root:" not in answer.text


def test_wrong_rows_are_told_each_with_its_place(desk: Desk) -> None:
    at = pos(1, 1)
    content = desk.file(f"S41,{at['lon']},北纬32度,6,x", f"S42,{at['lon']},{at['lat']},600,<b>x</b>")
    page = desk.send(content)
    assert "2 行有错，没有导入任何一行" in told(page) and "只导入正确的行" in told(page)
    assert "第 14 行 纬度" in page.text and "「北纬32度」不是数" in page.text and "第 15 行 设计孔深" in page.text
    assert 'value="import"' not in page.text
    assert desk.confirm(page).status_code == 422 and desk.version().plan.values["version"] == 3  # nor by hand
    assert desk.post("/import", {"good": "yes"}).status_code == 303
    page = desk.get("/import/preview")
    assert desk.confirm(page).status_code == 303 and len(desk.version().rows) == 12


def test_too_much_is_told_with_the_way_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_POINTS", 10)
    many = desk.send(desk.file())
    assert (
        many.status_code == 422
        and "12 个点位，网页上一次最多 10 个" in told(many)
        and "jingtu plan import" in told(many)
    )
    monkeypatch.setattr(upload, "MAX_FILE", 1000)
    large = desk.post("/import", {}, files={"file": ("a.csv", b"x" * 1500, "text/csv")})
    assert large.status_code == 413 and "超过 0 MB" in told(large)
    monkeypatch.setattr(upload, "MAX_FORM", 100)
    unread = desk.post("/import", {}, files={"file": ("a.csv", b"x" * 5000, "text/csv")})
    assert unread.status_code == 413 and told(unread) == told(large)
    desk.post("/import/preview", {"do": "discard"})
    assert "没有选文件" in told(desk.post("/import", {}))


def test_a_file_of_more_than_a_megabyte_comes_in(desk: Desk) -> None:
    rows = b"".join(b"S%04d,119.45%04d,32.2,6,%s\n" % (n, n, b"x" * 400) for n in range(3000))
    page = desk.send("点位编号,经度,纬度,设计孔深,布点理由\n".encode() + rows)
    assert page.status_code == 200 and "3\u00a0000 行" in page.text and len(rows) > 1_000_000


def test_a_draft_is_its_owners(desk: Desk) -> None:
    desk.send(desk.file(without="S03"))
    desk.service.grant(desk.seeded.people["wang"], desk.seeded.project, "project_manager")
    other = desk.bed.client()
    other.sign_in("wang")
    assert other.get(desk.root + "/import/preview").status_code == 303
    assert {p["k"] for p in other.get(desk.root + "/map.json?of=file").json()["points"]} == {"same"}
    assert desk.post("/import/preview", {"do": "discard"}).headers["location"].endswith("said=discarded")
    assert desk.get("/import/preview").status_code == 303


# --- compare, edit ---------------------------------------------------------------------------------------------------


def put(desk: Desk, op: str, code: str, **more: str) -> httpx.Response:
    return desk.post("/edit", {"do": "put", "op": op, "code": code, "reason": "让开电缆沟", **more})


def save(desk: Desk, page: httpx.Response) -> httpx.Response:
    form = re.search(r'<form class="acts".*?</form>', page.text, re.S)
    assert form
    return desk.post("/edit", {"do": "save", **fields(form[0])})


def test_edits_become_a_version_and_work_stays_attached(desk: Desk) -> None:
    old = desk.version()
    frozen = {s.id: s for s in (*old.rows, old.plan)}
    before = run(load_facts(desk.service, desk.seeded.project, NOW)).totals
    to = pos(5.6, 40)
    assert put(desk, "move", "S02", lon=to["lon"], lat=to["lat"]).status_code == 303
    assert put(desk, "add", "S41", northing=f"{NORTHING:.3f}", easting=f"{EASTING:.3f}", like="S05").status_code == 303
    assert put(desk, "change", "S03", target_depth_m="8.0", tolerance_m="1.5").status_code == 303
    assert put(desk, "cancel", "S07").status_code == 303
    assert desk.version().plan.id == old.plan.id  # a draft is nobody's plan
    page = desk.get("/edit")
    assert "草案里的 4 处改动" in page.text and "让开电缆沟" in page.text
    assert {p["c"]: p["k"] for p in desk.get("/map.json", of="edits").json()["points"] if p["k"] != "same"} == {
        "S02": "moved", "S41": "added", "S03": "changed", "S07": "removed",
    }  # fmt: skip
    done = save(desk, page)
    assert done.status_code == 303 and "said=saved" in done.headers["location"]
    v4 = desk.version()
    points = {p["code"]: p for p in v4.points}
    assert v4.plan.values["version"] == 4 and points["S02"]["position"]["lon"] == to["lon"] and "S07" not in points
    assert (
        points["S41"]["targets"]
        and points["S41"]["target_depth_m"] == "6"
        and points["S41"]["position"]["source_epsg"] == 4528
    )
    assert points["S03"]["target_depth_m"] == "8.0" and points["S03"]["targets"] == next(
        p["targets"] for p in old.points if p["code"] == "S03"
    )
    assert {
        s.id: s for s in (*desk.version(old.plan.id).rows, desk.version(old.plan.id).plan)
    } == frozen  # nothing older changed
    after = run(load_facts(desk.service, desk.seeded.project, NOW))
    states = {p.code: p.state for p in after.points}
    assert (
        states["S02"] == states["S03"] == "done" and states["S07"] == "extra" and after.totals.done == before.done - 1
    )
    note = v4.plan.values["change_note"]
    assert "S02 移动：让开电缆沟" in note and len(desk.notes("plan_save")) == 1
    shown = desk.get("/compare", a=old.plan.id, b=v4.plan.id)
    assert "不同的 4 处" in shown.text and shown.text.count("让开电缆沟") >= 4


def test_edits_are_refused_at_the_field(desk: Desk) -> None:
    at = pos(1, 1)
    for op, code, more, words in (
        ("move", "S99", at, "方案里没有 S99"), ("add", "S01", at, "编号 S01 用过了"), ("add", "X01", at, "编号 X01 用过了"),
        ("move", "S01", {"lon": "x", "lat": "32"}, "不是数"), ("move", "S01", {}, "没有填"), ("add", "", at, "填点位编号"),
        ("change", "S01", {}, "没有改动"), ("change", "S01", {"target_depth_m": "900"}, "超出 0～100"),
        ("add", "S41", {**at, "like": "S77"}, "方案里没有 S77"), ("move", "S01", {"northing": "3565131.42", "easting": "448364.87"}, "没有带号"),
        ("move", "S01", {"northing": "3565131.42", "easting": "448364.87", "zone": "99"}, "25～45"),
    ):  # fmt: skip
        answer = put(desk, op, code, **more)
        assert answer.status_code in (422, 400) and words in html.unescape(answer.text), (op, code, words)
        assert (
            'value="让开电缆沟"' in answer.text or ">让开电缆沟</textarea>" in answer.text
        )  # what was typed is not lost
    assert put(desk, "move", "S01", **at, reason=" ").status_code == 422
    assert "草案里还没有改动" in desk.get("/edit").text


def test_edits_of_a_plan_that_moved_on(desk: Desk) -> None:
    put(desk, "cancel", "S03")
    put(desk, "move", "S04", **pos(2, 2))
    page = desk.get("/edit")
    import_plan(desk.service, desk.seeded.project, read_plan(desk.file()), Options("x"), desk.seeded.people["xujing"])
    refused = save(desk, page)
    assert refused.status_code == 409 and "又有改动" in told(refused) and desk.version().plan.values["version"] == 4
    assert "第 4 版 → 第 5 版" in refused.text
    assert save(desk, refused).status_code == 303 and desk.version().plan.values["version"] == 5
    put(desk, "cancel", "S05")
    import_plan(
        desk.service,
        desk.seeded.project,
        read_plan(desk.file(without="S05")),
        Options("x"),
        desk.seeded.people["xujing"],
    )
    gone = desk.get("/edit")
    assert "方案里没有这个点位" in gone.text and 'value="save"' not in gone.text
    assert desk.post("/edit", {"do": "out", "op": "cancel", "code": "S05"}).status_code == 303


# --- approval --------------------------------------------------------------------------------------------------------

REVIEW = {
    "kind": "meeting",
    "held_on": "2026-11-20",
    "conclusion": "pass",
    "experts.0.name": "王教授",
    "experts.0.title": "教授",
}


def approve(desk: Desk, do: str = "approve", **more: str) -> httpx.Response:
    version = desk.version()
    seen = version.mark.rpartition(":")[2]
    return desk.post("/approve", {"do": do, "plan": version.plan.id, "seq": seen, **REVIEW, **more})


def test_nobody_approves_points_that_were_changed_after_the_page_was_opened(desk: Desk) -> None:
    seen = re.search(r'name="seq" value="(\d+)"', desk.get("/approve").text)
    assert seen
    row = desk.version().rows[0]
    tolerance = {"plan": desk.version().plan.id, f"t.{row.id}": "9", f"seq.{row.id}": str(row.seq)}
    assert desk.post("/tolerances", tolerance).status_code == 303  # another window, another manager
    late = approve(desk, seq=seen[1], accepted_reason="x")
    assert late.status_code == 409 and "改过" in told(late) and "approved_by" not in desk.version().plan.values
    assert approve(desk, accepted_reason="x").status_code == 303


def test_a_plan_with_errors_needs_a_reason_and_is_frozen_then(desk: Desk) -> None:
    page = desk.get("/approve")
    assert "方案检查有 1 处错误" in page.text and "地下水井" in page.text
    refused = approve(desk)
    assert refused.status_code == 422 and "写明为什么仍然批准" in refused.text and 'value="王教授"' in refused.text
    assert desk.service.records("plan_review", desk.scope) == []
    done = approve(desk, accepted_reason="水井另行布设")
    assert done.status_code == 303 and "said=approved" in done.headers["location"]
    v = desk.version().plan.values
    assert v["approved_by"] == desk.seeded.people["xujing"] and v["approved_at"].startswith("2026-11-21")
    (review,) = desk.service.records("plan_review", desk.scope)
    assert (
        review.values["experts"] == [{"name": "王教授", "title": "教授"}]
        and review.values["accepted_reason"] == "水井另行布设"
    )
    (note,) = desk.notes("plan_approve")
    assert note["detail"]["findings"] == 1 and note["by"] == desk.seeded.people["xujing"]
    assert approve(desk, accepted_reason="x").status_code == 409  # once
    row = desk.version().rows[0]
    frozen = desk.post(
        "/tolerances", {"plan": desk.version().plan.id, f"t.{row.id}": "1", f"seq.{row.id}": str(row.seq)}
    )
    assert (
        frozen.status_code == 409
        and "已批准，不能再改" in told(frozen)
        and "tolerance_m" not in desk.version().rows[0].values
    )
    put(desk, "cancel", "S03")
    assert save(desk, desk.get("/edit")).status_code == 303
    text = desk.get("").text
    assert text.count("待批准") >= 2 and "已批准" in text and "approved_by" not in desk.version().plan.values
    approve(desk, accepted_reason="x")
    assert "已被取代" in desk.get("").text


@pytest.mark.parametrize(("change", "status", "words"), [
    ({"conclusion": "fail", "opinions": "重做", "accepted_reason": "x"}, 409, "评审结论是不通过"),
    ({"seq": "1", "accepted_reason": "x"}, 409, "改过"),
    ({"kind": ""}, 422, "评审方式"), ({"held_on": "昨天"}, 422, "应为日期"), ({"experts.0.name": ""}, 422, "专家姓名"),
    ({"experts.0.name": "", "experts.0.title": ""}, 422, "评审专家"),
    ({"conclusion": "amended", "accepted_reason": "x"}, 422, "意见落实情况"), ({"minutes_sha256": "xyz"}, 422, "格式不对"),
])  # fmt: skip
def test_guards_of_an_approval(quiet: Desk, change: dict[str, str], status: int, words: str) -> None:
    desk = quiet
    answer = approve(desk, **change)
    assert answer.status_code == status and words in html.unescape(answer.text), told(answer)
    assert "approved_by" not in desk.version().plan.values and desk.service.records("plan_review", desk.scope) == []


def test_a_review_can_be_recorded_without_approving(desk: Desk) -> None:
    assert approve(desk, "review", conclusion="fail", opinions="点位太少").status_code == 303
    assert "approved_by" not in desk.version().plan.values
    assert "点位太少" in desk.get("").text and "不通过" in desk.get("/approve").text
    version = desk.version()
    older, seen = version.plan, version.mark.rpartition(":")[2]
    import_plan(desk.service, desk.seeded.project, read_plan(desk.file()), Options("x"), desk.seeded.people["xujing"])
    late = desk.post("/approve", {"do": "approve", "plan": older.id, "seq": seen, **REVIEW, "accepted_reason": "x"})
    assert late.status_code == 409 and "已有更新的第 4 版" in told(late)


# --- figures and rules -----------------------------------------------------------------------------------------------

RULE = {"qc_rules.0.qc_kind": "field_duplicate", "qc_rules.0.medium": "soil", "qc_rules.0.basis": "share", "qc_rules.0.share_pct": "10",
        "qc_rules.0.basis_text": "HJ 166"}  # fmt: skip


def project(desk: Desk) -> Any:
    return next(p for p in desk.service.records("project", desk.scope) if p.id == desk.seeded.project)


def rules(desk: Desk, do: str = "save", **more: Any) -> httpx.Response:
    return desk.post("/rules", {"seq": str(project(desk).seq), "do": do, **more})


def test_figures_are_saved_as_one_change_by_name(desk: Desk) -> None:
    before = project(desk)
    assert (
        rules(
            desk, shift_ok_m="１.5", nd_as="zero", mass_pct="0.5", **RULE, **{"qc_rules.0.groups": ["metal", "voc"]}
        ).status_code
        == 303
    )
    after = project(desk)
    assert after.values["shift_ok_m"] == "1.5" and after.values["qc_rules"] == [
        {
            "qc_kind": "field_duplicate",
            "medium": "soil",
            "groups": ["metal", "voc"],
            "basis": "share",
            "share_pct": "10",
            "basis_text": "HJ 166",
        }
    ]
    assert {k: v for k, v in after.values.items() if k in before.values} == before.values
    with desk.service.store.reading() as tx:
        (last,) = tx.history(desk.seeded.project)[-1:]
    assert desk.seeded.people["xujing"] in last.line.decode() and len(desk.notes("plan_rules")) == 1
    assert "没有改动" in desk.client.get(rules(desk, **{k: v for k, v in _form(desk).items()}).headers["location"]).text
    page = desk.get("/rules").text
    assert 'value="1.5"' in page and "待确认" in page and "标准原文核对过" not in page.split('id="qc_rules"')[0]


def _form(desk: Desk) -> dict[str, Any]:
    return {"shift_ok_m": "1.5", "nd_as": "zero", "mass_pct": "0.5", **RULE, "qc_rules.0.groups": ["metal", "voc"]}


def test_faults_stand_at_their_field_and_nothing_is_saved(desk: Desk) -> None:
    for more, words in (
        ({"shift_ok_m": "200"}, "不能大于 20"), ({"accuracy_gate_m": "abc"}, "应为十进制数文本"), ({"nd_as": "nope"}, "不在代码表"),
        ({**RULE, "qc_rules.0.share_pct": ""}, "请填写「最低比例」"), ({"photo_rules.0.step": "rig_e"}, "最少张数"),
    ):  # fmt: skip
        seq, answer = project(desk).seq, rules(desk, **more)
        assert answer.status_code == 422 and words in html.unescape(answer.text), words
        assert project(desk).seq == seq
    more_rows = rules(desk, "more.qc_rules", **RULE)
    assert "qc_rules.1.qc_kind" in more_rows.text and 'value="HJ 166"' in more_rows.text
    assert "qc_rules.0." not in rules(desk, "out", **RULE, **{"qc_rules.out": "0"}).text


def test_two_at_once_see_each_other(desk: Desk) -> None:
    seen = str(project(desk).seq)
    assert desk.post("/rules", {"seq": seen, "do": "save", "shift_ok_m": "1"}).status_code == 303
    late = desk.post("/rules", {"seq": seen, "do": "save", "shift_ok_m": "3"})
    assert late.status_code == 409 and "许静 改过" in told(late) and "现在" in late.text
    assert project(desk).values["shift_ok_m"] == "1" and 'value="3"' in late.text
    row = desk.version().rows[0]
    form = {"plan": desk.version().plan.id, f"t.{row.id}": "1.5", f"seq.{row.id}": str(row.seq)}
    assert "n=1" in desk.post("/tolerances", form).headers["location"]
    assert desk.post("/tolerances", {**form, f"t.{row.id}": "2"}).status_code == 409
    assert desk.post("/tolerances", {**form, f"t.{row.id}": "77"}).status_code == 422
    assert desk.version().rows[0].values["tolerance_m"] == "1.5"


# --- who, and odd plans ----------------------------------------------------------------------------------------------


def test_who_may_only_look(desk: Desk) -> None:
    sampler = desk.bed.client()
    sampler.sign_in("zhoulan")
    for path in ("", "/compare", "/rules"):
        page = sampler.get(desk.root + path)
        assert page.status_code == 200 and 'class="btn pri"' not in page.text and f"{desk.root}/import" not in page.text
    for path in ("/import", "/edit", "/approve", "/tolerances"):
        assert sampler.get(desk.root + path).status_code == 403


def test_no_plan_an_empty_plan_and_a_strange_one(desk: Desk) -> None:
    bare = desk.service.add_project({"code": "N", "name": "新" * 200, "stage": "detailed", "client_id": desk.seeded.org,
                                     "surveyor_id": desk.seeded.org, "contact_id": desk.seeded.people["xujing"]})  # fmt: skip
    desk.service.grant(desk.seeded.people["xujing"], bare, "project_manager")
    root, scope = f"/console/projects/{bare}/plan", f"{bare}.field"
    assert (
        "还没有采样方案" in desk.client.get(root).text and "还没有采样方案" in desk.client.get(f"{root}/compare").text
    )
    assert desk.client.get(f"{root}/edit").status_code == desk.client.get(f"{root}/approve").status_code == 303
    assert (
        desk.client.get(f"{root}/tolerances").status_code == 200
        and desk.client.get(f"{root}/map.json").json()["points"] == []
    )
    plan = desk.service.new_id()
    desk.service.write(
        None,
        [
            Write(
                "plan",
                plan,
                scope,
                {
                    "code": "P",
                    "version": 1,
                    "title": "<b>",
                    "stage": "detailed",
                    "author_id": desk.seeded.org,
                    "later": [1],
                },
            )
        ],
    )
    assert "这一版没有点位" in desk.client.get(root).text and "&lt;b&gt;" in desk.client.get(root).text
    strange = {
        "plan_id": plan,
        "code": "点" * 64,
        "role": "soil",
        "origin": "plan",
        "position": {"lon": "0", "lat": "0"},
        "reason": "<script>",
        "x": {"y": 1},
    }
    desk.service.write(None, [Write("planned_point", desk.service.new_id(), scope, strange)])
    for path in ("", "/edit", "/approve", "/tolerances", "/compare", "/map.json"):
        answer = desk.client.get(root + path)
        assert answer.status_code == 200 and "<script>" not in answer.text.replace("<script src", ""), path
    assert desk.client.get(f"{root}?v={desk.version().plan.id}").status_code == 404  # of another project


def test_the_browser_is_told_in_its_language(desk: Desk) -> None:
    desk.send(b"", "a.csv")
    page = desk.get("/import/preview", lang="en")
    assert page.status_code == 422 and "the file is empty" in told(page)
