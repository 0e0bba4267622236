"""Small parts of many pages: signs, pages of a list, numbers and times as they are read. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.words import words

PAGE = 200  # rows a page


class Sign(NamedTuple):
    """A chip: icon, colour, word."""

    icon: str
    colour: str
    word: str


class Pager(NamedTuple):
    first: int
    last: int
    total: int
    previous: int | None
    next: int | None


def pager(total: int, page: int, size: int = PAGE) -> Pager:
    page = min(max(page, 1), max(1, -(-total // size)))
    first = (page - 1) * size
    last = min(total, first + size)
    return Pager(first, last, total, page - 1 if page > 1 else None, page + 1 if last < total else None)


def number(n: int) -> str:
    """Grouped by a no-break space from four digits: 1 050."""
    return f"{n:,}".replace(",", "\u00a0")


def when(at: datetime, now: datetime) -> str:
    """Today 14:31; else 11-21 14:31; other year 2025-11-21."""
    at, now = at.astimezone(SHANGHAI), now.astimezone(SHANGHAI)
    if at.date() == now.date():
        return at.strftime("%H:%M")
    return at.strftime("%m-%d %H:%M") if at.year == now.year else at.strftime("%Y-%m-%d")


def ago(at: datetime, now: datetime, lang: str) -> str:
    w, minutes = words(lang), int((now - at).total_seconds() // 60)
    if minutes < 1:
        return w("just_now")
    if minutes < 60:
        return w("ago_min", n=minutes)
    return w("ago_h", n=minutes // 60) if minutes < 48 * 60 else w("ago_d", n=minutes // 1440)
