"""A planned point is moved, added, taken out or given another depth: edits of the newest version, collected in a draft, become
a version of their own. Codes stay as they are, so that work done stays attached; nothing of an older version changes.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.problems import Trouble
from sync_server.plan.diff import Step, steps
from sync_server.plan.importing import newest_of
from sync_server.plan.reading import RowFault
from sync_server.plan.rows import PlanRow, read_plan
from sync_server.service import Service, Write
from sync_server.store import Stored, Tx, Values

OPS = ("move", "add", "change", "cancel")
MAX_EDITS, MAX_POINTS = 200, 20_000
AT_ONCE = 1000  # points written at once
_OF_A_VERSION = frozenset(
    {"approved_by", "approved_at", "change_note", "note", "void_reason", "late_entry_reason", "deleted"}
)


class Edit(NamedTuple):
    """One edit. `values`: fields of the planned point that it sets, `targets` among them."""

    op: str
    code: str
    values: Values
    reason: str


def edits_of(options: Mapping[str, Any]) -> list[Edit]:
    return [Edit(e["op"], e["code"], e["values"], e["reason"]) for e in options.get("edits", ())]


def put(edits: Sequence[Edit], new: Edit) -> list[Edit]:
    """Of two edits of one kind of one point the later one counts; whatever is done to a point that was added is part of adding
    it, and a point that is taken out needs no other edit."""
    rest = [e for e in edits if (e.code, e.op) != (new.code, new.op)]
    added = next((e for e in rest if e.code == new.code and e.op == "add"), None)
    if new.op == "cancel":
        rest = [e for e in rest if e.code != new.code]
        return rest if added else [*rest, new]
    if added:
        merged = added._replace(values={**added.values, **new.values})
        return [merged if e is added else e for e in rest]
    return [*rest, new]


def edited(points: Iterable[Values], edits: Iterable[Edit]) -> list[Values]:
    """The points as they are after the edits. Raises Trouble 4014 for one that does not fit them any more."""
    out = {v["code"]: v for v in points}
    for e in edits:
        if (e.op == "add") == (e.code in out):
            zh, en = (
                ("编号已有", "there is such a code")
                if e.op == "add"
                else ("方案里没有这个点位", "the plan has no such point")
            )
            raise Trouble(4014, code=e.code, why={"zh": zh, "en": en})
        if e.op == "cancel":
            del out[e.code]
        else:
            out[e.code] = {**out.get(e.code, {"code": e.code, "targets": []}), **e.values}
    return list(out.values())


# --- what a person typed ---------------------------------------------------------------------------------------------


def read_point(cells: Mapping[str, str], zone: int | None = None) -> tuple[PlanRow | None, list[RowFault]]:
    """One point as typed: the same reading as a row of a file, with the same words for what is wrong; `column` of a fault is
    the name of the cell. Raises Trouble 4005 (zone needed), 4008 (no such zone)."""
    names = [n for n in cells if cells[n].strip() or n in ("code", "lon", "lat", "northing", "easting")]
    if any(cells.get(n, "").strip() for n in ("northing", "easting")):
        names = [n for n in names if n not in ("lon", "lat")]
    else:
        names = [n for n in names if n not in ("northing", "easting")]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerows([names, [_one_line(n, cells[n]) for n in names]])
    found = read_plan(table.getvalue().encode(), zone=zone)
    return (found.rows[0] if found.rows else None), found.faults


def _one_line(name: str, text: str) -> str:
    return text if name == "reason" else " ".join(text.split())


def next_code(codes: Iterable[str], like: Iterable[str]) -> str:
    """A code nobody had, in the manner of `like`: S30 → S31, as many digits as they have."""
    taken = set(codes)
    parts = [m for c in like if (m := re.fullmatch(r"(.*?)(\d+)", c))]
    prefix = Counter(m[1] for m in parts).most_common(1)[0][0] if parts else "S"
    digits = [m[2] for c in taken if (m := re.fullmatch(re.escape(prefix) + r"()(\d{1,9})", c))]
    wide = max((len(d) for d in digits), default=2)
    return f"{prefix}{max((int(d) for d in digits), default=0) + 1:0{wide}d}"


# --- saving ----------------------------------------------------------------------------------------------------------


class Saved(NamedTuple):
    plan: str
    version: int
    steps: list[Step]


def save_edits(
    service: Service,
    project: str,
    person: str,
    edits: Sequence[Edit],
    verbs: Mapping[str, str],
    seen: str,
    title: str = "",
) -> Saved:
    """The newest version with these edits as the next one. `seen`: mark of the version they were compared with; `verbs`: how an
    edit is called in the note of the version.

    Raises Trouble 2004, 4009 (not the newest any more, or edited), 4014, 4010 (too large), 3003, 3001."""
    scope = f"{project}.field"
    with service.store.writing() as tx:
        if tx.scope(scope, lock=True) is None:
            raise Trouble(2004)
        last = newest_of(tx, scope)
        if last is None or last.mark != seen or not edits:
            raise Trouble(4009)
        points = edited(last.points, edits)
        if len(points) > MAX_POINTS:
            raise Trouble(4010, count=len(points), limit=MAX_POINTS)
        plan, version = service.new_id(), last.plan.values["version"] + 1
        (project_record,) = tx.load("project", [project])
        head = {k: v for k, v in last.plan.values.items() if k not in _OF_A_VERSION}
        head |= {"code": f"{project_record.values['code'][:58]}-P{version}", "version": version,
                 "change_note": note_of(edits, verbs)}  # fmt: skip
        if title:
            head["title"] = title[:200]
        writes = [Write("plan", plan, scope, head)]
        zones = {z.id: service.new_id() for z in _zones(tx, last.plan)}
        writes += [Write("plan_zone", zones[z.id], scope, {**z.values, "plan_id": plan}) for z in _zones(tx, last.plan)]
        for n, values in enumerate(points):
            if n % AT_ONCE == 0:
                service._write_in(tx, person, scope, writes)
                writes = []
            writes += _point(service, scope, plan, values, zones)
        service._write_in(tx, person, scope, writes)
        tx.drop_plan_draft(person, project, "edits")
        tx.note(service.now(), person, "plan_save", plan, owner=project, version=version, edits=len(edits))
    return Saved(plan, version, steps(last.points, points))


def _zones(tx: Tx, plan: Stored) -> list[Stored]:
    return [z for z in tx.of_scope("plan_zone", plan.scope, plan_id=plan.id) if not z.values.get("deleted")]


def _point(service: Service, scope: str, plan: str, values: Values, zones: Mapping[str, str]) -> list[Write]:
    id = service.new_id()
    own = {k: v for k, v in values.items() if k != "targets"} | {"plan_id": plan}
    if own.get("zone_id"):
        own["zone_id"] = zones.get(own["zone_id"], own["zone_id"])
    targets = [{**t, "planned_point_id": id} for t in values.get("targets", ())]
    return [
        Write("planned_point", id, scope, own),
        *(Write("planned_target", service.new_id(), scope, t) for t in targets),
    ]


def note_of(edits: Iterable[Edit], verbs: Mapping[str, str]) -> str:
    return "\n".join(f"{e.code} {verbs[e.op]}：{e.reason}" for e in edits)[:20_000]
