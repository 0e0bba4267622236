"""What the legs of a manifest say: its state, its times, its weights. Legs are only added and may come in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from schemas.records.manifest_leg import ManifestLeg

State = Literal[
    "draft", "issued", "departed", "in_transit", "arrived", "received", "received_difference", "rejected", "returned",
    "disposed", "closed", "voided", "disputed",
]  # fmt: skip

# The way a load goes; where a leg is missing (not here yet), a later one speaks for it.
_STEP: dict[str, State] = {
    "issued": "issued",
    "departed": "departed",
    "waypoint": "in_transit",
    "relay": "in_transit",
    "arrived": "arrived",
    "rejected": "rejected",
    "returned": "returned",
    "received_difference": "received_difference",
    "received": "received",
    "disposed": "disposed",
}
_RANK = {kind: rank for rank, kind in enumerate(_STEP)}
TAKEN = frozenset({"received", "received_difference"})
# Legs after which the load is off the road and the vehicle free.
TERMINAL = LEFT = frozenset({*TAKEN, "rejected", "returned", "disposed"})
MOVED = frozenset({"departed", "waypoint", "relay", "arrived", *LEFT})
STAND_INS = frozenset({"paper", "lost"})  # ways of signing that are caught up with later


def manifest_state(legs: Iterable[ManifestLeg]) -> State:
    """The state the legs add up to, in whatever order they came.

    `closed` is a load disposed of that was also received. `disputed`: one receiver's leg says taken, another rejected;
    nothing is dropped, somebody has to ask. Voiding counts only while nothing has moved. A paper entry says how a leg
    was written, an amendment what was wrong in one; neither is a step.
    """
    kinds = {leg.kind for leg in legs}
    if "voided" in kinds and not kinds & MOVED:
        return "voided"
    if kinds & TAKEN and "rejected" in kinds:
        return "disputed"
    if "disposed" in kinds and kinds & TAKEN:
        return "closed"
    step = max((k for k in kinds if k in _STEP), key=lambda k: _RANK[k], default=None)
    return _STEP[step] if step else "draft"


def real(legs: Sequence[ManifestLeg]) -> list[ManifestLeg]:
    """Without stand-ins whose own leg has come since: it counts instead of them."""
    own = {leg.kind for leg in legs if (leg.way or "own") not in STAND_INS}
    return [leg for leg in legs if (leg.way or "own") not in STAND_INS or leg.kind not in own]


class Trip(NamedTuple):
    """One manifest on the road. Times and weights are None where no leg says so."""

    state: State
    began: datetime | None  # departed, or the earliest leg that shows it on its way
    issued: datetime | None
    ended: datetime | None  # received, rejected or returned
    arrived: datetime | None
    net_out_t: Decimal | None
    net_in_t: Decimal | None

    @property
    def sent(self) -> bool:
        return self.state not in ("draft", "voided")

    @property
    def received(self) -> bool:
        return self.net_in_t is not None or self.state in ("received", "received_difference", "closed")

    @property
    def on_the_way(self) -> bool:
        return self.state in ("issued", "departed", "in_transit", "arrived")


def trip(legs: Sequence[ManifestLeg]) -> Trip:
    """The story of one load."""
    own = real(legs)

    def first(*kinds: str) -> datetime | None:
        return min((leg.at for leg in own if leg.kind in kinds), default=None)

    came_in = [leg for leg in own if leg.kind in TAKEN]
    return Trip(
        manifest_state(legs),
        first("departed") or first("waypoint", "relay", "arrived"),
        first("issued"),
        first(*TERMINAL),
        first("arrived"),
        _net([leg for leg in own if leg.kind == "issued"]) or _net([leg for leg in own if leg.kind == "departed"]),
        _net(came_in) or next((leg.received_t for leg in came_in if leg.received_t is not None), None),
    )


def net(leg: ManifestLeg) -> Decimal | None:
    """Gross less tare, truck and trailer together; None where it was not weighed."""
    return sum((w.gross_t - w.tare_t for w in leg.weight), Decimal(0)) if leg.weight else None


def _net(legs: list[ManifestLeg]) -> Decimal | None:
    """Net weight of the latest weighed leg."""
    weighed = [leg for leg in legs if leg.weight]
    return net(max(weighed, key=lambda leg: leg.at)) if weighed else None
