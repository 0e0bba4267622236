"""Evidence packages to try the judge on: made by the shipped exporter of a small, lively site, and taken apart for tampering.

`Insider` is whoever holds the server's own key: what he changes is hashed and sealed anew as if nothing had been.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas import canonical
from schemas.rules import evidence
from schemas.rules.judging import Verdict, judge
from schemas.rules.package import SEAL, Named, seal_message
from sync_server.proof.opening import Opened
from sync_server.proof.writing import Wanted, export
from sync_server.store.rows import BlobRow, SourceRow
from tests.api.conftest import AT, Device, Server, outcomes
from tests.unit.pictures import image, saved

Values = dict[str, Any]
WHEN = (1980, 1, 1, 0, 0, 0)


def verdict(data: bytes, server_key: str | None = None) -> Verdict:
    return judge(Opened(io.BytesIO(data)), server_key)


# --- a site ----------------------------------------------------------------------------------------------------------


@dataclass
class Site:
    server: Server
    a: Device
    b: Device
    c: Device  # does nothing but add a photo
    point: str
    photo: str
    shas: list[str]

    @property
    def key(self) -> bytes:
        """The server's private key."""
        found: bytes = self.server.service._key
        return found

    def export(self, out: Path, kind: Any = "point", id: str | None = None) -> bytes:
        s = self.server
        with s.service.store.reading() as tx:
            (project,) = tx.load("project", [s.project])
        wanted = Wanted(project, kind, self.point if id is None else id, Named(id=s.pm, name="测试"), force=True)
        export(s.service, s.app.state.parts.files, wanted, out)
        return out.read_bytes()


def picture(n: int) -> bytes:
    return saved(image(size=(24, 16), seed=n))


def store_photo(server: Server, scope: str, person: str, data: bytes, folder: Path) -> str:
    """As if it had come by the receiving path, which tests of its own are about."""
    sha = hashlib.sha256(data).hexdigest()
    temp = folder / f"{sha}.part"
    temp.write_bytes(data)
    server.app.state.parts.files.take(temp, sha)
    at = server.service.now()
    with server.service.store.writing() as tx:
        tx.add_blob(BlobRow(sha, len(data), "jpg", "a.jpg", at, json.dumps({"orientation": 1})))
        tx.add_blob_source(SourceRow(sha, scope, person, None, "a.jpg", at))
    return sha


def photo_of(server: Server, point: str, sha: str, step: str = "surface") -> Values:
    return {
        "sha256": sha,
        "step": step,
        "subject_kind": "point",
        "subject_id": point,
        "taken_at": AT,
        "source": "app_camera",
    }


def make_site(folder: Path) -> Site:
    """Three devices on two points: edits, a conflict and its decision, a change that was refused, one that waits, photos of which
    one has not come, changes of the neighbour point in between."""
    server = Server(folder / "server")
    server.service.grant(server.stranger, server.project, "sampler")
    a, b, c = (Device(server, who) for who in (server.sampler, server.stranger, server.sampler))
    p, q, photo = (server.new_id() for _ in range(3))
    shas = [store_photo(server, server.field, server.sampler, picture(n), folder) for n in (1, 2, 3)]
    missing = hashlib.sha256(b"never came").hexdigest()
    site = Site(server, a, b, c, p, photo, shas)
    took = outcomes(a.push([
        a.change("point", server.point(code="S1"), p),
        a.change("point", server.point(code="S2"), q),
        a.change("photo", photo_of(server, p, shas[0]), photo),
        a.change("photo", photo_of(server, p, missing, "opening")),
        a.change("photo", photo_of(server, q, shas[2])),
    ]))  # fmt: skip
    assert took == ["applied"] * 5
    server.clock.turn(minutes=5)
    assert outcomes(b.push([b.change("point", {"wind": "南"}, p, {"wind": "北"})])) == ["applied"]
    assert outcomes(b.push([b.change("point", {"late_entry_reason": "雨"}, p, {"late_entry_reason": None})])) == [
        "applied"
    ]
    assert outcomes(c.push([c.change("photo", photo_of(server, p, shas[1]))])) == ["applied"]
    took = outcomes(a.push([
        a.change("point", {"wind": "东"}, p, {"wind": "北"}),
        a.change("point", {"note": "邻点"}, q, {"note": None}),
        a.change("photo", photo_of(server, p, "zz")),
        a.change("photo", {**photo_of(server, p, shas[0], "casing"), "ghost_of": server.new_id()}),
        a.change("point", {"note": "备注 1"}, p, {"note": None}),
    ]))  # fmt: skip
    assert took == ["conflict", "applied", "rejected", "parked", "applied"]
    server.clock.turn(minutes=5)
    assert outcomes(a.push([a.change("point", {"note": "备注 2"}, p, {"note": "备注 1"})])) == ["applied"]
    assert outcomes(a.push([a.change("point", {"note": "备注 3"}, p, {"note": "备注 2"})])) == ["applied"]
    assert outcomes(b.push([b'{"id":"\0"}', b"\xff\xfe"])) == ["rejected"] * 2
    (conflict,) = server.service.records("conflict", server.field)
    server.service.resolve(server.pm, conflict.id, "take_after", "现场核实")
    return site


