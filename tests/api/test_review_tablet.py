"""A return reaches the tablet that recorded it and names what to redo; done again it is gone there at once, and waits here again.

Real stores and syncers against the real server; no browser.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from field_app.desks import needs
from field_app.desks.needs import Todo
from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas.rules.review import state_of
from sync_server.service import Item, Write
from tests.api.test_shared_tablet import Site, shared, site
from tests.api.test_tablet_edges import enrolled

assert site  # the fixture
NOW = datetime.fromisoformat("2026-11-28T10:00:00+08:00")
AT = "2026-11-22T10:00:00+08:00"


def returned(store: Store) -> list[Todo]:
    return [t for t in needs.read(store, frozenset(), NOW).todos if t.kind == "rejected"]


def visit(site: Site, store: Store, record: str | None = None, **more: object) -> str:
    values = {"code": "S8", "outcome": "done", "samplers": [site.li], "site_id": site.site, "started_at": AT, **more}
    edit = Edit("point", record or store.new_id(), site.field, values)
    store.finalize([edit], complete=False)
    return edit.record


def seq_of(site: Site, id: str) -> int:
    return next(s.seq for s in site.service.records("point", site.field) if s.id == id)


def say(site: Site, id: str, state: str, reason: str = "") -> None:
    told = site.service.review(site.pm, [Item("point", id, seq_of(site, id))], state, reason)
    assert told.done and not told.refused, told


def state(site: Site, id: str) -> str:
    s = site.service.review_of("point", id, site.field)
    assert s is not None
    return state_of(s.seq, s.decisions, s.recorders, s.answered).state


def synced(*syncers: Syncer) -> None:
    for syncer in syncers:
        result = syncer.run()
        assert result.reached and result.problems == []


@pytest.fixture
def tablet(site: Site) -> tuple[Store, Syncer]:
    return enrolled(site, "a")


def test_there_and_back(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    id = visit(site, store)
    synced(syncer)
    assert returned(store) == []
    say(site, id, "back", "标牌看不清编号，重拍")
    synced(syncer)
    (todo,) = returned(store)
    assert todo.what[0].endswith("S8") and "经理" in todo.why[0] and "标牌看不清编号，重拍" in todo.why[0]
    assert "标牌看不清编号，重拍" in todo.why[1] and todo.remedy[1].startswith("Open it")
    assert (todo.opens, todo.type, todo.record) == ("record", "point", id)  # one tap to what is to be redone
    visit(site, store, id, note="重拍了")
    assert returned(store) == []  # at once, without a network
    assert state(site, id) == "returned"  # here nobody knows yet
    batch = syncer.run()
    assert batch.pushed == 1 and returned(store) == []
    assert state(site, id) == "waiting"
    say(site, id, "back", "还是看不清")
    synced(syncer)
    assert "还是看不清" in returned(store)[0].why[0] and len(returned(store)) == 1
    visit(site, store, id, note="又重拍了")
    synced(syncer)
    say(site, id, "pass")
    synced(syncer)
    assert returned(store) == [] and state(site, id) == "passed"


def test_a_return_taken_back_is_gone(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    id = visit(site, store)
    synced(syncer)
    say(site, id, "back", "复测")
    synced(syncer)
    assert len(returned(store)) == 1
    say(site, id, "pass")
    synced(syncer)
    assert returned(store) == []


def test_nothing_comes_back_between_sending_and_pulling(site: Site, tablet: tuple[Store, Syncer]) -> None:
    """What the server has taken and the tablet has not pulled yet is done here."""
    store, syncer = tablet
    id = visit(site, store)
    synced(syncer)
    say(site, id, "back", "复测")
    synced(syncer)
    visit(site, store, id, note="复测过")
    told: list[int] = []
    pull = store.apply_pull

    def look(*args: object, **named: object) -> object:
        told.append(len(returned(store)))
        done = pull(*args, **named)  # type: ignore[arg-type]
        told.append(len(returned(store)))
        return done

    store.apply_pull = look  # type: ignore[method-assign,assignment]
    synced(syncer)
    assert told and not any(told)


def test_a_photo_is_an_answer(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    id = visit(site, store)
    synced(syncer)
    say(site, id, "back", "补照片")
    synced(syncer)
    photo = {
        "sha256": "a" * 64,
        "step": "surface",
        "subject_kind": "point",
        "subject_id": id,
        "taken_at": AT,
        "source": "app_camera",
    }
    store.finalize([Edit("photo", store.new_id(), site.field, photo)], complete=False)
    assert returned(store) == []
    syncer.run()  # the file itself is not there to be sent
    assert returned(store) == [] and state(site, id) == "waiting"
    say(site, id, "back", "照片太暗")
    syncer.run()
    assert "照片太暗" in returned(store)[0].why[0]


def test_only_on_the_tablets_of_whom_it_concerns(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    mate = site.service.new_id()
    site.service.write(
        None,
        [Write("person", mate, f"{site.org}.organisation", {"org_id": site.org, "duties": ["sampler"], "name": "周"})],
    )
    site.service.grant(mate, site.project, "sampler")
    theirs, their_syncer = enrolled(site, "b", mate)
    mine, crew = visit(site, store), visit(site, store, samplers=[site.li, mate], code="S9")
    synced(syncer)
    for id in (mine, crew):
        say(site, id, "back", "复测")
    synced(syncer, their_syncer)
    assert sorted(t.record for t in returned(store)) == sorted([mine, crew])
    assert [t.record for t in returned(theirs)] == [crew]  # whoever of the crew does it again
    visit(site, theirs, crew, samplers=[site.li, mate], code="S9", note="周复测")
    synced(their_syncer, syncer)
    assert [t.record for t in returned(store)] == [mine] and returned(theirs) == []


def test_of_two_on_one_tablet_each_sees_his_own(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    store.turn(li)
    point = visit(site, store)
    store.turn(wang)
    inspection = site.check(store, "办公楼")
    synced(syncer)
    say(site, point, "back", "复测")
    seq = site.service.records("inspection", site.enforcement)[0].seq
    told = site.service.review(site.pm, [Item("inspection", inspection, seq)], "back", "写明负责人")
    assert told.done
    synced(syncer)
    assert [t.record for t in returned(store)] == [inspection] and "写明负责人" in returned(store)[0].why[0]
    store.turn(li)
    assert [t.record for t in returned(store)] == [point]
