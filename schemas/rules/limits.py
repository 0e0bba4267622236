"""Screening and intervention values, and the judgement of one value against them.

Sources: GB 36600-2018 (表1, 表2), GB 15618-2018 (表1–表3), GB/T 14848-2017 (表1, 表2). A value at the limit is
not above it; where an input is missing the answer is `CannotSay`, never a guess. Codes are those of codes.csv.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Literal

from schemas.reference import Analyte, CannotSay, Label, cite, codes, table
from schemas.reference import analyte as find_analyte

State = Literal["below", "above_screening", "above_intervention", "cannot_say"]

# Not a code of land_use: GB 15618 表1 ② asks for the stricter of paddy and upland where both are grown in turn.
ROTATION = "rotation"

# unit → (kind, power of ten to the base unit of that kind). Units of different kinds never meet: a PID ppm is a volume
# share in air, mg/kg a mass share in soil. `cfu_ml` has no code of its own (菌落总数 is printed per mL).
_UNITS: dict[str, tuple[str, int]] = {
    "pct": ("soil", 4),
    "g_kg": ("soil", 3),
    "mg_kg": ("soil", 0),
    "ug_kg": ("soil", -3),
    "ng_kg": ("soil", -6),
    "mg_l": ("water", 0),
    "ug_l": ("water", -3),
    "cfu_l": ("count", 0),  # the code is labelled MPN(CFU)/100mL
    "cfu_ml": ("count", 2),
    "bq_l": ("activity", 0),
    "ph": ("ph", 0),
    "ntu": ("turbidity", 0),
}
_PH_BANDS = (("le55", Decimal("5.5")), ("b5565", Decimal("6.5")), ("b6575", Decimal("7.5")))
_CONSTRUCTION, _FARM = ("r1", "r2"), ("paddy", "dry_orchard", "other_farm", ROTATION)
_SCREENING_METHODS = ("xrf", "test_kit")
_GAS_METHODS = ("pid", "fid")

_BACKGROUND = Label(
    "注①：超过筛选值但不高于当地土壤环境背景值的，不纳入污染地块管理",
    "Footnote ①: above the screening value but not above the local soil background is not managed as contaminated",
)
_SCREENING_ONLY = Label("快筛，建议送检", "Rapid screening: send a sample to the laboratory")
_XRF_HIGH = Label(
    "XRF 测汞、镉易偏高且检出限高，以实验室结果为准（待核）",
    "XRF reads Hg and Cd too high and has a high detection limit: the laboratory decides (to be confirmed)",
)


@dataclass(frozen=True, slots=True)
class Limit:
    """The figures that apply, in the unit asked for.

    `low` is the lower end where the standard gives a range (pH). `intervention` is None where the standard has none.
    `source` is standard and table, `row` its row; `note` says what a reader must know to use the figure.
    """

    analyte: str
    standard: str
    screening: Decimal
    intervention: Decimal | None
    unit: str
    source: str
    row: str
    mark: str
    low: Decimal | None = None
    note: Label | None = None
    word: Label = Label("筛选值", "screening value")
    background: bool = False  # footnote ① applies to this figure

    @property
    def cite(self) -> Label:
        """Standard, table and row, with 待核 where the figure is not confirmed."""
        return cite(self.source, self.row, self.mark)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one value means. `reason` is set exactly when `state` is cannot_say, and names what is missing."""

    state: State
    title: Label
    detail: Label
    limit: Limit | None = None
    reason: CannotSay | None = None


def number(value: Decimal) -> str:
    """A figure as printed: no exponent, digits as given."""
    return format(value, "f")


def convert(value: Decimal, unit: str, to: str) -> Decimal | None:
    """`value` in another unit of the same kind, by powers of ten; None for units of different kinds.

    Exact up to 28 digits, which no figure of a standard comes near.
    """
    if unit == to:
        return value
    if unit not in _UNITS or to not in _UNITS or _UNITS[unit][0] != _UNITS[to][0]:
        return None
    return value.scaleb(_UNITS[unit][1] - _UNITS[to][1])


def ph_band_of(ph: Decimal) -> str | None:
    """Code of ph_band for a measured soil pH (GB 15618-2018 表1); None outside 0–14."""
    if not ph.is_finite() or not 0 <= ph <= 14:
        return None
    return next((band for band, top in _PH_BANDS if ph <= top), "gt75")


def _no(missing: str, zh: str, en: str) -> CannotSay:
    return CannotSay(missing, Label(zh, en))


def _unit_label(unit: str) -> Label:
    return codes("unit").get(unit, Label("CFU/mL", "CFU/mL") if unit == "cfu_ml" else Label(unit, unit))


