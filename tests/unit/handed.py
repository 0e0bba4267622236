"""Loads with really signed legs, by fixed keys, for tests of the hand-over code."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.rules import evidence
from schemas.rules.handover import Chain, Directory, Load, link, signed_leg

MORNING = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)  # 09:00 in China
NOW = MORNING + timedelta(hours=4)
Values = dict[str, Any]
WHO = ("sender", "driver", "receiver", "stranger")
KEYS: Mapping[str, bytes] = {who: hashlib.sha256(f"jingtu test key {who}".encode()).digest() for who in WHO}


def uid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"jingtu:{name}"))


FIRM = {"sender": uid("consignor"), "driver": uid("carrier"), "receiver": uid("kiln"), "stranger": uid("elsewhere")}
NAMES = {"sender": "赵敏", "driver": "王强", "receiver": "孙丽", "stranger": "周某"}
ROLES = {"sender": "dispatcher", "driver": "party", "receiver": "party", "stranger": "party"}
PLAN = uid("plan")


def load(name: str = "m1", number: str = "20263211000418", **other: Any) -> Load:
    base = Load(
        uid(name), uid("project"), PLAN, uid("lot"), FIRM["driver"], FIRM["receiver"], number, "苏L·A73265", 60, "tarp"
    )
    return base._replace(**other)


def leg(kind: str, minute: float = 0, manifest: str = "m1", **more: Any) -> Values:
    """A leg's values, so many minutes after 09:00."""
    at = (MORNING + timedelta(minutes=minute)).isoformat()
    fix = {"lon": "119.4567891", "lat": "32.1234567", "h_acc_m": "3.2", "fix_kind": "gnss", "at": at}
    return {
        "manifest_id": uid(manifest),
        "kind": kind,
        "at": at,
        "position": fix,
        "who_name": "某",
        "org_id": FIRM["sender"],
        **more,
    }


def ticket(gross: str = "31.52", tare: str = "15.10", at: str = "2026-11-28T09:00:00+08:00") -> Values:
    return {"ticket_no": "CZ-0418", "gross_t": gross, "tare_t": tare, "at": at}


def raw(values: Mapping[str, Any]) -> bytes:
    return evidence.unb64(values["cose"])


def signed(steps: list[tuple[str, Values]], of: Load | None = None, keys: Mapping[str, bytes] = KEYS) -> Chain:
    """The chain of these (who, values) in their order; the first tells the load."""
    chain: Chain | None = None
    for who, values in steps:
        if chain is None:
            made = signed_leg(keys[who], values, None, {"number": (of or load()).number}, of or load())
        else:
            made = signed_leg(keys[who], values, chain.legs[-1].raw)
        chain = link(chain, raw(made))
    assert chain is not None
    return chain


STEPS: list[tuple[str, Values]] = [
    ("sender", leg("issued", weight=[ticket()])),
    ("driver", leg("departed", 20)),
    ("receiver", leg("received", 95, weight=[ticket("31.50", "15.12")], received_t="16.38", heap="B-4")),
]


def usual(n: int = 3, of: Load | None = None) -> Chain:
    """Issued, departed, received: the first n of them."""
    return signed(STEPS[:n], of)


def directory(*who: str, **periods: tuple[timedelta | None, timedelta | None]) -> Directory:
    """Of these people's keys (else of the three who belong); `periods`: since and until, from 09:00."""
    keys = []
    for w in who or WHO[:3]:
        since, until = periods.get(w, (None, None))
        keys.append({
            "key": evidence.public_of(KEYS[w]), "person": uid(w), "name": NAMES[w], "org": FIRM[w], "device": w[:2].upper(), "roles": [ROLES[w]],
            "since": (MORNING + (since if since is not None else timedelta(days=-30))).isoformat(),
            **({"until": (MORNING + until).isoformat()} if until is not None else {}),
        })  # fmt: skip
    plan = {
        "code": "ZY-1",
        "consignor": FIRM["sender"],
        "carriers": [FIRM["driver"]],
        "receivers": [{"org": FIRM["receiver"]}],
    }
    return Directory({"v": 1, "made_at": MORNING.isoformat(), "scope": "x", "keys": keys, "plans": {PLAN: plan}})


def worst(rng: random.Random) -> Chain:
    """A chain of three in which everything is there that a leg may have, and as long as it may be."""
    ids = [str(uuid.UUID(bytes=rng.randbytes(16))) for _ in range(6)]
    plate = "".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(12))
    of = Load(*ids, "99999999999999", plate, 10_000, "drum")
    # an accuracy, a time and weights in their longest form
    fix = {
        "lon": "-179.999999",
        "lat": "-89.999999",
        "h_acc_m": "9999",
        "fix_kind": "gnss",
        "at": "2026-11-28T10:00:00+08:00",
    }
    tickets = [ticket("99.999", "49.999"), ticket("99.999", "49.999")]

    def all_of(kind: str) -> Values:
        return {
            **leg(kind, position=fix, way="lost", problem="other", received_t="79.999", weight=tickets),
            "manifest_id": ids[0],
        }

    keys = {who: rng.randbytes(32) for who in WHO}
    return signed(
        [("sender", all_of("issued")), ("driver", all_of("departed")), ("receiver", all_of("received_difference"))],
        of,
        keys,
    )
