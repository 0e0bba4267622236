"""Counter-signing without a browser and without a server: what a code is worth, the one right step, and what is signed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from field_app import pin
from field_app.capture import position
from field_app.clock import CHINA
from field_app.desks.chains import Chains
from field_app.desks.legging import Draft, draft_of
from field_app.state import State
from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.handover import read, text_of
from schemas.rules.handover.chain import signed_leg
from schemas.rules.handover.judge import judged
from schemas.rules.manifest.mass import Tolerance
from tests.ui import trucks_seed as seed
from tests.unit.pictures import jpeg

NOW = datetime(2026, 11, 28, 18, 10, tzinfo=CHINA)


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def mono_ms(self) -> int:
        return 1


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)

    class At(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOW.astimezone(tz)

    monkeypatch.setattr(seed, "datetime", At)


Opened = Callable[..., State]


@pytest.fixture
def tablet(tmp_path: Path) -> Any:
    made: list[State] = []

    def open_(role: str, at: datetime = NOW, picture: bytes | None = jpeg()) -> State:
        store = Store(tmp_path / f"{role}{len(made)}", Clock(at))
        seed.fill(store, role)
        state = State(store, Syncer(store), position.FakeLocator("119.45,32.2,2.1"))

        state._shut = False

        async def pick() -> bytes | None:
            return picture

        state.handing._pick = pick
        made.append(state)
        return state

    yield open_
    for state in made:
        state.close()
        state._store.close()


def code(*legs: tuple[str, str, datetime, dict[str, Any]], n: int = 418, issued: datetime | None = None) -> str:
    rows = seed.load(n, 0, issued or NOW - timedelta(minutes=4), *legs)
    return text_of([evidence.unb64(v["cose"]) for _, type, _, v in rows if type == "manifest_leg"])


def gross_and_net(text: str) -> tuple[Decimal, Decimal]:
    first = read(text).claims[0]
    assert first.gross_kg is not None and first.tare_kg is not None
    return Decimal(first.gross_kg) / 1000, Decimal(first.gross_kg - first.tare_kg) / 1000


async def scanned(state: State, text: str, way: str = "scanner") -> None:
    await state.load()
    await state.scanning.take([text], way)
    for _ in range(400):
        await asyncio.sleep(0.005)
        if state.handing.reading is None or (state.handing.around is not None and not state.handing.around.keeps):
            break


def run(body: Any) -> None:
    asyncio.run(body())


def codes_of(state: State) -> set[str]:
    return {x.code for x in state.handing.lacks() if not x.cannot}


def test_a_driver_signs_the_departure_and_both_hold_the_whole_chain(tablet: Opened) -> None:
    text = code()

    async def body() -> None:
        driver, sender = tablet("driver"), tablet("dispatcher")
        await scanned(driver, text, "photo")
        desk = driver.handing
        assert driver.shown == "leg" and desk.reading.judged.worth == "genuine" and desk.reading.ms < 100
        assert desk.around.steps == ("departed",) and codes_of(driver) == {"cover_photo"}
        await desk.sign()
        assert desk.told and not driver._store.all("manifest_leg")  # named, and nothing was written
        await desk.from_file("cover")
        assert codes_of(driver) == set()
        await desk.sign()
        assert (driver.route, driver.args) == ("code", {"manifest": read(text).load.manifest})
        (leg,) = driver._store.all("manifest_leg")
        (seen,) = driver._store.all("hand_over")
        (shot,) = driver._store.all("photo")
        assert (leg.values["kind"], leg.values["who_name"], leg.values["org_id"]) == ("departed", "吴建", seed.CARRIER)
        assert (seen.values["way"], seen.values["purpose"], seen.scope) == ("photo", "handover", seed.TRANSFER)
        assert (shot.values["step"], shot.values["subject_id"]) == ("cover", leg.id) and not driver._store.drafts()
        chain = read(seen.values["code"])
        directory = driver.chains.directory(seed.TRANSFER)[0]
        assert [c.kind for c in chain.claims] == ["issued", "departed"]
        assert judged(chain, directory, NOW).worth == "genuine"
        known = driver.chains.chain_of(chain.load.manifest)
        assert known is not None and text_of([x.raw for x in known.legs]) == seen.values["code"]
        # back to who sent it: kept at once, without a tap
        await scanned(sender, seen.values["code"])
        assert sender.handing.around.kept
        (back,) = sender._store.all("hand_over")
        assert back.values["purpose"] == "answer" and back.values["code"] == seen.values["code"]
        await scanned(sender, seen.values["code"])  # once more: nothing is kept twice
        assert not sender.handing.around.kept and len(sender._store.all("hand_over")) == 1

    run(body)


def test_a_driver_keeps_what_the_receiver_signed_on_the_own_load(tablet: Opened) -> None:
    issued = code()

    async def body() -> None:
        driver, receiver = tablet("driver"), tablet("receiver", NOW + timedelta(minutes=40))
        await scanned(driver, issued)
        await driver.handing.from_file("cover")
        await driver.handing.sign()
        departed = driver._store.all("hand_over")[0].values["code"]
        await scanned(receiver, departed)
        assert not receiver._store.all("hand_over")  # looking keeps nothing
        receiver.handing.choose("arrived")
        await receiver.handing.sign()
        arrived = receiver._store.all("hand_over")[0].values["code"]
        await scanned(driver, arrived)
        assert driver.handing.around.kept and driver._store.all("hand_over")[-1].values["purpose"] == "answer"
        assert [c.kind for c in driver.chains.chain_of(read(issued).load.manifest).claims] == [
            "issued",
            "departed",
            "arrived",
        ]

    run(body)


def test_what_was_begun_on_a_load_is_there_when_it_is_scanned_again(tablet: Opened) -> None:
    one, other = (code(("driver", "departed", NOW - timedelta(minutes=2), {}), n=n) for n in (418, 419))

    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, one)
        receiver.handing.put(heap="D7")
        await scanned(receiver, other)
        assert receiver.handing.draft.heap == ""
        await scanned(receiver, one)
        assert receiver.handing.draft.heap == "D7"

    run(body)


def test_the_same_code_signs_nothing_twice(tablet: Opened) -> None:
    text = code()

    async def body() -> None:
        driver = tablet("driver")
        await scanned(driver, text)
        await driver.handing.from_file("cover")
        await driver.handing.sign()
        await scanned(driver, text)  # the sender's screen still shows the old one
        assert driver.handing.around.older and "older" in codes_of(driver)
        await driver.handing.sign()
        assert len(driver._store.all("manifest_leg")) == 1
        # and behind the guards' back
        desk = driver.handing
        with pytest.raises(Trouble) as err:
            desk._finalize(desk.reading, Draft(driver._store.new_id(), "departed"), desk.values())
        assert err.value.problem.number == 6010

    run(body)


@pytest.mark.parametrize(("less", "kind"), [("0.10", "received"), ("0.90", "received_difference")])
def test_a_receiver_weighs_and_a_difference_needs_a_reason(tablet: Opened, less: str, kind: str) -> None:
    text = code(("driver", "departed", NOW - timedelta(minutes=2), {}))
    gross, net = gross_and_net(text)

    async def body() -> None:
        receiver = tablet("receiver", NOW + timedelta(minutes=40))
        await scanned(receiver, text)
        desk = receiver.handing
        assert desk.around.steps[0] == "received" and {"arrived", "rejected"} <= set(desk.around.steps)
        assert codes_of(receiver) == {"weight", "ticket", "heap"}  # the mass accepted is the net, once there is one
        for c in str(gross - Decimal(less)):
            desk.key(c)
        desk.put(typing="tare")
        for c in str(gross - net):
            desk.key(c)
        desk.put(ticket="DJ1", heap="D1")
        diff = desk.difference()
        assert diff is not None and diff.t == -Decimal(less) and diff.over == (kind != "received")
        if diff.over:
            assert codes_of(receiver) == {"problem_text"}
            desk.put(problem_text="沿途滴水")
        assert codes_of(receiver) == set()
        await desk.sign()
        (leg,) = receiver._store.all("manifest_leg")
        assert leg.values["kind"] == kind and Decimal(leg.values["received_t"]) == net - Decimal(less)
        assert leg.values.get("problem") == ("weight_diff" if diff.over else None)
        chain = receiver.chains.chain_of(read(text).load.manifest)
        assert chain is not None and [c.kind for c in chain.claims] == ["issued", "departed", kind]

    run(body)


def test_before_departure_a_receiver_is_told_first_that_it_is_not_his_turn(tablet: Opened) -> None:
    text = code()

    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, text)
        first = receiver.handing.lacks()[0]
        assert first.code == "step" and "还没有签起运" in first.zh

    run(body)


def test_a_receiver_rejects_only_with_a_reason(tablet: Opened) -> None:
    text = code(("driver", "departed", NOW - timedelta(minutes=2), {}))

    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, text)
        desk = receiver.handing
        desk.choose("rejected")
        assert {"problem", "problem_text"} <= codes_of(receiver)
        desk.put(problem="kind_diff", problem_text="混有建筑垃圾")
        await desk.sign()
        (leg,) = receiver._store.all("manifest_leg")
        assert (leg.values["kind"], leg.values["problem"]) == ("rejected", "kind_diff") and "weight" not in leg.values

    run(body)


def test_a_receiver_is_told_that_the_driver_has_not_signed(tablet: Opened) -> None:
    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, code())
        desk = receiver.handing
        for name, value in {"gross": "30.00", "tare": "12.42", "ticket": "1", "heap": "D1"}.items():
            desk.put(**{name: value})
        assert "step" in codes_of(receiver)  # 驾驶员还没有签起运
        await desk.sign()
        assert not receiver._store.all("manifest_leg")

    run(body)


def test_a_driver_without_a_phone_is_caught_up_with_from_paper(tablet: Opened) -> None:
    """By whoever has a device: marked, with the paper's photo, who it was and when."""
    text = code(issued=NOW - timedelta(hours=2))

    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, text)
        desk = receiver.handing
        desk.choose_way("paper")
        desk.choose("departed")
        assert {"paper_photo", "who", "at"} <= codes_of(receiver)
        desk.put(who="吴建", at="2026-11-28 15:00")
        assert "before" in codes_of(receiver)  # before it was issued
        desk.put(at="2026-11-28 19:30")
        assert "future" in codes_of(receiver)
        desk.put(at="2026-11-28 16:20")
        await desk.from_file("document")
        assert codes_of(receiver) == set()
        await desk.sign()
        (leg,) = receiver._store.all("manifest_leg")
        assert (leg.values["way"], leg.values["who_name"], leg.values["org_id"]) == ("paper", "吴建", seed.CARRIER)
        assert leg.values["at"] == "2026-11-28T16:20:00+08:00" and "position" not in leg.values

    run(body)


