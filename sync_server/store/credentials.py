"""Statements about what people sign in with beside a password: sessions, keys for programs, invitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from sync_server.store import tables as t


class CredentialStatements:
    """Part of Tx: all of it runs inside one transaction. Times are milliseconds since 1970."""

    conn: Connection

    # --- sessions ------------------------------------------------------------------------------------------------

    def sessions_of(self, person: str, now: int) -> list[Mapping[str, Any]]:
        """Those whose longest time is not over, the last used first."""
        c = t.web_session.c
        query = select(t.web_session).where(c.person == person, c.expires_at > now).order_by(c.seen_at.desc(), c.hash)
        return [dict(r) for r in self.conn.execute(query).mappings()]

    def drop_sessions(self, person: str, but: str = "", only: str = "") -> int:
        """End a person's sessions: all, all but one, or only the one whose hash begins so. How many they were."""
        c = t.web_session.c
        statement = delete(t.web_session).where(c.person == person, c.hash != but)
        if only:
            statement = statement.where(c.hash.startswith(only, autoescape=True))
        return self.conn.execute(statement).rowcount

    def families_of(self, person: str, now: int) -> int:
        """How many programs are signed in with the person's password: families of refresh tokens that still count."""
        c = t.refresh.c
        query = select(func.count(c.family.distinct())).where(c.person == person, c.expires_at > now, c.used.is_(False))
        return int(self.conn.execute(query).scalar_one())

    def drop_families(self, person: str) -> int:
        return self.conn.execute(delete(t.refresh).where(t.refresh.c.person == person)).rowcount

    def account_seen(self, person: str, at: int) -> None:
        self.conn.execute(update(t.account).where(t.account.c.person == person).values(seen_at=at))

    def accounts_of(self, people: Sequence[str]) -> list[Mapping[str, Any]]:
        """Person, user name, disabled, seen_at; of those of them who have one."""
        c = t.account.c
        query = select(c.person, c.username, c.disabled, c.seen_at).where(c.person.in_(people)).order_by(c.person)
        return [dict(r) for r in self.conn.execute(query).mappings()]

    def set_username(self, person: str, username: str) -> None:
        self.conn.execute(update(t.account).where(t.account.c.person == person).values(username=username))

    # --- devices -------------------------------------------------------------------------------------------------

    def last_lines(self, enrolments: Sequence[str]) -> dict[str, bytes]:
        """enrolment → the change it handed in last, of any scope."""
        c, j = t.chain.c, t.journal.c
        here = (j.enrolment == c.enrolment) & (j.scope == c.scope) & (j.pos == c.pos)
        query = select(j.enrolment, j.line).join(t.chain, here).where(c.enrolment.in_(enrolments)).order_by(j.n)
        return {r.enrolment: r.line for r in self.conn.execute(query)}

    # --- keys for programs ---------------------------------------------------------------------------------------

    def add_api_key(self, **values: Any) -> None:
        self.conn.execute(insert(t.api_key).values(**values))

    def api_key(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.api_key).where(t.api_key.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def api_keys(self, person: str) -> list[Mapping[str, Any]]:
        """The newest first."""
        c = t.api_key.c
        query = select(t.api_key).where(c.person == person).order_by(c.made_at.desc(), c.id)
        return [dict(r) for r in self.conn.execute(query).mappings()]

    def api_key_used(self, id: str, at: int) -> None:
        self.conn.execute(update(t.api_key).where(t.api_key.c.id == id).values(used_at=at))

    def revoke_api_keys(self, at: int, person: str | None = None, id: str | None = None) -> int:
        """One of a person's, all of them, or (after a restore) everybody's. How many still counted."""
        c = t.api_key.c
        which = [c.revoked_at.is_(None), *([c.person == person] if person else []), *([c.id == id] if id else [])]
        return self.conn.execute(update(t.api_key).where(*which).values(revoked_at=at)).rowcount

    # --- invitations ---------------------------------------------------------------------------------------------

    def add_invitation(self, **values: Any) -> None:
        self.conn.execute(insert(t.invitation).values(**values))

    def invitation(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.invitation).where(t.invitation.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def open_invitations(self, now: int, people: Sequence[str] | None = None) -> list[Mapping[str, Any]]:
        """Those that still count, the newest first."""
        c = t.invitation.c
        which = [c.used_at.is_(None), c.withdrawn_at.is_(None), c.expires_at > now]
        query = select(t.invitation).where(*which, *([] if people is None else [c.person.in_(people)]))
        return [dict(r) for r in self.conn.execute(query.order_by(c.made_at.desc(), c.hash)).mappings()]

    def use_invitation(self, hash: str, at: int) -> bool:
        """True for the one who used it first, as long as it counts."""
        c = t.invitation.c
        which = [c.hash == hash, c.used_at.is_(None), c.withdrawn_at.is_(None), c.expires_at > at]
        return self.conn.execute(update(t.invitation).where(*which).values(used_at=at)).rowcount == 1

    def withdraw_invitations(self, at: int, person: str | None = None) -> int:
        """Of one person, or (after a restore) everybody's: they count no longer."""
        c = t.invitation.c
        which = [c.used_at.is_(None), c.withdrawn_at.is_(None), *([c.person == person] if person else [])]
        return self.conn.execute(update(t.invitation).where(*which).values(withdrawn_at=at)).rowcount
