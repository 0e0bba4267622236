"""复查: what was found, what was done, the photo after from the same spot, the result, two signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flet as ft

from field_app.desks.courses import Case
from field_app.desks.rechecking import Lack, Rechecking
from field_app.form import box
from field_app.kit import I, Kit, column
from field_app.pages import course
from field_app.pages.course import label
from field_app.pages.ghost import below_lens, spot
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, scroll_to, two_panes
from field_app.pages.snaps import openers, shooting, taken
from field_app.pages.way import WayCard
from field_app.state import State
from field_app.words import WORDS
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.recheck import Recheck
from schemas.reference import codes
from schemas.rules.reconcile.inspection import PAIR_M

DAYS = (7, 15, 30)  # usual ones (RULES §17: K)
RESULT_ICONS = {"closed": I.CHECK_CIRCLE_OUTLINE, "keep": I.UPDATE, "refer": I.REPLY}
PHRASES = (1, 2, 3)
FEW = 6
ASKED = "asked"  # where the questions begin


@page
def RecheckPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.rechecking)
    finding = str(state.args.get("finding", ""))
    asking, ask = ft.use_state(False)
    ref = ft.use_ref(None)

    async def start() -> None:
        if state.route == "recheck":
            await desk.open(finding)

    ft.use_effect(guard(state, start), [finding, state.book])
    case = desk.case
    if case is None or case.row.id != finding:
        gone = desk.missing == finding
        body = (
            k.judge("warn", I.WRONG_LOCATION_OUTLINED, k.say("recheck.gone"), k.say("recheck.gone.why"))
            if gone
            else k.t(k.say("recheck.loading"), 16, color="ink-2")
        )
        return frame(state, k, k.say("recheck.title"), "", scroll(body), back=True, tabs=False)
    row, second = case.row, case.row.course.over
    told: list[ft.Control] = [course.head(k, row), *course.questions(k, row)]
    if (place := spot(desk)) is not None:
        told.append(WayCard(place, k.say("way.spot"), key="way"))
    told.append(course.photos(state, k, desk, case))
    story = course.story(state, k, case)
    may, writes = bool(state.records.home_of("recheck")), not second or desk.begun
    form: list[ft.Control] = []
    foot: ft.Control | None = None
    if not may:
        form = [k.judge("unsure", I.LOCK_OUTLINE, k.say("recheck.may_not"))]
    elif writes:
        form = fields(state, k, desk, case, asking, ask)
        form[0] = ft.Container(form[0], key=ft.ScrollKey(ASKED))
        foot = bar(state, k, desk, None if state.wide else ref)
    else:
        begin = k.button(
            k.say("recheck.begin"),
            call(state, lambda: desk.put(second_look=True)),
            "next",
            I.VISIBILITY_OUTLINED,
            h=64,
            size=19,
            expand=True,
        )
        foot = next_bar(k, begin)
    if state.wide and form:
        body = two_panes(k, scroll(*told, story), below_lens(desk, scroll(*form)))
    else:
        body = below_lens(desk, scroll(*told, *form, story, ref=ref))
    title = k.say("recheck.title.second" if desk.values.get("second_look") or second else "recheck.title")
    return frame(state, k, title, row.code, body, foot=foot, back=True, tabs=False)


# --- what is written --------------------------------------------------------------------------------------------------


def fields(state: State, k: Kit, desk: Rechecking, case: Case, asking: bool, ask: Any) -> list[ft.Control]:
    v, width = desk.values, (state.width - 92) * 5 / 11 - 32 if state.wide else state.width - 32
    out: list[ft.Control] = []
    me = state._store.identity.person if state._store.identity else ""
    if case.employers.get(me) == case.row.values.get("org_id") and not desk.itself:
        out.append(k.judge("warn", I.WARNING_AMBER, k.say("recheck.party.self"), k.say("recheck.party.self.why")))
    if (waits := case.row.course.pending) is not None:
        result = k.of(codes("recheck_result").get(waits.result))
        out.append(
            k.judge("active", I.GROUP_ADD_OUTLINED, k.say("recheck.confirm", who="、".join(waits.names), result=result))
        )
    results = {c: k.of(w) for c, w in codes("recheck_result").items()}
    out += [
        k.t(label(k, Recheck, "result"), 18, True),
        k.choices(
            results,
            v.get("result"),
            lambda c: call(state, desk.choose, c),
            3 if k.lang == "zh" and k.scale < 1.2 else 1,
        ),
    ]
    out += [*photos(state, k, desk, width), *said(state, k, desk, case)]
    if v.get("result") == "keep":
        out.append(until(state, k, desk, case))
    if v.get("result") == "refer":
        out.append(to_whom(state, k, desk))
    out += [*opinion(state, k, desk), *officers(state, k, desk), *becomes(k, desk)]
    if desk.begun:
        out += discard(state, k, desk, asking, ask)
    return out


def photos(state: State, k: Kit, desk: Rechecking, width: float) -> list[ft.Control]:
    apart, far = desk.apart(), []
    if apart is not None and apart > PAIR_M:
        far = [k.judge("warn", I.SOCIAL_DISTANCE, k.say("recheck.apart", m=f"{apart:.0f}", most=PAIR_M))]
    return [
        k.t(k.say("recheck.photo"), 15, True, "ink-2"),
        *taken(state, k, desk),
        *far,
        *openers(state, k, desk, ("rectified", "document"), width),
    ]


def said(state: State, k: Kit, desk: Rechecking, case: Case) -> list[ft.Control]:
    """What the party says it did, where it reported nothing: recorded together with the re-check."""
    if case.row.course.state in ("reported", "closed", "referred"):
        return []
    changed = lambda name: guard(state, lambda e: desk.set_ui(**{name: e.control.value or None}))  # noqa: E731
    parts: list[ft.Control] = [
        k.t(k.say("recheck.said"), 15, True, "ink-2"), k.t(k.say("recheck.said.ask"), 14, color="ink-2"),
        box(k, label(k, CorrectiveAction, "measure_taken"), desk.ui("said", ""), changed("said"), multiline=True, max_length=2000, counter=""),
    ]  # fmt: skip
    if desk.ui("said"):
        name = desk.ui("by") or case.row.values.get("responsible") or ""
        parts.append(box(k, label(k, CorrectiveAction, "reported_by"), name, changed("by"), max_length=200, counter=""))
    return [k.card(*parts, spacing=10)]


def until(state: State, k: Kit, desk: Rechecking, case: Case) -> ft.Control:
    on, now = desk.next_deadline, case.row.course.deadline
    days = {str(n): k.say("recheck.until.days", n=n) for n in DAYS}
    chosen = str((on - desk.today).days) if on else None
    if on:
        text, below = on.isoformat(), k.say("recheck.until.on", n=(on - desk.today).days)
    else:
        text, below = k.say("recheck.until.same", day=now.isoformat()) if now and now > desk.today else "", ""
    shown = column(
        k.t(text, 17 if on else 15, True, text_align=ft.TextAlign.CENTER),
        *([k.t(below, 14, color="ink-2")] if below else []),
        expand=True,
    )
    shown.horizontal_alignment = ft.CrossAxisAlignment.CENTER
    less = k.button("", call(state, desk.shift, -1), "plain", I.REMOVE, name=k.say("recheck.until.less"), w=72, pad=0)
    more = k.button("", call(state, desk.shift, 1), "plain", I.ADD, name=k.say("recheck.until.more"), w=72, pad=0)
    return k.card(
        k.t(label(k, Recheck, "next_deadline"), 15, True, "ink-2"), k.choices(days, chosen, lambda n: call(state, desk.until, int(n)), 3),
        ft.Row([less, shown, more], spacing=8),
        k.t(k.say("recheck.until.mark"), 13, color="ink-2"), spacing=10,
    )  # fmt: skip


def to_whom(state: State, k: Kit, desk: Rechecking) -> ft.Control:
    """Authorities this tablet knows as chips; any other is typed."""
    now = str(desk.values.get("referred_to") or "")
    known = {o: o for o in desk.authorities[:FEW]}
    chips = [k.choices(known, now, lambda o: call(state, lambda: desk.put(referred_to=o)), 1)] if known else []
    changed = guard(state, lambda e: desk.put(referred_to=e.control.value))
    return k.card(
        *chips, box(k, label(k, Recheck, "referred_to"), now, changed, max_length=200, counter=""), spacing=10
    )


def opinion(state: State, k: Kit, desk: Rechecking) -> list[ft.Control]:
    result, now = desk.values.get("result"), str(desk.values.get("opinion") or "")
    if not result:
        return []
    keys = [f"recheck.opinion.{result}.{n}" for n in PHRASES]
    ready = {WORDS[key][0]: k.say(key) for key in keys}  # into the record in Chinese, as the on-site record is
    picked = [p for p in ready if p in now]
    changed = guard(state, lambda e: desk.put(opinion=e.control.value))
    return [
        k.t(label(k, Recheck, "opinion"), 15, True, "ink-2"),
        k.choices(ready, picked, lambda p: call(state, desk.phrase, p), 1 if k.scale > 1.2 or k.lang == "en" else 2),
        box(k, label(k, Recheck, "opinion"), now, changed, multiline=True, max_length=2000, counter=""),
    ]  # fmt: skip


def officers(state: State, k: Kit, desk: Rechecking) -> list[ft.Control]:
    there = [o["person_id"] for o in desk.values.get("officers", [])[1:]]
    names = dict(desk.people[:FEW])
    names.update({p: n for p, n in desk.people if p in there})
    parts: list[ft.Control] = [
        k.t(k.say("recheck.officers"), 15, True, "ink-2"),
        k.t(k.say("recheck.officers.why"), 14, color="ink-2"),
    ]
    if not names:
        parts.append(k.t(k.say("recheck.officers.none"), 15, color="ink-2"))
    else:
        parts.append(k.choices(names, there, lambda p: call(state, desk.second, p), 3 if k.scale < 1.2 else 2))
    for o in desk.values.get("officers", []):
        if desk.signed(o["person_id"]) is not None:
            parts.append(
                ft.Row(
                    [k.icon(I.DRAW_OUTLINED, 20, "done"), k.t(k.say("recheck.signed", who=o["name"]), 15, True)],
                    spacing=8,
                )
            )
    return [k.card(*parts, spacing=10)]


def becomes(k: Kit, desk: Rechecking) -> list[ft.Control]:
    """What it comes to, and what it will be asked about."""
    seen = desk.preview()
    if seen is None:
        return []
    waits = any(q.code == "one_officer" for q in seen.asked)
    state = k.say(f"finds.state.{seen.course.state}")
    text = k.say("recheck.becomes.waits") if waits else k.say("recheck.becomes", state=state)
    icon, color = course.STATES[seen.course.state]
    out: list[ft.Control] = [k.judge("warn" if waits else color, icon, text)]
    out += [
        k.judge("unsure", I.HELP_OUTLINE, k.say("recheck.question"), k.of((q.zh, q.en)))
        for q in seen.asked
        if q.code not in ("one_officer", "no_after")
    ]
    return out


def discard(state: State, k: Kit, desk: Rechecking, asking: bool, ask: Any) -> list[ft.Control]:
    if not asking:
        return [k.button(k.say("recheck.drop"), call(state, ask, True), "bare", I.DELETE_OUTLINE, size=15)]

    async def go() -> None:
        ask(False)
        await desk.drop()

    return [k.button(k.say("recheck.drop.sure"), guard(state, go), "plain", I.DELETE_OUTLINE, size=16)]


# --- the one button ---------------------------------------------------------------------------------------------------


def bar(state: State, k: Kit, desk: Rechecking, ref: ft.Ref[ft.Column] | None) -> ft.Control:
    """`ref`: what scrolls, where what is asked may be out of sight."""
    shots = shooting(state, k, desk)
    if shots is not None:
        return next_bar(k, *shots)
    big: dict[str, Any] = {"h": 64, "size": 19, "expand": True}
    if desk.signing:
        return next_bar(k, k.button(k.say("recheck.busy"), None, "next", **big))
    lacks: Sequence[Lack] = desk.lacks()
    if lacks:
        shoot = lacks[0].code == "photo"
        act = call(state, desk.aim_at, "rectified") if shoot else call(state, scroll_to, ref, ASKED) if ref else None
        icon = I.PHOTO_CAMERA_OUTLINED if shoot else I.ARROW_DOWNWARD if ref else None
        return next_bar(k, k.button(k.of(lacks[0].words), act, "next", icon, **big))
    waiting = next((o for o in desk.values.get("officers", []) if desk.signed(o["person_id"]) is None), None)
    word = k.say("recheck.sign.who", who=waiting["name"]) if waiting else k.say("recheck.record")
    return next_bar(k, k.button(word, call(state, desk.sign), "next", I.DRAW_OUTLINED if waiting else I.CHECK, **big))
