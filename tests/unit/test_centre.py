"""The sync centre without a browser: what it lists and why, when it syncs by itself, a conflict decided on a tablet."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from field_app import pin
from field_app.capture.position import NoFix
from field_app.desks import needs
from field_app.desks.clash import lay_out
from field_app.desks.needs import SHOWN, Todo
from field_app.desks.pace import FIRST_S, MOST_S, QUIET_S, Pace
from field_app.state import State
from field_app.store import Edit, Store
from field_app.sync import Syncer, SyncResult
from schemas.problems import PROBLEMS, Trouble
from schemas.rules import evidence
from schemas.wire import Detail, Outcome, PullHead
from tests.api.test_shared_tablet import Site, site
from tests.unit.tablet import AT, FIELD, SERVER, Rows, answer, comment, open_store

assert site  # the fixture
NOW = datetime.fromisoformat("2026-11-28T10:00:00+08:00")


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


class Nowhere:
    async def fix(self) -> None:
        raise NoFix("off")


class Line:
    """Stands for the syncer where only when it is called matters."""

    def __init__(self) -> None:
        self.runs, self.asked, self.near, self.stopped = 0, 0, True, False
        self.result = SyncResult(reached=True)
        self.hold: threading.Event | None = None

    def run(self, progress: Any = None) -> SyncResult:
        self.runs += 1
        if self.hold is not None:
            self.hold.wait(10)
        return self.result

    def stop(self) -> None:
        self.stopped = True
        assert self.hold is not None
        self.hold.set()

    def reachable(self, url: str) -> bool:
        self.asked += 1
        return self.near


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path)
    yield made
    made.close()


def send(store: Store, edits: list[Edit], outcome: Outcome, seq: int | None = None, **detail: Any) -> list[str]:
    """Finalize and note the server's answer to all of it. The ids of the changes."""
    made = store.finalize(edits, complete=False)
    batch = store.batch(FIELD, 1000)
    assert batch is not None
    told = [Detail(id=c.id, outcome=outcome, **detail) for c in made] if outcome != Outcome.APPLIED else []
    runs = [(outcome, seq and seq + n) for n, _ in enumerate(made)]
    store.acknowledge(batch, answer(store, batch, runs, told))
    return [c.id for c in made]


def listed(store: Store, kind: str, seen_ids: frozenset[str] = frozenset()) -> list[Todo]:
    return [t for t in needs.read(store, seen_ids, NOW).todos if t.kind == kind]


# --- receipts ---------------------------------------------------------------------------------------------------------


def test_a_receipt_is_checked_on_the_tablet(store: Store) -> None:
    send(store, [comment(store), comment(store)], Outcome.APPLIED, 1)
    (one,) = needs.read(store, frozenset(), NOW).receipts
    assert one.good and (one.said.first, one.said.last) == (1, 2) and one.scope == "P"
    assert one.short == f"R-20261121-{one.said.receipt[-4:]}"
    kept = store.receipt(one.id)
    assert kept is not None
    for wrong in (
        kept._replace(text=kept.text.replace('"last":2', '"last":3')),
        kept._replace(signature=evidence.sign(evidence.new_key(), kept.text.encode())),
    ):
        assert needs.proof(store, wrong).good is False  # type: ignore[union-attr]
    # well signed, but by a server this tablet is not enrolled with
    other = evidence.new_key()
    text = kept.text.replace(evidence.public_of(SERVER), evidence.public_of(other))
    foreign = kept._replace(text=text, signature=evidence.sign(other, text.encode()))
    assert needs.proof(store, foreign).good is False  # type: ignore[union-attr]
    assert needs.proof(store, kept._replace(text="{}")) is None and needs.proof(store, None) is None


def test_the_last_receipts_first(store: Store) -> None:
    for n in range(needs.RECEIPTS + 2):
        send(store, [comment(store)], Outcome.APPLIED, n + 1)
    firsts = [r.said.first for r in needs.read(store, frozenset(), NOW).receipts]
    assert firsts == [7, 6, 5, 4, 3]


# --- what was returned ------------------------------------------------------------------------------------------------


