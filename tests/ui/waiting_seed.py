"""What waits for a project manager, made as it comes about: tablets that are revoked, people without the right, a restore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx

from schemas import canonical
from schemas.rules import evidence
from schemas.wire import SeenHead
from sync_server.service import Caller, Service
from tests.api.conftest import Device, details
from tests.ui.console_seed import Seeded, at, visited


class Waits(NamedTuple):
    revoked: list[str]  # changes of a revoked device: a point, its sample, an edit of the point
    rightless: str  # a change of somebody who may not write its type
    linking: str  # waits for a record only
    lost: list[str]  # records only a tablet remembers: a point and its sample
    cloned: Device  # came with a second chain


def waits(
    service: Service, http: httpx.Client, seeded: Seeded, clock: Callable[[], datetime], hostile: str = ""
) -> Waits:
    """`hostile` goes into every text a device may send."""
    with service.store.reading() as tx:
        epoch = tx.setting("epoch")
    server: Any = SimpleNamespace(
        service=service, http=http, clock=clock, new_id=service.new_id, field=seeded.field, epoch=epoch,
        pm=seeded.people["xujing"],
    )  # fmt: skip
    sampler, inspector = seeded.people["zhoulan"], seeded.people["wang"]
    site = service.records("site", seeded.field)[0].id
    made_at = {"wall": at(90), "mono_ms": 1, "server_offset_ms": 0}

    def change(device: Device, type: str, values: dict[str, Any], record: str, before: Any = None) -> bytes:
        return device.change(type, values, record, before, made_at=made_at)

    old, other, lone = Device(server, sampler), Device(server, inspector), Device(server, sampler)
    point, sample, gone, gone_sample = (service.new_id() for _ in range(4))
    place = {
        **visited(sampler, site, f"S90{hostile}", {"lon": "119.4523", "lat": "32.2089"}, 80),
        "wind": f"北{hostile}",
    }
    taken = {"code": f"HX-S90-1{hostile}", "kind": "ordinary", "medium": "soil", "point_id": point, "depth_top_m": "0",
             "depth_bottom_m": "0.5", "pick_reason": "surface", "groups": ["metal"], "collected_at": at(75),
             "collected_by": [sampler], "batch": "B2"}  # fmt: skip
    service.revoke(old.enrolment)
    lines = [
        change(old, "point", place, point), change(old, "sample", taken, sample),
        change(old, "point", {"wind": f"东{hostile}", "note": f"改过 {hostile}"}, point, {"wind": place["wind"], "note": None}),
    ]  # fmt: skip
    revoked = [d["id"] for d in details(old.push(lines))]
    answer = other.push([change(other, "point", {**place, "code": f"S91{hostile}"}, service.new_id())])
    rightless = details(answer)[0]["id"]
    told = details(lone.push([change(lone, "borehole", {
        "point_id": service.new_id(), "code": f"S97-1{hostile}", "opened_at": at(70), "depth_m": "6.0", "end_reason": "target",
    }, service.new_id())]))[0]  # fmt: skip
    assert told["outcome"] == "parked", told
    linking = told["id"]

    # a second chain of the same device, then a chain that breaks
    keep = [change(lone, "point", {**place, "code": "S92"}, service.new_id())]
    lone.push(keep, keep=False)
    lone.push([change(lone, "point", {**place, "code": "S93"}, service.new_id())])
    broken = Device(server, sampler)
    one, two = (change(broken, "point", {**place, "code": c}, service.new_id()) for c in ("S94", "S95"))
    head = broken.head([one, two], seeded.field)
    links = [
        bytes(32).hex(),
        evidence.next_link(bytes(32), evidence.salt_of(broken.salt, two[7:43].decode()), two).hex(),
    ]
    message = evidence.head_message(seeded.field, broken.enrolment, 2, bytes.fromhex(links[-1]), head["lines"])
    head |= {"head": links[-1], "links": links, "signature": evidence.sign(broken.private, message)}
    answer = broken.raw(seeded.field, b"\n".join([canonical.dumps(head), one, two]))
    assert answer.status_code == 200, answer.text

    rows = [
        evidence.row_line("point", gone, 900, {**place, "code": f"S96{hostile}"}),
        evidence.row_line("sample", gone_sample, 901, {**taken, "code": f"HX-S96-1{hostile}", "point_id": gone}),
    ]
    assert service.take_seen(Caller(sampler, lone.enrolment), seeded.field, SeenHead(epoch="before"), rows) == 2
    return Waits(revoked, rightless, linking, [gone, gone_sample], lone)
