"""Inspections with all that was signed with them, read in one moment: for papers, for the public page, for whoever compares hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hmac import compare_digest
from typing import Literal, NamedTuple

from schemas.change import ID
from schemas.fields import Audience
from schemas.rows import refs_of
from schemas.wire import ACCEPTED, CONSOLE
from sync_server.onsite_record import OnsiteRecord, Received, Taken, check_of, public_path
from sync_server.service.blobs import Blobs
from sync_server.store import Stored, Tx, Values

CHECK = 10  # signs of a check value
MOST_AMENDMENTS = 50  # of one record that are followed


State = Literal["signed", "differs", "amended", "voided"]


class PublicAmendment(NamedTuple):
    id: str
    code: str
    check: str
    received_at: datetime | None


class PublicRecord(NamedTuple):
    """What anybody may know who holds the paper: no person, party, place or finding. `proven`: a tablet's key signed it."""

    id: str
    code: str
    state: State
    sha256: str
    agrees: bool
    received_at: datetime | None
    proven: bool
    amends: str
    amended_by: tuple[PublicAmendment, ...]


class Onsite(Blobs):
    def onsite_record(self, id: str, scope: str) -> OnsiteRecord | None:
        """None where there is no such inspection in this scope. Rights are the caller's business: it holds persons' names."""
        with self.store.reading() as tx:
            row = _inspection(tx, id)
            if row is None or row.scope != scope:
                return None
            taken = _taken(tx, row)
            before = _inspection(tx, str(row.values.get("amends_id") or ""))
            amends = _taken(tx, before) if before and before.scope == scope else None
            later = _amendments(tx, row)
            parts = [p for t in (taken, amends, *later) if t for p in (t.row, *t.answers, *t.findings, *t.photos)]
            return OnsiteRecord(taken, amends, later, _others(tx, parts), tx.media_here(scope))

    def onsite_pictures(self, scope: str, shas: Iterable[str], size: int) -> dict[str, bytes]:
        """Hash → a JPEG, of those photos whose bytes have come for this scope and can be shown."""
        with self.store.reading() as tx:
            here = tx.media_here(scope)
        shelf, found = self.shelf, {}
        for sha in dict.fromkeys(shas):
            if sha in here and shelf.files.has(sha):
                made = shelf.pictures.thumbnail(shelf.files.path(sha), sha, size)
                if made is not None:
                    found[sha] = made
        return found

    def public_onsite(self, id: str, check: str) -> PublicRecord | None:
        """None for whatever is not the id and the check value of one signed record: nothing tells which of them is wrong."""
        check = check.strip().upper()
        if not ID.fullmatch(id) or len(check) != CHECK or not check.isascii():
            return None
        with self.store.reading() as tx:
            row = _inspection(tx, id)
            said = str(row.values.get("content_sha256") or "") if row else ""
            if (
                row is None
                or not said
                or not row.values.get("signatures")
                or not compare_digest(check_of(said).encode(), check.encode())
            ):
                return None
            taken, later = _taken(tx, row), _amendments(tx, row)
            before = _inspection(tx, str(row.values.get("amends_id") or ""))
        agrees = bool(taken.agrees)
        state: State = (
            "voided" if taken.voided else "differs" if not agrees else "amended" if later else "signed"
        )  # fmt: skip
        return PublicRecord(
            id, taken.code, state, said, agrees, taken.received.at, bool(taken.received.device),
            str(before.values.get("code", "")) if before and before.scope == row.scope else "",
            tuple(PublicAmendment(t.row.id, t.code, t.check, t.received.at) for t in later),
        )  # fmt: skip


def _inspection(tx: Tx, id: str) -> Stored | None:
    found = tx.load("inspection", [id]) if ID.fullmatch(id) else []
    return found[0] if found and found[0].scope.endswith(f".{Audience.ENFORCEMENT.value}") else None


def _taken(tx: Tx, row: Stored) -> Taken:
    scope = [row.scope]

    def below(type: str, column: str, ids: Iterable[str]) -> list[Stored]:
        return sorted(tx.load(type, tx.referring(type, column, ids, scope)), key=lambda s: s.id)

    answers = below("checklist_answer", "inspection_id", [row.id])
    findings = below("finding", "inspection_id", [row.id])
    photos = below("photo", "subject_id", [row.id, *(a.id for a in answers), *(f.id for f in findings)])
    return Taken(row, answers, findings, photos, _received(tx, row.id))


def _received(tx: Tx, id: str) -> Received:
    """By the change that brought what was signed; of what nobody signed, by its first one."""
    lines = [j for j in tx.history(id) if j.outcome in ACCEPTED]
    first = next((j for j in lines if b'"content_sha256":"' in j.line), lines[0] if lines else None)
    if first is None:
        return Received(None, "", "")
    key = None if first.enrolment == CONSOLE else tx.key(first.enrolment)
    device = key.device_code if key and first.proof == "proven" else ""
    return Received(datetime.fromisoformat(first.received_at), key.person if key else "", device)


def _amendments(tx: Tx, row: Stored) -> list[Taken]:
    """Those that correct it and those that correct them, signed and not voided, by when they came."""
    found: dict[str, Taken] = {}
    todo = [row.id]
    while todo and len(found) < MOST_AMENDMENTS:
        below = tx.load("inspection", tx.referring("inspection", "amends_id", todo, [row.scope]))
        fresh = [s for s in below if s.id not in found and s.id != row.id and _counts(s.values)]
        found |= {s.id: _taken(tx, s) for s in fresh}
        todo = [s.id for s in fresh]
    return sorted(found.values(), key=lambda t: (t.row.seq, t.row.id))


def _counts(values: Values) -> bool:
    return bool(values.get("content_sha256") and values.get("signatures")) and not values.get("deleted")


def _others(tx: Tx, rows: Sequence[Stored]) -> dict[str, Stored]:
    """What these refer to, and whom those work for."""
    owners = {r.scope.rpartition(".")[0] for r in rows}
    found: dict[str, Stored] = {}
    wanted = owners | {id for r in rows for _, id in refs_of(r.type, r.values)}
    for _ in range(2):
        by_type: dict[str, list[str]] = {}
        for id, (type, _) in tx.types_of(wanted - found.keys()).items():
            by_type.setdefault(type, []).append(id)
        fresh = [s for type, ids in by_type.items() for s in tx.load(type, ids)]
        found |= {s.id: s for s in fresh}
        wanted = {
            id
            for s in fresh
            if s.type in ("person", "project")
            for type, id in refs_of(s.type, s.values)
            if type == "organisation"
        }
    return found


__all__ = ["Onsite", "OnsiteRecord", "PublicAmendment", "PublicRecord", "Received", "Taken", "check_of", "public_path"]
