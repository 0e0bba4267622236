"""What transfer plans name: vehicles, organisations, pits and heaps, listed and filled in by forms of their record classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.fields import Audience, fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import TYPES, Record, check
from schemas.records.organisation import Organisation
from schemas.records.soil_lot import SoilLot
from schemas.reference import codes
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from sync_server.console.house import House, Place
from sync_server.console.inputs import Input, Option, input_of, options_of, typed_value
from sync_server.console.manifests.filing import whole
from sync_server.console.manifests.form import Choices
from sync_server.console.manifests.opening import may_open
from sync_server.console.planning.room import faults_in, told
from sync_server.console.words import pick, words
from sync_server.service.planning import refused

FIELDS: dict[str, tuple[str, ...]] = {
    "vehicle": (
        "plate",
        "vehicle_class",
        "carrier_id",
        "transport_permit",
        "permit_to",
        "approved_load_t",
        "tare_ref_t",
        "cover",
    ),
    "organisation": ("name", "roles", "uscc", "permit_no", "contact", "phone", "address"),
    "soil_lot": ("code", "kind", "volume_m3", "volume_kind", "density_t_m3", "contaminants", "hazard", "temp_storage"),
}
# what tells one from another in the list
COLUMNS: dict[str, tuple[str, ...]] = {
    "vehicle": ("vehicle_class", "carrier_id", "permit_to"), "organisation": ("roles", "permit_no"),
    "soil_lot": ("kind", "volume_m3", "density_t_m3", "hazard"),
}  # fmt: skip
_NAME = {"vehicle": "plate", "organisation": "name", "soil_lot": "code"}
_ROLES = ("carrier", "receiver", "supervisor", "authority", "remediator", "liable", "user", "surveyor")
LISTED = 300


class Thing(NamedTuple):
    id: str
    name: str
    cells: list[tuple[str, str]]
    alert: bool


class Table(NamedTuple):
    type: str
    title: str
    heads: list[str]
    rows: list[Thing]
    more: int
    may: bool


def audience_of(type: str) -> str:
    return Audience.TRANSFER.value if type == "soil_lot" else Audience.ORGANISATION.value


def scope_of(place: Place, type: str) -> str:
    """Where records of this type are. Raises Trouble 2004."""
    wanted = audience_of(type)
    found = next(
        (
            s.scope
            for s in place.scopes
            if s.audience == wanted and (wanted != Audience.TRANSFER.value or s.owner == place.project)
        ),
        None,
    )
    if found is None:
        raise Trouble(2004)
    return found


def table(facts: Facts, type: str, may: bool, lang: str) -> Table:
    cls = TYPES[type]
    known, about = fields_of(cls), cls.about
    names = COLUMNS[type]
    found: list[Record] = sorted(facts.alive(cls), key=lambda r: natural(str(getattr(r, _NAME[type]))))
    if type == "organisation":  # laboratories and drillers have no part in a transfer
        found = [o for o in found if isinstance(o, Organisation) and set(o.roles) & set(_ROLES)]
    rows = [
        Thing(r.id, str(getattr(r, _NAME[type])), [(known[n].spec.label(lang), _said(facts, r, n, lang)) for n in names],
              isinstance(r, SoilLot) and r.hazard == "hazardous")
        for r in found[:LISTED]
    ]  # fmt: skip
    return Table(
        type,
        pick_label(about.zh, about.en, lang),
        [known[n].spec.label(lang) for n in names],
        rows,
        max(0, len(found) - LISTED),
        may,
    )


def pick_label(zh: str, en: str, lang: str) -> str:
    return zh if lang == "zh" else en


def _said(facts: Facts, r: Record, name: str, lang: str) -> str:
    value, field = getattr(r, name, None), fields_of(type(r))[name]
    if value in (None, "", []):
        return "—"
    if field.spec.ref == "organisation":
        org = facts.find(Organisation, str(value))
        return org.name if org else str(value)[:8]
    if field.spec.codes:
        known = codes(field.spec.codes)
        every = value if isinstance(value, list) else [value]
        return ("、" if lang == "zh" else ", ").join(pick(known[c], lang) if c in known else str(c) for c in every)
    return f"{value} {field.spec.unit}" if field.spec.unit else str(value)


def inputs(
    type: str, values: Mapping[str, Any], choices: Choices, lang: str, faults: Sequence[Fault] = ()
) -> list[Input]:
    known, out = fields_of(TYPES[type]), []
    for name in FIELDS[type]:
        field, value = known[name], values.get(name)
        options: list[Option] | None = None
        if name == "carrier_id":
            options = [Option(id, word, id == value) for id, word in choices.of("carriers", [str(value or "")])]
        elif name == "roles":
            options = [o for o in options_of(field, value, lang) if o.code in _ROLES or o.chosen]
        shown = [f.zh if lang == "zh" else f.en for f in faults if f.field == name]
        made = input_of(field, value, lang, name, shown, options)
        out.append(made._replace(kind="choice") if name == "carrier_id" else made)
    return out


def add_things(
    house: House, managed: Callable[[Request, str], Place], page: Callable[..., Response], back: Callable[..., Response]
) -> None:
    app, service = house.app, house.service

    def may(place: Place, type: str) -> bool:
        return place.may_write(type, audience_of(type))

    def facts_of(place: Place) -> Facts:
        return house.reader.facts(place.project, house.now(), place.audiences)

    def allowed(request: Request, project: str, type: str) -> Place:
        """Raises Trouble 2004, 2003."""
        if type not in FIELDS:
            raise Trouble(1005)
        place = may_open(house.entered(request, project))
        if not may(place, type):
            about = TYPES[type].about
            raise Trouble(2003, what={"zh": f"改{about.zh}", "en": f"changing {about.en.lower()}s"})
        return place

    @app.get("/projects/{project}/transfer/things")
    def things(request: Request, project: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        place, lang = may_open(house.entered(request, project)), house.lang(request)
        tables = [table(facts_of(place), type, may(place, type), lang) for type in FIELDS]
        done = words(lang)("tp_said_thing") if said == "thing" else ""
        return page(request, "things.html", place, tables=tables, done=done)

    def show(request: Request, place: Place, type: str, id: str, seq: int, values: Mapping[str, Any], status: int = 200,
             faults: Sequence[Fault] = (), trouble: Trouble | None = None) -> Response:  # fmt: skip
        lang, about = house.lang(request), TYPES[type].about
        made = inputs(type, values, Choices(facts_of(place), lang), lang, faults)
        return page(
            request, "thing.html", place, status, type=type, id=id, seq=seq, inputs=made, what=pick_label(about.zh, about.en, lang),
            name=str(values.get(_NAME[type]) or ""), trouble=told(trouble, lang),
        )  # fmt: skip

    @app.get("/projects/{project}/transfer/things/{type}")
    def form(request: Request, project: str, type: str, id: Annotated[str, Query(max_length=64)] = "") -> Response:
        place = allowed(request, project, type)
        if not id:
            return show(request, place, type, "", 0, {})
        stored = service.stored_thing(type, id, scope_of(place, type))
        return show(request, place, type, id, stored.seq, stored.values)

    @app.post("/projects/{project}/transfer/things/{type}")
    async def save(request: Request, project: str, type: str) -> Response:
        place = await run_in_threadpool(allowed, request, project, type)
        async with request.form(max_files=0, max_fields=100) as posted:
            given = {k: [str(x) for x in posted.getlist(k)] for k in posted}
        return await run_in_threadpool(keep, request, place, type, given)

    def keep(request: Request, place: Place, type: str, given: Mapping[str, Sequence[str]]) -> Response:
        id, scope, cls = "".join(given.get("id", ("",))[:1]), scope_of(place, type), TYPES[type]
        seq = whole("".join(given.get("seq", ("",))[:1]))
        old = dict(service.stored_thing(type, id, scope).values) if id else {}
        found = ((n, typed_value(fields_of(cls)[n], given.get(n, ()))) for n in FIELDS[type])
        new = {k: v for k, v in old.items() if k not in FIELDS[type]} | {n: v for n, v in found if v is not None}
        try:
            faults = [*check(cls, new), *_twice(facts_of(place), type, id, new)]
            if faults:
                raise refused(faults)
            if new != old:
                service.keep_thing(
                    place.me.person, place.project, type, id or service.new_id(), scope, new, seq if id else None
                )
        except Trouble as err:
            if err.problem.number not in (3001, 3122):
                raise
            return show(request, place, type, id, seq, new, err.problem.status, faults_in(err), err)
        return back(place.project, "/things", said="thing")


def _twice(facts: Facts, type: str, id: str, new: Mapping[str, Any]) -> list[Fault]:
    """One plate is one vehicle, one code one pit: two of a name could not be told apart on a manifest."""
    name = _NAME[type]
    cls: Any = TYPES[type]
    wanted = _plain(str(new.get(name) or ""))
    if wanted and any(r.id != id and _plain(str(getattr(r, name))) == wanted for r in facts.alive(cls)):
        said = new[name]
        return [Fault(name, f"{said} 已经有了，改那一个", f"There is {said} already; change that one")]
    return []


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
