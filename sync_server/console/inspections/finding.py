"""What the page of one finding shows: its course, its photos, and the box in which an inspector decides."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.facility import Facility
from schemas.records.finding import Finding
from schemas.records.recheck import Recheck
from schemas.reference import codes
from schemas.rules import rectify
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.courses import employers
from schemas.rules.reconcile.terms import SHANGHAI, day
from sync_server.console.house import House, Place
from sync_server.console.inspections import pairs, rows
from sync_server.console.inspections.opening import rechecks
from sync_server.console.inspections.verdicts import list_of
from sync_server.console.parts import Sign, when
from sync_server.console.record import shots
from sync_server.console.record.known import Known
from sync_server.console.record.title import evidence
from sync_server.console.words import pick, words
from sync_server.findings import Entry, photos_of
from sync_server.service.inspections import RESULTS, lacks_report, mark_of

PHOTOS = 60  # shown on one page
_STEP = {
    "issued": ("flag", "planned"), "action": ("half", "active"), "reported": ("check", "active"), "closed": ("ok", "done"),
    "keep": ("back", "warn"), "refer": ("flag", "clash"), "voided": ("block", "unsure"),
}  # fmt: skip


class Told(NamedTuple):
    """One step of the course. `lines`: what the record says; `not_yet`: why it does not count, "" where it does."""

    id: str
    type: str
    sign: Sign
    at: str
    who: str
    lines: list[str]
    not_yet: str
    photos: int


class Choice(NamedTuple):
    """A result an inspector may choose. `stops`: why not now, or ""."""

    code: str
    word: str
    stops: str


class Box(NamedTuple):
    """`why_not`: why this reader decides nothing here; `pending`: (result, who has decided so); `confirms`: the reader is the second one;
    `over`: it has ended, another look is a 回头看."""

    may: bool
    why_not: str
    seen: str
    pending: tuple[str, str, str] | None
    confirms: bool
    over: bool
    choices: list[Choice]
    deadline_least: date


def values(house: House, place: Place, facts: Facts, e: Entry, lang: str) -> dict[str, Any]:
    """For the page of one finding and for the panel below the ledger."""
    now, today = house.now(), day(facts.now)
    made, others, more = _photos(house, facts, e, lang)
    return {
        "e": e, "id": e.id, "f": e.finding, "sign": rows.sign(e, today, lang), "severity": rows.severity_sign(e.finding.severity, lang),
        "sheet": _sheet(facts, e, lang), "party": rows.party(e), "steps": _steps(facts, e, lang), "asks": [(q.zh if lang == "zh" else q.en, q.waits) for q in e.course.open],
        "pairs": made, "others": others, "photos_more": more, "gap": pairs.summary(made, lang), "apart": any(p.near is False for p in made), "box": box(place, facts, e, lang), "as_of": when(facts.now, now),
        "age": rows.days(e.age, lang), "evidence": evidence(facts, "inspection", e.finding.inspection_id),
    }  # fmt: skip


def _sheet(facts: Facts, e: Entry, lang: str) -> list[tuple[str, str]]:
    """The finding's own fields, and where it came from."""
    known, f, w = fields_of(Finding), e.finding, words(lang)
    out: list[tuple[str, str]] = []
    answer = facts.find(ChecklistAnswer, f.answer_id)
    checklist = list_of(facts, e.inspection) if e.inspection and answer else None
    item = checklist.item(answer.item_code) if checklist and answer else None
    if answer is not None:
        out.append((w("in_item"), f"{answer.item_code} {pick(item.label, lang)}" if item else answer.item_code))
    facility = facts.find(Facility, f.facility_id)
    plain: list[tuple[str, Any]] = [
        ("kind", f.kind), ("basis", f.basis), ("quote", f.quote), ("conduct_on", f.conduct_on), ("facility_id", facility.name if facility else ""),
        ("org_id", e.org), ("responsible", f.responsible), ("measure", f.measure), ("deadline", f.deadline),
    ]  # fmt: skip
    out += [(known[name].spec.label(lang), str(value)) for name, value in plain if value not in (None, "")]
    if e.course.deadline != f.deadline and e.course.deadline is not None:
        out.append((w("in_deadline_now"), e.course.deadline.isoformat()))
    if f.position is not None:
        acc = f" ±{f.position.h_acc_m} m" if f.position.h_acc_m is not None else ""
        out.append((known["position"].spec.label(lang), f"{f.position.lon} {f.position.lat}{acc}"))
    return out


