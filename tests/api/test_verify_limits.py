"""What the judge of evidence packages cannot see, shown and not only said; that each of its checks is needed; that no file makes it
fall over; and that the command needs nothing of the server's packages."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.rules import evidence
from schemas.rules.judging import FAULTS, TOLD, chains, court, forks, photos, receipts, records
from schemas.rules.judging.words import ALL
from sync_server.proof.opening import Opened
from sync_server.proof.verify import _why, main
from tests.api import test_verify
from tests.api.packages import Parts, verdict
from tests.api.test_verify import Insider, Values, World, codes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("site"))
    yield made
    made.site.server.close()


# --- what whoever holds the server's key can do unseen (docs/evidence.md, 9) ----------------------------------------------


def leave_out_a_chain(i: Insider) -> None:
    """All that device c ever did, with its record."""
    chain = i.parts.chain(i.c, i.field)
    i.parts.edit_package(lambda p: p["chains"].remove(chain))
    for name in (chain["file"], chain["receipts"]):
        del i.parts.files[name]
    i.rows(lambda r: r.pop(next(id for id, x in r.items() if x["values"].get("sha256") == i.site.shas[1])))
    i.list("photos.json", lambda p: p.remove(next(x for x in p if x["sha256"] == i.site.shas[1])))
    del i.parts.files[f"photos/{i.site.shas[1]}.jpg"]


def cut_the_end(i: Insider) -> None:
    """The last batch of device a, its receipt, and what it made of the record."""
    i.chain(lambda x: x.pop())
    i.receipts(lambda r: r.pop())
    seq = i.parts.lines(i.file(i.a))[-1]["seq"]
    later = [x["seq"] for x in i.parts.lines(i.file("console")) if x.get("seq") and i.site.point in x.get("line", "")]
    i.rows(lambda r: r[i.site.point]["values"].update(note="备注 2"))
    i.rows(lambda r: r[i.site.point].update(seq=max(seq, *later)))


def hide_what_a_later_edit_wrote_over(i: Insider) -> None:
    test_verify._hide(i, 10)


def hide_the_last_edit_and_set_the_record_back(i: Insider) -> None:
    test_verify._hide(i, 11)
    i.rows(lambda r: r[i.site.point]["values"].update(note="备注 2"))
    later = [x["seq"] for f in (i.file(i.a), i.file("console")) for x in i.parts.lines(f)
             if x.get("seq") and f'"record":"{i.site.point}"' in x.get("line", "")]  # fmt: skip
    i.rows(lambda r: r[i.site.point].update(seq=max(later)))


def reject_what_was_applied_and_sign_the_receipt_anew(i: Insider) -> None:
    i.chain(lambda x: x[11].update(outcome="rejected", seq=None, problem=3001))
    i.receipts(lambda r: r.__setitem__(3, i.resign(r[3], runs=[[12, 1, "rejected", None]])))
    i.rows(lambda r: r[i.site.point]["values"].update(note="备注 2"))
    later = [x["seq"] for f in (i.file(i.a), i.file("console")) for x in i.parts.lines(f)
             if x.get("seq") and f'"record":"{i.site.point}"' in x.get("line", "")]  # fmt: skip
    i.rows(lambda r: r[i.site.point].update(seq=max(later)))


def date_a_receipt_back(i: Insider) -> None:
    i.receipts(lambda r: r.__setitem__(0, i.resign(r[0], at="2026-01-01T00:00:00.000+00:00")))


def pass_a_signed_line_off_as_broken(i: Insider) -> None:
    """An altered line, given out for one that rotted on the device. The lines' own hash is signed, but one of them is hidden."""
    lines = i.parts.lines(i.file(i.a))
    link, links = evidence.first_link(i.field, i.a), []
    for x in lines:
        links.append(link := test_verify._next(link, x))
    n = next(n for n, x in enumerate(lines) if '"after":{"note":"备注 1"}' in x.get("line", ""))

    def edit(x: list[Values]) -> None:
        x[n] |= {
            "line": x[n]["line"].replace('"mono_ms":1', '"mono_ms":9'),
            "proof": "unproven",
            "link": links[n].hex(),
        }

    i.chain(edit)
    first = json.loads(i.parts.lines(i.file(i.a, "receipts"))[1]["text"])["first"]
    claimed = [x.hex() for x in links[first - 1 : n + 1]]
    i.receipts(lambda r: r[1].update(claim=test_verify._edited(r[1]["claim"], links=claimed)))


