"""One record: what it holds, what became of it, what was changed here; and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flet as ft

from field_app import words
from field_app.desks.records import One, Records
from field_app.form import box, given, said
from field_app.form.typed import moment
from field_app.kit import I, Kit, column, strut
from field_app.pages.draw import SYNCS
from field_app.pages.listing import facts_of, title_of
from field_app.pages.records import type_name
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll, tappable, two_panes
from field_app.state import State
from schemas.fields import RecordField, fields_of
from schemas.problems import PROBLEMS
from schemas.records import TYPES
from schemas.shown import fields_in_order

VOID_WHYS = ("mistake", "double", "lost")
HUGE = ("strokes", "definition", "signature")  # nothing to read for a person


def line_of(k: Kit) -> ft.Control:
    return ft.Container(height=k.stroke, bgcolor=k["line"])


def field_row(state: State, k: Kit, desk: Records, f: RecordField, one: One) -> ft.Control:
    """Label above value; a reference opens what it names."""
    value, kind = one.values[f.name], str(one.values.get("subject_kind", ""))
    label = k.of((f.spec.zh, f.spec.en))
    text = said(k, f, value, desk.called, state.now(), kind)
    refs = value if isinstance(value, list) else [value]
    to = kind if f.spec.ref == "*" else f.spec.ref
    if not to or to not in TYPES or f.model is not None:
        return column(k.t(label, 14, color="ink-2"), k.t(text, 17, selectable=False), spacing=2)
    links = []
    for id in refs:
        name = desk.called(to, str(id))
        row = ft.Row([strut(56), k.t(name, 17, True, "primary", expand=True), k.icon(I.CHEVRON_RIGHT)], spacing=0)
        go = call(state, lambda id=id: state.go("record", type=to, id=id))
        links.append(tappable(k, row, f"{label} {name}", go, padding=0))
    return column(k.t(label, 14, color="ink-2"), *links, spacing=2)


def fields_card(state: State, k: Kit, desk: Records, one: One) -> ft.Control:
    known = fields_of(TYPES[one.type])
    lines: list[ft.Control] = []
    for f in fields_in_order(one.type):
        if f.name not in known or not given(one.values.get(f.name)) or f.name in HUGE or f.name == "subject_kind":
            continue
        if lines:
            lines.append(line_of(k))
        lines.append(field_row(state, k, desk, f, one))
    return k.card(*lines, spacing=10)


def sync_block(k: Kit, one: One) -> list[ft.Control]:
    """What became of it, and why, where it was not simply taken."""
    icon, color = SYNCS[one.state if one.state in SYNCS else "pending"]
    step = next((s for s in reversed(one.steps) if s.state == one.state), None)
    detail: Mapping[str, Any] = step.detail if step else {}
    out: list[ft.Control] = []
    if one.values.get("deleted"):
        out.append(k.judge("alert", I.BLOCK, k.say("one.voided"), str(one.values.get("void_reason", ""))))
    if one.state in ("rejected", "parked", "conflict"):
        p = PROBLEMS.get(detail.get("problem") or 0)
        why = k.of((detail.get("zh") or (p.zh if p else ""), detail.get("en") or (p.en if p else "")))
        todo = k.of((p.remedy_zh, p.remedy_en)) if p else ""
        rest = k.say("one.rejected") if not one.here else ""
        told = "\n".join(x for x in (why, todo, rest) if x)
        out.append(k.judge(color, icon, k.say(f"sync.{one.state}"), told))
    return out


def step_rows(state: State, k: Kit, desk: Records, one: One) -> ft.Control:
    """This device's changes, the last first: who, when, on which device, what became of it; before → after."""
    lines: list[ft.Control] = [k.t(k.say("one.history"), 18, True)]
    if not one.steps:
        lines.append(k.t(k.say("one.history.none"), 16, color="ink-2"))
    known, now = fields_of(TYPES[one.type]), state.now()
    kind = str(one.values.get("subject_kind", ""))
    for step in reversed(one.steps):
        change = step.change
        lines.append(line_of(k))
        icon, color = SYNCS[step.state]
        at = moment(change.made_at["wall"])
        device = (
            k.say("one.device", code=state.device) if change.device == state.device_id else k.say("one.other_device")
        )
        by = k.say(
            "one.by",
            who=desk.called("person", change.by),
            device=device,
            time=words.clock(k.lang, at, now) if at else "–",
        )
        answered = moment(step.at)
        sent = (
            k.say("one.answered", time=words.clock(k.lang, answered, now)) if answered
            else k.say("one.sent" if step.sends else "one.waits")
        )  # fmt: skip
        fields = [n for n in [*(f.name for f in fields_in_order(one.type)), "deleted"] if n in change.after]
        head = k.say("one.made") if change.creates else k.say("one.changed", n=len(fields))
        lines.append(
            ft.Row([k.t(head, 17, True), k.chip(icon, k.say(f"sync.{step.state}"), color)], wrap=True, spacing=8)
        )
        lines.append(k.t(f"{by}\n{sent}", 14, color="ink-2"))
        if change.creates:
            continue
        for n in fields:
            label = k.of((known[n].spec.zh, known[n].spec.en)) if n in known else n
            was, is_ = (said(k, known.get(n), v.get(n), desk.called, now, kind) for v in (change.before, change.after))
            lines.append(column(k.t(label, 14, color="ink-2"), k.t(f"{was} → {is_}", 16)))
    return k.card(*lines, spacing=8)


