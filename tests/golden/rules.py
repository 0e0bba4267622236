"""What may change in a record type once tablets of every age hold records of it. Pure; the files are `make`'s business.

Additive only: fields are never renamed, retyped or reused. Tablet and server ages differ by months.
"""

from __future__ import annotations

from typing import Any

Golden = dict[str, Any]  # {"types": {name: …}, "values": {name: …}, "codes": {list: [code]}}

_SAME = ("kind", "storage", "model", "ref", "codes", "atom", "merge", "pattern")
_FLOORS, _CEILINGS = ("ge", "min_length"), ("le", "decimals", "max_length")


def breaking(old: Golden, new: Golden) -> list[str]:
    """Every edit that would break records, tablets or servers of an earlier version. Empty = additions at the most."""
    out: list[str] = []
    for name, was in old["types"].items():
        now = new["types"].get(name)
        if now is None:
            out.append(f"{name}: type removed")
            continue
        for what in ("audience", "frozen"):
            if was[what] != now[what]:
                out.append(f"{name}: {what} {was[what]} → {now[what]}")
        out += [f"{name}: {role} may no longer write" for role in was["writers"] if role not in now["writers"]]
        out += _fields(name, was["fields"], now["fields"])
    for name, was in old["values"].items():
        if name in new["values"]:
            out += _fields(name, was, new["values"][name])
        else:
            out.append(f"{name}: value class removed")
    for name, was in old["codes"].items():
        gone = [c for c in was if c not in new["codes"].get(name, [])]
        out += [f"code list {name}: {code} removed" for code in gone]
    return out


def _fields(owner: str, old: Golden, new: Golden) -> list[str]:
    out: list[str] = []
    for name, was in old.items():
        if name in new:
            out += [f"{owner}.{name}: {fault}" for fault in _field(was, new[name])]
        else:
            out.append(f"{owner}.{name}: field removed")
    atoms = {f["atom"] for f in old.values()}
    for name in new.keys() - old.keys():
        if new[name]["required"]:
            out.append(f"{owner}.{name}: a new field is required")
        if new[name]["atom"] in atoms:
            out.append(
                f"{owner}.{name}: a new field joins the atom {new[name]['atom']}, which old tablets send without it"
            )
    return out


def _field(was: Golden, now: Golden) -> list[str]:
    out = [f"{k} {was.get(k)} → {now.get(k)}" for k in _SAME if was.get(k) != now.get(k)]
    if now["required"] and not was["required"]:
        out.append("now required")
    for limits, narrower in ((_FLOORS, lambda a, b: b > a), (_CEILINGS, lambda a, b: b < a)):
        for k in limits:
            a, b = was.get(k), now.get(k)
            if b is not None and (a is None or narrower(float(a), float(b))):
                out.append(f"{k} narrowed {a} → {b}")
    return out
