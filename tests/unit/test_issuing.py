"""Issuing the next truck, without a browser: what is carried over, what stops it, what is signed and kept, and that a kill loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from field_app.capture.position import Fix
from field_app.clock import CHINA
from field_app.desks.chains import Chains
from field_app.desks.issuing import Issuing
from field_app.desks.trucks import Trucks
from field_app.here import Here
from field_app.store import Store
from schemas.problems import Trouble
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover import judged, read
from schemas.rules.handover.claims import details_of
from schemas.rules.manifest import fold, join
from tests.ui import trucks_seed as seed
from tests.ui.seed import LAT, LON, PROJECT, unlocked

STROKES = '{"v":1,"h":5000,"s":[[1000,2500,0,9000,2500,400]]}'


class Host:
    """What the desks ask of the app, done at once."""

    lang = "zh"
    last_sync = None
    route = "issue"

    def __init__(self, store: Store, located: bool = True) -> None:
        self.book = SimpleNamespace(project_id=PROJECT, project={"name": "P"})
        self.store = self._store = store
        self.here, self.chains = Here(), Chains(store)
        self.gone: list[tuple[str, dict[str, Any]]] = []
        self.told: list[tuple[str, tuple[str, str]]] = []
        self.jobs: list[Any] = []
        self.signs: list[dict[str, Any]] = []
        self.photos = SimpleNamespace(settled=lambda: asyncio.sleep(0))
        self.signing = self
        self.person = store.keys.require().person_name
        self.offset = timedelta()
        if located:
            self.here.take(Fix(LON, LAT, 3.0, self.now()), self.now())

    def now(self) -> datetime:
        return datetime.now(CHINA).replace(microsecond=0) + self.offset

    async def _do(self, fn: Any, *args: Any) -> Any:
        return fn(*args)

    def _write(self, fn: Any, *args: Any) -> None:
        fn(*args)

    def _later(self, job: Any) -> None:
        self.jobs.append(job)

    async def load(self) -> None: ...

    def go(self, route: str, **args: Any) -> None:
        self.gone.append((route, args))

    def back(self) -> None: ...

    def tell(self, kind: str, title: tuple[str, str], detail: tuple[str, str] = ("", "")) -> None:
        self.told.append((kind, title))

    def ask(self, value: dict[str, Any], done: Any) -> None:
        """The signature pad, signed at once."""
        self.signs.append(value)
        done({**value, "way": "signed", "strokes": STROKES, "signed_at": self.now().isoformat(timespec="seconds")})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    yield from opened(tmp_path)


def opened(folder: Path, **how: Any) -> Iterator[Store]:
    made = Store(folder)
    seed.fill(made, **how)
    made.close()
    store = unlocked(folder)
    yield store
    store.close()


async def drive(host: Host) -> None:
    while host.jobs:
        await host.jobs.pop(0)


def start(store: Store, **how: Any) -> tuple[Host, Issuing]:
    host = Host(store, **how)
    desk = Issuing(host, store)  # type: ignore[arg-type]
    asyncio.run(desk.open())
    return host, desk


def typed(desk: Issuing, text: str) -> None:
    for key in text:
        desk.press(key)


def with_driver(desk: Issuing) -> None:
    desk.set(driver_name="吴建", driver_phone="138 0000 0002")


def issue(host: Host, desk: Issuing) -> str:
    """The button, and everybody signs."""
    manifest = desk.id
    desk.sign_and_issue()
    asyncio.run(drive(host))
    assert host.gone[-1] == ("code", {"manifest": manifest})
    return manifest


def words(desk: Issuing) -> list[str]:
    return [n.code for n in desk.needs()]


def test_the_next_truck_in_three_taps(store: Store) -> None:
    """Plate, weight, sign: everything else comes from the load before. What is kept is one manifest, its leg, its code."""
    seed.pull(store, seed.morning(datetime.now(CHINA)), before=2)
    host, desk = start(store)
    assert words(desk) == ["plate"]
    desk.choose(seed.TRUCKS[3])  # the one that came back
    assert desk.pad == "gross" and desk.value("driver_name") == "吴建" and desk.value("cover") == "tarp"
    assert words(desk) == ["gross"]
    typed(desk, "30.86")
    assert desk.needs() == [] and desk.net_t == Decimal("18.48") and desk.tare == "12.38"
    assert desk.sending.number == f"{host.now().year}3211000418" and desk.supervisor == "陈立"
    manifest = issue(host, desk)
    assert [s["role"] for s in host.signs] == ["supervisor", "sender"]
    seen = store.get("manifest", manifest)
    assert seen is not None and seen.values["supervised"] is True and seen.values["lot_id"] == seed.LOT
    assert seen.values["number"].endswith("3211000418") and seen.values["receiver_id"] == seed.RECEIVER
    (leg,) = store.all("manifest_leg", manifest_id=manifest)
    assert (
        leg.values["weight"][0]["gross_t"] == "30.86"
        and leg.values["position"]["lon"]
        and leg.values["org_id"] == seed.CONSIGNOR
    )
    (code,) = store.all("hand_over")
    chain, known = read(code.values["code"]), store.directory(seed.TRANSFER)
    assert known is not None and judged(chain, known[0], host.now()).worth == "genuine"
    assert chain.load.plate == "苏L·C3307" and chain.claims[0].net() == 18_480 and chain.load.minutes == seed.MINUTES
    assert chain.claims[0].details == details_of(leg.values, seen.values)
    assert store.drafts("manifest") == [] and store.numbers_left("manifest") == 999


def test_the_first_truck_asks_for_its_driver(store: Store) -> None:
    """No load before: lot, receiver, cover come of the plan and the vehicle, the tare of its record; the driver is nobody's yet."""
    host, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    assert desk.tare == "12.42" and words(desk) == ["driver", "driver_phone"]
    with_driver(desk)
    assert desk.needs() == []
    passed = {zh for zh, _ in desk.passed()}
    assert {"两地已报告", "在计划日期内", "去向在册", "非危废", "车辆在册", "本车无在途联单"} <= passed
    assert any("31" in zh for zh in passed)
    issue(host, desk)


