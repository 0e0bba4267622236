"""Who may open the pages of checklists and rounds, who may change what, and how a page leads on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from schemas.fields import Audience
from schemas.problems import Trouble
from sync_server.console.house import House, Place
from sync_server.console.inspections.opening import may_open
from sync_server.console.shell import ROOT

HERE = "checklists"  # the entry of the navigation
_WHAT = {
    "checklist": {"zh": "改检查表", "en": "changing checklists"},
    "duty": {"zh": "改周期任务", "en": "changing recurring duties"},
    "facility": {"zh": "改设施", "en": "changing facilities"},
}


def entered(house: House, request: Request, project: str) -> Place:
    """Raises Trouble 2004 for whoever may not read enforcement records."""
    return may_open(house.entered(request, project))


def may_write(place: Place, type: str) -> bool:
    audience = Audience.ORGANISATION if type == "checklist" else Audience.ENFORCEMENT
    return place.may_write(type, audience.value)


def writer(house: House, request: Request, project: str, type: str) -> Place:
    """Raises Trouble 2004, 2003."""
    place = entered(house, request, project)
    if not may_write(place, type):
        raise Trouble(2003, what=_WHAT[type])
    return place


def home_of(place: Place) -> str:
    """The organisation's scope, where checklists are. Raises Trouble 2004."""
    found = next((s.scope for s in place.scopes if s.audience == Audience.ORGANISATION.value), None)
    if found is None:
        raise Trouble(2004)
    return found


def back(project: str, path: str, **said: Any) -> Response:
    query = urlencode({k: v for k, v in said.items() if v not in ("", None)})
    return RedirectResponse(f"{ROOT}/projects/{project}{path}" + (f"?{query}" if query else ""), 303)