def test_a_refused_change_says_why_until_it_is_corrected(store: Store) -> None:
    edit = comment(store, "错")
    (id,) = send(store, [edit], Outcome.REJECTED, problem=3001, zh="文字不对", en="wrong words")
    (todo,) = listed(store, "rejected")
    assert todo.why == ("文字不对", "wrong words") and (todo.opens, todo.id) == ("refused", id)
    assert todo.remedy == (PROBLEMS[3001].remedy_zh, PROBLEMS[3001].remedy_en)
    assert needs.read(store, frozenset(), NOW).urgent == 1
    found = needs.refused(store, id)
    assert found is not None and found.made.after["text"] == "错"
    assert listed(store, "rejected", frozenset({id})) == []  # taken note of
    store.finalize([edit._replace(values={**edit.values, "text": "对"})])  # the same record again
    assert listed(store, "rejected") == [] and needs.read(store, frozenset(), NOW).urgent == 0
    assert needs.refused(store, id) is not None  # and stays findable


def test_refused_again_is_told_again(store: Store) -> None:
    edit = comment(store, "错")
    send(store, [edit], Outcome.REJECTED, problem=3001, zh="一", en="1")
    again = edit._replace(values={**edit.values, "text": "还是错"})
    (second,) = send(store, [again], Outcome.REJECTED, problem=3001, zh="二", en="2")
    assert [t.id for t in listed(store, "rejected")] == [second]


def test_long_lists_are_cut_and_counted(store: Store) -> None:
    send(store, [comment(store, str(n)) for n in range(SHOWN + 12)], Outcome.REJECTED, problem=3001, zh="x", en="x")
    picture = needs.read(store, frozenset(), NOW)
    assert (len(picture.todos), picture.more, picture.urgent) == (SHOWN, 12, SHOWN + 12)


def test_what_waits_is_one_line_for_each_reason(store: Store) -> None:
    send(
        store,
        [comment(store, str(n)) for n in range(3)],
        Outcome.PARKED,
        problem=3101,
        zh="等待 point:1",
        missing=["point:1"],
    )
    send(store, [comment(store)], Outcome.PARKED, problem=3003, zh="角色无权", missing=["right:a:b"])
    three, one = listed(store, "parked")
    assert "3" in three.what[0] and "3" in three.what[1] and three.why[0] == "等待 point:1"
    assert one.why[0] == "角色无权" and not one.opens
    assert needs.read(store, frozenset(), NOW).urgent == 0  # nobody has to do anything


# --- sent back by a reviewer ------------------------------------------------------------------------------------------


class Reviewed:
    """A point of somebody's on the server, and reviews of it."""

    def __init__(self, store: Store, samplers: list[str]) -> None:
        self.store, self.rows, self.point = store, Rows(), store.new_id()
        self.values = {
            "code": "S8",
            "outcome": "done",
            "samplers": samplers,
            "site_id": store.new_id(),
            "started_at": AT,
        }
        self.seq = self.rows.put("point", self.point, self.values)

    def review(self, state: str, reason: str | None = "标牌看不清编号") -> str:
        id = self.store.new_id()
        values = {"subject_kind": "point", "subject_id": self.point, "record_seq": self.seq, "state": state, "level": 1,
                  "reason": reason, "person_id": self.store.new_id(), "at": AT}  # fmt: skip
        self.rows.put("review_decision", id, {k: v for k, v in values.items() if v is not None})
        self.rows.pull(self.store)
        return id


def test_what_a_reviewer_sent_back_is_told_to_whose_it_is(store: Store) -> None:
    me = store.keys.require().person
    mine = Reviewed(store, [me])
    mine.review("back")
    (todo,) = listed(store, "rejected")
    assert todo.what[0].endswith("S8") and "标牌看不清编号" in todo.why[0]
    assert (todo.opens, todo.type, todo.record) == ("record", "point", mine.point)
    mine.review("comment")  # a remark changes nothing about it
    assert len(listed(store, "rejected")) == 1
    mine.review("pass", None)
    assert listed(store, "rejected") == []
    mine.review("back", "还是看不清")
    assert "还是看不清" in listed(store, "rejected")[0].why[0]
    mine.rows.put("point", mine.point, {**mine.values, "note": "重拍了"})  # changed since: the reviewer's turn
    mine.rows.pull(store)
    assert listed(store, "rejected") == []


def test_what_was_sent_back_to_others_is_not_ones_own(store: Store) -> None:
    theirs = Reviewed(store, [store.new_id()])
    theirs.review("back")
    assert listed(store, "rejected") == []


