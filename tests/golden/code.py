"""`python -m tests.golden.code`: write the worked example and the tables of docs/manifest-qr.md anew, between their marks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cbor2

from schemas import canonical
from schemas.reference import codes
from schemas.rules import evidence
from schemas.rules.handover import WORDS, Chain, Load, cose, link, read, signed_leg, text_of
from schemas.rules.handover.claims import COVERS, KINDS, PROBLEMS, UNSIGNED, WAYS, to_map

DOCUMENT = Path(__file__).parents[2] / "docs" / "manifest-qr.md"
SIGNERS = ("sender", "driver", "receiver")
MANIFEST, PROJECT, PLAN, LOT, CARRIER, RECEIVER = (f"0192aa00-0000-7000-8000-00000000000{n}" for n in range(1, 7))
LOAD = Load(MANIFEST, PROJECT, PLAN, LOT, CARRIER, RECEIVER, "20263211000418", "苏L·A73265", 60, "tarp")
VALUES: Mapping[str, Any] = {
    "number": LOAD.number, "plan_id": PLAN, "lot_id": LOT, "vehicle_id": "0192aa00-0000-7000-8000-000000000007", "driver_name": "王强",
    "driver_phone": "138 0000 0000", "cover": "tarp", "receiver_id": RECEIVER, "receiver_place": "2 号水泥窑",
    "issued_at": "2026-11-28T09:00:00+08:00", "supervised": True,
}  # fmt: skip


def _leg(kind: str, at: str, who: str, org: str, lon: str, lat: str, **more: Any) -> dict[str, Any]:
    fix = {"lon": lon, "lat": lat, "h_acc_m": "3.2", "fix_kind": "gnss", "at": at}
    return {"manifest_id": MANIFEST, "kind": kind, "at": at, "position": fix, "who_name": who, "org_id": org, **more}


def _ticket(no: str, gross: str, tare: str, at: str) -> dict[str, Any]:
    return {"ticket_no": no, "gross_t": gross, "tare_t": tare, "at": at}


CONSIGNOR = "0192aa00-0000-7000-8000-000000000008"
LEGS = (
    _leg("issued", "2026-11-28T09:00:00+08:00", "赵敏", CONSIGNOR, "119.4567891", "32.1234567",
         weight=[_ticket("CZ-0418", "31.52", "15.10", "2026-11-28T08:57:00+08:00")]),
    _leg("departed", "2026-11-28T09:20:00+08:00", "王强", CARRIER, "119.4570000", "32.1235000"),
    _leg("received_difference", "2026-11-28T10:35:00+08:00", "孙丽", RECEIVER, "119.1700000", "31.9500000", heap="B 区 4 号",
         weight=[_ticket("JC-0977", "30.98", "15.12", "2026-11-28T10:33:00+08:00")], received_t="15.8", problem="weight_diff", problem_text="含水"),
)  # fmt: skip


def key(who: str) -> bytes:
    """For this document only: everybody knows it."""
    return hashlib.sha256(f"jingtu manifest-qr.md {who}".encode()).digest()


def chain() -> tuple[Chain, list[dict[str, Any]]]:
    """The example's chain, and the values of its legs as they are recorded."""
    made: Chain | None = None
    values = []
    for who, leg in zip(SIGNERS, LEGS, strict=True):
        first = made is None
        one = signed_leg(
            key(who), leg, made.legs[-1].raw if made else None, VALUES if first else None, LOAD if first else None
        )
        values.append(one)
        made = link(made, evidence.unb64(one["cose"]))
    assert made is not None
    return made, values


def _lines(text: str) -> str:
    """Broken after at most 96 characters, never beside a space, which an editor may drop."""
    out = []
    while text:
        n = min(96, len(text))
        while n < len(text) and " " in text[n - 1 : n + 1]:
            n -= 1
        out.append("    " + text[:n])
        text = text[n:]
    return "\n".join(out)


def _hex(data: bytes) -> str:
    return _lines(data.hex())


def _said(said: Mapping[int, Any]) -> str:
    def plain(v: Any) -> str:
        return f"h'{v.hex()}'" if isinstance(v, bytes) else f'"{v}"' if isinstance(v, str) else str(v)

    return "\n".join(f"    {k}: {plain(v)}" for k, v in sorted(said.items()))


