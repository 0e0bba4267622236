"""Leads as this tablet knows them: whose they are, how late, where they are, and one of them with what belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from field_app.desks.checkdraft import list_records
from field_app.desks.stake import area_of
from field_app.store import Seen, Store
from schemas.rules import tasks
from schemas.rules.checklists import model, ready
from schemas.rules.geo import Area, distance_and_bearing

RANK = {"overdue": 0, "visited": 1, "assigned": 2, "open": 3, "answered": 4}
Here = tuple[float, float] | None  # longitude and latitude


class Who(NamedTuple):
    """Who looks, when and from where. `began`: tasks whose answer is begun here."""

    person: str
    today: date
    here: Here
    began: frozenset[str]


class Task(NamedTuple):
    """One task. `mine`: whose turn it is has it to do; `late`: days since it was due; `left`: days until, None without a day; `place`: where
    to go, None where the lead says none; `began`: an answer is begun here."""

    id: str
    scope: str
    values: Mapping[str, Any]
    state: str
    mine: bool
    late: int
    left: int | None
    place: tuple[float, float] | None
    distance_m: float | None
    began: bool

    @property
    def code(self) -> str:
        return str(self.values.get("code", ""))

    @property
    def kind(self) -> str:
        return str(self.values.get("kind", ""))

    @property
    def title(self) -> str:
        return str(self.values.get("title", ""))


class Open(NamedTuple):
    """The task that is shown. `assigned`, `org`, `site`, `point`: names; `shots`: photos of it that are records already."""

    task: Task
    area: Area | None
    assigned: tuple[str, ...]
    org: str
    site: str
    point: str
    list: model.Checklist | None
    shots: tuple[Seen, ...]
    checks: tuple[Seen, ...]  # inspections that name it


def centre(values: Mapping[str, Any]) -> tuple[float, float] | None:
    """Where to go: the position, else the middle of the outline's box (which may lie outside a bent one; the outline is drawn beside)."""
    if position := values.get("position"):
        return float(position["lon"]), float(position["lat"])
    rings = (values.get("geometry") or {}).get("rings") or []
    if not rings or not rings[0]:
        return None
    lons, lats = [float(p[0]) for p in rings[0]], [float(p[1]) for p in rings[0]]
    return (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2


def read(store: Store, who: Who, skip: Collection[str] = ()) -> tuple[Task, ...]:
    """All tasks outside the scopes of `skip`: overdue first, one's own before others', the next to be due before the later."""
    with store.looking() as seen:
        found = [s for s in seen.all("field_task") if s.scope not in skip]
    return tuple(sorted((_task(s, who) for s in found), key=_order))


def _order(t: Task) -> tuple[Any, ...]:
    return RANK[t.state], not t.mine, -t.late, t.left if t.left is not None else 10**6, t.code, t.id


def _task(seen: Seen, who: Who) -> Task:
    v, state = seen.values, tasks.state(seen.values, who.today)
    due = date.fromisoformat(v["due_on"]) if v.get("due_on") else None
    where = centre(v)
    far = distance_and_bearing(*who.here, *where)[0] if who.here is not None and where is not None else None
    late = (who.today - due).days if due and state == "overdue" else 0
    left = (due - who.today).days if due and state not in ("answered", "overdue") else None
    return Task(
        seen.id,
        seen.scope,
        v,
        state,
        who.person in v.get("assigned_to", []),
        late,
        left,
        where,
        far,
        seen.id in who.began,
    )


def one(store: Store, id: str, who: Who, project: str) -> Open | None:
    """None where the task is not on this tablet."""
    with store.looking() as seen:
        found = seen.get("field_task", id)
        if found is None:
            return None
        v = found.values
        people = tuple(n for n in (_name(seen, "person", p) for p in v.get("assigned_to", [])) if n)
        names = tuple(
            _name(seen, t, v.get(f"{f}_id")) for t, f in (("organisation", "org"), ("site", "site"), ("point", "point"))
        )
        shots = [p for p in seen.related("photo", "subject_id", [id]) if not p.values.get("deleted")]
        checks = [i for i in seen.related("inspection", "task_id", [id]) if not i.values.get("deleted")]
        list = _list(seen, str(v.get("checklist") or ""), who.today, project)
    area = area_of((v.get("geometry") or {}).get("rings") or [])
    return Open(_task(found, who), area, people, *names, list, tuple(shots), tuple(checks))


def _name(store: Store, type: str, id: str | None) -> str:
    seen = store.get(type, id) if id else None
    return str(seen.values.get("name") or seen.values.get("code") or "") if seen is not None else ""


def _list(store: Store, said: str, day: date, project: str) -> model.Checklist | None:
    """The checklist a task names as code@version; the newest in use where it names no version."""
    code, _, version = said.partition("@")
    offered = ready.offered(day, list_records(store), project) if code else ()
    fits = [c for c in offered if c.code == code and (not version or str(c.version) == version)]
    return fits[0] if fits else ready.find(code, int(version)) if code and version.isdigit() else None
