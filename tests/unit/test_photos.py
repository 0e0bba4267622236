"""Photos: what may be kept and how, what a process killed in between leaves behind, and what the checklist asks for."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from field_app import checking
from field_app.capture import camera, photo
from field_app.capture.camera import NoCamera, PlayedCamera, camera_for
from field_app.capture.photo import NotKept, keep
from field_app.capture.position import Fix
from field_app.clock import CHINA
from field_app.desks.photos import PhotoDesk
from field_app.here import Here
from field_app.reading import read
from field_app.store import Edit, Seen, Store
from field_app.visit import Visit
from schemas.problems import Trouble
from schemas.records import TYPES, check, missing
from tests.crash.filling_tablet import at_most
from tests.ui import seed

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=CHINA)
RULES = [{"step": "rig_e", "least": 1}, {"step": "core_box", "least": 2}, {"step": "seal", "least": 1, "role": "well"}]


def jpeg(color: tuple[int, int, int] = (90, 120, 60), size: tuple[int, int] = (640, 480), **more: Any) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", size, color)
    picture.putpixel((3, 3), (255, 0, 0))
    picture.save(out, "JPEG", **more)
    return out.getvalue()


def exif(orientation: int = 1, taken: str = "", offset: str = "") -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    inner = made.get_ifd(0x8769)
    if taken:
        inner[36867] = taken
    if offset:
        inner[36881] = offset
    return made


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_photo_is_kept_byte_for_byte_under_its_hash_and_once(tmp_path: Path) -> None:
    data = jpeg()
    kept = keep(tmp_path, data)
    sha = hashlib.sha256(data).hexdigest()
    assert (kept.sha256, kept.size, kept.width, kept.height, kept.kind) == (sha, len(data), 640, 480, "jpg")
    path = tmp_path / "photos" / f"{sha}.jpg"
    assert path.read_bytes() == data and photo.find(tmp_path, sha) == path
    before = path.stat()
    assert keep(tmp_path, data) == kept
    assert path.stat().st_mtime_ns == before.st_mtime_ns and path.stat().st_ino == before.st_ino  # not written again
    assert [p.name for p in (tmp_path / "photos").iterdir()] == [path.name]  # and nothing half done beside it


def test_the_thumbnail_is_small_and_the_right_way_up_and_the_file_untouched(tmp_path: Path) -> None:
    data = jpeg(size=(1600, 1200), exif=exif(orientation=6))  # held upright
    kept = keep(tmp_path, data)
    assert (kept.width, kept.height) == (1600, 1200)
    small = Image.open(io.BytesIO(photo.thumb(tmp_path, kept.sha256) or b""))
    assert small.size == (300, 400) and small.format == "JPEG"
    (tmp_path / "thumbs" / f"{kept.sha256}.jpg").unlink()
    again = Image.open(io.BytesIO(photo.thumb(tmp_path, kept.sha256) or b""))  # made anew from the photo
    assert again.size == (300, 400) and (tmp_path / "thumbs" / f"{kept.sha256}.jpg").exists()
    assert (tmp_path / "photos" / f"{kept.sha256}.jpg").read_bytes() == data
    assert photo.thumb(tmp_path, "0" * 64) is None


@pytest.mark.parametrize(
    ("taken", "offset", "wanted"),
    [
        ("2026:11:21 14:31:05", "+09:00", "2026-11-21T14:31:05+09:00"),
        ("2026:11:21 14:31:05", "", "2026-11-21T14:31:05+08:00"),
        ("0000:00:00 00:00:00", "", None),
        ("", "", None),
    ],
)
def test_when_a_picture_says_it_was_taken(tmp_path: Path, taken: str, offset: str, wanted: str | None) -> None:
    at = keep(tmp_path, jpeg(exif=exif(1, taken, offset))).taken_at
    assert (at and at.isoformat()) == wanted


def other(kind: str, size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (1, 2, 3)).save(out, kind)
    return out.getvalue()


def test_png_and_webp_are_kept_under_their_own_kind(tmp_path: Path) -> None:
    assert [keep(tmp_path, other(kind)).kind for kind in ("PNG", "WEBP", "MPO")] == ["png", "webp", "jpg"]
    assert len(photo.all_kept(tmp_path)) == 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        ("不是照片".encode() * 50, "kind"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(200), "kind"),
        (other("GIF"), "kind"),
        (other("BMP"), "kind"),
        (jpeg(size=(1200, 900))[:-3000], "broken"),
        (other("PNG", (400, 400))[:-40], "broken"),
    ],
    ids=["empty", "text", "heic", "gif", "bmp", "cut jpeg", "cut png"],
)
def test_what_is_no_whole_photo_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(NotKept) as err:
        keep(tmp_path, data)
    assert err.value.reason == reason
    assert not (tmp_path / "photos").exists()


def test_too_large_is_said_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.rules.picture.common.MOST_PIXELS", 640 * 480 - 1)
    with pytest.raises(NotKept, match="pixels"):
        keep(tmp_path, jpeg())
    monkeypatch.setattr("schemas.rules.picture.MOST_BYTES", 100)
    with pytest.raises(NotKept, match="bytes"):
        keep(tmp_path, jpeg())


def test_a_full_storage_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    data = jpeg(size=(800, 600), quality=95)
    first = keep(tmp_path, jpeg((1, 2, 3)))
    for room in (0, 100, len(data) - 1):
        with at_most(room), pytest.raises(Trouble) as err:
            keep(tmp_path, data)
        assert err.value.problem.number == 5007
        assert photo.all_kept(tmp_path) == [first.sha256] and len(list((tmp_path / "photos").iterdir())) == 1
    keep(tmp_path, data)
    assert len(photo.all_kept(tmp_path)) == 2


# --- the desk ---------------------------------------------------------------------------------------------------------


class Host:
    """What the desk needs of State."""

    def __init__(self, folder: Path, rules: list[Any] | None = None) -> None:
        self._store = Store(folder)
        if not self._store.scopes():
            seed.fill(self._store)
        if rules is not None and not self.rules():
            project = self._store.get("project", seed.PROJECT)
            assert project
            self._store.finalize(
                [Edit("project", project.id, seed.FIELD, {**project.values, "photo_rules": rules})], False
            )
        self.here, self.book, self._writer = Here(), read(self._store, None), ThreadPoolExecutor(1)

    def rules(self) -> Any:
        project = self._store.get("project", seed.PROJECT)
        return project and project.values.get("photo_rules")

    def now(self) -> datetime:
        return NOW

    def _later(self, work: Any) -> None:
        work.close()

    async def _do(self, fn: Any, *args: Any) -> Any:
        return await asyncio.wrap_future(self._writer.submit(fn, *args))

    def visit(self, planned: int = 15) -> Visit:
        store, scope = self._store, seed.FIELD
        at = self.book.planned[seed.uid(1, planned)]
        values = {"planned_point_id": at.id, "code": at.values["code"], "site_id": seed.SITE, "outcome": "done",
                  "started_at": NOW.isoformat(), "samplers": [seed.PERSON]}  # fmt: skip
        draft = next((d for d in store.drafts("point")), None) or Seen(
            "point", store.new_id(), scope, 0, values, "draft"
        )

        def save(type: str, record: str, values: Any) -> None:
            store.save_draft(type, record, scope, values, None if record == draft.id else draft.id)

        visit = Visit(
            self.book, at, draft, store.drafts(parent=draft.id), save, store.drop_draft, store.new_id, self.now
        )
        save("point", draft.id, visit.point)
        return visit


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(jpeg((60 * n, 90, 120)))
    return folder


def desk_of(host: Host, pictures: Path | None, pick: Any = None) -> PhotoDesk:
    played = PlayedCamera(pictures) if pictures else None
    return PhotoDesk(host, played, pick or (lambda: asyncio.sleep(0)))  # type: ignore[arg-type]


async def opened(desk: PhotoDesk) -> None:
    await desk.open()
    desk._lens = type("Lens", (), {"page": True})()  # as if it were on a page
    await desk.start()


def test_four_shots_are_four_calls_once_the_camera_is_open(tmp_path: Path, pictures: Path) -> None:
    host = Host(tmp_path / "t", RULES)
    desk, visit = desk_of(host, pictures), host.visit()
    host.here.take(Fix(seed.LON, seed.LAT, 2.1, NOW - timedelta(seconds=3)), NOW)

    async def body() -> None:
        await opened(desk)
        assert visit.photos_asked and not visit.done("photos")
        assert [(s.step, s.lacking) for s in visit.slots()] == [("rig_e", 1), ("core_box", 2)]  # seal is for wells
        for wanted in ("rig_e", "core_box", "core_box"):
            assert visit.shot == wanted
            await desk.shoot(visit)
        assert visit.shots_lacking == 0 and visit.done("photos") and desk.ready  # still open
        await desk.look(visit)
        assert desk.loose == () and all(desk.thumb(v["sha256"]) for v in visit.photos.values())

    asyncio.run(body())
    stored = host._store.drafts("photo")
    assert [d.values["step"] for d in stored] == ["rig_e", "core_box", "core_box"]
    for draft in stored:
        values = draft.values
        assert not [*check(TYPES["photo"], values), *missing(TYPES["photo"], values)]
        assert photo.find(tmp_path / "t", values["sha256"]).read_bytes()  # type: ignore[union-attr]
        assert (values["subject_kind"], values["subject_id"]) == ("point", visit.id)
        assert values["position"]["h_acc_m"] == "2.10" and values["position"]["fix_age_s"] == "3.0"
        # a played camera's pictures never pass for photos taken here
        assert values["source"] == "file_import" and "模拟" in values["source_reason"]
    assert desk.thumb(stored[0].values["sha256"]) and host._store.media().total == 0  # none of them is finalized yet
    host._store.finalize([Edit(*e[:2], seed.FIELD, e[2]) for e in visit.edits() if e[0] == "photo"])
    assert host._store.media().total == 3


def test_what_the_device_takes_is_a_photo_taken_in_the_app_and_an_old_fix_is_not_its_place(
    tmp_path: Path, pictures: Path
) -> None:
    host = Host(tmp_path / "t")
    desk, visit = desk_of(host, pictures), host.visit()
    desk._camera.source = "app_camera"  # type: ignore[union-attr,misc]
    host.here.take(Fix(seed.LON, seed.LAT, 2.1, NOW - timedelta(seconds=61)), NOW)

    async def body() -> None:
        await opened(desk)
        await desk.shoot(visit)

    asyncio.run(body())
    (values,) = visit.photos.values()
    assert values["source"] == "app_camera" and "source_reason" not in values and "position" not in values
    assert values["taken_at"] == NOW.isoformat(timespec="seconds")
    assert not missing(TYPES["photo"], values)


def test_a_file_needs_a_reason_and_claims_no_place_and_its_own_time(tmp_path: Path) -> None:
    host = Host(tmp_path / "t")
    data = jpeg(exif=exif(1, "2026:11:21 14:31:05"))

    async def pick() -> bytes:
        return data

    desk, visit = desk_of(host, None, pick), host.visit()
    host.here.take(Fix(seed.LON, seed.LAT, 2.1, NOW), NOW)

    async def body() -> None:
        await desk.open()  # there is no camera
        assert desk.asking and desk.lens is None
        visit.aim("label")
        await desk.from_file(visit, "other_device")

    asyncio.run(body())
    (values,) = visit.photos.values()
    assert values["step"] == "label" and values["source"] == "file_import"
    assert values["source_reason"] == "用别的相机拍的" and "position" not in values
    assert values["taken_at"] == "2026-11-21T14:31:05+08:00"
    assert not [*check(TYPES["photo"], values), *missing(TYPES["photo"], values)]
    assert visit.shot != "label"  # the next one is what is missing


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"x" * 99, "不是能用的照片"), (jpeg(size=(1200, 900))[:-3000], "不完整")],
    ids=["no picture", "cut"],
)
def test_a_bad_file_is_told_in_words_and_leaves_no_record(tmp_path: Path, data: bytes, what: str) -> None:
    host = Host(tmp_path / "t")

    async def pick() -> bytes:
        return data

    desk, visit = desk_of(host, None, pick), host.visit()
    asyncio.run(desk.from_file(visit, "late"))
    assert visit.photos == {} and host._store.drafts("photo") == [] and not desk.busy
    said = desk.fault("zh")
    assert said and said[0] == "这张照片没存上" and what in said[1]
    assert all(desk.fault("en") or ())


def test_no_room_is_message_12_and_the_photos_before_are_safe(tmp_path: Path, pictures: Path) -> None:
    host = Host(tmp_path / "t")
    desk, visit = desk_of(host, pictures), host.visit()

    async def body() -> None:
        await opened(desk)
        await desk.shoot(visit)
        with at_most(0):
            await desk.shoot(visit)

    asyncio.run(body())
    assert len(visit.photos) == 1 and len(host._store.drafts("photo")) == 1
    assert "空间只剩" in desk.fault("zh")[1] and "MB" in desk.fault("zh")[1]  # type: ignore[index]
    asyncio.run(desk.shoot(visit))
    assert len(visit.photos) == 2 and desk.fault("zh") is None


def test_a_camera_that_fails_says_why_and_closes(tmp_path: Path, pictures: Path) -> None:
    host = Host(tmp_path / "t")
    desk, visit = desk_of(host, pictures), host.visit()

    async def refuses() -> None:
        raise NoCamera("denied")

    desk._camera.start = refuses  # type: ignore[union-attr,method-assign]
    asyncio.run(opened(desk))
    assert desk.lens is None and not desk.ready
    assert desk.fault("zh") == ("没有相机权限", "在系统设置里允许使用相机，或从文件选照片。")
    asyncio.run(desk.shoot(visit))
    assert visit.photos == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CameraException(CameraAccessDenied, The user denied the camera access request.)", "denied"),
        ("NotAllowedError: Permission denied", "denied"),
        ("NotFoundError: Requested device not found", "none"),
        ("CameraException(cameraNotReadable, in use)", "failed"),
    ],
)
def test_a_platforms_words_become_one_of_ours(text: str, reason: str) -> None:
    assert camera.why(text) == reason


def test_a_client_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "ASK_S", 0.05)
    device = camera.DeviceCamera()

    class Silent:
        async def get_available_cameras(self) -> None:
            await asyncio.sleep(60)

    device._device = Silent()
    with pytest.raises(NoCamera, match="timeout"):
        asyncio.run(device.start())


def test_which_camera_there_is(tmp_path: Path) -> None:
    assert isinstance(camera_for(True, {"JINGTU_FAKE_CAMERA": str(tmp_path)}), PlayedCamera)
    assert isinstance(camera_for(True, {}), camera.DeviceCamera) and camera_for(False, {}) is None
    with pytest.raises(NoCamera, match="none"):
        asyncio.run(PlayedCamera(tmp_path).start())


# --- killed -----------------------------------------------------------------------------------------------------------

DYING = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from field_app.capture import photo
from tests.unit.test_photos import Host, desk_of, opened
host = Host(Path(sys.argv[1]))
desk, visit = desk_of(host, Path(sys.argv[2])), host.visit()
if sys.argv[3] == "between":  # after the file, before its draft
    host._store.save_draft = lambda *a: (print("file", flush=True), sys.stdin.read())
async def body():
    await opened(desk)
    while True:
        await desk.shoot(visit)
        print(list(visit.photos.values())[-1]["sha256"], flush=True)
asyncio.run(body())
"""


