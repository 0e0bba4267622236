"""A checklist: its items, what each asks for, the rule of its verdict. Text ⇄ list; what is wrong with one is in
`faults`.

The text is canonical JSON (schemas/canonical.py) and stands for itself: code, version and titles are inside, so its
SHA-256 pins everything an answer means. Keys this version does not know count for the hash and are otherwise passed
over."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from schemas import canonical
from schemas.canonical import NotCanonical
from schemas.records.checklist import Checklist as Record
from schemas.reference import Label, codes
from schemas.rules.checklists.parts import BadList as BadList  # whoever reads a list meets it
from schemas.rules.checklists.parts import Part

FORMAT = 1
LONGEST = 2_000_000  # characters of a definition: as the record has it
ITEMS = 500  # at most in a list
NONE = Label("", "")

ANSWERS = ("pass", "fail", "not_apply")  # what an item offers unless it says otherwise
KINDS = ("answer", "number", "text")
RULES = ("any_fail", "stars", "counts", "severity")
WHAT = ("photo", "doc", "text", "number", "position", "area", "moment", "sign", "scan", "video")
SEVERITIES = ("severe", "law", "general", "tip")


class Ask(NamedTuple):
    """One thing an item asks for. `what`: one of WHAT. `limit` of a number: "<=0.5", ">=24", "2..8", or nothing.

    `optional`: offered, never demanded (a device may have no way to take it).
    """

    what: str
    name: Label = NONE
    unit: str = ""
    limit: str = ""
    optional: bool = False


class Cite(NamedTuple):
    """What an item stands on: `law` and its articles (ids of legal_basis.json), or a `text` where it is no law of that
    table."""

    law: str = ""
    articles: tuple[str, ...] = ()
    text: Label = NONE


class Item(NamedTuple):
    """`options`: codes of answer_value it offers. `severity` and `problem` (kind of problem): of the finding a fail
    makes. `phrases`: ready words for it. `auto`: see auto.py. `beside`: record types of the point checked, shown with
    it.

    A `number` or `text` item is answered by what was noted: `pass` stands for "noted".
    """

    code: str
    section: Label
    label: Label
    kind: str = "answer"
    options: tuple[str, ...] = ANSWERS
    asks: tuple[Ask, ...] = ()
    star: bool = False
    severity: str = "general"
    problem: Label = NONE
    basis: tuple[Cite, ...] = ()
    mark: str = "D"
    auto: str = ""
    phrases: tuple[Label, ...] = ()
    beside: tuple[str, ...] = ()


class Rule(NamedTuple):
    """`any_fail`: one "no" is severe. `stars`: so many starred "no" are. `counts`: so many starred "no", or so many
    "no" and "documents insufficient" in all, are. `severity`: by the severest item that failed. 0: that count is not
    asked."""

    kind: str
    star: int = 0
    total: int = 0


class Checklist(NamedTuple):
    """`verdicts`: the list's own words for codes of `verdict`. `basis`: documents it was made from. `sha256`: of its
    text. `ready`: one of the lists that come with the program. `valid_from`: in use from this day (ready lists)."""

    code: str
    version: int
    title: Label
    kind: str
    items: tuple[Item, ...]
    rule: Rule
    verdicts: dict[str, Label]
    basis: tuple[str, ...] = ()
    sha256: str = ""
    mark: str = "D"
    ready: bool = False
    valid_from: date | None = None

    def item(self, code: str) -> Item | None:
        """The item of this code."""
        return next((item for item in self.items if item.code == code), None)

    @property
    def name(self) -> str:
        """How a task or a copy names it: code@version."""
        return f"{self.code}@{self.version}"

    def words(self, verdict: str) -> Label:
        """The list's own words for a verdict, or the usual ones; the code itself where nobody knows it."""
        return self.verdicts.get(verdict) or codes("verdict").get(verdict, Label(verdict, verdict))


# --- text → list --------------------------------------------------------------------------------------------------------


def read(text: str, *, ready: bool = False) -> Checklist:
    """The list a definition tells. Raises BadList for what is none; whether it makes sense is for `faults` to say."""
    if len(text) > LONGEST:
        raise BadList("", f"超过 {LONGEST} 个字符", f"longer than {LONGEST} characters")
    try:
        doc = canonical.loads(text)
        raw = canonical.dumps(doc)
    except (NotCanonical, ValueError, RecursionError) as err:  # half a surrogate pair has no bytes
        zh, _, en = str(err).partition(" ‖ ")
        raise BadList("", zh, en or zh) from err
    if not isinstance(doc, dict):
        raise BadList("", "应为一个对象", "one object is expected")
    top = Part(doc, "")
    if top.number("format", FORMAT) != FORMAT:
        raise BadList("format", "这一版软件不认识这种格式", "a format this version does not know")
    items = top.parts("items", ITEMS)
    rule = top.part("rule")
    day = top.text("valid_from", 10)
    try:
        valid_from = date.fromisoformat(day) if day else None
    except ValueError as err:
        raise BadList("valid_from", "应为日期，如 2026-11-01", "a date is expected, as 2026-11-01") from err
    return Checklist(
        top.text("code", 64),
        top.number("version", 1),
        top.label("title", 200),
        top.text("kind", 40),
        tuple(_item(item) for item in items),
        Rule(rule.text("kind", 40), rule.number("star", 0), rule.number("total", 0)),
        {code: top.part("verdicts").label(code, 100) for code in top.part("verdicts").doc},
        top.texts("basis", 20, 200),
        hashlib.sha256(raw).hexdigest(),
        top.text("mark", 4) or "D",
        ready,
        valid_from,
    )


