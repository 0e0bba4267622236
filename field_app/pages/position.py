"""Position: accuracy against the gate, distance from the plan, and a reason where something is out of the ordinary."""

from __future__ import annotations

import flet as ft

from field_app.book import GATE, decimal
from field_app.capture.position import STALE_S, WANTED, Fix
from field_app.form import box
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, guard, next_bar, part, scroll
from field_app.pages.today import metres
from field_app.state import State
from field_app.visit import Shift, Visit
from schemas.reference import codes


def degrees(value: object) -> str:
    return f"{float(str(value)):.6f}°"


def shift_card(k: Kit, shift: Shift, lon: object, lat: object, height: float | None) -> ft.Control:
    word = k.say("pos.beyond" if shift.over else "pos.within", m=f"{shift.allowed:g}")
    chip = k.chip(I.WARNING_AMBER if shift.over else I.CHECK_CIRCLE_OUTLINE, word, "warn" if shift.over else "done")
    turn = f"{k.of(shift.toward)} {shift.bearing:.0f}°" if shift.metres >= 0.5 else ""

    def line(name: str, value: str) -> ft.Control:
        return ft.Row([k.t(name, 16, expand=True), k.t(value, 16, True)])

    facts = [line(k.say("pos.lon"), degrees(lon)), line(k.say("pos.lat"), degrees(lat))]
    if height is not None:
        facts.append(line(k.say("pos.height"), f"{height:.1f} m"))
    return k.card(
        ft.Row([k.t(k.say("pos.from_plan"), 14, True, "ink-2"), chip], alignment="spaceBetween", wrap=True),
        ft.Row([k.val(metres(shift.metres), "m", 34, unit_size=18), k.t(turn, 18)], alignment="spaceBetween"),
        *facts,
        k.t(k.say("pos.datum"), 14, color="ink-2"),
    )


def accuracy_card(k: Kit, fix: Fix, taken: int, gate: float, age: float) -> ft.Control:
    good = fix.accuracy_m is not None and fix.accuracy_m <= gate
    chip = k.chip(
        I.CHECK_CIRCLE_OUTLINE if good else I.HOURGLASS_EMPTY,
        k.say("pos.ok" if good else "pos.over", gate=f"{gate:g}"),
        "done" if good else "warn",
    )
    ticks = ft.Row(
        [ft.Container(height=12, expand=1, border_radius=3, bgcolor=k["done"] if n < taken else k["sunken"], border=k.edge("line-strong", 1)) for n in range(WANTED)],
        spacing=3,
    )  # fmt: skip
    value = (
        "–" if fix.accuracy_m is None else f"±{fix.accuracy_m:.2f}" if fix.accuracy_m < 1 else f"±{fix.accuracy_m:.1f}"
    )
    kind = codes("fix_kind")[fix.kind]
    return k.card(
        ft.Row([k.t(k.say("pos.accuracy"), 14, True, "ink-2"), chip], alignment="spaceBetween", wrap=True),
        ft.Row(
            [
                k.val(value, "m", 44, unit_size=20),
                column(k.t(k.of(kind), 16), k.t(k.say("pos.age", s=f"{age:.0f}"), 14, color="ink-2")),
            ],
            alignment="spaceBetween",
        ),
        k.t(k.say("pos.mean", n=taken, all=WANTED), 14, True, "ink-2"),
        ticks,
    )


def shift_reason(state: State, k: Kit, visit: Visit, shift: Shift) -> list[ft.Control]:
    """Message 5: further off than allowed asks why, by one tap."""
    if not shift.over:
        return []
    options = {c: k.of(label) for c, label in codes("reason_access").items()}
    pick = lambda c: call(state, lambda: visit.set_point(reason=c))  # noqa: E731
    return [
        k.judge(
            "warn",
            I.MOVE_DOWN,
            k.say("pos.shift", m=metres(shift.metres), allowed=f"{shift.allowed:g}"),
            k.say("pos.shift.why"),
        ),
        k.choices(options, visit.point.get("reason"), pick, 2),
    ]


def warnings(k: Kit, visit: Visit, fix: Fix, age: float, gate: float) -> list[ft.Control]:
    out: list[ft.Control] = []
    if age > STALE_S:
        out.append(
            k.judge("warn", I.HISTORY, k.say("pos.stale", s=f"{age:.0f}"), k.say("pos.stale.why", code=visit.code))
        )
    if fix.accuracy_m is None or fix.accuracy_m > gate:
        out.append(
            k.judge(
                "warn",
                I.GPS_NOT_FIXED,
                k.say("pos.weak", acc=f"{fix.accuracy_m or 0:.1f}", gate=f"{gate:g}"),
                k.say("pos.weak.why"),
            )
        )
    if fix.mocked:
        out.append(k.judge("warn", I.WARNING_AMBER, k.say("pos.mocked"), k.say("pos.mocked.why")))
    return out


