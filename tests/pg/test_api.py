"""The heart of the API's own tests once more, on PostgreSQL: push, pull, outcomes, conflicts, parked changes and who
decides about them, chains, enrolling, numbers, plan import, reconcile, files. Nothing differs but the one setting."""

from __future__ import annotations

import pytest

from tests.api.test_blobs import (  # noqa: F401
    sender,
    test_a_death_while_it_becomes_a_blob,
    test_a_file_in_two_pieces,
    test_a_hash_alone_opens_nothing,
    test_an_upload_that_ended_is_gone_and_takes_no_place,
    test_every_announcement_is_an_upload_of_its_own,
    test_other_bytes_than_announced_are_not_kept,
    test_so_many_at_a_time_and_no_more,
    test_somebody_elses_upload_is_none,
)
from tests.api.test_blobs_seen import (  # noqa: F401
    test_how_many_files_of_a_scope_are_here,
    test_looking_for_nothing_takes_as_many_questions,
    test_naming_a_hash_in_a_record_of_ones_own_opens_nothing,
    test_what_was_left_unread_is_read_at_the_next_start,
)
from tests.api.test_bundle import (  # noqa: F401
    site,
    tablet,
    test_a_revoked_tablets_bundle_waits_for_a_person,
    test_imported_twice_and_then_synced,
    test_two_people_and_one_of_them_locked,
)
from tests.api.test_chain import *  # noqa: F403
from tests.api.test_cli import shell, test_reconcile  # noqa: F401
from tests.api.test_enrol import (  # noqa: F401
    test_a_kept_key_of_another_person_or_revoked,
    test_a_kept_key_with_a_new_code_is_the_same_enrolment,
    test_numbers_only_for_what_one_may_write,
)
from tests.api.test_evidence_export import (  # noqa: F401
    scene,
    test_a_point_with_all_that_hangs_on_it_and_nothing_of_its_neighbours,
    test_a_project_whole,
    test_the_chains_are_recomputed_from_the_file_alone,
    test_the_clone_is_provable,
    test_while_tablets_push,
)
from tests.api.test_plan_import import (  # noqa: F401
    office,
    test_a_failed_import_leaves_nothing,
    test_first_import,
    test_imports_at_once_get_versions_of_their_own,
    test_second_import_is_a_new_version_with_its_difference,
    test_work_done_stays_attached,
)
from tests.api.test_promises import (  # noqa: F401
    test_a_clock_that_was_off_is_seen_though_its_change_had_to_wait,
    test_a_correction_frees_what_it_corrects,
    test_a_decision_is_a_decision_about_this_conflict,
    test_a_very_long_unknown_field_conflicts_too,
    test_a_write_on_the_server_is_in_or_is_told,
)
from tests.api.test_push_pull import *  # noqa: F403
from tests.api.test_rights import (  # noqa: F401
    desk,
    test_accepted_it_goes_in_as_it_was_written,
    test_accepted_it_still_waits_for_what_it_refers_to,
    test_declined_the_device_is_told_and_nothing_is_lost,
    test_of_two_projects_at_once_all_or_nothing,
    test_reinstated_it_goes_in_by_itself,
    waiting,
)


@pytest.fixture(autouse=True)
def _by_one_setting(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", pg_url)