def test_a_signature_on_somebody_elses_device_needs_the_hand(tablet: Opened) -> None:
    async def body() -> None:
        sender = tablet("dispatcher")
        await scanned(sender, code())
        desk = sender.handing
        assert desk.around.steps == ()
        desk.choose_way("beside")
        desk.put(who="吴建")
        await desk.from_file("cover")
        assert codes_of(sender) == {"driver_signature"}
        signed = {
            "role": "driver",
            "name": "吴建",
            "way": "signed",
            "signed_at": NOW.isoformat(),
            "strokes": '{"v":1,"h":5000,"s":[[1,2,0]]}',
        }
        desk.put(signature=signed)
        assert codes_of(sender) == set()
        await desk.sign()
        (leg,) = sender._store.all("manifest_leg")
        assert (leg.values["way"], leg.values["who_name"]) == ("beside", "吴建")

    run(body)


def other_key(text: str) -> str:
    """The same first leg signed by a stranger: its kid is unknown here."""
    rows = seed.load(418, 0, NOW - timedelta(minutes=4))
    values = next(v for _, t, _, v in rows if t == "manifest")
    leg = {k: v for k, v in rows[1][3].items() if k not in ("cose", "key_id", "signature", "prev_hash")}
    made = signed_leg(bytes(range(32)), leg, None, values, read(text).load)
    return text_of([evidence.unb64(made["cose"])])


