"""What `/me?state=…` promises: 204 only while really nothing is new, and a tablet that relies on it misses nothing. And bodies in
zstd: whatever is in them, whoever does not know it."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

import sync_server.api
from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas import canonical
from schemas.problems import PROBLEMS, Trouble
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.wire import MAX_BODY
from sync_server.service import Write
from tests.api.conftest import AT, Device, Server, outcomes, problem
from tests.api.test_shared_tablet import Site, backup, on, restore, shared, site, texts
from tests.sim.planted import NEWS, planted
from tests.sim.tablet import AtOnce

assert site  # the fixture
Hook = Callable[[httpx.Request], httpx.Response | None]


def me(device: Device, state: str | None = None) -> httpx.Response:
    params = {} if state is None else {"state": state}
    return device.server.http.get("/api/v1/me", params=params, headers=device.auth)


def state_of(device: Device) -> str:
    return str(me(device).json()["state"])


# --- the server: what is news, and what is not -----------------------------------------------------------------------


def write(server: Server, type: str, scope: str, **values: Any) -> str:
    return server.service.write(None, [Write(type, server.new_id(), scope, values)])[0]


def rename(server: Server, project: str) -> None:
    (old,) = server.service.records("project", f"{project}.field")
    server.service.write(None, [Write("project", project, f"{project}.field", {**old.values, "name": "改名"})])


def inspect(server: Server) -> None:
    officer = {"person_id": server.inspector, "name": "甲", "duty": "inspector"}
    write(server, "inspection", server.enforcement, code="J1", kind="patrol", site_id=server.site, org_id=server.org,
          started_at=AT, officers=[officer])  # fmt: skip


def epoch(server: Server) -> None:
    with server.service.store.writing() as tx:
        server.service.begin_epoch(tx, previous=tx.setting("epoch"))


def park(server: Server, device: Device, site: str | None = None) -> str:
    line = device.change("point", server.point(site_id=site or server.new_id()))
    assert outcomes(device.push([line])) == ["parked"]
    return str(json.loads(line)["id"])


def site_comes(server: Server, id: str) -> None:
    server.service.write(None, [Write("site", id, server.field, {"code": "S2", "name": "二", "status": "idle"})])


def about_project(server: Server) -> dict[str, Any]:
    return {"subject_kind": "project", "subject_id": server.project, "text": "看", "at": AT}


NEWS_FOR_THE_MANAGER: dict[str, Callable[[Server], Any]] = {
    "a record of the organisation": lambda s: write(s, "person", s.home, name="新人", org_id=s.org, duties=["sampler"]),
    "a record of the field": lambda s: write(s, "site", s.field, code="S9", name="九", status="idle"),
    "a record of enforcement": inspect,
    "a record of transfer": lambda s: write(s, "soil_lot", f"{s.project}.transfer", code="T1", kind="pit"),
    "a project renamed": lambda s: rename(s, s.project),
    "a role more": lambda s: s.service.grant(s.pm, s.project, "inspector"),
    "a role less": lambda s: s.service.withdraw(s.pm, s.project, "project_manager"),
    "a project more": lambda s: s.service.grant(s.pm, s.other, "sampler"),
    "another epoch": epoch,
}


@pytest.mark.parametrize("what", NEWS_FOR_THE_MANAGER)
def test_news_is_told(server: Server, what: str) -> None:
    device = Device(server, server.pm)
    before = me(device).json()
    assert len(before["heads"]) == 4 and before["heads"].keys() == {s["scope"] for s in before["scopes"]}
    same = me(device, before["state"])
    assert (same.status_code, same.content) == (204, b"")
    assert (
        "cache-control" not in same.headers and same.headers["Jingtu-Protocol"] == "1" and same.headers["Jingtu-Time"]
    )
    NEWS_FOR_THE_MANAGER[what](server)
    after = me(device, before["state"])
    assert after.status_code == 200 and after.json()["state"] != before["state"]
    assert me(device, after.json()["state"]).status_code == 204  # and then it is known


def test_anothers_change_is_news(server: Server, device: Device) -> None:
    other = Device(server, server.inspector)
    before = state_of(device)
    assert outcomes(other.push([other.change("comment", about_project(server))])) == ["applied"]
    after = me(device, before).json()
    pulled = json.loads(device.pull().content.partition(b"\n")[0])
    assert after["heads"][server.field] == [pulled["head"], pulled["digest"]]


def test_news_of_what_waits_is_told_though_no_head_moves(server: Server, device: Device) -> None:
    desk, site = server.service, server.new_id()
    seen = [me(device).json()]

    def news() -> bool:
        answer = me(device, seen[-1]["state"])
        if answer.status_code == 204:
            return False
        seen.append(answer.json())
        return True

    first, second = park(server, device), park(server, device, site)
    assert news() and seen[-1]["heads"] == seen[-2]["heads"] and not news()
    desk.withdraw(server.sampler, server.project, "sampler")
    third = device.change("point", server.point())
    assert outcomes(device.push([third])) == ["parked"]
    desk.grant(server.sampler, server.project, "auditor")  # may read, so is told
    assert news() and not news()
    desk.decide_parked(server.pm, [str(json.loads(third)["id"])], False, "不是他采的")
    assert news() and seen[-1]["heads"] == seen[-2]["heads"] and not news()  # a refusal
    desk.grant(server.sampler, server.project, "sampler")
    news()
    site_comes(server, site)  # went in by itself
    assert news() and not news()
    now = {o["id"]: o["outcome"] for o in device.outcomes([first, second]).json()}
    assert now == {first: "parked", second: "applied"}


def test_a_decision_to_take_it_in_is_news(server: Server, device: Device) -> None:
    server.service.grant(server.sampler, server.project, "auditor")
    server.service.withdraw(server.sampler, server.project, "sampler")
    line = device.change("point", server.point())
    assert outcomes(device.push([line])) == ["parked"]
    before = state_of(device)
    server.service.decide_parked(server.pm, [str(json.loads(line)["id"])], True, "看过")
    assert me(device, before).status_code == 200


def test_a_revoked_device_is_told_so_whatever_it_holds(server: Server, device: Device) -> None:
    before = state_of(device)
    server.service.revoke(device.enrolment)
    problem(me(device, before), 2005)
    server.service.reinstate(device.enrolment)
    assert me(device, before).status_code == 200  # its enrolment record was written twice


NOT_FOR_ME: dict[str, Callable[[Server, Device], Any]] = {
    "nothing": lambda s, d: None,
    "another project": lambda s, d: rename(s, s.other),
    "a scope of my project that I may not read": lambda s, d: inspect(s),
    "somebody else's parked change": lambda s, d: park(s, d),
    "somebody else's role": lambda s, d: s.service.grant(s.inspector, s.project, "auditor"),
    "a sign-in": lambda s, d: d.new_token(),
    "a code for somebody": lambda s, d: s.service.new_code(s.stranger, s.pm),
}


@pytest.mark.parametrize("what", NOT_FOR_ME)
def test_what_concerns_others_is_no_news(server: Server, device: Device, what: str) -> None:
    other = Device(server, server.inspector)
    before = state_of(device)
    NOT_FOR_ME[what](server, other)
    assert me(device, before).status_code == 204


def test_a_state_is_one_persons(server: Server, device: Device) -> None:
    other = Device(server, server.inspector)
    states = {state_of(device), state_of(other)}
    assert len(states) == 2
    assert me(device, state_of(other)).status_code == 200
    for odd in ("", "x", "state'--", "A" * 40):
        assert me(device, odd).status_code == 200
    problem(me(device, "A" * 41), 1001)


# --- the tablet ------------------------------------------------------------------------------------------------------


class Wire(httpx.BaseTransport):
    """The server behind something that may act before a request goes on, or answer in its place; counts what came."""

    def __init__(self, site: Site, do: Hook | None = None) -> None:
        self._site, self.do = site, do
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        return (self.do and self.do(request)) or self._site.net.handle_request(request)

    def close(self) -> None:
        """httpx closes its transport after every client."""


class Tablets:
    """Li's tablet, which keeps states, and another of Li's that keeps none and is asked each time: the measure."""

    def __init__(self, site: Site, old: Hook | None = None) -> None:
        self.site, self.wires = site, {}
        self.store, self.syncer = self._make("news", old)
        self.plain, self.plain_syncer = self._make("plain")
        self.plain.state = lambda who: None  # type: ignore[method-assign]

    def _make(self, name: str, do: Hook | None = None) -> tuple[Store, Syncer]:
        store = Store(self.site.folder / name)
        wire = self.wires[name] = Wire(self.site, do)
        syncer = Syncer(store, wire, lambda _: None, AtOnce)
        syncer.enrol("http://sim", self.site.code(self.site.li), name)
        syncer.run()
        return store, syncer

    def asked(self) -> list[str]:
        """By a sync of the tablet that keeps states."""
        wire = self.wires["news"]
        wire.asked.clear()
        assert self.syncer.run().problems == []
        return wire.asked

    def compare(self) -> None:
        """After a sync nothing got in the way of, both hold the same, and it is what the server has."""
        for syncer in (self.syncer, self.plain_syncer):
            result = syncer.run()
            assert result.problems == [] and result.digests_equal
        assert base(self.store) == base(self.plain)
        assert {s.scope: self.store.digest(s.scope) for s in self.store.scopes()} == {
            s.scope: self.store.recount_digest(s.scope) for s in self.plain.scopes()
        }
        assert names(self.store) == names(self.plain)
        waits = {w.line.id for w in self.site.service.parked(self.site.field)}
        own = {id for (id,) in self.store._rows("SELECT id FROM outcome WHERE outcome='parked'")}
        assert own == {c.id for _, _, c in self.store.changes()} & waits
        assert self.store.counts()["pending"] == 0

    def close(self) -> None:
        self.store.close()
        self.plain.close()


def base(store: Store) -> dict[str, list[Any]]:
    granted = {s.scope for s in store.scopes()}
    rows = {t: store._rows(f'SELECT id, scope, seq FROM "{t}" ORDER BY id') for t in TYPES}
    return {t: [r for r in found if r[1] in granted] for t, found in rows.items()}


def names(store: Store) -> list[Any]:
    return sorted((s.scope, s.name, tuple(s.roles), tuple(s.writes)) for s in store.scopes())


@pytest.fixture
def tablets(site: Site) -> Iterator[Tablets]:
    made = Tablets(site)
    yield made
    made.close()


ME = ["/api/v1/me"]


def test_one_request_says_that_nothing_is_new(site: Site, tablets: Tablets) -> None:
    tablets.asked()
    assert tablets.asked() == ME
    result = tablets.syncer.run()
    assert result.reached and result.digests_equal and result.pulled == 0
    site.note(tablets.plain, "别人的")
    tablets.plain_syncer.run()
    assert tablets.asked() == [*ME, f"/api/v1/scopes/{site.field}/pull"]  # no other scope is asked for
    assert texts(tablets.store) == {"别人的"} and tablets.asked() == ME
    site.note(tablets.store, "自己的")
    tablets.asked()
    tablets.asked()  # its own change moved a head
    assert tablets.asked() == ME
    tablets.compare()


def test_a_refusal_reaches_the_tablet_though_no_head_moves(site: Site, tablets: Tablets) -> None:
    store = tablets.store
    site.service.grant(site.li, site.project, "auditor")
    site.service.withdraw(site.li, site.project, "sampler")
    site.note(store, "无权写的")
    tablets.asked(), tablets.asked()
    assert tablets.asked() == ME and store.counts()["parked"] == 1 and texts(store) == {"无权写的"}
    site.service.decide_parked(site.pm, [store.changes()[-1][2].id], False, "不是他采的")
    assert tablets.asked() == [*ME, f"/api/v1/scopes/{site.field}/outcomes"]
    assert store.counts()["parked"] == 0 and texts(store) == set()
    assert tablets.asked() == ME


def test_what_one_sent_is_pulled_at_once(site: Site, tablets: Tablets) -> None:
    """The head the server told at the beginning is older than what it then took."""
    tablets.asked()
    record = site.note(tablets.store, "自己的")
    assert tablets.asked() == [*ME, f"/api/v1/scopes/{site.field}/push", f"/api/v1/scopes/{site.field}/pull"]
    assert record in {row[0] for row in base(tablets.store)["comment"]}
    assert tablets.store._rows("SELECT count(*) FROM ahead") == [(0,)]


def test_two_people_on_one_tablet_have_a_state_each(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    wire = syncer._transport = Wire(site)
    syncer.run()
    mine, theirs = (store.state(store.keys.identities[i]) for i in (li, wang))
    assert mine and theirs and mine != theirs
    wire.asked.clear()
    syncer.run()
    assert wire.asked == ME * 2
    other, there = site.tablet("other")
    there.enrol("http://sim", site.code(site.wang), "另一台")
    there.run(), syncer.run(), syncer.run()
    secret = site.check(other, "办公楼")  # for Wang alone
    there.run()
    wire.asked.clear()
    assert syncer.run().digests_equal
    assert wire.asked == [*ME * 2, f"/api/v1/scopes/{site.enforcement}/pull"]
    assert [s.id for s in store.all("inspection")] == [secret]


@pytest.mark.parametrize("cut", ["organisation/pull", "field/pull"])
def test_a_state_is_noted_only_after_all_it_names_has_come(site: Site, tablets: Tablets, cut: str) -> None:
    tablets.asked()
    site.note(tablets.plain, "一")
    tablets.plain_syncer.run()
    values = {"org_id": site.org, "duties": ["sampler"], "name": "新人"}
    site.service.write(None, [Write("person", site.service.new_id(), f"{site.org}.organisation", values)])

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith(cut):
            raise httpx.ConnectTimeout("cut", request=request)
        return None

    tablets.wires["news"].do = lost
    result = tablets.syncer.run()
    assert [p.problem.number for p in result.problems] == [5004] and result.pulled == 1
    tablets.wires["news"].do = None
    (pulled,) = tablets.asked()[1:]
    assert pulled.endswith(cut) and texts(tablets.store) == {"一"}
    tablets.compare()


def test_killed_before_the_state_is_noted(site: Site, tablets: Tablets, monkeypatch: pytest.MonkeyPatch) -> None:
    class Died(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Died

    site.note(tablets.plain, "一")
    tablets.plain_syncer.run()
    with monkeypatch.context() as patch:
        patch.setattr(tablets.store, "set_state", die)
        with pytest.raises(Died):
            tablets.syncer.run()
    assert texts(tablets.store) == {"一"}
    assert tablets.asked() == ME and tablets.asked() == ME  # all was there but the state
    tablets.compare()


def test_killed_before_the_rows_are_noted(site: Site, tablets: Tablets, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: Any) -> None:
        raise KeyboardInterrupt

    site.note(tablets.plain, "一")
    tablets.plain_syncer.run()
    with monkeypatch.context() as patch:
        patch.setattr(tablets.store, "apply_pull", lose)
        with pytest.raises(KeyboardInterrupt):
            tablets.syncer.run()
    tablets.compare()
    assert texts(tablets.store) == {"一"}


def test_a_scope_that_is_pulled_anew_has_no_state(site: Site, tablets: Tablets) -> None:
    tablets.asked()
    assert tablets.asked() == ME
    tablets.store.start_over(site.field)  # its digest went wrong, and the app was killed before the first page
    assert tablets.store.state(tablets.store.keys.require()) is None
    assert tablets.asked() == [*ME, f"/api/v1/scopes/{site.field}/pull"]
    tablets.compare()
    tablets.store.grant([])
    assert tablets.store.state(tablets.store.keys.require()) is None
    tablets.compare()


def test_a_portals_204_is_nothing(site: Site, tablets: Tablets) -> None:
    tablets.asked()
    site.note(tablets.plain, "一")
    tablets.plain_syncer.run()
    tablets.wires["news"].do = lambda r: httpx.Response(204, request=r) if r.url.path == "/api/v1/me" else None
    result = tablets.syncer.run()
    assert [p.problem.number for p in result.problems] == [5020] and not result.reached and not result.digests_equal
    tablets.wires["news"].do = lambda r: httpx.Response(204, request=r)
    assert not tablets.syncer.run().digests_equal
    tablets.wires["news"].do = None
    tablets.compare()
    assert texts(tablets.store) == {"一"}


def test_our_servers_204_counts_only_where_a_state_was_named(site: Site, tablets: Tablets) -> None:
    with tablets.store._write() as db:
        db.execute("DELETE FROM meta WHERE key LIKE 'state %'")
    ours = {"Jingtu-Protocol": "1"}
    tablets.wires["news"].do = lambda r: httpx.Response(204, headers=ours, request=r)
    assert not tablets.syncer.run().reached


def older(request: httpx.Request, site: Site) -> httpx.Response | None:
    """A server that knows neither states nor heads nor zstd."""
    if request.headers.get("content-encoding") == "zstd":
        no = Trouble(1003, encoding="zstd")
        headers = {"content-type": "application/problem+json", "jingtu-protocol": "1"}
        return httpx.Response(PROBLEMS[1003].status, json=no.body(), headers=headers, request=request)
    if request.url.path != "/api/v1/me":
        return None
    known = request.url.params.get("epoch")
    url = request.url.copy_with(params={"epoch": known} if known else {})
    answer = site.net.handle_request(httpx.Request("GET", url, headers=request.headers))
    answer.read()
    assert answer.status_code != 204
    if answer.status_code != 200:
        return answer
    body = {k: v for k, v in answer.json().items() if k not in ("state", "heads")}
    return httpx.Response(200, json=body, headers={"jingtu-protocol": "1"}, request=request)


def test_an_older_server_is_synced_with_as_before(site: Site) -> None:
    tablets = Tablets(site, lambda r: older(r, site))
    store, tablets.syncer._room = tablets.store, 250
    edits = [Edit("comment", store.new_id(), site.field, about(site, f"{n}")) for n in range(300)]
    store.finalize(edits)
    site.note(tablets.plain, "别人的")
    tablets.plain_syncer.run()
    tablets.compare()
    assert store.state(store.keys.require()) is None and tablets.syncer._zstd is False
    sends = dict(store._rows("SELECT sends, count(*) FROM outcome GROUP BY 1"))
    assert sends == {1: 50, 2: 250}  # the first batch went out in zstd, and again in gzip
    assert len(site.service.records("comment", site.field)) == 301
    assert f"/api/v1/scopes/{site.field}/pull" in tablets.asked()  # nobody says that nothing is new
    tablets.wires["news"].do = None  # the server is updated
    tablets.asked()
    assert tablets.asked() == ME
    tablets.close()


def test_an_older_server_takes_offers_in_gzip(site: Site) -> None:
    tablets = Tablets(site)
    old = backup(site, "backup")
    server_side = site.service.new_id()
    site.service.write(None, [Write("comment", server_side, site.field, about(site, "备份之后"))])
    tablets.compare()
    restore(site, old)
    tablets.wires["news"].do = lambda r: older(r, site)
    assert tablets.syncer.run().problems == []
    assert [u.record for u in site.service.unexplained(site.field)] == [server_side]
    tablets.close()


def test_a_scope_that_is_empty_after_a_restore_is_pulled_too(site: Site) -> None:
    """The server's head there is what a scope begins with that is to be pulled anew: 0, and the digest of nothing."""
    store, syncer = site.tablet("wang")
    syncer.enrol("http://sim", site.code(site.wang), "王")
    syncer.run()
    old = backup(site, "backup")
    on(site, syncer)
    an_inspection(site)
    syncer.run()
    assert len(store.all("inspection")) == 1
    restore(site, old)
    on(site, syncer)
    assert syncer.run().digests_equal and len(site.service.unexplained(site.enforcement)) == 1
    assert store.all("inspection") == [] and store._rows("SELECT DISTINCT refreshing FROM scope") == [(0,)]
    store.close()


