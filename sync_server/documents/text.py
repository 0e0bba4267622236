"""A value as it stands on paper: whole as far as there is room, harmless, and never wider than its column. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal

from schemas.rules.reconcile.terms import SHANGHAI

CELL, LONG = 400, 20_000  # characters of one cell of a form, and of a text that has its own space
BREAK = "\u200b"  # a place where a line may end, of no width
_RUN = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]{16,}")
_EVERY = 8


def plain(text: object, most: int = CELL, mark: str = "…") -> str:
    """Text that turns nothing around and hides nothing: control and direction characters show as a replacement mark; a long run
    without a blank may be broken. What is longer than `most` is cut, with `mark`."""
    whole = unicodedata.normalize("NFC", str(text)).replace("\r\n", "\n").replace("\r", "\n").strip()
    whole = re.sub(r"\n\s*\n", "\n", whole)
    if len(whole) > most:
        whole = whole[:most].rstrip() + mark
    shown = "".join(
        c if c in "\n" or unicodedata.category(c)[0] != "C" else " " if c == "\t" else "\ufffd" for c in whole
    )
    return _RUN.sub(lambda run: BREAK.join(run[0][n : n + _EVERY] for n in range(0, len(run[0]), _EVERY)), shown)


def when(at: datetime | None) -> str:
    """As a clock in China showed it; "" for none."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else ""


def day(on: date | None) -> str:
    return on.isoformat() if on else ""


def figure(value: Decimal | int | None, unit: str = "") -> str:
    """With the digits it has; "" for none."""
    if value is None:
        return ""
    return f"{value:f} {unit}".rstrip() if isinstance(value, Decimal) else f"{value} {unit}".rstrip()


def signed(value: Decimal, unit: str = "") -> str:
    """A difference: its sign always stands in front."""
    return f"{value:+f} {unit}".rstrip().replace("-", "−")