def accept_what_waits(i: Insider) -> None:
    """The parked photo goes in; a receipt said no more than that it waits."""
    line: dict[str, Any] = {}

    def edit(x: list[Values]) -> None:
        y = next(y for y in x if y.get("outcome") == "parked")
        y |= {"outcome": "applied", "seq": 90, "problem": None, "detail": None}
        line.update(json.loads(y["line"]))

    i.chain(edit)
    i.rows(lambda r: r.update(x={"id": line["record"], "seq": 90, "type": "photo", "values": line["after"]}))
    i.list(
        "photos.json",
        lambda p: next(x for x in p if x["sha256"] == line["after"]["sha256"])["records"].append(line["record"]),
    )


def rewrite_what_the_server_itself_wrote(i: Insider) -> None:
    i.chain(lambda x: test_verify._replace(x, "现场核实", "无需核实"), of="console")
    conflict = next(x["id"] for x in i.parts.lines("records.ndjson") if x["type"] == "conflict")
    i.rows(lambda r: r[conflict]["values"].update(reason="无需核实"))


def give_a_device_another_key(i: Insider) -> None:
    """He makes a key himself, signs the altered chain with it, and says it was the tablet's."""
    key = evidence.new_key()
    i.chain(lambda x: x[0].update(line=x[0]["line"].replace('"note":"r', '"note":"s')), of=i.c)
    (x,) = i.parts.lines(i.file(i.c))
    x["line"] = x["line"].replace('"step":"surface"', '"step":"opening"')
    i.parts.put_lines(i.file(i.c), [x])
    i.parts.relink(i.c, i.field)
    head = i.parts.chain(i.c, i.field)["head"]
    lines = hashlib.sha256(x["line"].encode()).hexdigest()
    signature = evidence.sign(key, evidence.head_message(i.field, i.c, 1, bytes.fromhex(head), lines))

    def edit(r: list[Values]) -> None:
        r[0] = {
            **i.resign(r[0], head=head),
            "claim": test_verify._edited(r[0]["claim"], head=head, lines=lines, signature=signature),
        }

    i.receipts(edit, of=i.c)
    public = evidence.public_of(key)
    i.list("keys.json", lambda k: next(e for e in k["enrolments"] if e["enrolment"] == i.c).update(public_key=public))
    old = next(r for r in i.parts.lines("records.ndjson") if r["id"] == i.c)["values"]["public_key"]
    i.chain_of_home(old, public)
    i.rows(lambda r: r[i.c]["values"].update(public_key=public))
    i.rows(lambda r: r[json.loads(x["line"])["record"]]["values"].update(step="opening"))


def say_that_a_photo_never_came(i: Insider) -> None:
    i.list("photos.json", lambda p: next(x for x in p if x["sha256"] == i.site.shas[0]).update(there=False))
    del i.parts.files[f"photos/{i.site.shas[0]}.jpg"]


def rename_people_and_rewrite_the_page(i: Insider) -> None:
    i.list("keys.json", lambda k: [e.update(person_name="李四") for e in k["enrolments"]])
    i.parts.files["index.html"] = b"<p>anything"
    i.parts.edit_package(lambda p: p.update(made_at="2020-01-01T00:00:00.000+00:00"))
    i.chain(lambda x: x[0].update(received_at="2020-01-01T00:00:00.000+00:00"))


