"""Statements about versions of plans, and what is looked at before it becomes one."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.engine import upsert
from sync_server.store.records import select_rows, stored
from sync_server.store.rows import Stored


class DraftRow(NamedTuple):
    """What somebody looks at before it becomes a version: an uploaded file, or edits of the newest version."""

    id: str
    name: str
    content: bytes | None
    options: dict[str, Any]
    at: str


class PlanningStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def plan_points(self, scope: str, plan: str) -> list[Stored]:
        """The planned points of one version by id, voided ones too."""
        c = TABLES["planned_point"].c
        query = select_rows("planned_point").where(c.scope == scope, c.plan_id == plan).order_by(c.id)
        return stored("planned_point", self.conn.execute(query))

    def plan_targets(self, scope: str, plan: str) -> list[Stored]:
        """What is to be sampled at the points of one version."""
        c, points = TABLES["planned_target"].c, TABLES["planned_point"].c
        own = select(points.id).where(points.scope == scope, points.plan_id == plan)
        query = select_rows("planned_target").where(c.scope == scope, c.planned_point_id.in_(own)).order_by(c.id)
        return stored("planned_target", self.conn.execute(query))

    def plan_sizes(self, scope: str) -> dict[str, int]:
        """Plan → how many points it has, voided ones left out."""
        c = TABLES["planned_point"].c
        query = select(c.plan_id, func.count()).where(c.scope == scope, c.deleted.is_not(True)).group_by(c.plan_id)
        return {plan: int(n) for plan, n in self.conn.execute(query)}

    def codes_ever(self, scope: str) -> set[str]:
        """Every code a planned point or a visit of this scope has or had, in whatever version."""
        out: set[str] = set()
        for type in ("planned_point", "point"):
            c = TABLES[type].c
            out |= {code for (code,) in self.conn.execute(select(c.code).where(c.scope == scope).distinct())}
        return out

    def set_plan_draft(self, person: str, project: str, kind: str, row: DraftRow, expires_at: int) -> None:
        values = {"person": person, "project": project, "kind": kind, **row._asdict(), "expires_at": expires_at}
        values["options"] = json.dumps(row.options, ensure_ascii=False)
        upsert(self.conn, t.plan_draft, values)

    def plan_draft(self, person: str, project: str, kind: str, now: int) -> DraftRow | None:
        c = t.plan_draft.c
        query = select(c.id, c.name, c.content, c.options, c.at)
        query = query.where(c.person == person, c.project == project, c.kind == kind, c.expires_at > now)
        row = self.conn.execute(query).first()
        return DraftRow(row.id, row.name, row.content, json.loads(row.options), row.at) if row else None

    def drop_plan_draft(self, person: str, project: str, kind: str) -> None:
        c = t.plan_draft.c
        self.conn.execute(delete(t.plan_draft).where(c.person == person, c.project == project, c.kind == kind))

    def drop_old_plan_drafts(self, now: int) -> None:
        self.conn.execute(delete(t.plan_draft).where(t.plan_draft.c.expires_at <= now))