def _steps(facts: Facts, e: Entry, lang: str) -> list[Told]:
    out = []
    for s in e.course.steps:
        record = facts.find(Recheck, s.id) or facts.find(CorrectiveAction, s.id)
        who = s.who or (tuple(o.name for o in e.inspection.officers) if s.kind == "issued" and e.inspection else ())
        icon, colour = _STEP.get(s.kind, ("q", "unsure"))
        waits = e.course.pending is not None and s.id in e.course.pending.rechecks
        not_yet = words(lang)("in_one_more" if waits else "in_counts_not") if not s.counts else ""
        out.append(
            Told(s.id, record.about.type if record else "finding", Sign(icon, colour if s.counts else "unsure", pick(s.words, lang)),
                 f"{s.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}", ("、" if lang == "zh" else ", ").join(dict.fromkeys(who)),
                 _lines(record, lang), not_yet, len(facts.photos_of(s.id)))
        )  # fmt: skip
    return out


def _lines(record: Recheck | CorrectiveAction | None, lang: str) -> list[str]:
    if record is None:
        return []
    known, names = fields_of(type(record)), ("opinion", "next_deadline", "referred_to")
    if isinstance(record, CorrectiveAction):
        names = ("measure_taken", "cost_yuan", "")
    out = []
    for n, name in enumerate(names):
        value = getattr(record, name, None) if name else None
        if value in (None, ""):
            continue
        spec = known[name].spec
        unit = f" {words(lang)('in_yuan')}" if spec.unit == "yuan" else f" {spec.unit}" if spec.unit else ""
        out.append(str(value) if n == 0 else f"{known[name].spec.label(lang)} {value}{unit}")
    if isinstance(record, Recheck):
        out += [signature_line(s, lang) for s in record.signatures]
    return out


def signature_line(s: Any, lang: str) -> str:
    """Who signed as what, how and when; why not."""
    role, way = codes("signoff_kind").get(s.role), codes("sign_kind").get(s.way)
    parts = [
        pick(role, lang) if role else s.role,
        s.name,
        pick(way, lang) if way else s.way,
        s.refuse_reason or "",
        f"{s.signed_at.astimezone(SHANGHAI):%m-%d %H:%M}",
    ]
    return " ".join(p for p in parts if p)


def _photos(house: House, facts: Facts, e: Entry, lang: str) -> tuple[list[pairs.Pair], list[shots.Shot], int]:
    found = pairs.sort(facts, e.finding)
    shown = found.all[:PHOTOS]
    stored = facts.stored_blobs or frozenset()
    blobs, makers = house.service.pictures({p.sha256 for p in shown}, [p.id for p in shown if p.sha256 not in stored])
    made = {s.id: s for s in shots.shots(shown, facts, {}, blobs, makers, Known(facts, {}, {}, lang).names, lang)}
    drawn = [pairs.pair(before, after, made, lang) for before, after in found.pairs]
    return (
        [p for p in drawn if p.before or p.after],
        [made[p.id] for p in found.others if p.id in made],
        len(found.all) - len(shown),
    )


# --- deciding -------------------------------------------------------------------------------------------------------------


def seen_mark(facts: Facts, e: Entry) -> str:
    """What this page shows, for the service to compare."""
    steps = [*facts.actions_of(e.id), *facts.rechecks_of(e.id)]
    return mark_of((e.id, e.finding.seq), [(s.id, s.seq) for s in steps])


def box(place: Place, facts: Facts, e: Entry, lang: str) -> Box:
    w, course, me = words(lang), e.course, place.me.person
    results = codes("recheck_result")
    pending = course.pending
    why = ""
    if not rechecks(place):
        why = w("in_not_inspector")
    elif e.inspection is not None and _own_party(facts, e, me):
        why = w("in_own_party")
    stops = {code: "" for code in RESULTS}
    if not course.over:
        lack = lacks_report(course, facts.actions_of(e.id), photos_of(facts, e.finding))
        stops["closed"] = (lack["zh" if lang == "zh" else "en"]) if lack else ""
    if pending is not None and me in pending.officers:
        stops[pending.result] = w("in_need_other")
    choices = [Choice(code, pick(results[code], lang), stops[code]) for code in RESULTS]
    said = None
    if pending is not None:
        said = (
            pending.result,
            pick(results[pending.result], lang),
            ("、" if lang == "zh" else ", ").join(pending.names),
        )
    confirms = pending is not None and me not in pending.officers and not why and not stops[pending.result]
    return Box(not why, why, seen_mark(facts, e), said, confirms, course.over, choices, day(facts.now))


def _own_party(facts: Facts, e: Entry, person: str) -> bool:
    orgs = employers(facts)
    if e.inspection is None or rectify.self_check(e.finding, e.inspection, orgs):
        return False
    return orgs.get(person) == e.finding.org_id
