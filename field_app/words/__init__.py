"""Every sentence the app itself says, Chinese and English: a file per room. Names of fields and codes live with the record types.

What, where, what to do: short, no blame. `say` with an unknown key fails loudly, so a missing word is found by a test.
"""

from __future__ import annotations

import importlib
import pkgutil
from datetime import datetime


def _gathered() -> dict[str, tuple[str, str]]:
    out: dict[str, tuple[str, str]] = {}
    for module in pkgutil.iter_modules(__path__):
        for key, texts in importlib.import_module(f"{__name__}.{module.name}").WORDS.items():
            assert key not in out, f"{key} stands twice"
            out[key] = texts
    return out


WORDS = _gathered()

_WEEK = ("一二三四五六日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def say(lang: str, key: str, **words: object) -> str:
    text = WORDS[key][0 if lang == "zh" else 1]
    return text.format(**words) if words else text


def both(key: str, **words: object) -> tuple[str, str]:
    """Chinese and English, where it is not known yet which will be read."""
    return say("zh", key, **words), say("en", key, **words)


def day(lang: str, at: datetime) -> str:
    """11月21日 周六 / Sat 21 Nov."""
    if lang == "zh":
        return f"{at.month}月{at.day}日 周{_WEEK[0][at.weekday()]}"
    return f"{_WEEK[1][at.weekday()]} {at.day} {_MONTHS[at.month - 1]}"


def clock(lang: str, at: datetime, now: datetime) -> str:
    """今天 14:31, 11-21 14:31, 2025-11-21: as short as it stays clear."""
    at = at.astimezone(now.tzinfo)
    if at.date() == now.date():
        return f"{'今天' if lang == 'zh' else 'today'} {at:%H:%M}"
    return f"{at:%m-%d %H:%M}" if at.year == now.year else f"{at:%Y-%m-%d}"
