"""What becomes of one change after another inside one write transaction on one scope.

State is read in bulk at the start, judged in memory, and written by a statement per table at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.change import Change
from schemas.fields import Audience, fields_of
from schemas.fresh import Fresh
from schemas.merge import Clash, merge, put, whole_atoms
from schemas.problems import PROBLEMS, Trouble
from schemas.records import SCHEMA, TYPES, Fault, check
from schemas.reference import codes
from schemas.rows import refs_of
from schemas.rules import evidence, rechecks
from schemas.rules.checklists import publishing
from schemas.rules.onsite import SIGNED_WITH, stops
from schemas.rules.transfer_plan import frozen
from schemas.wire import ACCEPTED, CONSOLE, Outcome
from sync_server.access import ADMIN, MANAGER, may_hand_in, may_read, may_refer, writable
from sync_server.plain import OF_A_PLAN, OWN, REPORTED, Author, Plain
from sync_server.store import Journaled, ScopeRow, Stored, Tx, Values, detail_json

AGAIN = "again"  # journal only: this line came a second time, under another position; the first one counts
SERVER = Author("server", "server", frozenset())  # what this server does by itself
# Another file is another photo: exchanged in its record, the first one would be named by nothing any more and shown to nobody.
FIXED = {"photo": ("sha256", {"zh": "照片文件", "en": "file of a photo"})}


class Verdict(NamedTuple):
    outcome: Outcome
    seq: int | None = None
    problem: int | None = None
    words: dict[str, Any] = {}
    missing: list[str] = []
    conflicts: list[str] = []

    def detail(self) -> str | None:
        if self.problem is None and not self.conflicts:
            return None
        zh = en = None
        if self.problem is not None:
            p = PROBLEMS[self.problem]
            say = {
                lang: {k: v.get(lang, v) if isinstance(v, dict) else v for k, v in self.words.items()}
                for lang in ("zh", "en")
            }
            zh, en = f"{p.zh.format(**say['zh'])}。{p.remedy_zh}", f"{p.en.format(**say['en'])}. {p.remedy_en}"
        return detail_json(zh=zh, en=en, missing=self.missing, conflicts=self.conflicts)


class Applying(Plain):
    """One scope, one transaction. Call `take` for each change in order, then `finish`."""

    def __init__(self, tx: Tx, scope: ScopeRow, home: str, new_id: Callable[[], str], now: str) -> None:
        super().__init__()
        self.tx, self.scope, self.now = tx, scope, now
        self._owners = {scope.owner, home}
        self._new_id = new_id
        self.seq, self.digest = scope.seq, scope.digest
        self._here: dict[str, Stored] = {}  # records read or written in this transaction
        self._original: dict[str, Stored] = {}
        self._asked: set[str] = set()
        self._where: dict[str, tuple[str, str]] = {}  # id → (type, scope) of every record known to exist
        self._journal: list[Journaled] = []
        self._taken: set[str] = set()  # ids in _journal
        self._went_later: list[Journaled] = []  # parked in an earlier transaction, gone in in this one
        self._amended: dict[str, Values] = {}  # id of a parked create → its record with the edits that wait behind it
        self._fresh: set[str] = set()
        self._waits_now: set[str] = set()  # what changes parked earlier began to wait for in this transaction
        self._rights_now: set[tuple[str, str]] = set()  # (person, type) of those that began to wait for a right
        self.judging: str | None = None  # id of the parked change that is looked at just now
        self._clashing: dict[str, list[str]] | None = None  # record → open conflicts about it
        self._looks: dict[tuple[frozenset[str], str], bool] = {}
        self._writables: dict[frozenset[str], frozenset[str]] = {}
        self._held: dict[tuple[str, str], list[str]] | None = (
            None  # (device, record) → what its parked change waits for
        )
        console = tx.chain(CONSOLE, scope.id)
        self._console_new = console is None
        self._console_start = console[0] if console else 0
        self._console_pos, self._console_head = console or (0, evidence.first_link(scope.id, CONSOLE))

    # --- reading in bulk -----------------------------------------------------------------------------------------

    def prepare(self, changes: Iterable[Change | Fresh]) -> None:
        """Read what these changes touch or refer to, in a few statements."""
        records: set[str] = set()
        ids: set[str] = set()
        for c in changes:
            records.add(c.record)
            if isinstance(c, Fresh):
                ids.update([id for _, id in c.refs])
            elif c.type in TYPES:
                ids.update([id for _, id in refs_of(c.type, c.after)])
        self.fetch(records, ids)

    def fetch(self, records: Set[str], ids: Set[str] = frozenset()) -> None:
        """Bring records into this transaction, and learn which of `ids` exist."""
        unknown = (records | ids) - self._asked
        self._asked |= unknown
        self._where |= self.tx.types_of(unknown)
        wanted: dict[str, list[str]] = {}
        for id in records - self._here.keys():
            if id in self._where:
                wanted.setdefault(self._where[id][0], []).append(id)
        for type, of_type in wanted.items():
            for s in self.tx.load(type, of_type):
                self._here[s.id] = self._original[s.id] = s

    def seen(self, id: str) -> Stored | None:
        """A fetched record as it stands in this transaction."""
        self._unfold(id)
        return self._here.get(id)

    def _unfold(self, id: str) -> None:
        """One that was added in this transaction and is asked for again: it goes on like any other."""
        if id in self._added:
            f, seq = self._added.pop(id)
            self._here[id] = Stored(f.type, id, f.scope, seq, canonical.loads(f.written))
            self._fresh.add(id)

    # --- one change ----------------------------------------------------------------------------------------------

    def take(self, c: Change, author: Author) -> Verdict:
        """Judge and apply one change. Nothing is raised: every change has an outcome."""
        v = self._take(c, author)
        if author.types <= SCHEMA:
            return v
        # a newer tablet: a code or a field may be right that nobody here knows yet
        newer = f"types:{author.types}"
        if v.outcome is Outcome.REJECTED and v.problem == 3001:
            return Verdict(Outcome.PARKED, problem=3103, missing=[newer])
        return v._replace(missing=[*v.missing, newer]) if v.outcome is Outcome.PARKED else v

    def _take(self, c: Change, author: Author) -> Verdict:
        self._unfold(c.record)
        stop = self._refuse(c, author) or self._nothing_to_change(c) or self._hold(c, author)
        if stop:
            return stop
        if c.creates and c.record not in self._where:
            return self._add(c, author)
        stop = self._own_faults(c) or self._park(c, author)
        if stop:
            return stop
        cls, old = TYPES[c.type], self._here.get(c.record)
        now = old.values if old else {}
        merged = merge(cls, now, c.before, c.after)
        clashes = merged.clashes
        values = merged.values
        written = canonical.again(values)
        faults = check(cls, values, written)
        if faults:
            # its own fault is one that it also has without what others may have added since
            alone: Values = {k: v for k, v in now.items() if k in fields_of(cls) and fields_of(cls)[k].required}
            put(alone, c.after)
            own = [f for f in check(cls, alone) if f in faults]
            if old is None or own:
                return Verdict(Outcome.REJECTED, problem=3001, words={"faults": _say(own or faults)})
            # right on the device, wrong beside what others changed since: a person decides
            clashes, values, written = [_whole_clash(c, now)], dict(now), canonical.again(now)
        self.seq += 1
        seq = self.seq
        self._write(Stored(c.type, c.record, self.scope.id, seq, values), written)
        conflicts = [self._open_conflict(c, clash) for clash in clashes]
        if old is not None and merged.changed and c.type != "conflict":
            self._settle_conflicts(c.record)
        return Verdict(Outcome.CONFLICT if conflicts else Outcome.APPLIED, seq, conflicts=conflicts)

    def _add(self, c: Change, author: Author) -> Verdict:
        """A record nobody has made yet: most of what comes. There is nothing to merge with."""
        values = {k: v for k, v in c.after.items() if v is not None}
        written = canonical.again(values)
        # what is wrong with it whatever else comes never waits for a reference first
        faults = check(TYPES[c.type], values, written)
        if faults:
            return Verdict(Outcome.REJECTED, problem=3001, words={"faults": _say(faults)})
        stop = self._park(c, author)
        if stop:
            return stop
        self.seq += 1
        self._write(Stored(c.type, c.record, self.scope.id, self.seq, values), written)
        return Verdict(Outcome.APPLIED, self.seq)

    def _refuse(self, c: Change, author: Author) -> Verdict | None:
        no = Outcome.REJECTED
        if c.scope != self.scope.id:
            return Verdict(no, problem=3002, words={"type": c.type, "scope": self.scope.id})
        if author is not SERVER and (c.by, c.device) != (author.person, author.device):
            return Verdict(no, problem=3005)
        if c.type not in TYPES:
            return None
        about = TYPES[c.type].about
        if about.audience.value not in (self.scope.audience, "subject"):
            return Verdict(no, problem=3002, words={"type": c.type, "scope": self.scope.id})
        if author is not SERVER and not about.writers:
            return Verdict(no, problem=3003, words={"type": {"zh": about.zh, "en": about.en}})
        if author is not SERVER and self._anothers(c, author):  # before anything is compared with what is there
            right, name = f"right:{author.person}:{self.scope.owner}", {"zh": about.zh, "en": about.en}
            return Verdict(Outcome.PARKED, problem=3123, words={"type": name}, missing=[right])
        if author is not SERVER and c.type in OWN and c.after.get(OWN[c.type]) not in (None, c.by):
            return Verdict(no, problem=3117, words={"type": {"zh": about.zh, "en": about.en}})
        there = self._where.get(c.record)
        if there and there != (c.type, self.scope.id):
            return Verdict(no, problem=3006, words={"record": c.record})
        subject = self._where.get(str(c.after.get("subject_id")))
        if about.audience is Audience.SUBJECT and subject and subject[1] != self.scope.id:
            # it would be seen by people who may not see what it is about
            return Verdict(no, problem=3002, words={"type": c.type, "scope": self.scope.id})
        if author is not SERVER and c.type in OF_A_PLAN and self._approved(c):
            return Verdict(no, problem=3121)
        old = self._here.get(c.record)
        if (
            old
            and c.type == "transfer_plan"
            and author is not SERVER
            and frozen(old.values, _with(old.values, c.after))
        ):
            return Verdict(no, problem=6301, words={"version": old.values.get("version", "?")})
        if old and c.type == "checklist" and publishing.frozen(old.values, _with(old.values, c.after)):
            name = {"zh": old.values.get("title_zh", "?"), "en": old.values.get("title_en", "?")}
            return Verdict(no, problem=6401, words={"list": name, "version": old.values.get("version", "?")})
        # whoever may not read here is not told which inspection that is: it waits for the right, and is refused then
        sees = author is SERVER or author.accepted or may_read(author.roles, self.scope.audience)
        if old and sees and (record := self._signed(old, _with(old.values, c.after))):
            return Verdict(no, problem=6402, words={"code": record.get("code", "?")})
        if c.type == "recheck":
            new = _with(old.values, c.after) if old else c.after
            # what was signed meanwhile on another device is no edit of what was signed: a person decides
            aware = {
                k: v for k, v in c.after.items() if old and (c.before.get(k) or None) == (old.values.get(k) or None)
            }
            if old and rechecks.frozen(old.values, _with(old.values, aware)):
                return Verdict(no, problem=6431)
            if author is not SERVER and (
                (old and rechecks.anothers(old.values, new, c.by))
                or (rechecks.DECIDES & c.after.keys() and rechecks.borrowed(new, c.by))
            ):
                return Verdict(no, problem=6430)
        moves = old and any(old.values.get(k) != v for k, v in c.after.items() if k != "note")
        if moves and c.type in REPORTED and author is not SERVER and c.by != self._made_by(c.record):
            return Verdict(no, problem=6432)
        if old and about.frozen and any(old.values.get(k) != v for k, v in c.after.items()) and author is not SERVER:
            return Verdict(no, problem=3004, words={"type": {"zh": about.zh, "en": about.en}})
        if old and c.type in FIXED and author is not SERVER:
            field, words = FIXED[c.type]
            if c.after.get(field, old.values.get(field)) != old.values.get(field):
                return Verdict(no, problem=3004, words={"type": words})
        return None

    def _signed(self, old: Stored, new: Values) -> Mapping[str, Any] | None:
        """The signed inspection this would change. It binds pages and the server too: a record of what people signed."""
        return stops(old.type, old.values, new, self._look) if old.type in SIGNED_WITH else None

    def _look(self, type: str, id: str) -> Values | None:
        self.fetch({id})
        found = self.seen(id)
        return found.values if found is not None and found.type == type else None

    def _approved(self, c: Change) -> bool:
        """Would this change a version of a plan that is approved, or one of its points?"""
        old = self.seen(c.record)
        if c.type == "plan":
            return old is not None and bool(old.values.get("approved_by"))
        ((parent, up),) = OF_A_PLAN[c.type].items()
        above = {str(v[parent]) for v in (c.after, old.values if old else {}) if v.get(parent)}
        self.fetch(above)
        if up == "planned_point":
            above = {str(s.values.get("plan_id")) for id in above if (s := self.seen(id)) and s.type == up}
            self.fetch(above)
        plans = [s for id in above if (s := self.seen(id)) and (s.type, s.scope) == ("plan", self.scope.id)]
        return any(s.values.get("approved_by") for s in plans)

    def _nothing_to_change(self, c: Change) -> Verdict | None:
        """An edit of a record whose first version was refused can never go in: nobody is asked to decide about it."""
        if c.creates or c.type not in TYPES or c.record in self._where or not self._first_refused(c.record):
            return None
        return Verdict(Outcome.REJECTED, problem=3007)

    def _hold(self, c: Change, author: Author) -> Verdict | None:
        """What waits for an update of this server, or for a right of the author."""
        wait = Outcome.PARKED
        late = [f"device:{author.revoked}"] if author.revoked and not author.accepted else []
        if c.type not in TYPES:
            return Verdict(wait, problem=3102, words={"type": c.type}, missing=[f"type:{c.type}", *late])
        about = TYPES[c.type].about
        if author.accepted:
            return None
        if late:
            return Verdict(wait, problem=3009, missing=late)
        if author is not SERVER and c.type not in self._writable(author.roles):
            words = {"type": {"zh": about.zh, "en": about.en}}
            return Verdict(wait, problem=3003, words=words, missing=[f"right:{author.person}:{self.scope.owner}"])
        if author is not SERVER and c.type == "disposal_record" and self._of_another_firm(c, author):
            return Verdict(wait, problem=3124, missing=[f"right:{author.person}:{self.scope.owner}"])
        return None

    def _of_another_firm(self, c: Change, author: Author) -> bool:
        """Would one who only hands in say what another firm disposed of? That ends loads, and nobody signed it."""
        if not self._blind(author.roles):
            return False
        self.fetch({author.person})
        person, old = self.seen(author.person), self._here.get(c.record)
        receiver = c.after.get("receiver_id", old.values.get("receiver_id") if old else None)
        return person is None or receiver != person.values.get("org_id")

    def _anothers(self, c: Change, author: Author) -> bool:
        """Is it about a record somebody else made, by one who only hands in here? What one may not read one does not change."""
        if c.record not in self._where or author.accepted or not self._blind(author.roles):
            return False
        return self._made_by(c.record) != author.person

    def _made_by(self, record: str) -> str:
        """Who made it; "" of one that nobody made here."""
        lines = [*self.tx.history(record), *(j for j in self._journal if j.record == record)]
        first = next((j for j in lines if j.outcome in ACCEPTED), None)
        return change.decode(first.line).by if first else ""

    def _blind(self, roles: frozenset[str]) -> bool:
        """Do these roles hand in here without reading?"""
        return may_hand_in(roles, self.scope.audience) and not may_read(roles, self.scope.audience)

    def _writable(self, roles: frozenset[str]) -> frozenset[str]:
        if roles not in self._writables:
            self._writables[roles] = frozenset(writable(roles, self.scope.audience))
        return self._writables[roles]

    def _own_faults(self, c: Change) -> Verdict | None:
        """What is wrong with an edit of a record that is not here, whatever else comes."""
        if c.record in self._where:
            return None  # beside what is there `take` judges it more exactly
        given = {k: v for k, v in c.after.items() if v is not None}
        # only part of a record: what is not in it may be there by then
        faults = [f for f in check(TYPES[c.type], given) if f.field in given]
        return Verdict(Outcome.REJECTED, problem=3001, words={"faults": _say(faults)}) if faults else None

    def _park(self, c: Change, author: Author) -> Verdict | None:
        wait = Outcome.PARKED
        missing = [] if c.creates or c.record in self._where else [f"{c.type}:{c.record}"]
        old = self._here.get(c.record)
        refs = refs_of(c.type, self._amended.get(c.id, c.after), old.values if old else None)
        missing += [f"{type}:{id}" for type, id in refs if id != c.record and not self._reachable(type, id, author)]
        if not missing and author is not SERVER:  # a device's changes to one record never overtake each other
            missing = self._holding().get((c.device, c.record), [])
        if missing:
            return Verdict(wait, problem=3101, words={"missing": ", ".join(missing[:3])}, missing=missing)
        return None

    def _holding(self) -> dict[tuple[str, str], list[str]]:
        if self._held is None:
            self._held = {}
            for j in self.tx.parked(self.scope.id):
                key = (change.decode(j.line).device, j.record)
                self._held[key] = json.loads(j.detail or "{}").get("missing", [])
        return self._held

    def holds(self) -> bool:
        """Does any change of this scope wait, of before or of this transaction?"""
        return bool(self._holding())

    def _first_refused(self, record: str) -> bool:
        """Was the change that would have made this record rejected, and does no other one wait that makes it? Then nothing
        that follows can ever go in."""
        lines = [*self.tx.history(record), *(j for j in self._journal if j.record == record)]
        made = [j for j in lines if j.outcome in ("rejected", "parked") and j.problem != 1208]
        outcomes = {j.outcome for j in made if change.decode(j.line).creates}
        return outcomes == {"rejected"}

    def _reachable(self, type: str, id: str, author: Author) -> bool:
        """A reference is to a record of that type in this project or the organisation (V22), where the author may look."""
        there = self._where.get(id)
        if there is None or there[0] != type:
            return False
        owner, _, audience = there[1].rpartition(".")
        if (
            type == "project" and self.scope.audience == Audience.ORGANISATION
        ):  # what is for one project alone says which
            own = author is SERVER or ADMIN in author.roles
            return own or any(o == owner and role in (ADMIN, MANAGER) for o, role in self.tx.memberships(author.person))
        may_look = author is SERVER or author.accepted or there[1] == self.scope.id or self._may_look(author, audience)
        return owner in self._owners and may_look

    def _may_look(self, author: Author, audience: str) -> bool:
        key = (author.roles, audience)
        if key not in self._looks:
            self._looks[key] = may_refer(*key)
        return self._looks[key]

    def _write(self, stored: Stored, written: bytes) -> None:
        """`written`: the canonical bytes of its values."""
        old = self._here.get(stored.id)
        if old:
            self.digest -= evidence.row_hash(evidence.row_line(old.type, old.id, old.seq, old.values))
        self.digest += evidence.row_hash(evidence.row_line_of(stored.type, stored.id, stored.seq, written))
        if stored.id not in self._where:
            self._fresh.add(stored.id)
            self._where[stored.id] = (stored.type, stored.scope)
        self._here[stored.id] = stored

    # --- conflicts -----------------------------------------------------------------------------------------------

    def _open_conflict(self, c: Change, clash: Clash) -> str:
        id = self._new_id()
        values: Values = {
            "subject_kind": c.type, "subject_id": c.record, "change_id": c.id, "field_name": clash.atom[:2000],
            **{k: canonical.dumps(v).decode() for k, v in (("before", clash.before), ("now", clash.now), ("after", clash.after))},
        }  # fmt: skip
        self._certain(self.on_server("conflict", id, {}, values))
        # not written yet: nothing that is read from now on holds it
        self._clashes().setdefault(c.record, []).append(id)
        return id

    def _open_conflicts(self, record: str) -> list[Stored]:
        found = self._clashes().get(record, [])
        return [self._here[i] for i in found if "choice" not in self._here[i].values]

    def _clashes(self) -> dict[str, list[str]]:
        """record → conflicts about it that were open when this began, or came since."""
        if self._clashing is None:
            self._clashing = {}
            for s in self.tx.of_scope("conflict", self.scope.id, choice=None):
                self._clashing.setdefault(s.values["subject_id"], []).append(s.id)
                if s.id not in self._here:
                    self._here[s.id] = self._original[s.id] = s
                    self._where[s.id] = ("conflict", self.scope.id)
        return self._clashing

    def _settle_conflicts(self, record: str) -> None:
        """When the value became again what the loser had seen, its change applies itself; when both became equal,
        there is nothing left to decide."""
        for conflict in self._open_conflicts(record):
            if "choice" in self._here[conflict.id].values:
                continue  # an earlier one of them applied itself, and this one with it
            subject = self._here[record]
            before, after = json.loads(conflict.values["before"]), json.loads(conflict.values["after"])
            now = {k: subject.values.get(k) for k in after}
            if now == after:
                self._decide(conflict, "keep_now", "两个值已相同 / both values are equal by now", None)
            elif now == before:
                candidate = {**subject.values}
                put(candidate, after)
                if check(TYPES[subject.type], candidate) or self._signed(subject, candidate):
                    continue
                if subject.type == "recheck" and rechecks.frozen(subject.values, candidate):
                    continue
                self._decide(
                    conflict, "take_after", "现值已回到改前 / the value is again what this device had seen", None
                )
                self._certain(self.on_server(subject.type, record, now, after))

    def _certain(self, verdict: Verdict) -> None:
        """A change the server makes in somebody's name must be in. If it is not, nothing of this transaction may be."""
        if verdict.outcome not in ACCEPTED:
            raise RuntimeError(f"the server's own change was not applied: {verdict}")

    def _decide(self, conflict: Stored, choice: str, reason: str, by: str | None) -> None:
        after = {"choice": choice, "reason": reason, "decided_at": self.now, "decided_by": by}
        after = {k: v for k, v in after.items() if v is not None}
        self._certain(self.on_server("conflict", conflict.id, dict.fromkeys(after), after, by=by or SERVER.person))

    def resolve(self, conflict: Stored, choice: str, reason: str, by: str, value: Values | None) -> None:
        """A named person decides. `value` only with choice set_value: the atom's fields.

        Raises Trouble 1001, 3001, 3101 when it refers to something that is not here."""
        fit_to_keep([reason, value])
        subject = self._here[conflict.values["subject_id"]]
        atom = json.loads(conflict.values["after"])
        wrong = []
        if choice not in codes("conflict_choice"):
            wrong.append(Fault("choice", f"没有「{choice}」这种选择", f"There is no choice “{choice}”"))
        if not reason.strip():
            wrong.append(Fault("reason", "请写明理由", "Give the reason"))
        # a whole record that could not stand beside the rest may need any of its fields to be made right
        whole = "," in conflict.values["field_name"]
        if choice == "set_value" and not (value and (whole or value.keys() <= atom.keys())):
            wrong.append(
                Fault("value", f"另定新值只能填：{'、'.join(atom)}", f"A new value may only set: {', '.join(atom)}")
            )
        if wrong:
            raise Trouble(3001, {"faults": [f._asdict() for f in wrong]}, faults=_say(wrong))
        after = json.loads(conflict.values["after"]) if choice == "take_after" else value or {}
        moved = {k: v for k, v in after.items() if subject.values.get(k) != v} if choice != "keep_now" else {}
        candidate = dict(subject.values)
        put(candidate, moved)
        decided = (
            [Fault("choice", "这条冲突已经裁决", "This conflict is already decided")]
            if "choice" in conflict.values
            else []
        )
        faults = decided or (check(TYPES[subject.type], candidate) if moved else [])
        if faults:  # what cannot stand beside the rest is not decided either
            raise Trouble(3001, {"faults": [f._asdict() for f in faults]}, faults=_say(faults))
        self._decide(conflict, choice, reason, by)
        if moved:
            before = {k: subject.values.get(k) for k in moved}
            accepted(self.on_server(subject.type, subject.id, before, moved, by=by))

    # --- edits made here -----------------------------------------------------------------------------------------

    def on_server(self, type: str, record: str, before: Values, after: Values, by: str = SERVER.person) -> Verdict:
        """A change made on this server, on the scope's console chain: attested by the server, otherwise like any other.
        Raises Trouble 1001."""
        fit_to_keep(after)  # only what is new: a value that should never have got in can still be put right
        made_at: change.MadeAt = {"wall": self.now, "mono_ms": 0, "server_offset_ms": 0}
        c = change.encode(
            id=self._new_id(), scope=self.scope.id, type=type, record=record, before=before, after=after,
            made_at=made_at, by=by, device=SERVER.device,
        )  # fmt: skip
        self.prepare([c])
        self._console_pos += 1
        # the server's own chain has no secret neighbours to protect: its salt key is empty
        self._console_head = evidence.next_link(self._console_head, evidence.salt_of(b"", c.id), c.line)
        place, pos, link = len(self._journal), self._console_pos, self._console_head
        verdict = self.take(c, SERVER)
        self.keep(c, CONSOLE, pos, link, "server", verdict)
        self._journal.insert(place, self._journal.pop())  # before what followed from it
        return verdict

    def keep(self, c: Change, enrolment: str, pos: int, link: bytes, proof: str, v: Verdict) -> None:
        """Into the journal, whatever became of it."""
        self._taken.add(c.id)
        self._journal.append(
            Journaled(self.scope.id, enrolment, pos, c.id, c.type, c.record, c.line, link, proof,
                      v.outcome.value, v.seq, v.problem, v.detail(), self.now)
        )  # fmt: skip
        if v.outcome is Outcome.PARKED:
            self.tx.wait_for(c.id, self.scope.id, v.missing)
            self._holding()[c.device, c.record] = v.missing

    def keep_again(self, c: Change, first: Journaled | None, enrolment: str, pos: int, link: bytes, proof: str) -> None:
        """A change whose id is known from another place: it counts once. With other contents it is refused."""
        assert first is not None
        known = change.decode(first.line)
        mine = c._replace(id=f"again:{enrolment}:{self.scope.id}:{pos}")
        same = (known.scope, known.type, known.record, known.before, known.after) == (
            c.scope,
            c.type,
            c.record,
            c.before,
            c.after,
        )
        self.keep(mine, enrolment, pos, link, proof, Verdict(Outcome.REJECTED, problem=1208, words={"id": c.id}))
        if same:
            self._journal[-1] = self._journal[-1]._replace(outcome=AGAIN, problem=None, detail=None)

    def keep_broken(
        self, line: bytes, id: str, enrolment: str, pos: int, link: bytes, proof: str, why: NotCanonical
    ) -> None:
        """A line that cannot be read is kept too: it may be evidence of what happened to the device."""
        zh, _, en = str(why).partition(" ‖ ")
        v = Verdict(Outcome.REJECTED, problem=1001, words={"why": {"zh": zh, "en": en or zh}})
        empty: change.MadeAt = {"wall": "", "mono_ms": 0, "server_offset_ms": None}
        self.keep(Change(id, self.scope.id, "", "", {}, {}, empty, "", "", line), enrolment, pos, link, proof, v)

    def kept(self, enrolment: str) -> list[Journaled]:
        """The lines of a device's chain kept in this transaction, by position."""
        return sorted((j for j in self._journal if j.enrolment == enrolment), key=lambda j: j.pos)

    # --- parked changes ------------------------------------------------------------------------------------------

    def run_parked(self, author_of: Callable[[Journaled], Author], skip: Set[str] = frozenset()) -> int:
        """Run parked changes of this scope again, in the order they came, until none moves; those in `skip` stay as they
        are. Returns how many did. When it raises, `judging` says at which."""
        moved_in_all = 0
        while True:
            in_memory = [j for j in self._journal if j.outcome == "parked"]
            stored = [j for j in self.tx.parked(self.scope.id) if j.id not in skip]
            changes: dict[str, Change] = {}
            for j in [*stored, *in_memory]:
                self.judging = j.id
                changes[j.id] = change.decode(j.line)
            self.judging = None
            self.prepare(changes.values())
            self._amended = _amended(changes.values())
            moved, self._held = 0, {}
            for j in stored:
                c = changes[j.id]
                self.judging = j.id
                v = self.take(c, author_of(j))
                self.judging = None
                if v.outcome is Outcome.PARKED:
                    self._held[c.device, c.record] = v.missing
                    if json.loads(j.detail or "{}").get("missing") != v.missing:
                        self.tx.set_outcome(j.id, "parked", None, v.problem, v.detail())
                        self.tx.wait_for(j.id, self.scope.id, v.missing)
                        self._waits_now |= set(v.missing)
                        if v.problem == 3003:
                            self._rights_now |= _rights(j.type, v.missing)
                    continue
                self.tx.set_outcome(j.id, v.outcome.value, v.seq, v.problem, v.detail())
                self.tx.wait_for(j.id, self.scope.id, [])
                self._went_later.append(j._replace(outcome=v.outcome.value))
                moved += 1
            for n, j in enumerate(self._journal):
                if j.outcome != "parked":
                    continue
                c = changes[j.id]
                v = self.take(c, author_of(j))
                if v.outcome is Outcome.PARKED:
                    self._held[c.device, c.record] = v.missing
                else:
                    self._journal[n] = j._replace(
                        outcome=v.outcome.value, seq=v.seq, problem=v.problem, detail=v.detail()
                    )
                    self.tx.wait_for(j.id, self.scope.id, [])
                    moved += 1
            moved_in_all += moved
            if not moved:
                return moved_in_all

    def parked_edits(self) -> bool:
        """Did an edit of this batch have to wait? Together with what it waits behind it may be whole."""
        return any(j.outcome == "parked" and not change.decode(j.line).creates for j in self._journal)

    def waits(self) -> set[str]:
        """What the changes parked in this transaction wait for, and what earlier ones wait for anew."""
        parked = (j for j in self._journal if j.outcome == "parked")
        return self._waits_now | {m for j in parked for m in json.loads(j.detail or "{}").get("missing", [])}

    def rights(self) -> set[tuple[str, str]]:
        """(person, type): which right each change parked for one in this transaction waits for. What is only held up behind
        such a change waits for that one's right, not for its own."""
        lines = [j for j in self._journal if j.outcome == "parked" and j.problem == 3003]
        found = (_rights(j.type, json.loads(j.detail or "{}").get("missing", [])) for j in lines)
        return self._rights_now.union(*found)

    def arrived(self) -> list[Journaled]:
        """Changes of devices that went in in this transaction, also those that had waited since an earlier one."""
        lines = (*self._went_later, *self._journal)
        return [j for j in lines if j.outcome in ACCEPTED and j.enrolment != CONSOLE]

    def outcome_of(self, id: str) -> Journaled | None:
        return next((j for j in reversed(self._journal) if j.id == id), None) if id in self._taken else None

    # --- writing -------------------------------------------------------------------------------------------------

    def created(self) -> list[str]:
        """ "type:id" of what did not exist before: others may be waiting for it."""
        return [f"{self._where[id][0]}:{id}" for id in (*self._fresh, *self._added)]

    def finish(self) -> None:
        """Write all of it. The transaction's owner commits."""
        changed = [s for id, s in self._here.items() if id not in self._fresh and s is not self._original.get(id)]
        ready: dict[str, list[tuple[Any, ...]]] = {}
        for record, (f, seq) in self._added.items():
            ready.setdefault(f.type, []).append((record, f.scope, seq, *f.cells, None))
        self.tx.add_records(ready)
        edited: dict[str, list[tuple[Any, ...]]] = {}
        others = []
        for s in changed:
            left, cells = self._cells.get(s.id, (None, ()))
            if left is s:
                edited.setdefault(s.type, []).append((s.id, s.scope, s.seq, *cells, None))
            else:
                others.append(s)
        self.tx.rewrite_records(edited)
        self.tx.put([self._here[i] for i in self._fresh], others)
        self.tx.add_journal(self._journal)
        if self._console_pos != self._console_start:
            self.tx.set_chain(CONSOLE, self.scope.id, self._console_pos, self._console_head, self._console_new)
        self.tx.move_scope(self.scope.id, self.seq, self.digest)


