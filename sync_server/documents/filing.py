"""转运计划报送表: what the authorities of origin and destination are told beforehand.

土壤污染防治法第四十一条 [C]: time, way, route and quantity of the soil, destination, final disposal. What else the form has follows
RULES §16 (转运计划 fields, D on Art. 41 and the Qingdao rule).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.records.site import Site
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.values import Filing, Receiver
from sync_server.documents import drawing
from sync_server.documents.plan import Planned
from sync_server.documents.press import pressed
from sync_server.documents.sheet import Cell, Sheet, cell, coded, entry, frame, joined, label, paired, unit
from sync_server.documents.text import LONG, day, figure, plain, when
from sync_server.documents.words import plan_state_words, sayer

ROUTES = 6  # drawn; more receivers than that have their routes in words


def filing_pdf(planned: Planned, lang: str, now: datetime) -> bytes:
    """Raises Trouble 4508, 4509."""
    sheet = filing_sheet(planned, lang, now)
    return pressed(sheet.template, sheet.data, sheet.pictures, sheet.at)


def filing_sheet(planned: Planned, lang: str, now: datetime) -> Sheet:
    return _Filing(planned, lang, now).sheet()


class _Filing:
    def __init__(self, planned: Planned, lang: str, now: datetime) -> None:
        self.of, self.plan, self.lang, self.now = planned, planned.plan, lang, now
        self.w = sayer(lang)
        self.pictures: dict[str, str] = {}

    def sheet(self) -> Sheet:
        w, p, t = self.w, self.plan, when(self.now)
        state = plan_state_words(self.of.state, self.lang)
        lacks = [plain(lack.zh if self.lang == "zh" else lack.en) for lack in self.of.lacks]
        data = frame(self.lang, w("plan"), plain(w("plan_foot", code=p.code, v=p.version, state=state, t=t)))
        data |= {
            "number": plain(w("plan_v", code=p.code, v=p.version)), "state": {"text": state, "alert": self.of.state == "suspended"},
            "printed": w("printed", t=t), "basis": w("plan_basis"),
            "lacks": {"title": w("plan_lacks", n=len(lacks)), "items": lacks},
            "who": self._table("pt_who", self._who()), "six": self._table("pt_six", self._six()),
            "lots": self._lots(), "receivers": self._receivers(), "routes": self._routes(), "vehicles": self._vehicles(),
            "measures": self._table("pt_measures", self._measures()), "filings": self._filings(),
            "stamps": [[w("stamp"), w("stamp_who"), w("stamp_when")], [w("stamp_got"), w("stamp_who"), w("stamp_when")]],
        }  # fmt: skip
        return Sheet("filing", data, self.pictures, self.now, f"{w('plan')} {p.code} v{p.version}")

    def _table(self, title: str, rows: list[list[Cell]]) -> dict[str, Any]:
        return {"title": self.w(title), "rows": rows}

    def _cell(self, words: str, text: object, tone: str = "", most: int = LONG) -> Cell:
        return cell(words, text, self.lang, tone, most)

    def _of(self, name: str) -> str:
        return label(TransferPlan, name, self.lang)

    def _who(self) -> list[list[Cell]]:
        site, of, p = self.of.site, self.of, self.plan
        project = of.facts.project
        return [
            *paired([
                self._cell(self.w("site"), joined([site.name, site.code], self.lang, "comma") if site else None, "strong"),
                self._cell(label(Site, "location", self.lang), site.location if site else None),
                self._cell(label(Site, "owner_id", self.lang), of.name_of(site.owner_id) if site else None),
                self._cell(label(Site, "user_id", self.lang), of.name_of(site.user_id) if site else None),
            ]),
            [self._cell(self._of("consignor_id"), self._with_phone(p.consignor_id), "strong")],
            [self._cell(self._of("supervisor_id"), self._with_phone(p.supervisor_id))],
            [self._cell(self._of("carriers"), joined([self._with_phone(c) or "" for c in p.carriers], self.lang, "semi"))],
            *([[self._cell(self._of("changed_what"), p.changed_what)]] if p.version > 1 else []),
            *([[self._cell(self._of("suspend_reason"), p.suspend_reason, "alert")]] if p.suspended else []),
            *([[self._cell(label(type(project), "name", self.lang), joined([project.name, project.code], self.lang, "comma"))]] if project else []),
        ]  # fmt: skip

    def _with_phone(self, id: str | None) -> str | None:
        org = self.of.organisation(id)
        if org is None:
            return self.of.name_of(id) or None
        return joined([org.name, org.contact or "", org.phone or ""], self.lang, "comma")

    def _six(self) -> list[list[Cell]]:
        w, p = self.w, self.plan
        span = w("span", a=day(p.from_date), b=day(p.to_date))
        where = [w("where_of", org=self.of.name_of(r.org_id) or w("unknown"), place=r.site_name) for r in p.receivers]
        final = []
        for r in p.receivers:
            way = coded(Receiver, "way", r.way, self.lang)
            final.append(
                w(
                    "final_of",
                    way=way if r.dispose_days is None else w("days_of", way=way, n=r.dispose_days),
                    place=r.site_name,
                )
            )
        return [
            [self._cell(w("six_time"), joined([span, p.day_window or ""], self.lang, "semi"))],
            [self._cell(w("six_way"), coded(TransferPlan, "way", p.way, self.lang))],
            [self._cell(w("six_route"), "\n".join(self.of.route(r, self.lang) for r in p.receivers))],
            [self._cell(w("six_mass"), w("mass_of", t=figure(p.mass_t), m3=figure(p.volume_m3)), "strong")],
            [self._cell(w("six_where"), "\n".join(where))],
            [self._cell(w("six_final"), "\n".join(final))],
        ]

    def _lots(self) -> dict[str, Any]:
        head = [
            label(SoilLot, n, self.lang)
            for n in ("code", "kind", "volume_m3", "density_t_m3", "contaminants", "hazard")
        ]
        rows = []
        for _, lot in self.of.lots:
            if lot is None:
                rows.append([entry(self.w("not_here"), "missing"), *[entry("")] * 5])
                continue
            kind = coded(SoilLot, "volume_kind", lot.volume_kind, self.lang)
            volume = self.w("volume_kind", m3=figure(lot.volume_m3), kind=kind) if lot.volume_m3 is not None else ""
            hazard = coded(SoilLot, "hazard", lot.hazard, self.lang)
            rows.append([
                entry(lot.code, "strong"), entry(coded(SoilLot, "kind", lot.kind, self.lang)), entry(volume),
                entry(figure(lot.density_t_m3, unit(SoilLot, "density_t_m3"))), entry(lot.contaminants, "", LONG),
                entry(hazard or self.w("missing"), "alert" if lot.hazard == "hazardous" else "" if hazard else "missing"),
            ])  # fmt: skip
        return {"title": self.w("pt_lots"), "head": head, "rows": rows}

    def _receivers(self) -> list[dict[str, Any]]:
        """A block each: a table of ten columns would have no room for names."""
        out = []
        for n, r in enumerate(self.plan.receivers, 1):
            at = f"{r.position.lon:f}, {r.position.lat:f}" if r.position else self.w("no_position")
            rows = [
                [self._cell(label(Receiver, "org_id", self.lang), self._with_phone(r.org_id), "strong")],
                *paired([
                    self._cell(label(Receiver, "site_name", self.lang), r.site_name),
                    self._cell(label(Receiver, "position", self.lang), at),
                    self._cell(label(Receiver, "permit_no", self.lang), r.permit_no),
                    self._cell(label(Receiver, "capacity_t", self.lang), figure(r.capacity_t, unit(Receiver, "capacity_t"))),
                    self._cell(label(Receiver, "way", self.lang), coded(Receiver, "way", r.way, self.lang)),
                    self._cell(label(Receiver, "dispose_days", self.lang), figure(r.dispose_days, unit(Receiver, "dispose_days"))),
                ]),
                [self._cell(label(Receiver, "accepts", self.lang), r.accepts)],
                [self._cell(label(Receiver, "sensitive", self.lang), r.sensitive)],
            ]  # fmt: skip
            title = self.w("pt_receivers") if n == 1 else ""
            out.append({"title": title, "rows": rows})
        return out

    def _routes(self) -> dict[str, Any]:
        shown = []
        for n, r in enumerate(self.plan.receivers[:ROUTES]):
            if r.route and (svg := drawing.way(r.route.line)):
                self.pictures[f"route-{n}.svg"] = svg
                shown.append({"picture": f"route-{n}.svg", "text": plain(self.of.route(r, self.lang))})
        return {"title": self.w("pt_route"), "items": shown}

    def _vehicles(self) -> dict[str, Any]:
        names = ("plate", "vehicle_class", "carrier_id", "transport_permit", "permit_to", "approved_load_t", "cover")
        head = [label(Vehicle, n, self.lang) for n in names]
        rows = []
        for _, v in self.of.vehicles:
            if v is None:
                rows.append([entry(self.w("vehicle_gone"), "missing"), *[entry("")] * 6])
                continue
            rows.append([
                entry(v.plate, "strong"), entry(coded(Vehicle, "vehicle_class", v.vehicle_class, self.lang)),
                entry(self.of.name_of(v.carrier_id)), entry(v.transport_permit), entry(day(v.permit_to)),
                entry(figure(v.approved_load_t, unit(Vehicle, "approved_load_t"))), entry(coded(Vehicle, "cover", v.cover, self.lang)),
            ])  # fmt: skip
        return {"title": self.w("pt_vehicles"), "head": head, "rows": rows}

    def _measures(self) -> list[list[Cell]]:
        p = self.plan
        return [[self._cell(self._of(n), getattr(p, n))] for n in ("temp_store", "measures", "emergency")]

    def _filings(self) -> dict[str, Any]:
        names = ("side", "authority_id", "submitted_at", "receipt_no", "accepted_at")
        rows = [
            [
                entry(coded(Filing, "side", f.side, self.lang), "strong"), entry(self.of.name_of(f.authority_id)),
                entry(when(f.submitted_at)), entry(f.receipt_no), entry(when(f.accepted_at) or self.w("no_receipt"), "" if f.accepted_at else "missing"),
            ]
            for f in self.plan.filings
        ]  # fmt: skip
        none = [[entry(self.w("filed_none"), "missing"), *[entry("")] * 4]]
        return {
            "title": self.w("pt_filings"),
            "head": [label(Filing, n, self.lang) for n in names],
            "rows": rows or none,
        }
