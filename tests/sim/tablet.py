"""One tablet of the simulation: the shipped store and syncer on files, a clock that can be wrong, a process that can die."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from field_app.clock import CHINA
from field_app.store import Store
from field_app.sync import Syncer, SyncResult
from sync_server.store import Store as ServerStore
from sync_server.store import open_engine
from tests.sim.dying import DyingDb, Killed
from tests.sim.transport import FaultyTransport

if TYPE_CHECKING:
    from tests.sim.world import World

Values = dict[str, Any]
START = datetime(2026, 11, 21, 2, tzinfo=UTC)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # real files, but none that wear a disk


class AtOnce(Executor):
    """Does what it is given before it returns: what happens in a world does not depend on how threads take turns."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **named))
        except BaseException as err:  # a death among them
            done.set_exception(err)
        return done


class TurnableClock:
    """The server's clock, and the true time of the world."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class TabletClock:
    """A tablet's clock: off by `skew`, which somebody may turn at any time."""

    def __init__(self, truth: TurnableClock, skew: timedelta) -> None:
        self._truth, self.skew = truth, skew

    def now(self) -> datetime:
        return (self._truth() + self.skew).astimezone(CHINA)

    def mono_ms(self) -> int:
        return int((self._truth() - START).total_seconds() * 1000)


@cache
def empty() -> Path:
    """Databases without rows, made once in a process by the shipped code: a world starts from copies of them."""
    folder = Path(tempfile.mkdtemp(prefix="jingtu-sim-", dir=MEMORY))
    # atexit is not asked in the processes of a pool, this is
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=1)
    engine = open_engine(f"sqlite:///{folder / 'server.db'}")
    ServerStore(engine).create()
    Store(folder).close()
    engine.dispose()
    return folder


class Broken(AssertionError):
    """A promise was not kept."""


class Tablet:
    """One tablet with one person: real Store and Syncer on files."""

    def __init__(self, world: World, number: int, person: str, skew: timedelta, share: float) -> None:
        self.world, self.number, self.person = world, number, person
        self.folder = world.folder / f"tablet{number}"
        self.clock = TabletClock(world.clock, skew)
        rng = random.Random(f"{world.seed}/{number}")
        self._random = rng.randbytes
        self.net = FaultyTransport(world.wire(), random.Random(f"{world.seed}/{number}/net"), 0.0, self._between)
        self.share, self.busy, self.kill_in = share, False, 0
        self.drafts: dict[str, tuple[str, str, Values]] = {}
        self.start_overs = 0
        self.folder.mkdir()
        shutil.copy(empty() / "tablet.db", self.folder / "tablet.db")
        self.open()

    def open(self) -> None:
        self.store = Store(self.folder, self.clock, self._random)
        self.store._db = DyingDb(self.store._db)  # type: ignore[assignment]
        self.syncer = Syncer(self.store, transport=self.net, pause=lambda _: None, beside=AtOnce)
        start_over = self.store.start_over

        def counted(scope: str) -> None:
            self.start_overs += 1
            start_over(scope)

        self.store.start_over = counted  # type: ignore[method-assign]
        apply_pull = self.store.apply_pull

        def looked_at(scope: str, head: Any, lines: Any) -> None:
            """A page is there and the next one is not: asked for already, so no request says that this is so."""
            apply_pull(scope, head, lines)
            self.world.look(self)

        self.store.apply_pull = looked_at  # type: ignore[method-assign]
        seen = {d.id: (d.type, d.scope, d.values) for d in self.store.drafts()}
        if seen != self.drafts:
            raise Broken(f"drafts did not survive: {seen} instead of {self.drafts}")

    def kill(self) -> None:
        """The process dies and starts again from its files."""
        self.store.close()
        self.open()

    @property
    def db(self) -> DyingDb:
        return self.store._db  # type: ignore[return-value]

    def sync(self, kill_at: int | None = None) -> SyncResult | None:
        """None when the app was killed during it."""
        if self.busy:
            return None
        self.busy, self.net.share = True, self.share
        if kill_at is not None:
            self.db.die_in(kill_at)
        try:
            return self.syncer.run()
        except Killed:
            self.kill()
            return None
        finally:
            self.busy = False
            self.db.die_in(None)

    @contextmanager
    def dying(self, statements: int) -> Iterator[None]:
        """The battery goes while somebody works."""
        self.db.die_in(statements)
        try:
            yield
        except Killed:
            self.kill()
        finally:
            self.db.die_in(None)

    def _between(self) -> None:
        """Somewhere during a sync: people go on working, on this tablet and elsewhere."""
        if self.busy:
            self.world.meanwhile(self)
