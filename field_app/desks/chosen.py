"""The next truck as it is chosen and typed so far, what is missing, and what it would make of manifest and first leg."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from field_app.capture.position import STALE_S, as_values
from field_app.clock import CHINA
from field_app.desks.asking import Need, needs_of, notes_of, passed_of
from field_app.desks.loading import Loading
from field_app.desks.sending import Sending, Truck, number_of, truck_of
from field_app.form import as_time
from field_app.store import Seen, Store
from field_app.words import say
from schemas.rules.handover.judge import STAND_INS

if TYPE_CHECKING:
    from field_app.state import State

Values = dict[str, Any]


class Chosen:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._sending = Sending()
        self._id = ""
        self._values: Values = {}
        self._own: Values = {}
        self._loading: Loading | None = None
        self._busy = False
        self._typed = ""  # a plate that is being typed
        self._pad = ""  # the figure the number pad writes, "" while it is away

    sending = property(lambda self: self._sending)
    id = property(lambda self: self._id)
    busy = property(lambda self: self._busy)
    typed = property(lambda self: self._typed)
    loading = property(lambda self: self._loading)
    pad = property(lambda self: self._pad)

    def forget(self) -> None:
        self._sending, self._id, self._values, self._own, self._loading = Sending(), "", {}, {}, None
        self._typed = self._pad = ""

    # --- what pages read -----------------------------------------------------------------------------------------

    def value(self, name: str) -> Any:
        """A field of the manifest: as chosen, else as carried over."""
        return self._values.get(name, self._sending.carried.get(name))

    def own(self, name: str) -> Any:
        return self._own.get(name)

    @property
    def truck(self) -> Truck | None:
        return self._sending.truck(self._values.get("vehicle_id")) or self._own_truck()

    def _own_truck(self) -> Truck | None:
        """A vehicle that is not in the list: typed."""
        seen = self._sending.names.of("vehicle", self._values.get("vehicle_id")) if self._sending.found else {}
        return (
            truck_of(Seen("vehicle", self._values["vehicle_id"], "", 0, dict(seen), ""), False, False, ())
            if seen
            else None
        )

    @property
    def number(self) -> str:
        """The one this load will have: kept from a try that failed, else the next of this device's block."""
        serial = self._own.get("serial", self._sending.serial)
        return number_of(self._host.now(), self._sending.division, serial)

    @property
    def gross(self) -> str:
        return str(self._own.get("gross", ""))

    @property
    def tare(self) -> str:
        """As typed, else the vehicle's last one, else that of its record."""
        truck = self.truck
        return str(self._own["tare"]) if "tare" in self._own else truck.tare if truck else ""

    @property
    def net_t(self) -> Decimal | None:
        gross, tare = _figure(self.gross), _figure(self.tare)
        return None if gross is None or tare is None else gross - tare

    @property
    def supervisor(self) -> str:
        """Whoever is to witness it; "" where nobody is present, or nobody is known."""
        if self._own.get("supervisor") is not None:
            return str(self._own["supervisor"])
        names = self._sending.supervisors()
        return names[0] if names else ""

    @property
    def absent(self) -> bool:
        return bool(self._own.get("absent"))

    @property
    def signatures(self) -> list[Values]:
        return list(self._own.get("signatures", ()))

    def signed(self, role: str) -> Values | None:
        return next((s for s in self.signatures if s["role"] == role), None)

    @property
    def way(self) -> str:
        """A code of leg_way: own, or what is entered afterwards (paper, lost)."""
        return str(self._own.get("way", "own"))

    @property
    def late(self) -> bool:
        """Entered after the truck went with a paper manifest: who signed then signed on the paper."""
        return self.way in STAND_INS

    def when(self, now: datetime) -> datetime | None:
        """When it was issued: now, or the time that was typed of a paper; None where that is no time."""
        if not self.late:
            return now
        try:
            at = datetime.fromisoformat(as_time(str(self._own.get("at", "")), None, now.date()) or "")
        except ValueError:
            return None
        return at if at.tzinfo is not None else None

    def needs(self) -> list[Need]:
        """What is missing, the first first; what the guards say after what is not chosen yet."""
        return needs_of(self, self._store.keys.identity, self._host.now())

    def passed(self) -> list[tuple[str, str]]:
        """What the guards have seen and found in order."""
        return passed_of(self, self._store.keys.identity, self._host.now())

    def notes(self) -> list[tuple[str, tuple[str, str]]]:
        """What does not stop the load and deserves a look: (kind, words)."""
        return notes_of(self, self._store.keys.identity, self._host.now())

    # --- what it would be ---------------------------------------------------------------------------------------

    @property
    def receiving(self) -> Mapping[str, Any]:
        plan = self._sending.plan
        if plan is None:
            return {}
        return self._sending.names.receiving(plan.id, self.value("receiver_id"), self.value("receiver_place"))

    def manifest(self, number: str, now: datetime) -> Values:
        """The manifest's values as they stand now."""
        lot, plan = self._sending.lot, self._sending.plan
        names = (
            "vehicle_id",
            "driver_name",
            "driver_phone",
            "licence_no",
            "cover",
            "receiver_id",
            "receiver_place",
            "loading_place",
        )
        witness, at = self.signed("supervisor"), self.when(now) or now
        seen = not self.absent if self.late else witness is not None and witness["way"] == "signed"
        out = {n: self.value(n) for n in names} | {
            "number": number, "plan_id": plan.id if plan else None, "lot_id": lot.id if lot else None, "cover": self.cover,
            "issued_at": at.isoformat(timespec="seconds"), "supervised": seen, "paper": True if self.way == "paper" else None,
        }  # fmt: skip
        return {n: v.strip() if isinstance(v, str) else v for n, v in out.items() if v is not None}

    @property
    def cover(self) -> str | None:
        """As chosen or carried over, else as the vehicle is covered."""
        truck = self.truck
        return self.value("cover") or (truck.values.get("cover") if truck else None)

    def leg(self, person: str, name: str, now: datetime) -> Values:
        """The first leg's values, not signed yet."""
        at, plan = (self.when(now) or now).isoformat(timespec="seconds"), self._sending.plan
        own = next((p.values.get("org_id") for p in self._sending.people if p.id == person), None)
        weighing = {"ticket_no": str(self._own.get("ticket", "")).strip(), "gross_t": _wire(self.gross), "tare_t": _wire(self.tare),
                    "at": at if self.late else self._own.get("weighed_at", at)}  # fmt: skip
        return {
            "manifest_id": self._id, "kind": "issued", "at": at, "who_name": name, "way": self.way,
            "position": None if self.late else self.position(now),
            "org_id": own or (plan.values.get("consignor_id") if plan else None), "signatures": self._hands(at), "weight": [weighing],
        }  # fmt: skip

    def _hands(self, at: str) -> list[Values]:
        """The signatures; where no supervisor is present, that is written down as one that was not given."""
        signed = self.signatures
        if not self.absent or any(s["role"] == "supervisor" for s in signed):
            return signed
        org = self._sending.plan.values.get("supervisor_id") if self._sending.plan else None
        name = (
            self.supervisor
            or (self._sending.names.org(org) if self._sending.found else "")
            or say("zh", "issue.supervisor")
        )
        nobody = {
            "role": "supervisor",
            "name": name,
            "way": "absent",
            "refuse_reason": say("zh", "issue.supervisor.absent"),
            "signed_at": at,
        }
        return [*signed, nobody]

    def position(self, now: datetime) -> Values | None:
        """Where we are, measured just now; None without a fresh position."""
        here = self._host.here
        fix = here.mean or here.fix
        return as_values(fix, now) if fix is not None and fix.age_s(now) <= STALE_S else None

    def weighed_at(self) -> datetime | None:
        at = self._own.get("weighed_at")
        return datetime.fromisoformat(at).astimezone(CHINA) if at else None


def _figure(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text.strip(".") else None
    except ArithmeticError:
        return None


def _wire(text: str) -> str:
    """31. → 31, .5 → 0.5: as a decimal is written."""
    text = text.rstrip(".") if "." in text else text
    return f"0{text}" if text.startswith(".") else text
