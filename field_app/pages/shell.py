"""The frame of every page: title, safe line, notice, body, next bar, navigation. And the guard round every handler."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.kit import CLEAR, SCALES, I, Kit, column, strut
from field_app.state import State

log = logging.getLogger("jingtu.app")
AppCtx = ft.create_context(None)
TAB_ICONS = {
    "today": I.TODAY_OUTLINED,
    "map": I.MAP_OUTLINED,
    "trucks": I.LOCAL_SHIPPING_OUTLINED,
    "checks": I.FACT_CHECK_OUTLINED,
    "scan": I.QR_CODE_SCANNER,
    "records": I.LIST_ALT,
    "sync": I.SYNC,
    "settings": I.SETTINGS_OUTLINED,
}
BELOW = {
    "point": "today",
    "issue": "trucks",
    "code": "trucks",
    "loads": "trucks",
    "leg": "trucks",
    "roadside": "trucks",
    "shots": "trucks",
    "void": "trucks",
    "list": "records",
    "record": "records",
    "form": "records",
    "pick": "records",
    "conflict": "sync",
    "receipt": "sync",
    "refused": "sync",
    "rescue": "settings",
    "diagnostics": "settings",
    "stakeout": "map",
    "newcheck": "checks",
    "item": "checks",
    "items": "checks",
    "fail": "checks",
    "onsite": "checks",
    "sketch": "checks",
    "recheck": "checks",
    "task": "checks",
    "beside": "checks",
    "kept": "checks",
}  # page → its tab
MOST_TABS = 6  # in a row of 360 px; beyond that records are opened from the page of checks
NOTICE_ICONS = {"done": I.CHECK_CIRCLE_OUTLINE, "warn": I.WARNING_AMBER, "alert": I.ERROR_OUTLINE}


def use_app() -> tuple[State, Kit]:
    """For components: the state and the look it asks for."""
    state: State = ft.use_context(AppCtx)
    return state, Kit(state.theme, SCALES.get(state.size, 1.0), state.lang)


def guard(state: State, fn: Callable[..., Any]) -> Callable[..., Any]:
    """An exception that leaves a handler puts Flet's crash page over the whole app; on a tablet nobody can reload it.
    So every handler is wrapped, and what went wrong is said in words where the person is."""
    if inspect.iscoroutinefunction(fn):

        @functools.wraps(fn)
        async def waiting(*args: Any) -> None:
            try:
                await fn(*args)
            except Exception as err:
                state.report(err)

        return waiting

    @functools.wraps(fn)
    def at_once(*args: Any) -> None:
        try:
            fn(*args)
        except Exception as err:
            state.report(err)

    return at_once


def call(state: State, fn: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    """A guarded handler without event that calls `fn(*args)`, sync or async."""
    if inspect.iscoroutinefunction(fn):

        async def later() -> None:
            await fn(*args)

        return guard(state, later)
    return guard(state, lambda: fn(*args))


def part(draw: Callable[..., Any]) -> Callable[..., Any]:
    """A component that gets state and kit, and whose drawing may fail without taking the app with it."""
    return _guarded(draw, whole=False)


def page(draw: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a whole page: the frame stays, so that one can leave it."""
    return _guarded(draw, whole=True)


def _guarded(draw: Callable[..., Any], whole: bool) -> Callable[..., Any]:
    def drawn(*args: Any, **kwargs: Any) -> Any:
        state, k = use_app()
        try:
            return draw(state, k, *args, **kwargs)
        except Exception:
            log.exception("drawing %s", draw.__name__)
            block = k.judge("alert", I.ERROR_OUTLINE, k.say("page.failed"), k.say("page.failed.why"))
            return frame(state, k, k.say("app"), "", block, back=True) if whole else block

    drawn.__name__ = draw.__name__
    return ft.component(drawn)


# --- parts of the frame -----------------------------------------------------------------------------------------------


def title_bar(state: State, k: Kit, title: str, sub: str, back: bool, right: list[ft.Control]) -> ft.Control:
    below = [k.t(sub, 13, color="ink-2", max_lines=1, overflow=ft.TextOverflow.ELLIPSIS)] if sub else []
    text = column(
        ft.Semantics(
            header=True,
            content=k.t(title, 20, True, h=1.2, max_lines=2 if k.scale > 1.2 else 1, overflow=ft.TextOverflow.ELLIPSIS),
        ),
        *below,
        expand=True,
    )
    row: list[ft.Control] = [strut(60)]
    if back:
        row.append(k.icon_button(I.ARROW_BACK, k.say("back"), guard(state, lambda _: state.back())))
    return ft.Container(
        ft.Row([*row, text, *right], spacing=6),
        bgcolor=k["paper"],
        padding=ft.Padding.only(left=4 if back else 16, right=8),
    )


