"""What waits for a person: parked changes, what a restore lost, devices whose chain does not fit. Read only."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.records import TYPES
from schemas.wire import ACCEPTED, Outcome
from sync_server.service.base import Base
from sync_server.store import Chained, DeviceKey, Journaled, Tx, Values


class Parked(NamedTuple):
    """A change that waits."""

    line: Journaled
    missing: list[str]  # "type:id", "right:person:owner", "device:enrolment"
    zh: str
    en: str
    key: DeviceKey | None
    decision: Mapping[str, Any] | None  # accepted already, waits for something else
    n: int = 0  # its place in the order they came, to go on from


class Unexplained(NamedTuple):
    """A record as a tablet had seen it, where nothing that is here explains it."""

    type: str
    record: str
    scope: str
    lost: Values  # the fields as seen
    now: Values | None  # the record today; None = it is not here
    seq: int
    epoch: str
    device_code: str
    received_at: str


class Apart(NamedTuple):
    """A device with a second chain, or one that broke somewhere."""

    at: Chained
    key: DeviceKey | None
    forked: bool

    @property
    def open(self) -> bool:
        """A second chain asks for something until that enrolment is revoked; a broken place is only to be known."""
        return self.forked and self.key is not None and self.key.state == "enrolled"


class Count(NamedTuple):
    held: int  # parked changes a person must decide about
    linking: int  # parked changes that go in by themselves
    lost: int
    forks: int

    @property
    def asks(self) -> int:
        return self.held + self.lost + self.forks


class Waiting(Base):
    def parked(self, scope_id: str) -> list[Parked]:
        """Changes of a scope that wait, the oldest first, each with what it waits for and whose it is."""
        with self.store.reading() as tx:
            return self._told(tx, [(0, j) for j in tx.parked(scope_id)])

    def parked_page(self, scopes: Sequence[str], held: bool, after: int, limit: int) -> list[Parked]:
        """One page of them; `held`: those a person must decide about, else those that go in by themselves."""
        with self.store.reading() as tx:
            return self._told(tx, tx.parked_page(scopes, held, after, limit))

    def _told(self, tx: Tx, rows: Sequence[tuple[int, Journaled]]) -> list[Parked]:
        keys = {k.enrolment: k for k in tx.device_keys()}
        decided = tx.decisions([j.id for _, j in rows])
        out = []
        for n, j in rows:
            told = json.loads(j.detail or "{}")
            out.append(
                Parked(j, told.get("missing", []), told.get("zh", ""), told.get("en", ""), keys.get(j.enrolment),
                       decided.get(j.id), n)
            )  # fmt: skip
        return out

    def unexplained(self, scope_id: str) -> list[Unexplained]:
        """What tablets had seen before a restore and nothing here explains: mostly what was written on the server itself after
        the backup. A record of which two epochs knew different versions is there twice, the later epoch's last. A field that
        was emptied is there as None. Left out is what stands in the record now, what waits in a parked change, and what a
        change taken since the restore started from or led to: who made it knew that value."""
        with self.store.reading() as tx:
            return self._unexplained(tx, scope_id)

    def _unexplained(self, tx: Tx, scope_id: str) -> list[Unexplained]:
        rows = tx.seen_rows(scope_id)
        if not rows:
            return []
        keys = {k.enrolment: k.device_code for k in tx.device_keys()}
        ids = [row["record"] for row in rows]
        where = tx.types_of(ids)
        here = self._stored(tx, [i for i in ids if where.get(i, ("", ""))[1] == scope_id])
        histories = tx.histories(ids)
        common = {epoch: self.since(tx, epoch).get(scope_id, 0) for epoch in {row["epoch"] for row in rows}}
        out = []
        for row in rows:
            if where.get(row["record"], (row["type"], scope_id)) != (row["type"], scope_id):
                continue  # that id is a record somewhere else, which is nobody's business here
            seen, now = canonical.loads(row["line"])["values"], here.get(row["record"])
            said: dict[str, list[Any]] = {}
            for j in histories.get(row["record"], []):
                waits = j.outcome == Outcome.PARKED
                if j.scope == scope_id and (waits or (j.outcome in ACCEPTED and (j.seq or 0) > common[row["epoch"]])):
                    for name, before, after in _steps(j):
                        # who filled in a field since then decided against leaving it empty
                        said.setdefault(name, []).extend([after] if waits else [before, after, None])
            differs = {k: seen.get(k) for k in (*seen, *(now or {})) if (now or {}).get(k) != seen.get(k)}
            lost = {k: v for k, v in differs.items() if v not in said.get(k, [])}
            if lost:
                out.append(Unexplained(row["type"], row["record"], scope_id, lost, now, row["seq"], row["epoch"],
                                       keys.get(row["enrolment"], ""), row["received_at"]))  # fmt: skip
        return out

    def apart(self, scopes: Sequence[str], after: tuple[str, str] = ("", ""), limit: int = 1000) -> list[Apart]:
        """Devices of these scopes with a second chain or a broken one, by (enrolment, scope); those with a second chain
        stand first for the same device."""
        with self.store.reading() as tx:
            keys = {k.enrolment: k for k in tx.device_keys()}
            found = [Apart(c, keys.get(c.enrolment), True) for c in tx.forks(scopes, after, limit)]
            found += [Apart(c, keys.get(c.enrolment), False) for c in tx.unproven(scopes, after, limit)]
        return sorted(found, key=lambda a: (a.at.enrolment, a.at.scope, not a.forked))

    def waiting_count(self, scopes: Sequence[str]) -> Count:
        with self.store.reading() as tx:
            lost = sum(len(self._unexplained(tx, s)) for s in scopes)
            held, linking = (tx.parked_count(scopes, held) for held in (True, False))
        return Count(held, linking, lost, sum(a.open for a in self.apart(scopes)))

    def names_of(self, ids: Collection[str], scopes: Collection[str]) -> dict[str, str]:
        """How people call these records: a code, a name, a number. Only of records in these scopes, and of such as a
        parked change would make there."""
        with self.store.reading() as tx:
            where = tx.types_of(ids)
            here = self._stored(tx, [i for i in ids if i in where and where[i][1] in scopes])
            out = {i: name for i, values in here.items() if (name := named(where[i][0], values))}
            for record, lines in tx.histories([i for i in ids if i not in where]).items():
                made = next((j for j in lines if j.outcome == "parked" and j.scope in scopes), None)
                if made and (name := named(made.type, _after(made))):
                    out[record] = name
        return out

    def _stored(self, tx: Tx, ids: Iterable[str]) -> dict[str, Values]:
        by_type: dict[str, list[str]] = {}
        for id, (type, _) in tx.types_of(ids).items():
            by_type.setdefault(type, []).append(id)
        return {s.id: s.values for type, of_type in by_type.items() for s in tx.load(type, of_type)}


def _after(j: Journaled) -> Values:
    try:
        return change.decode(j.line).after
    except NotCanonical:
        return {}


def _steps(j: Journaled) -> list[tuple[str, Any, Any]]:
    """(field, before, after)"""
    try:
        c = change.decode(j.line)
    except NotCanonical:
        return []
    return [(name, c.before.get(name), value) for name, value in c.after.items()]


def named(type: str, values: Mapping[str, Any]) -> str:
    """How people call a record: a code, a name, a number; "" where it has none."""
    key = TYPES[type].about.key if type in TYPES else ()
    said = [values.get(k) for k in (*key, "code", "name", "number", "title")]
    if type == "device":
        return f"{values.get('code', '')} {values.get('label', '')}".strip()
    return next((v for v in said if isinstance(v, str) and v), "")
