"""One pure function turns accepted changes into records. The same on tablet and server.

Per atom (fields that mean something only together): now == before or now == after → take the new value. Otherwise the
atom's policy decides: REVIEW keeps the server's value and hands both to a person, OVERWRITE takes the later arrival,
UNION applies what was added and what was removed. A field this version does not know is its own REVIEW atom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.fields import Merge, atoms_of, fields_of
from schemas.record import Record

Values = dict[str, Any]


class Clash(NamedTuple):
    """An atom two devices changed differently. Values are dicts of the atom's fields, nulls included."""

    atom: str
    before: Values
    now: Values
    after: Values


class Merged(NamedTuple):
    values: Values  # the record as it is now; nothing null
    clashes: list[Clash]
    changed: bool  # did any value move


def merge(cls: type[Record], now: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Merged:
    """Apply one change to a record's values. `now` is {} for a record that does not exist yet."""
    values, clashes = dict(now), []
    if all([now.get(f) == before.get(f) for f in after]):  # the common case: nobody else touched these fields
        put(values, after)
        return Merged(values, [], values != now)
    atoms, specs = atoms_of(cls), fields_of(cls)
    groups: dict[str, list[str]] = {}
    for name in after:
        groups.setdefault(atoms.get(name, name), []).append(name)
    for atom, names in groups.items():
        mine = {n: after.get(n) for n in names}
        then, current = {n: before.get(n) for n in names}, {n: now.get(n) for n in names}
        policy = specs[names[0]].spec.merge if names[0] in specs else Merge.REVIEW
        if current in (then, mine) or policy is Merge.OVERWRITE:
            put(values, mine)
        elif policy is Merge.UNION:
            put(values, {n: _union(current[n], then[n], mine[n]) for n in names})
        else:
            clashes.append(Clash(atom, then, current, mine))
    return Merged(values, clashes, values != now)


def put(values: Values, after: Mapping[str, Any]) -> None:
    """Set fields; null empties one. An empty value is never stored."""
    for name, value in after.items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value


def _union(now: Any, before: Any, after: Any) -> Any:
    """Lists as sets that keep their order: what was added is added, what was removed is removed."""
    now, before, after = now or [], before or [], after or []
    gone = [x for x in before if x not in after]
    kept = [x for x in now if x not in gone]
    return [*kept, *(x for x in after if x not in before and x not in kept)] or None


def whole_atoms(cls: type[Record], old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Values, Values]:
    """before and after of an edit: every field of every atom that changed, so that an atom never travels in half."""
    atoms = atoms_of(cls)
    moved = {atoms.get(n, n) for n in {*old, *new} if old.get(n) != new.get(n)}
    names = [n for n in {*atoms, *old, *new} if atoms.get(n, n) in moved]
    return {n: old.get(n) for n in names}, {n: new.get(n) for n in names}
