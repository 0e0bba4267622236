"""The chains of a package: what is shown of each, what stays an inner hash, who signed it, and where a device has a second one."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from schemas import canonical, change
from schemas.canonical import NotCanonical
from schemas.rules import evidence
from schemas.wire import CONSOLE
from sync_server.proof.choosing import Chosen, some_of
from sync_server.store import DeviceKey, ForkLine, Journaled, Tx

GROWS, LINE = 6, 4000  # what a line can become as JSON, and what stands beside it; for the size an entry may reach


class Extent(NamedTuple):
    """How much of a chain goes in: positions 1 to `last`; `most`: bytes the file will surely not exceed."""

    last: int
    proved: Sequence[int]  # positions whose receipts go in, ascending; a range where all of it is
    most: int


class Link(NamedTuple):
    scope: str
    enrolment: str
    key: DeviceKey | None  # None for the server's own chain


class Chains:
    def __init__(self, tx: Tx, chosen: Chosen, keys: Mapping[str, DeviceKey]) -> None:
        self.tx, self.chosen, self.keys = tx, chosen, keys
        self.counts: Counter[str] = Counter(changes=0, hidden=0, receipts=0, chains=0)
        self.outcomes, self.proofs = Counter[str](), Counter[str]()
        self.given: tuple[int, str, str] = (
            0,
            "",
            "",
        )  # receipts of the chain at hand: how many, the first and the last one's time
        self.decided: list[str] = []  # ids of shown changes, until they are asked about
        self._places: dict[
            tuple[str, str], array[int]
        ] = {}  # shown positions of single records, by scope and enrolment
        for ids in some_of((*chosen.below, *chosen.above)):
            for scope, enrolment, pos in tx.places_of(ids):
                if chosen.within(scope):
                    self._places.setdefault((scope, enrolment), array("q")).append(pos)
        for key, of in self._places.items():
            self._places[key] = array("q", sorted(of))

    def link_of(self, scope: str, enrolment: str) -> Link:
        return Link(scope, enrolment, self.keys.get(enrolment))

    # --- how far -----------------------------------------------------------------------------------------------------

    def extent(self, link: Link) -> Extent:
        """`last` is 0 where the journal has nothing of it (only a second chain was kept)."""
        held, weight = self.tx.chain_weight(link.enrolment, link.scope)
        if not held:
            return Extent(0, (), 0)
        most = GROWS * weight + LINE * held
        if link.scope in self.chosen.whole:
            return Extent(held, range(1, held + 1), most)
        shown: Sequence[int] = self._places.get((link.scope, link.enrolment), [])
        spans = [span for span, _ in self._receipts(link, shown)]
        # a signed head has to cover all that is shown
        covered = bool(shown) and any(first <= shown[-1] <= last for first, last in spans)
        last, odd = min(max(last for _, last in spans), held) if covered else held, self._odd(link)
        # where the chain was broken on the device, also outside the selection, the head it signed then has to tell how it goes on
        while wanted := sorted({*shown, *(pos for pos in odd if pos <= last)}):
            further = min(max((end for (_, end), _ in self._receipts(link, wanted)), default=last), held)
            if further <= last:
                return Extent(last, wanted, most)
            last = further
        return Extent(last, shown, most)

    def _odd(self, link: Link) -> list[int]:
        return [] if link.enrolment == CONSOLE else self.tx.broken_positions(link.enrolment, link.scope)

    def _lines(self, link: Link) -> Iterator[Journaled]:
        return self.tx.journal_by_chain(link.enrolment, link.scope)

    def _receipts(self, link: Link, shown: Sequence[int]) -> Iterator[tuple[tuple[int, int], Mapping[str, Any]]]:
        """((first, last), row) of those that cover one of these positions."""
        if link.enrolment == CONSOLE:
            return
        for row in self.tx.receipts_of(link.enrolment, link.scope):
            text = json.loads(row["text"])
            first, last = text["first"], text["last"]
            at = bisect_left(shown, first)
            if at < len(shown) and shown[at] <= last:
                yield (first, last), row

    # --- the files ---------------------------------------------------------------------------------------------------

    def lines(self, link: Link, extent: Extent) -> Iterator[tuple[int, bytes, bytes]]:
        """(position, link, line of the file), position after position."""
        salt_key = _salt_key(link.key)
        for j in self._lines(link):
            if j.pos > extent.last:
                break
            salt = evidence.salt_of(salt_key, change.change_id(j.line) or "")
            if self.chosen.shows(link.scope, j.record):
                self.counts["changes"] += 1
                self.decided.append(j.id)
                self.outcomes[j.outcome] += 1
                self.proofs[j.proof] += 1
                line = shown(j, salt)
            else:
                self.counts["hidden"] += 1
                line = hidden(j.pos, salt, j.line, j.link if j.proof == "unproven" else None)
            yield j.pos, j.link, canonical.dumps(line) + b"\n"

    def receipts(self, link: Link, extent: Extent) -> Iterator[bytes]:
        self.given = 0, "", ""
        for _, row in self._receipts(link, extent.proved):
            self.counts["receipts"] += 1
            n, first, last = self.given
            at = str(json.loads(row["text"])["at"])
            self.given = n + 1, min(first or at, at), max(last, at)
            yield canonical.dumps({k: row[k] for k in ("text", "signature", "claim")}) + b"\n"

    def forks(self, link: Link) -> Iterator[bytes]:
        """Of a device that was cloned: each second chain that came, from where it parts from this one."""
        rows = [f for f in self.tx.fork_lines(link.scope) if f.enrolment == link.enrolment]
        salt_key = _salt_key(link.key)
        for claim, at, lines in Forks(self.tx, link, rows, salt_key).all():
            self.counts["beside"] += len(lines)
            parts = [self._fork_line(link.scope, f, evidence.salt_of(salt_key, f.id), odd) for f, odd in lines]
            yield canonical.dumps({"claim": claim, "received_at": at, "lines": parts}) + b"\n"

    def _fork_line(self, scope: str, f: ForkLine, salt: bytes, odd: bytes | None) -> dict[str, Any]:
        if not (scope in self.chosen.whole or self.chosen.shows(scope, _record(f.line))):
            return hidden(f.pos, salt, f.line, odd)
        return {"pos": f.pos, "salt": salt.hex(), **text_of(f.line), **({"link": odd.hex()} if odd else {})}


def _salt_key(key: DeviceKey | None) -> bytes:
    return evidence.unb64(key.salt_key) if key else b""


def _record(line: bytes) -> str:
    try:
        return change.decode(line).record
    except NotCanonical:
        return ""


def text_of(line: bytes) -> dict[str, str]:
    """The exact bytes, as JSON can carry them; a NUL no reader of ours takes as text."""
    try:
        if b"\0" not in line:
            return {"line": line.decode()}
    except UnicodeDecodeError:
        pass
    return {"line64": evidence.b64(line)}


def hidden(pos: int, salt: bytes, line: bytes, odd: bytes | None) -> dict[str, Any]:
    out: dict[str, Any] = {"pos": pos, "inner": sha256(salt + line).hexdigest()}
    return out | ({"link": odd.hex()} if odd else {})


def shown(j: Journaled, salt: bytes) -> dict[str, Any]:
    """One line with what became of it; what there is not is left out."""
    out: dict[str, Any] = {
        "pos": j.pos, "salt": salt.hex(), **text_of(j.line), "outcome": j.outcome, "seq": j.seq, "problem": j.problem,
        "detail": json.loads(j.detail) if j.detail else None, "received_at": j.received_at, "proof": j.proof,
        "link": j.link.hex() if j.proof == "unproven" else None,
    }  # fmt: skip
    return {k: v for k, v in out.items() if v is not None}


Found = tuple[str | None, str, list[tuple[ForkLine, bytes | None]]]  # claim, when, lines, each with its odd link


class Step(NamedTuple):
    """A line in its place, the link behind it, and that link again where the line does not fit it."""

    line: ForkLine
    link: bytes
    odd: bytes | None


class Forks:
    """Lines of a second chain are kept once, under the push they first came with. Here each push is put together again: its own
    lines, and those of earlier ones where it only repeats them. A claim that does not hold even so proves nothing: it is left out."""

    def __init__(self, tx: Tx, link: Link, rows: Sequence[ForkLine], salt_key: bytes) -> None:
        self.tx, self.link, self.rows, self.salt_key = tx, link, rows, salt_key
        self._held: list[dict[int, Step]] = []  # chains that hold

    def all(self) -> Iterator[Found]:
        groups: dict[tuple[str | None, str], list[ForkLine]] = {}
        for f in self.rows:
            groups.setdefault((f.claim, f.received_at), []).append(f)
        seen: dict[int, ForkLine] = {}  # of what came earlier the last one at each position
        for (claim, at), rows in groups.items():
            own = {f.pos: f for f in rows}
            found = self._signed(json.loads(claim), own, seen) if claim else None
            if found:
                self._held.append(found)
                yield claim, at, [(step.line, step.odd) for _, step in sorted(found.items())]
            else:
                for run in _runs(sorted(rows, key=lambda f: f.pos)):
                    yield None, at, [(f, None) for f in run]
            seen |= own

    def _signed(
        self, head: dict[str, Any], own: dict[int, ForkLine], seen: dict[int, ForkLine]
    ) -> dict[int, Step] | None:
        """The chain this claim is about, from where it parts; None where no lines lead to its head."""
        start = min(own)
        for before in ({}, *reversed(self._held)):
            behind = {pos: step for pos, step in before.items() if head["first"] <= pos < start}
            if before and start - 1 not in behind:
                continue
            previous = behind[start - 1].link if behind else self._link_before(head, start)
            if (made := self._follow(head, start, previous, own, seen)) is not None:
                return behind | made
        return None

    def _follow(
        self, head: dict[str, Any], pos: int, previous: bytes, own: dict[int, ForkLine], seen: dict[int, ForkLine]
    ) -> dict[int, Step] | None:
        claimed, made = head.get("links"), dict[int, Step]()
        while previous.hex() != head["head"] or not made:
            f = own.get(pos) or seen.get(pos)
            if f is None:
                return None
            fits = evidence.next_link(previous, evidence.salt_of(self.salt_key, f.id), f.line)
            n = pos - head["first"]
            said = bytes.fromhex(claimed[n]) if claimed and n < len(claimed) else fits
            made[pos], previous, pos = Step(f, said, said if said != fits else None), said, pos + 1
        return made if own.keys() <= made.keys() else None

    def _link_before(self, head: dict[str, Any], start: int) -> bytes:
        if head["first"] == start:
            return bytes.fromhex(head["prev"])
        return self.tx.links_at(self.link.enrolment, self.link.scope, (start - 1,)).get(start - 1, b"")


def _runs(rows: Sequence[ForkLine]) -> Iterator[list[ForkLine]]:
    """Parted where a position is missing or there twice."""
    run: list[ForkLine] = []
    for f in rows:
        if run and f.pos != run[-1].pos + 1:
            yield run
            run = []
        run.append(f)
    if run:
        yield run
