"""The only file that opens the device database.

What `finalize` returned from survives a power cut (WAL, synchronous=FULL, one transaction). Two layers per record:
*base*, the server's version in the table named after the type, and *overlay*, this device's changes on top of it that
the base does not hold yet. `ahead` lists those changes; the overlay is always base + ahead, in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from field_app.clock import Clock
from field_app.device_db import NewerDatabase
from field_app.store.blobs import Blobs, Media, Owed
from field_app.store.directory import Directories
from field_app.store.incoming import Incoming
from field_app.store.keeping import Keeping, Kept
from field_app.store.lists import PAGE, Page
from field_app.store.looking import Found, Looking, Step
from field_app.store.outgoing import Outgoing, signed_head
from field_app.store.rescuing import Rescuing
from field_app.store.rows import Batch, Edit, Seen, Values, values_of
from field_app.store.shelf import Shelf, Shelves
from field_app.store.telling import Signed, Telling, Told
from field_app.store.thumbs import Thumbs, Wanted
from field_app.store.work import Work
from schemas.problems import Trouble


class Store(Work, Looking, Shelves, Telling, Rescuing, Blobs, Thumbs, Keeping, Directories, Outgoing, Incoming):
    """One tablet = one data folder. Methods may be called from any thread; each is one transaction."""

    def __init__(self, folder: Path, clock: Clock | None = None, random: Callable[[int], bytes] = os.urandom) -> None:
        super().__init__(folder, clock, random)
        # a full device must still open: what is in it can be read, and sent; each step by itself
        with suppress(Trouble):
            self._adopt_known_types()
        with suppress(Trouble):
            self._adopt_nobodys()
        with suppress(Trouble):
            for identity in self.keys.identities.values():  # the power may have gone between the new identity and this
                if not identity.locked:  # else when it is unlocked
                    self.carry_over(identity)


__all__ = [
    "PAGE",
    "Batch",
    "Edit",
    "Found",
    "Kept",
    "Media",
    "NewerDatabase",
    "Owed",
    "Page",
    "Seen",
    "Shelf",
    "Signed",
    "Step",
    "Store",
    "Told",
    "Values",
    "Wanted",
    "signed_head",
    "values_of",
]
