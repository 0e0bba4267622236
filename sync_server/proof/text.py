"""Anything that came from anybody, as safe HTML: escaped, with marks that could turn or hide text made visible, and cut where it is
longer than a reader wants. Chinese first, English beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any

from schemas.fields import RecordField, fields_of
from schemas.records import TYPES
from schemas.shown import plain_title, title_fields

CHINA = timezone(timedelta(hours=8))
LONG = 1500  # characters of one value that are shown
MOST = 60  # items of one list that are shown
STROKES = 20_000  # numbers of one signature that are drawn
# controls, direction marks, zero width, tags: what makes text look like another
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_HEX = re.compile(r"[0-9a-f]{64}")
Names = Mapping[str, str]


def plain(value: object) -> str:
    """Text as HTML."""
    text = str(value)
    more = len(text) - LONG
    cut = _ODD.sub(lambda m: f"\u27e8U+{ord(m[0]):04X}\u27e9", text[:LONG])
    return escape(cut) + (f"<i> … +{more} 字 · characters</i>" if more > 0 else "")


def own(value: object) -> str:
    """The same, kept from turning its surroundings round."""
    return f"<bdi>{plain(value)}</bdi>"


def both(zh: str, en: str) -> str:
    """Our own words in both languages. They hold no markup."""
    return escape(zh) if zh == en else f'{escape(zh)} <span class="en" lang="en">{escape(en)}</span>'


def type_words(type: str) -> tuple[str, str]:
    about = TYPES[type].about if type in TYPES else None
    return (about.zh, about.en) if about else (f"类型 {type}", f"type {type}")


def title_of(type: str, values: Mapping[str, Any], names: Names) -> str:
    """What a record is called, as plain text; "" where nothing tells it from the others."""
    if type not in TYPES:
        return ""
    known, parts = fields_of(TYPES[type]), []
    if said := plain_title(type, values):
        return said
    for name in title_fields(type):
        value = values.get(name)
        if value in (None, "", []):
            continue
        label = known[name].options().get(str(value))
        parts.append(
            label.zh if label else names.get(str(value), str(value)[:8]) if known[name].spec.ref else str(value)
        )
    return " ".join(parts)


def label_of(field: RecordField | None, name: str) -> str:
    return both(field.spec.zh, field.spec.en) if field else own(name)


def value_of(field: RecordField | None, value: Any, names: Names, links: bool) -> str:
    """A value as it is read, with unit, code list and names resolved."""
    if value is None or value == "" or value == [] or value == {}:
        return '<span class="none">—</span>'
    if isinstance(value, bool):
        return both("是", "yes") if value else both("否", "no")
    if isinstance(value, list):
        shown = [value_of(field, v, names, links) for v in value[:MOST]]
        rest = f"<li><i>… +{len(value) - MOST}</i></li>" if len(value) > MOST else ""
        return f"<ul>{''.join(f'<li>{v}</li>' for v in shown)}{rest}</ul>"
    if isinstance(value, dict):
        return _inside(field, value, names, links)
    text = str(value)
    if field is None:
        return own(text)
    if field.spec.ref:
        name = own(names[text]) if names.get(text) else ""
        short = f"<code>{plain(text[:8])}</code>"
        return (
            f'<a href="#r-{escape(text)}">{name or short}</a>' if links and text in names else f"{name} {short}".strip()
        )
    if label := field.options().get(text):
        return both(label.zh, label.en)
    if field.name == "strokes":
        return drawn(text)
    if _HEX.fullmatch(text):
        return f"<code>{text}</code>"
    return own(text) + (f" {escape(field.spec.unit)}" if field.spec.unit else "")


def _inside(field: RecordField | None, value: dict[str, Any], names: Names, links: bool) -> str:
    known = fields_of(field.model) if field and field.model else {}
    order = [*(n for n in known if n in value), *(n for n in value if n not in known)]
    rows = "".join(
        f"<dt>{label_of(known.get(n), n)}</dt><dd>{value_of(known.get(n), value[n], names, links)}</dd>"
        for n in order[:MOST]
    )
    return f"<dl>{rows}</dl>"


def drawn(strokes: str) -> str:
    """A signature, as a drawing."""
    try:
        read = json.loads(strokes)
        height, lines, left = int(read["h"]), [], STROKES
        for s in read["s"]:
            points = [f"{int(s[n])},{int(s[n + 1])}" for n in range(0, min(len(s), left) - 2, 3)]
            left -= len(s)
            lines.append(f'<polyline points="{" ".join(points)}"/>')
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return own(strokes)
    if not 0 < height <= 100_000:
        return own(strokes[:80])
    label = "签名笔迹 · the strokes of a signature"
    return f'<svg class="ink" role="img" aria-label="{label}" viewBox="0 0 10000 {height}">{"".join(lines)}</svg>'


def size_of(n: int) -> str:
    return f"{n / 1_000_000:.1f} MB" if n >= 100_000 else f"{n / 1000:.1f} kB"


def when(text: str | None) -> str:
    """A time of the server's as people in China read it; anything else as it stands."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return plain(text or "")
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S} +08:00" if at.tzinfo else plain(text or "")
