"""Documents as PDF, each set by a process of its own (worker.py) with a time limit: no input stalls or stops the server.

A process is spawned, never forked: forking a process with threads can copy a lock that nobody will ever open. It takes about half a
second to start, read the font and set a page; two at once, others wait a while and are then told.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from schemas.problems import Trouble
from sync_server.blobs.pictures import ENVIRONMENT
from sync_server.documents.drawing import PHOTO

JOB_S = 20.0
WAIT_S = 20.0  # how long one waits for those before it
MOST_BYTES = 8 << 20  # of what is set; the longest honest document has some hundred thousand
MOST_PHOTOS = 32 << 20  # bytes of photos, as text
_ROOT = Path(__file__).resolve().parents[2]  # where the packages are
_TURNS = threading.BoundedSemaphore(2)
log = logging.getLogger("jingtu")


def pressed(
    template: str, data: Mapping[str, Any], pictures: Mapping[str, str], at: datetime, job_s: float = JOB_S
) -> bytes:
    """The PDF. `pictures`: name → SVG, as the data names them; `at`: when it was made, for the file's own date.

    Raises Trouble 4509 where too many wait, 4508 where it could not be made (the trace is logged)."""
    job = json.dumps({"template": template, "data": data, "pictures": pictures, "at": int(at.timestamp())}).encode()
    seen = sum(len(svg) for svg in pictures.values() if PHOTO in svg)
    if len(job) - seen > MOST_BYTES or seen > MOST_PHOTOS:
        raise _failed(template, f"{len(job)} bytes of data, {seen} of them photos")
    if not _TURNS.acquire(timeout=WAIT_S):
        raise Trouble(4509)
    try:
        done = subprocess.run(_command(), input=job, capture_output=True, env=_environment(), timeout=job_s)
    except subprocess.TimeoutExpired as err:
        raise _failed(template, f"ended after {job_s} s") from err
    except OSError as err:
        raise _failed(template, f"no process to be had: {err}") from err
    finally:
        _TURNS.release()
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        raise _failed(template, f"code {done.returncode}: {done.stderr[-2000:].decode(errors='replace')}")
    return done.stdout


def _failed(template: str, why: str) -> Trouble:
    trace = secrets.token_hex(4)
    log.error("trace %s: document %s: %s", trace, template, why)
    return Trouble(4508, trace=trace)


def _command() -> list[str]:
    # -B: whoever may write no file would leave half a .pyc, and with it nothing starts any more
    return [sys.executable, "-P", "-B", "-m", "sync_server.documents.worker"]


def _environment() -> dict[str, str]:
    """What a process needs to find its libraries, and nothing else: the server's names the database and secrets. Few threads: each
    has address space of its own, and that is bounded."""
    env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    env["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *filter(None, [env.get("PYTHONPATH")])])
    return env | {"RAYON_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
