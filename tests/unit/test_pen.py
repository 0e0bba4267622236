"""A signature's strokes: kept as text, thinned where they are many, and the same picture from the same strokes."""

from __future__ import annotations

import io
import json
from datetime import datetime
from math import cos, sin

import pytest
from PIL import Image

from field_app.capture import pen
from field_app.capture.pen import Ink, Point
from field_app.clock import CHINA
from field_app.desks.signing import Signing
from field_app.pages import signature
from field_app.words import WORDS
from schemas.records import TYPES, check
from schemas.values import Signature

AT = datetime(2026, 11, 28, 10, 0, tzinfo=CHINA)
CROSS = [
    [Point(0.2, 0.1, 1000), Point(0.2, 0.4, 1180)],
    [Point(0.1, 0.25, 1400), Point(0.5, 0.25, 1600)],
    [Point(0.6, 0.3, 1900)],
]


def picture(value: dict, **more: bool) -> Image.Image:
    return Image.open(io.BytesIO(pen.png(value, **more)))


def test_the_value_is_one_the_records_take_and_holds_the_strokes_in_place_order_and_pace() -> None:
    value = pen.as_value(CROSS, " 王建国 ", "inspected", AT)
    assert value == {"role": "inspected", "name": "王建国", "way": "signed", "strokes": value["strokes"],
                     "signed_at": "2026-11-28T10:00:00+08:00"}  # fmt: skip
    Signature.model_validate(value)
    for type in ("inspection", "recheck", "manifest_leg"):
        assert not [f for f in check(TYPES[type], {"signatures": [value]}) if f.field.startswith("signatures")]
    strokes, aspect = pen.strokes_of(value["strokes"])
    assert aspect == 0.5
    assert strokes == [[(0.2, 0.1, 0), (0.2, 0.4, 180)], [(0.1, 0.25, 400), (0.5, 0.25, 600)], [(0.6, 0.3, 900)]]


def test_who_did_not_sign_has_a_reason_and_no_strokes() -> None:
    value = pen.as_value(CROSS, "王建国", "inspected", AT, way="refused", reason="对内容有异议")
    assert "strokes" not in value and value["refuse_reason"] == "对内容有异议"
    with pytest.raises(ValueError, match="not strokes"):
        pen.png(value)


