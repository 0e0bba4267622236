"""Rows of a value class (calibration points, weighings, officers …) as small forms: the same walk, one level down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.form.draw import Change, Means, Now, Options, field
from field_app.form.items import Item, defaults, given, inner_faults, items
from field_app.kit import I, Kit


def put(row: Any, name: str, value: Any) -> dict[str, Any]:
    """A row with one field set, or emptied."""
    rest = {n: v for n, v in (row or {}).items() if n != name}
    return {**rest, name: value} if given(value) else rest


def set_row(rows: Any, at: int, new: Callable[[dict[str, Any]], dict[str, Any]]) -> list[Any]:
    """The list with one row changed; as it is, where that row was taken out meanwhile."""
    rows = list(rows or [])
    if at < len(rows):
        rows[at] = new(rows[at])
    return rows


def rows(
    k: Kit, item: Item, value: Any, on_change: Change, options: Options, means: Means | None, now: Now
) -> ft.Control:
    """A card per row, and a button for a further one; a single value has at most one row."""
    there: list[Any] = list(value or []) if item.many else [value] if value else []
    assert item.model is not None
    cards: list[ft.Control] = []
    for n, row in enumerate(there):
        cards.append(_card(k, item, n, row, on_change, options, means, now))
    if item.many or not there:
        begun = defaults(item.model)
        word = k.say("form.row.add", name=k.of((item.zh, item.en)))
        # "_new": an empty row is no value yet, but it is to stand open
        new = lambda _: [*(now() or []), begun or {"_new": True}] if item.many else (begun or {"_new": True})  # noqa: E731
        cards.append(k.button(word, on_change(item.name, new), "soft", I.ADD, size=16))
    return ft.Column(cards, spacing=10, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _card(
    k: Kit, item: Item, n: int, row: Any, on_change: Change, options: Options, means: Means | None, now: Now
) -> ft.Control:
    model = item.model
    assert model is not None

    def whole(new: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        return set_row(now(), n, new) if item.many else new(now() or {})

    def on_row(name: str, read: Callable[[Any], Any]) -> Callable[..., Any]:
        def changed(e: Any) -> Any:
            fresh = read(e)
            return whole(lambda r: put({m: v for m, v in r.items() if m != "_new"}, name, fresh))

        return on_change(item.name, changed)

    def mine() -> dict[str, Any]:
        at = now()
        at = (at[n] if n < len(at or []) else {}) if item.many else at
        return at or {}

    name = k.of((item.zh, item.en))
    title = k.say("form.row", name=name, n=n + 1) if item.many else name
    gone = lambda _: [r for i, r in enumerate(now() or []) if i != n] if item.many else None  # noqa: E731
    off = k.icon_button(I.DELETE_OUTLINE, k.say("form.row.remove", name=title), on_change(item.name, gone))
    head = ft.Row([k.t(title, 16, True, expand=True), off], spacing=8)
    below = means.below(item.name, *([n] if item.many else [])) if means else None
    if means is not None and model.__name__ in means.own:
        take = lambda fresh: on_change(item.name, lambda _: whole(lambda r: dict(fresh)))(None)  # noqa: E731
        return k.card(head, means.own[model.__name__](k, row, take, below.path if below else ""), spacing=12)
    wrong = inner_faults(model, row)
    inner = [
        field(k, i, row.get(i.name), on_row, options, wrong.get(i.name), below, lambda m=i.name: mine().get(m))
        for i in items(model, row)
        if not i.idle or given(row.get(i.name))
    ]
    return k.card(head, *inner, spacing=14)
