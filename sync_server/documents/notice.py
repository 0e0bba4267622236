"""公告牌: what people beside the road are told, on one sheet to hang up (A3). What nobody noted stays a line to write on.

The words of the board are asked for by municipal practice (Jiangsu: 转运联单、公告牌; SEED, C); which facts stand on it is this project's
choice (D).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.values import Receiver
from sync_server.documents.plan import Planned
from sync_server.documents.press import pressed
from sync_server.documents.sheet import Sheet, coded, frame, joined, label
from sync_server.documents.text import day, figure, plain, when
from sync_server.documents.words import sayer

MOST = 900  # characters of a long text: a board is read in passing
NAMED = 3  # receivers and lots by name; of more the number is told


def notice_pdf(planned: Planned, lang: str, now: datetime) -> bytes:
    """Raises Trouble 4508, 4509."""
    sheet = notice_sheet(planned, lang, now)
    return pressed(sheet.template, sheet.data, sheet.pictures, sheet.at)


def notice_sheet(planned: Planned, lang: str, now: datetime) -> Sheet:
    w, p = sayer(lang), planned.plan
    facts = [{"label": plain(a), "text": plain(b, MOST) or w("n_blank")} for a, b in _facts(planned, lang)]
    texts = [{"title": w(key), "text": plain(text, MOST) or w("n_blank")} for key, text in
             (("n_measures", p.measures or ""), ("n_emergency", p.emergency or ""))]  # fmt: skip
    more, phones = plain(p.notice_text or "", MOST), _phones(planned, lang)
    data: dict[str, Any] = frame(lang, w("notice"), plain(w("notice_foot", code=p.code, v=p.version, t=when(now))))
    data |= {
        "name": plain(joined([planned.site.name if planned.site else "", planned.facts.project.name if planned.facts.project else ""], lang, "space")),
        "facts_title": w("n_facts"), "facts": facts, "texts": texts, "more": {"title": w("n_more"), "text": more},
        "phone": {"title": w("n_phone"), "lines": phones or [w("n_blank")]},
    }  # fmt: skip
    return Sheet("notice", data, {}, now, f"{w('notice')} {p.code} v{p.version}")


def _facts(planned: Planned, lang: str) -> list[tuple[str, str]]:
    w, p = sayer(lang), planned.plan

    def some(all: list[str]) -> str:
        kept = [a for a in all if a]
        return joined(kept[:NAMED], lang, "semi") + (f" …（+{len(kept) - NAMED}）" if len(kept) > NAMED else "")

    soil = [joined([lot.code, lot.contaminants or ""], lang, "space") for _, lot in planned.lots if lot]
    to = [w("final_of", way=coded(Receiver, "way", r.way, lang), place=w("where_of", org=planned.name_of(r.org_id) or w("unknown"), place=r.site_name))
          for r in p.receivers]  # fmt: skip
    receipts = [f.receipt_no or "" for f in p.filings if f.accepted_at and f.receipt_no]
    return [
        (w("role_consignor"), planned.name_of(p.consignor_id)),
        (w("role_supervisor"), planned.name_of(p.supervisor_id)),
        (label(TransferPlan, "carriers", lang), some([planned.name_of(c) for c in p.carriers])),
        (w("n_soil"), joined([w("mass_of", t=figure(p.mass_t), m3=figure(p.volume_m3)), some(soil)], lang, "semi")),
        (
            label(SoilLot, "hazard", lang),
            some(sorted({coded(SoilLot, "hazard", lot.hazard, lang) for _, lot in planned.lots if lot})),
        ),
        (w("n_when"), joined([w("span", a=day(p.from_date), b=day(p.to_date)), p.day_window or ""], lang, "semi")),
        (w("n_to"), some(to)),
        (w("n_route"), some([planned.route(r, lang, False) for r in p.receivers])),
        (w("n_filed"), some(receipts)),
    ]


def _phones(planned: Planned, lang: str) -> list[str]:
    """Of the parties, as their records have them."""
    w, p = sayer(lang), planned.plan
    wanted = [("role_consignor", p.consignor_id), ("role_supervisor", p.supervisor_id)]
    wanted += [(f"role_{f.side}", f.authority_id) for f in p.filings if f.side in ("origin", "destination")]
    out = []
    for role, id in wanted:
        org = planned.organisation(id)
        if org and org.phone:
            out.append(
                plain(w("n_who", role=w(role), name=joined([org.short_name or org.name, org.phone], lang, "space")))
            )
    return list(dict.fromkeys(out))
