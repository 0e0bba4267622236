"""Samples of a visit: filled from the plan."""

from __future__ import annotations

from decimal import Decimal

from field_app.book import decimal
from field_app.visit.core import Core, Values

_PICK = {  # why a sample is taken, from the rule of its planned target
    "surface": "surface", "fixed": "fixed", "worst": "xrf_max", "water_table": "water_table", "layer_change": "layer",
    "hole_bottom": "bottom", "below_exceed": "layer",
}  # fmt: skip


class Samples(Core):
    @property
    def samples(self) -> dict[str, Values]:
        return self.of("sample")

    def add_sample(self, number: int, person: str) -> str:
        """An ordinary sample, filled from the next planned target that has none yet."""
        taken = {s.get("target_id") for s in self.samples.values()}
        target = next((t for t in self._book.targets.get(self._planned.id, ()) if t.id not in taken), None)
        plan: Values = dict(target.values) if target else {}
        values: Values = {
            "code": self._sample_code(number), "kind": "ordinary", "medium": plan.get("medium", "soil"),
            "point_id": self._id, "target_id": target.id if target else None, "groups": list(plan.get("groups", [])),
            "depth_top_m": plan.get("depth_top_m"), "depth_bottom_m": plan.get("depth_bottom_m"),
            "pick_reason": _PICK.get(plan.get("rule", "")), "collected_at": self._now().isoformat(timespec="seconds"),
            "collected_by": [person], "batch": self._now().date().isoformat(), "appearance": "normal",
        }  # fmt: skip
        record = self.add("sample", values)
        self.set_ui(sample=record)
        return record

    def _sample_code(self, number: int) -> str:
        """By the project's rule, e.g. "{project}-{point}-{no:04d}"; a rule that cannot be read falls back to that."""
        project = self._book.project or {}
        words = {"project": project.get("code", ""), "point": self.code, "no": number}
        try:
            return str(project.get("code_pattern") or "{project}-{point}-{no:04d}").format(**words)
        except (KeyError, ValueError, IndexError, AttributeError):
            return f"{words['project']}-{self.code}-{number:04d}"

    def remove_sample(self, record: str) -> None:
        self.remove("sample", record)
        self.set_ui(sample=None)

    def completed(self, type: str, values: Values) -> Values:
        reading = self._best_readings().get(values.get("pick_reason", "")) if type == "sample" else None
        return {"best_reading_id": reading, **values} if reading else super().completed(type, values)

    def _best_readings(self) -> dict[str, str]:
        out: dict[str, tuple[Decimal, str]] = {}
        for record, values in self.of("field_reading").items():
            value = decimal(values.get("value"))
            reason = {"pid": "pid_max", "xrf": "xrf_max"}.get(values["method"])
            if value is not None and reason and value > out.get(reason, (Decimal(-1), ""))[0]:
                out[reason] = (value, record)
        return {reason: record for reason, (_, record) in out.items()}
