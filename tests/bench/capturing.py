"""A photo of twelve megapixels, from the camera's bytes to what lies on the disk: the original with its Exif block, the stamped
copy, the thumbnail. Its limit: decoding and encoding the same picture, and nothing else."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageFilter

from field_app.capture import photo, stamp
from field_app.capture.exif import Shot
from field_app.capture.position import Fix
from field_app.clock import CHINA
from tests.bench.figures import Figures, figure

Tell = Callable[[str], None]
SIZE, QUALITY = (4000, 3000), 90
LINES = ("红星化工厂地块土壤污染状况初步调查", "点位 S15 · 岩心箱 · 1.5 m", "2026-11-28 10:00:05（北京时间） · UTC 2026-11-28 02:00:05",
         "32.000000°N 118.800000°E ±2.1 m", "采样 沈立、陈工 · 设备 D07")  # fmt: skip


def picture(seed: int) -> bytes:
    """Some four megabytes, as a camera gives them: soft shapes with noise over them, no two alike."""
    rough = Image.frombytes("RGB", (250, 188), os.urandom(250 * 188 * 3)).resize(SIZE, Image.Resampling.BICUBIC)
    noise = Image.effect_noise(SIZE, 18 + seed % 3).convert("RGB").filter(ImageFilter.GaussianBlur(1))
    out = io.BytesIO()
    Image.blend(rough, noise, 0.35).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def bare(data: bytes) -> float:
    start = time.perf_counter()
    with Image.open(io.BytesIO(data)) as shown:
        shown.load()
        shown.save(io.BytesIO(), "JPEG", quality=QUALITY)
    return time.perf_counter() - start


def capture(folder: Path, repeat: int, tell: Tell) -> Figures:
    """photo_capture. Raises RuntimeError where one of the three files is missing or the original is not what it should be."""
    taken = datetime(2026, 11, 28, 10, 0, 5, tzinfo=CHINA)
    fix = Fix(118.8, 32.0, 2.1, datetime(2026, 11, 28, 2, 0, 3, tzinfo=UTC))
    seconds, limits, sizes, copies = [], [], [], []
    stamp.font_data()  # as in an app that has taken a photo before
    for n in range(repeat + 1):
        data, place = picture(n), folder / f"{n}"
        limit = bare(data)
        shot = Shot(taken, fix, 90.0, 0.4, "D07", "NJ1", "S15", f"01890000-0000-7000-8000-{n:012x}")
        start = time.perf_counter()
        kept = photo.keep(place, data, shot, lambda sha: [*LINES, sha[:16]])
        took = time.perf_counter() - start
        copy = place / "stamped" / f"{kept.sha256}.jpg"
        there = [copy, place / "thumbs" / f"{kept.sha256}.jpg", place / "photos" / f"{kept.sha256}.jpg"]
        if kept.no_exif or not all(p.is_file() for p in there) or kept.facts.point != "S15":
            raise RuntimeError(f"not everything was kept: {kept}")
        if n:  # the first one loads what the library needs
            seconds.append(took)
            limits.append((limit + bare(data)) / 2)  # measured on both sides of it
            sizes.append(len(data))
            copies.append(copy.stat().st_size)
        shutil.rmtree(place)
    tell(f"{len(seconds)}: {min(seconds):.3f} s / {min(limits):.3f} s")
    return {
        "photo_capture": figure(
            seconds,
            limits,
            1,
            None,
            None,
            picture_bytes=sum(sizes) // len(sizes),
            stamped_bytes=sum(copies) // len(copies),
        )
    }
