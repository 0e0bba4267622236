"""What is one's own: where one is signed in, the password, keys for programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from schemas.wire import Me
from sync_server.auth import KEY_DAYS
from sync_server.console.house import House
from sync_server.console.people import shown
from sync_server.console.people.desk import faults
from sync_server.console.session import Visitor, where
from sync_server.console.shell import ROOT
from sync_server.console.words import words

HERE = f"{ROOT}/me"
DAYS = (30, 90, 180, KEY_DAYS)
SAID = ("ended", "password", "key")
Password = Annotated[str, Form(max_length=2000)]


def add_me(house: House) -> None:
    app, service, auth, sessions = house.app, house.service, house.auth, house.sessions

    def who(request: Request) -> tuple[Visitor, Me]:
        visitor = house.visitor(request)
        return visitor, service.me(visitor.caller)

    def show(
        request: Request,
        visitor: Visitor,
        me: Me,
        status: int = 200,
        said: str = "",
        wrong: dict[str, str] | None = None,
        **more: Any,
    ) -> Response:
        lang, now, person = house.lang(request), house.now(), me.person
        m = service.member(person, person)
        with_password, keys = auth.signed_in_programs(person), auth.keys_of(person)
        given = {"key": "", "key_name": "", "key_days": 90, **more}
        return house.room(
            request, "people/me.html", me, "me", status, path=HERE, line=shown.line(m, None, (), lang, now), username=m.username or visitor.username,
            sessions=[shown.session(s, visitor.session, now) for s in sessions.own(visitor)], programs=with_password,
            keys=[shown.key(k, lang, now) for k in keys], days=DAYS, wrong=wrong or {},
            said=words(lang)(f"p_said_{said}") if said in SAID else "", ogc=f"{str(request.base_url).rstrip('/').removesuffix(ROOT)}/ogc",
            projects=shown.by_project(m, service.owners({o for o, _ in m.roles}), lang), **given,
        )  # fmt: skip

    @app.get("/me")
    def mine(request: Request, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        visitor, me = who(request)
        return show(request, visitor, me, said=said)

    @app.post("/me/password")
    def password(request: Request, old: Password = "", new: Password = "", again: Password = "") -> Response:
        visitor, me = who(request)
        lang = house.lang(request)
        if new != again:
            return show(request, visitor, me, 400, wrong={"again": words(lang)("p_not_same")})
        try:
            auth.change_own(me.person, old, new, where(request), visitor.session)
        except Trouble as err:
            if err.problem.number not in (2001, 2007, 2016):
                raise
            wrong = {"old": words(lang)("p_wrong_old")} if err.problem.number == 2001 else faults(err, lang)
            return show(request, visitor, me, err.problem.status, wrong=wrong)
        return RedirectResponse(f"{HERE}?said=password", 303)

    @app.post("/me/sessions")
    def end(request: Request, session: Annotated[str, Form(pattern="^(all|[0-9a-f]{16})$")] = "all") -> Response:
        sessions.end(house.visitor(request), "" if session == "all" else session)
        return RedirectResponse(f"{HERE}?said=ended", 303)

    @app.post("/me/keys")
    def make(
        request: Request,
        name: Annotated[str, Form(max_length=200)] = "",
        days: Annotated[int, Form(ge=1, le=KEY_DAYS)] = 90,
    ) -> Response:
        """The answer holds the key itself, shown this once: it is kept nowhere from where a further page could get it."""
        visitor, me = who(request)
        try:
            key = auth.make_key(me.person, name, days)
        except Trouble as err:
            if err.problem.number != 2017:
                raise
            return show(request, visitor, me, 400, wrong=faults(err, house.lang(request)), key_name=name, key_days=days)
        return show(request, visitor, me, key=key)

    @app.post("/me/keys/revoke")
    def revoke(request: Request, key: Annotated[str, Form(max_length=64)] = "") -> Response:
        auth.revoke_key(house.visitor(request).caller.person, key)
        return RedirectResponse(f"{HERE}?said=key", 303)
