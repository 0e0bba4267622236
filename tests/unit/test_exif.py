"""What our own photos get written into them, what is read from any picture, and that nothing else of a picture changes."""

from __future__ import annotations

import io
import random
import struct
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import piexif
import pytest
from PIL import Image

from field_app.capture import exif, photo
from field_app.capture.exif import NoExif, Shot, with_exif
from field_app.capture.position import Fix, heading
from schemas.rules.exif import CHINA, Facts, as_json, comment_of, facts_of, own_of
from tests.unit.test_photos import jpeg, other

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")
TAKEN = datetime(2026, 11, 28, 10, 0, 5, 123_000, tzinfo=CHINA)
FIX = Fix(118.1234567, 32.7654321, 2.13, datetime(2026, 11, 28, 2, 0, 3, 500_000, tzinfo=UTC), elevation_m=12.34)
RECORD = "01890000-0000-7000-8000-0000000000ab"
SHOT = Shot(TAKEN, FIX, 271.4, -1.26, "D07", "NJ1", "S15", RECORD)


def said(data: bytes) -> Facts:
    return exif.read(Image.open(io.BytesIO(data)))


def from_scan(data: bytes) -> bytes:
    """Everything from the first scan on, found by walking the segments."""
    at = 2
    while data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[at:]


def camera(**more: Any) -> bytes:
    """A JPEG as a phone's camera writes it: its own block, a colour profile, XMP, a comment."""
    own = {
        "0th": {piexif.ImageIFD.Make: b"HUAWEI", piexif.ImageIFD.Model: b"HUAWEI P60", piexif.ImageIFD.Orientation: 6},
        "Exif": {piexif.ExifIFD.ExposureTime: (1, 50), piexif.ExifIFD.ISOSpeedRatings: 100, piexif.ExifIFD.FocalLength: (6, 1),
                 piexif.ExifIFD.MakerNote: b"maker" * 40, piexif.ExifIFD.DateTimeOriginal: b"2020:01:01 00:00:00"},
        "GPS": {piexif.GPSIFD.GPSLatitudeRef: b"S", piexif.GPSIFD.GPSLatitude: ((1, 1), (2, 1), (3, 1))},
        "1st": {piexif.ImageIFD.Compression: 6}, "thumbnail": jpeg(size=(160, 120)),
    }  # fmt: skip
    noise = random.Random(1).randbytes(640 * 480 * 3)
    out = io.BytesIO()
    picture = Image.frombytes("RGB", (640, 480), noise)
    picture.save(out, "JPEG", exif=piexif.dump(own), icc_profile=b"profile" * 100, comment=b"from the maker", **more)
    return out.getvalue()


# --- written ----------------------------------------------------------------------------------------------------------


def test_everything_the_tablet_knew_is_in_the_file() -> None:
    facts = said(with_exif(camera(), SHOT))
    assert facts.taken_at == TAKEN.replace(microsecond=0) and facts.taken_at.utcoffset() == timedelta(hours=8)
    assert facts.gps_at == datetime(2026, 11, 28, 2, 0, 3, tzinfo=UTC)
    assert (facts.longitude, facts.latitude) == pytest.approx((FIX.lon, FIX.lat), abs=5e-8)
    assert (facts.altitude_m, facts.accuracy_m, facts.bearing_deg) == (12.34, 2.13, 271.4)
    assert (facts.device, facts.project, facts.point) == ("D07", "NJ1", "S15")
    assert facts.software and facts.software.startswith("Jingtu ")
    raw = Image.open(io.BytesIO(with_exif(camera(), SHOT))).getexif().get_ifd(0x8769)
    assert raw[42016] == RECORD.replace("-", "") and raw[37521] == "123" and raw[36881] == "+08:00"
    assert own_of(raw[37510]) == {
        "utc": "2026-11-28T02:00:05.123Z", "device": "D07", "project": "NJ1", "point": "S15", "clock_drift_s": "-1.3",
    }  # fmt: skip


def test_the_cameras_own_tags_stay_where_they_are_sound_and_the_rest_goes() -> None:
    made = with_exif(camera(), SHOT)
    facts, table = said(made), Image.open(io.BytesIO(made)).getexif().get_ifd(0x8769)
    assert facts.orientation == 6 and facts.camera == "HUAWEI P60"
    assert (Fraction(table[33434]), table[34855], float(table[37386])) == (Fraction(1, 50), 100, 6.0)
    assert 0x927C not in table  # the maker's notes
    block = piexif.load(made)  # of bytes this test made
    assert not block["1st"] and block["thumbnail"] is None
    assert (facts.latitude or 0) > 0  # ours, not the camera's


