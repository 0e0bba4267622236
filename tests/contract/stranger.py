"""A sync client written from `docs/sync-protocol.md` alone; it imports nothing of the project.

What is marked "§n" follows that section of the document. Its state is one SQLite file.
"""

from __future__ import annotations

import gzip
import hmac
import json
import os
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.contract.encoding import NotReached, Problem, b64, canonical, sha, unb64, uuid7

Values = dict[str, Any]
Line = tuple[int, bytes, bytes]  # position, line, link
ORDER = ("organisation", "field", "transfer", "enforcement")
CHANGE_KEYS = ("id", "scope", "type", "record", "before", "after", "made_at", "by", "device")
TABLES = """
pragma synchronous = off;
create table if not exists note (key text primary key, value text);
create table if not exists row (scope text, id text, seq integer, type text, line blob, primary key (scope, id));
create table if not exists cursor (scope text primary key, seq integer, total text);
create table if not exists change (n integer primary key, enrolment text, scope text, position integer, id text unique,
    type text, record text, line blob, link blob, outcome text, seq integer, detail text);
"""


class Stranger:
    def __init__(self, url: str, path: Path, transport: httpx.BaseTransport | None = None, tries: int = 4) -> None:
        self.path, self.tries, self.pause = path, tries, 0.05
        self.http = httpx.Client(base_url=url, transport=transport, timeout=20)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(TABLES)
        self.access = ""
        self.grants: dict[str, dict[str, Any]] = {}
        self.gzipped_answers = 0

    # -- small things -------------------------------------------------------------------------------------------------
    def get(self, key: str) -> Any:
        found = self.all("select value from note where key = ?", key)
        return json.loads(found[0][0]) if found else None

    def all(self, ask: str, *values: Any) -> list[Any]:
        return self.db.execute(ask, values).fetchall()

    def put(self, **notes: Any) -> None:
        rows = [(key, json.dumps(value)) for key, value in notes.items()]
        self.db.executemany("insert or replace into note values (?, ?)", rows)

    def sign(self, text: str) -> str:
        return b64(Ed25519PrivateKey.from_private_bytes(unb64(self.get("private"))).sign(text.encode()))

    def ask(self, method: str, path: str, tries: int = 0, **rest: Any) -> httpx.Response:
        """One request, repeated until a whole answer came; a problem is raised; 2002 fetches a new token once."""
        for attempt in range(tries or self.tries):
            time.sleep(self.pause * 2**attempt if attempt else 0)
            own = rest.get("headers", {}) | ({"Authorization": f"Bearer {self.access}"} if self.access else {})
            try:
                answer = self.http.request(method, path, **(rest | {"headers": own}))
                if (clock := answer.headers.get("jingtu-time", "")).isdigit():
                    self.put(server_offset_ms=int(clock) - int(time.time() * 1000))
                if answer.headers.get("content-type", "").startswith("application/problem+json"):
                    raise Problem(answer.json())
            except (httpx.HTTPError, ValueError, KeyError):
                continue
            except Problem as problem:
                if problem.number == 2002 and attempt == 0 and self.access:
                    self.token()
                elif problem.body["status"] < 500:
                    raise
                continue
            self.gzipped_answers += answer.headers.get("content-encoding") == "gzip"
            if answer.status_code == 200:
                return answer
        raise NotReached(path)

    def ask_json(self, method: str, path: str, keys: tuple[str, ...] = (), **rest: Any) -> Any:
        answer = self.ask(method, path, **rest)
        try:
            body = answer.json()
            assert all(key in body for key in keys)
            return body
        except (ValueError, AssertionError) as error:
            raise NotReached(path) from error

    # -- §2, §3 -------------------------------------------------------------------------------------------------------
    def enrol(self, code: str, label: str) -> None:
        """Also a second time, after 1203, 1204 or 2005: what is unsent is made again, under the new enrolment."""
        if self.get("enrolling") != code:  # a repeated request uses the same key
            private = Ed25519PrivateKey.generate()
            self.put(private=b64(private.private_bytes_raw()), salt_key=b64(os.urandom(32)), enrolling=code)
        public = b64(Ed25519PrivateKey.from_private_bytes(unb64(self.get("private"))).public_key().public_bytes_raw())
        salt = self.get("salt_key")
        body = {"code": code, "public_key": public, "salt_key": salt, "label": label, "app_version": "stranger 1"}
        body["signature"] = self.sign(f"jingtu-enrol-1\n{code}\n{public}\n{salt}")
        keys = ("enrolment", "device", "person", "server_key", "epoch", "scopes")
        self.access = ""
        answer = self.ask_json("POST", "/api/v1/enrol", keys, json=body)
        self.put(**{key: answer[key] for key in keys})
        unsent = self.all("select id, line from change where outcome is null and enrolment != ?", answer["enrolment"])
        for change, line in unsent:
            self.db.execute("delete from change where id = ?", (change,))
            self.append(json.loads(line) | {"by": answer["person"], "device": answer["device"]})

    def token(self) -> None:
        self.access = ""
        for attempt in range(self.tries):  # never the same assertion twice: a `jti` counts once
            now = int(time.time() + (self.get("server_offset_ms") or 0) / 1000)
            claims = {"iss": self.get("enrolment"), "aud": "jingtu", "iat": now, "exp": now + 300, "jti": uuid7()}
            text = b64(canonical({"alg": "EdDSA", "typ": "JWT"})) + "." + b64(canonical(claims))
            form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
            form["assertion"] = f"{text}.{self.sign(text)}"
            try:
                answer = self.ask_json("POST", "/api/v1/auth/token", ("access_token",), tries=1, data=form)
            except (Problem, NotReached) as error:
                if isinstance(error, Problem) and error.number != 2008 or attempt == self.tries - 1:
                    raise
                continue
            self.access = answer["access_token"]
            break

    def me(self) -> None:
        body = self.ask_json("GET", "/api/v1/me", ("scopes", "epoch", "server_key"))
        if body["epoch"] != self.get("epoch"):
            self.new_epoch(body["epoch"])
        self.grants = {grant["scope"]: grant for grant in body["scopes"]}
        self.directories: dict[str, str] = body.get("directories") or {}
        for (scope,) in self.all("select distinct scope from row"):
            if scope not in self.grants:
                self.forget(scope)

    def scope(self, audience: str) -> str:
        return next(scope for scope, grant in self.grants.items() if grant["audience"] == audience)

    # -- §4, §5 -------------------------------------------------------------------------------------------------------
    def link_of(self, scope: str, position: int) -> bytes:
        if position == 0:
            return sha(f"jingtu-chain-1\n{scope}\n{self.get('enrolment')}".encode())
        return self.chain(scope, position, 1)[0][2]

    def chain(self, scope: str, first: int, size: int = -1) -> list[Line]:
        ask = "select position, line, link from change where enrolment = ? and scope = ? and position >= ? "
        return self.all(ask + "order by position limit ?", self.get("enrolment"), scope, first, size)

    def next_link(self, before: bytes, change: str, line: bytes) -> bytes:
        salt = hmac.digest(unb64(self.get("salt_key")), change.encode(), "sha256")[:16]
        return sha(before, sha(salt, line))

    def last(self, scope: str) -> int:
        ask = "select max(position) from change where enrolment = ? and scope = ?"
        return self.all(ask, self.get("enrolment"), scope)[0][0] or 0

    def change(self, scope: str, kind: str, record: str, before: Values, after: Values) -> str:
        """Makes a change; answers its id."""
        made_at = {"wall": datetime.now().astimezone().isoformat(), "mono_ms": time.monotonic_ns() // 1_000_000}
        made_at["server_offset_ms"] = self.get("server_offset_ms")
        parts: Values = dict(id=uuid7(), scope=scope, type=kind, record=record, before=before, after=after)
        self.append(parts | dict(made_at=made_at, by=self.get("person"), device=self.get("device")))
        return parts["id"]

    def append(self, parts: Values) -> None:
        line = b"{" + b",".join(canonical(key) + b":" + canonical(parts[key]) for key in CHANGE_KEYS) + b"}"
        position = self.last(parts["scope"]) + 1
        link = self.next_link(self.link_of(parts["scope"], position - 1), parts["id"], line)
        row = (self.get("enrolment"), parts["scope"], position, parts["id"], parts["type"], parts["record"], line, link)
        columns = "enrolment, scope, position, id, type, record, line, link"
        self.db.execute(f"insert into change ({columns}) values (?,?,?,?,?,?,?,?)", row)

    def make(self, scope: str, kind: str, /, **values: Any) -> str:
        record = uuid7()
        self.change(scope, kind, record, {}, values)
        return record

    def edit(self, scope: str, record: str, /, **values: Any) -> str:
        kind, seen = self.view(scope)[record]
        return self.change(scope, kind, record, {key: seen.get(key) for key in values}, values)

    def void(self, scope: str, record: str, reason: str) -> str:
        return self.edit(scope, record, deleted=True, void_reason=reason)

    # -- §6 -----------------------------------------------------------------------------------------------------------
    def push_body(self, scope: str, lines: list[Line], links: bool = False) -> bytes:
        first, (last, _, head) = lines[0][0], lines[-1]
        sent = sha(b"\n".join(line for _, line, _ in lines)).hex()
        text = f"jingtu-push-1\n{scope}\n{self.get('enrolment')}\n{last}\n{head.hex()}\n{sent}"
        top = {"enrolment": self.get("enrolment"), "epoch": self.get("epoch"), "first": first, "head": head.hex()}
        top |= {"prev": self.link_of(scope, first - 1).hex(), "signature": self.sign(text)}
        top |= {"pending": self.last(scope) - last, "lines": sent}
        if links:
            top["links"] = [link.hex() for _, _, link in lines]
        return b"\n".join([canonical(top), *(line for _, line, _ in lines)]) + b"\n"

    def send(self, scope: str, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        path = f"/api/v1/scopes/{scope}/push"
        return self.ask_json("POST", path, ("receipt", "signature"), content=gzip.compress(body), headers=headers)

    def push(self, scope: str, size: int = 500, first: int | None = None) -> int:
        """Pushes what is unsent (or everything from `first`); answers how many changes the server acknowledged."""
        done, links = 0, False
        if first is None:
            ask = "select min(position) from change where enrolment = ? and scope = ? and outcome is null"
            first = self.all(ask, self.get("enrolment"), scope)[0][0]
        while first is not None and (lines := self.chain(scope, first, size)):
            try:
                answer = self.send(scope, self.push_body(scope, lines, links))
            except Problem as problem:
                if problem.number == 1201:
                    self.new_epoch(problem.body["epoch"])
                    first = 1
                elif problem.number == 1202 and problem.body["expected"] < first:
                    first = problem.body["expected"]
                elif problem.number == 1205 and not links:
                    links = True
                elif problem.number == 1207:
                    raise NotReached("push: damaged on the way") from problem
                else:
                    raise
                continue
            self.take_receipt(scope, lines, answer)
            done, links, first = done + len(lines), False, lines[-1][0] + 1
        return done

    def take_receipt(self, scope: str, lines: list[Line], answer: dict[str, Any]) -> None:
        """The checks of §6; anything odd is "not reached"."""
        first, (last, _, head) = lines[0][0], lines[-1]
        try:
            key = Ed25519PublicKey.from_public_bytes(unb64(self.get("server_key")))
            key.verify(unb64(answer["signature"]), answer["receipt"].encode())
            receipt = json.loads(answer["receipt"])
            told = [receipt[name] for name in ("scope", "enrolment", "first", "last", "head")]
            assert told == [scope, self.get("enrolment"), first, last, head.hex()]
            outcomes: list[tuple[str, int | None]] = []
            for position, count, outcome, seq in receipt["runs"]:
                assert position == first + len(outcomes)
                outcomes += [(outcome, None if seq is None else seq + n) for n in range(count)]
            assert len(outcomes) == len(lines)
        except (ValueError, KeyError, TypeError, AssertionError, InvalidSignature) as error:
            raise NotReached("receipt") from error
        self.db.execute("begin")
        for (position, _, _), (outcome, seq) in zip(lines, outcomes, strict=True):
            ask = "update change set outcome = ?, seq = ? where enrolment = ? and scope = ? and position = ?"
            self.db.execute(ask, (outcome, seq, self.get("enrolment"), scope, position))
        for detail in answer.get("details", []):
            self.db.execute("update change set detail = ? where id = ?", (json.dumps(detail), detail["id"]))
        self.db.execute("commit")

    def ask_parked(self, scope: str) -> None:
        ids = [change for (change,) in self.all("select id from change where scope = ? and outcome = 'parked'", scope)]
        for start in range(0, len(ids), 1000):
            some = {"ids": ids[start : start + 1000]}
            for now in self.ask_json("POST", f"/api/v1/scopes/{scope}/outcomes", json=some):
                ask = "update change set outcome = ?, seq = ?, detail = ? where id = ?"
                self.db.execute(ask, (now["outcome"], now.get("seq"), json.dumps(now), now["id"]))

    # -- §7 -----------------------------------------------------------------------------------------------------------
    def forget(self, scope: str) -> None:
        self.db.execute("delete from row where scope = ?", (scope,))
        self.db.execute("delete from cursor where scope = ?", (scope,))

    def state(self, scope: str) -> tuple[int, int]:
        found = self.all("select seq, total from cursor where scope = ?", scope)
        return (found[0][0], int(found[0][1], 16)) if found else (0, 0)

    def pull(self, scope: str, limit: int = 1000) -> str:
        """Pulls to the end and compares the digest; answers it."""
        healed = False
        while True:
            cursor, total = self.state(scope)
            ask = {"cursor": cursor, "epoch": self.get("epoch"), "limit": limit}
            try:
                answer = self.ask("GET", f"/api/v1/scopes/{scope}/pull", params=ask)
                head_line, *lines = answer.content.removesuffix(b"\n").split(b"\n")
                head = json.loads(head_line)
                rows = [(json.loads(line), line) for line in lines]
                assert len(rows) == head["count"] and head["epoch"] == self.get("epoch")
                ids = [(row["id"], row["seq"], row["type"], line) for row, line in rows]
                more, cursor = head["more"], head["cursor"]
            except Problem as problem:
                if problem.number != 1201:
                    raise
                self.new_epoch(problem.body["epoch"])
                continue
            except (ValueError, KeyError, TypeError, AssertionError) as error:
                raise NotReached("pull") from error
            self.db.execute("begin")
            for record, seq, kind, line in ids:
                old = self.all("select line from row where scope = ? and id = ?", scope, record)
                total += int.from_bytes(sha(line)) - (int.from_bytes(sha(old[0][0])) if old else 0)
                self.db.execute("insert or replace into row values (?,?,?,?,?)", (scope, record, seq, kind, line))
            self.db.execute("insert or replace into cursor values (?,?,?)", (scope, cursor, f"{total % 2**256:064x}"))
            self.db.execute("commit")
            if more:
                continue
            if head["digest"] == f"{self.state(scope)[1]:064x}":
                return head["digest"]
            if healed:
                raise NotReached("pull: digest")
            self.forget(scope)
            healed = True

    def base(self, scope: str) -> dict[str, tuple[str, Values]]:
        rows = self.all("select id, type, line from row where scope = ?", scope)
        return {record: (kind, json.loads(line)["values"]) for record, kind, line in rows}

    def view(self, scope: str) -> dict[str, tuple[str, Values]]:
        view = self.base(scope)
        ask = "select type, record, line from change where scope = ? and (outcome is null or outcome = 'parked' "
        ask += "or (outcome != 'rejected' and seq > ?)) order by n"
        for kind, record, line in self.all(ask, scope, self.state(scope)[0]):
            values = view.get(record, (kind, {}))[1] | json.loads(line)["after"]
            view[record] = (kind, {key: value for key, value in values.items() if value is not None})
        return view

    # -- §9, §10 ------------------------------------------------------------------------------------------------------
    def new_epoch(self, epoch: str) -> None:
        self.db.execute("begin")
        self.db.execute("delete from row")
        self.db.execute("delete from cursor")
        self.put(epoch=epoch)
        self.db.execute("update change set outcome = null, seq = null where enrolment = ?", (self.get("enrolment"),))
        self.db.execute("commit")

    def sync(self) -> None:
        self.token()
        self.me()
        for scope in sorted(self.grants, key=lambda scope: ORDER.index(self.grants[scope]["audience"])):
            self.push(scope)
            if self.grants[scope].get("reads", True):
                self.pull(scope)
            self.ask_parked(scope)
        for scope, hash in self.directories.items():
            if (self.get(f"directory {scope}") or {}).get("hash") != hash:
                self.fetch_directory(scope)

    # -- §12 ----------------------------------------------------------------------------------------------------------
    def fetch_directory(self, scope: str) -> None:
        answer = self.ask_json("GET", f"/api/v1/scopes/{scope}/directory", ("directory", "signature"))
        text = answer["directory"]
        key = Ed25519PublicKey.from_public_bytes(unb64(self.get("server_key")))
        try:
            key.verify(unb64(answer["signature"]), f"jingtu-directory-1\n{text}".encode())
        except InvalidSignature as error:
            raise NotReached("a directory that the server did not sign") from error
        said = json.loads(text)
        if said["scope"] != scope:
            raise NotReached("a directory of another scope")
        hash = sha(canonical({k: v for k, v in said.items() if k != "made_at"})).hex()[:16]
        self.put(**{f"directory {scope}": {"text": text, "hash": hash}})
