"""Organisations, projects, people, devices: who may do what, and with which key."""

from __future__ import annotations

from hashlib import sha256

from schemas import canonical
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.wire import (
    Block,
    EnrolAnswer,
    EnrolRequest,
    Me,
)  # fmt: skip
from sync_server.access import FORMER, writable
from sync_server.applying import fit_to_keep
from sync_server.service.base import Caller, Write
from sync_server.service.directory import Directories
from sync_server.store import DeviceKey, Tx, Values

CODE_MINUTES = 30


class People(Directories):
    def found(self, name: str) -> str:
        """Make the installation's own organisation and its scope, once. Returns its id."""
        with self.store.writing() as tx:
            tx.turn("organisation")
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

    def add_project(self, values: Values, project: str | None = None, by: str = "") -> str:
        """Make a project and its three scopes; `by`: whose doing it is, for the audit log. Returns its id."""
        id = project or self.new_id()
        with self.store.writing() as tx:
            for audience in (Audience.FIELD, Audience.ENFORCEMENT, Audience.TRANSFER):
                tx.add_scope(f"{id}.{audience.value}", id, audience.value)
            self._write_in(tx, None, f"{id}.field", [Write("project", id, f"{id}.field", values)])
            if by:
                tx.note(self.now(), by, "project_made", id, owner=id, code=values.get("code"), name=values.get("name"))
        return id

    def grant(self, person: str, owner: str, role: str, by: str = "") -> None:
        """Add a role; what waited for that right goes in."""
        with self.store.writing() as tx:
            self._grant_in(tx, person, owner, role, by)

    def _grant_in(self, tx: Tx, person: str, owner: str, role: str, by: str) -> None:
        if tx.add_membership(person, owner, role):
            tx.note(self.now(), by, "grant", person, owner=owner, role=role)
        # a role in one project also counts in the organisation, an administrator's anywhere
        rights = [f"right:{person}:{o}" for o in sorted({s.owner for s in tx.scopes()})]
        tx.after_commit.append(lambda: self._run_waiting(rights))  # a busy database must not undo or deny the grant

    def withdraw(self, person: str, owner: str, role: str, by: str = "") -> None:
        """Take a role away. What was recorded before and comes later is parked for the project manager, so it is kept
        who once belonged to the project."""
        with self.store.writing() as tx:
            self._withdraw_in(tx, person, owner, role, by)

    def _withdraw_in(self, tx: Tx, person: str, owner: str, role: str, by: str) -> None:
        if (owner, role) not in tx.memberships(person):
            return  # nobody becomes a former member of what he or she never belonged to
        tx.note(self.now(), by, "withdraw", person, owner=owner, role=role)
        tx.drop_membership(person, owner, role)
        tx.add_membership(person, owner, FORMER)

    def me(self, caller: Caller, epoch: str | None = None) -> Me:
        """`epoch`: the one the caller knows, if it may be an earlier one. Raises Trouble 2005, 2010."""
        with self.store.reading() as tx:
            key = self._live_key(tx, caller.enrolment) if caller.enrolment else None
            person = tx.load("person", [caller.person])
            ours, granted = tx.setting("epoch") or "", self.granted(tx, caller.person, True)
            scopes = [grant for grant, _ in granted]
            heads = {
                scope.id: (scope.seq, evidence.digest_hex(scope.digest)) for grant, scope in granted if grant.reads
            }
            # what waits of this person's own work: a refusal moves no head
            waits = tx.parked_of(caller.person, [s.scope for s in scopes]) if key else (0, 0)
            directories = self._hashes(tx, (scope for _, scope in granted))
            said = canonical.dumps([ours, [s.model_dump() for s in scopes], heads, waits, directories])
            return Me(
                person=caller.person, person_name=person[0].values["name"] if person else "", enrolment=caller.enrolment,
                device=key.device if key else None, epoch=ours, server_key=self.server_key, scopes=scopes,
                since=self.since(tx, epoch) if epoch and epoch != ours else None,
                state=evidence.b64(sha256(said).digest()[:8]), heads=heads, directories=directories,
            )  # fmt: skip

    def new_code(self, person: str, made_by: str, use: str = "field", minutes: int = CODE_MINUTES) -> str:
        """A one-time enrolment code for a person, shown once: 16 characters without 0/O/1/I."""
        letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        text = "".join(letters[b % 32] for b in self._random(16))
        with self.store.writing() as tx:
            tx.add_code(_hash(text), person, use, made_by, self.now_ms() + minutes * 60_000)
            tx.note(self.now(), made_by, "code", person, use=use, minutes=minutes)
        return "-".join(text[i : i + 4] for i in range(0, 16, 4))

    def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Bind (device, person) to a key. With `beside` the person joins a tablet that is enrolled already: the key of that
        enrolment signed too, so both are one device. Raises Trouble 1001, 1203, 2006."""
        fit_to_keep([request.label, request.app_version])
        text = request.code.replace("-", "").replace(" ", "").upper()
        message = f"jingtu-enrol-1\n{request.code}\n{request.public_key}\n{request.salt_key}".encode()
        if not evidence.verify(request.public_key, message, request.signature):
            raise Trouble(1203)
        with self.store.writing() as tx:
            home = f"{self.home(tx)}.organisation"
            tx.scope(home, lock=True)  # one at a time: no two devices get the same code
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
            beside = self._beside(tx, request, message)
            device_code = beside.device_code if beside else _device_code(tx.take_numbers("device", 1) - 1)
            device = beside.device if beside else device
            key = DeviceKey(enrolment, device, device_code, code["person"], request.public_key, request.salt_key, "enrolled",
                            self.now(), 0, request.app_version)  # fmt: skip
            tx.add_key(key)
            tx.note(self.now(), code["made_by"], "enrol", enrolment, person=code["person"], device=device_code)
            about = {"code": device_code, "label": request.label, "use": code["use"], "state": "enrolled",
                     **({"app_version": request.app_version} if request.app_version else {})}  # fmt: skip
            self._write_in(tx, None, home, [
                *([] if beside else [Write("device", device, home, about)]),
                Write("enrolment", enrolment, home, {"person_id": code["person"], "device_id": device, "use": code["use"],
                                                     "public_key": request.public_key, "used_at": self.now(), "state": "enrolled"}),
            ])  # fmt: skip
            return self._enrolled(tx, key)

    def _beside(self, tx: Tx, request: EnrolRequest, message: bytes) -> DeviceKey | None:
        """The enrolment of the same tablet that vouches for it. Raises Trouble 2006 if it does not."""
        if request.beside is None:
            return None
        key = tx.key(request.beside)
        fits = key is not None and evidence.verify(key.public_key, message, request.beside_signature or "")
        if key is None or not fits or key.state != "enrolled":
            raise Trouble(2006)
        return key

    def _enrolled(self, tx: Tx, key: DeviceKey) -> EnrolAnswer:
        person = tx.load("person", [key.person])
        return EnrolAnswer(
            enrolment=key.enrolment, device=key.device, device_code=key.device_code, person=key.person,
            person_name=person[0].values["name"] if person else "", server_key=self.server_key,
            epoch=tx.setting("epoch") or "", scopes=[grant for grant, _ in self.granted(tx, key.person, True)],
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

    def revoke(self, enrolment: str, by: str = "", reason: str = "") -> None:
        """The device may read nothing any more; what it hands in waits for the project manager. Raises Trouble 2010."""
        self._set_state(enrolment, "revoked", by, reason)

    def reinstate(self, enrolment: str, by: str = "", reason: str = "") -> None:
        """Undo a revocation; what the device handed in meanwhile goes in. Raises Trouble 2010."""
        self._set_state(enrolment, "enrolled", by, reason)

    def _set_state(self, enrolment: str, state: str, by: str, reason: str = "", owner: str | None = None) -> None:
        """`owner`: the project out of whose page it was done."""
        with self.store.writing() as tx:
            home = f"{self.home(tx)}.organisation"
            tx.scope(home, lock=True)
            key = tx.key(enrolment)
            if key is None:
                raise Trouble(2010)
            tx.set_key(enrolment, state=state)
            why = {"reason": reason} if reason else {}
            tx.note(self.now(), by, state, enrolment, owner=owner, device=key.device_code, person=key.person, **why)
            if state == "enrolled":
                tx.after_commit.append(lambda: self._run_waiting([f"device:{enrolment}"]))
            old = tx.load("enrolment", [enrolment])
            if old:
                self._write_in(tx, None, home, [Write("enrolment", enrolment, home, {**old[0].values, "state": state})])


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _device_code(n: int) -> str:
    """A1 … A9, B1 … Z9, then two letters: short enough to stand in a printed code."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    if n < len(letters) * 9:
        return f"{letters[n // 9]}{n % 9 + 1}"
    n -= len(letters) * 9
    return f"{letters[n // len(letters) % len(letters)]}{letters[n % len(letters)]}"
