"""What a check is: one function that knows its number, its words, its source and who acts on it.

A check module writes

    @check("P03", "点位无布点理由", "Point without a reason", ERROR, "…表3-1", "C", MANAGER,
           texts={"": ("{point} 没有写布点理由", "{point} has no written reason")})
    def no_reason(facts, view, say): ...

and yields `say(...)` for what it found and `say.cannot(...)` for an input that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from schemas.records import Record
from schemas.reference import Label
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import SHANGHAI

Severity = Literal["error", "warning", "info", "unknown"]
ERROR: Severity = "error"
WARNING: Severity = "warning"
INFO: Severity = "info"
UNKNOWN: Severity = "unknown"

SAMPLER = Label("采样员", "sampler")
MANAGER = Label("项目经理", "project manager")
DISPATCHER = Label("调度员", "dispatcher")
INSPECTOR = Label("检查人员", "inspector")
PARTY = Label("责任单位", "responsible party")

_CANNOT = Label("{check}无法判断：缺{missing}", "{check}: cannot say, {missing} missing")


class CheckInfo(NamedTuple):
    """`texts`: the message per case ("" = the usual one). `per_point`: every finding belongs to one point alone, so
    that it can be judged again when only that point changed. `in_point`: it is asked before leaving the point."""

    id: str
    zh: str
    en: str
    severity: Severity
    source: str
    mark: str
    who: Label
    texts: Mapping[str, Label]
    per_point: bool
    in_point: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `missing` names the absent input exactly when the check cannot say for want of one."""

    check: str
    severity: Severity
    zh: str
    en: str
    subject_type: str
    subject_id: str
    point_code: str | None
    figures: Mapping[str, Any]
    who: Label
    source: str
    missing: Label | None = None


Run = Callable[[Facts, View, "Say"], Iterator[Finding]]
CHECKS: dict[str, CheckInfo] = {}
RUNS: dict[str, Run] = {}


def check(
    id: str,
    zh: str,
    en: str,
    severity: Severity,
    source: str,
    mark: str,
    who: Label,
    *,
    texts: Mapping[str, tuple[str, str]],
    per_point: bool = True,
    in_point: bool = True,
) -> Callable[[Run], Run]:
    """Register a check. Sources are standard and clause; the mark says how sure the figure is (docs/reference.md)."""

    def register(run: Run) -> Run:
        if id in CHECKS:
            raise ValueError(f"check {id} is defined twice")
        labels = {case: Label(*pair) for case, pair in texts.items()}
        CHECKS[id] = CheckInfo(id, zh, en, severity, source, mark, who, labels, per_point and in_point, in_point)
        RUNS[id] = run
        return run

    return register


class Say:
    """Makes the findings of one check."""

    def __init__(self, info: CheckInfo, facts: Facts) -> None:
        self.info = info
        self.facts = facts
        self._said: dict[tuple[str, str, str | None, str | None], Finding] = {}

    def __call__(
        self,
        subject: Record | None,
        point: str | None = None,
        case: str = "",
        severity: Severity | None = None,
        **figures: Any,
    ) -> Finding:
        if point is not None:
            figures["point"] = point
        return self._finding(self.info.texts[case], severity or self.info.severity, subject, point, figures, None)

    def cannot(
        self,
        zh: str,
        en: str,
        subject: Record | None = None,
        point: str | None = None,
        case: str | None = None,
        **figures: Any,
    ) -> Finding:
        """The named input is missing. Said once per input and subject, however often a check meets it. A `case` is a
        text of its own for it."""
        key = (zh, en, subject.id if subject is not None else None, point)
        plain = case is None and not figures
        if plain and key in self._said:  # of every reading, say, where the site names no standard
            return self._said[key]
        missing = Label(zh, en)
        name = Label(f"「{self.info.zh}」", f"“{self.info.en}”")
        text = _CANNOT if case is None else self.info.texts[case]
        figures = {"check": name, "missing": missing, "point": point, **figures}
        found = self._finding(text, UNKNOWN, subject, point, figures, missing)
        if plain:
            self._said[key] = found
        return found

    def _finding(
        self,
        text: Label,
        severity: Severity,
        subject: Record | None,
        point: str | None,
        figures: dict[str, Any],
        missing: Label | None,
    ) -> Finding:
        return Finding(
            check=self.info.id,
            severity=severity,
            zh=text.zh.format_map({"point": "?"} | {k: show(v, "zh") for k, v in figures.items()}),
            en=text.en.format_map({"point": "?"} | {k: show(v, "en") for k, v in figures.items()}),
            subject_type=type(subject).about.type if subject is not None else "project",
            subject_id=subject.id if subject is not None else self.facts.project_id,
            point_code=point,
            figures={k: v for k, v in figures.items() if k not in ("check", "missing") and v is not None},
            who=self.info.who,
            source=self.info.source,
            missing=missing,
        )


def show(value: Any, lang: str) -> str:
    """A figure as it stands in a sentence: no trailing zeros, times in local time, labels in the reader's language."""
    if isinstance(value, Label):
        return value.zh if lang == "zh" else value.en
    if isinstance(value, (Decimal, float)):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return ("、" if lang == "zh" else ", ").join(show(v, lang) for v in value)
    return str(value)


def once(findings: list[Finding]) -> list[Finding]:
    """Cannot-say findings of the same cause become one, with the number of places it stands for."""
    out: list[Finding] = []
    at: dict[tuple[str, str, str, str], int] = {}
    count: dict[int, int] = {}
    for found in findings:
        if found.missing is None:
            out.append(found)
            continue
        key = (found.check, found.missing.zh, found.subject_type, found.subject_id)
        if key not in at:
            at[key] = len(out)
            out.append(found)
        count[at[key]] = count.get(at[key], 0) + 1
    for index, n in count.items():
        found = out[index]
        more = ("", "") if n == 1 else (f"（{n} 处）", f" ({n} cases)")
        out[index] = replace(found, zh=found.zh + more[0], en=found.en + more[1], figures={**found.figures, "n": n})
    return out
