"""Drafts of long checks on the server: keep this one there, see which are there, take one up on this tablet."""

from __future__ import annotations

import flet as ft

from field_app import words
from field_app.desks.keeping import SPLIT, Clash, KeepingDesk
from field_app.form.typed import moment
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, frame, guard, page, part, scroll
from field_app.state import State
from schemas.problems import Trouble
from schemas.wire import Draft

CALM = (5004, 5020, 5021, 1101, 1103)  # out of reach: nothing is wrong with the draft


@part
def KeepButton(state: State, k: Kit):
    """Of the open check: how it stands to the server, and keeping it there."""
    check, _ = ft.use_state(state.checking)
    desk, _ = ft.use_state(state.keeping)
    ft.use_effect(guard(state, desk.begin), [check.id])
    if not check.id:
        return column()
    stands = desk.standing()
    time = clock(state, k, stands.at)
    if not stands.version:
        head, why, icon, color = k.say("keep.never"), k.say("keep.never.why"), I.CLOUD_OFF_OUTLINED, "ink-2"
    elif stands.changed:
        head, why, icon, color = k.say("keep.changed", n=stands.version, time=time), "", I.CLOUD_UPLOAD_OUTLINED, "warn"
    else:
        head, why, icon, color = k.say("keep.same", n=stands.version, time=time), "", I.CLOUD_DONE_OUTLINED, "done"
    text = column(k.t(head, 16, True), *([k.t(why, 14, color="ink-2")] if why else []), expand=True, spacing=2)
    clash = desk.clash if desk.clash is not None and desk.clash.record == check.id else None
    lines: list[ft.Control] = [] if clash else [ft.Row([k.icon(icon, 26, color), text], spacing=10)]
    if (lacks := desk.lacking(check.id)) > 0:
        again = k.button(k.say("keep.lacking.go"), None if desk.busy else call(state, desk.fetch), "plain", I.DOWNLOAD)
        lines.append(
            k.judge("warn", I.PHOTO_OUTLINED, k.say("keep.lacking", n=lacks), k.say("keep.lacking.why"), again)
        )
    if desk.before == check.id:
        lines.append(
            k.button(k.say("keep.back.go"), None if desk.busy else call(state, desk.put_back), "plain", I.UNDO)
        )
    if clash is not None:
        lines.append(clash_block(state, k, desk, clash))
    else:
        lines += trouble_of(k, desk)
        act = None if desk.busy or (stands.version and not stands.changed) else call(state, desk.keep)
        word = k.say("keep.busy") if desk.busy else k.say("keep.again" if stands.version else "keep")
        lines.append(k.button(word, act, "soft", I.CLOUD_UPLOAD_OUTLINED, expand=None))
    lines.append(k.button(k.say("keep.list"), call(state, lambda: state.go("kept")), "plain", I.LIST_ALT))
    return k.card(*lines, spacing=10)


@part
def KeptLink(state: State, k: Kit):
    """On the board: the way to drafts one began on another tablet."""
    return k.button(k.say("keep.list"), call(state, lambda: state.go("kept")), "plain", I.CLOUD_OUTLINED)


@page
def KeptPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.keeping)
    sure, set_sure = ft.use_state("")
    ft.use_effect(guard(state, desk.look), [])
    items: list[ft.Control] = []
    if desk.clash is not None:
        items.append(clash_block(state, k, desk, desk.clash))
    items += trouble_of(k, desk)
    if desk.busy:
        items.append(k.judge("active", I.SYNC, k.say("keep.busy")))
    elif desk.drafts is not None and not desk.drafts:
        items.append(k.judge("done", I.CLOUD_OUTLINED, k.say("keep.none"), k.say("keep.none.why")))
    if desk.clash is None:
        items += [row(state, k, desk, d, sure, set_sure) for d in desk.drafts or ()]
    again = None if desk.busy else call(state, desk.look)
    items.append(k.button(k.say("keep.look"), again, "plain", I.REFRESH))
    return frame(state, k, k.say("keep.list"), k.say("keep.sub"), scroll(*items), back=True)


def row(state: State, k: Kit, desk: KeepingDesk, d: Draft, sure: str, set_sure) -> ft.Control:
    zh, _, en = d.title.partition(SPLIT)
    title = (zh if k.lang == "zh" else en or zh).strip() or d.record[-6:]
    facts = k.say("keep.row", time=clock(state, k, d.at), device=d.device or "–", n=d.version)
    done = k.say("keep.row.done", done=d.done, total=d.total or "–", photos=d.photos)
    chips = [k.chip(I.TABLET_ANDROID, k.say("keep.here"), "done")] if d.record in desk.here else []
    off = bool(desk.busy)
    take = k.button(k.say("keep.take"), None if off else call(state, desk.take, d.record), "soft", I.DOWNLOAD, expand=2)
    if sure == d.record:
        drop = k.button(k.say("keep.drop.sure"), None if off else call(state, desk.drop, d.record, d.version), "plain", I.DELETE_OUTLINE, expand=2)  # fmt: skip
    else:
        drop = k.button(k.say("keep.drop"), call(state, set_sure, d.record), "plain", expand=2)
    width = (state.width - 92 if state.wide else state.width) - 64
    head = ft.Row([k.t(title, 18, True, expand=True), *chips], spacing=8)
    return k.card(head, k.t(done, 16), k.t(facts, 14, color="ink-2"), k.beside([take, drop], width, 170), spacing=8)


def clash_block(state: State, k: Kit, desk: KeepingDesk, clash: Clash) -> ft.Control:
    """Both versions, and a person's choice."""
    d = clash.there
    there = k.say("keep.clash.there", n=d.version, device=d.device or "–", time=clock(state, k, d.at), done=d.done,
                  total=d.total or "–", photos=d.photos)  # fmt: skip
    if clash.doing == "drop":
        shut = k.button(k.say("close"), call(state, desk.dismiss), "plain")
        return k.judge("warn", I.WARNING_AMBER, k.say("keep.clash.drop"), there, shut)
    here = k.say("keep.clash.here", done=clash.answered, photos=clash.photos)
    off = bool(desk.busy)
    acts: list[ft.Control] = [
        k.button(
            k.say("keep.take.over"), None if off else call(state, desk.take, clash.record, True), "soft", I.DOWNLOAD
        )
    ]
    if clash.doing == "keep":
        acts.append(k.button(k.say("keep.over"), None if off else call(state, desk.keep, True), "plain", I.CLOUD_UPLOAD_OUTLINED))  # fmt: skip
    acts.append(k.button(k.say("keep.not"), call(state, desk.dismiss), "plain"))
    wide = ft.Column(acts, spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    return k.judge(
        "warn", I.WARNING_AMBER, k.say("keep.clash"), f"{there}\n{here}", ft.Row([ft.Container(wide, expand=True)])
    )


def trouble_of(k: Kit, desk: KeepingDesk) -> list[ft.Control]:
    t: Trouble | None = desk.trouble
    if t is None:
        return []
    calm = t.problem.number in CALM
    icon = I.CLOUD_OFF_OUTLINED if calm else I.WARNING_AMBER
    return [
        k.judge("unsure" if calm else "warn", icon, t.text(k.lang), k.of((t.problem.remedy_zh, t.problem.remedy_en)))
    ]


def clock(state: State, k: Kit, at: str) -> str:
    when = moment(at)
    return words.clock(k.lang, when, state.now()) if when else "–"


__all__ = ["KeepButton", "KeptLink", "KeptPage"]
