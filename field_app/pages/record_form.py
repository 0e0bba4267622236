"""The form of any record: every entry is a draft at once; what is missing is told at 完成, and the first of it shown."""

from __future__ import annotations

import asyncio

import flet as ft

from field_app.desks.naming import BY_HAND
from field_app.form import form, given, items
from field_app.kit import I, Kit
from field_app.pages import signature
from field_app.pages.records import type_name
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, scroll_to
from field_app.state import State
from schemas.fields import fields_of
from schemas.records import TYPES

LISTED = 6  # of what is missing stands at the top


@page
def FormPage(state: State, k: Kit):
    desk, args = state.records, state.args
    type, id = args.get("type", ""), args.get("id", "")
    ft.use_state(desk)
    every, set_every = ft.use_state(False)
    ref = ft.use_ref(None)

    async def start() -> None:
        if type in TYPES and id and state.route == "form":  # drawn once more while it is left
            await desk.take(**args)

    ft.use_effect(guard(state, start), [id])
    name, draft = type_name(k, type), desk.draft
    if type not in TYPES or draft is None or draft.id != id:
        gone = type not in TYPES or desk.missing == id
        text = (
            k.judge("unsure", I.HELP_OUTLINE, k.say("one.gone"), k.say("one.gone.why"))
            if gone
            else k.t(k.say("list.loading"), 16, color="ink-2")
        )
        return frame(state, k, name, "", scroll(text), back=True, tabs=False)
    cls, values = TYPES[type], desk.live()
    change = lambda field, read: guard(state, lambda e: desk.set(field, read(e)))  # noqa: E731
    only = [
        i.name
        for i in items(cls, values, BY_HAND.get(type))
        if i.name != "subject_kind" or "subject_id" not in fields_of(cls)
    ]
    idle = [i for i in items(cls, values, only) if i.idle and not given(values.get(i.name))]
    fields = form(
        k,
        cls,
        values,
        change,
        desk.options,
        only,
        desk.means(lambda fn: guard(state, fn), {"Signature": signature.own(state)}),
        every,
    )
    gaps = desk.gaps()

    async def to(path: str) -> None:
        """Scroll to a field, or to the nearest thing above it that is drawn."""
        await scroll_to(ref, path, path.split(".")[0])

    async def finish() -> None:
        path = await desk.finish()
        if path is not None:
            if any(i.name == path for i in idle):
                set_every(True)
            await asyncio.sleep(0.1)
            await to(path)

    first: list[ft.Control] = []
    if draft.told and gaps:
        what = "\n".join(k.of(g.what) for g in gaps[:LISTED])
        go = k.button(k.say("form.first"), call(state, to, gaps[0].path), "soft", I.ARROW_DOWNWARD, size=16)
        first.append(k.judge("warn", I.WARNING_AMBER, k.say("form.left", n=len(gaps)), what, go))
    elif gaps and not gaps[0].path:  # no right to it: told before anything is typed
        first.append(k.judge("warn", I.LOCK_OUTLINE, k.of(gaps[0].what), k.say("form.may_not.why")))
    if draft.repeated:
        first.append(k.judge("active", I.CONTENT_COPY, k.say("form.repeated", n=draft.repeated)))
    elif draft.base is None:
        first.append(k.button(k.say("form.repeat"), call(state, desk.repeat), "soft", I.CONTENT_COPY, size=16))
    last: list[ft.Control] = []
    if idle or every:
        word = k.say("form.idle.hide") if every else k.say("form.idle.show", n=len(idle))
        arrow = I.EXPAND_LESS if every else I.EXPAND_MORE
        last.append(k.button(word, call(state, set_every, not every), "plain", arrow, size=16))
    inner = ft.Column([*first, *fields, *last], spacing=18, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    width = min(state.width - (92 if state.wide else 0), 760) - 32
    body = ft.Column(
        [ft.Row([ft.Container(inner, width=width, padding=ft.Padding.symmetric(vertical=16))], alignment=ft.MainAxisAlignment.CENTER)],
        scroll=ft.ScrollMode.AUTO, expand=True, ref=ref,
    )  # fmt: skip
    left = len(gaps)
    word = k.say("form.finish") if not left else f"{k.say('form.finish')} · {k.say('form.left', n=left)}"
    foot = next_bar(k, k.button(word, call(state, finish), "next", I.CHECK, h=64, size=19, expand=True))
    sub = f"{k.say('form.new' if draft.base is None else 'form.amend')} · {k.say('form.kept')}"
    return frame(state, k, name, sub, body, foot=foot, back=True, tabs=False)
