"""Colours, type and the few controls everything is made of. Knows neither state nor store.

A `Kit` is one frozen object: theme, text size, language. Pages pass it down as a plain argument, because a memoised
component wakes up for a changed argument but not for a changed context.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import flet as ft

from field_app.words import say
from schemas.reference import Label

THEMES = ("light", "dark", "sun")
SCALES = {"normal": 1.0, "large": 1.15, "huge": 1.3}
FONT, BOLD = "NotoSC", "NotoSCB"
TOUCH = 56  # no smaller target anywhere: gloves
I = ft.Icons  # noqa: E741  (one letter: it stands on nearly every line of the pages)
CLEAR = ft.Colors.TRANSPARENT
STRAIGHT = str.maketrans("“”’", '""\'')  # the font draws the curly ones as wide as a Chinese letter


@cache
def tokens() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files("field_app").joinpath("assets/tokens.json").read_text("utf-8"))
    return loaded


def theme(name: str) -> ft.Theme:
    """Only for Material's own parts (dropdown menus, dialogs, cursors); everything else takes colours from the Kit."""
    colors = tokens()["flet_color_scheme"][name]
    return ft.Theme(
        color_scheme=ft.ColorScheme(**colors),
        font_family=FONT,
        splash_color=ft.Colors.with_opacity(0.16, colors["primary"]),
        page_transitions=ft.PageTransitionsTheme(android=ft.PageTransitionTheme.NONE),
    )


