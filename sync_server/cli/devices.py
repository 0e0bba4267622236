"""`jingtu device|block …`: enrolled tablets, and the numbers they were given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.reference import codes
from sync_server.cli.common import Data, Json, names_of, not_done, opened, operator, out, person_of, show, told

device_app = typer.Typer(help="设备 · devices", no_args_is_help=True)
block_app = typer.Typer(help="编号号段 · blocks of numbers", no_args_is_help=True)
Enrolment = Annotated[
    str, typer.Option(help="只动这一个登记（一台平板多人时）· only this enrolment, where a tablet has several")
]


@device_app.command("enrol")
def device_enrol(
    username: str, data: Data = None, use: str = "field", minutes: Annotated[int, typer.Option(min=1, max=1440)] = 30
) -> None:
    """发一个一次性登记码 · Make a one-time enrolment code for a user's device."""
    with told():
        if use not in codes("enrolment_use"):
            known = ", ".join(codes("enrolment_use"))
            raise not_done(f"没有用途 {use}，可用：{known}", f"no use {use}; use one of: {known}")
        parts = opened(data)
        code = parts.service.new_code(person_of(parts, username), operator(), use, minutes)
        out.print(f"登记码 · enrolment code: [bold]{code}[/]  （{minutes} 分钟内有效 · valid {minutes} min）")


@device_app.command("list")
def device_list(data: Data = None, as_json: Json = False) -> None:
    """设备：编号、使用人、状态、最后连接、还有多少没传 · Devices: code, person, state, last seen, how much waits."""
    with told():
        parts = opened(data)
        names = names_of(parts)
        with parts.service.store.reading() as tx:
            keys = tx.device_keys()
        rows = [
            {
                "device_code": k.device_code,
                "name": names.get(k.person, ""),
                "state": k.state,
                "last_seen": k.last_seen,
                "pending": k.pending,
                "app_version": k.app_version,
                "enrolment": k.enrolment,
                "person": k.person,
                "device": k.device,
            }
            for k in keys
        ]
        columns = [
            ("device_code", "编号 · code"),
            ("name", "使用人 · person"),
            ("state", "状态 · state"),
            ("last_seen", "最后连接 · last seen"),
            ("pending", "待传 · waiting there"),
            ("app_version", "应用 · app"),
            ("enrolment", "登记 · enrolment"),
        ]
        show(as_json, rows, columns, "还没有设备 · No devices yet")


def _set(code: str, enrolment: str, data: Path | None, revoke: bool) -> None:
    with told():
        parts = opened(data)
        with parts.service.store.reading() as tx:
            keys = [k for k in tx.device_keys() if k.device_code == code and enrolment in ("", k.enrolment)]
        if not keys:
            raise not_done(f"没有设备 {code} {enrolment}".rstrip(), f"no device {code} {enrolment}".rstrip())
        for key in keys:
            (parts.service.revoke if revoke else parts.service.reinstate)(key.enrolment, operator())
        if revoke:
            said = "已停用：不能再读取；它交来的记录等项目经理决定 · revoked: it reads no more; what it hands in waits for the project manager"
        else:
            said = "已恢复；停用期间交来的记录已入库 · reinstated; what it handed in meanwhile went in"
        out.print(f"设备 {code} {said}", markup=False, soft_wrap=True)


@device_app.command("revoke")
def device_revoke(code: str, data: Data = None, enrolment: Enrolment = "") -> None:
    """停用设备（丢失、被盗、离职）· Revoke a device (lost, stolen, its user left)."""
    _set(code, enrolment, data, revoke=True)


@device_app.command("reinstate")
def device_reinstate(code: str, data: Data = None, enrolment: Enrolment = "") -> None:
    """恢复停用的设备 · Undo a revocation."""
    _set(code, enrolment, data, revoke=False)


@block_app.command("list")
def block_list(data: Data = None, as_json: Json = False) -> None:
    """发给各设备的号段 · Which device has which numbers."""
    with told():
        parts = opened(data)
        with parts.service.store.reading() as tx:
            devices = {d.id: d.values.get("code") for d in tx.everywhere("device")}
            given = tx.numbers_given()
            blocks = [b.values for b in tx.everywhere("number_block")]
        rows = [
            {
                "use": b["use"],
                "from_no": b["from_no"],
                "to_no": b["to_no"],
                "device_code": devices.get(b["device_id"]),
                "next_no": given.get(b["use"]),
            }
            for b in sorted(blocks, key=lambda b: (b["use"], b["from_no"]))
        ]
        columns = [
            ("use", "用途 · use"),
            ("from_no", "起 · from"),
            ("to_no", "止 · to"),
            ("device_code", "设备 · device"),
        ]
        show(as_json, rows, columns, "还没有发出号段 · No blocks given yet")
        if not as_json and given:
            text = ", ".join(f"{use} {n}" for use, n in given.items())
            out.print(f"下一个编号 · next numbers: {text}", markup=False, soft_wrap=True)
