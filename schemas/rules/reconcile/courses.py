"""The course of each finding of a report, folded once from its corrective actions, re-checks and their photos."""

from __future__ import annotations

from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.person import Person
from schemas.records.photo import Photo
from schemas.rules import rectify
from schemas.rules.reconcile.facts import Facts


def course(facts: Facts, finding: Finding) -> rectify.Course:
    """Where its inspection is not at hand (it always comes first), the earliest day there is stands for the day it was signed."""
    return facts.remember(("course", finding.id), lambda: _course(facts, finding))


def finding_state(facts: Facts, finding: Finding) -> rectify.State:
    return course(facts, finding).state


def employers(facts: Facts) -> dict[str, str]:
    """Person id → organisation id, of all people known here."""
    return facts.remember("employers", lambda: {p.id: p.org_id for p in facts.every(Person)})


def _course(facts: Facts, finding: Finding) -> rectify.Course:
    actions, rechecks = facts.actions_of(finding.id), facts.rechecks_of(finding.id)
    photos: list[Photo] | None = None
    if facts.held(Photo):
        subjects = (finding.id, *(a.id for a in actions), *(r.id for r in rechecks))
        photos = [p for id in subjects for p in facts.photos_of(id)]
    inspection = facts.get(Inspection, finding.inspection_id)
    if inspection is not None:
        return rectify.course_of(finding, inspection, actions, rechecks, photos, employers(facts), now=facts.now)
    first = min([a.at for a in actions] + [r.at for r in rechecks], default=facts.now)
    return rectify.fold(finding, actions, rechecks, photos, signed_on=first, orgs=employers(facts), now=facts.now)
