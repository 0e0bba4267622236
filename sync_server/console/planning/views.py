"""What the pages of plans show: versions, what one changes against another, what becomes of work done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.reference import codes
from schemas.rules.reconcile import CHECKS, Finding, PointState, Report
from schemas.rules.reconcile.facts import natural
from sync_server.console.overview.views import symbol_of
from sync_server.console.parts import Sign, when
from sync_server.console.said import text_of
from sync_server.console.words import pick, words
from sync_server.plan.diff import Values, place_of
from sync_server.service import PlanLine
from sync_server.store import Stored

CHECKED = ("P01", "P02", "P03", "P04", "P05")
LISTED, FEW = 200, 3  # rows of a page; findings of one check before the rest is counted


class Line(NamedTuple):
    """One version in the list of them."""

    id: str
    version: int
    title: str
    sign: Sign
    newest: bool
    points: int
    made: str  # when, by whom
    approved: str
    note: str
    reviews: int


def state_of(plan: Stored, plans: Iterable[Stored]) -> str:
    """draft, approved, superseded: superseded by a later version that is approved."""
    later = (p for p in plans if p.values["version"] > plan.values["version"])
    if any(p.values.get("approved_by") for p in later):
        return "superseded"
    return "approved" if plan.values.get("approved_by") else "draft"


_STATE = {"draft": ("half", "active"), "approved": ("ok", "done"), "superseded": ("minus", "planned")}


def state_sign(state: str, lang: str) -> Sign:
    return Sign(*_STATE[state], words(lang)(f"pl_state_{state}"))


def lines(found: Sequence[PlanLine], names: Mapping[str, str], lang: str, now: datetime) -> list[Line]:
    plans = [x.plan for x in found]
    out = []
    for n, x in enumerate(found):
        v = x.plan.values
        out.append(Line(
            x.plan.id, v["version"], str(v.get("title") or ""), state_sign(state_of(x.plan, plans), lang), n == 0, x.points,
            _by(x.made_at, x.made_by, names, now), _by(str(v.get("approved_at") or ""), str(v.get("approved_by") or ""), names, now),
            str(v.get("change_note") or ""), len(x.reviews),
        ))  # fmt: skip
    return out


def _by(at: str, person: str, names: Mapping[str, str], now: datetime) -> str:
    try:
        told = when(datetime.fromisoformat(at), now) if at else ""
    except ValueError:
        told = at[:20]
    return " · ".join(x for x in (told, names.get(person, "")) if x)


class ReviewShown(NamedTuple):
    head: str
    experts: str
    texts: list[tuple[str, str]]


def review(found: Stored, lang: str, now: datetime) -> ReviewShown:
    """What the experts said, as it is read."""
    fields, v = fields_of(TYPES["plan_review"]), found.values

    def say(name: str) -> str:
        return text_of(fields[name], v.get(name), {}, lang, now)

    head = " · ".join(say(n) for n in ("held_on", "kind", "conclusion"))
    people = [
        " ".join(str(e[k]) for k in ("name", "organisation", "title") if e.get(k)) for e in v.get("experts") or []
    ]
    texts = [
        (fields[n].spec.label(lang), str(v[n]))
        for n in ("opinions", "reply", "accepted_reason", "minutes_sha256")
        if v.get(n)
    ]
    return ReviewShown(head, ("、" if lang == "zh" else "; ").join(people), texts)


# --- points ----------------------------------------------------------------------------------------------------------


class PointLine(NamedTuple):
    code: str
    id: str
    role: str
    where: str
    depth: str
    tolerance: str
    targets: str
    reason: str
    state: Sign | None
    symbol: str


def point_lines(points: Sequence[Stored], targets: Mapping[str, list[Values]], states: Mapping[str, PointState], lang: str) -> list[PointLine]:  # fmt: skip
    roles = codes("planned_role")
    return [
        PointLine(
            p.values["code"], p.id, pick(roles[r], lang) if (r := p.values.get("role")) in roles else str(r or ""), degrees(p.values),
            _metres(p.values.get("target_depth_m")), _metres(p.values.get("tolerance_m")), targets_text(targets.get(p.id, ()), lang),
            str(p.values.get("reason") or ""), work_sign(states.get(p.values["code"]), lang),
            symbol_of(s) if (s := states.get(p.values["code"])) else "planned",
        )
        for p in points
    ]  # fmt: skip


def by_code(points: Sequence[Stored]) -> list[Stored]:
    """In the order of the work, then as people count: S2 before S10."""
    order = lambda p: (p.values.get("order_no") is None, p.values.get("order_no") or 0, natural(p.values["code"]))  # noqa: E731
    return sorted(points, key=order)


def _metres(value: Any) -> str:
    return f"{value} m" if value else ""


def degrees(values: Mapping[str, Any]) -> str:
    """119.452140° 32.208702°: six decimals, about 0.1 m."""
    lon, lat = place_of(values)
    return f"{lon:.6f}° {lat:.6f}°"


def targets_text(targets: Iterable[Mapping[str, Any]], lang: str) -> str:
    groups, media, rules = codes("analyte_group"), codes("medium"), codes("target_rule")
    parts = []
    for t in sorted(targets, key=lambda t: (t.get("medium") or "", float(t.get("depth_top_m") or 0))):
        medium, rule = t.get("medium", ""), t.get("rule", "")
        depth = (
            f"{t['depth_top_m']}–{t['depth_bottom_m']} m"
            if t.get("depth_bottom_m")
            else pick(rules[rule], lang)
            if rule in rules
            else rule
        )
        named = ("、" if lang == "zh" else ", ").join(
            _short(pick(groups[g], lang), lang) if g in groups else g for g in t.get("groups") or []
        )
        what = "" if medium == "soil" else pick(media[medium], lang) if medium in media else medium
        parts.append(" ".join(x for x in (what, depth, named) if x))
    return ("；" if lang == "zh" else "; ").join(parts)


def _short(group: str, lang: str) -> str:
    """重金属 for 重金属(除汞和六价铬); the English names hold no more than is needed."""
    return group.partition("(")[0] if lang == "zh" else group


def work_sign(point: PointState | None, lang: str) -> Sign | None:
    """How far the work at a point is; None where nothing was done."""
    if point is None or point.state == "missing":
        return None
    icon, colour = {"done": ("ok", "done"), "partial": ("half", "active"), "refused": ("block", "planned"), "extra": ("plus", "warn")}.get(
        point.state, ("minus", "planned"))  # fmt: skip
    return Sign(icon, colour, words(lang)(f"s_{point.state}"))


# --- checks ---------------------------------------------------------------------------------------------------------


class FindingGroup(NamedTuple):
    """The findings of one check and severity about the plan."""

    check: str
    title: str
    sign: Sign
    total: int
    texts: list[str]


_SEVERITY = {
    "error": ("warn", "alert"),
    "warning": ("warn", "warn"),
    "info": ("doc", "active"),
    "unknown": ("q", "unsure"),
}


def findings(report: Report, lang: str) -> list[FindingGroup]:
    """What the rules say of the plan in force, errors first."""
    grouped: dict[tuple[int, str, str], list[Finding]] = {}
    for f in report.findings:
        if f.check in CHECKED:
            grouped.setdefault((list(_SEVERITY).index(f.severity), f.check, f.severity), []).append(f)
    out = []
    for (_, check, severity), found in sorted(grouped.items()):
        title = CHECKS[check].zh if lang == "zh" else CHECKS[check].en
        texts = [_text(f, lang) for f in sorted(found, key=lambda f: natural(f.point_code or ""))[:FEW]]
        out.append(
            FindingGroup(check, title, Sign(*_SEVERITY[severity], words(lang)(f"sev_{severity}")), len(found), texts)
        )
    return out


def open_errors(report: Report, lang: str) -> list[str]:
    return [_text(f, lang) for f in report.findings if f.check in CHECKED and f.severity == "error"]


def _text(finding: Finding, lang: str) -> str:
    return finding.zh if lang == "zh" else finding.en
