"""Sync checks Y01–Y03: what is open, what has not arrived, who has been silent."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.records import TYPES
from schemas.records.conflict import Conflict
from schemas.records.photo import Photo
from schemas.reference import Label
from schemas.rules.reconcile.checks import INFO, SAMPLER, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.reviewed import answered_by, decisions_of
from schemas.rules.reconcile.terms import hours
from schemas.rules.review import state_of

_OWN = "本系统设定"
SILENT_H = 48  # D


@check(
    "Y01", "冲突或退回未处理", "Conflicts or returns open", WARNING, _OWN, "D",
    Label("项目经理、采样员", "project manager, sampler"),
    texts={"": ("{what}有 {n} 处冲突、{m} 条退回未处理", "{what}: open conflicts {n}, open returns {m}")},
)  # fmt: skip
def open_questions(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    open_: dict[tuple[str, str], list[int]] = {}
    for conflict in facts.alive(Conflict):
        if conflict.choice is None:
            open_.setdefault((conflict.subject_kind, conflict.subject_id), [0, 0])[0] += 1
    for (kind, id), decisions in decisions_of(facts).items():
        subject = facts.records.get(kind, {}).get(id)
        # a record that is not here yet cannot have been changed since
        seq = subject.seq if subject is not None else 0
        if state_of(seq, decisions, answered=answered_by(facts, id)).state == "returned":
            open_.setdefault((kind, id), [0, 0])[1] += 1
    for (kind, id), (conflicts, returns) in sorted(open_.items()):
        code = facts.code_of(kind, id)
        if not view.whole and code != view.code:
            continue
        subject = facts.records.get(kind, {}).get(id)
        name = next((getattr(subject, f) for f in ("code", "number") if getattr(subject, f, None)), "")
        zh, en = (TYPES[kind].about.zh, TYPES[kind].about.en) if kind in TYPES else (kind, kind)
        what = Label(f"{zh} {name} ", f"{en} {name}") if name else Label(zh, en)
        yield say(subject, code, what=what, n=conflicts, m=returns)


@check(
    "Y02", "媒体未到齐", "Media not arrived", WARNING, _OWN, "D", SAMPLER,
    texts={"": ("照片已到 {n}/{m}", "Photos arrived: {n} of {m}")},
    per_point=False,
)  # fmt: skip
def media_missing(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    photos = facts.alive(Photo) if view.whole else [p for place in view.places for p in facts.photos_at(place)]
    wanted = {p.sha256: p for p in photos}
    if not wanted:
        return
    if facts.stored_blobs is None:
        yield say.cannot("服务器上已到的照片清单", "the list of photos that have arrived at the server")
        return
    absent = sorted(wanted.keys() - facts.stored_blobs)
    if absent:
        codes = sorted({code for sha in absent if (code := facts.code_of("photo", wanted[sha].id))})
        yield say(wanted[absent[0]], view.code, n=len(wanted) - len(absent), m=len(wanted), points=codes)


@check(
    "Y03", "设备久未同步", "Device silent", INFO, _OWN, "D", Label("项目经理", "project manager"),
    texts={
        "": ("{dev} 已 {h} 小时未同步，还有 {n} 条未传；完成数只是下限",
             "{dev} silent for {h} h with {n} changes unsent: what is done may be more"),
        "unknown": ("{dev} 已 {h} 小时未同步，不知还有多少未传；完成数只是下限",
                    "{dev} silent for {h} h, how much it holds is not known: what is done may be more"),
        "never": ("{dev} 从未同步；完成数只是下限", "{dev} has never synced: what is done may be more"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def silent(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for device in facts.devices:
        if device.pending == 0:
            continue
        if device.last_seen is None:
            yield say(None, None, "never", dev=device.label, device_id=device.device_id)
            continue
        quiet = hours(facts.now - device.last_seen)
        if quiet > SILENT_H:
            case = "unknown" if device.pending is None else ""
            yield say(None, None, case, dev=device.label, h=round(quiet), n=device.pending, device_id=device.device_id)
