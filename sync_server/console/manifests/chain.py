"""One load's chain of hands: who signed which leg when and where, and what each signature is worth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.fields import fields_of
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.organisation import Organisation
from schemas.reference import codes
from schemas.rules.handover.chain import check_of_hash
from schemas.rules.manifest.fold import Story
from schemas.rules.manifest.join import Leg
from schemas.rules.manifest.trips import net as net_of
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.parts import Sign
from sync_server.console.words import pick, words

WORTH = {
    "genuine": ("shield", "done"), "forged": ("warn", "alert"), "unsure": ("q", "unsure"), "unsigned": ("circle", "planned"),
}  # fmt: skip
WHY = ("signature", "unknown_key", "before_key", "after_key", "backwards", "future", "unreadable")
_DETAILS = ("heap", "problem", "problem_text", "reported_at", "odometer_km", "late_entry_reason", "note")


class Step(NamedTuple):
    """One leg as a reader sees it. `counts`: it is part of the state; `record`: its own record is here, to be opened."""

    n: int
    id: str
    kind: str
    at: str
    who: str
    org: str
    sign: Sign
    why: str
    source: str
    from_code: bool
    way: str
    device: str
    place: str
    weights: list[str]
    details: list[tuple[str, str]]
    hands: list[str]
    hash: str
    prev: str
    counts: bool
    record: bool


_SAID = ("stranger", "by_carrier", "withdrawn", "elsewhere")  # faults with words of their own


class Asked(NamedTuple):
    """An open question. `waits`: what is still to come may answer it."""

    text: str
    waits: bool
    legs: list[int]  # numbers of the steps it is about


def legs_of(story: Story) -> list[Leg]:
    """Those that count, then those that do not because they are not genuine: a question names each of them."""
    known = {leg.hash or leg.record.id for leg in story.steps}
    others: dict[str, Leg] = {}
    for question in story.open:
        for leg in question.legs:
            if (name := leg.hash or leg.record.id) not in known:
                others[name] = leg
    return [*story.steps, *others.values()]


def steps(facts: Facts, story: Story, lang: str) -> list[Step]:
    counted = len(story.steps)
    numbered = {leg.hash: n for n, leg in enumerate(legs_of(story), 1) if leg.hash}
    return [_step(facts, leg, n, n <= counted, numbered, lang) for n, leg in enumerate(legs_of(story), 1)]


def questions(story: Story, lang: str) -> list[Asked]:
    at = {leg.hash or leg.record.id: n for n, leg in enumerate(legs_of(story), 1)}
    return [
        Asked(q.zh if lang == "zh" else q.en, q.waits, [at[leg.hash or leg.record.id] for leg in q.legs if (leg.hash or leg.record.id) in at])
        for q in story.open
    ]  # fmt: skip


def _step(facts: Facts, leg: Leg, n: int, counts: bool, numbered: dict[str, int], lang: str) -> Step:
    w, r = words(lang), leg.record
    icon, colour = WORTH.get(leg.worth, ("q", "unsure"))
    org = facts.find(Organisation, r.org_id)
    key = leg.key
    who = key.name if key is not None and key.name else r.who_name
    way = r.way or "own"
    prev = numbered.get(leg.prev or "")
    return Step(
        n, r.id, kind_word(r.kind, lang), second(r.at), who, org.name if org else _org_of(facts, leg), Sign(icon, colour, w(f"mf_w_{leg.worth}")),
        _why(leg, lang), w(_source(leg)), leg.source == "code", "" if way == "own" else _code("leg_way", way, lang),
        w("mf_device", x=key.device) if key is not None and key.device else "", place_of(r), weights(r, lang), _details(r, lang), _hands(r, lang),
        (leg.hash or "")[:16], f"{prev}" if prev else (leg.prev or "")[:16], counts, r.id in facts.records.get("manifest_leg", {}),
    )  # fmt: skip


def _source(leg: Leg) -> str:
    """Where what is shown of a leg comes from: a record that says otherwise than it was signed is not believed."""
    return "mf_src_altered" if leg.source == "code" and not leg.unheard else f"mf_src_{leg.source}"


def _org_of(facts: Facts, leg: Leg) -> str:
    directory = facts.directory
    name = directory.organisation(leg.key.org if leg.key else leg.record.org_id) if directory is not None else None
    return name or ""


def _why(leg: Leg, lang: str) -> str:
    w = words(lang)
    said = [w(f"mf_y_{leg.why}")] if leg.why in WHY else [leg.why] if leg.why else []
    if any(f not in _SAID for f in leg.faults):
        said.append(w("mf_y_record"))
    said += [w(f"mf_y_{f}") for f in _SAID if f in leg.faults]
    return ("；" if lang == "zh" else "; ").join(said)


def kind_word(kind: str, lang: str) -> str:
    return _code("leg_kind", kind, lang)


def _code(name: str, code: str, lang: str) -> str:
    found = codes(name).get(code)
    return pick(found, lang) if found else code


def second(at: datetime) -> str:
    """To the second: this is evidence."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def place_of(r: ManifestLeg) -> str:
    """119.452316° 32.208745° ±3 m."""
    at = r.position
    if at is None:
        return ""
    within = f" ±{at.h_acc_m:f} m" if at.h_acc_m is not None else ""
    return f"{at.lon:.6f}° {at.lat:.6f}°{within}"


def weights(r: ManifestLeg, lang: str) -> list[str]:
    w = words(lang)
    out = []
    for t in r.weight:
        ticket = f" · {w('mf_ticket', x=t.ticket_no)}" if t.ticket_no else ""
        out.append(w("mf_weighed", g=f"{t.gross_t:f}", t=f"{t.tare_t:f}", n=f"{t.gross_t - t.tare_t:f}") + ticket)
    taken: Decimal | None = r.received_t
    if taken is not None and taken != net_of(r):
        out.append(w("mf_taken", t=f"{taken:f}"))
    return out


def _details(r: ManifestLeg, lang: str) -> list[tuple[str, str]]:
    known, out = fields_of(ManifestLeg), []
    for name in _DETAILS:
        value = getattr(r, name, None)
        if value in (None, ""):
            continue
        field = known[name]
        text = second(value) if isinstance(value, datetime) else str(value)
        if field.spec.codes:
            text = _code(field.spec.codes, text, lang)
        out.append((field.spec.label(lang), f"{text} {field.spec.unit}" if field.spec.unit else text))
    return out


def _hands(r: ManifestLeg, lang: str) -> list[str]:
    return [
        " · ".join([_code("signoff_kind", s.role, lang), s.name, _code("sign_kind", s.way, lang), second(s.signed_at)]) for s in r.signatures
    ]  # fmt: skip


def next_words(found: Sequence[str], lang: str) -> str:
    return ("、" if lang == "zh" else ", ").join(kind_word(k, lang) for k in found if k != "amended")


def check_value(story: Story) -> str:
    """Of the public page: 50 bits of the first leg's hash, as the code has it (handover.chain); "" where no signed first leg is here."""
    first = next((leg for leg in story.steps if leg.hash and not leg.prev and leg.record.kind == "issued"), None)
    return check_of_hash(bytes.fromhex(first.hash)) if first is not None and first.hash else ""
