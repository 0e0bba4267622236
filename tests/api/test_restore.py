"""A server restored from an older backup, and the tablets that are ahead of it: shipped stores, syncers, service, and a
backup file made and restored as `jingtu` does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from field_app.store import Edit, Store
from field_app.sync import Syncer, SyncResult
from sync_server import backup, restore
from sync_server.cli import app
from sync_server.doctor import Doctor
from sync_server.main import create_app, open_store, service_of
from sync_server.service import Service, Write
from sync_server.settings import Settings
from tests.sim.transport import AppTransport

AT = "2026-11-22T10:00:00+08:00"
Values = dict[str, Any]


class Site:
    """A server with a project, a manager with an account, and tablets."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.settings = Settings(data=folder / "server", database_url=database_url)
        self.tablets: list[Tablet] = []
        self.open()
        s = self.service
        self.org = s.found("示范公司")
        self.home = f"{self.org}.organisation"
        self.li, self.pm = s.new_id(), s.new_id()
        for person, name in ((self.li, "李"), (self.pm, "经理")):
            s.write(
                None, [Write("person", person, self.home, {"org_id": self.org, "duties": ["sampler"], "name": name})]
            )
        self.project = s.add_project({"code": "P1", "name": "项目", "stage": "detailed", "client_id": self.org,
                                      "surveyor_id": self.org, "contact_id": self.pm})  # fmt: skip
        self.field = f"{self.project}.field"
        s.grant(self.li, self.project, "sampler")
        s.grant(self.pm, self.project, "project_manager")
        self.app.state.parts.auth.add_account(self.pm, "pm", "secret-1")
        self.site = s.new_id()
        s.write(
            None,
            [
                Write(
                    "site", self.site, self.field, {"code": "S", "name": "地块", "status": "idle", "division_code": "1"}
                )
            ],
        )

    def open(self) -> None:
        self.app = create_app(self.settings)
        self.service: Service = self.app.state.parts.service
        self.net = AppTransport(self.app)
        for tablet in self.tablets:
            tablet.syncer._transport = self.net

    def close(self) -> None:
        self.net.shut()
        self.service.store.close()

    def back_up(self) -> Path:
        """While it runs."""
        file = self.folder / "a.jtb"
        assert backup.backup(self.settings, open_store, service_of, file, "os:test").unverified is None
        return file

    def restore(self, file: Path) -> restore.Restored:
        self.close()
        done = restore.restore(self.settings, open_store, service_of, file, "os:test", replace=True)
        self.open()
        return done

    def tablet(self) -> Tablet:
        made = Tablet(self, f"t{len(self.tablets)}")
        self.tablets.append(made)
        return made

    def records(self, type: str) -> dict[str, Values]:
        return {s.id: s.values for s in self.service.records(type, self.field)}

    def edit(self, type: str, id: str, **values: Any) -> None:
        """At the console."""
        old = self.records(type)[id]
        self.service.write(self.pm, [Write(type, id, self.field, {**old, **values})])

    def jingtu(self, *args: str) -> str:
        env = {
            "COLUMNS": "300",
            **({"JINGTU_DATABASE_URL": self.settings.database_url} if self.settings.database_url else {}),
        }
        result = CliRunner().invoke(app, [*args, "--data", str(self.folder / "server")], env=env)
        assert result.exit_code == 0, result.output + result.stderr
        return result.output

    def seqs(self) -> list[int]:
        with self.service.store.reading() as tx:
            return [j.seq or 0 for j in tx.journal_by_seq(self.field)]

    def sound(self) -> None:
        report = Doctor(self.service).look()
        assert report.open == [], report.open


