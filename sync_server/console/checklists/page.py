"""The lists there are, one of them, and what may be done with it. Rounds and facilities are beside this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.problems import Trouble
from schemas.rules.checklists import model, publishing, ready
from schemas.rules.checklists.model import BadList, Checklist, Fault, Item
from schemas.rules.checklists.publishing import DRAFT, PUBLISHED, RETIRED
from schemas.rules.checklists.sound import CODE
from schemas.rules.reconcile.terms import day
from sync_server.console.checklists import forms, shown
from sync_server.console.checklists.forms import Given, one
from sync_server.console.checklists.opening import HERE, back, entered, home_of, may_write, writer
from sync_server.console.checklists.rounds import add_rounds
from sync_server.console.house import House, Place
from sync_server.console.manifests.filing import whole
from sync_server.console.planning.room import told
from sync_server.console.words import words
from sync_server.store import Stored, Values

Said = Annotated[str, Query(max_length=20)]
SAID = ("copied", "kept", "moved", "removed", "published", "retired", "dropped")


def add_checklists(house: House) -> None:
    app, service = house.app, house.service
    at = "/projects/{project}/checklists"

    def page(request: Request, template: str, place: Place, status: int = 200, **values: Any) -> Response:
        return house.page(
            request, f"checklists/{template}", place, HERE, status, may=may_write(place, "checklist"), **values
        )

    def done(said: str, lang: str) -> str:
        return words(lang)(f"ck_said_{said}") if said in SAID else ""

    def today() -> date:
        return day(house.now())

    # --- looking -----------------------------------------------------------------------------------------------------

    @app.get(at)
    def lists(request: Request, project: str, said: Said = "") -> Response:
        place, lang = entered(house, request, project), house.lang(request)
        own = [shown.own_row(s, lang) for s in service.checklists(project, home_of(place))]
        given = [shown.ready_row(c, lang) for c in ready.on(today())]
        return page(request, "lists.html", place, own=own, given=given, done=done(said, lang))

    def show(
        request: Request, place: Place, c: Checklist, s: Stored | None, status: int = 200, said: str = "", trouble: Trouble | None = None
    ) -> Response:  # fmt: skip
        lang, state = house.lang(request), str((s.values if s else {}).get("state") or DRAFT)
        found = model.faults(c) if s and state == DRAFT else []
        return page(
            request, "list.html", place, status, c=c, id=s.id if s else "", seq=s.seq if s else 0, state=state if s else "",
            draft=bool(s) and state == DRAFT, title=c.title.zh if lang == "zh" else c.title.en, kind=shown.kind_word(c.kind, lang),
            sign=shown.state_sign(state, lang) if s else shown.mark_sign(c.mark, bool(c.basis), lang), rule=shown.rule(c, lang),
            verdicts=shown.verdict_words(c, lang), sections=shown.sections(c, found, today(), lang), based_on=(s.values if s else {}).get("based_on"),
            faults=shown.faults_told([f for f in found if f.hard], lang), hints=shown.faults_told([f for f in found if not f.hard], lang),
            days=[str((s.values if s else {}).get(k) or "") for k in ("valid_from", "valid_to")], today=today().isoformat(),
            done=done(said, lang), trouble=told(trouble, lang), name=s.id if s else c.name,
        )  # fmt: skip

    @app.get(f"{at}/ready/{{name}}")
    def given(request: Request, project: str, name: str) -> Response:
        place = entered(house, request, project)
        found = publishing.offered_from(name)
        if found is None:
            raise Trouble(2004)
        return show(request, place, found, None)

    def held(place: Place, id: str) -> tuple[Stored, Checklist]:
        """Raises Trouble 2004, 6411."""
        s = service.stored_checklist(place.project, id, home_of(place))
        try:
            return s, model.of_record(s.values)
        except BadList:
            raise Trouble(6411, code=s.values.get("code", "?"), version=s.values.get("version", "?")) from None

    @app.get(f"{at}/{{list}}")
    def own(request: Request, project: str, list: str, said: Said = "") -> Response:
        place = entered(house, request, project)
        s, c = held(place, list)
        return show(request, place, c, s, said=said)

    # --- copying and deciding ----------------------------------------------------------------------------------------

    async def posted(request: Request) -> Given:
        async with request.form(max_files=0, max_fields=400) as form:
            return {k: [str(x) for x in form.getlist(k)] for k in form}

    @app.post(f"{at}/copy")
    async def copy(request: Request, project: str) -> Response:
        place = await run_in_threadpool(writer, house, request, project, "checklist")
        return await run_in_threadpool(copied, place, await posted(request))

    def copied(place: Place, given: Given) -> Response:
        name, scope = one(given, "of"), home_of(place)
        source = publishing.offered_from(name)
        if source is None:
            s, source = held(place, name)
            if (s.values.get("state") or DRAFT) == DRAFT:  # it can be edited itself
                return back(place.project, f"/checklists/{name}")
        project_code = service.called([place.project]).get(place.project)
        try:
            made = publishing.copied(
                source, service.versions_of_checklists(scope), project_code.name if project_code else "own"
            )
        except ValueError:
            raise Trouble(1001, why={"zh": "版本号用完了", "en": "there is no version left"}) from None
        values: Values = {
            **model.record_values(made),
            "state": DRAFT,
            "project_id": place.project,
            "based_on": source.name[:100],
        }
        id = service.keep_checklist(
            place.me.person, place.project, service.new_id(), scope, values, None, "checklist_copy", of=source.name
        )
        return back(place.project, f"/checklists/{id}", said="copied")

    @app.post(f"{at}/{{list}}")
    async def decide(request: Request, project: str, list: str) -> Response:
        place = await run_in_threadpool(writer, house, request, project, "checklist")
        return await run_in_threadpool(decided, request, place, list, await posted(request))

    def decided(request: Request, place: Place, id: str, given: Given) -> Response:
        s, c = held(place, id)
        do, code = one(given, "do").partition(":")[::2]
        try:
            values, action, said = _decision(do, code, c, s.values, given, today())
            service.keep_checklist(
                place.me.person, place.project, id, home_of(place), values, whole(one(given, "seq")), action
            )
        except Trouble as err:
            if err.problem.number not in (3001, 3122, 6401, 6410):
                raise
            return show(request, place, c, s, err.problem.status, trouble=err)
        where = "/checklists" if do == "drop" else f"/checklists/{id}"
        return back(place.project, where, said=said)

    # --- editing -----------------------------------------------------------------------------------------------------

    def draft(place: Place, id: str) -> tuple[Stored, Checklist]:
        """Raises Trouble 2004, 6401, 6411."""
        s, c = held(place, id)
        if (s.values.get("state") or DRAFT) != DRAFT:
            raise Trouble(6401, list={"zh": c.title.zh, "en": c.title.en}, version=c.version)
        return s, c

    def head(
        request: Request, place: Place, id: str, seq: int, c: Checklist, everywhere: bool, status: int = 200,
        faults: Sequence[Fault] = (), trouble: Trouble | None = None,
    ) -> Response:  # fmt: skip
        lang = house.lang(request)
        made = forms.head_form(c, everywhere, faults, lang)
        return page(request, "edit.html", place, status, form=made, c=c, id=id, seq=seq, trouble=told(trouble, lang))

    @app.get(f"{at}/{{list}}/edit")
    def edit(request: Request, project: str, list: str) -> Response:
        place = writer(house, request, project, "checklist")
        s, c = draft(place, list)
        return head(request, place, list, s.seq, c, not s.values.get("project_id"), faults=model.faults(c))

    @app.post(f"{at}/{{list}}/edit")
    async def keep(request: Request, project: str, list: str) -> Response:
        place = await run_in_threadpool(writer, house, request, project, "checklist")
        return await run_in_threadpool(kept, request, place, list, await posted(request))

    def kept(request: Request, place: Place, id: str, given: Given) -> Response:
        s, old = draft(place, id)
        seq, new, everywhere = (
            whole(one(given, "seq")),
            forms.list_of(given, old),
            one(given, "where") == "organisation",
        )
        try:
            values = {**s.values, **model.record_values(model.sealed(new))}
        except BadList as bad:
            return head(request, place, id, seq, new, everywhere, 422, [_fault(bad)])
        if not CODE.fullmatch(new.code):
            return head(
                request,
                place,
                id,
                seq,
                new,
                everywhere,
                422,
                [f for f in model.faults(new) if f.field == "code" and not f.item],
            )
        values.pop("project_id", None)
        if not everywhere:
            values["project_id"] = place.project
        try:
            service.keep_checklist(place.me.person, place.project, id, home_of(place), values, seq, "checklist_edit")
        except Trouble as err:
            if err.problem.number not in (3001, 3122):
                raise
            return head(request, place, id, seq, new, everywhere, err.problem.status, model.faults(new), err)
        return back(place.project, f"/checklists/{id}", said="kept")

    def one_item(
        request: Request, place: Place, id: str, seq: int, c: Checklist, item: Item, was: str, status: int = 200,
        faults: Sequence[Fault] = (), trouble: Trouble | None = None,
    ) -> Response:  # fmt: skip
        lang = house.lang(request)
        made = forms.item_form(item, faults, lang)
        rule = shown.rule(c, lang)
        return page(
            request,
            "item.html",
            place,
            status,
            form=made,
            c=c,
            id=id,
            seq=seq,
            was=was,
            rule=rule,
            trouble=told(trouble, lang),
        )

    @app.get(f"{at}/{{list}}/item")
    def item(request: Request, project: str, list: str, code: Annotated[str, Query(max_length=64)] = "") -> Response:
        place = writer(house, request, project, "checklist")
        s, c = draft(place, list)
        found = c.item(code) if code else _new_item(c)
        if found is None:
            raise Trouble(2004)
        faults = [f for f in model.faults(c) if f.item == code] if code else []
        return one_item(request, place, list, s.seq, c, found, code, faults=faults)

    @app.post(f"{at}/{{list}}/item")
    async def keep_item(request: Request, project: str, list: str) -> Response:
        place = await run_in_threadpool(writer, house, request, project, "checklist")
        return await run_in_threadpool(kept_item, request, place, list, await posted(request))

    def kept_item(request: Request, place: Place, id: str, given: Given) -> Response:
        s, c = draft(place, id)
        was, seq = one(given, "was"), whole(one(given, "seq"))
        old = c.item(was) if was else _new_item(c)
        if old is None:
            raise Trouble(2004)
        new = forms.item_of(given, old)
        if no := _unfit(c, new, was):
            return one_item(request, place, id, seq, c, new, was, 422, [no])
        try:
            values = {**s.values, **model.record_values(publishing.put(c, new, was))}
            service.keep_checklist(
                place.me.person, place.project, id, home_of(place), values, seq, "checklist_edit", item=new.code
            )
        except BadList as bad:
            return one_item(request, place, id, seq, c, new, was, 422, [_fault(bad)._replace(item=new.code)])
        except Trouble as err:
            if err.problem.number not in (3001, 3122):
                raise
            return one_item(request, place, id, seq, c, new, was, err.problem.status, trouble=err)
        return back(place.project, f"/checklists/{id}", said="kept", item=new.code)

    add_rounds(house)


def _decision(
    do: str, code: str, c: Checklist, old: Mapping[str, Any], given: Given, today: date
) -> tuple[Values, str, str]:
    """(values, action of the log, what the page says). Raises Trouble 1001, 6410."""
    values, state = dict(old), str(old.get("state") or DRAFT)
    if do in ("up", "down", "remove") and state == DRAFT:
        new = publishing.without(c, code) if do == "remove" else publishing.moved(c, code, -1 if do == "up" else 1)
        return {**values, **model.record_values(new)}, "checklist_edit", "removed" if do == "remove" else "moved"
    if do == "publish" and state == DRAFT:
        hard = [f for f in model.faults(c) if f.hard]
        if hard:
            raise Trouble(6410, list={"zh": c.title.zh, "en": c.title.en}, n=len(hard))
        return (
            {**values, "state": PUBLISHED, "valid_from": one(given, "valid_from") or today.isoformat()},
            "checklist_publish",
            "published",
        )
    if do == "retire" and state == PUBLISHED:
        until = max(
            today.isoformat(), str(values.get("valid_from") or "")
        )  # a version retired before its first day was never offered
        return {**values, "state": RETIRED, "valid_to": until}, "checklist_retire", "retired"
    if do == "drop" and state == DRAFT:
        return (
            {**values, "deleted": True, "void_reason": "草稿不再需要 / draft not needed"},
            "checklist_drop",
            "dropped",
        )
    raise Trouble(1001, why={"zh": "这张检查表现在不能这样做", "en": "this cannot be done with the list now"})


def _new_item(c: Checklist) -> Item:
    last = c.items[-1] if c.items else None
    empty = Item(publishing.next_code(c), last.section if last else model.NONE, model.NONE)
    return empty._replace(options=last.options) if last else empty


def _unfit(c: Checklist, item: Item, was: str) -> Fault | None:
    """What cannot be kept, not even in a draft: an item is found again by its code."""
    if not CODE.fullmatch(item.code):
        return Fault(
            item.code, "code", "编号只用字母、数字、点和连字符", "a code has letters, digits, dots and hyphens only"
        )
    if item.code != was and c.item(item.code):
        return Fault(item.code, "code", f"编号 {item.code} 已经有了", f"there is an item {item.code} already")
    if not was and len(c.items) >= model.ITEMS:
        return Fault(item.code, "code", f"一张表最多 {model.ITEMS} 项", f"a list has at most {model.ITEMS} items")
    return None


def _fault(bad: BadList) -> Fault:
    """Of a list or item that is too long somewhere: beside the field it is about."""
    parts = [part.partition("[")[0] for part in bad.where.split(".")]
    return Fault("", next((part for part in parts if part in _SHOWN), parts[-1]), bad.said.zh, bad.said.en)


_SHOWN = frozenset({*Item._fields, *Checklist._fields}) - {"items"}
