"""Pages of the records of one type, and the whole of a list. Read only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sync_server.service.base import Base
from sync_server.store import Stored
from sync_server.store.lists import Clause, Key, Placed, Query

__all__ = ["Clause", "Key", "Listed", "Lists", "Page", "Query"]

MOST = 10_000  # rows that are counted; "more than" stands for the rest


class Listed(NamedTuple):
    """Some records by seq. `before` and `after`: what to ask with for the page in front of this one and for the following
    one; None where there is none."""

    rows: list[Stored]
    before: int | None
    after: int | None


class Page(NamedTuple):
    """Some records as they follow one another in an order; `before` and `after` as in Listed."""

    rows: list[Stored]
    before: Key | None
    after: Key | None


class Named(NamedTuple):
    """type → (0 exactly, 1 beginning so, 2 holding it; the record). `left`: types there was no time to look through."""

    found: dict[str, list[tuple[int, Stored]]]
    left: list[str]


class Lists(Base):
    def page(self, query: Query, after: Key | None = None, before: Key | None = None, limit: int = 50) -> Page:
        """At most `limit` records: those that follow the place `after`, or those in front of `before`. A page in front that
        would not be full is the first."""
        with self.store.reading() as tx:
            if before is not None:
                found = tx.list_page(query, before, limit + 1, back=True)
                if len(found) >= limit:
                    rows = found[limit - 1 :: -1]
                    more = tx.list_any(query, rows[-1].key, back=False)
                    return _page(rows, len(found) > limit, more)
                after = None
            found = tx.list_page(query, after, limit + 1)
            rows = found[:limit]
            earlier = bool(rows) and after is not None and tx.list_any(query, rows[0].key, back=True)
        return _page(rows, earlier, len(found) > limit)

    def listed(
        self, type: str, scope: str, newest: bool, after: int | None = None, before: int | None = None, limit: int = 50
    ) -> Listed:
        """The same by seq, the last changed first or (`newest` false) last; voided ones among them."""
        query = Query(type, scope, down=newest)
        first, last = (None if at is None else Key((at,)) for at in (before, after))
        page = self.page(query, last, first, limit)
        return Listed(page.rows, *(None if at is None else int(at.parts[0]) for at in (page.before, page.after)))

    def walk(self, query: Query, size: int = 500) -> Iterator[list[Stored]]:
        """The whole list in its order, `size` rows at a time, all of it as it was at one moment."""
        with self.store.reading() as tx:
            yield from tx.list_walk(query, size)

    def by_name(self, text: str, where: Sequence[tuple[str, Sequence[str]]], limit: int, seconds: float = 3) -> Named:
        """What is called so, of each (type, scopes) at most `limit`, exact ones first; looks no longer than about this long."""
        found: dict[str, list[tuple[int, Stored]]] = {}
        until, left = time.monotonic() + seconds, []
        with self.store.reading() as tx:
            for type, scopes in where:
                if time.monotonic() > until:
                    left.append(type)
                elif rows := tx.list_called(type, scopes, text, limit):
                    found[type] = rows
        return Named(found, left)

    def counted(self, query: Query, most: int = MOST) -> int:
        """How many records there are; `most` + 1 stands for more than that."""
        with self.store.reading() as tx:
            return tx.list_count(query, most)


def _page(rows: list[Placed], earlier: bool, more: bool) -> Page:
    before, after = rows[0].key if earlier else None, rows[-1].key if more else None
    return Page([r.row for r in rows], before, after)
