"""Stored values → typed record, the short way. What comes out is what pydantic makes of them, or an error.

Stored values were validated on the way in, and most wire text is met again and again: a parent's id, a code, a depth, the
minute of a row of readings. Each field keeps what pydantic made of the texts it met last and hands out the same object
again, which saves most of the time and much of the memory. Nothing is read here that pydantic did not read, but for plain
numbers, free text and lists, whose limits are looked at (tests/unit/test_typed.py compares every type with pydantic).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache, partial
from math import inf
from operator import call
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from schemas import canonical
from schemas.fields import RecordField, Spec, fields_of

M = TypeVar("M", bound=BaseModel)
Reader = Callable[[Any], Any]

_KEPT = 1000  # texts per field, shapes per class
_set = object.__setattr__


class _Memo(dict[Any, Any]):
    """Wire text → typed value; only of what cannot be changed, because many records will hold the same object."""

    def __init__(self, read: Reader) -> None:
        self.read = read

    def __missing__(self, wire: Any) -> Any:
        typed = self.read(wire)
        if type(wire) is str:
            if len(self) >= _KEPT:
                self.clear()
            self[wire] = typed
        return typed


class _Shape(NamedTuple):
    """What to do with values that have just these keys, in this order."""

    given: set[str]  # pydantic's set of the fields given; one for all of a shape, as nobody writes to a record's fields
    names: tuple[str, ...]
    readers: tuple[Reader, ...]
    blank: dict[str, Any]  # every field in the class's order, with its default
    lists: tuple[str, ...]  # not given: each record gets its own
    strange: bool  # has keys that are no field


def read(cls: type[M], values: Mapping[str, Any]) -> M:
    """What `cls.model_validate_json` makes of these values; keys that are no field are passed over. Raises ValueError or
    TypeError where it would raise, and where it is not known what it would do."""
    keys, shapes = tuple(values), _shapes(cls)
    shape = shapes.get(keys)
    if shape is None:
        shape = _shape(cls, keys)
        if len(shapes) >= _KEPT:
            shapes.clear()
        shapes[keys] = shape
    wire = [values[name] for name in shape.names] if shape.strange else values.values()
    typed = dict(shape.blank)
    typed.update(zip(shape.names, map(call, shape.readers, wire), strict=True))
    for name in shape.lists:
        typed[name] = []
    made = object.__new__(cls)
    _set(made, "__dict__", typed)
    _set(made, "__pydantic_fields_set__", shape.given)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


@cache
def _shapes(cls: type[BaseModel]) -> dict[tuple[str, ...], _Shape]:
    return {}


def _shape(cls: type[BaseModel], keys: tuple[str, ...]) -> _Shape:
    fields, infos = fields_of(cls), cls.model_fields
    names = tuple(name for name in keys if name in fields)
    if lacking := [name for name, info in infos.items() if info.is_required() and name not in names]:
        raise ValueError(f"missing: {lacking}")
    given = {*names, *(infos.keys() - fields.keys())}  # id and seq are no values, and always given
    blank = {name: None if info.is_required() else info.default for name, info in infos.items()}
    own = tuple(name for name, info in infos.items() if info.default_factory and name not in names)
    if any(infos[name].default_factory is not list for name in own):
        raise TypeError(f"a default of its own kind in {cls.__name__}")
    return _Shape(given, names, tuple(_readers(cls)[n] for n in names), blank, own, len(names) < len(keys))


@cache
def _readers(cls: type[BaseModel]) -> dict[str, Reader]:
    # a code that only a newer version knows stands as it is in a record; inside a value class it spoils the value
    any_code = hasattr(cls, "about")
    return {name: _reader(cls.model_fields[name], field, any_code) for name, field in fields_of(cls).items()}


def _reader(info: FieldInfo, field: RecordField, any_code: bool) -> Reader:
    """The short way for what it is known to hold for; pydantic for everything else."""
    exact, pattern = _exact(Annotated[info.annotation, *info.metadata]), _pattern(info)
    limits = _limits(info)
    item = get_args(info.annotation)[:1]
    if field.kind == "datetime":
        return _Memo(lambda wire: _same_zone(exact(wire))).__getitem__
    if field.kind == "decimal" and limits <= {"ge", "le", "decimal_places"}:
        return _Memo(_decimal(field, exact)).__getitem__
    if field.kind in ("decimal", "date"):
        return _Memo(exact).__getitem__
    if field.kind == "bool" and not limits:
        return _yes_or_no
    if field.kind == "int" and limits <= {"ge", "le"}:
        return _whole(field.ge, field.le)
    if field.kind == "text":
        if field.spec.codes and not limits and any_code:
            return _Memo(_text(None)).__getitem__
        if limits == {"max_length"}:
            return _text(field.max_length)
        return _Memo(_like(pattern, exact) if pattern else exact).__getitem__
    if field.kind == "value" and field.model and not limits:
        return partial(_inner, field.model)
    if field.kind in ("list", "values") and limits <= {"min_length"}:
        least = next((m.min_length for m in info.metadata if hasattr(m, "min_length")), 0)
        if field.model:
            return partial(_list, partial(_inner, field.model), least)
        if item == (str,) and field.spec.codes:
            return partial(_list, _Memo(_text(None) if any_code else _known(field)).__getitem__, least)
        if get_args(item[0])[:1] == (str,):  # ids
            return partial(_list, _Memo(_exact(item[0])).__getitem__, least)
    return exact


def _limits(info: FieldInfo) -> set[str]:
    """Names of all that is asked of a field beside its type and its spec."""
    rest = [m for m in info.metadata if not isinstance(m, Spec)]
    # pydantic keeps its own limits in __dict__, annotated_types in slots
    return {name for m in rest for name in (vars(m) if getattr(m, "__dict__", None) else m.__slots__)}


# read alike by pydantic's engine and by Python's: classes of characters, each so many times, from one end to the other
_PLAIN_PATTERN = re.compile(r"\^(?:\[[\w-]+\](?:\{\d+(?:,\d+)?\})?|-)+\$", re.ASCII)


def _pattern(info: FieldInfo) -> str | None:
    """The pattern of a text field, where it is all that is asked of it and plain."""
    inner = next((a for a in get_args(info.annotation) if get_origin(a) is Annotated), None)
    asked = [*info.metadata, *(m for f in get_args(inner)[1:] for m in getattr(f, "metadata", [None]))]
    rest = [m for m in asked if not isinstance(m, Spec)]
    found = getattr(rest[0], "pattern", None) if len(rest) == 1 else None
    return (
        found
        if isinstance(found, str) and vars(rest[0]).keys() == {"pattern"} and _PLAIN_PATTERN.fullmatch(found)
        else None
    )


def _like(pattern: str, exact: Reader) -> Reader:
    fits = re.compile(pattern, re.ASCII).fullmatch

    def read_like(wire: Any) -> Any:
        return wire if type(wire) is str and fits(wire) else exact(wire)

    return read_like


def _exact(annotation: Any) -> Reader:
    """By pydantic, made when it is first needed: most fields of a record type hardly ever are."""
    validate: Reader | None = None

    def read_exactly(wire: Any) -> Any:
        nonlocal validate
        if validate is None:
            validate = TypeAdapter(annotation).validator.validate_json
        return validate(canonical.dumps(wire))

    return read_exactly


def _decimal(field: RecordField, exact: Reader) -> Reader:
    """Text that is plainly within the limits; what is left is pydantic's to say."""
    places = 12 if field.decimals is None else field.decimals
    plain = re.compile(rf"-?\d{{1,18}}(\.\d{{1,{places}}})?" if places else r"-?\d{1,18}", re.ASCII).fullmatch
    least, most = field.ge, field.le

    def read_decimal(wire: Any) -> Any:
        if type(wire) is str and plain(wire):
            number = Decimal(wire)
            if (least is None or number >= least) and (most is None or number <= most):
                return number
        return exact(wire)

    return read_decimal


