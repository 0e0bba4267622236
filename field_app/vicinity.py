"""Of all records on this tablet those that the check of one point can come upon, and no others.

What the checks look at is told apart by how they find it: small types are read whole; what hangs on the point is found by
its parents; what other points have to do with it by the codes, crews and originals that are shared. `findings` over
these is the same as over everything (tests/unit/test_vicinity.py compares).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from field_app.store import Seen, Store
from schemas.fields import Audience
from schemas.records import TYPES, Record

Edits = list[tuple[str, str, dict[str, Any]]]
Records = dict[str, dict[str, Record]]

_WHOLE = ("project", "site", "plan", "plan_zone", "instrument", "person")
# A parent that is voided takes its children out of account; field → type, for what may lie at other points.
_PARENTS = {
    "sample_container": {"sample_id": "sample"}, "sample": {"point_id": "point", "borehole_id": "borehole"},
    "soil_layer": {"borehole_id": "borehole"}, "borehole": {"point_id": "point"},
    "point_adjustment": {"planned_point_id": "planned_point"}, "point": {"planned_point_id": "planned_point"},
}  # fmt: skip
# A check asks whether the project records such things at all.
_ANY = ("sample_container", "borehole", "soil_layer")


def records(store: Store, edits: Edits, planned: str) -> Records:
    """type → id → record, in the order of a full reading; the edits over what is stored."""
    near = _Near(store, edits)
    for type in _WHOLE:
        near.take(store.all(type, deleted=True))
    near.point(planned)
    for type in _ANY:
        near.one_that_counts(type)
    near.parents()
    return near.typed()


class _Near:
    def __init__(self, store: Store, edits: Edits) -> None:
        self._store, self._edits = store, edits
        shown = (Audience.FIELD, Audience.ORGANISATION, Audience.SUBJECT)
        self._seen: dict[str, dict[str, Seen]] = {t: {} for t, c in TYPES.items() if c.about.audience in shown}

    # --- taking ------------------------------------------------------------------------------------------------------

    def take(self, found: Iterable[Seen]) -> None:
        for seen in found:
            self._seen[seen.type].setdefault(seen.id, seen)

    def related(self, type: str, field: str, values: Collection[str]) -> None:
        self.take(self._store.related(type, field, values))

    def values(self, *types: str) -> list[tuple[str, dict[str, Any]]]:
        """Those taken so far and the edits of some types: id and values."""
        stored = {id: seen.values for type in types for id, seen in self._seen[type].items()}
        return list({**stored, **{id: values for type, id, values in self._edits if type in types}}.items())

    def named(self, field: str, *types: str) -> set[str]:
        """What these name in a field."""
        out: set[str] = set()
        for _, values in self.values(*types):
            found = values.get(field)
            out.update(found if isinstance(found, list) else [found] if found else [])
        return out

    def ids(self, *types: str) -> set[str]:
        return {id for id, _ in self.values(*types)}

    # --- what hangs on the point -------------------------------------------------------------------------------------

    def point(self, planned: str) -> None:
        self.related("point", "id", [planned])  # asked for by one of its visits
        self.related("planned_point", "id", {planned} | self.named("planned_point_id", "point"))
        codes = self.named("code", "planned_point", "point")
        self.related("planned_point", "code", codes)  # of every version of the plan
        at = self.ids("planned_point")
        self.related("planned_target", "planned_point_id", at)
        self.related("point_adjustment", "planned_point_id", at)
        self.related("point", "planned_point_id", at)
        self.related("point", "code", codes)
        self.related("point_adjustment", "id", self.named("adjustment_id", "point"))
        visits = self.ids("point")
        self.related("borehole", "point_id", visits)
        self.related("soil_layer", "borehole_id", self.ids("borehole"))
        self.related("sample", "point_id", visits)
        own = self.ids("sample")
        self.related("sample_container", "sample_id", own)
        for field, type in (("point_id", "point"), ("borehole_id", "borehole"), ("sample_id", "sample")):
            self.related("field_reading", field, self.ids(type))
        self.related("calibration", "instrument_id", self.named("instrument_id", "field_reading"))
        self.links(own)
        self.about()
        # beyond it: who was somewhere else at that time, and whose code is the same
        self.related("point", "samplers", self.named("samplers", "point"))
        self.related("sample", "code", self.named("code", "sample"))

    def links(self, own: set[str]) -> None:
        """Duplicates and their originals, wherever they lie; and whether an original is itself a duplicate."""
        for field in ("qc_sample_id", "original_id"):
            self.related("qc_link", field, own)
        pairs = self.named("qc_sample_id", "qc_link") | self.named("original_id", "qc_link")
        self.related("sample", "id", pairs)
        self.related("qc_link", "qc_sample_id", pairs)

    def about(self) -> None:
        """Photos of all these, and what people said of them."""
        types = ("planned_point", "planned_target", "point", "point_adjustment", "borehole", "soil_layer", "sample",
                 "sample_container", "field_reading", "qc_link")  # fmt: skip
        self.related("photo", "subject_id", self.ids(*types))
        self.related("photo", "sha256", self.named("sha256", "photo"))  # the same picture for something elsewhere
        shown = [(v.get("subject_kind"), v["subject_id"]) for _, v in self.values("photo")]
        for kind in types:
            self.related(kind, "id", {id for of, id in shown if of == kind})
        self.related("comment", "subject_id", self.ids(*types, "photo"))
        for type in ("conflict", "review_decision"):
            self.related(type, "subject_id", self.ids(*types, "photo", "comment"))

    # --- what else counts --------------------------------------------------------------------------------------------

    def parents(self) -> None:
        """Of everything taken, up to the planned point."""
        for type, fields in _PARENTS.items():
            for field, parent in fields.items():
                self.related(parent, "id", self.named(field, type) - self._seen[parent].keys())

    def one_that_counts(self, type: str) -> None:
        """The first record of a type none of whose parents is voided, with these."""
        after: str | None = None
        while True:
            page = self._store.page(type, after)
            for seen in page.rows:
                line = self._line(seen)
                if not any(one.values.get("deleted") for one in line):
                    self.take(line)
                    return
            if page.next is None:
                return
            after = page.next

    def _line(self, seen: Seen) -> list[Seen]:
        out = [seen]
        for field, parent in _PARENTS.get(seen.type, {}).items():
            if (id := seen.values.get(field)) and parent != "planned_point":  # a visit outlives its planned point
                found = self._store.get(parent, id, deleted=True)
                out += self._line(found) if found is not None else []
        return out

    def typed(self) -> Records:
        out: Records = {}
        for type, rows in self._seen.items():
            cls, order = (
                TYPES[type],
                sorted(rows.values(), key=lambda s: (not s.seq, s.id)),
            )  # overlay last, as in `all`
            out[type] = {s.id: cls.of(s.id, s.values) for s in order}
        for type, record, values in self._edits:
            out[type][record] = TYPES[type].of(record, values)
        return out
