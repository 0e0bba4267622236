"""What plainly goes in: new records, and edits of what nobody else touched. By far most of what comes is one or the other.

Both are judged together and cost a third of what `Applying.take` does for one; whatever has anything in its way is left to
it, and tests/api/test_fresh.py compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas import canonical
from schemas.change import Change
from schemas.fields import fields_of
from schemas.fresh import Fresh, cells_of
from schemas.merge import put
from schemas.records import SCHEMA, TYPES
from schemas.rows import pointers_of
from schemas.rules import evidence
from schemas.rules.onsite import SIGNED_WITH
from schemas.sure import read_many
from sync_server.store import Journaled, ScopeRow, Stored, Values

Place = tuple[str, int, bytes, str]  # enrolment, position, link, proof
# Whom these name decided: nobody hands in a decision in somebody else's name, and so as somebody who did not record it.
OWN = {"review_decision": "person_id", "plan": "approved_by"}
# What somebody says of what he or she did is changed and voided by that person alone: else it would be another's words under that name.
REPORTED = frozenset({"corrective_action"})
# An approved version stays as it was approved. Type → where it hangs: the field, and the type that leads to.
OF_A_PLAN: dict[str, dict[str, str]] = {
    "plan": {}, "planned_point": {"plan_id": "plan"}, "plan_zone": {"plan_id": "plan"}, "planned_target": {"planned_point_id": "planned_point"},
}  # fmt: skip


class Author(NamedTuple):
    """Who a change must be by, and what he or she may do in this scope. None of it binds the server itself."""

    person: str
    device: str
    roles: frozenset[str]
    revoked: str | None = None  # the enrolment, if it was revoked: the project manager decides about what it hands in
    types: int = 0  # which state of the record types the tablet knew (records.SCHEMA); 0 = none that matters
    accepted: bool = False  # he or she did, for this change: it needs no right any more


class Plain:
    """Part of Applying, which reads what is needed into these before, and writes it afterwards."""

    scope: ScopeRow
    now: str
    seq: int
    digest: int
    _where: dict[str, tuple[str, str]]
    _here: dict[str, Stored]
    _journal: list[Journaled]
    _taken: set[str]

    def __init__(self) -> None:
        # record → what made it, its seq; as long as nobody asks for it
        self._added: dict[str, tuple[Fresh, int]] = {}
        self._cells: dict[str, tuple[Stored, tuple[Any, ...]]] = {}  # record → as it was left here, its cells

    if TYPE_CHECKING:  # of Applying

        def _holding(self) -> Mapping[tuple[str, str], list[str]]: ...

        def _clashes(self) -> Mapping[str, list[str]]: ...

        def _reachable(self, type: str, id: str, author: Author) -> bool: ...

        def _writable(self, roles: frozenset[str]) -> frozenset[str]: ...

        def _blind(self, roles: frozenset[str]) -> bool: ...

    def add(self, run: Sequence[Fresh], author: Author, at: Sequence[Place]) -> int:
        """New records with nothing in their way go in, and into the journal, each at its place in the chain. How many of them,
        from the first on: `take` has to look at the next one."""
        where, holding, mine, taken = self._where, self._holding(), self.scope.id, self._taken
        may: dict[str, bool] = {}
        elsewhere: set[tuple[str, str]] = set()  # what these refer to in other scopes, and may
        for n, f in enumerate(run):
            if f.type not in may:
                may[f.type] = self._plainly_may(f.type, author)
            if (
                f.record in where
                or f.id in taken
                or f.scope != mine
                or f.by != author.person
                or f.device != author.device
                or not may[f.type]
                or (holding and (f.device, f.record) in holding)
            ):
                return n
            for ref in f.refs:
                type, id = ref
                if where.get(id) != (type, mine) and id != f.record and ref not in elsewhere:
                    if not self._reachable(type, id, author):
                        return n
                    elsewhere.add(ref)
            self.seq = seq = self.seq + 1
            self.digest += evidence.row_hash(evidence.row_line_of(f.type, f.record, seq, f.written))
            where[f.record] = (f.type, mine)
            self._added[f.record] = (f, seq)
            self._note(f, at[n])
        return len(run)

    def edit(self, run: Sequence[Change], author: Author, at: Sequence[Place]) -> int:
        """Edits of records as their author saw them, which no conflict is about and which point to nothing else now. How many
        went in, as with `add`. Within a run no record comes twice."""
        merged = self._edited(run, author)
        by_type: dict[str, list[int]] = {}
        for n in range(len(merged)):
            by_type.setdefault(run[n].type, []).append(n)
        cells: dict[int, tuple[Any, ...]] = {}
        for type, places in by_type.items():
            cls, to_cells = TYPES[type], cells_of(type)
            for n, seen in zip(places, read_many(cls, [merged[n][2] for n in places]), strict=True):
                if seen is not None and not any(cls.faults(seen.typed)):
                    cells[n] = to_cells(seen.kept)
        for n, (old, values, written) in enumerate(merged):
            if n not in cells:
                return n
            c = run[n]
            self.seq = seq = self.seq + 1
            self.digest -= evidence.row_hash(evidence.row_line(old.type, old.id, old.seq, old.values))
            self.digest += evidence.row_hash(evidence.row_line_of(c.type, c.record, seq, written))
            new = self._here[c.record] = Stored(c.type, c.record, old.scope, seq, values)
            self._cells[c.record] = (new, cells[n])
            self._note(c, at[n])
        return len(merged)

    def _edited(self, run: Sequence[Change], author: Author) -> list[tuple[Stored, Values, bytes]]:
        """For each edit what is there, what it becomes, and that as bytes; up to the first that `take` has to look at."""
        here, where, mine, taken = self._here, self._where, self.scope.id, self._taken
        holding, clashes = self._holding(), self._clashes()
        may: dict[str, bool] = {}
        out: list[tuple[Stored, Values, bytes]] = []
        for c in run:
            if c.type not in may:
                may[c.type] = c.type in TYPES and not self._blind(author.roles) and self._plainly_may(c.type, author)
            old, after = here.get(c.record), c.after
            if (
                not may[c.type]
                or c.type in SIGNED_WITH
                or c.type in REPORTED
                or old is None
                or not c.before
                or c.id in taken
                or where.get(c.record) != (c.type, mine)
                or c.scope != mine
                or c.by != author.person
                or c.device != author.device
                or (holding and (c.device, c.record) in holding)
                or clashes.get(c.record)
            ):
                break
            known, pointing = _fields(c.type)
            if not known >= after.keys() or not pointing.isdisjoint(after):
                break
            now = old.values
            if any([now.get(k) != v for k, v in c.before.items()]):
                break
            values = dict(now)
            put(values, after)
            out.append((old, values, canonical.again(values)))
        return out

    def _note(self, c: Fresh | Change, at: Place) -> None:
        self._taken.add(c.id)
        self._journal.append(
            Journaled(self.scope.id, at[0], at[1], c.id, c.type, c.record, c.line, at[2], at[3], "applied", self.seq, None, None, self.now)
        )  # fmt: skip

    def _plainly_may(self, type: str, author: Author) -> bool:
        """Nothing in the way of this author and this type, whatever is in the record."""
        about = TYPES[type].about
        return (
            about.audience.value == self.scope.audience
            and not about.frozen
            and type not in OWN
            and type not in OF_A_PLAN
            and type not in ("transfer_plan", "checklist", "recheck")
            and not (type == "disposal_record" and self._blind(author.roles))
            and not author.revoked
            and author.types <= SCHEMA
            and bool(about.writers)
            and type in self._writable(author.roles)
        )


@cache
def _fields(type: str) -> tuple[frozenset[str], frozenset[str]]:
    """The fields of a type, and those of them that refer to records."""
    cls = TYPES[type]
    return frozenset(fields_of(cls)), frozenset(p.name for p in pointers_of(cls))
