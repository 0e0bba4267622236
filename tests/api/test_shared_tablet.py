"""Two people on one tablet, with the shipped store, syncer and server; and a tablet that meets a restored server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas import change
from schemas.problems import Trouble
from sync_server.main import create_app
from sync_server.service import Service, Write
from sync_server.settings import Settings
from tests.sim.transport import AppTransport


class Site:
    """A server with a project; sampler Li and inspector Wang."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()
        s = self.service
        self.org = s.found("示范公司")
        home = f"{self.org}.organisation"
        self.li, self.wang, self.pm = (s.new_id() for _ in range(3))
        for person, name in ((self.li, "李"), (self.wang, "王"), (self.pm, "经理")):
            s.write(None, [Write("person", person, home, {"org_id": self.org, "duties": ["sampler"], "name": name})])
        self.project = s.add_project({"code": "P1", "name": "项目", "stage": "detailed", "client_id": self.org,
                                      "surveyor_id": self.org, "contact_id": self.pm})  # fmt: skip
        self.field, self.enforcement = f"{self.project}.field", f"{self.project}.enforcement"
        for person, role in ((self.li, "sampler"), (self.wang, "inspector"), (self.pm, "project_manager")):
            s.grant(person, self.project, role)
        self.site = s.new_id()
        site = {"code": "S", "name": "地块", "status": "idle", "division_code": "320115"}
        s.write(None, [Write("site", self.site, self.field, site)])

    def open(self) -> None:
        self.app = create_app(Settings(data=self.folder / "server"))
        self.service: Service = self.app.state.parts.service
        self.net = AppTransport(self.app)

    def close(self) -> None:
        self.net.shut()
        self.service.rest()  # what reads pictures beside everything else
        self.service.store.close()

    def tablet(self, name: str) -> tuple[Store, Syncer]:
        store = Store(self.folder / name)
        return store, Syncer(store, self.net, lambda _: None)

    def code(self, person: str) -> str:
        return self.service.new_code(person, self.pm)

    def check(self, store: Store, place: str) -> str:
        """An inspection, which only Wang may write and read."""
        officer = {"person_id": self.wang, "name": "王", "duty": "inspector"}
        values = {"code": "J1", "kind": "sampling_supervision", "site_id": self.site, "org_id": self.org, "place": place,
                  "officers": [officer], "started_at": "2026-11-22T10:00:00+08:00"}  # fmt: skip
        edit = Edit("inspection", store.new_id(), self.enforcement, values)
        store.finalize([edit], complete=False)
        return edit.record

    def note(self, store: Store, text: str, record: str | None = None) -> str:
        values = {
            "subject_kind": "project",
            "subject_id": self.project,
            "text": text,
            "at": "2026-11-22T10:00:00+08:00",
        }
        edit = Edit("comment", record or store.new_id(), self.field, values)
        store.finalize([edit])
        return edit.record


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def texts(store: Store) -> set[str]:
    return {s.values["text"] for s in store.all("comment")}


def shared(site: Site) -> tuple[Store, Syncer, str, str]:
    """One tablet with both; it is Wang's turn. (store, syncer, Li's enrolment, Wang's enrolment)"""
    store, syncer = site.tablet("shared")
    li = syncer.enrol("http://sim", site.code(site.li), "平板").enrolment
    syncer.run()
    wang = syncer.enrol("http://sim", site.code(site.wang), "平板", beside=True).enrolment
    syncer.run()
    return store, syncer, li, wang


