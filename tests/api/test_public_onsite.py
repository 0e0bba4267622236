"""The public page of an on-site record: for whoever holds the paper, and nothing for anybody else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_server.console import public
from sync_server.onsite_record import check_of, public_path
from sync_server.service import Write
from tests.api.conftest import Device, Server, outcomes
from tests.api.onsite_scene import CODE, ID_NO, Scene

PRIVATE = (
    "孙立新",
    "李国强",
    "赵敏",
    "陈静",
    "周明",
    ID_NO,
    "139000",
    "华东",
    "江北",
    "裂缝",
    "围堰",
    "118.75",
    "32.20",
    "苏A",
    "执法检查",
    "不通过",
)


@pytest.fixture
def scene(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(public, "LEAST_S", 0.0)
    made = Scene(server, tmp_path)
    made.signed()
    return made


def ask(
    scene: Scene, id: str | None = None, check: str | None = None, query: str = "", **headers: str
) -> httpx.Response:
    id, check = scene.ids["inspection"] if id is None else id, check_of(scene.sha) if check is None else check
    with httpx.Client(transport=scene.server.transport, base_url="http://sim") as client:
        return client.get(f"/i/{id}?c={check}{query}", headers=headers)


def shown(page: httpx.Response) -> str:
    assert page.status_code == 200, page.status_code
    assert not [word for word in PRIVATE if word in page.text]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text.partition("<main>")[2]))


def whole(page: httpx.Response) -> str:
    return re.sub(r"<[^>]+>|\s", "", page.text)


def test_whoever_holds_the_paper_sees_code_state_hash_and_when_it_came(scene: Scene) -> None:
    page = ask(scene)
    text = shown(page)
    assert (
        CODE in text
        and "内容与签字时一致" in text
        and "2026-11-21 10:00" in text
        and "由登记平板的密钥签名送达" in text
    )
    assert scene.sha in whole(page)
    assert "As it was signed" in shown(
        ask(scene, check=check_of(scene.sha).lower(), **{"Accept-Language": "en-GB,en;q=0.9"})
    )
    assert public_path(scene.ids["inspection"], scene.sha) == f"/i/{scene.ids['inspection']}?c={check_of(scene.sha)}"


def test_what_was_amended_names_the_amendment_and_leads_to_it(scene: Scene) -> None:
    scene.server.clock.turn(hours=3)
    scene.amended()
    page = ask(scene)
    text = shown(page)
    assert "已更正，以更正后的为准" in text and "JC-20261121-A702" in text and "2026-11-21 13:00" in text
    (path,) = (p.replace("&amp;", "&") for p in re.findall(r'href="(/i/[^"]+)"', page.text))
    text = shown(scene.server.http.get(path))
    assert "JC-20261121-A702" in text and "内容与签字时一致" in text and f"它更正的笔录 {CODE}" in text
    with (
        scene.server.service.store.writing() as tx
    ):  # as data of before this rule may have it: a signed one is voided by nobody
        (row,) = tx.load("inspection", [scene.ids["amendment"]])
        tx.put([], [row._replace(values=row.values | {"deleted": True, "void_reason": "开错"})])
    assert "已作废" in shown(scene.server.http.get(path)) and "内容与签字时一致" in shown(
        ask(scene)
    )  # what is voided amends nothing


def test_what_is_not_as_signed_is_said(scene: Scene) -> None:
    later = scene.answers()["inspection.1.3"] | {"item_code": "1.9"}
    d = scene.device
    assert outcomes(d.push([d.change("checklist_answer", later, scope=scene.scope)], scene.scope)) == [
        "applied"
    ]  # told, not refused
    text = shown(ask(scene))
    assert "与签字时不同，待核实" in text and scene.sha in whole(ask(scene))


def test_what_comes_afterwards_changes_nothing(scene: Scene) -> None:
    scene.rectified()
    assert "内容与签字时一致" in shown(ask(scene))


def test_one_that_nobody_signed_is_not_here(scene: Scene) -> None:
    scene.new("draft")
    scene.push(draft=("inspection", scene.inspection(code="JC-2")))
    record = scene.server.service.onsite_record(scene.ids["draft"], scene.scope)
    assert record is not None
    assert ask(scene, scene.ids["draft"], check_of(record.taken.counted)).status_code == 404


def test_wrong_missing_and_unheard_of_are_one_page(scene: Scene) -> None:
    id, good = scene.ids["inspection"], check_of(scene.sha)
    wrong = [
        ask(scene, check=""), ask(scene, check="AAAAAAAAAA"), ask(scene, check=good[:9]), ask(scene, check=good + "A"), ask(scene, check="é" * 10),
        ask(scene, check=scene.sha), ask(scene, scene.server.new_id()), ask(scene, "x"), ask(scene, "%00"), ask(scene, id.upper()), ask(scene, scene.ids["finding1"]),
        ask(scene, "9" * 3000), ask(scene, check="%00" * 10), scene.server.http.get(f"/i/{id}"),
    ]  # fmt: skip
    told = {(a.status_code, re.sub(r'href="\?[^"]*"', "", a.text), str(sorted((k, v) for k, v in a.headers.items() if k not in
             ("content-length", "jingtu-time")))) for a in wrong}  # fmt: skip
    assert len(told) == 1 and next(iter(told))[0] == 404 and CODE not in wrong[0].text


def test_it_asks_for_nothing_and_loads_nothing(scene: Scene) -> None:
    for page in (ask(scene), ask(scene, check="")):
        assert "set-cookie" not in page.headers and page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex" and page.headers["referrer-policy"] == "no-referrer"
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "script" not in policy and "unsafe" not in policy
        assert not re.search(r"<script|<form|<input|<img|src=|javascript:|http", page.text)


def test_questions_are_counted_together_with_those_about_loads(scene: Scene) -> None:
    with httpx.Client(transport=scene.server.transport, base_url="http://sim") as client:
        for n in range(public.PER_MINUTE):
            assert client.get(f"/{'im'[n % 2]}/x").status_code == 404
        answer = client.get(public_path(scene.ids["inspection"], scene.sha))
    assert answer.status_code == 429 and "秒后再扫" in answer.text and CODE not in answer.text


def test_an_inspection_of_another_project_under_the_same_code_is_another(scene: Scene, tmp_path: Path) -> None:
    """Its own check value opens it; that of the first does not."""
    s = scene.server
    s.service.grant(scene.ids["li"], s.other, "inspector")
    other = Device(s, scene.ids["li"])
    site, scope, id = s.new_id(), f"{s.other}.enforcement", s.new_id()
    s.service.write(
        None,
        [Write("site", site, f"{s.other}.field", {"code": "S", "name": "x", "status": "idle", "division_code": "1"})],
    )
    values: dict[str, Any] = scene.inspection(site_id=site) | {
        "content_sha256": "ab" * 32,
        "signatures": scene.signatures(),
    }
    assert outcomes(other.push([other.change("inspection", values, id, scope=scope)], scope)) == ["applied"]
    assert ask(scene, id).status_code == 404 and "与签字时不同" in shown(ask(scene, id, check_of("ab" * 32)))


def test_looked_up_by_indexes(scene: Scene) -> None:
    if "sqlite" in scene.server.service.store.engine.dialect.name:
        for table, column in (
            ("checklist_answer", "inspection_id"),
            ("photo", "subject_id"),
            ("inspection", "amends_id"),
        ):
            assert f"{table}_{column}" in str(
                scene.server.sql(f"EXPLAIN QUERY PLAN SELECT id FROM {table} WHERE {column} IN ('1')")
            )


def test_a_hash_that_nobody_signed_is_no_signed_record(scene: Scene) -> None:
    """Neither by itself nor as an amendment of one that was signed."""
    scene.new("claimed")
    said = scene.inspection(code="JC-CLAIMED", amends_id=scene.ids["inspection"], amend_reason="x")
    scene.push(claimed=("inspection", said | {"content_sha256": "ab" * 32}))
    assert ask(scene, scene.ids["claimed"], check_of("ab" * 32)).status_code == 404
    assert "内容与签字时一致" in shown(ask(scene)) and "JC-CLAIMED" not in ask(scene).text
