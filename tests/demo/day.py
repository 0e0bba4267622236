"""One day at the site, played on three tablets and three phones through their real stores, without a network.

By row number i from 1: divisible by 20 never visited; by 17 recorded 6 m east of plan without a reason; by 10, if
visited, a field duplicate too. Event times lie in the nine hours before now; the device clock is the real one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from field_app.clock import CHINA
from field_app.store import Edit, Store
from schemas.reference import analyte
from schemas.rules.geo import offset
from sync_server.plan.rows import read_plan
from sync_server.plan.table import read_table
from tests.demo.seed import PEOPLE, Demo
from tests.demo.trucks import haul
from tests.hauling import STROKES, Phone

HOURS = 9


class Row:
    """A line of the points file: where to go, and what the instrument will show there."""

    def __init__(self, number: int, code: str, lon: str, lat: str, elements: dict[str, str]) -> None:
        self.number, self.code, self.lon, self.lat, self.elements = number, code, lon, lat, elements

    visited = property(lambda self: self.number % 20 != 0)
    shifted = property(lambda self: self.number % 17 == 0)
    duplicate = property(lambda self: self.visited and self.number % 10 == 0)


def read_rows(data: bytes) -> list[Row]:
    """The plan's rows with their `<element>_mg_kg` columns."""
    table = read_table(data)
    names = [cell.strip().lower() for cell in table.header]
    elements = {n: m.group(1) for n, name in enumerate(names) if (m := re.fullmatch(r"(\w+?)_mg_kg", name))}
    shown = {
        line: {e: cells[n].strip() for n, e in elements.items() if n < len(cells) and cells[n].strip()}
        for line, cells in table.rows
    }
    return [Row(i, r.code, r.lon, r.lat, shown[r.line]) for i, r in enumerate(read_plan(data).rows, start=1)]


def reading_of(text: str) -> dict[str, Any]:
    """What the sampler types for a cell: a value, "<5" or ND with its limit, or the raw text when it is neither."""
    less = re.fullmatch(r"<\s*(\d+(?:\.\d+)?)", text)
    if less:
        return {"qualifier": "lt", "lod": _digits(less.group(1))}
    try:
        value = Decimal(text)
        if value.is_finite():
            return {"qualifier": "eq", "value": _digits(text)}
    except InvalidOperation:
        pass
    return {"qualifier": "eq", "raw_text": text[:200]}


def _digits(text: str) -> str:
    """The digits as shown; the record holds four decimals at the most."""
    value = Decimal(text)
    return format(round(value, 4) if -int(value.as_tuple().exponent) > 4 else value, "f")


