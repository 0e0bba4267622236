"""Where: a measured position, a planned one, and an area walked round."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.form.draw import Change, Means, Now, Options, box, field
from field_app.form.items import Item, inner_faults, items, ring_fault
from field_app.form.nested import put
from field_app.form.typed import as_decimal, shown_time
from field_app.kit import I, Kit, column, group
from schemas.fields import fields_of
from schemas.reference import codes
from schemas.rules.geo import polygon_area_m2

MOST = 40  # corners that can be typed; an area of more was imported and is shown as a whole


def measured(item: Item) -> bool:
    return item.model is not None and "fix_kind" in fields_of(item.model)


def _stack(*parts: ft.Control) -> ft.Control:
    return ft.Column(list(parts), spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _degrees(k: Kit, item: Item, at: dict[str, Any], on_change: Change, now: Now) -> ft.Control:
    """Two boxes for longitude and latitude."""

    def one(name: str) -> ft.Control:
        read = lambda e: put(now(), name, as_decimal(e.control.value))  # noqa: E731
        return box(k, k.say(f"pos.{name}"), str(at.get(name, "")), on_change(item.name, read), expand=True,
                   keyboard_type=ft.KeyboardType.NUMBER, suffix="°")  # fmt: skip

    return ft.Row([one("lon"), one("lat")], spacing=8)


def position(k: Kit, item: Item, value: Any, on_change: Change, means: Means | None, now: Now) -> ft.Control:
    """Taken from the receiver with one tap, or typed with the reason."""
    at = dict(value or {})
    if means is None:
        return _degrees(k, item, at, on_change, now)
    label = k.of((item.zh, item.en))
    take = k.button(k.say("form.pos.again" if at else "form.pos.take"), on_change(item.name, lambda _: means.fix() or now()),
                    "soft", I.MY_LOCATION, size=16, expand=1, pad=8,
                    name=f"{k.say('form.pos.again' if at else 'form.pos.take')} {label}")  # fmt: skip
    manual = at.get("fix_kind") == "manual"

    def by_hand(_: Any) -> dict[str, Any]:
        was = now() or {}
        kept = {n: was[n] for n in ("lon", "lat") if n in was}
        return {**kept, "fix_kind": "manual", "at": means.now().isoformat(timespec="seconds")}

    hand = k.button(k.say("pos.by_hand"), on_change(item.name, by_hand), "plain", size=16, expand=1, pad=8,
                    name=f"{k.say('pos.by_hand')} {label}")  # fmt: skip
    if manual:
        reason = lambda e: put(now(), "manual_reason", e.control.value)  # noqa: E731
        field_ = fields_of(item.model)["manual_reason"] if item.model else None
        why = box(k, k.say("pos.reason"), str(at.get("manual_reason", "")), on_change(item.name, reason),
                  max_length=field_.max_length if field_ else None, counter="")  # fmt: skip
        return _stack(_degrees(k, item, at, on_change, now), why, ft.Row([take], spacing=8))
    if not at:
        return ft.Row([take, hand], spacing=8)
    kind = codes("fix_kind").get(at.get("fix_kind", ""))
    facts = [k.of(kind), f"±{at['h_acc_m']} m" if "h_acc_m" in at else "", shown_time(at.get("at"))]
    if at.get("mocked"):
        facts.append(k.say("form.pos.mocked"))
    text = column(k.t(f"{at.get('lon', '–')}°, {at.get('lat', '–')}°", 17, True),
                  k.t(" · ".join(f for f in facts if f), 14, color="ink-2"))  # fmt: skip
    return _stack(text, ft.Row([take, hand], spacing=8))


def planned(
    k: Kit, item: Item, value: Any, on_change: Change, options: Options, means: Means | None, now: Now
) -> ft.Control:
    """A position as a plan gives it: typed, or this place."""
    row = dict(value or {})
    if means is None or item.model is None:
        return _degrees(k, item, row, on_change, now)

    def here(_: Any) -> Any:
        fix = means.fix()
        return now() if fix is None else {**(now() or {}), "lon": fix["lon"], "lat": fix["lat"]}

    def on_row(name: str, read: Any) -> Any:
        return on_change(item.name, lambda e: put(now(), name, read(e)) or None)

    wrong = inner_faults(item.model, row)
    inner = [
        field(k, i, row.get(i.name), on_row, options, wrong.get(i.name), means.below(item.name), lambda n=i.name: (now() or {}).get(n))
        for i in items(item.model, row)
    ]  # fmt: skip
    take = k.button(k.say("form.pos.take"), on_change(item.name, here), "soft", I.MY_LOCATION, size=16,
                    name=f"{k.say('form.pos.take')} {k.of((item.zh, item.en))}")  # fmt: skip
    return _stack(take, *inner)


# --- areas ------------------------------------------------------------------------------------------------------------


def corners_of(value: Any) -> list[list[str]]:
    """The corners of the outer ring, each once."""
    rings = (value or {}).get("rings") or []
    ring = [list(c) for c in rings[0]] if rings else []
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def with_corners(value: Any, corners: list[list[str]]) -> dict[str, Any] | None:
    """The area with this outer ring, open while it is written; its holes stay."""
    holes = ((value or {}).get("rings") or [])[1:]
    return {"rings": [corners, *holes]} if corners or holes else None


def polygon(k: Kit, item: Item, value: Any, on_change: Change, means: Means | None, now: Now) -> ft.Control:
    """Corners added on the spot one after the other, or typed; how many there are and how large the area is."""
    corners = corners_of(value)
    wrong = ring_fault([corners]) if len(corners) > 2 else None
    label = k.of((item.zh, item.en))
    parts: list[ft.Control] = []
    if corners:
        area = "" if wrong or len(corners) < 3 else _area(k, value, corners)
        parts.append(k.t(" · ".join(x for x in (k.say("form.area.corners", n=len(corners)), area) if x), 16, True))
    if wrong:
        parts.append(k.t(k.of(wrong), 15, True, "alert"))
    if means is None:
        return _stack(*parts) if parts else k.t("0", 16, color="ink-2")

    def here(_: Any) -> Any:
        fix = means.fix()
        return now() if fix is None else with_corners(now(), [*corners_of(now()), [fix["lon"], fix["lat"]]])

    def typed(at: int, axis: int) -> Any:
        def read(e: Any) -> Any:
            all_ = corners_of(now())
            if at < len(all_):
                all_[at][axis] = as_decimal(e.control.value)
            return with_corners(now(), all_)

        return on_change(item.name, read)

    if len(corners) <= MOST:
        for n, (lon, lat) in enumerate(corners):
            off = on_change(
                item.name, lambda _, n=n: with_corners(now(), [c for i, c in enumerate(corners_of(now())) if i != n])
            )
            boxes = [
                box(
                    k,
                    k.say(f"pos.{name}"),
                    str(text),
                    typed(n, axis),
                    expand=1,
                    keyboard_type=ft.KeyboardType.NUMBER,
                    suffix="°",
                )
                for axis, (name, text) in enumerate((("lon", lon), ("lat", lat)))
            ]
            drop = k.icon_button(I.DELETE_OUTLINE, k.say("form.area.remove", n=n + 1), off)
            parts.append(ft.Row([k.t(str(n + 1), 16, True, width=24 * k.scale), *boxes, drop], spacing=6))
        hand = on_change(item.name, lambda _: with_corners(now(), [*corners_of(now()), ["", ""]]))
        parts.append(ft.Row([
            k.button(k.say("form.area.here"), on_change(item.name, here), "soft", I.ADD_LOCATION_ALT_OUTLINED, size=16, expand=1, pad=8,
                     name=f"{k.say('form.area.here')} {label}"),
            k.button(k.say("form.area.typed"), hand, "plain", size=16, expand=1, pad=8, name=f"{k.say('form.area.typed')} {label}"),
        ], spacing=8))  # fmt: skip
    if len(corners) > 3:
        parts.append(k.button(k.say("form.area.clear"), on_change(item.name, lambda _: with_corners(now(), [])), "plain", size=16,
                              name=f"{k.say('form.area.clear')} {label}"))  # fmt: skip
    return _stack(*parts)


def _area(k: Kit, value: Any, corners: list[list[str]]) -> str:
    rings = [[(float(x), float(y)) for x, y in [*corners, corners[0]]]]
    rings += [[(float(x), float(y)) for x, y in hole] for hole in value["rings"][1:]]
    size = polygon_area_m2(rings)
    return f"{group(f'{size:.0f}')} m²"
