"""The pure makers of the pages of transfer: routes as they are typed, the balance's bars, which loads fit, what freezes a plan."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.problems import Trouble
from schemas.rules.manifest.balance import Line, Range
from schemas.rules.reconcile import Basis, Facts
from sync_server.console.manifests import chart, form
from sync_server.console.manifests.route import MOST, route_of, text_of
from sync_server.service.manifests import change_refused

NOW = datetime(2026, 11, 21, 10, 45, tzinfo=UTC)
FACTS = Facts(records={}, now=NOW, basis=Basis("server", NOW, 0))
D = Decimal


# --- routes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "119.45, 32.2\n119.5，32.25\n\n119.67 32.29",
        "lon,lat\n119.45,32.2\n119.5,32.25\n119.67,32.29",
        "\ufeff119.45;32.2\r\n119.5;32.25\r\n119.67;32.29",
        json.dumps({"type": "LineString", "coordinates": [[119.45, 32.2], [119.5, 32.25], [119.67, 32.29, 8]]}),
        json.dumps(
            {
                "type": "Feature",
                "geometry": {
                    "type": "MultiLineString",
                    "coordinates": [[[119.45, 32.2]], [[119.5, 32.25], [119.67, 32.29]]],
                },
            }
        ),
        json.dumps([[119.45, 32.2], [119.5, 32.25], [119.5, 32.25], [119.67, 32.29]]),
    ],
)
def test_a_route_is_read_however_it_is_written(text: str) -> None:
    assert route_of(text) == [["119.45", "32.2"], ["119.5", "32.25"], ["119.67", "32.29"]]


@given(st.lists(st.tuples(st.decimals(-180, 180, places=7), st.decimals(-90, 90, places=7)), min_size=2, max_size=40))
def test_what_is_shown_is_read_as_the_same(points: list[tuple[Decimal, Decimal]]) -> None:
    text = "\n".join(f"{lon:f}, {lat:f}" for lon, lat in points)
    if len(set(points)) > 1:
        line = route_of(text)
        assert route_of(text_of(line)) == line
        assert [(D(a), D(b)) for a, b in line][0] == points[0]


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("utf-8", "replace")))
def test_nothing_typed_is_a_fault_of_the_server(text: str) -> None:
    try:
        assert len(route_of(text)) >= 2
    except Trouble as err:
        (fault,) = err.extra["faults"]
        assert err.problem.number == 3001 and fault["zh"] and fault["en"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("32.2, 119.45\n32.3, 119.5", "第 1 点"), ("\n".join(f"119.{n:05d}, 32" for n in range(MOST + 1)), "抽稀"), ("[1" * 4000, "读不懂"), ("119.45, 32.2\nNaN, 3", "第 2 行"),
     ('[[119.4, 32], [1e999, 3]]', "不是经纬度"), ('{"type": "LineString", "coordinates": [[1, 2], "x"]}', "第 2 点")],
)  # fmt: skip
def test_what_is_wrong_with_a_route_is_said(text: str, said: str) -> None:
    with pytest.raises(Trouble) as err:
        route_of(text)
    assert said in err.value.text("zh")


# --- the balance's bars ----------------------------------------------------------------------------------------------


def line(out: tuple[str, str | None], came: tuple[str, str | None], **more: Any) -> Line:
    def span(r: tuple[str, str | None]) -> Range:
        return Range(D(r[0]), None if r[1] is None else D(r[1]))

    return Line("k", "K1", 3, span(out), span(came), Range(D(0), D(0)), span(out), more.pop("unknown", []), [], **more)


def widths(drawing: str, paint: str) -> list[float]:
    return [float(w) for w in re.findall(rf'width="([\d.]+)"[^>]*{re.escape(paint)}', drawing)]


def test_what_is_not_known_is_hatched_and_never_a_zero() -> None:
    bar = chart._bar(FACTS, line(("100", "100"), ("70", "101"), unknown=["418：未见接收"]), D(101), "zh")
    assert bar.came == "收 70 ＋ 未知，最多 31" and not bar.alert and bar.unknown == ["418：未见接收"]
    assert widths(bar.drawing, "f-done") == [pytest.approx(420 * 70 / 101, abs=0.1)]
    assert widths(bar.drawing, "url(#unknown)") == [pytest.approx(420 * 31 / 101, abs=0.1)]
    without_end = chart._bar(FACTS, line(("0", None), ("0", None)), D(100), "zh")
    assert without_end.out == "出 ≥ 0" and "没有上限" in without_end.came
    assert widths(without_end.drawing, "url(#unknown)") == [420.0, 420.0] and "f-done" not in without_end.drawing


def test_only_what_is_known_on_both_sides_and_too_much_is_red() -> None:
    within = chart._bar(FACTS, line(("612", "612"), ("608.4", "608.4")), D(612), "zh")
    assert within.came == "收 608.4（少 3.6 t，0.6 %）" and not within.alert and "f-alert" not in within.drawing
    beyond = chart._bar(FACTS, line(("74.6", "74.6"), ("73.3", "73.3")), D(612), "zh")
    assert beyond.came == "收 73.3（少 1.3 t，1.7 %）" and beyond.alert and "f-alert" in beyond.drawing
    open_ = chart._bar(FACTS, line(("74.6", "74.6"), ("60", "75")), D(612), "zh")
    assert not open_.alert


@pytest.mark.parametrize(
    ("t", "said"), [("612.000", "612"), ("608.40", "608.4"), ("0", "0"), ("10.77380952", "10.774"), ("1E+3", "1000")]
)
def test_a_mass_as_it_is_read(t: str, said: str) -> None:
    assert chart.mass(D(t)) == said


# --- plans -----------------------------------------------------------------------------------------------------------

FILED = {
    "code": "ZY",
    "version": 1,
    "mass_t": "1",
    "filings": [{"side": "origin", "authority_id": "a", "submitted_at": "t"}],
}


@pytest.mark.parametrize(
    ("old", "new", "number"),
    [
        ({"code": "ZY", "mass_t": "1"}, {"code": "ZY", "mass_t": "2"}, None),  # a draft
        (FILED, {**FILED, "mass_t": "2"}, 6301),
        (FILED, {k: v for k, v in FILED.items() if k != "mass_t"}, 6301),
        (FILED, {**FILED, "suspended": True, "suspend_reason": "暴雨"}, None),
        (FILED, {**FILED, "note": "x"}, None),
        (FILED, {**FILED, "filings": [{**FILED["filings"][0], "receipt_no": "1", "accepted_at": "u"}]}, None),  # type: ignore[index]
        (FILED, {**FILED, "filings": [{**FILED["filings"][0], "authority_id": "b"}]}, 3001),  # type: ignore[index]
        (FILED, {**FILED, "filings": []}, 3001),
        (FILED, {**FILED, "filings": [*FILED["filings"], {"side": "result"}]}, None),  # type: ignore[misc]
    ],
)
def test_a_submitted_version_is_frozen_but_for_what_is_about_it(
    old: dict[str, Any], new: dict[str, Any], number: int | None
) -> None:
    no = change_refused(old, new)
    assert (no.problem.number if no else None) == number


def test_what_a_form_does_not_ask_for_stays() -> None:
    old = {"code": "ZY", "version": 2, "filings": [{"side": "origin"}], "future": 7,
           "receivers": [{"org_id": "a", "position": {"lon": "1", "lat": "2", "elevation_m": "9"}, "later": "x"}]}  # fmt: skip
    new = form.merged(
        old, {"code": "ZY", "mass_t": "5", "receivers": [{"org_id": "a", "position": {"lon": "1", "lat": "2"}}]}
    )
    assert new["filings"] == old["filings"] and new["future"] == 7 and new["version"] == 2 and new["mass_t"] == "5"
    assert new["receivers"] == [{"org_id": "a", "later": "x", "position": {"lon": "1", "lat": "2", "elevation_m": "9"}}]
    moved = form.merged(old, {"receivers": [{"org_id": "a", "position": {"lon": "1", "lat": "3"}}]})
    assert moved["receivers"][0]["position"] == {"lon": "1", "lat": "3"} and "code" not in moved