def test_last_used_at_this_lot_first(store: Store) -> None:
    seed.pull(store, seed.morning(datetime.now(CHINA)), before=2)
    _, desk = start(store)
    trucks = desk.sending.trucks
    assert [t.plate for t in trucks] == ["苏L·B0918", "苏L·A5541", "苏L·C3307", "苏L·A7326"]
    assert [t.recent for t in trucks] == [True, True, True, False]
    assert [bool(t.open) for t in trucks] == [True, True, False, False]
    desk.choose(trucks[0].id)  # on the road, as far as known here
    assert "vehicle_busy" in words(desk)


@pytest.mark.parametrize(
    ("how", "code"),
    [({"filed": False}, "plan_receipts"), ({"hazard": "hazardous"}, "hazardous"), ({"blocks": False}, "empty.block")],
)
def test_what_stops_a_load_is_named_at_once(tmp_path: Path, how: dict[str, Any], code: str) -> None:
    for store in opened(tmp_path, **how):
        _, desk = start(store)
        need = desk.needs()[0]
        assert need.code == code and need.kind in ("stop", "empty") and all(need.what)
        desk.choose(seed.TRUCKS[0])
        typed(desk, "30.86")
        with_driver(desk)
        assert code in words(desk)
        desk.sign_and_issue()
        assert store.count("manifest") == 0


def test_without_a_plan_or_a_right_it_says_so(tmp_path: Path) -> None:
    for store in opened(tmp_path / "a"):
        _, desk = start(store)
        desk._sending = replace(desk.sending, plans=(), plan=None)
        assert words(desk) == ["empty.plan"]
    for store in opened(tmp_path / "b", role="inspector"):
        host, desk = start(store)
        assert words(desk) == ["empty.right"]
        trucks = Trucks(host, store)  # type: ignore[arg-type]
        assert trucks.shown and not trucks.writes