class Tablet:
    """One tablet with the person who carries it."""

    def __init__(self, number: int, store: Store, demo: Demo, username: str, start: datetime) -> None:
        self.number, self.store, self.demo, self.start = number, store, demo, start
        self.person = demo.people[username]
        self.name = username
        self.rng = random.Random(number)
        self.field, self.transfer = f"{demo.project}.field", f"{demo.project}.transfer"
        self.enforcement = f"{demo.project}.enforcement"
        self.instrument = demo.instruments[number - 1]
        self.batch = f"{start:%y%m%d}A"  # one team, one batch
        plans = store.all("plan", scope=self.field)
        newest = max(plans, key=lambda p: p.values["version"])
        self.planned = {p.values["code"]: p for p in store.all("planned_point", plan_id=newest.id)}
        self.targets = {t.values["planned_point_id"]: t.id for t in store.all("planned_target")}

    def finalize(self, *edits: tuple[str, str, dict[str, Any]]) -> list[str]:
        """(type, scope, values) → the ids, in one transaction on the tablet."""
        made = [Edit(t, self.store.new_id(), s, v) for t, s, v in edits]
        self.store.finalize(made)
        return [e.record for e in made]

    def at(self, minutes: float) -> str:
        return (self.start + timedelta(minutes=minutes)).isoformat(timespec="seconds")

    def fix(self, lon: str, lat: str, minutes: float, east_m: float = 0.0) -> dict[str, Any]:
        """An RTK fix, a few centimetres from where it should be."""
        x, y = offset(float(lon), float(lat), east_m + self.rng.uniform(-0.05, 0.05), self.rng.uniform(-0.05, 0.05))
        return {"lon": f"{x:.7f}", "lat": f"{y:.7f}", "h_acc_m": "0.02", "fix_kind": "rtk_fixed", "fix_count": 10, "fix_age_s": "0.2",
                "mocked": False, "at": self.at(minutes)}  # fmt: skip

    # --- sampling ------------------------------------------------------------------------------------------------

    def calibrate(self) -> None:
        point = {"kind": "crm", "standard": "土壤标准样（示范）", "analyte": "zinc", "nominal": "500", "reading": "492", "unit": "mg_kg",
                 "tolerance": "20", "tolerance_is_pct": True, "result": "passed"}  # fmt: skip
        self.finalize(("calibration", self.field, {"instrument_id": self.instrument, "at": self.at(-20), "person_id": self.person,
                                                   "points": [point], "result": "passed", "valid_hours": "24"}))  # fmt: skip

    def visit(self, row: Row, minutes: float, length: float) -> str:
        """Position, readings, an ordinary sample, and where it is due its duplicate. Returns the visit's id."""
        new, planned = self.store.new_id, self.planned[row.code]
        point, sample = new(), new()
        values: dict[str, Any] = {
            "planned_point_id": planned.id, "code": row.code, "site_id": self.demo.site, "outcome": "done",
            "position": self.fix(row.lon, row.lat, minutes, 6.0 if row.shifted else 0.0), "weather": "cloudy", "surface_kind": "草地",
            "samplers": [self.person], "started_at": self.at(minutes), "ended_at": self.at(minutes + length * 0.8),
        }  # fmt: skip
        edits = [Edit("point", point, self.field, values)]
        for n, (element, text) in enumerate(row.elements.items()):
            known = analyte(element)
            edits.append(Edit("field_reading", new(), self.field, {
                "point_id": point, "method": "xrf", "instrument_id": self.instrument, "parameter": known.key if known else element,
                "depth_top_m": "0", "depth_bottom_m": "0.20", "unit": "mg_kg", "live_time_s": "60",
                "at": self.at(minutes + length * (0.2 + 0.02 * n)), "entry_way": "typed", **reading_of(text),
            }))  # fmt: skip
        edits += self._sample(row, point, sample, "ordinary", minutes + length * 0.5)
        if row.duplicate:
            twin = new()
            edits += self._sample(row, point, twin, "field_duplicate", minutes + length * 0.6)
            edits.append(
                Edit(
                    "qc_link",
                    new(),
                    self.field,
                    {"qc_sample_id": twin, "kind": "field_duplicate", "original_id": sample, "secret": True},
                )
            )
        self.store.finalize(edits)
        return point

    def _sample(self, row: Row, point: str, sample: str, kind: str, minutes: float) -> list[Edit]:
        code = f"DEMO-{row.code}-T000002-{self.store.next_number('sample')}"
        values: dict[str, Any] = {
            "code": code, "kind": kind, "medium": "soil", "point_id": point, "depth_top_m": "0", "depth_bottom_m": "0.20", "groups": ["metal"],
            "collected_at": self.at(minutes), "collected_by": [self.person], "batch": self.batch, "soil_tool": "shovel_wood",
            "appearance": "normal", "label_checked": True,
        }  # fmt: skip
        if kind == "ordinary":
            values |= {"pick_reason": "surface"}
            if target := self.targets.get(self.planned[row.code].id):
                values["target_id"] = target
        box = {"code": f"{code}-C01", "sample_id": sample, "type": "bag_pe", "volume_ml": "500", "amount": "500", "preservative": "none",
               "groups": ["metal"], "cold": True, "state": "filled"}  # fmt: skip
        return [
            Edit("sample", sample, self.field, values),
            Edit("sample_container", self.store.new_id(), self.field, box),
        ]

    # --- trucks --------------------------------------------------------------------------------------------------

    def gate(self) -> Phone:
        """As the dispatcher uses it, where the first point of the plan lies."""
        at = next(iter(self.planned.values())).values["position"]
        return Phone(
            self.store, self.transfer, PEOPLE[self.name][0], self.demo.firms["remediator"], (at["lon"], at["lat"])
        )

    # --- inspections ---------------------------------------------------------------------------------------------

    def _signed(self, role: str, name: str, minutes: float) -> dict[str, Any]:
        return {"role": role, "name": name, "way": "signed", "strokes": STROKES, "signed_at": self.at(minutes)}

    def inspect(self, point: str | None, lon: str, lat: str) -> None:
        """Two inspections with three findings; the first is corrected, re-checked and closed. Without a visited point
        there is no sampling to supervise: both are of enforcement."""
        d = self.demo
        officers = [{"person_id": d.people[u], "name": n, "certificate_no": f"32-示范-{i + 1:03d}", "duty": "inspector"}
                    for i, (u, n) in enumerate((("wujian", "吴建"), ("xujing", "许静")))]  # fmt: skip
        deadline = str((self.start + timedelta(days=15)).date())
        findings: list[str] = []
        for n, (kind, problems) in enumerate((
            ("sampling_supervision" if point else "enforcement", [("点位标识缺失", "general"), ("采样工具未清洗", "severe")]),
            ("enforcement", [("转运公告牌未更新", "general")]),
        ), start=1):  # fmt: skip
            code, minutes = f"JC-{self.start:%Y%m%d}-{n:02d}", 60.0 * n
            values: dict[str, Any] = {
                "code": code, "kind": kind, "checklist_id": d.checklist, "site_id": d.site, "org_id": d.firms["remediator"], "officers": officers,
                "started_at": self.at(minutes), "ended_at": self.at(minutes + 40), "position": self.fix(lon, lat, minutes), "place": "示范地块",
                "verdict": "rectify", "opinion": "按期整改", "measure": "rectify", "deadline": deadline,
                "signatures": [
                    self._signed(role, name, minutes + 40)
                    for role, name in (("inspector", "吴建"), ("inspector", "许静"), ("inspected", "现场负责人"))
                ],
            }  # fmt: skip
            if kind == "sampling_supervision":
                values["point_id"] = point
            else:
                values |= {"body": "现场检查转运出口。", "inspected": [{"name": "现场负责人"}],
                           "notices": [{"kind": k, "read_at": self.at(minutes + 1)} for k in ("show_cert", "right_avoid", "duty_help")]}  # fmt: skip
            (inspection,) = self.finalize(("inspection", self.enforcement, values))
            for m, (text, severity) in enumerate(problems, start=1):
                findings += self.finalize(("finding", self.enforcement, {
                    "code": f"{code}-WT{m:02d}", "inspection_id": inspection, "severity": severity, "kind": "现场管理", "description": text,
                    "basis": "公告2022年第17号 表3-2", "position": self.fix(lon, lat, minutes + 10), "org_id": d.firms["remediator"],
                    "responsible": "现场负责人", "deadline": deadline, "measure": "限期改正",
                }))  # fmt: skip
        self.finalize(("corrective_action", self.enforcement, {
            "finding_id": findings[0], "at": self.at(240), "measure_taken": "已补设点位标识", "done": True, "reported_by": "现场负责人"}))  # fmt: skip
        self.finalize(("recheck", self.enforcement, {
            "finding_id": findings[0], "at": self.at(300), "officers": officers, "result": "closed", "opinion": "已整改到位",
            "position": self.fix(lon, lat, 300),
            "signatures": [{"role": "inspector", "name": o["name"], "way": "signed", "strokes": STROKES, "signed_at": self.at(300)} for o in officers],
        }))  # fmt: skip


def start_of_day(now: datetime) -> datetime:
    return now.astimezone(CHINA) - timedelta(hours=HOURS)


def play(tablets: list[Tablet], rows: list[Row], phones: Mapping[str, Phone]) -> None:
    """The whole day, offline. `phones`: of those who only have to do with trucks (seed.py: PARTIES)."""
    for tablet in tablets:
        tablet.calibrate()
    shares = [[r for r in rows if (r.number - 1) % len(tablets) == n and r.visited] for n in range(len(tablets))]
    inspected: list[tuple[str, Row]] = []  # the first point of each tablet
    for tablet, mine in zip(tablets, shares, strict=True):
        length = (HOURS * 60 - 30) / max(1, len(mine))
        for n, row in enumerate(mine):
            visit = tablet.visit(row, n * length, length)
            inspected += [(visit, row)] if n == 0 else []
    at_gate = tablets[1].gate()
    phones["gate"].where = at_gate.where
    haul(at_gate, phones["gate"], phones["driver"], phones["receiver"], tablets[1].demo, tablets[1].start)
    visit, row = inspected[-1] if inspected else (None, rows[0])
    tablets[2].inspect(visit, row.lon, row.lat)
