"""What goes into an evidence package, byte for byte, and what must never be in one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import resource
import sys
import threading
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from schemas.problems import Trouble
from schemas.rules.judging import records
from sync_server.cli import app
from sync_server.proof import archive, overview, page, writing
from sync_server.proof.verify import verify
from tests.api.conftest import AT, Device, Server, Values, outcomes
from tests.api.evidence_scene import HOSTILE, Scene

OUT_OF_IT = (b"FOREIGN", b"BROKEN-MARK", b"NEIGHBOUR")


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Scene:
    return Scene(server, tmp_path)


class Package:
    """A package read with nothing but the standard library."""

    def __init__(self, path: Path) -> None:
        self.path, self.data = path, path.read_bytes()
        with zipfile.ZipFile(path) as z:
            self.infos = z.infolist()
            self.comment = z.comment
            self.files = {i.filename: z.read(i) for i in self.infos}
        self.about = json.loads(self.files["package.json"])
        self.keys = {k["enrolment"]: k for k in json.loads(self.files["keys.json"])["enrolments"]}

    def lines(self, name: str | None) -> list[Values]:
        return [json.loads(line) for line in self.files[name].splitlines()] if name else []

    def chain(self, scope: str, enrolment: str) -> Values:
        (found,) = [c for c in self.about["chains"] if (c["scope"], c["enrolment"]) == (scope, enrolment)]
        return dict(found)

    @property
    def records(self) -> dict[str, Values]:
        return {r["id"]: r for r in self.lines("records.ndjson")}

    @property
    def shown(self) -> dict[str, Values]:
        """change → its position, of every chain."""
        out = {}
        for c in self.about["chains"]:
            for line in self.lines(c["file"]):
                if "salt" in line:
                    out[line_of(line)[7:43].decode("ascii", "replace")] = line
        return out

    @property
    def photos(self) -> dict[str, Values]:
        return {p["sha256"]: p for p in json.loads(self.files["photos.json"])}


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def line_of(shown: Values) -> bytes:
    return shown["line"].encode() if "line" in shown else unb64(shown["line64"])


def verified(public: str, message: bytes, signature: str) -> None:
    Ed25519PublicKey.from_public_bytes(unb64(public)).verify(unb64(signature), message)


def inner_of(line: Values) -> bytes:
    return bytes.fromhex(line["inner"]) if "inner" in line else sha(bytes.fromhex(line["salt"]) + line_of(line))


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def faults(path: Path) -> set[str]:
    return {f.code for f in verify(path).faults}


# --- what belongs to it ----------------------------------------------------------------------------------------------


def test_a_point_with_all_that_hangs_on_it_and_nothing_of_its_neighbours(scene: Scene, tmp_path: Path) -> None:
    scene.export(tmp_path / "o.zip", "point", "S1")
    p, ids = Package(tmp_path / "o.zip"), scene.ids
    for word in OUT_OF_IT:
        assert word not in p.data, word
    below = ["point1", "hole1", "layer1", "reading1", "sample1", "jar1", "comment1", "photo11", "photo12", "named", "before", "moved",
             "inspection1", "answer1", "finding1", "recheck1", "found1"]  # fmt: skip
    above = [
        "planned1",
        "plan",
        "xrf",
        "calibration",
        "point3",
        "planned3",
    ]  # where the reading went: the point, not what hangs on it
    people = [scene.server.org, scene.server.site, scene.server.sampler, scene.server.inspector, scene.server.former]
    devices = [x for d in (scene.a, scene.b, scene.r, scene.i) for x in (d.id, d.enrolment)]
    conflicts = [c for (c,) in scene.server.sql("SELECT id FROM conflict WHERE subject_id=?", ids["point1"])]
    assert len(conflicts) == 1
    assert set(p.records) - {scene.server.pm, scene.server.project} == {
        *(ids[n] for n in below + above), *people, *devices, *conflicts,
    }  # fmt: skip
    # and what is in no record: a sample that waits, a refused edit, what came from the revoked tablet, what the clone said
    for word in (
        b"CHILD-parked",
        b"MINE-rejected",
        b"CHILD-after",
        b"CHILD-cloned",
        b"MINE-decided",
        b"MINE-reason",
        b"MOVEDTO-note",
    ):
        assert word in p.data, word
    outcomes_shown = {s["outcome"] for s in p.shown.values()}
    assert outcomes_shown == {"applied", "conflict", "parked", "rejected"}
    assert p.about["counts"]["hidden"] > 0
    assert faults(tmp_path / "o.zip") == {"device.cloned"}  # which is so


def test_an_inspection_without_the_samples_of_its_point(scene: Scene, tmp_path: Path) -> None:
    for wanted in ("J1", scene.ids["inspection1"]):
        out = tmp_path / f"{wanted[:3]}.zip"
        scene.export(out, "inspection", wanted)
        p = Package(out)
        for word in (*OUT_OF_IT, b"CHILD", b"MOVEDTO", b"BROKEN"):
            assert word not in p.data, word
        for name in ("inspection1", "answer1", "finding1", "recheck1", "found1", "point1", "planned1", "plan"):
            assert scene.ids[name] in p.records, name
        assert b"INSPECTED-proof" in p.data
        assert verify(out).whole


def test_a_project_whole(scene: Scene, tmp_path: Path) -> None:
    scene.export(tmp_path / "o.zip")
    p, v = Package(tmp_path / "o.zip"), scene.server
    assert b"FOREIGN" not in p.data
    for word in (b"NEIGHBOUR", b"CHILD", b"MINE", b"INSPECTED"):
        assert word in p.data
    own = v.sql("SELECT id, line, outcome, seq, received_at FROM journal WHERE scope LIKE ?", f"{v.project}.%")
    assert own and {line_of(s) for s in p.shown.values()} >= {bytes(line) for _, line, *_ in own}
    assert any("line64" in s for s in p.shown.values())  # bytes that are no text at all
    hidden = [c for c in p.about["chains"] if any("inner" in x for x in p.lines(c["file"]))]
    assert {c["scope"] for c in hidden} <= {v.home}
    rows = sum(
        v.sql(f"SELECT count(*) FROM {t} WHERE scope LIKE ?", f"{v.project}.%")[0][0]
        for t in ("point", "sample", "photo", "comment")
    )
    kinds = [r["type"] for r in p.records.values()]
    assert sum(kinds.count(t) for t in ("point", "sample", "photo", "comment")) == rows
    assert faults(tmp_path / "o.zip") == {"device.cloned"}


def test_a_point_that_is_only_planned(scene: Scene, server: Server, tmp_path: Path) -> None:
    from sync_server.service import Write

    id = server.service.new_id()
    server.service.write(None, [Write("planned_point", id, server.field, {
        "plan_id": scene.ids["plan"], "code": "S9", "role": "soil", "origin": "plan", "position": {"lon": "118.8", "lat": "32.0"}})])  # fmt: skip
    scene.export(tmp_path / "o.zip", "point", "S9")
    p = Package(tmp_path / "o.zip")
    assert id in p.records and scene.ids["point1"] not in p.records
    assert verify(tmp_path / "o.zip").whole


@pytest.mark.parametrize(
    ("kind", "wanted"), [("point", "S7"), ("point", "J1"), ("inspection", "S1"), ("point", "0" * 36), ("inspection", "foreign"), ("point", "twice")]
)  # fmt: skip
def test_nothing_or_more_than_one_by_that_name(scene: Scene, tmp_path: Path, kind: Any, wanted: str) -> None:
    v = scene.server
    if wanted == "twice":
        assert (
            outcomes(scene.a.push([scene.a.change("point", v.point(code="twice")) for _ in range(2)]))
            == ["applied"] * 2
        )
    if wanted == "foreign":
        ((wanted,),) = v.sql("SELECT id FROM point WHERE scope=?", f"{v.other}.field")
    with pytest.raises(Trouble) as told:
        scene.export(tmp_path / "o.zip", kind, wanted)
    assert told.value.problem.number == 4401 and "{" not in told.value.text("zh") + told.value.text("en")
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob(".o.zip*"))


# --- the proof -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "wanted"), [("project", ""), ("point", "S1"), ("inspection", "J1")])
def test_the_chains_are_recomputed_from_the_file_alone(scene: Scene, tmp_path: Path, kind: Any, wanted: str) -> None:
    """As docs/evidence.md says it, with hashlib and a signature library only; and every line is the journal's."""
    scene.export(tmp_path / "o.zip", kind, wanted)
    p = Package(tmp_path / "o.zip")
    server_key = p.about["server_key"]
    seen = covered = 0
    for c in p.about["chains"]:
        journal = {
            pos: (bytes(line), outcome, seq, problem, at, proof)
            for pos, line, outcome, seq, problem, at, proof in scene.server.sql(
                "SELECT pos, line, outcome, seq, problem, received_at, proof FROM journal WHERE scope=? AND enrolment=?", c["scope"], c["enrolment"]
            )
        }  # fmt: skip
        link = sha(f"jingtu-chain-1\n{c['scope']}\n{c['enrolment']}".encode())
        links, lines = {0: link}, p.lines(c["file"])
        assert [x["pos"] for x in lines] == list(range(1, c["last"] + 1))
        for x in lines:
            link = bytes.fromhex(x["link"]) if "link" in x else sha(link + inner_of(x))
            links[x["pos"]] = link
            if "inner" in x:
                assert x.keys() <= {"pos", "inner", "link"}
                continue
            seen += 1
            told = (line_of(x), x["outcome"], x.get("seq"), x.get("problem"), x["received_at"], x["proof"])
            assert told == journal[x["pos"]]
            key = b"" if c["enrolment"] == "console" else bytes(32)  # the salt key of these devices
            assert (
                x["salt"]
                == hmac.digest(
                    key, line_of(x)[7:43] if x["outcome"] != "rejected" or x.get("problem") != 1001 else b"", "sha256"
                )[:16].hex()
            )
        assert link.hex() == c["head"]
        spans = []
        for r in p.lines(c["receipts"]):
            verified(server_key, r["text"].encode(), r["signature"])
            text, claim = json.loads(r["text"]), json.loads(r["claim"])
            message = f"jingtu-push-1\n{text['scope']}\n{text['enrolment']}\n{text['last']}\n{claim['head']}\n{claim['lines']}"
            verified(p.keys[c["enrolment"]]["public_key"], message.encode(), claim["signature"])
            assert claim["head"] == links[text["last"]].hex() and claim["prev"] == links[text["first"] - 1].hex()
            spans.append((text["first"], text["last"]))
        shown = [x["pos"] for x in lines if "salt" in x]
        if c["enrolment"] != "console":
            covered += len(shown)
            assert all(any(a <= pos <= b for a, b in spans) for pos in shown)
            assert all(any(a <= pos <= b for pos in shown) for a, b in spans)  # none about hidden ones only
    assert seen == p.about["counts"]["changes"] and covered


