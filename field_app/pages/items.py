"""All items of a check: what is open, what is a no, jump to any, the verdict so far; problems that stand on no list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.desks.checkdraft import PROBLEMS
from field_app.desks.checking import CheckingDesk
from field_app.kit import I, Kit, column, strut
from field_app.pages.item import LOOKS, not_there, subtitle, word_of
from field_app.pages.keep import KeepButton
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll
from field_app.state import State
from schemas.reference import Label, codes
from schemas.rules.checklists import model

FILTERS = ("all", "open", "fail", "star")
LONG = 40  # items; a longer list is shown section by section


@page
def ItemsPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.checking)
    id = str(state.args.get("id", ""))
    asking, set_asking = ft.use_state(False)
    folded, set_folded = ft.use_state(True)

    async def start() -> None:
        if state.route == "items":
            await desk.open(id)

    ft.use_effect(guard(state, start), [id])
    if (other := not_there(state, k, desk, id)) is not None:
        return other
    items = desk.list.items
    sections = list(dict.fromkeys(i.section for i in items))
    long = len(items) > LONG and len(sections) > 1
    fits = [i for i in items if desk.fits(i, desk.filter)]
    sections = list(dict.fromkeys(i.section for i in fits)) if long else sections
    chosen = section_of(desk, sections) if long and sections else None
    shown = [i for i in fits if chosen is None or i.section == chosen]
    top: list[ft.Control] = [verdict(k, desk), filters(state, k, desk)]
    if chosen is not None:
        top.append(jump(state, k, desk, sections, chosen, folded, set_folded))
    if not shown:
        top.append(k.t(k.say("items.none"), 16, color="ink-2"))
    number = {i.code: n for n, i in enumerate(items, 1)}
    rows = [row(state, k, desk, i, number[i.code]) for i in shown]
    end: list[ft.Control] = [
        *own_rows(state, k, desk),
        KeepButton(key="keep"),
        *drop(state, k, desk, asking, set_asking),
    ]
    body = scroll(
        *top, ft.Column(rows, spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH), *end
    )
    add = k.button("", call(state, another, state, desk), "plain", I.ADD, h=64, name=k.say("items.own"))
    sign = k.button(
        k.say("items.sign"),
        call(state, lambda: state.go("onsite", id=id)),
        "next",
        I.DRAW_OUTLINED,
        h=64,
        size=19,
        expand=True,
    )
    return frame(
        state, k, k.of(desk.list.title), subtitle(state, desk), body, foot=next_bar(k, add, sign), back=True, tabs=False
    )


def verdict(k: Kit, desk: CheckingDesk) -> ft.Control:
    """What the list's own rule says now, and why."""
    said = desk.verdict()
    if said is None:
        return ft.Container()
    why = k.of(said.why)
    if said.code is None:
        return k.judge("active", I.RULE, k.say("items.verdict.open", n=len(said.unanswered)), why)
    color = "done" if said.code == "pass" else "warn" if said.code in ("pass_amend", "rectify") else "alert"
    icon = I.CHECK_CIRCLE_OUTLINE if said.code == "pass" else I.RULE
    return k.judge(color, icon, k.say("items.verdict", verdict=k.of(said.label)), why)


def filters(state: State, k: Kit, desk: CheckingDesk) -> ft.Control:
    items = desk.list.items
    counts = {f: sum(desk.fits(i, f) for i in items) for f in FILTERS}
    shown = {f: k.say(f"items.{f}", n=counts[f]) for f in FILTERS if f != "star" or counts[f]}
    beside = state.wide or (k.scale < 1.2 and k.lang == "zh")
    return k.choices(shown, desk.filter, lambda f: call(state, choose, desk, f), len(shown) if beside else 2)


def choose(desk: CheckingDesk, filter: str) -> None:
    desk.set_ui(filter=None if filter == "all" else filter)


def section_of(desk: CheckingDesk, sections: list[Label]) -> Label:
    """The section that was chosen, else the one of the item shown last."""
    kept = desk.ui("section")
    at = desk.list.item(desk.at)
    wanted = (kept, at.section.zh if at is not None else "")
    return next((s for name in wanted for s in sections if s.zh == name), sections[0])


