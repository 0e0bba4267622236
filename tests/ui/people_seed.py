"""The seeded project with more people: each state an account and a tablet can be in, and a log with lines of every kind."""

from __future__ import annotations

from typing import Any

from sync_server.service import Write
from sync_server.store import DeviceKey
from tests.ui.console_seed import PASSWORD, Seeded, at, seed

LONG = "欧阳" + "锦绣江南春水碧于天画船听雨眠" * 13  # 184 characters, as long as a careless import makes it


def people_seed(parts: Any) -> Seeded:
    """Also user names admin (administrator of the organisation), off (disabled); without an account: invited, long, plain."""
    service, auth = parts.service, parts.auth
    s = seed(service, auth, points=6)
    home, who = f"{s.org}.organisation", dict(s.people)
    for user, name in (
        ("admin", "何管"),
        ("off", "陈离职"),
        ("invited", "林新来"),
        ("long", LONG),
        ("plain", "孙没账号"),
    ):
        who[user] = service.new_id()
        values = {"name": name, "org_id": s.org, "duties": ["sampler", "recorder"]}
        service.write(None, [Write("person", who[user], home, values)])
    for user in ("admin", "off"):
        auth.add_account(who[user], user, PASSWORD, "os:root")
    service.grant(who["admin"], s.org, "administrator", "os:root")
    for user, role in (
        ("off", "sampler"),
        ("invited", "inspector"),
        ("long", "dispatcher"),
        ("plain", "sampler"),
        ("zhoulan", "auditor"),
    ):
        service.give_role(who["xujing"], who[user], s.project, role)
    service.take_role(who["xujing"], who["plain"], s.project, "sampler")
    service.invite(who["xujing"], who["invited"], s.project, "linxin")
    service.switch_account(who["admin"], who["off"], True, False)
    with service.store.writing() as tx:
        for n, (user, state) in enumerate((("off", "revoked"), ("long", "enrolled"))):
            device, enrolment = service.new_id(), service.new_id()
            label = f"平板 {LONG[:60]}" if user == "long" else "平板 09"
            values = {"code": f"B{n + 1}", "label": label, "use": "field", "state": state}
            service._write_in(tx, None, home, [Write("device", device, home, values)])
            tx.add_key(
                DeviceKey(
                    enrolment, device, f"B{n + 1}", who[user], f"kp{n}", f"sp{n}", state, at(60 * n), 12 * n, "0.2.0"
                )
            )
        said = {"reason": "停用前所采，已电话核实", "scope": s.field, "type": "point", "record": s.planned["S01"]}
        tx.note(service.now(), who["xujing"], "accept", service.new_id(), owner=s.project, **said)
        tx.note(
            service.now(), "os:root", "backup", "e", verified=True, file="/backup/jingtu-2026-11-21.jtb", size=123456
        )
        tx.note(
            service.now(),
            who["xujing"],
            "future_thing",
            s.planned["S01"],
            owner=s.project,
            note="<b>新版本写的</b>" * 20,
        )
        tx.note(service.now(), "?", "refused", "=cmd|' /C calc'!A0", place="203.0.113.9", why="unknown")
    service.write(who["xujing"], [
        Write("comment", service.new_id(), s.field, {
            "subject_kind": "planned_point", "subject_id": s.planned["S01"], "text": "请补拍", "at": at(5), "author_id": who["xujing"],
        })
    ])  # fmt: skip
    return s._replace(people=who)
