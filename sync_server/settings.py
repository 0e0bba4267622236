"""Settings by environment (JINGTU_…), with defaults that run."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="JINGTU_")

    data: Path = Path("var/server")
    database_url: str | None = None  # None: SQLite in `data`
    host: str = "127.0.0.1"
    port: int = 8000
    access_minutes: int = 10
    refresh_days: int = 30

    def url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data / 'server.db').absolute()}"

    def secret(self, name: str, make: object) -> bytes:
        """32 bytes kept in the data folder, made once, readable by the server's user only."""
        self.data.mkdir(parents=True, exist_ok=True)
        path = self.data / name
        if not path.exists():
            temp = path.with_suffix(".new")
            fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "wb") as f:
                f.write(make())  # type: ignore[operator]
                f.flush()
                os.fsync(f.fileno())
            os.replace(temp, path)
        return path.read_bytes()
