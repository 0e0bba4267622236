"""Versions of a plan: who made which, what the experts said, who approved; figures and rules of the project; drafts.

What becomes a new version is written by `sync_server.plan` (importing, editing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.problems import Trouble
from schemas.record import Fault, missing
from schemas.records import TYPES, check
from sync_server.service.base import Base, Write
from sync_server.store import DraftRow, Stored, Tx, Values

DRAFT_MS = 24 * 3_600_000  # how long a draft is kept


class PlanLine(NamedTuple):
    """One version: how many points, who made it and when (as the server noted it), and what the experts said of it."""

    plan: Stored
    points: int
    made_by: str  # person's id, "" where nobody's
    made_at: str
    reviews: list[Stored]


class Planning(Base):
    def plan_lines(self, scope: str) -> list[PlanLine]:
        """Every version that is not voided, the newest first."""
        with self.store.reading() as tx:
            sizes, reviews = tx.plan_sizes(scope), tx.of_scope("plan_review", scope)
            plans = [p for p in tx.of_scope("plan", scope) if not p.values.get("deleted")]
            plans.sort(key=lambda p: (-p.values["version"], p.id))
            return [
                PlanLine(p, sizes.get(p.id, 0), *_made(tx, p.id),
                         [r for r in reviews if r.values["plan_id"] == p.id and not r.values.get("deleted")])
                for p in plans
            ]  # fmt: skip

    # --- drafts ------------------------------------------------------------------------------------------------------

    def put_plan_draft(
        self, person: str, project: str, kind: str, name: str, content: bytes | None, options: Mapping[str, Any]
    ) -> str:
        """In the place of the one there was; its new id."""
        id, now = self.new_id(), self.now_ms()
        row = DraftRow(id, name[:200], content, dict(options), self.now())
        with self.store.writing() as tx:
            tx.drop_old_plan_drafts(now)
            tx.set_plan_draft(person, project, kind, row, now + DRAFT_MS)
        return id

    def plan_draft(self, person: str, project: str, kind: str) -> DraftRow | None:
        with self.store.reading() as tx:
            return tx.plan_draft(person, project, kind, self.now_ms())

    def drop_plan_draft(self, person: str, project: str, kind: str) -> None:
        with self.store.writing() as tx:
            tx.drop_plan_draft(person, project, kind)

    # --- review and approval -----------------------------------------------------------------------------------------

    def review_plan(
        self,
        person: str,
        project: str,
        plan: str,
        review: Values,
        seen: str,
        approve: bool,
        open_errors: Sequence[str] = (),
    ) -> str:
        """What the experts said of a version, and with `approve` that the person approves it, in one transaction.

        `seen`: the highest seq of the plan, its points and targets as the person saw them. `open_errors`: the findings of
        severity "error" about it, in words.
        Raises Trouble 2003, 2004, 3001, 3120, 3121, 3122. Returns the review's id."""
        scope, id = f"{project}.field", self.new_id()
        values = {**review, "plan_id": plan}
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            plans = {p.id: p for p in tx.of_scope("plan", scope) if not p.values.get("deleted")}
            if plan not in plans:
                raise Trouble(2004)
            now = plans[plan]
            if now.values.get("approved_by"):
                raise Trouble(3121)
            last = max((now, *tx.plan_points(scope, plan), *tx.plan_targets(scope, plan)), key=lambda s: s.seq)
            if str(last.seq) != seen:
                raise Trouble(3122, who=self._who_last(tx, last.id))
            faults = check(TYPES["plan_review"], values) or missing(TYPES["plan_review"], values)
            if approve:
                newest = max(p.values["version"] for p in plans.values())
                if now.values["version"] != newest:
                    zh, en = f"已有更新的第 {newest} 版", f"version {newest} is newer"
                    raise Trouble(3120, why={"zh": zh, "en": en})
                if values.get("conclusion") == "fail":
                    raise Trouble(3120, why={"zh": "评审结论是不通过", "en": "the review did not pass it"})
                if open_errors and not str(values.get("accepted_reason") or "").strip():
                    n = len(open_errors)
                    faults.append(Fault("accepted_reason", f"方案还有 {n} 处问题：写明为什么仍然批准，或先改方案",
                                        f"The plan still has {n} findings: say why it is approved all the same, or correct it"))  # fmt: skip
            if faults:
                raise refused(faults)
            writes = [Write("plan_review", id, scope, values)]
            if approve:
                writes.append(
                    Write("plan", plan, scope, {**now.values, "approved_by": person, "approved_at": self.now()})
                )
            self._write_in(tx, person, scope, writes)
            tx.note(self.now(), person, "plan_approve" if approve else "plan_review", plan, owner=project,
                    version=now.values["version"], conclusion=values["conclusion"], findings=len(open_errors))  # fmt: skip
        return id

    # --- figures and rules -------------------------------------------------------------------------------------------

    def change_seen(
        self, person: str, project: str, writes: Sequence[Write], seen: Mapping[str, int], action: str
    ) -> None:
        """Change records of a project as they were seen: record → seq. All or none, one note in the log.

        Raises Trouble 2003, 2004, 3001, 3121 (a planned point of an approved version), 3122 (changed meanwhile)."""
        scope = f"{project}.field"
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            for type in {w.type for w in writes}:
                found = {s.id: s for s in tx.load(type, [w.id for w in writes if w.type == type]) if s.scope == scope}
                for w in (w for w in writes if w.type == type):
                    if w.id not in found:
                        raise Trouble(2004)
                    if found[w.id].seq != seen.get(w.id):
                        raise Trouble(3122, who=self._who_last(tx, w.id))
                if type == "planned_point":
                    self._refuse_frozen(tx, {s.values["plan_id"] for s in found.values()})
            self._write_in(tx, person, scope, writes)
            tx.note(self.now(), person, action, writes[0].id, owner=project, records=len(writes))

    def _refuse_frozen(self, tx: Tx, plans: set[str]) -> None:
        if any(p.values.get("approved_by") for p in tx.load("plan", sorted(plans))):
            raise Trouble(3121)

    def _who_last(self, tx: Tx, record: str) -> dict[str, str]:
        """Whose change to a record was the last, by name."""
        lines = tx.history(record)
        by = _author(lines[-1].line) if lines else ""
        found = tx.load("person", [by]) if by else []
        name = str(found[0].values.get("name", "")) if found else ""
        return {"zh": name or "有人", "en": name or "Somebody"}


def refused(faults: Sequence[Fault]) -> Trouble:
    """3001 with each fault, for the field it is about."""
    words = {"zh": "；".join(f.zh for f in faults), "en": "; ".join(f.en for f in faults)}
    return Trouble(3001, {"faults": [f._asdict() for f in faults]}, faults=words)


def _made(tx: Tx, record: str) -> tuple[str, str]:
    """Who made a record, and when the server took it."""
    lines = tx.history(record)
    return (_author(lines[0].line), lines[0].received_at) if lines else ("", "")


def _author(line: bytes) -> str:
    try:
        return change.decode(line).by
    except NotCanonical:
        return ""
