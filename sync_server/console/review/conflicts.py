"""The pages of conflicts: which there are, and one of them with both values side by side and one decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from schemas import canonical
from schemas.problems import Trouble
from schemas.records.conflict import Conflict
from schemas.rules.reconcile import Facts
from sync_server.access import may_decide
from sync_server.console.counts import counted
from sync_server.console.house import House, Place
from sync_server.console.parts import pager
from sync_server.console.review.board import open_conflicts, waiting_for_review
from sync_server.console.review.clash import Teller, of_organisation
from sync_server.console.review.third import inputs, typed
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.service.deciding import LONGEST_REASON, ConflictTold

PAGE = 50


def add_conflicts(house: House) -> None:
    app, service = house.app, house.service

    def facts_of(place: Place) -> Facts:
        return house.reader.facts(place.project, house.now(), place.audiences)

    def counts(place: Place, facts: Facts) -> dict[str, int]:
        waiting = service.waiting_count(counted(place.scopes)).asks
        return {"conflicts": open_conflicts(facts), "review": waiting_for_review(facts), "waiting": waiting}

    def told_of(place: Place, id: str) -> ConflictTold:
        """One of this project or of the organisation, whose records every project sees. Raises Trouble 2004."""
        told = service.conflict_told(place.caller, id) if "\0" not in id else None
        if told is None or told.now.scope not in place.ids:
            raise Trouble(2004)
        return told

    def show(
        request: Request, place: Place, told: ConflictTold, *, done: str = "", trouble: str = "", status: int = 200, reason: str = "",
        given: Mapping[str, Any] | None = None, faults: Mapping[str, str] | None = None,
    ) -> Response:  # fmt: skip
        lang, facts = house.lang(request), facts_of(place)
        clash = Teller(facts, lang, house.now()).clash(told)
        open_ = _in_order(facts)[0]
        ids = [c.id for c in open_]
        at = ids.index(told.now.id) if told.now.id in ids else -1
        names = list(told.now.after)
        asks = inputs(clash.type, names, given if given is not None else told.now.now, facts, lang, faults or {})
        further = next((i for i in ids[at + 1 :] + ids if i != told.now.id), "")
        return house.page(
            request, "review/conflict.html", place, "conflicts", status, clash=clash, asks=asks, done=done, trouble=trouble, reason=reason,
            faults=faults or {}, third=given is not None, seen=_seen(told), n=at + 1, total=len(ids), further=further,
            longest=LONGEST_REASON, counts=counts(place, facts),
        )  # fmt: skip

    @app.get("/projects/{project}/conflicts")
    def conflicts(
        request: Request,
        project: str,
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
        old: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> Response:
        place, lang = house.entered(request, project), house.lang(request)
        facts = facts_of(place)
        teller = Teller(facts, lang, house.now())
        found = _in_order(facts)
        pages = [pager(len(part), n, PAGE) for part, n in zip(found, (page, old), strict=True)]
        open_, decided = (
            [teller.line(c) for c in part[p.first : p.last]] for part, p in zip(found, pages, strict=True)
        )
        return house.page(
            request, "review/conflicts.html", place, "conflicts", open=open_, decided=decided, pages=pages,
            may=any(may_decide(s.roles, s.audience) for s in place.own), counts=counts(place, facts),
        )  # fmt: skip

    @app.get("/projects/{project}/conflicts/{conflict}")
    def conflict(
        request: Request, project: str, conflict: str, said: Annotated[str, Query(pattern="^(|done)$")] = ""
    ) -> Response:
        place = house.entered(request, project)
        told = told_of(place, conflict)
        w, choice = words(house.lang(request)), told.now.choice
        done = w("cf_done", what=w(f"cf_choice_{choice}")) if said and choice else ""
        return show(request, place, told, done=done)

    @app.post("/projects/{project}/conflicts/{conflict}")
    async def decide(request: Request, project: str, conflict: str) -> Response:
        form = await request.form(max_files=0, max_fields=400)
        return await run_in_threadpool(_decide, request, project, conflict, form)

    def _decide(request: Request, project: str, conflict: str, form: FormData) -> Response:
        place, lang = house.entered(request, project), house.lang(request)
        w, told = words(lang), told_of(place, conflict)
        given = {k: [str(v) for v in form.getlist(k)] for k in form}
        choice, reason = _one(given, "choice"), _one(given, "reason")[: LONGEST_REASON + 1]
        third = typed(told.now.subject_kind, list(told.now.after), given) if choice == "set_value" else None
        if not told.now.may_decide:
            raise Trouble(2003, what={"zh": "裁决冲突", "en": "deciding conflicts"})
        if told.now.choice is None and _one(given, "seen") != _seen(told):
            return show(request, place, told, trouble=w("cf_value_moved"), status=409, reason=reason, given=third)
        try:
            service.resolve(place.me.person, conflict, choice, reason, third)
        except Trouble as err:
            if err.problem.number not in (1001, 3001, 3101):
                raise
            told = told_of(place, conflict)
            if told.now.choice is not None:  # somebody was quicker
                who = str(told.record.values.get("decided_by") or "")
                name = service.names_of([who], place.ids).get(who, who[:8])
                return show(
                    request, place, told, trouble=w("cf_meanwhile", who=name), status=Trouble(3116).problem.status
                )
            faults = _faults(err, lang)
            return show(
                request,
                place,
                told,
                trouble=err.text(lang),
                status=err.problem.status,
                reason=reason,
                given=third,
                faults=faults,
            )
        return RedirectResponse(f"{ROOT}/projects/{place.project}/conflicts/{conflict}?said=done", 303)


def _one(form: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(form.get(name, ())), "")


def _seen(told: ConflictTold) -> str:
    """Of what stood on the page: a decision about something else is not made."""
    return sha256(canonical.dumps(told.now.now)).hexdigest()[:16]


def _faults(err: Trouble, lang: str) -> dict[str, str]:
    """field → what is wrong with it."""
    out: dict[str, str] = {}
    for fault in err.extra.get("faults", []):
        out[fault["field"]] = "；".join(x for x in (out.get(fault["field"], ""), fault[lang]) if x)
    return out


def _in_order(facts: Facts) -> tuple[list[Conflict], list[Conflict]]:
    """Open ones, those of the project in front, the oldest first; decided ones, the last first."""
    every = facts.alive(Conflict)
    open_ = sorted((c for c in every if c.choice is None), key=lambda c: (of_organisation(c.subject_kind), c.id))
    decided = sorted(
        (c for c in every if c.choice is not None), key=lambda c: (str(c.decided_at or ""), c.id), reverse=True
    )
    return open_, decided
