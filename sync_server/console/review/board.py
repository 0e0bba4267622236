"""Everything that is reviewed in a project, in the groups people look at it in: a point with all that was done there, a
manifest, an inspection with its answers and findings. Pure: made of facts, findings and who recorded what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from schemas.fields import Audience
from schemas.records import TYPES, Record
from schemas.records.conflict import Conflict
from schemas.rules.reconcile import Facts, Finding, Place
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.reviewed import answered_by, decisions_of
from schemas.rules.review import REVIEWED, WAITING, ReviewState, last_seq, state_of
from sync_server.console.review.makers import NOBODY, Maker

Tab = Literal["waiting", "mine", "returned", "passed"]
TABS: tuple[Tab, ...] = ("waiting", "mine", "returned", "passed")
_STATE: dict[Tab, str] = {"waiting": "waiting", "mine": "returned", "returned": "returned", "passed": "passed"}
# in the order they are looked at
ORDER = ("point", "point_adjustment", "borehole", "soil_layer", "field_reading", "sample", "sample_container", "qc_link", "calibration",
         "inspection", "checklist_answer", "finding", "corrective_action", "recheck", "transfer_plan", "manifest")  # fmt: skip
# child type → what its group is the group of
_ABOVE = {
    "calibration": ("instrument_id", "instrument"), "checklist_answer": ("inspection_id", "inspection"),
    "finding": ("inspection_id", "inspection"), "corrective_action": ("finding_id", "finding"), "recheck": ("finding_id", "finding"),
}  # fmt: skip
_MUTE = ("Y02", "Y03")  # about devices and files, not about what was recorded


class Entry(NamedTuple):
    """One record in review."""

    type: str
    record: Record
    state: ReviewState
    maker: Maker
    decided: int = 0  # seq of the newest decision about it

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def seq(self) -> int:
        return self.record.seq


@dataclass
class Group:
    """`key`: its name in addresses. `place`: the point it is of. `head`: type and id of what it is called by otherwise."""

    key: str
    audience: str
    place: Place | None
    head: tuple[str, str]
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """The machine found nothing and could check everything."""
        return all(f.severity == "info" for f in self.findings)

    def of(self, tab: Tab, me: str = "", who: str = "") -> list[Entry]:
        """The entries a tab shows. `who`: only what this person recorded."""
        state = _STATE[tab]
        found = [e for e in self.entries if e.state.state == state and who in ("", e.maker.last)]
        return (
            found if tab != "mine" else [e for e in found if e.state.last is not None and e.state.last.person_id == me]
        )

    @cached_property
    def rank(self) -> int:
        """How bad it is: 0 is looked at first."""
        grades = {f.severity for f in self.findings}
        severe = any(f.figures.get("severe") is True for f in self.findings)
        return (
            0 if severe else 1 if "error" in grades else 2 if "warning" in grades else 3 if "unknown" in grades else 4
        )


class Board:
    def __init__(self, facts: Facts, findings: Iterable[Finding], makers: Sequence[Mapping[str, Maker]]) -> None:
        self.facts = facts
        self.groups: dict[str, Group] = {}
        self._home: dict[tuple[str, str], Group] = {}
        self._read(makers)
        self._find(findings)
        self.groups = dict(sorted(self.groups.items(), key=lambda x: _sorted(x[1])))  # once, for all who look

    def _read(self, makers: Sequence[Mapping[str, Maker]]) -> None:
        facts, decisions, roots = self.facts, decisions_of(self.facts), _Roots(self.facts)
        for type in ORDER:
            for record in facts.alive(TYPES[type]):
                maker = next((m for held in makers if (m := held.get(record.id)) is not None), NOBODY)
                said = decisions.get((type, record.id))
                state = WAITING
                if said:
                    state = state_of(record.seq, said, maker.everyone, answered_by(facts, record.id))
                group = self._group(type, record, roots)
                group.entries.append(Entry(type, record, state, maker, last_seq(said or ())))
                self._home[type, record.id] = group

    def _group(self, type: str, record: Record, roots: _Roots) -> Group:
        place = roots.place(type, record)
        head = roots.head(type, record) if place is None else ("", "")
        key = f"point-{_id_of(place)}" if place is not None else "-".join(head)
        found = self.groups.get(key)
        if found is None:
            found = self.groups[key] = Group(key, TYPES[type].about.audience.value, place, head)
        return found

    def _find(self, findings: Iterable[Finding]) -> None:
        by_code: dict[str, Group] = {}
        for group in self.groups.values():
            if group.place is not None:
                by_code.setdefault(group.place.code, group)
        for f in findings:
            if f.check in _MUTE:
                continue
            home = self._home.get((f.subject_type, f.subject_id)) or self._beside(f)
            if home is None and f.point_code is not None:
                home = by_code.get(f.point_code)
            if home is not None:
                home.findings.append(f)

    def _beside(self, f: Finding) -> Group | None:
        """Of a photo, a leg of a manifest: the group of what it belongs to."""
        record = self.facts.records.get(f.subject_type, {}).get(f.subject_id)
        for kind, name in (("manifest", "manifest_id"), (getattr(record, "subject_kind", ""), "subject_id")):
            if (found := self._home.get((kind, getattr(record, name, "")))) is not None:
                return found
        return None

    def counts(self, me: str) -> dict[Tab, int]:
        """Records by tab."""
        n: dict[Tab, int] = dict.fromkeys(TABS, 0)
        for group in self.groups.values():
            for e in group.entries:
                n[e.state.state] += 1
            n["mine"] += len(group.of("mine", me))
        return n

    def recorders(self, tab: Tab, me: str) -> dict[str, int]:
        """person → how many records of a tab he or she recorded."""
        n: dict[str, int] = {}
        for group in self.groups.values():
            for e in group.of(tab, me):
                if e.maker.last:
                    n[e.maker.last] = n.get(e.maker.last, 0) + 1
        return n

    def shown(self, tab: Tab, me: str, who: str = "") -> dict[str, tuple[Group, list[Entry]]]:
        """The groups of a tab with what it shows of them: bad first, in front of equals what was done again; then as people
        count."""
        found = [(g, of) for g in self.groups.values() if (of := g.of(tab, me, who))]
        found.sort(key=lambda x: _rank(*x))
        return {g.key: (g, of) for g, of in found}


def _rank(g: Group, entries: Sequence[Entry]) -> tuple[int, bool]:
    again = any(e.state.again for e in entries)
    return min(g.rank, 1) if again else g.rank, not again


def _sorted(g: Group) -> tuple[int, list[tuple[int, int, str]], str]:
    code = g.place.code if g.place is not None else ""
    return g.place is None, natural(code), g.key


def _id_of(place: Place) -> str:
    return place.planned.id if place.planned else place.visits[0].id


class _Roots:
    """Where each record belongs; every way is gone once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[tuple[str, str], Place | None] = {}

    def place(self, type: str, record: Record) -> Place | None:
        if TYPES[type].about.audience is not Audience.FIELD or type == "calibration":
            return None
        if type == "point":
            return self._facts.place(record.id)
        for name, above in (("point_id", "point"), ("borehole_id", "borehole"), ("sample_id", "sample"), ("qc_sample_id", "sample"),
                            ("planned_point_id", "planned_point")):  # fmt: skip
            id = getattr(record, name, None)
            if id:
                return self._of(above, id)
        return None

    def _of(self, type: str, id: str) -> Place | None:
        if (type, id) not in self._known:
            self._known[type, id] = None  # a ring of records, were there one, ends here
            self._known[type, id] = self._facts.place_of(type, id)
        return self._known[type, id]

    def head(self, type: str, record: Record) -> tuple[str, str]:
        if type not in _ABOVE:
            return type, record.id
        name, above = _ABOVE[type]
        id = str(getattr(record, name, "") or "")
        found = self._facts.records.get(above, {}).get(id)
        if not id or (found is None and above != "instrument"):
            return type, record.id
        return self.head(above, found) if found is not None and above in _ABOVE else (above, id)


# --- counts for other pages ------------------------------------------------------------------------------------------


def waiting_for_review(facts: Facts) -> int:
    """How many records wait for review. Who recorded them does not change what waits, but for those whose recorder decided
    about his or her own: rare enough to be told only on the review page."""
    decisions = decisions_of(facts)
    n = sum(len(facts.alive(TYPES[type])) for type in REVIEWED)
    for (kind, id), said in decisions.items():
        record = facts.get(TYPES[kind], id) if kind in REVIEWED else None
        if record is not None and state_of(record.seq, said, (), answered_by(facts, id)).state != "waiting":
            n -= 1
    return n


def open_conflicts(facts: Facts) -> int:
    return sum(c.choice is None for c in facts.alive(Conflict))
