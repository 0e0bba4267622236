"""Who may import whom: the rules of ARCHITECTURE.md, read off the source without importing it.

A rule is an entry of RULES: which files it is about, and what they may not import. Each is shown to fail on a planted
source.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "field_app", "sync_server")
STDLIB = sys.stdlib_module_names


def imported(source: str, path: str) -> set[str]:
    """Dotted names a file imports, made absolute: `from a.b import c` gives a.b and a.b.c; `import a` a and a.*."""
    package = path.removesuffix(".py").replace("/", ".").split(".")[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names} | {f"{a.name}.*" for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            full = ".".join([*base, *([node.module] if node.module else [])])
            names |= {full} | {f"{full}.{a.name}" for a in node.names}
    return names


def within(name: str, *modules: str) -> bool:
    return any(name == m or name.startswith(m + ".") for m in modules)


def outside(*allowed: str) -> Callable[[str], bool]:
    return lambda name: name.split(".")[0] not in STDLIB and not within(name, *allowed)


def of(*modules: str) -> Callable[[str], bool]:
    return lambda name: within(name, *modules)


def declares(name: str) -> bool:
    """Naming tables, columns and types states no SQL; lower-case functions, sessions and connections do."""
    if within(
        name, "sqlalchemy.types", "sqlalchemy.schema", "sqlalchemy.dialects", "sqlmodel.SQLModel", "sqlmodel.Field"
    ):
        return True
    first, _, rest = name.partition(".")
    running = ("Connection", "Engine", "Session", "Result", "Row", "Select", "Insert", "Update", "Delete", "TextClause")
    return first in ("sqlalchemy", "sqlmodel") and (not rest or (rest[0].isupper() and rest not in running))


def states_sql(name: str) -> bool:
    return within(name, "sqlalchemy", "sqlmodel", "sqlite3", "psycopg", "alembic") and not declares(name)


MAKES_AN_ENGINE = of("sqlalchemy.create_engine", "sqlalchemy.Engine", "sqlalchemy.engine", "sqlalchemy.event")
PURE = outside("schemas", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "sqlmodel", "msgspec")
HANDOVER = ("schemas/rules/handover/*",)  # the hand-over code's bytes
# signing and the chain; what both sides must seal and open alike
CRYPTO = ("schemas/rules/evidence.py", "schemas/rules/sealing.py")
UI = of("flet", "flet_map", "flet_geolocator", "flet_camera", "flet_web")

# the rooms of files that know no web: tus.py speaks HTTP
BLOBS = tuple(f"blobs/{f}.py" for f in ("files", "incoming", "shelf", "beside", "pictures", "worker"))


class Rule(NamedTuple):
    name: str
    files: tuple[str, ...]
    forbidden: Callable[[str], bool]
    planted: tuple[tuple[str, str], ...]  # (file, source) that must be caught
    allowed: tuple[tuple[str, str], ...] = ()  # (file, source) that must pass
    but: tuple[str, ...] = ()  # files the rule is not about


def app(*names: str) -> Callable[[str], bool]:
    return of(*(f"field_app.{n}" for n in names))


RULES = (
    Rule(
        "schemas: stdlib, pydantic, sqlmodel, msgspec",
        ("schemas/*",),
        lambda n: PURE(n) and not declares(n) or states_sql(n),
        (
            ("schemas/merge.py", "import httpx"),
            ("schemas/records/sample.py", "from sqlalchemy import create_engine"),
            ("schemas/rules/limits.py", "from cryptography.hazmat.primitives import hashes"),
            ("schemas/wire.py", "def f():\n    import fastapi"),
        ),
        (("schemas/fields.py", "import json\nfrom sqlalchemy import JSON, String\nfrom pydantic import Field"),),
        but=(*CRYPTO, *HANDOVER),
    ),
    Rule(
        "schemas/rules/handover: also cbor2 and base45",
        HANDOVER,
        lambda n: PURE(n) and not declares(n) and not within(n, "cbor2", "base45") or states_sql(n),
        (
            ("schemas/rules/handover/chain.py", "import segno"),
            ("schemas/rules/handover/judge.py", "import cryptography"),
        ),
        (("schemas/rules/handover/cose.py", "import cbor2"),),
    ),
    Rule(
        "schemas/rules/evidence.py, sealing.py: also cryptography",
        CRYPTO,
        lambda n: PURE(n) and not declares(n) and not within(n, "cryptography") or states_sql(n),
        (("schemas/rules/evidence.py", "import nacl"), ("schemas/rules/sealing.py", "import sqlite3")),
        (("schemas/rules/evidence.py", "from cryptography.exceptions import InvalidSignature"),),
    ),
    Rule(
        "schemas: imports neither side",
        ("schemas/*",),
        of("field_app", "sync_server"),
        (("schemas/change.py", "from field_app.store import Store"), ("schemas/wire.py", "import sync_server.service")),
    ),
    Rule(
        "schemas: no network, no process, no database file",
        ("schemas/*",),
        of("sqlite3", "socket", "ssl", "urllib.request", "http", "subprocess"),
        (("schemas/merge.py", "import sqlite3"), ("schemas/rules/limits.py", "from urllib.request import urlopen")),
        (("schemas/rules/limits.py", "from urllib.parse import quote"),),
    ),
    Rule(
        "field_app: not the server",
        ("field_app/*",),
        of("sync_server", "fastapi", "starlette", "uvicorn"),
        (("field_app/sync/loop.py", "from sync_server.service import push"), ("field_app/main.py", "import fastapi")),
    ),
    Rule(
        "sync_server: not the app",
        ("sync_server/*",),
        lambda n: within(n, "field_app") or UI(n),
        (("sync_server/api.py", "from field_app import store"), ("sync_server/console/map.py", "import flet")),
    ),
    Rule(
        "field_app: store and sync know no user interface",
        ("field_app/store/*", "field_app/sync/*"),
        UI,
        (("field_app/store/work.py", "import flet as ft"), ("field_app/sync/loop.py", "from flet import Page")),
    ),
    Rule(
        "field_app: store, sync, form, capture know neither state nor pages",
        ("field_app/store/*", "field_app/sync/*", "field_app/form/*", "field_app/capture/*"),
        app("state", "visit", "desks", "pages", "main"),
        (
            ("field_app/store/work.py", "from field_app.state import State"),
            ("field_app/capture/photo.py", "from ..state import State"),
            ("field_app/form/draw.py", "from field_app import pages"),
        ),
    ),
    Rule(
        "field_app: the store does not know the syncer",
        ("field_app/store/*",),
        app("sync", "form", "capture"),
        (("field_app/store/base.py", "from field_app.sync import run"),),
    ),
    Rule(
        "field_app: state knows no page",
        ("field_app/state.py", "field_app/visit/*", "field_app/desks/*"),
        app("pages", "main"),
        (("field_app/state.py", "from field_app.pages.home import Home"),),
        (("field_app/state.py", "from field_app.store import Store\nfrom field_app import sync, form, capture"),),
    ),
    Rule(
        "field_app: pages reach store and sync through state",
        ("field_app/pages/*",),
        app("store", "sync", "main"),
        (
            ("field_app/pages/home.py", "from field_app.store import Store"),
            ("field_app/pages/sync_page.py", "from .. import sync"),
        ),
        (("field_app/pages/home.py", "from field_app.state import State\nfrom field_app.form import fields_for"),),
    ),
    Rule(
        "field_app: only the store opens a database",
        ("field_app/*",),
        lambda n: states_sql(n) or within(n, "field_app.device_db"),
        (
            ("field_app/state.py", "import sqlite3"),
            ("field_app/sync/loop.py", "from sqlmodel import Session"),
            ("field_app/main.py", "from .device_db import open_db"),
        ),
        (("field_app/store/base.py", "import sqlite3\nfrom field_app.device_db import open_db"),),
        but=("field_app/store/*", "field_app/device_db.py"),
    ),
    Rule(
        "field_app: only sync speaks HTTP, and packs what it says",
        ("field_app/*",),
        of("httpx", "requests", "urllib.request", "http.client", "aiohttp", "zstandard"),
        (
            ("field_app/state.py", "import httpx"),
            ("field_app/capture/photo.py", "from urllib.request import urlopen"),
            ("field_app/store/outgoing.py", "import zstandard"),
        ),
        (("field_app/sync/loop.py", "import httpx\nimport zstandard"),),
        but=("field_app/sync/*",),
    ),
    Rule(
        "sync_server/proof: `jingtu verify` needs the standard library and schemas alone",
        (
            "sync_server/__init__.py",
            "sync_server/proof/__init__.py",
            "sync_server/proof/verify.py",
            "sync_server/proof/opening.py",
        ),
        lambda n: outside("schemas", "sync_server.proof.opening")(n) or within(n, "cryptography"),
        (
            ("sync_server/proof/verify.py", "import typer"),
            ("sync_server/proof/opening.py", "from sync_server.store import Tx"),
            ("sync_server/proof/__init__.py", "from sync_server.proof.writing import export"),
        ),
        (("sync_server/proof/verify.py", "import argparse\nfrom sync_server.proof.opening import Opened"),),
    ),
    Rule(
        "sync_server: the rules know no web framework",
        tuple(f"sync_server/{f}" for f in ("service/*", "store/*", "access.py", "problems.py", *BLOBS)),
        of("fastapi", "starlette", "jinja2", "uvicorn", "sync_server.api", "sync_server.console", "sync_server.main"),
        (
            ("sync_server/service/base.py", "from fastapi import HTTPException"),
            ("sync_server/service/people.py", "from sync_server.api import router"),
            ("sync_server/store/records.py", "from ..console import pages"),
            ("sync_server/blobs/incoming.py", "from starlette.requests import Request"),
        ),
        (("sync_server/blobs/tus.py", "from fastapi import Request"),),
    ),
    Rule(
        "sync_server: store, blobs, access and problems do not know the service",
        tuple(f"sync_server/{f}" for f in ("store/*", "access.py", "problems.py", *BLOBS)),
        of("sync_server.service"),
        (
            ("sync_server/store/people.py", "from sync_server.service import push"),
            ("sync_server/blobs/files.py", "from sync_server.service import Service"),
        ),
    ),
    Rule(
        "sync_server: SQL is in store/",
        ("sync_server/*",),
        states_sql,
        (
            ("sync_server/service/base.py", "from sqlalchemy import select"),
            ("sync_server/service/base.py", "from sqlalchemy import create_engine"),
            ("sync_server/service/base.py", "import sqlalchemy as sa"),
            ("sync_server/api.py", "from sqlmodel import Session"),
            ("sync_server/console/tables.py", "import sqlite3"),
        ),
        (("sync_server/facts.py", "from sqlalchemy import Column, Index, MetaData, String, Table"),),
        but=("sync_server/store/*", "sync_server/main.py"),
    ),
    Rule(
        "sync_server/main.py: makes the engine, states no SQL",
        ("sync_server/main.py",),
        lambda n: states_sql(n) and not MAKES_AN_ENGINE(n),
        (("sync_server/main.py", "from sqlalchemy import select"), ("sync_server/main.py", "import sqlite3")),
        (("sync_server/main.py", "from sqlalchemy import create_engine"),),
    ),
)


def faults(rule: Rule, path: str, source: str) -> list[str]:
    if not any(fnmatch(path, f) for f in rule.files) or any(fnmatch(path, f) for f in rule.but):
        return []
    return sorted(n for n in imported(source, path) if rule.forbidden(n))


def sources() -> list[Path]:
    return [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    found = {
        path: names
        for p in sources()
        if (names := faults(rule, path := p.relative_to(ROOT).as_posix(), p.read_text("utf-8")))
    }
    assert not found, f"{rule.name}: {found}"


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_the_rule_catches_a_planted_violation(rule: Rule) -> None:
    for path, source in rule.planted:
        assert faults(rule, path, source), f"not caught in {path}: {source}"
    for path, source in rule.allowed:
        assert not faults(rule, path, source), f"wrongly caught in {path}: {source}"


def test_only_main_makes_the_rooms() -> None:
    """Store, Syncer, State and Service are made in main.py (and in tests), nowhere else in the product."""
    made = {"field_app": ("Store", "Syncer", "State"), "sync_server": ("Store", "Service", "Blobs")}

    def constructions(room: str, source: str) -> list[str]:
        calls = (n.func for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call))
        return [f.id for f in calls if isinstance(f, ast.Name) and f.id in made[room]]

    assert constructions("field_app", "def page():\n    return Store(folder)") == ["Store"]
    for p in sources():
        room, *_, name = p.relative_to(ROOT).parts
        if room in made and name != "main.py":
            assert not constructions(room, p.read_text("utf-8")), f"{p.relative_to(ROOT)} makes one itself"
