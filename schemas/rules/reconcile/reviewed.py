"""What the facts say about review: decisions by record, and whether a photo answered one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.records.review_decision import ReviewDecision
from schemas.rules.reconcile.facts import Facts

Subject = tuple[str, str]  # (type, id)


def decisions_of(facts: Facts) -> Mapping[Subject, Sequence[ReviewDecision]]:
    """Decisions about records that count, by the record."""

    def make() -> dict[Subject, list[ReviewDecision]]:
        out: dict[Subject, list[ReviewDecision]] = {}
        for decision in facts.alive(ReviewDecision):
            out.setdefault((decision.subject_kind, decision.subject_id), []).append(decision)
        return out

    return facts.remember("decisions_of", make)


def answered_by(facts: Facts, id: str) -> int:
    """The highest seq of a photo of this record; 0 = there is none."""
    return max((photo.seq for photo in facts.photos_of(id)), default=0)
