"""The figures and code lists the rules stand on, each row with its standard, table, row and mark.

The files lie beside this module and travel in the wheel; each is read once. Marks: C confirmed against the text of the
standard, C1 confirmed against one copy of it, C2 by a secondary source only, K professional knowledge, K? the same but
less sure, D a decision of this project, which no standard can confirm. C2, K and K? are shown as 待核.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


class Label(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


class CannotSay(NamedTuple):
    """Why the tables hold no answer. `missing` names the input or row that is missing, in code; `text` says it."""

    missing: str
    text: Label


class Analyte(NamedTuple):
    """What is measured. `key` is the stable id ("cadmium"); `symbol` is empty unless it is an element.

    `cas` may be empty (sums, field parameters) or hold two numbers parted by a comma (m- and p-xylene).
    """

    key: str
    symbol: str
    zh: str
    en: str
    cas: str


class Basis(NamedTuple):
    """One article (or standard) and the days it was in force, both inclusive; `valid_to` None = still in force.

    `article` is empty and `status` is 待核 where the article number is not confirmed.
    """

    law: str
    law_zh: str
    law_en: str
    article: str
    zh: str
    en: str
    valid_from: date
    valid_to: date | None
    status: str
    mark: str

    @property
    def cite(self) -> Label:
        """How a document names it, e.g. 《中华人民共和国土壤污染防治法》第41条."""
        name = self.law_zh if self.law_zh.startswith("HJ") else f"《{self.law_zh}》"
        zh = name + (f"第{self.article}条" if self.article else "") + (f"（{self.status}）" if self.status else "")
        en = self.law_en + (f", Art. {self.article}" if self.article else "")
        return Label(zh, en + (" (article to be confirmed)" if self.status else ""))


class Ionisation(NamedTuple):
    """Ionisation potential in eV: a PID lamp of lower energy does not see the compound."""

    analyte: str
    ev: Decimal
    source: str
    mark: str


_UNCONFIRMED = frozenset({"C2", "K", "K?"})


def to_confirm(mark: str) -> bool:
    """True when a figure with this mark must be shown as 待核 (to be confirmed)."""
    return mark in _UNCONFIRMED


_CITE_EN = (
    ("表", "Table "),
    ("序号", "no. "),
    ("附录", "Appendix "),
    ("样品保存", "sample storage"),
    ("项目目标值", "project target"),
    ("、", ", "),
)


def cite(source: str, row: str, mark: str) -> Label:
    """Standard, table and row as a document prints it, with 待核 where the figure is not confirmed."""
    zh = f"{source} {row}".strip()
    en = re.sub(r"第(\d+)行", r"row \1", zh)
    for word, other in _CITE_EN:
        en = en.replace(word, other)
    return Label(zh + "（待核）", en + " (to be confirmed)") if to_confirm(mark) else Label(zh, en)


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def table(name: str) -> tuple[Mapping[str, str], ...]:
    """Rows of one packaged CSV file, in file order. Raises FileNotFoundError for an unknown file."""
    return tuple(csv.DictReader(_text(f"{name}.csv").splitlines()))


@cache
def _lists() -> dict[str, dict[str, Label]]:
    lists: dict[str, dict[str, Label]] = {}
    for row in table("codes"):
        lists.setdefault(row["list"], {})[row["code"]] = Label(row["zh"], row["en"])
    return lists


def code_lists() -> tuple[str, ...]:
    """Names of all code lists, in file order."""
    return tuple(_lists())


def codes(list_name: str) -> dict[str, Label]:
    """Code → label of one list, in display order. Raises KeyError naming the list when there is none."""
    found = _lists().get(list_name)
    if found is None:
        raise KeyError(f"no code list {list_name!r} in codes.csv")
    return dict(found)


_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta"}


def _norm(name: str) -> str:
    """Spelling that matters: letters, digits and Chinese only, lower case, Greek written out, sulph- as sulf-."""
    text = unicodedata.normalize("NFKC", name).casefold()
    for letter, word in _GREEK.items():
        text = text.replace(letter, word)
    return re.sub(r"[\W_]", "", text).replace("sulph", "sulf")


@cache
def _analytes() -> dict[str, Analyte]:
    index: dict[str, Analyte] = {}
    for row in table("analytes"):
        found = Analyte(row["key"], row["symbol"], row["zh"], row["en"], row["cas"])
        names = [found.key, found.symbol, found.zh, found.en, *found.cas.split(","), *row["aliases"].split("|")]
        for name in filter(None, map(_norm, names)):
            if index.setdefault(name, found) != found:
                raise ValueError(f"analytes.csv: {name!r} means both {index[name].key} and {found.key}")
    return index


@cache
def analytes() -> tuple[Analyte, ...]:
    """Every analyte once, in file order (GB 36600 first)."""
    return tuple(dict.fromkeys(_analytes().values()))


def analyte(name: str) -> Analyte | None:
    """Find an analyte by symbol, id, English or Chinese name, common alias or CAS number; None when unknown.

    Case, spaces, hyphens, commas and brackets do not matter. "Cr", "铬" and "chromium" are total chromium; Cr(VI) has
    to be named as such.
    """
    return _analytes().get(_norm(name))


@cache
def ionisation() -> Mapping[str, Ionisation]:
    """Analyte key → ionisation potential (HJ 1019-2019 表C.2)."""
    return {
        row["analyte"]: Ionisation(
            row["analyte"], Decimal(row["ionisation_ev"]), f"{row['standard']} {row['table']}", row["mark"]
        )
        for row in table("ionisation")
    }


@cache
def _legal() -> tuple[dict[str, str], dict[str, str], tuple[Basis, ...]]:
    doc: Any = json.loads(_text("legal_basis.json"))
    names: dict[str, str] = {}
    replaced: dict[str, str] = {}
    laws = {law["id"]: law for law in doc["laws"]}
    for law in doc["laws"]:
        replaced[law["id"]] = law["replaced_by"]
        for name in (law["id"], law["zh"], law["en"], *law["aliases"]):
            names[_norm(name)] = law["id"]
    rows = tuple(
        Basis(
            row["law"],
            laws[row["law"]]["zh"],
            laws[row["law"]]["en"],
            row["article"],
            row["zh"],
            row["en"],
            date.fromisoformat(row["valid_from"]),
            date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            row["status"],
            row["mark"],
        )
        for row in doc["basis"]
    )
    return names, replaced, rows


def basis() -> tuple[Basis, ...]:
    """Every row of the basis table, whatever its days."""
    return _legal()[2]


def basis_on(law: str, day: date) -> tuple[Basis, ...]:
    """Rows of a law or standard in force on `day`, the day of the conduct (not of the inspection).

    `law` is an id ("soil_law") or a name (土壤污染防治法, HJ/T 166-2004). Once it is repealed, the rows of what
    replaced it are given: for 土壤污染防治法 after 2026-08-14 the one row of 生态环境法典, article empty, 待核.
    Empty before the first day in force. Raises KeyError for a law that is not in the table.
    """
    names, replaced, rows = _legal()
    found = names.get(_norm(law), "")
    if not found:
        raise KeyError(f"no law or standard {law!r} in legal_basis.json")
    while found:
        own = [row for row in rows if row.law == found]
        hit = tuple(row for row in own if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to))
        if hit or day < min(row.valid_from for row in own):
            return hit
        found = replaced[found]
    return ()
