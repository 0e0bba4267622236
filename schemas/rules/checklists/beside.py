"""Which records of the point checked an item is about: what the inspector sees beside it, offline."""

from __future__ import annotations

from schemas.rules.checklists.model import Item

# In the order they are shown. Records of wells and purging come with their own types; a list may name them already.
TYPES = (
    "plan_zone",
    "planned_point",
    "planned_target",
    "point",
    "point_adjustment",
    "borehole",
    "soil_layer",
    "field_reading",
    "calibration",
    "sample",
    "sample_container",
    "qc_link",
    "photo",
    "transfer_plan",
    "manifest",
    "manifest_leg",
)


def beside(item: Item) -> tuple[str, ...]:
    """Record types to show beside an item, in the order of TYPES; names this version does not know are left out."""
    return tuple(name for name in TYPES if name in item.beside)
