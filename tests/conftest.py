"""Under CI=true nothing may skip: a test that could not run is a test that did not pass."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

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
