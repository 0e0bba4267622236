"""The forms of a list's head and of one item: what is asked, what was typed. Pure.

A draft may be saved with things missing; they stand beside it until it is published. What cannot be kept at all (a code twice, a text
longer than a list holds) is said at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.records import TYPES
from schemas.reference import Label, basis, codes
from schemas.rules.checklists import model
from schemas.rules.checklists.beside import TYPES as BESIDE
from schemas.rules.checklists.model import Ask, Checklist, Cite, Fault, Item, Rule
from schemas.rules.checklists.sound import MARKS, OFFERED
from sync_server.console.inputs import Input, Option
from sync_server.console.words import pick, words

Given = Mapping[str, Sequence[str]]
MORE_ASKS, MORE_PHRASES, MORE_CITES = 2, 2, 1  # empty rows that are offered
MOST_ROWS = 30


class AskRow(NamedTuple):
    n: int
    what: list[Option]
    zh: str
    en: str
    unit: str
    limit: str
    optional: bool


class Pair(NamedTuple):
    n: int
    zh: str
    en: str


class CiteRow(NamedTuple):
    n: int
    law: list[Option]
    articles: str
    zh: str
    en: str


class ItemForm(NamedTuple):
    head: list[Input]
    words: list[Input]
    choices: list[Input]
    asks: list[AskRow]
    phrases: list[Pair]
    cites: list[CiteRow]
    beside: list[Option]
    star: bool
    auto: str
    problem: list[Input]
    fault_of: Mapping[str, list[str]]


def one(given: Given, name: str) -> str:
    return "".join(given.get(name, ("",))[:1]).strip()


def _pair(given: Given, name: str) -> Label:
    return Label(one(given, f"{name}_zh"), one(given, f"{name}_en"))


def _rows(given: Given, name: str) -> list[int]:
    found = {int(m[1]) for key in given if (m := re.fullmatch(rf"{name}\.(\d{{1,2}})\.\w+", key, re.ASCII))}
    return sorted(n for n in found if n < MOST_ROWS)


# --- an item ------------------------------------------------------------------------------------------------------------


def item_of(given: Given, old: Item) -> Item:
    """What was typed; what the form does not show stays as it was."""
    auto = old.auto if one(given, "auto") or not old.auto else ""
    return old._replace(
        code=one(given, "code"),
        section=_pair(given, "section"),
        label=_pair(given, "label"),
        kind=one(given, "kind") or "answer",
        options=tuple(o for o in OFFERED if o in given.get("options", ())),
        asks=tuple(_asks(given)),
        star=bool(one(given, "star")),
        severity=one(given, "severity"),
        problem=_pair(given, "problem"),
        basis=tuple(_cites(given)),
        mark=one(given, "mark") or "D",
        auto=auto,
        phrases=tuple(p for n in _rows(given, "phrase") if any(p := _pair(given, f"phrase.{n}.p"))),
        beside=tuple(name for name in BESIDE if name in given.get("beside", ())),
    )


def _asks(given: Given) -> list[Ask]:
    out = []
    for n in _rows(given, "ask"):
        if what := one(given, f"ask.{n}.what"):
            limit = unicodedata.normalize("NFKC", one(given, f"ask.{n}.limit")).replace("≤", "<=").replace("≥", ">=")
            out.append(
                Ask(what, _pair(given, f"ask.{n}.name"), one(given, f"ask.{n}.unit"), limit.replace(" ", ""),
                    bool(one(given, f"ask.{n}.optional")))
            )  # fmt: skip
    return out


def _cites(given: Given) -> list[Cite]:
    out = []
    for n in _rows(given, "cite"):
        law, text = one(given, f"cite.{n}.law"), _pair(given, f"cite.{n}.text")
        if law:
            out.append(Cite(law, tuple(re.findall(r"\d{1,4}", one(given, f"cite.{n}.articles")))))
        elif any(text):
            out.append(Cite(text=text))
    return out


def item_form(item: Item, faults: Sequence[Fault], lang: str) -> ItemForm:
    w = words(lang)
    told: dict[str, list[str]] = {}
    for f in faults:
        told.setdefault(f.field, []).append(f.zh if lang == "zh" else f.en)

    def text(name: str, value: str, most: int, kind: str = "text", shown: bool = True) -> Input:
        key = name.rpartition("_")[0] or name
        return Input(name, w(f"ck_f_{name}"), "", kind, value, [], most, told.get(key, []) if shown else [])

    def choice(name: str, value: str, options: Sequence[tuple[str, str]], kind: str = "choice") -> Input:
        given = [Option(code, word, code == value) for code, word in options]
        return Input(name, w(f"ck_f_{name}"), "", kind, value, given, None, told.get(name, []))

    severities = [(c, pick(codes("severity")[c], lang)) for c in model.SEVERITIES]
    kinds = [(k, w(f"ck_kind_{k}")) for k in model.KINDS]
    marks = [(m, w(f"ck_mark_{m.replace('?', 'q')}")) for m in MARKS]
    answers = [Option(o, pick(codes("answer_value")[o], lang), o in item.options) for o in OFFERED]
    return ItemForm(
        [text("code", item.code, 40)],
        [
            text("section_zh", item.section.zh, 100), text("section_en", item.section.en, 100, shown=False),
            text("label_zh", item.label.zh, 500, "longtext"), text("label_en", item.label.en, 500, "longtext", shown=False),
        ],
        [
            choice("kind", item.kind, kinds),
            Input("options", w("ck_f_options"), "", "checks", "", answers, None, told.get("options", [])),
            choice("severity", item.severity, severities), choice("mark", item.mark, marks),
        ],
        _ask_rows(item.asks, lang),
        [Pair(n, p.zh, p.en) for n, p in enumerate((*item.phrases, *[model.NONE] * MORE_PHRASES))][:MOST_ROWS],
        _cite_rows(item.basis, lang),
        [Option(t, TYPES[t].about.zh if lang == "zh" else TYPES[t].about.en, t in item.beside) for t in BESIDE],
        item.star,
        item.auto,
        [text("problem_zh", item.problem.zh, 200), text("problem_en", item.problem.en, 200, shown=False)],
        defaultdict(list, told),
    )  # fmt: skip


def _ask_rows(asks: Sequence[Ask], lang: str) -> list[AskRow]:
    w = words(lang)
    rows = (*asks, *[Ask("")] * MORE_ASKS)
    return [
        AskRow(n, [Option(x, w(f"ck_what_{x}"), x == a.what) for x in model.WHAT], a.name.zh, a.name.en, a.unit, a.limit, a.optional)
        for n, a in enumerate(rows)
    ]  # fmt: skip


def _cite_rows(cites: Sequence[Cite], lang: str) -> list[CiteRow]:
    laws = {row.law: Label(row.law_zh, row.law_en) for row in basis()}
    rows = (*cites, *[Cite()] * MORE_CITES)
    return [
        CiteRow(n, [Option(id, pick(name, lang), id == c.law) for id, name in laws.items()], "、".join(c.articles), c.text.zh, c.text.en)
        for n, c in enumerate(rows)
    ]  # fmt: skip


# --- the head of a list -------------------------------------------------------------------------------------------------


def list_of(given: Given, old: Checklist) -> Checklist:
    """The list with what was typed of its head. Not sealed: texts may be too long."""
    verdicts = {code: said for code in codes("verdict") if any(said := _pair(given, f"verdict.{code}"))}
    return old._replace(
        code=one(given, "code"),
        title=_pair(given, "title"),
        kind=one(given, "kind"),
        rule=Rule(one(given, "rule"), _count(one(given, "star")), _count(one(given, "total"))),
        verdicts=verdicts,
        basis=tuple(line.strip() for line in one(given, "basis").splitlines() if line.strip()),
    )


def _count(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text)
    return int(plain) if re.fullmatch(r"\d{1,4}", plain, re.ASCII) else 0


class HeadForm(NamedTuple):
    inputs: list[Input]
    rule: list[Input]
    verdicts: list[tuple[str, str, Label]]  # code, usual words, own words
    basis: str
    faults: list[str]


def head_form(c: Checklist, everywhere: bool, faults: Sequence[Fault], lang: str) -> HeadForm:
    w = words(lang)
    told: dict[str, list[str]] = {}
    for f in faults:
        if not f.item:
            told.setdefault(f.field, []).append(f.zh if lang == "zh" else f.en)
    kinds = [Option(code, pick(label, lang), code == c.kind) for code, label in codes("inspection_kind").items()]
    rules = [Option(r, w(f"ck_rule_{r}"), r == c.rule.kind) for r in model.RULES]
    where = [
        Option("project", w("ck_here_only"), not everywhere),
        Option("organisation", w("ck_everywhere"), everywhere),
    ]
    return HeadForm(
        [
            Input("code", w("ck_f_list_code"), "", "text", c.code, [], 40, told.get("code", [])),
            Input("kind", w("ck_f_list_kind"), "", "choice", c.kind, kinds, None, told.get("kind", [])),
            Input("title_zh", w("ck_f_title_zh"), "", "text", c.title.zh, [], 200, told.get("title", [])),
            Input("title_en", w("ck_f_title_en"), "", "text", c.title.en, [], 200, []),
            Input("where", w("ck_f_where"), "", "choice", "", where, None, []),
        ],
        [
            Input("rule", w("ck_f_rule"), "", "choice", c.rule.kind, rules, None, told.get("rule", [])),
            Input("star", w("ck_f_star_n"), "", "text", str(c.rule.star or ""), [], 4, [], w("ck_f_star_n_hint")),
            Input("total", w("ck_f_total_n"), "", "text", str(c.rule.total or ""), [], 4, [], w("ck_f_total_n_hint")),
        ],
        [(code, pick(label, lang), c.verdicts.get(code, model.NONE)) for code, label in codes("verdict").items()],
        "\n".join(c.basis),
        told.get("verdicts", []) + told.get("basis", []),
    )  # fmt: skip
