"""One chain, position by position: links, what each line says of itself, and what the receipts say of it.

A change that was altered, removed, added or moved shows at the next head the device signed: the links from there back to the last
head that fits do not lead to it. Two heads of one key that cannot both be on one chain show a copied device.
"""

from __future__ import annotations

import hashlib

from schemas import change
from schemas.canonical import NotCanonical
from schemas.rules import evidence
from schemas.rules.judging.court import ChainFacts, Court, Line
from schemas.rules.judging.forks import Forks
from schemas.rules.judging.reading import both, bytes_of, inner_of, place_of, runs_of
from schemas.rules.judging.receipts import Receipts
from schemas.rules.package import PACKAGE, Chain, Hidden, Shown
from schemas.wire import ACCEPTED, CONSOLE

SERVER = "server"  # person and device of what the server does by itself
MADE_AGAIN = 1208  # an id that is known with other contents


def judge_chains(court: Court) -> None:
    seen: set[tuple[str, str]] = set()
    p = court.package
    for n, chain in enumerate(p.chains):
        if (chain.scope, chain.enrolment) in seen:
            court.say("chain.twice", chain.file, id=chain.enrolment)
        seen.add((chain.scope, chain.enrolment))
        if chain.scope.rpartition(".")[0] not in (p.project.id, p.organisation.id):
            court.say("chain.scope", chain.file, id=chain.enrolment, scope=chain.scope)
        facts = ChainFacts(chain.scope, chain.enrolment, chain.file)
        court.chains.append(facts)
        if chain.enrolment != CONSOLE and chain.enrolment not in court.keys:
            court.say("key.missing", chain.file, id=chain.enrolment, enrolment=chain.enrolment)
        receipts, forks = Receipts(court, chain, facts), Forks(court, chain)
        _Walk(court, n, chain, facts, receipts, forks.wanted).all()
        forks.judge(facts)
        facts.sound = not court.faulty & {chain.file, chain.receipts, chain.forks}
    _again(court)
    if p.selection.kind == "project":
        _gaps(court)