def _item(part: Part) -> Item:
    if (code := part.doc.get("code")) and isinstance(code, str):
        part.where = code[:40]  # people know an item by its code
    return Item(
        part.text("code", 40),
        part.label("section", 100),
        part.label("label", 500),
        part.text("kind", 20) or "answer",
        part.texts("options", 10, 40) if "options" in part.doc else ANSWERS,
        tuple(
            Ask(a.text("what", 20), a.label("name", 60), a.text("unit", 20), a.text("limit", 40), a.flag("optional"))
            for a in part.parts("asks", 20)
        ),
        part.flag("star"),
        part.text("severity", 20) or "general",
        part.label("problem", 200),
        tuple(
            Cite(c.text("law", 40), c.texts("articles", 20, 20), c.label("text", 200)) for c in part.parts("basis", 10)
        ),
        part.text("mark", 4) or "D",
        part.text("auto", 100),
        tuple(_label(p) for p in part.parts("phrases", 30)),
        part.texts("beside", 20, 40),
    )


def _label(part: Part) -> Label:
    return Label(part.text("zh", 200), part.text("en", 200))


# --- list → text --------------------------------------------------------------------------------------------------------


def to_doc(checklist: Checklist) -> dict[str, Any]:
    """The list as JSON values; what says nothing (empty text, no star) is left out."""
    return {
        "format": FORMAT,
        "code": checklist.code,
        "version": checklist.version,
        "title": _pair(checklist.title),
        "kind": checklist.kind,
        "mark": checklist.mark,
        "rule": _only(kind=checklist.rule.kind, star=checklist.rule.star, total=checklist.rule.total),
        "items": [_item_doc(item) for item in checklist.items],
        **_only(
            basis=list(checklist.basis),
            verdicts={code: _pair(label) for code, label in checklist.verdicts.items()},
            valid_from=checklist.valid_from.isoformat() if checklist.valid_from else "",
        ),
    }


def to_text(checklist: Checklist) -> str:
    """Its canonical JSON: what a record's definition holds and what is hashed. `sha256` and `ready` are not part of
    it."""
    return canonical.dumps(to_doc(checklist)).decode()


def sealed(checklist: Checklist) -> Checklist:
    """The same list with the hash of its text: to be called after every edit (`_replace`)."""
    return read(to_text(checklist), ready=checklist.ready)


def _only(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _pair(label: Label) -> dict[str, str]:
    return _only(zh=label.zh, en=label.en)


def _item_doc(item: Item) -> dict[str, Any]:
    return {
        "code": item.code,
        "section": _pair(item.section),
        "label": _pair(item.label),
        "kind": item.kind,
        "options": list(item.options),
        "severity": item.severity,
        "mark": item.mark,
        **_only(
            asks=[
                _only(what=a.what, name=_pair(a.name), unit=a.unit, limit=a.limit, optional=a.optional)
                for a in item.asks
            ],
            star=item.star,
            problem=_pair(item.problem),
            basis=[_only(law=c.law, articles=list(c.articles), text=_pair(c.text)) for c in item.basis],
            auto=item.auto,
            phrases=[_pair(p) for p in item.phrases],
            beside=list(item.beside),
        ),
    }


# --- records ------------------------------------------------------------------------------------------------------------


def of_record(record: Record | Mapping[str, Any]) -> Checklist:
    """The list a `checklist` record holds. Raises BadList where its definition is none, or is one of another code or
    version."""
    values = (
        record if isinstance(record, Mapping) else {n: getattr(record, n) for n in ("definition", "code", "version")}
    )
    found = read(str(values.get("definition", "")))
    if (found.code, found.version) != (values.get("code"), values.get("version")):
        zh = f"题项写的是 {found.name}，与记录的编号或版本不一致"
        raise BadList("code", zh, f"the items are of {found.name}, not of the record's code and version")
    return found


def record_values(checklist: Checklist) -> dict[str, Any]:
    """The values of a `checklist` record that come from the list itself; state, project and days are the writer's."""
    return {
        "code": checklist.code,
        "version": checklist.version,
        "title_zh": checklist.title.zh,
        "title_en": checklist.title.en,
        "kind": checklist.kind,
        "definition": to_text(checklist),
        "verdict_rule": f"{checklist.rule.kind} {checklist.rule.star} {checklist.rule.total}",
        "basis": _joined(checklist.basis, 200),
    }


def _joined(parts: tuple[str, ...], most: int) -> str:
    """As many as fit, whole ones only; a list made from nothing says so."""
    out = ""
    for part in parts:
        longer = f"{out}；{part}" if out else part
        if len(longer) > most:
            break
        out = longer
    return out or "—"


def faults(checklist: Checklist) -> list[Fault]:
    """What keeps the list from being published (`hard`), and what somebody should look at."""
    from schemas.rules.checklists.sound import faults as found  # noqa: PLC0415 - it stands on this module

    return found(checklist)


class Fault(NamedTuple):
    """`item`: its code, or "" for the list itself. `field`: the key of the text. `hard`: not to be published with
    it."""

    item: str
    field: str
    zh: str
    en: str
    hard: bool = True
