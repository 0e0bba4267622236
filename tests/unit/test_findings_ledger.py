"""The ledger of findings, pure: its order, its figures, which photos belong together, sums."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.organisation import Organisation
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.rules.reconcile import Basis, Facts
from sync_server.console.inspections import pairs, places, rows
from sync_server.console.inspections.one import masked
from sync_server.finding_sums import by_party, by_site
from sync_server.findings import entries, overdue

NOW = datetime(2026, 11, 21, 10, 45, tzinfo=UTC)
TODAY = date(2026, 11, 21)
FIX = {"lon": "119.4520000", "lat": "32.2087000", "h_acc_m": "0.50", "fix_kind": "dgnss", "at": NOW.isoformat()}


def id_(n: int) -> str:
    return f"01a1fdb5-0000-7000-8000-{n:012d}"


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat(timespec="seconds")


def on(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


OFFICERS = [
    {"person_id": id_(901), "name": "何敏", "duty": "inspector"},
    {"person_id": id_(902), "name": "王工", "duty": "inspector"},
]
CHECK = {
    "code": "JC-1",
    "kind": "patrol",
    "site_id": id_(800),
    "org_id": id_(700),
    "officers": OFFICERS,
    "started_at": ago(20),
}


class Scene:
    """Facts put together one by one; `now` is the same for all."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {
            "inspection": {id_(1): Inspection.of(id_(1), CHECK)}, "finding": {}, "corrective_action": {}, "recheck": {}, "photo": {},
            "organisation": {id_(700): Organisation.of(id_(700), {"name": "甲厂", "roles": ["key_unit"]})},
        }  # fmt: skip
        self.n = 1000

    def put(self, cls: Any, **values: Any) -> str:
        self.n += 1
        id = id_(self.n)
        self.records[cls.about.type][id] = cls.of(id, values, self.n)
        return id

    def finding(self, code: str, severity: str = "general", due: int | None = 5, **more: Any) -> str:
        values = {
            "code": code,
            "inspection_id": id_(1),
            "severity": severity,
            "kind": "标牌",
            "description": "缺",
            "basis": "待核",
            "org_id": id_(700),
            **more,
        }
        return self.put(Finding, **values, **({"deadline": on(due)} if due is not None else {}))

    def done(self, finding: str, days: float = 3, done: bool = True) -> str:
        return self.put(
            CorrectiveAction, finding_id=finding, at=ago(days), measure_taken="补", done=done, reported_by="刘工"
        )

    def recheck(self, finding: str, result: str, days: float, officers: int = 2, **more: Any) -> str:
        signed = [
            {
                "role": "inspector",
                "person_id": o["person_id"],
                "name": o["name"],
                "way": "signed",
                "strokes": "x",
                "signed_at": ago(days),
            }
            for o in OFFICERS
        ]
        return self.put(
            Recheck,
            finding_id=finding,
            at=ago(days),
            result=result,
            officers=OFFICERS[:officers],
            opinion="看过",
            signatures=signed,
            **more,
        )

    def photo(self, subject: str, step: str, days: float, east: float = 0.0, **more: Any) -> str:
        position = {**FIX, "lon": f"{119.452 + east / 94_200:.7f}"} if more.pop("placed", True) else None
        values = {
            "sha256": f"{self.n:064x}",
            "step": step,
            "subject_kind": "finding",
            "subject_id": subject,
            "taken_at": ago(days),
            "source": "app_camera",
            **more,
        }
        return self.put(Photo, **values, **({"position": position} if position else {}))

    @property
    def facts(self) -> Facts:
        return Facts(records=self.records, now=NOW, basis=Basis("server", NOW, 0))


def codes(s: Scene) -> list[str]:
    return [e.finding.code for e in entries(s.facts)]


# --- order and figures -----------------------------------------------------------------------------------------------


