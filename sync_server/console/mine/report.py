"""What a party posted about a finding: the values of the report, and its photos with what the page told of each. Pure but for the files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from starlette.datastructures import FormData, UploadFile

from schemas.change import ID
from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records.corrective_action import CorrectiveAction
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.inputs import typed_value
from sync_server.console.words import words
from sync_server.service.planning import refused
from sync_server.service.rectifying import Given

FIELDS = ("measure_taken", "cost_yuan")
LONGEST_META = 2000  # characters of what the page tells of one photo
LIVE_FOR = timedelta(hours=12)  # a page that stays open longer has forgotten when its photos were taken
NETWORK = 100.0  # metres: a browser does not say how it found the place; beyond this it was hardly by satellite
_WHEN = re.compile(r"\s*(\d{4}-\d{2}-\d{2})[T ](\d{1,2}:\d{2})(:\d{2})?\s*")


class Posted(NamedTuple):
    """`typed`: as it was typed, to be shown again beside its faults."""

    id: str
    typed: dict[str, str]
    photos: list[Given]


def posted(form: FormData, now: datetime) -> Posted:
    typed = {n: str(form.get(n) or "")[:20_000] for n in ("id", "at", "done", *FIELDS)}
    meta = [_meta(str(m)) for m in form.getlist("meta") if len(str(m)) <= LONGEST_META]
    told = {str(m["name"]): m for m in meta if m.get("name")}
    photos = [
        _given(f, told.get(f.filename or "", {}), live, now)
        for name, live in (("photos", False), ("shots", True))
        for f in form.getlist(name)
        if isinstance(f, UploadFile) and (f.filename or f.size)
    ]
    return Posted(typed["id"], typed, photos)


def values_of(typed: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Raises Trouble 3001 for what cannot be read; a record's own limits are asked later. An empty time is now."""
    known, faults = fields_of(CorrectiveAction), list[Fault]()
    values: dict[str, Any] = {n: v for n in FIELDS if (v := typed_value(known[n], [typed.get(n, "")])) is not None}
    at = when_of(typed.get("at", ""), now)
    if at is None:
        faults.append(Fault("at", *(words(lang)("mi_when") for lang in ("zh", "en"))))
    else:
        values["at"] = at.isoformat(timespec="seconds")
    if typed.get("done") in ("true", "false"):
        values["done"] = typed["done"] == "true"
    else:
        faults.append(Fault("done", *(words(lang)("mi_yes_or_no") for lang in ("zh", "en"))))
    if faults:
        raise refused(faults)
    return values


def when_of(text: str, now: datetime) -> datetime | None:
    """What was typed as local time; None where it is none."""
    if not text.strip():
        return now.replace(microsecond=0)
    found = _WHEN.fullmatch(text)
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]:0>5}").replace(tzinfo=SHANGHAI) if found else None
    except ValueError:
        return None


def report_id(text: str) -> str:
    """The id the page gave its form, so that a report sent twice is one. Raises Trouble 1001."""
    if not ID.match(text):
        raise Trouble(1001, why={"zh": "这一页不完整，刷新后再交", "en": "the page is incomplete: load it again"})
    return text


def _given(file: UploadFile, meta: Mapping[str, Any], live: bool, now: datetime) -> Given:
    name = file.filename or ""
    if not live or not meta:
        return Given(file.file, name, False)
    return Given(file.file, name, True, _taken(meta.get("at"), now), _fix(meta, now), _bearing(meta.get("heading")), str(meta.get("over") or ""))  # fmt: skip


def _meta(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: Any, low: float, high: float) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    return float(value) if fits else None


def _taken(ms: Any, now: datetime) -> datetime | None:
    """The page counts on from the server's own time, by a clock that nobody sets."""
    at = _number(ms, 0, 1e14)
    moment = datetime.fromtimestamp(at / 1000, SHANGHAI) if at is not None else None
    return moment if moment is not None and now - LIVE_FOR <= moment <= now + timedelta(seconds=5) else None


def _fix(meta: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    lon, lat = _number(meta.get("lon"), -180, 180), _number(meta.get("lat"), -90, 90)
    acc, at = _number(meta.get("acc"), 0, 10_000), _taken(meta.get("fix_at"), now)
    if lon is None or lat is None or acc is None or at is None:
        return None
    return {
        "lon": f"{lon:.7f}", "lat": f"{lat:.7f}", "h_acc_m": f"{acc:.2f}",
        "fix_kind": "network" if acc > NETWORK else "single", "at": at.isoformat(timespec="seconds"),
    }  # fmt: skip


def _bearing(heading: Any) -> str:
    found = _number(heading, 0, 360)
    return "" if found is None else str(round(found) % 360)


def shown_at(at: datetime) -> str:
    """As an input of date and time wants it."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M")


def faults_by_field(faults: Sequence[Fault], lang: str) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for f in faults:
        out.setdefault(f.field, []).append(f.zh if lang == "zh" else f.en)
    return out
