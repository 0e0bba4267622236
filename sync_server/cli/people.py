"""`jingtu project|user|device …`: who works on what, with which device."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.records import TYPES, check
from schemas.reference import codes
from sync_server.access import ROLES
from sync_server.cli.common import Data, find_project, not_done, organisation_of, out, settings_of, told
from sync_server.main import Parts, build
from sync_server.service import Write

user_app = typer.Typer(help="用户 · users", no_args_is_help=True)
device_app = typer.Typer(help="设备 · devices", no_args_is_help=True)
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
        parts = build(settings_of(data))
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
        project = parts.service.add_project(values)
        parts.service.write(None, [Write("site", parts.service.new_id(), f"{project}.field", site)])
        if account:
            parts.service.grant(account["person"], project, "project_manager")
        out.print(f"项目 {code} 已建 · project made: {project}", markup=False, soft_wrap=True)


DUTY = {"sampler": "sampler", "inspector": "inspector", "dispatcher": "dispatcher", "project_manager": "manager"}


def _add_person(parts: Parts, name: str, account: str, roles: list[str]) -> str:
    org, person = organisation_of(parts, ""), parts.service.new_id()
    values: dict[str, Any] = {"name": name, "org_id": org, "account": account}
    if duties := [DUTY[r] for r in roles if r in DUTY]:
        values["duties"] = duties
    parts.service.write(None, [Write("person", person, f"{org}.organisation", values)])
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
        parts = build(settings_of(data))
        where = find_project(parts, project).id if project else ""
        with parts.service.store.reading() as tx:
            account = tx.account(username)
            known_as = [p.values["name"] for p in tx.load("person", [account["person"]])] if account else []
        if account and (not role or known_as != [name]):
            raise not_done(f"已有用户 {username}（{'、'.join(known_as)}），密码和姓名都没有改",
                           f"there is a user {username} ({', '.join(known_as)}) already; name and password stay")  # fmt: skip
        person = account["person"] if account else _add_person(parts, name, username, role or [])
        if account is None:
            parts.auth.add_account(person, username, password)
        for one in role or []:
            parts.service.grant(person, where, one)
        said = "已有，只加了角色 · was there already, roles added" if account else f"可以登录 · {username} can sign in"
        out.print(f"用户 {username} {said}", markup=False, soft_wrap=True)


@device_app.command("enrol")
def device_enrol(
    username: str, data: Data = None, use: str = "field", minutes: Annotated[int, typer.Option(min=1, max=1440)] = 30
) -> None:
    """发一个一次性登记码 · Make a one-time enrolment code for a user's device."""
    with told():
        if use not in codes("enrolment_use"):
            known = ", ".join(codes("enrolment_use"))
            raise not_done(f"没有用途 {use}，可用：{known}", f"no use {use}; use one of: {known}")
        parts = build(settings_of(data))
        with parts.service.store.reading() as tx:
            account = tx.account(username)
        if account is None:
            raise not_done(f"没有用户 {username}", f"no user {username}")
        code = parts.service.new_code(account["person"], "console", use, minutes)
        out.print(f"登记码 · enrolment code: [bold]{code}[/]  （{minutes} 分钟内有效 · valid {minutes} min）")