def test_order() -> None:
    s = Scene()
    closed, reported = s.finding("W-1", "severe", -9), s.finding("W-2")
    s.done(closed, 9)
    s.recheck(closed, "closed", 8)
    s.done(reported)
    for code, severity, due in (
        ("W-3", "general", -1),
        ("W-4", "tip", -8),
        ("W-5", "law", 9),
        ("W-6", "severe", 2),
        ("W-7", "general", 1),
        ("W-10", "tip", None),
        ("W-9", "tip", None),
    ):
        s.finding(code, severity, due)
    assert codes(s) == ["W-4", "W-3", "W-6", "W-5", "W-2", "W-7", "W-9", "W-10", "W-1"]
    assert overdue(s.facts) == 2


def test_the_last_day_is_not_late_and_what_is_closed_never_is() -> None:
    s = Scene()
    s.finding("W-1", due=0)
    gone = s.finding("W-2", due=-30)
    s.done(gone)
    s.recheck(gone, "refer", 1)
    assert overdue(s.facts) == 0
    assert rows.sign(entries(s.facts)[0], TODAY, "zh").word == "今天到期"
    late = Scene()
    late.finding("W-1", due=-1)
    assert (
        rows.sign(entries(late.facts)[0], TODAY, "zh").word == "超期 1 天"
        and rows.sign(entries(late.facts)[0], TODAY, "en").word == "1 d overdue"
    )


def test_a_later_deadline_takes_the_place_of_the_first() -> None:
    s = Scene()
    f = s.finding("W-1", due=-5)
    s.recheck(f, "keep", 1, next_deadline=on(2))
    (e,) = entries(s.facts)
    assert (e.late, e.course.deadline) == (0, TODAY + timedelta(days=2)) and rows.soon(e, TODAY)
    assert rows.row(e, TODAY, "zh").deadline == "11-23"


def test_none_is_no_finding_and_voided_ones_are_gone() -> None:
    s = Scene()
    s.finding("W-1", "none")
    s.finding("W-2", deleted=True)
    s.finding("W-3")
    assert codes(s) == ["W-3"]


def test_every_finding_stands_in_exactly_one_figure() -> None:
    chance = random.Random(7)
    for _ in range(60):
        s = Scene()
        for n in range(chance.randrange(12)):
            f = s.finding(
                f"W-{n}", chance.choice(["severe", "law", "general", "tip"]), chance.choice([None, -9, -1, 0, 1, 8])
            )
            for day in sorted((chance.random() * 19 for _ in range(chance.randrange(5))), reverse=True):
                if chance.random() < 0.5:
                    s.done(f, day, chance.random() < 0.6)
                else:
                    s.recheck(
                        f,
                        chance.choice(["closed", "keep", "refer"]),
                        day,
                        chance.choice([1, 2]),
                        next_deadline=on(chance.randrange(-3, 9)),
                    )
        facts = s.facts
        figures, _ = rows.figures(facts, "zh")
        referred = sum(e.course.state == "referred" for e in entries(facts))
        assert sum(int(f.value) for f in figures) + referred == len(entries(facts))
        for f in figures:  # what a click on a number shows is what it counted
            assert str(len(rows.fitting(entries(facts), rows.Asked(f.state), TODAY))) == f.value
        assert figures[0].value == str(overdue(facts)) and figures[0].alert == bool(overdue(facts))
        late = [e.late for e in entries(facts)]
        assert late == sorted(late, reverse=True)  # overdue first, the longest before the others
        assert [e.open for e in entries(facts)] == sorted((e.open for e in entries(facts)), reverse=True)
        for state in rows.STATES:
            fits = rows.fitting(entries(facts), rows.Asked(state), TODAY)
            assert all(e.open for e in fits) == (state not in ("closed", "referred")) or not fits
        sums = by_party(facts)
        assert sum(x.found for x in sums) == len(entries(facts)) and sum(x.late for x in sums) == overdue(facts)
        assert sum(x.open + x.closed + x.referred for x in sums) == len(entries(facts))


