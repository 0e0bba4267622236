"""The rules of the server: push, pull, resolve, enrol, facts. One transaction each; nothing here knows HTTP."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from schemas.problems import Trouble
from sync_server.blobs.shelf import Shelf
from sync_server.service.around import Around, Mark
from sync_server.service.base import Caller, Write
from sync_server.service.checklists import Checklists
from sync_server.service.deciding import Deciding
from sync_server.service.exchange import Exchange
from sync_server.service.export_jobs import ExportJobs
from sync_server.service.handed import Handed
from sync_server.service.history import Histories
from sync_server.service.inspections import Inspections
from sync_server.service.inviting import Inviting
from sync_server.service.kept import Kept
from sync_server.service.leads import Leads
from sync_server.service.lists import Clause, Key, Listed, Lists, Page, Query
from sync_server.service.log import Logs
from sync_server.service.makers import Makers
from sync_server.service.manifests import Transfers
from sync_server.service.onsite import Onsite
from sync_server.service.places import Places
from sync_server.service.planning import PlanLine, Planning
from sync_server.service.public import Public
from sync_server.service.rectifying import Rectifying
from sync_server.service.reviewing import Item, MadeBy, Reviewing, Told
from sync_server.service.waiting import Apart, Count, Parked, Unexplained
from sync_server.store import Store

log = logging.getLogger("jingtu")


class Service(
    Rectifying,
    Exchange,
    Deciding,
    Inviting,
    Logs,
    ExportJobs,
    Lists,
    Handed,
    Onsite,
    Places,
    Histories,
    Leads,
    Inspections,
    Checklists,
    Transfers,
    Planning,
    Makers,
    Reviewing,
    Public,
    Around,
    Kept,
):
    def __init__(
        self, store: Store, server_key: bytes, clock: Callable[[], datetime],
        random: Callable[[int], bytes] = secrets.token_bytes, shelf: Shelf | None = None, exports: Path | None = None,
    ) -> None:  # fmt: skip
        """`shelf`: where photos and other files lie; `exports`: a folder for exported files; without them there are none."""
        super().__init__(store, server_key, clock, random)
        self._begin_directories()
        self._begin_blobs(shelf)
        self._begin_exports(exports)
        self._begin_around()

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
        try:
            self.settle_exports()
        except Trouble as err:
            log.warning("exports that were cut stay for now: %s", err)

    def rest(self) -> None:
        """What goes on beside requests ends."""
        self.rest_exports()
        super().rest()


__all__ = [
    "Apart", "Caller", "Clause", "Count", "Item", "Key", "Listed", "MadeBy", "Mark", "Page", "Parked", "PlanLine", "Query", "Service", "Told", "Unexplained", "Write",
]  # fmt: skip