def _wrong_unit(unit: str, needed: str) -> CannotSay:
    have, want = _unit_label(unit), _unit_label(needed)
    return _no("unit", f"单位 {have.zh} 不能换算为 {want.zh}", f"Unit {have.en} cannot be converted to {want.en}")


def _no_figure(found: Analyte, standard: str) -> CannotSay:
    name = codes("standard")[standard]
    if found.key == "chromium":
        zh, en = (
            f"{name.zh} 只有六价铬的限值，总铬不能判断",
            f"{name.en} has a figure for Cr(VI) only, not for total Cr",
        )
        return _no("valence", zh, en)
    return _no("row", f"{name.zh} 中没有{found.zh}的限值", f"No figure for {found.en} in {name.en}")


@cache
def _index(name: str) -> Mapping[str, tuple[Mapping[str, str], ...]]:
    rows: dict[str, tuple[Mapping[str, str], ...]] = {}
    for row in table(name):
        rows[row["analyte"]] = (*rows.get(row["analyte"], ()), row)
    return rows


def screening(
    analyte: str,
    standard: str,
    *,
    unit: str,
    land_use: str | None = None,
    ph_band: str | None = None,
    ph: Decimal | None = None,
    targets: Mapping[str, Decimal] | None = None,
    target_unit: str = "mg_kg",
) -> Limit | CannotSay:
    """The limit of `standard` for `analyte`, expressed in `unit`.

    For GB 15618 `land_use` (or ROTATION) and `ph_band` or a measured `ph` are needed where the table depends on them.
    `targets` (analyte name → figure in `target_unit`) are the project's own values for project_target.
    """
    found = find_analyte(analyte)
    if found is None:
        return _no("analyte", f"未知的检测项目“{analyte}”", f"Unknown analyte “{analyte}”")
    if standard not in codes("standard"):
        return _no("standard", f"未知的评价标准“{standard}”", f"Unknown standard “{standard}”")
    if unit not in codes("unit") and unit not in _UNITS:
        return _no("unit", f"未知的单位“{unit}”", f"Unknown unit “{unit}”")
    if standard == "project_target":
        limit = _project(found, targets, target_unit)
    elif standard == "gb15618":
        limit = _farmland(found, land_use, ph_band, ph)
    elif standard.startswith("gb36600"):
        limit = _construction(found, standard, land_use)
    else:
        limit = _groundwater(found, standard)
    return limit if isinstance(limit, CannotSay) else _in_unit(limit, unit)


def _in_unit(limit: Limit, unit: str) -> Limit | CannotSay:
    top = convert(limit.screening, limit.unit, unit)
    if top is None:
        return _wrong_unit(unit, limit.unit)
    action = None if limit.intervention is None else convert(limit.intervention, limit.unit, unit)
    low = None if limit.low is None else convert(limit.low, limit.unit, unit)
    return replace(limit, screening=top, intervention=action, low=low, unit=unit)


def _limit(standard: str, row: Mapping[str, str], top: str, action: str | None = None) -> Limit:
    return Limit(
        row["analyte"],
        standard,
        Decimal(top),
        Decimal(action) if action else None,
        row["unit"],
        f"{row['standard']} {row['table']}",
        row["row"],
        row["mark"],
        note=Label(row["note_zh"], row["note_en"]) if row["note_zh"] else None,
    )


def _construction(found: Analyte, standard: str, land_use: str | None) -> Limit | CannotSay:
    """GB 36600-2018. The class comes from the standard's code; a land use that contradicts it stops the judgement."""
    if land_use in _FARM:
        return _no("land_use", "农用地不适用 GB 36600", "GB 36600 is not for farmland")
    if standard == "gb36600_2" and land_use == "r1":  # the other way round is only stricter, and allowed
        return _no("land_use", "第一类用地不能用第二类用地的限值", "Class 1 land cannot be judged by class 2 values")
    rows = _index("gb36600").get(found.key)
    if rows is None:
        return _no_figure(found, standard)
    row, cls = rows[0], standard[-1]
    limit = _limit(standard, row, row[f"screening_{cls}"], row[f"intervention_{cls}"])
    return replace(limit, note=_BACKGROUND, background=True) if cls in row["background_classes"].split() else limit