@part
def Live(state: State, k: Kit, visit: Visit):
    """Listens to the position, once a second."""
    ft.use_state(state.here)
    here, gate = state.here, float(visit.book.figure("accuracy_gate_m", GATE))
    fix = here.mean or here.fix
    by_hand = k.button(k.say("pos.by_hand"), call(state, lambda: visit.set_ui(by_hand=True)), "plain", h=64)
    if fix is None:
        waiting = k.judge(
            "warn" if here.problem else "active",
            I.LOCATION_SEARCHING,
            k.say(f"pos.none.{here.problem}"),
            k.say("pos.none.why"),
        )
        return ft.Column(
            [
                ft.Container(scroll(waiting), expand=True),
                next_bar(k, by_hand, k.button(k.say("pos.wait"), None, "next", h=64, size=19, expand=True)),
            ],
            spacing=0,
            expand=True,
        )
    age = fix.age_s(state.now())
    good = fix.accuracy_m is not None and fix.accuracy_m <= gate and age <= STALE_S and len(here.taken) > 0
    shift = visit.shift_from(fix.lon, fix.lat)
    body = scroll(
        *warnings(k, visit, fix, age, gate),
        accuracy_card(k, fix, len(here.taken), gate, age),
        shift_card(k, shift, fix.lon, fix.lat, fix.elevation_m),
    )
    take = k.button(
        k.say("pos.take" if good else "pos.wait"),
        call(state, state.adopt_position) if good else None,
        "next",
        I.CHECK if good else None,
        h=64,
        size=19,
        expand=True,
    )
    return ft.Column(
        [ft.Container(body, expand=True), next_bar(k, by_hand, take)],
        spacing=0,
        expand=True,
        horizontal_alignment="stretch",
    )


@part
def ByHand(state: State, k: Kit, visit: Visit):
    lon, set_lon = ft.use_state("")
    lat, set_lat = ft.use_state("")
    reason, set_reason = ft.use_state("")
    at = visit.planned["position"]
    x, y = decimal(lon.strip()), decimal(lat.strip())
    wrong = [
        n
        for n, v, text, top in (("lon", x, lon, 180), ("lat", y, lat, 90))
        if text and (v is None or not -top <= v <= top)
    ]
    ready = x is not None and y is not None and not wrong and reason.strip()
    usual = [k.say(f"pos.why.{w}") for w in ("cover", "broken", "survey", "none")]
    number = {"keyboard_type": ft.KeyboardType.NUMBER, "suffix": "°"}
    boxes = [
        k.judge("warn", I.EDIT_LOCATION_OUTLINED, k.say("pos.by_hand.title"), k.say("pos.by_hand.why")),
        box(k, k.say("pos.lon"), lon, guard(state, lambda e: set_lon(e.control.value)), **number),
        box(k, k.say("pos.lat"), lat, guard(state, lambda e: set_lat(e.control.value)), **number),
        *[k.t(k.say("pos.bad", example=degrees(at[n])), 15, True, "alert") for n in wrong],
        box(k, k.say("pos.reason"), reason, guard(state, lambda e: set_reason(e.control.value)), max_length=200),
        k.choices({w: w for w in usual}, reason, lambda w: call(state, set_reason, "" if w == reason else w)),
    ]

    def use() -> None:
        state.adopt_manual(str(x), str(y), reason)
        visit.set_ui(by_hand=False)

    device = k.button(
        k.say("pos.use_device"), call(state, lambda: visit.set_ui(by_hand=False)), "plain", h=64, expand=2, pad=8
    )
    text = k.say("pos.use_hand" if ready or not (lon and lat) else "pos.need_reason")
    take = k.button(text, guard(state, use) if ready else None, "next", h=64, size=18, expand=3, pad=8)
    return ft.Column(
        [ft.Container(scroll(*boxes), expand=True), next_bar(k, device, take)],
        spacing=0,
        expand=True,
        horizontal_alignment="stretch",
    )


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    """(body, foot). The live parts bring their own foot, because it changes with every fix."""
    if visit.ui("by_hand"):
        return ByHand(visit), None
    at, shift = visit.point.get("position"), visit.shift
    if not at or shift is None:
        return Live(visit), None
    acc = decimal(at.get("h_acc_m"))
    what = (
        k.say("pos.sub.hand", m=metres(shift.metres))
        if at["fix_kind"] == "manual"
        else k.say("pos.sub", acc=f"{acc or 0:.1f}", m=metres(shift.metres))
    )
    kept = k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("pos.kept"), what)
    mock = [k.judge("warn", I.WARNING_AMBER, k.say("pos.mocked"), k.say("pos.mocked.why"))] if at.get("mocked") else []
    height = decimal(at.get("elevation_m"))
    body = scroll(
        kept,
        *mock,
        *shift_reason(state, k, visit, shift),
        shift_card(k, shift, at["lon"], at["lat"], None if height is None else float(height)),
    )

    def again() -> None:
        state.here.start()
        visit.set_point(position=None, reason=None)

    retake = k.button(k.say("pos.retake"), guard(state, again), "plain", h=64)
    ready, after = not shift.over or visit.point.get("reason"), "layers" if visit.drilled else "readings"
    go = k.button(
        k.say("step.next", name=k.say(f"step.{after}")) if ready else k.say("pos.shift.why"),
        call(state, lambda: visit.set_ui(step=after)) if ready else None,
        "next",
        I.ARROW_FORWARD if ready else None,
        h=64,
        size=19,
        expand=True,
    )
    return body, next_bar(k, retake, go)
