"""What the page of one inspection shows: header, notices, answers, verdict, findings, signatures, amendments, hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.facility import Facility
from schemas.records.field_task import FieldTask
from schemas.records.inspection import Inspection
from schemas.records.manifest import Manifest
from schemas.records.organisation import Organisation
from schemas.records.photo import Photo
from schemas.records.point import Point
from schemas.records.site import Site
from schemas.reference import codes
from schemas.rules.checklists.model import Checklist
from schemas.rules.onsite import Difference, Sheet, difference
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import SHANGHAI, day
from schemas.values import Inspected, Officer, Signature
from sync_server.console.house import House, Place
from sync_server.console.inspections import checks, rows
from sync_server.console.inspections.verdicts import answers_of, judged, list_name, list_of
from sync_server.console.parts import Sign, when
from sync_server.console.record import shots
from sync_server.console.record.known import Known
from sync_server.console.record.title import evidence
from sync_server.console.record.values import strokes
from sync_server.console.said import text_of, type_words
from sync_server.console.words import pick, words
from sync_server.findings import of_inspection
from sync_server.service.onsite import OnsiteRecord, Taken, public_path

PHOTOS = 60  # shown on one page
DIFFERENCES = 40
_ANSWER = {
    "pass": ("ok", "done"), "fail": ("x", "alert"), "insufficient": ("q", "warn"), "not_apply": ("minus", "unsure"), "unanswered": ("circle", "planned"),
}  # fmt: skip
_ORDER = ("fail", "insufficient", "unanswered")  # shown first; the others are folded, by section


class Answered(NamedTuple):
    """One item with its answer. `lines`: what was noted beside it."""

    code: str
    label: str
    section: str
    star: bool
    sign: Sign
    answer: str
    lines: list[str]
    photos: int
    finding: str  # id of the finding it made


class Signed(NamedTuple):
    role: str
    name: str
    sign: Sign
    at: str
    why: str  # not signed
    path: str  # strokes


class Change(NamedTuple):
    """What an amendment says otherwise; "" where there was or is nothing."""

    what: str
    before: str
    after: str


class Amended(NamedTuple):
    id: str
    code: str
    at: str
    why: str
    changes: list[Change]
    more: int


def values(
    house: House, place: Place, facts: Facts, i: Inspection, record: OnsiteRecord | None, lang: str
) -> dict[str, Any]:
    now, today, w = house.now(), day(facts.now), words(lang)
    answers = _answers(facts, i, lang)
    found = [rows.row(e, today, lang) for e in of_inspection(facts, i.id)]
    pictures, more = _photos(house, facts, i, lang)
    taken = record.taken if record else None
    return {
        "i": i, "id": i.id, "kind": checks.kind_word(i.kind, lang), "checklist": list_name(facts, i, lang), "verdict": judged(facts, i, lang),
        "state": checks.state_sign(facts, i, lang), "sheet": _sheet(facts, i, lang), "inspected": [_person(p, lang) for p in i.inspected],
        "officers": [_officer(o, lang) for o in i.officers], "notices": _notices(i, lang), "first": [a for a in answers if a.answer in _ORDER],
        "sections": _sections(answers), "n_answers": len(answers), "counts_": _counts(answers), "lacks_list": bool(i.list_code) and list_of(facts, i) is None,
        "found": found, "signatures": [_signed(s, lang) for s in i.signatures], "photos": pictures, "photos_more": more,
        "agrees": taken.agrees if taken else None, "sha256": taken.sha256 if taken and taken.signed else "", "public": public_path(i.id, taken.sha256) if taken and taken.values.get("content_sha256") else "",
        "received": _received(record, facts, lang), "amends": _amends(record, facts, lang), "amended_by": _amended(record, lang), "evidence": evidence(facts, "inspection", i.id),
        "as_of": when(facts.now, now), "at": when(i.started_at, now), "drawable": i.position is not None or any(e.finding.position for e in of_inspection(facts, i.id)),
        "site": s.name if (s := facts.find(Site, i.site_id)) else "", "w_list": w("in_list"),
    }  # fmt: skip


def _sheet(facts: Facts, i: Inspection, lang: str) -> list[tuple[str, str]]:
    known = fields_of(Inspection)
    ended = f" – {i.ended_at.astimezone(SHANGHAI):%H:%M}" if i.ended_at else ""
    if i.ended_at and day(i.ended_at) != day(i.started_at):
        ended = f" – {i.ended_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    at = ""
    if i.position is not None:
        at = f"{i.position.lon} {i.position.lat}" + (
            f" ±{i.position.h_acc_m} m" if i.position.h_acc_m is not None else ""
        )
    plain: list[tuple[str, Any]] = [
        ("started_at", f"{i.started_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}{ended}"), ("place", i.place), ("position", at),
        ("site_id", s.name if (s := facts.find(Site, i.site_id)) else ""), ("org_id", o.name if (o := facts.find(Organisation, i.org_id)) else ""),
        ("legal_person", i.legal_person), ("point_id", p.code if (p := facts.find(Point, i.point_id)) else ""),
        ("manifest_id", m.number if (m := facts.find(Manifest, i.manifest_id)) else ""), ("facility_id", f.name if (f := facts.find(Facility, i.facility_id)) else ""),
        ("task_id", t.code if (t := facts.find(FieldTask, i.task_id)) else ""), ("stage", _code("survey_stage", i.stage, lang)), ("measure", _code("measure_kind", i.measure, lang)),
        ("deadline", i.deadline),
    ]  # fmt: skip
    return [(known[name].spec.label(lang), str(value)) for name, value in plain if value not in (None, "")]


def _code(name: str, code: str | None, lang: str) -> str:
    found = codes(name).get(code or "")
    return pick(found, lang) if found else code or ""


def masked(text: str) -> str:
    """An identity or phone number with its middle hidden; whole in its record, for whoever has to see it."""
    plain = text.strip()
    return f"{plain[:3]}{'•' * max(3, len(plain) - 7)}{plain[-4:]}" if len(plain) > 8 else "•" * len(plain)


def _person(p: Inspected, lang: str) -> list[tuple[str, str]]:
    known = fields_of(Inspected)
    parts = [
        ("name", p.name), ("sex", _code("sex", p.sex, lang)), ("duty", p.duty), ("employer", p.employer), ("id_no", masked(p.id_no) if p.id_no else ""),
        ("phone", masked(p.phone) if p.phone else ""),
    ]  # fmt: skip
    return [(known[name].spec.label(lang), str(value)) for name, value in parts if value]


def _officer(o: Officer, lang: str) -> tuple[str, str, str]:
    return o.name, o.certificate_no or "", _code("person_duty", o.duty, lang)


def _notices(i: Inspection, lang: str) -> list[tuple[str, str, str]]:
    """(what was said, when, what was answered), in the order it was said."""
    said = sorted(i.notices, key=lambda n: (n.read_at, n.kind))
    return [
        (_code("notice_kind", n.kind, lang), f"{n.read_at.astimezone(SHANGHAI):%H:%M:%S}", n.reply or "") for n in said
    ]


def _signed(s: Signature, lang: str) -> Signed:
    made = s.way in ("signed", "fingerprint", "stamped")
    sign = Sign("ok" if made else "warn", "done" if made else "warn", _code("sign_kind", s.way, lang))
    at = f"{s.signed_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    return Signed(
        _code("signoff_kind", s.role, lang),
        s.name,
        sign,
        at,
        s.refuse_reason or "",
        strokes(s.strokes) if s.strokes else "",
    )


# --- answers ----------------------------------------------------------------------------------------------------------------


def _answers(facts: Facts, i: Inspection, lang: str) -> list[Answered]:
    """In the order of the list, items nobody answered among them; answers of no item last."""
    checklist, given = list_of(facts, i), answers_of(facts, i.id)
    made = {e.finding.answer_id: e.id for e in of_inspection(facts, i.id) if e.finding.answer_id}
    by_item: dict[str, list[ChecklistAnswer]] = {}
    for a in given:
        by_item.setdefault(a.item_code, []).append(a)
    order = [item.code for item in checklist.items] if checklist else []
    out = []
    for code in (*order, *sorted(by_item.keys() - set(order))):
        said: list[ChecklistAnswer | None] = [*sorted(by_item.get(code, []), key=lambda a: (a.instance or "", a.id))]
        out += [_answered(facts, checklist, code, a, made, lang) for a in said or [None]]
    return out


def _answered(
    facts: Facts, checklist: Checklist | None, code: str, a: ChecklistAnswer | None, made: Mapping[str, str], lang: str
) -> Answered:
    item = checklist.item(code) if checklist else None
    answer = a.answer if a else "unanswered"
    icon, colour = _ANSWER.get(answer, ("q", "unsure"))
    lines = []
    if a is not None:
        known = fields_of(ChecklistAnswer)
        if a.number is not None:
            lines.append(f"{a.number:f} {a.unit or ''}".strip())
        lines += [x for x in (a.text, a.choices) if x]
        if a.moment is not None:
            lines.append(f"{known['moment'].spec.label(lang)} {a.moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
        lines += [f"{known[n].spec.label(lang)} {x}" for n in ("instance", "auto_value") if (x := getattr(a, n))]
    return Answered(
        code, pick(item.label, lang) if item else "", pick(item.section, lang) if item else "", bool(item and item.star),
        Sign(icon, colour, _code("answer_value", answer, lang)), answer, lines, len(facts.photos_of(a.id)) if a else 0, made.get(a.id, "") if a else "",
    )  # fmt: skip


def _sections(answers: Sequence[Answered]) -> list[tuple[str, list[Answered]]]:
    out: dict[str, list[Answered]] = {}
    for a in answers:
        out.setdefault(a.section, []).append(a)
    return list(out.items())


def _counts(answers: Sequence[Answered]) -> list[tuple[Sign, int]]:
    out: dict[str, tuple[Sign, int]] = {}
    for a in answers:
        out[a.answer] = (a.sign, out.get(a.answer, (a.sign, 0))[1] + 1)
    return [out[k] for k in _ANSWER if k in out]


# --- photos, proof ----------------------------------------------------------------------------------------------------------


def _photos(house: House, facts: Facts, i: Inspection, lang: str) -> tuple[list[shots.Shot], int]:
    """Of the check, of its answers and of its findings; what was taken afterwards stands with the findings."""
    ids = [i.id, *(a.id for a in answers_of(facts, i.id)), *(e.id for e in of_inspection(facts, i.id))]
    photos: list[Photo] = sorted(
        (p for id in ids for p in facts.photos_of(id) if p.step != "rectified"),
        key=lambda p: (p.step != "sketch", p.taken_at, p.id),
    )
    shown, stored = photos[:PHOTOS], facts.stored_blobs or frozenset()
    blobs, makers = house.service.pictures({p.sha256 for p in shown}, [p.id for p in shown if p.sha256 not in stored])
    names = Known(facts, {}, {}, lang).names
    return shots.shots(shown, facts, {}, blobs, makers, names, lang), len(photos) - len(shown)


def _received(record: OnsiteRecord | None, facts: Facts, lang: str) -> str:
    if record is None or record.taken.received.at is None:
        return ""
    w, got = words(lang), record.taken.received
    key = "in_received_from" if got.device else "in_received"
    return w(key, t=f"{got.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if got.at else "", device=got.device)


def _amends(record: OnsiteRecord | None, facts: Facts, lang: str) -> Amended | None:
    """What this one corrects, and how it differs from it."""
    if record is None or record.amends is None:
        return None
    old, new = record.amends, record.taken
    told = difference(_whole(old), _whole(new))
    return Amended(
        old.row.id, old.code, _at(old.values), str(new.values.get("amend_reason") or ""), [_change(d, facts, lang) for d in told[:DIFFERENCES]], len(told) - len(told[:DIFFERENCES])
    )  # fmt: skip


def _whole(taken: Taken) -> Sheet:
    inspection, answers, findings, photos = taken.wholes
    return Sheet(inspection, tuple(answers), tuple(findings), tuple(photos))


def _amended(record: OnsiteRecord | None, lang: str) -> list[Amended]:
    found = record.amended_by if record else ()
    return [Amended(t.row.id, t.code, _at(t.values), str(t.values.get("amend_reason") or ""), [], 0) for t in found]


def _at(values: Any) -> str:
    return str(values.get("started_at", ""))[:16].replace("T", " ")


def _change(d: Difference, facts: Facts, lang: str) -> Change:
    known = fields_of(TYPES[d.record]) if d.record in TYPES else {}
    field = known.get(d.field) or (known.get("answer") if d.record == "checklist_answer" and not d.field else None)
    names, w = Known(facts, {}, {}, lang).names, words(lang)
    label = field.spec.label(lang) if d.field and field else type_words(d.record, lang)
    what = " ".join(x for x in (d.key[:12] if d.record == "photo" else d.key, label) if x)

    def said(value: Any) -> str:
        if value in (None, "", [], {}):
            return ""
        if d.record == "photo":
            return _code("photo_step", str(value), lang)
        return text_of(field, value, names, lang, facts.now)

    return Change(what, said(d.before) or w("empty_value"), said(d.after) or w("empty_value"))
