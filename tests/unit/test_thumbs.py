"""The small pictures' lane: an inspector's tablet gets what samplers photographed, behind everything of its own, and within bounds."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from field_app import pin
from field_app.store import Edit
from field_app.sync import Progress
from field_app.sync import thumbs as lane
from schemas.problems import Trouble
from sync_server.service import Write
from tests.api.conftest import AT
from tests.api.test_shared_tablet import Site, site
from tests.photo_files import picture
from tests.unit.test_photo_lane import Desk

assert site  # the fixture


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


class Pair:
    """Sampler Li with photos on the server, inspector Wang with a tablet of his own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.li, self.wang = Desk(site, "li"), Desk(site, "wang", site.wang)
        self.wang.run()

    def point(self, code: str) -> str:
        edit = Edit(
            "point",
            self.li.store.new_id(),
            self.site.field,
            {"code": code, "site_id": self.site.site, "started_at": AT},
        )
        self.li.store.finalize([edit], complete=False)
        return edit.record

    def shoot(self, subject: str, n: int, kind: str = "point") -> str:
        sha = self.li.shoot(data=picture(n))  # a record about the site names it; and one about this
        values = {
            "sha256": sha,
            "step": "other",
            "subject_kind": kind,
            "subject_id": subject,
            "taken_at": AT,
            "source": "app_camera",
        }
        self.li.store.finalize([Edit("photo", self.li.store.new_id(), self.site.field, values)], complete=False)
        return sha

    def asked(self) -> list[str]:
        return [r.url.path.split("/")[4] for r in self.wang.wire.asked if r.url.path.endswith("/thumbnail")]

    def here(self) -> set[str]:
        return set(self.wang.store.thumbs_here())

    def close(self) -> None:
        self.li.store.close()
        self.wang.store.close()


@pytest.fixture
def pair(site: Site) -> Iterator[Pair]:
    made = Pair(site)
    yield made
    made.close()


def test_they_come_once_and_only_to_who_inspects(pair: Pair) -> None:
    point = pair.point("S1")
    shas = {pair.shoot(point, n) for n in (1, 2)}
    assert pair.li.run().problems == []
    seen: list[Progress] = []
    result = pair.wang.syncer.run(seen.append)
    assert result.problems == [] and result.thumbs == 2 and pair.here() == shas
    phases = [p.phase for p in seen]
    assert phases.index("thumbs") > max(n for n, p in enumerate(phases) if p != "thumbs")
    data = pair.wang.store.thumb_file(next(iter(shas)))
    assert data is not None and Image.open(io.BytesIO(data.read_bytes())).format == "JPEG"
    pair.wang.run()
    assert pair.asked() == []  # what is here is not asked for again
    pair.li.run()
    assert pair.li.store.thumbs_here() == {} and not [r for r in pair.li.wire.asked if "thumbnail" in r.url.path]


