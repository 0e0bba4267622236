"""Photos n of m: whose bytes have come, whose have not, on the page and in check Y02. They arrive without moving any seq."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from schemas import change
from schemas.rules.reconcile import Finding
from sync_server.facts import EVERYTHING, FactsReader
from sync_server.media import Media, Owing
from sync_server.service import Write
from sync_server.store import SourceRow
from tests.api.conftest import Device, Server, outcomes
from tests.api.test_backup_photos import add_photo
from tests.api.test_rights import Desk

NOW = datetime.fromisoformat("2026-11-21T12:00:00+08:00")


def shot(server: Server, sha: str, **more: Any) -> dict[str, Any]:
    return {"sha256": sha, "step": "point_before", "subject_kind": "site", "subject_id": server.site, "source": "app_camera",
            "taken_at": "2026-11-21T10:00:00+08:00", **more}  # fmt: skip


CONTENTS = [b"%d" % n * 500 for n in range(4)]
SHAS = [sha256(c).hexdigest() for c in CONTENTS]


@pytest.fixture
def devices(server: Server) -> tuple[Device, Device]:
    """The first took three photos, the second one of them again and one more."""
    one, two = Device(server, server.sampler), Device(server, server.sampler)
    assert set(outcomes(one.push([one.change("photo", shot(server, s)) for s in SHAS[:3]]))) == {"applied"}
    assert set(outcomes(two.push([two.change("photo", shot(server, s)) for s in (SHAS[0], SHAS[3])]))) == {"applied"}
    return one, two


class Reader:
    def __init__(self, server: Server) -> None:
        self.reader, self.server = FactsReader(server.service), server

    def media(self, audiences: frozenset[str] = EVERYTHING) -> Media:
        return self.reader.report(self.server.project, NOW, audiences).media

    def y02(self) -> list[str]:
        found: list[Finding] = self.reader.report(self.server.project, NOW).report.by_check["Y02"]
        return [f"{f.severity} {f.zh}" for f in found]

    def owing(self) -> dict[str, int]:
        return {o.code: o.photos for o in self.media().owing}


def code(server: Server, device: Device) -> str:
    with server.service.store.reading() as tx:
        key = tx.key(device.enrolment)
    assert key
    return key.device_code


def test_a_photos_arrival_changes_the_judgement(server: Server, devices: tuple[Device, Device], tmp_path: Path) -> None:
    at, (one, two) = Reader(server), devices
    assert at.y02() == ["warning 照片已到 0/4"] and at.media()[:2] == (0, 4)
    assert sum(at.owing().values()) == 4 and set(at.owing()) == {code(server, one), code(server, two)}
    with server.service.store.reading() as tx:
        seq = tx.scope(server.field)
    for n, content in enumerate(CONTENTS):
        add_photo(server.service, tmp_path / "server", content, server.field)
        assert at.y02() == ([] if n == 3 else [f"warning 照片已到 {n + 1}/4"])
        assert at.media()[:2] == (n + 1, 4)
        if n == 2:
            assert at.owing() == {code(server, two): 1}
    with server.service.store.reading() as tx:
        assert tx.scope(server.field) == seq
    assert at.media() == Media(4, 4)
    assert at.reader.report(server.project, NOW) is at.reader.report(
        server.project, NOW
    )  # nothing moved: nothing is made anew


def test_a_file_sent_for_another_project_is_not_here(
    server: Server, devices: tuple[Device, Device], tmp_path: Path
) -> None:
    """Else naming a hash would tell whether somebody else has such a file."""
    at = Reader(server)
    add_photo(server.service, tmp_path / "server", CONTENTS[0], f"{server.other}.field")
    assert at.media()[:2] == (0, 4) and at.y02() == ["warning 照片已到 0/4"]
    with server.service.store.writing() as tx:
        tx.add_blob_source(SourceRow(SHAS[0], server.field, server.sampler, None, "a.jpg", "2026-11-21T10:00:00+08:00"))
    assert at.media()[:2] == (1, 4)


def test_voided_photos_and_those_of_the_server(server: Server, devices: tuple[Device, Device]) -> None:
    at, (one, _) = Reader(server), devices
    line = one.change("photo", shot(server, "ab" * 32))
    one.push([line])
    record = change.decode(line).record
    assert at.media().named == 5
    void = one.change(
        "photo", {"deleted": True, "void_reason": "拍错了"}, record, {"deleted": None, "void_reason": None}
    )
    assert outcomes(one.push([void])) == ["applied"]
    assert at.media().named == 4
    server.service.write(None, [Write("photo", server.new_id(), server.field, shot(server, "cd" * 32))])
    assert Owing("", "", 1) in at.media().owing


def test_only_what_one_may_read_is_counted(server: Server, devices: tuple[Device, Device]) -> None:
    at = Reader(server)
    id = server.new_id()
    officer = {"person_id": server.inspector, "name": "检", "duty": "inspector"}
    values = {"code": "J1", "kind": "sampling_supervision", "site_id": server.site, "org_id": server.org, "place": "东墙",
              "officers": [officer], "started_at": "2026-11-21T10:00:00+08:00"}  # fmt: skip
    subject = {"subject_kind": "inspection", "subject_id": id}
    server.service.write(None, [Write("inspection", id, server.enforcement, values)])
    server.service.write(
        None, [Write("photo", server.new_id(), server.enforcement, shot(server, "ef" * 32, **subject))]
    )
    assert at.media(frozenset({"field", "organisation"})).named == 4 and at.media().named == 5


def test_the_page_says_how_many_and_whose(server: Server, devices: tuple[Device, Device], tmp_path: Path) -> None:
    desk = Desk(server, server.pm)
    path = f"/console/projects/{server.project}"
    add_photo(server.service, tmp_path / "server", CONTENTS[0], server.field)
    page = desk.call("GET", path).text
    assert "照片已到 1/4" in page and "照片未到" in page and "Y02" in page
    assert "Photos here: 1 of 4" in desk.call("GET", f"{path}?lang=en").text
    for content in CONTENTS[1:]:
        add_photo(server.service, tmp_path / "server", content, server.field)
    page = desk.call("GET", path).text
    assert "照片已到 4/4" in page and "Y02" not in page
    server.service.write(None, [Write("photo", server.new_id(), server.field, shot(server, "cd" * 32))])
    assert "另有照片未到：不是平板记的 1" in desk.call("GET", path).text


def test_a_project_without_photos_says_nothing_of_them(server: Server) -> None:
    page = Desk(server, server.pm).call("GET", f"/console/projects/{server.project}").text
    assert "照片已到" not in page and "照片未到" not in page


def test_a_file_sent_for_one_scope_is_not_here_for_another(
    server: Server, devices: tuple[Device, Device], tmp_path: Path
) -> None:
    """An inspector shows a sampler's picture: who reads only the field's records could not open it."""
    at = Reader(server)
    for content in CONTENTS:
        add_photo(server.service, tmp_path / "server", content, server.enforcement)
    assert at.media()[:2] == (0, 4)
    for content in CONTENTS:
        add_photo(server.service, tmp_path / "server", content, server.field)
    assert at.media()[:2] == (4, 4)
