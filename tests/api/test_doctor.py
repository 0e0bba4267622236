"""`jingtu doctor`: each kind of damage is planted by SQL, named, and mended only where it is derived; evidence stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from schemas import canonical, change
from schemas.rules import evidence
from sync_server.checks import Finding
from sync_server.cli import app
from sync_server.doctor import Doctor, Report
from sync_server.main import service_of
from sync_server.service import Caller, Write
from sync_server.settings import Settings
from sync_server.store.tables import meta
from tests.api.conftest import Device, Server, outcomes
from tests.api.test_backup_photos import add_photo
from tests.unguarded import unguarded

EVIDENCE = ("journal", "receipt", "point", "site", "conflict", "fork", "decision")


def fall_ill(server: Server) -> dict[str, str]:
    """A bit of everything: a conflict, a change that waits, a refused line, a broken one, numbers handed out."""
    one, two = Device(server, server.sampler), Device(server, server.sampler)
    point = server.new_id()
    lines = [one.change("point", server.point(code="A"), record=point)]
    lines += [one.change("point", server.point(code=f"S{n}")) for n in range(4)]
    assert outcomes(one.push(lines)) == ["applied"] * 5
    mine = one.change("point", {"wind": "南"}, point, {"wind": "北"})
    yours = two.change("point", {"wind": "西"}, point, {"wind": "北"})
    assert outcomes(one.push([mine])) + outcomes(two.push([yours])) == ["applied", "conflict"]
    waits = two.change("point", server.point(code="W", site_id=server.new_id()))
    wrong = two.change("point", {"code": "X"})
    assert outcomes(two.push([waits, b'{"id":"no"}', wrong])) == ["parked", "rejected", "rejected"]
    server.service.take_block(Caller(one.person, one.enrolment), "sample", 100)
    return {"field": server.field, "pm": server.pm, "one": one.enrolment, "two": two.enrolment, "point": point}


class Patient:
    """A copy of that server's data, looked at by the shipped service."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        self.service = service_of(Settings(data=folder))
        self.names, self.field, self.point = names, names["field"], names["point"]

    def look(self) -> Report:
        return Doctor(self.service).look()

    def mend(self) -> Report:
        return Doctor(self.service).mend("os:test")

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with self.service.store.engine.connect().execution_options(reading=True) as conn, conn.begin():
            return [tuple(r) for r in conn.exec_driver_sql(statement)]

    def break_it(self, *statements: str) -> None:
        with self.service.store.engine.connect() as conn, conn.begin(), unguarded(conn):
            for s in statements:
                s = s.format_map(self.names)
                assert conn.exec_driver_sql(s).rowcount != 0, s

    def evidence(self) -> list[Any]:
        return [self.sql(f'SELECT * FROM "{t}" ORDER BY 1,2') for t in EVIDENCE]

    def everything(self) -> list[Any]:
        return [self.sql(f'SELECT * FROM "{t}" ORDER BY 1,2') for t in meta.tables] + self.evidence()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("patient") / "server"
    server = Server(folder)
    names = fall_ill(server)
    server.close()
    return folder, names


@pytest.fixture
def patient(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Patient]:
    folder, names = template
    shutil.copytree(folder, tmp_path / "server")
    made = Patient(tmp_path / "server", names)
    yield made
    made.service.store.close()


def kinds(report: Report) -> set[str]:
    return {f.check for f in report.open}


def readable(findings: list[Finding]) -> None:
    for f in findings:
        assert f.zh and f.en and any("\u4e00" <= c <= "\u9fff" for c in f.zh)
        assert f.severity == "note" or (f.remedy_zh and f.remedy_en)


def test_a_sound_server_is_called_sound_and_everything_was_looked_at(patient: Patient) -> None:
    before = patient.everything()
    report = patient.look()
    assert report.open == [] and report.findings == []
    ((journal,),) = patient.sql("SELECT count(*) FROM journal")
    ((accepted,),) = patient.sql("SELECT count(*) FROM journal WHERE seq IS NOT NULL")
    ((rows,),) = patient.sql("SELECT count(*) FROM record_type")
    c = report.checked
    assert (c["changes"], c["accepted"], c["records"], c["parked"], c["receipts"]) == (journal, accepted, rows, 1, 4)
    assert c["number blocks"] == 1 and c["scopes"] == 7
    assert patient.everything() == before
    assert patient.mend().mended == [] and patient.everything() == before  # nothing to mend, nothing done


