"""What one leg's signature is over: a CBOR map with small whole numbers as keys. Numbers are never given twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, NamedTuple
from uuid import UUID

from schemas import canonical

FORMAT = 1
KINDS = {
    1: "issued", 2: "departed", 3: "waypoint", 4: "relay", 5: "arrived", 6: "received", 7: "received_difference", 8: "rejected",
    9: "returned", 10: "disposed", 11: "voided", 12: "paper_entry", 13: "amended",
}  # fmt: skip
WAYS = {0: "own", 1: "beside", 2: "paper", 3: "lost"}
PROBLEMS = {
    1: "weight_diff", 2: "kind_diff", 3: "water_added", 4: "packing", 5: "label", 6: "spill", 7: "over_time", 8: "wrong_place",
    9: "other",
}  # fmt: skip
COVERS = {0: "none", 1: "tarp", 2: "sealed", 3: "bag", 4: "drum"}
# keys of the map
_FORMAT, _KIND, _AT, _DETAILS, _POSITION, _GROSS, _TARE, _PROBLEM, _WAY, _NET = range(10)
_MANIFEST, _PROJECT, _PLAN, _LOT, _CARRIER, _RECEIVER, _NUMBER, _PLATE, _MINUTES, _COVER = range(20, 30)

# of a leg's values, what is not itself signed: the signature, and what may be written beside a leg later
SIGNATURE = ("cose", "key_id", "signature", "prev_hash")
UNSIGNED = frozenset({*SIGNATURE, "deleted", "void_reason"})
EMPTY: tuple[Any, ...] = (None, "", [])  # of the values of a record what is not there
# limits of what is read, and therefore of what may be signed
MOST_KG, MOST_MINUTES, MOST_M = 200_000, 10_000, 9_999
LONGEST_PLATE, MOST_PLATE_BYTES = 12, 36  # characters; bytes of UTF-8 [D]: real ones have 7 to 10 characters
LATEST = 2**32 - 1  # seconds: the year 2106


class Load(NamedTuple):
    """What the first leg says of the load. Ids are UUIDs; minutes: the driving time the plan expects."""

    manifest: str
    project: str
    plan: str
    lot: str
    carrier: str
    receiver: str
    number: str  # 14 digits
    plate: str
    minutes: int | None
    cover: str


class Claim(NamedTuple):
    """One leg, as it is signed. Weights in kg, the position in millionths of a degree (CGCS2000) and whole metres."""

    kind: str
    at: datetime  # whole seconds, UTC
    details: bytes  # SHA-256 of everything the records say, see `details_of`
    position: tuple[int, int, int] | None = None  # longitude, latitude, accuracy (9999: as much or more, or not known)
    gross_kg: int | None = None
    tare_kg: int | None = None
    net_kg: int | None = None  # what the receiver took, where that is not gross less tare
    problem: str | None = None
    way: str = "own"
    load: Load | None = None  # the first leg alone

    def net(self) -> int | None:
        if self.gross_kg is not None and self.tare_kg is not None:
            return self.gross_kg - self.tare_kg
        return self.net_kg


def details_of(leg: Mapping[str, Any], manifest: Mapping[str, Any] | None = None) -> bytes:
    """SHA-256 that binds free text, tickets and handwriting: of the canonical JSON of the leg's values without its signature, and,
    for the first leg, of the manifest's values as they were then. What is empty is left out, as where records are kept."""
    said = {"leg": {k: v for k, v in leg.items() if k not in UNSIGNED and v not in EMPTY}}
    if manifest:
        said["manifest"] = {k: v for k, v in manifest.items() if v not in EMPTY}
    return hashlib.sha256(canonical.dumps(said)).digest()


def claim_of(leg: Mapping[str, Any], manifest: Mapping[str, Any] | None = None, load: Load | None = None) -> Claim:
    """What is to be signed of a leg's values (wire form). The first leg has `load` and the manifest's values."""
    tickets = leg.get("weight") or []
    gross = sum((Decimal(w["gross_t"]) for w in tickets), Decimal(0))
    tare = sum((Decimal(w["tare_t"]) for w in tickets), Decimal(0))
    taken = Decimal(leg["received_t"]) if leg.get("received_t") else None
    at = datetime.fromisoformat(leg["at"]).astimezone(UTC).replace(microsecond=0)
    return Claim(
        leg["kind"], at, details_of(leg, manifest), _place(leg.get("position")), _kg(gross) if tickets else None,
        _kg(tare) if tickets else None, _kg(taken) if taken is not None and taken != gross - tare else None,
        leg.get("problem"), leg.get("way") or "own", load,
    )  # fmt: skip


def _kg(t: Decimal) -> int:
    return int((t * 1000).to_integral_value())


