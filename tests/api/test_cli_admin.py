"""`jingtu organisation|project|member|user|device|block|parked|audit|backup|restore`: what an administrator does, what is
answered to people and to programs, and what stands in the audit log afterwards."""

from __future__ import annotations

import getpass
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from schemas.problems import Trouble
from sync_server.cli import app
from tests.api.conftest import Device, Server, details, outcomes

HAN = re.compile(r"[\u4e00-\u9fff]")
ME = f"os:{getpass.getuser()}"


class Office:
    """A server with people who can sign in, and commands on its data while it runs."""

    def __init__(self, server: Server, data: Path) -> None:
        self.server, self.data = server, data
        for person, name in ((server.pm, "pm"), (server.sampler, "xu"), (server.stranger, "wu")):
            server.auth.add_account(person, name, "secret-1")

    def any(self, *args: str) -> Result:
        return CliRunner().invoke(app, [*args, "--data", str(self.data)], env={"JINGTU_PASSWORD": "secret-2"})

    def run(self, *args: str) -> str:
        result = self.any(*args)
        assert result.exit_code == 0, result.output + result.stderr
        assert HAN.search(result.stdout) and re.search(r"[A-Za-z]{2}", result.stdout)
        return result.stdout

    def json(self, *args: str) -> Any:
        result = self.any(*args, "--json")
        assert result.exit_code == 0, result.output + result.stderr
        return json.loads(result.stdout)

    def refused(self, *args: str, number: int = 4101) -> str:
        result = self.any(*args)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit), (result.output, result.exception)
        assert result.stderr.startswith(f"{number} ") and HAN.search(result.stderr), result.stderr
        assert "Traceback" not in result.stderr and result.stdout == ""
        return result.stderr

    def noted(self) -> list[tuple[str, str]]:
        """Who did what, the newest first."""
        return [(n["by"], n["action"]) for n in self.json("audit")]

    def sign_in(self, username: str, password: str) -> bool:
        try:
            self.server.auth.person_of(username, password, "here")
        except Trouble as err:
            assert err.problem.number == 2001
            return False
        return True


@pytest.fixture
def office(server: Server, tmp_path: Path) -> Office:
    return Office(server, tmp_path / "server")


def test_organisations(office: Office, tmp_path: Path) -> None:
    assert [o["own"] for o in office.json("organisation", "list")] == [True]
    office.run("organisation", "add", "检测实验室", "--role", "lab")
    assert "已有单位" in office.refused("organisation", "add", "检测实验室", "--role", "lab")
    assert "--role" in office.refused("organisation", "add", "别家")
    assert "org_role" in office.refused("organisation", "add", "别家", "--role", "king")
    listed = {o["name"]: o for o in office.json("organisation", "list")}
    assert listed["检测实验室"]["roles"] == ["lab"] and not listed["检测实验室"]["own"]
    assert "检测实验室" in office.run("organisation", "list")
    new = Office.__new__(Office)
    new.data = tmp_path / "new"
    assert "还没有单位" in new.run("organisation", "list")
    new.run("organisation", "add", "本公司", "--role", "surveyor", "--uscc", "91320100MA1ABCDE0X")
    (own,) = new.json("organisation", "list")
    assert (own["name"], own["own"], own["uscc"]) == ("本公司", True, "91320100MA1ABCDE0X")
    assert "P1" in new.run("project", "add", "P1", "一期")  # the first one is the installation's own
    (project,) = new.json("project", "list")
    assert (project["code"], project["managers"], project["scopes"]["field"]) == ("P1", [], 2)


def test_a_role_given_and_taken_does_what_it_says(office: Office) -> None:
    server = office.server
    stranger = Device(server, server.stranger)
    project = server.project
    assert stranger.pull().json()["number"] == 2004
    said = office.run("member", "add", "wu", "--role", "sampler", "--project", project)
    assert "sampler" in said
    stranger.token = stranger.new_token()
    assert stranger.pull().status_code == 200
    assert office.noted()[0] == (ME, "grant")
    members = office.json("member", "list", "--project", project)
    assert {"username": "wu", "role": "sampler"}.items() <= [m for m in members if m["username"] == "wu"][0].items()
    assert "不会丢" in office.run("member", "remove", "wu", "--role", "sampler", "--project", project)
    assert stranger.pull().json()["number"] == 2004 and office.noted()[0] == (ME, "withdraw")
    late = stranger.push([stranger.change("point", server.point(code="晚"))])
    assert outcomes(late) == ["parked"]  # not lost
    assert "does not hold" in office.refused("member", "remove", "wu", "--role", "sampler", "--project", project)
    assert "project_manager" in office.refused("member", "add", "wu", "--role", "king", "--project", project)
    assert "--project" in office.refused("member", "add", "wu", "--role", "sampler")
    office.refused("member", "add", "nobody", "--role", "sampler", "--project", project)
    office.refused("member", "add", "wu", "--role", "sampler", "--project", "P9", number=2004)
    office.run("member", "add", "wu", "--role", "administrator")
    with server.service.store.reading() as tx:
        assert (server.org, "administrator") in tx.memberships(server.stranger)
    office.run("member", "add", "wu", "--role", "sampler", "--project", project)  # what waited goes in
    assert len(server.service.records("point", server.field)) == 1


