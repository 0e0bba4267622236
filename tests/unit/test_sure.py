"""The fast yes is never wrong: whatever it takes pydantic takes too, and reads the same."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from schemas import canonical, sure
from schemas.fields import RecordField, Spec, fields_of
from schemas.record import Value
from schemas.records import TYPES

ROWS = 200  # of each type, in each run; the seed is fixed, so that a failure comes again
IDS = ("0192aa00-0000-7000-8000-000000000001", "fedcba98-7654-7321-8fed-cba987654321")
DECIMALS = [
    "0", "1", "-1", "0.5", "12.50", "100", "-0", "-0.0", "007", "1e5", "1E+5", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "1.", ".5",
    "+1", "1_0", " 1", "1\n", "", "１", "9" * 18, "9" * 19, "0." + "1" * 12, "0." + "1" * 13, "0.0000001", "1E-7", 1, 1.5, True, None,
]  # fmt: skip
TIMES = [
    "2026-11-21T14:31:05+08:00", "2026-11-21T06:31:05Z", "2026-11-21T06:31:05.123456+08:00", "2026-11-21T06:31:05.1+00:00",
    "2026-11-21 06:31:05+08:00", "2026-11-21T06:31:05", "2026-02-29T00:00:00+08:00", "2024-02-29T23:59:59+08:00", "2026-11-21T24:00:00Z",
    "2026-11-21T23:59:60Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-11-21T06:31:05z", "2026-11-21t06:31:05Z",
    "2026-11-21T06:31:05+0800", "2026-11-21T06:31:05+08", "2026-11-21T06:31+08:00", "2026-11-21T06:31:05.1234567Z", "2026-11-21", "",
    "2026-11-21T06:31:05+24:00", "2026-11-21T06:31:05-00:00", "2026-11-21T06:31:05+08:00:30", 1763706665, "1763706665", None,
    "1500-01-01T00:00:00+08:00", "0000-01-01T00:00:00Z",
]  # fmt: skip
DATES = ["2026-11-21", "2024-02-29", "2026-02-29", "2026-1-1", "20261121", "0001-01-01", "9999-12-31", "0000-01-01", "2026-11-21T00:00:00",
         "2026-11-21T00:00:00Z", "", 20_000, None]  # fmt: skip
TEXTS = [
    "a",
    "",
    "井",
    "a b\n",
    "\u0001",
    "\\",
    '"',
    "\u2028",
    "😀",
    "e\u0301",
    " a ",
    "\ufeff",
    5,
    None,
    True,
    ["a"],
    {},
]
INTS = [0, 1, -1, 7, 1.0, "1", True, None, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**25]
BOOLS = [True, False, 1, 0, "true", None]


SHAPED = ("a" * 64, "0123456789_-" * 3 + "A" * 7)  # a hash, a key


def right(field: RecordField, rng: random.Random) -> Any:
    """Most likely a value the field takes."""
    spec = field.spec
    if field.name.endswith("sha256") or field.name == "public_key":
        return SHAPED[field.name == "public_key"]
    if field.name == "number" and field.kind == "text":
        return "20263211000418"  # of a manifest
    if spec.codes:
        choice = sorted(field.options())
        return rng.sample(choice, min(len(choice), rng.randint(1, 3))) if field.kind == "list" else rng.choice(choice)
    if field.kind == "decimal":
        low, high = (
            field.ge if field.ge is not None else Decimal(-50),
            field.le if field.le is not None else Decimal(1000),
        )
        places = min(field.decimals if field.decimals is not None else 3, 6)
        return f"{rng.uniform(float(low), float(high)):.{rng.randint(0, places)}f}"
    if field.kind == "int":
        return rng.randint(int(field.ge or 0), int(field.le if field.le is not None else 9999))
    if field.kind == "text":
        return rng.choice(IDS) if spec.ref else rng.choice(["a", "井 7", "x" * min(field.max_length or 64, 64), "k_b"])
    if field.kind == "list":
        return rng.sample(IDS, rng.randint(1, 2)) if spec.ref else ["a"]
    if field.kind == "value":
        assert field.model
        return (
            {"rings": [[["118.7", "31.9"], ["118.8", "31.9"]]]}
            if field.model.__name__ == "GeoPolygon"
            else values_of(field.model, rng)
        )
    if field.kind == "values":
        assert field.model
        return [values_of(field.model, rng) for _ in range(rng.randint(1, 2))]
    return {"bool": True, "date": "2026-11-21", "datetime": "2026-11-21T14:31:05+08:00"}[field.kind]


def odd(field: RecordField, rng: random.Random) -> Any:
    """Something at the edge, or beyond."""
    pools: dict[str, list[Any]] = {
        "text": TEXTS,
        "int": INTS,
        "bool": BOOLS,
        "date": DATES,
        "datetime": TIMES,
        "decimal": DECIMALS,
    }
    pool = list(pools.get(field.kind, [[], None, {}, "a", ["a", "a"], [None], [[]], [{}], [1]]))
    if field.max_length:
        pool += ["😀" * field.max_length, "字" * (field.max_length + 1)]
    for limit in (field.ge, field.le):
        if limit is not None and field.kind == "decimal":
            pool += [
                str(limit),
                str(limit + Decimal("0.01")),
                str(limit - Decimal("0.01")),
                f"{limit}.000",
                f"{limit}.00000000000001",
            ]
        elif limit is not None:
            pool += [int(limit), int(limit) + 1, int(limit) - 1]
    if field.spec.ref:
        pool += [IDS[0].upper(), IDS[0].replace("-", ""), IDS[0] + "\n", IDS[0][:-1], [IDS[0]]]
    if field.kind == "values" or field.kind == "value":
        good = right(field, rng)
        one = good[0] if isinstance(good, list) else good
        pool += [{**one, "neu": 1}, [{**one, "neu": 1}], [one, None], [one] * 3]
    if field.spec.codes:
        pool += ["no_such_code", ["no_such_code"], [right(field, rng)]]
    return rng.choice(pool)


def values_of(cls: type[BaseModel], rng: random.Random, oddness: float = 0.0) -> dict[str, Any]:
    out = {}
    for name, field in fields_of(cls).items():
        if field.required or rng.random() < 0.4:
            out[name] = odd(field, rng) if rng.random() < oddness else right(field, rng)
    return out


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, BaseModel):
        return all(same(getattr(ours, n), getattr(theirs, n)) for n in fields_of(type(theirs)))
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    offsets = [getattr(x, "utcoffset", lambda: None)() for x in (ours, theirs)]
    return ours == theirs and str(ours) == str(theirs) and offsets[0] == offsets[1] and isinstance(theirs, type(ours))


def judge(cls: type[BaseModel], values: dict[str, Any]) -> bool:
    """True for a fast yes, which pydantic must share."""
    try:
        data = canonical.dumps(values)
    except ValueError:
        return False
    found = sure.read(cls, data)
    assert (sure.read_many(cls, [data]) == [None]) == (found is None)
    if found is None:
        return False
    seen = found.typed
    try:
        record = cls.model_validate_json(data, strict=True)
    except ValidationError as err:
        raise AssertionError(f"taken, and wrong: {data.decode()}\n{err}") from None
    for name, field in fields_of(cls).items():
        assert same(getattr(seen, name), getattr(record, name)), (name, data.decode())
        kept = getattr(found.kept, name)
        stored = canonical.dumps(values.get(name)) if field.storage == "json" and name in values else values.get(name)
        assert (bytes(kept) if field.storage == "json" and kept is not None else kept) == stored
    return True


def test_many_at_once_are_judged_like_each() -> None:
    for name, cls in TYPES.items():
        rng = random.Random(f"{name} 3")
        datas = []
        for _ in range(20):
            try:
                datas.append(canonical.dumps(values_of(cls, rng, 0.03)))
            except ValueError:
                continue
        for part in (datas, [d for d in datas if sure.read(cls, d)]):
            each = [found and canonical.again(found.typed) for found in map(lambda d: sure.read(cls, d), part)]
            assert [found and canonical.again(found.typed) for found in sure.read_many(cls, part)] == each
    # one value that looks like two, beside two that look like one
    site = canonical.dumps(values_of(TYPES["comment"], random.Random(1)))
    assert sure.read_many(TYPES["comment"], [site + b"," + site]) == [None]


@pytest.mark.parametrize("name", TYPES)
def test_a_yes_is_never_wrong(name: str) -> None:
    cls, rng = TYPES[name], random.Random(f"{name} 1")
    taken = sum(judge(cls, values_of(cls, rng)) for _ in range(ROWS // 4))
    assert taken > ROWS // 4 * 0.5, "most right values should need no second look"
    for oddness in (0.05, 0.2, 0.5):
        for _ in range(ROWS // 4):
            judge(cls, values_of(cls, rng, oddness))


@pytest.mark.parametrize("name", TYPES)
def test_one_odd_field_at_a_time(name: str) -> None:
    """Every field meets every oddity, beside values that are right."""
    cls, rng = TYPES[name], random.Random(f"{name} 2")
    base = next(v for v in (values_of(cls, rng) for _ in range(50)) if judge(cls, v))
    for field in fields_of(cls).values():
        for _ in range(15):
            judge(cls, {**base, field.name: odd(field, rng)})


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"code":"K1","code":"K1"}',
        b'{"note":null}',
        b"[]",
        b"",
        b'{"note":"a" }',
        b'{"note":"\xff"}',
    ],
)
def test_bytes_that_are_not_canonical_are_not_taken(data: bytes) -> None:
    for cls in TYPES.values():
        assert sure.read(cls, data) is None


def test_what_the_walk_does_not_know_raises_when_the_reader_is_made() -> None:
    class Digits(Value):  # \d is another thing to Rust than to Python
        code: Annotated[str, Spec("码", "Code")] = Field(pattern=r"^\d+x$")

    class Complex(Value):
        z: Annotated[complex, Spec("数", "Number")]

    class Strictly(Value):
        n: Annotated[int, Spec("数", "Number")] = Field(gt=3)

    for cls in (Digits, Complex, Strictly):
        with pytest.raises(TypeError):
            sure.read(cls, b"{}")
