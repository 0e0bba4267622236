"""The state of a manifest, folded from its legs, and what is open. The same legs give the same story in any order.

State machine and side states: RULES §16 [D], after 危险废物转移管理办法（部令第23号）第10–18条 [C] by analogy. What does not fit is a named
question, never an error and never a guess; every leg is in `steps` or in a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.rules.handover.judge import BESIDE, SLACK
from schemas.rules.manifest.join import Leg, order
from schemas.rules.manifest.questions import Question, question
from schemas.rules.manifest.trips import LEFT, MOVED, STAND_INS, TAKEN, State, manifest_state, net, real

_TO_END = ("received", "received_difference", "rejected", "returned")
# Which steps may be done next. `amended` may follow any but a draft and a void; `paper_entry` is no step.
NEXT: Mapping[State, tuple[str, ...]] = {
    "draft": ("issued",),
    "issued": ("departed", "voided"),
    "departed": ("waypoint", "relay", "arrived", *_TO_END),
    "in_transit": ("waypoint", "relay", "arrived", *_TO_END),
    "arrived": _TO_END,
    "received": ("disposed",),
    "received_difference": ("disposed",),
    "rejected": ("returned",),
    "returned": (),
    "disposed": (),
    "closed": (),
    "voided": (),
    "disputed": (),
}
MARKS = frozenset({"amended", "paper_entry"})  # no steps
_ROAD = frozenset({"departed", "waypoint", "relay"})
# What a leg may stand on, by kinds.
ON: Mapping[str, frozenset[str]] = {
    "issued": frozenset(),
    "voided": frozenset({"issued"}),
    "departed": frozenset({"issued"}),
    **dict.fromkeys(("waypoint", "relay", "arrived"), _ROAD),
    **dict.fromkeys(("received", "received_difference", "rejected"), _ROAD | {"arrived"}),
    "returned": _ROAD | {"arrived", "rejected"},
    "disposed": TAKEN,
}
_RANK = {kind: n for n, kind in enumerate(("issued", "departed", "arrived", "received", "returned", "disposed"))} | {
    "waypoint": 2, "relay": 2, "received_difference": 3, "rejected": 3,
}  # fmt: skip


class Story(NamedTuple):
    """`steps`: the legs that count, each behind the one it stands on, else by time; `next`: kinds of legs that may follow."""

    state: State
    steps: tuple[Leg, ...]
    open: tuple[Question, ...]
    next: tuple[str, ...]

    @property
    def stand_ins(self) -> tuple[Leg, ...]:
        """Entered from paper, or after a device was lost."""
        return tuple(leg for leg in self.steps if (leg.record.way or "own") in STAND_INS)

    @property
    def waiting(self) -> tuple[Question, ...]:
        """What legs that are still to come may answer."""
        return tuple(q for q in self.open if q.waits)

    @property
    def contradictions(self) -> tuple[Question, ...]:
        """What somebody has to ask."""
        return tuple(q for q in self.open if not q.waits)


def fold(legs: Iterable[Leg], disposed: bool = False, withdrawn: bool = False) -> Story:
    """The story of one manifest's legs. Those that are not genuine do not count and are asked about. `disposed`: a disposal record that
    has ended names it; `withdrawn`: the manifest's own record was voided."""
    found = sorted({leg.hash or leg.record.id: leg for leg in legs}.values(), key=order)
    forged = [leg for leg in found if leg.worth == "forged"]
    real_ = [leg for leg in found if leg.worth != "forged"]
    outdone = _outdone(real_)
    told = _Told(real_, {leg.hash for leg in forged if leg.hash}, outdone)
    state = manifest_state([leg.record for leg in told.steps])
    if disposed and state in TAKEN:
        state = "closed"
    open_ = [*_forged(forged), *_turns(told), *_ends(told), *_twins(told), *_clocks(told)]
    open_ += [question("outdone", outdone)] if outdone else []
    open_ += _records(sorted([*told.steps, *outdone], key=order) if outdone else told.steps)
    if withdrawn and (signed := [leg for leg in told.steps if leg.hash]):
        open_.append(question("manifest_withdrawn", signed))
    following = NEXT[state] if state in ("draft", "voided") else (*NEXT[state], "amended")
    return Story(state, tuple(told.steps), tuple(open_), following)


# Whose word does not count against a surer one: a leg of this kind beside a surer one of these. Else whoever makes himself a key, or
# signs what is not his to sign, could void a load, or say where it went and how much it was, against those whose turn it was.
_AGAINST: Mapping[str, frozenset[str]] = {
    "issued": frozenset({"issued"}),
    "voided": frozenset({"issued"}),
    **dict.fromkeys(("received", "received_difference", "rejected"), TAKEN | {"rejected"}),
    **dict.fromkeys(("returned", "disposed"), TAKEN),
}


