"""Settings: display, language, text size, project. Each works at once."""

from __future__ import annotations

import flet as ft

from field_app.kit import SCALES, THEMES, I, Kit, column
from field_app.pages.shell import call, frame, guard, page, scroll
from field_app.state import State

THEME_ICONS = {"light": I.LIGHT_MODE_OUTLINED, "dark": I.DARK_MODE_OUTLINED, "sun": I.WB_SUNNY_OUTLINED}


def heading(k: Kit, icon: object, text: str, more: str = "") -> ft.Control:
    lines = [k.t(text, 17, True), *([k.t(more, 14, color="ink-2")] if more else [])]
    return ft.Row([k.icon(icon, 24, "ink-2"), column(*lines, expand=True)], spacing=10)


@page
def Settings(state: State, k: Kit):
    def trio(name: str, options: dict[str, str], now: str, columns: int) -> ft.Control:
        return k.choices(options, now, lambda code: call(state, lambda: state.look(**{name: code})), columns)

    people = dict(state.people)
    items = [
        heading(k, I.PEOPLE_OUTLINE, k.say("set.people"), k.say("set.people.why")),
        k.choices(people, state.turn, lambda id: call(state, state.take_turn, id), 1 if len(people) < 2 else 2),
        k.button(k.say("set.add_person"), guard(state, state.add_person), "plain", I.PERSON_ADD_OUTLINED),
        heading(k, THEME_ICONS[k.name], k.say("set.theme"), k.say("set.theme.why")),
        trio("theme", {t: k.say(f"set.{t}") for t in THEMES}, state.theme, 3),
        heading(k, I.LANGUAGE, k.say("set.lang")),
        trio("lang", {"zh": "中文", "en": "English"}, state.lang, 2),
        heading(k, I.FORMAT_SIZE, k.say("set.size")),
        trio("size", {s: k.say(f"set.{s}") for s in SCALES}, state.size, 3),
    ]
    if len(state.book.projects) > 1:
        items += [
            heading(k, I.FOLDER_OUTLINED, k.say("set.project")),
            k.choices(
                dict(state.book.projects), state.book.project_id, lambda id: call(state, state.choose_project, id), 1
            ),
        ]
    sub = k.say("set.device", device=state.device, person=state.person)
    body = ft.Row([ft.Container(scroll(*items), expand=True)], vertical_alignment=ft.CrossAxisAlignment.STRETCH)
    if state.wide:
        body.controls[0].expand = 2
        body.controls.append(ft.Container(expand=1))
    return frame(state, k, k.say("settings"), sub, body)
