"""Received pictures: what is taken as one, thumbnails, and what they say of themselves.

The walk over a file's bytes (schemas/rules/picture) is done here: it decodes nothing and its cost is bounded. Everything that
decodes is done by a process of its own (worker.py), started with the first job, one job at a time. It is ended and started anew after
a job that took too long, after one that killed it, and after many jobs. It is spawned, never forked: forking a process with threads
can copy a lock that nobody will ever open.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.rules.picture import HEAD, MOST_BYTES, NotAPicture, Picture, look, looks_like, poses

JOB_S = 10.0  # one job's time; the slowest honest picture (100 megapixels, PNG) takes about three
WAIT_S = 20.0  # how long a job waits for those before it
JOBS = 500  # of one process; memory that libraries never give back goes with it
TRIES = 2  # of a picture over which the process died
MOST_ANSWER = 8 << 20
SIZES = (200, 400, 800, 1600)  # px, the longer side; a size in between is made the next larger one
ENVIRONMENT = (
    "PATH",
    "SYSTEMROOT",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "PYTHONHOME",
    "PYTHONPYCACHEPREFIX",
    "PYTHONPATH",
)

_HASH = re.compile(r"[0-9a-f]{64}")
_ROOT = Path(__file__).resolve().parents[2]  # where the packages are
log = logging.getLogger("jingtu")


class Died(Exception):
    """The worker did: by this job, or it took too long."""


class NoAnswer(Exception):
    """No worker could be asked just now; nothing is known of the picture."""


class Pictures:
    """`folder` keeps thumbnails; it may be emptied at any time."""

    def __init__(self, folder: Path, job_s: float = JOB_S) -> None:
        self.folder, self.job_s = folder, job_s
        self._looking = threading.BoundedSemaphore(2)  # each has a whole picture in memory
        self._busy = threading.Lock()
        self._closed = 0  # how often; a job asked for before the last time is not done any more
        self._process: subprocess.Popen[bytes] | None = None
        self._done = 0  # jobs of this process
        self._deadly: set[str] = set()  # files over which the worker died, until the server starts anew

    # --- what is taken ------------------------------------------------------------------------------------------------

    def check(self, path: Path, name: str) -> Picture | None:
        """The picture a received file is; None where it neither is one nor poses as one by name or first bytes. Raises NotAPicture.

        The file is read, not mapped: where a mapped file is cut short or the disk fails, the system ends the whole server."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                raise NotAPicture("empty")
            if not poses(name) and not looks_like(file.read(HEAD)):
                return None
            if size > MOST_BYTES:
                raise NotAPicture("bytes")
            with self._looking:
                file.seek(0)
                return look(file.read(MOST_BYTES + 1))

    # --- what the worker does -----------------------------------------------------------------------------------------

    def thumbnail(self, path: Path, sha: str, size: int = 400) -> bytes | None:
        """A JPEG of at most `size` px, upright. None where the picture cannot be shown, or not just now."""
        if not _HASH.fullmatch(sha):
            raise ValueError("no hash")
        size = next((s for s in SIZES if s >= size), SIZES[-1])
        kept = self.folder / sha[:2] / f"{sha}-{size}.jpg"
        never = kept.with_suffix(".none")  # says that it cannot be read: that is not tried with every look at a page
        with suppress(OSError):
            found = b"" if _older(kept, path) else kept.read_bytes()
            if found.startswith(b"\xff\xd8") and found.endswith(
                b"\xff\xd9"
            ):  # written without fsync: it can be made anew
                return found
        if never.exists() and not _older(never, path):
            return None
        try:
            sign, made = self._asked(path, do="thumbnail", size=size)
        except NoAnswer as err:
            log.warning("pictures: no thumbnail of %s just now: %s", sha, err)
            return None
        if sign == "+":
            self._keep(kept, made)
            return made
        if sign == "-":
            self._keep(never, made)
        return None

    def facts(self, path: Path) -> dict[str, Any]:
        """What the picture says of itself (schemas.rules.exif.as_json); {} where it says nothing, or cannot be read. Raises NoAnswer:
        ask again later."""
        sign, made = self._asked(path, do="facts")
        return dict(json.loads(made)) if sign == "+" else {}

    def close(self) -> None:
        """The worker ends, and so do those who wait for it; a later job would start a new one."""
        self._closed += 1
        process = self._process
        if process is not None:
            process.kill()
        with self._busy:
            self._end()

    # --- the process --------------------------------------------------------------------------------------------------

    @property
    def worker(self) -> int | None:
        """Its process id, while there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _asked(self, path: Path, **job: Any) -> tuple[str, bytes]:
        """ "+" and what was made, "-" where it cannot be read, "!" where the worker died over it. Raises NoAnswer."""
        name, closed = str(path.absolute()), self._closed
        if name in self._deadly:
            return "!", b""
        if not self._busy.acquire(timeout=WAIT_S):
            raise NoAnswer("too many wait")
        try:
            for _ in range(
                TRIES
            ):  # once may be an accident: somebody ended the worker, the machine was short of memory
                if self._closed != closed:
                    raise NoAnswer("the server is stopping")
                try:
                    return self._ask({"path": name, **job})
                except Died:
                    self._end()
                    log.warning("pictures: the worker ended over %s (%s)", path.name, job["do"])
        except OSError as err:
            self._end()
            raise NoAnswer(f"no process to be had: {err}") from err
        finally:
            self._busy.release()
        if self._closed != closed:
            raise NoAnswer("the server is stopping")
        self._deadly.add(name)
        return "!", b""

    def _ask(self, job: dict[str, Any]) -> tuple[str, bytes]:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        late = threading.Timer(self.job_s, process.kill)
        late.daemon = True
        late.start()
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            head = process.stdout.read(5)
            size = int.from_bytes(head[1:], "big")
            if len(head) < 5 or head[:1] not in b"+-" or size > MOST_ANSWER:
                raise Died
            made = process.stdout.read(size)
            if len(made) < size:
                raise Died
            return head[:1].decode(), made
        except (BrokenPipeError, ConnectionError) as err:
            raise Died from err
        finally:
            late.cancel()
            self._done += 1

    def _running(self) -> subprocess.Popen[bytes]:
        """The worker, started where there is none, where it was ended from outside, and where it has done its share."""
        if self._process is not None and (self._process.poll() is not None or self._done >= JOBS):
            self._end()
        if self._process is None:
            self._process, self._done = _spawn(), 0
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written to a process that is gone
                    pipe.close()

    def _keep(self, file: Path, contents: bytes) -> None:
        """Worth no failure: it can be made anew."""
        temp = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.new")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            temp.write_bytes(contents)
            os.replace(temp, file)
        except OSError as err:
            log.warning("pictures: a thumbnail was not kept: %s", err)
            with suppress(OSError):
                temp.unlink(missing_ok=True)


def _older(kept: Path, picture: Path) -> bool:
    """Was it made of the file that lay there before? One the disk has damaged is replaced when it is sent again."""
    with suppress(OSError):
        return kept.stat().st_mtime_ns < picture.stat().st_ctime_ns  # when it got its name
    return False


def _spawn() -> subprocess.Popen[bytes]:
    """With what a process needs to find its libraries, and nothing else of the environment: that names the database and secrets."""
    env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    env["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *filter(None, [env.get("PYTHONPATH")])])
    # -B: whoever may write no file, or meets a full disk, would leave half a .pyc, and with it nothing starts any more
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", "sync_server.blobs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
    )
