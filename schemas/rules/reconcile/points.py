"""What the map and the totals show: the state of each point, and the counts over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from schemas.records.sample import Sample
from schemas.rules.reconcile.facts import Facts
from schemas.rules.reconcile.fieldwork import cancelled
from schemas.rules.reconcile.inspection import open_findings
from schemas.rules.reconcile.progress import Progress, lacking, progress
from schemas.rules.reconcile.readings import Level, exceedance
from schemas.rules.reconcile.samples import duplicates_at
from schemas.rules.reconcile.shift import shift_of
from schemas.rules.reconcile.terms import Place
from schemas.rules.reconcile.transfer import is_short, loads

State = Literal["missing", "done", "partial", "refused", "cancelled", "extra"]


@dataclass(frozen=True, slots=True)
class PointState:
    """One planned point, or one visit outside the plan (`extra`). `shifted` and `exceed` are unknown where the records
    cannot tell; a point without readings that a standard knows is unknown, not clean. `lacking`: "medium/group" of what was
    planned and is not taken yet."""

    code: str
    planned_id: str | None
    visits: tuple[str, ...]
    state: State
    shifted: bool | None
    shift_m: float | None
    bearing_deg: float | None
    exceed: Level
    exceeded: tuple[str, ...]
    duplicates: int
    planned: tuple[Decimal, Decimal] | None
    actual: tuple[Decimal, Decimal] | None
    accuracy: Decimal | None
    visited: bool = False
    judged: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """`planned` = done + missing + refused + cancelled; `done` includes `partial` and shifted points. `visited` = done
    points and visited extra ones: what duplicates and exceedances are counted over. `exceedances`: every analyte that
    could be judged, lower-case English name → visited points above its screening value. `above`: visited points above any
    screening value, those above an intervention value among them. `samples`: all that count. `targets`: planned samples
    that are asked for, by `progress` (medium, "")."""

    planned: int = 0
    done: int = 0
    partial: int = 0
    missing: int = 0
    refused: int = 0
    cancelled: int = 0
    shifted: int = 0
    shift_unknown: int = 0
    extra: int = 0
    visited: int = 0
    duplicates: int = 0
    duplicate_share: float = 0.0
    exceedances: dict[str, int] = field(default_factory=dict)
    manifests: dict[str, int] = field(default_factory=dict)
    findings_open: int = 0
    samples: int = 0
    above: int = 0
    above_intervention: int = 0
    targets: int = 0
    targets_done: int = 0
    progress: tuple[Progress, ...] = ()


def states(facts: Facts, places: Sequence[Place]) -> tuple[list[PointState], Totals]:
    """Each place, and the counts over them."""
    count: dict[tuple[str, str], list[int]] = {}
    points = [point_state(facts, place, count) for place in places]
    return points, totals(facts, points, progress(count))


def point_state(facts: Facts, place: Place, count: dict[tuple[str, str], list[int]]) -> PointState:
    shift = shift_of(facts, place)
    result = exceedance(facts, place)
    main = place.main
    fix = main.position if main else None
    known = shift if place.visited else None
    return PointState(
        code=place.code,
        planned_id=place.planned.id if place.planned else None,
        visits=tuple(v.id for v in place.visits),
        state=_state(facts, place),
        shifted=known.beyond_ok if known else None,
        shift_m=round(known.m, 2) if known else None,
        bearing_deg=round(known.bearing, 1) if known else None,
        exceed=result.level,
        exceeded=tuple(result.exceeded),
        duplicates=len(set().union(*(duplicates_at(facts, v.id) for v in place.visits))),
        planned=(place.planned.position.lon, place.planned.position.lat) if place.planned else None,
        actual=(fix.lon, fix.lat) if fix else None,
        accuracy=fix.h_acc_m if fix else None,
        visited=place.visited,
        judged=tuple(result.judged),
        lacking=lacking(facts, place, count),
    )


def _state(facts: Facts, place: Place) -> State:
    if place.planned is None:
        return "extra"
    if place.main is not None and place.visited:
        return "partial" if place.main.outcome == "partial" else "done"
    if cancelled(facts, place):
        return "cancelled"
    return "refused" if any(v.outcome in ("refused", "not_needed") for v in place.visits) else "missing"


def totals(facts: Facts, points: Sequence[PointState], far: tuple[Progress, ...]) -> Totals:
    planned = [p for p in points if p.state != "extra"]
    done = [p for p in planned if p.visited]
    visited = [p for p in points if p.visited]
    count = {state: sum(p.state == state for p in planned) for state in ("partial", "missing", "refused", "cancelled")}
    duplicates = sum(p.duplicates for p in visited)
    above: dict[str, int] = {}
    for point in visited:
        for name in point.judged:
            above[name] = above.get(name, 0) + (name in point.exceeded)
    sent = [load for load in loads(facts) if load.trip.sent]
    return Totals(
        planned=len(planned),
        done=len(done),
        **count,
        shifted=sum(p.shifted is True for p in done),
        shift_unknown=sum(p.shifted is None for p in done),
        extra=len(points) - len(planned),
        visited=len(visited),
        duplicates=duplicates,
        duplicate_share=float(Decimal(duplicates) / len(visited)) if visited else 0.0,
        exceedances=dict(sorted(above.items())),
        manifests={
            "sent": len(sent),
            "received": sum(load.trip.received for load in sent),
            "short": sum(is_short(facts, load) for load in sent),
            "not_received": sum(load.trip.on_the_way for load in sent),
        },
        findings_open=len(open_findings(facts)),
        samples=len(facts.alive(Sample)),
        above=sum(p.exceed in ("screening", "intervention") for p in visited),
        above_intervention=sum(p.exceed == "intervention" for p in visited),
        targets=sum(p.planned for p in far if not p.group),
        targets_done=sum(p.done for p in far if not p.group),
        progress=far,
    )
