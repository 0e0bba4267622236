"""Beside the item: what was recorded at the point inspected, and its photos. A card beside the item, and a page with all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flet as ft

from field_app import words
from field_app.desks.beside import Around, BesideDesk, Seen, makers, when
from field_app.form import said
from field_app.form.typed import moment
from field_app.kit import I, Kit, column, strut
from field_app.pages.listing import facts_of, title_of
from field_app.pages.records import type_name
from field_app.pages.shell import call, frame, guard, page, part, scroll, tappable
from field_app.state import State
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.rules.checklists.beside import beside

FIRST = 24  # photos on the page, and more with each tap
FEW = 3  # photos, and kinds of records, on the card
SMALL, TALL = 76, 150  # px
ASKS_POINT = ("sampling_supervision",)  # kinds of inspection that look at a point
SIGNS = {"error": ("alert", I.ERROR_OUTLINE), "warning": ("warn", I.WARNING_AMBER)}


def subject_of(inspection: Mapping[str, Any]) -> tuple[str, str]:
    """What the check looks at: a point or a load; ("point", "") where neither was chosen."""
    if inspection.get("manifest_id"):
        return "manifest", str(inspection["manifest_id"])
    return "point", str(inspection.get("point_id") or "")


def types_of(check: Any) -> tuple[str, ...]:
    """Types the item that is shown is about; () where it is about none."""
    item = check.list.item(check.at) if check.list is not None else None
    return beside(item) if item is not None else ()


@part
def BesidePane(state: State, k: Kit):
    """Small, and one tap to everything; nothing where the item is about no records."""
    check, _ = ft.use_state(state.checking)
    desk, _ = ft.use_state(state.beside)
    kind, id = subject_of(check.inspection)
    types = types_of(check)

    async def start() -> None:
        if types:
            await desk.show(kind, id)

    ft.use_effect(guard(state, start), [kind, id, bool(types), state.book])
    if not types:
        return column()
    if not id:
        if check.inspection.get("kind") not in ASKS_POINT:
            return column()
        ask = k.button(
            k.say("beside.choose"), call(state, lambda: state.go("beside", id=check.id)), "plain", I.PLACE_OUTLINED
        )
        return k.card(k.t(k.say("beside.choose.why"), 15, color="ink-2"), ask)
    around = desk.around
    if around is None or around.id != id:
        return k.card(k.t(k.say("beside.reading"), 15, color="ink-2"))
    if around.subject is None:
        return k.judge("unsure", I.CLOUD_OFF_OUTLINED, k.say("beside.absent"), k.say("beside.absent.why"))
    return card(state, k, desk, around, types)


def card(state: State, k: Kit, desk: BesideDesk, around: Around, types: Sequence[str]) -> ft.Control:
    title = k.say("beside" if around.kind == "point" else "beside.load")
    shots, found = around.shots(types), around.of(types)
    seen = [p for p in shots if desk.picture(p.values["sha256"])][-FEW:] or shots[-1:]
    lines = [line(state, k, desk, t, [s for s in found if s.type == t]) for t in types if t != "photo"]
    texts = [text for text in lines if text][:FEW]
    if around.moved_m is not None and "point" in types:
        texts.insert(0, k.say("beside.moved", m=f"{around.moved_m:.1f}"))
    if not found and not shots:
        texts = [k.say("beside.nothing")]
    sub = k.say("beside.sub", n=len(found), photos=len(shots))
    small = [picture(k, desk.picture(p.values["sha256"]), SMALL, SMALL) for p in seen]
    words_ = column(
        *(k.t(t, 15, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS) for t in texts), spacing=4, expand=True
    )
    head = ft.Row([k.t(title, 16, True, expand=True), k.t(sub, 14, color="ink-2"), k.icon(I.CHEVRON_RIGHT)], spacing=6)
    body: ft.Control = words_
    if small:
        room = ft.Row(small, spacing=8, tight=True)
        body = ft.Row([room, words_], spacing=12) if state.wide or len(small) == 1 else column(room, words_, spacing=8)
    label = "，".join([f"{title} {around.code}", sub, *texts])
    inside = column(head, body, spacing=10)
    inside.horizontal_alignment = ft.CrossAxisAlignment.STRETCH
    go = call(state, lambda: state.go("beside", id=state.checking.id))
    return ft.Container(
        tappable(k, inside, label, go, padding=14), bgcolor=k["surface"], border=k.edge(), border_radius=16
    )


def line(state: State, k: Kit, desk: BesideDesk, type: str, found: Sequence[Seen]) -> str:
    """All records of a type in one line: how many, what the last ones are called or say."""
    if not found:
        return ""
    last = found[-1]
    title = title_of(k, desk, type, last.id, last.values, state.now())
    facts = facts_of(k, desk, type, last.values, state.now())
    count = k.say("beside.types", type=type_name(k, type), n=len(found)) if len(found) > 1 else type_name(k, type)
    return " · ".join(x for x in (count, title, facts) if x)


def picture(k: Kit, data: bytes | None, wide: float, tall: float, fit: Any = ft.BoxFit.COVER) -> ft.Control:
    inside: ft.Control = (
        ft.Image(src=data, fit=fit, width=wide, height=tall, gapless_playback=True, exclude_from_semantics=True)
        if data
        else k.icon(I.IMAGE_NOT_SUPPORTED_OUTLINED, 28, "ink-2")
    )
    return ft.Container(
        inside, width=wide, height=tall, border_radius=10, bgcolor=k["sunken"], alignment=ft.Alignment.CENTER,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )  # fmt: skip


# --- the page ---------------------------------------------------------------------------------------------------------


@page
def BesidePage(state: State, k: Kit):
    check, _ = ft.use_state(state.checking)
    desk, _ = ft.use_state(state.beside)
    kind, id = subject_of(check.inspection)
    types = types_of(check)
    whole, set_whole = ft.use_state(not types)
    most, set_most = ft.use_state(FIRST)

    async def start() -> None:
        wanted = str(state.args.get("id", ""))
        if wanted and check.id != wanted:  # come back to after a kill
            await check.open(wanted)
            return
        await desk.show(kind, id)
        if id:
            await desk.check()
        else:
            await desk.choices(str(check.inspection.get("site_id", "")))

    ft.use_effect(guard(state, start), [check.id, kind, id, state.book])
    around = desk.around
    if not id:
        return choosing(state, k, desk, check)
    if around is None or around.id != id:
        return frame(state, k, k.say("beside.title.none"), "", scroll(k.t(k.say("beside.reading"), 16)), back=True)
    shown = list(around.records) if whole else list(types)
    if whole:
        shown.append("photo")
    items: list[ft.Control] = []
    if around.subject is None:
        items.append(k.judge("unsure", I.CLOUD_OFF_OUTLINED, k.say("beside.absent"), k.say("beside.absent.why")))
    if types:
        of = {"item": k.say("beside.item"), "all": k.say("beside.all")}
        pick = lambda c: call(state, set_whole, c == "all")  # noqa: E731
        items.append(k.choices(of, "all" if whole else "item", pick))
    shots = around.shots(shown)
    items += photo_tiles(state, k, desk, shots, most)
    if len(shots) > most:
        more = call(state, set_most, most + FIRST)
        items.append(k.button(k.say("beside.photos.more", n=len(shots) - most), more, "plain", I.EXPAND_MORE))
    items += [c for t in shown if t != "photo" and (c := type_card(state, k, desk, around, t)) is not None]
    if around.kind == "point" and around.subject is not None:
        items.append(checks_card(k, desk))
    n = sum(len(found) for found in around.records.values())
    title = k.say("beside.title", code=around.code) if around.code else k.say("beside.title.none")
    return frame(state, k, title, k.say("beside.sub", n=n, photos=len(around.photos)), scroll(*items), back=True)


def choosing(state: State, k: Kit, desk: BesideDesk, check: Any) -> ft.Control:
    """Which point is inspected."""
    found = desk.choice
    items: list[ft.Control] = [k.t(k.say("beside.choose.why"), 16, color="ink-2")]
    if found is None:
        items.append(k.t(k.say("beside.reading"), 16))
    elif not found:
        items.append(k.judge("unsure", I.PLACE_OUTLINED, k.say("beside.choose.none"), k.say("beside.choose.none.why")))
    else:
        names = {s.id: str(s.values.get("code", "")) for s in found}
        pick = lambda id: call(state, lambda: check.put(point_id=id))  # noqa: E731
        items.append(k.choices(names, "", pick, 4 if state.wide else 2))
    return frame(state, k, k.say("beside.choose"), "", scroll(*items), back=True)


def type_card(state: State, k: Kit, desk: BesideDesk, around: Around, type: str) -> ft.Control | None:
    """Records of one type; a tap shows all fields of one."""
    every = around.records.get(type, ())
    found = [s for s in every if not s.values.get("deleted")]
    if not every:
        return None
    lines: list[ft.Control] = [k.t(k.say("beside.types", type=type_name(k, type), n=len(found)), 17, True)]
    if type == "point" and around.records.get("planned_point"):
        far = around.moved_m
        text = k.say("beside.moved", m=f"{far:.1f}") if far is not None else k.say("beside.moved.none")
        lines.append(k.t(text, 15, color="ink-2"))
    for seen in found:
        title = title_of(k, desk, type, seen.id, seen.values, state.now())
        facts = facts_of(k, desk, type, seen.values, state.now())
        hand = by(state, k, desk, seen, facts)
        texts = [k.t(title, 17, True, max_lines=2)]
        texts += [k.t(t, 14, color="ink-2", max_lines=2) for t in (facts, hand) if t]
        row = ft.Row([strut(56), column(*texts, spacing=2, expand=True), k.icon(I.CHEVRON_RIGHT)], spacing=8)
        go = call(state, lambda s=seen: state.go("record", type=s.type, id=s.id))
        lines += [
            ft.Container(height=k.stroke, bgcolor=k["line"]),
            tappable(k, row, f"{title}，{facts}", go, padding=0),
        ]
    if len(every) > len(found):
        lines.append(k.t(k.say("beside.voided", n=len(every) - len(found)), 14, color="ink-2"))
    return k.card(*lines, spacing=6)


def by(state: State, k: Kit, desk: BesideDesk, seen: Seen, facts: str) -> str:
    """Who, and when, where the facts do not say it."""
    at = moment(when(seen.values))
    time = words.clock(k.lang, at, state.now()) if at else ""
    names = [desk.called("person", p) for p in makers(seen.values)]
    who = ("、" if k.lang == "zh" else ", ").join(names)
    return " ".join(x for x in (who, "" if time in facts else time) if x)


# --- photos -----------------------------------------------------------------------------------------------------------


def step_of(state: State, k: Kit, desk: BesideDesk, values: Mapping[str, Any]) -> tuple[str, str]:
    """What a photo proves, and when it was taken."""
    known = fields_of(TYPES["photo"])
    at = moment(str(values.get("taken_at", "")))
    step = said(k, known["step"], values.get("step"), desk.called, state.now())
    return step, words.clock(k.lang, at, state.now()) if at else "–"


def photo_tiles(state: State, k: Kit, desk: BesideDesk, shots: Sequence[Seen], most: int) -> list[ft.Control]:
    """The newest first, only so many: every picture travels to the screen."""
    if not shots:
        return []
    room = (state.width - 92 if state.wide else state.width) - 32
    columns = max(2, int(room // 190))
    wide = (room - 10 * (columns - 1)) / columns
    away = sum(desk.picture(p.values["sha256"]) is None for p in shots)
    out: list[ft.Control] = [k.t(k.say("beside.photos", n=len(shots)), 17, True)]
    if away:
        out.append(k.t(k.say("beside.photos.away", n=away), 14, color="ink-2"))
    rows, newest = [], list(reversed(shots))[:most]
    for first in range(0, len(newest), columns):
        these = newest[first : first + columns]
        row = [tile(state, k, desk, p, wide) for p in these]
        rows.append(ft.Row(row, spacing=10, vertical_alignment=ft.CrossAxisAlignment.START))
        # below its row, where the finger is
        rows += [shown_large(state, k, desk, p) for p in these if p.values["sha256"] == desk.open][:1]
    return [*out, column(*rows, spacing=10)]


def tile(state: State, k: Kit, desk: BesideDesk, shot: Seen, wide: float) -> ft.Control:
    data = desk.picture(shot.values["sha256"])
    step, time = step_of(state, k, desk, shot.values)
    below = time if data else k.say("beside.photo.away")
    body = column(
        picture(k, data, wide - 4, TALL), k.t(step, 15, True, max_lines=1), k.t(below, 13, color="ink-2"), spacing=4
    )
    look = call(state, desk.look, shot.values["sha256"]) if data else None
    label = k.say("beside.photo", step=step, time=time)
    chosen = desk.open == shot.values["sha256"]
    held = tappable(k, body, label if data else f"{label}，{below}", look, chosen, padding=0)  # type: ignore[arg-type]
    held.width = wide
    return held


def shown_large(state: State, k: Kit, desk: BesideDesk, shot: Seen) -> ft.Control:
    """As large as the small picture allows, with what its record says."""
    sha = shot.values["sha256"]
    room = (state.width - 92 if state.wide else state.width) - 64
    tall = min(560.0, max(220.0, state.height * 0.5))
    step, time = step_of(state, k, desk, shot.values)
    fields = fields_of(TYPES["photo"])
    more = [said(k, fields[n], shot.values.get(n), desk.called, state.now()) for n in ("position", "caption") if shot.values.get(n)]  # fmt: skip
    shut = k.button(k.say("beside.photo.shut"), call(state, desk.look, sha), "plain", I.CLOSE)
    return k.card(
        picture(k, desk.picture(sha), room, tall, ft.BoxFit.CONTAIN), k.t(f"{step} · {time}", 17, True),
        *(k.t(t, 15, color="ink-2") for t in more),
        k.t(f"{k.say('beside.photo.small')} · {sha[:12]}", 13, color="ink-2"), shut,
    )  # fmt: skip


def checks_card(k: Kit, desk: BesideDesk) -> ft.Control:
    """What the server's own checks say of this point, on what is here."""
    lines: list[ft.Control] = [k.t(k.say("beside.checks"), 17, True)]
    if desk.findings is None:
        lines.append(k.t(k.say("beside.checks.running"), 15, color="ink-2"))
    elif not desk.findings:
        lines.append(k.t(k.say("beside.checks.none"), 15, color="ink-2"))
    for f in desk.findings or ():
        color, icon = SIGNS.get(f.severity, SIGNS["warning"])
        lines.append(ft.Row([k.icon(icon, 22, color), k.t(k.of((f.zh, f.en)), 15, expand=True)], spacing=8))
    return k.card(*lines, spacing=8)


__all__ = ["BesidePage", "BesidePane"]
