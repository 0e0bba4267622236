"""An on-site record as a file: what is here of its photos, small enough for paper, then the PDF. For the console and the command alike."""

from __future__ import annotations

from datetime import datetime

from sync_server.documents.onsite import onsite_pdf, wanted_photos
from sync_server.onsite_record import OnsiteRecord
from sync_server.service import Service

PX = (800, 400, 200)  # of a photo's longer side: 230 dpi in its column, and less where they are many and large
SKETCH_PX = 1600
MOST_BYTES = 20 << 20  # of all photos of one file; the printing process has bounded memory


def made_pdf(service: Service, record: OnsiteRecord, lang: str, now: datetime, address: str) -> bytes:
    """`address`: of this server, as people reach it; "" prints no code. Raises Trouble 4508, 4509."""
    scope = record.taken.row.scope
    photos, sketches = wanted_photos(record)
    drawn = service.onsite_pictures(scope, sketches, SKETCH_PX)
    pictures: dict[str, bytes] = {}
    for px in PX:
        pictures = service.onsite_pictures(scope, photos, px)
        if sum(map(len, pictures.values())) <= MOST_BYTES:
            break
    return onsite_pdf(record, lang, now, address, pictures | drawn)
