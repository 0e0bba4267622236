"""Every SQL statement of the server. SQLite by default, PostgreSQL by one setting.

Statements are built from tables with SQLAlchemy Core; nothing here decides anything.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from schemas.problems import Trouble
from sync_server.store.blobs import BlobStatements
from sync_server.store.care import CareStatements, Head, State
from sync_server.store.credentials import CredentialStatements
from sync_server.store.engine import (
    check_server,
    copy_to,
    is_postgresql,
    open_engine,
    reading_options,
    to_disk,
    told,
    wait_turn,
)  # fmt: skip
from sync_server.store.exports import ExportRow, ExportStatements
from sync_server.store.history import HistoryStatements
from sync_server.store.kept import KeptRow, KeptStatements
from sync_server.store.lists import ListStatements
from sync_server.store.log import LogStatements, Sought
from sync_server.store.media import MediaStatements
from sync_server.store.migrations import VERSION, upgrade, version_of
from sync_server.store.people import PeopleStatements
from sync_server.store.planning import DraftRow, PlanningStatements
from sync_server.store.proof import ForkLine, ProofStatements
from sync_server.store.records import RecordStatements
from sync_server.store.reviews import Made, ReviewStatements
from sync_server.store.rows import (
    BlobRow,
    DeviceKey,
    Journaled,
    Noted,
    ScopeRow,
    SourceRow,
    Stored,
    UploadRow,
    Values,
    detail_json,
)
from sync_server.store.waiting import Chained, WaitingStatements

__all__ = [
    "BlobRow", "Chained", "DeviceKey", "DraftRow", "ExportRow", "ForkLine", "Head", "Journaled", "KeptRow", "Made", "Noted", "ScopeRow", "Sought", "SourceRow", "State", "Store", "Stored", "Tx", "UploadRow",
    "Values", "detail_json", "open_engine",
]  # fmt: skip


log = logging.getLogger("jingtu")
_AGAIN = (1101, 1102, 1103)


class Store:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._left: deque[Callable[[], None]] = deque()  # what should have followed a commit and could not

    def create(self) -> None:
        """Make what is not there yet, or bring an older database up to date. Raises Trouble 4102 for a newer one, 4101 for a
        PostgreSQL that will not do, 1101, 1102, 1103."""
        if self._older():
            self._copy()
        with told(), self.engine.begin() as conn:
            upgrade(conn)

    def _older(self) -> bool:
        with told(), self.engine.connect() as conn, conn.begin():
            check_server(conn)
            return 0 < version_of(conn) < VERSION

    def _copy(self) -> None:
        """Before a migration the SQLite file is copied beside itself. PostgreSQL migrates inside a transaction; a copy of it
        is its administrator's `jingtu backup`."""
        name = self.engine.url.database
        if is_postgresql(self.engine) or not name or name == ":memory:":
            return
        with self.engine.connect() as conn, conn.begin():
            have = version_of(conn)
        kept = Path(f"{name}.v{have}.bak")
        temp = kept.with_suffix(".new")
        try:
            copy_to(self.engine, temp)
            temp.replace(kept)
            to_disk(kept.parent)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """One write transaction; commits at the end, rolls back on any exception. Raises Trouble 1101, 1102, 1103.

        What is to follow (`Tx.after_commit`) cannot undo it any more: if the database is busy or away, it is tried again
        after the next transaction of this process, and at the next start; any other failure is logged, and the rest of it
        still follows. None of it is told to the caller, whose transaction is in."""
        with told(), self.engine.begin() as conn:
            tx = Tx(conn)
            yield tx
        todo = [*_emptied(self._left), *tx.after_commit]
        for n, follow in enumerate(todo):
            try:
                follow()
            except Trouble as err:
                if err.problem.number not in _AGAIN:
                    log.exception("left to the next start")
                    continue
                log.warning("tried again later: %s", err)
                self._left.extend(todo[n:])  # the database is as busy, or as far away, for the others
                break
            except Exception:
                log.exception("left to the next start")  # once more would fail the same way

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """One consistent view of the data, without holding up writers. Raises Trouble 1103."""
        options = reading_options(self.engine)
        with told(), self.engine.connect().execution_options(reading=True, **options) as conn, conn.begin():
            yield Tx(conn)


def _emptied(left: deque[Callable[[], None]]) -> list[Callable[[], None]]:
    """Each is taken by one thread only."""
    out = []
    while left:
        try:
            out.append(left.popleft())
        except IndexError:
            break
    return out


class Tx(
    RecordStatements, ListStatements, PeopleStatements, CareStatements, WaitingStatements, ProofStatements, BlobStatements,
    MediaStatements, CredentialStatements, LogStatements, HistoryStatements, PlanningStatements, ReviewStatements,
    ExportStatements, KeptStatements,
):  # fmt: skip
    """Statements inside one transaction."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.after_commit: list[Callable[[], None]] = []
        self._settings: dict[str, str] | None = None

    def turn(self, what: str) -> None:
        """Until this transaction ends nobody else gets past here with the same word: for what has no row yet that could be
        locked."""
        wait_turn(self.conn, what)
