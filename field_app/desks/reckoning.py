"""What a code that was read comes to: whose load, who I am in it, what may be signed next, what else this tablet knows.

`judge` is quick and comes first; `around` reads the store and may take as long as it likes. Neither writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from time import perf_counter
from typing import Any, NamedTuple

from field_app.desks import loads
from field_app.desks.chains import Chains
from field_app.desks.legging import TAKES, Draft
from field_app.desks.loads import Load, Names
from field_app.store import Store
from field_app.words import both
from schemas.fields import fields_of
from schemas.records.hand_over import HandOver
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.project import Project
from schemas.reference import codes
from schemas.rules import evidence
from schemas.rules.handover import Against, Chain, Directory, Judged, Key, judged, read, tidy
from schemas.rules.handover.cose import kid_of
from schemas.rules.handover.judge import SLACK
from schemas.rules.manifest import Known, Lack
from schemas.rules.manifest import lacks as guarded
from schemas.rules.manifest.fold import Story, fold
from schemas.rules.manifest.join import join
from schemas.rules.manifest.mass import Tolerance

OLD_H = 24  # D: project.lost_h's default: a code whose last signature is older is said to be old
# What each part of a load may sign, the usual one first; departed and later by the state (fold.NEXT).
STEPS: Mapping[str, tuple[str, ...]] = {
    "driver": ("departed", "waypoint", "relay", "returned"),
    "receiver": ("received", "arrived", "rejected", "returned"),
    "sender": ("returned",),
}
STAND_IN = (
    "departed",
    "arrived",
    "received",
    "rejected",
    "returned",
)  # of somebody else: beside, from paper, of a lost phone


def _default(name: str) -> Decimal:
    return Decimal(str(fields_of(Project)[name].spec.default))


DEFAULT = Tolerance(_default("mass_pct"), _default("mass_abs_t"))


class Reading(NamedTuple):
    """A code that was read. ms: from the text being there to the verdict. heard: when the directory came; parts: what the person is
    in this load (driver, receiver, sender); me: the person's own key as the directory has it."""

    text: str
    way: str
    at: datetime
    chain: Chain
    judged: Judged
    ms: float
    scope: str
    directory: Directory | None
    heard: datetime | None
    roles: tuple[str, ...]
    parts: tuple[str, ...]
    me: Key | None
    mine: tuple[bool, ...]  # which legs the person's own key signed

    @property
    def inspects(self) -> bool:
        return "inspector" in self.roles and "dispatcher" not in self.roles

    @property
    def belongs(self) -> bool:
        """Has the person anything to do with the project of this load?"""
        return bool(self.roles)


class Around(NamedTuple):
    """What this tablet knows besides the code. steps: what may be signed now, the right one first. older: this tablet has later
    signatures (the code is one of before); forked: it has others; signed: what the person signed already; keeps: it says something
    new of a load that is the person's own; others: open loads of the same truck, as far as known, on the day `heard`."""

    names: Names
    story: Story
    steps: tuple[str, ...]
    older: bool
    forked: bool
    seen_before: datetime | None
    signed: tuple[str, ...]
    keeps: bool
    kept: bool
    others: tuple[Load, ...]
    heard: datetime | None
    tolerance: Tolerance
    known: Known
    shots: frozenset[str]  # kinds of photos this tablet has of the load already
    against: Against | None = None  # what this tablet knows of the load and that speaks against the code


class Roadside(NamedTuple):
    """What an inspector notes of a load on the road."""

    plate: str = ""
    gross: str = ""
    photos: dict[str, dict[str, Any]] = {}

    @property
    def gross_t(self) -> str | None:
        return self.gross.strip() or None


def judge(
    chains: Chains, text: str, way: str, now: datetime, began: float, roles: Callable[[str], tuple[str, ...]]
) -> Reading:
    """Raises Trouble 6001, 6002."""
    chain = read(text)
    load = chain.load
    scope = chains.scope_of(load.project)
    kept = chains.directory(scope)
    directory = kept[0] if kept else None
    verdict = judged(chain, directory, now)
    took = (perf_counter() - began) * 1000
    identity = chains.identity
    kid = kid_of(evidence.public_of(identity.private_key)) if identity is not None and not identity.locked else b""
    me = directory.keys.get(kid) if directory else None
    held = roles(scope)
    mine = tuple(leg.kid == kid for leg in chain.legs)
    return Reading(
        tidy(text), way, now, chain, verdict, took, scope, directory, kept[1] if kept else None, held, _parts(chain, directory, me, held),
        me, mine,
    )  # fmt: skip


