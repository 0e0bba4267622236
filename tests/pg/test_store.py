"""One store, two databases: every statement answers alike, and every promise of the store holds on both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from sqlalchemy import inspect

from schemas.problems import Trouble
from schemas.records import TABLES
from schemas.rows import codec
from schemas.rules.evidence import row_hash, row_line
from sync_server.store import BlobRow, DeviceKey, Journaled, SourceRow, Store, Stored, Tx, UploadRow, open_engine
from sync_server.store import tables as t
from tests.pg import Cluster, database, rooms

BYTES = bytes(range(256))
# the order of code points is neither a dictionary's nor that of UTF-16
WORDS = [
    "a",
    "B",
    "Z",
    "b",
    "é",
    "z",
    "ä",
    "一",
    "丁",
    "中",
    "文",
    "\ufffd",
    "𠮷",
    "𣲵",
    "😀",
    "-",
    "_",
    "a b",
    "ab",
    "A1",
    "a1",
    "",
]
FIELD, HOME = "p1.field", "o1.organisation"
AT = "2026-11-21T10:00:00+08:00"


def journaled(n: int, **other: Any) -> Journaled:
    row = Journaled(
        FIELD, "e1", n, f"c{n}", "point", f"r{n}", BYTES, BYTES[:32], "proven", "applied", n, None, None, AT
    )
    return row._replace(**other)


def key(n: int, **other: Any) -> DeviceKey:
    row = DeviceKey(f"e{n}", f"d{n}", f"A{n}", "x1", f"public{n}", "salt", "enrolled", None, None, None)
    return row._replace(**other)


def point(id: str, seq: int, scope: str = FIELD, **values: Any) -> Stored:
    return Stored("point", id, scope, seq, {"code": "S1", **values})


class Told:
    """Calls statements of a transaction and keeps what they answered, in an order that does not depend on the database
    where none was promised."""

    def __init__(self, tx: Tx) -> None:
        self._tx, self.answers = tx, list[tuple[str, Any]]()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            answer = getattr(self._tx, name)(*args, **more)
            answer = list(answer) if isinstance(answer, Iterator) else answer
            self.answers.append((name, sorted(answer) if name in ("memberships",) else answer))
            return answer

        return call


def work(tx: Any) -> None:
    """Every statement there is, each with something to find and with nothing."""
    for name in (
        "setting",
        "account",
        "account_of",
        "refresh",
        "code",
        "key",
        "key_of",
        "session",
        "decision",
        "scope",
    ):
        assert getattr(tx, name)("nothing") is None
    tx.turn("one")
    for value in ("1", "", "二"):
        tx.set_setting("k", value)
        tx.setting("k")
    # scopes
    for scope, owner, audience in (
        (FIELD, "p1", "field"),
        (HOME, "o1", "organisation"),
        ("p1.enforcement", "p1", "enforcement"),
    ):
        tx.add_scope(scope, owner, audience)
    tx.move_scope(FIELD, 2**53, 2**256 - 1)
    tx.scopes()
    tx.scopes("p1")
    tx.scope(FIELD)
    tx.move_scope(FIELD, 9, -1)  # sums are taken modulo 2**256
    tx.scope(FIELD, lock=True)
    tx.set_digest(FIELD, 5)
    tx.set_seq(FIELD, 2**53 + 1)
    tx.schema_version()
    tx.scope(FIELD)
    # records
    rows = [point("r1", 1, wind="北", later={"a": [1, None, "x"]}), point("r2", 4, deleted=True, void_reason="错"),
            point("r3", 3, samplers=["x1", "x2"], air_temp_c="-1.50")]  # fmt: skip
    tx.put(rows, [])
    tx.put([Stored("comment", "r4", FIELD, 2, {"subject_kind": "point", "subject_id": "r1", "text": "", "at": AT})], [])
    tx.put([], [point("r1", 7, wind=None, later={"b": True})])
    tx.add_records({"point": [codec("point").to_row("r5", HOME, 1, {"code": "\\t\t\n\r\\N", "samplers": ["x"]})]})
    tx.add_records({})
    tx.rewrite_records({"point": [codec("point").to_row("r5", HOME, 2, {"code": "x", "air_temp_c": "1.5"})]})
    tx.load("point", ["r5", "no"])
    tx.scopes_named([FIELD, "no"])
    tx.scopes_named([])
    for down in (True, False):
        tx.records_beyond("point", FIELD, 3, 1, down)
    for cursor, limit in ((0, 1000), (2, 2), (3, 1), (7, 10)):
        tx.changed_since(FIELD, cursor, limit)
    tx.changed_since(HOME, 0, 10)
    tx.types_of(["r1", "r4", "no"])
    tx.load("point", ["r2"])
    tx.of_scope("point", FIELD)
    tx.of_scope("point", FIELD, code="S1", deleted=True)
    tx.of_scope("point", HOME)
    tx.of_scope_since("point", FIELD, 3)
    tx.everywhere("point")
    tx.everywhere("point", code="S9")
    tx.rows_of("point", FIELD)
    tx.recount(FIELD)
    tx.row_scopes()
    tx.typed_of(FIELD)
    tx.set_type_of("r1", "sample", HOME)
    tx.types_of(["r1"])
    # journal and chains
    tx.add_journal([])
    parked = {"outcome": "parked", "seq": None, "problem": 3101, "detail": '{"missing": ["point:一"]}'}
    tx.add_journal([journaled(n) for n in (1, 2, 3)] + [journaled(4, record="r1", **parked)])
    tx.add_journal([journaled(5, proof="unproven", enrolment="e2", pos=2**53), journaled(6, enrolment="console")])
    tx.add_journal([journaled(7, id="c7", **parked)])
    tx.wait_for("c4", FIELD, ["point:一", "right:x1:p1", "point:一"])
    tx.wait_for("c7", FIELD, ["point:一"])
    tx.wait_for("c7", HOME, ["point:二"])
    tx.wait_for("c9", FIELD, ["x"])
    tx.wait_for("c9", FIELD, [])
    tx.waiting_for(["point:一", "no", "point:二"])
    tx.waiting_for([])
    tx.waits_of(FIELD)
    for held in (True, False):
        tx.parked_count([FIELD, HOME], held)
        tx.parked_page([FIELD, HOME], held)
    tx.parked_page([FIELD], True, 0, 1)
    tx.parked(FIELD)
    tx.parked_of("x1", [FIELD, HOME])
    tx.parked_of("nobody", [])
    tx.has_parked(FIELD)
    tx.has_parked(HOME)
    tx.decide("c4", True, "x1", AT, "理由")
    tx.change_decision("c4", False, "x1", AT, "")
    tx.decision("c4")
    tx.decisions(["c4", "no"])
    tx.set_outcome("c4", "rejected", None, 3001, "为何")
    tx.set_outcome("c7", "applied", 8, None, None)
    tx.journaled(["c4", "c7", "no"])
    tx.journaled([])
    tx.history("r1")
    tx.histories(["r1", "r2", "no"])
    tx.links_between("e1", FIELD, 2, 3)
    tx.links_at("e1", FIELD, (0, 2))
    tx.outcomes_between("e1", FIELD, 1, 3)
    tx.lines_since(FIELD, 2)
    tx.journal_by_seq(FIELD)
    tx.journal_by_chain("e1", FIELD)
    tx.enrolments_in(FIELD)
    tx.chain("e1", FIELD)
    tx.set_chain("e1", FIELD, 3, BYTES, new=True)
    tx.set_chain("e1", FIELD, 2**53, BYTES[::-1], new=False)
    tx.put_chain("e1", FIELD, 4, BYTES)
    tx.put_chain("e2", FIELD, 1, b"")
    tx.chain("e1", FIELD)
    tx.chains_of(FIELD)
    for _ in range(2):  # a second time the same is no second fork
        tx.add_fork("e1", FIELD, 3, [("f1", BYTES), ("", b"\0")], AT, '{"first": 3}')
    tx.fork_lines(FIELD)
    tx.fork_lines(HOME)
    tx.referring("comment", "subject_id", ["r1", "no"], [FIELD, HOME])
    tx.referring("comment", "subject_id", [], [FIELD])
    tx.pointing("point", "samplers", FIELD)
    tx.pointing("point", "samplers", "none")
    tx.unsettled(FIELD)
    tx.taken_lines(FIELD)
    tx.places_of(["r1", "r2", "no"])
    tx.places_of([])
    tx.chain_weight("e1", FIELD)
    tx.chain_weight("no", FIELD)
    tx.broken_positions("e1", FIELD)
    tx.forks([FIELD])
    tx.forks([FIELD], ("e1", FIELD))
    tx.forks_of(FIELD)
    tx.unproven([FIELD], ("", ""), 5)
    tx.add_receipt("i1", FIELD, "e1", "文", "s", "{}")
    tx.receipts_of("e1", FIELD)
    # epochs
    tx.add_epoch("p", AT, None, {})
    tx.add_epoch("q", AT, "p", {FIELD: 2**53})
    tx.epochs()
    tx.epoch_name()
    tx.set_setting("epoch", "q")
    tx.epoch_name()
    seen = {"scope": FIELD, "record": "r1", "type": "point", "epoch": "p", "enrolment": "e1", "received_at": AT}
    for seq in (5, 2**40, 7):  # the newest stays
        tx.add_seen([{**seen, "seq": seq, "line": BYTES}])
    tx.add_seen([{**seen, "epoch": "o", "seq": 6, "line": BYTES}])
    tx.seen_rows(FIELD)
    tx.settle_seen(FIELD, "r1", AT)
    tx.seen_rows(FIELD)
    for seq in (7, 2**62):
        tx.add_seen([{**seen, "seq": seq, "line": BYTES}])
        tx.seen_rows(FIELD)
    # people
    tx.add_account("x1", "甲", "hash")
    tx.account("甲")
    tx.set_account("x1", disabled=True)
    tx.account_of("x1")
    tx.accounts()
    for role in ("sampler", "sampler", "admin"):
        tx.add_membership("x1", "p1", role)
    tx.memberships("x1")
    tx.all_memberships()
    tx.all_memberships("p1")
    for owners in (["p1", "o1"], ["nobody's"], []):
        tx.members_of(owners)
    tx.drop_membership("x1", "p1", "admin")
    tx.memberships("x1")
    tx.add_refresh("h1", "f1", "x1", 2**53)
    tx.refresh("h1")
    for _ in range(2):
        tx.use_refresh("h1")
    tx.refresh("h1")
    tx.drop_family("f1")
    tx.use_refresh("h1")
    tx.add_code("h2", "x1", "field", "x2", 2**53)
    for who in ("e1", "e2"):
        tx.use_code("h2", who)
    tx.code("h2")
    tx.add_key(key(2))
    tx.add_key(key(1, last_seen=AT, pending=2**53, app_version="0.1"))
    tx.key_was_here("e2", AT, 3)
    tx.set_key("e2", pending=2**53, state="revoked")
    tx.key("e2")
    tx.key_of("public1")
    tx.device_keys()
    for use, size in (("sample", 10), ("sample", 1), ("device", 3)):
        tx.take_numbers(use, size)
    for use, up_to in (("sample", 5), ("sample", 2**53), ("custody", 4)):
        tx.skip_numbers(use, up_to)
    tx.raise_numbers("custody", 6)
    tx.raise_numbers("manifest", 2)
    tx.take_numbers("sample", 2)
    tx.numbers_given()
    for jti, now in (("j1", 0), ("j1", 0), ("j2", 50), ("j1", 60)):  # j1 counted once, and is forgotten when it ended
        tx.first_use(jti, now + 40, now)
    tx.add_session("s1", "x1", "甲", 0, 100)
    tx.add_session("s2", "x1", "甲", 101, 2**53)
    tx.session("s1")
    tx.touch_session("s2", 500)
    tx.session("s2")
    tx.drop_session("s2")
    tx.session("s2")
    for now in (0, 50, 101):
        tx.throttle("t1")
        tx.set_throttles({"t1": 100, "t2": 2**53, "t3": 0}, now)
    tx.throttle("t1")
    tx.throttle("t2")
    tx.end_sign_ins("x1")
    tx.end_sign_ins()
    # files
    for sha, exif in (("ab", None), ("aa", None), ("ac", "{}"), ("ab", "x")):  # the second of one is not taken
        tx.add_blob(BlobRow(sha, 2**53, "other" if exif else "jpg", "照片.jpg", AT, exif))
    tx.blob("ab")
    tx.blob("no")
    tx.blobs_named(["ab", "aa", "no"])
    tx.blobs_named([])
    for scope, person in ((FIELD, "x1"), (HOME, "x1"), (FIELD, "x1"), (FIELD, "x2")):
        tx.add_blob_source(SourceRow("ab", scope, person, None if person == "x2" else "e1", "a.jpg", AT))
    tx.blob_sources("ab")
    tx.blob_sources("no")
    photos = [Stored("photo", f"f{n}", FIELD, 2**41 + n, {"sha256": s}) for n, s in enumerate(("ab", "ab", "ad", "aa"))]
    tx.put(photos, [])
    for sha in ("ab", "no"):
        tx.scopes_naming(sha)
    for scope in (FIELD, HOME):
        tx.media_of(scope)
    for limit in (1, 10):
        tx.blobs_unread(limit)
    tx.set_exif("aa", '{"camera": "相机"}')
    tx.blob("aa")
    tx.blobs_unread(10)
    for n in range(3):
        tx.add_upload(UploadRow(f"u{n}", "ab", 2**53, n, "a.jpg", FIELD, "x1", "e1" if n else None, 100 * n, "x"))
    tx.uploads()
    tx.uploads_of("x1", 100)
    tx.uploads_of("x2", 0)
    tx.uploads_ended(100)
    tx.move_upload("u1", 2**52, 2**53)
    tx.upload("u1")
    tx.upload("no")
    for id in ("u1", "u1"):
        tx.drop_upload(id)
    tx.set_backed_up(AT, "甲.tar", "q", {FIELD: 3})
    tx.backed_up()
    for n in range(3):
        tx.note(AT, "x1", "grant", f"p{n % 2}", role="采样", n=n)
    tx.note(AT, "x1", "bare", "p1")
    tx.notes()
    tx.notes("p1", 1)
    tx.state()
    tx.guards_missing()
    tx.put_guards()
    # photos as a whole
    tx.add_records({"photo": [codec("photo").to_row(f"ph{n}", scope, n, {"sha256": sha})
                              for n, (scope, sha) in enumerate(((FIELD, "b"), (FIELD, "a"), (FIELD, "a"), (HOME, "a")))]})  # fmt: skip
    for sha, scope, person in (("b", FIELD, "x1"), ("a", FIELD, "x1"), ("a", FIELD, "x2"), ("a", HOME, "x1")):
        tx.add_blob_source(SourceRow(sha, scope, person, None, "名.jpg", AT))
        tx.add_blob(BlobRow(sha, 2**40, "jpg", "名.jpg", AT, None))
    tx.blob_hashes()
    tx.photos_named()
    tx.media_count(FIELD)
    tx.media_here(FIELD)
    tx.media_here("no")
    tx.makers_of(["r1", "r2", "no"])
    tx.makers_of([])


ROOMS = [import_module(f"tests.pg.rooms.{found.name}") for found in iter_modules(rooms.__path__)]


def statements() -> set[str]:
    return {name for name in dir(Tx) if not name.startswith("_") and callable(getattr(Tx, name))}


def test_every_statement_answers_the_same_on_both(tmp_path: Path, pg_store: Store) -> None:
    small = Store(open_engine(f"sqlite:///{tmp_path / 'small.db'}"))
    small.create()
    told = {}
    for name, store in (("sqlite", small), ("postgresql", pg_store)):
        with store.writing() as tx:
            told[name] = Told(tx)
            work(told[name])
            for room in ROOMS:
                room.work(told[name])
    assert {name for name, _ in told["sqlite"].answers} == statements(), "each statement is asked here"
    for ours, theirs in zip(told["sqlite"].answers, told["postgresql"].answers, strict=True):
        assert ours == theirs
        assert _kinds(ours) == _kinds(theirs)  # 1 and True are equal, bytes and memoryview too
    small.close()


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _kinds(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_kinds(v) for v in value]
    return type(value)


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_exact_bytes(store: Store) -> None:
    with store.writing() as tx:
        tx.add_scope(FIELD, "p1", "field")
        tx.add_journal([journaled(1, line=BYTES, link=BYTES[::-1])])
        tx.set_chain("e1", FIELD, 1, BYTES, new=True)
        tx.add_fork("e1", FIELD, 1, [("f", BYTES)], AT)
        tx.add_seen([{"scope": FIELD, "record": "r", "type": "point", "epoch": "q", "seq": 1, "line": BYTES,
                      "enrolment": "e1", "received_at": AT}])  # fmt: skip
    with store.reading() as tx:
        (line,) = tx.history("r1")
        assert (line.line, line.link, type(line.line)) == (BYTES, BYTES[::-1], bytes)
        assert tx.chain("e1", FIELD) == (1, BYTES)
        assert tx.seen_rows(FIELD)[0]["line"] == BYTES
        assert tx.conn.execute(t.fork.select()).one().line == BYTES


def test_text_is_ordered_by_code_point(store: Store) -> None:
    """As Python sorts, and as every page of a list must that goes on after its last key."""
    with store.writing() as tx:
        tx.put([point(w, n, scope="一.field") for n, w in enumerate(WORDS, start=1)], [])
        for n, w in enumerate(WORDS):
            tx.add_scope(w, "p1", "field")
            tx.take_numbers(w, 1)
            tx.add_key(key(n, device_code=w))
            tx.add_account(f"x{n}", w, "hash")
            tx.add_receipt(w, FIELD, "e1", "", "", "")
    with store.reading() as tx:
        wanted = sorted(WORDS)
        assert [s.id for s in tx.of_scope("point", "一.field")] == wanted
        assert [s.id for s in tx.everywhere("point")] == wanted
        assert [s.id for s in tx.rows_of("point", "一.field")] == wanted[1:]  # an id is never empty
        assert [s.id for s in tx.scopes()] == wanted
        assert list(tx.numbers_given()) == wanted
        assert [k.device_code for k in tx.device_keys()] == wanted
        assert [a["username"] for a in tx.accounts()] == wanted
        assert [r["id"] for r in tx.receipts_of("e1", FIELD)] == wanted[1:]


def test_no_column_follows_the_databases_own_order(pg: Cluster) -> None:
    """A comparison or an index of such a column would depend on how an administrator made the database."""
    found = pg.sql("""SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_collation o ON o.oid = a.attcollation WHERE c.relnamespace = 'public'::regnamespace AND o.collname <> 'C'
        AND c.relkind IN ('r', 'i')""", "jingtu_empty")  # fmt: skip
    contents = {
        "setting.value",
        "journal.detail",
        "receipt.text",
        "receipt.claim",
        "fork.claim",
        "decision.reason",
        "epoch.heads",
        "audit.detail",
        "blob.exif",
        "upload.metadata",
        "plan_draft.options",
        "export_job.wish",
        "export_job.scopes",
        "export_job.counts",
        "export_job.words",
    }
    assert {name for (name,) in found} <= contents  # never compared, only carried


def test_values_come_back_as_they_were(store: Store) -> None:
    values: dict[str, Any] = {
        "code": "", "wind": " 北 ", "deleted": False, "samplers": [], "air_temp_c": "-0.0", "reason_text": "'\";--\n\t\\%s %(x)s ?:a",
        "later": {"z": [1, -(2**63), 2**63 - 1, None, True, "\\u0000", "😀"], "": {}}, "much": "长" * 300_000,
    }  # fmt: skip
    with store.writing() as tx:
        tx.put([point("r1", 2**62, **values)], [])
        tx.put([Stored("plan", "r2", FIELD, 2**62 + 1, {"version": 2**63 - 1, "title": "t"})], [])
    with store.reading() as tx:
        (row,) = tx.load("point", ["r1"])
        assert row == point("r1", 2**62, **values)
        assert row.values["deleted"] is False
        assert tx.load("plan", ["r2"])[0].values == {"version": 2**63 - 1, "title": "t"}
        assert row_hash(row_line(*row[:2], row.seq, row.values)) == row_hash(
            row_line("point", "r1", 2**62, values | {"code": ""})
        )


def test_what_changed_comes_in_the_order_it_changed(store: Store) -> None:
    """Over all types, page by page, without a hole at the edges."""
    types = sorted(TABLES)
    rows = [Stored(types[n * 7 % len(types)], f"r{n}", FIELD, n, {}) for n in range(1, 201)]
    with store.writing() as tx:
        tx.put(reversed(rows), [])
        tx.put([Stored("point", "elsewhere", HOME, 5, {})], [])
    with store.reading() as tx:
        got, cursor = list[Stored](), 0
        while page := tx.changed_since(FIELD, cursor, 7):
            got, cursor = got + page, page[-1].seq
        assert [(s.type, s.id, s.seq) for s in got] == [(s.type, s.id, s.seq) for s in rows]


def test_the_digest_is_kept_whole(store: Store) -> None:
    with store.writing() as tx:
        tx.add_scope(FIELD, "p1", "field")
        for digest in (0, 1, 2**255 + 7, 2**256 - 1):
            tx.move_scope(FIELD, 1, digest)
            row = tx.scope(FIELD)
            assert row is not None and row.digest == digest


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_no_database_can_hold_is_a_problem(pg_store: Store, text: str) -> None:
    for ask in (lambda tx: tx.account(text), lambda tx: tx.put([point("r1", 1, wind=text)], [])):
        with pytest.raises(Trouble) as told, pg_store.writing() as tx:
            ask(tx)
        assert told.value.problem.number == 1001


# --- transactions ----------------------------------------------------------------------------------------------------


def test_all_or_nothing(store: Store) -> None:
    followed = []
    with pytest.raises(ZeroDivisionError), store.writing() as tx:
        tx.set_setting("k", "1")
        tx.after_commit.append(lambda: followed.append(1))
        raise ZeroDivisionError
    with store.reading() as tx:
        assert tx.setting("k") is None
    assert not followed


def test_what_follows_a_commit_is_not_forgotten(store: Store) -> None:
    """It cannot undo the commit; if the database was busy just then, it is tried again after the next one."""
    seen, busy = list[str | None](), [True]

    def follow() -> None:
        if busy.pop() if busy else False:
            raise Trouble(1101)
        with store.reading() as tx:
            seen.append(tx.setting("k"))

    with store.writing() as tx:
        tx.set_setting("k", "1")
        tx.after_commit.append(follow)
    assert not seen
    with store.writing() as tx:
        tx.set_setting("other", "1")
    assert seen == ["1"]
    with store.writing() as tx:
        tx.set_setting("other", "2")
    assert seen == ["1"]


def test_a_reader_sees_one_moment(store: Store) -> None:
    """While writers commit between its statements."""
    with store.writing() as tx:
        tx.add_scope(FIELD, "p1", "field")
    with ThreadPoolExecutor(1) as other, store.reading() as reader:
        for seq in (1, 2, 3):
            found = reader.scope(FIELD)
            assert found is not None and found.seq == 0 and reader.changed_since(FIELD, 0, 10) == []

            def more(seq: int = seq) -> None:
                with store.writing() as tx:
                    tx.scope(FIELD, lock=True)
                    tx.put([point(f"r{seq}", seq)], [])
                    tx.move_scope(FIELD, seq, seq)

            other.submit(more).result(20)
    with store.reading() as tx:
        assert [s.seq for s in tx.changed_since(FIELD, 0, 10)] == [1, 2, 3]


def test_a_reader_cannot_write(pg_store: Store) -> None:
    with pytest.raises(Trouble) as told, pg_store.reading() as tx:
        tx.set_setting("k", "1")
    assert told.value.problem.number == 1103  # the same answer as of a database that stands by for another


# --- many at once ----------------------------------------------------------------------------------------------------

CROWD = 12


def at_once(do: Callable[[int], Any], many: int = CROWD) -> list[Any]:
    """What each of `many` threads got, all let go at the same moment; or the number of the problem it met."""
    gate = threading.Barrier(many)

    def one(n: int) -> Any:
        gate.wait(20)
        try:
            return do(n)
        except Trouble as err:
            return err

    with ThreadPoolExecutor(many) as threads:
        return list(threads.map(one, range(many)))


def writes(store: Store, ask: Callable[[Tx], Any]) -> Callable[[int], Any]:
    def do(_: int) -> Any:
        with store.writing() as tx:
            return ask(tx)

    return do


def test_no_number_is_handed_out_twice(store: Store) -> None:
    """Not even the first of a use, for which there is no row yet."""
    got = [
        first + n
        for use in range(3)
        for first in at_once(writes(store, lambda tx, u=use: tx.take_numbers(f"u{u}", 5)))
        for n in range(5)
    ]
    assert sorted(got) == sorted(list(range(1, CROWD * 5 + 1)) * 3)


def test_an_assertion_counts_once(store: Store) -> None:
    for n in range(5):
        got = at_once(writes(store, lambda tx, n=n: tx.first_use(f"j{n}", 100, 0)))
        assert sorted(got) == [False] * (CROWD - 1) + [True]


def test_a_role_is_given_once(store: Store) -> None:
    got = at_once(writes(store, lambda tx: tx.add_membership("x", "p", "sampler")))
    assert sorted(got) == [False] * (CROWD - 1) + [True]


def test_a_code_and_a_token_are_used_once(store: Store) -> None:
    with store.writing() as tx:
        tx.add_code("h", "x", "field", "y", 100)
        tx.add_refresh("h", "f", "x", 100)
    for ask in (lambda tx: tx.use_code("h", "e"), lambda tx: tx.use_refresh("h")):
        assert sorted(at_once(writes(store, ask))) == [False] * (CROWD - 1) + [True]


def test_rewriting_the_same_rows_at_once_is_no_problem(store: Store) -> None:
    """Each rewrites rows others rewrite, and clears out what ended: nobody is turned away."""

    def settings(n: int) -> None:
        with store.writing() as tx:
            tx.set_setting("k", str(n))

    def sessions(n: int) -> None:
        for now in range(5):
            with store.writing() as tx:
                tx.add_session(f"s{n}.{now}", "x", "u", now, now)

    def throttles(n: int) -> None:
        for now in range(5):
            with store.writing() as tx:
                for name in ("a", "b", f"c{n % 3}"):
                    tx.throttle(name)
                tx.set_throttles({"a": now + 1, f"c{n % 3}": now, "b": now + n % 2}, now)

    for do in (settings, sessions, throttles):
        assert at_once(do) == [None] * CROWD


def test_a_crowd_larger_than_the_pool_waits_its_turn(store: Store) -> None:
    many = 60
    got = at_once(writes(store, lambda tx: tx.take_numbers("u", 1)), many)
    assert sorted(got) == list(range(1, many + 1))


# --- the beginning ---------------------------------------------------------------------------------------------------


def test_a_bare_database_is_made_by_several_at_once() -> None:
    with database(template=None) as url:
        stores = [Store(open_engine(url)) for _ in range(3)]
        assert at_once(lambda n: stores[n].create(), 3) == [None] * 3
        with stores[0].reading() as tx:
            assert tx.setting("schema") and tx.scopes() == []
        for store in stores:
            store.close()


def test_a_file_is_entered_once(store: Store) -> None:
    """However many bring it at the same moment."""
    row = BlobRow("ab", 9, "jpg", "a.jpg", AT, None)
    assert sorted(at_once(writes(store, lambda tx: tx.add_blob(row)))) == [False] * (CROWD - 1) + [True]
    source = SourceRow("ab", FIELD, "x", None, "a.jpg", AT)
    assert sorted(at_once(writes(store, lambda tx: tx.add_blob_source(source)))) == [False] * (CROWD - 1) + [True]


def test_the_files_of_before_version_4_can_be_looked_up(store: Store) -> None:
    """Version 3 → 4: the index by which photo records are found by their file."""

    def known() -> set[str]:
        with store.engine.connect().execution_options(reading=True) as conn, conn.begin():
            return {str(index["name"]) for index in inspect(conn).get_indexes("photo")}

    assert "photo_sha256" in known()  # of a database that is new
    with store.engine.begin() as conn:
        conn.exec_driver_sql("DROP INDEX photo_sha256")
        conn.exec_driver_sql("UPDATE setting SET value='3' WHERE key='schema'")
    store.create()
    assert "photo_sha256" in known()


def test_indexes_of_before_go_and_todays_come(store: Store) -> None:
    """Version 2 → 3, from what 2 looked like."""

    def indexes() -> set[str]:
        with store.engine.connect().execution_options(reading=True) as conn, conn.begin():
            found = inspect(conn).get_multi_indexes()
        return {str(index["name"]) for of_table in found.values() for index in of_table}

    def do(*statements: str) -> None:
        with store.engine.begin() as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)

    new = {str(i.name) for table in TABLES.values() for i in table.indexes} | {"journal_seq", "journal_parked"}
    former = {f"ix_{type}_{column}" for type in TABLES for column in ("scope", "seq")} | {"journal_outcome"}
    today = indexes()
    assert new <= today and not former & today
    with store.writing() as tx:
        tx.put([point("r1", 1)], [])
    do(*[f'DROP INDEX "{name}"' for name in sorted(new)],
       *[f'CREATE INDEX "ix_{type}_{column}" ON "{type}" ({column})' for type in TABLES for column in ("scope", "seq")],
       "CREATE INDEX journal_outcome ON journal (scope, outcome)", "UPDATE setting SET value='2' WHERE key='schema'")  # fmt: skip
    assert former <= indexes()
    store.create()
    assert indexes() == today
    with store.reading() as tx:
        assert tx.types_of(["r1"]) == {"r1": ("point", FIELD)}
