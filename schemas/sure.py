"""A fast yes: reads a record's canonical bytes and says "surely valid", or nothing at all; no is pydantic's to say.

A msgspec struct is made of each record class by walking its fields: there is no second schema. Whatever the walk does not
understand (a pattern, a kind of field) raises when the struct is made, not when a record comes (tests/unit/test_sure.py,
which also fuzzes every type against pydantic: a yes is never wrong). What is proven, and how:

- the struct's own bytes are the given ones: no key twice, no unknown field, numbers and times in their one spelling;
- of decimals the text is looked at (msgspec takes NaN and 1E+5), then their bounds;
- rules over several fields are the record class's own `faults`, called on what was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.fields import Spec, fields_of
from schemas.reference import codes

Check = Callable[[Any, Any], bool]  # of a value as wire JSON, and as it was read
_WHOLE = {"ge": -(1 << 63), "le": (1 << 63) - 1}
_SAME_PATTERN = re.compile(
    r"\^([\w\[\]{},-]+)\$\Z", re.ASCII
)  # read alike by Rust's regex and by Python's, but for the end
_DECIMALS = 12  # as in schemas.fields


class Limits(NamedTuple):
    """What the annotations of one field say beside its type."""

    spec: Spec | None = None
    ge: Any = None
    le: Any = None
    min_length: int | None = None
    max_length: int | None = None
    places: int | None = None
    pattern: str | None = None


def _limits(metadata: list[Any]) -> Limits:
    found: dict[str, Any] = {}
    for m in metadata:
        if isinstance(m, Spec):
            found["spec"] = m
        elif isinstance(m, FieldInfo):
            found |= {k: v for k, v in _limits(m.metadata)._asdict().items() if v is not None}
        else:
            # annotated_types name theirs in slots, pydantic its own in __dict__; nothing may be overlooked
            said = dict(vars(m)) if hasattr(m, "__dict__") and vars(m) else {k: getattr(m, k) for k in m.__slots__}
            if "decimal_places" in said:
                said["places"] = said.pop("decimal_places")
            found |= said
    return Limits(**found)  # an unknown limit raises here


class _Kind(NamedTuple):
    type: Any  # what msgspec decodes
    check: Check | None = None  # what it cannot look at


def _kind(annotation: Any, limits: Limits) -> _Kind:
    """Raises TypeError for what this file does not know."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        own = _limits(list(more))
        given = {k: v for k, v in limits._asdict().items() if v is not None}
        return _kind(inner, Limits(**{**own._asdict(), **given}))
    if origin in (Union, type(int | None)):
        (inner,) = [a for a in get_args(annotation) if a is not type(None)]
        return _kind(inner, limits)  # null is never written: an empty field is left out
    if origin is list:
        return _list(get_args(annotation)[0], limits)
    if annotation is str:
        return _text(limits)
    if annotation is Decimal:
        _only(limits, "ge", "le", "places")
        return _Kind(Decimal, _decimal(limits))
    if annotation is bool:
        _only(limits)
        return _Kind(bool)
    if annotation is int:
        _only(limits, "ge", "le")
        bounds = {k: v for k, v in (("ge", limits.ge), ("le", limits.le)) if v is not None}
        return _Kind(Annotated[int, msgspec.Meta(**{**_WHOLE, **bounds})])
    if annotation is datetime:
        _only(limits)
        return _Kind(Annotated[datetime, msgspec.Meta(tz=True)])
    if annotation is date:
        _only(limits)
        return _Kind(date)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        _only(limits)
        inside = _reader(annotation)
        return _Kind(inside.struct, inside.fits_json if inside.checks else None)
    raise TypeError(f"no fast reader for a field of type {annotation!r}")


def _only(limits: Limits, *known: str) -> None:
    wrong = {k for k, v in limits._asdict().items() if v is not None} - {*known, "spec"}
    if wrong or (limits.spec and limits.spec.codes):
        raise TypeError(f"no fast reader for the limits {wrong or 'codes'}")


def _list(item: Any, limits: Limits) -> _Kind:
    of_items = limits._replace(min_length=None, max_length=None) if limits.spec and limits.spec.codes else Limits()
    inner = _kind(item, of_items)
    if limits.spec and limits.spec.codes is None:
        _only(limits, "min_length", "max_length")
    meta = msgspec.Meta(min_length=limits.min_length, max_length=limits.max_length)
    check = inner.check

    def every(text: Any, typed: Any) -> bool:
        assert check is not None
        return all(map(check, text, typed))

    return _Kind(Annotated[list[inner.type], meta], every if check else None)  # type: ignore[name-defined]


