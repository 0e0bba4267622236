"""`jingtu parked …` and `audit`: changes that wait for a person, and what people did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from schemas.records import TYPES
from sync_server.cli.common import (
    As,
    Data,
    Json,
    Reason,
    find_project,
    names_of,
    opened,
    out,
    person_of,
    show,
    told,
)

parked_app = typer.Typer(help="待关联的变更 · parked changes", no_args_is_help=True)


@parked_app.command("list")
def parked_list(project: str, data: Data = None, as_json: Json = False) -> None:
    """等待中的变更：项目的和本单位的 · Changes that wait: of the project and of the organisation."""
    with told():
        parts = opened(data)
        owner = find_project(parts, project).id
        names = names_of(parts)
        with parts.service.store.reading() as tx:
            scopes = [s.id for s in (*tx.scopes(owner), *tx.scopes(parts.service.home(tx)))]
        rows = []
        for scope in scopes:
            for p in parts.service.parked(scope):
                about = TYPES[p.line.type].about.zh if p.line.type in TYPES else p.line.type
                rows.append(
                    {
                        "id": p.line.id,
                        "scope": scope,
                        "type": p.line.type,
                        "about": about,
                        "record": p.line.record,
                        "problem": p.line.problem,
                        "zh": p.zh,
                        "en": p.en,
                        "missing": p.missing,
                        "received_at": p.line.received_at,
                        "device_code": p.key.device_code if p.key else None,
                        "name": names.get(p.key.person, "") if p.key else None,
                        "accepted": bool(p.decision and p.decision["accepted"]),
                        "needs_decision": any(m.startswith(("right:", "device:")) for m in p.missing),
                    }
                )
        columns = [
            ("id", "变更 · change"),
            ("about", "类型 · type"),
            ("name", "谁 · who"),
            ("device_code", "设备 · device"),
            ("zh", "在等什么 · why"),
            ("needs_decision", "须决定 · to be decided"),
            ("received_at", "交来 · came"),
        ]
        show(as_json, rows, columns, "没有等待中的变更 · Nothing waits")


def _decide(ids: list[str], username: str, reason: str, data: Path | None, accept: bool) -> None:
    with told():
        parts = opened(data)
        became = parts.service.decide_parked(person_of(parts, username), ids, accept, reason)
        for id, outcome in became.items():
            out.print(f"{id}  {outcome.value}", markup=False, soft_wrap=True)


Ids = Annotated[list[str], typer.Argument(help="变更编号 · ids of changes")]


@parked_app.command("accept")
def parked_accept(ids: Ids, username: As, reason: Reason, data: Data = None) -> None:
    """采纳：缺权限或设备已停用也入库 · Take them in although a right is missing or the device was revoked."""
    _decide(ids, username, reason, data, accept=True)


@parked_app.command("decline")
def parked_decline(ids: Ids, username: As, reason: Reason, data: Data = None) -> None:
    """不采纳：内容留存，不入库 · Decline them: kept, never applied."""
    _decide(ids, username, reason, data, accept=False)


def audit(
    data: Data = None,
    as_json: Json = False,
    about: Annotated[str, typer.Option(help="只看这个编号 · only about this id")] = "",
    limit: Annotated[int, typer.Option(min=1)] = 100,
) -> None:
    """操作日志：谁在服务器上做了什么，新的在前 · What people did on the server, the newest first."""
    with told():
        parts = opened(data)
        names = names_of(parts)
        with parts.service.store.reading() as tx:
            notes = [dict(n) for n in tx.notes(about or None, limit)]
        for n in notes:
            n["who"], n["what"] = names.get(n["by"], n["by"]), names.get(n["about"], n["about"])
            n["more"] = json.dumps(n["detail"], ensure_ascii=False)[:200] if n["detail"] else ""
        if as_json:
            notes = [{k: v for k, v in n.items() if k != "more"} for n in notes]
        columns = [
            ("at", "时间 · at"),
            ("who", "谁 · who"),
            ("action", "做了什么 · what"),
            ("what", "对象 · about"),
            ("more", ""),
        ]
        show(as_json, notes, columns, "没有记录 · Nothing noted")
