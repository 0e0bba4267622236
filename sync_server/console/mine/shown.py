"""A party's findings as its pages show them. Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from schemas.rules import rectify
from sync_server.console.inspections.rows import days, severity_sign, short_day, state_sign
from sync_server.console.parts import Sign, when
from sync_server.console.words import words
from sync_server.service.owned import Own, Shot

LISTED = 80  # characters of a description in the list


class Row(NamedTuple):
    id: str
    code: str
    severity: Sign
    text: str
    deadline: str
    sign: Sign
    age: str


class Picture(NamedTuple):
    """`target`: where it was taken, as the camera's page wants it; "" where nobody knows."""

    id: str
    sha: str
    name: str
    at: str
    here: bool
    target: str


class Step(NamedTuple):
    at: str
    word: str
    by: str
    text: str
    more: list[str]
    pictures: list[Picture]


class Page(NamedTuple):
    row: Row
    issued: str
    left: str  # days to the deadline, in words
    before: list[Picture]
    steps: list[Step]
    hint: str  # why nothing is asked for, or what is waited for
    may: bool


def row(f: Own, today: date, lang: str) -> Row:
    first = next((line.strip() for line in f.description.splitlines() if line.strip()), "")
    w = words(lang)
    due = short_day(f.deadline, today) if f.deadline else w("mi_no_deadline")
    sign = Sign("clock", "alert", w("mi_late", n=f.late)) if f.late else state_sign(f.state, lang)
    return Row(f.id, f.code, severity_sign(f.severity, lang), first if len(first) <= LISTED else f"{first[:LISTED]}…", due, sign, days(f.age, lang))  # fmt: skip


def page(f: Own, now: datetime, lang: str) -> Page:
    today, pictures = rectify.day(now), {}
    before = [picture(s, "mi_photo_n", n, f, now, lang) for n, s in enumerate(f.before, 1)]
    n = 0
    for s in f.steps:
        made = []
        for shot in s.shots:
            n += 1
            made.append(picture(shot, "mi_after_n", n, f, now, lang))
        pictures[s.id] = made
    w = words(lang)
    steps = []
    for s in f.steps:
        more = [w("mi_cost", n=s.cost)] if s.cost else []
        more += [w("mi_until", day=short_day(s.deadline, today))] if s.deadline else []
        more += [] if s.counts else [w("mi_counts_not")]
        steps.append(
            Step(when(s.at, now), w(f"mi_k_{s.kind}"), w("mi_by_me") if s.mine else "", s.text, more, pictures[s.id])
        )
    return Page(row(f, today, lang), short_day(f.issued, today), left(f, today, lang), before, steps, hint(f, lang), f.may_report)  # fmt: skip


def picture(shot: Shot, word: str, n: int, f: Own, now: datetime, lang: str) -> Picture:
    lon, lat = (shot.lon, shot.lat) if shot.lon is not None and shot.lat is not None else (f.lon, f.lat)
    target = f"{lat:.7f},{lon:.7f}" if lon is not None and lat is not None else ""
    return Picture(shot.id, shot.sha256, words(lang)(word, n=n), when(shot.taken_at, now), shot.here, target)


def left(f: Own, today: date, lang: str) -> str:
    w = words(lang)
    if f.deadline is None or f.state in rectify.OVER:
        return ""
    if f.late:
        return w("mi_late", n=f.late)
    n = (f.deadline - today).days
    return w("mi_left", n=n) if n else w("mi_today")


def hint(f: Own, lang: str) -> str:
    w = words(lang)
    if f.state in rectify.OVER:
        return w(f"mi_over_{f.state}")
    if f.waits:
        return w("mi_waits")
    last = next((s for s in reversed(f.steps) if s.counts), None)
    return w("mi_kept") if last is not None and last.kind == "keep" else ""
