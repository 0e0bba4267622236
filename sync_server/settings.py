"""Settings by environment (JINGTU_…), with defaults that run."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sync_server.store.engine import room_on_disk, to_disk


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="JINGTU_")

    data: Path = Path("var/server")
    database_url: str | None = None  # None: SQLite in `data`
    host: str = "127.0.0.1"
    port: int = 8000
    # which reverse proxies are believed when they say that a request came over https, and from where: addresses or networks,
    # parted by commas; "*": whoever connects, for a server that nothing but the proxy can reach
    forwarded_allow_ips: str = "127.0.0.1,::1"
    access_minutes: int = 10
    refresh_days: int = 30
    max_blob_mb: int = Field(
        default=200, ge=1, le=200
    )  # of one photo or other file; the record types know no larger one
    upload_hours: int = Field(default=72, ge=1)  # how long an upload that was cut may be resumed
    uploads_per_person: int = Field(default=64, ge=1)  # that have not ended
    tianditu_key: SecretStr | None = None  # without it the map has no base map; only the server ever sees it
    tianditu_url: str = "https://t{n}.tianditu.gov.cn"  # {n}: one of t0 … t7; another address of the same service
    tianditu_note: str = ""  # the map approval number (审图号) that goes with the base map, as its maker asks

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _addresses(cls, value: str) -> str:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        for part in parts:
            if part != "*":
                ip_network(part)  # raises ValueError with the part that is none
        return ",".join(parts)

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
