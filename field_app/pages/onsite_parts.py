"""The parts of the on-site record that stand before the results: what is checked, officers, notices, body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import flet as ft
from pydantic import BaseModel

from field_app.desks.heading import DUTIES, Colleague
from field_app.desks.onsite import REASONS, OnsiteDesk
from field_app.desks.phrases import READY, last_of
from field_app.form import box, field, items
from field_app.form.said import said
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, guard, part
from field_app.state import State
from field_app.words import clock, say
from schemas.fields import fields_of
from schemas.records.inspection import Inspection
from schemas.reference import codes, to_confirm
from schemas.rules import onsite
from schemas.values import Inspected, Notice, Officer

FEW = 9  # people offered at once
MORE = ("id_no", "phone", "address", "postcode", "employer")
JOBS = ("legal", "site", "env", "guard")


def label(k: Kit, cls: type[BaseModel], name: str) -> str:
    spec = fields_of(cls)[name].spec
    return k.of((spec.zh, spec.en))


def fields(state: State, k: Kit, desk: OnsiteDesk, names: Iterable[str]) -> list[ft.Control]:
    """Fields of the inspection as a form draws them."""
    values = desk.inspection

    def change(name: str, read: Callable[[Any], Any]) -> Callable[..., Any]:
        def put(e: Any = None) -> None:
            value = read(e)
            if name == "org_id":
                desk.put_party(value)
            elif name == "measure":
                desk.put_measure(value)
            else:
                desk.check.put(**{name: value})

        return guard(state, put)

    return [field(k, i, values.get(i.name), change, state.options) for i in items(Inspection, values, names)]


# --- what is checked ----------------------------------------------------------------------------------------------------


def head(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    out: list[ft.Control] = []
    if desk.inspection.get("amends_id"):
        out.append(_amends(state, k, desk))
    out += fields(state, k, desk, ("org_id", "legal_person", "place"))
    out.append(_position(state, k, desk, room))
    out.append(k.t(label(k, Inspection, "inspected"), 18, True))
    rows = list(desk.inspection.get("inspected") or ())
    out += [PersonCard(desk, n, dict(row), key=f"person-{n}") for n, row in enumerate(rows)]
    if all(r.get("name") for r in rows):
        out.append(k.button(k.say("onsite.person.add"), call(state, desk.add_inspected), "plain", I.PERSON_ADD_ALT))
    out.append(k.t(k.say("onsite.person.privacy"), 14, color="ink-2"))
    return out


def _amends(state: State, k: Kit, desk: OnsiteDesk) -> ft.Control:
    code = str(desk.original.inspection.get("code", "")) if desk.original is not None else ""
    now = str(desk.inspection.get("amend_reason") or "")
    chips = {say("zh", f"onsite.amend.{r}"): k.say(f"onsite.amend.{r}") for r in REASONS}
    put = lambda text: desk.check.put(amend_reason=text or None)  # noqa: E731
    return k.card(
        k.t(k.say("onsite.signed.amends", code=code), 18, True),
        k.choices(chips, now, lambda c: call(state, put, c), 2),
        box(
            k,
            label(k, Inspection, "amend_reason"),
            now,
            guard(state, lambda e: put(e.control.value)),
            max_length=200,
            counter="",
        ),
        spacing=10,
    )


def _position(state: State, k: Kit, desk: OnsiteDesk, room: float) -> ft.Control:
    position = desk.inspection.get("position")
    text = (
        said(k, fields_of(Inspection)["position"], position, lambda *_: "", state.now())
        if position
        else k.say("form.required")
    )

    def site() -> None:
        if not desk.place_of_site():
            state.tell("warn", (say("zh", "onsite.position.none"), say("en", "onsite.position.none")),
                       (say("zh", "onsite.position.none.why"), say("en", "onsite.position.none.why")))  # fmt: skip

    acts: list[ft.Control] = [
        k.button(
            k.say("onsite.position.now"), call(state, desk.place_now), "soft", I.MY_LOCATION, size=16, expand=1, pad=8
        ),
        k.button(k.say("onsite.position.site"), call(state, site), "plain", I.MAP_OUTLINED, size=16, expand=1, pad=8),
    ]
    return column(
        k.t(label(k, Inspection, "position"), 16, True),
        k.t(text, 16, color="ink" if position else "warn"),
        k.beside(acts, room, 150),
        spacing=6,
    )


@part
def PersonCard(state: State, k: Kit, desk: OnsiteDesk, n: int, row: dict[str, Any]):
    more, show = ft.use_state(any(row.get(name) for name in MORE if name != "employer"))

    def change(name: str, read: Callable[[Any], Any]) -> Callable[..., Any]:
        return guard(state, lambda e=None: desk.put_inspected(n, **{name: read(e) or None}))

    known = {i.name: i for i in items(Inspected, row)}
    draw = lambda name: field(k, known[name], row.get(name), change, state.options)  # noqa: E731
    refused = say("zh", "onsite.person.refused")
    jobs = {say("zh", f"onsite.duty.{j}"): k.say(f"onsite.duty.{j}") for j in JOBS}
    job = lambda text: call(state, lambda: desk.put_inspected(n, duty=None if text == row.get("duty") else text))  # noqa: E731
    off = k.icon_button(I.DELETE_OUTLINE, k.say("onsite.person.drop"), call(state, desk.drop_inspected, n))
    rows: list[ft.Control] = [
        ft.Row([k.t(k.say("onsite.person.n", n=n + 1), 16, True, expand=True), off]),
        draw("name"),
        draw("sex"),
        draw("duty"),
        k.choices(jobs, row.get("duty"), job, 2),
    ]
    if not row.get("name"):
        rows.insert(
            2,
            k.button(
                k.say("onsite.person.refused"),
                call(state, lambda: desk.put_inspected(n, name=refused)),
                "plain",
                size=16,
            ),
        )
    if more:
        rows += [draw(name) for name in MORE]
    rows.append(k.button(k.say("onsite.person.less" if more else "onsite.person.more"), call(state, show, not more), "bare",
                         I.EXPAND_LESS if more else I.EXPAND_MORE, size=16))  # fmt: skip
    return k.card(*rows, spacing=10)


# --- officers -----------------------------------------------------------------------------------------------------------


def officers(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    return [
        Officers(desk, [dict(o) for o in desk.inspection.get("officers") or ()], desk.colleagues, room, key="officers")
    ]


@part
def Officers(
    state: State, k: Kit, desk: OnsiteDesk, rows: list[dict[str, Any]], people: tuple[Colleague, ...], room: float
):
    whole, show = ft.use_state(False)
    key = "onsite.officers.why" if desk.inspection.get("kind") == "enforcement" else "onsite.officers.why.other"
    out: list[ft.Control] = [k.t(k.say(key), 15, color="ink-2")]
    if not people:
        out.append(k.judge("unsure", I.HELP_OUTLINE, k.say("onsite.officers.none"), k.say("onsite.officers.none.why")))
    chosen = [o["person_id"] for o in rows]
    first = [c for n, c in enumerate(people) if n < FEW or c.id in chosen]
    shown = {c.id: c.name for c in (people if whole else first)}
    by_id = {c.id: c for c in people}
    out.append(k.choices(shown, chosen, lambda id: call(state, desk.toggle_officer, by_id[id]), 3 if room > 480 else 2))
    if not whole and len(first) < len(people):
        out.append(k.button(k.say("onsite.officers.more"), call(state, show, True), "plain", I.EXPAND_MORE, size=16))
    known = {i.name: i for i in items(Officer, {})}
    for o in rows:
        person = o["person_id"]
        duties = {d: k.of(codes("person_duty")[d]) for d in DUTIES}
        certificate = box(
            k, label(k, Officer, "certificate_no"), str(o.get("certificate_no") or ""),
            guard(state, lambda e, p=person: desk.put_officer(p, certificate_no=e.control.value or None)),
            max_length=known["certificate_no"].max_length, counter="",
        )  # fmt: skip
        pick = lambda d, p=person: call(state, lambda: desk.put_officer(p, duty=d))  # noqa: E731
        out.append(
            k.card(k.t(o.get("name", ""), 18, True), certificate, k.choices(duties, o.get("duty"), pick, 3), spacing=10)
        )
    return column(*out, spacing=12)


# --- notices ------------------------------------------------------------------------------------------------------------


def notices(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    asked = onsite.REQUIRED if desk.inspection.get("kind") == "enforcement" else frozenset()
    out: list[ft.Control] = [k.t(k.say("onsite.notices.why"), 15, color="ink-2")]
    wrong = [x for x in desk.lacks_of("notices") if desk.notice(x.code.partition(":")[2]) is not None]
    out += [k.judge("warn", I.SCHEDULE, k.of((x.zh, x.en))) for x in wrong]
    return out + [_notice(state, k, desk, n, n.code in asked) for n in onsite.NOTICES]


def _notice(state: State, k: Kit, desk: OnsiteDesk, n: onsite.Notice, must: bool) -> ft.Control:
    read, name = desk.notice(n.code), k.of(codes("notice_kind")[n.code])
    basis = "onsite.notices.basis.mark" if to_confirm(n.mark) else "onsite.notices.basis"
    need = k.say("onsite.notices.need" if must else "onsite.notices.may")
    top = ft.Row(
        [k.t(name, 18, True, expand=True), k.t(need, 14, color="warn" if must and read is None else "ink-2")], spacing=8
    )
    rows: list[ft.Control] = [
        top,
        k.t(k.of(n.text), 20, h=1.4),
        k.t(k.say(basis, source=k.of(n.source)), 14, color="ink-2"),
    ]
    if read is None:
        rows.append(k.button(k.say("onsite.notices.done"), call(state, desk.read_out, n.code), "soft", I.CHECK, h=64, size=18,
                             name=k.say("onsite.notices.do", name=name)))  # fmt: skip
        return k.card(*rows, spacing=10)
    at = clock(k.lang, datetime.fromisoformat(read["read_at"]), state.now())
    undo = k.icon_button(I.UNDO, k.say("onsite.notices.undo", name=name), call(state, desk.read_out, n.code))
    rows.append(
        ft.Row(
            [
                k.icon(I.CHECK_CIRCLE, 24, "done"),
                k.t(k.say("onsite.notices.at", time=at), 17, True, "done", expand=True),
                undo,
            ],
            spacing=8,
        )
    )
    replies = {r.zh: k.of(r) for r in n.replies}
    if len(replies) > 1:
        rows.append(k.choices(replies, read.get("reply"), lambda r: call(state, desk.reply, n.code, r), 2))
    rows.append(box(k, label(k, Notice, "reply"), str(read.get("reply") or ""), guard(state, lambda e: desk.reply(n.code, e.control.value)),
                    max_length=200, counter=""))  # fmt: skip
    return k.card(*rows, spacing=10)


# --- words --------------------------------------------------------------------------------------------------------------


def body(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    if not desk.body_open:
        names = [k.of(codes("notice_kind")[c]) for c in onsite.REQUIRED if desk.notice(c) is None]
        what = ("、" if k.lang == "zh" else ", ").join(sorted(names))
        to = call(state, lambda: state.replace("onsite", id=desk.check.id, part="notices"))
        return [
            k.judge("warn", I.CAMPAIGN_OUTLINED, k.say("onsite.body.shut"), k.say("onsite.body.shut.why", what=what)),
            k.button(k.say("onsite.body.notices"), to, "plain", I.ARROW_FORWARD),
        ]
    again = bool(desk.check.ui("summary"))
    put = k.button(
        k.say("onsite.body.summary.again" if again else "onsite.body.summary"),
        call(state, desk.put_summary),
        "soft",
        I.SUMMARIZE_OUTLINED,
    )
    written = str(desk.inspection.get("body") or "")
    known = items(Inspection, desk.inspection, ("body",))[0]
    name = label(k, Inspection, "body") + (f" · {k.say('form.required')}" if known.asked and not written else "")
    text = box(k, name, written, guard(state, lambda e: desk.check.put(body=e.control.value or None)), multiline=True, min_lines=5,
               max_lines=16, max_length=known.max_length, counter="")  # fmt: skip
    return [
        text,
        *([put] if desk.summary() else []),
        PhraseBox(desk, "body", str(desk.inspection.get("body") or ""), key="phrases-body"),
    ]


@part
def PhraseBox(state: State, k: Kit, desk: OnsiteDesk, part: str, text: str):
    """Ready phrases and own ones: a tap adds, another takes out. `text`: what is written now, so that this is drawn anew with it."""
    editing, edit = ft.use_state(False)
    _, redraw = ft.use_state(0)
    lines = text.split("\n")
    pick = lambda zh: call(state, desk.say_phrase, part, zh)  # noqa: E731
    columns = 1 if state.width < 600 and k.lang == "en" else 2 if state.width >= 600 else 1
    out: list[ft.Control] = [k.t(k.say("onsite.phrases"), 15, True, "ink-2")]
    out.append(k.choices({p.zh: k.of(p) for p in READY[part]}, lines, pick, columns))
    own = desk.phrases.own(part)
    if own:
        out.append(k.t(k.say("onsite.phrases.own"), 15, True, "ink-2"))

        def drop(phrase: str) -> Callable[..., Any]:
            def act() -> None:
                desk.phrases.drop(part, phrase)
                redraw(lambda n: n + 1)

            return call(state, act)

        names = {p: (k.say("onsite.phrases.drop", text=p) if editing else p) for p in own}
        out.append(k.choices(names, [] if editing else lines, drop if editing else pick, columns))
        word = k.say("onsite.phrases.edited" if editing else "onsite.phrases.edit")
        out.append(
            k.button(word, call(state, edit, not editing), "bare", I.CHECK if editing else I.EDIT_OUTLINED, size=16)
        )
    last = last_of(text)
    if last and last not in own and not any(last == p.zh for p in READY[part]):

        def keep() -> None:
            if desk.phrases.keep(part, last):
                state.tell("done", (say("zh", "onsite.phrases.kept"), say("en", "onsite.phrases.kept")))
                redraw(lambda n: n + 1)

        out.append(k.button(k.say("onsite.phrases.keep"), call(state, keep), "plain", I.BOOKMARK_ADD_OUTLINED, size=16))
    return column(*out, spacing=8)
