"""Containers, preservatives and holding times per analyte group and medium.

Sources: soil — DB11/T 656-2019 附录D.4 with stricter method standards; groundwater — HJ 164-2020 附录D, HJ 894-2017 for
C10–C40. Each row carries its mark. Where no row exists the answer is `CannotSay`: a time is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from schemas.reference import CannotSay, Label, cite, codes, table

_TABLES = {"soil": "soil_containers", "groundwater": "water_containers"}


@dataclass(frozen=True, slots=True)
class Holding:
    """Time from sampling to analysis (or extraction) in hours; `after_hours` is the time of the extract, if any."""

    group: str
    medium: str
    hours: int
    after_hours: int | None
    method: str
    text: Label
    source: str
    row: str
    mark: str


@dataclass(frozen=True, slots=True)
class ContainerRule:
    """One allowed way to bottle a group: codes of container_type and preservative, least amount per container.

    `min_amount` is in `amount_unit` (g for soil, ml for water), None where no least amount is given.
    `cold`: yes = 0–4 ℃ in the dark, dark = dark only, no.
    """

    group: str
    medium: str
    item: Label
    containers: tuple[str, ...]
    preservative: str
    min_amount: Decimal | None
    amount_unit: str
    cold: str
    method: str
    note: Label
    source: str
    row: str
    mark: str

    @property
    def cite(self) -> Label:
        """Standard, table and row, with 待核 where the row is not confirmed."""
        return cite(self.source, self.row, self.mark)


def _rows(group: str, medium: str) -> list[Mapping[str, str]] | CannotSay:
    groups, media = codes("analyte_group"), codes("medium")
    if group not in groups:
        return CannotSay("group", Label(f"未知的检测项目组“{group}”", f"Unknown analyte group “{group}”"))
    if medium not in media:
        return CannotSay("medium", Label(f"未知的介质“{medium}”", f"Unknown medium “{medium}”"))
    if medium not in _TABLES:
        name = media[medium]
        return CannotSay("medium", Label(f"没有{name.zh}的容器与时限表", f"No container table for {name.en.lower()}"))
    return [row for row in table(_TABLES[medium]) if group in row["groups"].split()]


def _missing(group: str, medium: str, zh: str, en: str) -> CannotSay:
    what, where = codes("analyte_group")[group], codes("medium")[medium]
    return CannotSay(
        "row", Label(f"{where.zh}表中没有{what.zh}的{zh}", f"No {en} for {what.en} in the {where.en.lower()} table")
    )


def _method_id(method: str) -> str:
    """The standard's number without its year: "HJ 605-2011" → "HJ605", so that an older year finds its row too."""
    match = re.search(r"(HJ|GB)\s*(?:/\s*T)?\s*(\d+)", method.upper())
    return match[1] + match[2] if match else ""


def holding_time(group: str, medium: str, method: str | None = None) -> Holding | CannotSay:
    """The shortest holding time that applies to `group` (analyte_group) in `medium` (medium); hours.

    With a `method` ("HJ 605-2011") that has a row of its own, the general rows and that row count. Without one, or
    with a method the table does not know, every row counts: the lowest wins.
    """
    rows = _rows(group, medium)
    if isinstance(rows, CannotSay):
        return rows
    timed = [row for row in rows if row["hold_hours"]]
    wanted = _method_id(method or "")
    if wanted and any(_method_id(row["method"]) == wanted for row in timed):
        timed = [row for row in timed if _method_id(row["method"]) in ("", wanted)]
    if not timed:
        return _missing(group, medium, "保存时限", "holding time")
    row = min(timed, key=lambda each: int(each["hold_hours"]))
    hours, after = int(row["hold_hours"]), row["after_hours"]
    source = f"{row['standard']} {row['table']}"
    where = cite(source, row["row"], row["mark"])
    zh, en = _span(hours, "天", "小时"), _span(hours, " d", " h")
    if after:
        zh, en = (
            f"{zh}，提取（消解）后{_span(int(after), '天', '小时')}",
            f"{en}, then {_span(int(after), ' d', ' h')} as extract",
        )
    text = Label(f"{zh}，{where.zh}", f"{en}, {where.en}")
    return Holding(
        group, medium, hours, int(after) if after else None, row["method"], text, source, row["row"], row["mark"]
    )


def _span(hours: int, days: str, hour: str) -> str:
    return f"{hours // 24}{days}" if hours > 24 and hours % 24 == 0 else f"{hours}{hour}"


def containers_for(group: str, medium: str) -> list[ContainerRule] | CannotSay:
    """Every allowed bottling of `group` in `medium`, in the order of the table; a sample needs to meet one of them.

    Metals in groundwater have a row per element, with different preservatives: `item` says which.
    """
    rows = _rows(group, medium)
    if isinstance(rows, CannotSay):
        return rows
    rules = [
        ContainerRule(
            group,
            medium,
            Label(row["item_zh"], row["item_en"]),
            tuple(row["container_codes"].split()),
            row["preservative_code"],
            Decimal(row["min_amount"]) if row["min_amount"] else None,
            row["amount_unit"],
            row["cold"],
            row["method"],
            Label(row["note_zh"], row["note_en"]),
            f"{row['standard']} {row['table']}",
            row["row"],
            row["mark"],
        )
        for row in rows
        if row["container_codes"]
    ]
    return rules or _missing(group, medium, "样品容器", "container")
