"""Photo check H01: were the photos taken that the project asks for?"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.records.photo import Photo
from schemas.reference import Label, codes
from schemas.rules.reconcile.checks import ERROR, SAMPLER, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.shots import asked


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
