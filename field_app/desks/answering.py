"""What is answered, and what a "no" makes at once: a finding with its severity and the law of that day.

Texts that go into the records are Chinese: the on-site record is. A finding taken back by another answer is kept aside, so that
tapping wrongly and back loses nothing of it.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from field_app.book import decimal
from field_app.capture.position import as_values
from field_app.desks.checkdraft import PROBLEMS, CheckDraft, Part, Values, merged
from field_app.words import say
from schemas.reference import Label
from schemas.rules.checklists import auto, basis, model, verdict

FIX_S = 60  # an older position is not that of what is recorded now
SHORT = 200  # letters of a short text field
OFF = "off"  # in the draft's UI: item → [id, values] of a finding taken back


class Answering(CheckDraft):
    def answer(self, code: str, value: str) -> None:
        """`value`: a code of answer_value. A "no" makes the finding, any other answer takes it back."""
        item = self.item(code)
        if not self._id or (item is None and code not in self._answers):
            return
        part = self._answers.get(code) or self._new_answer(code)
        part = part._replace(values=merged(part.values, {"answer": value}))
        self._answers = {**self._answers, code: part}
        self._keep("checklist_answer", part)
        self._locate()
        if value in PROBLEMS and code not in self._findings and item is not None and not self.inherited(code):
            self._make_finding(item, part)
        elif value not in PROBLEMS and code in self._findings:
            self._take_back(code)
        self._restep(part, value)
        self._judge()
        self._changed()

    def _mend(self) -> None:
        for code, part in tuple(self._answers.items()):
            item = self.item(code)
            problem = part.values.get("answer") in PROBLEMS and not self.inherited(code)
            if problem and code not in self._findings and item is not None:
                self._make_finding(item, part)
            elif part.values.get("answer") not in PROBLEMS and code in self._findings:
                self._take_back(code)
        self._judge()

    # --- findings ------------------------------------------------------------------------------------------------

    def inherited(self, code: str) -> str:
        """Of a record that amends another one: the finding of the first record about this item, which goes on; "" where there is none."""
        return str(self._ui.get("was", {}).get(code, ""))

    def _make_finding(self, item: model.Item, answer: Part) -> None:
        kept = dict(self._ui.get(OFF, {}))
        if item.code in kept:
            id, values = kept.pop(item.code)
            part = Part(id, dict(values))
            self._ui = merged(self._ui, {OFF: kept or None})
        else:
            part = Part(self._store.new_id(), self._finding_values(item, answer))
        self._findings = {**self._findings, item.code: part}
        self._keep("finding", part)
        self._keep_inspection()

    def _take_back(self, code: str) -> None:
        part = self._findings[code]
        self._ui = {**self._ui, OFF: {**self._ui.get(OFF, {}), code: [part.id, part.values]}}
        self._findings = {c: p for c, p in self._findings.items() if c != code}
        self._keep_inspection()  # aside first, then gone: a kill in between leaves it twice, not never
        self._drop(part.id)

    def _finding_values(self, item: model.Item, answer: Part) -> Values:
        said = basis.basis_for(item, self.checked_on())
        values = {
            **self._begun_finding(), "answer_id": answer.id, "severity": item.severity, "kind": cut(item.problem.zh or item.section.zh),
            "description": described(item, answer.values.get("text")),
            "basis": basis.text(said, "zh"), "quote": basis.quote(said).zh or None, "deadline": self.deadline(item.severity),
            "measure": say("zh", "fail.measure.default", item=item.label.zh) if item.severity != "tip" else None,
        }  # fmt: skip
        return merged({}, values)

    def _begun_finding(self) -> Values:
        """What every finding of this check begins with."""
        return {
            "code": self._next_finding(), "inspection_id": self._id, "org_id": self._inspection.get("org_id"),
            "facility_id": self._inspection.get("facility_id"), "position": self._fix() or self._inspection.get("position"),
            "responsible": self._responsible(),
        }  # fmt: skip

    def _responsible(self) -> str | None:
        """Who answers for the firm that is checked, as far as this tablet knows."""
        org = self._inspection.get("org_id")
        seen = self._store.get("organisation", org) if org else None
        named = (seen.values.get("contact") or seen.values.get("legal_person")) if seen is not None else None
        return named or next((p["name"] for p in self._inspection.get("inspected", ()) if p.get("name")), None)

    def put(self, **values: Any) -> None:
        """Fields of the inspection; None empties one. A firm, a person or a place that is said later is said of its findings too, where
        they had it from here."""
        before = {n: self._inspection.get(n) for n in ("org_id", "position")} | {"responsible": self._responsible()}
        super().put(**values)
        if not self._id or not {"org_id", "inspected", "position"} & values.keys():
            return
        after = {n: self._inspection.get(n) for n in ("org_id", "position")} | {"responsible": self._responsible()}
        moved = {n: v for n, v in after.items() if v != before[n]}
        for key, part in tuple(self._findings.items()):
            more = {n: v for n, v in moved.items() if part.values.get(n) in (None, before[n])}
            if more:
                self.put_finding(key, **more)

    def _next_finding(self) -> str:
        """A number once given is not given again, also where its finding was taken back."""
        used = [p.values for p in self._findings.values()] + [v for _, v in self._ui.get(OFF, {}).values()]
        numbers = [int(v["code"].rpartition("-WT")[2]) for v in used if v["code"].rpartition("-WT")[2].isdigit()]
        number = max([*numbers, int(self._ui.get("wt", 0))], default=0) + 1
        self._ui = {**self._ui, "wt": number}
        return f"{self._inspection['code']}-WT{number:02d}"

    def add_finding(self, **values: Any) -> str:
        """A finding that belongs to no item of the list; its own id."""
        severity = values.get("severity", "general")
        begun = {**self._begun_finding(), "severity": severity, "kind": say("zh", "fail.kind.other"), "description": ""}
        begun["basis"] = basis.text((), "zh")
        begun["deadline"] = self.deadline(severity)
        part = Part(self._store.new_id(), merged(begun, values))
        self._keep_inspection()
        self._findings = {**self._findings, part.id: part}
        self._keep("finding", part)
        self._changed()
        return part.id

    def drop_finding(self, key: str) -> None:
        """It goes with its photos' records; the files stay. One of an item comes back with the answer."""
        part = self._findings.get(key)
        if part is None:
            return
        self._findings = {k: p for k, p in self._findings.items() if k != key}
        for photo in self.photos_of(part.id):
            self._photos = {i: v for i, v in self._photos.items() if i != photo}
            self._drop(photo)
        self._drop(part.id)
        self._changed()

    def put_finding(self, key: str, **values: Any) -> None:
        """With the day of the conduct moves the law: that of the day, where a list names it."""
        item = self.item(key) if "conduct_on" in values else None
        if item is not None:
            said = basis.basis_for(item, _day(values["conduct_on"]) or self.checked_on())
            values = {**values, "basis": basis.text(said, "zh"), "quote": basis.quote(said).zh or None}
        super().put_finding(key, **values)

    def put_severity(self, key: str, severity: str) -> None:
        """With it moves the deadline, where it is still the one that was proposed."""
        part = self._findings.get(key)
        if part is None:
            return
        proposed = part.values.get("deadline") == self.deadline(part.values["severity"])
        more = {"deadline": self.deadline(severity)} if proposed else {}
        self.put_finding(key, severity=severity, **more)

    def deadline(self, severity: str) -> str | None:
        """The day proposed for a severity, from the day of the check; None where none is set."""
        days = basis.deadline_days(severity)
        return (self.checked_on() + timedelta(days=days)).isoformat() if days is not None else None

    def checked_on(self) -> date:
        """The day of the check: the law of that day, deadlines from that day."""
        today: date = self._host.now().date()
        return _day(str(self._inspection.get("started_at", ""))[:10]) or today

    # --- what is said of an answer -------------------------------------------------------------------------------

    def said(self, code: str) -> list[str]:
        """The parts of the opinion on an item, as phrases were put into it."""
        return [p for p in self._text_of(code).split("；") if p]

    def say_phrase(self, code: str, phrase: str) -> None:
        """One of the list's phrases (`phrase_of`) into the opinion, or out of it."""
        parts = self.said(code)
        parts = [p for p in parts if p != phrase] if phrase in parts else [*parts, phrase]
        self.put_text(code, "；".join(parts))

    def put_text(self, code: str, text: str) -> None:
        """The opinion on an item; the finding's description follows it."""
        item = self.item(code)
        self.put_answer(code, text=text or None)
        if item is not None and code in self._findings:
            self.put_finding(code, description=described(item, text))
        if item is not None and item.kind == "text" and self.answered(code) != bool(text.strip()):
            self.answer(code, "pass" if text.strip() else "unanswered")

    def _text_of(self, code: str) -> str:
        part = self._answers.get(code)
        return str(part.values.get("text", "")) if part is not None else ""

    def press(self, code: str, key: str) -> None:
        """One key of the pad for an item's figure: a digit, the point, "sign", "clear" or "back". Kept at every key."""
        item, part = self.item(code), self._answers.get(code)
        text = str(part.values.get("number", "")) if part is not None else ""
        ask = next((a for a in item.asks if a.what == "number"), None) if item is not None else None
        text = typed(text, key)
        self.put_answer(code, number=text or None, unit=(ask.unit or None) if text and ask is not None else None)

    def weigh(self, code: str) -> None:
        """The figure is all there: what it says by itself is noted with it; of an item that asks for nothing else it is the answer."""
        item = self.item(code)
        if item is None:
            return
        said, number = self.auto(code), self.value_of(code)
        self.put_answer(code, auto_value=cut(said.why.zh) if number is not None and said.why.zh else None)
        if item.kind == "number":
            answer = said.answer if said.answer in item.options else None
            self.answer(code, (answer or "pass") if number is not None else "unanswered")

    def auto(self, code: str) -> auto.Auto:
        """What the item's figure, or the sampler's records, say by themselves."""
        item = self.item(code)
        if item is None:
            return auto.Auto(None, model.NONE)
        return auto.auto(item, [self.value_of(code)], self._found)

    def value_of(self, code: str) -> Decimal | None:
        """The item's figure; None while it is none."""
        part = self._answers.get(code)
        return decimal(part.values.get("number")) if part is not None else None

    def put_asked(self, code: str, **values: Any) -> None:
        """What was asked for besides a photo; where the problem is, its finding is too."""
        self.put_answer(code, **values)
        if values.get("position"):
            self.put_finding(code, position=values["position"])

    def _fix(self) -> Values | None:
        here, now = self._host.here, self._host.now()
        fix = here.mean or here.fix
        return as_values(fix, now) if fix is not None and fix.age_s(now) <= FIX_S else None

    def _locate(self) -> None:
        """Where the check was done: the first fresh position while it is recorded."""
        if not self._inspection.get("position") and (fix := self._fix()) is not None:
            self._inspection = {**self._inspection, "position": fix}
            self._keep_inspection()

    def _restep(self, part: Part, value: str) -> None:
        """Photos of an answer show a problem, or only what was checked."""
        step = "finding" if value in PROBLEMS else "evidence"
        for id, photo in self.photos_of(part.id).items():
            if photo.get("step") in ("finding", "evidence") and photo["step"] != step:
                self._photos = {**self._photos, id: {**photo, "step": step}}
                self._keep("photo", Part(id, self._photos[id]))

    # --- the verdict ---------------------------------------------------------------------------------------------

    def verdict(self) -> verdict.Verdict | None:
        """What the list's own rule says now, and why; None without a list."""
        if self._list is None:
            return None
        return verdict.verdict(self._list, {c: self.answer_of(c) for c in self._answers})

    def _judge(self) -> None:
        """The rule's verdict into the inspection; a person's stays only while it is not the milder one."""
        said = self.verdict()
        if said is None or said.code == self._inspection.get("verdict_by_rule"):
            return
        mine = self._inspection.get("verdict")
        if mine is not None and (said.code is None or mine not in verdict.allowed(said.code)):
            mine = None
        self._inspection = merged(self._inspection, {"verdict_by_rule": said.code, "verdict": mine or said.code})
        self._keep_inspection()


def phrase_of(label: Label) -> str:
    """A ready phrase as it goes into the opinion, whose parts are told apart by "；"."""
    return label.zh.replace("；", "，")


def described(item: model.Item, text: object) -> str:
    """What is wrong, in words: the item, and what was seen."""
    said = str(text or "").strip()
    return f"{item.label.zh}：{said}" if said else say("zh", "fail.description", item=item.label.zh)


def cut(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def typed(text: str, key: str) -> str:
    """A figure after one more key of the pad: at most six digits, four behind the point, as an answer takes them."""
    if key == "back":
        return text[:-1] if text not in ("-", "") else ""
    if key == "clear":
        return ""
    if key == "sign":
        return text[1:] if text.startswith("-") else f"-{text}" if text else text
    whole, dot, rest = (text + key).lstrip("-").partition(".")
    if "." in rest or len(whole) > 6 or len(rest) > 4 or not (key.isdigit() or key == "."):
        return text
    sign = "-" if text.startswith("-") else ""
    return f"{sign}{whole.lstrip('0') or '0'}{dot}{rest}"


def _day(text: Any) -> date | None:
    """None for what is no day yet: it is being typed."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
