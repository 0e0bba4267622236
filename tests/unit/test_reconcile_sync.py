"""Sync checks Y01–Y03."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schemas.rules.reconcile import DeviceSeen, run
from tests.unit.factory import NOW, World, at


def disputed(choice: str | None = None, decisions: tuple[dict[str, Any], ...] = (), seq: int = 5) -> World:
    """A sample at version `seq`, with one conflict (unless `choice` is "none") and reviews of version 5."""
    w = World()
    w.both()
    w.add("sample", "S01-1", seq)
    if choice != "none":
        w.add("conflict", choice=choice)
    for i, values in enumerate(decisions):
        w.add("review_decision", f"d{i}", **{"at": at(f"{12 + i}:00"), **values})
    return w


BACK, PASS, TALK = {"state": "back"}, {"state": "pass"}, {"state": "comment"}
CASES: list[tuple[str, str, World, list[str]]] = [
    ("Y01", "open", disputed(), ["warning 样品 S01-1 有 1 处冲突、0 条退回未处理"]),
    ("Y01", "decided", disputed("keep_now"), []),
    ("Y01", "returned", disputed("none", (BACK,)), ["warning 样品 S01-1 有 0 处冲突、1 条退回未处理"]),
    ("Y01", "both", disputed(None, (BACK,)), ["warning 样品 S01-1 有 1 处冲突、1 条退回未处理"]),
    ("Y01", "finished again", disputed("none", (BACK,), seq=6), []),
    ("Y01", "passed after all", disputed("none", (BACK, PASS)), []),
    ("Y01", "a comment changes nothing", disputed("none", (BACK, TALK)), ["warning 样品 S01-1 有 0 处冲突、1 条退回未处理"]),
    ("Y01", "passed, then returned", disputed("none", (PASS, BACK)), ["warning 样品 S01-1 有 0 处冲突、1 条退回未处理"]),
    ("Y01", "level 2 returned, level 1 passed", disputed("none", (PASS, {"state": "back", "level": 2})),
     ["warning 样品 S01-1 有 0 处冲突、1 条退回未处理"]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    found = run(w.facts()).by_check[check]
    assert [f"{f.severity} {f.zh}" for f in found] == expected
    assert all(f.point_code == "S01" for f in found)


def snapped(n: int) -> World:
    w = World()
    w.both()
    for i in range(n):
        w.add("photo", f"p{i}", sha256=f"{i:064x}")
    return w


def test_media_missing() -> None:
    def media(n: int, stored: frozenset[str] | None) -> list[str]:
        return [f"{f.severity} {f.zh}" for f in run(snapped(n).facts(stored_blobs=stored)).by_check["Y02"]]

    assert media(2, frozenset({f"{0:064x}", f"{1:064x}", f"{2:064x}"})) == []
    assert media(2, frozenset({f"{0:064x}"})) == ["warning 照片已到 1/2"]
    assert media(2, None) == ["unknown 「媒体未到齐」无法判断：缺服务器上已到的照片清单"]
    assert media(0, None) == []
    (found,) = run(snapped(2).facts(stored_blobs=frozenset())).by_check["Y02"]
    assert found.figures["points"] == ["S01"]


def test_silent_device() -> None:
    def silent(hours: float | None, pending: int | None) -> list[str]:
        seen = None if hours is None else NOW - timedelta(hours=hours)
        facts = World().facts(devices=[DeviceSeen("d1", "T1", seen, pending)])
        return [f"{f.severity} {f.zh}" for f in run(facts).by_check["Y03"]]

    assert silent(48, 3) == []
    assert silent(49, 3) == ["info T1 已 49 小时未同步，还有 3 条未传；完成数只是下限"]
    assert silent(49, 0) == []
    assert silent(49, None) == ["info T1 已 49 小时未同步，不知还有多少未传；完成数只是下限"]
    assert silent(None, None) == ["info T1 从未同步；完成数只是下限"]
