"""How a broken promise is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Broken(AssertionError):
    """A promise was not kept."""


def want(true: Any, text: str | Callable[[], str]) -> None:
    if not true:
        raise Broken(text if isinstance(text, str) else text())


def same(what: str, wanted: dict[str, Any], have: dict[str, Any]) -> None:
    if wanted != have:
        odd = [(k, wanted.get(k), have.get(k)) for k in {*wanted, *have} if wanted.get(k) != have.get(k)]
        want(False, f"{what}: {len(odd)} differ, first: {odd[0][0]}\n  wanted {odd[0][1]}\n  there  {odd[0][2]}")
