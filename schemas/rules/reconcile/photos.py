"""Photo checks H01–H03: were the photos taken that the project asks for, can they be of what they are said to show, and
does each show one thing? H02 reads what a file says of itself out of the photo's record, so that it needs no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.inspection import Inspection
from schemas.records.photo import Photo
from schemas.records.point import Point
from schemas.reference import Label, codes
from schemas.rules import geo
from schemas.rules.reconcile.checks import ERROR, MANAGER, SAMPLER, WARNING, Finding, Say, check, show
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import Place
from schemas.rules.shots import asked
from schemas.values import FilePosition, GeoFix

_DEMAND = "应用规定（无国家统一数值）"
ASIDE = timedelta(hours=2)  # D: before a visit began and after it ended
FAR_M = 50  # D: beside the accuracies of both positions
SITE_M = 1000  # D: the same for an inspection that walks over a whole site
# What is packed, handed over and filed: after the visit, at the vehicle or the depot, and once for the samples of many points.
AFTERWARDS = frozenset({"cool_box", "packed", "custody_form", "document"})
LATER = timedelta(days=2)  # D: until when that is done
CLOCKS = timedelta(minutes=5)  # D: what a record and its file may differ by


@check(
    "H01", "必拍照片缺失", "Required photos missing", ERROR,
    "建设用地土壤污染状况初步调查监督检查工作指南（试行）（公告2022年第17号）；清单为项目设置", "K", SAMPLER,
    texts={"": ("{point} 缺 {n} 张照片：{list}", "{point}: photos missing: {n} ({list})")},
)  # fmt: skip
def photos_missing(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    rules = facts.project.photo_rules if facts.project else []
    if not rules:
        yield say.cannot("项目的必拍照片清单", "the project's list of required photos")
        return
    if not facts.held(Photo):
        yield say.cannot("照片记录", "the photo records")
        return
    for place in view.places:
        if not place.visited:
            continue
        role = place.planned.role if place.planned else None
        shots: dict[str, set[str]] = {}
        for photo in facts.photos_at(place):
            shots.setdefault(photo.step, set()).add(photo.sha256)
        need = asked(rules, role)
        lacking = {step: n for step, least in need.items() if (n := least - len(shots.get(step, ()))) > 0}
        if lacking:
            steps = [_step(step, n) for step, n in lacking.items()]
            yield say(place.main, place.code, n=sum(lacking.values()), list=steps, steps=lacking)


def _step(step: str, n: int) -> Label:
    name = codes("photo_step").get(step, Label(step, step))
    return name if n == 1 else Label(f"{name.zh}×{n}", f"{name.en} ×{n}")


# --- H02: does it fit what it is said to show? ------------------------------------------------------------------------


class Scene(NamedTuple):
    """When and where somebody was at the subject of a photo."""

    start: datetime
    end: datetime
    position: GeoFix | None
    far_m: float = FAR_M


def scene_of(visit: Point | Inspection, now: datetime) -> Scene:
    """A visit that goes on ends now."""
    whole_site = isinstance(visit, Inspection) and not (visit.point_id or visit.manifest_id)
    far = SITE_M if whole_site else FAR_M
    return Scene(visit.started_at, visit.ended_at or max(now, visit.started_at), visit.position, far)


def contradictions(photo: Photo, scenes: Sequence[Scene]) -> dict[str, Label]:
    """What speaks against the photo: file (not taken in the app), time and file_time (outside every visit ± ASIDE), place and
    file_place (farther than FAR_M and both accuracies from every visit's position), other_time and other_place (the file
    says something else than the record). Nothing is said of what nobody knows, nor of where something is done AFTERWARDS."""
    out: dict[str, Label] = {}
    until = LATER if photo.step in AFTERWARDS else ASIDE
    if photo.source == "file_import":
        out["file"] = Label("不是在应用里拍的", "not taken in the app")
    if scenes and _outside(photo.taken_at, scenes, until):
        out["time"] = _timed("拍摄时间", "taken", photo.taken_at, scenes)
    said = photo.file_taken_at
    if said is not None and abs(said - photo.taken_at) > CLOCKS:
        out["other_time"] = Label(
            f"文件写的拍摄时间 {show(said, 'zh')}，记录是 {show(photo.taken_at, 'zh')}",
            f"the file says {show(said, 'en')}, the record {show(photo.taken_at, 'en')}",
        )
        if scenes and _outside(said, scenes, until) and "time" not in out:
            out["file_time"] = _timed("文件写的时间", "by the file taken", said, scenes)
    places = [(s.position, s.far_m) for s in scenes if s.position and photo.step not in AFTERWARDS]
    for case, position in (("place", photo.position), ("file_place", photo.file_position)):
        if (metres := _far(position, places)) is not None:
            ours = case == "place"
            out[case] = Label(
                f"{'拍摄位置' if ours else '文件写的位置'}离作业位置 {metres:.0f} m",
                f"{'taken' if ours else 'by the file taken'} {metres:.0f} m from the place of the work",
            )
    apart = _far(photo.file_position, [(photo.position, FAR_M)] if photo.position else [])
    if apart is not None:
        out["other_place"] = Label(
            f"文件写的位置离记录的位置 {apart:.0f} m", f"the file's position is {apart:.0f} m from the record's"
        )
    return out


def _outside(at: datetime, scenes: Sequence[Scene], until: timedelta) -> bool:
    return not any(s.start - ASIDE <= at <= s.end + until for s in scenes)


def _timed(zh: str, en: str, at: datetime, scenes: Sequence[Scene]) -> Label:
    nearest = min(scenes, key=lambda s: max(s.start - at, at - s.end))
    start, end = nearest.start, nearest.end
    return Label(
        f"{zh} {show(at, 'zh')}，作业是 {show(start, 'zh')} 到 {show(end, 'zh')}",
        f"{en} {show(at, 'en')}, the work was from {show(start, 'en')} to {show(end, 'en')}",
    )


def _far(position: GeoFix | FilePosition | None, places: Sequence[tuple[GeoFix, float]]) -> float | None:
    """Metres to the nearest of these places, where that is farther from each than the metres beside it and both accuracies."""
    if position is None or not places:
        return None
    own = position.h_acc_m or Decimal(0)
    found = [
        (geo.distance_m(position.lon, position.lat, p.lon, p.lat), far + float(own + (p.h_acc_m or Decimal(0))))
        for p, far in places
    ]
    return None if any(metres <= far for metres, far in found) else min(metres for metres, _ in found)


@check(
    "H02", "照片与记录矛盾", "Photo contradicts the record", WARNING, _DEMAND, "D", MANAGER,
    texts={
        "": ("{point} {photo}照片：{what}", "{point}, photo {photo}: {what}"),
        "inspection": ("检查 {code} {photo}照片：{what}", "Inspection {code}, photo {photo}: {what}"),
    },
)  # fmt: skip
def photo_contradicts(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        for photo in facts.photos_at(place):
            if against := contradictions(photo, [scene_of(v, facts.now) for v in _visits(facts, place, photo)]):
                yield say(
                    photo, place.code, photo=_step(photo.step, 1), what=list(against.values()), cases=list(against)
                )
    if not view.whole:
        return
    for inspection in facts.alive(Inspection):
        answers = facts.of(ChecklistAnswer, "inspection_id", inspection.id)
        photos = [p for id in (inspection.id, *(a.id for a in answers)) for p in facts.photos_of(id)]
        for photo in photos:
            if against := contradictions(photo, [scene_of(inspection, facts.now)]):
                yield say(
                    photo, None, "inspection", code=inspection.code, photo=_step(photo.step, 1),
                    what=list(against.values()), cases=list(against),
                )  # fmt: skip


def _visits(facts: Facts, place: Place, photo: Photo) -> Iterable[Point]:
    """The visit that the photo's subject belongs to, or, where it belongs to the point as such, all of them."""
    kind, id = photo.subject_kind, photo.subject_id
    for _ in range(4):  # container → sample → borehole → visit
        if kind == "point":
            return [v for v in place.visits if v.id == id] or place.visits
        record = facts.records.get(kind, {}).get(id)
        for field, parent in (("point_id", "point"), ("borehole_id", "borehole"), ("sample_id", "sample")):
            if above := getattr(record, field, None):
                kind, id = parent, above
                break
        else:
            break
    return place.visits


