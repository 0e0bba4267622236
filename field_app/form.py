"""A record class as a form, by walking its fields. Labels, units, limits, codes and conditions stand on the field alone.

`items` says what to ask and how (no control in it, so it is testable by itself); `field` draws one item. A field that
needs something of its own is a named exception in WIDGETS, not a hook on the record type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import flet as ft

from field_app.kit import I, Kit, column
from schemas.fields import ALWAYS, FINALIZE, RecordField, fields_of, needed
from schemas.record import Record, check

CHIPS = 6  # up to so many codes stand open as big buttons; more go into a menu
HIDDEN = ("deleted", "void_reason", "late_entry_reason")  # asked by their own acts, not by a form
# Named exceptions: field → widget.
WIDGETS = {("point", "weather"): "chips"}  # asked at every point: one tap, although there are eight

Values = Mapping[str, Any]
Options = Callable[[str], Mapping[str, str]]  # record type → id and name of what may be referred to


class Item(NamedTuple):
    """One field as the form asks for it. `asked`: 完成 wants it, given what the other fields hold now."""

    name: str
    widget: str  # text longtext decimal int bool date datetime chips menu multi ref multi_ref position polygon nested
    zh: str
    en: str
    unit: str | None
    options: Mapping[str, tuple[str, str]]
    ref: str | None
    asked: bool
    low: Decimal | None
    high: Decimal | None
    decimals: int | None
    max_length: int | None
    hint: tuple[str, str] | None
    default: str | None


def items(cls: type[Record], values: Values, only: Iterable[str] | None = None) -> list[Item]:
    """The fields of a record type in their own order, or those named in `only`, in that order."""
    known = fields_of(cls)
    names = list(only) if only is not None else [n for n in known if n not in HIDDEN]
    return [i for n in names if (i := _item(cls, known[n], values)).widget != "none"]


def _item(cls: type[Record], f: RecordField, values: Values) -> Item:
    spec = f.spec
    need = spec.need
    asked = f.required or need in (ALWAYS, FINALIZE) or bool(need and needed(need, values))
    hint = (spec.hint_zh or "", spec.hint_en or "") if spec.hint_zh or spec.hint_en else None
    options = {code: (label.zh, label.en) for code, label in f.options().items()}
    return Item(f.name, _widget(cls, f), spec.zh, spec.en, spec.unit, options, spec.ref, asked, f.ge, f.le, f.decimals,
                f.max_length, hint, spec.default)  # fmt: skip


def _widget(cls: type[Record], f: RecordField) -> str:
    spec = f.spec
    if (cls.about.type, f.name) in WIDGETS:
        return WIDGETS[cls.about.type, f.name]
    if spec.widget:
        return spec.widget
    if f.kind == "list":
        return "multi_ref" if spec.ref else "multi" if spec.codes else "longtext"
    if f.kind in ("value", "values"):
        return "nested"
    if spec.codes:
        return "chips" if len(f.options()) <= CHIPS else "menu"
    return "ref" if spec.ref else f.kind


def faults(cls: type[Record], values: Values) -> dict[str, tuple[str, str]]:
    """What is wrong with what is there, by field; what is merely missing is told when finishing."""
    return {f.field: (f.zh, f.en) for f in check(cls, values) if values.get(f.field) not in (None, "", [])}


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
    k: Kit, cls: type[Record], values: Values, on_change: Callable[[str, Any], Callable[..., Any]],
    options: Options, only: Iterable[str] | None = None,
) -> list[ft.Control]:  # fmt: skip
    """All fields, one under the other. `on_change(name, read)` gives the guarded handler of a field; `read` takes the
    event and says the new value."""
    wrong = faults(cls, values)
    return [field(k, i, values.get(i.name), on_change, options, wrong.get(i.name)) for i in items(cls, values, only)]


def field(
    k: Kit, item: Item, value: Any, on_change: Callable[[str, Any], Callable[..., Any]], options: Options,
    fault: tuple[str, str] | None = None,
) -> ft.Control:  # fmt: skip
    label = k.of((item.zh, item.en))
    more = [x for x in (item.unit, k.say("form.required") if item.asked and value in (None, "", []) else "") if x]
    title = ft.Row(
        [k.t(label, 16, True), k.t(" · ".join(more), 14, color="warn" if item.asked and value in (None, "", []) else "ink-2")],
        spacing=8, wrap=True,
    )  # fmt: skip
    control = _control(k, item, value, on_change, options, label)
    # A box carries its label itself (and grows it small when filled); everything else has it above.
    parts: list[ft.Control] = [control] if isinstance(control, ft.TextField) else [title, control]
    if fault is not None:
        parts.append(
            ft.Row([k.icon(I.ERROR_OUTLINE, 20, "alert"), k.t(k.of(fault), 15, True, "alert", expand=True)], spacing=6)
        )
    elif item.hint and k.of(item.hint):
        parts.append(k.t(k.of(item.hint), 14, color="ink-2"))
    return ft.Column(parts, spacing=6, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _control(k: Kit, item: Item, value: Any, on_change: Any, options: Options, label: str) -> ft.Control:
    w = item.widget
    if w == "bool":
        pairs = {"true": k.say("form.yes"), "false": k.say("form.no")}
        now = None if value is None else str(bool(value)).lower()
        return k.choices(pairs, now, lambda c: on_change(item.name, lambda _: c == "true"))
    if w in ("chips", "menu"):
        shown = {c: k.of(word) for c, word in item.options.items()}
        if w == "chips":
            longest = max(map(len, shown.values()), default=0) * (2 if k.lang == "zh" else 1)
            columns = 4 if longest <= 4 else 3 if longest <= 9 else 2
            return k.choices(shown, value, lambda c: on_change(item.name, lambda _: None if c == value else c), columns)
        return menu(k, label, shown, value, on_change(item.name, lambda e: e.control.value))
    if w in ("multi", "multi_ref"):
        shown = {c: k.of(word) for c, word in item.options.items()} if w == "multi" else dict(options(item.ref or ""))
        if not shown:
            return k.t(k.say("form.nothing"), 15, color="ink-2")
        now = list(value or [])
        toggled = lambda c: [x for x in now if x != c] if c in now else [*now, c]  # noqa: E731
        if len(shown) <= 2 * CHIPS:
            return k.choices(shown, now, lambda c: on_change(item.name, lambda _: toggled(c)))
        # Many: what is chosen stands open as chips (tap to take off), the rest is in the menu.
        rest = {c: t for c, t in shown.items() if c not in now}
        add = menu(k, label, rest, None, on_change(item.name, lambda e: [*now, e.control.value]))
        return column(k.choices({c: shown[c] for c in now if c in shown}, now, lambda c: on_change(item.name, lambda _: toggled(c))), add, spacing=8)  # fmt: skip
    if w == "ref":
        shown = dict(options(item.ref or ""))
        if not shown:
            return k.t(k.say("form.nothing"), 15, color="ink-2")
        if len(shown) <= CHIPS:
            return k.choices(shown, value, lambda c: on_change(item.name, lambda _: c), 1 if k.lang == "en" else 2)
        return menu(k, label, shown, value, on_change(item.name, lambda e: e.control.value))
    if w == "position":
        at = value or {}
        pair = {n: at.get(n, "") for n in ("lon", "lat")}
        boxes = [
            box(k, k.say(f"pos.{n}"), str(pair[n]), on_change(item.name, lambda e, n=n: {**at, n: e.control.value.strip()}),
                 keyboard_type=ft.KeyboardType.NUMBER, suffix="°", expand=True)
            for n in ("lon", "lat")
        ]  # fmt: skip
        return ft.Row(boxes, spacing=8)
    if w in ("polygon", "nested"):  # made elsewhere (plan import, own pages); shown here as how many
        n = len(value) if isinstance(value, list) else int(bool(value))
        return k.t(str(n), 16, color="ink-2")
    return _typed(k, item, value, on_change, label)


def _typed(k: Kit, item: Item, value: Any, on_change: Any, label: str) -> ft.Control:
    text = "" if value is None else str(value)
    more: dict[str, Any] = {}
    read: Callable[[Any], Any] = lambda e: e.control.value  # noqa: E731
    if item.widget in ("decimal", "int"):
        more = {"keyboard_type": ft.KeyboardType.NUMBER, "helper": limits(k, item) or None}
        if item.widget == "int":
            read = lambda e: as_int(e.control.value)  # noqa: E731
        else:
            read = lambda e: e.control.value.strip().replace("，", ".").replace("。", ".")  # noqa: E731
    elif item.widget == "longtext":
        more = {"multiline": True, "min_lines": 2, "max_lines": 6}
    elif item.widget == "date":
        more = {"hint_text": "2026-11-21", "keyboard_type": ft.KeyboardType.DATETIME}
    elif item.widget == "datetime":
        text = text[:16].replace("T", " ")
        more = {"hint_text": "2026-11-21 14:30", "keyboard_type": ft.KeyboardType.DATETIME}
        read = lambda e: as_time(e.control.value, value)  # noqa: E731
    if item.max_length and item.widget in ("text", "longtext"):
        more["max_length"] = item.max_length
        more["counter"] = ""
    if item.asked and not text:
        label = f"{label} · {k.say('form.required')}"
    return box(k, label, text, on_change(item.name, read), suffix=item.unit, **more)


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


def as_int(text: str) -> int | str | None:
    """A whole number; what is not one stays as typed, so that the check can name it."""
    text = text.strip()
    return int(text) if text.lstrip("-").isdigit() else (text or None)


def as_time(text: str, before: Any) -> str | None:
    """ "2026-11-21 14:30" as wire time, in the zone of the value it replaces (China's without one)."""
    text = text.strip()
    try:
        at = datetime.fromisoformat(text)
        zone = datetime.fromisoformat(before).tzinfo if before else None
    except (TypeError, ValueError):
        return text or None
    if zone is None:
        from field_app.clock import CHINA

        zone = CHINA
    return at.replace(tzinfo=at.tzinfo or zone).isoformat(timespec="seconds")


def as_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
