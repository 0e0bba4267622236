"""Settings by environment (JINGTU_…), with defaults that run."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sync_server.store.engine import room_on_disk, to_disk


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="JINGTU_")

    data: Path = Path("var/server")
    database_url: str | None = None  # None: SQLite in `data`
    host: str = "127.0.0.1"
    port: int = 8000
    access_minutes: int = 10
    refresh_days: int = 30
    max_blob_mb: int = Field(
        default=200, ge=1, le=200
    )  # of one photo or other file; the record types know no larger one
    upload_hours: int = Field(default=72, ge=1)  # how long an upload that was cut may be resumed
    uploads_per_person: int = Field(default=64, ge=1)  # that have not ended

    def url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data / 'server.db').absolute()}"

    def secret(self, name: str, make: object) -> bytes:
        """32 bytes kept in the data folder, made once, readable by the server's user only. Raises Trouble 1102."""
        path = self.data / name
        with room_on_disk():
            self.data.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                temp = path.with_suffix(f".{secrets.token_hex(8)}.new")
                try:
                    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    with os.fdopen(fd, "wb") as f:
                        f.write(make())  # type: ignore[operator]
                        f.flush()
                        os.fsync(f.fileno())
                    # of two processes that start at once one makes it: the other's must not take its place afterwards
                    with suppress(FileExistsError):
                        os.link(temp, path)
                finally:
                    temp.unlink(missing_ok=True)
                to_disk(self.data)  # what is signed with it must not outlive it
        return path.read_bytes()
