"""Every record type as a form, without a browser: what is asked, with which limits, in both languages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flet as ft
import pytest
from pydantic import BaseModel

from field_app.desks.drafting import Draft, set_at
from field_app.form import (
    CHIPS,
    HIDDEN,
    Means,
    as_date,
    as_int,
    as_time,
    faults,
    form,
    given,
    items,
    settled,
    shown_time,
)
from field_app.form.typed import typing_time
from field_app.kit import Kit
from field_app.store import Edit, Store
from field_app.words import WORDS, say
from schemas.fields import fields_of
from schemas.records import TYPES, check, missing
from tests.unit.factory import square
from tests.unit.tablet import AT, FIELD, open_store
from tests.unit.test_sure import IDS, right

TODAY = date(2026, 11, 21)


def options(ref: str) -> dict[str, str]:
    return {f"{ref}-{n}": f"{ref} {n}" for n in range(3)}


def change(name: str, read: Any) -> Any:
    return lambda e: read(e)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("type", sorted(TYPES))
def test_every_record_type_has_a_form(type: str, lang: str) -> None:
    cls = TYPES[type]
    asked = items(cls, {})
    shown = {n for n, f in fields_of(cls).items() if n not in HIDDEN and f.spec.widget != "none"}
    assert {i.name for i in asked} == shown
    assert len(form(Kit(lang=lang), cls, {}, change, options)) == len(asked)
    assert all(i.zh and i.en for i in asked)


@pytest.mark.parametrize("type", sorted(TYPES))
def test_limits_and_codes_reach_the_form(type: str) -> None:
    fields = fields_of(TYPES[type])
    for i in items(TYPES[type], {}):
        f = fields[i.name]
        assert (i.low, i.high, i.decimals, i.max_length, i.unit) == (f.ge, f.le, f.decimals, f.max_length, f.spec.unit)
        assert set(i.options) == set(f.options())
        if i.widget == "menu":
            assert len(i.options) > CHIPS


def item(type: str, name: str, **values: Any) -> Any:
    return next(i for i in items(TYPES[type], values) if i.name == name)


def test_conditions_of_other_fields_decide_what_is_asked() -> None:
    assert not item("point", "reason", outcome="done").asked
    assert item("point", "reason", outcome="refused").asked
    assert not item("field_reading", "lod", qualifier="eq").asked
    assert item("field_reading", "lod", qualifier="nd").asked
    assert item("sample", "soil_tool", kind="ordinary", medium="soil").asked
    assert not item("sample", "soil_tool", kind="trip_blank", medium="soil").asked
    assert item("point", "weather").asked  # asked before 完成


def test_widgets_by_kind() -> None:
    assert item("sample", "label_checked").widget == "bool"
    assert item("sample", "collected_at").widget == "datetime"
    assert item("sample", "groups").widget == "multi"
    assert item("sample", "collected_by").widget == "multi_ref"
    assert item("sample_container", "type").widget == "menu"
    assert item("sample", "soil_tool").widget == "chips"  # a named exception, as the weather
    assert item("sample", "appearance").widget == "chips"
    assert item("point", "weather").widget == "chips"  # the named exception
    assert item("point", "position").widget == "position"
    assert item("point", "note").widget == "longtext"
    assert item("field_reading", "instrument_id").widget == "ref"
    depth = item("sample", "depth_top_m")
    assert (depth.widget, depth.low, depth.high, depth.unit) == ("decimal", Decimal(0), Decimal(200), "m")


def test_faults_are_words_at_their_field_and_say_nothing_of_what_is_missing() -> None:
    found = faults(TYPES["sample"], {"depth_top_m": "2.0", "depth_bottom_m": "1.8x"})
    assert set(found) == {"depth_bottom_m"}
    assert all(found["depth_bottom_m"])
    assert "200" in faults(TYPES["sample"], {"depth_top_m": "201"})["depth_top_m"][0]


def test_typed_text_becomes_wire_values() -> None:
    assert as_int(" 12 ") == 12
    assert as_int("x") == "x"
    assert as_int("") is None
    assert as_time("2026-11-21 14:30", "2026-11-21T08:00:00+08:00") == "2026-11-21T14:30:00+08:00"
    assert as_time("halb drei", None) == "halb drei"


@pytest.mark.parametrize(
    ("typed", "want"),
    [
        ("2026-11-21", "2026-11-21"), ("20261121", "2026-11-21"), ("11-21", "2026-11-21"), ("2026/1/2", "2026-01-02"),
        ("２０２６年１月２日", "2026-01-02"), ("11.21", "2026-11-21"), ("2026-02-30", "2026-02-30"), ("x", "x"), ("", None),
    ],
)  # fmt: skip
def test_a_date_may_be_written_in_any_way(typed: str, want: str | None) -> None:
    assert as_date(typed, TODAY) == want


@pytest.mark.parametrize(
    ("typed", "want"),
    [
        ("2026-11-21 14:30", "2026-11-21T14:30:00+08:00"), ("11-20 9:05", "2026-11-20T09:05:00+08:00"),
        ("20261120 1430", "2026-11-20T14:30:00+08:00"), ("14:30", "2026-11-21T14:30:00+08:00"), ("1430", "2026-11-21T14:30:00+08:00"),
        ("２０２６-11-21 14：30：05", "2026-11-21T14:30:05+08:00"), ("2026-11-21 06:30+00:00", "2026-11-21T06:30:00+00:00"),
        ("2026-11-21", "2026-11-21"), ("25:00", "25:00"),
    ],
)  # fmt: skip
def test_a_time_may_be_written_in_any_way_and_none_is_made_up(typed: str, want: str) -> None:
    assert as_time(typed, None, TODAY) == want


@pytest.mark.parametrize(
    "at", ["2026-11-21T14:31:05+08:00", "2026-11-21T14:31:00+08:00", "2026-11-21T06:31:05+00:00", "2026-11-21T14:31:05.500000+08:00",
           "2026-11-21T06:31:05Z", "2026-11-21T14:31:05.5+08:00"],
)  # fmt: skip
def test_a_time_that_is_typed_as_it_is_shown_is_the_same(at: str) -> None:
    assert as_time(shown_time(at), at, TODAY) == at


def test_nothing_is_turned_into_something_else_while_it_is_typed() -> None:
    text = "2026-11-21 14:30"
    now = None
    for n in range(1, len(text)):
        now = typing_time(text[:n], now)
        assert now == text[:n]
    assert typing_time(text, now) == "2026-11-21T14:30:00+08:00"


# --- every type, filled in by its own form ----------------------------------------------------------------------------


def filled(cls: type[BaseModel], rng: random.Random) -> dict[str, Any]:
    """Something valid in every field that can be asked for at once."""
    out: dict[str, Any] = {}
    for name, f in fields_of(cls).items():
        if name in HIDDEN or f.spec.widget == "none":
            continue
        if f.kind in ("value", "values") and f.model is not None:
            if f.model.__name__ == "GeoPolygon":
                out[name] = square(rng.randint(5, 50))
            else:
                rows = [filled(f.model, rng) for _ in range(2 if f.kind == "values" else 1)]
                out[name] = rows if f.kind == "values" else rows[0]
        elif (
            f.kind == "text"
            and not f.spec.codes
            and not f.spec.ref
            and not name.endswith("sha256")
            and name not in ("public_key", "subject_kind")
        ):
            out[name] = f"井 {rng.randint(1, 9)}"
        elif name == "subject_kind":
            out[name] = "sample"
        elif f.kind == "list" and not f.spec.ref and not f.spec.codes:
            continue
        else:
            out[name] = right(f, rng)
    for low, high in (("depth_top_m", "depth_bottom_m"), ("top_m", "bottom_m")):
        if low in out and high in out:
            out[low], out[high] = "0.5", "1.0"
    for low, high in (("from_date", "to_date"), ("valid_from", "valid_to")):
        if high in out:
            out[low], out[high] = "2026-11-21", "2026-11-22"
    if cls is TYPES["field_reading"]:  # of one thing only
        out = {n: v for n, v in out.items() if n not in ("borehole_id", "sample_id")}
    if "tare_t" in out:
        out["gross_t"], out["tare_t"] = "31.52", "15.10"
    if not hasattr(cls, "about"):  # rows leave out what hangs on something else
        while idle := [i.name for i in items(cls, out) if i.idle and i.name in out]:
            out = {n: v for n, v in out.items() if n not in idle}
    return out


class Hand:
    """Fills a form as a person does: through what is drawn, one control after the other; drawn anew after each."""

    def __init__(self, type: str, few: bool) -> None:
        self.cls, self.few = TYPES[type], few
        self.values: dict[str, Any] = {}
        self.next: Any = None  # what the receiver, the pad or the page of records gives
        self.means = Means(
            lambda: datetime.fromisoformat(AT),
            lambda: self.next,
            lambda ref, id: id,
            self.choose,
            {"Signature": self.sign},
        )

    def options(self, ref: str) -> dict[str, str]:
        return {id: id for id in IDS} if self.few and len(IDS) <= CHIPS else {str(n): str(n) for n in range(CHIPS + 1)}

    def change(self, name: str, read: Callable[[Any], Any]) -> Callable[[Any], None]:
        def handler(e: Any) -> None:
            value = read(e)
            self.values = {n: v for n, v in self.values.items() if n != name} | ({} if value is None else {name: value})

        return handler

    def choose(self, path: str) -> Callable[[Any], None]:
        def handler(_: Any) -> None:
            field = fields_of(self.cls).get(path)
            self.values = set_at(self.values, path, self.next, field is not None and field.kind == "list")
            if field is not None and field.spec.ref == "*":
                self.values["subject_kind"] = "sample"

        return handler

    def sign(self, k: Kit, row: Any, take: Callable[[Any], Any], path: str) -> ft.Control:
        return ft.Column([ft.Button("sign", on_click=lambda _: take(self.next))], key=ft.ScrollKey(path + "sign"))

    def at(self, path: str) -> ft.Control:
        drawn = form(Kit(), self.cls, self.values, self.change, self.options, None, self.means)
        found = [c for c in walk(drawn) if isinstance(c.key, ft.ScrollKey) and c.key.value == path]
        assert found, f"{self.cls.__name__}.{path} is not drawn"
        return found[0]

    def press(self, path: str, n: int) -> None:
        button = [c for c in walk(self.at(path)) if isinstance(c, (ft.Button, ft.Container)) and c.on_click][n]
        button.on_click(SimpleNamespace(control=button))

    def type_in(self, path: str, text: str, n: int = 0) -> None:
        box = [c for c in walk(self.at(path)) if isinstance(c, ft.TextField)][n]
        for event in [h for h in (box.on_change, box.on_blur) if h]:
            event(SimpleNamespace(control=SimpleNamespace(value=text)))

    def put(self, cls: type[BaseModel], values: dict[str, Any], path: str = "") -> None:
        """All values, those last that are asked for only then."""
        left = dict(values)
        while left:
            now: Any = self.values
            for part in path.split(".")[:-1]:
                now = now[int(part)] if part.isdecimal() else now.get(part, {})
            ready = [
                i for i in items(cls, now) if i.name in left and (not path or not i.idle or given(now.get(i.name)))
            ]
            ready += [i for i in items(cls, now) if i.name in left and not ready]
            item = ready[0]
            if now.get(item.name) != left[item.name]:  # else it stands there by itself, as a default
                self.one(item, left[item.name], path + item.name)
            del left[item.name]

    def one(self, item: Any, value: Any, path: str) -> None:
        w = item.widget
        if w in ("chips", "bool"):
            codes = ["true", "false"] if w == "bool" else list(item.options)
            self.press(path, codes.index(str(value).lower() if w == "bool" else value))
        elif w == "menu":
            select(self.at(path), value)
        elif w == "multi":
            for code in value:
                if len(item.options) <= 2 * CHIPS:
                    self.press(path, list(item.options).index(code))
                else:
                    select(self.at(path), code)
        elif w in ("ref", "multi_ref"):
            for id in value if w == "multi_ref" else [value]:
                shown = list(self.options(item.ref)) if item.ref != "*" else []
                self.next = id
                self.press(path, shown.index(id) if id in shown else -1)
        elif w == "position" and "fix_kind" in fields_of(item.model):
            self.next = value
            self.press(path, 0)
        elif w == "position":
            self.put(item.model, value, path + ".")
        elif w == "polygon":
            for lon, lat in value["rings"][0][:-1]:
                self.next = {"lon": lon, "lat": lat}
                self.press(path, -2 if len(self.values.get(path, {}).get("rings", [[]])[0]) <= 3 else -3)
        elif w == "nested":
            for n, row in enumerate(value if item.many else [value]):
                self.press(path, -1)
                below = f"{path}.{n}." if item.many else f"{path}."
                if item.model.__name__ in self.means.own:
                    self.next = row
                    self.press(below + "sign", 0)
                else:
                    self.put(item.model, row, below)
        else:
            self.type_in(path, shown_time(value) if w == "datetime" else str(value))


def select(at: ft.Control, value: str) -> None:
    menu = next(c for c in walk(at) if isinstance(c, ft.Dropdown))
    assert value in [o.key for o in menu.options]
    menu.on_select(SimpleNamespace(control=SimpleNamespace(value=value)))


def walk(node: Any) -> Iterator[Any]:
    if isinstance(node, (list, tuple)):
        for each in node:
            yield from walk(each)
    elif isinstance(node, ft.Control):
        yield node
        for name in ("controls", "content"):
            yield from walk(getattr(node, name, None))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = open_store(Path(tmp_path_factory.mktemp("forms")))
    yield made
    made.close()


@pytest.mark.parametrize("few", [True, False], ids=["few", "many"])
@pytest.mark.parametrize(
    "type", sorted(t for t, c in TYPES.items() if c.about.writers and t not in ("checklist", "hand_over"))
)
def test_what_a_form_is_given_is_what_it_finalizes(type: str, few: bool, store: Store) -> None:
    """Nothing that 完成 asks for is without a control, and no control changes what was given it."""
    cls, rng = TYPES[type], random.Random(f"{type}{few}")
    want = filled(cls, rng)
    assert not [*missing(cls, want), *check(cls, want)], [*missing(cls, want), *check(cls, want)]
    hand = Hand(type, few)
    top = {n: v for n, v in want.items() if not (n == "subject_kind" and fields_of(cls)["subject_id"].spec.ref == "*")}
    hand.put(cls, top)
    if "subject_kind" in want and "subject_kind" not in hand.values:
        hand.values["subject_kind"] = want["subject_kind"]
    draft = Draft(type, store.new_id(), FIELD, hand.values)
    assert draft.gaps(TODAY) == []
    got = settled(cls, hand.values, TODAY)
    assert got == want
    store.finalize([Edit(type, draft.id, FIELD, got)])
    seen = store.get(type, draft.id)
    assert seen is not None and seen.values == want


def test_every_sentence_is_there_in_both_languages() -> None:
    for key, (zh, en) in WORDS.items():
        assert zh and en, key
        names = [sorted(p for p in text.replace("}", "{").split("{")[1::2]) for text in (zh, en)]
        assert names[0] == names[1], f"{key}: the two languages take different words"
    with pytest.raises(KeyError):
        say("zh", "no such key")