@pytest.mark.parametrize("form", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}, {"restart_marker_rows": 1}],
                         ids=["plain", "progressive", "best", "restarts"])  # fmt: skip
def test_the_scans_and_every_other_segment_stay_byte_for_byte(form: dict[str, Any]) -> None:
    before = camera(**form)
    after = with_exif(before, SHOT)
    assert from_scan(after) == from_scan(before)
    assert Image.open(io.BytesIO(after)).tobytes() == Image.open(io.BytesIO(before)).tobytes()
    _, old, _ = exif._segments(before)
    _, new, _ = exif._segments(after)
    assert [s for s in new if s[4:10] != b"Exif\0\0"] == [s for s in old if s[4:10] != b"Exif\0\0"]
    assert new[0][1] == 0xE0 and new[1][4:10] == b"Exif\0\0"  # behind JFIF's own, before all others
    assert sum(s[4:10] == b"Exif\0\0" for s in new) == 1


def test_without_a_position_there_is_none_and_the_time_is_there_all_the_same() -> None:
    made = with_exif(jpeg(), Shot(TAKEN, device="D07"))
    facts = said(made)
    assert facts.taken_at == TAKEN.replace(microsecond=0) and facts.orientation == 1
    assert facts.longitude is facts.gps_at is facts.accuracy_m is facts.bearing_deg is facts.project is None
    assert not Image.open(io.BytesIO(made)).getexif().get_ifd(0x8825)


@pytest.mark.parametrize("lon", [-179.9999999, -0.00001, 0.00001, 118.9999999, 179.9999999])
@pytest.mark.parametrize("lat", [-89.9999999, -0.00001, 32.0, 89.9999999])
def test_a_position_comes_back_to_a_millimetre(lon: float, lat: float) -> None:
    fix = FIX._replace(lon=lon, lat=lat, elevation_m=-7.5, mocked=True)
    facts = said(with_exif(jpeg(), SHOT._replace(fix=fix)))
    assert (facts.longitude, facts.latitude) == pytest.approx((lon, lat), abs=5e-9) and facts.altitude_m == -7.5


def test_other_zones_and_a_made_up_position_are_said() -> None:
    west = TAKEN.astimezone(timezone(timedelta(hours=-3, minutes=-30)))
    made = with_exif(jpeg(), SHOT._replace(taken_at=west, fix=FIX._replace(mocked=True), bearing_deg=359.97))
    facts = said(made)
    assert facts.taken_at == west.replace(microsecond=0) and facts.taken_at.isoformat().endswith("-03:30")
    assert own_of(Image.open(io.BytesIO(made)).getexif().get_ifd(0x8769)[37510])["position"] == "mocked"
    assert facts.bearing_deg == 0


@pytest.mark.parametrize(
    "data",
    [other("PNG"), other("WEBP"), b"", b"\xff\xd8\xff", jpeg()[:20], b"\xff\xd8\xff\xff" + jpeg()[3:], jpeg()[:2] + b"\x00" + jpeg()[3:]],
    ids=["png", "webp", "nothing", "three bytes", "cut in the head", "fill bytes", "no marker"],
)  # fmt: skip
def test_what_cannot_be_written_into_is_said(data: bytes) -> None:
    with pytest.raises(NoExif):
        with_exif(data, SHOT)


def test_a_photo_that_takes_no_block_is_kept_as_it_is_and_that_is_said(tmp_path: Path) -> None:
    odd = jpeg()[:2] + b"\xff\xe1\x00\x08Exif\0\0" + jpeg()[2:]  # its block is empty
    kept = photo.keep(tmp_path, odd, SHOT)
    assert kept.no_exif == "" and kept.facts.point == "S15"
    for data, reason in ((other("PNG"), "kind"), (jpeg()[:2] + b"\xff" + jpeg()[2:], "odd")):
        kept = photo.keep(tmp_path, data, SHOT)
        path = photo.find(tmp_path, kept.sha256)
        assert kept.no_exif == reason and path and path.read_bytes() == data and kept.facts == Facts()


def test_a_receiver_that_says_nonsense_costs_no_photo(tmp_path: Path) -> None:
    data = jpeg()
    kept = photo.keep(tmp_path, data, SHOT._replace(fix=FIX._replace(elevation_m=float("nan"))), lambda sha: [1 / 0])  # type: ignore[list-item]
    path = photo.find(tmp_path, kept.sha256)
    assert path and path.read_bytes() == data and kept.no_exif == "failed" and photo.thumb(tmp_path, kept.sha256)


