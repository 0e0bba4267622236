"""The reconcile report for programs: the same facts, the same rules, the same rights as the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.reference import Label
from schemas.rules.reconcile import Finding, PointState, Progress, Report
from sync_server.api import Who
from sync_server.console.overview.views import visible
from sync_server.facts import FactsReader, readable
from sync_server.service import Service


def make_report_router(service: Service, reader: FactsReader) -> APIRouter:
    api = APIRouter(prefix="/api/v1")

    @api.get("/projects/{project}/reconcile", summary="核对报告 · The reconcile report of a project")
    def reconcile(who: Who, project: str) -> dict[str, Any]:
        audiences = readable(service.me(who).scopes).get(project)
        if audiences is None:
            raise Trouble(2004)
        report = reader.report(project, datetime.fromisoformat(service.now()), audiences).report
        return report_json(report, audiences)

    return api


def report_json(report: Report, audiences: frozenset[str]) -> dict[str, Any]:
    """Decimals and times as text, as everywhere on the wire. Totals of records the reader may not see are left out."""
    totals = _plain({k: getattr(report.totals, k) for k in report.totals.__dataclass_fields__})
    if Audience.TRANSFER not in audiences:
        del totals["manifests"]
    if Audience.ENFORCEMENT not in audiences:
        del totals["findings_open"]
    basis = report.basis
    return {
        "basis": {"where": basis.where, "as_of": basis.as_of.isoformat(), "device_count": basis.device_count, "note": basis.note},
        "totals": totals,
        "findings": [_finding(f) for f in visible(report, audiences)],
        "points": [_point(p) for p in report.points],
    }  # fmt: skip


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "check": f.check, "severity": f.severity, "zh": f.zh, "en": f.en, "subject_type": f.subject_type,
        "subject_id": f.subject_id, "point_code": f.point_code, "figures": _plain(f.figures), "who": _plain(f.who),
        "source": f.source, "missing": _plain(f.missing),
    }  # fmt: skip


def _point(p: PointState) -> dict[str, Any]:
    out: dict[str, Any] = _plain({k: getattr(p, k) for k in p.__dataclass_fields__})
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Label):
        return {"zh": value.zh, "en": value.en}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if isinstance(value, Progress):
        return {k: getattr(value, k) for k in value.__dataclass_fields__}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value