@dataclass(frozen=True)
class Kit:
    name: str = "light"
    scale: float = 1.0
    lang: str = "zh"

    def __getitem__(self, color: str) -> str:
        value: str = tokens()["themes"][self.name][color]
        return value

    def say(self, key: str, **words: object) -> str:
        text = say(self.lang, key, **words)
        return text if self.lang == "zh" else text.translate(STRAIGHT)

    def of(self, label: Label | tuple[str, str] | None) -> str:
        return "" if label is None else label[0] if self.lang == "zh" else label[1].translate(STRAIGHT)

    @property
    def sun(self) -> bool:
        return self.name == "sun"

    @property
    def stroke(self) -> int:
        return 2 if self.sun else 1

    def style(self, size: float, bold: bool = False, color: str = "ink", h: float | None = None) -> ft.TextStyle:
        return ft.TextStyle(
            size=round(size * self.scale, 1), weight=ft.FontWeight.W_700 if bold else None, height=h, letter_spacing=0,
            color=tokens()["themes"]["light"].get(color) and self[color] or color,
            font_family=BOLD if bold else FONT, font_family_fallback=[FONT] if bold else None,
        )  # fmt: skip

    def t(self, text: str, size: float = 16, bold: bool = False, color: str = "ink", h: float = 1.3, **kw: Any):
        return ft.Text(text, style=self.style(size, bold, color, h), **kw)

    def val(self, value: str, unit: str, size: float, color: str = "ink", unit_size: float | None = None) -> ft.Text:
        """Value and smaller unit on one baseline."""
        small = self.style(unit_size or size * 0.42, False, "ink-2", 1.05)
        return ft.Text(
            spans=[ft.TextSpan(value, self.style(size, True, color, 1.05)), ft.TextSpan("\u00a0" + unit, small)],
            semantics_label=f"{value} {unit}", no_wrap=True,
        )  # fmt: skip

    def edge(self, color: str = "line", width: float | None = None) -> ft.Border:
        return ft.Border.all(width or self.stroke, self[color])

    def icon(self, name: Any, size: float = 24, color: str = "ink") -> ft.Icon:
        return ft.Icon(name, size=round(size * self.scale), color=self[color])

    # --- controls ------------------------------------------------------------------------------------------------

    def card(self, *items: ft.Control, spacing: int = 8, padding: int = 16) -> ft.Container:
        column = ft.Column(list(items), spacing=spacing, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
        return ft.Container(column, bgcolor=self["surface"], border=self.edge(), border_radius=16, padding=padding)

    def chip(self, icon: Any, word: str, state: str) -> ft.Container:
        """State as icon and word; never tappable."""
        inverted = self.sun and state == "alert"
        front = "#FFFFFF" if inverted else self[state]
        return ft.Container(
            ft.Row(
                [
                    ft.Icon(icon, size=15 * self.scale, color=front),
                    self.t(word, 13, True, front, h=1.15, no_wrap=True),
                ],
                spacing=4,
                tight=True,
            ),
            bgcolor=self["alert"] if inverted else self[f"{state}-soft"],
            border=ft.Border.all(2, self[state]) if self.sun else None,
            border_radius=6,
            padding=ft.Padding.only(left=6, right=8, top=3, bottom=4),
        )

    def button(
        self, label: str, on_click: Callable[..., Any] | None, kind: str = "plain", icon: Any = None, *,
        h: float = 56, size: float = 17, w: float | None = None, expand: Any = None, pad: float = 18,
        name: str | None = None, radius: float = 16, leading: bool = False,
    ) -> ft.Button:  # fmt: skip
        """kind: next (the one filled button of a page), plain, soft, key, fn, chosen (a chip that is on)."""
        off = on_click is None
        back, front, edge, width = {
            "next": (self["next"], self["on-next"], "#000000" if self.sun else self["next"], 3 if self.sun else 1),
            "plain": (self["surface"], self["ink"], self["line-strong"], self.stroke),
            "soft": (self["primary-soft"], self["on-primary-soft"], self["primary-soft"], self.stroke),
            "key": (self["surface"], self["ink"], self["line"], self.stroke),
            "fn": (self["paper"], self["ink"], self["line"], self.stroke),
            "bare": (CLEAR, self["ink"], CLEAR, 0),
            "chosen": (self["primary"], self["on-primary"], self["primary"], self.stroke),
        }[kind]
        if kind == "soft" and self.sun:
            edge = "#000000"
        if off:
            back, front, edge = self["sunken"], self["ink-3"], self["line-strong"]
            if self.sun:  # no soft fills there: what cannot be pressed is grey, what can is black
                front, edge, width = "#595959", "#959595", 2
        # Keys keep their box at every text size: their labels grow by 12 % at most.
        shown = size if w is None or size > 20 else min(size, size * 1.12 / self.scale)
        parts: list[ft.Control] = []
        if label:
            parts.append(self.t(label, shown, True, front, h=1.15, text_align=ft.TextAlign.CENTER))
        if icon is not None:
            parts.insert(0 if leading else len(parts), ft.Icon(icon, size=24, color=front))
        body: ft.Control = parts[0]
        if len(parts) > 1:
            for words in parts:  # large text wraps inside the button rather than running out of it
                if isinstance(words, ft.Text):
                    words.expand, words.expand_loose = True, True
            body = ft.Row(parts, spacing=8, alignment=ft.MainAxisAlignment.CENTER, tight=True)
        if name:  # inside the button, so that both merge into one tappable node with that name
            body = ft.Semantics(label=name, content=body, exclude_semantics=True)
        return ft.Button(
            content=body, on_click=on_click, height=max(h, h * min(self.scale, 1.15)), width=w, expand=expand,
            elevation=0, disabled=off,
            style=ft.ButtonStyle(
                bgcolor=back, color=front, elevation=0, padding=ft.Padding.symmetric(horizontal=pad),
                side=ft.BorderSide(width, edge), shape=ft.RoundedRectangleBorder(radius=radius), animation_duration=0,
                overlay_color={
                    ft.ControlState.PRESSED: ft.Colors.with_opacity(0.22, front),
                    ft.ControlState.HOVERED: CLEAR, ft.ControlState.FOCUSED: CLEAR,
                },
                visual_density=ft.VisualDensity.STANDARD,
            ),
        )  # fmt: skip

    def icon_button(self, icon: Any, name: str, on_click: Callable[..., Any]) -> ft.Button:
        return self.button("", on_click, "bare", icon, w=TOUCH, pad=0, name=name)

    def judge(
        self, state: str, icon: Any, title: str, detail: str = "", *extra: ft.Control, most: int | None = None
    ) -> ft.Container:
        """The block that says what is the case: icon, bold sentence, source or remedy. Read out when it changes."""
        inverted = self.sun and state == "alert"
        front = "#FFFFFF" if inverted else self[state]
        lines: list[ft.Control] = [self.t(title, 18, True, front)]
        if detail:
            lines.append(self.t(detail, 15, color="#FFFFFF" if inverted else "ink", h=1.35, max_lines=most,
                                overflow=ft.TextOverflow.ELLIPSIS if most else None))  # fmt: skip
        text = ft.Semantics(
            label=f"{title}。{detail}" if self.lang == "zh" else f"{title}. {detail}", live_region=True, container=True, exclude_semantics=True,
            content=ft.Row([strut(44), ft.Icon(icon, size=28, color=front), column(*lines, expand=True)], spacing=10),
        )  # fmt: skip
        return ft.Container(
            column(text, *extra, spacing=8),
            bgcolor=self["alert"] if inverted else self[f"{state}-soft"],
            border=ft.Border.all(3, self[state]) if self.sun else None,
            border_radius=14,
            padding=ft.Padding.symmetric(vertical=8, horizontal=12),
        )

    def beside(self, items: list[ft.Control], width: float, each: float) -> ft.Control:
        """In a row of equal shares; one under the other where a share of `width` would be below `each` px (at text size ×1)."""
        if (width - 8 * (len(items) - 1)) / len(items) >= each * self.scale:
            return ft.Row(items, spacing=8)
        for item in items:
            item.expand = None
        return ft.Column(items, spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)

    def choices(
        self, options: dict[str, str], chosen: Any, on_pick: Callable[[str], Any], columns: int = 2
    ) -> ft.Column:
        """Big chips in rows of equal width: every option visible, one tap each."""
        picked = chosen if isinstance(chosen, (list, tuple, set, frozenset)) else [chosen]
        codes = list(options)
        rows = []
        for at in range(0, len(codes), columns):
            row: list[ft.Control] = [
                self.button(
                    options[c], on_pick(c), "chosen" if c in picked else "plain", pad=6, size=16, expand=1, radius=14
                )
                for c in codes[at : at + columns]
            ]
            row += [ft.Container(expand=1) for _ in range(columns - len(row))]
            rows.append(ft.Row(row, spacing=8))
        return ft.Column(rows, spacing=8, tight=True)


def strut(h: float) -> ft.Container:
    """A minimum height: Container has none, and a fixed one would cut large text."""
    return ft.Container(width=0, height=h)


def column(*items: ft.Control, spacing: float = 0, expand: Any = None) -> ft.Column:
    return ft.Column(list(items), spacing=spacing, expand=expand, tight=True)


def group(text: str) -> str:
    """1050 → 1 050, with a space that does not break."""
    whole, dot, rest = text.partition(".")
    return (f"{int(whole):,}".replace(",", "\u00a0") if whole.isdigit() and len(whole) > 3 else whole) + dot + rest
