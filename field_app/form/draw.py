"""One item as a control. Labels, units, limits and codes come from the item; the sentences round them from the Kit's words.

`on_change(name, read)` gives the guarded handler of a field; `read` takes the event and says the new value. What a form
may use beyond its fields (where we are, names of other records, a page to choose them on) is in `Means`; without it a
reference is chosen from a menu and a position is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as with_default
from datetime import datetime
from typing import Any

import flet as ft

from field_app.form.items import CHIPS, Item, Values, Words, faults, given, items
from field_app.form.typed import as_date, as_decimal, as_int, as_time, shown_time, typing_time
from field_app.kit import I, Kit, column
from schemas.record import Record

Options = Callable[[str], Mapping[str, str]]  # record type → id and name of what may be referred to
Change = Callable[[str, Callable[[Any], Any]], Callable[..., Any]]
Now = Callable[[], Any]  # the value of a field at this moment


@dataclass(frozen=True)
class Means:
    """What a page lends to its form. choose: path of a reference ("officers.0.person_id") → handler that lets choose a
    record; fix: the position of this moment as values of GeoFix, None (and told) without one; own: value class by name →
    what draws a row of it instead of the form: own(kit, row, on_row, path), on_row taking the whole new row."""

    now: Callable[[], datetime]
    fix: Callable[[], dict[str, Any] | None]
    called: Callable[[str, str], str]
    choose: Callable[[str], Callable[..., Any]]
    own: Mapping[str, Callable[..., ft.Control]] = with_default(default_factory=dict)
    path: str = ""

    def below(self, *parts: object) -> Means:
        return replace(self, path=self.path + "".join(f"{p}." for p in parts))


def limits(k: Kit, item: Item) -> str:
    """0 至 200 m · 最多 2 位小数: the limits in words, under the field before anything is wrong."""
    unit = f" {item.unit}" if item.unit else ""
    low, high = (None if x is None else format(x.normalize(), "f") for x in (item.low, item.high))
    if low is not None and high is not None:
        return k.say("form.range", low=low, high=high) + unit
    if low is not None:
        return k.say("form.from", low=low) + unit
    return k.say("form.to", high=high) + unit if high is not None else ""


def form(
    k: Kit, cls: type[Record], values: Values, on_change: Change, options: Options, only: Iterable[str] | None = None,
    means: Means | None = None, idle: bool = True,
) -> list[ft.Control]:  # fmt: skip
    """All fields, one under the other. idle: also empty ones that hang on others which do not ask for them now."""
    wrong = faults(cls, dict(values))
    return [
        field(k, i, values.get(i.name), on_change, options, wrong.get(i.name), means, lambda n=i.name: values.get(n))
        for i in items(cls, values, only)
        if idle or not i.idle or given(values.get(i.name))
    ]


def field(
    k: Kit, item: Item, value: Any, on_change: Change, options: Options, fault: Words | None = None,
    means: Means | None = None, now: Now | None = None,
) -> ft.Control:  # fmt: skip
    label = k.of((item.zh, item.en))
    empty = item.asked and not given(value)
    more = [x for x in (item.unit, k.say("form.required") if empty else "") if x]
    title = ft.Row(
        [k.t(label, 16, True), k.t(" · ".join(more), 14, color="warn" if empty else "ink-2")], spacing=8, wrap=True
    )
    control = _control(k, item, value, on_change, options, label, means, now or (lambda: value))
    # A box carries its label itself (and grows it small when filled); everything else has it above.
    carries = isinstance(control, ft.TextField) or control.data == "box"
    parts: list[ft.Control] = [control] if carries else [title, control]
    if fault is not None:
        parts.append(
            ft.Row([k.icon(I.ERROR_OUTLINE, 20, "alert"), k.t(k.of(fault), 15, True, "alert", expand=True)], spacing=6)
        )
    elif item.hint and k.of(item.hint):
        parts.append(k.t(k.of(item.hint), 14, color="ink-2"))
    key = None if means is None else ft.ScrollKey(means.path + item.name)
    return ft.Column(parts, spacing=6, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, key=key)


def _control(
    k: Kit, item: Item, value: Any, on_change: Change, options: Options, label: str, means: Means | None, now: Now
) -> ft.Control:
    w = item.widget
    if w == "bool":
        pairs = {"true": k.say("form.yes"), "false": k.say("form.no")}
        at = None if value is None else str(bool(value)).lower()
        return k.choices(pairs, at, lambda c: on_change(item.name, lambda _: None if c == at else c == "true"))
    if w in ("chips", "menu"):
        shown = {c: k.of(word) for c, word in item.options.items()}
        if w == "chips":
            longest = max(map(len, shown.values()), default=0) * (2 if k.lang == "zh" else 1)
            columns = 4 if longest <= 4 else 3 if longest <= 9 else 2
            return k.choices(shown, value, lambda c: on_change(item.name, lambda _: None if c == value else c), columns)
        return menu(k, label, shown, value, on_change(item.name, lambda e: e.control.value))
    if w in ("multi", "multi_ref"):
        return _several(k, item, value, on_change, options, label, means, now)
    if w == "ref":
        return _reference(k, item, value, on_change, options, label, means)
    if w in ("position", "polygon", "nested"):
        from field_app.form import nested, places  # they draw fields in turn

        if w == "polygon":
            return places.polygon(k, item, value, on_change, means, now)
        if w == "position" and places.measured(item):
            return places.position(k, item, value, on_change, means, now)
        if w == "position":
            return places.planned(k, item, value, on_change, options, means, now)
        return nested.rows(k, item, value, on_change, options, means, now)
    return _typed(k, item, value, on_change, label, means)


def _several(
    k: Kit, item: Item, value: Any, on_change: Change, options: Options, label: str, means: Means | None, now: Now
) -> ft.Control:
    w = item.widget
    shown = {c: k.of(word) for c, word in item.options.items()} if w == "multi" else dict(options(item.ref or ""))
    chosen = list(value or [])

    def toggled(c: str) -> list[str]:
        at = list(now() or [])
        return [x for x in at if x != c] if c in at else [*at, c]

    tap = lambda c: on_change(item.name, lambda _: toggled(c))  # noqa: E731
    if w == "multi_ref" and means is not None and len(shown) > CHIPS:
        names = {c: means.called(item.ref or "", c) for c in chosen}
        add = k.button(k.say("form.choose.more"), means.choose(means.path + item.name), "plain", I.ADD, size=16,
                       name=f"{k.say('form.choose.more')} {label}")  # fmt: skip
        return column(k.choices(names, chosen, tap, 1 if k.lang == "en" else 2), add, spacing=8) if chosen else add
    if not shown:
        return k.t(k.say("form.nothing"), 15, color="ink-2")
    if len(shown) <= 2 * CHIPS:
        return k.choices(shown, chosen, tap)
    # Many: what is chosen stands open as chips (tap to take off), the rest is in the menu.
    rest = {c: t for c, t in shown.items() if c not in chosen}
    add = menu(k, label, rest, None, on_change(item.name, lambda e: toggled(e.control.value)))
    return column(k.choices({c: shown[c] for c in chosen if c in shown}, chosen, tap), add, spacing=8)


def _reference(
    k: Kit, item: Item, value: Any, on_change: Change, options: Options, label: str, means: Means | None
) -> ft.Control:
    shown = dict(options(item.ref or ""))
    if means is not None and (item.ref == "*" or len(shown) > CHIPS or value and value not in shown):
        text = means.called(item.ref or "", value) if value else k.say("form.choose")
        return chooser(k, label, text, bool(value), means.choose(means.path + item.name))
    if not shown:
        return k.t(k.say("form.nothing"), 15, color="ink-2")
    if len(shown) <= CHIPS:
        tap = lambda c: on_change(item.name, lambda _: None if c == value and not item.asked else c)  # noqa: E731
        return k.choices(shown, value, tap, 1 if k.lang == "en" else 2)
    return menu(k, label, shown, value, on_change(item.name, lambda e: e.control.value))


def chooser(k: Kit, label: str, text: str, chosen: bool, on_tap: Callable[..., Any]) -> ft.Control:
    """A row that opens the page where a record is chosen."""
    body = ft.Row(
        [k.t(text, 18, chosen, "ink" if chosen else "ink-3", expand=True), k.icon(I.CHEVRON_RIGHT)], spacing=8
    )
    return ft.Container(
        ft.Semantics(label=f"{label} {text}", button=True, exclude_semantics=True, content=body), on_click=on_tap, ink=True,
        bgcolor=k["surface"], border=k.edge("line-strong"), border_radius=14, padding=ft.Padding.symmetric(vertical=16, horizontal=16),
    )  # fmt: skip


def _typed(k: Kit, item: Item, value: Any, on_change: Change, label: str, means: Means | None) -> ft.Control:
    text = "" if value is None else str(value)
    more: dict[str, Any] = {}
    read: Callable[[Any], Any] = lambda e: e.control.value or None  # noqa: E731
    today = means.now().date() if means else None
    if item.widget in ("decimal", "int"):
        more = {"keyboard_type": ft.KeyboardType.NUMBER, "helper": limits(k, item) or None}
        if item.widget == "int":
            read = lambda e: as_int(e.control.value)  # noqa: E731
        else:
            read = lambda e: as_decimal(e.control.value) or None  # noqa: E731
    elif item.widget == "longtext":
        more = {"multiline": True, "min_lines": 2, "max_lines": 6}
    elif item.widget == "date":
        more = {"hint_text": "2026-11-21", "keyboard_type": ft.KeyboardType.DATETIME,
                "on_blur": on_change(item.name, lambda e: as_date(e.control.value, today))}  # fmt: skip
    elif item.widget == "datetime":
        text = shown_time(value)
        more = {"hint_text": "2026-11-21 14:30", "keyboard_type": ft.KeyboardType.DATETIME,
                "on_blur": on_change(item.name, lambda e: as_time(e.control.value, value, today))}  # fmt: skip
        read = lambda e: typing_time(e.control.value, value)  # noqa: E731
    if item.max_length and item.widget in ("text", "longtext"):
        more["max_length"] = item.max_length
        more["counter"] = ""
    if item.asked and not text:
        label = f"{label} · {k.say('form.required')}"
    control = box(k, label, text, on_change(item.name, read), suffix=item.unit, **more)
    if means is None or item.widget not in ("date", "datetime"):
        return control
    day = item.widget == "date"
    word = k.say("form.today" if day else "form.now")
    stamp = lambda _: (d := means.now()).date().isoformat() if day else d.isoformat(timespec="seconds")  # noqa: E731
    control.expand = True
    press = k.button(
        word, on_change(item.name, stamp), "soft", size=16, pad=10, name=f"{word} {k.of((item.zh, item.en))}"
    )
    if k.scale > 1.1:  # the box needs the width for the seconds
        return ft.Column([ft.Row([control]), press], spacing=8, tight=True, data="box")
    return ft.Row([control, press], spacing=8, data="box")


def box(k: Kit, label: str, value: str, on_change: Any, **more: Any) -> ft.TextField:
    side = ft.BorderSide(k.stroke, k["line-strong"])
    return ft.TextField(
        value=value, on_change=on_change, text_style=k.style(18), hint_style=k.style(16, color="ink-3"),
        helper_style=k.style(13, color="ink-2"), label=label, label_style=k.style(15, color="ink-2"),
        bgcolor=k["surface"], border=ft.OutlineInputBorder(border_radius=14, side=side), content_padding=20, **more,
    )  # fmt: skip


def menu(k: Kit, label: str, shown: Mapping[str, str], value: Any, on_select: Any) -> ft.Control:
    side = ft.BorderSide(k.stroke, k["line-strong"])
    return ft.Semantics(  # the menu itself has no name
        container=True, label=label,
        content=ft.Dropdown(
            value=value, on_select=on_select, text_style=k.style(17), hint_text=k.say("form.pick"), expand=True,
            hint_style=k.style(16, color="ink-3"), filled=True, fill_color=k["surface"], menu_height=420, content_padding=ft.Padding.symmetric(vertical=20, horizontal=16),
            border=ft.OutlineInputBorder(border_radius=14, side=side),
            options=[ft.DropdownOption(key=c, text=t, style=ft.ButtonStyle(padding=18, text_style=k.style(17))) for c, t in shown.items()],
        ),
    )  # fmt: skip


__all__ = ["Change", "Means", "Now", "Options", "box", "chooser", "field", "form", "limits", "menu"]