def jump(
    state: State, k: Kit, desk: CheckingDesk, sections: list[Label], chosen: Label, folded: bool, set_folded: Callable[[bool], None]
) -> ft.Control:  # fmt: skip
    """A long list section by section: one back, one on, or any of them from the name in the middle."""

    def words(s: Label) -> str:
        mine = [i for i in desk.list.items if i.section == s]
        return k.say("items.section", name=k.of(s), n=sum(desk.answered(i.code) for i in mine), all=len(mine))

    def pick(section: str) -> None:
        set_folded(True)
        to_section(desk, section)

    at = sections.index(chosen)

    def step(by: int, icon: Any, key: str) -> ft.Control:
        there = 0 <= at + by < len(sections)
        act = call(state, to_section, desk, sections[at + by].zh) if there else None
        return k.button("", act, "plain", icon, w=60, pad=0, name=k.say(key))

    middle = k.button(words(chosen), call(state, set_folded, not folded), "soft", I.EXPAND_MORE if folded else I.EXPAND_LESS, size=16,
                      expand=1, pad=8)  # fmt: skip
    row = ft.Row(
        [step(-1, I.ARROW_BACK, "items.section.before"), middle, step(1, I.ARROW_FORWARD, "items.section.after")],
        spacing=8,
    )
    if folded:
        return row
    shown = {s.zh: words(s) for s in sections}
    return column(row, k.choices(shown, chosen.zh, lambda s: call(state, pick, s), 2 if state.wide else 1), spacing=8)


def to_section(desk: CheckingDesk, section: str) -> None:
    desk.set_ui(section=section)


def row(state: State, k: Kit, desk: CheckingDesk, item: model.Item, n: int) -> ft.Control:
    answer = desk.answer_of(item.code)
    icon, color = LOOKS.get(answer, LOOKS["unanswered"])
    word, text = word_of(k, answer), k.of(item.label)
    line = ft.Row(
        [
            strut(60), k.icon(icon, 24, color), k.t(f"{n}{' ★' if item.star else ''}", 15, True, "ink-2", width=44 * k.scale),
            k.t(text, 16, color="ink", expand=True, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS),
            *([k.t(word, 14, True, color)] if answer in PROBLEMS else []),
        ],
        spacing=8,
    )  # fmt: skip
    label = k.say("items.row", n=n, label=text, answer=word)
    return ft.Container(
        ft.Semantics(label=label, button=True, selected=item.code == desk.at, exclude_semantics=True, content=line), ink=True,
        on_click=call(state, to_item, state, desk, item.code), padding=ft.Padding.symmetric(horizontal=6),
        bgcolor=k["surface"] if item.code == desk.at else None, border=ft.Border.only(bottom=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip


def to_item(state: State, desk: CheckingDesk, code: str) -> None:
    """Back to the item's page where it stands above this one, else to a new one."""
    desk.set_ui(at=code, section=None)
    above = state.above
    if above == "item":
        state.back()
        state.replace("item", id=desk.id, code=code)
    else:
        state.go("item", id=desk.id, code=code)


# --- problems that stand on no list -----------------------------------------------------------------------------------


def own_rows(state: State, k: Kit, desk: CheckingDesk) -> list[ft.Control]:
    out = []
    for key, part in desk.findings.items():
        if desk.item(key) is not None:
            continue
        number = str(part.values.get("code", "")).rpartition("-")[2]
        text = str(part.values.get("description", "")).strip() or k.say("fail.text.must")
        severity = k.of(codes("severity").get(part.values.get("severity", "")))
        line = ft.Row([strut(60), k.icon(I.CLOSE, 24, "alert"), column(k.t(f"{number} · {severity}", 15, True),
                       k.t(text, 15, color="ink-2", max_lines=2, overflow=ft.TextOverflow.ELLIPSIS), expand=True),
                       k.icon(I.CHEVRON_RIGHT)], spacing=8)  # fmt: skip
        out.append(ft.Container(
            ft.Semantics(label=f"{number} {severity} {text}", button=True, exclude_semantics=True, content=line), ink=True,
            on_click=call(state, to_own, state, desk, key), padding=ft.Padding.symmetric(horizontal=6), bgcolor=k["surface"],
            border=k.edge(), border_radius=14,
        ))  # fmt: skip
    return [k.t(k.say("fail.title.own"), 15, True, "ink-2"), *out] if out else []


def to_own(state: State, desk: CheckingDesk, key: str) -> None:
    state.go("fail", id=desk.id, code=key)


def another(state: State, desk: CheckingDesk) -> None:
    key = desk.add_finding()
    to_own(state, desk, key)


def drop(state: State, k: Kit, desk: CheckingDesk, asking: bool, ask: Callable[[bool], None]) -> list[ft.Control]:
    """Throwing the whole check away, after a question."""
    if not asking:
        return [k.button(k.say("items.drop"), call(state, ask, True), "bare", I.DELETE_OUTLINE, size=15)]

    async def go() -> None:
        await desk.drop()
        state.go("checks")

    buttons = ft.Row([
        k.button(k.say("items.drop.no"), call(state, ask, False), "plain", size=16, expand=1),
        k.button(k.say("items.drop.go"), call(state, go), "plain", I.DELETE_OUTLINE, size=16, expand=1),
    ], spacing=8)  # fmt: skip
    return [k.judge("warn", I.WARNING_AMBER, k.say("items.drop"), k.say("items.drop.sure"), buttons)]
