"""What other records are called, and of which type they are: out of the facts, and what these do not have yet out of the store."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.records import Record
from schemas.rules.reconcile import Facts
from sync_server.console.record.called import called
from sync_server.store import Stored


class Known:
    """`names.get(id)` and `types.get(id)` of every record the reader may see. `more`: records that came in since the facts
    were read; `names`: of what is no record yet."""

    def __init__(self, facts: Facts, more: Mapping[str, Stored], names: Mapping[str, str], lang: str) -> None:
        self._facts, self._more, self._lang = facts, more, lang
        self._names: dict[str, str] = dict(names)
        self.names, self.types = _Asked(self.name), _Asked(self.type)

    def type(self, id: str) -> str:
        if id in self._more:
            return self._more[id].type
        found = self._find(id)
        return found[0] if found else ""

    def name(self, id: str) -> str:
        if id not in self._names:
            self._names[id] = ""  # a ring of records that refer to each other ends here
            fresh, found = self._more.get(id), self._find(id)
            if fresh is not None:
                self._names[id] = called(fresh.type, id, fresh.values, self.names, self._lang)
            elif found is not None:
                self._names[id] = called(found[0], id, found[1], self.names, self._lang)
        return self._names[id]

    def _find(self, id: str) -> tuple[str, Record] | None:
        return next(((type, rows[id]) for type, rows in self._facts.records.items() if id in rows), None)


class _Asked(Mapping[str, str]):
    """Looks like a dict; answers by asking."""

    def __init__(self, ask: object) -> None:
        self._ask = ask

    def __getitem__(self, id: str) -> str:
        found: str = self._ask(id)  # type: ignore[operator]
        if not found:
            raise KeyError(id)
        return found

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(())

    def __len__(self) -> int:
        return 0
