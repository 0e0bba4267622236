"""The page of one record: every type however full or odd, its whole past, who sees it, comments, and photos."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from schemas.fields import Audience, RecordField, fields_of
from schemas.record import check
from schemas.records import TYPES
from sync_server.console.record.values import MOST
from sync_server.facts import HAND_AGE, FactsReader
from sync_server.service import Write
from sync_server.store import BlobRow, SourceRow, Stored
from tests.api.conftest import AT, Device, Server, outcomes
from tests.api.test_rights import Desk
from tests.api.tus import picture, send

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><b>{{7*7}}"
LONG = "很长的名字" * 40


# --- values for every field of every type -----------------------------------------------------------------------------


def value(field: RecordField, id: str, text: str) -> Any:
    """Something a field takes, as wire JSON."""
    if field.kind == "values":
        assert field.model is not None
        return [filled(field.model, id, text), filled(field.model, id, text)]
    if field.kind == "value":
        assert field.model is not None
        if "rings" in fields_of(field.model):
            return {"rings": [[["118.8", "32.0"], ["118.81", "32.0"], ["118.8", "32.01"], ["118.8", "32.0"]]]}
        return filled(field.model, id, text)
    if field.kind == "list":
        return [id] if field.spec.ref else [next(iter(field.options()))] if field.spec.codes else [text]
    if field.spec.ref:
        return id
    if field.spec.codes:
        return next(iter(field.options()))
    if field.name in ("lon", "lat"):
        return {"lon": "119.4520000", "lat": "32.2087000"}[field.name]
    if field.kind == "decimal":
        return str(field.ge if field.ge is not None else 1050)
    return {
        "int": int(field.ge or 1), "bool": True, "date": "2026-11-20", "datetime": AT,
        "text": {"sha256": "a" * 64, "public_key": "A" * 43, "subject_kind": "point", "strokes": '{"v":1,"h":5000,"s":[[1,2,0,30,40,9]]}'}.get(
            field.name, text[: field.max_length or 200]),
    }[field.kind]  # fmt: skip


def filled(cls: type[BaseModel], id: str, text: str = "文本", required: bool = False) -> dict[str, Any]:
    return {n: value(f, id, text) for n, f in fields_of(cls).items() if f.required or not required if n != "deleted"}


def audience(type: str) -> str:
    about = TYPES[type].about.audience
    return "field" if about is Audience.SUBJECT else about.value


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One server for what is only looked at."""
    server = Server(tmp_path_factory.mktemp("record"))
    yield Desk(server, server.pm)
    server.close()


def put(server: Server, type: str, values: dict[str, Any], scope: str = "", id: str = "") -> str:
    """A row as the store keeps it, whatever it holds."""
    scope = scope or (server.home if audience(type) == "organisation" else f"{server.project}.{audience(type)}")
    id = id or server.new_id()
    with server.service.store.writing() as tx:
        at = tx.scope(scope, lock=True)
        assert at is not None
        tx.put([Stored(type, id, scope, at.seq + 1, values)], [])
        tx.move_scope(scope, at.seq + 1, 0)
    return id


def page(desk: Desk, type: str, id: str, query: str = "", project: str = "", status: int = 200) -> str:
    answer = desk.call("GET", f"/console/projects/{project or desk.server.project}/records/{type}/{id}{query}")
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def text_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


@pytest.mark.parametrize("type", TYPES)
def test_every_type_has_a_page_however_full_or_odd(hall: Desk, type: str) -> None:
    s, cls = hall.server, TYPES[type]
    full = filled(cls, s.site)
    html = page(hall, type, put(s, type, full))
    for name, field in fields_of(cls).items():
        if name not in ("deleted",):
            assert unescape(f">{field.spec.zh}</dt>") in unescape(html), f"{name} is shown"
    assert '<details class="empties"' not in html, "nothing is left empty"
    for query in ("?lang=en", ""):
        page(hall, type, put(s, type, filled(cls, s.new_id(), HOSTILE)), query)  # refers to nothing that is here
    hostile = page(
        hall, type, put(s, type, {**filled(cls, s.site, HOSTILE), HOSTILE: HOSTILE, "later": {"a": [1, HOSTILE]}})
    )
    assert HOSTILE not in hostile and "onerror=alert(1)&gt;" in hostile and "{&#34;a&#34;:[1," in hostile
    bare = filled(cls, s.site, LONG, required=True)
    page(hall, type, put(s, type, bare))
    for id in (
        put(s, type, {**bare, "deleted": True, "void_reason": "录错了"}),
        put(s, type, {**full, "deleted": True}),
    ):
        assert "作废" in page(hall, type, id)
    # what only a newer version could have let in: codes nobody here knows, optional values of another kind
    odd = {n: v if f.required and not f.spec.codes else ["neu"] if f.kind == "list" else "neu" for n, f in fields_of(cls).items()
           if (v := full.get(n)) is not None}  # fmt: skip
    page(hall, type, put(s, type, odd))


