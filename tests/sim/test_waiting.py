"""One story the simulation found: a change waited, was taken meanwhile, and later ones of the same tablet went in."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from field_app.store import Edit, Store
from field_app.sync import Syncer
from tests.api.conftest import AT, Device, Server, outcomes
from tests.sim.transport import AppTransport


class Cut(AppTransport):
    """Loses every request whose address ends like this."""

    lost = "nothing"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self.lost):
            raise httpx.ReadTimeout("lost", request=request)
        return super().handle_request(request)


@pytest.mark.parametrize("lost", ["/outcomes", "/pull", "nothing"])
def test_what_waited_never_lies_on_top_of_the_row_that_holds_it(tmp_path: Path, lost: str) -> None:
    server = Server(tmp_path / "server")
    net = Cut(server.app)
    store = Store(tmp_path / "tablet")
    tablet = Syncer(store, transport=net, pause=lambda _: None)
    tablet.enrol("http://sim", server.service.new_code(server.sampler, server.pm), "平板")
    other, point, record = Device(server, server.sampler), server.new_id(), store.new_id()

    def write(text: str) -> None:
        values = {"subject_kind": "point", "subject_id": point, "text": text, "at": AT}
        store.finalize([Edit("comment", record, server.field, values)])

    def shown() -> str:
        seen = store.get("comment", record)
        return str(seen and seen.values["text"])

    write("一")
    assert tablet.run().parked == 1 and shown() == "一"
    assert outcomes(other.push([other.change("point", server.point(), point)])) == ["applied"]
    write("二")
    net.lost = lost
    tablet.run()
    assert shown() == "二"
    write("三")
    net.lost = "nothing"
    done = tablet.run()
    assert done.digests_equal and done.conflicts == 0 and shown() == "三"
    assert [s.values["text"] for s in server.service.records("comment", server.field)] == ["三"]
    store.close()
    net.shut()
    server.close()
