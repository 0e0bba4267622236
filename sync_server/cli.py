"""`jingtu`: the server, and what an administrator does without a browser. Chinese first, English beside it."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from schemas.problems import Trouble
from schemas.records import TYPES, check
from schemas.reference import codes
from schemas.rules.reconcile import run
from schemas.rules.reconcile.plain import report_json
from sync_server.access import ROLES
from sync_server.facts import load_facts
from sync_server.main import Parts, build, create_app, server_clock
from sync_server.plan_file import MAX_BYTES, read_plan
from sync_server.plan_import import Imported, Options, import_plan
from sync_server.service import Write
from sync_server.settings import Settings
from sync_server.store import Stored

app = typer.Typer(help="净土外业 · Jingtu: 现场记录同步服务器 · the sync server of the field app", no_args_is_help=True)
plan_app = typer.Typer(help="采样方案 · sampling plans", no_args_is_help=True)
user_app = typer.Typer(help="用户 · users", no_args_is_help=True)
device_app = typer.Typer(help="设备 · devices", no_args_is_help=True)
project_app = typer.Typer(help="项目 · projects", no_args_is_help=True)
for name, sub in (("plan", plan_app), ("user", user_app), ("device", device_app), ("project", project_app)):
    app.add_typer(sub, name=name)

SEVERITY = {
    "error": "错误 · error",
    "warning": "提醒 · warning",
    "info": "提示 · note",
    "unknown": "无法判断 · cannot say",
}
out, err = Console(), Console(stderr=True)
Data = Annotated[Path | None, typer.Option("--data", help="数据目录 · data folder (JINGTU_DATA)")]


def settings_of(data: Path | None, **more: Any) -> Settings:
    given: dict[str, Any] = {"data": data} if data else {}
    return Settings(**given, **more)


@contextmanager
def told() -> Iterator[None]:
    """A problem is words and a remedy, never a traceback."""
    try:
        yield
    except Trouble as trouble:
        tell(trouble)
        raise typer.Exit(1) from trouble
    except ValidationError as error:  # of the settings: a record's faults come as Trouble
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        tell(not_done(f"设置 {wrong}", f"setting {wrong}"))
        raise typer.Exit(1) from error
    except Exception as error:
        cause = getattr(error, "orig", error)  # a database's own error comes wrapped
        if cause is error and not isinstance(error, OSError):
            raise
        tell(not_done(str(cause), str(cause)))
        raise typer.Exit(1) from error


def not_done(zh: str, en: str) -> Trouble:
    return Trouble(4101, why={"zh": zh, "en": en})


def tell(trouble: Trouble) -> None:
    """Words from files and people may hold brackets: nothing here is markup."""
    p = trouble.problem
    err.print(f"{p.number} {trouble.text('zh')}。{p.remedy_zh}", markup=False, soft_wrap=True)
    err.print(f"     {trouble.text('en')}. {p.remedy_en}", markup=False, soft_wrap=True)
    tell_faults([f for f in trouble.extra.get("faults", []) if isinstance(f, dict) and "line" in f])


def tell_faults(faults: list[dict[str, Any]]) -> None:
    for f in faults:
        zh = f"  第 {f['line']} 行「{f['column']}」：{f['zh']}；{f['remedy_zh']}"
        err.print(zh, markup=False, soft_wrap=True)
        err.print(f"  line {f['line']}, {f['column']}: {f['en']}; {f['remedy_en']}", markup=False, soft_wrap=True)


def find_project(parts: Parts, code: str) -> Stored:
    """By code or id. Raises Trouble 2004."""
    with parts.service.store.reading() as tx:
        for project in tx.everywhere("project"):
            if code in (project.id, project.values["code"]):
                return project
    raise Trouble(2004)


@app.command()
def server(data: Data = None, host: str = "", port: int = 0) -> None:
    """启动同步服务器 · Run the sync server."""
    more: dict[str, Any] = {**({"host": host} if host else {}), **({"port": port} if port else {})}
    with told():
        settings = settings_of(data, **more)
        if settings.host not in ("127.0.0.1", "localhost", "::1"):
            err.print(
                "[yellow]在别的机器上使用须经 TLS 反向代理 · other machines must reach this through a TLS proxy[/]"
            )
        # listening comes first: a port in use is told before anything else starts
        with listening(settings.host, settings.port) as door:
            uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning")).run(sockets=[door])


def listening(host: str, port: int) -> socket.socket:
    """Raises Trouble 4101 when nobody can listen there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise not_done(
            f"不能在 {host}:{port} 上监听（{error}）；端口被占用时用 --port 换一个",
            f"cannot listen on {host}:{port} ({error}); if the port is taken give another with --port",
        ) from error


@app.command(name="app")
def field_app(data: Data = None, port: int = 8550) -> None:
    """启动外业应用（浏览器打开）· Run the field app in the browser."""
    folder = str(data or Path("var/tablet"))
    os.execv(sys.executable, [sys.executable, "-m", "field_app", "--data", folder, "--port", str(port)])


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
        org = _organisation(parts, organisation)
        values = {"code": code, "name": name, "stage": stage, "surveyor_id": org, **contact}
        # both are judged before either goes in
        if faults := check(TYPES["project"], values) + check(TYPES["site"], site):
            raise not_done("；".join(f.zh for f in faults), "; ".join(f.en for f in faults))
        project = parts.service.add_project(values)
        parts.service.write(None, [Write("site", parts.service.new_id(), f"{project}.field", site)])
        if account:
            parts.service.grant(account["person"], project, "project_manager")
        out.print(f"项目 {code} 已建 · project made: {project}", markup=False, soft_wrap=True)


