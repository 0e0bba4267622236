"""What is missing before anybody signs. A lack's code says where it is mended: up to the colon the part of the record, after it the
item, notice or finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.record import missing
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.reference import Label, codes
from schemas.rules.checklists import verdict as verdicts
from schemas.rules.checklists.model import Ask, Checklist, Item
from schemas.rules.lack import Lack
from schemas.rules.onsite.amending import difference
from schemas.rules.onsite.notices import REQUIRED
from schemas.rules.onsite.signed import FAILS, Sheet

Values = Mapping[str, Any]
LEAST_OFFICERS = 2  # of an enforcement check: 行政处罚法（2021）第42条, C
NO_FINDING = frozenset({"insufficient"})  # an answer that may stand without a finding
_PICTURES = frozenset({"photo", "doc", "video", "sign", "scan"})  # what a photo answers on a tablet
_LATER = frozenset({"signatures", "verdict", "ended_at"})  # asked for in their own words, or at the end


def lacks(
    inspection: Values,
    list: Checklist | None,
    answers: Sequence[Values],
    findings: Sequence[Values],
    photos: Sequence[Values],
    now: datetime,
    required: frozenset[str] = REQUIRED,
    original: Sheet | None = None,
) -> list[Lack]:
    """What keeps the record from being signed, in the order of the paper. `required`: notices of an enforcement check. `original`: the
    record this one amends; findings and photos of it stand, they are not recorded a second time."""
    answers = [a for a in answers if not a.get("deleted")]
    findings = [f for f in findings if not f.get("deleted")]
    photos = [p for p in photos if not p.get("deleted")]
    return [
        *_officers(inspection),
        *notices_lacking(inspection, required),
        *_times(inspection, now),
        *_fields(inspection),
        *_verdict(inspection, list, answers),
        *_evidence(list, answers, findings, photos, original),
        *_findings(inspection, findings),
        *_nothing_new(inspection, answers, findings, photos, original),
    ]


def _officers(inspection: Values) -> Iterator[Lack]:
    officers = [o for o in inspection.get("officers") or () if o.get("name")]
    if inspection.get("kind") == "enforcement":
        n = len({o.get("person_id") for o in officers})
        if n < LEAST_OFFICERS:
            yield Lack(
                "officers", f"执法检查要 {LEAST_OFFICERS} 名以上检查人员，现有 {n} 名",
                f"An enforcement check takes at least {LEAST_OFFICERS} officers; there are {n}",
            )  # fmt: skip
        for o in officers:
            if not o.get("certificate_no") and o.get("duty") != "witness":
                yield Lack("officers", f"{o['name']} 没有填执法证号", f"{o['name']}: certificate number is missing")
        numbers = [str(o["certificate_no"]) for o in officers if o.get("certificate_no")]
        if twice := next((x for x in numbers if numbers.count(x) > 1), None):
            yield Lack("officers", f"执法证号 {twice} 填了两次", f"Certificate number {twice} stands twice")


def notices_lacking(inspection: Values, required: frozenset[str] = REQUIRED) -> Iterator[Lack]:
    """Notices of an enforcement check that were not read, or that bear a time outside of the check."""
    read = {n.get("kind"): n for n in inspection.get("notices") or ()}
    if inspection.get("kind") == "enforcement":
        for code, words in codes("notice_kind").items():
            if code in required and not (read.get(code) or {}).get("read_at"):
                yield Lack(f"notices:{code}", f"没有{_said(words.zh)}", f"Not read out: {words.en}")
    start, end = _time(inspection.get("started_at")), _time(inspection.get("ended_at"))
    for code, notice in read.items():
        at = _time(notice.get("read_at"))
        if at is not None and ((start is not None and at < start) or (end is not None and at > end)):
            words = codes("notice_kind").get(str(code), Label(str(code), str(code)))
            yield Lack(
                f"notices:{code}", f"{words.zh}的时间不在检查起止时间之内", f"{words.en}: its time lies outside of the check"
            )  # fmt: skip


def _said(words: str) -> str:
    """A notice as something done: 告知… and 出示… read as they are."""
    return words if words.startswith(("告知", "出示")) else f"告知{words}"


def _times(inspection: Values, now: datetime) -> Iterator[Lack]:
    start, end = _time(inspection.get("started_at")), _time(inspection.get("ended_at"))
    if start is not None and start > now:
        yield Lack("times", "检查开始时间晚于现在", "The check begins later than now")
    if end is None:
        yield Lack("ended_at", "没有填检查结束时间", "The time the check ended is missing")
    elif start is not None and end < start:
        yield Lack("ended_at", "检查结束时间早于开始时间", "The check ends before it begins")
    elif end > now:
        yield Lack("ended_at", "检查结束时间晚于现在", "The check ends later than now")
    deadline = str(inspection.get("deadline") or "")
    if start is not None and deadline and deadline < start.date().isoformat():
        yield Lack("deadline", f"整改期限 {deadline} 早于检查当日", f"Deadline {deadline} lies before the check")


def _fields(inspection: Values) -> Iterator[Lack]:
    for fault in missing(Inspection, inspection):
        if fault.field not in _LATER and fault.field not in ("notices", "officers"):
            yield Lack(f"field:{fault.field}", fault.zh, fault.en)
    if not [o for o in inspection.get("officers") or () if o.get("name")]:
        yield Lack("officers", "没有检查人员", "No officer is named")


def _verdict(inspection: Values, list: Checklist | None, answers: Sequence[Values]) -> Iterator[Lack]:
    if list is None:
        if inspection.get("list_code"):
            name = f"{inspection['list_code']}@{inspection.get('list_version', '?')}"
            yield Lack(
                "list", f"本机没有检查表 {name}，无法核对结论：先同步", f"Checklist {name} is not here, the verdict cannot be checked: sync first",
                cannot=True,
            )  # fmt: skip
        elif not inspection.get("verdict"):
            yield Lack("verdict", "没有定结论", "There is no verdict yet")
        return
    found = verdicts.verdict(list, {str(a["item_code"]): str(a.get("answer", "unanswered")) for a in answers})
    if found.code is None:
        n = len(found.unanswered)
        yield Lack("unanswered", f"还有 {n} 项没有检查", f"{n} items are not checked yet")
    elif inspection.get("verdict_by_rule") != found.code:
        yield Lack("verdict", "答案变了，按规则重新得出结论", "Answers changed: take the verdict of the rule anew")
    elif not inspection.get("verdict"):
        yield Lack("verdict", "没有定结论", "There is no verdict yet")
    elif inspection["verdict"] not in verdicts.allowed(found.code):
        yield Lack(
            "verdict", f"结论比规则得出的「{list.words(found.code).zh}」宽，只能更严",
            f"The verdict is milder than the rule's “{list.words(found.code).en}”; it may only be stricter",
        )  # fmt: skip


def _evidence(
    list: Checklist | None,
    answers: Sequence[Values],
    findings: Sequence[Values],
    photos: Sequence[Values],
    original: Sheet | None,
) -> Iterator[Lack]:
    before = _failed(original) if original else {}
    for answer in answers:
        code = str(answer["item_code"])
        if answer.get("answer") not in FAILS:
            continue
        name = _name(list, code)
        mine = [f for f in findings if f.get("answer_id") == answer["id"]]
        was = before.get((code, answer.get("instance")))
        if not mine and was is None and answer["answer"] not in NO_FINDING:
            yield Lack(
                f"item:{code}", f"{name.zh}：不符合，还没有问题项", f"{name.en}: failed, and there is no finding"
            )
        for fault in missing(ChecklistAnswer, answer):
            yield Lack(f"item:{code}", f"{name.zh}：{fault.zh}", f"{name.en}: {fault.en}")
        item = list.item(code) if list else None
        if item is None or excused(answer) or was is not None:
            continue
        if what := wants(item, answer, mine, photos):
            zh, en = "、".join(_what(a).zh for a in what), ", ".join(_what(a).en for a in what)
            yield Lack(f"item:{code}", f"{name.zh}：缺{zh}", f"{name.en}: missing {en}")


def _failed(original: Sheet) -> dict[tuple[str, Any], Values]:
    """What had failed with a finding, by item and instance."""
    found = {f.get("answer_id") for f in original.findings if not f.get("deleted")}
    return {
        (str(a["item_code"]), a.get("instance")): a
        for a in original.answers
        if a["id"] in found and not a.get("deleted") and a.get("answer") in FAILS
    }


def excused(answer: Values) -> bool:
    """Does somebody say why there is no evidence (answer.note)? Then it is not asked for."""
    return bool(str(answer.get("note") or "").strip())


def wants(item: Item, answer: Values, findings: Sequence[Values], photos: Sequence[Values]) -> list[Ask]:
    """What the item asks for and this answer does not have. `findings`: those of the answer."""
    own = {answer["id"], *(f["id"] for f in findings)}
    pictures = [p for p in photos if p.get("subject_id") in own]
    asked = [a for a in item.asks if not a.optional]
    unseen = _unseen([a for a in asked if a.what in _PICTURES], pictures)
    has: dict[str, Callable[[], bool]] = {
        "text": lambda: bool(answer.get("text") or any(f.get("description") for f in findings)),
        "number": lambda: bool(answer.get("number")),
        "position": lambda: bool(answer.get("position") or any(f.get("position") for f in findings)),
        "area": lambda: bool(answer.get("area")),
        "moment": lambda: bool(answer.get("moment")),
    }
    return [a for a in asked if a in unseen or (a.what in has and not has[a.what]())]


def _unseen(asked: Sequence[Ask], pictures: Sequence[Values]) -> list[Ask]:
    """Asks that no picture answers: one each, those that bear the ask's name (caption) first."""
    left = [str(p.get("caption") or "") for p in pictures]
    rest = []
    for ask in asked:
        if ask.name.zh in left:
            left.remove(ask.name.zh)
        else:
            rest.append(ask)
    return rest[len(left) :]


