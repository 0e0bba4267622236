"""A signed on-site record as it stands: who signed, whether it is still what was signed, what an amendment changed, and the way to
another amendment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flet as ft

from field_app.desks.onsite import REASONS, Filed, OnsiteDesk
from field_app.form import box
from field_app.form.said import said
from field_app.kit import I, Kit, column
from field_app.pages.onsite_end import differences, hash_line, signed_card
from field_app.pages.onsite_parts import label
from field_app.pages.shell import call, frame, guard, next_bar, part, scroll, two_panes
from field_app.state import State
from field_app.words import say
from schemas.fields import fields_of
from schemas.records.inspection import Inspection
from schemas.reference import Label, codes
from schemas.rules import onsite

FACTS = ("started_at", "ended_at", "place", "legal_person", "opinion", "measure", "deadline")


def whole(state: State, k: Kit, desk: OnsiteDesk) -> ft.Control:
    filed: Filed = desk.filed
    values = filed.seen.values
    title = k.say("onsite.title.amend" if values.get("amends_id") else "onsite.title")
    first = _state(state, k, filed)
    if desk.may_amend():
        first.append(Amend(desk, key=f"amend-{filed.seen.id}"))
    first += [_facts(state, k, desk, filed), _found(k, filed)]
    rest = [*_signatures(state, k, values), *_amendment(state, k, desk, filed), *_words(k, values)]
    body = two_panes(k, scroll(*first), scroll(*rest)) if state.wide else scroll(*first, *rest)
    see = call(state, lambda: state.go("record", type="inspection", id=filed.seen.id))
    foot = next_bar(k, k.button(k.say("onsite.record"), see, "plain", I.LIST_ALT, h=64, size=18, expand=True))
    return frame(state, k, title, str(values.get("code", "")), body, foot=foot, back=True, tabs=state.wide)


def _state(state: State, k: Kit, filed: Filed) -> list[ft.Control]:
    values = filed.seen.values
    if not onsite.signed(values):
        return [k.judge("warn", I.WARNING_AMBER, k.say("onsite.unsigned.record"))]
    if filed.agrees is False:
        out = [k.judge("alert", I.ERROR_OUTLINE, k.say("onsite.signed.differs"), k.say("onsite.signed.differs.why"))]
    elif filed.agrees is None:
        out = [k.judge("unsure", I.HELP_OUTLINE, k.say("onsite.signed"), k.say("onsite.signed.no_hash"))]
    else:
        out = [k.judge("done", I.LOCK_OUTLINE, k.say("onsite.signed"), k.say("onsite.signed.why"))]
    out.append(k.t(k.say(f"sync.{filed.seen.state}"), 15, color="ink-2"))
    for later in filed.later:
        to = call(state, lambda id=later.id: state.go("onsite", id=id))
        word = k.say("onsite.signed.by", code=later.values.get("code", ""))
        out.append(k.button(word, to, "plain", I.ARROW_FORWARD, size=16))
    return out


def _facts(state: State, k: Kit, desk: OnsiteDesk, filed: Filed) -> ft.Control:
    values, known = filed.seen.values, fields_of(Inspection)
    rows: list[ft.Control] = []

    def line(name: str, text: str) -> None:
        rows.append(column(k.t(name, 14, color="ink-2"), k.t(text, 17)))

    if filed.list is not None:
        rows.append(k.t(k.of(filed.list.title), 18, True))
    line(label(k, Inspection, "kind"), k.of(codes("inspection_kind").get(str(values.get("kind", "")))))
    line(label(k, Inspection, "org_id"), filed.party or "–")
    verdict = str(values.get("verdict") or "")
    if verdict:
        words = (
            filed.list.words(verdict)
            if filed.list is not None
            else codes("verdict").get(verdict, Label(verdict, verdict))
        )
        line(label(k, Inspection, "verdict"), k.of(words))
    for name in FACTS:
        if values.get(name):
            line(label(k, Inspection, name), said(k, known[name], values[name], state.records.called, state.now()))
    names = "、".join(str(o.get("name", "")) for o in values.get("officers") or ())
    line(label(k, Inspection, "officers"), names or "–")
    if sha := values.get("content_sha256"):
        rows.append(hash_line(k, str(sha)))
    return k.card(*rows, spacing=10)


def _found(k: Kit, filed: Filed) -> ft.Control:
    """What was found, as it was signed; what became of each since stands on the board."""
    findings = sorted(filed.sheet.findings, key=lambda f: str(f.get("code", "")))
    rows: list[ft.Control] = [k.t(k.say("onsite.part.found"), 17, True)]
    if not findings:
        rows.append(k.t(k.say("onsite.found.none"), 16, color="ink-2"))
    for f in findings:
        severity = k.of(codes("severity").get(str(f.get("severity", ""))))
        facts = " · ".join(x for x in (severity, str(f.get("deadline") or "")) if x)
        number = str(f.get("code", "")).rpartition("-")[2]
        rows.append(column(k.t(f"{number} {f.get('description', '')}", 16), k.t(facts, 14, color="ink-2"), spacing=2))
    shots = [p for p in filed.sheet.photos if p.get("step") != "sketch"]
    rows.append(k.t(k.say("onsite.filed.photos", n=len(shots)), 15, color="ink-2"))
    if len(shots) < len(filed.sheet.photos):
        rows.append(k.t(k.say("onsite.filed.sketch"), 15, color="ink-2"))
    return k.card(*rows, spacing=10)


def _signatures(state: State, k: Kit, values: dict[str, Any]) -> list[ft.Control]:
    return [signed_card(state, k, s) for s in values.get("signatures") or ()]


def _amendment(state: State, k: Kit, desk: OnsiteDesk, filed: Filed) -> list[ft.Control]:
    if not filed.seen.values.get("amends_id"):
        return []
    old = filed.original
    code = str(old.inspection.get("code", "")) if old is not None else ""
    reason = str(filed.seen.values.get("amend_reason") or "")
    out: list[ft.Control] = [k.judge("active", I.HISTORY, k.say("onsite.signed.amends", code=code), reason)]
    if old is not None:
        out.append(differences(state, k, desk, filed.differences))
    if filed.still_open:
        names = ("、" if k.lang == "zh" else ", ").join(str(f.get("code", "")) for f in filed.still_open)
        out.append(k.judge("warn", I.REPORT_PROBLEM_OUTLINED, k.say("onsite.differs.open", codes=names)))
    return out


def _words(k: Kit, values: dict[str, Any]) -> list[ft.Control]:
    out: list[ft.Control] = []
    if values.get("body"):
        out.append(k.card(k.t(label(k, Inspection, "body"), 17, True), k.t(str(values["body"]), 17, h=1.5)))
    rows: list[ft.Control] = []
    for n in values.get("notices") or ():
        name = k.of(codes("notice_kind").get(str(n.get("kind", ""))))
        at = datetime.fromisoformat(n["read_at"]).strftime("%H:%M") if n.get("read_at") else ""
        rows.append(k.t(" · ".join(x for x in (name, at, str(n.get("reply") or "")) if x), 16))
    if rows:
        out.append(k.card(k.t(label(k, Inspection, "notices"), 17, True), *rows))
    return out


@part
def Amend(state: State, k: Kit, desk: OnsiteDesk):
    """First the reason: without one nothing begins."""
    asking, ask = ft.use_state(False)
    reason, put = ft.use_state("")
    if not asking:
        return k.button(k.say("onsite.amend"), call(state, ask, True), "plain", I.EDIT_NOTE)
    chips = {say("zh", f"onsite.amend.{r}"): k.say(f"onsite.amend.{r}") for r in REASONS}
    go = call(state, desk.amend, reason.strip()) if reason.strip() else None
    return k.card(
        k.t(k.say("onsite.amend.title"), 18, True),
        k.t(k.say("onsite.amend.why"), 15, color="ink-2"),
        k.choices(chips, reason, lambda r: call(state, put, r), 2),
        box(
            k,
            label(k, Inspection, "amend_reason"),
            reason,
            guard(state, lambda e: put(e.control.value)),
            max_length=200,
            counter="",
        ),
        k.button(k.say("onsite.amend.go"), go, "soft", I.EDIT_NOTE, h=64, size=18),
        k.button(k.say("onsite.amend.stop"), call(state, ask, False), "bare", size=16),
        spacing=10,
    )


__all__ = ["Amend", "whole"]
