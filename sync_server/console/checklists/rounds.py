"""Recurring duties with what is overdue first, the facilities they go to, and the forms of both, made of their record classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, NamedTuple

from fastapi import FastAPI, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import TYPES, Record, check
from schemas.records.duty import Duty
from schemas.records.facility import Facility
from schemas.records.organisation import Organisation
from schemas.records.site import Site
from schemas.reference import Label, codes
from schemas.rules.duties import RoundRule, duties_of, late_duties, later, rounds
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.terms import day
from sync_server.console.checklists.opening import HERE, back, entered, may_write, writer
from sync_server.console.house import House, Place
from sync_server.console.inputs import Input, Option, input_of, typed_value
from sync_server.console.manifests.filing import whole
from sync_server.console.parts import Sign
from sync_server.console.planning.room import faults_in, told
from sync_server.console.words import pick, words
from sync_server.service.planning import refused

FIELDS: dict[str, tuple[str, ...]] = {
    "duty": ("kind", "site_id", "facility_id", "org_id", "every_months", "first_due_on", "basis", "ended_on", "note"),
    "facility": (
        "code",
        "name",
        "site_id",
        "org_id",
        "hazard_class",
        "kind",
        "hidden",
        "unit_class",
        "protections",
        "material",
        "note",
    ),
}
_OFFERED: dict[str, type[Record]] = {"site_id": Site, "facility_id": Facility, "org_id": Organisation}
_PLACE = ("lon", "lat")
SOON = 30  # days before a duty is due: set by this system
LISTED = 500


class DutyRow(NamedTuple):
    id: str
    kind: str
    where: str
    who: str
    every: str
    last: str
    due: str
    sign: Sign
    basis: str


class FacilityRow(NamedTuple):
    id: str
    code: str
    name: str
    kind: str
    site: str
    more: str


def duty_rows(facts: Facts, today: date, lang: str) -> list[DutyRow]:
    """Overdue first, then by due day; those that cannot be judged, and ended ones, last."""
    w, judged = words(lang), {s.duty.id: s for s in duties_of(facts)}
    out = []
    for duty in (*(s.duty for s in judged.values()), *(d for d in facts.alive(Duty) if d.id not in judged)):
        state = judged.get(duty.id)
        if state is None:
            ended = duty.ended_on is not None
            sign = Sign("block", "planned", w("ck_d_ended")) if ended else Sign("q", "unsure", w("ck_d_unsure"))
        elif state.late_days:
            sign = Sign("clock", "alert", w("ck_d_late", n=state.late_days))
        elif (state.due - today).days <= SOON:
            sign = Sign("clock", "warn", w("ck_d_soon", n=(state.due - today).days))
        else:
            sign = Sign("ok", "done", w("ck_d_fine"))
        facility, site = facts.find(Facility, duty.facility_id), facts.find(Site, duty.site_id)
        where = " · ".join(x for x in (site.name if site else "", facility.name if facility else "") if x)
        org = facts.find(Organisation, duty.org_id)
        last = (state.last.isoformat() if state.last else w("ck_d_never")) if state else "—"
        due = state.due.isoformat() if state else "—"
        out.append(
            DutyRow(duty.id, _code("duty_kind", duty.kind, lang), where or "—", org.name if org else "—", w("ck_d_every", n=duty.every_months), last, due,
                    sign, duty.basis)
        )  # fmt: skip
    return out[:LISTED]


def facility_rows(facts: Facts, lang: str) -> list[FacilityRow]:
    w, out = words(lang), []
    for f in sorted(facts.alive(Facility), key=lambda f: natural(f.code))[:LISTED]:
        site = facts.find(Site, f.site_id)
        more = [w("ck_hidden")] if f.hidden else []
        more += [_code("unit_class", f.unit_class, lang)] if f.unit_class else []
        out.append(
            FacilityRow(
                f.id,
                f.code,
                f.name,
                _code("facility_kind", f.kind, lang),
                site.name if site else "—",
                " · ".join(more) or "—",
            )
        )
    return out


def _code(name: str, code: str, lang: str) -> str:
    return pick(codes(name).get(code, Label(code, code)), lang)


def rule_said(r: RoundRule, lang: str) -> str:
    """24–36 个月，首轮 12 个月内."""
    w = words(lang)
    span = str(r.months_least) if r.months_least == r.months_most else f"{r.months_least}–{r.months_most}"
    first = w("ck_r_first", n=r.first_within_months) if r.first_within_months else ""
    return w("ck_r_every", n=span) + first


def suggested(code: str, today: date) -> dict[str, Any]:
    """What a duty by this rule begins with: the longest interval allowed, the first one as late as allowed, the source."""
    rule = next((r for r in rounds() if r.code == code), None)
    if rule is None:
        return {}
    values: dict[str, Any] = {"kind": rule.kind, "every_months": rule.months_most, "basis": rule.source.zh}
    if rule.first_within_months:
        values["first_due_on"] = later(today, rule.first_within_months).isoformat()
    return values


def _options(facts: Facts, name: str, value: str) -> list[Option]:
    cls: Any = _OFFERED[name]
    found = [(r.id, str(r.name)) for r in facts.alive(cls)]
    if value and value not in dict(found):
        found.append((value, value[:8]))
    return [Option(id, word, id == value) for id, word in sorted(found, key=lambda x: natural(x[1]))]


def inputs(type: str, facts: Facts, values: Mapping[str, Any], lang: str, faults: Sequence[Fault]) -> list[Input]:
    known, out = fields_of(TYPES[type]), []
    for name in FIELDS[type]:
        value, field = values.get(name), known[name]
        said = [f.zh if lang == "zh" else f.en for f in faults if f.field == name]
        options = _options(facts, name, str(value or "")) if name in _OFFERED else None
        made = input_of(field, value, lang, name, said, options)
        hint = field.spec.hint_zh if lang == "zh" else field.spec.hint_en
        source = words(lang)("pl_mark_c2") if made.kind == "number" else ""
        out.append(made._replace(kind="choice" if name in _OFFERED else made.kind, hint=hint or "", source=source))
    if type == "facility":
        where = values.get("position") or {}
        w = words(lang)
        said = [f.zh if lang == "zh" else f.en for f in faults if f.field.startswith("position")]
        out += [
            Input(n, w(f"ck_f_{n}"), "°", "number", str(where.get(n, "")), [], 20, said if n == "lon" else [])
            for n in _PLACE
        ]
    return out


def typed(type: str, given: Mapping[str, Sequence[str]], old: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The record with what was typed; what the form does not ask stays. A position that was typed says so."""
    known = fields_of(TYPES[type])
    found = {n: typed_value(known[n], given.get(n, ())) for n in FIELDS[type]}
    new = {k: v for k, v in old.items() if k not in FIELDS[type]} | {n: v for n, v in found.items() if v is not None}
    if type == "facility":
        if "hidden" not in new:
            new["hidden"] = False
        where = {n: "".join(given.get(n, ("",))[:1]).strip() for n in _PLACE}
        before = old.get("position") or {}
        if not any(where.values()):
            new.pop("position", None)
        elif any(str(before.get(n, "")) != v for n, v in where.items()):
            new["position"] = {
                **where,
                "fix_kind": "manual",
                "at": now,
                "manual_reason": "在管理页录入 / typed at the console",
            }
    return new


