"""A server that is killed in the middle of its work, while tablets push, somebody enrols, takes numbers, signs in and decides.

What counts as acknowledged is what arrived: receipts, enrolments, blocks of numbers, sign-ins, answers to a decision.
"""

from __future__ import annotations

import hashlib
import json
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from field_app.store import Batch, Edit, Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rows import codec
from schemas.wire import Outcome
from sync_server.main import service_of
from sync_server.service import Service
from tests.crash.nursery import Child, Nursery, pause
from tests.crash.site import AT, PASSWORD, Site, comment, want
from tests.pg import Cluster
from tests.sim import reference
from tests.sim.reference import Entry

STARTING_S = 60


class Tablet:
    """A real store and syncer that go on pushing, and what the server acknowledged to them."""

    def __init__(self, folder: Path, run: Killed, number: int, person: str) -> None:
        self.run, self.number, self.person = run, number, person
        self.rng = random.Random(f"{run.seed}/{number}")
        self.store = Store(folder)
        self.syncer = Syncer(self.store, pause=lambda _: pause(0.005))
        self.lines: dict[tuple[str, str, int], bytes] = {}  # (enrolment, scope, position) → acknowledged bytes
        self.told: dict[str, tuple[str, int | None]] = {}  # change → outcome, seq
        self.receipts: dict[str, str] = {}
        # what is on its way, by (enrolment, scope): the server may have it, or not; the last of them, as it sends one at a time
        self.sending: dict[tuple[str, str], Batch] = {}
        send, acknowledge = self.syncer._send, self.store.acknowledge

        def sent(ready: Any, tries: list[int], gone: Any) -> Any:
            self.sending[ready.batch.enrolment, ready.batch.scope] = ready.batch
            run.pushes.release()
            return send(ready, tries, gone)

        def acknowledged(batch: Batch, answer: Any, times: int) -> None:
            acknowledge(batch, answer, times)
            self._note(batch, answer)

        self.syncer._send, self.store.acknowledge = sent, acknowledged  # type: ignore[method-assign]

    def _note(self, batch: Batch, answer: Any) -> None:
        sending = self.sending.get((batch.enrolment, batch.scope))
        if sending is not None and sending.first == batch.first:  # else the next one is on its way already
            del self.sending[batch.enrolment, batch.scope]
        receipt = json.loads(answer.receipt)
        self.receipts[receipt["receipt"]] = answer.receipt
        for n, line in enumerate(batch.lines):
            self.lines[batch.enrolment, batch.scope, batch.first + n] = line
        for first, count, outcome, seq in receipt["runs"]:
            for n in range(count):
                id = batch.ids[first + n - batch.first]
                self.told[id] = (outcome, None if seq is None else seq + n)

    def work(self) -> None:
        """Until the server is gone."""
        field, site = self.run.site.field, self.run.site.site
        for _ in range(self.rng.randint(1, 4)):
            edits = [
                Edit(
                    "comment",
                    self.store.new_id(),
                    field,
                    comment(site, f"{self.number} {self.rng.random()} {'字' * 200}"),
                )
                for _ in range(self.rng.randint(5, 60))
            ]
            self.store.finalize(edits)
        if self.person == self.run.site.helper:  # without the right to it: waits for the manager
            point = {"code": f"S{self.rng.randrange(10**6)}", "site_id": site, "started_at": AT}
            self.store.finalize([Edit("point", self.store.new_id(), field, point)], complete=False)
        for one in self.store.all("comment")[:3]:
            self.store.finalize([Edit("comment", one.id, one.scope, {**one.values, "text": f"改 {self.rng.random()}"})])
        result = self.syncer.run()
        odd = [t for t in result.problems if t.problem.number not in (5004, 1101, 1103)]  # gone, or going
        want(not odd, f"tablet {self.number} was told {odd}")


