"""The open camera reads a code by itself: Chromium's camera shows a picture of another screen."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from field_app.capture import qr
from field_app.store import Store
from schemas.rules import evidence
from schemas.rules.handover import text_of
from tests.ui import seed, trucks_seed
from tests.ui.driver import CHROMIUM, Tablet, chromium, window

pytestmark = pytest.mark.ui


def film(text: str) -> bytes:
    """One frame, 1280 × 720, as motion JPEG: the camera shows it over and over."""
    frame, code = Image.new("RGB", (1280, 720), (120, 124, 118)), Image.open(io.BytesIO(qr.png(text, 6)))
    code.thumbnail((660, 660))
    frame.paste(code.convert("RGB"), (300, 30))
    out = io.BytesIO()
    frame.save(out, "JPEG", quality=90)
    return out.getvalue()


@pytest.mark.skipif(not Path(CHROMIUM).exists() or not qr.can_decode(), reason="no Chromium, or no decoder")
def test_a_code_before_the_camera_is_read_without_a_tap(tmp_path: Path) -> None:
    rows = trucks_seed.load(418, 0, datetime.now(UTC) - timedelta(minutes=4))
    text = text_of([evidence.unb64(v["cose"]) for _, type, _, v in rows if type == "manifest_leg"])
    (tmp_path / "screen.mjpeg").write_bytes(film(text))
    store = Store(tmp_path / "driver")
    trucks_seed.fill(store, "driver")
    store.close()
    tablet = Tablet(tmp_path / "driver", seed.here())
    camera = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path}/screen.mjpeg",
    )
    try:
        with chromium(*camera) as browser:
            f = window(browser, tablet.start())
            f.tap("扫码", exact=True)
            f.tap("开相机扫码")
            f.see("真：签名有效")  # the load's page
            f.see("苏L·A7326")
    finally:
        tablet.stop()