def unsure(leg: Leg) -> int:
    """0: signed by who is known and whose turn it is; 1: by somebody else, or nobody knows by whom; 2: not signed."""
    known = leg.worth == "genuine" or (leg.why == "future" and leg.key is not None)
    return 2 if leg.hash is None else 0 if known and "stranger" not in leg.faults else 1


def _outdone(legs: Sequence[Leg]) -> list[Leg]:
    best: dict[str, int] = {}
    for leg in legs:
        best[leg.record.kind] = min(best.get(leg.record.kind, 9), unsure(leg))
    return [
        leg for leg in legs if unsure(leg) > min((best.get(k, 9) for k in _AGAINST.get(leg.record.kind, ())), default=9)
    ]


class _Told:
    """The legs that count, and ways to look at them."""

    def __init__(self, legs: Sequence[Leg], false: set[str], outdone: Sequence[Leg]) -> None:
        self.by_hash = {leg.hash: leg for leg in legs if leg.hash}
        self.false = false  # hashes of legs that do not count
        without = {id(leg) for leg in outdone}
        self.steps = [leg for leg in self._in_chain(legs) if id(leg) not in without]
        self.moves = [leg for leg in self.steps if leg.record.kind not in MARKS]
        self.kinds = {leg.record.kind for leg in self.steps}
        counting = {id(r) for r in real([leg.record for leg in self.moves])}
        self.own = [
            leg for leg in self.moves if id(leg.record) in counting
        ]  # without stand-ins that were caught up with

    def _in_chain(self, legs: Sequence[Leg]) -> list[Leg]:
        """Each behind the one it stands on; else as they were."""
        out: list[Leg] = []
        done: set[int] = set()
        for leg in legs:
            way, at = [], leg
            while id(at) not in done:
                done.add(id(at))
                way.append(at)
                at = self.by_hash.get(at.prev or "", at)
            out += reversed(way)
        return out

    def below(self, leg: Leg) -> Leg | None:
        """The step a signed leg stands on, past amendments; None where it is not here."""
        at = self.by_hash.get(leg.prev or "")
        for _ in self.steps:
            if at is None or at.record.kind not in MARKS:
                return at
            at = self.by_hash.get(at.prev or "")
        return None


def _stands_in(leg: Leg) -> bool:
    return (leg.record.way or "own") in STAND_INS


def _forged(forged: Sequence[Leg]) -> list[Question]:
    return [question(why, [leg for leg in forged if leg.why == why]) for why in sorted({leg.why for leg in forged})]


def _needed(kind: str) -> tuple[frozenset[str], ...]:
    """What must have been before such a leg, whoever signed it."""
    if kind == "issued":
        return ()
    if kind in ("departed", "voided"):
        return (frozenset({"issued"}),)
    road = (frozenset({"issued"}), frozenset({"departed"}))
    return (*road, TAKEN) if kind == "disposed" else road


def _turns(told: _Told) -> list[Question]:
    """Each leg by what it stands on: not here, not genuine, not a step it may follow."""
    spoken = {leg.record.kind for leg in told.steps if _stands_in(leg)}
    gaps: list[Leg] = []
    on_false: list[Leg] = []
    turns: list[Leg] = []
    late: list[Leg] = []
    void: list[Leg] = []
    missing: dict[str, None] = {}
    for leg in told.steps:
        kind, needed = leg.record.kind, () if leg.record.kind in MARKS else _needed(leg.record.kind)
        lacking = [sorted(any_of)[0] for any_of in needed if not any_of & told.kinds]
        if leg.hash and leg.prev and leg.prev not in told.by_hash:
            if leg.prev in told.false:
                on_false.append(leg)
            elif lacking or not any(any_of & spoken for any_of in needed):  # a stand-in speaks for what will never come
                gaps.append(leg)
                missing |= dict.fromkeys(lacking)
        elif lacking and leg.hash is None:
            gaps.append(leg)
            missing |= dict.fromkeys(lacking)
        if kind in MARKS:
            continue
        below = told.below(leg)
        if kind == "voided" and told.kinds & MOVED:
            void.append(leg)
        elif below is not None and not _stands_in(leg) and kind in ON and below.record.kind not in ON[kind]:
            (late if below.record.kind in LEFT and kind not in LEFT else turns).append(leg)
        elif leg.hash and not leg.prev and kind != "issued":
            turns.append(leg)
    late += [leg for leg in _after_end(told) if leg not in late]
    out = [question("gap", gaps, tuple(missing))] if gaps else []
    out += [question("on_forged", on_false)] if on_false else []
    out += [question("out_of_turn", [leg], before=told.below(leg)) for leg in turns]
    out += [question("after_end", late)] if late else []
    return [*out, question("void_after_departure", void)] if void else out


