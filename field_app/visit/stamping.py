"""What stands under the stamped copy of a photo: only what its record says, in Chinese, as it is shown to other people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from field_app.capture.stamp import SEPARATOR
from field_app.clock import CHINA
from field_app.visit.core import Values
from field_app.words import say
from schemas.reference import codes

SHORT = 16  # digits of the hash: 64 bits; who looks for the original needs no more


class About(NamedTuple):
    """Where the photo belongs: names for people."""

    project: str
    point: str  # code
    subject: str  # code of the sample it shows, "" for the point itself
    sampler: str
    device: str
    load: bool = False  # of a load: `point` is its plate, `sampler` who sends it


def lines(values: Values, about: About) -> list[str]:
    """The lines of one photo, its hash last."""
    return [*_head(values, about), hash_line(values["sha256"])]


def hash_line(sha: str) -> str:
    return _say("stamp.hash", sha=sha[:SHORT])


def file_name(values: Values, about: About) -> str:
    """S15_岩心箱_20261128-100005_3f2a9c81.jpg: what it is called once it is out of the app."""
    at = _at(values["taken_at"])
    parts = (about.subject or about.point, _step(values), f"{at:%Y%m%d-%H%M%S}", values["sha256"][:8])
    plain = "_".join("".join(c if c.isalnum() or c in "-." else "-" for c in part) for part in parts if part)
    return f"{plain}.jpg"


def _head(values: Values, about: About) -> Iterator[str]:
    yield about.project
    what = [_say("stamp.load" if about.load else "stamp.point", code=about.point), about.subject, _step(values)]
    if depth := values.get("depth_m"):
        what.append(f"{depth} m")
    yield SEPARATOR.join(part for part in what if part)
    at = _at(values["taken_at"])
    utc = at.astimezone(UTC)
    yield SEPARATOR.join(
        (_say("stamp.at", at=f"{at:%Y-%m-%d %H:%M:%S}"), _say("stamp.utc", at=f"{utc:%Y-%m-%d %H:%M:%S}"))
    )
    yield _where(values)
    role = "stamp.sender" if about.load else "stamp.sampler"
    by = [_say(role, name=about.sampler) if about.sampler else "", _say("stamp.device", code=about.device)]
    yield SEPARATOR.join(part for part in by if part)
    if values["source"] != "app_camera":
        label = codes("photo_source").get(values["source"])
        yield SEPARATOR.join(p for p in (label.zh if label else "", values.get("source_reason", "")) if p)


def _where(values: Values) -> str:
    at = values.get("position")
    if at is None:
        said = values.get("file_position")
        return _say("stamp.file_place", place=_place(said)) if said else _say("stamp.no_fix")
    parts = [_place(at), _say("stamp.mocked") if at.get("mocked") else ""]
    if values.get("bearing_deg"):
        parts.append(_say("stamp.bearing", n=values["bearing_deg"]))
    return SEPARATOR.join(part for part in parts if part)


def _place(at: Values) -> str:
    lon, lat = float(at["lon"]), float(at["lat"])
    acc = f" ±{float(at['h_acc_m']):.1f} m" if at.get("h_acc_m") else ""
    return f"{abs(lat):.6f}°{'S' if lat < 0 else 'N'} {abs(lon):.6f}°{'W' if lon < 0 else 'E'}{acc}"


def _step(values: Values) -> str:
    label = codes("photo_step").get(values["step"])
    return label.zh if label else str(values["step"])


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(CHINA)


def _say(key: str, **words: object) -> str:
    return say("zh", key, **words)
