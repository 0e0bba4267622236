"""Photos of a visit: which are asked for, which are there, and what a taken one says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from field_app.capture.photo import Kept
from field_app.visit import stamping
from field_app.visit.core import Core, Values, clean
from schemas.records.photo import Photo
from schemas.records.point import Point
from schemas.reference import Label
from schemas.rules.exif import Facts
from schemas.rules.reconcile.photos import contradictions, scene_of
from schemas.rules.shots import Shot, advised, asked, stages
from schemas.values import PhotoRule

# The work that a photo shows → the step of the workspace at which that work is recorded.
STEP_OF_STAGE = {
    "drilling": "layers",
    "core": "layers",
    "soil_sampling": "samples",
    "groundwater": "samples",
    "handover": "samples",
}
OTHER = "other"  # the kind of a photo nobody asks for


class Slot(NamedTuple):
    """One kind of photo on the checklist. taken: its records, the oldest first."""

    step: str
    least: int
    taken: tuple[str, ...]
    note: Label | None = None

    @property
    def lacking(self) -> int:
        return max(0, self.least - len(self.taken))


class Photos(Core):
    head = "photo.asked"  # the word above a list that somebody asked for

    @property
    def photos(self) -> dict[str, Values]:
        return self.of("photo")

    @property
    def photo_rules(self) -> list[PhotoRule]:
        """What the project asks for; empty where it asks for nothing."""
        return [PhotoRule.model_validate(rule) for rule in (self._book.project or {}).get("photo_rules", ())]

    @property
    def photos_asked(self) -> bool:
        return bool(asked(self.photo_rules, self.planned.get("role")))

    def slots(self) -> list[Slot]:
        """The checklist: what the project asks for, else what the guides list; then what was taken besides."""
        by_step = self._photos_by_step()
        rules = asked(self.photo_rules, self.planned.get("role"))
        notes = {s.step: s.note for s in self._advice()}
        wanted = rules or {s.step: s.least for s in self._advice() if not s.if_any}
        out = [Slot(step, least, by_step.pop(step, ()), notes.get(step)) for step, least in wanted.items()]
        return out + [Slot(step, 0, taken, notes.get(step)) for step, taken in by_step.items()]

    def optional_shots(self) -> list[str]:
        """Kinds that are on no list here and may be taken too."""
        there = {slot.step for slot in self.slots()}
        return [s.step for s in self._advice() if s.step not in there] + ([] if OTHER in there else [OTHER])

    @property
    def shot(self) -> str:
        """What the next photo will be: the chosen kind, else the first that lacks one, else none in particular."""
        return self.ui("shot") or next((s.step for s in self.slots() if s.lacking), OTHER)

    @property
    def shots_lacking(self) -> int:
        return sum(slot.lacking for slot in self.slots())

    def slots_at(self, step: str) -> list[Slot]:
        """Those of the checklist that show the work of another step of the workspace."""
        of = stages()
        return [s for s in self.slots() if s.least and STEP_OF_STAGE.get(of.get(s.step, "")) == step]

    def aim(self, step: str | None) -> None:
        self.set_ui(shot=step, photo=None)

    def done(self, step: str) -> bool:
        return super().done(step) and not (step == "photos" and self.photos_asked and self.shots_lacking)

    def photo_values(
        self, kept: Kept, step: str, taken_at: datetime, position: Values | None, source: str, reason: str | None,
        drift_s: float | None = None, bearing_deg: float | None = None,
    ) -> Values:  # fmt: skip
        """A new photo's record. Its bytes are on the disk already, and the hash says which. drift_s: the server's clock minus
        ours."""
        return photo_of("point", self._id, kept, step, taken_at, position, source, reason, drift_s, bearing_deg)

    def against(self, record: str) -> Mapping[str, Label]:
        """What speaks against a photo here, as check H02 says it: at once, and not only when the visit is finished."""
        try:
            photo = Photo.of(record, clean(self.photos[record]))
            point = Point.of(self._id, clean(self._point))
        except (KeyError, ValueError):  # a point whose fields are being typed may not be whole yet
            return {}
        return contradictions(photo, [scene_of(point, self._now())])

    def stamp_about(self, record: Mapping[str, Any], device: str) -> stamping.About:
        """The names on a stamped copy: who was at the point."""
        names = {p.id: str(p.values.get("name", "")) for p in self._book.people}
        crew = "、".join(n for n in (names.get(id, "") for id in self._point.get("samplers", ())) if n)
        _, subject = self.subjects().get(record.get("subject_id", self._id), ("", ""))
        return stamping.About(str((self._book.project or {}).get("name", "")), self.code, subject, crew, device)

    def took(self, record: str, values: Values) -> None:
        """A photo whose draft is in the store already. A kind that was chosen by hand is done with once it has enough."""
        self.of("photo")[record] = values
        slot = next((s for s in self.slots() if s.step == values["step"]), None)
        if self.ui("shot") and (slot is None or not slot.lacking):
            self.set_ui(shot=None)
        else:
            self.notify()

    def subjects(self) -> Mapping[str, tuple[str, str]]:
        """What a photo here may show: id → kind and name; the point first, with no name of its own."""
        samples = {id: ("sample", str(v["code"])) for id, v in self.of("sample").items()}
        return {self._id: ("point", ""), **samples}

    def show_in(self, record: str, subject: str) -> None:
        self.change("photo", record, subject_kind=self.subjects()[subject][0], subject_id=subject)

    def remove_photo(self, record: str) -> None:
        self.remove("photo", record)
        self.set_ui(photo=None)

    def _photos_by_step(self) -> dict[str, tuple[str, ...]]:
        """Different pictures only: the same one twice does not count twice, as in check H01."""
        out: dict[str, dict[str, str]] = {}
        for record, values in self.photos.items():
            out.setdefault(values["step"], {}).setdefault(values["sha256"], record)
        return {step: tuple(records.values()) for step, records in out.items()}

    def _advice(self) -> list[Shot]:
        plans = (t.values for t in self._book.targets.get(self._planned.id, ()))
        groups = {g for values in (*plans, *self.of("sample").values()) for g in values.get("groups", ())}
        return advised(self.planned.get("role", "soil"), groups)


def photo_of(
    kind: str, subject: str, kept: Kept, step: str, taken_at: datetime, position: Values | None, source: str, reason: str | None,
    drift_s: float | None = None, bearing_deg: float | None = None,
) -> Values:  # fmt: skip
    """A new photo's record, about a record of this kind."""
    values = {
        "sha256": kept.sha256, "step": step, "subject_kind": kind, "subject_id": subject,
        "taken_at": taken_at.isoformat(timespec="seconds"),
        "clock_drift_s": None if drift_s is None else f"{drift_s:.1f}", "position": position,
        "bearing_deg": None if bearing_deg is None else str(round(bearing_deg) % 360), "source": source,
        "source_reason": reason, "bytes": kept.size, **of_file(kept.facts),
    }  # fmt: skip
    return {k: v for k, v in values.items() if v is not None}


def of_file(facts: Facts) -> Values:
    """What the file itself says, as fields of its record."""
    out: Values = {"file_taken_at": facts.taken_at.isoformat(timespec="seconds")} if facts.taken_at else {}
    if facts.longitude is not None and facts.latitude is not None:
        said: Values = {"lon": f"{facts.longitude:.7f}", "lat": f"{facts.latitude:.7f}"}
        if facts.accuracy_m is not None:
            said["h_acc_m"] = f"{facts.accuracy_m:.2f}"
        if facts.gps_at is not None:
            said["at"] = facts.gps_at.isoformat(timespec="seconds")
        out["file_position"] = said
    return out
