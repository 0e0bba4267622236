"""Two projects, several tablets, an inspection beside field work, and everything that can go wrong with a change: what an
evidence package is made from. Words planted in values tell whose they are."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from schemas.rules.package import Named
from schemas.wire import Outcome
from sync_server.proof.choosing import Kind
from sync_server.proof.writing import Wanted, Written, export
from sync_server.service import Write
from sync_server.store.rows import BlobRow, SourceRow
from tests.api.conftest import AT, Device, Server, Values, details, outcomes, problem

FIX = {"lon": "118.8000000", "lat": "32.0000000", "h_acc_m": "0.50", "fix_kind": "rtk_fixed", "at": AT}
HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x">\u202e"\'&'


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (160, 120), (seed * 70 % 256, 90, seed * 40 % 256)).save(out, "JPEG")
    return out.getvalue()


class Scene:
    def __init__(self, server: Server, folder: Path) -> None:
        self.server, s = server, server.service
        self.folder, self.files = folder, server.app.state.parts.files
        self.ids: dict[str, str] = {}
        self.photos: dict[str, str] = {}  # name → hash
        s.grant(server.former, server.project, "sampler")
        s.grant(server.sampler, server.other, "sampler")
        self._office()
        self.a, self.b, self.r = (Device(server, p) for p in (server.sampler, server.former, server.former))
        self.i = Device(server, server.inspector)
        self._field()
        self._trouble()
        self._inspections()
        self._elsewhere()
        self._cloned()

    def new(self, name: str) -> str:
        return self.ids.setdefault(name, self.server.new_id())

    # --- the office --------------------------------------------------------------------------------------------------

    def _office(self) -> None:
        v = self.server
        instrument = {"kind": "xrf", "model": "X", "serial_no": "1", "org_id": v.org}
        v.service.write(None, [
            Write("instrument", self.new("xrf"), v.home, {"code": "XRF-01", **instrument}),
            Write("instrument", self.new("unused"), v.home, {"code": "FOREIGN-INSTRUMENT", **instrument}),
            Write("plan", self.new("plan"), v.field, {"code": "PL", "version": 1, "title": "采样方案", "stage": "detailed", "author_id": v.org}),
            *[Write("planned_point", self.new(f"planned{n}"), v.field,
                    {"plan_id": self.ids["plan"], "code": f"S{n}", "role": "soil", "origin": "plan", "reason": f"{mark} 的理由",
                     "position": {"lon": "118.8000000", "lat": "32.0000000"}})
              for n, mark in ((1, "MINE"), (2, "NEIGHBOUR"), (3, "MOVEDTO"))],
        ])  # fmt: skip

    # --- the field ---------------------------------------------------------------------------------------------------

    def _field(self) -> None:
        v, a = self.server, self.a
        lines: list[bytes] = []

        def add(type: str, name: str, values: Values, **more: Any) -> None:
            lines.append(a.change(type, values, self.new(name), **more))

        for n, mark in ((1, "MINE"), (2, "NEIGHBOUR"), (3, "MOVEDTO")):
            add(
                "point",
                f"point{n}",
                v.point(code=f"S{n}", planned_point_id=self.ids[f"planned{n}"], weather="sunny", note=f"{mark}-note"),
            )
        self.send(a, lines)
        for n, mark in ((1, "CHILD"), (2, "NEIGHBOUR")):
            add("borehole", f"hole{n}", {"point_id": self.ids[f"point{n}"], "code": f"{mark}-hole", "opened_at": AT})
            add(
                "soil_layer",
                f"layer{n}",
                {
                    "borehole_id": self.ids[f"hole{n}"],
                    "layer_no": 1,
                    "top_m": "0.00",
                    "bottom_m": "0.50",
                    "sign_text": f"{mark}-layer",
                },
            )
            add("field_reading", f"reading{n}", self.reading(f"point{n}", f"{mark}-reading"))
            add(
                "sample",
                f"sample{n}",
                self.sample(f"{mark}-sample", point_id=self.ids[f"point{n}"], layer_id=self.ids[f"layer{n}"]),
            )
            add(
                "sample_container",
                f"jar{n}",
                {
                    "code": f"{mark}-jar",
                    "sample_id": self.ids[f"sample{n}"],
                    "type": "jar60",
                    "volume_ml": "60",
                    "groups": ["metal"],
                    "state": "filled",
                },
            )
            add(
                "comment",
                f"comment{n}",
                {"subject_kind": "sample", "subject_id": self.ids[f"sample{n}"], "text": f"{mark} {HOSTILE}", "at": AT},
            )
            for k, there in ((1, True), (2, False)):
                add(
                    "photo", f"photo{n}{k}", self.photo(f"photo{n}{k}", f"point{n}", f"{mark}-photo", 10 * n + k, there)
                )
        add("field_reading", "moved", self.reading("point1", "CHILD-moved"))
        self.send(a, lines[3:])
        self.send(
            a,
            [
                a.change(
                    "field_reading",
                    {"point_id": self.ids["point3"]},
                    self.ids["moved"],
                    {"point_id": self.ids["point1"]},
                )
            ],
        )
        calibration = {"instrument_id": self.ids["xrf"], "at": AT, "person_id": v.sampler, "result": "passed",
                       "points": [{"kind": "span", "standard": "CRM", "nominal": "100", "reading": "99", "unit": "mg_kg", "result": "passed"}]}  # fmt: skip
        self.send(a, [a.change("calibration", calibration, self.new("calibration"))])

    def reading(self, point: str, note: str) -> Values:
        return {"point_id": self.ids[point], "method": "xrf", "instrument_id": self.ids["xrf"], "parameter": "As", "qualifier": "eq",
                "value": "12.50", "unit": "mg_kg", "at": AT, "entry_way": "typed", "note": note}  # fmt: skip

    def sample(self, code: str, **more: Any) -> Values:
        return {"code": code, "kind": "ordinary", "medium": "soil", "groups": ["metal"], "collected_at": AT, "batch": "B1",
                "collected_by": [self.server.sampler], **more}  # fmt: skip

    def photo(self, name: str, subject: str, caption: str, seed: int, there: bool, scope: str = "") -> Values:
        data = jpeg(seed)
        sha = self.photos[name] = sha256(data).hexdigest()
        if there:
            self.upload(data, scope or self.server.field)
        return {"sha256": sha, "step": "surface", "subject_kind": subject.rstrip("0123456789"), "subject_id": self.ids[subject],
                "taken_at": AT, "source": "app_camera", "position": FIX, "caption": caption, "bytes": len(data)}  # fmt: skip

    def upload(self, data: bytes, scope: str) -> None:
        """As the end of an upload leaves it."""
        v, sha = self.server, sha256(data).hexdigest()
        temp = self.folder / f"{sha}.new"
        temp.write_bytes(data)
        self.files.take(temp, sha)
        with v.service.store.writing() as tx:
            tx.add_blob(
                BlobRow(
                    sha,
                    len(data),
                    "jpg",
                    "a.jpg",
                    v.service.now(),
                    json.dumps({"camera": f"CAM {HOSTILE}", "width": 160}),
                )
            )
            tx.add_blob_source(SourceRow(sha, scope, v.sampler, None, "a.jpg", v.service.now()))

    def send(self, device: Device, lines: list[bytes], scope: str = "", want: str = "applied") -> None:
        answer = device.push(list(lines), scope or self.server.field)
        got = outcomes(answer)
        assert set(got) == {want}, details(answer)

    # --- what does not simply go in ----------------------------------------------------------------------------------

    def _trouble(self) -> None:
        v, a, b, p1, p2 = self.server, self.a, self.b, self.ids["point1"], self.ids["point2"]
        self.send(
            a,
            [
                a.change("point", {"weather": "rain"}, p1, {"weather": "sunny"}),
                a.change("point", {"weather": "rain"}, p2, {"weather": "sunny"}),
            ],
        )
        self.send(b, [b.change("point", {"weather": "cloudy"}, p1, {"weather": "sunny"})], want="conflict")
        self.send(b, [b.change("point", {"code": "MINE-rejected" * 9}, p1, {"code": "S1"})], want="rejected")
        for n, mark in ((1, "CHILD"), (2, "NEIGHBOUR")):
            lost = self.sample(f"{mark}-parked", point_id=self.ids[f"point{n}"], layer_id=v.new_id())
            self.send(b, [b.change("sample", lost, self.new(f"parked{n}"))], want="parked")
        self.send(b, [b'{"id":"BROKEN-MARK \xff\xfe'], want="rejected")
        self.send(self.i, [self.i.change("point", {"wind": "MINE-decided"}, p1, {"wind": "北"})], want="parked")
        ((self.decided,),) = v.sql("SELECT id FROM journal WHERE enrolment=?", self.i.enrolment)
        assert v.service.decide_parked(v.pm, [self.decided], True, "MINE-reason")[self.decided] is Outcome.APPLIED
        comment = {"subject_kind": "point", "subject_id": p1, "text": "CHILD-before", "at": AT}
        self.send(self.r, [self.r.change("comment", comment, self.new("before"))])
        v.service.revoke(self.r.enrolment, v.pm)
        with_key = [self.r.change("comment", comment | {"text": "CHILD-after"}, self.new("after"))]
        self.send(self.r, with_key, want="parked")

    # --- inspections -------------------------------------------------------------------------------------------------

    def _inspections(self) -> None:
        v, i = self.server, self.i
        officer = [{"person_id": v.inspector, "name": "检查员", "duty": "inspector"}]
        lines = []
        for n, mark in ((1, "INSPECTED"), (2, "NEIGHBOUR")):
            signature = {"role": "inspector", "name": "检查员", "way": "signed", "signed_at": AT,
                         "strokes": '{"v":1,"h":5000,"s":[[500,500,0,4000,2500,50,9000,1000,90]]}'}  # fmt: skip
            lines += [
                i.change("inspection", {"code": f"J{n}", "kind": "sampling_supervision", "site_id": v.site, "org_id": v.org, "officers": officer,
                                        "started_at": AT, "point_id": self.ids[f"point{n}"], "opinion": f"{mark}-opinion", "signatures": [signature]},
                         self.new(f"inspection{n}"), scope=v.enforcement),
                i.change("checklist_answer", {"inspection_id": self.ids[f"inspection{n}"], "item_code": "1.1", "answer": "fail", "note": f"{mark}-answer"},
                         self.new(f"answer{n}"), scope=v.enforcement),
                i.change("finding", {"code": f"F{n}", "inspection_id": self.ids[f"inspection{n}"], "answer_id": self.new(f"answer{n}"), "severity": "general",
                                     "kind": "k", "description": f"{mark}-finding", "basis": "HJ 25.2", "org_id": v.org},
                         self.new(f"finding{n}"), scope=v.enforcement),
                i.change("recheck", {"finding_id": self.new(f"finding{n}"), "at": AT, "officers": officer, "result": "closed", "note": f"{mark}-recheck"},
                         self.new(f"recheck{n}"), scope=v.enforcement),
                i.change("photo", self.photo(f"found{n}", f"finding{n}", f"{mark}-proof", 50 + n, True, v.enforcement),
                         self.new(f"found{n}"), scope=v.enforcement),
            ]  # fmt: skip
        self.send(i, lines, v.enforcement)

    # --- what must never be in it ------------------------------------------------------------------------------------

    def _elsewhere(self) -> None:
        v, a = self.server, self.a
        other = f"{v.other}.field"
        v.service.write(
            None, [Write("site", self.new("site2"), other, {"code": "S", "name": "FOREIGN-site", "status": "idle"})]
        )
        self.send(a, [a.change("point", v.point(site_id=self.ids["site2"], note="FOREIGN-note"), scope=other)], other)
        # of our own record, but said in another project's scope: refused there
        self.send(
            a,
            [a.change("point", {"note": "FOREIGN-refused"}, self.ids["point1"], {"note": "MINE-note"}, scope=other)],
            other,
            "rejected",
        )
        # a photo of another project whose hash is named here
        data = jpeg(99)
        self.upload(data, other)
        self.photos["foreign"] = sha256(data).hexdigest()
        named = self.photo("named", "point1", "CHILD-named", 98, False) | {"sha256": self.photos["foreign"]}
        self.send(a, [a.change("photo", named, self.new("named"))])

    def _cloned(self) -> None:
        v, a = self.server, self.a
        pos, _ = a.heads[v.field]
        (before,) = [
            bytes(link)
            for (link,) in v.sql(
                "SELECT link FROM journal WHERE enrolment=? AND scope=? AND pos=?", a.enrolment, v.field, pos - 1
            )
        ]
        self.clone = [a.change("comment", {"subject_kind": "point", "subject_id": self.ids[f"point{n}"], "text": text, "at": AT})
                      for n, text in ((1, "CHILD-cloned"), (2, "NEIGHBOUR-cloned"))]  # fmt: skip
        for lines in (self.clone[:1], self.clone):  # it tried again, with one more
            problem(a.push(lines, first=pos, prev=before, keep=False), 1204)

    # --- asking ------------------------------------------------------------------------------------------------------

    def export(self, out: Path, kind: Kind = "project", id: str = "", project: str = "", **more: Any) -> Written:
        v = self.server
        with v.service.store.reading() as tx:
            (found,) = tx.load("project", [project or v.project])
        return export(v.service, self.files, Wanted(found, kind, id, Named(id="os:test", name="测试"), **more), out)
