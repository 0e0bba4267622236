"""The form of a transfer plan, made of its record class: what is asked, what may be chosen, what was typed. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Fault, fault_of
from schemas.records.organisation import Organisation
from schemas.records.site import Site
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.reference import codes
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from schemas.values import Receiver
from sync_server.console.inputs import Input, Option, chosen_of, input_of, typed_value
from sync_server.console.manifests.route import route_of, text_of
from sync_server.console.words import pick

# heading (words "tp_s_…") → fields
SECTIONS: dict[str, tuple[str, ...]] = {
    "what": ("code", "site_id", "mass_t", "volume_m3", "lots"),
    "when": ("from_date", "to_date", "way", "day_window"),
    "who": ("consignor_id", "supervisor_id", "carriers", "vehicles"),
    "safety": ("measures", "emergency", "temp_store", "notice_text", "note"),
}
ASKED = tuple(name for names in SECTIONS.values() for name in names)
OF_RECEIVER = (
    "org_id",
    "site_name",
    "way",
    "permit_no",
    "capacity_t",
    "dispose_days",
    "route_km",
    "route_min",
    "accepts",
    "sensitive",
)
MAX_RECEIVERS = 20
# who is offered where a plan names an organisation; "" = everybody
_ROLE = {
    "consignor_id": "",
    "supervisor_id": "supervisor",
    "carriers": "carrier",
    "org_id": "receiver",
    "authority_id": "authority",
}
Values = dict[str, Any]


class Row(NamedTuple):
    """One receiver. `place`: its position as typed; `route`: its way, a point a line."""

    n: int
    inputs: list[Input]
    lon: str
    lat: str
    place_faults: list[str]
    route: str
    route_faults: list[str]


class Choices:
    """What may be chosen, by field: (id, word)."""

    def __init__(self, facts: Facts, lang: str) -> None:
        self._facts, self._lang = facts, lang

    def of(self, field: str, chosen: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Those with the role that is wanted; what is chosen already stays, whatever its role."""
        keep = set(chosen)
        if field == "site_id":
            return [(s.id, f"{s.name} · {s.code}" if s.code else s.name) for s in self._facts.alive(Site)]
        if field == "lots":
            flags = codes("hazard_flag")
            lots = sorted(self._facts.alive(SoilLot), key=lambda x: natural(x.code))
            return [
                (x.id, " · ".join([x.code, *([pick(flags[x.hazard], self._lang)] if x.hazard in flags else [])]))
                for x in lots
            ]
        if field == "vehicles":
            classes = codes("vehicle_class")
            trucks = sorted(self._facts.alive(Vehicle), key=lambda v: natural(v.plate))
            return [
                (v.id, f"{v.plate} · {pick(classes[v.vehicle_class], self._lang) if v.vehicle_class in classes else v.vehicle_class}")
                for v in trucks
                if v.vehicle_class != "car" or v.id in keep
            ]  # fmt: skip
        role = _ROLE.get(field)
        if role is None:
            return []
        found = [o for o in self._facts.alive(Organisation) if not role or role in o.roles or o.id in keep]
        return sorted(((o.id, o.name) for o in found), key=lambda x: x[1])


def inputs(
    model: type[BaseModel], names: Iterable[str], values: Mapping[str, Any], choices: Choices, lang: str,
    faults: Sequence[Fault] = (), prefix: str = "",
) -> list[Input]:  # fmt: skip
    known, out = fields_of(model), []
    for name in names:
        field, value = known[name], values.get(name)
        options = None
        if field.spec.ref:
            chosen = chosen_of(value)
            options = [Option(id, word, id in chosen) for id, word in choices.of(name, chosen)]
        told = [f.zh if lang == "zh" else f.en for f in faults if f.field == name]
        made = input_of(field, value, lang, prefix + name, told, options)
        if field.spec.ref and not made.options:  # nothing to choose from is no free text
            made = made._replace(kind="checks" if field.kind == "list" else "choice")
        hint = field.spec.hint_zh if lang == "zh" else field.spec.hint_en
        out.append(made._replace(unit=" · ".join(x for x in (made.unit, hint) if x)))
    return out


