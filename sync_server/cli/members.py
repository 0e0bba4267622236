"""`jingtu organisation|member …`: firms, and who holds which role where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.records import TYPES, check
from schemas.reference import codes
from sync_server.access import ADMIN, ROLES
from sync_server.cli.common import (
    Data,
    Json,
    find_project,
    names_of,
    not_done,
    opened,
    operator,
    organisation_of,
    out,
    person_of,
    show,
    told,
)
from sync_server.main import Parts
from sync_server.service import Write

organisation_app = typer.Typer(help="单位 · organisations", no_args_is_help=True)
member_app = typer.Typer(help="成员与角色 · members and roles", no_args_is_help=True)
Project = Annotated[
    str, typer.Option("--project", help="项目编号；不填为本单位 · project code; none = the organisation")
]


@organisation_app.command("add")
def organisation_add(
    name: str,
    data: Data = None,
    role: Annotated[list[str] | None, typer.Option(help="单位角色 · " + ", ".join(codes("org_role")))] = None,
    uscc: Annotated[str, typer.Option(help="统一社会信用代码 · unified social credit code")] = "",
) -> None:
    """新增单位（委托方、实验室、运输单位…）；第一个是本单位 · Add an organisation; the first one is your own."""
    with told():
        parts = opened(data)
        with parts.service.store.reading() as tx:
            home = parts.service.home(tx)
            taken = any(o.values.get("name") == name for o in tx.everywhere("organisation"))
        if taken:
            raise not_done(f"已有单位 {name}", f"there is an organisation {name} already")
        if home and not role:
            known = ", ".join(codes("org_role"))
            raise not_done(f"用 --role 写明单位角色：{known}", f"say its --role: {known}")
        values = {"name": name, "roles": role or ["surveyor"], **({"uscc": uscc} if uscc else {})}
        if faults := check(TYPES["organisation"], values):
            raise not_done("；".join(f.zh for f in faults), "; ".join(f.en for f in faults))
        if not home:
            id = organisation_of(parts, name)
            parts.service.write(None, [Write("organisation", id, f"{id}.organisation", values)], operator())
        else:
            id = parts.service.new_id()
            parts.service.write(None, [Write("organisation", id, f"{home}.organisation", values)], operator())
        own = "" if home else "（本单位）"
        out.print(f"单位 {name}{own} 已建 · organisation made: {id}", markup=False, soft_wrap=True)


@organisation_app.command("list")
def organisation_list(data: Data = None, as_json: Json = False) -> None:
    """所有单位 · All organisations."""
    with told():
        parts = opened(data)
        with parts.service.store.reading() as tx:
            home = parts.service.home(tx)
            rows = [
                {
                    "id": o.id,
                    "name": o.values.get("name"),
                    "roles": o.values.get("roles"),
                    "uscc": o.values.get("uscc"),
                    "own": o.id == home,
                }
                for o in tx.everywhere("organisation")
            ]
        columns = [
            ("name", "名称 · name"),
            ("roles", "角色 · roles"),
            ("uscc", "信用代码 · USCC"),
            ("own", "本单位 · own"),
            ("id", "id"),
        ]
        show(as_json, rows, columns, "还没有单位 · No organisations yet")


def _where(parts: Parts, project: str, roles: list[str]) -> str:
    """The owner that roles are held in. Raises Trouble 2004, 4101."""
    wrong = [r for r in roles if r not in ROLES]
    if wrong or not roles:
        known = ", ".join(ROLES)
        raise not_done(f"没有角色 {'、'.join(wrong)}，可用：{known}", f"no role {', '.join(wrong)}; roles: {known}")
    if project:
        return find_project(parts, project).id
    if roles != [ADMIN]:
        raise not_done(
            "用 --project 指明项目；不填项目的只有 administrator",
            "name the --project; only an administrator is one of the whole organisation",
        )
    return organisation_of(parts, "")


@member_app.command("list")
def member_list(data: Data = None, project: Project = "", as_json: Json = False) -> None:
    """谁在哪个项目里是什么角色（former：曾经）· Who holds which role where (former: once did)."""
    with told():
        parts = opened(data)
        owner = find_project(parts, project).id if project else None
        names = names_of(parts)
        with parts.service.store.reading() as tx:
            users = {a["person"]: a["username"] for a in tx.accounts()}
            rows = [
                {
                    "where": names.get(o, o),
                    "username": users.get(who),
                    "name": names.get(who, ""),
                    "role": role,
                    "person": who,
                    "owner": o,
                }
                for who, o, role in tx.all_memberships(owner)
            ]
        columns = [
            ("where", "项目 · project"),
            ("username", "用户名 · user"),
            ("name", "姓名 · name"),
            ("role", "角色 · role"),
        ]
        show(as_json, rows, columns, "没有成员 · No members")


def _change(username: str, role: list[str], data: Path | None, project: str, add: bool) -> None:
    with told():
        parts = opened(data)
        owner = _where(parts, project, role)
        person = person_of(parts, username)
        with parts.service.store.reading() as tx:
            held = [r for o, r in tx.memberships(person) if o == owner]
        if not add and (none := [r for r in role if r not in held]):
            raise not_done(
                f"{username} 没有这个角色：{'、'.join(none)}", f"{username} does not hold: {', '.join(none)}"
            )
        for one in role:
            (parts.service.grant if add else parts.service.withdraw)(person, owner, one, operator())
        now = [r for r in held if r not in role] + (role if add else [])
        said = ", ".join(r for r in dict.fromkeys(now) if r in ROLES) or "无 · none"
        out.print(f"{username} 现在的角色 · roles now: {said}", markup=False, soft_wrap=True)
        if not add:
            out.print(
                "其平板上未同步的记录以后交来会待项目经理决定，不会丢 · what is still on their tablets will wait for the project manager, not get lost",
                markup=False,
                soft_wrap=True,
            )


Roles = Annotated[list[str], typer.Option("--role", help="角色 · " + ", ".join(ROLES))]


@member_app.command("add")
def member_add(username: str, role: Roles, data: Data = None, project: Project = "") -> None:
    """授予角色；因缺这个权限而等待的变更随即入库 · Give a role; changes that waited for that right go in."""
    _change(username, role, data, project, add=True)


@member_app.command("remove")
def member_remove(username: str, role: Roles, data: Data = None, project: Project = "") -> None:
    """收回角色 · Take a role away."""
    _change(username, role, data, project, add=False)
