"""A seeded world: one server, a few tablets with people, clocks and a bad network. Everything but transport and clock ships.

`World(seed, folder).run()` lets people work, then `heal()` mends the network and syncs until all is quiet. What people
did is noted as intents in `World.intents`, beside the software; `tests.sim.check` judges by those.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from field_app.store import Edit
from schemas.change import Change
from schemas.problems import Trouble
from sync_server.main import Parts, create_app
from sync_server.service import Service, Write
from sync_server.settings import Settings
from tests.sim import reference
from tests.sim.dying import Killed
from tests.sim.process import ServerProcess, SharedClock
from tests.sim.tablet import MEMORY, Broken, Tablet, TurnableClock, empty
from tests.sim.transport import AppTransport, KeptOpen, SmallPages, Spread, served

Values = dict[str, Any]
DEATHS = 0.01  # share of requests during which a server process dies, where there are several


class Intent(NamedTuple):
    """A change somebody made on a tablet, as it was meant."""

    tablet: int
    enrolment: str
    change: Change


class World:
    def __init__(
        self, seed: int, folder: Path, http: bool = False, steps: int = 50, url: str | None = None, servers: int = 1
    ) -> None:
        """`http`: over a real socket. `url`: a PostgreSQL database instead of SQLite. `servers`: more than one are processes of
        their own on that database, and one data folder; what is done at the console is done in this process, a further one."""
        self.seed, self.folder, self.steps = seed, folder, steps
        self.rng = random.Random(seed)
        self.clock = TurnableClock() if servers == 1 else SharedClock(folder / "clock")
        self.page = self.rng.choice([4, 12, 100])
        # in some worlds photos are taken; who takes which is drawn apart, so that the others take the course they always took
        self._camera = random.Random(f"{seed}/camera") if seed % 4 == 1 else None
        self.healing = False
        self.intents: list[Intent] = []
        self.made: dict[str, list[str]] = {}  # type → ids of every record anybody made, synced or not
        self.written: dict[tuple[str, frozenset[str]], list[Values]] = {}  # record, atom → values somebody gave it
        self.touched: dict[tuple[str, frozenset[str]], list[str]] = {}  # record, atom → who changed it, by their name
        self.roles: dict[str, set[str]] = {}
        self.ever: dict[str, set[str]] = {}
        self.left: set[str] = set()  # people who lost a right at some time, and with it the rows on their tablets
        self.withdrawn: dict[str, set[str]] = {}  # person → own changes accepted when the right was withdrawn
        self._n = 0
        (folder / "server").mkdir()
        if url is None:
            shutil.copy(empty() / "server.db", folder / "server" / "server.db")
        self._close: list[Callable[[], None]] = []
        self._servers: list[ServerProcess] = []
        if servers > 1:
            assert url is not None
            for _ in range(servers):
                self._servers.append(ServerProcess(folder / "server", url, folder / "clock"))
                self._close.append(self._servers[-1].stop)
        self.app = create_app(Settings(data=folder / "server", database_url=url), self.clock)
        self.parts: Parts = self.app.state.parts
        self.service: Service = self.parts.service
        self.rushing = False
        self._url = "http://sim"
        if http:
            self._url, stop = served(self.app)
            self._close.append(stop)
        self._http = http
        self._inner: AppTransport | None = None
        self._found()
        self._equip()

    # --- the beginning -------------------------------------------------------------------------------------------

    def _found(self) -> None:
        s = self.service
        self.org = s.found("示范公司")
        self.home = f"{self.org}.organisation"
        self.crew = [s.new_id() for _ in range(9)]  # people whose names can be put into a record
        self.pm = self.crew[0]
        person = {"org_id": self.org, "duties": ["sampler"]}
        s.write(None, [Write("person", p, self.home, {**person, "name": f"人{n}"}) for n, p in enumerate(self.crew)])
        project = {"code": "P1", "name": "项目", "stage": "detailed", "client_id": self.org, "surveyor_id": self.org,
                   "contact_id": self.pm}  # fmt: skip
        self.project = s.add_project(project)
        self.field, self.enforcement = f"{self.project}.field", f"{self.project}.enforcement"
        self.grant(self.pm, "project_manager")
        s.grant(self.pm, self.org, "administrator")  # who alone decides in the organisation's scope
        self.site, self.instrument = s.new_id(), s.new_id()
        self.console(
            "site", self.site, self.field, {"code": "S", "name": "地块", "status": "idle", "division_code": "320115"}
        )
        self.console("instrument", self.instrument, self.home, {"code": "PID", "kind": "pid", "model": "m0", "serial_no": "1", "org_id": self.org})  # fmt: skip

    def _equip(self) -> None:
        """3–5 tablets: two samplers, an inspector; then perhaps a person whose right comes late, and a second tablet
        of the first sampler."""
        rng, people = self.rng, self.crew
        owners = [people[1], people[2], people[3], people[4], people[1]][: rng.randint(3, 5)]
        self.grant(people[1], "sampler")
        self.grant(people[2], "sampler")
        self.grant(people[3], "inspector")
        self.late, self.leaver = people[4], people[2]
        self.late_role = rng.choice(["dispatcher", None])  # a member without the right, or no member at all yet
        if self.late_role:
            self.grant(self.late, self.late_role)
        self.tablets: list[Tablet] = []
        for number, person in enumerate(owners):
            skew = rng.choice([0, 0, 0, 20, -45, 400, -4000, 86_400, -3_000_000, 40_000_000])
            share = rng.choice([0.0, 0.1, 0.2, 0.35])
            tablet = Tablet(self, number, person, timedelta(seconds=skew), share)
            tablet.syncer.enrol(self._url, self.service.new_code(person, self.pm), f"平板{number}")
            tablet.net.share = share
            self.tablets.append(tablet)
        from tests.sim import acts

        first = self.tablets[0]
        for make in (acts.point, acts.point, acts.sample, acts.reading, acts.reading):  # something all tablets know
            if edit := make(self, first):
                self.finalize(first, [edit])
        for tablet in self.tablets:
            tablet.sync()

    def wire(self) -> httpx.BaseTransport:
        """A way to the server: in this process, over a real socket, or to one of several processes."""
        if self._servers:
            spread = Spread(
                self._servers, random.Random(f"{self.seed}/{len(self._close)}"), lambda: 0 if self.healing else DEATHS
            )
            self._close.append(spread.shut)
            return SmallPages(spread, self.page)
        if self._http:
            sockets = httpx.HTTPTransport()
            self._close.append(sockets.close)
            return SmallPages(KeptOpen(sockets), self.page)
        if self._inner is None:
            self._inner = AppTransport(self.app)
            self._close.append(self._inner.shut)
        return SmallPages(self._inner, self.page)

    # --- what people do ------------------------------------------------------------------------------------------

    def run(self) -> None:
        from tests.sim import acts

        turn_late, turn_leave = self.rng.randrange(self.steps), self.rng.randrange(self.steps)
        back = self.rng.random() < 0.5
        for step in range(self.steps):
            self.clock.pass_seconds(self.rng.choice([1, 5, 60, 600, 5000]))
            if step == turn_late and self.rng.random() < 0.8:
                self.grant(self.late, "sampler")
            if step == turn_leave and self.rng.random() < 0.6:
                self.withdraw(self.leaver, "sampler")
            if back and step == (turn_leave + self.steps) // 2:
                self.grant(self.leaver, "sampler")
            acts.act(self, self.rng.choice(self.tablets))
            if self._camera is not None and step % 6 == 2:
                acts.photo(self, self._camera.choice(self.tablets), self._camera)
            if self._servers and self.rng.random() < 0.2:
                self.rush()

    def rush(self) -> None:
        """Everybody comes into the network at once."""
        ready = [t for t in self.tablets if not t.busy]
        self.rushing = True
        try:
            with ThreadPoolExecutor(max(1, len(ready))) as threads:
                list(threads.map(Tablet.sync, ready))
        finally:
            self.rushing = False

    def look(self, tablet: Tablet) -> None:
        from tests.sim import check

        check.view(self, tablet)

    def meanwhile(self, tablet: Tablet) -> None:
        from tests.sim import acts

        self.look(tablet)
        if self.healing or self.rushing:
            return
        draw = self.rng.random()
        if draw < 0.25:
            acts.work(self, tablet)
        elif draw < 0.32:
            other = self.rng.choice(self.tablets)
            if not other.busy:
                acts.act(self, other)
        elif draw < 0.36:
            acts.at_the_console(self)
        elif draw < 0.38:
            raise Killed

    def heal(self) -> None:
        """The network works, old requests arrive, everybody syncs until nothing moves any more."""
        self.healing = True
        for server in self._servers:
            server.wait()
        if self.late_role is None and "sampler" not in self.roles.get(self.late, set()):
            self.grant(self.late, "sampler")  # else nothing of this person's could ever arrive
        for tablet in self.tablets:
            tablet.share = tablet.net.share = 0.0
            tablet.net.deliver_late()
        for _ in range(8):
            self.clock.pass_seconds(700)
            if self._servers:
                self.rush()  # side by side, then one after the other
            results = [t.sync() for t in self.tablets]
            for t, r in zip(self.tablets, results, strict=True):
                if r is None or r.problems:
                    raise Broken(f"tablet {t.number} cannot sync on a good network: {r and r.problems}")
            if not any(r and (r.pushed or r.pulled) for r in results):
                return
        raise Broken("the tablets do not come to rest")

    def finalize(self, tablet: Tablet, edits: list[Edit], complete: bool = False) -> None:
        """完成 on a tablet, and note what was meant. What it wrote down must be just that."""
        identity = tablet.store.keys.require()
        seen = {e.record: tablet.store.get(e.type, e.record) for e in edits}
        made = {c.record: c for c in tablet.store.finalize(edits, complete)}
        for e in edits:  # noted at once: the process may be killed at the next statement
            tablet.drafts.pop(e.record, None)
            if e.record in made:
                self.intents.append(Intent(tablet.number, identity.enrolment, made[e.record]))
                if seen[e.record] is None:
                    self.made.setdefault(e.type, []).append(e.record)
                self.note(identity.enrolment, e.type, e.record, made[e.record].after)
        for e in edits:
            old, c = seen[e.record], made.get(e.record)
            meant = {k: v for k, v in e.values.items() if v not in (None, "", [])}
            before, after = intended(e.type, old.values if old else None, meant)
            if (c.before, c.after) != (before, after) if c else after:
                raise Broken(f"meant was {before} → {after}, the change is {c}")
            shows = tablet.store.get(e.type, e.record)
            if shows is not None and shows.values != meant:
                raise Broken(f"finalized {meant}, but the tablet shows {shows.values}")

    def note(self, who: str, type: str, record: str, after: Values) -> None:
        for fields in {reference.atom_fields(type, name) for name in after}:
            key = (record, frozenset(fields))
            self.written.setdefault(key, []).append({f: after.get(f) for f in fields})
            self.touched.setdefault(key, []).append(who)

    def console(self, type: str, record: str, scope: str, values: Values) -> None:
        """The project manager writes on the server."""
        old = next((s.values for s in self.service.records(type, scope) if s.id == record), None)
        self.service.write(self.pm, [Write(type, record, scope, values)])
        _, after = intended(type, old, values)
        if old is None:
            self.made.setdefault(type, []).append(record)
        self.note("console", type, record, after)

    def grant(self, person: str, role: str) -> None:
        self.roles.setdefault(person, set()).add(role)
        self.ever.setdefault(person, set()).add(role)
        self.withdrawn.pop(person, None)
        self.service.grant(person, self.project, role)

    def withdraw(self, person: str, role: str) -> None:
        if role in self.roles.get(person, set()):
            self.roles[person].discard(role)
            self.left.add(person)
            self.service.withdraw(person, self.project, role)
            accepted = {e.id for e in self.journal() if e.seq is not None}
            by_person = {i.change.id for i in self.intents if i.change.by == person}
            self.withdrawn[person] = accepted & by_person

    # --- looking -------------------------------------------------------------------------------------------------

    def sql(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """Looks into the server's database; the statement marks its values as SQLite does."""
        with self.parts.service.store.engine.connect().execution_options(reading=True) as conn, conn.begin():
            marks = statement if conn.dialect.name == "sqlite" else statement.replace("?", "%s")
            return [tuple(r) for r in conn.exec_driver_sql(marks, args)]

    def journal(self) -> list[reference.Entry]:
        columns = ",".join(reference.Entry._fields)
        return [reference.Entry(*r) for r in self.sql(f"SELECT {columns} FROM journal ORDER BY n")]

    def fresh(self, label: str) -> str:
        """A text nobody wrote before."""
        self._n += 1
        return f"{label}{self._n}"

    def number(self) -> int:
        self._n += 1
        return self._n

    def close(self) -> None:
        for tablet in getattr(self, "tablets", []):
            tablet.store.close()
        for close in reversed(self._close):
            close()
        self.parts.service.rest()  # what reads pictures beside everything else
        self.parts.service.store.close()


