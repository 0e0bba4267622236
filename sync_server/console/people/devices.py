"""All tablets of the organisation, and shutting one that is lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Query, Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from sync_server.console.house import House
from sync_server.console.parts import pager
from sync_server.console.people import shown
from sync_server.console.people.desk import administrator
from sync_server.console.people.members import told
from sync_server.console.shell import ROOT
from sync_server.console.words import words

PAGE = 100
STATES = ("enrolled", "revoked")


def add_devices(house: House) -> None:
    app, service = house.app, house.service

    def show(
        request: Request,
        by: str,
        q: str = "",
        state: str = "",
        page: int = 1,
        status: int = 200,
        said: str = "",
        wrong: str = "",
    ) -> Response:
        lang, now, me = house.lang(request), house.now(), house.me(request)
        sought = q.casefold().split()
        every = [
            d for d in service.enrolled(by)
            if state in ("", "enrolled" if d.key.state == "enrolled" else "revoked")
            and all(word in f"{d.key.device_code} {d.label} {d.name} {d.key.app_version}".casefold() for word in sought)
        ]  # fmt: skip
        pages = pager(len(every), page, PAGE)
        return house.room(
            request, "people/devices.html", me, "devices", status, path=f"{ROOT}/devices", pages=pages, q=q, state=state, states=STATES,
            devices=[shown.device(d, lang, now) for d in every[pages.first : pages.last]], said=told(said, lang), wrong=wrong,
        )  # fmt: skip

    @app.get("/devices")
    def devices(
        request: Request,
        q: Annotated[str, Query(max_length=100)] = "",
        state: Annotated[str, Query(pattern="^(|enrolled|revoked)$")] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
        said: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        return show(request, administrator(house, request).person, q.strip(), state, page, said=said)

    @app.post("/devices/switch")
    def switch(
        request: Request,
        enrolment: Annotated[str, Form(max_length=64)] = "",
        act: Annotated[str, Form(pattern="^(revoke|reinstate)$")] = "revoke",
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        by = administrator(house, request).person
        if not reason.strip():
            return show(request, by, status=400, wrong=words(house.lang(request))("p_f_reason"))
        try:
            service.switch_device(by, enrolment, act == "revoke", reason.strip())
        except Trouble as err:
            raise Trouble(2004) if err.problem.number == 2010 else err from None
        return RedirectResponse(f"{ROOT}/devices?said={'revoked' if act == 'revoke' else 'reinstated'}", 303)
