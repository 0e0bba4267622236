"""Who belongs to a project and may do what there: read for a page, changed by who may (`access.giveable`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.change import decode
from schemas.problems import Trouble
from sync_server.access import ADMIN, FORMER, answers_for, giveable, role_refused
from sync_server.service.care import Care
from sync_server.store import DeviceKey, Stored, Tx

WHAT = {
    "role": {"zh": "给出或收回这个角色", "en": "giving or taking this role"},
    "lets_in": {"zh": "替此人发邀请或登记码：他（她）还有不归你管的角色", "en": "letting this person in: he or she holds roles that are not yours to give"},
    "device": {"zh": "停用或恢复这台设备：使用人还有不归你管的角色", "en": "revoking or reinstating this device: its user holds roles that are not yours to give"},
    "account": {"zh": "管理账号", "en": "looking after accounts"},
    "own_account": {"zh": "停用自己的账号", "en": "disabling one's own account"},
}  # fmt: skip


class Enrolled(NamedTuple):
    """A tablet of a person. `offset_ms`: server minus its clock, as of its last change; None: not known."""

    key: DeviceKey
    label: str
    use: str
    name: str  # of the person
    offset_ms: int | None
    mine: bool  # may whoever asks revoke it?


class Member(NamedTuple):
    """A person as somebody sees him or her. Times: milliseconds since 1970. `roles`: (owner, role), the former one too."""

    person: str
    name: str
    firm: str
    duties: list[str]
    roles: list[tuple[str, str]]
    username: str | None
    disabled: bool
    seen_at: int | None  # the last page of the console
    devices: list[Enrolled]
    invited: Mapping[str, Any] | None  # the invitation that still counts
    mine: bool  # may whoever asks let this person in?


class Standing(NamedTuple):
    """What somebody may do about others."""

    person: str
    administers: bool
    roles_in: dict[str, list[str]]

    def may_give(self, owner: str) -> tuple[str, ...]:
        return giveable(self.roles_in.get(owner, ()), self.administers)

    def answers_for(self, person: str, held: Iterable[tuple[str, str]]) -> bool:
        return answers_for(held, self.roles_in, self.administers, person == self.person)


class Members(Care):
    def administers(self, person: str) -> bool:
        """An administrator of the organisation: one of a single project is none."""
        with self.store.reading() as tx:
            return (self.home(tx), ADMIN) in tx.memberships(person)

    def organisation(self) -> str:
        """The id of the organisation this installation belongs to."""
        with self.store.reading() as tx:
            return self.home(tx)

    def standing(self, person: str) -> Standing:
        with self.store.reading() as tx:
            return self._standing(tx, person)

    def _standing(self, tx: Tx, person: str) -> Standing:
        held = tx.memberships(person)
        roles_in: dict[str, list[str]] = {}
        for owner, role in held:
            roles_in.setdefault(owner, []).append(role)
        return Standing(person, (self.home(tx), ADMIN) in held, roles_in)

    # --- read ----------------------------------------------------------------------------------------------------

    def members(self, by: str, owner: str) -> list[Member]:
        """Everybody who has or had a role in a project, by name."""
        with self.store.reading() as tx:
            return self._as_members(tx, by, {person for person, _, _ in tx.all_memberships(owner)})

    def everybody(self, by: str, search: str = "") -> list[Member]:
        """Everybody there is a record of, by name. Raises Trouble 2003 for whoever is no administrator."""
        with self.store.reading() as tx:
            self._administrator(tx, by)
            return self._as_members(tx, by, {s.id for s in self._people(tx) if _fits(s, search)})

    def member(self, by: str, person: str) -> Member:
        """Raises Trouble 2004."""
        with self.store.reading() as tx:
            found = self._as_members(tx, by, {person})
        if not found:
            raise Trouble(2004)
        return found[0]

    def known_as(self, search: str, limit: int) -> list[Stored]:
        """Records of people whose name, account or telephone has these words; by name."""
        with self.store.reading() as tx:
            found = [s for s in self._people(tx) if search and _fits(s, search)]
        return sorted(found, key=lambda s: (str(s.values.get("name", "")), s.id))[:limit]

    def firms(self) -> list[tuple[str, str]]:
        """(id, name) of the organisations, one's own first."""
        with self.store.reading() as tx:
            home = self.home(tx)
            found = [s for s in tx.everywhere("organisation") if not s.values.get("deleted")]
        return [
            (s.id, str(s.values.get("name", "")))
            for s in sorted(found, key=lambda s: (s.id != home, s.values.get("name", "")))
        ]

    def enrolled(self, by: str, people: Collection[str] | None = None) -> list[Enrolled]:
        """Tablets of these people, or all, the last seen first."""
        with self.store.reading() as tx:
            keys = [k for k in tx.device_keys() if people is None or k.person in people]
            held = _by_person(tx.all_memberships())
            stand = self._standing(tx, by)
            found = self._devices(tx, keys, stand, held)
        return sorted(found, key=lambda d: (d.key.last_seen or "", d.key.device_code), reverse=True)

    def owners(self, ids: Collection[str]) -> dict[str, str]:
        """What projects and organisations are called."""
        with self.store.reading() as tx:
            return {
                s.id: str(s.values.get("name", ""))
                for kind in ("project", "organisation")
                for s in tx.load(kind, list(ids))
            }

    def _people(self, tx: Tx) -> list[Stored]:
        return [s for s in tx.of_scope("person", f"{self.home(tx)}.organisation") if not s.values.get("deleted")]

    def _as_members(self, tx: Tx, by: str, people: Collection[str]) -> list[Member]:
        wanted = sorted(people)
        stand, held = self._standing(tx, by), _by_person(tx.all_memberships())
        records = {s.id: s.values for s in tx.load("person", wanted)}
        firms = {s.id: str(s.values.get("name", "")) for s in tx.everywhere("organisation")}
        accounts = {a["person"]: a for a in tx.accounts_of(wanted)}
        invited = {i["person"]: i for i in reversed(tx.open_invitations(self.now_ms(), wanted))}
        devices: dict[str, list[Enrolled]] = {}
        for d in self._devices(tx, [k for k in tx.device_keys() if k.person in people], stand, held):
            devices.setdefault(d.key.person, []).append(d)
        out = []
        for person in wanted:
            values, account = records.get(person), accounts.get(person)
            if values is None:
                continue
            roles = held.get(person, [])
            out.append(
                Member(
                    person, str(values.get("name", "")), firms.get(str(values.get("org_id")), ""), list(values.get("duties") or []),
                    roles, account["username"] if account else None, bool(account and account["disabled"]),
                    account["seen_at"] if account else None, devices.get(person, []), invited.get(person),
                    stand.answers_for(person, roles),
                )
            )  # fmt: skip
        return sorted(out, key=lambda m: (m.name, m.person))

    def _devices(
        self, tx: Tx, keys: Sequence[DeviceKey], stand: Standing, held: Mapping[str, list[tuple[str, str]]]
    ) -> list[Enrolled]:
        records = {s.id: s.values for s in tx.load("device", [k.device for k in keys])}
        people = {s.id: str(s.values.get("name", "")) for s in tx.load("person", sorted({k.person for k in keys}))}
        lines = tx.last_lines([k.enrolment for k in keys])
        return [
            Enrolled(
                k, str(records.get(k.device, {}).get("label", "")), str(records.get(k.device, {}).get("use", "")),
                people.get(k.person, ""), _offset(lines.get(k.enrolment)), stand.answers_for(k.person, held.get(k.person, [])),
            )
            for k in keys
        ]  # fmt: skip

    # --- changed -------------------------------------------------------------------------------------------------

    def give_role(self, by: str, person: str, owner: str, role: str) -> None:
        """Raises Trouble 2003 for a role that is not his or hers to give, 2004 for a person nobody knows, 2013 for one's own."""
        self._change_role(by, person, owner, role, adding=True)

    def take_role(self, by: str, person: str, owner: str, role: str) -> None:
        """Raises Trouble 2003, 2004, 2014 where nobody would administer the organisation any more."""
        self._change_role(by, person, owner, role, adding=False)

    def _change_role(self, by: str, person: str, owner: str, role: str, adding: bool) -> None:
        with self.store.writing() as tx:
            home = self.home(tx)
            tx.scope(f"{home}.organisation", lock=True)  # of two at once the second sees what the first one left
            stand = self._standing(tx, by)
            if not tx.load("person", [person]):
                raise Trouble(2004)
            may = stand.may_give(owner)
            if owner == home:  # a role of the organisation itself: there is but one
                may = tuple(r for r in may if r == ADMIN)
            last = owner == home and not self._administrators(tx) - {person}
            self._refuse(role_refused(role, adding, may, person == by, last))
            (self._grant_in if adding else self._withdraw_in)(tx, person, owner, role, by)

    def _refuse(self, number: int | None) -> None:
        if number is not None:
            raise Trouble(number, what=WHAT["role"])

    def _administrators(self, tx: Tx) -> set[str]:
        """Those who can sign in."""
        here = [person for person, _, role in tx.all_memberships(self.home(tx)) if role == ADMIN]
        return {a["person"] for a in tx.accounts_of(here) if not a["disabled"]}

    def _administrator(self, tx: Tx, person: str) -> None:
        """Raises Trouble 2003 for whoever is none."""
        if (self.home(tx), ADMIN) not in tx.memberships(person):
            raise Trouble(2003, what=WHAT["account"])

    def switch_account(self, by: str, person: str, disabled: bool, with_devices: bool) -> list[str]:
        """As `disable`, by an administrator: never his or her own, so that one is always left. Raises Trouble 2003, 2004."""
        with self.store.writing() as tx:
            tx.scope(
                f"{self.home(tx)}.organisation", lock=True
            )  # of two who disable each other the second is none any more
            self._administrator(tx, by)
            if tx.account_of(person) is None:
                raise Trouble(2004)
            if disabled and person == by:
                raise Trouble(2003, what=WHAT["own_account"])
            mine = self._disable_in(tx, person, disabled, by)
        return self._shut(mine, by) if disabled and with_devices else [k.device_code for k in mine]

    def code_for(self, by: str, person: str, use: str) -> str:
        """A one-time code with which a tablet is enrolled for a person. Raises Trouble 2003, 2004."""
        self._lets_in(by, person)
        return self.new_code(person, by, use)

    def _lets_in(self, by: str, person: str) -> None:
        with self.store.reading() as tx:
            self._check_lets_in(tx, by, person)

    def _check_lets_in(self, tx: Tx, by: str, person: str, what: str = "lets_in") -> None:
        """Raises Trouble 2003, 2004."""
        if not tx.load("person", [person]):
            raise Trouble(2004)
        stand = self._standing(tx, by)
        gives = stand.administers or any(stand.may_give(owner) for owner in stand.roles_in)
        if not gives or not stand.answers_for(person, tx.memberships(person)):
            raise Trouble(2003, what=WHAT[what])

    def switch_device(self, by: str, enrolment: str, revoked: bool, reason: str, owner: str | None = None) -> None:
        """Revoke or reinstate, with the reason. `owner`: the project out of whose page it is done. Raises Trouble 2003, 2010."""
        with self.store.reading() as tx:
            key = tx.key(enrolment)
            if key is None:
                raise Trouble(2010)
            self._check_lets_in(tx, by, key.person, "device")
        self._set_state(enrolment, "revoked" if revoked else "enrolled", by, reason, owner)


def _by_person(held: Iterable[tuple[str, str, str]]) -> dict[str, list[tuple[str, str]]]:
    out: dict[str, list[tuple[str, str]]] = {}
    for person, owner, role in held:
        out.setdefault(person, []).append((owner, role))
    return out


def _fits(s: Stored, search: str) -> bool:
    text = " ".join(str(s.values.get(k) or "") for k in ("name", "account", "phone")).casefold()
    return all(word in text for word in search.casefold().split())


def _offset(line: bytes | None) -> int | None:
    try:
        return decode(line).made_at["server_offset_ms"] if line else None
    except (ValueError, KeyError):
        return None


def live(roles: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what is only remembered."""
    return [(owner, role) for owner, role in roles if role != FORMER]
