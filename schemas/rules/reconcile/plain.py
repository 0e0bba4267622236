"""A report as JSON values: what the command line prints and the API returns."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from schemas.reference import Label

if TYPE_CHECKING:
    from schemas.rules.reconcile import Report


def report_json(report: Report) -> dict[str, Any]:
    """Keys: basis, totals, findings, points; labels as {"zh", "en"}, decimals and times as text."""
    return {
        "basis": _plain(report.basis),
        "totals": _plain(report.totals),
        "findings": [_plain(f) for f in report.findings],
        "points": [_plain(p) for p in report.points],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Label):
        return {"zh": value.zh, "en": value.en}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    return value
