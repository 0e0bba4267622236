"""What an administrator needs to know about a tablet, as text that can be sent by chat.

Named facts only: nothing is copied out of records, messages or the identity file, so nothing that is secret or personal can
come along. Of people there is the name of who holds the tablet; of problems their number, not their words.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import flet

from field_app.store import Store
from field_app.words import say
from schemas import VERSION
from schemas.problems import PROBLEMS
from schemas.records import SCHEMA

SHORT = 6  # last characters of an id: enough to find it
WANTED = ("ENABLE_FTS5", "ENABLE_JSON1", "JSON", "OMIT_JSON", "THREADSAFE", "ENABLE_RTREE", "MAX_VARIABLE_NUMBER")


class Around(NamedTuple):
    """What the store does not know. troubles: (when, number, kind of error); sync: the summary State keeps of the last one."""

    now: datetime
    position: str  # fixed with its accuracy, or why there is none; never where
    last_sync: dict[str, Any] | None
    troubles: tuple[tuple[str, int, str], ...]


def text(lang: str, store: Store, around: Around) -> str:
    """A line per fact."""
    return "\n".join(f"{say(lang, f'diag.{name}')}: {value}" for name, value in facts(lang, store, around))


def facts(lang: str, store: Store, around: Around) -> Iterable[tuple[str, str]]:
    """(name of the word, value)."""
    none = say(lang, "diag.none")
    identity, engine = store.identity, store.engine()
    yield "at", around.now.isoformat(timespec="seconds")
    yield "versions", f"{VERSION} / {SCHEMA}"
    yield "runs_on", f"Python {platform.python_version()}, Flet {flet.__version__}, {sys.platform} {platform.machine()}"
    yield "device", identity.device_code if identity else none
    yield "person", identity.person_name if identity else none
    yield "server", _host(identity.server_url) if identity else none
    yield "enrolments", ", ".join(_enrolment(lang, store, e) for e in store.keys.identities) or none
    yield "database", f"{engine['bytes'] / 1e6:.1f} MB, SQLite {engine['version']}, v{engine['shape']}"
    yield "free", f"{shutil.disk_usage(store.folder).free / 1e9:.1f} GB"
    yield "counts", ", ".join(f"{name} {n}" for name, n in store.counts().items())
    yield "photos", ", ".join(f"{name} {n}" for name, n in store.media()._asdict().items())
    yield "sync", _sync(around.last_sync) or none
    yield "position", around.position or none
    yield "troubles", "; ".join(f"{at} {number} {kind}".strip() for at, number, kind in around.troubles) or none
    yield "options", ", ".join(o for o in engine["options"] if o.startswith(WANTED)) or none


def _host(url: str) -> str:
    """Without a name or password somebody may have put into the address, and without a path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")


def _enrolment(lang: str, store: Store, enrolment: str) -> str:
    locked = store.keys.identities[enrolment].locked
    state = "locked" if locked else "open" if store.keys.has_pin(enrolment) else "no_pin"
    return f"…{enrolment[-SHORT:]} {say(lang, f'diag.{state}')}"


def _sync(last: dict[str, Any] | None) -> str:
    """Numbers only, whatever else may be kept beside them."""
    if not last:
        return ""
    numbers = [str(n) for n in last.get("problems", ()) if n in PROBLEMS]
    told = f"{last.get('at', '')} reached={bool(last.get('reached'))}"
    counted = [f"{k}={int(last.get(k) or 0)}" for k in ("sent", "pulled")]
    return " ".join([told, *counted, *(["problems=" + ",".join(numbers)] if numbers else [])])
