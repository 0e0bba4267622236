"""A record typed the short way is what pydantic makes of the same values, whatever they are."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from schemas import typed
from schemas.fields import RecordField, fields_of
from schemas.record import Record, _of_any
from schemas.records import TYPES

ID = "018f1f6e-0000-7000-8000-0000000000a1"
TIMES = ("2026-09-21T08:30:00+08:00", "2026-09-21T00:30:00Z", "2026-09-21T08:30:00.250000+08:00", "2026-02-28T23:59:59-03:30")  # fmt: skip
# what a field of some kind may meet: of another kind, of a newer version, nearly right
ODD: tuple[Any, ...] = (
    None, "", " ", "x", "x" * 5000, "NaN", "1E+5", "-0", "0.500000000000", "1.5 ", "1_0", "١٢", "1.5\n", "999999999", "-1",
    0, 1, -1, 5, 1 << 40, True, False, [], [1], ["metal", "of a newer version"], [None], {}, {"lon": "1"}, [{}], ["x", ID],
    "2026-02-30", "2026-W01-1", "20260921", "2026-09-21", "2026-09-21T08:30:00", "2026-09-21 08:30:00+08:00",
    "2026-09-21T24:00:00Z", "2026-09-21T08:30:60Z", "2026-09-21T08:30+08:00", ID.upper(), ID + "\n", "of a newer version",
)  # fmt: skip


def plain(cls: type[BaseModel], rng: random.Random, share: float = 0.7) -> dict[str, Any]:
    """Wire values of most fields, all of them right."""
    return {n: one(f, rng) for n, f in fields_of(cls).items() if f.required or rng.random() < share}


def one(field: RecordField, rng: random.Random) -> Any:
    low = Decimal(-5) if field.ge is None else field.ge
    high = low + 40 if field.le is None else field.le
    if field.kind == "decimal":
        number = low + (high - low) * Decimal(rng.randint(0, 100)) / 100
        return f"{number:.{rng.randint(0, 4 if field.decimals is None else field.decimals)}f}"
    if field.kind == "int":
        return rng.randint(int(low), int(high))
    if field.kind == "bool":
        return rng.random() < 0.5
    if field.kind == "date":
        return f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}"
    if field.kind == "datetime":
        return rng.choice(TIMES)
    if field.kind == "value" and field.model:
        return plain(field.model, rng)
    if field.kind == "values" and field.model:
        return [plain(field.model, rng) for _ in range(rng.randint(0, 3))]
    if field.name == "rings":
        return [[["118.1", "32.0"], ["118.2", "32.0"], ["118.2", "32.1"], ["118.1", "32.0"]]]
    if field.name == "line":
        return [["118.1", "32.0"], ["118.2", "32.1"]]
    if field.name == "number" and rng.random() < 0.9:  # 14 digits where a code says it
        return f"{rng.randint(0, 10**14 - 1):014d}"
    text = rng.choice([*field.options()]) if field.spec.codes else ID[:-1] + rng.choice("0123456789abcdef")
    if field.name.endswith("sha256"):
        return "a" * 64
    if field.kind == "list":
        return [text] * rng.randint(0, 3)
    return (
        text if field.spec.codes or field.spec.ref else rng.choice([text, "文本", "a" * 64, "b" * 43, "field_reading"])
    )


def spoil(values: dict[str, Any], rng: random.Random, share: float) -> dict[str, Any]:
    """Some values taken for odd ones, inside value classes too, and keys nobody knows."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            value = spoil(value, rng, share)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            value = [spoil(each, rng, share) for each in value]
        out[name] = rng.choice(ODD) if rng.random() < share else value
        if rng.random() < share / 2:
            out[f"later_{name}"] = rng.choice(ODD)
        if rng.random() < share / 2:
            del out[name]
    return out


