"""The edges of several people on one tablet, of restores and of enrolling: where the order of things is an unlucky one."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from sync_server.service import Write
from tests.api.test_shared_tablet import Site, backup, on, restore, shared, site, texts

assert site  # the fixture
AT = "2026-11-22T10:00:00+08:00"


class Between(httpx.BaseTransport):
    """Something happens before a request goes on; it may answer in its place."""

    def __init__(self, there: Site, do: Callable[[httpx.Request], httpx.Response | None]) -> None:
        self._there, self._do = there, do

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._do(request) or self._there.net.handle_request(request)


def numbers(syncer: Syncer) -> list[int]:
    return [p.problem.number for p in syncer.run().problems]


def enrolled(site: Site, name: str, person: str | None = None) -> tuple[Store, Syncer]:
    store, syncer = site.tablet(name)
    syncer.enrol("http://sim", site.code(person or site.li), name)
    syncer.run()
    return store, syncer


def noted(site: Site, store: Store, record: str, text: str) -> None:
    seen = store.get("comment", record)
    assert seen
    store.finalize([Edit("comment", record, site.field, {**seen.values, "note": text})], complete=False)


# --- several people --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", ["lw", "wl", "lwl", "wlwl"])
def test_the_last_word_of_several_people_is_the_last(site: Site, turns: str) -> None:
    store, syncer, li, wang = shared(site)
    record = site.note(store, "x")
    syncer.run()
    for n, who in enumerate(turns):
        store.turn(li if who == "l" else wang)
        noted(site, store, record, f"{n} {who}")
    last = f"{len(turns) - 1} {turns[-1]}"
    assert syncer.run().problems == []
    assert site.service.records("comment", site.field)[0].values["note"] == last
    assert site.service.records("conflict", site.field) == []  # nobody clashed with anybody


def test_a_new_person_on_a_tablet_without_keys_sees_only_his_own(site: Site) -> None:
    store, syncer = enrolled(site, "a", site.wang)
    site.check(store, "办公楼")
    syncer.run()
    store.close()
    (site.folder / "a" / "identity.json").unlink()
    store, syncer = enrolled(site, "a", site.li)
    assert store.all("inspection") == []


def test_outcomes_are_shown_to_whom_they_concern(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    site.service.withdraw(site.wang, site.project, "inspector")
    site.check(store, "秘密地点")
    syncer.run()
    syncer.enrol("http://sim", site.code(site.wang), "平板", beside=True)  # a new key for the same person
    assert len(store.outcomes("parked")) == 1
    store.turn(li)
    assert store.outcomes("rejected", "conflict", "parked") == []


def test_a_revoked_person_reads_nothing_on_a_shared_tablet(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    site.check(store, "办公楼")
    syncer.run()
    site.service.revoke(wang)
    store.turn(li)
    assert numbers(syncer) == []
    store.turn(wang)
    assert store.all("inspection") == [] and store.scopes() == []


def test_somebody_elses_half_sentence_stays(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    record = site.note(store, "v1")
    syncer.run()
    store.save_draft("comment", record, site.field, {"text": "半句"})
    store.turn(li)
    site.note(store, "v2", record=record)
    store.turn(wang)
    assert [d.values["text"] for d in store.drafts()] == ["半句"]


def test_data_of_before_is_adopted_once(site: Site) -> None:
    """The first start after the update found no identity, a sync brought the same grants: the next start must open."""
    store, syncer = enrolled(site, "a")
    store.close()
    kept = (site.folder / "a" / "identity.json").read_text()
    store = Store(site.folder / "a")
    with store._write() as db:
        db.execute("INSERT INTO granted SELECT '', scope, roles, writes, reads FROM granted")
    store.close()
    (site.folder / "a" / "identity.json").write_text(kept)
    store = Store(site.folder / "a")
    assert store._rows("SELECT count(*) FROM granted WHERE person=''") == [(0,)] and store.scopes()
    store.close()


# --- enrolling -------------------------------------------------------------------------------------------------------


def lost(site: Site) -> Between:
    """The request arrives, the answer does not."""

    def go(request: httpx.Request) -> httpx.Response | None:
        site.net.handle_request(request)
        raise httpx.ReadTimeout("lost", request=request)

    return Between(site, go)


@pytest.mark.parametrize("then", ["another person", "the same, after the orphan was revoked"])
def test_a_lost_answer_blocks_nobody(site: Site, then: str) -> None:
    store, syncer = site.tablet("a")
    syncer._transport = lost(site)
    with pytest.raises(Trouble):
        syncer.enrol("http://sim", site.code(site.li), "平板")
    syncer._transport = site.net
    if then == "another person":
        assert syncer.enrol("http://sim", site.code(site.wang), "平板").person == site.wang
        return
    with site.service.store.reading() as tx:
        (orphan,) = tx.device_keys()
    site.service.revoke(orphan.enrolment)
    assert syncer.enrol("http://sim", site.code(site.li), "平板").enrolment != orphan.enrolment


def test_a_tablet_holds_the_data_of_one_server(tmp_path: Path) -> None:
    sites = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        sites[name] = Site(tmp_path / name)
    both = Between(sites["one"], lambda r: sites[r.url.host].net.handle_request(r))
    store = Store(tmp_path / "t")
    syncer = Syncer(store, both, lambda _: None)
    syncer.enrol("http://one", sites["one"].code(sites["one"].li), "1")
    syncer.run()
    sites["one"].note(store, "给旧服务器")
    syncer.enrol("http://two", sites["two"].code(sites["two"].li), "1")
    for _ in range(2):
        result = syncer.run()
    assert (result.pushed, result.pulled) == (0, 0)
    assert [p.problem.number for p in result.problems] == [1206]  # unsent, and said so
    store.close()
    for one in sites.values():
        one.close()


def test_text_no_database_takes_is_refused_before_it_is_saved(site: Site) -> None:
    store, syncer = enrolled(site, "a")
    with pytest.raises(Trouble) as err:
        site.note(store, "粘贴\0来的")
    assert err.value.problem.number == 5002 and store.changes() == []
    site.note(store, "好的")
    assert numbers(syncer) == [] and texts(store) == {"好的"}


# --- restores --------------------------------------------------------------------------------------------------------


def renamed(site: Site, name: str) -> None:
    (record,) = [s for s in site.service.records("site", site.field) if s.id == site.site]
    site.service.write(site.pm, [Write("site", record.id, site.field, {**record.values, "name": name})])


def test_large_rows_are_offered_in_parts_and_hold_up_nothing(site: Site) -> None:
    store, syncer = enrolled(site, "a")
    old = backup(site, "backup")
    on(site, syncer)
    for n in range(5):
        text = base64.b64encode(os.urandom(1_900_000)).decode()
        values = {"code": f"C{n}", "site_id": site.site, "started_at": AT, "x_later": text}
        site.service.write(None, [Write("point", site.service.new_id(), site.field, values)])
    syncer.run()
    restore(site, old)
    on(site, syncer)
    result = syncer.run()
    assert result.problems == [] and result.digests_equal and len(site.service.unexplained(site.field)) == 5


def test_a_server_that_cannot_take_offers_is_synced_with_all_the_same(site: Site) -> None:
    store, syncer = enrolled(site, "a")
    old = backup(site, "backup")
    on(site, syncer)
    renamed(site, "改名")
    syncer.run()
    restore(site, old)

    def of_before(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/seen"):
            return None
        return httpx.Response(404, json=Trouble(1005).body(), headers={"content-type": "application/problem+json"})

    syncer._transport = Between(site, of_before)
    site.service.write(None, [Write("comment", site.service.new_id(), site.field,
                                    {"subject_kind": "project", "subject_id": site.project, "text": "新", "at": AT})])  # fmt: skip
    assert numbers(syncer) == [] and texts(store) == {"新"}
    on(site, syncer)  # the server is updated
    assert numbers(syncer) == [] and [u.lost["name"] for u in site.service.unexplained(site.field)] == ["改名"]


def test_a_revoked_tablet_hands_in_after_a_restore_too(site: Site) -> None:
    store, syncer = enrolled(site, "a")
    site.service.revoke(store.keys.require().enrolment)
    old = backup(site, "backup")
    on(site, syncer)
    site.note(store, "手上的")
    restore(site, old)
    on(site, syncer)
    assert numbers(syncer) == [2005] and store.counts()["pending"] == 0
    assert len(site.service.parked(site.field)) == 1


@pytest.mark.parametrize("cut", [("/pull",), ("/seen", "/pull"), ()])
def test_restored_twice_while_the_tablet_was_still_pulling(site: Site, cut: tuple[str, ...]) -> None:
    store, syncer = enrolled(site, "a")
    first = backup(site, "first")
    on(site, syncer)
    made = site.service.new_id()
    values = {"code": "S2", "name": "两次备份之间", "status": "idle", "division_code": "320115"}
    site.service.write(None, [Write("site", made, site.field, values)])
    second = backup(site, "second")
    on(site, syncer)
    syncer.run()

    def stop(request: httpx.Request) -> httpx.Response | None:
        if any(request.url.path.endswith(part) for part in cut):
            raise httpx.ConnectTimeout("cut", request=request)
        return None

    restore(site, second)
    syncer._transport = Between(site, stop)
    syncer.run()
    restore(site, first)  # the second backup turned out to be bad
    on(site, syncer)
    syncer.run()
    syncer.run()
    assert made in {u.record for u in site.service.unexplained(site.field)}


def test_restored_in_the_middle_of_a_sync(site: Site) -> None:
    store, syncer = enrolled(site, "a")
    old = backup(site, "backup")
    on(site, syncer)
    site.note(store, "已签收")
    syncer.run()
    done: list[int] = []

    def in_between(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == f"/api/v1/scopes/{site.field}/pull" and not done:
            done.append(1)
            restore(site, old)
        return None

    syncer._transport = Between(site, in_between)
    result = syncer.run()
    assert result.digests_equal and texts(store) == {"已签收"}
    assert [s.values["text"] for s in site.service.records("comment", site.field)] == ["已签收"]


def test_what_was_applied_and_is_parked_after_a_restore_is_still_shown(site: Site) -> None:
    one, sync_one = enrolled(site, "one")
    two, sync_two = enrolled(site, "two", site.pm)
    old = backup(site, "backup")
    on(site, sync_one), on(site, sync_two)
    first = site.note(two, "别人的")
    sync_two.run(), sync_one.run()
    values = {"subject_kind": "comment", "subject_id": first, "text": "我的", "at": AT}
    one.finalize([Edit("comment", one.new_id(), site.field, values)])
    sync_one.run()
    restore(site, old)
    on(site, sync_one), on(site, sync_two)
    assert numbers(sync_one) == [] and one.counts()["parked"] == 1 and "我的" in texts(one)
    sync_two.run(), sync_one.run()
    assert one.counts()["parked"] == 0 and texts(one) == {"别人的", "我的"}


def test_nothing_of_a_scope_that_was_left_stays(site: Site) -> None:
    store, syncer = enrolled(site, "a")
    old = backup(site, "backup")
    on(site, syncer)
    renamed(site, "只在平板上")
    syncer.run()
    restore(site, old)
    site.service.withdraw(site.li, site.project, "sampler")
    on(site, syncer)
    syncer.run()
    assert store._rows("SELECT count(*) FROM offer WHERE scope=?", site.field) == [(0,)] and store.all("site") == []