def test_missing_fields_are_said_as_missing(hall: Desk) -> None:
    s = hall.server
    html = page(hall, "borehole", put(s, "borehole", {"point_id": s.new_id(), "code": "B1", "opened_at": AT}))
    missing = re.findall(r'<dt>([^<]+)</dt><dd data-field="(\w+)"><span class="t-warn miss">', html)
    assert ("钻机型号", "rig") in missing and ("见地下水", "water_met") in missing and len(missing) >= 8
    assert "缺 10 项必填" in text_of(html) or f"缺 {len(missing)} 项必填" in text_of(html)
    assert "(不在这里" in html.replace("（", "(")  # the point it names


def test_what_is_long_is_folded_and_bounded(hall: Desk) -> None:
    s = hall.server
    values = {**filled(TYPES["checklist"], s.org), "definition": "[" + "1," * 500_000 + "1]"}
    html = page(hall, "checklist", put(s, "checklist", values))
    assert '<details class="fold">' in html and len(html) < 3 * MOST + 200_000


def test_foreign_wrong_and_hidden_records_are_not_there(hall: Desk) -> None:
    s = hall.server
    foreign = put(s, "point", s.point(), scope=f"{s.other}.field")
    own = put(s, "point", s.point())
    hidden = put(s, "inspection", filled(TYPES["inspection"], s.site))
    for type, id in (
        ("point", foreign), ("point", s.new_id()), ("sample", own), ("nothing", own), ("point", "x"), ("point", "%00"),
        ("point", "../" + own), ("point", own.upper()),
    ):  # fmt: skip
        answer = hall.call("GET", f"/console/projects/{s.project}/records/{type}/{id}")
        assert answer.status_code == 404, (type, id)
        assert re.search(r"问题 (2004|1005)", answer.text)
    page(hall, "point", own, project=s.other, status=404)
    page(hall, "inspection", hidden)
    sampler = Desk(s, s.sampler)
    page(sampler, "point", own)
    page(sampler, "inspection", hidden, status=404)
    # a name does not lead there either
    names = page(sampler, "point", put(s, "point", s.point(adjustment_id=foreign)))
    assert foreign[:8] in names and f"/{foreign}" not in names


# --- the past ---------------------------------------------------------------------------------------------------------


def shown(html: str) -> list[str]:
    return re.findall(r'data-change="([^"]+)"', html)


def journal(server: Server, record: str) -> list[str]:
    return [id for (id,) in server.sql("SELECT id FROM journal WHERE record=? ORDER BY n DESC", record)]


def test_history_is_the_journal(server: Server) -> None:
    """Applied, refused, in conflict, made on the server, voided: all of it, the latest first, each with what proves it."""
    tablet, other = Device(server, server.sampler), Device(server, server.sampler)
    id = server.new_id()
    first = tablet.change("point", server.point(), record=id)
    assert outcomes(tablet.push([first])) == ["applied"]
    server.clock.turn(hours=3, minutes=54)
    lines = [
        tablet.change("point", {"wind": "南"}, id, {"wind": "北"}),
        tablet.change("point", {"site_id": "x"}, id, {"site_id": server.site}),
    ]
    assert outcomes(tablet.push(lines)) == ["applied", "rejected"]
    assert outcomes(other.push([other.change("point", {"wind": "西"}, id, {"wind": "北"})])) == ["conflict"]
    server.service.write(None, [Write("point", id, server.field, {**server.point(), "wind": "东", "note": "核对过"})])
    desk = Desk(server, server.pm)
    html = page(desk, "point", id)
    conflict = server.sql("SELECT id FROM conflict WHERE subject_id=?", id)[0][0]
    about = [j for (j,) in server.sql("SELECT id FROM journal WHERE record IN (?,?) ORDER BY n DESC", id, conflict)]
    assert shown(html) == about and len(about) == 6
    said = text_of(html)
    for word in ("5 次变更 · 2 台设备", "离线 3 小时 54 分后入库", "没有入库", "有冲突", "设备签名，链完整", "服务器上所做", "记下冲突：风向风力",
                 "有冲突待定 1"):  # fmt: skip
        assert word in said, word
    assert re.search(r"<del>南</del>.{0,60}<ins>东</ins>", html), "before and after"
    assert f"/conflicts/{conflict}" in html
    receipt = server.sql("SELECT id FROM receipt ORDER BY id")[0][0]
    assert f"回执 {receipt[:6]}…{receipt[-4:]}" in said


