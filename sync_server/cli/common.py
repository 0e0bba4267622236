"""What every command shares: settings, how a problem is told, how things are found."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.problems import Trouble
from sync_server.main import Parts, build
from sync_server.settings import Settings
from sync_server.store import Stored

# into a file or a pipe there is no width to keep to
out, err = Console(width=None if sys.stdout.isatty() else 200), Console(stderr=True)
Data = Annotated[Path | None, typer.Option("--data", help="数据目录 · data folder (JINGTU_DATA)")]
Json = Annotated[bool, typer.Option("--json", help="供程序读 · for programs")]
As = Annotated[str, typer.Option("--as", help="以谁的名义：用户名 · in whose name: a user name")]
Reason = Annotated[str, typer.Option("--reason", help="理由，写入操作日志 · the reason, kept in the audit log")]


def settings_of(data: Path | None, **more: Any) -> Settings:
    given: dict[str, Any] = {"data": data} if data else {}
    return Settings(**given, **more)


COPIED = ("id", "record", "enrolment")  # typed into the next command: never broken in two
_open: list[Parts] = []


def opened(data: Path | None) -> Parts:
    """The server's rules over its data, until the command ends (`told`)."""
    parts = build(settings_of(data))
    _open.append(parts)
    return parts


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
    finally:
        while _open:
            _open.pop().service.store.close()


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


def organisation_of(parts: Parts, name: str) -> str:
    """The installation's own organisation; its name is asked for once."""
    with parts.service.store.reading() as tx:
        home = parts.service.home(tx)
    if not home and not name:
        raise not_done(
            "先用 jingtu project add … --organisation 本单位名称",
            "first: jingtu project add … --organisation YOUR-FIRM",
        )
    return home or parts.service.found(name)


def operator() -> str:
    """Who runs the command, for the audit log, where nobody of the installation is named."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, in a container
        return "os:?"


def person_of(parts: Parts, username: str) -> str:
    """Raises Trouble 4101."""
    with parts.service.store.reading() as tx:
        account = tx.account(username)
    if account is None:
        raise not_done(f"没有用户 {username}", f"no user {username}")
    return str(account["person"])


def names_of(parts: Parts) -> dict[str, str]:
    """id → the name of every person, project and organisation, for a list a person reads."""
    with parts.service.store.reading() as tx:
        people = {s.id: str(s.values.get("name", "")) for s in tx.everywhere("person")}
        owners = {s.id: str(s.values.get("name", "")) for s in tx.everywhere("organisation")}
        return {**people, **owners, **{s.id: str(s.values.get("code", "")) for s in tx.everywhere("project")}}


def show(as_json: bool, rows: Sequence[dict[str, Any]], columns: Sequence[tuple[str, str]], empty: str) -> None:
    """Rows as a table, by (key, heading), or all of them as JSON. Nothing in them is markup."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=1))
        return
    if not rows:
        out.print(empty, markup=False)
        return
    table = Table()
    for key, heading in columns:
        table.add_column(heading, overflow="fold", no_wrap=key in COPIED)
    for row in rows:
        table.add_row(*(escape(_cell(row.get(key))) for key, _ in columns))
    out.print(table)


def table_of(*headings: str) -> Table:
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是 · yes" if value else "否 · no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
