"""Where am I: one fix at a time, as plain values.

The client may never answer (a browser whose geolocation hangs, a service that was switched off), so every question has
its own time limit. `Locator` asks the device, `FakeLocator` plays one; both have `fix()`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import cos, radians
from typing import Any, NamedTuple, Protocol

TIMEOUT_S = 12.0
STALE_S = 10.0
MOVING_M_S, HEADING_ACC = 1.0, 20.0  # slower than this, or less sure, a heading says nothing
WANTED = 10  # fixes averaged for one position
_COORD = Decimal("0.0000001")


class Fix(NamedTuple):
    """A measured position. `at` is when it was measured, not when it was asked for. heading_deg: the way it was moving, from
    true north; None where it stood, or the device cannot tell."""

    lon: float
    lat: float
    accuracy_m: float | None
    at: datetime
    mocked: bool = False
    kind: str = "single"
    elevation_m: float | None = None
    count: int = 1
    heading_deg: float | None = None

    def age_s(self, now: datetime) -> float:
        return max(0.0, (now - self.at).total_seconds())


class NoFix(Exception):
    """No position now. `reason`: off, denied, timeout."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Positions(Protocol):
    async def fix(self) -> Fix: ...


class Locator:
    """The device's own receiver, through Flet."""

    def __init__(self) -> None:
        import flet_geolocator as ftg  # here, so that tests and the demo need no such client

        self._config = ftg.GeolocatorConfiguration(accuracy=ftg.GeolocatorPositionAccuracy.BEST)
        self._device = ftg.Geolocator(configuration=self._config)
        self._allowed = False

    async def fix(self) -> Fix:
        try:
            if not self._allowed:
                status = await asyncio.wait_for(self._device.request_permission(), TIMEOUT_S)
                if getattr(status, "name", "") in ("DENIED", "DENIED_FOREVER"):
                    raise NoFix("denied")
                self._allowed = True
            p: Any = await asyncio.wait_for(self._device.get_current_position(self._config), TIMEOUT_S)
        except TimeoutError as err:
            raise NoFix("timeout") from err
        except NoFix:
            raise
        except Exception as err:  # the client reports a switched-off receiver as a bare RuntimeError
            raise NoFix("off") from err
        at = p.timestamp or datetime.now(UTC)
        return Fix(
            p.longitude, p.latitude, p.accuracy, at if at.tzinfo else at.replace(tzinfo=UTC), bool(p.mocked),
            elevation_m=p.altitude, heading_deg=heading(p.speed, p.heading, p.heading_accuracy),
        )  # fmt: skip


class FakeLocator:
    """A position that was made up, and says so (`mocked`): for the demo and the tests."""

    def __init__(self, text: str) -> None:
        lon, lat, accuracy, *more = (part.strip() for part in text.split(","))
        self._lon, self._lat, self._accuracy = float(lon), float(lat), float(accuracy)
        self._age = float(more[0]) if more else 0.0

    async def fix(self) -> Fix:
        await asyncio.sleep(0)
        at = datetime.now(UTC) - timedelta(seconds=self._age)
        return Fix(self._lon, self._lat, self._accuracy, at, mocked=True)


def heading(speed: float | None, degrees: float | None, accuracy: float | None) -> float | None:
    """A receiver's heading where it means something. A device that cannot tell says 0 to all three."""
    if not speed or degrees is None or not accuracy:
        return None
    return degrees % 360 if speed >= MOVING_M_S and 0 < accuracy <= HEADING_ACC else None


def average(fixes: Sequence[Fix]) -> Fix:
    """Fixes of one place, weighted by accuracy. The accuracy stays that of the middle fix: errors of neighbouring
    seconds are not independent, so their mean is not better by the root of their number."""
    weights = [1 / max(f.accuracy_m or 50.0, 0.01) ** 2 for f in fixes]
    total = sum(weights)
    last = fixes[-1]
    accuracies = sorted(f.accuracy_m for f in fixes if f.accuracy_m is not None)
    heights = [f.elevation_m for f in fixes if f.elevation_m is not None]
    return last._replace(
        lon=sum(f.lon * w for f, w in zip(fixes, weights, strict=True)) / total,
        lat=sum(f.lat * w for f, w in zip(fixes, weights, strict=True)) / total,
        accuracy_m=accuracies[len(accuracies) // 2] if accuracies else None,
        mocked=any(f.mocked for f in fixes),
        elevation_m=sum(heights) / len(heights) if heights else None,
        count=len(fixes),
        heading_deg=None,
    )


def near(a: Fix, b: Fix, metres: float) -> bool:
    """Cheap: for telling a walk from a jitter."""
    east = (a.lon - b.lon) * 111_320 * cos(radians(a.lat))
    north = (a.lat - b.lat) * 110_900
    return east * east + north * north <= metres * metres


def as_values(fix: Fix, now: datetime) -> dict[str, Any]:
    """A fix as wire values of `GeoFix`. A device gives ellipsoidal heights, which is said with the height."""
    out: dict[str, Any] = {
        "lon": str(Decimal(fix.lon).quantize(_COORD)),
        "lat": str(Decimal(fix.lat).quantize(_COORD)),
        "fix_kind": fix.kind,
        "fix_count": fix.count,
        "fix_age_s": f"{fix.age_s(now):.1f}",
        "mocked": fix.mocked,
        "at": fix.at.astimezone(now.tzinfo).isoformat(timespec="seconds"),
    }
    if fix.accuracy_m is not None:
        out["h_acc_m"] = f"{fix.accuracy_m:.2f}"
    if fix.elevation_m is not None:
        out |= {"elevation_m": f"{fix.elevation_m:.2f}", "elevation_ref": "ellipsoid"}
    return out


def manual_values(lon: str, lat: str, reason: str, now: datetime) -> dict[str, Any]:
    """A position typed by hand: no accuracy is claimed, the reason is kept."""
    return {
        "lon": lon.strip(), "lat": lat.strip(), "fix_kind": "manual", "manual_reason": reason.strip(),
        "at": now.isoformat(timespec="seconds"),
    }  # fmt: skip


def locator_for(environ: dict[str, str] | os._Environ[str] = os.environ) -> Positions:
    """The fake one where JINGTU_FAKE_POSITION="lon,lat,accuracy" asks for it, else the device's."""
    fake = environ.get("JINGTU_FAKE_POSITION")
    return FakeLocator(fake) if fake else Locator()
