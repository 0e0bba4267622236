"""One item of a check: the question, three big buttons, what the sampler recorded beside it. On a tablet what a "no" asks for stands
at the right."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.checkdraft import PROBLEMS
from field_app.desks.checking import CheckingDesk
from field_app.kit import I, Kit, column, strut
from field_app.pages import evidence, found
from field_app.pages.beside import BesidePane
from field_app.pages.finder import below_finder
from field_app.pages.shell import call, frame, guard, page, scroll, two_panes
from field_app.state import State
from schemas.reference import codes
from schemas.rules.checklists import model

LOOKS: dict[str, tuple[Any, str]] = {  # icon and colour of an answer
    "pass": (I.CHECK, "done"),
    "fail": (I.CLOSE, "alert"),
    "not_apply": (I.REMOVE, "planned"),
    "insufficient": (I.HELP_OUTLINE, "warn"),
    "unanswered": (I.RADIO_BUTTON_UNCHECKED, "ink-2"),
}
MOST_TICKS = 36  # of a list; a longer one shows those of its section


def word_of(k: Kit, answer: str) -> str:
    """An answer as its button says it: of "是(符合)" what stands in brackets."""
    label = codes("answer_value").get(answer)
    text = k.of(label) if label is not None else answer
    inside = text.partition("(")[2].partition(")")[0]
    return inside or text


@page
def ItemPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.checking)
    id, code = str(state.args.get("id", "")), str(state.args.get("code", ""))

    async def start() -> None:
        if state.route == "item":  # drawn once more while it is left
            await desk.open(id, code)
            await desk.look()
            await desk.compare()

    ft.use_effect(guard(state, start), [id, code, desk.inspection.get("point_id")])
    if (other := not_there(state, k, desk, id)) is not None:
        return other
    item = desk.list.item(desk.at)
    if item is None:
        return gone(state, k)
    problem = desk.answer_of(item.code) in PROBLEMS
    top = [
        place(k, desk, item),
        strip(state, k, desk, item),
        question(k, desk, item),
        BesidePane(key="beside"),
        *compared(k, desk, item),
    ]
    if not state.wide:
        body = scroll(*top, *below(state, k, desk, item, problem), key=f"item-{item.code}")
        return frame(
            state, k, k.of(desk.list.title), subtitle(state, desk), below_finder(desk.lens, body),
            foot=foot(state, k, desk, item), back=True, right=[to_items(state, k, id)], tabs=False,
        )  # fmt: skip
    left = ft.Column([scroll(*top, *noting(state, k, item), key=f"item-{item.code}"), foot(state, k, desk, item)], spacing=0, expand=True,
                     horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip
    right = evidence.Pane(item.code, key=f"evidence-{item.code}")
    return frame(state, k, k.of(desk.list.title), subtitle(state, desk), two_panes(k, left, right), back=True,
                 right=[to_items(state, k, id)])  # fmt: skip


def not_there(state: State, k: Kit, desk: CheckingDesk, id: str) -> ft.Control | None:
    """The page while there is nothing to show, and why."""
    if desk.missing == id:
        return gone(state, k)
    if desk.id != id:
        return frame(state, k, k.say("checks"), "", scroll(k.t(k.say("checks.loading"), 16, color="ink-2")), back=True)
    if desk.list is None:
        words = {"code": desk.inspection.get("list_code", "–"), "version": desk.inspection.get("list_version", "–")}
        block = k.judge("unsure", I.HELP_OUTLINE, k.say("item.no_list", **words), k.say("item.no_list.why"))
        on = k.button(k.say("items.sign"), call(state, lambda: state.go("onsite", id=id)), "plain", I.DRAW_OUTLINED)
        return frame(state, k, k.say("checks"), str(desk.inspection.get("code", "")), scroll(block, on), back=True)
    return None


def gone(state: State, k: Kit) -> ft.Control:
    go = k.button(k.say("item.gone.go"), call(state, lambda: state.go("records")), "plain", I.LIST_ALT)
    block = k.judge("unsure", I.HELP_OUTLINE, k.say("item.gone"), k.say("item.gone.why"))
    return frame(state, k, k.say("checks"), "", scroll(block, go), back=True)


def subtitle(state: State, desk: CheckingDesk) -> str:
    """S14 · 红星电镀厂地块 · 何敏 罗文."""
    names = " ".join(o.get("name", "") for o in desk.inspection.get("officers", ()))
    return " · ".join(x for x in (desk.about, str(desk.inspection.get("place", "")), names) if x)


def to_items(state: State, k: Kit, id: str) -> ft.Control:
    return k.icon_button(I.FILTER_LIST, k.say("item.all"), call(state, lambda: state.go("items", id=id)))


# --- the question -----------------------------------------------------------------------------------------------------


def place(k: Kit, desk: CheckingDesk, item: model.Item) -> ft.Control:
    items = desk.list.items
    n = items.index(item) + 1
    text = (
        k.say("item.place", n=n, all=len(items), section=k.of(item.section)) if item.section.zh else f"{n}/{len(items)}"
    )
    left = k.say("item.left", n=desk.left) if desk.left else k.say("item.left.none")
    return ft.Row([k.t(text, 15, True, "ink-2", expand=True), k.t(left, 14, color="ink-2")], spacing=8)


def strip(state: State, k: Kit, desk: CheckingDesk, item: model.Item) -> ft.Control:
    """One tick per item, a "no" taller, n.a. flat, the one that is shown outlined. Leads to the list."""
    items = desk.list.items
    shown = items if len(items) <= MOST_TICKS else [i for i in items if i.section == item.section]
    if len(shown) > MOST_TICKS:
        at = shown.index(item)
        first = max(0, min(at - MOST_TICKS // 2, len(shown) - MOST_TICKS))
        shown = shown[first : first + MOST_TICKS]
    answers = [desk.answer_of(i.code) for i in items]
    label = k.say("item.strip", n=items.index(item) + 1, all=len(items), ok=answers.count("pass"),
                  fail=sum(a in PROBLEMS for a in answers), left=answers.count("unanswered"))  # fmt: skip
    gap = 4 if len(shown) <= 20 else 2
    ticks = ft.Row([tick(k, desk.answer_of(i.code), i is item) for i in shown], spacing=gap,
                   vertical_alignment=ft.CrossAxisAlignment.CENTER)  # fmt: skip
    body = ft.Semantics(label=label, button=True, exclude_semantics=True, content=ft.Row([strut(56), ft.Container(ticks, expand=True)], spacing=0))  # fmt: skip
    return ft.Container(body, on_click=call(state, lambda: state.go("items", id=desk.id)), ink=True, border_radius=8)


def tick(k: Kit, answer: str, now: bool) -> ft.Control:
    tall = 22 if answer in PROBLEMS else 6 if answer == "not_apply" else 14
    color = k["sunken"] if answer == "unanswered" else k[LOOKS.get(answer, LOOKS["unanswered"])[1]]
    edge = (
        ft.Border.all(2, k["ink"]) if now else ft.Border.all(1, k["line"]) if answer == "unanswered" or k.sun else None
    )
    return ft.Container(height=max(tall, 18) if now else tall, expand=1, bgcolor=color, border=edge, border_radius=4)


def question(k: Kit, desk: CheckingDesk, item: model.Item) -> ft.Control:
    lines: list[ft.Control] = [ft.Semantics(header=True, content=k.t(k.of(item.label), 22, True, h=1.3))]
    if item.star:
        lines.append(k.t(k.say("item.star"), 15, True, "warn"))
    lines.append(k.t(k.say("item.basis", text=desk.basis_of(item, k.lang)), 14, color="ink-2"))
    return column(*lines, spacing=6)


def compared(k: Kit, desk: CheckingDesk, item: model.Item) -> list[ft.Control]:
    """What the figure or the sampler's records say by themselves: said, never answered."""
    if not item.auto or (desk.found is None and desk.value_of(item.code) is None):
        return []
    said = desk.auto(item.code)
    if not said.why.zh:
        return []
    color, icon = ("warn", I.WARNING_AMBER) if said.answer == "fail" else ("active", I.FACT_CHECK_OUTLINED)
    return [k.judge(color, icon, k.say("item.auto"), k.of(said.why), most=6)]


