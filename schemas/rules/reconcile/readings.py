"""Reading checks R01, R02, R04, R06, and which analytes a point exceeds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from schemas.fields import fields_of
from schemas.records.calibration import Calibration
from schemas.records.field_reading import FieldReading
from schemas.records.instrument import Instrument
from schemas.records.sample import Sample
from schemas.records.site import Site
from schemas.reference import Analyte, CannotSay, Label, analyte, codes
from schemas.rules.limits import Judgement, State, convert, judge
from schemas.rules.reconcile.checks import ERROR, INFO, MANAGER, SAMPLER, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import Place, day

_FORM_34 = "建设用地土壤污染状况初步调查监督检查工作指南（试行）（公告2022年第17号）表3-4"

# Instruments that are calibrated before use; scales, thermometers and level meters are verified by metrology instead.
CALIBRATED = frozenset({"pid", "xrf", "fid", "meter"})
# Methods whose readings have a figure to hold them against. PID and FID have none (HJ 1019-2019 5.2: screening only).
JUDGED = frozenset({"xrf", "test_kit"})
_VALID = fields_of(Calibration)["valid_hours"]
_DEFAULT_VALID_H = Decimal(_VALID.spec.default or 24)
_LONGEST = timedelta(hours=float(_VALID.le or 720))

XRF_LEAST_S = Decimal(30)  # K: live time of a usable XRF reading
XRF_MOISTURE_PCT = Decimal(20)  # K: wetter soil reads low


def _name(facts: Facts, instrument_id: str) -> str:
    found = facts.find(Instrument, instrument_id)
    return found.code if found else instrument_id[:8]


def _covers(calibrations: Sequence[Calibration], times: Sequence[datetime], at: datetime) -> bool:
    """Does a passed calibration cover this moment? One that failed in between ends it. `times`: of the calibrations."""
    for n in range(bisect_right(times, at) - 1, -1, -1):
        cal = calibrations[n]
        if cal.result == "failed" or at - cal.at > _LONGEST:
            return False
        valid = cal.valid_hours if cal.valid_hours is not None else _DEFAULT_VALID_H
        if cal.result == "passed" and at - cal.at <= timedelta(hours=float(valid)):
            return True
    return False


def calibration_of(facts: Facts, reading: FieldReading) -> tuple[bool, Calibration | None]:
    """Does a passed calibration of its instrument cover a reading, as R01 asks; and the last one before it."""
    calibrations = facts.calibrations_of(reading.instrument_id)
    times = [c.at for c in calibrations]
    before = bisect_right(times, reading.at)
    return _covers(calibrations, times, reading.at), calibrations[before - 1] if before else None


@check(
    "R01", "当日无合格校准", "No passed calibration that day", ERROR, f"HJ 1019-2019 5.2.2；{_FORM_34}", "C", SAMPLER,
    texts={"": ("{ins} 于 {d} 的 {n} 个读数无合格校准", "{ins} on {d}: readings without a passed calibration: {n}")},
    per_point=False,
)  # fmt: skip
def not_calibrated(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    if not facts.held(Calibration):
        if any(r.method in CALIBRATED for r in view.readings):
            yield say.cannot("校准记录", "the calibrations")
        return
    bare: dict[tuple[str, str], list[FieldReading]] = {}
    for instrument, of_it in _by_instrument(view.readings, CALIBRATED).items():
        calibrations = facts.calibrations_of(instrument)
        times = [c.at for c in calibrations]
        covered: dict[datetime, bool] = {}  # one look at the display gives many readings
        for reading in of_it:
            at = reading.at
            if at not in covered:
                covered[at] = _covers(calibrations, times, at)
            if not covered[at]:
                bare.setdefault((instrument, day(at).isoformat()), []).append(reading)
    for (instrument, date), readings in sorted(bare.items()):
        subject = facts.find(Instrument, instrument) or readings[0]
        yield say(subject, _shared_code(facts, view, readings), ins=_name(facts, instrument), d=date, n=len(readings))


def _by_instrument(
    readings: Iterable[FieldReading], methods: Container[str] | None = None
) -> dict[str, list[FieldReading]]:
    out: dict[str, list[FieldReading]] = {}
    for reading in readings:
        if methods is None or reading.method in methods:
            out.setdefault(reading.instrument_id, []).append(reading)
    return out


def _shared_code(facts: Facts, view: View, readings: list[FieldReading]) -> str | None:
    """The point, where all of them are of one."""
    if not view.whole:
        return view.code
    first = facts.code_of("field_reading", readings[0].id)
    return first if all(facts.code_of("field_reading", r.id) == first for r in readings) else None


@check(
    "R02", "校准不合格需追溯", "Failed calibration reaches back", WARNING, f"{_FORM_34}；追溯范围为本系统设定", "C",
    MANAGER,
    texts={"": ("{ins} 于 {t} 校准不合格，此前 {n} 个读数存疑", "{ins} failed at {t}: earlier readings in question: {n}")},
    per_point=False,
)  # fmt: skip
def reaches_back(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for instrument, readings in sorted(_by_instrument(view.readings).items()):
        calibrations = facts.calibrations_of(instrument)
        if all(cal.result != "failed" for cal in calibrations):
            continue
        readings.sort(key=lambda r: r.at)
        times = [r.at for r in readings]
        passed: Calibration | None = None
        for cal in calibrations:
            if cal.result == "failed" and passed is not None:
                hit = readings[bisect_left(times, passed.at) : bisect_left(times, cal.at)]
                if hit:
                    yield say(cal, _shared_code(facts, view, hit), ins=_name(facts, instrument), t=cal.at, n=len(hit))
            if cal.result != "limited":
                passed = cal if cal.result == "passed" else None


# --- R04: against the standard of the site ---------------------------------------------------------------------------

Level = Literal["none", "screening", "intervention", "unknown"]
_RANK = {"cannot_say": 0, "below": 1, "above_screening": 2, "above_intervention": 3}
_LEVEL: dict[str, Level] = {"above_intervention": "intervention", "above_screening": "screening", "below": "none"}
# The tables have no figure for such a reading at all: no gap in the records, nothing to ask for.
_NO_FIGURE = frozenset({"row", "method", "analyte", "text_item"})
_MISSING = {
    "land_use": Label("土地利用类型", "the land use"),
    "ph_band": Label("土壤 pH 分组", "the soil pH band"),
    "ph": Label("土壤 pH 分组", "the soil pH band"),
    "targets": Label("项目目标值", "the project targets"),
    "standard": Label("评价标准", "the standard"),
}


class Worst(NamedTuple):
    """The reading that decides for one analyte at one place, and how it was judged."""

    analyte: Analyte
    reading: FieldReading
    judgement: Judgement


class Exceedance(NamedTuple):
    """What the readings of a place say. `gaps`: what is missing, of which site, and whether it leaves the level open;
    `no_figure`: standard → analytes it has no figure for."""

    worst: dict[str, Worst]
    gaps: list[tuple[Site | None, Label, bool]]
    no_figure: dict[str, set[Label]]

    @property
    def level(self) -> Level:
        """The highest level; unknown where nothing was judged, or something that has a limit could not be."""
        states = {w.judgement.state for w in self.worst.values()}
        for state in ("above_intervention", "above_screening"):
            if state in states:
                return _LEVEL[state]
        return "none" if "below" in states and not any(open for _, _, open in self.gaps) else "unknown"

    @property
    def exceeded(self) -> list[str]:
        above = ("above_screening", "above_intervention")
        return sorted(w.analyte.en.lower() for w in self.worst.values() if w.judgement.state in above)

    @property
    def judged(self) -> list[str]:
        return sorted(w.analyte.en.lower() for w in self.worst.values() if w.judgement.state != "cannot_say")


def exceedance(facts: Facts, place: Place) -> Exceedance:
    """Worst reading per analyte at a place, computed once."""
    return facts.remember(("exceedance", id(place)), lambda: _exceedance(facts, place))


def _exceedance(facts: Facts, place: Place) -> Exceedance:
    out = Exceedance({}, [], {})
    weights: dict[str, tuple[int, Decimal]] = {}
    sticks: dict[tuple[str, ...], Stick] = facts.remember("sticks", dict)
    for visit in place.visits:
        site = facts.get(Site, visit.site_id)
        of_soil = (site.standard if site else None) or ""
        for reading in facts.readings_of(visit.id):
            if reading.method not in JUDGED:
                continue
            standard = of_soil if reading.sample_id is None else standard_of(facts, reading, site)
            if standard is None:
                continue
            key = (reading.parameter, reading.unit, reading.method, standard, visit.site_id)
            stick = sticks.get(key)
            if stick is None:
                stick = sticks[key] = stick_of(reading, site, standard)
            _weigh(out, weights, stick, reading, site, standard)
    return out


def standard_of(facts: Facts, reading: FieldReading, site: Site | None) -> str | None:
    """The code of the standard; "" = the site does not name it; None = no standard applies to this medium."""
    medium = "soil"
    if reading.sample_id:
        sample = facts.get(Sample, reading.sample_id)
        medium = sample.medium if sample else "soil"
    if medium == "soil":
        return (site.standard if site else None) or ""
    return ((site.gw_standard if site else None) or "") if medium == "groundwater" else None


class Stick(NamedTuple):
    """What holds for every reading of one parameter, unit and method at one site, whatever its value: looked up once.
    `always`: the judgement, where the value has no say in it; `gap` and `nothing`: what it leaves open or has no figure for.
    `top` and `action`: screening and intervention value, where there are plain upper limits."""

    analyte: Analyte | None  # None: counts, live time and the like stand in the same export
    gap: tuple[Site | None, Label, bool] | None = None
    nothing: Label | None = None
    always: Judgement | None = None
    top: Decimal | None = None
    action: Decimal | None = None

    def state(self, reading: FieldReading) -> State | None:
        """What `judge` will say, where that is plain to see."""
        value, lod, top = reading.value, reading.lod, self.top
        if top is None:
            return None
        if reading.qualifier == "eq" and value is not None and value >= 0 and (lod is None or lod >= 0):
            if self.action is not None and value > self.action:
                return "above_intervention"
            return "above_screening" if value > top else "below"
        return "below" if reading.qualifier in ("nd", "lt") and value is None and lod and 0 < lod <= top else None


def stick_of(reading: FieldReading, site: Site | None, standard: str) -> Stick:
    found = analyte(reading.parameter)
    if found is None:
        return Stick(None)
    if site is None:
        return Stick(found, (None, Label("地块", "the site"), True))
    if standard == "":
        return Stick(found, (site, _MISSING["standard"], True))
    # what is said of nothing at all does not depend on the value, unless it is said by way of another standard's figure
    verdict = judge(
        Decimal(0), "eq", None, reading.unit, found.key, standard, site.land_use, site.ph_band, reading.method
    )
    reason, limit = verdict.reason, verdict.limit
    if reason is not None and limit is None and reason.missing != "open_class":
        if reason.missing in _NO_FIGURE:
            return Stick(found, nothing=Label(found.zh, found.en))
        return Stick(found, _open(site, found, reason), always=verdict)
    if reason is not None or limit is None or limit.low is not None or limit.standard != standard:
        return Stick(found)
    return Stick(found, top=limit.screening, action=limit.intervention)


def _open(site: Site, found: Analyte, reason: CannotSay) -> tuple[Site | None, Label, bool]:
    # total chromium: the standard will never tell, so it does not leave every point open
    return site, _gap(found, reason), reason.missing != "valence"


_BELOW = Judgement("below", Label("", ""), Label("", ""))  # nobody reads the words of what is in order


def _weigh(
    out: Exceedance,
    weights: dict[str, tuple[int, Decimal]],
    stick: Stick,
    reading: FieldReading,
    site: Site | None,
    standard: str,
) -> None:
    """Take one reading into account. The words of a judgement are made only of one that counts: most readings are in
    order, and of those that are not only the worst is told."""
    found = stick.analyte
    if found is None:
        return
    if stick.nothing is not None:
        out.no_figure.setdefault(standard, set()).add(stick.nothing)
        return
    if stick.gap is not None:
        out.gaps.append(stick.gap)
    if site is None or standard == "":
        return
    state, verdict = stick.state(reading), stick.always
    if state is None and verdict is None:
        verdict = verdict_on(found, reading, site, standard)
        if verdict.reason is not None and verdict.reason.missing in _NO_FIGURE:
            out.no_figure.setdefault(standard, set()).add(Label(found.zh, found.en))
            return
        if verdict.reason is not None:
            out.gaps.append(_open(site, found, verdict.reason))
    weight, old = _weight(state or (verdict or _BELOW).state, reading), weights.get(found.key)
    if old is None or weight > old:
        weights[found.key] = weight
        verdict = verdict or (_BELOW if state == "below" else verdict_on(found, reading, site, standard))
        out.worst[found.key] = Worst(found, reading, verdict)


def verdict_on(found: Analyte, reading: FieldReading, site: Site, standard: str) -> Judgement:
    return judge(
        reading.value, reading.qualifier, reading.lod, reading.unit, found.key, standard,
        site.land_use, site.ph_band, reading.method,
    )  # fmt: skip


def _weight(state: State, reading: FieldReading) -> tuple[int, Decimal]:
    value = reading.value if reading.value is not None else reading.lod or Decimal(0)
    return _RANK[state], convert(value, reading.unit, "mg_kg") or value


def _gap(found: Analyte, reason: CannotSay) -> Label:
    if reason.missing in _MISSING:
        return _MISSING[reason.missing]
    if reason.missing == "lod":
        return Label(f"{found.zh}不高于限值的检出限", f"a detection limit of {found.en} not above the limit")
    if reason.missing == "valence":
        return Label(f"{found.zh}的价态（限值只对六价铬）", f"the valence of {found.en} (the figure is for Cr(VI))")
    return Label(f"{found.zh}可比较的数值（{reason.missing}）", f"a comparable value of {found.en} ({reason.missing})")


@check(
    "R04", "读数超标准", "Reading above the standard", WARNING, "GB 36600-2018 表1、表2；GB 15618-2018 表1–表3", "C",
    MANAGER,
    texts={
        "": ("{point}{z} {title}（快筛，建议送检）", "{point}{z}: {title} (rapid screening: send a sample)"),
        "intervention": ("严重：{point}{z} {title}（快筛，建议送检）",
                         "Severe: {point}{z}: {title} (rapid screening: send a sample)"),
    },
)  # fmt: skip
def above_standard(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    none: dict[str, set[Label]] = {}
    for place in view.places:
        result = exceedance(facts, place)
        for site, gap, _ in result.gaps:
            yield say.cannot(gap.zh, gap.en, site)
        for standard, names in result.no_figure.items():
            none.setdefault(standard, set()).update(names)
        for worst in sorted(result.worst.values(), key=lambda w: w.analyte.key):
            state, limit = worst.judgement.state, worst.judgement.limit
            if state not in ("above_screening", "above_intervention") or limit is None:
                continue
            severe = state == "above_intervention"
            z = depth_of(facts, worst.reading)
            yield say(
                worst.reading, place.code, "intervention" if severe else "",
                z="" if z is None else f" {z.normalize():f} m", title=worst.judgement.title,
                analyte=worst.analyte.en.lower(), value=worst.reading.value, limit=limit.screening,
                intervention=limit.intervention, unit=worst.reading.unit, severe=severe, cite=limit.cite, depth_m=z,
            )  # fmt: skip
    for standard, names in sorted(none.items()):
        label = codes("standard").get(standard, Label(standard, standard))
        listed = sorted(names)
        zh, en = "、".join(n.zh for n in listed), ", ".join(n.en for n in listed)
        yield say.cannot(f"{label.zh} 中的限值：{zh}", f"figures in {label.en} for {en}")


def depth_of(facts: Facts, reading: FieldReading) -> Decimal | None:
    if reading.depth_top_m is not None or reading.sample_id is None:
        return reading.depth_top_m
    sample = facts.get(Sample, reading.sample_id)
    return sample.depth_top_m if sample else None


@check(
    "R06", "XRF条件不足", "XRF conditions poor", INFO, "行业经验", "K", SAMPLER,
    texts={
        "": ("{point} 有 {n} 个 XRF 读数仅供参考（{what}）", "{point}: XRF readings that are indicative only: {n} ({what})"),
    },
)  # fmt: skip
def poor_xrf(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        poor: list[FieldReading] = []
        short: list[Decimal] = []
        wet: list[Decimal] = []
        for reading in facts.readings_at(place):
            if reading.method != "xrf":
                continue
            live, moisture = reading.live_time_s, reading.moisture_pct
            of_short = [live] if live is not None and live < XRF_LEAST_S else []
            of_wet = [moisture] if moisture is not None and moisture > XRF_MOISTURE_PCT else []
            if of_short or of_wet:
                poor.append(reading)
                short += of_short
                wet += of_wet
        if not poor:
            continue
        what = (
            [Label(f"测量 {min(short)} s，少于 {XRF_LEAST_S} s", f"{min(short)} s, under {XRF_LEAST_S} s")]
            if short
            else []
        )
        if wet:
            most = max(wet)
            what.append(
                Label(f"含水 {most} %，高于 {XRF_MOISTURE_PCT} %", f"{most} % moisture, over {XRF_MOISTURE_PCT} %")
            )
        yield say(poor[0], place.code, n=len(poor), what=what)
