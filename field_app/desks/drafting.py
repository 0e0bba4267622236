"""One record while it is written: what it holds, what it still lacks, and what of it is to go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from field_app.form import Values, given, inner_missing, ring_fault, settled
from field_app.form.items import Words
from field_app.words import say
from schemas.fields import Audience, atoms_of, fields_of
from schemas.records import TYPES, check, missing

MARK, BASE = "_form", "_base"  # kept with the draft: that a form writes it; what the record was when this was begun


class Gap(NamedTuple):
    """Something 完成 would refuse, and where: "points.0.reading"."""

    path: str
    what: Words


@dataclass
class Draft:
    """base: the record it amends, as it was seen when that began; None for a new one. touched: something was entered, so
    that it lies in the store."""

    type: str
    id: str
    scope: str
    values: dict[str, Any]
    base: dict[str, Any] | None = None
    touched: bool = False
    repeated: int = 0  # so many fields were filled from an earlier record
    told: bool = field(default=False)  # what is missing has been shown

    @property
    def kept(self) -> dict[str, Any]:
        """What goes into the store's draft table."""
        return {**self.values, MARK: True, **({BASE: self.base} if self.base is not None else {})}

    def finished(self, today: date) -> dict[str, Any]:
        return settled(TYPES[self.type], self.values, today)

    def changed(self, today: date) -> dict[str, Any]:
        """Field → new value, None where it was emptied, of what differs from the record as it was seen."""
        base, new = self.base or {}, self.finished(today)
        return {n: new.get(n) for n in {**base, **new} if base.get(n) != new.get(n)}

    def gaps(self, today: date) -> list[Gap]:
        """In the order of the form. An amendment is not asked for what the record lacked before."""
        cls, values = TYPES[self.type], self.finished(today)
        known = fields_of(cls)
        found: dict[str, list[Gap]] = {}
        for name, f in known.items():
            inner = (
                list(_inside(f.name, f.model, values.get(name), self.values.get(name))) if f.model is not None else []
            )
            if inner:
                found[name] = inner
        for fault in (*missing(cls, values), *check(cls, values)):
            if fault.field not in found:
                found[fault.field] = [Gap(_shown_at(cls, fault.field), (fault.zh, fault.en))]
        if self.base is not None:
            moved = self.changed(today)
            atoms = atoms_of(cls)
            touched = {atoms.get(n, n) for n in moved}
            found = {n: g for n, g in found.items() if atoms.get(n, n) in touched or given(values.get(n))}
        order = list(known)
        return [g for n in sorted(found, key=lambda n: order.index(n) if n in order else 99) for g in found[n]]


def _shown_at(cls: Any, name: str) -> str:
    """The kind of a subject is chosen together with it."""
    return "subject_id" if name == "subject_kind" and "subject_id" in fields_of(cls) else name


def _inside(name: str, model: Any, value: Any, typed: Any) -> Iterator[Gap]:
    """What rows of a value class lack, and what is wrong with an area."""
    if "rings" in fields_of(model):
        wrong = ring_fault(value.get("rings")) if isinstance(value, dict) else None
        if wrong:
            yield Gap(name, wrong)
        return
    many = isinstance(typed, list)
    for n, row in enumerate(typed if many else [typed] if isinstance(typed, dict) else []):
        path = f"{name}.{n}" if many else name
        for item in inner_missing(model, row):
            what = say("zh", "form.fill", name=item.zh), say("en", "form.fill", name=item.en)
            nth = [say(lang, "form.nth", n=n + 1, what=w) for lang, w in zip(("zh", "en"), what, strict=True)]
            yield Gap(f"{path}.{item.name}", (nth[0], nth[1]) if many else what)
        for inner, f in fields_of(model).items():
            if f.model is not None and isinstance(row.get(inner), (dict, list)):
                yield from _inside(f"{path}.{inner}", f.model, row[inner], row[inner])


def set_at(values: dict[str, Any], path: str, value: Any, many: bool = False) -> dict[str, Any]:
    """The values with one place changed, or emptied by None; what is not on the way is the same as before. many: the place
    holds a list, which takes the value as a further one."""
    head, _, rest = path.partition(".")
    now = values.get(head)
    if not rest:
        if value is None:
            return {n: v for n, v in values.items() if n != head}
        return {**values, head: [*(x for x in now or [] if x != value), value] if many else value}
    if isinstance(now, list):
        at, _, rest = rest.partition(".")
        rows = list(now)
        if int(at) < len(rows):
            rows[int(at)] = set_at(rows[int(at)], rest, value, many)
        return {**values, head: rows}
    return {**values, head: set_at(dict(now or {}), rest, value, many)}


class Live(Mapping[str, Any]):
    """The values of a draft as they are at this moment: a handler made at the last drawing reads what came since."""

    def __init__(self, now: Callable[[], Mapping[str, Any]]) -> None:
        self._now = now

    def __getitem__(self, name: str) -> Any:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


__all__ = ["BASE", "MARK", "Audience", "Draft", "Gap", "Live", "Values", "set_at"]