def test_a_chain_that_broke_a_clock_that_was_off(server: Server) -> None:
    desk, tablet = Desk(server, server.pm), Device(server, server.sampler)
    ids = [server.new_id() for _ in range(2)]
    for id, offset in zip(ids, (-7 * 60_000, None), strict=True):
        line = tablet.change(
            "point", server.point(), record=id, made_at={"wall": AT, "mono_ms": 1, "server_offset_ms": offset}
        )
        assert outcomes(tablet.push([line])) == ["applied"]
    assert "设备钟快 7 分" in text_of(page(desk, "point", ids[0]))
    assert "设备没有对过钟" in text_of(page(desk, "point", ids[1]))
    with server.service.store.writing() as tx:  # as if it had come so: the guard lets nobody change it afterwards
        tx.conn.exec_driver_sql("INSERT INTO journal (scope,enrolment,pos,id,type,record,line,link,proof,outcome,received_at)"
                                " SELECT scope,enrolment,pos+90,'broken',type,record,line,link,'unproven','again',received_at"
                                " FROM journal WHERE record=?", (ids[0],))  # fmt: skip
    said = text_of(page(desk, "point", ids[0]))
    assert "链在这里断开" in said and "第二次交来，只算一次" in said


def test_what_waited_and_what_was_decided_about_it(server: Server) -> None:
    """A sampler who left the project: the change waits, the manager declines it with a reason, and the record's page says so."""
    tablet, id = Device(server, server.former), server.new_id()
    put(server, "point", server.point(), id=id)
    server.service.withdraw(server.former, server.project, "sampler")
    line = tablet.change("point", {"wind": "南"}, id, {"wind": "北"})
    assert outcomes(tablet.push([line])) == ["parked"]
    desk = Desk(server, server.pm)
    assert "待关联" in text_of(page(desk, "point", id))
    change = journal(server, id)[0]
    server.service.decide_parked(server.pm, [change], False, "已离开项目 <b>")
    said = text_of(page(desk, "point", id))
    assert "没有入库" in said and "退回：已离开项目 <b>" in said and "北 → 南" in said


def test_history_pages_lose_nothing(server: Server) -> None:
    desk, id = Desk(server, server.pm), server.site
    values = server.service.records("site", server.field)[0].values
    for n in range(119):
        server.service.write(server.pm, [Write("site", id, server.field, {**values, "location": f"{n}"})])
    met, query = [], ""
    for _ in range(5):
        html = page(desk, "site", id, query)
        met += shown(html)
        onward = re.search(r'rel="next" href="[^"]*(\?before=\d+)', html)
        if onward is None or "更早的" not in html:
            break
        query = onward[1]
    assert met == journal(server, id) and len(met) == 120


# --- comments ---------------------------------------------------------------------------------------------------------


