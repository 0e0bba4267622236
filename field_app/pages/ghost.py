"""The photo after from the same spot: the old one over the lens, how far off one stands, and which way it was taken."""

from __future__ import annotations

import flet as ft

from field_app.desks.rechecking import Rechecking
from field_app.kit import Kit
from field_app.pages.photos import Glass
from field_app.pages.shell import call, guard, part
from field_app.pages.snaps import under
from field_app.pages.way import guide_to, line
from field_app.state import State
from schemas.rules.geo import compass

VEILS = ("0", "30", "50", "80")  # per cent of the old photo


@part
def GhostFinder(state: State, k: Kit):
    """Closed again when the page is left."""
    desk, _ = ft.use_state(state.rechecking)
    ft.use_state(state.here)
    ft.use_effect(guard(state, desk.lens.start), [], guard(state, desk.lens.shut))
    picture, veil = desk.ghost_picture if desk.aim == "rectified" else None, str(desk.ui("veil", "30"))
    seen = ft.Semantics(label=k.say("photo.lens"), image=True, container=True,
                        content=ft.memo(Glass)(desk.lens.view, key="glass"))  # fmt: skip
    layers: list[ft.Control] = [ft.Container(seen, left=0, right=0, top=0, bottom=0)]
    if picture and veil != "0":
        over = ft.Image(
            src=picture,
            fit=ft.BoxFit.CONTAIN,
            opacity=int(veil) / 100,
            gapless_playback=True,
            exclude_from_semantics=True,
        )
        layers.append(
            ft.Container(
                over, left=0, right=0, top=0, bottom=0, alignment=ft.Alignment.CENTER, ignore_interactions=True
            )
        )
    layers.append(ft.Container(
        k.t(told(state, k, desk, bool(picture)), 15, True, "#FFFFFF"), bgcolor="#B3000000", left=0, right=0, bottom=0,
        padding=ft.Padding.symmetric(horizontal=12, vertical=6), ignore_interactions=True,
    ))  # fmt: skip
    glass = ft.Container(ft.Stack(layers), height=min(state.height * 0.42, 440.0), bgcolor="#000000", border_radius=14,
                         clip_behavior=ft.ClipBehavior.ANTI_ALIAS)  # fmt: skip
    shown: list[ft.Control] = [glass]
    if picture:
        names = {v: k.say(f"ghost.{v}") for v in VEILS}
        shown.append(k.choices(names, veil, lambda v: call(state, lambda: desk.set_ui(veil=v)), 4))
    return ft.Column(shown, spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def told(state: State, k: Kit, desk: Rechecking, picture: bool) -> str:
    """Where to stand and which way to look."""
    if desk.aim != "rectified" or desk.ghost is None:
        return ""
    parts = [k.say("ghost.why" if picture else "ghost.away")]
    place = spot(desk)
    parts.append(line(k, guide_to(state, place)) if place is not None else k.say("way.unknown"))
    facing = desk.ghost.values.get("bearing_deg")
    if facing not in (None, ""):
        parts.append(k.say("ghost.facing", turn=k.of(compass(float(facing)))))
    return " · ".join(parts)


def spot(desk: Rechecking) -> tuple[float, float] | None:
    """Where the old photo was taken; else where the problem is."""
    fix = desk.ghost.values.get("position") if desk.ghost is not None else None
    if fix and fix.get("lon") and fix.get("lat"):
        return float(fix["lon"]), float(fix["lat"])
    return desk.case.place if desk.case is not None else None


def below_lens(desk: Rechecking, body: ft.Control) -> ft.Control:
    """What the lens sees stays above what is scrolled, which stays where it was scrolled to."""
    return under(GhostFinder(key="ghost") if desk.lens.view is not None else None, body)
