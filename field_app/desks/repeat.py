"""What of an earlier record a new one of its type may begin with: what was set up, never what was observed or measured.

A copied reading would be a made-up one, so figures are left out but for a few that are settings; so are times, places,
signatures, judgements and everything that names one thing only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from schemas.fields import RecordField, fields_of

SETTINGS = frozenset({
    "nominal", "tolerance", "tolerance_is_pct", "valid_hours", "cf_default", "diameter_mm", "volume_ml", "methanol_ml", "share_pct",
    "least", "casing", "secret", "paper", "capacity_t", "route_km", "route_min", "approved_load_t",
})  # fmt: skip
OBSERVED = frozenset({
    "result", "state", "decision", "answer", "verdict", "outcome", "reason", "severity", "hazard", "qualifier", "texture", "colour",
    "moisture", "density", "odour", "odour_level", "signs", "roots", "appearance", "seen_water", "weather", "end_reason",
    "discard_reason", "problem", "resolved", "measure", "quote", "place", "problem_text", "sign_text", "heap", "wind",
})  # fmt: skip
ONE = frozenset({
    "qc_sample_id", "original_id", "best_reading_id", "layer_id", "target_id", "answer_id", "adjustment_id", "pair_sample_id",
    "decided_by", "amends_id", "ghost_of", "composite_of", "trigger_reading_ids", "action_id", "sha256", "key_id", "signature",
    "prev_hash", "item_code", "number", "control_code", "name", "account", "phone", "uscc", "receipt_no", "field_name", "raw_text",
    "reported_by", "receiver_place",
})  # fmt: skip
ROWS = frozenset({"CalPoint", "Lod", "QcRule", "PhotoRule", "Officer", "Receiver"})
_WITH_ROW_NAME = frozenset({"Officer", "Receiver"})  # there a name belongs to the person or place that is copied


def repeated(cls: type[BaseModel], values: Mapping[str, Any], key: tuple[str, ...] = ()) -> dict[str, Any]:
    """These of the values, the rows of value classes likewise cut down."""
    out: dict[str, Any] = {}
    for name, field in fields_of(cls).items():
        if name not in values or name in key or name in ("note", "void_reason", "late_entry_reason", "deleted"):
            continue
        if field.kind == "values" and field.model is not None:
            rows = [repeated(field.model, row) for row in values[name]] if field.model.__name__ in ROWS else []
            if rows := [r for r in rows if r]:
                out[name] = rows
        elif name in SETTINGS or _set_up(cls, field) or (name == "lod" and cls.__name__ == "Lod"):
            out[name] = values[name]
    return out


def _set_up(cls: type[BaseModel], field: RecordField) -> bool:
    if field.name == "name" and cls.__name__ in _WITH_ROW_NAME:
        return True
    if field.name in OBSERVED or field.name in ONE or field.name.endswith("_no") or field.spec.widget == "longtext":
        return False
    return field.kind in ("text", "list")