def test_what_was_sent_back_and_is_being_corrected_is_done_here(store: Store) -> None:
    mine = Reviewed(store, [store.keys.require().person])
    mine.review("back")
    seen = store.get("point", mine.point)
    assert seen is not None
    store.finalize([Edit("point", mine.point, FIELD, {**seen.values, "note": "重拍了"})], complete=False)
    assert listed(store, "rejected") == []


# --- by itself --------------------------------------------------------------------------------------------------------


def pace() -> Pace:
    return Pace(lambda: 0.5)  # no spread


def test_while_something_waits_the_server_is_tried_ever_more_rarely() -> None:
    p, now, pauses = pace(), 1000.0, []
    assert p.due(now, 3)
    for _ in range(7):
        p.tried(now, False)
        begun = now
        while not p.due(now, 3):
            now += 1
        pauses.append(now - begun)
    assert pauses == [30, 60, 120, 240, 300, 300, 300] and (FIRST_S, MOST_S) == (30, 300)
    p.tried(now, True)
    assert not p.due(now + 29, 1) and p.due(now + 30, 1)  # back to half a minute


def test_with_nothing_to_send_it_is_a_quarter_of_an_hour() -> None:
    p = pace()
    p.tried(0, True)
    assert not p.due(QUIET_S - 1, 0) and p.due(QUIET_S, 0) and QUIET_S == 900
    p.tried(QUIET_S, False)  # not reached: as rarely as ever
    assert not p.due(QUIET_S + 29, 0) and p.due(QUIET_S + 30, 0)


def test_each_pause_is_a_little_different() -> None:
    low, high = Pace(lambda: 0.0), Pace(lambda: 1.0)
    for p in (low, high):
        p.tried(0, False)
    assert low.due(24, 1) and not high.due(35, 1) and high.due(36, 1)


def test_hidden_or_switched_off_it_asks_nothing() -> None:
    p = pace()
    p.hidden()
    assert not p.due(10_000, 5)
    p.shown(10_000)
    assert p.due(10_000, 0)
    p.tried(10_000, True)
    p.hidden()
    p.shown(10_030)  # back a moment later: nothing new
    assert not p.due(10_030, 0)
    p.on = False
    assert not p.due(99_999, 5)


def opened(store: Store, line: Any) -> State:
    state = State(store, line, Nowhere())  # type: ignore[arg-type]
    state.centre._clock = lambda: clock[0]
    return state


clock = [0.0]


def test_it_syncs_by_itself_when_the_server_comes_within_reach(store: Store) -> None:
    line = Line()
    clock[0] = 5000.0

    async def body() -> None:
        state = opened(store, line)
        store.finalize([comment(store)])
        await state.load()
        assert state.centre.sendable == 1
        line.near = False
        await state.centre.tick()
        assert (line.asked, line.runs) == (1, 0)  # out of reach: nothing is started, the page stays calm
        assert state.last_sync is None
        await state.centre.tick()
        assert line.asked == 1  # not again at once
        line.near = True
        clock[0] += 40
        await state.centre.tick()
        assert (line.asked, line.runs) == (2, 1) and state.last_sync is not None
        await state.centre.tick()
        assert line.runs == 1
        state.present = False  # nobody looks
        clock[0] += 1000
        await state.centre.tick()
        state.present = True
        state.centre.hidden()
        await state.centre.tick()
        assert line.asked == 2
        await state.centre.shown()  # back in front
        assert (line.asked, line.runs) == (3, 2)
        clock[0] += 1000
        state.centre.set_auto(False)
        await state.centre.tick()
        await state.centre.shown()
        assert line.asked == 3
        await state._do(lambda: None)
        assert State(store, line, Nowhere()).centre.auto is False  # type: ignore[arg-type]
        state.close()

    asyncio.run(body())


def test_it_does_not_try_again_what_a_person_has_to_do_first(store: Store) -> None:
    line = Line()
    line.result.problems.append(Trouble(2010))

    async def body() -> None:
        state = opened(store, line)
        store.finalize([comment(store)])
        await state.load()
        await state.sync()
        assert state.must_enrol
        clock[0] += 100_000
        await state.centre.tick()
        assert line.asked == 0
        state.close()

    asyncio.run(body())