def _parts(chain: Chain, directory: Directory | None, me: Key | None, roles: tuple[str, ...]) -> tuple[str, ...]:
    """What the person is in this load, by the firm the directory names; where it names none, a party may be either."""
    load = chain.load
    plan = directory.of("plans", load.plan) if directory else {}
    org = me.org if me is not None else None
    out = []
    if "dispatcher" in roles or "project_manager" in roles or (org is not None and org == plan.get("consignor")):
        out.append("sender")
    if "party" in roles and (org is None or org == load.carrier or org in (plan.get("carriers") or ())):
        out.append("driver")
    if "party" in roles and (org is None or org == load.receiver):
        out.append("receiver")
    return tuple(out)


def around(
    store: Store, chains: Chains, reading: Reading, now: datetime, last_sync: Mapping[str, Any] | None, project: Mapping[str, Any]
) -> Around:  # fmt: skip
    """Reads the store; for a worker's thread."""
    load, chain = reading.chain.load, reading.chain
    with store.looking() as beside:
        found = loads.read(beside, "", project, now)
        legs = beside.all("manifest_leg", manifest_id=load.manifest)
        codes_ = beside.all("hand_over", number=load.number)
        shots = frozenset(s.values["step"] for s in beside.all("photo", subject_id=load.manifest))
    best = chains.chain_of(load.manifest)
    ours = [leg.hash for leg in best.legs] if best else []
    theirs = [leg.hash for leg in chain.legs]
    shared = sum(1 for a, b in zip(ours, theirs, strict=False) if a == b)
    this = HandOver.of(load.manifest, {
        "number": load.number, "code": reading.text, "seen_at": reading.at.isoformat(), "way": reading.way, "purpose": "handover",
    })  # fmt: skip
    joined = join(
        (ManifestLeg.of(s.id, s.values) for s in legs), [*(HandOver.of(s.id, s.values) for s in codes_), this], reading.directory, now
    )  # fmt: skip
    story = fold(joined.legs.get(load.manifest, ()))
    before = [datetime.fromisoformat(s.values["seen_at"]) for s in codes_ if s.values["code"] == reading.text]
    others = tuple(
        x for x in found.loads.values() if x.id != load.manifest and _same(x.plate, load.plate) and x.on_the_way
    )
    heard = [h for h in (reading.heard, _last(last_sync)) if h is not None]
    known = [c for s in codes_ if (c := chains.parsed(s.values["code"])) is not None] + ([best] if best else [])
    against = judged(chain, reading.directory, now, known=known).against
    forked = bool(ours) and shared < min(len(ours), len(theirs))
    signed = tuple(
        claim.kind
        for claim, mine, leg in zip(chain.claims, reading.mine, reading.judged.legs, strict=True)
        if mine and leg.worth != "forged"
    )
    mine = "sender" in reading.parts or (bool(reading.parts) and bool(ours))
    keeps = mine and reading.judged.worth != "forged" and shared < len(theirs)
    return Around(
        found.names, story, () if against and against.key else _steps(reading, story), len(ours) > len(theirs) and not forked, forked, max(before, default=None), signed,
        keeps, False, others, max(heard, default=None), _tolerance(project), _known(reading, others, _tolerance(project)), shots, against,
    )  # fmt: skip


def _steps(reading: Reading, story: Story) -> tuple[str, ...]:
    """Of what the state allows, what this person's part may sign; the usual one first."""
    if reading.judged.worth == "forged" or not reading.belongs:
        return ()
    allowed = {"received" if k in TAKES else k for k in story.next}
    if story.state == "issued":  # the driver signed on paper or not at all: the receiver still takes what is there
        allowed |= {"received", "arrived", "rejected"}
    if reading.parts == ("sender",) and story.state != "rejected":  # else who drives it says that it comes back
        allowed.discard("returned")
    own = [k for part in reading.parts for k in STEPS[part] if k in allowed]
    if "receiver" in reading.parts and story.state != "issued":
        own.sort(key=lambda k: k != "received")
    elif "relay" in own and _driven_by_another(reading):
        own.sort(key=lambda k: k != "relay")  # taking it over comes first
    return tuple(dict.fromkeys(own))


def _driven_by_another(reading: Reading) -> bool:
    """By the key of the last one who took the wheel; a signature on somebody else's device says nothing of whose hand it was."""
    drove = [(c, m) for c, m in zip(reading.chain.claims, reading.mine, strict=True) if c.kind in ("departed", "relay")]
    return bool(drove) and drove[-1][0].way == "own" and not drove[-1][1]