def test_the_picture_is_black_where_the_finger_was_and_the_same_every_time() -> None:
    value = pen.as_value(CROSS, "王", "driver", AT)
    assert pen.png(value) == pen.png(json.loads(json.dumps(value)))
    shown = picture(value)
    assert (shown.mode, shown.size) == ("L", (pen.PICTURE, pen.PICTURE // 2))
    at = lambda x, y: shown.getpixel((round(x * pen.PICTURE), round(y * pen.PICTURE)))  # noqa: E731
    assert at(0.2, 0.2) < 40 and at(0.3, 0.25) < 40 and at(0.6, 0.3) < 40  # both lines and the dot
    assert at(0.05, 0.05) == 255 and at(0.2, 0.45) == 255 and at(0.55, 0.25) == 255
    through = picture(value, clear=True)
    assert through.mode == "RGBA" and through.getpixel((5, 5))[3] == 0 and through.getpixel((120, 90))[3] > 200


def test_a_long_scrawl_is_thinned_to_what_a_record_can_hold_and_looks_the_same() -> None:
    scrawl = [[Point(0.5 + 0.3 * cos(n / 70), 0.25 + 0.2 * sin(n / 45), n * 10) for n in range(pen.TAKEN)]]
    value = pen.as_value(scrawl, "王", "driver", AT)
    strokes, _ = pen.strokes_of(value["strokes"])
    assert 200 < sum(map(len, strokes)) <= pen.MOST and len(value["strokes"]) < 200_000
    Signature.model_validate(value)
    first, last = scrawl[0][0], scrawl[0][-1]
    assert (strokes[0][0].x, strokes[0][-1].t) == (round(first.x, 4), last.t)
    whole = pen.text_of([s for s in scrawl], 0.5)
    assert whole == value["strokes"]
    full = {
        "strokes": json.dumps(
            {"v": 1, "h": 5000, "s": [[v for p in scrawl[0] for v in (round(p.x * 1e4), round(p.y * 1e4), p.t)]]}
        )
    }
    a, b = picture(value).tobytes(), picture(full).tobytes()
    assert sum(abs(x - y) > 128 for x, y in zip(a, b, strict=True)) / len(a) < 0.005


def test_ink_keeps_the_stroke_under_the_finger_apart_and_gives_strokes_back_one_by_one() -> None:
    ink = Ink()
    ink.move(0.1, 0.1, 0)  # no finger is down
    assert ink.strokes == []
    ink.down(0.1, 0.1, 0)
    ink.move(0.15, 0.1, 20)
    assert ink.live == [(0.1, 0.1, 0), (0.15, 0.1, 20)] and ink.dry == []
    ink.up()
    assert ink.live == [] and len(ink.dry) == 1 and not ink.large  # a dash, no name
    ink.down(0.5, 0.1, 90)
    ink.up()
    assert ink.large
    before = ink.version
    ink.undo()
    assert len(ink.strokes) == 1 and ink.version > before
    ink.clear()
    ink.undo()
    assert ink.strokes == []


def test_a_finger_that_never_lifts_is_stopped() -> None:
    ink = Ink()
    ink.down(0, 0, 0)
    for n in range(pen.TAKEN + 50):
        ink.move(n / pen.TAKEN, 0.1, n)
    assert ink.full and sum(map(len, ink.strokes)) == pen.TAKEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "[]",
        '{"v":2,"h":1,"s":[]}',
        '{"v":1,"h":5000,"s":[[1,2]]}',
        '{"v":1,"h":5000,"s":[["a",2,3]]}',
        '{"v":1,"s":[]}',
    ],
)
def test_what_are_no_strokes_is_said_so(text: str) -> None:
    with pytest.raises(ValueError):
        pen.strokes_of(text)


# --- the pad ----------------------------------------------------------------------------------------------------------


class Host:
    def __init__(self) -> None:
        self.went: list[str] = []

    def go(self, route: str) -> None:
        self.went.append(route)

    def back(self) -> None:
        self.went.append("back")


def test_the_pad_gives_its_value_to_who_asked_once_and_goes_back() -> None:
    host, got = Host(), []
    desk = Signing(host)  # type: ignore[arg-type]
    desk.ask({"role": "driver"}, got.append)
    assert desk.value == {"role": "driver"} and host.went == ["sign"]
    value = pen.as_value(CROSS, "王", "driver", AT)
    desk.give(value)
    desk.give(value)
    assert got == [value] and host.went == ["sign", "back", "back"]
    desk.ask({}, got.append)
    desk.give(None)  # left without signing
    assert got == [value] and desk.value is None


def drawn(*strokes: list[Point]) -> Ink:
    return Ink(strokes)


@pytest.mark.parametrize(
    ("role", "name", "way", "why", "ink", "word"),
    [
        (None, "王", "signed", None, drawn(*CROSS), "sign.need.role"),
        ("driver", "  ", "signed", None, drawn(*CROSS), "sign.need.name"),
        ("driver", "王", "signed", None, drawn(), "sign.need.strokes"),
        ("driver", "王", "signed", None, drawn([Point(0.1, 0.1, 0), Point(0.15, 0.12, 9)]), "sign.small"),
        ("driver", "王", "signed", None, drawn(*CROSS), ""),
        ("driver", "王", "refused", None, drawn(*CROSS), "sign.need.reason"),
        ("driver", "王", "absent", "已离开现场", drawn(), ""),
        ("driver", "王", "stamped", None, drawn(), ""),
    ],
)
def test_what_a_signature_still_needs(
    role: str | None, name: str, way: str, why: str | None, ink: Ink, word: str
) -> None:
    assert signature._missing(role, name, way, why, ink) == word
    assert not word or all(WORDS[word])
