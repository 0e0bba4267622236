"""One photo of a point, files from elsewhere, photos nobody names; and the photos of a step, where that step is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flet as ft

from field_app.book import decimal
from field_app.desks.copies import Copies
from field_app.desks.photos import REASONS, PhotoDesk
from field_app.form import box
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, guard, part, tappable
from field_app.state import State
from field_app.visit import Visit
from field_app.words import clock, say
from schemas.reference import codes

GAP = 8


def name_of(k: Kit, step: str) -> str:
    known = codes("photo_step").get(step)
    return k.of(known) if known else step


# --- one photo ---------------------------------------------------------------------------------------------------------


@part
def Detail(state: State, k: Kit, visit: Visit, record: str):
    """The photo of a slot that was tapped: what it shows, what speaks against it, a caption, its copy for people, another one,
    or off with it."""
    desk, _ = ft.use_state(state.photos)
    copies, _ = ft.use_state(state.copies)
    ft.use_state(visit)
    if record not in visit.photos:
        return ft.Container()
    values = visit.photos[record]
    step, data, at = values["step"], desk.thumb(values["sha256"]), values.get("position")
    time = clock(k.lang, datetime.fromisoformat(values["taken_at"]), state.now())
    acc = decimal(at.get("h_acc_m")) if at else None
    where = (
        k.say("photo.at", time=time, m="–" if acc is None else f"{acc:.1f}")
        if at
        else k.say("photo.at.no_fix", time=time)
    )
    source = k.of(codes("photo_source").get(values["source"]))
    facts = [k.t(name_of(k, step), 18, True), k.t(where, 15, color="ink-2"), k.t(source, 15, color="ink-2")]
    if reason := values.get("source_reason"):
        facts.append(k.t(in_words(k, reason), 15, color="ink-2"))
    picture = [ft.Image(src=data, height=220, fit=ft.BoxFit.CONTAIN, border_radius=10)] if data else []
    same = [r for r in visit.photos if visit.photos[r]["step"] == step]
    others = []
    if len(same) > 1:
        names = {r: f"{n} / {len(same)}" for n, r in enumerate(same, 1)}
        others = [k.choices(names, record, lambda r: call(state, lambda: visit.set_ui(photo=r)), 4)]
    shut = k.icon_button(I.CLOSE, k.say("close"), call(state, lambda: visit.set_ui(photo=None)))
    head = ft.Row([column(*facts, spacing=2, expand=True), shut], vertical_alignment=ft.CrossAxisAlignment.START)
    return k.card(
        head, *doubts(k, desk, visit, record), *picture, *others, *subject(state, k, visit, record),
        caption(state, k, visit, record), *copy(state, k, copies, visit, record), acts(state, k, visit, record),
        k.t(k.say("photo.remove.why"), 14, color="ink-2"),
    )  # fmt: skip


def doubts(k: Kit, desk: PhotoDesk, visit: Visit, record: str) -> list[ft.Control]:
    """What speaks against it, in words; it is kept all the same."""
    found = [k.of(label) for label in visit.against(record).values()]
    if (twice := desk.twice(visit, record)) is not None:
        found.append(k.say("photo.twice", what=k.of(twice) or k.say("photo.elsewhere")))
    if not found:
        return []
    said = ("；" if k.lang == "zh" else "; ").join(found)
    said = said[:1].upper() + said[1:]
    end = "。" if k.lang == "zh" else ". "
    return [k.judge("warn", I.WARNING_AMBER, k.say("photo.against"), f"{said}{end}{k.say('photo.against.sure')}")]


def subject(state: State, k: Kit, visit: Visit, record: str) -> list[ft.Control]:
    subjects = visit.subjects()
    if len(subjects) < 2:
        return []
    shown = {id: code or k.say("photo.of.point") for id, (_, code) in subjects.items()}
    pick = lambda id: call(state, lambda: visit.show_in(record, id))  # noqa: E731
    return [
        k.t(k.say("photo.of"), 14, True, "ink-2"),
        k.choices(shown, visit.photos[record]["subject_id"], pick, 1),
    ]


def caption(state: State, k: Kit, visit: Visit, record: str) -> ft.Control:
    def captioned(e: Any) -> None:
        visit.change("photo", record, caption=e.control.value)

    text = visit.photos[record].get("caption", "")
    return box(k, k.say("photo.caption"), text, guard(state, captioned), max_length=200, counter="")


def copy(state: State, k: Kit, copies: Copies, visit: Visit, record: str) -> list[ft.Control]:
    """The stamped copy: one tap saves or shares it."""
    icons = {"save": I.SAVE_ALT, "share": I.SHARE_OUTLINED}
    if copies.busy:
        buttons: list[ft.Control] = [
            k.button(k.say("stamp.making"), None, "plain", I.BRANDING_WATERMARK_OUTLINED, size=15)
        ]
    else:
        buttons = [
            k.button(k.say(f"stamp.{way}"), call(state, copies.hand, visit, record, way), "plain", icons[way], size=15)
            for way in copies.ways
        ]
    out: list[ft.Control] = [ft.Column(buttons, spacing=8, horizontal_alignment="stretch")]
    if (became := copies.became(record)) is not None:
        kind, words = became
        icon = {"done": I.CHECK_CIRCLE_OUTLINE, "warn": I.INFO_OUTLINE}.get(kind, I.ERROR_OUTLINE)
        out.append(k.judge(kind, icon, k.of(words)))
    return out


def acts(state: State, k: Kit, visit: Visit, record: str) -> ft.Control:
    side = k.scale <= 1.1 or state.wide  # large text: one below the other
    off = call(state, visit.remove_photo, record)
    again = call(state, visit.aim, visit.photos[record]["step"])
    both: list[ft.Control] = [
        k.button(k.say("photo.remove"), off, "plain", I.DELETE_OUTLINE, size=15, expand=side),
        k.button(k.say("photo.again"), again, "soft", I.ADD_A_PHOTO_OUTLINED, size=15, expand=side),
    ]
    return ft.Row(both, spacing=12) if side else ft.Column(both, spacing=8, horizontal_alignment="stretch")


# --- at another step --------------------------------------------------------------------------------------------------


@part
def ShotsOf(state: State, k: Kit, visit: Visit, step: str):
    """The photos that show the work of this step: how many there are, and one tap to the next one that is missing."""
    ft.use_state(visit)
    slots = visit.slots_at(step)
    if not slots:
        return ft.Container()
    need, lacking = sum(s.least for s in slots), [s for s in slots if s.lacking]
    have = need - sum(s.lacking for s in slots)
    if lacking:
        icon, color = I.PHOTO_CAMERA_OUTLINED, "primary"
        text = k.say("photo.step.left", n=have, all=need, name=name_of(k, lacking[0].step))
    else:
        icon, color, text = I.CHECK_CIRCLE_OUTLINE, "done", k.say("photo.step.all", n=have, all=need)

    def there() -> None:
        visit.set_ui(step="photos", shot=lacking[0].step if lacking else None, photo=None)

    row = ft.Row(
        [k.icon(icon, 24, color), k.t(text, 16, True, expand=True), k.icon(I.CHEVRON_RIGHT, 24, "ink-2")], spacing=10
    )
    inside = ft.Container(row, height=56 if k.scale < 1.2 else None, padding=ft.Padding.symmetric(vertical=4))
    return ft.Container(tappable(k, inside, text, call(state, there)), bgcolor=k["surface"], border_radius=14)


# --- files, and what nobody names ---------------------------------------------------------------------------------------


def in_words(k: Kit, reason: str) -> str:
    """A reason is kept in Chinese; ours are shown in the language of the moment."""
    ours = next((why for why in (*REASONS, "found", "played") if say("zh", f"photo.why.{why}") == reason), None)
    return k.say(f"photo.why.{ours}") if ours else reason


def reasons(state: State, k: Kit, desk: PhotoDesk, visit: Visit) -> ft.Control:
    """A photo that was not taken here: why, then which file."""
    texts = {why: k.say(f"photo.why.{why}") for why in REASONS}
    pick = lambda why: call(state, desk.from_file, visit, why)  # noqa: E731
    shut = k.icon_button(I.CLOSE, k.say("close"), call(state, desk.ask_file, False))
    head = ft.Row(
        [column(k.t(k.say("photo.file.for", name=name_of(k, visit.shot)), 17, True), k.t(k.say("photo.file.why"), 14, color="ink-2"), expand=True), shut],
        vertical_alignment=ft.CrossAxisAlignment.START,
    )  # fmt: skip
    return k.card(head, k.choices(texts, None, pick, 2 if state.wide or k.scale < 1.2 else 1))


def loose(state: State, k: Kit, desk: PhotoDesk, visit: Visit) -> ft.Control:
    """Files without a record: never thrown away, and one tap from being somebody's."""
    why = k.say("photo.loose.why", name=name_of(k, visit.shot))
    tiles: list[ft.Control] = []
    for n, sha in enumerate(desk.loose[-12:], 1):
        data = desk.thumb(sha)
        inside = (
            ft.Image(src=data, width=96, height=72, fit=ft.BoxFit.COVER, border_radius=8)
            if data
            else ft.Container(k.icon(I.IMAGE_OUTLINED, 28), width=96, height=72, alignment=ft.Alignment.CENTER)
        )
        tiles.append(
            tappable(k, inside, k.say("photo.loose.pick", n=n), call(state, desk.take_in, visit, sha), padding=2)
        )
    head = column(
        k.t(k.say("photo.loose", n=len(desk.loose)), 16, True), k.t(why, 14, color="ink-2"), spacing=2
    )  # fmt: skip
    return k.card(head, ft.Row(tiles, wrap=True, spacing=GAP, run_spacing=GAP))