def _same(one: str, other: str) -> bool:
    """Plates as people write them: 苏L·A7326, 苏LA7326."""
    plain = lambda p: "".join(c for c in p if c.isalnum()).casefold()  # noqa: E731
    return plain(one) == plain(other)


def _last(last_sync: Mapping[str, Any] | None) -> datetime | None:
    return datetime.fromisoformat(last_sync["at"]) if last_sync and last_sync.get("reached") else None


def _tolerance(project: Mapping[str, Any]) -> Tolerance:
    pct, most = project.get("mass_pct"), project.get("mass_abs_t")
    return Tolerance(Decimal(pct) if pct else DEFAULT.pct, Decimal(most) if most else DEFAULT.abs_t)


def org_of(reading: Reading, draft: Draft) -> str:
    """The firm a leg is signed for: the signer's own as the directory names it, else the one the load names for such a step."""
    load = reading.chain.load
    plan = reading.directory.of("plans", load.plan) if reading.directory else {}
    if draft.way == "own" and reading.me is not None and reading.me.org:
        return reading.me.org
    if draft.kind in ("departed", "waypoint", "relay"):
        return load.carrier
    if draft.kind == "returned":
        return str(plan.get("consignor") or load.carrier)
    return load.receiver


def step_name(kind: str) -> dict[str, str]:
    label = codes("leg_kind")[kind]
    return {"zh": label.zh, "en": label.en}


# --- what is missing ------------------------------------------------------------------------------------------------------


def _known(reading: Reading, others: tuple[Load, ...], tolerance: Tolerance) -> Known:
    """By the directory. Whoever hands in and reads nothing cannot know of a truck's other loads, unless it is told of one."""
    sees = "dispatcher" in reading.roles or "inspector" in reading.roles
    open_loads = [x.number for x in others] if others or sees else None
    return Known.of_directory(reading.directory, reading.chain.load, open_loads=open_loads, tolerance=tolerance)


def lacks(
    reading: Reading, around: Around, draft: Draft, values: Mapping[str, Any], now: datetime
) -> list[Lack]:  # fmt: skip
    """What is missing, each once: what the app asks for, then what the guards of server and tablet say."""
    own = [_lack(key, **words) for key, words in _own(reading, around, draft, values, now)]
    known = around.known._replace(photos=around.shots | {v["step"] for v in draft.photos.values()})
    said = {lack.code for lack in own}
    if "weight" in said:  # the mass accepted is the net, once there is one
        said |= {"received_t"}
    found = own + [x for x in guarded(values["kind"], values, around.story, known, now) if x.code not in said]
    return sorted(found, key=lambda x: x.code != "step")  # nothing helps before it is this step's turn


def _lack(code: str, **words: object) -> Lack:
    zh, en = both(f"leg.lack.{code}", **words)
    return Lack(code, zh, en, False)


def _own(
    reading: Reading, around: Around, draft: Draft, values: Mapping[str, Any], now: datetime
) -> Iterator[tuple[str, dict[str, object]]]:  # fmt: skip
    kind, last = values["kind"], reading.chain.claims[-1]
    if reading.judged.worth == "forged":
        yield "forged", {}
    if around.older:
        yield "older", {}
    photos = {v["step"] for v in draft.photos.values()}
    if draft.way in ("paper", "lost") and "document" not in photos:
        yield "paper_photo", {}
    if draft.way != "own" and not draft.who.strip():
        yield "who", {}
    if draft.way == "beside" and not draft.signature and kind in ("arrived", "waypoint", "relay", "returned"):
        yield "signature", {}
    try:
        at: datetime | None = datetime.fromisoformat(values["at"]) if values.get("at") else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        yield "at", {}
    elif at < last.at - SLACK:
        early = int((last.at - at) / timedelta(minutes=1))
        yield ("clock" if draft.way == "own" else "before"), {"n": early}
    elif draft.way not in ("paper", "lost") and reading.me is not None and at < reading.me.since - SLACK:
        yield "enrolled_later", {}  # everybody else would call it forged
    elif at > now + SLACK:
        yield "future", {}
    if kind in TAKES:
        if draft.net_t is None:
            yield "weight", {}
        if not draft.ticket.strip():
            yield "ticket", {}
        if not draft.heap.strip():
            yield "heap", {}
        taken = draft.received_t
        if draft.net_t is not None and (taken is None or taken > draft.net_t):
            yield "accepted", {}
    if kind == "returned" and not draft.problem_text.strip():
        yield "why_back", {}


def age_h(reading: Reading, now: datetime) -> int:
    """Hours since the last signature."""
    return int((now - reading.chain.claims[-1].at) / timedelta(hours=1))