def noting(state: State, k: Kit, item: model.Item) -> list[ft.Control]:
    """Of an item that is no yes or no: on a tablet its figure and words stand at the right."""
    return [] if item.kind == "answer" else [k.t(k.say(f"item.kind.{item.kind}"), 15, color="ink-2")]


def below(state: State, k: Kit, desk: CheckingDesk, item: model.Item, problem: bool) -> list[ft.Control]:
    """On a phone: the way to what a "no" asks for; of a figure or a text the thing itself."""
    if item.kind != "answer":
        return evidence.parts(state, k, desk, item.code, state.width - 32, only=("number", "text"))
    to = call(state, lambda: state.go("fail", id=desk.id, code=item.code))
    photos = sum(len(w.photos) for w in desk.wanted(item.code))
    if problem:
        return [
            found.made(k, desk, item.code),
            k.button(k.say("item.more.n", n=photos), to, "soft", I.CHEVRON_RIGHT),
        ]
    word = k.say("item.more.n", n=photos) if photos else k.say("item.more")
    return [k.button(word, to, "plain", I.PHOTO_CAMERA_OUTLINED, size=16)]


# --- the buttons ------------------------------------------------------------------------------------------------------


def foot(state: State, k: Kit, desk: CheckingDesk, item: model.Item) -> ft.Control:
    """The answers, and below them one item back and on. While the camera is open, its own."""
    if not state.wide and desk.lens.view is not None:
        return evidence.lens_bar(state, k, desk)
    before, after = desk.following(item.code, back=True), desk.following(item.code)
    onward = k.say("item.onward" if desk.answered(item.code) else "item.skip")
    row = ft.Row(
        [
            k.button(k.say("item.before"), call(state, move, state, desk, before) if before else None, "plain", I.ARROW_BACK,
                     leading=True, expand=1, pad=6),
            k.button(onward if after else k.say("item.all"), call(state, move, state, desk, after), "plain", I.ARROW_FORWARD, expand=1,
                     pad=6),
        ],
        spacing=12,
    )  # fmt: skip
    rows: list[ft.Control] = [row]
    if item.kind == "answer":
        rows.insert(0, answers(state, k, desk, item))
    elif item.kind == "number" and not state.wide:
        rows.insert(
            0, evidence.pad(state, k, desk, item.code, state.width - 32, call(state, figured, state, desk, item))
        )
    return ft.Container(
        column(*rows, spacing=12), padding=ft.Padding.only(left=16, right=16, top=10, bottom=12), bgcolor=k["paper"]
    )


