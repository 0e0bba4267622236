"""Pages of the records of one type. Read only."""

from __future__ import annotations

from typing import NamedTuple

from sync_server.service.base import Base
from sync_server.store import Stored

_ABOVE_ALL = 2**62


class Listed(NamedTuple):
    """Some records as they follow one another, voided ones among them. `before` and `after`: what to ask with for the
    page in front of this one and for the following one; None where there is none."""

    rows: list[Stored]
    before: int | None
    after: int | None


class Lists(Base):
    def listed(
        self, type: str, scope: str, newest: bool, after: int | None = None, before: int | None = None, limit: int = 50
    ) -> Listed:
        """Records of a type in a scope by seq, the last changed first or (`newest` false) last, at most `limit`: those
        that follow the seq `after`, or those in front of `before`. A page in front that would not be full is the first."""
        with self.store.reading() as tx:
            start = (_ABOVE_ALL if newest else 0) if after is None else after
            if before is not None:
                found = tx.records_beyond(type, scope, before, limit + 1, not newest)
                if len(found) >= limit:
                    rows = found[limit - 1 :: -1]
                    more = tx.records_beyond(type, scope, rows[-1].seq, 1, newest)
                    first = rows[0].seq if len(found) > limit else None
                    return Listed(rows, first, rows[-1].seq if more else None)
                start, after = _ABOVE_ALL if newest else 0, None
            found = tx.records_beyond(type, scope, start, limit + 1, newest)
            rows = found[:limit]
            earlier = bool(rows) and after is not None and tx.records_beyond(type, scope, rows[0].seq, 1, not newest)
        return Listed(rows, rows[0].seq if earlier else None, rows[-1].seq if len(found) > limit else None)
