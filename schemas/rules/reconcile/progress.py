"""How far the plan is, by medium and analyte group: planned portions against those that were taken.

A portion is one planned target for one group of analytes. It is taken when an ordinary sample answers the target (as F05
has it) and carries the group: in one of its containers where the project records containers (as F06 has it), else by the
sample's own list. A cancelled point asks for nothing; a missing or refused one lacks all it was planned for.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.records.sample_container import SampleContainer
from schemas.rules.reconcile.depths import answered, carried
from schemas.rules.reconcile.facts import Facts
from schemas.rules.reconcile.fieldwork import cancelled
from schemas.rules.reconcile.terms import Place


@dataclass(frozen=True, slots=True)
class Progress:
    """`group` "" is the medium as a whole, counted in planned targets: one is done when all its groups are. `points`:
    planned points that still lack some of it."""

    medium: str
    group: str
    planned: int
    done: int
    points: int


def lacking(facts: Facts, place: Place, count: dict[tuple[str, str], list[int]]) -> tuple[str, ...]:
    """What a planned point still lacks, "medium/group" each, sorted. Adds to `count`: (medium, group) → planned, done, points."""
    if place.planned is None or cancelled(facts, place):
        return ()
    lacks: set[tuple[str, str]] = set()
    packed = bool(facts.alive(SampleContainer))
    for target, found in answered(facts, place):
        have = carried(facts, found) if packed else {g for s in found for g in s.groups}
        whole = True
        for group in dict.fromkeys(target.groups):
            row = count.setdefault((target.medium, group), [0, 0, 0])
            row[0] += 1
            if group in have:
                row[1] += 1
            else:
                whole = False
                lacks.add((target.medium, group))
        row = count.setdefault((target.medium, ""), [0, 0, 0])
        row[0] += 1
        if whole:
            row[1] += 1
        else:
            lacks.add((target.medium, ""))
    for key in lacks:
        count[key][2] += 1
    return tuple(sorted(f"{medium}/{group}" for medium, group in lacks if group))


def progress(count: dict[tuple[str, str], list[int]]) -> tuple[Progress, ...]:
    """By medium, the whole of it first, then by group."""
    return tuple(Progress(*key, *count[key]) for key in sorted(count))