def hanging(state: State, k: Kit, desk: Records, one: One, what: str) -> list[ft.Control]:
    """Comments or photos of this record; a tap opens one."""
    seen = one.comments if what == "comments" else one.photos
    if not seen:
        return []
    lines: list[ft.Control] = [k.t(f"{k.say(f'one.{what}')} {len(seen)}", 18, True)]
    for s in seen:
        title, facts = (
            title_of(k, desk, s.type, s.id, s.values, state.now()),
            facts_of(k, desk, s.type, s.values, state.now()),
        )
        icon = k.icon(I.COMMENT_OUTLINED if what == "comments" else I.PHOTO_OUTLINED, 22, "ink-2")
        row = ft.Row([strut(56), icon, column(k.t(title, 17, True, max_lines=3), k.t(facts, 14, color="ink-2"), expand=True),
                      k.icon(I.CHEVRON_RIGHT)], spacing=8)  # fmt: skip
        go = call(state, lambda s=s: state.go("record", type=s.type, id=s.id))
        lines += [line_of(k), tappable(k, row, title, go, padding=0)]
    return [k.card(*lines, spacing=4)]


@part
def Void(state: State, k: Kit, one: One, shut: Any):
    """Why; one tap for the usual reasons. Nothing is erased."""
    desk = state.records
    pick = lambda w: call(state, desk.void_reason, one.id, k.say(f"one.void.{w}"))  # noqa: E731
    whys = {w: k.say(f"one.void.{w}") for w in VOID_WHYS}
    chosen = next((w for w, text in whys.items() if text == one.void_reason), None)
    reason = box(k, k.say("one.void.reason"), one.void_reason, guard(state, lambda e: desk.void_reason(one.id, e.control.value)),
                 max_length=500, counter="")  # fmt: skip
    ready, narrow = bool(one.void_reason.strip()), state.width < 600

    async def do() -> None:
        await desk.void()
        shut()

    word = k.say("one.void.do" if ready else "one.void.need")
    act = k.button(word, call(state, do) if ready else None, "plain", I.BLOCK, size=16, expand=None if narrow else 1)
    stop = k.button(k.say("one.void.stop"), call(state, shut), "soft", size=16, expand=None if narrow else 1)
    rows = [
        k.choices(whys, chosen, pick, 1 if narrow else 3),
        reason,
        *([act, stop] if narrow else [ft.Row([act, stop])]),
    ]
    parts = ft.Column(rows, spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    return k.judge("warn", I.BLOCK, k.say("one.void.title"), k.say("one.void.why"), parts)


@page
def RecordPage(state: State, k: Kit):
    desk, type, id = state.records, state.args.get("type", ""), state.args.get("id", "")
    ft.use_state(desk)
    voiding, set_voiding = ft.use_state("")

    async def look() -> None:
        if type in TYPES and id and state.route == "record":
            await desk.open_one(type, id)

    ft.use_effect(guard(state, look), [type, id, state.book])
    one = desk.one if desk.one is not None and desk.one.id == id and type in TYPES else None
    name = type_name(k, type)
    if one is None:
        return frame(state, k, name, "", scroll(k.t(k.say("list.loading"), 16, color="ink-2")), back=True, tabs=False)
    if not one.values:
        gone = k.judge("unsure", I.HELP_OUTLINE, k.say("one.gone"), k.say("one.gone.why"))
        return frame(state, k, name, "", scroll(gone), back=True, tabs=False)
    title = title_of(k, desk, type, id, one.values, state.now())
    icon, color = SYNCS[one.state if one.state in SYNCS else "pending"]
    chip = k.chip(icon, k.say(f"sync.{one.state}"), color)
    first: list[ft.Control] = sync_block(k, one)
    if TYPES[type].about.frozen and desk.may_make(type):
        first.append(k.judge("unsure", I.LOCK_OUTLINE, k.say("one.frozen"), k.say("one.frozen.why")))
    if one.signed:
        first.append(k.judge("unsure", I.LOCK_OUTLINE, k.say("onsite.signed"), k.say("onsite.signed.why")))
    if voiding == id and desk.may_void(one):
        first.append(Void(one, lambda: set_voiding("")))
    fields = fields_card(state, k, desk, one)
    more = [
        *hanging(state, k, desk, one, "comments"),
        *hanging(state, k, desk, one, "photos"),
        step_rows(state, k, desk, one),
    ]
    acts = _acts(state, k, desk, one, lambda: set_voiding(id))
    head = ft.Row([k.t(name, 16, color="ink-2", expand=True), chip], spacing=8)
    foot = _foot(state, k, desk, one)
    if state.wide:
        body = two_panes(k, scroll(head, *first, fields), scroll(*acts, *more))
    else:
        body = scroll(head, *first, fields, *acts, *more)
    return frame(state, k, title, name, body, foot=foot, back=True, tabs=False)


def _foot(state: State, k: Kit, desk: Records, one: One) -> ft.Control | None:
    """The one next thing: amend, or where that may not be, a new one from this. What was signed is put right by an amending
    record, never by a copy."""
    if one.signed:
        sheet = str(one.id if one.type == "inspection" else one.values.get("inspection_id") or "")
        to = call(state, lambda: state.go("onsite", id=sheet))
        open_ = k.button(k.say("onsite.open"), to, "next", I.DRAW_OUTLINED, h=64, size=19, expand=True)
        return next_bar(k, open_) if sheet else None
    if desk.may_amend(one):
        amend = call(state, desk.amend, one.type, one.id, one.scope)
        return next_bar(k, k.button(k.say("one.amend"), amend, "next", I.EDIT_OUTLINED, h=64, size=19, expand=True))
    if desk.may_make(one.type):
        again = call(state, desk.again, one.type, one.values)
        return next_bar(k, k.button(k.say("one.again"), again, "next", I.ADD, h=64, size=19, expand=True))
    return None


def _acts(state: State, k: Kit, desk: Records, one: One, void: Any) -> list[ft.Control]:
    acts: list[ft.Control] = []
    if one.type == "inspection" and one.here and not one.signed:  # else it is the one button below
        sheet = call(state, lambda: state.go("onsite", id=one.id))
        acts.append(k.button(k.say("onsite.open"), sheet, "plain", I.DRAW_OUTLINED, size=16, expand=1, pad=8))
    if desk.may_amend(one) and desk.may_make(one.type):
        again = call(state, desk.again, one.type, one.values)
        acts.append(k.button(k.say("one.again"), again, "plain", I.CONTENT_COPY, size=16, expand=1, pad=8))
    if one.here and one.type != "comment" and desk.may_write("comment", one.scope):
        say = call(state, lambda: desk.begin("comment", one.scope, subject_kind=one.type, subject_id=one.id))
        acts.append(k.button(k.say("one.comment"), say, "plain", I.COMMENT_OUTLINED, size=16, expand=1, pad=8))
    if desk.may_void(one):
        acts.append(k.button(k.say("one.void"), call(state, void), "plain", I.BLOCK, size=16, expand=1, pad=8))
    width = (state.width - 92) * 5 / 11 if state.wide else state.width
    return [k.beside(acts, width - 32, 108)] if acts else []