def tampered(text: str) -> str:
    """The driver's leg put on another load's first leg."""
    other = read(code(n=419))
    mine = read(code(("driver", "departed", NOW - timedelta(minutes=2), {})))
    return text_of([other.legs[0].raw, mine.legs[1].raw])


@pytest.mark.parametrize(
    ("make", "at", "worth", "why"),
    [
        (tampered, NOW, "forged", "signature"),
        (other_key, NOW, "unsure", "unknown_key"),
        (lambda t: t, NOW - timedelta(hours=1), "unsure", "future"),
        (lambda _: code(issued=datetime(2025, 12, 1, 8, tzinfo=CHINA)), NOW, "forged", "before_key"),
        (lambda _: code(("driver", "departed", NOW - timedelta(hours=2), {})), NOW, "forged", "backwards"),
    ],
)
def test_what_is_not_genuine_says_why_and_is_not_signed(
    tablet: Opened, make: Callable[[str], str], at: datetime, worth: str, why: str
) -> None:
    async def body() -> None:
        driver = tablet("driver", at)
        await scanned(driver, make(code()))
        reading = driver.handing.reading
        assert reading.judged.worth == worth and why in {leg.why for leg in reading.judged.legs}
        if worth == "forged":
            assert driver.handing.around.steps == () and driver.handing.draft is None
            driver.handing.choose_way("paper")
            await driver.handing.sign()
        assert not driver._store.all("manifest_leg") and not driver._store.all("hand_over")

    run(body)


