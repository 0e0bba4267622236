"""Sentences that are said again and again: ready ones, and those a person kept on this tablet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from field_app.words import WORDS
from schemas.reference import Label

if TYPE_CHECKING:
    from field_app.state import State
    from field_app.store import Store

KEPT = "ui.phrases"  # what a person kept, by part of the record
MOST = 30  # of one person, for one part
LONGEST = 200
NAMES = {
    "body": ("came_along", "working", "stopped", "papers", "ledgers", "fence", "no_board", "clean", "smell", "stains", "photos", "no_objection"),
    "opinion": ("fine", "rectify", "papers", "sample", "amend", "refer"),
}  # fmt: skip
READY = {part: tuple(Label(*WORDS[f"phrase.{part}.{name}"]) for name in names) for part, names in NAMES.items()}


class Phrases:
    """Own ones are this person's, on this tablet only."""

    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._own: dict[str, dict[str, list[str]]] | None = None  # person → part → phrases; None: not read yet

    def own(self, part: str) -> list[str]:
        """The latest first."""
        return list(self._of_me().get(part, []))

    def keep(self, part: str, text: str) -> bool:
        """Keep a sentence; False where there is none, or it is kept already."""
        text = text.strip()[:LONGEST]
        mine = self._of_me()
        if not text or text in mine.get(part, []) or any(text == p.zh for p in READY.get(part, ())):
            return False
        mine[part] = [text, *mine.get(part, [])][:MOST]
        self._write()
        return True

    def drop(self, part: str, text: str) -> None:
        mine = self._of_me()
        mine[part] = [p for p in mine.get(part, []) if p != text]
        self._write()

    def _of_me(self) -> dict[str, list[str]]:
        if self._own is None:
            try:
                kept = json.loads(self._store.meta(KEPT) or "{}")
            except ValueError:
                kept = {}
            self._own = kept if isinstance(kept, dict) else {}
        identity = self._store.identity
        return self._own.setdefault(identity.person if identity else "", {})

    def _write(self) -> None:
        self._host._write(self._store.set_meta, KEPT, json.dumps(self._own, ensure_ascii=False))


def added(text: str, phrase: str) -> str:
    """A sentence behind what is written; once more takes it out again."""
    lines = [line for line in text.split("\n") if line.strip()]
    if phrase in lines:
        return "\n".join(line for line in lines if line != phrase)
    return "\n".join([*lines, phrase])


def last_of(text: str) -> str:
    """The last line: what may be kept as a phrase."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1] if lines else ""
