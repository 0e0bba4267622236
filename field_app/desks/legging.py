"""One leg while it is being made: what was tapped and typed, and the values that will be signed. Knows neither page nor store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from field_app.form.typed import as_time
from field_app.store import values_of
from schemas.rules.handover import Chain
from schemas.rules.manifest.mass import Tolerance

Values = dict[str, Any]
TAKES = ("received", "received_difference")
WEIGHED = ("gross", "tare")
LONGEST = 6  # characters of a weight: 100.00 t is the most a weighing may say
# Who signs by hand for what, as a code of signoff_kind.
SIGNER = {
    "departed": "driver", "waypoint": "driver", "relay": "driver", "arrived": "receiver", "received": "receiver",
    "received_difference": "receiver", "rejected": "receiver", "returned": "sender",
}  # fmt: skip


class Difference(NamedTuple):
    """What came less what left, in t, and how much two weighbridges may differ. over: more than that."""

    out_t: Decimal
    in_t: Decimal
    t: Decimal
    allowed_t: Decimal

    @property
    def over(self) -> bool:
        return abs(self.t) > self.allowed_t

    @property
    def pct(self) -> Decimal | None:
        return abs(self.t) * 100 / self.out_t if self.out_t else None


@dataclass(frozen=True)
class Draft:
    """Kept at every edit, as JSON. kind: a code of leg_kind, where received stands for both ways of receiving. at: wire time, for a
    leg that is caught up with. photos: record id → values of its draft."""

    leg: str
    kind: str
    way: str = "own"
    who: str = ""
    at: str = ""
    typing: str = "gross"
    gross: str = ""
    tare: str = ""
    ticket: str = ""
    accepted: str = ""
    heap: str = ""
    problem: str = ""
    problem_text: str = ""
    reported_at: str = ""
    odometer: str = ""
    signature: Values | None = None
    photos: dict[str, Values] = field(default_factory=dict)

    def put(self, **values: Any) -> Draft:
        return replace(self, **values)

    @property
    def kept(self) -> Values:
        return asdict(self)

    def key(self, code: str) -> Draft:
        """A key of the pad, into the weight that is being typed."""
        old = getattr(self, self.typing)
        if code == "back":
            new = old[:-1]
        elif code == "clear":
            new = ""
        elif code == ".":
            new = old if "." in old else (old or "0") + "."
        else:
            new = code if old == "0" else old + code
        whole, _, part = new.partition(".")
        if len(new) > LONGEST or len(part) > 3 or len(whole) > 3:
            return self
        return self.put(**{self.typing: new})

    # --- weights -------------------------------------------------------------------------------------------------

    @property
    def net_t(self) -> Decimal | None:
        """None while gross or tare is missing, or tare is not below gross."""
        gross, tare = number(self.gross), number(self.tare)
        return gross - tare if gross is not None and tare is not None and tare < gross else None

    @property
    def received_t(self) -> Decimal | None:
        return number(self.accepted) if self.accepted.strip() else self.net_t

    def difference(self, out_t: Decimal | None, allowed: Tolerance) -> Difference | None:
        """Of what was weighed, or of what was accepted where that is further off; None where one of the two weights is not known."""
        if out_t is None or self.net_t is None:
            return None
        came = max((self.net_t, self.received_t or self.net_t), key=lambda t: abs(t - out_t))
        return Difference(out_t, came, came - out_t, allowed.of(out_t))

    # --- what will be signed -------------------------------------------------------------------------------------

    def final_kind(self, difference: Difference | None) -> str:
        """Received with a difference as soon as one is named or the weights say so."""
        if self.kind != "received":
            return self.kind
        return "received_difference" if self.problem or (difference is not None and difference.over) else "received"

    def values(
        self, manifest: str, now: datetime, name: str, org: str, position: Values | None, difference: Difference | None
    ) -> Values:
        """The leg in wire form, without its signature and without what is empty."""
        kind = self.final_kind(difference)
        late = self.way in ("paper", "lost")
        at_text = (as_time(self.at, None, now.date()) or "") if late else now.isoformat(timespec="seconds")
        weight: list[Values] = []
        gross, tare = number(self.gross), number(self.tare)
        if kind in TAKES or (kind in ("rejected", "returned") and gross is not None and tare is not None):
            one = {"ticket_no": self.ticket.strip(), "gross_t": text_of(gross), "tare_t": text_of(tare), "at": at_text}
            weight = [values_of(one)]
        problem = self.problem or ("weight_diff" if kind == "received_difference" else "")
        told = kind in ("received_difference", "rejected", "returned")
        return values_of({
            "manifest_id": manifest, "kind": kind, "at": at_text, "who_name": name if self.way == "own" else self.who.strip(),
            "org_id": org, "way": self.way, "position": None if late else position,
            "signatures": [self.signature] if self.signature else [], "weight": weight,
            "received_t": text_of(self.received_t) if kind in TAKES else None,
            "heap": self.heap.strip() if kind in TAKES else None, "problem": problem if told else None,
            "problem_text": self.problem_text.strip() if told else None,
            "reported_at": self.reported_at if kind == "rejected" else None, "odometer_km": self.odometer.strip(),
        })  # fmt: skip


def draft_of(kept: Mapping[str, Any]) -> Draft | None:
    """Inverse of `kept`; None of what an older version kept otherwise."""
    try:
        return Draft(**kept)
    except TypeError:
        return None


def number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip()) if text.strip() else None
    except InvalidOperation:
        return None


def text_of(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def weights_out(chain: Chain) -> tuple[Decimal | None, Decimal | None]:
    """(gross, net) in t as the load left, of the last leg before the receiver's that was weighed."""
    weighed = [c for c in chain.claims if c.gross_kg is not None and c.kind in ("issued", "departed")]
    if not weighed:
        return None, None
    last = weighed[-1]
    net = last.net()
    return Decimal(last.gross_kg or 0) / 1000, None if net is None else Decimal(net) / 1000


__all__ = ["SIGNER", "TAKES", "WEIGHED", "Difference", "Draft", "draft_of", "number", "text_of", "weights_out"]