def add_rounds(house: House) -> None:
    app: FastAPI = house.app
    service, at = house.service, "/projects/{project}/duties"

    def facts_of(place: Place) -> Facts:
        return house.reader.facts(place.project, house.now(), place.audiences)

    def page(request: Request, template: str, place: Place, status: int = 200, **values: Any) -> Response:
        return house.page(request, f"checklists/{template}", place, HERE, status, **values)

    @app.get(at)
    def duties(request: Request, project: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        place, lang = entered(house, request, project), house.lang(request)
        facts, today = facts_of(place), day(house.now())
        rows = duty_rows(facts, today, lang)
        late = late_duties(facts)
        by_rule = [(r.code, r.zh if lang == "zh" else r.en, rule_said(r, lang), pick(r.source, lang)) for r in rounds()]
        return page(
            request, "duties.html", place, rows=rows, late=late, facilities=facility_rows(facts, lang), rules=by_rule,
            heads={n: fields_of(Facility)[n].spec.label(lang) for n in ("code", "name", "kind", "site_id")},
            duty_word=Duty.about.zh if lang == "zh" else Duty.about.en, may_duty=may_write(place, "duty"), may_facility=may_write(place, "facility"),
            done=words(lang)("ck_said_kept") if said == "kept" else "",
        )  # fmt: skip

    def allowed(request: Request, project: str, type: str) -> Place:
        """Raises Trouble 1005, 2004, 2003."""
        if type not in FIELDS:
            raise Trouble(1005)
        return writer(house, request, project, type)

    def show(request: Request, place: Place, type: str, id: str, seq: int, values: Mapping[str, Any], status: int = 200,
             faults: Sequence[Fault] = (), trouble: Trouble | None = None) -> Response:  # fmt: skip
        lang, about = house.lang(request), TYPES[type].about
        return page(
            request, "round.html", place, status, type=type, id=id, seq=seq, inputs=inputs(type, facts_of(place), values, lang, faults),
            what=about.zh if lang == "zh" else about.en, trouble=told(trouble, lang),
        )  # fmt: skip

    @app.get(f"{at}/{{type}}")
    def form(
        request: Request, project: str, type: str, id: Annotated[str, Query(max_length=64)] = "", rule: Annotated[str, Query(max_length=40)] = ""
    ) -> Response:  # fmt: skip
        place = allowed(request, project, type)
        if not id:
            first = suggested(rule, day(house.now())) if type == "duty" else {}
            sites = facts_of(place).alive(Site)
            return show(request, place, type, "", 0, {**({"site_id": sites[0].id} if len(sites) == 1 else {}), **first})
        stored = service.stored_round(place.project, type, id)
        return show(request, place, type, id, stored.seq, stored.values)

    @app.post(f"{at}/{{type}}")
    async def save(request: Request, project: str, type: str) -> Response:
        place = await run_in_threadpool(allowed, request, project, type)
        async with request.form(max_files=0, max_fields=100) as posted:
            given = {k: [str(x) for x in posted.getlist(k)] for k in posted}
        return await run_in_threadpool(keep, request, place, type, given)

    def keep(request: Request, place: Place, type: str, given: Mapping[str, Sequence[str]]) -> Response:
        id, seq = "".join(given.get("id", ("",))[:1]), whole("".join(given.get("seq", ("",))[:1]))
        old = dict(service.stored_round(place.project, type, id).values) if id else {}
        new = typed(type, given, old, service.now())
        try:
            if faults := [*check(TYPES[type], new), *_twice(facts_of(place), type, id, new)]:
                raise refused(faults)
            if new != old:
                service.keep_round(
                    place.me.person, place.project, type, id or service.new_id(), new, seq if id else None
                )
        except Trouble as err:
            if err.problem.number not in (3001, 3122):
                raise
            return show(request, place, type, id, seq, new, err.problem.status, faults_in(err), err)
        return back(place.project, "/duties", said="kept")


def _twice(facts: Facts, type: str, id: str, new: Mapping[str, Any]) -> list[Fault]:
    """One code is one facility of a site."""
    if type != "facility":
        return []
    named = (str(new.get("code", "")).casefold(), new.get("site_id"))
    if any(f.id != id and (f.code.casefold(), f.site_id) == named for f in facts.alive(Facility)):
        return [Fault("code", f"{new['code']} 已经有了，改那一个", f"There is {new['code']} already; change that one")]
    return []