def _text(limits: Limits) -> _Kind:
    _only(limits._replace(spec=None), "min_length", "max_length", "pattern")
    if limits.spec and limits.spec.codes:
        if limits.pattern or limits.min_length or limits.max_length:
            raise TypeError("a code with limits of its own")
        return _Kind(Literal[tuple(sorted(codes(limits.spec.codes)))])
    pattern = None
    if limits.pattern:
        same = _SAME_PATTERN.match(limits.pattern)
        if same is None:
            raise TypeError(f"no fast reader for the pattern {limits.pattern!r}")
        pattern = rf"^{same[1]}\Z"
    return _Kind(
        Annotated[str, msgspec.Meta(min_length=limits.min_length, max_length=limits.max_length, pattern=pattern)]
    )


def _decimal(limits: Limits) -> Check:
    places = _DECIMALS if limits.places is None else min(limits.places, _DECIMALS)
    fits = re.compile(rf"-?\d{{1,18}}(\.\d{{1,{places}}})?" if places else r"-?\d{1,18}", re.ASCII).fullmatch
    low = None if limits.ge is None else Decimal(str(limits.ge))
    high = None if limits.le is None else Decimal(str(limits.le))

    def check(text: Any, number: Any) -> bool:
        return fits(text) is not None and (low is None or number >= low) and (high is None or number <= high)

    return check


class _Reader:
    """What reads one record or value class. The fields of its structs are in the order of canonical JSON.

    typed: as pydantic would read it. kept: as it is stored, which is the text as it came; JSON columns as raw bytes."""

    def __init__(self, cls: type[BaseModel]) -> None:
        """Raises TypeError where a field is not understood."""
        typed: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        kept: list[tuple[str, Any, Any]] = []
        self.checks: list[tuple[str, Check]] = []
        self._of_kept: list[tuple[str, Check]] = []
        fields = fields_of(cls)
        for name, info in sorted(cls.model_fields.items()):
            if name not in fields:
                continue  # id and seq are no part of the values
            kind = _kind(info.annotation, _limits(info.metadata))
            if info.is_required():
                typed.append((name, kind.type))
            else:  # None is of no field's type: a null in the bytes is refused
                default = info.get_default(call_default_factory=True)
                typed.append((name, kind.type, msgspec.field(default_factory=list) if default == [] else default))
            kept.append((name, _KEPT[fields[name].storage], None))
            if kind.check:
                self.checks.append((name, kind.check))
                self._of_kept.append((name, _in_json(kind.check) if fields[name].storage == "json" else kind.check))
        options: dict[str, Any] = {"forbid_unknown_fields": True, "kw_only": True, "gc": False}
        self.struct = msgspec.defstruct(cls.__name__, typed, omit_defaults=True, **options)
        plain = msgspec.defstruct(f"{cls.__name__}Kept", kept, **options)
        self.one = (msgspec.json.Decoder(self.struct), msgspec.json.Decoder(plain))
        self.many = tuple(msgspec.json.Decoder(list[x]) for x in (self.struct, plain))  # type: ignore[valid-type]

    def fits(self, kept: Any, typed: Any) -> bool:
        """What the structs cannot look at."""
        for name, check in self._of_kept:
            text = getattr(kept, name)
            if text is not None and not check(text, getattr(typed, name)):
                return False
        return True

    def fits_json(self, text: Any, typed: Any) -> bool:
        """The same of a value inside a JSON column, whose text is parsed."""
        return all(check(text[name], getattr(typed, name)) for name, check in self.checks if name in text)


_KEPT = {"text": str, "int": int, "bool": bool, "json": msgspec.Raw}
_parse = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode


def _in_json(check: Check) -> Check:
    return lambda raw, typed: check(_parse(raw), typed)


@cache
def _reader(cls: type[BaseModel]) -> _Reader:
    return _Reader(cls)


class Read(NamedTuple):
    """A record that was read and is surely valid by each of its fields."""

    typed: Any  # its fields as attributes, with the defaults of what was left out
    kept: Any  # its fields as attributes as they are stored; None = left out, msgspec.Raw for JSON columns


def read(cls: type[BaseModel], data: bytes) -> Read | None:
    """One record's values out of its bytes, or None where it is not surely right.

    Raises TypeError for a class with a field this file does not know."""
    reader = _reader(cls)
    try:
        typed = reader.one[0].decode(data)
        if _write(typed) == data:
            kept = reader.one[1].decode(data)
            if reader.fits(kept, typed):
                return Read(typed, kept)
    except (ValueError, ArithmeticError):  # msgspec's faults are ValueErrors; a NaN does not compare
        pass
    return None


def read_many(cls: type[BaseModel], datas: Sequence[bytes | msgspec.Raw]) -> list[Read | None]:
    """The same of many at once, which costs half. Each must be one JSON value."""
    reader = _reader(cls)
    blob = b"[%s]" % b",".join(datas)
    try:
        typed = reader.many[0].decode(blob)
        if len(typed) == len(datas) and _write(typed) == blob:
            kept = reader.many[1].decode(blob)
            return [Read(t, k) if reader.fits(k, t) else None for t, k in zip(typed, kept, strict=True)]
    except (ValueError, ArithmeticError):
        pass  # at least one is in doubt
    return [read(cls, bytes(data)) for data in datas]
