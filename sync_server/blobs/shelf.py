"""Where photos and other files lie on this server, and what is taken."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from schemas.wire import MAX_BLOB
from sync_server.blobs.files import Files
from sync_server.blobs.pictures import Pictures


class Shelf(NamedTuple):
    files: Files
    pictures: Pictures
    uploads: Path  # folder of files on their way
    max_bytes: int = MAX_BLOB  # of one file
    upload_ms: int = 72 * 3_600_000  # an upload that was cut may be resumed for so long
    per_person: int = 64  # uploads that have not ended