def answers(state: State, k: Kit, desk: CheckingDesk, item: model.Item) -> ft.Control:
    now = desk.answer_of(item.code)
    wide = (state.width - 92) * 6 / 11 if state.wide else state.width
    each = (wide - 32 - 10 * (len(item.options) - 1)) / max(1, len(item.options))
    boxes = [verdict_button(state, k, desk, item, option, now, each) for option in item.options]
    if each < 84 * k.scale:  # four of them, or large text, on a narrow phone: two rows
        half = (len(boxes) + 1) // 2
        return column(ft.Row(boxes[:half], spacing=10), ft.Row(boxes[half:], spacing=10), spacing=10)
    return ft.Row(boxes, spacing=10)


def verdict_button(
    state: State, k: Kit, desk: CheckingDesk, item: model.Item, option: str, now: str, each: float
) -> ft.Control:
    """Equal width and weight; coloured only at the edge until it is chosen."""
    icon, color = LOOKS.get(option, LOOKS["unanswered"])
    on, word = option == now, word_of(k, option)
    front = k["surface"] if on else k[color]
    size = 18 if len(word) * (18 if k.lang == "zh" else 10) * k.scale < each - 12 else 15
    inside = ft.Column(
        [ft.Icon(icon, size=30, color=front), k.t(word, size, True, front, h=1.15, text_align=ft.TextAlign.CENTER, max_lines=2)],
        spacing=4, alignment=ft.MainAxisAlignment.CENTER, horizontal_alignment=ft.CrossAxisAlignment.CENTER, tight=True,
    )  # fmt: skip
    return ft.Container(
        ft.Semantics(label=word, button=True, selected=on, exclude_semantics=True, content=inside), height=88 * min(k.scale, 1.15),
        expand=1, ink=True, on_click=call(state, tapped, state, desk, item, option), border_radius=16, padding=4,
        bgcolor=k[color] if on else k["surface"], border=ft.Border.all(3 if k.sun and on else 2, k[color]), alignment=ft.Alignment.CENTER,
    )  # fmt: skip


def tapped(state: State, desk: CheckingDesk, item: model.Item, option: str) -> None:
    """A "no" shows what it asks for; anything else goes on by itself."""
    if desk.at != item.code:  # a second tap, meant for the item before
        return
    state.dismiss()
    after = desk.following(item.code)  # of the filter as it was when this item was shown
    desk.answer(item.code, option)
    if option not in PROBLEMS:
        move(state, desk, after)
    elif not state.wide:
        state.go("fail", id=desk.id, code=item.code)


def figured(state: State, desk: CheckingDesk, item: model.Item) -> None:
    """The figure is all there: on to the next item, unless it says "no" by itself."""
    after = desk.following(item.code)
    desk.weigh(item.code)
    if desk.answer_of(item.code) not in PROBLEMS:
        move(state, desk, after)
    else:
        state.go("fail", id=desk.id, code=item.code)


def move(state: State, desk: CheckingDesk, code: str) -> None:
    """To another item; behind the last one to the list, which says what is left."""
    desk.lens.shut()
    left = desk.list.item(desk.at)
    if left is not None and left.kind == "number" and desk.value_of(left.code) is not None:
        desk.weigh(left.code)  # typed, and left without the pad's own key
    if code:
        desk.set_ui(at=code, pad=None)
        state.replace("item", id=desk.id, code=code)
    else:
        state.go("items", id=desk.id)


__all__ = ["LOOKS", "ItemPage", "move", "not_there", "subtitle", "word_of"]