class _Walk:
    """Down one chain."""

    def __init__(
        self, court: Court, n: int, chain: Chain, facts: ChainFacts, receipts: Receipts, wanted: dict[int, bytes | None]
    ) -> None:
        self.court, self.n, self.chain, self.facts, self.receipts = court, n, chain, facts, receipts
        self.key = court.keys.get(chain.enrolment)
        self.console = chain.enrolment == CONSOLE
        self.wanted = wanted  # positions whose links somebody wants to know

    def all(self) -> None:
        court, chain, facts, receipts = self.court, self.chain, self.facts, self.receipts
        link, pos = evidence.first_link(chain.scope, chain.enrolment), 0
        receipts.begin(link)
        if 0 in self.wanted:
            self.wanted[0] = link
        for line in court.lines(chain.file):
            read = self._read(line)
            if read is None:
                pos += 1  # one line, one position; the links go on without it, and the next signed head will not fit
                facts.positions += 1
                receipts.cannot_hash()
                continue
            if read.pos != pos + 1:
                court.say("chain.position", chain.file, line.no, wanted=pos + 1, found=read.pos)
            pos += 1
            facts.positions += 1
            data = bytes_of(read) if isinstance(read, Shown) else None
            inner = inner_of(read, data)
            link = self._linked(pos, read, hashlib.sha256(link + inner).digest(), inner)
            if pos in self.wanted:
                self.wanted[pos] = link
            receipts.position(pos, link, data, read)
            if isinstance(read, Shown) and data is not None:
                facts.shown += 1
                facts.outcomes[read.outcome] += 1
                self._line(pos, line, read, data)
            else:
                self._hidden(pos)
        receipts.end(pos, link)
        if pos != chain.last:
            court.say("chain.last", chain.file, pos, wanted=chain.last, found=pos)
        if link.hex() != chain.head:
            court.say("chain.head", chain.file, pos, id=chain.enrolment)
        self._tell()

    def _read(self, line: Line) -> Shown | Hidden | None:
        """Either kind, and nothing that is both."""
        court, file = self.court, self.chain.file
        value = court.json(line.data, file, line.no)
        if value is None:
            return None
        if "inner" in value:
            if value.keys() <= {"pos", "inner", "link"}:
                return court.formed(value, Hidden, file, line.no)
            what = ("隐去的一行写着别的内容", "a hidden line says more than its hash")
            court.say("file.form", file, line.no, line=line.no, what=what)
            return None
        shown = court.formed(value, Shown, file, line.no)
        if shown is None or bytes_of(shown) is not None:
            return shown
        what = (
            "line 与 line64 须正好有一个，且写法唯一",
            "exactly one of line and line64 must be there, written as it must be",
        )
        court.say("file.form", file, line.no, line=line.no, what=what)
        return None

    def _linked(self, pos: int, read: Shown | Hidden, made: bytes, inner: bytes) -> bytes:
        """The link of this position. Where the chain was broken on the device it goes on from what the device claimed."""
        proof = "unproven" if isinstance(read, Hidden) and read.link else getattr(read, "proof", None)
        if proof is not None and self.console != (proof == "server"):
            what = ("服务器的链与设备的链不同", "the server's chain is not a device's")
            self.court.say("chain.proof", self.chain.file, pos, proof=proof, what=what)
        claimed = bytes.fromhex(read.link) if read.link else None
        if proof != "unproven":
            if claimed is not None and claimed != made:
                self.court.say("chain.link", self.chain.file, pos)
            return made
        self.facts.odd.add(pos)
        if claimed is None or claimed == made or not self.receipts.claims_link(pos, claimed):
            self.court.say("chain.unproven", self.chain.file, pos)
            return made
        self.receipts.broken()
        return claimed

    # --- what a line says ----------------------------------------------------------------------------------------

    def _hidden(self, pos: int) -> None:
        p = self.court.package
        self.facts.hidden += 1
        if p.selection.kind == "project" and self.chain.scope.rpartition(".")[0] == p.project.id:
            self.court.say("chain.hidden", self.chain.file, pos)

    def _line(self, pos: int, line: Line, read: Shown, data: bytes) -> None:
        court, file, accepted = self.court, self.chain.file, read.outcome in ACCEPTED
        told = read.problem is not None
        if (read.seq is not None) != accepted or told != (read.outcome in ("parked", "rejected")):
            court.say("line.outcome", file, pos, change.change_id(data), outcome=read.outcome, seq=read.seq, problem=read.problem)  # fmt: skip
        if read.seq is not None:
            self._seq(pos, read.seq, change.change_id(data), place_of(self.n, line.offset))
        try:
            c = change.decode(data)
        except NotCanonical as err:
            court.say("told.unreadable" if read.outcome == "rejected" else "line.form", file, pos, change.change_id(data), what=both(err))  # fmt: skip
            return
        if self.console and read.salt != evidence.salt_of(b"", c.id).hex():
            court.say("line.salt", file, pos, c.id)
        here, id = place_of(self.n, line.offset), bytes.fromhex(c.id.replace("-", ""))
        if read.outcome == "again":
            court.again.append((c.id, here))
        elif read.problem != MADE_AGAIN:
            if id in court.ids:
                court.say("line.twice", file, pos, c.id, where=court.where(court.ids[id]))
            court.ids[id] = here
        if read.outcome in ("rejected", "again"):
            if read.outcome == "rejected" and not self._is_author(c):
                court.say("told.foreign", file, pos, c.id)
            return
        if c.scope != self.chain.scope:
            court.say("line.scope", file, pos, c.id, found=c.scope)
        if not self._is_author(c):
            court.say("line.author", file, pos, c.id, found=f"{c.by} / {c.device}")
        if read.seq is not None and accepted:
            about = c.type, self.chain.scope
            if court.record_of.setdefault(c.record, about) != about:
                court.say("record.mixed", file, pos, c.record)
            court.changes.add(c.record, read.seq, here)

    def _is_author(self, c: change.Change) -> bool:
        if self.console:
            return c.device == SERVER
        return self.key is None or (c.by, c.device) == (self.key.person, self.key.device)

    def _seq(self, pos: int, seq: int, id: str | None, here: int) -> None:
        taken = self.court.seqs.setdefault(self.chain.scope, {})
        if seq in taken:
            self.court.say("line.seq", self.chain.file, pos, id, seq=seq, where=self.court.where(taken[seq]))
        taken[seq] = here

    def _tell(self) -> None:
        court, file, counts = self.court, self.chain.file, self.facts.outcomes
        for first, last in runs_of(sorted(self.facts.odd)):
            court.say("told.unproven", file, first, first=first, last=last)
        if self.console and self.facts.shown:
            court.say("told.console", file, count=self.facts.shown)
        if self.facts.hidden:
            court.say("told.hidden", file, count=self.facts.hidden)
        for outcome in ("conflict", "parked", "rejected", "again"):
            if counts[outcome]:
                court.say(f"told.{outcome}", file, count=counts[outcome])
        court.counts["changes"] += self.facts.shown
        court.counts["hidden"] += self.facts.hidden


def _gaps(court: Court) -> None:
    """A scope's seqs rise by one from 1: in the package of a whole project none of its own may be missing in between."""
    for scope, taken in court.seqs.items():
        due = 1
        for seq in sorted(taken) if scope.rpartition(".")[0] == court.package.project.id else ():
            if seq != due:
                court.say("line.missing", PACKAGE, None, scope, first=due, last=seq - 1)
            due = seq + 1


def _again(court: Court) -> None:
    """What came again has the contents of what came first."""
    for id, place in court.again:
        first, here = court.ids.get(bytes.fromhex(id.replace("-", ""))), court.stands(place)
        if first is None or _contents(court.stands(first).data) != _contents(here.data):
            court.say("line.again", court.package.chains[here.chain].file, here.shown.pos, id)


def _contents(line: bytes) -> tuple[object, ...]:
    c = change.decode(line)
    return c.scope, c.type, c.record, c.before, c.after