def test_a_disabled_user_signs_in_nowhere(office: Office) -> None:
    server = office.server
    device = Device(server, server.sampler)
    tokens = server.auth.by_password("xu", "secret-1", "here")
    said = office.run("user", "disable", "xu")
    code = office.json("device", "list")[0]["device_code"]
    assert code in said and "--with-devices" in said  # its tablet goes on: told, not hidden
    assert office.noted()[0] == (ME, "disable")
    assert not office.sign_in("xu", "secret-1") and office.noted()[0] == ("?", "refused")
    for ended in (
        lambda: server.auth.by_refresh(tokens.refresh_token),
        lambda: server.auth.caller(tokens.access_token),
    ):
        with pytest.raises(Trouble) as caught:
            ended()
        assert caught.value.problem.number == 2002
    assert device.pull().status_code == 200
    (xu,) = [u for u in office.json("user", "list") if u["username"] == "xu"]
    assert xu["disabled"] and xu["devices"] == [code]
    assert "--with-devices" not in office.run("user", "disable", "xu", "--with-devices")
    assert device.pull().json()["number"] == 2005
    office.run("user", "enable", "xu")
    assert office.sign_in("xu", "secret-1") and device.pull().json()["number"] == 2005  # the device stays revoked
    office.refused("user", "disable", "nobody")


def test_a_new_password_ends_what_the_old_one_opened(office: Office) -> None:
    tokens = office.server.auth.by_password("xu", "secret-1", "here")
    office.run("user", "password", "xu")  # from JINGTU_PASSWORD: a prompt elsewhere
    assert office.sign_in("xu", "secret-2") and not office.sign_in("xu", "secret-1")
    with pytest.raises(Trouble):
        office.server.auth.by_refresh(tokens.refresh_token or "")
    assert office.noted()[:2] == [("?", "refused"), (ME, "password")]
    assert "secret" not in office.any("audit").stdout
    office.refused("user", "password", "nobody")


def test_devices_are_listed_revoked_and_reinstated(office: Office) -> None:
    server = office.server
    device = Device(server, server.sampler)
    assert outcomes(device.push([device.change("point", server.point())], pending=7)) == ["applied"]
    (row,) = office.json("device", "list")
    assert (row["name"], row["state"], row["pending"]) == ("人", "enrolled", 7) and row["last_seen"]
    assert row["device_code"] in office.run("device", "list")
    code = row["device_code"]
    assert "等项目经理决定" in office.run("device", "revoke", code)
    assert device.pull().json()["number"] == 2005 and office.noted()[0] == (ME, "revoked")
    assert office.json("device", "list")[0]["state"] == "revoked"
    waits = device.push([device.change("point", server.point(code="晚"))])
    assert outcomes(waits) == ["parked"] and details(waits)[0]["problem"] == 3009
    office.run("device", "reinstate", code)
    assert device.pull().status_code == 200 and len(server.service.records("point", server.field)) == 2
    for command in ("revoke", "reinstate"):
        assert "没有设备" in office.refused("device", command, "Z9")
    assert office.noted()[0] == (ME, "enrolled")
    assert "登记码" in office.run("device", "enrol", "xu") and office.noted()[0] == (ME, "code")


def test_blocks_of_numbers(office: Office) -> None:
    device = Device(office.server, office.server.sampler)
    assert "还没有发出号段" in office.run("block", "list")
    office.server.http.post("/api/v1/blocks", json={"use": "sample", "size": 50}, headers=device.auth)
    (block,) = office.json("block", "list")
    assert (block["use"], block["from_no"], block["to_no"], block["next_no"]) == ("sample", 1, 50, 51)
    assert block["device_code"] == office.json("device", "list")[0]["device_code"]
    assert "sample 51" in office.run("block", "list")


