"""The state of a field task, from the record alone: nothing stores it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from schemas.records.field_task import FieldTask

State = Literal["open", "assigned", "visited", "answered", "overdue"]


def state(task: FieldTask | Mapping[str, Any], today: date) -> State:
    """`overdue` from the day after `due_on` until it is answered, whoever has been there. Takes stored values as
    well."""
    values = task if isinstance(task, Mapping) else task.__dict__
    if values.get("outcome"):
        return "answered"
    due = values.get("due_on")
    if due and today > (date.fromisoformat(due) if isinstance(due, str) else due):
        return "overdue"
    if values.get("visited_at"):
        return "visited"
    return "assigned" if values.get("assigned_to") else "open"
