"""Findings on a map, as map.js draws it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from schemas.records.inspection import Inspection
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import day
from schemas.values import GeoFix
from sync_server.console.inspections import rows
from sync_server.console.maps.mapdata import bounds, grounds
from sync_server.console.words import words
from sync_server.findings import Entry

MOST = 2000  # marks; further ones stand in the ledger
NEAR_DEG = 5  # decimals of a degree, some metre: findings closer than that are one mark
NAMED = 8  # said at one mark


def where(e: Entry) -> GeoFix | None:
    """Of the finding; where it has none, of its check."""
    return e.finding.position or (e.inspection.position if e.inspection else None)


def map_data(facts: Facts, found: Sequence[Entry], root: str, lang: str) -> dict[str, Any]:
    """`root`: address of the project."""
    ground = grounds(facts)
    out: dict[str, Any] = {
        "total": 0, "whole": True, "boundary": ground["boundary"], "zones": [], "points": [], "clusters": [], "ends": [], "roads": [],
        "problems": [],
    }  # fmt: skip
    heaps: dict[tuple[float, float], list[Entry]] = {}
    for e in found:
        if (at := where(e)) is not None:
            heaps.setdefault((round(float(at.lat), NEAR_DEG), round(float(at.lon), NEAR_DEG)), []).append(e)
    for these in list(heaps.values())[:MOST]:  # they come worst first: so is the first of each heap
        first, at = these[0], where(these[0])
        assert at is not None
        shape = "closed" if not first.open else "grave" if first.late or first.grave else "open"
        name = first.finding.code if len(these) == 1 else words(lang)("in_mark_n", n=len(these))
        text = [_line(e, facts, len(these) > 1, lang) for e in these[:NAMED]]
        text += [words(lang)("in_more", n=len(these) - NAMED)] if len(these) > NAMED else []
        out["problems"].append(
            {"at": [float(at.lat), float(at.lon)], "s": shape, "c": name, "t": text, "u": f"{root}/findings/{quote(first.id, safe='')}"}
        )  # fmt: skip
    corners = [(p["at"][1], p["at"][0]) for p in out["problems"]]
    corners += [(lon, lat) for site in out["boundary"] for lat, lon in site[0]] if not corners else []
    out["bounds"] = bounds(corners)
    return out


def _line(e: Entry, facts: Facts, named: bool, lang: str) -> str:
    parts = [e.finding.code if named else "", rows.sign(e, day(facts.now), lang).word, e.finding.kind, rows.party(e)]
    if e.finding.position is None:
        parts.append(words(lang)("in_at_check"))
    return " · ".join(p for p in parts if p)


def of_check(facts: Facts, inspection: Inspection, found: Sequence[Entry], root: str, lang: str) -> dict[str, Any]:
    """Where the check was, and what it found."""
    out = map_data(facts, found, root, lang)
    if inspection.position is not None:
        at = [float(inspection.position.lat), float(inspection.position.lon)]
        out["problems"].append(
            {
                "at": at,
                "s": "check",
                "c": inspection.code,
                "t": [inspection.place or ""],
                "u": f"{root}/inspections/{inspection.id}",
            }
        )
        out["bounds"] = bounds([(p["at"][1], p["at"][0]) for p in out["problems"]])
    return out


def without_place(found: Sequence[Entry]) -> list[Entry]:
    return [e for e in found if where(e) is None]
