"""The on-site record while it is written: who checks, who is checked, what was read out, the words and the verdict.

All of it are fields of the inspection that is open in the checking desk, whose draft keeps every edit. Texts that go into the record are
Chinese: the record is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from field_app.capture.position import as_values, manual_values
from field_app.desks.phrases import Phrases, added
from field_app.store import Store
from field_app.words import say
from schemas.reference import Label
from schemas.rules import onsite
from schemas.rules.checklists import verdict
from schemas.rules.lack import Lack
from schemas.rules.onsite import Sheet

if TYPE_CHECKING:
    from field_app.desks.checking import CheckingDesk
    from field_app.state import State

Values = dict[str, Any]
DUTIES = ("inspector", "recorder", "witness")  # parts played in a check, of person_duty
DAYS = (7, 15, 30)  # offered as deadline: what is usual, no statutory figure is known (RULES §17, K)
FIX_S = 60  # an older position is not that of the check
# part of the page → what of the record is asked there; the rest of the fields stands under "head"
PARTS = ("head", "officers", "notices", "body", "found", "sketch", "verdict", "sign")
_PART_OF = {
    "officers": "officers", "notices": "notices", "item": "found", "finding": "found", "unanswered": "verdict", "list": "verdict",
    "verdict": "verdict", "deadline": "verdict", "times": "sign", "ended_at": "sign", "amend": "body",
}  # fmt: skip
_FIELD_OF = {"body": "body", "opinion": "verdict", "measure": "verdict", "deadline": "verdict"}


class Colleague(NamedTuple):
    """Somebody who may check. certificate: the number of an enforcement certificate valid that day, empty where none is known."""

    id: str
    name: str
    certificate: str


def part_of(lack: Lack) -> str:
    """The part of the page where it is mended."""
    first, _, rest = lack.code.partition(":")
    return _FIELD_OF.get(rest, "head") if first == "field" else _PART_OF.get(first, "head")


class Heading:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._colleagues: tuple[Colleague, ...] = ()
        self._original: Sheet | None = None  # the record that the open one amends
        self._lacks: tuple[tuple[Any, ...], list[Lack]] | None = None
        self.phrases = Phrases(host, store)

    colleagues = property(lambda self: self._colleagues)
    original = property(lambda self: self._original)

    @property
    def check(self) -> CheckingDesk:
        desk: CheckingDesk = self._host.checking
        return desk

    @property
    def inspection(self) -> Mapping[str, Any]:
        values: Values = self.check.inspection
        return values

    def _changed(self) -> None:
        self.notify()  # type: ignore[attr-defined]

    # --- what is still missing -----------------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        """The open check as the rules want it."""
        rows: dict[str, list[Values]] = {t: [] for t in ("inspection", "checklist_answer", "finding", "photo")}
        for edit in self.check.edits():
            rows[edit.type].append(onsite.whole(edit.record, edit.values))
        return Sheet(rows["inspection"][0], *(tuple(rows[t]) for t in ("checklist_answer", "finding", "photo")))

    def lacks(self) -> list[Lack]:
        """What keeps the record from being signed; the time it ended is set by signing itself. Worked out anew when something was
        edited, or the minute passed."""
        check = self.check
        if not check.id:
            return []
        minute = self._host.now().replace(second=0, microsecond=0)
        seen = (
            check.id,
            check.inspection,
            check.answers,
            check.findings,
            check.photos,
            check.list,
            self._original,
            minute,
        )
        if self._lacks is None or any(a is not b and a != b for a, b in zip(self._lacks[0], seen, strict=True)):
            ended = bool(check.inspection.get("ended_at"))
            found = onsite.lacks(*self.sheet_parts(), self._host.now() + timedelta(seconds=1), original=self._original)
            self._lacks = seen, [x for x in found if ended or x.code != "ended_at"]
        return self._lacks[1]

    def sheet_parts(self) -> tuple[Any, Any, Any, Any, Any]:
        sheet = self.sheet()
        return sheet.inspection, self.check.list, sheet.answers, sheet.findings, sheet.photos

    def lacks_of(self, part: str) -> list[Lack]:
        return [x for x in self.lacks() if part_of(x) == part]

    def may_excuse(self, code: str) -> bool:
        """Does this item lack nothing but its evidence? Then a reason stands for it."""
        check, item = self.check, self.check.item(code)
        part = check.answers.get(code)
        if item is None or part is None or not part.values.get("text") or code not in check.findings:
            return False
        sheet = self.sheet()
        answer = onsite.whole(part.id, part.values)
        mine = [f for f in sheet.findings if f.get("answer_id") == part.id]
        return not onsite.excused(answer) and bool(onsite.wants(item, answer, mine, sheet.photos))

    # --- who checks ----------------------------------------------------------------------------------------------

    def _read_colleagues(self, day: str) -> tuple[Colleague, ...]:
        """Those whose certificate is known first. Reads the store."""
        numbers = {
            s.values["person_id"]: str(s.values.get("number", ""))
            for s in self._store.all("person_qualification", kind="enforcement")
            if str(s.values.get("valid_from", "")) <= day <= str(s.values.get("valid_to") or "9999")
        }
        identity = self._store.identity
        me = identity.person if identity else ""
        people = [
            Colleague(p.id, str(p.values.get("name", "")), numbers.get(p.id, ""))
            for p in self._store.all("person")
            if p.values.get("name")
        ]
        return tuple(sorted(people, key=lambda c: (c.id != me, not c.certificate, c.name, c.id)))

    def _fill_certificates(self) -> None:
        """The numbers that are known, into officers without one."""
        known = {c.id: c.certificate for c in self._colleagues if c.certificate}
        officers = self._rows("officers")
        filled = [
            o
            if o.get("certificate_no") or o["person_id"] not in known
            else {**o, "certificate_no": known[o["person_id"]]}
            for o in officers
        ]
        if filled != officers:
            self.check.put(officers=filled)

    def _rows(self, name: str) -> list[Values]:
        return [dict(row) for row in self.inspection.get(name) or ()]

    def officer(self, person: str) -> Values | None:
        return next((o for o in self._rows("officers") if o.get("person_id") == person), None)

    def toggle_officer(self, who: Colleague) -> None:
        """In, or out again; the first one in is never the last one out."""
        officers = self._rows("officers")
        rest = [o for o in officers if o.get("person_id") != who.id]
        if len(rest) == len(officers):
            new = {
                "person_id": who.id,
                "name": who.name,
                "duty": "inspector",
                "certificate_no": who.certificate or None,
            }
            rest.append({k: v for k, v in new.items() if v})
        self.check.put(officers=rest)

    def put_officer(self, person: str, **values: Any) -> None:
        rows = [_with(o, values) if o.get("person_id") == person else o for o in self._rows("officers")]
        self.check.put(officers=rows)

    # --- who is checked ------------------------------------------------------------------------------------------

    def add_inspected(self) -> None:
        """A row for one more person of the party; only one without a name at a time."""
        rows = self._rows("inspected")
        if all(r.get("name") for r in rows):
            self.check.put(inspected=[*rows, {"employer": self._party()} if self._party() else {}])

    def put_inspected(self, n: int, **values: Any) -> None:
        rows = self._rows("inspected")
        while len(rows) <= n:
            rows.append({})
        rows[n] = _with(rows[n], values)
        self.check.put(inspected=rows)

    def drop_inspected(self, n: int) -> None:
        rows = self._rows("inspected")
        self.check.put(inspected=rows[:n] + rows[n + 1 :] or None)

    def _party(self) -> str:
        org = self.inspection.get("org_id")
        seen = self._store.get("organisation", org) if org else None
        return str(seen.values.get("name", "")) if seen is not None else ""

    def put_party(self, org: str | None) -> None:
        """The inspected organisation, with the legal representative its record names."""
        seen = self._store.get("organisation", org) if org else None
        self.check.put(org_id=org, legal_person=seen.values.get("legal_person") if seen is not None else None)

    # --- where ---------------------------------------------------------------------------------------------------

    def place_now(self) -> bool:
        """The position of this moment; False (and told) without a fresh one."""
        here, now = self._host.here, self._host.now()
        fix = here.mean or here.fix
        if fix is None or fix.age_s(now) > FIX_S:
            self._host.tell("warn", (say("zh", "onsite.no_fix"), say("en", "onsite.no_fix")),
                            (say("zh", "onsite.no_fix.why"), say("en", "onsite.no_fix.why")))  # fmt: skip
            return False
        self.check.put(position=as_values(fix, now))
        return True

    def place_of_site(self) -> bool:
        """The middle of the site, or the point that is checked, as a position by hand; False where neither is known."""
        place = self._known_place()
        if place is None:
            return False
        self.check.put(position=manual_values(*place, say("zh", "onsite.by_hand"), self._host.now()))
        return True

    def _known_place(self) -> tuple[str, str] | None:
        point = self._store.get("point", self.inspection["point_id"]) if self.inspection.get("point_id") else None
        at = (point.values.get("position") or {}) if point is not None else {}
        if at.get("lon") and at.get("lat"):
            return str(at["lon"]), str(at["lat"])
        site = self._store.get("site", self.inspection.get("site_id", ""))
        rings = ((site.values.get("boundary") or {}).get("rings") or []) if site is not None else []
        corners = [(float(x), float(y)) for x, y in rings[0]] if rings else []
        if not corners:
            return None
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return f"{(min(xs) + max(xs)) / 2:.7f}", f"{(min(ys) + max(ys)) / 2:.7f}"

    # --- what is read out ----------------------------------------------------------------------------------------

    def notice(self, code: str) -> Values | None:
        """It was read out: when, and what was answered."""
        return next((n for n in self._rows("notices") if n.get("kind") == code), None)

    def read_out(self, code: str) -> None:
        """Read out just now, with the usual reply; once more takes it back."""
        rows = self._rows("notices")
        rest = [n for n in rows if n.get("kind") != code]
        if len(rest) == len(rows):
            known = onsite.notice(code)
            reply = known.replies[0].zh if known is not None else None
            at = self._host.now().isoformat(timespec="seconds")
            rest.append({k: v for k, v in {"kind": code, "read_at": at, "reply": reply}.items() if v})
        self.check.put(notices=rest or None)

    def reply(self, code: str, text: str | None) -> None:
        rows = [_with(n, {"reply": text or None}) if n.get("kind") == code else n for n in self._rows("notices")]
        self.check.put(notices=rows)

    @property
    def body_open(self) -> bool:
        """Is everything read out that comes before the body?"""
        return not any(x.code.startswith("notices:") for x in self.lacks())

    # --- words ---------------------------------------------------------------------------------------------------

    def say_phrase(self, part: str, phrase: str) -> None:
        """Into the body or the opinion, or out of it again."""
        self.check.put(**{part: added(str(self.inspection.get(part) or ""), phrase) or None})

    def summary(self) -> str:
        """What the answers and findings add up to, as the body says it."""
        check = self.check
        counts = {code: 0 for code in ("pass", "fail", "not_apply", "insufficient")}
        for part in check.answers.values():
            answer = part.values.get("answer")
            counts[answer] = counts.get(answer, 0) + 1
        checked = sum(counts[c] for c in ("pass", "fail", "not_apply", "insufficient"))
        said = [(c, counts[c]) for c in counts if counts.get(c) and c != "unanswered"]
        facts = "，".join(say("zh", f"onsite.count.{c}", n=n) for c, n in said)
        title = check.list.title.zh if check.list is not None else ""
        lines = [say("zh", "onsite.summary", title=title, n=checked, facts=facts)] if checked and title else []
        for n, part in enumerate(sorted(check.findings.values(), key=lambda p: str(p.values.get("code", ""))), 1):
            description = str(part.values.get("description", "")).strip().rstrip("。")
            lines.append(say("zh", "onsite.summary.finding", n=n, text=description))
        return "\n".join(lines)

    def put_summary(self) -> None:
        """The summary in front of what is written; in the place of an earlier one."""
        old, new = str(self.check.ui("summary", "")), self.summary()
        text = str(self.inspection.get("body") or "")
        rest = text.replace(old, "").strip("\n") if old else text
        self.check.put(body="\n".join(x for x in (new, rest) if x) or None)
        self.check.set_ui(summary=new or None)

    # --- verdict -------------------------------------------------------------------------------------------------

    def allowed(self) -> tuple[str, ...]:
        """Verdicts a person may choose: the rule's own and stricter ones; empty as long as the rule cannot say."""
        by_rule = self.inspection.get("verdict_by_rule")
        return verdict.allowed(by_rule) if by_rule and self.check.list is not None else ()

    def verdict_words(self, code: str) -> Label:
        list = self.check.list
        return list.words(code) if list is not None else Label(code, code)

    def put_measure(self, code: str | None) -> None:
        """What is ordered; to correct something takes a deadline."""
        days = {"deadline": self.inspection.get("deadline")} if code == "rectify" else {"deadline": None}
        self.check.put(measure=code, **days)

    def put_days(self, days: int) -> None:
        self.check.put(deadline=(self.check.checked_on() + timedelta(days=days)).isoformat())


def _with(row: Values, values: Mapping[str, Any]) -> Values:
    return {k: v for k, v in {**row, **values}.items() if v is not None}
