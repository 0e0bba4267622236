"""The parts of a push: does the chain fit, what becomes of each line, what is told about it. `service.push` joins them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

from schemas import change
from schemas.canonical import NotCanonical
from schemas.fresh import Fresh, read_batch
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import Detail, Outcome, PushHead
from sync_server.applying import AGAIN, Applying
from sync_server.plain import Author
from sync_server.store import DeviceKey, Journaled, Tx


def verify_head(key: DeviceKey, scope: str, head: PushHead, count: int) -> None:
    """Is this the device's own word about `count` lines? Raises Trouble 1203."""
    last = head.first + count - 1
    message = evidence.head_message(scope, head.enrolment, last, bytes.fromhex(head.head), head.lines)
    if not evidence.verify(key.public_key, message, head.signature):
        raise Trouble(1203)


def verify_chain(key: DeviceKey, head: PushHead, lines: Sequence[bytes]) -> tuple[list[bytes], list[str]]:
    """The link of every line, and whether each is proven. Raises Trouble 1203, 1205."""
    salt_key, previous = evidence.unb64(key.salt_key), bytes.fromhex(head.prev)
    ids = [change.change_id(line) or "" for line in lines]
    made = evidence.links(previous, salt_key, zip(ids, lines, strict=True))
    if made[-1].hex() == head.head:
        return made, ["proven"] * len(lines)
    if head.links is None:
        raise Trouble(1205)
    if len(head.links) != len(lines) or head.links[-1] != head.head:
        raise Trouble(1203)
    claimed, proofs = [bytes.fromhex(x) for x in head.links], []
    for n, line in enumerate(lines):
        fits = evidence.next_link(claimed[n - 1] if n else previous, evidence.salt_of(salt_key, ids[n]), line)
        proofs.append("proven" if fits == claimed[n] else "unproven")
    return claimed, proofs


def parts_at(
    scope: str, head: PushHead, links: Sequence[bytes], stored: tuple[int, bytes] | None, known: Mapping[int, Journaled]
) -> int | None:
    """The position from which this chain is another than the stored one; None if it is the same so far."""
    pos, stored_head = stored or (0, b"")
    if head.first == 1:
        before = evidence.first_link(scope, head.enrolment)
    else:
        before = stored_head if head.first == pos + 1 else known[head.first - 1].link
    if bytes.fromhex(head.prev) != before:
        return head.first
    return next((p for n, link in enumerate(links) if (p := head.first + n) in known and known[p].link != link), None)


def take_lines(
    tx: Tx, work: Applying, author: Author, head: PushHead, lines: Sequence[bytes], links: Sequence[bytes], proofs: Sequence[str],
    skip: int,
) -> None:  # fmt: skip
    """Judge and keep the lines after the first `skip`, which are known. One bad line never stops its neighbours."""
    parsed: list[Fresh | change.Change | NotCanonical] = []
    for line, read in zip(lines[skip:], read_batch(lines[skip:]), strict=True):
        try:
            parsed.append(read or change.decode(line))
        except NotCanonical as err:
            parsed.append(err)
    changes = [c for c in parsed if not isinstance(c, NotCanonical)]
    again = tx.journaled([c.id for c in changes])
    work.prepare(changes)
    at = [(head.enrolment, head.first + n, links[n], proofs[n]) for n in range(skip, len(lines))]
    n = 0
    while n < len(parsed):
        run = _run(parsed, n, again)
        if isinstance(run[0], Fresh):
            went = work.add(cast(list[Fresh], run), author, at[n : n + len(run)])
        elif isinstance(run[0], change.Change):
            went = work.edit(cast(list[change.Change], run), author, at[n : n + len(run)])
        else:
            went = 0
        n += went
        if went < len(run):  # the first of them that has something in its way
            _take_one(work, author, parsed[n], again, at[n], lines[skip + n])
            n += 1


def _run(parsed: Sequence[Fresh | change.Change | NotCanonical], n: int, again: Mapping[str, Journaled]) -> list[Any]:
    """From the n-th on as many of one kind as follow each other: new records, or edits of different ones; at least one."""
    kind, run, ids, records = type(parsed[n]), list[Any](), set[str](), set[str]()
    for c in islice(parsed, n, None):
        if type(c) is not kind or isinstance(c, NotCanonical) or c.id in again or c.id in ids or c.record in records:
            break
        ids.add(c.id)  # neither a change nor a record comes twice in a run
        records.add(c.record)
        run.append(c)
    return run or [None]


def _take_one(
    work: Applying, author: Author, c: Fresh | change.Change | NotCanonical, again: Mapping[str, Journaled],
    at: tuple[str, int, bytes, str], line: bytes,
) -> None:  # fmt: skip
    """One line the general way."""
    if isinstance(c, Fresh):
        c = change.decode(c.line)
    if isinstance(c, NotCanonical):
        work.keep_broken(line, f"broken:{at[0]}:{work.scope.id}:{at[1]}", *at, c)
    elif first := again.get(c.id) or work.outcome_of(c.id):  # made again after the device enrolled anew
        work.keep_again(c, first, *at)
    else:
        work.keep(c, *at, work.take(c, author))


def first_of(tx: Tx, work: Applying, row: Journaled) -> Journaled:
    """The line itself, or for a change that came a second time the one that counted, told under this position."""
    if row.outcome != AGAIN:
        return row
    id = change.change_id(row.line) or ""
    first = work.outcome_of(id) or tx.journaled([id])[id]
    return first._replace(pos=row.pos, line=row.line)


def all_known(tx: Tx, scope: str, head: PushHead, last: int) -> list[Journaled] | None:
    """A batch that came before, whose answer got lost on its way: what became of it. The stored link at its end is the head it
    is signed with, and a link holds all that was before it, so nobody need look at the lines again. None where something is
    out of the ordinary."""
    ends = tx.links_at(head.enrolment, scope, (head.first - 1, last))
    before = ends.get(head.first - 1, evidence.first_link(scope, head.enrolment) if head.first == 1 else b"")
    if (before.hex(), ends.get(last, b"").hex()) != (head.prev, head.head):
        return None
    rows = tx.outcomes_between(head.enrolment, scope, head.first, last)
    return (
        None
        if len(rows) <= last - head.first or any(not change.ID.match(r.id) or r.outcome == AGAIN for r in rows)
        else rows
    )


Runs = list[tuple[int, int, Outcome, int | None]]


def tell(rows: Sequence[Journaled]) -> tuple[Runs, list[Detail]]:
    """Outcomes as runs [position, how many, outcome, first seq], and details of what was not simply applied."""
    runs: Runs = []
    details: list[Detail] = []
    start, count, last, seq = (
        0,
        0,
        "",
        0,
    )  # of the run that grows; it begins anew where the next seq is another than `seq`
    for row in rows:
        if count and row.outcome == last and (row.seq or 0) == (seq and seq + count):
            count += 1
        else:
            if count:
                runs.append((start, count, Outcome(last), seq or None))
            start, count, last, seq = row.pos, 1, row.outcome, row.seq or 0
        if row.outcome != Outcome.APPLIED:
            told, id = json.loads(row.detail or "{}"), (change.change_id(row.line) or "") if row.line else row.id
            details.append(Detail(id=id, position=row.pos, outcome=Outcome(row.outcome), problem=row.problem, **told))
    if count:
        runs.append((start, count, Outcome(last), seq or None))
    return runs, details
