"""An enforcement inspection as a tablet hands it in: signed over its contents, with answers, findings, photos, a sketch, notices and a
refusal with its witness; then what came of it: measures, a re-check, an amendment, the task it came from."""

from __future__ import annotations

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from schemas.reference import Label
from schemas.rules import onsite
from schemas.rules.checklists import model
from schemas.rules.checklists.model import Ask, Cite, Item, Rule
from schemas.rules.checklists.verdict import verdict
from sync_server.service import Write
from sync_server.store.rows import BlobRow, SourceRow
from tests.api.conftest import Device, Server, details, outcomes

Values = dict[str, Any]
DAY = "2026-11-21"
CODE = "JC-20261121-A701"
ID_NO = "320102197001010011"
STROKES = json.dumps({"v": 1, "h": 5000, "s": [
    [k for i in range(40) for k in (1500 + r * 2200 + i * 45, 1500 + (i * (r + 3) * 53) % 2200, i * 9)] for r in range(3)
]})  # fmt: skip


def at(clock: str) -> str:
    return f"{DAY}T{clock}:00+08:00"


def fix(clock: str, north: float = 0.0, **more: Any) -> Values:
    return {
        "lon": "118.7512345",
        "lat": f"{32.2012345 + north / 111_320:.7f}",
        "h_acc_m": "2.40",
        "fix_kind": "single",
        "at": at(clock),
        **more,
    }


def jpeg(tag: str, size: tuple[int, int] = (640, 480)) -> bytes:
    seed = sha256(tag.encode()).digest()
    made = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(made)
    for n in range(0, 24, 3):
        x, y, r = seed[n] * size[0] // 255, seed[n + 1] * size[1] // 255, 20 + seed[n + 2] // 4
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(seed[n : n + 3]))
    out = BytesIO()
    made.save(out, "JPEG", comment=tag.encode())
    return out.getvalue()


def sketch() -> bytes:
    made = Image.new("RGB", (1200, 800), "white")
    draw = ImageDraw.Draw(made)
    draw.rectangle((200, 150, 700, 600), outline="black", width=6)
    draw.line([(700, 400), (1000, 400), (1000, 700)], fill="black", width=6)
    draw.ellipse((950, 350, 1050, 450), outline="black", width=6)
    out = BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


def checklist(version: int = 1, items: int = 6) -> model.Checklist:
    """A project's own list: stars count."""
    words = (
        "储罐区围堰完好，容积足够",
        "围堰地面无裂缝，防渗层完好",
        "导流沟通向应急池，阀门常闭",
        "危废贮存库地面防腐防渗",
        "有渗漏检测记录",
        "应急池空容积满足要求",
    )
    made = [
        Item(
            f"1.{n}", Label("液体储存" if n < 4 else "其他活动区", "Liquid storage" if n < 4 else "Other areas"),
            Label(words[(n - 1) % len(words)] + ("" if n <= len(words) else f"（{n}）"), f"Item {n} is in order"), star=n == 2,
            asks=(Ask("photo"), Ask("text")), severity="severe" if n == 2 else "general", basis=(Cite(text=Label("土壤污染防治法第21条", "Soil law Art. 21")),),
            problem=Label("防渗漏设施", "Leak protection"), mark="K",
        )
        for n in range(1, items + 1)
    ]  # fmt: skip
    verdicts = {"fail_severe": Label("不通过，发现严重问题", "not passed, severe problems")}
    draft = model.Checklist(
        "HH-OWN", version, Label("重点单位隐患排查检查表", "Checklist for hidden hazards"), "enforcement", tuple(made), Rule("stars", 1, 0), verdicts, ("公告2021年第1号",), mark="K",
    )  # fmt: skip
    return model.sealed(draft)


