"""Records and judged points as GeoJSON features, and which of them a request asks for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import urlencode

from schemas.fields import RecordField, fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.reference import analyte
from schemas.rows import refs_of
from schemas.rules.reconcile import PointState
from sync_server.console.words import words
from sync_server.export.features import geometry
from sync_server.ogc.asking import Asked, Box, Span, span
from sync_server.service.places import Located

SEQ_BITS = 56  # a place to go on from: the scope above, the seq below
_JUDGED_FILTERS = frozenset({"code", "state", "exceed"})


def title(type: str, project: str) -> tuple[str, str]:
    """How a collection is called, and what is in it."""
    if type not in TYPES:
        return f"{project} · 点位核对 ‖ judged points", (
            "计划点位与方案外点位：状态、移位、超标，与核对报告同一来源。‖ Planned points and those outside the plan: state, shift, "
            "exceedance, as the reconcile report has them."
        )
    about = TYPES[type].about
    fields = "；".join(
        f"{f.name} {f.spec.zh} {f.spec.en}{f' ({f.spec.unit})' if f.spec.unit else ''}" for f in _fields(type)
    )
    return f"{project} · {about.zh} ‖ {about.en}", f"{about.zh} ‖ {about.en}. {fields}"


def _fields(type: str) -> list[RecordField]:
    return list(fields_of(TYPES[type]).values())


@cache
def _when(type: str) -> RecordField | None:
    """The field that dates a record: the first time of the type, else its first date."""
    found = [f for f in _fields(type) if f.kind in ("datetime", "date")]
    return next((f for f in found if f.kind == "datetime"), found[0] if found else None)


def dated(type: str) -> bool:
    return type in TYPES and _when(type) is not None


@cache
def _filterable(type: str) -> frozenset[str]:
    return frozenset(f.name for f in _fields(type) if f.storage in ("text", "int", "bool"))


def filters(type: str) -> frozenset[str]:
    """Properties that can be asked for by their value."""
    return _filterable(type) if type in TYPES else _JUDGED_FILTERS


def again(params: Mapping[str, str], after: int | None = None) -> str:
    """The query of the same request, from `after` on."""
    kept = {k: v for k, v in params.items() if k != "after" or after is None} | ({} if after is None else {"after": str(after)})  # fmt: skip
    return f"?{urlencode(kept)}" if kept else ""


def _number(value: Any) -> float | None:
    with suppress(InvalidOperation, TypeError, ValueError):
        number = float(Decimal(str(value)))
        return number if number == number and abs(number) != float("inf") else None
    return None


def box_of(shape: Mapping[str, Any] | None) -> Box | None:
    if shape is None:
        return None
    corners = [shape["coordinates"]] if shape["type"] == "Point" else shape["coordinates"][0]
    lons, lats = [c[0] for c in corners], [c[1] for c in corners]
    return Box(min(lons), min(lats), max(lons), max(lats))


def _span_of(type: str, values: Mapping[str, Any]) -> Span | None:
    field = _when(type)
    text = values.get(field.name) if field else None
    try:
        return span(str(text)) if text else None
    except Trouble:  # a time that no longer reads as one is none
        return None


def fitting(type: str, query: Asked, wanted: Mapping[str, str]) -> Callable[[Located], bool]:
    def fits(one: Located) -> bool:
        values = one.row.values
        if any(not _same(values.get(name), text) for name, text in wanted.items()):
            return False
        if query.box is not None and not ((box := box_of(geometry(one.at))) and query.box.meets(box)):
            return False
        return query.span is None or ((at := _span_of(type, values)) is not None and query.span.meets(at))

    return fits


def _same(value: Any, text: str) -> bool:
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    return value is not None and (str(value) == text or ((n := _number(value)) is not None and n == _number(text)))


def pointed_at(type: str, rows: Sequence[Located]) -> set[str]:
    return {id for one in rows for _, id in refs_of(type, one.row.values)}


def feature(type: str, one: Located, names: Mapping[str, str]) -> dict[str, Any]:
    """A record: fields under their own names, numbers as numbers, what a code or a reference means beside it. `place`: is the
    position the record's own, or that of the point it belongs to?"""
    shape = geometry(one.at)
    known = fields_of(TYPES[type])
    told: dict[str, Any] = {}
    for name, value in one.row.values.items():
        _tell(told, name, known.get(name), value, names)
    told["place"] = "own" if one.own and shape else "of its point" if shape else "none"
    return {"type": "Feature", "id": one.row.id, "geometry": shape, "properties": told}


def _tell(told: dict[str, Any], name: str, field: RecordField | None, value: Any, names: Mapping[str, str]) -> None:
    if value is None or isinstance(value, bool) or field is None:
        told[name] = value
    elif field.kind == "decimal":
        told[name] = _number(value)
    elif isinstance(value, Mapping) and field.model is not None:
        inner = fields_of(field.model)
        for part, v in value.items():
            if part not in ("lon", "lat", "rings"):  # the geometry
                _tell(told, f"{name}_{part}", inner.get(part), v, names)
    elif isinstance(value, list):
        told[name] = [_word(field, v, names) for v in value] if field.spec.codes or field.spec.ref else value
    else:
        told[name] = value
        if field.spec.codes or field.spec.ref:
            told[f"{name}_label"] = _word(field, value, names)


def _word(field: RecordField, value: Any, names: Mapping[str, str]) -> Any:
    if field.spec.ref:
        return names.get(str(value), value)
    label = field.options().get(str(value))
    return f"{label.zh} ‖ {label.en}" if label else value


def judged(p: PointState) -> dict[str, Any]:
    """A point as the rules judge it, where work was done, else where it is planned."""
    at = p.actual if (p.visited or p.planned is None) and p.actual else p.planned
    zh, en = words("zh"), words("en")  # as the console says it
    above = [(a.zh if (a := analyte(name)) else name) for name in p.exceeded]
    return {
        "type": "Feature", "id": p.planned_id or (p.visits[0] if p.visits else p.code),
        "geometry": {"type": "Point", "coordinates": [float(at[0]), float(at[1])]} if at else None,
        "properties": {
            "code": p.code, "state": p.state, "state_label": f"{zh(f's_{p.state}')} ‖ {en(f's_{p.state}')}", "exceed": p.exceed,
            "exceed_label": f"{zh(f'e_{p.exceed}')} ‖ {en(f'e_{p.exceed}')}", "exceeded": list(p.exceeded), "exceeded_label": "、".join(above),
            "shift_m": p.shift_m, "bearing_deg": p.bearing_deg, "shifted": p.shifted, "accuracy_m": _number(p.accuracy),
            "duplicates": p.duplicates, "visited": p.visited, "visits": list(p.visits),
            "planned_lon": _number(p.planned[0]) if p.planned else None, "planned_lat": _number(p.planned[1]) if p.planned else None,
        },
    }  # fmt: skip


def point_fits(p: PointState, query: Asked, wanted: Mapping[str, str]) -> bool:
    """Judged points have no time of their own: one that is asked for by time is not among them."""
    if query.span is not None or any(str(getattr(p, name)) != text for name, text in wanted.items()):
        return False
    return query.box is None or ((box := box_of(judged(p)["geometry"])) is not None and query.box.meets(box))
