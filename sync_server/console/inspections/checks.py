"""The ledger of checks: who was checked when by whom, with which verdict, signed or not, and what is still open. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.records.inspection import Inspection
from schemas.records.organisation import Organisation
from schemas.records.site import Site
from schemas.reference import Label, codes
from schemas.rules.onsite.signers import NOT_THERE
from schemas.rules.reconcile import Facts
from sync_server.console.inspections.verdicts import judged, list_name
from sync_server.console.parts import Sign, when
from sync_server.console.words import pick, words
from sync_server.findings import of_inspection

STATES = ("signed", "unsigned", "refused", "amended", "open")


class Asked(NamedTuple):
    state: str = ""
    kind: str = ""
    party: str = ""
    site: str = ""
    q: str = ""
    page: int = 1

    @property
    def narrowed(self) -> bool:
        return bool(self.state or self.kind or self.party or self.site or self.q)


class Row(NamedTuple):
    id: str
    code: str
    kind: str
    checklist: str
    site: str
    party: str
    at: str
    officers: str
    verdict: Sign | None
    state: Sign
    found: int
    open: int
    late: int


def every(facts: Facts) -> list[Inspection]:
    """The newest first."""
    return facts.remember(
        "console.inspections", lambda: sorted(facts.alive(Inspection), key=lambda i: (i.started_at, i.id), reverse=True)
    )


def amended_by(facts: Facts) -> Mapping[str, list[Inspection]]:
    """Check → those that amend it, signed, the oldest first."""

    def made() -> dict[str, list[Inspection]]:
        out: dict[str, list[Inspection]] = {}
        for i in reversed(every(facts)):
            if i.amends_id and i.signatures:
                out.setdefault(i.amends_id, []).append(i)
        return out

    return facts.remember("console.amended", made)


def state_of(facts: Facts, inspection: Inspection) -> str:
    """amended, refused (somebody did not sign), signed or unsigned."""
    if amended_by(facts).get(inspection.id):
        return "amended"
    if not inspection.signatures:
        return "unsigned"
    return "refused" if any(s.way in NOT_THERE for s in inspection.signatures) else "signed"


_SIGN = {
    "signed": ("ok", "done"), "unsigned": ("circle", "planned"), "refused": ("warn", "warn"), "amended": ("back", "unsure"),
}  # fmt: skip


def state_sign(facts: Facts, inspection: Inspection, lang: str) -> Sign:
    state = state_of(facts, inspection)
    return Sign(*_SIGN[state], words(lang)(f"in_c_{state}"))


def fitting(facts: Facts, by: Asked) -> list[Inspection]:
    q = by.q.casefold()
    return [
        i for i in every(facts)
        if (not by.state or by.state == state_of(facts, i) or (by.state == "open" and any(e.open for e in of_inspection(facts, i.id))))
        and (not by.kind or by.kind == i.kind) and (not by.party or by.party == i.org_id) and (not by.site or by.site == i.site_id)
        and (not q or any(q in x.casefold() for x in (i.code, i.place or "", _org(facts, i.org_id), *(o.name for o in i.officers))))
    ]  # fmt: skip


def row(facts: Facts, i: Inspection, now: datetime, lang: str) -> Row:
    found, site, said = of_inspection(facts, i.id), facts.find(Site, i.site_id), judged(facts, i, lang)
    return Row(
        i.id, i.code, kind_word(i.kind, lang), list_name(facts, i, lang), site.name if site else "", _org(facts, i.org_id),
        when(i.started_at, now), people([o.name for o in i.officers], lang), said.sign if said else None,
        state_sign(facts, i, lang), len(found), sum(e.open for e in found), sum(1 for e in found if e.late),
    )  # fmt: skip


def people(names: Sequence[str], lang: str) -> str:
    return ("、" if lang == "zh" else ", ").join(dict.fromkeys(names)) or "—"


def kind_word(kind: str, lang: str) -> str:
    return pick(codes("inspection_kind").get(kind, Label(kind, kind)), lang)


def kinds(facts: Facts, lang: str) -> list[tuple[str, str]]:
    return [(k, kind_word(k, lang)) for k in sorted({i.kind for i in every(facts)})]


def parties(facts: Facts) -> list[tuple[str, str]]:
    return sorted({(i.org_id, _org(facts, i.org_id) or i.org_id[:8]) for i in every(facts)}, key=lambda x: x[1])


def sites(facts: Facts) -> list[tuple[str, str]]:
    names = {i.site_id: (s.name if (s := facts.find(Site, i.site_id)) else i.site_id[:8]) for i in every(facts)}
    return sorted(names.items(), key=lambda x: x[1])


def _org(facts: Facts, id: str) -> str:
    org = facts.find(Organisation, id)
    return org.name if org else ""
