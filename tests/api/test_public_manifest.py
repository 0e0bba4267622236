"""The public page of a load: for whoever holds its code, and nothing for anybody else."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest

from schemas.rules.handover import read
from sync_server.console import public
from sync_server.console.public import Counted, _network
from tests.api.conftest import Device, Server, outcomes
from tests.api.transfer_scene import NUMBER, PLATES, Scene, code_of, later, signed

Values = dict[str, Any]
PRIVATE = (
    "高敏",
    "吴建",
    "孙华",
    "13800000002",
    *PLATES,
    "苏L",
    "30.4",
    "12.4",
    "18.0",
    "119.4",
    "清源",
    "安运",
    "东郊",
    "K2",
    "ZY-02",
)


@pytest.fixture
def scene(server: Server, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(public, "LEAST_S", 0.0)
    return Scene(server)


def ask(
    scene: Scene, number: str = NUMBER, check: str | None = None, query: str = "", **headers: str
) -> httpx.Response:
    with httpx.Client(transport=scene.server.transport, base_url="http://sim") as client:
        return client.get(f"/m/{number}?{'' if check is None else f'c={check}'}{query}", headers=headers)


class Drive:
    """One load, leg by leg, and who has handed in what."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.devices = {who: scene.device(who) for who in ("sender", "driver", "taker")}
        self.id, self.manifest, self.at = scene.server.new_id(), scene.manifest(), scene.server.clock()
        self.legs: list[Values] = []

    def sign(self, kind: str, who: str, **more: Any) -> None:
        name, org = {
            "sender": ("高敏", self.scene.consignor),
            "driver": ("吴建", self.scene.carrier),
            "taker": ("孙华", self.scene.receiver),
        }[who]
        leg = self.scene.leg(self.id, kind, later(self.at, 10 * len(self.legs)), name, org, **more)
        first = (self.manifest, self.scene.load(self.id, self.manifest)) if not self.legs else (None, None)
        self.legs.append(signed(self.devices[who].private, leg, self.legs, *first))
        self.scene.server.clock.turn(minutes=10)

    def hand_in(self, who: str, type: str, values: Values, id: str | None = None) -> list[str]:
        d = self.devices[who]
        return outcomes(d.push([d.change(type, values, id, scope=self.scene.scope)], self.scene.scope))

    @property
    def check(self) -> str:
        return read(code_of(self.legs)["code"]).check


@pytest.fixture
def drive(scene: Scene) -> Drive:
    made = Drive(scene)
    made.sign("issued", "sender")
    return made


def test_whoever_holds_the_code_sees_how_far_it_is(scene: Scene, drive: Drive) -> None:
    assert ask(scene, check=drive.check).status_code == 404  # nobody has brought it yet
    drive.sign("departed", "driver")
    assert drive.hand_in("driver", "hand_over", code_of(drive.legs)) == ["applied"]
    page = ask(scene, check=drive.check)  # the driver's phone was first: without any record of the sender
    assert page.status_code == 200 and "运输中" in page.text and "2026 3211 000418" in page.text
    assert re.findall(r"<time datetime=.*?>(.*?)</time>", page.text) == ["2026-11-21 10:00", "2026-11-21 10:10"]
    drive.hand_in("sender", "manifest", drive.manifest, drive.id)
    drive.hand_in("sender", "manifest_leg", drive.legs[0])
    drive.sign("arrived", "driver")
    drive.sign("received", "taker")
    drive.hand_in("taker", "hand_over", code_of(drive.legs))
    scene.server.clock.turn(hours=2)
    page = ask(scene, check=drive.check.lower())
    assert "已接收" in page.text and "没有写差异" in page.text and "2 小时前" in page.text
    assert not [word for word in PRIVATE if word in page.text]
    english = ask(scene, check=drive.check, **{"Accept-Language": "en-GB,en;q=0.9"})
    assert "noted no difference" in english.text and 'lang="en"' in english.text
    assert "已接收" in ask(scene, check=drive.check, query="&lang=zh", **{"Accept-Language": "en"}).text


def test_what_was_not_received_as_sent_is_said_without_figures(scene: Scene, drive: Drive) -> None:
    drive.sign("departed", "driver")
    drive.sign("arrived", "driver")
    drive.sign("received_difference", "taker", problem="weight_diff", problem_text="少 3 吨", gross_t="27.400")
    drive.hand_in("taker", "hand_over", code_of(drive.legs))
    page = ask(scene, check=drive.check)
    assert page.status_code == 200 and "有差异" in page.text
    assert not [word for word in (*PRIVATE, "少 3 吨", "27.4") if word in page.text]


def test_wrong_missing_and_unheard_of_are_one_page(scene: Scene, drive: Drive) -> None:
    drive.hand_in("sender", "manifest", drive.manifest, drive.id)
    drive.hand_in("sender", "manifest_leg", drive.legs[0])
    assert ask(scene, check=drive.check).status_code == 200
    good = drive.check
    wrong = [
        ask(scene), ask(scene, check=""), ask(scene, check="AAAAAAAAAA"), ask(scene, check=good[:9]), ask(scene, check=good + "A"),
        ask(scene, check="é" * 10), ask(scene, "20263211000419", good), ask(scene, "20263211000419"), ask(scene, "1", good),
        ask(scene, "%00", good), ask(scene, "２０２６３２１１０００４１８", good), ask(scene, "x" * 3000, good), ask(scene, check="%00" * 10),
    ]  # fmt: skip
    # but for the way to the other language, which goes on with what was asked
    told = {(a.status_code, re.sub(r'href="\?[^"]*"', "", a.text), str(sorted((k, v) for k, v in a.headers.items() if k not in
             ("content-length", "jingtu-time")))) for a in wrong}  # fmt: skip
    assert len(told) == 1 and next(iter(told))[0] == 404
    assert NUMBER not in wrong[0].text and "2026 3211" not in wrong[0].text