class Tablet:
    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.store = Store(site.folder / name)
        self.syncer = Syncer(self.store, site.net, lambda _: None)
        self.enrol()

    def enrol(self) -> None:
        self.syncer.enrol("http://sim", self.site.service.new_code(self.site.li, "x"), "平板")

    def sync(self) -> SyncResult:
        result = self.syncer.run()
        assert result.problems == [] and result.digests_equal, result
        return result

    def point(self, code: str, **values: Any) -> str:
        edit = Edit("point", self.store.new_id(), self.site.field,
                    {"code": code, "site_id": self.site.site, "started_at": AT, "wind": "北", **values})  # fmt: skip
        self.store.finalize([edit], complete=False)
        return edit.record

    def change(self, id: str, **values: Any) -> None:
        seen = self.store.get("point", id)
        assert seen
        self.store.finalize([Edit("point", id, self.site.field, {**seen.values, **values})], complete=False)

    def lines(self) -> dict[str, bytes]:
        return {c.id: c.line for _, _, c in self.store.changes()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    for tablet in made.tablets:
        tablet.store.close()
    made.close()


def all_comes_back(site: Site) -> None:
    """Three tablets ahead of the backup; also run over PostgreSQL (tests/pg/test_backup.py)."""
    one, two, three = site.tablet(), site.tablet(), site.tablet()
    early = one.point("早")
    shared = one.point("共")
    for t in (one, two, three):
        t.sync()
    file = site.back_up()
    heads = {scope: n for scope, n in restore.archive.read_manifest(file).heads.items()}
    for n, t in enumerate((one, two, three)):
        for i in range(4):
            t.point(f"{n}-{i}")
        t.sync()
    two.sync()
    two.change(shared, wind="南")  # one that conflicts, before the loss
    three.change(shared, wind="西")
    two.sync()
    three.sync()
    assert len(site.records("conflict")) == 1
    one.change(early, wind="东")
    one.sync()
    lines = {id: line for t in (one, two, three) for id, line in t.lines().items()}
    acknowledged = site.records("point")
    top = max(site.seqs())

    done = site.restore(file)
    assert len(site.records("point")) == 2 < len(acknowledged) == 14
    assert max(site.seqs()) == heads[site.field] < top
    unsent = two.point("恢复前未传")
    for t in (three, one, two, three, one, two):
        t.sync()
    assert site.records("point").keys() == acknowledged.keys() | {unsent}
    assert {k: v["code"] for k, v in site.records("point").items() if k != unsent} == {
        k: v["code"] for k, v in acknowledged.items()
    }
    assert site.records("point")[early]["wind"] == "东"
    with site.service.store.reading() as tx:
        back = tx.journaled(list(lines))
    assert {i: j.line for i, j in back.items()} == lines  # every one, once, with exactly the bytes that were signed
    assert {j.outcome for j in back.values()} <= {"applied", "conflict"}
    seqs = site.seqs()
    assert seqs == list(range(1, len(seqs) + 1))
    for t in (one, two, three):  # nobody shows anything else than the server
        assert {s.id: s.values for s in t.store.all("point")} == site.records("point")
        assert t.store.meta("epoch") == done.epoch
    # two clashing edits are one open conflict again, whichever tablet came first this time
    (conflict,) = [c for c in site.records("conflict").values() if "choice" not in c]
    assert conflict["subject_id"] == shared
    site.sound()


def test_three_tablets_ahead_of_the_backup_bring_everything_back(site: Site) -> None:
    all_comes_back(site)


def test_what_was_done_on_the_server_is_listed_and_can_be_taken_again(site: Site) -> None:
    """An edit at the console and a decision about a conflict, both made after the backup: only tablets still know."""
    one, two = site.tablet(), site.tablet()
    a, b = site.site, one.point("B")
    one.sync()
    two.sync()
    one.change(b, wind="南")
    two.change(b, wind="西")
    one.sync()
    two.sync()
    (conflict,) = site.records("conflict")
    file = site.back_up()
    site.edit("site", a, name="改名")
    site.service.resolve(site.pm, conflict, "take_after", "现场核实")
    assert site.records("point")[b]["wind"] == "西"
    for t in (one, two):
        t.sync()

    site.restore(file)
    assert site.records("site")[a]["name"] == "地块" and "choice" not in site.records("conflict")[conflict]
    for t in (one, two):
        t.sync()
    lost = {u.record: u for u in site.service.unexplained(site.field)}
    assert (
        set(lost) >= {a, conflict}
        and lost[a].lost == {"name": "改名"}
        and lost[conflict].lost["choice"] == "take_after"
    )
    assert b not in lost or lost[b].lost == {"wind": "西"}
    listed = site.jingtu("restored", "list", "P1")
    assert a in listed and conflict in listed and "改名" in listed
    site.jingtu("restored", "take", a, "--as", "pm", "--reason", "补回")
    assert site.records("site")[a]["name"] == "改名"
    site.jingtu("restored", "drop", conflict, "--as", "pm", "--reason", "重新裁决")
    site.service.resolve(site.pm, conflict, "take_after", "现场核实，再次")
    assert site.records("point")[b]["wind"] == "西"
    for u in site.service.unexplained(site.field):
        site.jingtu("restored", "drop", u.record, "--as", "pm", "--reason", "已补")
    assert "Nothing" in site.jingtu("restored", "list", "P1") or site.service.unexplained(site.home)
    for t in (one, two):
        t.sync()
        assert t.store.get("site", a).values["name"] == "改名"  # type: ignore[union-attr]
    noted = site.jingtu("audit", "--json")
    assert "retake" in noted and "let_go" in noted and "补回" in noted
    site.sound()


def test_a_device_enrolled_after_the_backup_is_unknown_and_loses_nothing(site: Site) -> None:
    first = site.tablet()
    file = site.back_up()
    late = site.tablet()
    old_code = late.store.keys.require().device_code
    sent = late.point("已确认")
    late.sync()
    first.sync()
    unsent = late.point("未传")
    site.restore(file)
    result = late.syncer.run()
    assert [p.problem.number for p in result.problems] == [2010] and not result.digests_equal
    assert {s.id for s in late.store.all("point")} == {sent, unsent}
    late.enrol()
    late.sync()
    assert site.records("point").keys() == {sent, unsent}
    assert late.store.keys.require().device_code != old_code  # printed on jars by now: given to nobody again
    assert {s.id for s in late.store.all("point")} == {sent, unsent}
    site.sound()


def test_numbers_handed_out_after_the_backup_are_given_to_nobody_else(site: Site) -> None:
    one, two = site.tablet(), site.tablet()
    file = site.back_up()
    one.sync()  # takes its block of sample numbers
    ahead = [one.store.next_number("sample") for _ in range(5)]
    site.restore(file)
    two.sync()
    assert min(two.store.next_number("sample") for _ in range(5)) > max(ahead) + 50
    one.sync()
    site.sound()
