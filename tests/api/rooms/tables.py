"""The search by name; the rules of the tables themselves stand in tests/api/rules.py."""

from __future__ import annotations

from tests.api.rules import PROJECT, project_page

RULES = {("GET", f"{PROJECT}/find"): project_page}
PROBES: dict[tuple[str, str], object] = {}
