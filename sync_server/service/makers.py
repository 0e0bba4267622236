"""On which device a record was made. Read only."""

from __future__ import annotations

from sync_server.service.base import Base
from sync_server.store import DeviceKey


class Makers(Base):
    def made_on(self, record: str) -> DeviceKey | None:
        """None: on no tablet, or it is not known. The caller knows that whoever asks may see the record."""
        with self.store.reading() as tx:
            enrolment = tx.makers_of([record]).get(record)
            return tx.key(enrolment) if enrolment else None
