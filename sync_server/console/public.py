"""`/m/{number}?c=CHECK`: how far a load is, for anybody who holds its code. No sign-in, no script, no cookie; nothing else is loaded.

A number without its check value, with another one, or one that does not exist: the same page, after the same time. Questions from one
network address are counted; the count lives in this process alone and is lost with it, which costs nobody anything.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock
from urllib.parse import urlencode

import anyio
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from schemas.reference import codes
from schemas.rules.manifest import shown
from sync_server.console.session import where
from sync_server.console.shell import STATIC
from sync_server.console.words import LANGS, words
from sync_server.service import Service
from sync_server.service.public import PublicLoad

PER_MINUTE, ADDRESSES = 60, 20_000  # questions of one address [D]; addresses that are remembered
LEAST_S = 0.2  # before which nothing is answered, found or not: looking one up takes less
CHINA = timezone(timedelta(hours=8))
GOOD, BAD = ("received", "disposed", "closed"), ("received_difference", "rejected", "returned", "disputed", "voided")


class Counted:
    """A bucket for each address: PER_MINUTE questions at once, and as many in a minute. `clock`: seconds that never jump."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._empty_at: OrderedDict[str, float] = OrderedDict()  # address → when its bucket is full again

    def wait_s(self, address: str) -> int:
        """0: it may ask now; else after so many seconds."""
        key, now, one = _network(address), self._clock(), 60 / PER_MINUTE
        with self._lock:
            full = max(self._empty_at.pop(key, now), now)
            if full + one - now > 60:
                self._empty_at[key] = full
                return ceil(full + one - now - 60)
            self._empty_at[key] = full + one
            while len(self._empty_at) > ADDRESSES:
                self._empty_at.popitem(last=False)
        return 0


def _network(address: str) -> str:
    """Of IPv6 the first 64 bits: whoever has one address there has all of them."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address[:64]
    return str(int(ip) >> 64) if isinstance(ip, IPv6Address) else address


@cache
def style() -> tuple[str, str]:
    """The page's only style, inside it, and its hash for the policy."""
    text = (STATIC / "public.css").read_text("utf-8")
    return text, b64encode(sha256(text.encode()).digest()).decode()


def headers() -> dict[str, str]:
    policy = f"default-src 'none'; style-src 'sha256-{style()[1]}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex", "Cache-Control": "no-store", "Vary": "Accept-Language",
    }  # fmt: skip


def language(request: Request) -> str:
    """As the address says, else what the reader's browser likes best of the two; Chinese where it says neither."""
    if (asked := request.query_params.get("lang", "")) in LANGS:
        return asked
    liked = request.headers.get("accept-language", "").lower().replace(" ", "").split(",")
    return next((p[:2] for p in liked if p[:2] in LANGS), "zh")


def add_public(app: FastAPI, service: Service, counted: Counted | None = None) -> None:
    env = Environment(loader=PackageLoader("sync_server.console"), autoescape=True, undefined=StrictUndefined)
    counts = counted or Counted()

    def page(
        request: Request, status: int, load: PublicLoad | None, title: str = "", text: str = "", **parts: object
    ) -> Response:
        lang = language(request)
        w = words(lang)
        query = {k: v[:40] for k, v in request.query_params.items() if k == "c"} | {
            "lang": LANGS[1 - LANGS.index(lang)]
        }
        heard = _heard(w, load.heard, datetime.fromisoformat(service.now())) if load and load.heard else ""
        label = {code: (name.zh if lang == "zh" else name.en) for code, name in codes("leg_kind").items()}
        html = env.get_template("public.html").render(
            w=w, lang=lang, style=Markup(style()[0]), other=f"?{urlencode(query)}", load=load, heard=heard,
            number=shown(load.number) if load else "", tone=_tone(load), title=title and w(title), text=text and w(text, **parts),
            steps=[(label.get(kind, kind), local(at)) for kind, at in load.steps] if load else [],
        )  # fmt: skip
        return HTMLResponse(html, status, headers())

    @app.get("/m/{number}", summary="联单公开查询 · A load's public page", response_class=HTMLResponse)
    async def public(request: Request, number: str) -> Response:
        if wait := counts.wait_s(where(request)):
            answer = page(request, 429, None, "pub_slow", "pub_slow_do", n=wait)
            answer.headers["Retry-After"] = str(wait)
            return answer
        began = anyio.current_time()
        load = await run_in_threadpool(service.public_load, number, request.query_params.get("c", ""))
        answer = page(request, 200, load) if load else page(request, 404, None, "pub_none", "pub_none_do")
        await anyio.sleep(max(0.0, began + LEAST_S - anyio.current_time()))
        return answer


def _tone(load: PublicLoad | None) -> str:
    return "done" if load and load.state in GOOD else "warn" if load and load.state in BAD else ""


def local(at: datetime) -> datetime:
    return at.astimezone(CHINA)


def _heard(w: Callable[..., str], at: datetime, now: datetime) -> str:
    minutes = max(0, int((now - at).total_seconds() // 60))
    age = (w("pub_now") if minutes < 1 else w("pub_minutes", n=minutes) if minutes < 60 else w("pub_hours", n=minutes // 60)
           if minutes < 48 * 60 else w("pub_days", n=minutes // 1440))  # fmt: skip
    return w("pub_heard", t=local(at).strftime("%Y-%m-%d\u00a0%H:%M"), age=age)
