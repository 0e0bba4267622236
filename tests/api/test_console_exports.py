"""Exports through the pages: asked for, made, fetched by who asked, within their rights; what goes wrong is told and leaves nothing."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from schemas.problems import Trouble
from sync_server.export.csv_file import CsvWriter
from sync_server.export.making import Cancelled
from sync_server.export.wish import Wish
from sync_server.service import Caller, Service, Write, export_jobs
from sync_server.service.exporting import MINE
from sync_server.store import BlobRow, ExportRow, SourceRow, Stored
from tests.api.conftest import AT, Device, Server
from tests.api.test_rights import Desk, desk
from tests.api.tus import picture

__all__ = ["desk"]
FORM = {
    "what": "type",
    "type": "point",
    "format": "csv",
    "heads": "labels",
    "language": "zh",
    "zone": "",
    "prefix": "yes",
    "table": "",
}


def here(server: Server) -> str:
    return f"/console/projects/{server.project}/exports"


def fill(server: Server, codes: list[str], **more: Any) -> list[str]:
    ids = [server.new_id() for _ in codes]
    fix = {"lon": "119.4520000", "lat": "32.2087000", "fix_kind": "manual", "manual_reason": "x", "at": AT}
    rows = [
        Write("point", i, server.field, server.point(code=c, position=fix, **more))
        for i, c in zip(ids, codes, strict=True)
    ]
    server.service.write(None, rows)
    return ids


def until(state: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


def ask(desk: Desk, **form: str) -> str:
    """Address of the job."""
    answer = desk.call("POST", here(desk.server), data=FORM | form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def row_of(server: Server, place: str) -> ExportRow:
    with server.service.store.reading() as tx:
        row = tx.export(place.rpartition("/")[2])
    assert row is not None
    return row


def done(desk: Desk, **form: str) -> tuple[ExportRow, httpx.Response]:
    place = ask(desk, **form)
    until(lambda: not row_of(desk.server, place).open)
    return row_of(desk.server, place), desk.call("GET", f"{place}/file")


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def notes(server: Server, action: str) -> list[dict[str, Any]]:
    found = server.sql("SELECT by, about, owner, detail FROM audit WHERE action=? ORDER BY n", action)
    return [
        {"by": by, "about": about, "owner": owner, **json.loads(detail or "{}")} for by, about, owner, detail in found
    ]


def left(server: Server) -> list[str]:
    """Files of exports that lie there, locks apart."""
    return sorted(p.name for p in (server.folder / "exports").glob("*") if p.suffix != ".lock")


# --- the straight path -----------------------------------------------------------------------------------------------


def test_asked_made_shown_and_fetched(server: Server, desk: Desk) -> None:
    fill(server, ["S1", "S2", "=cmd|'/c calc'!A0"])
    place = ask(desk)
    until(lambda: row_of(server, place).state == "done")
    page = desk.call("GET", place)
    row = row_of(server, place)
    answer = desk.call("GET", f"{place}/file")
    assert answer.status_code == 200 and len(answer.content) == row.size
    assert (
        hashlib.sha256(answer.content).hexdigest() == row.sha256
        and str(row.sha256) in page.text
        and "3 行" in page.text
    )
    assert [r[1] for r in rows(answer.content)[1:]] == ["S1", "S2", "'=cmd|'/c calc'!A0"]
    head = answer.headers
    assert head["content-disposition"] == "attachment; filename*=utf-8''P%20%E7%82%B9%E4%BD%8D%2020261121-1000.csv"
    assert (
        head["x-content-type-options"] == "nosniff"
        and head["cache-control"] == "no-store"
        and head["content-type"].startswith("text/csv")
    )
    part = desk.call("GET", f"{place}/file", headers={"Range": "bytes=3-9", "Cookie": desk.cookie})
    assert (part.status_code, part.content) == (206, answer.content[3:10])
    listed = desk.call("GET", here(server)).text
    assert str(row.sha256) in listed and f"{place}/file" in listed
    (asked,), (made,) = notes(server, "export"), notes(server, "export_made")
    assert (asked["by"], asked["owner"], asked["job"], asked["types"]) == (server.pm, server.project, row.id, ["point"])
    assert (made["job"], made["rows"], made["sha256"], made["size"]) == (row.id, 3, row.sha256, row.size)
    assert left(server) == [row.id]


@pytest.mark.parametrize(("format", "ending"), [("xlsx", "xlsx"), ("csv", "zip"), ("geojson", "zip"), ("gpkg", "gpkg")])
def test_the_whole_project_in_every_format(server: Server, desk: Desk, format: str, ending: str) -> None:
    fill(server, ["S1", "S2"])
    row, answer = done(desk, what="whole", format=format, zone="3-40")
    assert (
        row.name.endswith(f".{ending}")
        and row.state == "done"
        and row.counted()["rows"] == {"project": 1, "site": 1, "point": 2}
    )
    if format == "xlsx":
        assert CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).sheet_names == [
            "项目",
            "说明",
            "地块",
            "点位",
        ]
    elif ending == "zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
            assert pack.namelist() == [f"项目.{format}", f"地块.{format}", f"点位.{format}", "说明.txt"]
            assert "CGCS2000 高斯-克吕格 3° 带第 40 带" in pack.read("说明.txt").decode("utf-8-sig")
    else:
        assert answer.content.startswith(b"SQLite format 3\0")


def test_what_a_table_shows(server: Server, desk: Desk) -> None:
    fill(server, ["S1", "S2", "T1"], wind="西南")
    fill(server, ["S3"])
    asked = "type=point&code.has=S&wind.is=西南&order=code&columns=code&after=12"
    page = desk.call("GET", f"{here(server)}/new?{asked}")
    assert (
        page.status_code == 200
        and "表中所示：点位" in page.text
        and "含 S" in page.text
        and "西南" in page.text
        and "约 2 条" in page.text
    )
    table = re.search(r'name="table" value="([^"]*)"', page.text)
    assert table
    row, answer = done(desk, what="shown", table=table[1].replace("&amp;", "&"))
    assert [r[1] for r in rows(answer.content)[1:]] == ["S1", "S2"] and row.wished()["query"][4] == "code"
    (note,) = notes(server, "export")
    assert note["query"][2] == [["code", "has", "S"], ["wind", "is", "西南"]]
    assert "筛选" in desk.call("GET", f"{here(server)}/new?{asked}").text


def test_voided_ones_come_when_wanted(server: Server, desk: Desk) -> None:
    one, _ = fill(server, ["S1", "S2"])
    server.service.write(
        None, [Write("point", one, server.field, server.point(code="S1", deleted=True, void_reason="错"))]
    )
    assert done(desk)[0].done == 1
    row, answer = done(desk, voided="yes")
    head, *found = rows(answer.content)
    assert row.done == 2 and sorted(r[head.index("作废")] for r in found) == ["", "是"]
    table = done(desk, what="shown", table="type=point&of=field")[0]  # a table shows them, marked
    assert table.done == 2


def test_names_for_programs_in_english(server: Server, desk: Desk) -> None:
    fill(server, ["S1"])
    row, answer = done(desk, heads="names", language="en")
    head, found = rows(answer.content)
    assert (
        head[:2] == ["id", "code"]
        and found[head.index("site_id")] == server.site
        and row.name.startswith("P Point (visit) ")
    )
    english = desk.call("GET", f"{here(server)}?lang=en").text
    assert "Exports" in english and "1 rows" in english


# --- rights ----------------------------------------------------------------------------------------------------------


def photo(
    server: Server, scope: str, name: str, *, sent: str | None = "", subject: tuple[str, str] | None = None, **more: Any
) -> str:
    """A photo record and its file; `sent`: the scope the file was sent for, "" for the record's own, None for nowhere."""
    data = picture(name)
    sha = hashlib.sha256(data).hexdigest()
    kind, id = subject or ("site", server.site)
    values = {
        "sha256": sha,
        "step": "core_box",
        "subject_kind": kind,
        "subject_id": id,
        "taken_at": AT,
        "source": "app_camera",
    } | more
    with server.service.store.writing() as tx:
        tx.put([Stored("photo", server.new_id(), scope, 1, values)], [])
        if sent is not None:
            temp = server.folder / "picture"
            temp.write_bytes(data)
            server.app.state.parts.files.take(temp, sha)
            tx.add_blob(
                BlobRow(
                    sha,
                    len(data),
                    "jpg",
                    "a.jpg",
                    AT,
                    '{"taken_at":"2026-11-20T02:00:00+00:00","latitude":30.0,"longitude":118.0}',
                )
            )
            tx.add_blob_source(SourceRow(sha, sent or scope, server.sampler, None, "a.jpg", AT))
    return sha


