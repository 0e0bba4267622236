"""What an inspector sees of the point that is checked: everything recorded there and nothing else, from this tablet alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from field_app.desks.beside import Around, BesideDesk, makers, when
from field_app.pages.beside import subject_of, types_of
from field_app.store import Edit, Store
from schemas.reference import codes
from schemas.rules import evidence
from schemas.rules.checklists import ready
from schemas.wire import PullHead
from tests.photo_files import keep, picture
from tests.ui import seed
from tests.ui.seed import FIELD, MATE, uid

POINT, PLANNED = uid(3, 1), uid(1, 1)
NOW = datetime.fromisoformat("2026-11-21T15:00:00+08:00")
OWN = "01900000-0000-7000-8000-"


class Host:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.book = SimpleNamespace(project_id=seed.PROJECT)
        self.written: list[Any] = []

    def now(self) -> datetime:
        return NOW

    def _write(self, fn: Any, *args: Any) -> None:
        fn(*args)
        self.written.append(args)


def rec(n: int) -> str:
    return f"{OWN}{n:012x}"


def more(store: Store) -> None:
    """What a sampler recorded at S01 and at S02, as it was pulled."""
    at = "2026-11-20T10:00:00+08:00"
    borehole = {"point_id": POINT, "code": "ZK1", "opened_at": at, "method": "direct_push"}
    layer = {"borehole_id": rec(1), "layer_no": 1, "top_m": "0.0", "bottom_m": "0.8", "texture": "fill"}
    sample = {
        "point_id": POINT,
        "code": "S01-1",
        "collected_at": at,
        "collected_by": MATE,
        "kind": "field",
        "medium": "soil",
    }
    jar = {"sample_id": rec(3), "code": "S01-1-A", "type": "vial40", "state": "sealed"}
    elsewhere = {**sample, "point_id": uid(3, 2), "code": "S02-1"}

    def shot(n: int, kind: str, of: str, **values: Any) -> dict[str, Any]:
        return {"sha256": f"{n:064x}", "step": "other", "subject_kind": kind, "subject_id": of, "taken_at": f"2026-11-20T10:{n:02d}:00+08:00",
                "source": "app_camera", **values}  # fmt: skip

    rows = [
        ("borehole", rec(1), borehole), ("soil_layer", rec(2), layer), ("sample", rec(3), sample), ("sample_container", rec(4), jar),
        ("sample", rec(5), elsewhere), ("sample", rec(6), {**sample, "code": "S01-X", "deleted": True}),
        ("photo", rec(11), shot(11, "point", POINT)), ("photo", rec(12), shot(12, "sample_container", rec(4))),
        ("photo", rec(13), shot(13, "sample", rec(5))), ("photo", rec(14), shot(14, "planned_point", PLANNED)),
        ("photo", rec(15), shot(15, "point", POINT, deleted=True)),
    ]  # fmt: skip
    first = store.cursor(FIELD)
    lines = [evidence.row_line(type, id, first + n, values) for n, (type, id, values) in enumerate(rows, 1)]
    end = first + len(lines)
    store.apply_pull(FIELD, PullHead(epoch="1", cursor=end, head=end, count=len(lines), more=False), lines)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "t")
    seed.fill(made)
    more(made)
    yield made
    made.close()


def shown(store: Store, id: str = POINT, kind: str = "point") -> tuple[BesideDesk, Around]:
    desk = BesideDesk(Host(store), store)  # type: ignore[arg-type]
    asyncio.run(desk.show(kind, id))
    assert desk.around is not None
    return desk, desk.around


def test_all_of_the_point_and_nothing_of_another(store: Store) -> None:
    _, around = shown(store)
    counted = {type: len(found) for type, found in around.records.items()}
    assert counted == {"point": 1, "planned_point": 1, "planned_target": 3, "borehole": 1, "soil_layer": 1, "sample": 2,
                       "sample_container": 1, "field_reading": 2}  # fmt: skip
    assert around.code == "S01" and [s.values["code"] for s in around.of(["sample"])] == ["S01-1"]  # voided left out
    assert [p.id for p in around.photos] == [rec(11), rec(12), rec(14)]


def test_an_item_sees_its_types_and_their_photos(store: Store) -> None:
    _, around = shown(store)
    jars = around.shots(("sample_container",))
    assert [p.id for p in jars] == [rec(12)] and len(around.shots(("photo",))) == 3
    assert [s.type for s in around.of(("soil_layer", "sample", "photo"))] == ["soil_layer", "sample"]


def test_how_far_from_its_planned_place(store: Store) -> None:
    _, around = shown(store)
    assert around.moved_m == pytest.approx(0.3, abs=0.02)
    _, moved = shown(store, uid(3, 12))
    assert moved.moved_m == pytest.approx(6.0, abs=0.05)


def test_who_and_when(store: Store) -> None:
    desk, around = shown(store)
    (sample,) = around.of(["sample"])
    assert (makers(sample.values), when(sample.values)) == ([MATE], "2026-11-20T10:00:00+08:00")
    assert desk.called("person", MATE) == "沈立"


def test_calibrations_of_that_day_only(store: Store) -> None:
    _, around = shown(store)
    assert "calibration" not in around.records  # those of the seed are of another day
    day = str((around.subject or around.of(["point"])[0]).values["started_at"])
    values = {"instrument_id": seed.XRF, "at": day, "person_id": MATE, "points": [{"kind": next(iter(codes("cal_kind"))), "standard": "x", "reading": "1", "unit": "mg_kg", "result": "passed"}],
              "result": "passed"}  # fmt: skip
    store.finalize([Edit("calibration", store.new_id(), FIELD, values)], complete=False)
    _, again = shown(store)
    assert [c.values["at"] for c in again.records["calibration"]] == [day]


def test_pictures_of_this_tablet_and_small_ones_that_came(store: Store) -> None:
    (store.folder / "seen").mkdir()
    (store.folder / "seen" / f"{12:064x}.jpg").write_bytes(picture(1))
    sha = keep(store.folder, picture(2))
    photo = {"sha256": sha, "step": "other", "subject_kind": "point", "subject_id": POINT, "taken_at": NOW.isoformat(), "source": "app_camera"}  # fmt: skip
    store.finalize([Edit("photo", store.new_id(), FIELD, photo)], complete=False)
    desk, around = shown(store)
    assert [bool(desk.picture(p.values["sha256"])) for p in around.photos] == [False, True, False, True]
    assert (desk.picture(f"{12:064x}") or b"")[:2] == b"\xff\xd8"


def test_looking_is_remembered_for_the_next_sync(store: Store) -> None:
    shown(store)
    assert store.points_looked(store.keys.require().person) == [POINT]


def test_a_point_that_is_not_here(store: Store) -> None:
    _, around = shown(store, rec(999))
    assert around.subject is None and around.photos == () and around.moved_m is None


def test_the_last_one_asked_for_counts(store: Store) -> None:
    desk = BesideDesk(Host(store), store)  # type: ignore[arg-type]

    async def both() -> None:
        await asyncio.gather(desk.show("point", POINT), desk.show("point", uid(3, 2)))

    asyncio.run(both())
    assert desk.around is not None and desk.around.id == uid(3, 2)


def test_points_to_choose_from(store: Store) -> None:
    desk = BesideDesk(Host(store), store)  # type: ignore[arg-type]
    asyncio.run(desk.choices(seed.SITE))
    codes = [s.values["code"] for s in desk.choice or ()]
    assert codes[:2] == ["S01", "S02"] and "S18" not in codes  # where nothing could be done


def test_forgetting_leaves_nothing_of_the_one_before(store: Store) -> None:
    desk, around = shown(store)
    desk.look(around.photos[0].values["sha256"])
    desk.forget()
    assert (desk.around, desk.open, desk.choice, desk.findings) == (None, "", None, None)
    assert desk.called("person", MATE) == MATE[-6:]


def test_which_records_an_item_of_the_ready_lists_is_about() -> None:
    lists = [found for found in ready.every() if found.kind == "sampling_supervision"]
    assert lists
    for found in lists:
        assert any(types_of(SimpleNamespace(list=found, at=item.code)) for item in found.items)
    assert types_of(SimpleNamespace(list=None, at="")) == ()


def test_a_load_or_a_point() -> None:
    assert subject_of({"manifest_id": "m", "point_id": "p"}) == ("manifest", "m")
    assert subject_of({"point_id": "p"}) == ("point", "p") and subject_of({}) == ("point", "")