def shown(value: Any) -> Any:
    """Everything there is to see of a typed value: its class, digits, offset, the order and set of fields."""
    if isinstance(value, BaseModel):
        extra = (value.__pydantic_extra__, value.__pydantic_private__)
        fields = [(k, shown(v)) for k, v in value.__dict__.items()]
        return type(value), fields, sorted(value.model_fields_set), extra
    if isinstance(value, list):
        return list, [shown(v) for v in value]
    if isinstance(value, datetime):
        return type(value), value.isoformat(), value.utcoffset(), value.tzname()
    if isinstance(value, Decimal | date):
        return type(value), str(value)
    return type(value), value


def outcome(make: Any) -> Any:
    try:
        return shown(make())
    except Exception as err:
        return type(err)


def short(cls: type[Record], values: Mapping[str, Any]) -> Record:
    return cls.of(ID, values, 7)


@pytest.mark.parametrize("name", TYPES)
def test_the_short_way_is_pydantics(name: str) -> None:
    cls, rng = TYPES[name], random.Random(name)
    went_short = 0
    for n in range(60):
        values = plain(cls, rng)
        if n % 3:
            values = spoil(values, rng, 0.02 if n % 2 else 0.15)
        if n % 5 == 0:
            values = dict(rng.sample(sorted(values.items()), len(values)))  # in any order
        given, expected = copy.deepcopy(values), outcome(lambda v=values: _of_any(cls, ID, v, 7))
        for _ in range(2):  # the second time out of what was kept
            assert outcome(lambda v=values: short(cls, v)) == expected, values
        assert values == given
        with suppress(ValueError, TypeError):
            typed.read(cls, values)
            went_short += 1
    assert went_short > 5


def test_every_field_goes_a_way_of_its_own_kind() -> None:
    """No field of a record falls through to pydantic each time but the boundary's rings, which are few."""
    slow = [
        (cls.__name__, name)
        for cls in {*TYPES.values(), *(f.model for c in TYPES.values() for f in fields_of(c).values() if f.model)}
        for name, read in typed._readers(cls).items()
        if getattr(read, "__name__", "") == "read_exactly"
    ]
    assert slow == [("GeoPolygon", "rings")]


def test_records_share_nothing_that_can_change() -> None:
    rng = random.Random(1)
    for cls in TYPES.values():
        values = {n: one(f, rng) for n, f in fields_of(cls).items()}
        for each in (values, {k: v for k, v in values.items() if fields_of(cls)[k].required}):
            try:
                a, b = typed.read(cls, each), typed.read(cls, each)
            except ValueError:  # an empty list where one is needed
                continue
            for name in fields_of(cls):
                mine, theirs = getattr(a, name), getattr(b, name)
                assert not isinstance(mine, list | BaseModel) or mine is not theirs, (cls, name)


def test_a_typed_record_can_be_copied_and_written() -> None:
    cls = TYPES["point"]
    made = cls.of(ID, {"code": "S1", "site_id": ID, "started_at": TIMES[0], "samplers": [ID]}, 3)
    again = made.model_copy(update={"code": "S2"})
    assert (again.code, made.code, again.seq) == ("S2", "S1", 3)  # type: ignore[attr-defined]
    expected = {"id": ID, "seq": 3, "code": "S1", "site_id": ID, "started_at": TIMES[0], "samplers": [ID]}
    assert made.model_dump(mode="json", exclude_unset=True) == expected
    assert cls.model_validate_json(made.model_dump_json()) == made


def test_what_is_kept_does_not_grow() -> None:
    cls = TYPES["field_reading"]
    for n in range(3 * typed._KEPT):
        values = {"method": "xrf", "instrument_id": ID, "parameter": "As", "value": f"{n}.5", "qualifier": "eq",
                  "unit": "mg_kg", "at": TIMES[0], "entry_way": "file", f"later_{n}": 1}  # fmt: skip
        assert cls.of(ID, values).value == Decimal(f"{n}.5")  # type: ignore[attr-defined]
    kept: Any = typed._readers(cls)["value"]
    assert len(kept.__self__) <= typed._KEPT and len(typed._shapes(cls)) <= typed._KEPT
