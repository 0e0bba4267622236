"""Photo checks H02 and H03 at their figures: two hours beside a visit, 50 m beside the accuracies, one photo for two things."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.reconcile import run, run_point
from tests.unit.factory import World, at, fix, lonlat, uid


def shot(photo: dict[str, Any], acc: float | None = 0.5, **visit: Any) -> World:
    """One photo at a visit from 09:00 to 11:00 that was measured to `acc` metres."""
    w = World()
    w.planned()
    w.visit(acc=acc, **visit)
    w.add("photo", "p", **{"step": "core_box", **photo})
    return w


def said(east: float, acc: float | None = None) -> dict[str, Any]:
    """A position as a file says it."""
    return {**lonlat(east), **({} if acc is None else {"h_acc_m": acc})}


def again(*photos: dict[str, Any]) -> World:
    """Photos of two points, a sample and a well; those without a hash of their own are all the same picture."""
    w = World()
    w.both("S01")
    w.both("S02", 100)
    w.add("sample", "S01-1", code="S01-1", point_id="v:S01")
    for i, values in enumerate(photos):
        w.add("photo", f"p{i}", **{"taken_at": at(f"09:{10 + i}"), **values})
    return w


def inspected(photo: dict[str, Any], **inspection: Any) -> World:
    w = World()
    w.add("inspection", "i", position=fix(), ended_at=at("10:00"), **inspection)
    w.add("checklist_answer", "a", inspection_id="i", item_code="1.1", answer="pass")
    w.add("photo", "p", **{"step": "overview", "subject_kind": "inspection", "subject_id": "i", **photo})
    return w


SAMPLE = {"subject_kind": "sample", "subject_id": "S01-1"}
BOX = "warning S01 岩心箱照片："
WORK = "作业是 2026-09-21 09:00 到 2026-09-21 11:00"

CASES: list[tuple[str, str, World, list[str]]] = [
    ("H02", "within the visit", shot({"position": fix()}), []),
    ("H02", "no position, and the file says nothing", shot({}), []),
    ("H02", "two hours before", shot({"taken_at": at("07:00")}), []),
    ("H02", "two hours and a minute before", shot({"taken_at": at("06:59")}), [f"{BOX}拍摄时间 2026-09-21 06:59，{WORK}"]),
    ("H02", "two hours after", shot({"taken_at": at("13:00")}), []),
    ("H02", "two hours and a minute after", shot({"taken_at": at("13:01")}), [f"{BOX}拍摄时间 2026-09-21 13:01，{WORK}"]),
    ("H02", "the day before", shot({"taken_at": at("10:00", -1)}), [f"{BOX}拍摄时间 2026-09-20 10:00，{WORK}"]),
    ("H02", "a visit that goes on ends now", shot({"taken_at": at("19:59")}, ended_at=None), []),
    ("H02", "50 m and both accuracies", shot({"position": fix(52.9, acc=2.5)}), []),
    ("H02", "a metre more", shot({"position": fix(54.1, acc=2.5)}), [f"{BOX}拍摄位置离作业位置 54 m"]),
    ("H02", "an unknown accuracy is none", shot({"position": fix(50.4, acc=None)}, None), [f"{BOX}拍摄位置离作业位置 50 m"]),
    ("H02", "the visit has no position", shot({"position": fix(900)}, position=None), []),
    ("H02", "a file from elsewhere", shot({"source": "file_import"}), [f"{BOX}不是在应用里拍的"]),
    ("H02", "a scan is no import", shot({"source": "scan"}), []),
    ("H02", "the file agrees", shot({"file_taken_at": at("09:15"), "file_position": said(10, 5)}), []),
    ("H02", "the file says another time", shot({"file_taken_at": at("09:16")}),
     [f"{BOX}文件写的拍摄时间 2026-09-21 09:16，记录是 2026-09-21 09:10"]),
    ("H02", "and not that of the visit", shot({"file_taken_at": at("20:00", -30)}),
     [f"{BOX}文件写的拍摄时间 2026-08-22 20:00，记录是 2026-09-21 09:10、文件写的时间 2026-08-22 20:00，{WORK}"]),
    ("H02", "the file says another place", shot({"file_position": said(300, 5)}), [f"{BOX}文件写的位置离作业位置 300 m"]),
    ("H02", "and not that of the record", shot({"file_position": said(300, 5), "position": fix()}),
     [f"{BOX}文件写的位置离作业位置 300 m、文件写的位置离记录的位置 300 m"]),
    ("H02", "everything at once", shot({"source": "file_import", "taken_at": at("03:00"), "position": fix(200)}),
     [f"{BOX}不是在应用里拍的、拍摄时间 2026-09-21 03:00，{WORK}、拍摄位置离作业位置 200 m"]),
    ("H02", "of a sample: its own visit", again({**SAMPLE, "step": "label", "position": fix(100)}),
     ["warning S01 瓶签照片：拍摄位置离作业位置 100 m"]),
    ("H02", "voided", shot({"taken_at": at("01:00"), "deleted": True, "void_reason": "twice"}), []),
    ("H02", "an inspection", inspected({"taken_at": at("11:59"), "position": fix(50)}), []),
    ("H02", "away from an inspection", inspected({"taken_at": at("12:01"), "position": fix(52)}, point_id="v:S01"),
     ["warning 检查 JC-1 现场全景照片：拍摄时间 2026-09-21 12:01，作业是 2026-09-21 09:00 到 2026-09-21 10:00、拍摄位置离作业位置 52 m"]),
    ("H02", "an inspection walks over the whole site", inspected({"position": fix(900)}), []),
    ("H02", "and not to the next one", inspected({"position": fix(1100)}), ["warning 检查 JC-1 现场全景照片：拍摄位置离作业位置 1100 m"]),
    ("H02", "packed in the evening at the depot", shot({"step": "cool_box", "taken_at": at("18:30"), "position": fix(20_000)}), []),
    ("H02", "packed before anything was sampled", shot({"step": "cool_box", "taken_at": at("06:30")}),
     [f"warning S01 冷藏箱与温度照片：拍摄时间 2026-09-21 06:30，{WORK}"]),
    ("H02", "handed over the week after", shot({"step": "custody_form", "taken_at": at("10:00", 7)}),
     [f"warning S01 运送单照片：拍摄时间 2026-09-28 10:00，{WORK}"]),
    ("H02", "of one of its items", inspected({"subject_kind": "checklist_answer", "subject_id": "a", "source": "file_import"}),
     ["warning 检查 JC-1 现场全景照片：不是在应用里拍的"]),
    ("H03", "one each", again({"sha256": "a" * 64}, {"sha256": "b" * 64, "subject_id": "v:S02"}), []),
    ("H03", "twice for the same thing", again({}, {}), []),
    ("H03", "two points", again({}, {"subject_id": "v:S02"}), ["warning 同一照片用于 S01 地表原貌 和 S02 地表原貌"]),
    ("H03", "two things of one point", again({"step": "rig_e"}, {"step": "rig_w"}), ["warning 同一照片用于 S01 钻机东向 和 S01 钻机西向"]),
    ("H03", "a point and its sample", again({"step": "label"}, {"step": "label", **SAMPLE}),
     ["warning 同一照片用于 S01 瓶签 和 S01-1 瓶签"]),
    ("H03", "one box for the samples of two points", again({"step": "cool_box"}, {"step": "cool_box", "subject_id": "v:S02"}), []),
    ("H03", "a box that is also a bottle", again({"step": "cool_box"}, {"step": "label", "subject_id": "v:S02"}),
     ["warning 同一照片用于 S01 冷藏箱与温度 和 S02 瓶签"]),
    ("H03", "three", again({}, {"subject_id": "v:S02"}, {"step": "tool", **SAMPLE}),
     ["warning 同一照片用于 S01 地表原貌 和 S02 地表原貌、S01-1 采样工具"]),
    ("H03", "one of them voided", again({}, {"subject_id": "v:S02", "deleted": True, "void_reason": "wrong"}), []),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def test_the_cases_are_named_for_whoever_counts_them() -> None:
    w = shot(
        {
            "source": "file_import",
            "file_taken_at": at("20:00", -30),
            "file_position": said(300, 5),
            "position": fix(200),
        }
    )
    (found,) = run(w.facts()).by_check["H02"]
    cases = ["file", "other_time", "file_time", "place", "file_place", "other_place"]
    assert found.figures["cases"] == cases and (found.subject_type, found.subject_id) == ("photo", uid("p"))


def test_a_photo_used_elsewhere_is_found_from_either_point() -> None:
    w = again({}, {"subject_id": "v:S02"}, {"sha256": "c" * 64, "subject_id": "v:S02"})
    whole = run(w.facts()).by_check["H03"]
    for code in ("S01", "S02"):
        assert run_point(w.facts(), uid(f"v:{code}")).by_check["H03"] == whole
