"""What the console says, Chinese and English side by side, a file per room. Words of fields, codes and checks come from `schemas`."""

from __future__ import annotations

from collections.abc import Callable

from schemas.reference import Label
from sync_server.console.words import (
    checklists,
    common,
    exports,
    inspections,
    leads,
    manifests,
    maps,
    mine,
    overview,
    people,
    planning,
    public,
    record,
    review,
    tables,
    transfer,
    waiting,
)

LANGS = ("zh", "en")

ROOMS = (
    common,
    overview,
    maps,
    tables,
    record,
    review,
    waiting,
    planning,
    people,
    exports,
    manifests,
    transfer,
    leads,
    mine,
    inspections,
    checklists,
    public,
)


def _merged() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for room in ROOMS:
        twice = found.keys() & room.WORDS.keys()
        if twice:
            raise RuntimeError(f"{room.__name__}: {sorted(twice)} is another room's word")
        found |= room.WORDS
    return found


_WORDS = _merged()

_COMPASS = (
    ("北", "N"),
    ("东北", "NE"),
    ("东", "E"),
    ("东南", "SE"),
    ("南", "S"),
    ("西南", "SW"),
    ("西", "W"),
    ("西北", "NW"),
)

Words = Callable[..., str]


def words(lang: str) -> Words:
    """`w("as_of", t="18:45")` in the reader's language. A missing word raises KeyError: a test meets it, not a person."""
    n = LANGS.index(lang)

    def say(key: str, **parts: object) -> str:
        text = _WORDS[key][n]
        return text.format(**parts) if parts else text

    return say


def pick(label: Label, lang: str) -> str:
    return label.zh if lang == "zh" else label.en


def compass(bearing: float, lang: str) -> str:
    """东北 48°"""
    return f"{_COMPASS[round(bearing / 45) % 8][LANGS.index(lang)]} {round(bearing) % 360}°"
