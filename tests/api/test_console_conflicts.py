"""Conflicts on the pages: both values with whose they are, one decision, the second to decide is told."""

from __future__ import annotations

import re
import threading
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from sync_server.console.review.third import typed
from sync_server.service import Write
from tests.api.conftest import AT, Device, Server, outcomes
from tests.api.test_conflict_api import clash, decisions, wind
from tests.api.test_console_review import container, second_manager
from tests.api.test_rights import Desk


class Judge(Desk):
    """Somebody at the conflicts."""

    def __init__(self, server: Server, person: str) -> None:
        super().__init__(server, person)
        self.page = f"/console/projects/{server.project}/conflicts"

    def look(self, conflict: str, **query: str) -> str:
        answer = self.call("GET", f"{self.page}/{conflict}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    def decide(self, conflict: str, choice: str, reason: str = "现场核实", **form: Any) -> httpx.Response:  # type: ignore[override]
        seen = form.pop("seen", None) or seen_of(self.look(conflict))
        return self.call(
            "POST", f"{self.page}/{conflict}", data={"choice": choice, "reason": reason, "seen": seen, **form}
        )


def seen_of(html: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', html)
    return found[1] if found else ""


@pytest.fixture
def judge(server: Server) -> Judge:
    return Judge(server, server.pm)


def side(html: str, which: str) -> str:
    found = re.search(rf'id="cf-{which}">(.*?)</section>', html, re.S)
    assert found
    return re.sub(r"<[^>]+>|\s+", " ", found[1])


def test_both_values_with_whose_they_are(server: Server, device: Device, judge: Judge) -> None:
    _, record, conflict = clash(server, device)
    listed = judge.call("GET", judge.page).text
    assert f"/conflicts/{conflict}" in listed and "1 处等裁决" in listed and "南 / 东" in listed
    html = judge.look(conflict)
    now, after = side(html, "now"), side(html, "after")
    for text, value in ((now, "南"), (after, "东")):
        assert (
            value in text
            and "人 ·" in text
            and "设备时钟" in text
            and "偏差 0 秒" in text
            and "平板" in text
            and "设备签名链完整" in text
        )
    assert "改前 北" in html and "建议" not in html
    # neither is chosen in advance, neither stands out
    assert not re.search(r'class="btn pri"', html[html.index("cf-decide") :]) and html.count('class="cfvalue"') == 2
    assert f"/records/point/{record}" in html


@pytest.mark.parametrize(("choice", "expected"), [("keep_now", "南"), ("take_after", "东")])
def test_one_of_the_two(server: Server, device: Device, judge: Judge, choice: str, expected: str) -> None:
    _, record, conflict = clash(server, device)
    answer = judge.decide(conflict, choice)
    assert answer.status_code == 303
    html = judge.call("GET", answer.headers["location"]).text
    assert "已裁决" in html and "现场核实" in html and "cf-decide" not in html
    assert wind(server, record) == expected and decisions(server) == 1
    assert (
        "0 处等裁决" not in (listed := judge.call("GET", judge.page).text)
        and "没有等裁决的冲突" in listed
        and "现场" not in listed
    )
    # what both were is still told, and whose
    assert "南" in side(html, "now") and "东" in side(html, "after") and "设备时钟" in side(html, "now")


def test_a_third_value_through_the_fields_own_input(server: Server, device: Device, judge: Judge) -> None:
    _, record, conflict = clash(server, device)
    html = judge.look(conflict)
    assert re.search(r'<input id="cf-wind" name="wind" value="南"', html)
    assert judge.decide(conflict, "set_value", wind="西南").status_code == 303
    assert wind(server, record) == "西南" and decisions(server) == 1


def test_a_third_value_the_class_does_not_take_is_told_at_the_field(
    server: Server, device: Device, judge: Judge
) -> None:
    values = container(server, device)
    sample = values["sample_id"]
    other = Device(server, server.sampler)
    other.push([other.change("sample", {"depth_bottom_m": "0.6"}, sample, {"depth_bottom_m": "0.5"})])
    device.push([device.change("sample", {"depth_bottom_m": "0.8"}, sample, {"depth_bottom_m": "0.5"})])
    (found,) = server.service.records("conflict", server.field)
    answer = judge.decide(found.id, "set_value", depth_bottom_m="半米")
    assert answer.status_code == 422 and "应为十进制数文本" in answer.text
    assert re.search(r'name="depth_bottom_m" value="半米"[^>]*aria-invalid="true"', answer.text), answer.text[-3000:]
    assert "现场核实" in answer.text and '<details class="cfset" open>' in answer.text  # nothing that was typed is lost
    assert judge.decide(found.id, "set_value", depth_bottom_m="").status_code == 303  # emptied on purpose
    assert "depth_bottom_m" not in server.service.records("sample", server.field)[0].values


def test_full_width_digits_are_digits() -> None:
    assert typed("sample", ["depth_bottom_m"], {"depth_bottom_m": ["１．５"]}) == {"depth_bottom_m": "1.5"}
    assert typed("point", ["samplers", "note", "position"], {"samplers": ["a", "b"], "note": [" "]}) == {
        "samplers": ["a", "b"], "note": None, "position": None}  # fmt: skip
    assert typed("sample_container", ["cold", "groups"], {"cold": ["false"], "groups": []}) == {
        "cold": False,
        "groups": None,
    }


def test_without_a_reason_or_a_choice(server: Server, device: Device, judge: Judge) -> None:
    _, record, conflict = clash(server, device)
    answer = judge.decide(conflict, "keep_now", reason=" ")
    assert answer.status_code == 422 and "请写明理由" in answer.text
    assert judge.decide(conflict, "").status_code == 422 and judge.decide(conflict, "later").status_code == 422
    assert judge.decide(conflict, "keep_now", reason="x\0y").status_code == 400
    assert decisions(server) == 0 and wind(server, record) == "南"


def test_the_second_to_decide_is_told(server: Server, device: Device, judge: Judge) -> None:
    _, record, conflict = clash(server, device)
    other = Judge(server, second_manager(server))
    seen = seen_of(other.look(conflict))
    assert judge.decide(conflict, "take_after").status_code == 303
    answer = other.decide(conflict, "keep_now", "不同意", seen=seen)
    assert answer.status_code == 409 and "人 裁决" in answer.text and "现场核实" in answer.text
    assert wind(server, record) == "东" and decisions(server) == 1


def test_the_same_decision_twice_is_one(server: Server, device: Device, judge: Judge) -> None:
    _, _, conflict = clash(server, device)
    seen = seen_of(judge.look(conflict))
    assert [judge.decide(conflict, "take_after", seen=seen).status_code for _ in range(2)] == [303, 303]
    assert decisions(server) == 1


def test_two_managers_at_the_same_moment(server: Server, device: Device) -> None:
    _, record, conflict = clash(server, device)
    managers = [server.pm, *(second_manager(server) for _ in range(3))]
    told: list[int] = []

    def go(n: int) -> None:
        try:
            server.service.resolve(managers[n], conflict, "take_after" if n % 2 else "keep_now", f"理由 {n}")
            told.append(0)
        except Trouble as err:
            told.append(err.problem.number)

    threads = [threading.Thread(target=go, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(told) == [0, 3001, 3001, 3001] and decisions(server) == 1
    assert wind(server, record) in ("南", "东")


def test_a_value_that_moved_while_one_looked(server: Server, device: Device, judge: Judge) -> None:
    other, record, conflict = clash(server, device)
    seen = seen_of(judge.look(conflict))
    other.push([other.change("point", {"wind": "西"}, record, {"wind": "南"})])
    answer = judge.decide(conflict, "keep_now", seen=seen)
    assert (
        answer.status_code == 409
        and "现值又改了" in answer.text
        and "西" in side(answer.text, "now")
        and decisions(server) == 0
    )
    assert "原来是 南" in answer.text
    assert judge.decide(conflict, "keep_now").status_code == 303 and wind(server, record) == "西"


def test_who_does_not_decide_sees_both_and_no_form(server: Server, device: Device) -> None:
    _, _, conflict = clash(server, device)
    sampler = Judge(server, server.sampler)
    html = sampler.look(conflict)
    assert "由项目经理或管理员裁决" in html and "<textarea" not in html[html.index("<main") :]
    answer = sampler.decide(conflict, "keep_now", seen="x")
    assert answer.status_code == 403 and "2003" in answer.text and decisions(server) == 0


def test_those_of_the_organisation_are_an_administrators(server: Server, device: Device, judge: Judge) -> None:
    instrument, other = server.new_id(), Device(server, server.sampler)
    values = {"code": "XRF-1", "kind": "xrf", "model": "V", "serial_no": "1", "org_id": server.org}
    assert outcomes(device.push([device.change("instrument", values, instrument, scope=server.home)], server.home)) == [
        "applied"
    ]
    for d, number in ((other, "2"), (device, "3")):
        d.push(
            [d.change("instrument", {"serial_no": number}, instrument, {"serial_no": "1"}, scope=server.home)],
            server.home,
        )
    (found,) = server.service.records("conflict", server.home)
    html = judge.look(found.id)
    assert "由管理员裁决" in html and "cf-decide" not in html
    assert "整个单位" in judge.call("GET", judge.page).text
    assert judge.decide(found.id, "keep_now", seen="x").status_code == 403


def test_another_projects_conflict_is_not_there(server: Server, device: Device, judge: Judge) -> None:
    """Not even for somebody who may see both: this address is of one project."""
    _, _, conflict = clash(server, device)
    server.service.grant(server.pm, server.other, "project_manager")
    there = f"/console/projects/{server.other}/conflicts/{conflict}"
    for method, more in (("GET", {}), ("POST", {"data": {"choice": "keep_now", "reason": "x"}})):
        answer = judge.call(method, there, **more)
        assert answer.status_code == 404 and "2004" in answer.text
    for odd in ("nothing", server.site, "%00"):
        assert judge.call("GET", f"{judge.page}/{odd}").status_code == 404
    assert decisions(server) == 0


def test_where_with_what_and_how_far(server: Server, device: Device, judge: Judge) -> None:
    """A reading changed on two tablets: instrument, calibration, position of the record, clocks that were off."""
    xrf, cal, record = server.new_id(), server.new_id(), server.new_id()
    server.service.write(None, [
        Write("instrument", xrf, server.home, {"code": "XRF-7", "kind": "xrf", "model": "Vanta", "serial_no": "1", "org_id": server.org}),
        Write("calibration", cal, server.field, {"instrument_id": xrf, "at": "2026-11-21T08:00:00+08:00", "person_id": server.sampler, "result": "passed",
              "points": [{"kind": "crm", "standard": "NIST", "reading": "22", "unit": "mg_kg", "result": "passed"}]})])  # fmt: skip
    fix = {"lon": "119.4520000", "lat": "32.2087000", "fix_kind": "rtk_fixed", "h_acc_m": "0.02", "at": AT}
    device.push([device.change("point", server.point(position=fix), record)])
    reading = {"point_id": record, "method": "xrf", "instrument_id": xrf, "parameter": "Ni", "depth_top_m": "0.5", "value": "38", "qualifier": "eq",
               "unit": "mg_kg", "at": AT, "entry_way": "typed"}  # fmt: skip
    id, other = server.new_id(), Device(server, server.sampler)
    assert outcomes(device.push([device.change("field_reading", reading, id)])) == ["applied"]
    slow = {"wall": AT, "mono_ms": 1, "server_offset_ms": 90_000}
    other.push(
        [
            other.change(
                "field_reading", {"value": "83", "note": "抄反了"}, id, {"value": "38", "note": None}, made_at=slow
            )
        ]
    )
    moved = {**fix, "lon": "119.4521000", "h_acc_m": "3.40", "fix_kind": "single"}
    device.push([device.change("field_reading", {"value": "39"}, id, {"value": "38"})])
    device.push([device.change("point", {"position": moved}, record, {"position": {**fix, "lon": "119.0000000"}})])
    found = {c.values["subject_id"]: c.id for c in server.service.records("conflict", server.field)}
    html = judge.look(found[id])
    now = side(html, "now")
    assert "83" in now and "XRF-7 Vanta · 校准" in now and "偏差 -90 秒" in now and "备注 抄反了" in now
    html = judge.look(found[record])
    assert "两处相距 9.4" in html and "±3.40 m" in side(html, "after")
    assert 'name="position.lon"' in html and 'name="position.fix_kind"' in html


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_whatever_a_tablet_sent_stays_text(server: Server, device: Device, judge: Judge, lang: str) -> None:
    hostile, record, other = "<img src=x onerror=alert(1)>{{7*7}}", server.new_id(), Device(server, server.sampler)
    device.push([device.change("point", server.point(code=hostile), record)])
    made = {"wall": hostile, "mono_ms": 1, "server_offset_ms": None}
    other.push(
        [
            other.change(
                "point", {"wind": hostile, "later": {"x": 1}}, record, {"wind": "北", "later": None}, made_at=made
            )
        ]
    )
    device.push([device.change("point", {"wind": "东" + hostile}, record, {"wind": "北"}, made_at=made)])
    (found,) = server.service.records("conflict", server.field)
    for path in (judge.page, f"{judge.page}/{found.id}"):
        html = judge.call("GET", path, params={"lang": lang}).text
        assert "<img" not in html and "&lt;img" in html and "{{7*7}}" in html
    server.service.write(
        None,
        [
            Write(
                "point",
                record,
                server.field,
                {**server.point(code="S"), "wind": hostile, "deleted": True, "void_reason": "x"},
            )
        ],
    )
    assert ("已作废" if lang == "zh" else "voided") in judge.look(found.id, lang=lang)


def test_pages_of_fifty(server: Server, judge: Judge) -> None:
    rows = []
    for n in range(51):
        site, id = server.new_id(), server.new_id()
        rows += [Write("site", site, server.field, {"code": f"S{n}", "name": "九号", "status": "idle", "division_code": "1"}),
                 Write("conflict", id, server.field, {"subject_kind": "site", "subject_id": site, "change_id": server.new_id(), "field_name": "name",
                                                      "before": "{}", "now": '{"name":"九号"}', "after": '{"name":"十号"}'})]  # fmt: skip
    server.service.write(None, rows)
    first = judge.call("GET", judge.page).text
    second = judge.call("GET", f"{judge.page}?page=2").text
    ids = [re.findall(r'data-id="([^"]+)"', html) for html in (first, second)]
    assert [len(x) for x in ids] == [50, 1] and len(set(ids[0]) | set(ids[1])) == 51
    html = judge.look(ids[0][0])
    assert "冲突 1 / 51" in html and f"/conflicts/{ids[0][1]}" in html  # on to the next one
    assert judge.call("GET", f"{judge.page}?page=x").status_code == 400
