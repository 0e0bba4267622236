"""Samples: what the plan asks for and what was taken, one of them open. The button at the bottom is always the next thing:
take the next sample, say that label and containers are right, go on."""

from __future__ import annotations

from typing import Any, NamedTuple

import flet as ft

from field_app.form import form
from field_app.kit import I, Kit, column, strut
from field_app.pages import containers, quality
from field_app.pages.containers import groups_of, named, stack
from field_app.pages.photo import ShotsOf
from field_app.pages.shell import call, guard, next_bar, scroll, tappable
from field_app.state import State
from field_app.visit import STEPS, Visit
from field_app.visit.containers import VOLATILE
from field_app.visit.core import clean
from field_app.visit.samples import BLANKS, Target
from schemas.fields import fields_of
from schemas.records import TYPES

ALL = (
    "depth_top_m", "depth_bottom_m", "groups", "pick_reason", "soil_tool", "water_tool", "water_depth_m", "flow_ml_min",
    "odour_taste", "seen_water", "preserved", "appearance", "collected_at", "collected_by", "recorder_id", "batch", "note",
)  # fmt: skip
_SOIL, _WATER = ("pick_reason", "soil_tool"), ("water_tool", "water_depth_m", "flow_ml_min", "odour_taste", "seen_water", "preserved", "recorder_id")  # fmt: skip


class Next(NamedTuple):
    """What the button at the bottom does."""

    word: str
    act: Any
    icon: Any


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    at, targets = visit.open_sample, visit.targets()
    parts: list[ft.Control] = [k.t(count(k, visit, targets), 20, True)]
    if at:
        parts.append(open_card(state, k, visit, at))
    listed = {s for t in targets for s in t.samples}
    for t in targets:
        parts += target_rows(state, k, visit, t, at)
    for record in visit.samples:
        if record not in listed and record != at:
            parts.append(sample_row(state, k, visit, record))
    if not targets and not visit.samples:
        parts.append(
            k.card(
                k.icon(I.SCIENCE_OUTLINED, 28, "ink-2"),
                k.t(k.say("sample.none"), 18, True),
                k.t(k.say("sample.none.why"), 16, color="ink-2"),
            )
        )
    parts.append(ShotsOf(visit, "samples"))
    parts.append(quality.Duplicates(visit))
    parts.append(quality.blanks(state, k, visit))
    parts.append(k.button(k.say("sample.add"), call(state, state.sampling.take, ""), "plain", I.ADD, size=16))
    return scroll(*parts), foot(state, k, visit, at)


# --- the button at the bottom ----------------------------------------------------------------------------------------


def foot(state: State, k: Kit, visit: Visit, at: str | None) -> ft.Control:
    on = onward(state, k, visit)
    do = following(state, k, visit, at) or on
    go = k.button(do.word, do.act, "next", do.icon, h=64, size=18, expand=True)
    if do is on:
        return next_bar(k, go)
    return next_bar(k, k.button("", on.act, "plain", on.icon, h=64, name=on.word, pad=12), go)


def onward(state: State, k: Kit, visit: Visit) -> Next:
    step = STEPS[STEPS.index("samples") + 1]
    word = k.say("sample.next", name=k.say(f"step.{step}"))
    return Next(word, call(state, lambda: visit.set_ui(step=step, sample=None, bottle=None)), I.ARROW_FORWARD)


def following(state: State, k: Kit, visit: Visit, at: str | None) -> Next | None:
    """What is still to be said of the open sample, else the next one of the plan."""
    if at:
        checked = bool(visit.samples[at].get("label_checked"))
        ready = visit.to_fill(at)
        voc, rest = bool(ready) and ready[0].volatile, len(ready) < len(visit.unfilled(at))
        if ready:
            if checked:
                key = "sample.filled.voc" if voc and rest else "sample.filled.rest"
            else:
                key = "sample.confirm.voc" if voc and rest else "sample.confirm.all"
            word = k.say(key, n=len(ready))
            return Next(word, call(state, state.sampling.confirm, visit, at, *(c.no for c in ready)), I.DONE_ALL)
        if not checked:
            return Next(k.say("sample.confirm.label"), call(state, state.sampling.confirm, visit, at), I.CHECK)
    target = visit.next_target
    if target is None:
        return None
    word = k.say("sample.take", what=depth(k, target.values))
    return Next(word, call(state, state.sampling.take, target.id), I.ADD)


# --- the list --------------------------------------------------------------------------------------------------------


