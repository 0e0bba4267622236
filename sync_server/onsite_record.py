"""One inspection with all that was signed with it, as it is stored: what papers tell and what hashes are counted over. Pure.

The hash is counted over the values as they came (`rules/onsite.content_hash`), never over what this version makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from schemas.rules import onsite
from schemas.rules.handover.chain import check_of_hash
from sync_server.store import Stored, Values


def check_of(sha256: str) -> str:
    """50 bits of the content's hash: whoever has the paper reads it off, nobody guesses it."""
    return check_of_hash(bytes.fromhex(sha256))


def public_path(id: str, sha256: str) -> str:
    """Where anybody who holds the paper can look it up."""
    return f"/i/{id}?c={check_of(sha256)}"


class Received(NamedTuple):
    """When the inspection came; `device`: the code of the tablet whose key signed it, "" where it was made on the server or the
    chain of its tablet does not prove it; `by`: who handed it in."""

    at: datetime | None
    by: str
    device: str


class Taken:
    """An inspection, its answers, findings and photos, voided ones too."""

    def __init__(
        self,
        row: Stored,
        answers: Sequence[Stored],
        findings: Sequence[Stored],
        photos: Sequence[Stored],
        got: Received,
    ):
        self.row, self.answers, self.findings, self.photos, self.received = row, answers, findings, photos, got

    @property
    def values(self) -> Values:
        return self.row.values

    @property
    def code(self) -> str:
        return str(self.values.get("code", ""))

    @property
    def voided(self) -> bool:
        return bool(self.values.get("deleted"))

    @property
    def signed(self) -> bool:
        return onsite.signed(self.values)

    @cached_property
    def wholes(self) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        """As the rules want them: inspection, answers, findings, photos."""
        lists = ([onsite.whole(r.id, r.values) for r in rows] for rows in (self.answers, self.findings, self.photos))
        answers, findings, photos = lists
        return onsite.whole(self.row.id, self.values), answers, findings, photos

    @cached_property
    def counted(self) -> str:
        """The hash of what is here now."""
        return onsite.content_hash(*self.wholes)

    @property
    def sha256(self) -> str:
        """The hash that was signed; of what nobody signed, the one it has now."""
        return str(self.values.get("content_sha256") or self.counted)

    @cached_property
    def agrees(self) -> bool | None:
        """Is what is here what was signed? None: no hash was signed."""
        return onsite.agrees(*self.wholes)

    @property
    def check(self) -> str:
        return check_of(self.sha256)


class OnsiteRecord(NamedTuple):
    """`amends`: the one it corrects; `amended_by`: those that correct it, in the order they came, each signed and not voided. `others`:
    whatever these refer to, by id. `here`: hashes of photos whose bytes have come for this scope."""

    taken: Taken
    amends: Taken | None
    amended_by: Sequence[Taken]
    others: Mapping[str, Stored]
    here: frozenset[str]
