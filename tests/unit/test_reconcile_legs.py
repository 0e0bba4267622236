"""Checks T11–T13, T15 and T16: what legs leave open, impossible turn-rounds, disposal in time, signatures, paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schemas.ids import Ids
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover import Directory, Load, signed_leg
from schemas.rules.manifest.alarms import alarms
from schemas.rules.reconcile import Facts, run
from schemas.rules.reconcile.legs import NAMED, made_at, working_days
from tests.unit.factory import DEFAULTS, NOW, World, at, uid, wire
from tests.unit.test_reconcile_transfer import HOME, NO, add, load

PLACE = DEFAULTS["transfer_plan"]["receivers"][0]


def again(second: str, first_end: tuple[Any, ...] = HOME, plate: str = "truck", **kw: Any) -> World:
    """A load at the kiln (an hour away) by 10:00, and the next one of the truck."""
    w = load(("issued", at("08:50")), ("departed", at("09:00")), first_end, **kw)
    w.add("vehicle", "truck-2", plate="B1")
    return add(w, "m2", "20263201000002", ("issued", at(second)), vehicle_id=plate)


def kept(days_ago: int, *more: tuple[Any, ...], limit: int | None = 30, record: dict[str, Any] | None = None) -> World:
    w = load(
        ("issued", at("09:00", -days_ago)),
        ("received", at("10:00", -days_ago)),
        *more,
        plan={"receivers": [{**PLACE, "dispose_days": limit}]},
    )
    if record is not None:
        w.add("disposal_record", "d1", **{"receiver_id": "kiln", "lot_code": "H1", "from_date": date(2026, 8, 30), "manifests": ["m1"],
                                          "mass_t": 20, "stock_t": 0, "way": "cement_kiln", **record})  # fmt: skip
    return w


def paper(signed_days_ago: int, entered_days_ago: int | None) -> World:
    w = load()
    id = "l1"
    if entered_days_ago is not None:
        ms = int(at("09:00", -entered_days_ago).timestamp() * 1000)
        id = Ids(lambda: ms, lambda n: bytes(n))()
    w.add("manifest_leg", id, kind="issued", at=at("09:00", -signed_days_ago), way="paper")
    return w


def unreadable() -> World:
    w = load(("issued", at("09:00")))
    w.add("manifest_leg", "l2", kind="departed", at=at("09:10"), cose="AAAA")
    return w


ISSUED, LEFT = ("issued", at("09:00")), ("departed", at("09:10"))
CASES: list[tuple[str, str, World, list[str]]] = [
    ("T11", "an orderly load", load(ISSUED, LEFT, HOME), []),
    ("T11", "two ends", load(ISSUED, LEFT, HOME, ("rejected", at("10:05"))),
     [f"error 联单 {NO}：结局有两个：「接收」（09-21 10:00 Zhao）、「拒收」（09-21 10:05 Zhao）。问清以哪个为准"]),
    ("T11", "a leg that is not here yet", load(HOME),
     [f"info 联单 {NO}：还不知道：「接收」（09-21 10:00 Zhao）已到，之前的「移出签发」、「起运」还没有收到。等有关设备联网同步"]),
    ("T15", "not signed: older data", load(ISSUED, LEFT, HOME), []),
    ("T15", "a signature that is none", unreadable(),
     [f"error 联单 {NO}：「起运」（09-21 09:10 Zhao）的签名不是有效签名，不作数。让签署人重新上传"]),
    ("T12", "an hour back and 10 min", again("11:10"), []),
    ("T12", "a minute less", again("11:09"),
     ["warning A12345 联单 20263201000001 接收后 69 min 又开出联单 20263201000002，返程加装卸至少 70 min"]),
    ("T12", "another truck", again("10:30", plate="truck-2"), []),
    ("T12", "both open at once is T05", again("09:30"), []),
    ("T12", "rejected there", again("10:30", ("rejected", at("10:00"))),
     ["warning A12345 联单 20263201000001 接收后 30 min 又开出联单 20263201000002，返程加装卸至少 70 min"]),
    ("T12", "back at the pit", again("10:30", ("returned", at("10:00"))), []),
    ("T12", "not there yet", again("10:30", ("waypoint", at("10:00"))), []),
    ("T12", "the project allows less", again("10:30", project={"turnaround_min": 0}),
     ["warning A12345 联单 20263201000001 接收后 30 min 又开出联单 20263201000002，返程加装卸至少 60 min"]),
    ("T12", "receiver not in the plan", again("10:30", receiver_id="other"),
     ["unknown 「往返时间不可能」无法判断：缺转运计划中该去向的预计运输时间"]),
    ("T13", "the 30th day", kept(30), []),
    ("T13", "the 31st", kept(31), [f"error 联单 {NO} 于 2026-08-21 接收，30 天内应处置，已过 1 天"]),
    ("T13", "no limit in the plan", kept(300, limit=None), []),
    ("T13", "disposed", kept(40, ("disposed", at("09:00", -5))), []),
    ("T13", "accounted for", kept(40, record={"to_date": date(2026, 9, 1)}), []),
    ("T13", "accounts not held here", kept(40).drop("disposal_record"), ["unknown 「超期未处置」无法判断：缺处置记录"]),
    ("T13", "begun, not ended", kept(40, record={}), [f"error 联单 {NO} 于 2026-08-12 接收，30 天内应处置，已过 10 天"]),
    ("T13", "of another load", kept(40, record={"to_date": date(2026, 9, 1), "manifests": []}),
     [f"error 联单 {NO} 于 2026-08-12 接收，30 天内应处置，已过 10 天"]),
    ("T16", "10 working days", paper(14, 0), []),
    ("T16", "11", paper(17, 0), [f"warning 联单 {NO} 的纸质环节 2026-09-04 签署，2026-09-21 补录，超过 10 个工作日"]),
    ("T16", "nobody knows when", paper(17, None), []),
]  # fmt: skip


def numbered(*serials: int, use: str = "manifest") -> World:
    w = load()
    w.add("device", "device", code="A1", label="Gate", use="field", state="enrolled")
    w.add("number_block", "block", use=use, device_id="device", from_no=1, to_no=100)
    for n in serials:
        w.add("manifest", f"n{n}", number=f"20263201{n:06d}")
    return w


CASES += [
    ("T17", "in order", numbered(2, 3), []),
    ("T17", "some were not seen", numbered(3, 7, 8),
     ["info 设备 Gate 已用到 8 号，前面 4 个号没有见到：2、4–6。可能没有签发、用在别的项目，或还没上传"]),
    ("T17", "of another use", numbered(3, use="sample"), []),
    ("T17", "of another block", numbered(2, 300), []),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


# --- really signed legs ----------------------------------------------------------------------------------------------

KEY = bytes(range(32))


def signed(known: bool = True, until: datetime | None = None, tamper: bool = False) -> Facts:
    """One issued leg, really signed; the directory knows the key, or does not, or says it was revoked."""
    values = wire(Manifest, DEFAULTS["manifest"])
    leg = wire(ManifestLeg, {k: v for k, v in DEFAULTS["manifest_leg"].items() if k not in ("key_id", "signature")})
    ids = (uid("m1"), uid("project"), values["plan_id"], values["lot_id"], uid("org"), values["receiver_id"])
    told = Load(*ids, NO, "A12345", 60, "tarp")
    leg = signed_leg(KEY, leg, manifest=values, load=told)
    if tamper:
        other = signed_leg(
            bytes(32),
            {k: v for k, v in leg.items() if k not in ("cose", "key_id", "signature")},
            manifest=values,
            load=told,
        )
        raw = bytearray(evidence.unb64(leg["cose"]))
        raw[-64:] = evidence.unb64(other["cose"])[-64:]
        leg["cose"] = evidence.b64(bytes(raw))
    w = World()
    w.add("transfer_plan", "transfer-plan")
    w.records["manifest"][uid("m1")] = Manifest.of(uid("m1"), values)
    w.records["manifest_leg"][uid("l")] = ManifestLeg.of(uid("l"), leg)
    key = {"key": evidence.public_of(KEY), "person": uid("p"), "name": "Zhao", "org": uid("org"), "device": "D1",
           "since": at("08:00", -9).isoformat(), "until": until.isoformat() if until else None}  # fmt: skip
    directory = Directory({"v": 1, "made_at": NOW.isoformat(), "keys": [key] if known else []})
    return w.facts(directory=directory)


@pytest.mark.parametrize(
    ("facts", "severity", "codes"),
    [
        (signed(), None, []),
        (signed(known=False), "warning", ["signature"]),
        (signed(until=at("08:30")), "error", ["signature"]),
        (signed(tamper=True), "error", ["signature"]),
    ],
)
def test_signatures(facts: Facts, severity: str | None, codes: list[str]) -> None:
    found = run(facts).by_check["T15"]
    assert [f.severity for f in found] == [severity] * len(codes)
    assert [a.code for a in alarms(facts, facts.now) if a.check == "T15"] == codes
    # what is not genuine does not count; what nobody can judge does
    assert facts.story(uid("m1")).state == ("draft" if severity == "error" else "issued")


def test_without_a_directory_nobody_can_say_whose_signature_it_is() -> None:
    known = signed()
    (found,) = run(replace(known, directory=None)).by_check["T15"]
    assert found.severity == "unknown" and found.zh == "「联单签名存疑」无法判断：缺签名名录"


def test_when_a_record_was_made() -> None:
    ms = 1_790_000_000_123
    assert made_at(Ids(lambda: ms, lambda n: bytes(n))()) == datetime.fromtimestamp(ms / 1000, UTC)
    assert made_at(uid("a name")) is None


def test_working_days() -> None:
    friday, monday = date(2026, 9, 18), date(2026, 9, 21)
    assert (working_days(friday, monday), working_days(monday, monday), working_days(friday, date(2026, 9, 20))) == (
        1,
        0,
        0,
    )


def test_legs_of_the_cases_are_legs() -> None:
    assert all(isinstance(leg, ManifestLeg) for _, _, w, _ in CASES for leg in w.records["manifest_leg"].values())


def test_many_codes_that_are_none_hide_nothing() -> None:
    w = World()
    for n in range(NAMED + 5):
        w.add("hand_over", f"junk{n}", number=f"{n:014d}", code="JT1:XX", seen_at=at("09:00") + timedelta(minutes=n), way="photo", purpose="handover")  # fmt: skip
    found = run(w.facts()).by_check["T15"]
    assert [f.figures["question"] for f in found].count("unread") == NAMED
    (rest,) = [f for f in found if f.figures["question"] == "more_codes"]
    assert "5 个" in rest.zh
