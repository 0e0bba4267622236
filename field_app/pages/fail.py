"""What a "no" asks for, on a page of its own: on a phone, and for a problem that stands on no list."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.checkdraft import PROBLEMS
from field_app.desks.checking import CheckingDesk
from field_app.kit import I, Kit
from field_app.pages import evidence, found
from field_app.pages.finder import below_finder
from field_app.pages.item import gone, not_there
from field_app.pages.shell import call, frame, guard, page, scroll
from field_app.state import State


@page
def FailPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.checking)
    id, code = str(state.args.get("id", "")), str(state.args.get("code", ""))

    async def start() -> None:
        if state.route == "fail":
            await desk.open(id)
            await desk.look()

    ft.use_effect(guard(state, start), [id, code])
    if (other := not_there(state, k, desk, id)) is not None and not (desk.id == id and code in desk.findings):
        return other
    item = desk.item(code)
    if item is None:
        return own(state, k, desk, code) if code in desk.findings else gone(state, k)
    problem = desk.answer_of(code) in PROBLEMS
    n = desk.list.items.index(item) + 1
    head = [found.made(k, desk, code)] if problem else [k.t(k.say("item.optional"), 15, color="ink-2")]
    room = min(state.width - (92 if state.wide else 0), 760) - 32
    body = scroll(
        *head,
        k.t(k.of(item.label), 16, color="ink-2"),
        *evidence.parts(state, k, desk, code, room),
        *found.facts(state, k, desk, code),
    )
    return frame(
        state, k, k.say("fail.title", n=n), k.of(item.section), below_finder(desk.lens, body), foot=foot(state, k, desk, code, problem),
        back=True, tabs=False,
    )  # fmt: skip


def foot(state: State, k: Kit, desk: CheckingDesk, code: str, problem: bool) -> ft.Control | None:
    """Judge anew, the evidence that is next, and past it to the next item: nobody is held up by what cannot be had now."""
    of_record = state.args.get("of") == "onsite"  # opened from the on-site record: that is where it leads back to
    after = desk.following(code)
    big: dict[str, Any] = {"h": 64, "size": 18, "expand": True, "pad": 8}
    judge = call(state, rejudge, state, desk, code) if of_record else call(state, state.back)
    again = k.button(k.say("fail.rejudge"), judge, "plain", h=64, pad=12) if problem else None
    word = k.say("fail.record") if of_record else k.say("item.onward") if after else k.say("item.all")
    go = call(state, to_record, state, desk) if of_record else call(state, onward, state, desk, after)
    on = k.button(word, go, "next", I.ARROW_FORWARD, **big)
    skip = k.button("", go, "plain", I.ARROW_FORWARD, h=64, pad=12, name=word)
    lacks = evidence.missing(desk.wanted(code))
    before = [b for b in (again, skip if any(w.what != "text" for w in lacks) else None) if b is not None]
    return evidence.bar_of(state, k, desk, code, *before, onward=on)


def onward(state: State, desk: CheckingDesk, after: str) -> None:
    """The item's page stands above this one: it shows the next item."""
    desk.lens.shut()
    desk.set_ui(pad=None)
    state.back()
    if after:
        desk.set_ui(at=after)
        state.replace("item", id=desk.id, code=after)
    else:
        state.go("items", id=desk.id)


def to_record(state: State, desk: CheckingDesk) -> None:
    desk.lens.shut()
    desk.set_ui(pad=None)
    state.back()


def rejudge(state: State, desk: CheckingDesk, code: str) -> None:
    """The answers are on the item's page; the record stays above it."""
    desk.lens.shut()
    desk.set_ui(at=code, pad=None)
    state.replace("item", id=desk.id, code=code)


def own(state: State, k: Kit, desk: CheckingDesk, key: str) -> ft.Control:
    """A problem that stands on no list."""
    room = min(state.width - (92 if state.wide else 0), 760) - 32

    def drop() -> None:
        desk.drop_finding(key)
        state.back()

    off: ft.Control = k.button(
        k.say("fail.drop"), call(state, lambda: desk.set_ui(dropping=key)), "plain", I.DELETE_OUTLINE, size=16
    )
    if desk.ui("dropping") == key:
        off = evidence.sure(state, k, desk, k.say("fail.drop.sure"), drop)
    fields = found.finding_fields(state, k, desk, key)
    body = scroll(found.made(k, desk, key), *evidence.parts(state, k, desk, key, room), *fields, off, spacing=14)
    go = k.button(k.say("fail.own.done"), call(state, state.back), "next", I.CHECK, h=64, size=18, expand=True)
    bar = evidence.bar_of(state, k, desk, key, onward=go)
    return frame(state, k, k.say("fail.title.own"), str(desk.inspection.get("code", "")), below_finder(desk.lens, body), foot=bar,
                 back=True, tabs=False)  # fmt: skip
