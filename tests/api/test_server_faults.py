"""What one bad value, one failing step or one foreign record must not do to everybody else."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.wire import SeenHead
from sync_server.applying import Applying, Verdict
from sync_server.service import Caller, Service, Write
from sync_server.store import Tx
from tests.api.conftest import Device, Server, Values, details, outcomes, problem
from tests.api.test_rights import Desk, desk, parked, row

__all__ = ["desk"]

SALT = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")


@pytest.fixture
def admin(server: Server) -> str:
    person = server.new_id()
    about = {"name": "管理员", "org_id": server.org, "duties": ["sampler"]}
    server.service.write(None, [Write("person", person, server.home, about)])
    server.service.grant(person, server.org, "administrator")
    return person


def rename(server: Server, **new: Any) -> None:
    values = {**(row(server, server.site, "site") or {}), **new}
    kept = {k: v for k, v in values.items() if v is not None}
    server.service.write(server.pm, [Write("site", server.site, server.field, kept)])


def refused(number: int, do: Callable[[], Any]) -> Trouble:
    with pytest.raises(Trouble) as caught:
        do()
    assert caught.value.problem.number == number
    for lang in ("zh", "en"):
        assert "{" not in caught.value.text(lang)
    return caught.value


# --- text that no tablet could read --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["平\0板", "平\ud800板"])
def test_text_no_tablet_could_read_is_never_written(server: Server, device: Device, bad: str) -> None:
    before = server.state()
    refused(1001, lambda: rename(server, name=bad))
    refused(1001, lambda: rename(server, later={"a": [bad]}))
    refused(1001, lambda: rename(server, later=1.5))
    assert server.state() == before
    assert device.pull().status_code == 200


def test_a_label_with_a_nul_enrols_nobody(server: Server) -> None:
    code, private, salt = server.service.new_code(server.sampler, server.pm), evidence.new_key(), SALT
    public = evidence.public_of(private)
    message = f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode()
    asked = {"code": code, "public_key": public, "salt_key": salt, "signature": evidence.sign(private, message)}
    before = server.state()
    for more in ({"label": "平\0板"}, {"label": "平板", "app_version": "0\0"}):
        problem(server.http.post("/api/v1/enrol", json={**asked, **more}), 1001)
    assert server.state() == before
    assert (
        server.http.post("/api/v1/enrol", json={**asked, "label": "平板"}).status_code == 200
    )  # the code is still good


def test_a_reason_with_a_nul_decides_nothing(server: Server, device: Device) -> None:
    conflict = clash(server, device)
    refused(1001, lambda: server.service.resolve(server.pm, conflict, "keep_now", "看\0过"))
    refused(1001, lambda: server.service.resolve(server.pm, conflict, "set_value", "看过", {"wind": "\ud800"}))
    server.service.revoke(device.enrolment)
    ids = parked(device.push([device.change("point", server.point())]), 3009)
    refused(1001, lambda: server.service.decide_parked(server.pm, ids, True, "看\0过"))
    server.service.resolve(server.pm, conflict, "keep_now", "看过")


# --- deciding about conflicts --------------------------------------------------------------------------------------


def clash(server: Server, device: Device, type: str = "point", field: str = "wind", **made: Any) -> str:
    """A conflict about one field: the device had seen the first value, and the server has another by then."""
    record = server.new_id()
    first, here, there = made.get("values", ("北", "南", "东"))
    device.push([device.change("point", server.point(**{field: first}), record)])
    old = row(server, record) or {}
    server.service.write(None, [Write(type, record, server.field, {**old, field: here})])
    answer = device.push([device.change(type, {field: there}, record, {field: first})])
    (conflict,) = details(answer)[0]["conflicts"]
    return str(conflict)


def test_a_value_that_points_nowhere_is_told(server: Server, device: Device) -> None:
    sites = [server.new_id() for _ in range(2)]
    about = {"code": "S2", "name": "地块", "status": "idle", "division_code": "1"}
    server.service.write(None, [Write("site", s, server.field, about) for s in sites])
    conflict = clash(server, device, field="site_id", values=(server.site, *sites))
    nowhere = server.new_id()
    before = server.state()
    told = refused(
        3101, lambda: server.service.resolve(server.pm, conflict, "set_value", "核对过", {"site_id": nowhere})
    )
    assert nowhere in told.text("zh") and nowhere in told.text("en")
    assert server.state() == before
    server.service.resolve(server.pm, conflict, "set_value", "核对过", {"site_id": server.site})


def test_conflicts_of_the_organisation_are_the_administrators(server: Server, admin: str) -> None:
    """They concern every project; the manager of one decides about no other's people."""
    manager = Device(server, server.pm)
    person = server.new_id()
    about = {"name": "甲", "org_id": server.org, "duties": ["sampler"]}
    server.service.write(None, [Write("person", person, server.home, about)])
    server.service.write(None, [Write("person", person, server.home, {**about, "name": "乙"})])
    line = manager.change("person", {"name": "丙"}, person, {"name": "甲"}, scope=server.home)
    (conflict,) = details(manager.push([line], server.home))[0]["conflicts"]
    refused(2003, lambda: server.service.resolve(server.pm, conflict, "take_after", "看过"))
    server.service.resolve(admin, conflict, "take_after", "看过")
    (found,) = (s for s in server.service.records("person", server.home) if s.id == person)
    assert found.values["name"] == "丙"


