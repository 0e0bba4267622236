"""The ledger of loads and the page of one; plans and files are beside this one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from starlette.responses import JSONResponse

from schemas.problems import Trouble
from schemas.records.transfer_plan import TransferPlan
from schemas.rules.manifest.balance import balance, tolerance
from sync_server.console.house import House
from sync_server.console.inputs import day_of
from sync_server.console.manifests import chart, rows, watch, way
from sync_server.console.manifests.load import load_values
from sync_server.console.manifests.opening import HERE, opened
from sync_server.console.manifests.papers import add_papers
from sync_server.console.manifests.planpage import add_plans
from sync_server.console.manifests.plans import in_force
from sync_server.console.maps.ends import hauls_of
from sync_server.console.parts import pager, when
from sync_server.facts import Seen

PAGE = 100  # loads a page


def asked(
    state: Annotated[str, Query(max_length=40)] = "",
    day: Annotated[str, Query(max_length=40)] = "",
    plate: Annotated[str, Query(max_length=40)] = "",
    lot: Annotated[str, Query(max_length=64)] = "",
    receiver: Annotated[str, Query(max_length=64)] = "",
    open: Annotated[str, Query(max_length=10)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> rows.Asked:
    return rows.Asked(state, day_of(day), plate.strip(), lot, receiver, open == "1", q.strip(), page)


AskedFor = Annotated[rows.Asked, Depends(asked)]


def add_manifests(house: House) -> None:
    add_papers(house)  # out.xlsx and {id}.pdf are asked for before {id}
    app = house.app

    @app.get("/projects/{project}/manifests")
    def ledger(
        request: Request, project: str, by: AskedFor, balance_by: Annotated[str, Query(max_length=20, alias="by")] = "",
        lines: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:  # fmt: skip
        place, seen = opened(house, request, project)
        return house.page(
            request,
            "manifests/ledger.html",
            place,
            HERE,
            **_ledger(house, request, seen, by, balance_by, lines == "all"),
        )

    def _ledger(
        house: House, request: Request, seen: Seen, by: rows.Asked, balance_by: str, every: bool
    ) -> dict[str, Any]:
        facts, report, lang, now = seen.facts, seen.report, house.lang(request), house.now()
        found = balance(facts)
        all_ = rows.entries(facts, report)
        fits = rows.fitting(all_, by)
        pages = pager(len(fits), by.page, PAGE)
        allowed, n = tolerance(facts), watch.loads_to_watch(facts, report)
        return {
            "by": by, "chart": chart.chart(facts, found, balance_by, every, lang), "bys": chart.BY, "every": every, "hatch": chart.HATCH_DEFS,
            "head": chart.heading(found, in_force(facts), lang), "tolerance": (chart.mass(allowed.pct), chart.mass(allowed.abs_t)),
            "watching": watch.watched(facts, report, lang, now), "n_watch": n, "loads": rows.rows(fits[pages.first : pages.last], now, lang),
            "pages": pages, "total": len(all_), "states": rows.STATES, "lots": chart.names(found.by_lot), "receivers": chart.names(found.by_receiver),
            "as_of": when(facts.now, now), "plans": bool(facts.alive(TransferPlan)), "counts": {"manifests": n},
        }  # fmt: skip

    @app.get("/projects/{project}/manifests/{manifest}")
    def one(request: Request, project: str, manifest: str) -> Response:
        place, seen = opened(house, request, project)
        entry = rows.by_id(seen.facts, seen.report).get(manifest)
        if entry is None:
            raise Trouble(2004)
        values = load_values(house, place, seen, entry, house.lang(request))
        return house.page(
            request,
            "manifests/load.html",
            place,
            HERE,
            counts={"manifests": watch.loads_to_watch(seen.facts, seen.report)},
            **values,
        )

    @app.get("/projects/{project}/manifests/{manifest}/map.json")
    def load_map(request: Request, project: str, manifest: str) -> Response:
        place, seen = opened(house, request, project)
        entry = rows.by_id(seen.facts, seen.report).get(manifest)
        if entry is None:
            raise Trouble(2004)
        late = {f.subject_id for f in seen.report.by_check.get("T01", ()) if f.subject_type == "manifest"}
        stands = next((h.stands for h in hauls_of(seen.facts, late) if h.load.manifest.id == manifest), "way")
        receiver = entry.load.receiver if entry.load else None
        return JSONResponse(way.load_map(seen.facts, entry.story, receiver, stands, house.lang(request)))

    add_plans(house)