def test_parked_changes_are_decided_by_a_named_person(office: Office) -> None:
    server = office.server
    device = Device(server, server.sampler)
    office.run("device", "revoke", office.json("device", "list")[0]["device_code"])
    device.push([device.change("point", server.point(code=f"W{n}")) for n in range(3)])
    waiting = office.json("parked", "list", server.project)
    assert [w["needs_decision"] for w in waiting] == [True] * 3 and waiting[0]["zh"] and waiting[0]["device_code"]
    first, second, third = (w["id"] for w in waiting)
    assert first in office.run("parked", "list", server.project)  # in one piece, to be copied
    office.refused("parked", "accept", first, "--as", "xu", "--reason", "好", number=2003)  # a sampler may not
    office.refused("parked", "accept", first, "--as", "nobody", "--reason", "好")
    office.refused("parked", "accept", first, "--as", "pm", "--reason", " ", number=3001)
    office.refused("parked", "accept", "x", "--as", "pm", "--reason", "好", number=2004)
    assert office.any("parked", "accept", first).exit_code == 2  # who and why must be given
    assert len(office.json("parked", "list", server.project)) == 3
    done = office.any("parked", "accept", first, second, "--as", "pm", "--reason", "本人确认")
    assert done.exit_code == 0 and done.stdout.count("applied") == 2
    assert "rejected" in office.any("parked", "decline", third, "--as", "pm", "--reason", "重复").stdout
    assert office.json("parked", "list", server.project) == []
    assert len(server.service.records("point", server.field)) == 2
    (note,) = office.json("audit", "--about", third)
    assert (note["by"], note["action"], note["detail"]["reason"]) == (server.pm, "decline", "重复")


def test_the_audit_log_says_who_did_what(office: Office) -> None:
    office.run("member", "add", "wu", "--role", "sampler", "--project", office.server.project)
    office.run("user", "disable", "wu")
    assert office.noted()[:2] == [(ME, "disable"), (ME, "grant")]
    assert len(office.json("audit", "--limit", "1")) == 1
    assert {n["about"] for n in office.json("audit", "--about", office.server.stranger)} == {office.server.stranger}
    assert "disable" in office.run("audit")
    assert "没有记录" in office.run("audit", "--about", "x")


def test_backup_and_restore_as_typed(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "a.jtb"
    said = office.run("backup", str(file))  # while the server runs
    assert str(file) in said.replace("\n", "") and "完好" in said and "sound" in said and "密钥" in said
    assert office.noted()[0] == (ME, "backup")
    office.refused("backup", str(file), number=4209)
    told = office.json("backup", str(file), "--force")
    assert told["verified"] is True and told["size"] == file.stat().st_size and told["heads"][office.server.field] >= 2
    office.refused("restore", str(file), "--replace", number=4204)
    office.server.service.store.close()
    office.refused("restore", str(file), number=4205)
    office.refused("restore", str(tmp_path / "none.jtb"), number=4202)
    said = office.run("restore", str(file), "--replace")
    for words in (
        "新的数据纪元",
        "new data epoch",
        "replaced-",
        "sample 10001",
        "LOST",
        "jingtu restored list",
        "重新登录",
    ):
        assert words in said, words
    other = Office.__new__(Office)
    other.data = tmp_path / "second"
    assert "sample 5\n" in other.run("restore", str(file), "--gap", "4")
    assert other.any("restore", str(file), "--gap", "-1").exit_code == 2
    other.refused("backup", str(tmp_path / "none" / "a.jtb"), number=4201)
    shutil.rmtree(other.data)
    other.refused("backup", str(tmp_path / "b.jtb"), number=4201)
    assert not other.data.exists()


def test_restored_needs_somebody_with_the_right(office: Office) -> None:
    assert "没有" in office.run("restored", "list", office.server.project)
    office.refused("restored", "list", "P9", number=2004)
    for command in ("take", "drop"):
        office.refused("restored", command, "x", "--as", "pm", "--reason", "好", number=2004)
        office.refused("restored", command, "x", "--as", "nobody", "--reason", "好")
        assert office.any("restored", command, "x").exit_code == 2


def test_every_command_explains_itself_in_both_languages() -> None:
    """Also those that come later: a command without words is a command nobody finds."""

    def walk(typed: Any, path: list[str]) -> Iterator[tuple[list[str], Any]]:
        for command in typed.registered_commands:
            yield [*path, command.name or command.callback.__name__], command.callback.__doc__
        for group in typed.registered_groups:
            yield [*path, group.name], group.typer_instance.info.help
            yield from walk(group.typer_instance, [*path, group.name])

    seen = dict((" ".join(path), words) for path, words in walk(app, []))
    for path, words in seen.items():
        assert words and HAN.search(words) and re.search(r"[A-Za-z]{3}", words), path
    for wanted in (
        "backup",
        "restore",
        "doctor",
        "audit",
        "member add",
        "device revoke",
        "parked accept",
        "restored take",
    ):
        assert wanted in seen