def archive(answer: httpx.Response) -> tuple[zipfile.ZipFile, list[dict[str, str]]]:
    pack = zipfile.ZipFile(io.BytesIO(answer.content))
    head, *found = rows(pack.read("照片清单.csv"))
    return pack, [dict(zip(head, r, strict=True)) for r in found]


def test_nobody_gets_what_he_may_not_read(server: Server) -> None:
    fill(server, ["S1"])
    server.service.write(None, [Write("inspection", server.new_id(), server.enforcement, {"code": "J-SECRET", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
                         "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]})])  # fmt: skip
    photo(server, server.enforcement, "secret"), photo(server, server.field, "open")
    sampler, manager = Desk(server, server.sampler), Desk(server, server.pm)
    for format in ("xlsx", "csv", "geojson", "gpkg"):
        assert "inspection" in done(manager, what="whole", format=format)[0].counted()["rows"]
        row, answer = done(sampler, what="whole", format=format)
        assert "inspection" not in row.counted()["rows"] and row.whose() == [server.home, server.field]
        assert b"J-SECRET" not in answer.content
    assert len(archive(done(manager, what="whole", format="photos")[1])[1]) == 2
    pack, found = archive(done(sampler, what="whole", format="photos")[1])
    assert len(found) == 1 and len(pack.namelist()) == 3
    assert sampler.call("POST", here(server), data=FORM | {"type": "inspection"}).status_code == 404
    assert sampler.call("GET", f"{here(server)}/new?type=inspection").status_code == 404
    assert (
        sampler.call(
            "POST", here(server), data=FORM | {"what": "shown", "table": "type=photo&of=enforcement"}
        ).status_code
        == 404
    )


def test_an_export_is_only_for_who_asked(server: Server, desk: Desk) -> None:
    place = ask(desk)
    until(lambda: row_of(server, place).state == "done")
    other = Desk(server, server.inspector)
    foreign = place.replace(server.project, server.other)
    for method, path in (
        ("GET", place),
        ("GET", f"{place}/file"),
        ("POST", f"{place}/cancel"),
        ("POST", f"{place}/again"),
    ):
        assert "2004" in other.call(method, path).text and other.call(method, path).status_code == 404
        assert desk.call(method, path.replace(place, foreign)).status_code == 404  # under another project
        assert desk.call(method, path.replace(place.rpartition("/")[2], server.new_id())).status_code == 404
    assert place.rpartition("/")[2] not in other.call("GET", here(server)).text


def test_rights_count_when_it_is_made_and_when_it_is_fetched(server: Server) -> None:
    s, sampler = server.service, Desk(server, server.sampler)
    me, wish = Caller(server.sampler), Wish("csv", ("point",))
    early, late = (s.order_export(me, server.project, wish) for _ in range(2))
    assert s.make_export()
    place = f"{here(server)}/{early}"
    assert sampler.call("GET", f"{place}/file").status_code == 200
    s.withdraw(server.sampler, server.project, "sampler")
    assert s.make_export()
    row = row_of(server, late)
    assert (row.state, row.problem) == ("failed", 4505) and left(server) == [early]
    assert sampler.call("GET", f"{place}/file").status_code == 404
    s.grant(server.sampler, server.project, "sampler")
    assert sampler.call("GET", f"{place}/file").status_code == 200
    failed = sampler.call("GET", f"{here(server)}/{late}").text
    assert "你已无权读这个项目" in failed and "再做一次" in failed


def test_an_export_of_more_than_one_may_read_now_is_not_given(server: Server) -> None:
    s, desk = server.service, Desk(server, server.inspector)
    id = s.order_export(Caller(server.inspector), server.project, Wish("csv"))
    assert s.make_export() and desk.call("GET", f"{here(server)}/{id}/file").status_code == 200
    s.grant(server.inspector, server.project, "sampler")
    s.withdraw(server.inspector, server.project, "inspector")  # reads the field records still, but no inspections
    assert desk.call("GET", f"{here(server)}/{id}").status_code == 200
    assert desk.call("GET", f"{here(server)}/{id}/file").status_code == 404


def test_who_is_disabled_gets_nothing_made(server: Server) -> None:
    s = server.service
    server.auth.add_account(server.sampler, "sampler", "a long password")
    id = s.order_export(Caller(server.sampler), server.project, Wish("csv"))
    s.disable(server.sampler, True, "admin")
    assert s.make_export() and row_of(server, id).problem == 4505


# --- photos ----------------------------------------------------------------------------------------------------------


def test_photos_with_their_list(server: Server, desk: Desk) -> None:
    (point,) = fill(server, ["S9/1"])
    hole, sample = server.new_id(), server.new_id()
    server.service.write(None, [
        Write("borehole", hole, server.field, {"point_id": point, "code": "S9-1", "opened_at": AT, "depth_m": "6.0", "end_reason": "target"}),
        Write("sample", sample, server.field, {"code": "HX-1", "kind": "ordinary", "medium": "soil", "borehole_id": hole, "depth_top_m": "0", "depth_bottom_m": "0.5",
              "groups": ["metal"], "collected_at": AT, "collected_by": [server.sampler], "batch": "B1"}),
    ])  # fmt: skip
    at = {"lon": "119.4520000", "lat": "32.2087000", "fix_kind": "manual", "manual_reason": "x", "at": AT}
    good = photo(server, server.field, "good", subject=("sample", sample), position=at, caption="=1+1")
    missing = photo(server, server.field, "missing", sent=None)
    elsewhere = photo(server, server.field, "elsewhere", sent=server.enforcement)  # to name a hash opens nothing
    damaged = photo(server, server.field, "damaged")
    where = server.app.state.parts.files.path(damaged)
    where.write_bytes(b"x" * where.stat().st_size)
    twice = photo(server, server.field, "good", sent=None)
    assert twice == good
    row, answer = done(desk, what="whole", format="photos")
    pack, found = archive(answer)
    assert row.counted()["missing"] == 2 and row.counted()["damaged"] == 1 and row.done == 5
    by_sha: dict[str, list[dict[str, str]]] = {}
    for r in found:
        by_sha.setdefault(r["SHA-256"], []).append(r)
    told = by_sha[good]
    name = next(r["文件名"] for r in told if r["点位"])
    assert name == f"S9_1 岩心箱 20261121-100000 {good[:8]}.jpg" and {r["文件名"] for r in told} == {name}
    assert (
        hashlib.sha256(pack.read(name)).hexdigest() == good and pack.getinfo(name).compress_type == zipfile.ZIP_STORED
    )
    one = next(r for r in told if r["点位"])
    assert (one["点位"], one["拍摄对象"], one["状态"], one["经度"], one["说明"]) == (
        "S9/1",
        "HX-1",
        "在包里",
        "119.4520000",
        "'=1+1",
    )
    assert (
        one["与 EXIF 不符"] == "时间、位置"
        and one["文件内拍摄时间（UTC+8）"] == "2026-11-20 10:00:00"
        and one["上传人"] == "人"
    )
    for sha, state in ((missing, "未到服务器"), (elsewhere, "未到服务器"), (damaged, "服务器上的文件已损坏")):
        assert [(r["状态"], r["文件名"]) for r in by_sha[sha]] == [(state, "")]
    assert pack.namelist() == [name, "照片清单.csv", "说明.txt"] and pack.testzip() is None
    page = desk.call("GET", here(server)).text
    assert "2 张照片还没有传到服务器" in page and "1 张照片在服务器上已损坏" in page


def test_photos_of_a_table_only(server: Server, desk: Desk) -> None:
    photo(server, server.field, "a", caption="东侧"), photo(server, server.field, "b")
    pack, found = archive(done(desk, what="shown", format="photos", table="type=photo&of=field&caption.has=东")[1])
    assert len(found) == 1 and len(pack.namelist()) == 3
    answer = desk.call("POST", here(server), data=FORM | {"what": "shown", "format": "photos", "table": "type=point"})
    assert answer.status_code == 422 and "照片包只装照片" in answer.text


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "status", "words"), [
    ({"format": "exe"}, 422, "选项不认识"), ({"zone": "3-99"}, 422, "选项不认识"), ({"zone": "x"}, 422, "选项不认识"), ({"heads": ""}, 422, "选项不认识"),
    ({"language": "fr"}, 422, "选项不认识"), ({"type": "nothing"}, 404, "没有这个地址"), ({"what": "shown"}, 422, "请从记录表再点一次"),
    ({"what": "shown", "table": "type=point&value.least=x"}, 400, "filter|筛选|条件"), ({"what": "shown", "table": "type=point&air_temp_c.least=x"}, 400, "气温"),
    ({"what": "shown", "table": "type=point&order=nothing"}, 400, "次序"), ({"what": "shown", "table": "x" * 3000}, 404, "没有这个地址"),
])  # fmt: skip
def test_a_wrong_choice_shows_the_form_again(
    server: Server, desk: Desk, form: dict[str, str], status: int, words: str
) -> None:
    answer = desk.call("POST", here(server), data=FORM | {"zone": "6-20", "voided": "yes"} | form)
    assert answer.status_code == status and re.search(words, answer.text), re.findall(
        r'role="alert".*?</b>', answer.text, re.S
    )
    assert 'name="voided" value="yes" checked' in answer.text
    if "zone" not in form:
        assert re.search(r'value="6-20" selected', answer.text)
    assert server.sql("SELECT count(*) FROM export_job") == [(0,)]


def test_what_is_no_form_at_all_is_refused(server: Server, desk: Desk) -> None:
    assert desk.call("POST", here(server), data=FORM | {"type": "x" * 100}).status_code == 400
    assert desk.call("POST", here(server), data=FORM | {"table": "x" * 5000}).status_code == 400
    for path in ("/x", "/x/file", f"/{'a' * 500}", "/%00", "/..%2f..%2fserver.db/file"):
        assert desk.call("GET", here(server) + path).status_code in (400, 404), path
    assert desk.call("GET", f"{here(server)}/new?type=nothing").status_code == 404


def test_a_full_disk_is_told_and_leaves_nothing(server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server, ["S1"])

    def full(self: CsvWriter, rows: Any) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(CsvWriter, "write", full)
    place = ask(desk)
    until(lambda: not row_of(server, place).open)
    page = desk.call("GET", place).text
    assert (
        row_of(server, place).problem == 4507 and "磁盘空间不足" in page and "再做一次" in page and left(server) == []
    )
    assert desk.call("GET", f"{place}/file").status_code == 410
    monkeypatch.undo()
    again = str(desk.call("POST", f"{place}/again").headers["location"])
    until(lambda: row_of(server, again).state == "done")
    assert row_of(server, again).done == 1


def test_a_fault_has_a_trace_and_no_insides(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Service, *_: Any, **__: Any) -> Any:
        raise RuntimeError("the insides")

    monkeypatch.setattr(Service, "walk", broken)
    place = ask(desk)
    until(lambda: not row_of(server, place).open)
    row, page = row_of(server, place), desk.call("GET", place).text
    trace = row.told()["trace"]
    assert (
        row.problem == 4506
        and trace in page
        and "insides" not in page
        and f"trace {trace}" in caplog.text
        and left(server) == []
    )


def test_it_can_be_cancelled_while_it_waits_and_while_it_is_made(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(server, [f"S{n}" for n in range(3)])
    monkeypatch.setattr(Service, "look_exports", lambda self: None)
    waiting = ask(desk)
    assert desk.call("POST", f"{waiting}/cancel").headers["location"].endswith("said=cancel")
    assert not server.service.make_export() and row_of(server, waiting).state == "cancelled"
    monkeypatch.setattr(export_jobs, "TOLD_S", 0.0)
    running = ask(desk)
    id, kept = running.rpartition("/")[2], Service.walk

    def walk(self: Service, *given: Any) -> Any:
        self.cancel_export(Caller(server.pm), id)
        yield from kept(self, *given)

    monkeypatch.setattr(Service, "walk", walk)
    assert server.service.make_export()
    assert (
        row_of(server, running).state == "cancelled"
        and left(server) == []
        and len(notes(server, "export_cancelled")) == 2
    )
    assert desk.call("POST", f"{running}/cancel").headers["location"].endswith("said=over")
    assert "已经结束" in desk.call("GET", f"{running}?said=over").text and notes(server, "export_made") == []


def test_cancelled_in_the_last_moment_leaves_no_file(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    s, kept = server.service, export_jobs.make
    id = s.order_export(Caller(server.pm), server.project, Wish("csv"))

    def make(*given: Any) -> Any:
        made = kept(*given)
        s.cancel_export(Caller(server.pm), id)
        return made

    monkeypatch.setattr(export_jobs, "make", make)
    assert s.make_export() and row_of(server, id).state == "cancelled" and left(server) == []


def test_what_a_dead_server_left_is_told_as_interrupted(server: Server, desk: Desk) -> None:
    s, me = server.service, Caller(server.pm)
    ids = [s.order_export(me, server.project, Wish("csv", ("point",))) for _ in range(3)]
    assert s.make_export()
    folder = server.folder / "exports"
    with s.store.writing() as tx:  # the second was being made by a process that is gone
        tx.move_export(ids[1], ("waiting",), state="running", runner="0" * 16)
    (folder / f"{ids[1]}.00.making").mkdir()
    (folder / f"{ids[1]}.00.making" / "file").write_bytes(b"half")
    (folder / f"{'0' * 16}.lock").touch()
    (folder / server.new_id()).write_bytes(b"of nobody")
    s.start()
    assert [row_of(server, i).state for i in ids] == ["done", "interrupted", "waiting"] and left(server) == [ids[0]]
    assert not (folder / f"{'0' * 16}.lock").exists()
    page = desk.call("GET", f"{here(server)}/{ids[1]}").text
    assert (
        "没有留下半个文件" in page
        and "再做一次" in page
        and desk.call("GET", f"{here(server)}/{ids[1]}/file").status_code == 410
    )
    again = str(desk.call("POST", f"{here(server)}/{ids[1]}/again").headers["location"])
    until(lambda: row_of(server, again).state == "done" and row_of(server, ids[2]).state == "done")
    (folder / ids[0]).unlink()  # a restored backup brings no files
    s.start()
    assert row_of(server, ids[0]).state == "removed" and row_of(server, ids[2]).state == "done"


def test_what_another_living_process_makes_is_left_alone(server: Server) -> None:
    s, other = (
        server.service,
        Service(server.service.store, server.service._key, server.clock, exports=server.folder / "exports"),
    )
    id = s.order_export(Caller(server.pm), server.project, Wish("csv", ("point",)))
    other._hold()
    with s.store.writing() as tx:
        tx.move_export(id, ("waiting",), state="running", runner=other._runner)
    (server.folder / "exports" / f"{id}.00.making").mkdir()
    s.start()
    assert row_of(server, id).state == "running" and left(server) == [f"{id}.00.making"]
    other.rest_exports()
    s.start()
    assert row_of(server, id).state == "interrupted" and left(server) == []


def test_a_server_that_ends_leaves_nothing_half(server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server, ["S1"])
    s, begun, go_on, kept = server.service, threading.Event(), threading.Event(), Service.walk

    def walk(self: Service, *given: Any) -> Any:
        begun.set()
        go_on.wait(10)
        yield from kept(self, *given)

    monkeypatch.setattr(Service, "walk", walk)
    id = s.order_export(Caller(server.pm), server.project, Wish("csv", ("point",)))
    s.look_exports()
    assert begun.wait(10)
    ending = threading.Thread(target=s.rest_exports)
    ending.start()
    until(s._export_stop.is_set)
    go_on.set()
    ending.join(10)
    assert not ending.is_alive() and row_of(server, id).state == "interrupted" and left(server) == []


# --- limits ----------------------------------------------------------------------------------------------------------


def test_files_have_their_day(server: Server, desk: Desk) -> None:
    place = ask(desk)
    until(lambda: row_of(server, place).state == "done")
    assert "保留到 11-22 10:00" in desk.call("GET", place).text
    server.clock.turn(hours=23, minutes=59)
    assert server.service.clear_exports() == 0
    with server.service.store.reading() as tx:
        assert tx.next_export_over() == server.service.now_ms() + 60_000
    server.clock.turn(minutes=1)
    desk = Desk(server, server.inspector)  # the session is over, too
    assert server.service.clear_exports() == 1 and left(server) == [] and row_of(server, place).state == "removed"
    with pytest.raises(Trouble) as told:
        server.service.export_file(Caller(server.pm), place.rpartition("/")[2])
    assert told.value.problem.number == 4501


def test_so_many_at_once_and_no_more(server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server, ["S1"])
    go_on, kept, inside, most, lock = threading.Event(), Service.walk, 0, 0, threading.Lock()

    def walk(self: Service, *given: Any) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        go_on.wait(10)
        with lock:
            inside -= 1
        yield from kept(self, *given)

    monkeypatch.setattr(Service, "walk", walk)
    places = [ask(desk) for _ in range(MINE)]
    until(lambda: most == export_jobs.MOST)
    refused = desk.call("POST", here(server), data=FORM)
    assert refused.status_code == 429 and f"你已有 {MINE} 个导出没有做完" in refused.text
    running = desk.call("GET", here(server)).text
    assert (
        running.count("正在做") == export_jobs.MOST
        and running.count("排队") == MINE - export_jobs.MOST
        and 'hx-trigger="every 2s"' in running
    )
    go_on.set()
    until(lambda: all(row_of(server, p).state == "done" for p in places))
    assert most == export_jobs.MOST and 'hx-trigger="every 2s"' not in desk.call("GET", here(server)).text


def test_progress_is_told_as_it_grows(server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server, [f"S{n}" for n in range(5)])
    monkeypatch.setattr(export_jobs, "TOLD_S", 0.0)
    monkeypatch.setattr(Service, "look_exports", lambda self: None)
    place, seen, kept = ask(desk), list[str](), Service._grew

    def grew(self: Service, id: str, n: int, **more: Any) -> None:
        kept(self, id, n, **more)
        seen.append(desk.call("GET", place).text)

    monkeypatch.setattr(Service, "_grew", grew)
    assert server.service.make_export()
    assert (
        "0 / 5 行" in seen[0]
        and "5 / 5 行" in seen[-1]
        and '<progress max="100" value="100"' in seen[-1]
        and "every 1s" in seen[-1]
    )


def test_a_busy_database_neither_stops_it_nor_hides_what_came_of_it(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(server, ["S1"])
    s, id = server.service, server.service.order_export(Caller(server.pm), server.project, Wish("csv", ("point",)))
    kept, busy = (
        s.store.writing,
        [False, True, True, True],
    )  # claiming it works; the progress and two tries of the end do not

    def writing() -> Any:
        if busy and busy.pop(0):
            raise Trouble(1101)
        return kept()

    monkeypatch.setattr(s.store, "writing", writing)
    monkeypatch.setattr(export_jobs, "AGAIN_S", 0.0)
    assert s.make_export() and row_of(server, id).state == "done" and busy == []


def test_rows_that_come_meanwhile_do_not_tear_it(
    server: Server, desk: Desk, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than were counted, or fewer: what is in the file is what is told."""
    fill(server, ["S1"])
    kept = export_jobs.make

    def make(*given: Any) -> Any:
        fill(server, ["S2", "S3"])
        return kept(*given)

    monkeypatch.setattr(export_jobs, "make", make)
    row, answer = done(desk)
    assert row.done == row.total == 3 == len(rows(answer.content)) - 1


def test_the_worker_hears_a_cancel_only_of_its_own(server: Server) -> None:
    with pytest.raises(Cancelled):
        server.service._grew(server.new_id(), 1)


def test_without_a_folder_there_are_none(server: Server, tmp_path: Path) -> None:
    bare = Service(server.service.store, server.service._key, server.clock)
    bare.look_exports()
    bare.settle_exports()
    assert not bare._export_threads
    bare.rest_exports()
