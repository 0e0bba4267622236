"""What a link opens: choosing user name and password, once. Nobody is signed in here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from sync_server.console.house import House
from sync_server.console.parts import when
from sync_server.console.people.desk import faults
from sync_server.console.people.shown import moment
from sync_server.console.session import give_cookie, plain_over_network, where
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.service.inviting import RESET, Invited

Password = Annotated[str, Form(max_length=2000)]


def add_invited(house: House) -> None:
    app, auth = house.app, house.auth

    def show(
        request: Request,
        code: str,
        found: Invited,
        status: int = 200,
        wrong: dict[str, str] | None = None,
        **given: Any,
    ) -> Response:
        return house.shell.page(
            request, "people/invited.html", status, path=f"{ROOT}/invited/{code}", code=code, found=found, reset=found.use == RESET,
            until=when(moment(found.expires_at), house.now()), wrong=wrong or {}, exposed=plain_over_network(request),
            username=given.get("username", found.username),
        )  # fmt: skip

    def dead(request: Request, state: str) -> Response:
        return house.shell.page(request, "people/dead.html", 410, path=f"{ROOT}/login", state=state)

    def opened(request: Request, code: str) -> Invited | str:
        """The link, or in one word why it opens nothing. Raises Trouble 2007."""
        try:
            found = auth.invited(code, where(request))
        except Trouble as err:
            if err.problem.number != 2012:
                raise
            return "unknown"
        return found if found.state == "open" else found.state

    @app.get("/invited/{code}")
    def invited(request: Request, code: str) -> Response:
        found = opened(request, code)
        return dead(request, found) if isinstance(found, str) else show(request, code, found)

    @app.post("/invited")
    def accept(
        request: Request,
        code: Annotated[str, Form(max_length=100)] = "",
        username: Annotated[str, Form(max_length=200)] = "",
        password: Password = "",
        again: Password = "",
    ) -> Response:
        found = opened(request, code)
        if isinstance(found, str):
            return dead(request, found)
        lang = house.lang(request)
        if password != again:
            return show(request, code, found, 400, wrong={"again": words(lang)("p_not_same")}, username=username)
        try:
            person = auth.accept(code, username, password, where(request))
        except Trouble as err:
            if err.problem.number == 2012:  # somebody was faster
                return dead(request, "used")
            if err.problem.number not in (2015, 2016, 3001):
                raise
            return show(request, code, found, err.problem.status, wrong=faults(err, lang), username=username)
        name = found.username if found.use == RESET else username.strip()
        done = RedirectResponse(f"{ROOT}/", 303)
        give_cookie(request, done, house.sessions.begin(request, person, name))
        return done