DOT = "\u00a0· "  # a line may end with it, none begins with it


def width_of(text: str, size: float) -> float:
    """About how wide a text is drawn, in px: Chinese letters are squares, others little more than half as wide."""
    return sum(size if ord(c) > 0x2E80 else size * 0.58 for c in text)


def safe_line(state: State, k: Kit) -> ft.Control:
    """Is my work lost? Always there, calm, and the way to Sync."""
    counts = state.counts
    here, left, photos, owed = (counts.get(name, 0) for name in ("finalized", "pending", "photos", "photos_left"))
    media = f"{photos - owed}/{photos}"  # on the server, of all
    drafts = len(state.book.drafts)
    back, front = ("#000000", "#FFFFFF") if k.sun else (k["primary-soft"], k["on-primary-soft"])
    reached = state.result is not None and state.result.reached
    icon = (
        I.CLOUD_DONE_OUTLINED
        if reached and not left and not owed
        else I.CLOUD_OUTLINED
        if reached
        else I.CLOUD_OFF_OUTLINED
    )

    def part(text: str, bold: bool = False) -> ft.TextSpan:
        return ft.TextSpan(text, k.style(14, bold, front))

    shown = [("safe.here", here), ("safe.left", left), *([("safe.photos", media)] if photos else [])]
    spans = [
        (("" if n == 0 else DOT) + k.say(key).replace(" ", "\u00a0") + "\u00a0", str(count))
        for n, (key, count) in enumerate(shown)
    ]
    numbers = ft.Text(spans=[part(t, bold) for text, count in spans for t, bold in ((text, False), (count, True))])
    word = k.say("safe.online" if reached else "safe.offline")
    if drafts:
        word += DOT + k.say("safe.drafts", n=drafts)
    label = k.say("safe.label.photos" if photos else "safe.label", n=here, m=left, p=media)
    said = k.t(word, 14, color=front, expand=True, max_lines=1)
    room = (
        state.width - (92 if state.wide else 0) - 32 - 18 * k.scale - 24
    )  # where they do not fit beside each other: below
    fits = width_of(word + "".join(t + c for t, c in spans), 14 * k.scale) <= room
    numbers.no_wrap = fits
    if not fits:
        numbers.spans, numbers.expand = [part(word + DOT), *(numbers.spans or [])], True
    text = [said, numbers] if fits else [numbers]
    row = ft.Row([strut(56), ft.Icon(icon, size=18 * k.scale, color=front), *text], spacing=8)
    return ft.Container(
        ft.Semantics(label=label, button=True, exclude_semantics=True, content=row),
        bgcolor=back,
        on_click=call(state, state.go, "sync"),
        ink=True,
        padding=ft.Padding.symmetric(horizontal=16),
    )


def notice(state: State, k: Kit) -> list[ft.Control]:
    n = state.notice
    if n is None:
        return []
    shut = k.button(k.say("close"), call(state, state.dismiss), "plain", size=15)
    block = k.judge(n.kind, NOTICE_ICONS[n.kind], k.of(n.title), k.of(n.detail), ft.Row([shut], alignment="end"))
    return [ft.Container(block, padding=ft.Padding.only(left=16, right=16, top=8))]


def next_bar(k: Kit, *buttons: ft.Control) -> ft.Control:
    """One filled button at the thumb, at most one quiet one left of it."""
    return ft.Container(
        ft.Row(list(buttons), spacing=12),
        padding=ft.Padding.only(left=16, right=16, top=10, bottom=12),
        bgcolor=k["paper"],
        border=ft.Border.only(top=ft.BorderSide(k.stroke, k["line"])),
    )


def badge(state: State, k: Kit, tab: str) -> ft.Control | None:
    n = state.urgent if tab == "sync" else 0
    if not n:
        return None
    return ft.Container(
        k.t(str(n) if n < 100 else "99+", 12, True, "surface", h=1.1), width=20, height=20, border_radius=10, bgcolor=k["alert"],
        alignment=ft.Alignment.CENTER, right=0, top=-2,
    )  # fmt: skip


