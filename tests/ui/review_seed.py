"""What there is to review and to decide, made as it comes about: tablets hand in work, a manager returns some, it comes again,
two tablets change the same thing offline."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx

from sync_server.service import Item, Service, Write
from sync_server.store import Stored
from tests.api.conftest import Device, details, outcomes
from tests.ui.console_seed import NOW, Seeded, at, visited


class Work(NamedTuple):
    seeded: Seeded
    fresh: str  # a visit nobody has reviewed, S18: hole, samples, readings
    again: str  # a visit that was returned and done again, S19
    returned: str  # a visit that is returned still, S25
    own: str  # an adjustment the manager recorded herself
    clash: str  # two depths of one sample, open
    decided: str  # a conflict that was decided
    inspection: str
    samplers: list[Device]


def device_of(service: Service, http: httpx.Client, seeded: Seeded, person: str) -> Device:
    with service.store.reading() as tx:
        epoch = tx.setting("epoch")
    server: Any = SimpleNamespace(service=service, http=http, clock=lambda: NOW, new_id=service.new_id, field=seeded.field, epoch=epoch,
                                  pm=seeded.people["xujing"])  # fmt: skip
    return Device(server, person)


def work(service: Service, http: httpx.Client, seeded: Seeded) -> Work:
    new, field = service.new_id, seeded.field
    zhou, xu = seeded.people["zhoulan"], seeded.people["xujing"]
    site, xrf = service.records("site", field)[0].id, service.records("instrument", seeded.org + ".organisation")[0].id
    one, two = (device_of(service, http, seeded, zhou) for _ in range(2))
    inspector = device_of(service, http, seeded, seeded.people["wang"])

    def change(
        d: Device, type: str, values: dict[str, Any], id: str, before: Any = None, wall: str = at(40), **more: Any
    ) -> bytes:
        made = {"wall": wall, "mono_ms": 1, "server_offset_ms": -2000}
        return d.change(type, values, id, before, made_at=made, **more)

    def sent(d: Device, lines: list[bytes], scope: str | None = None) -> list[dict[str, Any]]:
        answer = d.push(lines, scope)
        assert set(outcomes(answer)) <= {"applied", "conflict"}, answer.text
        return details(answer)

    ids: dict[str, str] = {}
    for code, x, y in (("S18", 50.2, 30.2), ("S19", 0.3, 20.2), ("S25", 0.2, 10.3)):
        point, hole = ids.setdefault(code, new()), new()
        lon, lat = 119.452, 32.2087
        where = {"lon": f"{lon + x / 94300:.7f}", "lat": f"{lat + y / 111320:.7f}"}
        lines = [change(one, "point", {**visited(zhou, site, code, where, 90), "planned_point_id": seeded.planned[code]}, point),
                 change(one, "borehole", {"point_id": point, "code": f"{code}-1", "opened_at": at(88), "ended_at": at(60), "depth_m": "6.0",
                                          "end_reason": "target", "first_water_m": "3.2"}, hole)]  # fmt: skip
        for n, (top, bottom, soil) in enumerate(
            (
                ("0", "0.6", "misc_fill"),
                ("0.6", "2.1", "silty_clay"),
                ("2.1", "4.4", "clay"),
                ("4.4", "6.0", "fine_sand"),
            )
        ):
            layer = {"borehole_id": hole, "layer_no": n + 1, "top_m": top, "bottom_m": bottom}
            lines.append(change(one, "soil_layer", layer | {"texture": soil}, new()))
        for n, (top, bottom) in enumerate((("0", "0.5"), ("1.5", "2.0"))):
            lines.append(change(one, "sample", {
                "code": f"HX-{code}-{n + 1}", "kind": "ordinary", "medium": "soil", "point_id": point, "borehole_id": hole, "depth_top_m": top,
                "depth_bottom_m": bottom, "pick_reason": "surface" if n == 0 else "xrf_max", "groups": ["metal"], "collected_at": at(80),
                "collected_by": [zhou], "batch": "B1"}, ids.setdefault(f"{code}-{n + 1}", new())))  # fmt: skip
        for depth, value in (
            ("0.5", "118"),
            ("1.0", "164"),
            ("1.5", "391" if code == "S18" else "96"),
            ("2.0", "41"),
            ("3.0", "38"),
        ):
            lines.append(change(one, "field_reading", {
                "borehole_id": hole, "method": "xrf", "instrument_id": xrf, "parameter": "Ni", "depth_top_m": depth, "value": value,
                "qualifier": "eq", "unit": "mg_kg", "at": at(70), "entry_way": "typed", "live_time_s": "60"}, new()))  # fmt: skip
        sent(one, lines)

    def point(code: str) -> Stored:
        return next(s for s in service.records("point", field) if s.id == ids[code])

    for code, reason in (("S19", "标牌看不清编号，补照片"), ("S25", "复测：1.5 m 的读数与上下差太多")):
        told = service.review(xu, [Item("point", ids[code], point(code).seq)], "back", reason)
        assert not told.refused, told
    sent(one, [change(one, "point", {"note": "标牌重拍了"}, ids["S19"], {"note": None}, at(12))])

    adjustment = new()
    service.write(xu, [Write("point_adjustment", adjustment, field, {
        "planned_point_id": seeded.planned["S12"], "kind": "shift", "reason": "utility", "reason_text": "地下管线", "decision": "pending"})])  # fmt: skip

    # two tablets without network, one after the other
    sample = ids["S18-2"]
    sent(two, [change(two, "sample", {"depth_bottom_m": "1.8"}, sample, {"depth_bottom_m": "2.0"}, at(34))])
    sent(
        one,
        [
            change(
                one,
                "sample",
                {"depth_bottom_m": "2.1", "note": "加深"},
                sample,
                {"depth_bottom_m": "2.0", "note": None},
                at(24),
            )
        ],
    )
    hole = ids["S18"]
    sent(two, [change(two, "point", {"wind": "南"}, hole, {"wind": None}, at(30))])
    sent(one, [change(one, "point", {"wind": "东"}, hole, {"wind": None}, at(22))])
    found = {c.values["subject_id"]: c.id for c in service.records("conflict", field)}
    service.resolve(xu, found[hole], "keep_now", "现场照片里旗子向北飘")
    inspection = new()
    enforcement = f"{seeded.project}.enforcement"
    sent(inspector, [change(inspector, "inspection", {
        "code": "J-2026-01", "kind": "patrol", "site_id": site, "org_id": seeded.org, "started_at": at(200),
        "officers": [{"person_id": seeded.people["wang"], "name": "王工", "duty": "inspector"}]}, inspection, scope=enforcement)], enforcement)  # fmt: skip
    return Work(
        seeded, ids["S18"], ids["S19"], ids["S25"], adjustment, found[sample], found[hole], inspection, [one, two]
    )
