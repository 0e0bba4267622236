"""Members, accounts, devices, one's own things, invitations, the log."""

from __future__ import annotations

from typing import Any

import httpx

from sync_server.service import Write
from tests.api.rules import PROJECT, anybody, page, project_page, role, signed_in, to_the_pages
from tests.api.world import OURS, PASSWORD, World, ask

MEMBERS, PEOPLE, ME = f"{PROJECT}/members", "/console/people", "/console/me"


def overseen(who: str, place: str) -> str:
    """Who belongs to a project, and its log, is for those who manage or audit it."""
    seen = project_page(who, place)
    overseers = ("project_manager", "administrator", "home_administrator", "auditor")
    return seen if seen != "ok" or role(who) in overseers else "2003"


def changes(done: str) -> Any:
    """What a manager or an administrator does about members; who audits may look only."""

    def rule(who: str, place: str) -> str:
        seen = overseen(who, place)
        return seen if seen != "ok" else "2003" if role(who) == "auditor" else done

    return rule


def administers(done: str) -> Any:
    """The whole organisation is for its administrator; one of a single project is none."""

    def rule(who: str, _: str) -> str:
        if not signed_in(who):
            return "login"
        return done if who == "home_administrator" else "2003"

    return rule


def oneself(done: str) -> Any:
    def rule(who: str, _: str) -> str:
        return done if signed_in(who) else "login"

    return rule


def somebody(world: World) -> str:
    """A person nobody has given a role, without an account."""
    s = world.server
    person = s.new_id()
    s.service.write(None, [Write("person", person, s.home, {"name": "新人", "org_id": s.org, "duties": ["sampler"]})])
    return person


def member_of(world: World, project: str) -> str:
    """Somebody who is or was a member there and whom its manager answers for."""
    return world.people["gone"] if project == world.server.other else world.people["sampler"]


def post(route: str, **more: Any) -> Any:
    """`more`: text, or what makes it of the world and the project."""

    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place) if place else ("", "")
        form = {k: v(world, project) if callable(v) else v for k, v in more.items()}
        return world.call("POST", route.format(project=project), data=form, headers=world.headers(who, True))

    return probe


def get_person(route: str) -> Any:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place) if place else ("", "")
        person = member_of(world, project)
        return world.call("GET", route.format(project=project, person=person), headers=world.headers(who, True))

    return probe


def enrolment(world: World, project: str) -> str:
    return world.late[project].enrolment if project == world.server.other else world.devices["device_sampler"].enrolment


def invitation(world: World) -> str:
    return str(world.server.service.invite(world.people["home_administrator"], somebody(world), None, ""))


def open_link(world: World, who: str, _: str) -> httpx.Response:
    return world.call("GET", f"/console/invited/{invitation(world)}", headers=world.headers(who, True))


def take_link(world: World, who: str, _: str) -> httpx.Response:
    code = invitation(world)
    form = {
        "code": code,
        "username": f"u{world.server.new_id()}",
        "password": "先采完一号点位再吃午饭",
        "again": "先采完一号点位再吃午饭",
    }
    return world.call("POST", "/console/invited", data=form, headers=OURS)


def fresh(world: World, _: str) -> str:
    return somebody(world)


def firm(world: World, _: str) -> str:
    return str(world.server.org)


INVITED = {"name": "新来的", "firm": firm, "duty": "sampler"}
RULES = {
    ("GET", MEMBERS): overseen,
    ("GET", f"{MEMBERS}/new"): changes("ok"),
    ("GET", f"{MEMBERS}/{{person}}"): overseen,
    ("POST", f"{MEMBERS}/invite"): changes("ok"),
    ("POST", f"{MEMBERS}/role"): changes("go"),
    ("POST", f"{MEMBERS}/link"): changes("ok"),
    ("POST", f"{MEMBERS}/code"): changes("ok"),
    ("POST", f"{MEMBERS}/device"): changes("go"),
    ("GET", f"{PROJECT}/log"): overseen,
    ("GET", f"{PROJECT}/log.csv"): overseen,
    ("GET", PEOPLE): administers("ok"),
    ("GET", f"{PEOPLE}/new"): administers("ok"),
    ("GET", f"{PEOPLE}/{{person}}"): administers("ok"),
    ("POST", f"{PEOPLE}/invite"): administers("ok"),
    ("POST", f"{PEOPLE}/role"): administers("go"),
    ("POST", f"{PEOPLE}/link"): administers("ok"),
    ("POST", f"{PEOPLE}/code"): administers("ok"),
    ("POST", f"{PEOPLE}/device"): administers("go"),
    ("POST", f"{PEOPLE}/account"): administers("go"),
    ("GET", "/console/devices"): administers("ok"),
    ("POST", "/console/devices/switch"): administers("go"),
    ("GET", "/console/log"): administers("ok"),
    ("GET", "/console/log.csv"): administers("ok"),
    ("GET", ME): page,
    ("POST", f"{ME}/password"): oneself("go"),
    ("POST", f"{ME}/sessions"): oneself("go"),
    ("POST", f"{ME}/keys"): oneself("ok"),
    ("POST", f"{ME}/keys/revoke"): oneself("2004"),
    ("GET", "/console/invited/{code}"): anybody,
    ("POST", "/console/invited"): to_the_pages,
}
ROLE = {"person": fresh, "role": "sampler", "act": "give"}
DEVICE = {"enrolment": enrolment, "act": "reinstate", "reason": "找到了"}
PROBES = {
    **{(m, r): ask(r) for m, r in RULES if m == "GET"},
    ("GET", f"{MEMBERS}/{{person}}"): get_person(f"{MEMBERS}/{{person}}"),
    ("GET", f"{PEOPLE}/{{person}}"): get_person(f"{PEOPLE}/{{person}}"),
    ("POST", f"{MEMBERS}/invite"): post(f"{MEMBERS}/invite", **INVITED),
    ("POST", f"{MEMBERS}/role"): post(f"{MEMBERS}/role", **ROLE),
    ("POST", f"{MEMBERS}/link"): post(f"{MEMBERS}/link", person=fresh, act="invite"),
    ("POST", f"{MEMBERS}/code"): post(f"{MEMBERS}/code", person=fresh),
    ("POST", f"{MEMBERS}/device"): post(f"{MEMBERS}/device", person=member_of, **DEVICE),
    ("POST", f"{PEOPLE}/invite"): post(f"{PEOPLE}/invite", **INVITED),
    ("POST", f"{PEOPLE}/role"): post(f"{PEOPLE}/role", **{**ROLE, "role": "administrator"}),
    ("POST", f"{PEOPLE}/link"): post(f"{PEOPLE}/link", person=fresh, act="invite"),
    ("POST", f"{PEOPLE}/code"): post(f"{PEOPLE}/code", person=fresh),
    ("POST", f"{PEOPLE}/device"): post(f"{PEOPLE}/device", person=member_of, **DEVICE),
    ("POST", f"{PEOPLE}/account"): post(f"{PEOPLE}/account", person=member_of, act="enable"),
    ("POST", "/console/devices/switch"): post("/console/devices/switch", **DEVICE),
    ("POST", f"{ME}/password"): post(f"{ME}/password", old=PASSWORD, new=PASSWORD, again=PASSWORD),
    ("POST", f"{ME}/sessions"): post(f"{ME}/sessions", session="all"),
    ("POST", f"{ME}/keys"): post(f"{ME}/keys", name="图", days="30"),
    ("POST", f"{ME}/keys/revoke"): post(f"{ME}/keys/revoke", key="no"),
    ("GET", "/console/invited/{code}"): open_link,
    ("POST", "/console/invited"): take_link,
}