def receivers(
    values: Sequence[Mapping[str, Any]], choices: Choices, lang: str, faults: Mapping[int, Sequence[Fault]],
    texts: Mapping[int, str] | None = None,
) -> list[Row]:  # fmt: skip
    """`texts`: routes as they were typed, where one could not be read."""
    out = []
    for n, value in enumerate(values):
        these, place = list(faults.get(n, ())), value.get("position") or {}
        shown = {k: [f.zh if lang == "zh" else f.en for f in these if f.field == k] for k in ("position", "route")}
        route = (texts or {}).get(n) or text_of((value.get("route") or {}).get("line"))
        out.append(
            Row(n, inputs(Receiver, OF_RECEIVER, value, choices, lang, these, f"receivers.{n}."), str(place.get("lon", "")),
                str(place.get("lat", "")), shown["position"], route, shown["route"])
        )  # fmt: skip
    return out


class Typed(NamedTuple):
    """What was typed, as wire values; what is wrong with each receiver; routes that could not be read, as they came."""

    values: Values
    faults: dict[int, list[Fault]]
    routes: dict[int, str]


def typed(given: Mapping[str, Sequence[str]], files: Mapping[str, str]) -> Typed:
    """`files`: uploaded routes by the name of their input, already as text."""
    known = fields_of(TransferPlan)
    values: Values = {}
    for name in (*ASKED, "changed_what"):
        if (value := typed_value(known[name], given.get(name, ()))) is not None:
            values[name] = value
    parts = [k.split(".") for k in (*given, *files)]
    numbers = sorted(
        {int(p[1]) for p in parts if p[0] == "receivers" and len(p) == 3 and p[1].isdecimal() and len(p[1]) < 4}
    )
    gone = set(given.get("receivers.out", ()))
    rows: list[Values] = []
    faults: dict[int, list[Fault]] = {}
    routes: dict[int, str] = {}
    for n in numbers[:MAX_RECEIVERS]:
        if str(n) in gone:
            continue
        row, wrong, route = _receiver(n, given, files)
        if not row and not wrong:
            continue
        if route:
            routes[len(rows)] = route
        wrong += [f for f in _faults_of(row) if f.field not in {w.field for w in wrong}]
        if wrong:
            faults[len(rows)] = wrong
        rows.append(row)
    values["receivers"] = rows
    return Typed(values, faults, routes)


def _receiver(n: int, given: Mapping[str, Sequence[str]], files: Mapping[str, str]) -> tuple[Values, list[Fault], str]:
    """(values, faults, a route that could not be read)."""
    known, at = fields_of(Receiver), f"receivers.{n}."
    found = ((name, typed_value(known[name], given.get(at + name, ()))) for name in OF_RECEIVER)
    row: Values = {name: value for name, value in found if value is not None}
    lon, lat = ("".join(given.get(at + k, ("",))[:1]).strip() for k in ("lon", "lat"))
    wrong: list[Fault] = []
    if lon or lat:
        row["position"] = {k: v for k, v in (("lon", lon), ("lat", lat)) if v}
    text = files.get(f"{at}file") or "\n".join(given.get(at + "route", ("",))[:1])
    if text.strip():
        try:
            row["route"] = {"line": route_of(text)}
        except Trouble as err:
            wrong += [Fault(**f) for f in err.extra.get("faults", [])]
            return row, wrong, text[:20_000]
    return row, wrong, ""


def _faults_of(row: Mapping[str, Any]) -> list[Fault]:
    try:
        Receiver.model_validate_json(json.dumps(row), strict=True)
    except ValidationError as err:
        return [fault_of(Receiver, e) for e in err.errors(include_url=False)]
    return []


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Values:
    """What was not asked for stays as it is: filings, and what a newer version of this program may have written."""
    asked = {*ASKED, "changed_what", "receivers"}
    kept = {k: v for k, v in old.items() if k not in asked}
    before = {r.get("org_id"): r for r in old.get("receivers") or () if isinstance(r, dict)}
    rows = []
    for row in new.get("receivers") or ():
        known = {*OF_RECEIVER, "position", "route"}
        extra = {k: v for k, v in before.get(row.get("org_id"), {}).items() if k not in known}
        place = row.get("position")
        was = before.get(row.get("org_id"), {}).get("position") or {}
        if place and (place.get("lon"), place.get("lat")) == (was.get("lon"), was.get("lat")):
            row = {**row, "position": was}  # with its elevation and the figures it was read from
        rows.append({**extra, **row})
    return {**kept, **{k: v for k, v in new.items() if k != "receivers"}, "receivers": rows}
