"""All records of one type in one scope, held as they lie: a text each, opened when it is asked for. A hundred thousand
cost tens of megabytes and a second, and what was written since costs only itself (`newer`).

What is held does not change: a newer look makes another shelf.
"""

from __future__ import annotations

import copy
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import msgspec

from field_app.store.base import quoted
from field_app.store.lists import LISTED, Lists
from field_app.store.rows import Seen
from schemas.rows import codec

_open = msgspec.json.Decoder().decode  # of what SQLite's json_array wrote


class Shelf(Mapping[str, Seen]):
    """id → record, base and overlay together, voided ones left out."""

    def __init__(self, type: str, scope: str, texts: dict[str, str], over: dict[str, Seen | None], top: int) -> None:
        """`over`: records with changes ahead, None where one of them voids it. `top`: the highest seq among all rows."""
        self.type, self.scope, self.top = type, scope, top
        self.texts, self.over = texts, over

    def __getitem__(self, id: str) -> Seen:
        if id in self.over:
            seen = self.over[id]
            if seen is None:
                raise KeyError(id)
            return seen
        return self._seen(self.texts[id])

    def _seen(self, text: str) -> Seen:
        row = _open(text)
        return Seen(self.type, row[0], row[1], row[2], codec(self.type).from_row(row), "accepted")

    def __contains__(self, id: object) -> bool:
        return self.over[id] is not None if id in self.over else id in self.texts  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        yield from (i for i in self.texts if i not in self.over)
        yield from (i for i, seen in self.over.items() if seen is not None)

    def __len__(self) -> int:
        here = sum(seen is not None for seen in self.over.values())
        return len(self.texts) + here - sum(i in self.texts for i in self.over)

    def each(self) -> Iterator[Seen]:
        """All of them, each opened once."""
        yield from (self._seen(text) for i, text in self.texts.items() if i not in self.over)
        yield from (seen for seen in self.over.values() if seen is not None)

    def pick(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """(id, value, …) of all, without opening more of them than these fields."""
        places = [codec(self.type).columns.index(name) for name in names]
        lists = [n for n in places if codec(self.type).is_json(n)]
        opened: dict[str, Any] = {}  # few different lists stand in many records
        for id, text in self.texts.items():
            if id in self.over:
                continue
            row = _open(text)
            for n in lists:
                if (cell := row[n]) is not None:
                    if cell not in opened:
                        opened[cell] = _open(cell)
                    row[n] = opened[cell]
            yield id, *[row[n] for n in places]
        yield from ((i, *map(seen.values.get, names)) for i, seen in self.over.items() if seen is not None)


class Shelves(Lists):
    @contextmanager
    def looking(self) -> Iterator[Self]:
        """The store as it is at this moment, on a connection of its own that cannot write: nobody who writes waits for a
        long look, and what is written meanwhile is not in it."""
        db = self._second()
        if db is None:  # alone with its file on a full device
            yield self
            return
        other = copy.copy(self)
        other._db, other._lock = db, threading.RLock()
        try:
            yield other
        finally:
            db.close()

    def _second(self) -> sqlite3.Connection | None:
        try:
            uri = f"{(self.folder / 'tablet.db').resolve().as_uri()}?mode=ro"
            db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=0)
        except sqlite3.OperationalError:
            return None
        try:
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM meta LIMIT 1").fetchone()  # from here on it is one moment
        except sqlite3.OperationalError:
            db.close()
            return None
        return db

    def version(self, scope: str) -> str:
        """Changes with the person and whenever a scope is pulled anew; while it does not, `newer` can be believed."""
        with self._lock:
            refreshing = self._db.execute("SELECT refreshing FROM scope WHERE id=?", (scope,)).fetchone() or (0,)
        return json.dumps([self._person(), scope, self.meta("epoch"), self.meta("pulled_anew"), refreshing[0]])

    def shelf(self, type: str, scope: str, **equal: Any) -> Shelf:
        """All records of the type whose fields equal what is given; of a scope the person does not read, own ones."""
        where, args = _equal(equal)
        sql = f'SELECT id,{_text(type)} FROM "{type}" WHERE scope=?{where} AND coalesce(deleted,0)=0 ORDER BY id'
        with self._lock:
            texts = {} if scope in self._hidden() else dict(self._db.execute(sql, (scope, *args)).fetchall())
            return Shelf(type, scope, texts, self._over(type, scope, equal), self._top(type, scope))

    def newer(self, shelf: Shelf, **equal: Any) -> tuple[Shelf, set[str]]:
        """The shelf as it would be read now, and the ids of what differs. Only within one `version`."""
        type, scope = shelf.type, shelf.scope
        where, args = _equal(equal)
        sql = f'SELECT id,{_text(type)},coalesce(deleted,0) FROM "{type}" WHERE scope=? AND seq>?{where}'
        with self._lock:
            rows = [] if scope in self._hidden() else self._db.execute(sql, (scope, shelf.top, *args)).fetchall()
            over, top = self._over(type, scope, equal), self._top(type, scope)
        texts = dict(shelf.texts) if rows else shelf.texts
        for id, text, deleted in rows:
            texts[id] = text
            if deleted:
                del texts[id]
        nothing = object()
        changed = {id for id, *_ in rows}
        changed |= {i for i in over.keys() | shelf.over.keys() if over.get(i, nothing) != shelf.over.get(i, nothing)}
        return Shelf(type, scope, texts, over, top), changed

    def _top(self, type: str, scope: str) -> int:
        return int(self._db.execute(f'SELECT coalesce(max(seq),0) FROM "{type}" WHERE scope=?', (scope,)).fetchone()[0])

    def _over(self, type: str, scope: str, equal: Mapping[str, Any]) -> dict[str, Seen | None]:
        sql = "SELECT record,vals FROM overlay WHERE type=? AND scope=? ORDER BY record"
        overs = [(record, scope, vals) for record, vals in self._db.execute(sql, (type, scope))]
        found = [(record, json.loads(vals)) for record, _, vals in self._shown(overs, self._hidden())]
        states = self._states(f"a.record IN {LISTED}", json.dumps([r for r, _ in found])) if found else {}
        out: dict[str, Seen | None] = {}
        for record, values in found:
            shown = not values.get("deleted") and all(values.get(k) == v for k, v in equal.items())
            out[record] = Seen(type, record, scope, 0, values, states.get(record, "pending")) if shown else None
        return out


def _equal(equal: Mapping[str, Any]) -> tuple[str, list[Any]]:
    return "".join(f' AND "{name}"=?' for name in equal), list(equal.values())


def _text(type: str) -> str:
    """A whole row as one text: a tuple of cells, most of them empty, takes three times the memory."""
    return f"json_array({','.join(quoted(codec(type).columns))})"
