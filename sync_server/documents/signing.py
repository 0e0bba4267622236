"""Who signed: handwriting, the table of electronic signatures with what each is worth, and the codes that carry them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from schemas.records.manifest_leg import ManifestLeg
from schemas.rules.handover.cose import kid_of
from schemas.rules.manifest.join import Leg
from schemas.values import Signature
from sync_server.documents import drawing
from sync_server.documents.load import Load, code_text
from sync_server.documents.sheet import Cell, coded, entry, joined
from sync_server.documents.text import plain, when
from sync_server.documents.words import sayer

PARTS = {
    "sender": "sender",
    "driver": "carrier",
    "receiver": "receiver",
}  # whose handwriting stands where; all others: supervisor
PUBLIC_MM = 0.4  # of the small code's squares
KNOWN_WHY = frozenset(
    f"why_{w}" for w in ("signature", "unknown_key", "before_key", "after_key", "backwards", "future", "unreadable")
)
FAULTS = frozenset({"stranger", "by_carrier", "withdrawn", "elsewhere"})


class Signing:
    """`pictures` gets what is drawn, by name."""

    def __init__(self, load: Load, lang: str, pictures: dict[str, str]) -> None:
        self.load, self.lang, self.pictures = load, lang, pictures
        self.w = sayer(lang)

    def public(self, address: str) -> dict[str, Any] | None:
        check = self.load.check
        if check is None or not address:
            return None
        made = drawing.code(f"{address}/m/{quote(self.load.number, safe='')}?c={check}", module_mm=PUBLIC_MM)
        if made is None:
            return None
        self.pictures["public.svg"] = made.svg
        return {"picture": "public.svg", "mm": made.mm, "text": self.w("public", check=check)}

    def chain(self) -> dict[str, Any]:
        """As many legs as one code holds, from the first on."""
        w, legs = self.w, self.load.signed
        for n in range(len(legs), 0, -1):
            text = code_text(legs[:n])
            made = drawing.code(text) if text else None
            if made is not None:
                self.pictures["chain.svg"] = made.svg
                lines = [w("chain_use"), w("chain_code", v=made.version)]
                signed = sum(step.hash is not None for step in self.load.story.steps)
                if n < len(legs):
                    lines.insert(0, w("chain_part", all=len(legs), n=n))
                elif n < signed:
                    lines.insert(0, w("chain_gap", all=signed, n=n))
                return {
                    "chain": {"picture": "chain.svg", "mm": made.mm, "title": w("chain_title", n=n), "lines": lines},
                    "nochain": "",
                }
        return {"chain": None, "nochain": w("chain_none")}

    def hands(self, part: str, kinds: tuple[str, ...]) -> list[dict[str, str]]:
        """Who signed by hand in this part; of a leg without handwriting, who handled it."""
        out = []
        for step in self.load.story.steps:
            mine = [s for s in step.record.signatures if PARTS.get(s.role, "supervisor") == part]
            out += [self._hand(step, s) for s in mine]
            if step.record.kind in kinds and not mine:
                note = self.w("sign_not_here") if step.unheard else self._line(step.record.kind, step.record.at)
                out.append({"role": self.w("handled"), "name": plain(self._who(step)), "note": note, "picture": ""})
        return out

    def _line(self, kind: str, at: datetime) -> str:
        return self.w("sign_line", leg=coded(ManifestLeg, "kind", kind, self.lang), t=when(at))

    def _hand(self, step: Leg, s: Signature) -> dict[str, str]:
        note, name = self._line(step.record.kind, s.signed_at), ""
        if drawn := drawing.handwriting(s.strokes):
            name = f"hand-{len(self.pictures)}.svg"
            self.pictures[name] = drawn
        if s.way != "signed":
            way = coded(Signature, "way", s.way, self.lang)
            note = f"{self.w('sign_way', way=way, why=s.refuse_reason) if s.refuse_reason else way}\n{note}"
        return {
            "role": coded(Signature, "role", s.role, self.lang),
            "name": plain(s.name),
            "note": plain(note),
            "picture": name,
        }

    def _who(self, step: Leg) -> str:
        return step.record.who_name or (step.key.name if step.key else "") or self.w("unknown")

    def table(self) -> dict[str, Any]:
        w = self.w
        head = [w(f"sig_{h}") for h in ("leg", "time", "who", "key", "worth")]
        rows = [self._signature(step) for step in self.load.all_steps]
        return {
            "title": w("sig_title"),
            "head": head,
            "rows": rows or [[entry(w("sig_none")), *[entry("")] * 4]],
            "note": w("sig_note"),
        }

    def _signature(self, step: Leg) -> list[Cell]:
        w, leg = self.w, step.record
        who = joined([self._who(step), self.load.name_of(leg.org_id)], self.lang, "comma")
        kid = kid_of(step.key.key).hex() if step.key else leg.key_id[:16]
        key = w("key_of", kid=kid, name=step.key.name, device=step.key.device) if step.key else kid
        worth = w(f"worth_{step.worth}")
        notes = [w(f"why_{step.why}")] if f"why_{step.why}" in KNOWN_WHY else []
        notes += list(dict.fromkeys(w(f"fault_{f}") if f in FAULTS else w("fault_record") for f in step.faults))
        if step.worth != "forged" and step not in self.load.story.steps:
            notes.append(w("not_counted"))
        if leg.way and leg.way != "own":
            notes.append(coded(ManifestLeg, "way", leg.way, self.lang))
        if step.unheard:
            notes.append(w("from_code"))
        said = joined([worth, *notes], self.lang, "semi")
        tone = {"genuine": "", "forged": "alert"}.get(step.worth, "strong")
        return [
            entry(coded(ManifestLeg, "kind", leg.kind, self.lang), "strong"),
            entry(when(leg.at)),
            entry(who),
            entry(key),
            entry(said, tone),
        ]