def die(folder: Path, pictures: Path, when: str, after: int) -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", DYING.format(root=root), str(folder), str(pictures), when], cwd=root,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout
    lines = [child.stdout.readline().strip() for _ in range(after)]
    os.kill(child.pid, signal.SIGKILL)
    lines += child.stdout.read().split()
    child.wait()
    return lines


def test_what_was_confirmed_is_there_after_a_kill(tmp_path: Path, pictures: Path) -> None:
    Host(tmp_path / "t")._store.close()
    confirmed = die(tmp_path / "t", pictures, "any", 3)
    assert len(confirmed) >= 3 and all(len(sha) == 64 for sha in confirmed)
    store = Store(tmp_path / "t")
    drafts = [d.values["sha256"] for d in store.drafts("photo")]
    assert drafts[: len(confirmed)] == confirmed  # and at most one more, on its way
    for sha in drafts:
        path = photo.find(tmp_path / "t", sha)
        assert path and hashlib.sha256(path.read_bytes()).hexdigest() == sha


def test_a_photo_killed_before_its_record_is_found_again_and_taken_in(tmp_path: Path, pictures: Path) -> None:
    Host(tmp_path / "t")._store.close()
    assert die(tmp_path / "t", pictures, "between", 1)[0] == "file"
    host = Host(tmp_path / "t")
    desk, visit = desk_of(host, None), host.visit()
    asyncio.run(desk.look(visit))
    (sha,) = desk.loose
    assert visit.photos == {} and desk.thumb(sha)
    asyncio.run(desk.take_in(visit, sha))
    (values,) = visit.photos.values()
    assert values["sha256"] == sha and values["source"] == "file_import" and "找回" in values["source_reason"]
    assert desk.loose == ()
    visit.remove_photo(next(iter(visit.photos)))
    asyncio.run(desk.look(visit))
    assert desk.loose == (sha,) and photo.find(tmp_path / "t", sha)  # the record is gone, the file never


