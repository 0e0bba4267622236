"""Statements about people, devices, sign-ins and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update

from sync_server.store import tables as t
from sync_server.store.engine import add_up, insert_new, upsert, wait_turn
from sync_server.store.rows import DeviceKey

_MEMBERSHIPS = select(t.membership.c.owner, t.membership.c.role).where(t.membership.c.person == bindparam("person_id"))
_KEY = select(t.device_key).where(t.device_key.c.enrolment == bindparam("enrolment_id"))
_SEEN = (
    update(t.device_key)
    .where(t.device_key.c.enrolment == bindparam("enrolment_id"))
    .values(last_seen=bindparam("at"), pending=bindparam("left"))
)


class PeopleStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def account(self, username: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.account).where(t.account.c.username == username)).mappings().first()
        return dict(row) if row else None

    def account_of(self, person: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.account).where(t.account.c.person == person)).mappings().first()
        return dict(row) if row else None

    def add_account(self, person: str, username: str, password: str) -> None:
        self.conn.execute(insert(t.account).values(person=person, username=username, password=password, disabled=False))

    def memberships(self, person: str) -> list[tuple[str, str]]:
        return [(r.owner, r.role) for r in self.conn.execute(_MEMBERSHIPS, {"person_id": person})]

    def add_membership(self, person: str, owner: str, role: str) -> bool:
        """False if it was there."""
        return insert_new(self.conn, t.membership, {"person": person, "owner": owner, "role": role})

    def drop_membership(self, person: str, owner: str, role: str) -> None:
        c = t.membership.c
        self.conn.execute(delete(t.membership).where(c.person == person, c.owner == owner, c.role == role))

    def add_refresh(self, hash: str, family: str, person: str, expires_at: int) -> None:
        self.conn.execute(
            insert(t.refresh).values(hash=hash, family=family, person=person, expires_at=expires_at, used=False)
        )

    def refresh(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.refresh).where(t.refresh.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def use_refresh(self, hash: str) -> bool:
        """True for the one who used it first."""
        done = self.conn.execute(
            update(t.refresh).where(t.refresh.c.hash == hash, t.refresh.c.used.is_(False)).values(used=True)
        )
        return done.rowcount == 1

    def drop_family(self, family: str) -> None:
        self.conn.execute(delete(t.refresh).where(t.refresh.c.family == family))

    def add_code(self, hash: str, person: str, use: str, made_by: str, expires_at: int) -> None:
        self.conn.execute(
            insert(t.code).values(hash=hash, person=person, use=use, made_by=made_by, expires_at=expires_at)
        )

    def code(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.code).where(t.code.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def use_code(self, hash: str, enrolment: str) -> bool:
        done = self.conn.execute(
            update(t.code).where(t.code.c.hash == hash, t.code.c.used_by.is_(None)).values(used_by=enrolment)
        )
        return done.rowcount == 1

    def add_key(self, key: DeviceKey) -> None:
        self.conn.execute(insert(t.device_key).values(**key._asdict()))

    def key(self, enrolment: str) -> DeviceKey | None:
        row = self.conn.execute(_KEY, {"enrolment_id": enrolment}).first()
        return DeviceKey(*row) if row else None

    def key_of(self, public_key: str) -> DeviceKey | None:
        row = self.conn.execute(select(t.device_key).where(t.device_key.c.public_key == public_key)).first()
        return DeviceKey(*row) if row else None

    def device_keys(self) -> list[DeviceKey]:
        return [DeviceKey(*row) for row in self.conn.execute(select(t.device_key).order_by(t.device_key.c.device_code))]

    def key_was_here(self, enrolment: str, at: str, pending: int) -> None:
        """A push came: when, and how much more waits on the device."""
        self.conn.execute(_SEEN, {"enrolment_id": enrolment, "at": at, "left": pending})

    def set_key(self, enrolment: str, **values: Any) -> None:
        self.conn.execute(update(t.device_key).where(t.device_key.c.enrolment == enrolment).values(**values))

    def take_numbers(self, use: str, size: int) -> int:
        """First number of a fresh range of `size`; ranges never overlap."""
        return add_up(self.conn, t.block, {"use": use}, "next_no", size, 1)

    def numbers_given(self) -> dict[str, int]:
        """use → the next number nobody has."""
        return {r.use: int(r.next_no) for r in self.conn.execute(select(t.block).order_by(t.block.c.use))}

    def skip_numbers(self, use: str, up_to: int) -> None:
        """Numbers below `up_to` are not handed out any more, whether or not any were before."""
        insert_new(self.conn, t.block, {"use": use, "next_no": up_to})
        self.conn.execute(update(t.block).where(t.block.c.use == use, t.block.c.next_no < up_to).values(next_no=up_to))

    def first_use(self, jti: str, expires_at: int, now: int) -> bool:
        """A signed assertion counts once. Old ones are cleared out on the way."""
        first = insert_new(self.conn, t.seen_assertion, {"jti": jti, "expires_at": expires_at})
        self._clear_out(t.seen_assertion, t.seen_assertion.c.expires_at < now)
        return first

    def _clear_out(self, table: Table, gone: ColumnElement[bool]) -> None:
        """Rows another transaction is at are left to it: two that clear out at once must not wait for each other. To be done
        last, because from here on others wait for these rows."""
        (key,) = table.primary_key
        free = select(key).where(gone).with_for_update(skip_locked=True)
        self.conn.execute(delete(table).where(key.in_(free)))

    def add_session(
        self, hash: str, person: str, username: str, seen_at: int, expires_at: int, place: str = "", agent: str = ""
    ) -> None:
        """Sessions that ended are cleared out on the way."""
        values = {"hash": hash, "person": person, "username": username, "seen_at": seen_at, "expires_at": expires_at,
                  "began_at": seen_at, "place": place, "agent": agent}  # fmt: skip
        self.conn.execute(insert(t.web_session).values(**values))
        self._clear_out(t.web_session, t.web_session.c.expires_at < seen_at)

    def session(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.web_session).where(t.web_session.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def touch_session(self, hash: str, seen_at: int) -> None:
        self.conn.execute(update(t.web_session).where(t.web_session.c.hash == hash).values(seen_at=seen_at))

    def drop_session(self, hash: str) -> None:
        self.conn.execute(delete(t.web_session).where(t.web_session.c.hash == hash))

    def throttle(self, key: str) -> int:
        """When this bucket is full again; 0 = it is. Others who ask for it wait for this transaction: ask for several
        always in the same order, and before any is set."""
        wait_turn(self.conn, key)
        found = select(t.throttle.c.free_at).where(t.throttle.c.key == key)
        return int(self.conn.execute(found).scalar() or 0)

    def set_throttles(self, free_at: Mapping[str, int], now: int) -> None:
        """key → when its bucket is full again. Those that are, of everybody, are cleared out on the way."""
        for key, at in free_at.items():
            if at > now:
                upsert(self.conn, t.throttle, {"key": key, "free_at": at})
            else:
                self.conn.execute(delete(t.throttle).where(t.throttle.c.key == key))
        self._clear_out(t.throttle, t.throttle.c.free_at <= now)

    # --- what people did -----------------------------------------------------------------------------------------

    def note(self, at: str, by: str, action: str, about: str, owner: str | None = None, **detail: Any) -> None:
        """Into the audit log. `by`: a person's id, or who ran the command; `owner`: the project (or organisation) it concerns."""
        text = json.dumps(detail, ensure_ascii=False) if detail else None
        self.conn.execute(insert(t.audit).values(at=at, by=by, action=action, about=about, detail=text, owner=owner))

    def notes(self, about: str | None = None, limit: int = 1000) -> list[Mapping[str, Any]]:
        """The newest first."""
        query = select(t.audit).order_by(t.audit.c.n.desc()).limit(limit)
        rows = self.conn.execute(query if about is None else query.where(t.audit.c.about == about)).mappings()
        return [{**row, "detail": json.loads(row["detail"] or "{}")} for row in rows]