def fit_to_keep(value: Any) -> None:
    """What no tablet could read must not get in here either: one such row would stop every pull of its scope.

    Raises Trouble 1001."""
    try:
        canonical.loads(canonical.dumps(value))
    except NotCanonical as err:
        zh, _, en = str(err).partition(" ‖ ")
    except (TypeError, ValueError):  # half a surrogate pair is no UTF-8; NaN and what is not JSON at all
        zh, en = "文本含半个代理对，或不是 JSON 的值", "the text holds half a surrogate pair, or a value is not JSON"
    else:
        return
    raise Trouble(1001, why={"zh": zh, "en": en or zh})


def accepted(verdict: Verdict | None) -> None:
    """A change a person makes here goes in or is told why not: a reference that is not here, say. Raises Trouble."""
    if verdict and verdict.outcome not in ACCEPTED:
        raise Trouble(verdict.problem or 1100, {"missing": verdict.missing}, **verdict.words)


def _amended(changes: Iterable[Change]) -> dict[str, Values]:
    """A create with a wrong reference and the edit that corrects it are judged together: neither could go in alone."""
    first: dict[tuple[str, str], str] = {}
    out: dict[str, Values] = {}
    for c in changes:
        key = (c.device, c.record)
        if c.creates:
            first[key], out[c.id] = c.id, dict(c.after)
        elif key in first:
            put(out[first[key]], c.after)
    return out


def _with(values: Values, after: Values) -> Values:
    """The values with a change's in them; null = emptied."""
    both = {**values, **after}
    return {k: v for k, v in both.items() if v is not None}


def _rights(type: str, missing: Iterable[str]) -> set[tuple[str, str]]:
    return {(m.split(":")[1], type) for m in missing if m.startswith("right:")}


def _say(faults: Sequence[Fault]) -> dict[str, str]:
    return {"zh": "；".join(f.zh for f in faults), "en": "; ".join(f.en for f in faults)}


def _whole_clash(c: Change, now: Values) -> Clash:
    """Everything the change wanted, as one conflict: taken apart it would make an invalid record."""
    before, after = whole_atoms(TYPES[c.type], {**now, **c.before}, {**now, **c.after})
    atom = ",".join(sorted(after))[:200]
    return Clash(atom, before, {k: now.get(k) for k in after}, after)