def test_comments_are_written_answered_and_settled(server: Server) -> None:
    desk, id = Desk(server, server.pm), put(server, "point", server.point())
    there = f"/console/projects/{server.project}/records/point/{id}/comments"

    def say(text: str, who: Desk = desk, **more: str) -> httpx.Response:
        return who.call("POST", there, data={"text": text, **more})

    answer = say(f"  看过 {HOSTILE}\r\n第二行 ")
    assert answer.status_code == 303 and answer.headers["location"].endswith("?said=comment#comments")
    (row,) = server.service.records("comment", server.field)
    assert row.values == {
        "subject_kind": "point",
        "subject_id": id,
        "text": f"看过 {HOSTILE}\n第二行",
        "at": row.values["at"],
    }
    html = page(desk, "point", id, "?said=comment")
    assert "批注已发" in html and HOSTILE not in html and "人 写了批注" in text_of(html)
    assert say("照办", answer=row.id).status_code == 303
    reply = next(c for c in server.service.records("comment", server.field) if c.id != row.id)
    assert (reply.values["subject_kind"], reply.values["subject_id"]) == ("comment", row.id)
    assert desk.call("POST", f"{there}/{row.id}", data={"resolved": "yes"}).status_code == 303
    html = page(desk, "point", id)
    assert "已处理" in html and "照办" in html and len(shown(html)) == 3, (
        "comments, answers and their settling stand in the history"
    )
    assert desk.call("POST", f"{there}/{row.id}", data={"resolved": "no"}).status_code == 303
    assert not next(c for c in server.service.records("comment", server.field) if c.id == row.id).values["resolved"]
    kept = [d for (d,) in server.sql("SELECT by FROM audit WHERE about IN (?,?)", row.id, reply.id)]
    assert kept and set(kept) == {server.pm}, "who did it stands in the log"
    # mistakes show the form again, with what was typed
    before = server.state()
    for text, said in (("   ", "写点什么再发"), ("长" * 4001, "最多 4000 个字")):
        wrong = say(text)
        assert wrong.status_code == 422 and said in wrong.text and (text.strip() in wrong.text)
    assert say("x", answer=server.new_id()).status_code == 404
    assert desk.call("POST", f"{there}/{server.new_id()}", data={"resolved": "yes"}).status_code == 404
    auditor = server.service.new_id()
    server.service.write(
        None, [Write("person", auditor, server.home, {"name": "审计", "org_id": server.org, "duties": ["sampler"]})]
    )
    before = server.state()
    server.service.grant(auditor, server.project, "auditor")
    reader = Desk(server, auditor)
    assert "comment-text" not in page(reader, "point", id) and "看过" in page(reader, "point", id)
    refused = say("我也说一句", reader)
    assert refused.status_code == 403 and "问题 2003" in refused.text
    assert len(server.service.records("comment", server.field)) == 2 and before is not None


# --- photos -----------------------------------------------------------------------------------------------------------


def test_photos_go_to_whoever_may_see_them(server: Server) -> None:
    desk, tablet = Desk(server, server.pm), Device(server, server.sampler)
    data = picture("console")
    sha, there = hashlib.sha256(data).hexdigest(), f"/console/projects/{server.project}/photos"
    assert send(server.http, tablet.auth, data, server.field, "屏幕 1.jpg").status_code == 204
    id = put(server, "point", server.point())

    def ask(who: Desk, name: str = sha, project: str = "", **headers: str) -> httpx.Response:
        with httpx.Client(transport=server.transport, base_url="http://sim") as client:
            path = there.replace(server.project, project or server.project)
            return client.get(f"{path}/{name}", headers={"Cookie": who.cookie, **headers})

    assert ask(desk).status_code == 404, "named by no record yet"
    put(
        server,
        "photo",
        {
            "sha256": sha,
            "step": "surface",
            "subject_kind": "point",
            "subject_id": id,
            "taken_at": AT,
            "source": "app_camera",
        },
    )
    whole = ask(desk)
    assert whole.status_code == 200 and whole.content == data
    for name, wanted in (
        ("content-type", "image/jpeg"), ("x-content-type-options", "nosniff"), ("etag", f'"{sha}"'),
        ("cache-control", "private, max-age=31536000, immutable"), ("vary", "Cookie"), ("content-security-policy", "default-src 'none'; sandbox"),
    ):  # fmt: skip
        assert whole.headers[name] == wanted
    assert whole.headers["content-disposition"].startswith("attachment;") and "content-encoding" not in whole.headers
    part = ask(desk, Range="bytes=5-9")
    assert (part.status_code, part.content, part.headers["content-range"]) == (
        206,
        data[5:10],
        f"bytes 5-9/{len(data)}",
    )
    assert ask(desk, **{"If-None-Match": f'"{sha}"'}).status_code == 304
    small = ask(desk, f"{sha}/thumbnail?size=200", **{"Accept-Encoding": "gzip"})
    assert small.headers["vary"] == "Cookie"
    assert (
        small.status_code == 200 and small.content.startswith(b"\xff\xd8") and "content-encoding" not in small.headers
    )
    assert small.headers["content-disposition"].startswith("inline;") and small.headers["content-type"] == "image/jpeg"
    html = page(desk, "point", id)
    assert f"/photos/{sha}/thumbnail" in html and "1 / 1 已到齐" in text_of(html)
    # of another project, of nobody, and no hash at all: the same answer
    server.service.grant(server.stranger, server.other, "sampler")
    stranger = Desk(server, server.stranger)
    assert ask(stranger).status_code == 404 and "问题 2004" in ask(stranger).text
    nothing = ask(stranger, "0" * 64, server.other)
    assert nothing.status_code == 404 and "问题 1309" in nothing.text
    assert ask(stranger, sha, server.other).text.replace(sha, "0" * 64) == nothing.text
    assert "问题 1309" in ask(desk, "no-hash").text
    signed_out = server.http.get(f"{there}/{sha}")
    assert signed_out.status_code == 303


