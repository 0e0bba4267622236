"""Every record type: labels, references, conditions, atoms, the table and its rows."""

from __future__ import annotations

import re
import sqlite3
import string
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas import canonical
from schemas.fields import ALWAYS, FINALIZE, Merge, RecordField, atoms_of, fields_of, needed
from schemas.records import TABLES, TYPES, check
from schemas.reference import code_lists
from schemas.rows import codec, refs_of
from sync_server.access import ROLES

HAN = re.compile(r"[\u4e00-\u9fff]")
ID = "01890000-0000-7000-8000-000000000001"


def value_classes(classes: Iterable[type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """The value classes that fields of these classes hold, at any depth."""
    found = {f.model.__name__: f.model for cls in classes for f in fields_of(cls).values() if f.model}
    return {**value_classes(found.values()), **found} if found else {}


VALUES = value_classes(TYPES.values())
CLASSES: dict[str, type[BaseModel]] = {**TYPES, **VALUES}
# --- what stands on a type and its fields ----------------------------------------------------------------------------


def test_there_are_types_and_values() -> None:
    assert {"project", "plan", "point", "sample", "field_reading", "manifest_leg", "inspection"} <= set(TYPES)
    assert {"GeoFix", "GeoPos", "Signature", "Weighing"} <= set(VALUES)


@pytest.mark.parametrize("name", TYPES)
def test_type_is_labelled_and_written_by_known_roles(name: str) -> None:
    about = TYPES[name].about
    assert about.type == name
    assert HAN.search(about.zh) and about.en and not HAN.search(about.en)
    assert set(about.writers) <= set(ROLES)
    assert set(about.key) <= set(fields_of(TYPES[name]))


@pytest.mark.parametrize("name", CLASSES)
def test_fields_are_labelled_and_point_at_what_exists(name: str) -> None:
    cls = CLASSES[name]
    assert fields_of(cls)
    for field in fields_of(cls).values():
        spec = field.spec
        assert HAN.search(spec.zh), f"{field.name} has no Chinese label: {spec.zh!r}"
        assert spec.en.strip() and not HAN.search(spec.en), field.name
        assert (spec.hint_zh is None) == (spec.hint_en is None), field.name
        if spec.codes:
            assert spec.codes in code_lists(), field.name
            assert all(label.zh and label.en and not HAN.search(label.en) for label in field.options().values())
            assert spec.default is None or spec.default in field.options(), field.name
        if spec.ref:
            assert spec.ref == "*" or spec.ref in TYPES, field.name
            assert spec.ref != "*" or "subject_kind" in fields_of(cls), field.name
        assert spec.merge is not Merge.UNION or field.kind == "list", field.name


@pytest.mark.parametrize("name", CLASSES)
def test_need_reads_only_fields_of_the_same_class(name: str) -> None:
    fields = fields_of(CLASSES[name])
    for field in fields.values():
        need = field.spec.need
        if need in (None, ALWAYS, FINALIZE):
            continue
        assert needed(need, {}) in (True, False)  # it parses
        for term in re.split(" and | or ", need):
            subject, op, *rest = term.replace("not in", "not_in").split(" ")
            other = fields[subject]
            if other.spec.codes and rest:
                assert set(rest[0].split(",")) <= set(other.options()), f"{need!r}: {subject} has no such code"
            assert op != "contains" or other.kind == "list", need


@pytest.mark.parametrize("name", CLASSES)
def test_numbers_fit_both_databases(name: str) -> None:
    """No floats anywhere; a whole number has limits inside 32 bits, or one change too large would stop a whole batch."""
    for field in fields_of(CLASSES[name]).values():
        assert "float" not in str(CLASSES[name].model_fields[field.name].annotation), field.name
        if field.kind == "int":
            assert field.ge is not None and field.le is not None, field.name
            assert -(2**31) <= field.ge <= field.le < 2**31, field.name


# --- atoms -----------------------------------------------------------------------------------------------------------

# fields that mean something only together: where a class has two of a group, they share one atom
TOGETHER = [
    ("depth_top_m", "depth_bottom_m"),
    ("top_m", "bottom_m"),
    ("from_no", "to_no"),
    ("from_date", "to_date"),
    ("from_at", "to_at"),
    ("valid_from", "valid_to"),
    ("value", "qualifier", "unit", "lod"),
    ("number", "unit"),
    ("subject_kind", "subject_id"),
    ("deleted", "void_reason"),
    ("volume_m3", "volume_kind"),
    ("decision", "decided_by", "decided_at"),
    ("choice", "decided_by", "decided_at", "reason"),
    ("approved_by", "approved_at"),
]
POSITIONS = {"GeoFix", "GeoPos", "GeoPolygon", "FilePosition"}


def lonely(atoms: dict[str, str]) -> list[str]:
    """Groups of TOGETHER whose fields would be merged apart."""
    found = []
    for group in TOGETHER:
        here = [n for n in group if n in atoms]
        if len(here) > 1 and len({atoms[n] for n in here}) > 1 and not (group[0] == "choice" and "choice" not in here):
            found.append(" + ".join(here))
    return found


@pytest.mark.parametrize("name", TYPES)
def test_fields_that_mean_something_together_share_an_atom(name: str) -> None:
    atoms = dict(atoms_of(TYPES[name]))
    assert lonely(atoms) == []
    for a in fields_of(TYPES[name]):  # and by name: any x_from with its x_to, any lon with its lat
        for first, last in (("from", "to"), ("lon", "lat"), ("top", "bottom"), ("min", "max")):
            b = re.sub(rf"(?<![a-z]){first}(?![a-z])", last, a)
            if b != a and b in atoms:
                assert atoms[a] == atoms[b], f"{a} and {b}"


def test_the_atom_test_can_fail() -> None:
    assert lonely({"depth_top_m": "depth_top_m", "depth_bottom_m": "depth_bottom_m"}) == [
        "depth_top_m + depth_bottom_m"
    ]
    assert lonely({"value": "result", "unit": "unit", "lod": "result"}) == ["value + unit + lod"]
    assert lonely({"value": "result", "unit": "result"}) == lonely({"reason": "reason", "decided_by": "x"}) == []


@pytest.mark.parametrize("name", TYPES)
def test_fields_of_an_atom_merge_one_way(name: str) -> None:
    policies: dict[str, set[Merge]] = {}
    for field in fields_of(TYPES[name]).values():
        policies.setdefault(field.spec.atom or field.name, set()).add(field.spec.merge)
    assert {a: p for a, p in policies.items() if len(p) > 1} == {}


@pytest.mark.parametrize("name", TYPES)
def test_a_position_is_one_value(name: str) -> None:
    fields = fields_of(TYPES[name])
    assert not {"lon", "lat", "longitude", "latitude"} & set(fields)
    for field in fields.values():
        if field.spec.widget in ("position", "polygon") or "position" in field.name:
            assert field.kind == "value" and field.model is not None and field.model.__name__ in POSITIONS


# --- the table and its rows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TYPES)
def test_table_has_the_fields_as_columns(name: str) -> None:
    assert TABLES[name].name == name
    assert [c.name for c in TABLES[name].columns] == ["id", "scope", "seq", *fields_of(TYPES[name]), "extra"]
    assert codec(name).columns == tuple(c.name for c in TABLES[name].columns)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
IDS = st.uuids().map(str)
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


def decimals(field: RecordField) -> st.SearchStrategy[str]:
    places = field.decimals if field.decimals is not None else 4
    low = int(
        (field.ge if field.ge is not None else Decimal(-(10**9))).scaleb(places).to_integral_value("ROUND_CEILING")
    )
    high = int((field.le if field.le is not None else Decimal(10**9)).scaleb(places))
    return st.integers(low, high).map(lambda n: format(Decimal(n).scaleb(-places), "f"))


def one(cls: type[BaseModel], field: RecordField) -> st.SearchStrategy[Any]:
    """Wire values that one field takes."""
    info = cls.model_fields[field.name]
    pattern = next((m.pattern for m in info.metadata if getattr(m, "pattern", None)), None)
    least = next((m.min_length for m in info.metadata if getattr(m, "min_length", None)), 0)
    corner = st.tuples(*[st.integers(-1800, 1800).map(lambda n: f"{n / 10:.1f}")] * 2).map(list)
    if field.name == "line":
        return st.lists(corner, min_size=2, max_size=4)
    if field.name == "rings":
        return st.lists(st.lists(corner, min_size=1, max_size=4), min_size=1, max_size=2)
    if field.kind == "value" and field.model:
        return wire(field.model)
    if field.kind == "values" and field.model:
        return st.lists(wire(field.model), min_size=least, max_size=2)
    if field.kind == "list":
        items = st.sampled_from(sorted(field.options())) if field.spec.codes else IDS if field.spec.ref else TEXT
        return st.lists(items, min_size=least, max_size=3)
    if field.spec.codes:
        return st.sampled_from(sorted(field.options()))
    if field.kind == "text":
        is_id = field.spec.ref or (pattern and "{8}-" in pattern)
        return (
            IDS if is_id else st.from_regex(pattern.rstrip("$") + r"\Z", alphabet=string.printable) if pattern else TEXT
        )
    if field.kind == "int":
        return st.integers(int(field.ge or 0), int(field.le or 0))
    if field.kind == "bool":
        return st.booleans()
    if field.kind == "date":
        return st.dates(date(1900, 1, 1)).map(str)
    if field.kind == "datetime":
        return st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=ZONES).map(lambda t: t.isoformat())
    return decimals(field)


_WIRE: dict[type[BaseModel], st.SearchStrategy[dict[str, Any]]] = {}


def wire(cls: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    if cls not in _WIRE:
        fields = fields_of(cls)
        needs = {n: one(cls, f) for n, f in fields.items() if f.required}
        _WIRE[cls] = st.fixed_dictionaries(
            needs, optional={n: one(cls, f) for n, f in fields.items() if not f.required}
        )
    return _WIRE[cls]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda x: st.lists(x, max_size=2) | st.dictionaries(TEXT, x, max_size=2), max_leaves=4)  # fmt: skip
UNKNOWN = st.dictionaries(
    st.sampled_from(["depth_unit", "colour_code", "未来字段"]), JSON.filter(lambda x: x is not None), max_size=2
)


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_rows_and_records_hold_every_value(name: str, data: st.DataObject) -> None:
    """What a field takes is right by `check`, comes back from a database row as it was, and survives as a typed record;
    fields of a later version ride along in `extra`."""
    cls, c = TYPES[name], codec(name)
    known = data.draw(wire(cls))
    values = {**known, **data.draw(UNKNOWN)}
    record = cls.of(ID, values, 7)
    assert (record.id, record.seq) == (ID, 7)
    assert check(cls, values) == list(cls.faults(record))  # nothing wrong with any single field
    row = c.to_row(ID, "p.field", 7, values)
    with sqlite3.connect(":memory:") as db:
        db.execute(f"CREATE TABLE t ({', '.join(f'c{n}' for n in range(len(row)))})")
        db.execute(f"INSERT INTO t VALUES ({','.join('?' * len(row))})", row)
        (back,) = db.execute("SELECT * FROM t").fetchall()
    assert back[:3] == (ID, "p.field", 7)
    assert canonical.dumps(c.from_row(back)) == canonical.dumps(values)
    targets = {target for target, _ in refs_of(name, values)}
    assert targets <= {*TYPES, str(values.get("subject_kind"))}
