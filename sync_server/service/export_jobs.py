"""The work behind exports: jobs made beside everything else, their files, and what a start finds of those an earlier process left.

At most MOST are made at once by a process. A job belongs to the process that makes it, which holds a lock on a file as long as it
lives: whoever starts later sees of which jobs the process is gone, and says so. A file has its name only when it is whole.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.problems import Trouble
from sync_server.export.making import Cancelled, Made, expected, make
from sync_server.export.wish import Wish
from sync_server.service.exporting import Exporting
from sync_server.store import ExportRow
from sync_server.store.engine import room_on_disk

log = logging.getLogger("jingtu")
MOST = 2  # made at once
KEPT_MS = 24 * 3_600_000
TOLD_S = 1.0  # between two words about how far it is
AGAIN_S, TRIES = 2.0, 30  # what came of it is written again, where the database is busy or the disk is full
LOOK_S = 600.0  # how long nobody looks for files whose day is over


class ExportJobs(Exporting):
    def _begin_exports(self, folder: Path | None) -> None:
        """`folder`: where the files lie; nothing is made of it before there is one."""
        self._exports = folder
        self._export_lock = threading.Lock()
        self._export_threads: set[threading.Thread] = set()
        self._export_stop, self._export_wake = threading.Event(), threading.Event()
        self._runner = secrets.token_hex(8)
        self._runner_fd: int | None = None

    # --- making --------------------------------------------------------------------------------------------------

    def look_exports(self) -> None:
        """There may be something to make, or to remove: it is done beside the work from now on."""
        if self._exports is None or self._export_stop.is_set():
            return
        with self._export_lock:
            if len(self._export_threads) < MOST:
                thread = threading.Thread(target=self._export_thread, name="jingtu-export", daemon=True)
                self._export_threads.add(thread)
                thread.start()
        self._export_wake.set()

    def _export_thread(self) -> None:
        """Makes what waits. The last thread stays as long as there are files to remove."""
        me = threading.current_thread()
        while not self._export_stop.is_set():
            self._export_wake.clear()
            rest: float | None = None
            try:
                while not self._export_stop.is_set() and self.make_export():
                    pass
                self.clear_exports()
                with self.store.reading() as tx:
                    over = tx.next_export_over()
                rest = None if over is None else max(1.0, (over - self.now_ms()) / 1000)
            except Trouble as err:  # a database that is busy or away: it is there to be made the next time
                log.warning("exports: %s", err)
                rest = AGAIN_S
            except Exception:
                log.exception("exports: left for later")
            with self._export_lock:
                if not self._export_wake.is_set() and (rest is None or len(self._export_threads) > 1):
                    self._export_threads.discard(me)
                    return
            self._export_wake.wait(min(rest or 0, LOOK_S))
        with self._export_lock:
            self._export_threads.discard(me)

    def make_export(self) -> bool:
        """Make the one that has waited longest; False where none waits."""
        with self.store.reading() as tx:
            waiting = [row.id for row in tx.exports_in("waiting")]
        for id in waiting:
            self._hold()
            with self.store.writing() as tx:
                mine = tx.move_export(id, ("waiting",), state="running", runner=self._runner)
                row = tx.export(id)
            if mine and row is not None:
                self._make_export(row)
                return True
        return False

    def _make_export(self, row: ExportRow) -> None:
        path = self._export_path(row.id)
        try:
            with self.store.reading() as tx:
                order = self.export_order(tx, row.person, row.project, Wish.read(row.wished()), self.now())
            total = expected(self, order)
            self._grew(row.id, 0, total=total)
            made = make(self, self.shelf.files if self._shelf else None, order, path, self._teller(row.id))
        except Cancelled:
            if self._export_stop.is_set():
                self._end_export(row, state="interrupted")
            return
        except Trouble as err:
            number = 4507 if err.problem.number == 1102 else err.problem.number
            self._end_export(row, state="failed", problem=number, words=json.dumps(err.words, ensure_ascii=False))
            return
        except Exception:
            trace = secrets.token_hex(4)
            log.exception("trace %s: export %s", trace, row.id)
            self._end_export(row, state="failed", problem=4506, words=json.dumps({"trace": trace}))
            return
        if not self._end_export(row, made, list(order.scopes)):
            path.unlink(missing_ok=True)  # cancelled in the last moment, or nobody can be told of it

    def _teller(self, id: str) -> Callable[[int], None]:
        """Writes now and then how far it is, and hears whether anybody still wants it."""
        last = time.monotonic()

        def tell(n: int) -> None:
            nonlocal last
            if self._export_stop.is_set():
                raise Cancelled
            if time.monotonic() - last >= TOLD_S:
                last = time.monotonic()
                self._grew(id, n)

        return tell

    def _grew(self, id: str, n: int, **more: Any) -> None:
        """Raises Cancelled. That a busy database does not take the word is no harm."""
        try:
            with self.store.writing() as tx:
                wanted = tx.move_export(id, ("running",), done=n, **more)
        except Trouble as err:
            log.warning("progress of export %s: %s", id, err)
            return
        if not wanted:
            raise Cancelled

    def _end_export(self, row: ExportRow, made: Made | None = None, scopes: Sequence[str] = (), **values: Any) -> bool:
        """What came of it, with its line in the audit log: in one transaction, tried until it is in. False where it had ended."""
        at = self.now()
        if made is not None:
            counts = made.counts._asdict() | {"rows": dict(made.counts.rows)}
            values = {"state": "done", "done": made.counts.total, "total": made.counts.total, "size": made.size, "sha256": made.sha256,
                      "scopes": json.dumps(list(scopes)), "counts": json.dumps(counts), "expires_at": self.now_ms() + KEPT_MS}  # fmt: skip
        for _ in range(TRIES):
            try:
                with self.store.writing() as tx:
                    ended = tx.move_export(row.id, ("running",), ended_at=at, **values)
                    if ended and made is not None:
                        told = {
                            "job": row.id,
                            "file": row.name,
                            "rows": made.counts.total,
                            "size": made.size,
                            "sha256": made.sha256,
                        }
                        tx.note(at, row.person, "export_made", row.project, owner=row.project, **told)
                return ended
            except Trouble as err:
                log.warning("what came of export %s: %s", row.id, err)
                if self._export_stop.wait(AGAIN_S):
                    return False
        return False

    # --- files ---------------------------------------------------------------------------------------------------

    def _export_path(self, id: str) -> Path:
        if self._exports is None:
            raise Trouble(4501)
        return self._exports / id

    def _hold(self) -> None:
        """This process lives: a lock nobody else gets as long as it does. Raises Trouble 1102."""
        if self._runner_fd is not None or self._exports is None:
            return
        with room_on_disk():
            self._exports.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._exports / f"{self._runner}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
        self._runner_fd = fd

    def _lives(self, runner: str | None) -> bool:
        """Whether the process that makes it is there."""
        if runner is None or self._exports is None:
            return False
        if runner == self._runner:
            return bool(self._export_threads)
        try:
            fd = os.open(self._exports / f"{runner}.lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False

    def settle_exports(self) -> None:
        """At a start: jobs whose process is gone are told as interrupted, and no part of a file stays. Raises Trouble 1102."""
        with self.store.reading() as tx:
            running, kept = tx.exports_in("running"), tx.exports_in("done")
        dead = [row for row in running if not self._lives(row.runner)]
        lost = [row for row in kept if self._exports is None or not self._export_path(row.id).is_file()]
        if dead or lost:
            with self.store.writing() as tx:
                for row in dead:
                    tx.move_export(row.id, ("running",), state="interrupted", ended_at=self.now())
                for row in lost:  # a restored backup brings no export files
                    tx.move_export(row.id, ("done",), state="removed")
        self._sweep()

    def _sweep(self) -> None:
        """What no job speaks of goes; so do the locks of processes that are gone. Looked up file by file: jobs go on meanwhile."""
        if self._exports is None or not self._exports.is_dir():
            return
        for path in list(self._exports.iterdir()):
            if path.suffix == ".lock":
                if path.stem != self._runner and not self._lives(path.stem):
                    path.unlink(missing_ok=True)
                continue
            with self.store.reading() as tx:
                row = tx.export(path.name.partition(".")[0])
            if row is None or not (row.open or row.state == "done"):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def clear_exports(self) -> int:
        """Remove the files that have had their day; how many. Raises Trouble 1102."""
        with self.store.reading() as tx:
            over = tx.exports_over(self.now_ms())
        for id in over:
            with suppress(OSError):
                self._export_path(id).unlink(missing_ok=True)
        if over:
            with self.store.writing() as tx:
                for id in over:
                    tx.move_export(id, ("done",), state="removed")
        return len(over)

    def rest_exports(self) -> None:
        """Nothing is made when this returns; what was being made is told as interrupted."""
        self._export_stop.set()
        self._export_wake.set()
        with self._export_lock:
            threads = list(self._export_threads)
        for thread in threads:
            thread.join()
        if self._runner_fd is not None:
            os.close(self._runner_fd)
            self._runner_fd = None
            if self._exports is not None:
                (self._exports / f"{self._runner}.lock").unlink(missing_ok=True)
