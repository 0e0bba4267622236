"""The ledger of tasks: which fit what is asked for, how each is shown, the numbers above, the map. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote

from schemas.records.field_task import FieldTask
from schemas.records.organisation import Organisation
from schemas.records.person import Person
from schemas.records.site import Site
from schemas.reference import Label, codes
from schemas.rules import tasks as rules
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.terms import day
from sync_server.console.inspections.rows import short_day
from sync_server.console.maps.mapdata import bounds, grounds
from sync_server.console.parts import Sign
from sync_server.console.words import pick, words

MOST = 2000  # marks on the map
STATES = ("todo", "overdue", "open", "work", "assigned", "visited", "answered")
_GROUPS = {"todo": ("overdue", "open", "assigned", "visited"), "work": ("assigned", "visited")}
_ORDER = {"overdue": 0, "open": 1, "assigned": 2, "visited": 3, "answered": 4}
_SIGN = {"open": ("circle", "planned"), "assigned": ("half", "active"), "visited": ("flag", "active"), "overdue": ("clock", "alert"), "answered": ("ok", "done")}  # fmt: skip
_OUTCOME = {"confirmed": ("warn", "alert"), "partly": ("warn", "warn"), "not_found": ("ok", "done"), "not_reached": ("block", "warn"), "transferred": ("move", "clash")}  # fmt: skip


class Asked(NamedTuple):
    state: str = ""
    kind: str = ""
    who: str = ""
    q: str = ""
    page: int = 1

    @property
    def narrowed(self) -> bool:
        return bool(self.state or self.kind or self.who or self.q)


class Entry(NamedTuple):
    """`late`: days behind the day it was due, 0 where it is not."""

    task: FieldTask
    state: str
    late: int
    org: str
    site: str
    people: list[str]


class Row(NamedTuple):
    id: str
    seq: int
    code: str
    title: str
    kind: str
    more: str
    who: str
    due: str
    sign: Sign
    open: bool


class Figure(NamedTuple):
    word: str
    value: str
    line: str
    alert: bool
    state: str


def entries(facts: Facts) -> list[Entry]:
    """The overdue first, the longest of them before the others; then what nobody has, what is under way, what is answered, the
    newest of that first."""
    return facts.remember("console.tasks", lambda: _entries(facts))


def _entries(facts: Facts) -> list[Entry]:
    today = day(facts.now)
    out = []
    for t in facts.alive(FieldTask):
        state = rules.state(t, today)
        late = (today - t.due_on).days if state == "overdue" and t.due_on else 0
        org, site = facts.find(Organisation, t.org_id), facts.find(Site, t.site_id)
        people = [p.name if (p := facts.find(Person, id)) else id[:8] for id in t.assigned_to]
        out.append(Entry(t, state, late, org.name if org else "", site.name if site else "", people))
    out.sort(key=lambda e: natural(e.task.code), reverse=True)
    return sorted(out, key=lambda e: (_ORDER.get(e.state, 9), -e.late, e.task.due_on or date.max if e.state != "answered" else date.max))  # fmt: skip


def by_id(facts: Facts) -> Mapping[str, Entry]:
    return facts.remember("console.tasks.by_id", lambda: {e.task.id: e for e in entries(facts)})


def overdue(facts: Facts) -> int:
    return sum(e.state == "overdue" for e in entries(facts))


def fitting(found: Sequence[Entry], by: Asked) -> list[Entry]:
    q = by.q.casefold()
    return [
        e for e in found
        if (not by.state or e.state in _GROUPS.get(by.state, (by.state,)))
        and (not by.kind or by.kind == e.task.kind)
        and (not by.who or by.who in e.task.assigned_to or (by.who == "nobody" and not e.task.assigned_to))
        and (not q or any(q in x.casefold() for x in (e.task.code, e.task.title, e.task.source_ref or "", e.org, e.site)))
    ]  # fmt: skip


def row(e: Entry, today: date, lang: str) -> Row:
    w, t = words(lang), e.task
    more = " · ".join(x for x in (t.source_ref or "", e.org, e.site) if x)
    return Row(t.id, t.seq, t.code, t.title, kind_word(t.kind, lang), more, ("、" if lang == "zh" else ", ").join(e.people) or w("le_nobody"),
               short_day(t.due_on, today), sign(e, lang), not t.outcome)  # fmt: skip


def kind_word(kind: str, lang: str) -> str:
    return pick(codes("task_kind").get(kind, Label(kind, kind)), lang)


def sign(e: Entry, lang: str) -> Sign:
    """Of one that is answered, what was found; of one that is late, by how much."""
    w = words(lang)
    if e.task.outcome:
        icon, colour = _OUTCOME.get(e.task.outcome, ("q", "unsure"))
        return Sign(
            icon, colour, pick(codes("task_outcome").get(e.task.outcome, Label(e.task.outcome, e.task.outcome)), lang)
        )
    icon, colour = _SIGN.get(e.state, ("q", "unsure"))
    return Sign(icon, colour, w("le_s_overdue", n=e.late) if e.state == "overdue" else w(f"le_s_{e.state}"))


def figures(facts: Facts, lang: str) -> list[Figure]:
    w, all_, today = words(lang), entries(facts), day(facts.now)
    of: dict[str, list[Entry]] = {}
    for e in all_:
        of.setdefault(e.state, []).append(e)
    late, free = of.get("overdue", []), of.get("open", [])
    work, done = [e for state in _GROUPS["work"] for e in of.get(state, [])], of.get("answered", [])
    dues = [e.task.due_on for e in (*work, *free) if e.task.due_on]
    confirmed = sum(e.task.outcome in ("confirmed", "partly") for e in done)
    return [
        Figure(w("le_k_overdue"), str(len(late)), w("le_k_longest", n=late[0].late) if late else "—", bool(late), "overdue"),
        Figure(w("le_k_open"), str(len(free)), "—", False, "open"),
        Figure(w("le_k_work"), str(len(work)), w("le_k_next", day=short_day(min(dues), today)) if dues else "—", False, "work"),
        Figure(w("le_k_answered"), str(len(done)), w("le_k_confirmed", n=confirmed), False, "answered"),
    ]  # fmt: skip


# --- the map -------------------------------------------------------------------------------------------------------------


def rings_of(values: Mapping[str, Any]) -> list[list[list[float]]]:
    """Rings of a lead's outline, corners as [lat, lon]; none where it has none."""
    rings = (values.get("geometry") or {}).get("rings") or []
    return [[[float(lat), float(lon)] for lon, lat in ring] for ring in rings]


