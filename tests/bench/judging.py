"""Judging a project, measured whole: its records read afresh out of a server's database, then checked by every rule.

The project is made here and seeded: a plan, its points and targets, and what a site writes about them, in shares a
detailed survey with removal of soil has. Of a hundred records about 47 are readings, 14 containers, 8 samples, 8 soil
layers, 6 planned targets, 6 photos, 2 each planned points, visits and boreholes, 4 loads and their legs; the rest are
calibrations, duplicates, adjustments. A few in a hundred of everything are wrong in some way: there is something to find.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from schemas.records import TYPES
from sync_server.facts import FactsReader
from sync_server.main import build
from sync_server.settings import Settings
from sync_server.store import Stored
from tests.bench.figures import Figure, Figures, figure, median
from tests.bench.generate import CHINA, WORDS, Values
from tests.bench.outside import peak_mb

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"reconcile_100k": 100_000, "reconcile_1m": 1_000_000}
LEAST_OF_A_POINT = 46  # records: so many points are made, and the last ones left out
NOW = datetime(2026, 11, 21, 18, tzinfo=CHINA)
BEGAN = datetime(2026, 11, 2, 7, 30, tzinfo=CHINA)
DAYS, PER_TEAM_DAY = 18, 12
DEPTHS = (("0", "0.5", "surface"), ("1.5", "2.0", "fixed"), ("3.0", "3.5", "fixed"), ("5.0", "5.5", "hole_bottom"))
PICKED = ("surface", "xrf_max", "layer", "bottom")
# element → median mg/kg of a site in use for long; a lognormal spread puts a few in a hundred above the limit
MEDIAN = {"As": 12, "Pb": 45, "Cu": 60, "Ni": 35, "Zn": 120, "Cr": 80}
LON, LAT, M_LON, M_LAT = 118.75, 31.95, 94_500.0, 110_850.0  # metres per degree there, near enough
# type → audience of its scope; a photo here is about a point
AUDIENCE = {t: str(cls.about.audience.value).replace("subject", "field") for t, cls in TYPES.items()}
Made = tuple[str, str, Values]  # type, id, values


class Site:
    """One project's records, points one after another, each with all that hangs on it; parents first."""

    def __init__(self, org: str, seed: int) -> None:
        self.rng, self.org = random.Random(seed), org
        self.ms = int(BEGAN.timestamp() * 1000)

    def id(self) -> str:
        """UUIDv7s of one after another, as devices make them."""
        self.ms += 977
        ms, x = f"{self.ms:012x}", f"{self.rng.getrandbits(74):019x}"
        return f"{ms[:8]}-{ms[8:]}-7{x[:3]}-a{x[3:6]}-{x[6:18]}"

    def number(self, low: float, high: float, places: int) -> str:
        return f"{self.rng.uniform(low, high):.{places}f}"

    def words(self, n: int) -> str:
        return "，".join(self.rng.choices(WORDS, k=n))

    def often(self, share: float) -> bool:
        return self.rng.random() < share

    def place(self, east: float, north: float) -> dict[str, str]:
        return {"lon": f"{LON + east / M_LON:.7f}", "lat": f"{LAT + north / M_LAT:.7f}"}

    def fix(self, east: float, north: float, at: str) -> Values:
        how = {"fix_kind": "rtk_fixed", "h_acc_m": self.number(0.01, 0.05, 2)}
        if self.often(0.15):
            how = {"fix_kind": "single", "h_acc_m": self.number(1, 6, 2)}
        return {**self.place(east, north), **how, "fix_count": 10, "fix_age_s": self.number(0, 3, 1), "at": at}

    def records(self, points: int) -> Iterator[Made]:
        """About 48 for each point. Teams, instruments and trucks grow with the points: a day stays a day."""
        org = self.org
        self.teams = max(1, points // (DAYS * PER_TEAM_DAY))
        self.people = [self.id() for _ in range(2 * self.teams)]
        yield from (
            ("person", p, {"org_id": org, "duties": ["sampler"], "name": f"员{n}"}) for n, p in enumerate(self.people)
        )
        self.site, self.plan = self.id(), self.id()
        side = 12.0 * (int(points**0.5) + 2)
        corners = ((-12, -12), (side, -12), (side, side), (-12, side), (-12, -12))
        ring = [[p["lon"], p["lat"]] for p in (self.place(x, y) for x, y in corners)]
        yield "site", self.site, {
            "code": "S", "name": "地块", "status": "remediation", "land_use": "r2", "standard": "gb36600_2",
            "gw_standard": "gbt14848_4", "boundary": {"rings": [ring]}, "area_m2": f"{(side + 12) ** 2:.1f}",
        }  # fmt: skip
        yield "plan", self.plan, {
            "code": "P", "version": 1, "title": "方案", "stage": "detailed", "author_id": org, "suspect_area_m2": "9000.0",
        }  # fmt: skip
        self.zones = [self.id() for _ in range(12)]
        for n, zone in enumerate(self.zones):
            yield (
                "plan_zone",
                zone,
                {"plan_id": self.plan, "code": f"Z{n}", "kind": "suspect", "boundary": {"rings": [ring]}},
            )
        self.instruments = [self.id() for _ in range(self.teams)]
        for n, xrf in enumerate(self.instruments):
            yield (
                "instrument",
                xrf,
                {"code": f"X{n}", "kind": "xrf", "model": "Vanta", "serial_no": f"{n}", "org_id": org},
            )
            for day in range(DAYS + 1):
                if not self.often(0.03):  # a forgotten morning now and then
                    yield self.calibration(xrf, n, day)
        yield from self.transfer(points)
        wide = int(points**0.5) + 1
        for n in range(points):
            yield from self.point(n, 12.0 * (n % wide), 12.0 * (n // wide))

    def calibration(self, xrf: str, team: int, day: int) -> Made:
        result = "failed" if self.often(0.02) else "passed"
        span = {
            "kind": "crm",
            "standard": "SRM 2711a",
            "analyte": "Pb",
            "reading": self.number(1380, 1420, 1),
            "unit": "mg_kg",
            "result": result,
        }
        at = BEGAN + timedelta(days=day, minutes=self.rng.randint(-20, 20))
        return "calibration", self.id(), {
            "instrument_id": xrf, "at": at.isoformat(), "person_id": self.people[2 * team], "points": [span], "result": result,
        }  # fmt: skip

    def point(self, n: int, east: float, north: float) -> Iterator[Made]:
        rng, planned, code = self.rng, self.id(), f"S{n + 1:05d}"
        yield "planned_point", planned, {
            "plan_id": self.plan, "zone_id": rng.choice(self.zones), "code": code, "role": "soil", "origin": "plan",
            "position": {**self.place(east, north), "source_epsg": 4490}, "order_no": n + 1, "target_depth_m": "5.50",
            **({} if self.often(0.02) else {"reason": self.words(3)}),
        }  # fmt: skip
        targets = [self.id() for _ in DEPTHS[:-1]]
        for target, (top, bottom, rule) in zip(targets, DEPTHS, strict=False):
            yield "planned_target", target, {
                "planned_point_id": planned, "medium": "soil", "rule": rule, "depth_top_m": top, "depth_bottom_m": bottom,
                "groups": ["metal", "hg", "voc"] if rule != "surface" else ["metal", "hg"],
            }  # fmt: skip
        if self.often(0.05):  # not done yet
            return
        team, day = n % self.teams, n // self.teams // PER_TEAM_DAY
        start = BEGAN + timedelta(days=day, minutes=30 + 45 * (n // self.teams % PER_TEAM_DAY) + rng.randint(0, 8))
        times = [(start + timedelta(minutes=m)).isoformat() for m in range(0, 40, 2)]
        visit, crew = self.id(), self.people[2 * team : 2 * team + 2]
        away = rng.lognormvariate(-1.2, 1.3)  # metres: a median of 0.3, a few beyond 5
        yield "point", visit, {
            "planned_point_id": planned, "code": code, "site_id": self.site, "outcome": "partial" if self.often(0.03) else "done",
            "position": self.fix(east + away, north, times[0]), "weather": rng.choice(["sunny", "cloudy", "overcast"]),
            "air_temp_c": self.number(-5, 38, 1), "surface_kind": self.words(2), "samplers": crew, "started_at": times[0],
            "ended_at": times[-1], "note": self.words(rng.randint(2, 9)),
            **({"reason": "utility"} if self.often(0.02) else {}),
        }  # fmt: skip
        if away > 5 and self.often(0.6):
            yield "point_adjustment", self.id(), {
                "planned_point_id": planned, "kind": "shift", "reason": "utility", "reason_text": self.words(4),
                "decision": "approved", "decided_by": crew[0], "decided_at": (start - timedelta(hours=1)).isoformat(),
            }  # fmt: skip
        hole = self.id()
        yield "borehole", hole, {
            "point_id": visit, "code": f"K{n + 1:05d}", "rig": "Geoprobe 7822DT", "method": "direct_push", "diameter_mm": "83",
            "casing": True, "opened_at": times[1], "depth_m": self.number(5.2, 6.5, 2), "end_reason": "target",
            "lead_id": crew[1], "recorder_id": crew[0], "note": self.words(4),
        }  # fmt: skip
        tops = [0.0, *sorted(rng.uniform(0.3, 5) for _ in range(3)), 5.5]
        for k in range(4):
            yield "soil_layer", self.id(), {
                "borehole_id": hole, "layer_no": k + 1, "top_m": f"{tops[k]:.2f}", "bottom_m": f"{tops[k + 1] + 0.01:.2f}",
                "odour": "none", "sign_text": self.words(3), "note": self.words(rng.randint(4, 12)),
            }  # fmt: skip
        for step in ("point_before", "core_box", "restored"):
            if not self.often(0.02):
                yield "photo", self.id(), {
                    "sha256": f"{rng.getrandbits(256):064x}", "step": step, "subject_kind": "point", "subject_id": visit,
                    "taken_at": times[2], "source": "app_camera", "bytes": rng.randint(10**6, 4 * 10**6),
                    "position": self.fix(east, north, times[2]),
                }  # fmt: skip
        yield from self.readings(hole, self.instruments[team], times)
        yield from self.samples(n, visit, hole, targets, crew, start, times)

    def readings(self, hole: str, xrf: str, times: list[str]) -> Iterator[Made]:
        rng = self.rng
        for k, (top, bottom, _) in enumerate(DEPTHS):
            live, wet = self.number(28, 120, 1), str(rng.randint(5, 22))
            for element, usual in MEDIAN.items():
                value = f"{rng.lognormvariate(0, 0.8) * usual:.4f}"
                result = (
                    {"qualifier": "nd", "lod": self.number(1, 9, 2)}
                    if self.often(0.06)
                    else {"qualifier": "eq", "value": value}
                )
                yield "field_reading", self.id(), {
                    "borehole_id": hole, "method": "xrf", "instrument_id": xrf, "parameter": element, "depth_top_m": top,
                    "depth_bottom_m": bottom, "unit": "mg_kg", **result, "sigma_1s": self.number(0.1, 9, 4), "live_time_s": live,
                    "moisture_pct": wet, "repeat_no": 1, "at": times[3 + k], "entry_way": "file", "source_row": rng.randint(1, 99999),
                    "raw_text": f"{rng.getrandbits(80):020x} {element} {value}",
                }  # fmt: skip

    def samples(
        self, n: int, visit: str, hole: str, targets: list[str], crew: list[str], start: datetime, times: list[str]
    ) -> Iterator[Made]:
        rng, first = self.rng, ""
        pairs = [(k, *DEPTHS[k]) for k in range(4)] + ([(0, *DEPTHS[0])] if self.often(0.2) else [])
        for i, (k, top, bottom, _) in enumerate(pairs):
            sample, twin = self.id(), i == 4
            first = first or sample
            if self.often(0.01):  # left out
                continue
            groups = ["metal", "hg", "voc"] if k else ["metal", "hg"]
            values: Values = {
                "code": f"S{n + 1:05d}-{i}", "kind": "field_duplicate" if twin else "ordinary", "medium": "soil", "point_id": visit,
                "borehole_id": hole, "depth_top_m": top, "depth_bottom_m": bottom, "pick_reason": PICKED[k], "groups": groups,
                "collected_at": times[10 + i], "collected_by": crew[:1], "recorder_id": crew[1], "batch": f"{start:%Y%m%d}-{n % self.teams}",
                "soil_tool": "shovel_wood", "appearance": "normal", "label_checked": True, "note": self.words(rng.randint(2, 6)),
            }  # fmt: skip
            yield "sample", sample, values if k == 3 else {**values, "target_id": targets[k]}
            if twin and not self.often(0.05):
                yield (
                    "qc_link",
                    self.id(),
                    {"qc_sample_id": sample, "kind": "field_duplicate", "original_id": first, "batch": "1"},
                )
            yield "sample_container", self.id(), {
                "code": f"S{n + 1:05d}-{i}-1", "sample_id": sample, "type": "jar250_b", "volume_ml": "250",
                "amount": self.number(115, 300, 1), "preservative": "none", "groups": ["metal", "hg"], "cold": not self.often(0.01),
                "state": self.state(start), "seal_no": f"F{rng.getrandbits(32):08x}",
            }  # fmt: skip
            if "voc" in groups and not self.often(0.02):
                yield "sample_container", self.id(), {
                    "code": f"S{n + 1:05d}-{i}-2", "sample_id": sample, "type": "v40_meoh", "volume_ml": "40", "amount": "5.0",
                    "preservative": "meoh", "groups": ["voc"], "cold": True, "state": self.state(start),
                }  # fmt: skip

    def state(self, taken: datetime) -> str:
        """Most are at the laboratory after three days."""
        if NOW - taken < timedelta(days=3) or self.often(0.01):
            return self.rng.choice(["filled", "packed"])
        return "received"

    def transfer(self, points: int) -> Iterator[Made]:
        """A load for every third point, each with five legs."""
        rng, org, count = self.rng, self.org, points // 3
        kiln, plan, lot = self.id(), self.id(), self.id()
        trucks = [self.id() for _ in range(max(2, count // 60))]
        yield "soil_lot", lot, {"code": "L1", "kind": "pit"}
        for n, truck in enumerate(trucks):
            yield (
                "vehicle",
                truck,
                {"plate": f"苏A{n:05d}", "vehicle_class": "t4_31", "carrier_id": org, "tare_ref_t": "15.200"},
            )
        start = BEGAN - timedelta(days=20)
        yield "transfer_plan", plan, {
            "code": "ZY1", "version": 1, "site_id": self.site, "consignor_id": org, "lots": [lot], "mass_t": f"{count * 15}.0",
            "volume_m3": f"{count * 9}.0", "from_date": "2026-11-01", "to_date": "2026-12-31", "way": "road", "carriers": [org],
            "vehicles": trucks[:300],
            "receivers": [{"org_id": kiln, "site_name": "水泥窑", "position": self.place(20000, 0), "way": "cement_kiln",
                           "permit_no": "1", "capacity_t": "900000.0", "route_min": 70}],
            "filings": [{"authority_id": org, "side": side, "submitted_at": start.isoformat(), "receipt_no": "1",
                         "accepted_at": start.isoformat()} for side in ("origin", "destination")],
        }  # fmt: skip
        for n in range(count):
            manifest, truck = self.id(), trucks[n % len(trucks)]
            out = BEGAN + timedelta(hours=6 * (n // len(trucks)), minutes=rng.randint(0, 50))
            yield "manifest", manifest, {
                "number": f"2026{n:08d}", "plan_id": plan, "lot_id": lot, "vehicle_id": truck, "driver_name": f"司机{n % 200}",
                "driver_phone": "13900000000", "cover": "tarp", "receiver_id": kiln, "receiver_place": "水泥窑",
                "issued_at": out.isoformat(), "supervised": True, "planned_t": "15.000",
            }  # fmt: skip
            gross = rng.uniform(28, 31.2)
            for k, kind in enumerate(("issued", "departed", "waypoint", "arrived", "received")):
                if k == 4 and self.often(0.01):  # still on the road
                    break
                at = (out + timedelta(minutes=(0, 10, 45, 80, 100)[k])).isoformat()
                leg: Values = {"manifest_id": manifest, "kind": kind, "at": at, "who_name": "赵", "org_id": org, "key_id": "k",
                               "signature": f"{rng.getrandbits(128):032x}"}  # fmt: skip
                if kind in ("issued", "received"):
                    lost = rng.uniform(0, 0.9) if kind == "received" and self.often(0.03) else 0.0
                    leg["weight"] = [
                        {
                            "ticket_no": f"{n}",
                            "gross_t": f"{gross - lost:.3f}",
                            "tare_t": self.number(14.9, 15.5, 3),
                            "at": at,
                        }
                    ]
                if kind == "received":
                    leg |= {
                        "position": self.fix(20000 + rng.uniform(0, 150), 0, at),
                        "received_t": f"{gross - 15.2:.3f}",
                    }
                yield "manifest_leg", self.id(), leg


# --- the measurement -------------------------------------------------------------------------------------------------


def reconcile(folder: Path, repeat: int, tell: Callable[[str], None]) -> Figures:
    """reconcile_100k and reconcile_1m: seconds from a process that has just opened the server's database (SQLite) to the
    report of one project in it: every record read and typed, every check run over all of them.

    Each repetition is a process of its own, and the sizes take turns, 100k first and last. `limit_seconds` of 100k is one
    bare pass over the same rows: sqlite3 fetching every cell of every record in order of seq, nothing made of them. Of 1m it
    is ten times the mean of the 100k before and after it, so that a ratio of 1 is linear; `times_100k` is ten times that
    ratio. `peak_mb` is the most memory the process held, `cpu_seconds` what it computed for. What a push leaves beside the
    records is not made, so that reading the journal for clocks that were off is not in it. Raises RuntimeError when not every
    record was judged or two repetitions found different things."""
    (small, count), (large, many) = SIZES.items()
    projects = {name: made(folder / name, rows, tell) for name, rows in SIZES.items()}
    bare: list[float] = []
    runs: dict[str, list[dict[str, Any]]] = {small: [], large: []}

    def judge(name: str) -> None:
        run = _child(folder / name, projects[name])
        runs[name].append(run)
        if run["rows"] != SIZES[name] or run["findings"] != runs[name][0]["findings"]:
            raise RuntimeError(f"{name} did not judge what it should have: {run}")

    for n in range(repeat + 1):
        bare.append(bare_pass(folder / small / "server.db"))
        judge(small)
        if n == repeat:
            break
        judge(large)
        tell(f"{n + 1}/{repeat}: " + ", ".join(f"{name} {of[-1]['seconds']:.1f} s" for name, of in runs.items()))
    around = [r["seconds"] for r in runs[small]]
    limits = [5 * (a + b) for a, b in zip(around, around[1:], strict=False)]
    one, ten = _figure(runs[small], bare, count), _figure(runs[large], limits, many)
    return {small: one, large: {**ten, "times_100k": 10 * ten["ratio"]}}


def _figure(runs: list[dict[str, Any]], limits: list[float], rows: int) -> Figure:
    took = [r["seconds"] for r in runs]
    return figure(
        took, limits, rows, records_per_s=round(rows / median(took)), cpu_seconds=median([r["cpu"] for r in runs]),
        peak_mb=max(r["peak_mb"] for r in runs), findings=runs[0]["findings"],
    )  # fmt: skip


def made(folder: Path, count: int, tell: Callable[[str], None]) -> str:
    """A server in `folder` with one project of `count` records, the organisation's own among them. Returns its id."""
    tell(f"准备 {count} 条 / making {count} records")
    service = build(Settings(data=folder)).service
    org = service.found("测量公司")
    photos = [{"step": step, "least": 1} for step in ("point_before", "core_box", "restored")]
    project = service.add_project({"code": "J", "name": "判断", "stage": "detailed", "client_id": org, "surveyor_id": org,
                                   "photo_rules": photos})  # fmt: skip
    with service.store.reading() as tx:
        seqs = {scope.id: scope.seq for scope in tx.scopes()}
    site = islice(Site(org, 1).records(count // LEAST_OF_A_POINT), count - 2)
    while part := list(islice(site, 10_000)):
        with service.store.writing() as tx:
            tx.put([_stored(org, project, seqs, *one) for one in part], ())
            for scope, seq in seqs.items():
                tx.move_scope(scope, seq, 0)
    service.store.close()
    return project


def _stored(org: str, project: str, seqs: dict[str, int], type: str, id: str, values: Values) -> Stored:
    scope = f"{org if AUDIENCE[type] == 'organisation' else project}.{AUDIENCE[type]}"
    seqs[scope] += 1
    return Stored(type, id, scope, seqs[scope], values)


def _child(folder: Path, project: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.judging", str(folder), project]
    told: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return told


def main(folder: Path, project: str) -> None:
    """In a process of its own; prints a JSON line."""
    reader = FactsReader(build(Settings(data=folder)).service)
    began, cpu = time.perf_counter(), time.process_time()
    seen = reader.report(project, NOW)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    rows = sum(map(len, seen.facts.records.values()))
    findings, peak = len(seen.report.findings), peak_mb(os.getpid())
    print(json.dumps({"seconds": took, "cpu": cpu, "rows": rows, "findings": findings, "peak_mb": peak}))


def bare_pass(database: Path) -> float:
    """Seconds to fetch every cell of every record, a row at a time, in order of seq."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        began = time.perf_counter()
        for type in TYPES:
            for _ in db.execute(f'SELECT * FROM "{type}" ORDER BY scope, seq'):
                pass
        return time.perf_counter() - began


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
