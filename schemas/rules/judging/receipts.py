"""The receipts of one chain and the heads its device signed, compared with the positions as they go by."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from schemas.rules import evidence
from schemas.rules.judging.court import ChainFacts, Court
from schemas.rules.judging.reading import inner_of, runs_of, signed_by
from schemas.rules.package import Chain, Hidden, Shown, Signed
from schemas.wire import ACCEPTED, CONSOLE, Outcome, PushHead, Receipt

MOST_POSITIONS = 10_000  # of one receipt; a push has 1000
MOST_TRIES = 100  # signatures that fit nobody are tried with every other key so many times


@dataclass
class Batch:
    """One push: the device's claim, the server's receipt."""

    line: int  # in the file
    receipt: Receipt
    claim: PushHead
    by_device: bool  # the device's signature holds
    runs: list[tuple[int, int, Outcome, int | None]]
    lines: Any = field(default_factory=hashlib.sha256)
    all_shown: bool = True
    begun: bool = False


class Receipts:
    """Told of each position in order; says what does not fit."""

    def __init__(self, court: Court, chain: Chain, facts: ChainFacts) -> None:
        self.court, self.chain, self.facts = court, chain, facts
        self.file = chain.receipts or chain.file
        self.key = court.keys.get(chain.enrolment)
        self._starts: dict[int, list[Batch]] = defaultdict(list)
        self._open: list[Batch] = []
        self._covered = 0  # up to which position some receipt covers everything since it began
        self._bare: list[int] = []  # shown positions without a receipt
        self._last_shown = 0
        self._good = 0  # the last position whose head was signed and fits
        self._unfit: list[tuple[int, int, Batch]] = []  # signed heads that did not fit since then
        self._instead: bytes | None = None  # the chain, if what was signed last is right and the lines are not
        self._previous = b""
        if chain.receipts is not None:
            for line in court.lines(chain.receipts):
                court.counts["receipts"] += 1
                batch = self._judge(line.no, court.parse(line.data, Signed, self.file, line.no))
                if batch is not None:
                    self._starts[batch.receipt.first].append(batch)

    # --- one receipt by itself -----------------------------------------------------------------------------------

    def _judge(self, no: int, signed: Signed | None) -> Batch | None:
        court, chain, file = self.court, self.chain, self.file
        if signed is None:
            return None
        receipt = court.parse(signed.text, Receipt, file, no)
        claim = court.parse(signed.claim, PushHead, file, no)
        if receipt is None or claim is None:
            return None
        id = receipt.receipt
        if receipt.server_key != court.package.server_key:
            court.say("receipt.key", file, no, id)
        if not signed_by(court.package.server_key, signed.text.encode(), signed.signature):
            court.say("receipt.signature", file, no, id)
        said = receipt.scope, receipt.enrolment, claim.enrolment, receipt.head, receipt.first, receipt.epoch
        if said != (chain.scope, chain.enrolment, chain.enrolment, claim.head, claim.first, claim.epoch):
            court.say("receipt.batch", file, no, id)
            return None
        if not _whole(receipt):
            court.say("receipt.runs", file, no, id)
            return None
        by_device = chain.enrolment != CONSOLE and self._head_is_signed(no, receipt, claim)
        self.facts.acknowledged.append((receipt.first, receipt.last, receipt.at, id))
        return Batch(no, receipt, claim, by_device, list(reversed(receipt.runs)))

    def _head_is_signed(self, no: int, receipt: Receipt, claim: PushHead) -> bool:
        message = evidence.head_message(
            receipt.scope, claim.enrolment, receipt.last, bytes.fromhex(claim.head), claim.lines
        )
        if self.key is None:
            return False  # said where the chain was opened
        if signed_by(self.key.public_key, message, claim.signature):
            return True
        self.court.tries += 1
        others = self.court.keys.values() if self.court.tries <= MOST_TRIES else ()
        other = next((e for e in others if signed_by(e.public_key, message, claim.signature)), None)
        span: dict[str, object] = {"first": receipt.first, "last": receipt.last}
        if other is None:
            self.court.say("head.signature", self.file, no, receipt.receipt, **span)
        else:
            whose = f"{other.person_name} {other.device_code} {other.enrolment}"
            self.court.say("head.other_key", self.file, no, receipt.receipt, whose=whose, **span)
        return False

    # --- as the chain goes by ------------------------------------------------------------------------------------

    def begin(self, link: bytes) -> None:
        self._previous = link

    def claims_link(self, pos: int, link: bytes) -> bool:
        """Did the device itself claim this link for a position where its chain was broken?"""
        self._enter(pos)
        return any(
            (b.claim.links or [])[pos - b.receipt.first : pos - b.receipt.first + 1] == [link.hex()]
            for b in self._open
            if b.by_device
        )

    def broken(self) -> None:
        """The chain goes on from what the device claimed; so does what is held against it."""
        self._say_unfit()
        self._instead = None

    def cannot_hash(self) -> None:
        for b in self._open:
            b.all_shown = False

    def _enter(self, pos: int) -> None:
        for b in self._starts.pop(pos, []):
            self._open.append(b)
            self._covered = max(self._covered, b.receipt.last)

    def position(self, pos: int, link: bytes, data: bytes | None, read: Shown | Hidden) -> None:
        self._enter(pos)
        if self._instead is not None:
            self._instead = hashlib.sha256(self._instead + inner_of(read, data)).digest()
        for b in self._open:
            if data is None:
                b.all_shown = False
            else:
                b.lines.update(b"\n" + data if b.begun else data)
            b.begun = True
            self._outcome(b, pos, read)
        if data is not None and self.chain.enrolment != CONSOLE:
            self._last_shown = pos
            if pos > self._covered:
                self._bare.append(pos)
        ending = [b for b in self._open if b.receipt.last == pos]
        if ending:
            self._open = [b for b in self._open if b.receipt.last != pos]
            self._head(pos, link, [b for b in ending if b.by_device])

    def _outcome(self, b: Batch, pos: int, read: Shown | Hidden) -> None:
        """A receipt's word about what became of a change stands: parked ones alone may have moved since."""
        while b.runs and pos >= b.runs[-1][0] + b.runs[-1][1]:
            b.runs.pop()
        if not b.runs or pos < b.runs[-1][0] or not isinstance(read, Shown) or read.outcome == "again":
            return
        start, _, outcome, seq = b.runs[-1]
        said = outcome, None if seq is None else seq + pos - start
        if outcome is not Outcome.PARKED and said != (read.outcome, read.seq):
            found = f"{read.outcome} {read.seq or ''}".strip()
            self.court.say("receipt.outcome", self.file, b.line, b.receipt.receipt,
                           at=pos, said=f"{said[0]} {said[1] or ''}".strip(), found=found)  # fmt: skip

    def _head(self, pos: int, link: bytes, ending: list[Batch]) -> None:
        """At the end of one or more batches: do the links lead to what the device signed?"""
        fits = [b for b in ending if b.claim.head == link.hex()]
        for b in fits:
            if b.all_shown and b.lines.hexdigest() != b.claim.lines:
                self.court.say("head.lines", self.file, b.line, b.receipt.receipt, first=b.receipt.first, last=pos)
            elif b.all_shown and not self.facts.odd.isdisjoint(range(b.receipt.first, pos + 1)):
                self.court.say("told.lines", self.file, b.line, b.receipt.receipt, first=b.receipt.first, last=pos)
        others = [b for b in ending if b not in fits]
        if fits:
            # whatever was signed since the last head that fits, and did not fit, is another chain of the same key
            for first, last, b in self._unfit:
                self._cloned(first, last, b)
            for b in others:
                self._cloned(b.receipt.first, pos, b)
            self._settled(pos)
        elif self._instead is not None and any(b.claim.head == self._instead.hex() for b in others):
            self._say_unfit()  # the signed heads agree with each other, the lines do not: the lines were altered
            self._good = self.facts.signed = pos
        elif others:
            self._unfit += [(self._good + 1, pos, b) for b in others]
            self._instead = bytes.fromhex(others[0].claim.head)
            if len({b.claim.head for b in others}) > 1:
                self._cloned(others[1].receipt.first, pos, others[1])

    def _settled(self, pos: int) -> None:
        self._good = self.facts.signed = pos
        self._unfit, self._instead = [], None

    def _cloned(self, first: int, last: int, b: Batch) -> None:
        self.court.say("device.cloned", self.file, b.line, self.chain.enrolment, first=first, last=last)

    def _say_unfit(self) -> None:
        for first, last, b in self._unfit:
            self.court.say("head.link", self.file, b.line, b.receipt.receipt, first=first, last=last)
        self._unfit = []

    def end(self, pos: int, link: bytes) -> None:
        self._say_unfit()
        court, chain = self.court, self.chain
        for b in (*self._open, *(b for found in self._starts.values() for b in found)):
            court.say("receipt.beyond", self.file, b.line, b.receipt.receipt, last=b.receipt.last, found=pos)
        for first, last in runs_of(self._bare):
            court.say("receipt.missing", self.file, first, chain.enrolment, first=first, last=last)
        if chain.enrolment != CONSOLE and self._last_shown > self.facts.signed:
            court.say("chain.unsigned", chain.file, self.facts.signed + 1, chain.enrolment,
                      first=self.facts.signed + 1, last=self._last_shown)  # fmt: skip


def _whole(receipt: Receipt) -> bool:
    """Its runs cover its positions, one after the other, and say what can be."""
    at = receipt.first
    for pos, count, outcome, seq in receipt.runs:
        if pos != at or count < 1 or (seq is not None) != (outcome in ACCEPTED):
            return False
        at += count
    return at == receipt.last + 1 and 1 <= receipt.first <= receipt.last <= receipt.first + MOST_POSITIONS
