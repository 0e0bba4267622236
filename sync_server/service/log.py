"""The audit log as it is read: page by page, with the names of what its lines are about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sync_server.service.base import Base
from sync_server.service.waiting import named
from sync_server.store import Noted, Sought

NAMED = 200  # people whose name has the words that are sought; more are not looked for by name


class Called(NamedTuple):
    """A record a line is about."""

    type: str
    name: str
    owner: str  # its project, or the organisation


class LogPage(NamedTuple):
    """`older`, `newer`: what to go on with in either direction, None where there is nothing."""

    lines: list[Noted]
    older: int | None
    newer: int | None


class Logs(Base):
    def log_page(self, sought: Sought, before: int | None, after: int | None, size: int) -> LogPage:
        """Older than line `before`, or newer than line `after`; without both the newest."""
        with self.store.reading() as tx:
            if after is not None:
                found = tx.log_page(sought, after, size + 1, down=False)
                further, lines = len(found) > size, found[-size:]
                older, newer = (lines[-1].n if lines else None), (lines[0].n if further else None)
                return LogPage(lines, older, newer)
            found = tx.log_page(sought, before, size + 1)
            lines = found[:size]
            newer = lines[0].n if before is not None and lines else None
            return LogPage(lines, lines[-1].n if len(found) > size else None, newer)

    def log_end(self) -> int:
        """Every line that is noted from now on stands at this place or behind it."""
        with self.store.reading() as tx:
            return next((x.n + 1 for x in tx.log_page(Sought(), None, 1)), 0)

    def log_lines(self, sought: Sought, before: int, size: int = 500) -> Iterator[list[Noted]]:
        """All of them in front of a place, the newest first, a page at a time."""
        n = before
        while True:
            with self.store.reading() as tx:
                lines = tx.log_page(sought, n, size)
            if lines:
                yield lines
            if len(lines) < size:
                return
            n = lines[-1].n

    def log_actions(self, owner: str | None = None) -> list[str]:
        with self.store.reading() as tx:
            return tx.log_actions(owner)

    def called(self, ids: Collection[str], scopes: Collection[str] | None = None) -> dict[str, Called]:
        """What these records are called, of those that are in these scopes (None: in any)."""
        with self.store.reading() as tx:
            where = {i: w for i, w in tx.types_of(ids).items() if scopes is None or w[1] in scopes}
            by_type: dict[str, list[str]] = {}
            for id, (type, _) in where.items():
                by_type.setdefault(type, []).append(id)
            return {
                s.id: Called(type, named(type, s.values), s.scope.rpartition(".")[0])
                for type, of_type in by_type.items()
                for s in tx.load(type, of_type)
            }

    def people_called(self, words: str) -> list[str]:
        """Ids of people whose name or user name has these words."""
        sought = words.casefold()
        with self.store.reading() as tx:
            by_name = [
                s.id for s in tx.of_scope("person", f"{self.home(tx)}.organisation")
                if sought in str(s.values.get("name", "")).casefold()
            ]  # fmt: skip
            by_user = [a["person"] for a in tx.accounts() if sought in str(a["username"]).casefold()]
        return list(dict.fromkeys([*by_name, *by_user]))[:NAMED]
