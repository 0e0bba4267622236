"""What the pages of plans have in common: who may, which version, and how a comparison is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from schemas.record import Fault
from schemas.rules.reconcile import PointState
from sync_server.console.house import House, Place
from sync_server.console.parts import pager
from sync_server.console.planning import changes, views
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.facts import Seen
from sync_server.plan.diff import Step, counted
from sync_server.plan.importing import Version, read_version

MANAGING = {"zh": "改采样方案", "en": "changing the sampling plan"}


class Changes(NamedTuple):
    """A comparison as the pages show it, a page of it."""

    rows: list[changes.Shown]
    pages: Any
    counts: dict[str, int]
    total: int
    same: int
    work: list[changes.Kept]  # what becomes of work done already


class Room:
    def __init__(self, house: House) -> None:
        self.house, self.service = house, house.service

    def managed(self, request: Request, project: str) -> Place:
        """Raises Trouble 2004, 2003 for who may see the plan and not change it."""
        place = self.house.entered(request, project)
        if not place.may_write("plan"):
            raise Trouble(2003, what=MANAGING)
        return place

    def seen(self, place: Place) -> Seen:
        return self.house.reader.report(place.project, self.house.now(), place.audiences)

    def version(self, place: Place, plan: str = "") -> Version | None:
        return read_version(self.service, f"{place.project}.field", plan)

    def changes(
        self, request: Request, seen: Seen, found: Sequence[Step], points: int, reasons: Mapping[str, str], page: int
    ) -> Changes:
        lang, states = self.house.lang(request), states_of(seen)
        pages = pager(len(found), page, views.LISTED)
        told = changes.shown(found, states, reasons, lang, self.house.now())
        touched = sum(not (s.added or s.removed) for s in found)
        kept = points - touched - sum(s.added for s in found)
        return Changes(
            told[pages.first : pages.last], pages, counted(found), len(found), max(0, kept), changes.kept(told, lang)
        )

    def page(self, request: Request, template: str, place: Place, status: int = 200, **values: Any) -> Response:
        return self.house.page(request, f"planning/{template}", place, "plan", status, **values)

    def back(self, project: str, path: str = "", **said: Any) -> Response:
        query = urlencode({k: v for k, v in said.items() if v not in ("", None)})
        return RedirectResponse(f"{ROOT}/projects/{project}/plan{path}" + (f"?{query}" if query else ""), 303)


def blank(values: Mapping[str, Any]) -> defaultdict[str, Any]:
    """For a template: what is not given is empty."""
    return defaultdict(str, values)


def states_of(seen: Seen) -> dict[str, PointState]:
    """Code → how far the work is there; a planned point counts before a visit outside the plan of the same code."""
    return {p.code: p for p in sorted(seen.report.points, key=lambda p: p.planned_id is not None)}


def faults_in(err: Trouble) -> list[Fault]:
    return [Fault(f["field"], f["zh"], f["en"]) for f in err.extra.get("faults", ()) if "field" in f]


def told(err: Trouble | None, lang: str) -> tuple[str, str]:
    """What went wrong, and what to do about it here."""
    if err is None:
        return "", ""
    w, n = words(lang), err.problem.number
    own = {4003: "pl_do_4003", 4004: "pl_do_4004", 4005: "pl_do_4005", 4006: "pl_do_4006", 3001: "pl_do_3001"}.get(n)
    return err.text(lang), w(own) if own else err.problem.remedy_zh if lang == "zh" else err.problem.remedy_en
