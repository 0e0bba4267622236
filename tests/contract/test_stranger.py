"""Is `docs/sync-protocol.md` enough? A client written from it alone meets a real server."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import files
from tests.contract.encoding import NotReached, Problem, sha, uuid7
from tests.contract.stranger import Stranger

ROOT = Path(__file__).parents[2]
AT = "2026-11-21T14:31:05+08:00"
PLAN = "点号,经度,纬度,布点理由\nA1,116.3912345,39.9071234,疑似污染\nA2,116.3922345,39.9072234,疑似污染\n"


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.made = folder, folder / "data", 0
        self.cli("project", "add", "P1", "一号地块", "--organisation", "外业公司")
        self.cli("user", "add", "anna", "安娜", "--role", "sampler", "--project", "P1")
        (folder / "plan.csv").write_text(PLAN, "utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "sync_server.cli", "server", "--data", str(self.data), "--port", str(port)]
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        with ThreadPoolExecutor(2) as pool:  # each call of the command takes a second or more to start
            codes = [pool.submit(self.code) for _ in range(3)]
            pool.submit(self.cli, "plan", "import", str(folder / "plan.csv"), "--project", "P1").result()
            self.codes = [code.result() for code in codes]
        for _ in range(200):
            try:
                httpx.get(f"{self.url}/api/v1/types").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError((folder / "server.log").read_text("utf-8"))

    def cli(self, *words: str) -> str:
        command = [sys.executable, "-m", "sync_server.cli", *words, "--data", str(self.data)]
        env = os.environ | {"JINGTU_PASSWORD": "a-Stranger-2026", "COLUMNS": "200"}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def code(self) -> str:
        found = re.search(r"[A-Z0-9]{4}(-[A-Z0-9]{4}){3}", self.cli("device", "enrol", "anna"))
        assert found
        return found[0]

    def stranger(self, transport: httpx.BaseTransport | None = None) -> Stranger:
        self.made += 1
        made = Stranger(self.url, self.folder / f"{self.made}.db", transport)
        made.enrol(self.codes.pop(), f"平板 {self.made} 号")
        made.sync()
        return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.process.terminate()
    made.process.wait(10)


@pytest.fixture(scope="module")
def a(world: World) -> Stranger:
    return world.stranger()


@pytest.fixture(scope="module")
def b(world: World) -> Stranger:
    return world.stranger()


def only(client: Stranger, audience: str, kind: str) -> str:
    return next(record for record, (its, _) in client.base(client.scope(audience)).items() if its == kind)


def point(client: Stranger, code: str, **more: Any) -> str:
    site = only(client, "field", "site")
    return client.make(client.scope("field"), "point", code=code, site_id=site, started_at=AT, **more)


def reading(client: Stranger, point_id: str, instrument: str, value: str) -> str:
    told = dict(point_id=point_id, instrument_id=instrument, parameter="Pb", method="xrf", qualifier="eq")
    told |= dict(unit="mg_kg", at=AT, entry_way="typed", value=value)
    return client.make(client.scope("field"), "field_reading", **told)


def instrument(client: Stranger) -> str:
    told = dict(code=f"XRF-{client.last(client.scope('organisation'))}", model="M", serial_no="9")
    org = only(client, "organisation", "organisation")
    return client.make(client.scope("organisation"), "instrument", kind="xrf", org_id=org, **told)


def meet(*clients: Stranger) -> str:
    """All synchronise until all have everything; then views and digests are equal."""
    for client in (*clients, *clients):
        client.sync()
    field = clients[0].scope("field")
    assert len({digest(client, field) for client in clients}) == 1
    assert all(client.base(field) == client.view(field) == clients[0].view(field) for client in clients)
    return field


def outcomes(client: Stranger) -> dict[str, str | None]:
    return dict(client.all("select id, outcome from change"))


def digest(client: Stranger, scope: str) -> str:
    return f"{client.state(scope)[1]:064x}"


def number(call: Any, *args: Any, **more: Any) -> int:
    with pytest.raises(Problem) as caught:
        call(*args, **more)
    return caught.value.number


def test_records_go_both_ways(a: Stranger, b: Stranger) -> None:
    field = a.scope("field")
    planned = {values["code"] for kind, values in a.base(field).values() if kind == "planned_point"}
    assert planned == {"A1", "A2"}
    tool = instrument(a)
    spot = point(a, "A1", planned_point_id=only(a, "field", "planned_point"), weather="sunny")
    read = reading(a, spot, tool, "412.50")
    assert a.view(field)[read][1]["value"] == "412.50" and read not in a.base(field)
    a.sync()
    b.sync()
    mine = point(b, "A2")
    b.edit(field, mine, note="坑边")
    b.edit(field, spot, air_temp_c="3.5")
    assert meet(a, b) == field
    assert b.view(field)[read][1]["value"] == "412.50" and a.view(field)[spot][1]["air_temp_c"] == "3.5"
    assert a.view(field)[mine][1]["note"] == "坑边"
    b.forget(field)
    assert b.pull(field, limit=2) == digest(a, field)
    assert set(outcomes(a).values()) == set(outcomes(b).values()) == {"applied"}


def test_everything_again_changes_nothing(a: Stranger, b: Stranger) -> None:
    point(a, "again")
    field = meet(a, b)
    before, known = digest(a, field), outcomes(a)
    assert a.push(field, first=1) == a.push(field, first=1, size=1) == a.last(field) > 0
    assert (a.pull(field), outcomes(a)) == (before, known)
    enrolment, code = a.get("enrolment"), a.get("enrolling")
    a.enrol(code, "again")
    assert a.get("enrolment") == enrolment
    a.put(enrolling="")
    kept = a.get("private"), a.get("salt_key")
    assert number(a.enrol, code, "another key") == 2006
    a.put(private=kept[0], salt_key=kept[1], enrolling=code)
    a.access = "stale"
    a.pull(field)


def test_conflict_on_one_atom(a: Stranger, b: Stranger) -> None:
    spot = point(a, "K1", weather="sunny")
    field = meet(a, b)
    a.edit(field, spot, weather="rain")
    lost = b.edit(field, spot, weather="snow", wind="北风 3 级")
    a.sync()
    b.push(field)
    assert outcomes(b)[lost] == "conflict" and b.view(field)[spot][1]["weather"] == "snow"
    meet(a, b)
    assert b.view(field)[spot][1]["weather"] == "rain" and a.view(field)[spot][1]["wind"] == "北风 3 级"
    told = [values for kind, values in a.base(field).values() if kind == "conflict" and values["subject_id"] == spot]
    assert [(values["change_id"], values["field_name"]) for values in told] == [(lost, "weather")]
    assert [json.loads(told[0][key])["weather"] for key in ("before", "now", "after")] == ["sunny", "rain", "snow"]
    a.edit(field, spot, weather="sunny")
    meet(a, b)
    assert a.view(field)[spot][1]["weather"] == "snow"


def test_parked_until_the_parent_comes(a: Stranger, b: Stranger) -> None:
    field = meet(a, b)
    tool = instrument(a)
    spot = point(a, "N1")
    read = reading(a, spot, tool, "7")
    later = a.edit(field, read, note="稍后")
    a.push(field)  # the instrument still waits in the organisation's scope
    assert outcomes(a)[later] == "parked" and list(outcomes(a).values()).count("parked") == 2
    a.pull(field)
    a.ask_parked(field)
    assert outcomes(a)[later] == "parked" and read not in a.base(field)
    assert a.view(field)[read][1]["note"] == "稍后"
    a.sync()
    assert outcomes(a)[later] == "applied"
    meet(a, b)
    assert b.view(field)[read][1] == a.view(field)[read][1] and b.view(field)[read][1]["note"] == "稍后"


def test_rejected_shows_the_servers_version(a: Stranger, b: Stranger) -> None:
    spot = point(a, "J1", weather="sunny")
    field = meet(a, b)
    bad = a.edit(field, spot, weather="frogs")
    meet(a, b)
    assert outcomes(a)[bad] == "rejected" and a.view(field)[spot][1]["weather"] == "sunny"
    detail = json.loads(a.all("select detail from change where id = ?", bad)[0][0])
    assert detail["problem"] == 3001 and detail["zh"] and detail["en"]


def test_unknown_field_is_kept_and_deleting_leaves_a_tombstone(a: Stranger, b: Stranger) -> None:
    spot = point(a, "U1", stranger_field={"inner": ["值", "1.5"]})
    field = meet(a, b)
    assert b.view(field)[spot][1]["stranger_field"] == {"inner": ["值", "1.5"]}
    b.void(field, spot, "重复")
    meet(a, b)
    gone = a.view(field)[spot][1]
    assert gone["deleted"] is True and gone["void_reason"] == "重复" and gone["stranger_field"]


def test_rotted_byte(a: Stranger, b: Stranger) -> None:
    spots = [point(a, f"R{n}") for n in range(3)]
    field = a.scope("field")
    line = a.all("select line from change where record = ?", spots[1])[0][0]
    a.db.execute("update change set line = ? where record = ?", (line.replace(b'"R1"', b'"Q1"'), spots[1]))
    assert number(a.send, field, a.push_body(field, a.chain(field, a.last(field) - 2))) == 1205
    assert a.push(field) == 3
    meet(a, b)
    assert [b.view(field)[spot][1]["code"] for spot in spots] == ["R0", "Q1", "R2"]


def test_damage_on_the_way(a: Stranger, b: Stranger) -> None:
    spot = point(a, "D1")
    field = a.scope("field")
    body = a.push_body(field, a.chain(field, a.last(field)))
    head = {"Authorization": f"Bearer {a.access}", "Content-Type": "application/x-ndjson"}
    path = f"/api/v1/scopes/{field}/push"
    packed = gzip.compress(body)[:-20]
    answer = a.http.post(path, content=packed, headers=head | {"Content-Encoding": "gzip"})
    assert answer.json()["number"] == 1001
    assert a.http.post(path, content=body[:-60], headers=head).json()["number"] == 1207
    linked = a.push_body(field, a.chain(field, a.last(field)), links=True)  # damage on the way is never taken for rot
    assert a.http.post(path, content=linked.replace(b'"D1"', b'"D2"'), headers=head).json()["number"] == 1207
    cut = linked[: linked.rstrip().rfind(b"\n")]  # the one line is gone altogether
    assert a.http.post(path, content=cut, headers=head).json()["number"] == 1001
    assert a.http.post(path, content=b"", headers=head).json()["number"] == 1001
    meet(a, b)
    assert spot in b.base(field)


def test_gap_and_epoch(a: Stranger, b: Stranger) -> None:
    spots = [point(a, f"G{n}") for n in range(3)]
    field = a.scope("field")
    lines = a.chain(field, a.last(field))
    assert number(a.send, field, a.push_body(field, lines)) == 1202
    assert a.push(field, first=a.last(field)) == 3
    epoch = a.get("epoch")
    for ask in (a.pull, a.push, lambda scope: a.me()):
        point(a, "E")
        a.put(epoch="some-other-epoch")
        ask(field)
        assert a.get("epoch") == epoch and not a.base(a.scope("organisation"))
        a.sync()
    meet(a, b)
    assert all(spot in b.base(field) for spot in spots)
    assert None not in outcomes(a).values()


def test_fork_then_enrolled_again(world: World, a: Stranger, b: Stranger) -> None:
    field = meet(a, b)
    kept = b.path.with_suffix(".kept")
    shutil.copy(b.path, kept)
    first = point(b, "F1")
    b.sync()
    back = Stranger(world.url, kept)  # the same device as it was a while ago
    back.token()
    back.me()
    second = point(back, "F2")
    assert number(back.push, field) == 1204
    back.enrol(world.codes.pop(), "重新登记")
    meet(back, a, b)
    assert [a.view(field)[spot][1]["code"] for spot in (first, second)] == ["F1", "F2"]
    assert outcomes(back)[back.all("select id from change where record = ?", second)[0][0]] == "applied"


class Bad(httpx.BaseTransport):
    """A network that loses, cuts and replaces answers: every second one arrives whole."""

    def __init__(self) -> None:
        self.inner, self.count = httpx.HTTPTransport(), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        answer = self.inner.handle_request(request)
        if self.count % 2 == 0:
            return answer
        content = answer.read()
        if self.count % 3 == 0:
            return httpx.Response(200, html="<html>请登录 WLAN</html>")
        if self.count % 5 == 0:
            raise httpx.ReadError("lost")
        kept = {name: answer.headers[name] for name in ("content-type", "content-encoding") if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=content[: len(content) // 2])


def test_bad_network(world: World, a: Stranger, b: Stranger) -> None:
    bad, field = a, a.scope("field")
    bad.http = httpx.Client(base_url=world.url, transport=Bad())
    spots = [point(bad, f"B{n}") for n in range(30)]
    for _ in range(20):
        with contextlib.suppress(NotReached):
            bad.sync()
            break
    bad.http = httpx.Client(base_url=world.url)
    meet(bad, b)
    rows = [record for record, (_, values) in b.base(field).items() if values.get("code", "").startswith("B")]
    assert sorted(rows) == sorted(spots) and bad.gzipped_answers > 0


def test_a_file_and_the_record_that_names_it(world: World, a: Stranger, b: Stranger) -> None:
    field, data = a.scope("field"), random.Random(3).randbytes(330_000)
    name = sha(data).hex()
    assert files.send(a, data, "记录.bin", field) == len(data)
    assert files.send(a, data, "记录.bin", field) == 0  # it is there
    told = dict(sha256=name, step="point_before", subject_kind="point", subject_id=point(a, "F1"), taken_at=AT)
    a.make(field, "photo", source="app_camera", **told)
    meet(a, b)
    assert files.fetch(b, name) == data
    assert not files.is_there(b, name, a.scope("organisation"))
    assert number(files.fetch, b, "0" * 64) == 1309
    assert number(files.send, a, b"<svg/>", "a.jpg", field) == 1307
    assert number(files.send, a, b"", "a.bin", field) == 1307
    assert number(files.send, a, data[:9], "a.bin", f"{uuid7()}.field") == 2004


def test_a_file_over_a_bad_network(world: World, a: Stranger) -> None:
    field, data, good = a.scope("field"), random.Random(4).randbytes(400_000), a.http
    a.http = httpx.Client(base_url=world.url, transport=Bad())
    try:
        sent = files.send(a, data, "b.bin", field)
    finally:
        a.http = good
    assert len(data) <= sent < 4 * len(data) and files.is_there(a, sha(data).hex(), field)


def test_all_at_the_end(a: Stranger, b: Stranger) -> None:
    field = meet(a, b)
    before = digest(a, field)
    a.forget(field)
    assert a.pull(field, limit=7) == before == digest(b, field)
    assert len(a.base(field)) > 40 and a.state(field)[0] > len(a.base(field))
    answer = a.ask_json("POST", "/api/v1/blocks", ("from_no", "to_no"), json={"use": "sample", "size": 5})
    assert answer["to_no"] - answer["from_no"] == 4
    assert number(a.ask, "GET", f"/api/v1/scopes/{uuid7()}.field/pull") == 2004


def test_people_of_another_firm_hand_in_and_judge_by_the_directory(world: World, a: Stranger) -> None:
    """§2 `reads`, §3 `directories`, §12."""
    world.cli("user", "add", "wu", "吴建", "--role", "party", "--project", "P1")
    found = re.search(r"[A-Z0-9]{4}(-[A-Z0-9]{4}){3}", world.cli("device", "enrol", "wu"))
    assert found
    driver = Stranger(world.url, world.folder / "driver.db")
    driver.enrol(found[0], "手机")
    driver.sync()
    (grant,) = driver.grants.values()
    scope = grant["scope"]
    assert (grant["audience"], grant["reads"], driver.directories) == ("transfer", False, {})
    seen = driver.make(
        scope, "hand_over", number="20263211000418", code="JT1:X", seen_at=AT, way="photo", purpose="handover"
    )
    driver.sync()
    assert (
        list(outcomes(driver).values()) == ["applied"]
        and driver.base(scope) == {}
        and list(driver.view(scope)) == [seen]
    )
    driver.sync()  # now there is something in that scope
    kept = driver.get(f"directory {scope}")
    assert kept["hash"] == driver.directories[scope]
    (key,) = json.loads(kept["text"])["keys"]
    assert (key["person"], key["name"], key["roles"]) == (driver.get("person"), "吴建", ["party"])
    assert number(driver.pull, scope) == 2004
    assert scope not in a.grants and number(a.fetch_directory, scope) == 2004
