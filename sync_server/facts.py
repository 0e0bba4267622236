"""What the server knows of a project, as the rules want it: one place for the console, the API and the command line.

Records are typed once. A scope's sequence tells whether it moved; if it did, only rows above the known sequence are read
again, because nothing is ever removed and every change raises it. A photo's bytes arrive without a sequence: there the number of
those that were sent for a scope tells, which only grows.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from schemas import canonical
from schemas.canonical import NotCanonical
from schemas.change import decode
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records import TYPES, Record
from schemas.records.photo import Photo
from schemas.rules import reconcile
from schemas.rules.handover import Directory
from schemas.rules.reconcile import Basis, DeviceSeen, Facts, Report, UnsureClock
from schemas.wire import ScopeGrant
from sync_server.agreeing import altered
from sync_server.media import Media, media_of
from sync_server.resting import RESTING
from sync_server.service import Service
from sync_server.store import ScopeRow, Tx

log = logging.getLogger("jingtu")
CLOCK_OFF_MS = 5 * 60 * 1000  # a clock further off marks what it touched
REPORT_AGE = timedelta(seconds=60)  # a report no record has moved under still ages: deadlines pass
HAND_AGE = timedelta(hours=1)  # an older one is not shown to anybody
COSTLY_S, REST = 1.0, 10  # a report that took longer than this is shown for ten times as long, whatever came in since
SCOPES_KEPT, REPORTS_KEPT = 24, 24
EVERYTHING: frozenset[str] = frozenset(a.value for a in Audience) - {Audience.SUBJECT.value}

# A quick look before a line is parsed. Text cannot fake it: in JSON text the quotes would be escaped.
_OFFSET = re.compile(rb'"server_offset_ms":(-?\d{6,})')


@dataclass
class _Held:
    """One scope as it was last read. The dicts are replaced, never changed: reports in work go on with the old ones."""

    seq: int = 0
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    unsure: dict[tuple[str, str], float] = field(default_factory=dict)
    sent: int = 0  # photos and other files, by whomever
    stored: frozenset[str] = frozenset()  # their hashes
    absent: frozenset[str] = frozenset()  # of files that photo records here name and that were not sent for this scope
    altered: frozenset[str] = frozenset()  # inspections that are not what was signed


class Seen(NamedTuple):
    """A report with the facts it was made from."""

    facts: Facts
    report: Report
    key: tuple[object, ...]
    good_until: float  # by the process's own clock
    media: Media


class FactsReader:
    """Keeps what it read, so that the next look costs only what changed. Safe to share between threads."""

    def __init__(self, service: Service) -> None:
        self._service, self._store = service, service.store
        self._lock = threading.Lock()
        self._turns: defaultdict[tuple[str, frozenset[str]], threading.Lock] = defaultdict(threading.Lock)
        self._costly: set[tuple[str, frozenset[str]]] = set()  # whose last report took long
        self._epoch = ""
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._directories: dict[str, tuple[str, Directory]] = {}  # scope → what its contents are called, and it
        self._reports: OrderedDict[tuple[str, frozenset[str]], Seen] = OrderedDict()
        self._last: OrderedDict[tuple[str, frozenset[str]], tuple[Facts, tuple[object, ...]]] = OrderedDict()
        self._makers: OrderedDict[tuple[str, frozenset[str]], dict[str, str]] = (
            OrderedDict()
        )  # of photos that have not come

    def facts(self, project: str, now: datetime, audiences: Collection[str] = EVERYTHING) -> Facts:
        """Everything of these audiences that is known of a project; as of a moment ago, with what was worked out of it, where
        nothing has changed since. Raises Trouble 2004 when there is no such project."""
        wanted = (project, frozenset(audiences))
        with self._lock, RESTING:
            facts, key = self._read(project, now, wanted[1])
            old, old_key = self._last.get(wanted, (facts, key))
            if old_key == key and now - old.now < REPORT_AGE:
                facts = old
            self._last[wanted] = (facts, key)
            self._last.move_to_end(wanted)
            _keep(self._last, REPORTS_KEPT)
            return facts

    def report(self, project: str, now: datetime, audiences: Collection[str] = EVERYTHING) -> Seen:
        """The facts checked by every rule. Never more than these audiences may see: the rules get nothing else."""
        wanted = (project, frozenset(audiences))
        with self._turns[wanted]:
            old = self._reports.get(wanted)
            if old and time.monotonic() < old.good_until:
                return old
            began = time.monotonic()
            with RESTING:
                with self._lock:
                    facts, key = self._read(project, now, wanted[1])
                    self._last[wanted] = (facts, key)
                if old and old.key == key and now - old.facts.now < REPORT_AGE:
                    return old
                report = reconcile.run(facts)
                with self._store.reading() as tx:
                    media, makers = media_of(facts, tx, self._makers.get(wanted, {}))
                took = time.monotonic() - began
            rest = REST * took if took > COSTLY_S else 0
            (self._costly.add if rest else self._costly.discard)(wanted)
            seen = Seen(facts, report, key, time.monotonic() + rest, media)
            with self._lock:
                self._makers[wanted] = makers
                _keep(self._makers, REPORTS_KEPT)
                self._reports[wanted] = seen
                self._reports.move_to_end(wanted)
                _keep(self._reports, REPORTS_KEPT)
            return seen

    def known(self, project: str, audiences: Collection[str] = EVERYTHING) -> bool:
        """Was a report made for these audiences? Then the next one costs only what changed."""
        return (project, frozenset(audiences)) in self._reports

    def at_hand(self, project: str, now: datetime, audiences: Collection[str] = EVERYTHING) -> Seen:
        """The report as it was last made, where making it anew would keep a reader waiting: then that is done beside. For
        pages to which findings are only an addition; the report says as of when it is. Raises Trouble 2004."""
        wanted = (project, frozenset(audiences))
        old = self._reports.get(wanted)
        if old is None or wanted not in self._costly or now - old.facts.now > HAND_AGE:
            return self.report(project, now, audiences)
        if time.monotonic() >= old.good_until and not self._turns[wanted].locked():
            anew = threading.Thread(target=self._again, args=(project, now, wanted[1]), daemon=True)
            anew.start()
        return old

    def _again(self, project: str, now: datetime, audiences: frozenset[str]) -> None:
        try:
            self.report(project, now, audiences)
        except Exception as err:  # nobody waits for it: whoever asks next makes it, and is told
            log.warning("report of %s not made anew: %s", project, err)

    def _read(self, project: str, now: datetime, audiences: frozenset[str]) -> tuple[Facts, tuple[object, ...]]:
        with self._store.reading() as tx:
            epoch = tx.setting("epoch") or ""
            if epoch != self._epoch:  # restored from a backup: sequences no longer mean what they meant
                self._held.clear()
                self._epoch = epoch
            own = tx.scopes(project)
            if not any(s.audience == Audience.FIELD for s in own):
                raise Trouble(2004)
            scopes = [s for s in own + tx.scopes(self._service.home(tx)) if s.audience in audiences]
            held = {s.id: self._catch_up(tx, s) for s in scopes}
            devices = _devices(tx, project, own)
            told = self._directory(tx, next((s for s in scopes if s.audience == Audience.TRANSFER), None))
        _keep(self._held, SCOPES_KEPT + len(held))
        records = _merged(scopes, held)
        unsure = [UnsureClock(type, id, s) for h in held.values() for (type, id), s in h.unsure.items()]
        facts = Facts(
            records=records, now=now, basis=Basis("server", now, len(devices)), devices=devices, unsure_clocks=unsure,
            # sent for one scope, it is not here for those who may read another that names it, too
            stored_blobs=frozenset().union(*(held[s.id].stored for s in scopes)).difference(*(held[s.id].absent for s in scopes)),
            project_id=project, directory=told[1] if told else None,
            altered=frozenset[str]().union(*(held[s.id].altered for s in scopes)) if Audience.ENFORCEMENT in audiences else None,
        )  # fmt: skip
        said = told[0] if told else None
        return facts, (epoch, tuple((s.id, s.seq, held[s.id].sent) for s in scopes), tuple(devices), said)

    def _directory(self, tx: Tx, scope: ScopeRow | None) -> tuple[str, Directory] | None:
        """Whose keys there are, by the very directory that tablets get, and what its contents are called."""
        if scope is None or not scope.seq:
            return None
        kept = self._service.directory_in(tx, scope)
        known = self._directories.get(scope.id)
        if known is None or known[0] != kept.hash:
            known = self._directories[scope.id] = (kept.hash, Directory(canonical.loads(kept.text.encode())))
        return known

    def _catch_up(self, tx: Tx, scope: ScopeRow) -> _Held:
        old = self._held.get(scope.id) or _Held()
        new = _Held(
            scope.seq, dict(old.records), old.unsure, tx.media_count(scope.id), old.stored, old.absent, old.altered
        )
        if new.sent != old.sent:
            new.stored = tx.media_here(scope.id)
        changed: dict[str, list[str]] = {}
        for type, cls in TYPES.items():
            if cls.about.audience not in (scope.audience, Audience.SUBJECT):
                continue
            rows = tx.of_scope_since(type, scope.id, old.seq) if scope.seq > old.seq else ()
            have, more = old.records.get(type), {row.id: cls.of(row.id, row.values, row.seq) for row in rows}
            if more or have is None:
                new.records[type] = {**have, **more} if have else more
            if more:
                changed[type] = list(more)
        if changed and scope.audience == Audience.ENFORCEMENT:
            new.altered = altered(tx, new.records, changed, old.altered)
        if scope.seq > old.seq:
            new.unsure = old.unsure | _unsure(tx.lines_since(scope.id, old.seq))
        if scope.seq > old.seq or new.sent != old.sent:
            photos = (p for p in new.records.get("photo", {}).values() if isinstance(p, Photo) and not p.deleted)
            new.absent = frozenset(p.sha256 for p in photos) - new.stored
        self._held[scope.id] = new
        self._held.move_to_end(scope.id)
        return new


def load_facts(service: Service, project_id: str, now: datetime, audiences: Collection[str] = EVERYTHING) -> Facts:
    """The facts of a project, read afresh."""
    return FactsReader(service).facts(project_id, now, audiences)


def readable(scopes: Iterable[ScopeGrant]) -> dict[str, frozenset[str]]:
    """Project → audiences, of what a person was granted: the organisation's among them; only projects of which he or
    she may read the field records."""
    grants = [g for g in scopes if g.reads]  # what one only hands in to is nothing to look at
    shared = {g.audience for g in grants if g.audience == Audience.ORGANISATION.value}
    out: dict[str, set[str]] = {}
    for g in grants:
        if g.audience != Audience.ORGANISATION.value:
            out.setdefault(g.owner, set(shared)).add(g.audience)
    return {owner: frozenset(found) for owner, found in out.items() if Audience.FIELD in found}


def _merged(scopes: list[ScopeRow], held: Mapping[str, _Held]) -> dict[str, Mapping[str, Record]]:
    out: dict[str, Mapping[str, Record]] = {}
    for scope in scopes:
        for type, found in held[scope.id].records.items():
            out[type] = {**out[type], **found} if out.get(type) and found else found or out.get(type, found)
    return out


def _unsure(lines: Iterable[tuple[str, str, bytes]]) -> dict[tuple[str, str], float]:
    """Records made while their device's clock was off by more than the limit."""
    out: dict[tuple[str, str], float] = {}
    for type, record, line in lines:
        if not any(abs(int(m)) > CLOCK_OFF_MS for m in _OFFSET.findall(line)):
            continue
        try:
            offset = decode(line).made_at["server_offset_ms"]
        except NotCanonical:
            continue
        if offset is not None and abs(offset) > CLOCK_OFF_MS:
            out[type, record] = offset / 1000
    return out