# --- what only tablets had seen --------------------------------------------------------------------------------------


def offer(server: Server, device: Device, *rows: bytes, epoch: str = "before") -> int:
    caller = Caller(device.person, device.enrolment)
    return server.service.take_seen(caller, server.field, SeenHead(epoch=epoch), rows)


def listed(server: Server) -> list[Values]:
    return [u.lost for u in server.service.unexplained(server.field)]


def test_a_foreign_record_is_shown_to_nobody(server: Server, device: Device) -> None:
    """Who knows the id of another project's record learns nothing by offering it as seen."""
    foreign = server.new_id()
    about = {"code": "X", "name": "SECRET", "status": "idle", "division_code": "1"}
    server.service.write(None, [Write("site", foreign, f"{server.other}.field", about)])
    mine = server.new_id()
    rows = [evidence.row_line(type, id, 99, {"name": "?"}) for type, id in
            (("site", foreign), ("point", foreign), ("point", server.site), ("site", mine))]  # fmt: skip
    assert offer(server, device, *rows) == 4  # it is counted like one that is nowhere
    assert [(u.record, u.now) for u in server.service.unexplained(server.field)] == [(mine, None)]
    # the id is taken elsewhere afterwards
    server.service.write(None, [Write("site", mine, f"{server.other}.field", about)])
    assert listed(server) == []
    refused(2004, lambda: server.service.settle_unexplained(server.pm, server.field, mine, True, "补回"))


def test_two_lost_versions_of_one_record_are_both_kept(server: Server, device: Device, desk: Desk) -> None:
    """Two restores, and each time other tablets knew another version: seq of two epochs cannot be compared."""
    now = row(server, server.site, "site") or {}
    offer(server, device, evidence.row_line("site", server.site, 90, {**now, "name": "一", "code": "S9"}), epoch="e1")
    offer(server, device, evidence.row_line("site", server.site, 20, {**now, "name": "二"}), epoch="e2")
    offer(server, device, evidence.row_line("site", server.site, 10, {**now, "name": "更早"}), epoch="e2")
    assert listed(server) == [{"name": "一", "code": "S9"}, {"name": "二"}]
    html = desk.call("GET", desk.page).text
    assert "一" in html and "二" in html
    assert desk.settle([server.site], "take") == "take 1 applied"
    assert row(server, server.site, "site") == {**now, "name": "二", "code": "S9"}  # what was seen last stands
    assert listed(server) == []
    assert len(server.sql("SELECT n FROM audit WHERE action='retake'")) == 2


