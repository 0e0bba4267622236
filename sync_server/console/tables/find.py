"""What is found by its name across all types one may read. Pure but for the question it asks the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.fields import Audience, fields_of
from schemas.records import TYPES
from schemas.rows import refs_of
from schemas.shown import fact_fields
from schemas.wire import ScopeGrant
from sync_server.console.parts import Sign
from sync_server.console.said import text_of, type_words
from sync_server.console.tables.asked import LONGEST, ORDER
from sync_server.console.words import words
from sync_server.service import Service
from sync_server.store import Stored
from sync_server.store.lists import called_by

SHOWN = 10  # of each type
FIRST = ("planned_point", "point", "sample", "sample_container", "manifest", "person", "instrument", "vehicle")


class Hit(NamedTuple):
    """One record: where its page is, what it is called (with what else it goes by), what tells it from others."""

    path: str
    name: str
    facts: str
    signs: list[Sign]
    exact: bool


class Hits(NamedTuple):
    type: str
    what: str
    hits: list[Hit]
    more: bool


class Found(NamedTuple):
    """`only`: the one record that is called exactly so, as type/id, or ""; `left`: types there was no time for."""

    groups: list[Hits]
    only: str
    total: int
    left: list[str]


def clean(text: str) -> str:
    """What can be looked for; "" where there is nothing."""
    kept = "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff")
    return " ".join(kept.split())[:LONGEST]


def _where(scopes: Sequence[ScopeGrant]) -> list[tuple[str, list[str]]]:
    """Every type one may read that goes by a name, with the scopes it lies in."""
    out = []
    for type, cls in TYPES.items():
        audiences = [a.value for a in ORDER] if cls.about.audience is Audience.SUBJECT else [cls.about.audience.value]
        here = [s.scope for s in scopes if s.audience in audiences]
        if here and called_by(type):
            out.append((type, here))
    return sorted(out, key=lambda x: (FIRST.index(x[0]) if x[0] in FIRST else len(FIRST), x[0]))


def find(service: Service, text: str, scopes: Sequence[ScopeGrant], lang: str, now: datetime) -> Found:
    told = service.by_name(text, _where(scopes), SHOWN + 1)
    rows = [r for of_type in told.found.values() for _, r in of_type[:SHOWN]]
    names = service.names_of({id for r in rows for _, id in refs_of(r.type, r.values)}, [s.scope for s in scopes])
    groups = []
    for type, of_type in told.found.items():
        hits = [_hit(r, rank == 0, names, lang, now) for rank, r in of_type[:SHOWN]]
        groups.append(Hits(type, type_words(type, lang), hits, len(of_type) > SHOWN))
    groups.sort(key=lambda g: not any(h.exact for h in g.hits))
    exact = [r for of_type in told.found.values() for rank, r in of_type if rank == 0 and not r.values.get("deleted")]
    only = f"{exact[0].type}/{exact[0].id}" if len(exact) == 1 and not told.left else ""
    return Found(groups, only, sum(len(g.hits) for g in groups), [type_words(t, lang) for t in told.left])


def _hit(r: Stored, exact: bool, names: Mapping[str, str], lang: str, now: datetime) -> Hit:
    known = fields_of(TYPES[r.type])
    called = [str(r.values[n]) for n in called_by(r.type) if r.values.get(n)]
    facts = [text_of(known[n], r.values[n], names, lang, now) for n in fact_fields(r.type) if r.values.get(n)]
    signs = [Sign("block", "alert", words(lang)("voided"))] if r.values.get("deleted") else []
    return Hit(f"{r.type}/{r.id}", " · ".join(called), " · ".join(f for f in facts if f not in called), signs, exact)
