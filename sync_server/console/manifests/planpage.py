"""Transfer plans over HTTP: the list, one version, its form, filings and receipts, suspending, a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, RedirectResponse

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import check
from schemas.records.transfer_plan import TransferPlan
from schemas.rules.lack import Lack
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import day
from schemas.rules.transfer_plan import HAZARD_RULES
from sync_server.console.house import House, Place
from sync_server.console.manifests import form, plans, way
from sync_server.console.manifests.filing import filing_of, receipted, whole
from sync_server.console.manifests.opening import may_open
from sync_server.console.manifests.route import LONGEST
from sync_server.console.manifests.things import add_things
from sync_server.console.planning.room import blank, faults_in, told
from sync_server.console.record import shots
from sync_server.console.record.known import Known
from sync_server.console.shell import ROOT
from sync_server.console.words import pick, words
from sync_server.service.manifests import PLAN, submitted
from sync_server.service.planning import refused

HERE = "transfer"
SAID = ("made", "saved", "same", "filed", "receipt", "suspended", "resumed", "amended", "thing")
CHANGING = {"zh": "改转运计划", "en": "changing transfer plans"}


def may_write(place: Place) -> bool:
    return place.may_write(PLAN, Audience.TRANSFER.value)


def add_plans(house: House) -> None:
    app, service = house.app, house.service

    def managed(request: Request, project: str) -> Place:
        """Raises Trouble 2004, 2003 for who may see plans and not change them."""
        place = may_open(house.entered(request, project))
        if not may_write(place):
            raise Trouble(2003, what=CHANGING)
        return place

    def facts_of(place: Place) -> Facts:
        """Just as the records are now; no page of plans waits for the checks."""
        return house.reader.facts(place.project, house.now(), place.audiences)

    def page(request: Request, template: str, place: Place, status: int = 200, **values: Any) -> Response:
        return house.page(request, f"manifests/{template}", place, HERE, status, may=may_write(place), **values)

    def back(project: str, path: str = "", **said: Any) -> Response:
        query = urlencode({k: v for k, v in said.items() if v not in ("", None)})
        return RedirectResponse(f"{ROOT}/projects/{project}/transfer{path}" + (f"?{query}" if query else ""), 303)

    def done(request: Request, said: str) -> str:
        return words(house.lang(request))(f"tp_said_{said}") if said in SAID else ""

    @app.get("/projects/{project}/transfer")
    def listed(request: Request, project: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        place = may_open(house.entered(request, project))
        lines = plans.lines(facts_of(place), day(house.now()), house.lang(request))
        return page(request, "plans.html", place, lines=lines, done=done(request, said))

    # --- the form ----------------------------------------------------------------------------------------------------

    def show_form(
        request: Request, place: Place, id: str, seq: int, values: Mapping[str, Any], status: int = 200, *, faults: Sequence[Fault] = (),
        row_faults: Mapping[int, Sequence[Fault]] | None = None, routes: Mapping[int, str] | None = None, trouble: Trouble | None = None,
        more: bool = False,
    ) -> Response:  # fmt: skip
        lang, facts = house.lang(request), facts_of(place)
        choices = form.Choices(facts, lang)
        rows = [*(values.get("receivers") or ()), *([{}] if more or not values.get("receivers") else [])]
        sections = [
            (name, form.inputs(TransferPlan, names, values, choices, lang, faults))
            for name, names in form.SECTIONS.items()
        ]
        changed = (
            form.inputs(TransferPlan, ["changed_what"], values, choices, lang, faults)
            if (values.get("version") or 1) > 1
            else []
        )
        return page(
            request, "planform.html", place, status, id=id, seq=seq, sections=sections, changed=changed, version=values.get("version") or 1,
            receivers=form.receivers(rows, choices, lang, row_faults or {}, routes), trouble=told(trouble, lang), code=str(values.get("code") or ""),
            receiver_faults=[f.zh if lang == "zh" else f.en for f in faults if f.field == "receivers"],
        )  # fmt: skip

    async def posted(request: Request) -> tuple[dict[str, list[str]], dict[str, str]]:
        """(fields, files as text). A file that is no text is read as far as it is."""
        async with request.form(max_files=form.MAX_RECEIVERS, max_fields=2000, max_part_size=4 * LONGEST) as found:
            given: dict[str, list[str]] = {}
            files: dict[str, str] = {}
            for key in found:
                for value in found.getlist(key):
                    if isinstance(value, UploadFile):
                        if value.filename and (data := await value.read(LONGEST + 1)):
                            files[key] = data.decode("utf-8", "replace")
                    else:
                        given.setdefault(key, []).append(value)
        return given, files

    def save(request: Request, place: Place, id: str, given: dict[str, list[str]], files: dict[str, str]) -> Response:
        """A new plan (no id) or a draft changed."""
        typed = form.typed(given, files)
        stored = service.stored_transfer_plan(place.project, id) if id else None
        old: Mapping[str, Any] = stored.values if stored else {"version": 1}
        new = form.merged(old, typed.values)
        if stored and old.get("version", 1) > 1:
            new["code"] = old["code"]  # versions hang together by it
        seq, do = whole(given.get("seq", ["0"])[0]), given.get("do", [""])[0]
        if do in ("more", "out"):
            return show_form(
                request, place, id, seq, new, row_faults=typed.faults, routes=typed.routes, more=do == "more"
            )
        faults = [f for f in check(TransferPlan, new) if f.field != "receivers" or not typed.faults]
        of_rows = [f for found in typed.faults.values() for f in found]
        try:
            if faults or of_rows:
                raise refused([*faults, *of_rows])
            if stored and new == stored.values:
                return back(place.project, f"/{id}", said="same")
            if stored:
                service.keep_transfer_plan(place.me.person, place.project, id, new, seq, "transfer_edit")
                return back(place.project, f"/{id}", said="saved")
            made = service.keep_transfer_plan(
                place.me.person, place.project, service.new_id(), new, None, "transfer_new"
            )
            return back(place.project, f"/{made}", said="made")
        except Trouble as err:
            if err.problem.number not in (3001, 3122, 6301):
                raise
            return show_form(
                request,
                place,
                id,
                seq,
                new,
                err.problem.status,
                faults=faults if faults or of_rows else faults_in(err),
                row_faults=typed.faults,
                routes=typed.routes,
                trouble=err,
            )

    @app.get("/projects/{project}/transfer/new")
    def new_form(request: Request, project: str) -> Response:
        place = managed(request, project)
        facts = facts_of(place)
        found = facts.project
        first = {"version": 1, "site_id": facts.sites[0].id if len(facts.sites) == 1 else "", "way": "road"}
        if found is not None and found.supervisor_id:
            first["supervisor_id"] = found.supervisor_id
        return show_form(request, place, "", 0, first)

    @app.post("/projects/{project}/transfer/new")
    async def make(request: Request, project: str) -> Response:
        place = await run_in_threadpool(managed, request, project)
        given, files = await posted(request)
        return await run_in_threadpool(save, request, place, "", given, files)

    add_things(house, managed, page, back)  # its addresses are asked for before {plan}

    # --- one version -------------------------------------------------------------------------------------------------

    def show(request: Request, place: Place, plan: str, status: int = 200, *, said: str = "", trouble: Trouble | None = None,
             typed: Mapping[str, str] | None = None) -> Response:  # fmt: skip
        facts, lang, now = facts_of(place), house.lang(request), house.now()
        today = day(now)
        stored = service.stored_transfer_plan(place.project, plan)
        p = TransferPlan.of(plan, stored.values, stored.seq)
        state, missing = plans.state_of(facts, p, today), plans.lacks(facts, p)
        scans = plans.scans_of(facts, p)
        blobs, makers = service.pictures({x.sha256 for x in scans}, [x.id for x in scans])
        authorities = form.Choices(facts, lang).of("authority_id")
        faults = {f.field: f.zh if lang == "zh" else f.en for f in faults_in(trouble)} if trouble else {}
        return page(
            request, "plan.html", place, status, p=p, seq=stored.seq, state=state, sign=plans.state_sign(state, lang),
            lacks=[(x.zh if lang == "zh" else x.en, x.cannot) for x in missing], hazard=plans.hazardous(facts, p),
            hazard_rules=pick(HAZARD_RULES, lang), elements=plans.elements(facts, p, lang), goals=plans.goals_of(facts, p, lang),
            trucks=plans.trucks(facts, p, today, lang), parties=plans.parties(facts, p, lang), texts=plans.texts(p, lang),
            filings=plans.filings(facts, p, now, lang), versions=[x for x in plans.lines(facts, today, lang) if x.code == p.code],
            frozen=submitted(stored.values), drawable=way.drawable(None, p.receivers), authorities=authorities,
            sides=[(c, plans.code_word("filing_side", c, lang)) for c in ("origin", "destination", "result")], done=said,
            trouble=told(trouble, lang), typed=blank(typed or {}), faults=blank(faults), dates=plans.dates(p),
            scans=shots.shots(scans, facts, {}, blobs, makers, Known(facts, {}, {}, lang).names, lang),
            stops=[x for x in missing if not x.cannot],
        )  # fmt: skip

    @app.get("/projects/{project}/transfer/{plan}")
    def one(request: Request, project: str, plan: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        return show(request, may_open(house.entered(request, project)), plan, said=done(request, said))

    @app.get("/projects/{project}/transfer/{plan}/map.json")
    def plan_map(request: Request, project: str, plan: str) -> Response:
        place = may_open(house.entered(request, project))
        stored = service.stored_transfer_plan(project, plan)
        return JSONResponse(
            way.plan_map(facts_of(place), TransferPlan.of(plan, stored.values, stored.seq), house.lang(request))
        )

    @app.get("/projects/{project}/transfer/{plan}/edit")
    def edit_form(request: Request, project: str, plan: str) -> Response:
        place = managed(request, project)
        stored = service.stored_transfer_plan(project, plan)
        if submitted(stored.values):
            raise Trouble(6301, version=stored.values.get("version", "?"))
        return show_form(request, place, plan, stored.seq, stored.values)

    @app.post("/projects/{project}/transfer/{plan}/edit")
    async def edit(request: Request, project: str, plan: str) -> Response:
        place = await run_in_threadpool(managed, request, project)
        given, files = await posted(request)
        return await run_in_threadpool(save, request, place, plan, given, files)

    # --- what happens to a version -----------------------------------------------------------------------------------

    @app.post("/projects/{project}/transfer/{plan}")
    async def act(request: Request, project: str, plan: str) -> Response:
        """`do`: file, receipt, suspend, resume or amend."""
        place = await run_in_threadpool(managed, request, project)
        async with request.form(max_files=0, max_fields=40) as found:
            given = {k: str(v)[:20_000] for k, v in found.items()}
        return await run_in_threadpool(acted, request, place, plan, given)

    def acted(request: Request, place: Place, plan: str, given: dict[str, str]) -> Response:
        stored, seq, do = (
            service.stored_transfer_plan(place.project, plan),
            whole(given.get("seq", "")),
            given.get("do", ""),
        )
        values, who = dict(stored.values), place.me.person
        try:
            if do == "amend":
                new = service.amend_transfer_plan(who, place.project, plan, seq, given.get("changed_what", ""))
                return back(place.project, f"/{new}", said="amended")
            if do == "file":
                values["filings"] = [*(values.get("filings") or ()), filing_of(given, lacking(place, stored.values))]
                return keep(place, plan, values, seq, "transfer_file", "filed", side=given.get("side"))
            if do == "receipt":
                values["filings"] = receipted(list(values.get("filings") or ()), given)
                return keep(place, plan, values, seq, "transfer_receipt", "receipt", receipt=given.get("receipt_no"))
            if do == "suspend":
                if not given.get("suspend_reason", "").strip():
                    raise refused([Fault("suspend_reason", "写明暂停的原因", "Say why it is suspended")])
                values |= {"suspended": True, "suspend_reason": given["suspend_reason"].strip()}
                return keep(
                    place, plan, values, seq, "transfer_suspend", "suspended", reason=values["suspend_reason"][:200]
                )
            if do == "resume":
                values.pop("suspended", None), values.pop("suspend_reason", None)
                return keep(place, plan, values, seq, "transfer_resume", "resumed")
            raise Trouble(1001, why={"zh": "没有选要做什么", "en": "nothing was chosen to do"})
        except Trouble as err:
            if err.problem.number not in (3001, 3122, 6301):
                raise
            return show(request, place, plan, err.problem.status, trouble=err, typed={**given, "do": do})

    def lacking(place: Place, values: Mapping[str, Any]) -> list[Lack]:
        return plans.lacks(facts_of(place), TransferPlan.of("", values))

    def keep(
        place: Place, plan: str, values: dict[str, Any], seq: int, action: str, said: str, **detail: Any
    ) -> Response:
        service.keep_transfer_plan(place.me.person, place.project, plan, values, seq, action, **detail)
        return back(place.project, f"/{plan}", said=said)
