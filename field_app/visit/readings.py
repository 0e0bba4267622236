"""Readings of a visit: which instrument, which depth, what the keys type."""

from __future__ import annotations

from decimal import Decimal

from field_app.book import METHODS, decimal
from field_app.store import Seen
from field_app.visit.core import Core, Values
from field_app.visit.digits import figure, typed
from field_app.words import say
from schemas.rules.limits import Judgement

DEPTH_STEP = Decimal("0.5")
DIGITS = 7  # of a typed value: more do not fit the display, and no field instrument gives them
PLACES = 4


class Readings(Core):
    _fresh = True  # the next digit starts a new number

    @property
    def readings(self) -> dict[str, Values]:
        return self.of("field_reading")

    @property
    def instrument(self) -> Seen | None:
        known = self._book.instruments
        chosen = self._book.instrument(self.ui("instrument"))
        return chosen or next((i for i in known if i.values["kind"] == "xrf"), known[0] if known else None)

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        return self._book.parameters(self.instrument.id) if self.instrument else ()

    @property
    def parameter(self) -> str:
        names = [p for p, _ in self.parameters]
        chosen = self.ui("parameter")
        return chosen if chosen in names else (names[0] if names else "")

    @property
    def depth(self) -> Decimal:
        return Decimal(self.ui("depth", "0.5"))

    def pick(self, parameter: str) -> None:
        self._fresh = True
        self.set_ui(parameter=parameter)

    def use_instrument(self, id: str) -> None:
        self._fresh = True
        self.set_ui(instrument=id, parameter=None, choose=False)

    def move(self, steps: int) -> None:
        """Another depth. Not above the surface, not under the planned bottom by more than a few metres."""
        bottom = (decimal(self.planned.get("target_depth_m")) or Decimal(6)) + 5
        to = min(max(self.depth + steps * DEPTH_STEP, Decimal(0)), bottom)
        self._fresh = True
        first = self.parameters[0][0] if self.parameters else None
        self.set_ui(depth=str(to), parameter=first)

    def next_parameter(self) -> None:
        names = [p for p, _ in self.parameters]
        if names:
            self.pick(names[(names.index(self.parameter) + 1) % len(names)])

    def reading(self, parameter: str, depth: Decimal | None = None) -> tuple[str, Values] | None:
        where, instrument = depth if depth is not None else self.depth, self.instrument
        for id, values in self.readings.items():
            if (
                values["parameter"] == parameter
                and decimal(values.get("depth_top_m")) == where
                and instrument is not None
                and values["instrument_id"] == instrument.id
            ):
                return id, values
        return None

    def text(self, parameter: str, depth: Decimal | None = None) -> str:
        """A reading as typed: "642", "<5", "" where there is none."""
        found = self.reading(parameter, depth)
        return "" if found is None else shown(found[1])

    def key(self, key: str) -> None:
        """One key of the pad: a digit, ".", "back", "nd" (not detected), "same" (as at the last depth above)."""
        anew = self._fresh and key != "back"
        now = "" if anew else self.text(self.parameter)
        if key == "back":
            text = now[:-1]
        elif key == "nd":
            text = "<" + (self._book.lod(self.instrument.id if self.instrument else None, self.parameter) or "")
        elif key == "same":
            text = self._reading_above()
        else:
            text = typed(now, key, DIGITS, PLACES)
        if key == "same" and not text:  # nothing to repeat: what stands here stays
            return
        # After 未检出 without a known limit the digits that follow are the limit.
        self._fresh = key == "same" or (key == "nd" and text != "<")
        if text != self.text(self.parameter) or anew:
            self.write(self.parameter, text, anew)

    def _reading_above(self) -> str:
        """The reading of this parameter at the nearest depth above that has one."""
        depths = sorted(
            {d for v in self.readings.values() if (d := decimal(v.get("depth_top_m"))) is not None and d < self.depth}
        )
        return next((t for d in reversed(depths) if (t := self.text(self.parameter, d))), "")

    def write(self, parameter: str, text: str, anew: bool = True) -> None:
        """anew: measured now; else a figure that is being completed or mended keeps its time."""
        found = self.reading(parameter)
        if not text:
            if found:
                self.remove("field_reading", found[0])
            return
        if self.instrument is None:
            return
        id, values = found or (self._new_id(), self._new_reading(parameter))
        values = {k: v for k, v in values.items() if k not in ("value", "lod", "qualifier", "_text")}
        below, digits = text.startswith("<"), text.removeprefix("<")
        size = figure(digits)
        values["qualifier"] = "nd" if below else "eq"
        if size is None or (size == 0 and (below or digits.endswith("."))):  # 0. may become any figure, and <0 is none
            values["_text"] = text
        else:
            values["lod" if below else "value"] = digits
        if anew or "at" not in values:
            values["at"] = self._now().isoformat(timespec="seconds")
        self.put("field_reading", id, values)

    def _new_reading(self, parameter: str) -> Values:
        instrument = self.instrument
        assert instrument is not None
        out = {
            "point_id": self._id, "instrument_id": instrument.id, "parameter": parameter, "entry_way": "typed",
            "method": METHODS[instrument.values["kind"]][0], "unit": dict(self.parameters)[parameter],
            "depth_top_m": str(self.depth),
        }  # fmt: skip
        if reason := self.ui("uncalibrated", {}).get(instrument.id):
            out["note"] = say("zh", "gap.uncalibrated", reason=reason)  # part of the record: its language is Chinese
        return out

    def judged(self, parameter: str, depth: Decimal | None = None) -> Judgement | None:
        found = self.reading(parameter, depth)
        return self._book.judged(found[1]) if found else None

    def uncalibrated(self) -> bool:
        """The instrument has not passed its check today and nobody wrote why it is used all the same."""
        i = self.instrument
        return (
            i is not None
            and i.id not in self.ui("uncalibrated", {})
            and self._book.calibrated(i.id, self._now()) is None
        )

    def excuse(self, reason: str) -> None:
        if self.instrument is not None:
            self.set_ui(uncalibrated={**self.ui("uncalibrated", {}), self.instrument.id: reason})


def shown(values: Values) -> str:
    """A reading as it was typed."""
    if "_text" in values:
        return str(values["_text"])
    return f"<{values.get('lod', '')}" if values.get("qualifier") in ("lt", "nd") else str(values.get("value", ""))
