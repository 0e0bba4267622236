"""The check on the tablet without a browser: what a "no" makes, what a kill leaves, what is signed in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest

from field_app.capture.position import Fix
from field_app.clock import CHINA
from field_app.desks.answering import typed
from field_app.desks.checking import CheckingDesk
from field_app.desks.evidence import missing, wanted
from field_app.here import Here
from field_app.store import Store
from schemas.records import TYPES, check
from schemas.reference import Label
from schemas.rules.checklists import model, ready
from tests.ui import checks_seed as seed
from tests.ui.seed import LAT, LON, ORG, PERSON, PIN, PROJECT, SITE, uid
from tests.unit.pictures import jpeg

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=CHINA)
POINT = uid(3, 13)


class Killed(Exception):
    """The process ended before this write."""


class Host:
    """What the desk asks of the app, done at once. `lives`: how many writes come through before the process is killed."""

    lang, device, route = "zh", "07", "item"

    def __init__(self, store: Store, at: datetime = NOON, located: bool = True) -> None:
        self._store, self.at, self.lives = store, at, 10_000
        project = store.get("project", PROJECT)
        site = store.get("site", SITE)
        assert project is not None and site is not None
        self.book = SimpleNamespace(project_id=PROJECT, project=project.values, site_id=SITE, site=site.values, rows=())
        self.records = SimpleNamespace(home_of=lambda type: seed.ENFORCEMENT, fix=lambda: None)
        self.here = Here()
        self.told: list[tuple[str, str]] = []
        self.writes: list[str] = []
        if located:
            self.here.take(Fix(LON, LAT, 3.0, at), at)

    def now(self) -> datetime:
        return self.at

    async def _do(self, fn: Any, *args: Any) -> Any:
        return fn(*args)

    def _write(self, fn: Any, *args: Any) -> None:
        if not self.lives:
            raise Killed
        self.lives -= 1
        self.writes.append(fn.__name__)
        fn(*args)

    def tell(self, kind: str, title: tuple[str, str], detail: tuple[str, str] = ("", "")) -> None:
        self.told.append(title)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspector") / "tablet"
    store = Store(folder)
    seed.fill(store)
    store.close()
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Store]:
    made = copied(filled, tmp_path / "tablet")
    yield made
    made.close()


def copied(filled: Path, to: Path) -> Store:
    import shutil

    shutil.copytree(filled, to)
    store = Store(to)
    assert store.keys.unlock(store.keys.require().enrolment, PIN)
    return store


def desk_on(store: Store, host: Host | None = None) -> CheckingDesk:
    return CheckingDesk(host or Host(store), store, None)  # type: ignore[arg-type]


def of(code: str) -> model.Checklist:
    found = ready.find(code, 1)
    assert found is not None
    return found


def begun(store: Store, code: str = "field-sampling", host: Host | None = None, **given: Any) -> CheckingDesk:
    desk, list = desk_on(store, host), of(code)
    desk.begin(list.kind, list, SITE, **{"point_id": POINT, **given})
    return desk


def reopened(store: Store, id: str) -> CheckingDesk:
    desk = desk_on(store)
    asyncio.run(desk.open(id))
    return desk


# --- beginning --------------------------------------------------------------------------------------------------------


def test_a_check_is_a_draft_at_once_and_pinned_to_its_list(store: Store) -> None:
    desk = begun(store)
    kept = store.drafts("inspection")
    assert [d.id for d in kept] == [desk.id] and kept[0].scope == seed.ENFORCEMENT
    v, list = kept[0].values, of("field-sampling")
    assert (v["list_code"], v["list_version"], v["list_sha256"]) == ("field-sampling", 1, list.sha256)
    assert v["code"] == "JC-20261129-0701" and v["kind"] == "sampling_supervision" and v["point_id"] == POINT
    assert v["org_id"] == ORG, "the firm that samples is what a sampling supervision checks"
    assert v["officers"] == [{"person_id": PERSON, "name": "周岚", "duty": "inspector"}]
    assert v["started_at"] == NOON.isoformat(timespec="seconds") and v["position"]["fix_kind"]
    assert desk.about == "S13" and desk.at == list.items[0].code and desk.left == 18


def test_numbers_of_checks_go_on_over_a_restart_and_begin_anew_each_day(store: Store) -> None:
    assert begun(store).inspection["code"] == "JC-20261129-0701"
    desk = desk_on(store)
    list = of("lab-check")
    desk.begin(list.kind, list, SITE)
    assert desk.inspection["code"] == "JC-20261129-0702" and "org_id" not in desk.inspection, (
        "nobody here knows the laboratory"
    )
    tomorrow = Host(store, NOON + timedelta(days=1))
    assert begun(store, host=tomorrow).inspection["code"] == "JC-20261130-0701"


def test_the_project_s_own_list_is_found_again_by_its_hash(store: Store) -> None:
    desk, list = desk_on(store), seed.long_list()
    id = desk.begin("patrol", list, SITE)
    assert desk.inspection["checklist_id"] == seed.LONG
    again = reopened(store, id)
    assert again.list is not None and again.list.sha256 == list.sha256 and len(again.list.items) == seed.MANY
    again.put(list_sha256="0" * 64)
    assert reopened(store, id).list is None, "a list of another hash is another list"


def test_who_may_write_none_is_told(store: Store) -> None:
    host = Host(store)
    host.records.home_of = lambda type: ""
    desk = desk_on(store, host)
    assert desk.begin("patrol", None, SITE) == "" and host.told and store.drafts("inspection") == []


# --- a "no" -----------------------------------------------------------------------------------------------------------


def test_a_no_makes_a_finding_with_severity_deadline_and_basis(store: Store) -> None:
    desk = begun(store)
    desk.answer("FS-08", "fail")
    (part,) = desk.findings.values()
    item = of("field-sampling").item("FS-08")
    assert item is not None
    v = part.values
    assert v["code"] == "JC-20261129-0701-WT01" and v["severity"] == item.severity == "severe"
    assert v["deadline"] == "2026-12-06" and v["answer_id"] == desk.answers["FS-08"].id and v["org_id"] == ORG
    assert v["position"] == desk.inspection["position"] and "17号" in v["basis"] and item.label.zh in v["description"]
    assert not check(TYPES["finding"], v), "it can be signed as it is"
    desk.say_phrase("FS-08", "冰排已化")
    desk.put_text("FS-08", "冰排已化；6.8 ℃")
    assert desk.findings["FS-08"].values["description"].endswith("：冰排已化；6.8 ℃")
    desk.say_phrase("FS-08", "冰排已化")
    assert desk.answers["FS-08"].values["text"] == "6.8 ℃"


@pytest.mark.parametrize(
    ("day", "law", "not_law"),
    [
        ("2026-08-14", "土壤污染防治法", "生态环境法典"),
        ("2026-08-15", "生态环境法典", "《中华人民共和国土壤污染防治法》第"),
    ],
)
def test_the_law_is_that_of_the_day(store: Store, day: str, law: str, not_law: str) -> None:
    host = Host(store, datetime.fromisoformat(f"{day}T09:00:00+08:00"))
    desk = begun(store, "soil-transfer", host)
    cited = next(i for i in desk.list.items if any(c.law for c in i.basis))
    desk.answer(cited.code, "fail")
    basis = desk.findings[cited.code].values["basis"]
    assert law in basis and not_law not in basis


def test_found_later_the_law_is_that_of_the_day_of_the_conduct(store: Store) -> None:
    desk = begun(store, "soil-transfer", Host(store, datetime.fromisoformat("2026-09-01T09:00:00+08:00")))
    cited = next(i for i in desk.list.items if any(c.law for c in i.basis))
    desk.answer(cited.code, "fail")
    before = desk.findings[cited.code].values
    for text in ("2026", "2026-08-1", "2026-08-14"):  # as it is typed
        desk.put_finding(cited.code, conduct_on=text)
    values = desk.findings[cited.code].values
    assert (
        values["conduct_on"] == "2026-08-14"
        and "土壤污染防治法" in values["basis"]
        and "生态环境法典" not in values["basis"]
    )
    assert values["deadline"] == before["deadline"]  # counted from the check
    desk.put_finding(cited.code, conduct_on=None)
    assert desk.findings[cited.code].values == before


def test_an_answer_taken_back_and_given_again_loses_nothing(store: Store) -> None:
    desk = begun(store)
    desk.answer("FS-02", "fail")
    desk.put_finding("FS-02", responsible="钱进", measure="停钻，换机")
    before = desk.findings["FS-02"]
    desk.answer("FS-02", "pass")
    assert desk.findings == {} and [d for d in store.drafts(parent=desk.id) if d.type == "finding"] == []
    desk.answer("FS-03", "fail")
    assert desk.findings["FS-03"].values["code"].endswith("-WT02"), "a number once given is not given again"
    desk = reopened(store, desk.id)
    desk.answer("FS-02", "fail")
    assert desk.findings["FS-02"] == before


def test_severity_moves_the_deadline_that_was_proposed_and_no_other(store: Store) -> None:
    desk = begun(store)
    desk.answer("FS-02", "fail")
    desk.put_severity("FS-02", "general")
    assert desk.findings["FS-02"].values["deadline"] == "2026-12-29"
    desk.put_finding("FS-02", deadline="2026-12-01")
    desk.put_severity("FS-02", "law")
    assert desk.findings["FS-02"].values["deadline"] == "2026-12-01"


def test_a_firm_said_later_is_said_of_the_findings_too(store: Store) -> None:
    desk = begun(store, "lab-check", Host(store, located=False))
    first, second = (i.code for i in desk.list.items[:2])
    desk.answer(first, "fail")
    desk.answer(second, "fail")
    assert not {"org_id", "responsible", "position"} & desk.findings[first].values.keys()
    desk.put_finding(second, responsible="孙丽")
    place = {
        "lon": "119.4523160",
        "lat": "32.2087450",
        "fix_kind": "map",
        "at": NOON.isoformat(),
        "manual_reason": "室内",
    }
    desk.put(org_id=seed.FACTORY, position=place)
    assert [desk.findings[c].values["org_id"] for c in (first, second)] == [seed.FACTORY] * 2
    assert [desk.findings[c].values["responsible"] for c in (first, second)] == ["钱进", "孙丽"]
    assert desk.findings[first].values["position"] == place
    again = reopened(store, desk.id)
    assert again.findings == desk.findings
    desk.put_finding(second, org_id=ORG)
    desk.put(org_id=None)
    assert "org_id" not in desk.findings[first].values and desk.findings[second].values["org_id"] == ORG


def test_a_problem_of_no_item_and_its_photo(store: Store) -> None:
    desk = begun(store)
    key = desk.add_finding(description="围墙倒塌")
    assert asyncio.run(desk.shoot("finding", key_id(desk, key), "finding", jpeg()))
    assert desk.findings[key].values["code"].endswith("WT01") and len(desk.photos_of(key_id(desk, key))) == 1
    again = reopened(store, desk.id)
    assert again.findings[key].values["description"] == "围墙倒塌" and len(again.photos) == 1
    again.drop_finding(key)
    assert again.findings == {} and again.photos == {} and store.drafts(parent=desk.id) == []


def key_id(desk: CheckingDesk, key: str) -> str:
    return desk.findings[key].id


# --- the verdict ------------------------------------------------------------------------------------------------------


def test_the_rule_s_verdict_stands_in_the_check_and_a_person_may_only_be_stricter(store: Store) -> None:
    desk = begun(store)
    assert "verdict_by_rule" not in desk.inspection
    for item in desk.list.items:
        desk.answer(item.code, "pass")
    assert desk.inspection["verdict_by_rule"] == desk.inspection["verdict"] == "pass" and desk.left == 0
    desk.put(verdict="refer")
    desk.answer("FS-01", "fail")
    assert desk.inspection["verdict_by_rule"] == "fail_severe" and desk.inspection["verdict"] == "refer"
    desk.answer("FS-01", "not_apply")
    desk.put(verdict="pass")
    desk.answer("FS-01", "fail")
    assert desk.inspection["verdict"] == "fail_severe", "what is milder than the rule does not stay"


# --- figures, evidence, photos ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [("", "6", "6"), ("6", ".", "6."), ("6.", "8", "6.8"), ("6.8", ".", "6.8"), ("0", "5", "5"), ("", ".", "0."), ("6.8", "sign", "-6.8"),
     ("-6.8", "sign", "6.8"), ("", "sign", ""), ("-6", "back", "-"), ("6.8", "clear", ""), ("123456", "7", "123456"), ("1.2345", "6", "1.2345"),
     ("-1", "2", "-12"), ("1", "x", "1")],
)  # fmt: skip
def test_the_pad(before: str, key: str, after: str) -> None:
    assert typed(before, key) == after


def test_a_figure_is_kept_at_every_key_and_said_against_its_limit(store: Store) -> None:
    desk = begun(store)
    item = next(i for i in desk.list.items if any(a.what == "number" and a.limit for a in i.asks))
    ask = next(a for a in item.asks if a.what == "number")
    for n, key in enumerate("99."):
        desk.press(item.code, key)
        assert store.drafts("checklist_answer", desk.id)[0].values["number"] == "99."[: n + 1]
    desk.weigh(item.code)
    answer = desk.answers[item.code].values
    assert answer["unit"] == ask.unit and "99" in answer["auto_value"] and not desk.answered(item.code), (
        "said, never answered"
    )
    edit = next(e for e in desk.edits() if e.type == "checklist_answer")
    assert edit.values["number"] == "99" and not check(TYPES["checklist_answer"], edit.values)


ITEM = model.Item("A1", Label("甲", "a"), Label("乙", "b"), asks=(
    model.Ask("photo", Label("保温箱", "cool box")), model.Ask("photo", Label("温度计", "thermometer")), model.Ask("number", Label("温度", "temperature"), "℃"),
    model.Ask("video", optional=True), model.Ask("position")))  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "captions", "problem", "lacking"),
    [
        ({}, [], False, []),
        ({}, [], True, ["photo", "photo", "number", "position", "text"]),
        ({"text": "冰化了"}, ["保温箱"], True, ["photo", "number", "position"]),
        ({"text": " ", "number": "6.8"}, ["温度计", "保温箱"], True, ["position", "text"]),
        ({"text": "a", "number": "6.8", "position": {"lon": "1"}}, ["温度计", "保温箱", "别的"], True, []),
    ],
)
def test_what_a_no_still_asks_for(
    answer: dict[str, Any], captions: list[str], problem: bool, lacking: list[str]
) -> None:
    photos = {str(n): {"caption": c} for n, c in enumerate(captions)}
    all = wanted(ITEM, answer, photos, problem)
    assert [w.what for w in missing(all)] == lacking
    assert sorted(p for w in all for p in w.photos) == sorted(photos), "every photo is shown somewhere"


def test_a_photo_is_kept_before_it_is_shown_and_says_what_it_proves(store: Store) -> None:
    desk = begun(store)
    subject = desk.subject_of("FS-08")
    id = asyncio.run(desk.shoot(*subject, desk.step_of("FS-08"), jpeg(), caption="保温箱"))
    assert id is not None
    (draft,) = store.drafts("photo", desk.id)
    v = draft.values
    assert (v["subject_kind"], v["subject_id"], v["step"], v["caption"]) == (
        "checklist_answer",
        subject[1],
        "evidence",
        "保温箱",
    )
    assert (store.folder / "photos" / f"{v['sha256']}.jpg").exists()
    assert v["source"] == "drawn" and "source_reason" not in v  # no camera's, and nobody imported it
    desk.answer("FS-08", "fail")
    assert desk.photos[id]["step"] == "finding" and store.drafts("photo", desk.id)[0].values["step"] == "finding"
    desk.answer("FS-08", "pass")
    assert desk.photos[id]["step"] == "evidence"
    assert asyncio.run(desk.shoot(*subject, "evidence", b"no picture")) is None and desk.fault is not None
    desk.drop_photo(id)
    assert store.drafts("photo", desk.id) == [] and (store.folder / "photos" / f"{v['sha256']}.jpg").exists()


def test_what_the_sampler_s_records_say_by_themselves(store: Store) -> None:
    """The server's own checks of the point, run here: said beside the item, never answered; asked anew for another point."""
    desk = begun(store)
    item = next(i for i in desk.list.items if i.auto.startswith("checks:"))
    asyncio.run(desk.compare())
    assert desk.found and desk.auto(item.code).why.zh and not desk.answered(item.code)
    asyncio.run(desk.compare())  # asked once
    desk.put(point_id=uid(3, 12))
    assert desk.found is None and desk.about == "S12"
    asyncio.run(desk.compare())
    moved = desk.auto("FS-01")
    assert desk.found and (moved.answer == "fail" or "6" in moved.why.zh), moved