def test_another_driver_takes_the_load_over(tablet: Opened) -> None:
    """Signed by somebody of the carrier who is not the one who departed with it."""
    text = code(("receiver", "departed", NOW - timedelta(minutes=2), {}))

    async def body() -> None:
        driver = tablet("driver")
        await scanned(driver, text)
        desk = driver.handing
        assert desk.around.steps[0] == "relay" and codes_of(driver) == set()
        await desk.sign()
        (leg,) = driver._store.all("manifest_leg")
        assert (leg.values["kind"], leg.values["who_name"]) == ("relay", "吴建")

    run(body)


def test_who_has_no_right_to_sign_is_told(tablet: Opened) -> None:
    async def body() -> None:
        driver = tablet("driver")
        (grant,) = driver._store.scopes()
        driver._store.grant([grant.model_copy(update={"writes": ["photo"]})])
        await scanned(driver, code())
        await driver.handing.from_file("cover")
        assert codes_of(driver) == {"may_not"}
        await driver.handing.sign()
        assert not driver._store.all("manifest_leg")

    run(body)


def test_a_clock_that_is_behind_is_told_before_it_signs_what_others_call_forged(tablet: Opened) -> None:
    text = code(issued=NOW)

    async def body() -> None:
        driver = tablet("driver", NOW - timedelta(minutes=7))
        await scanned(driver, text)
        await driver.handing.from_file("cover")
        lacks = {x.code: x for x in driver.handing.lacks()}
        assert "clock" in lacks and "7" in lacks["clock"].zh

    run(body)


def test_a_load_of_another_project_can_be_looked_at_and_not_signed(tablet: Opened) -> None:
    text = code()

    async def body() -> None:
        driver = tablet("driver")
        driver._store.grant([])
        await scanned(driver, text)
        assert not driver.handing.reading.belongs and driver.handing.around.steps == ()
        assert driver.handing.reading.judged.worth == "unsure"  # no right, no list of keys

    run(body)


def test_what_was_typed_comes_back_after_the_app_was_killed(tablet: Opened) -> None:
    text = code(("driver", "departed", NOW - timedelta(minutes=2), {}))

    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, text)
        receiver.handing.key("3")
        receiver.handing.put(heap="D7")
        await receiver._do(lambda: None)
        again = State(receiver._store, Syncer(receiver._store), position.FakeLocator("119.45,32.2,2.1"))
        await again.resume()
        await again.handing.resume()
        assert again.route == "leg" and again.handing.draft is not None
        assert (again.handing.draft.gross, again.handing.draft.heap) == ("3", "D7")
        again.close()

    run(body)


