"""People, tablets, sessions and keys as lines of a page. Pure: no database, no request, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schemas.reference import codes
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.access import FORMER, ROLES
from sync_server.console.parts import Sign, ago, when
from sync_server.console.session import session_name
from sync_server.console.words import pick, words
from sync_server.service.members import Enrolled, Member, live

CLOCK_OFF_MS = 5 * 60_000  # from here on times of records are in doubt
RIGHT_MS = 2_000


class Role(NamedTuple):
    """A role somebody holds. `mine`: whoever looks may take it."""

    role: str
    word: str
    mine: bool


class Device(NamedTuple):
    enrolment: str
    code: str
    label: str
    use: str
    person: str
    name: str
    sign: Sign
    revoked: bool
    seen: str
    waits: int | None
    app: str
    clock: str
    clock_off: bool
    mine: bool


class Line(NamedTuple):
    """A person in a list."""

    person: str
    name: str
    firm: str
    roles: list[Role]
    former: bool  # once a member, now without a role
    account: Sign
    username: str
    seen: str
    devices: list[Device]
    mine: bool


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def read(at: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(at or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def account_sign(m: Member, lang: str) -> Sign:
    w = words(lang)
    if m.username is not None:
        return Sign("block", "alert", w("p_a_off")) if m.disabled else Sign("ok", "done", w("p_a_on"))
    return Sign("clock", "active", w("p_a_invited")) if m.invited else Sign("circle", "planned", w("p_a_none"))


def in_order(roles: Sequence[str]) -> list[str]:
    """As they are listed everywhere; one that is not known stands last."""
    return sorted(set(roles), key=lambda r: (ROLES.index(r) if r in ROLES else len(ROLES), r))


def role_word(role: str, lang: str) -> str:
    w = words(lang)
    return w(role) if role in ROLES else w("p_former") if role == FORMER else role


def line(m: Member, owner: str | None, may: Sequence[str], lang: str, now: datetime) -> Line:
    """`owner`: only roles in this project; without it all, each once. `may`: roles the reader may take."""
    here = [role for o, role in m.roles if owner in (None, o)]
    held = in_order([r for r in here if r != FORMER])
    roles = [Role(r, role_word(r, lang), r in may) for r in held]
    devices = [device(d, lang, now) for d in m.devices]
    return Line(m.person, m.name, m.firm, roles, not held and FORMER in here, account_sign(m, lang), m.username or "",
                seen(m, lang, now), devices, m.mine)  # fmt: skip


def seen(m: Member, lang: str, now: datetime) -> str:
    """The last time anything was heard of a person: a page, or a tablet."""
    at = [x for d in m.devices if (x := read(d.key.last_seen))]
    at += [moment(m.seen_at)] if m.seen_at else []
    return ago(max(at), now, lang) if at else words(lang)("p_never")


def device(d: Enrolled, lang: str, now: datetime) -> Device:
    w, k = words(lang), d.key
    revoked = k.state != "enrolled"
    sign = Sign("block", "alert", w("p_d_revoked")) if revoked else Sign("ok", "done", w("p_d_enrolled"))
    at = read(k.last_seen)
    uses = codes("enrolment_use")
    return Device(
        k.enrolment, k.device_code, d.label, pick(uses[d.use], lang) if d.use in uses else d.use, k.person, d.name, sign, revoked,
        ago(at, now, lang) if at else w("p_never"), k.pending, k.app_version or "", clock(d.offset_ms, lang),
        d.offset_ms is not None and abs(d.offset_ms) > CLOCK_OFF_MS, d.mine,
    )  # fmt: skip


def clock(offset_ms: int | None, lang: str) -> str:
    """How far a tablet's clock was off when it last recorded; "" where nobody knows."""
    w = words(lang)
    if offset_ms is None:
        return ""
    if abs(offset_ms) <= RIGHT_MS:
        return w("p_clock_right")
    s = abs(offset_ms) // 1000
    said = w("p_secs", n=s) if s < 120 else w("p_mins", n=s // 60) if s < 7200 else w("p_hours", n=s // 3600)
    return w("p_clock_slow" if offset_ms > 0 else "p_clock_fast", s=said)


def by_project(m: Member, names: Mapping[str, str], lang: str) -> list[tuple[str, str, list[str]]]:
    """(project, its name, roles there), by name; of the organisation none."""
    owners = sorted({o for o, _ in live(m.roles) if o in names}, key=lambda o: (names[o], o))
    return [
        (o, names[o], [role_word(r, lang) for r in in_order([r for x, r in live(m.roles) if x == o])]) for o in owners
    ]


class Session(NamedTuple):
    name: str
    this: bool
    browser: str
    place: str
    since: str
    used: str


BROWSERS = (("MicroMessenger", "微信 WeChat"), ("Edg", "Edge"), ("QQBrowser", "QQ"), ("Firefox", "Firefox"), ("OPR", "Opera"),
            ("HuaweiBrowser", "Huawei"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
SYSTEMS = (("Android", "Android"), ("HarmonyOS", "HarmonyOS"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip


def browser(agent: str) -> str:
    """What a browser says of itself, in two words; the beginning of it where it is none of those known."""
    found = [next((word for sign, word in kinds if sign in agent), "") for kinds in (BROWSERS, SYSTEMS)]
    return " · ".join(x for x in found if x) or agent[:40] or "?"


def session(row: Mapping[str, Any], own: str, now: datetime) -> Session:
    began = row["began_at"]
    return Session(
        session_name(row["hash"]), row["hash"] == own, browser(row["agent"] or ""), row["place"] or "?",
        when(moment(began), now) if began else "", when(moment(row["seen_at"]), now),
    )  # fmt: skip


class Key(NamedTuple):
    id: str
    name: str
    sign: Sign
    live: bool
    made: str
    until: str
    used: str


def key(row: Mapping[str, Any], lang: str, now: datetime) -> Key:
    w = words(lang)
    until = moment(row["expires_at"])
    live_ = row["revoked_at"] is None and now < until
    sign = (
        Sign("block", "alert", w("p_key_gone"))
        if row["revoked_at"] is not None
        else Sign("ok", "done", w("p_key_on")) if live_ else Sign("clock", "planned", w("p_key_over"))
    )  # fmt: skip
    used = row["used_at"]
    return Key(row["id"], row["name"], sign, live_, when(moment(row["made_at"]), now), f"{until.astimezone(SHANGHAI):%Y-%m-%d}",
               ago(moment(used), now, lang) if used else w("p_never"))  # fmt: skip
