"""Photos as a page shows them: what each is of, what its record and its file say, what speaks against it, whose is missing. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.records.photo import Photo
from schemas.records.point import Point
from schemas.reference import Label, codes
from schemas.rules import geo
from schemas.rules.reconcile import Facts, Finding
from sync_server.console.record.called import Names, moment
from sync_server.console.record.where import spot
from sync_server.console.tables.table import grouped
from sync_server.console.words import pick, words
from sync_server.photo_claims import differs
from sync_server.store import BlobRow, DeviceKey

AGAINST = ("H02", "H03")  # checks that speak of a single photo


class Claim(NamedTuple):
    """One fact as the record says it and as the file says it; "" where one says nothing."""

    label: str
    record: str
    file: str
    differs: bool = False


class Shot(NamedTuple):
    """`here`: its file has come; else `owner` says on which tablet it still is. `picture`: it can be shown as one."""

    id: str
    sha: str
    here: bool
    picture: bool
    step: str
    line: str  # when, how far from the point
    subject: str
    caption: str
    claims: list[Claim]
    faults: list[str]
    owner: str


def shots(
    photos: Sequence[Photo], facts: Facts, found: Mapping[str, Sequence[Finding]], blobs: Mapping[str, BlobRow],
    makers: Mapping[str, DeviceKey], names: Names, lang: str,
) -> list[Shot]:  # fmt: skip
    """`found`: photo → what the rules say of it."""
    return [_shot(p, facts, found.get(p.id, ()), blobs.get(p.sha256), makers.get(p.id), names, lang) for p in photos]


def against(by_check: Mapping[str, Sequence[Finding]], facts: Facts) -> Mapping[str, Sequence[Finding]]:
    """photo → findings that speak of it alone."""

    def made() -> dict[str, list[Finding]]:
        out: dict[str, list[Finding]] = {}
        for check in AGAINST:
            for f in by_check.get(check, ()):
                out.setdefault(f.subject_id, []).append(f)
        return out

    return facts.remember(("told", "photos"), made)


def _shot(
    p: Photo,
    facts: Facts,
    found: Sequence[Finding],
    blob: BlobRow | None,
    key: DeviceKey | None,
    names: Names,
    lang: str,
) -> Shot:
    w = words(lang)
    here = p.sha256 in (facts.stored_blobs or frozenset())
    said = _exif(blob) if here else {}
    step = pick(codes("photo_step").get(p.step, Label(p.step, p.step)), lang)
    at = moment(p.taken_at)
    line = [at.strftime("%m-%d %H:%M") if at else ""]
    far = _far(p, facts)
    if far is not None:
        line.append(f"{grouped(f'{far:.1f}')} m")
    values = p.model_dump(mode="json", exclude_none=True)
    wrong = differs(values, said) if said else []
    faults = [f.zh if lang == "zh" else f.en for f in found]
    if wrong and not found:
        faults.append(w("file_differs", what=w("and").join(w(f"claim_{x}") for x in wrong)))
    owner = ""
    if not here:
        who = names.get(key.person, "") if key else ""
        tablet = (names.get(key.device) or key.device_code) if key else ""
        owner = w("with_tablet", device=tablet, who=who) if tablet else w("with_nobody")
    return Shot(
        p.id, p.sha256, here, here and blob is not None and blob.kind != "other", step, " · ".join(x for x in line if x),
        names.get(p.subject_id, ""), p.caption or "", claims(values, said, wrong, facts, p.id, lang), faults, owner,
    )  # fmt: skip


def _exif(blob: BlobRow | None) -> dict[str, Any]:
    try:
        said = json.loads(blob.exif) if blob is not None and blob.exif else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _far(p: Photo, facts: Facts) -> float | None:
    """Metres from where the photo was taken to its point."""
    place = facts.place_of("photo", p.id)
    visit = facts.find(Point, p.subject_id) or (place.main if place else None)
    at = visit.position if visit else None
    if at is None or p.position is None:
        return None
    return geo.distance_m(p.position.lon, p.position.lat, at.lon, at.lat)


def claims(
    values: Mapping[str, Any], said: Mapping[str, Any], wrong: Sequence[str], facts: Facts, id: str, lang: str
) -> list[Claim]:
    """Time, place, camera: the record beside the file."""
    w = words(lang)
    own, file = moment(values.get("taken_at")), moment(said.get("taken_at"))
    rows = [Claim(w("claim_time"), _at(own), _at(file), "time" in wrong)]
    ours = spot("", values["position"], facts, "photo", id, lang) if isinstance(values.get("position"), dict) else None
    theirs = ""
    if said.get("longitude") is not None and said.get("latitude") is not None:
        theirs = f"{said['longitude']:.6f}° {said['latitude']:.6f}°"
        if said.get("accuracy_m") is not None:
            theirs += f" ±{said['accuracy_m']} m"
    acc = (values.get("position") or {}).get("h_acc_m")
    rows.append(
        Claim(
            w("claim_place"),
            (ours.degrees if ours else "") + (f" ±{acc} m" if ours and acc else ""),
            theirs,
            "place" in wrong,
        )
    )
    bearing = values.get("bearing_deg")
    rows.append(Claim(w("claim_bearing"), f"{bearing}°" if bearing is not None else "",
                      f"{said['bearing_deg']}°" if said.get("bearing_deg") is not None else ""))  # fmt: skip
    source = codes("photo_source").get(str(values.get("source")))
    rows.append(
        Claim(
            w("claim_source"),
            pick(source, lang) if source else str(values.get("source") or ""),
            str(said.get("software") or ""),
        )
    )
    rows.append(Claim(w("claim_camera"), "", str(said.get("camera") or "")))
    size = f"{said['width']} × {said['height']}" if said.get("width") and said.get("height") else ""
    length = f"{grouped(str(values['bytes']))} B" if values.get("bytes") else ""
    rows.append(Claim(w("claim_size"), length, size))
    codes_said = " · ".join(str(said[k]) for k in ("device", "project", "point") if said.get(k))
    rows.append(Claim(w("claim_codes"), "", codes_said))
    return [c for c in rows if c.record or c.file]


def _at(at: Any) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""
