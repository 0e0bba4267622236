"""Any record of any type: which types, lists, a record with its history, and writing one, without a browser."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from field_app.capture.position import Fix
from field_app.desks.records import FEW, Records
from field_app.desks.repeat import repeated
from field_app.here import Here
from field_app.store import Edit, Store
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.shown import fact_fields, fields_in_order, searched, title_fields
from schemas.wire import Outcome, PullHead, ScopeGrant
from tests.unit.tablet import AT, FIELD, PROJECT, answer, open_store
from tests.unit.test_form import filled

ORG = "01a1fbd4-f500-7000-8000-00000000000c"
HOME = f"{ORG}.organisation"
OTHER = "01a1fbd4-f500-7000-8000-00000000000d"
NOW = datetime.fromisoformat(AT)


class Host:
    """What a desk asks of the app, done at once."""

    lang = "zh"

    def __init__(self) -> None:
        self.book = SimpleNamespace(project_id=PROJECT)
        self.here = Here()
        self.gone: list[tuple[str, dict[str, Any]]] = []
        self.told: list[tuple[str, tuple[str, str]]] = []
        self.backs = self.loads = 0

    def now(self) -> datetime:
        return NOW

    async def _do(self, fn: Any, *args: Any) -> Any:
        return fn(*args)

    def _write(self, fn: Any, *args: Any) -> None:
        fn(*args)

    def go(self, route: str, **args: Any) -> None:
        self.gone.append((route, json.loads(json.dumps(args))))  # kept over a restart as JSON

    def back(self) -> None:
        self.backs += 1

    async def load(self) -> None:
        self.loads += 1

    def tell(self, kind: str, title: tuple[str, str], detail: tuple[str, str] = ("", "")) -> None:
        self.told.append((kind, title))


WRITES = ["borehole", "calibration", "comment", "field_reading", "point", "sample", "soil_layer"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    field = {"audience": "field", "roles": ["sampler"], "writes": WRITES}
    store.grant([
        ScopeGrant(scope=HOME, audience="organisation", owner=ORG, name="O", roles=["sampler"], writes=["instrument"]),
        ScopeGrant(scope=FIELD, owner=PROJECT, name="P", **field),
        ScopeGrant(scope=f"{OTHER}.field", owner=OTHER, name="Q", **field),
    ])  # fmt: skip
    pull(store, HOME, [
        ("instrument", uid(1), {"code": "XRF-1", "kind": "xrf", "model": "Vanta", "serial_no": "1", "org_id": ORG}),
        ("person", store.keys.require().person, {"name": "李", "org_id": ORG}),
    ])  # fmt: skip
    yield store
    store.close()


@pytest.fixture
def desk(store: Store) -> Records:
    return Records(Host(), store)  # type: ignore[arg-type]


def uid(n: int) -> str:
    return f"01a1fbd4-f500-7000-8000-{n:012x}"


def pull(store: Store, scope: str, rows: list[tuple[str, str, dict[str, Any]]], first: int = 1) -> None:
    lines = [evidence.row_line(type, id, seq, values) for seq, (type, id, values) in enumerate(rows, first)]
    top = first + len(lines) - 1
    store.apply_pull(scope, PullHead(epoch="e1", cursor=top, head=top, count=len(lines), more=False), lines)


def host(desk: Records) -> Host:
    return desk._host  # type: ignore[return-value]


def run(work: Any) -> Any:
    return asyncio.run(work)


def begin(desk: Records, type: str, **values: Any) -> None:
    desk.begin(type, **values)
    route, args = host(desk).gone[-1]
    assert route == "form"
    run(desk.take(**args))


POINT = {"kind": "check", "standard": "SRM 2711a", "reading": "21.9", "unit": "mg_kg", "result": "passed"}


def calibrate(desk: Records) -> str:
    begin(desk, "calibration", instrument_id=uid(1))
    assert desk.draft is not None
    desk.set("points", [{**POINT, "kind": "span"}])
    desk.set("result", "passed")
    record = desk.draft.id
    assert run(desk.finish()) is None, desk.gaps()
    return record


# --- which types ---------------------------------------------------------------------------------------------------


def test_the_tab_shows_what_may_be_seen_and_first_what_may_be_written(desk: Records) -> None:
    run(desk.open_tab())
    rooms = dict(desk.kinds)
    assert [room for room, _ in desk.kinds][0] == "fieldwork"
    assert {k.type for k in rooms["fieldwork"]} == {"borehole", "calibration", "field_reading", "point", "soil_layer"}
    shown = {k.type: k for kinds in rooms.values() for k in kinds}
    assert shown["instrument"].count == 1 and shown["instrument"].writes
    assert shown["person"].count == 1 and not shown["person"].writes
    assert "inspection" not in shown and "photo" not in shown  # another audience; nothing here, and made by no form


def test_records_of_another_project_are_not_counted_or_listed(desk: Records, store: Store) -> None:
    point = {"code": "S1", "site_id": PROJECT, "started_at": AT}
    store.finalize(
        [Edit("point", store.new_id(), FIELD, point), Edit("point", store.new_id(), f"{OTHER}.field", point)],
        complete=False,
    )
    run(desk.open_tab())
    assert {k.type: k.count for _, kinds in desk.kinds for k in kinds}["point"] == 1
    run(desk.open_list("point"))
    assert [r.scope for r in desk.listing.rows] == [FIELD]


# --- a list --------------------------------------------------------------------------------------------------------


def readings(store: Store, count: int, first: int = 1) -> None:
    values = {
        "method": "xrf",
        "instrument_id": uid(1),
        "qualifier": "eq",
        "unit": "mg_kg",
        "at": AT,
        "entry_way": "typed",
    }
    rows = [
        ("field_reading", uid(1000 + n), {**values, "parameter": f"Ni{n}", "value": str(n)})
        for n in range(first, first + count)
    ]
    pull(store, FIELD, rows, first)


def test_a_list_opens_with_one_page_the_last_first_and_goes_on(desk: Records, store: Store, monkeypatch: Any) -> None:
    readings(store, 3 * FEW)
    asked: list[Any] = []
    page = store.page
    monkeypatch.setattr(store, "page", lambda *a, **k: asked.append(a) or page(*a, **k))
    run(desk.open_list("field_reading"))
    assert len(asked) == 1 and len(desk.listing.rows) == FEW
    assert desk.listing.rows[0].values["value"] == str(3 * FEW)
    run(desk.more())
    run(desk.more())
    assert [int(r.values["value"]) for r in desk.listing.rows] == list(range(3 * FEW, 0, -1))
    run(desk.more())
    assert desk.listing.next is None and len(asked) <= 4


def test_what_a_row_refers_to_is_named(desk: Records) -> None:
    calibrate(desk)
    again = Records(Host(), desk._store)  # type: ignore[arg-type]
    run(again.open_list("calibration"))
    assert again.called("instrument", uid(1)) == "XRF-1"
    assert again.called("person", again.listing.rows[0].values["person_id"]) == "李"


def test_a_voided_record_stays_in_the_list(desk: Records, store: Store) -> None:
    record = calibrate(desk)
    run(desk.open_one("calibration", record))
    desk.void_reason(record, "录入错误")
    run(desk.void())
    run(desk.open_list("calibration"))
    (row,) = desk.listing.rows
    assert row.values["deleted"] is True and row.values["void_reason"] == "录入错误"
    assert store.get("calibration", record) is None
    assert desk.one is not None and not desk.may_amend(desk.one) and not desk.may_void(desk.one)


def test_a_search_says_what_it_looked_at(desk: Records, store: Store, monkeypatch: Any) -> None:
    readings(store, 120)
    run(desk.open_list("field_reading"))
    run(desk.search("i11", pause=0))
    found = {r.values["parameter"] for r in desk.listing.rows}
    assert found == {"Ni11", *(f"Ni{n}" for n in range(110, 120))} and desk.listing.whole
    run(desk.search("%", pause=0))
    assert desk.listing.rows == ()
    monkeypatch.setattr("field_app.store.looking.SEARCHED", 50)
    run(desk.search("Ni1", pause=0))
    assert {r.values["parameter"] for r in desk.listing.rows} == {f"Ni{n}" for n in range(100, 121)}
    assert not desk.listing.whole  # older ones were not looked at
    run(desk.search("", pause=0))
    assert len(desk.listing.rows) == FEW and not desk.listing.text


def test_a_search_finds_what_is_not_sent_yet(desk: Records, store: Store) -> None:
    run(desk.open_list("comment"))
    values = {"subject_kind": "point", "subject_id": PROJECT, "text": "井口 Deep", "at": AT}
    store.finalize([Edit("comment", store.new_id(), FIELD, values)])
    run(desk.search("deep", pause=0))
    (row,) = desk.listing.rows
    assert row.state == "pending"


# --- one record ----------------------------------------------------------------------------------------------------


def test_history_tells_each_change_and_what_became_of_it(desk: Records, store: Store) -> None:
    record = calibrate(desk)
    batch = store.batch(FIELD, 100)
    assert batch is not None
    store.acknowledge(batch, answer(store, batch, [(Outcome.APPLIED, 7)]))
    desk.amend("calibration", record, FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    desk.set("result", "failed")
    run(desk.finish())
    run(desk.open_one("calibration", record))
    assert desk.one is not None
    made, changed = desk.one.steps
    assert (made.state, made.change.creates, made.at is not None) == ("accepted", True, True)
    assert (changed.state, changed.change.before, changed.change.after) == (
        "pending",
        {"result": "passed"},
        {"result": "failed"},
    )
    assert desk.called("person", changed.change.by) == "李"
    assert desk.may_amend(desk.one)


def test_a_record_the_server_refused_is_shown_as_it_was_sent(desk: Records, store: Store) -> None:
    record = calibrate(desk)
    batch = store.batch(FIELD, 100)
    assert batch is not None
    detail = [{"id": batch.ids[0], "outcome": Outcome.REJECTED, "problem": 1205, "zh": "不合格", "en": "wrong"}]
    store.acknowledge(batch, answer(store, batch, [(Outcome.REJECTED, None)], detail))
    run(desk.open_one("calibration", record))
    one = desk.one
    assert one is not None and one.state == "rejected"
    assert one.values["instrument_id"] == uid(1)
    assert one.here or not desk.may_amend(one)


def test_a_frozen_type_is_not_amended(desk: Records, store: Store) -> None:
    values = {"subject_kind": "point", "subject_id": PROJECT, "record_seq": 1, "state": "back", "level": 1, "reason": "x",
              "person_id": store.keys.require().person, "at": AT}  # fmt: skip
    pull(store, FIELD, [("review_decision", uid(77), values)])
    run(desk.open_one("review_decision", uid(77)))
    assert desk.one is not None and not desk.may_amend(desk.one)


def test_the_reason_for_voiding_outlives_the_process(desk: Records, store: Store) -> None:
    record = calibrate(desk)
    run(desk.open_one("calibration", record))
    desk.void_reason(record, "标样过")
    again = Records(Host(), store)  # type: ignore[arg-type]
    run(again.open_one("calibration", record))
    assert again.one is not None and again.one.void_reason == "标样过"


# --- writing one ---------------------------------------------------------------------------------------------------


def test_a_new_record_begins_with_what_can_only_be_meant(desk: Records, store: Store) -> None:
    begin(desk, "calibration")
    assert desk.draft is not None
    assert desk.draft.values == {
        "valid_hours": "24", "at": AT, "person_id": store.keys.require().person, "instrument_id": uid(1),
    }  # fmt: skip
    assert desk.draft.scope == FIELD
    assert store.drafts() == []  # opened, not begun


def test_every_entry_is_a_draft_that_outlives_the_process(desk: Records, store: Store) -> None:
    begin(desk, "soil_layer")
    assert desk.draft is not None
    desk.set("top_m", "0")
    desk.set("bottom_m", "0.")
    record = desk.draft.id
    again = Records(Host(), store)  # type: ignore[arg-type]
    run(again.take("soil_layer", record, FIELD))
    assert again.draft is not None and again.draft.values["bottom_m"] == "0." and again.draft.base is None
    run(again.open_tab())
    (row,) = again.drafts
    assert (row.type, row.id, row.amends) == ("soil_layer", record, False)
    run(again.drop_draft(record))
    assert again.drafts == () and store.drafts() == []


def test_what_is_missing_is_named_and_nothing_is_finalized(desk: Records, store: Store) -> None:
    begin(desk, "calibration")
    desk.set("points", [{"kind": "span", "unit": "mg_kg"}])
    assert run(desk.finish()) == "points.0.standard"
    assert [g.path for g in desk.gaps()] == ["points.0.standard", "points.0.reading", "points.0.result", "result"]
    assert store.changes() == [] and len(store.drafts()) == 1
    assert all(g.what[0] and g.what[1] for g in desk.gaps())


def test_only_what_was_changed_goes_out(desk: Records, store: Store) -> None:
    record = calibrate(desk)
    desk.amend("calibration", record, FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    desk.set("valid_hours", "12")
    run(desk.finish())
    assert store.changes()[-1][2].after == {"valid_hours": "12"}
    assert host(desk).told[-1][0] == "done" and store.drafts() == []
    desk.amend("calibration", record, FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    run(desk.finish())
    assert len(store.changes()) == 2  # nothing was changed, nothing is written


def test_what_came_from_the_server_meanwhile_is_not_undone(desk: Records, store: Store) -> None:
    values = {
        "instrument_id": uid(1),
        "at": AT,
        "person_id": PROJECT,
        "points": [{**POINT, "kind": "span"}],
        "result": "passed",
    }
    pull(store, FIELD, [("calibration", uid(90), values)])
    desk.amend("calibration", uid(90), FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    desk.set("valid_hours", "48")
    pull(store, FIELD, [("calibration", uid(90), {**values, "result": "failed", "note": "重测"})], 2)
    run(desk.finish())
    assert store.changes()[-1][2].after == {"valid_hours": "48"}
    seen = store.get("calibration", uid(90))
    assert seen is not None and (seen.values["result"], seen.values["note"]) == ("failed", "重测")


def test_a_field_that_changed_under_the_form_is_looked_at_first(desk: Records, store: Store) -> None:
    values = {
        "instrument_id": uid(1),
        "at": AT,
        "person_id": PROJECT,
        "points": [{**POINT, "kind": "span"}],
        "result": "passed",
    }
    pull(store, FIELD, [("calibration", uid(90), values)])
    desk.amend("calibration", uid(90), FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    desk.set("valid_hours", "48")
    pull(store, FIELD, [("calibration", uid(90), {**values, "valid_hours": "6"})], 2)
    run(desk.finish())
    assert store.changes() == [] and desk.draft is not None and host(desk).backs == 0
    kind, title = host(desk).told[-1]
    assert kind == "warn" and "6" in title[0] and "6" in title[1]
    run(desk.finish())
    change = store.changes()[-1][2]
    assert (change.before, change.after) == ({"valid_hours": "6"}, {"valid_hours": "48"})


def amending(desk: Records, **values: Any) -> dict[str, Any]:
    base = {"instrument_id": uid(1), "at": AT, "person_id": PROJECT, "points": [{**POINT, "kind": "span"}], "result": "passed",
            **values}  # fmt: skip
    pull(desk._store, FIELD, [("calibration", uid(90), base)])
    desk.amend("calibration", uid(90), FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    return base


def test_a_record_voided_meanwhile_is_neither_emptied_nor_brought_back(desk: Records, store: Store) -> None:
    base = amending(desk)
    desk.set("note", "重测")
    voided = {**base, "deleted": True, "void_reason": "录错"}
    pull(store, FIELD, [("calibration", uid(90), voided)], 2)
    for _ in range(2):
        run(desk.finish())
        assert store.changes() == [] and host(desk).told[-1][0] == "warn"
    seen = store.get("calibration", uid(90), deleted=True)
    assert seen is not None and seen.values == voided
    assert store.drafts()[0].values["note"] == "重测"  # what was typed is still there


def test_half_of_what_belongs_together_is_not_put_with_anothers_half(desk: Records, store: Store) -> None:
    base = {"point_id": uid(50), "instrument_id": uid(1), "parameter": "Pb", "method": "xrf", "value": "60", "unit": "mg_kg",
            "qualifier": "eq", "at": AT, "entry_way": "typed"}  # fmt: skip
    pull(store, FIELD, [("field_reading", uid(91), base)])
    desk.amend("field_reading", uid(91), FIELD)
    run(desk.take(**host(desk).gone[-1][1]))
    desk.set("value", "66")
    pull(store, FIELD, [("field_reading", uid(91), {**base, "unit": "ug_kg", "value": "60"})], 2)
    run(desk.finish())
    assert store.changes() == [] and host(desk).told[-1][0] == "warn"
    run(desk.finish())  # seen, and meant
    assert store.changes()[-1][2].before["unit"] == "ug_kg"


def test_a_comment_goes_where_its_subject_is(desk: Records, store: Store) -> None:
    pull(store, FIELD, [("point", uid(50), {"code": "S1", "site_id": PROJECT, "started_at": AT, "outcome": "done"})])
    begin(desk, "comment")
    assert "point" in desk.pick_types()
    desk.choose("subject_id")
    assert host(desk).gone[-1] == (
        "pick",
        {"type": "comment", "id": desk.draft.id, "scope": FIELD, "path": "subject_id", "ref": "*"},
    )  # type: ignore[union-attr]
    seen = store.get("point", uid(50))
    run(desk.picked(seen, "subject_id"))
    desk.set("text", "井口已封")
    assert run(desk.finish()) is None
    change = store.changes()[-1][2]
    assert (change.scope, change.after["subject_kind"], change.after["subject_id"]) == (FIELD, "point", uid(50))
    run(desk.open_one("point", uid(50)))
    assert desk.one is not None and [c.values["text"] for c in desk.one.comments] == ["井口已封"]


def test_without_the_right_nothing_is_finished(desk: Records, store: Store) -> None:
    begin(desk, "person", name="王", org_id=ORG)
    assert desk.gaps()[0].path == "" and "人员" in desk.gaps()[0].what[0]
    run(desk.finish())
    assert store.changes() == []


def test_a_choice_goes_into_its_row_with_the_name(desk: Records, store: Store) -> None:
    begin(desk, "inspection")
    desk.set("officers", [{"duty": "lead"}])
    person = store.get("person", store.keys.require().person)
    run(desk.picked(person, "officers.0.person_id"))
    assert desk.draft is not None and person is not None
    assert desk.draft.values["officers"] == [{"duty": "lead", "person_id": person.id, "name": "李"}]


def test_a_position_is_taken_only_when_it_is_fresh(desk: Records) -> None:
    begin(desk, "point")
    assert desk.fix() is None and host(desk).told[-1][0] == "warn"
    host(desk).here.take(Fix(118.7, 32.0, 3.0, NOW.astimezone(UTC) - timedelta(minutes=2)), NOW)
    assert desk.fix() is None
    host(desk).here.take(Fix(118.7, 32.0, 3.0, NOW.astimezone(UTC)), NOW)
    got = desk.fix()
    assert got is not None and got["lon"] == "118.7000000" and got["h_acc_m"] == "3.00"


def test_filling_as_the_last_one_copies_what_was_set_up_and_never_a_figure(desk: Records) -> None:
    calibrate(desk)
    begin(desk, "calibration")
    run(desk.repeat())
    assert desk.draft is not None
    assert desk.draft.values["points"] == [{"kind": "span", "standard": "SRM 2711a", "unit": "mg_kg"}]
    assert "result" not in desk.draft.values and desk.draft.repeated > 0
    assert run(desk.finish()) == "points.0.reading"


@pytest.mark.parametrize("type", sorted(TYPES))
def test_no_copy_holds_a_measured_value_a_time_a_place_or_a_name_of_one_thing(type: str) -> None:
    cls = TYPES[type]
    copied = repeated(cls, filled(cls, random.Random(type)), cls.about.key)
    known = fields_of(cls)
    for name in copied:
        assert known[name].kind not in ("date", "datetime", "value"), name
        assert name not in cls.about.key and name not in ("value", "reading", "result", "state", "signatures", "weight")
        assert known[name].kind != "decimal" or name in (
            "valid_hours",
            "cf_default",
            "diameter_mm",
            "volume_ml",
            "methanol_ml",
            "approved_load_t",
        )


def test_the_next_person_finds_nothing_of_the_one_before(desk: Records, store: Store) -> None:
    first = store.keys.require()
    begin(desk, "soil_layer")
    desk.set("top_m", "0")
    assert desk.draft is not None
    record = desk.draft.id
    ids = [store.new_id() for _ in range(2)]
    other = first._replace(enrolment=ids[0], person=ids[1], person_name="王", private_key=evidence.new_key())
    grants = store.scopes()
    store.keys.save(other)  # whose turn it is then
    store.grant(grants)
    desk.forget()
    run(desk.open_tab())
    assert desk.drafts == () and desk.draft is None
    run(desk.take("soil_layer", record, FIELD))
    assert desk.draft is not None and "top_m" not in desk.draft.values


# --- what stands for a record --------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", sorted(TYPES))
def test_every_type_has_a_title_and_something_to_search(type: str) -> None:
    known = fields_of(TYPES[type])
    assert title_fields(type) and set(title_fields(type)) <= known.keys()
    assert set(fact_fields(type)) <= known.keys() and not set(fact_fields(type)) & set(title_fields(type))
    assert searched(type) and all(known[n].storage == "text" for n in searched(type))
    assert {f.name for f in fields_in_order(type)} == known.keys() - {"deleted"}
