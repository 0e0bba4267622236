"""Transfer plans as people write them at the console: drafts, filings, suspending, new versions. One transaction each.

A version is frozen as soon as it was submitted to an authority (土壤污染防治法第41条: reported beforehand): what changes is a new
version, which has to be filed again. What may still come to it are receipts, further filings, and being suspended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import TYPES
from schemas.rules.transfer_plan import FREE, frozen
from sync_server.service.base import Write
from sync_server.service.planning import Planning, refused
from sync_server.store import Stored, Tx, Values

PLAN = "transfer_plan"
# what a new version begins without: its own authorities have not seen it
OF_ONE_VERSION = (*sorted(FREE - {"note"}), "deleted", "void_reason", "late_entry_reason", "changed_what", "extra")


def submitted(values: Mapping[str, Any]) -> bool:
    """Was this version handed to an authority?"""
    return bool(values.get("filings"))


def change_refused(old: Mapping[str, Any], new: Mapping[str, Any]) -> Trouble | None:
    """6301 where a submitted version would say something else than the authorities were given; 3001 where what was noted of a
    filing would be taken back. Pure."""
    what = frozen(old, new)
    if what == "contents":
        return Trouble(6301, version=old.get("version", "?"))
    if what == "filings":
        zh, en = (
            "报送记录只能补回执，不能改、不能删",
            "A filing can be given its receipt; it is not altered or taken out",
        )
        return refused([Fault("filings", zh, en)])
    return None


class Transfers(Planning):
    def keep_transfer_plan(
        self, person: str, project: str, id: str, values: Values, seen: int | None, action: str, **detail: Any
    ) -> str:
        """Write one version of a transfer plan, with a note in the log. `seen`: the seq it was read at; None: it is a new one.

        Raises Trouble 2003, 2004, 3001, 3122 (somebody changed it meanwhile), 6301 (submitted: frozen). Returns its id."""
        scope = f"{project}.transfer"
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            versions = [s for s in tx.of_scope(PLAN, scope) if not s.values.get("deleted")]
            old = next((s for s in versions if s.id == id), None)
            if seen is not None and old is None:
                raise Trouble(2004)
            if old is not None:
                if old.seq != seen:
                    raise Trouble(3122, who=self._who_last(tx, id))
                if (no := change_refused(old.values, values)) is not None:
                    raise no
            self._only_one(versions, id, values)
            self._write_in(tx, person, scope, [Write(PLAN, id, scope, values)])
            tx.note(
                self.now(),
                person,
                action,
                id,
                owner=project,
                code=values.get("code"),
                version=values.get("version"),
                **detail,
            )
        return id

    def amend_transfer_plan(self, person: str, project: str, id: str, seen: int, what: str) -> str:
        """The next version of a submitted plan, a draft with the same contents. `what`: what is going to be amended.

        Raises Trouble 2003, 2004, 3001, 3122. Returns the id of the new version."""
        scope, new = f"{project}.transfer", self.new_id()
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            versions = [s for s in tx.of_scope(PLAN, scope) if not s.values.get("deleted")]
            old = next((s for s in versions if s.id == id), None)
            if old is None:
                raise Trouble(2004)
            if old.seq != seen:
                raise Trouble(3122, who=self._who_last(tx, id))
            top = max(
                (s for s in versions if s.values["code"] == old.values["code"]), key=lambda s: s.values["version"]
            )
            if not submitted(top.values):
                n = top.values["version"]
                raise refused(
                    [
                        Fault(
                            "changed_what", f"第 {n} 版还没报送，直接改它", f"Version {n} is not submitted yet: edit it"
                        )
                    ]
                )
            if not what.strip():
                raise refused([Fault("changed_what", "写明要变更什么", "Say what is going to be amended")])
            values = {k: v for k, v in top.values.items() if k not in OF_ONE_VERSION}
            values |= {"version": top.values["version"] + 1, "changed_what": what.strip()}
            self._write_in(tx, person, scope, [Write(PLAN, new, scope, values)])
            tx.note(self.now(), person, "transfer_amend", new, owner=project, code=values["code"], version=values["version"],
                    of=top.id, what=what.strip()[:200])  # fmt: skip
        return new

    def keep_thing(
        self, person: str, project: str, type: str, id: str, scope: str, values: Values, seen: int | None
    ) -> str:
        """A vehicle, an organisation or a soil lot that plans name, made or changed at the console.

        Raises Trouble 2003, 2004, 3001, 3122. Returns its id."""
        with self.store.writing() as tx:
            if tx.scope(scope, lock=True) is None:
                raise Trouble(2004)
            if seen is not None:
                found = [s for s in tx.load(type, [id]) if s.scope == scope and not s.values.get("deleted")]
                if not found:
                    raise Trouble(2004)
                if found[0].seq != seen:
                    raise Trouble(3122, who=self._who_last(tx, id))
            self._write_in(tx, person, scope, [Write(type, id, scope, values)])
            tx.note(self.now(), person, "transfer_thing", id, owner=project, type=type, scope=scope)
        return id

    def stored_transfer_plan(self, project: str, id: str) -> Stored:
        """Raises Trouble 2004, also for one of another project. Who may see it has been asked."""
        with self.store.reading() as tx:
            return _of(tx, PLAN, id, f"{project}.transfer")

    def stored_thing(self, type: str, id: str, scope: str) -> Stored:
        """Raises Trouble 2004."""
        with self.store.reading() as tx:
            return _of(tx, type, id, scope)

    @staticmethod
    def _only_one(versions: Sequence[Stored], id: str, values: Values) -> None:
        named = (values.get("code"), values.get("version"))
        if any(s.id != id and (s.values["code"], s.values["version"]) == named for s in versions):
            code, n = values.get("code"), values.get("version")
            raise refused(
                [
                    Fault(
                        "code",
                        f"编号 {code} 第 {n} 版已经有了，换一个编号",
                        f"There is a plan {code}, version {n}; take another number",
                    )
                ]
            )


def _of(tx: Tx, type: str, id: str, scope: str) -> Stored:
    found = (
        [s for s in tx.load(type, [id]) if s.scope == scope and not s.values.get("deleted")]
        if type in TYPES and "\0" not in id
        else []
    )
    if not found:
        raise Trouble(2004)
    return found[0]
