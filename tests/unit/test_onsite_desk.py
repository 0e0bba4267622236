"""The on-site record on the tablet without a browser: written, signed, filed in one transaction, amended; nothing signed is changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from field_app.clock import CHINA
from field_app.desks.checking import CheckingDesk
from field_app.desks.heading import part_of
from field_app.desks.onsite import OnsiteDesk
from field_app.desks.phrases import added, last_of
from field_app.store import Edit, Store
from schemas.problems import Trouble
from schemas.rules import onsite
from schemas.rules.lack import Lack
from schemas.rules.onsite import Signer
from tests.ui import onsite_seed
from tests.ui.checks_seed import ENFORCEMENT
from tests.ui.onsite_seed import CHECK, LUO
from tests.ui.seed import PERSON, PIN, PROJECT
from tests.unit.test_checking import Host as Checking

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=CHINA)


class Host(Checking):
    """The app around the desk; whoever is asked to sign signs at once, as `way` says."""

    person = "周岚"

    def __init__(self, store: Store) -> None:
        super().__init__(store, NOON)
        self.records.may_write = lambda type, scope: scope == ENFORCEMENT
        self.went: list[tuple[str, dict[str, Any]]] = []
        self.way: dict[str, Any] = {"way": "signed", "strokes": "{}"}
        self.as_witness = "居委会丁"
        self.signing = SimpleNamespace(ask=self._ask)
        self.checking = CheckingDesk(self, store, None)  # type: ignore[arg-type]

    def _ask(self, asked: dict[str, Any], done: Any) -> None:
        name = asked["name"] or self.as_witness
        done({"role": asked["role"], "name": name, "signed_at": self.now().isoformat(timespec="seconds"), **self.way})

    async def load(self) -> None: ...

    def go(self, route: str, **args: Any) -> None:
        self.went.append((route, args))

    replace = go

    def back(self) -> None:
        self.went.append(("back", {}))

    def forget_pages(self, id: str) -> None:
        self.went = [(route, args) for route, args in self.went if args.get("id") != id]

    def _drop_late(self, records: set[str]) -> None:
        for draft in self._store.drafts():
            if draft.id in records:
                self._store.drop_draft(draft.id)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onsite") / "tablet"
    store = Store(folder)
    onsite_seed.fill(store, NOON - timedelta(hours=1))
    store.close()
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Store]:
    import shutil

    shutil.copytree(filled, tmp_path / "tablet")
    made = Store(tmp_path / "tablet")
    assert made.keys.unlock(made.keys.require().enrolment, PIN)
    yield made
    made.close()


def opened(store: Store, id: str = CHECK) -> tuple[OnsiteDesk, Host]:
    host = Host(store)
    desk = OnsiteDesk(host, store)
    asyncio.run(desk.open(id))
    return desk, host


def written(store: Store) -> tuple[OnsiteDesk, Host]:
    """Everything that comes before the signatures."""
    desk, host = opened(store)
    desk.add_inspected()
    desk.put_inspected(0, name="赵工", duty="现场负责人", id_no="320500197001010011")
    desk.toggle_officer(next(c for c in desk.colleagues if c.id == LUO))
    for code in sorted(onsite.REQUIRED):
        desk.read_out(code)
    desk.put_summary()
    desk.say_phrase("opinion", "按期整改，整改后提交照片和说明。")
    assert desk.lacks() == []
    return desk, host


def signed(store: Store) -> tuple[OnsiteDesk, Host]:
    desk, host = written(store)
    for signer in desk.signers():
        desk.ask(signer)
    assert desk.unsigned() == []
    return desk, host


def filed(store: Store) -> tuple[OnsiteDesk, Host]:
    desk, host = signed(store)
    asyncio.run(desk.file())
    assert desk.filed is not None
    return desk, host


# --- writing -------------------------------------------------------------------------------------------------------------


def test_what_is_missing_and_where(store: Store) -> None:
    desk, _ = opened(store)
    assert {part_of(x) for x in desk.lacks()} == {"head", "officers", "notices", "body", "verdict"}
    assert not desk.body_open and [c.name for c in desk.colleagues][0] == "周岚"
    assert desk.inspection["officers"] == [
        {"person_id": PERSON, "name": "周岚", "duty": "inspector", "certificate_no": "320500123"}
    ]
    parts = {
        "item:1": "found",
        "field:opinion": "verdict",
        "field:place": "head",
        "times": "sign",
        "unheard_of": "head",
    }
    assert {c: part_of(Lack(c, "", "")) for c in parts} == parts


def test_it_is_written_by_taps_and_kept_at_each(store: Store) -> None:
    desk, _ = written(store)
    again, host = opened(store)
    assert again.inspection == desk.inspection and again.lacks() == []
    v = again.inspection
    assert [o["certificate_no"] for o in v["officers"]] == ["320500123", "320500456"]
    assert {n["kind"]: n.get("reply") for n in v["notices"]}["right_avoid"] == "不申请回避"
    assert {n["read_at"] for n in v["notices"]} == {NOON.isoformat(timespec="seconds")}
    assert v["body"].count("\n") == 2 and "不符合 2 项" in v["body"] and "符合 17 项" in v["body"]
    assert v["inspected"][0]["employer"] == "红星电镀厂"
    again.say_phrase("body", "现场停工，无人作业。")
    again.put_summary()  # once more puts it in its own place
    assert again.inspection["body"].count("不符合 2 项") == 1 and again.inspection["body"].endswith(
        "现场停工，无人作业。"
    )
    again.say_phrase("body", "现场停工，无人作业。")
    assert "停工" not in again.inspection["body"]
    again.read_out("show_cert")
    assert [x.code for x in again.lacks()] == ["notices:show_cert"] and not again.body_open
    again.put_measure("rectify")
    again.put_days(15)
    assert again.inspection["deadline"] == "2026-12-14"
    again.put_measure("penalty")
    assert "deadline" not in again.inspection and host.told == []


def test_the_place_of_the_site_where_there_is_no_fix(store: Store) -> None:
    desk, host = opened(store)
    host.here.fail("off")
    host.here = SimpleNamespace(mean=None, fix=None)
    assert not desk.place_now() and host.told
    assert desk.place_of_site()
    assert desk.inspection["position"]["fix_kind"] == "manual" and desk.inspection["position"]["manual_reason"]


def test_own_phrases_belong_to_a_person_and_survive(store: Store) -> None:
    desk, _ = opened(store)
    assert desk.phrases.keep("body", " 东侧围墙倒塌。 ") and not desk.phrases.keep("body", "东侧围墙倒塌。")
    assert not desk.phrases.keep("body", "现场正在施工作业。") and not desk.phrases.keep("body", " ")
    assert opened(store)[0].phrases.own("body") == ["东侧围墙倒塌。"] and opened(store)[0].phrases.own("opinion") == []
    kept = json.loads(store.meta("ui.phrases") or "{}")
    assert list(kept) == [PERSON]
    desk.phrases.drop("body", "东侧围墙倒塌。")
    assert opened(store)[0].phrases.own("body") == []
    assert (
        added("甲。\n乙。", "丙。") == "甲。\n乙。\n丙。"
        and added("甲。\n乙。", "甲。") == "乙。"
        and last_of("甲。\n乙。\n\n") == "乙。"
    )


# --- signing -------------------------------------------------------------------------------------------------------------


def test_nothing_is_signed_while_something_is_missing(store: Store) -> None:
    desk, _ = opened(store)
    desk.ask(desk.signers()[0])
    assert not desk.signatures and "content_sha256" not in desk.inspection and not desk.begin_signing()


def test_signing_files_everything_in_one_transaction(store: Store) -> None:
    desk, host = signed(store)
    sha = desk.inspection["content_sha256"]
    assert desk.inspection["ended_at"] == NOON.isoformat(timespec="seconds") and sha == desk.hash()
    asyncio.run(desk.file())
    seen = store.get("inspection", CHECK)
    assert seen is not None and seen.values["content_sha256"] == sha and len(seen.values["signatures"]) == 3
    assert not [d for d in store.drafts() if d.scope == ENFORCEMENT]
    assert len(store.related("checklist_answer", "inspection_id", [CHECK])) == 19
    assert len(store.related("finding", "inspection_id", [CHECK])) == 2
    assert (
        desk.filed.agrees is True
        and host.went[-1] == ("onsite", {"id": CHECK})
        and host.told[-1][0].startswith("JC-20261129-0790")
    )
    assert "_check" not in seen.values and host.checking.id == ""
    again, _ = opened(store)
    assert again.filed is not None and again.filed.agrees and again.filed.party == "红星电镀厂"


def test_a_refusal_takes_a_reason_and_a_witness(store: Store) -> None:
    desk, host = written(store)
    for signer in desk.signers()[:2]:
        desk.ask(signer)
    host.way = {"way": "refused", "refuse_reason": "对内容有异议"}
    desk.ask(desk.signers()[2])
    assert desk.wants_witness() and [x.code for x in desk.unsigned()] == ["witness"]
    asyncio.run(desk.file())
    assert store.get("inspection", CHECK) is None
    host.way = {"way": "signed", "strokes": "{}"}
    desk.ask_witness()
    assert desk.signers()[-1] == Signer("witness", "居委会丁") and desk.unsigned() == []
    asyncio.run(desk.file())
    seen = store.get("inspection", CHECK)
    assert seen is not None and [s["role"] for s in seen.values["signatures"]] == [
        "inspector",
        "inspector",
        "inspected",
        "witness",
    ]


@pytest.mark.parametrize("what", ["answer", "words", "photo", "finding"])
def test_what_is_changed_after_a_signature_voids_it(store: Store, what: str) -> None:
    desk, host = written(store)
    desk.ask(desk.signers()[0])
    assert len(desk.signatures) == 1
    check = host.checking
    code = next(c for c, p in check.answers.items() if p.values["answer"] == "pass")
    if what == "answer":
        check.answer(code, "not_apply")
    elif what == "words":
        check.put(opinion="别的意见")
    elif what == "finding":
        check.put_finding(next(iter(check.findings)), description="别的描述")
    else:
        values = {
            "sha256": "a" * 64,
            "step": "overview",
            "subject_kind": "inspection",
            "subject_id": CHECK,
            "taken_at": NOON.isoformat(),
        }
        store.save_draft("photo", store.new_id(), ENFORCEMENT, values, CHECK)
        check.close()
    asyncio.run(desk.open(CHECK))
    assert desk.signatures == [] and "content_sha256" not in desk.inspection and "ended_at" not in desk.inspection
    assert len(host.told) == 1
    desk.ask(desk.signers()[0])
    assert desk.signatures and desk.inspection["content_sha256"] == desk.hash()


def test_a_change_while_the_pad_is_open_takes_no_signature(store: Store) -> None:
    desk, host = written(store)
    pads: list[Any] = []
    host.signing = SimpleNamespace(ask=lambda asked, done: pads.append(done))
    desk.ask(desk.signers()[0])
    host.checking.put(opinion="别的意见")
    desk.settle()
    pads[0]({"role": "inspector", "name": "周岚", "way": "signed", "strokes": "{}", "signed_at": NOON.isoformat()})
    assert desk.signatures == []


def test_a_storage_that_takes_no_more_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, host = signed(store)

    def full(edits: Any, complete: bool = True) -> None:
        raise Trouble(5001)

    with monkeypatch.context() as m:
        m.setattr(store, "finalize", full)
        with pytest.raises(Trouble):
            asyncio.run(desk.file())
    assert not desk.busy and len(opened(store)[0].signatures) == 3
    asyncio.run(desk.file())
    assert store.get("inspection", CHECK) is not None


# --- after ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", ["inspection", "checklist_answer", "finding"])
def test_the_tablet_itself_refuses_to_change_what_is_signed(store: Store, type: str) -> None:
    filed(store)
    found = store.get(type, CHECK) if type == "inspection" else store.related(type, "inspection_id", [CHECK])[0]
    assert found is not None
    before = store.counts()["finalized"]
    for values in ({**found.values, "note": "后加的"}, {**found.values, "deleted": True, "void_reason": "误"}):
        with pytest.raises(Trouble) as trouble:
            store.finalize([Edit(type, found.id, found.scope, values)], complete=False)
        assert trouble.value.problem.number == 6402 and "JC-20261129-0790" in trouble.value.text("zh")
    assert store.counts()["finalized"] == before
    assert (
        store.finalize([Edit(type, found.id, found.scope, found.values)], complete=False) == []
    )  # the same again is no change


def test_an_amendment_is_a_record_of_its_own(store: Store) -> None:
    desk, host = filed(store)
    assert desk.may_amend()
    first = dict(desk.filed.seen.values)
    asyncio.run(desk.amend("漏记"))
    new = host.went[-1][1]["id"]
    assert host.went[-1][0] == "onsite" and desk.check.id == new and desk.inspection["amends_id"] == CHECK
    assert (
        desk.inspection["code"] != first["code"]
        and "signatures" not in desk.inspection
        and "content_sha256" not in desk.inspection
    )
    assert desk.check.findings == {} and len(desk.check.answers) == 19 and [x.code for x in desk.lacks()] == ["amend"]
    failed = [c for c, p in desk.check.answers.items() if p.values["answer"] == "fail"]
    desk.check.answer(failed[0], "pass")
    desk.check.answer(failed[1], "not_apply")
    desk.check.answer(failed[1], "fail")  # the finding of the first record goes on
    assert desk.check.findings == {}
    desk.say_phrase("body", "现场有刺激性气味。")
    asyncio.run(desk.open(new))
    assert desk.check.findings == {}
    for signer in desk.signers():
        desk.ask(signer)
    asyncio.run(desk.file())
    told = desk.filed
    assert told.agrees and told.original is not None and told.seen.values["amend_reason"] == "漏记"
    assert {(d.record, d.field) for d in told.differences} >= {("inspection", "body"), ("checklist_answer", "answer")}
    assert [f["code"] for f in told.still_open] == ["JC-20261129-0790-WT01"]
    seen = store.get("inspection", CHECK)
    assert seen is not None and seen.values == first, "the first one stays as it was signed"
    asyncio.run(desk.open(CHECK))
    assert [s.id for s in desk.filed.later] == [new] and not desk.may_amend()


def test_a_record_that_is_not_what_was_signed_says_so(store: Store) -> None:
    filed(store)
    values = {"inspection_id": CHECK, "item_code": "X", "answer": "pass"}
    store.finalize([Edit("checklist_answer", store.new_id(), ENFORCEMENT, values)])
    assert opened(store)[0].filed.agrees is False


def test_another_person_finds_nothing_open(store: Store) -> None:
    desk, _ = filed(store)
    desk.forget()
    assert desk.filed is None and desk.colleagues == () and desk.original is None
    assert opened(store, PROJECT)[0].filed is None, "what is no inspection is none"
