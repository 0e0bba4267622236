"""The figures of a whole project: heading, key figures, plan against actual, its line in the list. Pure, as views.py is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.fields import Audience
from schemas.records.site import Site
from schemas.reference import Label, codes
from schemas.rules.reconcile import Facts, Report
from sync_server.console.overview import views
from sync_server.console.overview.crews import Photos
from sync_server.console.overview.todo import total
from sync_server.console.parts import number, when
from sync_server.console.words import pick, words
from sync_server.facts import Seen


class Kpi(NamedTuple):
    name: str
    value: str
    of: str
    line: str
    path: str  # where its records are, behind the project's address
    hot: bool = False
    parts: tuple[tuple[str, str], ...] = ()  # the line in parts, each with where it leads or ""


def kpis(report: Report, pictures: Photos | None, audiences: Iterable[str], lang: str) -> list[Kpi]:
    """At most five figures. One whose records the reader may not see is left out, not shown as nothing."""
    w, t, may = words(lang), report.totals, set(audiences)
    counted = [(k, w(f"n_{k}", n=number(n))) for k, n in (
        ("shifted", t.shifted), ("missing", t.missing), ("partial", t.partial), ("refused", t.refused),
        ("cancelled", t.cancelled), ("extra", t.extra), ("unsure_shift", t.shift_unknown)) if n]  # fmt: skip
    parts = [text for _, text in counted]
    leading = tuple((text, f"?state={k}#points" if k in views.STATES else "") for k, text in counted)
    above = sorted(((name, n) for name, n in t.exceedances.items() if n), key=lambda kv: (-kv[1], kv[0]))
    listed = " · ".join(f"{views.element_names([name], lang)} {number(n)}" for name, n in above[:6])
    judged = w("none_above", n=len(t.exceedances)) if t.exceedances else w("none_judged")
    share = w("duplicates", n=t.duplicates, p=f"{t.duplicate_share * 100:.1f}")
    planned = [w("samples_all", n=number(t.samples)), share] if t.targets else [share]
    out = [
        Kpi(w("kpi_points"), number(t.done), f"/ {number(t.planned)}", " · ".join(parts), "#points", parts=leading) if t.planned else
        Kpi(w("kpi_points"), number(t.visited), "", w("no_plan_short"), "#points"),
        Kpi(w("kpi_samples"), number(t.targets_done) if t.targets else number(t.samples),
            f"/ {number(t.targets)}" if t.targets else "", " · ".join(planned) if t.samples else w("no_samples"), "/records/sample"),
        Kpi(w("kpi_above"), number(t.above), f"/ {number(t.visited)}" if t.visited else "", listed or judged, "#depth", bool(t.above)),
    ]  # fmt: skip
    if Audience.TRANSFER in may:
        m = t.manifests
        line = w("loads_line", a=m["received"], b=m["short"], c=m["not_received"]) if m["sent"] else w("no_loads")
        out.append(Kpi(w("kpi_loads"), number(m["sent"]), "", line, "/manifests"))
    if Audience.ENFORCEMENT in may:
        out.append(Kpi(w("kpi_findings"), number(t.findings_open), "", w("findings_line_kpi"), "/records/finding"))
    if pictures and len(out) < 5:
        hint = w("photos_all_here") if pictures.whole else w("photos_missing")
        out.append(Kpi(w("kpi_photos"), pictures.here, f"/ {pictures.named}", hint, "#devices", not pictures.whole))
    return out


class Bar(NamedTuple):
    """One line of plan against actual. `group` "": the medium as a whole, in planned samples. `lacks`: what the points that
    still lack it are asked for by."""

    medium: str
    group: str
    done: int
    planned: int
    left: int
    points: int
    lacks: str


def bars(report: Report, lang: str) -> list[Bar]:
    """Progress by medium and analyte group, as the report has it; within a medium what lacks most comes first."""
    found = []
    for p in report.totals.progress:
        medium = pick(codes("medium").get(p.medium, Label(p.medium, p.medium)), lang)
        group = pick(codes("analyte_group").get(p.group, Label(p.group, p.group)), lang) if p.group else ""
        lacks = f"{p.medium}/{p.group}" if p.group else p.medium
        found.append(Bar(medium, group, p.done, p.planned, p.planned - p.done, p.points, lacks))
    order = {p.medium: n for n, p in enumerate(sorted((x for x in found if not x.group), key=lambda x: -x.planned))}
    return sorted(found, key=lambda x: (order.get(x.medium, 0), bool(x.group), -x.left, x.group))


def lacks_words(asked: str, lang: str) -> str:
    """“土壤 · 重金属”, of what points are asked to lack; "" where nothing is asked."""
    medium, _, group = asked.partition("/")
    names = (("medium", medium), ("analyte_group", group))
    return " · ".join(pick(codes(table).get(code, Label(code, code)), lang) for table, code in names if code)


class Head(NamedTuple):
    name: str
    line: str
    as_of: str
    devices: int


def head(facts: Facts, report: Report, lang: str) -> Head:
    w, project = words(lang), facts.project
    bits = []
    if project:
        stage = codes("survey_stage").get(project.stage)
        bits.append(pick(stage, lang) if stage else project.stage)
    for code in dict.fromkeys(s.standard for s in facts.alive(Site) if s.standard):
        bits.append(pick(codes("standard").get(code, Label(code, code)), lang))
    bits += [w("plan_v", n=n) for n in sorted({p.version for p in facts.plans})]
    bits += [s.name for s in facts.alive(Site)][:3]
    name = project.name if project else facts.project_id
    return Head(name, " · ".join(bits), when(report.basis.as_of, facts.now), report.basis.device_count)


class Line(NamedTuple):
    """One project in the list."""

    id: str
    name: str
    line: str
    decide: int
    planned: int
    done: int
    partial: int
    above: int
    loads: int | None
    photos: str  # n of m; "" where none was recorded
    whole: bool
    last_sync: str


def line(seen: Seen, audiences: Iterable[str], waiting: int, lang: str) -> Line:
    """`waiting`: changes that ask for somebody."""
    may, facts, report, media = set(audiences), seen.facts, seen.report, seen.media
    top, t = head(facts, report, lang), report.totals
    last = max((d.last_seen for d in facts.devices if d.last_seen), default=None)
    return Line(
        facts.project_id, top.name, top.line,
        total(facts, views.told(facts, report, may), waiting), t.planned, t.done, t.partial, t.above_intervention,
        t.manifests["not_received"] if Audience.TRANSFER in may else None,
        f"{number(media.here)}/{number(media.named)}" if media.named else "", media.here == media.named,
        when(last, facts.now) if last else "—",
    )  # fmt: skip
