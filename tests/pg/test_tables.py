"""Tables in any order, narrowed in any way, on PostgreSQL: the same rows in the same order as on SQLite."""

from __future__ import annotations

import pytest

from tests.api.test_console_tables import (  # noqa: F401
    test_every_choice_finds_its_rows,
    test_every_value_stands_in_its_place,
    test_pages_walk_and_count_are_the_rows_sorted_and_filtered,
    test_rows_that_moved_do_not_break_a_walk,
    test_what_a_reference_is_called,
)


@pytest.fixture(autouse=True)
def _by_one_setting(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", pg_url)
