"""A4 现场检查（勘察）笔录: what was checked, by whom, what was said and found, who signed or refused, and the photos.

Contents after RULES §17 (the form of a station's app, C); two officers 行政处罚法 第42条, what is read out 第55条 (C). Nothing is printed
that is not in the record; what is not known says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from schemas.record import Record
from schemas.records.checklist import Checklist as ListRecord
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.facility import Facility
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.person import Person
from schemas.records.project import Project
from schemas.rules import checklists
from schemas.rules.onsite.signers import NOT_THERE
from schemas.rules.reconcile.facts import natural
from schemas.values import Signature
from sync_server.documents import drawing
from sync_server.documents.onsite_changes import changes
from sync_server.documents.onsite_check import Check, answered, concluded, problem
from sync_server.documents.onsite_head import Head, Others
from sync_server.documents.onsite_shots import PRINTED, shots_of, shown
from sync_server.documents.onsite_words import REVIEWS, numeral, sayer
from sync_server.documents.press import pressed
from sync_server.documents.sheet import Sheet, coded, frame, joined
from sync_server.documents.text import LONG, plain, when
from sync_server.onsite_record import OnsiteRecord, public_path

R = TypeVar("R", bound=Record)
QR_MM = 0.42  # of the code's squares
SIDES = ("inspected", "inspector", "recorder", "witness")  # signatures stand in this order, others after them
ALERT = frozenset({"open", "differs", "voided", "amended"})
# what the template looks for in a part
_BLANK: dict[str, Any] = {
    "rows": [], "text": "", "table": None, "blocks": [], "shots": [], "signs": None, "notes": [], "annex": False,
}  # fmt: skip


def onsite_pdf(record: OnsiteRecord, lang: str, now: datetime, address: str, pictures: Mapping[str, bytes]) -> bytes:
    """`address`: of this server, as people reach it ("": no code is printed); `pictures`: hash → small JPEG, of `wanted_photos`.
    Raises Trouble 4508, 4509."""
    sheet = onsite_sheet(record, lang, now, address, pictures)
    return pressed(sheet.template, sheet.data, sheet.pictures, sheet.at)


def onsite_sheet(
    record: OnsiteRecord, lang: str, now: datetime, address: str, pictures: Mapping[str, bytes]
) -> Sheet:  # fmt: skip
    return _Onsite(record, lang, now, address, pictures).sheet()


def wanted_photos(record: OnsiteRecord) -> tuple[list[str], list[str]]:
    """Hashes of what is printed: photos, sketches."""
    return _Onsite(record, "zh", datetime.min, "", {}).shots.wanted()


class _Onsite:
    def __init__(
        self, record: OnsiteRecord, lang: str, now: datetime, address: str, pictures: Mapping[str, bytes]
    ) -> None:  # fmt: skip
        self.record, self.lang, self.now, self.address, self.given = record, lang, now, address, pictures
        self.taken, self.w, self.others = record.taken, sayer(lang), Others(record.others)
        self.inspection = Inspection.of(self.taken.row.id, self.taken.values)
        answers = [ChecklistAnswer.of(s.id, s.values) for s in self.taken.answers]
        findings = [Finding.of(s.id, s.values) for s in self.taken.findings]
        lists = [ListRecord.of(s.id, s.values) for s in record.others.values() if s.type == "checklist"]
        self.check = Check(checklists.find(self.taken.values, lists), [a for a in answers if not a.deleted])
        self.findings = sorted((f for f in findings if not f.deleted), key=lambda f: natural(f.code))
        subjects = [self.inspection.id, *(a.id for a in self.check.answers), *(f.id for f in self.findings)]
        self.shots = shots_of(record, subjects)
        self.pictures: dict[str, str] = {}

    def sheet(self) -> Sheet:
        w, taken, kind = self.w, self.taken, self.inspection.kind
        title = w("o_review" if kind in REVIEWS else "o_title")
        if self.inspection.amends_id:
            title = w("o_amendment", title=title)
        foot = w("o_foot" if taken.values.get("content_sha256") else "o_foot_now", code=taken.code, sha=taken.sha256)
        state = self._state()
        project = self.others.find(Project, taken.row.scope.rpartition(".")[0])
        name = joined([project.code, project.name], self.lang, "space") if project else ""
        data = frame(self.lang, title, plain(foot))
        data |= {
            "authority": plain(self._authority()), "subtitle": plain(coded(Inspection, "kind", kind, self.lang)),
            "project": plain(w("o_project", name=name)) if name else "", "number": plain(taken.code),
            "state": {"text": w(f"o_state_{state}"), "alert": state in ALERT}, "printed": w("printed", t=when(self.now)),
            "public": self._public(), "alerts": {"title": w("o_alert"), "items": [plain(x, 1000) for x in self._alerts()]},
            "amends": plain(self._amends(), 1000),
            "hands": [w("o_sign_inspected"), w("o_sign_inspector"), w("o_sign_recorder"), w("o_sign_date")],
            "parts": self._parts(),
        }  # fmt: skip
        return Sheet("onsite", data, self.pictures, self.now, f"{title} {taken.code}")

    # --- before everything else --------------------------------------------------------------------------------------

    def _state(self) -> str:
        taken = self.taken
        if taken.voided:
            return "voided"
        if not taken.signed:
            return "open"
        if taken.agrees is False:
            return "differs"
        if self.record.amended_by:
            return "amended"
        return "refused" if any(s.way in NOT_THERE for s in self.inspection.signatures) else "signed"

    def _alerts(self) -> Iterable[str]:
        w, taken = self.w, self.taken
        if taken.voided:
            yield w("o_voided", why=self.inspection.void_reason or w("missing"))
        if not taken.signed:
            yield w("o_not_signed")
        elif taken.agrees is None:
            yield w("o_no_hash")
        elif not taken.agrees and not taken.voided:
            yield w("o_differs", now=taken.counted)
        for later in self.record.amended_by:
            yield w("o_amended_by", code=later.code, t=when(later.received.at))

    def _amends(self) -> str:
        why, before = self.inspection.amend_reason or self.w("missing"), self.record.amends
        if not self.inspection.amends_id:
            return ""
        if before is None:
            return self.w("o_amends_gone", why=why)
        return self.w("o_amends", code=before.code, sha=before.sha256, why=why)

    def _public(self) -> dict[str, Any] | None:
        if not self.address or not self.taken.values.get("content_sha256"):
            return None
        made = drawing.code(f"{self.address}{public_path(self.taken.row.id, self.taken.sha256)}", module_mm=QR_MM)
        if made is None:
            return None
        self.pictures["public.svg"] = made.svg
        return {"picture": "public.svg", "mm": made.mm, "text": self.w("o_scan", check=self.taken.check)}

    def _authority(self) -> str:
        """Whom the officers work for."""
        people = [self.others.find(Person, o.person_id) for o in self.inspection.officers]
        names = [self.others.org(p.org_id) for p in people if p]
        return joined(dict.fromkeys(names), self.lang, "space")

    # --- parts -------------------------------------------------------------------------------------------------------

    def _parts(self) -> list[dict[str, Any]]:
        """In the order of the form; a part with nothing in it is left out where the form can do without it."""
        head = Head(self.inspection, self.taken.received, self.others, self.w, self.lang)
        found: list[tuple[str, dict[str, Any]]] = [
            ("check", {"rows": head.checked()}), ("inspected", {"rows": head.inspected()}), ("officers", {"table": head.officers()}),
            ("notices", {"table": head.notices()}), ("changes", {"table": changes(self.record, self.check, self.w, self.lang)}),
            ("body", {"text": self._body()}), ("list", answered(self.check, self.inspection, self.shots, self.w, self.lang)),
            ("findings", self._problems()), ("opinion", {"rows": concluded(self.check, self.inspection, self.w, self.lang)}),
            ("sketch", {"shots": self._sketch()}), ("signed", self._signed()),
        ]  # fmt: skip
        there = [(key, part) for key, part in found if any(part.values())]
        out = [
            _BLANK | {"title": self.w("o_part", n=numeral(n, self.lang), title=self.w(f"o_p_{key}"))} | part
            for n, (key, part) in enumerate(there, 1)
        ]
        if self.shots.annex:
            title = self.w("o_p_photos", n=len(self.shots.annex))
            out.append(_BLANK | {"title": title, "annex": True} | self._annex())
        return out

    def _body(self) -> str:
        if self.inspection.body:
            return plain(self.inspection.body, LONG, self.w("cut"))
        return self.w("o_no_body") if self.inspection.kind == "enforcement" else ""

    def _problems(self) -> dict[str, Any]:
        before = self.record.amends
        stand = (
            [str(s.values.get("code", "")) for s in before.findings if not s.values.get("deleted")] if before else []
        )
        notes = [plain(self.w("o_f_stand", codes=joined(stand, self.lang)), 1000)] if stand else []
        if not self.findings and not stand:
            return {"notes": [self.w("o_f_none")]}
        blocks = [
            problem(f, self.others.org(f.org_id) or self.w("not_here"), self._facility(f), self.shots.of(f.id, f.answer_id or ""), self.w, self.lang)
            for f in self.findings
        ]  # fmt: skip
        return {"blocks": blocks, "notes": notes}

    def _facility(self, f: Finding) -> str:
        found = self.others.find(Facility, f.facility_id)
        return (
            joined([found.code, found.name], self.lang, "space")
            if found
            else self.w("not_here")
            if f.facility_id
            else ""
        )

    def _sketch(self) -> list[dict[str, Any]]:
        return shown(self.shots.sketches, 1, {}, self.record, self.given, self.pictures, self.w, self.lang)

    def _annex(self) -> dict[str, Any]:
        w, annex = self.w, self.shots.annex
        names = {a.id: w("o_c_item", code=self.check.name(a.item_code, self.lang)) for a in self.check.answers} | {
            f.id: f.code for f in self.findings
        }
        more = [plain(f"{w('o_ph', n=n)}  {p.sha256}") for n, p in enumerate(annex[PRINTED:], PRINTED + 1)]
        notes = [w("o_ph_more", n=len(more)), *more] if more else []
        return {
            "shots": shown(annex[:PRINTED], 1, names, self.record, self.given, self.pictures, w, self.lang),
            "notes": notes,
        }

    # --- signatures --------------------------------------------------------------------------------------------------

    def _signed(self) -> dict[str, Any]:
        w, got, taken = self.w, self.taken.received, self.taken
        if not taken.signed:
            return {"notes": [w("o_s_none")]}
        rank = {role: n for n, role in enumerate(SIDES)}
        given = sorted(self.inspection.signatures, key=lambda s: rank.get(s.role, len(rank)))
        device = w("o_s_device", device=got.device, t=when(got.at)) if got.device else w("o_s_nodevice")
        note = w("o_s_e", sha=taken.sha256, device=device) if taken.values.get("content_sha256") else ""
        return {"signs": {"read": w("o_s_read"), "opinion": w("o_s_opinion"), "boxes": [self._hand(s) for s in given]},
                "notes": [plain(note, 1000)] if note else []}  # fmt: skip

    def _hand(self, s: Signature) -> dict[str, Any]:
        w, name, drawn = self.w, "", drawing.handwriting(s.strokes)
        if drawn:
            name = f"hand-{len(self.pictures)}.svg"
            self.pictures[name] = drawn
        way = coded(Signature, "way", s.way, self.lang)
        if s.way == "signed":
            said, tone = w("o_s_ink") if drawn else w("o_s_blank"), "" if drawn else "alert"
        elif s.way in NOT_THERE:
            said, tone = (
                (w("o_s_why", way=way, why=s.refuse_reason) if s.refuse_reason else w("o_s_way", way=way)),
                "alert",
            )
        else:
            said, tone = way, ""
        return {
            "role": coded(Signature, "role", s.role, self.lang),
            "name": plain(s.name),
            "time": when(s.signed_at),
            "said": plain(said),
            "tone": tone,
            "picture": name,
        }


__all__ = ["onsite_pdf", "onsite_sheet", "wanted_photos"]
