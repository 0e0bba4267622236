"""The database server of the tests leaves nothing behind, however a test run ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pg import runs, server

_RUN = """
import sys, time
from tests.pg import cluster
pg = cluster()
print(pg.folder, flush=True)
sys.stdin.read() if sys.argv[1] == "ends" else time.sleep(600)
"""


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_it_goes_with_the_test_process(how: str) -> None:
    run = subprocess.Popen([sys.executable, "-c", _RUN, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None and run.stdin is not None
    folder = Path(run.stdout.readline().strip())
    pid = server(folder)
    assert pid is not None and runs(pid) and folder.stat().st_uid != 0
    if how == "is killed":
        run.kill()
    run.stdin.close()
    run.wait(60)
    until = time.monotonic() + 60
    while (runs(pid) or folder.exists()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not runs(pid) and not folder.exists()
