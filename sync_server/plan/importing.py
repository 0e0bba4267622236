"""A sampling plan goes in: a new version each time, with what changed against the last. Work done stays attached by code."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from schemas.problems import Trouble
from schemas.rules.geo import distance_m, gk_zone
from sync_server.plan.rows import PlanFile, PlanRow
from sync_server.service import Service, Write
from sync_server.store import Stored, Tx, Values

AT_ONCE = 1000  # rows written between two reports of progress


class Options(NamedTuple):
    """What the file does not say. Nothing is invented: without these, a missing reason or target is a finding (P03, P04)."""

    title: str
    reason: str | None = None
    target: tuple[str, str] | None = None  # top, bottom in m
    groups: tuple[str, ...] = ()
    role: str = "soil"
    only_good: bool = False
    change_note: str | None = None
    confirmed: bool = False  # a person saw `PlanFile.projection` and found it right


class Difference(NamedTuple):
    added: list[str]
    removed: list[str]
    moved: list[tuple[str, float]]  # code, metres
    changed: list[tuple[str, list[str]]]  # code, fields; "targets" = what is to be sampled there
    unchanged: int

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.moved or self.changed)


class Imported(NamedTuple):
    plan: str
    version: int
    points: int
    left_out: int
    difference: Difference | None  # None for the first version
    without_target: int = 0  # points for which neither file nor options say what to sample


def compare(old: list[Values], new: list[Values]) -> Difference:
    """By point code: what a new version changes. Values are those of planned points, with their `targets` beside them."""
    before, after = {v["code"]: v for v in old}, {v["code"]: v for v in new}
    moved, changed = [], []
    for code in before.keys() & after.keys():
        a, b = before[code], after[code]
        where = [tuple(float(p["position"][x]) for x in ("lon", "lat")) for p in (a, b)]
        if where[0] != where[1]:
            moved.append((code, distance_m(*where[0], *where[1])))
        fields = sorted(k for k in {*a, *b} - _NOT_COMPARED if _plain(a.get(k)) != _plain(b.get(k)))
        if fields:
            changed.append((code, fields))
    touched = {c for c, _ in moved} | {c for c, _ in changed}
    return Difference(
        sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys()), sorted(moved), sorted(changed),
        len(before.keys() & after.keys()) - len(touched),
    )  # fmt: skip


_NOT_COMPARED = frozenset({"plan_id", "position", "zone_id"})  # the position is compared by itself


def _plain(value: Any) -> Any:
    """5 and 5.0 are the same figure, however a spreadsheet wrote it; lists are sets of codes."""
    if isinstance(value, str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        return number if number.is_finite() else value
    if isinstance(value, list):
        return sorted((_plain(v) for v in value), key=repr)
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def newest_version(tx: Tx, scope: str) -> tuple[Stored | None, list[Values]]:
    """The newest plan, and its points as `compare` wants them."""
    plan = _newest(tx.of_scope("plan", scope))
    if plan is None:
        return None, []
    targets: dict[str, list[Values]] = {}
    for t in tx.of_scope("planned_target", scope):
        if not t.values.get("deleted"):
            targets.setdefault(t.values["planned_point_id"], []).append(_target_facts(t.values))
    points = [s for s in tx.of_scope("planned_point", scope) if s.values["plan_id"] == plan.id]
    return plan, [{**s.values, "targets": targets.get(s.id, [])} for s in points if not s.values.get("deleted")]


def _target_facts(values: Values) -> Values:
    return {k: v for k, v in values.items() if k != "planned_point_id"}


def newest_plan(service: Service, project: str) -> Stored | None:
    return _newest(service.records("plan", f"{project}.field"))


def _newest(plans: list[Stored]) -> Stored | None:
    return max((p for p in plans if not p.values.get("deleted")), key=lambda p: p.values["version"], default=None)


def planned_values(row: PlanRow, plan: str, options: Options) -> Values:
    reason = row.fields.get("reason") or options.reason
    values: dict[str, Any] = {
        "plan_id": plan, "code": row.code, "role": options.role, "origin": "plan", **row.fields,
        "position": row.position,
    }  # fmt: skip
    if reason:
        values["reason"] = reason
    return values


def target_values(row: PlanRow, role: str, options: Options) -> Values | None:
    """The soil target of a row, from its cells or else the options; None where they do not say it or the point is not
    for soil."""
    if role in ("well", "other_media"):
        return None
    interval = row.target.get("depth_top_m"), row.target.get("depth_bottom_m")
    top, bottom = interval if interval[1] else options.target or (None, None)
    groups = row.target.get("groups") or list(options.groups)
    if not (top and bottom and groups):
        return None
    rule = "surface" if not top.strip("0.") else "fixed"
    return {"medium": "soil", "rule": rule, "depth_top_m": top, "depth_bottom_m": bottom, "groups": groups}


def zones_of(service: Service, project: str) -> list[int]:
    """3° zones in which a project is known to lie: by its site's boundary and the newest plan's points. Empty when
    nothing is known yet; a division code alone does not say where a site is."""
    scope = f"{project}.field"
    lons = [
        ring[0][0]
        for site in service.records("site", scope)
        if not site.values.get("deleted")
        for ring in (site.values.get("boundary") or {}).get("rings", [])[:1]
    ]
    with service.store.reading() as tx:
        lons += [point["position"]["lon"] for point in newest_version(tx, scope)[1]]
    zones = set()
    for lon in lons:
        try:
            zones.add(gk_zone(float(lon)))
        except ValueError:  # a place outside China's zones
            continue
    return sorted(zones)


def import_plan(
    service: Service, project: str, file: PlanFile, options: Options, person: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:  # fmt: skip
    """All rows or none, unless only the good ones were asked for. `progress` gets rows written, rows in all.

    Raises Trouble 4003 with every fault, 4006 (survey coordinates that nobody confirmed), 2003, 2004, 3001.
    """
    if file.faults and not (options.only_good and file.rows):
        wrong = len({f.line for f in file.faults})
        raise Trouble(4003, {"faults": [f._asdict() for f in file.faults]}, count=wrong)
    if file.projection and not options.confirmed:
        zh, en = file.projection.words()
        raise Trouble(4006, found={"zh": zh, "en": en})
    scope = f"{project}.field"
    records = service.records("project", scope)
    if not records:
        raise Trouble(2004)
    values = records[0].values
    plan = service.new_id()
    head: Values = {
        "title": options.title[:200], "stage": values["stage"],
        "author_id": values.get("plan_author_id") or values["surveyor_id"],
    }  # fmt: skip
    if options.groups:
        head["groups"] = list(options.groups)
    if options.change_note:
        head["change_note"] = options.change_note
    new: list[Values] = []
    without = 0
    with service.store.writing() as tx:
        tx.scope(scope, lock=True)  # of two imports at once the second sees what the first one wrote
        last, old = newest_version(tx, scope)
        version = last.values["version"] + 1 if last else 1
        head |= {"code": f"{values['code'][:58]}-P{version}", "version": version}
        writes = [Write("plan", plan, scope, head)]
        for n, row in enumerate(file.rows):
            if n % AT_ONCE == 0:  # in parts of one transaction: a large plan never lies in memory as a whole
                service._write_in(tx, person, scope, writes)
                writes = []
                progress(n, len(file.rows))
            point = planned_values(row, plan, options)
            target = target_values(row, point["role"], options)
            if last:
                new.append({**point, "targets": [target] if target else []})
            without += not target
            id = service.new_id()
            writes.append(Write("planned_point", id, scope, point))
            if target:
                writes.append(Write("planned_target", service.new_id(), scope, {"planned_point_id": id, **target}))
        service._write_in(tx, person, scope, writes)
    progress(len(file.rows), len(file.rows))
    left_out = len({f.line for f in file.faults})
    difference = compare(old, new) if last else None
    return Imported(plan, version, len(file.rows), left_out, difference, without)
