"""What records are called, looked up among the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.records import Record
from schemas.rules.reconcile import Facts
from schemas.shown import NAMES
from sync_server.console.record.called import called


class FactNames(Mapping[str, str]):
    """id → what a record is called, of everything the facts hold; looked for when asked."""

    def __init__(self, facts: Facts) -> None:
        self._records = facts.records
        self._known: dict[str, str] = {}

    def __getitem__(self, id: str) -> str:
        if id not in self._known:
            record = next((r for held in self._records.values() if (r := held.get(id)) is not None), None)
            if record is None:
                raise KeyError(id)
            own = (getattr(record, n, None) for n in NAMES)
            self._known[id] = next((str(v) for v in own if v), "")
        return self._known[id]

    def __iter__(self) -> Iterator[str]:
        return (id for held in self._records.values() for id in held)

    def __len__(self) -> int:
        return sum(len(held) for held in self._records.values())


def name_of(facts: Facts, names: Mapping[str, str], type: str, id: str, lang: str, beside: bool = False) -> str:
    """One line for a record; of one that is not here, its number's beginning."""
    record: Record | None = facts.records.get(type, {}).get(id)
    return called(type, id, record if record is not None else {}, names, lang, beside)
