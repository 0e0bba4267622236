"""Where records lie: by their own position, or by that of what they belong to. Read only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sync_server.export.features import LEADING, place_of
from sync_server.service.base import Base
from sync_server.store import Stored, Tx, Values

AT_ONCE = 500  # rows read between two looks at what was found
MOST_READ = 20_000  # rows one request looks at, however few of them fit
STEPS = 5  # container → sample → borehole → point → planned point


T = TypeVar("T")


class Located(NamedTuple):
    """A record and its place: a position or polygon as it stands in a record, or None. `own`: it is the record's; of what it
    belongs to only a position counts, never a whole site."""

    row: Stored
    at: Mapping[str, Any] | None
    own: bool


class Found(NamedTuple):
    rows: list[Located]
    after: int | None  # where to go on; None: that was all


def _up(values: Values) -> list[str]:
    return [id for name in LEADING if isinstance(id := values.get(name), str)]


def _position(type: str, values: Values) -> Mapping[str, Any] | None:
    at = place_of(type, values)
    return None if at is None or "rings" in at else at


class Places(Base):
    def located(self, type: str, rows: Sequence[Stored], scopes: Collection[str]) -> list[Located]:
        """These records with their places, the places of others only out of these scopes."""
        with self.store.reading() as tx:
            return self._located(tx, type, rows, scopes)

    def _located(self, tx: Tx, type: str, rows: Sequence[Stored], scopes: Collection[str]) -> list[Located]:
        own = {r.id: at for r in rows if (at := place_of(type, r.values)) is not None}
        above = self._above(tx, [r for r in rows if r.id not in own], scopes, _position)
        return [Located(r, own.get(r.id) or above.get(r.id), r.id in own) for r in rows]

    @staticmethod
    def _above(
        tx: Tx, rows: Sequence[Stored], scopes: Collection[str], told: Callable[[str, Values], T | None]
    ) -> dict[str, T]:
        """Record → what the nearest it belongs to tells, `told(type, values)`, as far as that lies in these scopes."""
        out: dict[str, T] = {}
        todo = {r.id: _up(r.values) for r in rows}  # what it may still be found by, the nearest first
        known: dict[str, tuple[str, Values]] = {}
        for _ in range(STEPS):
            wanted = {id for ids in todo.values() for id in ids} - known.keys()
            if not wanted:
                break
            where = {id: t for id, t in tx.types_of(wanted).items() if t[1] in scopes}
            by_type: dict[str, list[str]] = {}
            for id, (kind, _scope) in where.items():
                by_type.setdefault(kind, []).append(id)
            for kind, ids in by_type.items():
                known |= {s.id: (kind, s.values) for s in tx.load(kind, ids)}
            for row, ids in list(todo.items()):
                found = next((t for id in ids if id in known and (t := told(*known[id])) is not None), None)
                if found is not None:
                    out[row] = found
                    del todo[row]
                else:
                    todo[row] = [up for id in ids if id in known for up in _up(known[id][1])]
        return out

    def record_in(self, type: str, id: str, scopes: Collection[str]) -> Stored | None:
        """One record, if it is of this type, in one of these scopes and not voided."""
        with self.store.reading() as tx:
            where = tx.types_of([id]).get(id)
            if where is None or where[0] != type or where[1] not in scopes:
                return None
            found = tx.load(type, [id])
        return found[0] if found and not found[0].values.get("deleted") else None

    def features(
        self, type: str, scope: str, after: int, limit: int, scopes: Collection[str],
        fits: Callable[[Located], bool],
    ) -> Found:  # fmt: skip
        """Records of a type by seq from `after` on that are not voided and that `fits(located)`, at most `limit`. Stops after
        MOST_READ rows with a place to go on from, so that no request takes for ever."""
        found: list[Located] = []
        read = 0
        with self.store.reading() as tx:
            while read < MOST_READ:
                rows = tx.records_beyond(type, scope, after, AT_ONCE, False)
                for one in self._located(tx, type, [r for r in rows if not r.values.get("deleted")], scopes):
                    if fits(one):
                        if len(found) == limit:
                            return Found(found, found[-1].row.seq)
                        found.append(one)
                read += len(rows)
                if len(rows) < AT_ONCE:
                    return Found(found, None)
                after = rows[-1].seq
        return Found(found, after)
