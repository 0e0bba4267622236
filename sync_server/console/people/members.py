"""Pages of people: the list, one person, inviting; what is shown once (a link, a code). For one project and for everybody alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request, Response

from schemas.change import ID
from schemas.problems import Trouble
from schemas.reference import codes
from sync_server.access import ADMIN, MANAGED
from sync_server.console.house import House
from sync_server.console.parts import pager, when
from sync_server.console.people import shown
from sync_server.console.people.codes import enrol_uri, fingerprint, grouped, qr_svg
from sync_server.console.people.desk import Desk, faults
from sync_server.console.session import LOOPBACK, secure
from sync_server.console.shell import ROOT
from sync_server.console.words import pick, words
from sync_server.service.inviting import INVITED_H
from sync_server.service.members import Member, live
from sync_server.service.people import CODE_MINUTES

PAGE = 100
FOUND = 20  # people a search for somebody shows
SAID = ("gave", "took", "withdrawn", "disabled", "disabled_left", "enabled", "revoked", "reinstated")
STATES = ("on", "off", "invited", "none")

Text = Annotated[str, Form(max_length=200)]
Person = Annotated[str, Form(max_length=64)]


def add_desk(house: House, prefix: str, enter: Callable[..., Desk]) -> None:
    app, service = house.app, house.service
    at_desk = Depends(enter)

    def found(desk: Desk, person: str) -> Member:
        """Raises Trouble 2004. Of somebody who does not belong to the project only who it is: what tablets he or she has is
        nobody's business there."""
        if not ID.match(person):
            raise Trouble(2004)
        m = service.member(desk.by, person)
        return m if desk.belongs(m) else m._replace(devices=[], seen_at=None)

    def people(desk: Desk, q: str) -> list[Member]:
        return service.members(desk.by, desk.owner) if desk.owner else service.everybody(desk.by, q)

    @app.get(prefix)
    def list_(
        request: Request,
        desk: Desk = at_desk,
        q: Annotated[str, Query(max_length=100)] = "",
        state: Annotated[str, Query(pattern="^(|on|off|invited|none)$")] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
        said: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        lang, now = house.lang(request), house.now()
        every = [m for m in people(desk, q.strip()) if state in ("", state_of(m))]
        pages = pager(len(every), page, PAGE)
        lines = [shown.line(m, desk.owner, desk.may, lang, now) for m in every[pages.first : pages.last]]
        names = (
            service.owners({o for m in every[pages.first : pages.last] for o, _ in m.roles}) if not desk.owner else {}
        )
        where = (
            {m.person: shown.by_project(m, names, lang) for m in every[pages.first : pages.last]}
            if not desk.owner
            else {}
        )
        return desk.page(
            house, request, "people/members.html" if desk.owner else "people/people.html", lines=lines, pages=pages, q=q, state=state,
            states=STATES, where=where, devices=sum(len(m.devices) for m in every), said=told(said, lang), home=desk.home,
        )  # fmt: skip

    @app.get(f"{prefix}/new")
    def new(request: Request, desk: Desk = at_desk, q: Annotated[str, Query(max_length=100)] = "") -> Response:
        return form(request, desk, q=q.strip())

    def form(
        request: Request, desk: Desk, status: int = 200, q: str = "", wrong: dict[str, str] | None = None, **given: Any
    ) -> Response:
        if not desk.changes:
            raise Trouble(2003, what={"zh": "邀请新成员", "en": "inviting people"})
        lang = house.lang(request)
        known = [
            (s.id, str(s.values.get("name", "")), firms.get(str(s.values.get("org_id")), ""), str(s.values.get("account") or ""))
            for firms in (dict(service.firms()),)
            for s in service.known_as(q, FOUND)
        ]  # fmt: skip
        blank = {"name": "", "firm": desk.home or service.organisation(), "duties": [], "username": "", "roles": []}
        return desk.page(
            house, request, "people/new.html", status, path=f"{desk.base}/new", q=q, known=known, given={**blank, **given},
            firms=service.firms(), wrong=wrong or {}, duties=[(k, pick(v, lang)) for k, v in codes("person_duty").items()],
            offered=[(r, shown.role_word(r, lang)) for r in shown.in_order([*desk.may])],
        )  # fmt: skip

    @app.post(f"{prefix}/invite")
    def invite(
        request: Request,
        desk: Desk = at_desk,
        name: Text = "",
        firm: Annotated[str, Form(max_length=64)] = "",
        duty: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006
        username: Text = "",
        role: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006
    ) -> Response:
        lang = house.lang(request)
        w = words(lang)
        duty, role = [d for d in duty if d], [r for r in role if r]
        given: dict[str, Any] = {"name": name, "firm": firm, "duties": duty, "username": username, "roles": role}
        wrong = {k: w(f"p_f_{k}") for k, v in (("name", name.strip()), ("firm", firm), ("duties", duty)) if not v}
        if wrong:
            return form(request, desk, 400, wrong=wrong, **given)
        values = {"name": name.strip(), "org_id": firm, "duties": duty}
        try:
            person, code = service.invite_new(desk.by, values, desk.owner, role, username)
        except Trouble as err:
            if err.problem.number not in (2015, 3001, 3101, 1001):
                raise
            return form(request, desk, err.problem.status, wrong=faults(err, lang), **given)
        return link_page(request, desk, found(desk, person), code, reset=False)

    @app.get(f"{prefix}/{{person}}")
    def one(
        request: Request, person: str, desk: Desk = at_desk, said: Annotated[str, Query(max_length=20)] = ""
    ) -> Response:
        return person_page(request, desk, person, said=said)

    def person_page(
        request: Request,
        desk: Desk,
        person: str,
        status: int = 200,
        said: str = "",
        wrong: dict[str, str] | None = None,
        **given: Any,
    ) -> Response:
        lang, now = house.lang(request), house.now()
        m = found(desk, person)
        owners = service.owners({o for o, _ in m.roles})
        may = desk.may
        line = shown.line(m, desk.owner, may, lang, now)
        held = [r.role for r in line.roles]
        sent = m.invited
        return desk.page(
            house, request, "people/person.html", status, path=f"{desk.base}/{person}", who=m, line=line, said=told(said, lang),
            wrong=wrong or {}, given=given, himself=m.person == desk.by, member=desk.belongs(m), org_admin=(desk.home, ADMIN) in m.roles,
            offered=[(r, shown.role_word(r, lang), r in MANAGED) for r in shown.in_order([*may]) if r not in held],
            projects=[] if desk.owner else shown.by_project(m, {o: n for o, n in owners.items() if o != desk.home}, lang),
            duties=[pick(codes("person_duty")[d], lang) if d in codes("person_duty") else d for d in m.duties],
            uses=[(k, pick(v, lang)) for k, v in codes("enrolment_use").items()],
            open_until=when(shown.moment(sent["expires_at"]), now) if sent else "",
            sent_by=service.called([sent["made_by"]]).get(sent["made_by"]) if sent else None,
        )  # fmt: skip

    @app.post(f"{prefix}/role")
    def role(
        request: Request,
        desk: Desk = at_desk,
        person: Person = "",
        role: Annotated[str, Form(max_length=40)] = "",
        act: Annotated[str, Form(pattern="^(give|take)$")] = "give",
    ) -> Response:
        found(desk, person)
        change = service.give_role if act == "give" else service.take_role
        try:
            change(desk.by, person, desk.owner or desk.home, role)
        except Trouble as err:
            if err.problem.number not in (2013, 2014):
                raise
            return person_page(request, desk, person, err.problem.status, wrong=whole(err, house.lang(request)))
        return desk.back(person, said="gave" if act == "give" else "took")

    @app.post(f"{prefix}/link")
    def link(
        request: Request,
        desk: Desk = at_desk,
        person: Person = "",
        username: Text = "",
        act: Annotated[str, Form(pattern="^(invite|reset|withdraw)$")] = "invite",
    ) -> Response:
        m = found(desk, person)
        try:
            if act == "withdraw":
                service.withdraw_invitation(desk.by, person, desk.owner)
                return desk.back(person, said="withdrawn")
            reset = act == "reset"
            code = (
                service.reset_link(desk.by, person) if reset else service.invite(desk.by, person, desk.owner, username)
            )
        except Trouble as err:
            if err.problem.number not in (2015, 2018, 2019, 3001):
                raise
            wrong = faults(err, house.lang(request))
            return person_page(request, desk, person, err.problem.status, wrong=wrong, username=username)
        return link_page(request, desk, m, code, reset)

    def link_page(request: Request, desk: Desk, m: Member, code: str, reset: bool) -> Response:
        lang, now = house.lang(request), house.now()
        w = words(lang)
        url = f"{str(request.base_url).rstrip('/').removesuffix(ROOT)}{ROOT}/invited/{code}"
        until = when(now + timedelta(hours=INVITED_H), now)
        text = w("p_reset_text" if reset else "p_link_text", name=m.name, t=until, url=url)
        return desk.page(
            house, request, "people/link.html", path=f"{desk.base}/{m.person}", who=m, url=url, text=text, reset=reset, plain=not secure(request)
        )  # fmt: skip

    @app.post(f"{prefix}/code")
    def code(
        request: Request, desk: Desk = at_desk, person: Person = "", use: Annotated[str, Form(max_length=40)] = "field"
    ) -> Response:
        m, lang, now = found(desk, person), house.lang(request), house.now()
        if use not in codes("enrolment_use"):
            raise Trouble(1001, why={"zh": "没有这个用途", "en": "there is no such use"})
        text = service.code_for(desk.by, person, use)
        w, server, key = words(lang), str(request.base_url).rstrip("/").removesuffix(ROOT), service.server_key
        return desk.page(
            house, request, "people/code.html", path=f"{desk.base}/{person}", who=m, code=text, server=server,
            key=grouped(fingerprint(key)), qr=qr_svg(enrol_uri(server, text, key), w("p_code_qr")),
            until=when(now + timedelta(minutes=CODE_MINUTES), now), host=request.url.hostname,
            loopback=request.url.hostname in LOOPBACK, plain=not secure(request), no_role=not live(m.roles),
        )  # fmt: skip

    @app.post(f"{prefix}/device")
    def device(
        request: Request,
        desk: Desk = at_desk,
        person: Person = "",
        enrolment: Person = "",
        act: Annotated[str, Form(pattern="^(revoke|reinstate)$")] = "revoke",
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        m, lang = found(desk, person), house.lang(request)
        if enrolment not in {d.key.enrolment for d in m.devices}:
            raise Trouble(2004)
        if not reason.strip():
            return person_page(request, desk, person, 400, wrong={enrolment: words(lang)("p_f_reason")})
        service.switch_device(desk.by, enrolment, act == "revoke", reason.strip(), desk.owner)
        return desk.back(person, said="revoked" if act == "revoke" else "reinstated")


def add_accounts(house: House, prefix: str, enter: Callable[..., Desk]) -> None:
    """What only an administrator does with an account."""
    at_desk = Depends(enter)

    @house.app.post(f"{prefix}/account")
    def account(
        request: Request,
        desk: Desk = at_desk,
        person: Person = "",
        act: Annotated[str, Form(pattern="^(disable|enable)$")] = "disable",
        devices: Annotated[str, Form(max_length=5)] = "",
    ) -> Response:
        left = house.service.switch_account(desk.by, person, act == "disable", bool(devices))
        done = "enabled" if act == "enable" else "disabled_left" if left else "disabled"
        return desk.back(person, said=done)


def state_of(m: Member) -> str:
    if m.username is not None:
        return "off" if m.disabled else "on"
    return "invited" if m.invited else "none"


def told(said: str, lang: str) -> str:
    return words(lang)(f"p_said_{said}") if said in SAID else ""


def whole(err: Trouble, lang: str) -> dict[str, str]:
    p = err.problem
    return {"": f"{err.text(lang)}{'。' if lang == 'zh' else '. '}{p.remedy_zh if lang == 'zh' else p.remedy_en}"}
