"""What a step asks before it is signed: photos, weights, where it was put, why it differs, a signature by hand."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.handing import Handing
from field_app.desks.legging import TAKES, Draft, text_of
from field_app.desks.reckoning import STAND_IN
from field_app.form import box
from field_app.kit import I, Kit, column, strut
from field_app.pages.pad import Keypad, display
from field_app.pages.shell import call, guard, part, tappable
from field_app.pages.verdict import kind_name
from field_app.state import State
from schemas.reference import codes

SHOTS = {
    "departed": ("cover",),
    "arrived": ("weigh_in",),
    "received": ("unloading",),
    "rejected": ("weigh_in",),
    "returned": ("document",),
}
PAPER = "document"


def aim_of(k: Kit, step: str) -> str:
    known = codes("photo_step").get(step)
    return k.of(known) if known else step


@part
def Step(state: State, k: Kit):
    desk, _ = ft.use_state(state.handing)
    draft, around = desk.draft, desk.around
    if draft is None or around is None:
        return ft.Container()
    items: list[ft.Control] = [k.t(k.say("leg.step"), 18, True)]
    kinds = around.steps if draft.way == "own" else _stand_ins(around.story.next)
    if len(kinds) > 1:
        items.append(
            k.choices({c: kind_name(k, c) for c in kinds}, draft.kind, lambda c: call(state, desk.choose, c), 2)
        )
    else:
        items.append(k.t(kind_name(k, draft.kind), 20, True))
    lacks = desk.lacks()
    if lacks and lacks[0].code == "step":  # before anything is weighed and typed for nothing
        items.append(k.judge("alert", I.BLOCK, k.of((lacks[0].zh, lacks[0].en))))
    if draft.way != "own":
        items += _whose(state, k, desk, draft)
    if draft.kind == "received":
        items += _weights(state, k, desk, draft)
    steps = (PAPER,) if draft.way in ("paper", "lost") else SHOTS.get(draft.kind, ())
    items += [shot(state, k, desk, step) for step in steps]
    if draft.kind in ("rejected", "returned"):
        items += _problem(state, k, desk, draft, draft.kind == "rejected")
    if draft.kind == "rejected":
        items.append(_reported(state, k, desk, draft))
    if draft.kind in ("departed", "waypoint", "relay"):
        items.append(_box(state, k, desk, "odometer", draft.odometer, keyboard_type=ft.KeyboardType.NUMBER))
    items.append(_by_hand(state, k, desk, draft))
    missing = [k.of((x.zh, x.en)) for x in lacks if not x.cannot]
    unsure = [k.of((x.zh, x.en)) for x in lacks if x.cannot]
    sep = "；" if k.lang == "zh" else "; "
    if missing:
        color = "warn" if desk.told else "active"
        items.append(k.judge(color, I.WARNING_AMBER, k.say("leg.lacking", n=len(missing)), sep.join(missing)))
    if unsure:
        line = ft.Row(
            [k.icon(I.HELP_OUTLINE, 20, "unsure"), k.t(sep.join(unsure), 14, color="unsure", expand=True)], spacing=6
        )
        items.append(line)
    return k.card(*items, spacing=12)


def _stand_ins(allowed: tuple[str, ...]) -> tuple[str, ...]:
    known = {"received" if a in TAKES else a for a in allowed}
    if "departed" in known:  # what was never signed on the way may be caught up with from the paper
        known |= {"arrived", "received", "rejected"}
    return tuple(c for c in STAND_IN if c in known) or STAND_IN[:1]


# --- parts --------------------------------------------------------------------------------------------------------------


def _box(state: State, k: Kit, desk: Handing, name: str, value: str, word: str = "", **more: Any) -> ft.Control:
    changed = guard(state, lambda e: desk.put(**{name: e.control.value}))
    return box(k, k.say(word or f"leg.{name}"), value, changed, **more)


def _weights(state: State, k: Kit, desk: Handing, draft: Draft) -> list[ft.Control]:
    """Gross, then tare, on the big pad; what differs from departure stands there at once."""
    width = min(state.width - 64, 420) if not state.wide else min((state.width - 92) * 5 / 11 - 64, 420)

    def value_of(value: str) -> ft.Control:
        """Three beside each other at every text size: none may be cut."""
        size = min(30.0, (width / 3 - 34) / max(4, len(value) + 1) / 0.56) / k.scale
        return k.val(value, "t", size, unit_size=size * 0.6)

    def figure(name: str) -> ft.Control:
        value = getattr(draft, name) or "–"
        inside = column(k.t(k.say(f"leg.typing.{name}"), 14, True, "ink-2"), value_of(value))
        label = f"{k.say(f'leg.typing.{name}')} {value} t"
        return ft.Container(
            tappable(k, inside, label, call(state, _typing, desk, name), draft.typing == name), expand=1
        )

    net = text_of(draft.net_t)
    shown = column(k.t(k.say("leg.net.title"), 14, True, "ink-2"), value_of(net or "–"))
    row = ft.Row([figure("gross"), figure("tare"), ft.Container(shown, expand=1, padding=12)], spacing=6)
    other = "tare" if draft.typing == "gross" else "gross"
    on_key = lambda c: call(state, _key, desk, c, other)  # noqa: E731
    following = k.say("leg.key.next" if draft.typing == "gross" else "leg.key.done")
    onward = call(state, _typing, desk, "tare") if draft.typing == "gross" else call(state, _typing, desk, "gross")
    pad = Keypad(k, on_key, onward, following, k.say("leg.clear"), ("swap", k.say(f"leg.swap.{other}")), width, 60)
    typed = display(k, k.say(f"leg.typing.{draft.typing}"), getattr(draft, draft.typing), "t")
    items: list[ft.Control] = [row, typed, pad]
    if (said := _difference(k, desk)) is not None:
        items.append(said)
    items += [
        _box(state, k, desk, "ticket", draft.ticket),
        _box(state, k, desk, "heap", draft.heap),
        _box(state, k, desk, "accepted", draft.accepted, keyboard_type=ft.KeyboardType.NUMBER),
    ]
    return items + _problem(state, k, desk, draft, False)


def _typing(desk: Handing, name: str) -> None:
    desk.put(typing=name)


def _key(desk: Handing, code: str, other: str) -> None:
    if code == "swap":
        desk.put(typing=other)
    else:
        desk.key("clear" if code == "same" else code)


def _difference(k: Kit, desk: Handing) -> ft.Control | None:
    draft, diff = desk.draft, desk.difference()
    if draft is None or draft.net_t is None:
        return None
    if diff is None:
        return k.judge("unsure", I.HELP_OUTLINE, k.say("leg.diff.unknown"))
    pct = f"{diff.pct:.1f}" if diff.pct is not None else "–"
    words = {
        "t": f"{diff.t:+.2f}".replace("-", "−"),
        "pct": pct,
        "allowed": f"{diff.allowed_t:.2f}",
        "out": text_of(diff.out_t),
    }
    if diff.over:
        return k.judge("alert", I.SCALE, k.say("leg.diff.over", **words), k.say("leg.diff.over.why", **words))
    return k.judge("done", I.SCALE, k.say("leg.diff.ok", **words), k.say("leg.diff.ok.why", **words))


def _problem(state: State, k: Kit, desk: Handing, draft: Draft, must: bool) -> list[ft.Control]:
    """What is not as it should be, and why; nothing is asked where all is."""
    names = {c: k.of(label) for c, label in codes("leg_problem").items()}
    options = names if must or draft.kind == "returned" else {"": k.say("leg.problem.none"), **names}
    diff = desk.difference()
    chosen = draft.problem or ("weight_diff" if diff is not None and diff.over and draft.kind == "received" else "")
    out: list[ft.Control] = [k.t(k.say("leg.problem"), 16, True)]
    out.append(k.choices(options, chosen, lambda c: call(state, _chosen, desk, c), 2))
    if chosen or must or draft.kind == "returned":
        out.append(_box(state, k, desk, "problem_text", draft.problem_text, "leg.why", max_length=200, counter=""))
    return out


def _chosen(desk: Handing, code: str) -> None:
    desk.put(problem=code)


def _reported(state: State, k: Kit, desk: Handing, draft: Draft) -> ft.Control:
    def turn() -> None:
        desk.put(reported_at="" if draft.reported_at else state.now().isoformat(timespec="seconds"))

    return k.choices(
        {"told": k.say("leg.reported")}, "told" if draft.reported_at else None, lambda _: call(state, turn), 1
    )


def _by_hand(state: State, k: Kit, desk: Handing, draft: Draft) -> ft.Control:
    signed = draft.signature
    key = "leg.hand.must" if draft.way == "beside" else "leg.hand"
    title = k.say("leg.hand.done", name=signed["name"]) if signed else k.say(key)
    go = k.button(k.say("leg.hand.go"), call(state, desk.ask_signature), "soft" if draft.way == "beside" else "plain",
                  I.DRAW_OUTLINED, size=16)  # fmt: skip
    return column(k.t(title, 15, bool(signed), "ink" if signed else "ink-2"), go, spacing=6)


def _whose(state: State, k: Kit, desk: Handing, draft: Draft) -> list[ft.Control]:
    items = [_box(state, k, desk, "who", draft.who, "leg.way.who", max_length=200, counter="")]
    if draft.way in ("paper", "lost"):
        items.append(_box(state, k, desk, "at", draft.at, "leg.way.at"))
    return items


def other_ways(state: State, k: Kit, desk: Handing) -> ft.Control:
    """Somebody without a phone, a paper manifest, a lost device: signed all the same, and marked."""
    draft = desk.draft
    ways = {c: k.of(label) for c, label in codes("leg_way").items()}
    way = draft.way if draft is not None else "own"
    pick = k.choices(ways, way, lambda c: call(state, desk.choose_way, c), 2)
    return k.card(k.t(k.say("leg.way"), 16, True), k.t(k.say("leg.way.why"), 14, color="ink-2"), pick)


def shot(state: State, k: Kit, desk: Handing, step: str) -> ft.Control:
    """A photo of one kind: taken, or to be taken."""
    shots = {**(desk.draft.photos if desk.draft else {}), **desk.road.photos}
    taken = [id for id, v in shots.items() if v["step"] == step]
    name = aim_of(k, step)
    if not taken and desk.lens.view is not None and desk.aim == step:  # the button at the bottom takes it
        return k.t(k.say("leg.photo.missing", name=name), 15, color="ink-2")
    if not taken:
        key = "leg.photo" if desk.lens.there else "leg.photo.file"
        parts: list[ft.Control] = [
            k.t(k.say("leg.photo.missing", name=name), 15, color="ink-2"),
            k.button(k.say(key, name=name), call(state, desk.aim_at, step), "plain", I.PHOTO_CAMERA_OUTLINED, size=16),
        ]
        if desk.lens.there:
            choose = call(state, desk.from_file, step)
            parts.append(
                k.button(k.say("leg.photo.choose", name=name), choose, "bare", I.FOLDER_OPEN_OUTLINED, size=15)
            )
        return ft.Column(parts, spacing=6, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    data = desk.thumb(shots[taken[-1]]["sha256"])
    inside: ft.Control = ft.Image(src=data, width=96, height=72, fit=ft.BoxFit.COVER) if data else strut(72)
    picture = ft.Semantics(
        label=k.say("leg.photo.taken", name=name), image=True, container=True, exclude_semantics=True, content=inside
    )
    drop = k.icon_button(I.DELETE_OUTLINE, k.say("leg.photo.drop", name=name), call(state, desk.drop_photo, taken[-1]))
    return ft.Row([picture, k.t(k.say("leg.photo.taken", name=name), 16, True, expand=True), drop], spacing=10)


__all__ = ["Step", "aim_of", "other_ways", "shot"]
