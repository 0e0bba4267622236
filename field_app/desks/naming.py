"""Who may write what, and what records are called: what every page about records asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from field_app.form import given
from field_app.store import Store
from schemas.fields import Audience, fields_of
from schemas.records import TYPES
from schemas.shown import title_fields
from schemas.wire import ScopeGrant

if TYPE_CHECKING:
    from field_app.state import State

# Made by steps of their own, never by a form: a photo needs its file, a checklist is a program's, not a person's, text; a manifest
# and its legs are signed while they are made, and a hand-over code is what was read.
NOT_BY_HAND = ("photo", "checklist", "manifest", "manifest_leg", "hand_over")
# What of a record is a person's word; the rest was noted by the device and is evidence.
BY_HAND = {"photo": ("step", "subject_id", "depth_m", "caption", "note")}


class Naming:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._grants: list[ScopeGrant] = []
        self._names: dict[tuple[str, str], str] = {}

    # --- rights --------------------------------------------------------------------------------------------------

    def read_rights(self) -> None:
        """What the person may write; asked anew with every page, and whenever the app looks into the store."""
        self._grants = self._store.scopes()

    def _elsewhere(self) -> set[str]:
        """Scopes of other projects than the chosen one."""
        project, organisation = self._host.book.project_id, Audience.ORGANISATION.value
        return {g.scope for g in self._grants if project and g.owner != project and g.audience != organisation}

    @property
    def only_party(self) -> bool:
        """Does every grant hand in without reading?"""
        return bool(self._grants) and not any(g.reads for g in self._grants)

    def roles_in(self, scope: str) -> tuple[str, ...]:
        """What the person is in a scope; () where nothing."""
        return tuple(r for g in self._grants if g.scope == scope for r in g.roles)

    def may_write(self, type: str, scope: str) -> bool:
        return any(g.scope == scope and type in g.writes for g in self._grants)

    def home_of(self, type: str) -> str:
        """The scope a new record of a type goes into; "" where the person may write none. What hangs on other records goes
        where they are, and begins in the project's own."""
        skip = self._elsewhere()
        fits = [g for g in self._grants if type in g.writes and g.scope not in skip]
        audience = TYPES[type].about.audience
        if audience is not Audience.SUBJECT:
            fits = [g for g in fits if g.audience == audience.value]
        fits.sort(key=lambda g: (g.owner != self._host.book.project_id, g.audience != Audience.FIELD.value))
        return fits[0].scope if fits else ""

    def may_make(self, type: str) -> bool:
        return type not in NOT_BY_HAND and bool(self.home_of(type))

    # --- names ---------------------------------------------------------------------------------------------------

    def called(self, type: str, record: str) -> str:
        """What a record is called; the end of its id where it is not known here."""
        return self._names.get((type, record)) or next(
            (n for (_, r), n in self._names.items() if r == record), record[-6:]
        )

    def _learn(self, refs: Iterable[tuple[str, str]]) -> None:
        for type, record in refs:
            if (type, record) not in self._names and type in TYPES:
                seen = self._store.get(type, record, deleted=True)
                if seen is not None:
                    self._names[type, record] = self._title(type, seen.values) or record[-6:]

    def _title(self, type: str, values: Mapping[str, Any], deep: bool = True) -> str:
        """With the names of what the title refers to, one step far. Codes are left to the page, which knows the language."""
        known, parts = fields_of(TYPES[type]), []
        for name in title_fields(type):
            value, ref = values.get(name), known[name].spec.ref
            if not given(value) or known[name].spec.codes:
                continue
            if ref and isinstance(value, str):
                kind = str(values.get("subject_kind")) if ref == "*" else ref
                if (kind, value) not in self._names and kind in TYPES and deep:
                    seen = self._store.get(kind, value, deleted=True)
                    if seen is not None:
                        self._names[kind, value] = self._title(kind, seen.values, deep=False) or value[-6:]
                parts.append(self._names.get((kind, value), value[-6:]))
            else:
                parts.append(str(value))
        return " ".join(parts)
