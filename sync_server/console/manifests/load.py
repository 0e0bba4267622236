"""What the page of one load shows, gathered for one reader."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records.hand_over import HandOver
from schemas.records.manifest import Manifest
from schemas.records.transfer_plan import TransferPlan
from schemas.reference import codes
from schemas.rules.manifest.numbers import shown as number_shown
from schemas.rules.reconcile import Facts
from sync_server.console.house import House, Place
from sync_server.console.manifests import chain, rows, watch, way
from sync_server.console.manifests.chart import span
from sync_server.console.manifests.rows import Entry
from sync_server.console.parts import when
from sync_server.console.record import around, shots
from sync_server.console.record.known import Known
from sync_server.console.words import pick, words
from sync_server.facts import Seen

PHOTOS = 60  # shown on one page
_ASKED = (
    "driver_name",
    "driver_phone",
    "licence_no",
    "cover",
    "loading_place",
    "receiver_place",
    "issued_at",
    "planned_t",
    "paper",
)


class Read(NamedTuple):
    """A code that a device read."""

    at: str
    what: str
    verdict: str
    alert: bool


def load_values(house: House, place: Place, seen: Seen, e: Entry, lang: str) -> dict[str, Any]:
    facts, w, now = seen.facts, words(lang), house.now()
    m = e.trip.manifest
    diff, grave = rows.difference_text(e.trip, lang)
    receiver = e.load.receiver if e.load else None
    known = m.id in facts.records.get("manifest", {})
    check = chain.check_value(e.story)
    photos, more = _photos(house, seen, e, lang)
    plan = facts.find(TransferPlan, m.plan_id)
    return {
        "entry": e, "id": m.id, "number_": number_shown(m.number), "sign": rows.sign(e, now, lang), "known": known,
        "steps": chain.steps(facts, e.story, lang), "questions": chain.questions(e.story, lang), "next_": chain.next_words(e.story.next, lang),
        "alarms": [(a.zh if lang == "zh" else a.en, watch.todo(a, lang), a.severity) for a in e.alarms],
        "sheet": _sheet(m, e, lang), "plan": (plan.id, plan.code, plan.version) if plan else None,
        "figures": [(w("mf_out_w"), rows.tonnes(e.trip.out_t)), (w("mf_in_w"), rows.tonnes(e.trip.in_t))], "diff": diff, "grave": grave,
        "ranges": [(w(k), span(r, lang)) for k, r in (("mf_range_out", e.trip.mass.out), ("mf_range_in", e.trip.mass.came)) if not r.exact],
        "unknown": [pick(x, lang) for x in e.trip.mass.unknown], "time": rows.time_of(e, now, lang), "as_of": when(facts.now, now),
        "photos": photos, "photos_more": more, "drawable": way.drawable(e.story, [receiver] if receiver else []),
        "public": f"/m/{m.number}?c={check}" if check else "", "check": check, "reads": _reads(facts, m.number, lang, house.now()),
    }  # fmt: skip


def _sheet(m: Manifest, e: Entry, lang: str) -> list[tuple[str, str]]:
    known, w = fields_of(Manifest), words(lang)
    out = [(w("mf_plate"), e.plate), (w("mf_from"), e.lot), (w("mf_receiver"), e.receiver)]
    for name in _ASKED:
        value = getattr(m, name, None)
        if value in (None, "", False):
            continue
        field, text = known[name], ""
        if field.spec.codes:
            found = codes(field.spec.codes).get(str(value))
            text = pick(found, lang) if found else str(value)
        elif field.kind == "datetime":
            text = chain.second(value)
        elif isinstance(value, bool):
            text = w("yes")
        else:
            text = f"{value} {field.spec.unit}" if field.spec.unit else str(value)
        out.append((field.spec.label(lang), text))
    return [(label, text) for label, text in out if text]


def _photos(house: House, seen: Seen, e: Entry, lang: str) -> tuple[list[shots.Shot], int]:
    """Of the manifest and of its legs."""
    facts = seen.facts
    found = around.photos_of(facts, [e.trip.manifest.id, *(leg.record.id for leg in e.story.steps)])
    shown, stored = found[:PHOTOS], facts.stored_blobs or frozenset()
    blobs, makers = house.service.pictures({p.sha256 for p in shown}, [p.id for p in shown if p.sha256 not in stored])
    names = Known(facts, {}, {}, lang).names
    return shots.shots(shown, facts, shots.against(seen.report.by_check, facts), blobs, makers, names, lang), len(
        found
    ) - len(shown)


def _reads(facts: Facts, number: str, lang: str, now: Any) -> list[Read]:
    out = []
    for code in sorted(facts.of(HandOver, "number", number), key=lambda c: (c.seen_at, c.id)):
        what = [_code("scan_purpose", code.purpose, lang), _code("scan_way", code.way, lang)]
        if code.plate_seen:
            what.append(code.plate_seen)
        verdict = _code("scan_verdict", code.verdict, lang) if code.verdict else ""
        out.append(Read(when(code.seen_at, now), " · ".join(what), verdict, code.verdict == "forged"))
    return out


def _code(name: str, code: str, lang: str) -> str:
    found = codes(name).get(code)
    return pick(found, lang) if found else code
