"""The process that dies while it brings a database up to date."""

from __future__ import annotations

import os
from pathlib import Path

from field_app.store import Store
from sync_server.main import build
from sync_server.settings import Settings


def tablet(folder: str) -> None:
    os.write(1, b"begin\n")
    Store(Path(folder))
    os.write(1, b"open\n")
    os._exit(0)  # closing would write the log back into the file, which is not the matter here


def server(folder: str) -> None:
    os.write(1, b"begin\n")
    build(Settings(data=Path(folder)))
    os.write(1, b"open\n")
    os._exit(0)
