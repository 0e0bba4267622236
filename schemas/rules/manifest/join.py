"""The legs of manifests, from records and from hand-over codes, each once: by the SHA-256 of its COSE bytes.

Whatever the order, however often, from whichever device: the same legs give the same answer. A leg known only from a code counts. What
is signed wins over what a record says beside it. Nothing signed is left out, what is not genuine says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Generic, Literal, NamedTuple, TypeVar

from schemas.problems import Trouble
from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover import cose
from schemas.rules.handover.chain import read
from schemas.rules.handover.claims import Claim, Load, from_map
from schemas.rules.handover.cose import Sign1
from schemas.rules.handover.directory import Directory, Key
from schemas.rules.handover.judge import STAND_INS, TAKES, leg_worth, stranger
from schemas.rules.manifest.bound import disagreements, leg_of, manifest_of

T = TypeVar("T")
_Said = tuple[Sign1, Claim]
_KEPT = 60_000  # legs, codes and checked signatures that are remembered
# Of what a record says otherwise than its signature, what makes the signature's the word that counts
_PLAIN_LIES = frozenset({"manifest", "kind", "at", "position", "weight", "problem", "way"})


class Leg(NamedTuple):
    """One leg. `record`: as it came, or made from what a code says (`source`). `why`: "" · signature · unknown_key · before_key ·
    after_key · future (see `handover.judge`) · unreadable (a signature that is none)."""

    record: ManifestLeg
    hash: str | None  # hex, of the COSE bytes; None: not signed (older data)
    prev: str | None  # hex, of the leg it stands on; None: the first
    source: Literal["record", "code"]
    worth: Literal["genuine", "forged", "unsure", "unsigned"]
    why: str
    key: Key | None
    load: Load | None = None  # of a first leg: what it says of the load
    faults: tuple[
        str, ...
    ] = ()  # what a record says otherwise than it was signed, stranger, by_carrier, withdrawn, elsewhere

    @property
    def unheard(self) -> bool:
        """Known only from a code. A record that says otherwise than was signed is not believed, but it has come."""
        return self.source == "code" and not set(self.faults) & {*_PLAIN_LIES, "elsewhere"}


class Joined(NamedTuple):
    """`manifests`: as codes and signatures tell them, whether or not there is a record. `unread`: codes that could not be read, with
    the problem's number; `false`: codes whose first leg is not genuine: what they call a load is none."""

    legs: dict[str, list[Leg]]  # manifest id → its legs by time, kind and hash
    manifests: dict[str, Manifest]
    unread: list[tuple[HandOver, int]]
    false: list[HandOver] = []


class _Seen:
    """Everything seen of one leg."""

    def __init__(self, leg: Sign1, claim: Claim) -> None:
        self.leg, self.claim = leg, claim
        self.before: set[bytes] = set()  # what it is said to stand on
        self.records: list[ManifestLeg] = []


