"""`jingtu`: the server, and what an administrator does without a browser. Chinese first, English beside it."""

from __future__ import annotations

import gc
import json
import socket
from typing import Annotated, Any

import typer
import uvicorn
from rich.markup import escape
from rich.table import Table

from schemas.rules.reconcile import run
from schemas.rules.reconcile.plain import report_json
from sync_server.cli import (
    bundle,
    care,
    check,
    devices,
    evidence,
    export,
    inspection,
    members,
    papers,
    people,
    plan,
    tablet,
    waiting,
)
from sync_server.cli.common import Data, err, find_project, not_done, opened, out, settings_of, told
from sync_server.console.session import LOOPBACK
from sync_server.facts import load_facts
from sync_server.main import create_app, server_clock
from sync_server.proof.verify import main as verify_main
from sync_server.settings import Settings

app = typer.Typer(help="净土外业 · Jingtu: 现场记录同步服务器 · the sync server of the field app", no_args_is_help=True)
for name, sub in (
    ("plan", plan.app), ("user", people.user_app), ("device", devices.device_app), ("block", devices.block_app),
    ("project", people.project_app), ("organisation", members.organisation_app), ("member", members.member_app),
    ("parked", waiting.parked_app), ("restored", care.restored_app),
    ("bundle", bundle.bundle_app), ("evidence", evidence.evidence_app), ("manifest", papers.app),
):  # fmt: skip
    app.add_typer(sub, name=name)

for command in (
    care.backup,
    care.restore,
    check.doctor,
    waiting.audit,
    tablet.app,
    export.export,
    inspection.inspection,
):
    app.command()(command)

GRACE_S = 30  # a server that is stopped ends for so long what it is at; a long upload goes on with the next one

SEVERITY = {
    "error": "错误 · error",
    "warning": "提醒 · warning",
    "info": "提示 · note",
    "unknown": "无法判断 · cannot say",
}


@app.command()
def server(data: Data = None, host: str = "", port: int = 0) -> None:
    """启动同步服务器 · Run the sync server."""
    more: dict[str, Any] = {**({"host": host} if host else {}), **({"port": port} if port else {})}
    with told():
        settings = settings_of(data, **more)
        for zh, en in to_mind(settings):
            err.print(f"{zh}\n  {en}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        if settings.tianditu_key and settings.tianditu_key.get_secret_value().strip():
            err.print("底图：天地图已开启 · base map: TianDiTu is on")
        # listening comes first: a port in use is told before anything else starts
        with listening(settings.host, settings.port) as door:
            app = create_app(settings)
            gc.freeze()  # what was made up to here stays: no collection needs to look through it
            how = uvicorn.Config(
                app, log_level="warning", server_header=False, timeout_graceful_shutdown=GRACE_S, proxy_headers=True,
                forwarded_allow_ips=settings.forwarded_allow_ips,
            )  # fmt: skip
            uvicorn.Server(how).run(sockets=[door])


def to_mind(settings: Settings) -> list[tuple[str, str]]:
    """What whoever starts the server has to know of its safety on the network, zh and en."""
    out = []
    if settings.host not in LOOPBACK:
        out.append((
            f"注意：{settings.host}:{settings.port} 没有加密。密码、登记码和记录在网络上可被读取和改动：在别的机器上使用须经 TLS 反向代理（docs/administration.md 第 11 节）",
            f"NOTE: {settings.host}:{settings.port} is not encrypted. Passwords, enrolment codes and records can be read and altered on the "
            "network: other machines must reach this through a TLS proxy (docs/administration.md, section 11)",
        ))  # fmt: skip
    if "*" in settings.forwarded_allow_ips.split(","):
        out.append((
            "注意：JINGTU_FORWARDED_ALLOW_IPS=* 时，任何能连上的人都能自称来自别处、来自 https：只在除代理外无人能连到服务器时使用",
            "NOTE: with JINGTU_FORWARDED_ALLOW_IPS=* whoever can connect may claim to come from elsewhere and over https: only where nobody "
            "but the proxy can reach the server",
        ))  # fmt: skip
    return out


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


@app.command()
def reconcile(
    project: str, data: Data = None, as_json: Annotated[bool, typer.Option("--json")] = False, limit: int = 20
) -> None:
    """核对：方案与现场 · Reconcile the plan with what came back."""
    with told():
        parts = opened(data)
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def verify(context: typer.Context) -> None:
    """核验证据包 · Verify an evidence package (needs nothing of the server: sync_server/proof/verify.py)."""
    raise typer.Exit(verify_main(context.args))


def main() -> None:
    app()