def test_one_sync_at_a_time_and_finishing_goes_on_meanwhile(store: Store) -> None:
    line = Line()
    line.hold = threading.Event()

    async def body() -> None:
        state = opened(store, line)
        await state.load()
        first = asyncio.ensure_future(state.sync())
        for _ in range(200):
            await asyncio.sleep(0.02)
            if line.runs:
                break
        assert state.centre.running and not state.busy  # nothing else waits for it
        await state.sync()
        await state.centre.tick()
        assert line.runs == 1
        await asyncio.wait_for(state._do(store.save_draft, "comment", store.new_id(), FIELD, {"text": "好"}), 2)
        state.centre.stop()
        assert state.centre.stopping and line.stopped
        await first
        assert not state.centre.running and not state.centre.stopping
        state.close()

    asyncio.run(body())


def test_a_draft_is_kept_quickly_while_a_long_pull_is_written(store: Store) -> None:
    """A page of a thousand rows is one transaction; between two of them there is room."""
    values = {"subject_kind": "point", "subject_id": FIELD[:36], "text": "好", "at": AT}
    over = threading.Event()

    def pull() -> None:
        for page in range(30):
            numbers = range(page * 1000 + 1, page * 1000 + 1001)
            lines = [evidence.row_line("comment", f"01a1fbd4-f500-7000-8000-{n:012x}", n, values) for n in numbers]
            head = PullHead(epoch="e1", cursor=numbers[-1], head=30_000, count=1000, more=page < 29)
            store.apply_pull(FIELD, head, lines)
        over.set()

    other, waits = threading.Thread(target=pull), []
    other.start()
    record = store.new_id()
    while not over.is_set():
        began = time.monotonic()
        store.save_draft("comment", record, FIELD, {**values, "text": str(len(waits))})
        waits.append(time.monotonic() - began)
        time.sleep(0.02)
    other.join()
    assert len(waits) > 10 and max(waits) < 1.0, (len(waits), max(waits))


# --- a conflict, from two tablets to a decision -----------------------------------------------------------------------


