"""What every record type has, and how a record's values are checked.

Three forms of one record, and only three:
- *values*: a dict of wire JSON (text, int, bool, list, dict; decimals and times as text; nothing null). Stored, merged,
  hashed and sent as it is, never re-encoded.
- the *record class* (`Sample`), for rules and forms: typed, validated.
- the *row*, the same values as columns of the table named after the type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar, get_origin

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlmodel import SQLModel

from schemas import canonical, sure, typed
from schemas.fields import FINALIZE, About, Merge, Spec, fields_of, needed

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]


R = TypeVar("R", bound="Record")


class Fault(NamedTuple):
    """One thing wrong with one field, in both languages."""

    field: str
    zh: str
    en: str


# first field, last field, may both be equal (a day is an interval, a depth is not)
_INTERVALS = (
    ("depth_top_m", "depth_bottom_m", False),
    ("top_m", "bottom_m", False),
    ("from_no", "to_no", True),
    ("from_date", "to_date", True),
    ("valid_from", "valid_to", True),
)


@cache
def _intervals(cls: type[BaseModel]) -> list[tuple[str, str, bool]]:
    return [i for i in _INTERVALS if {i[0], i[1]} <= fields_of(cls).keys()]


class Strict(SQLModel):
    """SQLModel's own constructor would validate a second time, and not strictly: "yes" for true, text for a number."""

    __init__ = BaseModel.__init__


class Record(Strict):
    """Base of all record types. Subclasses give `about` and their fields."""

    about: ClassVar[About]
    id: str = ""
    seq: int = 0

    deleted: Annotated[bool, Spec("作废", "Voided", atom="deletion", widget="none")] = False
    void_reason: Annotated[
        str | None, Spec("作废原因", "Reason for voiding", atom="deletion", need="deleted = true", mark="C")
    ] = Field(default=None, max_length=500)
    late_entry_reason: Annotated[str | None, Spec("补录原因", "Reason for late entry", mark="C")] = Field(
        default=None, max_length=500
    )
    note: Annotated[str | None, Spec("备注", "Note", merge=Merge.OVERWRITE, widget="longtext", mark="C")] = Field(
        default=None, max_length=4000
    )

    @classmethod
    def faults(cls, seen: Any) -> Iterator[Fault]:
        """Faults across the fields of one record; `seen` has them as typed attributes, whatever class it is of. Here V01:
        the lower end of an interval is above its upper end."""
        names = fields_of(cls)
        for first, last, may_meet in _intervals(cls):
            a, b = getattr(seen, first), getattr(seen, last)
            if a is not None and b is not None and (a > b or (a == b and not may_meet)):
                zh, en = names[last].spec.zh, names[last].spec.en
                yield Fault(
                    last,
                    f"{zh} {b} 须大于{names[first].spec.zh} {a}",
                    f"{en} {b} must be beyond {names[first].spec.en} {a}",
                )

    @classmethod
    def of(cls, id: str, values: Mapping[str, Any], seq: int = 0) -> Self:
        """The typed record of stored values. Trusts them: they were validated on the way in, though perhaps by a newer
        version, which knew more codes and wider limits: such a code stands as it is, such an optional value is left out,
        such a required one is read without its limits."""
        try:
            record = typed.read(cls, values)
        except (ValueError, TypeError):  # mostly something this version would not take
            return _of_any(cls, id, values, seq)
        record.__dict__.update(id=id, seq=seq)
        return record


def _of_any(cls: type[R], id: str, values: Mapping[str, Any], seq: int) -> R:
    """`Record.of` by way of pydantic alone, whatever the values are."""
    given = {**_known(cls, values), "id": id, "seq": seq}
    try:
        return cls.model_validate_json(canonical.dumps(given))
    except ValidationError as err:
        newer = _newer(cls, given, err)
    readable = {k: v for k, v in {**given, **newer}.items() if v is not None}
    try:
        record = cls.model_validate_json(canonical.dumps(readable))
    except ValidationError:
        record = _loose(cls, readable)
    record.__dict__.update({k: given[k] for k, v in newer.items() if v is not None})
    return record


def _known(cls: type[Record], values: Mapping[str, Any]) -> Mapping[str, Any]:
    known = fields_of(cls)
    return values if values.keys() <= known.keys() else {k: v for k, v in values.items() if k in known}


def _newer(cls: type[Record], given: Mapping[str, Any], err: ValidationError) -> dict[str, Any]:
    """What to read in the place of fields this version cannot: a code it knows, or None where the field may be absent."""
    out: dict[str, Any] = {}
    for e in err.errors(include_url=False):
        name = str(e["loc"][0])
        field = fields_of(cls)[name]
        if e["type"] == "code" and field.spec.codes:
            known = list(field.options())
            out[name] = [v for v in given[name] if v in known] if isinstance(given[name], list) else known[0]
        elif not field.required:
            out[name] = None
    return out