_ZONES: dict[timedelta | None, tzinfo | None] = {}


def _same_zone(at: datetime | None) -> datetime | None:
    """Times whose zone is one object are compared without asking it."""
    return at and at.replace(tzinfo=_ZONES.setdefault(at.utcoffset(), at.tzinfo))


def _text(most: int | None) -> Reader:
    def read_text(wire: Any) -> Any:
        if type(wire) is str and (most is None or len(wire) <= most):
            return wire
        raise ValueError(wire)

    return read_text


def _known(field: RecordField) -> Reader:
    known = frozenset(field.options())

    def read_code(wire: Any) -> Any:
        if type(wire) is str and wire in known:
            return wire
        raise ValueError(wire)

    return read_code


def _yes_or_no(wire: Any) -> Any:
    if type(wire) is bool:
        return wire
    raise ValueError(wire)


def _whole(least: Decimal | None, most: Decimal | None) -> Reader:
    low, high = -inf if least is None else int(least), inf if most is None else int(most)

    def read_whole(wire: Any) -> Any:
        if type(wire) is int and low <= wire <= high:
            return wire
        raise ValueError(wire)

    return read_whole


def _list(read_one: Reader, least: int, wire: Any) -> list[Any]:
    if type(wire) is not list or len(wire) < least:
        raise ValueError(wire)
    return [read_one(each) for each in wire]


def _inner(cls: type[BaseModel], wire: Any) -> BaseModel:
    if type(wire) is not dict:
        raise TypeError(wire)
    return read(cls, wire)