UNSEEN: list[Callable[[Insider], None]] = [
    leave_out_a_chain,
    cut_the_end,
    hide_what_a_later_edit_wrote_over,
    hide_the_last_edit_and_set_the_record_back,
    reject_what_was_applied_and_sign_the_receipt_anew,
    date_a_receipt_back,
    accept_what_waits,
    rewrite_what_the_server_itself_wrote,
    give_a_device_another_key,
    say_that_a_photo_never_came,
    rename_people_and_rewrite_the_page,
    pass_a_signed_line_off_as_broken,
]


@pytest.mark.parametrize("tampering", UNSEEN, ids=lambda x: x.__name__)
def test_what_the_holder_of_the_servers_key_can_do_unseen(world: World, tampering: Callable[[Insider], None]) -> None:
    i = Insider(world, world.point)
    tampering(i)
    data = i.parts.sealed(world.site.key)
    assert data != world.point and codes(data) == set()
    said = {s.code for s in (*verdict(data).claimed, *verdict(data).unknown)}
    assert {
        "unknown.left_out",
        "unknown.key",
        "claimed.server",
        "claimed.index",
        "claimed.person",
    } <= said  # and it says so


def test_a_line_passed_off_as_broken_is_never_called_signed(world: World) -> None:
    i = Insider(world, world.point)
    assert "told.unproven" not in {t.code for t in verdict(world.point).told}
    pass_a_signed_line_off_as_broken(i)
    v = verdict(i.parts.sealed(world.site.key))
    (said,) = [t for t in v.told if t.code == "told.unproven"]
    (chain,) = [c for c in v.chains if c["enrolment"] == i.a]
    assert chain["unproven"] == 1 and said.pos == 10
    assert any("1 whose chain was broken" in s.en for s in v.proved if s.code == "proved.signed")


def test_the_document_lists_the_unseen_and_every_code() -> None:
    text = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    for code in ALL:
        assert f"`{code}`" in text, code
    for tampering in UNSEEN:
        assert f"`{tampering.__name__}`" in text, tampering.__name__


def test_in_a_whole_project_nothing_may_be_hidden(world: World) -> None:
    i = Insider(world, world.project)
    n = next(n for n, x in enumerate(i.parts.lines(i.file(i.a))) if "邻点" in x["line"])
    test_verify._hide(i, n)
    assert "chain.hidden" in i.codes()


def test_in_a_whole_project_no_chain_may_be_left_out(world: World) -> None:
    """The numbers the server gave its changes have no holes; what was cut off at the end only a tablet can tell."""
    i = Insider(world, world.project)
    leave_out_a_chain(i)
    assert i.codes() == {"line.missing"}
    assert "line.missing" not in codes(world.project)


def test_every_fault_is_tried(world: World) -> None:
    """Each code of a fault is expected by a test; those that are not of the insider's table stand here."""
    table = set().union(*(expected for _, expected in test_verify.INSIDER))
    elsewhere = {
        "zip.unreadable", "zip.structure", "zip.trailing", "zip.crc", "seal.missing", "seal.key", "seal.signature", "server_key.other",
        "file.missing", "file.order", "file.size", "file.hash", "file.large", "package.version", "package.counts", "key.form", "fork.head",
        "chain.hidden", "chain.link", "line.form", "line.scope", "line.missing", "record.mixed",
    }  # fmt: skip
    assert FAULTS.keys() == table | elsewhere and not table & elsewhere
    assert not FAULTS.keys() & TOLD.keys()


# --- the container -----------------------------------------------------------------------------------------------------


def _zip(world: World, **how: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **how) as z:
        for name, data in Parts(world.point).files.items():
            z.writestr(name, data)
        z.comment = Parts(world.point).comment
    return out.getvalue()


