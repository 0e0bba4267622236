"""The own keypad of everything that is typed at a hole, and the display above it. No soft keyboard covers the judgement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.kit import I, Kit

KEYS = (("7", "4", "1", "same"), ("8", "5", "2", "0"), ("9", "6", "3", "."))
GAP = 8


@ft.component
def Keypad(
    k: Kit, on_key: Callable[[str], Any], on_next: Any, following: str, same: str, middle: tuple[str, str],
    width: float, height: float,
):  # fmt: skip
    """Every key at least 56 high. `same`: word of the key at the bottom left; `middle`: code and word of the one under delete;
    `following`: word of the tall key, the next thing to do. `on_key(code)` gives the handler of a key."""
    w = (width - 3 * GAP) / 4

    def key(c: str) -> ft.Control:
        if c == "same":
            return k.button(same, on_key(c), "fn", h=height, w=w, size=15, pad=0, radius=14, name=flat(same))
        name = k.say("read.point") if c == "." else None
        return k.button(c, on_key(c), "key", h=height, w=w, size=26, pad=0, radius=14, name=name)

    columns = [ft.Column([key(c) for c in keys], spacing=GAP, tight=True) for keys in KEYS]
    grown = min(k.scale, 1.15)  # as buttons grow with the text
    tall = (height * grown * 2 + GAP) / grown
    code, word = middle
    last = [
        k.button("", on_key("back"), "fn", I.BACKSPACE_OUTLINED, h=height, w=w, pad=0, radius=14, name=k.say("read.delete")),
        k.button(word, on_key(code), "fn", h=height, w=w, size=15, pad=0, radius=14, name=flat(word)),
        k.button(following, on_next, "next", h=tall, w=w, size=fitting(k, following, w - 4), pad=2, radius=14, name=flat(following)),
    ]  # fmt: skip
    return ft.Row(
        [*columns, ft.Column(last, spacing=GAP, tight=True)], spacing=GAP, alignment=ft.MainAxisAlignment.CENTER
    )


def fitting(k: Kit, text: str, width: float) -> float:
    """The size at which the longest word of a key stays in one line."""
    longest = max(sum(1.0 if ord(c) > 0x2E80 else 0.58 for c in word) for word in text.split())
    return min(15.0, width / longest / (1.12 if k.scale > 1 else 1.0))


def flat(text: str) -> str:
    return text.replace("\n", " ")


def display(k: Kit, name: str, text: str, unit: str) -> ft.Control:
    """The figure being typed, large; what it is above it."""
    size = 44 if len(text) <= 6 else 34
    return ft.Container(
        ft.Column([k.t(name, 14, True, "ink-2"), k.val(text or "—", unit, size, unit_size=18 if len(unit) < 8 else 13)],
                  spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.END),
        bgcolor=k["surface"], border=k.edge(), border_radius=16, padding=ft.Padding.symmetric(vertical=10, horizontal=14),
        alignment=ft.Alignment.CENTER_RIGHT,
    )  # fmt: skip


def pad_height(height: float) -> float:
    """Of one key on a phone of this height."""
    return 60 if height >= 760 else 56
