"""`jingtu backup`, `restore`, `restored …`: the whole server into one file, and back; and what came back with nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.records import TYPES
from sync_server import backup as backups
from sync_server import restore as restores
from sync_server.archive import Manifest
from sync_server.cli.common import (
    As,
    Data,
    Json,
    Reason,
    err,
    find_project,
    opened,
    operator,
    out,
    person_of,
    settings_of,
    show,
    table_of,
    told,
)
from sync_server.main import open_store, service_of

PHOTOS_LOST = 3  # exit code: made, but photos the server should have are lost or damaged
restored_app = typer.Typer(
    help="恢复后只有平板见过的内容 · what only tablets had seen after a restore", no_args_is_help=True
)
Url = Annotated[str, typer.Option("--database-url", help="PostgreSQL 地址 · address (JINGTU_DATABASE_URL)")]


def say(zh: str, en: str) -> None:
    out.print(zh, markup=False, soft_wrap=True)
    out.print(f"  {en}", markup=False, soft_wrap=True)


def size_of(n: int) -> str:
    return f"{n / 1_000_000:.1f} MB" if n >= 100_000 else f"{n / 1000:.1f} kB"


def backup(
    file: Path,
    data: Data = None,
    as_json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="替换已有的文件 · replace a file of that name")] = False,
    without_photos: Annotated[
        bool,
        typer.Option(
            "--without-photos",
            help="不含照片；另外复制 blobs 文件夹 · leave photos out; copy the folder blobs yourself",
        ),
    ] = False,
) -> None:
    """备份整个服务器（可在运行中做），并试恢复一遍 · Back up the whole server, while it runs, and try the backup out."""
    with told():
        settings = settings_of(data)
        backups.check_there(settings)
        restores.settle(settings, open_store)
        made = backups.backup(settings, open_store, service_of, file, operator(), force, not without_photos)
        m = made.manifest
        bad = len(m.photos.missing) + len(m.photos.damaged) if m.photos else 0
        if as_json:
            print(
                json.dumps(
                    {
                        "file": str(made.file),
                        "size": made.size,
                        "verified": made.unverified is None,
                        "made_at": m.made_at,
                        "epoch": m.epoch,
                        "heads": m.heads,
                        "schema_version": m.schema_version,
                        "photos": m.photos.model_dump() if m.photos else None,
                    },
                    ensure_ascii=False,
                    indent=1,
                )
            )
            if bad:
                raise typer.Exit(PHOTOS_LOST)
            return
        changes = m.counts.get("journal", 0)
        say(
            f"备份已写好：{made.file}（{size_of(made.size)}，{changes} 条变更）",
            f"backup written: {made.file} ({size_of(made.size)}, {changes} changes)",
        )
        table = table_of("数据范围 · scope", "到第几条 · up to seq")
        for scope, head in m.scopes.items():
            table.add_row(scope, str(head.seq))
        out.print(table)
        tell_photos(m, settings.data)
        if made.unverified is None:
            say("已试恢复并核对：完好", "tried out by restoring it elsewhere: sound")
        else:
            say(
                f"未验证：数据库用户不能建试恢复用的数据库（{made.unverified}）。请 ALTER ROLE … CREATEDB 后再做一次",
                "NOT VERIFIED: the database user may not create a database to try it in; ALTER ROLE … CREATEDB and repeat",
            )
        say(
            "文件里有服务器的密钥：妥善保管，并拷到另一台机器上",
            "It holds the server's keys: keep it safe, and copy it to another machine",
        )
        tell_left_over(made.left_over)
        if bad:
            raise typer.Exit(PHOTOS_LOST)


def tell_photos(m: Manifest, data: Path) -> None:
    p = m.photos
    if p is None and m.format == 1:
        return  # by a server that had none
    if p is None:
        say(
            f"注意：照片不在这个备份里。把 {data / 'blobs'} 一并复制（rsync -a），丢了找不回来",
            f"NOTE: PHOTOS ARE NOT IN THIS BACKUP. Copy {data / 'blobs'} as well (rsync -a): nothing else brings them back",
        )
        return
    say(
        f"照片 {p.count} 个文件，{size_of(p.size)}，逐个核对过哈希",
        f"{p.count} photo files, {size_of(p.size)}, each against its hash",
    )
    if p.missing or p.damaged:
        say(
            f"服务器上有照片丢失 {len(p.missing)} 个、损坏 {len(p.damaged)} 个，备份里也没有好的：用旧备份或让平板重传，先运行 jingtu doctor",
            f"ON THE SERVER {len(p.missing)} photos are MISSING and {len(p.damaged)} DAMAGED, so they are not in the backup: see jingtu doctor",
        )


def tell_left_over(names: list[str]) -> None:
    if names:
        err.print(
            f"以前中断时留下的数据库，可以删除 · databases left by runs that were killed, may be dropped: {', '.join(names)}",
            markup=False,
            soft_wrap=True,
        )


def restore(
    file: Path,
    data: Data = None,
    database_url: Url = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="换掉已有的数据（改名留下）· replace data (kept, renamed)")
    ] = False,
    gap: Annotated[int, typer.Option(min=0, help="每种编号跳过多少 · numbers to skip of each use")] = restores.GAP,
    device_gap: Annotated[
        int, typer.Option(min=0, help="设备编号跳过多少 · device codes to skip")
    ] = restores.DEVICE_GAP,
) -> None:
    """用备份恢复服务器，开始新的数据纪元 · Restore the server from a backup, as a new data epoch."""
    with told():
        settings = settings_of(data, **({"database_url": database_url} if database_url else {}))
        done = restores.restore(settings, open_store, service_of, file, operator(), replace, gap, device_gap)
        m = done.manifest
        say(
            f"已恢复到 {m.made_at} 的数据，新的数据纪元 {done.epoch}",
            f"restored to the data of {m.made_at}; new data epoch {done.epoch}",
        )
        for place in done.kept:
            say(f"原来的数据留在 {place}", f"what was there is kept as {place}")
        table = table_of("数据范围 · scope", "到第几条 · up to seq")
        for scope, head in m.scopes.items():
            table.add_row(scope, str(head.seq))
        out.print(table)
        tell_photos(m, settings.data)
        numbers = ", ".join(f"{use} {n}" for use, n in done.numbers.items())
        say(
            f"编号已跳过一段，不会与备份后发出的重复：{numbers}",
            f"numbers were skipped, so that none is given twice: {numbers}",
        )
        say(
            f"所有人须重新登录（结束 {done.signed_out} 个登录），未用的登记码作废",
            f"everybody has to sign in again ({done.signed_out} sign-ins ended); enrolment codes no longer count",
        )
        say("接下来：", "What to do now:")
        say(
            "1. 启动服务器。平板同步时会自动把备份之后的变更交回来，不用管",
            "1. Start the server. Tablets bring what came after the backup back by themselves when they sync",
        )
        say(
            "2. 备份之后停用的设备、收回或给出的角色、新建的用户和改过的密码都丢了：用 jingtu device list、member list、user list 逐一核对",
            "2. Revocations, roles, users and passwords since the backup are LOST: check jingtu device list, member list, user list",
        )
        say(
            "3. 备份之后登记的设备会提示重新登记：发新码 jingtu device enrol，未同步的记录会带过去",
            "3. Devices enrolled since will ask to enrol again: jingtu device enrol; what they have not sent is carried over",
        )
        say(
            "4. 在网页上改过、只有平板见过的内容：jingtu restored list 项目，再 take 或 drop",
            "4. What was edited on the server and only tablets had seen: jingtu restored list PROJECT, then take or drop",
        )
        say("5. 运行 jingtu doctor", "5. Run jingtu doctor")
        tell_left_over(done.left_over)


# --- what came back with nobody --------------------------------------------------------------------------------------


def _scopes(parts: Any, project: str) -> list[str]:
    """A project's, and the organisation's, where people and devices stand."""
    owner = find_project(parts, project).id
    with parts.service.store.reading() as tx:
        return [s.id for s in (*tx.scopes(owner), *tx.scopes(parts.service.home(tx)))]


@restored_app.command("list")
def restored_list(project: str, data: Data = None, as_json: Json = False) -> None:
    """只有平板见过、没有变更说明的内容 · What only tablets had seen and no change explains."""
    with told():
        parts = opened(data)
        rows = [
            {**u._asdict(), "type_name": TYPES[u.type].about.zh if u.type in TYPES else u.type}
            for scope in _scopes(parts, project)
            for u in parts.service.unexplained(scope)
        ]
        for row in rows:
            row["kind"] = "新 · not here" if row["now"] is None else "改 · differs"
        columns = [
            ("record", "记录 · record"),
            ("type_name", "类型 · type"),
            ("kind", ""),
            ("lost", "平板见过的值 · as tablets saw it"),
            ("device_code", "平板 · tablet"),
            ("seq", "seq"),
        ]
        show(as_json, rows, columns, "没有：一切都有变更可查 · Nothing: everything is explained by changes")


def _settle(record: str, username: str, reason: str, data: Path | None, take: bool) -> None:
    with told():
        parts = opened(data)
        person = person_of(parts, username)
        with parts.service.store.reading() as tx:
            scopes = [s.id for s in tx.scopes() if any(r["record"] == record for r in tx.seen_rows(s.id))]
        # a record is in one scope; one that none knows is told as such by the service
        parts.service.settle_unexplained(person, scopes[0] if scopes else "", record, take, reason)
        say(*(("已写回", "written again") if take else ("已放弃", "let go")))


@restored_app.command("take")
def restored_take(record: str, username: As, reason: Reason, data: Data = None) -> None:
    """把平板见过的值写回去 · Write what tablets had seen into the record again."""
    _settle(record, username, reason, data, take=True)


@restored_app.command("drop")
def restored_drop(record: str, username: As, reason: Reason, data: Data = None) -> None:
    """不要它 · Let it go."""
    _settle(record, username, reason, data, take=False)
