"""隐患排查台账 and 整改台账 as XLSX, with sums by firm and site, open questions, and what the file is.

Columns: 公告2021年第1号 指南 as RULES §18 has it [K], the others [D]. States follow from the steps (schemas/rules/rectify); sums are those of
the pages. Rows are pure functions of the facts; small pictures are given by whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

from schemas.records.corrective_action import CorrectiveAction
from schemas.records.facility import Facility
from schemas.records.finding import Finding
from schemas.records.organisation import Organisation
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.rules.reconcile.facts import Facts
from schemas.rules.reconcile.terms import day
from schemas.rules.rectify_words import Question
from sync_server.documents.sheet import coded, joined, label
from sync_server.documents.text import when
from sync_server.export.columns import Column, Kind, Style
from sync_server.export.finding_words import say
from sync_server.export.layers import About, Layer
from sync_server.export.picture_sheets import Pictured, PictureWriter
from sync_server.export.words import say as shared
from sync_server.finding_sums import Sum, by_party, by_site
from sync_server.findings import Entry, entries, photos_of

PICTURES = 120  # in one file: each that was never shown takes a fraction of a second
EACH = 2  # of one cell
HAZARD = "hidden_hazard"
Row = tuple[int, Entry]


def pictured(facts: Facts, found: Sequence[Entry]) -> list[str]:
    """Hashes of the pictures the file would show, those of open findings first; no more than it may hold."""
    out: dict[str, None] = {}
    for e in sorted(found, key=lambda e: not e.open):
        for after in (False, True):
            for p in _shown(facts, e, after)[:EACH]:
                if facts.stored_blobs is None or p.sha256 in facts.stored_blobs:
                    out.setdefault(p.sha256)
    return list(out)[:PICTURES]


def ledger(
    facts: Facts, found: Sequence[Entry], pictures: Mapping[str, bytes], lang: str, path: Path, temp: Path, who: str, now: datetime,
    asked: str = "",
) -> None:  # fmt: skip
    """Write the file. `found`: the findings it is about, in their order; `asked`: what they were narrowed to, in words; `who`: for whom;
    `temp`: a folder on the same disk. Raises OSError where there is no room."""
    writer = PictureWriter(path, Style("labels", lang), temp)
    writer.draw(pictures, EACH)
    try:
        hazards = [e for e in found if e.inspection is not None and e.inspection.kind == HAZARD]
        _sheet(writer, say(lang, "rectified"), rectify_columns(facts, lang), enumerate(found, 1))
        _sheet(writer, say(lang, "hazards"), hazard_columns(facts, lang), enumerate(hazards, 1))
        if len(found) == len(entries(facts)):  # sums are of all: of a part they would say something else
            _sheet(writer, say(lang, "by_party"), sum_columns(lang), by_party(facts))
            _sheet(writer, say(lang, "by_site"), sum_columns(lang), by_site(facts))
        _sheet(writer, say(lang, "open"), question_columns(lang), ((e, q) for e in found for q in e.course.open))
        writer.close(about(facts, found, len(hazards), lang, who, now, asked))
    except BaseException:
        writer.abandon()
        raise


def _sheet(writer: PictureWriter, title: str, columns: list[Column], rows: Iterable[Any]) -> None:
    writer.begin(Layer(title, title, columns))
    writer.write(list(rows))


def _column(head: str, kind: Kind, of: Any) -> Column:
    return Column(head, kind, cast(Any, of))


def hazard_columns(facts: Facts, lang: str) -> list[Column]:
    """隐患排查台账: head of the form and its eight columns; `remark` says how it stands."""
    head = [
        _column(say(lang, "n"), "int", lambda x: x[0]),
        _column(say(lang, "firm"), "text", lambda x: x[1].org),
        _column(say(lang, "industry"), "text", lambda x: o.industry_code if (o := _org(facts, x[1])) else None),
        _column(
            say(lang, "lead"),
            "text",
            lambda x: joined([o.name for o in x[1].inspection.officers], lang) if x[1].inspection else None,
        ),
        _column(
            say(lang, "checked"), "date", lambda x: iso(day(x[1].inspection.started_at)) if x[1].inspection else None
        ),
    ]
    body = [
        _column(say(lang, "activity"), "text", lambda x: _of_facility(facts, x[1], "hazard_class", lang)),
        _column(say(lang, "facility"), "text", lambda x: _facility(facts, x[1], lang)),
        _column(say(lang, "where"), "text", lambda x: _where(facts, x[1])),
        _column(say(lang, "photo_before"), "text", lambda x: _photos(facts, x[1], False, lang)),
        _column(say(lang, "hazard"), "text", lambda x: x[1].finding.description),
        _column(say(lang, "advice"), "text", lambda x: x[1].finding.measure),
        _column(
            say(lang, "remark"),
            "text",
            lambda x: joined([x[1].finding.code, say(lang, f"s_{x[1].course.state}")], lang),
        ),
    ]
    return [*head, *body]


def rectify_columns(facts: Facts, lang: str) -> list[Column]:
    """整改台账: every finding with what was done about it and how it ended."""
    first = [
        _column(say(lang, "n"), "int", lambda x: x[0]),
        _column(label(Finding, "code", lang), "text", lambda x: x[1].finding.code),
        _column(say(lang, "state"), "text", lambda x: say(lang, f"s_{x[1].course.state}")),
        _column(say(lang, "late"), "int", lambda x: x[1].late or None),
        _column(
            label(Finding, "severity", lang), "text", lambda x: coded(Finding, "severity", x[1].finding.severity, lang)
        ),
        _column(say(lang, "firm"), "text", lambda x: x[1].org),
        _column(label(Finding, "responsible", lang), "text", lambda x: x[1].finding.responsible),
        _column(say(lang, "inspection"), "text", lambda x: x[1].inspection.code if x[1].inspection else None),
        _column(say(lang, "checked"), "date", lambda x: iso(x[1].course.opened)),
        _column(say(lang, "facility"), "text", lambda x: _facility(facts, x[1], lang)),
        _column(say(lang, "where"), "text", lambda x: _where(facts, x[1])),
        _column(say(lang, "hazard"), "text", lambda x: x[1].finding.description),
        _column(label(Finding, "basis", lang), "text", lambda x: x[1].finding.basis),
        _column(say(lang, "photo_before"), "text", lambda x: _photos(facts, x[1], False, lang)),
        _column(say(lang, "advice"), "text", lambda x: x[1].finding.measure),
        _column(say(lang, "deadline"), "date", lambda x: iso(x[1].course.deadline)),
    ]
    after = [
        _column(say(lang, "done"), "text", lambda x: a.measure_taken if (a := _last_action(facts, x[1])) else None),
        _column(say(lang, "photo_after"), "text", lambda x: _photos(facts, x[1], True, lang)),
        _column(
            say(lang, "done_on"),
            "date",
            lambda x: iso(day(a.at)) if (a := _last_action(facts, x[1])) and a.done else None,
        ),
        _column(say(lang, "by"), "text", lambda x: a.reported_by if (a := _last_action(facts, x[1])) else None),
        _column(say(lang, "cost"), "number", lambda x: _cost(facts, x[1])),
        _column(say(lang, "officers"), "text", lambda x: _officers(facts, x[1], lang)),
        _column(say(lang, "opinion"), "text", lambda x: r.opinion if (r := _last_recheck(facts, x[1])) else None),
        _column(say(lang, "ended"), "date", lambda x: iso(x[1].course.ended)),
        _column(say(lang, "age"), "int", lambda x: x[1].age),
        _column(say(lang, "open"), "int", lambda x: len(x[1].course.open) or None),
    ]
    return [*first, *after]


def sum_columns(lang: str) -> list[Column]:
    def number(key: str, name: str) -> Column:
        return _column(say(lang, key), "int", lambda s: getattr(s, name))

    def kinds(s: Sum) -> str:
        return joined([f"{kind} {n}" for kind, n in s.kinds], lang)

    return [
        _column(say(lang, "name"), "text", lambda s: s.name),
        *(number(k, n) for k, n in (("checks", "checks"), ("found", "found"), ("grave", "grave"), ("still", "open"), ("overdue", "late"),
                                    ("longest", "longest"), ("reported", "reported"), ("closed", "closed"), ("referred", "referred"))),
        _column(say(lang, "mean"), "number", lambda s: f"{s.mean_days:.1f}" if s.mean_days is not None else None),
        _column(say(lang, "last"), "date", lambda s: iso(s.last)),
        _column(say(lang, "kinds"), "text", kinds),
    ]  # fmt: skip


def question_columns(lang: str) -> list[Column]:
    def text(row: tuple[Entry, Question]) -> str:
        return row[1].zh if lang == "zh" else row[1].en

    return [
        _column(label(Finding, "code", lang), "text", lambda x: x[0].finding.code),
        _column(say(lang, "firm"), "text", lambda x: x[0].org),
        _column(say(lang, "state"), "text", lambda x: say(lang, f"s_{x[0].course.state}")),
        _column(say(lang, "question"), "text", text),
    ]


def about(facts: Facts, found: Sequence[Entry], hazards: int, lang: str, who: str, now: datetime, asked: str) -> About:
    project, still = facts.project, [e for e in found if e.open]
    lines = [
        (shared(lang, "about_project"), joined([project.code, project.name], lang) if project else ""),
        (shared(lang, "about_what"), say(lang, "title")),
        (shared(lang, "about_who"), who),
        (shared(lang, "about_when"), f"{when(now)} UTC+8"),
        (say(lang, "filtered"), asked or shared(lang, "about_none")),
        (
            say(lang, "rectified"),
            say(lang, "about_rectified", n=len(found), open=len(still), late=sum(1 for e in still if e.late)),
        ),
        (say(lang, "hazards"), say(lang, "about_hazards", n=hazards)),
        (say(lang, "what"), say(lang, "about_state")),
        (say(lang, "pictures"), say(lang, "about_photos", most=PICTURES)),
    ]
    return About(lines)


# --- what stands in the cells -----------------------------------------------------------------------------------------------


def iso(on: date | None) -> str | None:
    return on.isoformat() if on else None


def _org(facts: Facts, e: Entry) -> Organisation | None:
    return facts.find(Organisation, e.finding.org_id)


def _facility_of(facts: Facts, e: Entry) -> Facility | None:
    return facts.find(Facility, e.finding.facility_id or (e.inspection.facility_id if e.inspection else None))


def _facility(facts: Facts, e: Entry, lang: str) -> str | None:
    f = _facility_of(facts, e)
    return joined([f.code, f.name, coded(Facility, "kind", f.kind, lang)], lang) if f else None


def _of_facility(facts: Facts, e: Entry, name: str, lang: str) -> str | None:
    f = _facility_of(facts, e)
    return coded(Facility, name, getattr(f, name), lang) if f else None


def _where(facts: Facts, e: Entry) -> str | None:
    """As it was measured; where the finding has no position, the place of the check."""
    at = e.finding.position
    if at is not None:
        return f"{at.lon}, {at.lat}" + (f" ±{at.h_acc_m} m" if at.h_acc_m is not None else "")
    return (e.inspection.place if e.inspection else None) or e.site or None


def _shown(facts: Facts, e: Entry, after: bool) -> list[Photo]:
    found = [
        p for p in photos_of(facts, e.finding) if (p.step == "rectified") == after and (after or p.step == "finding")
    ]
    return sorted(found, key=lambda p: (p.taken_at, p.id), reverse=after)


def _photos(facts: Facts, e: Entry, after: bool, lang: str) -> Pictured | None:
    """How many there are, which have not come, and the first of them (after: the last) as pictures."""
    found = _shown(facts, e, after)
    if not found:
        return None
    stored = facts.stored_blobs
    gone = sum(p.sha256 not in stored for p in found) if stored is not None else 0
    parts = [say(lang, "photos", n=len(found)), say(lang, "missing", n=gone) if gone else ""]
    return Pictured(joined(parts, lang), tuple(p.sha256 for p in found[:EACH]))


def _last_action(facts: Facts, e: Entry) -> CorrectiveAction | None:
    """The last report that it is done, else the last measure."""
    return max(facts.actions_of(e.id), key=lambda a: (a.done, a.at, a.id), default=None)


def _last_recheck(facts: Facts, e: Entry) -> Recheck | None:
    return max(facts.rechecks_of(e.id), key=lambda r: (r.at, r.id), default=None)


def _cost(facts: Facts, e: Entry) -> str | None:
    costs = [a.cost_yuan for a in facts.actions_of(e.id) if a.cost_yuan is not None]
    return f"{sum(costs):f}" if costs else None


def _officers(facts: Facts, e: Entry, lang: str) -> str | None:
    """Of the re-checks that count; where none does yet, of all."""
    counting = {s.id for s in e.course.steps if s.counts}
    all_ = sorted(facts.rechecks_of(e.id), key=lambda r: (r.at, r.id))
    chosen = [r for r in all_ if r.id in counting] or all_
    return joined(dict.fromkeys(o.name for r in chosen for o in r.officers), lang) or None
