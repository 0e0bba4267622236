"""Writing one record through its form: begin, amend, go on, fill as the last one, finish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from field_app.capture.position import STALE_S, as_values
from field_app.desks.drafting import BASE, Draft, Live, set_at
from field_app.desks.naming import Naming
from field_app.desks.repeat import repeated
from field_app.form import CHIPS, Means, defaults, given
from field_app.store import Seen, Store
from field_app.words import WORDS
from schemas.fields import RecordField, fields_of
from schemas.records import TYPES
from schemas.rows import pointers_of, refs_of

if TYPE_CHECKING:
    from field_app.state import State

# Whoever writes these is the one they are about.
MYSELF = {("calibration", "person_id"), ("review_decision", "person_id")}
AT = "at"  # the moment of what is recorded; the form begins with now


class Writing(Naming):
    def __init__(self, host: State, store: Store) -> None:
        super().__init__(host, store)
        self._draft: Draft | None = None
        self._missing = ""  # the record a form was asked for and that is not here
        self._few: dict[str, dict[str, str]] = {}  # type → some records to choose from; more than CHIPS: there are more
        self._busy = False

    draft = property(lambda self: self._draft)
    missing = property(lambda self: self._missing)

    # --- beginning -----------------------------------------------------------------------------------------------

    def begin(self, type: str, scope: str = "", **values: Any) -> None:
        """A new record, some of it filled in already."""
        self._draft = None
        self._host.go("form", type=type, id=self._store.new_id(), scope=scope, given=values)

    def amend(self, type: str, record: str, scope: str) -> None:
        self._draft = None
        self._host.go("form", type=type, id=record, scope=scope)

    def again(self, type: str, values: Mapping[str, Any]) -> None:
        """A new record that begins as another one."""
        copied = repeated(TYPES[type], values, TYPES[type].about.key)
        self.begin(type, _copied=len(copied), **copied)

    async def take(self, type: str, id: str, scope: str = "", given: Mapping[str, Any] | None = None, **_: Any) -> None:
        """The form's record: its draft where there is one, else the record itself, else a new one."""
        if self._draft is not None and self._draft.id == id:
            return
        self._missing = ""
        self._draft = await self._host._do(self._taken, type, id, scope, dict(given or {}))
        if self._draft is None:
            self._missing = id
        self._host.here.start()
        self.notify()  # type: ignore[attr-defined]

    def _taken(self, type: str, id: str, scope: str, given_: dict[str, Any]) -> Draft | None:
        self.read_rights()
        self._few = {ref: self._choices(ref) for ref in _refs(TYPES[type])}
        copied = given_.pop("_copied", 0)
        kept = next((d for d in self._store.drafts(type) if d.id == id), None)
        seen = self._store.get(type, id)
        if kept is not None:
            values = {n: v for n, v in kept.values.items() if not n.startswith("_")}
            base = kept.values.get(BASE) or (dict(seen.values) if seen else None)
            draft = Draft(type, id, kept.scope, values, base, touched=True)
        elif seen is not None:
            draft = Draft(type, id, seen.scope, dict(seen.values), dict(seen.values))
        elif self._store.history(id):  # voided, or not the person's to see any more
            return None
        else:
            draft = Draft(type, id, scope or self.home_of(type), self._fresh(type, given_), repeated=copied)
        self._learn(refs_of(type, draft.values))
        return draft

    def _fresh(self, type: str, given_: Mapping[str, Any]) -> dict[str, Any]:
        cls, identity = TYPES[type], self._store.identity
        values = defaults(cls)
        for name, f in fields_of(cls).items():
            few = self._few.get(f.spec.ref or "", {})
            if name == AT and f.kind == "datetime":
                values[name] = self._host.now().isoformat(timespec="seconds")
            elif (type, name) in MYSELF and identity is not None:
                values[name] = identity.person
            elif f.required and f.kind == "text" and len(few) == 1:
                values[name] = next(iter(few))  # nothing else could be meant
        return {**values, **given_}

    def _choices(self, ref: str) -> dict[str, str]:
        """Up to CHIPS records of a type with their names, or one more than that."""
        if ref not in TYPES:
            return {}
        rows = self._store.page(ref, limit=CHIPS + 1, newest=True, skip=self._elsewhere()).rows
        for row in rows:
            self._names[ref, row.id] = self._title(ref, row.values) or row.id[-6:]
        return {row.id: self._names[ref, row.id] for row in rows}

    # --- editing -------------------------------------------------------------------------------------------------

    def set(self, name: str, value: Any) -> None:
        """One field, kept at once."""
        draft = self._draft
        if draft is None or draft.values.get(name) == value:
            return
        self._set_all({**draft.values, name: value} if value is not None else _without(draft.values, name))

    def _set_all(self, values: dict[str, Any]) -> None:
        draft = self._draft
        if draft is None:
            return
        draft.values, draft.touched = values, True
        self._host._write(self._store.save_draft, draft.type, draft.id, draft.scope, draft.kept)
        self.notify()  # type: ignore[attr-defined]

    def live(self) -> Mapping[str, Any]:
        draft = self._draft
        return Live(lambda: draft.values) if draft else {}

    def options(self, ref: str) -> Mapping[str, str]:
        return self._few.get(ref, {})

    def means(self, guarded: Callable[[Callable[..., Any]], Callable[..., Any]], own: Mapping[str, Any]) -> Means:
        def choose(path: str) -> Callable[..., Any]:
            return guarded(lambda _: self.choose(path))

        def name(ref: str, record: str) -> str:
            kind = str((self._draft.values if self._draft else {}).get("subject_kind")) if ref == "*" else ref
            text = self.called(kind, record)
            about = TYPES[kind].about if ref == "*" and kind in TYPES else None
            return f"{about[1 if self._host.lang == 'zh' else 2]} {text}" if about else text

        return Means(self._host.now, self.fix, name, choose, own)

    def fix(self) -> dict[str, Any] | None:
        """Where we are now, averaged while nobody walked; None (and told) without a fresh position."""
        here, now = self._host.here, self._host.now()
        fix = here.mean or here.fix
        if fix is None or fix.age_s(now) > STALE_S:
            self._host.tell("warn", WORDS["form.pos.stale"], WORDS["form.pos.stale.why"])
            return None
        return as_values(fix, now)

    async def repeat(self) -> None:
        """Fill what is empty, or stands as it began, from the last record of the type."""
        draft = self._draft
        if draft is None:
            return
        found = await self._host._do(self._last, draft.type, draft.id)
        if found is None:
            self._host.tell("warn", WORDS["form.repeat.none"])
            return
        cls = TYPES[draft.type]
        begun = defaults(cls)
        copied = {
            n: v for n, v in repeated(cls, found.values, cls.about.key).items()
            if not given(draft.values.get(n)) or draft.values[n] == begun.get(n)
        }  # fmt: skip
        draft.repeated = len(copied)
        self._set_all({**draft.values, **copied})

    def _last(self, type: str, but: str) -> Seen | None:
        rows = self._store.page(type, limit=2, newest=True, skip=self._elsewhere()).rows
        last = next((r for r in rows if r.id != but), None)
        if last is not None:
            self._learn(refs_of(type, last.values))
        return last

    # --- a reference ---------------------------------------------------------------------------------------------

    def choose(self, path: str) -> None:
        draft = self._draft
        if draft is None:
            return
        if not draft.touched:
            self._set_all(dict(draft.values))  # so that it is there after a kill on the next page
        self._host.go(
            "pick", type=draft.type, id=draft.id, scope=draft.scope, path=path, ref=_field_at(draft.type, path).spec.ref
        )

    async def picked(self, seen: Seen | None, path: str) -> None:
        """The record chosen there, or none; back to the form."""
        draft = self._draft
        if draft is not None:
            if seen is None:
                self._set_all(set_at(draft.values, path, None))
            else:
                await self._host._do(self._learn, [(seen.type, seen.id)])
                field = _field_at(draft.type, path)
                values = set_at(draft.values, path, seen.id, field.kind == "list")
                if field.spec.ref == "*":
                    values = {**values, "subject_kind": seen.type}
                    draft.scope = seen.scope
                self._set_all(_named(draft.type, values, path, seen))
        self._host.back()


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {n: v for n, v in values.items() if n != name}


def _refs(cls: Any) -> Iterator[str]:
    """Types a record's fields refer to, rows of value classes too."""
    found = set()

    def walk(pointers: Iterable[Any]) -> None:
        for p in pointers:
            if p.target:
                found.add(p.target)
            walk(p.inside)

    walk(pointers_of(cls))
    return iter(sorted(found - {"*"}))


def _field_at(type: str, path: str) -> RecordField:
    """The field a path leads to: "officers.0.person_id"."""
    names = [part for part in path.split(".") if not part.isdecimal()]
    field = fields_of(TYPES[type])[names[0]]
    for name in names[1:]:
        assert field.model is not None
        field = fields_of(field.model)[name]
    return field


def _named(type: str, values: dict[str, Any], path: str, seen: Seen) -> dict[str, Any]:
    """A row that asks for a person's name as well gets it, where it has none yet."""
    above, _, last = path.rpartition(".")
    name = seen.values.get("name")
    if seen.type != "person" or not above or last != "person_id" or not name:
        return values
    row: Any = values
    for part in above.split("."):
        row = row[int(part)] if isinstance(row, list) else row.get(part, {})
    return values if row.get("name") else set_at(values, f"{above}.name", name)
