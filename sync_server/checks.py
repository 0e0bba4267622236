"""What `doctor` looks at in one scope: every chain link by link, every signature, every seq, every row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.merge import merge
from schemas.records import TABLES, TYPES, check
from schemas.rules import evidence
from schemas.wire import ACCEPTED, CONSOLE, Outcome
from sync_server.signatures import Receipts
from sync_server.store import DeviceKey, Journaled, ScopeRow, Tx, Values

BROKEN, MADE_AGAIN = "broken:", "again:"  # ids of lines that have none of their own
COMPARE = (
    "与备份比对，不要手工改数据库；保留现状作为证据",
    "compare with a backup, do not edit the database by hand; keep it as evidence",
)
RECOUNT = ("--repair 会重算", "--repair recomputes it")


class Finding(NamedTuple):
    check: str  # chain, signature, seq, rows, digest, record_type, waiting, parked, scope, numbers, …
    severity: Literal["error", "warning", "note"]  # a note asks for nothing
    scope: str
    about: str  # the change, record or enrolment
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    mend: Callable[[Tx], None] | None = None


@dataclass
class Looked:
    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)


class Row(NamedTuple):
    type: str
    seq: int
    values: Values


def look_at(tx: Tx, scope: ScopeRow, keys: Mapping[str, DeviceKey], server_key: str) -> Looked:
    return _Look(tx, scope, keys, server_key).all()


class _Look:
    def __init__(self, tx: Tx, scope: ScopeRow, keys: Mapping[str, DeviceKey], server_key: str) -> None:
        self.tx, self.scope, self.keys, self.server_key = tx, scope, keys, server_key
        self.out = Looked()
        self.checked = self.out.checked

    def all(self) -> Looked:
        heads = self.tx.chains_of(self.scope.id)
        for enrolment in sorted({*heads, *self.tx.enrolments_in(self.scope.id)}):
            self._chain(enrolment, heads.get(enrolment))
        made = self._replay()
        self._rows(made)
        self._waiting()
        for enrolment, first, n in self.tx.forks_of(self.scope.id):
            self._say(
                "fork",
                "note",
                enrolment,
                f"设备有第二条链（从第 {first} 条起，{n} 条已留存）",
                f"the device has a second chain (from position {first}, {n} lines kept)",
                ("已要求重新登记；内容可由项目经理查看", "it was told to enrol again; the lines are kept"),
            )
        return self.out

    def _say(
        self,
        check: str,
        severity: Literal["error", "warning", "note"],
        about: str,
        zh: str,
        en: str,
        remedy: tuple[str, str] = COMPARE,
        mend: Callable[[Tx], None] | None = None,
    ) -> None:
        self.out.findings.append(Finding(check, severity, self.scope.id, about, zh, en, *remedy, mend))

    def _wrong(self, check: str, about: str, zh: str, en: str, mend: Callable[[Tx], None] | None = None) -> None:
        """An error: mended by --repair where it is derived, else to be compared with a backup."""
        self._say(check, "error", about, zh, en, RECOUNT if mend else COMPARE, mend)

    def _bad_signature(self, about: str, zh: str, en: str) -> None:
        self._wrong("signature", about, zh, en)

    # --- chains and signatures -----------------------------------------------------------------------------------

    def _chain(self, enrolment: str, head: tuple[int, bytes] | None) -> None:
        self.checked["chains"] += 1
        key = self.keys.get(enrolment)
        if key is None and enrolment != CONSOLE:
            self._wrong("chain", enrolment, "链的设备没有登记", "the chain's device is not enrolled here")
        salt = evidence.unb64(key.salt_key) if key else b""
        receipts = Receipts(self.tx.receipts_of(enrolment, self.scope.id), key, self.server_key, self._bad_signature)
        self.checked["receipts"] += receipts.count
        link, pos, whole, unproven = evidence.first_link(self.scope.id, enrolment), 0, True, 0
        for j in self.tx.journal_by_chain(enrolment, self.scope.id):
            self.checked["changes"] += 1
            if j.pos != pos + 1:
                whole = False
                self._wrong(
                    "chain",
                    j.id,
                    f"链上第 {pos + 1} 到 {j.pos - 1} 条不见了",
                    f"positions {pos + 1} to {j.pos - 1} of the chain are missing",
                )
            pos = j.pos
            link = evidence.next_link(link, evidence.salt_of(salt, change.change_id(j.line) or ""), j.line)
            if link != j.link:
                if j.proof == "unproven":
                    unproven += 1
                else:
                    whole = False
                    self._wrong(
                        "chain",
                        j.id,
                        f"第 {pos} 条与链不符：内容或链值被改动过",
                        f"position {pos} does not fit the chain: the line or its link was altered",
                    )
                link = j.link
            self._line(j)
            receipts.line(j)
        receipts.end(pos)
        if unproven:
            self._say(
                "chain",
                "note",
                enrolment,
                f"{unproven} 条变更未证明（到达时链已断）",
                f"{unproven} changes are unproven (the chain was broken when they came)",
                ("无需操作：当时已告知设备", "nothing to do: the device was told"),
            )
        if head == (pos, link) or (head is None and not pos):
            return
        if head is not None and head[0] > pos:
            self._wrong(
                "chain",
                enrolment,
                f"链记到第 {head[0]} 条，流水只有 {pos} 条",
                f"the chain stands at {head[0]}, the journal holds {pos}",
            )
            return
        there = head[0] if head else 0
        mend = _put_chain(enrolment, self.scope.id, pos, link) if whole else None
        self._wrong(
            "chain",
            enrolment,
            f"链头（第 {there} 条）与流水的末条（第 {pos} 条）不符",
            f"the head of the chain (position {there}) is not the journal's last line ({pos})",
            mend,
        )

    def _line(self, j: Journaled) -> None:
        """The journal's columns are what the line says."""
        if (j.seq is not None) != (j.outcome in ACCEPTED):
            self._wrong(
                "journal", j.id, f"结果 {j.outcome} 与序号 {j.seq} 矛盾", f"outcome {j.outcome} contradicts seq {j.seq}"
            )
        if j.id.startswith(BROKEN):
            return
        try:
            c = change.decode(j.line)
        except NotCanonical:
            self._wrong("journal", j.id, "变更读不懂", "the change cannot be read")
            return
        same_id = c.id == j.id or j.id.startswith(MADE_AGAIN)
        if not same_id or (c.type, c.record) != (j.type, j.record) or (j.seq is not None and c.scope != j.scope):
            self._wrong(
                "journal", j.id, "流水的索引列与变更内容不符", "the journal's columns are not what the line says"
            )

    # --- rows ----------------------------------------------------------------------------------------------------

    def _replay(self) -> dict[str, Row]:
        """The records as the accepted changes make them."""
        made: dict[str, Row] = {}
        last = 0
        for j in self.tx.journal_by_seq(self.scope.id):
            assert j.seq is not None
            if j.seq == last:
                self._wrong("seq", j.id, f"序号 {j.seq} 用了两次", f"seq {j.seq} was given twice")
            elif j.seq != last + 1:
                self._wrong(
                    "seq", j.id, f"缺少序号 {last + 1} 到 {j.seq - 1}", f"seqs {last + 1} to {j.seq - 1} are missing"
                )
            last = j.seq
            self.checked["accepted"] += 1
            try:
                c = change.decode(j.line)
                cls = TYPES[c.type]
            except (NotCanonical, KeyError):
                continue  # told where the chains are looked at, or by a server that is too old for its data
            now = made[c.record].values if c.record in made else {}
            merged = merge(cls, now, c.before, c.after)
            values = merged.values
            if j.outcome == Outcome.CONFLICT and (not merged.clashes or check(cls, values)):
                values = now  # the whole change waits for a person
            made[c.record] = Row(c.type, j.seq, values)
        if last != self.scope.seq:
            gaps = any(f.check == "seq" for f in self.out.findings)
            mend = _set_seq(self.scope.id, last) if self.scope.seq < last and not gaps else None
            self._wrong(
                "seq",
                self.scope.id,
                f"数据范围记到序号 {self.scope.seq}，流水到 {last}",
                f"the scope stands at seq {self.scope.seq}, the journal at {last}",
                mend,
            )
        return made

    def _rows(self, made: dict[str, Row]) -> None:
        digest, sound = 0, True
        types = self.tx.typed_of(self.scope.id)
        for type in TABLES:
            for s in self.tx.rows_of(type, self.scope.id):
                self.checked["records"] += 1
                digest += evidence.row_hash(evidence.row_line(s.type, s.id, s.seq, s.values))
                want = made.pop(s.id, None)
                said = types.pop(s.id, None)
                if want is None:
                    zh, en = f"{type} 记录没有任何变更", f"a {type} record that no change made"
                elif want != (type, s.seq, s.values):
                    odd = sorted(k for k in {*want.values, *s.values} if want.values.get(k) != s.values.get(k))
                    what = "、".join(odd) or ("seq" if want.seq != s.seq else "type")
                    zh, en = (
                        f"{type} 记录与重放变更的结果不同：{what}",
                        f"a {type} record is not what its changes make: {what}",
                    )
                else:
                    zh = en = ""
                if zh:
                    sound = False
                    self._wrong("rows", s.id, zh, en)
                if said != type:
                    self._wrong(
                        "record_type",
                        s.id,
                        f"引用索引缺少或记错 {type} 记录",
                        f"the index of references lacks a {type} record, or has it wrong",
                        _set_type(s.id, type, self.scope.id),
                    )
        for id, row in made.items():
            sound = False
            self._wrong(
                "rows", id, f"{row.type} 记录不见了，变更还在", f"a {row.type} record is gone, its changes are here"
            )
        for id, type in types.items():
            self._wrong(
                "record_type",
                id,
                f"引用索引里的 {type} 记录不存在",
                f"the index of references names a {type} record that is not here",
            )
        if digest % evidence.DIGEST_SIZE != self.scope.digest:
            # over rows that are wrong a right sum would only hide it
            mend = _set_digest(self.scope.id, digest) if sound else None
            self._wrong("digest", self.scope.id, "校验值与记录不符", "the digest is not that of the rows", mend)

    # --- what waits ----------------------------------------------------------------------------------------------

    def _waiting(self) -> None:
        waits = self.tx.waits_of(self.scope.id)
        for j in self.tx.parked(self.scope.id):
            self.checked["parked"] += 1
            want = set(json.loads(j.detail or "{}").get("missing", []))
            have = waits.pop(j.id, set())
            if want != have:
                self._wrong(
                    "waiting",
                    j.id,
                    "待关联的变更没有登记它在等什么",
                    "a parked change is not on the list of what it waits for",
                    _wait(j.id, self.scope.id, want),
                )
        for id in sorted(waits):
            self._wrong(
                "waiting",
                id,
                "等待清单里有一条并不在等的变更",
                "the list of what waits has a change that does not",
                _wait(id, self.scope.id, set()),
            )


# --- recomputing what is derived -------------------------------------------------------------------------------------


def _set_digest(scope: str, digest: int) -> Callable[[Tx], None]:
    return lambda tx: tx.set_digest(scope, digest)


def _set_seq(scope: str, seq: int) -> Callable[[Tx], None]:
    return lambda tx: tx.set_seq(scope, seq)


def _set_type(record: str, type: str, scope: str) -> Callable[[Tx], None]:
    return lambda tx: tx.set_type_of(record, type, scope)


def _put_chain(enrolment: str, scope: str, pos: int, link: bytes) -> Callable[[Tx], None]:
    return lambda tx: tx.put_chain(enrolment, scope, pos, link)


def _wait(id: str, scope: str, missing: set[str]) -> Callable[[Tx], None]:
    return lambda tx: tx.wait_for(id, scope, missing)
