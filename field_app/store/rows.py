"""What the store takes and gives: plain tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Values = dict[str, Any]
BATCH_BYTES = 4_000_000  # of lines in one push: signatures are large, and a slow network should get somewhere


class Edit(NamedTuple):
    """A record to finalize: all its values, not only the changed ones."""

    type: str
    record: str
    scope: str
    values: Values


class Batch(NamedTuple):
    """A run of the journal to push."""

    scope: str
    first: int
    prev: bytes
    links: list[bytes]
    ids: list[str]
    lines: list[bytes]
    left: int  # how many more wait after this batch
    enrolment: str  # whose chain it is of

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


class Seen(NamedTuple):
    """A record as this device sees it. state: accepted, pending, parked, rejected (see glossary)."""

    type: str
    id: str
    scope: str
    seq: int
    values: Values
    state: str


def values_of(record: Mapping[str, Any]) -> Values:
    """Wire values without what is empty."""
    return {k: v for k, v in record.items() if v not in (None, "", [])}