def count(k: Kit, visit: Visit, targets: list[Target]) -> str:
    if not targets:
        return k.say("sample.count.free", n=len(visit.samples))
    if not visit.samples:
        return k.say("sample.count.none", all=len(targets))
    return k.say("sample.count", n=sum(bool(t.samples) for t in targets), all=len(targets))


def depth(k: Kit, values: dict[str, Any]) -> str:
    """The interval; where the plan leaves it open, its rule."""
    top, bottom = values.get("depth_top_m"), values.get("depth_bottom_m")
    if top in (None, "") and bottom in (None, ""):
        if values.get("rule"):
            return named(k, "target_rule", values["rule"])
        return (
            k.say("sample.depth.none") if values.get("medium") == "soil" else named(k, "medium", values.get("medium"))
        )
    return k.say("sample.depth", top=_short(top), bottom=_short(bottom))


def _short(figure: Any) -> str:
    """0.0 → 0, 4.50 → 4.5, and what is being typed as it is."""
    text = "" if figure is None else str(figure)
    return (text.rstrip("0").rstrip(".") or "0") if "." in text and not text.endswith(".") else text or "–"


def target_rows(state: State, k: Kit, visit: Visit, t: Target, at: str | None) -> list[ft.Control]:
    out: list[ft.Control] = [sample_row(state, k, visit, s) for s in t.samples if s != at]
    if not t.samples:
        take = call(state, state.sampling.take, t.id)
        word = k.say("sample.take", what=depth(k, t.values))
        button = k.button(k.say("sample.take.short"), take, "soft", w=84 * k.scale, pad=4, name=word)
        text = column(
            k.t(depth(k, t.values), 20, True), k.t(groups_of(k, t.values["groups"]), 15, color="ink-2"),
            ft.Row([k.chip(I.CIRCLE_OUTLINED, k.say("sample.todo"), "planned")]), spacing=4, expand=True,
        )  # fmt: skip
        out.append(k.card(ft.Row([text, button], spacing=8)))
    elif t.duplicate_due:
        add = k.button(
            k.say("qc.duplicate"), call(state, state.sampling.duplicate, t.samples[0]), "plain", I.ADD, size=16
        )
        why = k.say("qc.adjacent") if set(VOLATILE) & set(t.values["groups"]) else ""
        out.append(k.judge("warn", I.WARNING_AMBER, k.say("qc.due"), why, add))
    return out


def sample_row(state: State, k: Kit, visit: Visit, record: str) -> ft.Control:
    code = visit.samples[record]["code"]
    row = tappable(
        k, head(k, visit, record), k.say("sample.open", code=code), call(state, visit.look_at, record), padding=0
    )
    return k.card(row, padding=12)


def head(k: Kit, visit: Visit, record: str) -> ft.Control:
    """Depth or kind, code, what is in it; how much is left, and how many containers are filled."""
    values = visit.samples[record]
    kind, left = values["kind"], visit.sample_left(record)
    title = named(k, "sample_kind", kind) if kind in BLANKS else depth(k, values)
    chip = (
        k.chip(I.CONTRAST, k.say("step.left", n=left), "active")
        if left
        else k.chip(I.CHECK_CIRCLE_OUTLINE, k.say("step.ready"), "done")
    )
    filled, all_ = visit.filled_of(record)
    chips: list[ft.Control] = [chip]
    if all_:
        chips.append(k.t(k.say("sample.bottles", n=filled, all=all_), 14, color="ink-2"))
    lines = [k.t(title, 20, True), k.t(values["code"], 16)]
    if kind == "field_duplicate":
        link = visit.link_of(record)
        original = visit.samples.get((link[1].get("original_id") or "") if link else "")
        name = k.say("qc.twin", code=original["code"]) if original else named(k, "sample_kind", kind)
        lines.append(k.t(name, 15, True, "primary"))
    lines.append(k.t(groups_of(k, values.get("groups", [])), 15, color="ink-2"))
    state_row = ft.Row(chips, spacing=8, wrap=True, run_spacing=4)
    return ft.Row([strut(56), column(*lines, state_row, spacing=3, expand=True)], spacing=0)


# --- the open one ----------------------------------------------------------------------------------------------------


