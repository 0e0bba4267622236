"""`jingtu project|user …`: projects, and who may sign in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.records import TYPES, check
from schemas.reference import codes
from sync_server.access import FORMER, MANAGER, ROLES
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

user_app = typer.Typer(help="用户 · users", no_args_is_help=True)
project_app = typer.Typer(help="项目 · projects", no_args_is_help=True)


@project_app.command("add")
def project_add(
    code: str, name: str, stage: str = "detailed", data: Data = None,
    organisation: Annotated[str, typer.Option(help="本单位名称，第一次要填 · your organisation, the first time")] = "",
    manager: Annotated[str, typer.Option(help="项目经理用户名 · the project manager's user name")] = "",
    division: Annotated[str, typer.Option(help="地块行政区划代码 · the site's division code")] = "",
    standard: Annotated[str, typer.Option(help="评价标准 · " + ", ".join(codes("standard")))] = "",
    land_use: Annotated[str, typer.Option(help="规划用途 · " + ", ".join(codes("land_use")))] = "",
    ph_band: Annotated[str, typer.Option(help="土壤 pH 分组（GB 15618）· " + ", ".join(codes("ph_band")))] = "",
) -> None:  # fmt: skip
    """新建项目和它的地块 · Make a project, its scopes and its site."""
    with told():
        parts = opened(data)
        with parts.service.store.reading() as tx:
            account = tx.account(manager) if manager else None
            taken = any(p.values["code"] == code for p in tx.everywhere("project"))
        if taken:
            raise not_done(f"已有项目 {code}", f"there is a project {code} already")
        if manager and account is None:
            raise not_done(f"没有用户 {manager}", f"no user {manager}")
        given = {"standard": standard, "land_use": land_use, "ph_band": ph_band, "division_code": division}
        site = {"code": code, "name": name, "status": "survey", **{k: v for k, v in given.items() if v}}
        contact = {"contact_id": account["person"]} if account else {}
        org = organisation_of(parts, organisation)
        values = {"code": code, "name": name, "stage": stage, "surveyor_id": org, **contact}
        # both are judged before either goes in
        if faults := check(TYPES["project"], values) + check(TYPES["site"], site):
            raise not_done("；".join(f.zh for f in faults), "; ".join(f.en for f in faults))
        project = parts.service.add_project(values, by=operator())
        parts.service.write(None, [Write("site", parts.service.new_id(), f"{project}.field", site)], operator())
        if account:
            parts.service.grant(account["person"], project, "project_manager", operator())
        out.print(f"项目 {code} 已建 · project made: {project}", markup=False, soft_wrap=True)


DUTY = {"sampler": "sampler", "inspector": "inspector", "dispatcher": "dispatcher", "project_manager": "manager"}


def _add_person(parts: Parts, name: str, account: str, roles: list[str]) -> str:
    org, person = organisation_of(parts, ""), parts.service.new_id()
    values: dict[str, Any] = {"name": name, "org_id": org, "account": account}
    if duties := [DUTY[r] for r in roles if r in DUTY]:
        values["duties"] = duties
    parts.service.write(None, [Write("person", person, f"{org}.organisation", values)], operator())
    return person


@user_app.command("add")
def user_add(
    username: str, name: str, data: Data = None,
    role: Annotated[list[str] | None, typer.Option(help=f"角色 · {', '.join(ROLES)}")] = None,
    project: Annotated[str, typer.Option(help="项目编号 · project code")] = "",
    password: Annotated[str, typer.Option(prompt="密码 · password", hide_input=True, envvar="JINGTU_PASSWORD")] = "",
) -> None:  # fmt: skip
    """新增用户并授予角色 · Add a user, with roles in a project."""
    with told():
        wrong = [r for r in role or [] if r not in ROLES]
        if wrong or bool(role) != bool(project):
            known = ", ".join(ROLES)
            raise not_done(f"角色须与项目一起给出，可用角色：{known}", f"give roles with a project; roles: {known}")
        parts = opened(data)
        where = find_project(parts, project).id if project else ""
        with parts.service.store.reading() as tx:
            account = tx.account(username)
            known_as = [p.values["name"] for p in tx.load("person", [account["person"]])] if account else []
        if account and (not role or known_as != [name]):
            raise not_done(f"已有用户 {username}（{'、'.join(known_as)}），密码和姓名都没有改",
                           f"there is a user {username} ({', '.join(known_as)}) already; name and password stay")  # fmt: skip
        person = account["person"] if account else _add_person(parts, name, username, role or [])
        if account is None:
            parts.auth.add_account(person, username, password, operator())
        for one in role or []:
            parts.service.grant(person, where, one, operator())
        said = "已有，只加了角色 · was there already, roles added" if account else f"可以登录 · {username} can sign in"
        out.print(f"用户 {username} {said}", markup=False, soft_wrap=True)


@user_app.command("list")
def user_list(data: Data = None, as_json: Json = False) -> None:
    """所有用户和角色 · All users and their roles."""
    with told():
        parts = opened(data)
        names = names_of(parts)
        with parts.service.store.reading() as tx:
            held, devices = tx.all_memberships(), tx.device_keys()
            accounts = tx.accounts()
        rows = [
            {
                **a, "name": names.get(a["person"], ""),
                "roles": [f"{names.get(owner, owner)}: {role}" for person, owner, role in held if person == a["person"]],
                "devices": [k.device_code for k in devices if k.person == a["person"] and k.state == "enrolled"],
            }
            for a in accounts
        ]  # fmt: skip
        columns = [("username", "用户名 · user"), ("name", "姓名 · name"), ("roles", "角色 · roles"), ("devices", "设备 · devices"),
                   ("disabled", "停用 · disabled")]  # fmt: skip
        show(as_json, rows, columns, "还没有用户 · No users yet")


@user_app.command("disable")
def user_disable(
    username: str, data: Data = None,
    with_devices: Annotated[bool, typer.Option("--with-devices", help="同时停用其设备 · revoke the devices too")] = False,
) -> None:  # fmt: skip
    """停用账号：不能再登录 · Disable an account: it can sign in no more."""
    with told():
        parts = opened(data)
        left = parts.service.disable(person_of(parts, username), True, operator(), with_devices)
        out.print(
            f"用户 {username} 已停用，已登录的也已退出 · {username} is disabled and signed out",
            markup=False,
            soft_wrap=True,
        )
        if left:
            codes_ = ", ".join(left)
            out.print(f"其设备仍可同步：{codes_}；要停用请加 --with-devices 再运行 · devices that still sync: {codes_}; run again with --with-devices",
                      markup=False, soft_wrap=True)  # fmt: skip


@user_app.command("enable")
def user_enable(username: str, data: Data = None) -> None:
    """恢复账号（设备不会随之恢复）· Enable an account again (not its devices)."""
    with told():
        parts = opened(data)
        parts.service.disable(person_of(parts, username), False, operator())
        out.print(f"用户 {username} 可以登录 · {username} can sign in", markup=False, soft_wrap=True)


@user_app.command("password")
def user_password(
    username: str, data: Data = None,
    password: Annotated[
        str,
        typer.Option(prompt="新密码 · new password", hide_input=True, confirmation_prompt=True, envvar="JINGTU_PASSWORD"),
    ] = "",
) -> None:  # fmt: skip
    """重设密码，已登录的退出 · Set a new password; who is signed in is signed out."""
    with told():
        parts = opened(data)
        parts.service.change_password(person_of(parts, username), parts.auth.hashed(password), operator())
        out.print(f"用户 {username} 的密码已改 · the password of {username} was changed", markup=False, soft_wrap=True)


@project_app.command("list")
def project_list(data: Data = None, as_json: Json = False) -> None:
    """所有项目 · All projects."""
    with told():
        parts = opened(data)
        names = names_of(parts)
        with parts.service.store.reading() as tx:
            held = tx.all_memberships()
            rows = [
                {
                    "id": p.id, **{k: p.values.get(k) for k in ("code", "name", "stage")},
                    "managers": [names.get(who, who) for who, owner, role in held if owner == p.id and role == MANAGER],
                    "members": len({who for who, owner, role in held if owner == p.id and role != FORMER}),
                    "scopes": {s.audience: s.seq for s in tx.scopes(p.id)},
                }
                for p in sorted(tx.everywhere("project"), key=lambda p: str(p.values.get("code")))
            ]  # fmt: skip
        columns = [("code", "编号 · code"), ("name", "名称 · name"), ("stage", "阶段 · stage"), ("managers", "项目经理 · managers"),
                   ("members", "成员 · members"), ("scopes", "到第几条 · up to seq")]  # fmt: skip
        show(as_json, rows, columns, "还没有项目 · No projects yet")