def example() -> str:
    made, values = chain()
    out = ["Everybody knows these keys (private key = SHA-256 of the text named); they are for this example only.", ""]
    for n, who in enumerate(SIGNERS):
        leg, private = made.legs[n], key(who)
        signed = {k: v for k, v in values[n].items() if k not in UNSIGNED}
        about = {"leg": signed, **({"manifest": dict(VALUES)} if n == 0 else {})}
        previous = made.previous(n) or b""
        message = cbor2.dumps(["Signature1", leg.protected, previous, leg.payload], canonical=True)
        out += [
            f"**Leg {n + 1}: {LEGS[n]['kind']}**", "", "```text",
            f"private key    SHA-256(\"jingtu manifest-qr.md {who}\") = {private.hex()}",
            f"public key     {evidence.public_of(private)}",
            f"kid            {leg.kid.hex()}",
            "values, canonical JSON, without the signature",
            _lines(canonical.dumps(about).decode()),
            f"details        {made.claims[n].details.hex()}", "claim", _said(to_map(made.claims[n])), "payload", _hex(leg.payload),
            "external_aad   " + (previous.hex() or "(empty)"), "Sig_structure", _hex(message), "signature", _hex(leg.signature),
            "COSE_Sign1", _hex(leg.raw), f"hash           {leg.hash.hex()}", "```", "",
        ]  # fmt: skip
    text = text_of([one.raw for one in made.legs])
    out += [
        "**The code** (one line, broken here after 96 letters; another compressor may make another text of the same legs)", "", "```text",
        _lines(text), "```", "", f"Check value: `{made.check}`; public page: `/m/{LOAD.number}?c={made.check}`.",
    ]  # fmt: skip
    return "\n".join(out)


def text_in(document: str) -> str:
    """The example's code, as it stands in the document."""
    block = re.search(r"\*\*The code\*\*.*?```text\n(.*?)\n```", document, re.S)
    assert block is not None
    return "".join(line[4:] for line in block[1].split("\n"))


def _codes() -> str:
    lists = (
        ("kind", KINDS, "leg_kind"),
        ("problem", PROBLEMS, "leg_problem"),
        ("way", WAYS, "leg_way"),
        ("cover", COVERS, "cover_kind"),
    )
    out = []
    for name, numbers, table in lists:
        known = codes(table)
        out += [f"| {name} | code | zh | en |", "|---|---|---|---|"]
        out += [f"| {n} | `{c}` | {known[c].zh} | {known[c].en} |" for n, c in numbers.items()] + [""]
    return "\n".join(out).rstrip()


WORTH = {
    **dict.fromkeys(("signature", "before_key", "after_key", "backwards"), "forged"),
    **dict.fromkeys(("unknown_key", "no_directory", "future", "stranger"), "unsure"),
    **dict.fromkeys(("replayed", "fork", "number_twice"), "unsure, refused where that leg's key is known"),
}  # fmt: skip


def _reasons() -> str:
    rows = [f"| `{why}` | {WORTH[why]} | {said.zh} | {said.en} |" for why, said in WORDS.items()]
    return "\n".join(["| reason | verdict | zh | en |", "|---|---|---|---|", *rows])


PARTS: Mapping[str, Callable[[], str]] = {"codes": _codes, "reasons": _reasons, "example": example}


def written(document: str) -> str:
    """The document with its generated parts as they are now. An example's text that says the same stays, however it was packed."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: made by tests/golden/code.py -->\n", f"\n<!-- end of {name} -->"
        assert begin in document and end in document, name
        head, rest = document.split(begin)
        old, tail = rest.split(end)
        new = make()
        if name == "example" and "**The code**" in old and same(old):
            new = new.replace(_block(new), _block(old))
        document = head + begin + new + end + tail
    return document


def _block(part: str) -> str:
    found = re.search(r"\*\*The code\*\*.*?```text\n(.*?)\n```", part, re.S)
    assert found is not None
    return found[1]


def same(document: str) -> bool:
    """Does the text in it say the same legs?"""
    try:
        return [one.raw for one in read(text_in(document)).legs] == [one.raw for one in chain()[0].legs]
    except Exception:
        return False


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
    print(cose.kid_of(evidence.public_of(key("sender"))).hex(), "written")
