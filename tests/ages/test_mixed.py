"""Tablets and servers of different ages: what only one of them knows survives, and what cannot work says so."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from field_app import checking
from field_app.book import Book
from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas.records import TYPES
from schemas.wire import PROTOCOL
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-11-22T10:00:00+08:00"
NOW, FUTURE = ["sync_server.cli"], ["tests.ages.future"]


class Server:
    """A server process of one age, on data that outlives it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, age: list[str], strict: bool = False) -> None:
        self.stop()
        command = [sys.executable, "-m", *age, "server", "--data", str(self.data), "--port", str(self.port)]
        env = {**os.environ, **({"JINGTU_FUTURE_STRICT": "1"} if strict else {})}
        self.process = subprocess.Popen(command, cwd=ROOT, env=env)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                httpx.get(self.url + "/api/v1/types", trust_env=False)
                return
            except httpx.HTTPError:
                assert self.process.poll() is None
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


class FutureTablet:
    """A tablet of the future, in its own process."""

    def __init__(self, folder: Path, strict: bool = False) -> None:
        env = {**os.environ, **({"JINGTU_FUTURE_STRICT": "1"} if strict else {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ages.future", "tablet", str(folder)], cwd=ROOT, env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, do: str, **more: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, Server(folder / "server")
        service = build(Settings(data=self.server.data)).service
        self.org = service.found("示范公司")
        self.people = [service.new_id() for _ in range(2)]
        for n, p in enumerate(self.people):
            values = {"org_id": self.org, "duties": ["sampler"], "name": f"人{n}"}
            service.write(None, [Write("person", p, f"{self.org}.organisation", values)])
        self.project = service.add_project({"code": "P1", "name": "项目", "stage": "detailed", "client_id": self.org,
                                            "surveyor_id": self.org, "contact_id": self.people[0]})  # fmt: skip
        self.field, self.site = f"{self.project}.field", service.new_id()
        site = {"code": "S", "name": "地块", "status": "idle", "division_code": "320115"}
        service.write(None, [Write("site", self.site, self.field, site)])
        for p in self.people:
            service.grant(p, self.project, "sampler")
        self.codes = [service.new_code(p, self.people[0], minutes=600) for p in self.people]
        service.store.close()
        self._close: list[Any] = [self.server.stop]

    def today(self) -> tuple[Store, Syncer]:
        store = Store(self.folder / "today")
        self._close.append(store.close)
        return store, Syncer(store, pause=lambda _: None)

    def future(self, strict: bool = False) -> FutureTablet:
        tablet = FutureTablet(self.folder / "future", strict)
        self._close.insert(0, tablet.stop)
        return tablet

    def point(self, weather: str) -> dict[str, Any]:
        fix = {"lon": "119.1", "lat": "32.1", "h_acc_m": "0.5", "fix_kind": "rtk_fixed", "at": AT}
        return {"code": "S1", "site_id": self.site, "outcome": "done", "position": fix, "weather": weather,
                "surface_kind": "土", "samplers": [self.people[0]], "started_at": AT, "ended_at": AT}  # fmt: skip

    def comment(self, text: str, **more: Any) -> dict[str, Any]:
        return {"subject_kind": "project", "subject_id": self.project, "text": text, "at": AT, **more}

    def close(self) -> None:
        for close in self._close:
            close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def numbers(syncer: Syncer) -> list[int]:
    return [p.problem.number for p in syncer.run().problems]


def test_an_older_tablet_with_a_newer_server_and_tablet(site: Site) -> None:
    site.server.start(FUTURE)
    new = site.future()
    new("enrol", url=site.server.url, code=site.codes[0])
    point = new("finalize", type="point", scope=site.field, values=site.point("sleet"))
    later = new("finalize", type="hindsight", scope=site.field, values={"point_id": point, "text": "早知道"})
    comment = new("finalize", type="comment", scope=site.field, values=site.comment("一", mood="高兴"))
    told = new("sync")
    assert told["problems"] == [] and told["equal"] and told["parked"] == told["rejected"] == 0

    store, syncer = site.today()
    syncer.enrol(site.server.url, site.codes[1], "旧平板")
    result = syncer.run()
    assert result.problems == [] and result.digests_equal  # digests agree over rows of a type it does not know
    assert store._rows("SELECT type FROM other WHERE id=?", later) == [("hindsight",)]
    seen = store.get("comment", comment)
    assert seen and seen.values["mood"] == "高兴"  # a field it does not know is kept …
    store.finalize([Edit("comment", comment, site.field, {**seen.values, "text": "二"})])
    assert numbers(syncer) == []
    new("sync")
    got = new("get", type="comment", record=comment)["values"]
    assert (got["text"], got["mood"]) == ("二", "高兴")  # … and survives an edit made on it
    seen_point = store.get("point", point)
    assert seen_point and seen_point.values["weather"] == "sleet"
    assert TYPES["point"].of(point, seen_point.values).weather == "sleet"  # type: ignore[attr-defined]
    book = Book(targets={}, visits={}, drafts={}, readings={}, samples={})
    checking.findings(store, book, [], point, store.clock.now())  # the rules stand it
    assert store.recount_digest(site.field) == store.digest(site.field)


def test_a_newer_tablet_with_an_older_server_waits_and_loses_nothing(site: Site) -> None:
    site.server.start(NOW)
    new = site.future()
    new("enrol", url=site.server.url, code=site.codes[0])
    point = new(
        "finalize", type="point", scope=site.field, values=site.point("sleet")
    )  # a code this server does not know
    new("finalize", type="hindsight", scope=site.field, values={"point_id": point, "text": "早知道"})
    comment = new("finalize", type="comment", scope=site.field, values=site.comment("一", mood="高兴"))
    new("finalize", type="comment", record=comment, scope=site.field, values=site.comment("二", mood="高兴"))
    bad = new("finalize", type="comment", scope=site.field, values=site.comment("三"))
    told = new("sync")
    assert (told["problems"], told["pending"], told["parked"], told["rejected"]) == ([], 0, 2, 0)
    assert new("get", type="point", record=point)["state"] == "parked"
    assert new("get", type="comment", record=comment)["values"]["mood"] == "高兴"

    store, syncer = site.today()
    syncer.enrol(site.server.url, site.codes[1], "今天的")
    assert numbers(syncer) == [] and store.all("point") == []
    assert {s.values["text"] for s in store.all("comment")} == {"二", "三"}

    site.server.start(FUTURE)  # the server's update: what waited goes in by itself
    told = new("sync")
    assert (told["problems"], told["pending"], told["parked"], told["rejected"], told["equal"]) == ([], 0, 0, 0, True)
    assert new("get", type="point", record=point)["state"] == "accepted"
    assert new("get", type="comment", record=bad)["state"] == "accepted"
    assert numbers(syncer) == [] and store.get("point", point) is not None
    assert store._rows("SELECT count(*) FROM other") == [(1,)]


def test_too_old_is_said_and_nothing_is_lost(site: Site) -> None:
    site.server.start(NOW)
    store, syncer = site.today()
    syncer.enrol(site.server.url, site.codes[0], "旧平板")
    record = store.new_id()
    store.finalize([Edit("comment", record, site.field, site.comment("未传"))])
    site.server.start(FUTURE, strict=True)
    assert numbers(syncer) == [1104] and store.counts()["pending"] == 1  # update this app first
    site.server.start(NOW)
    new = site.future(strict=True)
    with httpx.Client(base_url=site.server.url, trust_env=False) as http:
        assert http.get("/api/v1/types").headers["Jingtu-Protocol"] == str(PROTOCOL)
    new.stop()
    assert numbers(syncer) == [] and store.counts()["pending"] == 0

    new = site.future()  # enrolled by an update that still spoke with this server …
    new("enrol", url=site.server.url, code=site.codes[1])
    new.stop()
    new = site.future(strict=True)  # … and updated to one that does not
    new("finalize", type="comment", scope=site.field, values=site.comment("等服务器"))
    told = new("sync")
    assert (told["problems"], told["pending"]) == ([5006], 1)
