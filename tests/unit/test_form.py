"""Every record type as a form, without a browser: what is asked, with which limits, in both languages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from field_app.form import CHIPS, HIDDEN, as_int, as_time, faults, form, items
from field_app.kit import Kit
from field_app.words import WORDS, say
from schemas.fields import fields_of
from schemas.records import TYPES


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
    assert item("sample", "soil_tool").widget == "menu"
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


def test_every_sentence_is_there_in_both_languages() -> None:
    for key, (zh, en) in WORDS.items():
        assert zh and en, key
        names = [sorted(p for p in text.replace("}", "{").split("{")[1::2]) for text in (zh, en)]
        assert names[0] == names[1], f"{key}: the two languages take different words"
    with pytest.raises(KeyError):
        say("zh", "no such key")
