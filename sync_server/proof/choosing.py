"""What belongs to an evidence package.

A whole project: everything in its scopes, and what that refers to in the organisation's. A point or an inspection: the record
itself; below it whatever refers to it, or ever did, inside the project's scopes (layers, samples, photos, findings, decisions …);
above it what the chosen records refer to, and what that refers to, but nothing that hangs on those again: the next point of the
same plan is a neighbour, and stays hidden. An inspection is one matter with those it amends and those that amend it; the task it came
from belongs to it with what was photographed and said there, but not with what else came of that task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Literal, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.change import Change
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rows import codec, pointers_of, refs_of
from schemas.rules.package import Selection
from schemas.shown import plain_title
from schemas.wire import CONSOLE
from sync_server.store import Stored, Tx

Kind = Literal["project", "point", "inspection"]
SOUGHT: dict[str, tuple[str, ...]] = {"point": ("point", "planned_point"), "inspection": ("inspection",)}
# a further point that was planned because of a reading is a point of its own; so is another inspection that came of the same task
NOT_BELOW = {("planned_point", "trigger_reading_ids"), ("inspection", "task_id")}
SOME = 500  # ids asked about at a time
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Chosen:
    """`whole`: scopes of which everything belongs to it. `below` and `above`: single records, by id, of any scope. `chains`:
    (scope, enrolment) of which at least one line is shown."""

    selection: Selection
    project: Stored
    scopes: list[str]
    home: str
    whole: frozenset[str] = frozenset()
    below: set[str] = field(default_factory=set)
    above: set[str] = field(default_factory=set)
    chains: list[tuple[str, str]] = field(default_factory=list)

    def within(self, scope: str) -> bool:
        """A change that names a record of ours in another project's scope was refused there, and stays there."""
        return scope == self.home or scope in self.scopes

    def shows(self, scope: str, record: str) -> bool:
        return scope in self.whole or (self.within(scope) and (record in self.below or record in self.above))


def choose(tx: Tx, home: str, project: Stored, kind: Kind, wanted: str) -> Chosen:
    """`home`: the organisation's scope; `wanted`: the id or the code of the point or inspection ("" for the project).

    Raises Trouble 4401 when there is no such thing, or more than one."""
    scopes = [s.id for s in tx.scopes(project.id)]
    if kind == "project":
        label = plain_title("project", project.values)
        name = " ".join(dict.fromkeys(str(x) for x in (label, project.values.get("name")) if x))
        out = Chosen(Selection(kind=kind, id=project.id, label=name), project, scopes, home, frozenset(scopes))
        _Choosing(tx, out).all_of_it()
        return out
    root = _find(tx, scopes, kind, wanted)
    label = plain_title(root.type, root.values) or root.id
    out = Chosen(Selection(kind=kind, id=root.id, label=label), project, scopes, home)
    _Choosing(tx, out).around(root)
    return out


