"""What the sync rules say, written a second time and by hand: the simulation judges the shipped merge by this.

Nothing here imports schemas.merge, nor the merge policies that hang on the fields; a change of policy must be made in
both places, knowingly. Only the question "may a record hold these values?" is asked of the record types themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas.records import TYPES, check

Values = dict[str, Any]

_GROUPS = {
    "": {"deletion": ("deleted", "void_reason")},
    "field_reading": {"interval": ("depth_top_m", "depth_bottom_m"), "result": ("value", "qualifier", "unit", "lod")},
    "sample": {"interval": ("depth_top_m", "depth_bottom_m")},
    "soil_layer": {"interval": ("top_m", "bottom_m")},
}
_UNION = {("point", "samplers"), ("sample", "groups"), ("sample", "composite_of"), ("sample", "collected_by")}
_OVERWRITE = {"note", "reason_text", "caption"}
_REFS = {
    "point_id", "borehole_id", "sample_id", "site_id", "instrument_id", "layer_id", "qc_sample_id", "original_id",
    "inspection_id", "subject_id", "org_id", "samplers", "collected_by", "composite_of",
}  # fmt: skip

# role → types it may write, by audience of the scope; a comment goes wherever its writer may read
_WRITES = {
    ("sampler", "field"): {"point", "field_reading", "sample", "qc_link", "soil_layer", "borehole", "comment", "sample_container",
                           "photo"},
    ("sampler", "organisation"): {"instrument", "comment"},
    ("inspector", "field"): {"comment"},
    ("inspector", "enforcement"): {"inspection", "finding", "comment"},
    ("inspector", "organisation"): {"comment"},
    ("dispatcher", "field"): {"comment", "photo"},
    ("dispatcher", "organisation"): {"comment"},
}  # fmt: skip
_READS = {
    "sampler": {"field", "organisation"},
    "inspector": {"field", "enforcement", "transfer", "organisation"},
    "dispatcher": {"field", "transfer", "organisation"},
    "project_manager": {"field", "enforcement", "transfer", "organisation"},
}


class Entry(NamedTuple):
    """A line of the server's journal."""

    n: int
    scope: str
    enrolment: str
    pos: int
    id: str
    type: str
    record: str
    line: bytes
    link: bytes
    proof: str
    outcome: str
    seq: int | None
    problem: int | None

    @property
    def content(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.line)
        return data


class Lost(NamedTuple):
    """An atom that waits for a person, as the reference sees it."""

    fields: frozenset[str]
    before: Values
    now: Values
    after: Values


def atom_fields(type: str, name: str) -> tuple[str, ...]:
    """All fields that travel together with this one."""
    for groups in (_GROUPS[""], _GROUPS.get(type, {})):
        for fields in groups.values():
            if name in fields:
                return fields
    return (name,)


def is_union(type: str, name: str) -> bool:
    return (type, name) in _UNION


def may_write(roles: Iterable[str], type: str, audience: str) -> bool:
    return any(type in _WRITES.get((role, audience), ()) for role in roles)


def may_read(roles: Iterable[str], audience: str) -> bool:
    return any(audience in _READS.get(role, ()) for role in roles)


def refs(after: Mapping[str, Any]) -> set[str]:
    out: set[str] = set()
    for name in _REFS & set(after):
        value = after[name]
        out |= set(value if isinstance(value, list) else [value] if value else [])
    return out


def united(now: list[Any] | None, before: list[Any] | None, after: list[Any] | None) -> list[Any]:
    """Both people's additions and removals, in the order they stood."""
    now, before, after = now or [], before or [], after or []
    left = [x for x in now if x in after or x not in before]
    return left + [x for x in after if x not in before and x not in left]


def with_changes(values: Mapping[str, Any], after: Mapping[str, Any]) -> Values:
    return {k: v for k, v in {**values, **after}.items() if v is not None}


def merged(type: str, now: Values | None, before: Values, after: Values) -> tuple[Values, list[Lost]]:
    """The record after one change, and what of the change waits for a person."""
    if now is None:
        return with_changes({}, after), []
    out, lost = dict(now), []
    for fields in {atom_fields(type, name) for name in after}:
        names = [f for f in fields if f in after]
        had, is_, want = ({n: d.get(n) for n in names} for d in (before, now, after))
        if is_ in (had, want) or names[0] in _OVERWRITE:
            out = with_changes(out, want)
        elif is_union(type, names[0]):
            out = with_changes(out, {names[0]: united(is_[names[0]], had[names[0]], want[names[0]]) or None})
        else:
            lost.append(Lost(frozenset(names), had, is_, want))
    if check(TYPES[type], out):  # each right by itself, wrong together: all of it waits
        lost = [Lost(frozenset(after), {k: before.get(k) for k in after}, {k: now.get(k) for k in after}, dict(after))]
        out = dict(now)
    return out, lost


class Folded(NamedTuple):
    """Records of one scope as the reference makes them out of the journal."""

    records: dict[str, tuple[str, int, Values]]  # id → type, seq, values
    lost: dict[str, list[Lost]]  # change id → atoms that wait for a person
    after: dict[str, Values]  # change id → the record right after it


def fold(entries: Iterable[Entry]) -> Folded:
    """Accepted changes of one scope, in the order of their seq."""
    out = Folded({}, {}, {})
    for e in sorted((e for e in entries if e.seq is not None), key=lambda e: e.seq or 0):
        c = e.content
        now = out.records[e.record][2] if e.record in out.records else None
        values, lost = merged(e.type, now, c["before"], c["after"])
        out.records[e.record] = (e.type, e.seq or 0, values)
        out.after[e.id] = values
        if lost:
            out.lost[e.id] = lost
    return out


def plain(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(records: Mapping[str, tuple[str, int, Values]]) -> str:
    """The sum of the rows' hashes, from the rows themselves."""
    total = 0
    for id, (type, seq, values) in records.items():
        line = plain({"id": id, "seq": seq, "type": type, "values": values})
        total += int.from_bytes(hashlib.sha256(line).digest())
    return f"{total % (1 << 256):064x}"
