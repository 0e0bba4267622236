"""Samples of a visit: of the plan's targets, besides the plan, duplicates and blanks; each filled in as far as known.

What was filled in from elsewhere (plan, sample before) is named in the draft's "_auto" until a person touches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from field_app.book import decimal
from field_app.visit.containers import VOLATILE, Containers, asked_for
from field_app.visit.core import Values, clean
from schemas.records import TYPES, missing
from schemas.records.planned_target import PlannedTarget
from schemas.records.sample import Sample
from schemas.rules.reconcile.depths import DUPLICATES, satisfying

_PICK = {  # why a sample is taken, from the rule of its planned target
    "surface": "surface", "fixed": "fixed", "worst": "xrf_max", "water_table": "water_table", "layer_change": "layer",
    "hole_bottom": "bottom", "below_exceed": "layer",
}  # fmt: skip
BLANKS = {  # kind → how its code begins, in the place of the point
    "full_blank": "QCK", "trip_blank": "YK", "equipment_blank": "SK", "field_blank": "XK", "container_blank": "RK",
}  # fmt: skip
AS_BEFORE = ("soil_tool", "water_tool", "appearance")  # from the sample before, of the same medium
OF_ORIGINAL = ("medium", "depth_top_m", "depth_bottom_m", "groups", *AS_BEFORE, "water_depth_m", "flow_ml_min")
_NOT_IN_BLANKS = frozenset({"archive", "moisture", "geotech", "ph"})


class Before(NamedTuple):
    """The last sample made on this tablet, with its containers, for a visit that has none yet."""

    sample: Values
    containers: tuple[Values, ...] = ()


class Target(NamedTuple):
    """One thing the plan asks for here, and what was taken for it."""

    id: str
    values: Values
    samples: tuple[str, ...]
    duplicate_due: bool  # the plan asks for a duplicate too, and there is none


class Samples(Containers):
    # --- what pages read -----------------------------------------------------------------------------------------

    @property
    def samples(self) -> dict[str, Values]:
        return self.of("sample")

    def targets(self) -> list[Target]:
        """In the plan's order. A sample answers a target by the rule the server asks (check F05)."""
        ordinary = [Sample.of(id, clean(v)) for id, v in self.samples.items() if v.get("kind") == "ordinary"]
        out = []
        for t in self._book.targets.get(self._planned.id, ()):
            own = [s.id for s in ordinary if s.target_id == t.id]
            found = own or [s.id for s in satisfying(PlannedTarget.of(t.id, t.values), ordinary)]
            due = t.values.get("qc_kind") in DUPLICATES and bool(found)
            out.append(
                Target(t.id, dict(t.values), tuple(found), due and not any(self.duplicates_of(s) for s in found))
            )
        return out

    @property
    def next_target(self) -> Target | None:
        return next((t for t in self.targets() if not t.samples), None)

    def duplicates_of(self, original: str) -> list[str]:
        links = self.of("qc_link").values()
        return [k["qc_sample_id"] for k in links if k.get("original_id") == original and k.get("kind") in DUPLICATES]

    def link_of(self, sample: str) -> tuple[str, Values] | None:
        return next(((id, v) for id, v in self.of("qc_link").items() if v.get("qc_sample_id") == sample), None)

    def sample_of(self, record: str | None) -> str | None:
        """The sample a record is, or belongs to."""
        for type, field in (("sample_container", "sample_id"), ("qc_link", "qc_sample_id")):
            if record in self.of(type):
                return str(self.of(type)[record][field])
        return record if record in self.samples else None

    @property
    def open_sample(self) -> str | None:
        return self.sample_of(self.ui("sample"))

    def sample_lacks(self, record: str) -> list[str]:
        """Names of the sample's own fields that 完成 asks for and that are not filled in; the label apart."""
        found = missing(TYPES["sample"], self.completed("sample", clean(self.samples[record])))
        return [f.field for f in found if f.field != "label_checked"]

    def sample_left(self, record: str) -> int:
        """How many things are still to be done for a sample and its containers."""
        return sum(self.sample_of(gap.record) == record for gap in self.gaps())

    def sample_asks(self, record: str) -> list[str]:
        """Fields to show: what is missing, and what was missing when the sample was opened."""
        asked = self.samples[record].get("_ask", ())
        return list(dict.fromkeys([*asked, *self.sample_lacks(record)]))

    @property
    def batch(self) -> str:
        return self._now().date().isoformat()

    # --- taking --------------------------------------------------------------------------------------------------

    def add_sample(self, number: int, person: str, target: str | None = None, before: Before | None = None) -> str:
        """An ordinary sample of a target; without one, of the next target that has none, else besides the plan ("")."""
        if target is None:
            following = self.next_target
            target = following.id if following else ""
        plan: Values = next((t.values for t in self.targets() if t.id == target), {})
        medium = plan.get("medium") or self._medium()
        last = self._before(medium, before)
        from_plan = {
            "depth_top_m": plan.get("depth_top_m"), "depth_bottom_m": plan.get("depth_bottom_m"),
            "groups": list(plan.get("groups") or last.sample.get("groups", [])), "pick_reason": _PICK.get(plan.get("rule", "")),
        }  # fmt: skip
        values = {
            **self._new_sample(number, person, "ordinary", medium), "target_id": target or None, "point_id": self._id,
            **from_plan, "appearance": "normal", **{n: last.sample[n] for n in AS_BEFORE if last.sample.get(n)},
        }  # fmt: skip
        if medium == "groundwater":
            values["recorder_id"] = person
        auto = [n for n in (*from_plan, *AS_BEFORE) if values.get(n)]
        return self._begin(values, auto, last.containers)

    def add_duplicate(self, number: int, person: str, original: str) -> str:
        """Taken beside the original, now: own code, the same of everything that must be the same (check S04)."""
        first = self.samples[original]
        same = {n: first[n] for n in OF_ORIGINAL if first.get(n) is not None}
        values = {
            **self._new_sample(number, person, "field_duplicate", first["medium"]), "point_id": self._id, **same,
            "pick_reason": "duplicate" if first["medium"] == "soil" else None, "batch": first["batch"],
        }  # fmt: skip
        if first["medium"] == "groundwater":
            values["recorder_id"] = person
        before = [c.values for c in self.containers(original)]
        record = self._begin(values, [*same], before)
        self.add(
            "qc_link", {"qc_sample_id": record, "kind": "field_duplicate", "original_id": original, "secret": True}
        )
        return record

    def add_blank(self, number: int, person: str, kind: str, before: Before | None = None) -> str:
        """A blank of today's batch. It has no depth and belongs to no point (V16); an equipment blank says after which."""
        medium = self._medium()
        groups = self._groups_of_blank(kind, medium)
        values = {
            **self._new_sample(number, person, kind, medium, BLANKS[kind]), "groups": groups, "appearance": "normal",
        }  # fmt: skip
        record = self._begin(values, ["groups", "appearance"], ())
        link = {
            "qc_sample_id": record, "kind": kind, "batch": values["batch"], "secret": True,
            "after_point_id": self._id if kind == "equipment_blank" else None,
            "matrix": None if kind == "container_blank" else self._matrix(kind, medium, groups),
        }  # fmt: skip
        self.add("qc_link", link)
        return record

    def _begin(self, values: Values, auto: Sequence[str], before: Sequence[Values]) -> str:
        blank = values["kind"] in BLANKS
        values = {k: v for k, v in values.items() if v is not None} | {"_auto": list(auto)}
        values = self.numbered(values, asked_for(values["medium"], values["groups"], blank, before))
        record = self.add("sample", values)
        self.look_at(record)
        return record

    def _new_sample(self, number: int, person: str, kind: str, medium: str, place: str = "") -> Values:
        return {
            "code": self._sample_code(number, place or self.code), "kind": kind, "medium": medium,
            "collected_at": self._now().isoformat(timespec="seconds"), "collected_by": [person], "batch": self.batch,
        }  # fmt: skip

    def _before(self, medium: str, before: Before | None) -> Before:
        """The last ordinary sample of the medium: of this visit, else the one made last on this tablet."""
        for id, values in reversed(self.samples.items()):
            if values.get("kind") == "ordinary" and values.get("medium") == medium:
                return Before(values, tuple(c.values for c in self.containers(id)))
        return before if before is not None and before.sample.get("medium") == medium else Before({})

    def _medium(self) -> str:
        """Of what is not in the plan: as the last sample here, as the plan's first target, by the kind of point."""
        media = [v["medium"] for v in reversed(self.samples.values())]
        media += [t.values["medium"] for t in self._book.targets.get(self._planned.id, ())]
        return str(media[0]) if media else "groundwater" if self.planned.get("role") == "well" else "soil"

    def _groups_of_blank(self, kind: str, medium: str) -> list[str]:
        plans = [t.values for t in self._book.targets.get(self._planned.id, ())]
        of_it = [v for v in (*self.samples.values(), *plans) if v.get("medium") == medium]
        groups = dict.fromkeys(g for v in of_it for g in v.get("groups", ()) if g not in _NOT_IN_BLANKS)
        volatile = [g for g in VOLATILE if g in groups]
        if kind == "trip_blank":
            return volatile or ["voc"]
        return (volatile if medium == "soil" and kind == "full_blank" else []) or list(groups)

    @staticmethod
    def _matrix(kind: str, medium: str, groups: Sequence[str]) -> str:
        """HJ 1019-2019 7.2.3: methanol for soil, blank water for water; equipment is rinsed with water."""
        if kind == "equipment_blank" or medium in ("groundwater", "surface_water"):
            return "blank_water"
        return "methanol" if medium == "soil" and set(groups) & set(VOLATILE) else "none"

    def _sample_code(self, number: int, place: str) -> str:
        """By the project's rule, e.g. "{project}-{point}-{no:04d}"; a rule that cannot be read falls back to that."""
        project = self._book.project or {}
        words = {"project": project.get("code", ""), "point": place, "no": number}
        try:
            return str(project.get("code_pattern") or "{project}-{point}-{no:04d}").format(**words)
        except (KeyError, ValueError, IndexError, AttributeError):
            return f"{words['project']}-{place}-{number:04d}"

    # --- looking, changing, taking back --------------------------------------------------------------------------

    def look_at(self, record: str | None) -> None:
        """Open a sample (None: none). What it lacks now stays in view while it is filled in."""
        if record in self.samples:
            self.change("sample", str(record), _ask=self.sample_lacks(str(record)))
        self.set_ui(sample=record, bottle=None, sample_all=None)

    def set_sample(self, record: str, **changed: Any) -> None:
        """Fields by hand. A duplicate follows its original in what nobody changed there."""
        old = self.samples[record]
        values = {**old, **changed, "_auto": [n for n in old.get("_auto", ()) if n not in changed]}
        values = {k: v for k, v in values.items() if v is not None}
        lacks = [f.field for f in missing(TYPES["sample"], clean(values)) if f.field != "label_checked"]
        self.put("sample", record, {**values, "_ask": list(dict.fromkeys([*old.get("_ask", ()), *lacks]))})
        if "groups" in changed:
            self.ask_again(record)
        for twin in self.duplicates_of(record):
            theirs = self.samples[twin].get("_auto", ())
            same = {n: v for n, v in changed.items() if n in theirs and n in OF_ORIGINAL}
            if same:
                self.set_sample(twin, **same)
                self.change("sample", twin, _auto=list(theirs))

    def confirm(self, record: str, *numbers: int) -> None:
        """标签已核对, and what was filled: one tap, as its words say."""
        self.fill(record, *numbers)
        if not self.samples[record].get("label_checked"):
            self.change("sample", record, label_checked=True)

    def remove_sample(self, record: str) -> None:
        """The draft with its containers and links. A duplicate of it stays, and asks for another original; its photos are
        the point's again."""
        for type, field in (("sample_container", "sample_id"), ("qc_link", "qc_sample_id")):
            for id in [id for id, v in self.of(type).items() if v.get(field) == record]:
                self.remove(type, id)
        for id, link in list(self.of("qc_link").items()):
            if link.get("original_id") == record:
                self.put("qc_link", id, {k: v for k, v in link.items() if k != "original_id"})
        for id, photo in list(self.of("photo").items()):
            if photo.get("subject_id") == record:
                self.change("photo", id, subject_kind="point", subject_id=self._id)
        self.remove("sample", record)
        self.set_ui(sample=None, bottle=None)

    # --- into the records ----------------------------------------------------------------------------------------

    def completed(self, type: str, values: Values) -> Values:
        values = super().completed(type, values)
        reading = self._best_readings().get(values.get("pick_reason", "")) if type == "sample" else None
        return {"best_reading_id": reading, **values} if reading else values

    def _best_readings(self) -> dict[str, str]:
        out: dict[str, tuple[Decimal, str]] = {}
        for record, values in self.of("field_reading").items():
            value = decimal(values.get("value"))
            reason = {"pid": "pid_max", "xrf": "xrf_max"}.get(values["method"])
            if value is not None and reason and value > out.get(reason, (Decimal(-1), ""))[0]:
                out[reason] = (value, record)
        return {reason: record for reason, (_, record) in out.items()}