def _find(tx: Tx, scopes: Sequence[str], kind: Kind, wanted: str) -> Stored:
    types = SOUGHT[kind]
    zh, en = TYPES[kind].about.zh, TYPES[kind].about.en.lower()
    if change.ID.match(wanted):
        type, scope = tx.types_of([wanted]).get(wanted, ("", ""))
        if type in types and scope in scopes:
            return tx.load(type, [wanted])[0]
        raise _none(f"这个项目没有编号为 {wanted} 的{zh}", f"this project has no {en} {wanted}")
    for type in types:  # a point that was worked on before one that is only planned
        found = [s for scope in scopes for s in tx.of_scope(type, scope, code=wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(s.id for s in found[:5]) + (" …" if len(found) > 5 else "")
            raise _none(
                f"有 {len(found)} 个{zh}的编号是「{wanted}」，请改用记录号：{ids}",
                f"{len(found)} of them are called “{wanted}”; give the record's id: {ids}",
            )
    raise _none(f"这个项目没有编号为「{wanted}」的{zh}", f"this project has no {en} called “{wanted}”")


def _none(zh: str, en: str) -> Trouble:
    return Trouble(4401, why={"zh": zh, "en": en})


def some_of(ids: Iterable[str], most: int = SOME) -> Iterator[list[str]]:
    """At most so many at a time."""
    rest = iter(ids)
    while some := list(islice(rest, most)):
        yield some


class _Column(NamedTuple):
    """A column whose values point at records of these types ("*": of any); `plain`: one id, else JSON with ids in it."""

    type: str
    name: str
    targets: frozenset[str]
    plain: bool


@cache
def _columns() -> tuple[_Column, ...]:
    out = []
    for type, cls in TYPES.items():
        if cls.about.audience is Audience.ORGANISATION:
            continue  # never inside a project's scopes
        columns = codec(type)
        for p in pointers_of(cls):
            if (type, p.name) not in NOT_BELOW:
                targets = frozenset([p.target] if p.target else _inside(p.inside))
                out.append(_Column(type, p.name, targets, not columns.is_json(columns.columns.index(p.name))))
    return tuple(out)


def _inside(pointers: Iterable[Any]) -> Iterator[str]:
    for p in pointers:
        yield from [p.target] if p.target else _inside(p.inside)


class _Choosing:
    def __init__(self, tx: Tx, out: Chosen) -> None:
        self.tx, self.out = tx, out
        # what is told by changes and not by records as they are now: record → what it points at, or pointed at
        self._told: dict[str, set[str]] = {}
        self._tied: dict[str, list[tuple[str, str]]] = {}  # the other way round: (record, type)
        self._forked: list[tuple[str, str, str]] = []  # scope, enrolment, record of lines of second chains

    # --- a whole project ---------------------------------------------------------------------------------------------

    def all_of_it(self) -> None:
        tx, out = self.tx, self.out
        chains: set[tuple[str, str]] = set()
        wanted: set[str] = set()  # ids that may be of the organisation's records
        for scope in out.scopes:
            for type in TYPES:
                for row in tx.rows_of(type, scope):
                    wanted |= _outside(refs_of(type, row.values))
            for j in tx.unsettled(scope):
                if c := _read(j.line):
                    wanted |= _outside(_refs(c))
            for f in tx.fork_lines(scope):
                chains.add((scope, f.enrolment))
                if c := _read(f.line):
                    wanted |= _outside(_refs(c))
            chains |= {(scope, enrolment) for enrolment in tx.enrolments_in(scope)}
            if (scope, CONSOLE) in chains:
                wanted |= {c.by for j in tx.journal_by_chain(CONSOLE, scope) if (c := _read(j.line))}
        self._up(wanted, {out.home})
        self._with_authors(chains)

    # --- one point or inspection -------------------------------------------------------------------------------------

    def around(self, root: Stored) -> None:
        tx, out = self.tx, self.out
        self._read_changes()
        types = self._down(self._roots(root))
        types |= self._about_tasks(types)
        out.below = set(types)
        allowed = {*out.scopes, out.home}
        wanted: set[str] = set()
        instruments: set[str] = set()
        for rows in self._rows(types):
            for row in rows:
                refs = refs_of(row.type, row.values)
                wanted |= {id for _, id in refs}
                instruments |= {id for type, id in refs if type == "instrument"}
        for id in types:
            wanted |= self._told.get(id, set())
        if instruments:  # what shows how far their readings can be trusted
            wanted |= set(tx.referring("calibration", "instrument_id", instruments, out.scopes))
        self._up(wanted - out.below, allowed)
        chains: set[tuple[str, str]] = {(s, e) for s, e, record in self._forked if record in out.below}
        for ids in some_of((*out.below, *out.above)):
            chains |= {(scope, of) for scope, of, _ in tx.places_of(ids) if out.within(scope)}
        self._with_authors(chains)

    def _roots(self, root: Stored) -> dict[str, str]:
        """The record itself; of an inspection also those it amends, one after the other."""
        found = {root.id: root.type}
        while root.type == "inspection" and (before := str(root.values.get("amends_id") or "")) and before not in found:
            rows = [s for s in self.tx.load("inspection", [before]) if s.scope in self.out.scopes]
            if not rows:
                break
            root = rows[0]
            found[root.id] = root.type
        return found

    def _about_tasks(self, chosen: dict[str, str]) -> dict[str, str]:
        """id → type of the tasks these inspections came from, with the photos and words about them."""
        inspections = [id for id, type in chosen.items() if type == "inspection"]
        rows = (s for some in some_of(inspections) for s in self.tx.load("inspection", some))
        wanted = {str(s.values["task_id"]) for s in rows if s.values.get("task_id")}
        here = self._types(wanted).items()
        tasks = {id: type for id, (type, scope) in here if type == "field_task" and scope in self.out.scopes}
        return tasks | (self._down(tasks, about=True) if tasks else {})

    def _read_changes(self) -> None:
        """What the rows do not tell: changes that wait or were refused, lines of a cloned device, and where a record pointed
        before somebody moved it."""
        for scope in self.out.scopes:
            for j in self.tx.unsettled(scope):
                if c := _read(j.line):
                    self._tie(c.record, c.type, {id for _, id in _refs(c)})
            for f in self.tx.fork_lines(scope):
                if c := _read(f.line):
                    self._forked.append((scope, f.enrolment, c.record))
                    self._tie(c.record, c.type, {id for _, id in _refs(c)})
            for type, record, line in self.tx.taken_lines(scope):
                start = line.find(b',"before":')
                if line.startswith(b"{}", start + 10) or not _ID.search(line, start, line.rfind(b',"made_at":')):
                    continue  # the record's first change, or one that moves no reference
                if (c := _read(line)) and (refs := _refs(c)):
                    self._tie(record, type, {id for _, id in refs})

    def _tie(self, record: str, type: str, to: set[str]) -> None:
        self._told.setdefault(record, set()).update(to)
        for id in to - {record}:
            self._tied.setdefault(id, []).append((record, type))

    def _down(self, start: dict[str, str], about: bool = False) -> dict[str, str]:
        """id → type of these and of all that hangs on them; `about`: only what is about a subject, photos and words."""
        found, fresh = dict(start), dict(start)
        while fresh:
            more: dict[str, str] = {}
            kinds = set(fresh.values())
            for c in _columns():
                if about and TYPES[c.type].about.audience is not Audience.SUBJECT:
                    continue
                if "*" in c.targets or not kinds.isdisjoint(c.targets):
                    ids = {i for i, t in fresh.items() if "*" in c.targets or t in c.targets}
                    more |= dict.fromkeys(self._pointing(c, ids), c.type)
            for id, on in fresh.items():
                tied = self._tied.get(id, [])
                more |= dict(r for r in tied if _hangs(on, r[1]) and (not about or _of_a_subject(r[1])))
            fresh = {id: type for id, type in more.items() if id not in found}
            found |= fresh
        return found

    def _pointing(self, c: _Column, ids: set[str]) -> list[str]:
        if c.plain:
            return self.tx.referring(c.type, c.name, ids, self.out.scopes)
        return [
            record
            for scope in self.out.scopes
            for record, text in self.tx.pointing(c.type, c.name, scope)
            if any(m.decode() in ids for m in _ID.findall(text.encode()))
        ]

    # --- what they refer to ------------------------------------------------------------------------------------------

    def _up(self, wanted: set[str], allowed: set[str]) -> None:
        """Into `above`, with what they refer to, as far as it lies in these scopes."""
        out = self.out
        while wanted := wanted - out.above - out.below:
            types = {id: t for id, (t, scope) in self._types(wanted).items() if scope in allowed}
            out.above |= set(types)
            wanted = {id for rows in self._rows(types) for r in rows for _, id in refs_of(r.type, r.values)}

    def _types(self, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for some in some_of(ids):
            found |= self.tx.types_of(some)
        return found

    def _rows(self, types: dict[str, str]) -> Iterator[list[Stored]]:
        by_type: dict[str, list[str]] = {}
        for id, type in types.items():
            by_type.setdefault(type, []).append(id)
        for type, ids in by_type.items():
            for some in some_of(ids):
                yield self.tx.load(type, some)

    def _with_authors(self, chains: set[tuple[str, str]]) -> None:
        """Whoever made what is shown belongs to it: person, device, enrolment; and who made those, until nobody new comes."""
        tx, out, known, looked = self.tx, self.out, set[str](), set[str]()
        keys = {k.enrolment: k for k in tx.device_keys()}
        while True:
            wanted: set[str] = set()
            for _, enrolment in chains:
                if enrolment in keys and enrolment not in known:
                    known.add(enrolment)
                    wanted |= {enrolment, keys[enrolment].person, keys[enrolment].device}
            fresh = (out.below | out.above) - looked
            looked |= fresh
            for ids in some_of(fresh):
                chains |= {(scope, of) for scope, of, _ in tx.places_of(ids) if out.within(scope)}
                lines = (
                    j for of in tx.histories(ids).values() for j in of if j.enrolment == CONSOLE and out.within(j.scope)
                )
                wanted |= {c.by for j in lines if (c := _read(j.line))}
            before = len(out.above)
            self._up(wanted, {out.home})
            if len(out.above) == before and not {e for _, e in chains} - known - {CONSOLE}:
                break
            if len(out.above) == before:
                known |= {e for _, e in chains if e not in keys}  # a chain whose device nobody knows
        out.chains = sorted(chains)


def _read(line: bytes) -> Change | None:
    try:
        return change.decode(line)
    except NotCanonical:
        return None


def _refs(c: Change) -> list[tuple[str, str]]:
    return [*refs_of(c.type, c.after, c.before), *refs_of(c.type, c.before, c.after)] if c.type in TYPES else []


def _organisations(type: str) -> bool:
    return type in TYPES and TYPES[type].about.audience is Audience.ORGANISATION


def _hangs(on: str, type: str) -> bool:
    """Does what a change ties to a record of type `on` hang on it? As NOT_BELOW has it for records."""
    if type not in TYPES or _organisations(type) or type == "planned_point":
        return False
    return (on, type) != ("field_task", "inspection")


def _of_a_subject(type: str) -> bool:
    return type in TYPES and TYPES[type].about.audience is Audience.SUBJECT


def _outside(refs: Iterable[tuple[str, str]]) -> set[str]:
    return {id for type, id in refs if _organisations(type)}
