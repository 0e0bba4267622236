"""On-site records on PostgreSQL: read whole in one moment, verified by anybody who holds the paper, told in the audit log, exported."""

from __future__ import annotations

import pytest

from tests.api.onsite_scene import Scene
from tests.api.test_evidence_inspection import (  # noqa: F401
    scene,
    test_every_step_and_nothing_of_the_neighbours,
)
from tests.api.test_public_onsite import scene as signed
from tests.api.test_public_onsite import test_what_was_amended_names_the_amendment_and_leads_to_it as amended

__all__ = ["scene", "signed"]


@pytest.fixture(autouse=True)
def _by_one_setting(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", pg_url)


def test_the_public_page(signed: Scene) -> None:
    amended(signed)
