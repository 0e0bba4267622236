"""What the next truck has from the last one, who witnesses it, and its photos: shown as carried over, one tap to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.desks.asking import Need
from field_app.desks.issuing import Issuing
from field_app.desks.loading import asked_of
from field_app.form import box
from field_app.kit import I, Kit, column, group, strut
from field_app.pages.photo import name_of
from field_app.pages.shell import call, guard, tappable
from field_app.state import State
from schemas.reference import codes
from schemas.rules.manifest import shown

# needs that are met here
IN_DETAILS = ("plan", "lot", "driver", "driver_phone", "cover", "receiver", "at")


def details(
    state: State, k: Kit, desk: Issuing, needs: list[Need], opened: str, set_opened: Callable[[str], None]
) -> ft.Control:
    s, none = desk.sending, k.say("issue.not.known")
    truck = desk.truck
    carrier = s.names.org(truck.values.get("carrier_id")) if truck else ""
    driver = desk.value("driver_name")
    rest = k.say("issue.rest.unknown") if s.rest_t is None else k.say("issue.rest", t=group(f"{s.rest_t:.1f}"))
    plan = str(s.plan.values.get("code", "")) if s.plan else ""
    cover = codes("cover_kind").get(desk.cover or "")
    rows = [
        ("issue.lot", s.names.lot(s.lot.id) if s.lot else none),
        ("issue.carrier", " · ".join(x for x in (carrier, driver or none) if x)),
        ("issue.receiver", s.names.org(desk.value("receiver_id")) or none),
        ("issue.plan", f"{plan} · {rest}" if plan else none),
        ("issue.cover", k.of(cover) or none),
    ]
    wanted = any(n.code in IN_DETAILS for n in needs) and truck is not None
    editing = opened == "details" or (wanted and opened != "shut")
    toggle = k.button(k.say("issue.close" if editing else "issue.change"), call(state, set_opened, "shut" if editing else "details"), "bare",
                      I.EXPAND_LESS if editing else I.EDIT_OUTLINED, size=16, pad=8)  # fmt: skip
    number = shown(desk.number) or k.say("issue.number.none")
    head = ft.Row([k.t(number, 16, expand=True), k.t(k.say("issue.carried"), 14, color="ink-2"), toggle], spacing=6)
    lines = [
        ft.Row([k.t(k.say(key), 16, color="ink-2"), k.t(value, 16, True, expand=True, text_align=ft.TextAlign.END)], spacing=12,
               vertical_alignment=ft.CrossAxisAlignment.START)
        for key, value in rows
    ]  # fmt: skip
    return k.card(head, *lines, *(editor(state, k, desk) if editing else []), spacing=4)


def editor(state: State, k: Kit, desk: Issuing) -> list[ft.Control]:
    s, out = desk.sending, []

    def chips(key: str, options: dict[str, str], chosen: Any, pick: Callable[[str], Any], columns: int = 2) -> None:
        if options:
            out.append(k.t(k.say(key), 14, True, "ink-2"))
            out.append(k.choices(options, chosen, pick, columns if k.scale < 1.2 else 1))

    if len(s.plans) > 1 or s.plan is None:
        chips("issue.plan", {p.id: str(p.values.get("code")) for p in s.plans}, s.plan.id if s.plan else None,
              lambda p: call(state, desk.choose_plan, p))  # fmt: skip
    if len(s.lots) > 1 or s.lot is None:
        chips("issue.lot", {x.id: str(x.values.get("code")) for x in s.lots}, s.lot.id if s.lot else None,
              lambda x: call(state, desk.choose_lot, x))  # fmt: skip
    receivers = s.plan.values.get("receivers", []) if s.plan else []
    if len(receivers) > 1 or not desk.value("receiver_id"):
        places = {
            str(n): " · ".join(dict.fromkeys((s.names.org(r.get("org_id")), str(r.get("site_name")))))
            for n, r in enumerate(receivers)
        }
        now = (desk.value("receiver_id"), desk.value("receiver_place"))
        at = next((str(n) for n, r in enumerate(receivers) if (r.get("org_id"), r.get("site_name")) == now), None)
        chips("issue.receiver", places, at,
              lambda n: call(state, lambda: desk.set(receiver_id=receivers[int(n)]["org_id"], receiver_place=receivers[int(n)]["site_name"])), 1)  # fmt: skip
    truck = desk.truck
    if truck is not None:
        people = s.drivers(truck.values.get("carrier_id"))[:6]
        chips("issue.driver", {n: n for n, _ in people}, desk.value("driver_name"),
              lambda n: call(state, lambda: desk.set(driver_name=n, driver_phone=dict(people)[n] or desk.value("driver_phone"))))  # fmt: skip
        out += [
            box(k, k.say("issue.driver"), desk.value("driver_name") or "", guard(state, lambda e: desk.set(driver_name=e.control.value or None)), max_length=200, counter=""),
            box(k, k.say("issue.driver.phone"), desk.value("driver_phone") or "", guard(state, lambda e: desk.set(driver_phone=e.control.value or None)), max_length=200, counter=""),
        ]  # fmt: skip
    chips("issue.cover", {c: k.of(label) for c, label in codes("cover_kind").items()}, desk.cover,
          lambda c: call(state, lambda: desk.set(cover=c)), 3 if state.wide else 2)  # fmt: skip
    ways = codes("leg_way")
    chips("issue.way", {c: k.of(ways[c]) for c in ("own", "paper", "lost")}, desk.way,
          lambda c: call(state, lambda: desk.set_own(way=None if c == "own" else c)), 1)  # fmt: skip
    if desk.late:
        at = box(
            k,
            k.say("issue.at"),
            str(desk.own("at") or ""),
            guard(state, lambda e: desk.set_own(at=e.control.value or None)),
            max_length=40,
            counter="",
        )
        out += [at, k.t(k.say("issue.late.why"), 15, color="ink-2")]
    out.append(k.button(k.say("issue.drop"), call(state, desk.drop), "plain", I.DELETE_OUTLINE, size=16))
    return [ft.Container(column(*out, spacing=8), padding=ft.Padding.only(top=8))]


def supervisor(state: State, k: Kit, desk: Issuing, opened: str, set_opened: Callable[[str], None]) -> ft.Control:
    """Present and named, or not present with what that means."""
    name, signed = desk.supervisor, desk.signed("supervisor")
    editing = opened == "supervisor" or not (name or desk.absent)
    toggle = k.button(k.say("issue.close" if editing else "issue.change"), call(state, set_opened, "" if editing else "supervisor"), "bare",
                      I.EXPAND_LESS if editing else I.EDIT_OUTLINED, size=16, pad=8)  # fmt: skip
    if desk.late and not desk.absent:
        said = k.t(k.say("issue.supervisor.paper", name=name or k.say("issue.not.known")), 16, expand=True)
    elif desk.absent:
        said = k.t(k.say("issue.supervisor.absent"), 16, True, "warn", expand=True)
    elif signed is not None:
        said = k.t(k.say("issue.supervisor.signed", name=signed["name"]), 16, True, "done", expand=True)
    else:
        said = k.t(k.say("issue.supervisor.present", name=name or k.say("issue.not.known")), 16, expand=True)
    icon = k.icon(
        I.PERSON_OFF_OUTLINED if desk.absent else I.HOW_TO_REG_OUTLINED, 24, "warn" if desk.absent else "ink-2"
    )
    rows: list[ft.Control] = [ft.Row([strut(48), icon, said, toggle], spacing=8)]
    if desk.absent:
        rows.append(k.t(k.say("issue.supervisor.absent.why"), 15, color="ink-2"))
    if editing:
        ways = {"here": k.say("issue.supervisor.here"), "not": k.say("issue.supervisor.not")}
        rows.append(
            k.choices(
                ways,
                "not" if desk.absent else "here",
                lambda w: call(state, lambda: desk.set_own(absent=w == "not" or None)),
            )
        )
        if not desk.absent:
            names = desk.sending.supervisors()[:4]
            if names:
                rows.append(
                    k.choices({n: n for n in names}, name, lambda n: call(state, lambda: desk.set_own(supervisor=n)))
                )
            rows.append(box(k, k.say("issue.supervisor.name"), name, guard(state, lambda e: desk.set_own(supervisor=e.control.value)),
                            max_length=200, counter=""))  # fmt: skip
    return k.card(*rows, spacing=8, padding=10)


def photos(state: State, k: Kit, desk: Issuing) -> ft.Control:
    """How many of what is asked for before departure; one tap to the camera."""
    slots = desk.loading.slots() if desk.loading else []
    asked = asked_of(desk.late)
    taken = {s.step for s in slots if not s.lacking}
    lacking = [s for s in asked if s not in taken]
    n, all_ = len(asked) - len(lacking), len(asked)
    what = ("、" if k.lang == "zh" else ", ").join(name_of(k, s) for s in lacking)
    text = k.say("issue.photos", n=n, all=all_, what=what) if lacking else k.say("issue.photos.done", n=n, all=all_)
    icon, color = (I.PHOTO_CAMERA_OUTLINED, "primary") if lacking else (I.CHECK_CIRCLE_OUTLINE, "done")
    row = ft.Row(
        [strut(48), k.icon(icon, 24, color), k.t(text, 16, True, expand=True), k.icon(I.CHEVRON_RIGHT, 24, "ink-2")],
        spacing=10,
    )

    return ft.Container(
        tappable(k, row, text, call(state, shots, state, desk), padding=4),
        bgcolor=k["surface"],
        border=k.edge(),
        border_radius=16,
    )


def shots(state: State, desk: Issuing) -> None:
    desk.photos()
    state.go("shots")
