"""What every command shares: settings, how a problem is told, how things are found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from schemas.problems import Trouble
from sync_server.main import Parts
from sync_server.settings import Settings
from sync_server.store import Stored

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
