"""What becomes of a figure when one key of the pad is pressed."""

from __future__ import annotations

from decimal import Decimal


def typed(now: str, key: str, most: int, decimals: int | None = None) -> str:
    """`now` with one more digit or dot: at most `most` characters and `decimals` places, one dot, no leading zero. A key
    that has no place is not taken. A "<" in front stays."""
    sign, figure = ("<", now[1:]) if now.startswith("<") else ("", now)
    if key == ".":
        figure = figure if "." in figure else (figure or "0") + "."
    elif figure == "0":
        figure = key  # 05 is no figure; 0.5 is typed with its dot
    else:
        figure += key
    _, dot, places = figure.partition(".")
    if len(sign + figure) > most or (dot and decimals is not None and len(places) > decimals):
        return now
    return sign + figure


def figure(text: object) -> Decimal | None:
    """The figure so far: "1." is 1; None while there is none."""
    try:
        return Decimal(str(text).removesuffix(".")) if text else None
    except ArithmeticError:
        return None


def tidy(text: str) -> str:
    """As it is recorded: no dot at the end."""
    return text.removesuffix(".")
