"""Who recorded what, of whole scopes: read once, caught up by seq, because nothing is ever removed and every change raises it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from sync_server.service import Service

SCOPES_KEPT = 24


class Maker(NamedTuple):
    """Of one record. `last`: who changed it last; `change`: by which change; `everyone`: who made or changed it."""

    last: str
    change: str
    received_at: str
    everyone: frozenset[str]


NOBODY = Maker("", "", "", frozenset())


class Makers:
    """Safe to share between threads. What it hands out is only ever added to; what is newer than the reader asked for does
    no harm, because the service looks again before anything is decided."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._epoch = ""
        self._held: OrderedDict[str, tuple[int, dict[str, Maker]]] = OrderedDict()
        self._groups: dict[frozenset[str], frozenset[str]] = {}  # the same few people again and again

    def of(self, scopes: Iterable[str]) -> list[dict[str, Maker]]:
        """record → its maker, a dict per scope."""
        with self._lock:
            epoch = self._service.epoch()
            if epoch != self._epoch:  # restored from a backup: seq no longer means what it meant
                self._held.clear()
                self._epoch = epoch
            found = [self._caught_up(scope) for scope in scopes]
            while len(self._held) > max(SCOPES_KEPT, len(found)):
                self._held.popitem(last=False)
            return found

    def _caught_up(self, scope: str) -> dict[str, Maker]:
        seq, makers = self._held.get(scope, (0, {}))
        for made in self._service.made_since(scope, seq):
            old = makers.get(made.record, NOBODY)
            who = frozenset({made.person}) if made.person else frozenset[str]()
            everyone = old.everyone if who <= old.everyone else old.everyone | who
            everyone = self._groups.setdefault(everyone, everyone)
            makers[made.record] = Maker(made.person or "", made.change, made.received_at, everyone)
            seq = max(seq, made.seq)
        self._held[scope] = (seq, makers)
        self._held.move_to_end(scope)
        return makers
