"""Containers of a sample: what its analyte groups ask for, what was filled, what was thrown away.

A container that is asked for lies in its sample's draft under "_wanted" and is no record yet: the record is made when the
person says it is filled, and by its id the order of filling can be told later (check S06). Its number is given when it is
asked for, since the label is written before the bottle is filled; a number is never given twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from field_app.visit.core import Core, Gap, Values, clean
from field_app.words import say
from schemas.records import TYPES, missing
from schemas.records.sample_container import SampleContainer
from schemas.reference import CannotSay, Label, codes
from schemas.rules.holding import ContainerRule, containers_for
from schemas.rules.reconcile.samples import misfit

VOLATILE = ("voc", "tph_c6c9")  # filled first, each in vials of its own
CARRIED = ("type", "preservative", "volume_ml", "methanol_ml", "cold")  # as in the sample before
_MATCH = ("type", "preservative")


class Container(NamedTuple):
    """One container of a sample; id None: asked for and not filled yet."""

    no: int
    id: str | None
    code: str
    values: Values

    @property
    def volatile(self) -> bool:
        return bool(set(VOLATILE) & set(self.values.get("groups", ())))

    @property
    def discarded(self) -> bool:
        return self.values.get("state") == "discarded"

    @property
    def ready(self) -> bool:
        """Enough is known of it to say with one tap that it is filled."""
        return bool(self.values.get("type") and self.values.get("volume_ml"))


class Wrong(NamedTuple):
    """A container that is not as the table asks, in the words of check S05."""

    group: Label
    what: list[Label]
    rule: ContainerRule


def volume_of(type: str | None) -> str | None:
    """The size a container's name tells ("40mL…", "1L…"), in mL."""
    found = re.match(r"(\d+)\s*(mL|L)", codes("container_type").get(type or "", Label("", "")).zh)
    return None if found is None else str(int(found[1]) * (1000 if found[2] == "L" else 1))


def ways(group: str, medium: str) -> list[ContainerRule]:
    """Every allowed bottling; empty where the table has no row."""
    found = containers_for(group, medium)
    return [] if isinstance(found, CannotSay) else found


def usual_way(group: str, medium: str) -> tuple[ContainerRule, str] | None:
    """The row and the container most rows of the group agree on; of equal ones a container whose name tells its size."""
    rules = ways(group, medium)

    def rank(pair: tuple[ContainerRule, str]) -> tuple[int, bool]:
        rule, type = pair
        alike = sum(
            type in r.containers and (r.preservative, r.min_amount) == (rule.preservative, rule.min_amount)
            for r in rules
        )
        return alike, volume_of(type) is not None

    return max(((rule, type) for rule in rules for type in rule.containers), key=rank, default=None)


def asked_for(medium: str, groups: Iterable[str], blank: bool = False, before: Iterable[Values] = ()) -> list[Values]:
    """The containers a sample needs, VOC first. Groups of soil that ask for the very same share one; every method of water
    takes its own. `before`: the containers of the sample before, whose kind is kept. Of a blank of soil no amount is asked."""
    used: dict[tuple[str, ...], list[Values]] = {}
    for values in before:
        if values.get("state") != "discarded":
            used.setdefault(tuple(sorted(values.get("groups", ()))), []).append(values)
    shared: dict[Any, Values] = {}
    for group in sorted(groups, key=lambda g: VOLATILE.index(g) if g in VOLATILE else len(VOLATILE)):
        way = usual_way(group, medium)
        if way is None:
            shared[group] = {"groups": [group]}
            continue
        rule, type = way
        alone = medium != "soil" or group in VOLATILE
        key = group if alone else (rule.containers, rule.preservative, rule.cold, rule.min_amount)
        if key in shared:
            shared[key]["groups"].append(group)
            continue
        amount = None if rule.min_amount is None or (blank and medium == "soil") else format(rule.min_amount, "f")
        shared[key] = {
            "groups": [group], "type": type, "volume_ml": volume_of(type), "preservative": rule.preservative or None,
            "amount": amount, "cold": True if rule.cold == "yes" else None,
        }  # fmt: skip
    out = []
    for values in shared.values():
        same = used.get(tuple(sorted(values["groups"])), [])
        for old in same or [None]:
            one = {**values, **({n: old[n] for n in CARRIED if old.get(n) is not None} if old else {})}
            one = {k: v for k, v in one.items() if v is not None}
            out.append({**one, "_auto": [n for n in (*CARRIED, "amount") if n in one]})
    return out


