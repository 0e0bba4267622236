"""Which page is shown. One view; the system's back button goes one level up until Today."""

from __future__ import annotations

import flet as ft

from field_app.kit import Kit
from field_app.pages.beside import BesidePage
from field_app.pages.checks import ChecksPage, NewCheckPage
from field_app.pages.code import CodePage
from field_app.pages.conflict import ConflictPage
from field_app.pages.diagnostics import Diagnostics
from field_app.pages.enrol import Enrol
from field_app.pages.fail import FailPage
from field_app.pages.issue import IssuePage
from field_app.pages.item import ItemPage
from field_app.pages.items import ItemsPage
from field_app.pages.keep import KeptPage
from field_app.pages.leg import LegPage
from field_app.pages.listing import ListPage
from field_app.pages.map import MapPage
from field_app.pages.onsite import OnsitePage
from field_app.pages.picker import PickPage
from field_app.pages.point import PointPage
from field_app.pages.receipt import ReceiptPage
from field_app.pages.recheck import RecheckPage
from field_app.pages.record import RecordPage
from field_app.pages.record_form import FormPage
from field_app.pages.records import RecordsPage
from field_app.pages.refused import RefusedPage
from field_app.pages.rescue import RescuePage
from field_app.pages.roadside import RoadsidePage
from field_app.pages.scan import ScanPage
from field_app.pages.settings import Settings
from field_app.pages.shell import AppCtx, guard, use_app
from field_app.pages.shots import ShotsPage, VoidPage
from field_app.pages.signature import SignPage
from field_app.pages.sketch import SketchPage
from field_app.pages.stakeout import StakeOut
from field_app.pages.sync import SyncPage
from field_app.pages.task import TaskPage
from field_app.pages.today import Today
from field_app.pages.trucks import LoadsPage, TrucksPage
from field_app.pages.unlock import UnlockPage
from field_app.pages.window import Window
from field_app.state import State

PAGES = {
    "today": Today, "map": MapPage, "sync": SyncPage, "settings": Settings, "point": PointPage, "enrol": Enrol,
    "unlock": UnlockPage, "window": Window, "diagnostics": Diagnostics, "sign": SignPage, "rescue": RescuePage,
    "stakeout": StakeOut, "conflict": ConflictPage, "receipt": ReceiptPage, "refused": RefusedPage,
    "records": RecordsPage, "list": ListPage, "record": RecordPage, "form": FormPage, "pick": PickPage,
    "trucks": TrucksPage, "loads": LoadsPage, "issue": IssuePage, "code": CodePage, "shots": ShotsPage, "void": VoidPage,
    "scan": ScanPage, "leg": LegPage, "roadside": RoadsidePage,
    "checks": ChecksPage, "newcheck": NewCheckPage, "item": ItemPage, "items": ItemsPage, "fail": FailPage, "onsite": OnsitePage, "sketch": SketchPage,
    "recheck": RecheckPage, "task": TaskPage, "beside": BesidePage, "kept": KeptPage,
}  # fmt: skip


@ft.component
def Root():
    state, k = use_app()
    shown = state.shown
    home = (
        shown in ("today", "window")
        or (shown == "trucks" and state.party)
        or (shown == "enrol" and not state.person)
        or (shown == "unlock" and state.locked)
    )
    return [
        ft.View(
            route="/",
            controls=[PAGES.get(shown, Today)(key=shown)],
            padding=0,
            spacing=0,
            # The client draws a view at its window's size whatever is said here. But only when a view changes does it compare
            # that size with the one it told us: turned there and back at once, it tells the size in between and leaves it at that.
            width=state.width,
            height=state.height,
            bgcolor=Kit(state.theme)["paper"],
            can_pop=home,
            on_confirm_pop=guard(state, lambda _: state.back()),
        )
    ]


@ft.component
def App(made: tuple[State]):
    """`made` is a tuple so that this component itself does not listen: the pages do."""
    # As an effect: before the first mount a change would be lost, and the point left open would not come back.
    ft.use_effect(guard(made[0], made[0].resume), [])
    return AppCtx(made[0], lambda: Root())
