"""The signed directory of a project's transfers: whose keys there are, and what a code's ids stand for (schemas/rules/handover/directory.py).

It is put together again only where something moved that it is made of, and keeps its text as long as its contents are the same, so that
its hash changes when, and only when, there is something new to know.

A key counts from its enrolment until that enrolment is revoked, and again from when it is reinstated. A role that was withdrawn does not end it: what the person signed
before is still hers, and whether she was entitled to a later leg is decided where it is handed in, where it waits for the right. A revoked
key whose revocation nobody noted is left out: of what it signed a device then says that it cannot say.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas import canonical
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records.transfer_plan import TransferPlan
from schemas.rules import transfer_plan
from schemas.rules.handover.directory import MESSAGE, hash_of
from schemas.rules.manifest.axles import GROSS_LIMIT_T
from sync_server.access import DISPATCHER, FORMER, INSPECTOR, MANAGER, PARTY, may_hand_in, may_read
from sync_server.service.base import Base, Caller
from sync_server.store import ScopeRow, Sought, Tx, Values

SIGNERS = frozenset({DISPATCHER, MANAGER, PARTY, INSPECTOR})
WITHDRAWALS = 100_000  # lines of a project's log that are looked through for roles that were withdrawn
Records = Mapping[str, Values]  # id → values


class Kept(NamedTuple):
    """A directory as it is handed out. `hash`: of all it says but when it was made."""

    text: str
    signature: str
    hash: str


class _Shared(NamedTuple):
    """What the directories of all projects are made of: of the organisation's scope, voided records left out."""

    seq: int
    people: Records
    organisations: Records
    vehicles: Records
    keys: dict[str, list[dict[str, Any]]]  # person → keys


