"""The past of a record as it is read: one line per change, the latest first, with what was said and decided between them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.fields import RecordField, atoms_of, fields_of
from schemas.records import TYPES
from schemas.reference import Label, codes
from schemas.rows import refs_of
from schemas.wire import CONSOLE
from sync_server.console.parts import Sign
from sync_server.console.record.called import moment
from sync_server.console.record.values import Bit, Reader, folded
from sync_server.console.said import in_order, type_words
from sync_server.console.words import pick, words
from sync_server.service.history import Chapter

CLOCK_NOTED_MS, CLOCK_BAD_MS = 1000, 5 * 60_000
OFFLINE_S = 60  # later than this at the server is said


class Step(NamedTuple):
    """One field: before → after. `before` None: there was nothing to compare with, the record was made. `same`: it only stands
    here because it belongs to one that changed."""

    label: str
    before: Bit | None
    after: Bit
    same: bool = False


class Event(NamedTuple):
    """`who` did `what` at `when` on `device`; `clock`: what is to be known of the time; `atoms`: fields that belong together stand
    together; `made`: what a new record held, folded; `quote`: what somebody wrote; `outcome`: where it was not simply taken."""

    id: str
    n: int
    kind: str  # record, comment, review, conflict
    who: str
    what: str
    when: str
    raw: str
    device: str
    clock: str
    clock_bad: bool
    late: str
    atoms: list[list[Step]]
    made: list[Step]
    quote: str
    outcome: Sign | None
    why: str
    decided: str
    proof: Sign
    proof_why: str
    receipt: str
    about: str  # href of the comment, decision or conflict itself


def told_ids(chapters: Sequence[Chapter]) -> set[str]:
    """Every record and person these changes name."""
    out: set[str] = set()
    for chapter in chapters:
        if chapter.decision:
            out.add(str(chapter.decision["by"]))
        if chapter.key:
            out |= {chapter.key.person, chapter.key.device}
        c = _read(chapter)
        if c is not None:
            out |= {c.by, c.device}
            if c.type in TYPES:
                out |= {id for values in (c.before, c.after) for _, id in refs_of(c.type, values)}
    return out


def events(chapters: Sequence[Chapter], record: str, reader: Reader) -> list[Event]:
    return [_event(chapter, record, reader) for chapter in chapters]


def _read(chapter: Chapter) -> change.Change | None:
    try:
        return change.decode(chapter.line.line)
    except NotCanonical:
        return None


def _event(chapter: Chapter, record: str, reader: Reader) -> Event:
    w, names, j, c = reader.w, reader.names, chapter.line, _read(chapter)
    person = names.get(c.by, "") if c else ""
    if not person and chapter.key:
        person = names.get(chapter.key.person, "")
    server = j.enrolment == CONSOLE
    who = person or (w("the_server") if server else (c.by[:8] if c else j.enrolment[:8]))
    device = (
        w("on_pages" if person else "on_server")
        if server
        else ((names.get(chapter.key.device) or chapter.key.device_code) if chapter.key else j.enrolment[:8])
    )
    when, raw, clock, bad, late = _times(c, j.received_at, server, reader.lang)
    own = j.record == record
    steps, made, quote, what = _contents(c, j.type, own, reader)
    outcome, why = _outcome(chapter, reader.lang)
    decided = ""
    if chapter.decision:
        key = "h_accepted" if chapter.decision["accepted"] else "h_declined"
        decided = w(
            key,
            who=names.get(str(chapter.decision["by"]), ""),
            at=_short(str(chapter.decision["at"])),
            why=chapter.decision["reason"],
        )
    proof, proof_why = _proof(chapter, bool(person), reader.lang)
    kind = "record" if own else {"review_decision": "review"}.get(j.type, j.type)
    return Event(
        j.id, chapter.n, kind, who, what, when, raw, device, clock, bad, late, steps, made, quote, outcome, why, decided, proof,
        proof_why, chapter.receipt or "", "" if own else f"{j.type}/{j.record}",
    )  # fmt: skip


# --- when -------------------------------------------------------------------------------------------------------------


def _times(c: change.Change | None, received: str, server: bool, lang: str) -> tuple[str, str, str, bool, str]:
    """(shown, as told, note on the clock, is it far off, how late it came)."""
    w = words(lang)
    if c is None:
        return _short(received), received, "", False, ""
    wall, offset = c.made_at["wall"], c.made_at["server_offset_ms"]
    at = moment(wall)
    shown = at.strftime("%Y-%m-%d %H:%M:%S") if at else wall[:60] or w("no_time")
    if server:
        return shown, wall, "", False, ""
    clock, bad = "", False
    if offset is None:
        clock = w("clock_unknown")
    elif abs(offset) >= CLOCK_NOTED_MS:
        bad = abs(offset) > CLOCK_BAD_MS
        clock = w("clock_slow" if offset > 0 else "clock_fast", t=span(abs(offset) / 1000, lang))
    arrived, late = moment(received), ""
    if at is not None and arrived is not None:
        made = at
        with suppress(OverflowError):  # a clock may be off by millennia
            made = at + timedelta(milliseconds=offset or 0)
        waited = (arrived - made).total_seconds()
        came = arrived.strftime("%m-%d %H:%M" if arrived.date() != at.date() else "%H:%M")
        late = w("came_after", t=span(waited, lang), at=came) if waited > OFFLINE_S else w("came_when", at=came)
    return shown, wall, clock, bad, late


def span(seconds: float, lang: str) -> str:
    """3 小时 54 分"""
    w, s = words(lang), int(seconds)
    if s < 60:
        return w("span_s", n=s)
    if s < 3600:
        return w("span_min", n=s // 60)
    if s < 48 * 3600:
        return w("span_h", n=s // 3600, m=s % 3600 // 60)
    return w("span_d", n=s // 86400)


def _short(text: str) -> str:
    at = moment(text)
    return at.strftime("%Y-%m-%d %H:%M") if at else text[:40]


# --- what -------------------------------------------------------------------------------------------------------------


def _contents(
    c: change.Change | None, type: str, own: bool, reader: Reader
) -> tuple[list[list[Step]], list[Step], str, str]:
    """(steps by atom, contents of a new record, quote, what was done)."""
    w = reader.w
    if c is None:
        return [], [], "", w("h_unreadable")
    if not own:
        return _said(c, type, reader)
    steps = _steps(c, reader)
    if c.creates:
        return [], [s for atom in steps for s in atom], "", w("h_made", what=type_words(c.type, reader.lang))
    if c.after.get("deleted") is True:
        return steps, [], "", w("h_voided")
    if c.before.get("deleted") is True and not c.after.get("deleted"):
        return steps, [], "", w("h_restored")
    return steps, [], "", w("h_changed", n=sum(c.before.get(k) != v for k, v in c.after.items()))


def _said(c: change.Change, type: str, reader: Reader) -> tuple[list[list[Step]], list[Step], str, str]:
    """A comment, a review or a conflict about the record."""
    w, after, lang = reader.w, c.after, reader.lang

    def text(name: str) -> str:
        return str(after.get(name) or "")

    if type == "comment":
        if c.creates:
            return [], [], text("text"), w("h_answered" if after.get("subject_kind") == "comment" else "h_commented")
        if "resolved" in after and "text" not in after:
            return [], [], "", w("h_resolved" if after["resolved"] else "h_reopened")
        return _steps(c, reader), [], "", w("h_comment_changed")
    if type == "review_decision":
        state = codes("review_state").get(text("state"), Label(text("state"), text("state")))
        return [], [], text("reason"), w("h_reviewed", state=pick(state, lang))
    if c.creates:
        return [], [], "", w("h_conflict", what=_field_words(c, text("field_name"), reader))
    choice = codes("conflict_choice").get(text("choice"), Label(text("choice"), text("choice")))
    return [], [], text("reason"), w("h_conflict_decided", choice=pick(choice, lang))


def _field_words(c: change.Change, names: str, reader: Reader) -> str:
    cls = TYPES.get(str(c.after.get("subject_kind")))
    if cls is None:
        return names
    known = fields_of(cls)
    try:
        fields = list(json.loads(str(c.after.get("after"))))
    except ValueError:
        fields = names.split(",")
    told = [known[n].spec.label(reader.lang) if n in known else n for n in in_order(dict.fromkeys(fields), known)]
    return ("、" if reader.lang == "zh" else ", ").join(told[:8])


def _steps(c: change.Change, reader: Reader) -> list[list[Step]]:
    """The fields of a change in the form's order; those of one atom together."""
    cls = TYPES.get(c.type)
    known: Mapping[str, RecordField] = fields_of(cls) if cls else {}
    atoms = atoms_of(cls) if cls else {}
    out: dict[str, list[Step]] = {}
    for name in in_order(c.after, known):
        field = known.get(name)
        unit = f" {field.spec.unit}" if field and field.spec.unit else ""
        label = (field.spec.label(reader.lang) if field else name) + unit
        before = None if c.creates else _bit(field, c.before.get(name), {**c.after, **c.before}, reader)
        same = not c.creates and c.before.get(name) == c.after[name]
        step = Step(label, before, _bit(field, c.after[name], c.after, reader), same)
        out.setdefault(atoms.get(name, name), []).append(step)
    return list(out.values())


