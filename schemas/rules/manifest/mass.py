"""The masses of one load, as far as its legs say: an interval each for what left, what was accepted and what went back.

Whatever legs are still on other devices, the true figure lies inside, and each leg that comes makes the interval narrower or leaves
it. One premise stands behind the upper ends: a load does not arrive heavier than it left by more than two weighbridges may differ
(the project's `mass_pct` and `mass_abs_t`, D). One that does is a finding of its own (T02).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.records.manifest_leg import ManifestLeg
from schemas.reference import Label
from schemas.rules.manifest.trips import MOVED, TAKEN, net, real

ZERO = Decimal(0)
BACK = frozenset({"rejected", "returned"})

# What an interval does not know, as a ledger names it.
NO_LEG = Label("环节未到", "no leg has come")
NOT_ISSUED = Label("签发人不能确定", "cannot say who issued it")
NOT_LEFT = Label("未见起运", "not seen to depart")
NO_OUT = Label("出场重量未知", "weight at departure not known")
NOT_IN = Label("未见接收", "not seen to be received")
NO_IN = Label("接收重量未知", "weight at arrival not known")
NOT_BACK = Label("拒收后去向未知", "rejected, not seen to return")
NO_BACK = Label("退回重量未知", "weight on return not known")
PARTLY = Label("未接收部分去向未知", "where the part not accepted went")
AT_ODDS = Label("环节相互矛盾", "legs contradict each other")


class Range(NamedTuple):
    """Between `low` and `high`, both included; `high` None: no upper bound is known."""

    low: Decimal
    high: Decimal | None

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def plus(self, other: Range) -> Range:
        return Range(self.low + other.low, None if self.high is None or other.high is None else self.high + other.high)

    def less(self, other: Range) -> Range:
        """This without that, where that is a part of this: never below 0."""
        low = ZERO if other.high is None else max(ZERO, self.low - other.high)
        return Range(low, None if self.high is None else max(ZERO, self.high - other.low))

    def over(self, divisor: Decimal) -> Range:
        return Range(self.low / divisor, None if self.high is None else self.high / divisor)

    def times(self, factor: Decimal) -> Range:
        return Range(self.low * factor, None if self.high is None else self.high * factor)

    def holds(self, value: Decimal) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)


NOTHING = Range(ZERO, ZERO)


class Tolerance(NamedTuple):
    """What two weighings of one load may differ: the larger of a share of what left and a fixed mass (RULES §16, D)."""

    pct: Decimal
    abs_t: Decimal

    def of(self, out_t: Decimal) -> Decimal:
        return max(self.pct * out_t / 100, self.abs_t)

    def most_in(self, out: Range) -> Range:
        """What may have arrived of a load that left with so much."""
        return Range(ZERO, None if out.high is None else out.high + self.of(out.high))

    def least_out(self, came: Decimal) -> Decimal:
        """What must have left for so much to arrive."""
        return max(ZERO, min(came - self.abs_t, came * 100 / (100 + self.pct)))


class Mass(NamedTuple):
    """`out`: left the pit; `came`: accepted by the receiver; `back`: went back or was turned away; t. `unknown`: what is open."""

    out: Range
    came: Range
    back: Range
    unknown: tuple[Label, ...]

    @property
    def gone(self) -> Range:
        """What left for good."""
        return self.out.less(self.back)


def accepted_of(leg: ManifestLeg) -> Decimal | None:
    """What a receiver's leg says was taken: the mass confirmed, or what was weighed."""
    return leg.received_t if leg.received_t is not None else net(leg)


def mass(legs: Sequence[ManifestLeg], tolerance: Tolerance) -> Mass:
    """Of one load."""
    kinds = {leg.kind for leg in legs}
    legs = real(legs)  # what somebody entered for a device counts until that device is heard
    taken = [leg for leg in legs if leg.kind in TAKEN]
    moved = bool(kinds & MOVED)
    unknown: list[Label] = []
    if "voided" in kinds and not moved:
        return Mass(NOTHING, NOTHING, NOTHING, ())

    weighed = _span(net(leg) for leg in legs if leg.kind in ("issued", "departed"))
    came_at = _span(accepted_of(leg) for leg in taken)
    if weighed is None:
        least = tolerance.least_out(came_at.low) if came_at else ZERO
        out = Range(least, None)
        unknown.append(NO_OUT if legs else NO_LEG)
    else:
        out = weighed
    if not moved or "voided" in kinds:
        out = Range(ZERO, out.high)
        if legs:
            unknown.append(AT_ODDS if moved else NOT_LEFT)

    arriving = tolerance.most_in(out)
    came, back = _ended(kinds, taken, came_at, arriving, unknown)
    if "returned" in kinds:
        on_return = _span(net(leg) for leg in legs if leg.kind == "returned")
        back = on_return or arriving
        if on_return is None:
            unknown.append(NO_BACK)
    spans = [s for s in (weighed, came_at) if s is not None]
    if any(not s.exact for s in spans) and AT_ODDS not in unknown:
        unknown.append(AT_ODDS)
    return Mass(out, came, back, tuple(dict.fromkeys(unknown)))


def _ended(
    kinds: set[str], taken: Sequence[ManifestLeg], came_at: Range | None, arriving: Range, unknown: list[Label]
) -> tuple[Range, Range]:
    """(accepted, back) before a return was weighed."""
    if taken and kinds & BACK:  # taken and turned away: both stand until somebody says which
        unknown.append(AT_ODDS)
        most = came_at.high if came_at else arriving.high
        return Range(ZERO, most), arriving
    if taken:
        if came_at is None:
            unknown.append(NO_IN)
            return arriving, NOTHING
        nets = ((net(leg), accepted_of(leg)) for leg in taken)
        refused = max((n - a for n, a in nets if n is not None and a is not None), default=ZERO)
        if refused > 0:
            unknown.append(PARTLY)
        return came_at, Range(ZERO, max(refused, ZERO))
    if kinds & BACK:
        if "returned" not in kinds:
            unknown.append(NOT_BACK)
        return NOTHING, arriving
    unknown.append(NOT_IN)
    return arriving, NOTHING if "disposed" in kinds else arriving


def _span(values: Iterable[Decimal | None]) -> Range | None:
    """From the least to the largest of what is known."""
    known = [v for v in values if v is not None]
    return Range(min(known), max(known)) if known else None
