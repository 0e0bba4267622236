"""A conflict laid out for a person: two values of equal size, whose they are, when, where and with what. Pure.

Nothing is suggested: which one is right only somebody who knows the place can say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.canonical import NotCanonical
from schemas.change import Change, decode
from schemas.fields import Audience, RecordField, fields_of
from schemas.records import TYPES, Record
from schemas.records.calibration import Calibration
from schemas.records.conflict import Conflict
from schemas.records.point import Point
from schemas.reference import codes
from schemas.rules.geo import distance_m
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import SHANGHAI
from schemas.shown import fields_in_order
from sync_server.console.parts import Sign, when
from sync_server.console.review.naming import FactNames, name_of
from sync_server.console.said import in_order, text_of, type_words
from sync_server.console.words import pick, words
from sync_server.service.deciding import ConflictTold
from sync_server.service.deciding import Side as Came

LONG = 24  # characters of a value that is still shown large
WITH = 8  # fields changed together that are shown

Values = Mapping[str, Any]
Pair = tuple[str, str]  # what it is, what is said


class Value(NamedTuple):
    label: str  # "" where there is only one field
    text: str
    unit: str


class Side(NamedTuple):
    title: str
    values: list[Value]
    long: bool
    who: str
    at: str
    facts: list[Pair]


class Clash(NamedTuple):
    id: str
    type: str
    record: str
    title: str
    field: str
    line: str  # what it was before
    moved: str  # the value now is not the one the conflict was noted with
    apart: str
    sides: list[Side]  # the value now, the later one
    rest: list[Pair]  # the record's other contents
    keep: str  # words of the two buttons
    take: str
    done: str  # who decided what, why; "" while it is open
    org: bool
    may: bool
    void: bool


class Line(NamedTuple):
    """One conflict in a list."""

    id: str
    type: str
    name: str
    field: str
    two: str
    state: Sign
    who: str
    org: bool
    note: str


class Teller:
    def __init__(self, facts: Facts, lang: str, now: datetime) -> None:
        self.facts, self.lang, self.now = facts, lang, now
        self.w, self.names = words(lang), FactNames(facts)

    # --- a list ---------------------------------------------------------------------------------------------------

    def line(self, c: Conflict) -> Line:
        kind, names = c.subject_kind, _names(c)
        known = _known(kind)
        subject = self.facts.records.get(kind, {}).get(c.subject_id)
        after = _read(c.after)
        now = {n: _wire(subject, n) for n in after} if subject is not None and c.choice is None else _read(c.now)
        # one that makes a record differs in many fields: the first says which record it is
        field = self.w("join_names").join(self._label(known.get(n), n) for n in names[:2]) + (
            "…" if len(names) > 2 else ""
        )
        first = [n for n in names if n in after][:1]
        two = " / ".join(self.short(known.get(n), v.get(n)) for n in first for v in (now, after))
        state = Sign("clock", "warn", self.w("cf_open"))
        if c.choice is not None:
            state = Sign("ok", "done", self.w(f"cf_choice_{c.choice}") if c.choice in CHOICES else self.w("cf_decided"))
        note = self.w("cf_gone") if subject is None else self.w("cf_voided") if subject.deleted else ""
        return Line(
            c.id,
            kind,
            self.subject(kind, c.subject_id),
            field,
            two,
            state,
            self.decider(c),
            of_organisation(kind),
            note,
        )

    def visit_of(self, kind: str, id: str) -> Point | None:
        place = self.facts.place_of(kind, id)
        return place.main if place is not None else None

    def subject(self, kind: str, id: str) -> str:
        """By its code, where it has one: what else it is called by may be what the conflict is about."""
        code = self.facts.code_of(kind, id) or ""
        name = self.names.get(id) or name_of(self.facts, self.names, kind, id, self.lang)
        own = name if code and name.startswith(code) else f"{code} · {name}" if code else name
        return f"{type_words(kind, self.lang)} {own}"

    def decider(self, c: Conflict) -> str:
        if c.choice is None:
            return ""
        who = self.names.get(c.decided_by or "") or self.w("cf_server")
        return f"{who} {when(c.decided_at, self.now)}" if c.decided_at else who

    # --- one of them ---------------------------------------------------------------------------------------------

    def clash(self, told: ConflictTold) -> Clash:
        c = Conflict.of(told.record.id, told.record.values, told.record.seq)
        kind, known = c.subject_kind, _known(c.subject_kind)
        names = in_order(told.now.after, known)
        decided = c.choice is not None
        noted = {n: _read(c.now).get(n) for n in names}
        here = noted if decided else told.now.now
        made = (self.side(self.w("cf_now_then" if decided else "cf_now"), kind, names, here, told.now_side, told),
                self.side(self.w("cf_after"), kind, names, told.now.after, told.after_side, told))  # fmt: skip
        before = _read(c.before)
        said = self.said(kind, names, before)
        moved = (
            "" if decided or noted == told.now.now or not noted else self.w("cf_moved", v=self.said(kind, names, noted))
        )
        one = len(names) == 1
        text = [self.said(kind, names, v) for v in (here, told.now.after)]
        keep, take = (self.w("cf_keep", v=text[0]), self.w("cf_take", v=text[1])) if one and max(map(len, text)) <= LONG else (
            self.w("cf_keep_many"), self.w("cf_take_many"))  # fmt: skip
        done = ""
        if decided:
            word = self.w(f"cf_choice_{c.choice}") if c.choice in CHOICES else str(c.choice)
            who = self.names.get(c.decided_by or "") or self.w("cf_server")
            at = when(c.decided_at, self.now) if c.decided_at else ""
            done = self.w("cf_done_by", who=who, at=at, what=word, why=c.reason or "–")
        field = self.w("join_names").join(self._label(known.get(n), n) for n in names[:3]) + (
            "…" if len(names) > 3 else ""
        )
        said_too = [f.name for f in fields_in_order(kind)] if kind in TYPES else []
        said_too += [n for n in told.subject.values if n not in known]
        rest = [(self._label(known.get(n), n), self._value(known.get(n), v)) for n in said_too
                if n not in names and n != "deleted" and (v := told.subject.values.get(n)) not in (None, "", [], {})]  # fmt: skip
        visit = self.visit_of(kind, c.subject_id)
        if (
            visit is not None
            and visit.position is not None
            and not any(f.spec.widget == "position" for f in known.values())
        ):
            fix = visit.position.model_dump(mode="json")
            rest.append((self.w("cf_point_at"), self.position(fix, kind, c.subject_id)))
        photos = len(self.facts.photos_of(c.subject_id))
        if photos:
            rest.append((self.w("cf_photos"), str(photos)))
        return Clash(
            c.id, kind, c.subject_id, self.subject(kind, c.subject_id), field,
            self.w("cf_before", v=said) if before else self.w("cf_before_made"), moved, self.apart(here, told.now.after), list(made), rest,
            keep, take, done, of_organisation(kind), told.now.may_decide, bool(told.subject.values.get("deleted")),
        )  # fmt: skip

    def side(
        self, title: str, kind: str, names: Sequence[str], values: Values, came: Came | None, told: ConflictTold
    ) -> Side:
        w, known, made = self.w, _known(kind), _change(came)
        label = len(names) > 1
        shown = []
        for n in names:
            field = known.get(n)
            unit = field.spec.unit or "" if field is not None and values.get(n) not in (None, "") else ""
            text = self._value(field, values.get(n))
            shown.append(
                Value(self._label(field, n) if label else "", text.removesuffix(unit).rstrip() if unit else text, unit)
            )
        facts: list[Pair] = []
        who, at = w("cf_several"), ""
        if came is not None and made is not None:
            who = self.names.get(made.by) or (came.key.device_code if came.key else w("cf_server"))
            at = self.clock(made)
            facts.append((w("cf_device"), self._device(came, made)))
            facts += self.around(kind, names, made, told)
            facts.append((w("cf_arrived"), self._at(came.line.received_at)))
            facts.append(
                (w("cf_proof"), w(f"cf_proof_{came.line.proof}") if came.line.proof in PROOFS else came.line.proof)
            )
        return Side(title, shown, label or any(len(v.text) > LONG for v in shown), who, at, facts)

    def clock(self, made: Change) -> str:
        """By the clock of the device, and how far that was off."""
        offset = made.made_at["server_offset_ms"]
        off = (
            self.w("cf_off_none")
            if offset is None
            else self.w("cf_off", s=f"{-offset / 1000:+.0f}" if abs(offset) >= 500 else "0")
        )
        try:
            at = datetime.fromisoformat(made.made_at["wall"]).astimezone(SHANGHAI)
            day = "" if at.date() == self.now.astimezone(SHANGHAI).date() else at.strftime("%Y-%m-%d ")
            text = f"{day}{at.strftime('%H:%M:%S')}"
        except (ValueError, TypeError):  # a device may send any text as its own clock
            text = made.made_at["wall"][:40]
        return self.w("cf_clock", at=text, off=off)

    def _device(self, came: Came, made: Change) -> str:
        if came.key is None:
            return self.w("cf_server")
        found = self.facts.records.get("device", {}).get(made.device)
        label = getattr(found, "label", "")
        return f"{came.key.device_code} {label}".strip()

    def around(self, kind: str, names: Sequence[str], made: Change, told: ConflictTold) -> list[Pair]:
        """Where, with which instrument, and what else was changed in the same go: as that change says it, else the record."""
        w, known = self.w, _known(kind)
        whole = {**told.subject.values, **{k: v for k, v in made.after.items() if v is not None}}
        out = []
        fix = next((v for n, v in whole.items() if _is_position(known.get(n), v)), None)
        fixed = any(f.spec.widget == "position" for f in known.values())
        if fix is not None:
            out.append((w("cf_position"), self.position(fix, kind, told.subject.id)))
        elif fixed:
            out.append((w("cf_position"), w("cf_not_said")))
        if "instrument_id" in known:
            out.append((w("cf_instrument"), self.instrument(str(whole.get("instrument_id") or ""), made)))
        others = [n for n in in_order(made.after, known) if n not in names]
        if others and not made.creates:
            text = "；" if self.lang == "zh" else "; "
            out.append(
                (
                    w("cf_with"),
                    text.join(
                        f"{self._label(known.get(n), n)} {self._value(known.get(n), made.after[n])}"
                        for n in others[:WITH]
                    ),
                )
            )
        note = made.after.get("note")
        if made.creates and note:
            out.append((self._label(known.get("note"), "note"), self._value(known.get("note"), note)))
        return out

    def position(self, fix: Values, kind: str, id: str) -> str:
        w = self.w
        parts = []
        how = codes("fix_kind").get(str(fix.get("fix_kind", "")))
        accuracy = f"±{fix['h_acc_m']} m" if fix.get("h_acc_m") else ""
        parts.append(" ".join(x for x in (pick(how, self.lang) if how else "", accuracy) if x))
        place = self.facts.place_of(kind, id)
        if place is not None and place.planned is not None:
            far = _apart({"lon": str(place.planned.position.lon), "lat": str(place.planned.position.lat)}, fix)
            if far is not None:
                parts.append(w("cf_far", m=f"{far:.2f}"))
        parts.append(f"{fix.get('lon')}° {fix.get('lat')}°")
        return ("，" if self.lang == "zh" else ", ").join(p for p in parts if p)

    def instrument(self, id: str, made: Change) -> str:
        w = self.w
        if not id:
            return w("cf_not_said")
        found: Record | None = self.facts.records.get("instrument", {}).get(id)
        name = " ".join(str(x) for x in (getattr(found, "code", ""), getattr(found, "model", "")) if x) or id[:8]
        try:
            at = datetime.fromisoformat(made.made_at["wall"])
            before: list[Calibration] = [c for c in self.facts.calibrations_of(id) if c.at <= at]
        except (ValueError, TypeError):
            return name
        if not before:
            return f"{name} · {w('cf_uncalibrated')}"
        last = before[-1]
        result = codes("cal_result").get(last.result or "")
        said = w("cf_calibrated", at=when(last.at, self.now), result=pick(result, self.lang) if result else last.result)
        return f"{name} · {said}"

    def apart(self, now: Values, after: Values) -> str:
        for name, b in after.items():
            a = now.get(name)
            far = _apart(a, b) if isinstance(a, Mapping) and isinstance(b, Mapping) else None
            if far is not None:
                return self.w("cf_apart", m=f"{far:.2f}")
        return ""

    # --- words ----------------------------------------------------------------------------------------------------

    def said(self, kind: str, names: Sequence[str], values: Values) -> str:
        known = _known(kind)
        parts = [self._value(known.get(n), values.get(n)) for n in names]
        if len(names) == 1:
            return parts[0]
        text = "；" if self.lang == "zh" else "; "
        return text.join(f"{self._label(known.get(n), n)} {p}" for n, p in zip(names, parts, strict=True))

    def short(self, field: RecordField | None, value: Any) -> str:
        text = self._value(field, value)
        return text if len(text) <= 40 else f"{text[:40]}…"

    def _value(self, field: RecordField | None, value: Any) -> str:
        if value in (None, "", [], {}):
            return self.w("cf_empty")
        return text_of(field, value, self.names, self.lang, self.now)

    def _label(self, field: RecordField | None, name: str) -> str:
        return field.spec.label(self.lang) if field is not None else name

    def _at(self, text: str) -> str:
        try:
            return when(datetime.fromisoformat(text), self.now)
        except (ValueError, TypeError):
            return text[:40]


CHOICES = ("keep_now", "take_after", "set_value")
PROOFS = ("proven", "unproven", "server")


def _known(kind: str) -> dict[str, RecordField]:
    return fields_of(TYPES[kind]) if kind in TYPES else {}


def _names(c: Conflict) -> list[str]:
    return in_order(_read(c.after), _known(c.subject_kind)) or c.field_name.split(",")


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _wire(record: Record, name: str) -> Any:
    """A field of a typed record, near enough to how it travels to be shown."""
    return record.model_dump(mode="json", include={name}).get(name)


def _change(came: Came | None) -> Change | None:
    try:
        return decode(came.line.line) if came is not None else None
    except NotCanonical:
        return None


def _is_position(field: RecordField | None, value: Any) -> bool:
    return (
        field is not None
        and field.spec.widget == "position"
        and isinstance(value, Mapping)
        and {"lon", "lat"} <= value.keys()
    )


def _apart(a: Values, b: Values) -> float | None:
    """Metres between two positions."""
    try:
        return distance_m(*(float(x) for x in (a["lon"], a["lat"], b["lon"], b["lat"])))
    except (KeyError, ValueError, TypeError):
        return None


def of_organisation(kind: str) -> bool:
    return kind in TYPES and TYPES[kind].about.audience is Audience.ORGANISATION