def test_what_a_file_says_against_its_record(server: Server) -> None:
    desk, tablet = Desk(server, server.pm), Device(server, server.sampler)
    point = server.new_id()
    fix = {"lon": "119.4520000", "lat": "32.2087000", "h_acc_m": "0.5", "fix_kind": "rtk_fixed", "at": AT}
    assert outcomes(tablet.push([tablet.change("point", server.point(position=fix), record=point)])) == ["applied"]
    here, away = hashlib.sha256(b"here").hexdigest(), "e" * 64
    with server.service.store.writing() as tx:
        said = '{"taken_at":"2026-11-21T10:17:00+08:00","longitude":119.452,"latitude":32.2087,"camera":"Rugged <T10>"}'
        tx.add_blob(BlobRow(here, 4, "jpg", "a.jpg", AT, said))
        tx.add_blob_source(SourceRow(here, server.field, server.sampler, tablet.enrolment, "a.jpg", AT))
    photos = [{"sha256": sha, "step": "surface", "subject_kind": "point", "subject_id": point, "taken_at": AT, "source": "app_camera",
               "position": {**fix, "lon": "119.4520042"}} for sha in (here, away)]  # fmt: skip
    ids = [server.new_id() for _ in photos]
    lines = [tablet.change("photo", v, record=i) for v, i in zip(photos, ids, strict=True)]
    assert outcomes(tablet.push(lines)) == ["applied", "applied"]
    said = text_of(page(desk, "point", point))
    assert "1 / 2 已到" in said and "文件写的时间与记录不符" in said and "0.4 m" in said and "Rugged <T10>" in said
    assert "还在平板" in said and "同步后会到" in said, "whose tablet has what is missing"
    alone = page(desk, "photo", ids[0])
    assert '<tr class="differs"><th scope="row">时间</th>' in alone and f"/photos/{here}" in alone
    assert "还在平板" in page(desk, "photo", ids[1])


def test_values_made_for_these_tests_are_valid() -> None:
    """Most of them: cross-field rules aside, what is shown is what a tablet could have sent."""
    wrong = {t: check(cls, filled(cls, "0" * 8 + "-0000-7000-8000-" + "0" * 12)) for t, cls in TYPES.items()}
    assert sum(bool(f) for f in wrong.values()) <= 12, {t: f[:2] for t, f in wrong.items() if f}


def test_nobody_waits_for_a_report_that_takes_long(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page stands on the last one, while the next is made beside; the record itself is as it is now."""
    monkeypatch.setattr("sync_server.facts.COSTLY_S", -1.0)
    monkeypatch.setattr("sync_server.facts.REST", 1e-9)
    reader, now = FactsReader(server.service), server.clock()
    first = reader.at_hand(server.project, now)
    id = put(server, "point", server.point())
    assert reader.at_hand(server.project, now) is first
    until = time.monotonic() + 10
    while id not in (seen := reader.at_hand(server.project, now)).facts.records["point"]:
        assert time.monotonic() < until, "the next one is made"
        time.sleep(0.01)
    assert seen is not first
    later = reader.at_hand(server.project, now + HAND_AGE + HAND_AGE)
    assert later is not seen, "too old to be shown"
    monkeypatch.setattr("sync_server.facts.COSTLY_S", 1.0)
    quick = reader.report(server.project, now + 3 * HAND_AGE)
    other = put(server, "point", server.point())
    assert other in reader.at_hand(server.project, now + 3 * HAND_AGE).facts.records["point"] and quick is not later