def test_faults_of_the_zip_are_named(world: World) -> None:
    data, parts = world.point, Parts(world.point)
    at = data.index(b"photos.json")
    assert {"zip.structure", "seal.signature"} <= codes(data[:at] + b"P" + data[at + 1 :])  # the local header
    assert {"zip.crc", "file.hash", "seal.signature"} <= codes(data.replace(b"<title>", b"<Title>", 1))
    assert "zip.trailing" in codes(data + b"x")
    assert "zip.trailing" not in codes(data[:-10]) >= {"zip.structure", "seal.missing"}  # there is less, not more
    assert "zip.structure" in codes(b"#!/bin/sh\n" + data)
    assert "zip.structure" in codes(_zip(world, compression=zipfile.ZIP_DEFLATED))
    twice = io.BytesIO(data)
    with pytest.warns(UserWarning), zipfile.ZipFile(twice, "a") as z:
        z.writestr("keys.json", b"{}")
    assert {"zip.structure"} <= codes(twice.getvalue())
    assert codes(b"") == codes(b"PK") == codes(b"x" * 100_000) == {"zip.unreadable"}
    comment = parts.comment
    assert codes(data[: -len(comment)] + b"x" * len(comment)) == {"seal.missing"}
    other = evidence.new_key()
    assert "seal.key" in codes(
        data.replace(
            comment, comment.replace(evidence.public_of(world.site.key).encode(), evidence.public_of(other).encode())
        )
    )
    del parts.files["index.html"]
    assert {"file.missing", "seal.signature"} <= codes(parts.zipped())
    assert codes(zipped({"a": b"b"})) == {"file.missing"}
    longer = Parts(data)
    longer.files["index.html"] += b" "
    assert {"file.size", "file.hash", "seal.signature"} <= codes(longer.zipped())


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def test_faults_of_files_and_forms_are_named(world: World) -> None:
    key = world.site.key

    def after(edit: Callable[[Parts], None], **how: Any) -> set[str]:
        parts = Parts(world.point)
        edit(parts)
        return codes(parts.sealed(key, **how))

    assert after(lambda p: p.edit_package(lambda x: x["counts"].update(records=1)), recount=False) == {"package.counts"}
    for edit in (
        lambda x: x["counts"].clear(),
        lambda x: x["counts"].pop("hidden"),
        lambda x: x["counts"].update(more=0),
    ):
        assert after(lambda p, e=edit: p.edit_package(e), recount=False) == {"package.counts"}  # type: ignore[misc]
    assert after(lambda p: p.edit_package(lambda x: x.update(format=2))) == {"package.version"}
    assert after(lambda p: p.edit_package(lambda x: x.update(server_key="A" * 42 + "B"))) >= {"key.form", "seal.key"}
    assert after(lambda p: p.put("keys.json", _key(p, "A" * 42 + "B"))) >= {"key.form", "head.signature"}
    order = Parts(world.point)
    order.sealed(key)
    order.files = {"package.json": order.files["package.json"], **order.files}
    assert {"file.order"} <= codes(order.zipped())
    i = Insider(world, world.point)
    i.chain(lambda x: x[0].update(link="00" * 32))
    assert "file.form" not in i.codes()
    assert "chain.link" in i.codes()


def test_what_is_too_large_to_read_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(court, "MOST_JSON", 40_000)
    v = Parts(world.point)
    v.files["photos.json"] += b" " * 50_000
    assert "file.large" in codes(v.sealed(world.site.key))
    monkeypatch.setattr(court, "MOST_LINE", 1 << 10)
    v = Parts(world.point)
    v.files["records.ndjson"] += b"x" * (3 << 20)  # three pieces without an end
    assert "file.large" in codes(v.sealed(world.site.key, recount=False))


def _key(parts: Parts, key: str) -> Any:
    keys = parts.json("keys.json")
    keys["enrolments"][0]["public_key"] = key
    return keys


def test_lines_that_the_server_should_not_have_taken_are_named(world: World) -> None:
    """On the server's own chain, where nothing but the replay and the forms speak."""

    def after(old: str, new: str) -> set[str]:
        i = Insider(world, world.point)
        i.chain(lambda x: test_verify._replace(x, old, new), of="console")
        return i.codes()

    assert "line.form" in after('"before":{}', '"before":[]')
    assert "line.scope" in after(f'"scope":"{Insider(world, world.point).field}"', '"scope":"x.field"')
    assert "record.mixed" in after('"type":"conflict"', '"type":"comment"')


# --- each check is needed ----------------------------------------------------------------------------------------------


