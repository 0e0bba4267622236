"""`/i/{id}?c=CHECK`: is this paper the record that was signed, for anybody who holds it. As `/m/{number}` (public.py): no sign-in, no script,
no cookie; wrong, missing and unheard of are one page after the same time; questions are counted together with those about loads.

What it tells: code, state, hash, when it came, and by which record it was amended. No person, party, place or finding.
"""

from __future__ import annotations

from urllib.parse import urlencode

import anyio
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from sync_server.console import public
from sync_server.console.public import Counted, headers, language, local, style
from sync_server.console.session import where
from sync_server.console.words import LANGS, words
from sync_server.service import Service
from sync_server.service.onsite import PublicRecord

GROUP = 8  # signs of a hash that stand together


def add_public_onsite(app: FastAPI, service: Service, counts: Counted) -> None:
    env = Environment(loader=PackageLoader("sync_server.console"), autoescape=True, undefined=StrictUndefined)

    def page(
        request: Request, status: int, found: PublicRecord | None, title: str = "", text: str = "", **parts: object
    ) -> Response:
        lang = language(request)
        w = words(lang)
        other = LANGS[1 - LANGS.index(lang)]
        query = {k: v[:40] for k, v in request.query_params.items() if k == "c"} | {"lang": other}
        html = env.get_template("public_onsite.html").render(
            w=w, lang=lang, style=Markup(style()[0]), other=f"?{urlencode(query)}", found=found, title=title and w(title),
            text=text and w(text, **parts), sha=[found.sha256[n : n + GROUP] for n in range(0, 64, GROUP)] if found else [],
            received=local(found.received_at) if found and found.received_at else None,
            amended_by=[(f"/i/{a.id}?{urlencode({'c': a.check, 'lang': lang})}", a.code, a.received_at and local(a.received_at)) for a in found.amended_by]
            if found else [],
        )  # fmt: skip
        return HTMLResponse(html, status, headers())

    @app.get("/i/{id}", summary="笔录公开核验 · Verify an on-site record", response_class=HTMLResponse)
    async def verify(request: Request, id: str) -> Response:
        if wait := counts.wait_s(where(request)):
            answer = page(request, 429, None, "pub_slow", "pub_slow_do", n=wait)
            answer.headers["Retry-After"] = str(wait)
            return answer
        began = anyio.current_time()
        found = await run_in_threadpool(service.public_onsite, id, request.query_params.get("c", ""))
        answer = page(request, 200, found) if found else page(request, 404, None, "pub_i_none", "pub_i_none_do")
        await anyio.sleep(max(0.0, began + public.LEAST_S - anyio.current_time()))
        return answer
