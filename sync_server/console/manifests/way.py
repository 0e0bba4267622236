"""One load on the map, as map.js draws it: where its legs were signed, and the way the plan has for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.records.transfer_plan import TransferPlan
from schemas.rules.manifest.fold import Story
from schemas.rules.reconcile import Facts
from schemas.values import Receiver
from sync_server.console.manifests.chain import kind_word, second
from sync_server.console.maps.mapdata import bounds, grounds
from sync_server.console.words import words

_ENDS = ("received", "received_difference", "rejected", "returned", "disposed")
Line = list[list[float]]


def load_map(facts: Facts, story: Story, receiver: Receiver | None, stands: str, lang: str) -> dict[str, Any]:
    """`stands`: late, trouble, way or received, as the map room has it."""
    out = _empty(facts)
    done: Line = []
    for leg in story.steps:
        at = leg.record.position
        if at is None:
            continue
        place = [float(at.lat), float(at.lon)]
        if not done or done[-1] != place:
            done.append(place)
        kind = "out" if leg.record.kind in ("issued", "departed") else "in" if leg.record.kind in _ENDS else "way"
        text = [kind_word(leg.record.kind, lang), f"{second(leg.record.at)} · {leg.record.who_name}"]
        out["ends"].append({"at": place, "k": kind, "n": 1, "s": stands, "t": text})
    if len(done) > 1:
        out["roads"].append({"line": done, "s": stands})
    if receiver is not None:
        _plan(out, receiver, lang)
    return _framed(out)


def plan_map(facts: Facts, plan: TransferPlan, lang: str) -> dict[str, Any]:
    out = _empty(facts)
    for receiver in plan.receivers:
        _plan(out, receiver, lang)
        if receiver.route is not None:
            lon, lat = receiver.route.line[0]
            out["ends"].append(
                {
                    "at": [float(lat), float(lon)],
                    "k": "out",
                    "n": 1,
                    "s": "planned",
                    "t": [words(lang)("mf_route_start")],
                }
            )
    return _framed(out)


def drawable(story: Story | None, receivers: Sequence[Receiver]) -> bool:
    return bool(story and any(leg.record.position is not None for leg in story.steps)) or any(
        r.route is not None or r.position is not None for r in receivers
    )


def _empty(facts: Facts) -> dict[str, Any]:
    ground = grounds(facts)
    return {
        "total": 0, "whole": True, "boundary": ground["boundary"], "zones": [], "points": [], "clusters": [], "ends": [], "roads": [], "problems": [],
    }  # fmt: skip


def _plan(out: dict[str, Any], receiver: Receiver, lang: str) -> None:
    if receiver.route is not None:
        out["roads"].append({"line": [[float(lat), float(lon)] for lon, lat in receiver.route.line], "s": "planned"})
    if receiver.position is not None:
        at = [float(receiver.position.lat), float(receiver.position.lon)]
        out["ends"].append(
            {"at": at, "k": "due", "n": 1, "s": "planned", "t": [words(lang)("mf_place_from"), receiver.site_name]}
        )


def _framed(out: dict[str, Any]) -> dict[str, Any]:
    corners = [tuple(at[::-1]) for r in out["roads"] for at in r["line"]] + [tuple(e["at"][::-1]) for e in out["ends"]]
    corners += [(lon, lat) for site in out["boundary"] for lat, lon in site[0]] if not corners else []
    out["bounds"] = bounds(corners)
    return out
