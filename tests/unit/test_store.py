"""The tablet's store: what it returned from is there after any death; two layers that always add up."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from field_app import device_db
from field_app.store import Edit, Store
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import Block, Outcome
from tests.sim.dying import DyingDb, Killed
from tests.unit.tablet import AT, FIELD, PROJECT, Rows, answer, comment, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "t")
    yield made
    made.close()


def everything(store: Store) -> list[Any]:
    tables = (
        "journal",
        "pending",
        "ahead",
        "overlay",
        "outcome",
        "draft",
        "comment",
        "other",
        "receipt",
        "scope",
        "block",
    )
    return [store._rows(f'SELECT * FROM "{t}" ORDER BY 1,2,3') for t in tables]


# --- durability ------------------------------------------------------------------------------------------------------


def test_finalize_is_all_or_nothing_at_every_statement(store: Store) -> None:
    store.save_draft(*comment(store, "begun", record=store.new_id()))
    for statements in range(60):
        edits = [comment(store, "one"), comment(store, "two")]
        before, real = everything(store), store._db
        dying = DyingDb(real)
        dying.die_in(statements)
        store._db = dying  # type: ignore[assignment]
        try:
            store.finalize(edits)
        except Killed:
            if real.in_transaction:
                real.execute("ROLLBACK")  # what the next opening of the file would do
            store._db = real
            assert everything(store) == before, f"after {statements} statements"
            continue
        store._db = real
        assert statements > 10 and len(everything(store)[0]) == 2
        return
    pytest.fail("finalize never came through")


def test_apply_pull_is_all_or_nothing_at_every_statement(store: Store) -> None:
    rows = Rows()
    ids = [store.new_id() for _ in range(3)]
    for id in ids:
        rows.put("comment", id, comment(store, "theirs").values)
    for statements in range(60):
        before, real = everything(store), store._db
        dying = DyingDb(real)
        dying.die_in(statements)
        store._db = dying  # type: ignore[assignment]
        try:
            rows.pull(store)
        except Killed:
            if real.in_transaction:
                real.execute("ROLLBACK")
            store._db = real
            assert everything(store) == before and store.cursor(FIELD) == 0, f"after {statements} statements"
            continue
        store._db = real
        assert statements > 5 and store.cursor(FIELD) == 3 and store.digest(FIELD) == rows.digest()
        return
    pytest.fail("the pull never came through")


def test_the_database_promises_durability(store: Store) -> None:
    assert store._rows("PRAGMA journal_mode") == [("wal",)] and store._rows("PRAGMA synchronous") == [(2,)]


def test_drafts_survive_and_go_when_finished(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    edit = comment(store, "草稿")
    store.save_draft(*edit, parent="p")
    store.close()
    store = open_store(tmp_path)
    (draft,) = store.drafts("comment", "p")
    assert (draft.id, draft.scope, draft.values, draft.state) == (edit.record, FIELD, edit.values, "draft")
    store.finalize([edit])
    assert store.drafts() == []
    store.save_draft(*comment(store, record="x"))
    store.drop_draft("x")
    assert store.drafts() == []
    store.close()


FULL = """
import resource, sys
from pathlib import Path
from schemas.problems import Trouble
from tests.unit.tablet import comment, open_store
store = open_store(Path(sys.argv[1]))
store.finalize([comment(store, "before")])
size = max(p.stat().st_size for p in Path(sys.argv[1]).iterdir())
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40_000, resource.RLIM_INFINITY))
try:
    for n in range(1000):
        store.finalize([comment(store, "x" * 5000)])
except Trouble as err:
    print(err.problem.number, n)
