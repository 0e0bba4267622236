"""A project with three checks and seven findings in every state: overdue, due soon, reported with one inspector's word, closed, sent on."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any, NamedTuple

from schemas.rules import onsite
from schemas.rules.checklists import ready
from schemas.rules.checklists.verdict import verdict
from sync_server.service import Service, Write
from tests.ui.console_seed import NOW, PASSWORD, Seeded, east, north, pos, seed
from tests.ui.mine_seed import jpeg, keep_file

STROKES = json.dumps(
    {"v": 1, "h": 5000, "s": [[k for i in range(30) for k in (1500 + i * 60, 1500 + (i * 997) % 1800, i * 9)]]}
)
ID_NO = "320106199001011234"
TEXTS = {
    "W-01": "S03 VOCs 样混样", "W-02": "XRF 校准记录没有签字", "W-03": "S08 保温箱 9.2 ℃，没有冰排", "W-04": "W02 井口保护管没有锁",
    "W-05": "公告牌缺监督电话", "W-06": "K2 出口洗车台没有水", "W-07": "S14 保温箱 6.8 ℃，冰排已化",
}  # fmt: skip


class Checked(NamedTuple):
    """`checks`: sampling, hazard, enforcement; `findings`: W-01 … W-07; `photos`: before, after of W-06, gone (its file has not come)."""

    seeded: Seeded
    scope: str
    checks: dict[str, str]
    findings: dict[str, str]
    orgs: dict[str, str]
    people: dict[str, str]
    photos: dict[str, str]
    facility: str


def ago(days: float = 0, minutes: float = 0) -> str:
    return (NOW - timedelta(days=days, minutes=minutes)).isoformat(timespec="seconds")


def on(days: int) -> str:
    return (date(2026, 11, 21) + timedelta(days=days)).isoformat()


def checked(
    service: Service, auth: Any, *, points: int = 2, names: dict[str, str] | None = None, files: bool = True
) -> Checked:
    """`names` overrides shown texts: firm, text, person; `files`: photos with their files. User names xujing (manager), wang and hemin
    (inspectors), zhoulan (sampler), stranger, ligong (of the party)."""
    said = {"firm": "宏泰修复", "text": TEXTS["W-06"], "person": "李工", "place": "K2 出口"} | (names or {})
    s = seed(service, auth, points=points)
    new, scope, home = service.new_id, f"{s.project}.enforcement", f"{s.org}.organisation"
    orgs = {"ding": new(), "hong": new(), "plant": new(), "bureau": new()}
    people = {"hemin": new(), "ligong": new(), "zhao": new()}
    service.write(None, [
        Write("organisation", orgs["ding"], home, {"name": "鼎新检测", "roles": ["lab"]}),
        Write("organisation", orgs["hong"], home, {"name": said["firm"], "roles": ["remediator"]}),
        Write("organisation", orgs["plant"], home, {"name": "红星厂", "roles": ["key_unit"], "industry_code": "C3360"}),
        Write("organisation", orgs["bureau"], home, {"name": "镇江市生态环境综合行政执法支队", "roles": ["authority"]}),
        *(Write("person", people[k], home, {"name": n, "org_id": orgs[o], "duties": [d]})
          for k, n, o, d in (("hemin", "何敏", "bureau", "inspector"), ("zhao", "赵强", "bureau", "inspector"), ("ligong", said["person"], "hong", "recorder"))),
        *(Write("person_qualification", new(), home, {"person_id": people[k], "kind": "enforcement", "number": f"苏L-{n}", "valid_from": "2025-01-01"})
          for k, n in (("hemin", "1101"), ("zhao", "1102"))),
    ])  # fmt: skip
    for user in ("hemin", "zhao", "ligong"):
        auth.add_account(people[user], user, PASSWORD)
        service.grant(people[user], s.project, "party" if user == "ligong" else "inspector")
    site = service.records("site", s.field)[0].id
    facility = new()
    service.write(None, [
        Write("facility", facility, scope, {"code": "SS-07", "name": "废水暂存池", "site_id": site, "org_id": orgs["plant"], "hazard_class": "liquid_storage",
                                            "kind": "pool", "hidden": True}),
    ])  # fmt: skip
    officers = [
        {"person_id": people[k], "name": n, "certificate_no": f"苏L-{c}", "duty": "inspector"}
        for k, n, c in (("hemin", "何敏", "1101"), ("zhao", "赵强", "1102"))
    ]
    checks, ids = {k: new() for k in ("sampling", "hazard", "enforcement")}, {k: new() for k in TEXTS}

    def hand(role: str, name: str, days: float, **more: Any) -> dict[str, Any]:
        return {"role": role, "name": name, "way": "signed", "strokes": STROKES, "signed_at": ago(days), **more}

    def signed(days: float) -> list[dict[str, Any]]:
        return [
            hand("inspector", "何敏", days, person_id=people["hemin"]),
            hand("inspector", "赵强", days, person_id=people["zhao"]),
        ]

    fix = {**pos(5, 12), "h_acc_m": "1.20", "fix_kind": "dgnss", "at": ago(4)}
    base = {"site_id": site, "officers": officers, "place": said["place"], "position": fix}
    writes = _sampling(service, scope, checks["sampling"], base, orgs["ding"], signed(13), new)
    writes.append(Write("inspection", checks["hazard"], scope, {
        **base, "code": "JC-20261112-A102", "kind": "hidden_hazard", "org_id": orgs["plant"], "started_at": ago(9, 60), "ended_at": ago(9, 10),
        "facility_id": facility, "verdict": "rectify", "verdict_by_rule": "rectify", "opinion": "责令整改。", "signatures": signed(9)}))  # fmt: skip

    def finding(code: str, check: str, org: str, severity: str, due: int, **more: Any) -> dict[str, Any]:
        text = said["text"] if code == "W-06" else TEXTS[code]
        return {"code": code, "inspection_id": checks[check], "severity": severity, "kind": more.pop("kind", "样品保存"), "description": text,
                "basis": "《建设用地土壤污染状况调查质量控制技术规定》表3-2 第10项", "org_id": orgs[org], "responsible": more.pop("who", "王工"), "deadline": on(due),
                "measure": "立即整改，附照片。", **more}  # fmt: skip

    found = {
        "W-01": finding("W-01", "sampling", "ding", "severe", -7), "W-02": finding("W-02", "sampling", "ding", "tip", -6, kind="记录"),
        "W-03": finding("W-03", "hazard", "ding", "severe", -3), "W-04": finding("W-04", "hazard", "plant", "general", 9, who="刘工", facility_id=facility, kind="井保护", position=fix),
        "W-05": finding("W-05", "hazard", "hong", "general", 1, who=said["person"], kind="公告牌"),
        "W-06": finding("W-06", "enforcement", "hong", "general", 3, who=said["person"], kind="洗车台", position=fix),
        "W-07": finding("W-07", "enforcement", "ding", "severe", 7),
    }  # fmt: skip
    photos = {k: new() for k in ("before", "after", "gone")}
    shas = {
        k: keep_file(service, people["hemin"], scope, jpeg(k)) if files else k[0] * 2 * 32 for k in ("before", "after")
    }

    def photo(id: str, sha: str, step: str, kind: str, subject: str, days: float, shift: float, **more: Any) -> Write:
        at = {
            **fix,
            "lon": f"{float(fix['lon']) + east(shift):.7f}",
            "lat": f"{float(fix['lat']) + north(0):.7f}",
            "h_acc_m": "0.40",
            "at": ago(days),
        }
        return Write("photo", id, scope, {"sha256": sha, "step": step, "subject_kind": kind, "subject_id": subject, "taken_at": ago(days), "source": "app_camera",
                                          "position": at, "bearing_deg": "48" if step == "finding" else "51", "bytes": 1000, **more})  # fmt: skip

    before = photo(photos["before"], shas["before"], "finding", "finding", ids["W-06"], 4, 0)
    enforcement = _enforcement(service, scope, checks["enforcement"], base, orgs["hong"], signed(4), hand, {k: found[k] | {"id": ids[k]} for k in ("W-06", "W-07")},
                               [{**before.values, "id": before.id}])  # fmt: skip
    actions = {k: new() for k in ("W-01", "W-02", "W-04", "W-05", "W-06")}
    writes += [
        enforcement, *(Write("finding", ids[k], scope, v) for k, v in found.items()),
        before,
        *(Write("corrective_action", actions[k], scope, {"finding_id": ids[k], "at": ago(d), "measure_taken": m, "done": done, "reported_by": who, **more})
          for k, d, m, done, who, more in (
              ("W-01", 9, "混样作废，重新采样", True, "王工", {}), ("W-02", 8, "补签并培训", True, "王工", {}), ("W-04", 3, "已订购井锁", False, "刘工", {}),
              ("W-05", 2, "已补监督电话", True, said["person"], {"cost_yuan": "300"}), ("W-06", 1, "接通水源，洗车台恢复使用", True, said["person"], {"cost_yuan": "1200"}))),
        photo(photos["after"], shas["after"], "rectified", "corrective_action", actions["W-06"], 1, 0.8, ghost_of=photos["before"]),
        photo(photos["gone"], "f" * 64, "rectified", "corrective_action", actions["W-05"], 2, 0),
        *(photo(new(), shas["after"], "document", "corrective_action", actions[k], 8, 0) for k in ("W-01", "W-02")),
        *(Write("recheck", new(), scope, {"finding_id": ids[k], "at": ago(d), "officers": officers, "result": "closed", "opinion": "已整改到位", "signatures": signed(d)})
          for k, d in (("W-01", 7), ("W-02", 6))),
        Write("recheck", new(), scope, {"finding_id": ids["W-06"], "at": ago(0, 300), "officers": officers[:1], "result": "closed", "opinion": "洗车台有水，出口干净",
                                        "action_id": actions["W-06"]}),
    ]  # fmt: skip
    service.write(None, writes)
    return Checked(s, scope, checks, ids, orgs, {**s.people, **people}, photos, facility)


def _sampling(
    service: Service, scope: str, id: str, base: dict[str, Any], org: str, signed: list[dict[str, Any]], new: Any
) -> list[Write]:
    """Form 3-2 whole, two items failed."""
    form = next(c for c in ready.on(date(2026, 11, 8)) if c.code == "field-sampling")
    fails = {form.items[9].code, form.items[17].code}
    given = {item.code: "fail" if item.code in fails else "pass" for item in form.items}
    code = verdict(form, given).code
    answers = [Write("checklist_answer", new(), scope, {"inspection_id": id, "item_code": k, "answer": a, **({"text": "见照片"} if a == "fail" else {})})
               for k, a in given.items()]  # fmt: skip
    return [
        Write("inspection", id, scope, {
            **base, "code": "JC-20261108-A101", "kind": "sampling_supervision", "org_id": org, "started_at": ago(13, 180), "ended_at": ago(13, 30), "list_code": form.code,
            "list_version": form.version, "list_sha256": form.sha256, "verdict": code, "verdict_by_rule": code, "opinion": "两项不符合，限期整改。", "signatures": signed}),
        *answers,
    ]  # fmt: skip


def _enforcement(
    service: Service, scope: str, id: str, base: dict[str, Any], org: str, signed: list[dict[str, Any]], hand: Any, found: dict[str, Any], photos: list[dict[str, Any]]
) -> Write:  # fmt: skip
    """An on-site record: notices, inspected person, a refusal with its witness, the hash of what was signed."""
    values = {
        **base, "code": "JC-20261117-A103", "kind": "enforcement", "org_id": org, "legal_person": "陈伟", "started_at": ago(4, 120), "ended_at": ago(4, 20),
        "inspected": [{"name": "孙立新", "sex": "male", "duty": "项目副经理", "id_no": ID_NO, "employer": "宏泰修复", "phone": "13900001234"}],
        "notices": [{"kind": k, "read_at": ago(4, 118 - n), "reply": "已听清，无异议"} for n, k in enumerate(("show_cert", "right_avoid", "duty_help", "duty_truth"))],
        "body": "到场时 K2 出口洗车台无水，出场车辆未冲洗。\n现场负责人在场。", "opinion": "责令整改。", "verdict": "rectify", "verdict_by_rule": "rectify", "measure": "rectify",
        "deadline": on(3),
    }  # fmt: skip
    sha = onsite.content_hash({**values, "id": id}, [], found.values(), photos)
    refusal = {
        "role": "inspected",
        "name": "孙立新",
        "way": "refused",
        "refuse_reason": "要等公司授权",
        "signed_at": ago(4, 15),
    }
    return Write(
        "inspection",
        id,
        scope,
        {**values, "content_sha256": sha, "signatures": [refusal, *signed, hand("witness", "周明", 4)]},
    )


def inspections_seed(parts: Any) -> Checked:
    return checked(parts.service, parts.auth)
