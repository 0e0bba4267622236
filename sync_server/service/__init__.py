"""The rules of the server: push, pull, resolve, enrol, facts. One transaction each; nothing here knows HTTP."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import datetime

from schemas.problems import Trouble
from sync_server.blobs.shelf import Shelf
from sync_server.service.base import Caller, Write
from sync_server.service.care import Care
from sync_server.service.deciding import Deciding
from sync_server.service.exchange import Exchange
from sync_server.service.handed import Handed
from sync_server.service.lists import Listed, Lists
from sync_server.service.waiting import Apart, Count, Parked, Unexplained
from sync_server.store import Store

log = logging.getLogger("jingtu")


class Service(Exchange, Deciding, Care, Lists, Handed):
    def __init__(
        self, store: Store, server_key: bytes, clock: Callable[[], datetime],
        random: Callable[[int], bytes] = secrets.token_bytes, shelf: Shelf | None = None,
    ) -> None:  # fmt: skip
        """`shelf`: where photos and other files lie; without it there are none."""
        super().__init__(store, server_key, clock, random)
        self._begin_blobs(shelf)

    def start(self) -> None:
        """Make or upgrade the database, name its epoch, and run again what an earlier crash left parked or half entered."""
        self.store.create()
        with self.store.writing() as tx:
            tx.turn("epoch")  # of two processes that start at once one names it
            if tx.setting("epoch") is None:
                self.begin_epoch(tx)
        self.rerun()
        if self._shelf is not None:
            try:
                self.settle_uploads()
                self.clear_uploads()
            except Trouble as err:  # a full disk, say: neither keeps anybody from working
                log.warning("uploads that are over stay for now: %s", err)


__all__ = ["Apart", "Caller", "Count", "Listed", "Parked", "Service", "Unexplained", "Write"]