def _farmland(found: Analyte, land_use: str | None, band: str | None, ph: Decimal | None) -> Limit | CannotSay:
    """GB 15618-2018 表1 and 表2 (screening), 表3 (intervention, whatever the crop)."""
    if land_use in _CONSTRUCTION:
        return _no("land_use", "建设用地不适用 GB 15618", "GB 15618 is not for construction land")
    rows = _index("gb15618").get(found.key, ())
    first = [row for row in rows if row["kind"] == "screening"]
    if not first:
        return _no_figure(found, "gb15618")
    uses = {row["land_use"] for row in first}
    wanted = {"all"}
    if uses != wanted:
        if land_use not in _FARM:
            return _no("land_use", "缺土地利用类型（水田、果园或其他）", "Land use missing (paddy, orchard or other)")
        # A use without a row of its own is 其他 (copper of a paddy, cadmium of an orchard).
        own = {"paddy", "other_farm"} if land_use == ROTATION else {land_use}
        wanted = {use if use in uses else "other_farm" for use in own}
    if {row["ph_band"] for row in first} != {"all"}:
        measured = None if ph is None else ph_band_of(ph)
        if ph is not None and measured is None:
            return _no("ph", f"pH {ph} 不在 0–14 内", f"pH {ph} is not within 0–14")
        if band and measured and band != measured:
            return _no("ph_band", f"pH 分组与实测 pH {ph} 不符", f"The pH band contradicts the measured pH {ph}")
        band = band or measured
        if band not in codes("ph_band"):
            return _no("ph_band", "缺土壤 pH（分组）", "Soil pH (band) missing")
    fits = [row for row in first if row["land_use"] in wanted and row["ph_band"] in ("all", band)]
    row = min(fits, key=lambda fit: Decimal(fit["value"]))
    action = [r for r in rows if r["kind"] == "intervention" and r["ph_band"] in ("all", band)]
    limit = _limit("gb15618", row, row["value"], action[0]["value"] if action else None)
    return replace(limit, source=f"{limit.source}、{action[0]['table']}") if action else limit


def _groundwater(found: Analyte, standard: str) -> Limit | CannotSay:
    """GB/T 14848-2017 class III or IV: upper limits, or a range (pH). There is no intervention value."""
    rows = _index("gbt14848").get(found.key)
    if rows is None:
        return _no_figure(found, standard)
    row, cls = rows[0], standard[-1]
    if row["kind"] == "text":
        return _no("text_item", f"{found.zh}为文字描述项，没有数值", f"{found.en} is described in words, not a figure")
    if not row[f"class{cls}_max"]:
        return _no("open_class", f"{found.zh}：{row['note_zh']}", f"{found.en}: {row['note_en']}")
    low = row[f"class{cls}_min"]
    roman = {"3": ("Ⅲ", "III"), "4": ("Ⅳ", "IV")}[cls]
    word = Label(f"{roman[0]}类限值", f"class {roman[1]} limit")
    return replace(_limit(standard, row, row[f"class{cls}_max"]), low=Decimal(low) if low else None, word=word)


def _project(found: Analyte, targets: Mapping[str, Decimal] | None, unit: str) -> Limit | CannotSay:
    if not targets:
        return _no("targets", "未录入项目目标值", "Project targets not entered")
    for name, value in targets.items():
        known = find_analyte(name)
        if known is not None and known.key == found.key:
            word = Label("项目目标值", "project target")
            return Limit(found.key, "project_target", value, None, unit, "项目目标值", "", "D", word=word)
    return _no("targets", f"未录入{found.zh}的项目目标值", f"Project target for {found.en} not entered")


def judge(
    value: Decimal | None,
    qualifier: str,
    lod: Decimal | None,
    unit: str,
    analyte: str,
    standard: str,
    land_use: str | None = None,
    ph_band: str | None = None,
    method: str | None = None,
    *,
    ph: Decimal | None = None,
    targets: Mapping[str, Decimal] | None = None,
    target_unit: str = "mg_kg",
) -> Judgement:
    """Judge one result; `value` and `lod` are in `unit`, `method` is a method_kind or a laboratory method's name.

    PID and FID have no figure anywhere; XRF and test kits are judged, but the detail says to send a sample. Below
    detection (`lt`, `nd`) is below the limit only when the detection limit is not above it.
    """
    found = find_analyte(analyte)
    name = Label(found.zh, found.en) if found else Label(analyte, analyte)
    if method in _GAS_METHODS or unit == "ppm_ib" or analyte.casefold() in _GAS_METHODS:
        why = ("PID、FID 读数没有对应限值，请送检", "PID and FID readings have no limit: send a sample")
        return _cannot(name, _no("method", *why))
    if found and method == "xrf" and not found.symbol:
        if found.key == "chromium_vi":
            return _cannot(name, _no("valence", "XRF 不能区分铬的价态", "XRF cannot tell the valence of chromium"))
        return _cannot(name, _no("method", f"XRF 不能测{found.zh}", f"XRF cannot measure {found.en}"))
    limit = screening(
        analyte,
        standard,
        unit=unit,
        land_use=land_use,
        ph_band=ph_band,
        ph=ph,
        targets=targets,
        target_unit=target_unit,
    )
    if isinstance(limit, CannotSay):
        if limit.missing == "open_class":  # class IV has no upper figure, but what meets class III meets class IV
            stricter = judge(value, qualifier, lod, unit, analyte, "gbt14848_3", method=method)
            if stricter.state == "below":
                return stricter
        return _cannot(name, limit)
    outcome = _compare(value, qualifier, lod, limit)
    if isinstance(outcome, CannotSay):
        return _cannot(name, outcome, limit)
    sign = {"lt": "<", "nd": "<", "gt": ">"}.get(qualifier, "")
    figure = lod if sign == "<" else value
    shown = sign + ("" if figure is None else number(figure))
    return _say(outcome, name, shown, qualifier, limit, method)