# --- the checklist ----------------------------------------------------------------------------------------------------


def picture_of(visit: Visit, step: str, sha: str) -> None:
    kept = photo.Kept(sha * 64, 10, 1, 1, "jpg")
    visit.took(visit._new_id(), visit.photo_values(kept, step, NOW, None, "app_camera", None))


def test_what_is_missing_is_what_the_servers_check_says(tmp_path: Path) -> None:
    host = Host(tmp_path / "t", RULES)
    visit = host.visit()

    def said() -> list[str]:
        found = checking.findings(host._store, host.book, visit.edits(), visit.point["planned_point_id"], NOW)
        return [f.zh for f in found if f.check == "H01"]

    assert said() == ["S15 缺 3 张照片：钻机东向、岩心箱×2"]
    picture_of(visit, "core_box", "a")
    picture_of(visit, "core_box", "a")  # the same picture twice shows no second thing
    assert visit.shots_lacking == 2 and said() == ["S15 缺 2 张照片：钻机东向、岩心箱"]
    picture_of(visit, "core_box", "b")
    picture_of(visit, "rig_e", "c")
    assert visit.shots_lacking == 0 and said() == []


def test_without_rules_the_guides_list_is_advice_and_nothing_is_missing(tmp_path: Path) -> None:
    visit = Host(tmp_path / "t").visit()
    steps = [s.step for s in visit.slots()]
    assert steps[:5] == ["surface", "rig_e", "rig_s", "rig_w", "rig_n"] and "voc_fill" in steps  # its plan has VOCs
    assert "svoc_fill" not in steps and "seal" not in steps and "casing" in visit.optional_shots()
    assert not visit.photos_asked and not [g for g in visit.gaps() if g.step == "photos"]
    picture_of(visit, "casing", "a")
    assert visit.slots()[-1].step == "casing" and visit.done("photos")


def test_a_chosen_kind_comes_first_and_a_photo_can_be_moved_to_a_sample(tmp_path: Path) -> None:
    visit = Host(tmp_path / "t", RULES).visit()
    sample = visit.add("sample", {"code": "HX-S15-0001", "groups": ["voc"]})
    visit.aim("other")
    assert visit.shot == "other"
    picture_of(visit, "other", "a")
    assert visit.shot == "rig_e"
    (record,) = visit.photos
    visit.show_in(record, sample)
    assert (visit.photos[record]["subject_kind"], visit.photos[record]["subject_id"]) == ("sample", sample)
