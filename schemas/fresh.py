"""New records of a batch, read together: most of what comes, and half the cost of one after another.

What is in a `Fresh` is proven: the line is a change in its one form, it makes a record of a known type, and the record is
valid. A line without one may be just as right; `change.decode` and `check` look at it by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from schemas import change, sure
from schemas.change import Change
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.rows import pointers_of


class Fresh(NamedTuple):
    id: str
    scope: str
    type: str
    record: str
    by: str
    device: str
    line: bytes
    written: bytes  # the record's values, canonical
    cells: tuple[Any, ...]  # the same as `rows.Codec.to_row` has them between seq and extra
    refs: list[tuple[str, str]]  # as `rows.refs_of` gives them


def read_batch(lines: Sequence[bytes]) -> list[Fresh | Change | None]:
    """For each line the new record it makes, or else the change it is, where that is sure."""
    envelopes = change.open_many(lines)
    by_type: dict[str, list[int]] = {}
    for n, e in enumerate(envelopes):
        if e is not None and e.type in TYPES and bytes(e.before) == b"{}":
            by_type.setdefault(e.type, []).append(n)
    out: list[Fresh | Change | None] = [None] * len(lines)
    for type, places in by_type.items():
        cls, to_cells, refs_of = TYPES[type], cells_of(type), _refs(type)
        if refs_of is None:
            continue
        found = sure.read_many(cls, [envelopes[n].after for n in places])  # type: ignore[union-attr]
        for n, seen in zip(places, found, strict=True):
            e = envelopes[n]
            if seen is None or e is None or any(cls.faults(seen.typed)):
                continue
            written = bytes(e.after)
            if written == b"{}":
                continue
            out[n] = Fresh(
                e.id,
                e.scope,
                type,
                e.record,
                e.by,
                e.device,
                lines[n],
                written,
                to_cells(seen.kept),
                refs_of(seen.typed),
            )
    left = [(n, (e, lines[n])) for n, e in enumerate(envelopes) if e is not None and out[n] is None]
    for (n, _), c in zip(left, change.unfold_many([one for _, one in left]), strict=True):
        out[n] = c
    return out


@cache
def cells_of(type: str) -> Callable[[Any], tuple[Any, ...]]:
    """What makes `Fresh.cells` of the `kept` of a record that was read."""
    fields = fields_of(TYPES[type])
    get = attrgetter(*fields)
    places = [n for n, f in enumerate(fields.values()) if f.storage == "json"]
    if not places:
        return get

    def cells(kept: Any) -> tuple[Any, ...]:
        row = list(get(kept))
        for n in places:
            if row[n] is not None:
                row[n] = str(row[n], "utf-8")
        return tuple(row)

    return cells


@cache
def _refs(type: str) -> Callable[[Any], list[tuple[str, str]]] | None:
    """None for a type that points to records of any type: the general way knows of which."""
    plain: list[tuple[str, str]] = []
    inside: list[tuple[str, list[tuple[str, str]]]] = []
    for name, target, within in pointers_of(TYPES[type]):
        if target == "*" or any(t == "*" or more for _, t, more in within):
            return None
        if target:
            plain.append((name, target))
        else:
            inside.append((name, [(n, t) for n, t, _ in within]))

    def refs(typed: Any) -> list[tuple[str, str]]:
        out: list[tuple[str, str]] = []
        for name, target in plain:
            value = getattr(typed, name)
            if value:
                if isinstance(value, list):
                    out += [(target, v) for v in value]
                else:
                    out.append((target, value))
        for name, within in inside:
            value = getattr(typed, name)
            for item in value if isinstance(value, list) else [value] if value is not None else []:
                out += [(target, v) for n, target in within if (v := getattr(item, n))]
        return out

    return refs