def test_one_tablet_two_people_one_device(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    kept = store.keys.identities
    assert (
        set(kept) == {li, wang}
        and kept[li].device == kept[wang].device
        and kept[li].private_key != kept[wang].private_key
    )
    assert store.people() == [(li, "李"), (wang, "王")]
    assert len(site.service.records("device", f"{site.org}.organisation")) == 1
    by_wang = site.note(store, "王记")
    store.turn(li)
    by_li = site.note(store, "李记")
    made = {c.record: c for _, _, c in store.changes()}
    assert (made[by_wang].by, made[by_li].by) == (site.wang, site.li)
    result = syncer.run()  # one button sends the work of both, each by its own key
    assert result.problems == [] and store.counts()["pending"] == 0 and result.digests_equal
    rows = {s.id: s for s in site.service.records("comment", site.field)}
    assert set(rows) == {by_wang, by_li}
    with site.service.store.reading() as tx:
        journal = {j.record: j for id in (by_wang, by_li) for j in tx.history(id)}
    assert {r: j.enrolment for r, j in journal.items()} == {by_wang: wang, by_li: li}
    assert all(j.proof == "proven" and change.decode(j.line).by in (site.li, site.wang) for j in journal.values())


def test_the_next_shift_sees_the_unsent_work_but_never_more_than_it_may(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    field = site.note(store, "交班")
    secret = site.check(store, "办公楼")
    assert texts(store) == {"交班"} and store.get("inspection", secret) is not None
    store.turn(li)
    assert texts(store) == {"交班"} and store.all("inspection") == []  # unsent, and of a scope Li may not see
    assert {s.scope for s in store.scopes()} == {f"{site.org}.organisation", site.field}
    site.note(store, "接班后改", record=field)
    assert store.get("comment", field).values["text"] == "接班后改"  # type: ignore[union-attr]
    syncer.run()
    assert texts(store) == {"接班后改"} and store.all("inspection") == []  # pulled for Wang, hidden from Li
    store.turn(wang)
    assert texts(store) == {"接班后改"} and [s.id for s in store.all("inspection")] == [secret]
    assert [s.id for s in site.service.records("inspection", site.enforcement)] == [secret]
    assert all("choice" in c.values for c in site.service.records("conflict", site.field))  # none is left to decide


def test_drafts_belong_to_who_typed_them(site: Site) -> None:
    store, _, li, wang = shared(site)
    store.save_draft("comment", store.new_id(), site.field, {"text": "半句"})
    store.turn(li)
    assert store.drafts() == []
    store.turn(wang)
    assert [d.values["text"] for d in store.drafts()] == ["半句"]


def test_one_leaves_the_other_stays(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    pulled = site.note(store, "大家的")
    syncer.run()
    store.turn(li)
    unsent = site.note(store, "李未传")
    site.service.withdraw(site.li, site.project, "sampler")
    syncer.run()
    assert texts(store) == {"李未传"}  # parked, still shown to who wrote it; what was pulled is not
    store.turn(wang)
    assert pulled in {s.id for s in store.all("comment")}  # Wang may still see it
    (waits,) = site.service.parked(site.field)
    assert waits.line.record == unsent and waits.missing == [f"right:{site.li}:{site.project}"]


def test_a_switch_survives_a_restart(site: Site) -> None:
    store, _, li, wang = shared(site)
    store.turn(li)
    store.close()
    again = Store(site.folder / "shared")
    assert again.keys.require().enrolment == li and set(again.keys.identities) == {li, wang}
    again.close()


def test_nobody_joins_a_tablet_without_its_key(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    site.service.revoke(wang)
    with pytest.raises(Trouble) as err:
        syncer.enrol("http://sim", site.code(site.pm), "平板", beside=True)  # vouched for by a revoked one
    assert err.value.problem.number == 2006
    answer = syncer.enrol("http://sim", site.code(site.pm), "平板")
    assert answer.device != store.keys.identities[li].device  # without a voucher it is a new device


# --- a server that was restored --------------------------------------------------------------------------------------


def restore(site: Site, from_copy: Path) -> None:
    """The server's files as they were, and a new epoch, as `jingtu restore` makes it."""
    site.close()
    shutil.rmtree(site.folder / "server")
    shutil.copytree(from_copy, site.folder / "server")
    site.open()
    with site.service.store.writing() as tx:
        site.service.begin_epoch(tx, previous=tx.setting("epoch"))


def backup(site: Site, name: str) -> Path:
    site.close()
    shutil.copytree(site.folder / "server", site.folder / name)
    site.open()
    return site.folder / name


def on(site: Site, syncer: Syncer) -> Syncer:
    syncer._transport = site.net
    return syncer


def test_after_a_restore_all_comes_back_and_what_only_tablets_saw_is_listed(site: Site) -> None:
    store, syncer = site.tablet("a")
    syncer.enrol("http://sim", site.code(site.li), "一号")
    early = site.note(store, "早")
    syncer.run()
    old = backup(site, "backup")
    on(site, syncer)
    late = site.note(store, "晚")
    syncer.run()
    home = f"{site.org}.organisation"
    written = site.service.new_id()  # on the server, after the backup: only the tablet that pulled it still knows
    site.service.write(
        None, [Write("person", written, home, {"org_id": site.org, "duties": ["sampler"], "name": "新人"})]
    )
    project = site.service.records("project", site.field)[0]
    site.service.write(site.pm, [Write("project", project.id, site.field, {**project.values, "name": "改名"})])
    syncer.run()
    lines = {c.id: c.line for _, _, c in store.changes()}

    restore(site, old)
    on(site, syncer)
    assert {s.values["text"] for s in site.service.records("comment", site.field)} == {"早"}
    unsent = site.note(store, "恢复前未传")
    result = syncer.run()
    assert result.problems == [] and result.digests_equal
    assert {s.id for s in site.service.records("comment", site.field)} == {early, late, unsent}
    with site.service.store.reading() as tx:
        back = tx.journaled(list(lines))
    assert {i: j.line for i, j in back.items()} == lines  # exactly the bytes that were signed
    (person,) = site.service.unexplained(home)
    assert (person.record, person.now, person.lost["name"]) == (written, None, "新人")
    (field,) = site.service.unexplained(site.field)
    assert (field.record, field.lost) == (project.id, {"name": "改名"}) and field.now is not None
    assert store._rows("SELECT count(*) FROM offer") == [(0,)]

    site.service.settle_unexplained(site.pm, site.field, project.id, True, "补回")
    assert site.service.records("project", site.field)[0].values["name"] == "改名"
    assert site.service.unexplained(site.field) == []
    syncer.run()
    assert store.get("project", project.id).values["name"] == "改名"  # type: ignore[union-attr]


def test_offers_are_of_the_right_epoch_when_it_changes_twice(site: Site) -> None:
    """Restored twice, to an older backup the second time: a tablet that slept through the first offers from the least."""
    store, syncer = site.tablet("a")
    syncer.enrol("http://sim", site.code(site.li), "一号")
    syncer.run()
    first = backup(site, "first")
    on(site, syncer)
    project = site.service.records("project", site.field)[0]
    site.service.write(site.pm, [Write("project", project.id, site.field, {**project.values, "name": "一改"})])
    syncer.run()
    second = backup(site, "second")
    on(site, syncer)
    restore(site, second)
    restore(site, first)  # the tablet has met neither
    on(site, syncer)
    assert syncer.run().digests_equal
    (found,) = site.service.unexplained(site.field)
    assert found.lost == {"name": "一改"}
    assert syncer.run().pulled == 0 and len(site.service.unexplained(site.field)) == 1


def test_a_device_enrolled_after_the_backup_must_enrol_again_and_loses_nothing(site: Site) -> None:
    old = backup(site, "backup")
    store, syncer = site.tablet("late")
    syncer.enrol("http://sim", site.code(site.li), "新设备")
    sent = site.note(store, "已确认")
    syncer.run()
    unsent = site.note(store, "未传")
    restore(site, old)
    on(site, syncer)
    assert [p.problem.number for p in syncer.run().problems] == [2010]
    assert texts(store) == {"已确认", "未传"}
    syncer.enrol("http://sim", site.code(site.li), "新设备")
    result = syncer.run()
    assert result.problems == [] and result.digests_equal and texts(store) == {"已确认", "未传"}
    assert {s.id for s in site.service.records("comment", site.field)} == {sent, unsent}


def test_seen_rows_are_checked(site: Site) -> None:
    store, syncer = site.tablet("a")
    syncer.enrol("http://sim", site.code(site.li), "一号")
    syncer.run()
    who = store.keys.require()

    def offer(scope: str, body: bytes) -> Any:
        syncer._who = who
        with syncer._client("http://sim") as http:
            syncer._http = http
            token = syncer._tokens[who.enrolment]
            return http.post(
                f"/api/v1/scopes/{scope}/seen", content=body, headers={"Authorization": f"Bearer {token}"}
            ).json()

    head = json.dumps({"epoch": "x"}).encode()
    for body in (
        b"",
        b"{}",
        head + b"\n{}",
        head + b'\n{"id":"x","seq":1,"type":"comment","values":{}}',
        head + b"\n\xff",
    ):
        assert offer(site.field, body)["number"] == 1001
    assert offer(site.enforcement, head)["number"] == 2004
    assert offer(site.field, head) == {"kept": 0}
    strange = json.dumps(
        {"id": store.new_id(), "seq": 9, "type": "unknown_type", "values": {"a": "b"}}, separators=(",", ":")
    )
    assert offer(site.field, head + b"\n" + strange.encode()) == {"kept": 1}  # of a type a newer server knew
    assert site.service.unexplained(site.field)[0].lost == {"a": "b"}
