"""Statements about photos and other files: what is here, from whom, and what is on its way."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.engine import insert_new, listed
from sync_server.store.rows import BlobRow, SourceRow, UploadRow


class BlobStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    # --- what is here --------------------------------------------------------------------------------------------

    def blob(self, sha: str) -> BlobRow | None:
        row = self.conn.execute(_BLOB, {"sha": sha}).first()
        return BlobRow(*row) if row else None

    def blobs_named(self, shas: Iterable[str]) -> dict[str, BlobRow]:
        """hash → what is known of it, of those that are here."""
        these, given = listed(self.conn, set(shas))
        columns = ",".join(BlobRow._fields)
        rows = self.conn.exec_driver_sql(f"SELECT {columns} FROM blob WHERE sha256 IN {these}", (given,))
        return {row.sha256: row for row in map(BlobRow._make, rows.all())}

    def add_blob(self, row: BlobRow) -> bool:
        """False if it was here."""
        return insert_new(self.conn, t.blob, row._asdict())

    def blob_sources(self, sha: str) -> list[SourceRow]:
        """Who sent it, the first one first."""
        return [SourceRow(*row) for row in self.conn.execute(_SOURCES, {"sha": sha})]

    def add_blob_source(self, row: SourceRow) -> bool:
        """False if this person had sent it for this scope before."""
        return insert_new(self.conn, t.blob_source, row._asdict())

    def scopes_naming(self, sha: str) -> set[str]:
        """In which scopes an accepted photo record, voided or not, names this file."""
        return set(self.conn.execute(_NAMING, {"sha": sha}).scalars())

    def media_of(self, scope: str) -> tuple[int, int]:
        """How many files the accepted photo records of a scope name, and how many of them were sent for it."""
        row = self.conn.execute(_MEDIA, {"scope_id": scope}).one()
        return int(row[0]), int(row[1])

    def blobs_unread(self, limit: int) -> list[str]:
        """Pictures of which nobody has read yet what they say of themselves, in the order they came."""
        c = t.blob.c
        query = (
            select(c.sha256).where(c.exif.is_(None), c.kind != "other").order_by(c.received_at, c.sha256).limit(limit)
        )
        return list(self.conn.execute(query).scalars())

    def set_exif(self, sha: str, exif: str) -> None:
        self.conn.execute(update(t.blob).where(t.blob.c.sha256 == sha).values(exif=exif))

    # --- what is on its way --------------------------------------------------------------------------------------

    def add_upload(self, row: UploadRow) -> None:
        self.conn.execute(insert(t.upload), row._asdict())

    def upload(self, id: str) -> UploadRow | None:
        row = self.conn.execute(_UPLOAD, {"upload_id": id}).first()
        return UploadRow(*row) if row else None

    def uploads(self) -> list[UploadRow]:
        return [UploadRow(*row) for row in self.conn.execute(select(t.upload).order_by(t.upload.c.id))]

    def uploads_of(self, person: str, now: int) -> int:
        """How many of a person's have not ended."""
        c = t.upload.c
        query = select(func.count()).select_from(t.upload).where(c.person == person, c.expires_at > now)
        return int(self.conn.execute(query).scalar_one())

    def uploads_ended(self, now: int) -> list[str]:
        c = t.upload.c
        return list(self.conn.execute(select(c.id).where(c.expires_at <= now).order_by(c.id)).scalars())

    def move_upload(self, id: str, stands_at: int, expires_at: int) -> None:
        self.conn.execute(_MOVE, {"upload_id": id, "now_at": stands_at, "until": expires_at})

    def drop_upload(self, id: str) -> bool:
        """False if it was gone."""
        return self.conn.execute(_DROP, {"upload_id": id}).rowcount == 1


_PHOTO = TABLES["photo"].c
_BLOB = select(t.blob).where(t.blob.c.sha256 == bindparam("sha"))
_SOURCES = (
    select(t.blob_source)
    .where(t.blob_source.c.sha256 == bindparam("sha"))
    .order_by(t.blob_source.c.received_at, t.blob_source.c.scope, t.blob_source.c.person)
)
_NAMING = select(_PHOTO.scope).where(_PHOTO.sha256 == bindparam("sha")).distinct()
_MEDIA = (
    select(func.count(_PHOTO.sha256.distinct()), func.count(t.blob_source.c.sha256.distinct()))
    .select_from(TABLES["photo"].outerjoin(
        t.blob_source, (t.blob_source.c.sha256 == _PHOTO.sha256) & (t.blob_source.c.scope == _PHOTO.scope)
    ))
    .where(_PHOTO.scope == bindparam("scope_id"))
)  # fmt: skip
_UPLOAD = select(t.upload).where(t.upload.c.id == bindparam("upload_id"))
_MOVE = (
    update(t.upload)
    .where(t.upload.c.id == bindparam("upload_id"))
    .values(stands_at=bindparam("now_at"), expires_at=bindparam("until"))
)
_DROP = delete(t.upload).where(t.upload.c.id == bindparam("upload_id"))
