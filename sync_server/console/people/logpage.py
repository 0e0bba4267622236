"""The audit log: of a project for those who oversee it, of everything for an administrator; as a page and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from schemas.problems import Trouble
from schemas.wire import Me
from sync_server.access import OVERSEERS
from sync_server.console.house import House, Place
from sync_server.console.people import log
from sync_server.console.people.desk import administrator
from sync_server.console.words import words
from sync_server.export.csv_file import line, quoted
from sync_server.export.parts import BOM
from sync_server.store import Noted, Sought

PAGE = 100
SEEING = {"zh": "查看操作日志", "en": "seeing the log"}
HEADS = ("n", "log_when", "log_who", "by", "log_what", "log_action", "about", "log_where", "owner", "log_more")


class Wanted(NamedTuple):
    """What is asked for, as typed."""

    q: str
    by: str
    action: str
    since: str
    until: str


def wanted(
    q: Annotated[str, Query(max_length=200)] = "",
    by: Annotated[str, Query(max_length=100)] = "",
    action: Annotated[str, Query(max_length=60)] = "",
    since: Annotated[str, Query(max_length=20)] = "",
    until: Annotated[str, Query(max_length=20)] = "",
) -> Wanted:
    # no line holds a NUL, and PostgreSQL would stop a file in its middle at one
    return Wanted(*(text.replace("\0", "").strip() for text in (q, by, action, since, until)))


Asked = Annotated[Wanted, Depends(wanted)]
Where = Annotated[int | None, Query(ge=0, le=2**62)]


def add_log(house: House) -> None:
    app, service = house.app, house.service

    def sought(of: Wanted, owner: str | None, actions: Sequence[str]) -> Sought:
        people = [of.by, *service.people_called(of.by)] if of.by else None
        about = service.people_called(of.q) if of.q else []
        since, until = log.bounds(of.since, of.until)
        return Sought(owner, people, log.chosen(of.action, actions), since, until, of.q, about)

    def lines(noted: Sequence[Noted], lang: str, place: Place | None) -> list[log.Line]:
        known = service.called(log.pointed_at(noted), None if place is None else place.ids)
        return [log.line(x, known, lang, place.project if place else None) for x in noted]

    def show(
        request: Request, me: Me, place: Place | None, of: Wanted, before: int | None, after: int | None
    ) -> Response:
        lang, owner = house.lang(request), place.project if place else None
        actions = service.log_actions(owner)
        page = service.log_page(sought(of, owner, actions), before, after, PAGE)
        values: dict[str, Any] = {
            "lines": lines(page.lines, lang, place), "older": page.older, "newer": page.newer, "of": of, "groups": log.groups(actions, lang),
            "further": before is not None or after is not None, "asks": any(of), "whole": place is None,
        }  # fmt: skip
        if place:
            return house.page(request, "people/log.html", place, "log", **values)
        return house.room(request, "people/log.html", me, "alllog", **values)

    def file(request: Request, me: Me, place: Place | None, of: Wanted) -> Response:
        """Streamed page by page: however long the log, memory stays flat. That it was fetched is noted, but not in the file."""
        lang, owner = house.lang(request), place.project if place else None
        asked, end = sought(of, owner, service.log_actions(owner)), service.log_end()
        service.noted(
            me.person,
            "export_log",
            owner or service.organisation(),
            owner,
            asked={k: v for k, v in of._asdict().items() if v},
        )
        w = words(lang)

        def pieces() -> Iterator[bytes]:
            yield BOM + line([quoted(w(f"p_{h}") if h.startswith("log") else h) for h in HEADS])
            for noted in service.log_lines(asked, end):
                known = service.called(log.pointed_at(noted), None if place is None else place.ids)
                yield b"".join(line([quoted(cell) for cell in log.row(x, known, lang)]) for x in noted)

        name = f"jingtu-log-{house.now():%Y%m%d-%H%M}.csv"
        return StreamingResponse(
            pieces(),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def overseen(request: Request, project: str) -> Place:
        """Raises Trouble 2003, 2004."""
        place = house.entered(request, project)
        if not OVERSEERS & set(place.roles):
            raise Trouble(2003, what=SEEING)
        return place

    @app.get("/projects/{project}/log")
    def of_project(request: Request, project: str, of: Asked, before: Where = None, after: Where = None) -> Response:
        place = overseen(request, project)
        return show(request, place.me, place, of, before, after)

    @app.get("/projects/{project}/log.csv")
    def of_project_file(request: Request, project: str, of: Asked) -> Response:
        place = overseen(request, project)
        return file(request, place.me, place, of)

    @app.get("/log")
    def of_all(request: Request, of: Asked, before: Where = None, after: Where = None) -> Response:
        return show(request, administrator(house, request), None, of, before, after)

    @app.get("/log.csv")
    def of_all_file(request: Request, of: Asked) -> Response:
        return file(request, administrator(house, request), None, of)
