"""The review box of one record: its state, what was decided, and the form, or why there is none.

box = box_of(house, place, lang, type, id, scope)         # None: this kind is not reviewed, or the record is not here
{% from "review/box.html" import box with context %} … {{ box(review) }}
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.records.review_decision import ReviewDecision
from schemas.rules.review import BACK, PASS, REVIEWED, Subject, last_seq, state_of
from sync_server.console.house import House, Place
from sync_server.console.parts import Sign, when
from sync_server.console.review.shown import state_sign
from sync_server.console.words import words


class Said(NamedTuple):
    sign: Sign
    text: str
    note: str  # of which version, which level


class Box(NamedTuple):
    type: str
    id: str
    seq: int
    decided: int  # seq of the newest decision
    state: Sign
    again: bool
    past: list[Said]
    why_not: str  # "" where the form may be shown
    may_pass: bool


def box_of(house: House, place: Place, lang: str, type: str, id: str, scope: str) -> Box | None:
    """`scope` is one this person may read."""
    if type not in REVIEWED:
        return None
    subject = house.service.review_of(type, id, scope)
    if subject is None:
        return None
    audience = scope.rpartition(".")[2]
    people = {d.person_id for d in subject.decisions}
    names = house.service.names_of(people, place.ids)
    w = words(lang)
    now = state_of(subject.seq, subject.decisions, subject.recorders, subject.answered)
    said = sorted(subject.decisions, key=lambda d: (d.seq, d.at), reverse=True)
    past = [_said(house, d, subject, names.get(d.person_id, d.person_id[:8]), lang) for d in said if not d.deleted]
    if subject.deleted:
        why = w("rv_void")
    elif not place.may_write("review_decision", audience):
        why = w("rv_only_managers")
    elif place.me.person in subject.recorders:
        why = w("rv_own_line")
    else:
        why = ""
    sign = Sign("block", "alert", w("rec_void")) if subject.deleted else state_sign(now.state, lang)
    return Box(type, id, subject.seq, last_seq(subject.decisions), sign, now.again, past, why, now.state != "passed")


def _said(house: House, d: ReviewDecision, s: Subject, who: str, lang: str) -> Said:
    w = words(lang)
    sign = {PASS: Sign("ok", "done", w("rv_pass")), BACK: Sign("back", "alert", w("rv_returned"))}
    notes = []
    if d.level > 1:
        notes.append(w("rv_of_level", n=d.level))
    if d.state == PASS and d.record_seq != s.seq or d.state == BACK and d.record_seq < s.seq:
        notes.append(w("rv_of_older"))
    if d.person_id in s.recorders:
        notes.append(w("rv_of_own"))
    key = f"rv_past_{d.state}" if d.state in (PASS, BACK) else "rv_past_comment"
    text = w(key, who=who, at=when(d.at, house.now()), why=d.reason or "–")
    return Said(sign.get(d.state, Sign("doc", "planned", w("rv_state"))), text, w("join").join(notes))