def join(
    legs: Iterable[ManifestLeg],
    codes: Iterable[HandOver],
    directory: Directory | None,
    now: datetime,
    manifests: Mapping[str, Manifest] | None = None,
    vehicles: Mapping[str, str] | None = None,
) -> Joined:
    """`manifests`: records by id, for what a first leg's hash covers; `vehicles`: plate → id, for loads known only from codes."""
    seen: dict[bytes, _Seen] = {}
    loose: dict[str, Leg] = {}  # by record: not signed, or by something that is no signature
    for record in legs:
        if not record.cose:
            if not record.deleted:
                loose[record.id] = Leg(record, None, record.prev_hash or None, "record", "unsigned", "", None)
            continue
        try:
            leg, claim = _parsed(record.cose)
        except ValueError:
            loose[record.id] = Leg(record, None, record.prev_hash or None, "record", "forged", "unreadable", None)
            continue
        one = seen.setdefault(leg.hash, _Seen(leg, claim))
        one.records.append(record)
        if before := _hash(record.prev_hash):
            one.before.add(before)
    unread, first = [], []
    for code in codes:
        chain = _chain(code.code)
        if isinstance(chain, int):
            unread.append((code, chain))
            continue
        first.append((code, chain[0][0].hash))
        before = None
        for leg, claim in chain:
            one = seen.setdefault(leg.hash, _Seen(leg, claim))
            if before:
                one.before.add(before)
            before = leg.hash
    judged = {hash: _judged(one, directory, now) for hash, one in seen.items()}
    out: dict[str, list[Leg]] = {}
    for made in loose.values():
        out.setdefault(made.record.manifest_id, []).append(made)
    roots = {hash: _root(hash, seen, judged) for hash in seen}
    for hash, one in seen.items():
        made = _made(one, judged[hash], roots[hash], directory, manifests or {})
        out.setdefault(made.record.manifest_id, []).append(made)
    for found in out.values():
        found.sort(key=order)
    return Joined(
        {id: out[id] for id in sorted(out)},
        _told(out, directory, vehicles or {}),
        sorted(unread, key=lambda u: (u[0].seen_at, u[0].id)),
        sorted((code for code, root in first if judged[root].worth == "forged"), key=lambda c: (c.seen_at, c.id)),
    )


def order(leg: Leg) -> tuple[datetime, str, str]:
    """By time; of the same time by kind and hash, so that nothing depends on who came first."""
    return leg.record.at, leg.record.kind, leg.hash or leg.record.id


class _Memo(Generic[T]):
    """What was worked out of bytes before: it never comes out otherwise. Emptied where it grows too large."""

    def __init__(self) -> None:
        self._known: dict[bytes, T] = {}

    def of(self, key: bytes, make: Callable[[], T]) -> T:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[key] = make()
        return found


_legs: _Memo[_Said] = _Memo()
_chains: _Memo[tuple[_Said, ...] | int] = _Memo()
_checked: _Memo[bool] = _Memo()


def _parsed(text: str) -> _Said:
    """A record's signature. Raises ValueError where it is none."""
    raw = evidence.unb64(text)
    return _legs.of(sha256(raw).digest(), lambda: _said(raw))


def _said(raw: bytes) -> _Said:
    leg = cose.parse(raw)
    try:
        return leg, from_map(cose.loads(leg.payload))
    except LookupError as err:
        raise ValueError("a number that stands for nothing") from err


def _chain(text: str) -> tuple[_Said, ...] | int:
    """The legs of a code, the first first; the problem's number where it cannot be read."""
    return _chains.of(sha256(text.encode()).digest(), lambda: _read(text))


def _read(text: str) -> tuple[_Said, ...] | int:
    try:
        chain = read(text)
    except Trouble as trouble:
        return trouble.problem.number
    # the same leg stands in many codes: kept once
    return tuple(
        _legs.of(leg.hash, partial(_pair, leg, claim)) for leg, claim in zip(chain.legs, chain.claims, strict=True)
    )


def _pair(leg: Sign1, claim: Claim) -> _Said:
    return leg, claim


def _fits(leg: Sign1, public_key: str, previous: bytes | None) -> bool:
    key = sha256(leg.hash + public_key.encode() + b" " + (previous or b"")).digest()
    return _checked.of(key, lambda: cose.fits(leg, public_key, previous))


def _hash(text: str | None) -> bytes | None:
    try:
        found = bytes.fromhex(text or "")
    except ValueError:
        return None
    return found if len(found) == 32 else None


class _Judged(NamedTuple):
    worth: Literal["genuine", "forged", "unsure"]
    why: str
    key: Key | None
    before: bytes | None


def _judged(one: _Seen, directory: Directory | None, now: datetime) -> _Judged:
    """By its key; where it is said to stand on several legs, on the one its signature fits. That a time goes backwards is said of the
    story, not of the leg."""
    before: list[bytes | None] = [None] if one.claim.load is not None else [*sorted(one.before)] or [None]
    found = []
    for previous in before:
        leg = leg_worth(one.leg, one.claim.at, previous, None, directory, now, _fits, one.claim.way in STAND_INS)
        found.append(_Judged(leg.worth, leg.why, leg.key, previous))
    return next((j for j in found if j.why != "signature"), found[0])