def _yes(*_: Any) -> bool:
    return True


def _nothing(*_: Any, **__: Any) -> None:
    return None


PLANTED: list[tuple[Any, str, Any, Callable[[Insider], None]]] = [
    (receipts, "signed_by", _yes, test_verify.forge_signature),
    (receipts, "signed_by", _yes, test_verify.sign_receipt_with_another_key),
    (receipts.Receipts, "_head", lambda self, pos, link, ending: self._settled(pos), test_verify.change_line),
    (receipts.Receipts, "_head", lambda self, pos, link, ending: self._settled(pos), test_verify.pretend_unproven),
    (receipts.Receipts, "_cloned", _nothing, test_verify.clone_by_two_claims),
    (receipts.Receipts, "_outcome", _nothing, test_verify.move_seq),
    (receipts, "_whole", _yes, test_verify.receipt_that_says_too_little),
    (receipts.Receipts, "claims_link", _yes, test_verify.pretend_unproven_without_the_device_saying_so),
    (chains._Walk, "_is_author", _yes, test_verify.another_person),
    (chains._Walk, "_line", lambda self, pos, line, read, data: None, test_verify.outcome_against_itself),
    (records, "_replay", lambda court, no, row: court.changes.pop(row["id"]), test_verify.edit_row),
    (photos, "_bytes", _nothing, test_verify.replace_photo),
]


@pytest.mark.parametrize(("where", "name", "blind", "tampering"), PLANTED, ids=lambda x: getattr(x, "__name__", str(x)))
def test_without_any_one_check_a_tampering_goes_through_unnamed(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    blind: Any,
    tampering: Callable[[Insider], None],
) -> None:
    (expected,) = [e for t, e in test_verify.INSIDER if t is tampering]
    i = Insider(world, world.point)
    tampering(i)
    data = i.parts.sealed(world.site.key)
    assert expected <= codes(data)
    monkeypatch.setattr(where, name, blind)
    assert not expected <= codes(data)


def test_without_the_seal_a_byte_of_the_zip_goes_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = world.point.index(b"PK\1\2") + 12  # the time of an entry: nothing else is about it
    data = world.point[:at] + bytes([world.point[at] ^ 1]) + world.point[at + 1 :]
    assert codes(data) == {"seal.signature"}
    monkeypatch.setattr("schemas.rules.judging._seal", lambda court, wanted: False)
    assert codes(data) == set()


def test_without_the_forks_a_clone_goes_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks.Forks, "judge", _nothing)
    assert codes(world.cloned) == set()


