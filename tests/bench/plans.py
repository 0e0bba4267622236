"""A plan of a hundred thousand points goes in, out of a workbook and out of a CSV, as `jingtu plan import` does it."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook

from sync_server.main import build
from sync_server.plan.importing import Options, import_plan, zones_of
from sync_server.plan.rows import read_plan
from sync_server.settings import Settings
from tests.bench import ground as g
from tests.bench.figures import Figures, figure
from tests.bench.generate import Maker
from tests.bench.limits import beside

POINTS = 100_000
SLOW_S = 10.0  # an import that takes longer is not repeated
HEAD = ("点位编号", "经度", "纬度", "布点理由", "设计孔深", "施工顺序")


def plan_imports(folder: Path, repeat: int, tell: Callable[[str], None], points: int = POINTS) -> Figures:
    """plan_import_100k (XLSX) and plan_import_100k_csv: three repetitions, or one where that takes longer than 10 s."""
    tell(f"准备 {points} 个点位 / making {points} points")
    scene = folder / "plan"
    ground = g.found(scene)
    rows = _rows(ground, points)
    out: Figures = {}
    for name, data, read in (
        ("plan_import_100k", _workbook(rows), _read_workbook), ("plan_import_100k_csv", _csv(rows), _read_csv),
    ):  # fmt: skip
        file = folder / name
        file.write_bytes(data)
        seconds: list[float] = []
        limits: list[float] = []
        while not seconds or (len(seconds) < min(repeat, 3) and seconds[0] < SLOW_S):
            took, limit, lines = _once(scene, ground.project, file, read, points)
            seconds.append(took)
            limits.append(limit)
            tell(f"{name}: {took:.1f} s, {took / limit:.0f}×")
        out[name] = figure(seconds, limits, points, None, None, file_bytes=len(data), lines=lines)
    return out


def _once(
    scene: Path, project: str, file: Path, read: Callable[[bytes, int], None], points: int
) -> tuple[float, float, int]:
    """Seconds of the import, seconds of its limit, lines written."""
    with g.copied(scene) as here:
        took = g.timed(lambda: _import(here / "server", project, file, points))
        lines = _written(here / "server" / "server.db")
    return took, g.timed(lambda: read(file.read_bytes(), points)) + beside(lines, file.parent), len(lines)


def _import(data: Path, project: str, file: Path, points: int) -> None:
    """What the command does between its first and its last word: open the server's data, read the file, write a version."""
    parts = build(Settings(data=data))
    try:
        found = read_plan(file.read_bytes(), fits=lambda: zones_of(parts.service, project))
        done = import_plan(parts.service, project, found, Options("方案", groups=("metal", "voc")))
    finally:
        parts.service.store.close()
    if done.points != points or done.left_out:
        raise RuntimeError(f"{done.points} of {points} points went in")


def _written(database: Path) -> list[tuple[str, bytes]]:
    with closing(sqlite3.connect(database)) as db:
        sql = "SELECT id, line FROM journal WHERE type IN ('plan','planned_point','planned_target')"
        return [(id, bytes(line)) for id, line in db.execute(sql)]


def _rows(ground: g.Ground, points: int) -> list[list[Any]]:
    make = Maker(ground.places, 6)
    out = []
    for n in range(1, points + 1):
        place = round(make.rng.uniform(118.6, 118.9), 7), round(make.rng.uniform(31.9, 32.1), 7)
        out.append([f"S{n:06d}", *place, make.words(5), make.rng.randint(30, 120) / 10, n])
    return out


def _workbook(rows: list[list[Any]]) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("方案")
        for y, row in enumerate([list(HEAD), *rows]):
            sheet.write_row(y, 0, row)
    return made.getvalue()


def _csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEAD, *rows])
    return text.getvalue().encode("utf-8-sig")


def _read_workbook(data: bytes, points: int) -> None:
    if len(CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()) != points + 1:
        raise RuntimeError("the limit read something else")


def _read_csv(data: bytes, points: int) -> None:
    if len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))) != points + 1:
        raise RuntimeError("the limit read something else")