def intended(type: str, old: Values | None, new: Values) -> tuple[Values, Values]:
    """before and after of an edit: whole atoms, nothing else."""
    if old is None:
        return {}, dict(new)
    moved = {f for k in {*old, *new} if old.get(k) != new.get(k) for f in reference.atom_fields(type, k)}
    return {f: old.get(f) for f in moved}, {f: new.get(f) for f in moved}


@contextmanager
def fresh_database() -> Iterator[str]:
    from tests.pg import database  # only who needs one waits for a database server to start

    with database() as url:
        yield url


@contextmanager
def world(seed: int, http: bool = False, steps: int = 50, postgres: bool = False, servers: int = 1) -> Iterator[World]:
    """A world in a folder of its own, and where it wants PostgreSQL in a database of its own."""
    folder = Path(tempfile.mkdtemp(prefix="jingtu-sim-", dir=MEMORY))
    made: World | None = None
    try:
        with fresh_database() if postgres or servers > 1 else nullcontext() as url:
            try:
                made = World(seed, folder, http, steps, url, servers)
                yield made
            finally:
                if made is not None:
                    made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def live(
    seed: int, http: bool = False, steps: int = 50, postgres: bool = False, servers: int = 1, prove: bool = False
) -> dict[str, int]:
    """One seed from beginning to end; `prove`: its evidence packages, too. Raises with the seed in the message when a promise
    was broken."""
    from tests.sim import check, evidence

    try:
        with world(seed, http, steps, postgres, servers) as w:
            w.run()
            w.heal()
            if prove:
                evidence.verified(w)
            return check.check(w)
    except (Exception, Killed) as err:
        what = f"{type(err).__name__}: {err}"
        how = " --servers 2" if servers > 1 else " --postgres" if postgres else " --http" if http else ""
        raise Broken(f"seed {seed}: {what}  (python -m tests.sim.soak --seed {seed}{how} --steps {steps})") from err


__all__ = ["Broken", "Edit", "Intent", "Tablet", "Trouble", "World", "live", "world"]