class Scene:
    """`server` with an inspector's tablet; `sent` keeps every record as it was handed in, by the name it has here."""

    def __init__(self, server: Server, folder: Path, list: model.Checklist | None = None) -> None:
        self.server, self.folder = server, folder
        self.ids: dict[str, str] = {}
        self.sent: dict[str, tuple[str, Values]] = {}
        self.list = list or checklist()
        self.people()
        self.device = Device(server, self.ids["li"])
        # a device's chain salt is zeros here; what it signs is its own all the same
        self.scope = server.enforcement

    def new(self, name: str) -> str:
        return self.ids.setdefault(name, self.server.new_id())

    def people(self) -> None:
        s = self.server
        firms = {"bureau": ("江北生态环境综合行政执法大队", "authority"), "plant": ("华东化工有限公司", "key_unit")}
        s.service.write(None, [Write("organisation", self.new(f), s.home, {
            "name": n, "roles": [r], "uscc": "91320100MA1XXXXX1K", "legal_person": "王建国", "address": "江北新区化工大道 8 号"}) for f, (n, r) in firms.items()])  # fmt: skip
        names = {
            "li": ("李国强", "bureau"),
            "zhao": ("赵敏", "bureau"),
            "chen": ("陈静", "bureau"),
            "wang": ("王伟", "plant"),
        }
        s.service.write(
            None,
            [
                Write("person", self.new(p), s.home, {"name": n, "org_id": self.ids[f], "duties": ["inspector"]})
                for p, (n, f) in names.items()
            ],
        )
        for who in ("li", "zhao", "chen"):
            s.service.grant(self.ids[who], s.project, "inspector")
        values = model.record_values(self.list) | {
            "state": "published",
            "valid_from": "2026-01-01",
        }
        s.service.write(None, [Write("checklist", self.new("list"), s.home, values)])

    # --- the record --------------------------------------------------------------------------------------------------

    def inspection(self, **more: Any) -> Values:
        s = self.server
        officers = [{"person_id": self.ids[p], "name": n, "certificate_no": f"苏A-0{k}38-11", "duty": d}
                    for k, (p, n, d) in enumerate((("li", "李国强", "inspector"), ("zhao", "赵敏", "inspector"), ("chen", "陈静", "recorder")), 1)]  # fmt: skip
        notices = [{"kind": kind, "read_at": at(f"09:0{n}"), "reply": reply} for n, (kind, reply) in enumerate((
            ("show_cert", "已核对，无异议"), ("right_avoid", "不申请回避"), ("duty_help", "已听清，无异议"), ("duty_truth", "已听清，无异议")), 2)]  # fmt: skip
        return {
            "code": CODE, "kind": "enforcement", "checklist_id": self.ids["list"], "site_id": s.site, "org_id": self.ids["plant"], "legal_person": "王建国",
            "list_code": self.list.code, "list_version": self.list.version, "list_sha256": self.list.sha256,
            "inspected": [{"name": "孙立新", "sex": "male", "duty": "安环部部长", "id_no": ID_NO, "employer": "华东化工有限公司", "phone": "13900000001",
                           "address": "江北新区", "postcode": "210044"}],
            "officers": officers, "notices": notices, "started_at": at("09:00"), "ended_at": at("11:20"), "position": fix("09:10"),
            "place": "江北新区化工大道 8 号华东化工储罐区", "opinion": "储罐区围堰防渗层破损，责令改正。", "measure": "rectify", "deadline": "2026-12-05",
            "body": "检查组到达储罐区时，2 号储罐正在装卸。\n围堰地面东北角有裂缝一处，长约 1.2 米，缝内见积液，现场无渗漏检测记录。\n安环部部长孙立新在场，对上述情况没有异议。",
            **more,
        }  # fmt: skip

    def answers(self, fails: tuple[str, ...] = ("1.2", "1.5"), of: str = "inspection") -> dict[str, Values]:
        out = {}
        for item in self.list.items:
            bad = item.code in fails
            out[f"{of}.{item.code}"] = {
                "inspection_id": self.ids[of], "item_code": item.code, "answer": "fail" if bad else "pass",
                **({"text": "东北角裂缝 1.2 m，缝内有积液", "number": "1.2000", "unit": "m", "position": fix("09:40")} if bad else {}),
            }  # fmt: skip
        return out

    def findings(self, fails: tuple[str, ...] = ("1.2", "1.5")) -> dict[str, Values]:
        return {
            f"finding{n}": {
                "code": f"{CODE}-WT{n:02d}", "inspection_id": self.ids["inspection"], "answer_id": self.new(f"inspection.{code}"),
                "severity": "severe" if code == "1.2" else "general", "kind": "防渗漏设施", "description": f"围堰地面第 {n} 处裂缝，防渗层破损，缝内有积液。",
                "basis": "《中华人民共和国土壤污染防治法》第21条", "quote": "建立土壤污染隐患排查制度，保证持续有效防止有毒有害物质渗漏、流失、扬散。",
                "position": fix("09:40"), "org_id": self.ids["plant"], "responsible": "孙立新", "deadline": "2026-12-05", "measure": "修补裂缝，重做防渗层，建立检测记录。",
            }
            for n, code in enumerate(fails, 1)
        }  # fmt: skip

    def photo(
        self,
        name: str,
        kind: str,
        subject: str,
        step: str,
        clock: str,
        there: bool = True,
        data: bytes | None = None,
        **more: Any,
    ) -> Values:
        data = data or jpeg(name)
        if there:
            self.upload(data)
        return {"sha256": sha256(data).hexdigest(), "step": step, "subject_kind": kind, "subject_id": self.new(subject), "taken_at": at(clock),
                "source": "app_camera", "position": fix(clock), "bearing_deg": "42", "bytes": len(data), **more}  # fmt: skip

    def upload(self, data: bytes, scope: str = "") -> None:
        """As the end of an upload leaves it."""
        s, sha = self.server, sha256(data).hexdigest()
        temp = self.folder / f"{sha}.new"
        temp.write_bytes(data)
        s.app.state.parts.files.take(temp, sha)
        with s.service.store.writing() as tx:
            tx.add_blob(
                BlobRow(sha, len(data), "png" if data.startswith(b"\x89PNG") else "jpg", "a.jpg", s.service.now(), "{}")
            )
            tx.add_blob_source(SourceRow(sha, scope or self.scope, self.ids["li"], None, "a.jpg", s.service.now()))

    def signatures(self, refused: bool = True) -> list[Values]:
        hand = {"way": "signed", "strokes": STROKES}
        party = {"way": "refused", "refuse_reason": "对裂缝成因有不同意见"} if refused else hand
        return [
            {"role": "inspected", "name": "孙立新", "signed_at": at("11:21"), **party},
            *({"role": "inspector", "name": n, "person_id": self.ids[p], "signed_at": at("11:22"), **hand} for p, n in (("li", "李国强"), ("zhao", "赵敏"))),
            {"role": "recorder", "name": "陈静", "person_id": self.ids["chen"], "signed_at": at("11:23"), **hand},
            *([{"role": "witness", "name": "周明", "signed_at": at("11:24"), **hand}] if refused else []),
        ]  # fmt: skip

    def seal(
        self,
        inspection: Values,
        answers: dict[str, Values],
        findings: dict[str, Values],
        photos: dict[str, Values],
        of: str = "inspection",
        refused: bool = True,
    ) -> Values:
        """Signed: verdict, hash of the contents, signatures."""
        by_rule = verdict(self.list, {a["item_code"]: a["answer"] for a in answers.values()}).code
        said = inspection | {"verdict": by_rule, "verdict_by_rule": by_rule}
        parts = [[onsite.whole(self.new(n), v) for n, v in of_.items()] for of_ in (answers, findings, photos)]
        sha = onsite.content_hash(onsite.whole(self.new(of), said), *parts)
        return said | {"content_sha256": sha, "signatures": self.signatures(refused)}

    def push(self, device: Device | None = None, want: str = "applied", **records: tuple[str, Values]) -> None:
        """Names that have a dot in them come as they are: `{"inspection.1.1": …}`."""
        device = device or self.device
        lines = [
            device.change(type, values, self.new(name), scope=self.scope) for name, (type, values) in records.items()
        ]
        answer = device.push(lines, self.scope)
        assert set(outcomes(answer)) == {want}, details(answer)
        self.sent |= records

    def signed(self, refused: bool = True, shots: bool = True) -> None:
        """The inspection, handed in whole."""
        self.new("inspection")
        answers, findings = self.answers(), self.findings()
        photos: dict[str, Values] = {}
        if shots:
            photos = {
                "shot1": self.photo("shot1", "finding", "finding1", "finding", "09:41", caption="围堰东北角裂缝"),
                "shot2": self.photo("shot2", "finding", "finding2", "finding", "09:52"),
                "shot3": self.photo("shot3", "inspection", "inspection", "overview", "09:05", caption="储罐区全景"),
                "shot4": self.photo("shot4", "checklist_answer", "inspection.1.2", "evidence", "09:43", there=False),
                "sketch": self.photo(
                    "sketch",
                    "inspection",
                    "inspection",
                    "sketch",
                    "10:50",
                    data=sketch(),
                    position=None,
                    bearing_deg=None,
                ),
            }
            photos = {n: {k: v for k, v in p.items() if v is not None} for n, p in photos.items()}
        inspection = self.seal(
            self.inspection(**({"task_id": self.ids["task"]} if "task" in self.ids else {})),
            answers,
            findings,
            photos,
            refused=refused,
        )
        self.push(
            inspection=("inspection", inspection), **{n: ("checklist_answer", v) for n, v in answers.items()},
            **{n: ("finding", v) for n, v in findings.items()}, **{n: ("photo", v) for n, v in photos.items()},
        )  # fmt: skip

    # --- what came of it ---------------------------------------------------------------------------------------------

    def task(self) -> None:
        """A lead of a grid patrol, answered on the spot."""
        s = self.server
        task = {"code": "RW-001", "kind": "grid", "title": "网格员报告储罐区有异味", "site_id": s.site, "position": {"lon": "118.7512345", "lat": "32.2012345"},
                "assigned_to": [self.ids["li"]], "due_on": "2026-11-25"}  # fmt: skip
        s.service.write(s.pm, [Write("field_task", self.new("task"), self.scope, task)])
        d = self.device
        answer = {
            "outcome": "confirmed",
            "outcome_text": "到场见裂缝",
            "visited_at": at("08:50"),
            "answered_by": self.ids["li"],
        }
        line = d.change("field_task", answer, self.ids["task"], dict.fromkeys(answer), scope=self.scope)
        assert outcomes(d.push([line], self.scope)) == ["applied"]
        self.push(tshot=("photo", self.photo("tshot", "field_task", "task", "visited", "08:51", caption="TASK-photo")))

    def rectified(self) -> None:
        """The measure, with its photo from the same spot, and the re-check of two."""
        self.push(
            action=("corrective_action", {"finding_id": self.ids["finding1"], "at": at("15:00"), "measure_taken": "裂缝已修补，防渗层重做", "done": True, "reported_by": "孙立新"}),
            after=("photo", self.photo("after", "corrective_action", "action", "rectified", "15:01", **({"ghost_of": self.ids["shot1"]} if "shot1" in self.ids else {}))),
        )  # fmt: skip
        officers = [
            {"person_id": self.ids[p], "name": n, "duty": "inspector"} for p, n in (("li", "李国强"), ("zhao", "赵敏"))
        ]
        self.push(
            recheck=("recheck", {"finding_id": self.ids["finding1"], "action_id": self.ids["action"], "at": at("16:00"), "officers": officers,
                                 "result": "closed", "opinion": "已整改到位", "position": fix("16:00"),
                                 "signatures": [{"role": "inspector", "name": o["name"], "person_id": o["person_id"], "way": "signed", "strokes": STROKES, "signed_at": at("16:05")}
                                                for o in officers]}),
        )  # fmt: skip

    def amended(self, **more: Any) -> None:
        """Another inspection that corrects one answer and the body."""
        self.new("amendment")
        answers = self.answers(fails=("1.2",), of="amendment")
        said = (
            self.inspection(
                code="JC-20261121-A702",
                amends_id=self.ids["inspection"],
                amend_reason="1.5 项误记：现场有检测记录",
                body="更正：现场有渗漏检测记录。",
            )
            | more
        )
        signed = self.seal(said, answers, {}, {}, "amendment", refused=False)
        self.push(amendment=("inspection", signed), **{n: ("checklist_answer", v) for n, v in answers.items()})

    @property
    def sha(self) -> str:
        return str(self.sent["inspection"][1]["content_sha256"])
