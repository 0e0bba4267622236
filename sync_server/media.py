"""How many of a project's photos are here, and whose are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from schemas.records.photo import Photo
from schemas.rules.reconcile import Facts
from sync_server.store import Tx


class Owing(NamedTuple):
    """A device, and how many photos it recorded have not come; `device` empty: no tablet recorded them."""

    device: str
    code: str
    photos: int


class Media(NamedTuple):
    here: int
    named: int  # files that photo records name which count
    owing: tuple[Owing, ...] = ()  # the most first


def absent(facts: Facts) -> dict[str, str]:
    """hash → a photo record that names it, of files that have not come."""
    stored = facts.stored_blobs or frozenset()
    return {p.sha256: p.id for p in facts.alive(Photo) if p.sha256 not in stored}


def media_of(facts: Facts, tx: Tx, known: Mapping[str, str]) -> tuple[Media, dict[str, str]]:
    """`known`: record → enrolment that made it, as far as it was asked before; the same of the photos that are absent now."""
    missing = absent(facts)
    named = len({p.sha256 for p in facts.alive(Photo)})
    makers = {r: known[r] for r in missing.values() if r in known}
    makers |= tx.makers_of([r for r in missing.values() if r not in makers]) if len(makers) < len(missing) else {}
    if not missing:
        return Media(named, named), {}
    keys = {k.enrolment: k for k in tx.device_keys()}
    counted: Counter[tuple[str, str]] = Counter()
    for record in missing.values():
        key = keys.get(makers.get(record, ""))
        counted[(key.device, key.device_code) if key else ("", "")] += 1
    owing = [Owing(device, code, n) for (device, code), n in counted.items()]
    return Media(named - len(missing), named, tuple(sorted(owing, key=lambda o: (-o.photos, o.code)))), makers
