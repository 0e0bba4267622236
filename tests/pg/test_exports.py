"""Exports on PostgreSQL: one moment for each list, jobs claimed once, rights, what a dead process left."""

from __future__ import annotations

import pytest

from tests.api.test_console_exports import (  # noqa: F401
    desk,
    test_a_busy_database_neither_stops_it_nor_hides_what_came_of_it,
    test_asked_made_shown_and_fetched,
    test_it_can_be_cancelled_while_it_waits_and_while_it_is_made,
    test_so_many_at_once_and_no_more,
    test_the_whole_project_in_every_format,
    test_what_a_dead_server_left_is_told_as_interrupted,
    test_what_a_table_shows,
)


@pytest.fixture(autouse=True)
def _by_one_setting(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", pg_url)
