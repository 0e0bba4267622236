"""What makes reconciling fast changes nothing that is found: looked-up limits, shared typed values, sorted readings, areas
asked many times, parents nobody asks for; each against the plain way to the same end, over generated projects."""

from __future__ import annotations

import gc
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.record import Record, _of_any
from schemas.records import TYPES, check
from schemas.records.calibration import Calibration
from schemas.records.field_reading import FieldReading
from schemas.records.sample import Sample
from schemas.records.site import Site as SiteRecord
from schemas.reference import analyte
from schemas.rules import geo
from schemas.rules.limits import convert, judge
from schemas.rules.reconcile import Basis, DeviceSeen, Facts, UnsureClock, run
from schemas.rules.reconcile.facts import _PARENTS
from schemas.rules.reconcile.plain import report_json
from schemas.rules.reconcile.readings import _LONGEST, exceedance, stick_of
from sync_server.resting import RESTING
from tests.bench.judging import NOW, Site
from tests.unit.factory import World, at, record

ORG = "018f1f6e-0000-7000-8000-0000000000a1"
PROJECT = "018f1f6e-0000-7000-8000-0000000000a2"
Rows = list[tuple[str, str, dict[str, Any]]]


def project(seed: int) -> Rows:
    """A small project in which much is wrong, missing, of a newer version or about something deleted."""
    rng = random.Random(seed)
    rows: Rows = [(type, id, dict(values)) for type, id, values in Site(ORG, seed).records(rng.choice((4, 9, 20)))]
    rows.insert(0, ("project", PROJECT, {"code": "J", "name": "J", "stage": "detailed", "surveyor_id": ORG,
                                         "photo_rules": [{"step": "core_box", "least": 1}]}))  # fmt: skip
    ids: dict[str, list[str]] = {}
    for type, id, _ in rows:
        ids.setdefault(type, []).append(id)

    def reading(v: dict[str, Any]) -> None:
        odd: list[dict[str, Any]] = [
            {"unit": rng.choice(("ug_kg", "pct", "other", "ppm_ib", "ph", "of a newer version"))},
            {
                "qualifier": rng.choice(("lt", "gt", "est", "nd", "of a newer version")),
                "lod": rng.choice(("0", "5", "900")),
            },
            {"parameter": rng.choice(("Counts", "Hg", "Cr(VI)", "苯", "pH", "Cd", "V"))},
            {"method": rng.choice(("pid", "test_kit", "of a newer version"))},
            {"borehole_id": None, "sample_id": rng.choice(ids["sample"])},
            {"borehole_id": None, "point_id": rng.choice(ids["point"])},
            {"at": v["at"].replace("+08:00", "Z")},
            {"at": f"2026-11-{rng.randint(1, 20):02d}T{rng.randint(0, 23):02d}:10:00+08:00"},
            {"moisture_pct": "999", "value": None},
            {"instrument_id": rng.choice(ids["instrument"])},
        ]
        v |= rng.choice(odd)

    changes: dict[str, tuple[float, Callable[[dict[str, Any]], Any]]] = {
        "field_reading": (0.25, reading),
        "sample": (0.1, lambda v: v.update(medium=rng.choice(("groundwater", "crop", "of a newer version")), code="same")),
        "sample_container": (0.1, lambda v: v.update(type="canister", groups=["voc", "of a newer version"])),
        "calibration": (0.5, lambda v: v.update(result=rng.choice(("failed", "limited")), valid_hours=rng.choice(("3", "48")))),
        "site": (0.6, lambda v: v.update(standard=rng.choice((None, "gb15618", "gb36600_1", "gbt14848_4", "project_target")),
                                         land_use=rng.choice((None, "paddy", "r1")), ph_band=rng.choice((None, "le55")))),
        "plan_zone": (0.4, lambda v: v.update(boundary=None)),
        "point": (0.2, lambda v: v.update(outcome=rng.choice(("refused", "partial")), planned_point_id=rng.choice((None, *ids["planned_point"])))),
        "manifest_leg": (0.1, lambda v: v.update(kind=rng.choice(("rejected", "voided", "of a newer version")))),
    }  # fmt: skip
    out: Rows = []
    for type, id, values in rows:
        share, change = changes.get(type, (0, lambda _: None))
        if rng.random() < share:
            change(values)
        if rng.random() < 0.02 and type != "project":
            values["deleted"] = True
        out.append((type, id, {k: v for k, v in values.items() if v is not None}))
    return out