def _root(hash: bytes, seen: Mapping[bytes, _Seen], judged: Mapping[bytes, _Judged]) -> Load | None:
    """What the chain's first leg says of the load, as far as the chain is here."""
    passed: set[bytes] = set()
    at: bytes | None = hash
    while at is not None and at in seen and at not in passed:
        if load := seen[at].claim.load:
            return load
        passed.add(at)
        at = judged[at].before
    return None


def _made(
    one: _Seen, j: _Judged, root: Load | None, directory: Directory | None, manifests: Mapping[str, Manifest]
) -> Leg:
    records = sorted(one.records, key=lambda r: (r.deleted, r.id))
    named = records[0].manifest_id if records else ""
    # a chain says whose leg it is; one that is not signed as it should be says nothing
    manifest = root.manifest if root and (j.worth != "forged" or not records) else named
    said = []
    for record in records:
        faults = set(disagreements(record, one.claim, manifests.get(manifest)))
        if record.manifest_id != manifest:
            faults.add("elsewhere")
        if record.deleted:
            faults.add("withdrawn")
        said.append((record, faults))
    plain = next(((r, f) for r, f in said if not f & (_PLAIN_LIES | {"elsewhere"})), None)
    wrong = set().union(*(f for _, f in said)) if said else set()
    if any(not f for _, f in said):  # the same leg twice, once withdrawn
        wrong -= {"withdrawn"}
    if root and j.key and j.worth != "forged" and stranger(one.claim, j.key, root, directory):
        wrong.add("stranger")
    if root and j.key and j.worth != "forged" and _by_carrier(one.claim, j.key, root, directory):
        wrong.add("by_carrier")
    if one.claim.load is not None and _told_otherwise(one.claim.load, manifests.get(manifest)):
        wrong.add("details")
    record = plain[0] if plain else leg_of(one.leg, one.claim, manifest, j.before, j.key, root)
    return Leg(
        record, one.leg.hash.hex(), j.before.hex() if j.before else None, "record" if plain else "code", j.worth, j.why, j.key,
        one.claim.load, tuple(sorted(wrong)),
    )  # fmt: skip


def _by_carrier(claim: Claim, key: Key, load: Load, directory: Directory | None) -> bool:
    """Was it taken by the word of those who carried it, in the receiver's name? It may be so, and it is what who dumps a load would write."""
    plan = directory.of("plans", load.plan) if directory else {}
    carries = {load.carrier, *(plan.get("carriers") or ())} - {load.receiver}
    return claim.kind in TAKES and claim.way != "own" and key.org in carries


def _told_otherwise(load: Load, manifest: Manifest | None) -> bool:
    """Does the manifest's record name another number, plan, pit or receiver than was signed, whoever's device was heard?"""
    if manifest is None:
        return False
    said = (manifest.number, manifest.plan_id, manifest.lot_id, manifest.receiver_id)
    return said != (load.number, load.plan, load.lot, load.receiver)


_WORTHS = {"genuine": 0, "unsure": 1}


def _told(
    legs: Mapping[str, list[Leg]], directory: Directory | None, vehicles: Mapping[str, str]
) -> dict[str, Manifest]:
    """Manifests as their first legs tell them; where there are two first legs, by the one that is surer and older."""
    out = {}
    for id, found in legs.items():
        first = [leg for leg in found if leg.load is not None and leg.worth in _WORTHS and leg.load.manifest == id]
        if first:
            best = min(first, key=lambda leg: (_WORTHS[leg.worth], order(leg)))
            assert best.load is not None
            out[id] = manifest_of(best.load, best.record.at, directory, vehicles)
    return out