# (what is done to the database, which check names it)
MENDED = {
    "digest": (["UPDATE scope SET digest='00ff' WHERE id='{field}'"], {"digest"}),
    "index of references lost": (["DELETE FROM record_type WHERE id='{point}'"], {"record_type"}),
    "index of references wrong": (["UPDATE record_type SET type='site' WHERE id='{point}'"], {"record_type"}),
    "not on the list": (["DELETE FROM waiting"], {"waiting"}),
    "wrongly on the list": (["INSERT INTO waiting VALUES ('nobody','site:x','{field}')"], {"waiting"}),
    "head behind": (["UPDATE chain SET pos=pos-1 WHERE enrolment='{two}'"], {"chain"}),
    "head lost": (["DELETE FROM chain WHERE enrolment='{one}'"], {"chain"}),
    "seq behind": (["UPDATE scope SET seq=seq-2 WHERE id='{field}'"], {"seq"}),
    "numbers again": (["UPDATE number_range SET next_no=1 WHERE use='sample'"], {"numbers"}),
}
KEPT = {
    "a row was altered": (["UPDATE point SET wind='东' WHERE id='{point}'"], {"rows", "digest"}),
    "a row and the digest to it": (
        ["UPDATE point SET wind='东' WHERE id='{point}'", "UPDATE scope SET digest='00' WHERE id='{field}'"], {"rows", "digest"},
    ),
    "a row is gone": (["DELETE FROM point WHERE id='{point}'"], {"rows", "digest", "record_type"}),
    "a row from nowhere": (
        ["INSERT INTO point (id,scope,seq,code) VALUES ('11111111-1111-7111-8111-111111111111','{field}',1,'Z')"],
        {"rows", "digest", "record_type"},
    ),
    "a seq was moved": (["UPDATE point SET seq=seq+50 WHERE id='{point}'"], {"rows", "digest"}),
    "a line was altered": (
        ["UPDATE journal SET line=CAST(replace(CAST(line AS TEXT),'南','东') AS BLOB) WHERE CAST(line AS TEXT) LIKE '%南%'"],
        {"chain", "signature", "rows"},
    ),
    "a line was relabelled": (["UPDATE journal SET type='site' WHERE record='{point}' AND pos=1"], {"journal"}),
    "a line is gone": (["DELETE FROM journal WHERE enrolment='{one}' AND pos=3"], {"chain", "signature", "seq", "rows"}),
    "the last line is gone": (["DELETE FROM journal WHERE enrolment='{two}' AND pos=4"], {"chain", "signature"}),
    "a link was altered": (["UPDATE journal SET link=zeroblob(32) WHERE enrolment='{one}' AND pos=2"], {"chain"}),
    "the console's chain too": (
        ["UPDATE journal SET line=CAST(replace(CAST(line AS TEXT),'地块','田') AS BLOB) WHERE enrolment='console' AND type='site'"],
        {"chain", "rows"},
    ),
    "a receipt was altered": (
        ["UPDATE receipt SET text=replace(text,'\"applied\"','\"rejected\"') WHERE enrolment='{one}'"], {"signature"},
    ),
    "a claim was altered": (
        ["UPDATE receipt SET claim=replace(claim,'\"signature\":\"','\"signature\":\"A') WHERE enrolment='{one}'"], {"signature"},
    ),
    "another device's key": (["UPDATE device_key SET salt_key='" + "A" * 43 + "' || '' , public_key='x' WHERE enrolment='{one}'"],
                             {"signature"}),
    "an outcome was changed": (
        ["UPDATE journal SET outcome='rejected', seq=NULL WHERE enrolment='{one}' AND pos=5"], {"signature", "seq", "rows"},
    ),
    "a seq twice": (["UPDATE journal SET seq=seq-1 WHERE enrolment='{one}' AND pos=5"], {"seq", "signature", "rows"}),
    "the device is unknown": (["DELETE FROM device_key WHERE enrolment='{one}'"], {"chain"}),
    "a scope is gone": (["DELETE FROM scope WHERE id='{field}'"], {"scope"}),
    "the epoch is unknown": (["UPDATE setting SET value='x' WHERE key='epoch'"], {"epoch"}),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_what_is_derived_is_named_and_mended(name: str, patient: Patient) -> None:
    statements, checks = MENDED[name]
    whole = patient.everything()
    patient.break_it(*statements)
    kept = patient.evidence()
    found = patient.look()
    assert kinds(found) == checks and found.mended == []
    assert patient.evidence() == kept
    readable(found.findings)
    done = patient.mend()
    assert done.open == [] and {f.check for f in done.mended} == checks
    assert patient.evidence() == kept  # journal, receipts and rows: not a byte
    again = patient.everything()
    position = list(meta.tables).index("audit")
    noted = again.pop(position)[len(whole.pop(position)) :]
    assert again == whole  # as it was before the damage
    assert [n[3] for n in noted] == ["mend"] * len(done.mended) and all(n[2] == "os:test" for n in noted)


@pytest.mark.parametrize("name", KEPT)
def test_damage_to_evidence_is_named_and_left_as_it_is(name: str, patient: Patient) -> None:
    statements, checks = KEPT[name]
    patient.break_it(*statements)
    damaged = patient.evidence()
    found = patient.look()
    assert kinds(found) >= checks, found.open
    readable(found.findings)
    assert any(f.severity == "error" and f.mend is None for f in found.open)
    after = patient.mend()
    assert after.open and patient.evidence() == damaged
    if "rows" in checks:  # a sum over wrong rows would hide them
        assert not [f for f in after.mended if f.check == "digest" and f.scope == patient.field]


def test_unproven_lines_and_second_chains_are_told_without_alarm(server: Server) -> None:
    device = Device(server, server.sampler)
    lines = [device.change("point", server.point(code=f"U{n}")) for n in range(3)]
    head = device.head(lines, server.field)
    rotten = [lines[0], lines[1].replace("北".encode(), "东".encode()), lines[2]]
    links = evidence.links(bytes.fromhex(head["prev"]), device.salt, [(change.change_id(x) or "", x) for x in lines])
    whole = evidence.lines_hash(rotten)
    message = evidence.head_message(server.field, device.enrolment, 3, links[-1], whole)
    signature = evidence.sign(device.private, message)
    sent = {**head, "lines": whole, "links": [x.hex() for x in links], "head": links[-1].hex(), "signature": signature}
    assert outcomes(device.raw(server.field, b"\n".join([canonical.dumps(sent), *rotten]))) == ["applied"] * 3
    fork = [device.change("point", server.point(code="F"))]
    device.heads[server.field] = (0, evidence.first_link(server.field, device.enrolment))
    assert device.push(fork, keep=False).json()["number"] == 1204
    report = Doctor(server.service).look()
    assert report.open == [] and {(f.check, f.severity) for f in report.findings} == {
        ("chain", "note"),
        ("fork", "note"),
    }
    readable(report.findings)


def test_a_parked_change_that_could_go_in_is_told(patient: Patient) -> None:
    """A process that died between its commit and what was to follow."""
    ((detail,),) = patient.sql("SELECT detail FROM journal WHERE outcome='parked'")
    site = {"code": "S9", "name": "迟", "status": "idle", "division_code": "1"}
    write = Write("site", json.loads(detail)["missing"][0].partition(":")[2], patient.field, site)
    with pytest.MonkeyPatch.context() as m:
        m.setattr("sync_server.applying.Applying.run_parked", lambda *_: 0)
        patient.service.write(patient.names["pm"], [write])
    before = patient.everything()
    (found,) = patient.look().open
    assert found.check == "parked" and patient.everything() == before
    patient.service.start()
    assert patient.look().open == []


# --- photos ----------------------------------------------------------------------------------------------------------


def photo(patient: Patient, n: int, content: bytes, **more: Any) -> str:
    """A photo record whose bytes have not come."""
    sha = sha256(content).hexdigest()
    values = {
        "sha256": sha, "step": "point_before", "subject_kind": "point", "subject_id": patient.point, "source": "app_camera",
        "taken_at": "2026-11-28T10:00:00+08:00", **more,
    }  # fmt: skip
    patient.service.write(None, [Write("photo", f"11111111-1111-7111-8111-{n:012d}", patient.field, values)])
    return sha


def notes(report: Report) -> list[str]:
    return [f.zh for f in report.findings if f.check == "photo" and f.severity == "note"]


def errors(report: Report) -> dict[str, str]:
    return {f.about: f.zh for f in report.findings if f.check == "photo" and f.severity == "error"}


def test_photos_are_counted_and_every_file_is_read(patient: Patient, tmp_path: Path) -> None:
    data = tmp_path / "server"
    contents = [b"one" * 1000, b"two" * 1000, b"three" * 1000]
    shas = [photo(patient, n, c) for n, c in enumerate(contents)]
    report = patient.look()
    assert notes(report) == ["照片未到 3 张（共 3 张）"] and report.open == []
    for content in contents[:2]:
        add_photo(patient.service, data, content, patient.field)
    alone = add_photo(patient.service, data, b"of a draft", patient.field)
    report = patient.look()
    assert notes(report) == ["照片未到 1 张（共 3 张）", "1 个文件没有记录提到（记录还没到，或是草稿里的）"]
    assert report.open == [] and (report.checked["photo files"], report.checked["photos named"]) == (3, 3)
    readable(report.findings)
    files = patient.service.shelf.files
    files.path(shas[0]).unlink()
    files.path(shas[1]).write_bytes(contents[1][:-1] + b"!")
    files.path(alone).chmod(0o600)
    report = patient.look()
    assert {about: zh[:4] for about, zh in errors(report).items()} == {shas[0]: "照片文件", shas[1]: "照片文件"}
    assert "不见了" in errors(report)[shas[0]] and "改动或损坏" in errors(report)[shas[1]]
    readable(report.findings)
    before = patient.everything()
    assert patient.mend().mended == [] and patient.everything() == before  # nothing makes bytes up


def test_what_was_left_over_is_noted(patient: Patient, tmp_path: Path) -> None:
    files = patient.service.shelf.files
    temp = tmp_path / "x"
    temp.write_bytes(b"nobody's")
    files.take(temp, sha256(b"nobody's").hexdigest())
    (files.folder / "ab").mkdir(exist_ok=True)
    (files.folder / "ab" / "half.new").write_bytes(b"x")
    patient.service.shelf.uploads.mkdir(exist_ok=True)
    (patient.service.shelf.uploads / "0190-stray").write_bytes(b"x")
    report = patient.look()
    assert [n[:6] for n in notes(report)] == ["1 个文件没", "2 个中断时"] and report.open == []
    readable(report.findings)
    assert files.has(sha256(b"nobody's").hexdigest())


SAYS = {"taken_at": "2026-11-28T10:00:05+08:00", "longitude": 118.0, "latitude": 32.0, "accuracy_m": 5.0}


@pytest.mark.parametrize(
    ("record", "file", "told"),
    [
        ({}, SAYS, ""),  # of an older tablet, which says nothing of its file
        ({}, SAYS | {"taken_at": "2026-08-01T10:00:00+08:00"}, "时间"),
        ({"file_taken_at": "2026-11-28T02:00:05Z", "file_position": {"lon": "118.0000000", "lat": "32.0000000"}}, SAYS, ""),
        ({"file_taken_at": "2026-08-01T10:00:00+08:00"}, SAYS | {"taken_at": "2026-08-01T10:00:00+08:00"}, ""),  # told: H02's
        ({"file_taken_at": "2026-11-28T10:00:00+08:00"}, SAYS | {"taken_at": "2026-08-01T10:00:00+08:00"}, "时间"),
        ({"file_position": {"lon": "118.0100000", "lat": "32.0000000"}}, SAYS, "位置"),
        ({"file_position": {"lon": "118.0100000", "lat": "32.0000000"}}, {"latitude": 32.0}, ""),
        ({"file_taken_at": "2020-01-01T10:00:00+08:00"}, {}, ""),
        ({"deleted": True, "void_reason": "拍错了"}, SAYS | {"taken_at": "2026-08-01T10:00:00+08:00"}, ""),
    ],
)  # fmt: skip
def test_what_a_file_says_is_what_its_record_says_it_says(
    patient: Patient, tmp_path: Path, record: dict[str, Any], file: dict[str, Any], told: str
) -> None:
    sha = photo(patient, 1, b"mine", **record)
    add_photo(patient.service, tmp_path / "server", b"mine", patient.field)
    with patient.service.store.writing() as tx:
        tx.set_exif(sha, json.dumps(file))
    report = patient.look()
    assert notes(report) == ([f"照片文件写的{told}与记录不符"] if told else []) and report.open == []
    readable(report.findings)


def test_one_project_reads_its_own_photos_only(patient: Patient, tmp_path: Path) -> None:
    photo(patient, 1, b"mine")
    add_photo(patient.service, tmp_path / "server", b"mine", patient.field)
    other = add_photo(patient.service, tmp_path / "server", b"another's", "other.field")
    patient.service.shelf.files.path(other).unlink()
    own = Doctor(patient.service).look(patient.field.partition(".")[0])
    assert own.open == [] and own.checked["photo files"] == 1
    assert list(errors(patient.look())) == [other]


def test_many_lost_photos_are_told_as_a_number(patient: Patient, tmp_path: Path) -> None:
    for n in range(60):
        sha = add_photo(patient.service, tmp_path / "server", b"%d" % n, patient.field)
        patient.service.shelf.files.path(sha).unlink()
    told = [f for f in patient.look().findings if f.check == "photo" and f.severity == "error"]
    assert len(told) == 51 and told[-1].zh == "还有 10 处同类问题"


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def jingtu(patient: Patient, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    yield lambda *args: CliRunner().invoke(
        app, ["doctor", *args, "--data", str(tmp_path / "server")], env={"COLUMNS": "200"}
    )


def test_the_command_says_what_it_found_and_how_it_ended(patient: Patient, jingtu: Callable[..., Result]) -> None:
    result = jingtu()
    assert result.exit_code == 0 and "完好 · sound" in result.stdout and "chains" in result.stdout
    patient.break_it("UPDATE scope SET digest='00' WHERE id='{field}'", "UPDATE point SET wind='东' WHERE id='{point}'")
    patient.break_it("DELETE FROM waiting")
    result = jingtu()
    assert (
        result.exit_code == 1
        and result.stderr.startswith("4213 体检发现 3 处问题")
        and "Traceback" not in result.stderr
    )
    assert "wind" in result.stdout
    result = jingtu("--json")
    assert patient.point in result.stdout
    told = json.loads(result.stdout)
    assert result.exit_code == 1 and not told["sound"]
    assert {f["check"]: f["can_be_mended"] for f in told["findings"]} == {
        "digest": False,
        "rows": False,
        "waiting": True,
    }
    result = jingtu("--repair", "--json")
    assert result.exit_code == 1 and [f["check"] for f in json.loads(result.stdout)["mended"]] == ["waiting"]
    patient.break_it("UPDATE point SET wind='南' WHERE id='{point}'")
    result = jingtu("--repair")
    assert result.exit_code == 0 and "已修复 · mended" in result.stdout
    assert json.loads(jingtu("P", "--json").stdout)["checked"]["scopes"] == 3  # two projects have this code: the first
    missing = jingtu("nobody")
    assert missing.exit_code == 1 and missing.stderr.startswith("2004 ")


def test_it_needs_a_server_of_its_own_age(jingtu: Callable[..., Result], patient: Patient, tmp_path: Path) -> None:
    patient.break_it("UPDATE setting SET value='1' WHERE key='schema'")
    before = patient.everything()
    result = jingtu()
    assert result.exit_code == 1 and result.stderr.startswith("4212 ") and patient.everything() == before
    empty = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path / "none")])
    assert empty.exit_code == 1 and empty.stderr.startswith("4201 ") and not (tmp_path / "none").exists()