def test_of_many_parked_changes_none_is_forgotten(site: Site, tablets: Tablets) -> None:
    """A thousand are asked about at a time; the rest must not wait for other news."""
    store = tablets.store
    store.finalize([Edit("comment", store.new_id(), site.field, about(site, f"{n}")) for n in range(1100)])
    site.service.grant(site.li, site.project, "auditor")
    site.service.withdraw(site.li, site.project, "sampler")
    assert tablets.syncer.run().parked == 1100
    site.service.grant(site.li, site.project, "sampler")
    for _ in range(4):
        assert tablets.syncer.run().digests_equal
    assert store.counts()["parked"] == 0 and len(site.service.records("comment", site.field)) == 1100


def test_no_room_for_the_state_is_told_and_nothing_more(
    site: Site, tablets: Tablets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise Trouble(5001)

    site.note(tablets.plain, "一")
    tablets.plain_syncer.run()
    monkeypatch.setattr(tablets.store, "set_state", full)
    result = tablets.syncer.run()
    assert result.pulled and [p.problem.number for p in result.problems] in ([], [5001])


def test_equal_is_said_of_all_scopes_when_the_server_is_restored_in_between(site: Site) -> None:
    """Wang heard that nothing is new; then, while Li's work goes out, the server becomes another."""
    store, syncer, li, _ = shared(site)
    an_inspection(site)
    syncer.run()
    old = backup(site, "backup")
    on(site, syncer).run()
    syncer.run()
    store.turn(li)
    site.note(store, "李记")
    done: list[int] = []

    def in_between(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/push") and not done:
            done.append(1)
            restore(site, old)
        return None

    syncer._transport = Wire(site, in_between)
    result = syncer.run()
    assert done and result.problems == []
    here = {s.scope: store.digest(s.scope) for i in store.keys.identities.values() for s in store.scopes(i)}
    with site.service.store.reading() as tx:
        there = {s.id: evidence.digest_hex(s.digest) for s in tx.scopes() if s.id in here}
    assert result.digests_equal == (here == there)
    assert syncer.run().digests_equal


def an_inspection(site: Site) -> None:
    officer = {"person_id": site.wang, "name": "王", "duty": "inspector"}
    values = {
        "code": "J1",
        "kind": "patrol",
        "site_id": site.site,
        "org_id": site.org,
        "started_at": AT,
        "officers": [officer],
    }
    site.service.write(None, [Write("inspection", site.service.new_id(), site.enforcement, values)])


def about(site: Site, text: str) -> dict[str, Any]:
    return {"subject_kind": "project", "subject_id": site.project, "text": text, "at": AT}


# --- whatever happens, in whatever order -----------------------------------------------------------------------------


class Killed(BaseException):
    pass


class Story:
    """Things happen by the seed; a sync now and then is disturbed. After an undisturbed one nothing is missing."""

    def __init__(self, site: Site, seed: int, old: bool = False) -> None:
        self.site, self.rng = site, random.Random(seed)
        self.tablets = Tablets(site, (lambda r: older(r, site)) if old else None)
        self.wang, self.wang_syncer = site.tablet("wang")
        self.wang_syncer.enrol("http://sim", site.code(site.wang), "王")
        self.wang_syncer.run()
        self.old, self.odd, self.n, self.backups, self.quiet = old, seed % 2, 0, list[Path](), 0
        self.missing: list[str] = []

    def text(self) -> str:
        self.n += 1
        return f"第 {self.n} 条"

    # what may happen
    def i_write(self) -> None:
        mine = [s for s in self.tablets.store.all("comment") if s.state != "rejected"]
        record = self.rng.choice(mine).id if mine and self.rng.random() < 0.4 else None
        if self.site.field in {s.scope for s in self.tablets.store.scopes()}:
            self.site.note(self.tablets.store, self.text(), record)

    def i_write_of_what_is_not_here(self) -> None:
        self.missing.append(self.site.service.new_id())
        values = {"code": "S1", "site_id": self.missing[-1], "started_at": AT}
        edit = Edit("point", self.tablets.store.new_id(), self.site.field, values)
        if self.site.field in {s.scope for s in self.tablets.store.scopes()}:
            self.tablets.store.finalize([edit], complete=False)

    def it_comes(self) -> None:
        if self.missing:
            id = self.missing.pop(self.rng.randrange(len(self.missing)))
            values = {"code": "S2", "name": "二", "status": "idle", "division_code": "320115"}
            self.site.service.write(None, [Write("site", id, self.site.field, values)])

    def another_writes(self) -> None:
        self.site.note(self.wang, self.text())
        self.wang_syncer.run()

    def another_writes_what_i_may_not_see(self) -> None:
        self.site.check(self.wang, self.text())
        self.wang_syncer.run()

    def the_office_writes(self) -> None:
        home = f"{self.site.org}.organisation"
        values = {"org_id": self.site.org, "duties": ["sampler"], "name": self.text()}
        self.site.service.write(None, [Write("person", self.site.service.new_id(), home, values)])

    def renamed(self) -> None:
        (old,) = self.site.service.records("project", self.site.field)
        new = {**old.values, "name": self.text()}
        self.site.service.write(self.site.pm, [Write("project", old.id, self.site.field, new)])

    def another_role(self) -> None:
        role = self.rng.choice(["sampler", "auditor", "inspector"])
        do = self.rng.choice([self.site.service.grant, self.site.service.grant, self.site.service.withdraw])
        do(self.site.li, self.site.project, role)

    def i_may_only_read(self) -> None:
        self.site.service.grant(self.site.li, self.site.project, "auditor")
        for role in ("sampler", "inspector"):
            self.site.service.withdraw(self.site.li, self.site.project, role)

    def decided(self) -> None:
        held = [w.line.id for w in self.site.service.parked(self.site.field) if any("right" in m for m in w.missing)]
        if held:
            take = self.rng.random() < 0.3
            self.site.service.decide_parked(self.site.pm, [self.rng.choice(held)], take, "看过")

    def backed_up(self) -> None:
        if not self.backups:
            self.backups.append(backup(self.site, f"backup{self.n}"))
            self._on()

    def restored(self) -> None:
        if self.backups:
            restore(self.site, self.backups.pop())
            self._on()

    def _on(self) -> None:
        on(self.site, self.wang_syncer)

    def disturbed(self) -> None:
        """A sync that is cut at some request, or killed at some write, or meets a portal."""
        rng, wire, store = self.rng, self.tablets.wires["news"], self.tablets.store
        keep, left = wire.do, rng.choice([0, 1, 1, 1, 2, 2, 3, 5])
        kind = rng.choice(["cut", "cut", "cut", "answer", "portal", "die", "die"])

        def do(request: httpx.Request) -> httpx.Response | None:
            nonlocal left
            left -= 1
            if left < 0 and kind == "cut":
                raise httpx.ConnectTimeout("cut", request=request)
            if left == 0 and kind == "answer":
                self.site.net.handle_request(request)
                raise httpx.ReadTimeout("lost", request=request)
            if left < 0 and kind == "portal":
                return httpx.Response(204, request=request)
            return keep(request) if keep else None

        def die(*_: Any, **__: Any) -> None:
            raise Killed

        wire.do = do
        at = rng.choice(["set_state", "apply_pull", "resolved", "acknowledge", "grant", "offered"])
        if kind == "die":
            setattr(store, at, die)
        try:
            self.tablets.syncer.run()
        except Killed:
            pass
        finally:
            wire.do = keep
            store.__dict__.pop(at, None)

    def run(self, steps: int) -> None:
        acts = [self.i_write, self.i_write, self.i_write_of_what_is_not_here, self.it_comes, self.another_writes,
                self.another_writes_what_i_may_not_see, self.the_office_writes, self.renamed, self.another_role,
                self.i_may_only_read, self.decided, self.decided, self.decided, self.backed_up, self.restored]  # fmt: skip
        if self.odd:  # of one whose work waits for somebody's word
            self.i_may_only_read(), self.i_write(), self.i_write(), self.i_write()
        for _ in range(steps):
            if self.rng.random() < 0.6:  # one thing alone, where all was known before
                for _ in range(3):
                    self.tablets.syncer.run()
                asked = self.tablets.asked()
                assert self.old or asked == ME, asked
                self.quiet += 1
            for _ in range(self.rng.choice([1, 1, 2, 3])):
                self.rng.choice(acts)()
            if self.rng.random() < 0.4:
                self.disturbed()
            if self.rng.random() < 0.8:
                self.tablets.compare()
        self.tablets.compare()

    def close(self) -> None:
        self.tablets.close()
        self.wang.close()


def told(folder: Path, seed: int, steps: int, old: bool = False) -> Story:
    folder.mkdir()
    site = Site(folder)
    story = Story(site, seed, old)
    try:
        story.run(steps)
        return story
    finally:
        story.close()
        site.close()


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_missed(tmp_path: Path, seed: int) -> None:
    assert told(tmp_path / "x", seed, 12).quiet > 2


def test_nothing_is_missed_of_an_older_server(tmp_path: Path) -> None:
    told(tmp_path / "x", 99, 10, old=True)


@pytest.mark.parametrize("bug", NEWS)
def test_a_planted_bug_is_noticed(tmp_path: Path, bug: str) -> None:
    with planted(bug):
        for seed in range(6):
            try:
                told(tmp_path / f"{seed}", seed, 12)
            except AssertionError:
                return
    pytest.fail(f"not noticed: {bug}")


# --- zstd ------------------------------------------------------------------------------------------------------------


def zstd(body: bytes, level: int = 1, window_log: int = 0, size: bool = True) -> bytes:
    if window_log:
        shape = zstandard.ZstdCompressionParameters(window_log=window_log, write_content_size=size)
        made = zstandard.ZstdCompressor(compression_params=shape).compressobj(size=len(body) if size else -1)
    else:
        made = zstandard.ZstdCompressor(level, write_content_size=size).compressobj(size=len(body) if size else -1)
    return made.compress(body) + made.flush()


def send(device: Device, lines: list[bytes], pack: Callable[[bytes], bytes], encoding: str = "zstd") -> httpx.Response:
    body = b"\n".join([canonical.dumps(device.head(lines, device.server.field)), *lines])
    return device.raw(device.server.field, pack(body), {"Content-Encoding": encoding})


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "level 1": zstd,
    "level 19": lambda b: zstd(b, 19),
    "no size told": lambda b: zstd(b, size=False),
    "window of 8 MiB": lambda b: zstd(b, window_log=23, size=False),
}


@pytest.mark.parametrize("how", PACKED)
def test_a_body_in_zstd(server: Server, device: Device, how: str) -> None:
    lines = [device.change("point", server.point()) for _ in range(20)]
    assert outcomes(send(device, lines, PACKED[how])) == ["applied"] * 20


def lying(body: bytes, by: int) -> bytes:
    """A frame of one segment whose header tells another size."""
    packed = bytearray(zstandard.ZstdCompressor(1).compress(body))
    flag = packed[4] >> 6
    at, width = 5, {0: 1, 1: 2, 2: 4, 3: 8}[flag]
    assert packed[4] & 0x20 and flag
    told = int.from_bytes(packed[at : at + width], "little") + by
    packed[at : at + width] = told.to_bytes(width, "little")
    return bytes(packed)


ODD: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda b: b"",
    "no zstd": lambda b: b,
    "gzip": lambda b: gzip.compress(b),
    "a magic number alone": lambda b: zstd(b)[:4],
    "a byte short": lambda b: zstd(b)[:-1],
    "a byte short, no size told": lambda b: zstd(b, size=False)[:-1],
    "larger in truth than told": lambda b: lying(b, -1),
    "smaller in truth than told": lambda b: lying(b, 1),
    "a window of 32 MiB": lambda b: zstd(b, window_log=25, size=False),
    "a window of 2 GiB": lambda b: b"\x28\xb5\x2f\xfd\x00\xa8" + zstd(b, size=False)[6:],
    "a frame to skip, and nothing": lambda b: b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd",
    "of a dictionary": lambda b: b"\x28\xb5\x2f\xfd" + bytes([zstd(b, size=False)[4] | 1]) + zstd(b, size=False)[5:6] + b"\x07" + zstd(b, size=False)[6:],
}  # fmt: skip


