"""The first parts of an on-site record: where and when, who was inspected, who inspected, what was read out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from schemas.record import Record
from schemas.records.facility import Facility
from schemas.records.field_task import FieldTask
from schemas.records.inspection import Inspection
from schemas.records.manifest import Manifest
from schemas.records.organisation import Organisation
from schemas.records.person import Person
from schemas.records.point import Point
from schemas.records.site import Site
from schemas.rules.onsite import notice
from schemas.values import Inspected, Notice, Officer
from sync_server.documents.onsite_shots import place_of
from sync_server.documents.onsite_words import Say
from sync_server.documents.sheet import Cell, cell, coded, entry, joined, label, paired
from sync_server.documents.text import LONG, when
from sync_server.onsite_record import Received
from sync_server.store import Stored

R = TypeVar("R", bound=Record)
PERSON = ("name", "sex", "duty", "id_no", "employer", "phone", "address", "postcode")


class Others:
    """Records that are referred to, by id."""

    def __init__(self, rows: Mapping[str, Stored]) -> None:
        self.rows = rows

    def find(self, cls: type[R], id: str | None) -> R | None:
        found = self.rows.get(id or "")
        return cls.of(found.id, found.values) if found and found.type == cls.about.type else None

    def org(self, id: str | None) -> str:
        found = self.find(Organisation, id)
        return found.name if found else ""


class Head:
    def __init__(self, inspection: Inspection, received: Received, others: Others, w: Say, lang: str) -> None:
        self.inspection, self.received, self.others, self.w, self.lang = inspection, received, others, w, lang

    def _cell(self, name: str, text: object = None, cls: type[Record] = Inspection, tone: str = "") -> Cell:
        said = getattr(self.inspection, name) if text is None and cls is Inspection else text
        return cell(label(cls, name, self.lang), said, self.lang, tone)

    def _today(self, name: str, org: Organisation | None) -> Cell:
        """Not part of what was signed: as it is registered now."""
        words = self.w("o_now", label=label(Organisation, name, self.lang))
        return cell(words, getattr(org, name) if org else None, self.lang)

    def _given(self, name: str, text: object) -> Cell | None:
        """A cell only where there is something to say."""
        return self._cell(name, text) if text else None

    def checked(self) -> list[list[Cell]]:
        i, w, lang = self.inspection, self.w, self.lang
        start, end = when(i.started_at), when(i.ended_at)
        org, site, got = self.others.find(Organisation, i.org_id), self.others.find(Site, i.site_id), self.received
        point, facility, manifest = (
            self.others.find(Point, i.point_id),
            self.others.find(Facility, i.facility_id),
            self.others.find(Manifest, i.manifest_id),
        )
        task = self.others.find(FieldTask, i.task_id)
        received = (
            w("o_not_received")
            if got.at is None
            else w("o_received_of" if got.device else "o_received_plain", t=when(got.at), device=got.device)
        )
        return [
            [cell(w("o_time"), w("o_time_of", a=start, b=end) if end else w("o_time_from", a=start), lang)],
            [self._cell("place")],
            *paired([
                self._cell("org_id", org.name if org else w("not_here"), tone="strong"), self._today("uscc", org),
                self._cell("legal_person"), self._today("address", org),
                self._cell("site_id", w("o_site_of", name=site.name, code=site.code) if site else w("not_here")), self._cell("position", place_of(i.position, w)),
                self._given("stage", coded(Inspection, "stage", i.stage, lang)), self._given("point_id", point.code if point else i.point_id and w("not_here")),
                self._given("facility_id", joined([facility.code, facility.name], lang, "space") if facility else i.facility_id and w("not_here")),
                self._given("manifest_id", manifest.number if manifest else i.manifest_id and w("not_here")),
                self._given("task_id", task.code if task else i.task_id and w("not_here")), self._given("late_entry_reason", i.late_entry_reason),
            ]),
            *([[cell(label(Inspection, "note", lang), i.note, lang, most=LONG)]] if i.note else []),
            [cell(w("o_received"), received, lang)],
        ]  # fmt: skip

    def inspected(self) -> list[list[Cell]]:
        rows: list[list[Cell]] = []
        for person in self.inspection.inspected:
            said = {name: getattr(person, name) for name in Inspected.model_fields}
            said["sex"] = coded(Inspected, "sex", person.sex, self.lang)
            rows += paired(
                [
                    cell(label(Inspected, n, self.lang), said[n], self.lang, "strong" if n == "name" else "")
                    for n in PERSON
                ]
            )
        return rows

    def officers(self) -> dict[str, Any] | None:
        rows = [
            [entry(o.name, "strong"), entry(o.certificate_no or self.w("missing"), "" if o.certificate_no else "missing"),
             entry(coded(Officer, "duty", o.duty, self.lang)), entry(self.others.org(p.org_id) if (p := self.others.find(Person, o.person_id)) else "")]
            for o in self.inspection.officers
        ]  # fmt: skip
        head = [
            *(label(Officer, n, self.lang) for n in ("name", "certificate_no", "duty")),
            label(Person, "org_id", self.lang),
        ]
        return {"head": head, "rows": rows, "columns": [1.0, 1.3, 1.0, 1.6]} if rows else None

    def notices(self) -> dict[str, Any] | None:
        w, rows = self.w, []
        for n in self.inspection.notices:
            known = notice(n.kind)
            text = (known.text.zh if self.lang == "zh" else known.text.en) if known else ""
            rows.append(
                [
                    entry(coded(Notice, "kind", n.kind, self.lang), "strong"),
                    entry(text),
                    entry(when(n.read_at)),
                    entry(n.reply or ""),
                ]
            )
        if not rows and self.inspection.kind != "enforcement":
            return None
        head = [w("o_n_what"), w("o_n_text"), w("o_n_when"), w("o_n_reply")]
        return {
            "head": head,
            "rows": rows or [[entry(w("o_n_none"), "alert"), *[entry("")] * 3]],
            "columns": [1.2, 2.6, 1.0, 1.2],
        }