def test_no_supervisor_is_written_down(store: Store) -> None:
    """It can be issued; manifest and leg say that nobody witnessed it."""
    host, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    desk.set_own(absent=True)
    assert desk.needs() == []
    manifest = issue(host, desk)
    assert [s["role"] for s in host.signs] == ["sender"]
    seen = store.get("manifest", manifest)
    assert seen is not None and seen.values["supervised"] is False
    (leg,) = store.all("manifest_leg", manifest_id=manifest)
    by_role = {s["role"]: s for s in leg.values["signatures"]}
    assert by_role["supervisor"]["way"] == "absent" and by_role["supervisor"]["refuse_reason"]


@pytest.mark.parametrize("absent", [False, True])
def test_a_paper_manifest_is_entered_afterwards(store: Store, absent: bool) -> None:
    """No numbers or no tablet at the gate: the truck went with a paper. Its time, its photo, nobody's hand; marked for everybody."""
    seed.pull(store, seed.morning(datetime.now(CHINA)), before=2)
    host, desk = start(store)
    desk.choose(seed.TRUCKS[1])  # on the road by now: the paper was before that
    typed(desk, "30.86")
    with_driver(desk)
    assert "vehicle_busy" in words(desk)
    desk.set_own(way="paper", absent=absent or None)
    assert words(desk) == ["at", "paper_photo"]
    gone = host.now() - timedelta(hours=30)
    for text in ("gestern", (host.now() + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M")):
        desk.set_own(at=text)
        assert words(desk) == ["at", "paper_photo"], text
    desk.set_own(at=gone.strftime("%Y-%m-%d %H:%M"))
    loading = desk.photos()
    assert [s.step for s in loading.slots()] == ["document"] and loading.shots_lacking == 1
    loading._photos[store.new_id()] = photo = {
        "step": "document", "sha256": "0" * 64, "subject_kind": "manifest", "subject_id": desk.id, "source": "app_camera",
        "taken_at": host.now().isoformat(timespec="seconds"),
    }  # fmt: skip
    manifest = issue(host, desk)
    assert host.signs == [] and photo["subject_id"] == manifest
    seen = store.get("manifest", manifest)
    assert seen is not None and seen.values["paper"] is True and seen.values["supervised"] is not absent
    (leg,) = store.all("manifest_leg", manifest_id=manifest)
    assert leg.values["way"] == "paper" and "position" not in leg.values
    assert datetime.fromisoformat(leg.values["at"]) == gone.replace(second=0)
    code = next(c for c in store.all("hand_over") if read(c.values["code"]).load.manifest == manifest)
    assert datetime.fromisoformat(code.values["seen_at"]) >= host.now() - timedelta(minutes=1)
    chain, known = read(code.values["code"]), store.directory(seed.TRANSFER)
    assert (
        known is not None and judged(chain, known[0], host.now()).worth == "genuine" and chain.claims[0].way == "paper"
    )
    story = fold(join([ManifestLeg.of(leg.id, leg.values)], [], known[0], host.now()).legs[manifest])
    assert [x.record.way for x in story.stand_ins] == ["paper"]
    assert [q.code for q in story.contradictions] == (["unsupervised"] if absent else [])


def test_a_killed_app_comes_back_to_the_load(tmp_path: Path) -> None:
    for store in opened(tmp_path):
        _, desk = start(store)
        desk.choose(seed.TRUCKS[0])
        typed(desk, "30.8")
        first = desk.id
    again = unlocked(tmp_path)
    host, desk = start(again)
    assert desk.id == first and desk.gross == "30.8" and desk.truck is not None and desk.truck.plate == "苏L·A7326"
    typed_more = desk
    typed_more.open_pad("gross")
    typed(typed_more, "6")
    with_driver(desk)
    assert issue(host, desk) == first
    again.close()


def test_a_failed_issue_keeps_its_number(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing; the next try has the same number, and nothing of the first is there."""
    host, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    finalize = Store.finalize

    def full(*_: Any, **__: Any) -> None:
        raise Trouble(5001)

    monkeypatch.setattr(Store, "finalize", full)
    desk.sign_and_issue()
    with pytest.raises(Trouble):
        asyncio.run(drive(host))
    host.jobs.clear()
    assert store.count("manifest") == store.count("manifest_leg") == store.count("hand_over") == 0 and not desk.busy
    assert desk.number.endswith("000418") and desk.sending.serial == 418
    asyncio.run(desk.open())
    assert desk.number.endswith("000418") and desk.sending.serial == 419
    monkeypatch.setattr(Store, "finalize", finalize)
    manifest = issue(host, desk)
    seen = store.get("manifest", manifest)
    assert seen is not None and seen.values["number"].endswith("000418") and store.numbers_left("manifest") == 999


def test_nobody_has_signed_what_was_changed_after(store: Store) -> None:
    host, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    desk.sign_and_issue()  # the supervisor signs; before the sender does, the weight is changed
    for job in host.jobs:
        job.close()
    host.jobs.clear()
    assert desk.signed("supervisor") is not None
    desk.press("back")
    assert desk.signed("supervisor") is None


def test_without_a_position_it_goes_and_says_so(store: Store) -> None:
    host, desk = start(store, located=False)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    assert any("定位" in zh for _, (zh, _) in desk.notes())
    manifest = issue(host, desk)
    (leg,) = store.all("manifest_leg", manifest_id=manifest)
    assert "position" not in leg.values


def test_a_typed_plate_is_found_however_it_is_written(store: Store) -> None:
    host, desk = start(store)
    desk.type_plate("苏l a5541")
    asyncio.run(desk.take_plate())
    assert desk.truck is not None and desk.truck.plate == "苏L·A5541"
    desk.type_plate("苏L·Z9999")
    asyncio.run(desk.take_plate())
    assert host.told and "Z9999" in host.told[-1][1][0]


def test_the_pad_takes_what_a_scale_can_show(store: Store) -> None:
    _, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "0030.86")
    assert desk.gross == "30.86"
    typed(desk, "59")
    assert desk.gross == "30.865"  # three places, as the record takes them
    typed(desk, ".")
    assert desk.gross == "30.865"
    desk.open_pad("tare")
    typed(desk, "8")  # typed anew, not behind what was carried over
    assert desk.tare == "8" and desk.net_t == Decimal("22.865")
    typed(desk, "9")
    assert words(desk)[0] in ("net", "weight")  # the tare is above the gross weight
    desk.open_pad("ticket")
    typed(desk, "12.7")
    assert desk.own("ticket") == "127"


def test_a_locked_key_signs_nothing(tmp_path: Path) -> None:
    made = Store(tmp_path)
    seed.fill(made)
    made.close()
    shut = Store(tmp_path)
    host, desk = start(shut)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    desk.sign_and_issue()
    with pytest.raises(Trouble) as caught:
        asyncio.run(drive(host))
    assert caught.value.problem.number == 2011 and shut.count("manifest") == 0
    shut.close()


def test_other_peoples_keys_do_not_make_it_genuine(store: Store) -> None:
    """A directory that does not know the sender cannot say; the code stays readable."""
    host, desk = start(store)
    desk.choose(seed.TRUCKS[0])
    typed(desk, "30.86")
    with_driver(desk)
    issue(host, desk)
    (code,) = store.all("hand_over")
    assert evidence.public_of(seed.PEOPLE["dispatcher"].key) in seed.directory(host.now())
    assert judged(read(code.values["code"]), None, host.now()).worth == "unsure"


def test_a_clock_before_the_devices_enrolment_issues_nothing(store: Store) -> None:
    """Whoever reads the code would call it forged."""
    host, desk = start(store)
    host.offset = seed.SINCE - timedelta(minutes=6) - host.now()
    assert desk.needs()[0].code == "enrolled_later" and desk.needs()[0].kind == "stop"
