"""The audit log: every deed is a line, in words, found again, seen by whom it concerns, and never altered."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from sync_server.access import ADMIN
from sync_server.console.people import log
from sync_server.console.words.people import WORDS
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.service.log import Called
from sync_server.settings import Settings
from sync_server.store import Noted, Sought
from tests.api.test_console_people import Firm
from tests.api.test_console_security import OWN, World
from tests.ui.console_seed import NOW

SERVER = Path(log.__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    made = Firm(tmp_path_factory.mktemp("log"))
    yield made
    made.parts.service.store.close()


@pytest.fixture(autouse=True)
def _clock(firm: Firm) -> None:
    firm.now = NOW


def lines(answer: httpx.Response) -> list[str]:
    """The sentences of a page, the newest first."""
    assert answer.status_code == 200, answer.text[-500:]
    rows = re.findall(r'<tr id="n-\d+".*?</tr>', answer.text, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", r).split()) for r in rows]


# --- in words, pure -----------------------------------------------------------------------------------------------------

PERSON, RECORD, PROJECT = (f"01a1fdb5-9be0-7000-8000-00000000000{n}" for n in (1, 2, 3))
KNOWN = {
    PERSON: Called("person", "周岚", "org"),
    RECORD: Called("point", "S07", PROJECT),
    PROJECT: Called("project", "HX-2026", PROJECT),
}


def noted(action: str, about: str = PERSON, by: str = PERSON, owner: str | None = PROJECT, **detail: Any) -> Noted:
    return Noted(7, "2026-11-21T10:45:03.000+00:00", by, action, about, owner, detail)


@pytest.mark.parametrize(
    ("line", "zh", "en"),
    [(noted("grant", role="sampler"), "给周岚角色：采样员", "gave 周岚 the role sampler"),
     (noted("write", RECORD, types={"point": 3, "site": 1}, ids=[RECORD, PERSON]), "写入点位 3 条、地块", "wrote 3 × Point (visit), Site"),
     (noted("refused", "ad=min"), "登录被拒：用户名「ad=min」", "sign-in refused: user name “ad=min”"),
     (noted("enrol", RECORD, device="A7", person=PERSON), "登记设备 A7，使用人周岚", "enrolled device A7 for 周岚"),
     (noted("resolve", RECORD, type="point", record=RECORD), "裁决冲突：点位 S07", "decided a conflict: Point (visit) S07"),
     (noted("project_made", PROJECT, name="新项目"), "新建项目 新项目", "made the project 新项目"),
     (noted("from_the_future", "xyz"), "from_the_future xyz", "from_the_future xyz"),
     (noted("grant", "01a1fdb5-9be0-7000-8000-0000000000ff", role="later_role"), "给 01a1fdb5 角色：later_role",
      "gave 01a1fdb5 the role later_role")],
)  # fmt: skip
def test_a_line_in_words(line: Noted, zh: str, en: str) -> None:
    assert log.sentence(line, KNOWN, "zh") == zh and log.sentence(line, KNOWN, "en") == en


def test_who_when_where() -> None:
    x = log.line(noted("grant", role="sampler"), KNOWN, "zh")
    assert (x.day, x.time, x.who, x.owner_name) == (
        "2026-11-21",
        "18:45:03",
        "周岚",
        "HX-2026",
    )  # as clocks in China say
    assert [log.who(by, KNOWN, "en") for by in ("os:root", "?", "", "01a1fdb5-9be0-7000-8000-0000000000ff")] == [
        "command on the server (root)", "nobody signed in", "the system", "person 01a1fdb5"]  # fmt: skip
    assert log.line(noted("x")._replace(at="no time"), KNOWN, "zh").day == "no time"


def test_where_a_line_leads() -> None:
    at = f"/console/projects/{PROJECT}"
    assert log.link(noted("grant"), KNOWN, PROJECT) == f"{at}/members/{PERSON}"
    assert log.link(noted("password", owner=None), KNOWN, None) == f"/console/people/{PERSON}"
    assert (
        log.link(noted("write", RECORD, types={"point": 1}, ids=[RECORD]), KNOWN, PROJECT)
        == f"{at}/records/point/{RECORD}"
    )
    assert (
        log.link(noted("write", RECORD, types={"point": 2}, ids=[RECORD, PERSON]), KNOWN, PROJECT)
        == f"{at}/records/point"
    )
    assert (
        log.link(noted("accept", "01a1fdb5-9be0-7000-8000-0000000000ff", record=RECORD), KNOWN, None)
        == f"{at}/records/point/{RECORD}"
    )
    assert log.link(noted("x", "nothing"), KNOWN, PROJECT) == ""


def test_what_else_is_told() -> None:
    parts = log.more(
        noted("revoked", device="A7", person=PERSON, reason="丢了", new_thing={"a": 1}, empty="", n=0), KNOWN, "zh"
    )
    assert parts == ["人员 周岚", "理由 丢了", 'new_thing {"a": 1}', "条数 0"]
    assert log.more(noted("let_go", lost={"x": "长" * 999}), KNOWN, "en")[0].endswith("…")
    assert log.more(noted("refused", why="disabled", place="::1"), KNOWN, "en") == [
        "why account disabled",
        "address ::1",
    ]


def test_days_are_those_of_shanghai() -> None:
    assert log.bounds("2026-11-21", "2026-11-21") == ("2026-11-20T16:00:00.000+00:00", "2026-11-21T16:00:00.000+00:00")
    assert log.bounds("", "x") == ("", "") and log.bounds("9999-12-31", "9999-12-31")[1] == ""


def test_every_action_the_server_notes_has_words() -> None:
    """Of all calls that note something with the action written out."""
    call = re.compile(
        r'\b(?:note|noted)\(\s*(?:self\.now\(\), |self\._service\.now\(\), |service\.now\(\), )?[\w.()\[\]"]+,\s*"([a-z_]+)"'
    )
    either = re.compile(r'"([a-z_]+)" if [\w.\s=]+ else "([a-z_]+)", \w')
    found: set[str] = set()
    for path in SERVER.rglob("*.py"):
        text = path.read_text("utf-8")
        found |= set(call.findall(text))
        if "tx.note(" in text:
            found |= {a for pair in either.findall(text) for a in pair}
    assert {"sign_in", "grant", "backup", "accept", "decline", "write"} <= found
    assert {a for a in found if f"p_act_{a}" not in WORDS} - {"xu", "zh", "en"} == set()
    grouped = {a for of in log.GROUPS.values() for a in of}
    assert {k.removeprefix("p_act_") for k in WORDS if k.startswith("p_act_")} - {"raw"} == grouped


# --- what is noted ------------------------------------------------------------------------------------------------------


def test_a_write_is_one_line_however_many_records(firm: Firm) -> None:
    service, s = firm.parts.service, firm.seeded
    before = len(firm.notes("write"))
    made = [Write("planned_point", service.new_id(), s.field, _point(s, n)) for n in range(30)]
    service.write(firm.who["xujing"], made)
    found = firm.notes("write")
    assert len(found) == before + 1
    (by, owner, about, detail) = (found[0][k] for k in ("by", "owner", "about", "detail"))
    assert (by, owner, about) == (firm.who["xujing"], s.project, made[0].id)
    assert detail["types"] == {"planned_point": 30} and detail["ids"] == [w.id for w in made[:20]]
    with pytest.raises(Trouble):
        service.write(firm.who["zhoulan"], made[:1])  # no right: nothing written, nothing noted
    service.write(None, [made[0]])  # the installation's own
    assert len(firm.notes("write")) == before + 1


def _point(s: Any, n: int) -> dict[str, Any]:
    with_plan = {"code": f"N{n:03d}", "role": "soil", "origin": "plan", "reason": "加密", "target_depth_m": "6"}
    return {"plan_id": s.field and _plan[0], "position": {"lon": "119.4520000", "lat": "32.2087000"}, **with_plan}


_plan: list[str] = []


@pytest.fixture(autouse=True)
def _the_plan(firm: Firm) -> None:
    _plan[:] = [firm.parts.service.records("plan", firm.seeded.field)[0].id]


def test_pushes_are_not_noted(tmp_path: Path) -> None:
    """They are in the journal, signed; the audit log of a busy week would hold nothing else."""
    from tests.api.conftest import Device, Server

    server = Server(tmp_path)
    device = Device(server, server.sampler)
    with server.service.store.reading() as tx:
        before = tx.state().counts["audit"]
    device.push([device.change("point", server.point(code=f"P{n}")) for n in range(20)])
    with server.service.store.reading() as tx:
        assert tx.state().counts["audit"] == before and tx.state().counts["point"] >= 20
    server.close()


def test_the_commands_note_who_ran_them(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from sync_server.cli import app

    def run(*args: str) -> str:
        done = CliRunner().invoke(app, [*args, "--data", str(tmp_path / "s")], env={"JINGTU_PASSWORD": "secret-22"})
        assert done.exit_code == 0, done.output + done.stderr
        return done.stdout

    run("organisation", "add", "本公司", "--role", "surveyor")
    run("organisation", "add", "检测公司", "--role", "lab")
    run("project", "add", "P1", "一期")
    run("user", "add", "zhou", "周岚", "--role", "sampler", "--project", "P1")
    run("device", "enrol", "zhou")
    run("backup", str(tmp_path / "a.jtb"))
    run("evidence", "export", "P1", str(tmp_path / "e.zip"))
    notes = json.loads(run("audit", "--json"))
    done = [n["action"] for n in reversed(notes)]
    assert done == [
        "write",
        "write",
        "project_made",
        "write",
        "write",
        "account",
        "grant",
        "code",
        "backup",
        "evidence",
    ]
    assert all(n["by"].startswith("os:") for n in notes) and "secret" not in str(notes)
    (project,) = json.loads(run("project", "list", "--json"))
    assert [n["action"] for n in notes if n["owner"] == project["id"]] == ["evidence", "grant", "write", "project_made"]


# --- who sees what ---------------------------------------------------------------------------------------------------------


def test_a_project_shows_its_own_lines_only(firm: Firm) -> None:
    service, s = firm.parts.service, firm.seeded
    service.noted(firm.who["pm2"], "future", "nothing", s.other, secret="of the other project")
    service.noted(firm.who["he"], "future", "nothing", None, secret="of the house")
    own = firm.as_("xujing").get(f"/console/projects/{s.project}/log").text
    assert "of the other project" not in own and "of the house" not in own and "给周岚角色：采样员" in own
    theirs = firm.as_("pm2").get(f"/console/projects/{s.other}/log").text
    assert "of the other project" in theirs and "of the house" not in theirs
    both = firm.as_("he").get("/console/log").text
    assert "of the other project" in both and "of the house" in both and "登录" in both
    csv_ = firm.as_("xujing").get(f"/console/projects/{s.project}/log.csv").text
    assert "of the other project" not in csv_ and "of the house" not in csv_


def test_it_is_searched_by_who_what_when_and_words(firm: Firm) -> None:
    service, s, he = firm.parts.service, firm.seeded, firm.as_("he")
    firm.now = NOW - timedelta(days=3)
    service.noted(firm.who["xujing"], "review", s.planned["S01"], s.project, reason="照片 50%_ 模糊")
    firm.now = NOW

    def found(**asked: str) -> list[str]:
        return lines(he.get("/console/log", params=asked))

    assert len(found(q="50%_")) == 1 and len(found(q="5_%")) == 0  # signs of LIKE mean themselves
    assert len(found(q=s.planned["S01"])) == 1 and "S01" in str(
        he.get("/console/log", params={"q": s.planned["S01"]}).text
    )
    assert all("许静" in line for line in found(by="许静")) and len(found(by="许静")) >= 2
    assert found(by="xujing") == found(by="许静") and found(by="谁也不是") == []
    assert all("登录" in line for line in found(action="g:signin")) and len(found(action="review")) == 1
    assert len(found(action="g:records", since="2026-11-18", until="2026-11-18")) == 1
    assert found(since="2026-11-22") == [] and found(until="2026-11-17") == []
    named = found(q="周岚", action="grant")
    assert named and all("周岚" in line for line in named)
    assert he.get("/console/log?q=%00").status_code in (200, 400) and found(action="no_such") == []
    assert "没有符合的记录" in he.get("/console/log", params={"q": "没有这样的"}).text


def test_pages_go_on_after_a_line(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    service, he = firm.parts.service, firm.as_("he")
    for n in range(250):
        service.noted(firm.who["he"], "review", f"r{n}", firm.seeded.project)
    seen: list[str] = []
    address = "/console/log?action=review"
    for _ in range(3):
        page = he.get(address)
        seen += lines(page)
        service.noted(firm.who["he"], "review", "newer", firm.seeded.project)  # what comes meanwhile shifts nothing
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = older[1].replace("&amp;", "&") if older else ""
    assert address == "" and len(seen) == 250
    back = re.search(r'rel="prev" href="([^"]+)"', page.text)
    assert back and len(lines(he.get(back[1].replace("&amp;", "&")))) == 100
    firm.parts.service.store.close()


def test_the_file_is_whole_flat_and_inert(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    service, he = firm.parts.service, firm.as_("he")
    service.noted("?", "refused", "=cmd|' /C calc'!A0", None, why="unknown", place="+1")
    sizes: list[int] = []
    kept = service.log_lines
    monkeypatch.setattr(service, "log_lines", lambda sought, end: _counting(kept(sought, end, 7), sizes))
    answer = he.get("/console/log.csv?action=g:signin&lang=zh")
    assert (
        answer.headers["content-type"] == "text/csv; charset=utf-8"
        and "attachment" in answer.headers["content-disposition"]
    )
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["n", "时间", "谁"] and max(sizes) <= 7 and sum(sizes) == len(rows) - 1
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]
    assert any(cell == "'=cmd|' /C calc'!A0" for row in rows for cell in row)
    shown = [r[4] for r in rows[1:]]
    assert len(shown) == len(set(r[0] for r in rows[1:])) and [int(r[0]) for r in rows[1:]] == sorted(
        (int(r[0]) for r in rows[1:]), reverse=True
    )
    assert firm.notes("export_log")[0]["by"] == firm.who["he"] and firm.notes("export_log")[0]["detail"]["asked"] == {
        "action": "g:signin"
    }


def _counting(pages: Iterator[list[Noted]], sizes: list[int]) -> Iterator[list[Noted]]:
    for page in pages:
        sizes.append(len(page))
        yield page


def test_nothing_in_it_is_ever_changed(firm: Firm) -> None:
    firm.parts.service.noted("x", "review", "y")
    for statement in ("UPDATE audit SET owner='z'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="只增不改"), firm.parts.service.store.writing() as tx:
            tx.conn.exec_driver_sql(statement)


def test_an_older_database_gets_the_column_and_the_index(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = world.parts.service.store
    with store.writing() as tx:
        tx.conn.exec_driver_sql("DROP INDEX audit_owner")
        for trigger in ("update", "delete"):
            tx.conn.exec_driver_sql(f"DROP TRIGGER append_only_audit_{trigger}")
        tx.conn.exec_driver_sql("ALTER TABLE audit DROP COLUMN owner")
        for table in ("api_key", "invitation"):
            tx.conn.exec_driver_sql(f"DROP TABLE {table}")
        for column in ("began_at", "place", "agent"):
            tx.conn.exec_driver_sql(f"ALTER TABLE web_session DROP COLUMN {column}")
        tx.conn.exec_driver_sql("ALTER TABLE account DROP COLUMN seen_at")
        tx.set_setting("schema", "4")
    store.close()
    again = create_app(Settings(data=tmp_path), clock=lambda: NOW).state.parts
    with again.service.store.reading() as tx:
        plan = tx.conn.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM audit WHERE owner='p' ORDER BY n DESC LIMIT 9"
        ).all()
        assert "audit_owner" in str(plan) and "TEMP B-TREE" not in str(plan)
        assert tx.log_page(Sought(owner="none"), None, 5) == [] and len(tx.log_page(Sought(), None, 500)) > 3
        assert tx.guards_missing() == []
    world = World.__new__(World)
    world.now, world.app = NOW, create_app(Settings(data=tmp_path), clock=lambda: NOW)
    client = world.client()
    assert client.sign_in().status_code == 303 and client.get("/console/me").status_code == 200
    again.service.store.close()


def test_a_full_disk_lets_nobody_in_and_no_wrong_password_right(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    store, calls = firm.parts.service.store, []
    kept = store.writing

    def full() -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise Trouble(1102)
        return kept()

    monkeypatch.setattr(store, "writing", full)
    client = firm.client()
    answer = client("POST", "/console/login", data={"username": "wang", "password": "wrong"}, headers=OWN)
    assert answer.status_code == 401 and len(calls) == 2


def test_an_administrator_of_one_project_is_none_of_the_house(firm: Firm) -> None:
    person = firm.person("一项目管理员")
    firm.parts.auth.add_account(person, "local", "correct horse battery")
    firm.parts.service.grant(person, firm.seeded.project, ADMIN)
    client = firm.as_("local")
    assert client.get(f"/console/projects/{firm.seeded.project}/log").status_code == 200
    assert [client.get(f"/console/{p}").status_code for p in ("log", "log.csv", "people", "devices")] == [403] * 4
    assert "全部日志" not in client.get("/console/").text and "全部日志" in firm.as_("he").get("/console/").text
