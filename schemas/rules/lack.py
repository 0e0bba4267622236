"""One thing missing before a step may be done, in both languages."""

from __future__ import annotations

from typing import NamedTuple


class Lack(NamedTuple):
    """`code` names it for programs. `cannot`: it may well be there, but this device cannot know it."""

    code: str
    zh: str
    en: str
    cannot: bool = False
