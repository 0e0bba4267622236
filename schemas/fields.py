"""What hangs on a field: one `Spec` drives form, storage, wire, table, export and merge.

A record type is a class whose fields are `Annotated[type, Spec(...)] = Field(limits...)`. Nothing about a field is
written anywhere else; consumers walk `fields_of(cls)`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from schemas.reference import Label, codes


class Merge(StrEnum):
    """What happens when two devices changed the same atom (see `schemas.merge`)."""

    REVIEW = "review"  # keep the server's value, show both to a named person
    OVERWRITE = "overwrite"  # the later arrival wins (notes)
    UNION = "union"  # lists: apply what was added and what was removed


class Audience(StrEnum):
    """Who may see a record type; with the project (or organisation) it makes the scope."""

    FIELD = "field"
    ENFORCEMENT = "enforcement"
    TRANSFER = "transfer"
    ORGANISATION = "organisation"
    SUBJECT = "subject"  # photo, comment, review, conflict: the audience of what they are about


class About(NamedTuple):
    """What is true of a whole record type. `writers` are roles; none = only the server writes it."""

    type: str
    zh: str
    en: str
    room: str
    audience: Audience
    writers: tuple[str, ...]
    key: tuple[str, ...] = ()  # natural key, for people and for findings; never enforced by refusal
    frozen: bool = False  # once sent, a new record corrects it


ALWAYS, FINALIZE = "always", "finalize"


@dataclass(frozen=True)
class Spec:
    """Label and meaning of one field.

    need: "always" (a change without it is refused), "finalize" (asked before 完成), or a condition on the same record
    in the small language of `needed` ("kind in pid,xrf and value given"), checked before 完成.
    mark: C/C2/K/K?/D, how sure the figure or the demand is (see docs/reference.md).
    """

    zh: str
    en: str
    unit: str | None = None
    merge: Merge = Merge.REVIEW
    atom: str | None = None
    widget: str | None = None
    ref: str | None = None
    codes: str | None = None
    need: str | None = None
    default: str | None = None  # prefilled by the form, as wire text
    hint_zh: str | None = None
    hint_en: str | None = None
    mark: str = "D"

    def label(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        schema = handler(source)
        inner = _bare(source)
        if self.codes:
            allowed = frozenset(codes(self.codes))
            check = _codes_check(self.codes, allowed, many=get_origin(inner) is list)
            schema = core_schema.no_info_after_validator_function(check, schema)
        elif inner is Decimal:
            schema = core_schema.no_info_before_validator_function(_decimal_text, schema)
        elif inner is datetime:
            schema = core_schema.no_info_after_validator_function(_aware, schema)
        return schema


_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,12})?\Z", re.ASCII)


def _decimal_text(value: Any) -> Any:
    """Decimals travel as text, so that the digits an instrument gave are never rounded or reformatted."""
    if value is None or isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _DECIMAL.match(value):
        raise PydanticCustomError(
            "decimal_text", '应为十进制数文本，如 "12.50" ‖ expected decimal text such as "12.50"'
        )
    return Decimal(value)


def _aware(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise PydanticCustomError("time_offset", "时间须带时区偏移 ‖ the time needs its UTC offset")
    return value


def _codes_check(name: str, allowed: frozenset[str], many: bool) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        wrong = [v for v in (value if many else [value]) if v is not None and v not in allowed]
        if wrong:
            raise PydanticCustomError(
                "code",
                "代码 {wrong} 不在代码表 {list} 中 ‖ code {wrong} is not in list {list}",
                {"wrong": ", ".join(map(str, wrong)), "list": name},
            )
        return value

    return check


def _bare(annotation: Any) -> Any:
    """The type inside `X | None` and inside `Annotated[X, …]`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        return _bare(inner[0]) if len(inner) == 1 else annotation
    return annotation


Kind = Literal["text", "decimal", "int", "bool", "date", "datetime", "list", "value", "values"]


class RecordField(NamedTuple):
    """One field as its consumers see it. `storage` is how wire and database hold it."""

    name: str
    spec: Spec
    kind: Kind
    storage: Literal["text", "int", "bool", "json"]
    required: bool
    model: type[BaseModel] | None  # the value class of kinds "value" and "values"
    ge: Decimal | None
    le: Decimal | None
    decimals: int | None
    max_length: int | None

    def options(self) -> Mapping[str, Label]:
        return codes(self.spec.codes) if self.spec.codes else {}


@cache
def fields_of(cls: type[BaseModel]) -> dict[str, RecordField]:
    """The labelled fields of a record or value class, in the order they are written."""
    out: dict[str, RecordField] = {}
    for name, info in cls.model_fields.items():
        spec = next((m for m in info.metadata if isinstance(m, Spec)), None)
        if spec is None:
            continue
        kind, storage, model = _kind(_bare(info.annotation))
        limits = {
            k: getattr(m, k)
            for m in info.metadata
            for k in ("ge", "le", "decimal_places", "max_length")
            if hasattr(m, k)
        }
        out[name] = RecordField(
            name, spec, kind, storage, info.is_required(), model,
            _number(limits.get("ge")), _number(limits.get("le")), limits.get("decimal_places"), limits.get("max_length"),
        )  # fmt: skip
    return out


def _number(limit: Any) -> Decimal | None:
    return None if limit is None else Decimal(str(limit))


def _kind(inner: Any) -> tuple[Kind, Literal["text", "int", "bool", "json"], type[BaseModel] | None]:
    simple: dict[Any, tuple[Kind, Literal["text", "int", "bool", "json"]]] = {
        str: ("text", "text"), Decimal: ("decimal", "text"), int: ("int", "int"), bool: ("bool", "bool"),
        date: ("date", "text"), datetime: ("datetime", "text"),
    }  # fmt: skip
    if inner in simple:
        return (*simple[inner], None)
    if get_origin(inner) is list:
        (item,) = get_args(inner)
        if isinstance(item, type) and issubclass(item, BaseModel):
            return "values", "json", item
        return "list", "json", None
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return "value", "json", inner
    raise TypeError(f"no storage for a field of type {inner!r}")


@cache
def atoms_of(cls: type[BaseModel]) -> dict[str, str]:
    """field -> atom: fields of one atom compare, merge and conflict together. A field without one is its own atom."""
    return {name: info.spec.atom or name for name, info in fields_of(cls).items()}


# --- the small language of `need` ------------------------------------------------------------------------------------

_TERM = re.compile(r"(\w+) (in|not in|=|not|contains|given|empty)(?: ([\w,]+))?\Z")


def needed(condition: str, values: Mapping[str, Any]) -> bool:
    """Is the condition true of these wire values? Grammar: terms joined by " and " (binds closer) and " or "; a term is
    `name in a,b`, `name not in a,b`, `name = a`, `name not a`, `name contains a,b` (lists), `name given`, `name empty`."""
    return any(all(_term(t, values) for t in part.split(" and ")) for part in condition.split(" or "))


def _term(text: str, values: Mapping[str, Any]) -> bool:
    match = _TERM.match(text.strip())
    if match is None:
        raise ValueError(f"cannot read the condition {text!r}")
    name, op, raw = match.groups()
    value, words = values.get(name), (raw or "").split(",")
    if isinstance(value, bool):
        value = "true" if value else "false"
    given = value not in (None, "", [])
    if op == "given":
        return given
    if op == "empty":
        return not given
    if op == "contains":
        return any(w in (value or []) for w in words)
    if op in ("in", "="):
        return value in words
    return given and value not in words
