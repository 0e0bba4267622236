"""A project with everybody an inspection concerns: two inspectors with certificates, the inspected firm and its person, and two who have
nothing to do with it: a sampler, and an inspector of another project."""

from __future__ import annotations

from typing import Any, NamedTuple

from sync_server.service import Write
from tests.ui.console_seed import PASSWORD, Seeded, seed

PLANT = "红星电镀厂"


class Case(NamedTuple):
    """`people`: user name → id; `codes`: enrolment codes of hemin, zhoulan (sampler) and sunhao (inspector elsewhere)."""

    seeded: Seeded
    people: dict[str, str]
    codes: dict[str, str]

    @property
    def scope(self) -> str:
        return f"{self.seeded.project}.enforcement"


def case(parts: Any) -> Case:
    """User names xujing (manager), hemin and zhao (inspectors), liugong (of the firm), zhoulan (sampler), sunhao."""
    service, auth = parts.service, parts.auth
    s = seed(service, auth, points=2)
    new, home = service.new_id, f"{s.org}.organisation"
    plant, bureau = new(), new()
    who = {
        "hemin": ("何敏", bureau, s.project, "inspector"),
        "zhao": ("赵强", bureau, s.project, "inspector"),
        "liugong": ("刘工", plant, s.project, "party"),
        "sunhao": ("孙浩", bureau, s.other, "inspector"),
    }
    ids = {user: new() for user in who}
    service.write(None, [
        Write("organisation", plant, home, {"name": PLANT, "roles": ["key_unit"], "legal_person": "顾明"}),
        Write("organisation", bureau, home, {"name": "镇江市生态环境综合行政执法支队", "roles": ["authority"]}),
        *(Write("person", ids[u], home, {"name": name, "org_id": org, "duties": ["recorder" if role == "party" else "inspector"]})
          for u, (name, org, _, role) in who.items()),
        *(Write("person_qualification", new(), home, {"person_id": ids[u], "kind": "enforcement", "number": f"苏L-{n}", "valid_from": "2025-01-01"})
          for u, n in (("hemin", "1101"), ("zhao", "1102"), ("sunhao", "1103"))),
    ])  # fmt: skip
    for user, (_, _, project, role) in who.items():
        auth.add_account(ids[user], user, PASSWORD)
        service.grant(ids[user], project, role)
    people = {**s.people, **ids}
    codes = {u: service.new_code(people[u], people["xujing"], minutes=60) for u in ("hemin", "zhoulan", "sunhao")}
    return Case(s, people, codes)
