"""Readings of one analyte by depth, each against the limit that applies to it: what the drawings show.

It judges as R04 does (the same readings, the same standard, the same figures), so a drawing and a finding cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from schemas.records.field_reading import FieldReading
from schemas.records.site import Site
from schemas.reference import Analyte, analyte
from schemas.rules.limits import Limit, State
from schemas.rules.reconcile.facts import Facts
from schemas.rules.reconcile.readings import JUDGED, Stick, depth_of, exceedance, standard_of, stick_of, verdict_on
from schemas.rules.reconcile.terms import Place

_RANK = {"above_intervention": 2, "above_screening": 1}


class Measured(NamedTuple):
    """One reading at its depth (m below ground; `bottom` where it is of an interval). `limit` is in the reading's unit;
    None where nothing can be held against it."""

    place: Place
    reading: FieldReading
    depth: Decimal
    bottom: Decimal | None
    state: State
    limit: Limit | None

    @property
    def middle(self) -> Decimal:
        """Where it is drawn."""
        return self.depth if self.bottom is None or self.bottom < self.depth else (self.depth + self.bottom) / 2

    @property
    def figure(self) -> Decimal | None:
        """What stands on the scale: the value, or the detection limit of what was not detected."""
        return self.reading.value if self.reading.value is not None else self.reading.lod

    @property
    def ratio(self) -> Decimal:
        """Of the value to the limit it is above, else to the screening value; 0 where there is none."""
        if self.limit is None or self.figure is None:
            return Decimal(0)
        iv = self.limit.intervention
        top = iv if self.state == "above_intervention" and iv is not None else self.limit.screening
        return self.figure / top if top else Decimal(0)

    @property
    def rank(self) -> tuple[int, Decimal]:
        """Worse is greater."""
        return _RANK.get(self.state, 0), self.ratio


def measured(facts: Facts, key: str, places: Iterable[Place]) -> Iterator[Measured]:
    """The readings of an analyte (by its key) that a standard can be held against and whose depth is known."""
    names: dict[str, bool] = {}
    known: dict[tuple[str, str, str, str, str], tuple[Stick, Limit | None]] = {}
    for place in places:
        for visit in place.visits:
            site = facts.get(Site, visit.site_id)
            for reading in facts.readings_of(visit.id):
                is_it = names.get(reading.parameter)
                if is_it is None:
                    found = analyte(reading.parameter)
                    is_it = names[reading.parameter] = found is not None and found.key == key
                if not is_it or reading.method not in JUDGED:
                    continue
                depth = depth_of(facts, reading)
                if depth is None:
                    continue
                standard = standard_of(facts, reading, site)
                if site is None or not standard:
                    yield Measured(place, reading, depth, reading.depth_bottom_m, "cannot_say", None)
                    continue
                kind = (reading.parameter, reading.unit, reading.method, standard, site.id)
                if kind not in known:
                    known[kind] = _held(reading, site, standard)
                stick, limit = known[kind]
                state = stick.state(reading)
                if state is None and stick.analyte is not None:
                    state = verdict_on(stick.analyte, reading, site, standard).state
                yield Measured(place, reading, depth, reading.depth_bottom_m, state or "cannot_say", limit)


def _held(reading: FieldReading, site: Site, standard: str) -> tuple[Stick, Limit | None]:
    stick = stick_of(reading, site, standard)
    if stick.analyte is None or stick.top is None:
        return stick, None
    limit = verdict_on(
        stick.analyte, reading.model_copy(update={"value": Decimal(0), "qualifier": "eq"}), site, standard
    ).limit
    return stick, limit


def worst_analyte(facts: Facts, places: Iterable[Place]) -> Analyte | None:
    """The analyte that is furthest above a limit at these places; where none is above, the first that was judged."""
    best: tuple[int, Decimal, str] | None = None
    chosen: Analyte | None = None
    for place in places:
        for key, worst in exceedance(facts, place).worst.items():
            state, limit, value = worst.judgement.state, worst.judgement.limit, worst.reading.value
            ratio = Decimal(0)
            if state in _RANK and limit is not None and value is not None:
                iv = limit.intervention
                top = iv if state == "above_intervention" and iv is not None else limit.screening
                ratio = value / top if top else Decimal(0)
            rank = _RANK.get(state, 0 if state == "below" else -1)
            if best is None or (rank, ratio) > best[:2] or ((rank, ratio) == best[:2] and key < best[2]):
                best, chosen = (rank, ratio, key), worst.analyte
    return chosen
