"""A4 污染土壤转运联单: what is known of one load, who signed when with which key, and the code that carries the signatures.

Contents after 危险废物转移管理办法（部令第23号）第10–18条 by analogy and municipal forms (RULES §16: 联单 fields, D; 第20条 paper beside
the electronic record, C).
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from schemas.records.disposal_record import DisposalRecord
from schemas.records.manifest import Manifest
from schemas.records.manifest_leg import ManifestLeg
from schemas.records.photo import Photo
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules.manifest import shown
from schemas.values import Filing, Receiver
from sync_server.documents.load import BACK, TAKEN, Load, Weighed
from sync_server.documents.press import pressed
from sync_server.documents.sheet import Cell, Sheet, cell, coded, frame, joined, label, paired
from sync_server.documents.signing import Signing
from sync_server.documents.text import day, figure, plain, when
from sync_server.documents.text import signed as with_sign
from sync_server.documents.words import ALERT, sayer, state_words

PARTS = {
    "sender": "sender",
    "driver": "carrier",
    "receiver": "receiver",
}  # whose handwriting stands where; all others: supervisor
PUBLIC_MM = 0.4  # of the small code's squares


def manifest_pdf(load: Load, lang: str, now: datetime, address: str) -> bytes:
    """`address`: of this server, as people reach it. Raises Trouble 4508, 4509."""
    sheet = manifest_sheet(load, lang, now, address)
    return pressed(sheet.template, sheet.data, sheet.pictures, sheet.at)


def manifest_sheet(load: Load, lang: str, now: datetime, address: str) -> Sheet:
    return _Manifest(load, lang, now, address).sheet()


class _Manifest:
    def __init__(self, load: Load, lang: str, now: datetime, address: str) -> None:
        self.load, self.lang, self.now, self.address = load, lang, now, address
        self.w = sayer(lang)
        self.pictures: dict[str, str] = {}
        self.signing = Signing(load, lang, self.pictures)

    def sheet(self) -> Sheet:
        load, w, m = self.load, self.w, self.load.manifest
        number, state, t = shown(m.number), state_words(load.story.state, self.lang), when(self.now)
        project = load.facts.project
        data = frame(self.lang, w("manifest"), plain(w("manifest_foot", number=number, state=state, t=t)))
        data |= {
            "subtitle": plain(w("manifest_sub", project=joined([project.code, project.name], self.lang, "space") if project else "")),
            "number": plain(number), "state": {"text": state, "alert": load.story.state in ALERT or bool(load.story.open)},
            "printed": w("printed", t=t), "public": self.signing.public(self.address), "open": self._open(),
            "parts": [self._sender(), self._carrier(), self._receiver(), self._supervisor()],
            "signatures": self.signing.table(), **self.signing.chain(),
        }  # fmt: skip
        return Sheet("manifest", data, self.pictures, self.now, f"{w('manifest')} {m.number}")

    def _open(self) -> dict[str, Any]:
        found = self.load.story.open
        items = [f"{n}. {plain(q.zh if self.lang == 'zh' else q.en, 600)}" for n, q in enumerate(found, 1)]
        return {"title": self.w("open_title", n=len(items)), "items": items}

    # --- parts -------------------------------------------------------------------------------------------------------

    def _cell(self, words: str, text: object, tone: str = "", none: str = "") -> Cell:
        return cell(words, text, self.lang, tone, none=none)

    def _said(self, name: str, text: object = None) -> Cell:
        """A field of the manifest; of one known only from a code it is not empty, only not here."""
        m = self.load.manifest
        none = "" if self.load.recorded else self.w("not_here")
        return self._cell(label(Manifest, name, self.lang), getattr(m, name) if text is None else text, none=none)

    def _told(self, words: str, leg: ManifestLeg | None, text: object, tone: str = "") -> Cell:
        """What a leg says: perhaps it has not come, or is known only from a code."""
        none = "no_leg" if leg is None else self.load.not_told(leg)
        return self._cell(words, text if leg else None, tone, self.w(none))

    def _part(self, who: str, rows: list[list[Cell]], legs: tuple[str, ...]) -> dict[str, Any]:
        return {"title": self.w(f"part_{who}"), "rows": rows, "signs": self.signing.hands(who, legs)}

    def _sender(self) -> dict[str, Any]:
        load, w, m, lot, plan = self.load, self.w, self.load.manifest, self.load.lot, self.load.plan
        issued = load.leg("issued")
        code = (
            joined([lot.code, coded(SoilLot, "kind", lot.kind, self.lang)], self.lang, "comma")
            if lot
            else w("not_here")
        )
        rows = [
            [self._cell(label(TransferPlan, "consignor_id", self.lang), load.name_of(plan.consignor_id) if plan else w("not_here"), "strong")],
            *paired([
                self._cell(label(TransferPlan, "site_id", self.lang), joined([load.site.name, load.site.code], self.lang, "comma") if load.site else None),
                self._cell(label(Manifest, "plan_id", self.lang), w("plan_v", code=plan.code, v=plan.version) if plan else w("not_here")),
                self._cell(label(Manifest, "lot_id", self.lang), code),
                self._cell(label(SoilLot, "hazard", self.lang), coded(SoilLot, "hazard", lot.hazard, self.lang) if lot else None),
            ]),
            [self._cell(label(SoilLot, "contaminants", self.lang), lot.contaminants if lot else None)],
            *paired([
                self._said("loading_place"),
                self._cell(label(Manifest, "cover", self.lang), coded(Manifest, "cover", m.cover, self.lang)),
                self._told(w("out_weight"), issued, self._weight(load.weighed_out, "out"), "strong"),
                self._told(w("ticket"), issued, self._tickets(load.weighed_out)),
                self._cell(w("volume"), self._volume()),
                self._cell(w("issued_at"), when(issued.at if issued else m.issued_at)),
            ]),
        ]  # fmt: skip
        return self._part("sender", rows, ("issued",))

    def _carrier(self) -> dict[str, Any]:
        load, w, v, entry_ = self.load, self.w, self.load.vehicle, self.load.entry
        permit = (
            joined(
                [
                    v.transport_permit or "",
                    f"{label(Vehicle, 'permit_to', self.lang)} {day(v.permit_to)}" if v.permit_to else "",
                ],
                self.lang,
                "semi",
            )
            if v
            else None
        )
        route = None
        if entry_:
            route = (
                w("route_of", km=figure(entry_.route_km), min=entry_.route_min)
                if entry_.route_km is not None
                else w("route_min", min=entry_.route_min)
            )
        stops = [
            f"{coded(ManifestLeg, 'kind', s.kind, self.lang)} {when(s.at)}"
            for s in load.legs
            if s.kind in ("waypoint", "relay")
        ]
        kind = coded(Vehicle, "vehicle_class", v.vehicle_class, self.lang) if v else ""
        rows = paired([
            self._cell(w("carrier"), load.name_of(v.carrier_id) if v else w("not_here"), "strong"),
            self._cell(w("vehicle"), joined([load.plate, kind], self.lang, "comma"), "strong"),
            self._cell(label(Vehicle, "transport_permit", self.lang), permit),
            self._cell(label(Vehicle, "gps_terminal", self.lang), v.gps_terminal if v else None),
            self._said("driver_name"),
            self._said("driver_phone"),
            self._said("licence_no"),
            self._told(w("departed_at"), leg := load.leg("departed"), leg and when(leg.at)),
            self._cell(w("route"), route),
            self._cell(w("on_the_way"), joined(stops, self.lang, "semi")) if stops else None,
        ])  # fmt: skip
        return self._part("carrier", rows, ("departed",))

    def _receiver(self) -> dict[str, Any]:
        load, w, m, plan_entry = self.load, self.w, self.load.manifest, self.load.entry
        taken, back = load.leg(*TAKEN), load.leg(*BACK)
        ended = taken or back
        at_words = "received_at" if back is None or taken else f"{back.kind}_at"
        diff, tone = self._difference()
        rows = paired([
            self._cell(label(Manifest, "receiver_id", self.lang), load.name_of(m.receiver_id) or w("not_here"), "strong"),
            self._said("receiver_place"),
            self._cell(label(Receiver, "way", self.lang), coded(Receiver, "way", plan_entry.way, self.lang) if plan_entry else None),
            self._cell(label(Receiver, "permit_no", self.lang), plan_entry.permit_no if plan_entry else None),
            self._told(w("arrived_at"), leg := load.leg("arrived"), leg and when(leg.at)),
            self._told(w(at_words), ended, ended and when(ended.at)),
            self._told(w("in_weight"), taken, self._weight(load.weighed_in, "in"), "strong"),
            self._told(w("ticket"), taken, self._tickets(load.weighed_in)),
            self._told(label(ManifestLeg, "received_t", self.lang), taken, taken and figure(taken.received_t, "t")),
            self._cell(w("difference"), diff, tone),
            self._told(label(ManifestLeg, "heap", self.lang), taken, taken and taken.heap),
            self._cell(w("disposal"), self._disposed(), none=w("dispose_by", t=day(due)) if (due := load.dispose_by) else w("not_disposed")),
        ])  # fmt: skip
        if ended and (ended.problem or ended.problem_text):
            said = joined(
                [coded(ManifestLeg, "problem", ended.problem, self.lang), ended.problem_text or ""], self.lang, "semi"
            )
            rows.append([self._cell(label(ManifestLeg, "problem", self.lang), said, "alert")])
        if ended and ended.reported_at:
            rows.append([self._cell(label(ManifestLeg, "reported_at", self.lang), when(ended.reported_at))])
        return self._part("receiver", rows, (*TAKEN, *BACK))

    def _supervisor(self) -> dict[str, Any]:
        load, w, plan = self.load, self.w, self.load.plan
        seen: bool | None = load.manifest.supervised  # None: known only from a code
        rows = paired([
            self._cell(label(TransferPlan, "supervisor_id", self.lang), load.name_of(plan.supervisor_id) if plan else None, "strong"),
            self._cell(w("supervised"), w("unknown" if seen is None else "yes" if seen else "no"), "alert" if seen is False else ""),
        ])  # fmt: skip
        rows.append(
            [
                self._cell(
                    w("filing"),
                    joined(map(self._filing, plan.filings), self.lang, "semi")
                    if plan and plan.filings
                    else w("no_filings"),
                )
            ]
        )
        rows.append([self._cell(w("photos"), self._photos(), none=w("photos_none"))])
        return self._part("supervisor", rows, ())

    def _photos(self) -> str | None:
        """How many of what; the pictures themselves are in the electronic record."""
        photos, here = self.load.photos, self.load.facts.stored_blobs or frozenset()
        steps = Counter(coded(Photo, "step", p.step, self.lang) for p in photos)
        said = joined((self.w("photo_n", step=step, n=n) for step, n in steps.items()), self.lang)
        return (
            self.w("photos_of", n=len(photos), steps=said, here=sum(p.sha256 in here for p in photos))
            if photos
            else None
        )

    def _filing(self, filing: Filing) -> str:
        side, who = coded(Filing, "side", filing.side, self.lang), self.load.name_of(filing.authority_id)
        if filing.accepted_at is None:
            return self.w("filed_no", side=side, authority=who)
        return self.w("filed", side=side, authority=who, no=filing.receipt_no or "", t=when(filing.accepted_at))

    # --- figures -----------------------------------------------------------------------------------------------------

    def _weight(self, found: Weighed | None, side: str) -> str | None:
        if found:
            return self.w("weight", gross=figure(found.gross), tare=figure(found.tare), net=figure(found.net))
        net = self.load.trip.net_out_t if side == "out" else self.load.trip.net_in_t
        return self.w("net_only", net=figure(net)) if net is not None else None

    def _tickets(self, found: Weighed | None) -> str | None:
        return joined(found.tickets, self.lang) if found else None

    def _volume(self) -> str:
        if self.load.trip.net_out_t is None:
            return self.w("no_weight")
        m3, lot = self.load.volume_m3, self.load.lot
        return self.w("volume_of", m3=m3, density=lot.density_t_m3) if m3 is not None and lot else self.w("no_density")

    def _difference(self) -> tuple[str, str]:
        """In less out, as the two weighings say."""
        trip, w, d, excess = self.load.trip, self.w, self.load.difference_t, self.load.of.excess
        if d is None:
            gone = [w(key) for key, t in (("net_out", trip.net_out_t), ("net_in", trip.net_in_t)) if t is None]
            return w("diff_unknown", what=joined(gone, self.lang)), "missing"
        p = with_sign(round(d / trip.net_out_t * 100, 1)) if trip.net_out_t else "—"
        return w(
            "beyond" if excess else "within", d=with_sign(d), p=p, a=figure(self.load.allowed_t)
        ), "alert" if excess else ""

    def _disposed(self) -> str | None:
        said = []
        for record in self.load.disposals:
            span = (
                self.w("span", a=day(record.from_date), b=day(record.to_date))
                if record.to_date
                else self.w("until_now", t=day(record.from_date))
            )
            said.append(self.w("disposal_of", way=coded(DisposalRecord, "way", record.way, self.lang), when=span))
        if not said and (leg := self.load.leg("disposed")):
            said.append(when(leg.at))
        return joined(said, self.lang, "semi") or None