class Table:
    """Li's tablet and the manager's, both with the shipped syncer on the real server; a point both wrote into."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.li, self.li_sync = self.tablet("li", site.li)
        self.pm, self.pm_sync = self.tablet("pm", site.pm)
        self.point = self.li.new_id()
        values = {
            "code": "S12",
            "site_id": site.site,
            "outcome": "done",
            "samplers": [site.li],
            "wind": "北",
            "started_at": AT,
        }
        self.li.finalize([Edit("point", self.point, site.field, values)], complete=False)
        self.sync()
        for store, syncer, wind in ((self.pm, self.pm_sync, "南"), (self.li, self.li_sync, "东")):
            seen = store.get("point", self.point)
            assert seen is not None
            store.finalize([Edit("point", self.point, site.field, {**seen.values, "wind": wind})], complete=False)
            syncer.run()
        self.sync()

    def tablet(self, name: str, person: str) -> tuple[Store, Syncer]:
        store, syncer = self.site.tablet(name)
        syncer.enrol("http://sim", self.site.code(person), name)
        assert syncer.run().problems == []
        return store, syncer

    def sync(self) -> None:
        for one in (self.li_sync, self.pm_sync):
            one.run()

    def wind(self, store: Store) -> str:
        seen = store.get("point", self.point)
        assert seen is not None
        return str(seen.values["wind"])


@pytest.fixture
def table(site: Site) -> Iterator[Table]:
    site.service.grant(site.pm, site.project, "sampler")
    made = Table(site)
    yield made
    made.li.close()
    made.pm.close()


def clash_of(store: Store) -> Todo:
    (todo,) = [t for t in needs.read(store, frozenset(), NOW).todos if t.kind == "conflict"]
    return todo


def test_the_sampler_sees_both_values_and_who_decides(table: Table) -> None:
    todo = clash_of(table.li)
    assert "S12" in todo.what[0] and "项目经理" in todo.why[0] and todo.opens == "conflict"
    alone = lay_out(table.li, todo.id)  # without a network
    assert alone is not None and not alone.decides and not alone.told
    assert (alone.now.values, alone.after.values) == ({"wind": "南"}, {"wind": "东"})
    assert alone.after.mine and alone.after.hand is not None and alone.after.hand.person_name == "李"
    assert alone.now.hand is None
    whole = lay_out(table.li, todo.id, table.li_sync.conflict(todo.id))
    assert whole is not None and whole.now.hand is not None and whole.now.hand.person_name == "经理"
    assert whole.now.hand.device_code == table.pm.keys.require().device_code and not whole.decides
    with pytest.raises(Trouble) as told:
        table.li_sync.decide(todo.id, "take_after", "我对")
    assert told.value.problem.number == 2003


def test_the_manager_decides_on_a_tablet_and_it_is_gone_everywhere(table: Table) -> None:
    id = clash_of(table.pm).id
    state = State(table.pm, table.pm_sync, Nowhere())  # type: ignore[arg-type]

    async def body() -> None:
        table.pm.keys.set_pin(table.pm.keys.require().enrolment, "246810")
        await state.admit(state.turn)  # past the locked screen
        await state.load()
        state.go("conflict", id=id)
        await state.centre.open_clash(id)
        clash = state.centre.clash
        assert clash is not None and clash.decides and clash.told and clash.after.hand is not None
        assert clash.after.hand.person_name == "李" and not clash.after.mine
        assert not state.centre.ready
        await state.centre.decide()  # without choice and reason nothing happens
        state.centre.give(choice="take_after")
        assert not state.centre.ready
        state.centre.give(reason="现场核实过")
        await state._do(lambda: None)
        again = State(table.pm, table.pm_sync, Nowhere())  # type: ignore[arg-type]
        await again.centre.open_clash(id)
        assert again.centre.given == {"id": id, "choice": "take_after", "reason": "现场核实过"}  # kept over a kill
        assert state.centre.ready
        await state.centre.decide()
        assert state.route != "conflict" and state.notice is not None and state.notice.kind == "done"
        assert state.todos == ()
        state.close()
        again.close()

    asyncio.run(body())
    assert table.wind(table.pm) == "东"
    table.sync()
    assert table.wind(table.li) == "东" and needs.read(table.li, frozenset(), NOW).todos == ()
    (conflict,) = table.site.service.records("conflict", table.site.field)
    assert conflict.values["decided_by"] == table.site.pm and conflict.values["reason"] == "现场核实过"
    done = lay_out(table.li, id)
    assert done is not None and done.choice == "take_after"


def test_without_a_connection_nothing_is_decided_and_the_page_says_so(table: Table) -> None:
    id = clash_of(table.pm).id
    table.pm.keys.save(table.pm.keys.require()._replace(server_url="http://127.0.0.1:9"))
    state = State(table.pm, Syncer(table.pm, pause=lambda _: None), Nowhere())  # type: ignore[arg-type]

    async def body() -> None:
        await state.load()
        await state.centre.open_clash(id)
        assert state.centre.clash is not None and state.centre.clash.decides  # by the roles known here
        assert state.centre.trouble is not None and state.centre.trouble.problem.number == 5004
        state.centre.give(choice="keep_now", reason="看过")
        assert not state.centre.ready
        await state.centre.decide()
        state.close()

    asyncio.run(body())
    (conflict,) = table.site.service.records("conflict", table.site.field)
    assert "choice" not in conflict.values


def test_a_refused_visit_is_taken_back_as_a_draft(tmp_path: Path) -> None:
    from tests.ui import seed

    store = Store(tmp_path / "seeded")
    seed.fill(store)
    planned = seed.uid(1, 15)
    values = {"planned_point_id": planned, "code": "S15", "site_id": seed.SITE, "outcome": "done", "samplers": [seed.PERSON],
              "started_at": AT}  # fmt: skip
    remark = Edit("comment", store.new_id(), seed.FIELD, comment(store, "错").values)
    made, note = store.finalize([Edit("point", store.new_id(), seed.FIELD, values), remark], complete=False)
    batch = store.batch(seed.FIELD, 10)
    assert batch is not None
    details = [
        Detail(id=c.id, outcome=Outcome.REJECTED, problem=3001, zh="缺深度", en="no depth") for c in (made, note)
    ]
    store.acknowledge(batch, answer(store, batch, [(Outcome.REJECTED, None)] * 2, details))
    state = State(store, Line(), Nowhere())  # type: ignore[arg-type]

    async def body() -> None:
        await state.load()
        await state.centre.open_refused(made.id)
        assert state.centre.refused is not None and state.centre.takes_back(made)
        await state.centre.take_back(made.id)
        assert state.route == "point" and state.visit is not None and state.visit.point["code"] == "S15"
        await state.centre.take_back(note.id)  # what is no visit comes back in its form, with the same id
        assert (state.route, state.args["type"], state.args["id"]) == ("form", "comment", note.record)
        state.close()

    asyncio.run(body())
    (draft,) = store.drafts("point")
    assert draft.id == made.record and draft.values["planned_point_id"] == planned
    (draft,) = store.drafts("comment")
    assert draft.id == note.record and draft.values["text"] == "错"
    store.close()
