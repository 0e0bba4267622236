"""What tablet and server signed, compared with the lines that are here now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from schemas.rules import evidence
from schemas.wire import ACCEPTED, Outcome, PushHead, Receipt
from sync_server.applying import AGAIN
from sync_server.store import DeviceKey, Journaled


class Receipts:
    """The receipts of one chain, each compared with the lines it is about as they go by."""

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        key: DeviceKey | None,
        server_key: str,
        say: Callable[[str, str, str], None],
    ) -> None:
        self._say, self._server_key, self.count = say, server_key, 0
        self._starts: dict[int, list[tuple[Receipt, PushHead]]] = {}
        self._open: list[tuple[Receipt, PushHead, Any]] = []
        self._seqs: dict[int, tuple[Outcome, int | None]] = {}
        for row in rows:
            self.count += 1
            if (both := self._judge(row, key)) is not None:
                self._starts.setdefault(both[0].first, []).append(both)

    def _judge(self, row: Mapping[str, Any], key: DeviceKey | None) -> tuple[Receipt, PushHead] | None:
        id = row["id"]
        try:
            receipt, claim = Receipt.model_validate_json(row["text"]), PushHead.model_validate_json(row["claim"])
        except ValidationError:
            self._say(id, "回执读不懂", "a receipt that cannot be read")
            return None
        if not evidence.verify(self._server_key, row["text"].encode(), row["signature"]):
            self._say(id, "回执的签名不是本服务器的", "a receipt is not signed by this server's key")
        message = evidence.head_message(
            receipt.scope, claim.enrolment, receipt.last, bytes.fromhex(claim.head), claim.lines
        )
        if key is not None and not evidence.verify(key.public_key, message, claim.signature):
            self._say(id, "设备对链的签名不对", "the device's signature over its chain does not verify")
        if (receipt.scope, receipt.enrolment) != (row["scope"], row["enrolment"]) or receipt.head != claim.head:
            self._say(id, "回执与设备的声明不是同一批", "receipt and claim are not about the same batch")
        for pos, n, outcome, seq in receipt.runs:
            if outcome in ACCEPTED and seq is not None:
                self._seqs.update({pos + i: (outcome, seq + i) for i in range(n)})
        return receipt, claim

    def line(self, j: Journaled) -> None:
        self._open += [(*both, sha256()) for both in self._starts.pop(j.pos, [])]
        said = self._seqs.pop(j.pos, None)
        if said and j.outcome != AGAIN and said != (j.outcome, j.seq):
            self._say(
                j.id,
                f"回执说第 {j.pos} 条是 {said[0]} {said[1]}，流水是 {j.outcome} {j.seq}",
                f"the receipt says {said[0]} {said[1]} of position {j.pos}, the journal {j.outcome} {j.seq}",
            )
        left = []
        for receipt, claim, lines in self._open:
            lines.update(j.line if j.pos == receipt.first else b"\n" + j.line)
            if j.pos < receipt.last:
                left.append((receipt, claim, lines))
            elif lines.hexdigest() != claim.lines or j.link.hex() != claim.head:
                self._say(
                    receipt.receipt,
                    f"第 {receipt.first} 到 {receipt.last} 条不是设备签名的那些字节",
                    f"positions {receipt.first} to {receipt.last} are not the bytes the device signed",
                )
        self._open = left

    def end(self, pos: int) -> None:
        """What was acknowledged is all there."""
        gone = [r for r, *_ in self._open] + [r for both in self._starts.values() for r, _ in both]
        for receipt in gone:
            self._say(
                receipt.receipt,
                f"回执承认到第 {receipt.last} 条，流水只有 {pos} 条",
                f"a receipt acknowledges up to position {receipt.last}, the journal holds {pos}",
            )
