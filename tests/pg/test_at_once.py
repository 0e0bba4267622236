"""Two things at the same moment, on PostgreSQL where they truly happen at once: neither gets in the other's way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import EnrolRequest
from sync_server.auth import LIMITS
from sync_server.service import Write
from tests.api.conftest import AT, Device, Server, outcomes
from tests.pg.test_store import at_once


def test_devices_enrolled_at_once_have_codes_of_their_own(server: Server) -> None:
    def request(_: int) -> EnrolRequest:
        private, salt = evidence.new_key(), evidence.b64(bytes(32))
        public, code = evidence.public_of(private), server.service.new_code(server.sampler, server.pm)
        signature = evidence.sign(private, f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode())
        return EnrolRequest(code=code, public_key=public, salt_key=salt, label="平板", signature=signature)

    requests = [request(n) for n in range(8)]
    got = at_once(lambda n: server.service.enrol(requests[n]), 8)
    assert len({answer.device_code for answer in got}) == 8

    again = at_once(lambda n: server.service.enrol(requests[n % 2]), 8)  # the answer was lost, and it was asked again
    assert [a.enrolment for a in again] == [got[n % 2].enrolment for n in range(8)]

    one = request(0)  # one code, eight keys
    others = []
    for _ in range(8):
        private = evidence.new_key()
        public = evidence.public_of(private)
        signature = evidence.sign(private, f"jingtu-enrol-1\n{one.code}\n{public}\n{one.salt_key}".encode())
        others.append(one.model_copy(update={"public_key": public, "signature": signature}))
    told = at_once(lambda n: server.service.enrol(others[n]), 8)
    assert Counter(t.problem.number for t in told if isinstance(t, Trouble)) == {2006: 7}


def test_exactly_the_burst_of_tries_is_let_through(server: Server) -> None:
    """However many come at once; and right ones, at once and from one place, never stand in each other's way."""
    server.auth.add_account(server.pm, "pm", "long enough a password")
    burst = next(tries for name, tries, _ in LIMITS if name == "both")
    for n in range(3):
        told = at_once(lambda _, n=n: server.auth.by_password("pm", "wrong", f"place{n}"))
        assert Counter(t.problem.number for t in told) == {2001: burst, 2007: len(told) - burst}
    server.clock.turn(hours=1)
    for n in range(3):
        got = at_once(lambda _, n=n: server.auth.by_password("pm", "long enough a password", f"place{n}"), burst)
        assert not [t for t in got if isinstance(t, Trouble)]


def test_a_refresh_token_used_twice_at_once_ends_its_family(server: Server) -> None:
    """Also the token the faster of the two got for it."""
    server.auth.add_account(server.pm, "pm", "long enough a password")
    for n in range(5):
        first = server.auth.by_password("pm", "long enough a password", f"place{n}").refresh_token
        got = at_once(lambda _, t=first: server.auth.by_refresh(str(t)), 2)
        (fresh,) = [tokens.refresh_token for tokens in got if not isinstance(tokens, Trouble)]
        with pytest.raises(Trouble) as told:
            server.auth.by_refresh(str(fresh))
        assert told.value.problem.number == 2002


def test_a_conflict_is_decided_once(server: Server, device: Device) -> None:
    other, record = Device(server, server.sampler), server.new_id()
    device.push([device.change("point", server.point(), record)])
    other.push([other.change("point", {"wind": "南"}, record, {"wind": "北"})])
    assert outcomes(device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})])) == ["conflict"]
    (conflict,) = server.service.records("conflict", server.field)
    told = at_once(lambda n: server.service.resolve(server.pm, conflict.id, "set_value", "看过", {"wind": f"风{n}"}), 8)
    assert Counter(t and t.problem.number for t in told) == {None: 1, 3001: 7}
    (winner,) = [n for n, t in enumerate(told) if t is None]
    assert server.service.records("point", server.field)[0].values["wind"] == f"风{winner}"


@pytest.mark.parametrize("what", ["the device is enrolled again", "the right is given", "the record comes"])
def test_what_came_between_judging_and_committing_is_not_missed(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The push saw that something was missing. Before it committed, that came, and whoever brought it saw nothing that
    waited: the later of the two sees both."""
    service, instrument, point = server.service, server.new_id(), server.new_id()
    assert outcomes(device.push([device.change("point", server.point(), point)])) == ["applied"]
    values = {"point_id": point, "method": "pid", "instrument_id": instrument, "parameter": "TVOC", "at": AT, "entry_way": "typed",
              "value": "1.25", "qualifier": "eq", "unit": "ppm_ib", "depth_top_m": "0.1", "depth_bottom_m": "0.2"}  # fmt: skip
    about = {"code": "PID", "kind": "pid", "model": "m", "serial_no": "1", "org_id": server.org}
    if what != "the record comes":
        service.write(None, [Write("instrument", instrument, server.home, about)])
    if what == "the device is enrolled again":
        service.revoke(device.enrolment)
    elif what == "the right is given":
        service.withdraw(server.sampler, server.project, "sampler")
    real, done = service._finish, list[str]()
    waits = [f"instrument:{instrument}", f"device:{device.enrolment}", f"right:{server.sampler}:{server.project}"]

    def slow(tx: Any, work: Any) -> None:
        real(tx, work)
        if done:
            return
        done.append(what)
        if what == "the record comes":  # in another scope: this one is locked
            service.write(None, [Write("instrument", instrument, server.home, about)])
        with service.store.writing() as other:
            assert not other.waiting_for(waits)  # the push is not visible to anybody yet
            if what == "the device is enrolled again":
                other.set_key(device.enrolment, state="enrolled")
            elif what == "the right is given":
                other.add_membership(server.sampler, server.project, "sampler")

    monkeypatch.setattr(service, "_finish", slow)
    line = device.change("field_reading", values)
    assert outcomes(device.push([line])) == ["parked"]
    assert server.sql("SELECT outcome FROM journal WHERE line=?", line) == [("applied",)]
