"""Genuine, not genuine, or cannot say: what a code is worth by the keys one knows, and by what one knows of the load already.

A signature says who signed what, when by the signer's own clock. It does not say that the truck in front of one is that truck, nor that the
code was not shown before: for that there is `known`. The reasons in words: `words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from schemas.rules.handover import cose
from schemas.rules.handover.chain import Chain
from schemas.rules.handover.claims import Claim, Load
from schemas.rules.handover.cose import Sign1
from schemas.rules.handover.directory import Directory, Key

Worth = Literal["genuine", "forged", "unsure"]
SLACK = timedelta(minutes=5)  # D: two clocks may differ by as much (RECORDS §3, manifest_leg)
SENDS, DRIVES = frozenset({"issued", "voided"}), frozenset({"departed", "waypoint", "relay"})
TAKES = frozenset({"received", "received_difference", "rejected", "disposed"})
# After one of these the load is not on the road by this manifest any more
ENDED = frozenset({"received", "received_difference", "rejected", "returned", "disposed", "voided"})
BESIDE = frozenset({"amended", "paper_entry", "waypoint", "arrived"})  # written beside the steps, by whoever is there
SENDERS = frozenset({"dispatcher", "project_manager", "administrator"})  # roles that issue and void
STAND_INS = frozenset({"paper", "lost"})  # ways of signing that are caught up with later


class LegWorth(NamedTuple):
    """`why`: "" (genuine) · signature · before_key · after_key · backwards (forged) · unknown_key · no_directory · future · stranger
    (unsure)."""

    worth: Worth
    why: str
    key: Key | None


class Against(NamedTuple):
    """What one knows of the load already and that speaks against this code. `why`: replayed · fork · number_twice; `leg`: that of the
    other chain, with its key where that is known."""

    why: str
    leg: Claim
    key: Key | None
    load: Load  # as the other chain tells it


class Judged(NamedTuple):
    """`worth`: not genuine as soon as one leg is; genuine when all are and nothing is `against` it; else cannot say."""

    worth: Worth
    legs: tuple[LegWorth, ...]
    against: Against | None = None

    @property
    def why(self) -> str:
        """The first reason why it is not genuine, or cannot be said; "" where there is none."""
        worst: list[LegWorth] = [leg for leg in self.legs if leg.worth == "forged"]
        if not worst and self.against:
            return self.against.why
        return next((leg.why for leg in [*worst, *self.legs] if leg.why), "")

    @property
    def refused(self) -> str:
        """Why nothing may be handed over by this code; "" where it may, though not everything may be known of it. What a key nobody
        knows signed does not stop a load: else whoever makes himself a key could stop every one."""
        return self.why if self.worth == "forged" or (self.against and self.against.key) else ""


def judged(chain: Chain, directory: Directory | None, now: datetime, *, known: Iterable[Chain] = ()) -> Judged:
    """Each leg by its key, and the whole. `known`: chains of the same manifest or the same number that this device has; what is forged of
    them counts for nothing."""
    legs = tuple(_leg(chain, n, directory, now) for n in range(len(chain.legs)))
    against = next((a for other in known if (a := _against(chain, other, directory, now))), None)
    worths = {leg.worth for leg in legs}
    whole: Worth = "forged" if "forged" in worths else "unsure" if "unsure" in worths or against else "genuine"
    return Judged(whole, legs, against)


def _leg(chain: Chain, n: int, directory: Directory | None, now: datetime) -> LegWorth:
    claim, before = chain.claims[n], chain.claims[n - 1].at if n else None
    found = leg_worth(
        chain.legs[n], claim.at, chain.previous(n), before, directory, now, caught_up=claim.way in STAND_INS
    )
    if found.worth == "genuine" and found.key and stranger(claim, found.key, chain.load, directory):
        return LegWorth("unsure", "stranger", found.key)
    return found if found.why != "unknown_key" or directory else found._replace(why="no_directory")


def leg_worth(
    leg: Sign1,
    at: datetime,
    previous: bytes | None,
    before: datetime | None,
    directory: Directory | None,
    now: datetime,
    fits: Callable[[Sign1, str, bytes | None], bool] = cose.fits,
    caught_up: bool = False,
) -> LegWorth:
    """One leg by its key. `previous`: the hash it stands on; `before`: when that leg was, None where that is not asked; `caught_up`: it stands for
    what was on paper or on a lost phone, and its time is that one's: the key, of the new phone perhaps, may be younger."""
    key = directory.key(leg.kid, at) if directory else None
    if key is not None and not fits(leg, key.key, previous):
        return LegWorth("forged", "signature", key)
    if before is not None and at < before - SLACK:
        return LegWorth("forged", "backwards", key)
    if at > now + SLACK:
        return LegWorth("unsure", "future", key)
    if key is None:
        return LegWorth("unsure", "unknown_key", None)
    if at < key.since - SLACK and not caught_up:
        return LegWorth("forged", "before_key", key)
    if key.until is not None and at > key.until + SLACK:
        return LegWorth("forged", "after_key", key)
    return LegWorth("genuine", "", key)


def stranger(claim: Claim, key: Key, load: Load, directory: Directory | None) -> bool:
    """Is the signer of a firm that does not sign such a leg? A leg written for somebody else (`way`) may be signed by whoever is there,
    but never the sender's by those who carry or take."""
    sends = claim.kind in SENDS
    if sends and key.roles and not key.roles & SENDERS:
        return True
    if key.org is None or (claim.way != "own" and not sends):
        return False
    plan = directory.of("plans", load.plan) if directory else {}
    if sends:
        return key.org in (load.carrier, load.receiver) and key.org not in (
            plan.get("consignor"),
            plan.get("supervisor"),
        )
    if claim.kind in DRIVES:
        return key.org not in (
            {load.carrier, *(plan.get("carriers") or ())} if claim.kind == "relay" else {load.carrier}
        )
    if claim.kind in TAKES:
        return key.org != load.receiver
    return claim.kind == "arrived" and key.org not in (load.carrier, load.receiver)


def _against(chain: Chain, other: Chain, directory: Directory | None, now: datetime) -> Against | None:
    """Does a chain that is known speak against this one?"""
    if other.load.manifest != chain.load.manifest:
        if other.load.number != chain.load.number or _leg(other, 0, directory, now).worth == "forged":
            return None
        return _told("number_twice", other, 0, directory)
    sound = next(
        (n for n in range(len(other.legs)) if _leg(other, n, directory, now).worth == "forged"), len(other.legs)
    )
    both = min(len(chain.legs), sound)
    same = next((n for n in range(both) if chain.legs[n].hash != other.legs[n].hash), both)
    rest = range(same, sound)
    step = next((n for n in rest if _step(other.claims[n])), None)
    if step is not None and any(map(_step, chain.claims[same:])):  # two steps from one place
        return _told("replayed" if other.claims[step].kind == "voided" else "fork", other, step, directory)
    end = next((n for n in rest if other.claims[n].kind in ENDED), None)
    if end is None or any(map(_step, chain.claims[same:])):
        return None
    return _told("replayed", other, end, directory)


def _step(claim: Claim) -> bool:
    """One that is made once: what is written beside the steps or entered later may stand on the same leg as another."""
    return claim.kind not in BESIDE and claim.way not in STAND_INS


def _told(why: str, other: Chain, n: int, directory: Directory | None) -> Against:
    claim = other.claims[n]
    return Against(why, claim, directory.key(other.legs[n].kid, claim.at) if directory else None, other.load)