_WORDS = {
    "photo": Label("照片", "a photo"),
    "doc": Label("文件照片", "a photo of the document"),
    "video": Label("照片或视频", "a photo or video"),
    "text": Label("说明", "words"),
    "scan": Label("扫描件照片", "a photo of the scan"),
    "sign": Label("签字件照片", "a photo of what was signed"),
    "number": Label("数值", "a figure"),
    "position": Label("位置", "a position"),
    "area": Label("范围", "an area"),
    "moment": Label("时间", "a time"),
}


def _what(ask: Ask) -> Label:
    kind = _WORDS[ask.what]
    if not ask.name.zh:
        return kind
    return Label(f"{ask.name.zh}（{kind.zh}）", f"{ask.name.en or ask.name.zh} ({kind.en})")


def _name(list: Checklist | None, code: str) -> Label:
    """An item as a sentence names it: its number, and the beginning of its text."""
    item = list.item(code) if list else None
    if item is None:
        return Label(f"第 {code} 项", f"Item {code}")
    return Label(f"{code} {_short(item.label.zh, 16)}", f"{code} {_short(item.label.en or item.label.zh, 40)}")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _findings(inspection: Values, findings: Sequence[Values]) -> Iterator[Lack]:
    start = str(inspection.get("started_at") or "")[:10]
    for finding in findings:
        name = str(finding.get("code") or "").rpartition("-")[2] or finding["id"][:8]
        for fault in missing(Finding, finding):
            yield Lack(f"finding:{finding['id']}", f"问题 {name}：{fault.zh}", f"Finding {name}: {fault.en}")
        deadline = str(finding.get("deadline") or "")
        conduct = str(finding.get("conduct_on") or "")
        if start and conduct > start:
            yield Lack(
                f"finding:{finding['id']}", f"问题 {name}：行为发生日 {conduct} 晚于检查当日",
                f"Finding {name}: the day of the conduct, {conduct}, lies after the check",
            )  # fmt: skip
        if start and deadline and deadline < start:
            yield Lack(
                f"finding:{finding['id']}", f"问题 {name}：整改期限 {deadline} 早于检查当日",
                f"Finding {name}: deadline {deadline} lies before the check",
            )  # fmt: skip


def _time(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo is not None else None


def _nothing_new(
    inspection: Values, answers: Sequence[Values], findings: Sequence[Values], photos: Sequence[Values], original: Sheet | None
) -> Iterator[Lack]:  # fmt: skip
    if original is not None and not difference(
        original, Sheet(inspection, tuple(answers), tuple(findings), tuple(photos))
    ):
        code = original.inspection.get("code", "?")
        yield Lack("amend", f"和原笔录 {code} 还没有不同", f"Nothing differs from the first record {code} yet")