def test_found_or_not_the_answer_takes_as_long(scene: Scene, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    drive.hand_in("sender", "manifest", drive.manifest, drive.id)
    drive.hand_in("sender", "manifest_leg", drive.legs[0])
    service, kept = scene.server.service, scene.server.service.public_load

    def slow(number: str, check: str) -> Any:  # as if one that exists took long to look up
        if number == NUMBER:
            time.sleep(0.1)
        return kept(number, check)

    monkeypatch.setattr(service, "public_load", slow)

    def took(number: str, check: str) -> float:
        began = time.monotonic()
        ask(scene, number, check)
        return time.monotonic() - began

    assert took(NUMBER, "A" * 10) - took("20263211000999", "A" * 10) > 0.08  # without a least time it shows
    monkeypatch.setattr(public, "LEAST_S", 0.3)
    times = [took(n, c) for n in (NUMBER, "20263211000999") for c in ("A" * 10, drive.check)]
    assert min(times) >= 0.3 and max(times) - min(times) < 0.08, times


def test_it_asks_for_nothing_and_loads_nothing(scene: Scene, drive: Drive) -> None:
    drive.hand_in("sender", "hand_over", code_of(drive.legs))
    for page in (ask(scene, check=drive.check), ask(scene)):
        assert "set-cookie" not in page.headers and page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex" and page.headers["referrer-policy"] == "no-referrer"
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "script" not in policy and "unsafe" not in policy
        assert not re.search(r"<script|<form|<input|<img|src=|javascript:|http", page.text)
        assert set(re.findall(r'href="([^"]*)"', page.text)) <= {"data:,"} | {
            h for h in re.findall(r'href="(\?[^"]*)"', page.text)
        }


def test_a_code_made_up_under_its_number_opens_nothing(scene: Scene, drive: Drive) -> None:
    """A party signs a first leg of its own: with its own check value it must not come to see, or to be taken for, the real one."""
    drive.hand_in("sender", "manifest", drive.manifest, drive.id)
    drive.hand_in("sender", "manifest_leg", drive.legs[0])
    driver = drive.devices["driver"]
    for id in (scene.server.new_id(), drive.id):  # a load of its own, and another beginning of the real one
        leg = scene.leg(id, "issued", drive.at + timedelta(minutes=1), "吴建", scene.carrier)
        forged = signed(driver.private, leg, [], drive.manifest, scene.load(id, drive.manifest))
        assert drive.hand_in("driver", "hand_over", code_of([forged])) == ["applied"]
        assert ask(scene, check=read(code_of([forged])["code"]).check).status_code == 404
    stranger = Device(scene.server, scene.server.stranger)  # whom no directory names
    for minutes in (-60, 0, 60):  # dated before the real one, at the same time, and after it
        leg = scene.leg(drive.id, "issued", drive.at + timedelta(minutes=minutes), "高敏", scene.consignor)
        unknown = signed(stranger.private, leg, [], drive.manifest, scene.load(drive.id, drive.manifest))
        assert drive.hand_in("driver", "hand_over", code_of([unknown])) == ["applied"]
        assert ask(scene, check=read(code_of([unknown])["code"]).check).status_code == 404
        page = ask(scene, check=drive.check)
        assert page.status_code == 200 and "待核实" in page.text


def test_a_code_says_another_number_than_the_record_around_it(scene: Scene, drive: Drive) -> None:
    drive.hand_in("driver", "hand_over", code_of(drive.legs, number="20263211000777"))
    assert ask(scene, "20263211000777", drive.check).status_code == 404


def test_a_code_handed_in_to_another_project_opens_nothing(scene: Scene, drive: Drive) -> None:
    s = scene.server
    s.service.grant(scene.people["driver"], s.other, "party")
    d = drive.devices["driver"]
    scope = f"{s.other}.transfer"
    assert outcomes(d.push([d.change("hand_over", code_of(drive.legs), scope=scope)], scope)) == ["applied"]
    assert ask(scene, check=drive.check).status_code == 404


def test_questions_of_one_address_are_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(public.PER_MINUTE):
        assert ask(scene).status_code == 404
    answer = ask(scene, check="A" * 10)
    assert answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 60
    assert "秒后再扫" in answer.text and "set-cookie" not in answer.headers


def test_the_bucket_fills_again_and_is_each_ones_own() -> None:
    now = [0.0]
    counted = Counted(lambda: now[0])
    assert [counted.wait_s("a") for _ in range(61)] == [0] * 60 + [1]
    assert counted.wait_s("b") == 0
    now[0] = 5.5
    assert [counted.wait_s("a") for _ in range(6)] == [0] * 5 + [1]
    now[0] = 1000
    assert counted.wait_s("a") == 0
    assert _network("2001:db8::1") == _network("2001:db8::ffff:1") != _network("2001:db8:0:1::1")
    assert _network("10.0.0.1") != _network("10.0.0.2") and _network("?") == "?"
    many = Counted(lambda: now[0])
    for n in range(public.ADDRESSES + 5):
        many.wait_s(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(many._empty_at) == public.ADDRESSES


def test_a_load_is_looked_up_fast_among_many(scene: Scene) -> None:
    """By an index: whoever asks costs next to nothing."""
    plans = scene.server.sql("EXPLAIN QUERY PLAN SELECT * FROM hand_over WHERE number='1'")
    if "sqlite" in scene.server.service.store.engine.dialect.name:
        assert "hand_over_number" in str(plans)
