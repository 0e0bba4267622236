"""The chains of signatures this tablet knows: of every load it issued, signed or read a code of, the longest that holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from field_app.keys import Identity
from field_app.store import Store
from schemas.problems import Trouble
from schemas.rules.evidence import unb64
from schemas.rules.handover import Chain, Claim, Directory, judged, read
from schemas.rules.handover.claims import from_map
from schemas.rules.handover.cose import Sign1, loads, parse

_Leg = tuple[Sign1, Claim]


class Held(NamedTuple):
    """One load this tablet knows. `at`: when it last heard of it. `purposes`: what its codes were read or shown for."""

    manifest: str
    chain: Chain
    at: datetime
    scope: str
    purposes: frozenset[str]


class Chains:
    """Of the person whose turn it is, as far as the store shows it. Reads the store; may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Chain | None] = {}  # code → what it says; a code never says anything else

    @property
    def identity(self) -> Identity | None:
        return self._store.identity

    def scope_of(self, project: str) -> str:
        """Where a load of this project belongs."""
        return self._store.scope_for("hand_over", project)

    def directory(self, scope: str) -> tuple[Directory, datetime] | None:
        """The newest signed directory of a scope, and when it came."""
        return self._store.directory(scope)

    def chain_of(self, manifest: str) -> Chain | None:
        """The longest chain of this load that is not proved false; of two as long the one signed later."""
        held = self._held({manifest}).get(manifest)
        return held.chain if held else None

    def loads(self) -> list[Held]:
        """Every load known by its code or by an own leg, the one last heard of first."""
        return sorted(self._held(None).values(), key=lambda h: h.at, reverse=True)

    def parsed(self, code: str) -> Chain | None:
        """What a code says; None where it cannot be read."""
        if code not in self._read:
            try:
                self._read[code] = read(code)
            except Trouble:
                self._read[code] = None
        return self._read[code]

    # --- how they are put together -------------------------------------------------------------------------------

    def _held(self, wanted: set[str] | None) -> dict[str, Held]:
        """Legs of codes and of records, each once, hung on the leg before it."""
        legs: dict[str, dict[bytes, _Leg]] = {}  # manifest → hash → leg
        after: dict[
            str, dict[bytes | None, dict[bytes, None]]
        ] = {}  # manifest → hash before → hashes, in the order met
        heard: dict[str, tuple[datetime, str]] = {}
        purposes: dict[str, set[str]] = {}

        def add(manifest: str, leg: Sign1, claim: Claim, before: bytes | None) -> None:
            legs.setdefault(manifest, {})[leg.hash] = (leg, claim)
            after.setdefault(manifest, {}).setdefault(before, {})[leg.hash] = None

        def hear(manifest: str, at: str, scope: str) -> None:
            when = datetime.fromisoformat(at)
            if manifest not in heard or heard[manifest][0] < when:
                heard[manifest] = (when, scope)

        for seen in self._store.all("hand_over"):
            chain = self.parsed(seen.values["code"])
            if chain is None or (wanted is not None and chain.load.manifest not in wanted):
                continue
            manifest = chain.load.manifest
            for n, leg in enumerate(chain.legs):
                add(manifest, leg, chain.claims[n], chain.legs[n - 1].hash if n else None)
            hear(manifest, seen.values["seen_at"], seen.scope)
            purposes.setdefault(manifest, set()).add(seen.values["purpose"])
        for seen in self._store.all("manifest_leg"):
            manifest = seen.values["manifest_id"]
            if wanted is not None and manifest not in wanted:
                continue
            for leg, claim, before in _of_record(seen.values):
                add(manifest, leg, claim, before)
            hear(manifest, seen.values["at"], seen.scope)

        out = {}
        for manifest in legs:
            chain = self._best(manifest, legs[manifest], after[manifest], heard[manifest][1])
            if chain is not None:
                out[manifest] = Held(manifest, chain, *heard[manifest], frozenset(purposes.get(manifest, ())))
        return out

    def _best(
        self, manifest: str, legs: dict[bytes, _Leg], after: dict[bytes | None, dict[bytes, None]], scope: str
    ) -> Chain | None:
        kept = self.directory(scope)
        now, best = self._store.clock.now(), None
        for path in _paths(after, legs):
            chain = Chain(tuple(legs[h][0] for h in path), tuple(legs[h][1] for h in path))
            if chain.claims[0].load is None or chain.load.manifest != manifest:
                continue
            worth = judged(chain, kept[0] if kept else None, now)
            sound = next((n for n, leg in enumerate(worth.legs) if leg.worth == "forged"), len(path))
            if not sound:
                continue
            chain = Chain(chain.legs[:sound], chain.claims[:sound])
            if best is None or (len(chain.legs), chain.claims[-1].at) > (len(best.legs), best.claims[-1].at):
                best = chain
        return best


def _of_record(values: dict[str, object]) -> Iterator[tuple[Sign1, Claim, bytes | None]]:
    """The signed leg in a record; nothing where there is none, or none that can be read."""
    raw = values.get("cose")
    if not isinstance(raw, str):
        return
    before = values.get("prev_hash")
    try:
        leg = parse(unb64(raw))
        yield leg, from_map(loads(leg.payload)), bytes.fromhex(before) if isinstance(before, str) else None
    except ValueError:
        return


def _paths(after: dict[bytes | None, dict[bytes, None]], legs: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Every way from a first leg to a last one. A leg hangs on one other at most, since its signature is over that one's hash."""
    known = set(legs)
    stack = [[h] for h in after.get(None, ())]
    while stack:
        path = stack.pop()
        further = [h for h in after.get(path[-1], ()) if h in known and h not in path]
        if not further:
            yield path
        stack.extend([*path, h] for h in further)


__all__ = ["Chains", "Held"]
