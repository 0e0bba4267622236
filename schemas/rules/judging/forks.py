"""The second chain of a copied device: what the server kept of it, and whether the device's own signature proves it."""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

from schemas.rules import evidence
from schemas.rules.judging.court import ChainFacts, Court
from schemas.rules.judging.reading import signed_by
from schemas.rules.package import Chain, Fork
from schemas.wire import PushHead

HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Step(NamedTuple):
    pos: int
    inner: bytes
    link: bytes | None  # as the device claimed it, where the line does not fit


class Forks:
    """`wanted`: positions of the main chain whose links are asked for; the walk fills them in."""

    def __init__(self, court: Court, chain: Chain) -> None:
        self.court, self.chain = court, chain
        self.wanted: dict[int, bytes | None] = {}
        self._forks: list[tuple[int, Fork, PushHead | None, list[Step]]] = []
        if chain.forks is None:
            return
        for line in court.lines(chain.forks):
            fork = court.parse(line.data, Fork, chain.forks, line.no)
            if fork is None:
                continue
            claim = None
            if fork.claim is not None and (claim := court.parse(fork.claim, PushHead, chain.forks, line.no)) is None:
                continue
            lines = _inners(fork.lines)
            if lines is None:
                what = (
                    "第二条链的行读不懂，或位置不相连",
                    "lines of the second chain cannot be read, or do not follow each other",
                )
                court.say("file.form", chain.forks, line.no, line=line.no, what=what)
                continue
            self.wanted |= {lines[0].pos - 1: None, lines[-1].pos: None}
            self._forks.append((line.no, fork, claim, lines))

    def judge(self, facts: ChainFacts) -> None:
        for no, _, claim, lines in self._forks:
            self._one(no, claim, lines, facts)

    def _one(self, no: int, claim: PushHead | None, lines: list[Step], facts: ChainFacts) -> None:
        court, chain, file = self.court, self.chain, self.chain.forks or ""
        first, last = lines[0].pos, lines[-1].pos
        if claim is None:
            court.say("told.fork", file, no, chain.enrolment, first=first, last=last)
            return
        key = court.keys.get(chain.enrolment)
        message = evidence.head_message(chain.scope, claim.enrolment, last, bytes.fromhex(claim.head), claim.lines)
        if claim.enrolment != chain.enrolment or key is None or not signed_by(key.public_key, message, claim.signature):
            what = ("不是这台设备签名的", "it is not signed by this device")
            court.say("fork.head", file, no, chain.enrolment, what=what)
            return
        main = self.wanted.get(last)
        if main is not None and main.hex() == claim.head:
            what = ("与主链是同一条", "it is the main chain itself")
            court.say("fork.head", file, no, chain.enrolment, what=what)
            return
        # one key, two heads that cannot both be on one chain
        signed_beyond = facts.signed >= first
        link = bytes.fromhex(claim.prev) if first == claim.first else self.wanted.get(first - 1)
        for step in lines:
            link = step.link or hashlib.sha256((link or b"") + step.inner).digest()
        if any(step.link for step in lines) or (link or b"").hex() != claim.head:
            court.say("told.fork", file, no, chain.enrolment, first=first, last=last)
        if signed_beyond:
            court.say("device.cloned", file, no, chain.enrolment, first=first, last=last)


def _inners(lines: list[dict[str, Any]]) -> list[Step] | None:
    """Of each its position and inner hash; positions without a gap."""
    out: list[Step] = []
    for value in lines:
        pos, inner, link = value.get("pos"), _inner(value), value.get("link")
        if type(pos) is not int or pos < 1 or inner is None or (out and pos != out[-1].pos + 1):
            return None
        if link is not None and not (isinstance(link, str) and HEX.fullmatch(link)):
            return None
        out.append(Step(pos, inner, bytes.fromhex(link) if link else None))
    return out or None


def _inner(value: dict[str, Any]) -> bytes | None:
    try:
        if "inner" in value:
            inner = bytes.fromhex(value["inner"]) if value.keys() <= {"pos", "inner", "link"} else b""
            return inner if len(inner) == 32 else None
        salt = bytes.fromhex(value["salt"])
        line, line64 = value.get("line"), value.get("line64")
        if len(salt) != 16 or (line is None) == (line64 is None):
            return None
        data = evidence.unb64(line64) if isinstance(line64, str) else str.encode(line)  # type: ignore[arg-type]
        return hashlib.sha256(salt + data).digest()
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
