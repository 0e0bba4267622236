"""The small size of the deaths (the full one: python -m tests.crash), and that planted faults are noticed by them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import migrations, server, tablet
from tests.crash.nursery import Nursery
from tests.crash.planted import MIGRATION, SERVER, TABLET
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


def test_a_migration_that_is_killed_is_whole_or_not_at_all(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    done = migrations.run(tmp_path, nursery, 6, seed)
    assert done["tablet_kills"] + done["server_kills"] == 6


def test_a_postgresql_that_is_killed_loses_nothing(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    assert server.run_postgresql(tmp_path, nursery, 2, seed)["kills"] == 2


# --- a net is worth what it catches ----------------------------------------------------------------------------------


def _for_that(caught: pytest.ExceptionInfo[BaseException], fault: str) -> None:
    """Noticed by what a death left behind, not because the planted code does not run."""
    text = str(caught.value)
    print(f"{fault}: {text[:300]}")
    assert not any(x in text for x in ("by itself", "fails", "did not start", "showed little", "Traceback")), text


@pytest.mark.parametrize("fault", TABLET)
def test_a_tablet_with_a_fault_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    with pytest.raises(Broken) as caught:
        tablet.run(tmp_path, nursery, 60, 1, fault)
    _for_that(caught, fault)


@pytest.mark.parametrize("fault", MIGRATION)
def test_a_migration_with_a_fault_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    side = migrations.SERVER if "of the server" in fault else migrations.TABLET
    with pytest.raises(Broken) as caught:
        migrations.run(tmp_path, nursery, 30, 1, (side,), fault)
    _for_that(caught, fault)


@pytest.mark.parametrize("fault", SERVER)
def test_a_server_with_a_fault_is_caught(tmp_path: Path, nursery: Nursery, fault: str) -> None:
    with pytest.raises(Broken) as caught:
        server.run(tmp_path, nursery, 20, 1, fault)
    _for_that(caught, fault)
