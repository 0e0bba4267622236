"""出场台账 and 进场台账 as XLSX: a row per load, the sums, a row per open question, and what the file is.

Which ledgers there are: 青岛《建设用地污染土壤转运管理办法（试行）》 (C2); their columns: RULES §16, 联单 fields (D). Sums are those of the mass
balance (rules/manifest/balance), intervals where something is not known; carbon is that of rules/carbon. Data are pure functions of the
facts; the writer is that of the exports: flat memory, text stays text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from schemas.reference import Label
from schemas.rules.carbon import NOT_WITH_FUEL, carbon
from schemas.rules.manifest.balance import balance, masses, tolerance
from schemas.rules.reconcile.facts import Facts
from sync_server.documents.load import BACK, TAKEN, Load
from sync_server.documents.sheet import joined
from sync_server.documents.text import when
from sync_server.export.columns import Column, Style
from sync_server.export.layers import About, Layer
from sync_server.export.ledger_columns import Asked, Side, Summed, columns, question_columns, spanned, sum_columns
from sync_server.export.ledger_words import say
from sync_server.export.words import say as shared
from sync_server.export.workbook import XlsxWriter

PAGE = 500


def ledger(facts: Facts, side: Side, lang: str, path: Path, temp: Path, who: str, now: datetime) -> None:
    """Write the file. `who`: for whom; `temp`: a folder on the same disk. Raises OSError where there is no room."""
    writer = XlsxWriter(path, Style("labels", lang), temp)
    try:
        counts = _write(writer, facts, side, lang)
        writer.close(about(facts, side, lang, who, now, counts))
    except BaseException:
        writer.abandon()
        raise


def _write(writer: XlsxWriter, facts: Facts, side: Side, lang: str) -> dict[str, int]:
    hauls = {h.manifest: h for h in carbon(facts).hauls}
    counts = {"rows": 0, "coming": 0, "open": 0}
    counts["rows"] = _sheet(writer, say(lang, f"{side}_title"), columns(side, lang, hauls), rows(facts, side))
    if side == "in":
        counts["coming"] = _sheet(writer, say(lang, "coming_title"), columns("out", lang, hauls), coming(facts))
    _sheet(writer, say(lang, "sums_title"), sum_columns(lang), sums(facts))
    counts["open"] = _sheet(writer, say(lang, "open_title"), question_columns(lang), questions(facts))
    return counts


def _sheet(writer: XlsxWriter, title: str, columns: Sequence[Column], rows: Iterable[Any]) -> int:
    writer.begin(Layer(title, title, list(columns)))
    n, left = 0, iter(rows)
    while page := list(islice(left, PAGE)):
        writer.write(page)
        n += len(page)
    return n


# --- which loads ---------------------------------------------------------------------------------------------------------


def loads(facts: Facts) -> Iterator[Load]:
    return (Load(facts, of) for of in masses(facts))


def rows(facts: Facts, side: Side) -> Iterator[Load]:
    """Out: every load that was issued, voided ones too, for their numbers were given. In: every load a receiver's leg tells of."""
    if side == "out":
        return (load for load in loads(facts) if load.trip.state != "draft")
    return (load for load in loads(facts) if _seen(load))


def coming(facts: Facts) -> Iterator[Load]:
    """Sent, and no leg tells of an arrival: on the road, or not known yet."""
    return (load for load in loads(facts) if load.trip.sent and not _seen(load))


def _seen(load: Load) -> bool:
    return load.trip.sent and any(leg.kind in ("arrived", "disposed", *TAKEN, *BACK) for leg in load.legs)


def questions(facts: Facts) -> Iterator[Asked]:
    """Contradictions before what only waits for legs to come."""
    found = [Asked(load, q) for load in loads(facts) for q in load.story.open]
    return iter(sorted(found, key=lambda a: a.question.waits))


def sums(facts: Facts) -> Iterator[Summed]:
    found = balance(facts)
    yield Summed("total", found.total)
    for by in ("plan", "lot", "receiver", "vehicle", "day"):
        yield from (Summed(by, line) for line in getattr(found, f"by_{by}"))


def about(facts: Facts, side: Side, lang: str, who: str, now: datetime, counts: dict[str, int]) -> About:
    project, allowed, co2 = facts.project, tolerance(facts), carbon(facts)
    lines = [
        (shared(lang, "about_project"), joined([project.code, project.name], lang) if project else ""),
        (shared(lang, "about_what"), say(lang, f"{side}_title")),
        (shared(lang, "about_who"), who),
        (shared(lang, "about_when"), f"{when(now)} UTC+8"),
        (shared(lang, "about_rows"), str(counts["rows"])),
    ]
    if counts["coming"]:
        lines.append((say(lang, "coming_title"), say(lang, "about_coming", n=counts["coming"])))
    if counts["open"]:
        lines.append((say(lang, "open_title"), say(lang, "about_open", n=counts["open"])))
    lines += [
        (say(lang, "judged"), say(lang, "about_tolerance", pct=f"{allowed.pct:f}", t=f"{allowed.abs_t:f}")),
        (say(lang, "sums_title"), say(lang, "about_sums")),
    ]
    if unheard := balance(facts).unheard:
        lines.append((say(lang, "unheard"), say(lang, "about_unheard", who=joined(unheard, lang))))

    def pick(pair: Label) -> str:
        return pair.zh if lang == "zh" else pair.en

    lines.append((say(lang, "carbon"), f"t·km {spanned(co2.total.t_km, lang)}，kg CO2e {spanned(co2.total.kg, lang)}"))
    lines.append((say(lang, "carbon"), pick(NOT_WITH_FUEL)))
    lines += [
        (say(lang, "factor"), f"{pick(f.name)} {f.value:f} kg/(t·km) {f.version} {pick(f.source)} [{f.mark}]")
        for f in co2.factors
    ]
    return About(lines)