def test_an_inspector_records_a_roadside_check(tablet: Opened) -> None:
    text = code(("driver", "departed", NOW - timedelta(minutes=2), {}))

    async def body() -> None:
        inspector = tablet("inspector")
        await scanned(inspector, text)
        desk = inspector.handing
        assert inspector.shown == "roadside" and desk.reading.judged.worth == "genuine"
        assert desk.around.others == () and desk.around.heard is not None
        seed.pull(
            inspector._store,
            seed.load(390, 0, NOW - timedelta(hours=1), ("driver", "departed", NOW - timedelta(minutes=50), {})),
            100,
        )
        await desk.look()
        assert [x.number for x in desk.around.others] == ["20263211000390"]
        await desk.record_check()  # the plate is what was seen, never by itself what the code says
        assert desk.road.plate == "" and not inspector._store.all("hand_over")
        desk.put_road(gross="31.20", plate="苏L·B0918")
        await desk.record_check()
        (seen,) = (s for s in inspector._store.all("hand_over"))
        assert (seen.values["purpose"], seen.values["verdict"], seen.values["plate_seen"]) == (
            "roadside",
            "genuine",
            "苏L·B0918",
        )
        assert seen.values["gross_seen_t"] == "31.20" and inspector.notice is not None

    run(body)


def test_the_longest_chain_that_holds_is_the_one_that_is_shown(tablet: Opened) -> None:
    """Shorter ones, one twice, and one with a false leg behind it."""
    issued, departed = code(), code(("driver", "departed", NOW - timedelta(minutes=2), {}))
    false = text_of([read(departed).legs[0].raw, read(code(("driver", "departed", NOW, {}), n=419)).legs[1].raw])

    async def body() -> None:
        sender = tablet("dispatcher")
        for n, text in enumerate((departed, issued, issued, false)):
            values = {
                "number": read(text).load.number,
                "code": text,
                "seen_at": (NOW + timedelta(minutes=n)).isoformat(),
                "way": "file",
                "purpose": "answer",
            }
            sender._store.finalize([Edit("hand_over", sender._store.new_id(), seed.TRANSFER, values)])
        chains = Chains(sender._store)
        chain = chains.chain_of(read(issued).load.manifest)
        assert chain is not None and text_of([x.raw for x in chain.legs]) == departed
        (held,) = chains.loads()
        assert held.manifest == chain.load.manifest and held.purposes == {"answer"}
        assert chains.chain_of(sender._store.new_id()) is None

    run(body)


def test_the_pad_takes_a_weight_and_nothing_else() -> None:
    draft = Draft("x", "received")
    for c in "030.8665":
        draft = draft.key(c)
    assert draft.gross == "30.866"
    assert draft.key("back").gross == "30.86" and draft.key("clear").gross == "" and draft.key(".") == draft
    assert Draft("x", "received").key(".").gross == "0."
    tare_above = draft.put(tare="31")
    assert (
        tare_above.net_t is None and tare_above.difference(Decimal(18), Tolerance(Decimal(1), Decimal("0.3"))) is None
    )
    partly = draft.put(tare="12", accepted="10")
    diff = partly.difference(Decimal("18.866"), Tolerance(Decimal(1), Decimal("0.3")))
    assert diff is not None and diff.over and partly.final_kind(diff) == "received_difference"
    assert draft_of(json.loads(json.dumps(draft.kept))) == draft and draft_of({"later": 1}) is None


def test_a_clock_before_the_devices_enrolment_is_told_before_it_signs(tablet: Opened) -> None:
    text = code(issued=NOW)

    async def body() -> None:
        driver = tablet("driver", NOW)
        await scanned(driver, text)
        reading = driver.handing.reading
        assert reading.me is not None and "enrolled_later" not in codes_of(driver)
        later = reading.me._replace(since=NOW + timedelta(minutes=6))
        driver.handing._reading = reading._replace(me=later)
        assert "enrolled_later" in codes_of(driver)
        driver.handing.put(way="paper")
        assert "enrolled_later" not in codes_of(driver)

    run(body)
