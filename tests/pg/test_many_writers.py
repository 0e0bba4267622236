"""Twenty tablets hand in at once while somebody pulls: every number is handed out once, and the puller passes over none.

A tablet that pulls keeps its place by the number alone. A row that appears below a number it has reached is never seen
by it again: that is why numbers are handed out under the scope's lock, in the order of the commits.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, text, update

from schemas import canonical
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import PushHead
from sync_server.main import build
from sync_server.service import Caller, Service, Write
from sync_server.settings import Settings
from sync_server.store import ScopeRow
from sync_server.store import tables as t
from sync_server.store.records import RecordStatements
from tests.api.conftest import Device, Server
from tests.pg import database
from tests.pg.conftest import BOTH, with_server

WRITERS, PUSHES, LINES = 20, 3, 3


class Skipped(AssertionError):
    """A number was passed over, doubled or out of its order."""


class Puller(threading.Thread):
    """Pulls a scope by its cursor in small pages, again and again, as long as there are writers, and once more."""

    def __init__(self, service: Service, caller: Caller, scope: str, epoch: str, sums: bool) -> None:
        super().__init__(daemon=True)
        self._sums = sums
        self._service, self._caller, self.scope, self._epoch = service, caller, scope, epoch
        self.seqs: list[int] = []
        self.rows: dict[str, bytes] = {}
        self.pulls, self.over = 0, threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        cursor = 0
        try:
            while True:
                last = self.over.is_set()
                head, lines = self._service.pull(self._caller, self.scope, self._epoch, cursor, 5)
                for line in lines:
                    row = canonical.loads(line)
                    self.seqs.append(row["seq"])
                    self.rows[row["id"]] = line
                self.pulls += 1
                cursor = head.cursor
                if not head.more:
                    total = sum(evidence.row_hash(x) for x in self.rows.values())
                    if self._sums and head.digest != evidence.digest_hex(total):
                        raise Skipped(f"at {cursor} what was pulled is not what is there")
                    if last:
                        return
        except BaseException as err:
            self.failed = err


def crowd(
    folder: Path, url: str | None, scopes: int = 1, bug: Callable[[Server], None] | None = None, sums: bool = True
) -> dict[str, int]:
    """Twenty writers, each with an enrolment and half of them in another server process's place (a service with
    connections of its own), and a puller for each scope. Returns how many pulls each took. Raises Skipped."""
    writers, pushes = WRITERS, PUSHES
    server = with_server(folder, url)
    pullers: list[Puller] = []
    second = build(Settings(data=folder, database_url=url), server.clock).service
    try:
        places = [server.field, f"{server.other}.field", server.home][:scopes]
        for person in (server.pm, server.sampler):
            server.service.grant(person, server.other, "project_manager" if person == server.pm else "sampler")
        site = {"code": "S", "name": "地块", "status": "idle", "division_code": "1"}
        sites = {server.field: server.site}
        if len(places) > 1:
            sites[places[1]] = server.new_id()
            server.service.write(server.pm, [Write("site", sites[places[1]], places[1], site)])
        devices = [Device(server, server.sampler) for _ in range(writers)]
        pullers += [Puller(second, Caller(server.pm), place, server.epoch, sums) for place in places]
        before = {s.id: s.seq for s in _scopes(server)}
        gate = threading.Barrier(writers + 1)
        if bug:
            bug(server)
        met = Counter[int]()

        def write(n: int) -> None:
            device, service = devices[n], (server.service, second)[n % 2]
            place = places[n % len(places)]
            gate.wait(30)
            for turn in range(pushes):
                lines = [_line(server, device, place, sites, f"{n}.{turn}.{x}") for x in range(LINES)]
                head = PushHead.model_validate_json(canonical.dumps(device.head(lines, place)))
                for _ in range(20):
                    try:
                        answer = service.push(Caller(device.person, device.enrolment), place, head, lines)
                    except Trouble as err:  # a tablet comes again when it is told to
                        if err.problem.number != 1101:
                            raise
                        met[err.problem.number] += 1
                        continue
                    break
                else:
                    raise Skipped(f"writer {n} was never let in")
                if '"applied"' not in answer.receipt or answer.details:
                    raise Skipped(f"writer {n}: {answer}")
                device.heads[place] = (head.first + LINES - 1, bytes.fromhex(head.head))

        for puller in pullers:
            puller.start()
        with ThreadPoolExecutor(writers) as threads:
            done = [threads.submit(write, n) for n in range(writers)]
            gate.wait(30)
        for puller in pullers:
            puller.over.set()
            puller.join(60)
        for future in done:
            future.result()
        for puller in pullers:
            if puller.failed:
                raise puller.failed
            mine = [n for n in range(writers) if places[n % len(places)] == puller.scope]
            _whole(server, puller, before[puller.scope] + len(mine) * pushes * LINES, sums)
        if met:
            raise Skipped(f"{sum(met.values())} pushes were turned away though each could have waited its turn")
        return {p.scope: p.pulls for p in pullers}
    finally:
        for puller in pullers:
            puller.over.set()
        second.store.close()
        server.close()


def _scopes(server: Server) -> list[ScopeRow]:
    with server.service.store.reading() as tx:
        return tx.scopes()


def _line(server: Server, device: Device, scope: str, sites: dict[str, str], code: str) -> bytes:
    if scope == server.home:
        instrument = {"code": code, "kind": "pid", "model": "m", "serial_no": "1", "org_id": server.org}
        return device.change("instrument", instrument, scope=scope)
    return device.change("point", server.point(code=code, site_id=sites[scope]), scope=scope)


def _whole(server: Server, puller: Puller, top: int, sums: bool) -> None:
    """What the puller saw is what the server gave: each number once, rising, and none that came in under its feet."""
    ((seq, digest),) = server.sql("SELECT seq, digest FROM scope WHERE id=?", puller.scope)
    given = sorted(n for (n,) in server.sql("SELECT seq FROM journal WHERE scope=? AND seq IS NOT NULL", puller.scope))
    if given != list(range(1, top + 1)) or seq != top:
        raise Skipped(f"{puller.scope}: numbers handed out are {given}, the scope stands at {seq} of {top}")
    if puller.seqs != sorted(set(puller.seqs)):
        raise Skipped(f"{puller.scope}: pulled out of order or twice: {puller.seqs}")
    if puller.scope != server.home and puller.seqs != given:  # there, records made before the crowd were changed too
        raise Skipped(f"{puller.scope}: the puller passed over {sorted(set(given) - set(puller.seqs))}")
    if sums and digest != evidence.digest_hex(sum(evidence.row_hash(x) for x in puller.rows.values())):
        raise Skipped(f"{puller.scope}: the digest is not that of what was pulled")


@pytest.fixture(params=BOTH)
def empty(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
    else:
        with database() as url:
            yield url


@pytest.mark.parametrize("scopes", [1, 3])
def test_twenty_writers_and_a_puller(empty: str | None, tmp_path: Path, scopes: int) -> None:
    """In one scope, and in several at once."""
    pulls = crowd(tmp_path, empty, scopes)
    assert len(pulls) == scopes and min(pulls.values()) > 1


# --- a net is worth what it catches ----------------------------------------------------------------------------------


def _unlocked(self: RecordStatements, id: str, lock: bool = False, real: Any = RecordStatements.scope) -> Any:
    return real(self, id)


def _counted(self: RecordStatements, id: str, lock: bool = False, real: Any = RecordStatements.scope) -> Any:
    """Numbers as a sequence of the database hands them out: each once, but not in the order of the commits."""
    row = real(self, id)
    if row is None or not lock or row.audience != "field":
        return row
    asked = vars(self).setdefault("_asked", {})  # a transaction asks more than once
    if id not in asked:
        asked[id] = self.conn.execute(text("SELECT nextval('planted')")).scalar_one()
    return row._replace(seq=asked[id])


def _moved(self: RecordStatements, id: str, seq: int, digest: int) -> None:
    values = {"seq": func.greatest(t.scope.c.seq, seq), "digest": evidence.digest_hex(digest)}
    self.conn.execute(update(t.scope).where(t.scope.c.id == id).values(**values))


@pytest.mark.parametrize("bug", ["the scope is not locked", "numbers come from a sequence"])
def test_a_planted_bug_is_noticed(pg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    """By the numbers alone, as a tablet would miss a row, not because a fingerprint or a lock says so."""

    def unlocked(_: Server) -> None:
        monkeypatch.setattr(RecordStatements, "scope", _unlocked)

    def sequence(server: Server) -> None:
        ((seq,),) = server.sql("SELECT seq FROM scope WHERE id=?", server.field)
        with server.service.store.writing() as tx:  # every push takes as many as it has lines
            tx.conn.execute(text(f"CREATE SEQUENCE planted INCREMENT {LINES} MINVALUE 0 START {seq}"))
        monkeypatch.setattr(RecordStatements, "scope", _counted)
        monkeypatch.setattr(RecordStatements, "move_scope", _moved)

    plant, word = {
        "the scope is not locked": (unlocked, "handed out"),
        "numbers come from a sequence": (sequence, "passed over"),
    }[bug]
    with pytest.raises(Skipped, match=word):
        crowd(tmp_path, pg_url, bug=plant, sums=False)
