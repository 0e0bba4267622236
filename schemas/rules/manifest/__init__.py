"""Manifests: what their signed legs add up to, and what may be done next.

`join` gathers the legs of records and of hand-over codes, each once; `fold` says the state and what is open; `guards` what is missing
before a step; `trips` the times and weights of one load; `mass` and `balance` the intervals; `alarms` what to look at now; `numbers`
the 14 digits of a manifest.
"""

from schemas.rules.lack import Lack
from schemas.rules.manifest.fold import Story, fold
from schemas.rules.manifest.guards import Known, lacks, stops, warnings
from schemas.rules.manifest.join import Joined, Leg, join
from schemas.rules.manifest.numbers import number, shown
from schemas.rules.manifest.questions import Question
from schemas.rules.manifest.trips import TERMINAL, State, Trip, manifest_state, trip

__all__ = [
    "TERMINAL", "Joined", "Known", "Lack", "Leg", "Question", "State", "Story", "Trip", "fold", "join", "lacks", "manifest_state",
    "number", "shown", "stops", "trip", "warnings",
]  # fmt: skip
