"""Layers of a visit: bottom depth and soil, one under the other, in a hole that begins by itself.

A layer begins with the first key or tile. Its top is the bottom of the one above, always: whoever mends a bottom or takes
a layer out moves the tops below it. What was filled in from elsewhere is named in the draft's "_auto" until a person
touches it; it never reaches the record.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from field_app.visit.core import Values
from field_app.visit.digits import figure, tidy, typed
from field_app.visit.hole import Hole
from field_app.words import both
from schemas.records import TYPES, missing

DIGITS, PLACES = 6, 2  # of a depth: 199.99
DEEPEST = Decimal(200)
# Of a layer: asked beside depth and soil. The first three belong to the soil, the others to what is seen and smelt here.
OF_SOIL = ("colour", "moisture", "density")
SEEN = ("odour", "odour_level", "signs")
# One scale of density or state for soils that stick, another for those that do not (GB 50021).
_COHESIVE = frozenset({"silty_clay", "clay", "mud", "clay_soil", "loam"})


class Layers(Hole):
    _fresh_depth = False  # the next digit starts a new number

    # --- what pages read -----------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[tuple[str, Values]]:
        """From the surface down."""
        return sorted(self.of("soil_layer").items(), key=lambda pair: pair[1]["layer_no"])

    @property
    def drilled(self) -> bool:
        """Does the plan want a hole here, and not only its surface?"""
        return self.planned.get("role") != "surface_only"

    @property
    def layer(self) -> tuple[str, Values] | None:
        """The layer at hand; None = the next one, not begun yet."""
        chosen = self.ui("layer")
        found = self.of("soil_layer").get(chosen) if chosen else None
        return (chosen, found) if found is not None else None

    @property
    def layer_no(self) -> int:
        return int(self.layer[1]["layer_no"]) if self.layer else len(self.layers) + 1

    @property
    def layer_top(self) -> Decimal:
        if self.layer is None:
            return self.layers_end
        return figure(self.layer[1].get("top_m")) or Decimal(0)

    @property
    def layer_bottom(self) -> str:
        """As typed."""
        return str(self.layer[1].get("bottom_m", "")) if self.layer else ""

    @property
    def layers_end(self) -> Decimal:
        """How far down the ground is described."""
        return max((b for _, v in self.layers if (b := figure(v.get("bottom_m"))) is not None), default=Decimal(0))

    def layer_wrong(self, values: Values | None = None, half: bool = True) -> str:
        """shallow: the bottom is not below the top; deep: deeper than any hole. half: a figure that may still become a
        right one by its decimals is left in peace."""
        if values is None:
            values = self.layer[1] if self.layer else {}
        text = str(values.get("bottom_m", ""))
        bottom, top = figure(text), figure(values.get("top_m")) or Decimal(0)
        if bottom is None:
            return ""
        if bottom > DEEPEST:
            return "deep"
        may_grow = half and text.partition(".")[2] == "" and bottom == int(top) and not self.ui("layer_told")
        return "shallow" if bottom <= top and not may_grow else ""

    def layer_lacks(self, record: str | None = None) -> list[str]:
        """Names of the fields that the layer at hand (or this one) still needs."""
        values = self.of("soil_layer").get(record) if record else self.layer[1] if self.layer else None
        if values is None:
            return ["bottom_m", "texture"]
        lacking = [f.field for f in missing(TYPES["soil_layer"], values)]
        return lacking if figure(values.get("bottom_m")) is not None else list(dict.fromkeys(["bottom_m", *lacking]))

    def layer_stops(self) -> list[str]:
        """Of these what one cannot go on without: how the layer looks may follow later."""
        return [f for f in self.layer_lacks() if f in ("bottom_m", "texture")]

    @property
    def unfinished(self) -> str | None:
        """The first layer that lacks something or has a wrong depth."""
        return next((id for id, v in self.layers if self.layer_lacks(id) or self.layer_wrong(v, half=False)), None)

    @property
    def at_bottom(self) -> bool:
        """Is the last layer the last of the hole?"""
        deep = self.planned_depth
        ended = self.ui("hole_ended") or (deep is not None and self.layers_end >= deep)
        return bool(self.layers) and bool(ended)

    def layers_next(self) -> str:
        """What the next button does: skip (nothing to describe here), layer, looks (what is asked of the layers), hole
        (what is asked of it), done."""
        if not self.layers:
            return "skip"
        if not self.at_bottom or (self.layer is not None and (self.layer_stops() or self.layer_wrong())):
            return "layer"
        return "looks" if self.unfinished else "hole" if self.hole_lacks() else "done"

    def up(self) -> None:
        """One level up: from a face of this step to its pad, from a step to the list of steps."""
        inside = self.ui("step") == "layers" and self.ui("layers_part")
        self.set_ui(**({"layers_part": None} if inside else {"step": None}))

    # --- keys and tiles ------------------------------------------------------------------------------------------

    def depth_key(self, key: str) -> None:
        """One key of the pad: a digit, ".", "back", "same" (as the layer above), "bottom"."""
        if key == "same":
            self._as_above()
            return
        if key == "bottom":
            self.to_bottom()
            return
        now = "" if self._fresh_depth and key != "back" else self.layer_bottom
        text = now[:-1] if key == "back" else typed(now, key, DIGITS, PLACES)
        self._fresh_depth = False
        if text != self.layer_bottom:
            self._set_bottom(text)

    def to_bottom(self) -> None:
        """This layer is the last one: down to the planned depth, or to where it was typed to."""
        if not self.layer_bottom and self.planned_depth is not None and self.planned_depth > self.layer_top:
            self._set_bottom(str(self.planned_depth))
        self.set_ui(layer_told=True, hole_ended=bool(self.layer_bottom) and not self.layer_wrong(half=False))

    def _set_bottom(self, text: str) -> None:
        if not text and self.layer is None:
            return
        record = self._begun()
        self._put_layer(record, bottom_m=text)
        self._follow()

    def pick_soil(self, texture: str) -> None:
        """The tile. What goes with such a soil comes along: from this hole, else from the last points of the project, else
        from the layer above."""
        record = self._begun()
        values = {**self.of("soil_layer")[record], "texture": texture}
        auto = [f for f in self.auto(values) if f != "texture"]
        for name in OF_SOIL:
            if values.get(name) in (None, "") or name in auto:
                found = self._usual(record, texture, name)
                values.pop(name, None)
                auto = [f for f in auto if f != name]
                if found:
                    values[name], auto = found, [*auto, name]
        self.put("soil_layer", record, {**values, "_auto": auto})

    def _usual(self, record: str, texture: str, name: str) -> str | None:
        others = [v for id, v in self.layers if id != record]
        same = [v[name] for v in others if v.get("texture") == texture and v.get(name)]
        if same:
            return str(same[-1])
        known = self._book.soils.get(texture, {}).get(name)
        if known:
            return str(known)
        above = self._layer_above(record)
        if not above or not above.get(name):
            return None
        fits = name != "density" or (above.get("texture") in _COHESIVE) == (texture in _COHESIVE)
        return str(above[name]) if fits else None

    def _layer_above(self, record: str) -> Values | None:
        no = self.of("soil_layer")[record]["layer_no"]
        return next((v for _, v in self.layers if v["layer_no"] == no - 1), None)

    def _as_above(self) -> None:
        """Same as the layer above, the depth apart; in the first layer the same as in the last point's."""
        above = self._layer_above(self._begun()) if self.layers else None
        source = above or next(iter(self._book.soils.values()), None)
        if source is None:
            return
        record = self._begun()
        copied = {n: source[n] for n in ("texture", *OF_SOIL, *(SEEN if above else ())) if source.get(n)}
        kept = {n: v for n, v in self.of("soil_layer")[record].items() if n not in copied}
        auto = dict.fromkeys([*self.auto(kept), *copied])
        self.put("soil_layer", record, {**kept, **copied, "_auto": list(auto)})

    def set_layer(self, name: str, value: Any) -> None:
        """One field by hand."""
        self._put_layer(self._begun(), **{name: value})

    def _put_layer(self, record: str, **changed: Any) -> None:
        values = {k: v for k, v in {**self.of("soil_layer")[record], **changed}.items() if v not in (None, "", [])}
        if values.get("odour") == "none":
            values.pop("odour_level", None)
        self.put("soil_layer", record, {**values, "_auto": [f for f in self.auto(values) if f not in changed]})

    def toggle_sign(self, sign: str) -> None:
        """None, or any of the others together."""
        now = [s for s in (self.layer[1].get("signs", []) if self.layer else []) if s != "none"]
        others = [s for s in now if s != sign] if sign in now else [*now, sign]
        self.set_layer("signs", ["none"] if sign == "none" or not others else others)

    # --- going from layer to layer -------------------------------------------------------------------------------

    def take_layer(self, record: str | None) -> None:
        """Take a layer up again; None: the next one below."""
        self._fresh_depth = record is not None
        self.set_ui(layer=record, layer_told=False, layers_part=None, **({} if record else {"hole_ended": False}))

    def next_layer(self) -> None:
        """On to the next one; what the one at hand lacks is told instead."""
        if self.layer is None or self.layer_stops() or self.layer_wrong(half=False):
            self.set_ui(layer_told=True)
        else:
            self.take_layer(None)

    def finish_layer(self) -> None:
        """To the first layer that lacks something."""
        if (record := self.unfinished) is not None:
            self.take_up(record)

    def take_up(self, record: str) -> None:
        """A layer or the hole in which the check found something, opened where it is mended."""
        if record in self.of("borehole"):
            self.set_ui(layers_part="hole", hole_first=self.hole_lacks())
        elif record in self.of("soil_layer"):
            self.take_layer(record)
            self.set_ui(
                layers_part="looks" if not self.layer_stops() and not self.layer_wrong(half=False) else None,
                layer_told=True,
            )

    def insert_layer(self, below: str) -> None:
        """A layer that was forgotten, above this one: it takes its upper part."""
        old = self.of("soil_layer")[below]
        for record, values in self.layers:
            if values["layer_no"] >= old["layer_no"]:
                self.put("soil_layer", record, {**values, "layer_no": values["layer_no"] + 1})
        new = self.add(
            "soil_layer", {**self._blank(old["layer_no"], str(old["top_m"])), "borehole_id": old["borehole_id"]}
        )
        self._follow()
        self.take_layer(new)

    def remove_layer(self, record: str) -> None:
        """The layer below takes its place; a hole that nobody entered anything for goes with its last layer."""
        self.remove("soil_layer", record)
        if not self.layers and self.hole and not self.hole[1].get("_own"):
            self.remove("borehole", self.hole[0])
        self._follow()
        last = self.layers[-1][0] if self.layers else None
        self.set_ui(layer=last, layer_told=False, hole_ended=False)

    def _begun(self) -> str:
        """The layer at hand, begun if need be."""
        if self.layer is not None:
            return self.layer[0]
        hole = self.hole[0] if self.hole else self._begin_hole()
        values = {**self._blank(len(self.layers) + 1, str(self.layers_end)), "borehole_id": hole}
        record = self.add("soil_layer", values)
        self.set_ui(layer=record, layer_told=False, hole_ended=False)
        return record

    def _blank(self, no: int, top: str) -> Values:
        above = next((v for _, v in self.layers if v["layer_no"] == no - 1), None)
        carried = {n: above[n] for n in SEEN if above.get(n)} if above else {"odour": "none", "signs": ["none"]}
        return {"layer_no": no, "top_m": top, **carried, "_auto": list(carried)}

    def _follow(self) -> None:
        """Numbers, tops and the depth of the hole after a bottom or the row of layers changed."""
        end = "0"
        for no, (record, values) in enumerate(self.layers, 1):
            if values["layer_no"] != no or values["top_m"] != end:
                self.put("soil_layer", record, {**values, "layer_no": no, "top_m": end})
            if figure(values.get("bottom_m")) is not None:
                end = tidy(str(values["bottom_m"]))
        if self.hole:
            self._hole_follows(*self.hole, self.layers_end)

    # --- into the records ----------------------------------------------------------------------------------------

    def completed(self, type: str, values: Values) -> Values:
        """A sample of soil is told its hole and layer; the middle of the sample decides."""
        values = super().completed(type, values)
        if type == "soil_layer" and "bottom_m" in values:
            return {**values, "bottom_m": tidy(str(values["bottom_m"]))}
        if type != "sample" or values.get("medium") != "soil" or self.hole is None or values.get("layer_id"):
            return values
        layer = self.layer_at(values.get("depth_top_m"), values.get("depth_bottom_m"))
        return {**values, "borehole_id": self.hole[0], "layer_id": layer} if layer else values

    def layer_at(self, top: Any, bottom: Any) -> str | None:
        """The layer in which the middle of an interval lies."""
        a, b = figure(top), figure(bottom)
        if a is None or b is None:
            return None
        middle = (a + b) / 2
        for record, values in self.layers:
            end = figure(values.get("bottom_m"))
            if end is not None and (figure(values["top_m"]) or Decimal(0)) <= middle <= end:
                return record
        return None

    def _named(self, type: str, values: Values) -> tuple[str, str]:
        if type == "soil_layer":
            return both("gap.layer", n=values.get("layer_no"))
        return super()._named(type, values)