def tab(state: State, k: Kit, name: str, wide: bool) -> ft.Control:
    on = name in (state.shown, BELOW.get(state.shown))
    icon = ft.Icon(TAB_ICONS[name], size=26, color=k["on-primary"] if on else k["ink-2"])
    pill: ft.Control = ft.Container(
        icon,
        width=64,
        height=34,
        border_radius=17,
        alignment=ft.Alignment.CENTER,
        bgcolor=k["primary"] if on else None,
    )
    if (mark := badge(state, k, name)) is not None:
        pill = ft.Stack([pill, mark], width=64, height=34, clip_behavior=ft.ClipBehavior.NONE)
    size = 14 if wide else min(14, 15.4 / k.scale)  # five words in a row of 360 px
    word = ft.Text(k.say(name), style=k.style(size, on, "ink" if on else "ink-2", 1.2), no_wrap=True)
    body = ft.Semantics(
        label=k.say(name), button=True, selected=on, exclude_semantics=True,
        content=ft.Column([pill, word], spacing=3, horizontal_alignment=ft.CrossAxisAlignment.CENTER,
                          alignment=ft.MainAxisAlignment.CENTER, tight=True),
    )  # fmt: skip
    return ft.Container(
        body, height=72 if not wide else 76 if len(state.tabs) <= MOST_TABS or state.height >= 700 else 64, width=92 if wide else None, expand=None if wide else 1, ink=True,
        alignment=ft.Alignment.CENTER, on_click=call(state, state.go, name), border_radius=12,
    )  # fmt: skip


def rail(state: State, k: Kit) -> ft.Control:
    from field_app.pages.draw import mark

    logo = ft.Semantics(label=k.say("app"), image=True, container=True, content=mark(52))
    tabs = [tab(state, k, name, True) for name in state.tabs[:-1]]
    return ft.Container(
        ft.Column(
            [logo, ft.Container(height=8), *tabs, ft.Container(expand=True), tab(state, k, state.tabs[-1], True)],
            spacing=4, horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        ),
        width=92, bgcolor=k["surface"], padding=ft.Padding.symmetric(vertical=14),
        border=ft.Border.only(right=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip


def bottom_bar(state: State, k: Kit) -> ft.Control:
    shown = [name for name in state.tabs if len(state.tabs) <= MOST_TABS or name != "records"]
    return ft.Container(
        ft.Row([tab(state, k, name, False) for name in shown], spacing=0), bgcolor=k["surface"],
        border=ft.Border.only(top=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip


def frame(
    state: State, k: Kit, title: str, sub: str, body: ft.Control, *, foot: ft.Control | None = None,
    back: bool = False, right: list[ft.Control] | None = None, tabs: bool = True, safe: bool = True,
) -> ft.Control:  # fmt: skip
    """A whole page. `tabs` off on a phone while a point is worked on: the next button needs the place."""
    middle = ft.Container(body, expand=True)
    rows: list[ft.Control] = [title_bar(state, k, title, sub, back, right or [])]
    if safe:
        rows.append(safe_line(state, k))
    rows += [*notice(state, k), middle, *([foot] if foot else [])]
    if tabs and not state.wide:
        rows.append(bottom_bar(state, k))
    main = ft.Column(rows, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    whole: ft.Control = main
    if state.wide and safe:
        whole = ft.Row([rail(state, k), main], spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH)
    return ft.SafeArea(ft.Container(whole, expand=True, bgcolor=k["paper"]), expand=True)


def scroll(
    *items: ft.Control,
    spacing: int = 12,
    padding: Any = 16,
    key: str | None = None,
    ref: ft.Ref[ft.Column] | None = None,
) -> ft.Control:
    """`key`: of what is shown: another one begins at its top. `ref`: for `scroll_to`."""
    return ft.Column(
        [ft.Container(ft.Column(list(items), spacing=spacing, horizontal_alignment=ft.CrossAxisAlignment.STRETCH),
                      padding=padding)],
        scroll=ft.ScrollMode.AUTO, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, key=key, ref=ref,
    )  # fmt: skip


async def scroll_to(ref: ft.Ref[ft.Column], *keys: str) -> None:
    """Bring the first of these that is drawn into sight."""
    if ref.current is None:
        return
    for at in keys:
        try:
            await asyncio.wait_for(ref.current.scroll_to(scroll_key=at, duration=200), 3)
            return
        except Exception:  # not drawn
            continue


def two_panes(k: Kit, left: ft.Control, right: ft.Control, line: bool = True) -> ft.Control:
    edge = ft.Border.only(left=ft.BorderSide(k.stroke, k["line"])) if line else None
    return ft.Row(
        [ft.Container(left, expand=6), ft.Container(right, expand=5, border=edge)],
        spacing=0,
        expand=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )


def tappable(
    k: Kit, content: ft.Control, label: str, on_click: Callable[..., Any], chosen: bool = False, padding: Any = 10
) -> ft.Container:
    """A row that is one button. Gesture outside, name inside: one node that finger and screen reader both find."""
    return ft.Container(
        ft.Semantics(label=label, button=True, selected=chosen, exclude_semantics=True, content=content),
        on_click=on_click, ink=True, border_radius=14, padding=padding,
        bgcolor=k["surface"] if chosen else None, border=ft.Border.all(2, k["primary"] if chosen else CLEAR),
    )  # fmt: skip
