"""console_seed's project on its worst day: readings and layers by depth, a load that never arrived, a conflict, photos that have
not come, and a plan that asks for more than was taken. Names are what the console's room `overview` is looked at with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sync_server.service import Service, Write
from sync_server.store import Stored
from tests.ui.console_seed import NOW, Seeded, at, pos, seed

# point → nickel (mg/kg) by depth (m): two above the intervention value of 600, more above the screening value of 150
PROFILES: dict[str, tuple[tuple[str, str], ...]] = {
    "S07": (("0.50", "118"), ("1.00", "164"), ("2.50", "391"), ("3.00", "208"), ("4.00", "96"), ("5.50", "41")),
    "S14": (("0.50", "97"), ("1.00", "205"), ("2.50", "820"), ("3.00", "176"), ("4.00", "33")),
    "S03": (("0.50", "22"), ("1.00", "140"), ("2.50", "173"), ("3.00", "88")),
    "S05": (("0.50", "31"), ("1.00", "44"), ("2.50", "60"), ("3.00", "12")),
    "S09": (("0.50", "77"), ("1.00", "24"), ("2.50", "19"), ("3.00", "9")),
}
LAYERS = (
    ("0", "0.60", "misc_fill"),
    ("0.60", "2.10", "plain_fill"),
    ("2.10", "4.40", "silty_clay"),
    ("4.40", "6.00", "silt"),
)
LOST = "2026 3211 000416"


def overview(service: Service, auth: Any, **more: Any) -> Seeded:
    """The seeded project with all that on top."""
    seeded = seed(service, auth, **more)
    _depths(service, seeded)
    _plan(service, seeded)
    _loads(service, seeded)
    _asks(service, seeded)
    return seeded


def fill(parts: Any) -> Seeded:
    return overview(parts.service, parts.auth)


def _holes(service: Service, seeded: Seeded) -> dict[str, Stored]:
    """Borehole by the code of its point."""
    return {str(s.values["code"]).removesuffix("-1"): s for s in service.records("borehole", seeded.field)}


def _depths(service: Service, seeded: Seeded) -> None:
    new, holes = service.new_id, _holes(service, seeded)
    xrf = service.records("instrument", f"{seeded.org}.organisation")[0].id
    writes = []
    for code, profile in PROFILES.items():
        hole = holes[code].id
        for n, (top, bottom, texture) in enumerate(LAYERS, start=1):
            writes.append(Write("soil_layer", new(), seeded.field, {
                "borehole_id": hole, "layer_no": n, "top_m": top, "bottom_m": bottom, "texture": texture, "colour": "brown",
                "moisture": "moist", "density": "plastic", "odour": "none", "signs": ["none"],
            }))  # fmt: skip
        for z, value in profile:
            for name, figure in (("Ni", value), ("Pb", "55"), ("As", "9.4")):
                writes.append(Write("field_reading", new(), seeded.field, {
                    "borehole_id": hole, "method": "xrf", "instrument_id": xrf, "parameter": name, "depth_top_m": z,
                    "value": figure, "qualifier": "eq", "unit": "mg_kg", "at": at(500), "entry_way": "typed", "live_time_s": "60",
                }))  # fmt: skip
        writes.append(
            Write("borehole", hole, seeded.field, {**holes[code].values, "first_water_m": "3.20", "water_met": True})
        )
    service.write(None, writes)


def _plan(service: Service, seeded: Seeded) -> None:
    """Some points are to be sampled for more than metals, and one well for water."""
    new, writes = service.new_id, []
    for n, (code, id) in enumerate(seeded.planned.items()):
        for group in ("voc",) if n % 2 == 0 else ("cr6", "svoc"):
            if n % 3 == 0:
                writes.append(Write("planned_target", new(), seeded.field, {
                    "planned_point_id": id, "medium": "soil", "rule": "fixed", "depth_top_m": "0", "depth_bottom_m": "0.5",
                    "groups": [group],
                }))  # fmt: skip
        if code == "S05":
            writes.append(Write("planned_target", new(), seeded.field, {
                "planned_point_id": id, "medium": "groundwater", "rule": "hole_bottom", "groups": ["metal", "voc"],
            }))  # fmt: skip
    service.write(None, writes)


def _loads(service: Service, seeded: Seeded) -> None:
    """Three loads: received, received light, never heard of again."""
    new, home, scope = service.new_id, f"{seeded.org}.organisation", f"{seeded.project}.transfer"
    site = service.records("site", seeded.field)[0].id
    truck, kiln, lot, plan = new(), new(), new(), new()
    service.write(None, [
        Write("vehicle", truck, home, {"plate": "苏L·A5541", "vehicle_class": "t4_31", "carrier_id": seeded.org, "tare_ref_t": "15.00"}),
        Write("organisation", kiln, home, {"name": "京口水泥窑", "roles": ["receiver"]}),
    ])  # fmt: skip
    service.write(None, [
        Write("soil_lot", lot, scope, {"code": "K2", "kind": "pit"}),
        Write("transfer_plan", plan, scope, {
            "code": "ZY-02", "version": 1, "site_id": site, "consignor_id": seeded.org, "lots": [lot], "mass_t": "1315.0",
            "volume_m3": "730", "from_date": "2026-11-01", "to_date": "2026-12-31", "way": "road", "carriers": [seeded.org],
            "vehicles": [truck], "receivers": [{
                "org_id": kiln, "site_name": "京口水泥窑", "position": pos(9000, 900), "way": "cement_kiln", "permit_no": "3211",
                "capacity_t": "5000", "route_min": 40,
            }],
            "filings": [{"authority_id": seeded.org, "side": side, "submitted_at": at(60 * 24 * 9), "receipt_no": "1",
                         "accepted_at": at(60 * 24 * 8)} for side in ("origin", "destination")],
        }),
    ])  # fmt: skip
    for number, out_at, came_at, gross_in in (("2026 3211 000403", 2000, 1950, "32.10"), ("2026 3211 000409", 1500, 1440, "31.00"),
                                              (LOST, 93, None, None)):  # fmt: skip
        manifest = new()
        legs = [("issued", out_at + 5, "32.92"), ("departed", out_at, None)]
        if came_at and gross_in:
            legs.append(("received", came_at, gross_in))
        service.write(None, [
            Write("manifest", manifest, scope, {
                "number": number, "plan_id": plan, "lot_id": lot, "vehicle_id": truck, "driver_name": "吴建",
                "driver_phone": "13900000000", "cover": "tarp", "receiver_id": kiln, "receiver_place": "京口水泥窑",
                "issued_at": at(out_at + 5), "supervised": True,
            }),
            *(Write("manifest_leg", new(), scope, {
                "manifest_id": manifest, "kind": kind, "at": at(minutes), "who_name": "吴建", "org_id": seeded.org, "key_id": "k",
                "signature": "s",
                **({"weight": [{"ticket_no": "1", "gross_t": gross, "tare_t": "15.00", "at": at(minutes)}]} if gross else {}),
            }) for kind, minutes, gross in legs),
        ])  # fmt: skip


def _asks(service: Service, seeded: Seeded) -> None:
    """Two tablets wrote different depths of one sample; two photos have not come."""
    new = service.new_id
    samples = {str(s.values["code"]): s.id for s in service.records("sample", seeded.field)}
    point = service.records("point", seeded.field)[0].id
    service.write(None, [
        Write("conflict", new(), seeded.field, {
            "subject_kind": "sample", "subject_id": samples["HX-S12-2"], "change_id": new(), "field_name": "depth_bottom_m",
            "before": '"2.0"', "now": '"2.0"', "after": '"1.8"',
        }),
        *(Write("photo", new(), seeded.field, {
            "sha256": digit * 64, "step": "surface", "subject_kind": "point", "subject_id": point,
            "taken_at": (NOW - timedelta(hours=4)).isoformat(), "source": "app_camera",
        }) for digit in "ab"),
    ])  # fmt: skip
