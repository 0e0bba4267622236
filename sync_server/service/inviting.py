"""Letting a new person in: the record, the roles, and a link with which he or she chooses user name and password, once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.problems import Trouble
from sync_server.access import role_refused
from sync_server.applying import fit_to_keep
from sync_server.service.base import Write
from sync_server.service.members import Members, Standing
from sync_server.store import Tx, Values

INVITED_H = 72
INVITE, RESET = "invite", "reset"
USERNAME = 64  # characters; 2 at least
WHY = {
    "unknown": {"zh": "地址不全或不对", "en": "the address is cut short, or wrong"},
    "used": {"zh": "已经用过", "en": "it was used already"},
    "expired": {"zh": "已过期", "en": "it has expired"},
    "withdrawn": {"zh": "已收回，或后来又发了新的", "en": "it was withdrawn, or a newer one was sent"},
}


class Invited(NamedTuple):
    """What a link is for. `state`: open, used, expired, withdrawn; `where`: the project somebody is invited to, or ""."""

    state: str
    use: str
    person: str
    name: str
    username: str
    by: str
    where: str
    expires_at: int


class Inviting(Members):
    def invite_new(
        self, by: str, values: Values, owner: str | None, roles: Sequence[str], username: str
    ) -> tuple[str, str]:
        """Make the record of a person nobody knows yet, give the roles, and a link for an account. Returns the person's id and
        the code of the link, which is kept nowhere. Raises Trouble 2003, 2015, 3001, 1001."""
        with self.store.writing() as tx:
            home = f"{self.home(tx)}.organisation"
            tx.scope(home, lock=True)
            stand = self._standing(tx, by)
            self._may_invite(stand, owner, roles)
            username = self._free(tx, username)
            person = self.new_id()
            record = Write("person", person, home, values)
            self._write_in(tx, by, home, [record])
            self._note_written(tx, by, home, [record])
            for role in roles:
                self._grant_in(tx, person, owner or "", role, by)
            return person, self._link(tx, by, person, INVITE, username, owner)

    def invite(self, by: str, person: str, owner: str | None = None, username: str = "") -> str:
        """A link for a person who has a record and no account. Raises Trouble 2003, 2004, 2015, 2019."""
        with self.store.writing() as tx:
            tx.scope(f"{self.home(tx)}.organisation", lock=True)
            self._check_lets_in(tx, by, person)
            if tx.account_of(person) is not None:
                raise Trouble(2019, name=self._name(tx, person))
            return self._link(tx, by, person, INVITE, self._free(tx, username), owner)

    def reset_link(self, by: str, person: str) -> str:
        """A link with which somebody sets another password; only an administrator makes it. Raises Trouble 2003, 2004, 2018."""
        with self.store.writing() as tx:
            self._administrator(tx, by)
            if not tx.load("person", [person]):
                raise Trouble(2004)
            account = tx.account_of(person)
            if account is None or account["disabled"]:
                raise Trouble(2018, name=self._name(tx, person))
            return self._link(tx, by, person, RESET, account["username"], None)

    def withdraw_invitation(self, by: str, person: str, owner: str | None = None) -> None:
        """Raises Trouble 2003, 2004."""
        with self.store.writing() as tx:
            self._check_lets_in(tx, by, person)
            if tx.withdraw_invitations(self.now_ms(), person):
                tx.note(self.now(), by, "uninvite", person, owner=owner)

    def invitation(self, code: str) -> Invited | None:
        """What a link's code is for; None where there is none such."""
        with self.store.reading() as tx:
            row = tx.invitation(_hash(code))
            if row is None:
                return None
            names = {p: self._name(tx, p) for p in (row["person"], row["made_by"])}
            project = tx.load("project", [row["owner"]]) if row["owner"] else []
            where = str(project[0].values.get("name", "")) if project else ""
            return Invited(
                self._state(tx, row), row["use"], row["person"], names[row["person"]], row["username"] or "",
                names[row["made_by"]], where, row["expires_at"],
            )  # fmt: skip

    def take_invitation(self, code: str, username: str, hashed: str) -> str:
        """Make the account, or set its password. Returns the person. Raises Trouble 2012, 2015, 3001."""
        now = self.now_ms()
        with self.store.writing() as tx:
            home = f"{self.home(tx)}.organisation"
            tx.scope(home, lock=True)
            row = tx.invitation(_hash(code))
            if row is None:
                raise Trouble(2012, why=WHY["unknown"])
            state = self._state(tx, row)
            if state != "open" or not tx.use_invitation(row["hash"], now):
                raise Trouble(2012, why=WHY.get(state, WHY["used"]))
            person = str(row["person"])
            if row["use"] == RESET:
                self._set_password(tx, person, hashed)
            else:
                username = self._free(tx, username)
                if not username:
                    raise _wrong("username", "填用户名", "Fill in a user name")
                tx.add_account(person, username, hashed)
                tx.withdraw_invitations(now, person)
                (record,) = tx.load("person", [person])
                self._write_in(tx, None, home, [Write("person", person, home, {**record.values, "account": username})])
            tx.note(
                self.now(), person, "reset_used" if row["use"] == RESET else "invite_used", person, owner=row["owner"]
            )
        return person

    def _state(self, tx: Tx, row: Mapping[str, Any]) -> str:
        """A link dies with what stood behind it: whoever made it must still answer for this person, who may have been given rights
        meanwhile that were never his or hers to give."""
        if row["used_at"] is not None:
            return "used"
        account = tx.account_of(row["person"])
        fits = (account is not None and not account["disabled"]) if row["use"] == RESET else account is None
        stand = self._standing(tx, row["made_by"])
        if (
            row["withdrawn_at"] is not None
            or not fits
            or not stand.answers_for(row["person"], tx.memberships(row["person"]))
        ):
            return "withdrawn"
        return "open" if self.now_ms() < row["expires_at"] else "expired"

    def _may_invite(self, stand: Standing, owner: str | None, roles: Sequence[str]) -> None:
        """Raises Trouble 2003."""
        may = stand.may_give(owner) if owner else ()
        for role in roles:
            self._refuse(role_refused(role, True, may, False, False))
        if not (may or stand.administers):
            self._refuse(2003)

    def _link(self, tx: Tx, by: str, person: str, use: str, username: str, owner: str | None) -> str:
        code, now = secrets.token_urlsafe(24), self.now_ms()
        tx.withdraw_invitations(now, person)
        tx.add_invitation(
            hash=_hash(code), person=person, use=use, username=username or None, made_by=by, made_at=now,
            expires_at=now + INVITED_H * 3_600_000, owner=owner,
        )  # fmt: skip
        tx.note(self.now(), by, "invite" if use == INVITE else "reset_link", person, owner=owner, hours=INVITED_H)
        return code

    def _free(self, tx: Tx, username: str) -> str:
        """As it will be kept; "" where none was given. Raises Trouble 2015, 3001, 1001."""
        username = username.strip()
        fit_to_keep([username])
        if not username:
            return ""
        if not 2 <= len(username) <= USERNAME or not username.isprintable() or any(c.isspace() for c in username):
            raise _wrong(
                "username",
                f"用户名 2 到 {USERNAME} 个字符，不含空格",
                f"A user name has 2 to {USERNAME} characters and no blank",
            )
        if tx.account(username) is not None:
            raise Trouble(2015, username=username)
        return username

    def _name(self, tx: Tx, person: str) -> str:
        found = tx.load("person", [person])
        return str(found[0].values.get("name", "")) if found else ""


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()


def _wrong(field: str, zh: str, en: str) -> Trouble:
    return Trouble(3001, {"faults": [{"field": field, "zh": zh, "en": en}]}, faults={"zh": zh, "en": en})
