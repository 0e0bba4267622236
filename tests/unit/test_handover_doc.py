"""docs/manifest-qr.md says what the code does: its example, its tables, its limits."""

from __future__ import annotations

import re
from datetime import datetime

import segno

from field_app.capture import qr
from schemas.rules.handover import WORDS, chain, claims, judge, judged, strict, text_of
from schemas.rules.handover.directory import MESSAGE, Directory
from tests.golden import code

DOCUMENT = code.DOCUMENT.read_text("utf-8")


def test_what_is_generated_in_it_is_as_it_would_be_now() -> None:
    assert code.same(DOCUMENT)
    assert code.written(DOCUMENT) == DOCUMENT, "python -m tests.golden.code"
    assert code.WORTH.keys() == WORDS.keys()


def test_its_table_has_every_key_and_its_limits_are_ours() -> None:
    rows = {
        n
        for low, high in re.findall(r"^\| (\d+)(?:–(\d+))? \|(?! `)", DOCUMENT, re.M)
        for n in range(int(low), int(high or low) + 1)
    }
    ours = {v for name, v in vars(claims).items() if re.fullmatch(r"_[A-Z]+", name) and isinstance(v, int)}
    assert rows == ours
    grammar = re.search(r"```cddl\n(.*?)```", DOCUMENT, re.S)
    assert grammar is not None
    assert {int(n) for n in re.findall(r"(?<![\w.])(\d{1,2}): ", grammar[1])} == ours | {1, 4}
    for said in (
        f"2: 0..{claims.LATEST},", f"5: 1..{claims.MOST_KG}, 6: 0..{claims.MOST_KG - 1}", f"accuracy: 0..{claims.MOST_M}", f"28: 1..{claims.MOST_MINUTES},",
        f"1: 1..{len(claims.KINDS)},", f"7: 1..{len(claims.PROBLEMS)},", f"8: 0..{len(claims.WAYS) - 1},", f"29: 0..{len(claims.COVERS) - 1},",
        f"[1*{chain.MAX_LEGS} bstr .cbor leg]", f"#6.{strict.SIGN1}(", f"1 to {claims.LONGEST_PLATE} printable characters, at most {claims.MOST_PLATE_BYTES} bytes",
    ):  # fmt: skip
        assert said in grammar[1], said
    for said in (
        f"text {chain.MAX_TEXT} letters, 1 to {chain.MAX_LEGS} legs", f"Stop at {chain.MAX_CBOR} bytes", f"at most {strict.DEPTH} inside each other",
        f"beyond {chain.MOST_IN_A_CODE}\n  letters", f'"{MESSAGE.decode()[:-1]}\\n" + text', f"{int(judge.SLACK.total_seconds() / 60)} minutes", f'"{chain.PREFIX}" +',
    ):  # fmt: skip
        assert said in DOCUMENT, said
    for names in (judge.SENDERS, judge.DRIVES - {"relay"}, judge.TAKES, judge.ENDED, judge.BESIDE):
        assert all(name in DOCUMENT for name in names)
    for field in claims.UNSIGNED:
        assert f"`{field}`" in DOCUMENT


def test_its_sizes_are_what_codes_have() -> None:
    made, _ = code.chain()
    text = text_of([one.raw for one in made.legs])
    version = segno.make(text, error="m", boost_error=False).version
    assert f"a usual chain {version}" in DOCUMENT
    assert segno.make("A" * chain.MOST_IN_A_CODE, error="m").version == 40
    assert qr.png(text, 1)


def test_what_it_invites_to_try_comes_out_so() -> None:
    made, _ = code.chain()
    members = [
        {
            "key": code.evidence.public_of(code.key(who)),
            "person": who,
            "name": who,
            "device": who,
            "since": "2026-01-01T00:00:00+08:00",
        }
        for who in code.SIGNERS
    ]

    def why(at: str = "2026-11-28T11:00:00+08:00", legs: int = 3, known: bool = False, **other: dict) -> str:
        keys = [{**m, **other.get(m["person"], {})} for m in members if other.get(m["person"]) != {}]
        directory = Directory({"v": 1, "made_at": at, "keys": keys})
        shown = chain.Chain(made.legs[:legs], made.claims[:legs])
        return judged(shown, directory, datetime.fromisoformat(at), known=[made] if known else []).why

    assert why() == ""
    assert why(driver={}) == "unknown_key"
    assert why(driver={"until": "2026-11-28T09:00:00+08:00"}) == "after_key"
    assert why("2026-11-28T09:00:00+08:00") == "future"
    assert why(legs=2, known=True) == "replayed"