def test_the_clone_is_provable(scene: Scene, tmp_path: Path) -> None:
    scene.export(tmp_path / "o.zip", "point", "S1")
    p, a = Package(tmp_path / "o.zip"), scene.a
    c = p.chain(scene.server.field, a.enrolment)
    link, links = sha(f"jingtu-chain-1\n{c['scope']}\n{c['enrolment']}".encode()), {}
    for x in p.lines(c["file"]):
        links[x["pos"]] = link = sha(link + inner_of(x))
    forks = p.lines(c["forks"])
    assert [len(f["lines"]) for f in forks] == [1, 2]
    for f in forks:
        claim, pos = json.loads(f["claim"]), f["lines"][0]["pos"]
        at = links[pos - 1]
        for x in f["lines"]:
            at = sha(at + inner_of(x))
        assert at.hex() == claim["head"] and at != links.get(pos)
        message = (
            f"jingtu-push-1\n{c['scope']}\n{c['enrolment']}\n{f['lines'][-1]['pos']}\n{claim['head']}\n{claim['lines']}"
        )
        verified(p.keys[a.enrolment]["public_key"], message.encode(), claim["signature"])
    assert line_of(forks[0]["lines"][0]) == scene.clone[0] and "inner" in forks[1]["lines"][1]


def test_decisions_and_keys(scene: Scene, tmp_path: Path) -> None:
    scene.export(tmp_path / "o.zip", "point", "S1")
    p = Package(tmp_path / "o.zip")
    (d,) = json.loads(p.files["decisions.json"])
    assert (d["id"], d["accepted"], d["by"], d["reason"]) == (scene.decided, True, scene.server.pm, "MINE-reason")
    assert {e: k["state"] for e, k in p.keys.items()} == {
        d.enrolment: "revoked" if d is scene.r else "enrolled" for d in (scene.a, scene.b, scene.r, scene.i)
    }
    assert {c["enrolment"] for c in p.about["chains"]} == {*p.keys, "console"}


