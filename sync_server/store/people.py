"""Statements about people, devices, sign-ins and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from sync_server.store import tables as t
from sync_server.store.engine import upsert, wait_turn
from sync_server.store.rows import DeviceKey


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
        c = t.membership.c
        return [(r.owner, r.role) for r in self.conn.execute(select(c.owner, c.role).where(c.person == person))]

    def add_membership(self, person: str, owner: str, role: str) -> bool:
        if (owner, role) in self.memberships(person):
            return False
        self.conn.execute(insert(t.membership).values(person=person, owner=owner, role=role))
        return True

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
        row = self.conn.execute(select(t.device_key).where(t.device_key.c.enrolment == enrolment)).first()
        return DeviceKey(*row) if row else None

    def key_of(self, public_key: str) -> DeviceKey | None:
        row = self.conn.execute(select(t.device_key).where(t.device_key.c.public_key == public_key)).first()
        return DeviceKey(*row) if row else None

    def device_keys(self) -> list[DeviceKey]:
        return [DeviceKey(*row) for row in self.conn.execute(select(t.device_key).order_by(t.device_key.c.device_code))]

    def set_key(self, enrolment: str, **values: Any) -> None:
        self.conn.execute(update(t.device_key).where(t.device_key.c.enrolment == enrolment).values(**values))

    def take_numbers(self, use: str, size: int) -> int:
        """First number of a fresh range of `size`; ranges never overlap."""
        row = self.conn.execute(select(t.block.c.next_no).where(t.block.c.use == use).with_for_update()).first()
        first = row.next_no if row else 1
        if row:
            self.conn.execute(update(t.block).where(t.block.c.use == use).values(next_no=first + size))
        else:
            self.conn.execute(insert(t.block).values(use=use, next_no=first + size))
        return int(first)

    def numbers_given(self) -> dict[str, int]:
        """use → the next number nobody has."""
        return {r.use: int(r.next_no) for r in self.conn.execute(select(t.block).order_by(t.block.c.use))}

    def skip_numbers(self, use: str, up_to: int) -> None:
        """Numbers below `up_to` are not handed out any more."""
        self.conn.execute(update(t.block).where(t.block.c.use == use, t.block.c.next_no < up_to).values(next_no=up_to))

    def first_use(self, jti: str, expires_at: int, now: int) -> bool:
        """A signed assertion counts once."""
        self._clear_out(t.seen_assertion, t.seen_assertion.c.expires_at < now)
        if self.conn.execute(select(t.seen_assertion.c.jti).where(t.seen_assertion.c.jti == jti)).first():
            return False
        self.conn.execute(insert(t.seen_assertion).values(jti=jti, expires_at=expires_at))
        return True

    def _clear_out(self, table: Table, gone: ColumnElement[bool]) -> None:
        """Rows another transaction is at are left to it: two that clear out at once must not wait for each other."""
        (key,) = table.primary_key
        free = select(key).where(gone).with_for_update(skip_locked=True)
        self.conn.execute(delete(table).where(key.in_(free)))

    def add_session(self, hash: str, person: str, username: str, seen_at: int, expires_at: int) -> None:
        """Sessions that ended are cleared out on the way."""
        self._clear_out(t.web_session, t.web_session.c.expires_at < seen_at)
        values = {"hash": hash, "person": person, "username": username, "seen_at": seen_at, "expires_at": expires_at}
        self.conn.execute(insert(t.web_session).values(**values))

    def session(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.web_session).where(t.web_session.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def touch_session(self, hash: str, seen_at: int) -> None:
        self.conn.execute(update(t.web_session).where(t.web_session.c.hash == hash).values(seen_at=seen_at))

    def drop_session(self, hash: str) -> None:
        self.conn.execute(delete(t.web_session).where(t.web_session.c.hash == hash))

    def throttle(self, key: str) -> int:
        """When this bucket is full again; 0 = it is. Others who ask for it wait for this transaction."""
        wait_turn(self.conn, key)
        found = select(t.throttle.c.free_at).where(t.throttle.c.key == key)
        return int(self.conn.execute(found).scalar() or 0)

    def set_throttle(self, key: str, free_at: int, now: int) -> None:
        """Buckets that are full again are cleared out on the way."""
        c = t.throttle.c
        self._clear_out(t.throttle, (c.free_at < now) & (c.key != key))
        if free_at > now:
            upsert(self.conn, t.throttle, {"key": key, "free_at": free_at})
        else:
            self.conn.execute(delete(t.throttle).where(c.key == key))

    # --- what people did -----------------------------------------------------------------------------------------

    def note(self, at: str, by: str, action: str, about: str, **detail: Any) -> None:
        """Into the audit log."""
        text = json.dumps(detail, ensure_ascii=False) if detail else None
        self.conn.execute(insert(t.audit).values(at=at, by=by, action=action, about=about, detail=text))

    def notes(self, about: str | None = None, limit: int = 1000) -> list[Mapping[str, Any]]:
        """The newest first."""
        query = select(t.audit).order_by(t.audit.c.n.desc()).limit(limit)
        rows = self.conn.execute(query if about is None else query.where(t.audit.c.about == about)).mappings()
        return [{**row, "detail": json.loads(row["detail"] or "{}")} for row in rows]
