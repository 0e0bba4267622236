"""How the picture of a project is taken out of the store: as a whole, or, where there is one already, only what was
written since.

Runs in a thread of its own, on a look of its own (`Store.looking`): neither the event loop nor a draft waits for it.
"""

from __future__ import annotations

import gc
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from field_app.book import METHODS, Book, PointRow, Values, allowed_shift, worst
from field_app.nearby import Nearby
from field_app.store import Seen, Shelf, Store
from schemas.fields import Audience
from schemas.rules.geo import distance_m

PARENTS = {
    "planned_target": "planned_point_id",
    "point": "planned_point_id",
    "field_reading": "point_id",
    "sample": "point_id",
}
_RANK = {"done": 0, "partial": 1}


class Under(Mapping[str, tuple[Seen, ...]]):
    """What hangs on a record: its id → the records, opened when asked for."""

    def __init__(self, shelf: Shelf, ids: dict[str, tuple[str, ...]]) -> None:
        self.shelf, self.ids = shelf, ids

    def __getitem__(self, id: str) -> tuple[Seen, ...]:
        return tuple(self.shelf[i] for i in self.ids[id])

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: object) -> bool:
        return id in self.ids


class Visits(Mapping[str, Seen]):
    """Planned point → the visit that speaks for it."""

    def __init__(self, under: Under) -> None:
        self._under = under

    def __getitem__(self, planned: str) -> Seen:
        seen = self._under[planned]
        return seen[0] if len(seen) == 1 else max(reversed(seen), key=_speaks)

    def __iter__(self) -> Iterator[str]:
        return iter(self._under)

    def __len__(self) -> int:
        return len(self._under)

    def __contains__(self, planned: object) -> bool:
        return planned in self._under


def _speaks(visit: Seen) -> tuple[int, str]:
    """One with work done before a refused one, then the latest."""
    return -_RANK.get(visit.values.get("outcome", "done"), 2), visit.values.get("started_at", "")


class Source(NamedTuple):
    """What a picture was made of, to go on from."""

    version: str
    plan: str
    planned: Shelf
    under: dict[str, Under]  # by type


def read(store: Store, chosen: str | None, before: Book | None = None) -> Book:
    """Everything the pages show of one project. `chosen` is its id; the first one otherwise. `before`: the picture to go
    on from; it stays as it is."""
    collecting = gc.isenabled()
    gc.disable()  # nothing of what is made here is garbage, and looking for it would stop everybody again and again
    try:
        with store.looking() as now:
            return _read(now, chosen, before)
    finally:
        if collecting:
            gc.enable()


def _read(store: Store, chosen: str | None, before: Book | None) -> Book:
    scopes = [s for s in store.scopes() if s.audience == Audience.FIELD.value]
    people = tuple(store.all("person"))
    if not scopes:
        return Book(read=True, targets={}, visits={}, drafts={}, readings={}, samples={}, people=people)
    scope = next((s for s in scopes if s.owner == chosen), scopes[0])
    project, sites = store.get("project", scope.owner), store.all("site", scope=scope.scope)
    newest = max(store.all("plan", scope=scope.scope), key=lambda p: p.values.get("version", 0), default=None)
    source, touched = _caught_up(store, scope.scope, newest.id if newest else "", before)
    begun = drafts(store, scope.scope)
    last_hole, soils = _ground(store, [s.scope for s in store.scopes() if s.scope != scope.scope])
    book = Book(
        read=True,
        scope=scope.scope, project_id=scope.owner, project=project.values if project else {"name": scope.name},
        site_id=sites[0].id if sites else "", site=sites[0].values if sites else None,
        projects=tuple((s.owner, s.name) for s in scopes), planned=_planned(store, source.planned, begun), targets=source.under["planned_target"],
        instruments=tuple(i for i in store.all("instrument") if i.values.get("kind") in METHODS),
        calibrations=tuple(store.all("calibration", scope=scope.scope)), people=people,
        visits=Visits(source.under["point"]), readings=source.under["field_reading"], samples=source.under["sample"],
        drafts=begun,
        last_hole=last_hole, soils=soils,
    )  # fmt: skip
    return _with_rows(book, source, touched, before)


def drafts(store: Store, scope: str) -> dict[str, Seen]:
    """Planned point → the visit being written."""
    # what a form writes is no visit: it amends one, or is one without a plan
    found = (d for d in store.drafts("point") if d.scope == scope and not d.values.get("_form"))
    return {d.values["planned_point_id"]: d for d in found if d.values.get("planned_point_id")}


def _planned(store: Store, newest: Shelf, begun: Iterable[str]) -> Mapping[str, Seen]:
    """Of the newest plan; and points of an older one where a visit is being written, else nobody would find it again."""
    older = {id: seen for id in begun if id not in newest and (seen := store.get("planned_point", id, deleted=True))}
    return ChainMap(older, newest) if older else newest  # type: ignore[arg-type]


def _caught_up(store: Store, scope: str, plan: str, before: Book | None) -> tuple[Source, set[str] | None]:
    """The records behind the picture, and the planned points whose row may differ from before; None = all."""
    version, old = store.version(scope), before.source if before else None
    if old is None or (old.version, old.plan) != (version, plan):
        planned = store.shelf("planned_point", scope, plan_id=plan)
        under = {type: _sorted_out(store.shelf(type, scope), field) for type, field in PARENTS.items()}
        return Source(version, plan, planned, under), None
    planned, touched = store.newer(old.planned, plan_id=plan)
    under = {}
    for type, field in PARENTS.items():
        under[type], parents = _moved(old.under[type], *store.newer(old.under[type].shelf), field)
        if type == "field_reading":  # of a visit, which is of a planned point
            visits = (old.under["point"].shelf, under["point"].shelf)
            parents = {
                p for v in parents for shelf in visits if v in shelf for p in _parent(shelf[v], PARENTS["point"])
            }
        if type != "sample":  # no row tells of samples
            touched |= parents
    return Source(version, plan, planned, under), touched