def test_photos_there_missing_foreign_and_damaged(scene: Scene, tmp_path: Path) -> None:
    rotten = scene.photos["found1"]
    path = scene.files.path(rotten)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    scene.export(tmp_path / "o.zip", "point", "S1")
    p = Package(tmp_path / "o.zip")
    there = {s: (x["there"], x.get("damaged", False)) for s, x in p.photos.items()}
    name = scene.photos
    assert there == {
        name["photo11"]: (True, False),
        name["photo12"]: (False, False),
        name["foreign"]: (False, False),
        rotten: (False, True),
    }
    data = p.files[f"photos/{name['photo11']}.jpg"]
    assert hashlib.sha256(data).hexdigest() == name["photo11"] and len(data) == p.photos[name["photo11"]]["size"]
    assert p.photos[name["photo11"]]["exif"]["width"] == 160 and p.photos[name["photo11"]]["records"] == [
        scene.ids["photo11"]
    ]
    assert p.about["counts"]["photos"] == 4 and p.about["counts"]["photos_missing"] == 3
    assert [n for n in p.files if n.startswith("photos/")] == [f"photos/{name['photo11']}.jpg"]
    assert faults(tmp_path / "o.zip") == {"device.cloned"}


def test_a_hash_that_is_named_opens_no_picture_of_an_inspection(scene: Scene, server: Server, tmp_path: Path) -> None:
    """A sampler names, in a record of his own, the picture of another point's inspection; the bytes came for that alone."""
    theirs = scene.photos["found2"]
    mine = scene.photo("borrowed", "point1", "CHILD-borrowed", 97, False) | {"sha256": theirs}
    scene.send(scene.a, [scene.a.change("photo", mine)])
    scene.export(tmp_path / "o.zip", "point", "S1")
    p = Package(tmp_path / "o.zip")
    assert f"photos/{theirs}.jpg" not in p.files
    assert not p.photos[theirs]["there"] and "by" not in p.photos[theirs]
    assert faults(tmp_path / "o.zip") == {"device.cloned"}
    scene.export(tmp_path / "all.zip")
    assert f"photos/{theirs}.jpg" in Package(tmp_path / "all.zip").files


