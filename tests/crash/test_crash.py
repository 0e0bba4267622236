"""The small size of the deaths (the full one: python -m tests.crash), and that planted faults are noticed by them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash import migrations, server, tablet, uploads
from tests.crash.nursery import Nursery
from tests.crash.planted import MIGRATION, SERVER, TABLET, UPLOADS
from tests.crash.site import Broken


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


@pytest.fixture
def seed() -> int:
    """Another one each time; a failure shows it."""
    made = random.SystemRandom().randrange(10**6)
    print(f"种子 / seed {made}: python -m tests.crash --seed {made}")
    return made


def test_a_tablet_that_is_killed_loses_nothing(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    done = tablet.run(tmp_path, nursery, 8, seed)
    assert done["kills"] == 8 and done["changes"] > 8


def test_a_server_that_is_killed_loses_nothing(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    done = server.run(tmp_path, nursery, 4, seed)
    assert done["kills"] == 4 and done["acknowledged"] > 0


def test_a_server_that_is_killed_while_files_come_keeps_them_whole(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    done = uploads.run(tmp_path, nursery, 4, seed)
    assert done["kills"] == 4 and done["files"] >= 6


def test_a_migration_that_is_killed_is_whole_or_not_at_all(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    done = migrations.run(tmp_path, nursery, 6, seed)
    assert done["tablet_kills"] + done["server_kills"] == 6


def test_a_postgresql_that_is_killed_loses_nothing(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    assert server.run_postgresql(tmp_path, nursery, 2, seed)["kills"] == 2


# --- a net is worth what it catches ----------------------------------------------------------------------------------

# one of each kind here; all of them in `dev.py soak --ci`, which says so by this
ALL = bool(os.environ.get("JINGTU_LONG"))
SEEDS = (1, 2, 3)  # a death may miss the moment


def _for_that(broken: Broken, fault: str) -> None:
    """Noticed by what a death left behind, not because the planted code does not run."""
    text = str(broken)
    print(f"{fault}: {text[:300]}")
    assert not any(x in text for x in ("by itself", "fails", "did not start", "showed little", "Traceback")), text


def _caught(tmp_path: Path, fault: str, run: Callable[[Path, int], object]) -> None:
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            run(folder, seed)
        except Broken as broken:
            _for_that(broken, fault)
            return
    pytest.fail(f"nobody noticed: {fault}")


@pytest.mark.parametrize("fault", list(TABLET)[: None if ALL else 1])
def test_a_tablet_with_a_fault_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    _caught(tmp_path, fault, lambda folder, seed: tablet.run(folder, nursery, 60, seed, fault))


@pytest.mark.parametrize("fault", list(MIGRATION)[: None if ALL else 1])
def test_a_migration_with_a_fault_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    side = migrations.SERVER if "of the server" in fault else migrations.TABLET
    _caught(tmp_path, fault, lambda folder, seed: migrations.run(folder, nursery, 30, seed, (side,), fault))


@pytest.mark.parametrize("fault", list(SERVER)[: None if ALL else 1])
def test_a_server_with_a_fault_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    _caught(tmp_path, fault, lambda folder, seed: server.run(folder, nursery, 20, seed, fault))


@pytest.mark.parametrize("fault", list(UPLOADS)[: None if ALL else 1])
def test_a_server_with_a_fault_in_its_uploads_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    _caught(tmp_path, fault, lambda folder, seed: uploads.run(folder, nursery, 12, seed, fault))
