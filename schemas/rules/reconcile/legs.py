"""Transfer checks T11–T13 and T15–T17: what the legs of a load leave open, who signed them, whether the times can be, which loads
nobody has seen.

Sources: RULES §16 (D); 危险废物转移管理办法（部令第23号）第10条 (follow up final disposal), 第20条 (paper is entered within 10 working days),
C, by analogy. How codes are judged: docs/manifest-qr.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from schemas.problems import PROBLEMS
from schemas.records.device import Device
from schemas.records.disposal_record import DisposalRecord
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.number_block import NumberBlock
from schemas.records.vehicle import Vehicle
from schemas.reference import Label
from schemas.rules.manifest.numbers import serial
from schemas.rules.manifest.trips import TAKEN
from schemas.rules.reconcile.checks import DISPATCHER, ERROR, INFO, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import day
from schemas.rules.reconcile.transfer import OWN, RULES, Load, loads

NAMED = 20  # codes that are no load, named one by one [D]
PAPER_DAYS = 10  # C, 部令第23号第20条
# Questions about whose signature it is (T15); the others are about the story (T11).
_FALSE = frozenset({"signature", "before_key", "after_key", "unreadable", "on_forged"})
_UNSURE = frozenset({"unknown_key"})
_ASKED = frozenset({"by_carrier"})  # may well be right, and is to be asked all the same


@check(
    "T11", "联单环节存疑", "Open question of a manifest", ERROR, f"{OWN}；{RULES}第12条（参照）", "D", DISPATCHER,
    texts={"": ("联单 {no}：{what}", "Load {no}: {what}")},
    per_point=False, in_point=False,
)  # fmt: skip
def open_questions(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for load in loads(facts):
        story = facts.story(load.manifest.id)
        asked = [q for q in story.open if q.code not in _FALSE | _UNSURE]
        for question in asked:
            since = max((leg.record.at for leg in question.legs), default=None)
            yield say(
                load.manifest, None, severity=INFO if question.waits else WARNING if question.code in _ASKED else ERROR, no=load.manifest.number,
                what=Label(question.zh, question.en), question=question.code, since=since,
            )  # fmt: skip


@check(
    "T12", "往返时间不可能", "Impossible turn-round", WARNING, OWN, "D", DISPATCHER,
    texts={
        "": ("{plate} 联单 {a} 接收后 {min} min 又开出联单 {no}，返程加装卸至少 {least} min",
             "{plate}: load {no} was issued {min} min after load {a} was received; driving back and loading take {least} min at least"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def turned_round(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    by_plate: dict[str, list[Load]] = {}
    for load in loads(facts):
        if load.trip.sent and (load.trip.issued or load.trip.began):
            vehicle = facts.find(Vehicle, load.manifest.vehicle_id)
            by_plate.setdefault(vehicle.plate if vehicle else load.manifest.vehicle_id, []).append(load)
    handling = int(facts.setting("turnaround_min"))
    for plate, own in sorted(by_plate.items()):
        own.sort(key=lambda x: (_start(x), x.manifest.number))
        for before, after in zip(own, own[1:], strict=False):
            came = before.trip.ended
            if came is None or before.trip.state == "returned" or _start(after) < came:
                continue  # not there yet, or back at the pit, or both open at once (T05)
            if before.receiver is None:
                yield say.cannot(
                    "转运计划中该去向的预计运输时间",
                    "the expected driving time to this receiver in the plan",
                    before.manifest,
                )
                continue
            least = before.receiver.route_min + handling
            took = int((_start(after) - came).total_seconds() // 60)
            if took < least:
                yield say(
                    after.manifest, None, plate=plate, a=before.manifest.number, no=after.manifest.number, min=took, least=least,
                    since=_start(after),
                )  # fmt: skip


def _start(load: Load) -> datetime:
    start = load.trip.issued or load.trip.began
    assert start is not None
    return start


@check(
    "T13", "超期未处置", "Not disposed of in time", ERROR, f"{OWN}（转运计划载明的处置时限）；{RULES}第10条（参照）", "D",
    Label("接收单位", "receiver"),
    texts={
        "": ("联单 {no} 于 {t} 接收，{limit} 天内应处置，已过 {over} 天",
             "Load {no} was received on {t} and was to be disposed of within {limit} days: {over} days over"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def not_disposed(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for load in loads(facts):
        limit = load.receiver.dispose_days if load.receiver else None
        if (
            limit is None
            or load.trip.state not in ("received", "received_difference")
            or facts.disposed(load.manifest.id)
        ):
            continue
        received = min(leg.at for leg in facts.legs_of(load.manifest.id) if leg.kind in TAKEN)
        over = (day(facts.now) - day(received)).days - limit
        if over > 0 and not facts.held(DisposalRecord):
            yield say.cannot("处置记录", "the disposal records", load.manifest)
        elif over > 0:
            yield say(
                load.manifest, None, no=load.manifest.number, t=day(received), limit=limit, over=over,
                since=received + timedelta(days=limit),
            )  # fmt: skip


@check(
    "T15", "联单签名存疑", "Signature of a manifest in doubt", ERROR, OWN, "D", DISPATCHER,
    texts={"": ("联单 {no}：{what}", "Load {no}: {what}")},
    per_point=False, in_point=False,
)  # fmt: skip
def signatures(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for manifest in facts.manifests():
        for question in facts.story(manifest.id).open:
            if question.code not in _FALSE | _UNSURE:
                continue
            if question.code in _UNSURE and facts.directory is None:
                yield say.cannot("签名名录", "the directory of keys")
                continue
            since = max((leg.record.at for leg in question.legs), default=None)
            yield say(
                manifest, None, severity=WARNING if question.code in _UNSURE else ERROR, no=manifest.number,
                what=Label(question.zh, question.en), question=question.code, since=since,
            )  # fmt: skip
    yield from _codes(facts, say)


def _codes(facts: Facts, say: Say) -> Iterator[Finding]:
    """Codes that devices saw and that are no load: not readable, or with a first signature that is not genuine. Of many the newest are
    named and the others counted: whoever hands in a thousand hides nothing behind them."""
    found = []
    for code, number in facts.joined.unread:
        problem = PROBLEMS[number]
        found.append((code, Label(problem.zh, problem.en), "unread"))
    known = {m.number for m in facts.manifests()}  # of those the story says it
    for code in (c for c in facts.joined.false if c.number not in known):
        what = Label(
            "交接码的首个签名不符，不是真联单。查码从哪里来",
            "the first signature of the code is not genuine, so it is no manifest. Find out where it came from",
        )
        found.append((code, what, "false_code"))
    found.sort(key=lambda f: (f[0].seen_at, f[0].id), reverse=True)
    for code, what, question in found[:NAMED]:
        yield say(code, None, no=code.number, what=what, question=question, since=code.seen_at)
    if rest := found[NAMED:]:
        code = rest[0][0]
        what = Label(
            f"连同更早的共 {len(rest)} 个交接码读不懂或不是真的。查是哪台设备交来的",
            f"{len(rest)} codes, this and older ones, cannot be read or are not genuine. Find out which device handed them in",
        )
        yield say(code, None, no=code.number, what=what, question="more_codes", since=code.seen_at)


class _Entered(NamedTuple):
    leg: ManifestLeg
    at: datetime


@check(
    "T16", "纸质联单补录超期", "Paper entered too late", WARNING, f"{RULES}第20条（参照）；未计法定节假日", "C", DISPATCHER,
    texts={
        "": ("联单 {no} 的纸质环节 {t} 签署，{u} 补录，超过 {n} 个工作日",
             "Load {no}: a leg signed on paper on {t} was entered on {u}, after more than {n} working days"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def paper_late(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for manifest in facts.manifests():
        late = [e for e in _from_paper(facts, manifest) if working_days(day(e.leg.at), day(e.at)) > PAPER_DAYS]
        if late:
            worst = max(late, key=lambda e: e.at - e.leg.at)
            yield say(
                manifest, None, no=manifest.number, t=day(worst.leg.at), u=day(worst.at), n=PAPER_DAYS, since=worst.at
            )


def _from_paper(facts: Facts, manifest: Manifest) -> Iterator[_Entered]:
    """Legs that stood on paper first, with when they were entered: when the record was made, or the paper entry's own leg."""
    legs = facts.legs_of(manifest.id)
    entry = min((leg.at for leg in legs if leg.kind == "paper_entry"), default=None)
    for leg in legs:
        if leg.kind == "paper_entry" or not (leg.way == "paper" or (manifest.paper and leg.kind == "issued")):
            continue
        made = made_at(leg.id) or entry
        if made is not None:
            yield _Entered(leg, made)