def _bit(field: RecordField | None, value: Any, values: Mapping[str, Any], reader: Reader) -> Bit:
    """A value in one line; what is long is folded."""
    if isinstance(value, str) and field is not None and field.spec.ref:
        return reader.one(field, value, values)
    if value in (None, "", [], {}):
        return Bit(reader.w("empty_short"))
    text = reader.flat(field, value, values) if field is not None else ""
    if field is not None and field.spec.unit and not isinstance(value, dict | list):
        text = text.removesuffix(f"\u00a0{field.spec.unit}")
    made = folded(text) if field is not None else reader.one(None, value, values)
    return made._replace(more="") if not made.more else _shorter(made)


def _shorter(bit: Bit, most: int = 90) -> Bit:
    return Bit(bit.text[:most], more=bit.text[most:] + bit.more)


# --- what became of it, and what is proved ----------------------------------------------------------------------------


def _outcome(chapter: Chapter, lang: str) -> tuple[Sign | None, str]:
    w, j = words(lang), chapter.line
    try:
        told = json.loads(j.detail or "{}")
    except ValueError:
        told = {}
    why = str(told.get(lang) or "")
    if j.outcome == "applied":
        return None, ""
    signs = {
        "conflict": Sign("split", "clash", w("o_conflict")), "parked": Sign("clock", "warn", w("o_parked")),
        "rejected": Sign("block", "alert", w("o_rejected")), "again": Sign("doc", "unsure", w("o_again")),
    }  # fmt: skip
    return signs.get(j.outcome, Sign("q", "unsure", j.outcome)), why


def _proof(chapter: Chapter, in_name: bool, lang: str) -> tuple[Sign, str]:
    w, proof = words(lang), chapter.line.proof
    if proof == "server":
        return Sign("doc", "planned", w("p_server")), w("p_server_in_name" if in_name else "p_server_why")
    if chapter.key is None:
        return Sign("q", "unsure", w("p_no_key")), w("p_no_key_why")
    if proof == "proven":
        return Sign("shield", "done", w("p_proven")), w("p_proven_why")
    return Sign("warn", "warn", w("p_unproven")), w("p_unproven_why")
