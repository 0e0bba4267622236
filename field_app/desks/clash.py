"""One conflict, laid out for a person: two values, whose they are, and what helps to decide.

What this tablet made it knows itself; whose the other value is the server tells, when it can be reached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from field_app.desks.needs import NONE, Pair, Values, decider, labels, names_of, pair, person_name, title
from field_app.store import Store
from schemas.fields import Audience
from schemas.rules.geo import distance_m
from schemas.wire import ConflictNow, Hand


class Side(NamedTuple):
    values: dict[str, Any]
    hand: Hand | None  # None: not known here
    mine: bool = False  # made on this tablet by whose turn it is


class Clash(NamedTuple):
    id: str
    type: str
    record: str
    what: Pair
    field: Pair
    before: dict[str, Any]
    now: Side
    after: Side
    decides: bool
    home: bool  # of the organisation: an administrator's
    choice: str | None
    apart_m: float | None
    instrument: str
    names: Mapping[tuple[str, str], str]  # (type, id) → what the values refer to
    told: bool  # the server was asked


def lay_out(store: Store, id: str, told: ConflictNow | None = None) -> Clash | None:
    """None: there is no such conflict here (any more)."""
    seen = store.get("conflict", id)
    if seen is None:
        return None
    v = seen.values
    type, record = v["subject_kind"], v["subject_id"]
    before, after = json.loads(v["before"]), json.loads(v["after"])
    subject = store.get(type, record)
    # with changes of this tablet on top, what is shown here is not the server's value
    based = subject is not None and subject.seq > 0
    here = {k: subject.values.get(k) for k in after} if subject is not None and based else json.loads(v["now"])
    now = told.now if told else here
    decides = told.may_decide if told else decider(store, seen.scope)
    sides = (Side(now, told.now_by if told else None), _submitted(store, v["change_id"], after, told))
    return Clash(
        id, type, record, title(store, type, record), labels(type, list(after)), before, *sides, decides,
        seen.scope.endswith(f".{Audience.ORGANISATION.value}"), told.choice if told and told.choice else v.get("choice"),
        _apart(type, now, after), _instrument(store, subject.values if subject else {}),
        names_of(store, type, before, now, after), told is not None,
    )  # fmt: skip


def _submitted(store: Store, change_id: str, after: dict[str, Any], told: ConflictNow | None) -> Side:
    made = store.changes_of([change_id]).get(change_id)
    if made is None:
        return Side(after, told.after_by if told else None)
    code = next((i.device_code for i in store.keys.identities.values() if i.device == made.device), "")
    return Side(after, Hand(person=made.by, person_name=person_name(store, made.by), device_code=code,
                            at=made.made_at["wall"]), True)  # fmt: skip


def _apart(type: str, now: Values, after: Values) -> float | None:
    """Metres between two positions, where the conflict is about one."""
    for name in after:
        a, b = now.get(name), after.get(name)
        if isinstance(a, dict) and isinstance(b, dict) and {"lon", "lat"} <= a.keys() & b.keys():
            return float(distance_m(*(float(x) for x in (a["lon"], a["lat"], b["lon"], b["lat"]))))
    return None


def _instrument(store: Store, values: Values) -> str:
    seen = store.get("instrument", str(values["instrument_id"])) if values.get("instrument_id") else None
    return " ".join(str(seen.values[n]) for n in ("code", "model") if seen.values.get(n)) if seen else ""


def decided(clash: Clash, choice: Pair) -> tuple[Pair, Pair]:
    """Title and detail of what is said once it is done."""
    return pair("clash.decided"), pair("clash.decided.as", what=clash.what, choice=choice) if choice != NONE else NONE
