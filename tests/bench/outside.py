"""What is counted from outside a process: calls of fsync and fdatasync (strace), memory (/proc)."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_CALL = re.compile(r"^(\d+) +(fsync|fdatasync|pwrite64)\(\d+<([^>]*)>(?:, .*, (\d+), (\d+)(?:\)| <))?", re.M)


class Syncs(NamedTuple):
    """What all threads of the processes that were watched did."""

    all: int  # calls of fsync and fdatasync
    transactions: int  # commits by SQLite's write-ahead log; means nothing of another database


def read_trace(text: str) -> Syncs:
    """Out of strace's lines, in order. A commit is a thread that writes to a log and syncs it. A checkpoint syncs a log it
    wrote nothing to, and one that begins anew is synced after its header of 32 bytes alone."""
    syncs = commits = 0
    wrote: set[tuple[str, str]] = set()  # (thread, log): not synced yet
    for thread, call, file, size, offset in _CALL.findall(text):
        log = file.endswith("-wal")
        if call == "pwrite64":
            if log and (size, offset) != ("32", "0"):
                wrote.add((thread, file))
            continue
        syncs += 1
        if (thread, file) in wrote:
            wrote.discard((thread, file))
            commits += 1
    return Syncs(syncs, commits)


class Watch:
    """`syncs` is set when the block has ended; None where there is no strace, or it may not look at that process."""

    syncs: Syncs | None = None


@contextmanager
def watching(pids: Sequence[int]) -> Iterator[Watch]:
    """Slows the processes down: what is counted is not what is timed."""
    watch = Watch()
    if not pids or not shutil.which("strace"):
        yield watch
        return
    with tempfile.NamedTemporaryFile("r") as out:
        command = ["strace", "-f", "-q", "-y", "-e", "trace=fsync,fdatasync,pwrite64", "-o", out.name]
        trace = subprocess.Popen([*command, *(f"-p{pid}" for pid in pids)], stderr=subprocess.DEVNULL)
        try:
            attached = _attached(trace, pids)
            yield watch
            time.sleep(0.2)
        finally:
            trace.send_signal(signal.SIGINT)
            trace.wait()
        if attached:
            watch.syncs = read_trace(out.read())


def _attached(trace: subprocess.Popen[bytes], pids: Sequence[int]) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end and trace.poll() is None:
        if all(status(pid, "TracerPid") in (trace.pid, None) for pid in pids):  # None: ended meanwhile
            time.sleep(0.1)  # the other threads of it
            return True
        time.sleep(0.02)
    return False


def fsyncs(pid: int, work: Callable[[], Any]) -> int | None:
    """How often a process calls fsync or fdatasync meanwhile; None where strace cannot tell."""
    with watching([pid]) as watch:
        work()
    return watch.syncs.all if watch.syncs else None


def status(pid: int, name: str) -> int | None:
    """A number out of /proc/<pid>/status; None where there is no such file or line."""
    try:
        found = re.search(rf"^{name}:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        return None
    return int(found[1]) if found else None


def resident_mb(pid: int) -> float | None:
    """Memory of a process that is in RAM now, MB of 10^6 bytes; None where the system does not tell."""
    kib = status(pid, "VmRSS")
    return None if kib is None else round(kib * 1024 / 1e6, 1)


def peak_mb(pid: int) -> float | None:
    """The most that it ever was (VmHWM)."""
    kib = status(pid, "VmHWM")
    return None if kib is None else round(kib * 1024 / 1e6, 1)
