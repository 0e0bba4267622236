"""A project's own checklists, and its recurring duties and facilities, as people write them at the console. One transaction each.

A version of a list is frozen once it was published: its answers belong to it for ever. What changes is a new version.
"""

from __future__ import annotations

from typing import Any

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.rules.checklists.publishing import frozen
from sync_server.service.base import Write
from sync_server.service.planning import Planning, refused
from sync_server.store import Stored, Tx, Values

LIST = "checklist"
ROUNDS = ("duty", "facility")


class Checklists(Planning):
    def keep_checklist(
        self,
        person: str,
        project: str,
        id: str,
        scope: str,
        values: Values,
        seen: int | None,
        action: str,
        **detail: Any,
    ) -> str:
        """Write one version of a list. `seen`: the seq it was read at; None: it is a new one.

        Raises Trouble 2003, 2004 (also for a list of another project), 3001, 3122 (somebody changed it meanwhile), 6401
        (published: frozen). Returns its id."""
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            lists = [s for s in tx.of_scope(LIST, scope) if not s.values.get("deleted")]
            old = next((s for s in lists if s.id == id), None)
            if seen is not None:
                if old is None or not _here(old, project):
                    raise Trouble(2004)
                if old.seq != seen:
                    raise Trouble(3122, who=self._who_last(tx, id))
                if frozen(old.values, values):
                    name = {"zh": old.values.get("title_zh", "?"), "en": old.values.get("title_en", "?")}
                    raise Trouble(6401, list=name, version=old.values.get("version", "?"))
            code, version = values.get("code"), values.get("version")
            if any(s.id != id and (s.values.get("code"), s.values.get("version")) == (code, version) for s in lists):
                zh, en = (
                    f"{code} 第 {version} 版已经有了，换一个编号",
                    f"There is a list {code}, version {version}; take another code",
                )
                raise refused([Fault("code", zh, en)])
            self._write_in(tx, person, scope, [Write(LIST, id, scope, values)])
            tx.note(self.now(), person, action, id, owner=project, code=code, version=version, **detail)
        return id

    def checklists(self, project: str, scope: str) -> list[Stored]:
        """The lists of the organisation and of this project, by code, the newest version first; drafts too, voided ones not."""
        with self.store.reading() as tx:
            found = [s for s in tx.of_scope(LIST, scope) if not s.values.get("deleted") and _here(s, project)]
        return sorted(found, key=lambda s: (str(s.values.get("code")), -int(s.values.get("version", 0)), s.id))

    def versions_of_checklists(self, scope: str) -> list[tuple[str, int]]:
        """Every code and version there ever was, of whatever project, voided ones included."""
        with self.store.reading() as tx:
            return [(str(s.values.get("code")), int(s.values.get("version", 0))) for s in tx.of_scope(LIST, scope)]

    def stored_checklist(self, project: str, id: str, scope: str) -> Stored:
        """Raises Trouble 2004, also for one of another project."""
        with self.store.reading() as tx:
            return _of(tx, LIST, id, scope, project)

    # --- rounds and what they go to ----------------------------------------------------------------------------------

    def keep_round(self, person: str, project: str, type: str, id: str, values: Values, seen: int | None) -> str:
        """A recurring duty or a facility, made or changed. Raises Trouble 2003, 2004, 3001, 3122. Returns its id."""
        scope = f"{project}.{Audience.ENFORCEMENT.value}"
        with self.store.writing() as tx:
            if type not in ROUNDS or tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            if seen is not None:
                old = _of(tx, type, id, scope)
                if old.seq != seen:
                    raise Trouble(3122, who=self._who_last(tx, id))
            self._write_in(tx, person, scope, [Write(type, id, scope, values)])
            tx.note(self.now(), person, "round_edit", id, owner=project, type=type)
        return id

    def stored_round(self, project: str, type: str, id: str) -> Stored:
        """Raises Trouble 2004."""
        if type not in ROUNDS:
            raise Trouble(2004)
        with self.store.reading() as tx:
            return _of(tx, type, id, f"{project}.{Audience.ENFORCEMENT.value}")


def _here(s: Stored, project: str) -> bool:
    """Is it a list of this project, or one of the organisation for all?"""
    return s.values.get("project_id") in (None, project)


def _of(tx: Tx, type: str, id: str, scope: str, project: str = "") -> Stored:
    found = [] if "\0" in id else [s for s in tx.load(type, [id]) if s.scope == scope and not s.values.get("deleted")]
    if not found or (project and not _here(found[0], project)):
        raise Trouble(2004)
    return found[0]
