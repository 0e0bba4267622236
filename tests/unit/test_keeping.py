"""Drafts of long checks on the server, from the tablet's side: shipped desks, store, syncer and server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from field_app import pin
from field_app.clock import CHINA
from field_app.desks.checking import CheckingDesk
from field_app.desks.keeping import KeepingDesk, print_of
from field_app.here import Here
from field_app.store import Edit
from schemas import canonical
from tests.api.conftest import AT
from tests.api.test_shared_tablet import Site, site
from tests.photo_files import keep, picture
from tests.unit.test_photo_lane import Desk, refused

assert site  # the fixture


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


class Host:
    """What the desks ask of the app, done at once."""

    lang, device, route = "zh", "A1", "items"

    def __init__(self, desk: Desk) -> None:
        self.desk, self._store = desk, desk.store
        self.book = SimpleNamespace(project_id=desk.site.project, project={}, site_id=desk.site.site, site={})
        self.records = SimpleNamespace(home_of=lambda type: desk.site.enforcement)
        self.here, self.turn = Here(), desk.store.keys.require().enrolment
        self.told: list[tuple[str, tuple[str, str]]] = []
        self.gone: list[tuple[str, dict[str, Any]]] = []
        self.jobs: list[Any] = []
        self.checking = CheckingDesk(self, desk.store, None)  # type: ignore[arg-type]
        self.keeping = KeepingDesk(self, desk.store, desk.syncer)  # type: ignore[arg-type]

    def now(self) -> datetime:
        return datetime.now(CHINA).replace(microsecond=0)

    async def _do(self, fn: Any, *args: Any) -> Any:
        return fn(*args)

    def _write(self, fn: Any, *args: Any) -> None:
        fn(*args)

    def _later(self, job: Any) -> None:
        self.jobs.append(job)

    async def load(self) -> None: ...

    async def sync(self) -> None:
        await asyncio.to_thread(self.desk.run)

    def go(self, route: str, **args: Any) -> None:
        self.gone.append((route, args))

    def tell(self, kind: str, title: tuple[str, str], detail: tuple[str, str] = ("", "")) -> None:
        self.told.append((kind, title))

    # --- a person ---------------------------------------------------------------------------------------------------

    def begin(self) -> str:
        id = self.checking.begin("patrol", None, self.desk.site.site, org_id=self.desk.site.org)
        assert id
        return id

    def answer(self, code: str, value: str) -> None:
        self.checking.put_answer(code, answer=value)

    def shoot(self, n: int) -> str:
        """A photo of the check, as a draft."""
        check, sha = self.checking, keep(self.desk.folder, picture(n))
        values = {"sha256": sha, "step": "other", "subject_kind": "inspection", "subject_id": check.id, "taken_at": AT,
                  "source": "app_camera"}  # fmt: skip
        self._store.save_draft("photo", self._store.new_id(), check.scope, values, check.id)
        id = check.id
        check.close()
        asyncio.run(check.open(id))
        return sha

    def do(self, work: Any) -> None:
        async def whole() -> None:
            await work
            while self.jobs:
                await self.jobs.pop(0)

        asyncio.run(whole())


@pytest.fixture
def tablets(site: Site) -> Iterator[list[Host]]:
    desks = [Desk(site, name, site.wang) for name in ("one", "two")]
    for desk in desks:
        desk.run()
    yield [Host(d) for d in desks]
    for desk in desks:
        desk.store.close()


def taken(host: Host, record: str, over: bool = False) -> None:
    host.do(host.keeping.take(record, over))
    asyncio.run(host.checking.open(record))


def test_a_check_goes_on_on_another_tablet(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.answer("a", "pass")
    one.answer("b", "fail")
    sha = one.shoot(1)
    one.do(one.keeping.keep())
    assert (one.keeping.trouble, one.keeping.clash) == (None, None)
    assert one.desk.there(sha)  # its pictures are sent like those of finished records
    assert not one.keeping.standing().changed
    two.do(two.keeping.look())
    (listed,) = two.keeping.drafts or ()
    assert (listed.record, listed.done, listed.photos, listed.version) == (id, 2, 1, 1)
    taken(two, id)
    assert two.gone == [("items", {"id": id})] and two.checking.answer_of("b") == "fail"
    assert print_of(two.checking.packed()) == print_of(one.checking.packed())
    assert two.desk.store.photo_file(sha) is not None and two.keeping.lacking(id) == 0
    assert two.keeping.standing()[0] == 1 and not two.keeping.standing().changed


def test_what_is_shown_changes_nothing_what_is_answered_does(tablets: list[Host]) -> None:
    one = tablets[0]
    one.begin()
    one.answer("a", "pass")
    one.do(one.keeping.keep())
    one.checking.set_ui(at="z")
    assert not one.keeping.standing().changed
    one.answer("b", "pass")
    assert one.keeping.standing().changed


def test_a_newer_one_there_is_shown_and_a_person_says_which(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.do(one.keeping.keep())
    taken(two, id)
    two.answer("b", "pass")
    two.do(two.keeping.keep())
    one.answer("a", "pass")
    one.answer("c", "pass")
    one.do(one.keeping.keep())
    clash = one.keeping.clash
    assert clash is not None and (clash.doing, clash.answered, clash.there.version, clash.there.done) == (
        "keep",
        2,
        2,
        1,
    )
    assert one.keeping.trouble is None and one.checking.answer_of("c") == "pass"
    one.keeping.dismiss()
    one.do(one.keeping.keep())
    assert one.keeping.clash is not None  # looked at is not decided
    one.do(one.keeping.keep(over=True))
    assert one.keeping.clash is None and one.keeping.standing() == (3, one.keeping.standing().at, False)


def test_taking_over_what_was_changed_here_asks_first_and_can_be_undone(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.do(one.keeping.keep())
    taken(two, id)
    two.answer("b", "pass")
    two.do(two.keeping.keep())
    one.answer("mine", "fail")
    one.do(one.keeping.take(id))
    clash = one.keeping.clash
    assert clash is not None and clash.doing == "take" and one.checking.answer_of("mine") == "fail"
    taken(one, id, over=True)
    assert one.checking.answer_of("b") == "pass" and one.checking.answer_of("mine") == "unanswered"
    assert one.keeping.before == id
    one.do(one.keeping.put_back())
    asyncio.run(one.checking.open(id))
    assert one.checking.answer_of("mine") == "fail" and one.keeping.before == ""


def test_taking_what_was_kept_from_here_and_not_changed_asks_nothing(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.do(one.keeping.keep())
    taken(two, id)
    two.answer("b", "pass")
    two.do(two.keeping.keep())
    taken(one, id)
    assert one.keeping.clash is None and one.checking.answer_of("b") == "pass"


def test_photos_that_have_not_come_are_told_and_not_lost(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    sha = one.shoot(3)
    keep_job = one.keeping.keep()
    asyncio.run(keep_job)  # the draft is there, its picture is still on its way
    for job in one.jobs:
        job.close()
    one.jobs.clear()
    taken(two, id)
    assert two.keeping.lacking(id) == 1 and two.desk.store.photo_file(sha) is None
    one.desk.run()  # the tablet that has it sends it, whatever becomes of the draft
    assert one.desk.there(sha)
    two.do(two.keeping.fetch())
    assert two.keeping.lacking(id) == 0 and two.desk.store.photo_file(sha) is not None


def test_a_line_that_dies_between_draft_and_photos(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.answer("a", "fail")
    shas = [one.shoot(n) for n in (5, 6)]
    one.do(one.keeping.keep())

    def dies(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith(shas[1]):
            raise httpx.ReadError("cut", request=request)
        return None

    two.desk.wire.answer = dies
    taken(two, id)
    assert two.checking.answer_of("a") == "fail" and two.gone  # it is taken all the same
    assert two.keeping.trouble is not None and two.keeping.lacking(id) == 1
    two.desk.wire.answer = lambda request: None
    again = KeepingDesk(two, two.desk.store, two.desk.syncer)  # type: ignore[arg-type]
    asyncio.run(again.begin())  # after a kill it is known from what lies here
    assert again.lacking(id) == 1
    two.do(again.fetch())
    assert (again.lacking(id), again.trouble) == (0, None)


def test_signed_and_sent_it_is_removed(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.do(one.keeping.keep())
    one.desk.store.finalize([Edit("inspection", id, one.desk.site.enforcement, _signable(one))], complete=False)
    assert one.desk.store.kept()  # not sent yet
    result = one.desk.run()
    assert result.problems == [] and one.desk.store.kept() == {}
    assert one.desk.site.service.store.engine is not None
    two.do(two.keeping.look())
    assert two.keeping.drafts == ()
    with one.desk.site.service.store.reading() as tx:
        assert tx.count_kept(one.desk.site.wang) == 0  # and not merely hidden
    deletes = [r for r in one.desk.wire.asked if r.method == "DELETE"]
    assert len(deletes) == 1
    one.desk.run()
    assert not [r for r in one.desk.wire.asked if r.method == "DELETE"]


def test_what_was_signed_here_is_not_taken_up_again(tablets: list[Host]) -> None:
    one = tablets[0]
    id = one.begin()
    one.do(one.keeping.keep())
    one.desk.store.finalize([Edit("inspection", id, one.desk.site.enforcement, _signable(one))], complete=False)
    one.do(one.keeping.take(id))  # while the server does not know of it yet
    assert one.keeping.trouble is not None and one.keeping.trouble.problem.number == 6423
    assert one.desk.store.drafts("inspection") == []


def test_out_of_reach_all_stays_and_it_is_said(tablets: list[Host]) -> None:
    one = tablets[0]
    one.begin()

    def dead(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("no network", request=request)

    one.desk.wire.answer = dead
    for work in (one.keeping.keep, one.keeping.look):
        one.do(work())
        assert one.keeping.trouble is not None and one.keeping.trouble.problem.number == 5004
        assert one.keeping.busy == ""
    assert one.desk.store.kept() == {} and len(one.desk.store.drafts("inspection")) == 1
    one.desk.wire.answer = lambda request: None
    one.do(one.keeping.keep())
    assert one.keeping.trouble is None


def test_a_draft_of_a_newer_app_is_left_where_it_is(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.do(one.keeping.keep())
    with one.desk.site.service.store.writing() as tx:
        row = tx.kept_draft(one.desk.site.wang, id)
        assert row is not None
        content = canonical.dumps({**one.checking.packed(), "v": 99})
        from hashlib import sha256

        tx.set_kept(row._replace(sha256=sha256(content).hexdigest(), size=len(content)), content)
    two.do(two.keeping.take(id))
    assert two.keeping.trouble is not None and two.keeping.trouble.problem.number == 6425
    assert two.desk.store.drafts() == [] and two.gone == []


def test_removed_from_the_server_it_stays_here(tablets: list[Host]) -> None:
    one, two = tablets
    id = one.begin()
    one.do(one.keeping.keep())
    one.do(one.keeping.look())
    assert one.keeping.here == {id}
    taken(two, id)
    two.answer("b", "pass")
    two.do(two.keeping.keep())
    one.do(one.keeping.drop(id, 1))
    assert one.keeping.clash is not None and one.keeping.clash.doing == "drop" and one.keeping.drafts
    one.keeping.dismiss()
    one.do(one.keeping.drop(id, 2))
    assert one.keeping.drafts == () and one.desk.store.kept() == {}
    assert [d.id for d in one.desk.store.drafts("inspection")] == [id]


def test_a_server_that_keeps_no_drafts(tablets: list[Host]) -> None:
    one = tablets[0]
    one.begin()
    one.desk.wire.answer = lambda r: refused(r, 1005) if "/drafts" in r.url.path else None
    one.do(one.keeping.keep())
    assert one.keeping.trouble is not None and one.keeping.trouble.problem.number == 1005


def test_another_person_sees_nothing_of_it(tablets: list[Host]) -> None:
    one = tablets[0]
    id = one.begin()
    one.do(one.keeping.keep())
    one.do(one.keeping.look())
    one.keeping.forget()
    assert (one.keeping.drafts, one.keeping.clash, one.keeping.before) == (None, None, "")
    assert one.desk.store.kept()[id].version == 1
    other = one.desk.store.keys.require()._replace(person="somebody else")
    assert one.desk.store.kept(other) == {}
    assert json.loads(one.desk.store.meta(f"kept {one.desk.site.wang}") or "{}").keys() == {id}


def _signable(host: Host) -> dict[str, Any]:
    return {n: v for n, v in host.checking.inspection.items() if not n.startswith("_")}
