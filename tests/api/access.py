"""Who may do what, said once more by hand: the rules of access, and the table of every route made of them.

`access.csv` has a line per (method, route, place) and a column per kind of caller; test_access.py asks the running
application for every cell. Three have to agree: the rules below, the table, and the application.

A new route has no line: the build fails. Give it a rule and a probe, in tests/api/rooms/<room>.py for a page of the console, else
in rules.py and test_access.py, then

    python -m tests.api.access --write

adds the missing lines of routes that have a rule, filled in by it. Lines that are there are never touched: what a person judged stays, and
where it contradicts the rules the test says so. Lines of routes that are gone are for a person to delete.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.api import rooms, rules
from tests.api.rules import PROJECTS, SCOPES, TABLES, WHO, Rule

TABLE = Path(__file__).with_name("access.csv")

# --- the table -------------------------------------------------------------------------------------------------------


ROOMS = [import_module(f"tests.api.rooms.{found.name}") for found in iter_modules(rooms.__path__)]
RULES: dict[tuple[str, str], Rule] = {
    **rules.RULES,
    **{key: rule for room in ROOMS for key, rule in room.RULES.items()},
}
_PLACES: dict[str, tuple[str, ...]] = {
    route: places for room in ROOMS for route, places in getattr(room, "PLACES", {}).items()
}


class Row(NamedTuple):
    method: str
    route: str
    place: str

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.place}".strip()


def routes_of(app: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every (method, route template) the application answers, those of mounted applications too. Raises TypeError for a
    kind of route that this does not know: it must not slip through."""
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, prefix + str(context.path)
        if isinstance(route, Mount):
            if isinstance(route.app, StaticFiles):
                yield "GET", f"{path}/{{path}}"
            elif hasattr(route.app, "routes"):
                yield from routes_of(route.app, path)
            else:
                raise TypeError(f"{path}: {route.app!r}")
        elif context.methods:
            yield from ((m, path) for m in sorted(context.methods) if m not in ("HEAD", "OPTIONS"))
        else:
            raise TypeError(f"{path}: {route!r}")


def places_of(route: str) -> tuple[str, ...]:
    if route in _PLACES:
        return _PLACES[route]
    if "{conflict}" in route:
        return PROJECTS
    if "{sha256}" in route or route == "/api/v1/blobs":
        return SCOPES
    if "{project}" in route:
        return TABLES if "{type}" in route else PROJECTS
    return SCOPES if "{scope}" in route else ("",)


def expected_rows(app: Any) -> list[Row]:
    return [Row(m, r, place) for m, r in routes_of(app) for place in places_of(r)]


def read_table() -> dict[Row, dict[str, str]]:
    if not TABLE.exists():
        return {}
    with TABLE.open(encoding="utf-8", newline="") as f:
        return {Row(r["method"], r["route"], r["place"]): {w: r.get(w) or "?" for w in WHO} for r in csv.DictReader(f)}


def write_table(app: Any) -> list[Row]:
    """Add the lines that are missing of routes that have a rule."""
    table, added = read_table(), []
    for row in expected_rows(app):
        rule = RULES.get((row.method, row.route))
        if rule and row not in table:
            table[row] = {who: rule(who, row.place) for who in WHO}
            added.append(row)
    with TABLE.open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["method", "route", "place", *WHO])
        out.writerows([*row, *(cells[who] for who in WHO)] for row, cells in table.items())
    return added


def main() -> None:
    import tempfile

    from sync_server.main import create_app
    from sync_server.settings import Settings

    if sys.argv[1:] != ["--write"]:
        sys.exit("python -m tests.api.access --write")
    with tempfile.TemporaryDirectory() as folder:
        added = write_table(create_app(Settings(data=Path(folder))))
    print(*(f"+ {row}" for row in added), f"{len(added)} lines added", sep="\n")


if __name__ == "__main__":
    main()
