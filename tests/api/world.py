"""A server with two projects and everybody who may come, and how one of them asks for an address."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from schemas.rules import evidence
from sync_server.service import Caller, Write
from sync_server.store import BlobRow, SourceRow, Stored
from tests.api import rules
from tests.api.conftest import AT, Device, Server, details
from tests.api.rules import ACCOUNTS, DEVICES
from tests.api.tus import picture

PASSWORD = "long enough"
OURS = {"Sec-Fetch-Site": "same-origin"}  # what a browser says of a post from our own page
ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}"
)  # of records, and of files


class World:
    """A server with two projects and everybody who may come, signed in."""

    def __init__(self, folder: Path) -> None:
        self.server = s = Server(folder)
        service, new = s.service, s.new_id
        self.people = {who: new() for who in (*ACCOUNTS, "gone")}
        person = {"name": "人", "org_id": s.org, "duties": ["sampler"]}
        service.write(None, [Write("person", p, s.home, person) for p in self.people.values()])
        for who, id in self.people.items():
            if who in rules.ROLES:
                service.grant(id, s.project, who)
        service.grant(self.people["home_administrator"], s.org, "administrator")
        service.grant(self.people["disabled"], s.project, "sampler")
        service.grant(self.people["former"], s.project, "sampler")
        service.grant(self.people["gone"], s.other, "sampler")
        self.devices = {who: Device(s, self.people[rules.role(who)]) for who in DEVICES}
        lost = Device(s, self.people["gone"])
        self.late = {s.project: self.devices["device_former"], s.other: lost}  # hand in what has to wait
        service.withdraw(self.people["former"], s.project, "sampler")
        service.withdraw(self.people["gone"], s.other, "sampler")
        service.revoke(self.devices["device_revoked"].enrolment)
        s.auth._hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))  # many sign in here
        self.cookies: dict[str, str] = {}
        self.tokens = {who: device.token for who, device in self.devices.items()}
        for who in ACCOUNTS:
            s.auth.add_account(self.people[who], who, PASSWORD)
            self.cookies[who] = self.session(who)
            got = self.call("POST", "/api/v1/auth/token", data={"username": who, "password": PASSWORD})
            self.tokens[who] = got.json()["access_token"]
        with service.store.writing() as tx:
            tx.conn.exec_driver_sql("UPDATE account SET disabled = 1 WHERE person = ?", (self.people["disabled"],))
        self.blobs = {place: self.blob(place) for place in rules.SCOPES if place != "nowhere"}
        self.upload = service.begin_upload(Caller(s.pm), "0" * 64, 9, "a.bin", s.field).id

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        with httpx.Client(transport=self.server.transport, base_url="http://sim") as client:  # keeps no cookie
            return client.request(method, path, **more)

    def session(self, who: str) -> str:
        answer = self.call("POST", "/console/login", data={"username": who, "password": PASSWORD}, headers=OURS)
        return str(answer.headers["set-cookie"].partition(";")[0])

    def headers(self, who: str, console: bool) -> dict[str, str]:
        """A device's token is shown to the pages too: they must not take it."""
        out = dict(OURS) if console else {}
        if who in self.tokens:
            out["Authorization"] = f"Bearer {self.tokens[who]}"
        if console and who in self.cookies:
            out["Cookie"] = self.cookies[who]
        return out

    def place(self, place: str) -> tuple[str, str]:
        """(project, scope) by the names of the table."""
        if place == "organisation":
            return self.server.org, self.server.home
        owner, _, audience = place.partition(".")
        known = {"own": self.server.project, "foreign": self.server.other}
        project = known.get(owner) or self.server.new_id()
        return project, f"{project}.{audience or 'field'}"

    def blob(self, place: str) -> str:
        """A picture that a record in this scope names, sent for it by somebody else than those who ask."""
        s, (_, scope) = self.server, self.place(place)
        data = picture(place)
        sha = sha256(data).hexdigest()
        temp = s.folder / "picture"
        temp.write_bytes(data)
        s.app.state.parts.files.take(temp, sha)
        with s.service.store.writing() as tx:
            tx.add_blob(BlobRow(sha, len(data), "jpg", "a.jpg", AT, "{}"))
            tx.add_blob_source(SourceRow(sha, scope, s.pm, None, "a.jpg", AT))
            tx.put([Stored("photo", s.new_id(), scope, 0, {"sha256": sha})], [])
        return sha

    def parked(self, project: str) -> str:
        """A change that waits in this project, made for one question; of no project: one that nobody made."""
        if project not in self.late:
            return self.server.new_id()
        device, scope = self.late[project], f"{project}.field"
        (told,) = details(device.push([device.change("point", self.server.point(), scope=scope)], scope))
        assert told["outcome"] == "parked"
        return str(told["id"])

    def lost(self, project: str) -> str:
        """A record only a tablet remembers."""
        record, scope = self.server.new_id(), f"{project}.field"
        if project in self.late:
            values = {"code": "S9", "name": "九号", "status": "idle", "division_code": "1"}
            row = {"scope": scope, "record": record, "type": "site", "seq": 1, "epoch": "before", "received_at": AT,
                   "enrolment": self.late[project].enrolment, "line": evidence.row_line("site", record, 1, values)}  # fmt: skip
            with self.server.service.store.writing() as tx:
                tx.add_seen([row])
        return record

    def conflict(self, project: str) -> str:
        """An open conflict among the field records of this project; of no project: one that nobody noted."""
        s, scope = self.server, f"{project}.field"
        if project not in self.late:
            return s.new_id()
        site, id = s.new_id(), s.new_id()
        values = {"code": f"S{site[-6:]}", "name": "九号", "status": "idle", "division_code": "1"}
        clash = {"subject_kind": "site", "subject_id": site, "change_id": s.new_id(), "field_name": "name",
                 "before": '{"name":null}', "now": '{"name":"九号"}', "after": '{"name":"十号"}'}  # fmt: skip
        s.service.write(None, [Write("site", site, scope, values), Write("conflict", id, scope, clash)])
        return id


# --- one question, one answer ----------------------------------------------------------------------------------------

Probe = Callable[[World, str, str], httpx.Response | str]


def values_of(world: World, audience: str) -> dict[str, Any]:
    s = world.server
    return {
        "field": s.point(),
        "enforcement": {"code": "J1", "kind": "patrol", "site_id": s.site, "org_id": s.org, "started_at": AT,
                        "officers": [{"person_id": s.inspector, "name": "甲", "duty": "inspector"}]},
        "transfer": {"code": "D1", "kind": "pit"},
        "organisation": {"code": "I1", "kind": "pid", "model": "M", "serial_no": "1", "org_id": s.org},
    }[audience]  # fmt: skip


def ask(path: str, method: str = "GET", **more: Any) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, scope = world.place(place)
        clash = world.conflict(project) if "{conflict}" in path else ""
        sha = world.blobs.get(place, "0" * 64)
        there = path.format(project=project, scope=scope, type=rules.type_of(place), conflict=clash, sha256=sha)
        return world.call(method, there, headers=world.headers(who, there.startswith("/console")), **more)

    return probe
