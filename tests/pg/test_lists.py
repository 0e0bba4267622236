"""Tables of records on PostgreSQL: pages in both directions, links, and who may read them."""

from __future__ import annotations

import pytest

from tests.api.test_console_records import (  # noqa: F401
    desk,
    test_addresses_nobody_made,
    test_links_lead_to_the_last_page_and_back,
    test_pages_follow_one_another_both_ways,
    test_what_one_may_not_read_is_not_there,
)


@pytest.fixture(autouse=True)
def _by_one_setting(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", pg_url)
