"""Transfer plans as they are read: versions and their state, the six elements, what is missing, filings. Pure; states and gaps come from
the rules (schemas/rules/transfer_plan.py)."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from schemas.fields import fields_of
from schemas.records.manifest import Manifest
from schemas.records.organisation import Organisation
from schemas.records.photo import Photo
from schemas.records.site import Site
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.reference import codes
from schemas.rules import transfer_plan as rules
from schemas.rules.lack import Lack
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from schemas.values import Filing, Receiver
from sync_server.console.manifests.chart import mass
from sync_server.console.parts import Sign, when
from sync_server.console.words import pick, words

_SIGN = {
    "draft": ("circle", "planned"), "submitted": ("clock", "active"), "filed": ("ok", "done"), "active": ("half", "active"),
    "suspended": ("block", "warn"), "closed": ("ok", "done"), "superseded": ("back", "planned"),
}  # fmt: skip
HAZARDOUS = "hazardous"


class Line(NamedTuple):
    """One version in a list. `older`: a later one of the same plan exists."""

    id: str
    code: str
    version: int
    sign: Sign
    mass: str
    dates: str
    filings: list[str]
    loads: int
    older: bool
    hazard: bool


class Filed(NamedTuple):
    """One filing. `n`: its place in the plan; `waits`: there is no receipt yet."""

    n: int
    side: str
    authority: str
    submitted: str
    receipt: str
    accepted: str
    waits: bool


class Goal(NamedTuple):
    """One receiver: what it may take, how much, by when disposed, and the way there."""

    name: str
    place: str
    way: str
    permit: str
    capacity: str
    accepts: str
    days: str
    journey: str
    route: str
    sensitive: str


class Truck(NamedTuple):
    plate: str
    kind: str
    carrier: str
    permit: str
    permit_to: str
    late: bool
    id: str


def versions(facts: Facts) -> list[TransferPlan]:
    """By number as people count, the newest version first."""
    return sorted(facts.alive(TransferPlan), key=lambda p: (natural(p.code), -p.version, p.id))


def state_of(facts: Facts, plan: TransferPlan, today: date) -> rules.PlanState:
    newer = any(
        p.code == plan.code and p.version > plan.version and not rules.missing_receipts(p)
        for p in facts.alive(TransferPlan)
    )
    return rules.state(plan, newer, loads_of(facts, plan.id) > 0, today)


def in_force(facts: Facts) -> list[str]:
    """Numbers of the plans that loads go by now: filed with both authorities, not closed."""
    every = facts.alive(TransferPlan)
    found = [(code, rules.in_force(every, code)) for code in sorted({p.code for p in every}, key=natural)]
    return [code for code, p in found if p is not None and not any(f.side == "result" for f in p.filings)]


def loads_of(facts: Facts, plan: str) -> int:
    """Manifests issued under a version, voided ones too, as far as their records are here: none of them is looked into, so that a page of
    plans does not wait for the story of every load."""
    return len(facts.of(Manifest, "plan_id", plan))


def state_sign(state: str, lang: str) -> Sign:
    icon, colour = _SIGN.get(state, ("q", "unsure"))
    return Sign(icon, colour, words(lang)(f"tp_s_{state}"))


def lines(facts: Facts, today: date, lang: str) -> list[Line]:
    out: list[Line] = []
    seen: set[str] = set()
    for p in versions(facts):
        sides = [
            code_word("filing_side", f.side, lang) + (" ✓" if f.accepted_at else f" {words(lang)('tp_f_waits')}")
            for f in p.filings
        ]
        out.append(
            Line(p.id, p.code, p.version, state_sign(state_of(facts, p, today), lang), f"{mass(p.mass_t)} t", dates(p), sides,
                 loads_of(facts, p.id), p.code in seen, bool(hazardous(facts, p)))
        )  # fmt: skip
        seen.add(p.code)
    return out


def dates(p: TransferPlan) -> str:
    return f"{p.from_date.isoformat()} – {p.to_date.isoformat()}"


def lots_of(facts: Facts, plan: TransferPlan) -> list[SoilLot]:
    return [lot for id in plan.lots if (lot := facts.get(SoilLot, id)) is not None]


def hazardous(facts: Facts, plan: TransferPlan) -> list[str]:
    """Codes of the lots that are hazardous waste: no such plan moves them."""
    return [lot.code for lot in lots_of(facts, plan) if lot.hazard == HAZARDOUS]


def lacks(facts: Facts, plan: TransferPlan) -> list[Lack]:
    return rules.lacks(plan, lots_of(facts, plan))


def elements(facts: Facts, p: TransferPlan, lang: str) -> list[tuple[str, list[str]]]:
    """The six of Art. 41: (what, values); nothing where nothing is said."""
    w = words(lang)
    lots = "、".join(lot.code for lot in lots_of(facts, p))
    goals = goals_of(facts, p, lang)
    return [
        (w("tp_e_time"), [dates(p), *([p.day_window] if p.day_window else [])]),
        (w("tp_e_way"), [code_word("transport_way", p.way, lang)] if p.way else []),
        (
            w("tp_e_route"),
            [" · ".join(x for x in (g.name, g.journey, g.route) if x) for g in goals if g.journey or g.route],
        ),
        (w("tp_e_amount"), [" · ".join(x for x in (f"{mass(p.mass_t)} t", f"{mass(p.volume_m3)} m³", lots) if x)]),
        (w("tp_e_destination"), [f"{g.name} · {g.place}" for g in goals]),
        (w("tp_e_disposal"), [" · ".join(x for x in (g.way, g.days) if x) for g in goals if g.way]),
    ]


def goals_of(facts: Facts, p: TransferPlan, lang: str) -> list[Goal]:
    return [_goal(facts, r, lang) for r in p.receivers]


def _goal(facts: Facts, r: Receiver, lang: str) -> Goal:
    w = words(lang)
    journey = [w("tp_km", n=f"{r.route_km:f}")] if r.route_km is not None else []
    journey += [w("tp_min", n=r.route_min)] if r.route_min else []
    return Goal(
        _org(facts, r.org_id), r.site_name, code_word("disposal_way", r.way, lang), r.permit_no,
        f"{mass(r.capacity_t)} t" if r.capacity_t is not None else "",
        r.accepts or "", w("tp_days", n=r.dispose_days) if r.dispose_days else "", " · ".join(journey),
        w("tp_route_n", n=len(r.route.line)) if r.route else w("tp_route_none"), r.sensitive or "",
    )  # fmt: skip


def trucks(facts: Facts, p: TransferPlan, today: date, lang: str) -> list[Truck]:
    out = []
    for id in p.vehicles:
        v = facts.find(Vehicle, id)
        if v is None:
            out.append(Truck(words(lang)("record_n", n=id[:8]), "", "", "", "", False, id))
            continue
        late = v.permit_to is not None and v.permit_to < today
        out.append(
            Truck(v.plate, code_word("vehicle_class", v.vehicle_class, lang), _org(facts, v.carrier_id), v.transport_permit or "",
                  v.permit_to.isoformat() if v.permit_to else "", late, id)
        )  # fmt: skip
    return sorted(out, key=lambda t: natural(t.plate))


def parties(facts: Facts, p: TransferPlan, lang: str) -> list[tuple[str, str]]:
    known = {
        "consignor_id": [p.consignor_id],
        "supervisor_id": [p.supervisor_id] if p.supervisor_id else [],
        "carriers": list(p.carriers),
    }
    fields = fields_of(TransferPlan)
    site = facts.find(Site, p.site_id)
    out = [(fields["site_id"].spec.label(lang), site.name)] if site else []
    return out + [
        (fields[k].spec.label(lang), "、".join(_org(facts, i) for i in ids)) for k, ids in known.items() if ids
    ]


def texts(p: TransferPlan, lang: str) -> list[tuple[str, str]]:
    """Long texts, as they were written."""
    fields = fields_of(TransferPlan)
    names = ("measures", "emergency", "temp_store", "notice_text", "note")
    return [(fields[n].spec.label(lang), str(getattr(p, n))) for n in names if getattr(p, n, None)]


def filings(facts: Facts, p: TransferPlan, now: datetime, lang: str) -> list[Filed]:
    return [_filed(facts, n, f, now, lang) for n, f in enumerate(p.filings)]


def _filed(facts: Facts, n: int, f: Filing, now: datetime, lang: str) -> Filed:
    return Filed(
        n, code_word("filing_side", f.side, lang), _org(facts, f.authority_id), when(f.submitted_at, now), f.receipt_no or "",
        when(f.accepted_at, now) if f.accepted_at else "", f.accepted_at is None,
    )  # fmt: skip


def scans_of(facts: Facts, p: TransferPlan) -> list[Photo]:
    """Photos of receipts and other papers of a version."""
    return [x for x in facts.photos_of(p.id) if not x.deleted]


def _org(facts: Facts, id: str) -> str:
    found = facts.find(Organisation, id)
    return found.name if found else id[:8]


def code_word(name: str, code: str, lang: str) -> str:
    found = codes(name).get(code)
    return pick(found, lang) if found else code