def _compare(value: Decimal | None, qualifier: str, lod: Decimal | None, limit: Limit) -> State | CannotSay:
    for figure, what, zh, en in ((value, "value", "数值", "value"), (lod, "lod", "检出限", "detection limit")):
        if figure is not None and (not figure.is_finite() or figure < 0):
            return _no(what, f"{zh}无效", f"Invalid {en}")
    if limit.unit == "other":
        return _no("unit", "单位为“其他”，不能与限值比较", "Unit “other” cannot be compared with a limit")
    if qualifier in ("lt", "nd"):
        if not lod:
            return _no("lod", "缺检出限", "Detection limit missing")
        if limit.low is not None:
            return _no("value", "限值为范围，缺实测值", "The limit is a range: a measured value is needed")
        bound = max(lod, value) if qualifier == "lt" and value is not None else lod
        if bound > limit.screening:
            high, top = number(bound), number(limit.screening)
            zh, en = f"检出限 {high} 高于{limit.word.zh} {top}", f"Detection limit {high} above {limit.word.en} {top}"
            return _no("lod", zh, en)
        return "below"
    if qualifier not in ("eq", "gt", "est"):
        return _no("qualifier", f"未知的限定符“{qualifier}”", f"Unknown qualifier “{qualifier}”")
    if value is None:
        return _no("value", "缺数值", "Value missing")
    if limit.intervention is not None and value > limit.intervention:
        return "above_intervention"
    if value > limit.screening:
        return "above_screening"
    if qualifier == "gt":
        over, top = number(value), number(limit.screening)
        zh, en = f"只知大于 {over}，不能判断是否超过 {top}", f"Known to be over {over}; unknown whether over {top}"
        return _no("value", zh, en)
    return "above_screening" if limit.low is not None and value < limit.low else "below"


def _cannot(name: Label, why: CannotSay, limit: Limit | None = None) -> Judgement:
    return Judgement("cannot_say", Label(f"{name.zh} 无法判断", f"{name.en}: cannot say"), why.text, limit, why)


def _say(state: State, name: Label, shown: str, qualifier: str, limit: Limit, method: str | None) -> Judgement:
    top = number(limit.screening) if limit.low is None else f"{number(limit.low)}–{number(limit.screening)}"
    if state == "above_intervention" and limit.intervention is not None:
        end = number(limit.intervention)
        title = Label(f"{name.zh} {shown} 超管制值 {end}", f"{name.en} {shown} above intervention value {end}")
    else:
        verb = ("未超", "within") if state == "below" else ("超", "above") if limit.low is None else ("不在", "outside")
        zh, en = f"{verb[0]}{limit.word.zh} {top}", f"{verb[1]} {limit.word.en} {top}"
        title = Label(f"{name.zh} {shown} {zh}", f"{name.en} {shown} {en}")
    unit = _unit_label(limit.unit)
    action = "" if limit.intervention is None else number(limit.intervention)
    extra = Label(f"，管制值 {action}", f", intervention value {action}") if action else Label("", "")
    zhs = [f"{limit.cite.zh}：{limit.word.zh} {top}{extra.zh} {unit.zh}"]
    ens = [f"{limit.cite.en}: {limit.word.en} {top}{extra.en} {unit.en}"]
    notes = []
    if method in _SCREENING_METHODS:
        notes.append(_SCREENING_ONLY)
    if method == "xrf" and limit.analyte in ("mercury", "cadmium"):
        notes.append(_XRF_HIGH)
    if qualifier == "est":
        notes.append(Label("数值为估计值", "The value is estimated"))
    if qualifier == "gt" and state == "above_screening" and action:
        notes.append(Label("超量程，是否超管制值须复测", "Over range: measure again for the intervention value"))
    if limit.note is not None and state != "below" and (state == "above_screening" or not limit.background):
        notes.append(limit.note)
    zhs.extend(note.zh for note in notes)
    ens.extend(note.en for note in notes)
    return Judgement(state, title, Label("；".join(zhs), "; ".join(ens)), limit)