def clone(site: Site) -> None:
    """Device b's key signs another chain from position 2 on."""
    s, b = site.server, site.b
    first = s.sql("SELECT link FROM journal WHERE enrolment=? AND pos=1 AND scope=?", b.enrolment, s.field)[0][0]
    line = b.change("point", {"wind": "西"}, site.point, {"wind": "南"})
    assert b.push([line], first=2, prev=bytes(first), keep=False).status_code == 409


def rot(site: Site) -> Device:
    """A third device, one of whose lines rotted on it: the server took it unproven."""
    s = site.server
    d = Device(s, s.sampler)
    lines = [
        d.change("point", {"note": x}, site.point, {"note": y})
        for x, y in (("r1", "备注 3"), ("r2", "r1"), ("r3", "r2"))
    ]
    head, start = d.head(lines, s.field), evidence.first_link(s.field, d.enrolment)
    links = [x.hex() for x in evidence.links(start, d.salt, [(x[7:43].decode(), x) for x in lines])]
    rotten = [
        lines[0],
        lines[1].replace(b'"r2"', b'"rX"'),
        lines[2].replace(b'"before":{"note":"r2"}', b'"before":{"note":"rX"}'),
    ]
    whole = evidence.lines_hash(rotten)
    message = evidence.head_message(s.field, d.enrolment, 3, bytes.fromhex(head["head"]), whole)
    head |= {"lines": whole, "signature": evidence.sign(d.private, message), "links": links}
    assert outcomes(d.raw(s.field, b"\n".join([canonical.dumps(head), *rotten]))) == ["applied"] * 3
    return d


# --- taken apart -----------------------------------------------------------------------------------------------------


class Parts:
    """A package's files, to be altered and put together again."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            self.files = {i.filename: z.read(i) for i in z.infolist()}
            self.comment = z.comment

    def json(self, name: str) -> Any:
        return json.loads(self.files[name])

    def put(self, name: str, value: Any) -> None:
        self.files[name] = (
            canonical.dumps(value) if name in ("package.json", "keys.json") else json.dumps(value).encode()
        )

    def lines(self, name: str) -> list[Any]:
        return [json.loads(x) for x in self.files[name].split(b"\n") if x]

    def put_lines(self, name: str, values: list[Any]) -> None:
        self.files[name] = b"".join(canonical.dumps(v) + b"\n" for v in values)

    @property
    def package(self) -> Any:
        return self.json("package.json")

    def chain(self, enrolment: str, scope: str) -> Any:
        return next(c for c in self.package["chains"] if (c["enrolment"], c["scope"]) == (enrolment, scope))

    def edit_package(self, edit: Callable[[Any], None]) -> None:
        package = self.package
        edit(package)
        self.put("package.json", package)

    def zipped(self) -> bytes:
        """As it is, with the old seal."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
            for name, data in self.files.items():
                z.writestr(zipfile.ZipInfo(name, WHEN), data)
            z.comment = self.comment
        return out.getvalue()

    def sealed(self, key: bytes, recount: bool = True) -> bytes:
        """What the insider does: files hashed, counts counted, the whole sealed with the genuine key."""

        def rehash(p: Any) -> None:
            p["files"] = {
                n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)}
                for n, d in self.files.items()
                if n != "package.json"
            }
            if recount:
                p["counts"] |= self.counted(p)

        self.edit_package(rehash)
        self.files["package.json"] = self.files.pop("package.json")  # the last one
        self.comment = f"{SEAL} {evidence.public_of(key)} {'-' * 86}".encode()
        data = self.zipped()
        before = data[: -len(self.comment)]
        signature = evidence.sign(key, seal_message(hashlib.sha256(before).hexdigest()))
        return before + f"{SEAL} {evidence.public_of(key)} {signature}".encode()

    def counted(self, p: Any) -> dict[str, int]:
        lines = [x for c in p["chains"] for x in self.lines(c["file"])]
        photos = self.json("photos.json")
        return {
            "changes": sum("inner" not in x for x in lines), "hidden": sum("inner" in x for x in lines),
            "records": len(self.lines("records.ndjson")), "photos": len(photos), "photos_missing": sum(not p["there"] for p in photos),
            "receipts": sum(len(self.lines(c["receipts"])) for c in p["chains"] if c["receipts"]), "chains": len(p["chains"]),
        }  # fmt: skip

    def relink(self, enrolment: str, scope: str) -> None:
        """The insider puts the chain's own numbers right again after he altered its file: last, head."""
        name = self.chain(enrolment, scope)["file"]
        link, lines = evidence.first_link(scope, enrolment), self.lines(name)
        for x in lines:
            raw = evidence.unb64(x["line64"]) if "line64" in x else x.get("line", "").encode()
            inner = (
                bytes.fromhex(x["inner"]) if "inner" in x else hashlib.sha256(bytes.fromhex(x["salt"]) + raw).digest()
            )
            link = bytes.fromhex(x["link"]) if x.get("link") else hashlib.sha256(link + inner).digest()

        def put(p: Any) -> None:
            chain = next(c for c in p["chains"] if (c["enrolment"], c["scope"]) == (enrolment, scope))
            chain |= {"last": len(lines), "head": link.hex()}

        self.edit_package(put)
