"""Statements about photos as a whole: what a backup takes along, what the doctor compares, what has come of a scope's photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, func, inspect, select

from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.engine import listed

PAGE = 5000


class MediaStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def blob_hashes(self) -> list[str]:
        """Of every file that is here, ascending; none in a database of before there were any."""
        if not inspect(self.conn).has_table("blob"):
            return []
        return list(self.conn.execute(select(t.blob.c.sha256).order_by(t.blob.c.sha256)).scalars())

    def photos_named(self) -> Iterator[tuple[str, str]]:
        """(scope, hash) of every photo record, voided ones among them, without repeating any."""
        last = ("", "")
        while True:
            found = self.conn.execute(_NAMED, {"scope_id": last[0], "sha": last[1], "top": PAGE}).all()
            yield from ((row.scope, row.sha256) for row in found)
            if len(found) < PAGE:
                return
            last = (found[-1].scope, found[-1].sha256)

    def media_count(self, scope: str) -> int:
        """Another number when another file was sent for this scope."""
        return int(self.conn.execute(_COUNT, {"scope_id": scope}).scalar_one())

    def media_here(self, scope: str) -> frozenset[str]:
        """Hashes of the files that were sent for this scope."""
        return frozenset(self.conn.execute(_HERE, {"scope_id": scope}).scalars())

    def makers_of(self, records: Iterable[str]) -> dict[str, str]:
        """record → the enrolment whose change made it."""
        these, given = listed(self.conn, records)
        rows = self.conn.exec_driver_sql(
            f"SELECT record, enrolment FROM journal WHERE record IN {these} AND seq IS NOT NULL ORDER BY seq DESC",
            (given,),
        )
        return {record: enrolment for record, enrolment in rows.all()}


_PHOTO = TABLES["photo"].c
_NAMED = (
    select(_PHOTO.scope, _PHOTO.sha256)
    .distinct()
    .where(_PHOTO.sha256.is_not(None))
    .where((_PHOTO.scope > bindparam("scope_id")) | ((_PHOTO.scope == bindparam("scope_id")) & (_PHOTO.sha256 > bindparam("sha"))))
    .order_by(_PHOTO.scope, _PHOTO.sha256)
    .limit(bindparam("top"))
)  # fmt: skip
_OF = t.blob_source.c.scope == bindparam("scope_id")
_COUNT = select(func.count()).select_from(t.blob_source).where(_OF)
_HERE = select(t.blob_source.c.sha256).where(_OF).distinct()
