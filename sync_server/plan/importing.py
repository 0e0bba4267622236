"""A sampling plan goes in: a new version each time, with what changed against the last. Work done stays attached by code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.problems import Trouble
from schemas.rules.geo import gk_zone
from sync_server.plan.diff import steps
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
    found = steps(old, new)
    both = {v["code"] for v in old} & {v["code"] for v in new}
    return Difference(
        [s.code for s in found if s.added], [s.code for s in found if s.removed],
        [(s.code, s.moved_m) for s in found if s.moved_m is not None],
        [(s.code, list(s.fields)) for s in found if s.fields],
        len(both - {s.code for s in found}),
    )  # fmt: skip


class Version(NamedTuple):
    """One version of a plan with its points as `steps` wants them. `mark` is another whenever anything of it was edited."""

    plan: Stored
    rows: list[Stored]  # its planned points
    points: list[Values]  # the same, in the same order, as values with their targets
    mark: str


def newest_version(tx: Tx, scope: str) -> tuple[Stored | None, list[Values]]:
    """The newest plan, and its points as `compare` wants them."""
    plan = _newest(tx.of_scope("plan", scope))
    return (plan, version_of(tx, plan).points) if plan else (None, [])


def version_of(tx: Tx, plan: Stored) -> Version:
    """A version with all that belongs to it, voided points left out."""
    points, targets = tx.plan_points(plan.scope, plan.id), tx.plan_targets(plan.scope, plan.id)
    by_point: dict[str, list[Values]] = {}
    for t in targets:
        if not t.values.get("deleted"):
            by_point.setdefault(t.values["planned_point_id"], []).append(_target_facts(t.values))
    rows = [s for s in points if not s.values.get("deleted")]
    values = [{**s.values, "targets": by_point.get(s.id, [])} for s in rows]
    return Version(plan, rows, values, f"{plan.id}:{max(s.seq for s in (plan, *points, *targets))}")


def _target_facts(values: Values) -> Values:
    return {k: v for k, v in values.items() if k != "planned_point_id"}


def newest_of(tx: Tx, scope: str) -> Version | None:
    plan = _newest(tx.of_scope("plan", scope))
    return version_of(tx, plan) if plan else None


def read_version(service: Service, scope: str, plan: str = "") -> Version | None:
    """A version by its plan's id, else the newest; None where there is none. Raises Trouble 2004 for an id of no plan here."""
    with service.store.reading() as tx:
        plans = [p for p in tx.of_scope("plan", scope) if not p.values.get("deleted")]
        chosen = next((p for p in plans if p.id == plan), None) if plan else _newest(plans)
        if plan and chosen is None:
            raise Trouble(2004)
        return version_of(tx, chosen) if chosen else None


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
    progress: Callable[[int, int], None] = lambda done, total: None, seen: str | None = None,
) -> Imported:  # fmt: skip
    """All rows or none, unless only the good ones were asked for. `progress` gets rows written, rows in all. `seen`: the mark
    of the version a person compared it with ("" where there was none); None where nobody did.

    Raises Trouble 4003 with every fault, 4006 (survey coordinates that nobody confirmed), 4009 (another version than the one
    that was seen is the newest now, or it was edited), 2003, 2004, 3001.
    """
    refuse_faulty(file, options)
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
        last = newest_of(tx, scope)
        if seen is not None and seen != (last.mark if last else ""):
            raise Trouble(4009)
        version = last.plan.values["version"] + 1 if last else 1
        head |= {"code": f"{values['code'][:58]}-P{version}", "version": version}
        writes = [Write("plan", plan, scope, head)]
        for n, row in enumerate(file.rows):
            if n % AT_ONCE == 0:  # in parts of one transaction: a large plan never lies in memory as a whole
                service._write_in(tx, person, scope, writes)
                writes = []
                progress(n, len(file.rows))
            point, target = row_values(row, plan, options)
            if last:
                new.append({**point, "targets": [target] if target else []})
            without += not target
            id = service.new_id()
            writes.append(Write("planned_point", id, scope, point))
            if target:
                writes.append(Write("planned_target", service.new_id(), scope, {"planned_point_id": id, **target}))
        service._write_in(tx, person, scope, writes)
        if person:
            tx.note(service.now(), person, "plan_import", plan, owner=project, version=version, points=len(file.rows))
    progress(len(file.rows), len(file.rows))
    left_out = len({f.line for f in file.faults})
    difference = compare(last.points, new) if last else None
    return Imported(plan, version, len(file.rows), left_out, difference, without)


def row_values(row: PlanRow, plan: str, options: Options) -> tuple[Values, Values | None]:
    """What a row becomes: the planned point, and its target where anything says what to sample."""
    point = planned_values(row, plan, options)
    return point, target_values(row, point["role"], options)


def refuse_faulty(file: PlanFile, options: Options) -> None:
    """Raises Trouble 4003 with every fault, 4006 (survey coordinates that nobody confirmed)."""
    if file.faults and not (options.only_good and file.rows):
        wrong = len({f.line for f in file.faults})
        raise Trouble(4003, {"faults": [f._asdict() for f in file.faults]}, count=wrong)
    if file.projection and not options.confirmed:
        zh, en = file.projection.words()
        raise Trouble(4006, found={"zh": zh, "en": en})