def _organisation(parts: Parts, name: str) -> str:
    """The installation's own organisation; its name is asked for once."""
    with parts.service.store.reading() as tx:
        home = parts.service.home(tx)
    if not home and not name:
        raise not_done(
            "先用 jingtu project add … --organisation 本单位名称",
            "first: jingtu project add … --organisation YOUR-FIRM",
        )
    return home or parts.service.found(name)


DUTY = {"sampler": "sampler", "inspector": "inspector", "dispatcher": "dispatcher", "project_manager": "manager"}


def _add_person(parts: Parts, name: str, account: str, roles: list[str]) -> str:
    org, person = _organisation(parts, ""), parts.service.new_id()
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


@plan_app.command("import")
def plan_import(
    file: Path, project: Annotated[str, typer.Option(help="项目编号 · project code")], data: Data = None,
    good_rows: Annotated[bool, typer.Option("--good-rows", help="只导入正确的行 · import the good rows only")] = False,
    reason: Annotated[str, typer.Option(help="文件没有布点理由时用 · reason where the file has none")] = "",
    target: Annotated[str, typer.Option(help="文件没有采样深度时用，如 0-0.2 · target where the file has none")] = "",
    groups: Annotated[str, typer.Option(help="检测项目组代码，逗号分隔 · analyte group codes")] = "",
    note: Annotated[str, typer.Option(help="版本变更说明 · what this version is for")] = "",
    title: str = "",
) -> None:  # fmt: skip
    """从 CSV 导入采样方案（再次导入生成新版本）· Import a plan from CSV; importing again makes a new version."""
    with told():
        parts = build(settings_of(data))
        if not file.is_file():
            raise not_done(f"没有文件 {file}", f"no file {file}")
        interval = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", target)
        if target and not interval:
            raise not_done(
                f"--target 写成 上深-下深，如 0-0.2，不是 {target}",
                f"give --target as top-bottom such as 0-0.2, not {target}",
            )
        options = Options(
            title or file.stem, reason or None, (interval[1], interval[2]) if interval else None,
            tuple(g.strip() for g in groups.split(",") if g.strip()), only_good=good_rows, change_note=note or None,
        )  # fmt: skip
        with file.open("rb") as opened:
            found = read_plan(opened.read(MAX_BYTES + 1))
        bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*bars, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("导入 · importing", total=len(found.rows))
            done = import_plan(
                parts.service, find_project(parts, project).id, found, options,
                progress=lambda n, total: bar.update(task, completed=n, total=total),
            )  # fmt: skip
        for zh, en in found.notes:
            err.print(f"{zh} · {en}", markup=False, soft_wrap=True)
        if found.ignored:
            err.print(f"未用到的列 · columns not used: {', '.join(found.ignored)}", markup=False, soft_wrap=True)
        tell_faults([f._asdict() for f in found.faults])
        _tell_import(done)


def _tell_import(done: Imported) -> None:
    out.print(
        f"方案第 {done.version} 版：{done.points} 个点位已导入 · plan version {done.version}: {done.points} points"
    )
    if done.left_out:
        out.print(f"{done.left_out} 行有错未导入 · {done.left_out} wrong rows left out")
    if n := done.without_target:
        err.print(f"{n} 个点位没有采样深度或项目组，未建采样任务 · {n} points have no depth or groups: no target made")
    d = done.difference
    if d is None:
        return
    if d.empty:
        out.print("与上一版没有差别 · nothing changed against the last version")
    for zh, en, names in (
        ("新增", "added", d.added), ("删除", "removed", d.removed),
        ("移动", "moved", [f"{c} {m:.1f} m" for c, m in d.moved]),
        ("修改", "changed", [f"{c} ({', '.join(f)})" for c, f in d.changed]),
    ):  # fmt: skip
        if names:
            shown = ", ".join(names[:20]) + (f" … (+{len(names) - 20})" if len(names) > 20 else "")
            out.print(f"{zh} · {en} {len(names)}: {shown}", markup=False, soft_wrap=True)


@app.command()
def reconcile(
    project: str, data: Data = None, as_json: Annotated[bool, typer.Option("--json")] = False, limit: int = 20
) -> None:
    """核对：方案与现场 · Reconcile the plan with what came back."""
    with told():
        parts = build(settings_of(data))
        found = find_project(parts, project)
        report = run(load_facts(parts.service, found.id, server_clock()))
        if as_json:
            print(json.dumps(report_json(report), ensure_ascii=False, indent=1))
            return
        out.print(f"{found.values['name']} · 数据到 · as of {report.basis.clock}", markup=False)
        table = Table("轻重 · severity", "核对项 · check", "点位 · point", "内容 · finding", "谁处理 · who")
        for f in report.findings[:limit]:
            cells = SEVERITY[f.severity], f.check, f.point_code or "", f"{f.zh}\n{f.en}", f"{f.who.zh}\n{f.who.en}"
            table.add_row(*map(escape, cells))
        out.print(table)
        if len(report.findings) > limit:
            out.print(f"共 {len(report.findings)} 条，用 --limit 看更多 · {len(report.findings)} in all")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