def _place(fix: Mapping[str, Any] | None) -> tuple[int, int, int] | None:
    if not fix:
        return None
    lon, lat = (int((Decimal(fix[k]) * 1_000_000).to_integral_value()) for k in ("lon", "lat"))
    accuracy = Decimal(fix.get("h_acc_m") or MOST_M).to_integral_value(ROUND_CEILING)
    return lon, lat, int(min(accuracy, Decimal(MOST_M)))


def to_map(c: Claim) -> dict[int, Any]:
    """The map of whole numbers that is encoded and signed; what is not known is left out. Raises ValueError for a code without a
    number."""
    out: dict[int, Any] = {
        _FORMAT: FORMAT, _KIND: _number(KINDS, c.kind), _AT: int(c.at.timestamp()), _DETAILS: c.details,
        _POSITION: list(c.position) if c.position else None, _GROSS: c.gross_kg, _TARE: c.tare_kg, _NET: c.net_kg,
        _PROBLEM: _number(PROBLEMS, c.problem) if c.problem else None, _WAY: _number(WAYS, c.way) or None,
    }  # fmt: skip
    if load := c.load:
        ids = (load.manifest, load.project, load.plan, load.lot, load.carrier, load.receiver)
        out |= dict(zip(range(_MANIFEST, _NUMBER), (UUID(i).bytes for i in ids), strict=True))
        out |= {
            _NUMBER: int(load.number),
            _PLATE: load.plate,
            _MINUTES: load.minutes,
            _COVER: _number(COVERS, load.cover),
        }
    return {k: v for k, v in out.items() if v is not None}


def _number(codes: Mapping[int, str], code: str) -> int:
    for n, known in codes.items():
        if known == code:
            return n
    raise ValueError(f"{code!r} has no number")


def from_map(said: object) -> Claim:
    """Inverse of `to_map`. Unknown keys are let pass: they are signed, and a newer reader knows them. Raises ValueError."""
    if not isinstance(said, dict) or _of(said, _FORMAT, int) != FORMAT:
        raise ValueError("not of a format this reader knows")
    details = said.get(_DETAILS)
    if not isinstance(details, bytes) or len(details) != 32:
        raise ValueError("no hash of the details")
    load = None
    if any(key in said for key in range(_MANIFEST, _COVER + 1)):
        manifest, project, plan, lot, carrier, receiver = (
            str(UUID(bytes=_of(said, k, bytes))) for k in range(_MANIFEST, _NUMBER)
        )
        number, plate = _whole(said, _NUMBER, 0, 10**14 - 1), _of(said, _PLATE, str)
        if not 0 < len(plate) <= LONGEST_PLATE or len(plate.encode()) > MOST_PLATE_BYTES or not plate.isprintable():
            raise ValueError("no plate")
        load = Load(
            manifest, project, plan, lot, carrier, receiver, f"{number:014d}", plate,
            _maybe(said, _MINUTES, 1, MOST_MINUTES), COVERS[_whole(said, _COVER, 0, 4)],
        )  # fmt: skip
    place = said.get(_POSITION)
    if _POSITION in said and not _is_place(place):
        raise ValueError("no position")
    gross, tare, net = (_maybe(said, key, 0, MOST_KG) for key in (_GROSS, _TARE, _NET))
    problem = _maybe(said, _PROBLEM, 1, len(PROBLEMS))
    if (gross is None) != (tare is None) or (gross is not None and tare is not None and gross <= tare):
        raise ValueError("gross and tare come together, the tare below the gross")
    return Claim(
        KINDS[_whole(said, _KIND, 1, len(KINDS))], datetime.fromtimestamp(_whole(said, _AT, 0, LATEST), UTC), details,
        tuple(place) if place else None, gross, tare, net,
        PROBLEMS[problem] if problem else None, WAYS[_maybe(said, _WAY, 0, len(WAYS) - 1) or 0], load,
    )  # fmt: skip


def _is_place(place: object) -> bool:
    if not isinstance(place, list) or [type(p) for p in place] != [int] * 3:
        return False
    lon, lat, accuracy = place
    return bool(abs(lon) <= 180_000_000 and abs(lat) <= 90_000_000 and 0 <= accuracy <= MOST_M)


def _of(said: Mapping[Any, Any], key: int, kind: type) -> Any:
    value = said.get(key)
    if type(value) is not kind:
        raise ValueError(f"key {key} is missing or of another kind")
    return value


def _whole(said: Mapping[Any, Any], key: int, least: int, most: int) -> int:
    value: int = _of(said, key, int)
    if not least <= value <= most:
        raise ValueError(f"key {key} is out of range")
    return value


def _maybe(said: Mapping[Any, Any], key: int, least: int, most: int) -> int | None:
    """None where the key is not there; null is not the same."""
    return _whole(said, key, least, most) if key in said else None
