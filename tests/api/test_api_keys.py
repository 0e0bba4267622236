"""Keys for programs: made once, shown once, reading only, and no more than the person may read at that moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from schemas.problems import Trouble
from sync_server.auth import KEY_SIGN
from sync_server.restore import restore
from tests.api.test_console_people import Firm
from tests.ui.console_seed import NOW


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    made = Firm(tmp_path_factory.mktemp("keys"))
    yield made
    made.parts.service.store.close()


@pytest.fixture(autouse=True)
def _clock(firm: Firm) -> None:
    firm.now = NOW


def made(firm: Firm, user: str = "xujing", name: str = "办公室 QGIS", days: str = "30") -> tuple[httpx.Response, str]:
    answer = firm.post(firm.as_(user), "/console/me/keys", name=name, days=days)
    found = re.search(rf'id="key"[^>]+value="({KEY_SIGN}[\w-]+)"', answer.text)
    return answer, found[1] if found else ""


def refused(firm: Firm, key: str) -> bool:
    try:
        firm.parts.auth.by_key(key)
    except Trouble as err:
        return err.problem.number == 2002
    return False


def test_a_key_is_shown_once_and_kept_as_a_hash(firm: Firm) -> None:
    answer, key = made(firm)
    assert answer.status_code == 200 and len(key) == len(KEY_SIGN) + 43 and "只显示这一次" in answer.text
    assert firm.parts.auth.by_key(key).person == firm.who["xujing"] and firm.parts.auth.by_key(key).enrolment is None
    page = firm.as_("xujing").get("/console/me").text
    assert key not in page and "办公室 QGIS" in page and "2026-12-21" in page
    data = b"".join(p.read_bytes() for p in firm.parts.settings.data.glob("server.db*"))
    assert key.encode() not in data and key[len(KEY_SIGN) :].encode() not in data
    note = firm.notes("key_made")[0]
    assert note["by"] == firm.who["xujing"] and note["detail"] == {"name": "办公室 QGIS", "days": 30}


def test_it_ends_by_time_by_hand_and_with_the_account(firm: Firm) -> None:
    _, key = made(firm)
    firm.now = NOW + timedelta(days=30, seconds=-1)
    assert not refused(firm, key)
    firm.now = NOW + timedelta(days=30)
    assert refused(firm, key)
    firm.now = NOW
    _, other = made(firm, name="一张图")
    client = firm.as_("xujing")
    page = client.get("/console/me").text
    (id,) = re.findall(r'name="key" value="([0-9a-f-]{36})">收回<span class="vh"> 一张图', page)
    assert firm.post(firm.as_("wang"), "/console/me/keys/revoke", key=id).status_code == 404  # not theirs
    assert not refused(firm, other)
    assert firm.post(client, "/console/me/keys/revoke", key=id).status_code == 303 and refused(firm, other)
    assert firm.post(client, "/console/me/keys/revoke", key=id).status_code == 303  # once more changes nothing
    assert len([n for n in firm.notes("key_revoked") if n["about"] == id]) == 1
    _, third = made(firm, "zhoulan")
    firm.parts.service.disable(firm.who["zhoulan"], True, "os:x")
    assert refused(firm, third)
    firm.parts.service.disable(firm.who["zhoulan"], False, "os:x")
    assert not refused(firm, third)


@pytest.mark.parametrize(("name", "days", "status"), [("", "30", 400), ("  ", "30", 400), ("x" * 101, "30", 400), ("好", "366", 400),
                                                      ("好", "0", 400), ("好", "many", 400), ("好", "365", 200)])  # fmt: skip
def test_what_a_key_needs(firm: Firm, name: str, days: str, status: int) -> None:
    answer, key = made(firm, "wang", name, days)
    assert answer.status_code == status and bool(key) == (status == 200)


def test_only_a_key_is_a_key(firm: Firm) -> None:
    tokens = firm.parts.auth.by_password("xujing", "correct horse battery", "here")
    _, key = made(firm)
    for other in (
        "",
        KEY_SIGN,
        "x",
        tokens.access_token,
        tokens.refresh_token or "",
        key[:-1],
        key + "x",
        key.upper(),
        "\x00",
    ):
        assert refused(firm, other), other
    with pytest.raises(Trouble):
        firm.parts.auth.caller(key)  # it opens nothing that writes
    client = firm.client()
    for method, path in (("GET", "/api/v1/me"), ("POST", "/api/v1/blocks"), ("GET", "/console/me")):
        answer = client(method, path, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code in (401, 303), path


def test_what_it_reads_follows_the_person(firm: Firm) -> None:
    """Through the features for maps, which take keys."""
    _, key = made(firm, "zhoulan")
    bearer = {"Authorization": f"Bearer {key}"}
    collections = firm.client().get("/ogc/collections", headers=bearer)
    assert collections.status_code == 200 and firm.seeded.project in collections.text
    firm.parts.service.withdraw(firm.who["zhoulan"], firm.seeded.project, "sampler")
    assert firm.seeded.project not in firm.client().get("/ogc/collections", headers=bearer).text
    firm.parts.service.grant(firm.who["zhoulan"], firm.seeded.project, "sampler")


def test_use_is_written_down_once_a_minute(firm: Firm) -> None:
    _, key = made(firm, "pm2", "常用")
    times = []
    for seconds in (0, 10, 59, 61, 100):
        firm.now = NOW + timedelta(seconds=seconds)
        firm.parts.auth.by_key(key)
        (row,) = [k for k in firm.parts.auth.keys_of(firm.who["pm2"]) if k["name"] == "常用"]
        times.append(row["used_at"] - int(NOW.timestamp() * 1000))
    assert times == [0, 0, 0, 61_000, 61_000]


def test_a_key_revoked_after_the_backup_does_not_come_back(tmp_path: Path) -> None:
    from sync_server import backup as backups
    from sync_server.main import create_app, open_store, service_of
    from sync_server.settings import Settings

    firm = Firm(tmp_path / "old")
    _, key = made(firm)
    link = firm.invited(firm.person())
    backups.backup(firm.parts.settings, open_store, service_of, tmp_path / "a.jtb", "os:x")
    firm.parts.service.store.close()
    settings = Settings(data=tmp_path / "new")
    restore(settings, open_store, service_of, tmp_path / "a.jtb", "os:x")
    parts = create_app(settings, clock=lambda: NOW).state.parts
    with pytest.raises(Trouble):
        parts.auth.by_key(key)
    found = parts.service.invitation(link.rpartition("/")[2])
    assert found is not None and found.state == "withdrawn"
    parts.service.store.close()
