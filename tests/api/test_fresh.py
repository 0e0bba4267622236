"""New records read in bulk go in exactly as one by one: the same batches to two copies of one server, one of them without
the fast way."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import change
from schemas.fresh import Fresh, read_batch
from sync_server import pushing
from sync_server.main import create_app
from sync_server.plain import Plain
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.conftest import AT, AppTransport, Device, Server, httpx, outcomes

READING = {"method": "xrf", "parameter": "Cd", "unit": "mg_kg", "qualifier": "eq", "value": "1.50", "at": AT, "repeat_no": 1,
           "entry_way": "typed"}  # fmt: skip


class Author:
    """Writes batches with everything in them that can happen to a change."""

    def __init__(self, server: Server, device: Device, instrument: str, rng: random.Random) -> None:
        self.reading = {**READING, "instrument_id": instrument}
        self.server, self.device, self.rng = server, device, rng
        self.points: list[str] = []
        self.lines: list[bytes] = []

    def id(self) -> str:
        return f"{self.rng.getrandbits(32):08x}-0000-7000-8000-{self.rng.getrandbits(48):012x}"

    def point_to(self) -> str:
        kind = self.rng.random()
        return self.rng.choice(self.points) if self.points and kind < 0.8 else self.id()

    def change(self, type: str, values: dict[str, Any], **more: Any) -> bytes:
        return self.device.change(type, values, **{"id": self.id(), "record": self.id(), **more})

    def one(self) -> bytes:
        rng, draw = self.rng, self.rng.random()
        if draw < 0.25:
            self.points.append(self.id())
            return self.change("point", self.server.point(code=f"S{rng.randint(1, 99)}"), record=self.points[-1])
        if draw < 0.5:
            return self.change("field_reading", {**self.reading, "point_id": self.point_to()})
        if draw < 0.62:
            return self.change("borehole", {"point_id": self.point_to(), "code": "K1", "opened_at": AT})
        if draw < 0.76 and self.points:
            record = rng.choice(self.points)
            return self.change(
                "point", {"wind": rng.choice("东南西北")}, record=record, before={"wind": rng.choice("北东")}
            )
        if draw < 0.80:
            return self.change(
                "comment", {"subject_kind": "point", "subject_id": self.point_to(), "text": "看", "at": AT}
            )
        if draw < 0.84 and self.lines:
            return rng.choice(self.lines)
        if draw < 0.87 and self.points:  # made a second time, by another change
            return self.change("point", self.server.point(code="S0"), record=rng.choice(self.points))
        line = self.change("point", self.server.point(code="S7"))
        odd: list[bytes] = [
            b"{}", b"no json", line.replace(b'"before":', b'"before": '), line[:-1] + b',"x":1}', line[:-1],
            self.change("point", {"code": "S", "wind": 5}), self.change("point", self.server.point(site_id=self.id())),
            self.change("point", self.server.point(), by=self.server.pm), self.change("point", self.server.point(), device=self.id()),
            self.change("point", self.server.point(), scope=self.server.enforcement), self.change("planned_point", {"code": "1"}),
            self.change("no_such_type", {"a": "b"}), self.change("point", self.server.point(depth_unit="m")),
            self.change("point", self.server.point(note=None)), self.change("point", self.server.point(note="a\u0000b")),
            self.change("point", self.server.point(note="行\n二")), self.change("inspection", {"at": AT}),
            self.change("point", self.server.point(), record=self.server.site), self.change("site", {"code": "X"}, record=self.server.site),
            self.change("field_reading", {**self.reading, "point_id": self.point_to(), "value": "NaN"}),
            self.change("field_reading", {**self.reading, "qualifier": "nd"}),
        ]  # fmt: skip
        return rng.choice(odd)

    def batch(self, count: int) -> list[bytes]:
        made = [self.one() for _ in range(count)]
        if self.rng.random() < 0.3:  # references that come before what they point to
            self.rng.shuffle(made)
        self.lines += made
        return made


def seen(server: Server) -> dict[str, Any]:
    """What is told and kept, without what each server makes up by itself."""
    conflicts = server.sql("SELECT id FROM conflict")
    return {
        "journal": server.sql(
            "SELECT enrolment,pos,type,record,line,link,proof,outcome,seq,problem FROM journal WHERE enrolment<>'console' ORDER BY n"
        ),
        "points": server.sql("SELECT * FROM point ORDER BY id"), "readings": server.sql("SELECT * FROM field_reading ORDER BY id"),
        "boreholes": server.sql("SELECT * FROM borehole ORDER BY id"), "comments": server.sql("SELECT * FROM comment ORDER BY id"),
        "scope": server.sql("SELECT id,seq FROM scope ORDER BY id"), "waiting": server.sql("SELECT * FROM waiting ORDER BY id,missing"),
        "digests": [] if conflicts else server.sql("SELECT id,digest FROM scope ORDER BY id"), "conflicts": len(conflicts),
        "known": server.sql("SELECT id,type,scope FROM record_type WHERE type<>'conflict' ORDER BY id"),
    }  # fmt: skip


def copy_of(server: Server, folder: Path) -> Server:
    shutil.copytree(server.app.state.parts.settings.data, folder)
    made = Server.__new__(Server)
    made.__dict__ |= server.__dict__
    made.app = create_app(Settings(data=folder), server.clock)
    made.transport = AppTransport(made.app)
    made.http = httpx.Client(transport=made.transport, base_url="http://sim")
    made.service = made.app.state.parts.service
    return made


@pytest.fixture
def instrument(server: Server) -> str:
    id = server.new_id()
    values = {"code": "XRF-1", "kind": "xrf", "model": "V", "serial_no": "1", "org_id": server.org}
    server.service.write(None, [Write("instrument", id, server.home, values)])
    return id


@pytest.fixture
def slow(server: Server, device: Device, instrument: str, tmp_path: Path) -> Iterator[Server]:
    made = copy_of(server, tmp_path / "slow")
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(12))
def test_in_bulk_as_one_by_one(
    server: Server, device: Device, instrument: str, slow: Server, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = Author(server, device, instrument, random.Random(seed))
    taken = 0
    for n in range(5):
        lines = author.batch(author.rng.randint(1, 40))
        heads = dict(device.heads)
        taken += sum(isinstance(f, Fresh) for f in read_batch(lines))
        device.server = server
        quick = device.push(lines)
        device.server, device.heads = slow, heads
        with monkeypatch.context() as patch:
            patch.setattr(pushing, "read_batch", lambda all_: [None] * len(all_))
            patch.setattr(Plain, "edit", lambda *_: 0)
            steady = device.push(lines)
        assert outcomes(quick) == outcomes(steady), (seed, n)
        told = [
            [{k: v for k, v in d.items() if k != "conflicts"} for d in a.json()["details"]] for a in (quick, steady)
        ]
        assert told[0] == told[1]
        fast, general = seen(server), seen(slow)
        for name in fast:
            assert fast[name] == general[name], (seed, n, name)
        places = [pos for _, pos, *_ in fast["journal"]]
        assert places == sorted(places)  # a history goes by the order they went in, whatever became of each
    assert taken > 5  # the fast way was gone


def test_the_fast_way_takes_what_is_plain_and_nothing_else(server: Server, device: Device) -> None:
    good = [
        device.change("point", server.point()),
        device.change("field_reading", {**READING, "point_id": server.new_id(), "instrument_id": server.new_id()}),
    ]
    bad = [
        device.change("point", {"code": "S"}), device.change("comment", {"subject_kind": "point", "subject_id": server.site, "text": "a"}),
        device.change("point", {"wind": "南"}, before={"wind": "北"}), b"{}", b"", good[0].replace(b",", b", ", 1),
        device.change("point", server.point(note="\\")),
    ]  # fmt: skip

    def fast(lines: list[bytes]) -> list[bool]:
        return [isinstance(f, Fresh) for f in read_batch(lines)]

    assert fast(good) == [True] * 2 and fast(bad) == [False] * len(bad) and fast(good + bad) == fast(good) + fast(bad)
    for fresh, line in zip(read_batch(good), good, strict=True):
        c = change.decode(line)
        assert isinstance(fresh, Fresh)
        assert (fresh.id, fresh.scope, fresh.type, fresh.record, fresh.by, fresh.device, fresh.line) == (
            c.id, c.scope, c.type, c.record, c.by, c.device, c.line)  # fmt: skip


def test_what_is_edited_plainly(server: Server, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    went, edit = list[int](), Plain.edit
    monkeypatch.setattr(Plain, "edit", lambda *given: went.append(edit(*given)) or went[-1])
    first, second = (device.change("point", server.point(code=c)) for c in ("S1", "S2"))
    ids = [change.decode(line).record for line in (first, second)]
    device.push([first, second])
    before = {"wind": "北", "weather": None}
    plain = [device.change("point", {"wind": None, "weather": "sunny"}, record=i, before=before) for i in ids]
    stale = device.change("point", {"wind": "南"}, record=ids[0], before={"wind": "北"})
    wrong = device.change("point", {"weather": "?"}, record=ids[1], before={"weather": "sunny"})
    assert outcomes(device.push([*plain, stale, wrong])) == ["applied", "applied", "conflict", "rejected"]
    assert went == [2, 0, 0] and server.sql("SELECT wind, weather FROM point") == [(None, "sunny")] * 2


def test_one_id_on_two_edits_of_a_batch_counts_once(server: Server, device: Device) -> None:
    made = [device.change("point", server.point(code=c)) for c in ("S1", "S2")]
    device.push(made)
    id, seen = server.new_id(), {"wind": "北"}
    twice = [device.change("point", {"wind": "西"}, record=change.decode(m).record, before=seen, id=id) for m in made]
    assert outcomes(device.push(twice)) == ["applied", "rejected"]
    assert sorted(server.sql("SELECT code, wind FROM point")) == [("S1", "西"), ("S2", "北")]


def test_a_conflict_of_the_same_batch_settles_itself(server: Server, device: Device) -> None:
    """When the value becomes what the loser wanted there is nothing left to decide, also before anything is written."""
    made = device.change("point", server.point())
    record = change.decode(made).record
    device.push([made])
    lines = [device.change("point", {"wind": "西"}, record=record, before={"wind": w}) for w in ("东", "北")]
    assert outcomes(device.push(lines)) == ["conflict", "applied"]
    assert server.sql("SELECT choice FROM conflict") == [("keep_now",)]


def test_half_a_line_borrows_nothing_from_the_next(server: Server, device: Device) -> None:
    """Joined, these are whole changes again; line by line they are not."""
    a, b = (device.change("point", server.point()) for _ in range(2))
    at = a.index(b',"scope"')
    lines = [a[:at], a[at + 1 :], a + b"," + b]
    assert read_batch(lines) == [None, None, None]
    assert outcomes(device.push(lines)) == ["rejected"] * 3
