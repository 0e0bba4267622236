"""A server's data with one project and its people, for the tablets that die and for the server that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.rules import evidence
from sync_server.auth import Auth
from sync_server.main import build
from sync_server.service import Service, Write
from sync_server.settings import Settings

AT = "2026-11-21T10:00:00+08:00"
PASSWORD = "一个很长的口令 2026"


class Broken(AssertionError):
    """A promise was not kept."""


def want(true: object, text: str) -> None:
    if not true:
        raise Broken(text)


class Site:
    def __init__(self, folder: Path, url: str | None = None, samplers: int = 3) -> None:
        self.settings = Settings(data=folder, database_url=url)
        parts = build(self.settings)
        s = parts.service
        self.org = s.found("示范公司")
        self.home = f"{self.org}.organisation"
        self.pm, self.helper = s.new_id(), s.new_id()
        self.samplers = [s.new_id() for _ in range(samplers)]
        person = {"org_id": self.org, "duties": ["sampler"]}
        everybody = [self.pm, self.helper, *self.samplers]
        s.write(None, [Write("person", p, self.home, {**person, "name": f"人{n}"}) for n, p in enumerate(everybody)])
        self.project = s.add_project({"code": "P1", "name": "项目", "stage": "detailed", "client_id": self.org,
                                      "surveyor_id": self.org, "contact_id": self.pm})  # fmt: skip
        self.field = f"{self.project}.field"
        s.grant(self.pm, self.project, "project_manager")
        s.grant(self.helper, self.project, "dispatcher")  # what he or she records as a sampler's waits for the manager
        for sampler in self.samplers:
            s.grant(sampler, self.project, "sampler")
        self.site = s.new_id()
        site = {"code": "S", "name": "地块", "status": "idle", "division_code": "320115"}
        s.write(self.pm, [Write("site", self.site, self.field, site)])
        auth = Auth(s, self.settings.secret("token.key", evidence.new_key), 10, 30)
        auth.add_account(self.pm, "pm", PASSWORD)
        s.store.close()

    def code(self, service: Service, person: str) -> str:
        return service.new_code(person, self.pm, minutes=10_000)


def comment(site: str, text: str) -> dict[str, Any]:
    return {"subject_kind": "site", "subject_id": site, "text": text, "at": AT}
