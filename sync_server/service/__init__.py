"""The rules of the server: push, pull, resolve, enrol, facts. One transaction each; nothing here knows HTTP."""

from __future__ import annotations

from sync_server.service.base import Caller, Write
from sync_server.service.care import Care
from sync_server.service.deciding import Deciding
from sync_server.service.exchange import Exchange
from sync_server.service.lists import Listed, Lists
from sync_server.service.waiting import Apart, Count, Parked, Unexplained


class Service(Exchange, Deciding, Care, Lists):
    def start(self) -> None:
        """Make or upgrade the database, name its epoch, and run again what an earlier crash left parked."""
        self.store.create()
        with self.store.writing() as tx:
            tx.turn("epoch")  # of two processes that start at once one names it
            if tx.setting("epoch") is None:
                self.begin_epoch(tx)
        self.rerun()


__all__ = ["Apart", "Caller", "Count", "Listed", "Parked", "Service", "Unexplained", "Write"]