kept = len(store.changes())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.finalize([comment(store, "after")])
print(kept, len(store.changes()), store.counts()["pending"])
"""


def test_a_full_disk_is_told_and_later_work_goes_on(tmp_path: Path) -> None:
    out = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "t")], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert out.returncode == 0, out.stderr
    first, second = out.stdout.splitlines()
    number, n = first.split()
    assert number == "5007"  # full or failing: a limit of this kind shows like a bad card
    kept, after, pending = map(int, second.split())
    assert kept == int(n) + 1 and after == pending == kept + 1


@pytest.mark.parametrize(
    ("words", "name", "number"),
    [("database or disk is full", "SQLITE_FULL", 5001), ("disk I/O error", "SQLITE_IOERR_WRITE", 5007),
     ("disk I/O error", "SQLITE_IOERR_FSYNC", 5007), ("attempt to write a readonly database", "SQLITE_READONLY", 5007),
     ("database disk image is malformed", "SQLITE_CORRUPT", 5007)],
)  # fmt: skip
def test_sqlite_errors_of_a_full_or_failing_device(store: Store, words: str, name: str, number: int) -> None:
    real = store._db

    class Full:
        in_transaction = property(lambda _: real.in_transaction)

        def execute(self, sql: str, args: Any = ()) -> Any:
            if sql.startswith("INSERT INTO journal"):
                error = sqlite3.OperationalError(words)
                error.sqlite_errorname = name  # type: ignore[misc]
                raise error
            return real.execute(sql, args)

    store._db = Full()  # type: ignore[assignment]
    with pytest.raises(Trouble) as err:
        store.finalize([comment(store)])
    assert err.value.problem.number == number
    store._db = real
    assert store.changes() == [] and store.all("comment") == []
    store.finalize([comment(store)])


# --- the shape of the database ---------------------------------------------------------------------------------------


def test_migration_copies_first_and_a_failed_one_leaves_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    made = store.finalize([comment(store, "old")])
    store.close()
    now, next_ = device_db.VERSION, device_db.VERSION + 1
    monkeypatch.setattr(device_db, "VERSION", next_)
    monkeypatch.setitem(device_db.MIGRATIONS, next_, "CREATE TABLE later (a TEXT); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(sqlite3.OperationalError):
        Store(tmp_path)
    with sqlite3.connect(tmp_path / "tablet.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (now,)
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name='later'").fetchall()
    db.close()
    monkeypatch.setitem(device_db.MIGRATIONS, next_, "CREATE TABLE later (a TEXT)")
    store = Store(tmp_path)
    assert [c.id for _, _, c in store.changes()] == [made[0].id] and store._rows("PRAGMA user_version") == [(next_,)]
    store.close()
    shutil.copy(tmp_path / f"tablet.v{now}.bak", tmp_path / "copy.db")
    with sqlite3.connect(tmp_path / "copy.db") as db:
        assert db.execute("SELECT id FROM journal").fetchall() == [(made[0].id,)]
    db.close()


def test_a_migration_that_is_cut_before_the_record_tables_grew_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who says to be of a version has its columns."""
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "tablet.db") as db:
        db.execute("ALTER TABLE photo DROP COLUMN file_position")
    db.close()
    now, next_ = device_db.VERSION, device_db.VERSION + 1
    monkeypatch.setattr(device_db, "VERSION", next_)
    monkeypatch.setitem(device_db.MIGRATIONS, next_, "CREATE TABLE later (a TEXT)")
    with monkeypatch.context() as m, pytest.raises(RuntimeError):
        m.setattr(device_db, "TABLES", Died(device_db.TABLES))
        Store(tmp_path)
    with sqlite3.connect(tmp_path / "tablet.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (now,)
    db.close()
    store = Store(tmp_path)
    assert store._rows("SELECT file_position FROM photo") == [] and store._rows("PRAGMA user_version") == [(next_,)]
    store.close()


class Died(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("killed")


def test_an_older_app_does_not_touch_newer_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "tablet.db") as db:
        db.execute("PRAGMA user_version=9")
    db.close()
    with pytest.raises(device_db.NewerDatabase):
        Store(tmp_path)


def test_a_new_field_grows_a_column(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store._db.execute("ALTER TABLE comment DROP COLUMN resolved")
    store.finalize([comment(store)])
    store.close()
    store = open_store(tmp_path)
    rows = Rows()
    rows.put("comment", store.new_id(), comment(store, resolved=True).values)
    rows.pull(store)
    assert store.digest(FIELD) == store.recount_digest(FIELD) == rows.digest()
    store.close()


def test_unknown_types_and_fields_survive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, rows = open_store(tmp_path), Rows()
    id, strange = store.new_id(), store.new_id()
    rows.put("comment", id, comment(store, later_field=["x", {"y": 1}], also_new=True).values)
    rows.put("strange", strange, {"a": 1})
    rows.pull(store)
    assert store.digest(FIELD) == rows.digest() == store.recount_digest(FIELD)
    seen = store.get("comment", id)
    assert seen and seen.values["later_field"] == ["x", {"y": 1}]
    (made,) = store.finalize([Edit("comment", id, FIELD, {**seen.values, "text": "neu"})])
    assert made.after == {"text": "neu"}
    assert store.get("comment", id).values["later_field"] == ["x", {"y": 1}]  # type: ignore[union-attr]
    rows.put("strange", strange, {"a": 2})
    rows.pull(store)
    assert store.digest(FIELD) == rows.digest() == store.recount_digest(FIELD)
    store.close()
    # the update of the app brings the type: its rows move where they belong
    with sqlite3.connect(tmp_path / "tablet.db") as db:
        values = comment(store, "neu").values
        line = evidence.row_line("comment", strange, 9, values)
        db.execute("UPDATE other SET type='comment', line=? WHERE id=?", (line, strange))
    db.close()
    store = open_store(tmp_path)
    assert store._rows("SELECT * FROM other") == [] and store.get("comment", strange).values == values  # type: ignore[union-attr]
    store.close()


# --- rules -----------------------------------------------------------------------------------------------------------


def test_faults_stop_all_edits(store: Store) -> None:
    with pytest.raises(Trouble) as err:
        store.finalize([comment(store), comment(store, at="yesterday")])
    assert err.value.problem.number == 5002 and store.changes() == []
    assert all(err.value.text(lang) and "{" not in err.value.text(lang) for lang in ("zh", "en"))


def test_nothing_changed_makes_no_change(store: Store) -> None:
    edit = comment(store)
    assert len(store.finalize([edit])) == 1 and store.finalize([edit]) == []


def test_deleting_marks(store: Store) -> None:
    edit = comment(store)
    store.finalize([edit])
    (gone,) = store.delete("comment", edit.record, "重复")
    assert gone.after == {"deleted": True, "void_reason": "重复"}
    assert store.all("comment") == [] and len(store.all("comment", deleted=True)) == 1
    assert store.delete("comment", store.new_id(), "x") == []


def test_a_refused_change_leaves_the_view_and_stays_readable(store: Store) -> None:
    rows, id = Rows(), store.new_id()
    rows.put("comment", id, comment(store, "theirs").values)
    rows.pull(store)
    (made,) = store.finalize([comment(store, "mine", id)])
    batch = store.batch(FIELD, 10)
    assert batch and store.get("comment", id).state == "pending"  # type: ignore[union-attr]
    store.acknowledge(batch, answer(store, batch, [(Outcome.REJECTED, None)]))
    seen = store.get("comment", id)
    assert seen and seen.values["text"] == "theirs" and seen.state == "accepted"
    assert [(o[0], o[3]) for o in store.outcomes("rejected")] == [(made.id, "rejected")]
    assert [c.after for _, _, c in store.changes()] == [{"text": "mine"}] and store.counts()["pending"] == 0


def test_the_overlay_stays_until_the_row_is_pulled_even_when_it_comes_with_a_later_page(store: Store) -> None:
    rows, edit = Rows(), comment(store, "one")
    store.finalize([edit])
    batch = store.batch(FIELD, 10)
    assert batch
    seq = rows.put("comment", edit.record, edit.values)
    store.acknowledge(batch, answer(store, batch, [(Outcome.APPLIED, seq)]))
    for _ in range(3):
        rows.put("comment", store.new_id(), comment(store).values)
    rows.put(
        "comment", edit.record, {**edit.values, "resolved": True}
    )  # somebody went on with it: its row moved to the end
    rows.pull(store, limit=2)
    assert store.cursor(FIELD) > seq and store.get("comment", edit.record).values["text"] == "one"  # type: ignore[union-attr]
    rows.pull(store)
    assert store.get("comment", edit.record).values["resolved"] is True  # type: ignore[union-attr]
    assert store._rows("SELECT * FROM ahead") == store._rows("SELECT * FROM overlay") == []


def test_losing_a_scope_drops_pulled_rows_and_keeps_unsent_ones(store: Store) -> None:
    rows, mine = Rows(), comment(store, "mine")
    rows.put("comment", store.new_id(), comment(store, "theirs").values)
    rows.pull(store)
    store.finalize([mine])
    assert store.grant([]) == [FIELD]
    assert [s.values["text"] for s in store.all("comment")] == ["mine"] and store.counts()["pending"] == 1
    assert store.scopes() == [] and store.pending_scopes() == [FIELD] and store.cursor(FIELD) == 0


def test_numbers_never_repeat(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.add_block(Block(use="sample", from_no=11, to_no=15))
    store.add_block(Block(use="sample", from_no=31, to_no=33))
    given = [store.next_number("sample") for _ in range(3)]
    store.add_block(Block(use="sample", from_no=11, to_no=15))  # the same answer, received twice
    store.close()
    store = open_store(tmp_path)
    given += [store.next_number("sample") for _ in range(5)]
    assert given == [11, 12, 13, 14, 15, 31, 32, 33] and store.numbers_left("sample") == 0
    with pytest.raises(Trouble) as err:
        store.next_number("sample")
    assert err.value.problem.number == 5003
    store.close()


def test_an_emptied_list_is_as_absent_as_an_emptied_text(store: Store) -> None:
    record = store.new_id()
    point = {"code": "S1", "site_id": PROJECT, "started_at": AT, "samplers": [PROJECT], "wind": "北"}
    store.finalize([Edit("point", record, FIELD, point)], complete=False)
    store.finalize([Edit("point", record, FIELD, {**point, "samplers": None, "wind": ""})], complete=False)
    seen = store.get("point", record)
    assert seen and not {"samplers", "wind"} & seen.values.keys()
