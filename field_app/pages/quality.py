"""Duplicates and blanks: how many there are, how many are asked for, and one tap for each."""

from __future__ import annotations

from collections.abc import Iterable

import flet as ft

from field_app.checking import Quality
from field_app.kit import I, Kit, column
from field_app.pages.containers import abreast, named
from field_app.pages.shell import call, guard, part
from field_app.state import State
from field_app.visit import Visit
from field_app.visit.samples import BLANKS
from schemas.rules.reconcile.samples import DuplicateShare


@part
def Duplicates(state: State, k: Kit, visit: Visit):
    """How many duplicates and blanks there are and how many are asked for, by the server's checks S02 and S03 over what
    this tablet knows. Counted anew when a sample or a link comes or goes."""
    found, show = ft.use_state(Quality())

    async def look() -> None:
        show(await state.sampling.quality(visit))

    counted = [
        (id, v.get("batch"), v.get("medium"), v.get("kind"), tuple(v.get("groups", ())))
        for id, v in visit.samples.items()
    ]
    ft.use_effect(guard(state, look), [visit.id, counted, len(visit.of("qc_link"))])
    here = [s for s in found.shares if s.batch in {visit.batch, *(v.get("batch") for v in visit.samples.values())}]
    media = {v["medium"] for v in visit.samples.values()}
    lines = [share_line(k, s) for s in _tightest(here) if s.medium in media]
    for medium in media & set(found.unruled):
        text = k.say("qc.unknown", medium=named(k, "medium", medium))
        lines.append(
            ft.Row([k.icon(I.HELP_OUTLINE, 24, "unsure"), k.t(text, 16, color="unsure", expand=True)], spacing=10)
        )
    lacking = [n for n in found.needs if n.n < n.asked and n.rule.medium in media]
    for kind in dict.fromkeys(n.rule.kind for n in lacking):
        n = next(n for n in lacking if n.rule.kind == kind)
        lines.append(lack_line(state, k, kind, n.asked - n.n, n.rule.source))
    if not lines:
        return ft.Container()
    return k.card(
        k.t(k.say("qc.title"), 18, True), k.t(k.say("qc.known"), 14, color="ink-2"), *lines, spacing=10
    )  # fmt: skip


def _tightest(shares: Iterable[DuplicateShare]) -> list[DuplicateShare]:
    """Of the groups of a batch the one that lacks most, or has the least room."""
    out: dict[tuple[str, str], DuplicateShare] = {}
    tight = lambda s: (-s.short, s.room if s.room is not None else 10**9)  # noqa: E731
    for s in shares:
        key = (s.medium, s.batch)
        if key not in out or tight(s) < tight(out[key]):
            out[key] = s
    return list(out.values())


def share_line(k: Kit, s: DuplicateShare) -> ft.Control:
    q = format(s.rule.share_pct.normalize(), "f")
    text = k.say(
        "qc.share" if s.rule.share_pct else "qc.share.least", n=s.n, m=s.m, p=f"{s.pct:g}", q=q, least=s.rule.least
    )
    if s.short:
        icon, what, color = I.WARNING_AMBER, k.say("qc.short", n=s.short), "warn"
    elif s.room is None:
        icon, what, color = I.CHECK_CIRCLE_OUTLINE, k.say("qc.enough"), "done"
    else:
        icon, color = I.CHECK_CIRCLE_OUTLINE, "done"
        what = k.say("qc.room", n=s.room) if s.room else k.say("qc.room.now")
    of = k.say("qc.of", medium=named(k, "medium", s.medium), group=named(k, "analyte_group", s.group), batch=s.batch)
    return ft.Row(
        [k.icon(icon, 24, color), column(k.t(text, 17, True), k.t(what, 16, color=color), k.t(f"{of} · {s.rule.source}", 14, color="ink-2"), expand=True)],
        spacing=10,
    )  # fmt: skip


def lack_line(state: State, k: Kit, kind: str, n: int, source: str) -> ft.Control:
    name = named(k, "qc_kind", kind)
    text = column(k.t(name, 17, True), k.t(f"{k.say('qc.lacks', n=n)} · {source}", 14, color="warn"), expand=True)
    add = call(state, state.sampling.blank, kind)
    button = k.button("", add, "soft", I.ADD, w=64, pad=4, name=k.say("sample.take", what=name))
    return ft.Row([k.icon(I.WARNING_AMBER, 24, "warn"), text, button], spacing=10)


def blanks(state: State, k: Kit, visit: Visit) -> ft.Control:
    kinds = {kind: named(k, "qc_kind", kind) for kind in BLANKS}
    pick = lambda kind: call(state, state.sampling.blank, kind)  # noqa: E731
    return k.card(k.t(k.say("qc.blanks"), 16, True), k.choices(kinds, None, pick, abreast(state, k)), spacing=10)
