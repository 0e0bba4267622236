"""Exports as a person sees them: asked for, watched, fetched by who asked, made again. The work is in export_jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.export.cells import file_name
from sync_server.export.making import Order
from sync_server.export.photos import Shot
from sync_server.export.telling import title
from sync_server.export.wish import Wish
from sync_server.service.base import Caller
from sync_server.service.blobs import Blobs
from sync_server.service.lists import Lists
from sync_server.service.places import Places
from sync_server.service.waiting import Waiting
from sync_server.store import ExportRow, Stored, Tx, Values

MINE = 5  # of one person that have not ended


class Exporting(Lists, Blobs, Places, Waiting):
    _exports: Path | None = None

    # --- for a person --------------------------------------------------------------------------------------------

    def order_export(self, caller: Caller, project: str, wish: Wish) -> str:
        """Ask for a file; it is made beside the work (`look_exports`). Returns the job's id. Raises Trouble 2004, 4503, 4504."""
        at, id = self.now(), self.new_id()
        with self.store.writing() as tx:
            scopes = self._export_scopes(tx, caller.person, project)
            self._can_be(wish, scopes)
            if tx.exports_open(caller.person) >= MINE:
                raise Trouble(4503, limit=MINE)
            name = self._export_name(tx, project, wish, at)
            tx.add_export(id, project, caller.person, wish.told(), name, at)
            told = wish.told()
            detail = {"format": told["format"], "types": told["types"], "query": told["query"]}
            tx.note(at, caller.person, "export", project, owner=project, job=id, **detail)
        return id

    def again_export(self, caller: Caller, id: str) -> str:
        """The same once more, as of now. Returns the new job's id. Raises Trouble 2004, 4503, 4504."""
        row = self.export_of(caller, id)
        try:
            wish = Wish.read(row.wished())
        except (ValueError, KeyError, TypeError, IndexError) as err:  # asked of an older server
            raise _cannot(
                "这个导出的选项本版本已不认识", "this version does not know the options of that export"
            ) from err
        return self.order_export(caller, row.project, wish)

    def cancel_export(self, caller: Caller, id: str) -> bool:
        """False where it had ended already. Raises Trouble 2004."""
        row = self.export_of(caller, id)
        with self.store.writing() as tx:
            done = tx.move_export(row.id, ("waiting", "running"), state="cancelled", ended_at=self.now())
            if done:
                tx.note(self.now(), caller.person, "export_cancelled", row.project, owner=row.project, job=row.id)
        return done

    def exports_of(self, caller: Caller, project: str) -> list[ExportRow]:
        """What a person asked for in a project, the last first."""
        with self.store.reading() as tx:
            return tx.exports_of(caller.person, project)

    def export_of(self, caller: Caller, id: str) -> ExportRow:
        """One of the person's own. Raises Trouble 2004: for anybody else there is none."""
        with self.store.reading() as tx:
            row = tx.export(id)
            if row is None or row.person != caller.person:
                raise Trouble(2004)
            self._export_scopes(tx, caller.person, row.project)
        return row

    def export_file(self, caller: Caller, id: str) -> tuple[ExportRow, Path]:
        """The file, for who asked for it and still may read all that is in it. Raises Trouble 2004, 4501, 4502."""
        row = self.export_of(caller, id)
        with self.store.reading() as tx:
            if not set(row.whose()) <= self._export_scopes(tx, caller.person, row.project).keys():
                raise Trouble(2004)
        if row.open:
            raise Trouble(4502)
        if row.state == "done" and (row.expires_at or 0) > self.now_ms():
            path = self._exports / row.id if self._exports else Path()
            if path.is_file() and path.stat().st_size == row.size:
                return row, path
        raise Trouble(4501)

    def export_order(self, tx: Tx, person: str, project: str, wish: Wish, at: str) -> Order:
        """What is known of a wish now. Raises Trouble 4505 for who may not read the project any more."""
        account = tx.account_of(person)
        try:
            scopes = self._export_scopes(tx, person, project)
        except Trouble as err:
            raise Trouble(4505) from err
        if account is None or account["disabled"]:
            raise Trouble(4505)
        who = next((str(s.values.get("name", "")) for s in tx.load("person", [person])), "")
        return Order(wish, self._project_words(tx, project), scopes, who or str(account["username"]), at)

    def _export_scopes(self, tx: Tx, person: str, project: str) -> dict[str, str]:
        """Scope → audience of the project and the organisation, as the person may read them. Raises Trouble 2004."""
        grants = self.grants(tx, person)
        here = {
            g.scope: str(g.audience) for g in grants if g.owner == project or g.audience == Audience.ORGANISATION.value
        }
        if f"{project}.{Audience.FIELD.value}" not in here:
            raise Trouble(2004)
        return here

    def _can_be(self, wish: Wish, scopes: dict[str, str]) -> None:
        wish.checked()
        if wish.format == "photos" and wish.types not in ((), ("photo",)):
            raise _cannot(
                "照片包只装照片；要表格请换一种格式",
                "a photo archive holds photos only; choose another format for tables",
            )
        if wish.query is not None and (wish.query.scope not in scopes or wish.types != (wish.query.type,)):
            raise Trouble(2004)
        if wish.types and not any(wish.queries(t, scopes) for t in wish.chosen):
            raise Trouble(2004)

    def _export_name(self, tx: Tx, project: str, wish: Wish, at: str) -> str:
        """'HX-2026 样品 20261121-1845.xlsx'"""
        when = datetime.fromisoformat(at).astimezone(SHANGHAI).strftime("%Y%m%d-%H%M")
        code = next((str(s.values.get("code", "")) for s in tx.load("project", [project])), "")
        return f"{file_name(f'{code} {title(wish, wish.lang)}', 150)} {when}.{wish.ending}"

    def _project_words(self, tx: Tx, project: str) -> str:
        found = next((s.values for s in tx.load("project", [project])), {})
        return " ".join(str(found[k]) for k in ("code", "name") if found.get(k))

    # --- photos --------------------------------------------------------------------------------------------------

    def shots(self, rows: Sequence[Stored], scopes: Collection[str]) -> list[Shot]:
        """Photo records with their files, as far as those were sent for the record's own scope, and the points they belong to."""
        with self.store.reading() as tx:
            blobs = tx.blobs_named({str(r.values.get("sha256")) for r in rows})
            points = self._above(tx, rows, scopes, _point_code)
            sources = {}
            for row in rows:
                sha = str(row.values.get("sha256"))
                sources[row.id] = (
                    next((s for s in tx.blob_sources(sha) if s.scope == row.scope), None) if sha in blobs else None
                )
        wanted = {str(r.values.get("subject_id")) for r in rows} | {s.person for s in sources.values() if s}
        names = self.names_of(wanted, scopes)
        out = []
        for row in rows:
            source = sources[row.id]
            blob = blobs.get(str(row.values.get("sha256"))) if source else None
            who = names.get(source.person, "") if source else ""
            out.append(
                Shot(row, blob, source, points.get(row.id, ""), names.get(str(row.values.get("subject_id")), ""), who)
            )
        return out


def _point_code(type: str, values: Values) -> str | None:
    return str(values.get("code", "")) if type in ("point", "planned_point") else None


def _cannot(zh: str, en: str) -> Trouble:
    return Trouble(4504, why={"zh": zh, "en": en})