def test_rows_of_unknown_epochs_stand_each_by_itself(server: Server, device: Device) -> None:
    now = row(server, server.site, "site") or {}
    first, second = (evidence.row_line("site", server.site, n, {**now, "name": f"第{n}"}) for n in (50, 40))
    offer(server, device, first, second, first, epoch="")
    assert sorted(u["name"] for u in listed(server)) == ["第40", "第50"]
    server.service.settle_unexplained(server.pm, server.field, server.site, False, "不要")
    offer(server, device, first, second, epoch="")
    assert listed(server) == []


def test_versions_of_one_record_are_never_split_between_pages(server: Server, device: Device, desk: Desk) -> None:
    from tests.api.test_console_waiting import pages

    ids = sorted(server.new_id() for _ in range(51))
    for epoch in ("e1", "e2"):
        rows = [
            evidence.row_line("point", i, 1, server.point(code=epoch)) for i in ids if epoch == "e1" or i == ids[49]
        ]
        offer(server, device, *rows, epoch=epoch)
    assert pages(desk, "lost") == [[*ids[:50], ids[49]], [ids[50]]]


def test_let_go_stays_let_go(server: Server, device: Device) -> None:
    """The next tablet with the same row does not ask again; one that knew a newer version does."""
    now = row(server, server.site, "site") or {}
    older, lost, newer = (
        evidence.row_line("site", server.site, n, {**now, "name": name})
        for n, name in ((40, "旧"), (50, "没了"), (60, "更新"))
    )
    offer(server, device, lost)
    server.service.settle_unexplained(server.pm, server.field, server.site, False, "不要")
    second = Device(server, server.sampler)
    offer(server, second, lost)
    offer(server, second, older)
    assert listed(server) == []
    offer(server, second, newer)
    assert listed(server) == [{"name": "更新"}]
    server.service.settle_unexplained(server.pm, server.field, server.site, True, "补回")
    assert listed(server) == [] and (row(server, server.site, "site") or {})["name"] == "更新"


def restored(server: Server) -> str:
    """As after a restore: a new epoch that goes on from where the records stand. The name of the one before."""
    with server.service.store.writing() as tx:
        before = tx.setting("epoch") or ""
        server.service.begin_epoch(tx, before)
    return before


def test_an_emptied_field_and_a_value_it_had_once_are_lost_too(server: Server, device: Device) -> None:
    rename(server, name="写错", note="要删")  # the backup is of now; then, at the console, both were put right
    before = row(server, server.site, "site") or {}
    epoch = restored(server)
    seen = {k: v for k, v in before.items() if k != "note"} | {"name": "地块"}
    offer(server, device, evidence.row_line("site", server.site, 99, seen), epoch=epoch)
    assert listed(server) == [{"name": "地块", "note": None}]
    server.service.settle_unexplained(server.pm, server.field, server.site, True, "补回")
    assert row(server, server.site, "site") == seen and listed(server) == []


def test_what_was_changed_knowingly_since_is_not_lost(server: Server, device: Device) -> None:
    """A tablet that slept comes with what others have gone on from."""
    record = server.new_id()
    device.push([device.change("point", server.point(wind="北"), record)])
    epoch = restored(server)
    server.epoch = server.sql("SELECT value FROM setting WHERE key='epoch'")[0][0]
    for before, after in (("北", "南"), ("南", "东")):
        device.push([device.change("point", {"wind": after, "note": after}, record, {"wind": before, "note": None})])
    for seen in ("北", "南"):
        offer(server, device, evidence.row_line("point", record, 98, server.point(wind=seen)), epoch=epoch)
        assert listed(server) == []
    offer(server, device, evidence.row_line("point", record, 99, server.point(wind="西")), epoch=epoch)
    assert listed(server) == [{"wind": "西"}]


# --- a step that fails ------------------------------------------------------------------------------------------------


