"""The signed directory: whose keys there are in a project, and the names that a code's ids stand for.

The server makes it, signs it and hands it to every tablet of the project; a tablet judges by it without a network and says how old it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from schemas import canonical
from schemas.rules import evidence
from schemas.rules.handover.cose import kid_of

MESSAGE = b"jingtu-directory-1\n"


def hash_of(text: str) -> str:
    """What a directory's contents are called: 16 hex digits of a SHA-256 over all of it but when it was made. Raises ValueError."""
    said = canonical.loads(text.encode())
    if not isinstance(said, dict):
        raise ValueError("not a directory")
    contents = {k: v for k, v in said.items() if k != "made_at"}
    return hashlib.sha256(canonical.dumps(contents)).hexdigest()[:16]


class Key(NamedTuple):
    """One enrolment's key. `until`: when it was revoked; None = it counts still."""

    key: str  # base64url
    person: str
    name: str
    org: str | None
    device: str  # its code
    since: datetime
    until: datetime | None
    roles: frozenset[str] = frozenset()  # held in the project, now or once; empty: not known


class Directory:
    """`said`: the directory's JSON. {"v": 1, "made_at", "scope", "project": {"id", "code", "name"}, "keys": [{key, person, name, org, device,
    since, until, roles}], "organisations": {id: name}, "plans": {id: {code, version, state, consignor, supervisor, from, to, mass, lots: [id],
    vehicles: [id], carriers: [id], receivers: [{org, place, position: {lon, lat}, minutes, accepts, capacity, days}]}}, "lots": {id: {code,
    contaminants, density, hazard}}, "vehicles": {id: {plate, class, carrier, load, tare, limit, permit, permit_to}}}. What is not known is
    absent; decimals are text, in the units of the records' fields (`limit`: greatest gross mass by the vehicle's class, t). Plans: every
    version that was handed to an authority, `state` as of the day the server last looked (rules/transfer_plan); lots and vehicles: those
    that such a plan names; keys: of everybody who holds or held a role that signs here. `made_at`: since when it says just this."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said = said
        self.made_at = datetime.fromisoformat(said["made_at"])

    @classmethod
    def signed(cls, text: str, signature: str, server_key: str) -> Directory | None:
        """The directory in `text`, or None where this server did not sign it."""
        if not evidence.verify(server_key, MESSAGE + text.encode(), signature):
            return None
        return cls(json.loads(text))

    @cached_property
    def keys(self) -> dict[bytes, Key]:
        """kid → key; of one that was enrolled several times the last enrolment."""
        return {kid: max(found, key=lambda k: k.since) for kid, found in self._enrolled.items()}

    def key(self, kid: bytes, at: datetime) -> Key | None:
        """The key of this name as it was enrolled at that time; where it was not, as it was last."""
        found = self._enrolled.get(kid, [])
        return next((k for k in found if k.since <= at and (k.until is None or at <= k.until)), self.keys.get(kid))

    @cached_property
    def _enrolled(self) -> dict[bytes, list[Key]]:
        out: dict[bytes, list[Key]] = {}
        for k in self.said.get("keys", []):
            key = Key(k["key"], k["person"], k["name"], k.get("org"), k["device"], datetime.fromisoformat(k["since"]),
                      datetime.fromisoformat(k["until"]) if k.get("until") else None, frozenset(k.get("roles", ())))  # fmt: skip
            out.setdefault(kid_of(key.key), []).append(key)
        return out

    def organisation(self, id: str | None) -> str | None:
        name: str | None = self.said.get("organisations", {}).get(id)
        return name

    def of(self, kind: str, id: str) -> Mapping[str, Any]:
        """What is known of a plan, lot or vehicle ("plans", "lots", "vehicles"); {} where nothing is."""
        found: Mapping[str, Any] = self.said.get(kind, {}).get(id) or {}
        return found