# --- going about ------------------------------------------------------------------------------------------------------


def test_going_on_skips_what_the_filter_leaves_out(store: Store) -> None:
    desk = begun(store)
    codes = [i.code for i in desk.list.items]
    desk.answer(codes[1], "pass")
    desk.answer(codes[2], "fail")
    assert desk.following(codes[0]) == codes[1] and desk.following(codes[0], back=True) == ""
    desk.set_ui(filter="open")
    assert desk.following(codes[0]) == codes[3] and desk.following(codes[3], back=True) == codes[0]
    desk.set_ui(filter="fail")
    assert desk.following(codes[0]) == codes[2] and desk.following(codes[2]) == ""
    again = reopened(store, desk.id)
    assert again.filter == "fail" and again.at == codes[0], "comes back as it was left"
    asyncio.run(again.open(desk.id, codes[7]))
    assert again.at == codes[7]


def test_two_hundred_items_are_answered_without_waiting(store: Store) -> None:
    desk, list = desk_on(store), seed.long_list()
    desk.begin("patrol", list, SITE)
    times = []
    for n, item in enumerate(list.items):
        began = perf_counter()
        desk.answer(item.code, "fail" if n % 25 == 0 else "pass")
        times.append(perf_counter() - began)
    assert desk.left == 0 and len(desk.findings) == 8 and desk.inspection["verdict_by_rule"]
    assert sorted(times)[len(times) // 2] < 0.03, "the writes themselves are here on the same thread"
    began = perf_counter()
    again = reopened(store, desk.id)
    assert perf_counter() - began < 1 and again.answers == desk.answers and again.findings == desk.findings


# --- killed, signed, carried over ---------------------------------------------------------------------------------------


def script(desk: CheckingDesk) -> None:
    list = of("field-sampling")
    desk.begin(list.kind, list, SITE, point_id=POINT)
    desk.answer("FS-01", "pass")
    desk.answer("FS-02", "fail")
    desk.put_text("FS-02", "钻机漏油")
    desk.answer("FS-02", "not_apply")
    desk.answer("FS-03", "fail")
    desk.answer("FS-02", "fail")
    desk.add_finding(description="围墙倒塌")
    desk.put(opinion="责令整改")


def test_killed_before_any_write_the_check_comes_back_whole(filled: Path, tmp_path: Path) -> None:
    """After n writes the process is gone: what was written is there, each "no" has its one finding, each finding its "no"."""
    store = copied(filled, tmp_path / "whole")
    host = Host(store)
    script(desk_on(store, host))
    total = len(host.writes)
    store.close()
    assert total > 15
    for n in range(total):
        store = copied(filled, tmp_path / str(n))
        host = Host(store)
        host.lives = n
        with pytest.raises(Killed):
            script(desk_on(store, host))
        drafts = store.drafts("inspection")
        if drafts:
            written = {d.id: d.values["answer"] for d in store.drafts("checklist_answer", drafts[0].id)}
            desk = reopened(store, drafts[0].id)
            assert {p.id: p.values["answer"] for p in desk.answers.values()} == written
            failed = {c for c, p in desk.answers.items() if p.values["answer"] == "fail"}
            of_items = {k for k in desk.findings if desk.item(k) is not None}
            assert of_items == failed, n
            numbers = [p.values["code"] for p in desk.findings.values()]
            assert len(set(numbers)) == len(numbers), n
            stored = {d.id for d in store.drafts("finding", desk.id)}
            assert stored == {p.id for p in desk.findings.values()}, n
        else:
            assert n <= 1
        store.close()


def test_all_of_it_goes_into_the_journal_in_one_transaction(store: Store) -> None:
    desk = desk_on(store)
    script(desk)
    asyncio.run(desk.shoot(*desk.subject_of("FS-03"), "finding", jpeg()))
    edits = desk.edits()
    order = ["inspection", "checklist_answer", "finding", "photo"]
    assert [e.type for e in edits] == sorted((e.type for e in edits), key=order.index), "parents first"
    assert all(not n.startswith("_") for e in edits for n in e.values)
    assert desk.begun()[0].answered == 3 and desk.begun()[0].fails == 2 and desk.begun()[0].total == 18
    made = store.finalize(edits, complete=False)
    assert len(made) == len(edits) and store.drafts() == [] and desk.begun() == []
    gone = reopened(store, desk.id)
    assert gone.missing == desk.id and gone.id == ""
    store.save_draft("inspection", desk.id, seed.ENFORCEMENT, {"code": "x", "_check": {}})  # a tap while it was signed
    assert desk.begun() == [] and reopened(store, desk.id).missing == desk.id


def test_a_draft_is_taken_up_on_another_tablet_as_it_is(filled: Path, tmp_path: Path) -> None:
    import json

    first, second = copied(filled, tmp_path / "a"), copied(filled, tmp_path / "b")
    desk = desk_on(first)
    script(desk)
    desk.set_ui(at="FS-05")
    packed = json.loads(json.dumps(desk.packed()))
    other = desk_on(second)
    for bad in (
        {},
        {**packed, "v": 2},
        {**packed, "answers": [["x"]]},
        {**packed, "inspection": None},
        {**packed, "scope": 1},
    ):
        with pytest.raises(ValueError, match="packed"):
            other.take(bad)
    assert second.drafts() == []
    assert other.take(packed) == desk.id
    asyncio.run(other.open(desk.id))
    assert other.edits() == desk.edits() and other.at == "FS-05"
    desk.answer("FS-03", "pass")
    other.take(json.loads(json.dumps(desk.packed())))
    asyncio.run(other.open(desk.id))
    assert other.edits() == desk.edits(), "a later one takes the place of the earlier"
    first.close()
    second.close()


def test_dropping_a_check_drops_all_of_it_and_nothing_else(store: Store) -> None:
    kept = begun(store)
    kept.answer("FS-01", "pass")
    desk = desk_on(store)
    script(desk)
    asyncio.run(desk.drop())
    assert (
        {d.id for d in store.drafts("inspection")} == {kept.id}
        and len(store.drafts(parent=kept.id)) == 1
        and desk.id == ""
    )


def test_what_somebody_else_has_open_is_gone_with_the_turn(store: Store) -> None:
    desk = begun(store)
    desk.answer("FS-01", "pass")
    desk.forget()
    assert desk.id == "" and desk.answers == {} and desk.inspection == {}
    desk.answer("FS-01", "fail")
    assert [d.values["answer"] for d in store.drafts("checklist_answer")] == ["pass"], "a late tap writes nothing"