def _sorted_out(shelf: Shelf, field: str) -> Under:
    ids: dict[str, list[str]] = {}
    for id, parent in shelf.pick(field):
        if parent:
            ids.setdefault(parent, []).append(id)
    return Under(shelf, {parent: tuple(sorted(of)) for parent, of in ids.items()})  # in the order they were made in


def _moved(old: Under, shelf: Shelf, changed: set[str], field: str) -> tuple[Under, set[str]]:
    """The same for the newer shelf, and under which records something differs."""
    if not changed:
        return Under(shelf, old.ids), set()
    ids, parents = dict(old.ids), set()
    for id in sorted(changed):
        had = _parent(old.shelf[id], field) if id in old.shelf else ()
        has = _parent(shelf[id], field) if id in shelf else ()
        parents |= {*had, *has}
        for parent in had:
            if parent not in has:
                ids[parent] = tuple(i for i in ids[parent] if i != id)
        for parent in has:
            if id not in ids.get(parent, ()):
                ids[parent] = tuple(sorted((*ids.get(parent, ()), id)))
    return Under(shelf, {p: of for p, of in ids.items() if of}), parents


def _parent(seen: Seen, field: str) -> tuple[str, ...]:
    parent = seen.values.get(field)
    return (parent,) if parent else ()


# --- rows ------------------------------------------------------------------------------------------------------------


def _with_rows(book: Book, source: Source, touched: set[str] | None, before: Book | None) -> Book:
    if touched is not None and before is not None:
        touched |= before.drafts.keys() ^ book.drafts.keys()
        if (before.project, before.site) != (book.project, book.site):
            touched = None  # limits and tolerances count for every row
    if touched is None or before is None:
        targets = _targets(source.under["planned_target"].shelf)
        older = (book.planned[i] for i in book.drafts if i in book.planned and i not in source.planned)
        rows = {p.id: _row(book, p, *targets.get(p.id, (0, ()))) for p in chain(source.planned.each(), older)}
    else:
        rows = dict(before.by_id)
        for id in touched:
            if id not in book.planned:
                rows.pop(id, None)
                continue
            of = [t.values.get("groups", ()) for t in book.targets.get(id, ())]
            rows[id] = _row(book, book.planned[id], len(of), _joined(of))
    places = _places(rows, before, touched)
    return replace(book, rows=places.spots, by_id=rows, places=places, source=source)


def _places(rows: dict[str, PointRow], before: Book | None, touched: set[str] | None) -> Nearby:
    if before is None or touched is None or rows.keys() != before.by_id.keys():
        return Nearby(tuple(rows.values()))
    if all(rows[i] == before.by_id[i] for i in touched & rows.keys()):
        return before.places
    there = ((rows[i], before.by_id[i]) for i in touched & rows.keys())
    same = all((r.lon, r.lat, r.order, r.code) == (b.lon, b.lat, b.order, b.code) for r, b in there)
    return Nearby(tuple(rows.values()), before.places if same else None)


def _targets(shelf: Shelf) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Planned point → how many targets it has, and the analyte groups they ask for."""
    groups: dict[str, list[tuple[str, Any]]] = {}
    for id, parent, asked in shelf.pick("planned_point_id", "groups"):
        groups.setdefault(parent, []).append((id, asked or ()))
    kept: dict[tuple[str, ...], tuple[str, ...]] = {}  # one tuple for all points that ask for the same
    return {
        p: (len(of), kept.setdefault(g := _joined(asked for _, asked in sorted(of)), g)) for p, of in groups.items()
    }


def _joined(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(g for of in groups for g in of))


def _row(book: Book, planned: Seen, targets: int, groups: tuple[str, ...]) -> PointRow:
    v = planned.values
    lon, lat = float(v["position"]["lon"]), float(v["position"]["lat"])
    visit = book.visits.get(planned.id)
    state, sync, found = "planned", "", ""
    if visit is not None:
        state, sync = _state(book, visit, lon, lat, v), visit.state
        judged = [j for r in book.readings.get(visit.id, ()) if (j := book.judged(r.values))]
        found = worst([j.state for j in judged])
    if planned.id in book.drafts:
        state = "active"
    return PointRow(
        planned.id, v["code"], lon, lat, state, sync, v.get("target_depth_m", ""), targets, groups, found,
        v.get("order_no") or 9999,
    )  # fmt: skip


def _state(book: Book, visit: Seen, lon: float, lat: float, planned: Values) -> str:
    if visit.values.get("outcome") in ("refused", "abandoned", "not_needed"):
        return "refused"
    at = visit.values.get("position")
    if at and distance_m(lon, lat, float(at["lon"]), float(at["lat"])) > allowed_shift(book, planned):
        return "moved"
    return "done"


def _ground(store: Store, others: list[str]) -> tuple[Values | None, dict[str, Values]]:
    """What the next hole and its layers are filled in from: only the newest records are looked at."""
    identity = store.identity
    holes = [s.values for s in store.page("borehole", newest=True, limit=50, skip=others).rows]
    own = (h for h in holes if identity is not None and h.get("recorder_id") == identity.person)
    soils: dict[str, Values] = {}
    for seen in store.page("soil_layer", newest=True, limit=100, skip=others).rows:
        if texture := seen.values.get("texture"):
            soils.setdefault(texture, seen.values)
    return next(own, holes[0] if holes else None), soils