def facts_of(rows: Rows, of: Callable[..., Record] | None = None) -> Facts:
    records: dict[str, dict[str, Record]] = {type: {} for type in TYPES}
    for seq, (type, id, values) in enumerate(rows):
        cls = TYPES[type]
        records[type][id] = of(cls, id, values, seq) if of else cls.of(id, values, seq)
    clocks = [UnsureClock(type, id, 400.0) for type, id, _ in rows[::50]]
    devices = [DeviceSeen("d1", "T1", NOW - timedelta(hours=50), 3)]
    return Facts(records, NOW, Basis("server", NOW, 1), devices, clocks, None, PROJECT)


@pytest.fixture(scope="module", params=range(8))
def rows(request: pytest.FixtureRequest) -> Rows:
    return project(request.param)


@pytest.fixture
def facts(rows: Rows) -> Facts:
    return facts_of(rows)


def test_there_is_something_to_compare() -> None:
    found = Counter(f.check for seed in range(8) for f in run(facts_of(project(seed))).findings if f.missing is None)
    assert min(found[check] for check in ("R01", "R02", "R04", "R06", "F05", "F06", "S05", "S11", "F03")) > 2


def test_the_report_of_records_typed_by_pydantic(rows: Rows, facts: Facts) -> None:
    told = report_json(run(facts))
    assert len(told["findings"]) > 20
    by_pydantic = report_json(run(facts_of(rows, _of_any)))
    assert json.dumps(told, ensure_ascii=False) == json.dumps(by_pydantic, ensure_ascii=False)


def test_a_reading_weighs_what_judge_says_of_it(facts: Facts) -> None:
    rank = {"cannot_say": 0, "below": 1, "above_screening": 2, "above_intervention": 3}
    states: Counter[str] = Counter()
    for place in facts.places:
        found, gaps = exceedance(facts, place), 0
        worst: dict[str, tuple[tuple[int, Any], Any]] = {}
        for visit in place.visits:
            site = facts.get(SiteRecord, visit.site_id)
            for r in facts.readings_of(visit.id):
                of = analyte(r.parameter)
                sample = facts.get(Sample, r.sample_id)
                medium = sample.medium if sample else "soil"
                if r.method not in ("xrf", "test_kit") or of is None or medium not in ("soil", "groundwater"):
                    continue
                standard = None if site is None else site.standard if medium == "soil" else site.gw_standard
                if site is None or not standard:
                    gaps += 1
                    continue
                said = judge(
                    r.value, r.qualifier, r.lod, r.unit, of.key, standard, site.land_use, site.ph_band, r.method
                )
                states[said.state] += 1
                if said.reason is not None and said.reason.missing in ("row", "method", "analyte", "text_item"):
                    continue
                gaps += said.reason is not None
                size = r.value if r.value is not None else r.lod or 0
                weight = rank[said.state], convert(size, r.unit, "mg_kg") or size  # type: ignore[arg-type]
                if of.key not in worst or weight > worst[of.key][0]:
                    worst[of.key] = weight, (r.id, said)
        assert gaps == len(found.gaps)
        assert worst.keys() == found.worst.keys()
        for key, (_, (id, said)) in worst.items():
            mine = found.worst[key]
            assert (mine.reading.id, mine.judgement.state, mine.judgement.reason) == (id, said.state, said.reason)
            assert said.state == "below" or mine.judgement == said
    assert sum(states.values()) == 0 or states["below"] or states["cannot_say"]


