"""The stamped copy for people: what it says, that the picture in it is upright and whole, and how it leaves the app; and what
of a photo contradicts its record, told while the visit is open."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFont

from field_app.capture import photo, stamp
from field_app.capture.exif import Shot, read, with_exif
from field_app.capture.handover import NotHanded
from field_app.capture.position import Fix
from field_app.desks.copies import Copies
from field_app.store import Edit
from field_app.visit import Visit, stamping
from schemas.problems import Trouble
from schemas.records import TYPES, check, missing
from schemas.rules.shots import STAGES, advised, asked, stages
from tests.crash.filling_tablet import at_most
from tests.ui import seed
from tests.unit.test_photos import NOW, RULES, Host, desk_of, exif, jpeg, opened, pictures

__all__ = ["pictures"]
LINES = ["红星化工厂地块", "点位 S15 · 岩心箱 · 1.5 m", "副本，原件 SHA-256 0123456789abcdef……"]
ABOUT = stamping.About("红星化工厂地块", "S15", "", "沈立、王工", "D07")


def halves(size: tuple[int, int] = (1600, 1200)) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", size, (200, 20, 20))
    picture.paste((20, 20, 200), (size[0] // 2, 0, *size))
    return picture


def file_of(picture: Image.Image, **more: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, **more)
    return out.getvalue()


def near(a: Any, b: Any) -> bool:
    return all(abs(x - y) < 40 for x, y in zip(a, b, strict=True))


# --- the copy ---------------------------------------------------------------------------------------------------------


def test_the_band_is_under_the_picture_and_covers_nothing() -> None:
    made = Image.open(io.BytesIO(stamp.made(halves(), LINES) or b""))
    assert made.format == "JPEG" and made.width == 1600 and 1200 < made.height < 1500
    assert near(made.getpixel((10, 1190)), (200, 20, 20)) and near(made.getpixel((1590, 1190)), (20, 20, 200))
    band = made.crop((0, 1205, 1600, made.height)).convert("L")
    assert (band.getextrema()[1] or 0) > 220 and sum(band.histogram()[200:]) > 3000  # something is written there
    assert not made.getexif() and not made.info.get("exif")
    plain = stamp.made(halves(), [line.replace("S15", "S16") for line in LINES])
    assert plain != stamp.made(halves(), LINES)


@pytest.mark.parametrize(
    ("orientation", "corner", "size"),
    [(1, (200, 20, 20), (1600, 1200)), (3, (20, 20, 200), (1600, 1200)), (2, (20, 20, 200), (1600, 1200)),
     (6, (200, 20, 20), (1200, 1600)), (8, (20, 20, 200), (1200, 1600))],
)  # fmt: skip
def test_it_stands_upright(
    tmp_path: Path, orientation: int, corner: tuple[int, int, int], size: tuple[int, int]
) -> None:
    kept = photo.keep(tmp_path, file_of(halves(), exif=exif(orientation)), None, lambda sha: LINES)
    copy = Image.open(tmp_path / "stamped" / f"{kept.sha256}.jpg")
    assert (copy.width, size[1] < copy.height) == (size[0], True)
    assert near(copy.getpixel((5, 5)), corner)


def test_it_is_small_enough_for_a_chat_and_wide_enough_for_its_words(tmp_path: Path) -> None:
    for size in ((5200, 3900), (3000, 2250), (2250, 3000), (1920, 1080), (60, 40)):
        kept = photo.keep(tmp_path, file_of(halves(size)), None, lambda sha: LINES)
        path = photo.stamped(tmp_path, kept.sha256, LINES)
        assert path
        copy = Image.open(path)
        inside = copy.width if size[0] >= size[1] else copy.height
        assert min(max(size), 1920) <= inside <= 2560 * (1 if size[0] >= size[1] else 1.2), size


def test_long_names_are_broken_between_words_first() -> None:
    font = ImageFont.truetype(io.BytesIO(stamp.font_data() or b""), 20)
    rows = stamp.wrapped("甲乙丙 · 丁戊己庚辛 · 一二三四五六七八九十一二三四五六七八九十", font, 220)
    assert rows[:2] == ["甲乙丙 · 丁戊己庚辛", "一二三四五六七八九十一"] and all(font.getlength(r) <= 220 for r in rows)


@pytest.mark.parametrize(
    "name", ["原某化工厂\n（一期）地块", "a\tb\r\nc", "\x00\x1b\u202e\ud800", "", "名" * 300, " · " * 5]
)
@pytest.mark.parametrize("size", [(1200, 900), (40, 1500), (1500, 40), (1, 1)])
def test_no_name_keeps_a_copy_from_being_made(name: str, size: tuple[int, int]) -> None:
    copy = stamp.made(Image.new("RGB", size, "white"), [name, f"点位 S01{stamp.SEPARATOR}{name}"])
    assert copy is not None and Image.open(io.BytesIO(copy)).height > size[1]


def test_the_font_writes_whatever_a_record_may_say() -> None:
    data = stamp.font_data()
    assert data is not None and len(data) < 3_000_000 and stamp.writes_chinese(data)
    font = ImageFont.truetype(io.BytesIO(data), 16)
    box = bytes(font.getmask("\U0010fffd"))
    common = [bytes([b1, b2]).decode("gb2312") for b1 in range(0xB0, 0xD7) for b2 in range(0xA1, 0xFA)]
    assert not [c for c in (*common, *"±°·：，（）0123456789abcdefNESW") if bytes(font.getmask(c)) == box]


def test_no_font_no_copy_and_the_photo_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp, "font_data", lambda: None)
    data = file_of(halves())
    kept = photo.keep(tmp_path, data, None, lambda sha: LINES)
    assert (tmp_path / "photos" / f"{kept.sha256}.jpg").read_bytes() == data and photo.thumb(tmp_path, kept.sha256)
    assert not (tmp_path / "stamped").exists() and photo.stamped(tmp_path, kept.sha256, LINES) is None


def test_which_font_is_taken_where_ours_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = stamp.font_data() or b""
    latin, text = tmp_path / "latin.ttf", tmp_path / "no.ttf"
    text.write_bytes(b"no font")
    latin.write_bytes(good)

    def gone() -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(stamp, "_packed", gone)
    monkeypatch.setattr(stamp, "_built", gone)
    for system, wanted in (((), None), ((str(text),), None), ((str(text), str(latin)), good)):
        stamp.font_data.cache_clear()
        monkeypatch.setattr(stamp, "_SYSTEM", system)
        assert stamp.font_data() == wanted
    stamp.font_data.cache_clear()


def test_a_copy_without_room_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    kept = photo.keep(tmp_path, file_of(halves()))
    with at_most(100), pytest.raises(Trouble) as err:
        photo.stamped(tmp_path, kept.sha256, LINES)
    assert err.value.problem.number == 5007 and not list((tmp_path / "stamped").iterdir())
    assert photo.stamped(tmp_path, kept.sha256, LINES) and photo.stamped(tmp_path, "0" * 64, LINES) is None


# --- what it says -----------------------------------------------------------------------------------------------------


def values(**more: Any) -> dict[str, Any]:
    usual = {
        "sha256": "0123456789abcdef" * 4, "step": "core_box", "taken_at": "2026-11-28T02:00:05+00:00", "source": "app_camera",
        "position": {"lon": "118.8000001", "lat": "32.0000000", "h_acc_m": "2.10"},
    }  # fmt: skip
    return {k: v for k, v in {**usual, **more}.items() if v is not None}


def test_its_lines() -> None:
    assert stamping.lines(values(depth_m="1.50", bearing_deg="90"), ABOUT) == [
        "红星化工厂地块",
        "点位 S15 · 岩心箱 · 1.50 m",
        "2026-11-28 10:00:05（北京时间） · UTC 2026-11-28 02:00:05",
        "32.000000°N 118.800000°E ±2.1 m · 方位角 90°",
        "采样 沈立、王工 · 设备 D07",
        "副本，原件 SHA-256 0123456789abcdef……",
    ]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"position": None}, "没有定位"),
        ({"position": {"lon": "-1", "lat": "-2", "mocked": True}}, "2.000000°S 1.000000°W · 模拟定位"),
        ({"position": None, "file_position": {"lon": "118", "lat": "32", "h_acc_m": "5"}}, "文件写的位置 32.000000°N 118.000000°E ±5.0 m"),
        ({"source": "file_import", "source_reason": "同事传来的"}, "相册导入 · 同事传来的"),
        ({"step": "unheard_of"}, "点位 S15 · unheard_of"),
    ],
)  # fmt: skip
def test_what_is_not_of_our_own_camera_or_not_known_is_said(more: dict[str, Any], line: str) -> None:
    assert line in stamping.lines(values(**more), ABOUT)


def test_its_name_outside_the_app() -> None:
    assert stamping.file_name(values(), ABOUT) == "S15_岩心箱_20261128-100005_01234567.jpg"
    odd = stamping.file_name(values(), ABOUT._replace(subject="S15/0.5*样"))
    assert odd == "S15-0.5-样_岩心箱_20261128-100005_01234567.jpg"


# --- taken by the desk ------------------------------------------------------------------------------------------------


def take(host: Host, folder: Path, fix: Fix | None) -> tuple[Visit, dict[str, Any]]:
    desk, visit = desk_of(host, folder), host.visit()
    desk._camera.source = "app_camera"  # type: ignore[union-attr,misc]
    if fix is not None:
        host.here.take(fix, NOW)

    async def body() -> None:
        await opened(desk)
        await desk.shoot(visit)

    asyncio.run(body())
    (found,) = visit.photos.values()
    return visit, found


def test_our_own_photo_says_itself_what_its_record_says(tmp_path: Path, pictures: Path) -> None:
    host = Host(tmp_path / "t", RULES)
    host._store.set_meta("server_offset_ms", "-1260")
    fix = Fix(seed.LON, seed.LAT, 2.1, NOW - timedelta(seconds=2), heading_deg=271.4, elevation_m=8.0)
    visit, record = take(host, pictures, fix)
    assert not [*check(TYPES["photo"], record), *missing(TYPES["photo"], record)]
    assert record["clock_drift_s"] == "-1.3" and record["bearing_deg"] == "271"
    assert record["file_taken_at"] == record["taken_at"] == NOW.isoformat(timespec="seconds")
    file = record["file_position"]
    assert (file["lon"], file["lat"]) == (record["position"]["lon"], record["position"]["lat"])
    assert file["h_acc_m"] == "2.10" and datetime.fromisoformat(file["at"]) == NOW - timedelta(seconds=2)
    path = photo.find(tmp_path / "t", record["sha256"])
    assert (
        path and hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"]
    )  # hashed after it was written into
    facts = read(Image.open(path))
    assert (facts.point, facts.project) == ("S15", (host.book.project or {})["code"])
    assert facts.device == host._store.keys.require().device_code
    assert (tmp_path / "t" / "stamped" / f"{record['sha256']}.jpg").is_file()
    assert visit.against(next(iter(visit.photos))) == {}


def test_without_server_time_heading_or_position_nothing_is_made_up(tmp_path: Path, pictures: Path) -> None:
    _, record = take(Host(tmp_path / "t"), pictures, None)
    assert not {"clock_drift_s", "bearing_deg", "position", "file_position"} & record.keys()
    old = Fix(seed.LON, seed.LAT, 2.1, NOW - timedelta(seconds=4), heading_deg=90.0)
    _, record = take(Host(tmp_path / "u"), pictures, old)
    assert (
        "bearing_deg" not in record and record["position"]
    )  # the place holds for a minute, a heading for three seconds


def imported(host: Host, data: bytes) -> tuple[Visit, str]:
    async def pick() -> bytes:
        return data

    desk, visit = desk_of(host, None, pick), host.visit()
    asyncio.run(desk.from_file(visit, "colleague"))
    (record,) = visit.photos
    return visit, record


def test_a_file_from_elsewhere_is_untouched_and_what_disagrees_is_told_at_once(tmp_path: Path) -> None:
    host, day = Host(tmp_path / "t"), timedelta(days=1)
    far = Fix(seed.LON + 0.01, seed.LAT, 5.0, NOW - day)
    data = with_exif(jpeg(), Shot(NOW - day, far, device="D9"))
    visit, record = imported(host, data)
    found = visit.photos[record]
    path = photo.find(tmp_path / "t", found["sha256"])
    assert path and path.read_bytes() == data and not (tmp_path / "t" / "stamped").exists()
    assert found["taken_at"] == found["file_taken_at"] == (NOW - day).isoformat(timespec="seconds")
    assert "position" not in found and "clock_drift_s" not in found and found["file_position"]["h_acc_m"] == "5.00"
    assert not [*check(TYPES["photo"], found), *missing(TYPES["photo"], found)]
    assert list(visit.against(record)) == ["file", "time"]
    visit.set_point(position={"lon": str(seed.LON), "lat": str(seed.LAT), "h_acc_m": "3.00", "fix_kind": "single", "fix_count": 1,
                              "fix_age_s": "1.0", "mocked": False, "at": NOW.isoformat()})  # fmt: skip
    assert list(visit.against(record)) == ["file", "time", "file_place"]
    assert "m" in visit.against(record)["file_place"].zh and len(visit.photos) == 1  # told, not refused


def test_the_same_picture_for_two_things_is_told(tmp_path: Path) -> None:
    host, data = Host(tmp_path / "t", RULES), jpeg()

    async def pick() -> bytes:
        return data

    desk, visit = desk_of(host, None, pick), host.visit()

    async def body() -> None:
        for step in ("rig_e", "rig_e", "core_box"):
            visit.aim(step)
            await desk.from_file(visit, "late")

    asyncio.run(body())
    first, second, other = visit.photos
    assert desk.twice(visit, first) == ("S15 岩心箱", "S15 Core box") == desk.twice(visit, second)
    assert desk.twice(visit, other) == ("S15 钻机东向", "S15 Rig E")
    visit.remove_photo(other)
    assert desk.twice(visit, first) is None  # twice for one thing is no contradiction


def test_a_picture_of_another_point_is_told(tmp_path: Path) -> None:
    host, data = Host(tmp_path / "t"), jpeg()
    visit, record = imported(host, data)
    for type, id, edit in visit.edits():
        if type in ("point", "photo"):
            host._store.finalize([Edit(type, id, seed.FIELD, edit)], complete=False)

    async def pick() -> bytes:
        return data

    host._store.drop_draft(visit.id)
    desk, second = desk_of(host, None, pick), host.visit(16)

    async def body() -> None:
        await desk.from_file(second, "late")
        await desk.look(second)

    asyncio.run(body())
    (mine,) = second.photos
    step = visit.photos[record]["step"]
    found = desk.twice(second, mine)
    assert found and found.zh.startswith("S15 ") and step


# --- out of the app ---------------------------------------------------------------------------------------------------


class Hands:
    def __init__(self, why: str = "") -> None:
        self.why, self.got = why, list[tuple[Path, str, str, bytes]]()

    def ways(self) -> tuple[str, ...]:
        return ("share", "save")

    async def hand(self, path: Path, way: str, name: str = "") -> str:
        if self.why:
            raise NotHanded(self.why)
        self.got.append((path, way, name, path.read_bytes()))
        return ""


class Desk(Host):
    device = "D07"


def test_a_copy_is_made_as_the_record_is_now_and_handed_out_under_a_name(tmp_path: Path, pictures: Path) -> None:
    host, hands = Desk(tmp_path / "t"), Hands()
    visit, values = take(host, pictures, Fix(seed.LON, seed.LAT, 2.1, NOW))
    (record,) = visit.photos
    copies = Copies(host, hands)  # type: ignore[arg-type]
    first = (tmp_path / "t" / "stamped" / f"{values['sha256']}.jpg").read_bytes()
    visit.change("photo", record, depth_m="1.50")
    asyncio.run(copies.hand(visit, record, "share"))
    ((path, way, name, data),) = hands.got
    assert (path.parent.name, way) == ("stamped", "share") and data != first
    assert name.startswith("S15_") and name.endswith(f"_{values['sha256'][:8]}.jpg")
    assert copies.became(record) == (
        "done",
        ("副本已交出。原件在本机，没有改动。", "Copy handed over. The original here is unchanged."),
    )
    assert copies.became("another") is None and not copies.busy
    original = photo.find(tmp_path / "t", values["sha256"])
    assert original and hashlib.sha256(original.read_bytes()).hexdigest() == values["sha256"]


@pytest.mark.parametrize(
    ("why", "kind", "word"),
    [
        ("cancelled", "warn", "没有保存"),
        ("failed", "alert", "没能交出去"),
        ("font", "alert", "没有中文字体"),
        ("gone", "alert", "不在本机"),
    ],
)
def test_a_copy_that_does_not_leave_says_why(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, why: str, kind: str, word: str
) -> None:
    host, hands = Desk(tmp_path / "t"), Hands(why if why in ("cancelled", "failed") else "")
    visit, values = take(host, pictures, None)
    if why == "font":
        monkeypatch.setattr(stamp, "font_data", lambda: None)
    if why == "gone":
        (photo.find(tmp_path / "t", values["sha256"]) or Path()).unlink()
    copies = Copies(host, hands)  # type: ignore[arg-type]
    asyncio.run(copies.hand(visit, next(iter(visit.photos)), "save"))
    told = copies.became(next(iter(visit.photos)))
    assert told and told[0] == kind and word in told[1][0] and not hands.got


# --- the list of the guides -------------------------------------------------------------------------------------------

GUIDE = {  # the steps of the guide's table and their photos
    "drilling": {"rig_e", "rig_s", "rig_w", "rig_n", "opening", "casing", "rod_change", "undisturbed"},
    "core": {"core_box", "layer_change", "pollution_mark"},
    "soil_sampling": {"tool", "position", "voc_fill", "svoc_fill", "label", "screening"},
    "well": {"screen_pipe", "pipe_joint", "filter_pack", "seal", "well_head", "nameplate"},
    "groundwater": {"purge", "meter_reading", "gw_voc", "gw_svoc", "gw_metal"},
    "handover": {"cool_box", "packed", "custody_form"},
    "sealing": {"backfill"},
}


def test_every_photo_of_the_guide_is_asked_of_the_points_it_is_about() -> None:
    groups = ["voc", "svoc", "metal"]
    soil, well = ({s.step for s in advised(role, groups)} for role in ("soil", "well"))
    both = {s.step for s in advised("soil_and_well", groups)}
    assert set().union(*GUIDE.values()) <= both and set(STAGES) == set(GUIDE)
    assert {k: v for k, v in stages().items() if k not in ("surface", "gw_other")} == {
        s: g for g, all in GUIDE.items() for s in all
    }
    assert soil >= GUIDE["drilling"] | GUIDE["core"] | GUIDE["soil_sampling"] | GUIDE["handover"] | GUIDE["sealing"]
    assert well >= GUIDE["well"] | GUIDE["groundwater"] | GUIDE["handover"] and not soil & GUIDE["well"]
    plain = {s.step for s in advised("soil_and_well", ["ph"])}
    assert not plain & {"voc_fill", "svoc_fill", "gw_voc", "gw_svoc", "gw_metal"}


def test_the_photos_of_a_step_are_shown_at_that_step(tmp_path: Path) -> None:
    rules = [{"step": s, "least": 1} for s in ("rig_e", "core_box", "label", "cool_box", "backfill", "overview")]
    visit = Host(tmp_path / "t", rules).visit()
    assert [s.step for s in visit.slots_at("layers")] == ["rig_e", "core_box"]
    assert [s.step for s in visit.slots_at("samples")] == ["label", "cool_box"] and not visit.slots_at("readings")
    assert list(asked(visit.photo_rules, "soil")) == [r["step"] for r in rules]
