"""The columns of the transfer ledgers: of a load, of a sum, of an open question. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, cast

from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.vehicle import Vehicle
from schemas.rules.carbon import Haul
from schemas.rules.manifest import Question
from schemas.rules.manifest.balance import Line
from schemas.rules.manifest.mass import Range
from sync_server.documents.load import BACK, TAKEN, Load
from sync_server.documents.sheet import coded, joined, label
from sync_server.documents.words import sayer, state_words
from sync_server.export.columns import Column, Kind
from sync_server.export.ledger_words import say
from sync_server.export.words import say as shared

Side = Literal["out", "in"]


class Asked(NamedTuple):
    """A row of the questions' sheet."""

    load: Load
    question: Question


class Summed(NamedTuple):
    """A row of the sums' sheet. `by`: total, plan, lot, receiver, vehicle, day."""

    by: str
    line: Line


def digits(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def spanned(range: Range | None, lang: str) -> str | None:
    """A figure, or from where to where it may lie: "0–31.2", "≥ 12"."""
    if range is None:
        return None
    if range.exact:
        return digits(range.low)
    return f"≥ {range.low:f}" if range.high is None else f"{range.low:f}–{range.high:f}"


def _column(head: str, kind: Kind, of: Callable[[Any], Any]) -> Column:
    return Column(head, kind, cast(Any, of))


def columns(side: Side, lang: str, hauls: Mapping[str, Haul]) -> list[Column]:
    """Of a load."""
    w, n = sayer(lang), iter(range(1, 10**9))

    def time(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    def local(words: str) -> str:
        return shared(lang, "local", label=words)

    def who(load: Load, *kinds: str) -> str:
        leg = load.leg(*kinds)
        return joined([leg.who_name, load.name_of(leg.org_id)], lang) if leg else ""

    def by_hand(load: Load, role: str) -> str:
        return joined(dict.fromkeys(s.name for leg in load.legs for s in leg.signatures if s.role == role), lang)

    def leg(load: Load, *kinds: str) -> ManifestLeg | None:
        return load.leg(*kinds)

    first = [
        _column(say(lang, "n"), "int", lambda x: next(n)),
        _column(label(Manifest, "number", lang), "text", lambda x: x.manifest.number),
        _column(w("state"), "text", lambda x: state_words(x.story.state, lang)),
        _column(
            label(Manifest, "plan_id", lang),
            "text",
            lambda x: w("plan_v", code=x.plan.code, v=x.plan.version) if x.plan else None,
        ),
        _column(label(Manifest, "lot_id", lang), "text", lambda x: x.lot.code if x.lot else None),
        _column(label(Vehicle, "plate", lang), "text", lambda x: x.plate),
    ]
    carried = [
        _column(
            label(Vehicle, "vehicle_class", lang),
            "text",
            lambda x: coded(Vehicle, "vehicle_class", x.vehicle.vehicle_class, lang) if x.vehicle else None,
        ),
        _column(w("carrier"), "text", lambda x: x.name_of(x.vehicle.carrier_id) if x.vehicle else None),
        _column(label(Manifest, "driver_name", lang), "text", lambda x: x.manifest.driver_name),
        _column(label(Manifest, "driver_phone", lang), "text", lambda x: x.manifest.driver_phone),
    ]
    to = [
        _column(label(Manifest, "receiver_id", lang), "text", lambda x: x.name_of(x.manifest.receiver_id)),
        _column(label(Manifest, "receiver_place", lang), "text", lambda x: x.manifest.receiver_place),
    ]
    out = [
        _column(local(w("issued_at")), "time", lambda x: time(x.trip.issued or x.manifest.issued_at)),
        _column(local(w("departed_at")), "time", lambda x: time(x.trip.began)),
        *_weights(lang, "out", lambda x: x.weighed_out, lambda x: x.trip.net_out_t),
        _column(shared(lang, "unit", label=w("volume"), unit="m³"), "number", lambda x: digits(x.volume_m3)),
        _column(say(lang, "by_sender"), "text", lambda x: who(x, "issued")),
        _column(say(lang, "by_supervisor"), "text", lambda x: by_hand(x, "supervisor")),
        _column(say(lang, "by_driver"), "text", lambda x: who(x, "departed")),
    ]
    in_ = [
        _column(local(w("arrived_at")), "time", lambda x: time(x.trip.arrived)),
        _column(local(say(lang, "ended_at")), "time", lambda x: time(x.trip.ended)),
        *_weights(lang, "in", lambda x: x.weighed_in, lambda x: x.trip.net_in_t),
        _column(shared(lang, "unit", label=label(ManifestLeg, "received_t", lang), unit="t"), "number",
                lambda x: digits(t.received_t) if (t := leg(x, *TAKEN)) else None),
        _column(label(ManifestLeg, "heap", lang), "text", lambda x: t.heap if (t := leg(x, *TAKEN)) else None),
        _column(label(ManifestLeg, "problem", lang), "text",
                lambda x: coded(ManifestLeg, "problem", t.problem, lang) if (t := leg(x, *TAKEN, *BACK)) else None),
        _column(label(ManifestLeg, "problem_text", lang), "text", lambda x: t.problem_text if (t := leg(x, *TAKEN, *BACK)) else None),
        _column(say(lang, "by_taker"), "text", lambda x: who(x, *TAKEN, *BACK)),
    ]  # fmt: skip
    shown = {"out": [*out, *to], "in": [*in_, *to]}[side]
    return [*first, *carried, *shown, *_compared(lang), *_carbon(lang, hauls)]


def _weights(lang: str, side: str, of: Callable[[Load], Any], net: Callable[[Load], Decimal | None]) -> list[Column]:
    def unit(key: str) -> str:
        return shared(lang, "unit", label=say(lang, f"{side}_{key}"), unit="t")

    return [
        _column(say(lang, f"{side}_ticket"), "text", lambda x: joined(of(x).tickets, lang) if of(x) else None),
        _column(unit("gross"), "number", lambda x: digits(of(x).gross) if of(x) else None),
        _column(unit("tare"), "number", lambda x: digits(of(x).tare) if of(x) else None),
        _column(unit("net"), "number", lambda x: digits(net(x))),
    ]


def _compared(lang: str) -> list[Column]:
    w = sayer(lang)

    def judged(load: Load) -> str:
        if load.of.excess is None:
            return say(lang, "not_comparable")
        return say(lang, "beyond" if load.of.excess else "within")

    return [
        _column(shared(lang, "unit", label=w("net_out"), unit="t"), "number", lambda x: digits(x.trip.net_out_t)),
        _column(shared(lang, "unit", label=w("net_in"), unit="t"), "number", lambda x: digits(x.trip.net_in_t)),
        _column(shared(lang, "unit", label=w("difference"), unit="t"), "number", lambda x: digits(x.difference_t)),
        _column(say(lang, "judged"), "text", judged),
        _column(say(lang, "open"), "int", lambda x: len(x.story.open)),
        _column(
            label(Manifest, "paper", lang),
            "text",
            lambda x: w("yes") if x.manifest.paper or x.story.stand_ins else None,
        ),
    ]


def _carbon(lang: str, hauls: Mapping[str, Haul]) -> list[Column]:
    """t·km and kg CO2e, with the factor they stand on."""
    return [
        _column("t·km", "number", lambda x: spanned(h.t_km, lang) if (h := hauls.get(x.manifest.id)) else None),
        _column("kg CO2e", "number", lambda x: spanned(h.kg, lang) if (h := hauls.get(x.manifest.id)) else None),
        _column(say(lang, "factor"), "text",
                lambda x: f"{h.factor.value:f} {h.factor.version}" if (h := hauls.get(x.manifest.id)) and h.factor else None),
    ]  # fmt: skip


def sum_columns(lang: str) -> list[Column]:
    """Of a sum: both ends of each interval, and what makes it one."""
    n = 0 if lang == "zh" else 1

    def end(of: Callable[[Line], Range], high: bool) -> Callable[[Summed], str | None]:
        def get(row: Summed) -> str | None:
            range = of(row.line)
            return (
                digits(range.low) if not high else say(lang, "no_bound") if range.high is None else digits(range.high)
            )

        return get

    found = [
        _column(say(lang, "sum_by"), "text", lambda x: say(lang, f"by_{x.by}")),
        _column(say(lang, "sum_name"), "text", lambda x: x.line.name),
        _column(say(lang, "sum_loads"), "int", lambda x: x.line.loads),
    ]
    ranges: list[tuple[str, Callable[[Line], Range]]] = [
        ("out", lambda x: x.out),
        ("came", lambda x: x.came),
        ("back", lambda x: x.back),
    ]
    for key, of in ranges:
        for high in (False, True):
            head = say(lang, "at_most" if high else "at_least", what=say(lang, f"sum_{key}"))
            found.append(_column(shared(lang, "unit", label=head, unit="t"), "number", end(of, high)))
    unknown = _column(say(lang, "sum_unknown"), "text", lambda x: "\n".join((x.line.unknown, x.line.unknown_en)[n]))
    return [*found, unknown]


def question_columns(lang: str) -> list[Column]:
    w = sayer(lang)
    return [
        _column(label(Manifest, "number", lang), "text", lambda x: x.load.manifest.number),
        _column(label(Vehicle, "plate", lang), "text", lambda x: x.load.plate),
        _column(w("state"), "text", lambda x: state_words(x.load.story.state, lang)),
        _column(say(lang, "question_kind"), "text", lambda x: say(lang, "waits" if x.question.waits else "asks")),
        _column(say(lang, "question"), "text", lambda x: x.question.zh if lang == "zh" else x.question.en),
        _column(say(lang, "question_code"), "text", lambda x: x.question.code),
    ]
