"""完成 of a form: a new record into the journal, or only what was changed of an old one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from field_app.desks.drafting import Draft, Gap
from field_app.desks.writing import Writing
from field_app.store import Edit
from field_app.words import WORDS
from schemas.fields import atoms_of, fields_of
from schemas.records import TYPES


class Told(NamedTuple):
    """What came of 完成: gone into the journal, or not yet."""

    done: bool
    title: tuple[str, str]
    why: tuple[str, str] = WORDS["form.moved.why"]


class Finishing(Writing):
    def today(self) -> date:
        now: datetime = self._host.now()
        return now.date()

    def gaps(self) -> list[Gap]:
        draft = self._draft
        if draft is None:
            return []
        found = draft.gaps(self.today())
        if not self.may_write(draft.type, draft.scope):
            about = TYPES[draft.type].about
            zh, en = WORDS["form.may_not"]
            found.insert(0, Gap("", (zh.format(name=about.zh), en.format(name=about.en))))
        return found

    async def finish(self) -> str | None:
        """完成: the record goes into the journal, or the first thing it lacks is named (its path in the form)."""
        draft = self._draft
        if draft is None or self._busy:
            return None
        gaps = self.gaps()
        if gaps:
            draft.told = True
            self.notify()  # type: ignore[attr-defined]
            return gaps[0].path
        self._busy = True
        try:
            told = await self._host._do(self._finalize, draft)
        finally:
            self._busy = False
        if not told.done:  # somebody changed the same fields meanwhile, or voided the record: looked at first
            self._host.tell("warn", told.title, told.why)
            return None
        self._draft = None
        await self._host.load()
        self._host.back()
        self._host.tell("done", told.title, WORDS["one.kept.here"])
        return None

    def _finalize(self, draft: Draft) -> Told:
        about, today = TYPES[draft.type].about, self.today()
        name = self._title(draft.type, draft.values)
        zh, en = (f"{about.zh} {name}".strip(), f"{about.en} {name}".strip())
        if draft.base is None:
            self._store.finalize([Edit(draft.type, draft.id, draft.scope, draft.finished(today))])
            return Told(True, _filled("form.finished", zh, en))
        changed = draft.changed(today)
        seen = self._store.get(draft.type, draft.id)
        if seen is None:  # an edit on nothing would bring it back, and empty
            return Told(False, _filled("form.voided", zh, en), WORDS["form.voided.why"])
        now: dict[str, Any] = dict(seen.values)
        atoms = atoms_of(TYPES[draft.type])
        touched = {atoms.get(n, n) for n in changed}
        together = [n for n in {**draft.base, **now, **changed} if atoms.get(n, n) in touched]
        moved = [n for n in together if now.get(n) not in (draft.base.get(n), changed.get(n, draft.base.get(n)))]
        if moved:
            return Told(False, self._moved(draft, moved, now))
        if not changed:
            self._store.drop_draft(draft.id)
            return Told(True, WORDS["form.same"])
        after = {**now, **changed}
        self._store.finalize(
            [Edit(draft.type, draft.id, draft.scope, {n: v for n, v in after.items() if v is not None})], complete=False
        )
        return Told(True, _filled("form.amended", zh, en, n=len(changed)))

    def _moved(self, draft: Draft, moved: list[str], now: dict[str, Any]) -> tuple[str, str]:
        """The record was changed by a pull while it was amended here: said once; what is typed here stays, and is then set
        against what is there now."""
        known = fields_of(TYPES[draft.type])
        labels = [known[n].spec for n in moved if n in known]
        values = "、".join(str(now.get(n, "–")) for n in moved)
        changed = draft.changed(self.today())
        draft.values = {
            **{n: v for n, v in now.items() if n not in changed},
            **{n: v for n, v in changed.items() if v is not None},
        }
        draft.base = dict(now)
        self._store.save_draft(draft.type, draft.id, draft.scope, draft.kept)
        zh, en = WORDS["form.moved"]
        return (zh.format(fields="、".join(s.zh for s in labels), values=values),
                en.format(fields=", ".join(s.en for s in labels), values=values))  # fmt: skip

    async def drop(self) -> None:
        """The draft is thrown away, after a question."""
        draft = self._draft
        if draft is not None:
            await self._host._do(self._store.drop_draft, draft.id)
            self._draft = None
            self._host.back()


def _filled(key: str, zh: str, en: str, **words: object) -> tuple[str, str]:
    text = WORDS[key]
    return text[0].format(name=zh, **words), text[1].format(name=en, **words)
