"""The figures of a whole project: heading, key figures, devices, its line in the list. Pure, as views.py is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from schemas.fields import Audience
from schemas.records.sample import Sample
from schemas.records.site import Site
from schemas.reference import Label, codes
from schemas.rules.reconcile import Facts, Report
from schemas.rules.reconcile.sync import SILENT_H
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.overview import views
from sync_server.console.parts import ago, number, when
from sync_server.console.words import pick, words
from sync_server.media import Media


class Kpi(NamedTuple):
    name: str
    value: str
    of: str
    line: str
    hot: bool = False


def kpis(facts: Facts, report: Report, audiences: Iterable[str], lang: str) -> list[Kpi]:
    """At most five figures. One whose records the reader may not see is left out, not shown as nothing."""
    w, t, may = words(lang), report.totals, set(audiences)
    parts = [w(f"n_{k}", n=number(n)) for k, n in (
        ("shifted", t.shifted), ("missing", t.missing), ("partial", t.partial), ("refused", t.refused),
        ("cancelled", t.cancelled), ("extra", t.extra), ("unsure_shift", t.shift_unknown)) if n]  # fmt: skip
    samples = len(facts.alive(Sample))
    above = {name: n for name, n in t.exceedances.items() if n}
    any_above = sum(p.visited and p.exceed in ("screening", "intervention") for p in report.points)
    elements = sorted(above.items(), key=lambda kv: (-kv[1], kv[0]))
    listed = " · ".join(f"{views.element_names([name], lang)} {number(n)}" for name, n in elements[:6])
    judged = w("none_above", n=len(t.exceedances)) if t.exceedances else w("none_judged")
    out = [
        Kpi(w("kpi_points"), number(t.done), f"/ {number(t.planned)}", " · ".join(parts)),
        Kpi(w("kpi_samples"), number(samples), "",
            w("duplicates", n=t.duplicates, p=f"{t.duplicate_share * 100:.1f}") if samples else w("no_samples")),
        Kpi(w("kpi_above"), number(any_above), f"/ {number(t.visited)}", listed or judged, bool(any_above)),
    ]  # fmt: skip
    if Audience.TRANSFER in may:
        m = t.manifests
        line = w("loads_line", a=m["received"], b=m["short"], c=m["not_received"]) if m["sent"] else w("no_loads")
        out.append(Kpi(w("kpi_loads"), number(m["sent"]), "", line))
    if Audience.ENFORCEMENT in may:
        out.append(Kpi(w("kpi_findings"), number(t.findings_open), "", w("findings_line_kpi")))
    return out


class Device(NamedTuple):
    label: str
    seen: str
    ago: str
    pending: str
    silent: bool
    photos: str  # it recorded and has not sent


class Photos(NamedTuple):
    """What has come of the photos; `elsewhere`: of those that have not, how many no device of the list recorded."""

    line: str
    whole: bool
    elsewhere: str


def photos(facts: Facts, media: Media, lang: str) -> Photos | None:
    """None: no photo was recorded."""
    if not media.named:
        return None
    w, listed = words(lang), {d.device_id for d in facts.devices}
    others = [o for o in media.owing if o.device not in listed]
    told = " · ".join(f"{o.code or w('photos_no_device')} {number(o.photos)}" for o in others)
    line = w("photos_line", n=number(media.here), m=number(media.named))
    return Photos(line, media.here == media.named, w("photos_elsewhere", x=told) if told else "")


def devices(facts: Facts, media: Media, lang: str) -> list[Device]:
    """The longest silent first."""
    w = words(lang)
    owed = {o.device: o.photos for o in media.owing}
    never = datetime.min.replace(tzinfo=SHANGHAI)
    out = []
    for d in sorted(facts.devices, key=lambda d: (d.last_seen or never, d.label)):
        seen, since = (
            (when(d.last_seen, facts.now), ago(d.last_seen, facts.now, lang)) if d.last_seen else (w("never"), "")
        )
        silent = d.last_seen is None or (facts.now - d.last_seen).total_seconds() > SILENT_H * 3600
        out.append(
            Device(
                d.label,
                seen,
                since,
                w("pending_unknown") if d.pending is None else number(d.pending),
                silent,
                number(owed[d.device_id]) if d.device_id in owed else "",
            )
        )
    return out


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
    last_sync: str


def line(facts: Facts, report: Report, audiences: Iterable[str], lang: str) -> Line:
    may = set(audiences)
    top, t = head(facts, report, lang), report.totals
    seen = max((d.last_seen for d in facts.devices if d.last_seen), default=None)
    return Line(
        facts.project_id, top.name, top.line,
        sum(views.severity(f) in ("error", "severe") for f in views.visible(report, may)), t.planned, t.done, t.partial,
        sum(p.visited and p.exceed == "intervention" for p in report.points),
        t.manifests["not_received"] if Audience.TRANSFER in may else None, when(seen, facts.now) if seen else "—",
    )  # fmt: skip
