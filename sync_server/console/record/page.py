"""The page of one record of any type, and what people say about it there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.records.field_reading import FieldReading
from schemas.records.photo import Photo
from schemas.rows import refs_of
from schemas.rules.review import BACK, PASS
from schemas.wire import ScopeGrant
from sync_server.console.charts.core import core_of_record
from sync_server.console.house import House, Place
from sync_server.console.overview import views
from sync_server.console.parts import Sign, when
from sync_server.console.record import around, remarks, shots, timeline
from sync_server.console.record.judged import verdict
from sync_server.console.record.known import Known
from sync_server.console.record.photos import add_photos
from sync_server.console.record.title import evidence, subtitle, title
from sync_server.console.record.values import Reader
from sync_server.console.record.where import spots
from sync_server.console.review.box import box_of
from sync_server.console.said import type_words
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.facts import Seen
from sync_server.service import Service, Write
from sync_server.service.history import Recorded

PHOTOS = 60  # shown on one page
FINDINGS = 8  # stand open
SAID = ("comment", "resolved", "reopened")


def grant_of(place: Place, scope: str) -> ScopeGrant:
    return next(s for s in place.scopes if s.scope == scope)


def may_comment(place: Place, scope: str) -> bool:
    return "comment" in grant_of(place, scope).writes


class Page:
    """Everything one page shows, gathered for one reader."""

    def __init__(self, service: Service, place: Place, seen: Seen, of: Recorded, lang: str, before: int | None) -> None:
        self.service, self.place, self.seen, self.of, self.lang = service, place, seen, of, lang
        self.past = service.past(of, before)
        self.stored = s = of.stored
        about = (s, *of.comments, *of.reviews, *of.conflicts)
        wanted = {id for r in about if r.type in TYPES for _, id in refs_of(r.type, r.values)}
        wanted |= timeline.told_ids(self.past.chapters) | set(of.authors.values())
        facts = seen.facts
        fresh = service.known([i for i in wanted if not any(i in rows for rows in facts.records.values())], place.ids)
        parked = service.names_of(
            [i for i in wanted if i not in fresh and not any(i in r for r in facts.records.values())], place.ids
        )
        self.known = Known(facts, fresh | {r.id: r for r in about}, parked, lang)
        self.names = self.known.names
        self.reader = Reader(self.names, self.known.types, lang)

    def values(self) -> dict[str, Any]:
        facts, report, s, lang = self.seen.facts, self.seen.report, self.stored, self.lang
        point = s.type in ("point", "planned_point")
        family = around.family(facts, s.id) if s.type == "point" else {}
        found = around.findings(facts, report, self.place.audiences, s.type, s.id, lang)
        record = facts.records.get(s.type, {}).get(s.id)
        reading = FieldReading.of(s.id, s.values, s.seq) if s.type == "field_reading" else None
        code = facts.code_of(s.type, s.id)
        photos, more = self._photos(family)
        place = facts.place_of(s.type, s.id) if s.type in _OF_A_POINT else None
        return {
            "type": s.type, "id": s.id, "what": type_words(s.type, lang), "title": title(s.type, s.id, s.values, facts, self.names, lang),
            "line": subtitle(s, lang), "signs": self._signs(reading), "sheet": self.reader.sheet(s.type, s.values),
            "above": self.of.above, "below": self.of.below, "stored": s, "verdict": verdict(facts, reading, lang) if reading else None,
            "events": timeline.events(self.past.chapters, s.id, self.reader), "past": self.past,
            "spots": spots(s.type, s.id, s.values, facts, lang), "code": code if place else None,
            "ground": core_of_record(facts, s.type, s.id) if point and record is not None else None,
            "family": around.family_kinds(family, self.names, lang),
            "referring": around.kinds(facts, s.type, s.id, self.names, lang, frozenset(family)),
            "findings": found[:FINDINGS], "more_findings": found[FINDINGS:], "photos": photos, "photos_more": more,
            "photos_here": sum(p.here for p in photos), "threads": remarks.threads(self.of, self.names, lang),
            "may_comment": may_comment(self.place, s.scope), "evidence": evidence(facts, s.type, s.id),
            "as_of": when(report.basis.as_of, datetime.fromisoformat(self.service.now())),
        }  # fmt: skip

    def _photos(self, family: Mapping[str, list[Any]]) -> tuple[list[shots.Shot], int]:
        facts, s = self.seen.facts, self.stored
        ids = [s.id, *(r.id for rows in family.values() for r in rows)]
        if s.type == "planned_point" and (place := facts.place(s.id)) is not None:
            ids += [v.id for v in place.visits]
        photos = around.photos_of(facts, ids)
        if s.type == "photo":
            photos = [Photo.of(s.id, s.values, s.seq), *photos]
        shown = photos[:PHOTOS]
        stored = facts.stored_blobs or frozenset()
        blobs, makers = self.service.pictures(
            {p.sha256 for p in shown}, [p.id for p in shown if p.sha256 not in stored]
        )
        for key in makers.values():
            self.known.name(key.person), self.known.name(key.device)
        return shots.shots(
            shown, facts, shots.against(self.seen.report.by_check, facts), blobs, makers, self.names, self.lang
        ), len(photos) - len(shown)

    def _signs(self, reading: FieldReading | None) -> list[tuple[Sign, str]]:
        """(chip, address it leads to)."""
        w, s, out = words(self.lang), self.stored, list[tuple[Sign, str]]()
        if s.values.get("deleted"):
            out.append((Sign("block", "alert", w("rec_void")), ""))
        if reading is not None and (judged := verdict(self.seen.facts, reading, self.lang)) is not None:
            out.append((judged.sign, "#judged"))
        state = (
            around.state_of(self.seen.facts, self.seen.report, s.id) if s.type in ("point", "planned_point") else None
        )
        if state is not None:
            done, exceed = views.signs(state, self.lang)
            out += [(done, "")] + ([(exceed, "")] if state.visited else [])
        open_ = [c for c in self.of.conflicts if "choice" not in c.values and not c.values.get("deleted")]
        if open_:
            out.append(
                (
                    Sign("split", "clash", w("rec_conflict", n=len(open_))),
                    f"{ROOT}/projects/{self.place.project}/conflicts/{open_[0].id}",
                )
            )
        return out


_OF_A_POINT = frozenset({"point", "planned_point", "planned_target", "borehole", "soil_layer", "field_reading", "sample", "sample_container",
                         "point_adjustment", "photo", "qc_link"})  # fmt: skip


def add_record(house: House) -> None:
    app, service = house.app, house.service

    def show(
        request: Request, place: Place, seen: Seen, type: str, id: str, *, before: int | None = None, done: str = "",
        answer: str = "", trouble: Trouble | None = None, text: str = "",
    ) -> Response:  # fmt: skip
        lang = house.lang(request)
        of = service.recorded(type, id, place.ids)
        values = Page(service, place, seen, of, lang, before).values()
        reviewed = box_of(house, place, lang, type, id, of.stored.scope)
        if reviewed is not None and not of.stored.values.get("deleted"):
            values["signs"].append((reviewed.state, "#review"))
        return house.page(
            request, "record/record.html", place, "records", trouble.problem.status if trouble else 200, **values, review=reviewed,
            before=before, done=done, answer=answer,
            trouble=trouble.text(lang) if trouble else "", text=text, longest=remarks.LONGEST,
        )  # fmt: skip

    @app.get("/projects/{project}/records/{type}/{id}")
    def record(
        request: Request,
        project: str,
        type: str,
        id: str,
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        said: Annotated[str, Query(max_length=20)] = "",
        answer: Annotated[str, Query(max_length=64)] = "",
        reviewed: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        """`said`, `reviewed`: what was done just now; `answer`: the comment to be answered."""
        place, seen = house.at_hand(request, project)
        w = words(house.lang(request))
        done = (
            w(f"rec_said_{said}") if said in SAID else w(f"rv_said_{reviewed}", n=1) if reviewed in (PASS, BACK) else ""
        )
        return show(request, place, seen, type, id, before=before, done=done, answer=answer)

    @app.post("/projects/{project}/records/{type}/{id}/comments")
    def comment(
        request: Request,
        project: str,
        type: str,
        id: str,
        text: Annotated[str, Form(max_length=100_000)] = "",
        answer: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        """`answer`: the comment this one answers."""
        place, of = _may(house, request, project, type, id)
        try:
            values = remarks.new(of, text, answer, service.now())
            service.write(place.me.person, [Write("comment", service.new_id(), of.stored.scope, values)])
        except Trouble as err:
            if err.problem.number not in (1001, 3001):
                raise
            return show(request, *house.at_hand(request, project), type, id, trouble=err, text=text, answer=answer)
        return _back(project, type, id, "comment")

    @app.post("/projects/{project}/records/{type}/{id}/comments/{comment}")
    def resolve(
        request: Request, project: str, type: str, id: str, comment: str,
        resolved: Annotated[str, Form(pattern="^(yes|no)$")] = "yes",
    ) -> Response:  # fmt: skip
        place, of = _may(house, request, project, type, id)
        found = next((c for c in of.comments if c.id == comment), None)
        if found is None:
            raise Trouble(2004)
        done = resolved == "yes"
        values = {**found.values, "resolved": done}
        service.write(place.me.person, [Write("comment", comment, of.stored.scope, values)])
        return _back(project, type, id, "resolved" if done else "reopened")

    add_photos(house)


def _may(house: House, request: Request, project: str, type: str, id: str) -> tuple[Place, Recorded]:
    """Raises Trouble 2004 for a record that is not there, 2003 where this person may not comment."""
    place = house.entered(request, project)
    of = house.service.recorded(type, id, place.ids)
    if not may_comment(place, of.stored.scope):
        raise Trouble(2003, what={"zh": "写批注", "en": "commenting"})
    return place, of


def _back(project: str, type: str, id: str, said: str) -> Response:
    return RedirectResponse(f"{ROOT}/projects/{project}/records/{type}/{id}?said={said}#comments", 303)
