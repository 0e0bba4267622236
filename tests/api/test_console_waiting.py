"""The page of what waits: every line once, fifty a page; whatever a device sends stays text."""

from __future__ import annotations

import re

import pytest

from sync_server.service import Caller
from sync_server.service.waiting import Waiting
from tests.api.conftest import Device, Server, details, outcomes
from tests.api.test_rights import Desk, desk, parked

__all__ = ["desk"]
HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><b>{{7331*7333}}"  # computed, it would be 53758223: no digest holds that by chance


def pages(desk: Desk, section: str) -> list[list[str]]:
    """Ids a reader meets who follows the section's own link to what comes next."""
    out, path = [], desk.page
    for _ in range(9):
        html = desk.call("GET", path).text
        found = re.search(
            rf'<(section|details) class="panel" id="{section}".*?</\1>\s*(?=<section|<details class="panel"|</main)',
            html,
            re.S,
        )
        assert found, html[:2000]
        out.append(re.findall(r'data-id="([^"]+)"', found[0]))
        onward = re.search(r'rel="next" href="([^"]+)"', found[0])
        if onward is None:
            return out
        path = onward[1].replace("&amp;", "&").partition("#")[0]
    raise AssertionError("it never ends")


def test_fifty_a_page_and_every_line_once(server: Server, device: Device, desk: Desk) -> None:
    loose = [device.change("point", server.point(site_id=server.new_id())) for _ in range(51)]
    linking = parked(device.push(loose), 3101)
    server.service.revoke(device.enrolment)
    held = parked(device.push([device.change("point", server.point(code=f"S{n}")) for n in range(120)]), 3009)
    assert pages(desk, "held") == [held[:50], held[50:100], held[100:]]
    assert pages(desk, "linking") == [linking[:50], linking[50:]]
    assert desk.decide(held[:50]) == "accept 50 applied"  # what was decided leaves no gap
    assert pages(desk, "held") == [held[50:100], held[100:]]
    assert desk.decide(held[50:101]) == "1001"  # more than a page shows
    assert "70 条" in desk.call("GET", desk.page).text


def test_exactly_fifty_have_no_second_page(server: Server, device: Device, desk: Desk) -> None:
    server.service.revoke(device.enrolment)
    held = parked(device.push([device.change("point", server.point()) for _ in range(50)]), 3009)
    assert pages(desk, "held") == [held]


def test_what_a_restore_lost_is_paged_too(server: Server, device: Device, desk: Desk) -> None:
    from schemas.rules import evidence
    from schemas.wire import SeenHead

    ids = sorted(server.new_id() for _ in range(60))
    rows = [evidence.row_line("point", i, 1, server.point(code=i)) for i in ids]
    caller = Caller(server.sampler, device.enrolment)
    assert server.service.take_seen(caller, server.field, SeenHead(epoch="before"), rows) == 60
    assert pages(desk, "lost") == [ids[:50], ids[50:]]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_a_device_sends_stays_text(server: Server, device: Device, desk: Desk, lang: str) -> None:
    record, wall = server.new_id(), HOSTILE
    made_at = {"wall": wall, "mono_ms": 1, "server_offset_ms": 0}
    server.service.revoke(device.enrolment)
    lines = [
        device.change("point", server.point(code=HOSTILE, wind=HOSTILE, later={"a": [HOSTILE]}), record, made_at=made_at),
        device.change("point", {"wind": None}, record, {"wind": HOSTILE}),
        device.change("point", {"deleted": True, "void_reason": HOSTILE}, record, {"deleted": None, "void_reason": None}),
        device.change(f"later{HOSTILE}", {HOSTILE: HOSTILE}),
    ]  # fmt: skip
    assert outcomes(device.push(lines)) == ["parked"] * 4
    html = desk.call("GET", f"{desk.page}?lang={lang}").text
    assert (
        html.count("&lt;img") >= 6
        and "<img" not in html
        and "</script><b>" not in html
        and "onerror=alert(1)>" not in html
    )
    assert "{{7331*7333}}" in html and str(7331 * 7333) not in html
    assert ("作废点位" if lang == "zh" else "Void Point") in html


def test_odd_addresses_are_problems_with_a_number(server: Server, desk: Desk) -> None:
    for query in ("after=-1", "after=x", f"after={2**63}", "lost=" + "x" * 201, "said=" + "x" * 11, "applied=1e9"):
        answer = desk.call("GET", f"{desk.page}?{query}")
        assert answer.status_code == 400 and "1001" in answer.text, query
    for query in ("lost=x", "device=x%20y", "said=nonsense&applied=3", "after=999999", "lost=%00"):
        assert desk.call("GET", f"{desk.page}?{query}").status_code == 200, query


def test_names_only_of_what_the_reader_may_see(server: Server) -> None:
    """A change in the field scope may point at an inspection; who reads no inspections gets no code of one."""
    inspector, comment = Device(server, server.inspector), server.new_id()
    inspection = server.new_id()
    values = {"code": "J-SECRET", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": "2026-11-21T10:00:00+08:00",
              "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]}  # fmt: skip
    inspector.push([inspector.change("inspection", values, inspection, scope=server.enforcement)], server.enforcement)
    sampler = Device(server, server.sampler)
    about = {
        "subject_kind": "inspection",
        "subject_id": server.new_id(),
        "text": "x",
        "at": "2026-11-21T10:00:00+08:00",
    }
    assert details(sampler.push([sampler.change("comment", about, comment)]))[0]["outcome"] == "parked"
    service: Waiting = server.service
    assert service.names_of([inspection, server.site], [server.field]) == {server.site: "S"}
    assert service.names_of([inspection], [server.enforcement]) == {inspection: "J-SECRET"}
    desk = Desk(server, server.sampler)
    assert "J-SECRET" not in desk.call("GET", desk.page).text
