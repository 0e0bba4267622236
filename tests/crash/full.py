"""Disks without room, for both sides: by a limit of the process, and where the machine allows it a small file system."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx

from schemas import canonical
from schemas.rules import evidence
from sync_server.main import create_app, service_of
from tests.api.conftest import Device, outcomes, problem
from tests.api.tus import append, begin
from tests.crash.nursery import Child, Nursery, pause
from tests.crash.server import free_port
from tests.crash.site import AT, PASSWORD, Site, comment, want
from tests.sim.transport import served

SMALL = "24m"


@contextmanager
def small_disk(at: Path) -> Iterator[bool]:
    """A file system of a few megabytes; False where this user may not mount one."""
    at.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(at)], capture_output=True)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(at)], check=True)


def tablet(folder: Path, nursery: Nursery, kind: str, place: Path) -> dict[str, int]:
    """call → how often it met a full disk."""
    site = Site(folder / "server")
    app = create_app(site.settings)
    service = app.state.parts.service
    code = site.code(service, site.samplers[0])
    url, stop = served(app)
    try:
        child = nursery.start("tests.crash.filling_tablet:main", kind, str(place), url, code, site.field, site.site)
        lines = child.end()
        want(child.status == 0, f"{lines[-1:]} was the last that went well: {child.said()}")
    finally:
        stop()
        service.store.close()
    return dict(json.loads(line) for line in lines)


def server(nursery: Nursery, kind: str, place: Path) -> dict[str, int]:
    """call → how often it met a full disk."""
    child = nursery.start("tests.crash.filling_server:main", kind, str(place))
    lines = child.end()
    want(child.status == 0, f"{lines[-1:]} was the last that went well: {child.said()}")
    return dict(json.loads(line) for line in lines)


class _Remote:
    """What `Device` wants of a server, where the server is a process of its own."""

    def __init__(self, site: Site, url: str) -> None:
        self.site, self.pm, self.field = site, site.pm, site.field
        self.service = service_of(site.settings)
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self.new_id = self.service.new_id
        with self.service.store.reading() as tx:
            self.epoch = tx.setting("epoch")

    def clock(self) -> datetime:
        return datetime.now(UTC)


def requests(folder: Path, nursery: Nursery) -> set[str]:
    """A running server whose disk fills up: every request that writes is answered 507 with 1102, none with 500; and once
    there is room the same requests go through, without a restart."""
    site, port = Site(folder / "server"), free_port()
    child = nursery.start("tests.crash.server:serve", str(site.settings.data), port)
    try:
        remote = _Remote(site, f"http://127.0.0.1:{port}")
        _wait(remote.http, child)
        return _asked(remote, child.pid)
    finally:
        if not child.ended:
            child.kill()


def _wait(http: httpx.Client, child: Child) -> None:
    for _ in range(3000):
        with suppress(httpx.HTTPError):
            http.get("/api/v1/types")
            return
        want(not child.ended, f"the server did not start: {child.said()}")
        pause(0.01)


def _asked(remote: _Remote, pid: int) -> set[str]:
    site, http, here = remote.site, remote.http, {"Sec-Fetch-Site": "same-origin"}
    device = Device(remote, site.samplers[0])  # type: ignore[arg-type]
    helper = Device(remote, site.helper)  # type: ignore[arg-type]
    point = helper.push([helper.change("point", {"code": "S1", "site_id": site.site, "started_at": AT})])
    (parked,) = (d["id"] for d in point.json()["details"])
    lines = [device.change("comment", comment(site.site, "字" * 4000)) for _ in range(3)]
    private, salt, code = evidence.new_key(), evidence.b64(bytes(32)), site.code(remote.service, site.samplers[1])
    public = evidence.public_of(private)
    signature = evidence.sign(private, f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode())
    enrol = {"code": code, "public_key": public, "salt_key": salt, "label": "平板", "signature": signature}
    head, whole = canonical.dumps({"epoch": "before"}), bytes(100_000)
    upload = begin(http, device.auth, hashlib.sha256(whole).hexdigest(), len(whole), site.field).headers["location"]
    row = evidence.row_line("comment", remote.new_id(), 9, comment(site.site, "见过"))
    want(
        http.post("/console/login", data={"username": "pm", "password": PASSWORD}, headers=here).status_code == 303,
        "no sign-in",
    )
    decide = {"id": [parked], "decision": "accept", "reason": "核对过"}
    asked: dict[str, Callable[[], httpx.Response]] = {
        "token": lambda: device.ask_token(device.assertion()),
        "password": lambda: http.post("/api/v1/auth/token", data={"username": "pm", "password": PASSWORD}),
        "push": lambda: device.push(lines),
        "enrol": lambda: http.post("/api/v1/enrol", json=enrol),
        "blocks": lambda: http.post("/api/v1/blocks", json={"use": "sample", "size": 9}, headers=device.auth),
        "seen": lambda: http.post(f"/api/v1/scopes/{site.field}/seen", content=head + b"\n" + row, headers=device.auth),
        "announce": lambda: begin(http, device.auth, "0" * 64, 9, site.field),
        "append": lambda: append(http, device.auth, upload, 0, whole),
        "decide": lambda: http.post(f"/console/projects/{site.project}/waiting/parked", data=decide, headers=here),
        "login": lambda: http.post("/console/login", data={"username": "pm", "password": PASSWORD}, headers=here),
    }
    hard = resource.RLIM_INFINITY
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    for name, ask in asked.items():
        answer = ask()
        want(answer.status_code == 507, f"{name} on a full disk is answered {answer.status_code} {answer.text[:300]}")
        want("Traceback" not in answer.text, f"{name} shows a traceback")
        if answer.headers["content-type"].startswith("application/problem+json"):
            problem(answer, 1102)
        else:  # a page
            want("1102" in answer.text or "磁盘" in answer.text, f"{name}: the page does not say what is wrong")
    want(device.pull().status_code == 200, "a full disk cannot be pulled from")
    want(http.get(f"/console/projects/{site.project}").status_code == 200, "a full disk shows no pages")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    for name, ask in asked.items():
        answer = ask()
        want(
            answer.status_code in (200, 201, 204, 303),
            f"{name}, when there is room again: {answer.status_code} {answer.text[:300]}",
        )
    want(outcomes(device.push(lines, first=1, prev=evidence.first_link(site.field, device.enrolment))) == ["applied"] * 3,
         "what was acknowledged when there was room is not there")  # fmt: skip
    remote.http.close()
    remote.service.store.close()
    return set(asked)
