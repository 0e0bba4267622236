"""Drafts of long checks over HTTP: a person's own, and nobody else's (docs/sync-protocol.md)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from schemas.problems import Trouble
from schemas.wire import DRAFTS, Draft, DraftList, DraftPut
from sync_server.api import NDJSON, PROBLEM, PROBLEM_SCHEMA, Who, packed_lines, read_body
from sync_server.service import Service


def make_draft_router(service: Service) -> APIRouter:
    problem = {"description": "问题 · a numbered problem (RFC 9457)", "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}}
    api = APIRouter(prefix=DRAFTS, responses={"4XX": problem, "5XX": problem})

    @api.get("", summary="自己存在服务器上的检查草稿 · Drafts of checks one keeps on the server")
    def drafts(who: Who) -> DraftList:
        return DraftList(drafts=service.drafts(who))

    @api.get(
        "/{record}",
        summary="取一份草稿 · Fetch a draft (NDJSON: Draft, then its contents)",
        response_class=Response,
        responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
    )
    def draft(request: Request, who: Who, record: str) -> Response:
        head, content = service.draft(who, record)
        return packed_lines(request, [head.model_dump_json().encode(), content])

    @api.put(
        "/{record}",
        summary="存一份草稿 · Keep a draft (NDJSON: DraftPut, then its contents, one JSON object)",
        openapi_extra={"requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}}},
        response_model=Draft,
    )
    async def keep(who: Who, record: str, request: Request) -> Draft:
        body = await read_body(request)

        def kept() -> Draft:
            first, _, content = body.unpacked().partition(b"\n")
            try:
                put = DraftPut.model_validate_json(first)
            except ValidationError as err:
                why = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in err.errors()[:3])
                raise Trouble(1001, why=why) from err
            return service.keep_draft(who, record, put, content.rstrip(b"\n"))

        return await run_in_threadpool(kept)

    @api.delete("/{record}", status_code=204, response_class=Response, summary="删除一份草稿 · Remove a draft")
    def drop(who: Who, record: str, version: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> Response:
        service.drop_draft(who, record, version)
        return Response(status_code=204)

    return api
