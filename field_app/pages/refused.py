"""A change the server refused: what was recorded, why it did not go in, what to do. Its values stay findable."""

from __future__ import annotations

import flet as ft

from field_app.desks.needs import Refused
from field_app.form.said import said
from field_app.kit import I, Kit, column
from field_app.pages.draw import SYNCS
from field_app.pages.shell import call, frame, next_bar, page, scroll
from field_app.state import State
from schemas.fields import fields_of
from schemas.records import TYPES

HASH = "sha256"


def values(state: State, k: Kit, one: Refused) -> list[ft.Control]:
    made = one.made
    called = lambda type, id: one.names.get((type, id), id[-6:])  # noqa: E731
    kind = str(made.after.get("subject_kind", ""))
    known = fields_of(TYPES[made.type]) if made.type in TYPES else {}
    out: list[ft.Control] = []
    names = sorted((n for n in known if n in made.after), key=lambda n: n == HASH)  # last: it says nothing to a person
    for name in [*names, *(n for n in made.after if n not in known)]:
        f = known.get(name)
        label = k.of((f.spec.zh, f.spec.en)) if f else name
        text = said(k, f, made.after[name], called, state.now(), kind)
        out.append(column(k.t(label, 14, color="ink-2"), k.t(text, 17), spacing=2))
    return out


@page
def RefusedPage(state: State, k: Kit):
    ft.use_state(state.centre)
    id = state.args.get("id", "")
    centre = state.centre
    ft.use_effect(call(state, centre.open_refused, id), [id])
    found = centre.refused
    if found is None or found.todo.id != id:
        gone = k.judge("unsure", I.HELP_OUTLINE, k.say("refused.gone")) if centre.thing == () else ft.Container()
        return frame(state, k, k.say("refused.title"), "", scroll(gone), back=True)
    made, todo = found.made, found.todo
    back = todo.kind == "rejected" and centre.takes_back(made)  # a photo is what it is
    block = k.judge("alert", SYNCS[todo.kind][0], k.of(todo.why), k.of(todo.remedy))
    seen = [ft.Image(src=found.picture, height=160, fit=ft.BoxFit.CONTAIN, border_radius=10)] if found.picture else []
    card = k.card(k.t(k.say("refused.values"), 18, True), *seen, *values(state, k, found), spacing=12)
    body = scroll(block, card, k.t(k.say("refused.kept"), 14, color="ink-2"))
    read = k.button(k.say("refused.read"), call(state, centre.read, id), "plain" if back or todo.again else "next",
                    h=64, expand=None if back or todo.again else True)  # fmt: skip
    buttons = [read]
    if todo.again:
        buttons.append(
            k.button(
                k.say("photo.send_again"), call(state, centre.again, id), "next", I.SYNC, h=64, size=19, expand=True
            )
        )
    if back:
        buttons.append(
            k.button(
                k.say("refused.again"),
                call(state, centre.take_back, id),
                "next",
                None,
                h=64,
                size=19,
                expand=True,
            )
        )
    title = k.say("photo.unsent" if todo.kind == "photo" else "refused.title")
    return frame(state, k, title, k.of(todo.what), body, foot=next_bar(k, *buttons), back=True)
