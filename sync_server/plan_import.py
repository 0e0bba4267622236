"""A sampling plan goes in: a new version each time, with what changed against the last. Work done stays attached by code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.problems import Trouble
from schemas.rules.geo import distance_m
from sync_server.plan_file import PlanFile, PlanRow
from sync_server.service import Service, Write
from sync_server.store import Stored, Values


class Options(NamedTuple):
    """What the file does not say. Nothing is invented: without these, a missing reason or target is a finding (P03, P04)."""

    title: str
    reason: str | None = None
    target: tuple[str, str] | None = None  # top, bottom in m
    groups: tuple[str, ...] = ()
    role: str = "soil"
    only_good: bool = False
    change_note: str | None = None


class Difference(NamedTuple):
    added: list[str]
    removed: list[str]
    moved: list[tuple[str, float]]  # code, metres
    changed: list[tuple[str, list[str]]]  # code, fields
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


def compare(old: list[Values], new: list[Values]) -> Difference:
    """By point code: what a new version changes. Values are those of planned points."""
    before, after = {v["code"]: v for v in old}, {v["code"]: v for v in new}
    moved, changed = [], []
    for code in before.keys() & after.keys():
        a, b = before[code], after[code]
        where = [(p["position"]["lon"], p["position"]["lat"]) for p in (a, b)]
        if where[0] != where[1]:
            moved.append((code, distance_m(*(float(x) for xy in where for x in xy))))
        fields = sorted(k for k in {*a, *b} - {"plan_id", "position", "zone_id"} if a.get(k) != b.get(k))
        if fields:
            changed.append((code, fields))
    touched = {c for c, _ in moved} | {c for c, _ in changed}
    return Difference(
        sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys()), sorted(moved), sorted(changed),
        len(before.keys() & after.keys()) - len(touched),
    )  # fmt: skip


def newest_plan(service: Service, project: str) -> Stored | None:
    plans = [p for p in service.records("plan", f"{project}.field") if not p.values.get("deleted")]
    return max(plans, key=lambda p: p.values["version"], default=None)


def planned_values(row: PlanRow, plan: str, options: Options) -> Values:
    reason = row.fields.get("reason") or options.reason
    values: dict[str, Any] = {
        "plan_id": plan, "code": row.code, "role": options.role, "origin": "plan", **row.fields,
        "position": {"lon": row.lon, "lat": row.lat, "source_epsg": 4490},
    }  # fmt: skip
    if reason:
        values["reason"] = reason
    return values


def import_plan(
    service: Service, project: str, file: PlanFile, options: Options, person: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:  # fmt: skip
    """All rows or none, unless only the good ones were asked for. Raises Trouble 4003 with every fault, 2003, 2004."""
    if file.faults and not options.only_good:
        wrong = len({f.line for f in file.faults})
        raise Trouble(4003, {"faults": [f._asdict() for f in file.faults]}, count=wrong)
    scope = f"{project}.field"
    records = service.records("project", scope)
    if not records:
        raise Trouble(2004)
    values = records[0].values
    last = newest_plan(service, project)
    version = last.values["version"] + 1 if last else 1
    plan = service.new_id()
    head: Values = {
        "code": f"{values['code']}-P{version}"[:64], "version": version, "title": options.title[:200], "stage": values["stage"],
        "author_id": values.get("plan_author_id") or values["surveyor_id"],
    }  # fmt: skip
    if options.groups:
        head["groups"] = list(options.groups)
    if options.change_note:
        head["change_note"] = options.change_note
    writes = [Write("plan", plan, scope, head)]
    new: list[Values] = []
    for n, row in enumerate(file.rows):
        point = service.new_id()
        new.append(planned_values(row, plan, options))
        writes.append(Write("planned_point", point, scope, new[-1]))
        target = dict(row.target)
        if "depth_bottom_m" not in target and options.target:
            target["depth_top_m"], target["depth_bottom_m"] = options.target
        if "depth_bottom_m" in target:
            top = target.setdefault("depth_top_m", "0")
            groups = target.get("groups") or list(options.groups)
            if groups:
                rule = "surface" if float(top) == 0 else "fixed"
                writes.append(
                    Write("planned_target", service.new_id(), scope,
                          {"planned_point_id": point, "medium": "soil", "rule": rule, **target, "groups": groups})
                )  # fmt: skip
        if n % 1000 == 0:
            progress(n, len(file.rows))
    old = [s.values for s in service.records("planned_point", scope) if last and s.values["plan_id"] == last.id]
    service.write(person, writes)
    progress(len(file.rows), len(file.rows))
    left_out = len({f.line for f in file.faults})
    return Imported(plan, version, len(file.rows), left_out, compare(old, new) if last else None)