class Containers(Core):
    # --- what pages read -----------------------------------------------------------------------------------------

    def containers(self, sample: str) -> list[Container]:
        """By number; filled ones and those still asked for."""
        values = self.of("sample").get(sample, {})
        filled = [
            Container(c.get("_no", 0), id, c["code"], c)
            for id, c in self.of("sample_container").items()
            if c.get("sample_id") == sample
        ]
        wanted = [Container(w["no"], None, self._code(values, w["no"]), w) for w in values.get("_wanted", ())]
        return sorted(filled + wanted, key=lambda c: c.no)

    def unfilled(self, sample: str) -> list[Container]:
        return [c for c in self.containers(sample) if c.id is None]

    def filled_of(self, sample: str) -> tuple[int, int]:
        """How many of how many, discarded ones aside."""
        all_ = [c for c in self.containers(sample) if not c.discarded]
        return sum(c.id is not None for c in all_), len(all_)

    def to_fill(self, sample: str) -> list[Container]:
        """What one tap says of the next ones: the vials first and apart, so that their order can be told."""
        ready = [c for c in self.unfilled(sample) if c.ready]
        return [c for c in ready if c.volatile] or ready

    def out_of_turn(self, sample: str, container: Container) -> bool:
        """Another group is to be filled while vials are still empty."""
        return not container.volatile and any(c.volatile for c in self.unfilled(sample))

    def wrong(self, sample: str, container: Container) -> list[Wrong]:
        """What the server's check S05 would say of it."""
        values, medium = self.of("sample")[sample], self.of("sample")[sample]["medium"]
        if values.get("kind") not in ("ordinary", "field_duplicate") or not container.values.get("type"):
            return []
        if container.discarded:
            return []
        typed = SampleContainer.of("", {**clean(container.values), "code": container.code, "sample_id": sample})
        out = []
        for group in typed.groups:
            rules = ways(group, medium)
            if rules and (found := misfit(typed, rules)):
                out.append(Wrong(codes("analyte_group").get(group, Label(group, group)), *found))
        return out

    def rules_of(self, sample: str, container: Container) -> list[ContainerRule]:
        """The rows a container is judged by, the one it follows first; empty where a group has none."""
        medium = self.of("sample")[sample]["medium"]
        out: list[ContainerRule] = []
        for group in container.values.get("groups", ()):
            rules = ways(group, medium)
            fits = [r for r in rules if self._follows(container.values, r)]
            out += (fits or rules)[:1]
        return out

    @staticmethod
    def _follows(values: Values, rule: ContainerRule) -> bool:
        return values.get("type") in rule.containers and values.get("preservative") in (rule.preservative, None)

    def container_lacks(self, container: Container) -> list[str]:
        """Names of the fields 完成 asks for and that are not filled in; of a discarded one as of any other."""
        known = {**clean(container.values), "code": container.code, "sample_id": self._id, "state": "filled"}
        return [f.field for f in missing(TYPES["sample_container"], known)]

    # --- asking and filling --------------------------------------------------------------------------------------

    @staticmethod
    def _code(sample: Values, no: int) -> str:
        return f"{sample.get('code', '')}-C{no:02d}"

    def numbered(self, values: Values, wanted: Iterable[Values]) -> Values:
        """A sample's values with these containers asked for besides."""
        last = int(values.get("_last", 0))
        new = [{**each, "no": no} for no, each in enumerate(wanted, last + 1)]
        return {**values, "_wanted": [*values.get("_wanted", ()), *new], "_last": last + len(new)}

    def ask_again(self, sample: str) -> None:
        """After the analyte groups changed: containers for the groups that have none, none for groups taken out."""
        values = self.of("sample")[sample]
        groups = set(values.get("groups", ()))
        kept = [w for w in values.get("_wanted", ()) if groups & set(w["groups"])]
        kept = [{**w, "groups": [g for g in w["groups"] if g in groups]} for w in kept]
        filled = (c for c in self.containers(sample) if c.id is not None and not c.discarded)
        covered = {g for w in kept for g in w["groups"]} | {g for c in filled for g in c.values["groups"]}
        new = asked_for(
            values["medium"], [g for g in values.get("groups", ()) if g not in covered], not self._holds_sample(sample)
        )
        self.put("sample", sample, self.numbered({**values, "_wanted": kept}, new))

    def set_container(self, sample: str, no: int, **changed: Any) -> None:
        """One field or more by hand, of a filled one or of one still asked for."""
        found = next((c for c in self.containers(sample) if c.no == no), None)
        if found is None:
            return
        if "type" in changed and "volume_ml" not in changed:
            changed["volume_ml"] = volume_of(changed["type"]) or (
                None if volume_of(found.values.get("type")) else found.values.get("volume_ml")
            )
        values = {**found.values, **changed}
        values["_auto"] = [n for n in values.get("_auto", ()) if n not in changed]
        values = {k: v for k, v in values.items() if v is not None}
        if found.id is not None:
            lacks = self.container_lacks(found._replace(values=values))
            values["_ask"] = list(dict.fromkeys([*values.get("_ask", ()), *lacks]))
            self.put("sample_container", found.id, values)
        else:
            self._put_wanted(sample, [values if w["no"] == no else w for w in self.of("sample")[sample]["_wanted"]])

    def choose_way(self, sample: str, no: int, type: str, rule: ContainerRule) -> None:
        """Another allowed way to bottle: container, preservative, least amount and cooling of that row."""
        least = rule.min_amount if self._holds_sample(sample) else None
        amount = None if least is None else format(least, "f")
        cold = True if rule.cold == "yes" else None
        self.set_container(sample, no, type=type, preservative=rule.preservative or None, amount=amount, cold=cold)

    def fill(self, sample: str, *numbers: int) -> None:
        """装好: the records of these containers, in this order."""
        for no in numbers:
            found = next((c for c in self.unfilled(sample) if c.no == no and c.ready), None)
            if found is None:
                continue
            values = {k: v for k, v in found.values.items() if k != "no"} | {
                "code": found.code, "sample_id": sample, "state": "filled", "_no": no,
            }  # fmt: skip
            values["_ask"] = self.container_lacks(found._replace(values=values))
            self.add("sample_container", values)
            self._put_wanted(sample, [w for w in self.of("sample")[sample]["_wanted"] if w["no"] != no])

    def empty(self, sample: str, no: int) -> None:
        """Not filled after all: the same bottle with the same label is asked for again."""
        found = next((c for c in self.containers(sample) if c.no == no and c.id is not None), None)
        if found is not None and found.id is not None:
            own = ("code", "sample_id", "state", "_no", "_ask")
            kept = {k: v for k, v in found.values.items() if k not in own}
            self.remove("sample_container", found.id)
            self._put_wanted(sample, [*self.of("sample")[sample].get("_wanted", ()), {**kept, "no": no}])

    def seal(self, sample: str) -> None:
        """No bubble, and bagged apart: said of all vials of the sample at once."""
        for c in self.containers(sample):
            if c.id is not None and not c.discarded and "voc" in c.values.get("groups", ()):
                self.set_container(sample, c.no, headspace_ok=True, bagged=True)

    def one_more(self, sample: str, no: int) -> None:
        """A further container of the same kind, with a number of its own; what was weighed is not copied."""
        found = next((c for c in self.containers(sample) if c.no == no), None)
        if found is not None:
            kept = {n: found.values[n] for n in ("groups", *CARRIED) if n in found.values}
            least = max((r.min_amount for r in self.rules_of(sample, found) if r.min_amount is not None), default=None)
            if least is not None and self._holds_sample(sample):
                kept["amount"] = format(least, "f")
            auto = [n for n in kept if n != "groups"]
            self.put("sample", sample, self.numbered(self.of("sample")[sample], [{**kept, "_auto": auto}]))

    def leave_out(self, sample: str, no: int) -> None:
        """This one is not filled; its number stays used up."""
        self._put_wanted(sample, [w for w in self.of("sample")[sample].get("_wanted", ()) if w["no"] != no])

    def discard(self, sample: str, no: int, reason: str) -> None:
        """作废: it stays with its reason, and another one with a new number is asked for."""
        found = next((c for c in self.containers(sample) if c.no == no and c.id is not None), None)
        if found is not None and found.id is not None:
            again = not found.discarded
            self.change("sample_container", found.id, state="discarded", discard_reason=reason)
            if again:
                self.one_more(sample, no)

    def _holds_sample(self, sample: str) -> bool:
        """A least amount is asked of it: not of a blank of soil, which holds none."""
        values = self.of("sample")[sample]
        return values["kind"] in ("ordinary", "field_duplicate") or values["medium"] != "soil"

    def _put_wanted(self, sample: str, wanted: list[Values]) -> None:
        self.change("sample", sample, _wanted=wanted)

    # --- what 完成 refuses ---------------------------------------------------------------------------------------

    def _find_gaps(self) -> list[Gap]:
        """A container that was asked for is filled, or left out on purpose."""
        out = super()._find_gaps()
        for sample in self.of("sample"):
            what = (say("zh", "bottle.gap"), say("en", "bottle.gap"))
            out += [Gap("samples", sample, what, (c.code, c.code)) for c in self.unfilled(sample)]
        return out

    def _named(self, type: str, values: Values) -> tuple[str, str]:
        if type == "sample_container" and values.get("code"):
            return values["code"], values["code"]
        return super()._named(type, values)
