"""The containers of one sample: a line each, one tap says it is filled; the line opens for everything else."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.form import form
from field_app.kit import I, Kit, column, strut
from field_app.pages.shell import call, guard, part, tappable
from field_app.state import State
from field_app.visit import Visit
from field_app.visit.containers import Container, volume_of, ways
from field_app.visit.core import clean
from schemas.records import TYPES
from schemas.reference import Label, codes
from schemas.rules.holding import ContainerRule

SIZES = ("100", "250", "500", "1000")  # mL, where the container's name tells none
KIND = ("type", "preservative", "volume_ml")
FILLED = ("amount", "empty_g", "methanol_ml", "full_g", "headspace_ok", "bagged", "cold", "seal_no", "note")
UNITS = {"ml": "mL"}


def named(k: Kit, list_name: str, code: str | None) -> str:
    return k.of(codes(list_name).get(code or "", Label(code or "", code or "")))


def groups_of(k: Kit, groups: list[str]) -> str:
    return " · ".join(named(k, "analyte_group", g) for g in groups)


def abreast(state: State, k: Kit) -> int:
    """How many long words stand side by side."""
    return 2 if state.wide or (k.lang == "zh" and k.scale < 1.2) else 1


def stack(items: list[ft.Control], spacing: float = 10) -> ft.Column:
    """A part that may be empty, in a place of its own: buttons behind it stay where they were when it grows."""
    return ft.Column(
        items, spacing=spacing, tight=True, visible=bool(items), horizontal_alignment=ft.CrossAxisAlignment.STRETCH
    )


def unit_of(medium: str) -> str:
    return "g" if medium in ("soil", "sediment", "solid_waste", "crop") else "mL"


def lines(state: State, k: Kit, visit: Visit, sample: str) -> list[ft.Control]:
    out: list[ft.Control] = []
    for c in visit.containers(sample):
        if out:
            out.append(ft.Container(height=k.stroke, bgcolor=k["line"]))
        out.append(line(state, k, visit, sample, c))
    return out


def line(state: State, k: Kit, visit: Visit, sample: str, c: Container) -> ft.Control:
    is_open = visit.ui("bottle") == c.no
    shut = call(state, lambda: visit.set_ui(bottle=None if is_open else c.no, discard=None))
    name = groups_of(k, c.values.get("groups", []))
    first = c.volatile and c.id is None and len(visit.unfilled(sample)) > 1
    if first:
        name = k.say("bottle.first", what=name)
    what, cited = told(k, visit, sample, c)
    icon, color = (I.CANCEL_OUTLINED, "ink-3") if c.discarded else (I.CHECK_BOX_OUTLINE_BLANK, "ink-2")
    if c.id and not c.discarded:
        icon, color = I.CHECK_BOX, "done"
    text = column(k.t(name, 17, True, "ink-3" if c.discarded else "ink"), k.t(c.code, 14, color="ink-2"), expand=True)
    fold = k.icon(I.EXPAND_LESS if is_open else I.EXPAND_MORE, 22, "ink-2")
    head: ft.Control = ft.Row([strut(56), k.icon(icon, 28, color), text, fold], spacing=8)
    label = k.say("bottle.open", code=c.code, what=k.say("bottle.also").join(w for w in (name, what, cited) if w))
    row: list[ft.Control] = [ft.Container(tappable(k, head, label, shut, padding=0), expand=True)]
    if c.id is None and c.ready:
        fill = call(state, visit.fill, sample, c.no)
        wide = 76 * k.scale if k.lang == "zh" else 84 * k.scale
        row.append(
            k.button(k.say("bottle.fill"), fill, "soft", w=wide, pad=4, name=k.say("bottle.fill.name", code=c.code))
        )
    parts: list[ft.Control] = [column(ft.Row(row, spacing=8), k.t(what, 15), k.t(cited, 13, color="ink-2"), spacing=4)]
    parts += [
        stack(warnings(k, visit, sample, c)), stack(asked(state, k, visit, sample, c, is_open)),
        stack(opened(state, k, visit, sample, c) if is_open else []),
    ]  # fmt: skip
    return ft.Column(parts, spacing=10, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def told(k: Kit, visit: Visit, sample: str, c: Container) -> tuple[str, str]:
    """Type, preservative, amount, cooling; and what says so, with what it adds."""
    v, medium = c.values, visit.samples[sample]["medium"]
    if c.discarded:
        return k.say("bottle.thrown", why=named(k, "discard_reason", v.get("discard_reason"))), ""
    rules = visit.rules_of(sample, c)
    words = [named(k, "container_type", v["type"])] if v.get("type") else []
    if v.get("volume_ml") and volume_of(v.get("type")) is None:
        words.append(k.say("bottle.size.ml", n=v["volume_ml"]))
    if v.get("preservative") not in (None, "none"):
        added = named(k, "preservative", v["preservative"])
        words += [] if words and added.lower() in words[0].lower() else [added]  # "… with methanol" says it already
    if v.get("amount"):
        preset = c.id is None and "amount" in v.get("_auto", ())
        words.append(k.say("bottle.preset" if preset else "bottle.amount", amount=v["amount"], unit=unit_of(medium)))
    if v.get("cold"):
        words.append(k.say("bottle.cold"))
    elif any(r.cold == "dark" for r in rules):
        words.append(k.say("bottle.dark"))
    cited = dict.fromkeys(k.of(r.cite) for r in rules)
    notes = dict.fromkeys(k.of(r.note) for r in rules if k.of(r.note))
    return " · ".join(words), k.say("bottle.also").join([*cited, *notes])


def warnings(k: Kit, visit: Visit, sample: str, c: Container) -> list[ft.Control]:
    """What the table has against it, and where it says nothing."""
    out: list[ft.Control] = []
    medium = visit.samples[sample]["medium"]
    for wrong in visit.wrong(sample, c):
        what = k.say("bottle.and").join(k.of(w) for w in wrong.what)
        text = k.say("bottle.wrong", code=c.code, group=k.of(wrong.group), what=what)
        out.append(k.judge("alert", I.ERROR_OUTLINE, text, k.of(wrong.rule.cite)))
    unknown = [g for g in c.values.get("groups", []) if not ways(g, medium)]
    if unknown and c.id is None:
        title = k.say("bottle.norule", group=groups_of(k, unknown), medium=named(k, "medium", medium).lower())
        out.append(k.judge("unsure", I.HELP_OUTLINE, title, k.say("bottle.norule.why")))
    if c.id is None and c.ready and visit.out_of_turn(sample, c) and visit.ui("bottle") == c.no:
        out.append(k.judge("warn", I.WARNING_AMBER, k.say("bottle.turn"), k.say("bottle.turn.why")))
    return out


def fields(
    state: State, k: Kit, visit: Visit, sample: str, c: Container, only: tuple[str, ...] | list[str]
) -> list[ft.Control]:
    def change(name: str, read: Any) -> Any:
        return guard(state, lambda e: visit.set_container(sample, c.no, **{name: read(e)}))

    return form(k, TYPES["sample_container"], clean(c.values), change, state.options, only, idle=False)


def asked(state: State, k: Kit, visit: Visit, sample: str, c: Container, is_open: bool) -> list[ft.Control]:
    """What is missing of a filled one, and what must be known before one can be filled."""
    if is_open and not c.discarded:
        return []
    if c.id is None:
        lacks = [n for n in KIND if n in visit.container_lacks(c) and n != "volume_ml"]
        out = fields(state, k, visit, sample, c, lacks)
        if c.values.get("type") and not c.values.get("volume_ml"):
            out.append(sizes(state, k, visit, sample, c))
        return out
    names = list(dict.fromkeys([*c.values.get("_ask", ()), *visit.container_lacks(c)]))
    plain = [n for n in names if n not in ("headspace_ok", "bagged")]
    out = fields(state, k, visit, sample, c, plain)
    if {"headspace_ok", "bagged"} & set(visit.container_lacks(c)):
        out.append(k.button(k.say("bottle.seal"), call(state, visit.seal, sample), "plain", I.CHECK, size=16))
    return out


def sizes(state: State, k: Kit, visit: Visit, sample: str, c: Container) -> ft.Control:
    pick = lambda n: call(state, lambda: visit.set_container(sample, c.no, volume_ml=n))  # noqa: E731
    chips = k.choices({n: n for n in SIZES}, c.values.get("volume_ml"), pick, 4)
    return column(k.t(k.say("bottle.size"), 16, True), chips, spacing=6)


def opened(state: State, k: Kit, visit: Visit, sample: str, c: Container) -> list[ft.Control]:
    """Everything else that can be done with it."""
    close = k.button(
        k.say("bottle.shut"), call(state, lambda: visit.set_ui(bottle=None, discard=None)), "soft", size=15, expand=True
    )
    if c.discarded:
        return [close]
    unsized = volume_of(c.values.get("type")) is None
    out: list[ft.Control] = [
        stack(_ways(state, k, visit, sample, c)), *fields(state, k, visit, sample, c, KIND[:2]),
        stack([sizes(state, k, visit, sample, c)] if unsized else []), *fields(state, k, visit, sample, c, KIND[2:]),
    ]  # fmt: skip
    of_sample = visit.samples[sample].get("groups", [])
    if len(of_sample) > 1:
        now = c.values.get("groups", [])
        toggled = lambda g: [x for x in now if x != g] if g in now else [*now, g]  # noqa: E731
        pick = lambda g: call(state, lambda: toggled(g) and visit.set_container(sample, c.no, groups=toggled(g)))  # noqa: E731
        chips = k.choices({g: named(k, "analyte_group", g) for g in of_sample}, now, pick, abreast(state, k))
        out.append(column(k.t(k.say("bottle.groups"), 16, True), chips, spacing=6))
    weighed = c.values.get("type") == "v40_meoh"
    out.append(stack(fields(state, k, visit, sample, c, [n for n in FILLED if weighed or n != "full_g"])))
    more = k.button(
        k.say("bottle.more"), call(state, visit.one_more, sample, c.no), "plain", I.ADD, size=15, expand=True
    )
    if c.id is None:
        back = k.button(
            k.say("bottle.leave"), call(state, visit.leave_out, sample, c.no), "plain", size=15, expand=True
        )
    else:
        back = k.button(k.say("bottle.back"), call(state, visit.empty, sample, c.no), "plain", size=15, expand=True)
    out += [ft.Row([more, back], spacing=12)]
    if c.id is not None:
        out.append(stack(_discard(state, k, visit, sample, c)))
    return [*out, close]


def _ways(state: State, k: Kit, visit: Visit, sample: str, c: Container) -> list[ft.Control]:
    """The allowed bottlings of its groups as one tap each."""
    medium = visit.samples[sample]["medium"]
    pairs: dict[str, tuple[str, ContainerRule]] = {}
    for group in c.values.get("groups", [])[:1]:
        for rule in ways(group, medium):
            for type in rule.containers:
                pairs.setdefault(f"{type} {rule.preservative}", (type, rule))
    if len(pairs) < 2:
        return []

    types = [type for type, _ in pairs.values()]

    def word(type: str, preservative: str) -> str:
        name = named(k, "container_type", type)
        return f"{name} · {named(k, 'preservative', preservative)}" if preservative and types.count(type) > 1 else name

    shown = {key: word(type, rule.preservative) for key, (type, rule) in pairs.items()}
    now = f"{c.values.get('type')} {c.values.get('preservative') or ''}"
    pick = lambda key: call(state, visit.choose_way, sample, c.no, *pairs[key])  # noqa: E731
    return [column(k.t(k.say("bottle.ways"), 16, True), k.choices(shown, now, pick, abreast(state, k)), spacing=6)]


def _discard(state: State, k: Kit, visit: Visit, sample: str, c: Container) -> list[ft.Control]:
    if visit.ui("discard") != c.no:
        ask = call(state, lambda: visit.set_ui(discard=c.no))
        return [k.button(k.say("bottle.discard"), ask, "plain", I.DELETE_OUTLINE, size=15)]
    reasons = {code: k.of(word) for code, word in codes("discard_reason").items()}

    def throw(reason: str) -> None:
        visit.discard(sample, c.no, reason)
        visit.set_ui(discard=None, bottle=None)

    pick = lambda reason: call(state, throw, reason)  # noqa: E731
    return [
        column(k.t(k.say("bottle.discard.why"), 16, True), k.choices(reasons, None, pick, abreast(state, k)), spacing=6)
    ]


# --- of a finished visit -----------------------------------------------------------------------------------------


@part
def Recorded(state: State, k: Kit, point: str):
    """The samples of a finished visit: code, depth, whose duplicate, and the containers with their state."""
    found, show = ft.use_state(None)

    async def look() -> None:
        show(await state.sampling.bottled(point))

    ft.use_effect(guard(state, look), [point])
    cards: list[ft.Control] = []
    for seen in state.book.samples.get(point, ()):
        v = seen.values
        parts: list[ft.Control] = [k.t(v["code"], 17, True)]
        interval = [v.get("depth_top_m"), v.get("depth_bottom_m")]
        where = [k.say("sample.depth", top=interval[0], bottom=interval[1])] if all(interval) else []
        parts.append(k.t(" · ".join([*where, groups_of(k, v.get("groups", []))]), 15, color="ink-2"))
        original = found.originals.get(seen.id) if found else None
        if v.get("kind") == "field_duplicate":
            name = k.say("qc.twin", code=original) if original else named(k, "sample_kind", v["kind"])
            parts.append(k.t(name, 15, True, "primary"))
        for c in found.containers.get(seen.id, ()) if found else ():
            parts.append(kept(k, c.values, v.get("medium", "")))
        cards.append(k.card(*parts, spacing=6))
    return ft.Column(cards, spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def kept(k: Kit, v: dict[str, Any], medium: str) -> ft.Control:
    gone = v.get("state") == "discarded"
    words = [named(k, "container_type", v.get("type")), groups_of(k, v.get("groups", []))]
    if v.get("amount"):
        words.append(k.say("bottle.amount", amount=v["amount"], unit=unit_of(medium)))
    words.append(
        k.say("bottle.thrown", why=named(k, "discard_reason", v.get("discard_reason")))
        if gone
        else named(k, "container_state", v.get("state"))
    )
    icon = k.icon(I.CANCEL_OUTLINED, 22, "ink-3") if gone else k.icon(I.CHECK_BOX, 22, "done")
    return ft.Row([icon, column(k.t(v.get("code", ""), 15, True), k.t(" · ".join(words), 14), expand=True)], spacing=8)