# --- H03: does it show one thing? -------------------------------------------------------------------------------------


@check(
    "H03", "照片重复使用", "One photo for two things", WARNING, _DEMAND, "D", MANAGER,
    texts={"": ("同一照片用于 {a} 和 {b}", "The same photo is used for {a} and {b}")},
    per_point=False,
)  # fmt: skip
def photo_twice(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    mine = facts.alive(Photo) if view.whole else [p for place in view.places for p in facts.photos_at(place)]
    by_hash = facts.by(Photo, "sha256")
    for sha in dict.fromkeys(p.sha256 for p in mine):
        if len(by_hash.get(sha, ())) < 2:
            continue
        things: dict[tuple[str, str], Photo] = {}
        for photo in sorted(by_hash[sha], key=lambda p: (p.taken_at, p.id)):
            things.setdefault(thing(photo.subject_id, photo.step), photo)
        if len(things) > 1:
            first, *others = things.values()
            code = facts.code_of("photo", first.id)
            yield say(first, code, a=_thing(facts, first), b=[_thing(facts, p) for p in others], n=len(things))


def thing(subject_id: str, step: str) -> tuple[str, str]:
    """What a photo shows; one cool box and one custody form may be shown for every point whose samples are in it."""
    return ("" if step in AFTERWARDS else subject_id, step)


def _thing(facts: Facts, photo: Photo) -> Label:
    """S01 岩心箱, S01-1 瓶签: what it hangs on, and what it is said to show."""
    subject = facts.records.get(photo.subject_kind, {}).get(photo.subject_id)
    name = getattr(subject, "code", None) or facts.code_of("photo", photo.id)
    kind, step = codes("subject_kind").get(photo.subject_kind, Label("", "")), _step(photo.step, 1)
    return Label(f"{name or kind.zh} {step.zh}", f"{name or kind.en} {step.en}")
