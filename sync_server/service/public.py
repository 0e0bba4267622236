"""What anybody may know of a load who holds its code: how far it is, and when each step was. No name, plate, weight or place.

The check value is 50 bits of the first leg's hash (handover/chain.py): whoever has the code can compute it, nobody guesses it. It opens
only the load whose first leg it is of, signed by who may issue one; a code that somebody else made up under the same number opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hmac import compare_digest
from typing import NamedTuple

from schemas import canonical
from schemas.problems import Trouble
from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover import Chain, Directory, read
from schemas.rules.handover.chain import check_of, check_of_hash
from schemas.rules.manifest import Leg, Story, fold, join
from schemas.rules.manifest.trips import State
from sync_server.service.directory import Directories
from sync_server.store import Stored, Tx

DIGITS, CHECK = 14, 10


class PublicLoad(NamedTuple):
    """`steps`: (kind, time) of each leg. `as_sent`: did the receiver take it and note no difference; None: not received yet. `asks`: something about it
    has to be looked into; `waits`: a leg is known to be missing here, or its key is not known. `heard`: when the server last heard of it."""

    number: str
    state: State
    steps: tuple[tuple[str, datetime], ...]
    as_sent: bool | None
    asks: bool
    waits: bool
    heard: datetime | None


class Public(Directories):
    def public_load(self, number: str, check: str) -> PublicLoad | None:
        """None for whatever is not the number and the check value of one load: nothing tells which of them is wrong."""
        check = check.strip().upper()
        if (
            len(number) != DIGITS
            or not (number.isascii() and number.isdecimal())
            or len(check) != CHECK
            or not check.isascii()
        ):
            return None
        with self.store.reading() as tx:
            records = tx.everywhere("manifest", number=number)
            codes = [
                (row, chain) for row in tx.everywhere("hand_over", number=number) if (chain := _chain(row)) is not None
            ]
            legs = {r.id: tx.everywhere("manifest_leg", manifest_id=r.id) for r in records}
            wanted = {
                (c.load.manifest, _home(c)) for _, c in codes if c.load.number == number and _same(c.check, check)
            }
            wanted |= {
                (r.id, r.scope) for r in records for leg in legs[r.id] if (own := _check(leg)) and _same(own, check)
            }
            found = []
            for id, scope in sorted(wanted):
                record = next((r for r in records if r.id == id and r.scope == scope), None)
                rows = [row for row, c in codes if c.load.manifest == id and row.scope == scope]
                load = self._public(tx, id, scope, record, legs.get(id, ()), rows, check)
                found += [load] if load else []
        # two loads under one number and one check value: nobody does that by mistake
        return found[0]._replace(number=number, asks=found[0].asks or len(found) > 1) if found else None

    def _public(
        self,
        tx: Tx,
        id: str,
        scope_id: str,
        record: Stored | None,
        legs: Sequence[Stored],
        codes: Sequence[Stored],
        check: str,
    ) -> PublicLoad | None:
        scope = tx.scope(scope_id)
        if scope is None:
            return None
        directory = Directory(canonical.loads(self.directory_in(tx, scope).text.encode()))
        manifests = {id: Manifest.of(id, record.values)} if record else {}
        joined = join((ManifestLeg.of(r.id, r.values) for r in legs), (HandOver.of(r.id, r.values) for r in codes), directory,
                      self._clock(), manifests)  # fmt: skip
        told = manifests.get(id) or joined.manifests.get(id)
        over = told is not None and any(
            id in s.values.get("manifests", ()) and s.values.get("to_date") and s.values.get("receiver_id") == told.receiver_id
            and not s.values.get("deleted") for s in tx.of_scope("disposal_record", scope_id)
        )  # fmt: skip
        story = fold(joined.legs.get(id, ()), over, bool(record and record.values.get("deleted")))
        if not _opens(story, check, record is not None):
            return None
        return PublicLoad(
            "", story.state, tuple((leg.record.kind, leg.record.at) for leg in story.steps), _as_sent(story.steps),
            bool(story.contradictions), any(q.code != "not_heard" for q in story.waiting), self._last_heard(tx, [*legs, *codes, *([record] if record else [])]),
        )  # fmt: skip

    @staticmethod
    def _last_heard(tx: Tx, rows: Iterable[Stored]) -> datetime | None:
        last = max(rows, key=lambda r: r.seq, default=None)
        lines = tx.history(last.id) if last else []
        return datetime.fromisoformat(lines[-1].received_at) if lines else None


def _chain(row: Stored) -> Chain | None:
    try:
        return read(row.values["code"])
    except Trouble:
        return None


def _home(chain: Chain) -> str:
    return f"{chain.load.project}.transfer"


def _check(leg: Stored) -> str | None:
    """The check value of a record that may be a first leg."""
    raw = leg.values.get("cose")
    if not raw or leg.values.get("prev_hash"):
        return None
    try:
        return check_of(evidence.unb64(raw))
    except ValueError:
        return None


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())


def _opens(story: Story, check: str, recorded: bool) -> bool:
    """Is the check value of a first leg by somebody who may issue a load? Of one whose key is not known only where the load's record is
    here and no first leg is better: others that somebody hands in beside the real one neither open it nor shut it."""
    firsts = [leg for leg in story.steps if leg.load is not None and leg.hash and "stranger" not in leg.faults]
    good = [leg for leg in firsts if leg.worth == "genuine"] or (firsts if recorded else [])
    return any(_same(check_of_hash(bytes.fromhex(leg.hash or "")), check) for leg in good)


def _as_sent(steps: Sequence[Leg]) -> bool | None:
    kinds = {leg.record.kind for leg in steps}
    if kinds & {"received_difference", "rejected", "returned"}:
        return False
    return True if "received" in kinds else None


__all__ = ["Public", "PublicLoad"]