# --- any file at all ---------------------------------------------------------------------------------------------------


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(max_size=600))
def test_garbage_gets_an_answer(world: World, noise: bytes) -> None:
    assert codes(noise)
    assert codes(noise + world.point[-166:])
    assert codes(zipped({"package.json": noise}))
    parts = Parts(world.point)
    name = random.Random(noise).choice([n for n in parts.files if n != "package.json"])
    parts.files[name] = noise
    found = codes(parts.sealed(world.site.key, recount=False))
    assert found or name.startswith(("index", "pages"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(("pos", "salt", "line", "inner", "text", "claim", "lines", "id", "seq", "x")), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(JSON, st.randoms(use_true_random=False))
def test_json_of_any_shape_gets_an_answer(world: World, value: Any, r: random.Random) -> None:
    parts = Parts(world.cloned)
    name = r.choice([n for n in parts.files if n.endswith("json")])
    text = json.dumps(value)
    if name.endswith(".ndjson"):
        lines = parts.files[name].split(b"\n")
        lines[r.randrange(max(1, len(lines) - 1))] = text.encode()
        parts.files[name] = b"\n".join(lines)
    else:
        whole = parts.json(name)
        path = r.choice(list(test_verify._leaves(whole)) or [()])
        at = whole
        for key in path[:-1]:
            at = at[key]
        if path:
            at[path[-1]] = value
        parts.files[name] = json.dumps(whole if path else value).encode()
    if name != "package.json":
        codes(parts.sealed(world.site.key, recount=False))
    else:
        codes(parts.zipped())


def test_a_bomb_takes_no_memory(world: World) -> None:
    """Sizes that are declared and not there; an entry that says it is packed."""
    small = io.BytesIO()
    with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("package.json", b"0" * 50_000_000)
    assert len(small.getvalue()) < 100_000 and "zip.structure" in {
        c for c, *_ in Opened(io.BytesIO(small.getvalue())).faults
    }
    data = bytearray(world.point)
    at = data.index(b"PK\1\2")
    data[at + 20 : at + 28] = b"\xfe\xff\xff\xff" * 2  # four gigabytes, it says
    assert {"zip.structure"} <= codes(bytes(data))


# --- the command -------------------------------------------------------------------------------------------------------

BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.argv[0] = "jingtu"
from sync_server.cli import main
main()
"""


def _server_only() -> set[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {
        d.split("[")[0].split(">")[0].split("=")[0].strip().replace("-", "_")
        for d in project["optional-dependencies"]["server"]
    }
    other = {
        "python_multipart": "multipart",
        "python_calamine": "python_calamine",
        "django_js_lib_htmx": "django_js_lib_htmx",
    }
    return {other.get(n, n) for n in names} | {"starlette", "jinja2", "rich", "psycopg", "argon2", "click"}


def jingtu(*args: str, blocked: bool = True) -> subprocess.CompletedProcess[str]:
    code = BLOCKED.format(blocked=_server_only() if blocked else set())
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, env=env)


def test_verify_runs_without_the_servers_packages_and_the_rest_says_what_to_install(
    world: World, tmp_path: Path
) -> None:
    whole, bad = tmp_path / "whole.zip", tmp_path / "bad.zip"
    whole.write_bytes(world.point)
    bad.write_bytes(world.point.replace("备注 2".encode(), "备注 7".encode(), 1))
    ran = jingtu("verify", str(whole))
    assert ran.returncode == 0, ran.stderr
    for words in (
        "完好 · WHOLE",
        "证明了 · Proved",
        "只是声称 · Only claimed",
        "无从知道 · Cannot be known",
        "照片 · Photos",
    ):
        assert words in ran.stdout
    ran = jingtu("verify", str(bad), "--json")
    told = json.loads(ran.stdout)
    assert (
        ran.returncode == 1
        and not told["whole"]
        and {"seal.signature", "file.hash", "head.link"} <= {f["code"] for f in told["faults"]}
    )
    ran = jingtu("doctor")
    assert (
        ran.returncode == 2
        and "jingtu[server]" in ran.stderr
        and "安装" in ran.stderr
        and "Traceback" not in ran.stderr
    )


def test_exit_codes_and_words(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.zip"
    file.write_bytes(world.point)
    assert main([str(file)]) == 0
    assert main([str(file), "--server-key", "0" * 32]) == 1
    assert "server_key.other" in capsys.readouterr().out
    for n, data in enumerate((b"", b"not a zip", zipped({"x": b""}))):
        file.write_bytes(data)
        assert main([str(file)]) == 2
        assert main([str(file), "--json"]) == 2
        told = capsys.readouterr()
        assert "读不了" in told.err and "Traceback" not in told.err + told.out, n
    assert main([str(tmp_path / "none.zip")]) == 2
    assert "没有这个文件" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")  # would wait for ever
    for name in ("", "pipe"):
        assert main([str(tmp_path / name)]) == 2
        assert "这不是文件" in capsys.readouterr().err
    assert "没有读这个文件的权限" in _why(PermissionError(13, "Permission denied"))
    file.write_bytes(world.cloned)
    assert main([str(file)]) == 1
    out = capsys.readouterr().out
    assert "device.cloned" in out and "forks/" in out


def test_the_help_of_the_whole_command_knows_it(world: World, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from sync_server.cli import app

    file = tmp_path / "p.zip"
    file.write_bytes(world.point)
    assert "verify" in CliRunner().invoke(app, ["--help"]).output
    assert CliRunner().invoke(app, ["verify", str(file)]).exit_code == 0
