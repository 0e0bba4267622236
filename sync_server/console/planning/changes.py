"""What one version changes against another, as tables and map show it; what becomes of work done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.records.site import Site
from schemas.rules.reconcile import Facts, PointState
from schemas.rules.reconcile.facts import natural
from sync_server.console.overview.views import symbol_of
from sync_server.console.parts import Sign
from sync_server.console.planning.views import degrees, targets_text
from sync_server.console.said import text_of
from sync_server.console.words import compass, words
from sync_server.plan.diff import Step, Values, place_of
from sync_server.plan.reading import RowFault

NAMED = 30  # points named in one sentence
DRAWN = 5000  # points of a map that did not change


# --- what changes ----------------------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """One point that differs, as it is read."""

    code: str
    signs: list[Sign]
    kinds: str
    how: list[tuple[str, str, str]]  # field, before, after; "" for what has no two sides
    where: str
    reason: str
    work: str  # what becomes of work already done there


_KIND = {
    "added": ("plus", "done"),
    "moved": ("move", "warn"),
    "changed": ("half", "active"),
    "removed": ("block", "planned"),
}


def kinds_of(step: Step) -> list[str]:
    if step.added or step.removed:
        return ["added" if step.added else "removed"]
    return [k for k, there in (("moved", step.moved_m is not None), ("changed", bool(step.fields))) if there]


def shown(
    found: Iterable[Step], states: Mapping[str, PointState], reasons: Mapping[str, str], lang: str, now: datetime
) -> list[Shown]:  # fmt: skip
    """`reasons`: code → why, where somebody wrote it down beside the version."""
    w = words(lang)
    out = []
    for s in sorted(found, key=lambda s: natural(s.code)):
        kinds = kinds_of(s)
        how = (
            [("", "", w("pl_moved_by", m=f"{s.moved_m:.1f}", way=compass(s.bearing or 0, lang)))]
            if s.moved_m is not None
            else []
        )
        how += [_changed(name, s.old or {}, s.new or {}, lang, now) for name in s.fields]
        here = s.new or s.old or {}
        reason = reasons.get(s.code) or (str(here.get("reason") or "") if s.added else "")
        out.append(Shown(
            s.code, [Sign(*_KIND[k], w(f"pl_{k}_short")) for k in kinds], w("pl_and").join(w(f"pl_{k}") for k in kinds), how,
            degrees(here) if s.added or s.moved_m is not None else "", reason, becomes(s, states.get(s.code), lang),
        ))  # fmt: skip
    return out


def _changed(name: str, old: Values, new: Values, lang: str, now: datetime) -> tuple[str, str, str]:
    """Field, before, after."""
    if name == "targets":
        about = TYPES["planned_target"].about
        before, after = (targets_text(v.get("targets", ()), lang) or "—" for v in (old, new))
        return about.zh if lang == "zh" else about.en, before, after
    field = fields_of(TYPES["planned_point"]).get(name)
    before, after = (
        text_of(field, v[name], {}, lang, now) if v.get(name) not in (None, "", []) else "—" for v in (old, new)
    )
    return field.spec.label(lang) if field else name, before, after


def becomes(step: Step, point: PointState | None, lang: str) -> str:
    """What happens to work already done at a point; "" where there is none."""
    if point is None or not point.visits:
        return ""
    w = words(lang)
    if step.removed:
        return w("pl_work_kept")
    return w("pl_work_moved" if step.moved_m is not None else "pl_work_attached")


class Kept(NamedTuple):
    codes: str
    more: int  # codes that are not named
    text: str


def kept(told: Iterable[Shown], lang: str) -> list[Kept]:
    """What becomes of work done, each said once for all points it is true of."""
    by_text: dict[str, list[str]] = {}
    for s in told:
        if s.work:
            by_text.setdefault(s.work, []).append(s.code)
    comma = "、" if lang == "zh" else ", "
    return [Kept(comma.join(codes[:NAMED]), max(0, len(codes) - NAMED), text) for text, codes in by_text.items()]


def reasons_in(note: str) -> dict[str, str]:
    """Code → reason, out of the note of a version that was made on the pages: a line a point, "S12 移动：让开电缆沟"."""
    out: dict[str, str] = {}
    for line in note.splitlines():
        head, colon, why = line.partition("：")
        code = head.rpartition(" ")[0]
        if colon and code:
            out[code] = f"{out[code]}；{why}" if code in out else why
    return out


class FaultLine(NamedTuple):
    where: str
    column: str
    what: str
    remedy: str


def fault_lines(faults: Iterable[RowFault], lang: str) -> list[FaultLine]:
    w, zh = words(lang), lang == "zh"
    return [
        FaultLine(w(f"pl_at_{f.place}", n=f.line), f.column, f.zh if zh else f.en, f.remedy_zh if zh else f.remedy_en)
        for f in faults
    ]


# --- the map ---------------------------------------------------------------------------------------------------------


def map_of(
    facts: Facts, points: Iterable[Mapping[str, Any]], found: Sequence[Step], states: Mapping[str, PointState], lang: str, now: datetime
) -> dict[str, Any]:  # fmt: skip
    """What planning.js draws: the points of a version (with their state), and what changes. Longitude and latitude in degrees."""
    told = {s.code: s for s in shown(found, states, {}, lang, now)}
    steps = {s.code: s for s in found}
    marks, left = [], 0
    for s in found:
        here = s.new or s.old
        if here is None:
            continue
        lon, lat = place_of(here)
        kinds = kinds_of(s)
        one: dict[str, Any] = {"c": s.code, "k": kinds[0], "at": [lat, lon], "s": _drawn(states.get(s.code)),
                               "t": [told[s.code].kinds, *(" ".join(x for x in (f, b and f"{b} →", a) if x) for f, b, a in told[s.code].how)]}  # fmt: skip
        if s.moved_m is not None and s.old:
            lon, lat = place_of(s.old)
            one["from"] = [lat, lon]
        marks.append(one)
    for v in points:
        if v["code"] in steps:
            continue
        if len(marks) - len(found) >= DRAWN:
            left += 1
            continue
        lon, lat = place_of(v)
        marks.append(
            {"c": v["code"], "k": "same", "at": [lat, lon], "s": _drawn(states.get(v["code"])), "t": [degrees(v)]}
        )
    rings = [
        [[float(lat), float(lon)] for lon, lat, *_ in ring]
        for site in facts.alive(Site) if site.boundary for ring in site.boundary.rings
    ]  # fmt: skip
    return {"points": marks, "boundary": rings, "left": left}


def _drawn(point: PointState | None) -> str:
    return symbol_of(point) if point else "planned"