def test_sums_name_what_was_checked_without_a_finding() -> None:
    s = Scene()
    (only,) = by_party(s.facts)
    assert (only.name, only.checks, only.found, only.mean_days) == ("甲厂", 1, 0, None)
    s = Scene()
    for code, days in (("W-1", 10), ("W-2", 15)):
        f = s.finding(code)
        s.done(f, days + 1)
        s.recheck(f, "closed", days)
    (firm,) = by_party(s.facts)
    assert (
        firm.closed == 2 and firm.mean_days == pytest.approx(7.5) and firm.kinds == (("标牌", 2),)
    )  # found 20 days ago
    assert by_site(s.facts)[0].found == 2


# --- photos ----------------------------------------------------------------------------------------------------------


def sort(s: Scene) -> list[tuple[str | None, str | None]]:
    e = entries(s.facts)[0]
    return [(a.id if a else None, b.id if b else None) for a, b in pairs.sort(s.facts, e.finding).pairs]


def test_an_after_photo_goes_with_the_one_it_was_taken_over() -> None:
    s = Scene()
    f = s.finding("W-1")
    near, far = s.photo(f, "finding", 5, 0), s.photo(f, "finding", 4, 40)
    after = s.photo(f, "rectified", 1, 1, ghost_of=far)
    assert sort(s) == [(near, None), (far, after)]


def test_without_a_ghost_the_nearest_one_and_without_a_position_the_first() -> None:
    s = Scene()
    f = s.finding("W-1")
    far, near = s.photo(f, "finding", 5, 40), s.photo(f, "finding", 4, 0)
    after = s.photo(f, "rectified", 1, 1)
    lost = s.photo(f, "rectified", 1, placed=False)
    assert sort(s) == [(far, lost), (near, after)]


def test_one_before_may_have_several_after_and_a_ghost_of_nothing_known_counts_as_none() -> None:
    s = Scene()
    f = s.finding("W-1")
    before = s.photo(f, "finding", 5)
    first, second = s.photo(f, "rectified", 3, ghost_of=before), s.photo(f, "rectified", 1, ghost_of=before)
    odd = s.photo(f, "rectified", 0.5, ghost_of=id_(5))
    other = s.photo(f, "portrait", 4)
    assert sort(s) == [(before, first), (before, second), (None, odd)]
    assert [p.id for p in pairs.sort(s.facts, entries(s.facts)[0].finding).others] == [other]


def test_the_same_spot_allows_for_the_accuracies() -> None:
    def told(east: float, **more: Any) -> pairs.Pair:
        s = Scene()
        f = s.finding("W-1")
        before = s.photo(f, "finding", 5)
        after = s.photo(f, "rectified", 1, east, ghost_of=before, **more)
        found = s.records["photo"]
        return pairs.pair(found[before], found[after], {}, "zh")

    assert told(1).near is True and "同一位置" in told(1).gap
    assert told(15.9).near is True  # 15 m and twice 0.5 m
    assert told(17).near is False and "不是同一位置" in told(17).gap and "15 m" in told(17).gap
    assert told(0, placed=False).near is None and "不能确定" in told(0, placed=False).gap
    assert pairs.pair(None, None, {}, "zh").gap == ""


# --- small things ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [("320106199001011234", "320•••••••••••1234"), ("13900001234", "139••••1234"), ("12345678", "••••••••"), ("", "")],
)
def test_numbers_of_people_are_shown_in_part(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_findings_without_a_position_stand_where_the_check_was_or_nowhere() -> None:
    s = Scene()
    s.finding("W-1", position=FIX)
    s.finding("W-2")
    data = places.map_data(s.facts, entries(s.facts), "/p", "zh")
    assert [p["c"] for p in data["problems"]] == ["W-1"]
    assert [e.finding.code for e in places.without_place(entries(s.facts))] == ["W-2"]