def test_what_is_plain_to_see_is_what_judge_says() -> None:
    """Every kind of limit there is (none, a range, one by way of a stricter class, by land use and pH) and values on it."""
    names = ("As", "Cd", "Cr", "Cr(VI)", "Hg", "pH", "苯", "硫酸盐", "铁", "肉眼可见物", "氟化物", "Co", "gross_alpha")
    standards = ("gb36600_2", "gb15618", "gbt14848_3", "gbt14848_4", "project_target", "of a newer version")
    uses = (("r1", None), ("r2", "le55"), ("paddy", "le55"), (None, None))
    sites = [record("site", land_use=use, ph_band=band) for use, band in uses]
    ways = (("mg_kg", "xrf"), ("mg_l", "test_kit"), ("ph", "test_kit"), ("bq_l", "test_kit"), ("other", "xrf"))
    plain, always = 0, 0
    for name, standard, site in product(names, standards, sites):
        assert isinstance(site, SiteRecord)
        for unit, method in ways:
            like = record("field_reading", parameter=name, unit=unit, method=method, value=1)
            assert isinstance(like, FieldReading)
            stick = stick_of(like, site, standard)
            assert stick.analyte is not None
            tops = {t for t in (stick.top, stick.action) if t is not None}
            values = [
                None,
                Decimal(0),
                Decimal(-1),
                Decimal("0.4"),
                Decimal("0.6"),
                *(t + d for t in tops for d in (Decimal("-0.1"), 0, Decimal("0.1"))),
            ]
            lods = [None, Decimal(-1), Decimal(0), *tops, *(t + 1 for t in tops)]
            for value, lod, qualifier in product(values, lods, ("eq", "nd", "lt", "gt", "est")):
                one: Any = SimpleNamespace(value=value, lod=lod, qualifier=qualifier)
                said = judge(
                    value, qualifier, lod, unit, stick.analyte.key, standard, site.land_use, site.ph_band, method
                )
                state = stick.state(one)
                assert state is None or state == said.state, one
                plain += state is not None
                if stick.always is not None:
                    assert stick.always == said, one
                    always += 1
                if stick.nothing is not None:
                    assert said.reason is not None and said.reason.missing in ("row", "method", "analyte", "text_item")
    assert plain > 1000 and always > 1000


def test_a_failed_calibration_reaches_back_to_the_passed_one_and_no_further() -> None:
    w = World()
    w.both()
    w.add("instrument", "xrf-1")
    w.add("calibration", "good", at=at("08:00"))
    w.add("calibration", "bad", at=at("12:00"), result="failed")
    for n, clock in enumerate(("07:59", "08:00", "10:00", "11:59", "12:00", "12:01")):
        w.add("field_reading", f"r{n}", point_id="v:S01", at=at(clock))
    (found,) = run(w.facts()).by_check["R02"]
    assert found.figures["n"] == 3


def test_calibrations_cover_the_readings_a_plain_search_finds(facts: Facts) -> None:
    def covered(r: FieldReading) -> bool:
        before = sorted(
            (c for c in facts.alive(Calibration) if c.instrument_id == r.instrument_id and c.at <= r.at),
            key=lambda c: c.at,
        )
        for cal in reversed(before):
            age = r.at - cal.at
            if cal.result == "failed" or age > _LONGEST:
                return False
            if cal.result == "passed" and age <= timedelta(hours=float(cal.valid_hours or 24)):
                return True
        return False

    report, readings = run(facts), facts.alive(FieldReading)
    bare = Counter(r.instrument_id for r in readings if r.method in ("pid", "xrf", "fid", "meter") and not covered(r))
    told = Counter[str]()
    for f in report.by_check["R01"]:
        told[f.subject_id] += f.figures["n"]
    assert told == bare
    for f in report.by_check["R02"]:
        cal = facts.records["calibration"][f.subject_id]
        assert isinstance(cal, Calibration)
        of_it = sorted(
            (c for c in facts.alive(Calibration) if c.instrument_id == cal.instrument_id and c.result != "limited"),
            key=lambda c: c.at,
        )
        last = of_it[[c.id for c in of_it].index(cal.id) - 1]
        assert last.result == "passed"
        hit = [r for r in readings if r.instrument_id == cal.instrument_id and last.at <= r.at < cal.at]
        codes = {facts.code_of("field_reading", r.id) for r in hit}
        assert f.figures["n"] == len(hit) and f.point_code == (codes.pop() if len(codes) == 1 else None)


