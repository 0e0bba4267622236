"""A project in which the records of one point have a past: signed on a tablet, changed, commented, reviewed, with photos.

made = seed(parts, seeded, folder)
"""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from schemas import change
from schemas.rules import evidence
from schemas.wire import EnrolRequest, PushHead
from sync_server.service import Caller, Write
from sync_server.store import BlobRow, SourceRow, Stored
from tests.ui.console_seed import Seeded, at, east, north

SIZE = (640, 480)


class Record(NamedTuple):
    """Ids of what the tests look at."""

    point: str
    reading: str
    hole: str
    photos: list[str]
    missing: str
    comment: str


def picture(n: int) -> bytes:
    out = BytesIO()
    image = Image.new("RGB", SIZE, (170 - 20 * n, 150, 110 + 20 * n))
    pen = ImageDraw.Draw(image)
    for k in range(6):
        pen.rectangle((20 + 90 * k, 40 + 30 * n, 90 + 90 * k, 400), fill=(90 + 20 * k, 70 + 10 * n, 50))
    image.save(out, "JPEG")
    return out.getvalue()


def seed(parts: Any, seeded: Seeded, folder: Any) -> Record:
    """Written beside what console_seed made: the tablet's changes by a real push of signed lines through the service."""
    service, field = parts.service, seeded.field
    who, sampler = seeded.people["zhoulan"], seeded.people["zhoulan"]
    points = {s.values["code"]: s for s in service.records("point", field)}
    point = points["S07"]
    hole = next(s for s in service.records("borehole", field) if s.values["point_id"] == point.id)
    reading = next(s for s in service.records("field_reading", field)
                   if s.values["borehole_id"] == hole.id and s.values["value"] == "642")  # fmt: skip
    new = service.new_id
    layers = [("0", "0.6", "misc_fill", "grey"), ("0.6", "2.4", "silty_clay", "brown"), ("2.4", "6.0", "clay", "brown")]
    service.write(None, [
        Write("soil_layer", new(), field, {"borehole_id": hole.id, "layer_no": n + 1, "top_m": a, "bottom_m": b, "texture": t,
                                           "colour": c, "odour": "none"})
        for n, (a, b, t, c) in enumerate(layers)
    ])  # fmt: skip
    pushed = _pushed(parts, seeded, reading, who)
    photos, missing = _photos(parts, seeded, point, reading, folder)
    comment = new()
    service.write(seeded.people["xujing"], [Write("comment", comment, field, {
        "subject_kind": "field_reading", "subject_id": reading.id, "text": "2.0 m 复测一次，附屏幕照片。", "at": at(40)})])  # fmt: skip
    service.write(sampler, [Write("comment", new(), field, {
        "subject_kind": "comment", "subject_id": comment, "text": "明早复测。", "at": at(30)})])  # fmt: skip
    return Record(point.id, reading.id, hole.id, photos, missing, comment) if pushed else Record("", "", "", [], "", "")


def _pushed(parts: Any, seeded: Seeded, reading: Stored, who: str) -> bool:
    """Two signed changes of a tablet: the value corrected, the note added; its clock is 83 s slow and it was off line."""
    service = parts.service
    private, salt = evidence.new_key(), bytes(32)
    code = service.new_code(who, seeded.people["xujing"])
    public, salted = evidence.public_of(private), evidence.b64(salt)
    signature = evidence.sign(private, f"jingtu-enrol-1\n{code}\n{public}\n{salted}".encode())
    answer = service.enrol(
        EnrolRequest(code=code, public_key=public, salt_key=salted, label="平板 07", signature=signature)
    )
    made: change.MadeAt = {"wall": at(320), "mono_ms": 1, "server_offset_ms": 83_000}
    line = change.encode(
        id=service.new_id(), scope=seeded.field, type="field_reading", record=reading.id,
        before={"value": "642", "qualifier": "eq", "unit": "mg_kg", "lod": None, "note": None},
        after={"value": "642.0", "qualifier": "eq", "unit": "mg_kg", "lod": "25", "note": "看错屏，已对照照片"},
        made_at=made, by=who, device=answer.device,
    )  # fmt: skip
    first = evidence.first_link(seeded.field, answer.enrolment)
    (link,) = evidence.links(first, salt, [(line.id, line.line)])
    head = PushHead(
        enrolment=answer.enrolment, epoch=answer.epoch, first=1, prev=first.hex(), head=link.hex(),
        lines=evidence.lines_hash([line.line]), signature=evidence.sign(private, evidence.head_message(
            seeded.field, answer.enrolment, 1, link, evidence.lines_hash([line.line]))), pending=0, types=1,
    )  # fmt: skip
    told = service.push(Caller(who, answer.enrolment), seeded.field, head, [line.line])
    return bool(told.receipt)


def _photos(parts: Any, seeded: Seeded, point: Stored, reading: Stored, folder: Any) -> tuple[list[str], str]:
    service, field, out = parts.service, seeded.field, []
    where = point.values["position"]
    for n, (step, subject, minutes) in enumerate(
        (("instrument_display", reading, 490), ("core_box", point, 489), ("rig_e", point, 488))
    ):
        data = picture(n)
        sha = hashlib.sha256(data).hexdigest()
        temp = folder / f"picture-{n}"
        temp.write_bytes(data)
        service.shelf.files.take(temp, sha)
        said = {"taken_at": at(minutes - (40 if n == 2 else 0)), "longitude": float(where["lon"]), "latitude": float(where["lat"]),
                "camera": "Rugged T10", "software": "Jingtu", "width": SIZE[0], "height": SIZE[1]}  # fmt: skip
        with service.store.writing() as tx:
            tx.add_blob(BlobRow(sha, len(data), "jpg", f"{n}.jpg", at(20), json.dumps(said)))
            tx.add_blob_source(SourceRow(sha, field, seeded.people["zhoulan"], None, f"{n}.jpg", at(20)))
        out.append(_photo(service, field, sha, step, subject, minutes, where, n))
    missing = _photo(service, field, "f" * 64, "label", point, 487, where, 3)
    return out, missing


def _photo(service: Any, field: str, sha: str, step: str, subject: Stored, minutes: float, where: Any, n: int) -> str:
    id = service.new_id()
    fix = {"lon": f"{float(where['lon']) + east(0.4 * n):.7f}", "lat": f"{float(where['lat']) + north(0.3 * n):.7f}", "h_acc_m": "0.5",
           "fix_kind": "rtk_fixed", "at": at(minutes)}  # fmt: skip
    service.write(None, [Write("photo", id, field, {
        "sha256": sha, "step": step, "subject_kind": subject.type, "subject_id": subject.id, "taken_at": at(minutes),
        "position": fix, "source": "app_camera", "bearing_deg": "48"})])  # fmt: skip
    return id
