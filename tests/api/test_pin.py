"""PINs against a real server: a shared tablet of which one is locked, a forgotten PIN, an expired code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from field_app import pin
from field_app.store import Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from tests.api.test_shared_tablet import Site, shared, texts

PIN, NEW = "246810", "975310"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def on_the_server(site: Site) -> set[str]:
    with site.service.store.reading() as tx:
        return {r.values["text"] for r in tx.everywhere("comment")}


def locked_again(site: Site, store: Store) -> tuple[Store, Syncer]:
    """Everybody gets a PIN, and the app is started anew."""
    for enrolment, _ in store.people():
        store.keys.set_pin(enrolment, PIN)
    store.close()
    return site.tablet(store.folder.name)


def test_what_a_locked_person_made_waits_and_goes_out_after_the_pin(site: Site) -> None:
    store, _, li, wang = shared(site)
    store.turn(li)
    site.note(store, "李的")
    store.turn(wang)
    site.check(store, "门口")
    store, syncer = locked_again(site, store)

    assert [p.problem.number for p in syncer.run().problems] == [1209]  # nobody has been here: nothing is sent
    assert on_the_server(site) == set() and store.counts()["locked"] == 2
    assert store.keys.unlock(wang, PIN)
    result = syncer.run()
    assert [p.problem.number for p in result.problems] == [1209] and result.acknowledged == 1 and result.digests_equal
    assert on_the_server(site) == set() and store.counts()["pending"] == 1
    assert store.keys.unlock(li, PIN)
    result = syncer.run()
    assert not result.problems and result.digests_equal and store.counts()["pending"] == 0
    assert on_the_server(site) == {"李的"}
    store.close()


def test_a_forgotten_pin_costs_a_new_code_and_no_record(site: Site) -> None:
    store, syncer = site.tablet("t")
    syncer.enrol("http://sim", site.code(site.li), "平板")
    syncer.run()
    site.note(store, "已交")
    syncer.run()
    site.note(store, "没交")
    store, syncer = locked_again(site, store)
    for _ in range(5):
        assert not store.keys.unlock(store.keys.require().enrolment, NEW)
    with pytest.raises(Trouble) as told:  # nobody who is locked out vouches for anybody
        syncer.enrol("http://sim", site.code(site.li), "平板", beside=True)
    assert told.value.problem.number == 2011

    syncer.enrol("http://sim", site.code(site.li), "平板")
    store.keys.set_pin(store.keys.require().enrolment, NEW)
    store.close()
    store, syncer = site.tablet("t")
    assert len(store.people()) == 1 and store.keys.unlock(store.keys.require().enrolment, NEW)  # tries began anew
    result = syncer.run()
    assert not result.problems and result.digests_equal
    assert on_the_server(site) == texts(store) == {"已交", "没交"}
    store.close()


def test_a_used_code_is_told_in_words(site: Site) -> None:
    code = site.code(site.li)
    store, syncer = site.tablet("t")
    syncer.enrol("http://sim", code, "平板")
    other, second = site.tablet("u")
    with pytest.raises(Trouble) as told:
        second.enrol("http://sim", code, "平板")
    assert (
        told.value.problem.number == 2006 and "过期" in told.value.text("zh") and "30" in told.value.problem.remedy_zh
    )
    for one in (store, other):
        one.close()
