"""What all of the service stands on: the store, the clock, who holds which role, and the one way to write."""

from __future__ import annotations

import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from schemas.fields import Audience
from schemas.ids import Ids
from schemas.merge import whole_atoms
from schemas.problems import Trouble
from schemas.records import TYPES, check
from schemas.rows import refs_of
from schemas.rules import evidence
from schemas.wire import ScopeGrant
from sync_server.access import ADMIN, may_hand_in, may_read, may_write, writable
from sync_server.applying import SERVER, Applying, accepted, fit_to_keep
from sync_server.onsite_log import deeds
from sync_server.plain import Author
from sync_server.store import DeviceKey, Journaled, ScopeRow, Store, Stored, Tx, Values

log = logging.getLogger("jingtu")
NOTED_IDS = 20  # of one write that stand in the audit log by id; the others are counted


class Caller(NamedTuple):
    """Who a request speaks for. enrolment is None for a person at the console."""

    person: str
    enrolment: str | None = None


class Write(NamedTuple):
    """One record as a person on the server wants it; all its values."""

    type: str
    id: str
    scope: str
    values: Values


class Base:
    def __init__(
        self,
        store: Store,
        server_key: bytes,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ):
        self.store, self._key, self._clock = store, server_key, clock
        self.server_key = evidence.public_of(server_key)
        self._random = random
        self.new_id = Ids(lambda: int(clock().timestamp() * 1000), random)

    def now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds")

    def sign(self, message: bytes) -> str:
        """With the server's key."""
        return evidence.sign(self._key, message)

    def now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)

    def _finish(self, tx: Tx, work: Applying) -> None:
        """Run what waited for the new records in this scope, write it all, and look at the other scopes once it is in."""
        scope = work.scope
        if work.holds() and (work.created() or work.parked_edits()):
            work.run_parked(partial(self._author, tx, scope.owner, scope.audience))
        work.finish()
        self._after(tx, work)

    def _after(self, tx: Tx, work: Applying) -> None:
        if work.scope.audience == Audience.ENFORCEMENT:
            for deed in deeds(work.arrived()):
                tx.note(self.now(), deed.by, deed.action, deed.about, owner=work.scope.owner, **deed.detail)
        created, missing, rights = work.created(), work.waits(), work.rights()
        if (
            created or missing
        ):  # without `work`: it holds `tx`, and a circle of a whole batch would stay until it is looked for
            tx.after_commit.append(partial(self._settle, work.scope, created, missing, rights))

    def _settle(self, scope: ScopeRow, created: Sequence[str], missing: Set[str], rights: Set[tuple[str, str]]) -> None:
        """What waits elsewhere for what this transaction made goes in; so does what this transaction parked, if it came in
        meanwhile.

        Only after the commit: each scope is locked by itself, so that two writers never wait for each other, and of two
        transactions that could not see each other the later one sees both here. A process that dies before it gets to
        this does it when it starts again (`start`)."""
        with self.store.reading() as tx:
            todo = tx.waiting_for(created) - {scope.id}
            kinds = tx.types_of([m.partition(":")[2] for m in missing])
            here = {f"{type}:{id}" for id, (type, _) in kinds.items()}
            # by the very right that was missing: one who may read, but not write this, would have the whole scope run again
            # with every batch
            held = {p: self._roles(tx, p, scope.owner, scope.audience) for p, _ in rights}
            keys = [tx.key(m.partition(":")[2]) for m in missing if m.startswith("device:")]
            if (
                missing & here
                or any(may_write(held[p], type, scope.audience) for p, type in rights)
                or any(key is not None and key.state == "enrolled" for key in keys)
            ):
                todo.add(scope.id)
        for other in sorted(todo):
            self.rerun(other)

    def _run_waiting(self, things: Sequence[str]) -> None:
        """What waits for any of these is run again, wherever it is."""
        with self.store.reading() as tx:
            scopes = tx.waiting_for(things)
        for scope in sorted(scopes):
            self.rerun(scope)

    def _applying(self, tx: Tx, scope_id: str, locked: ScopeRow | None = None) -> Applying:
        """`locked`: the scope as this transaction read it with its lock, if nothing was written to it since."""
        scope = locked or tx.scope(scope_id, lock=True)
        if scope is None:
            raise Trouble(2004)
        return Applying(tx, scope, self.home(tx), self.new_id, self.now())

    def _author(self, tx: Tx, owner: str, audience: str, j: Journaled) -> Author:
        key = tx.key(j.enrolment)
        if key is None:
            return SERVER
        roles = self._roles(tx, key.person, owner, audience)
        accepted = (tx.decision(j.id) or {}).get("accepted") is True
        missing = json.loads(j.detail or "{}").get("missing", [])
        types = max((int(m.removeprefix("types:")) for m in missing if m.startswith("types:")), default=0)
        # what was handed in before the device was revoked, and waits for something else, needs nobody's decision
        late = key.state != "enrolled" and f"device:{key.enrolment}" in missing
        return Author(key.person, key.device, roles, key.enrolment if late else None, types, accepted)

    def rerun(self, scope: str | None = None) -> int:
        """Run parked changes again: of one scope, or of all that have any. Returns how many moved."""
        with self.store.reading() as tx:
            wanted = [s.id for s in tx.scopes() if scope in (None, s.id) and tx.has_parked(s.id)]
        return sum(self._rerun(id) for id in wanted)

    def _rerun(self, scope: str) -> int:
        """A change at which this program fails stays parked and is logged: it must keep neither the others from going in nor
        the server from starting."""
        failed: set[str] = set()
        while True:
            work = None
            try:
                with self.store.writing() as tx:
                    work = self._applying(tx, scope)
                    went = work.run_parked(partial(self._author, tx, work.scope.owner, work.scope.audience), failed)
                    work.judging = None
                    work.finish()
                    self._after(tx, work)
                return went
            except Trouble:
                raise
            except Exception:
                if work is None or work.judging is None or work.judging in failed:
                    raise
                log.exception("parked change %s of %s stays parked", work.judging, scope)
                failed.add(work.judging)

    def begin_epoch(self, tx: Tx, previous: str | None = None) -> str:
        """From here on the data is another: made, or restored from a backup of epoch `previous`."""
        epoch = self.new_id()
        tx.set_setting("epoch", epoch)
        tx.add_epoch(epoch, self.now(), previous, {s.id: s.seq for s in tx.scopes()})
        return epoch

    def since(self, tx: Tx, epoch: str) -> dict[str, int]:
        """Up to which seq of each scope the data of an earlier epoch and today's are the same: the least head on the way
        back. Nothing is known of an epoch that is not on that way: {}, which reads as 0 everywhere."""
        known, at = tx.epochs(), tx.setting("epoch") or ""
        least: dict[str, int] | None = None
        while at in known and at != epoch:
            at, heads = known[at][0] or "", known[at][1]
            least = heads if least is None else {s: min(n, heads.get(s, 0)) for s, n in least.items()}
        return (least or {}) if at == epoch else {}

    def noted(self, by: str, action: str, about: str, owner: str | None = None, **detail: Any) -> None:
        """A line of the audit log, in a transaction of its own; inside one it is `tx.note`. `owner`: the project it concerns."""
        with self.store.writing() as tx:
            tx.note(self.now(), by, action, about, owner=owner, **detail)

    def write(self, person: str | None, writes: Iterable[Write], by: str = "") -> list[str]:
        """Make or change records as `person` (None = the installation itself). All or none, in one transaction, with a line in
        the audit log for each scope: by the person, or whoever runs the command (`by`).

        Raises Trouble 3001 with the faults, 2003 when the person may not, 1001 for text that no tablet could read.
        Returns the ids."""
        todo = list(writes)
        with self.store.writing() as tx:
            for scope_id in sorted(
                {w.scope for w in todo}
            ):  # always in the same order: no two writers wait for each other
                tx.scope(scope_id, lock=True)
            for scope_id in dict.fromkeys(w.scope for w in todo):
                here = [w for w in todo if w.scope == scope_id]
                self._write_in(tx, person, scope_id, here)
                if person or by:
                    self._note_written(tx, person or by, scope_id, here)
        return [w.id for w in todo]

    def _note_written(self, tx: Tx, by: str, scope_id: str, writes: Sequence[Write]) -> None:
        """One line however many records: which types, how many of each, and the first of them by id. Pushes of tablets do not
        come by here: each of their changes stands in the journal, signed."""
        ids = list(dict.fromkeys(w.id for w in writes))
        owner = self._project_of(tx.scope(scope_id))
        counts = Counter(type for type, _ in {(w.type, w.id) for w in writes})
        tx.note(self.now(), by, "write", ids[0], owner=owner, scope=scope_id, types=dict(counts), ids=ids[:NOTED_IDS])

    @staticmethod
    def _project_of(scope: ScopeRow | None) -> str | None:
        """The project whose scope it is; None of the organisation's."""
        return scope.owner if scope and scope.audience != Audience.ORGANISATION else None

    def _write_in(
        self, tx: Tx, person: str | None, scope_id: str, writes: Sequence[Write], types: Set[str] | None = None
    ) -> None:
        """`types`: what the person may write here by a rule that was asked already; None: by his or her roles."""
        fit_to_keep([[w.type, w.id, w.values] for w in writes])
        scope = tx.scope(scope_id)
        if scope is None:
            raise Trouble(2004)
        roles = self._roles(tx, person, scope.owner, scope.audience) if person else frozenset({ADMIN})
        allowed = (
            types if types is not None else set(writable(roles, scope.audience)) | (set() if person else set(TYPES))
        )
        work = self._applying(tx, scope_id)
        work.fetch({w.id for w in writes}, {id for w in writes for _, id in refs_of(w.type, w.values)})
        for w in writes:
            if w.type not in allowed:
                raise Trouble(3003, type={"zh": TYPES[w.type].about.zh, "en": TYPES[w.type].about.en})
            faults = check(TYPES[w.type], w.values)
            if faults:
                raise Trouble(3001, {"faults": [f._asdict() for f in faults]},
                              faults={"zh": "；".join(f.zh for f in faults), "en": "; ".join(f.en for f in faults)})  # fmt: skip
            old = work.seen(w.id)
            before, after = whole_atoms(TYPES[w.type], old.values, w.values) if old else ({}, w.values)
            accepted(work.on_server(w.type, w.id, before, after, by=person or SERVER.person) if after else None)
        self._finish(tx, work)

    def home(self, tx: Tx) -> str:
        """The organisation this installation belongs to."""
        return tx.setting("organisation") or ""

    def _roles(self, tx: Tx, person: str, owner: str, audience: str) -> frozenset[str]:
        """Roles held in the owner's project; in the organisation's scope, those held anywhere."""
        return self._roles_of(tx.memberships(person), self.home(tx), owner, audience)

    @staticmethod
    def _roles_of(held: Sequence[tuple[str, str]], home: str, owner: str, audience: str) -> frozenset[str]:
        if audience == Audience.ORGANISATION:
            return frozenset(role for _, role in held)
        return frozenset(role for o, role in held if o == owner or (o == home and role == ADMIN))

    def _ever_member(self, tx: Tx, person: str, scope: ScopeRow) -> bool:
        """Someone who holds or held any role there: what he or she recorded without the right one is parked, not lost."""
        owners = {o for o, _ in tx.memberships(person)}
        return bool(owners) if scope.audience == Audience.ORGANISATION else scope.owner in owners

    def grants(self, tx: Tx, person: str) -> list[ScopeGrant]:
        """The scopes a person may pull, organisation first."""
        return [grant for grant, _ in self.granted(tx, person)]

    def granted(self, tx: Tx, person: str, hands_in: bool = False) -> list[tuple[ScopeGrant, ScopeRow]]:
        """The same, each with how far it is; `hands_in`: also those the person may only hand in to, marked as such. What it costs
        grows with the projects the person is in, not with all there are."""
        held, home = tx.memberships(person), self.home(tx)
        owners = {home, *(owner for owner, _ in held)}
        all_of_them = (home, ADMIN) in held
        own = tx.scopes() if all_of_them else tx.scopes_named([f"{o}.{a.value}" for o in owners for a in Audience])
        found = []
        for scope in sorted(own, key=lambda s: (s.audience != "organisation", s.id)):
            roles = self._roles_of(held, home, scope.owner, scope.audience)
            if (reads := may_read(roles, scope.audience)) or (hands_in and may_hand_in(roles, scope.audience)):
                found.append((scope, roles, reads))
        ids = {scope.owner for scope, _, _ in found}
        names = {
            s.id: s.values.get("name", "") for kind in ("project", "organisation") for s in tx.load(kind, list(ids))
        }
        return [
            (
                ScopeGrant.model_validate(
                    {"scope": scope.id, "audience": scope.audience, "owner": scope.owner, "name": names.get(scope.owner, ""),
                     "roles": sorted(roles), "writes": writable(roles, scope.audience), "reads": reads}
                ),
                scope,
            )
            for scope, roles, reads in found
        ]  # fmt: skip

    def _live_key(self, tx: Tx, enrolment: str) -> DeviceKey:
        key = tx.key(enrolment)
        if key is None or key.state != "enrolled":
            raise Trouble(2005)
        return key

    def _same_epoch(self, tx: Tx, epoch: str) -> None:
        ours = tx.setting("epoch") or ""
        if epoch != ours:
            raise Trouble(1201, {"epoch": ours}, epoch=ours)

    def records(self, type: str, scope: str) -> list[Stored]:
        with self.store.reading() as tx:
            return tx.of_scope(type, scope)