def test_points_of_checks_begun_come_first_then_tasks_then_what_was_looked_at(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [pair.point(f"S{n}") for n in range(5)]
    shas = [pair.shoot(p, n) for n, p in enumerate(points)]
    borehole = Edit(
        "borehole",
        pair.li.store.new_id(),
        pair.site.field,
        {"point_id": points[0], "code": "B", "opened_at": AT, "method": "direct_push"},
    )
    pair.li.store.finalize([borehole], complete=False)
    deep = pair.shoot(borehole.record, 77, "borehole")  # of what hangs on the point
    pair.li.run()
    task = {"code": "T1", "kind": "complaint", "title": "x", "point_id": points[1], "assigned_to": [pair.site.wang], "due_on": "2026-12-01",
            "position": {"lon": "118.7", "lat": "32.1"}}  # fmt: skip
    other = {**task, "code": "T2", "point_id": points[3], "assigned_to": [pair.site.pm], "due_on": "2026-11-01"}
    for values in (other, task):
        pair.site.service.write(None, [Write("field_task", pair.site.service.new_id(), pair.site.enforcement, values)])
    wang = pair.wang
    wang.store.look_at(points[2])
    wang.store.save_draft(
        "inspection", wang.store.new_id(), pair.site.enforcement, {"code": "J1", "point_id": points[0]}
    )
    wang.run()
    assert pair.asked()[:5] == [shas[0], deep, shas[1], shas[3], shas[2]]
    assert pair.asked()[5:] == [shas[4]]


def test_bounded_by_number_each_sync_goes_on(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    point = pair.point("S1")
    shas = {pair.shoot(point, n) for n in range(5)}
    pair.li.run()
    monkeypatch.setattr(lane, "EACH", 2)
    assert [pair.wang.run().thumbs for _ in range(4)] == [2, 2, 1, 0]
    assert pair.here() == shas


def test_full_means_full_and_the_least_wanted_make_room(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [pair.point(f"S{n}") for n in range(4)]
    shas = [pair.shoot(p, n) for n, p in enumerate(points)]
    pair.li.run()
    monkeypatch.setattr(lane, "MOST", 2)
    pair.wang.run()
    assert pair.here() == {shas[3], shas[2]}  # the newest
    pair.wang.run()
    assert pair.asked() == [] and pair.here() == {shas[3], shas[2]}  # nothing goes in and out
    pair.wang.store.look_at(points[0])
    pair.wang.run()
    assert pair.here() == {shas[0], shas[3]}


def test_none_where_the_device_is_nearly_full(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.shoot(pair.point("S1"), 1)
    pair.li.run()
    monkeypatch.setattr(lane, "FREE", 1 << 62)
    assert pair.wang.run().problems == [] and pair.here() == set()


def test_who_may_not_see_the_records_any_more_has_no_pictures(pair: Pair) -> None:
    pair.shoot(pair.point("S1"), 1)
    pair.li.run()
    pair.wang.run()
    assert pair.here()
    pair.site.service.withdraw(pair.site.wang, pair.site.project, "inspector")
    pair.wang.run()
    assert pair.here() == set() and list((pair.wang.folder / "seen").iterdir()) == []


def test_ones_own_photo_is_not_fetched(pair: Pair) -> None:
    sha = pair.wang.shoot(data=picture(5))
    pair.wang.run()
    pair.wang.run()
    assert pair.asked() == [] and sha not in pair.here()


def test_what_the_server_has_not_got_is_asked_again_later(pair: Pair) -> None:
    sha = pair.shoot(pair.point("S1"), 1)
    (pair.li.folder / "photos" / f"{sha}.jpg").rename(pair.li.folder / "away.jpg")
    pair.li.run()  # the record alone
    now = [0.0]
    pair.wang.syncer.steady = lambda: now[0]  # type: ignore[method-assign]
    assert pair.wang.run().thumbs == 0 and pair.asked() == [sha]
    (pair.li.folder / "away.jpg").rename(pair.li.folder / "photos" / f"{sha}.jpg")
    pair.li.run()
    assert pair.wang.run().thumbs == 0 and pair.asked() == []
    now[0] += lane.AGAIN_S
    assert pair.wang.run().thumbs == 1


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xd8 cut", b""])
def test_only_a_whole_picture_of_our_server_counts(pair: Pair, body: bytes) -> None:
    pair.shoot(pair.point("S1"), 1)
    pair.li.run()

    def portal(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, content=body, request=request) if "thumbnail" in request.url.path else None

    result = pair.wang.run(portal)
    assert (result.problems, result.photo_problems, pair.here()) == ([], [], set())  # nothing a person has to know
    assert pair.wang.run().thumbs == 1


def test_a_line_that_dies_leaves_the_rest_to_the_next_sync(pair: Pair) -> None:
    point = pair.point("S1")
    for n in range(3):
        pair.shoot(point, n)
    pair.li.run()
    cut: list[Any] = []

    def dies(request: httpx.Request) -> httpx.Response | None:
        if "thumbnail" in request.url.path:
            cut.append(request)
            if len(cut) > 1:
                raise httpx.ReadError("cut", request=request)
        return None

    result = pair.wang.run(dies)
    assert result.thumbs == 1 and result.digests_equal and result.problems == []
    assert pair.wang.run().thumbs == 2


def test_something_recorded_meanwhile_goes_first(pair: Pair) -> None:
    point = pair.point("S1")
    for n in range(3):
        pair.shoot(point, n)
    pair.li.run()
    order: list[str] = []

    def watch(request: httpx.Request) -> httpx.Response | None:
        if "thumbnail" in request.url.path:
            if not order:
                pair.site.note(pair.wang.store, "急")
            order.append("thumb")
        elif request.url.path.endswith("/push"):
            order.append("push")
        return None

    result = pair.wang.run(watch)
    assert order == ["thumb", "push", "thumb", "thumb"] and result.thumbs == 3


def test_a_full_storage_ends_it_without_a_word(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.shoot(pair.point("S1"), 1)
    pair.li.run()

    def full(*_: Any) -> None:
        raise Trouble(5001)

    monkeypatch.setattr(pair.wang.store, "keep_thumb", full)
    result = pair.wang.run()
    assert (result.problems, result.photo_problems) == ([], []) and pair.here() == set()


def test_half_a_picture_is_never_kept(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as f:
            f.write(data[:3])
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Trouble) as told:
        pair.wang.store.keep_thumb("0" * 64, b"\xff\xd8 whole \xff\xd9")
    assert told.value.problem.number == 5001
    assert list((pair.wang.folder / "seen").iterdir()) == [] and pair.wang.store.thumb_file("0" * 64) is None


def test_what_was_looked_at_is_remembered_and_bounded(pair: Pair) -> None:
    store = pair.wang.store
    for n in range(30):
        store.look_at(f"p{n}")
    store.look_at("p20")
    kept = store.points_looked(pair.site.wang)
    assert kept[:2] == ["p20", "p29"] and len(kept) == 20 and len(set(kept)) == 20
    assert json.loads(store.meta(f"looked {pair.site.wang}") or "") == kept