def made_at(id: str) -> datetime | None:
    """When a record was made, by its UUIDv7; None for another kind of id."""
    if id[14:15] != "7":
        return None
    return datetime.fromtimestamp(int(id[:8] + id[9:13], 16) / 1000, UTC)


def working_days(first: date, last: date) -> int:
    """Monday to Friday after `first` up to `last`. Public holidays are not known here: the true number can only be smaller."""
    return sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, (last - first).days + 1))


@check(
    "T17", "联单缺号", "Manifest numbers not seen", INFO, f"{OWN}；{RULES}第15条（参照）", "D", DISPATCHER,
    texts={
        "": ("设备 {device} 已用到 {last} 号，前面 {n} 个号没有见到：{which}。可能没有签发、用在别的项目，或还没上传",
             "Device {device} has come to number {last}; {n} before it were not seen: {which}. Not issued, of another project, or not sent yet"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def numbers_not_seen(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    """A device uses its numbers in order. Where a later one was seen, an earlier one may belong to a load nobody has seen."""
    seen = {n for m in facts.manifests() if (n := serial(m.number)) is not None}
    for block in sorted(facts.alive(NumberBlock), key=lambda b: b.from_no):
        own = {n for n in seen if block.from_no <= n <= block.to_no} if block.use == "manifest" else set()
        if not own:
            continue
        gaps = [n for n in range(max(block.from_no, 1), max(own)) if n not in own]
        if gaps:
            device = facts.find(Device, block.device_id)
            yield say(
                device,
                None,
                device=device.label if device else block.device_id[:8],
                last=max(own),
                n=len(gaps),
                which=_runs(gaps),
            )


def _runs(numbers: list[int]) -> list[str]:
    """Whole numbers in rising order, runs of them as one: 3, 5–9."""
    out: list[list[int]] = []
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return [f"{a}" if a == b else f"{a}–{b}" for a, b in out]