def test_what_counts_is_what_has_no_dead_parent(facts: Facts) -> None:
    def counts(type: str, record: Record) -> bool:
        parents = _PARENTS.get(type, ())
        if type in ("photo", "comment", "review_decision"):
            parents = (("subject_id", record.subject_kind),)  # type: ignore[attr-defined]
        above = [(p, facts.records.get(p, {}).get(getattr(record, name) or "")) for name, p in parents]
        return not record.deleted and all(parent is None or counts(p, parent) for p, parent in above)

    lost = 0
    for type, cls in TYPES.items():
        plain = [r for r in facts.records[type].values() if counts(type, r)]
        assert facts.alive(cls) == plain
        assert all((facts.get(cls, id) is not None) == counts(type, r) for id, r in facts.records[type].items())
        lost += len(facts.records[type]) - len(plain)
    assert lost > 0


def test_an_area_is_asked_as_its_rings_are() -> None:
    """Against crossings counted edge by edge, around the globe's seam too."""
    rng = random.Random(3)

    def inside(ring: list[list[float]], x: float, y: float) -> bool:
        odd = False
        for (x1, y1), (x2, y2) in zip(ring, ring[1:], strict=False):
            a, b = (x1 - x + 180) % 360 - 180, (x2 - x + 180) % 360 - 180
            if (y1 > y) != (y2 > y) and a + (y - y1) / (y2 - y1) * (b - a) > 0:
                odd = not odd
        return odd

    hits = 0
    for west in (118.8, -0.01, 179.995):
        outer = [[west + rng.uniform(0, 0.02), 32 + rng.uniform(0, 0.02)] for _ in range(9)]
        hole = [[west + 0.009, 32.009], [west + 0.011, 32.009], [west + 0.010, 32.011]]
        rings = [[*outer, outer[0]], [*hole, hole[0]]]
        area = geo.Area(rings)
        for _ in range(400):
            x, y = west + rng.uniform(-0.005, 0.025), 32 + rng.uniform(-0.005, 0.025)
            expected = inside(rings[0], x, y) and not inside(rings[1], x, y)
            assert area.contains(x, y) == geo.contains(rings, x, y) == expected
            hits += expected
        assert area.contains(*outer[0]) and area.contains(*hole[1])  # on a boundary
    assert 50 < hits < 1000
    assert not geo.Area([]).contains(118, 32) and not geo.Area([[]]).contains(118, 32)


def test_distance_and_bearing_are_the_two_of_them() -> None:
    for there in ((118.8, 32.001), (118.7, 32.0), (118.8, 32.0), (-179.9, -33.0)):
        both = geo.distance_and_bearing(118.8, 32.0, *there)
        assert both == (geo.distance_m(118.8, 32.0, *there), geo.bearing_deg(118.8, 32.0, *there))


def test_the_generated_project_is_one_a_server_would_take() -> None:
    kinds: Counter[str] = Counter()
    for type, _, values in Site(ORG, 5).records(40):
        assert check(TYPES[type], values) == [], (type, values)
        kinds[type] += 1
    total = sum(kinds.values())
    assert total > 46 * 40 and kinds["point"] > 30 and kinds["manifest_leg"] > 50
    assert 0.42 < kinds["field_reading"] / total < 0.52


def test_python_looks_for_cycles_again_when_the_last_one_is_done() -> None:
    assert gc.isenabled()
    inside, on = threading.Event(), threading.Event()

    def other() -> None:
        with RESTING:
            inside.set()
            on.wait(10)

    thread = threading.Thread(target=other)
    with pytest.raises(KeyError), RESTING:
        assert not gc.isenabled()
        thread.start()
        inside.wait(10)
        raise KeyError
    assert not gc.isenabled()
    on.set()
    thread.join()
    assert gc.isenabled()