def test_what_a_maker_puts_behind_our_own_picture_goes_before_it_is_hashed(tmp_path: Path) -> None:
    data = camera()
    kept = photo.keep(tmp_path, data + b"MAKER" + bytes(range(256)) * 20, SHOT)
    path = photo.find(tmp_path, kept.sha256)
    assert path and path.read_bytes() == with_exif(data, SHOT)
    with pytest.raises(photo.NotKept, match="more"):  # a file from elsewhere is not cut to fit
        photo.keep(tmp_path, data + b"MAKER" + bytes(range(256)) * 20)


def test_a_damaged_block_of_the_camera_costs_neither_the_photo_nor_ours() -> None:
    rng, own = random.Random(7), camera()
    start = own.index(b"Exif\0\0") + 6
    length = int.from_bytes(own[start - 8 : start - 6], "big") - 8
    for _ in range(400):
        broken = bytearray(own)
        for _ in range(rng.randrange(1, 40)):
            broken[start + rng.randrange(length)] = rng.randrange(256)
        made = with_exif(bytes(broken), SHOT)
        assert said(made).point == "S15" and from_scan(made) == from_scan(own)


# --- read -------------------------------------------------------------------------------------------------------------


def test_files_from_elsewhere_are_never_loaded_by_piexif() -> None:
    source = Path(exif.__file__).read_text("utf-8")
    assert "piexif.load" not in source and "piexif.insert" not in source and "piexif.dump" in source


def test_a_damaged_file_says_less_and_raises_nothing(tmp_path: Path) -> None:
    rng, whole = random.Random(11), with_exif(camera(), SHOT)
    start = whole.index(b"Exif\0\0") + 6
    seen = set()
    for _ in range(600):
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 30)):
            broken[start + rng.randrange(500)] = rng.randrange(256)
        facts = said(bytes(broken))
        as_json(facts)
        seen.add(facts.longitude is None)
        assert facts.longitude is None or (-180 <= facts.longitude <= 180 and -90 <= (facts.latitude or 0) <= 90)
    assert seen == {True, False}


def test_an_exif_bomb_is_small_work() -> None:
    """A tag that claims 4,000,000,000 bytes, and a table that points at itself."""
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + b"".join(
        struct.pack("<HHII", tag, 2, 4_000_000_000, 8) for tag in (0x010F, 0x0110, 0x0131)
    ) + struct.pack("<I", 8)  # fmt: skip
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block
    assert said(jpeg()[:2] + segment + jpeg()[2:]).camera is None


def gps(**more: Any) -> dict[int, Any]:
    usual = {1: "N", 2: (32.0, 30.0, 36.0), 3: "E", 4: (118.0, 0.0, 0.0)}
    return {**usual, **{int(k[1:]): v for k, v in more.items()}}


