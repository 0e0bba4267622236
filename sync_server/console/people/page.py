"""The room of people: members, accounts, devices, one's own things, invitations, the audit log."""

from __future__ import annotations

from fastapi import Request

from sync_server.console.house import House
from sync_server.console.people.desk import Desk, desk_of_all, desk_of_project
from sync_server.console.people.devices import add_devices
from sync_server.console.people.invited import add_invited
from sync_server.console.people.logpage import add_log
from sync_server.console.people.me import add_me
from sync_server.console.people.members import add_accounts, add_desk


def add_people(house: House) -> None:
    def members(request: Request, project: str) -> Desk:
        return desk_of_project(house, request, project)

    def everybody(request: Request) -> Desk:
        return desk_of_all(house, request)

    add_me(house)
    add_invited(house)
    add_devices(house)
    add_log(house)
    add_desk(house, "/projects/{project}/members", members)
    add_accounts(house, "/people", everybody)
    add_desk(house, "/people", everybody)
