"""Settings: who has the tablet, how it looks, and what concerns the device. Each works at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flet as ft

from field_app.kit import SCALES, THEMES, I, Kit, column, strut
from field_app.pages.shell import call, frame, guard, page, scroll, tappable, two_panes
from field_app.state import State

THEME_ICONS = {"light": I.LIGHT_MODE_OUTLINED, "dark": I.DARK_MODE_OUTLINED, "sun": I.WB_SUNNY_OUTLINED}


class Entry(NamedTuple):
    """A line of the device's card: a tap does it, or leads there."""

    icon: Any
    title: str
    why: str
    on_tap: Callable[..., Any]


def entries(state: State, k: Kit) -> list[Entry]:
    """What the device's card offers, from the top."""
    return [
        Entry(I.LOCK_OUTLINE, k.say("set.lock"), k.say("set.lock.why"), call(state, state.lock)),
        Entry(I.PASSWORD, k.say("set.pin"), k.say("set.pin.why"), call(state, state.change_pin)),
        Entry(I.DESCRIPTION_OUTLINED, k.say("set.diag"), k.say("set.diag.why"), call(state, state.go, "diagnostics")),
        Entry(I.USB_OUTLINED, k.say("rescue"), k.say("rescue.sub"), call(state, state.go, "rescue")),
    ]


def heading(k: Kit, icon: object, text: str, more: str = "") -> ft.Control:
    lines = [k.t(text, 17, True), *([k.t(more, 14, color="ink-2")] if more else [])]
    return ft.Row([k.icon(icon, 24, "ink-2"), column(*lines, expand=True)], spacing=10)


def card(state: State, k: Kit) -> ft.Control:
    rows: list[ft.Control] = []
    for e in entries(state, k):
        if rows:
            rows.append(ft.Container(height=k.stroke, bgcolor=k["line"]))
        text = column(k.t(e.title, 17, True), k.t(e.why, 14, color="ink-2"), expand=True)
        line = ft.Row([strut(56), k.icon(e.icon, 24, "ink-2"), text, k.icon(I.CHEVRON_RIGHT, 24, "ink-2")], spacing=12)
        rows.append(tappable(k, line, e.title, e.on_tap, padding=ft.Padding.symmetric(horizontal=4, vertical=6)))
    return k.card(k.t(k.say("set.card"), 14, True, "ink-2"), *rows, spacing=4)


def people(state: State, k: Kit) -> list[ft.Control]:
    here = dict(state.people)
    return [
        heading(k, I.PEOPLE_OUTLINE, k.say("set.people"), k.say("set.people.why")),
        k.choices(here, state.turn, lambda id: call(state, state.take_turn, id), 1 if len(here) < 2 else 2),
        k.button(k.say("set.add_person"), guard(state, state.add_person), "plain", I.PERSON_ADD_OUTLINED),
    ]


def looks(state: State, k: Kit) -> list[ft.Control]:
    def trio(name: str, options: dict[str, str], now: str, columns: int) -> ft.Control:
        return k.choices(options, now, lambda code: call(state, lambda: state.look(**{name: code})), columns)

    return [
        heading(k, THEME_ICONS[k.name], k.say("set.theme"), k.say("set.theme.why")),
        trio("theme", {t: k.say(f"set.{t}") for t in THEMES}, state.theme, 3),
        heading(k, I.LANGUAGE, k.say("set.lang")),
        trio("lang", {code: k.say(f"lang.{code}") for code in ("zh", "en")}, state.lang, 2),
        heading(k, I.FORMAT_SIZE, k.say("set.size")),
        trio("size", {s: k.say(f"set.{s}") for s in SCALES}, state.size, 3),
    ]


def project(state: State, k: Kit) -> list[ft.Control]:
    if len(state.book.projects) < 2:
        return []
    chosen = lambda id: call(state, state.choose_project, id)  # noqa: E731
    return [
        heading(k, I.FOLDER_OUTLINED, k.say("set.project")),
        k.choices(dict(state.book.projects), state.book.project_id, chosen, 1),
    ]


@page
def Settings(state: State, k: Kit):
    sub = k.say("set.device", device=state.device, person=state.person)
    who, what = [*people(state, k), *project(state, k)], card(state, k)
    if state.wide:
        body = two_panes(k, scroll(*looks(state, k)), scroll(*who, what))
    else:
        body = scroll(*who, *looks(state, k), what)
    return frame(state, k, k.say("settings"), sub, body)
