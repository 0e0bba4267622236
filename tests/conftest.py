"""Under CI=true nothing may skip: a test that could not run is a test that did not pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import fastapi._compat.v2 as v2
import pytest
from hypothesis import settings

Made = TypeVar("Made")


def cache_by_text(make: Callable[..., Made]) -> Callable[..., Made]:
    """What was made for arguments that read the same."""
    known: dict[str, Made] = {}

    def made(*args: Any, **named: Any) -> Made:
        key = repr((args, named))
        if key not in known:
            known[key] = make(*args, **named)
        return known[key]

    return made


# A run makes thousands of servers, and FastAPI an adapter for every parameter of every handler of each. Adapters keep nothing, so one for
# all that are alike does the same in half the time.
v2.TypeAdapter = cache_by_text(v2.TypeAdapter)  # type: ignore[misc]

NO_SKIP = os.environ.get("CI", "").lower() in ("1", "true")
# A busy machine is no fault, hence no deadline. What decides whether a change lands tries the same examples every time; everybody
# else's runs, and the soak, go on looking for new ones.
settings.register_profile("jingtu", deadline=None, derandomize=NO_SKIP)
settings.load_profile("jingtu")


def _fail_skip(report: Any) -> None:
    if NO_SKIP and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI=true does not allow: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    report = yield
    _fail_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    report = yield
    _fail_skip(report)
    return report
