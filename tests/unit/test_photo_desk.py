"""Photos in the sync centre without a browser: what is listed and why, what a person can do about it, when it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from field_app import diagnostics, pin
from field_app.capture import photo
from field_app.capture.position import NoFix
from field_app.desks import needs
from field_app.desks.pace import FIRST_S
from field_app.state import State
from field_app.store import Edit, Owed, Store
from field_app.sync import Progress, SyncResult
from schemas.problems import Trouble
from tests.photo_files import keep, picture
from tests.unit.tablet import AT, FIELD, PROJECT, open_store

NOW = datetime.fromisoformat("2026-11-28T10:00:00+08:00")
NOTHING: frozenset[str] = frozenset()


class Nowhere:
    async def fix(self) -> None:
        raise NoFix("off")


class Line:
    """Stands for the syncer; `work` is what a sync does."""

    def __init__(self) -> None:
        self.runs = 0
        self.work: Any = lambda tell: None

    def run(self, tell: Any) -> SyncResult:
        self.runs += 1
        self.work(tell)
        return SyncResult(reached=True)

    def reachable(self, url: str) -> bool:
        return True


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path)
    yield made
    made.close()


def shoot(store: Store, n: int) -> Owed:
    sha = keep(store.folder, picture(n, 1000 * n))
    values = {
        "sha256": sha,
        "step": "other",
        "subject_kind": "site",
        "subject_id": PROJECT,
        "taken_at": AT,
        "source": "app_camera",
    }
    store.finalize([Edit("photo", store.new_id(), FIELD, values)], complete=False)
    return next(o for o in store.owed(store.keys.require().person) if o.sha256 == sha)


def test_every_trouble_is_listed_with_reason_and_remedy(store: Store) -> None:
    refused, damaged, missing, _ = (shoot(store, n) for n in (1, 2, 3, 4))
    store.photo_troubled(refused, "refused", Trouble(1307, why={"zh": "图片不完整", "en": "it is cut off"}))
    store.photo_troubled(damaged, "damaged")
    store.photo_troubled(missing, "missing")
    seen = needs.read(store, NOTHING, NOW)
    todos = [t for t in seen.todos if t.kind == "photo"]
    assert (len(todos), seen.urgent) == (3, 3) and all(
        t.why[0] and t.why[1] and t.remedy[0] and t.remedy[1] for t in todos
    )
    assert [t.again for t in todos] == [False, False, True]
    assert todos[2].why == ("文件没有收下：图片不完整", "The file was not accepted: it is cut off")
    assert (seen.media.total, seen.media.waiting, seen.photo_bytes) == (4, 1, 4000)
    assert todos[2].what[0].endswith(" · 其他")
    opened = needs.refused(store, todos[2].id)
    assert opened is not None and opened.made.after["sha256"] == refused.sha256 and opened.todo == todos[2]
    noted = needs.read(store, frozenset({todos[2].id}), NOW)
    assert noted.urgent == 2 and noted.media.refused == 1  # noted, and still counted
    store.photos_again(store.keys.require().person)
    assert needs.refused(store, todos[2].id) is None  # it is another thing now


def test_photos_are_worth_a_try_and_troubled_ones_are_not(store: Store) -> None:
    clock = [1000.0]

    async def body() -> None:
        line = Line()
        state = State(store, line, Nowhere())  # type: ignore[arg-type]
        state.centre._clock = lambda: clock[0]
        state.centre._pace._random = lambda: 0.5
        first, second = shoot(store, 1), shoot(store, 2)
        with store._write() as db:
            db.execute("DELETE FROM pending")  # the records are through
        state.present = True
        await state.load()
        assert state.centre.sendable == 2 and state.counts["photos"] == state.counts["photos_left"] == 2
        await state.centre.tick()
        clock[0] += FIRST_S * 1.5
        await state.centre.tick()
        assert line.runs == 2
        store.photo_there(first)
        store.photo_troubled(second, "refused", Trouble(1307, why="x"))
        await state.load()
        assert state.centre.sendable == 0 and state.counts["photos_left"] == 1
        todo = next(t for t in state.todos if t.kind == "photo")
        await state.centre.open_refused(todo.id)
        assert state.centre.refused is not None
        assert state.centre.refused.picture == photo.thumb(store.folder, second.sha256) is not None  # which one it is
        await state.centre.again(todo.id)
        assert line.runs == 3 and store.media().waiting == 1
        state.close()

    asyncio.run(body())


def test_while_photos_go_out_what_the_records_have_come_to_is_shown(store: Store) -> None:
    async def body() -> None:
        line, shown = Line(), list[int]()
        state = State(store, line, Nowhere())  # type: ignore[arg-type]
        one = shoot(store, 1)
        await state.load()
        assert state.counts["pending"] == 1
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(tell: Any) -> None:
            with store._write() as db:
                db.execute("DELETE FROM pending")
            tell(Progress("photos", FIELD, 0, 1, 0, 0, 500, 1000, 500))
            asyncio.run_coroutine_threadsafe(asyncio.wait_for(looked(), 5), loop).result()
            store.photo_there(one)

        async def looked() -> None:
            while state.counts["pending"]:
                await asyncio.sleep(0.01)
            shown.append(state.counts["photos_left"])
            done.set()

        line.work = work
        await state.sync()
        assert shown == [1] and state.counts["photos_left"] == 0 and done.is_set()
        state.close()

    asyncio.run(body())


def test_an_administrator_is_told_how_many(store: Store) -> None:
    shoot(store, 1)
    told = dict(diagnostics.facts("zh", store, diagnostics.Around(NOW, "", None, ())))
    assert told["photos"].startswith("total 1, there 0, waiting 1")
