"""The page of what waits for a person: parked changes, what a restore lost, devices with two chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Form, Query, Request, Response
from starlette.responses import RedirectResponse

from schemas import change
from schemas.fields import Audience, fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rows import refs_of
from schemas.wire import Outcome, ScopeGrant
from sync_server.access import may_decide
from sync_server.console.counts import counted
from sync_server.console.house import House, Place
from sync_server.console.parts import Sign, when
from sync_server.console.said import in_order, text_of, type_words
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.service import Apart, Parked, Service, Unexplained

PAGE = 50
FIRST_FIELDS = 6  # more are folded away


class Field(NamedTuple):
    name: str
    before: str  # "" where the record is made
    after: str


class Item(NamedTuple):
    """One parked change as a reader sees it."""

    id: str
    what: str
    name: str
    sign: Sign
    line: str  # who, which device, when
    fields: list[Field]
    why: str
    other: str  # the same in the other language
    decided: str
    mine: bool  # may this reader decide about it?
    other_decides: bool  # an administrator does, because it concerns every project


class Lost(NamedTuple):
    """One record only tablets remember."""

    id: str
    what: str
    name: str
    sign: Sign
    line: str
    fields: list[Field]


class Chain(NamedTuple):
    device: str
    sign: Sign
    what: str
    line: str
    todo: str


class Told:
    """Turns what waits into words for one reader."""

    def __init__(self, service: Service, scopes: Sequence[ScopeGrant], lang: str) -> None:
        self._service, self._lang, self._w = service, lang, words(lang)
        self.ids = [s.scope for s in scopes]
        self._by_id = {s.scope: s for s in scopes}
        self._now = datetime.fromisoformat(service.now())

    def may_decide(self, scope: str) -> bool:
        grant = self._by_id[scope]
        return may_decide(grant.roles, grant.audience)

    def parked(self, rows: Sequence[Parked]) -> list[Item]:
        changes = {p.line.id: change.decode(p.line.line) for p in rows}
        wanted: set[str] = set()
        for c in changes.values():
            wanted |= {c.record, c.by, c.device} | self._refs(c.type, {**c.before, **c.after})
        wanted |= {str(p.decision["by"]) for p in rows if p.decision}
        names = self._service.names_of(wanted, self.ids)
        return [self._item(p, changes[p.line.id], names) for p in rows]

    def _item(self, p: Parked, c: change.Change, names: Mapping[str, str]) -> Item:
        w = self._w
        verb = "voids" if c.after.get("deleted") is True else "makes" if c.creates else "edits"
        who = names.get(c.by) or (p.key.device_code if p.key else c.by[:8])
        parts = [who, names.get(c.device, p.key.device_code if p.key else ""), self._made(c), self._came(p)]
        said = (p.zh, p.en) if self._lang == "zh" else (p.en, p.zh)
        decided = ""
        if p.decision:
            by = names.get(str(p.decision["by"]), "")
            decided = w("accepted_by", who=by, at=self._when(str(p.decision["at"])), why=p.decision["reason"])
        return Item(
            c.id, w(verb, what=type_words(c.type, self._lang)), names.get(c.record, w("record_n", n=c.record[:8])), self._sign(p),
            " · ".join(x for x in parts if x), self._fields(c.type, c.before, c.after, names), *said, decided,
            self.may_decide(p.line.scope), self._by_id[p.line.scope].audience == Audience.ORGANISATION.value,
        )  # fmt: skip

    def _sign(self, p: Parked) -> Sign:
        kinds = {m.partition(":")[0] for m in p.missing}
        if p.decision:
            return Sign("ok", "done", self._w("w_accepted"))
        if "device" in kinds:
            return Sign("block", "alert", self._w("w_device"))
        if "right" in kinds:
            return Sign("user", "warn", self._w("w_right"))
        return Sign("clock", "active", self._w("w_type" if kinds & {"type", "types"} else "w_linking"))

    def _made(self, c: change.Change) -> str:
        return self._w("made_at", t=self._when(c.made_at["wall"])) if c.made_at["wall"] else ""

    def _came(self, p: Parked) -> str:
        return self._w("came_at", t=self._when(p.line.received_at))

    def _when(self, at: str) -> str:
        try:
            return when(datetime.fromisoformat(at), self._now)
        except (ValueError, TypeError):  # a device may send any text as its own clock
            return at[:40]

    def _fields(
        self, type: str, before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]
    ) -> list[Field]:
        known = fields_of(TYPES[type]) if type in TYPES else {}
        out = []
        for name in in_order(after, known):
            field, value = known.get(name), after[name]
            old = text_of(field, before[name], names, self._lang, self._now) if name in before else ""
            new = text_of(field, value, names, self._lang, self._now)
            out.append(Field(field.spec.label(self._lang) if field else name, old, new))
        return out

    def _refs(self, type: str, values: dict[str, Any]) -> set[str]:
        return {id for _, id in refs_of(type, values)} if type in TYPES else set()

    def lost(self, found: Sequence[Unexplained]) -> list[Lost]:
        w = self._w
        wanted = {u.record for u in found}.union(*(self._refs(u.type, {**(u.now or {}), **u.lost}) for u in found))
        called = {u.record: v for u in found for k in ("number", "name", "code") if isinstance(v := u.lost.get(k), str)}
        names = called | self._service.names_of(wanted, self.ids)
        out = []
        for u in found:
            sign = Sign("q", "unsure", w("l_gone")) if u.now is None else Sign("half", "warn", w("l_older"))
            now = {k: (u.now or {}).get(k) for k in u.lost} if u.now is not None else {}
            line = w("seen_by", device=u.device_code, t=self._when(u.received_at))
            out.append(
                Lost(u.record, type_words(u.type, self._lang), names.get(u.record) or w("record_n", n=u.record[:8]), sign, line,
                     self._fields(u.type, now, u.lost, names))
            )  # fmt: skip
        return out

    def chains(self, found: Sequence[Apart]) -> list[Chain]:
        w = self._w
        people = {a.key.person for a in found if a.key} | {a.key.device for a in found if a.key}
        names = self._service.names_of(people, self.ids)
        out = []
        for a in found:
            device = (names.get(a.key.device) or a.key.device_code) if a.key else a.at.enrolment[:8]
            who = names.get(a.key.person, "") if a.key else ""
            place = w(f"aud_{self._by_id[a.at.scope].audience}")
            line = " · ".join(x for x in (who, place, w("from_line", a=a.at.first, n=a.at.lines),
                                          w("came_at", t=self._when(a.at.received_at))) if x)  # fmt: skip
            if not a.forked:
                sign, what, todo = Sign("q", "unsure", w("c_unproven")), w("c_unproven_line"), w("c_unproven_do")
            elif a.open:
                sign, what, todo = Sign("warn", "alert", w("c_fork")), w("c_fork_line"), w("c_fork_do")
            else:
                sign, what, todo = Sign("ok", "done", w("c_fork_closed")), w("c_fork_line"), w("c_fork_done")
            out.append(Chain(device, sign, what, line, todo))
        return out


def add_waiting(house: House) -> None:
    app, service = house.app, house.service

    def show(
        request: Request, place: Place, *, after: int = 0, link: int = 0, lost: str = "", device: str = "",
        done: str = "", trouble: Trouble | None = None, reason: str = "", ticked: Sequence[str] = (),
    ) -> Response:  # fmt: skip
        lang, scopes = house.lang(request), place.scopes
        w = words(lang)
        told = Told(service, scopes, lang)
        held = service.parked_page(told.ids, True, after, PAGE + 1)
        linking = service.parked_page(told.ids, False, link, PAGE + 1)
        every = [u for s in told.ids for u in service.unexplained(s)]
        every = [u for u in every if (u.scope, u.record) > _key(lost)]
        # two versions of one record are decided together, so they stand on one page
        last = every[PAGE - 1].record if len(every) > PAGE else None
        seen = [u for n, u in enumerate(every) if n < PAGE or u.record == last]
        chains = service.apart(told.ids, _key(device), PAGE + 1)
        asks, count = service.waiting_count(counted(scopes)).asks, service.waiting_count(told.ids)
        gone = trouble is not None and trouble.problem.number == 2004
        return house.page(
            request, "waiting/waiting.html", place, "waiting", trouble.problem.status if trouble else 200, asks=asks, counts={"waiting": asks}, count=count, done=done,
            reason=reason, ticked=ticked, trouble=w("w_gone") if gone else trouble.text(lang) if trouble else "", first_fields=FIRST_FIELDS,
            held=told.parked(held[:PAGE]), held_next=held[PAGE - 1].n if len(held) > PAGE else None,
            linking=told.parked(linking[:PAGE]), link_next=linking[PAGE - 1].n if len(linking) > PAGE else None,
            lost=[(s, told.may_decide(s), told.lost(these)) for s in told.ids
                  if (these := [u for u in seen if u.scope == s])],
            lost_next=f"{seen[-1].scope} {seen[-1].record}" if len(every) > len(seen) else None,
            chains=told.chains(chains[:PAGE]),
            chain_next=f"{chains[PAGE - 1].at.enrolment} {chains[PAGE - 1].at.scope}" if len(chains) > PAGE else None,
            on_later_page=bool(after or link or lost or device),
        )  # fmt: skip

    def back(project: str, **said: Any) -> Response:
        query = "&".join(f"{k}={v}" for k, v in said.items())
        return RedirectResponse(f"{ROOT}/projects/{project}/waiting?{query}", 303)

    @app.get("/projects/{project}/waiting")
    def waiting(
        request: Request,
        project: str,
        after: Annotated[int, Query(ge=0, le=2**62)] = 0,
        link: Annotated[int, Query(ge=0, le=2**62)] = 0,
        lost: Annotated[str, Query(max_length=200)] = "",
        device: Annotated[str, Query(max_length=200)] = "",
        said: Annotated[str, Query(max_length=10)] = "",
        applied: Annotated[int, Query(ge=0, le=1000)] = 0,
        parked: Annotated[int, Query(ge=0, le=1000)] = 0,
        rejected: Annotated[int, Query(ge=0, le=1000)] = 0,
    ) -> Response:
        w, done = words(house.lang(request)), ""
        if said == "accept":
            some = [w("d_applied", n=applied), w("d_parked", n=parked), w("d_rejected", n=rejected)]
            done = w("join").join(x for x, n in zip(some, (applied, parked, rejected), strict=True) if n)
        elif said in ("decline", "take", "let_go"):
            done = w(f"d_{said}", n=rejected if said == "decline" else applied)
        return show(request, house.entered(request, project), after=after, link=link, lost=lost,
                    device=device, done=done)  # fmt: skip

    @app.post("/projects/{project}/waiting/parked")
    def decide(
        request: Request,
        project: str,
        id: Annotated[list[str], Form(max_length=PAGE)] = [],  # noqa: B006
        decision: Annotated[str, Form(pattern="^(accept|decline)$")] = "",
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        place = house.entered(request, project)  # whoever may not see the project is told nothing about the changes
        try:
            if not id:
                raise _unticked()
            done = service.decide_parked(place.me.person, id, decision == "accept", reason)
        except Trouble as err:
            if err.problem.number not in (2004, 3001):
                raise
            return show(request, place, trouble=err, reason=reason, ticked=id)
        n = Counter("applied" if o in (Outcome.APPLIED, Outcome.CONFLICT) else o.value for o in done.values())
        return back(project, said=decision, **n)

    @app.post("/projects/{project}/waiting/lost")
    def settle(
        request: Request,
        project: str,
        scope: Annotated[str, Form(max_length=200)] = "",
        id: Annotated[list[str], Form(max_length=4 * PAGE)] = [],  # noqa: B006
        decision: Annotated[str, Form(pattern="^(take|let_go)$")] = "",
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        place = house.entered(request, project)
        try:
            if not id:
                raise _unticked()
            service.settle_unexplained(place.me.person, scope, id, decision == "take", reason)
        except Trouble as err:
            if err.problem.number not in (2004, 3001, 3101):
                raise
            return show(request, place, trouble=err, reason=reason, ticked=id)
        return back(project, said=decision, applied=len(set(id)))


def _key(text: str) -> tuple[str, str]:
    first, _, second = text.partition(" ")
    return first, second


def _unticked() -> Trouble:
    zh, en = "请先勾选要决定的", "Tick what you decide about first"
    return Trouble(3001, {"faults": [{"field": "id", "zh": zh, "en": en}]}, faults={"zh": zh, "en": en})