class Killed:
    def __init__(self, folder: Path, nursery: Nursery, seed: int, url: str | None = None, fault: str = "") -> None:
        self.rng, self.seed, self.fault, self.nursery = random.Random(f"server {seed}"), seed, fault, nursery
        self.folder, self.env = folder, {"JINGTU_DATABASE_URL": url} if url else {}
        self.site = Site(folder / "server", url)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pushes, self.rounds = threading.Semaphore(0), threading.Semaphore(0)
        self.ends: dict[tuple[str, str], int] = {}  # where each chain stood after the last death
        self.stop = threading.Event()
        self.failed: list[BaseException] = []
        self.enrolled: dict[str, str] = {}  # enrolment → device code
        self.blocks: list[tuple[int, int]] = []
        self.cookies: list[str] = []
        self.decided: dict[str, str] = {}
        self.figures = {"kills": 0, "mid_batch": 0, "in_flight_kept": 0, "in_flight_gone": 0}
        service = self._look()
        people = [*self.site.samplers[:2], self.site.helper]
        self.codes = [self.site.code(service, p) for p in people]
        self.spare = [self.site.code(service, self.site.samplers[2]) for _ in range(60)]
        service.store.close()
        self.child: Child = self._start()
        self.tablets = [Tablet(folder / f"tablet{n}", self, n, p) for n, p in enumerate(people)]
        for tablet, code in zip(self.tablets, self.codes, strict=True):
            tablet.syncer.enrol(self.url, code, f"平板{tablet.number}")
            tablet.syncer.run()
        # the helper's tablet was told that it may only comment; as a former sampler's its points wait for the manager
        self.helper = self.tablets[2]

    # --- the process ---------------------------------------------------------------------------------------------

    def _start(self) -> Child:
        child = self.nursery.start(
            "tests.crash.server:serve", str(self.site.settings.data), self.port, fault=self.fault, **self.env
        )
        until = time.monotonic() + STARTING_S
        while time.monotonic() < until and not child.ended:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/api/v1/me", timeout=30, trust_env=False).status_code == 401:
                    return child
            pause(0.01)
        raise AssertionError(f"the server did not start: {child.said()}")

    def _look(self) -> Service:
        """The data as it lies there, while no server runs."""
        return service_of(self.site.settings)

    # --- one death -----------------------------------------------------------------------------------------------

    def die(self, how: Callable[[], None] | None = None) -> None:
        """`how` kills something else than the server's process."""
        self.stop.clear()
        for bell in (self.pushes, self.rounds):
            while bell.acquire(blocking=False):
                pass
        doing = [lambda t=t: self._repeat(t.work) for t in self.tablets] + [lambda: self._repeat(self._others)]
        threads = [threading.Thread(target=work, daemon=True) for work in doing]
        for thread in threads:
            thread.start()
        for _ in range(self.rng.randint(1, 6)):
            self.pushes.acquire(timeout=60)
        if self.rng.random() < 0.4:  # the others came through once
            self.rounds.acquire(timeout=60)
            self.pushes.acquire(timeout=60)
        pause(self.rng.choice([self.rng.uniform(0, 0.03), self.rng.uniform(0, 0.15), self.rng.uniform(0, 0.6)]))
        if how is None:
            self.child.kill()
        else:
            how()
        self.stop.set()
        for thread in threads:
            thread.join(120)
        if self.failed:
            raise self.failed[0]
        self.figures["kills"] += 1
        self.figures["mid_batch"] += any(t.sending for t in self.tablets)

    def restart(self) -> None:
        self.child = self._start()

    def _repeat(self, work: Callable[[], None]) -> None:
        try:
            while not self.stop.is_set():
                work()
        except BaseException as err:
            self.failed.append(err)
            self.stop.set()
            self.pushes.release(10)
            self.rounds.release()

    # --- the others ----------------------------------------------------------------------------------------------

    def _others(self) -> None:
        """Somebody enrols a tablet, another asks for numbers, the manager signs in and decides."""
        with suppress(httpx.HTTPError), httpx.Client(base_url=self.url, timeout=30, trust_env=False) as http:
            self._enrol()
            self._block(http)
            self._manager(http)
            self.rounds.release()

    def _enrol(self) -> None:
        if not self.spare:
            return
        folder = self.folder / f"spare{len(self.spare)}"
        store = Store(folder)
        try:
            answer = Syncer(store, pause=lambda _: None).enrol(self.url, self.spare[-1], "备用")
            self.enrolled[answer.enrolment] = answer.device_code
            self.spare.pop()
        except Trouble as err:
            want(err.problem.number in (5004, 1103), f"enrolling was told {err}")
        finally:
            store.close()

    def _block(self, http: httpx.Client) -> None:
        token = next(iter(self.tablets[0].syncer._tokens.values()), "")
        answer = http.post(
            "/api/v1/blocks", json={"use": "sample", "size": 7}, headers={"Authorization": f"Bearer {token}"}
        )
        if answer.status_code == 200:
            self.blocks.append((answer.json()["from_no"], answer.json()["to_no"]))
        else:
            want(
                answer.status_code in (401, 503), f"a block of numbers was answered {answer.status_code} {answer.text}"
            )

    def _manager(self, http: httpx.Client) -> None:
        """Through the console's pages, as a browser does it."""
        from_here = {"Sec-Fetch-Site": "same-origin"}
        answer = http.post("/console/login", data={"username": "pm", "password": PASSWORD}, headers=from_here)
        if answer.status_code != 303:
            want(answer.status_code == 503, f"signing in was answered {answer.status_code} {answer.text[:200]}")
            return
        self.cookies.append(http.cookies["jingtu_session"])
        waiting = [i for i, (o, _) in self.helper.told.items() if o == "parked" and i not in self.decided][:2]
        if waiting:
            accept = self.rng.random() < 0.5
            form = {"id": waiting, "decision": "accept" if accept else "decline", "reason": "核对过"}
            answer = http.post(f"/console/projects/{self.site.project}/waiting/parked", data=form, headers=from_here)
            if answer.status_code == 303:
                self.decided |= dict.fromkeys(waiting, form["decision"])

    # --- what must be there --------------------------------------------------------------------------------------

    def check(self) -> None:
        """Looked at with nobody else at the data."""
        service = self._look()
        try:
            self._sound(service)
            with service.store.reading() as tx:
                found = tx.conn.exec_driver_sql(f"SELECT {','.join(Entry._fields)} FROM journal ORDER BY n")
                journal = [Entry(*row) for row in found]
                chains = {
                    (r.enrolment, r.scope): (r.pos, bytes(r.head))
                    for r in tx.conn.exec_driver_sql("SELECT enrolment, scope, pos, head FROM chain")
                }
                receipts = {r.id: r.text for r in tx.conn.exec_driver_sql("SELECT id, text FROM receipt")}
                keys = {k.enrolment: k.device_code for k in tx.device_keys()}
                next_no = tx.conn.exec_driver_sql("SELECT next_no FROM number_range WHERE use='sample'").scalar()
                sessions = set(tx.conn.exec_driver_sql("SELECT hash FROM web_session").scalars())
                decisions = tx.decisions(list(self.decided))
                scopes = {s.id: s for s in tx.scopes()}
                rows = {id: _rows(tx, id) for id in scopes}
        finally:
            service.store.close()
        journal = [e._replace(line=bytes(e.line), link=bytes(e.link)) for e in journal]
        self._acknowledged(journal, receipts)
        self._chains(journal, chains)
        self._counted(journal, scopes, rows)
        want(all(keys.get(e) == c for e, c in self.enrolled.items()), "an enrolment that was answered is gone")
        want(len(set(keys.values())) == len(keys), "two tablets have one code")
        taken = [n for first, last in self.blocks for n in range(first, last + 1)]
        own = [n for t in self.tablets for (f, last) in t.store._rows("SELECT from_no, to_no FROM block WHERE use='sample'")
               for n in range(f, last + 1)]  # fmt: skip
        want(len({*taken, *own}) == len(taken) + len(own), "numbers were given to two")
        want(not taken or max(taken) < (next_no or 0), "numbers that were given are to be given again")
        gone = [c for c in self.cookies if hashlib.sha256(c.encode()).hexdigest() not in sessions]
        want(not gone, "somebody who signed in is not signed in")
        for id, decision in self.decided.items():
            want(
                id in decisions and bool(decisions[id]["accepted"]) == (decision == "accept"),
                f"the decision on {id} is gone",
            )

    def _sound(self, service: Service) -> None:
        if service.store.engine.dialect.name == "sqlite":
            with service.store.reading() as tx:
                want(tx.conn.exec_driver_sql("PRAGMA quick_check").scalars().all() == ["ok"], "the file is damaged")

    def _acknowledged(self, journal: list[Entry], receipts: dict[str, str]) -> None:
        there = {(e.enrolment, e.scope, e.pos): e for e in journal}
        for tablet in self.tablets:
            lost = [k for k, line in tablet.lines.items() if k not in there or there[k].line != line]
            want(not lost, f"{len(lost)} acknowledged changes are gone or have other bytes, first {lost[:1]}")
            for id, text in tablet.receipts.items():
                want(receipts.get(id) == text, f"receipt {id} is gone or another")
        told = {id: what for t in self.tablets for id, what in t.told.items()}
        for e in journal:
            outcome, seq = told.get(e.id, (e.outcome, e.seq))
            want(e.seq == seq or (outcome == "parked" and seq is None), f"{e.id} was told seq {seq}, has {e.seq}")

    def _chains(self, journal: list[Entry], chains: dict[tuple[str, str], tuple[int, bytes]]) -> None:
        """Each is whole, and ends where a batch ends: at the last one acknowledged, or at the one that was on its way."""
        ends: dict[tuple[str, str], tuple[int, bytes]] = {}
        for e in sorted(journal, key=lambda e: e.pos):
            before = ends.get((e.enrolment, e.scope), (0, b""))[0]
            want(e.pos == before + 1, f"position {before + 1} of {e.enrolment} is missing")
            ends[e.enrolment, e.scope] = (e.pos, e.link)
        want(ends == chains, "a chain's head is not its last link")
        for tablet in self.tablets:
            for (enrolment, scope), batch in tablet.sending.items():
                at = ends.get((enrolment, scope), (0, b""))[0]
                last = max([p for e, s, p in tablet.lines if (e, s) == (enrolment, scope)], default=0)
                before = self.ends.get((enrolment, scope), 0)  # a shorter one that arrived the last time
                want(
                    at in (last, batch.last, before),
                    f"half a batch: acknowledged {last}, sent up to {batch.last}, there {at}",
                )
                self.figures["in_flight_kept" if at == batch.last else "in_flight_gone"] += 1
        self.ends = {key: at for key, (at, _) in ends.items()}

    def _counted(self, journal: list[Entry], scopes: Any, rows: dict[str, Any]) -> None:
        want(len({e.id for e in journal}) == len(journal), "a change stands twice in the journal")
        for id, scope in scopes.items():
            mine = [e for e in journal if e.scope == id]
            given = sorted(e.seq for e in mine if e.seq is not None)
            want(
                given == list(range(1, scope.seq + 1)),
                f"seqs of {id} are not 1…{scope.seq}: something was applied twice or not at all",
            )
            folded = reference.fold(mine)
            odd = [r for r in {*folded.records, *rows[id]} if folded.records.get(r) != rows[id].get(r)]
            want(not odd, f"{len(odd)} rows of {id} are not what the journal makes of them, first {odd[:1]}")
            want(int(reference.digest(rows[id]), 16) == scope.digest, f"the digest of {id} is not that of its rows")

    # --- the end -------------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, int]:
        for _ in range(2):
            for tablet in self.tablets:
                tablet.syncer._tokens.clear()
                result = tablet.syncer.run()
                want(not result.problems, f"cannot sync after all: {[str(p) for p in result.problems]}")
        for tablet in self.tablets:
            result = tablet.syncer.run()
            want(result.digests_equal and not result.pushed, "tablet and server are not equal at the end")
            want(tablet.store.counts()["pending"] == 0, "something still waits at the end")
        self.child.kill()
        self.check()
        service = self._look()
        with service.store.reading() as tx:
            for tablet in self.tablets:
                mine = {c.id: c.line for _, _, c in tablet.store.changes()}
                found = tx.journaled(list(mine))
                want(all(found[i].line == line for i, line in mine.items()), "the server holds other bytes")
        service.store.close()
        told = [o for t in self.tablets for o, _ in t.told.values()]
        return {**self.figures, "acknowledged": len(told), "parked": told.count(Outcome.PARKED.value), "enrolled": len(self.enrolled),
                "blocks": len(self.blocks), "sign_ins": len(self.cookies), "decided": len(self.decided)}  # fmt: skip

    def close(self) -> None:
        self.stop.set()
        if not self.child.ended:
            self.child.kill()
        for tablet in self.tablets:
            tablet.store.close()


