"""What an amending record says differently from the one it amends, as a table. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas import canonical
from schemas.fields import RecordField, fields_of
from schemas.records import TYPES
from schemas.rules.onsite import Difference, Sheet, difference
from schemas.shown import plain_title
from schemas.values import GeoFix
from sync_server.documents.onsite_check import Check, worded
from sync_server.documents.onsite_shots import place_of
from sync_server.documents.onsite_words import Say
from sync_server.documents.sheet import Cell, entry
from sync_server.documents.text import when
from sync_server.onsite_record import OnsiteRecord, Taken

MOST = 200  # lines of the table
LONGEST = 1500  # characters of one value
# which field stands for the whole, where the whole came or went
_WHOLE = {"inspection": "code", "checklist_answer": "answer", "finding": "description", "photo": "step"}


def changes(record: OnsiteRecord, check: Check, w: Say, lang: str) -> dict[str, Any] | None:
    """None for a record that amends none, or one that is not here."""
    if record.amends is None:
        return None
    found = difference(_sheet(record.amends), _sheet(record.taken))
    table = _Table(record, check, w, lang)
    rows = [table.row(d) for d in found[:MOST]] or [[entry(w("o_c_none"), "missing"), entry(""), entry("")]]
    if len(found) > MOST:
        rows.append([entry(w("o_c_more", n=len(found) - MOST), "missing"), entry(""), entry("")])
    return {"head": [w("o_c_what"), w("o_c_before"), w("o_c_after")], "rows": rows, "columns": [1.1, 2.0, 2.0]}


def _sheet(taken: Taken) -> Sheet:
    inspection, answers, findings, photos = taken.wholes
    return Sheet(inspection, tuple(answers), tuple(findings), tuple(photos))


class _Table:
    def __init__(self, record: OnsiteRecord, check: Check, w: Say, lang: str) -> None:
        self.record, self.check, self.w, self.lang = record, check, w, lang

    def row(self, d: Difference) -> list[Cell]:
        return [entry(self._what(d)), self._value(d, d.before), self._value(d, d.after)]

    def _what(self, d: Difference) -> str:
        """A photo is named by its hash, a finding by its code, an answer by the number of its item."""
        cls = TYPES[d.record]
        known = fields_of(cls).get(d.field)
        name = known.spec.label(self.lang) if known else d.field
        if d.record in ("finding", "photo"):
            return self.w("o_c_new", what=cls.about.zh if self.lang == "zh" else cls.about.en, key=d.key)
        if d.record == "checklist_answer":
            item = self.w("o_c_item", code=self.check.name(d.key.partition("#")[0], self.lang))
            return self.w("o_c_of", what=item, field=name) if name else item
        return name

    def _value(self, d: Difference, value: Any) -> Cell:
        """As it is read; what is built of several values and has no short form is left to the electronic record."""
        if value is None:
            return entry("")
        field = fields_of(TYPES[d.record]).get(d.field or _WHOLE[d.record])
        said = self._said(field, value)
        return entry(self.w("o_c_values"), "missing") if said is None else entry(said, most=LONGEST, mark=self.w("cut"))

    def _said(self, field: RecordField | None, value: Any) -> str | None:
        if isinstance(value, list):
            parts = [self._said(field, v) for v in value]
            return None if None in parts else self.w("join").join(p for p in parts if p)
        if isinstance(value, dict):
            if field is not None and field.model is GeoFix:
                try:
                    return place_of(GeoFix.model_validate_json(canonical.dumps(value)), self.w)
                except ValueError:
                    return None
            return str(value["name"]) if value.get("name") else None
        if isinstance(value, bool):
            return self.w("yes" if value else "no")
        text = str(value)
        if field is not None and field.spec.ref:
            other = self.record.others.get(text)
            return (plain_title(other.type, other.values) if other else None) or text[:8]
        if field is not None and field.kind == "datetime":
            try:
                return when(datetime.fromisoformat(text))
            except ValueError:
                return text
        label = field.options().get(text) if field is not None and field.spec.codes else None
        return worded(label, self.lang) if label else text
