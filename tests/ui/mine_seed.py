"""Findings of two parties in signed and unsigned inspections, with photos before: for the tests of what a party sees."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from sync_server.service import Caller, Service, Write
from tests.ui.console_seed import NOW, PASSWORD, Seeded, pos, seed

SECRET = "秘密陈述"  # stands in everything a party must not see


class Parties(NamedTuple):
    """`orgs`, `people`: "a" and "b"; `findings`: a1 (severe), a2 (tip), b1; unsigned (a's), other (a's, in the other project)."""

    project: str
    other: str
    scope: str
    orgs: dict[str, str]
    people: dict[str, str]
    inspection: str
    findings: dict[str, str]
    photos: dict[str, str]  # finding's name, or portrait, sketch → hash


def jpeg(tag: str, width: int = 640, height: int = 480) -> bytes:
    """A picture of a place that can be told from others."""
    n = int(sha256(tag.encode()).hexdigest()[:6], 16)
    image = Image.new("RGB", (width, height), (110 + n % 60, 120 + n % 40, 120))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.6, width, height), fill=(132, 108, 78))
    draw.rectangle((width * 0.3, height * 0.3, width * 0.55, height * 0.75), fill=(70 + n % 90, 90, 80))
    draw.ellipse((width * 0.4, height * 0.7, width * 0.85, height * 0.9), fill=(52, 50, 60))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85, comment=tag.encode())
    return out.getvalue()


def keep_file(service: Service, person: str, scope: str, data: bytes, name: str = "a.jpg") -> str:
    """Sent and taken in, as a tablet would have it."""
    sha, who = sha256(data).hexdigest(), Caller(person)
    row = service.begin_upload(who, sha, len(data), name, scope)
    work = service.append_to(who, row.id, 0, len(data), None)
    try:
        service.end_upload(work, data, False)
    finally:
        work.close()
    return sha


def parties(
    service: Service, project: str, other: str, home: str, site: str, inspector: str, now: datetime, sites: dict[str, str] | None = None
) -> Parties:  # fmt: skip
    """`inspector`: writes it all; `sites`: project → site, where the other project has one of its own."""
    new, scope = service.new_id, f"{project}.enforcement"
    names = {"a": "红星电镀厂", "b": "宏泰修复工程有限公司"}
    orgs, people = {k: new() for k in names}, {k: new() for k in names}
    writes = [Write("organisation", orgs[k], home, {"name": n, "roles": ["key_unit"]}) for k, n in names.items()]
    writes += [
        Write("person", people[k], home, {"name": n, "org_id": orgs[k], "duties": ["recorder"]})
        for k, n in (("a", "刘工"), ("b", "李工"))
    ]
    service.write(None, writes)
    for k in people:
        service.grant(people[k], project, "party")

    def ago(days: float = 0, minutes: float = 0) -> str:
        return (now - timedelta(days=days, minutes=minutes)).isoformat(timespec="seconds")

    def inspection(where: str, code: str, signed: bool, org: str) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {
            "code": code, "kind": "patrol", "site_id": (sites or {}).get(where, site), "org_id": org, "started_at": ago(9, 120), "ended_at": ago(9, 30),
            "legal_person": f"{SECRET}法人", "body": f"{SECRET}正文", "opinion": f"{SECRET}意见", "place": "厂区",
            "inspected": [{"name": f"{SECRET}某人", "id_no": "320106199001011234"}],
            "officers": [{"person_id": inspector, "name": f"{SECRET}何敏", "duty": "inspector", "certificate_no": f"{SECRET}证"}],
        }  # fmt: skip
        if signed:
            values["signatures"] = [
                {"role": "inspector", "person_id": inspector, "name": f"{SECRET}何敏", "way": "signed", "strokes": "M0 0", "signed_at": ago(9, 20)}
            ]  # fmt: skip
        return new(), values

    def finding(of: str, code: str, org: str, severity: str, text: str, days: int, **more: Any) -> dict[str, Any]:
        return {
            "code": code, "inspection_id": of, "severity": severity, "kind": "容器", "description": text, "basis": "土壤污染防治法第21条",
            "quote": "应当采取措施，防止有毒有害物质渗漏、流失、扬散。", "org_id": org, "responsible": f"{SECRET}责任人",
            "measure": "转移存放，修复防渗层，并清理已污染的地面。" if severity != "tip" else None,
            "deadline": (now + timedelta(days=days)).date().isoformat() if severity != "tip" else None, **more,
        }  # fmt: skip

    main, inside = inspection(project, "JC-20261112-A101", True, orgs["a"])
    draft, unsigned = inspection(project, "JC-20261112-A102", False, orgs["a"])
    away, outside = inspection(other, "JC-20261112-A103", True, orgs["a"])
    ids = {k: new() for k in ("a1", "a2", "b1", "unsigned", "other")}
    fix = {**pos(20, 30), "h_acc_m": "1.20", "fix_kind": "dgnss", "at": ago(9, 60)}
    found = {
        "a1": finding(main, "JC-20261112-A101-WT01", orgs["a"], "severe", "电镀废液桶倾倒，地面积液约 2 m²，防渗层开裂。\n桶上没有标签。", -3, position=fix),
        "a2": finding(main, "JC-20261112-A101-WT02", orgs["a"], "tip", "危废台账缺 11 月 3 日的记录。", 0),
        "b1": finding(main, "JC-20261112-A101-WT03", orgs["b"], "general", f"{SECRET}洗车台没有水。", 5, position=fix),
        "unsigned": finding(draft, "JC-20261112-A102-WT01", orgs["a"], "general", f"{SECRET}还没有签字。", 5),
        "other": finding(away, "JC-20261112-A103-WT01", orgs["a"], "general", f"{SECRET}别的项目。", 5),
    }  # fmt: skip
    photos = {
        k: keep_file(service, inspector, scope, jpeg(k), f"{SECRET}.jpg")
        for k in ("a1", "b1", "portrait", "sketch", "unsigned")
    }
    photos["other"] = keep_file(service, inspector, f"{other}.enforcement", jpeg("other"))

    def photo(sha: str, step: str, kind: str, subject: str, where: str = scope) -> Write:
        values = {
            "sha256": sha, "step": step, "subject_kind": kind, "subject_id": subject, "taken_at": ago(9, 60), "source": "app_camera",
            "position": fix, "bearing_deg": "48", "bytes": 1000, "caption": f"{SECRET}图注",
        }  # fmt: skip
        return Write("photo", new(), where, values)

    def kept(values: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in values.items() if v is not None}

    there = f"{other}.enforcement"
    service.write(
        None,
        [
            Write("inspection", main, scope, inside), Write("inspection", draft, scope, unsigned), Write("inspection", away, there, outside),
            *(Write("finding", ids[k], there if k == "other" else scope, kept(v)) for k, v in found.items()),
            photo(photos["a1"], "finding", "finding", ids["a1"]), photo(photos["b1"], "finding", "finding", ids["b1"]),
            photo(photos["portrait"], "portrait", "finding", ids["a1"]), photo(photos["sketch"], "sketch", "inspection", main),
            photo(photos["unsigned"], "finding", "finding", ids["unsigned"]), photo(photos["other"], "finding", "finding", ids["other"], there),
        ],
    )  # fmt: skip
    return Parties(project, other, scope, orgs, people, main, ids, photos)


def mine_seed(parts: Any) -> tuple[Seeded, Parties]:
    """The seeded project with parties; user names liugong (a) and ligong (b)."""
    service, auth = parts.service, parts.auth
    s = seed(service, auth, points=3)
    site = service.records("site", s.field)[0].id
    inspector = service.new_id()
    service.write(
        None,
        [
            Write(
                "person", inspector, f"{s.org}.organisation", {"name": "何敏", "org_id": s.org, "duties": ["inspector"]}
            )
        ],
    )
    service.grant(inspector, s.project, "inspector")
    service.grant(inspector, s.other, "inspector")
    made = parties(service, s.project, s.other, f"{s.org}.organisation", site, inspector, NOW, _sites(service, s))
    for user, who in (("liugong", "a"), ("ligong", "b")):
        auth.add_account(made.people[who], user, PASSWORD)
    auth.add_account(inspector, "hemin", PASSWORD)
    return s, made


def _sites(service: Service, s: Seeded) -> dict[str, str]:
    """A site in the other project, too: an inspection names one of its own."""
    id = service.new_id()
    values = {"code": "别处", "name": "别处", "status": "idle", "division_code": "1"}
    service.write(None, [Write("site", id, f"{s.other}.field", values)])
    return {s.other: id}


__all__ = ["SECRET", "Parties", "jpeg", "keep_file", "mine_seed", "parties"]
