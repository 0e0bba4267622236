"""Who was last seen where: people by the visits they made, tablets by when they last spoke. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from schemas.records.person import Person
from schemas.records.point import Point
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.sync import SILENT_H
from schemas.rules.reconcile.terms import SHANGHAI, day
from sync_server.console.parts import ago, number, when
from sync_server.console.words import words
from sync_server.media import Media

MOST = 12  # people shown, the latest first


class Crew(NamedTuple):
    """A person in the field. `today`: the points of today, "" where there are none."""

    name: str
    seen: str
    ago: str
    today: str
    points: str


class Crews(NamedTuple):
    shown: list[Crew]
    more: int


class Device(NamedTuple):
    label: str
    seen: str
    ago: str
    pending: str
    silent: bool
    photos: str  # it recorded and has not sent


class Photos(NamedTuple):
    """What has come of the photos; `elsewhere`: of those that have not, how many no device of the list recorded."""

    line: str
    whole: bool
    elsewhere: str
    here: str
    named: str


class _Seen(NamedTuple):
    person: str
    last: datetime
    visits: int
    today: tuple[str, ...]


def crews(facts: Facts, lang: str) -> Crews:
    """The people who sampled, the latest first: by what their records say, not by who is signed in."""
    w = words(lang)
    seen: list[_Seen] = facts.remember("seen in the field", lambda: _seen(facts))
    shown = []
    for s in seen[:MOST]:
        person = facts.find(Person, s.person)
        codes = sorted(s.today, key=natural)
        ends = ("" if not codes else codes[0] if len(codes) == 1 else f"{codes[0]} … {codes[-1]}" if len(codes) > 3
                else ("、" if lang == "zh" else ", ").join(codes))  # fmt: skip
        today = f"{ends}{w('crew_n', n=number(len(codes)))}" if len(codes) > 3 else ends
        shown.append(
            Crew(person.name if person else w("record_n", n=s.person[:8]), when(s.last, facts.now), ago(s.last, facts.now, lang),
                 today, number(s.visits))
        )  # fmt: skip
    return Crews(shown, len(seen) - len(shown))


def _seen(facts: Facts) -> list[_Seen]:
    today = day(facts.now)
    last: dict[str, datetime] = {}
    visits: dict[str, int] = {}
    codes: dict[str, set[str]] = {}
    for visit in facts.alive(Point):
        at = visit.ended_at or visit.started_at
        is_today = day(visit.started_at) == today
        for person in visit.samplers:
            visits[person] = visits.get(person, 0) + 1
            if person not in last or at > last[person]:
                last[person] = at
            if is_today:
                codes.setdefault(person, set()).add(visit.code)
    found = [_Seen(p, at, visits[p], tuple(codes.get(p, ()))) for p, at in last.items()]
    return sorted(found, key=lambda s: (s.last, s.person), reverse=True)


def photos(facts: Facts, media: Media, lang: str) -> Photos | None:
    """None: no photo was recorded."""
    if not media.named:
        return None
    w, listed = words(lang), {d.device_id for d in facts.devices}
    others = [o for o in media.owing if o.device not in listed]
    told = " · ".join(f"{o.code or w('photos_no_device')} {number(o.photos)}" for o in others)
    here, named = number(media.here), number(media.named)
    return Photos(
        w("photos_line", n=here, m=named),
        media.here == media.named,
        w("photos_elsewhere", x=told) if told else "",
        here,
        named,
    )


def devices(facts: Facts, media: Media, lang: str) -> list[Device]:
    """The longest silent first."""
    w = words(lang)
    owed = {o.device: o.photos for o in media.owing}
    never = datetime.min.replace(tzinfo=SHANGHAI)
    out = []
    for d in sorted(facts.devices, key=lambda d: (d.last_seen or never, d.label)):
        seen, since = (
            (when(d.last_seen, facts.now), ago(d.last_seen, facts.now, lang)) if d.last_seen else (w("never"), "")
        )
        silent = d.last_seen is None or (facts.now - d.last_seen).total_seconds() > SILENT_H * 3600
        names = [p.name for id in d.people if (p := facts.find(Person, id))]
        out.append(
            Device(
                " · ".join([d.label, *names[:3]]),
                seen,
                since,
                w("pending_unknown") if d.pending is None else number(d.pending),
                silent,
                number(owed[d.device_id]) if d.device_id in owed else "",
            )
        )
    return out
