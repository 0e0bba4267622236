"""The parts of the on-site record that stand after the results: findings and photos, sketch, verdict, signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flet as ft

from field_app.desks.heading import DAYS, part_of
from field_app.desks.onsite import OnsiteDesk
from field_app.form.said import said
from field_app.kit import I, Kit, column, strut
from field_app.pages.onsite_parts import PhraseBox, fields, label
from field_app.pages.photos import TALL, empty, grid
from field_app.pages.shell import call, tappable
from field_app.pages.signature import Picture
from field_app.state import State
from field_app.words import clock, say
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.reference import codes
from schemas.rules import onsite
from schemas.rules.onsite import Difference, Signer

SHOTS = ("overview", "portrait", "document")  # photos of the whole record, codes of photo_step
WHYS = ("broken", "forbidden", "gone")  # why there is no evidence of a "no"
LEADS = 8  # differences that are listed; the rest is counted


# --- findings and photos -------------------------------------------------------------------------------------------------


def found(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    check = desk.check
    out: list[ft.Control] = [_lack_row(state, k, desk, x) for x in desk.lacks_of("found")]
    parts = sorted(check.findings.items(), key=lambda p: str(p[1].values.get("code", "")))
    was = check.ui("was", {})
    if was:
        names = ("、" if k.lang == "zh" else ", ").join(sorted(set(was.values())))
        out.append(k.judge("active", I.HISTORY, k.say("onsite.found.was", codes=names), k.say("onsite.found.open")))
    if desk.inspection.get("amends_id"):  # it was not come to from its items
        to = call(state, lambda: state.go("items", id=check.id))
        out.append(k.button(k.say("item.all"), to, "plain", I.FILTER_LIST))
    if not parts and not was:
        out.append(k.t(k.say("onsite.found.none"), 16, color="ink-2"))
    for key, part in parts:
        values = part.values
        severity = k.of(codes("severity").get(str(values.get("severity", ""))))
        number, text = str(values.get("code", "")).rpartition("-")[2], str(values.get("description", ""))
        facts = " · ".join(x for x in (severity, str(values.get("deadline") or "")) if x)
        row = ft.Row([strut(56), k.icon(I.REPORT_PROBLEM_OUTLINED, 24, "alert"),
                      column(k.t(f"{number} {text}", 16, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS), k.t(facts, 14, color="ink-2"), expand=True),
                      k.icon(I.CHEVRON_RIGHT)], spacing=10)  # fmt: skip
        to = call(state, lambda key=key: state.go("fail", id=check.id, code=key, of="onsite"))
        out.append(tappable(k, row, f"{number} {text} {facts}", to, padding=4))
    photos = check.photos_of(check.id)
    mine = {id: v for id, v in photos.items() if v.get("step") in SHOTS}
    out.append(k.t(k.say("onsite.photos", n=len(mine)), 16, True))
    if check.fault is not None:
        out.append(k.judge("alert", I.ERROR_OUTLINE, k.of(check.fault[0]), k.of(check.fault[1])))
    names = codes("photo_step")
    acts: list[ft.Control] = [
        k.button(
            k.of(names[s]),
            call(state, check.aim_whole, s, names[s]),
            "plain",
            I.PHOTO_CAMERA_OUTLINED,
            size=16,
            expand=1,
            pad=6,
        )
        for s in SHOTS
    ]
    out.append(k.beside(acts, room, 140))
    if mine:
        out.append(grid([_picture(state, k, desk, id, v) for id, v in mine.items()], room))
    return out


def _lack_row(state: State, k: Kit, desk: OnsiteDesk, lack: Any) -> ft.Control:
    """One thing that is missing, and the way to where it is mended."""
    check = desk.check
    kind, _, key = lack.code.partition(":")
    if kind == "finding":
        key = next((c for c, p in check.findings.items() if p.id == key), key)
    text = k.of((lack.zh, lack.en))
    row = ft.Row(
        [strut(56), k.icon(I.ERROR_OUTLINE, 24, "warn"), k.t(text, 16, expand=True), k.icon(I.CHEVRON_RIGHT)],
        spacing=10,
    )
    to = tappable(k, row, text, call(state, lambda: state.go("fail", id=check.id, code=key, of="onsite")), padding=4)
    if kind != "item" or not desk.may_excuse(key):
        return to
    whys = {say("zh", f"onsite.why.{w}"): k.say(f"onsite.why.{w}") for w in WHYS}
    pick = lambda why: call(state, lambda: check.put_answer(key, note=why))  # noqa: E731
    return k.card(
        to, k.t(k.say("onsite.why"), 14, color="ink-2"), k.choices(whys, None, pick, 3 if state.wide else 1), padding=8
    )


def _picture(state: State, k: Kit, desk: OnsiteDesk, id: str, values: dict[str, Any]) -> Any:
    check = desk.check
    name = k.of(codes("photo_step").get(str(values.get("step", ""))))

    def make(wide: float) -> ft.Control:
        data = check.thumb(values["sha256"])
        if data is None:
            return empty(k, wide, I.IMAGE_OUTLINED, name, "", [7, 5])
        picture = ft.Image(src=data, fit=ft.BoxFit.COVER, height=TALL, width=wide, gapless_playback=True)
        off = k.icon_button(I.DELETE_OUTLINE, f"{k.say('onsite.photo.drop')} {name}", call(state, check.drop_photo, id))
        shown = column(picture, ft.Container(k.t(name, 15, True), padding=8))
        return ft.Container(ft.Stack([shown, ft.Container(off, right=0, top=0, bgcolor=k["surface"], border_radius=28)]), width=wide,
                            border=k.edge(), border_radius=14, bgcolor=k["surface"], clip_behavior=ft.ClipBehavior.ANTI_ALIAS)  # fmt: skip

    return make


# --- sketch --------------------------------------------------------------------------------------------------------------


def sketch(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    check, found = desk.check, desk.sketch()
    go = call(state, lambda: state.go("sketch", id=check.id))
    out: list[ft.Control] = [k.t(k.say("onsite.sketch.why"), 15, color="ink-2")]
    if found is None:
        out.append(k.t(k.say("onsite.sketch.none"), 17, True))
        out.append(k.button(k.say("onsite.sketch.draw"), go, "soft", I.BRUSH_OUTLINED, h=64, size=18))
        return out
    id, values = found
    data = check.thumb(values["sha256"])
    picture: ft.Control = (
        ft.Image(src=data, fit=ft.BoxFit.CONTAIN, gapless_playback=True) if data else ft.Container(height=TALL)
    )
    out.append(
        ft.Container(
            picture,
            bgcolor="#FFFFFF",
            border=k.edge(),
            border_radius=12,
            height=min(room * 0.7, 360),
            alignment=ft.Alignment.CENTER,
        )
    )
    acts: list[ft.Control] = [
        k.button(k.say("onsite.sketch.again"), go, "soft", I.BRUSH_OUTLINED, size=16, expand=1, pad=8),
        k.button(
            k.say("onsite.photo.drop"),
            call(state, check.drop_photo, id),
            "plain",
            I.DELETE_OUTLINE,
            size=16,
            expand=1,
            pad=8,
        ),
    ]
    return [*out, k.beside(acts, room, 150)]


# --- verdict -------------------------------------------------------------------------------------------------------------


def verdict(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    check, values = desk.check, desk.inspection
    said_ = check.verdict()
    out: list[ft.Control] = []
    if said_ is None:
        out += fields(state, k, desk, ("verdict",))
    elif said_.code is None:
        out.append(k.judge("warn", I.HELP_OUTLINE, k.say("onsite.verdict.open"), k.of(said_.why)))
        to = call(state, lambda: state.go("items", id=check.id))
        out.append(k.button(k.say("onsite.items"), to, "plain", I.FILTER_LIST))
    else:
        out.append(
            k.judge(
                "active", I.GAVEL_OUTLINED, k.say("onsite.verdict.rule", verdict=k.of(said_.label)), k.of(said_.why)
            )
        )
        out.append(k.t(k.say("onsite.verdict.choose"), 16, True))
        shown = {c: k.of(desk.verdict_words(c)) for c in desk.allowed()}
        out.append(
            k.choices(
                shown,
                values.get("verdict"),
                lambda c: call(state, lambda: check.put(verdict=c)),
                1 if room < 480 else 2,
            )
        )
    out += fields(state, k, desk, ("opinion",))
    out.append(PhraseBox(desk, "opinion", str(values.get("opinion") or ""), key="phrases-opinion"))
    out += fields(state, k, desk, ("measure",))
    if values.get("measure") == "rectify":
        chips = {str(d): k.say("onsite.days", n=d) for d in DAYS}
        out.append(k.choices(chips, None, lambda d: call(state, desk.put_days, int(d)), 3))
        out += [k.t(k.say("onsite.days.mark"), 14, color="ink-2"), *fields(state, k, desk, ("deadline",))]
    return out


# --- signatures ----------------------------------------------------------------------------------------------------------


def sign(state: State, k: Kit, desk: OnsiteDesk, room: float) -> list[ft.Control]:
    lacks, out = desk.lacks(), []
    if lacks:
        words = [k.of((x.zh, x.en)) for x in lacks[:6]]
        if len(lacks) > 6:
            words.append(k.say("onsite.lacks.more", n=len(lacks) - 6))
        out.append(k.judge("warn", I.LOCK_OUTLINE, k.say("onsite.lacks"), "\n".join(words)))
    elif not desk.signatures:
        out.append(k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("onsite.sign.ready"), k.say("onsite.sign.ready.why")))
    if desk.original is not None:
        out.append(differences(state, k, desk, onsite.difference(desk.original, desk.sheet())))
    if sha := desk.inspection.get("content_sha256"):
        out.append(hash_line(k, str(sha)))
    out += [_signer(state, k, desk, s) for s in desk.signers()]
    if desk.wants_witness():
        away = ("、" if k.lang == "zh" else ", ").join(
            str(s["name"]) for s in desk.signatures if s["way"] in ("refused", "absent")
        )
        ask = k.button(
            k.say("onsite.sign.witness"), call(state, desk.ask_witness), "soft", I.DRAW_OUTLINED, h=64, size=18
        )
        out.append(
            k.judge("warn", I.PERSON_SEARCH, k.say("onsite.sign.witness"), k.say("onsite.sign.witness.why", names=away))
        )
        out.append(ask)
    out += [k.judge("warn", I.ERROR_OUTLINE, k.of((x.zh, x.en))) for x in desk.unsigned() if x.code == "signature"]
    return out


def hash_line(k: Kit, sha: str) -> ft.Control:
    grouped = " ".join(sha[n : n + 8] for n in range(0, 64, 8))
    return column(
        k.t(k.say("onsite.sign.hash", hash=grouped), 14, color="ink-2"),
        k.t(k.say("onsite.sign.hash.why"), 14, color="ink-3"),
        spacing=2,
    )


def signed_card(state: State, k: Kit, s: dict[str, Any], *extra: ft.Control) -> ft.Control:
    role, way = (
        k.of(codes("signoff_kind").get(str(s.get("role", "")))),
        k.of(codes("sign_kind").get(str(s.get("way", "")))),
    )
    at = clock(k.lang, datetime.fromisoformat(s["signed_at"]), state.now()) if s.get("signed_at") else ""
    away = s.get("way") in ("refused", "absent")
    line = " · ".join(x for x in (way, str(s.get("refuse_reason") or ""), at) if x)
    top = ft.Row([k.icon(I.BLOCK if away else I.CHECK_CIRCLE, 24, "warn" if away else "done"),
                  column(k.t(f"{role} {s.get('name', '')}", 17, True), k.t(line, 15, color="ink-2"), expand=True), *extra], spacing=10)  # fmt: skip
    return k.card(top, *([Picture(s["strokes"])] if s.get("strokes") else []), spacing=8)


def _signer(state: State, k: Kit, desk: OnsiteDesk, signer: Signer) -> ft.Control:
    given = desk.signature(signer)
    if given is not None:
        off = k.icon_button(
            I.DELETE_OUTLINE, k.say("onsite.sign.drop", name=signer.name), call(state, desk.drop_signature, signer)
        )
        return signed_card(state, k, given, off)
    role = k.of(codes("signoff_kind").get(signer.role))
    go = call(state, desk.ask, signer) if not desk.lacks() else None
    text = ft.Row([k.icon(I.RADIO_BUTTON_UNCHECKED, 24, "ink-2"),
                   column(k.t(f"{role} {signer.name}", 17, True), k.t(k.say("onsite.sign.still"), 15, color="ink-2"), expand=True)], spacing=10)  # fmt: skip
    return k.card(
        text, k.button(k.say("onsite.sign.go", name=signer.name), go, "soft", I.DRAW_OUTLINED, h=60), spacing=10
    )


def sign_buttons(state: State, k: Kit, desk: OnsiteDesk, big: dict[str, Any]) -> list[ft.Control]:
    """The one button of this part: what is missing, the next signature, filing."""
    if desk.busy:
        return [k.button(k.say("onsite.sign.filing"), None, "next", **big)]
    lacks = desk.lacks()
    if lacks:
        to = part_of(lacks[0])
        go = call(state, lambda: state.replace("onsite", id=desk.check.id, part=to)) if to != "sign" else None
        return [k.button(k.say("onsite.lacks.go", what=k.say(f"onsite.part.{to}")), go, "next", I.ARROW_FORWARD, **big)]
    todo = next((s for s in desk.signers() if desk.signature(s) is None), None)
    if todo is not None:
        word = k.say("onsite.sign.go", name=todo.name) if desk.signatures else k.say("onsite.sign.start")
        return [k.button(word, call(state, desk.ask, todo), "next", I.DRAW_OUTLINED, **big)]
    if desk.wants_witness():
        return [k.button(k.say("onsite.sign.witness"), call(state, desk.ask_witness), "next", I.DRAW_OUTLINED, **big)]
    file = call(state, desk.file) if not desk.unsigned() else None
    return [k.button(k.say("onsite.sign.file"), file, "next", I.LOCK_OUTLINE, **big)]


# --- differences ---------------------------------------------------------------------------------------------------------


def differences(state: State, k: Kit, desk: OnsiteDesk, found: list[Difference] | tuple[Difference, ...]) -> ft.Control:
    """What an amendment says differently, before → after."""
    if not found:
        return k.t(k.say("onsite.differs.none"), 16, color="ink-2")
    rows: list[ft.Control] = [k.t(k.say("onsite.differs", n=len(found)), 17, True)]
    rows += [_difference(state, k, d) for d in found[:LEADS]]
    if len(found) > LEADS:
        rows.append(k.t(k.say("onsite.lacks.more", n=len(found) - LEADS), 15, color="ink-2"))
    return k.card(*rows, spacing=8)


def _difference(state: State, k: Kit, d: Difference) -> ft.Control:
    about = TYPES[d.record].about
    if d.record in ("finding", "photo"):
        return column(
            k.t(k.say("onsite.differs.new", what=k.of((about.zh, about.en))), 14, color="ink-2"), k.t(_short(k, d), 16)
        )
    known = fields_of(TYPES[d.record])
    field = known.get(d.field or "answer")
    name = label(k, TYPES[d.record], d.field or "answer") if field is not None else d.field
    if d.record == "checklist_answer":
        name = k.say("onsite.differs.item", key=d.key, field=name)
    if "\n" in f"{d.before or ''}{d.after or ''}":  # of a long text only the lines that differ
        old, new = (str(v or "").split("\n") for v in (d.before, d.after))
        lines = [f"− {x}" for x in old if x and x not in new] + [f"+ {x}" for x in new if x and x not in old]
        return column(k.t(name, 14, color="ink-2"), k.t("\n".join(lines) or "–", 16))
    called = state.records.called
    was, is_ = (said(k, field, v, called, state.now()) for v in (d.before, d.after))
    return column(k.t(name, 14, color="ink-2"), k.t(f"{was} → {is_}", 16))


def _short(k: Kit, d: Difference) -> str:
    if d.record == "photo":
        return k.of(codes("photo_step").get(str(d.after)))
    return f"{d.key.rpartition('-')[2]} {d.after or ''}"


__all__ = ["differences", "found", "hash_line", "sign", "sign_buttons", "signed_card", "sketch", "verdict"]
