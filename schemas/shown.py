"""Which fields of a record stand for it where there is no room for all: what it is called by, what a row of a list shows,
in which order a table has them, where a search looks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas.fields import FINALIZE, RecordField, fields_of
from schemas.record import Record
from schemas.records import TYPES

NAMES = ("code", "number", "plate", "name")  # what people call a record by; the first a type has
DEPTHS = (("depth_top_m", "depth_bottom_m"), ("top_m", "bottom_m"))
FACTS = 3
# Types nobody gave a name: the fields that tell one from the other.
TITLES: dict[str, tuple[str, ...]] = {
    "calibration": ("instrument_id",),
    "checklist_answer": ("item_code",),
    "comment": ("text",),
    "conflict": ("subject_id", "field_name"),
    "corrective_action": ("finding_id",),
    "duty": ("kind", "site_id"),
    "disposal_record": ("lot_code",),
    "enrolment": ("person_id", "device_id"),
    "field_reading": ("parameter", "value", "unit"),
    "manifest_leg": ("manifest_id", "kind"),
    "number_block": ("device_id", "from_no"),
    "photo": ("step", "subject_id"),
    "plan_review": ("plan_id", "conclusion"),
    "planned_target": ("planned_point_id", "medium"),
    "point_adjustment": ("planned_point_id", "kind"),
    "qc_link": ("qc_sample_id", "kind"),
    "recheck": ("finding_id", "result"),
    "review_decision": ("subject_id", "state"),
    "soil_layer": ("borehole_id", "layer_no"),
}


@cache
def fields_in_order(type: str) -> tuple[RecordField, ...]:
    """The type's fields as a table shows them: what people call the record first, what every record has last. That a
    record is voided is no column, but a mark on its line."""
    cls, common = TYPES[type], fields_of(Record)
    rank = lambda f: (f.name in common, f.name not in cls.about.key)  # noqa: E731
    return tuple(sorted((f for f in fields_of(cls).values() if f.name != "deleted"), key=rank))


@cache
def title_fields(type: str) -> tuple[str, ...]:
    """What a record is called by: its code or name, else the few fields that tell it from others of its type."""
    known = fields_of(TYPES[type])
    named = [n for n in NAMES if n in known and known[n].kind == "text"]
    return TITLES.get(type) or tuple(named[:1])


@cache
def fact_fields(type: str) -> tuple[str, ...]:
    """What a row shows below the title: depth, the first things every record of the type has, its time last."""
    known, title = fields_of(TYPES[type]), title_fields(type)
    depths = next((pair for pair in DEPTHS if set(pair) <= known.keys()), ())
    plain = [
        f for f in known.values()
        if (f.required or f.spec.codes and f.spec.need == FINALIZE) and f.name not in (*title, *depths) and f.kind not in ("value", "values", "list", "bool")
        and f.spec.widget != "longtext" and f.name not in _MUTE
    ]  # fmt: skip
    times = [f for f in plain if f.kind in ("date", "datetime")]
    rest = [f for f in plain if f not in times]
    rest.sort(key=lambda f: (f.name != "name", not f.spec.codes, bool(f.spec.ref)))
    most = FACTS - bool(times) - bool(depths)
    return tuple([*depths, *(f.name for f in rest[:most]), *(f.name for f in times[:1])])


# no help in telling records apart
_MUTE = ("subject_kind", "sha256", "key_id", "signature", "definition", "verdict_rule", "entry_way", "qualifier")


@cache
def searched(type: str) -> tuple[str, ...]:
    """Short texts a search looks at: the title's, the type's own, the note every record may have."""
    known, common = fields_of(TYPES[type]), fields_of(Record)
    texts = [f.name for f in known.values() if f.kind == "text" and not f.spec.codes and not f.spec.ref]
    own = [n for n in texts if n not in common and n not in _MUTE]
    return tuple(dict.fromkeys([*(n for n in title_fields(type) if n in own), *own, "note"]))


def plain_title(type: str, values: Mapping[str, Any]) -> str:
    """What a record is called, as far as it says so itself, without looking up what it refers to; "" without any."""
    known = fields_of(TYPES[type])
    names = [n for n in title_fields(type) if n in values and not known[n].spec.ref and not known[n].spec.codes]
    return " ".join(str(values[n]) for n in names)