def _devices(tx: Tx, project: str, scopes: list[ScopeRow]) -> tuple[DeviceSeen, ...]:
    """Devices at work in the project: of its members, or with changes in its scopes. One line per device, whoever of
    its users was last."""
    members = {
        p for p in {k.person for k in tx.device_keys()} if any(owner == project for owner, _ in tx.memberships(p))
    }
    found: dict[str, DeviceSeen] = {}
    names = {s.id: str(s.values.get("label", "")) for s in tx.everywhere("device")}
    for key in tx.device_keys():
        if key.state != "enrolled":
            continue
        if key.person not in members and not any(tx.chain(key.enrolment, s.id) for s in scopes):
            continue
        label = f"{key.device_code} {names.get(key.device, '')}".strip()
        at = datetime.fromisoformat(key.last_seen) if key.last_seen else None
        old = found.get(key.device)
        pending = key.pending
        people: tuple[str, ...] = (key.person,)
        if old is not None:
            people = tuple(dict.fromkeys((*old.people, key.person)))
            at = max((t for t in (at, old.last_seen) if t), default=None)
            pending = None if pending is None and old.pending is None else (pending or 0) + (old.pending or 0)
        found[key.device] = DeviceSeen(key.device, label, at, pending, people)
    return tuple(found.values())


def _keep(cache: OrderedDict[Any, Any], size: int) -> None:
    while len(cache) > size:
        cache.popitem(last=False)
