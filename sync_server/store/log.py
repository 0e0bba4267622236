"""Statements about the audit log: pages of it, sought by who, what, when and words. What is written to it is `note` (people.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select

from sync_server.store import tables as t
from sync_server.store.engine import listed
from sync_server.store.rows import Noted

NEWEST = 10_000


class Sought(NamedTuple):
    """Which lines. `owner`: of this project alone; `by`: one of these people (an empty list: nobody); `actions`: one of these;
    `since`, `until`: RFC 3339 in UTC, the last one not among them; `words`: stand in what it is about or in its detail; `about`:
    or it is about, or by, one of these."""

    owner: str | None = None
    by: Sequence[str] | None = None
    actions: Sequence[str] | None = None
    since: str = ""
    until: str = ""
    words: str = ""
    about: Sequence[str] = ()


class LogStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def log_page(self, sought: Sought, n: int | None, limit: int, down: bool = True) -> list[Noted]:
        """At most `limit` lines: the next older than line `n` (None: the newest of all), or (`down` false) the next newer ones,
        these too with the newest first."""
        c = t.audit.c
        which = _which(sought)
        if n is not None:
            which.append(c.n < n if down else c.n > n)
        rows = self.conn.execute(select(t.audit).where(*which).order_by(c.n.desc() if down else c.n).limit(limit))
        found = [_noted(r) for r in rows.mappings()]
        return found if down else found[::-1]

    def notes_about(self, about: Sequence[str], actions: Sequence[str]) -> list[tuple[str, str, str]]:
        """(about, action, at) of these actions, in the order they were noted."""
        these, given = listed(self.conn, about)
        wanted, chosen = listed(self.conn, actions)
        sql = f"SELECT about,action,at FROM audit WHERE about IN {these} AND action IN {wanted} ORDER BY n"
        return [(about, action, at) for about, action, at in self.conn.exec_driver_sql(sql, (given, chosen))]

    def log_actions(self, owner: str | None = None) -> list[str]:
        """The actions of the newest lines: of all of a long log they would have to be looked for in every line."""
        c = t.audit.c
        newest = (
            select(c.action).where(*([] if owner is None else [c.owner == owner])).order_by(c.n.desc()).limit(NEWEST)
        )
        recent = newest.subquery()
        return sorted(self.conn.execute(select(recent.c.action).distinct()).scalars())


def _which(s: Sought) -> list[ColumnElement[bool]]:
    c = t.audit.c
    out: list[ColumnElement[bool]] = []
    if s.owner is not None:
        out.append(c.owner == s.owner)
    if s.by is not None:
        out.append(c.by.in_(s.by))
    if s.actions is not None:
        out.append(c.action.in_(s.actions))
    if s.since:
        out.append(c.at >= s.since)
    if s.until:
        out.append(c.at < s.until)
    if s.words:
        said = [
            c.about.icontains(s.words, autoescape=True),
            c.detail.icontains(s.words, autoescape=True),
            c.by == s.words,
        ]
        out.append(or_(*said, *([c.about.in_(s.about), c.by.in_(s.about)] if s.about else [])))
    return out


def _noted(r: Mapping[Any, Any]) -> Noted:
    return Noted(r["n"], r["at"], r["by"], r["action"], r["about"], r["owner"], json.loads(r["detail"] or "{}"))
