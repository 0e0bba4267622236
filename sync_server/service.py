"""The rules of the server: push, pull, resolve, enrol, facts. One transaction each; nothing here knows HTTP."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from schemas import canonical, change
from schemas.fields import Audience
from schemas.ids import Ids
from schemas.merge import whole_atoms
from schemas.problems import Trouble
from schemas.records import TYPES, check
from schemas.rows import refs_of
from schemas.rules import evidence
from schemas.wire import (
    ACCEPTED,
    CONSOLE,
    MAX_BATCH,
    PULL_LIMIT,
    Block,
    EnrolAnswer,
    EnrolRequest,
    Me,
    Outcome,
    OutcomeNow,
    PullHead,
    PushAnswer,
    PushHead,
    Receipt,
    ScopeGrant,
)  # fmt: skip
from sync_server import pushing
from sync_server.access import ADMIN, FORMER, may_read, writable
from sync_server.applying import SERVER, Applying, Author
from sync_server.store import DeviceKey, Journaled, ScopeRow, Store, Stored, Tx, Values

CODE_MINUTES = 30


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


class Service:
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

    def start(self) -> None:
        """Make the database, name its epoch, and run again what an earlier crash left parked."""
        self.store.create()
        with self.store.writing() as tx:
            if tx.setting("epoch") is None:
                tx.set_setting("epoch", self.new_id())
        self.rerun()

    def now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds")

    def now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)

    # --- push ----------------------------------------------------------------------------------------------------

    def push(self, caller: Caller, scope_id: str, head: PushHead, lines: Sequence[bytes]) -> PushAnswer:
        """Take a batch of a device's chain. Known changes get their stored outcome; nothing is applied twice.

        Raises Trouble 1201–1207, 2004, 2005; then nothing of the batch was applied."""
        if len(lines) > MAX_BATCH:
            raise Trouble(1004, limit=MAX_BATCH)
        if not lines:
            raise Trouble(1001, why={"zh": "没有变更", "en": "no changes"})
        if caller.enrolment != head.enrolment:
            raise Trouble(1206)
        if evidence.lines_hash(lines) != head.lines:
            raise Trouble(1207)
        last = head.first + len(lines) - 1
        with self.store.writing() as tx:
            key = self._live_key(tx, head.enrolment)
            scope = tx.scope(scope_id, lock=True)
            stored = tx.chain(head.enrolment, scope_id)
            if scope is None:
                raise Trouble(2004)
            roles = self._roles(tx, caller.person, scope.owner, scope.audience)
            if not (may_read(roles, scope.audience) or stored or self._ever_member(tx, caller.person, scope)):
                raise Trouble(2004)
            self._same_epoch(tx, head.epoch)
            links, proofs = pushing.verify_chain(key, scope_id, head, lines)
            pos = stored[0] if stored else 0
            if head.first > pos + 1:
                raise Trouble(1202, {"expected": pos + 1}, expected=pos + 1)
            known = tx.links_between(head.enrolment, scope_id, head.first - 1, min(pos, last))
            parts = pushing.parts_at(scope_id, head, links, stored, known)
            if parts is None:
                work = self._applying(tx, scope_id)
                author = Author(key.person, key.device, roles)
                pushing.take_lines(tx, work, author, head, lines, links, proofs, skip=max(0, pos - head.first + 1))
                self._finish(tx, work)
                if last > pos:
                    tx.set_chain(head.enrolment, scope_id, last, links[-1], new=stored is None)
                tx.set_key(head.enrolment, last_seen=self.now(), pending=head.pending)
                rows = [known[p] for p in sorted(known) if p >= head.first] + work.kept(head.enrolment)
                return self._receipt(tx, head, scope_id, [pushing.first_of(tx, work, row) for row in rows])
            fork = [(change.change_id(line) or "", line) for line in lines[parts - head.first :]]
            tx.add_fork(head.enrolment, scope_id, parts, fork, self.now())
        raise Trouble(1204, {"position": parts}, position=parts)

    def _receipt(self, tx: Tx, head: PushHead, scope_id: str, rows: Sequence[Journaled]) -> PushAnswer:
        runs, details = pushing.tell(rows)
        receipt = Receipt(
            receipt=self.new_id(), scope=scope_id, enrolment=head.enrolment, epoch=head.epoch, first=head.first,
            last=head.first + len(rows) - 1, head=head.head, runs=runs, at=self.now(), server_key=self.server_key,
        )  # fmt: skip
        text = canonical.dumps(receipt.model_dump(mode="json", exclude_none=True)).decode()
        signature = evidence.sign(self._key, text.encode())
        claim = head.model_dump_json(exclude_none=True)
        tx.add_receipt(receipt.receipt, scope_id, head.enrolment, text, signature, claim)
        return PushAnswer(receipt=text, signature=signature, details=details)

    def _finish(self, tx: Tx, work: Applying) -> None:
        """Run what waited for the new records, here and in the project's other scopes, and write it all."""
        scope = work.scope
        if work.created() or work.parked_edits():
            work.run_parked(lambda j: self._author(tx, j, scope.owner, scope.audience))
        work.finish()
        # scopes of one project wait for each other's records; they are few, and always locked in the same order
        for other in sorted(tx.waiting_for(work.created()) - {scope.id}):
            self._rerun_in(tx, other)

    def _applying(self, tx: Tx, scope_id: str) -> Applying:
        scope = tx.scope(scope_id, lock=True)
        assert scope is not None
        return Applying(tx, scope, self.home(tx), self.new_id, self.now())

    def _author(self, tx: Tx, j: Journaled, owner: str, audience: str) -> Author:
        key = tx.key(j.enrolment)
        if key is None:
            return SERVER
        return Author(key.person, key.device, self._roles(tx, key.person, owner, audience))

    def rerun(self, scope: str | None = None) -> int:
        """Run parked changes again: of one scope, or of all that have any."""
        with self.store.reading() as tx:
            wanted = [s.id for s in tx.scopes() if scope in (None, s.id) and tx.parked(s.id)]
        moved = 0
        for id in wanted:
            with self.store.writing() as tx:
                moved += self._rerun_in(tx, id)
        return moved

    def _rerun_in(self, tx: Tx, scope_id: str) -> int:
        work = self._applying(tx, scope_id)
        scope = work.scope
        moved = work.run_parked(lambda j: self._author(tx, j, scope.owner, scope.audience))
        work.finish()
        for other in sorted(tx.waiting_for(work.created()) - {scope_id}) if moved else []:
            self._rerun_in(tx, other)
        return moved

    def outcomes(self, caller: Caller, scope_id: str, ids: Sequence[str]) -> list[OutcomeNow]:
        """What became of a person's own changes by now, from whichever of his or her devices they came.

        Raises Trouble 2004, 2005."""
        with self.store.reading() as tx:
            if caller.enrolment:
                self._live_key(tx, caller.enrolment)
            scope = tx.scope(scope_id)
            if scope is None or not (
                tx.chain(caller.enrolment or "", scope_id) or self._ever_member(tx, caller.person, scope)
            ):
                raise Trouble(2004)
            found = tx.journaled(ids)
            own = {k.enrolment for k in tx.device_keys() if k.person == caller.person}
        mine = [found[i] for i in ids if i in found and found[i].enrolment in own and found[i].scope == scope_id]
        return [
            OutcomeNow(
                id=j.id, outcome=Outcome(j.outcome), problem=j.problem, seq=j.seq, **json.loads(j.detail or "{}")
            )
            for j in mine
        ]

    # --- pull ----------------------------------------------------------------------------------------------------

    def pull(
        self, caller: Caller, scope_id: str, epoch: str | None, cursor: int, limit: int = PULL_LIMIT
    ) -> tuple[PullHead, list[bytes]]:
        """Rows with seq > cursor, ascending, from one consistent view. Raises Trouble 2004, 2005, 1201."""
        with self.store.reading() as tx:
            if caller.enrolment:
                self._live_key(tx, caller.enrolment)
            scope = tx.scope(scope_id)
            if scope is None or not may_read(
                self._roles(tx, caller.person, scope.owner, scope.audience), scope.audience
            ):
                raise Trouble(2004)
            if epoch is not None:
                self._same_epoch(tx, epoch)
            rows = tx.changed_since(scope_id, cursor, limit) if cursor < scope.seq else []
            reached = rows[-1].seq if len(rows) == limit else scope.seq
            more = reached < scope.seq
            head = PullHead(
                epoch=tx.setting("epoch") or "", cursor=reached, head=scope.seq, count=len(rows), more=more,
                digest=None if more else evidence.digest_hex(scope.digest),
            )  # fmt: skip
        return head, [evidence.row_line(s.type, s.id, s.seq, s.values) for s in rows]

    # --- edits on the server: the same way in --------------------------------------------------------------------

    def write(self, person: str | None, writes: Iterable[Write]) -> list[str]:
        """Make or change records as `person` (None = the installation itself). All or none, per scope one transaction.

        Raises Trouble 3001 with the faults, 2003 when the person may not. Returns the ids."""
        todo = list(writes)
        with self.store.writing() as tx:
            for scope_id in dict.fromkeys(w.scope for w in todo):
                self._write_in(tx, person, scope_id, [w for w in todo if w.scope == scope_id])
        return [w.id for w in todo]

    def _write_in(self, tx: Tx, person: str | None, scope_id: str, writes: Sequence[Write]) -> None:
        scope = tx.scope(scope_id)
        if scope is None:
            raise Trouble(2004)
        roles = self._roles(tx, person, scope.owner, scope.audience) if person else frozenset({ADMIN})
        allowed = set(writable(roles, scope.audience)) | (set() if person else set(TYPES))
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
            verdict = work.on_server(w.type, w.id, before, after, by=person or SERVER.person) if after else None
            if verdict and verdict.outcome not in ACCEPTED:  # all or none: a reference that is not here, say
                raise Trouble(verdict.problem or 1100, {"missing": verdict.missing}, **verdict.words)
        self._finish(tx, work)

    def resolve(self, person: str, conflict_id: str, choice: str, reason: str, value: Values | None = None) -> None:
        """Decide a conflict: keep_now, take_after or set_value. Raises Trouble 2003, 2004, 3001."""
        with self.store.writing() as tx:
            found = tx.load("conflict", [conflict_id])
            if not found:
                raise Trouble(2004)
            scope = tx.scope(found[0].scope)
            assert scope is not None
            if "project_manager" not in self._roles(tx, person, scope.owner, scope.audience):
                raise Trouble(2003, what={"zh": "裁决冲突", "en": "deciding conflicts"})
            work = self._applying(tx, scope.id)
            work.fetch({found[0].values["subject_id"], conflict_id})
            work.resolve(found[0], choice, reason, person, value)
            work.finish()

    # --- people, devices, scopes ---------------------------------------------------------------------------------

    def home(self, tx: Tx) -> str:
        """The organisation this installation belongs to."""
        return tx.setting("organisation") or ""

    def found(self, name: str) -> str:
        """Make the installation's own organisation and its scope, once. Returns its id."""
        with self.store.writing() as tx:
            have = tx.setting("organisation")
            if have:
                return have
            org = self.new_id()
            tx.set_setting("organisation", org)
            tx.add_scope(f"{org}.{Audience.ORGANISATION.value}", org, Audience.ORGANISATION.value)
            self._write_in(
                tx,
                None,
                f"{org}.organisation",
                [Write("organisation", org, f"{org}.organisation", {"name": name, "roles": ["surveyor"]})],
            )
        return org

    def add_project(self, values: Values, project: str | None = None) -> str:
        """Make a project and its three scopes. Returns its id."""
        id = project or self.new_id()
        with self.store.writing() as tx:
            for audience in (Audience.FIELD, Audience.ENFORCEMENT, Audience.TRANSFER):
                tx.add_scope(f"{id}.{audience.value}", id, audience.value)
            self._write_in(tx, None, f"{id}.field", [Write("project", id, f"{id}.field", values)])
        return id

    def grant(self, person: str, owner: str, role: str) -> None:
        """Add a role; what waited for that right goes in."""
        with self.store.writing() as tx:
            tx.add_membership(person, owner, role)
        with (
            self.store.reading() as tx
        ):  # a role in one project also counts in the organisation, an administrator's anywhere
            scopes = tx.waiting_for([f"right:{person}:{o}" for o in {s.owner for s in tx.scopes()}])
        for scope in sorted(scopes):
            self.rerun(scope)

    def withdraw(self, person: str, owner: str, role: str) -> None:
        """Take a role away. What was recorded before and comes later is parked for the project manager, so it is kept
        who once belonged to the project."""
        with self.store.writing() as tx:
            tx.drop_membership(person, owner, role)
            tx.add_membership(person, owner, FORMER)

    def _roles(self, tx: Tx, person: str, owner: str, audience: str) -> frozenset[str]:
        """Roles held in the owner's project; in the organisation's scope, those held anywhere."""
        held = tx.memberships(person)
        if audience == Audience.ORGANISATION:
            return frozenset(role for _, role in held)
        home = self.home(tx)
        return frozenset(role for o, role in held if o == owner or (o == home and role == ADMIN))

    def _ever_member(self, tx: Tx, person: str, scope: ScopeRow) -> bool:
        """Someone who holds or held any role there: what he or she recorded without the right one is parked, not lost."""
        owners = {o for o, _ in tx.memberships(person)}
        return bool(owners) if scope.audience == Audience.ORGANISATION else scope.owner in owners

    def grants(self, tx: Tx, person: str) -> list[ScopeGrant]:
        """The scopes a person may pull, organisation first."""
        out = []
        names = {s.id: s.values.get("name", "") for kind in ("project", "organisation") for s in tx.everywhere(kind)}
        for scope in sorted(tx.scopes(), key=lambda s: (s.audience != "organisation", s.id)):
            roles = self._roles(tx, person, scope.owner, scope.audience)
            if may_read(roles, scope.audience):
                out.append(
                    ScopeGrant.model_validate(
                        {"scope": scope.id, "audience": scope.audience, "owner": scope.owner, "name": names.get(scope.owner, ""),
                         "roles": sorted(roles), "writes": writable(roles, scope.audience)}
                    )
                )  # fmt: skip
        return out

    def me(self, caller: Caller) -> Me:
        with self.store.reading() as tx:
            key = self._live_key(tx, caller.enrolment) if caller.enrolment else None
            person = tx.load("person", [caller.person])
            return Me(
                person=caller.person, person_name=person[0].values["name"] if person else "", enrolment=caller.enrolment,
                device=key.device if key else None, epoch=tx.setting("epoch") or "", server_key=self.server_key,
                scopes=self.grants(tx, caller.person),
            )  # fmt: skip

    def new_code(self, person: str, made_by: str, use: str = "field", minutes: int = CODE_MINUTES) -> str:
        """A one-time enrolment code for a person, shown once: 16 characters without 0/O/1/I."""
        letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        text = "".join(letters[b % 32] for b in self._random(16))
        with self.store.writing() as tx:
            tx.add_code(_hash(text), person, use, made_by, self.now_ms() + minutes * 60_000)
        return "-".join(text[i : i + 4] for i in range(0, 16, 4))

    def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Bind (device, person) to a key. Raises Trouble 2006."""
        text = request.code.replace("-", "").replace(" ", "").upper()
        message = f"jingtu-enrol-1\n{request.code}\n{request.public_key}\n{request.salt_key}".encode()
        if not evidence.verify(request.public_key, message, request.signature):
            raise Trouble(1203)
        with self.store.writing() as tx:
            enrolment, device = self.new_id(), self.new_id()
            code = tx.code(_hash(text))
            earlier = tx.key(code["used_by"]) if code and code["used_by"] else None
            if earlier and earlier.public_key == request.public_key and earlier.state == "enrolled":
                return self._enrolled(tx, earlier)  # the answer was lost on the way; the same tablet asks again
            kept = tx.key_of(request.public_key)  # asked for with a new code after a lost answer, with the key it kept
            if kept and (kept.state != "enrolled" or code is None or kept.person != code["person"]):
                raise Trouble(2006)
            enrolment = kept.enrolment if kept else enrolment
            if code is None or code["expires_at"] < self.now_ms() or not tx.use_code(_hash(text), enrolment):
                raise Trouble(2006)
            if kept:
                return self._enrolled(tx, kept)
            home = f"{self.home(tx)}.organisation"
            device_code = _device_code(len(tx.device_keys()))
            key = DeviceKey(enrolment, device, device_code, code["person"], request.public_key, request.salt_key, "enrolled",
                            self.now(), 0, request.app_version)  # fmt: skip
            tx.add_key(key)
            self._write_in(tx, None, home, [
                Write("device", device, home, {"code": device_code, "label": request.label, "use": code["use"], "state": "enrolled",
                                               **({"app_version": request.app_version} if request.app_version else {})}),
                Write("enrolment", enrolment, home, {"person_id": code["person"], "device_id": device, "use": code["use"],
                                                     "public_key": request.public_key, "used_at": self.now(), "state": "enrolled"}),
            ])  # fmt: skip
            return self._enrolled(tx, key)

    def _enrolled(self, tx: Tx, key: DeviceKey) -> EnrolAnswer:
        person = tx.load("person", [key.person])
        return EnrolAnswer(
            enrolment=key.enrolment, device=key.device, device_code=key.device_code, person=key.person,
            person_name=person[0].values["name"] if person else "", server_key=self.server_key,
            epoch=tx.setting("epoch") or "", scopes=self.grants(tx, key.person),
        )  # fmt: skip

    def take_block(self, caller: Caller, use: str, size: int) -> Block:
        """Numbers for codes printed offline; ranges of one use never overlap. Raises Trouble 2003 for whoever may write
        nothing that would carry them, 2005."""
        type = {"custody": "sample"}.get(use, use)
        with self.store.writing() as tx:
            key = self._live_key(tx, caller.enrolment or "")
            roles = [(self._roles(tx, caller.person, s.owner, s.audience), s.audience) for s in tx.scopes()]
            if not any(type in writable(held, audience) for held, audience in roles):
                about = TYPES[type].about
                raise Trouble(2003, what={"zh": f"{about.zh}号段", "en": f"numbers for “{about.en}”"})
            first = tx.take_numbers(use, size)
            home = f"{self.home(tx)}.organisation"
            values = {"use": use, "device_id": key.device, "from_no": first, "to_no": first + size - 1}
            self._write_in(tx, None, home, [Write("number_block", self.new_id(), home, values)])
        return Block(use=use, from_no=first, to_no=first + size - 1)

    def revoke(self, enrolment: str) -> None:
        with self.store.writing() as tx:
            tx.set_key(enrolment, state="revoked")
            home = f"{self.home(tx)}.organisation"
            old = tx.load("enrolment", [enrolment])
            if old:
                self._write_in(
                    tx, None, home, [Write("enrolment", enrolment, home, {**old[0].values, "state": "revoked"})]
                )

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


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _device_code(n: int) -> str:
    """A1 … A9, B1 … Z9, then two letters: short enough to stand in a printed code."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    if n < len(letters) * 9:
        return f"{letters[n // 9]}{n % 9 + 1}"
    n -= len(letters) * 9
    return f"{letters[n // len(letters) % len(letters)]}{letters[n % len(letters)]}"


__all__ = ["CONSOLE", "Caller", "Service", "Write"]