@pytest.mark.parametrize("how", ODD)
def test_an_odd_body_is_told_and_changes_nothing(server: Server, device: Device, how: str) -> None:
    lines = [device.change("point", server.point()) for _ in range(20)]
    before = server.state()
    problem(send(device, lines, ODD[how]), 1001)
    assert server.state() == before
    assert outcomes(send(device, lines, zstd)) == ["applied"] * 20


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_cut_body_is_never_taken_for_a_whole_one(encoding: str) -> None:
    """Nobody signs the lines of an offer: a cut at the end of a block, and of a line, must be noticed by itself."""
    body = b"\n".join([b"x" * 127] * 4096)  # a block of zstd is 131072 bytes, 1024 of these lines
    packed = zstd(body) if encoding == "zstd" else gzip.compress(body, 1)
    assert sync_server.api.unpack(packed, encoding) == body
    for at in range(1, len(packed)):  # nothing at all has no head either
        with pytest.raises(Trouble) as no:
            sync_server.api.unpack(packed[:at], encoding)
        assert no.value.problem.number == 1001


def test_a_body_cut_anywhere_is_sent_again(server: Server, device: Device) -> None:
    noise = [device.change("point", server.point(note=os.urandom(300).hex())) for _ in range(400)]
    before = server.state()
    for how in (zstd, PACKED["no size told"]):
        whole = len(how(b"\n".join(noise)))
        for at in (0, 3, 5, 9, 17, 1000, whole // 3, whole // 2, whole - 40, whole - 4):
            answer = send(device, noise, lambda b, how=how, at=at: how(b)[:at])  # type: ignore[misc]
            assert answer.json().get("number") in (1001, 1207), (at, answer.text[:200])
    assert server.state() == before


def test_a_tablet_sends_what_was_cut_again(site: Site, tablets: Tablets) -> None:
    cut = [0.5, 0.99, 0.1]

    def do(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/push") or not cut:
            return None
        body = request.content[: int(len(request.content) * cut.pop())]
        headers = [(k, v) for k, v in request.headers.raw if k.lower() != b"content-length"]
        return site.net.handle_request(httpx.Request("POST", request.url, headers=headers, content=body))

    tablets.wires["news"].do = do
    store = tablets.store
    store.finalize([Edit("comment", store.new_id(), site.field, about(site, f"{n}")) for n in range(200)])
    assert tablets.syncer.run().problems == [] and store.counts()["pending"] == 0
    assert store._rows("SELECT DISTINCT sends FROM outcome") == [(4,)] and not cut
    assert len(site.service.records("comment", site.field)) == 200


def bomb(size: int, frames: int = 1, told: bool = True) -> bytes:
    made = zstandard.ZstdCompressor(19, write_content_size=told).compressobj(size=size if told else -1)
    zeros = bytes(1 << 20)
    parts = [made.compress(zeros) for _ in range(size >> 20)]
    return (b"".join(parts) + made.flush()) * frames


@pytest.mark.parametrize(("told", "frames"), [(True, 1), (False, 1), (False, 3)])
def test_a_bomb_is_refused_in_little_memory_and_time(server: Server, device: Device, told: bool, frames: int) -> None:
    packed = bomb(100 << 20, frames, told)
    assert len(packed) < 100_000
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(Trouble) as no:
            sync_server.api.unpack(packed, "zstd")
        assert no.value.problem.number == 1002
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_BODY
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 5
    problem(device.raw(server.field, packed, {"Content-Encoding": "zstd"}), 1002)
    problem(device.raw(server.field, bomb(17 << 20), {"Content-Encoding": "zstd"}), 1002)


def test_a_pull_is_the_same_in_every_packing(server: Server, device: Device) -> None:
    device.push([device.change("point", server.point(note=f"{n}")) for n in range(50)])
    got = {}
    for accepted, used in (
        ("zstd", "zstd"),
        ("gzip", "gzip"),
        ("identity", None),
        ("gzip;q=0.5, zstd", "zstd"),
        ("br", None),
    ):
        answer = server.http.get(
            f"/api/v1/scopes/{server.field}/pull", headers=device.auth | {"Accept-Encoding": accepted}
        )
        assert answer.headers.get("content-encoding") == used, accepted
        if used:
            assert "accept-encoding" in answer.headers["vary"].lower()
        got[accepted] = answer.content
    assert len(set(got.values())) == 1 and got["zstd"].count(b"\n") > 50
    raw = io.BytesIO(got["zstd"]).readline()
    assert json.loads(raw)["count"] == got["zstd"].count(b"\n")
