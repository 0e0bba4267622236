"""Waits beside a test run and clears its PostgreSQL away when the run is over, however it ended.

`python guard.py FOLDER`, standard library only. It ends when its input closes or its parent is gone: a killed test
process can do nothing itself.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path


def server(folder: Path) -> int | None:
    try:
        return int((folder / "data" / "postmaster.pid").read_text().split("\n")[0])
    except (OSError, ValueError):
        return None


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def main(folder: Path) -> None:
    parent = os.getppid()
    # processes forked from the test process hold the other end of the pipe too, so it alone does not tell
    while os.getppid() == parent and not select.select([sys.stdin], [], [], 1.0)[0]:
        pass
    pid, until = server(folder), time.monotonic() + 10
    if pid is not None and runs(pid):
        os.kill(pid, signal.SIGQUIT)  # at once: nobody wants this data any more
        while runs(pid) and time.monotonic() < until:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