def test_a_failing_step_after_the_commit_costs_nobody_anything(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []

    def fail() -> None:
        raise RuntimeError("broken step")

    with caplog.at_level(logging.ERROR), server.service.store.writing() as tx:
        tx.set_setting("k", "1")
        tx.after_commit += [fail, lambda: done.append(1)]
    assert done == [1] and "broken step" in caplog.text
    site = server.new_id()
    monkeypatch.setattr(Service, "rerun", lambda self, scope=None: fail())
    parked(device.push([device.change("point", server.point(site_id=site))]), 3101)
    other = Device(server, server.pm)
    about = {"code": "S2", "name": "地块", "status": "idle", "division_code": "1"}
    assert outcomes(other.push([other.change("site", about, site)])) == ["applied"]


def test_one_parked_change_that_cannot_be_judged_stops_nothing(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.service.revoke(device.enrolment)
    bad, good = parked(device.push([device.change("point", server.point()) for _ in range(2)]), 3009)
    with server.service.store.writing() as tx:  # as a process leaves it that dies before it runs them again
        tx.set_key(device.enrolment, state="enrolled")
    real = Applying.take

    def take(self: Applying, c: Any, author: Any) -> Verdict:
        if c.id == bad:
            raise KeyError("a rule of a newer version")
        return real(self, c, author)

    monkeypatch.setattr(Applying, "take", take)
    with caplog.at_level(logging.ERROR):
        server.service.start()
    assert bad in caplog.text and good not in caplog.text
    assert [p.line.id for p in server.service.parked(server.field)] == [bad]
    monkeypatch.undo()
    server.service.start()
    assert server.service.parked(server.field) == [] and len(server.service.records("point", server.field)) == 2


def test_revoked_while_the_push_waited_its_turn(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tx.scope

    def scope(self: Tx, id: str, lock: bool = False) -> Any:
        found = real(self, id, lock)
        if lock and id == server.field:
            self.set_key(device.enrolment, state="revoked")
        return found

    lines = [device.change("point", server.point())]
    device.pull()  # it has its token
    monkeypatch.setattr(Tx, "scope", scope)
    parked(device.push(lines), 3009)


@pytest.mark.parametrize("way", ["grant", "reinstate"])
def test_a_right_is_given_though_the_database_is_busy_just_then(
    server: Server, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    device = Device(server, server.inspector)
    if way == "reinstate":
        server.service.grant(server.inspector, server.project, "sampler")
        server.service.revoke(device.enrolment)
    parked(device.push([device.change("point", server.point())]), 3009 if way == "reinstate" else 3003)

    def busy(self: Service, scope: str | None = None) -> int:
        raise Trouble(1101)

    with monkeypatch.context() as m:
        m.setattr(Service, "rerun", busy)
        if way == "grant":
            server.service.grant(server.inspector, server.project, "sampler")
        else:
            server.service.reinstate(device.enrolment)
    assert len(server.service.parked(server.field)) == 1
    rename(server, name="下一次写入")
    assert server.service.parked(server.field) == []


def test_who_may_read_but_not_write_has_nothing_run_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch would otherwise judge all earlier ones once more."""
    device, runs = Device(server, server.inspector), list[str]()
    real = Service._rerun
    monkeypatch.setattr(Service, "_rerun", lambda self, scope: (runs.append(scope), real(self, scope))[1])
    for _ in range(3):
        parked(device.push([device.change("point", server.point())]), 3003)
    assert runs == []
    server.service.grant(server.inspector, server.project, "sampler")
    assert runs == [server.field] and server.service.parked(server.field) == []


# --- records of a newer version -----------------------------------------------------------------------------------------


def test_a_required_field_beyond_our_limits_still_reads() -> None:
    """A newer version allows longer names and greater numbers: pages and reports of such records must not fail."""
    site = TYPES["site"].of("i", {"code": "S", "name": "长" * 5000, "status": "idle", "division_code": "1"}, 3)
    assert (site.name, site.code, site.note, site.seq) == ("长" * 5000, "S", None, 3)  # type: ignore[attr-defined]
    layer: Any = TYPES["soil_layer"].of(
        "i", {"layer_no": 1000, "top_m": "250.125", "bottom_m": "300", "colour": "x", "note": "长" * 5000}
    )
    assert (layer.layer_no, layer.top_m, layer.bottom_m) == (1000, Decimal("250.125"), Decimal(300))
    assert list(type(layer).faults(layer)) == []  # such a record goes through the rules as any other