class Directories(Base):
    def _begin_directories(self) -> None:
        self._directories_lock = threading.Lock()
        self._directories: dict[str, tuple[tuple[object, ...], Kept]] = {}  # scope → what it was made of, and it
        self._shared: tuple[str, _Shared] | None = None  # epoch
        self._begun: set[str] = set()  # plans under which a load was issued

    def directory(self, caller: Caller, scope_id: str) -> Kept:
        """For members who read a project's transfers or hand in to them. Raises Trouble 2004, 2005."""
        with self.store.reading() as tx:
            if caller.enrolment:
                self._live_key(tx, caller.enrolment)
            scope = tx.scope(scope_id)
            if scope is None or not self._concerns(scope, self._roles(tx, caller.person, scope.owner, scope.audience)):
                raise Trouble(2004)
            return self.directory_in(tx, scope)

    def directory_of(self, project: str) -> Kept | None:
        """For who has been asked already; None where there is no such project."""
        with self.store.reading() as tx:
            scope = tx.scope(f"{project}.{Audience.TRANSFER.value}")
            return self.directory_in(tx, scope) if scope else None

    def directory_in(self, tx: Tx, scope: ScopeRow) -> Kept:
        """Of a transfer scope, as this transaction sees it; who may see it has been asked."""
        return self._directories_in(tx, [scope])[scope.id]

    @staticmethod
    def _concerns(scope: ScopeRow, roles: Iterable[str]) -> bool:
        held = list(roles)
        return scope.audience == Audience.TRANSFER and (
            may_read(held, scope.audience) or may_hand_in(held, scope.audience)
        )

    def _hashes(self, tx: Tx, scopes: Iterable[ScopeRow]) -> dict[str, str]:
        """scope → hash, of transfer scopes with anything in them: where there is no plan, there is nobody to know."""
        wanted = [s for s in scopes if s.audience == Audience.TRANSFER and s.seq > 0]
        return {scope: kept.hash for scope, kept in self._directories_in(tx, wanted).items()} if wanted else {}

    # --- how one is made -----------------------------------------------------------------------------------------

    def _directories_in(self, tx: Tx, scopes: Sequence[ScopeRow]) -> dict[str, Kept]:
        owners = [s.owner for s in scopes]
        epoch = tx.setting("epoch") or ""
        home = tx.scope(f"{self.home(tx)}.{Audience.ORGANISATION.value}")
        projects = {s.id: s.values for s in tx.load("project", owners)}
        members: dict[str, list[tuple[str, str]]] = {owner: [] for owner in owners}
        for person, owner, role in tx.members_of(owners):
            members[owner].append((person, role))
        out: dict[str, Kept] = {}
        for scope in scopes:
            project = projects.get(scope.owner, {})
            seq = home.seq if home else 0
            made_of = (epoch, scope.seq, seq, project.get("code"), project.get("name"), tuple(members[scope.owner]))
            with self._directories_lock:
                known = self._directories.get(scope.id)
            if known is None or known[0] != made_of:
                kept = self._made(tx, scope, project, members[scope.owner], self._shared_at(tx, epoch, seq))
                if known is not None and known[1].hash == kept.hash:
                    kept = known[1]  # the text there is: it says since when it has been so
                known = (made_of, kept)
                with self._directories_lock:
                    self._directories[scope.id] = known
            out[scope.id] = known[1]
        return out

    def _made(
        self, tx: Tx, scope: ScopeRow, project: Values, members: Sequence[tuple[str, str]], shared: _Shared
    ) -> Kept:
        signers = self._signers(tx, scope.owner, members)
        plans = {s.id: s.values for s in tx.of_scope("transfer_plan", scope.id) if _stands(s.values)}
        states = self._states(tx, scope.id, plans)
        lots = {s.id: s.values for s in tx.of_scope("soil_lot", scope.id) if not s.values.get("deleted")}
        named = {v for p in plans.values() for v in p.get("vehicles", ())}
        vehicles = {id: v for id, v in shared.vehicles.items() if id in named}
        keys = sorted(
            (
                {**k, **({"roles": roles} if roles else {})}
                for person, roles in signers.items()
                for k in shared.keys.get(person, ())
            ),
            key=lambda k: (str(k["key"]), str(k["since"])),
        )
        said = {
            "v": 1, "scope": scope.id, "project": {"id": scope.owner, **_some(project, code="code", name="name")}, "keys": keys,
            "plans": {id: {**_plan(p), "state": states[id]} for id, p in plans.items()},
            "lots": {id: _lot(lots[id]) for id in {lot for p in plans.values() for lot in p.get("lots", ())} & lots.keys()},
            "vehicles": {id: _vehicle(v) for id, v in vehicles.items()},
        }  # fmt: skip
        orgs = {k.get("org") for k in keys} | {v.get("carrier_id") for v in vehicles.values()}
        for p in plans.values():
            orgs |= {
                p.get("consignor_id"),
                p.get("supervisor_id"),
                *p.get("carriers", ()),
                *(r.get("org_id") for r in p.get("receivers", ())),
            }
        said["organisations"] = {id: v["name"] for id, v in shared.organisations.items() if id in orgs}
        text = canonical.dumps({**said, "made_at": self.now()}).decode()
        return Kept(text, self.sign(MESSAGE + text.encode()), hash_of(text))

    def _signers(self, tx: Tx, owner: str, members: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
        """Who holds or held a role in which people sign here → these roles; [] where they are not known any more."""
        held: dict[str, set[str]] = {}
        for person, role in members:
            held.setdefault(person, set()).add(role)
        former = {person for person, roles in held.items() if FORMER in roles}
        known = set()
        if former:
            for note in tx.log_page(Sought(owner=owner, actions=["withdraw"]), None, WITHDRAWALS):
                held.setdefault(note.about, set()).add(str(note.detail.get("role")))
                known.add(note.about)
        found = {person: sorted(roles & SIGNERS) for person, roles in held.items() if roles & SIGNERS}
        # of one of whom nothing is noted the role is not known: then better a name too many than a key too few
        return found | {person: [] for person in former - known - found.keys()}

    def _states(self, tx: Tx, scope: str, plans: Records) -> dict[str, str]:
        typed = {id: TransferPlan.of(id, values) for id, values in plans.items()}
        out: dict[str, str] = {}
        for id, plan in typed.items():
            top = transfer_plan.in_force(typed.values(), plan.code)
            if id not in self._begun and any(
                not s.values.get("deleted") for s in tx.of_scope("manifest", scope, plan_id=id)
            ):
                self._begun.add(id)  # it stays so, and they become many
            newer = top is not None and top.version > plan.version
            out[id] = transfer_plan.state(plan, newer, id in self._begun, self._clock().date())
        return out

    def _shared_at(self, tx: Tx, epoch: str, seq: int) -> _Shared:
        known = self._shared
        if known is None or known[0] != epoch or known[1].seq != seq:
            scope = f"{self.home(tx)}.{Audience.ORGANISATION.value}"
            people, organisations, vehicles, enrolments = (
                {s.id: s.values for s in tx.of_scope(type, scope) if not s.values.get("deleted")}
                for type in ("person", "organisation", "vehicle", "enrolment")
            )
            known = self._shared = (
                epoch,
                _Shared(seq, people, organisations, vehicles, self._keys(tx, people, enrolments)),
            )
        return known[1]

    def _keys(self, tx: Tx, people: Records, enrolments: Records) -> dict[str, list[dict[str, Any]]]:
        keys = tx.device_keys()
        noted: dict[str, list[tuple[str, str]]] = {}
        for about, action, at in tx.notes_about([k.enrolment for k in keys], ("revoked", "enrolled")):
            noted.setdefault(about, []).append((action, at))
        out: dict[str, list[dict[str, Any]]] = {}
        for key in keys:
            person, since = people.get(key.person, {}), enrolments.get(key.enrolment, {}).get("used_at")
            named = {"key": key.public_key, "person": key.person, "name": str(person.get("name", "")), "device": key.device_code,
                     **_some(person, org="org_id")}  # fmt: skip
            for begin, end in _periods(since, noted.get(key.enrolment, ()), key.state == "enrolled"):
                out.setdefault(key.person, []).append({**named, "since": begin, **({"until": end} if end else {})})
        return out


def _periods(since: str | None, noted: Iterable[tuple[str, str]], enrolled: bool) -> list[tuple[str, str | None]]:
    """When an enrolment counted, from and until. `noted`: (revoked or enrolled, when), in order; a revocation that nobody noted leaves
    out the time before it, of which nothing can be said then."""
    out: list[tuple[str, str | None]] = [(since, None)] if since else []
    for action, at in noted:
        if action == "revoked" and out and out[-1][1] is None:
            out[-1] = (out[-1][0], at)
        elif action == "enrolled" and (not out or out[-1][1] is not None):
            out.append((at, None))
    if out and enrolled != (out[-1][1] is None):
        out[-1:] = [(out[-1][0], None)] if enrolled else []
    return out


def _stands(plan: Values) -> bool:
    """Was this version handed to an authority, so that a load may stand on it?"""
    return bool(plan.get("filings")) and not plan.get("deleted")


def _some(values: Values, **names: str) -> dict[str, Any]:
    """Of the values those that are there, under these names."""
    return {short: values[name] for short, name in names.items() if values.get(name) not in (None, "", [])}


def _plan(p: Values) -> dict[str, Any]:
    receivers = [
        {**_some(r, org="org_id", place="site_name", minutes="route_min", accepts="accepts", capacity="capacity_t", days="dispose_days"),
         **({"position": {k: r["position"][k] for k in ("lon", "lat")}} if r.get("position") else {})}
        for r in p.get("receivers", ())
    ]  # fmt: skip
    return {
        **_some(p, code="code", version="version", consignor="consignor_id", supervisor="supervisor_id", mass="mass_t", lots="lots",
                vehicles="vehicles", carriers="carriers", **{"from": "from_date", "to": "to_date"}),
        "receivers": receivers,
    }  # fmt: skip


def _lot(lot: Values) -> dict[str, Any]:
    return _some(lot, code="code", contaminants="contaminants", density="density_t_m3", hazard="hazard")


def _vehicle(v: Values) -> dict[str, Any]:
    limit = GROSS_LIMIT_T.get(v.get("vehicle_class", ""))
    found = _some(v, plate="plate", carrier="carrier_id", load="approved_load_t", tare="tare_ref_t", permit="transport_permit",
                 permit_to="permit_to", **{"class": "vehicle_class"})  # fmt: skip
    return {**found, **({"limit": str(limit)} if limit else {})}


__all__ = ["SIGNERS", "Directories", "Kept"]
