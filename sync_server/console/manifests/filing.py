"""A filing and its receipt as they are typed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.record import Fault
from schemas.rules.lack import Lack
from schemas.rules.reconcile.terms import SHANGHAI
from schemas.values import Filing
from sync_server.console.planning.form import faults_of
from sync_server.service.planning import refused


def whole(text: str) -> int:
    """A number that a form carries; 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def moment_of(text: str, field: str) -> str:
    """What an input of date and time gives ("2026-11-21T10:30"), with its offset. Raises Trouble 3001."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        zh, en = "写成日期和时间，如 2026-11-21 10:30", "write date and time, such as 2026-11-21 10:30"
        raise refused([Fault(field, zh, en)]) from None
    return (at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).isoformat(timespec="seconds")


def filing_of(given: Mapping[str, str], lacking: Sequence[Lack]) -> dict[str, Any]:
    """`lacking`: of the plan; with that it is not handed to an authority, except that its result is reported.

    Raises Trouble 3001: something is missing in the plan or in the filing."""
    side = given.get("side", "")
    if side != "result" and (stops := [x for x in lacking if not x.cannot]):
        raise refused([Fault("side", x.zh, x.en) for x in stops])
    out: dict[str, Any] = {"side": side, "authority_id": given.get("authority_id", "")}
    out["submitted_at"] = moment_of(given.get("submitted_at", ""), "submitted_at")
    return _answered(out, given, given.get("accepted_at", "").strip() != "")


def receipted(found: Sequence[dict[str, Any]], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The filings, one of them (`n`) with its receipt. Raises Trouble 3001."""
    n = whole(given.get("n", ""))
    if not given.get("n", "").isdecimal() or n >= len(found):
        raise refused([Fault("receipt_no", "没有这次报送", "There is no such filing")])
    return [*found[:n], _answered(found[n], given, True), *found[n + 1 :]]


def _answered(one: Mapping[str, Any], given: Mapping[str, str], accepted: bool) -> dict[str, Any]:
    out = dict(one)
    if number := given.get("receipt_no", "").strip():
        out["receipt_no"] = number
    if accepted:
        out["accepted_at"] = moment_of(given.get("accepted_at", ""), "accepted_at")
    faults = faults_of(Filing, out)
    if accepted and datetime.fromisoformat(out["accepted_at"]) < datetime.fromisoformat(out["submitted_at"]):
        faults.append(Fault("accepted_at", "收悉时间早于报送时间", "It was accepted before it was submitted"))
    if faults:
        raise refused(faults)
    return out