def open_card(state: State, k: Kit, visit: Visit, record: str) -> ft.Control:
    values = visit.samples[record]
    out: list[ft.Control] = [head(k, visit, record), stack(auto_line(k, values))]
    out.append(stack(fields(state, k, visit, record, visit.sample_asks(record))))
    checked = bool(values.get("label_checked"))
    check = call(state, lambda: visit.set_sample(record, label_checked=None if checked else True))
    icon = I.CHECK_BOX if checked else I.CHECK_BOX_OUTLINE_BLANK
    word = k.say("sample.label")
    box = ft.Row(
        [strut(48), k.icon(icon, 28, "done" if checked else "ink-2"), k.t(word, 17, True, expand=True)], spacing=10
    )
    out.append(tappable(k, box, word, check, padding=0))
    out.append(stack(link_fields(state, k, visit, record)))
    bottles = containers.lines(state, k, visit, record)
    rule: list[ft.Control] = [ft.Container(height=k.stroke, bgcolor=k["line"])] if bottles else []
    out.append(stack([*rule, *bottles], 12))
    out.append(stack(fields(state, k, visit, record, listed(values)) if visit.ui("sample_all") else []))
    out.append(stack(acts(state, k, visit, record), 12))
    return k.card(*out, spacing=12)


def listed(values: dict[str, Any]) -> list[str]:
    """The fields that make sense for it: a blank has no depth, water no soil tool."""
    blank, medium = values["kind"] in BLANKS, values["medium"]
    water = medium in ("groundwater", "surface_water")
    off = set(_WATER if not water else _SOIL)
    if blank:
        off |= {"depth_top_m", "depth_bottom_m", *_SOIL, *_WATER} - {"preserved"}
    return [n for n in ALL if n not in off]


def auto_line(k: Kit, values: dict[str, Any]) -> list[ft.Control]:
    known = fields_of(TYPES["sample"])
    names = [k.of((known[n].spec.zh, known[n].spec.en)) for n in values.get("_auto", ()) if n in known]
    if not names:
        return []
    text = k.say("sample.auto", what=k.say("bottle.and").join(names))
    return [ft.Row([k.icon(I.AUTO_FIX_HIGH, 18, "ink-2"), k.t(text, 14, color="ink-2", expand=True)], spacing=6)]


def fields(state: State, k: Kit, visit: Visit, record: str, only: list[str]) -> list[ft.Control]:
    def change(name: str, read: Any) -> Any:
        return guard(state, lambda e: visit.set_sample(record, **{name: read(e)}))

    return form(k, TYPES["sample"], clean(visit.samples[record]), change, state.options, only)


def link_fields(state: State, k: Kit, visit: Visit, record: str) -> list[ft.Control]:
    """Of a blank: what it is made of, for which batch. Of a duplicate: its original, where that is gone."""
    link = visit.link_of(record)
    if link is None:
        return []
    id, values = link
    if visit.samples[record]["kind"] == "field_duplicate":
        if values.get("original_id"):
            return []
        medium = visit.samples[record]["medium"]
        others = {s: v["code"] for s, v in visit.samples.items() if v["kind"] == "ordinary" and v["medium"] == medium}
        pick = lambda s: call(state, lambda: visit.change("qc_link", id, original_id=s))  # noqa: E731
        return [column(k.t(k.say("qc.original"), 16, True, "warn"), k.choices(others, None, pick), spacing=6)]

    def change(name: str, read: Any) -> Any:
        return guard(state, lambda e: visit.change("qc_link", id, **{name: read(e)}))

    return form(k, TYPES["qc_link"], clean(values), change, state.options, ("matrix", "batch"))


def acts(state: State, k: Kit, visit: Visit, record: str) -> list[ft.Control]:
    whole = bool(visit.ui("sample_all"))
    more = k.button(
        k.say("sample.all.shut" if whole else "sample.all"), call(state, lambda: visit.set_ui(sample_all=not whole)),
        "plain", I.EXPAND_LESS if whole else I.EXPAND_MORE, size=15, expand=True,
    )  # fmt: skip
    rows: list[ft.Control] = []
    values, room = visit.samples[record], (state.width - 92 - 216 - 292 if state.wide else state.width) - 64
    if values["kind"] == "ordinary" and not visit.duplicates_of(record):
        name = k.say("qc.duplicate.of", code=values["code"])
        add = call(state, state.sampling.duplicate, record)
        twin = k.button(k.say("qc.duplicate"), add, "plain", I.ADD, size=15, expand=True, name=name)
        rows.append(k.beside([twin, more], room, 130))
    else:
        rows.append(ft.Row([more], spacing=12))
    remove = k.button(
        k.say("sample.remove"),
        call(state, visit.remove_sample, record),
        "plain",
        I.DELETE_OUTLINE,
        size=15,
        expand=True,
    )
    close = k.button(k.say("sample.done"), call(state, visit.look_at, None), "soft", I.CHECK, size=15, expand=True)
    return [*rows, k.beside([remove, close], room, 130)]
