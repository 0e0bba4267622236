"""Which photos a point wants: as the project asks, or, where it asks for none, as the guides advise."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import NamedTuple

from schemas.reference import Label, cite, table
from schemas.values import PhotoRule


class Shot(NamedTuple):
    """One kind of photo. least: how many different ones. `if_any`: only where there is something to show (casing, a change
    of layer). note: what must be on it. stage: which work it shows (a name of STAGES)."""

    step: str
    least: int = 1
    if_any: bool = False
    note: Label | None = None
    source: Label | None = None
    stage: str = ""


STAGES = ("drilling", "core", "soil_sampling", "well", "groundwater", "handover", "sealing")


def asked(rules: Iterable[PhotoRule], role: str | None) -> dict[str, int]:
    """step → how many different photos of it a project asks for at a point of this role, in the order of its rules. Two
    rules for one step do not add up: the higher one counts."""
    out: dict[str, int] = {}
    for rule in rules:
        if rule.role in (None, role):
            out[rule.step] = max(rule.least, out.get(rule.step, 0))
    return out


@cache
def _advice() -> tuple[tuple[frozenset[str], frozenset[str], Shot], ...]:
    out = []
    for row in table("photo_steps"):
        note = Label(row["note_zh"], row["note_en"]) if row["note_zh"] else None
        shot = Shot(
            row["step"], 1, row["when"] == "if_any", note, cite(row["standard"], row["table"], row["mark"]),
            row["stage"],
        )  # fmt: skip
        out.append((frozenset(row["roles"].split()), frozenset(row["groups"].split()), shot))
    return tuple(out)


def advised(role: str, groups: Collection[str]) -> list[Shot]:
    """What the guides list for a point of this role where these analyte groups are sampled, in the order of the work.
    Nobody asks for it by this project: a list to go by, not a gap."""
    return [shot for roles, of, shot in _advice() if role in roles and (not of or of & set(groups))]


@cache
def stages() -> dict[str, str]:
    """Kind of photo → the work it shows, for those the guides list."""
    return {shot.step: shot.stage for _, _, shot in _advice()}