def _loose(cls: type[Record], given: Mapping[str, Any]) -> Any:
    """A record field by field, each as exactly as it can be read: a page or a report of it must never fail."""
    # a list that a draft does not have yet is gone through like any other
    out: dict[str, Any] = {
        name: [] if get_origin(info.annotation) is list else None
        for name, info in cls.model_fields.items()
        if info.is_required()
    }
    for name, value in given.items():
        for way in _ways(cls, name):
            try:
                out[name] = way.validate_json(canonical.dumps(value))
                break
            except ValidationError:
                out[name] = _readable(cls, name, value)
    return cls.model_construct(**out)


def _readable(cls: type[Record], name: str, value: Any) -> Any:
    """Of values that belong together those that can be read: a weighing without a weight is none. Anything else as it is."""
    model = fields_of(cls)[name].model if name in fields_of(cls) else None
    if model is None:
        return value
    found = []
    for one in value if isinstance(value, list) else [value]:
        with suppress(ValidationError):
            found.append(model.model_validate_json(canonical.dumps(one)))
    return found if get_origin(cls.model_fields[name].annotation) is list else None


@cache
def _ways(cls: type[Record], name: str) -> list[TypeAdapter[Any]]:
    """How a field is read by itself; the second time without its limits."""
    info = cls.model_fields[name]
    kinds: list[Any] = [Annotated[info.annotation, *info.metadata]] if info.metadata else []
    return [TypeAdapter(kind) for kind in [*kinds, info.annotation]]


def check(cls: type[Record], values: Mapping[str, Any], written: bytes | None = None) -> list[Fault]:
    """Everything that makes these wire values unfit to be stored as a `cls`. Unknown fields are not faults.

    `written`: their canonical bytes, where somebody has them already."""
    known = _known(cls, values)
    if written is None or len(known) < len(values):
        with suppress(TypeError, ValueError):  # what is no JSON is told below
            written = canonical.again(known)
    seen = sure.read(cls, written) if written else None
    if seen is not None:
        return list(cls.faults(seen.typed))
    try:
        record = cls.model_validate_json(canonical.dumps(known), strict=True)
    except ValidationError as err:
        return [fault_of(cls, e) for e in err.errors(include_url=False)]
    return list(cls.faults(record))


def missing(cls: type[Record], values: Mapping[str, Any]) -> list[Fault]:
    """What still has to be filled in before 完成, besides what `check` finds."""
    out = []
    for name, field in fields_of(cls).items():
        need = field.spec.need
        wanted = (
            field.required or need == FINALIZE or (need and need not in ("always", FINALIZE) and needed(need, values))
        )
        if wanted and values.get(name) in (None, "", []):
            out.append(Fault(name, f"请填写「{field.spec.zh}」", f"Fill in “{field.spec.en}”"))
    return out


_DATE = ("应为日期，如 2026-09-21", "must be a date such as 2026-09-21")
_TIME = ("应为带时区的时间，如 2026-09-21T08:30:00+08:00", "must be a time such as 2026-09-21T08:30:00+08:00")
_TEXTS = {
    "missing": ("必填", "is required"),
    "string_type": ("应为文本", "must be text"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_parsing_size": ("整数太大", "is too large a whole number"),
    "bool_type": ("应为是或否", "must be true or false"),
    "list_type": ("应为列表", "must be a list"),
    "model_type": ("应为一组值", "must be a set of values"),
    "model_attributes_type": ("应为一组值", "must be a set of values"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "decimal_max_places": ("最多 {decimal_places} 位小数", "takes at most {decimal_places} decimals"),
    "string_too_long": ("最多 {max_length} 个字", "takes at most {max_length} characters"),
    "too_short": ("至少 {min_length} 项", "needs at least {min_length}"),
    "string_pattern_mismatch": ("格式不对", "has the wrong form"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"), _TIME
    ),
}


def fault_of(cls: type[BaseModel], error: Any) -> Fault:
    """A pydantic error as a sentence that names the field as the form does, inside value classes too."""
    zh_name, en_name, fields = [], [], fields_of(cls)
    for part in error["loc"]:
        field = None if isinstance(part, int) else fields.get(part)
        zh_name.append(f"第 {part + 1} 项" if isinstance(part, int) else field.spec.zh if field else str(part))
        en_name.append(f"no. {part + 1}" if isinstance(part, int) else field.spec.en if field else str(part))
        if field is not None:
            fields = fields_of(field.model) if field.model else {}
    zh, en = _TEXTS.get(error["type"], ("", ""))
    if zh:
        context = error.get("ctx", {})
        zh, en = zh.format(**context), en.format(**context)
    else:  # said by the field's own check, or by a rule nobody has words for yet; may quote what was sent
        zh, _, en = error["msg"].partition(" ‖ ")
        zh, en = (zh, en) if en else (f"不合要求（{zh}）", zh)
    name = str(error["loc"][0]) if error["loc"] else ""
    return Fault(name, f"{' '.join(zh_name) or '记录'}：{zh}", f"{' '.join(en_name) or 'Record'}: {en}")


class Value(Strict):
    """Base of value classes: several fields that mean something only together, kept in one JSON column."""