def test_a_conflict_is_whole_also_under_rules_of_another_day(
    server: Server, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a change clashed, half went in. A later version whose rules would not let the half in must not cry wolf."""
    point, other = server.new_id(), Device(server, server.former)
    assert outcomes(device.push([device.change("point", server.point(code="S1"), point)])) == ["applied"]
    assert outcomes(other.push([other.change("point", {"wind": "南"}, point, {"wind": "北"})])) == ["applied"]
    half = device.change("point", {"wind": "东", "surface_kind": "土"}, point, {"wind": "北", "surface_kind": None})
    assert outcomes(device.push([half])) == ["conflict"]
    (row,) = server.service.records("point", server.field)
    assert (row.values["wind"], row.values["surface_kind"]) == ("南", "土")
    with server.service.store.reading() as tx:
        (project,) = tx.load("project", [server.project])
    wanted = writing.Wanted(project, "project", "", writing.Named(id="x", name="x"))
    writing.export(server.service, server.app.state.parts.files, wanted, tmp_path / "o.zip")
    assert verify(tmp_path / "o.zip").whole
    monkeypatch.setattr(records, "check", lambda *_: ["no longer"])
    assert verify(tmp_path / "o.zip").whole, verify(tmp_path / "o.zip").faults


def test_an_unproven_line_shown_and_hidden(server: Server, device: Device, tmp_path: Path) -> None:
    """Where a chain had rotted on the device, the package says so instead of failing."""
    from schemas import canonical
    from schemas.rules import evidence

    lines = [device.change("point", server.point(code=c)) for c in "abc"]
    head = device.head(lines, server.field)
    start = evidence.first_link(server.field, device.enrolment)
    links = [x.hex() for x in evidence.links(start, device.salt, [(x[7:43].decode(), x) for x in lines])]
    rotten = [lines[0], lines[1].replace(b'"b"', b'"B"'), lines[2]]
    whole = evidence.lines_hash(rotten)
    message = evidence.head_message(server.field, device.enrolment, 3, bytes.fromhex(head["head"]), whole)
    head |= {"lines": whole, "signature": evidence.sign(device.private, message), "links": links}
    assert outcomes(device.raw(server.field, b"\n".join([canonical.dumps(head), *rotten]))) == ["applied"] * 3
    device.heads[server.field] = (3, bytes.fromhex(links[-1]))
    assert outcomes(device.push([device.change("point", server.point(code="d"))])) == ["applied"]
    for code in ("a", "B", "d"):  # the last came later, in a push of its own
        out = tmp_path / f"{code}.zip"
        with server.service.store.reading() as tx:
            (project,) = tx.load("project", [server.project])
        by = writing.Named(id="x", name="x")
        writing.export(server.service, server.app.state.parts.files, writing.Wanted(project, "point", code, by), out)
        p = Package(out)
        second = p.lines(p.chain(server.field, device.enrolment)["file"])[1]
        assert second["link"] == links[1] and ("salt" in second) == (code == "B")
        assert verify(out).whole, [f for f in verify(out).faults]


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_zip_is_as_it_is_written_down(scene: Scene, tmp_path: Path) -> None:
    done = scene.export(tmp_path / "o.zip", "point", "S1")
    p = Package(tmp_path / "o.zip")
    assert [i.filename for i in p.infos][-1] == "package.json" and len(p.files) == len(p.infos)
    for i in p.infos:
        assert i.compress_type == zipfile.ZIP_STORED and i.date_time == (1980, 1, 1, 0, 0, 0) and i.flag_bits == 0
        assert i.external_attr == 0o100644 << 16 and i.extra == b"" and i.filename.isascii()
    named = {n: (hashlib.sha256(d).hexdigest(), len(d)) for n, d in p.files.items() if n != "package.json"}
    assert {n: (f["sha256"], f["size"]) for n, f in p.about["files"].items()} == named
    word, key, signature = p.comment.decode().split(" ")
    assert (word, key) == ("jingtu-seal-1", scene.server.service.server_key)
    verified(key, b"jingtu-seal-1\n" + hashlib.sha256(p.data[: -len(p.comment)]).hexdigest().encode(), signature)
    assert (done.sha256, done.size) == (hashlib.sha256(p.data).hexdigest(), len(p.data))
    scene.export(tmp_path / "again.zip", "point", "S1")  # at the same moment, by our clock
    assert (tmp_path / "again.zip").read_bytes() == p.data


def test_zip64_where_a_chain_may_be_large(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGE", 1)
    scene.export(tmp_path / "o.zip", "inspection", "J1")
    assert verify(tmp_path / "o.zip").whole


def test_a_file_that_is_there_stays_and_a_cut_run_leaves_nothing(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o.zip"
    out.write_bytes(b"mine")
    for place in (out, tmp_path / "no" / "o.zip", tmp_path):
        with pytest.raises(Trouble) as told:
            scene.export(place)
        assert told.value.problem.number == 4101
    assert out.read_bytes() == b"mine"

    def cut(*_: Any) -> Any:
        raise KeyboardInterrupt

    before = sorted(x.name for x in tmp_path.iterdir())
    with monkeypatch.context() as m:
        m.setattr(writing, "overview", cut)
        with pytest.raises(KeyboardInterrupt):
            scene.export(out, force=True)
    assert sorted(x.name for x in tmp_path.iterdir()) == before and out.read_bytes() == b"mine"
    scene.export(out, force=True)
    assert zipfile.is_zipfile(out)


# --- the page --------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.ways: set[str] = set()
        self.anchors: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        self.ways |= {v or "" for name, v in attrs if name in ("href", "src", "srcset", "action", "poster")}
        self.anchors |= {v or "" for name, v in attrs if name == "id"}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: bytes) -> Tags:
    tags = Tags()
    tags.feed(html.decode())
    return tags


def test_the_page_asks_for_nothing_and_believes_nobody(scene: Scene, tmp_path: Path) -> None:
    scene.export(tmp_path / "o.zip", "point", "S1")
    p = Package(tmp_path / "o.zip")
    html = p.files["index.html"]
    tags = read(html)
    assert not tags.seen & {"script", "iframe", "object", "embed", "link", "form", "base"}
    assert {w for w in tags.ways if not w.startswith("#")} == {
        f"photos/{scene.photos['photo11']}.jpg",
        f"photos/{scene.photos['found1']}.jpg",
    }
    assert {w[1:] for w in tags.ways if w.startswith("#")} <= tags.anchors
    said = "".join(tags.text)
    assert "宽 px" in said  # what a photo's file says has names
    assert HOSTILE.replace("\u202e", "⟨U+202E⟩") in said and "\u202e" not in html.decode()
    assert re.search(rb"content=\"default-src 'none'", html)
    for word in ("晴", "雨", "CHILD-parked", "MINE-decided", "MINE-reason", "CHILD-cloned"):
        assert word in said, word
    for id in p.records:
        assert f"r-{id}" in tags.anchors  # each record has its place


def test_many_records_are_parted(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (page, writing, overview):
        monkeypatch.setattr(module, "PER_PAGE", 10)
    monkeypatch.setattr(page, "AT_ONCE", 3)
    scene.export(tmp_path / "o.zip")
    p = Package(tmp_path / "o.zip")
    names = [n for n in p.files if n.startswith("pages/")]
    assert names == [f"pages/{n}.html" for n in range(1, len(names) + 1)] and len(names) >= 5
    pages = {n: read(p.files[n]) for n in (*names, "index.html")}
    for name, tags in pages.items():
        for way in tags.ways:
            file, _, anchor = way.partition("#")
            goal = (
                file.removeprefix("../")
                if way.startswith("../")
                else f"pages/{file}"
                if name != "index.html" and file
                else file or name
            )
            assert goal in p.files and (not anchor or anchor in pages[goal].anchors), (name, way)
    anchors = [a for n in names for a in pages[n].anchors if a.startswith("r-")]
    assert sorted(anchors) == sorted(f"r-{id}" for id in p.records)
    assert faults(tmp_path / "o.zip") == {"device.cloned"}


# --- beside others, and by command -----------------------------------------------------------------------------------


def test_while_tablets_push(scene: Scene, tmp_path: Path) -> None:
    """Each package is one moment: its records are what its changes make, whatever comes in meanwhile."""
    v, over, pushed = scene.server, threading.Event(), 0
    other = Device(v, v.sampler)

    def push() -> None:
        nonlocal pushed
        while not over.is_set():
            point = v.new_id()
            lines = [other.change("point", v.point(), point), *[
                other.change("comment", {"subject_kind": "point", "subject_id": point, "text": f"t{n}", "at": AT}) for n in range(20)]]  # fmt: skip
            assert set(outcomes(other.push(lines))) == {"applied"}
            pushed += len(lines)

    thread = threading.Thread(target=push)
    thread.start()
    counts = []
    try:
        for n in range(4):
            done = scene.export(tmp_path / f"{n}.zip")
            counts.append(done.package.counts["changes"])
            assert faults(tmp_path / f"{n}.zip") == {"device.cloned"}
    finally:
        over.set()
        thread.join(20)
    assert pushed and counts == sorted(counts) and counts[0] < counts[-1]


def shell(scene: Scene, *args: str) -> Result:
    return CliRunner().invoke(app, ["evidence", "export", *args, "--data", str(scene.folder / "server")])


def test_by_command(scene: Scene, tmp_path: Path) -> None:
    v, out = scene.server, tmp_path / "o.zip"
    v.auth.add_account(v.pm, "pm", "secret-1")
    told = shell(scene, v.project, str(out), "--inspection", "J1", "--as", "pm")
    assert told.exit_code == 0, told.output + told.stderr
    p = Package(out)
    assert "证据包已写好" in told.stdout and hashlib.sha256(p.data).hexdigest() in told.stdout
    assert p.about["made_by"] == {"id": v.pm, "name": "人"}
    ((by, about, detail),) = v.sql("SELECT by, about, detail FROM audit WHERE action='evidence'")
    assert (by, about) == (v.pm, scene.ids["inspection1"])
    assert (
        json.loads(detail)["sha256"] == hashlib.sha256(p.data).hexdigest()
        and json.loads(detail)["kind"] == "inspection"
    )
    asjson = shell(scene, v.project, str(tmp_path / "p.zip"), "--point", "S1", "--json")
    assert json.loads(asjson.stdout)["counts"]["photos_missing"] == 2
    for args, number in (
        ((v.project, str(out)), 4101), ((v.project, str(tmp_path / "q.zip"), "--point", "S7"), 4401),
        (("nothing", str(tmp_path / "q.zip")), 2004), ((v.project, str(tmp_path / "q.zip"), "--point", "S1", "--inspection", "J1"), 4101),
    ):  # fmt: skip
        refused = shell(scene, *args)
        assert refused.exit_code == 1 and refused.stderr.startswith(f"{number} ") and "Traceback" not in refused.stderr
    assert not (tmp_path / "q.zip").exists()


def test_a_full_disk_is_told_and_leaves_nothing_behind(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "there"
    out.mkdir()
    sys.dont_write_bytecode = True  # half a .pyc would stay
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    whole = scene.export(tmp_path / "whole.zip").size
    for size in (0, 100, 20_000, whole - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
        try:
            with pytest.raises(Trouble) as met, archive.Archive(out / "p.zip", force=False) as zip:
                with zip.entry("a") as write:
                    for _ in range(whole // 1000 + 1):
                        write(b"x" * 1000)
                zip.seal("k" * 43, lambda _: "s" * archive.SIGNATURE, lambda *_: None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert met.value.problem.number == 4206
        assert list(out.iterdir()) == []
