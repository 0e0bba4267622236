"""The review page: what waits for review in groups, passed or returned one or many at a time."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from schemas.rules.reconcile import Report
from schemas.rules.review import LONGEST_REASON, REVIEWED
from sync_server.console.charts.core import core, core_of
from sync_server.console.counts import counted
from sync_server.console.house import House, Place
from sync_server.console.overview.views import visible
from sync_server.console.review.board import Board, Tab, open_conflicts
from sync_server.console.review.box import box_of
from sync_server.console.review.conflicts import add_conflicts
from sync_server.console.review.makers import Makers
from sync_server.console.review.naming import name_of
from sync_server.console.review.shown import PAGE, Shown, Viewer, decidable
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.service import Item, Told

BOARDS_KEPT = 8
REFUSED_SHOWN = 50
_GROUP = re.compile(r"([a-z_]{1,64}-[0-9a-f-]{36})@(\d{1,18})\Z", re.ASCII)
_ITEM = re.compile(r"([a-z_]{1,64}):([0-9a-f-]{36}):(\d{1,18})(?::(\d{1,18}))?\Z", re.ASCII)


class Asked(NamedTuple):
    tab: Tab = "waiting"
    who: str = ""
    at: str = ""
    page: int = 1

    def query(self, **changes: Any) -> dict[str, str]:
        bare = Asked()._asdict()
        return {k: str(v) for k, v in (self._asdict() | changes).items() if k not in bare or v != bare[k]}


def asked(
    tab: Annotated[Tab, Query()] = "waiting",
    who: Annotated[str, Query(max_length=40)] = "",
    at: Annotated[str, Query(max_length=120)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Asked:
    return Asked(tab, who, at, page)


class Boards:
    """The last few boards, as long as nothing has changed under them."""

    def __init__(self, house: House) -> None:
        self._house, self._makers = house, Makers(house.service)
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, frozenset[str]], tuple[tuple[object, ...], Report, Board]] = OrderedDict()

    def of(self, place: Place) -> tuple[Board, Report]:
        """A report may be some seconds old where it is costly; what was decided is always as it is now."""
        house, service = self._house, self._house.service
        wanted = (place.project, place.audiences)
        scopes = [s.scope for s in place.own]
        key = (service.epoch(), service.heads([s.scope for s in place.scopes]))
        report = house.reader.report(place.project, house.now(), place.audiences).report
        with self._lock:
            held = self._held.get(wanted)
        if held and held[0] == key and held[1] is report:
            return held[2], report
        facts = house.reader.facts(place.project, house.now(), place.audiences)
        board = Board(facts, visible(report, place.audiences), self._makers.of(scopes))
        with self._lock:
            self._held[wanted] = (key, report, board)
            self._held.move_to_end(wanted)
            while len(self._held) > BOARDS_KEPT:
                self._held.popitem(last=False)
        return board, report


def viewer_of(house: House, place: Place, lang: str) -> Viewer:
    may = frozenset(str(s.audience) for s in place.own if "review_decision" in s.writes)
    return Viewer(place.me.person, may, lang, house.now())


def add_review(house: House) -> None:
    app, service, boards = house.app, house.service, Boards(house)
    add_conflicts(house)

    def show(
        request: Request, place: Place, by: Asked, *, done: str = "", trouble: Trouble | None = None, told: Told | None = None,
        reason: str = "", ticked: Sequence[str] | None = None,
    ) -> Response:  # fmt: skip
        lang = house.lang(request)
        w = words(lang)
        board, report = boards.of(place)
        viewer = viewer_of(house, place, lang)
        shown = Shown(board, report, viewer, by.tab, by.who)
        groups, pages = shown.page(by.page)
        walls = service.walls(shown.last_changes(groups))
        rows = [shown.row(g, walls) for g in groups]
        chosen = board.groups.get(by.at)
        if chosen is None or not chosen.of(by.tab, viewer.person, by.who):
            chosen = groups[0] if groups else None
        keys = [g.key for g in groups]
        after = keys.index(chosen.key) + 1 if chosen is not None and chosen.key in keys else 0
        counts = board.counts(viewer.person)
        drawn = core_of(board.facts, chosen.place) if chosen is not None and chosen.place is not None else None
        people = sorted(
            ((shown.person(p), p, n) for p, n in board.recorders(by.tab, viewer.person).items()), key=lambda x: x[0]
        )
        refused = [
            (name_of(board.facts, shown.names, i.type, i.id, lang, beside=True), i, err.text(lang), _remedy(err, lang))
            for i, err in (told.refused if told else [])[:REFUSED_SHOWN]
        ]
        status = (
            trouble.problem.status if trouble else told.refused[0][1].problem.status if told and told.refused else 200
        )
        return house.page(
            request, "review/review.html", place, "review", status, by=by, tabs=counts, people=people, rows=rows, pages=pages,
            records=shown.records, groups=len(shown.groups), panel=shown.panel(chosen) if chosen else None,
            core=core(drawn, lang) if drawn else "", next_key=keys[after] if after < len(keys) else "",
            may=bool(viewer.reviews), done=done, trouble=trouble.text(lang) if trouble else "", refused=refused,
            left=len(told.refused) if told else 0, reason=reason, ticked=ticked, clean=sum(r.clean for r in rows),
            reasons=[w(k) for k in ("rv_reason_again", "rv_reason_photo", "rv_reason_why")], longest=LONGEST_REASON,
            query=urlencode(by.query()),
            counts={"review": counts["waiting"], "conflicts": open_conflicts(board.facts),
                    "waiting": service.waiting_count(counted(place.scopes)).asks},
        )  # fmt: skip

    @app.get("/projects/{project}/review")
    def review(
        request: Request,
        project: str,
        by: Annotated[Asked, Depends(asked)],
        said: Annotated[str, Query(pattern="^(|pass|back)$")] = "",
        n: Annotated[int, Query(ge=0, le=10**9)] = 0,
        before: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        done = _said(words(house.lang(request)), said, n, before) if said else ""
        return show(request, house.entered(request, project), by, done=done)

    @app.post("/projects/{project}/review")
    def decide(
        request: Request,
        project: str,
        group: Annotated[list[str], Form(max_length=PAGE)] = [],  # noqa: B006
        item: Annotated[list[str], Form(max_length=500)] = [],  # noqa: B006
        decision: Annotated[str, Form(pattern="^(pass|back)$")] = "pass",
        reason: Annotated[str, Form(max_length=LONGEST_REASON)] = "",
        back: Annotated[str, Form(max_length=400)] = "",
    ) -> Response:
        place, by = house.entered(request, project), _asked(back)
        if not viewer_of(house, place, "zh").reviews:
            raise Trouble(2003, what={"zh": "审核", "en": "reviewing"})
        items = [Item(m[1], m[2], int(m[3]), int(m[4]) if m[4] else None) for x in item if (m := _ITEM.match(x))]
        try:
            if not group and not items:
                raise _unticked()
            items += _of_groups(boards.of(place)[0], viewer_of(house, place, "zh"), by, group)
            told = service.review(place.me.person, items, decision, reason)
        except Trouble as err:
            if err.problem.number not in (1001, 3001):
                raise
            return show(request, place, by, trouble=err, reason=reason, ticked=[*group, *item])
        w = words(house.lang(request))
        if told.refused:
            done = _said(w, decision, len(told.done), len(told.before)) if told.done or told.before else ""
            return show(request, place, by, told=told, done=done)
        there = by.query(said=decision, n=len(told.done), before=len(told.before))
        return RedirectResponse(f"{ROOT}/projects/{place.project}/review?{urlencode(there)}", 303)

    @app.post("/projects/{project}/review/{type}/{id}")
    def decide_one(
        request: Request,
        project: str,
        type: str,
        id: str,
        seq: Annotated[int, Form(ge=0, le=2**62)] = 0,
        decided: Annotated[int | None, Form(ge=0, le=2**62)] = None,
        decision: Annotated[str, Form(pattern="^(pass|back)$")] = "pass",
        reason: Annotated[str, Form(max_length=LONGEST_REASON)] = "",
    ) -> Response:
        place, lang = house.entered(request, project), house.lang(request)
        scope = _scope_of(house, place, type, id)
        trouble: Trouble | None = None
        try:
            told = service.review(place.me.person, [Item(type, id, seq, decided)], decision, reason)
            trouble = told.refused[0][1] if told.refused else None
        except Trouble as err:
            if err.problem.number != 3001:
                raise
            trouble = err
        if trouble is None:
            return RedirectResponse(
                f"{ROOT}/projects/{place.project}/records/{type}/{id}?reviewed={decision}#review", 303
            )
        if trouble.problem.number in (2003, 2004):
            raise trouble
        name = service.names_of([id], place.ids).get(id, "")
        return house.page(
            request, "review/one.html", place, "review", trouble.problem.status, box_=box_of(house, place, lang, type, id, scope),
            type=type, id=id, name=name, trouble=trouble.text(lang), remedy=_remedy(trouble, lang), reason=reason,
        )  # fmt: skip


def _scope_of(house: House, place: Place, type: str, id: str) -> str:
    """Where a record of this project is. Raises Trouble 2004 where there is none that this person may see."""
    scope = house.service.scope_of(type, id)
    if type not in REVIEWED or scope not in {s.scope for s in place.own}:
        raise Trouble(2004)
    return scope


def _of_groups(board: Board, viewer: Viewer, by: Asked, groups: Sequence[str]) -> list[Item]:
    """What ticking these groups means: their records in this tab, as far as they had been looked at, without one's own."""
    out = []
    for text in groups:
        m = _GROUP.match(text)
        group = board.groups.get(m[1]) if m else None
        if m is None or group is None:
            continue
        entries = decidable(group.of(by.tab, viewer.person, by.who), group, viewer)
        out += [Item(e.type, e.id, e.seq, e.decided) for e in entries if e.seq <= int(m[2])]
    return out


def _asked(query: str) -> Asked:
    """The list a form was sent from."""
    given = dict(parse_qsl(query))
    tab, page = given.get("tab", "waiting"), given.get("page", "1")
    known: dict[str, Tab] = {"mine": "mine", "returned": "returned", "passed": "passed"}
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    return Asked(known.get(tab, "waiting"), given.get("who", "")[:40], given.get("at", "")[:120], max(number, 1))


def _said(w: Any, decision: str, n: int, before: int) -> str:
    parts = [w(f"rv_said_{decision}", n=n)] if n else []
    if before:
        parts.append(w("rv_said_before", n=before))
    return str(w("join").join(parts) if parts else w("rv_said_none"))


def _remedy(err: Trouble, lang: str) -> str:
    return err.problem.remedy_zh if lang == "zh" else err.problem.remedy_en


def _unticked() -> Trouble:
    zh, en = "请先勾选要审核的", "Tick what you decide about first"
    return Trouble(3001, {"faults": [{"field": "item", "zh": zh, "en": en}]}, faults={"zh": zh, "en": en})