def spot_of(values: Mapping[str, Any]) -> list[float] | None:
    """[lat, lon] of the place to go to; of an outline its middle."""
    at = values.get("position")
    if at:
        return [float(at["lat"]), float(at["lon"])]
    rings = rings_of(values)
    if not rings or not rings[0]:
        return None
    ring = rings[0][:-1] or rings[0]
    return [sum(c[0] for c in ring) / len(ring), sum(c[1] for c in ring) / len(ring)]


def map_data(facts: Facts, leads: Sequence[tuple[Mapping[str, Any], str, str, list[str], str]]) -> dict[str, Any]:
    """`leads`: (values, shape, code, lines of text, address). What map.js draws; an outline is a line around."""
    out: dict[str, Any] = {
        "total": 0, "whole": True, "boundary": grounds(facts)["boundary"], "zones": [], "points": [], "clusters": [], "ends": [], "roads": [],
        "problems": [],
    }  # fmt: skip
    for values, shape, code, text, address in leads[:MOST]:
        at = spot_of(values)
        if at is None:
            continue
        for ring in rings_of(values):
            out["roads"].append({"line": ring, "s": {"grave": "late", "closed": "received"}.get(shape, "way")})
        out["problems"].append({"at": at, "s": shape, "c": code, "t": text, **({"u": address} if address else {})})
    corners = [(p["at"][1], p["at"][0]) for p in out["problems"]] + [
        (lon, lat) for r in out["roads"] for lat, lon in r["line"]
    ]
    corners += [(lon, lat) for site in out["boundary"] for lat, lon in site[0]] if not corners else []
    out["bounds"] = bounds(corners)
    return out


def tasks_map(facts: Facts, found: Sequence[Entry], root: str, lang: str) -> dict[str, Any]:
    shapes = {"overdue": "grave", "answered": "closed"}
    return map_data(facts, [
        (e.task.model_dump(mode="json", include={"position", "geometry"}, exclude_none=True), shapes.get(e.state, "open"), e.task.code,
         [sign(e, lang).word, e.task.title], f"{root}/tasks/{quote(e.task.id, safe='')}")
        for e in found
    ])  # fmt: skip