def _rows(tx: Any, scope: str) -> dict[str, Any]:
    out = {}
    for type in TYPES:
        c = codec(type)
        columns = ",".join(f'"{x}"' for x in c.columns)
        for row in tx.conn.exec_driver_sql(f"SELECT {columns} FROM \"{type}\" WHERE scope='{scope}'"):
            out[row[0]] = (type, row[2], c.from_row(tuple(row)))
    return out


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


def serve(data: str, port: int) -> None:
    """`jingtu server`, word for word."""
    import sys

    from sync_server.cli import main

    sys.argv = ["jingtu", "server", "--data", data, "--port", str(port)]
    main()


def run(folder: Path, nursery: Nursery, kills: int, seed: int, fault: str = "") -> dict[str, int]:
    began = time.monotonic()
    life = Killed(folder, nursery, seed, fault=fault)
    try:
        for _ in range(kills):
            life.die()
            life.check()
            life.restart()
        done = life.finish()
    finally:
        life.close()
    want(
        done["mid_batch"] * 3 >= kills,
        f"only {done['mid_batch']} of {kills} deaths were in mid-batch: this showed little",
    )
    return {**done, "ms": int((time.monotonic() - began) * 1000)}


def run_postgresql(folder: Path, nursery: Nursery, kills: int, seed: int) -> dict[str, int]:
    """Every other time it is PostgreSQL itself that dies; the server's process goes on and needs no restart."""
    began = time.monotonic()
    pg = Cluster(quick=False)  # with fsync, as people run it
    try:
        life = Killed(folder, nursery, seed, pg.url(pg.make(None)))
        try:
            for n in range(kills):
                if n % 2:
                    life.die(lambda: pg.stop(signal.SIGKILL))
                    _up_again(pg)
                    life.check()
                else:
                    life.die()
                    life.check()
                    life.restart()
            done = life.finish()
        finally:
            life.close()
    finally:
        pg.close()
    return {**done, "ms": int((time.monotonic() - began) * 1000)}


def _up_again(pg: Cluster) -> None:
    """The processes it left behind hold its memory until they notice."""
    until = time.monotonic() + 60
    while True:
        try:
            return pg.start()
        except RuntimeError:
            if time.monotonic() > until:
                raise
            pause(0.2)


__all__ = ["Killed", "run", "run_postgresql"]