def _after_end(told: _Told) -> list[Leg]:
    """Legs on the road later than the load left it: of those that do not say what they stand on, and of those that somebody noted
    beside the steps."""
    ended = [leg.record.at for leg in told.own if leg.record.kind in LEFT]
    beside = {"waypoint", "arrived"}
    loose = [
        leg
        for leg in told.own
        if (told.below(leg) is None or leg.record.kind in beside) and leg.record.kind in (MOVED - LEFT) | {"issued"}
    ]
    return [leg for leg in loose if leg.record.at > min(ended) + SLACK] if ended else []


def _ends(told: _Told) -> list[Question]:
    """Two ends that cannot both be."""
    taken = [leg for leg in told.own if leg.record.kind in TAKEN]
    refused = [leg for leg in told.own if leg.record.kind in ("rejected", "returned")]
    if (taken and refused) or len({leg.record.kind for leg in taken}) > 1:
        return [question("two_ends", [leg for leg in told.own if leg in taken or leg in refused])]
    return []


# two of these on one leg are no fork: somebody notes what he sees, or ends what has not moved
BESIDE_OR_VOID = BESIDE | {"voided"}


def _twins(told: _Told) -> list[Question]:
    """Two legs on one, two first legs, one step signed twice, a stand-in and the leg it stood for that differ."""
    out: list[Question] = []
    on: dict[str | None, list[Leg]] = {}
    once: dict[str, list[Leg]] = {}
    for leg in told.own:
        if leg.hash and leg.record.kind not in BESIDE_OR_VOID:
            on.setdefault(leg.prev, []).append(leg)
        if leg.record.kind not in ("waypoint", "relay"):
            once.setdefault(leg.record.kind, []).append(leg)
    asked: set[str | None] = set()
    for before, these in on.items():
        if len(these) > 1:
            out.append(question("fork" if before else "two_starts", these))
            asked |= {leg.hash for leg in these}
    for these in once.values():
        if len(these) > 1 and not (asked and {leg.hash for leg in these} <= asked):
            out.append(question("twice", these))
    for leg in told.moves:
        for other in told.own if leg not in told.own else ():
            if other.record.kind == leg.record.kind and net(other.record) != net(leg.record):
                out.append(question("stand_in_differs", [leg, other]))
    return out


def _clocks(told: _Told) -> list[Question]:
    """Times that go backwards: against the leg it stands on, else against the steps that must have been before it."""
    back, late = [], _after_end(told)
    for leg in told.moves:
        if (below := told.below(leg)) is not None:
            before = [below.record.at]
        else:
            rank = _RANK.get(leg.record.kind, 0)
            before = [o.record.at for o in told.moves if _RANK.get(o.record.kind, 9) < rank and o not in late]
        if before and leg.record.at < max(before) - SLACK:
            back.append(leg)
    return [question("backwards", back)] if back else []


# what is wrong with a record, by the faults `join` names
_FAULTS: Sequence[tuple[str, frozenset[str]]] = (
    ("altered", frozenset({"manifest", "kind", "at", "position", "weight", "problem", "way"})),
    ("details", frozenset({"details"})),
    ("elsewhere", frozenset({"elsewhere"})),
    ("withdrawn", frozenset({"withdrawn"})),
    ("stranger", frozenset({"stranger"})),
    ("by_carrier", frozenset({"by_carrier"})),
)


def _records(steps: Sequence[Leg]) -> list[Question]:
    """Records that say otherwise than their signatures; keys nobody knows; devices not heard yet."""
    out: list[Question] = []
    rest = {id(leg): set(leg.faults) for leg in steps}
    for code, names in _FAULTS:
        these = [leg for leg in steps if names & rest[id(leg)]]
        if not these:
            continue
        out.append(question(code, these, sorted({n for leg in these for n in names & rest[id(leg)]})))
        for leg in these:
            if code == "altered":  # says it all: the hash cannot fit either, and a leg of another manifest is elsewhere
                rest[id(leg)] -= {"details", "elsewhere"}
    if any(leg.hash for leg in steps) and (bare := [x for x in steps if not x.hash and x.record.kind not in MARKS]):
        out.append(question("unsigned", bare))
    bare = [x for x in steps if x.record.kind == "issued" and x.source == "record" and x.hash and not _supervised(x)]
    if bare:
        out.append(question("unsupervised", bare))
    for code in ("unknown_key", "future"):
        if these := [leg for leg in steps if leg.why == code]:
            out.append(question(code, these))
    if these := [leg for leg in steps if leg.unheard]:
        out.append(question("not_heard", these))
    return out


def _supervised(leg: Leg) -> bool:
    """By the hand on the leg; of a paper it is on the paper, unless the entry says that nobody was there."""
    if _stands_in(leg):
        return not any(s.role == "supervisor" and s.way in ("absent", "refused") for s in leg.record.signatures)
    return any(s.role == "supervisor" and s.way in ("signed", "fingerprint", "stamped") for s in leg.record.signatures)