@pytest.mark.parametrize(
    ("main", "inner", "place", "wanted"),
    [
        ({}, {}, gps(), {"longitude": 118.0, "latitude": 32.51}),
        ({}, {}, gps(t1="S", t3="W"), {"longitude": -118.0, "latitude": -32.51}),
        ({}, {}, gps(t1="S\0"), {"longitude": 118.0, "latitude": -32.51}),
        ({}, {}, gps(t1="?"), {}),
        ({}, {}, gps(t2=(91.0, 0.0, 0.0)), {}),
        ({}, {}, gps(t2=(0.0, 0.0, 0.0), t4=(0.0, 0.0, 0.0)), {}),
        ({}, {}, gps(t2=(float("nan"), 0.0, 0.0)), {}),
        ({}, {}, gps(t2=b"x"), {}),
        ({}, {}, {5: b"\x01", 6: 12.5}, {"altitude_m": -12.5}),
        ({}, {}, {5: b"\x02", 6: 12.5}, {"altitude_m": 12.5}),
        ({}, {}, {16: "M", 17: 90.0}, {}),
        ({}, {}, {16: "T", 17: 90.0}, {"bearing_deg": 90.0}),
        ({}, {}, {17: 361.0}, {}),
        ({}, {}, {29: "2026:11:28", 7: (2.0, 0.0, 59.9)}, {"gps_at": "2026-11-28T02:00:59+00:00"}),
        ({}, {}, {29: "2026:13:28", 7: (2.0, 0.0, 3.0)}, {}),
        ({}, {}, {29: "2026:11:28", 7: (25.0, 0.0, 3.0)}, {}),
        ({}, {36867: "2026:11:28 10:00:05", 36881: "+09:30"}, {}, {"taken_at": "2026-11-28T10:00:05+09:30"}),
        ({}, {36867: "2026:11:28 10:00:05"}, {}, {"taken_at": "2026-11-28T10:00:05+08:00"}),
        ({}, {36867: "2026:11:28 10:00:05", 36881: "+99:99"}, {}, {"taken_at": "2026-11-28T10:00:05+08:00"}),
        ({}, {36867: "1980:01:01 00:00:00"}, {}, {}),
        ({}, {36867: "2026:11:28 24:00:05"}, {}, {}),
        ({}, {36867: b"2026:11:28 10:00:05\0"}, {}, {"taken_at": "2026-11-28T10:00:05+08:00"}),
        ({0x10F: "Apple", 0x110: "iPhone 15"}, {}, {}, {"camera": "Apple iPhone 15"}),
        ({0x10F: "HUAWEI", 0x110: "HUAWEI P60"}, {}, {}, {"camera": "HUAWEI P60"}),
        ({0x112: 6, 0x131: " 1.0\n"}, {}, {}, {"orientation": 6, "software": "1.0"}),
        ({0x112: 9}, {}, {}, {}),
        ({0x112: True}, {0xA002: 4000, 0xA003: 0}, {}, {"width": 4000}),
        ({}, {37510: comment_of({"device": "D1", "point": "基坑3"})}, {}, {"device": "D1", "point": "基坑3"}),
        ({}, {37510: b"ASCII\0\0\0{\"device\":\"D1\"}"}, {}, {}),
        ({}, {37510: b"ASCII\0\0\0" + b"[" * 3000}, {}, {}),
        ({}, {37510: "UNICODE"}, {}, {}),
    ],
)  # fmt: skip
def test_what_tags_say(
    main: dict[int, Any], inner: dict[int, Any], place: dict[int, Any], wanted: dict[str, Any]
) -> None:
    found = as_json(facts_of(main, inner, place))
    assert found == wanted


@pytest.mark.parametrize(
    ("speed", "degrees", "accuracy", "wanted"),
    [(1.4, 90.0, 8.0, 90.0), (1.4, 360.0, 8.0, 0.0), (0.4, 90.0, 8.0, None), (1.4, 90.0, 45.0, None), (0.0, 0.0, 0.0, None),
     (1.4, 0.0, 0.0, None), (None, None, None, None)],
)  # fmt: skip
def test_a_heading_counts_where_it_means_something(
    speed: float | None, degrees: float | None, accuracy: float | None, wanted: float | None
) -> None:
    assert heading(speed, degrees, accuracy) == wanted


@pytest.mark.parametrize("notes", [200, 59_000, 64_000])
def test_a_picture_on_its_side_stays_so_however_much_the_maker_wrote(notes: int) -> None:
    own = {
        "0th": {piexif.ImageIFD.Model: b"P60", piexif.ImageIFD.Orientation: 6},
        "Exif": {piexif.ExifIFD.MakerNote: b"m" * notes},
    }
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG", exif=piexif.dump(own))
    found = said(with_exif(out.getvalue(), SHOT))
    assert (found.orientation, found.camera) == (6, "P60")


def test_a_second_picture_is_found_where_it_is_after_our_block_went_in() -> None:
    """MPO (two lenses, a gain map): its offsets count from its own segment, which moves with what it points to."""
    first, second = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (32, 24), "blue")
    out = io.BytesIO()
    first.save(
        out, "MPO", save_all=True, append_images=[second], exif=piexif.dump({"0th": {piexif.ImageIFD.Orientation: 3}})
    )
    made = with_exif(out.getvalue(), SHOT)
    with Image.open(io.BytesIO(made)) as picture:
        assert (picture.format, picture.n_frames, said(made).orientation) == ("MPO", 2, 3)
        picture.seek(1)
        assert picture.size == (32, 24) and picture.convert("RGB").getpixel((5, 5))[2] > 250
    assert made.endswith(from_scan(out.getvalue()))


def test_a_kind_of_jpeg_that_the_library_does_not_read_is_told() -> None:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 12, 8, 8, 1) + b"\1\x11\0"  # 12 bits a pixel
    with pytest.raises(NoExif) as told:
        with_exif(b"\xff\xd8" + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0abc\xff\xd9", SHOT)
    assert told.value.reason == "odd"


def test_a_mirrored_picture_says_so_and_keeps_its_pixels() -> None:
    plain, turned = (with_exif(jpeg(), SHOT._replace(mirrored=mirrored)) for mirrored in (False, True))
    assert (said(plain).orientation, said(turned).orientation) == (1, 2)
    assert from_scan(plain) == from_scan(turned)
