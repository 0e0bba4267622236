"""What a tablet knows of a load speaks against a code that is shown to it, in words, and nothing is signed by that code."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import Any

import pytest

from field_app.kit import Kit
from field_app.pages.verdict import reasons
from field_app.store import Edit
from field_app.words import WORDS as SAID
from schemas.rules.evidence import unb64
from schemas.rules.handover import WORDS, judge, read, signed_leg, text_of
from tests.ui import trucks_seed as seed
from tests.unit.test_handing import NOW, Opened, code, fast, run, scanned, tablet  # noqa: F401  (fixtures)

LEFT = ("driver", "departed", NOW - timedelta(minutes=70), {})
TOOK = ("receiver", "received", NOW - timedelta(minutes=5), {"received_t": "14.00", "heap": "B-4"})
ISSUED = NOW - timedelta(minutes=90)


def keep(state: Any, text: str) -> None:
    """As a signed leg, an answer or a pull leaves it."""
    values = {
        "number": read(text).load.number,
        "code": text,
        "seen_at": NOW.isoformat(),
        "way": "file",
        "purpose": "answer",
    }
    state._store.finalize([Edit("hand_over", state._store.new_id(), seed.TRANSFER, values)], complete=False)


def shown_as(state: Any) -> tuple[str, str, tuple[str, ...]]:
    desk = state.handing
    against = desk.reading.judged.against
    if against is not None:
        for lang in ("zh", "en"):
            assert Kit(lang=lang).of(WORDS[against.why]) in reasons(Kit(lang=lang), desk.reading)
    return desk.reading.judged.worth, against.why if against else "", desk.around.steps


def test_a_code_shown_again_after_the_load_was_received(tablet: Opened) -> None:  # noqa: F811
    whole, before = code(LEFT, TOOK, issued=ISSUED), code(LEFT, issued=ISSUED)

    async def body() -> None:
        receiver, inspector = tablet("receiver"), tablet("inspector")
        await scanned(receiver, before)
        assert shown_as(receiver)[:2] == ("genuine", "") and "received" in shown_as(receiver)[2]
        keep(receiver, whole)
        await scanned(receiver, whole)
        assert shown_as(receiver)[:2] == ("genuine", "")
        await scanned(receiver, before)
        assert shown_as(receiver) == ("unsure", "replayed", ())
        await scanned(inspector, before)
        assert shown_as(inspector)[:2] == ("genuine", "")  # who has not seen the end cannot know it
        await scanned(inspector, whole)
        inspector.handing.put_road(plate="苏L·A73265")
        await inspector.handing.record_check()
        await scanned(inspector, before)
        inspector.handing.put_road(plate="苏L·A73265")
        await inspector.handing.record_check()
        assert [s.values["verdict"] for s in inspector._store.all("hand_over")].count("unsure") == 1

    run(body)


def test_a_second_departure_on_one_manifest(tablet: Opened) -> None:  # noqa: F811
    first, second = (
        code(LEFT, issued=ISSUED),
        code(("driver", "departed", NOW - timedelta(minutes=40), {}), issued=ISSUED),
    )

    async def body() -> None:
        receiver = tablet("receiver")
        keep(receiver, code(LEFT, TOOK, issued=ISSUED))
        for text, why in ((first, "replayed"), (second, "fork")):
            await scanned(receiver, text)
            assert shown_as(receiver) == ("unsure", why, ())

    run(body)


def renumbered(rows: list[Any], number: str) -> list[Any]:
    """The same load under another number, signed again leg by leg."""
    out, before = [], None
    for scope, type, id, values in rows:
        if type == "manifest_leg":
            person = seed.PEOPLE[{"issued": "dispatcher", "departed": "driver"}[values["kind"]]]
            load = read(text_of([unb64(values["cose"])])).load._replace(number=number) if before is None else None
            values = signed_leg(person.key, values, before, {"number": number} if load else None, load)
            before = unb64(values["cose"])
        out.append((scope, type, id, values))
    return out


def test_two_manifests_of_one_number(tablet: Opened) -> None:  # noqa: F811
    first = code(LEFT, issued=ISSUED)
    twin = text_of([
        unb64(v["cose"]) for _, type, _, v in renumbered(seed.load(777, 1, ISSUED, LEFT), "20263211000418") if type == "manifest_leg"
    ])  # fmt: skip

    async def body() -> None:
        inspector = tablet("inspector")
        await scanned(inspector, first)
        inspector.handing.put_road(plate="苏L·A73265")
        await inspector.handing.record_check()
        assert (
            read(twin).load.number == read(first).load.number and read(twin).load.manifest != read(first).load.manifest
        )
        await scanned(inspector, twin)
        assert shown_as(inspector)[:2] == ("unsure", "number_twice")

    run(body)


def test_every_reason_of_a_leg_has_its_words_on_the_page() -> None:
    whys = set(re.findall(r'(?:"|why=")([a-z_]+)"', inspect.getsource(judge.leg_worth) + inspect.getsource(judge._leg)))
    whys = {w for w in whys if w in WORDS}
    assert whys == {
        "signature",
        "backwards",
        "future",
        "unknown_key",
        "no_directory",
        "before_key",
        "after_key",
        "stranger",
    }
    for why in whys:
        assert f"worth.why.{why}" in SAID


@pytest.mark.parametrize("typed", [lambda t: t.lower(), lambda t: t.replace(":", "：").replace(".", "。")])
def test_what_a_scanner_typed_through_a_chinese_keyboard_is_kept_as_it_was_made(tablet: Opened, typed: Any) -> None:  # noqa: F811
    text = code(LEFT, issued=ISSUED)

    async def body() -> None:
        receiver = tablet("receiver")
        await scanned(receiver, typed(text))
        assert receiver.handing.reading is not None and receiver.handing.reading.text == text

    run(body)
